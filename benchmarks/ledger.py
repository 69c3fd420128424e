"""What a ledger row costs: committed before the call returns, at one client and at many.

Ours: `LedgerWriter` over `SqlRecords`, which commits what has gathered in a turn of the loop. The peer does what an asyncio
wrapper around sqlite3 does: a transaction a row on one connection in a thread of its own, on the same schema and pragmas.
Both run in this process, in turns, each on a fresh file; the better of the turns counts for both.
"""

import argparse
import asyncio
import concurrent.futures
import dataclasses
import json
import os
import platform
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

import uvloop

from council.backends.records import engines, sql
from council.domain import ledger
from council.serving.ledger import writer

TARGET_MS_AT_ONE_CLIENT = 0.2
CLIENTS = (1, 32)
TURNS = 3

Record = Callable[[ledger.LedgerRow], Awaitable[None]]


class Subject(Protocol):
    """Something that records rows into the SQLite file it was made for."""

    async def record(self, row: ledger.LedgerRow) -> None: ...

    async def close(self) -> None: ...


class Ours:
    """The service's own path, with the default limits of the config."""

    def __init__(self, path: Path, synchronous: engines.Synchronous):
        self._records = sql.SqlRecords(f"sqlite:///{path}", synchronous=synchronous)
        self._writer = writer.LedgerWriter(self._records, batch_rows_max=256, queue_rows_max=10_000)
        self._writer.start()
        self.record = self._writer.record

    async def close(self) -> None:
        await asyncio.to_thread(self._writer.close)
        self._records.close()


class Peer:
    """sqlite3 in a thread, a transaction a row."""

    def __init__(self, path: Path, synchronous: engines.Synchronous):
        self._threads = concurrent.futures.ThreadPoolExecutor(max_workers=1)
        names = [field.name for field in dataclasses.fields(ledger.LedgerRow)]
        self._insert = (
            f"INSERT INTO ledger ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) ON CONFLICT DO NOTHING"
        )
        self._connection = self._threads.submit(self._open, path, synchronous).result()

    def _open(self, path: Path, synchronous: engines.Synchronous) -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    async def record(self, row: ledger.LedgerRow) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, self._write, row)

    def _write(self, row: ledger.LedgerRow) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute(self._insert, dataclasses.astuple(row))
        self._connection.execute("COMMIT")

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, self._connection.close)
        self._threads.shutdown()


SUBJECTS: dict[str, type[Ours] | type[Peer]] = {"ours": Ours, "a transaction a row": Peer}


async def measure(subject: Subject, clients: int, rows: int) -> dict[str, float]:
    """Record `rows` rows from `clients` clients; return latencies in milliseconds, CPU and rate."""
    latencies_ms: list[float] = []

    async def client(name: int) -> None:
        for number in range(rows // clients):
            row = _row(f"{name}-{number}", number)
            started_s = time.perf_counter()
            await subject.record(row)
            latencies_ms.append((time.perf_counter() - started_s) * 1_000)

    await subject.record(_row("warm-up", 0))
    started_s, started_cpu_s = time.perf_counter(), time.process_time()
    await asyncio.gather(*(client(name) for name in range(clients)))
    wall_s, cpu_s = time.perf_counter() - started_s, time.process_time() - started_cpu_s
    cuts = statistics.quantiles(latencies_ms, n=100, method="inclusive")
    return {
        "p50_ms": cuts[49],
        "p99_ms": cuts[98],
        "wall_ms_a_row": wall_s / len(latencies_ms) * 1_000,
        "cpu_us_a_row": cpu_s / len(latencies_ms) * 1_000_000,
    }


def run(rows: int = 6_000, turns: int = TURNS) -> dict[str, Any]:
    """Measure everything; return machine, commit, figures and ratios."""
    results: list[dict[str, Any]] = []
    for synchronous in ("NORMAL", "FULL"):
        for clients in CLIENTS:
            best: dict[str, dict[str, float]] = {}
            for _ in range(turns):
                for name in SUBJECTS:
                    found = _one_turn(name, synchronous, clients, rows)
                    if name not in best or found["p50_ms"] < best[name]["p50_ms"]:
                        best[name] = found
            results += [
                {"subject": name, "synchronous": synchronous, "clients": clients, **figures}
                for name, figures in best.items()
            ]
    ours = next(line for line in results if line["subject"] == "ours")
    return {
        "benchmark": "ledger",
        **_circumstances(),
        "rows": rows,
        "turns": turns,
        "target_ms_at_one_client": TARGET_MS_AT_ONE_CLIENT,
        "target_met": ours["p50_ms"] <= TARGET_MS_AT_ONE_CLIENT,
        "results": results,
    }


def _one_turn(name: str, synchronous: engines.Synchronous, clients: int, rows: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "council.db")
        records = sql.SqlRecords(f"sqlite:///{path}")
        records.migrate()
        records.close()

        async def turn() -> dict[str, float]:
            subject = SUBJECTS[name](path, synchronous)
            try:
                return await measure(subject, clients, rows)
            finally:
                await subject.close()

        return uvloop.run(turn())


def _row(request_id: str, at_us: int) -> ledger.LedgerRow:
    return ledger.LedgerRow(
        request_id=f"01J0000000000000-{request_id}",
        at_us=1_700_000_000_000_000 + at_us,
        user_id="owner",
        token_id="01J00000000000000000000000",
        route="general",
        specialist="general",
        model="smollm2-135m-instruct",
        outcome=ledger.Outcome.ANSWERED,
        level="none",
        verified=False,
        escalated=False,
        prompt_tokens=120,
        completion_tokens=80,
        cost_usd_micros=0,
        first_us=150_000,
        total_us=1_900_000,
        generation="0123456789abcdef0123456789abcdef01234567",
    )


def _circumstances() -> dict[str, Any]:
    git = subprocess.run(
        ["git", "rev-parse", "HEAD"], check=False, capture_output=True, text=True, cwd=Path(__file__).parent
    )
    return {
        "commit": git.stdout.strip(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }


def table(report: dict[str, Any]) -> str:
    """Return the figures as text; a ratio is the peer's time over ours, so above 1 means that ours is faster."""
    lines = [
        f"{'synchronous':<12}{'clients':>8}  {'':<22}{'p50 ms':>9}{'p99 ms':>9}{'CPU us/row':>12}{'p50 ratio':>11}"
    ]
    ours: dict[str, Any] = {}
    for line in report["results"]:
        if line["subject"] == "ours":
            ours = line
        ratio = line["p50_ms"] / ours["p50_ms"]
        lines.append(
            f"{line['synchronous']:<12}{line['clients']:>8}  {line['subject']:<22}{line['p50_ms']:>9.3f}"
            f"{line['p99_ms']:>9.3f}{line['cpu_us_a_row']:>12.1f}{ratio:>11.2f}"
        )
    met = "met" if report["target_met"] else "MISSED"
    lines.append(f"target: p50 <= {report['target_ms_at_one_client']} ms at one client, synchronous NORMAL: {met}")
    return "\n".join(lines)


def main() -> None:
    """Run, print the table, keep the JSON where asked."""
    parser = argparse.ArgumentParser(description="Measure what a ledger row costs.")
    parser.add_argument("--json", type=Path, help="write the result here")
    parser.add_argument("--rows", type=int, default=6_000)
    parser.add_argument("--turns", type=int, default=TURNS)
    options = parser.parse_args()
    report = run(options.rows, options.turns)
    print(table(report))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
