"""`make soak ARGS="--only patches"`: good and bad patches on a whole Council under load, each followed from outside.

    make soak ARGS="--only patches --quick"                              a good one and a bad one
    make soak ARGS="--only patches --seed 7 --part 3/10"                 a tenth of 100 good and 100 bad ones
    make soak ARGS="--only patches --seed 7 --patches 10 --rate 50"      10 good and 10 bad ones

Good ones change a prompt, a page of the guidebook, or a gate's limit. Bad ones do worse beside the live generation; or turn
bad once they serve, since the new gateway or recall stops, the server of models fails, or the patch itself names a model that
fails; or patchctl is killed at a random moment of their way. The server of models is scripted. The bake lasts six seconds.

A violation is: an end other than the kind must have; a request that failed and no fault explains, also for want of machine,
for which the load average is kept; services of two generations after the end; a repair of more than 90 s. Parts of a campaign
gather in results/soak_patches_live.json, which says what share has run. Homes lie in a temporary folder.
"""

import asyncio
import collections
import contextlib
import dataclasses
import os
import random
import re
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import uvloop
import yaml

import campaigns
import councils
import digest_audit
import figures
import patch_councils
import patch_load
import patches_live_readme
from council.domain import gates, providers
from council.domain import home as home_module

NAME = "patches"
EACH, QUICK_EACH, RATE = 100, 1, 50.0
SETTINGS = {"COUNCIL_BAKE_DURATION_S": "6", "COUNCIL_SUPERVISOR_BACKOFF_CEILING_S": "2"}
REPAIR_MAX_S, REPAIR_P99_S = 90.0, 30.0
_AROUND_S = 2.0
_BEFORE_S = 10.0
_KILL_WITHIN_S = 20.0
_VIOLATIONS_MAX = 50
_GLOSSARY, _GUIDE = "guidebook/reference/glossary.md", "guidebook/tutorial/measured.md"

Puts = Mapping[str, bytes]


@dataclasses.dataclass(slots=True)
class Stage:
    """What faults are put into: one Council, what serves its model, and who follows its patches."""

    where: home_module.Home
    upstream: str
    follower: patch_councils.Follower
    chance: random.Random

    def file(self, path: str) -> bytes:
        """Return a file of the live generation."""
        return (self.where.current / path).read_bytes()

    async def upstream_does(self, near: str) -> None:
        """Have the upstream's model behave so from now on."""
        await patch_load.script(self.upstream, near)


# What patches change


def _prompt(stage: Stage) -> Puts:
    return {"prompts/general.md": f"Answer in {stage.chance.randrange(2, 10**6)} words or fewer.\n".encode()}


def _guide(stage: Stage) -> Puts:
    return {_GUIDE: f"# Measured\n\nThe number of today is {stage.chance.randrange(10**6)}.\n".encode()}


def _threshold(stage: Stage) -> Puts:
    """Change the limit of disk_usage, which is far from it."""
    text = stage.file(gates.FILE).decode()
    new = re.sub(
        r'(  disk_usage:\n    limit: "<)[0-9.]+%', rf"\g<1>{90 + stage.chance.randrange(1, 800) / 100:g}%", text
    )
    assert new != text
    return {gates.FILE: new.encode()}


def _worse(stage: Stage) -> Puts:
    return {_GLOSSARY: f"# Glossary\n\nNothing {stage.chance.randrange(10**6)}.\n".encode()}


def _failing_model(stage: Stage) -> Puts:
    """Have `near` be served by a model that fails, which no marked question asks."""
    told = yaml.safe_load(stage.file(providers.FILE))
    told["models"][patch_load.NEAR]["deployments"][0]["model"] = "status-500"
    note = f"# {stage.chance.randrange(10**6)}\n"
    return {providers.FILE: (note + yaml.safe_dump(told, sort_keys=False)).encode()}


# What is done to them


# Puts a fault in while a patch is on its way, and returns when, on the monotonic clock; None where it explains no failure.
Act = Callable[[Stage, patch_councils.Way], Awaitable[float | None]]


async def _until(way: patch_councils.Way, *phases: str) -> bool:
    """Wait until a phase begins; say whether it did before the end."""
    while not way.row.get("outcome"):
        if any(way.began(phase) is not None for phase in phases):
            return True
        await asyncio.sleep(0.01)
    return any(way.began(phase) is not None for phase in phases)


def _stopped(service: str) -> Act:
    async def act(stage: Stage, way: patch_councils.Way) -> float | None:
        if not await _until(way, "baking"):
            return None
        await asyncio.sleep(stage.chance.uniform(0.2, 3.0))
        pid = await stage.follower.pid(service, await stage.follower.live())
        if pid is None or way.row.get("outcome"):
            return None
        os.kill(pid, signal.SIGSTOP)
        return time.monotonic()

    return act


async def _upstream_fails(stage: Stage, way: patch_councils.Way) -> float | None:
    if not await _until(way, "baking"):
        return None
    await asyncio.sleep(stage.chance.uniform(0.2, 2.0))
    began_s = time.monotonic()
    await stage.upstream_does("status-500")
    await _until(way, "returning", "applied")
    await stage.upstream_does(patch_load.BEHAVIOUR)
    return began_s


async def _serves_failing(_: Stage, way: patch_councils.Way) -> float | None:
    if not await _until(way, "switching"):
        return None
    return way.began("switching")


async def _killed(stage: Stage, _: patch_councils.Way) -> float | None:
    await asyncio.sleep(stage.chance.uniform(0.0, _KILL_WITHIN_S))
    pid = await stage.follower.pid("patchctl")
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    # It serves no request, so that this explains no failure of one.
    return None


async def _leave(_: Stage, __: patch_councils.Way) -> float | None:
    return None


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """A kind of patch: what it changes, what is done to it, and how it may end."""

    name: str
    puts: Callable[[Stage], Puts]
    ends: tuple[str, ...]
    act: Act = _leave
    good: bool = False


GOOD = (
    Kind("prompt", _prompt, ("applied",), good=True),
    Kind("guide", _guide, ("applied",), good=True),
    Kind("gate's limit", _threshold, ("applied",), good=True),
)
_ANY = ("applied", "refused", "rolled back")
BAD = (
    Kind("worse beside the live one", _worse, ("refused",)),
    Kind("its gateway stops", _prompt, ("rolled back",), _stopped("gateway")),
    Kind("its recall stops", _guide, ("rolled back",), _stopped("recall")),
    Kind("it names a model that fails", _failing_model, ("rolled back",), _serves_failing),
    Kind("the server of models fails", _prompt, ("rolled back",), _upstream_fails),
    Kind("patchctl is killed", _prompt, _ANY, _killed),
)


def plan(seed: int, each: int, part: int, parts: int) -> list[Kind]:
    """Return the kinds of this part's patches: of all `each` good and bad ones, in an order that the seed gives."""
    every = [*(GOOD[at % len(GOOD)] for at in range(each)), *(BAD[at % len(BAD)] for at in range(each))]
    random.Random(seed).shuffle(every)
    return every[part - 1 :: parts]


# One part


def run_part(seed: int, kinds: Sequence[Kind], rate: float, home: Path, port: int) -> dict[str, Any]:
    """Run one Council and put patches upon it, one after the other; return what was found."""
    where, signer = patch_councils.prepare(home, port, port + 10)
    with patch_councils.serving(where, port, SETTINGS) as upstream:
        return uvloop.run(_lane(seed, kinds, rate, where, port, upstream, signer))


async def _lane(
    seed: int,
    kinds: Sequence[Kind],
    rate: float,
    where: home_module.Home,
    port: int,
    upstream: str,
    signer: patch_councils.Signer,
) -> dict[str, Any]:
    chance = random.Random(seed)
    follower = patch_councils.Follower(where, port)
    stage = Stage(where, upstream, follower, chance)
    rows: list[dict[str, Any]] = []
    violations: list[str] = []
    spans: list[tuple[float, float]] = []
    try:
        await stage.upstream_does(patch_load.BEHAVIOUR)
        load = patch_load.Load(port, where.token_file.read_text().strip(), random.Random(chance.getrandbits(64)), rate)
        began_s = time.monotonic()
        async with load:
            for number, kind in enumerate(kinds, 1):
                await asyncio.sleep(_BEFORE_S + 1)
                row, span, wrong = await one(stage, kind, signer, load)
                rows.append(row)
                spans += span
                violations += [f"patch {number}, {kind.name}: {line}" for line in wrong]
                say(f"{number} of {len(kinds)}: {told(row)}")
                for line in wrong:
                    print(f"VIOLATION, seed {seed}, patch {number}, {kind.name}: {line}", flush=True)
            await asyncio.sleep(_AROUND_S + 1)
        violations += (await asyncio.to_thread(digest_audit.audit, where)).violations
    finally:
        await follower.close()
    failed, told_of = patch_load.unexplained(load.seen, spans)
    violations += told_of
    return {
        "rate": rate,
        "asked_per_s": round(len(load.seen) / (time.monotonic() - began_s), 2),
        "asked": dict(sorted(collections.Counter(one.kind for one in load.seen).items())),
        "failed": sum(bool(one.problem) for one in load.seen),
        "failed_unexplained": failed,
        "left_out": load.left_out,
        "late_s": round(load.late_s, 3),
        "patches": rows,
        "violations": violations[:_VIOLATIONS_MAX],
    }


async def one(
    stage: Stage, kind: Kind, signer: patch_councils.Signer, load: patch_load.Load
) -> tuple[dict[str, Any], list[tuple[float, float]], list[str]]:
    """Put one patch upon it; return what is kept of it, when requests may have failed for its fault, and what is wrong."""
    wrong: list[str] = []
    fault_s: float | None = None
    way = patch_councils.Way(time.monotonic())
    try:
        sent = await asyncio.to_thread(signer.patch, kind.name, kind.puts(stage))
        async with stage.follower.following(sent) as way:
            fault_s = await kind.act(stage, way)
    except patch_councils.NotAppliedError as error:
        wrong.append(str(error))
    if mixed := await stage.follower.mixed():
        wrong.append(f"it is mixed: {mixed}")
    await asyncio.sleep(_AROUND_S + patch_load.SLOW_S)
    outcome = str(way.row.get("outcome", ""))
    if outcome not in kind.ends:
        wrong.append(f"it ended as {outcome!r}: {way.row.get('reason', '')}")
    row = _measured(kind, way, fault_s, load)
    if (repair_s := row["repair_s"]) is not None and repair_s > REPAIR_MAX_S:
        wrong.append(f"the old generation served again after {repair_s:.1f} s")
    # What was under way when a stopped process was ended has failed with it.
    span = [] if fault_s is None else [(fault_s - patch_load.SLOW_S, (way.back_s or way.ended_s) + _AROUND_S)]
    return row, span, wrong


def _measured(kind: Kind, way: patch_councils.Way, fault_s: float | None, load: patch_load.Load) -> dict[str, Any]:
    switching_s = way.began("switching")
    before = load.between(way.submitted_s - _BEFORE_S, way.submitted_s)
    meanwhile = load.between(way.submitted_s, way.ended_s)
    around: list[patch_load.Asked] = []
    if switching_s is not None:
        until_s = way.live_s if way.live_s is not None else switching_s
        around = load.between(switching_s - _AROUND_S, until_s + _AROUND_S)
    back = [] if way.back_s is None else load.between(way.back_s - _AROUND_S, way.back_s + _AROUND_S)
    return {
        "kind": kind.name,
        "good": kind.good,
        "outcome": way.row.get("outcome", ""),
        "reason": way.row.get("reason", ""),
        "whole_s": round(way.ended_s - way.submitted_s, 2),
        "phases_s": way.lasted_s,
        "recorded": [list(one) for one in way.row.get("times", ())],
        "asked": len(meanwhile),
        "failed": sum(bool(one.problem) for one in meanwhile),
        "around_switch": {"asked": len(around), "failed": sum(bool(one.problem) for one in around)},
        "around_return": {"asked": len(back), "failed": sum(bool(one.problem) for one in back)},
        "before_ms": _rounded([one.took_s for one in before if _counts(one)]),
        "switch_ms": _rounded([one.took_s for one in around if _counts(one)]),
        "p95_way_ms": patch_load.p95_ms(meanwhile),
        **repaired(way, fault_s, load),
    }


def _counts(one: patch_load.Asked) -> bool:
    return not one.problem and one.kind in ("whole", "streamed")


def _rounded(took_s: Sequence[float]) -> list[float]:
    return [round(1000 * one, 1) for one in took_s]


def repaired(way: patch_councils.Way, fault_s: float | None, load: patch_load.Load) -> dict[str, float | None]:
    """Return how long the old generation took to serve again: from the first bad response, and from the fault.

    A request that was not answered counts from when it was due; the old generation serves again with the first good
    answer to a request that was due once the pointer led to it.
    """
    nothing: dict[str, float | None] = {"repair_s": None, "from_fault_s": None}
    if fault_s is None or way.back_s is None:
        return nothing
    since = load.between(fault_s - patch_load.SLOW_S, way.ended_s + _AROUND_S + patch_load.SLOW_S)
    bad = [one.at_s for one in since if one.is_bad]
    good = [one.at_s + one.took_s for one in since if one.at_s >= way.back_s and not one.is_bad]
    if not good:
        return nothing
    return {
        "repair_s": round(min(good) - min(bad), 2) if bad else None,
        "from_fault_s": round(min(good) - fault_s, 2),
    }


# The campaign


def campaign(options: Any) -> int:
    """Run this part of the campaign, merge, print; return the exit status. `options` are those of soak.py."""
    part, parts = (1, 1) if options.quick else options.part
    each = options.patches or (QUICK_EACH if options.quick else EACH)
    this = {"seed": options.seed, "parts": parts, "each": each, "rate": options.rate or RATE}

    def run() -> dict[str, Any]:
        begun = figures.circumstances()
        kinds = plan(options.seed, each, part, parts)
        with councils.folder() as root:
            found = run_part(options.seed * 1_000 + part, kinds, this["rate"], root / "h", options.port)
        return {**begun, "load_average_end": figures.circumstances()["load_average"], **found}

    merged = campaigns.gather(patches_live_readme.RESULT, this, (part, parts), run, quick=options.quick)
    print(table(merged))
    campaigns.write_json(options.json, merged, "" if options.only else f"-{NAME}")
    return 1 if any(one["violations"] for one in merged["ran"].values()) else 0


def told(row: Mapping[str, Any]) -> str:
    """Return one patch in one line."""
    line = f"{row['kind']}: {row['outcome'] or 'no end'} after {row['whole_s']:.1f} s, {row['failed']} of {row['asked']} failed"
    if (switch_s := row["phases_s"].get("switching")) is not None:
        line += f", switched in {switch_s * 1000:.0f} ms"
    if row["from_fault_s"] is not None:
        first = "none seen" if row["repair_s"] is None else f"{row['repair_s']:.1f} s"
        line += f", back {first} after the first bad response, {row['from_fault_s']:.1f} s after the fault"
    return line


def table(merged: Mapping[str, Any]) -> str:
    """Return the merged campaign as text."""
    this, found = merged["campaign"], patches_live_readme.sums(merged)
    lines = [
        f"== patches under load: seed {this['seed']}, {merged['share']} of {this['each']} good and {this['each']} bad patches, "
        f"{this['rate']:g} requests a second",
        f"good: {found['applied']} of {found['good']} applied, in s: {patches_live_readme.spread(found['whole_s'])}",
        *(f"{kind}: {outcome or 'no end'} {count}" for (kind, outcome), count in found["ends"].items()),
        f"requests: {found['asked']:,}, {found['failed']:,} failed, {found['failed_unexplained']} of them by no fault",
        f"within {_AROUND_S:g} s of the switches of good ones: {found['around']:,}, {found['around_failed']} failed",
        f"p95 before {figures.short(found['p95_before_ms'])} ms, around a switch {figures.short(found['p95_switch_ms'])} ms",
        f"switch, ms: {patches_live_readme.spread([1000 * one for one in found['switch_s']])}",
        f"back after the first bad response, s: {patches_live_readme.spread(found['repair_s'])}",
        f"back after the fault, s: {patches_live_readme.spread(found['from_fault_s'])}",
    ]
    return "\n".join([*lines, f"violations: {len(found['violations'])}", *found["violations"]])


def say(text: str) -> None:
    """Print a line of progress on standard error."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)
