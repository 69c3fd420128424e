"""One run of a bot, from what it is given to a pull request: gather, draft, check and sign, propose, keep what came of it.

Neither child is here. The first (`drafter.py`) reads what is untrusted and has no key; the second (`signer.py`) has the key and
gets the finished draft alone. Here is what passes between them, and what is recorded, however a run ends.
"""

import asyncio
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from council import care_app, care_ports, care_records, homes, kept_ports
from council.domain import bots, errors, home, patches
from council.kit import ids
from council.services import bot_evidence, drafter, signer
from council.upkeep.engine import blueprint

# As `council bots enable` writes it.
DAILY_MAX = 1
_TODAY_MAX = 200
# Longest that a run waits for a forge that is not made yet, and how often it looks.
FORGE_S_MAX = 60.0
_FORGE_AGAIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run leans on. `service` is patchctl, for what cannot wait for a merge; `releases` could be pinned."""

    where: home.Home
    runs: kept_ports.BotRuns
    proposals: care_ports.Proposals
    signer: signer.Signer
    advisor: Callable[[], care_ports.Advisor]
    service: Callable[[], care_ports.PatchService]
    now_us: Callable[[], int]
    drafter: drafter.Drafter
    releases: Sequence[Path] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """A run, with what it drafted and the patch that came of it, if it came so far."""

    run: bots.Run
    draft: bots.Draft | None = None
    sent: patches.Submission | None = None


@dataclass(slots=True)
class _Asked:
    """Which model was asked, and what with."""

    model: str = ""
    prompt: str = ""


async def run(parts: Parts, bot: bots.Bot, *, dry: bool = False) -> Done:
    """Run a bot once; return what came of it. A dry run signs, proposes and records nothing."""
    began_us = parts.now_us()
    begun = bots.Run(ids.ulid(began_us), bot.name, began_us, began_us, bots.Outcome.FAILED)
    asked = _Asked()
    try:
        done = await _run(parts, bot, begun, asked, dry=dry)
    except errors.PatchRefusedError as error:
        done = Done(_ended(begun, bots.Outcome.REFUSED, error.message, error.reason))
    except errors.InvalidRequestError as error:
        done = Done(_ended(begun, bots.Outcome.REFUSED, error.message, error.reason or error.code))
    except errors.CouncilError as error:
        done = Done(_ended(begun, bots.Outcome.FAILED, error.message, error.code))
    except (drafter.DraftError, signer.SignError) as error:
        done = Done(_ended(begun, bots.Outcome.FAILED, str(error), type(error).__name__))
    finished = replace(done.run, ended_us=parts.now_us(), model=asked.model, prompt=asked.prompt)
    if not dry:
        await asyncio.to_thread(parts.runs.add, finished)
    return replace(done, run=finished)


async def _run(parts: Parts, bot: bots.Bot, begun: bots.Run, asked: _Asked, *, dry: bool) -> Done:
    base = await _base(parts, dry=dry)
    if base.paused and not dry:
        return Done(_ended(begun, bots.Outcome.NOTHING, f"nothing is to change by itself now: {base.paused}", "paused"))
    if not dry and _is_spent(parts, bot.name):
        return Done(_ended(begun, bots.Outcome.NOTHING, "it has proposed as much today as it may", "quota"))
    sources = bot_evidence.sources_of(
        parts.where, base.generation, parts.runs, parts.proposals, begun.began_us, parts.releases
    )
    evidence = await bot_evidence.gathered(bot.name, sources)
    settings = sources.config.bots

    def ask(prompt: str) -> str:
        if not settings.model:
            raise errors.ModelUnavailableError("No model drafts. Set `bots.model` to one that may be asked.")
        asked.model, asked.prompt = settings.model, hashlib.sha256(prompt.encode("utf-8", "replace")).hexdigest()
        return parts.advisor().ask(settings.model, prompt, settings.answer_tokens_max, settings.answer_s)

    found = await asyncio.to_thread(parts.drafter.draft, bot.name, evidence, ask, settings.draft_s)
    if isinstance(found, bots.Nothing):
        return Done(_without_draft(begun, found))
    found = replace(found, way=way_of(bot.name, evidence, found.subject))
    about = replace(begun, subject=found.subject, report=found.report)
    try:
        sent, _ = await asyncio.to_thread(
            lambda: parts.signer.sign(found, bot.name, base, model=asked.model, prompt=asked.prompt, dry=dry)
        )
        if dry:
            return Done(_ended(about, bots.Outcome.PROPOSED, found.why), found, sent)
        return await _send(parts, about, found, sent)
    except errors.InvalidRequestError as error:
        return Done(_ended(about, bots.Outcome.REFUSED, error.message, error.reason or error.code), found)


def way_of(bot: str, evidence: Mapping[str, Any], subject: str) -> bots.Way:
    """Return how a draft goes on, by what was gathered: the child read what strangers wrote, so it has no say in that."""
    pages = bot == "remediation" and any(one["id"] == subject and one["pages"] for one in evidence["incidents"])
    return bots.Way.STRAIGHT if pages else bots.Way.FORGE


def _without_draft(begun: bots.Run, found: bots.Nothing) -> bots.Run:
    about = replace(begun, subject=found.subject, report=found.report)
    if found.is_refused:
        return _ended(about, bots.Outcome.REFUSED, found.why, "draft_invalid")
    return _ended(about, bots.Outcome.TOLD if found.report else bots.Outcome.NOTHING, found.why)


async def _base(parts: Parts, *, dry: bool) -> bots.Base:
    """Return what a draft is made from. A dry run does without the steward.

    Of a Council that has just begun for the first time the steward makes the forge meanwhile, which is waited for.
    """
    until_s = asyncio.get_running_loop().time() + (0 if dry else FORGE_S_MAX)
    while True:
        try:
            return await asyncio.to_thread(parts.proposals.base)
        except errors.UnavailableError:
            if not dry:
                raise
            live = blueprint.current(parts.where)
            return bots.Base(live, live, "")
        except errors.ForgeNotFoundError:
            if asyncio.get_running_loop().time() >= until_s:
                raise
        await asyncio.sleep(_FORGE_AGAIN_S)


def _is_spent(parts: Parts, bot: str) -> bool:
    """Whether the bot has proposed as often today as its line lets it. What all bots may is patchctl's to count."""
    line = homes.bot_signer(parts.where, bot)
    most = DAILY_MAX if line is None or line.daily_max is None else line.daily_max
    today = bots.day_of(parts.now_us())
    rows = parts.runs.newest(_TODAY_MAX, bot=bot)
    return sum(one.outcome is bots.Outcome.PROPOSED and bots.day_of(one.began_us) == today for one in rows) >= most


async def _send(parts: Parts, about: bots.Run, draft: bots.Draft, sent: patches.Submission) -> Done:
    cid = patches.cid(patches.digest(sent.document))
    named = replace(about, cid=cid)
    if draft.way is bots.Way.FORGE:
        number = await asyncio.to_thread(parts.proposals.propose, sent)
        return Done(replace(_ended(named, bots.Outcome.PROPOSED, draft.why), number=number), draft, sent)
    service = parts.service()
    try:
        told = await service.apply(sent)
    finally:
        await service.close()
    if not told.success:
        return Done(_ended(named, bots.Outcome.REFUSED, told.message, told.reason), draft, sent)
    return Done(_ended(named, bots.Outcome.PROPOSED, draft.why), draft, sent)


def _ended(run: bots.Run, outcome: bots.Outcome, why: str, reason: str = "") -> bots.Run:
    return replace(run, outcome=outcome, why=why[: bots.WHY_CHARS_MAX], reason=reason)


def parts_of(where: home.Home, keys: signer.Signer, now_us: Callable[[], int], releases: Sequence[Path] = ()) -> Parts:
    """Return the parts of a home. Raises ConfigError, BlueprintError, SetupError."""
    config = homes.load_config(where, None, os.environ, {})
    return Parts(
        where=where,
        runs=care_records.bot_runs(config, where),
        proposals=care_app.proposals(where, config.steward_port),
        signer=keys,
        advisor=lambda: care_app.advisor(config, where),
        service=lambda: care_app.distant_patch_service(f"http://127.0.0.1:{config.patchctl_port}", ""),
        now_us=now_us,
        drafter=drafter.Drafter(),
        releases=releases,
    )
