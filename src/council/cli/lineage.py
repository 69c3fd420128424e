"""lineage: every patch that was applied, rolled back or refused, as the journal tells; and whether the journal is whole."""

import sys
from dataclasses import asdict

import click
import orjson

from council.cli import options, patch_rows
from council.domain import errors, home
from council.patching import situation
from council.upkeep.patchctl import journal_key
from council.upkeep.patchctl import lineage as lineage_module


@click.group("lineage")
def group() -> None:
    """What changed, by whom, and what was refused: the journal of patches."""


@group.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many, newest first.")
@options.home
@options.as_json
def list_patches(limit: int, where: home.Home, as_json: bool) -> None:
    """Show the patches and how they ended."""
    found = patch_rows.newest(where, limit)
    if as_json:
        options.print_json([patch_rows.told(one) for one in found])
        return
    if not found:
        click.echo("No patch has come yet.")
    for one in found:
        click.echo(f"{one.line}  {patch_rows.outcome(one)}")


@group.command()
@click.argument("cid")
@options.home
@options.as_json
def show(cid: str, where: home.Home, as_json: bool) -> None:
    """Show what is known of the patch CID, each time that it came."""
    patch_rows.show(cid, where, as_json=as_json)


@group.command()
@options.home
@options.as_json
def verify(where: home.Home, as_json: bool) -> None:
    """Check that the journal is what was written, as far as anybody can tell. Exit status 1 where it is not.

    The chain shows edits, swaps and gaps, checkpoints a chain that was made anew. Records after the last checkpoint have only
    the chain.
    """
    try:
        entries = situation.entries(where)
        check = journal_key.checker(where.journal_certificate_file, where.journal_key_file)
        found = lineage_module.look(entries, check, {})
    except errors.JournalError as error:
        _report({"problems": [error.message]}, as_json)
        sys.exit(1)
    _report(asdict(found), as_json)
    if found.problems:
        sys.exit(1)


def _report(found: dict[str, object], as_json: bool) -> None:
    if as_json:
        options.print_json(found)
        return
    problems = found["problems"]
    assert isinstance(problems, list)
    if "records" in found:
        click.echo(
            f"{found['records']} records follow on one another, {found['checkpoints']} of them checkpoints; "
            f"{found['unsigned']} stand behind the last checkpoint."
        )
    for problem in problems:
        click.echo(problem)
    if not problems:
        click.echo("Nothing is wrong with the journal.")


@group.command()
@options.home
def export(where: home.Home) -> None:
    """Print every record as a line of JSON, with its number and digest."""
    for one in situation.entries(where):
        click.echo(orjson.dumps({"seq": one.point.seq, **one.record, "digest": one.point.digest}).decode())
