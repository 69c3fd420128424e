"""OpenAI's legacy POST /v1/completions, translated to the inner form and back.

The prompt becomes what the user said: every model behind Council is asked in conversations. Without `max_tokens` the
gateway's own default holds, not the 16 of long ago.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from council.gateway.wire import events, fields

REFUSED = {
    "suffix": "models here only continue. Leave it out.",
    "echo": "put the prompt before the answer yourself.",
}
_SAME = (
    "max_tokens",
    "temperature",
    "top_p",
    "n",
    "stop",
    "seed",
    "user",
    "logit_bias",
    "presence_penalty",
    "frequency_penalty",
    "memory",
)


# The request


def to_chat(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request in the inner form.

    Raises MalformedBodyError, and UnsupportedParameterError for what is known and has no place there.
    """
    body = fields.mapping(body, "")
    fields.refuse_set(body, REFUSED)
    if body.get("best_of") not in (None, 1):
        fields.unsupported("best_of", "`best_of` may only be 1. Ask for `n` answers and choose yourself.")
    chat: dict[str, Any] = {
        "model": fields.name(body.get("model"), "model"),
        "messages": [{"role": "user", "content": _prompt(body.get("prompt"))}],
    }
    fields.copy(body, chat, _SAME)
    if body.get("logprobs") is not None:
        count = fields.integer(body["logprobs"], "logprobs", low=0)
        chat |= {"logprobs": True} | ({"top_logprobs": count} if count else {})
    if body.get("stream") is not None and fields.boolean(body["stream"], "stream"):
        chat |= {"stream": True, "stream_options": {"include_usage": True}}
    return chat


def _prompt(prompt: Any) -> str:
    if isinstance(prompt, str):
        return prompt
    prompts = fields.sequence(prompt, "prompt")
    if len(prompts) != 1:
        fields.unsupported("prompt", f"`prompt` holds {len(prompts)} prompts. Send one a request.")
    if not isinstance(prompts[0], str):
        fields.unsupported("prompt", "`prompt` may not hold tokens. Send text.")
    return prompts[0]


# The answer


def whole(completion: Mapping[str, Any], asked: Mapping[str, Any], council: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a whole answer as a text_completion; `asked` is the body that `to_chat` read."""
    choices = [
        _choice(choice["index"], _said(choice["message"]), choice.get("logprobs"), 0, choice["finish_reason"])
        for choice in completion["choices"]
    ]
    identity = str(completion["id"]).removeprefix("chatcmpl-")
    told = {"council": dict(council)} if council is not None else {}
    return (
        _head(asked, identity, int(completion["created"]))
        | {
            "choices": choices,
            "usage": completion.get("usage"),
        }
        | told
    )


def _head(asked: Mapping[str, Any], identity: str, created_s: int) -> dict[str, Any]:
    return {"id": f"cmpl-{identity}", "object": "text_completion", "created": created_s, "model": asked["model"]}


def _said(message: Mapping[str, Any]) -> str:
    return (message.get("content") or "") + (message.get("refusal") or "")


def _choice(
    index: int, words: str, logprobs: Mapping[str, Any] | None, offset: int, finish_reason: str | None
) -> dict[str, Any]:
    found = _logprobs((logprobs or {}).get("content") or (), offset) if logprobs else None
    return {"index": index, "text": words, "logprobs": found, "finish_reason": finish_reason}


def _logprobs(entries: Sequence[Mapping[str, Any]], offset: int) -> dict[str, Any]:
    """Return log-probabilities in the legacy shape, a list for each property; `offset` is where the first token begins."""
    offsets = []
    for entry in entries:
        offsets.append(offset)
        offset += len(entry["token"])
    return {
        "tokens": [entry["token"] for entry in entries],
        "token_logprobs": [entry["logprob"] for entry in entries],
        "top_logprobs": [
            {other["token"]: other["logprob"] for other in entry.get("top_logprobs") or ()} for entry in entries
        ],
        "text_offset": offsets,
    }


def error_body(openai_error: Mapping[str, Any], status: int) -> dict[str, Any]:
    """Return an error in this form's shape, which is OpenAI's own."""
    del status
    return dict(openai_error)


class Events:
    """The chunks of one streamed answer."""

    def __init__(self, asked: Mapping[str, Any], request_id: str, created_s: int):
        """`asked` is the body that `to_chat` read."""
        options = asked.get("stream_options") or {}
        self._head = _head(asked, request_id, created_s)
        self._include_usage = bool(options.get("include_usage"))
        self._usage: Mapping[str, Any] | None = None
        # Kept back until the end, so that the `council` object finds a chunk to ride in.
        self._last: list[dict[str, Any]] | None = None
        self._offsets: dict[int, int] = {}

    def opening(self) -> bytes:
        """Return nothing: in this form a stream begins with its text."""
        return b""

    def chunk(self, chunk: Mapping[str, Any]) -> bytes:
        """Return what one chunk of the inner form amounts to."""
        self._usage = chunk.get("usage") or self._usage
        choices = [self._translated(choice) for choice in chunk.get("choices") or ()]
        choices = [choice for choice in choices if choice["text"] or choice["logprobs"] or choice["finish_reason"]]
        if not choices:
            return b""
        before = self._event(self._last) if self._last is not None else b""
        if any(choice["finish_reason"] for choice in choices):
            self._last = choices
            return before
        self._last = None
        return before + self._event(choices)

    def ending(self, council: Mapping[str, Any] | None) -> bytes:
        """Return the last chunks and [DONE]; the `council` object rides in the last one before it."""
        assert self._last is not None, "a stream has a finish reason, or it has failed"
        told = {"council": dict(council)} if council is not None else {}
        if not self._include_usage:
            return self._event(self._last, told) + events.DONE
        return self._event(self._last) + self._event([], {"usage": self._usage, **told}) + events.DONE

    def failed(self, error_body: Mapping[str, Any]) -> bytes:
        """Return the error as the last event; no [DONE] follows, so that it is never taken for a clean stop."""
        return events.plain(error_body)

    def _translated(self, choice: Mapping[str, Any]) -> dict[str, Any]:
        index = int(choice.get("index") or 0)
        words = _said(choice.get("delta") or {})
        offset = self._offsets.get(index, 0)
        self._offsets[index] = offset + len(words)
        return _choice(index, words, choice.get("logprobs"), offset, choice.get("finish_reason"))

    def _event(self, choices: list[dict[str, Any]], more: Mapping[str, Any] | None = None) -> bytes:
        body = {**self._head, "choices": choices}
        if self._include_usage:
            body["usage"] = None
        return events.plain({**body, **(more or {})})
