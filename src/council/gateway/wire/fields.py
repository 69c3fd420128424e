"""Reading one field of a request body at a time, with errors that name it.

The bodies of the other forms are translated, not stored, so each field is read where its translation stands. `place` is
the dotted path that the caller sees: `messages.0.content.2.type`.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NoReturn

from council.domain import errors

_SHOWN_CHARACTERS = 60


def mapping(value: Any, place: str) -> Mapping[str, Any]:
    """Return `value` if it is a JSON object. Raises MalformedBodyError."""
    if not isinstance(value, Mapping):
        malformed(place, "must be a JSON object")
    return value


def sequence(value: Any, place: str) -> Sequence[Any]:
    """Return `value` if it is a JSON array. Raises MalformedBodyError."""
    if not isinstance(value, list | tuple):
        malformed(place, "must be an array")
    return value


def text(value: Any, place: str) -> str:
    """Return `value` if it is text. Raises MalformedBodyError."""
    if not isinstance(value, str):
        malformed(place, "must be text")
    return value


def name(value: Any, place: str) -> str:
    """Return `value` if it is text that is not empty. Raises MalformedBodyError."""
    if not text(value, place):
        malformed(place, "must not be empty")
    return str(value)


def integer(value: Any, place: str, *, low: int) -> int:
    """Return `value` as an integer of at least `low`; 3.0 is 3, true is not 1. Raises MalformedBodyError."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        malformed(place, "must be an integer")
    if value < low:
        malformed(place, f"must be at least {low}")
    return value


def boolean(value: Any, place: str) -> bool:
    """Return `value` if it is true or false. Raises MalformedBodyError."""
    if not isinstance(value, bool):
        malformed(place, "must be true or false")
    return value


def copy(source: Mapping[str, Any], target: dict[str, Any], names: Collection[str]) -> None:
    """Copy the fields of `source` that both forms call the same and that are set; `chat` checks them afterwards."""
    for each in names:
        if source.get(each) is not None:
            target[each] = source[each]


# What asks for nothing, in JSON.
_NOTHING: tuple[Any, ...] = (None, False, 0, "", [], {})


def refuse_set(body: Mapping[str, Any], reasons: Mapping[str, str]) -> None:
    """Raise UnsupportedParameterError for the first of `reasons` that asks for something: not null, false, 0 or empty.

    One answer is what there is anyway, so an `n` of 1 asks for nothing either; a `seed` of 0 does.
    """
    for each, reason in reasons.items():
        if each in body and body[each] not in _asking_nothing(each):
            unsupported(each, f"`{each}` is not supported here: {reason}")


def refused(reasons: Mapping[str, str]) -> dict[str, Any]:
    """Return JSON schemas of the fields that `refuse_set` refuses."""
    return {
        each: {"enum": list(_asking_nothing(each)), "description": f"Not supported here: {reason}"}
        for each, reason in reasons.items()
    }


def _asking_nothing(name: str) -> tuple[Any, ...]:
    match name:
        case "n":
            return (*_NOTHING, 1)
        case "seed":
            return (None,)
        case _:
            return _NOTHING


def worded(problem: Mapping[str, Any]) -> str:
    """Return what one of pydantic's problems says, without the names of our classes."""
    if problem["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return "must be a JSON object"
    return str(problem["msg"])


def malformed(place: str, what: str) -> NoReturn:
    """Raise MalformedBodyError about the field at `place`."""
    where = f"`{place}` {what}" if place else f"The body {what}"
    raise errors.MalformedBodyError(f"{where}. Correct it and send again.", parameter=place or None)


def unsupported(place: str, message: str) -> NoReturn:
    """Raise UnsupportedParameterError about the field at `place`; `message` ends with what to do next."""
    raise errors.UnsupportedParameterError(message, parameter=place)


def unknown_kind(place: str, kind: Any, known: Collection[str]) -> NoReturn:
    """Raise UnsupportedParameterError for a value of `type` or the like that is none of `known`."""
    shown = str(kind)[:_SHOWN_CHARACTERS]
    unsupported(place, f"`{place}` is {shown!r}, which is not supported here. Use {' or '.join(known)}.")
