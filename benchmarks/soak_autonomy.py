"""`make soak ARGS="--only autonomy"`: a Council left alone through compressed days, and what of it all needed a person.

    make soak ARGS="--only autonomy --part 1/3"            four days in sixteen minutes, the first of three times

A part makes a home of its own as `council chaos campaign` does, lists every bot, and leaves it alone with questions and
faults: an hour passes in ten seconds, and the seed draws faults of the catalogue, three in two days, and when they come. In an
hour each bot looks, in a day a backup is made, and in the whole time one is restored on trial; the
digest is sent once. Each day somebody sends a patch, and what bots propose is decided by Council alone, too. The figure is that
of `council report kpi`, added up over the parts: of incidents, patch decisions and scheduled jobs, those that needed no person.
Jobs are most of them, so each kind is told by itself, too. The exit status is 1 if the share is below its goal.
"""

import argparse
import asyncio
import contextlib
import datetime
import functools
import json
import random
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import autonomy_told
import campaigns
import councils
import figures
from council import care_app, care_records
from council.breaking import guard, opening, own_home, striking
from council.breaking import stage as stages
from council.cli import calls, known
from council.domain import authz, backup, bots, errors, evidence, incidents, repairs
from council.domain import home as home_module
from council.patching import bot_keys, roster
from council.upkeep.bots import registry
from council.upkeep.chaos import catalogue, mark, plan
from council.upkeep.engine import blueprint
from council.upkeep.observer import autonomy
from council.upkeep.patchctl.core import signature

NAME = "autonomy"
RESULT = Path(__file__).resolve().parent / "results" / "autonomy.json"
HOUR_S, DAYS = 10.0, 4.0
FAULTS_A_DAY = 1.5
_QUICK_HOUR_S, _QUICK_DAYS = 5.0, 0.6
_HOURS_A_DAY = 24
_RATE = 1.0
_READY_S, _WARM_UP_S = 300.0, 20.0
# Longest wait, after the last day, for incidents and patches to come to their end.
_SETTLE_S, _QUICK_SETTLE_S = 150.0, 60.0
_POLL_S = 2.0
# How often a person tries to send a patch that nobody takes now.
_AGAIN_S = 5.0
_ROWS = 200
# Enough for each gate that refused a patch, with its number.
_REASON_CHARS = 400
_COMMAND_S = 60.0
# The digest is due so many minutes after the start, once: it goes by the calendar, which nothing compresses.
_DIGEST_MINUTES, _QUICK_DIGEST_MINUTES = 4, 1
_BOTS_DAILY = 100
_PAGE = "guidebook/days.md"


def campaign(options: argparse.Namespace) -> int:
    """Run this part, merge, print; return the exit status. `options` are those of soak.py."""
    part, parts = (1, 1) if options.quick else options.part
    days = options.duration / (_HOURS_A_DAY * HOUR_S) if options.duration else DAYS
    this = {"seed": options.seed, "parts": parts, "hour_s": HOUR_S, "days": days}
    run = functools.partial(_run, options.seed, part, options.port, days, quick=options.quick)
    merged = campaigns.gather(RESULT, this, (part, parts), run, quick=options.quick)
    print(autonomy_told.table(merged))
    campaigns.write_json(options.json, merged, f"-{NAME}")
    return 0 if autonomy_told.is_well(merged, quick=options.quick) else 1


def _run(seed: int, part: int, port: int, days: float, *, quick: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="ca", dir="/tmp", ignore_cleanup_errors=True) as folder:
        return asyncio.run(_lived(seed, part, port, days, Path(folder), quick=quick))


async def _lived(seed: int, part: int, port: int, days: float, folder: Path, *, quick: bool) -> dict[str, Any]:
    """Return what one part found."""
    hour_s, days = (_QUICK_HOUR_S, _QUICK_DAYS) if quick else (HOUR_S, days)
    lasts_s = days * _HOURS_A_DAY * hour_s
    who = mark.Mark("soak", time.time_ns() // 1_000)
    started = datetime.datetime.now(datetime.UTC)
    more = own_home.More(settings(folder, hour_s, days, started, quick=quick), _list_the_bots)
    async with opening.on_own(port, seed, who, more) as stage:
        turns = drawn(seed, part, stage.has, days, lasts_s, quick=quick)
        watching = guard.start(stage.where)
        asking = asyncio.create_task(stage.asker.load(_RATE, stage.chance))
        try:
            await _until_ready(stage)
            await asyncio.sleep(_WARM_UP_S)
            began_s = time.time()
            changing = asyncio.create_task(_changed(stage, _HOURS_A_DAY * hour_s))
            try:
                faults = await _through(stage, turns, lasts_s)
            finally:
                changing.cancel()
            ended_s = time.time()
            await _settled(stage, _QUICK_SETTLE_S if quick else _SETTLE_S)
        finally:
            asking.cancel()
            await stage.take_out()
            await asyncio.to_thread(guard.stop, watching)
        told = await asyncio.to_thread(counted, stage.where, port)
        asked = Counter("answered" if not one.problem else "lost" for one in stage.asker.asked)
    due = autonomy_told.due(ended_s - began_s, hour_s, days, [one.name for one in registry.BOTS])
    return told | {
        "lasted_s": round(ended_s - began_s),
        "due": due,
        "faults": faults,
        "asked": dict(asked),
        "circumstances": figures.circumstances(),
    }


def settings(
    folder: Path, hour_s: float, days: float, started: datetime.datetime, *, quick: bool = False
) -> dict[str, str]:
    """Return the settings, by their variables, under which an hour passes in `hour_s` seconds."""
    day_s = _HOURS_A_DAY * hour_s
    minutes = _QUICK_DIGEST_MINUTES if quick else _DIGEST_MINUTES
    return {
        "COUNCIL_BOTS_CHECK_S": f"{hour_s:g}",
        "COUNCIL_OBSERVE_DIGEST_AT": f"{started + datetime.timedelta(minutes=minutes + 1):%H:%M}",
        "COUNCIL_BACKUP_TARGET": str(folder / "backups"),
        "COUNCIL_BACKUP_EVERY_H": f"{max(0.05, day_s / 3600):.4f}",
        # The setting has an hour less for the night; a drill is due once in all the days.
        "COUNCIL_BACKUP_DRILL_DAYS": f"{(3600 + days * day_s) / 86_400:.5f}",
        # What an hour and a day allow is not compressed: by day a repair in four seconds. Playbooks keep theirs.
        "COUNCIL_HEALING_REPAIRS_PER_HOUR": "500",
        "COUNCIL_HEALING_REPAIRS_PER_DAY": "500",
        "COUNCIL_FORGE_POLL_S": "1",
    } | ({"COUNCIL_RECALL_MEANINGS": "false"} if quick else {})


def drawn(
    seed: int, part: int, has: frozenset[catalogue.Need], days: float, lasts_s: float, *, quick: bool = False
) -> list[tuple[float, plan.Turn]]:
    """Return the faults of a part, each with when it comes: within its own stretch of the time, at a moment that is drawn.

    The parts of a campaign go on in one draw, so that none comes twice before each has come once.
    """
    count, names = max(1, round(days * FAULTS_A_DAY)), catalogue.SHORT if quick else tuple(catalogue.BY_NAME)
    turns = plan.turns(seed, names, has)
    found = [next(turns) for _ in range(part * count)][-count:]
    chance = random.Random(seed * 1000 + part)
    return [((place + chance.random()) * lasts_s / count, turn) for place, turn in enumerate(found)]


def _list_the_bots(where: home_module.Home) -> None:
    """List every bot, each with its key, and with days so short as many patches a day as it likes; make the passphrase."""
    files: dict[str, bytes | None] = {}
    text = (where.current / authz.FILE).read_bytes()
    for one in registry.BOTS:
        certificate = bot_keys.ensure(where.bot_key_file(one.name), one.name).encode()
        fingerprint = signature.fingerprint_of(certificate)
        signer = authz.Signer(fingerprint, one.name, authz.Kind.BOT, one.touches, (), _BOTS_DAILY, one.name)
        text = roster.with_signer(text, signer)
        files[authz.certificate_path(fingerprint)] = certificate
    usual = f"bots_daily: {authz.BOTS_DAILY}\n".encode()
    assert text.count(usual) == 1, "authz.yaml as it is shipped"
    files[authz.FILE] = text.replace(usual, f"bots_daily: {_BOTS_DAILY}\n".encode())
    blueprint.commit(where, files, "List the bots")
    words = [*councils.COMMAND, "backup", "passphrase", "--home", str(where.root)]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=councils.environment(), timeout=_COMMAND_S)


async def _until_ready(stage: stages.Stage) -> None:
    deadline_s, late = time.monotonic() + _READY_S, ["all"]
    while late and time.monotonic() < deadline_s:
        await asyncio.sleep(_POLL_S)
        rows = await stage.rows()
        late = [row.name for row in rows if row.state not in ("ready", "stopped")] if rows else ["all"]
    if late:
        raise errors.UnavailableError(f"Of the soak's Council {', '.join(late)} is not ready. Is its port free?")


async def _through(stage: stages.Stage, turns: Sequence[tuple[float, plan.Turn]], lasts_s: float) -> list[Any]:
    """Let the days pass; return what came of each fault."""
    began_s, found = time.monotonic(), []
    for at_s, turn in turns:
        await asyncio.sleep(max(0.0, began_s + at_s - time.monotonic()))
        if time.monotonic() - began_s > lasts_s:
            break
        one = await striking.strike(stage, turn)
        told = f"{one.fault} {one.service}".strip(), one.end.value, striking.told_in_line(one)
        autonomy_told.say(f"{time.monotonic() - began_s:.0f} of {lasts_s:.0f} s, {told[0]}: {told[2]}")
        found.append({"fault": told[0], "end": told[1], "told": told[2], "cannot": one.cannot})
    await asyncio.sleep(max(0.0, began_s + lasts_s - time.monotonic()))
    return found


async def _changed(stage: stages.Stage, day_s: float) -> None:
    """Have somebody send a signed patch each day, which Council decides on, and the bot `docs` tells of in another."""
    if not isinstance(stage.signer, own_home.Signer):
        return
    day = 0
    while True:
        await asyncio.sleep(day_s / 2)
        day += 1
        title, content = f"Note day {day}", f"# Day {day}\n\nNothing in particular.\n".encode()
        try:
            async with asyncio.timeout(day_s / 2):
                await _sent(stage.signer, day, title, content)
        except TimeoutError:
            autonomy_told.say(f"day {day}: nobody took the patch")
        await asyncio.sleep(day_s / 2)


async def _sent(signer: own_home.Signer, day: int, title: str, content: bytes) -> None:
    """Send a patch, again and again as a person does while another is on its way, or a fault has patchctl away."""
    while True:
        try:
            told = await signer.submit(_PAGE, content, title, "To have the days change something.")
        except (errors.CouncilError, OSError, subprocess.SubprocessError) as error:
            autonomy_told.say(f"day {day}: no patch yet: {error}")
            await asyncio.sleep(_AGAIN_S)
            continue
        autonomy_told.say(f"day {day}: a patch is {'on its way' if told.success else f'refused: {told.message}'}")
        return


async def _settled(stage: stages.Stage, limit_s: float) -> None:
    """Wait until no incident is open and no patch is on its way, or so long."""
    deadline_s, service = time.monotonic() + limit_s, care_app.patch_service(stage.where, stage.config.patchctl_port)
    try:
        while time.monotonic() < deadline_s:
            with contextlib.suppress(errors.CouncilError):
                rows = await service.rows(_ROWS)
                open_now = [
                    one
                    for one in await asyncio.to_thread(striking.newest_incidents, stage)
                    if one.standing is incidents.Standing.OPEN
                ]
                if not open_now and all(row["outcome"] for row in rows):
                    return
            await asyncio.sleep(_POLL_S)
    finally:
        await service.close()


def counted(where: home_module.Home, port: int) -> dict[str, Any]:
    """Return what Council's own report says of this home, and what lies behind its numbers."""
    words = [*councils.COMMAND, "report", "kpi", "--json", "--home", str(where.root), "--port", str(port)]
    done = subprocess.run(words, check=True, capture_output=True, env=councils.environment(), timeout=_COMMAND_S)
    told = json.loads(done.stdout)
    start_s, end_s = (datetime.datetime.fromisoformat(told[name]).timestamp() for name in ("from", "to"))
    found = known.gather(where, port, evidence.Span(start_s, end_s))
    left = autonomy.undone(found.jobs)
    return {
        **autonomy_told.of_report(told),
        "jobs": _jobs(found.jobs),
        "left_undone": [f"{one.kind} at {one.at_s:.0f}" for one in left],
        "patches": dict(
            Counter(
                f"{row.kind}: {row.outcome} {row.reason[:_REASON_CHARS]}".strip() for row in autonomy.decided(found)
            )
        ),
        "not_decided": sum(not row.outcome and not row.trial for row in found.patches),
        "called": [
            f"{one.alert} of incident {one.incident_id}: {one.why}"
            for one in found.repairs
            if one.outcome is repairs.Outcome.CALLED
        ],
        **_course(found),
        "failed": list(_failed(where, port)),
        **_looks(where, port),
    }


def _course(found: evidence.Evidence) -> dict[str, list[str]]:
    """Return what incidents there were, which of them are open with nobody called, and what was done about each when."""
    begun = {one.id: one for one in autonomy.begun(found)}
    called = {one.incident_id for one in found.repairs if one.outcome is repairs.Outcome.CALLED}
    lines = []
    for one in sorted(found.repairs, key=lambda each: each.began_us):
        since_us = begun[one.incident_id].began_us if one.incident_id in begun else one.began_us
        after_s = (one.began_us - since_us) / 1e6
        lines.append(f"{one.incident_id[-4:]} after {after_s:.0f} s {one.title}: {one.outcome} {one.told}".strip())
    counted = called | {one.id for one in autonomy.left_open(found)}
    still = [one for one in begun.values() if one.standing is incidents.Standing.OPEN and one.id not in counted]
    told = [f"{one.id[-4:]} for {one.repair_s or 0:.0f} s: {one.title}" for one in begun.values()]
    return {"open": [one.title for one in still], "incidents": told, "repairs": lines}


def _jobs(found: Sequence[evidence.Job]) -> Mapping[str, Mapping[str, int]]:
    names = sorted({one.kind for one in found})
    return {
        name: {
            "done": sum(one.kind == name for one in found),
            "failed": sum(one.kind == name and not one.went_well for one in found),
        }
        for name in names
    }


def _failed(where: home_module.Home, port: int) -> Iterator[str]:
    """Yield why jobs failed, each reason once with how often."""
    config = calls.config_of(where, port)
    with contextlib.closing(care_records.bot_runs(config, where)) as runs:
        why = [f"{one.bot}: {one.why}" for one in runs.newest(bots.ROWS_KEPT) if one.outcome is bots.Outcome.FAILED]
    with contextlib.closing(care_records.backups(config, where)) as kept:
        why += [f"{one.kind}: {one.reason}" for one in kept.newest(_ROWS, outcome=backup.Outcome.FAILED)]
    for reason, count in Counter(why).most_common():
        yield f"{count} times {reason}"


def _looks(where: home_module.Home, port: int) -> dict[str, Any]:
    """Return how looks of bots ended, and how long they took."""
    with contextlib.closing(care_records.bot_runs(calls.config_of(where, port), where)) as runs:
        found = runs.newest(bots.ROWS_KEPT)
    took_s = [(one.ended_us - one.began_us) / 1e6 for one in found] or [0.0]
    return {
        "bots": dict(Counter(f"{one.bot}: {one.outcome}" for one in found)),
        "look_s": {"p50": round(figures.quantile(took_s, 0.5), 2), "max": round(max(took_s), 2)},
    }
