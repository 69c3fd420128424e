"""What counts as a call to another part, and which of them are errors: `council_network_calls_total`."""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from council.backends.answer_cache import unix as answer_cache_unix
from council.backends.compute import unix as compute_unix
from council.backends.memories import unix as memories_unix
from council.backends.retriever import unix as retriever_unix
from council.backends.sandbox_runner import unix as sandbox_unix
from council.backends.store import valkey
from council.domain import config, errors, sandbox, sandbox_wire
from council.kit import frames
from council.serving.providers import attempts
from counted import rises
from faulty_server import Seen, Talk, plain, serving

NAME = "council_network_calls_total"
OK, ERROR = {("ok",): 1.0}, {("error",): 1.0}
BEGAN = frames.encode({"began": True})
Call = Callable[[Path], Coroutine[Any, Any, Any]]

WORKER = config.WorkerConfig(wall_s=0.1)
SANDBOX = config.SandboxConfig(queue_wait_s=0.1, wall_s=0.1)


async def in_sandbox(path: Path) -> Any:
    client = sandbox_unix.UnixSandbox(path, SANDBOX)
    try:
        return await client.run(sandbox.Job("python", "1"), "caller", "id")
    finally:
        await client.close()


async def in_store(path: Path) -> Any:
    client = valkey.ValkeyStore(f"unix://{path}", 0.1)
    try:
        return await client.take("key", 60, 60.0)
    finally:
        await client.close()


CALLS: dict[str, Call] = {
    "worker": lambda path: compute_unix.UnixCompute(path, WORKER).call("x", {}, "id"),
    "recall": lambda path: retriever_unix.UnixRetriever(path, 0.1).search("x", 1, "id"),
    "memories": lambda path: memories_unix.UnixMemories(path, config.MemoryConfig(timeout_s=0.1)).embed(["x"], "id"),
    "answer cache": lambda path: answer_cache_unix.UnixAnswerCache(path, 0.1).find("u", "s", "g", "t", False, "id"),
    "sandbox": in_sandbox,
    "store": in_store,
}


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "s"


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def breaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


def saying(*parts: bytes, http: bool = False) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if http:
            await reader.readuntil(b"\r\n\r\n")
        else:
            await frames.read(reader, 100_000)
        for part in parts:
            writer.write(part)
            await writer.drain()

    return talk


@pytest.mark.parametrize("part", CALLS)
async def test_a_part_that_is_not_there_is_one_error(part: str, path: Path) -> None:
    with rises(NAME) as found, pytest.raises(errors.UnavailableError):
        await CALLS[part](path)
    assert found == ERROR


@pytest.mark.parametrize("talk", [silent, breaks], ids=["silent", "breaks"])
@pytest.mark.parametrize("part", CALLS)
async def test_a_part_that_says_nothing_or_breaks_off_is_one_error(
    part: str, talk: Talk, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compute_unix, "_GRACE_S", 0.05)
    monkeypatch.setattr(sandbox_unix, "_GRACE_S", 0.05)
    async with serving(talk, Seen(), path):
        with rises(NAME) as found, pytest.raises(errors.UnavailableError):
            await CALLS[part](path)
    assert found == ERROR


REFUSED = sandbox_wire.error_form(errors.SandboxStoppedError("The kill switch is thrown. Lift it."))
MEMORY_REFUSED = {"error": {"code": "not_found", "message": "No such memory."}}


@pytest.mark.parametrize(
    ("part", "talk"),
    [
        ("worker", saying(BEGAN, frames.encode({"kind": "solved"}))),
        ("worker", saying(BEGAN, frames.encode({"over_limit_memory": True}))),
        ("recall", saying(frames.encode({"passages": []}))),
        ("memories", saying(frames.encode(MEMORY_REFUSED))),
        ("answer cache", saying(frames.encode({"found": None}))),
        ("sandbox", saying(plain(503, orjson.dumps(REFUSED)), http=True)),
    ],
)
async def test_a_reply_is_no_error_even_where_it_refuses(part: str, talk: Talk, path: Path) -> None:
    async with serving(talk, Seen(), path):
        with rises(NAME) as found, contextlib.suppress(errors.CouncilError):
            await CALLS[part](path)
    assert found == OK


async def test_a_part_that_says_it_failed_is_an_error(path: Path) -> None:
    async with serving(saying(BEGAN, frames.encode({"error": "boom"})), Seen(), path):
        with rises(NAME) as found, pytest.raises(errors.ComputeUnavailableError):
            await CALLS["worker"](path)
    assert found == ERROR


async def test_a_call_that_is_given_up_says_nothing_of_the_network(path: Path) -> None:
    async with serving(silent, Seen(), path):
        with rises(NAME) as found, pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await CALLS["recall"](path)
    assert found == {}


async def test_pings_are_not_counted(path: Path) -> None:
    client = sandbox_unix.UnixSandbox(path, SANDBOX)
    pings = (
        compute_unix.UnixCompute(path, WORKER).ping,
        retriever_unix.UnixRetriever(path, 0.1).ping,
        client.ping,
        valkey.ValkeyStore(f"unix://{path}", 0.1).ping,
    )
    with rises(NAME) as found:
        for ping in pings:
            with pytest.raises(errors.UnavailableError):
                await ping()
    await client.close()
    assert found == {}


@pytest.mark.parametrize(
    ("error", "replied"),
    [
        (errors.InvalidRequestError("400"), True),
        (errors.ContextTooLongError("400"), True),
        (errors.OverloadedError("the queue is full"), True),
        (errors.ProviderError("401", faulty=True, lasting=True), True),
        (errors.ProviderError("429", wait_s=1.0), True),
        (errors.ProviderError("500", faulty=True), False),
        (errors.ProviderError("broke its stream", faulty=True, begun=True), False),
        (errors.ModelUnavailableError("the local model is away"), False),
    ],
)
def test_of_a_providers_errors_those_are_the_networks_that_no_server_meant(
    error: errors.CouncilError, replied: bool
) -> None:
    assert attempts._replied(error) is replied
