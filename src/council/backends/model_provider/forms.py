"""What replies say in each wire form, as far as Council must understand what it passes through. Pure.

That is: is this a reply at all, has it ended, what did it use, and is it an error in disguise.
"""

from collections.abc import Mapping
from typing import Any

from council.domain import answers

PATHS = {
    "chat": "/chat/completions",
    "completions": "/completions",
    "embeddings": "/embeddings",
    "responses": "/responses",
    "messages": "/messages",
}

# More than any answer has; a larger count would not fit into the ledger.
_TOKENS_MAX = 1 << 40

_Data = Mapping[str, Any]


class ShapeError(ValueError):
    """It is not what the form says."""


def check_whole(form: str, data: Any) -> None:
    """Raise ShapeError if a reply is none in that form."""
    if not isinstance(data, dict):
        raise ShapeError(f"a JSON {type(data).__name__} instead of an object")
    if data.get("error"):
        raise ShapeError(f"an error with status 200, {_named(data['error'])}")
    wanted, key = _WHOLE[form]
    found = data.get(key)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ShapeError(f"no list of objects in `{key}`")
    if wanted and not all(wanted in one for one in found):
        raise ShapeError(f"an entry of `{key}` without `{wanted}`")
    if not found and form in ("chat", "completions"):
        raise ShapeError(f"`{key}` is empty")


_WHOLE = {
    "chat": ("message", "choices"),
    "completions": ("text", "choices"),
    "embeddings": ("embedding", "data"),
    "responses": ("", "output"),
    "messages": ("type", "content"),
}


def _named(error: Any) -> str:
    """Return what kind of error a server tells of; never its message, which may repeat keys and prompts."""
    found = error if isinstance(error, Mapping) else {}
    return f"type {found.get('type')!s:.60}, code {found.get('code')!s:.60}"


def check_event(form: str, data: Any) -> None:
    """Raise ShapeError if an event is none in that form, or tells of an error."""
    if not isinstance(data, dict):
        raise ShapeError(f"a JSON {type(data).__name__} instead of an object")
    if data.get("error") or data.get("type") in ("error", "response.failed"):
        told = data.get("error") or data.get("response") or data
        raise ShapeError(f"an error in the stream, {_named(told)}")
    if form in ("chat", "completions"):
        choices = data.get("choices")
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            raise ShapeError("an event without a list of choices")
    elif not isinstance(data.get("type"), str):
        raise ShapeError("an event without a type")


def ends(form: str, data: _Data) -> bool:
    """Return whether an event is of the end: after it only others of the end may come."""
    if form in ("chat", "completions"):
        choices = data["choices"]
        return bool(data.get("usage")) if not choices else any(choice.get("finish_reason") for choice in choices)
    if form == "responses":
        return data["type"] in ("response.completed", "response.incomplete")
    return bool(data["type"] == "message_delta")


def done(form: str, data: _Data) -> bool:
    """Return whether an event is itself the mark of the end. Chat has another, which is no event."""
    return form == "messages" and data["type"] == "message_stop"


class Progress:
    """Whether a stream's answer came to its end, without which a stream that stops has broken off.

    Each of several choices must.
    """

    def __init__(self, form: str):
        self._form = form
        self._begun: set[int] = set()
        self._ended: set[int] = set()

    @property
    def finished(self) -> bool:
        """Whether it has."""
        return bool(self._ended) and self._begun <= self._ended

    def note(self, data: _Data) -> None:
        """Take in what an event says."""
        if self._form not in ("chat", "completions"):
            if (done if self._form == "messages" else ends)(self._form, data):
                self._ended.add(0)
            return
        for choice in data["choices"]:
            index, reason = choice.get("index"), choice.get("finish_reason")
            place = index if isinstance(index, int) else 0
            self._begun.add(place)
            if reason and isinstance(reason, str):
                self._ended.add(place)


def usage_of(form: str, data: _Data) -> answers.Usage | None:
    """Return what a reply or event says was used so far; None if it does not, or says nonsense."""
    if form == "messages":
        message = data.get("message")
        found = message.get("usage") if isinstance(message, dict) else data.get("usage")
        return _messages_usage(found)
    if form == "responses":
        response = data.get("response", data)
        return _usage(response.get("usage") if isinstance(response, dict) else None, "input", "output")
    return _usage(data.get("usage"), "prompt", "completion")


def _usage(found: Any, prompt: str, completion: str) -> answers.Usage | None:
    if not isinstance(found, dict):
        return None
    sent, made = _count(found.get(f"{prompt}_tokens")), _count(found.get(f"{completion}_tokens", 0))
    details = found.get(f"{prompt}_tokens_details")
    if sent is None or made is None:
        return None
    inner = details if isinstance(details, dict) else {}
    cached = min(_count(inner.get("cached_tokens") or 0) or 0, sent)
    written = min(_count(inner.get("cache_write_tokens") or 0) or 0, sent - cached)
    return answers.Usage(sent, made, cached, written)


def _messages_usage(found: Any) -> answers.Usage | None:
    """Anthropic counts tokens read from and written to the prompt cache apart from the others."""
    if not isinstance(found, dict):
        return None
    read, written = (
        _count(found.get("cache_read_input_tokens") or 0),
        _count(found.get("cache_creation_input_tokens") or 0),
    )
    plain, made = _count(found.get("input_tokens") or 0), _count(found.get("output_tokens") or 0)
    if read is None or written is None or plain is None or made is None:
        return None
    return answers.Usage(plain + read + written, made, read, written)


def _count(value: Any) -> int | None:
    """Return a count of tokens; None for what is none: below zero it would be money given back."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _TOKENS_MAX:
        return None
    return value
