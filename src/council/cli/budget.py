"""budget: what paid models have cost today and this month, what is held for calls under way, and what is left."""

from dataclasses import asdict

import click

from council import app, homes
from council.cli import options
from council.domain import budgets, money
from council.domain import home as home_module
from council.kit import clock as clock_module


@click.command()
@options.home
@options.as_json
def budget(where: home_module.Home, as_json: bool) -> None:
    """Show what is spent, held and left of each budget, for this day and this month (UTC).

    Straight from the records, so that it works while the service is down.
    """
    config = options.known_config(where)
    models = homes.load_catalogue(where, None, config).models
    at_us = clock_module.SystemClock().now_us()
    records = app.records(config, where)
    try:
        found = budgets.lines(records.spend(at_us), config.budget, models, records.token_budgets(), at_us)
    finally:
        records.close()
    if as_json:
        options.print_json([asdict(line) for line in found])
        return
    head = ("SCOPE", "PERIOD", "LIMIT USD", "SPENT", "HELD", "LEFT")
    rows = [
        (
            line.scope + (f" ({line.label})" if line.label else ""),
            line.period,
            "none" if line.limit_usd_micros is None else money.dollars(line.limit_usd_micros),
            money.dollars(line.spent_usd_micros),
            money.dollars(line.held_usd_micros),
            "" if line.left_usd_micros is None else money.dollars(line.left_usd_micros),
        )
        for line in found
    ]
    options.print_table(head, rows, right=frozenset({2, 3, 4, 5}))
