"""The JSON Schema of a patch document, for other programs; `documents.parse` is what decides here."""

from typing import Any

from council.domain import patches
from council.upkeep.patchctl.core import paths

_SEGMENT = f"(?!-|\\.)[A-Za-z0-9_.-]{{1,{paths.SEGMENT_LENGTH_MAX}}}(?<!\\.)"
_TIME = "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"


def schema() -> dict[str, Any]:
    """Return the schema, JSON Schema 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://council.example/schema/patch.schema.json",
        "title": "A patch of a Council's blueprint",
        "description": "Signed as it is, byte for byte, by a detached OpenPGP signature. No key may stand twice.",
        "type": "object",
        "properties": {
            "schema": {"const": patches.SCHEMA},
            "author": _text(
                "Who made it, for people; the signature says who answers for it.", patches.AUTHOR_LENGTH_MAX
            ),
            "created": {"type": "string", "pattern": _TIME, "description": "UTC."},
            "expires": {"type": "string", "pattern": _TIME, "description": "UTC; not applied from then on."},
            "base": {
                "type": "string",
                "pattern": "^([0-9a-f]{40}|[0-9a-f]{64})$",
                "description": "The commit of the generation that it changes.",
            },
            "title": _text("What it does, in a line.", patches.TITLE_LENGTH_MAX),
            "reason": _text("Why.", patches.REASON_LENGTH_MAX),
            "ticket": {"type": "integer", "minimum": 1, "maximum": patches.TICKET_MAX},
            "files": {
                "type": "array",
                "minItems": 1,
                "maxItems": patches.FILES_MAX,
                "items": {"oneOf": [_put("content"), _put("base64"), _delete()]},
            },
        },
        "required": ["schema", "author", "created", "expires", "base", "title", "reason", "files"],
        "additionalProperties": False,
    }


def _text(description: str, length_max: int) -> dict[str, Any]:
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": length_max,
        "pattern": "\\S",
        "description": description,
    }


def _put(held: str) -> dict[str, Any]:
    forms = {
        "content": {"type": "string", "description": "The whole file as text."},
        "base64": {
            "type": "string",
            "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
            "description": "The whole file.",
        },
    }
    return {
        "type": "object",
        "properties": {
            "path": _path(),
            "action": {"const": patches.Action.PUT.value},
            "mode": {"enum": [mode.value for mode in patches.Mode]},
            held: forms[held],
            "before": {"oneOf": [{"type": "null", "description": "There is no such file yet."}, _digest()]},
        },
        "required": ["path", "action", "mode", held, "before"],
        "additionalProperties": False,
    }


def _delete() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"path": _path(), "action": {"const": patches.Action.DELETE.value}, "before": _digest()},
        "required": ["path", "action", "before"],
        "additionalProperties": False,
    }


def _path() -> dict[str, Any]:
    return {
        "type": "string",
        "maxLength": paths.LENGTH_MAX,
        "pattern": f"^{_SEGMENT}(/{_SEGMENT}){{0,{paths.SEGMENTS_MAX - 1}}}$",
        "description": "From the root of the blueprint.",
    }


def _digest() -> dict[str, Any]:
    return {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "SHA-256 of the file as it is now."}
