"""What each process may reach of the embedded records, as data: the tables that it works with, one row a process.

Whoever is not listed reaches none, and the migrator, which makes the tables, all. Of what people said, of what is remembered of
them and of who is signed in, only the gateway and recall read; of tokens, others read what they may spend. SQLite holds a
process to its row (`backends/records/guard.py`), a server of records does not. Record 0047.
"""

from collections.abc import Mapping

from council.domain import reach

_ALL = reach.WHOLE
# What counting money needs of a token: not whose it is, nor the digest of its secret.
_TOKEN_BUDGETS = frozenset({"id", "label", "role", "created_us", "revoked_us", "day_usd_micros", "month_usd_micros"})


def _row(process: str, *, reads: str = "", writes: str = "", budgets: bool = False) -> reach.Reach:
    """Return a row. What is written is read as well; `budgets` lets it see what is spent, held and allowed."""
    found = dict.fromkeys([*reads.split(), *writes.split()], _ALL)
    if budgets:
        found |= {"spend": _ALL, "holds": _ALL, "tokens": _TOKEN_BUDGETS}
    return reach.Reach(process, found, frozenset(writes.split()))


_KEEPS_ALERTS = "incidents notices silences"

ROWS: Mapping[str, reach.Reach | None] = {
    "gateway": _row(
        "gateway",
        reads="incidents snapshots observer_state overrides repairs",
        writes="users tokens ledger charges holds spend learning thumbs remarks login_codes sessions audit uses "
        "conversations messages interventions",
    ),
    "recall": _row("recall", reads="overrides", writes="memories memory_changes"),
    "watcher": _row("watcher", reads="backups bot_runs", writes=_KEEPS_ALERTS, budgets=True),
    "messenger": _row("messenger", writes=_KEEPS_ALERTS),
    "steward": _row(
        "steward",
        reads="ledger charges incidents silences bot_runs backups",
        writes="snapshots observer_state announcements notices overrides repairs interventions",
        budgets=True,
    ),
    "bots": _row("bots", reads="incidents snapshots charges learning thumbs", writes="bot_runs"),
    # What it copies it reads as pages of the file, and not by statements.
    "backup": _row("backup", writes="backups"),
    "migrator": None,
}


def limit(process: str) -> None:
    """Hold this process to its row, before it opens the records."""
    # Here, not above: what needs no records should not pay for them.
    from council.backends.records import guard

    row = ROWS.get(process, reach.Reach(process))
    if row is not None:
        guard.limit(row)
