"""keys: whose signatures count. The first person is entered by the owner, everything after that by a patch."""

from pathlib import Path

import click

from council.cli import options
from council.domain import authz, errors, home, patches
from council.kit import clock
from council.patching import drafting, listing, showing, situation
from council.upkeep.engine import blueprint
from council.upkeep.patchctl import history
from council.upkeep.patchctl.core import signature

_LASTS_S = 86_400


@click.group()
def keys() -> None:
    """The signers of patches, as authz.yaml of the live generation lists them."""


@keys.command("list")
@options.home
@options.as_json
def list_keys(where: home.Home, as_json: bool) -> None:
    """Show the listed signers; never a key that could sign."""
    seen = situation.look(where)
    used = history.last_used_s(one.record for one in seen.entries)
    rows = [
        {
            "name": one.name,
            "kind": one.kind.value,
            "fingerprint": one.fingerprint,
            "expires": _expiry(seen.certificates.get(one.fingerprint)),
            "revoked": one.fingerprint in seen.policy.revoked,
            "usable": one.fingerprint in seen.certificates,
            "last_used": patches.time_text(used[one.fingerprint]) if used.get(one.fingerprint) else "",
            "allow": list(one.allow),
            "deny": list(one.deny),
            "max_daily": one.daily_max,
            "account": one.account,
        }
        for one in seen.policy.signers.values()
    ]
    if as_json:
        options.print_json(rows)
        return
    if not rows:
        click.echo(
            "Nobody is listed, so every patch is refused. Add yourself: `council keys add FINGERPRINT --name NAME`."
        )
        return
    head = ("NAME", "KIND", "FINGERPRINT", "EXPIRES", "LAST USED", "ALLOW")
    options.print_table(
        head,
        [
            (
                str(row["name"]),
                str(row["kind"]),
                str(row["fingerprint"]),
                "revoked" if row["revoked"] else str(row["expires"]),
                str(row["last_used"] or "never"),
                " ".join(map(str, row["allow"])),  # type: ignore[arg-type]
            )
            for row in rows
        ],
    )
    for problem in seen.problems:
        click.echo(problem, err=True)


def _expiry(certificate: signature.Certificate | None) -> str:
    if certificate is None:
        return "unknown"
    expires = certificate.keys[certificate.fingerprint].expires
    return "never" if expires is None else patches.time_text(int(expires))


@keys.command()
@click.argument("key", metavar="FILE|FINGERPRINT")
@click.option("--name", required=True, help="What people call them; up to 64 letters, digits and ` ._@-`.")
@click.option(
    "--kind",
    type=click.Choice([one.value for one in authz.Kind]),
    default="human",
    show_default=True,
    help="Who signs.",
)
@click.option("--allow", multiple=True, metavar="GLOB", help="Paths it may change; a person's key may change all. [**]")
@click.option("--deny", multiple=True, metavar="GLOB", help="Paths it may not change all the same.")
@click.option(
    "--max-daily", type=click.IntRange(0, 10_000), help="How many of its patches may be applied in a UTC day."
)
@click.option("--account", default="", help="Who opens its pull requests on the forge. [of a bot, its name]")
@click.option(
    "-o",
    "--output",
    type=options.OUTPUT,
    default="patch.json",
    show_default=True,
    help="Where a patch is written.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@options.home
def add(
    key: str, name: str, kind: str, allow: tuple[str, ...], deny: tuple[str, ...], max_daily: int | None, account: str,
    output: Path, force: bool, where: home.Home,
) -> None:  # fmt: skip
    """List a key: a file with its certificate, or the fingerprint of one that your gpg has.

    The first person is entered at once. Once somebody is listed this writes a patch, which a listed person must sign.
    """
    if kind == authz.Kind.BOT and not allow:
        raise click.UsageError("--allow is needed for a bot: name the paths that it may change.")
    if not account and kind == authz.Kind.BOT and authz.ACCOUNT.match(name):
        account = name
    certificate = listing.certificate(key, clock.SystemClock().now_us() / 1e6)
    signer = authz.Signer(
        certificate.fingerprint, name, authz.Kind(kind), allow or ("**",), deny, max_daily, account.lower()
    )
    seen = situation.look(where)
    if signer.fingerprint in seen.policy.revoked:
        raise errors.InvalidRequestError(
            f"{signer.fingerprint} is among the revoked keys. Make a new key and add that."
        )
    changes = listing.with_signer(where.generations / seen.live, signer, certificate)
    if not changes:
        raise errors.InvalidRequestError(f"{signer.fingerprint} is listed like this already. Nothing is left to do.")
    if not seen.policy.signers and signer.kind is authz.Kind.HUMAN:
        situation.checker(where, seen.live)(changes)
        files = {one.path: one.content for one in changes}
        made = blueprint.commit(where, files, f"List the key of {name}, the first signer")
        click.echo(f"{name} is listed as the first signer, {signer.fingerprint}, in generation {made[:8]}.")
        click.echo("It counts at once: `council patch new` makes a patch for it to sign.")
        return
    if not seen.policy.signers:
        raise errors.InvalidRequestError("The first signer must be a person. Add a key of kind human first.")
    write_patch(where, seen, changes, f"List the key of {name}", output, force)


@keys.command()
@click.argument("who", metavar="FINGERPRINT|NAME")
@click.option(
    "-o",
    "--output",
    type=options.OUTPUT,
    default="patch.json",
    show_default=True,
    help="Where the patch is written.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@options.home
def revoke(who: str, output: Path, force: bool, where: home.Home) -> None:
    """Write the patch after which nothing that this key signed is taken, whatever its certificate says."""
    seen = situation.look(where)
    wanted = who.replace(" ", "").lower()
    found = [one for one in seen.policy.signers.values() if who == one.name or wanted == one.fingerprint]
    if len(found) != 1:
        raise errors.NotFoundError(
            f"{len(found)} signers are called {who!r}. `council keys list` shows all: name a fingerprint."
        )
    if found[0].fingerprint in seen.policy.revoked:
        raise errors.InvalidRequestError(f"{found[0].name} is revoked already. Nothing is left to do.")
    changes = listing.with_revoked(where.generations / seen.live, found[0].fingerprint)
    write_patch(where, seen, changes, f"Revoke the key of {found[0].name}", output, force)
    people = [
        one for one in seen.policy.signers.values()
        if one.kind is authz.Kind.HUMAN and one.fingerprint not in {*seen.policy.revoked, found[0].fingerprint}
    ]  # fmt: skip
    if not people:
        click.echo("After it nobody is left who may change authz.yaml. List another person first.", err=True)


def write_patch(
    where: home.Home, seen: situation.Sight, changes: tuple[patches.Change, ...], title: str, output: Path, force: bool
) -> None:
    """Write the patch that changes who may sign, and say who signs it. Raises PatchRefusedError, InvalidRequestError."""
    now = clock.SystemClock().now_us() // 1_000_000
    words = drafting.Words(options.user_name(), title, f"{title}, as `council keys` was told.", now, now + _LASTS_S)
    raw = drafting.document(words, seen.live, changes, seen.policy, situation.checker(where, seen.live))
    drafting.write(output, raw, force=force)
    for line in showing.summary(where.generations / seen.live, changes):
        click.echo(line)
    click.echo(
        f"This needs a patch, written to {output} as cid:{patches.cid(patches.digest(raw))}. A listed person signs it: "
        f"`council patch sign {output}`."
    )
