"""The steps of a streamed reply: its events, and at one place what a behaviour puts in or breaks off."""

import hashlib
from collections.abc import Iterator, Sequence

import orjson

from council.testing.upstream import anthropic, asks, behaviours, layout, openai, steps, tally
from council.testing.upstream.behaviours import Form, Insert, Then, Where
from council.testing.upstream.said import Event, Kind

GARBAGE = hashlib.shake_256(b"garbage").digest(256)
ERROR_MESSAGE = "The server had an error while it answered."
_SPLIT_PAUSE_S = 0.001
_BLOCK = b"x" * 65_536
JSON_OF = {
    Insert.LIST: b"[1,2]",
    Insert.NUMBER: b"7",
    Insert.STRING: b'"w"',
    Insert.NULL: b"null",
}


class Stream:
    """One streamed reply. `run` yields its steps; the head has been written."""

    def __init__(self, ask: asks.Ask, behaviour: behaviours.Behaviour, events: Sequence[Event]):
        self._ask = ask
        self._behaviour = behaviour
        self._events = events
        self._tokens = [event for event in events if event.kind is Kind.TOKEN]
        self._coder = layout.Coder(behaviour.coding)
        self._split = layout.splitter(behaviour.form)
        self._chunked = behaviour.form is not Form.UNTIL_CLOSE
        self._said = 0

    def run(self) -> Iterator[steps.Step]:
        """Yield everything after the head."""
        if self._behaviour.coding is behaviours.Coding.BOMB:
            yield steps.Say(layout.chunk(layout.bomb(b":", b"\n\n")))
            yield from self._end(tally.Outcome.CUT)
            return
        if self._behaviour.form is Form.BURST and self._behaviour.break_ is None:
            yield self._burst()
            yield from self._end(tally.Outcome.WHOLE)
            return
        if self._behaviour.form is Form.MARK:
            yield from self._say("\ufeff".encode())
        yield from self._all()

    def _burst(self) -> steps.Say:
        data = b"".join(self._framed(layout.event(event, self._behaviour.form)) for event in self._events)
        return steps.Say(data, len(self._tokens), reports=any(_reports(event) for event in self._events))

    def _all(self) -> Iterator[steps.Step]:
        broken = self._behaviour.break_
        for event in self._events:
            if broken is not None and self._reached(broken.where, event):
                yield from self._insert(broken, event)
                if broken.then is not Then.GO_ON:
                    yield from self._break(broken.then)
                    return
                broken = None
            if event.kind is Kind.TOKEN:
                pause_s = self._behaviour.pause_s if self._said else self._behaviour.first_s
                if pause_s:
                    yield steps.Wait(pause_s)
            yield from self._event(event)
        yield from self._end(tally.Outcome.WHOLE)

    def _reached(self, where: Where, event: Event) -> bool:
        past = event.kind in {Kind.FINISH, Kind.DONE}
        match where:
            case Where.START:
                return True
            case Where.FIRST:
                return past or self._said >= 1
            case Where.MIDDLE:
                return past or self._said >= max(1, len(self._tokens) // 2)
            case Where.LAST:
                return past
            case Where.BEFORE_DONE:
                return event.kind is Kind.DONE

    def _event(self, event: Event) -> Iterator[steps.Step]:
        token = event.kind is Kind.TOKEN
        self._said += token
        yield from self._say(layout.event(event, self._behaviour.form), int(token), reports=_reports(event))

    def _framed(self, data: bytes) -> bytes:
        coded = self._coder.code(data)
        return layout.chunk(coded) if self._chunked and coded else coded

    def _say(self, data: bytes, tokens: int = 0, *, reports: bool = False) -> Iterator[steps.Step]:
        parts = self._split(data)
        for number, part in enumerate(parts, 1):
            last = number == len(parts)
            yield steps.Say(self._framed(part), tokens if last else 0, turn=True, reports=reports and last)
            if not last:
                yield steps.Wait(_SPLIT_PAUSE_S)

    def _end(self, outcome: tally.Outcome) -> Iterator[steps.Step]:
        rest = self._coder.end()
        if self._chunked:
            yield steps.Say((layout.chunk(rest) if rest else b"") + layout.LAST_CHUNK)
        elif rest:
            yield steps.Say(rest)
        closes = self._behaviour.close or self._behaviour.close_unsaid or not self._chunked
        yield steps.End(outcome, steps.After.CLOSE if closes else steps.After.KEEP)

    def _insert(self, broken: behaviours.Break, event: Event) -> Iterator[steps.Step]:
        # A streamed reply without a token has nothing that could be half or huge.
        near = event if event.kind is Kind.TOKEN else (self._tokens or [event])[0]
        whole = layout.event(near, self._behaviour.form)
        match broken.insert:
            case None:
                pass
            case Insert.BAD_FRAMING:
                yield steps.Say(b"this is no chunk\r\n", turn=True)
            case Insert.FINISH:
                for each in self._events:
                    if each.kind is Kind.FINISH:
                        yield from self._event(each)
            case Insert.HUGE_LINE:
                grown = near.data.replace(near.piece, near.piece + b"x" * layout.HUGE_BYTES, 1)
                yield from self._say(layout.lines(near.name, grown, self._behaviour.form), 1)
            case Insert.HUGE_CHUNK:
                count = layout.HUGE_BYTES // len(whole) + 1
                yield from self._say(whole * count, count)
            case Insert.GARBAGE:
                yield from self._say(GARBAGE)
            case Insert.HALF_EVENT:
                yield from self._say(whole[: len(whole) // 2])
            case _:
                yield from self._say(layout.lines(*self._unfit(broken.insert, near), self._behaviour.form))

    def _unfit(self, insert: Insert, near: Event) -> tuple[bytes, bytes]:
        """Return the name and the data of an event that is none."""
        if insert is Insert.BAD_JSON:
            return near.name, near.data[: len(near.data) // 2]
        if insert is Insert.ERROR:
            return _error(self._ask.api)
        if insert is Insert.EMPTY_CHOICES:
            return _empty(self._ask)
        return near.name, JSON_OF[insert]

    def _break(self, then: Then) -> Iterator[steps.Step]:
        match then:
            case Then.CUT:
                yield steps.End(tally.Outcome.CUT, steps.After.CLOSE)
            case Then.RESET:
                yield steps.End(tally.Outcome.CUT, steps.After.RESET)
            case Then.STALL:
                yield steps.STALL
            case Then.DONE:
                yield from self._event(self._events[-1])
                yield from self._end(tally.Outcome.CUT)
            case Then.ENDLESS:
                for event in _over_and_over(self._tokens):
                    yield from self._event(event)
                    if self._behaviour.pause_s:
                        yield steps.Wait(self._behaviour.pause_s)
                yield from self._end(tally.Outcome.CUT)
            case Then.ENDLESS_LINE:
                yield from self._say(b"data: ")
                while True:
                    yield from self._say(_BLOCK)
            case _:
                yield from self._end(tally.Outcome.CUT)


def _over_and_over(tokens: Sequence[Event]) -> Iterator[Event]:
    while tokens:
        yield from tokens


def _reports(event: Event) -> bool:
    return event.kind is not Kind.START and b'"usage":{' in event.data


def _error(api: asks.Api) -> tuple[bytes, bytes]:
    match api:
        case asks.Api.MESSAGES:
            return b"error", orjson.dumps(anthropic.error(529, ERROR_MESSAGE))
        case asks.Api.RESPONSES:
            body = {"type": "error", "code": "server_error", "message": ERROR_MESSAGE, "param": None}
            return b"error", orjson.dumps(body | {"sequence_number": 99})
        case _:
            return b"", orjson.dumps(openai.error(500, "server_error", ERROR_MESSAGE))


def _empty(ask: asks.Ask) -> tuple[bytes, bytes]:
    """Return an event that says nothing: no choices, or a type that nobody knows."""
    if ask.api in {asks.Api.MESSAGES, asks.Api.RESPONSES}:
        return b"unheard_of", b'{"type":"unheard_of"}'
    kind = "chat.completion.chunk" if ask.api is asks.Api.CHAT else "text_completion"
    return b"", orjson.dumps({"id": "", "object": kind, "created": 0, "model": "", "choices": []})
