"""Keeps the forge's main and the live line in step: one step of `lines` a turn, and the forge is told what came of it.

It holds nothing that matters: what it has told is looked up on the forge, and what became of patches in the journal. Whatever
raises here is tried again at the next turn.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from council import care_ports
from council.delivery import lines
from council.domain import errors, forge, patches
from council.kit import beneath
from council.upkeep.engine import changes, repository
from council.upkeep.patchctl.core import signature

_log = logging.getLogger(__name__)

DEPLOY = "council/deploy"
OUTCOME = "outcome"
_AUTHOR, _EMAIL = "council", "council@localhost"
# So many of main's last commits are looked at, after a start, for what nobody has told of them.
_UNTOLD_MAX = 20
_MERGED_MAX = 100
_ROWS_MAX = 200
_FILES_MAX = 10_000
_FATES: Mapping[str, lines.Fate] = {
    "": lines.Fate.ON_ITS_WAY,
    "applied": lines.Fate.APPLIED,
    "refused": lines.Fate.REFUSED,
    "rolled back": lines.Fate.ROLLED_BACK,
}
# What may be otherwise in a while without anybody's doing.
_PASSING = frozenset({patches.Reason.FROZEN, patches.Reason.OUTSIDE_WINDOW})


@dataclass(frozen=True, slots=True)
class Parts:
    """What a courier leans on. `generations` holds the folder of each generation that is on disk, by its name."""

    forge: care_ports.Forge
    patches: care_ports.PatchService
    watch: care_ports.Watch
    generations: Path
    now: Callable[[], float] = time.time


@dataclass(slots=True)
class Courier:
    """By one task."""

    parts: Parts
    # Patches that patchctl would not take in, with why: only those of proven signers are on record.
    _refused: dict[str, str] = field(default_factory=dict)
    _handed: dict[str, lines.Commit] = field(default_factory=dict)
    _has_looked_back: bool = False
    # The generation that served when it was last looked.
    live: str = ""

    async def turn(self) -> lines.Step:
        """Take one step; return which. Raises ForgeError, PatchServiceUnavailableError, InvalidRequestError."""
        # In this order: what is live is never older than what is known of patches.
        rows = {str(one["digest"]): one for one in await self.parts.patches.rows(_ROWS_MAX) if not one["trial"]}
        live = _proven(await self.parts.patches.line(), rows)
        self.live = live[0].name
        main = await self._main({one.tree for one in live})
        fates = {digest: _FATES[str(row["outcome"])] for digest, row in rows.items()}
        fates |= dict.fromkeys(self._refused, lines.Fate.REFUSED)
        await self._tell_ends(rows)
        step = lines.next_step(main, live, fates)
        match step:
            case lines.Hand(commit):
                await self._hand(commit)
            case lines.Wait(commit):
                self._handed[commit.digest] = commit
            case lines.Push(generation):
                await self._put(self._on_disk(generation, live), main, self._about(generation, rows))
            case lines.Restore(generation, dropped, reason):
                for one in dropped:
                    why = self._refused.get(one.digest) or _reason(rows.get(one.digest)) or reason
                    await self._tell(one, forge.CheckState.FAILURE, f"Taken back upon main: {why}")
                await self._put(generation, main, f"Take back what does not serve\n\n{reason[:1].upper()}{reason[1:]}.")
            case lines.InStep() if not self._has_looked_back:
                await self._look_back(rows)
                self._has_looked_back = True
        return step

    async def _main(self, live: set[str]) -> list[lines.Commit]:
        """Return main's commits down to the first that has served."""
        try:
            one = await self.parts.forge.head()
        except errors.ForgeNotFoundError:
            return []
        found: list[lines.Commit] = []
        while len(found) < lines.DEPTH_MAX:
            has_served = one.tree in live
            found.append(lines.Commit(one.commit, one.tree, "" if has_served else await self._digest(one)))
            if has_served or not one.parents:
                break
            one = await self.parts.forge.commit(one.parents[0])
        return found

    async def _digest(self, one: forge.Commit) -> str:
        """Return the patch that a commit carries, "" where it is that of its parent or none."""
        held = (await self.parts.forge.files(one.commit)).get(changes.DOCUMENT)
        before = (await self.parts.forge.files(one.parents[0])).get(changes.DOCUMENT) if one.parents else None
        if held is None or (before is not None and before.digest == held.digest):
            return ""
        return patches.digest((await self.parts.forge.file(changes.DOCUMENT, one.commit)).content)

    async def _hand(self, commit: lines.Commit) -> None:
        try:
            document = (await self.parts.forge.file(changes.DOCUMENT, commit.name)).content
            signed = (await self.parts.forge.file(changes.SIGNATURE, commit.name)).content[: signature.BYTES_MAX + 1]
            decision = await self.parts.patches.apply(patches.Submission(document, signed))
        except errors.ForgeNotFoundError:
            self._refused[commit.digest] = "It carries no signature."
            return
        except (errors.OverloadedError, errors.UnavailableError) as error:
            # As while another is on its way.
            await self._tell(commit, forge.CheckState.PENDING, error.message)
            return
        if decision.success:
            self._handed[commit.digest] = commit
            await self._tell(commit, forge.CheckState.PENDING, f"cid:{decision.cid} is on its way")
        elif decision.reason not in _PASSING:
            self._refused[commit.digest] = f"{decision.reason}: {decision.message}"

    async def _tell_ends(self, rows: Mapping[str, Mapping[str, Any]]) -> None:
        """Say on the forge what became of patches that were handed on."""
        for digest, commit in list(self._handed.items()):
            row = rows.get(digest)
            if row is not None and row["outcome"]:
                await self._tell_row(commit, row)
                del self._handed[digest]

    async def _look_back(self, rows: Mapping[str, Mapping[str, Any]]) -> None:
        """Say what an earlier process has not come to say."""
        one = await self.parts.forge.head()
        for _ in range(_UNTOLD_MAX):
            row = rows.get(digest) if (digest := await self._digest(one)) else None
            told = {check.name: check.state for check in await self.parts.forge.checks(one.commit)}
            if row is not None and row["outcome"] and told.get(DEPLOY) in (None, forge.CheckState.PENDING):
                await self._tell_row(lines.Commit(one.commit, one.tree, digest), row)
            if not one.parents:
                return
            one = await self.parts.forge.commit(one.parents[0])

    async def _tell_row(self, commit: lines.Commit, row: Mapping[str, Any]) -> None:
        good = row["outcome"] == "applied"
        told = f"cid:{row['cid']} {row['outcome']}"
        if row["reason"]:
            told += f": {row['reason']}"
        await self._tell(commit, forge.CheckState.SUCCESS if good else forge.CheckState.FAILURE, told)

    async def _tell(self, commit: lines.Commit, state: forge.CheckState, told: str) -> None:
        """Say it about a commit, and where it was merged from."""
        check = forge.Check(DEPLOY, state, forge.cut(told, forge.DESCRIPTION_CHARS_MAX))
        await self.parts.forge.set_check(commit.name, check)
        if state is forge.CheckState.PENDING:
            return
        for pull in await self.parts.forge.pulls(forge.PullState.MERGED, limit=_MERGED_MAX):
            if pull.merged == commit.name:
                body = f"{told}\n\n{await self._gates()}"
                await self.parts.forge.comment(pull.number, OUTCOME, forge.cut(body, forge.BODY_CHARS_MAX))

    async def _gates(self) -> str:
        try:
            sight = await self.parts.watch.sight()
        except errors.WatcherUnavailableError:
            return "The gates could not be read."
        rows = "".join(f"| {one.name} | {one.verdict} |\n" for one in sight.gates)
        return f"| gate | verdict |\n|---|---|\n{rows}"

    def _on_disk(self, wanted: lines.Commit, live: list[lines.Commit]) -> lines.Commit:
        """Return a generation, or the next one whose files are still there; the live one's are."""
        later = live[: live.index(wanted) + 1]
        return next(one for one in reversed(later) if one is live[0] or (self.parts.generations / one.name).is_dir())

    def _about(self, generation: lines.Commit, rows: Mapping[str, Mapping[str, Any]]) -> str:
        row = next((one for one in rows.values() if one["target"] == generation.name), None)
        if row is not None:
            return f"{row['title']}\n\n{row['line']}, applied by patchctl."
        return f"Follow what serves\n\nGeneration {generation.name} was made by the owner, or by a rollback."

    async def _put(self, generation: lines.Commit, main: list[lines.Commit], message: str) -> None:
        """Have main hold the files of a generation."""
        base = main[0].name if main else ""
        there = await self.parts.forge.files(base) if base else {}
        words = forge.Words(message, _AUTHOR, _EMAIL, int(self.parts.now()))
        wanted = self._differing(generation, there)
        try:
            await self.parts.forge.push(base, wanted, words)
        except errors.ForgeMovedError:
            _log.info("main has moved while it was looked at")

    def _differing(self, generation: lines.Commit, there: Mapping[str, forge.Entry]) -> dict[str, forge.File | None]:
        """Return what turns the files that are there into those of a generation. Raises BlueprintError."""
        found: dict[str, forge.File | None] = {}
        try:
            with beneath.held(self.parts.generations / generation.name) as folder:
                here = folder.listing(2 * _FILES_MAX).files
                for path in sorted(here):
                    held = folder.read(path, repository.FILE_BYTES_MAX)
                    entry = forge.Entry(repository.blob_name(held.content, generation.tree), held.executable)
                    if there.get(path) != entry:
                        found[path] = forge.File(held.content, held.executable)
        except (OSError, beneath.NotPlainError) as error:
            raise errors.BlueprintError(f"Generation {generation.name[:8]} cannot be read: {error}.") from error
        return found | dict.fromkeys(there.keys() - here, None)


def _proven(line: Sequence[Mapping[str, Any]], rows: Mapping[str, Mapping[str, Any]]) -> list[lines.Commit]:
    """Return the line without a generation that still bakes: it may be taken back."""
    found = [lines.Commit(str(one["generation"]), str(one["tree"])) for one in line]
    baking = {str(row["target"]) for row in rows.values() if not row["outcome"]}
    return found[1:] if len(found) > 1 and found[0].name in baking else found


def _reason(row: Mapping[str, Any] | None) -> str:
    return "" if row is None or not row["reason"] else str(row["reason"])
