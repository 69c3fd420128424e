"""Takes pull requests of the local forge from opened to merged: the part that a workflow does on GitHub.

One pull request at a time and one step a turn, so that whoever proposes a lot waits and nobody else does. What was found is a
status of its head; a head that moves is looked at anew.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from council import care_ports
from council.delivery import merging, proposals
from council.domain import authz, errors, forge, gates, patches
from council.patching import drafting
from council.upkeep.engine import changes
from council.upkeep.patchctl.core import signature

_log = logging.getLogger(__name__)

# As whom the local forge is asked: what it says of a head counts.
ACCOUNT = "council"
FINDINGS = "checks"
GATES_S = 300.0
_SIGHT_S_MAX = 60.0
_FILES_DIFFER_MAX = patches.FILES_MAX


@dataclass(frozen=True, slots=True)
class Parts:
    """What is leaned on. `base()` is the folder with the files that main and the live generation both hold."""

    forge: care_ports.Forge
    patches: care_ports.PatchService
    watch: care_ports.Watch
    base: Callable[[], Path]
    now: Callable[[], float] = time.time
    gates_s: float = GATES_S


@dataclass(slots=True)
class Referee:
    """By one task, while main and the live line are in step."""

    parts: Parts
    # Since when the gates of a head are waited for, Unix seconds.
    _waiting_s: dict[str, float] = field(default_factory=dict)

    async def turn(self, main: forge.Commit) -> bool:
        """Take one pull request a step further, the oldest first; return whether one was merged. Raises ForgeError."""
        pulls = [one for one in await self.parts.forge.pulls(limit=forge.ROWS_MAX) if one.base == forge.MAIN]
        for pull in reversed(pulls):
            try:
                done = await self._further(pull, main)
            except errors.ForgeUnavailableError as error:
                # What one of them holds must not keep the others.
                _log.warning("a pull request cannot be read", extra={"number": pull.number, "reason": error.message})
                continue
            if done is not None:
                return done
        return False

    async def _further(self, pull: forge.Pull, main: forge.Commit) -> bool | None:
        """Take a pull request a step further; return whether it was merged, None where there was nothing to do."""
        told = {name: one.state for name, one in (await self._told(pull.head)).items()}
        if forge.CheckState.FAILURE in told.values():
            return None
        missing = [name for name in proposals.Name if told.get(name) in (None, forge.CheckState.PENDING)]
        if not missing:
            return True if await self._merge(pull) else None
        return False if await self._check(pull, main, missing[0]) else None

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
        differing = [path for path in sorted(before.keys() | after.keys()) if before.get(path) != after.get(path)]
        if len(differing) > _FILES_DIFFER_MAX + 2:
            raise errors.InvalidRequestError(
                f"It changes {len(differing)} files; {_FILES_DIFFER_MAX} are allowed. Split it into several."
            )
        held: dict[str, forge.File | None] = {}
        # The patch holds what its files do.
        left = 2 * authz.ceilings().patch_bytes + signature.BYTES_MAX
        for path in differing:
            held[path] = await self.parts.forge.file(path, pull.head) if path in after else None
            left -= len(file.content) if (file := held[path]) is not None else 0
            if left < 0:
                raise errors.InvalidRequestError("It holds more than any patch may. Split it into several.")
        pair = [held.pop(path, None) for path in (changes.DOCUMENT, changes.SIGNATURE)]
        if pair[0] is None or pair[1] is None:
            raise errors.InvalidRequestError(
                f"It carries no new `{changes.DOCUMENT}` with `{changes.SIGNATURE}`. Propose it with `council propose`."
            )
        sent = patches.Submission(pair[0].content, pair[1].content)
        return proposals.Proposal(sent, {path: _held(file) for path, file in held.items()}, pull.author)

    async def _stage(self, pull: forge.Pull) -> bool:
        """Have patchctl try the patch beside what serves."""
        sent = patches.Submission(
            (await self.parts.forge.file(changes.DOCUMENT, pull.head)).content,
            (await self.parts.forge.file(changes.SIGNATURE, pull.head)).content,
        )
        try:
            finding = await staged(self.parts.patches, sent)
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

    async def _merge(self, pull: forge.Pull) -> bool:
        # The check may be of yesterday, as where a label came off.
        if await unwell(self.parts.watch, self.parts.now()):
            return False
        try:
            await merging.merge(self.parts.forge, pull.number, pull.head, {self.parts.forge.account})
        except errors.InvalidRequestError as error:
            # What has moved is looked at anew, and a label comes off.
            if error.reason not in (merging.Refusal.HEAD_MOVED, merging.Refusal.FREEZE_LABEL):
                finding = proposals.Finding(
                    proposals.Name.VERIFY, forge.CheckState.FAILURE, error.message, error.reason
                )
                await self._tell(pull, [finding])
            return False
        await self.parts.forge.delete_branch(pull.branch)
        return True

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


async def staged(service: care_ports.PatchService, sent: patches.Submission) -> proposals.Finding:
    """Have patchctl try a patch beside what serves, and return what came of it. Raises OverloadedError while it is busy."""
    decision = await service.apply(sent, trial=True)
    if not decision.success:
        return proposals.Finding(proposals.Name.STAGING, forge.CheckState.FAILURE, decision.message, decision.reason)
    async for row in service.follow():
        if row["digest"] == decision.digest and row["trial"] and row["outcome"]:
            if row["outcome"] == "tried":
                told = "Tried beside what serves, and found good."
                return proposals.Finding(proposals.Name.STAGING, forge.CheckState.SUCCESS, told)
            return proposals.Finding(proposals.Name.STAGING, forge.CheckState.FAILURE, str(row["reason"]))
    raise errors.PatchServiceUnavailableError("What takes patches in has let go before the end. Try again.")


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


def _held(file: forge.File | None) -> drafting.Held | None:
    return None if file is None else drafting.Held(file.content, file.executable)
