"""Everything that the upstream can do to a caller, by name: data that `replies.py` and `streams.py` act on.

A model's name is a behaviour, with up to three parameters behind it in any order: a bare number is how many tokens are said
(`ok-32`), `5ms` is the pause between them, `first200ms` the pause before the first. `cut-mid-stream-32-5ms` is cut after 16
tokens that came 5 ms apart.
"""

import dataclasses
import enum
import functools
import re

CHUNKS = 8
_CHUNKS_MAX = 1_000_000


class Where(enum.Enum):
    """A place in a reply. In one that is not streamed every place after START is in the middle of the body."""

    START = enum.auto()  # after the head, before any event
    FIRST = enum.auto()  # after the first token
    MIDDLE = enum.auto()  # after half of the tokens
    LAST = enum.auto()  # after the last token, before its end is said
    BEFORE_DONE = enum.auto()  # after finish and usage, before [DONE] or message_stop


class Then(enum.Enum):
    """How it goes on from there."""

    GO_ON = enum.auto()
    END = enum.auto()  # the body ends as HTTP wants it
    DONE = enum.auto()  # [DONE] or message_stop at once
    CUT = enum.auto()  # the connection is closed
    RESET = enum.auto()  # the connection is reset
    STALL = enum.auto()  # nothing more until the caller leaves
    ENDLESS = enum.auto()  # tokens without end
    ENDLESS_LINE = enum.auto()  # one line without end


class Insert(enum.Enum):
    """What is said at that place that should not be."""

    GARBAGE = enum.auto()
    BAD_JSON = enum.auto()
    LIST = enum.auto()
    NUMBER = enum.auto()
    STRING = enum.auto()
    NULL = enum.auto()
    ERROR = enum.auto()
    HALF_EVENT = enum.auto()
    BAD_FRAMING = enum.auto()
    EMPTY_CHOICES = enum.auto()
    FINISH = enum.auto()
    HUGE_LINE = enum.auto()
    HUGE_CHUNK = enum.auto()


class Head(enum.Enum):
    """What happens to the head of the reply."""

    PLAIN = enum.auto()
    NONE = enum.auto()  # closed without a byte
    RESET = enum.auto()
    HALF = enum.auto()
    STALL = enum.auto()
    SLOW = enum.auto()  # a byte at a time


class Usage(enum.Enum):
    """What is said about the tokens used."""

    TRUE = enum.auto()
    MISSING = enum.auto()
    NULL = enum.auto()
    NEGATIVE = enum.auto()
    ABSURD = enum.auto()
    STRINGS = enum.auto()
    LESS = enum.auto()


class Form(enum.Enum):
    """How events are laid out and cut into segments."""

    PLAIN = enum.auto()
    BURST = enum.auto()  # all in one write
    SPLIT = enum.auto()  # a few bytes at a time, in the middle of characters too
    CRLF = enum.auto()
    CR = enum.auto()
    COMMENTS = enum.auto()
    MULTI_LINE = enum.auto()
    NO_SPACE = enum.auto()
    MARK = enum.auto()  # a byte order mark first
    UNTIL_CLOSE = enum.auto()  # no length and no chunks: the end of the connection is the end


class Coding(enum.Enum):
    """Content codings, whatever the caller said it accepts."""

    NONE = enum.auto()
    GZIP = enum.auto()
    DEFLATE = enum.auto()
    UNKNOWN = enum.auto()
    BROKEN = enum.auto()
    BOMB = enum.auto()


@dataclasses.dataclass(frozen=True, slots=True)
class Status:
    """A reply that is no answer. `body` None is an error in the form of the wire, of this code."""

    status: int
    code: str = ""
    body: bytes | None = None
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Break:
    """At one place something is said, and then it goes on in some way."""

    where: Where
    then: Then = Then.GO_ON
    insert: Insert | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Behaviour:
    """All that differs from an ordinary reply."""

    doc: str
    status: Status | None = None
    head: Head = Head.PLAIN
    break_: Break | None = None
    usage: Usage = Usage.TRUE
    form: Form = Form.PLAIN
    coding: Coding = Coding.NONE
    content_type: str = ""
    utf8: bool = False
    close: bool = False
    close_unsaid: bool = False
    chunks: int = CHUNKS
    pause_s: float = 0.0
    first_s: float = 0.0


def _break(doc: str, where: Where, then: Then = Then.GO_ON, insert: Insert | None = None) -> Behaviour:
    return Behaviour(doc, break_=Break(where, then, insert))


def _status(doc: str, status: int, code: str, *headers: tuple[str, str]) -> Behaviour:
    return Behaviour(doc, status=Status(status, code, headers=headers))


_HTML = b"<!DOCTYPE html><html><head><title>%b</title></head><body><h1>%b</h1></body></html>"
_LIMITED = "rate_limit_exceeded"

CATALOGUE: dict[str, Behaviour] = {
    # Without fault.
    "ok": Behaviour("a whole answer, each event in a segment of its own"),
    "burst": Behaviour("a whole answer, all events in one write", form=Form.BURST),
    "slow": Behaviour("200 ms to the first token, 50 ms between", pause_s=0.05, first_s=0.2),
    "utf8": Behaviour("words of two, three and four bytes a character", utf8=True),
    "utf8-split": Behaviour("the same, cut into segments in mid-character", utf8=True, form=Form.SPLIT),
    "crlf": Behaviour("lines end with CR LF", form=Form.CRLF),
    "cr": Behaviour("lines end with CR", form=Form.CR),
    "comments": Behaviour("comments, ids and retry lines between events", form=Form.COMMENTS),
    "multi-line": Behaviour("the data of an event over several lines", form=Form.MULTI_LINE),
    "no-space": Behaviour("no blank after `data:`", form=Form.NO_SPACE),
    "byte-order-mark": Behaviour("a byte order mark before the first event", form=Form.MARK),
    "until-close": Behaviour("neither length nor chunks: the body ends with the connection", form=Form.UNTIL_CLOSE),
    "gzip": Behaviour("compressed", coding=Coding.GZIP),
    "deflate": Behaviour("compressed", coding=Coding.DEFLATE),
    "closes": Behaviour("`connection: close` after each reply", close=True),
    "closes-unsaid": Behaviour("closes after each reply without having said so", close_unsaid=True),
    # The connection ends.
    "cut-before-headers": Behaviour("closed without a byte", head=Head.NONE),
    "reset": Behaviour("reset without a byte", head=Head.RESET),
    "cut-mid-headers": Behaviour("closed in the middle of the head", head=Head.HALF),
    "cut-after-headers": _break("closed after the head", Where.START, Then.CUT),
    "cut-mid-stream": _break("closed after half of the tokens", Where.MIDDLE, Then.CUT),
    "cut-mid-event": _break("closed in the middle of an event", Where.MIDDLE, Then.CUT, Insert.HALF_EVENT),
    "reset-mid-stream": _break("reset after half of the tokens", Where.MIDDLE, Then.RESET),
    "cut-before-finish": _break("closed after the last token", Where.LAST, Then.CUT),
    "cut-before-done": _break("closed before [DONE]", Where.BEFORE_DONE, Then.CUT),
    "end-after-headers": _break("the body ends well, empty", Where.START, Then.END),
    "end-mid-stream": _break("the body ends well after half of the tokens", Where.MIDDLE, Then.END),
    "end-before-finish": _break("the body ends well after the last token", Where.LAST, Then.END),
    "no-done": _break("the body ends well without [DONE]", Where.BEFORE_DONE, Then.END),
    "done-mid-stream": _break("[DONE] after half of the tokens", Where.MIDDLE, Then.DONE),
    # It waits.
    "stall-first-byte": Behaviour("nothing at all until the caller leaves", head=Head.STALL),
    "stall-after-headers": _break("the head, then nothing", Where.START, Then.STALL),
    "stall-mid-stream": _break("half of the tokens, then nothing", Where.MIDDLE, Then.STALL),
    "stall-before-done": _break("everything but [DONE], then nothing", Where.BEFORE_DONE, Then.STALL),
    "slow-headers": Behaviour("the head comes byte by byte, 20 ms apart", head=Head.SLOW, pause_s=0.02),
    # Events that should not be.
    "garbage": _break("random bytes in mid-stream, then on", Where.MIDDLE, insert=Insert.GARBAGE),
    "bad-framing": _break("no chunk where a chunk must be", Where.MIDDLE, Then.CUT, Insert.BAD_FRAMING),
    "bad-json": _break("an event that is half of its JSON, then on", Where.MIDDLE, insert=Insert.BAD_JSON),
    "json-list": _break("an event that is a list, then on", Where.MIDDLE, insert=Insert.LIST),
    "json-number": _break("an event that is a number, then on", Where.MIDDLE, insert=Insert.NUMBER),
    "json-string": _break("an event that is a string, then on", Where.MIDDLE, insert=Insert.STRING),
    "json-null": _break("an event that is null, then on", Where.MIDDLE, insert=Insert.NULL),
    "error-first": _break("status 200, and an error is the first event", Where.START, Then.END, Insert.ERROR),
    "error-after-first": _break("an error after the first token", Where.FIRST, Then.END, Insert.ERROR),
    "error-event": _break("an error in mid-stream, then the end", Where.MIDDLE, Then.END, Insert.ERROR),
    "error-then-done": _break("an error in mid-stream, then [DONE]", Where.MIDDLE, Then.DONE, Insert.ERROR),
    "error-then-on": _break("an error in mid-stream, then on", Where.MIDDLE, insert=Insert.ERROR),
    "choices-empty": _break("an event with no choices, then on", Where.MIDDLE, insert=Insert.EMPTY_CHOICES),
    "duplicate-finish": _break("the end is said twice", Where.LAST, insert=Insert.FINISH),
    "finish-mid-stream": _break("the end is said after half, then on", Where.MIDDLE, insert=Insert.FINISH),
    "endless": _break("tokens without end", Where.LAST, Then.ENDLESS),
    "endless-line": _break("a line without end", Where.MIDDLE, Then.ENDLESS_LINE),
    "huge-chunk": _break("50 MB of events in one chunk, then on", Where.MIDDLE, insert=Insert.HUGE_CHUNK),
    "huge-line": _break("one event of 50 MB, then on", Where.MIDDLE, insert=Insert.HUGE_LINE),
    # Statuses.
    "status-400": _status("a request that it does not like", 400, "invalid_value"),
    "context-length": _status("a prompt that is too long", 400, "context_length_exceeded"),
    "status-401": _status("a key that it does not know", 401, "invalid_api_key"),
    "status-403": _status("a key that may not", 403, "permission_denied"),
    "status-404": _status("a model that it does not know", 404, "model_not_found"),
    "status-429": _status("too many, no word of when", 429, _LIMITED),
    "retry-after-seconds": _status("429, again in 1 s", 429, _LIMITED, ("retry-after", "1")),
    "retry-after-date": _status("429, again at a time 2 s ahead", 429, _LIMITED, ("retry-after", "DATE")),
    "retry-after-absurd": _status("429, again in 31 years", 429, _LIMITED, ("retry-after", "999999999")),
    "retry-after-negative": _status("429, again before", 429, _LIMITED, ("retry-after", "-5")),
    "retry-after-garbage": _status("429, again `soon`", 429, _LIMITED, ("retry-after", "soon")),
    "quota": _status("429 for an account without money", 429, "insufficient_quota"),
    "status-500": _status("its own fault", 500, "server_error"),
    "status-503": _status("not now", 503, "server_error"),
    "status-529": _status("overloaded", 529, "overloaded_error"),
    "status-502-html": Behaviour(
        "a proxy's page", status=Status(502, body=_HTML % (b"502", b"Bad Gateway"), content_type="text/html")
    ),
    "html": Behaviour(
        "200 with a page", status=Status(200, body=_HTML % (b"Sign in", b"Sign in"), content_type="text/html")
    ),
    "empty": Behaviour("200 with an empty body", status=Status(200, body=b"")),
    "redirect": Behaviour("307 to another path", status=Status(307, body=b"", headers=(("location", "/_elsewhere"),))),
    "wrong-type": Behaviour("a whole answer as text/plain", content_type="text/plain"),
    "gzip-broken": Behaviour("said to be compressed, and is not", coding=Coding.BROKEN),
    "gzip-bomb": Behaviour("50 KB that unpack to 50 MB", coding=Coding.BOMB),
    "coding-unknown": Behaviour("a coding that nobody knows", coding=Coding.UNKNOWN),
    # Usage.
    "usage-missing": Behaviour("no usage, though it was asked for", usage=Usage.MISSING),
    "usage-null": Behaviour("usage is null", usage=Usage.NULL),
    "usage-negative": Behaviour("less than nothing was used", usage=Usage.NEGATIVE),
    "usage-absurd": Behaviour("10^15 tokens were used", usage=Usage.ABSURD),
    "usage-strings": Behaviour("the counts are strings", usage=Usage.STRINGS),
    "usage-less": Behaviour("says one token of completion, whatever was said", usage=Usage.LESS),
}


@functools.lru_cache(maxsize=1024)
def named(model: str) -> Behaviour | None:
    """Return the behaviour that a model's name stands for, None where it stands for none."""
    parts, parameters = model.split("-"), []
    while parts and "-".join(parts) not in CATALOGUE:
        parameters.append(parts.pop())
    if not parts:
        return None
    found = CATALOGUE["-".join(parts)]
    for parameter in parameters:
        matched = re.fullmatch(r"(first)?(\d{1,7})(ms)?", parameter)
        if matched is None:
            return None
        first, number, unit = matched.groups()
        if unit is None:
            if first or int(number) > _CHUNKS_MAX:
                return None
            found = dataclasses.replace(found, chunks=int(number))
        elif first:
            found = dataclasses.replace(found, first_s=int(number) / 1000)
        else:
            found = dataclasses.replace(found, pause_s=int(number) / 1000)
    return found
