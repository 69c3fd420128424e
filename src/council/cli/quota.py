"""quota: how many patches may still be applied today, and more of them where a person says so."""

import asyncio

import click

from council import care_app
from council.cli import calls, options
from council.domain import authz, errors, home
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
    signers = [
        {
            "name": one.name,
            "fingerprint": one.fingerprint,
            "kind": one.kind.value,
            "used": used.by_signer[one.fingerprint],
            "limit": None if one.daily_max is None else one.daily_max + used.extra,
        }
        for one in seen.policy.signers.values()
    ]
    bots = {"used": used.bots, "limit": seen.policy.bots_daily + used.extra}
    if as_json:
        options.print_json({"day": overriding.day_of(now), "bots": bots, "signers": signers, "extra": used.extra})
        return
    rows = [("all bots", "", str(bots["used"]), str(bots["limit"]))]
    for one in signers:
        limit = "no limit" if one["limit"] is None else str(one["limit"])
        rows.append((str(one["name"]), str(one["kind"]), str(one["used"]), limit))
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
    if not reason.strip() or len(reason) > overriding.REASON_CHARS_MAX or not reason.isprintable():
        raise errors.InvalidRequestError(
            f"The reason must be a line of 1 to {overriding.REASON_CHARS_MAX} characters that can be seen. Say it shorter."
        )
    fingerprint = key.replace(" ", "").lower().removeprefix("0x")
    if fingerprint and not authz.FINGERPRINT.match(fingerprint):
        raise click.UsageError("--key takes a full fingerprint, 40 hex digits: `gpg --list-secret-keys` shows it.")
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
    click.echo(f"Every limit is higher by {count} until midnight UTC.")
