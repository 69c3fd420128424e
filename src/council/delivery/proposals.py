"""A proposal: the pair that a pull request carries, how its files differ from the base, and what the checks say of both.

It is judged by the files of its base, never by its own. One look is taken, in patchctl's order, and each check reports its
share of the steps: what comes after a refusal is not reached, and what is not reached is not green.
"""

import enum
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from council.delivery import pairs
from council.domain import authz, forge, patches
from council.patching import checking, drafting, situation


class Name(enum.StrEnum):
    """The checks that a pull request needs, all of them, each for the head that is merged."""

    VERIFY = "council/verify"
    SCHEMA = "council/schema"
    AUTHORISE = "council/authorise"
    STAGING = "council/apply-staging"
    GATES = "council/gates"


# Told of a head that is green by what keeps it from being merged; on GitHub the job that merges has this name.
MERGE = "council/merge"


_SHARES: Mapping[Name, frozenset[checking.Step]] = {
    Name.VERIFY: frozenset({checking.Step.SIZE, checking.Step.SIGNATURE, checking.Step.SECOND_VERIFIER}),
    Name.SCHEMA: frozenset({checking.Step.DOCUMENT, checking.Step.CONTENTS, checking.Step.FILES}),
    Name.AUTHORISE: frozenset(
        {checking.Step.FRESHNESS, checking.Step.SIGNERS, checking.Step.QUOTA, checking.Step.FREEZE}
    ),
}
LOOKED = tuple(_SHARES)
# Whose word counts, and told how: on GitHub an app is named as anybody may be, and an app alone tells check runs.
Teller = tuple[forge.CheckKind, str]
_PATHS_NAMED_MAX = 3


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a pull request asks for. `changed` is how its files differ from the base's, the pair apart: None is removed.

    `account` is who opened it.
    """

    sent: patches.Submission
    changed: Mapping[str, drafting.Held | None]
    account: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says. `reason` is one of `patches.Reason`, or "" where it is another matter.

    `steps` are those of its share, where it is a share of the look.
    """

    name: str
    state: forge.CheckState
    told: str
    reason: str = ""
    steps: tuple[tuple[checking.Step, checking.Told], ...] = field(default=(), compare=False)


def of_folders(base: Path, head: Path, account: str) -> Proposal:
    """Return what the files in `head` propose upon those in `base`. Raises InvalidRequestError, PatchRefusedError."""
    return Proposal(pairs.of_folder(head), drafting.difference(base, head, authz.ceilings().file_bytes), account)


async def look(base: Path, bases: Container[str], proposal: Proposal, now: float) -> list[Finding]:
    """Return what VERIFY, SCHEMA and AUTHORISE say. `base` is the folder of the files that it is judged by, `bases` name the
    commits and trees that these are, `now` is in Unix seconds.

    Raises ConfigError where the base itself cannot be read, SetupError where gpgv is missing.
    """
    seen = situation.look_at(base)
    found = await checking.check(proposal.sent, seen, situation.situation_at(base, seen, bases, now), base)
    steps = dict(found.steps)
    said = (_share(name, steps, found) or _beside(name, found, proposal) or _good(name) for name in LOOKED)
    return [
        replace(one, steps=tuple((step, told) for step, told in found.steps if step in _SHARES[name]))
        for name, one in zip(LOOKED, said, strict=True)
    ]


def unmet(checks: Iterable[forge.Check], tellers: Container[Teller]) -> list[str]:
    """Return what keeps a head from being merged, by what was told of it: one line for each check that is not green.

    Only what one of `tellers` has told counts.
    """
    # A status and a check run may bear one name.
    counts = [one for one in checks if (one.kind, one.by) in tellers]
    told = {name: [one.state for one in counts if one.name == name] for name in Name}
    bad = {name: [one for one in states if one is not forge.CheckState.SUCCESS] for name, states in told.items()}
    return [f"{name}: {bad[name][0] if bad[name] else 'missing'}" for name in Name if bad[name] or not told[name]]


def _share(name: Name, steps: Mapping[checking.Step, checking.Told], found: checking.Checked) -> Finding | None:
    told = {steps[one] for one in _SHARES[name]}
    if checking.Told.REFUSED in told:
        return Finding(name, forge.CheckState.FAILURE, found.message, found.reason)
    if checking.Told.NOT_REACHED in told:
        assert found.ended is not None
        return Finding(name, forge.CheckState.FAILURE, f"Not reached: {found.ended} was refused.", found.reason)
    return None


def _beside(name: Name, found: checking.Checked, proposal: Proposal) -> Finding | None:
    """Return what is wrong with the pull request that its patch cannot know."""
    patch, signer = found.verdict.patch, found.verdict.signer
    if name is Name.VERIFY and patch is not None:
        wanted = {
            one.path: None if one.content is None else drafting.Held(one.content, one.mode is patches.Mode.EXECUTABLE)
            for one in patch.changes
        }
        if wrong := sorted(
            path for path in wanted.keys() | proposal.changed.keys() if not _same(path, wanted, proposal)
        ):
            named = ", ".join(f"{path!a}" for path in wrong[:_PATHS_NAMED_MAX])
            more = f" and {len(wrong) - _PATHS_NAMED_MAX} more" if len(wrong) > _PATHS_NAMED_MAX else ""
            told = f"The files are not what the patch says: {named}{more}. Have the branch hold exactly the patch."
            return Finding(name, forge.CheckState.FAILURE, told)
    if name is Name.AUTHORISE and signer is not None and signer.account != (proposal.account.lower() or None):
        whose = repr(signer.account) if signer.account else "none"
        told = f"It is signed by {signer.name}, whose account is {whose}, and {proposal.account!r} opened the pull request."
        return Finding(name, forge.CheckState.FAILURE, told)
    return None


def _same(path: str, wanted: Mapping[str, drafting.Held | None], proposal: Proposal) -> bool:
    return path in wanted and path in proposal.changed and wanted[path] == proposal.changed[path]


def _good(name: Name) -> Finding:
    return Finding(name, forge.CheckState.SUCCESS, ", ".join(one for one in checking.Step if one in _SHARES[name]))
