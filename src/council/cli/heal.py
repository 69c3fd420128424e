"""heal: what Council would repair now, what it did, and a repair that a person asks for; and the pause of it."""

import asyncio
import contextlib
import time
from collections.abc import Iterator

import click

from council import care_app, care_records, homes, kept_ports
from council.cli import calls, intervening, options
from council.domain import errors, home, playbooks, repairs, repairs_wire
from council.kit import clock as clock_module
from council.kit import halt, ids, shown
from council.services import healing, requested
from council.upkeep.engine import blueprint
from council.upkeep.healer import deciding, telling

_FOLLOW_S = 0.5


@click.group("heal")
def group() -> None:
    """What Council repairs by itself."""


@group.command()
@options.running_port
@options.home
@options.as_json
def plan(port: int | None, where: home.Home, as_json: bool) -> None:
    """Show what would be done now about what is wrong, and about what nothing, and why. Changes nothing."""
    found = telling.lines(_decided(where, port))
    if as_json:
        options.print_json(found)
        return
    if not found:
        click.echo("Nothing is wrong, so nothing would be done.")
        return
    for one in found:
        about = one["alert"] or one["component"] or "everything"
        what = one.get("playbook") or one["decision"]
        click.echo(f"{about}: {what}" + (f" of {one['component']}" if one["decision"] == "repair" else ""))
        click.echo(f"  {one['why']}")
        if touches := one.get("touches"):
            click.echo(f"  Touches: {touches}")


def _decided(where: home.Home, port: int | None) -> list[deciding.Decision]:
    """Return what the healer would decide now, of what this command can see. Patches are asked with the owner's key."""
    config = calls.config_of(where, port)

    async def decided() -> list[deciding.Decision]:
        service = care_app.patch_service(where, config.patchctl_port)
        made, close = healing.parts(where, service, lambda: blueprint.current(where))
        try:
            return deciding.decide(await healing.look(made))
        finally:
            close()
            await service.close()

    return asyncio.run(decided())


@group.command()
@click.argument("playbook")
@click.argument("component", required=False, default="")
@click.option("--why", required=True, help="Why, for the lineage and for whoever reads it later.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@options.home
@options.as_json
def run(playbook: str, component: str, why: str, dry_run: bool, where: home.Home, as_json: bool) -> None:
    """Have the healer carry out PLAYBOOK, on the service COMPONENT where it is for any; wait for what comes of it.

    It counts as done by a person, and for the healer's limits.
    """
    options.check_reason(why, repairs.TEXT_CHARS_MAX)
    generation = blueprint.current(where)
    book = homes.load_book(where, generation)
    if playbook not in book.playbooks:
        raise errors.NotFoundError(f"There is no playbook {playbook[:80]!r}. There are {', '.join(book.playbooks)}.")
    found = book.playbooks[playbook]
    whom = _whom(component, found)
    if found.action is not playbooks.Action.PUT_BACK:
        # What is started anew by settings that cannot be read would not come back.
        options.config_of(where)
    if dry_run:
        told = {"playbook": found.name, "action": found.action.value, "component": whom, "touches": found.touches}
        if as_json:
            options.print_json(told)
        else:
            click.echo(f"{found.name} of {whom}: {found.action}. Touches: {found.touches}")
        return
    at_us = clock_module.SystemClock().now_us()
    wanted = repairs.Repair(
        id=ids.ulid(at_us),
        playbook=found.name,
        action=found.action.value,
        component=whom,
        proof=found.proof.value,
        by=options.user_name(),
        why=why,
        began_us=at_us,
        until_us=at_us,
        outcome=repairs.Outcome.WANTED,
    )
    with _kept(where) as kept:
        with intervening.written(where):
            requested.put(where, wanted)
        try:
            intervening.note(where, repairs.InterventionKind.RESTART, f"{found.name} of {whom}: {why}", kept)
            ended = _followed(kept, wanted, repairs.WANTED_S + healing.ACT_S + found.within_s)
        finally:
            with intervening.written(where):
                requested.take_back(where, wanted.id)
    if as_json:
        options.print_json(repairs_wire.form(ended))
    else:
        click.echo(f"{ended.title}: {ended.outcome}{f' ({ended.told})' if ended.told else ''}")
    if ended.outcome is not repairs.Outcome.HELPED:
        raise errors.UnavailableError(
            f"The repair {ended.id} has not helped: {ended.outcome}. `council heal history` says more."
        )


def _whom(component: str, playbook: playbooks.Playbook) -> str:
    fixed = playbook.component or playbooks.COMPONENTS.get(playbook.action, "")
    if component and fixed and component != fixed:
        raise errors.InvalidRequestError(f"`{playbook.name}` is for {fixed} alone. Leave COMPONENT out.")
    if not (component or fixed):
        raise errors.InvalidRequestError(
            f"`{playbook.name}` needs a service: `council heal run '{playbook.name}' recall`. `council status` shows them."
        )
    return fixed or component


def _followed(kept: kept_ports.Repairs, wanted: repairs.Repair, limit_s: float) -> repairs.Repair:
    """Return the repair once it has ended, or as it is when that takes too long."""
    deadline_s = time.monotonic() + limit_s
    found: repairs.Repair | None = wanted
    while time.monotonic() < deadline_s:
        found = kept.find(wanted.id)
        if found is not None and found.ended_us:
            return found
        time.sleep(_FOLLOW_S)
    return found or wanted


@group.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many, newest first.")
@click.option("--incident", default="", help="Of this incident alone.")
@options.home
@options.as_json
def history(limit: int, incident: str, where: home.Home, as_json: bool) -> None:
    """Show repairs and how they ended, newest first. Straight from the records, so that it works while the service is down."""
    with _kept(where) as kept:
        found = kept.newest(limit, incident=incident)
    if as_json:
        options.print_json([repairs_wire.form(one) for one in found])
        return
    if not found:
        click.echo("There has been no repair.")
        return
    head = ("ID", "BEGAN", "WHAT", "OUTCOME", "TOOK", "WHY")
    options.print_table(head, [_cells(one) for one in found])


def _cells(one: repairs.Repair) -> tuple[str, ...]:
    took = "" if one.took_s is None else shown.duration(one.took_s)
    return (one.id, shown.clock(one.began_us), one.title, one.outcome.value, took, one.why)


@group.command()
@click.option("--reason", required=True, help="Why, for whoever wonders.")
@options.home
def pause(reason: str, where: home.Home) -> None:
    """Have the healer begin nothing until `council heal resume`. Alerts, bots and patches go on."""
    options.check_reason(reason, halt.REASON_CHARS_MAX)
    with intervening.written(where):
        halt.put(where.heal_file, halt.Halt(reason, options.user_name(), clock_module.SystemClock().now_us()))
    click.echo("The healer is paused. Nothing is repaired until `council heal resume`.")


@group.command()
@options.home
def resume(where: home.Home) -> None:
    """Let the healer repair again."""
    with intervening.written(where):
        halt.lift(where.heal_file)
    click.echo("The healer is not paused.")


@contextlib.contextmanager
def _kept(where: home.Home) -> Iterator[kept_ports.Repairs]:
    kept = care_records.repairs(options.known_config(where), where)
    try:
        yield kept
    finally:
        kept.close()
