"""The JSON Schema of a guide's front matter, for editors and other programs; `domain.guides` is what decides here."""

from typing import Any

from council.domain import guides


def schema() -> dict[str, Any]:
    """Return the schema, JSON Schema 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://council.example/schema/guide.schema.json",
        "title": "The front matter of a guide",
        "description": "YAML between two lines of `---` at the beginning of a Markdown document. All of it may be left out.",
        "type": "object",
        "properties": {
            "slug": {
                "type": "string",
                "pattern": f"^{guides.SLUG.pattern}$",
                "maxLength": guides.SLUG_CHARS_MAX,
                "not": {"enum": sorted(guides.RESERVED)},
                "description": "Its name in addresses; else that of the file.",
            },
            "title": _line(guides.TITLE_CHARS_MAX, "Its name for people; else the slug."),
            "description": _line(guides.DESCRIPTION_CHARS_MAX, "What it is about, in a sentence."),
            "tags": {
                "type": "array",
                "maxItems": guides.TAGS_MAX,
                "items": _line(guides.TAG_CHARS_MAX, "A word by which it is found."),
                "description": "Words by which it is found.",
            },
            "order": {
                "type": "integer",
                "minimum": -guides.ORDER_MAX,
                "maximum": guides.ORDER_MAX,
                "description": "Its place in lists, the least first; 0 where none is given.",
            },
        },
        "additionalProperties": False,
    }


def _line(chars_max: int, description: str) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": chars_max, "pattern": "\\S", "description": description}
