"""Traces: what is done for one request, as spans: each has a name, a beginning, an end, and lies below what it is part of.

    trace = traces.Trace(traces.parse(header), "gateway", 1.0, take)    # where a request comes in
    with traces.following(trace):
        with trace.open("POST /ask", traces.Kind.SERVER):               # the root
            with traces.stage("route"): ...                             # what begins inside lies below it
            with traces.call("chat small", traces.Kind.CLIENT) as work: # nothing else lies below it here
                ask(server, work.carried())

`stage` moves the place below which the next span begins, so the stages of a request come one after the other; calls may
overlap. The trace is found by a context variable, which goes along into tasks and threads; its place does not hang on that, so
that generators may hold a stage open. Outside of a trace, and in one that is not kept, all of this does next to nothing.

A process that is asked by another tells its spans in its reply (`answering`, `Work.hear`): so only one of them needs to reach
whoever collects them. What goes along is `traceparent` of www.w3.org/TR/trace-context. Whether a trace without a caller's
decision is kept is read off its id, as others do who keep the same share.
"""

import asyncio
import contextlib
import contextvars
import copy
import enum
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

SPANS_MAX = 200
HEARD_MAX = 16
_NS_MAX = 2**63 - 1
TEXT_CHARS_MAX = 200
ATTRIBUTES_MAX = 40

Value = str | int | float | bool | Sequence[str]

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SPAN_ID = re.compile(r"[0-9a-f]{16}")
_HEADER_CHARS_MAX = 512
_KEPT = 1
_RANDOM_DIGITS, _RANDOM_SIZE = 14, 1 << 56
_OTHER = "_OTHER"


class Kind(enum.StrEnum):
    """What a span is of: work of this process, of an answer to somebody, or of waiting for another process."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Place:
    """A span of a trace, as another process names it."""

    trace_id: str
    span_id: str
    kept: bool

    def header(self) -> str:
        """Return it as a `traceparent`."""
        return f"00-{self.trace_id}-{self.span_id}-{_KEPT if self.kept else 0:02x}"


def parse(header: str | None) -> Place | None:
    """Return the place that a `traceparent` names; None for none, and for what is no such header."""
    found = _PARENT.fullmatch(header[:_HEADER_CHARS_MAX]) if header else None
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    # Version 00 ends there; what a later one adds may be left aside.
    if version == "ff" or (version == "00" and more) or not int(trace_id, 16) or not int(span_id, 16):
        return None
    return Place(trace_id, span_id, bool(int(flags, 16) & _KEPT))


@dataclass(frozen=True, slots=True)
class Span:
    """One that has ended. Times are nanoseconds of Unix time; `error` is a word of few, empty where all went well."""

    name: str
    kind: Kind
    service: str
    trace_id: str
    span_id: str
    parent_id: str
    began_ns: int
    ended_ns: int
    attributes: Mapping[str, Value]
    error: str = ""


Take = Callable[[Span], None]


class Work:
    """A span that has begun. As a context manager it ends with the block, and notes what the block raised."""

    __slots__ = (
        *("_above", "_attributes", "_began_ns", "_error", "_kind", "_name", "_nests", "_over", "_parent_id", "_trace"),
        "span_id",
    )

    def __init__(self, trace: "Trace", name: str, kind: Kind, attributes: Mapping[str, Value], nests: bool):
        self._trace = trace
        self._name = name
        self._kind = kind
        self._attributes = dict(attributes)
        self._error = ""
        self._nests = nests
        self._over = False
        self._parent_id = self._above = trace.below
        self.span_id = os.urandom(8).hex()
        self._began_ns = time.monotonic_ns()
        if nests:
            trace.below = self.span_id

    def note(self, name: str, value: Value) -> None:
        """Note an attribute. Texts are cut; what is noted after the end is lost."""
        if len(self._attributes) < ATTRIBUTES_MAX:
            self._attributes[name] = value[:TEXT_CHARS_MAX] if isinstance(value, str) else value

    def fail(self, error: str) -> None:
        """Note that it ends in an error, by a word of few; the first one counts."""
        self._error = self._error or error[:TEXT_CHARS_MAX] or _OTHER

    def carried(self) -> str:
        """Return the `traceparent` for whoever is asked."""
        return Place(self._trace.trace_id, self.span_id, True).header()

    def asked(self) -> dict[str, str]:
        """Return what a request to another process of ours carries for `answering`."""
        return {"trace": self.carried()}

    def hear(self, service: str, told: object) -> None:
        """Take what another process told of its spans, in the form of `Trace.told`; what has another form is left out."""
        for span in _heard(self._trace.trace_id, service, told):
            self._trace.take(span)

    def end(self) -> None:
        """End it. Idempotent: the first one counts."""
        if self._over:
            return
        self._over = True
        if self is self._trace.root:
            # What begins after the end of all lies below it nevertheless. They no longer hold each other, or it would take a
            # look for cycles to be rid of them.
            self._trace.root = NOTHING
        elif self._nests:
            self._trace.below = self._above
        self._trace.ended(
            self._name, self._kind, self.span_id, self._parent_id, self._began_ns, self._attributes, self._error
        )

    def __enter__(self) -> "Work":
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        if isinstance(error, asyncio.CancelledError):
            # Nobody waits for it any more, which is nobody's error.
            self.note("cancelled", True)
        elif error is not None and not isinstance(error, GeneratorExit):
            code = getattr(error, "code", "")
            self.fail(code if isinstance(code, str) and code else type(error).__name__)
        self.end()


class _Unkept(Work):
    """Stands in for work that is in no trace, or in one that is not kept."""

    __slots__ = ("_header",)

    def __init__(self, header: str = ""):
        self._header = header
        self.span_id = ""

    def note(self, name: str, value: Value) -> None: ...

    def fail(self, error: str) -> None: ...

    def carried(self) -> str:
        return self._header

    def asked(self) -> dict[str, str]:
        return {"trace": self._header} if self._header else {}

    def hear(self, service: str, told: object) -> None: ...

    def end(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


NOTHING = _Unkept()


class Trace:
    """The part of a trace that this process knows. `below` is the span below which the next one begins."""

    def __init__(self, parent: Place | None, service: str, share: float, take: Take):
        """`share` of the traces are kept where no caller has decided. `take` gets each span that has ended, at once."""
        self.trace_id = parent.trace_id if parent is not None else os.urandom(16).hex()
        self.below = parent.span_id if parent is not None else ""
        self.kept = parent.kept if parent is not None else _falls_within(self.trace_id, share)
        self.root: Work = NOTHING
        self.spans: list[Span] = []
        self.left_out = 0
        self._service = service
        self._take = take
        self._begun = 0
        # One look at the wall clock: spans of a trace fit together even where that clock steps.
        self._offset_ns = time.time_ns() - time.monotonic_ns()
        self._unkept = _Unkept(Place(self.trace_id, self.below or os.urandom(8).hex(), False).header())

    def open(self, name: str, kind: Kind, attributes: Mapping[str, Value] | None = None) -> Work:
        """Begin the root."""
        self.root = self.begin(name, kind, attributes, nests=True)
        return self.root

    def drop(self) -> None:
        """Keep nothing of it from now on, what has begun included."""
        self.kept = False

    def begin(self, name: str, kind: Kind, attributes: Mapping[str, Value] | None, *, nests: bool) -> Work:
        """Begin a span; beyond `SPANS_MAX` they are only counted."""
        if not self.kept:
            return self._unkept
        if self._begun >= SPANS_MAX:
            self.left_out += 1
            return self._unkept
        self._begun += 1
        return Work(self, name, kind, attributes or {}, nests)

    def ended(
        self,
        name: str,
        kind: Kind,
        span_id: str,
        parent_id: str,
        began_ns: int,
        attributes: Mapping[str, Value],
        error: str,
    ) -> None:
        """Take a span of this process whose end is now."""
        began_ns, ended_ns = began_ns + self._offset_ns, time.monotonic_ns() + self._offset_ns
        self.take(
            Span(name, kind, self._service, self.trace_id, span_id, parent_id, began_ns, ended_ns, attributes, error)
        )

    def take(self, span: Span) -> None:
        """Take a span that has ended."""
        if self.kept:
            if len(self.spans) < SPANS_MAX:
                self.spans.append(span)
            self._take(span)

    def told(self) -> list[list[Any]]:
        """Return the spans for the process that asked this one."""
        return [
            [one.name, one.kind, one.span_id, one.parent_id, one.began_ns, one.ended_ns, one.attributes, one.error]
            for one in self.spans[-HEARD_MAX:]
        ]


def _falls_within(trace_id: str, share: float) -> bool:
    return int(trace_id[-_RANDOM_DIGITS:], 16) >= (1.0 - share) * _RANDOM_SIZE


def _heard(trace_id: str, service: str, told: object) -> Iterator[Span]:
    for one in told[:HEARD_MAX] if isinstance(told, list) else ():
        try:
            name, kind, span_id, parent_id, began_ns, ended_ns, attributes, error = one
            if not _SPAN_ID.fullmatch(span_id) or not _SPAN_ID.fullmatch(parent_id):
                continue
            known = {
                str(key)[:TEXT_CHARS_MAX]: value[:TEXT_CHARS_MAX] if isinstance(value, str) else value
                for key, value in list(attributes.items())[:ATTRIBUTES_MAX]
                if isinstance(value, str | int | float)
            }
            # What OTLP has no room for would keep every other span from being sent with it.
            times = tuple(min(max(0, int(one_ns)), _NS_MAX) for one_ns in (began_ns, ended_ns))
            texts = (str(name)[:TEXT_CHARS_MAX], Kind(kind), service, trace_id, span_id, parent_id)
            yield Span(*texts, times[0], times[1], known, str(error)[:TEXT_CHARS_MAX])
        except (TypeError, ValueError, AttributeError, OverflowError):
            continue


_current: contextvars.ContextVar[Trace | None] = contextvars.ContextVar("trace", default=None)


def current() -> Trace | None:
    """Return the trace that whatever happens here belongs to."""
    return _current.get()


def root() -> Work:
    """Return the root of the trace, `NOTHING` outside of one, and once it has ended."""
    trace = _current.get()
    return NOTHING if trace is None else trace.root


@contextlib.contextmanager
def following(trace: Trace | None) -> Iterator[None]:
    """Have everything inside belong to a trace, also what is begun there and outlives it."""
    token = _current.set(trace)
    try:
        yield
    finally:
        _current.reset(token)


@contextlib.contextmanager
def aside() -> Iterator[None]:
    """Have what is begun inside lie below where the trace stands now, wherever it goes meanwhile: for tasks beside its way."""
    trace = _current.get()
    with following(None if trace is None else copy.copy(trace)):
        yield


def stage(name: str, attributes: Mapping[str, Value] | None = None, kind: Kind = Kind.INTERNAL) -> Work:
    """Begin a span below which others begin, until it ends. To be used as a context manager."""
    trace = _current.get()
    return NOTHING if trace is None else trace.begin(name, kind, attributes, nests=True)


def call(name: str, kind: Kind, attributes: Mapping[str, Value] | None = None) -> Work:
    """Begin a span below which no other of this process lies."""
    trace = _current.get()
    return NOTHING if trace is None else trace.begin(name, kind, attributes, nests=False)


@contextlib.contextmanager
def answering(
    carried: object, service: str, name: str, attributes: Mapping[str, Value] | None = None
) -> Iterator["Answer"]:
    """Follow what is done for another process, by what its request carried (`Work.asked`), if anything."""
    parent = parse(carried) if isinstance(carried, str) else None
    if parent is None:
        yield Answer(None)
        return
    trace = Trace(parent, service, 0.0, lambda _: None)
    with following(trace), trace.open(name, Kind.SERVER, attributes):
        yield Answer(trace)


class Answer:
    """What is done for another process. To be told when it is over."""

    __slots__ = ("_trace",)

    def __init__(self, trace: Trace | None):
        self._trace = trace

    def told(self) -> dict[str, Any]:
        """End it, and return what a reply carries for `Work.hear`."""
        if self._trace is None or not self._trace.kept:
            return {}
        self._trace.root.end()
        return {"spans": self._trace.told()}
