"""What the model process asks llama.cpp for, and how it reads the chunks that come: pure.

Only named fields are passed on, since llama.cpp knows many more. What it does not do, or not as OpenAI's API says, is made
up for here:

- `n`: one generation after the other, their usage summed; llama.cpp's own would take as many slots as answers.
- `response_format`: llama.cpp holds the model to keys, types, enums, and the bounds of integers; not to `minimum` and
  `maximum` of type `number`.
- `tool_choice` "required" or one function: the model is held to a JSON schema over the arguments, and what it writes is
  told as a tool call. "none" leaves the tools out.
- `tool_choice` "auto": llama.cpp's own way where the model's template shows tools; otherwise the model cannot know of
  them, and answers in words.
- Earlier calls and their results, where the template shows none: results are shown as words of the user, never of the
  system, since they come from outside.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import orjson

from council.domain import errors

# More would hold a slot for minutes.
ANSWERS_MAX = 16

_PASSED = (
    "temperature",
    "top_p",
    "stop",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
)
# What reading a body of another shape raises.
_SHAPES = (LookupError, TypeError, AttributeError, ValueError, OverflowError)
_CHOICES = ("none", "auto", "required")
# How a call begins where the model chooses among several functions.
_CALL_HEAD = re.compile(r'\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*')

_PROBE = [{"role": "user", "content": "Hi"}]
_PROBE_TOOL = {
    "type": "function",
    "function": {"name": "probe", "description": "A probe.", "parameters": {"type": "object", "properties": {}}},
}


@dataclass(frozen=True, slots=True)
class Plan:
    """One request, ready for llama.cpp. `body` is asked `answers` times, each with a seed of its own if there is one.

    `call` is the function that must be called: its name, or "" where the model chooses it. `top_logprobs` is how many
    the caller wants of each token, None where no log-probabilities were asked for.
    """

    model: str
    body: Mapping[str, Any]
    answers: int
    include_usage: bool
    top_logprobs: int | None
    call: str | None = None

    def asked(self, index: int) -> dict[str, Any]:
        """Return the body for answer number `index`."""
        seed = {"seed": (self.body["seed"] + index) & 0xFFFF_FFFF} if "seed" in self.body else {}
        return {**self.body, **seed, "stream": True, "stream_options": {"include_usage": True}}


# The request


def chat(body: Mapping[str, Any], model: str, tokens_max_default: int, shows_tools: Callable[[], bool]) -> Plan:
    """Return the plan for a chat; `shows_tools` is asked only where it matters.

    Raises InvalidRequestError, also for what the gateway should have refused.
    """
    try:
        return _chat(body, model, tokens_max_default, shows_tools)
    except _SHAPES as error:
        raise _malformed(error) from error


def completion(body: Mapping[str, Any], model: str, tokens_max_default: int) -> Plan:
    """Return the plan for going on with a raw text. Raises InvalidRequestError."""
    try:
        count = None if body.get("logprobs") is None else int(body["logprobs"])
        asked = {"prompt": _prompt(body["prompt"]), **_sampling(body, tokens_max_default)}
        if count is not None:
            asked["logprobs"] = max(1, count)
        return Plan(model, asked, _answers(body), _include_usage(body), count)
    except _SHAPES as error:
        raise _malformed(error) from error


def _prompt(prompt: Any) -> str:
    """Return the text; llama.cpp would also take tokens, and several prompts at once."""
    if not isinstance(prompt, str):
        _unsupported("prompt", "`prompt` must be one text. Send one a request.")
    return prompt


def _malformed(error: Exception) -> errors.MalformedBodyError:
    return errors.MalformedBodyError(f"The body has another shape: {type(error).__name__}: {error}"[:300])


def _chat(body: Mapping[str, Any], model: str, tokens_max_default: int, shows_tools: Callable[[], bool]) -> Plan:
    messages = [_flat(message, f"messages.{index}") for index, message in enumerate(body["messages"])]
    if any(message["role"] == "tool" or message.get("tool_calls") for message in messages) and not shows_tools():
        messages = _as_words(messages)
    top = int(body.get("top_logprobs") or 0) if body.get("logprobs") else None
    asked = _sampling(body, tokens_max_default)
    if top is not None:
        # With none named llama.cpp sends 20 of each token, with 0 no log-probabilities at all.
        asked |= {"logprobs": True, "top_logprobs": max(1, top)}
    tools = body.get("tools") or []
    choice = body.get("tool_choice") or "auto"
    call: str | None = None
    if tools and choice != "none":
        if choice != "auto":
            called = _called(tools, choice)
            messages = _told(messages, called)
            call = called[0]["name"] if len(called) == 1 else ""
            asked["response_format"] = _schema(_calls_schema(called))
        elif shows_tools():
            asked |= {"tools": tools, "parallel_tool_calls": body.get("parallel_tool_calls") is not False}
    if call is None and body.get("response_format"):
        asked["response_format"] = body["response_format"]
    return Plan(model, asked | {"messages": messages}, _answers(body), _include_usage(body), top, call)


def _sampling(body: Mapping[str, Any], tokens_max_default: int) -> dict[str, Any]:
    asked = {name: body[name] for name in _PASSED if body.get(name) is not None}
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    asked["max_tokens"] = tokens_max_default if limit is None else limit
    if body.get("seed") is not None:
        asked["seed"] = int(body["seed"]) & 0xFFFF_FFFF
    return asked


def _answers(body: Mapping[str, Any]) -> int:
    count = 1 if body.get("n") is None else int(body["n"])
    if not 1 <= count <= ANSWERS_MAX:
        _unsupported("n", f"The local model gives 1 to {ANSWERS_MAX} answers a request. Ask again for more.")
    return count


def _include_usage(body: Mapping[str, Any]) -> bool:
    return bool((body.get("stream_options") or {}).get("include_usage"))


def _flat(message: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return a message whose content is one text: templates differ in how they join parts."""
    content = message.get("content")
    if not isinstance(content, str | None):
        for index, part in enumerate(content):
            if part["type"] not in ("text", "refusal"):
                _unsupported(
                    f"{place}.content.{index}.type", f"The local model reads text alone, no {part['type']}. Send text."
                )
        content = "".join(part[part["type"]] for part in content)
    role = "system" if message["role"] == "developer" else message["role"]
    kept = {name: message[name] for name in ("tool_calls", "tool_call_id") if message.get(name)}
    return {"role": role, "content": content or message.get("refusal") or "", **kept}


def _as_words(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the conversation with calls and results told in words, for a template that knows neither."""
    names: dict[str, str] = {}
    told: list[dict[str, Any]] = []
    for message in messages:
        role, content = message["role"], message["content"]
        for call in message.get("tool_calls") or ():
            function = call["function"]
            names[call["id"]] = function["name"]
            content = f"{content}\nI call {function['name']} with {function['arguments']}.".lstrip()
        if role == "tool":
            name = names.get(message["tool_call_id"], "the function")
            role, content = "user", f"Result of {name}:\n{content}"
        # Templates that want user and assistant by turns refuse two of one kind.
        if told and told[-1]["role"] == role:
            told[-1]["content"] += f"\n\n{content}"
        else:
            told.append({"role": role, "content": content})
    return told


def _called(tools: Sequence[Mapping[str, Any]], choice: Any) -> list[Mapping[str, Any]]:
    """Return the functions that may be called where one must be."""
    functions = [tool["function"] for tool in tools]
    if isinstance(choice, str):
        if choice not in _CHOICES:
            _unsupported("tool_choice", f"`tool_choice` is {choice[:60]!r}. Use none, auto, required or one function.")
        return functions
    wanted = choice["function"]["name"]
    named = [function for function in functions if function["name"] == wanted]
    if not named:
        _unsupported("tool_choice", f"`tool_choice` names {wanted[:60]!r}, which is not among `tools`. Add it.")
    return named[:1]


def _parameters(function: Mapping[str, Any]) -> Any:
    return function.get("parameters") or {"type": "object", "properties": {}}


def _told(messages: Sequence[dict[str, Any]], functions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the conversation with the functions described at its head: a schema bounds the model and tells it nothing."""
    lines = [
        f"- {function['name']}: {function.get('description') or 'no description'} "
        f"Arguments: {orjson.dumps(_parameters(function)).decode()}"
        for function in functions
    ]
    what = "the arguments of a call of this function" if len(functions) == 1 else "a call of one of these functions"
    words = f"Answer with {what}, as JSON.\n" + "\n".join(lines)
    first = messages[0] if messages and messages[0]["role"] == "system" else None
    if first is None:
        return [{"role": "system", "content": words}, *messages]
    return [{"role": "system", "content": f"{first['content']}\n\n{words}"}, *messages[1:]]


def _calls_schema(functions: Sequence[Mapping[str, Any]]) -> Any:
    """Return the schema of the arguments of one function, or of a call of one among several."""
    if len(functions) == 1:
        return _parameters(functions[0])
    return {
        "anyOf": [
            {
                "type": "object",
                "properties": {"name": {"const": function["name"]}, "arguments": _parameters(function)},
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
            for function in functions
        ]
    }


def _schema(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "call", "schema": schema}}


def _unsupported(parameter: str, message: str) -> NoReturn:
    raise errors.UnsupportedParameterError(message, parameter=parameter)


def probes() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return two bodies, the same but for a tool: only a template that shows tools makes the second prompt longer."""
    plain = {"messages": _PROBE, "max_tokens": 1, "stream": True, "stream_options": {"include_usage": True}}
    return plain, {**plain, "tools": [_PROBE_TOOL]}


# What comes back


def error_chunk(error: errors.CouncilError) -> dict[str, Any]:
    """Return an error in the shape that llama.cpp has for its own."""
    return {"error": {"code": 400, "type": error.code, "message": error.message, "param": error.parameter}}


class Reader:
    """The chunks of all generations of one plan, made one stream: one id, one usage, tool calls where one was forced."""

    def __init__(self, plan: Plan):
        self._plan = plan
        self._id: str | None = None
        self._head: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._call = _ForcedCall(plan.call) if plan.call is not None else None
        self._index = 0
        self.failed = False

    def begin(self, index: int) -> None:
        """Say that answer number `index` begins."""
        self._index = index
        if self._plan.call is not None:
            self._call = _ForcedCall(self._plan.call)

    def read(self, chunk: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return what to send for a chunk of llama.cpp; None for nothing."""
        if chunk.get("error"):
            self.failed = True
            return dict(chunk)
        self._count(chunk.get("usage"))
        self._id = self._id or str(chunk.get("id"))
        self._head = {
            "id": self._id,
            "object": chunk.get("object"),
            "created": chunk.get("created"),
            # llama.cpp tells the path of the file.
            "model": self._plan.model,
        }
        if not chunk.get("choices"):
            return None
        return {**self._head, "choices": [self._choice(choice) for choice in chunk["choices"]]}

    def ending(self) -> dict[str, Any] | None:
        """Return the last chunk, with the usage of all answers, where it was asked for."""
        if self.failed or not self._plan.include_usage:
            return None
        return {**self._head, "choices": [], "usage": self._usage}

    def _count(self, usage: Mapping[str, Any] | None) -> None:
        """Add one answer's usage; the prompt is one, however many answers it gets."""
        if not usage:
            return
        made = usage["completion_tokens"] + self._usage.get("completion_tokens", 0)
        prompt = self._usage.get("prompt_tokens", usage["prompt_tokens"])
        details = self._usage.get("prompt_tokens_details", usage.get("prompt_tokens_details"))
        self._usage = {"prompt_tokens": prompt, "completion_tokens": made, "total_tokens": prompt + made}
        self._usage |= {"prompt_tokens_details": details} if details else {}

    def _choice(self, choice: Mapping[str, Any]) -> dict[str, Any]:
        entries = (choice.get("logprobs") or {}).get("content")
        read = {**choice, "index": self._index, "logprobs": self._logprobs(entries) if entries else None}
        if "delta" in choice and self._call is not None:
            read |= self._call.read(choice["delta"], choice.get("finish_reason"), f"{self._id}_{self._index}")
        return read

    def _logprobs(self, entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        top = self._plan.top_logprobs or 0
        kept = [
            {
                **{name: entry[name] for name in ("token", "logprob", "bytes")},
                "top_logprobs": [
                    {name: other[name] for name in ("token", "logprob", "bytes")}
                    for other in entry["top_logprobs"][:top]
                ],
            }
            for entry in entries
        ]
        return {"content": kept, "refusal": None}


class _ForcedCall:
    """The JSON that a model was held to, read piece by piece as one tool call."""

    def __init__(self, name: str):
        self._name = name
        self._chosen = bool(name)
        self._begun = False
        self._held = ""

    def read(self, delta: Mapping[str, Any], finish_reason: str | None, identity: str) -> dict[str, Any]:
        """Return delta and finish reason as a tool call's."""
        self._held += delta.get("content") or ""
        told: dict[str, Any] = {"role": "assistant", "content": None} if delta.get("role") else {}
        arguments = self._arguments(finish_reason)
        if self._name and not self._begun and (arguments or finish_reason):
            self._begun = True
            function = {"name": self._name, "arguments": arguments}
            call = {"index": 0, "id": f"call_{identity}", "type": "function", "function": function}
            told["tool_calls"] = [call]
        elif arguments:
            told["tool_calls"] = [{"index": 0, "function": {"arguments": arguments}}]
        return {"delta": told, "finish_reason": "tool_calls" if finish_reason == "stop" else finish_reason}

    def _arguments(self, finish_reason: str | None) -> str:
        """Return what is certain of the arguments; where the model chose, the last brace is not theirs."""
        if self._chosen:
            arguments, self._held = self._held, ""
            return arguments
        if not self._name:
            head = _CALL_HEAD.match(self._held)
            if head is None:
                return ""
            self._name = str(orjson.loads(head.group(1)))
            self._held = self._held[head.end() :]
        if finish_reason == "stop":
            return self._held.rstrip().removesuffix("}").rstrip()
        if finish_reason is not None:
            return self._held
        end = len(self._held.rstrip(" \t\r\n}"))
        arguments, self._held = self._held[:end], self._held[end:]
        return arguments
