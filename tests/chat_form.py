"""The inner form for tests: completions, the chunks they can be cut into, and the real clients on canned bytes."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import anthropic
import httpx2
import openai
from hypothesis import strategies

USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 10},
    "completion_tokens_details": {"reasoning_tokens": 5},
}
COUNCIL = {"request_id": "R1", "route": "general"}
FAILURE = {"error": {"message": "The model broke off. Ask again.", "type": "server_error", "param": None, "code": "x"}}
EMPTY = {"role": "assistant", "content": None, "refusal": None}


def call(number: int, name: str = "weather", arguments: str = '{"city":"Lyon"}') -> dict[str, Any]:
    return {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}


def completion(content: str | None = None, *calls: dict, finish: str = "stop", **more: Any) -> dict[str, Any]:
    message = EMPTY | {"content": content} | ({"tool_calls": list(calls)} if calls else {}) | more
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls" if calls else finish}
    return {
        "id": "chatcmpl-R1",
        "object": "chat.completion",
        "created": 5,
        "model": "m",
        "choices": [choice],
        "usage": USAGE,
    }


def chunk(delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason, **more}
    return {"id": "chatcmpl-R1", "object": "chat.completion.chunk", "created": 5, "model": "m", "choices": [choice]}


def chunks(whole: dict[str, Any], sizes: Sequence[int] = (3,)) -> list[dict[str, Any]]:
    """Return `whole` as a stream whose pieces have `sizes`, over and over."""
    size = itertools.cycle(sizes)
    choice = whole["choices"][0]
    message = choice["message"]
    found = [chunk({"role": "assistant", "content": ""})]
    for name in ("reasoning_content", "content", "refusal"):
        found += [chunk({name: piece}) for piece in cut(message.get(name) or "", size)]
    for index, each in enumerate(message.get("tool_calls") or ()):
        function = {"name": each["function"]["name"], "arguments": ""}
        found.append(chunk({"tool_calls": [{"index": index, **each, "function": function}]}))
        found += [
            chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
            for piece in cut(each["function"]["arguments"], size)
        ]
    more = {name: choice[name] for name in ("stop_reason",) if name in choice}
    found.append(chunk({}, choice["finish_reason"], **more))
    return [*found, {**chunk({}), "choices": [], "usage": whole["usage"]}]


def cut(text: str, size: "itertools.cycle[int]") -> list[str]:
    found = []
    while text:
        width = next(size)
        found.append(text[:width])
        text = text[width:]
    return found


def streamed(events: Any, given: Sequence[dict[str, Any]], council: dict[str, Any] | None = COUNCIL) -> bytes:
    return b"".join([events.opening(), *(events.chunk(each) for each in given), events.ending(council)])


def failed(events: Any, given: Sequence[dict[str, Any]]) -> bytes:
    return b"".join([events.opening(), *(events.chunk(each) for each in given), events.failed(FAILURE)])


# Surrogates are no text that JSON in UTF-8 can hold.
texts = strategies.text(strategies.characters(exclude_categories=["Cs"]), max_size=30)
names = strategies.from_regex(r"[a-z_]{1,10}", fullmatch=True)
json_values = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers(-(2**53), 2**53) | texts,
    lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
sizes = strategies.lists(strategies.integers(1, 9), min_size=1, max_size=5)


def openai_client(handler: Callable[[httpx2.Request], httpx2.Response]) -> openai.OpenAI:
    transport = openai.DefaultHttpxClient(transport=httpx2.MockTransport(handler))
    return openai.OpenAI(api_key="k", base_url="http://council.test/v1", http_client=transport, max_retries=0)


def anthropic_client(handler: Callable[[httpx2.Request], httpx2.Response]) -> anthropic.Anthropic:
    transport = anthropic.DefaultHttpxClient(transport=httpx2.MockTransport(handler))
    return anthropic.Anthropic(api_key="k", base_url="http://council.test", http_client=transport, max_retries=0)


def event_stream(content: bytes) -> httpx2.Response:
    return httpx2.Response(200, content=content, headers={"content-type": "text/event-stream"})
