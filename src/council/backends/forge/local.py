"""Forge kind `local`: a bare repository on this machine, with nothing but git.

It lies beside the blueprint's and is never the same. The end of the blueprint's branch is made to serve by the next start
without a bake, so nothing that was merged may be put there before patchctl has applied it; and who proposes needs no right to
write what serves. Both lines hold the same trees, and `push` brings over what did not come through the forge.

A merge is one commit upon its base with the tree of both sides' changes. A file that both changed is a conflict, whatever was
changed in it: patches carry whole files. That a pull request is about to become a commit is written down before its base moves
to it, so that after a crash the base says whether it did.
"""

import asyncio
import dataclasses
import hashlib
import itertools
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from council.backends.forge import git, pull_records
from council.domain import errors, forge
from council.kit import commits

_MAIN = f"{git.BRANCHES}/{forge.MAIN}"
_EMAIL = "council@localhost"
_READ_AT_ONCE = 100
_MERGE_TRIES = 3
# From so many objects on, each a file of its own, they are packed.
_LOOSE_MAX = 2_000
_Found = TypeVar("_Found")
_State = forge.PullState


class LocalForge:
    """Implements care_ports.Forge. `account` is as whom it is asked; `now_s` gives Unix seconds."""

    def __init__(self, folder: Path, account: str, now_s: Callable[[], float]):
        self._repository = git.Repository(folder)
        self._records = pull_records.PullRecords(self._repository, account, now_s)
        self._account = account
        self._now_s = now_s

    @property
    def name(self) -> str:
        """Its kind."""
        return "local"

    @property
    def account(self) -> str:
        """As whom it is asked."""
        return self._account

    async def lacking(self) -> list[forge.Lack]:
        """Return what is missing: git, the repository, or the right to write it."""
        folder = self._repository.folder
        if shutil.which("git") is None:
            return [forge.Lack("git is not installed", "Install it, for example with `apt-get install git`.")]
        if not self._repository.exists:
            return [forge.Lack(f"there is no repository in {folder}", "Start Council: its steward makes it.")]
        if not os.access(folder, os.W_OK):
            return [
                forge.Lack(f"{folder} belongs to somebody else", "Give it to who runs this, or run this as its owner.")
            ]
        return []

    async def head(self) -> forge.Commit:
        """Return the commit that main leads to."""
        return await self._reading(lambda: self._commit(forge.MAIN))

    async def commit(self, name: str) -> forge.Commit:
        """Return the commit of a full commit name or a branch."""
        return await self._reading(lambda: self._commit(name))

    async def files(self, commit: str) -> Mapping[str, forge.Entry]:
        """Return what a commit holds, by path."""
        return await self._reading(lambda: self._repository.entries(self._commit(commit).commit))

    async def file(self, path: str, commit: str) -> forge.File:
        """Return a file of a commit."""
        forge.check_path(path)

        def read() -> forge.File:
            entry = self._repository.entries(self._commit(commit).commit).get(path)
            if entry is None:
                raise errors.ForgeNotFoundError(
                    f"There is no file {path!r} in {commit[:8]}. `files` names those there are."
                )
            content = self._repository.contents([entry.digest])[0]
            if content is None:
                raise self._repository.unreadable(path)
            return forge.File(content, entry.executable)

        return await self._reading(read)

    async def push(
        self, base: str, changes: Mapping[str, forge.Change], words: forge.Words, *, whole: bool = False
    ) -> str:
        """Put one commit upon main without a pull request."""
        forge.check_changes(changes, whole=whole)
        forge.check_words(words)

        def push() -> str:
            before = self._repository.ref(_MAIN) or ""
            if base and base != before:
                self._commit(base)
            made = self._repository.add_commit(base, changes, words, whole=whole)
            if before not in (base, made) or (before != made and not self._repository.swap(_MAIN, made, base or None)):
                raise forge.moved(forge.MAIN, before)
            return made

        return await self._writing(push, create=not base)

    async def branch(
        self,
        name: str,
        base: str,
        changes: Mapping[str, forge.File | None],
        words: forge.Words,
        *,
        instead_of: str = "",
    ) -> str:
        """Have a branch lead to one commit upon `base`, "" for none."""
        forge.check_branch(name)
        forge.check_changes(changes)
        forge.check_words(words)

        def make() -> str:
            if base:
                self._commit(base)
            ref = f"{git.BRANCHES}/{name}"
            before = self._repository.ref(ref) or ""
            made = self._repository.add_commit(base, changes, words)
            if before not in (instead_of, made):
                raise forge.moved(name, before)
            if before != made and not self._repository.swap(ref, made, before or None):
                raise forge.moved(name, self._repository.ref(ref) or "")
            return made

        return await self._writing(make)

    async def delete_branch(self, name: str) -> None:
        """Remove a branch, and close what was proposed with it."""
        forge.check_branch(name)

        def delete() -> None:
            ref = f"{git.BRANCHES}/{name}"
            before = self._repository.ref(ref)
            if before is None:
                return
            for kept, pull in self._newest(_State.OPEN, forge.ROWS_MAX):
                if pull.branch == name:
                    closed = dataclasses.replace(kept.record, state=_State.CLOSED, head=before)
                    self._records.write(closed, kept, "close, since its branch is removed")
            if not self._repository.swap(ref, None, before):
                raise forge.moved(name, self._repository.ref(ref) or "")

        await self._writing(delete)

    async def open_pull(self, proposal: forge.Proposal) -> int:
        """Open a pull request and return its number."""
        forge.check_branch(proposal.branch)
        forge.check_labels(proposal.labels)

        def open_one() -> int:
            head = self._commit(proposal.branch).commit
            for kept, pull in self._newest(_State.OPEN, forge.ROWS_MAX):
                if (pull.branch, pull.base) == (proposal.branch, proposal.base):
                    if not proposal.labels <= pull.labels:
                        record = self._brought_up(kept, labels=pull.labels | proposal.labels)
                        self._records.write(record, kept, "open again")
                    return pull.number
            base = self._commit(proposal.base).commit
            if self._repository.fork_point(head, base) is None:
                raise errors.InvalidRequestError(
                    f"`{proposal.branch}` has no history in common with {proposal.base}. Make it upon a commit of that."
                )
            if self._repository.is_ancestor(head, base):
                raise errors.InvalidRequestError(
                    f"`{proposal.branch}` adds nothing to {proposal.base}. Commit to it first."
                )
            record = pull_records.Record(
                number=max(self._records.numbers(), default=0) + 1,
                state=_State.OPEN,
                title=forge.cut(proposal.title, forge.TITLE_CHARS_MAX),
                body=forge.cut(proposal.body, forge.BODY_CHARS_MAX),
                author=self._account,
                branch=proposal.branch,
                base=proposal.base,
                head=head,
                labels=proposal.labels,
            )
            return self._records.write(record, None, "open").record.number

        return await self._writing(open_one)

    async def pull(self, number: int) -> forge.Pull:
        """Return a pull request."""
        return await self._reading(lambda: self._seen(self._records.find(number).record, self._branches()))

    async def pulls(self, state: _State | None = _State.OPEN, *, limit: int = 100) -> list[forge.Pull]:
        """Return up to `limit` pull requests, newest first."""
        return await self._reading(lambda: [pull for _, pull in self._newest(state, limit)])

    async def label(self, number: int, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> frozenset[str]:
        """Change a pull request's labels."""
        forge.check_labels((*add, *remove))

        def change() -> frozenset[str]:
            kept = self._records.find(number)
            labels = (kept.record.labels | frozenset(add)) - frozenset(remove)
            forge.check_labels(labels)
            if labels != kept.record.labels:
                what = f"label: {', '.join(sorted(labels)) or 'none'}"
                self._records.write(self._brought_up(kept, labels=labels), kept, what)
            return labels

        return await self._writing(change)

    async def set_check(self, commit: str, check: forge.Check) -> None:
        """Tell a finding about a commit."""
        forge.check_check(check)
        told = dataclasses.replace(check, description=forge.cut(check.description, forge.DESCRIPTION_CHARS_MAX))
        await self._writing(lambda: self._records.set_check(self._commit(commit).commit, told))

    async def checks(self, commit: str) -> list[forge.Check]:
        """Return the newest finding of each kind and name about a commit."""
        return await self._reading(lambda: self._records.checks(self._commit(commit).commit))

    async def comment(self, number: int, key: str, body: str) -> None:
        """Say something about a pull request, once a key."""
        forge.check_key(key)
        said = forge.Comment(self._account, forge.cut(body, forge.BODY_CHARS_MAX), key)

        def say() -> None:
            kept = self._records.find(number)
            before = self._records.comments(kept)
            told = [said if (one.by, one.key) == (said.by, key) else one for one in before]
            if said not in told:
                told.append(said)
            if told != before:
                self._records.write(self._brought_up(kept), kept, f"comment: {key}", told)

        await self._writing(say)

    async def comments(self, number: int) -> list[forge.Comment]:
        """Return what was said about a pull request, oldest first."""
        return await self._reading(lambda: self._records.comments(self._records.find(number)))

    async def merge(self, number: int, expected_head: str, title: str, body: str) -> str:
        """Merge a pull request as one commit upon its base."""
        message = f"{forge.cut(title, forge.TITLE_CHARS_MAX)}\n\n{forge.cut(body, forge.BODY_CHARS_MAX)}".strip() + "\n"

        def merge() -> str:
            base = self._records.find(number).record.base
            for _ in range(_MERGE_TRIES):
                kept = self._records.find(number)
                pull = self._seen(kept.record, self._branches())
                if pull.head != expected_head:
                    raise forge.moved(f"pull request {number}", pull.head)
                if pull.state is _State.CLOSED:
                    raise _conflict(number, "is closed. Open another.")
                merged = pull.merged or self._merged(kept, pull, message)
                if merged:
                    closed = dataclasses.replace(kept.record, state=_State.MERGED, head=pull.head, becoming=merged)
                    now = self._records.find(number)
                    if now.record != closed:
                        self._records.write(closed, now, "merge")
                    return merged
            raise forge.moved(base, self._repository.ref(f"{git.BRANCHES}/{base}") or "")

        return await self._writing(merge)

    async def close_pull(self, number: int) -> None:
        """Close a pull request without merging it."""

        def close() -> None:
            kept = self._records.find(number)
            if self._seen(kept.record, self._branches()).state is _State.OPEN:
                self._records.write(self._brought_up(kept, state=_State.CLOSED), kept, "close")

        await self._writing(close)

    async def news(self, cursor: str = "", *, of_main: bool = False) -> forge.News:
        """Return what has changed since a cursor.

        The cursor holds a digest of where everything is, and which pull requests were open: told are those that are, and
        those that were or came since.
        """
        digest, last, were_open = _parts(cursor)

        def look() -> forge.News:
            if not self._repository.exists:
                return forge.News("", "")
            refs = self._repository.refs(*((_MAIN,) if of_main else (git.BRANCHES, pull_records.PULLS)))
            now = hashlib.sha256("".join(f"{at} {name}\n" for name, at in refs.items()).encode()).hexdigest()[:32]
            main = refs.get(_MAIN, "")
            if now == digest:
                return forge.News(cursor, main)
            newest = [] if of_main else self._newest(None, forge.ROWS_MAX)
            opened = [pull.number for _, pull in newest if pull.state is _State.OPEN]
            told = [
                pull
                for _, pull in newest
                if pull.state is _State.OPEN or (digest and (pull.number > last or pull.number in were_open))
            ]
            highest = newest[0][1].number if newest else 0
            return forge.News(f"{now}:{highest}:{','.join(map(str, opened))}", main, tuple(told))

        return await asyncio.to_thread(look)

    async def tidy(self) -> bool:
        """Pack what has gathered, and drop what nothing leads to any more."""
        if not await self._reading(lambda: self._repository.loose() >= _LOOSE_MAX):
            return False
        return await self._writing(self._repository.tidy)

    async def close(self) -> None:
        """Do nothing: there is no connection."""

    def _commit(self, name: str) -> forge.Commit:
        made = name if commits.is_commit(name) else self._repository.ref(f"{git.BRANCHES}/{name}")
        found = self._repository.commit(made) if made else None
        if found is None:
            raise errors.ForgeNotFoundError(
                f"There is no branch or commit {name[:100]!r} in {self._repository.folder}. Look at what there is with git."
            )
        return found

    def _newest(self, state: _State | None, limit: int) -> list[tuple[pull_records.Kept, forge.Pull]]:
        found: list[tuple[pull_records.Kept, forge.Pull]] = []
        numbers = iter(self._records.numbers().items())
        branches = self._branches()
        while len(found) < limit and (few := dict(itertools.islice(numbers, _READ_AT_ONCE))):
            pairs = [(kept, self._seen(kept.record, branches)) for kept in self._records.read(few)]
            found += [(kept, pull) for kept, pull in pairs if state in (None, pull.state)]
        return found[:limit]

    def _branches(self) -> dict[str, str]:
        return self._repository.refs(git.BRANCHES)

    def _seen(self, record: pull_records.Record, branches: Mapping[str, str]) -> forge.Pull:
        """Return a pull request as refs say it is: what it proposes, and whether it became a commit of its base."""
        state, head, merged = record.state, record.head, ""
        base = branches.get(f"{git.BRANCHES}/{record.base}")
        if state is _State.MERGED or (record.becoming and base and self._repository.is_ancestor(record.becoming, base)):
            state, merged = _State.MERGED, record.becoming
        elif state is _State.OPEN:
            now = branches.get(f"{git.BRANCHES}/{record.branch}")
            state, head = (_State.CLOSED, head) if now is None else (state, now)
        return forge.Pull(
            number=record.number,
            state=state,
            title=record.title,
            body=record.body,
            author=record.author,
            branch=record.branch,
            head=head,
            base=record.base,
            labels=record.labels,
            merged=merged,
        )

    def _brought_up(self, kept: pull_records.Kept, **changed: object) -> pull_records.Record:
        """Return the record with what refs say of it, and what is to change."""
        pull = self._seen(kept.record, self._branches())
        found = {"state": pull.state, "head": pull.head, "becoming": pull.merged or kept.record.becoming, **changed}
        return dataclasses.replace(kept.record, **found)  # type: ignore[arg-type]

    def _merged(self, kept: pull_records.Kept, pull: forge.Pull, message: str) -> str:
        """Have the base become what the pull request makes of it; return the commit, "" where the base moved meanwhile."""
        base, head = self._commit(pull.base), self._commit(pull.head)
        point = self._repository.fork_point(base.commit, head.commit)
        tree = self._repository.merged_tree(point, base.commit, head.commit) if point else None
        if tree is None:
            raise _conflict(
                pull.number, f"and {pull.base} changed the same files. Make it anew from {pull.base}'s head."
            )
        if tree == base.tree:
            raise _conflict(pull.number, f"changes nothing of {pull.base} any more. Close it.")
        words = forge.Words(message, head.author or self._account, _EMAIL, int(self._now_s()))
        made = self._repository.add_commit_of(tree, [base.commit], words)
        becoming = dataclasses.replace(kept.record, head=pull.head, becoming=made)
        self._records.write(becoming, kept, f"about to become {made}")
        return made if self._repository.swap(f"{git.BRANCHES}/{pull.base}", made, base.commit) else ""

    async def _reading(self, read: Callable[[], _Found]) -> _Found:
        def found() -> _Found:
            self._check_exists()
            return read()

        return await asyncio.to_thread(found)

    async def _writing(self, write: Callable[[], _Found], *, create: bool = False) -> _Found:
        def written() -> _Found:
            if create and not self._repository.exists:
                self._repository.create()
            self._check_exists()
            with self._repository.locked():
                return write()

        return await asyncio.to_thread(written)

    def _check_exists(self) -> None:
        if not self._repository.exists:
            raise errors.ForgeNotFoundError(
                f"There is no forge in {self._repository.folder} yet. Start Council: its steward makes it."
            )


def _conflict(number: int, why: str) -> errors.ForgeConflictError:
    return errors.ForgeConflictError(f"Pull request {number} cannot be merged: it {why}")


def _parts(cursor: str) -> tuple[str, int, frozenset[int]]:
    """Return what a cursor holds; nothing for one that is none of ours."""
    digest, _, rest = cursor.partition(":")
    last, _, numbers = rest.partition(":")
    rows = [number for number in numbers.split(",") if number]
    if not all(number.isdecimal() for number in [last, *rows]):
        return "", 0, frozenset()
    return digest, int(last), frozenset(map(int, rows))
