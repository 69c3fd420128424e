"""Anthropic's POST /v1/messages, translated to the inner form and back.

`thinking` of earlier turns is left out: its signature is worth something to the model that signed it alone, and the inner
form has no place for it. `cache_control` and `service_tier` change cost and speed, not the answer, and are ignored.
A system message amid the conversation stays where it is. Images in a tool's result follow it in a user message, since a
tool message of the inner form is text alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from council.domain import errors, tool_uses
from council.gateway.wire import events, fields

REFUSED = {
    "top_k": "use `top_p`, or leave it out.",
    "container": "there are no server tools. Leave it out.",
    "mcp_servers": "Council does not call tools for its callers. Give `tools` and run them yourself.",
    "context_management": "send the conversation as it should be read.",
    "inference_geo": "choose a model that runs where you want. Leave it out.",
    "output_format": "give `output_config.format` instead.",
    # Of OpenAI's forms; who sends them here means them.
    "n": "this form has place for one answer. Ask again for another.",
    "stop": "give `stop_sequences` instead.",
    "max_completion_tokens": "give `max_tokens` instead.",
    "response_format": "give `output_config.format` instead.",
    "seed": "use /v1/chat/completions.",
    "logprobs": "use /v1/chat/completions.",
    "logit_bias": "use /v1/chat/completions.",
    "presence_penalty": "use /v1/chat/completions.",
    "frequency_penalty": "use /v1/chat/completions.",
}
_BLOCKS_USER = ("text", "image", "tool_result")
_BLOCKS_ASSISTANT = ("text", "tool_use", "thinking", "redacted_thinking")
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
# Where a budget of thinking tokens stands among efforts, by the least budget of each.
_BUDGETS = ((8192, "high"), (2048, "medium"), (0, "low"))

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
_ERROR_BY_STATUS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "invalid_request_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
# For an error that comes too late to have a status.
_ERRORS = frozenset({*_ERROR_BY_STATUS.values(), "api_error"})


# The request


def to_chat(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request in the inner form.

    Raises MalformedBodyError, and UnsupportedParameterError for what is known and has no place there.
    """
    body = fields.mapping(body, "")
    fields.refuse_set(body, REFUSED)
    if body.get("speed") not in (None, "standard"):
        fields.unsupported("speed", "`speed` is not supported here. Leave it out.")
    chat: dict[str, Any] = {
        "model": fields.name(body.get("model"), "model"),
        "messages": [*_system(body.get("system")), *_messages(body.get("messages"))],
        "max_tokens": fields.integer(body.get("max_tokens"), "max_tokens", low=1),
    }
    fields.copy(body, chat, ("temperature", "top_p", "memory"))
    if body.get("stop_sequences"):
        stops = fields.sequence(body["stop_sequences"], "stop_sequences")
        chat["stop"] = [fields.text(each, f"stop_sequences.{index}") for index, each in enumerate(stops)]
    metadata = fields.mapping(body.get("metadata") or {}, "metadata")
    if metadata.get("user_id") is not None:
        chat["user"] = fields.text(metadata["user_id"], "metadata.user_id")
    if body.get("stream") is not None and fields.boolean(body["stream"], "stream"):
        chat |= {"stream": True, "stream_options": {"include_usage": True}}
    return chat | _tools(body) | _output(body)


def _system(system: Any) -> list[dict[str, Any]]:
    if not system:
        return []
    if isinstance(system, str):
        return [{"role": "system", "content": system}]
    return [{"role": "system", "content": "\n\n".join(_texts(system, "system"))}]


def _texts(blocks: Any, place: str) -> list[str]:
    found = []
    for index, each in enumerate(fields.sequence(blocks, place)):
        block = fields.mapping(each, f"{place}.{index}")
        if block.get("type") != "text":
            fields.unknown_kind(f"{place}.{index}.type", block.get("type"), ("text",))
        found.append(fields.text(block.get("text"), f"{place}.{index}.text"))
    return found


def _messages(messages: Any) -> list[dict[str, Any]]:
    if not fields.sequence(messages, "messages"):
        fields.malformed("messages", "must hold at least one message")
    found: list[dict[str, Any]] = []
    for index, each in enumerate(messages):
        place = f"messages.{index}"
        message = fields.mapping(each, place)
        content = message.get("content")
        match message.get("role"):
            case "user":
                found += _user(content, f"{place}.content")
            case "assistant":
                found.append(_assistant(content, f"{place}.content"))
            case "system":
                found.append({"role": "system", "content": _plain(content, f"{place}.content")})
            case role:
                fields.unknown_kind(f"{place}.role", role, ("user", "assistant"))
    return found


def _plain(content: Any, place: str) -> str:
    return content if isinstance(content, str) else "\n\n".join(_texts(content, place))


def _user(content: Any, place: str) -> list[dict[str, Any]]:
    """Return one user turn: a tool message for each result, then what the user said."""
    if isinstance(content, str):
        return [{"role": "user", "content": content}]
    results: list[dict[str, Any]] = []
    parts: list[dict[str, Any]] = []
    for index, each in enumerate(fields.sequence(content, place)):
        here = f"{place}.{index}"
        block = fields.mapping(each, here)
        match block.get("type"):
            case "text":
                parts.append({"type": "text", "text": fields.text(block.get("text"), f"{here}.text")})
            case "image":
                parts.append(_image(block, here))
            case "tool_result":
                result, images = _tool_result(block, here)
                results.append(result)
                parts += images
            case kind:
                fields.unknown_kind(f"{here}.type", kind, _BLOCKS_USER)
    if not results and not parts:
        fields.malformed(place, "must hold at least one block")
    return [*results, *([{"role": "user", "content": parts}] if parts else [])]


def _image(block: Mapping[str, Any], place: str) -> dict[str, Any]:
    source = fields.mapping(block.get("source"), f"{place}.source")
    match source.get("type"):
        case "base64":
            kind = fields.name(source.get("media_type"), f"{place}.source.media_type")
            data = fields.name(source.get("data"), f"{place}.source.data")
            url = f"data:{kind};base64,{data}"
        case "url":
            url = fields.name(source.get("url"), f"{place}.source.url")
        case kind:
            fields.unknown_kind(f"{place}.source.type", kind, ("base64", "url"))
    return {"type": "image_url", "image_url": {"url": url}}


def _tool_result(block: Mapping[str, Any], place: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the tool message, and the images of the result; the inner form has no mark for a tool's failure but words."""
    content = block.get("content")
    texts, images = ([content], []) if isinstance(content, str) else ([], [])
    if not isinstance(content, str):
        for index, each in enumerate(fields.sequence(content or [], f"{place}.content")):
            here = f"{place}.content.{index}"
            part = fields.mapping(each, here)
            match part.get("type"):
                case "text":
                    texts.append(fields.text(part.get("text"), f"{here}.text"))
                case "image":
                    images.append(_image(part, here))
                case kind:
                    fields.unknown_kind(f"{here}.type", kind, ("text", "image"))
    words = "\n".join(texts)
    identity = fields.name(block.get("tool_use_id"), f"{place}.tool_use_id")
    failed = block.get("is_error") is True
    return {"role": "tool", "tool_call_id": identity, "content": f"Error: {words}" if failed else words}, images


def _assistant(content: Any, place: str) -> dict[str, Any]:
    if isinstance(content, str):
        return {"role": "assistant", "content": content}
    texts: list[str] = []
    calls: list[dict[str, Any]] = []
    for index, each in enumerate(fields.sequence(content, place)):
        here = f"{place}.{index}"
        block = fields.mapping(each, here)
        match block.get("type"):
            case "text":
                texts.append(fields.text(block.get("text"), f"{here}.text"))
            case "tool_use":
                arguments = orjson.dumps(fields.mapping(block.get("input"), f"{here}.input")).decode()
                function = {"name": fields.name(block.get("name"), f"{here}.name"), "arguments": arguments}
                calls.append(
                    {"id": fields.name(block.get("id"), f"{here}.id"), "type": "function", "function": function}
                )
            case "thinking" | "redacted_thinking":
                pass
            case kind:
                fields.unknown_kind(f"{here}.type", kind, _BLOCKS_ASSISTANT)
    message: dict[str, Any] = {"role": "assistant", "content": "".join(texts) if texts or not calls else None}
    return message | ({"tool_calls": calls} if calls else {})


def _tools(body: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    tools = []
    for index, each in enumerate(fields.sequence(body.get("tools") or [], "tools")):
        tool = fields.mapping(each, f"tools.{index}")
        if tool.get("type") not in (None, "custom"):
            fields.unknown_kind(f"tools.{index}.type", tool["type"], ("custom",))
        function = {
            "name": fields.name(tool.get("name"), f"tools.{index}.name"),
            "parameters": dict(fields.mapping(tool.get("input_schema"), f"tools.{index}.input_schema")),
        }
        fields.copy(tool, function, ("description", "strict"))
        tools.append({"type": "function", "function": function})
    if tools:
        found["tools"] = tools
    if body.get("tool_choice") is None:
        return found
    choice = fields.mapping(body["tool_choice"], "tool_choice")
    match choice.get("type"):
        case "auto" | "none" as kind:
            found["tool_choice"] = kind
        case "any":
            found["tool_choice"] = "required"
        case "tool":
            name = fields.name(choice.get("name"), "tool_choice.name")
            found["tool_choice"] = {"type": "function", "function": {"name": name}}
        case kind:
            fields.unknown_kind("tool_choice.type", kind, ("auto", "any", "tool", "none"))
    if choice.get("disable_parallel_tool_use"):
        found["parallel_tool_calls"] = False
    return found


def _output(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `output_config` and `thinking` ask for; `effort` is the stronger word of the two."""
    found: dict[str, Any] = {}
    thinking = fields.mapping(body.get("thinking") or {}, "thinking")
    if thinking.get("type") == "enabled":
        budget = fields.integer(thinking.get("budget_tokens"), "thinking.budget_tokens", low=1)
        found["reasoning_effort"] = next(effort for least, effort in _BUDGETS if budget >= least)
    config = fields.mapping(body.get("output_config") or {}, "output_config")
    if config.get("effort") is not None:
        if config["effort"] not in _EFFORTS:
            fields.unknown_kind("output_config.effort", config["effort"], _EFFORTS)
        found["reasoning_effort"] = config["effort"]
    if config.get("format") is not None:
        wanted = fields.mapping(config["format"], "output_config.format")
        if wanted.get("type") != "json_schema":
            fields.unknown_kind("output_config.format.type", wanted.get("type"), ("json_schema",))
        schema = dict(fields.mapping(wanted.get("schema"), "output_config.format.schema"))
        named = {"name": "answer", "strict": True, "schema": schema}
        found["response_format"] = {"type": "json_schema", "json_schema": named}
    return found


# The answer


def whole(completion: Mapping[str, Any], asked: Mapping[str, Any], council: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a whole answer as Anthropic's message; `asked` is the body that `to_chat` read."""
    choice = completion["choices"][0]
    message = choice["message"]
    content: list[dict[str, Any]] = []
    if message.get("reasoning_content") and _shows_thinking(asked):
        content.append({"type": "thinking", "thinking": message["reasoning_content"], "signature": ""})
    content += [{"type": "text", "text": words} for words in (message.get("content"), message.get("refusal")) if words]
    calls = message.get("tool_calls") or []
    content += [tool_uses.from_call(call) for call in calls]
    stop_reason, stop_sequence = _stop(choice, asked, bool(calls), bool(message.get("refusal")))
    told = {"council": dict(council)} if council is not None else {}
    return {
        "id": _identity(str(completion["id"])),
        "type": "message",
        "role": "assistant",
        "model": asked["model"],
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": stop_sequence,
        "usage": _usage(completion.get("usage")),
    } | told


def _shows_thinking(asked: Mapping[str, Any]) -> bool:
    """Tell whether the caller expects blocks of thinking; those who did not ask may not know what they are."""
    thinking = asked.get("thinking") or {}
    return thinking.get("type") in ("enabled", "adaptive") and thinking.get("display") != "omitted"


def _identity(chat_id: str) -> str:
    return "msg_" + chat_id.removeprefix("chatcmpl-")


def _stop(choice: Mapping[str, Any], asked: Mapping[str, Any], calls: bool, refused: bool) -> tuple[str, str | None]:
    """Return stop reason and stop sequence; some servers name the sequence as `stop_reason` beside the finish reason."""
    finish_reason = str(choice["finish_reason"])
    sequence = choice.get("stop_reason")
    if refused:
        return "refusal", None
    if finish_reason == "stop" and calls:
        return "tool_use", None
    if finish_reason == "stop" and isinstance(sequence, str) and sequence in (asked.get("stop_sequences") or ()):
        return "stop_sequence", sequence
    return _STOP_REASONS.get(finish_reason, "end_turn"), None


def _usage(usage: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return token counts in Anthropic's shape, where `input_tokens` leaves out what the cache read or wrote."""
    usage = usage or {}
    prompt = usage.get("prompt_tokens_details") or {}
    read, written = int(prompt.get("cached_tokens") or 0), int(prompt.get("cache_write_tokens") or 0)
    found: dict[str, Any] = {
        "input_tokens": max(0, int(usage.get("prompt_tokens") or 0) - read - written),
        "output_tokens": int(usage.get("completion_tokens") or 0),
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
    }
    thought = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens")
    if thought:
        found["output_tokens_details"] = {"thinking_tokens": int(thought)}
    return found


def error_body(openai_error: Mapping[str, Any], status: int) -> dict[str, Any]:
    """Return an error in Anthropic's shape; `openai_error` is the body that an OpenAI client would get."""
    return _error(openai_error, _ERROR_BY_STATUS.get(status, "api_error"))


def _error(openai_error: Mapping[str, Any], kind: str) -> dict[str, Any]:
    inner = openai_error["error"]
    return {
        "type": "error",
        "error": {"type": kind, "message": inner["message"]},
        "request_id": inner.get("request_id"),
    }


class Events:
    """The events of one streamed answer: a message that starts, blocks one after the other, and how it stopped."""

    def __init__(self, asked: Mapping[str, Any], request_id: str, created_s: int):
        """`asked` is the body that `to_chat` read; `created_s` has no place in this form."""
        del created_s
        self._asked = asked
        self._request_id = request_id
        self._shows_thinking = _shows_thinking(asked)
        self._block = -1
        # What the open block holds: a kind, or a tool call's index among the calls.
        self._open: str | int | None = None
        self._calls: set[int] = set()
        self._refused = False
        self._finish: Mapping[str, Any] | None = None
        self._usage: Mapping[str, Any] | None = None

    def opening(self) -> bytes:
        """Return the event that starts the message."""
        message = {
            "id": _identity(self._request_id),
            "type": "message",
            "role": "assistant",
            "model": self._asked["model"],
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }
        return events.named({"type": "message_start", "message": message})

    def chunk(self, chunk: Mapping[str, Any]) -> bytes:
        """Return what one chunk of the inner form amounts to. Raises ModelUnavailableError: tool calls mixed up."""
        self._usage = chunk.get("usage") or self._usage
        parts: list[bytes] = []
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            if self._shows_thinking and delta.get("reasoning_content"):
                parts += self._piece("thinking", {"type": "thinking_delta", "thinking": delta["reasoning_content"]})
            for words in (delta.get("content"), delta.get("refusal")):
                if words:
                    parts += self._piece("text", {"type": "text_delta", "text": words})
            self._refused = self._refused or bool(delta.get("refusal"))
            for call in delta.get("tool_calls") or ():
                parts += self._tool_piece(call)
            if choice.get("finish_reason"):
                self._finish = choice
        return b"".join(parts)

    def ending(self, council: Mapping[str, Any] | None) -> bytes:
        """Return the last events; the `council` object rides in `message_delta`."""
        assert self._finish is not None, "a stream has a finish reason, or it has failed"
        stop_reason, stop_sequence = _stop(self._finish, self._asked, bool(self._calls), self._refused)
        told = {"council": dict(council)} if council is not None else {}
        stopped = {
            "type": "message_delta",
            "delta": {"stop_reason": stop_reason, "stop_sequence": stop_sequence},
            "usage": _usage(self._usage),
        }
        return b"".join([*self._closed(), events.named(stopped | told), events.named({"type": "message_stop"})])

    def failed(self, error_body: Mapping[str, Any]) -> bytes:
        """Return the error as the last event; no `message_stop` follows, so that it is never taken for a clean end."""
        kind = error_body["error"].get("type")
        return events.named(_error(error_body, kind if kind in _ERRORS else "api_error"))

    def _piece(self, kind: str, delta: Mapping[str, Any]) -> Sequence[bytes]:
        empty = (
            {"type": "thinking", "thinking": "", "signature": ""}
            if kind == "thinking"
            else {"type": "text", "text": ""}
        )
        return [*self._opened(kind, empty), self._delta(delta)]

    def _tool_piece(self, call: Mapping[str, Any]) -> Sequence[bytes]:
        index = int(call.get("index") or 0)
        function = call.get("function") or {}
        parts: Sequence[bytes] = ()
        if self._open != index:
            if index in self._calls or not function.get("name"):
                raise errors.ModelUnavailableError(
                    "The model's tool calls came mixed up, which this form cannot carry. Ask again.",
                    detail=f"a piece for tool call {index} while {self._open} is open",
                )
            self._calls.add(index)
            identity = call.get("id") or f"toolu_{self._request_id}_{index}"
            parts = self._opened(index, {"type": "tool_use", "id": identity, "name": function["name"], "input": {}})
        if not function.get("arguments"):
            return parts
        return [*parts, self._delta({"type": "input_json_delta", "partial_json": function["arguments"]})]

    def _opened(self, what: str | int, empty: Mapping[str, Any]) -> Sequence[bytes]:
        if self._open == what:
            return ()
        closed = self._closed()
        self._open = what
        self._block += 1
        return [
            *closed,
            events.named({"type": "content_block_start", "index": self._block, "content_block": empty}),
        ]

    def _closed(self) -> Sequence[bytes]:
        if self._open is None:
            return ()
        self._open = None
        return [events.named({"type": "content_block_stop", "index": self._block})]

    def _delta(self, delta: Mapping[str, Any]) -> bytes:
        return events.named({"type": "content_block_delta", "index": self._block, "delta": delta})
