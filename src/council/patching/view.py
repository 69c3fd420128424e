"""What the journal tells of patches, put into the store for whoever reads there: a view, made anew after each patch.

Key `patchctl:history`, a field for each patch by its full digest, the value a JSON object: `cid`, `timestamp` (when it came,
Unix seconds), `author`, `files`, `status` and `ticket`. The journal is the truth; whoever relies on it reads that.
"""

from collections.abc import Iterable, Sequence

import orjson

from council import ports
from council.upkeep.patchctl import history

KEY = "patchctl:history"
ROWS_MAX = 1000


def fields(rows: Iterable[history.Row]) -> dict[str, bytes]:
    """Return the newest rows as the store has them. Of a patch that came more than once it is the last that counts."""
    latest = {row.digest: row for row in rows}
    return {digest: _value(row) for digest, row in list(latest.items())[-ROWS_MAX:]}


async def publish(store: ports.Store, rows: Sequence[history.Row]) -> None:
    """Have the store hold these rows and no others. Raises StoreUnavailableError."""
    await store.put_table(KEY, fields(rows))


async def is_current(store: ports.Store, rows: Sequence[history.Row]) -> bool:
    """Return whether the store holds what the journal tells. Raises StoreUnavailableError."""
    return await store.get_table(KEY) == fields(rows)


def _value(row: history.Row) -> bytes:
    return orjson.dumps(
        {
            "cid": row.cid,
            "timestamp": row.at_s,
            "author": row.author,
            "files": list(row.files),
            "status": row.outcome or row.phase,
            "ticket": row.ticket,
        }
    )
