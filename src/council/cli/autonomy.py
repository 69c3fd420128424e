"""autonomy: whether Council changes anything by itself. A file under the home, so that it works with Council stopped."""

from dataclasses import asdict

import click

from council.cli import intervening, options
from council.domain import home
from council.kit import clock, halt, permissions, shown
from council.upkeep.patchctl import freeze


@click.group()
def autonomy() -> None:
    """Stop all that Council changes by itself, or let it go on: healer, bots and patches. Rollbacks and alerts go on."""


@autonomy.command()
@options.home
@options.as_json
def status(where: home.Home, as_json: bool) -> None:
    """Show whether it is paused, why, by whom and since when; and whether the healer alone is."""
    found, healer = halt.standing(where.autonomy_file), halt.standing(where.heal_file)
    if as_json:
        told = {} if found is None else asdict(found)
        options.print_json({"paused": found is not None, "healer_paused": bool(found or healer), **told})
        return
    click.echo("Not paused." if found is None else f"Paused{_said(found)}")
    if healer is not None:
        click.echo(f"The healer is paused{_said(healer)}")


def _said(one: halt.Halt) -> str:
    since = f" since {shown.clock(one.at_us)}" if one.at_us else ""
    return f"{since}{f' by {one.by}' if one.by else ''}: {one.reason}"


@autonomy.command()
@click.option("--reason", required=True, help="Why, for whoever is stopped by it.")
@options.home
def pause(reason: str, where: home.Home) -> None:
    """Pause: once this has returned no patch comes to serve, and no repair and no run of a bot begins."""
    options.check_reason(reason, halt.REASON_CHARS_MAX)
    wanted = halt.Halt(reason, options.user_name(), clock.SystemClock().now_us())
    with intervening.written(where):
        where.lineage.mkdir(mode=0o700, exist_ok=True)
        # Whoever switches to a patch holds it while it looks and switches.
        with freeze.lock(where.lineage):
            halt.put(where.autonomy_file, wanted)
        permissions.follow_owner(where.lineage)
    click.echo("Paused. Nothing is changed by itself until `council autonomy resume`.")


@autonomy.command()
@options.home
def resume(where: home.Home) -> None:
    """Let Council change things by itself again."""
    with intervening.written(where):
        halt.lift(where.autonomy_file)
    click.echo("Not paused.")
