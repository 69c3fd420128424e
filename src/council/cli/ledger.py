"""ledger: what requests cost, straight from the records, so that it works while the service is down."""

import csv
import sys
from collections.abc import Iterator
from dataclasses import asdict, fields

import click
import orjson

from council import app
from council.cli import options
from council.domain import home as home_module
from council.domain import ledger as ledger_module
from council.domain import money
from council.kit import clock as clock_module

_DAY_US = 86_400_000_000


@click.group()
def ledger() -> None:
    """What requests cost."""


def _window(days: int) -> tuple[int, int]:
    until_us = clock_module.SystemClock().now_us() + 1
    return until_us - days * _DAY_US, until_us


@ledger.command()
@click.option(
    "--by", type=click.Choice([item.value for item in ledger_module.GroupBy]), default="day", show_default=True
)
@click.option("--days", type=click.IntRange(1, 3660), default=30, show_default=True)
@options.home
@options.as_json
def report(by: str, days: int, where: home_module.Home, as_json: bool) -> None:
    """Sum the ledger by day, model, route or token."""
    records = app.records(options.known_config(where), where)
    try:
        lines = records.report(ledger_module.GroupBy(by), *_window(days))
    finally:
        records.close()
    if as_json:
        options.print_json([asdict(line) for line in lines])
        return
    head = (by.upper(), "REQUESTS", "ANSWERED", "VERIFIED", "LOCAL", "TOKENS IN", "TOKENS OUT", "COST USD")
    rows = [_cells(line) for line in [*lines, _total(lines)]]
    options.print_table(head, rows, right=frozenset(range(1, len(head))))


def _total(lines: list[ledger_module.LedgerSum]) -> ledger_module.LedgerSum:
    counts = {
        item.name: sum(getattr(line, item.name) for line in lines)
        for item in fields(ledger_module.LedgerSum)
        if item.name != "key"
    }
    return ledger_module.LedgerSum(key="total", **counts)


def _cells(line: ledger_module.LedgerSum) -> tuple[str, ...]:
    counts = (line.requests, line.answered, line.verified, line.local, line.prompt_tokens, line.completion_tokens)
    return (line.key or "(none)", *(f"{count:,}" for count in counts), money.dollars(line.cost_usd_micros))


@ledger.command()
@click.option("--days", type=click.IntRange(1, 3660), default=3660, show_default=True)
@click.option("--format", "kind", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@options.home
def export(days: int, kind: str, where: home_module.Home) -> None:
    """Write every row to standard output, oldest first."""
    records = app.records(options.known_config(where), where)
    try:
        _write(records.rows(*_window(days)), kind)
    finally:
        records.close()


def _write(rows: Iterator[ledger_module.LedgerRow], kind: str) -> None:
    if kind == "jsonl":
        for row in rows:
            sys.stdout.write(orjson.dumps(asdict(row)).decode() + "\n")
        return
    table = csv.DictWriter(sys.stdout, [item.name for item in fields(ledger_module.LedgerRow)])
    table.writeheader()
    table.writerows(asdict(row) for row in rows)
