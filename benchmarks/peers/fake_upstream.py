"""A model server that says 32 words at once: what a gateway costs is seen best when the model costs nothing.

Plain ASGI. A streamed answer leaves in 32 chunks, each written by itself, as a model would.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

CHUNKS = 32
_WORD = "word "
_USAGE = {"prompt_tokens": 12, "completion_tokens": CHUNKS, "total_tokens": 12 + CHUNKS}

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


def _event(choices: list[dict[str, Any]], usage: dict[str, int] | None = None) -> bytes:
    body = {"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": 1, "model": "fake", "choices": choices}
    return b"data: " + json.dumps(body | ({"usage": usage} if usage else {})).encode() + b"\n\n"


def _choice(delta: dict[str, str], finish: str | None = None) -> list[dict[str, Any]]:
    return [{"index": 0, "delta": delta, "finish_reason": finish}]


_EVENTS = [
    *(
        _event(_choice({"role": "assistant", "content": _WORD} if number == 0 else {"content": _WORD}))
        for number in range(CHUNKS)
    ),
    _event(_choice({}, "stop")),
    _event([], _USAGE),
    b"data: [DONE]\n\n",
]
_MESSAGE = {"role": "assistant", "content": _WORD * CHUNKS}
_WHOLE = json.dumps(
    {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 1,
        "model": "fake",
        "choices": [{"index": 0, "message": _MESSAGE, "finish_reason": "stop"}],
        "usage": _USAGE,
    }
).encode()


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    if scope["method"] == "POST" and b'"stream":true' in body.replace(b" ", b""):
        await _start(send, b"text/event-stream")
        for event in _EVENTS:
            await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return
    await _start(send, b"application/json")
    await send({"type": "http.response.body", "body": _WHOLE if scope["method"] == "POST" else b"{}"})


async def _start(send: Send, kind: bytes) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
