"""Memories as JSON: between gateway and recall, over the API, and in an export. Checked strictly on the way in. Pure."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from council.domain import errors, memory

SESSION_CHARS_MAX = 128
_ID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_SESSION = re.compile(r"[A-Za-z0-9._:@-]{0,128}")
_TEXTS = {"subject": 64, "attribute": 64, "value": 500, "text": 100_000, "source": 128}
_LATEST_US = 1 << 47 << 10


def session_of(value: str) -> str:
    """Return a session's id as it is. Raises InvalidRequestError."""
    if _SESSION.fullmatch(value) is None:
        raise errors.InvalidRequestError(
            f"A session id is up to {SESSION_CHARS_MAX} letters, digits and any of `._:@-`. Send another.",
            parameter="session",
        )
    return value


def form(one: memory.Memory) -> dict[str, Any]:
    """Return a memory as JSON, without whose it is: that is known, or shall change."""
    made = asdict(one)
    del made["user_id"]
    return {**made, "session": made.pop("session_id"), "kind": str(one.kind)}


def found_form(one: memory.Found) -> dict[str, Any]:
    """Return a memory with how well it fits."""
    return {
        "memory": form(one.memory),
        "score": one.score,
        "similarity": one.similarity,
        "coverage": one.coverage,
    }


def memory_of(raw: Any, user_id: str) -> memory.Memory:
    """Return the memory of `user_id` that JSON describes. Raises InvalidRequestError that names the field."""
    if not isinstance(raw, dict):
        raise errors.InvalidRequestError("A memory is a JSON object. Export some to see how they look.")
    identifier = _text(raw, "id", 26)
    superseded_by = _text(raw, "superseded_by", 26) if raw.get("superseded_by") else ""
    if any(_ID.fullmatch(one) is None for one in (identifier, *([superseded_by] if superseded_by else []))):
        raise _wrong("id", "is not an id as an export has it")
    kind = _text(raw, "kind", 8)
    if kind not in list(memory.Kind):
        raise _wrong("kind", "must be `fact` or `turn`")
    texts = {name: _text(raw, name, chars) for name, chars in _TEXTS.items()}
    if not texts["text"].strip():
        raise _wrong("text", "is empty")
    confidence = raw.get("confidence")
    if isinstance(confidence, bool) or not isinstance(confidence, int | float) or not 0 <= confidence <= 1:
        raise _wrong("confidence", "must be a number from 0 to 1")
    return memory.Memory(
        id=identifier,
        user_id=user_id,
        session_id=session_of(_text(raw, "session", SESSION_CHARS_MAX)),
        kind=memory.Kind(kind),
        confidence=float(confidence),
        at_us=_time(raw, "at_us"),
        superseded_by=superseded_by,
        superseded_us=_time(raw, "superseded_us") if superseded_by else 0,
        **texts,
    )


def found_of(raw: Mapping[str, Any], user_id: str) -> memory.Found:
    """Return what `found_form` made."""
    one = memory_of(raw["memory"], user_id)
    return memory.Found(one, float(raw["score"]), float(raw["similarity"]), float(raw["coverage"]))


def recalled_form(one: memory.Recalled) -> dict[str, Any]:
    """Return what is known for a question."""
    return {
        "facts": [form(fact) for fact in one.facts],
        "found": [found_form(found) for found in one.found],
        "session": [form(turn) for turn in one.session],
        "complete": one.complete,
    }


def recalled_of(raw: Mapping[str, Any], user_id: str) -> memory.Recalled:
    """Return what `recalled_form` made."""
    return memory.Recalled(
        tuple(memory_of(fact, user_id) for fact in raw["facts"]),
        tuple(found_of(found, user_id) for found in raw["found"]),
        tuple(memory_of(turn, user_id) for turn in raw["session"]),
        bool(raw["complete"]),
    )


def selection_form(selection: memory.Selection) -> dict[str, Any]:
    """Return a selection as JSON."""
    return {**asdict(selection), "kind": None if selection.kind is None else str(selection.kind)}


def selection_of(raw: Mapping[str, Any]) -> memory.Selection:
    """Return what `selection_form` made."""
    ids, kind = raw["ids"], raw["kind"]
    return memory.Selection(
        raw["session_id"],
        None if kind is None else memory.Kind(kind),
        None if ids is None else tuple(str(one) for one in ids),
        str(raw["after"]),
    )


def embedded_form(one: memory.Embedded) -> dict[str, Any]:
    """Return vectors as base64 of their bytes."""
    vectors = [base64.b64encode(vector).decode() for vector in one.vectors]
    return {"vectors": vectors, "width": one.width, "tokens": one.tokens}


def embedded_of(raw: Mapping[str, Any]) -> memory.Embedded:
    """Return what `embedded_form` made."""
    try:
        vectors = tuple(base64.b64decode(vector, validate=True) for vector in raw["vectors"])
    except binascii.Error as error:
        raise ValueError("a vector is not base64") from error
    return memory.Embedded(vectors, int(raw["width"]), int(raw["tokens"]))


def _text(raw: Mapping[str, Any], name: str, chars_max: int) -> str:
    value = raw.get(name)
    if not isinstance(value, str) or len(value) > chars_max or "\0" in value or not _is_text(value):
        raise _wrong(name, f"must be a text of at most {chars_max} characters")
    return value


def _is_text(value: str) -> bool:
    """Return whether a database can hold it: no lone surrogates."""
    return value.isascii() or all(not 0xD800 <= ord(letter) <= 0xDFFF for letter in value)


def _time(raw: Mapping[str, Any], name: str) -> int:
    value = raw.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _LATEST_US:
        raise _wrong(name, "must be microseconds since 1970")
    return value


def _wrong(name: str, what: str) -> errors.InvalidRequestError:
    return errors.InvalidRequestError(f"A memory's `{name}` {what}. Correct it and try again.", parameter=name)
