"""Keeps the forge's main and the live line in step: one step of `lines` a turn, and the forge is told what came of it.

It holds nothing that matters: what it has told is looked up on the forge, and what became of patches in the journal. Whatever
raises here is tried again at the next turn. Where neither side has changed since a turn that left nothing to do, the next one
looks no further.
"""

import contextlib
import logging
import math
import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from council import care_ports
from council.delivery import lines, pairs
from council.domain import errors, forge, patches
from council.kit import beneath
from council.patching import following
from council.upkeep.engine import changes, repository, trees

_log = logging.getLogger(__name__)

DEPLOY = "council/deploy"
OUTCOME = "outcome"
_AUTHOR, _EMAIL = "council", "council@localhost"
# So many of main's last commits are looked at, after a start, for what nobody has told of them.
_UNTOLD_MAX = 20
_MERGED_MAX = 100
_TRIES_MAX = 5
_AGAIN_S = 60.0
_ROWS_MAX = 200
_FATES: Mapping[str, lines.Fate] = {
    "": lines.Fate.ON_ITS_WAY,
    "applied": lines.Fate.APPLIED,
    "refused": lines.Fate.REFUSED,
    "rolled back": lines.Fate.ROLLED_BACK,
}
# What may be otherwise in a while without anybody's doing.
_PASSING = frozenset({patches.Reason.FROZEN})


@dataclass(frozen=True, slots=True)
class Parts:
    """What a courier leans on. `generations` holds the folder of each generation that is on disk, by its name.

    `mark` is a file that says which main was in step before; without it, one that somebody rewrote is taken for another
    project's. `of_main`: of the forge's news only those of main matter here.
    """

    forge: care_ports.Forge
    patches: care_ports.PatchService
    watch: care_ports.Watch
    generations: Path
    mark: Path
    now: Callable[[], float] = time.time
    of_main: bool = False


@dataclass(frozen=True, slots=True)
class _Seen:
    """Both sides, as a turn found them that left nothing to do."""

    cursor: str
    rows: list[Mapping[str, Any]]
    line: list[Mapping[str, Any]]


@dataclass(slots=True)
class _Telling:
    """What is to be said of a commit of main."""

    commit: lines.Commit
    state: forge.CheckState
    told: str
    tries: int = 0


@dataclass(slots=True)
class Courier:
    """By one task."""

    parts: Parts
    # Commits of main whose patch would not be taken in, with why: not every refusal is on record, and none is for ever.
    _refused: dict[str, str] = field(default_factory=dict)
    # When one was asked about that may be taken another time.
    _asked: dict[str, float] = field(default_factory=dict)
    _to_tell: dict[str, _Telling] = field(default_factory=dict)
    _handed: dict[str, lines.Commit] = field(default_factory=dict)
    _has_looked_back: bool = False
    _cursor: str = ""
    _seen: _Seen | None = None
    # When it looks again although nothing has changed.
    _again_s: float = math.inf
    _step: lines.Step = field(default_factory=lines.InStep)
    # The generation that served when it was last looked.
    live: str = ""
    # Whether the last turn found both sides as the one before had left them.
    is_still: bool = False

    async def turn(self) -> lines.Step:
        """Take one step; return which. Raises ForgeError, PatchServiceUnavailableError, BlueprintError."""
        news = await self.parts.forge.news(self._cursor, of_main=self.parts.of_main)
        # In this order: what is live is never older than what is known of patches.
        rows = await self.parts.patches.rows(_ROWS_MAX)
        seen = _Seen(news.cursor, rows, await self.parts.patches.line())
        self.is_still = seen == self._seen and self.parts.now() < self._again_s
        if self.is_still:
            return self._step
        self._seen, self._cursor = None, news.cursor
        self._step = await self._taken(_ways(seen.rows), _proven(seen.line))
        await self._tell_all()
        self._again_s = math.inf
        waits = isinstance(self._step, lines.InStep | lines.Wait | lines.Unrelated)
        if isinstance(self._step, lines.Hand) and (asked_s := self._asked.get(self._step.commit.name)) is not None:
            waits, self._again_s = True, asked_s + _AGAIN_S
        self._seen = seen if waits and not self._to_tell else None
        return self._step

    async def _taken(self, rows: Mapping[str, Mapping[str, Any]], live: list[lines.Commit]) -> lines.Step:
        """Take one step by what became of patches and the live line; return which."""
        self.live = live[0].name
        main = await self._main(live)
        fates = {digest: _FATES[str(row["outcome"])] for digest, row in rows.items() if row["reason"] not in _PASSING}
        fates |= {one.digest: lines.Fate.REFUSED for one in main if one.name in self._refused}
        step = lines.next_step(main, live, fates)
        if isinstance(step, lines.Unrelated):
            step = lines.next_step(main, live, fates, was_ours=await self._was_in_step())
        match step:
            case lines.Hand(commit):
                await self._hand(commit)
            case lines.Wait(commit):
                self._handed[commit.digest] = commit
            case lines.Push(generation):
                await self._put(self._on_disk(generation, live), main, self._about(generation, rows))
            case lines.Restore(generation, dropped, reason):
                message = f"Take back what does not serve\n\n{reason[:1].upper()}{reason[1:]}."
                is_taken_back = await self._put(generation, main, message)
                for one in dropped[:_UNTOLD_MAX] if is_taken_back else ():
                    # Not before it is so.
                    why = self._refused.get(one.name) or _reason(rows.get(one.digest)) or reason
                    self._to_tell[one.name] = _Telling(one, forge.CheckState.FAILURE, f"Taken back upon main: {why}")
            case lines.InStep() if not self._has_looked_back:
                await self._look_back(rows)
                self._mark(main[0])
                self._has_looked_back = True
        self._note_ends(rows)
        return step

    async def _main(self, live: list[lines.Commit]) -> list[lines.Commit]:
        """Return main's commits down to the first that has served; where that serves no longer, and the one before it."""
        try:
            one = await self.parts.forge.head()
        except errors.ForgeNotFoundError:
            return []
        served = {each.tree for each in live}
        found: list[lines.Commit] = []
        while len(found) < lines.DEPTH_MAX:
            has_served = one.tree in served
            found.append(lines.Commit(one.commit, one.tree, "" if has_served else await self._digest(one)))
            if not one.parents or (has_served and (len(found) > 1 or one.tree == live[0].tree)):
                break
            one = await self.parts.forge.commit(one.parents[0])
            if has_served:
                found.append(lines.Commit(one.commit, one.tree))
                break
        return found

    async def _was_in_step(self) -> bool:
        """Return whether this forge's main has been in step before, as far as this machine remembers."""
        with contextlib.suppress(OSError, UnicodeDecodeError, errors.ForgeNotFoundError):
            name, _, commit = self.parts.mark.read_text().partition("\n")
            return name == self.parts.forge.name and bool(await self.parts.forge.commit(commit.strip()))
        return False

    def _mark(self, head: lines.Commit) -> None:
        try:
            self.parts.mark.write_text(f"{self.parts.forge.name}\n{head.name}\n")
        except OSError as error:
            _log.warning("nobody will remember that main was in step", extra={"reason": str(error)})

    async def _digest(self, one: forge.Commit) -> str:
        """Return the patch that a commit carries, "" where it is that of its parent or none, or it holds what no patch does."""
        try:
            held = (await self.parts.forge.files(one.commit)).get(changes.DOCUMENT)
            before = (await self.parts.forge.files(one.parents[0])).get(changes.DOCUMENT) if one.parents else None
            if held is None or (before is not None and before.digest == held.digest):
                return ""
            return patches.digest((await self.parts.forge.file(changes.DOCUMENT, one.commit)).content)
        except errors.InvalidRequestError:
            return ""

    async def _hand(self, commit: lines.Commit) -> None:
        if self.parts.now() - self._asked.get(commit.name, -_AGAIN_S) < _AGAIN_S:
            return
        try:
            decision = await self.parts.patches.apply(await pairs.of_commit(self.parts.forge, commit.name))
        except (errors.ForgeNotFoundError, errors.InvalidRequestError) as error:
            self._refused[commit.name] = error.message
            return
        except (errors.OverloadedError, errors.UnavailableError) as error:
            # As while another is on its way.
            self._to_tell[commit.name] = _Telling(commit, forge.CheckState.PENDING, error.message)
            return
        if decision.success:
            self._handed[commit.digest] = commit
            told = f"cid:{decision.cid} is on its way"
            self._to_tell[commit.name] = _Telling(commit, forge.CheckState.PENDING, told)
        elif decision.reason in _PASSING:
            # Each refusal is a record of the journal.
            self._asked[commit.name] = self.parts.now()
            self._to_tell[commit.name] = _Telling(commit, forge.CheckState.PENDING, decision.message)
        else:
            self._refused[commit.name] = f"{decision.reason}: {decision.message}"

    def _note_ends(self, rows: Mapping[str, Mapping[str, Any]]) -> None:
        """Note to be told what became of patches that were handed on."""
        for digest, commit in list(self._handed.items()):
            row = rows.get(digest)
            if row is not None and row["outcome"]:
                # One that was taken back has been told so already.
                self._to_tell.setdefault(commit.name, _ended(commit, row))
                del self._handed[digest]

    async def _look_back(self, rows: Mapping[str, Mapping[str, Any]]) -> None:
        """Note to be told what an earlier process has not come to say."""
        one = await self.parts.forge.head()
        for _ in range(_UNTOLD_MAX):
            row = rows.get(digest) if (digest := await self._digest(one)) else None
            told = {check.name: check.state for check in await self.parts.forge.checks(one.commit)}
            if row is not None and row["outcome"] and told.get(DEPLOY) in (None, forge.CheckState.PENDING):
                self._to_tell[one.commit] = _ended(lines.Commit(one.commit, one.tree, digest), row)
            if not one.parents:
                return
            one = await self.parts.forge.commit(one.parents[0])

    async def _tell_all(self) -> None:
        """Tell what is to be told. What the forge does not take is tried a few times, and keeps nothing from being done."""
        for name, telling in list(self._to_tell.items()):
            try:
                await self._tell(telling)
            except errors.ForgeError as error:
                telling.tries += 1
                if telling.tries < _TRIES_MAX:
                    continue
                _log.warning("the forge does not take what became of a patch", extra={"reason": error.message})
            del self._to_tell[name]

    async def _tell(self, telling: "_Telling") -> None:
        """Say it about a commit, and where it was merged from."""
        commit, description = telling.commit, forge.cut(telling.told, forge.DESCRIPTION_CHARS_MAX)
        told = [one for one in await self.parts.forge.checks(commit.name) if one.name == DEPLOY]
        if not any((one.state, one.description) == (telling.state, description) for one in told):
            await self.parts.forge.set_check(commit.name, forge.Check(DEPLOY, telling.state, description))
        if telling.state is forge.CheckState.PENDING:
            return
        for pull in await self.parts.forge.pulls(forge.PullState.MERGED, limit=_MERGED_MAX):
            if pull.merged == commit.name:
                body = f"{telling.told}\n\n{await self._gates()}"
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

    async def _put(self, generation: lines.Commit, main: list[lines.Commit], message: str) -> bool:
        """Have main hold the files of a generation and no others, whatever it holds; return whether it does.

        Raises ForgeForbiddenError where main is not let be written, though it is where it was.
        """
        base = main[0].name if main else ""
        try:
            there = await self.parts.forge.files(base) if base else {}
        except errors.InvalidRequestError:
            # A link, or more files than a blueprint has.
            there = {}
        words = forge.Words(message, _AUTHOR, _EMAIL, int(self.parts.now()))
        wanted = self._files(generation, {one.digest for one in there.values()})
        try:
            await self.parts.forge.push(base, wanted, words, whole=True)
        except errors.ForgeMovedError as error:
            if await self._head() == base:
                # To look again at once would be for ever.
                raise errors.ForgeForbiddenError(
                    f"Main of {self.parts.forge.name} is to hold what serves, and the forge does not let Council write it. Let "
                    "its account pass: add it to those that may bypass the ruleset or the protection of main.",
                    detail=error.message,
                ) from error
            _log.info("main has moved while it was looked at")
            return False
        return True

    async def _head(self) -> str:
        try:
            return (await self.parts.forge.head()).commit
        except errors.ForgeNotFoundError:
            return ""

    def _files(self, generation: lines.Commit, there: Container[str]) -> dict[str, forge.Change]:
        """Return the files of a generation, without the content of those that are there. Raises BlueprintError."""
        found: dict[str, forge.Change] = {}
        names: dict[str, tuple[str, bool]] = {}
        try:
            with beneath.held(self.parts.generations / generation.name) as folder:
                for path in sorted(folder.listing(repository.ENTRIES_MAX).files):
                    held = folder.read(path, repository.FILE_BYTES_MAX)
                    digest = repository.blob_name(held.content, generation.tree)
                    names[path] = digest, held.executable
                    is_known = digest in there
                    found[path] = (
                        forge.Entry(digest, held.executable) if is_known else forge.File(held.content, held.executable)
                    )
        except (OSError, beneath.NotPlainError) as error:
            raise errors.BlueprintError(
                f"Generation {generation.name[:8]} cannot be read: {error}. Move its folder away, and run `council init`, "
                "which writes it anew."
            ) from error
        if trees.named(names, generation.tree) != generation.tree:
            raise errors.BlueprintError(
                f"The folder of generation {generation.name[:8]} is not what its commit says, so it is not put upon main. Find "
                "out who wrote there, move the folder away, and run `council init`, which writes it anew."
            )
        return found


def _ways(rows: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the newest row of each patch that went a way, by digest, from rows with the newest first.

    What was refused before it began, or only for a crash, may be taken another time, and what was only tried says nothing.
    """
    went = [one for one in reversed(rows) if one["phase"] and not one["trial"]]
    newest = {str(one["digest"]): one for one in went}
    return {digest: one for digest, one in newest.items() if not following.may_come_again(one, went)}


def _proven(line: Sequence[Mapping[str, Any]]) -> list[lines.Commit]:
    """Return the line without a generation that still bakes: it may be taken back."""
    return [lines.Commit(str(one["generation"]), str(one["tree"])) for one in line if one["proven"]]


def _ended(commit: lines.Commit, row: Mapping[str, Any]) -> "_Telling":
    good = row["outcome"] == "applied"
    told = f"cid:{row['cid']} {row['outcome']}" + (f": {row['reason']}" if row["reason"] else "")
    return _Telling(commit, forge.CheckState.SUCCESS if good else forge.CheckState.FAILURE, told)


def _reason(row: Mapping[str, Any] | None) -> str:
    return "" if row is None or not row["reason"] else str(row["reason"])
