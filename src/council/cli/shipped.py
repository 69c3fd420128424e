"""blueprint: brings the files of an existing home up to date with the installed version."""

import click

from council import homes
from council.cli import options
from council.delivery import workflow
from council.domain import home as home_module
from council.upkeep.engine import blueprint as engine
from council.upkeep.engine import shipped


@click.group()
def blueprint() -> None:
    """The files that describe the running system: settings, gates, prompts, guidebook."""


@blueprint.command()
@options.home
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@options.as_json
def update(where: home_module.Home, dry_run: bool, as_json: bool) -> None:
    """Bring every file that nobody changed since it was shipped up to date with this version, as a new generation.

    Files that somebody changed are left as they are, and what this version changed in them is shown. Takes effect at the
    next start.
    """
    found = homes.update_of(where, workflow.present(where))
    if found.changes and not dry_run:
        engine.commit(where, found.changes, shipped.UPDATED)
    if as_json:
        options.print_json({"changed": sorted(found.changes), "left": dict(found.left), "dry_run": dry_run})
        return
    for path, content in found.changes.items():
        click.echo(f"{'removed' if content is None else 'written'}  {path}")
    for path, text in found.left.items():
        click.echo(f"left     {path}: you changed it, and so did this version:")
        click.echo(text, nl=False)
    if found.left:
        click.echo(f"To take these over: `git clone {where.blueprint}`, change the files there and `git push`.")
    if not found.changes:
        click.echo("Every file that nobody changed is up to date.")
    elif dry_run:
        click.echo("Nothing was changed.")
    else:
        options.say_when()
