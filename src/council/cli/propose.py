"""propose: a change of the blueprint as a pull request, followed until it serves or will not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from council import care_app, care_ports
from council.cli import options
from council.cli.patch import DURATION
from council.delivery import proposing, pulls
from council.domain import authz, errors, forge, home, patches
from council.kit import beneath, clock, permissions
from council.patching import checking, drafting, gpg, situation
from council.upkeep.engine import repository
from council.upkeep.patchctl.core import documents

_MARKS = {forge.CheckState.SUCCESS: "good", forge.CheckState.FAILURE: "FAILED", forge.CheckState.PENDING: "…"}


@dataclass(frozen=True, slots=True)
class _Said:
    """What is said of a proposal. `is_awaiting`: it may lack signatures yet."""

    title: str
    reason: str
    ticket: int | None
    lasts_s: int
    is_awaiting: bool


@click.command()
@click.argument("files", nargs=-1, metavar="[PATH=]FILE...")
@click.option("--delete", "deletes", multiple=True, metavar="PATH", help="Remove PATH from the blueprint.")
@click.option("--as", "name", required=True, metavar="BOT", help="Whose key signs it: a signer's name or fingerprint.")
@click.option("--title", required=True, help="What it does, in one line.")
@click.option("--reason", required=True, help="Why, for whoever reads it later.")
@click.option("--ticket", type=click.IntRange(1, patches.TICKET_MAX), help="The number of the issue that asks for it.")
@click.option(
    "--expires", "lasts_s", type=DURATION, default="24h", show_default=True, help="For how long it may be applied."
)
@click.option(
    "--into", "clone", type=click.Path(path_type=Path, file_okay=False), metavar="CLONE",
    help="Write it into a clone of main instead, to be pushed by the bot's own account: for a forge elsewhere.",
)  # fmt: skip
@click.option(
    "--await-cosignatures",
    "is_awaiting",
    is_flag=True,
    help="Open it although more people must sign it; each does so by `council cosign`.",
)
@click.option("--no-wait", is_flag=True, help="Return once the pull request is open.")
@options.home
@options.as_json
def propose(
    files: tuple[str, ...], deletes: tuple[str, ...], name: str, title: str, reason: str, ticket: int | None,
    lasts_s: int, clone: Path | None, is_awaiting: bool, no_wait: bool, where: home.Home, as_json: bool,
) -> None:  # fmt: skip
    """Propose that PATH of the blueprint be what FILE holds: sign it, open a pull request, and follow that until it serves.

    FILE alone is PATH as well. The steward checks the pull request and merges it, patchctl tries and applies it; no person
    is asked. Exit status 0 once it serves, 7 where it will not.
    """
    if not files and not deletes:
        raise click.UsageError("Name a file to be put, or one to `--delete`.")
    said = _Said(title, reason, ticket, lasts_s, is_awaiting)
    if clone is not None:
        if not clone.is_dir():
            raise errors.InvalidRequestError(f"There is no folder {clone}. Clone the repository's main into it first.")
        asyncio.run(_write(files, deletes, name, said, clone, where, as_json))
        return
    asyncio.run(_propose(files, deletes, name, said, not no_wait, where, as_json))


async def _write(
    files: tuple[str, ...],
    deletes: tuple[str, ...],
    name: str,
    said: _Said,
    clone: Path,
    where: home.Home,
    as_json: bool,
) -> None:
    """Have a clone hold the patch and its files. Raises InvalidRequestError."""
    seen, signer, tree = _seen(where, name)
    draft = await _drafted(where, seen, signer, tree, _sources(files), deletes, said)
    try:
        # Main of a forge is what strangers wish for: a link in there must lead nowhere.
        with beneath.held(clone) as folder:
            held = folder.listing(repository.ENTRIES_MAX).files
            written = proposing.files_of(draft, held)
            for path, file in written.items():
                folder.remove(path)
                if file is not None:
                    folder.write(path, file.content, 0o755 if file.executable else 0o644)
    except (OSError, beneath.NotPlainError) as error:
        raise errors.InvalidRequestError(
            f"{clone} does not take it: {error}. Name a clean clone that holds what serves."
        ) from error
    cid = patches.cid(patches.digest(draft.sent.document))
    if as_json:
        options.print_json({"cid": cid, "files": sorted(written)})
        return
    click.echo(f"cid:{cid} - {draft.patch.title}: written into {clone}.")
    click.echo(
        f"Commit all of it as one commit upon main, and have {signer.account} push it and open the pull request."
    )


def _seen(where: home.Home, name: str) -> tuple[situation.Sight, authz.Signer, str]:
    """Return what is so now, who proposes, and the tree that serves."""
    seen = situation.look(where)
    tree = repository.tree_of(where, seen.live)
    assert tree is not None
    return seen, proposing.signer_of(seen.policy, name), tree


async def _propose(
    files: tuple[str, ...],
    deletes: tuple[str, ...],
    name: str,
    said: _Said,
    waits: bool,
    where: home.Home,
    as_json: bool,
) -> None:
    seen, signer, tree = _seen(where, name)
    waits = waits and not said.is_awaiting
    async with forge_of(where, signer.account) as there:
        base = await proposing.base_of(there, tree)
        draft = await _drafted(where, seen, signer, tree, _sources(files), deletes, said)
        number = await proposing.propose(there, base, draft)
        cid = patches.cid(patches.digest(draft.sent.document))
        if as_json and not waits:
            options.print_json({"number": number, "cid": cid, "forge": there.name})
        elif not as_json:
            click.echo(f"cid:{cid} - {draft.patch.title}: pull request #{number} on the forge {there.name}.")
            if said.is_awaiting:
                click.echo(f"Have the others sign it: `council cosign {number}`.")
        if waits:
            await follow(there, number, cid, as_json)


async def _drafted(
    where: home.Home,
    seen: situation.Sight,
    signer: authz.Signer,
    tree: str,
    sources: dict[str, Path],
    deletes: tuple[str, ...],
    said: _Said,
) -> proposing.Draft:
    """Return the patch, signed and looked at as patchctl will. Raises PatchRefusedError."""
    now = clock.SystemClock().now_us() // 1_000_000
    live = where.generations / seen.live
    changes = drafting.of_files(live, sources, deletes, seen.policy.sizes)
    words = drafting.Words(signer.name, said.title, said.reason, now, now + said.lasts_s, said.ticket)
    raw = drafting.document(words, tree, changes, seen.policy, situation.checker(where, seen.live))
    sent = patches.Submission(raw, gpg.sign(raw, signer.fingerprint))
    found = await checking.check(sent, seen, situation.situation(where, seen, now), live)
    # What the quota and the freeze say is asked again once all have signed.
    if found.reason and not (said.is_awaiting and found.reason == patches.Reason.PROTECTED):
        more = (
            " With `--await-cosignatures` it is opened for them to sign."
            if found.reason == patches.Reason.PROTECTED
            else ""
        )
        raise errors.PatchRefusedError(f"{found.reason}: {found.message}{more}", reason=found.reason)
    return proposing.Draft(sent, documents.parse(raw, seen.policy.sizes), signer)


def _sources(files: tuple[str, ...]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for one in files:
        path, equals, source = one.partition("=")
        if not path or (equals and not source):
            raise click.UsageError(f"{one!r} is neither FILE nor PATH=FILE.")
        if path in found:
            raise click.UsageError(f"{path!r} is named twice.")
        found[path] = Path(source or path)
    return found


@contextlib.asynccontextmanager
async def forge_of(where: home.Home, account: str) -> AsyncIterator[care_ports.Forge]:
    """Give the forge of a home, asked as `account`. Raises InvalidRequestError for one elsewhere, and for none."""
    config = options.config_of(where).forge
    if config.kind == "github":
        # The token here is the steward's, and a pull request must be its signer's own.
        raise errors.InvalidRequestError(
            f"On GitHub the account {account!r} itself pushes. Give a clone with `--into`, and have that account push it."
        )
    made = care_app.forge(config, where, account)
    if made is None:
        raise errors.InvalidRequestError(
            "There is no forge: `forge.kind` is `none`. Submit the patch straight with `council patch submit`, or run "
            "`council config set forge.kind local`."
        )
    try:
        yield made
    finally:
        await made.close()
        permissions.follow_owner(where.forge)


async def follow(there: care_ports.Forge, number: int, cid: str, as_json: bool) -> None:
    """Print what is said of a pull request until it serves. Raises PatchRefusedError where it will not."""
    told: list[proposing.Told] = []
    async for one in proposing.follow(there, number, {pulls.ACCOUNT}):
        told.append(one)
        if not as_json:
            # Some of it is a stranger's words.
            text = "".join(letter if letter.isprintable() else "?" for letter in one.text)
            click.echo(f"  {one.name:<22} {_MARKS.get(one.state, one.state):<7} {text}")
    if as_json:
        options.print_json({"number": number, "cid": cid, "steps": [asdict(one) for one in told]})
    bad = next((one for one in told if one.state is forge.CheckState.FAILURE), None)
    if bad is not None:
        raise errors.PatchRefusedError(
            f"It does not serve. {bad.name}: {bad.text} `council patch show {cid}` shows what patchctl did with it."
        )
