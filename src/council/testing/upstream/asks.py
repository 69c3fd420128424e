"""What a caller asks, the same whatever the wire form; and how its tokens are counted.

A prompt has one token for each word (run of characters that are not blank) of every text in it, one at least: messages and
their text parts, system and instructions, prompts and inputs. Images, tools and roles count nothing.
"""

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

DIMENSIONS = 8
_CHOICES_MAX = 16
_DEPTH_MAX = 8


class Api(enum.StrEnum):
    """The wire forms, by the end of their path."""

    CHAT = "chat/completions"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"
    RESPONSES = "responses"
    MESSAGES = "messages"


@dataclasses.dataclass(frozen=True, slots=True)
class Ask:
    """One request. `tool` and `arguments` are of the call to make instead of saying words; `text` is what to say instead.

    `top_logprobs` is None where no log probabilities were asked for.
    """

    api: Api
    model: str
    prompt_tokens: int
    stream: bool = False
    tokens_max: int | None = None
    choices: int = 1
    include_usage: bool = False
    top_logprobs: int | None = None
    tool: str = ""
    text: str = ""
    inputs: tuple[str, ...] = ()
    dimensions: int = DIMENSIONS
    base64: bool = False


class UnreadableError(Exception):
    """A body that is no request; the text says why."""


def read(api: Api, body: bytes) -> Ask:
    """Return what the body asks. Raises UnreadableError."""
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UnreadableError("The body is not JSON.") from error
    if not isinstance(asked, dict) or not isinstance(asked.get("model"), str):
        raise UnreadableError("The body must be an object with the name of a model.")
    texts = [
        text for key in ("system", "instructions", "messages", "prompt", "input") for text in _texts(asked.get(key))
    ]
    limit = next((asked[key] for key in _LIMITS if isinstance(asked.get(key), int)), None)
    options = asked.get("stream_options")
    top = asked.get("top_logprobs") or 0
    tool, arguments = _tool(asked)
    return Ask(
        api,
        asked["model"],
        max(1, sum(len(text.split()) for text in texts)),
        stream=asked.get("stream") is True,
        tokens_max=limit,
        choices=min(_CHOICES_MAX, max(1, asked.get("n") or 1)),
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        top_logprobs=top if asked.get("logprobs") else None,
        tool=tool,
        text=arguments or _shaped(asked),
        inputs=tuple(texts) if api is Api.EMBEDDINGS else (),
        dimensions=asked.get("dimensions") or DIMENSIONS,
        base64=asked.get("encoding_format") == "base64",
    )


_LIMITS = ("max_completion_tokens", "max_output_tokens", "max_tokens")


def _texts(value: Any, depth: int = 0) -> list[str]:
    """Return the texts of a message, of its parts, or of a list of either."""
    if isinstance(value, str):
        return [value]
    if depth > _DEPTH_MAX:
        return []
    if isinstance(value, list):
        return [text for each in value for text in _texts(each, depth + 1)]
    if isinstance(value, dict):
        return [text for key in ("content", "text", "output") for text in _texts(value.get(key), depth + 1)]
    return []


def _tool(asked: Mapping[str, Any]) -> tuple[str, str]:
    """Return the name and the arguments of the tool to call: the one demanded, or the first when a user speaks."""
    tools = [_function(each) for each in asked.get("tools") or () if isinstance(each, dict)]
    choice = asked.get("tool_choice")
    if choice == "none" or not tools or (isinstance(choice, dict) and choice.get("type") == "none"):
        return "", ""
    demanded = _function(choice).get("name") if isinstance(choice, dict) else None
    found = next((each for each in tools if each.get("name") == demanded), None)
    if found is None and not _user_speaks(asked):
        return "", ""
    found = found or tools[0]
    schema = found.get("parameters") or found.get("input_schema") or {}
    return str(found.get("name", "")), orjson.dumps(filler(schema)).decode()


def _function(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = tool.get("function")
    return inner if isinstance(inner, dict) else tool


def _user_speaks(asked: Mapping[str, Any]) -> bool:
    """Return whether the last message is a user's own, and not the result of a tool."""
    said: Any = asked.get("messages") or asked.get("input") or [{"role": "user"}]
    last: Any = said[-1] if isinstance(said, Sequence) and not isinstance(said, str) else {"role": "user"}
    if not isinstance(last, dict) or last.get("role") != "user":
        return False
    parts = last.get("content")
    return not (isinstance(parts, list) and any(isinstance(p, dict) and p.get("type") == "tool_result" for p in parts))


def _shaped(asked: Mapping[str, Any]) -> str:
    """Return JSON of the form that was asked for, or nothing where none was."""
    text = asked.get("text")
    form = asked.get("response_format") or (text.get("format") if isinstance(text, dict) else None)
    if not isinstance(form, dict):
        return ""
    if form.get("type") == "json_object":
        return '{"word": "w1"}'
    if form.get("type") != "json_schema":
        return ""
    inner = form.get("json_schema")
    schema = (inner if isinstance(inner, dict) else form).get("schema")
    return orjson.dumps(filler(schema or {})).decode()


def filler(schema: Any, depth: int = 0) -> Any:
    """Return the plainest value of a JSON schema: types, enum, const, properties and items are looked at."""
    if not isinstance(schema, dict) or depth > _DEPTH_MAX:
        return "w1"
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type", "object" if "properties" in schema else "string")
    match kind[0] if isinstance(kind, list) else kind:
        case "object":
            return {name: filler(each, depth + 1) for name, each in (schema.get("properties") or {}).items()}
        case "array":
            return [filler(schema.get("items"), depth + 1)]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return "w1"
