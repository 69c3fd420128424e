"""What travels over HTTP: requests checked strictly, answers in OpenAI's shape with the `council` object inside.

What this version does not support is typed so that only its harmless value passes, and refused by name, never ignored.
"""

from typing import Annotated, Any, Literal

import orjson
import pydantic

from council.domain import answers, errors

_SEED_BITS = 0xFFFF_FFFF

_STRICT = pydantic.ConfigDict(strict=True, extra="ignore")


class TextPart(pydantic.BaseModel):
    """A text part of a message."""

    model_config = _STRICT
    type: Literal["text"]
    text: str


class ChatMessage(pydantic.BaseModel):
    """One turn; `content` is text or a list of text parts."""

    model_config = _STRICT
    role: Literal["system", "developer", "user", "assistant"]
    content: str | Annotated[list[TextPart], pydantic.Field(min_length=1, max_length=1000)]
    name: str | None = None

    def text(self) -> str:
        """Return the content as one text."""
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)


class StreamOptions(pydantic.BaseModel):
    """Options of a streamed answer."""

    model_config = _STRICT
    include_usage: bool | None = None


class TextFormat(pydantic.BaseModel):
    """The only response format of this version."""

    model_config = _STRICT
    type: Literal["text"]


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
    n: Annotated[Literal[1], _NUMBER] | None = None
    logprobs: Annotated[Literal[False], _BOOLEAN] | None = None
    top_logprobs: Annotated[Literal[0], _NUMBER] | None = None
    logit_bias: Annotated[dict[str, Any], pydantic.Field(max_length=0)] | None = None
    tools: _Empty | None = None
    tool_choice: Literal["none", "auto"] | None = None
    functions: _Empty | None = None
    response_format: TextFormat | None = None
    modalities: list[Literal["text"]] | None = None
    memory: Annotated[bool, _BOOLEAN] | None = None
    session: Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9._:@-]{0,128}$")] | None = None
    presence_penalty: Annotated[float, pydantic.Field(ge=0, le=0)] | None = None
    frequency_penalty: Annotated[float, pydantic.Field(ge=0, le=0)] | None = None

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
    "n": "one answer a request",
    "logprobs": "no log-probabilities",
    "top_logprobs": "no log-probabilities",
    "logit_bias": "no bias",
    "tools": "no tool calls",
    "tool_choice": "no tool calls",
    "modalities": "text only",
    "functions": "no tool calls",
    "response_format": "plain text only",
    "presence_penalty": "no penalties",
    "frequency_penalty": "no penalties",
}


def parse_chat(raw: bytes, messages_max: int) -> ChatRequest:
    """Return the request in `raw`. Raises MalformedBodyError, UnsupportedParameterError, InvalidRequestError."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise errors.MalformedBodyError(f"The body is not valid JSON in UTF-8: {error}. Send a JSON object.") from error
    try:
        request = ChatRequest.model_validate(body)
    except pydantic.ValidationError as error:
        raise _explained(error) from None
    if len(request.messages) > messages_max:
        raise errors.InvalidRequestError(
            f"The request has {len(request.messages)} messages; the limit is {messages_max}. Send fewer.",
            parameter="messages",
        )
    return request


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
    return errors.MalformedBodyError(f"{where}{first['msg']}. Correct it and send again.", parameter=place or None)


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
        },
        "escalated": answer.escalated,
        "cost_usd_micros": answer.cost_usd_micros,
        "tokens": {"prompt": finding.usage.prompt_tokens, "completion": finding.usage.completion_tokens},
        "timings_ms": dict(answer.timings_ms),
        "route_reasons": list(answer.route_reasons),
        "passed_on": dict(answer.passed_on),
        "degraded": list(answer.degraded),
        "generation": answer.generation,
        **({} if answer.memory is None else {"memory": dict(answer.memory)}),
    }


def usage_object(usage: answers.Usage) -> dict[str, int]:
    """Return token counts in OpenAI's shape."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def completion(answer: answers.Answer, model: str, created_s: int) -> dict[str, Any]:
    """Return a whole answer as OpenAI's chat.completion."""
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
        "council": council_object(answer),
    }


class Chunks:
    """The chunks of one streamed answer, as server-sent events in OpenAI's shape."""

    def __init__(self, request_id: str, model: str, created_s: int, include_usage: bool):
        self._head = {
            "id": f"chatcmpl-{request_id}",
            "object": "chat.completion.chunk",
            "created": created_s,
            "model": model,
        }
        self._include_usage = include_usage

    def opening(self) -> bytes:
        """Return the first chunk, which names the role."""
        return self._event([self._choice({"role": "assistant", "content": ""}, None)])

    def delta(self, text: str) -> bytes:
        """Return a chunk of text."""
        return self._event([self._choice({"content": text}, None)])

    def ending(self, answer: answers.Answer) -> bytes:
        """Return the last chunks; the `council` object rides in the last one before [DONE]."""
        finish = [self._choice({}, answer.finding.finish_reason)]
        council = {"council": council_object(answer)}
        if not self._include_usage:
            return self._event(finish, council) + _DONE
        usage = {"usage": usage_object(answer.finding.usage), **council}
        return self._event(finish) + self._event([], usage) + _DONE

    def _choice(self, delta: dict[str, Any], finish_reason: str | None) -> dict[str, Any]:
        return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}

    def _event(self, choices: list[dict[str, Any]], more: dict[str, Any] | None = None) -> bytes:
        chunk = {**self._head, "choices": choices}
        if self._include_usage:
            chunk["usage"] = None
        return b"data: " + orjson.dumps({**chunk, **(more or {})}) + b"\n\n"


_DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": still working\n\n"


def error_event(body: dict[str, Any]) -> bytes:
    """Return an error as the last event of a stream; no [DONE] follows, so that it is never taken for a clean stop."""
    return b"data: " + orjson.dumps(body) + b"\n\n"
