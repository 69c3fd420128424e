"""lineage: every patch that was applied, rolled back or refused, and every repair; and whether the journal is whole."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import click
import orjson

from council import app
from council.cli import options, patch_rows
from council.domain import errors, home, patches
from council.patching import anchoring, situation, view
from council.upkeep.patchctl import history, journal_key, repair_steps


@click.group("lineage")
def group() -> None:
    """What changed, by whom, what was refused, and what was repaired: the journal of patches."""


@group.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many, newest first.")
@options.home
@options.as_json
def list_patches(limit: int, where: home.Home, as_json: bool) -> None:
    """Show the patches and how they ended, and each step of a repair."""
    entries = situation.entries(where)
    records = [one.record for one in entries]
    found: list[history.Row | repair_steps.Step] = [*history.rows(records), *repair_steps.steps(records)]
    # Both came in this order; of one second the patch goes first.
    found = sorted(found, key=lambda one: one.at_s)[::-1][:limit]
    if as_json:
        options.print_json([_told(one) for one in found])
        return
    if not found:
        click.echo("No patch has come yet, and nothing was repaired.")
    for one in found:
        click.echo(one.line if isinstance(one, repair_steps.Step) else f"{one.line}  {patch_rows.outcome(one)}")


def _told(one: history.Row | repair_steps.Step) -> dict[str, Any]:
    return repair_steps.told(one) if isinstance(one, repair_steps.Step) else history.told(one)


@group.command()
@click.argument("cid")
@options.home
@options.as_json
def show(cid: str, where: home.Home, as_json: bool) -> None:
    """Show what is known of the patch CID, each time that it came; or of a repair by its id."""
    wanted = cid.removeprefix("repair:").upper()
    done = [one for one in repair_steps.steps(one.record for one in situation.entries(where)) if one.id == wanted]
    if done:
        if as_json:
            options.print_json([repair_steps.told(one) for one in done])
            return
        for one in done:
            click.echo(one.line)
            rows = [
                ("came", patches.time_text(one.at_s)),
                ("because", one.why),
                ("came of it", one.told),
                ("by", one.by),
            ]
            rows += [("incident", one.incident), ("patch", one.cid)]
            options.print_rows([(f"  {name}", text) for name, text in rows if text])
        return
    patch_rows.show(cid, where, as_json=as_json)


@group.command()
@options.home
@options.as_json
def verify(where: home.Home, as_json: bool) -> None:
    """Check that the journal is what was written, as far as anybody can tell. Exit status 1 where it is not.

    The chain shows edits, swaps and gaps, checkpoints a chain that was made anew. An end that was taken off shows by what git
    and the store know of it. Records after the last checkpoint have only the chain.
    """
    try:
        entries = situation.entries(where)
        check = journal_key.checker(where.journal_certificate_file, where.journal_key_file)
    except errors.JournalError as error:
        _report({"problems": [error.message]}, as_json)
        sys.exit(1)
    anchors = asyncio.run(_anchors(where, history.rows(one.record for one in entries)))
    found = anchoring.look(entries, check, anchors)
    known = {keeper: point.seq for keeper, point in sorted(anchors.points.items())}
    _report({**asdict(found), "anchors": known, "away": list(anchors.away)}, as_json)
    if found.problems:
        sys.exit(1)


async def _anchors(where: home.Home, rows: Sequence[history.Row]) -> anchoring.Anchors:
    try:
        store = app.store(options.known_config(where), where)
    except errors.CouncilError:
        # Without settings nobody knows where it is.
        return await anchoring.read(where, None)
    found = await anchoring.read(where, store)
    try:
        if not found.away and not await view.is_current(store, rows):
            old = "The history in the store is not what the journal tells; patchctl makes it anew when it starts."
            found = replace(found, away=(old,))
        return found
    except errors.StoreUnavailableError as error:
        return replace(found, away=(*found.away, f"The history in the store cannot be read: {error.message}"))
    finally:
        await store.close()


def _report(found: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        options.print_json(found)
        return
    problems, known, away = found["problems"], found.get("anchors", {}), found.get("away", ())
    if "records" in found:
        click.echo(
            f"{found['records']} records follow on one another, {found['checkpoints']} of them checkpoints; "
            f"{found['unsigned']} stand behind the last checkpoint."
        )
    for keeper, seq in known.items():
        click.echo(f"The last record that {keeper} knows of is {seq}.")
    for line in (*away, *problems):
        click.echo(line)
    if not problems:
        click.echo("Nothing is wrong with the journal.")


@group.command()
@options.home
def export(where: home.Home) -> None:
    """Print every record as a line of JSON, with its number and digest."""
    for one in situation.entries(where):
        click.echo(orjson.dumps({"seq": one.point.seq, **one.record, "digest": one.point.digest}).decode())
