"""OpenAI's POST /v1/responses, translated to the inner form and back.

Nothing is kept between calls: `store` may be false or left out, and what leans on a kept response is refused by name.
`reasoning` items of earlier turns and `reasoning.summary` are ignored, since the inner form carries no reasoning on;
`service_tier`, `prompt_cache_key`, `safety_identifier` and the like change cost and speed, not the answer.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from council.domain import errors
from council.gateway.wire import events, fields

_STATELESS = "Council keeps no responses. Send the whole conversation as `input`."
REFUSED = {
    "previous_response_id": _STATELESS,
    "conversation": _STATELESS,
    "store": "Council keeps no responses. Set it to false or leave it out.",
    "background": "Council keeps no responses. Ask with `stream` instead.",
    "prompt": "there are no stored prompts. Send the text as `input`.",
    "context_management": "send the conversation as it should be read.",
    "moderation": "moderate before or after. Leave it out.",
    # Of chat completions; who sends them here means them.
    "messages": "give `input` instead.",
    "n": "this form has place for one answer. Ask again for another.",
    "stop": "use /v1/chat/completions.",
    "max_tokens": "give `max_output_tokens` instead.",
    "max_completion_tokens": "give `max_output_tokens` instead.",
    "response_format": "give `text.format` instead.",
    "seed": "use /v1/chat/completions.",
    "logprobs": "give `include` or `top_logprobs` instead.",
    "logit_bias": "use /v1/chat/completions.",
    "presence_penalty": "use /v1/chat/completions.",
    "frequency_penalty": "use /v1/chat/completions.",
}
_TEXT_PARTS = ("input_text", "output_text", "text")
_ROLES = ("user", "assistant", "system", "developer")
_TOOL_CHOICES = ("none", "auto", "required")
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
_ECHOED = ("instructions", "max_output_tokens", "temperature", "top_p", "user", "max_tool_calls", "top_logprobs")


# The request


def to_chat(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request in the inner form.

    Raises MalformedBodyError, and UnsupportedParameterError for what is known and has no place there.
    """
    body = fields.mapping(body, "")
    fields.refuse_set(body, REFUSED)
    if body.get("truncation") not in (None, "disabled"):
        fields.unsupported("truncation", "`truncation` may only be 'disabled'. Shorten `input` yourself.")
    messages: list[dict[str, Any]] = []
    if body.get("instructions") is not None:
        messages.append({"role": "system", "content": fields.text(body["instructions"], "instructions")})
    chat: dict[str, Any] = {
        "model": fields.name(body.get("model"), "model"),
        "messages": messages + _input(body.get("input")),
    }
    if body.get("max_output_tokens") is not None:
        chat["max_completion_tokens"] = fields.integer(body["max_output_tokens"], "max_output_tokens", low=1)
    fields.copy(body, chat, ("temperature", "top_p", "parallel_tool_calls", "user", "memory"))
    if body.get("stream") is not None and fields.boolean(body["stream"], "stream"):
        chat |= {"stream": True, "stream_options": {"include_usage": True}}
    reasoning = fields.mapping(body.get("reasoning") or {}, "reasoning")
    if reasoning.get("effort") is not None:
        chat["reasoning_effort"] = fields.text(reasoning["effort"], "reasoning.effort")
    return chat | _text_format(body) | _logprobs(body) | _tools(body)


def _input(given: Any) -> list[dict[str, Any]]:
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    if not fields.sequence(given, "input"):
        fields.malformed("input", "must hold at least one item")
    messages: list[dict[str, Any]] = []
    for index, each in enumerate(given):
        place = f"input.{index}"
        item = fields.mapping(each, place)
        match item.get("type", "message"):
            case "message":
                messages.append(_message(item, place))
            case "function_call":
                _add_call(messages, item, place)
            case "function_call_output":
                identity = fields.name(item.get("call_id"), f"{place}.call_id")
                words = _words(item.get("output"), f"{place}.output")
                messages.append({"role": "tool", "tool_call_id": identity, "content": words})
            case "reasoning":
                pass
            case kind:
                fields.unknown_kind(f"{place}.type", kind, ("message", "function_call", "function_call_output"))
    return messages


def _message(item: Mapping[str, Any], place: str) -> dict[str, Any]:
    role, content = item.get("role"), item.get("content")
    if role not in _ROLES:
        fields.unknown_kind(f"{place}.role", role, _ROLES)
    if role != "user" or isinstance(content, str):
        return {"role": role, "content": _words(content, f"{place}.content")}
    parts = [
        _part(fields.mapping(each, f"{place}.content.{index}"), f"{place}.content.{index}")
        for index, each in enumerate(fields.sequence(content, f"{place}.content"))
    ]
    if not parts:
        fields.malformed(f"{place}.content", "must hold at least one part")
    return {"role": role, "content": parts}


def _part(part: Mapping[str, Any], place: str) -> dict[str, Any]:
    kind = part.get("type")
    if kind in _TEXT_PARTS:
        return {"type": "text", "text": fields.text(part.get("text"), f"{place}.text")}
    if kind != "input_image":
        fields.unknown_kind(f"{place}.type", kind, ("input_text", "input_image"))
    if part.get("file_id"):
        fields.unsupported(f"{place}.file_id", f"`{place}.file_id` is not supported here. Give `image_url`.")
    image = {"url": fields.name(part.get("image_url"), f"{place}.image_url")}
    fields.copy(part, image, ("detail",))
    return {"type": "image_url", "image_url": image}


def _words(content: Any, place: str) -> str:
    """Return content that may hold text alone, as one text."""
    if isinstance(content, str):
        return content
    found = []
    for index, each in enumerate(fields.sequence(content, place)):
        part = fields.mapping(each, f"{place}.{index}")
        key = "refusal" if part.get("type") == "refusal" else "text"
        if key == "text" and part.get("type") not in _TEXT_PARTS:
            fields.unknown_kind(f"{place}.{index}.type", part.get("type"), ("input_text", "output_text"))
        found.append(fields.text(part.get(key), f"{place}.{index}.{key}"))
    return "".join(found)


def _add_call(messages: list[dict[str, Any]], item: Mapping[str, Any], place: str) -> None:
    """Add a tool call to the assistant's last message; the inner form has all calls of one turn in one."""
    if not messages or messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant", "content": None})
    function = {
        "name": fields.name(item.get("name"), f"{place}.name"),
        "arguments": fields.text(item.get("arguments"), f"{place}.arguments"),
    }
    call = {"id": fields.name(item.get("call_id"), f"{place}.call_id"), "type": "function", "function": function}
    messages[-1].setdefault("tool_calls", []).append(call)


def _text_format(body: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    settings = fields.mapping(body.get("text") or {}, "text")
    fields.copy(settings, found, ("verbosity",))
    wanted = fields.mapping(settings.get("format") or {"type": "text"}, "text.format")
    match wanted.get("type"):
        case "text":
            pass
        case "json_object":
            found["response_format"] = {"type": "json_object"}
        case "json_schema":
            schema = {
                "name": fields.name(wanted.get("name"), "text.format.name"),
                "schema": dict(fields.mapping(wanted.get("schema"), "text.format.schema")),
            }
            fields.copy(wanted, schema, ("description", "strict"))
            found["response_format"] = {"type": "json_schema", "json_schema": schema}
        case kind:
            fields.unknown_kind("text.format.type", kind, ("text", "json_schema", "json_object"))
    return found


def _logprobs(body: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for index, each in enumerate(fields.sequence(body.get("include") or [], "include")):
        match each:
            case "message.output_text.logprobs":
                found["logprobs"] = True
            case "reasoning.encrypted_content":
                pass
            case _:
                fields.unknown_kind(f"include.{index}", each, ("message.output_text.logprobs",))
    if body.get("top_logprobs"):
        found |= {"logprobs": True, "top_logprobs": body["top_logprobs"]}
    return found


def _tools(body: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    tools = []
    for index, each in enumerate(fields.sequence(body.get("tools") or [], "tools")):
        tool = fields.mapping(each, f"tools.{index}")
        if tool.get("type") != "function":
            fields.unknown_kind(f"tools.{index}.type", tool.get("type"), ("function",))
        function = {"name": fields.name(tool.get("name"), f"tools.{index}.name")}
        fields.copy(tool, function, ("description", "parameters", "strict"))
        tools.append({"type": "function", "function": function})
    if tools:
        found["tools"] = tools
    choice = body.get("tool_choice")
    if isinstance(choice, Mapping):
        if choice.get("type") != "function":
            fields.unknown_kind("tool_choice.type", choice.get("type"), ("function",))
        name = fields.name(choice.get("name"), "tool_choice.name")
        found["tool_choice"] = {"type": "function", "function": {"name": name}}
    elif choice is not None:
        if choice not in _TOOL_CHOICES:
            fields.unknown_kind("tool_choice", choice, _TOOL_CHOICES)
        found["tool_choice"] = choice
    return found


# The answer


def whole(completion: Mapping[str, Any], asked: Mapping[str, Any], council: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a whole answer as a response; `asked` is the body that `to_chat` read."""
    choice = completion["choices"][0]
    message = choice["message"]
    identity = str(completion["id"]).removeprefix("chatcmpl-")
    status = "incomplete" if choice["finish_reason"] in _INCOMPLETE else "completed"
    content: list[dict[str, Any]] = []
    if message.get("content"):
        logprobs = (choice.get("logprobs") or {}).get("content") or []
        content.append(_text_part(message["content"], logprobs))
    if message.get("refusal"):
        content.append({"type": "refusal", "refusal": message["refusal"]})
    calls = message.get("tool_calls") or []
    output = [_message_item(f"msg_{identity}", status, content)] if content or not calls else []
    output += [
        _call_item(
            f"fc_{identity}_{index}", call["id"], call["function"]["name"], call["function"]["arguments"], status
        )
        for index, call in enumerate(calls)
    ]
    ended = _ended(choice["finish_reason"], completion.get("usage"), council)
    return _response(asked, identity, int(completion["created"])) | ended | {"output": output}


def _response(asked: Mapping[str, Any], identity: str, created_s: int) -> dict[str, Any]:
    """Return a response that has just begun, with what was asked for in it."""
    reasoning = asked.get("reasoning") or {}
    return {
        "id": f"resp_{identity}",
        "object": "response",
        "created_at": created_s,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": asked["model"],
        "output": [],
        "previous_response_id": None,
        "parallel_tool_calls": asked.get("parallel_tool_calls") is not False,
        "reasoning": {"effort": reasoning.get("effort"), "summary": None},
        "store": False,
        "text": {"format": {"type": "text"}} | dict(asked.get("text") or {}),
        "tool_choice": asked.get("tool_choice") or "auto",
        "tools": list(asked.get("tools") or ()),
        "truncation": "disabled",
        "usage": None,
        "metadata": asked.get("metadata") or {},
    } | {name: asked.get(name) for name in _ECHOED}


def _ended(finish_reason: str, usage: Mapping[str, Any] | None, council: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what a response says in the end over what it said in the beginning."""
    reason = _INCOMPLETE.get(finish_reason)
    return {
        "status": "incomplete" if reason else "completed",
        "incomplete_details": {"reason": reason} if reason else None,
        "usage": _usage(usage or {}),
    } | ({"council": dict(council)} if council is not None else {})


def _usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    prompt = usage.get("prompt_tokens_details") or {}
    completion = usage.get("completion_tokens_details") or {}
    given, made = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
    return {
        "input_tokens": given,
        "input_tokens_details": {
            "cached_tokens": int(prompt.get("cached_tokens") or 0),
            "cache_write_tokens": int(prompt.get("cache_write_tokens") or 0),
        },
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": int(completion.get("reasoning_tokens") or 0)},
        "total_tokens": given + made,
    }


def _text_part(words: str, logprobs: Sequence[Any] = ()) -> dict[str, Any]:
    return {"type": "output_text", "text": words, "annotations": [], "logprobs": list(logprobs)}


def _message_item(identity: str, status: str, content: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"id": identity, "type": "message", "status": status, "role": "assistant", "content": list(content)}


def _call_item(identity: str, call_id: str, name: str, arguments: str, status: str) -> dict[str, Any]:
    return {
        "id": identity,
        "type": "function_call",
        "status": status,
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
    }


def error_body(openai_error: Mapping[str, Any], status: int) -> dict[str, Any]:
    """Return an error in this form's shape, which is OpenAI's own."""
    del status
    return dict(openai_error)


class Events:
    """The events of one streamed answer: items that are added, filled and done one after the other."""

    def __init__(self, asked: Mapping[str, Any], request_id: str, created_s: int):
        """`asked` is the body that `to_chat` read."""
        self._identity = request_id
        self._response = _response(asked, request_id, created_s)
        self._sequence = -1
        # The last item may still be open, and so may its last part; `_pieces` is what has come of either.
        self._output: list[dict[str, Any]] = []
        self._item_open = self._part_open = False
        self._pieces: list[str] = []
        self._calls: list[int] = []
        self._finish_reason: str | None = None
        self._usage: Mapping[str, Any] | None = None

    def opening(self) -> bytes:
        """Return the events that start the response."""
        return self._event("response.created", response=self._response) + self._event(
            "response.in_progress", response=self._response
        )

    def chunk(self, chunk: Mapping[str, Any]) -> bytes:
        """Return what one chunk of the inner form amounts to. Raises ModelUnavailableError: tool calls mixed up."""
        self._usage = chunk.get("usage") or self._usage
        parts: list[bytes] = []
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            if delta.get("content"):
                logprobs = (choice.get("logprobs") or {}).get("content") or []
                parts.append(self._words(_text_part(""), delta["content"], logprobs))
            if delta.get("refusal"):
                parts.append(self._words({"type": "refusal", "refusal": ""}, delta["refusal"], ()))
            parts += [self._tool_piece(call) for call in delta.get("tool_calls") or ()]
            self._finish_reason = choice.get("finish_reason") or self._finish_reason
        return b"".join(parts)

    def ending(self, council: Mapping[str, Any] | None) -> bytes:
        """Return the last events; the `council` object rides inside the response."""
        assert self._finish_reason is not None, "a stream has a finish reason, or it has failed"
        ended = _ended(self._finish_reason, self._usage, council)
        # An answer that says nothing is still a message.
        empty = b"" if self._output else self._item_added(self._new_message())
        done = self._item_done(ended["status"])
        response = self._response | ended | {"output": self._output}
        return empty + done + self._event(f"response.{ended['status']}", response=response)

    def failed(self, error_body: Mapping[str, Any]) -> bytes:
        """Return the error as the last event: the response with `failed`, and what was written of it until then."""
        inner = error_body["error"]
        code = "rate_limit_exceeded" if inner.get("code") == "rate_limit_exceeded" else "server_error"
        error = {"code": code, "message": inner["message"], "type": inner.get("type"), "param": inner.get("param")}
        self._item_done("incomplete")
        response = self._response | {"status": "failed", "error": error, "output": self._output}
        return self._event("response.failed", response=response)

    def _event(self, kind: str, **more: Any) -> bytes:
        self._sequence += 1
        return events.named({"type": kind, "sequence_number": self._sequence, **more})

    def _words(self, part: dict[str, Any], words: str, logprobs: Sequence[Any]) -> bytes:
        """Return the events for a piece of text or refusal; `part` is the empty part that it belongs in."""
        opened = b""
        if not self._item_open or self._output[-1]["type"] != "message":
            opened += self._item_done("completed") + self._item_added(self._new_message())
        content = self._output[-1]["content"]
        if not self._part_open or content[-1]["type"] != part["type"]:
            opened += self._part_done()
            content.append(part)
            self._part_open = True
            opened += self._event("response.content_part.added", **self._place(), part=part)
        self._pieces.append(words)
        if part["type"] == "refusal":
            return opened + self._event("response.refusal.delta", **self._place(), delta=words)
        content[-1]["logprobs"] += logprobs
        return opened + self._event("response.output_text.delta", **self._place(), delta=words, logprobs=list(logprobs))

    def _part_done(self) -> bytes:
        if not self._part_open:
            return b""
        part = self._output[-1]["content"][-1]
        key = "refusal" if part["type"] == "refusal" else "text"
        part[key] = self._taken()
        self._part_open = False
        more = {key: part[key]} | ({"logprobs": part["logprobs"]} if key == "text" else {})
        return self._event(f"response.{part['type']}.done", **self._place(), **more) + self._event(
            "response.content_part.done", **self._place(), part=part
        )

    def _tool_piece(self, call: Mapping[str, Any]) -> bytes:
        index = int(call.get("index") or 0)
        function = call.get("function") or {}
        opened = b""
        if not self._item_open or self._output[-1]["type"] != "function_call" or self._calls[-1] != index:
            if index in self._calls or not function.get("name"):
                raise errors.ModelUnavailableError(
                    "The model's tool calls came mixed up, which this form cannot carry. Ask again.",
                    detail=f"a piece for tool call {index} after {self._calls[-8:]}",
                )
            self._calls.append(index)
            identity = f"{self._identity}_{index}"
            item = _call_item(
                f"fc_{identity}", call.get("id") or f"call_{identity}", function["name"], "", "in_progress"
            )
            opened = self._item_done("completed") + self._item_added(item)
        if not function.get("arguments"):
            return opened
        self._pieces.append(function["arguments"])
        return opened + self._event(
            "response.function_call_arguments.delta", **self._place(), delta=function["arguments"]
        )

    def _new_message(self) -> dict[str, Any]:
        # A second message, after tool calls, needs a name of its own.
        number = f"_{len(self._output)}" if self._output else ""
        return _message_item(f"msg_{self._identity}{number}", "in_progress", [])

    def _item_added(self, item: dict[str, Any]) -> bytes:
        self._output.append(item)
        self._item_open = True
        return self._event("response.output_item.added", output_index=len(self._output) - 1, item=item)

    def _item_done(self, status: str) -> bytes:
        if not self._item_open:
            return b""
        item = self._output[-1]
        done = self._part_done()
        if item["type"] == "function_call":
            item["arguments"] = self._taken()
            done += self._event(
                "response.function_call_arguments.done", **self._place(), name=item["name"], arguments=item["arguments"]
            )
        item["status"] = status
        self._item_open = False
        return done + self._event("response.output_item.done", output_index=len(self._output) - 1, item=item)

    def _place(self) -> dict[str, Any]:
        """Return where the open item is, and the open part where it is a message."""
        item = self._output[-1]
        where = {"item_id": item["id"], "output_index": len(self._output) - 1}
        return where | ({"content_index": len(item["content"]) - 1} if item["type"] == "message" else {})

    def _taken(self) -> str:
        taken = "".join(self._pieces)
        self._pieces.clear()
        return taken
