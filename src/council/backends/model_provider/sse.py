"""Server-sent events out of bytes as they arrive, each with the bytes that made it. Pure.

Only what model servers use: `data` in one or more lines, `event` before it, comments, any of the three line ends.
"""

from collections.abc import Iterator

DONE = b"[DONE]"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class TooLongError(ValueError):
    """An event is over the limit."""


class StrayError(ValueError):
    """Bytes that belong to no event: a stream that has lost some of them, or never was one."""


_FIELDS = frozenset((b"data", b"event", b"id", b"retry", b""))


class Splitter:
    """Cuts a stream at blank lines. At most one event's bytes are kept."""

    def __init__(self, event_bytes_max: int):
        self._event_bytes_max = event_bytes_max
        self._rest = b""
        self._begun = False

    def feed(self, part: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield (raw, data) of each event that is whole by now; comments alone, and empty data, yield nothing.

        Raises TooLongError and StrayError.
        """
        rest = self._rest + part if self._rest else part
        if not self._begun:
            if len(rest) < len(_BYTE_ORDER_MARK) and _BYTE_ORDER_MARK.startswith(rest):
                self._rest = rest
                return
            self._begun, rest = True, rest.removeprefix(_BYTE_ORDER_MARK)
        if b"\r" in rest:
            # A lone CR at the end may be the first half of a line end.
            held = rest.endswith(b"\r")
            body = rest[:-1] if held else rest
            rest = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n") + (b"\r" if held else b"")
        begin = 0
        while (end := rest.find(b"\n\n", begin)) >= 0:
            if end - begin > self._event_bytes_max:
                raise TooLongError(f"an event of {end - begin} bytes")
            raw = rest[begin : end + 2]
            begin = end + 2
            if (data := _data(raw)) is not None:
                yield raw, data
        self._rest = rest[begin:]
        if len(self._rest) > self._event_bytes_max:
            raise TooLongError(f"an event of more than {self._event_bytes_max} bytes")

    def last(self) -> tuple[bytes, bytes] | None:
        """Return the event that the stream's end made whole, if any: some servers leave the last blank line out."""
        raw, self._rest = self._rest.replace(b"\r", b"\n").rstrip(b"\n"), b""
        data = _data(raw + b"\n\n") if raw else None
        return None if data is None else (raw + b"\n\n", data)


def _data(raw: bytes) -> bytes | None:
    """Return the data of an event, None if it has none. Raises StrayError.

    The standard has other fields ignored. No model server sends any, so here they are what is left of a torn event, whose
    words would be missing from an answer that looks whole.
    """
    if raw.startswith(b"data:") and raw.find(b"\n", 5) == len(raw) - 2:
        return raw[5:-2].strip() or None
    lines = []
    for line in raw.split(b"\n"):
        name, colon, value = line.partition(b":")
        if name == b"data" and colon:
            lines.append(value.strip())
        elif name not in _FIELDS:
            raise StrayError(f"a line of {len(line)} bytes that is no field of an event")
    return b"\n".join(lines) or None
