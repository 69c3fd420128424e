import asyncio
import socket
import struct
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.kit import frames

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
messages = st.dictionaries(st.text(), json_values, max_size=5)

GARBAGE = {
    "cut_header": b"\0\0",
    "cut_body": struct.pack(">I", 10) + b"{}",
    "not_json": struct.pack(">I", 3) + b"abc",
    "not_utf8": struct.pack(">I", 4) + b'"\xff\xfe"',
    "not_an_object": struct.pack(">I", 2) + b"[]",
    "empty": struct.pack(">I", 0),
    "over_the_limit": struct.pack(">I", 1001) + b" " * 1001,
    "four_gigabytes": b"\xff\xff\xff\xff",
    "nested_too_deep": struct.pack(">I", 900) + b"[" * 900,
}


async def read_all(raw: bytes, bytes_max: int = 1000) -> list[dict[str, Any]]:
    reader = asyncio.StreamReader()
    reader.feed_data(raw)
    reader.feed_eof()
    found = []
    while (message := await frames.read(reader, bytes_max)) is not None:
        found.append(message)
    return found


def receive_all(raw: bytes, bytes_max: int = 1000) -> list[dict[str, Any]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sending = threading.Thread(target=lambda: (theirs.sendall(raw), theirs.shutdown(socket.SHUT_WR)))
        sending.start()
        try:
            found = []
            while (message := frames.receive(ours, bytes_max)) is not None:
                found.append(message)
            return found
        finally:
            ours.shutdown(socket.SHUT_RD)
            sending.join()


@given(st.lists(messages, max_size=4))
def test_what_is_sent_is_what_is_read(sent: list[dict[str, Any]]) -> None:
    raw = b"".join(frames.encode(message) for message in sent)
    assert asyncio.run(read_all(raw, 1_000_000)) == sent


def test_a_blocking_reader_gets_the_same() -> None:
    sent: list[dict[str, Any]] = [{"a": 1}, {}, {"text": "é" * 200_000}]
    assert receive_all(b"".join(frames.encode(message) for message in sent), 1_000_000) == sent


@pytest.mark.parametrize("raw", GARBAGE.values(), ids=GARBAGE)
async def test_garbage_is_an_error_of_ours(raw: bytes) -> None:
    with pytest.raises(frames.FrameError):
        await read_all(frames.encode({"good": 1}) + raw)
    with pytest.raises(frames.FrameError):
        receive_all(frames.encode({"good": 1}) + raw)


@given(st.binary(max_size=200))
def test_any_bytes_are_frames_or_an_error_of_ours(raw: bytes) -> None:
    try:
        found = asyncio.run(read_all(raw, 150))
    except frames.FrameError:
        return
    assert all(isinstance(message, dict) for message in found)


async def test_a_frame_of_exactly_the_limit_is_read() -> None:
    frame = frames.encode({"a": "x" * 100})
    assert len(await read_all(frame, len(frame) - 4)) == 1
    with pytest.raises(frames.FrameError, match="over the limit"):
        await read_all(frame, len(frame) - 5)
