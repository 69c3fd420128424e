"""A signed patch as a pull request, and what becomes of that, step by step."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from council import care_ports
from council.delivery import courier, pairs, proposals
from council.domain import authz, errors, forge, patches
from council.upkeep.engine import changes

_LOOK_S = 0.5
_EMAIL = "council@localhost"
_STEP_S = 30.0


@dataclass(frozen=True, slots=True)
class Draft:
    """A patch that is signed by `signer`, with what it changes."""

    sent: patches.Submission
    patch: patches.Patch
    signer: authz.Signer


@dataclass(frozen=True, slots=True)
class Told:
    """What was said of a pull request. `name` is a check, or "merged"; `ends` says that nothing comes after it."""

    name: str
    state: forge.CheckState
    text: str
    ends: bool = False


def signer_of(policy: authz.Policy, name: str) -> authz.Signer:
    """Return the signer of that name or fingerprint who may open pull requests. Raises InvalidRequestError."""
    found = [one for one in policy.signers.values() if name in (one.name, one.fingerprint)]
    if len(found) != 1:
        raise errors.InvalidRequestError(
            f"authz.yaml lists {'no signer' if not found else 'several signers'} {name!r}. `council keys list` shows all; "
            "a fingerprint is always one."
        )
    if not found[0].account:
        raise errors.InvalidRequestError(
            f"authz.yaml lists no account of {name!r} on the forge, so it may open no pull request. Add `account`: "
            "`council keys add` with `--account` makes the patch."
        )
    return found[0]


async def base_of(there: care_ports.Forge, tree: str) -> str:
    """Return main's head once it holds the tree that serves. Raises ForgeMovedError."""
    deadline_s = asyncio.get_running_loop().time() + _STEP_S
    while asyncio.get_running_loop().time() < deadline_s:
        with contextlib.suppress(errors.ForgeNotFoundError):
            head = await there.head()
            if head.tree == tree:
                return head.commit
        await asyncio.sleep(_LOOK_S)
    raise errors.ForgeMovedError(
        f"Main of the forge does not hold what serves, not even after {_STEP_S:.0f} s. `council status` shows whether the "
        "steward runs, which brings it into step; its log under logs/ says what is in its way."
    )


def files_of(draft: Draft, held: Iterable[str]) -> dict[str, forge.File | None]:
    """Return what a branch holds of it: each file that the patch changes, None where it removes one, and the pair.

    `held` are the paths that its base holds: what lies there of an earlier pair goes.
    """
    files: dict[str, forge.File | None] = {path: None for path in held if changes.is_of_pair(path)}
    for one in draft.patch.changes:
        files[one.path] = None if one.content is None else forge.File(one.content, one.executable)
    return files | {path: forge.File(content) for path, content in pairs.files_of(draft.sent).items()}


async def propose(there: care_ports.Forge, base: str, draft: Draft) -> int:
    """Open a pull request of a patch upon main's head `base`; return its number. Asked again, it is the same one."""
    patch, cid = draft.patch, patches.cid(patches.digest(draft.sent.document))
    branch = f"patch/{cid}"
    account = draft.signer.account
    body = f"{patch.reason}\n\ncid:{cid}"
    words = forge.Words(f"{patch.title}\n\n{body}", account, f"{account}@localhost", patch.created)
    await there.branch(branch, base, files_of(draft, await there.files(base)), words)
    return await there.open_pull(forge.Proposal(branch, patch.title, body))


async def cosigned(there: care_ports.Forge, pull: forge.Pull, draft: Draft) -> str:
    """Have an open pull request carry what more people have signed, in the place of what it proposes; return its new head.

    Raises InvalidRequestError where it can no longer be merged, ForgeMovedError where somebody else has changed it meanwhile.
    """
    head, main = await there.commit(pull.head), await there.head()
    if pull.state is not forge.PullState.OPEN or pull.foreign or head.parents != (main.commit,):
        raise errors.InvalidRequestError(
            f"Pull request {pull.number} is {pull.state}, or main has moved since. Make the patch anew from what serves."
        )
    words = forge.Words(head.message, head.author, _EMAIL, head.at_s)
    files = files_of(draft, await there.files(main.commit))
    return await there.branch(pull.branch, main.commit, files, words, instead_of=pull.head)


async def follow(there: care_ports.Forge, number: int, tellers: Container[str]) -> AsyncGenerator[Told, None]:
    """Yield what `tellers` say of a pull request, as it comes, until its patch serves or will not. It waits for ever."""
    said: set[Told] = set()
    while True:
        for one in await _said(there, number, tellers):
            if one not in said:
                said.add(one)
                yield one
                if one.ends:
                    return
        await asyncio.sleep(_LOOK_S)


async def _said(there: care_ports.Forge, number: int, tellers: Container[str]) -> Sequence[Told]:
    async def told_of(commit: str) -> list[forge.Check]:
        return [one for one in await there.checks(commit) if one.by in tellers]

    pull = await there.pull(number)
    checks = await told_of(pull.head)
    comments = {one.key: one.body for one in await there.comments(number) if one.by in tellers}
    order = list(map(str, proposals.Name))
    known = sorted((one for one in checks if one.name in order), key=lambda one: order.index(one.name))
    found = [Told(one.name, one.state, one.description) for one in known]
    held = [one for one in checks if one.name == proposals.MERGE and one.state is forge.CheckState.PENDING]
    found += [Told(one.name, one.state, one.description) for one in held]
    if pull.state is forge.PullState.CLOSED:
        return [*found, Told("closed", forge.CheckState.FAILURE, "It was closed.", ends=True)]
    if pull.state is forge.PullState.MERGED:
        found.append(Told("merged", forge.CheckState.SUCCESS, f"as {pull.merged[:8]} upon main"))
        return [*found, *_deployed(await told_of(pull.merged), comments)]
    if any(one.state is forge.CheckState.FAILURE for one in found) and len(found) >= len(proposals.LOOKED):
        found[-1] = Told(found[-1].name, found[-1].state, found[-1].text, ends=True)
    return found


def _deployed(checks: Sequence[forge.Check], comments: Mapping[str, str]) -> list[Told]:
    for one in checks:
        if one.name == courier.DEPLOY and one.state is not forge.CheckState.PENDING:
            # The status is cut; the comment is not, and holds the gates below.
            text = comments.get(courier.OUTCOME, one.description).partition("\n")[0]
            return [Told(one.name, one.state, text, ends=True)]
    return []
