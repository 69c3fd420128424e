"""tokens: who may call, and as what."""

import datetime

import click

from council import app, homes
from council.cli import options
from council.domain import access, errors, money
from council.domain import home as home_module
from council.kit import clock as clock_module


@click.group()
def tokens() -> None:
    """Tokens of users and programs."""


@tokens.command()
@click.option("--role", type=click.Choice([role.value for role in access.Role]), default="viewer", show_default=True)
@click.option("--user", default="owner", show_default=True, help="Whose token it is; costs and memory are theirs.")
@click.option("--label", default="", help="What it is for.")
@click.option("--requests-per-minute", type=click.IntRange(1, 10_000_000), help="A rate limit of its own.")
@click.option("--memory", is_flag=True, help="Its requests use the user's memory unless they say otherwise.")
@click.option(
    "--staging", is_flag=True, help="It may have patches tried (`target: staging`) and read, and change nothing."
)
@click.option("--budget-day-usd", type=options.DOLLARS, help="What its paid calls of a day may cost.")
@click.option("--budget-month-usd", type=options.DOLLARS, help="What its paid calls of a month may cost.")
@options.home
def add(
    role: str,
    user: str,
    label: str,
    requests_per_minute: int | None,
    memory: bool,
    staging: bool,
    budget_day_usd: int | None,
    budget_month_usd: int | None,
    where: home_module.Home,
) -> None:
    """Make a token and print it, this once."""
    for name, given in (("--budget-day-usd", budget_day_usd), ("--budget-month-usd", budget_month_usd)):
        if given == 0:
            raise errors.InvalidRequestError(f"{name} 0 would mean no limit of its own. Give at least 0.000001.")
    records = app.records(options.config_of(where), where)
    try:
        secret = homes.add_token(
            records,
            access.Role(role),
            user,
            label,
            requests_per_minute,
            memory=memory,
            staging=staging,
            day_usd_micros=budget_day_usd,
            month_usd_micros=budget_month_usd,
        )
    finally:
        records.close()
    click.echo(secret)


@tokens.command("list")
@options.home
@options.as_json
def list_tokens(where: home_module.Home, as_json: bool) -> None:
    """Show every token; never its secret."""
    records = app.records(options.known_config(where), where)
    try:
        found = records.tokens()
    finally:
        records.close()
    if as_json:
        options.print_json(
            [
                {
                    "id": token.id,
                    "user": token.user_id,
                    "role": str(token.role),
                    "label": token.label,
                    "created_us": token.created_us,
                    "revoked_us": token.revoked_us,
                    "memory": token.memory,
                    "staging": token.staging,
                    "day_usd_micros": token.day_usd_micros,
                    "month_usd_micros": token.month_usd_micros,
                }
                for token in found
            ]
        )
        return
    rows = [
        (
            token.id,
            token.user_id,
            f"{token.role}, staging" if token.staging else str(token.role),
            token.label,
            _dollars(token.day_usd_micros),
            _dollars(token.month_usd_micros),
            _day(token.created_us),
            _day(token.revoked_us),
        )
        for token in found
    ]
    head = ("ID", "USER", "ROLE", "LABEL", "USD A DAY", "USD A MONTH", "CREATED", "REVOKED")
    options.print_table(head, rows, right=frozenset({4, 5}))


@tokens.command()
@click.argument("token_id")
@options.home
def revoke(token_id: str, where: home_module.Home) -> None:
    """End a token; it stops working within seconds."""
    records = app.records(options.known_config(where), where)
    try:
        if not records.revoke_token(token_id, clock_module.SystemClock().now_us()):
            raise errors.NotFoundError(f"No token {token_id!r} is in force. `council tokens list` shows all.")
    finally:
        records.close()
    click.echo("Revoked.")


def _dollars(usd_micros: int | None) -> str:
    return "" if usd_micros is None else money.dollars(usd_micros)


def _day(at_us: int | None) -> str:
    if at_us is None:
        return ""
    return datetime.datetime.fromtimestamp(at_us / 1e6, datetime.UTC).strftime("%Y-%m-%d")
