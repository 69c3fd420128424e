"""Commits on an event loop: the same as any other, or nothing at all where they would have to wait."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from council.backends.records import sql
from council.domain import errors, ledger
from council.serving.ledger import writer

MakeRow = Callable[..., ledger.LedgerRow]
DAY = ledger.Budget("all", "day", 100)


def hold(request_id: str, usd_micros: int = 60) -> ledger.Hold:
    at_us = 1_700_000_000_000_000
    return ledger.Hold(request_id, 0, at_us, at_us + 1_000_000, "ada", "tok-1", "gpt", "up", usd_micros, (DAY,))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records" / "council.db"


@pytest.fixture
def rows(path: Path) -> sql.SqlRecords:
    made = sql.SqlRecords(f"sqlite:///{path}", busy_s=5.0)
    made.migrate()
    return made


def stored(made: sql.SqlRecords) -> list[str]:
    return [row.request_id for row in made.rows(0, 1 << 62)]


def test_rows_charges_and_holds_are_as_those_of_append(rows: sql.SqlRecords, make_row: MakeRow) -> None:
    refusal = ledger.Refusal(DAY, 40)
    assert rows.append_at_once([make_row("one")], [], [hold("two"), hold("three")]) == [None, refusal]
    assert stored(rows) == ["one"] and rows.spent("all", "2023-11-14") == 60
    charge = ledger.Charge(0, "up", "gpt", "g", 1, 0, 1, 7, False, "answered", hold("two"))
    row = make_row("two", cost_usd_micros=7)
    assert rows.append_at_once([row], [(row, charge)], []) == []
    # Said again, as after a lost reply: counted once.
    assert rows.append_at_once([row], [(row, charge)], [hold("four", 93)]) == [None]
    assert stored(rows) == ["one", "two"] and rows.spent("all", "2023-11-14") == 100


def test_while_another_writes_nothing_is_written_and_nobody_waits(
    rows: sql.SqlRecords, path: Path, make_row: MakeRow
) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert rows.append_at_once([make_row("one")], [], []) is None
        other.execute("ROLLBACK")
    assert stored(rows) == []
    assert rows.append_at_once([make_row("one")], [], []) == []
    assert stored(rows) == ["one"]


def test_a_reader_is_in_nobodys_way(rows: sql.SqlRecords, path: Path, make_row: MakeRow) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM ledger").fetchall()
        assert rows.append_at_once([make_row("one")], [], []) == []


def test_a_replaced_file_gets_what_is_written_after(rows: sql.SqlRecords, path: Path, make_row: MakeRow) -> None:
    assert rows.append_at_once([make_row("one")], [], []) == []
    rows.close()
    for old in path.parent.glob("council.db*"):
        old.unlink()
    with pytest.raises(errors.RecordsUnavailableError):
        rows.append_at_once([make_row("two")], [], [])
    rows.migrate()
    assert rows.append_at_once([make_row("two")], [], []) == []
    assert stored(rows) == ["two"]


def test_a_checkpoint_takes_the_log_into_the_database(rows: sql.SqlRecords, path: Path, make_row: MakeRow) -> None:
    for number in range(50):
        assert rows.append_at_once([make_row(str(number))], [], []) == []
    before = path.stat().st_size
    rows.checkpoint()
    log = path.with_name("council.db-wal").stat().st_size
    assert path.stat().st_size >= before
    for number in range(50, 60):
        assert rows.append_at_once([make_row(str(number))], [], []) == []
    # What is in the database is written over in the log.
    assert path.with_name("council.db-wal").stat().st_size == log
    assert len(stored(rows)) == 60


async def test_the_log_stays_small_while_commits_never_pause(
    rows: sql.SqlRecords, path: Path, make_row: MakeRow
) -> None:
    book = writer.LedgerWriter(rows, batch_rows_max=200, queue_rows_max=10_000)
    book.start()
    log, largest = path.with_name("council.db-wal"), 0
    for number in range(12 * writer.CHECKPOINT_EVERY):
        await asyncio.gather(*(book.record(make_row(f"{number}-{place}")) for place in range(2)))
        largest = max(largest, log.stat().st_size)
    await asyncio.to_thread(book.close)
    a_commit = 24 * 1024
    assert largest < 4 * writer.CHECKPOINT_EVERY * a_commit
    assert len(stored(rows)) == 24 * writer.CHECKPOINT_EVERY


def test_a_checkpoint_waits_little_for_a_reader(rows: sql.SqlRecords, path: Path, make_row: MakeRow) -> None:
    assert rows.append_at_once([make_row("one")], [], []) == []
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM ledger").fetchall()
        assert rows.append_at_once([make_row("two")], [], []) == []
        rows.checkpoint()
        assert rows.append_at_once([make_row("three")], [], []) == []
        assert other.execute("SELECT count(*) FROM ledger").fetchone() == (1,)
    assert len(stored(rows)) == 3


def test_a_commit_that_waits_for_the_disk_is_not_made_on_a_loop(path: Path, make_row: MakeRow) -> None:
    made = sql.SqlRecords(f"sqlite:///{path}", synchronous="FULL")
    made.migrate()
    assert made.append_at_once([make_row("one")], [], []) is None
    made.checkpoint()
    made.close()


@pytest.mark.parametrize("records_url", ["postgresql"], indirect=True)
def test_a_server_is_not_waited_for(records: sql.SqlRecords, make_row: MakeRow) -> None:
    assert records.append_at_once([make_row("one")], [], [hold("one")]) is None
    records.checkpoint()
    assert stored(records) == []
