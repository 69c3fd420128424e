"""The kinds of each port, and the real servers behind them."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

import servers
from council.backends.records import sql
from council.backends.store import valkey as valkey_store
from council.domain import ledger

STORE_TIMEOUT_S = 0.5


@pytest.fixture(scope="session")
def postgresql() -> Iterator[servers.PostgresqlServer]:
    """One private cluster for the whole run; each test makes a database of its own in it."""
    servers.need("postgresql")
    with servers.postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[servers.Server]:
    """The bundled Valkey, run as the supervisor runs it."""
    servers.need("valkey")
    with servers.valkey_bundled() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[servers.Server]:
    """Debian's Redis."""
    servers.need("redis")
    with servers.redis() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def records_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'records' / 'council.db'}"
    server: servers.PostgresqlServer = request.getfixturevalue("postgresql")
    return server.create_database()


@pytest.fixture
def records(records_url: str) -> Iterator[sql.SqlRecords]:
    """Migrated, empty records of each kind."""
    records = sql.SqlRecords(records_url, busy_s=5.0)
    records.migrate()
    yield records
    records.close()


@pytest.fixture(params=["valkey", "redis"])
def store_server(request: pytest.FixtureRequest) -> servers.Server:
    """A running server of each kind."""
    server: servers.Server = request.getfixturevalue(f"{request.param}_server")
    return server


@pytest.fixture
async def store(store_server: servers.Server) -> AsyncIterator[valkey_store.ValkeyStore]:
    """A store of each kind. Keys are shared between tests, so each test uses a key of its own."""
    store = valkey_store.ValkeyStore(store_server.url, STORE_TIMEOUT_S)
    yield store
    await store.close()


@pytest.fixture
def make_row() -> Callable[..., ledger.LedgerRow]:
    """Build a ledger row from the values that a test cares about."""

    def make(request_id: str, **values: object) -> ledger.LedgerRow:
        usual: dict[str, object] = {
            "at_us": 1_700_000_000_000_000,
            "user_id": "ada",
            "token_id": "tok-1",
            "route": "math",
            "specialist": "math",
            "model": "",
            "outcome": ledger.Outcome.ANSWERED,
            "level": "computed",
            "verified": True,
            "escalated": False,
            "prompt_tokens": 0,
            "completion_tokens": 0,
            "cost_usd_micros": 0,
            "first_us": 10,
            "total_us": 20,
            "generation": "abc",
        }
        return ledger.LedgerRow(request_id=request_id, **(usual | values))  # type: ignore[arg-type]

    return make
