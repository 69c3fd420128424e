"""The head of the journal is told to git and the store, and an end that was taken off shows by what either knows."""

import inspect
import subprocess
from pathlib import Path
from typing import Any

import pytest

from council.domain import errors, home
from council.kit import chain
from council.patching import anchoring
from council.upkeep.engine import blueprint, repository
from council.upkeep.patchctl import journal, journal_key, lineage

BOTH = {anchoring.GIT, anchoring.STORE}


class Store:
    """A store with put and get alone, which may be away."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.away = False
        self.puts = 0

    async def put(self, key: str, value: bytes) -> None:
        self._there()
        self.puts += 1
        self.kept[key] = value

    async def get(self, key: str) -> bytes | None:
        self._there()
        return self.kept.get(key)

    def _there(self) -> None:
        if self.away:
            raise errors.StoreUnavailableError("It does not answer.")


@pytest.fixture
def where(tmp_path: Path) -> home.Home:
    made = home.Home(tmp_path / "home")
    for folder in (made.root, made.secrets):
        folder.mkdir(mode=0o700)
    blueprint.commit(made, {"council.yaml": b""}, "Begin")
    journal_key.ensure(made.journal_key_file, made.journal_certificate_file)
    return made


@pytest.fixture
def store() -> Any:
    return Store()


def git(where: home.Home, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(where.blueprint), *arguments], capture_output=True, text=True, check=True)
    return (done.stdout + done.stderr).strip()


async def sealed(where: home.Home, store: Any, *, rounds: int = 3) -> list[journal.Entry]:
    """Write a few records and seal them, round after round; return all."""
    book = journal.Journal.open_at(where.lineage)
    for number in range(rounds):
        for step in range(2):
            book.append({"phase": "toy", "round": number, "step": step})
        assert await anchoring.seal(where, book, store) == []
    book.close()
    return book.entries


def cut(where: home.Home, to: int) -> list[journal.Entry]:
    """Leave the first records of the journal alone, as whoever may write its files can."""
    [segment] = where.lineage.glob("*.jsonl")
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:to]))
    return journal.read(where.lineage)


async def found(where: home.Home, store: Any) -> list[str]:
    by_key = journal_key.checker(where.journal_certificate_file)
    anchors = await anchoring.read(where, store)
    return list(anchoring.look(journal.read(where.lineage), by_key, anchors).problems)


async def test_both_know_the_head_after_each_seal_and_to_seal_again_writes_nothing(
    where: home.Home, store: Any
) -> None:
    entries = await sealed(where, store)
    known = await anchoring.read(where, store)
    assert known.points == dict.fromkeys(BOTH, entries[-1].point) and not known.away and not known.problems
    assert [lineage.is_checkpoint(one) for one in entries] == [False, False, True] * 3
    before = git(where, "rev-parse", repository.ANCHOR)
    book = journal.Journal.open_at(where.lineage)
    assert await anchoring.seal(where, book, store) == [] and book.entries == entries
    book.close()
    assert git(where, "rev-parse", repository.ANCHOR) == before
    await anchoring.check(where, entries, store)


async def test_a_journal_without_records_is_told_to_nobody(where: home.Home, store: Any) -> None:
    book = journal.Journal.open_at(where.lineage)
    assert await anchoring.seal(where, book, store) == [] and not book.entries and not store.kept
    book.close()
    assert await anchoring.read(where, store) == anchoring.Anchors({}, [], [])


@pytest.mark.parametrize("lost", [{anchoring.GIT}, {anchoring.STORE}, set()])
async def test_every_end_that_is_taken_off_is_found_by_either_keeper(
    where: home.Home, store: Any, lost: set[str]
) -> None:
    entries = await sealed(where, store)
    if anchoring.GIT in lost:
        git(where, "update-ref", "-d", repository.ANCHOR)
    if anchoring.STORE in lost:
        store.kept.clear()
    assert await found(where, store) == []
    for to in range(len(entries) - 1, -1, -1):
        # The first of each three to go leaves a journal that ends in a good checkpoint.
        left = cut(where, to)
        problems = await found(where, store)
        assert len(problems) == len(BOTH - lost), to
        assert all(f"knows of record 9, and the journal ends with record {to}" in one for one in problems)
        with pytest.raises(errors.JournalError, match="knows of record 9"):
            await anchoring.check(where, left, store)


async def test_records_behind_the_head_that_is_known_are_no_problem(where: home.Home, store: Any) -> None:
    await sealed(where, store)
    book = journal.Journal.open_at(where.lineage)
    for number in range(5):
        book.append({"phase": "toy", "step": number})
        assert await found(where, store) == []
    book.close()


async def test_what_a_keeper_knows_and_the_journal_lacks_is_never_written_over(where: home.Home, store: Any) -> None:
    await sealed(where, store)
    before = (git(where, "rev-parse", repository.ANCHOR), dict(store.kept))
    cut(where, 6)
    book = journal.Journal.open_at(where.lineage)
    for number in range(9):
        book.append({"phase": "another", "step": number})
    with pytest.raises(errors.JournalError, match="knows record 9 as another one"):
        await anchoring.seal(where, book, store)
    assert len(book.entries) == 15
    book.close()
    assert (git(where, "rev-parse", repository.ANCHOR), store.kept) == before


async def test_a_store_that_is_away_is_said_and_told_the_next_time(where: home.Home, store: Any) -> None:
    book = journal.Journal.open_at(where.lineage)
    book.append({"phase": "toy"})
    store.away = True
    [said] = await anchoring.seal(where, book, store)
    assert "the store was not told of record 2" in said and len(book.entries) == 2
    known = await anchoring.read(where, store)
    assert known.points == {anchoring.GIT: book.head} and "could not be asked" in known.away[0] and not known.problems
    assert "there are no settings" in (await anchoring.read(where, None)).away[0]
    await anchoring.check(where, book.entries, store)
    store.away = False
    assert await anchoring.seal(where, book, store) == [] and len(book.entries) == 2
    assert (await anchoring.read(where, store)).points == dict.fromkeys(BOTH, book.head)
    book.close()


async def test_a_crash_at_any_effect_leaves_nothing_to_find_and_the_next_seal_ends_it(
    where: home.Home, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sealed(where, store, rounds=1)

    effects = [(journal.Journal, "append"), (repository, "anchor"), (repository, "_update_ref"), (Store, "put")]
    for target, name in effects:
        for before in (True, False):
            book = journal.Journal.open_at(where.lineage)
            book.append({"phase": "toy", "at": name})
            with monkeypatch.context() as patched:
                patched.setattr(target, name, crashing(getattr(target, name), before=before))
                with pytest.raises(CrashedError):
                    await anchoring.seal(where, book, store)
            book.close()
            assert await found(where, store) == [], name
            again = journal.Journal.open_at(where.lineage)
            assert await anchoring.seal(where, again, store) == []
            assert (await anchoring.read(where, store)).points == dict.fromkeys(BOTH, again.head)
            again.close()
    assert git(where, "fsck", "--strict", "--no-dangling") == ""


class CrashedError(Exception):
    """The process that seals ended here."""


def crashing(real: Any, *, before: bool) -> Any:
    """Return what ends the process before or after it has done what `real` does."""

    def crash(*arguments: Any) -> Any:
        if not before:
            real(*arguments)
        raise CrashedError

    async def crash_later(*arguments: Any) -> Any:
        if not before:
            await real(*arguments)
        raise CrashedError

    return crash_later if inspect.iscoroutinefunction(real) else crash


@pytest.mark.parametrize(
    "raw", [b"", b"nonsense", b"council lineage 1\n0\n\n", b"council lineage 1\n-1\nab\n", b"x" * 5000]
)
async def test_what_is_no_record_is_a_problem_and_not_an_anchor(where: home.Home, store: Any, raw: bytes) -> None:
    entries = await sealed(where, store)
    store.kept[anchoring.STORE_KEY] = raw
    repository.anchor(where, raw)
    anchors = await anchoring.read(where, store)
    assert not anchors.points and len(anchors.problems) == 2
    with pytest.raises(errors.JournalError):
        await anchoring.check(where, entries, store)


@pytest.mark.parametrize("content", [b"", b"garbage\n", b"f" * 40 + b"\n"])
async def test_a_ref_that_leads_nowhere_is_a_problem(where: home.Home, store: Any, content: bytes) -> None:
    await sealed(where, store)
    (where.blueprint / repository.ANCHOR).write_bytes(content)
    assert len((await anchoring.read(where, store)).problems) == 1


async def test_a_ref_that_leads_to_a_commit_is_a_problem(where: home.Home, store: Any) -> None:
    await sealed(where, store)
    git(where, "update-ref", repository.ANCHOR, "main")
    assert len((await anchoring.read(where, store)).problems) == 1


async def test_git_keeps_the_anchor_when_it_clears_up_and_the_branch_knows_nothing_of_it(
    where: home.Home, store: Any
) -> None:
    entries = await sealed(where, store)
    branch = git(where, "rev-parse", "main")
    git(where, "gc", "--quiet", "--prune=now")
    git(where, "pack-refs", "--all")
    assert (await anchoring.read(where, store)).points[anchoring.GIT] == entries[-1].point
    assert git(where, "rev-parse", "main") == branch and git(where, "for-each-ref", "refs/heads").count("\n") == 0
    book = journal.Journal.open_at(where.lineage)
    book.append({"phase": "toy"})
    assert await anchoring.seal(where, book, store) == []
    assert (await anchoring.read(where, store)).points[anchoring.GIT] == book.head
    book.close()


def test_a_statement_is_read_back_and_nothing_else_is_one() -> None:
    point = chain.Point(7, "ab" * 32)
    assert lineage.point_of(lineage.statement(point)) == point
    for other in (lineage.statement(chain.Point()), lineage.statement(point) + b"\n", b"", b"\xff" * 70):
        with pytest.raises(ValueError, match="no point"):
            lineage.point_of(other)
