"""The steps of a reply, from what was asked and how to behave: its head, and its body where it is not streamed."""

import email.utils
import functools
import http
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from council.testing.upstream import anthropic, behaviours, layout, openai, responses, said, steps, streams, tally
from council.testing.upstream.asks import Api, Ask
from council.testing.upstream.behaviours import Behaviour, Coding, Form, Head, Insert, Then, Where

CONTEXT_TOKENS = 128
_REASONS = {int(each): each.phrase for each in http.HTTPStatus}
_CACHED = 512
_INPUTS_CACHED_MAX = 8
_BLANKS = b" " * 65_536
_HALF_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: appl"
_CODINGS = {Coding.GZIP: "gzip", Coding.DEFLATE: "deflate", Coding.UNKNOWN: "x-unknown"} | dict.fromkeys(
    (Coding.BROKEN, Coding.BOMB), "gzip"
)
_WHOLE: dict[Api, Callable[[Ask, said.Said], dict[str, Any]]] = {
    Api.CHAT: openai.chat,
    Api.COMPLETIONS: openai.text,
    Api.EMBEDDINGS: openai.embeddings,
    Api.RESPONSES: responses.whole,
    Api.MESSAGES: anthropic.whole,
}
_EVENTS: dict[Api, Callable[[Ask, said.Said], Iterator[said.Event]]] = {
    Api.CHAT: openai.chat_events,
    Api.COMPLETIONS: openai.text_events,
    Api.RESPONSES: responses.events,
    Api.MESSAGES: anthropic.events,
}


def make(ask: Ask, behaviour: Behaviour, now_s: float) -> Iterator[steps.Step]:
    """Return the steps that answer."""
    if behaviour.status is not None:
        return iter(_refusal(ask, behaviour.status, now_s))
    if _without_end(behaviour) or len(ask.inputs) > _INPUTS_CACHED_MAX:
        return _answer(ask, behaviour)
    return iter(_kept(ask, behaviour))


def _without_end(behaviour: Behaviour) -> bool:
    broken = behaviour.break_
    return behaviour.chunks > 1_000 or (
        broken is not None
        and (broken.then in {Then.ENDLESS, Then.ENDLESS_LINE} or broken.insert in {Insert.HUGE_CHUNK, Insert.HUGE_LINE})
    )


@functools.lru_cache(maxsize=_CACHED)
def _kept(ask: Ask, behaviour: Behaviour) -> tuple[steps.Step, ...]:
    """Return the same steps for the same question: what costs time is to lay them out."""
    return tuple(_answer(ask, behaviour))


def told(ask: Ask, behaviour: Behaviour) -> tuple[Any, Any] | None:
    """Return the usage that a reply tells where it tells one."""
    return said.make(ask, behaviour).told


def _answer(ask: Ask, behaviour: Behaviour) -> Iterator[steps.Step]:
    match behaviour.head:
        case Head.NONE:
            return iter([steps.End(tally.Outcome.CUT, steps.After.CLOSE)])
        case Head.RESET:
            return iter([steps.End(tally.Outcome.CUT, steps.After.RESET)])
        case Head.HALF:
            return iter([steps.Say(_HALF_HEAD, turn=True), steps.End(tally.Outcome.CUT, steps.After.CLOSE)])
        case Head.STALL:
            return iter([steps.STALL])
    said_ = said.make(ask, behaviour)
    if ask.stream and ask.api in _EVENTS:
        events = list(_EVENTS[ask.api](ask, said_))
        fields = _fields(behaviour, "text/event-stream")
        fields += [] if behaviour.form is Form.UNTIL_CLOSE else [("transfer-encoding", "chunked")]
        stream = streams.Stream(ask, behaviour, events).run()
        return itertools.chain(_open(behaviour, fields), stream)
    return _plain(ask, behaviour, said_)


def head(status: int, fields: list[tuple[str, str]]) -> bytes:
    """Return the head of a reply up to its last fields."""
    reason = _REASONS.get(status, "Overloaded")
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"HTTP/1.1 {status} {reason}\r\n{lines}".encode()


def _fields(behaviour: Behaviour, content_type: str) -> list[tuple[str, str]]:
    fields = [("content-type", behaviour.content_type or content_type)]
    if behaviour.coding in _CODINGS:
        fields.append(("content-encoding", _CODINGS[behaviour.coding]))
    if behaviour.close or behaviour.form is Form.UNTIL_CLOSE:
        fields.append(("connection", "close"))
    return fields


def _open(behaviour: Behaviour, fields: list[tuple[str, str]]) -> Iterator[steps.Step]:
    whole = head(200, fields)
    if behaviour.head is Head.SLOW:
        for at in range(len(whole) - 1):
            yield steps.Say(whole[at : at + 1], turn=True)
            yield steps.Wait(behaviour.pause_s)
        whole = whole[-1:]
    yield steps.Open(whole)


def _refusal(ask: Ask, status: behaviours.Status, now_s: float) -> list[steps.Step]:
    body = status.body
    if body is None:
        message = f"The scripted upstream says {status.code}."
        if status.code == "context_length_exceeded":
            message = _too_long(ask)
        body = orjson.dumps(error(ask.api, status.status, status.code, message))
    fields = [("content-type", status.content_type), ("content-length", str(len(body)))]
    for name, value in status.headers:
        # As a date of HTTP; its seconds are whole.
        fields.append((name, email.utils.formatdate(now_s + 2, usegmt=True) if value == "DATE" else value))
    return [steps.Open(head(status.status, fields)), steps.Say(body), steps.End(tally.Outcome.REFUSED)]


def _too_long(ask: Ask) -> str:
    tokens = ask.prompt_tokens if ask.prompt_tokens > CONTEXT_TOKENS else ask.prompt_tokens + CONTEXT_TOKENS
    if ask.api is Api.MESSAGES:
        return f"prompt is too long: {tokens} tokens > {CONTEXT_TOKENS} maximum"
    return (
        f"This model's maximum context length is {CONTEXT_TOKENS} tokens. However, your messages resulted in {tokens} "
        "tokens. Please reduce the length of the messages."
    )


def error(api: Api | None, status: int, code: str, message: str) -> dict[str, Any]:
    """Return an error in the form of the wire."""
    return anthropic.error(status, message) if api is Api.MESSAGES else openai.error(status, code, message)


def _plain(ask: Ask, behaviour: Behaviour, said_: said.Said) -> Iterator[steps.Step]:
    """Yield a whole reply. Its tokens are generated before its head, one after the other where they take time."""
    tokens = 0 if ask.api is Api.EMBEDDINGS else len(said_.pieces) * ask.choices
    broken = behaviour.break_
    if broken is not None and broken.insert is Insert.ERROR:
        tokens = {Where.START: 0, Where.FIRST: 1}.get(broken.where, tokens // 2)
    if behaviour.head is not Head.SLOW and (behaviour.first_s or behaviour.pause_s):
        for number in range(tokens):
            yield steps.Wait(behaviour.pause_s if number else behaviour.first_s)
            yield steps.Say(b"", 1)
        tokens = 0
    yield from _body(ask, behaviour, orjson.dumps(_WHOLE[ask.api](ask, said_)), tokens)


def _body(ask: Ask, behaviour: Behaviour, body: bytes, tokens: int) -> Iterator[steps.Step]:
    broken = behaviour.break_ or behaviours.Break(Where.BEFORE_DONE)
    body = _with_insert(ask, broken.insert, body)
    reports = b'"usage":{' in body
    coder = layout.Coder(behaviour.coding)
    body = layout.bomb(body, b"") if behaviour.coding is Coding.BOMB else coder.code(body) + coder.end()
    ends_early = (
        broken.then in {Then.END, Then.DONE} and broken.insert is None and broken.where is not Where.BEFORE_DONE
    )
    part = b"" if broken.where is Where.START and broken.insert is None else body[: len(body) // 2]
    length = len(part) if ends_early else len(body)
    fields = _fields(behaviour, "application/json")
    if broken.then in {Then.ENDLESS, Then.ENDLESS_LINE}:
        fields.append(("transfer-encoding", "chunked"))
    elif behaviour.form is not Form.UNTIL_CLOSE:
        fields.append(("content-length", str(length)))
    yield from _open(behaviour, fields)
    closes = behaviour.close or behaviour.close_unsaid or behaviour.form is Form.UNTIL_CLOSE
    after = steps.After.CLOSE if closes else steps.After.KEEP
    match broken.then:
        case Then.CUT | Then.RESET:
            yield steps.Say(part, tokens, turn=True)
            yield steps.End(tally.Outcome.CUT, steps.After.RESET if broken.then is Then.RESET else steps.After.CLOSE)
        case Then.STALL:
            yield steps.Say(part, tokens, turn=True)
            yield steps.STALL
        case Then.ENDLESS | Then.ENDLESS_LINE:
            yield steps.Say(layout.chunk(part), tokens, turn=True)
            while True:
                yield steps.Say(layout.chunk(_BLANKS), turn=True)
        case _:
            outcome = tally.Outcome.CUT if ends_early or broken.insert is Insert.ERROR else tally.Outcome.WHOLE
            yield from _parts(behaviour, part if ends_early else body, tokens, reports=reports)
            yield steps.End(outcome, after)


def _parts(behaviour: Behaviour, body: bytes, tokens: int, *, reports: bool) -> Iterator[steps.Step]:
    if behaviour.form is not Form.SPLIT:
        yield steps.Say(body, tokens, reports=reports)
        return
    yield steps.Say(b"", tokens, reports=reports)
    for part in layout.splitter(behaviour.form)(body):
        yield steps.Say(part, turn=True)


def _with_insert(ask: Ask, insert: Insert | None, body: bytes) -> bytes:
    """Return the body that a whole reply has where a stream would have an event that should not be."""
    match insert:
        case Insert.GARBAGE | Insert.BAD_FRAMING:
            return streams.GARBAGE
        case Insert.BAD_JSON:
            return body[: len(body) // 2]
        case Insert.LIST | Insert.NUMBER | Insert.STRING | Insert.NULL:
            return streams.JSON_OF[insert]
        case Insert.ERROR:
            return orjson.dumps(error(ask.api, 500, "server_error", streams.ERROR_MESSAGE))
        case Insert.EMPTY_CHOICES:
            return orjson.dumps(
                {
                    name: [] if name in {"choices", "content", "output", "data"} else value
                    for name, value in orjson.loads(body).items()
                }
            )
        case Insert.HUGE_LINE | Insert.HUGE_CHUNK:
            return body.replace(b"w1 ", b"w1 " + b"x" * layout.HUGE_BYTES, 1)
        case _:
            return body
