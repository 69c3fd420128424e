"""report: figures of a stretch of time against those of the one before."""

import datetime

import click

from council.cli import archived, dates, known, operations, options
from council.domain import errors, home
from council.kit import clock as clock_module
from council.upkeep.observer import kpis, renderings

_DAY_S = 86_400.0
_DAYS = 7


@click.group()
def report() -> None:
    """Figures of a stretch of time."""


@report.command()
@click.option("--from", "start", metavar="DATE", default=None, help="First day, UTC; a week before --to if not given.")
@click.option("--to", "end", metavar="DATE", default=None, help="The day after the last, UTC; now if not given.")
@options.running_port
@options.home
@options.as_json
def kpi(start: str | None, end: str | None, port: int | None, where: home.Home, as_json: bool) -> None:
    """Show how fast, how dear and how well it was, against the time of the same length before it; n beside each figure."""
    now_s = clock_module.SystemClock().now_us() / 1e6
    end_s = now_s if end is None else _day_s(end)
    if end_s > now_s:
        click.echo("The last day is not over: the figures are of the time until now.", err=True)
        end_s = now_s
    start_s = end_s - _DAYS * _DAY_S if start is None else _day_s(start)
    if start_s >= end_s:
        raise errors.InvalidRequestError("--from must lie before --to. Give two days in that order.")
    now, before = (known.gather(where, port, span) for span in kpis.spans(start_s, end_s))
    made = kpis.report(now, before, archived.explained(where, before.span.start_s, now.span.end_s))
    if as_json:
        options.print_json(kpis.form(made))
        return
    click.echo(renderings.text(kpis.page(made)), nl=False)


report.add_command(operations.operations)


def _day_s(text: str) -> float:
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError as error:
        raise errors.InvalidRequestError(f"A day is given as 2026-11-30, not {text!r}. Give it so.") from error
    dates.check(day)
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC).timestamp()
