"""Settings of the two places that keep state for others: the records, which last, and the store, which need not."""

from dataclasses import dataclass

from council.domain.options import option

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class RecordsConfig:
    """The database."""

    url: str = option("", "SQLAlchemy URL; empty means SQLite under the home. PostgreSQL: `postgresql+psycopg://...`.")
    batch_rows_max: int = option(256, "Most ledger rows in one commit.", low=1, high=10_000)
    queue_rows_max: int = option(10_000, "Ledger rows that may wait for a commit.", low=1, high=1_000_000)
    busy_s: float = option(5.0, "Longest wait for another writer's lock, seconds.", low=0.1, high=60)


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """The shared store."""

    url: str = option("", "Redis or Valkey URL; empty means the bundled Valkey on a Unix socket.")
    memory_bytes: int = option(64 * _MIB, "Most memory of the bundled Valkey, bytes.", low=8 * _MIB, high=1 << 40)
    timeout_s: float = option(0.5, "Longest wait for one reply, seconds.", low=0.01, high=60)


@dataclass(frozen=True, slots=True)
class StoreFigures:
    """What a store says of itself: memory that its data and buffers take, clients now, and most that it takes."""

    used_bytes: int
    clients: int
    clients_max: int
