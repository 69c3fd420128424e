"""What Records do when the database fails, and that they mend by themselves: each kind's own faults, and kill -9."""

import asyncio
import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import psycopg
import pytest
import sqlalchemy
from hypothesis import strategies

import servers
from council.backends.records import engines, faults, sql
from council.domain import errors, ledger
from council.serving.ledger import writer

MakeRow = Callable[..., ledger.LedgerRow]

END_US = 1 << 62
NOBODY = 65_534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records" / "council.db"


@pytest.fixture
def lite(path: Path) -> Iterator[sql.SqlRecords]:
    """Migrated records on SQLite that wait 0.1 s for a lock."""
    records = sql.SqlRecords(f"sqlite:///{path}", busy_s=0.1)
    records.migrate()
    yield records
    records.close()


@pytest.fixture
def postgres_url(postgresql: servers.PostgresqlServer) -> str:
    return postgresql.create_database()


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[sql.SqlRecords]:
    """Migrated records on PostgreSQL that wait 0.2 s for a lock."""
    records = sql.SqlRecords(postgres_url, busy_s=0.2)
    records.migrate()
    yield records
    records.close()


def count(records: sql.SqlRecords) -> int:
    return len(list(records.rows(0, END_US)))


# --- URLs


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "sqlite://", "sqlite:///:memory:", "sqlite:////tmp/x.db?mode=ro", "mysql://u:hunter2@h/d"],
)
def test_a_url_that_cannot_be_used_is_a_config_error_without_its_password(url: str) -> None:
    with pytest.raises(errors.ConfigError, match="must be") as caught:
        sql.SqlRecords(url)
    assert "hunter2" not in str(caught.value) + caught.value.detail


def test_postgresql_without_its_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(errors.SetupError, match=r"pip install 'council-cloud\[postgres\]'"):
        sql.SqlRecords("postgresql://u:p@localhost/d")


def test_a_driver_that_quotes_the_password_is_not_passed_on() -> None:
    url = engines.parse("postgresql://ada:hunter2@db.example:5433/council")
    error = faults.unavailable(OSError("no route for ada:hunter2"), url)
    assert error.detail == "PostgreSQL database council on db.example:5433: OSError: no route for ada:***"
    assert error.message.startswith("The records cannot be used.")


# --- SQLite


def test_the_file_and_what_sqlite_puts_beside_it_are_for_the_owner_alone(lite: sql.SqlRecords, path: Path) -> None:
    lite.ping()
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == {"council.db": 0o600, "council.db-wal": 0o600, "council.db-shm": 0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_file_that_others_can_read_is_closed_to_them_at_the_start(lite: sql.SqlRecords, path: Path) -> None:
    path.chmod(0o644)
    lite.migrate()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("target", ["other.db", "nowhere.db"])
def test_a_link_in_the_place_of_the_database_is_neither_followed_nor_changed(path: Path, target: str) -> None:
    other = path.parent.parent / "other.db"
    with contextlib.closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE t (x)")
    other.chmod(0o644)
    before = other.read_bytes()
    path.parent.mkdir()
    path.symlink_to(path.parent.parent / target)
    records = sql.SqlRecords(f"sqlite:///{path}", busy_s=0.1)
    for use in (records.migrate, records.ping, records.tokens):
        with pytest.raises(errors.RecordsUnavailableError, match="is a link"):
            use()
    records.close()
    assert other.read_bytes() == before and other.stat().st_mode & 0o777 == 0o644
    assert not (path.parent.parent / "nowhere.db").exists()


def test_a_database_with_a_second_name_keeps_its_mode(path: Path) -> None:
    other = path.parent.parent / "other"
    other.touch(0o644)
    path.parent.mkdir()
    os.link(other, path)
    engines.create_file(path, 0.1)
    assert other.stat().st_mode & 0o777 == 0o644


def test_the_database_is_in_wal_mode_and_checks_foreign_keys(lite: sql.SqlRecords, path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        connection.execute("PRAGMA foreign_keys = ON")
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(
                "INSERT INTO tokens (id, user_id, role, label, secret_sha256, created_us) "
                "VALUES ('t', 'nobody', 'admin', '', 'hash', 1)"
            )


def test_no_folder_deeper_than_one_is_made(tmp_path: Path) -> None:
    records = sql.SqlRecords(f"sqlite:///{tmp_path}/not/mounted/council.db")
    with pytest.raises(errors.RecordsUnavailableError):
        records.migrate()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_held_by_another_is_reported_after_the_wait_and_readers_go_on(
    lite: sql.SqlRecords, path: Path, make_row: MakeRow
) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(errors.RecordsUnavailableError, match="holds the database's lock"):
            lite.append([make_row("one")])
        assert count(lite) == 0
    lite.append([make_row("one")])
    assert count(lite) == 1


def test_a_write_transaction_has_the_lock_before_it_reads(lite: sql.SqlRecords, path: Path) -> None:
    engine = engines.open_engine(engines.parse(f"sqlite:///{path}"), 0.1, "NORMAL")
    with engines.writer(engine).begin() as connection, contextlib.closing(sqlite3.connect(path, timeout=0)) as other:
        connection.exec_driver_sql("SELECT 1")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
    engine.dispose()


def test_a_damaged_file_is_reported_and_a_good_copy_in_its_place_is_taken_up(
    lite: sql.SqlRecords, path: Path, tmp_path: Path, make_row: MakeRow
) -> None:
    lite.append([make_row("one")])
    lite.close()
    shutil.copy(path, tmp_path / "good")
    lite.ping()
    _replace(path, b"not a database" * 1_000)
    for _ in range(2):
        with pytest.raises(errors.RecordsUnavailableError, match="put a good copy in its place"):
            lite.append([make_row("two")])
    _replace(path, (tmp_path / "good").read_bytes())
    lite.append([make_row("two")])
    assert count(lite) == 2


def test_a_file_damaged_and_mended_in_place_is_reported_and_taken_up(
    lite: sql.SqlRecords, path: Path, make_row: MakeRow
) -> None:
    lite.append([make_row(f"r{number}") for number in range(500)])
    lite.close()
    good = path.read_bytes()
    path.write_bytes(good[:8_192] + b"\xff" * (len(good) - 8_192))
    for _ in range(2):
        with pytest.raises(errors.RecordsUnavailableError, match="put a good copy in its place"):
            count(lite)
    path.write_bytes(good)
    assert count(lite) == 500


def test_a_file_removed_under_an_open_connection_is_reported_and_not_made_anew(
    lite: sql.SqlRecords, path: Path, make_row: MakeRow
) -> None:
    lite.ping()
    moved = path.rename(path.with_name("moved.db"))
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).rename(moved.with_name(moved.name + suffix))
    with pytest.raises(errors.RecordsUnavailableError, match="cannot be opened"):
        lite.append([make_row("one")])
    assert not path.exists()
    for suffix in ("", "-wal", "-shm"):
        moved.with_name(moved.name + suffix).rename(path.with_name(path.name + suffix))
    lite.append([make_row("one")])
    assert count(lite) == 1


def test_a_file_that_may_not_be_written_is_reported(make_row: MakeRow) -> None:
    with tempfile.TemporaryDirectory(prefix="council-", dir="/tmp") as name, _as_ordinary_user(Path(name)):
        folder = Path(name, "records")
        records = sql.SqlRecords(f"sqlite:///{folder}/council.db")
        records.migrate()
        records.close()
        (folder / "council.db").chmod(0o400)
        folder.chmod(0o500)
        with pytest.raises(errors.RecordsUnavailableError, match=r"writable|can be written"):
            records.append([make_row("one")])
        folder.chmod(0o700)
        (folder / "council.db").chmod(0o600)
        records.append([make_row("one")])
        assert count(records) == 1
        records.close()


FULL_DISK = """
import os, resource, sys
from council.backends.records import sql
from council.domain import errors, ledger

folder, how = sys.argv[1:]
records = sql.SqlRecords(f"sqlite:///{folder}/council.db")
records.migrate()

def row(number):
    return ledger.LedgerRow(f"r{number}", number, "u", "", "math", "math", "", ledger.Outcome.ANSWERED, "none", False,
                            False, 0, 0, 0, 0, 0, "x" * 200)

def fill():
    if how == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
        return
    with open(f"{folder}/filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65_536))
        except OSError:
            pass

def free():
    if how == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    else:
        os.unlink(f"{folder}/filler")

acknowledged, refusals = [], []
for number in range(3_000):
    if number == 100:
        fill()
    try:
        records.append([row(number)])
        acknowledged.append(f"r{number}")
    except errors.RecordsUnavailableError as error:
        refusals.append(error)
        if len(refusals) == 5:
            assert [found.request_id for found in records.rows(0, 1 << 62)] == acknowledged, "lost rows"
            free()
assert len(refusals) == 5, len(refusals)
assert all("disk" in error.message for error in refusals), refusals[0].message
assert [found.request_id for found in records.rows(0, 1 << 62)] == acknowledged, "lost rows"
records.close()
"""


def test_a_full_disk_is_reported_and_writing_goes_on_when_there_is_room(tmp_path: Path) -> None:
    # A small file system of its own, in a mount namespace that ends with the process.
    mount = 'mount -t tmpfs -o size=16m council "$1" && exec "$2" -c "$3" "$1" disk'
    unshare = ["unshare", "--mount"] if os.getuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a small file system; the file size limit below stands in for it")
    command = [*unshare, "sh", "-c", mount, "sh", str(tmp_path), sys.executable, FULL_DISK]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_a_write_that_the_kernel_refuses_is_reported_and_writing_goes_on_afterwards(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path), "limit"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


# --- PostgreSQL


def test_a_server_that_goes_and_comes_back_needs_no_restart_here(
    postgresql: servers.PostgresqlServer, postgres: sql.SqlRecords, make_row: MakeRow
) -> None:
    postgres.append([make_row("one")])
    postgresql.stop()
    try:
        for call in (postgres.ping, postgres.tokens, lambda: postgres.append([make_row("two")])):
            with pytest.raises(errors.RecordsUnavailableError, match="does not answer") as caught:
                call()
            _assert_no_password(caught.value, postgresql)
    finally:
        postgresql.start()
    postgres.append([make_row("two")])
    assert count(postgres) == 2


def test_a_connection_cut_by_the_server_is_replaced_unnoticed(
    postgresql: servers.PostgresqlServer, postgres: sql.SqlRecords
) -> None:
    postgres.ping()
    postgresql.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'council'")
    postgres.ping()


def test_a_wrong_password_and_a_wrong_database_are_reported_without_the_password(
    postgresql: servers.PostgresqlServer, postgres_url: str
) -> None:
    wrong_password = postgres_url.replace(postgresql.password, "hunter2")
    wrong_database = postgres_url.replace("/council_", "/absent_")
    for url in (wrong_password, wrong_database):
        records = sql.SqlRecords(url)
        with pytest.raises(errors.RecordsUnavailableError, match=r"`records\.url`") as caught:
            records.migrate()
        _assert_no_password(caught.value, postgresql)
        records.close()


def test_a_table_locked_by_another_is_reported_after_the_wait(
    postgres_url: str, postgres: sql.SqlRecords, make_row: MakeRow
) -> None:
    other = sqlalchemy.create_engine(postgres_url)
    with other.begin() as connection:
        connection.exec_driver_sql("LOCK TABLE ledger IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(errors.RecordsUnavailableError, match="holds a lock"):
            postgres.append([make_row("one")])
    other.dispose()
    postgres.append([make_row("one")])


def test_a_read_only_server_is_reported_and_read(postgresql: servers.PostgresqlServer, make_row: MakeRow) -> None:
    url = postgresql.create_database()
    before = sql.SqlRecords(url)
    before.migrate()
    before.close()
    name = urllib.parse.urlsplit(url).path.removeprefix("/")
    postgresql.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    records = sql.SqlRecords(url)
    assert records.migrate() == before.migrate()
    with pytest.raises(errors.RecordsUnavailableError, match="read-only"):
        records.append([make_row("one")])
    assert count(records) == 0
    records.close()
    before.close()


async def test_a_server_that_hangs_does_not_hang_its_callers(
    postgresql: servers.PostgresqlServer, postgres: sql.SqlRecords, make_row: MakeRow
) -> None:
    rows = writer.LedgerWriter(postgres, batch_rows_max=10, queue_rows_max=10, commit_s=0.3)
    rows.start()
    await rows.record(make_row("before"))
    with postgresql.frozen():
        with pytest.raises(errors.RecordsUnavailableError, match="did not commit within"):
            await rows.record(make_row("during"))
    await asyncio.to_thread(rows.close)
    assert count(postgres) == 2


# --- the ledger writer on real databases


class Flaky:
    """Records whose commits fail as planned: before anything is written, or after it all is."""

    def __init__(self, inner: sql.SqlRecords, plan: list[str]):
        self._inner = inner
        self._plan = plan

    def append(
        self,
        rows: list[ledger.LedgerRow],
        charges: list[tuple[ledger.LedgerRow, ledger.Charge]],
        holds: list[ledger.Hold],
    ) -> list[ledger.Refusal | None]:
        step = self._plan.pop() if self._plan else "commit"
        refusals = [] if step == "fail" else self._inner.append(rows, charges, holds)
        if step != "commit":
            raise errors.RecordsUnavailableError("planned")
        return refusals

    def append_at_once(
        self,
        rows: list[ledger.LedgerRow],
        charges: list[tuple[ledger.LedgerRow, ledger.Charge]],
        holds: list[ledger.Hold],
    ) -> list[ledger.Refusal | None] | None:
        # Every second one has to wait, for a reason of its own.
        return self.append(rows, charges, holds) if len(self._plan) % 2 else None

    def checkpoint(self) -> None:
        self._inner.checkpoint()


_examples = iter(range(1, 1_000_000))


@hypothesis.settings(
    max_examples=20, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(
    costs=strategies.lists(strategies.integers(0, 1 << 40), min_size=1, max_size=40),
    plan=strategies.lists(strategies.sampled_from(["commit", "fail", "commit, then fail"]), max_size=15),
    batch_rows_max=strategies.integers(1, 10),
)
def test_the_report_is_the_sum_of_the_rows_whatever_failed_on_the_way(
    records: sql.SqlRecords, make_row: MakeRow, costs: list[int], plan: list[str], batch_rows_max: int
) -> None:
    at_us = next(_examples)
    flaky = Flaky(records, list(plan))
    rows = [make_row(f"{at_us}-{number}", at_us=at_us, cost_usd_micros=cost) for number, cost in enumerate(costs)]

    async def record_until_acknowledged(ledger_writer: writer.LedgerWriter, row: ledger.LedgerRow) -> None:
        for _ in range(len(plan) + 1):
            try:
                return await ledger_writer.record(row)
            except errors.RecordsUnavailableError:
                continue
        raise AssertionError("more failures than planned")

    async def run() -> None:
        ledger_writer = writer.LedgerWriter(flaky, batch_rows_max, queue_rows_max=100)  # type: ignore[arg-type]
        ledger_writer.start()
        await asyncio.gather(*(record_until_acknowledged(ledger_writer, row) for row in rows))
        await asyncio.to_thread(ledger_writer.close)

    asyncio.run(run())
    (line,) = records.report(ledger.GroupBy.ROUTE, at_us, at_us + 1)
    assert (line.requests, line.cost_usd_micros) == (len(costs), sum(costs))


WRITE_FOR_EVER = """
import asyncio, itertools, sys
from council.backends.records import sql
from council.domain import ledger
from council.serving.ledger import writer

async def client(rows, name):
    for number in itertools.count():
        request_id = f"{name}-{number}"
        await rows.record(ledger.LedgerRow(request_id, number, "u", "", "math", "math", "", ledger.Outcome.ANSWERED,
                                           "none", False, False, 1, 1, 1, 1, 1, "g"))
        sys.stdout.write(request_id + "\\n")
        sys.stdout.flush()

async def main():
    rows = writer.LedgerWriter(sql.SqlRecords(sys.argv[1]), 64, 1000)
    rows.start()
    await asyncio.gather(*(client(rows, name) for name in range(8)))

asyncio.run(main())
"""


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_kill_9_loses_no_acknowledged_row(records_url: str, records: sql.SqlRecords, seed: int) -> None:
    chance = random.Random(seed)
    process = subprocess.Popen([sys.executable, "-c", WRITE_FOR_EVER, records_url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(chance.randrange(1, 1_500))]
    time.sleep(chance.uniform(0, 0.01))  # so that the kill falls anywhere in a commit, not only after an answer
    process.kill()
    lines += process.stdout.readlines()
    process.stdout.close()
    process.wait()
    acknowledged = {line.rstrip("\n") for line in lines if line.endswith("\n")}
    found = {row.request_id for row in records.rows(0, END_US)}
    assert acknowledged
    assert acknowledged <= found, f"seed {seed}: lost {acknowledged - found}"
    if records_url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(records_url.removeprefix("sqlite:///"))) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def _replace(path: Path, content: bytes) -> None:
    """Put a file in the database's place, as a person restoring a copy does: what belonged to the old one goes too."""
    fresh = path.with_name("fresh")
    fresh.write_bytes(content)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    fresh.replace(path)


@contextlib.contextmanager
def _as_ordinary_user(folder: Path) -> Iterator[None]:
    """Become somebody whom file modes bind, for the length of the block; `folder` is theirs."""
    if os.getuid() != 0:
        yield
        return
    os.chown(folder, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def _assert_no_password(error: errors.CouncilError, server: servers.PostgresqlServer) -> None:
    said = str(error) + error.message + error.detail
    assert server.password not in said
    assert "hunter2" not in said
    assert error.__cause__ is None or isinstance(error.__cause__, sqlalchemy.exc.SQLAlchemyError | psycopg.Error)
