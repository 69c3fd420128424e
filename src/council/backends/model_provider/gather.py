"""The chunks of a streamed chat completion, gathered into a whole one. Pure."""

from collections.abc import Mapping
from typing import Any


class Gathered:
    """Takes chunks in order, choices in any. Raises KeyError, TypeError or ValueError for what is no chunk."""

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}
        self._usage: Mapping[str, Any] | None = None

    def add(self, chunk: Mapping[str, Any]) -> None:
        """Take one chunk."""
        for name in ("id", "created", "model", "system_fingerprint"):
            if chunk.get(name) is not None:
                self._head.setdefault(name, chunk[name])
        self._usage = chunk.get("usage") or self._usage
        for choice in chunk["choices"]:
            self._add_choice(choice)

    def _add_choice(self, choice: Mapping[str, Any]) -> None:
        made = self._choices.setdefault(
            int(choice.get("index") or 0),
            {
                "message": {"role": "assistant", "content": None, "refusal": None},
                "logprobs": None,
                "finish_reason": None,
            },
        )
        delta = choice.get("delta") or {}
        message = made["message"]
        for name in ("content", "refusal", "reasoning_content"):
            if delta.get(name):
                message[name] = (message.get(name) or "") + delta[name]
        for call in delta.get("tool_calls") or ():
            _add_call(message.setdefault("tool_calls", []), call)
        if choice.get("logprobs"):
            entries = (made["logprobs"] or {}).get("content") or []
            made["logprobs"] = {"content": [*entries, *(choice["logprobs"].get("content") or ())], "refusal": None}
        made["finish_reason"] = choice.get("finish_reason") or made["finish_reason"]

    def completion(self) -> dict[str, Any]:
        """Return the whole."""
        choices = [{"index": index, **self._choices[index]} for index in sorted(self._choices)]
        for choice in choices:
            message = choice["message"]
            if message["content"] is None and not message.get("tool_calls"):
                message["content"] = ""
        return {"object": "chat.completion", **self._head, "choices": choices, "usage": self._usage}


def _add_call(calls: list[dict[str, Any]], piece: Mapping[str, Any]) -> None:
    index = int(piece.get("index") or 0)
    while len(calls) <= index:
        calls.append({"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
    call, function = calls[index], piece.get("function") or {}
    call["id"] = piece.get("id") or call["id"]
    call["function"]["name"] += function.get("name") or ""
    call["function"]["arguments"] += function.get("arguments") or ""
