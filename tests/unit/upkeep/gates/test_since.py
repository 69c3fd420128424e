"""What gates say of the time from a moment on: what they look back on before it does not count, and too little says nothing."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml

from council.domain import gates, gates_file, watching
from council.upkeep import loop
from council.upkeep.gates import embedded
from council.upkeep.samples import recent

SHIPPED = yaml.safe_load((Path(__file__).parents[4] / "config" / "gates.yaml").read_text())
GATES = {one.name: one for one in gates_file.build(SHIPPED, SHIPPED)}
STEP_S = 5.0
UNKNOWN, GREEN, RED = gates.Verdict.UNKNOWN, gates.Verdict.GREEN, gates.Verdict.RED


class Gateway:
    """One that answers and fails, and is read every five seconds."""

    def __init__(self) -> None:
        self.seen = recent.Recent(7200, 1000)
        self.now_s = 1_800_000_000.0
        self._counts = {"ok": 0.0, "error": 0.0}

    def answers(self, readings: int, **rises: float) -> None:
        for _ in range(readings):
            self.now_s += STEP_S
            for outcome, rise in rises.items():
                self._counts[outcome] += rise
            told = [("up", (("svc", "gateway"),), 1.0), ("open_fds_total", (("svc", "gateway"),), 9.0)]
            told += [
                ("council_exchanges_total", (("outcome", outcome), ("svc", "gateway")), count)
                for outcome, count in self._counts.items()
            ]
            self.seen.take(watching.Scrape("gateway", self.now_s, [watching.Reading(*one) for one in told]))

    def begins_anew(self) -> None:
        self._counts = dict.fromkeys(self._counts, 0.0)

    def since(self, start_s: float, gate: str = "error_rate") -> gates.Verdict:
        return embedded.since(GATES[gate], self.seen, start_s, self.now_s)


@pytest.fixture
def gateway() -> Gateway:
    made = Gateway()
    made.answers(12, error=10)
    return made


def test_what_was_before_a_moment_does_not_count(gateway: Gateway) -> None:
    over_s = gateway.now_s
    gateway.answers(3, ok=7)
    assert gateway.since(over_s) is UNKNOWN
    gateway.answers(5, ok=7)
    assert gateway.since(over_s) is GREEN
    measured = embedded.measure(GATES["error_rate"], gateway.seen, gateway.now_s)
    assert gates.judge(GATES["error_rate"], measured)[0] is RED
    gateway.answers(5, error=7)
    assert gateway.since(over_s) is RED


def test_moments_that_a_gate_does_not_reach_say_nothing(gateway: Gateway) -> None:
    gateway.answers(20, ok=7)
    for start_s in (gateway.now_s + 3600, gateway.now_s - 301, gateway.now_s, float("nan")):
        assert gateway.since(start_s) is UNKNOWN, start_s
    # One whose number is that of now is not asked, either.
    assert gateway.since(gateway.now_s - 60, "fd_usage") is UNKNOWN


def test_counters_that_began_anew_say_nothing_of_the_time_before(gateway: Gateway) -> None:
    over_s = gateway.now_s
    gateway.answers(5, ok=7)
    gateway.begins_anew()
    gateway.answers(8, ok=7)
    assert gateway.since(over_s) is UNKNOWN


def test_the_loop_tells_of_the_gates_that_it_has_been_asked_for_and_has(gateway: Gateway) -> None:
    over_s = gateway.now_s
    gateway.answers(8, ok=7)
    sight = watching.Sight(1, gateway.now_s)
    watched = cast(Any, SimpleNamespace(_gates=list(GATES.values()), _seen=gateway.seen, sight=sight))
    assert loop.Loop.since(watched, {"error_rate": over_s, "nobody": over_s}) == {"error_rate": GREEN}
