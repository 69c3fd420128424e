"""Pull requests and checks as files in a repository of git, for whoever has git and nothing else.

`refs/council/pulls/N` leads to the newest of a chain of commits, one a change, each holding `pull.json` and `comments.json`:
`git log -p refs/council/pulls/7` tells the story of number 7. `refs/council/checks/COMMIT` does so for what was found about a
commit, `checks.json`. `refs/pull/N/head` leads to what a pull request proposes, so that it stays when its branch goes.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from council.backends.forge import git
from council.domain import errors, forge

PULLS, CHECKS, HEADS = "refs/council/pulls", "refs/council/checks", "refs/pull"
_COMMENTS_BYTES_MAX = 4 * 1024 * 1024
_PULL, _COMMENTS, _FINDINGS = "pull.json", "comments.json", "checks.json"


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """A pull request as it is kept. `head` is what it proposed when it was written.

    `becoming` is the commit on main that it is about to become: whether it did, main says.
    """

    number: int
    state: forge.PullState
    title: str
    body: str
    author: str
    branch: str
    base: str
    head: str
    labels: frozenset[str] = frozenset()
    becoming: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Kept:
    """A record, and the commit that holds it and what was said about it."""

    at: str
    record: Record


class PullRecords:
    """Reads and writes them. Blocking. Raises ForgeUnavailableError; writing wants the repository to be locked."""

    def __init__(self, repository: git.Repository, account: str, now_s: Callable[[], float]):
        self._repository = repository
        self._account = account
        self._now_s = now_s

    def numbers(self) -> dict[int, str]:
        """Return which there are, newest first, and the commit of each."""
        names = self._repository.refs(PULLS)
        last = {name.rpartition("/")[2]: at for name, at in names.items()}
        found = {int(number): at for number, at in last.items() if number.isascii() and number.isdecimal()}
        return dict(sorted(found.items(), reverse=True))

    def read(self, numbers: Mapping[int, str]) -> list[Kept]:
        """Return these, as `numbers` gave them."""
        contents = self._repository.contents([f"{at}:{_PULL}" for at in numbers.values()]) if numbers else []
        return [
            Kept(at, self._record(number, content))
            for (number, at), content in zip(numbers.items(), contents, strict=True)
        ]

    def find(self, number: int) -> Kept:
        """Return one. Raises ForgeNotFoundError."""
        at = self._repository.ref(f"{PULLS}/{number}")
        if at is None:
            raise errors.ForgeNotFoundError(
                f"There is no pull request {number} in {self._repository.folder}. Look at all."
            )
        return self.read({number: at})[0]

    def comments(self, kept: Kept) -> list[forge.Comment]:
        """Return what was said about one, oldest first."""
        what = f"what was said about pull request {kept.record.number}"
        rows = self._loaded(what, self._said(kept))
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise self._repository.unreadable(what)
        return [forge.Comment(*(str(row.get(key, "")) for key in ("by", "body", "key"))) for row in rows]

    def write(
        self, record: Record, before: Kept | None, what: str, comments: Sequence[forge.Comment] | None = None
    ) -> Kept:
        """Put one in the place of what it was, None if it is new; `what` says in a line what was done.

        What was said about it stays unless `comments` are given. Raises InvalidRequestError where that is too much.
        """
        row = {**dataclasses.asdict(record), "state": record.state.value, "labels": sorted(record.labels)}
        del row["number"]
        said = (
            self._said(before)
            if before and comments is None
            else _json([dataclasses.asdict(one) for one in comments or ()])
        )
        if len(said) > _COMMENTS_BYTES_MAX:
            raise errors.InvalidRequestError(
                f"The comments on pull request {record.number} are more than {_COMMENTS_BYTES_MAX} bytes. Use fewer keys."
            )
        head = f"{HEADS}/{record.number}/head"
        proposed = self._repository.ref(head)
        if proposed != record.head and not self._repository.swap(head, record.head, proposed):
            raise self._raced(head)
        at = self._write(
            f"{PULLS}/{record.number}", {_PULL: _json(row), _COMMENTS: said}, before.at if before else None, what
        )
        return Kept(at, record)

    def checks(self, commit: str) -> list[forge.Check]:
        """Return what was found about a commit, in the order in which each was told last."""
        content = self._repository.contents([f"{CHECKS}/{commit}:{_FINDINGS}"])[0]
        return [] if content is None else [_check(row) for row in self._loaded(f"the checks of {commit[:8]}", content)]

    def set_check(self, commit: str, check: forge.Check) -> None:
        """Put a finding in the place of one of its kind and name."""
        told = dataclasses.replace(check, by=self._account)
        others = [one for one in self.checks(commit) if (one.kind, one.name) != (check.kind, check.name)]
        if len(others) >= forge.ROWS_MAX:
            raise errors.InvalidRequestError(f"{commit[:8]} has {len(others)} checks. Use fewer names.")
        files = {_FINDINGS: _json([dataclasses.asdict(one) for one in [*others, told]])}
        ref = f"{CHECKS}/{commit}"
        self._write(ref, files, self._repository.ref(ref), f"{check.kind} {check.name}: {check.state}")

    def _write(self, ref: str, files: Mapping[str, bytes], before: str | None, what: str) -> str:
        words = forge.Words(what, self._account, f"{self._account}@localhost", int(self._now_s()))
        made = self._repository.add_commit_of(self._repository.add_tree(files), [before] if before else [], words)
        if not self._repository.swap(ref, made, before):
            raise self._raced(ref)
        return made

    def _record(self, number: int, content: bytes | None) -> Record:
        try:
            row = self._loaded(f"pull request {number}", content or b"")
            labels, state = frozenset(map(str, row.pop("labels"))), forge.PullState(row.pop("state"))
            return Record(number=number, state=state, labels=labels, **{key: str(value) for key, value in row.items()})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise self._repository.unreadable(f"pull request {number}") from error

    def _said(self, kept: Kept) -> bytes:
        return self._repository.contents([f"{kept.at}:{_COMMENTS}"])[0] or b""

    def _loaded(self, what: str, content: bytes) -> Any:
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise self._repository.unreadable(what) from error

    def _raced(self, ref: str) -> errors.ForgeUnavailableError:
        return errors.ForgeUnavailableError(
            f"`{ref}` in {self._repository.folder} was written by something that does not wait for others. Try again."
        )


def _json(row: Any) -> bytes:
    return json.dumps(row, ensure_ascii=False, indent=1, sort_keys=True).encode("utf-8", "surrogatepass") + b"\n"


def _check(row: Mapping[str, Any]) -> forge.Check:
    return forge.Check(
        name=str(row["name"]),
        state=forge.CheckState(row["state"]),
        description=str(row["description"]),
        url=str(row["url"]),
        kind=forge.CheckKind(row["kind"]),
        by=str(row["by"]),
    )
