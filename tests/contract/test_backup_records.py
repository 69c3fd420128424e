"""The whole of the records copied out and put back, and what became of backups, on both databases."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy

import servers
from council.backends.records import backups as sql_backups
from council.backends.records import copying, sql
from council.domain import access, backup, errors, ledger

T0_US = 1_800_000_000_000_000
MakeRow = Callable[..., ledger.LedgerRow]


@pytest.fixture
def kept(records: sql.SqlRecords, records_url: str) -> Iterator[sql_backups.SqlBackups]:
    """No runs, in migrated records of each kind."""
    made = sql_backups.SqlBackups(records_url, 5.0)
    yield made
    made.close()


def run(number: int, kind: backup.Kind = backup.Kind.RUN, outcome: backup.Outcome = backup.Outcome.OK) -> backup.Run:
    return backup.Run(
        f"{number:026d}", kind, outcome, T0_US + number, T0_US + number + 5, "/target", "abcd1234", 9, 3, 2
    )


def test_runs_come_back_newest_first_by_kind_and_outcome(kept: sql_backups.SqlBackups) -> None:
    drill = run(2, backup.Kind.DRILL)
    failed = run(3, outcome=backup.Outcome.FAILED)
    for one in (run(1), drill, failed, failed):
        kept.add(one)
    assert kept.newest(9) == [failed, drill, run(1)] and kept.newest(1) == [failed]
    assert kept.newest(9, kind=backup.Kind.RUN, outcome=backup.Outcome.OK) == [run(1)]
    assert kept.newest(9, kind=backup.Kind.DRILL) == [drill]


def test_of_each_kind_only_so_many_runs_stay(kept: sql_backups.SqlBackups, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "SNAPSHOTS_MAX", 2)
    for one in (run(1, backup.Kind.DRILL), run(2), run(3), run(4)):
        kept.add(one)
    assert [one.id[-1] for one in kept.newest(9)] == ["4", "3", "1"]


def test_a_copy_has_all_that_was_committed_before_it_began_while_others_write(
    records: sql.SqlRecords, records_url: str, make_row: MakeRow, tmp_path: Path
) -> None:
    ending, acknowledged = threading.Event(), 0

    def write() -> None:
        nonlocal acknowledged
        while not ending.is_set():
            records.append([make_row(f"r{acknowledged}", cost_usd_micros=acknowledged)])
            acknowledged += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            while acknowledged < 5 * (number + 1):
                pass
            before, file = acknowledged, tmp_path / f"copy-{number}.db"
            copying.copy(records_url, 5.0, file)
            found = copying.check(file)["ledger"]
            assert before <= found <= acknowledged + 1
    finally:
        ending.set()
        writer.join()
    assert not list(tmp_path.glob("copy-*-*"))


def test_a_copy_of_one_database_fills_an_empty_one_and_goes_on_counting(
    records: sql.SqlRecords, records_url: str, make_row: MakeRow, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    records.append([make_row(f"r{number}") for number in range(2_100)])
    records.add_token(access.Token("t1", "ann", access.Role.ADMIN, "first", "ab" * 32, T0_US, memory=True))
    copying.copy(records_url, 5.0, tmp_path / "copy.db")
    counts = copying.check(tmp_path / "copy.db")
    assert (counts["ledger"], counts["tokens"]) == (2_100, 1)
    servers.need("postgresql")
    elsewhere = request.getfixturevalue("postgresql").create_database()
    copying.fill(tmp_path / "copy.db", elsewhere, 5.0)
    # As after a restore that was killed before the home had its name: nothing is mixed, and nothing stands in the way.
    copying.fill(tmp_path / "copy.db", elsewhere, 5.0)
    there = sql.SqlRecords(elsewhere)
    try:
        assert list(there.rows(0, T0_US * 2)) == list(records.rows(0, T0_US * 2))
        assert there.tokens() == records.tokens()
        there.append([make_row("one more")])
        assert len(list(there.rows(0, T0_US * 2))) == 2_101
    finally:
        there.close()
    with pytest.raises(errors.BackupError) as refused:
        copying.fill(tmp_path / "copy.db", elsewhere, 5.0)
    assert refused.value.reason == backup.Reason.NOT_EMPTY


def test_a_table_of_a_newer_release_is_not_left_out_in_silence(
    postgresql: servers.PostgresqlServer, tmp_path: Path
) -> None:
    url = postgresql.create_database()
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE inventions (id INTEGER)")
    engine.dispose()
    with pytest.raises(errors.RecordsUnavailableError, match="inventions"):
        copying.copy(url, 5.0, tmp_path / "copy.db")


def test_a_copy_with_a_flipped_page_is_no_sound_one(
    records: sql.SqlRecords, records_url: str, make_row: MakeRow, tmp_path: Path
) -> None:
    records.append([make_row(f"r{number}") for number in range(500)])
    file = tmp_path / "copy.db"
    copying.copy(records_url, 5.0, file)
    content = bytearray(file.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4096] = b"\xff" * 4096
    file.write_bytes(content)
    with pytest.raises(errors.RecordsUnavailableError):
        copying.check(file)
