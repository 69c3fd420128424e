"""What `council status --coast` shows: whether one may leave it to itself for a while."""

import datetime
import os

import click

import council
from council import care_records
from council.cli import known, options
from council.domain import authz, errors, evidence, home, incidents, schedule
from council.domain import config as config_module
from council.domain import security as security_domain
from council.kit import clock as clock_module
from council.patching import situation
from council.services import advisory_files, safety
from council.supervisor import ownership
from council.upkeep.engine import blueprint
from council.upkeep.observer import archiving, coasting, posting, renderings, telling
from council.upkeep.patchctl import freeze

_DAY_S = 86_400.0
# So long a digest may take to come into the archive.
_ARCHIVED_S = 1800.0
# Days that were caught up are told after later ones.
_LAST_MAX = 60
_PARCELS_MAX = 1000
_PAGES = ("guidebook", "knowledge")


def show(where: home.Home, *, as_json: bool) -> bool:
    """Print the conditions and what stands beside them; return whether all hold."""
    found = coasting.coast(_inputs(where))
    if as_json:
        options.print_json(coasting.form(found))
    else:
        click.echo(renderings.text(coasting.page(found)), nl=False)
    return found.may


def _inputs(where: home.Home) -> coasting.Inputs:
    now_s = clock_module.SystemClock().now_us() / 1e6
    span = evidence.Span(now_s - _DAY_S, now_s)
    config = options.known_config(where)
    unknown: list[tuple[str, str]] = []
    limit, used, oversight = None, None, list[evidence.Fact]()
    try:
        seen = situation.look(where)
        tally = situation.situation(where, seen, now_s).tally.used(now_s)
        told = situation.quota_told(seen.policy, tally)["bots"]
        limit, used = int(told["limit"]), int(told["used"])
        oversight = _oversight(seen.policy, span)
    except errors.CouncilError as error:
        unknown += [("quota", error.message), ("human oversight", error.message)]
    dated: dict[str, tuple[float | None, float | None]] = {}
    for name, read in (("digest", _digest), ("archive", _archive)):
        try:
            dated[name] = read(config, where, now_s)
        except errors.CouncilError as error:
            dated[name] = None, None
            unknown.append((name, error.message))
    return coasting.Inputs(
        found=known.gather(where, None, span),
        version=council.__version__,
        quota_limit=limit,
        quota_used=used,
        freeze_usable=where.lineage.is_dir() and os.access(where.lineage, os.W_OK),
        frozen=freeze.standing(where.lineage) is not None,
        digest_sent_s=dated["digest"][0],
        digest_due_s=dated["digest"][1],
        archive_merged_s=dated["archive"][0],
        archive_due_s=dated["archive"][1],
        oversight=oversight,
        security=_security(config, where, span),
        documentation=_documentation(where, span),
        unknown=unknown,
    )


def _digest(config: config_module.Config, where: home.Home, now_s: float) -> tuple[float, float]:
    """Return when the last digest that somebody got was due, and when the last one was. Raises NotFoundError for none."""
    kept = care_records.incidents(config, where)
    try:
        got = posting.delivered(kept.parcels(incidents.Delivery.SENT, _PARCELS_MAX))
        failed = posting.undelivered(kept.parcels(incidents.Delivery.FAILED, _PARCELS_MAX))
    finally:
        kept.close()
    why = f": {failed}" if failed else ", and none has failed either; the log and an Alertmanager tell nobody of it"
    return _last(config, now_s, got, f"no digest has reached anybody{why}")


def _archive(config: config_module.Config, where: home.Home, now_s: float) -> tuple[float, float]:
    """Return the day that was archived last, as when its digest was due, and when the last one was due to be."""
    if config.forge.kind == "none":
        raise errors.NotFoundError("there is no forge, since `forge.kind` is `none`")
    if not config.observe.archive:
        raise errors.NotFoundError("none is kept, since `observe.archive` is off")
    kept = care_records.snapshots(config, where)
    try:
        done = posting.days(kept.announced(archiving.PREFIX, _LAST_MAX))
    finally:
        kept.close()
    # A digest that has just been sent is archived within minutes; until then the one before counts.
    return _last(config, now_s - _ARCHIVED_S, done, "no day is archived yet")


def _last(config: config_module.Config, now_s: float, days: set[str], none: str) -> tuple[float, float]:
    """Return when the last of some days was due, and when the last of all. Raises NotFoundError with `none`."""
    if not days:
        raise errors.NotFoundError(none)
    when = schedule.schedule(config.observe.digest_at, config.observe.digest_zone)
    return when.moment_s(datetime.date.fromisoformat(max(days))), when.moment_s(when.day_of(now_s))


def _oversight(policy: authz.Policy, span: evidence.Span) -> list[evidence.Fact]:
    people = sum(one.kind is authz.Kind.HUMAN for one in policy.signers.values())
    query = "council keys list"
    paths = len({path for rule in policy.protected for path in rule.paths})
    return [
        evidence.Fact("people who may sign", people, telling.COUNT, query, span),
        evidence.Fact("bots that may sign", len(policy.signers) - people, telling.COUNT, query, span),
        evidence.Fact("patterns of paths that need people", paths, telling.COUNT, "authz.yaml", span),
        evidence.Fact("patches of bots a day", policy.bots_daily, telling.COUNT, "council quota show", span),
    ]


def _security(config: config_module.Config, where: home.Home, span: evidence.Span) -> list[evidence.Fact]:
    regime = ownership.noted_regime(where)
    name = regime.name if regime is not None else "unknown, since it does not run"
    facts = [telling.word("regime", name, "council status", span)]
    query = "council security check"
    try:
        report = safety.look(where, config, advisory_files.Shelf(where), span.end_s)
    except errors.CouncilError as error:
        return [*facts, telling.word("findings", f"unknown: {error.message}", query, span)]
    counts = report.counts()
    facts += [
        evidence.Fact(f"findings {severity}", counts[severity], telling.COUNT, query, span)
        for severity in security_domain.Severity
    ]
    facts.append(evidence.Fact("things that could not be looked at", counts["unknown"], telling.COUNT, query, span))
    return facts + [telling.moment(f"first {kind} key ends", at_s, query, span) for kind, at_s in report.expiries]


def _documentation(where: home.Home, span: evidence.Span) -> list[evidence.Fact]:
    live = where.generations / blueprint.current(where)
    return [
        evidence.Fact(f"pages of {name}", len(list((live / name).rglob("*.md"))), telling.COUNT, f"{name}/", span)
        for name in _PAGES
        if (live / name).is_dir()
    ]
