"""A process reaches of the embedded records what its row names, and SQLite refuses the rest."""

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy

from council.backends.records import chats, engines, guard, memories, schema, sql
from council.domain import access, errors, memory, reach
from council.services import records_rights

TABLES = sorted(set(schema.ledger.metadata.tables) - {"schema_version"})
LIMITED = sorted(name for name, row in records_rights.ROWS.items() if row is not None)
Limited = Callable[[str], None]


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Empty records, closed: one file."""
    path = tmp_path_factory.mktemp("made") / "records" / "council.db"
    with contextlib.closing(sql.SqlRecords(f"sqlite:///{path}")) as records:
        records.migrate()
    return path


@pytest.fixture
def url(migrated: Path, tmp_path: Path) -> str:
    """The URL of a copy of them."""
    return f"sqlite:///{shutil.copy(migrated, tmp_path / 'council.db')}"


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> Limited:
    """Hold this process to a row until the test ends."""
    monkeypatch.setattr(guard._Process, "limit", None)

    def to(process: str) -> None:
        monkeypatch.setattr(guard._Process, "opened_by", 0)
        records_rights.limit(process)

    return to


@contextlib.contextmanager
def opened(url: str) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(engines.connect_sqlite(Path(engines.parse(url).database or ""), 1.0, "NORMAL")) as made:
        yield made


def is_allowed(connection: sqlite3.Connection, statement: str) -> bool:
    try:
        connection.execute(statement).close()
    except sqlite3.DatabaseError as error:
        # A table that a function makes has no code of its own.
        assert error.sqlite_errorcode == sqlite3.SQLITE_AUTH or str(error) == "not authorized", statement
        return False
    return True


@pytest.mark.parametrize("process", [*LIMITED, "worker"])
def test_of_every_table_a_process_reads_and_writes_what_its_row_says_and_no_more(
    process: str, url: str, limited: Limited
) -> None:
    limited(process)
    row = records_rights.ROWS.get(process) or reach.Reach(process)
    with opened(url) as connection:
        for table in TABLES:
            columns = [column.name for column in schema.ledger.metadata.tables[table].columns]
            for column in columns:
                may = row.may_read(table, column)
                assert is_allowed(connection, f'SELECT "{column}" FROM {table}') == may, (table, column)
            assert is_allowed(connection, f"SELECT count(*) FROM {table}") == (table in row.reads), table
            names = ", ".join(f'"{one}"' for one in columns)
            changes = (
                f"INSERT INTO {table} ({names}) SELECT {', '.join('1' for _ in columns)} WHERE 0",
                f'UPDATE {table} SET "{columns[-1]}" = 1 WHERE 0',
                f"DELETE FROM {table} WHERE 0",
            )
            assert [is_allowed(connection, one) for one in changes] == [table in row.writes] * 3, table


# By name, whatever the rows say: what people said, what is remembered of them, who they are and who is signed in.
PRIVATE = (
    "messages",
    "conversations",
    "memories",
    "memory_changes",
    "users",
    "sessions",
    "login_codes",
    "audit",
    "uses",
)


@pytest.mark.parametrize("process", ["steward", "watcher", "messenger", "bots", "backup"])
def test_who_cares_for_the_service_reads_nothing_of_its_users(process: str, url: str, limited: Limited) -> None:
    limited(process)
    with opened(url) as connection:
        for table in PRIVATE:
            assert not is_allowed(connection, f"SELECT count(*) FROM {table}"), table
        for column in ("secret_sha256", "user_id", "staging", "memory"):
            assert not is_allowed(connection, f"SELECT {column} FROM tokens"), column
        assert not is_allowed(connection, "UPDATE tokens SET role = 'admin'")


@pytest.mark.parametrize(
    "statement",
    [
        "ATTACH DATABASE '{path}' AS other",
        "CREATE TABLE more (id TEXT)",
        "CREATE TEMP TABLE more AS SELECT 1",
        "CREATE VIEW more AS SELECT * FROM messages",
        "DROP TABLE messages",
        "ALTER TABLE incidents ADD COLUMN more TEXT",
        "SELECT sql FROM sqlite_master",
        "PRAGMA writable_schema = ON",
        "PRAGMA table_info(messages)",
        "SELECT * FROM pragma_table_info('messages')",
        "VACUUM",
        "VACUUM INTO '{path}.copy'",
        "REINDEX",
        "SELECT id FROM incidents WHERE id IN (SELECT id FROM messages)",
        "WITH said AS (SELECT text FROM messages) SELECT 1 FROM said",
        "INSERT INTO notices SELECT id, text, '', 0, 0, '', '' FROM messages",
    ],
)
def test_no_way_round_the_tables_is_open(statement: str, url: str, limited: Limited) -> None:
    limited("steward")
    path = engines.parse(url).database
    with opened(url) as connection:
        assert not is_allowed(connection, statement.format(path=path))
    assert not Path(f"{path}.copy").exists()


def test_a_refusal_names_the_process_and_the_table_and_nothing_of_a_value(
    url: str, limited: Limited, caplog: pytest.LogCaptureFixture
) -> None:
    limited("steward")
    with contextlib.closing(chats.SqlChats(url)) as kept, pytest.raises(errors.RecordsUnavailableError) as refused:
        kept.find("ann", "what nobody may see")
    said = refused.value.message + (refused.value.detail or "")
    assert "The process `steward` may not read the table `conversations`." in refused.value.message
    assert "what nobody may see" not in said
    [logged] = [one for one in caplog.records if one.message == guard.REFUSED]
    assert (vars(logged)["held"], vars(logged)["refused"]) == ("steward", "read the table `conversations`")
    with contextlib.closing(sql.SqlRecords(url)) as records, pytest.raises(errors.RecordsUnavailableError) as refused:
        records.add_token(access.Token("t", "ann", access.Role.ADMIN, "", "digest", 1))
    assert "The process `steward` may not write the table `users`." in refused.value.message
    with contextlib.closing(sql.SqlRecords(url)) as records, pytest.raises(errors.RecordsUnavailableError) as refused:
        records.tokens()
    assert "may not read `user_id` of the table `tokens`." in refused.value.message


def test_what_a_token_may_spend_is_told_to_who_may_not_read_tokens(url: str, limited: Limited) -> None:
    with contextlib.closing(sql.SqlRecords(url)) as records:
        records.add_token(access.Token("t", "ann", access.Role.VIEWER, "laptop", "digest", 1, day_usd_micros=5))
    limited("watcher")
    with contextlib.closing(sql.SqlRecords(url)) as records:
        assert records.token_budgets() == [access.TokenBudget("t", "laptop", 5)]


def test_recall_empties_the_file_of_what_was_forgotten_and_is_held_again_afterwards(url: str, limited: Limited) -> None:
    limited("recall")
    with contextlib.closing(memories.SqlMemories(url)) as kept:
        row = memory.Memory("m", "ann", "", memory.Kind.FACT, "ann", "likes", "tea", "Ann likes tea.", "said", 1.0, 1)
        kept.add_memories([(row, b"")], "digest")
        assert kept.forget("ann", memory.Selection()) == ["m"]
        with kept._reader.connect() as connection, pytest.raises(sqlalchemy.exc.DatabaseError, match="prohibited"):
            connection.exec_driver_sql("SELECT * FROM messages")


def test_who_opened_the_records_before_it_was_limited_does_not_go_on(url: str, limited: Limited) -> None:
    limited("steward")
    with opened(url), pytest.raises(AssertionError, match="before the process was limited"):
        records_rights.limit("steward")


def test_the_migrator_makes_every_table(tmp_path: Path, limited: Limited) -> None:
    limited("migrator")
    with contextlib.closing(sql.SqlRecords(f"sqlite:///{tmp_path / 'records' / 'council.db'}")) as records:
        assert records.migrate() > 0
