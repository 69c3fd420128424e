"""The commands of `observe` that show snapshots, straight from the records, so that they work while the service is down."""

import contextlib
import sys
from collections.abc import Iterator, Sequence

import click

from council import care_records, kept_ports
from council.cli import archived, options, sparks
from council.domain import errors, evidence, gates, home, money, snapshots
from council.kit import shown

_MONEY = "usd_micros"
_ROWS_MAX = 20
_NAMED_MAX = 5
_DAY_TICKS_MAX = 200
_OLDEST_AMONG = 1_000_000
_COLOURS = {"red": "red", "amber": "yellow", "unknown": "magenta"}


@click.command()
@click.argument("identifier", metavar="[ID]", required=False)
@options.home
@options.as_json
def snapshot(identifier: str | None, where: home.Home, as_json: bool) -> None:
    """Show the newest snapshot, or that with ID, as `council observe history` lists them."""
    with _kept(where) as kept:
        one = kept.find(identifier) if identifier else next(iter(kept.newest(1)), None)
    if one is None and identifier:
        one = archived.find(where, identifier)
    if one is None and identifier:
        raise errors.NotFoundError(f"There is no snapshot {identifier!r}. `council observe history` lists the newest.")
    if one is None:
        raise errors.NotFoundError("There is no snapshot yet. The first one comes within a minute of `council up`.")
    if as_json:
        options.print_json(one)
        return
    _print(one)


@click.command()
@click.argument("name", metavar="[SERIES]", required=False)
@options.home
@options.as_json
def trends(name: str | None, where: home.Home, as_json: bool) -> None:
    """Show which way each series went within 24 hours, against the 24 before; only those whose name holds SERIES.

    A trend says how much more or less it is a day, with a band of 95 %: it rises or falls where all of the band does. Each hour
    is compared with the same hour of the day before, where that is known.
    """
    with _kept(where) as kept:
        newest = next(iter(kept.newest(1)), None)
        past = kept.newest(_DAY_TICKS_MAX, occasion=snapshots.Occasion.TICK) if newest and not as_json else []
    found = [one for one in newest.trends if name is None or name in _title(one)] if newest else []
    if as_json:
        options.print_json(found)
        return
    if newest is None or not found:
        click.echo("No trend is known yet." if name is None else f"No series has {name!r} in its name.")
        return
    day = [one for one in reversed(past) if one.at_s > newest.at_s - 86_400]
    known = [one for one in found if one.per_day is not None]
    # What moves comes first.
    rows = [_trend_row(one, day) for one in sorted(known, key=lambda one: one.direction == "flat")]
    if rows:
        head = ("SERIES", "GOES", "A DAY", "BAND", "MIDDLE", "DAY BEFORE", "LAST 24 HOURS")
        options.print_table(head, rows, right=frozenset({2, 3, 4, 5}))
    unknown = [one for one in found if one.per_day is None]
    if unknown:
        names = ", ".join(_title(one) for one in unknown[:_NAMED_MAX]) + (", …" if len(unknown) > _NAMED_MAX else "")
        click.echo(f"Of {len(unknown)} series no trend is known: {names}: {unknown[0].why}.")


@click.command()
@click.argument("name", metavar="[NUMBER]", required=False)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many, newest first.")
@click.option("--before", metavar="ID", default="", help="Only those before this one.")
@click.option("--incidents", is_flag=True, help="Only those taken when an incident began.")
@options.home
@options.as_json
def history(name: str | None, limit: int, before: str, incidents: bool, where: home.Home, as_json: bool) -> None:
    """List snapshots, newest first, or what one NUMBER was in each of them, as `latency_p95`.

    What the records no longer hold is read from the archive in the forge.
    """
    occasion = snapshots.Occasion.INCIDENT if incidents else None
    with _kept(where) as kept:
        found = kept.newest(limit, before=before, occasion=occasion)
        oldest = kept.ids(_OLDEST_AMONG) if len(found) < limit else []
        unread = set(kept.ids(limit, before=before, occasion=occasion)) - {one.id for one in found}
    if unread:
        click.echo(f"Cannot be read, damaged or a newer Council's, and left out: {len(unread)}.", err=True)
    if len(found) < limit:
        # Of what the records have thinned, the archive may hold more; of a time that they still tell of, they are believed.
        last = min([*oldest[-1:], *([before] if before else [])], default="")
        found += archived.newest(where, limit - len(found), before=last, occasion=occasion)
    if name is not None:
        _print_number(name, found, as_json)
        return
    if as_json:
        options.print_json([snapshots.brief(one) for one in found])
        return
    if not found:
        click.echo("There is no snapshot yet." if not before else "There is none before that.")
        return
    rows = [_brief_row(snapshots.brief(one)) for one in found]
    options.print_table(("ID", "GATES", "ODD", "OPEN", "MISSED", "WHAT"), rows, right=frozenset({2, 3, 4}))


def _print(one: snapshots.Snapshot) -> None:
    late_s = one.taken_s - one.at_s
    why = f"incident {one.incident_id}" if one.incident_id else "tick"
    click.echo(f"{_clock(one.at_s)}  {why}, taken {shown.duration(max(0.0, late_s))} later, id {one.id}")
    cid = f", made by patch {one.label.cid}" if one.label.cid else ""
    click.echo(f"Generation {one.label.generation[:12] or 'unknown'}{cid}")
    if one.missed:
        span = f"{_clock(one.missed.first_s)} to {_clock(one.missed.last_s)}"
        click.echo(f"Missed before it: {one.missed.count} snapshots, {span}; {one.missed.why}.")
    _print_sentences("Happened", one.explanation.happened)
    _print_sentences("May have to do with it", [cause.sentence for cause in one.explanation.causes])
    _print_sentences("Done about it", one.explanation.done)
    _print_sentences("Next", one.explanation.next_steps)
    _print_gates(one)
    _print_odd(one)
    _print_rows("Incidents", ("ID", "STATE", "BEGAN", "WHAT"), [
        (each.id, str(each.standing), _clock(each.began_s), each.title) for each in one.incidents
    ])  # fmt: skip
    _print_rows("Patches", ("CID", "OUTCOME", "BEGAN", "TITLE"), [
        (each.cid, each.outcome or "under way", _clock(each.at_s), each.title) for each in one.patches
    ])  # fmt: skip
    if any(each.requests for each in one.costs.by_route):
        click.echo("\nAnswered, and what it cost")
        rows = [
            (each.key, f"{each.requests:,}", f"{each.answered:,}", money.dollars(each.cost_usd_micros))
            for each in one.costs.by_route
        ]
        options.print_table(("ROUTE", "REQUESTS", "ANSWERED", "COST USD"), rows, right=frozenset({1, 2, 3}))
    if one.missing:
        click.echo("\nCould not be had")
        for each in one.missing:
            click.echo(f"  {each.what}: {each.why}")


def _print_sentences(heading: str, sentences: Sequence[evidence.Sentence]) -> None:
    if sentences:
        click.echo(f"\n{heading}")
        for one in sentences:
            click.echo(f"  {one.text}")


def _print_gates(one: snapshots.Snapshot) -> None:
    if not one.gates:
        return
    counts = {verdict: len(one.named(verdict)) for verdict in gates.Verdict}
    click.echo("\nGates: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count))
    well = (gates.Verdict.GREEN, gates.Verdict.NOT_APPLICABLE)
    rows = [
        (each.name, _coloured(each.verdict), _number(each.value, each.unit),
         f"{each.comparator} {_number(each.threshold, each.unit)}", each.reason)
        for each in one.gates
        if each.verdict not in well
    ]  # fmt: skip
    if rows:
        options.print_table(("GATE", "VERDICT", "NUMBER", "LIMIT", "WHY"), rows, right=frozenset({2, 3}))


def _print_odd(one: snapshots.Snapshot) -> None:
    rows = [
        (_clock(each.at_s), _title(each), _number(each.value, each.unit),
         "" if each.low is None or each.high is None else f"{_number(each.low, '')} to {_number(each.high, '')}",
         f"{each.score:.3f}")
        for each in one.anomalies
    ]  # fmt: skip
    _print_rows("Not as expected", ("AT", "SERIES", "WAS", "EXPECTED", "SCORE"), rows, right=frozenset({2, 3, 4}))


def _print_rows(
    heading: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, right: frozenset[int] = frozenset()
) -> None:
    if rows:
        click.echo(f"\n{heading}")
        options.print_table(head, rows[:_ROWS_MAX], right=right)
        if len(rows) > _ROWS_MAX:
            click.echo(f"… and {len(rows) - _ROWS_MAX} more: `--json` has all of them")


def _trend_row(one: snapshots.Trend, day: Sequence[snapshots.Snapshot]) -> tuple[str, ...]:
    values = [_value(_title(one), each) for each in day]
    band = "" if one.low is None or one.high is None else f"{_number(one.low, '')} to {_number(one.high, '')}"
    pace = "" if one.per_day is None else f"{one.per_day:+.4g}"
    middle, before = _number(one.middle, one.unit), _number(one.middle_before, one.unit)
    return _title(one), one.direction, pace, band, middle, before, sparks.drawn(values, 24)


def _print_number(name: str, found: Sequence[snapshots.Snapshot], as_json: bool) -> None:
    facts = [(one, next((fact for fact in one.metrics if fact.name == name), None)) for one in found]
    if not any(fact for _, fact in facts):
        near = sorted({fact.name for one in found for fact in one.metrics if name in fact.name})[:_ROWS_MAX]
        names = f" There are {', '.join(near)}." if near else " `council observe snapshot --json` has every name."
        raise errors.NotFoundError(f"No snapshot has a number {name!r}.{names}")
    if as_json:
        options.print_json([{"snapshot": one.id, "at_s": one.at_s, "fact": fact} for one, fact in facts])
        return
    click.echo(sparks.drawn([_value(name, one) for one, _ in reversed(facts)]))
    rows = [(one.id, "not had" if fact is None else _shown(fact)) for one, fact in facts]
    options.print_table(("ID", "NUMBER"), rows, right=frozenset({1}))


def _brief_row(one: snapshots.Brief) -> tuple[str, ...]:
    red = f", red: {', '.join(one.red)}" if one.red else ""
    unknown = f", {len(one.unknown)} unknown" if one.unknown else ""
    told = f"{one.green} green{unknown}{red}"
    return one.id, told, str(one.anomalies or ""), str(one.incidents_open or ""), str(one.missed or ""), one.happened


def _value(name: str, one: snapshots.Snapshot) -> float | None:
    fact = next((fact for fact in one.metrics if fact.name == name), None)
    return None if fact is None or isinstance(fact.value, str) or fact.value is None else float(fact.value)


def _title(one: snapshots.Trend | snapshots.Anomaly) -> str:
    name, _, labels = one.name.partition(" ")
    return " ".join(filter(None, (name, f"svc={one.service}" if one.service else "", labels)))


def _shown(fact: evidence.Fact) -> str:
    return str(fact.value) if isinstance(fact.value, str) else _number(fact.value, fact.unit)


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    if unit == _MONEY:
        return f"${money.dollars(round(value))}"
    if unit == "bytes":
        return f"{value / 1e6:,.1f} MB"
    return f"{value:.4g}{'' if unit in ('%', '', 'count') else ' '}{'' if unit == 'count' else unit}"


def _clock(at_s: float) -> str:
    return shown.clock(round(at_s * 1e6))


def _coloured(verdict: gates.Verdict) -> str:
    return click.style(verdict, fg=_COLOURS.get(verdict)) if sys.stdout.isatty() else str(verdict)


@contextlib.contextmanager
def _kept(where: home.Home) -> Iterator[kept_ports.Snapshots]:
    kept = care_records.snapshots(options.known_config(where), where)
    try:
        yield kept
    finally:
        kept.close()
