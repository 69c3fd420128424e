"""The wire forms of questions and answers, side by side: what each is called, and how it turns to the inner form and back.

The inner form is OpenAI's chat completions. A model whose provider takes the caller's own form gets it as it came; every other
one is asked in the inner form, and so is the cascade.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from council.domain import answers
from council.gateway import streams
from council.gateway.wire import chat, completions, events, messages, responses


class _Events(Protocol):
    def opening(self) -> bytes: ...
    def chunk(self, chunk: Mapping[str, Any]) -> bytes: ...
    def ending(self, council: Mapping[str, Any] | None) -> bytes: ...
    def failed(self, error_body: Mapping[str, Any]) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Form:
    """One wire form. `headers` names those of a caller that go on to a provider who takes the form as it is."""

    name: str
    path: str
    to_chat: Callable[[Mapping[str, Any]], dict[str, Any]]
    whole: Callable[[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any] | None], dict[str, Any]]
    events: Callable[[Mapping[str, Any], str, int], _Events]
    headers: tuple[str, ...] = ()


COMPLETIONS = Form("completions", "/v1/completions", completions.to_chat, completions.whole, completions.Events)
RESPONSES = Form("responses", "/v1/responses", responses.to_chat, responses.whole, responses.Events)
MESSAGES = Form(
    "messages",
    "/v1/messages",
    messages.to_chat,
    messages.whole,
    messages.Events,
    ("anthropic-beta", "anthropic-version"),
)
TRANSLATED = (COMPLETIONS, RESPONSES, MESSAGES)


class TranslatedOutlet:
    """The inner form's chunks in another form. Implements streams.Outlet."""

    def __init__(self, form: Form, asked: Mapping[str, Any], request_id: str, created_s: int):
        self._events = form.events(asked, request_id, created_s)
        self._head = {"id": f"chatcmpl-{request_id}", "object": "chat.completion.chunk", "created": created_s}
        self._relayed = False

    def opening(self) -> bytes:
        """Return what opens a stream in this form."""
        return self._events.opening()

    def said(self, parts: Sequence[streams.Said]) -> bytes:
        """Return the words."""
        return b"".join([self._part(part) for part in parts])

    def _part(self, part: streams.Said) -> bytes:
        if isinstance(part, answers.Delta):
            return self._chunk({"content": part.text}, None)
        self._relayed = True
        return b"" if part.done else self._events.chunk(part.data)

    def _chunk(self, delta: Mapping[str, Any], finish_reason: str | None) -> bytes:
        return self._events.chunk(
            {**self._head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}
        )

    def ending(self, answer: answers.Answer) -> bytes:
        """Return the end, the `council` object in it."""
        last = b""
        if not self._relayed:
            last = self._chunk({}, answer.finding.finish_reason)
            last += self._events.chunk({**self._head, "choices": [], "usage": chat.usage_object(answer.finding.usage)})
        return last + self._events.ending(chat.council_object(answer))

    def failed(self, body: dict[str, Any]) -> bytes:
        """Return the error that ends the stream."""
        return self._events.failed(body)


class NativeOutlet:
    """A provider's own events as they came, but for the one that the `council` object rides in. Implements streams.Outlet."""

    def __init__(self, form: Form, asked: Mapping[str, Any], request_id: str, created_s: int):
        self._failing = form.events(asked, request_id, created_s)
        self._last: Mapping[str, Any] | None = None
        self._after: list[bytes] = []

    def opening(self) -> bytes:
        """Return nothing: the provider's events open the stream."""
        return b""

    def said(self, parts: Sequence[streams.Said]) -> bytes:
        """Return the events, those of the end kept back."""
        out: list[bytes] = []
        for part in parts:
            assert not isinstance(part, answers.Delta), "the cascade speaks the inner form"
            if part.ends and not part.done:
                self._last, self._after = part.data, []
            elif self._last is not None:
                self._after.append(part.raw)
            else:
                out.append(part.raw)
        return b"".join(out)

    def ending(self, answer: answers.Answer) -> bytes:
        """Return the events of the end, the `council` object in the first of them."""
        last = dict(self._last or {"type": "message_delta", "delta": {}})
        council = chat.council_object(answer)
        if isinstance(last.get("response"), dict):
            last["response"] = {**last["response"], "council": council}
        else:
            last["council"] = council
        return b"".join([events.named(last), *self._after])

    def failed(self, body: dict[str, Any]) -> bytes:
        """Return the error that ends the stream."""
        return self._failing.failed(body)


def translated_whole(
    form: Form, completion: Mapping[str, Any], asked: Mapping[str, Any], answer: answers.Answer
) -> bytes:
    """Return a whole answer of the inner form in another one."""
    return orjson.dumps(form.whole(completion, asked, chat.council_object(answer)))
