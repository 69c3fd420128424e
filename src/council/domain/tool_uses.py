"""A tool call's arguments in Anthropic's form: an object, where OpenAI's is JSON in a string. Pure."""

from collections.abc import Mapping
from typing import Any

import orjson


def from_call(call: Mapping[str, Any]) -> dict[str, Any]:
    """Return a call of OpenAI's form as a `tool_use` block.

    Arguments that are no JSON object, as after a cut, are wrapped as Anthropic advises.
    """
    function = call["function"]
    raw = function.get("arguments") or "{}"
    try:
        parsed = orjson.loads(raw)
    except orjson.JSONDecodeError:
        parsed = None
    arguments = parsed if isinstance(parsed, dict) else {"INVALID_JSON": raw}
    return {"type": "tool_use", "id": call["id"], "name": function["name"], "input": arguments}
