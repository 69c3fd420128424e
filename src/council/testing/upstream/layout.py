"""Bytes of the wire: how an event is laid out, coded and put into chunks of HTTP."""

import zlib
from collections.abc import Callable

from council.testing.upstream import behaviours, said

HUGE_BYTES = 50_000_000
_SPLIT_BYTES = 7
_GZIP_BITS = 31
_ENDS = {behaviours.Form.CRLF: b"\r\n", behaviours.Form.CR: b"\r"}


def chunk(data: bytes) -> bytes:
    """Return a chunk of HTTP/1.1."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"


def event(of: said.Event, form: behaviours.Form) -> bytes:
    """Return a server-sent event."""
    return lines(of.name, of.data, form)


def lines(name: bytes, data: bytes, form: behaviours.Form) -> bytes:
    """Return a server-sent event from its name, which may be empty, and its data."""
    end = _ENDS.get(form, b"\n")
    start = b"data:" if form is behaviours.Form.NO_SPACE else b"data: "
    head = (b"event: " + name + end) if name else b""
    if form is behaviours.Form.MULTI_LINE:
        # A line break is blank to JSON where a comma between members stood, never inside of its strings.
        data = data.replace(b',"', b',\ndata: "')
    if form is behaviours.Form.COMMENTS:
        head = b": a comment, data: {\n\n:\n" + head + b"id: 7\nretry: 1000\n"
    return head + start + data + end + end


def splitter(form: behaviours.Form) -> Callable[[bytes], list[bytes]]:
    """Return what cuts bytes into the segments in which they are written."""
    if form is behaviours.Form.SPLIT:
        return lambda data: [data[at : at + _SPLIT_BYTES] for at in range(0, len(data), _SPLIT_BYTES)]
    return lambda data: [data]


class Coder:
    """Codes the pieces of one body; each piece can be read when it has arrived."""

    def __init__(self, coding: behaviours.Coding):
        self._packer = None
        if coding is behaviours.Coding.GZIP:
            self._packer = zlib.compressobj(wbits=_GZIP_BITS)
        elif coding is behaviours.Coding.DEFLATE:
            self._packer = zlib.compressobj()

    def code(self, data: bytes) -> bytes:
        """Return a piece as it is sent."""
        if self._packer is None:
            return data
        return self._packer.compress(data) + self._packer.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        """Return what closes the body."""
        return self._packer.flush() if self._packer is not None else b""


def bomb(before: bytes, after: bytes) -> bytes:
    """Return 50 MB of blanks between two texts, as gzip."""
    packer = zlib.compressobj(9, wbits=_GZIP_BITS)
    return packer.compress(before + b" " * HUGE_BYTES + after) + packer.flush()
