"""What it costs that SQLite holds a process to its tables: a statement compiled and run, and run again, with and without.

    .venv/bin/python benchmarks/reach.py

SQLite asks only while it compiles, and Python's driver keeps what was compiled, so the second must cost nothing. The steward's
row and a query of its own; turns with and without follow each other, and the medians of all are told, in processor time.
"""

import argparse
import contextlib
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import sqlalchemy

from council.backends.records import engines, guard, schema, sql
from council.domain import reach
from council.services import records_rights

TURNS = 40
_RUNS = 1_000
_NEWEST = sqlalchemy.select(schema.incidents).order_by(schema.incidents.c.id.desc()).limit(1)
_QUERY = str(_NEWEST.compile(compile_kwargs={"literal_binds": True}))


def _each_us(path: Path, statement: Callable[[int], str]) -> float:
    with contextlib.closing(engines.connect_sqlite(path, 1.0, "NORMAL")) as connection:
        began_s = time.thread_time()
        for number in range(_RUNS):
            connection.execute(statement(number)).fetchall()
        return (time.thread_time() - began_s) / _RUNS * 1e6


def measured(path: Path, turns: int = TURNS) -> Mapping[str, float]:
    """Return microseconds a statement, by what is done with it and whether it is held to a row."""
    row = records_rights.ROWS["steward"]
    assert row is not None
    held: dict[str, reach.Reach | None] = {"free": None, "held": row}
    # A comment of its own makes each a new statement to the driver.
    done: dict[str, Callable[[int], str]] = {
        "compiled and run": lambda number: f"{_QUERY} -- {number}",
        "run again": lambda _: _QUERY,
    }
    found: dict[str, list[float]] = {f"{what}, {how}": [] for what in done for how in held}
    for _ in range(turns):
        for how, limit in held.items():
            guard._Process.limit = limit
            for what, statement in done.items():
                found[f"{what}, {how}"].append(_each_us(path, statement))
    return {name: statistics.median(times) for name, times in found.items()}


def main() -> int:
    """Print the medians as JSON."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--turns", type=int, default=TURNS)
    with tempfile.TemporaryDirectory(prefix="council") as folder:
        path = Path(folder, "records", "council.db")
        records = sql.SqlRecords(f"sqlite:///{path}")
        records.migrate()
        records.close()
        found = measured(path, asked.parse_args().turns)
    told = {"sqlite": sqlite3.sqlite_version, "us": {name: round(us, 1) for name, us in found.items()}}
    print(json.dumps(told, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
