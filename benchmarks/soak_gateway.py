"""The soak of the gateway: a fixed rate of requests to providers' models, some of whose servers fail in every way there is.

    make soak ARGS="--only gateway"                                  10 minutes at 500 requests a second
    make soak ARGS="--only gateway --quick"                          20 seconds at 100
    make soak ARGS="--only gateway --seed 7 --duration 3600 --part 1/4 --kill"

The scripted upstream knows what each call cost. Afterwards: of the requests to models that never fail 99.99 % went well; every
call stands in the ledger with what it cost to the micro-dollar, or, where its true usage never came, with no less; sums are
the sums of rows; no stream that broke upstream ended as if it were whole. With `--kill` the gateway is killed with -9 now and
then, and what was under way is covered by what had been held for it.
"""

import asyncio
import contextlib
import dataclasses
import itertools
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import uvloop

import campaigns
import councils
import figures
import gateway_readme
import linux
import provider_homes
import soak_gateway_checks
import soak_gateway_load
from council.backends.store import bundled
from council.domain import home as home_module
from peers import processes

RESULT = Path(__file__).resolve().parent / "results" / "soak_gateway.json"
RATE, DURATION_S = 500.0, 600.0
QUICK_RATE, QUICK_S = 100.0, 20.0
SUCCESS_MIN = 0.9999
_WARM_UP_SHARE = 0.1
_KILLS_APART_S = (8.0, 20.0)
_VIOLATIONS_MAX = 50


@dataclasses.dataclass(slots=True)
class Report:
    """What one part did and found."""

    seed: int
    rate: float
    duration_s: float
    violations: list[str] = dataclasses.field(default_factory=list)
    asked: dict[str, int] = dataclasses.field(default_factory=dict)
    good: dict[str, int] = dataclasses.field(default_factory=dict)
    statuses: dict[str, int] = dataclasses.field(default_factory=dict)
    unfaulted: int = 0
    unfaulted_good: int = 0
    late_s: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    ledger: dict[str, int] = dataclasses.field(default_factory=dict)
    recoveries_s: list[float] = dataclasses.field(default_factory=list)
    memory_before_bytes: int | None = None
    memory_after_bytes: int | None = None


class _Gateway:
    """Council's gateway with its store; `kill` ends it with -9 and starts it anew."""

    def __init__(self, where: home_module.Home, port: int):
        self._where = where
        self._table = councils.service_specs(where, port)
        self.windows: list[tuple[float, float]] = []
        self.recoveries_s: list[float] = []
        self._store = councils.start_service(where, self._table["store"])
        councils.until_socket(bundled.socket(where))
        self._service = self._started()

    def _started(self) -> councils.Service:
        service = councils.start_service(self._where, self._table["gateway"])
        service.until_ready()
        return service

    @property
    def pid(self) -> int:
        return self._service.pid

    def kill(self) -> None:
        began_s = time.monotonic()
        self.windows.append((began_s, float("inf")))
        self._service.popen.kill()
        self._service.close()
        self._service = self._started()
        self.recoveries_s.append(time.monotonic() - began_s)
        self.windows[-1] = (began_s, time.monotonic() + 1.0)

    def explains(self, at_s: float) -> bool:
        return any(from_s - 0.5 <= at_s <= to_s for from_s, to_s in self.windows)

    def stop(self) -> int:
        self._service.close()
        return self._service.popen.returncode

    def stop_store(self) -> None:
        self._store.close()


def run_part(seed: int, rate: float, duration_s: float, home: Path, port: int, *, kill: bool) -> Report:
    """Run one part to its end and return what it found. `home` needs a short path: Unix sockets lie in it."""
    report = Report(seed, rate, duration_s)
    upstream_port = port + 10
    where = provider_homes.prepare(
        home,
        port,
        upstream_port,
        soak_gateway_load.MODELS,
        providers=soak_gateway_load.PROVIDERS,
        settings=soak_gateway_load.SETTINGS,
    )
    script = home / "script.json"
    script.write_text(json.dumps(soak_gateway_load.script(seed)))
    with contextlib.ExitStack() as stack:
        upstream = processes.scripted(upstream_port, provider_homes.KEY, script)
        stack.callback(upstream.close)
        gateway = _Gateway(where, port)
        stack.callback(gateway.stop_store)
        load = soak_gateway_load.Load(port, where.token_file.read_text().strip(), rate, duration_s, seed)
        try:
            uvloop.run(_lane(report, load, gateway, random.Random(seed), kill=kill))
        finally:
            status = gateway.stop()
        if status != 0:
            report.violations.append(f"the gateway's stop ended with status {status}")
        _judge(report, load.seen, gateway, where, upstream.url)
    return report


async def _lane(
    report: Report, load: soak_gateway_load.Load, gateway: _Gateway, chance: random.Random, *, kill: bool
) -> None:
    beside = [asyncio.create_task(_watch(report, load, gateway))]
    if kill:
        beside.append(asyncio.create_task(_kills(gateway, chance)))
    await load.run()
    for task in beside:
        task.cancel()
    for ended in await asyncio.gather(*beside, return_exceptions=True):
        if isinstance(ended, Exception):
            report.violations.append(f"{type(ended).__name__}: {ended}")
    # Paid answers whose callers left are read on for a while.
    await asyncio.sleep(6.0)
    report.memory_after_bytes = linux.proportional_bytes(gateway.pid)


async def _watch(report: Report, load: soak_gateway_load.Load, gateway: _Gateway) -> None:
    await asyncio.sleep(report.duration_s * _WARM_UP_SHARE)
    report.memory_before_bytes = linux.proportional_bytes(gateway.pid)
    while True:
        say(
            f"seed {report.seed}: {sum(load.seen.asked.values()):,} requests, {sum(load.seen.good.values()):,} went well, "
            f"{len(load.seen.violations)} violations, {load.seen.late_s:.2f} s late at most"
        )
        await asyncio.sleep(15.0)


async def _kills(gateway: _Gateway, chance: random.Random) -> None:
    while True:
        await asyncio.sleep(chance.uniform(*_KILLS_APART_S))
        await asyncio.to_thread(gateway.kill)


def _judge(
    report: Report, seen: soak_gateway_load.Seen, gateway: _Gateway, where: home_module.Home, upstream_url: str
) -> None:
    """Fill the report in, and hold everything against everything."""
    report.asked, report.good = dict(sorted(seen.asked.items())), dict(sorted(seen.good.items()))
    report.statuses, report.late_s = dict(sorted(seen.statuses.items())), round(seen.late_s, 3)
    report.recoveries_s = [round(one, 2) for one in gateway.recoveries_s]
    if seen.took_s:
        report.p50_ms, report.p99_ms = (round(figures.quantile(seen.took_s, at) * 1e3, 2) for at in (0.5, 0.99))
    names = {kind.name for kind in soak_gateway_load.KINDS if kind.unfaulted}
    failed = [(at_s, name, what) for at_s, name, what in seen.failed if name in names]
    unexplained = [f"{name}: {what}" for at_s, name, what in failed if not gateway.explains(at_s)]
    report.unfaulted_good = sum(seen.good[name] for name in names)
    report.unfaulted = sum(seen.asked[name] for name in names) - (len(failed) - len(unexplained))
    found = list(report.violations)
    if report.unfaulted_good < SUCCESS_MIN * report.unfaulted:
        found.append(f"only {report.unfaulted_good} of {report.unfaulted} unfaulted requests went well")
        found += unexplained[:10]
    billed, kept, sums = (
        soak_gateway_checks.tally(upstream_url),
        soak_gateway_checks.books(where),
        soak_gateway_checks.Sums(),
    )
    found += soak_gateway_checks.ends(billed, seen.violations)
    found += soak_gateway_checks.exact(billed, kept, sums, killed=bool(gateway.windows))
    found += soak_gateway_checks.consistent(kept)
    found += soak_gateway_checks.clean_ends(billed, seen.ended)
    report.ledger = soak_gateway_checks.report(sums)
    report.violations = found[:_VIOLATIONS_MAX]
    if len(found) > _VIOLATIONS_MAX:
        report.violations.append(f"and {len(found) - _VIOLATIONS_MAX} more")


# The campaign


def campaign(options: Any) -> int:
    """Run this part of the campaign, merge, print; return the exit status. `options` are those of soak.py."""
    part, parts = (1, 1) if options.quick else options.part
    rate = options.rate or (QUICK_RATE if options.quick else RATE)
    duration_s = options.duration if options.duration and options.only else QUICK_S if options.quick else DURATION_S
    this = {"seed": options.seed, "parts": parts, "rate": rate, "duration_s": duration_s, "kill": options.kill}

    def run() -> dict[str, Any]:
        begun = figures.circumstances()
        report = _run(options, part, rate, duration_s)
        for line in report.violations:
            print(f"VIOLATION, seed {report.seed}: {line}", flush=True)
        return {**begun, **dataclasses.asdict(report)}

    merged = campaigns.gather(RESULT, this, (part, parts), run, quick=options.quick)
    print(table(merged))
    campaigns.write_json(options.json, merged, "" if options.only else "-gateway")
    return 1 if any(one["violations"] for one in merged["ran"].values()) else 0


def _run(options: Any, part: int, rate: float, duration_s: float) -> Report:
    with contextlib.ExitStack() as stack:
        if options.home_root is None:
            root = stack.enter_context(councils.folder())
        else:
            root = Path(options.home_root, f"g{options.seed}-{part}")
            root.mkdir(parents=True)
        seed = options.seed * 1_000_000 + part * 1_000
        return run_part(seed, rate, duration_s, root / "h", options.port, kill=options.kill)


def table(merged: dict[str, Any]) -> str:
    """Return the merged campaign as text."""
    this, ran = merged["campaign"], list(merged["ran"].values())
    lines = [
        f"== gateway soak: seed {this['seed']}, {merged['share']} of {this['duration_s']:g} s at {this['rate']:g} a second"
        + (", the gateway killed now and then" if this["kill"] else "")
    ]
    for one in ran:
        lines += ["kind                      asked    went well"]
        lines += [f"{name:<24}{count:>8,}{one['good'].get(name, 0):>13,}" for name, count in one["asked"].items()]
        lines += [gateway_readme.told(one)]
    violations = list(itertools.chain.from_iterable(one["violations"] for one in ran))
    return "\n".join([*lines, f"violations: {len(violations)}", *violations])


def say(text: str) -> None:
    """Print a line of progress on standard error."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)
