"""`make soak`: whole Councils under load while their processes are killed, for minutes or days.

    make soak ARGS="--quick"                              one lane for a minute
    make soak ARGS="--seed 7 --lanes 4 --duration 3600"
    make soak ARGS="--seed 7 --lanes 2 --duration 3600 --part 3/8"     one part of a campaign; run the others when you like
    make soak ARGS="--only sandbox --jobs 10000"                       the sandbox alone, see soak_sandbox.py
    make soak ARGS="--only gateway"                                    providers' models alone, see soak_gateway.py
    make soak ARGS="--only questions --lanes 2"                        made questions alone, see soak_questions.py
    make soak ARGS="--only patch-faults --part 1/8"                    faults in the way of a patch, see soak_patches.py
    make soak ARGS="--only patch-kills"                                kills in it, and crowds at its quota, see soak_patches.py
    make soak ARGS="--only patches --part 1/10"                        patches on a whole Council, see soak_patches_live.py
    make soak ARGS="--only pipeline --part 1/20"                       the whole pipeline, see soak_pipeline.py
    make soak ARGS="--only chaos --part 1/5"                           every fault of chaos once, see soak_chaos.py
    make soak ARGS="--only autonomy --part 1/2"                        days left alone, see soak_autonomy.py
    make soak ARGS="--only release"                                    a release built, verified, installed, see soak_release.py
    make soak ARGS="--only dashboard"                                  a page that stays open, and fifty, see soak_dashboard.py
    make soak ARGS="--only story"                                      all of it as a newcomer meets it, see soak_story.py

A lane is one Council with a home and ports of its own, driven by one seed. At its end every number of its digest is found again
in the records, see digest_audit.py, and the kills in the digest, see digest_faults.py. Parts of a campaign (same seed, parts,
lanes and duration) gather in results/soak.json, which says what share has run; a part that is there is not run again. The exit
status is 1 if anything happened that must never happen; the seed is printed.
"""

import argparse
import asyncio
import concurrent.futures
import contextlib
import dataclasses
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

import campaigns
import councils
import digest_audit
import digest_faults
import figures
import soak_autonomy
import soak_chaos
import soak_checks
import soak_dashboard
import soak_faults
import soak_gateway
import soak_load
import soak_patches
import soak_patches_live
import soak_pipeline
import soak_questions
import soak_release
import soak_sandbox
import soak_story
from council.domain import home as home_module

RESULT = Path(__file__).resolve().parent / "results" / "soak.json"
PORT = 18_300
# Ports of one lane: six services, and room for those to come.
_PORTS_A_LANE = 40
_CLIENTS = 6
_CHECK_EVERY_S = 5.0
_READY_AGAIN_S = 30.0
_QUICK_S, _LONG_S = 60.0, 3600.0

Say = Callable[[str], None]


@dataclasses.dataclass(slots=True)
class Report:
    """What one lane did and found. Times in seconds; `violations` empty means that all went well."""

    seed: int
    duration_s: float
    violations: list[str] = dataclasses.field(default_factory=list)
    exchanges: dict[str, int] = dataclasses.field(default_factory=dict)
    outcomes: dict[str, int] = dataclasses.field(default_factory=dict)
    acknowledged: int = 0
    recoveries_s: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    memory: dict[str, soak_checks.Memory] = dataclasses.field(default_factory=dict)
    digest: str = ""
    digest_numbers: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing happened that must never happen."""
        return not self.violations


def run_lane(seed: int, duration_s: float, home: Path, port: int, say: Say = lambda _: None) -> Report:
    """Run one lane to its end and return what it found. `home` needs a short path: Unix sockets lie in it."""
    report = Report(seed, duration_s)
    where = councils.prepare(home, port)
    try:
        uvloop.run(_lane(report, where, port, say))
    except councils.NotReadyError as error:
        report.violations.append(f"it did not start: {error}")
    report.violations += soak_checks.left_behind(where)
    report.violations += soak_checks.sums(where)
    report.outcomes = soak_checks.outcomes(where)
    return report


async def _lane(report: Report, where: home_module.Home, port: int, say: Say) -> None:
    chance, journal, stop = random.Random(report.seed), soak_load.Journal(), asyncio.Event()
    lane = soak_faults.Lane(where, port, random.Random(chance.getrandbits(64)))
    token = where.token_file.read_text().strip()
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    try:
        say(f"seed {report.seed}: ready in {await lane.until_ready():.1f} s")
        memory, up_s = _MemoryWatch(await lane.status()), time.monotonic()
        clients = [
            soak_load.Client(url, token, random.Random(chance.getrandbits(64)), journal) for _ in range(_CLIENTS)
        ]
        targets = (*soak_faults.SERVICES, soak_faults.SUPERVISOR)
        pace_s = (1.0, 4.0) if report.duration_s <= 120 else (3.0, 15.0)
        running = [asyncio.create_task(client.run(stop)) for client in clients]
        killing = asyncio.create_task(lane.run(stop, pace_s, targets))
        await _watch(report, lane, journal, memory, killing, say)
        stop.set()
        for ended in await asyncio.gather(killing, *running, return_exceptions=True):
            if isinstance(ended, BaseException):
                journal.violate(f"{type(ended).__name__}: {ended}")
        await _until_all_up(port, journal)
        down_s = time.monotonic()
        audit = await asyncio.to_thread(digest_audit.audit, where)
        report.digest, report.digest_numbers = audit.text, audit.numbers
        report.violations += audit.violations
        report.violations += digest_faults.untold(audit.digest, lane.windows, up_s, down_s)
        memory.end(await lane.status())
        report.memory = memory.found
    finally:
        stop.set()
        status = await asyncio.to_thread(lane.council.stop)
    if status != 0:
        journal.violate(f"the stop ended with status {status}")
    report.violations += journal.violations
    report.violations += soak_checks.acknowledged(where, journal.acknowledged.values())
    report.violations += soak_checks.refused(where, journal.refused_ids)
    report.violations += [f"no kill explains a cut: {what}" for at_s, what in journal.cuts if not lane.explains(at_s)]
    report.exchanges = dict(sorted(journal.counts.items()))
    report.acknowledged = len(journal.acknowledged)
    report.recoveries_s = {name: [round(one, 2) for one in times] for name, times in sorted(lane.recoveries_s.items())}


async def _watch(
    report: Report,
    lane: soak_faults.Lane,
    journal: soak_load.Journal,
    memory: "_MemoryWatch",
    killing: "asyncio.Task[None]",
    say: Say,
) -> None:
    """Check while the lane runs; return when its time is over, or something has gone wrong that cannot go on."""
    began_s, checked = time.monotonic(), 0
    while time.monotonic() - began_s < report.duration_s and not killing.done():
        await asyncio.sleep(min(_CHECK_EVERY_S, report.duration_s))
        fresh = list(journal.acknowledged.values())[checked:]
        checked += len(fresh)
        for line in await asyncio.to_thread(_lost, lane.where, fresh):
            journal.violate(line)
        memory.look(await lane.status())
        kills = sum(len(times) for times in lane.recoveries_s.values())
        passed_s = time.monotonic() - began_s
        say(
            f"seed {report.seed}: {passed_s:.0f} of {report.duration_s:.0f} s, {checked} answers in the ledger, {kills} kills, "
            f"{len(journal.violations)} violations"
        )


def _lost(where: home_module.Home, fresh: list[soak_load.Acknowledged]) -> list[str]:
    return list(soak_checks.acknowledged(where, fresh))


async def _until_all_up(port: int, journal: soak_load.Journal) -> None:
    """Every part must be up once the kills have ended."""
    deadline_s, states = time.monotonic() + _READY_AGAIN_S, {"gateway": "away"}
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline_s:
            try:
                async with session.get(f"http://127.0.0.1:{port}/readyz") as response:
                    states = (await response.json())["parts"]
                    if all(state == "up" for state in states.values()):
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.2)
    journal.violate(f"not all parts are up {_READY_AGAIN_S:g} s after the last kill: {states}")


class _MemoryWatch:
    def __init__(self, rows: Any) -> None:
        self.found: dict[str, soak_checks.Memory] = {}
        for row in rows:
            self.found[row.name] = soak_checks.Memory(row.memory_bytes, row.memory_bytes, row.memory_bytes)

    def look(self, rows: Any) -> None:
        for row in rows:
            if row.name in self.found and row.state == "ready":
                before = self.found[row.name]
                peak_bytes = max(before.peak_bytes, row.memory_bytes)
                self.found[row.name] = soak_checks.Memory(before.before_bytes, row.memory_bytes, peak_bytes)

    def end(self, rows: Any) -> None:
        self.look(rows)


# The campaign


def main() -> int:
    """Run what was asked for; return the exit status."""
    options = _options()
    # As Ctrl-C does: what runs is stopped, and nothing is left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if options.quick:
        # It would be over before a new home's passages are embedded, most of a minute of a processor's time.
        councils.SETTINGS["COUNCIL_RECALL_MEANINGS"] = "false"
    failed = 0
    everything = not (options.only or options.quick)
    if options.only == "council" or not options.only:
        failed |= _campaign(options)
    if options.only == "sandbox" or everything:
        failed |= soak_sandbox.campaign(options)
    if options.only == "gateway" or everything:
        failed |= soak_gateway.campaign(options)
    if options.only == "questions" or everything:
        failed |= soak_questions.campaign(options)
    for name in (soak_patches.FAULTS, soak_patches.KILLS):
        if options.only == name or everything:
            failed |= soak_patches.campaign(options, name)
    if options.only == soak_patches_live.NAME or everything:
        failed |= soak_patches_live.campaign(options)
    if options.only == soak_pipeline.NAME or everything:
        failed |= soak_pipeline.campaign(options)
    if options.only == soak_release.NAME or everything:
        failed |= soak_release.campaign(options)
    if options.only == soak_chaos.NAME or everything:
        failed |= soak_chaos.campaign(options)
    if options.only == soak_autonomy.NAME or everything:
        failed |= soak_autonomy.campaign(options)
    if options.only == soak_dashboard.NAME or everything:
        failed |= soak_dashboard.campaign(options)
    if options.only == soak_story.NAME or everything:
        failed |= soak_story.campaign(options)
    return failed


def _campaign(options: argparse.Namespace) -> int:
    """Run lanes side by side, merge, print; return the exit status."""
    if options.quick:
        options.lanes, options.part = 1, (1, 1)
    options.duration = options.duration or (_QUICK_S if options.quick else _LONG_S)
    part, parts = options.part
    campaign = {"seed": options.seed, "parts": parts, "lanes": options.lanes, "duration_s": options.duration}
    merged = campaigns.gather(
        RESULT, campaign, options.part, lambda: _summary(_run_lanes(options, part)), quick=options.quick
    )
    print(table(merged))
    campaigns.write_json(options.json, merged)
    violations = [line for one in merged["ran"].values() for line in one["violations"]]
    return 1 if violations else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Load and kill whole Councils, and check that nothing is lost.")
    parser.add_argument("--seed", type=int, default=1, help="the campaign's seed")
    parser.add_argument("--part", type=_part, default=(1, 1), metavar="K/N", help="run part K of N")
    parser.add_argument("--lanes", type=int, default=1, help="Councils, or processes that ask, side by side")
    parser.add_argument(
        "--duration", type=float, metavar="S", help="seconds a lane runs; an hour, or a minute with --quick"
    )
    parser.add_argument(
        "--home-root", type=Path, metavar="DIR", help="where the homes go and stay; keep the path short"
    )
    parser.add_argument(
        "--port", type=int, default=PORT, help=f"base port of the first lane; lanes are {_PORTS_A_LANE} apart"
    )
    parser.add_argument(
        "--only",
        choices=(
            "council",
            "sandbox",
            "gateway",
            "questions",
            soak_patches.FAULTS,
            soak_patches.KILLS,
            soak_patches_live.NAME,
            soak_pipeline.NAME,
            soak_release.NAME,
            soak_chaos.NAME,
            soak_autonomy.NAME,
            soak_dashboard.NAME,
            soak_story.NAME,
        ),
        help="one of them; all, or with --quick council, by default",
    )
    parser.add_argument(
        "--rate",
        type=float,
        metavar="N",
        help=f"requests a second of the gateway's soak, {soak_gateway.RATE:g} by default, or of that of patches, "
        f"{soak_patches_live.RATE:g}",
    )
    parser.add_argument("--kill", action="store_true", help="kill the gateway with -9 now and then in its soak")
    parser.add_argument(
        "--jobs", type=int, metavar="N", help=f"jobs of the sandbox's soak, {soak_sandbox.JOBS:,} by default"
    )
    parser.add_argument(
        "--questions",
        type=int,
        metavar="N",
        help="made questions of each family in a whole campaign, some thousand by default",
    )
    parser.add_argument(
        "--kinds", nargs="+", choices=tuple(soak_questions.KINDS), help="kinds of made questions; all by default"
    )
    parser.add_argument(
        "--seeds",
        type=int,
        metavar="N",
        help=f"simulated worlds of patches in a whole campaign, {soak_patches.SEEDS:,} by default",
    )
    parser.add_argument(
        "--patches",
        type=int,
        metavar="N",
        help=f"good and as many bad patches in a whole campaign, {soak_patches_live.EACH} by default",
    )
    parser.add_argument(
        "--pictures", type=Path, metavar="DIR", help="have the story leave a picture of each step there"
    )
    parser.add_argument("--readme-pictures", action="store_true", help="have the story make those of README.md anew")
    parser.add_argument("--quick", action="store_true", help="one lane, nothing kept")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the merged result here, too")
    return parser.parse_args()


def _part(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise argparse.ArgumentTypeError("give K/N with 1 <= K <= N")
    return int(part), int(parts)


def _run_lanes(options: argparse.Namespace, part: int) -> list[Report]:
    """Run the lanes of one part, each in a process of its own: a parent must start its children from its main thread."""
    with contextlib.ExitStack() as stack:
        if options.home_root is None:
            root = stack.enter_context(councils.folder())
        else:
            root = Path(options.home_root, f"{options.seed}-{part}")
            root.mkdir(parents=True)
        pool = stack.enter_context(concurrent.futures.ProcessPoolExecutor(options.lanes))
        lanes = [
            pool.submit(
                run_lane,
                options.seed * 1_000_000 + part * 1_000 + lane,
                options.duration,
                root / str(lane),
                options.port + lane * _PORTS_A_LANE,
                say,
            )
            for lane in range(options.lanes)
        ]
        reports = [lane.result() for lane in lanes]
    for report in reports:
        for line in report.violations:
            print(f"VIOLATION, seed {report.seed}: {line}", flush=True)
    return reports


def _summary(reports: list[Report]) -> dict[str, Any]:
    recoveries: dict[str, list[float]] = {}
    for report in reports:
        for name, times in report.recoveries_s.items():
            recoveries.setdefault(name, []).extend(times)
    return {
        **figures.circumstances(),
        "seeds": [report.seed for report in reports],
        "acknowledged": sum(report.acknowledged for report in reports),
        "exchanges": _added([report.exchanges for report in reports]),
        "ledger_rows": _added([report.outcomes for report in reports]),
        "violations": [f"seed {report.seed}: {line}" for report in reports for line in report.violations],
        "digests": [{"numbers": report.digest_numbers, "text": report.digest} for report in reports],
        "recoveries_s": recoveries,
        "memory_bytes": {
            name: [dataclasses.asdict(report.memory[name]) for report in reports if name in report.memory]
            for name in sorted({name for report in reports for name in report.memory})
        },
    }


def _added(counts: list[dict[str, int]]) -> dict[str, int]:
    return dict(sorted(sum((Counter(one) for one in counts), Counter()).items()))


def table(merged: dict[str, Any]) -> str:
    """Return the merged campaign as text."""
    ran = merged["ran"].values()
    campaign = merged["campaign"]
    exchanges, rows = _added([one["exchanges"] for one in ran]), _added([one["ledger_rows"] for one in ran])
    numbers = [digest["numbers"] for one in ran for digest in one.get("digests", ())]
    lines = [
        f"== soak: seed {campaign['seed']}, {merged['share']}, {campaign['lanes']} lanes of {campaign['duration_s']:g} s",
        "exchanges:   " + ", ".join(f"{name} {count}" for name, count in exchanges.items()),
        "ledger rows: " + ", ".join(f"{name} {count}" for name, count in rows.items()),
        f"acknowledged answers: {sum(one['acknowledged'] for one in ran)}, each once in the ledger unless named below",
        f"numbers of the digests: {sum(numbers)}, each found again in the records unless named below",
        f"{'killed':<12}{'times':>6}{'ready again p50 s':>20}{'p95 s':>8}{'max s':>8}",
    ]
    for name in sorted({name for one in ran for name in one["recoveries_s"]}):
        times = [time_s for one in ran for time_s in one["recoveries_s"].get(name, [])]
        cells = (figures.quantile(times, 0.5), figures.quantile(times, 0.95), max(times))
        lines.append(f"{name:<12}{len(times):>6}{cells[0]:>20.2f}{cells[1]:>8.2f}{cells[2]:>8.2f}")
    lines.append(f"{'memory':<12}{'before MB':>12}{'after MB':>12}{'peak MB':>12}")
    for one in ran:
        for name, watched in one["memory_bytes"].items():
            means = (
                sum(lane[key] for lane in watched) / len(watched) / 1e6
                for key in ("before_bytes", "after_bytes", "peak_bytes")
            )
            lines.append(f"{name:<12}" + "".join(f"{mean:>12.1f}" for mean in means))
    violations = [line for one in ran for line in one["violations"]]
    return "\n".join([*lines, f"violations: {len(violations)}", *violations])


def say(text: str) -> None:
    """Print a line of progress on standard error."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
