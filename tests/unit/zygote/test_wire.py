"""Messages between the sandbox's processes, cut anywhere, with descriptors, and from peers that do not keep to them."""

import contextlib
import itertools
import json
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

from council.zygote import wire

MESSAGES = strategies.lists(
    strategies.dictionaries(
        strategies.text(max_size=8),
        strategies.integers() | strategies.text(max_size=40) | strategies.none(),
        max_size=4,
    ),
    max_size=5,
)


@contextlib.contextmanager
def connected() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with connected() as both:
        yield both


@hypothesis.given(MESSAGES, strategies.lists(strategies.integers(0, 400), max_size=8))
@hypothesis.settings(deadline=None, max_examples=60)
def test_any_split_of_the_bytes_gives_the_same_messages(messages: list[dict[str, Any]], cuts: list[int]) -> None:
    raw = b"".join(map(wire.encode, messages))
    places = [0, *sorted({cut for cut in cuts if cut < len(raw)}), len(raw)]
    heard = []
    with connected() as (ours, theirs):
        receiver = wire.Receiver(theirs)
        for start, end in itertools.pairwise(places):
            ours.sendall(raw[start:end])
            if start < end:
                assert receiver.fill()
            while (message := receiver.next()) is not None:
                heard.append(message)
    assert heard == messages


def test_a_closed_peer_ends_the_waiting(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    wire.send(ours, {"one": 1})
    ours.close()
    receiver = wire.Receiver(theirs)
    assert receiver.wait() == {"one": 1}
    assert receiver.wait() is None


def test_nothing_there_is_told_from_an_end(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[1].setblocking(False)
    with pytest.raises(BlockingIOError):
        wire.Receiver(pair[1]).fill()


@pytest.mark.parametrize(
    "raw",
    [
        wire.HEADER.pack(3) + b"{}x",
        wire.HEADER.pack(2) + b"[]",
        wire.HEADER.pack(4) + b"null",
        wire.HEADER.pack(2) + b"\xff\xfe",
        wire.HEADER.pack(0),
        wire.HEADER.pack(200_000) + b"[" * 200_000,
    ],
    ids=["rest", "a list", "null", "no UTF-8", "empty", "nested without an end"],
)
def test_what_is_no_object_is_an_error(raw: bytes, pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    receiver = wire.Receiver(theirs)
    sender = threading.Thread(target=ours.sendall, args=(raw,))
    sender.start()
    with pytest.raises(wire.WireError):
        receiver.wait()
    sender.join()


def test_a_message_too_large_is_refused_before_it_is_read(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    receiver = wire.Receiver(theirs)
    ours.sendall(wire.HEADER.pack(wire.MESSAGE_BYTES_MAX + 1))
    receiver.fill()
    with pytest.raises(wire.WireError, match=str(wire.MESSAGE_BYTES_MAX + 1)):
        receiver.next()


def test_the_longest_names_that_may_be_asked_for_fit_into_a_message() -> None:
    names = ["\x01" * 1024] * 100
    assert len(wire.encode({"begin": True, "collect": names, "wall_s": 1.0, "cpu_s": 1.0})) <= wire.MESSAGE_BYTES_MAX


def test_a_torn_message_is_no_message(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    raw = wire.encode({"a": "b"})
    ours.sendall(raw[:-1])
    ours.close()
    receiver = wire.Receiver(theirs)
    assert receiver.wait() is None


def test_raw_bytes_follow_a_message(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    ours.sendall(wire.encode({"code": 6}) + b"print(" + wire.encode({"next": True}))
    receiver = wire.Receiver(theirs)
    assert receiver.wait() == {"code": 6}
    assert receiver.take(6) == b"print("
    assert receiver.take(0) == b""
    assert receiver.wait() == {"next": True}


def test_raw_bytes_that_end_early_are_an_error(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    ours.sendall(b"abc")
    ours.close()
    with pytest.raises(wire.WireError):
        wire.Receiver(theirs).take(4)


def test_a_long_message_is_sent_whole(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    message = {"text": "x" * (wire.MESSAGE_BYTES_MAX - 100)}
    sender = threading.Thread(target=wire.send, args=(ours, message))
    sender.start()
    assert wire.Receiver(theirs).wait() == message
    sender.join()


# Descriptors


def _open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_descriptors_arrive_with_their_message_and_are_not_inherited(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    reading, writing = os.pipe()
    wire.send(ours, {"first": True}, [writing])
    wire.send(ours, {"second": True}, [reading])
    os.close(reading)
    os.close(writing)
    receiver = wire.Receiver(theirs)
    assert receiver.wait() == {"first": True}
    assert receiver.wait() == {"second": True}
    into, out = receiver.descriptors
    assert not os.get_inheritable(into)
    os.write(into, b"through")
    assert os.read(out, 100) == b"through"
    os.close(into)
    os.close(out)


def test_more_descriptors_than_are_taken_end_the_talk_and_are_closed_with_it(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    null = os.open("/dev/null", os.O_RDONLY)
    wire.send(ours, {"many": True}, [null] * (wire.DESCRIPTORS_MAX + 1))
    receiver = wire.Receiver(theirs)
    try:
        with pytest.raises(wire.WireError, match="descriptors"):
            receiver.fill()
        assert len(receiver.descriptors) == wire.DESCRIPTORS_MAX
    finally:
        for descriptor in [null, *receiver.descriptors]:
            os.close(descriptor)


def test_a_peer_that_is_not_trusted_can_leave_no_descriptor_here(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    null = os.open("/dev/null", os.O_RDONLY)
    receiver = wire.Receiver(theirs, trusted=False)
    before = _open_descriptors()
    wire.send(ours, {"done": 0}, [null] * 100)
    assert receiver.wait() == {"done": 0}
    assert _open_descriptors() == before
    assert receiver.descriptors == []
    os.close(null)


def test_a_message_is_one_line_of_ascii() -> None:
    raw = wire.encode({"reason": "naïve\nline"})
    assert raw[wire.HEADER.size :].isascii()
    assert b"\n" not in raw[wire.HEADER.size :]
    assert json.loads(raw[wire.HEADER.size :]) == {"reason": "naïve\nline"}
