"""Server-sent events, written."""

from collections.abc import Mapping
from typing import Any

import orjson

DONE = b"data: [DONE]\n\n"


def plain(body: Mapping[str, Any]) -> bytes:
    """Return an event without a name, as chat and legacy completions use it."""
    return b"data: " + orjson.dumps(body) + b"\n\n"


def named(body: Mapping[str, Any]) -> bytes:
    """Return an event named by its own `type`, as Responses and Messages use it."""
    return b"event: " + str(body["type"]).encode() + b"\ndata: " + orjson.dumps(body) + b"\n\n"
