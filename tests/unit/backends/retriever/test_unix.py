import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from council.backends.retriever import unix
from council.domain import answers, errors
from council.kit import frames
from faulty_server import Seen, Talk, serving

PASSAGE = {"root": "library", "source": "a", "heading": "h", "text": "t", "score": 1.5, "coverage": 0.5}


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "s"


def saying(raw: bytes, seen: Seen) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.requests.append(await reader.read(100_000))
        writer.write(raw)
        await writer.drain()

    return talk


async def test_passages_come_back_as_sent_and_a_long_query_is_cut(path: Path) -> None:
    seen = Seen()
    async with serving(saying(frames.encode({"passages": [PASSAGE, PASSAGE]}), seen), seen, path):
        found = await unix.UnixRetriever(path, 5.0).search("q" * 20_000, 2, "the-id")
    assert found == [answers.Passage(**PASSAGE)] * 2
    assert seen.requests[0].count(b"q") < 10_100 and b"the-id" in seen.requests[0]


async def test_what_was_found_comes_with_the_state_of_meanings(path: Path) -> None:
    seen, state = Seen(), {"state": "filling", "known": 3, "passages": 9, "reason": ""}
    found_passage = {**PASSAGE, "cosine": 0.4}
    reply = frames.encode({"passages": [found_passage], "meanings": state, "note": "so far"})
    async with serving(saying(reply, seen), seen, path):
        found = await unix.UnixRetriever(path, 5.0).find("q" * 20_000, 2, "the-id")
    assert found == answers.Searched([answers.Passage(**found_passage)], answers.Meanings(**state), "so far")
    assert found.passages[0].found_by == "both" and seen.requests[0].count(b"q") < 10_100
    assert b'"meanings":true' in seen.requests[0].replace(b" ", b"")


@pytest.mark.parametrize("lacking", ["passages", "meanings", "note"])
async def test_a_reply_that_lacks_something_is_an_absence(path: Path, lacking: str) -> None:
    whole = {"passages": [PASSAGE], "meanings": {"state": "ready"}, "note": ""}
    seen = Seen()
    reply = frames.encode({name: value for name, value in whole.items() if name != lacking})
    async with serving(saying(reply, seen), seen, path):
        with pytest.raises(errors.RecallUnavailableError):
            await unix.UnixRetriever(path, 5.0).find("q", 2, "i")


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\0\0", b"\0\0\0\5abcde", b"\xff\xff\xff\xff", frames.encode({}), frames.encode({"passages": 5}),
        frames.encode({"passages": [5]}), frames.encode({"passages": [{"root": "x"}]}),
        frames.encode({"passages": [{**PASSAGE, "more": 1}]}),
    ],
)  # fmt: skip
async def test_whatever_is_no_reply_is_an_absence(path: Path, raw: bytes) -> None:
    seen = Seen()
    async with serving(saying(raw, seen), seen, path):
        with pytest.raises(errors.RecallUnavailableError):
            await unix.UnixRetriever(path, 5.0).search("q", 2, "i")


async def test_a_silence_is_an_absence_after_the_time_allowed(path: Path) -> None:
    async def silent_to_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass

    async with serving(silent_to_the_end, Seen(), path):
        with pytest.raises(errors.RecallUnavailableError):
            await unix.UnixRetriever(path, 0.2).ping()


async def test_no_socket_is_an_absence(path: Path) -> None:
    with pytest.raises(errors.RecallUnavailableError):
        await unix.UnixRetriever(path, 1.0).ping()
    path.write_text("not a socket")
    with pytest.raises(errors.RecallUnavailableError):
        await unix.UnixRetriever(path, 1.0).ping()
