"""Searching by meaning in a recall that runs: `.venv/bin/python benchmarks/meanings.py`, some minutes; `--passages 5000` more.

Questions are those of `ranking.py`, asked of guidebook, knowledge and handbook over recall's socket: once by words alone, as
quotes are chosen, once as people search. Then what filling costs others: searches and memory calls in turns, while it fills and
not.
"""

import argparse
import asyncio
import collections
import contextlib
import dataclasses
import json
import random
import shutil
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import councils
import figures
from council import homes
from council.backends.memories import unix as memories_unix
from council.backends.retriever import unix
from council.domain import answers, config, home

HERE = Path(__file__).resolve().parent
READ = 3
PORT = 41_150
_PACE_S = 0.01
_CALLS = 300
_BESIDE_DOCUMENTS = 250
_READY_S = 3600.0
_PASSAGES = 'council_recall_passages{root="library"}'
_RESIDENT = 'council_process_resident_bytes{svc="recall"'
_CPU = "process_cpu_seconds_total"


@dataclasses.dataclass
class Running:
    """A recall that runs."""

    where: home.Home
    url: str
    started_s: float

    @property
    def retriever(self) -> unix.UnixRetriever:
        """What the gateway asks it by."""
        return unix.UnixRetriever(self.where.socket("recall"), 10.0)

    def live(self) -> dict[str, Any]:
        """Return what it says of itself."""
        with urllib.request.urlopen(f"{self.url}/livez", timeout=10) as reply:
            found: dict[str, Any] = json.loads(reply.read())
            return found

    def meanings(self) -> answers.Meanings:
        """Return how far it is."""
        return answers.Meanings(**self.live()["meanings"])

    def metric(self, name: str) -> float:
        """Return one figure of its own."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as reply:
            lines = [line for line in reply.read().decode().splitlines() if line.startswith(name)]
        return float(lines[0].rpartition(" ")[2])


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description="What searching by meaning finds, takes and costs.")
    parser.add_argument("--passages", type=int, default=0, help="so many made passages beside the documents")
    parser.add_argument("--port", type=int, default=PORT)
    asked = parser.parse_args()
    with councils.folder() as folder:
        where = home.Home(folder / "h")
        homes.prepare(where, {})
        shutil.copy(HERE / "knowledge/handbook.md", where.library)
        _make(where, asked.passages)
        with _recall(where, asked.port, COUNCIL_RECALL_MEANINGS="false") as running:
            _until(lambda: running.live()["memories_ready"] and running.metric(_PASSAGES) > asked.passages)
            off_mb = running.metric(_RESIDENT) / 1e6
        with _recall(where, asked.port) as running:
            _filled(running)
            _found(running)
        with _recall(where, asked.port) as running:
            _again(running, off_mb)


def _make(where: home.Home, passages: int) -> None:
    """Write notes of a hundred words that all differ."""
    # Plain words alone: a number sign at the front would make a heading of all of them.
    words = [word for word in (HERE / "knowledge/handbook.md").read_text().split() if word.isalpha()]
    chance = random.Random(7)
    for number in range(passages):
        folder = where.library / f"{number // 500}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.md").write_text(f"# Note {number}\n\n" + " ".join(chance.choices(words, k=100)))


@contextlib.contextmanager
def _recall(where: home.Home, port: int, **settings: str) -> Iterator[Running]:
    spec = councils.service_specs(where, port)["recall"]
    spec = dataclasses.replace(spec, environment={**spec.environment, **settings})
    service = councils.start_service(where, spec)
    try:
        service.until_ready()
        yield Running(where, f"http://127.0.0.1:{port + 6}", service.started_s)
    finally:
        service.close()
        where.socket("recall").unlink(missing_ok=True)


def _filled(running: Running) -> None:
    """Take the times of others while it fills, and how long that takes."""
    _until(lambda: running.meanings().known)
    cpu_s, begun_s, known = running.metric(_CPU), time.monotonic(), running.meanings().known
    _until(lambda: running.meanings().state == "ready")
    wall_s, more = time.monotonic() - begun_s, running.meanings().known - known
    _say("filling, each passage: time", wall_s * 1000 / more, f"ms of {more:,}")
    _say("filling, each passage: CPU", (running.metric(_CPU) - cpu_s) * 1000 / more, "ms")
    # Another look at the same texts under other names, so that there is filling to be beside.
    idle = asyncio.run(_others(running, lambda count: count < _CALLS))
    texts = [path.read_text() for path in sorted(running.where.library.rglob("*.md"))[:40]]
    for number in range(_BESIDE_DOCUMENTS):
        (running.where.library / f"beside-{number}.md").write_text(f"# {number}\n\n{texts[number % len(texts)]}")
    _until(lambda: running.meanings().state == "filling")
    beside = asyncio.run(_others(running, lambda _: running.meanings().state == "filling"))
    for name in idle:
        for what, values in (("idle", idle[name]), ("while it fills", beside[name])):
            _quantiles(f"{name}, {what}", values)
    for number in range(_BESIDE_DOCUMENTS):
        (running.where.library / f"beside-{number}.md").unlink()
    count = running.meanings().known
    _until(lambda: running.meanings().known < count)
    _until(lambda: running.meanings().state == "ready")


async def _others(running: Running, goes_on: Callable[[int], bool]) -> dict[str, list[float]]:
    """Search by words and ask the memory in turns, a different question each time."""
    memories = memories_unix.UnixMemories(running.where.socket("recall"), config.MemoryConfig(recall_s=30.0))
    await memories.remember("someone", "", "I live in Lyon.", "")
    times: dict[str, list[float]] = {"search by words": [], "memory call": []}
    count = 0
    while goes_on(count):
        count += 1
        times["search by words"].append(await _timed(running.retriever.search(f"opening hours {count}", READ, "")))
        times["memory call"].append(await _timed(memories.recall("someone", "", f"Where is home, {count}?", READ, "")))
        await asyncio.sleep(_PACE_S)
    return times


def _found(running: Running) -> None:
    """Take what is found of every question, by words alone and as people search, and how long that takes."""
    rows = [json.loads(line) for line in (HERE / "knowledge/questions.jsonl").read_text().splitlines()]
    others = (HERE / "knowledge/paraphrases.jsonl").read_text().splitlines()
    rows += [{**json.loads(line), "about": "paraphrases"} for line in others]
    for name, counted, times in asyncio.run(_asked(running, rows)):
        for about in dict.fromkeys(row["about"] for row in rows if row["key"]):
            hits = ", ".join(f"hit@{places} {counted[about, places]}" for places in (1, READ, 5))
            print(f"{name}, {about}: {hits} of {counted[about, 0]}")
        _quantiles(name, times["words"])
        if times["meaning"]:
            _quantiles(f"{name}, meaning asked", times["meaning"])


async def _asked(
    running: Running, rows: Sequence[Mapping[str, str]]
) -> list[tuple[str, collections.Counter[tuple[str, int]], dict[str, list[float]]]]:
    made = []
    for name in ("by words", "as people search"):
        counted: collections.Counter[tuple[str, int]] = collections.Counter()
        times: dict[str, list[float]] = {"words": [], "meaning": []}
        for row in rows:
            began_s = time.perf_counter()
            if name == "by words":
                passages: Sequence[answers.Passage] = await running.retriever.search(row["text"], 5, "")
            else:
                searched = await running.retriever.find(row["text"], 5, "")
                assert not searched.note, searched.note
                passages = searched.passages
            by_meaning = any(one.cosine is not None for one in passages)
            times["meaning" if by_meaning else "words"].append((time.perf_counter() - began_s) * 1000)
            key = _plain(row["key"])
            places = [place for place, one in enumerate(passages, 1) if key in _plain(f"{one.heading} {one.text}")]
            counted[row["about"], 0] += 1
            for most in (1, READ, 5):
                counted[row["about"], most] += bool(key and places and places[0] <= most)
        made.append((name, counted, times))
    return made


def _again(running: Running, off_mb: float) -> None:
    """Take how long another start takes to have them, and what they take."""
    _until(lambda: running.meanings().state == "ready")
    known = running.meanings().known
    _say("all known after a start with the file", time.monotonic() - running.started_s, f"s of {known:,}")
    _until(lambda: running.live()["memories_ready"])
    _say("resident without meanings", off_mb, "MB")
    _say("resident with", running.metric(_RESIDENT) / 1e6, "MB")
    _say("file", running.where.meanings_file.stat().st_size / known, "bytes a passage")


def _quantiles(name: str, values: Sequence[float]) -> None:
    p50, p99 = figures.quantile(values, 0.5), figures.quantile(values, 0.99)
    print(f"{name}: p50 {p50:.1f} ms, p99 {p99:.1f} ms, of {len(values):,}")


def _say(name: str, value: float, unit: str) -> None:
    print(f"{name}: {value:.1f} {unit}")


def _plain(text: str) -> str:
    return " ".join(text.replace(">", " ").split()).casefold()


async def _timed(work: Awaitable[object]) -> float:
    began_s = time.perf_counter()
    await work
    return (time.perf_counter() - began_s) * 1000


def _until(true: Callable[[], object]) -> None:
    ends_s = time.monotonic() + _READY_S
    while not true():
        if time.monotonic() > ends_s:
            raise TimeoutError("recall does not get there")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
