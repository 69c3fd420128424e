"""What a soak lane holds against the records and the machine: nothing acknowledged lost, sums right, nothing left behind."""

import dataclasses
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator

import linux
import soak_load
from council import app, homes
from council.domain import home as home_module
from council.domain import ledger

_FAR_FUTURE_US = 1 << 62
_BATCH = 400
_LEFT_S = 10.0
_SUMMED = ("prompt_tokens", "completion_tokens", "cost_usd_micros")
_COMPARED = ("outcome", "specialist", "level", *_SUMMED)


def acknowledged(where: home_module.Home, wanted: Iterable[soak_load.Acknowledged]) -> Iterator[str]:
    """Yield a line for each acknowledged answer that is not in the ledger exactly once, as it was told."""
    waiting = list(wanted)
    connection = sqlite3.connect(f"file:{where.records / 'council.db'}?mode=ro", uri=True, timeout=10)
    try:
        for begin in range(0, len(waiting), _BATCH):
            batch = {one.request_id: one for one in waiting[begin : begin + _BATCH]}
            marks = ", ".join("?" * len(batch))
            columns = ", ".join(_COMPARED)
            found = connection.execute(
                f"SELECT request_id, {columns} FROM ledger WHERE request_id IN ({marks})", list(batch)
            ).fetchall()
            yield from _compared(batch, found)
    finally:
        connection.close()


def _compared(batch: dict[str, soak_load.Acknowledged], found: list[tuple[object, ...]]) -> Iterator[str]:
    rows: dict[object, list[tuple[object, ...]]] = {}
    for row in found:
        rows.setdefault(row[0], []).append(row[1:])
    for request_id, one in batch.items():
        told = tuple(getattr(one, name) for name in _COMPARED)
        match rows.get(request_id, []):
            case []:
                yield f"LOST: the answer {request_id} was acknowledged and is not in the ledger"
            case [row] if row != told:
                yield f"the ledger says {row} of {request_id}, the answer said {told}"
            case [_]:
                pass
            case several:
                yield f"{request_id} is in the ledger {len(several)} times"


def sums(where: home_module.Home) -> Iterator[str]:
    """Yield a line for each report whose sums are not those of the rows. Needs records that nobody writes to."""
    records = app.records(homes.load_config(where, None, {}, {}), where)
    try:
        rows = list(records.rows(0, _FAR_FUTURE_US))
        ids = Counter(row.request_id for row in rows)
        yield from (f"{name} is in the ledger {count} times" for name, count in ids.items() if count > 1)
        for by in ledger.GroupBy:
            lines = records.report(by, 0, _FAR_FUTURE_US)
            told = {"requests": sum(line.requests for line in lines), "answered": sum(line.answered for line in lines)}
            told |= {name: sum(getattr(line, name) for line in lines) for name in _SUMMED}
            true = {"requests": len(rows), "answered": sum(row.outcome == ledger.Outcome.ANSWERED for row in rows)}
            true |= {name: sum(getattr(row, name) for row in rows) for name in _SUMMED}
            if told != true:
                yield f"the report by {by} says {told}, the rows say {true}"
    finally:
        records.close()


def refused(where: home_module.Home, request_ids: Iterable[str]) -> Iterator[str]:
    """Yield a line for each request that was told an error and stands in the ledger as answered."""
    records = app.records(homes.load_config(where, None, {}, {}), where)
    told = set(request_ids)
    good = {ledger.Outcome.ANSWERED, ledger.Outcome.REFUSED}
    try:
        for row in records.rows(0, _FAR_FUTURE_US):
            if row.request_id in told and row.outcome in good:
                yield f"{row.request_id} was told an error and stands in the ledger as {row.outcome}"
    finally:
        records.close()


def outcomes(where: home_module.Home) -> dict[str, int]:
    """Return how many ledger rows there are of each outcome."""
    records = app.records(homes.load_config(where, None, {}, {}), where)
    try:
        return dict(Counter(str(row.outcome) for row in records.rows(0, _FAR_FUTURE_US)))
    finally:
        records.close()


def left_behind(where: home_module.Home) -> Iterator[str]:
    """Yield a line for each process of this home that is still there some seconds after the stop."""
    deadline_s = time.monotonic() + _LEFT_S
    while (pids := linux.naming(str(where.root))) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    for pid in pids:
        yield f"process {pid} was left behind"
    for name in ("supervisor.lock", "children.json", "supervisor.sock"):
        if os.path.lexists(where.run / name):
            yield f"the stop left {name} in the home"


@dataclasses.dataclass(frozen=True, slots=True)
class Memory:
    """A service's resident set after the start and at the end, and its peak between, bytes."""

    before_bytes: int
    after_bytes: int
    peak_bytes: int
