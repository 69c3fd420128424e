"""Evidence for commands, asked of whoever knows. What is away is among what is missing, and stops nothing."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from council import app, care_app, homes
from council.cli import patch_rows
from council.domain import budgets, errors, evidence, incidents, ledger, watching
from council.domain import config as config_module
from council.domain import home as home_module
from council.kit import clock as clock_module
from council.upkeep.engine import blueprint
from council.upkeep.patchctl import history

_INCIDENTS_MAX, _PATCHES_MAX = 200, 200
_Found = TypeVar("_Found")


def gather(
    config: config_module.Config, where: home_module.Home, span: evidence.Span, since_s: float | None = None
) -> evidence.Evidence:
    """Return what is known of a span, with histories from `since_s` on, or from its start. Raises BlueprintError."""
    missing: list[evidence.Missing] = []

    def tried(what: str, ask: Callable[[], _Found], otherwise: _Found) -> _Found:
        try:
            return ask()
        except errors.CouncilError as error:
            missing.append(evidence.Missing(what, error.message))
            return otherwise

    begin_s = span.start_s if since_s is None else min(since_s, span.start_s)
    nothing = watching.Sight(0, 0.0)
    sight, histories = tried(
        "gates, sentinels, services", lambda: asyncio.run(_seen(where, begin_s)), (nothing, list[watching.History]())
    )
    generation = blueprint.current(where)
    return evidence.Evidence(
        span=span,
        now_s=clock_module.SystemClock().now_us() / 1e6,
        label=homes.label_of(where, generation),
        gates=sight.gates,
        histories=histories,
        incidents=tried("incidents", lambda: _incidents(config, where, span), []),
        patches=tried("patches", lambda: _patches(where, span), []),
        findings=sight.findings,
        services=sight.services,
        costs=tried("costs", lambda: _costs(config, where, span), evidence.Costs()),
        missing=missing,
    )


async def _seen(where: home_module.Home, since_s: float) -> tuple[watching.Sight, list[watching.History]]:
    watch = care_app.watch(where)
    sight = await watch.sight()
    # One after the other: each may be days of numbers, for which the watcher reads its file.
    return sight, [await watch.history(one.name, since_s) for one in sight.gates]


def _incidents(config: config_module.Config, where: home_module.Home, span: evidence.Span) -> list[incidents.Incident]:
    kept = care_app.incidents(config, where)
    try:
        found = kept.newest(_INCIDENTS_MAX)
    finally:
        kept.close()
    return [one for one in found if _overlaps(span, one.began_us / 1e6, one.repaired_us / 1e6)]


def _patches(where: home_module.Home, span: evidence.Span) -> list[evidence.PatchRow]:
    rows = [evidence.patch_row(history.told(one)) for one in patch_rows.newest(where, _PATCHES_MAX)]
    return [one for one in rows if _overlaps(span, one.at_s, one.ended_s)]


def _costs(config: config_module.Config, where: home_module.Home, span: evidence.Span) -> evidence.Costs:
    at_us = clock_module.SystemClock().now_us()
    since_us, until_us = round(span.start_s * 1e6), round(span.end_s * 1e6)
    models = homes.load_catalogue(where, None, config).models
    records = app.records(config, where)
    try:
        by_route, by_model = (
            records.report(by, since_us, until_us) for by in (ledger.GroupBy.ROUTE, ledger.GroupBy.MODEL)
        )
        lines = budgets.lines(records.spend(at_us), config.budget, models, records.tokens(), at_us)
    finally:
        records.close()
    return evidence.Costs(by_route, by_model, lines)


def _overlaps(span: evidence.Span, began_s: float, ended_s: float) -> bool:
    """Whether something was so within a span; an end of 0 is none yet."""
    return began_s < span.end_s and (not ended_s or ended_s >= span.start_s)
