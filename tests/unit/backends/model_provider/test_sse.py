import itertools

import pytest
from hypothesis import given, strategies

from council.backends.model_provider import sse

Event = tuple[bytes, bytes]


def split(parts: list[bytes], event_bytes_max: int = 1 << 20) -> list[Event]:
    splitter = sse.Splitter(event_bytes_max)
    found = [event for part in parts for event in splitter.feed(part)]
    last = splitter.last()
    return [*found, last] if last else found


texts = strategies.text("aé€🙂{}:, x", max_size=8)
lines = strategies.one_of(
    texts.map(lambda text: f"data: {text}"),
    texts.map(lambda text: f"data:{text}"),
    texts.map(lambda text: f": {text}"),
    strategies.sampled_from(["event: x", "id: 1", "retry: 5", ":", "data", "data:"]),
)
streams = strategies.lists(strategies.lists(lines, min_size=1, max_size=4), max_size=6)


@given(
    streams, strategies.sampled_from(["\n", "\r\n", "\r"]), strategies.lists(strategies.integers(0, 200)),
    strategies.booleans(), strategies.booleans(),
)  # fmt: skip
def test_the_events_are_the_same_however_their_bytes_are_cut_and_their_lines_end(
    events: list[list[str]], line_end: str, cuts: list[int], mark: bool, open_end: bool
) -> None:
    raw = "".join(line_end.join(event) + 2 * line_end for event in events).encode()
    raw = raw.removesuffix(line_end.encode()) if open_end else raw
    raw = (b"\xef\xbb\xbf" if mark else b"") + raw
    wanted = []
    for event in events:
        data = [line[5:].strip() for line in event if line.startswith("data:")]
        if "\n".join(data):
            wanted.append("\n".join(data).encode())
    places = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    parts = [raw[begin:end] for begin, end in itertools.pairwise(places)]
    found = split(parts)
    assert [data for _, data in found] == wanted
    assert found == split([raw]) == split([raw[place : place + 1] for place in range(len(raw))])
    assert all(event.endswith(b"\n\n") for event, _ in found)


def test_plain_events_keep_their_bytes() -> None:
    raw = b': hello\n\nevent: x\ndata: {"a":\ndata: 1}\n\ndata: [DONE]\n\n'
    assert split([raw]) == [
        (b'event: x\ndata: {"a":\ndata: 1}\n\n', b'{"a":\n1}'), (b"data: [DONE]\n\n", sse.DONE),
    ]  # fmt: skip


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_an_event_over_the_limit_is_refused_before_it_is_whole(size: int) -> None:
    raw = b"data: " + b"x" * 10_000
    with pytest.raises(sse.TooLongError):
        split([raw[begin : begin + size] for begin in range(0, len(raw), size)], 1_000)
    with pytest.raises(sse.TooLongError):
        split([raw + b"\n\n"], 1_000)


@pytest.mark.parametrize(
    "raw", [b"garbage\n\n", b"\x00\xffdata: x\n\n", b"event: x\n{}\n\n", b"<html>\n\n", b"garbage"]
)
def test_what_is_no_event_is_refused_and_never_passed_over(raw: bytes) -> None:
    with pytest.raises(sse.StrayError):
        split([raw])
