"""What each bot is given to draft from, gathered from the records, the settings that serve and the steward. One line a bot.

All of it goes to a child as JSON, and what strangers wrote stays text in it. What cannot be had is a CouncilError: a bot that
knows half would act on half.
"""

import asyncio
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import orjson

from council import app, care_ports, care_records, homes, kept_ports
from council.domain import bots, evidence, home, incidents, patches, providers, security, snapshots, tuning
from council.domain import config as config_module
from council.services import advisory_files, safety
from council.upkeep.bots import changes
from council.upkeep.bots import security as security_bot

_DAYS = 28
_DAY_US = 86_400_000_000
_OPEN_MAX = 10
_SNAPSHOTS_MAX = 50
_LINES_MAX = 40
_CHARGES_MAX = 20_000
_LEARNED_MAX = 100_000
_DONE_MAX = 1000
# What the content is refused for, and will be again. All else is of the moment: another draft may be taken.
_OF_CONTENT = frozenset(
    {
        "draft_invalid",
        "invalid_request",
        patches.Reason.TOO_LARGE,
        patches.Reason.DOCUMENT_MALFORMED,
        patches.Reason.DOCUMENT_INVALID,
        patches.Reason.PATH_UNSAFE,
        patches.Reason.PATH_NOT_ALLOWED,
        patches.Reason.PROTECTED,
        patches.Reason.SECRET,
        patches.Reason.FILE_INVALID,
        patches.Reason.NEEDS_RESTART,
        patches.Reason.REPLAYED,
        patches.Reason.QUARANTINED,
    }
)
_ENDED = frozenset({"applied", "rolled back"})


@dataclass(frozen=True, slots=True)
class Sources:
    """Where it comes from. `generation` is the one that serves, `releases` the folders of those that could be pinned."""

    where: home.Home
    config: config_module.Config
    generation: str
    runs: kept_ports.BotRuns
    proposals: care_ports.Proposals
    now_us: int
    releases: Sequence[Path] = ()


Gather = Callable[[Sources], Mapping[str, Any]]


async def gathered(bot: str, sources: Sources) -> Mapping[str, Any]:
    """Return what a bot is given. Raises CouncilError for what cannot be had."""
    return await asyncio.to_thread(GATHER[bot], sources)


def _incidents(sources: Sources, bot: str) -> dict[str, Any]:
    """Return the situation that bots for incidents read, see `upkeep/bots/situation.py`."""
    kept, seen = (
        care_records.incidents(sources.config, sources.where),
        care_records.snapshots(sources.config, sources.where),
    )
    try:
        found = kept.newest(_OPEN_MAX, standing=incidents.Standing.OPEN)
        explained = seen.newest(_SNAPSHOTS_MAX, occasion=snapshots.Occasion.INCIDENT) if found else []
    finally:
        kept.close()
        seen.close()
    causes = {one.incident_id: one.explanation.causes for one in reversed(explained)}
    rows = [
        {
            "id": one.id,
            "began_s": one.began_us / 1e6,
            "pages": one.severity is incidents.Severity.PAGE,
            "alerts": [_alert(member) for member in one.members if member.fires],
            "causes": [
                {"kind": cause.kind, "subject": cause.subject, "weight": cause.weight}
                for cause in causes.get(one.id, ())
            ],
        }
        for one in found
    ]
    told = {one.id: [moment.text for moment in one.timeline][-_LINES_MAX:] for one in found}
    return {**_settings(sources), "incidents": rows, "done": _done(sources, bot), "told": told, "model": ""}


def _alert(member: incidents.Member) -> dict[str, str]:
    alert = member.alert
    return {"name": alert.name, "service": dict(alert.labels).get("svc", ""), "summary": alert.summary}


def _settings(sources: Sources) -> dict[str, Any]:
    """Return what may be tuned, by the files of the blueprint: what a variable lays over them no patch can change."""
    folder = sources.where.generations / sources.generation
    written = config_module.build(homes.read_yaml(folder / homes.CONFIG_FILE), {}, {})
    path = folder / providers.FILE
    catalogue = providers.build(homes.read_yaml(path) if path.exists() else {}, written)
    models = {name: one for name, one in catalogue.models.items() if name != written.model.name}
    escalation = catalogue.escalation
    return {
        "settings": {key: tuning.value(written, key) for key in tuning.SETTINGS},
        "models": {name: [_deployment(row) for row in one.deployments] for name, one in models.items()},
        "share_max": escalation.share_max if escalation.model else None,
    }


def _deployment(one: providers.Deployment) -> dict[str, Any]:
    price = one.price
    return {
        "provider": one.provider,
        "weight": one.weight,
        "input_usd_micros": price and price.prompt_usd_micros_max,
        "output_usd_micros": price and price.output_usd_micros,
    }


def _done(sources: Sources, bot: str) -> list[str]:
    rows = sources.runs.newest(_DONE_MAX, bot=bot)
    return sorted({one.subject for one in rows if one.subject and is_settled(one, sources.now_us)})


def is_settled(run: bots.Run, now_us: int) -> bool:
    """Return whether a run has seen to its subject, so that no other begins with that.

    A model that was asked and knew nothing is asked again, and paid again, a day later at the earliest.
    """
    refused = run.outcome is bots.Outcome.REFUSED and run.reason in _OF_CONTENT
    knew_nothing = run.outcome is bots.Outcome.NOTHING and bool(run.model) and now_us - run.began_us < _DAY_US
    return refused or knew_nothing or run.outcome is bots.Outcome.PROPOSED


def _author(sources: Sources) -> Mapping[str, Any]:
    """As for remediation, and whether a model may be asked."""
    return {**_incidents(sources, "author"), "model": sources.config.bots.model}


def _cost(sources: Sources) -> Mapping[str, Any]:
    records, learned = app.records(sources.config, sources.where), None
    since_us = sources.now_us - _DAYS * _DAY_US
    try:
        charges = records.charges(since_us, sources.now_us)[-_CHARGES_MAX:]
        if sources.config.learning:
            learned = app.learning_records(sources.config, sources.where)
        rows = [] if learned is None else [row for row, _ in learned.learned(_LEARNED_MAX)]
    finally:
        records.close()
        if learned is not None:
            learned.close()
    sure = {row.request_id: row.confidence for row in rows if row.escalated}
    told = [
        (one.provider, one.model, one.prompt_tokens, one.completion_tokens, one.cost_usd_micros, sure.get(request_id))
        for request_id, one in charges
    ]
    return {
        **_settings(sources),
        "incidents": [],
        "done": _done(sources, "cost"),
        "charges": told,
        "questions": len(rows),
        "days": _DAYS,
        # What the local model was measured with.
        "synthetic": json.loads((resources.files("council.serving") / "confidence.json").read_text())["measured_on"],
    }


def _docs(sources: Sources) -> Mapping[str, Any]:
    live = sources.where.generations / sources.generation
    told = map(evidence.patch_row, sources.proposals.changes(2 * changes.ROWS_MAX))
    rows = [
        {
            "at_s": one.at_s,
            "cid": one.cid,
            "title": one.title,
            "author": one.author,
            "outcome": one.outcome,
            "files": one.files,
        }
        for one in told
        if one.outcome in _ENDED and not one.trial
    ]
    return {
        "changes": rows,
        "page": _text_of(live / changes.PATH),
        "coverage": _text_of(live / changes.COVERAGE),
        "coverage_shipped": homes.default_text(changes.COVERAGE),
        "done": _done(sources, changes.NAME),
    }


def _text_of(page: Path) -> str:
    return page.read_text("utf-8", "replace") if page.is_file() else ""


def _security(sources: Sources) -> Mapping[str, Any]:
    """What the confined process sees of what a patch can mend: packages and settings."""
    shelf, now_s = advisory_files.Shelf(sources.where), sources.now_us / 1e6
    checks = (security.Check.PACKAGES, security.Check.SETTINGS)
    report = safety.look(sources.where, sources.config, shelf, now_s, checks)
    found = security_bot.Evidence(report, safety.held(sources.where, shelf, now_s, sources.releases))
    return {"found": orjson.loads(orjson.dumps(found)), "done": _done(sources, bots.SECURITY)}


GATHER: Mapping[str, Gather] = {
    "remediation": lambda sources: _incidents(sources, "remediation"),
    "author": _author,
    "cost": _cost,
    "docs": _docs,
    bots.SECURITY: _security,
}


def sources_of(
    where: home.Home,
    generation: str,
    runs: kept_ports.BotRuns,
    proposals: care_ports.Proposals,
    now_us: int,
    releases: Sequence[Path] = (),
) -> Sources:
    """Return the sources of a home. Raises ConfigError, BlueprintError."""
    config = homes.load_config(where, generation, os.environ, {})
    return Sources(where, config, generation, runs, proposals, now_us, releases)
