"""Anthropic's Messages: one block, a text or the use of a tool, whole or as its events; errors in its words."""

from collections.abc import Iterator
from typing import Any

import orjson

from council.testing.upstream import asks
from council.testing.upstream.said import Event, Kind, Said

_FINISH = {"stop": "end_turn", "length": "max_tokens", "tool": "tool_use"}
_TOOL_ID = "toolu_upstream"
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def error(status: int, message: str) -> dict[str, Any]:
    """Return an error as Anthropic words it."""
    return {"type": "error", "error": {"type": _KINDS.get(status, "api_error"), "message": message}}


def whole(ask: asks.Ask, of: Said) -> dict[str, Any]:
    """Return a whole message."""
    block: dict[str, Any] = {"type": "text", "text": of.text}
    if ask.tool:
        # Arguments that were cut by the limit of tokens are no JSON.
        given = orjson.loads(of.text) if of.finish == "tool" else {}
        block = {"type": "tool_use", "id": _TOOL_ID, "name": ask.tool, "input": given}
    return _message(ask, [block], _FINISH[of.finish]) | _usage(of, 1)


def _message(ask: asks.Ask, content: list[dict[str, Any]], stop: str | None) -> dict[str, Any]:
    head = {"id": "msg_upstream", "type": "message", "role": "assistant", "model": ask.model}
    return head | {"content": content, "stop_reason": stop, "stop_sequence": None}


def _usage(of: Said, share: int) -> dict[str, Any]:
    """Return the usage; at the start of a stream (`share` 0) nothing has been said yet."""
    if not of.tell:
        return {}
    if of.told is None:
        return {"usage": None}
    prompt, completion = of.told
    return {"usage": {"input_tokens": prompt, "output_tokens": completion if share else type(completion)(0)}}


def events(ask: asks.Ask, of: Said) -> Iterator[Event]:
    """Yield a message as its events."""

    def event(kind: Kind, name: str, fields: dict[str, Any], piece: str = "") -> Event:
        return Event(kind, orjson.dumps({"type": name} | fields), name.encode(), orjson.dumps(piece)[1:-1])

    yield event(Kind.START, "message_start", {"message": _message(ask, [], None) | _usage(of, 0)})
    block: dict[str, Any] = {"type": "text", "text": ""}
    if ask.tool:
        block = {"type": "tool_use", "id": _TOOL_ID, "name": ask.tool, "input": {}}
    yield event(Kind.START, "content_block_start", {"index": 0, "content_block": block})
    yield event(Kind.START, "ping", {})
    for piece in of.pieces:
        delta = {"type": "text_delta", "text": piece}
        if ask.tool:
            delta = {"type": "input_json_delta", "partial_json": piece}
        yield event(Kind.TOKEN, "content_block_delta", {"index": 0, "delta": delta}, piece)
    yield event(Kind.FINISH, "content_block_stop", {"index": 0})
    stop = {"delta": {"stop_reason": _FINISH[of.finish], "stop_sequence": None}}
    yield event(Kind.FINISH, "message_delta", stop | _usage(of, 1))
    yield event(Kind.DONE, "message_stop", {})
