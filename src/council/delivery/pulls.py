"""Takes pull requests of the local forge from opened to merged: the part that a workflow does on GitHub.

One pull request at a time and one step a turn, so that whoever proposes a lot waits and nobody else does. What was found is a
status of its head; a head that moves is looked at anew.
"""

import asyncio
import contextlib
import enum
import logging
import time
from collections.abc import Callable, Mapping, MutableSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from council import care_ports
from council.delivery import merging, pairs, proposals
from council.domain import authz, errors, forge, gates, patches
from council.patching import drafting, following
from council.upkeep.engine import changes

_log = logging.getLogger(__name__)

# As whom the local forge is asked: what it says of a head counts.
ACCOUNT = "council"
FINDINGS = "checks"
GATES_S = 300.0
TRIAL_S = 600.0
_SIGHT_S_MAX = 60.0
_ROWS_MAX = 200
_FILES_DIFFER_MAX = patches.FILES_MAX
_TIDIED_MAX = 20


@dataclass(frozen=True, slots=True)
class Parts:
    """What is leaned on. `base()` is the folder with the files that main and the live generation both hold."""

    forge: care_ports.Forge
    patches: care_ports.PatchService
    watch: care_ports.Watch
    base: Callable[[], Path]
    now: Callable[[], float] = time.time
    gates_s: float = GATES_S
    # So long a trial is waited for in one turn.
    trial_s: float = TRIAL_S


class _Done(enum.Enum):
    """How far a pull request came in a turn. What WAITS may come further though nothing changes on the forge."""

    NOTHING = enum.auto()
    WAITS = enum.auto()
    STEP = enum.auto()
    MERGED = enum.auto()


@dataclass(slots=True)
class Referee:
    """By one task, while main and the live line are in step."""

    parts: Parts
    # Since when the gates of a head are waited for, Unix seconds.
    _waiting_s: dict[str, float] = field(default_factory=dict)
    # Whether another turn may find more to do although nothing has changed on the forge.
    waits: bool = True
    # What is tried now or was, without that its end has been seen.
    _begun: set[patches.Submission] = field(default_factory=set)
    _has_tidied: bool = False

    async def turn(self, main: forge.Commit) -> bool:
        """Take one pull request a step further, the oldest first; return whether one was merged. Raises ForgeError."""
        self.waits = True
        if not self._has_tidied:
            await self._tidy()
            self._has_tidied = True
        pulls = [one for one in await self.parts.forge.pulls(limit=forge.ROWS_MAX) if one.base == forge.MAIN]
        waits = False
        for pull in reversed(pulls):
            try:
                done = await self._further(pull, main)
            except errors.ForgeUnavailableError as error:
                # What one of them holds must not keep the others.
                _log.warning("a pull request cannot be read", extra={"number": pull.number, "reason": error.message})
                done = _Done.WAITS
            if done in (_Done.STEP, _Done.MERGED):
                return done is _Done.MERGED
            waits = waits or done is _Done.WAITS
        self.waits = waits
        return False

    async def _tidy(self) -> None:
        """Remove the branches of what was merged last: whoever was killed after a merge has left one."""
        used = {one.branch for one in await self.parts.forge.pulls(limit=forge.ROWS_MAX)}
        for pull in await self.parts.forge.pulls(forge.PullState.MERGED, limit=_TIDIED_MAX):
            if pull.branch in used:
                continue
            with contextlib.suppress(errors.ForgeNotFoundError, errors.InvalidRequestError):
                if (await self.parts.forge.commit(pull.branch)).commit == pull.head:
                    await self.parts.forge.delete_branch(pull.branch)

    async def _further(self, pull: forge.Pull, main: forge.Commit) -> "_Done":
        told = {name: one.state for name, one in (await self._told(pull.head)).items()}
        if forge.CheckState.FAILURE in told.values():
            return _Done.NOTHING
        missing = [name for name in proposals.Name if told.get(name) in (None, forge.CheckState.PENDING)]
        if not missing:
            return await self._merge(pull)
        return _Done.STEP if await self._check(pull, main, missing[0]) else _Done.WAITS

    async def _told(self, head: str) -> dict[str, forge.Check]:
        checks = await self.parts.forge.checks(head)
        return {one.name: one for one in checks if one.by == self.parts.forge.account}

    async def _check(self, pull: forge.Pull, main: forge.Commit, name: proposals.Name) -> bool:
        """Carry out the next check; return whether it took the turn, and not only waits."""
        match name:
            case proposals.Name.STAGING:
                return await self._stage(pull)
            case proposals.Name.GATES:
                return await self._wait_for_gates(pull)
            case _:
                await self._look(pull, main)
                return True

    async def _look(self, pull: forge.Pull, main: forge.Commit) -> None:
        try:
            proposal = await self._read(pull, main)
            findings = await proposals.look(self.parts.base(), {main.commit, main.tree}, proposal, self.parts.now())
        except (errors.InvalidRequestError, errors.PatchRefusedError, errors.ForgeNotFoundError) as error:
            findings = [proposals.Finding(one, forge.CheckState.FAILURE, error.message) for one in proposals.LOOKED]
        await self._tell(pull, findings)

    async def _read(self, pull: forge.Pull, main: forge.Commit) -> proposals.Proposal:
        """Return what a pull request proposes. Raises InvalidRequestError, ForgeNotFoundError."""
        if pull.foreign:
            raise errors.InvalidRequestError("The branch is in somebody else's copy. Push it to this repository.")
        head = await self.parts.forge.commit(pull.head)
        if head.parents != (main.commit,):
            raise errors.InvalidRequestError(
                "Main has moved since, or these are several commits. Make the patch anew from what serves."
            )
        before, after = await self.parts.forge.files(main.commit), await self.parts.forge.files(pull.head)
        differing = [
            path
            for path in sorted(before.keys() | after.keys())
            if before.get(path) != after.get(path) and not changes.is_of_pair(path)
        ]
        if len(differing) > _FILES_DIFFER_MAX:
            raise errors.InvalidRequestError(
                f"It changes {len(differing)} files; {_FILES_DIFFER_MAX} are allowed. Split it into several."
            )
        # The patch holds what its files do.
        if sum(after[path].size_bytes for path in differing if path in after) > authz.ceilings().patch_bytes:
            raise errors.InvalidRequestError("It holds more than any patch may. Split it into several.")
        sent = await pairs.of_commit(self.parts.forge, pull.head)
        changed: dict[str, drafting.Held | None] = dict.fromkeys(differing)
        for path in differing:
            if path in after:
                file = await self.parts.forge.file(path, pull.head)
                changed[path] = drafting.Held(file.content, file.executable)
        return proposals.Proposal(sent, changed, pull.author)

    async def _stage(self, pull: forge.Pull) -> bool:
        """Have patchctl try the patch beside what serves."""
        sent = await pairs.of_commit(self.parts.forge, pull.head)
        try:
            async with asyncio.timeout(self.parts.trial_s):
                finding = await staged(self.parts.patches, sent, self._begun)
        except TimeoutError:
            # As where it pins a release, which is installed first. It goes on, and what came of it is seen at a later turn.
            told = "The trial goes on; what comes of it is told here."
            await self._tell(pull, [proposals.Finding(proposals.Name.STAGING, forge.CheckState.PENDING, told)])
            return False
        except (errors.OverloadedError, errors.UnavailableError) as error:
            await self._tell(pull, [proposals.Finding(proposals.Name.STAGING, forge.CheckState.PENDING, error.message)])
            return False
        await self._tell(pull, [finding])
        return True

    async def _wait_for_gates(self, pull: forge.Pull) -> bool:
        wrong = await unwell(self.parts.watch, self.parts.now())
        since_s = self._waiting_s.setdefault(pull.head, self.parts.now())
        if wrong and self.parts.now() - since_s < self.parts.gates_s:
            return False
        del self._waiting_s[pull.head]
        state = forge.CheckState.FAILURE if wrong else forge.CheckState.SUCCESS
        told = wrong or "No gate is red or amber."
        await self._tell(pull, [proposals.Finding(proposals.Name.GATES, state, told)])
        return True

    async def _merge(self, pull: forge.Pull) -> "_Done":
        # The check may be of yesterday, as where a label came off.
        if await unwell(self.parts.watch, self.parts.now()):
            await self._hold(pull, "It waits until no gate is red or amber.")
            return _Done.WAITS
        tellers = {(forge.CheckKind.STATUS, self.parts.forge.account)}
        try:
            await merging.merge(self.parts.forge, pull.number, pull.head, tellers)
        except errors.InvalidRequestError as error:
            # What has moved is looked at anew, and a label comes off.
            if error.reason == merging.Refusal.FREEZE_LABEL:
                await self._hold(pull, error.message)
            elif error.reason != merging.Refusal.HEAD_MOVED:
                finding = proposals.Finding(
                    proposals.Name.VERIFY, forge.CheckState.FAILURE, error.message, error.reason
                )
                await self._tell(pull, [finding])
            return _Done.NOTHING
        if proposals.MERGE in await self._told(pull.head):
            await self._tell(pull, [proposals.Finding(proposals.MERGE, forge.CheckState.SUCCESS, "Merged.")])
        await self.parts.forge.delete_branch(pull.branch)
        return _Done.MERGED

    async def _hold(self, pull: forge.Pull, why: str) -> None:
        """Say what keeps a green one from being merged."""
        await self._tell(pull, [proposals.Finding(proposals.MERGE, forge.CheckState.PENDING, why)])

    async def _tell(self, pull: forge.Pull, findings: list[proposals.Finding]) -> None:
        told = await self._told(pull.head)
        for one in findings:
            description = forge.cut(one.told, forge.DESCRIPTION_CHARS_MAX)
            before = told.get(one.name)
            if before is None or (before.state, before.description) != (one.state, description):
                await self.parts.forge.set_check(pull.head, forge.Check(one.name, one.state, description))
        bad = [one for one in findings if one.state is forge.CheckState.FAILURE]
        if bad:
            body = "\n".join(f"- {one.name}: {f'`{one.reason}` ' if one.reason else ''}{one.told}" for one in bad)
            await self.parts.forge.comment(pull.number, FINDINGS, forge.cut(body, forge.BODY_CHARS_MAX))


async def staged(
    service: care_ports.PatchService, sent: patches.Submission, begun: MutableSet[patches.Submission]
) -> proposals.Finding:
    """Have patchctl try a patch beside what serves, and return what came of it.

    Those `begun` were asked for before, by somebody who did not wait for the end: such a trial is not begun anew. Raises
    OverloadedError while it is busy, UnavailableError where a crash met it and it may be tried again.
    """
    row = await _trial(service, patches.digest(sent.document)) if sent in begun else None
    if row is None:
        decision = await service.apply(sent, trial=True)
        if not decision.success:
            return proposals.Finding(
                proposals.Name.STAGING, forge.CheckState.FAILURE, decision.message, decision.reason
            )
        begun.add(sent)
    if row is None or not row["outcome"]:
        row = await following.end(service, patches.digest(sent.document), trial=True)
    begun.discard(sent)
    if following.may_come_again(row, await service.rows(_ROWS_MAX)):
        raise errors.UnavailableError("The trial was interrupted. It is taken again.")
    if row["outcome"] == "tried":
        told = "Tried beside what serves, and found good."
        return proposals.Finding(proposals.Name.STAGING, forge.CheckState.SUCCESS, told)
    return proposals.Finding(proposals.Name.STAGING, forge.CheckState.FAILURE, str(row["reason"]))


async def _trial(service: care_ports.PatchService, digest: str) -> Mapping[str, Any] | None:
    """Return the row of the newest trial of a patch, None where none is known."""
    rows = await service.rows(_ROWS_MAX)
    return next((one for one in rows if one["digest"] == digest and one["trial"]), None)


async def unwell(watch: care_ports.Sighting, now: float) -> str:
    """Return why what serves is not to be changed now, in one line; "" where it may be. `now` in Unix seconds.

    Red and amber gates say no. One that is unknown for want of traffic lets nothing pass by that: its bake form was green when
    the patch was tried, and must be again while it bakes.
    """
    try:
        sight = await watch.sight()
    except errors.WatcherUnavailableError as error:
        return error.message
    if sight.problem or now - sight.at_s > _SIGHT_S_MAX:
        return sight.problem or "The watcher has seen nothing for a while. `council status` shows whether it runs."
    bad = [one for one in sight.gates if one.verdict in (gates.Verdict.RED, gates.Verdict.AMBER)]
    if not bad and all(one.verdict is not gates.Verdict.GREEN for one in sight.gates):
        return "No gate is green yet."
    return "; ".join(
        f"{one.name} is {one.verdict}: {one.reason}" if one.reason else f"{one.name} is {one.verdict}" for one in bad
    )
