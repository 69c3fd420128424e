"""What travels over HTTP: requests checked strictly, answers in OpenAI's shape with the `council` object inside.

What this version does not support is typed so that only its harmless value passes, and refused by name, never ignored. A
request for a provider's model is checked and then passed on as it came: what only that model knows stays in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

import orjson
import pydantic

from council import ports
from council.domain import answers, errors, ways
from council.gateway.wire import events, fields

_SEED_BITS = 0xFFFF_FFFF

_STRICT = pydantic.ConfigDict(strict=True, extra="ignore")


class Part(pydantic.BaseModel):
    """A part of a message: text, or something that only a model of a provider reads."""

    model_config = _STRICT
    type: Annotated[str, pydantic.Field(min_length=1, max_length=50)]
    text: str | None = None

    @pydantic.model_validator(mode="after")
    def _text_has_text(self) -> "Part":
        if self.type == "text" and self.text is None:
            raise ValueError("a part of type text needs `text`")
        return self


class Function(pydantic.BaseModel):
    """A function's name, and its arguments where it was called."""

    model_config = _STRICT
    name: Annotated[str, pydantic.Field(min_length=1, max_length=200)]
    arguments: str = ""


class ToolCall(pydantic.BaseModel):
    """A call that the model made."""

    model_config = _STRICT
    id: str
    function: Function


class ChatMessage(pydantic.BaseModel):
    """One turn; `content` is text or a list of parts, and may be missing where the model called tools."""

    model_config = _STRICT
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | Annotated[list[Part], pydantic.Field(max_length=1000)] | None = None
    name: str | None = None
    tool_calls: Annotated[list[ToolCall], pydantic.Field(max_length=1000)] | None = None
    tool_call_id: str | None = None

    @pydantic.model_validator(mode="after")
    def _says_something(self) -> "ChatMessage":
        if self.content is None and not (self.role == "assistant"):
            raise ValueError("`content` is missing")
        if self.content == [] and not self.tool_calls:
            raise ValueError("`content` is empty")
        if self.role == "tool" and not self.tool_call_id:
            raise ValueError("a message of the role tool needs `tool_call_id`")
        return self

    @property
    def plain(self) -> bool:
        """Whether it is text, as the specialists read it."""
        textual = not isinstance(self.content, list) or all(part.type == "text" for part in self.content)
        return textual and not self.tool_calls and self.role not in ("tool", "function")

    def text(self) -> str:
        """Return the content as one text."""
        if isinstance(self.content, list):
            return "".join(part.text or "" for part in self.content)
        return self.content or ""


class StreamOptions(pydantic.BaseModel):
    """Options of a streamed answer."""

    model_config = _STRICT
    include_usage: bool | None = None


class ResponseFormat(pydantic.BaseModel):
    """The form that an answer must have."""

    model_config = _STRICT
    type: Literal["text", "json_object", "json_schema"]
    json_schema: dict[str, Any] | None = None


class Tool(pydantic.BaseModel):
    """A tool that the model may call; only functions are."""

    model_config = _STRICT
    type: Annotated[str, pydantic.Field(min_length=1, max_length=50)]
    function: Function | None = None

    @pydantic.model_validator(mode="after")
    def _function_is_there(self) -> "Tool":
        if self.type == "function" and self.function is None:
            raise ValueError("a tool of type function needs `function`")
        return self


def _integral(value: Any) -> Any:
    """Take 3.0 for 3: JSON has one kind of number, and its schema calls both integers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _boolean(value: Any) -> Any:
    """Take true and false alone: Python calls 0 equal to false, JSON does not."""
    if value is not None and not isinstance(value, bool):
        raise ValueError("Input should be true or false")
    return value


def _number(value: Any) -> Any:
    """Take no true for 1, and no false for 0."""
    if isinstance(value, bool):
        raise ValueError("Input should be a number")  # noqa: TRY004 - what pydantic takes for a refusal
    return value


# Last in an annotation, or the bounds before it are lost from the schema.
_INTEGRAL = pydantic.BeforeValidator(_integral)
_BOOLEAN, _NUMBER = pydantic.BeforeValidator(_boolean), pydantic.BeforeValidator(_number)
_Empty = Annotated[list[Any], pydantic.Field(max_length=0)]
_StopText = Annotated[str, pydantic.Field(min_length=1, max_length=200)]


class ChatRequest(pydantic.BaseModel):
    """The body of POST /v1/chat/completions."""

    model_config = _STRICT
    model: Annotated[str, pydantic.Field(min_length=1, max_length=200)]
    messages: Annotated[list[ChatMessage], pydantic.Field(min_length=1, max_length=100_000)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, pydantic.Field(ge=1, le=1_048_576), _INTEGRAL] | None = None
    max_completion_tokens: Annotated[int, pydantic.Field(ge=1, le=1_048_576), _INTEGRAL] | None = None
    temperature: Annotated[float, pydantic.Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, pydantic.Field(gt=0, le=1)] | None = None
    seed: Annotated[int, pydantic.Field(ge=-(2**63), lt=2**63), _INTEGRAL] | None = None
    stop: _StopText | Annotated[list[_StopText], pydantic.Field(max_length=4)] | None = None
    user: str | None = None
    n: Annotated[int, pydantic.Field(ge=1, le=16), _INTEGRAL] | None = None
    logprobs: Annotated[bool, _BOOLEAN] | None = None
    top_logprobs: Annotated[int, pydantic.Field(ge=0, le=20), _INTEGRAL] | None = None
    logit_bias: Annotated[dict[str, Any], pydantic.Field(max_length=1000)] | None = None
    tools: Annotated[list[Tool], pydantic.Field(max_length=128)] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    functions: _Empty | None = None
    response_format: ResponseFormat | None = None
    modalities: list[Literal["text"]] | None = None
    memory: Annotated[bool, _BOOLEAN] | None = None
    session: Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9._:@-]{0,128}$")] | None = None
    cache: Literal["off", "exact", "semantic"] | None = None
    presence_penalty: Annotated[float, pydantic.Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, pydantic.Field(ge=-2, le=2)] | None = None

    @property
    def special(self) -> str:
        """Return the first parameter that only a model itself can honour, no specialist; empty where there is none."""
        asked = {
            "n": (self.n or 1) > 1,
            "logprobs": self.logprobs,
            "logit_bias": self.logit_bias,
            "tools": self.tools,
            "response_format": self.response_format is not None and self.response_format.type != "text",
            "presence_penalty": self.presence_penalty,
            "frequency_penalty": self.frequency_penalty,
            "messages": not all(message.plain for message in self.messages),
        }
        return next((name for name, special in asked.items() if special), "")

    @property
    def needs(self) -> frozenset[str]:
        """Return the abilities that a model must have for this."""
        found = {
            "tools": bool(self.tools),
            "json_schema": self.response_format is not None and self.response_format.type == "json_schema",
            "logprobs": bool(self.logprobs),
            "images": any(
                isinstance(message.content, list) and any(part.type != "text" for part in message.content)
                for message in self.messages
            ),
        }
        return frozenset(name for name, needed in found.items() if needed)

    def sampling(self, tokens_max_default: int) -> answers.Sampling:
        """Return how the model may generate."""
        stop = self.stop if isinstance(self.stop, list) else [self.stop] if self.stop else []
        return answers.Sampling(
            tokens_max=self.max_completion_tokens or self.max_tokens or tokens_max_default,
            temperature=self.temperature,
            top_p=self.top_p,
            seed=None if self.seed is None else self.seed & _SEED_BITS,
            stop=tuple(stop),
        )


_UNSUPPORTED = {
    "modalities": "text only",
    "functions": "`tools` took its place",
}


def parse(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in a body. Raises MalformedBodyError."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise errors.MalformedBodyError(f"The body is not valid JSON in UTF-8: {error}. Send a JSON object.") from error
    if not isinstance(body, dict):
        raise errors.MalformedBodyError("The body must be a JSON object. Correct it and send again.")
    return body


def check_chat(body: dict[str, Any], messages_max: int) -> ChatRequest:
    """Return the request in a body. Raises MalformedBodyError, UnsupportedParameterError, InvalidRequestError."""
    try:
        request = ChatRequest.model_validate(body)
    except pydantic.ValidationError as error:
        raise _explained(error) from None
    if len(request.messages) > messages_max:
        raise errors.InvalidRequestError(
            f"The request has {len(request.messages)} messages; the limit is {messages_max}. Send fewer.",
            parameter="messages",
        )
    _check_conflicts(request)
    return request


def check_native(body: dict[str, Any]) -> ChatRequest:
    """Return what Council itself must know of a request that goes on as it came. Raises MalformedBodyError."""
    stream = body.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise errors.MalformedBodyError("`stream`: Input should be true or false. Correct it.", parameter="stream")
    for name in ("max_tokens", "max_output_tokens", "n", "best_of"):
        value = body.get(name)
        whole = isinstance(value, int) and not isinstance(value, bool)
        whole = whole or (isinstance(value, float) and value.is_integer())
        if value is not None and (not whole or value < 1):
            raise errors.MalformedBodyError(f"`{name}`: Input should be a whole number from 1.", parameter=name)
    tools = [Tool.model_construct(type="function")] if body.get("tools") else None
    return ChatRequest.model_construct(
        model=str(body["model"]), messages=[], stream=stream, tools=tools, memory=body.get("memory") or None
    )


def _check_conflicts(request: ChatRequest) -> None:
    """Refuse parameters that contradict each other, as whoever sent them cannot mean both."""
    fewest, most = request.max_tokens, request.max_completion_tokens
    conflicts = (
        ("max_tokens", None not in (fewest, most) and fewest != most, "differs from `max_completion_tokens`; give one"),
        ("top_logprobs", bool(request.top_logprobs) and not request.logprobs, "needs `logprobs: true`"),
        ("stream_options", request.stream_options is not None and not request.stream, "needs `stream: true`"),
        (
            "tool_choice",
            request.tool_choice not in (None, "none", "auto") and not request.tools,
            "asks for a tool, and `tools` names none",
        ),
        (
            "response_format",
            request.response_format is not None
            and request.response_format.type == "json_schema"
            and not isinstance((request.response_format.json_schema or {}).get("schema"), dict),
            "of the type json_schema needs `json_schema.schema`",
        ),
    )
    for name, conflict, why in conflicts:
        if conflict:
            raise errors.InvalidRequestError(f"`{name}` {why}. Correct it and send again.", parameter=name)


def _explained(error: pydantic.ValidationError) -> errors.InvalidRequestError:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    top = str(first["loc"][0]) if first["loc"] else ""
    if top in _UNSUPPORTED:
        return errors.UnsupportedParameterError(
            f"`{top}` has a value that this version does not support ({_UNSUPPORTED[top]}). Leave it out.",
            parameter=top,
        )
    where = f"`{place}`: " if place else ""
    return errors.MalformedBodyError(
        f"{where}{fields.worded(first)}. Correct it and send again.", parameter=place or None
    )


def council_object(answer: answers.Answer) -> dict[str, Any]:
    """Return what Council tells about an answer beside its text."""
    finding = answer.finding
    return {
        "request_id": answer.request_id,
        "route": str(answer.route),
        "specialist": answer.specialist,
        "model": finding.model,
        "confidence": finding.confidence,
        "verified": finding.evidence.level.verified,
        "refused": finding.refused,
        "evidence": {
            "level": str(finding.evidence.level),
            "summary": finding.evidence.summary,
            "detail": dict(finding.evidence.detail),
            "passed_on": [ways.passed_form(one) for one in answer.passed],
            "escalation": ways.escalation_form(answer.escalation),
        },
        "escalated": answer.escalated,
        "cached": finding.evidence.detail.get("cached"),
        "cost_usd_micros": answer.cost_usd_micros,
        "tokens": {"prompt": finding.usage.prompt_tokens, "completion": finding.usage.completion_tokens},
        "timings_ms": dict(answer.timings_ms),
        "route_reasons": list(answer.route_reasons),
        "passed_on": dict(answer.passed_on),
        "degraded": list(answer.degraded),
        "provider": answer.provider or None,
        "tried": list(answer.tried),
        **({} if answer.memory is None else {"memory": dict(answer.memory)}),
        **({} if answer.trial is None else {"trial": {"generation": answer.generation, **asdict(answer.trial)}}),
        "generation": answer.generation,
        "cid": answer.cid,
    }


def usage_object(usage: answers.Usage) -> dict[str, int]:
    """Return token counts in OpenAI's shape."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


# Council's own parameters, which no provider knows.
_OWN = frozenset({"memory", "session", "cache"})


def foreign(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a request without what only Council reads."""
    return body if _OWN.isdisjoint(body) else {name: value for name, value in body.items() if name not in _OWN}


def relayed(reply: ports.ModelReply, answer: answers.Answer) -> bytes:
    """Return a reply as it came, with the `council` object put in last."""
    council = b',"council":' + orjson.dumps(council_object(answer)) + b"}"
    body = reply.raw.rstrip()
    # Unless the reply brings a `council` of its own, or is no object that was closed as usual, its bytes stay as they are.
    if "council" not in reply.data and body.endswith(b"}") and len(reply.data):
        return body[:-1] + council
    return orjson.dumps({**reply.data, "council": council_object(answer)})


def completion(answer: answers.Answer, model: str, created_s: int) -> dict[str, Any]:
    """Return a whole answer as OpenAI's chat.completion, less the `council` object."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": answer.finding.text, "refusal": None},
        "logprobs": None,
        "finish_reason": answer.finding.finish_reason,
    }
    return {
        "id": f"chatcmpl-{answer.request_id}",
        "object": "chat.completion",
        "created": created_s,
        "model": model,
        "choices": [choice],
        "usage": usage_object(answer.finding.usage),
    }


class ChatOutlet:
    """OpenAI's chunks. Those of a provider pass as they came, but the last waits for the `council` object."""

    def __init__(self, request_id: str, model: str, created_s: int, include_usage: bool):
        self._head = {
            "id": f"chatcmpl-{request_id}",
            "object": "chat.completion.chunk",
            "created": created_s,
            "model": model,
        }
        self._include_usage = include_usage
        self._relayed = False
        self._last: Mapping[str, Any] | None = None

    def opening(self) -> bytes:
        """Return nothing: a provider's first chunk names the role itself, and the cascade's comes with its first words."""
        return b""

    def said(self, parts: Sequence[answers.Delta | ports.ModelEvent]) -> bytes:
        """Return the words as chunks."""
        return b"".join([self._delta(part) if isinstance(part, answers.Delta) else self._event(part) for part in parts])

    def _delta(self, delta: answers.Delta) -> bytes:
        opening = b""
        if self._last is None:
            opening = self._chunk([self._choice({"role": "assistant", "content": ""}, None)])
            self._last = {}
        return opening + self._chunk([self._choice({"content": delta.text}, None)])

    def _event(self, event: ports.ModelEvent) -> bytes:
        self._relayed = True
        if event.done or (event.ends and not event.data["choices"] and not self._include_usage):
            return b""
        held = b"" if self._last is None else events.plain(self._last)
        self._last = event.data if event.ends else None
        return held if event.ends else held + event.raw

    def ending(self, answer: answers.Answer) -> bytes:
        """Return the last chunks; the `council` object rides in the last one before [DONE]."""
        council = {"council": council_object(answer)}
        if self._relayed:
            return events.plain({**(self._last or {**self._head, "choices": []}), **council}) + events.DONE
        opening = b"" if self._last is not None else self._delta(answers.Delta(""))
        finish = [self._choice({}, answer.finding.finish_reason)]
        if not self._include_usage:
            return opening + self._chunk(finish, council) + events.DONE
        usage = {"usage": usage_object(answer.finding.usage), **council}
        return opening + self._chunk(finish) + self._chunk([], usage) + events.DONE

    def failed(self, body: dict[str, Any]) -> bytes:
        """Return an error as the last event; no [DONE] follows, so that it is never taken for a clean stop."""
        return events.plain(body)

    def _choice(self, delta: dict[str, Any], finish_reason: str | None) -> dict[str, Any]:
        return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}

    def _chunk(self, choices: list[dict[str, Any]], more: dict[str, Any] | None = None) -> bytes:
        chunk = {**self._head, "choices": choices}
        if self._include_usage:
            chunk["usage"] = None
        return events.plain({**chunk, **(more or {})})
