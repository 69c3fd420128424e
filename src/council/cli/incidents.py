"""incidents: what is wrong now and was, and about what nobody shall be told for a while."""

import contextlib
import getpass
import os
import re
from collections.abc import Iterator
from dataclasses import asdict

import click

from council import care_records, kept_ports
from council.cli import options
from council.domain import errors, home, incidents, incidents_wire, repairs, repairs_wire
from council.kit import clock as clock_module
from council.kit import shown
from council.upkeep.alerts import notices

_UNITS_S = {"m": 60, "h": 3600, "d": 86_400}
_SPAN_S_MAX = 366 * 86_400
_WHY_CHARS_MAX = 200
_REPAIRS_MAX = 100


@click.group("incidents", invoke_without_command=True)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many, newest first.")
@click.option("--open", "only_open", is_flag=True, help="Only those that go on.")
@options.home
@options.as_json
@click.pass_context
def group(context: click.Context, limit: int, only_open: bool, where: home.Home, as_json: bool) -> None:
    """Show what is wrong now and was, newest first. Straight from the records, so that it works while the service is down."""
    if context.invoked_subcommand is not None:
        return
    standing = incidents.Standing.OPEN if only_open else None
    with _kept(where) as kept:
        found = kept.newest(limit, standing=standing)
    if as_json:
        options.print_json([incidents_wire.form(one) for one in found])
        return
    if not found:
        click.echo("There is no incident that goes on." if only_open else "There has been no incident.")
        return
    head = ("ID", "STATE", "SEVERITY", "BEGAN", "NOTICED AFTER", "OVER AFTER", "WHAT")
    options.print_table(head, [_cells(one) for one in found])


def _cells(one: incidents.Incident) -> tuple[str, ...]:
    over = "" if one.repair_s is None else shown.duration(one.repair_s)
    times = (shown.clock(one.began_us), shown.duration(one.detection_s), over)
    return (one.id, str(one.standing), str(one.severity), *times, one.title)


@group.command()
@click.argument("identifier", metavar="ID")
@options.home
@options.as_json
def show(identifier: str, where: home.Home, as_json: bool) -> None:
    """Show one incident: its alerts, what may have to do with it, and its timeline."""
    with _kept(where) as kept:
        found = kept.find(identifier)
    if found is not None:
        found = repairs_wire.joined(found, _repairs(where, found.id))
    if found is None:
        raise errors.NotFoundError(f"There is no incident {identifier!r}. `council incidents` lists the newest.")
    if as_json:
        options.print_json(incidents_wire.form(found))
        return
    _print(found)


def _repairs(where: home.Home, incident: str) -> list[repairs.Repair]:
    kept = care_records.repairs(options.known_config(where), where)
    try:
        return kept.newest(_REPAIRS_MAX, incident=incident)
    finally:
        kept.close()


def _print(one: incidents.Incident) -> None:
    over = "goes on" if one.repair_s is None else f"over after {shown.duration(one.repair_s)}"
    click.echo(f"{one.title}: {one.standing}, {one.severity}")
    noticed = f"noticed after {shown.duration(one.detection_s)}"
    click.echo(f"Began {shown.clock(one.began_us)}, {noticed}, {over}.")
    click.echo("\nAlerts")
    for member in one.members:
        alert = member.alert
        ended = f"; {member.ending} {shown.clock(member.ended_us)}" if member.ended_us else ""
        click.echo(f"  {alert.title} ({alert.name}, {alert.severity}): {alert.summary or 'bad'}{ended}")
        if alert.next_step and not member.ended_us:
            click.echo(f"    {alert.next_step}")
    if one.causes:
        click.echo("\nMay have to do with it")
        for cause in one.causes:
            click.echo(f"  {notices.cause_line(cause)}")
    click.echo("\nTimeline")
    for number, moment in enumerate(one.timeline):
        if one.moments_left_out and number == incidents.MOMENTS_MAX // 2:
            click.echo(f"  … {one.moments_left_out:,} moments left out")
        click.echo(f"  {shown.clock(moment.at_us)}  {moment.text}")


@group.command()
@click.argument("name")
@click.option("--for", "span", metavar="TIME", required=True, help="For how long: 30m, 2h, 3d.")
@click.option("--why", required=True, help="What others should know about it.")
@click.option("--who", default=None, help="Who wants it so; whoever runs the command if not given.")
@options.home
def silence(name: str, span: str, why: str, who: str | None, where: home.Home) -> None:
    """Tell nobody of alerts called NAME for a while; `*` means all. They are recorded all the same."""
    settings = options.config_of(where).alerts
    at_us = clock_module.SystemClock().now_us()
    until_us = at_us + _span_s(span) * 1_000_000
    one = incidents.Silence(name, until_us, who or _user(), why[:_WHY_CHARS_MAX], at_us)
    if not name or len(name) > incidents.NAME_CHARS_MAX or not name.isprintable():
        raise errors.InvalidRequestError(
            "NAME is that of an alert, as `council incidents show ID` tells it, or `*`. Give one of these."
        )
    with _kept(where) as kept:
        if not kept.silence(one, settings.silences_max):
            raise errors.InvalidRequestError(
                f"There are {settings.silences_max} silences already. End one: `council incidents unsilence NAME`."
            )
    whom = "any alert" if name == incidents.ALL else name
    click.echo(f"Nobody is told of {whom} until {shown.clock(until_us)}.")


def _span_s(span: str) -> int:
    found = re.fullmatch(r"([1-9][0-9]{0,6})([mhd])", span)
    seconds = int(found.group(1)) * _UNITS_S[found.group(2)] if found else 0
    if not 0 < seconds <= _SPAN_S_MAX:
        raise errors.InvalidRequestError("--for takes a number and m, h or d, up to a year: 30m, 2h, 3d. Give it so.")
    return seconds


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"


@group.command()
@click.argument("name")
@options.home
def unsilence(name: str, where: home.Home) -> None:
    """End the silence of NAME before its time."""
    with _kept(where) as kept:
        if not kept.unsilence(name):
            raise errors.NotFoundError(f"There is no silence of {name!r}. `council incidents silences` lists them.")
    click.echo(f"People are told of {name} again.")


@group.command()
@options.home
@options.as_json
def silences(where: home.Home, as_json: bool) -> None:
    """Show the silences in force."""
    with _kept(where) as kept:
        found = kept.silences(clock_module.SystemClock().now_us())
    if as_json:
        options.print_json([asdict(one) for one in found])
        return
    if not found:
        click.echo("There is no silence in force.")
        return
    rows = [(one.name, shown.clock(one.until_us), one.who, one.why) for one in found]
    options.print_table(("NAME", "UNTIL", "WHO", "WHY"), rows)


@contextlib.contextmanager
def _kept(where: home.Home) -> Iterator[kept_ports.Incidents]:
    kept = care_records.incidents(options.known_config(where), where)
    try:
        yield kept
    finally:
        kept.close()
