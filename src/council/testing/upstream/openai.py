"""The wire forms of OpenAI: chat, completions, embeddings, errors. `responses.py` has the newer one."""

import base64
import hashlib
import struct
from collections.abc import Iterator
from typing import Any

import orjson

from council.testing.upstream import asks, said
from council.testing.upstream.said import Event, Kind, Said

_CHAT_ID = "chatcmpl-upstream"
_TEXT_ID = "cmpl-upstream"
_CALL_ID = "call_upstream"
_LOGPROB = -0.125
_FINISH = {"tool": "tool_calls"}
DONE = Event(Kind.DONE, b"[DONE]")


def error(status: int, code: str, message: str) -> dict[str, Any]:
    """Return an error as OpenAI words it."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _usage(of: Said) -> dict[str, Any]:
    if not of.tell:
        return {}
    if of.told is None:
        return {"usage": None}
    prompt, completion = of.told
    return {"usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": said.total(of.told)}}


def _head(ask: asks.Ask, kind: str) -> dict[str, Any]:
    identity = _CHAT_ID if ask.api is asks.Api.CHAT else _TEXT_ID
    return {"id": identity, "object": kind, "created": said.CREATED, "model": ask.model}


def _logprobs(ask: asks.Ask, pieces: tuple[str, ...]) -> dict[str, Any]:
    if ask.top_logprobs is None or ask.tool:
        return {}
    return {"logprobs": {"content": [_logprob(piece, ask.top_logprobs) for piece in pieces], "refusal": None}}


def _logprob(piece: str, top: int) -> dict[str, Any]:
    one = {"token": piece, "logprob": _LOGPROB, "bytes": list(piece.encode())}
    others = [{**one, "token": f"{piece}{rank}", "logprob": _LOGPROB * (rank + 1)} for rank in range(1, top)]
    return one | {"top_logprobs": [one, *others] if top else []}


def chat(ask: asks.Ask, of: Said) -> dict[str, Any]:
    """Return a whole chat completion."""
    message: dict[str, Any] = {"role": "assistant", "content": of.text}
    if ask.tool:
        call = {"id": _CALL_ID, "type": "function", "function": {"name": ask.tool, "arguments": of.text}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choices = [
        {"index": index, "message": message, "finish_reason": _FINISH.get(of.finish, of.finish)}
        | _logprobs(ask, of.pieces)
        for index in range(ask.choices)
    ]
    return _head(ask, "chat.completion") | {"choices": choices} | _usage(of)


def chat_events(ask: asks.Ask, of: Said) -> Iterator[Event]:
    """Yield a chat completion in pieces: the role, each token, the end, and the usage where it was asked for."""
    head = _head(ask, "chat.completion.chunk")
    tail: dict[str, Any] = {"usage": None} if ask.include_usage else {}

    def event(kind: Kind, index: int, delta: dict[str, Any], finish: str | None = None, piece: str = "") -> Event:
        choice: dict[str, Any] = {"index": index, "delta": delta, "finish_reason": finish}
        choice |= _logprobs(ask, (piece,)) if piece else {}
        return Event(kind, orjson.dumps(head | {"choices": [choice]} | tail), piece=_inside(piece))

    for index in range(ask.choices):
        start: dict[str, Any] = {"role": "assistant", "content": ""}
        if ask.tool:
            call = {"index": 0, "id": _CALL_ID, "type": "function", "function": {"name": ask.tool, "arguments": ""}}
            start = {"role": "assistant", "content": None, "tool_calls": [call]}
        yield event(Kind.START, index, start)
    for piece in of.pieces:
        delta: dict[str, Any] = {"content": piece}
        if ask.tool:
            delta = {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
        for index in range(ask.choices):
            yield event(Kind.TOKEN, index, delta, piece=piece)
    for index in range(ask.choices):
        yield event(Kind.FINISH, index, {}, _FINISH.get(of.finish, of.finish))
    if ask.include_usage and of.tell:
        yield Event(Kind.FINISH, orjson.dumps(head | {"choices": []} | _usage(of)))
    yield DONE


def _inside(piece: str) -> bytes:
    """Return text as it stands between the quotes of JSON."""
    return orjson.dumps(piece)[1:-1]


def text(ask: asks.Ask, of: Said) -> dict[str, Any]:
    """Return a whole completion of the older form."""
    finish = "length" if of.finish == "length" else "stop"
    choices = [{"index": i, "text": of.text, "logprobs": None, "finish_reason": finish} for i in range(ask.choices)]
    return _head(ask, "text_completion") | {"choices": choices} | _usage(of)


def text_events(ask: asks.Ask, of: Said) -> Iterator[Event]:
    """Yield a completion of the older form in pieces."""
    head = _head(ask, "text_completion")

    def event(kind: Kind, index: int, piece: str, finish: str | None = None) -> Event:
        choice = {"index": index, "text": piece, "logprobs": None, "finish_reason": finish}
        return Event(kind, orjson.dumps(head | {"choices": [choice]}), piece=_inside(piece))

    for piece in of.pieces:
        for index in range(ask.choices):
            yield event(Kind.TOKEN, index, piece)
    for index in range(ask.choices):
        yield event(Kind.FINISH, index, "", "length" if of.finish == "length" else "stop")
    if ask.include_usage and of.tell:
        yield Event(Kind.FINISH, orjson.dumps(head | {"choices": []} | _usage(of)))
    yield DONE


def vector(of: str, dimensions: int) -> list[float]:
    """Return the vector of a text: numbers from -1 to 1 that only the text decides."""
    digest = hashlib.shake_128(of.encode()).digest(2 * dimensions)
    return [struct.unpack_from("<h", digest, 2 * at)[0] / 32768 for at in range(dimensions)]


def embeddings(ask: asks.Ask, of: Said) -> dict[str, Any]:
    """Return a vector for each input, as numbers or as the base64 of 32-bit floats. Nothing is completed."""
    data = []
    for index, each in enumerate(ask.inputs):
        numbers = vector(each, ask.dimensions)
        packed: Any = base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode() if ask.base64 else numbers
        data.append({"object": "embedding", "index": index, "embedding": packed})
    usage = _usage(of)
    if usage.get("usage"):
        prompt = usage["usage"]["prompt_tokens"]
        usage = {"usage": {"prompt_tokens": prompt, "total_tokens": prompt}}
    return {"object": "list", "model": ask.model, "data": data} | usage


def models(names: list[str]) -> dict[str, Any]:
    """Return the list of models."""
    return {"object": "list", "data": [model(name) for name in names]}


def model(name: str) -> dict[str, Any]:
    """Return one model."""
    return {"id": name, "object": "model", "created": said.CREATED, "owned_by": "upstream"}
