"""quota: how many patches may still be applied today, and more of them where a person says so."""

import asyncio

import click

from council import care_app
from council.cli import calls, intervening, options
from council.domain import home, repairs
from council.kit import clock
from council.patching import gpg, overriding, situation


@click.group()
def quota() -> None:
    """How many patches may be applied in a UTC day."""


@quota.command()
@options.home
@options.as_json
def show(where: home.Home, as_json: bool) -> None:
    """Show what was used today, and of how many."""
    seen = situation.look(where)
    now = clock.SystemClock().now_us() / 1e6
    used = situation.situation(where, seen, now).tally.used(now)
    told = situation.quota_told(seen.policy, used)
    if as_json:
        options.print_json({"day": overriding.day_of(now), **told})
        return
    rows = [("all bots", "", str(told["bots"]["used"]), str(told["bots"]["limit"]))]
    rows += [
        (one["name"], one["kind"], str(one["used"]), "no limit" if one["limit"] is None else str(one["limit"]))
        for one in told["signers"]
    ]
    options.print_table(("WHO", "KIND", "USED TODAY", "OF"), rows, right=frozenset({2}))
    if used.extra:
        click.echo(f"A person raised every limit by {used.extra} until midnight UTC.")


@quota.command()
@click.option("--count", type=click.IntRange(1, overriding.COUNT_MAX), required=True, help="By how many.")
@click.option("--reason", required=True, help="Why, for whoever reads the journal later.")
@click.option("--key", default="", metavar="FINGERPRINT", help="Whose key; gpg's default key otherwise.")
@options.running_port
@options.home
def override(count: int, reason: str, key: str, port: int | None, where: home.Home) -> None:
    """Raise every limit until midnight UTC. Your gpg signs it; the key must be a listed person's."""
    options.check_reason(reason, overriding.REASON_CHARS_MAX)
    fingerprint = options.fingerprint(key)
    day = overriding.day_of(clock.SystemClock().now_us() / 1e6)
    statement = overriding.document(overriding.Override(day, count, reason))
    signed = gpg.sign(statement, fingerprint)
    service = care_app.patch_service(where, calls.config_of(where, port).patchctl_port)

    async def ask() -> None:
        try:
            await service.override(statement, signed)
        finally:
            await service.close()

    asyncio.run(ask())
    intervening.note(where, repairs.InterventionKind.OVERRIDE, f"raised every limit of patches by {count}: {reason}")
    click.echo(f"Every limit is higher by {count} until midnight UTC.")
