"""A campaign: a healthy run, then one fault after the other under load, and what came of each."""

import asyncio
import datetime
import os
import platform
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass

from council import homes
from council.breaking import guard, striking
from council.breaking import stage as stages
from council.domain import errors
from council.kit import contents
from council.upkeep.chaos import catalogue, mark, outcome, plan, report

_READY_S = 150.0
# What the last faults had repaired is waited for so long: what it came to belongs into the report.
_REPAIRS_S = 200.0
# How long alerts of one fault are waited for before the next: they would hide its own.
BETWEEN_S = 120.0
_POLL_S = 0.2

Say = Callable[[str], None]
Keep = Callable[[report.Campaign], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is asked a second, how long before anything is judged, how long without a fault, and how long in all.

    No fault lasts longer than `limit_s`, and alerts that would hide the next are waited for until `between_s`.
    """

    rate: float = 3.0
    warm_up_s: float = 60.0
    calm_s: float = 60.0
    duration_s: float = float("inf")
    limit_s: float = float("inf")
    between_s: float = BETWEEN_S


async def run(
    stage: stages.Stage,
    turns: Iterable[plan.Turn],
    pace: Pace,
    seed: int,
    say: Say,
    left_out: dict[str, str] | None = None,
    keep: Keep = lambda _: None,
) -> report.Campaign:
    """Run faults in their turn until none is left, the time is over, or the home is marked no longer.

    After each one `keep` gets what is known so far. Raises ForbiddenError where the home is not marked to begin with.
    """
    mark.check(stage.where.chaos)
    began_s, began_us = time.monotonic(), time.time_ns() // 1_000
    began = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    watcher = guard.start(stage.where)
    loading = asyncio.create_task(stage.asker.load(pace.rate, stage.chance))
    struck: list[outcome.Struck] = []
    try:
        await _until_ready(stage)
        await asyncio.sleep(pace.warm_up_s)
        before = await striking.gates(stage)
        say(f"leaving it alone for {pace.calm_s:.0f} s")
        false_repairs = await _healthy(stage, pace.calm_s)
        async for one in _each(stage, turns, began_s + pace.duration_s, pace, say):
            struck.append(one)
            keep(_report(stage, pace, seed, began, began_s, false_repairs, struck, before, {}, left_out, ()))
        await striking.calm(stage, catalogue.EVERYWHERE, pace.between_s)
        acts = await _acts(stage, began_us)
        after = await striking.gates(stage)
    finally:
        loading.cancel()
        await stage.take_out()
        await asyncio.to_thread(guard.stop, watcher)
    return _report(stage, pace, seed, began, began_s, false_repairs, struck, before, after, left_out, acts)


def _report(
    stage: stages.Stage, pace: Pace, seed: int, began: str, began_s: float, false_repairs: list[str],
    struck: list[outcome.Struck], before: dict[str, str], after: dict[str, str], left_out: dict[str, str] | None,
    acts: tuple[report.Act, ...],
) -> report.Campaign:  # fmt: skip
    asked = Counter("answered" if not one.problem else "lost" for one in stage.asker.asked)
    return report.Campaign(
        seed, began, round(time.monotonic() - began_s, 1), pace.calm_s, stage.manager.name, tuple(false_repairs), tuple(struck),
        dict(asked), before, after, left_out or {}, circumstances(), acts, _playbooks(stage),
    )  # fmt: skip


async def _each(
    stage: stages.Stage, turns: Iterable[plan.Turn], until_s: float, pace: Pace, say: Say
) -> AsyncIterator[outcome.Struck]:
    for turn in turns:
        if time.monotonic() > until_s:
            return
        await asyncio.sleep(turn.wait_s)
        await striking.calm(stage, turn.fault.parts(turn.service), pace.between_s)
        try:
            struck = await striking.strike(stage, plan.within(turn, pace.limit_s), say)
        except errors.ForbiddenError as error:
            say(f"ending here: {error}")
            return
        yield struck


async def _healthy(stage: stages.Stage, calm_s: float) -> list[str]:
    """Return what was started again or alerted of within a time without a fault."""
    began_us = time.time_ns() // 1_000
    before = {row.name: row.restarts for row in await stage.rows()}
    await asyncio.sleep(calm_s)
    found = [
        f"{row.name} was started again"
        for row in await stage.rows()
        if row.restarts > before.get(row.name, row.restarts)
    ]
    incidents = await asyncio.to_thread(striking.newest_incidents, stage)
    found += [striking.in_line(one) for one in await asyncio.to_thread(striking.repairs_since, stage, began_us)]
    return found + [f"incident {one.id}: {one.title}" for one in incidents if one.began_us >= began_us]


async def _acts(stage: stages.Stage, began_us: int) -> tuple[report.Act, ...]:
    """Return what was repaired since, once no repair goes on, or was waited for."""
    deadline_s = time.monotonic() + _REPAIRS_S
    while True:
        made = await asyncio.to_thread(striking.repairs_since, stage, began_us)
        if not any(one.is_under_way for one in made) or time.monotonic() > deadline_s:
            return tuple(report.Act(one.playbook, one.outcome.value, one.took_s) for one in made)
        await asyncio.sleep(_POLL_S)


def _playbooks(stage: stages.Stage) -> tuple[str, ...]:
    """Return the names of those of the generation that serves, none where they cannot be read."""
    try:
        return tuple(sorted(one.name for one in homes.read_playbooks(stage.where.current)))
    except errors.CouncilError:
        return ()


async def _until_ready(stage: stages.Stage) -> None:
    deadline_s = time.monotonic() + _READY_S
    while time.monotonic() < deadline_s:
        rows = await stage.rows()
        if rows and all(row.state in ("ready", "stopped") for row in rows):
            return
        await asyncio.sleep(_POLL_S)
    raise errors.UnavailableError("Council is not ready, so there is nothing to break. See `council status`.")


def circumstances() -> dict[str, object]:
    """Return what the figures were taken on."""
    return {
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_average": [round(one, 2) for one in os.getloadavg()],
        "code": contents.of_code(),
    }
