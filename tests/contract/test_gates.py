"""The evaluator of the watcher and a real Prometheus come to one verdict over the same scrapes (decisions.md 15)."""

import json
import math
import random
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import recorded_scrapes
import servers
from council.backends.metrics_source import prometheus as prometheus_source
from council.domain import gates, gates_file, timeseries
from council.upkeep.gates import asking, embedded, promql

SHIPPED = yaml.safe_load((Path(__file__).parents[2] / "config" / "gates.yaml").read_text())
GATES = {gate.name: gate for gate in gates_file.build(SHIPPED, SHIPPED)}
SITUATIONS = recorded_scrapes.situations()
_SEEDS = 2
_APART_S = 6 * 3600


class Recorded:
    """All situations, one after the other, as if scraped in the last days."""

    def __init__(self) -> None:
        self.moments: dict[tuple[str, int], float] = {}
        self._rows: dict[recorded_scrapes.Key, tuple[list[float], list[float]]] = {}
        at = time.time() // 60 * 60 - len(SITUATIONS) * _SEEDS * _APART_S - 3600.5
        for seed in range(_SEEDS):
            for name, scrapes in SITUATIONS.items():
                at += _APART_S
                self.moments[name, seed] = at
                for before_s, told in scrapes(random.Random(f"{name} {seed}")):
                    for key, value in told.items():
                        times_s, values = self._rows.setdefault(key, ([], []))
                        times_s.append(round(at + before_s, 3))
                        values.append(value + at if key[0] == "council_process_start_seconds" else value)

    def until(self, now_s: float) -> embedded.Samples:
        """Return what had been scraped at a time."""
        return _Until(self._rows, now_s)

    def open_metrics(self) -> Iterator[str]:
        """Yield the lines that promtool makes blocks of."""
        metric = ""
        for key in sorted(self._rows):
            if key[0] != metric:
                metric = key[0]
                yield f"# TYPE {metric} unknown\n"
            labels = ",".join(f'{name}="{value}"' for name, value in key[1])
            for at, value in zip(*self._rows[key], strict=True):
                told = "NaN" if math.isnan(value) else "+Inf" if math.isinf(value) else repr(value)
                yield f"{metric}{{{labels}}} {told} {at:.3f}\n"
        yield "# EOF\n"


class _Until:
    def __init__(self, rows: dict[recorded_scrapes.Key, tuple[list[float], list[float]]], now_s: float):
        self._rows, self._now_s = rows, now_s

    def select(self, metric: str, start_s: float) -> Iterator[timeseries.Series]:
        for (name, labels), (times_s, values) in self._rows.items():
            if name == metric:
                kept = [(at, value) for at, value in zip(times_s, values, strict=True) if start_s <= at <= self._now_s]
                if kept:
                    yield timeseries.Series(dict(labels), [at for at, _ in kept], [value for _, value in kept])


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture(scope="module")
def prometheus(recorded: Recorded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server over the recorded scrapes; yields its address."""
    servers.need("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    with (folder / "scrapes.txt").open("w") as file:
        file.writelines(recorded.open_metrics())
    made = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=240h"]
    subprocess.run([*made, str(folder / "scrapes.txt"), str(folder / "data")], check=True, capture_output=True)
    with servers.prometheus(folder, "global: {scrape_interval: 15s}\n") as server:
        yield server.url


def asked(url: str, query: str, at_s: float) -> list[Any]:
    body = urllib.parse.urlencode({"query": query, "time": f"{at_s:.3f}"}).encode()
    with urllib.request.urlopen(f"{url}/api/v1/query", body, timeout=30) as reply:
        result: list[Any] = json.load(reply)["data"]["result"]
    return result


@pytest.mark.parametrize("situation", SITUATIONS)
def test_both_evaluators_agree_on_every_gate(situation: str, recorded: Recorded, prometheus: str) -> None:
    for seed in range(_SEEDS):
        at_s = recorded.moments[situation, seed]
        for gate in GATES.values():
            ours = embedded.measure(gate, recorded.until(at_s), at_s)
            theirs = asked(prometheus, promql.value(gate), at_s)
            number = float(theirs[0]["value"][1]) if theirs else None
            verdict, reason = gates.judge(gate, ours)
            said = (situation, seed, gate.name, ours, number, reason)
            assert verdict is gates.judge(gate, gates.Measured(number))[0], said
            if number is not None:
                assert ours.value == pytest.approx(number, rel=1e-6, abs=1e-9), said


@pytest.mark.parametrize("situation", SITUATIONS)
async def test_both_sources_say_the_same_of_why_and_of_what_stands_behind(
    situation: str, recorded: Recorded, prometheus: str
) -> None:
    source = prometheus_source.PrometheusSource(prometheus, 30.0, asking.expression, asking.measured)
    for seed in range(_SEEDS):
        at_s = recorded.moments[situation, seed]
        for gate, theirs in zip(GATES.values(), await source.measure(list(GATES.values()), at_s), strict=True):
            ours = embedded.measure(gate, recorded.until(at_s), at_s)
            said = (situation, seed, gate.name, ours, theirs)
            assert gates.judge(gate, theirs) == gates.judge(gate, ours), said
            assert (theirs.window_s, theirs.samples) == pytest.approx((ours.window_s, ours.samples), rel=1e-6), said
    await source.close()


@pytest.mark.parametrize(
    ("situation", "name", "verdict", "reason"),
    [
        ("steady", "error_rate", None, ""),
        ("idle", "latency_p95", "unknown", "samples needed"),
        ("nothing", "latency_p95", "unknown", "gateway is not watched"),
        ("errors", "error_rate", "red", "must be < 5"),
        ("errors", "success_rate", "red", "must be > 87"),
        ("all marked wrong later", "success_rate", "red", "must be > 87"),
        ("some marked wrong", "success_rate", "red", "must be > 87"),
        ("slow", "latency_p95", "red", "must be < 1000"),
        ("descriptors", "fd_usage", "red", "87.89 %"),
        ("descriptors while recall is down", "fd_usage", "red", "87.89 %"),
        ("recall down", "fd_usage", "unknown", "recall cannot be read"),
        ("recall down", "error_rate", None, ""),
        ("gateway down", "error_rate", "unknown", "gateway cannot be read"),
        ("stale", "disk_usage", "unknown", "last read"),
        ("NaN", "fd_usage", "unknown", "gateway gives no finite open_fds_total"),
        ("infinite", "fd_usage", "unknown", "gateway gives no finite open_fds_total"),
        ("recall tells nothing", "fd_usage", "unknown", "recall tells nothing of open_fds_total"),
        ("recall tells nothing", "memory_growth", "unknown", "recall tells nothing of council_process_memory_bytes"),
        ("reset", "latency_p95", None, ""),
        ("reset a moment ago", "latency_p95", "unknown", "gateway began anew within the last 60 s"),
        ("reset a moment ago", "success_rate", "unknown", "gateway began anew within the last 300 s"),
        ("restarted", "error_rate", "unknown", "gateway began anew 45 s ago; known again in 15 s"),
        ("restarted", "network_errors", "unknown", "gateway began anew 45 s ago; known again in 255 s"),
        ("restarted and idle", "local_processing", "unknown", "0 of the 20 samples needed came in 300 s"),
        ("leak", "memory_growth", "red", "must be < 5"),
        ("long healthy", "memory_growth", "green", ""),
        ("young", "memory_growth", "unknown", "warm-up: 90 minutes left"),
        ("two hours old", "memory_growth", "green", ""),
        ("two generations", "fd_usage", "green", ""),
        ("steady", "disk_usage", "green", "60 %"),
        ("steady", "gpu_memory", "unknown", "nothing is told of council_gpu_memory_used_bytes"),
    ],
)
def test_each_kind_of_bad_data_has_its_verdict_and_says_why(
    situation: str, name: str, verdict: str | None, reason: str, recorded: Recorded
) -> None:
    at_s = recorded.moments[situation, 0]
    found, why = gates.judge(GATES[name], embedded.measure(GATES[name], recorded.until(at_s), at_s))
    assert reason in why
    assert found == verdict if verdict else found not in (gates.Verdict.UNKNOWN, gates.Verdict.NOT_APPLICABLE)
