"""What `council report operations` shows: how it was run, day by day."""

import click

from council.cli import known, options
from council.domain import evidence, home
from council.kit import clock as clock_module
from council.upkeep.observer import operations as operations_module
from council.upkeep.observer import renderings

_DAY_S = 86_400.0


@click.command()
@click.option(
    "--days", type=click.IntRange(1, 400), default=7, show_default=True, help="Today and so many before, UTC."
)
@options.running_port
@options.home
@options.as_json
def operations(days: int, port: int | None, where: home.Home, as_json: bool) -> None:
    """Show by day what was used of disk, descriptors and memory, how many processes there were, and what was started.

    Of times more than two hours ago one point in ten minutes is looked at; `watch.keep_days` says how long they are kept.
    """
    now_s = clock_module.SystemClock().now_us() / 1e6
    span = evidence.Span(now_s // _DAY_S * _DAY_S - (days - 1) * _DAY_S, now_s)
    made = operations_module.report(known.gather(where, port, span))
    if as_json:
        options.print_json(operations_module.form(made))
    else:
        click.echo(renderings.text(operations_module.page(made)), nl=False)
