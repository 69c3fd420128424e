import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from council.backends.compute import unix
from council.domain import config, errors
from council.kit import frames
from faulty_server import Seen, Talk, serving

LIMITS = config.WorkerConfig(wall_s=0.2, queue_max=2, message_bytes_max=4096)
BEGAN = frames.encode({"began": True})


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "s"


def saying(*parts: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await frames.read(reader, 10_000)
        for part in parts:
            writer.write(part)
            await writer.drain()

    return talk


async def call(path: Path, *parts: bytes) -> dict[str, object]:
    async with serving(saying(*parts), Seen(), path):
        return await unix.UnixCompute(path, LIMITS).call("x", {"text": "y"}, "i")


async def test_the_reply_comes_back_after_the_beginning(path: Path) -> None:
    assert await call(path, BEGAN, frames.encode({"kind": "solved"})) == {"kind": "solved"}


async def test_an_end_after_the_whole_time_is_a_limit(path: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await frames.read(reader, 10_000)
        writer.write(BEGAN)
        await writer.drain()
        await asyncio.sleep(LIMITS.wall_s)  # as the kernel's timer does

    async with serving(talk, Seen(), path):
        with pytest.raises(errors.ComputeLimitError, match=r"0\.2 s"):
            await unix.UnixCompute(path, LIMITS).call("x", {}, "i")


@pytest.mark.parametrize("parts", [(), (BEGAN,)], ids=["before", "during"])
async def test_an_end_before_the_time_is_up_is_an_absence(path: Path, parts: tuple[bytes, ...]) -> None:
    with pytest.raises(errors.ComputeUnavailableError):
        await call(path, *parts)


async def test_too_much_memory_is_told_as_a_limit(path: Path) -> None:
    with pytest.raises(errors.ComputeLimitError, match="memory"):
        await call(path, BEGAN, frames.encode({"over_limit_memory": True}))


async def test_a_result_over_the_limit_is_told_as_one(path: Path) -> None:
    with pytest.raises(errors.ComputeLimitError, match="over the 4096 bytes"):
        await call(path, BEGAN, frames.encode({"over_limit_bytes": 5000}))


async def test_a_failure_of_the_worker_hides_its_text(path: Path) -> None:
    with pytest.raises(errors.ComputeUnavailableError) as raised:
        await call(path, BEGAN, frames.encode({"error": "KeyError"}))
    assert raised.value.detail == "KeyError" and "KeyError" not in raised.value.message


@pytest.mark.parametrize(
    "raw", [b"\0", b"\xff\xff\xff\xff", b"\0\0\0\2[]", BEGAN + b"\0\0\0\3abc", BEGAN + b"\0\0\x20\0"]
)
async def test_garbage_is_an_absence(path: Path, raw: bytes) -> None:
    with pytest.raises(errors.ComputeUnavailableError):
        await call(path, raw)


async def test_a_text_over_the_limit_is_never_sent(path: Path) -> None:
    with pytest.raises(errors.ComputeLimitError, match="4096 bytes"):
        await unix.UnixCompute(path, LIMITS).call("x", {"text": "y" * 5000}, "i")


async def test_no_socket_is_an_absence(path: Path) -> None:
    with pytest.raises(errors.ComputeUnavailableError):
        await unix.UnixCompute(path, LIMITS).ping()


async def test_more_calls_than_the_queue_holds_are_turned_away_and_places_come_back(path: Path) -> None:
    hold = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await frames.read(reader, 10_000)
        await hold.wait()
        writer.write(BEGAN + frames.encode({"pong": True}))
        await writer.drain()

    compute = unix.UnixCompute(path, LIMITS)
    async with serving(talk, Seen(), path):
        held = [asyncio.create_task(compute.ping()) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(errors.OverloadedError):
            await compute.ping()
        held[0].cancel()
        await asyncio.gather(held[0], return_exceptions=True)
        hold.set()
        await held[1]
        await compute.ping()
        await compute.ping()


@pytest.mark.long
async def test_a_worker_that_says_nothing_is_an_absence_in_bounded_time(path: Path) -> None:
    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass

    async with serving(talk, Seen(), path):
        with pytest.raises(errors.ComputeUnavailableError):
            async with asyncio.timeout(20):
                await unix.UnixCompute(path, LIMITS).ping()
