"""Bytes of a stream that belong to no event: never passed over in silence."""

import pytest

from council.backends.model_provider import sse


def _fed(*parts: bytes) -> list[bytes]:
    splitter = sse.Splitter(1000)
    return [data for part in parts for _, data in splitter.feed(part)]


@pytest.mark.parametrize("stray", [b"\x93\x00\xff", b'"w4 "}}]}', b"dat", b" data: {}", b"<html>"])
@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n"])
def test_a_line_that_is_no_field_breaks_the_stream(stray: bytes, end: bytes) -> None:
    with pytest.raises(sse.StrayError):
        _fed(b'data: {"a":1}\n\n', stray + end + b'data: {"a":2}\n\n')


@pytest.mark.parametrize(
    "lines", [b": a comment\n", b":\n\n: another\n\n", b"event: delta\n", b"id: 7\nretry: 10\n", b"event\n", b"\n"]
)
def test_fields_of_the_standard_and_comments_do_not(lines: bytes) -> None:
    assert _fed(b'data: {"a":1}\n\n', lines + b'data: {"a":2}\n\n') == [b'{"a":1}', b'{"a":2}']


@pytest.mark.parametrize("cut", [1, 2, 3, 10])
def test_a_byte_order_mark_hides_no_event(cut: int) -> None:
    stream = "\ufeffdata: 1\n\ndata: 2\n\n".encode()
    assert _fed(stream[:cut], stream[cut:]) == [b"1", b"2"]
