"""The memory part of a real recall process: its model, its end by kill -9, and what is left of what was forgotten."""

import asyncio
import contextlib
import dataclasses
import json
import os
import random
import signal
import struct
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import servers
import single_service
import whole
from council import homes
from council.backends.embedder import onnx
from council.backends.memories import unix
from council.backends.records import memories as sql_memories
from council.backends.retriever import unix as retriever_unix
from council.domain import config, errors, home, memory
from council.kit import frames, ids

SETTINGS = config.MemoryConfig(timeout_s=30.0, recall_s=30.0)
T0 = 1_790_000_000_000_000


@dataclasses.dataclass
class Running:
    where: home.Home
    url: str
    service: single_service.Service

    @property
    def memories(self) -> unix.UnixMemories:
        return unix.UnixMemories(self.where.socket("recall"), SETTINGS)

    def live(self) -> dict[str, object]:
        with urllib.request.urlopen(f"{self.url}/livez", timeout=10) as reply:
            return json.loads(reply.read())

    def metrics(self) -> str:
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as reply:
            return reply.read().decode()


@pytest.fixture
def where() -> Iterator[home.Home]:
    with single_service.short_folder() as folder:
        made = home.Home(folder / "h")
        homes.prepare(made, {})
        whole.lend_meanings(made.root)
        yield made


@contextlib.contextmanager
def recall(where: home.Home, **environment: str) -> Iterator[Running]:
    generation = homes.prepare(where, {}).generation
    health, url = single_service.tcp()
    sockets = {"search": single_service.unix(where.socket("recall")), "health": health}
    command = single_service.council("run", "recall", "--home", str(where.root))
    log = where.root.parent / "log"
    told = {"COUNCIL_GENERATION": generation, **environment}
    with single_service.running(command, "recall", sockets, told, log) as service:
        yield Running(where, url, service)
    whole.keep_meanings(where.root)


async def ready(running: Running) -> None:
    async with asyncio.timeout(60):
        while not running.live()["memories_ready"]:
            await asyncio.sleep(0.02)


async def test_it_remembers_finds_by_meaning_and_forgets_for_good(where: home.Home) -> None:
    with recall(where) as running:
        memories = running.memories
        kept = await memories.remember("ada", "s", "My dog is called Rexobald Quux.", "r1")
        assert [one.kind for one in kept] == [memory.Kind.TURN, memory.Kind.FACT]
        await memories.remember("ada", "s", "The train to Lyon leaves at noon.", "r2")
        await memories.remember("bob", "s", "My cat is called Tom.", "r3")
        found = await memories.search("ada", "what pet do I have?", 5, "r4")
        assert "Rexobald" in found[0].memory.text and found[0].similarity > 0.3 and found[0].coverage == 0
        recalled = await memories.recall("ada", "s", "What is my dog's name?", 5, "r5")
        assert [fact.value for fact in recalled.facts] == ["Rexobald Quux"] and recalled.complete
        assert all("Tom" not in one.memory.text for one in await memories.search("ada", "cat Tom", 9, "r6"))
        assert await memories.forget("ada", memory.Selection(ids=tuple(one.id for one in kept)), "r7") == 2
        assert all("Rexobald" not in one.memory.text for one in await memories.search("ada", "dog", 9, "r8"))
        disk = b"".join(file.read_bytes() for file in where.records.iterdir() if not file.name.endswith("-shm"))
        assert b"Rexobald" not in disk and b"train to Lyon" in disk
        assert "Rexobald" not in running.service.log.read_text()
        metrics = running.metrics()
        assert "council_memory_memories 3.0" in metrics and "council_memory_forgotten_total 2.0" in metrics
        assert 'council_memory_searches_total{result="hit"}' in metrics


async def test_a_text_is_embedded_as_in_this_process(where: home.Home) -> None:
    with recall(where) as running:
        there = await running.memories.embed(["I live in Lyon.", "tea"], "r")
        assert there == onnx.OnnxEmbedder(1).embed(["I live in Lyon.", "tea"])


@pytest.mark.covers("memory", "healing")
async def test_a_kill_loses_nothing_that_was_acknowledged(where: home.Home) -> None:
    acknowledged: set[str] = set()
    chance = random.Random(5)
    for round_ in range(4):
        with recall(where) as running:

            async def say(lane: int, memories: unix.UnixMemories = running.memories, round_: int = round_) -> None:
                number = 0
                with contextlib.suppress(errors.RecallUnavailableError):
                    while True:
                        kept = await memories.remember("ada", "s", f"round {round_} lane {lane} number {number}", "r")
                        acknowledged.update(one.id for one in kept)
                        number += 1

            before = len(acknowledged)
            lanes = [asyncio.create_task(say(lane)) for lane in range(3)]
            async with asyncio.timeout(60):
                while len(acknowledged) < before + chance.randrange(5, 60):
                    await asyncio.sleep(0)
            os.kill(running.service.popen.pid, signal.SIGKILL)
            running.service.popen.wait(30)
            await asyncio.gather(*lanes)
    assert len(acknowledged) >= 20
    with recall(where) as running:
        await ready(running)
        listed = {one.id for one in await running.memories.entries("ada", memory.Selection(), 1_000, "r")}
        assert acknowledged <= listed
        [best, *_] = await running.memories.search("ada", "round 3 lane 1 number 0", 5, "r")
        assert best.memory.text == "round 3 lane 1 number 0"


def fill(where: home.Home, count: int) -> list[memory.Memory]:
    chance = random.Random(3)
    rows = []
    for number in range(count):
        numbers = [chance.gauss(0, 1) for _ in range(onnx.WIDTH)]
        length = sum(value * value for value in numbers) ** 0.5
        at_us = T0 + number * 1_000
        kept = memory.Memory(
            ids.ulid(at_us), "ada", "s", memory.Kind.TURN, "", "", "", f"memory {number}", "import", 1.0, at_us
        )
        rows.append((kept, struct.pack(f"{onnx.WIDTH}f", *(value / length for value in numbers))))
    records = sql_memories.SqlMemories(where.records_url)
    records.add_memories(rows, onnx.MODEL_SHA256[:32])
    records.close()
    return [kept for kept, _ in rows]


async def test_after_a_start_it_answers_while_it_reads_and_finds_all_of_it_then(where: home.Home) -> None:
    rows = fill(where, 6_000)
    with recall(where, COUNCIL_MEMORY_LISTS_FROM="5000") as running:
        # The library at once, whatever the memory is doing.
        assert await retriever_unix.UnixRetriever(where.socket("recall"), 10.0).search("what is a generation", 3, "r")
        [newest] = await running.memories.search("ada", "memory 5999", 1, "r")
        assert newest.memory.id == rows[-1].id
        await ready(running)
        for number in (0, 17, 3_000, 5_999):
            recalled = await running.memories.recall("ada", "", f"memory {number}", 3, "r")
            assert recalled.complete and rows[number].id in {one.memory.id for one in recalled.found}
        assert "council_memory_loaded 6000.0" in running.metrics()


async def test_what_is_no_call_does_not_end_it(where: home.Home) -> None:
    with recall(where) as running:
        for request in (
            {"operation": "remember"}, {"operation": "forget", "user": "ada"}, {"operation": []},
            {"operation": "entries", "user": "ada", "selection": {"ids": 7}}, {"operation": "embed", "user": "", "texts": 3},
            {"operation": "search", "user": "ada", "query": 5, "limit": "many"},
            {"operation": "import", "user": "ada", "memories": [{"id": 1}]},
        ):  # fmt: skip
            reader, writer = await asyncio.open_unix_connection(where.socket("recall"))
            writer.write(frames.encode(request))
            # An error as a reply, or the end of this connection.
            reply = await asyncio.wait_for(frames.read(reader, 1 << 20), 30)
            assert reply is None or "error" in reply
            writer.close()
        assert (await running.memories.remember("ada", "s", "still here", "r"))[0].text == "still here"


async def test_it_keeps_memories_in_a_postgresql_server(where: home.Home) -> None:
    servers.need("postgresql")
    with servers.postgresql() as server:
        url = server.create_database()
        records = sql_memories.SqlMemories(url)
        records.migrate()
        for text in ("My dog is called Rex.", "What is my dog's name?"):
            # The second time from what the first has left there.
            with recall(where, COUNCIL_RECORDS_URL=url) as running:
                await running.memories.remember("ada", "s", text, "r")
                recalled = await running.memories.recall("ada", "", "What is my dog's name?", 5, "r")
                assert [fact.value for fact in recalled.facts] == ["Rex"]
        assert records.counts() == {"ada": 3}
        with recall(where, COUNCIL_RECORDS_URL=url) as running:
            assert await running.memories.forget("ada", memory.Selection(), "r") == 3
        assert records.counts() == {}
        records.close()


async def test_a_recall_that_is_away_is_said_so(tmp_path: Path) -> None:
    away = unix.UnixMemories(tmp_path / "none.sock", SETTINGS)
    for call in (
        away.remember("a", "", "x", "r"), away.recall("a", "", "x", 1, "r"), away.search("a", "x", 1, "r"),
        away.entries("a", memory.Selection(), 1, "r"), away.forget("a", memory.Selection(), "r"),
        away.take_in("a", [], "r"), away.embed(["x"], "r"),
    ):  # fmt: skip
        with pytest.raises(errors.RecallUnavailableError, match="Try again"):
            await call
