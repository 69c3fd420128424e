"""notify: where notices go beside the log and the file: addresses of Slack, e-mail and others, which are secrets."""

import dataclasses
import re
import sys

import click

from council import care_app, care_records, homes
from council.cli import options
from council.domain import errors, home, incidents
from council.kit import clock as clock_module
from council.kit import ids, permissions, shown
from council.upkeep.alerts import notices

_ADDRESS_CHARS_MAX = 4096
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@click.group()
def notify() -> None:
    """Where people are told when something is wrong: `alerts.channels`, webhooks of Slack, and addresses that Apprise knows."""


@notify.command()
@click.argument("name")
@options.home
def add(name: str, where: home.Home) -> None:
    """Keep the address NAME: from standard input, or typed without being shown. Never as an argument, since it is a secret.

    An incoming webhook of Slack, as `https://hooks.slack.com/services/…`, gets notices in Slack's own layout. So does
    `slack+https://HOST/…`, another place that takes the same. Any other address is one of Apprise's forms.
    """
    if not _NAME.fullmatch(name):
        raise errors.InvalidRequestError(
            f"{name!r} is no name: lower-case letters, digits, `-` and `_`, a letter or digit first. Give another."
        )
    address = _read_address(name)
    care_app.check_address(name, address)
    homes.write_notify_address(where, name, address)
    click.echo(f"The address {name} is kept in {where.notify_address_file(name)}, readable by its owner only.")
    click.echo(f"Try it: `council notify test {name}`.")


def _read_address(name: str) -> str:
    if sys.stdin.isatty():
        address = str(click.prompt(f"Address of {name}", hide_input=True, err=True))
    else:
        address = sys.stdin.read(_ADDRESS_CHARS_MAX + 2)
    address = address.strip()
    if not address or len(address) > _ADDRESS_CHARS_MAX or not address.isprintable() or " " in address:
        raise errors.InvalidRequestError(
            f"That is no address: one line of up to {_ADDRESS_CHARS_MAX} characters without blanks. Send it to standard input."
        )
    return address


@notify.command()
@click.argument("name")
@options.home
def remove(name: str, where: home.Home) -> None:
    """Forget the address NAME."""
    if name not in care_app.addresses(where):
        raise _unknown(name)
    where.notify_address_file(name).unlink(missing_ok=True)
    click.echo(f"The address {name} is removed.")


@notify.command("list")
@options.home
@options.as_json
def list_channels(where: home.Home, as_json: bool) -> None:
    """Show every channel that notices go to, never an address."""
    found = [one.channel for one in care_app.notifiers(options.known_config(where), where)]
    if as_json:
        options.print_json(found)
        return
    for channel in found or ["There is none; `alerts.channels` names them."]:
        click.echo(channel)


@notify.command()
@click.argument("name", required=False)
@options.home
def test(name: str | None, where: home.Home) -> None:
    """Send a notice that says it is a test: to the address NAME, or over every channel but the log of the service."""
    found = care_app.notifiers(options.config_of(where), where)
    chosen = [one for one in found if (one.channel.partition(":")[2] == name if name else one.channel != "log")]
    if name is not None and not chosen:
        raise _unknown(name)
    at_us = clock_module.SystemClock().now_us()
    notice, failures = notices.trial(ids.ulid(at_us), at_us), []
    for one in chosen:
        try:
            one.send(notice)
            click.echo(f"{one.channel}: taken")
        except errors.NotifyError as error:
            failures.append(error)
            click.echo(f"{one.channel}: {error.message}")
    permissions.follow_owner(where.notices)
    if failures:
        raise errors.NotifyError(f"{len(failures)} of {len(chosen)} channels did not take it. Mend them and try again.")


@notify.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many, newest first.")
@options.home
@options.as_json
def failed(limit: int, where: home.Home, as_json: bool) -> None:
    """Show the notices that could not be delivered, why, and what they said."""
    kept = care_records.incidents(options.known_config(where), where)
    try:
        found = kept.parcels(incidents.Delivery.FAILED, limit)
    finally:
        kept.close()
    if as_json:
        options.print_json([dataclasses.asdict(one) for one in found])
        return
    if not found:
        click.echo("Every notice was delivered.")
    for one in found:
        click.echo(f"{shown.clock(one.notice.at_us)}  {one.channel}  {one.notice.title}")
        click.echo(f"  {one.reason}")


def _unknown(name: str) -> errors.NotFoundError:
    return errors.NotFoundError(f"There is no address {name!r}. `council notify list` shows the channels.")
