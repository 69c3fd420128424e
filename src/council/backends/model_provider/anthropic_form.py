"""Anthropic's Messages API as an upstream: the inner form, OpenAI's chat completions, translated to it and from it.

Pure: what travels and how is the provider's affair. What the API cannot do is refused by name, since a model that leaves
out what it was asked for gives a wrong answer without a sign. System messages are merged and go first, wherever they
stood. The model's thinking comes back as `reasoning_content`, and how a stop sequence was met as `stop_reason`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import orjson

from council.domain import errors, tool_uses

_DATA_URL = re.compile(r"data:(?P<kind>[\w.+-]+/[\w.+-]+);base64,(?P<data>.+)", re.DOTALL)
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_MESSAGE_CHARACTERS_MAX = 500

_REFUSED = {
    "logprobs": "no log-probabilities",
    "top_logprobs": "no log-probabilities",
    "logit_bias": "no bias",
    "seed": "no seed",
    "presence_penalty": "no penalties",
    "frequency_penalty": "no penalties",
    "functions": "tools only",
    "function_call": "tools only",
    "audio": "no audio",
    "prediction": "no predicted output",
    "verbosity": "no verbosity",
}
_FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
# Anthropic's type of error to the status that it amounts to; a stream's errors have no other.
_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


# The request


def request(chat: Mapping[str, Any], model: str, tokens_max_default: int) -> dict[str, Any]:
    """Return the body for Anthropic; `model` is the name there, `tokens_max_default` stands where the caller set no limit.

    `chat` has been checked by the gateway. Raises UnsupportedParameterError for what the API has no place for.
    """
    _refuse(chat)
    system, messages = _conversation(chat["messages"])
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": chat.get("max_completion_tokens") or chat.get("max_tokens") or tokens_max_default,
        "messages": messages,
    }
    if system:
        body["system"] = "\n\n".join(system)
    body |= {name: chat[name] for name in ("temperature", "top_p") if chat.get(name) is not None}
    if chat.get("stop"):
        body["stop_sequences"] = [chat["stop"]] if isinstance(chat["stop"], str) else list(chat["stop"])
    if chat.get("user"):
        body["metadata"] = {"user_id": chat["user"]}
    if chat.get("stream"):
        body["stream"] = True
    return body | _tools(chat) | _output(chat)


def _refuse(chat: Mapping[str, Any]) -> None:
    for name, reason in _REFUSED.items():
        # Zero, false and nothing ask for nothing; a seed of zero is a seed.
        if chat.get(name) or (name == "seed" and chat.get(name) is not None):
            _unsupported(name, f"{reason} with this model. Leave it out, or choose another model.")
    if (chat.get("n") or 1) != 1:
        _unsupported("n", "one answer a request with this model. Ask again for another.")
    if (chat.get("temperature") or 0) > 1:
        _unsupported("temperature", "at most 1 with this model. Lower it.")


def _conversation(messages: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the system texts, and turns that alternate between user and assistant, as the API wants them."""
    system: list[str] = []
    turns: list[dict[str, Any]] = []
    for index, message in enumerate(messages):
        place = f"messages.{index}"
        match message["role"]:
            case "system" | "developer":
                system += [block["text"] for block in _blocks(message.get("content"), place)]
                continue
            case "assistant":
                role, blocks = "assistant", _assistant_blocks(message, place)
            case "tool":
                role, blocks = "user", [_tool_result(message, place)]
            case _:
                role, blocks = "user", _blocks(message.get("content"), place)
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": role, "content": blocks})
    if not turns:
        raise errors.InvalidRequestError(
            "The conversation says nothing to this model. Add a message with text.", parameter="messages"
        )
    return system, turns


def _assistant_blocks(message: Mapping[str, Any], place: str) -> list[dict[str, Any]]:
    calls = [tool_uses.from_call(call) for call in message.get("tool_calls") or ()]
    said = [{"type": "text", "text": message["refusal"]}] if message.get("refusal") else []
    return [*_blocks(message.get("content"), place), *said, *calls]


def _tool_result(message: Mapping[str, Any], place: str) -> dict[str, Any]:
    return {
        "type": "tool_result",
        "tool_use_id": message["tool_call_id"],
        "content": _blocks(message.get("content"), place),
    }


def _blocks(content: Any, place: str) -> list[dict[str, Any]]:
    """Return content as blocks. Empty texts are left out: the API refuses them."""
    if content is None or isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    blocks: list[dict[str, Any]] = []
    for index, part in enumerate(content):
        match part["type"]:
            case "text" | "refusal" as kind:
                blocks += [{"type": "text", "text": part[kind]}] if part[kind] else []
            case "image_url":
                blocks.append(_image(part["image_url"]["url"], f"{place}.content.{index}"))
            case kind:
                _unsupported(f"{place}.content.{index}.type", f"no {kind} with this model. Send text or images.")
    return blocks


def _image(url: str, place: str) -> dict[str, Any]:
    if found := _DATA_URL.fullmatch(url):
        return {"type": "image", "source": {"type": "base64", "media_type": found["kind"], "data": found["data"]}}
    if not url.startswith(("https://", "http://")):
        _unsupported(f"{place}.image_url", "an image is a URL, or a data URL in base64. Send one of them.")
    return {"type": "image", "source": {"type": "url", "url": url}}


def _tools(chat: Mapping[str, Any]) -> dict[str, Any]:
    tools = []
    for index, tool in enumerate(chat.get("tools") or ()):
        if tool["type"] != "function":
            _unsupported(f"tools.{index}.type", "functions only with this model. Leave the tool out.")
        function = tool["function"]
        schema = function.get("parameters") or {"type": "object", "properties": {}}
        same = {name: function[name] for name in ("description", "strict") if function.get(name) is not None}
        tools.append({"name": function["name"], "input_schema": schema, **same})
    if not tools:
        return {}
    choice: dict[str, Any]
    match chat.get("tool_choice"):
        case None | "auto":
            choice = {"type": "auto"}
        case "none":
            choice = {"type": "none"}
        case "required":
            choice = {"type": "any"}
        case {"type": "function", "function": {"name": name}}:
            choice = {"type": "tool", "name": name}
        case _:
            _unsupported("tool_choice", "none, auto, required or one function with this model. Choose one of them.")
    if chat.get("parallel_tool_calls") is False and choice["type"] != "none":
        choice["disable_parallel_tool_use"] = True
    # Said only where it differs from what holds anyway.
    return {"tools": tools} | ({} if choice == {"type": "auto"} else {"tool_choice": choice})


def _output(chat: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    config: dict[str, Any] = {}
    effort = chat.get("reasoning_effort")
    if effort == "none":
        found["thinking"] = {"type": "disabled"}
    elif effort == "minimal":
        config["effort"] = "low"
    elif effort is not None:
        if effort not in _EFFORTS:
            _unsupported("reasoning_effort", f"one of {', '.join(_EFFORTS)} with this model. Choose one of them.")
        config["effort"] = effort
    wanted = chat.get("response_format") or {"type": "text"}
    match wanted["type"]:
        case "text":
            pass
        case "json_schema":
            config["format"] = {"type": "json_schema", "schema": wanted["json_schema"].get("schema") or {}}
        case _:
            _unsupported("response_format", "text or json_schema with this model. Give a schema.")
    return found | ({"output_config": config} if config else {})


def _unsupported(parameter: str, message: str) -> NoReturn:
    raise errors.UnsupportedParameterError(f"`{parameter}`: {message}", parameter=parameter)


# The answer


def completion(message: Mapping[str, Any], created_s: int) -> dict[str, Any]:
    """Return Anthropic's whole message in the inner form. Raises KeyError, TypeError or ValueError where it is none."""
    try:
        return _completion(message, created_s)
    except AttributeError as error:
        raise TypeError(str(error)) from error


def _completion(message: Mapping[str, Any], created_s: int) -> dict[str, Any]:
    blocks = message["content"]
    texts = [block["text"] for block in blocks if block["type"] == "text"]
    thoughts = [block["thinking"] for block in blocks if block["type"] == "thinking"]
    calls = [
        {
            "id": block["id"],
            "type": "function",
            "function": {"name": block["name"], "arguments": orjson.dumps(block["input"]).decode()},
        }
        for block in blocks
        if block["type"] == "tool_use"
    ]
    said: dict[str, Any] = {"role": "assistant", "content": "".join(texts) if texts or not calls else None}
    said["refusal"] = _refusal(message)
    if thoughts:
        said["reasoning_content"] = "".join(thoughts)
    if calls:
        said["tool_calls"] = calls
    choice = {"index": 0, "message": said, "logprobs": None, "finish_reason": _finish_reason(message["stop_reason"])}
    if message.get("stop_sequence") is not None:
        choice["stop_reason"] = message["stop_sequence"]
    return {
        "id": str(message["id"]),
        "object": "chat.completion",
        "created": created_s,
        "model": str(message["model"]),
        "choices": [choice],
        "usage": _usage(message["usage"]),
    }


def _finish_reason(stop_reason: str | None) -> str:
    return _FINISH_REASONS.get(stop_reason or "", "stop")


def _refusal(stopped: Mapping[str, Any]) -> str | None:
    """Return why the model refused, where it says so."""
    explanation = (stopped.get("stop_details") or {}).get("explanation")
    return explanation if stopped["stop_reason"] == "refusal" and isinstance(explanation, str) else None


def _usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Return token counts in OpenAI's shape, where the prompt includes what the cache read or wrote."""
    read = _count(usage.get("cache_read_input_tokens"))
    written = _count(usage.get("cache_creation_input_tokens"))
    prompt = _count(usage.get("input_tokens")) + read + written
    made = _count(usage.get("output_tokens"))
    thought = _count((usage.get("output_tokens_details") or {}).get("thinking_tokens"))
    return {
        "prompt_tokens": prompt,
        "completion_tokens": made,
        "total_tokens": prompt + made,
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": written},
        "completion_tokens_details": {"reasoning_tokens": thought},
    }


def _count(value: Any) -> int:
    """Return a count of tokens. Below zero it would be money given back. Raises TypeError: not an integer."""
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("a count of tokens must be an integer")
    return max(0, value)


def failure(body: Any, status: int) -> tuple[int, str]:
    """Return status and message of an error; 200 stands for an error inside a stream, whose type says the status."""
    inner = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(inner, Mapping):
        return (status if status != 200 else 500), "an error without an error object"
    message = str(inner.get("message", ""))[:_MESSAGE_CHARACTERS_MAX]
    return (status if status != 200 else _STATUSES.get(str(inner.get("type")), 500)), message


class Chunks:
    """Anthropic's events in, chunks of the inner form out.

    `done` says whether the message ended as it should; a stream that closes before that has broken off. An `error` event
    becomes a chunk with `error` alone, with the status that `failure` gives it as its `code`.
    """

    def __init__(self, created_s: int):
        self._head: dict[str, Any] = {"object": "chat.completion.chunk", "created": created_s}
        # Block to index among the tool calls.
        self._calls: dict[int, int] = {}
        # Blocks of tool calls whose arguments have not come.
        self._bare: set[int] = set()
        self._usage: dict[str, Any] = {}
        self.done = False

    def feed(self, event: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the chunks of one event, often none. Raises KeyError, TypeError or ValueError where it is no such event."""
        try:
            return self._fed(event)
        except AttributeError as error:
            raise TypeError(str(error)) from error

    def _fed(self, event: Mapping[str, Any]) -> list[dict[str, Any]]:
        match event["type"]:
            case "message_start":
                message = event["message"]
                self._head |= {"id": str(message["id"]), "model": str(message["model"])}
                self._usage |= message.get("usage") or {}
                return [self._chunk({"role": "assistant", "content": ""})]
            case "content_block_start":
                return self._block(int(event["index"]), event["content_block"])
            case "content_block_delta":
                return self._delta(int(event["index"]), event["delta"])
            case "content_block_stop" if int(event["index"]) in self._bare:
                # A call without arguments streams none, and no JSON object is written as nothing.
                return self._arguments(int(event["index"]), "{}")
            case "message_delta":
                # Counts are totals so far; one that is not there has not changed.
                self._usage |= {name: count for name, count in (event.get("usage") or {}).items() if count is not None}
                return self._stopped(event["delta"]) if event["delta"]["stop_reason"] is not None else []
            case "message_stop":
                self.done = True
                return [{**self._head, "choices": [], "usage": _usage(self._usage)}]
            case "error":
                status, message = failure(event, 200)
                kind = str((event.get("error") or {}).get("type", ""))
                return [{"error": {"code": status, "type": kind, "message": message}}]
            case _:
                # `ping`, `content_block_stop`, and what may come to be: the API asks its clients to pass over it.
                return []

    def _block(self, index: int, block: Mapping[str, Any]) -> list[dict[str, Any]]:
        match block["type"]:
            case "text" if block.get("text"):
                return [self._chunk({"content": block["text"]})]
            case "tool_use":
                number = self._calls[index] = len(self._calls)
                self._bare.add(index)
                function = {"name": block["name"], "arguments": ""}
                call = {"index": number, "id": block["id"], "type": "function", "function": function}
                return [self._chunk({"tool_calls": [call]})]
            case _:
                return []

    def _delta(self, index: int, delta: Mapping[str, Any]) -> list[dict[str, Any]]:
        match delta["type"]:
            case "text_delta":
                return [self._chunk({"content": delta["text"]})]
            case "thinking_delta":
                return [self._chunk({"reasoning_content": delta["thinking"]})]
            case "input_json_delta" if delta["partial_json"] and index in self._calls:
                return self._arguments(index, delta["partial_json"])
            case _:
                return []

    def _arguments(self, index: int, piece: str) -> list[dict[str, Any]]:
        self._bare.discard(index)
        call = {"index": self._calls[index], "function": {"arguments": piece}}
        return [self._chunk({"tool_calls": [call]})]

    def _stopped(self, delta: Mapping[str, Any]) -> list[dict[str, Any]]:
        refusal = _refusal(delta)
        chunk = self._chunk({"refusal": refusal} if refusal else {}, _finish_reason(delta["stop_reason"]))
        if delta.get("stop_sequence") is not None:
            chunk["choices"][0]["stop_reason"] = delta["stop_sequence"]
        return [chunk]

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {**self._head, "choices": [choice]}
