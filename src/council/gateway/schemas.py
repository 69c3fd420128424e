"""The words of a JSON Schema, for what the OpenAPI document says by hand."""

from typing import Any

REFERENCE = "#/components/schemas/"

TEXT: dict[str, Any] = {"type": "string"}
COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
FLAG: dict[str, Any] = {"type": "boolean"}
TEXT_OR_NULL: dict[str, Any] = {"type": ["string", "null"]}
SHARE: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": 1}
CID: dict[str, Any] = {"type": ["string", "null"], "description": "Of the patch that made the generation, if one did."}


def ref(name: str) -> dict[str, Any]:
    """Return a reference to a schema of the document."""
    return {"$ref": REFERENCE + name}


def content(description: str, schema: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    """Return what is said in reply."""
    return {"description": description, "content": {kind: {"schema": schema}}}


def object_of(required: dict[str, Any], properties_more: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return an object with these properties, `properties_more` being those that may be missing."""
    properties = {**required, **(properties_more or {})}
    return {"type": "object", "required": list(required), "properties": properties, **more}


def listed(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a list."""
    return {"type": "array", "items": items, **more}
