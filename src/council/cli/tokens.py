"""tokens: who may call, and as what."""

import datetime

import click

from council import app, homes
from council.cli import options
from council.domain import access, errors
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
@options.home
def add(
    role: str, user: str, label: str, requests_per_minute: int | None, memory: bool, where: home_module.Home
) -> None:
    """Make a token and print it, this once."""
    records = app.records(options.config_of(where), where)
    try:
        secret = homes.add_token(records, access.Role(role), user, label, requests_per_minute, memory=memory)
    finally:
        records.close()
    click.echo(secret)


@tokens.command("list")
@options.home
@options.as_json
def list_tokens(where: home_module.Home, as_json: bool) -> None:
    """Show every token; never its secret."""
    records = app.records(options.config_of(where), where)
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
                }
                for token in found
            ]
        )
        return
    rows = [
        (token.id, token.user_id, str(token.role), token.label, _day(token.created_us), _day(token.revoked_us))
        for token in found
    ]
    options.print_table(("ID", "USER", "ROLE", "LABEL", "CREATED", "REVOKED"), rows)


@tokens.command()
@click.argument("token_id")
@options.home
def revoke(token_id: str, where: home_module.Home) -> None:
    """End a token; it stops working within seconds."""
    records = app.records(options.config_of(where), where)
    try:
        if not records.revoke_token(token_id, clock_module.SystemClock().now_us()):
            raise errors.NotFoundError(f"No token {token_id!r} is in force. `council tokens list` shows all.")
    finally:
        records.close()
    click.echo("Revoked.")


def _day(at_us: int | None) -> str:
    if at_us is None:
        return ""
    return datetime.datetime.fromtimestamp(at_us / 1e6, datetime.UTC).strftime("%Y-%m-%d")
