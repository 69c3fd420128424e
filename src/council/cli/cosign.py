"""cosign: one more person's signature for the patch of a pull request."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

import click

from council.cli import options
from council.cli import patch as patch_command
from council.cli import propose as propose_command
from council.delivery import pairs, proposing
from council.domain import authz, errors, home, patches
from council.kit import beneath, clock
from council.patching import checking, gpg, situation
from council.upkeep.engine import changes
from council.upkeep.patchctl.core import documents, signature

# What may be otherwise once all have signed.
_PASSING = frozenset({"", patches.Reason.PROTECTED, patches.Reason.QUOTA, patches.Reason.FROZEN})


@dataclass(frozen=True, slots=True)
class _Pen:
    """By which key it is signed, or what was signed elsewhere; whether nobody is asked."""

    fingerprint: str
    signed: bytes | None
    is_sure: bool


@click.command()
@click.argument("number", type=click.IntRange(1), required=False)
@click.option(
    "--into", "clone", type=click.Path(path_type=Path, file_okay=False), metavar="CLONE",
    help="Write it into a clone of the pull request's branch instead, to be pushed: for a forge elsewhere.",
)  # fmt: skip
@click.option(
    "--signature",
    "signed",
    type=patch_command.FILE,
    help="A signature that was made elsewhere over `.council/patch.json`.",
)
@click.option("--key", default="", metavar="FINGERPRINT", help="Whose key; gpg's default key otherwise.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--no-wait", is_flag=True, help="Return once it is signed.")
@options.home
def cosign(
    number: int | None, clone: Path | None, signed: Path | None, key: str, yes: bool, no_wait: bool, where: home.Home
) -> None:
    """Add your signature to the patch of the pull request NUMBER, after a look at what it does.

    For what `authz.yaml` protects, several people must stand behind a patch. The checks begin anew with each signature. Once
    there are enough, the pull request is followed until it serves.
    """
    if (number is None) == (clone is None):
        raise click.UsageError("Name the pull request by its NUMBER, or a clone of its branch with `--into`.")
    pen = _Pen(
        options.fingerprint(key),
        None if signed is None else patch_command.read_bounded(signed, signature.BYTES_MAX),
        yes,
    )
    if clone is not None:
        draft, lacks = asyncio.run(_signed(pairs.of_folder(clone), pen, where))
        path = changes.cosignature(len(draft.sent.cosignatures))
        try:
            with beneath.held(clone) as folder:
                folder.write(path, draft.sent.cosignatures[-1], 0o644)
        except (OSError, beneath.NotPlainError) as error:
            raise errors.InvalidRequestError(f"{clone} does not take it: {error}. Name a clean clone.") from error
        click.echo(
            f"Signed by {draft.signer.name}: {path}. {lacks}Amend the branch's one commit with it, and push that."
        )
        return
    assert number is not None
    asyncio.run(_cosign(number, pen, not no_wait, where))


async def _cosign(number: int, pen: _Pen, waits: bool, where: home.Home) -> None:
    async with propose_command.forge_of(where, "") as there:
        pull = await there.pull(number)
        draft, lacks = await _signed(await pairs.of_commit(there, pull.head), pen, where)
        await proposing.cosigned(there, pull, draft)
        click.echo(f"Signed by {draft.signer.name}. {lacks}".rstrip())
        if waits and not lacks:
            cid = patches.cid(patches.digest(draft.sent.document))
            await propose_command.follow(there, number, cid, as_json=False)


async def _signed(sent: patches.Submission, pen: _Pen, where: home.Home) -> tuple[proposing.Draft, str]:
    """Return the patch with one more signature, by whose signer it now is, and what it lacks still, "" for nothing.

    Raises PatchRefusedError where patchctl would not take it even with further signatures, InvalidRequestError where this one
    adds nobody.
    """
    seen = situation.look(where)
    patch = documents.parse(sent.document, seen.policy.sizes)
    before = await _judged(sent, seen, where)
    patch_command.show_contents(patch, before.verdict.digest, where, seen)
    names = ", ".join(seen.policy.signers[one].name for one in before.verdict.signers)
    click.echo(f"Behind it: {names}.")
    if not pen.is_sure:
        click.confirm("Sign this?" if pen.signed is None else "Add the signature?", abort=True)
    made = gpg.sign(sent.document, pen.fingerprint) if pen.signed is None else pen.signed
    after = replace(sent, cosignatures=(*sent.cosignatures, made))
    found = await _judged(after, seen, where)
    added = set(found.verdict.signers).difference(before.verdict.signers)
    people = [seen.policy.signers[one] for one in added if seen.policy.signers[one].kind is authz.Kind.HUMAN]
    if not people:
        raise errors.InvalidRequestError(
            "This signature adds nobody: it must be by a person whom `authz.yaml` lists, and who has not signed yet. Name "
            "another key with `--key`."
        )
    return proposing.Draft(after, patch, people[0]), f"{found.message} " if found.reason else ""


async def _judged(sent: patches.Submission, seen: situation.Sight, where: home.Home) -> checking.Checked:
    at = situation.situation(where, seen, clock.SystemClock().now_us() / 1e6)
    found = await checking.check(sent, seen, at, where.generations / seen.live)
    if found.reason not in _PASSING:
        raise errors.PatchRefusedError(f"{found.reason}: {found.message}", reason=found.reason)
    return found
