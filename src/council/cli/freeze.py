"""freeze: nothing is applied while it holds. A file under the home, so that it works with Council stopped."""

import contextlib
from collections.abc import Iterator
from dataclasses import asdict

import click

from council.cli import intervening, options
from council.domain import errors, home, repairs
from council.kit import clock, permissions, shown
from council.upkeep.patchctl import freeze


@click.group("freeze")
def group() -> None:
    """Stop all patches, or let them through again. A rollback is never stopped."""


@group.command()
@click.option("--reason", required=True, help="Why, for whoever is stopped by it.")
@options.home
def on(reason: str, where: home.Home) -> None:
    """Freeze: once this has returned, no patch comes to serve."""
    options.check_reason(reason, freeze.REASON_CHARS_MAX)
    wanted = freeze.Freeze(reason, options.user_name(), clock.SystemClock().now_us())
    with _written(where):
        freeze.freeze(where.lineage, wanted)
    click.echo("Frozen. Nothing is applied until `council freeze off`.")


@group.command()
@options.home
def off(where: home.Home) -> None:
    """Lift the freeze."""
    stood = freeze.standing(where.lineage)
    with _written(where):
        freeze.thaw(where.lineage)
    if stood is not None:
        intervening.note(where, repairs.InterventionKind.UNFREEZE, f"lifted the freeze: {stood.reason}")
    click.echo("Not frozen.")


@group.command()
@options.home
@options.as_json
def show(where: home.Home, as_json: bool) -> None:
    """Show whether changes are frozen, why, by whom and since when."""
    found = freeze.standing(where.lineage)
    if as_json:
        options.print_json({"frozen": found is not None, **({} if found is None else asdict(found))})
        return
    if found is None:
        click.echo("Not frozen.")
        return
    since = f" since {shown.clock(found.at_us)}" if found.at_us else ""
    by = f" by {found.by}" if found.by else ""
    click.echo(f"Frozen{since}{by}: {found.reason}")


@contextlib.contextmanager
def _written(where: home.Home) -> Iterator[None]:
    try:
        if not where.root.is_dir():
            raise errors.SetupError(
                f"There is no home at {where.root}. Run `council init`, or name another with `--home`."
            )
        where.lineage.mkdir(mode=0o700, exist_ok=True)
        yield
        permissions.follow_owner(where.lineage)
    except OSError as error:
        raise errors.SetupError(
            f"The freeze under {where.lineage} could not be written: {error.strerror or error}. Mend that and try again."
        ) from error
