"""overrides: what is changed for a while of a Council that runs, straight in the records."""

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import click

from council import app, care_records, homes, kept_ports
from council.cli import intervening, options
from council.domain import errors, home, overrides, overrides_wire, providers, repairs
from council.kit import clock as clock_module
from council.kit import ids, shown

_UNITS_S = {"s": 1, "m": 60, "h": 3600}
_KINDS = click.Choice([kind.value for kind in overrides.Kind])


@click.group("overrides")
def group() -> None:
    """What is changed for a while: limits, shedding, gateways, the order of providers, caches. What should last is a patch.

    Straight in the records, so that it works while the service is down. Services follow within two seconds.
    """


@group.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many, newest first.")
@click.option("--in-force", "only_in_force", is_flag=True, help="Only those in force.")
@options.home
@options.as_json
def list_(limit: int, only_in_force: bool, where: home.Home, as_json: bool) -> None:
    """Show what is changed for a while, and what was, newest first."""
    at_us = clock_module.SystemClock().now_us()
    with _kept(where) as kept:
        found = kept.in_force(at_us)[::-1][:limit] if only_in_force else kept.newest(limit)
    if as_json:
        options.print_json([overrides_wire.form(one, at_us) for one in found])
        return
    if not found:
        click.echo("No override is in force." if only_in_force else "There has been no override.")
        return
    head = ("ID", "STATE", "UNTIL", "BY", "WHAT", "WHY")
    options.print_table(head, [_cells(one, at_us) for one in found])


def _cells(one: overrides.Override, at_us: int) -> tuple[str, ...]:
    state = "in force" if one.in_force(at_us) else "lifted" if one.lifted_us else "over"
    return (one.id, state, shown.clock(one.lifted_us or one.until_us), one.by, one.title, one.reason)


@group.command()
@click.argument("kind", type=_KINDS)
@click.argument("target")
@click.argument("value")
@click.option("--for", "span", metavar="TIME", required=True, help="For how long: 90s, 30m, 2h; up to 24h.")
@click.option("--reason", required=True, help="Why. Those who may operate are told it.")
@options.home
@options.as_json
def put(kind: str, target: str, value: str, span: str, reason: str, where: home.Home, as_json: bool) -> None:
    """Change something for a while, in the place of what the same KIND and TARGET had.

    \b
    rate       `*`, token:ID or user:ID        30                 requests a minute of each such token at most
    shed       `*`, route:NAME or path:PATH    50                 percent of new requests that are refused
    workers    gateway                         2                  how many gateways run, up to gateway.workers_max
    providers  `*` or a model                  two,one,-three     whom to ask first; -NAME: not at all
    cache      answers or texts                "500 entries"      or "1048576 bytes": how much it holds at most
    """
    at_us = clock_module.SystemClock().now_us()
    until_us = at_us + _span_s(span) * 1_000_000
    one = overrides.checked(
        overrides.Override(
            ids.ulid(at_us), overrides.Kind(kind), target, value, reason, overrides.OWNER, at_us, until_us
        )
    )
    _check_workers(one, where)
    with _kept(where) as kept:
        if not kept.put(one, overrides.MOST):
            raise errors.InvalidRequestError(
                f"{overrides.MOST} overrides are in force already. End one: `council overrides lift ID`."
            )
    intervening.note(where, repairs.InterventionKind.OVERRIDE, f"{one.title}: {reason}")
    for line in _of_nobody(one, where):
        click.echo(f"Warning: {line}", err=True)
    if as_json:
        options.print_json(overrides_wire.form(one, at_us))
        return
    click.echo(f"{one.id}: {one.title}, until {shown.clock(one.until_us)}.")


def _span_s(span: str) -> int:
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smh])", span, re.ASCII)
    seconds = int(found.group(1)) * _UNITS_S[found.group(2)] if found else 0
    if not 0 < seconds <= overrides.SPAN_S_MAX:
        raise errors.InvalidRequestError("--for takes a number and s, m or h, up to 24h: 90s, 30m, 2h. Give it so.")
    return seconds


def _check_workers(one: overrides.Override, where: home.Home) -> None:
    """Raise InvalidRequestError for more processes than the settings allow: nobody would run them. Raises ConfigError."""
    # Whatever is to be put: nothing is changed by settings that cannot be read.
    gateway = options.config_of(where).gateway
    if one.kind is not overrides.Kind.WORKERS:
        return
    most = max(gateway.workers, gateway.workers_max)
    if int(one.value) > most:
        raise errors.InvalidRequestError(
            f"The settings allow {most} of {one.target}. Ask for fewer, or raise `gateway.workers_max` first."
        )


def _of_nobody(one: overrides.Override, where: home.Home) -> Iterator[str]:
    """Yield a line for each name that nothing has here: it is taken, since it may come to be, and does nothing until then."""
    what, _, name = one.target.partition(":")
    if one.kind is overrides.Kind.PROVIDERS:
        found = homes.load_catalogue(where, None, options.config_of(where))
        if one.target not in (overrides.ALL, *found.models):
            yield f"there is no model {one.target}. `council providers list` shows those that there are."
        order = overrides.parse(one.kind, one.value)
        assert isinstance(order, overrides.Order)
        for each in sorted({*order.first, *order.without} - {*found.providers, providers.LOCAL}):
            yield f"there is no provider {each}. `council providers list` shows those that there are."
    elif one.kind is overrides.Kind.RATE and name:
        records = app.records(options.config_of(where), where)
        try:
            tokens = [each for each in records.tokens() if each.revoked_us is None]
        finally:
            records.close()
        if name not in {overrides.NOBODY, *(each.id if what == "token" else each.user_id for each in tokens)}:
            yield f"no token in force is {'called' if what == 'token' else 'of user'} {name}. See `council tokens list`."


@group.command()
@click.argument("identifier", metavar="ID")
@options.home
def lift(identifier: str, where: home.Home) -> None:
    """End an override before its time."""
    with _kept(where) as kept:
        if not kept.lift(identifier, clock_module.SystemClock().now_us()):
            raise errors.NotFoundError(
                f"No override {identifier[:64]!r} is in force. `council overrides list --in-force` shows those that are."
            )
    click.echo("It is lifted; services follow within two seconds.")


def told(where: home.Home) -> list[dict[str, Any]] | None:
    """Return the overrides in force as JSON, None while nobody can tell."""
    found = _in_force(where)
    return None if found is None else [overrides_wire.form(one, one.began_us) for one in found]


def lines(where: home.Home) -> Sequence[str]:
    """Return a line for each override in force, none where there is none."""
    found = _in_force(where)
    if found is None:
        return ["What is changed for a while cannot be read: the records are away."]
    return [f"Until {shown.clock(one.until_us)}: {one.title}. {one.reason} ({one.by}, {one.id})" for one in found]


def _in_force(where: home.Home) -> list[overrides.Override] | None:
    try:
        with _kept(where) as kept:
            return kept.in_force(clock_module.SystemClock().now_us())
    except errors.RecordsUnavailableError:
        return None


@contextlib.contextmanager
def _kept(where: home.Home) -> Iterator[kept_ports.Overrides]:
    kept = care_records.overrides(options.known_config(where), where)
    try:
        yield kept
    finally:
        kept.close()
