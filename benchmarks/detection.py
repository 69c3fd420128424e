"""How long it takes from a fault to the notice of it: a whole Council under light load, and faults at random moments.

    make bench ARGS="--only detection"                          five faults of each kind, about an hour
    make bench ARGS="--only detection --faults 2 --kinds 5xx"   some
    make bench ARGS="--only detection --faults 0"               the table of what is gathered already

Times are from the fault to the line in the file channel. Faults are gathered in results/detection_faults.json, each once it
is over, until there are 20 of each kind, by runs that may go on side by side; delete it after a change to what is measured.
What is told that no fault explains is a false alarm. Before fast leaks the watcher is given an hour that it would have to have
watched: see detection_memory.

Three settings are not the default, and none bears on detection: an alert is over after ten seconds of green, not after a
minute; one that comes back is not damped; the supervisor waits at most two seconds before it starts a service again.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import random
import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import councils
import detection_faults as faults
import detection_gathered
import detection_load
import detection_memory
import detection_notices
import detection_outside
import figures
import provider_homes
from council import care_app, care_records, homes
from council.domain import errors, gates, incidents
from council.domain import home as home_module
from peers import processes

_RESULTS = Path(__file__).resolve().parent / "results"
GATHERED, GATHERED_OUTSIDE = _RESULTS / "detection_faults.json", _RESULTS / "detection_outside_faults.json"
RATE = 4.0
SETTINGS = {
    "COUNCIL_ALERTS_HOLD_DOWN_S": "10",
    "COUNCIL_ALERTS_FLAP_S": "0",
    "COUNCIL_SUPERVISOR_BACKOFF_CEILING_S": "2",
}
# A paid answer costs five cents.
_FAR_USD_MICROS = 50_000 * 10**6 // 8
_DESCRIPTORS = 1024
_DISK_BYTES = 600 << 20
_WARM_UP_S = 75.0
_BETWEEN_S = (2.0, 8.0)
# After this long beyond its target a fault counts as missed.
_PATIENCE_S = 60.0
_RESTED_S = 900.0
# The longest window of the gates that faults reach, and the run of green.
_ECHO_S = 330.0

Say = Callable[[str], None]


@dataclasses.dataclass(slots=True)
class Sample:
    """One fault and what came of it. Seconds from the fault; `green_s` and `over_s` from its end.

    `green_s` is when its alert had turned green for good; `over_s` when people were told that the incident is over, which
    may have gone on for other faults.
    """

    kind: str
    service: str
    began_s: float
    healed_s: float = 0.0
    noticed_s: float | None = None
    notice: str = ""
    incident: str = ""
    green_s: float | None = None
    over_s: float | None = None


@dataclasses.dataclass(slots=True)
class Report:
    """What one run found. `set_aside` are kinds of faults whose alert turned out to have begun before them, once for each."""

    samples: list[Sample] = dataclasses.field(default_factory=list)
    set_aside: list[str] = dataclasses.field(default_factory=list)
    false_alarms: list[str] = dataclasses.field(default_factory=list)
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)
    watched_s: float = 0.0
    calm_s: float = 0.0
    asked: dict[str, int] = dataclasses.field(default_factory=dict)


def run(options: argparse.Namespace, say: Say, *, outside: bool = False) -> list[figures.Row]:
    """Put faults in, gather, and return the table of all that is gathered; `outside` by way of Prometheus."""
    kinds = [one for one in faults.KINDS if not options.kinds or one.name in options.kinds]
    kinds = detection_outside.kinds(kinds) if outside else kinds
    place = GATHERED_OUTSIDE if outside else GATHERED
    if options.faults:
        report = measure(options.port, kinds, options.faults, options.seed, options.calm, say, place, outside=outside)
        for line in report.false_alarms:
            say(f"detection: FALSE ALARM: {line}")
    return _rows(detection_gathered.load(place), detection_outside.kinds(faults.KINDS) if outside else faults.KINDS)


def measure(
    port: int,
    kinds: Sequence[faults.Kind],
    each: int,
    seed: int,
    calm_s: float,
    say: Say,
    place: Path,
    *,
    outside: bool = False,
) -> Report:
    """Run one Council, leave it alone for `calm_s`, then put in `each` faults of every kind, drawn by `seed`.

    What is found is gathered in `place`.
    """
    circumstances = figures.circumstances()
    identifier = f"{circumstances['date']} {port}"

    def keep(report: Report) -> None:
        told = dataclasses.asdict(report)
        samples = [{**one, "seed": seed} for one in told.pop("samples")]
        load = {"load_average_end": figures.circumstances()["load_average"]}
        detection_gathered.keep(place, {"id": identifier, "seed": seed, **circumstances, **load, **told}, samples)

    chance = random.Random(seed)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_DESCRIPTORS, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with councils.folder() as folder, contextlib.ExitStack() as stack:
        injected = folder / "i"
        injected.mkdir()
        shutil.copy(Path(__file__).parent / "injected" / "sitecustomize.py", injected)
        root = folder / "h"
        root.mkdir()
        small = stack.enter_context(_small_disk(root))
        stack.callback(processes.scripted(port + 10, provider_homes.KEY).close)
        where = _home(root, port)
        stack.enter_context(councils.running(where, port, PYTHONPATH=f"{injected}:{figures.ROOT / 'src'}", **SETTINGS))
        url = f"http://127.0.0.1:{port}"
        load = detection_load.Load(url, where.token_file.read_text().strip(), chance, RATE)
        stage = faults.Stage(
            where, port, load, f"http://127.0.0.1:{port + 10}", provider_homes.KEY, injected, small, chance
        )
        heard: detection_notices.Heard = detection_notices.Notices(where.notices / "notices.jsonl")
        if outside:
            stack.enter_context(detection_outside.running(where, port + 12, port + 14))
            heard = detection_outside.Webhook(port + 14)
        return asyncio.run(_Run(stage, heard, kinds, say, keep).run(each, calm_s))


def _home(root: Path, port: int) -> home_module.Home:
    far = provider_homes.model("far")
    far["deployments"][0]["output_usd_micros"] = _FAR_USD_MICROS
    where = provider_homes.prepare(root, port, port + 10, {"near": provider_homes.model("near"), "far": far})
    subprocess.run(
        [*councils.COMMAND, "models", "prepare", "--home", str(root)],
        check=True,
        stdout=subprocess.DEVNULL,
        env=councils.environment(COUNCIL_PORT=str(port)),
    )
    return where


@contextlib.contextmanager
def _small_disk(root: Path) -> Iterator[bool]:
    """Mount a disk of its own for the home where that is allowed; say whether it is."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES},mode=700", "tmpfs", str(root)]
    mounted = subprocess.run(command, check=False, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(root)], check=False)


class _Run:
    """The faults of one run, one after the other."""

    def __init__(
        self,
        stage: faults.Stage,
        heard: detection_notices.Heard,
        kinds: Sequence[faults.Kind],
        say: Say,
        keep: Callable[[Report], None],
    ) -> None:
        self._stage = stage
        self._kinds = {one.name: one for one in kinds}
        self._say = say
        self._keep = keep
        self._report = Report()
        self._heard = heard
        self._watch = care_app.watch(stage.where)
        self._config = homes.load_config(stage.where, None, {}, {"port": stage.port})

    async def run(self, each: int, calm_s: float) -> Report:
        """Leave it alone, put every fault in, wait until all is well, and return what was found."""
        self._following = asyncio.create_task(self._heard.follow())
        await self._stage.upstream_does()
        async with self._stage.load:
            await asyncio.sleep(_WARM_UP_S)
            self._warm_s = time.time()
            self._say(f"detection: leaving it alone for {calm_s:g} s")
            await asyncio.sleep(calm_s)
            self._report.calm_s = calm_s
            await self._all(each)
            await self._rest()
            self._note_progress()
        self._following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._following
        return self._report

    def _note_progress(self) -> None:
        """Keep what is known up to now, so that a run that is stopped has not been for nothing."""
        self._report.asked = dict(self._stage.load.counts)
        self._report.watched_s = round(time.time() - self._warm_s)
        self._report.false_alarms = list(self._unexplained(self._warm_s))
        self._keep(self._report)

    async def _all(self, each: int) -> None:
        due = [kind for kind in self._kinds.values() for _ in range(each)]
        if any(kind.aged for kind in due):
            await detection_memory.age(self._stage.where)
        while due:
            await asyncio.sleep(self._stage.chance.uniform(*_BETWEEN_S))
            ready = await self._eligible([kind for kind in due if kind.aged] or due)
            if not ready:
                continue
            kind, service = self._stage.chance.choice(ready)
            try:
                if await self._one(kind, service):
                    due.remove(kind)
            except faults.CannotError as error:
                self._report.left_out[kind.name] = str(error)
                due = [one for one in due if one is not kind]
            self._note_progress()

    async def _eligible(self, due: Sequence[faults.Kind]) -> list[tuple[faults.Kind, str]]:
        """Return each kind that is due once, with a service drawn, where none of its alerts goes on and its gate is green."""
        try:
            green = {one.name for one in (await self._watch.sight()).gates if one.verdict is gates.Verdict.GREEN}
        except errors.WatcherUnavailableError:
            return []
        self._note_green()
        firing = {member.alert.title for one in self._open() for member in one.members if member.fires}
        firing |= self._heard.firing
        drawn = [(kind, self._stage.chance.choice(kind.services)) for kind in dict.fromkeys(due)]
        return [
            (kind, service)
            for kind, service in drawn
            if not firing & set(kind.titles(service)) and (not kind.gate or kind.gate in green)
        ]

    def _open(self) -> list[incidents.Incident]:
        with contextlib.closing(care_records.incidents(self._config, self._stage.where)) as kept:
            return kept.newest(100, standing=incidents.Standing.OPEN)

    async def _one(self, kind: faults.Kind, service: str) -> bool:
        """Put in a fault; return whether it says anything: what is bad already, by the fault before, cannot turn bad."""
        sample = Sample(kind.name, service, time.time())
        titles = kind.titles(service)
        async with kind.fault(self._stage, service):
            sample.began_s = time.time()
            told, was_bad = None, False
            while (
                told is None
                and not was_bad
                and not self._following.done()
                and time.time() - sample.began_s < kind.target_s + _PATIENCE_S
            ):
                await asyncio.sleep(detection_notices.POLL_S)
                told = self._heard.first(titles, sample.began_s)
                was_bad = told is None and self._heard.began_before(titles, sample.began_s)
        if was_bad:
            self._report.set_aside.append(kind.name)
            self._say(f"detection: {kind.name} {service}: set aside, its alert began before it")
            return False
        sample.healed_s = time.time()
        if told is not None:
            sample.noticed_s, sample.notice, sample.incident = told.seen_s - sample.began_s, told.title, told.incident
        self._report.samples.append(sample)
        said = "MISSED" if told is None else f"{sample.noticed_s:.1f} s: {sample.notice}"
        self._say(f"detection: {kind.name} {service}: {said}")
        return True

    async def _rest(self) -> None:
        """Wait until all is well again, and note when each incident was said to be over."""
        deadline_s = time.time() + _RESTED_S
        while self._open() and time.time() < deadline_s:
            await asyncio.sleep(5)
        await asyncio.sleep(3)
        self._note_green()
        for sample in self._report.samples:
            if (over_s := self._heard.over_s(sample.incident)) is not None:
                sample.over_s = round(over_s - sample.healed_s, 1)

    def _note_green(self) -> None:
        """Note of each fault when its alert turned green; soon, since the same alert may fire for the next one."""
        waiting = [one for one in self._report.samples if one.incident and one.green_s is None]
        if not waiting:
            return
        with contextlib.closing(care_records.incidents(self._config, self._stage.where)) as kept:
            found = {sample.incident: kept.find(sample.incident) for sample in waiting}
        for sample in waiting:
            incident = found[sample.incident]
            named = self._kinds[sample.kind].titles(sample.service)
            for member in incident.members if incident is not None else ():
                if member.alert.title in named and member.ending is incidents.Ending.RESOLVED:
                    sample.green_s = max(0.0, round(member.ended_us / 1e6 - sample.healed_s, 1))

    def _unexplained(self, from_s: float) -> Iterator[str]:
        kinds = self._kinds
        seen: set[tuple[str, float]] = set()
        for told in self._heard.told:
            for title, since_s in told.alerts:
                name, _ = faults.named(title)
                explained = any(
                    one.began_s - 1 <= since_s <= one.healed_s + _ECHO_S
                    and (name in kinds[one.kind].effects or title in kinds[one.kind].titles(one.service))
                    for one in self._report.samples
                )
                if since_s >= from_s and not explained and (title, since_s) not in seen:
                    seen.add((title, since_s))
                    yield f"{title} at {time.strftime('%H:%M:%S', time.gmtime(since_s))}: {told.title}"


def _rows(gathered: dict[str, Any], kinds: Sequence[faults.Kind]) -> list[figures.Row]:
    rows = []
    left_out = {name: why for one in gathered["runs"] for name, why in one["left_out"].items()}
    for kind in kinds:
        samples = [one for one in gathered["samples"] if one["kind"] == kind.name]
        times = [one["noticed_s"] for one in samples if one["noticed_s"] is not None]
        missed = len(samples) - len(times)
        note = f"{missed} missed" if missed else left_out.get(kind.name, "") if not samples else ""
        aside = sum(one.get("set_aside", []).count(kind.name) for one in gathered["runs"])
        note = note or (f"{aside} more set aside, bad before the fault" if aside else "")
        for share in (0.5, 0.95):
            # What was missed took longer than anything that was not.
            value = _quantile([one["noticed_s"] for one in samples], share)
            rows.append(
                figures.Row(
                    f"{kind.name}: fault to notice, p{share * 100:.0f}",
                    figures.OURS,
                    value,
                    "s",
                    kind.target_s if share > 0.5 else None,
                    len(samples),
                    min(times, default=None),
                    max(times, default=None),
                    note,
                )
            )
        back = [one["green_s"] for one in samples if one["green_s"] is not None]
        over = sum(one["over_s"] is not None for one in samples)
        rows.append(
            figures.Row(
                f"{kind.name}: healed to green, p50",
                figures.OURS,
                _quantile(back, 0.5),
                "s",
                None,
                len(back),
                min(back, default=None),
                max(back, default=None),
                f"{over} of {len(samples)} told over" if over else "",
            )
        )
    hours = sum(one["watched_s"] for one in gathered["runs"]) / 3600
    calm_h = sum(one["calm_s"] for one in gathered["runs"]) / 3600
    alarms = sum(len(one["false_alarms"]) for one in gathered["runs"])
    rows.append(
        figures.Row(
            "false alarms",
            figures.OURS,
            alarms,
            "alarms",
            0.0,
            len(gathered["runs"]),
            note=f"in {hours:.2f} h, {calm_h:.2f} h of them without any fault",
        )
    )
    return rows


def _quantile(values: Sequence[float | None], share: float) -> float | None:
    """Return a quantile in which None is longer than any number; None where it falls on one, or there is no value."""
    ordered = sorted(values, key=lambda one: (one is None, one or 0.0))
    if not ordered or ordered[-(-round(share * 1000) * len(ordered) // 1000) - 1] is None:
        return None
    known = [one if one is not None else float("inf") for one in ordered]
    return figures.quantile(known, share)
