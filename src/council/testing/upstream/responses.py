"""OpenAI's Responses: one output item, a message or the call of a function, whole or as its events."""

from collections.abc import Iterator
from typing import Any

import orjson

from council.testing.upstream import asks, said
from council.testing.upstream.said import Event, Kind, Said

_ITEM_ID = "item_upstream"


def whole(ask: asks.Ask, of: Said) -> dict[str, Any]:
    """Return a response that is complete, or incomplete where the limit of tokens cut it."""
    return _response(
        ask, of, "incomplete" if of.finish == "length" else "completed", [_item(ask, of.text, "completed")]
    )


def _response(ask: asks.Ask, of: Said, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
    ended = status in {"completed", "incomplete"}
    usage: dict[str, Any] = {}
    if of.tell:
        usage = {"usage": None}
    if of.tell and of.told is not None and ended:
        prompt, completion = of.told
        usage["usage"] = {
            "input_tokens": prompt,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": completion,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": said.total(of.told),
        }
    return {
        "id": "resp_upstream",
        "object": "response",
        "created_at": said.CREATED,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "instructions": None,
        "metadata": {},
        "model": ask.model,
        "output": output,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
    } | usage


def _item(ask: asks.Ask, text: str, status: str) -> dict[str, Any]:
    if ask.tool:
        call = {"type": "function_call", "id": _ITEM_ID, "call_id": "call_upstream", "name": ask.tool}
        return call | {"arguments": text, "status": status}
    content = [_part(text)] if status == "completed" else []
    return {"type": "message", "id": _ITEM_ID, "role": "assistant", "status": status, "content": content}


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def events(ask: asks.Ask, of: Said) -> Iterator[Event]:
    """Yield a response as its events, numbered."""
    number = -1

    def event(kind: Kind, name: str, fields: dict[str, Any], piece: str = "") -> Event:
        nonlocal number
        number += 1
        data = orjson.dumps({"type": name, "sequence_number": number} | fields)
        return Event(kind, data, name.encode(), orjson.dumps(piece)[1:-1])

    place: dict[str, Any] = {"item_id": _ITEM_ID, "output_index": 0}
    for name in ("response.created", "response.in_progress"):
        yield event(Kind.START, name, {"response": _response(ask, of, "in_progress", [])})
    opened = {"output_index": 0, "item": _item(ask, "", "in_progress")}
    yield event(Kind.START, "response.output_item.added", opened)
    inner = place if ask.tool else place | {"content_index": 0}
    stem = "response.function_call_arguments" if ask.tool else "response.output_text"
    more: dict[str, Any] = {} if ask.tool else {"logprobs": []}
    if not ask.tool:
        yield event(Kind.START, "response.content_part.added", inner | {"part": _part("")})
    for piece in of.pieces:
        yield event(Kind.TOKEN, f"{stem}.delta", inner | {"delta": piece} | more, piece)
    if ask.tool:
        yield event(Kind.FINISH, f"{stem}.done", inner | {"name": ask.tool, "arguments": of.text})
    else:
        yield event(Kind.FINISH, f"{stem}.done", inner | {"text": of.text} | more)
        yield event(Kind.FINISH, "response.content_part.done", inner | {"part": _part(of.text)})
    yield event(Kind.FINISH, "response.output_item.done", {"output_index": 0, "item": _item(ask, of.text, "completed")})
    last = whole(ask, of)
    yield event(Kind.DONE, f"response.{last['status']}", {"response": last})
