"""What is changed of a running Council for a while: overrides, which end by themselves.

An override narrows or reorders what the settings give, and never widens it: no right, no budget and no limit grows by one, and
nobody who is paid or elsewhere is asked before one who is free or on this machine, but where the settings say so. So whoever
may set one can make Council do less, and never more. They are kept in the records; what should last is a patch.
Pure: parsing, and what a value makes of what was configured. Record 0038.
"""

import enum
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from council.domain import answers, errors

ALL = "*"
OWNER = "owner"
# What limits and budgets call a caller without a token.
NOBODY = "anonymous"
# In force at once, and for how long at most.
MOST = 32
SPAN_S_MAX = 86_400
SPAN_US_MAX = SPAN_S_MAX * 1_000_000

REASON_CHARS_MAX = 300
BY_CHARS_MAX = 64
ID_CHARS_MAX = 64
_TARGET_CHARS_MAX = 200
_VALUE_CHARS_MAX = 1_000
_NAMED_MAX = 16

_ROUTE, _PATH, _TOKEN, _USER = "route:", "path:", "token:", "user:"
# What asks Council to work, and nothing by which it is looked at or governed.
PATHS = (
    *("/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages", "/v1/embeddings"),
    *("/v1/sandbox/run", "/v1/sandbox/sessions", "/v1/sandbox/sessions/{id}/run"),
    *("/api/calculate", "/api/solve", "/api/search", "/mcp"),
)
# Caches by name, all of recall: answers given before, and vectors of texts.
ANSWERS, TEXTS = "answers", "texts"
CACHES = (ANSWERS, TEXTS)
# What may run more than once.
SCALED = ("gateway",)

_T = TypeVar("_T")


class Kind(enum.StrEnum):
    """What an override changes.

    rate       target `*`, `token:ID` or `user:ID`; value: requests a minute that each such token may make at most
    shed       target `*`, `route:NAME` or `path:PATH`; value: the share of new requests that are refused, percent
    workers    target `gateway`; value: how many of its processes run; the steward has the supervisor scale, there and back
    providers  target `*` or a model; value: providers in the order in which to ask them, as `one,two`; `-NAME`: not at all
    cache      target `answers` or `texts`; value: how much it may hold, as `500 entries` or `1048576 bytes`
    """

    RATE = "rate"
    SHED = "shed"
    WORKERS = "workers"
    PROVIDERS = "providers"
    CACHE = "cache"


@dataclass(frozen=True, slots=True)
class Override:
    """One change for a while. `by` is a repair's id, or `owner`. `lifted_us` is when it was ended or replaced, else 0.

    Of one kind and target only the last is in force.
    """

    id: str
    kind: Kind
    target: str
    value: str
    reason: str
    by: str
    began_us: int
    until_us: int
    lifted_us: int = 0

    def in_force(self, at_us: int) -> bool:
        """Return whether it holds at a moment. One that ends later than any may was begun by a clock that was wrong."""
        return not self.lifted_us and 0 < self.until_us - at_us <= SPAN_US_MAX

    @property
    def title(self) -> str:
        """Say in words what it does."""
        return _TITLES[self.kind](self.target, self.value)

    @property
    def public_title(self) -> str:
        """Say the same to those who may not operate: without the ids of tokens and users."""
        kind_of, named, _ = self.target.partition(":")
        hides = self.kind is Kind.RATE and bool(named)
        return _TITLES[self.kind](f"one {kind_of}" if hides else self.target, self.value)


@dataclass(frozen=True, slots=True)
class Order:
    """Which providers to ask first, in this order, and which not at all."""

    first: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Cap:
    """How much a cache may hold; None is no bound of this kind beyond the configured one."""

    entries: int | None = None
    bytes: int | None = None


def checked(one: Override) -> Override:
    """Return it if every part of it is of its form. Raises InvalidRequestError."""
    _check_target(one.kind, one.target)
    parse(one.kind, one.value)
    if not 0 < one.until_us - one.began_us <= SPAN_US_MAX:
        raise errors.InvalidRequestError(
            f"An override holds for up to {SPAN_S_MAX // 3600} hours. Give it a shorter time, and a patch what should last.",
            parameter="until_us",
        )
    lines = (("id", one.id, ID_CHARS_MAX), ("by", one.by, BY_CHARS_MAX), ("reason", one.reason, REASON_CHARS_MAX))
    for name, text, most in lines:
        if not text.strip() or len(text) > most or not text.isprintable():
            raise errors.InvalidRequestError(
                f"`{name}` is one line of 1 to {most} characters. Say it in so many.", parameter=name
            )
    return one


def reason_of(text: str) -> str:
    """Return a reason as `checked` takes it, of whatever text: those who may operate are told it, in one line."""
    words = "".join(letter if letter.isprintable() else " " for letter in text).split()
    return " ".join(words)[:REASON_CHARS_MAX].rstrip() or "No reason was given."


def _check_target(kind: Kind, target: str) -> None:
    known = len(target) <= _TARGET_CHARS_MAX and target.isprintable() and _TARGETS[kind](target)
    if not known:
        raise errors.InvalidRequestError(
            f"{target[:_TARGET_CHARS_MAX]!r} is no target of an override of kind {kind}. It takes {_TARGETS_SAID[kind]}.",
            parameter="target",
        )


def parse(kind: Kind, value: str) -> int | Order | Cap:
    """Return what a value means: an Order for providers, a Cap for a cache, else a number. Raises InvalidRequestError."""
    found = _PARSERS[kind](value) if len(value) <= _VALUE_CHARS_MAX else None
    if found is None:
        raise errors.InvalidRequestError(
            f"{value[:_TARGET_CHARS_MAX]!r} is no value of an override of kind {kind}. It takes {_VALUES_SAID[kind]}.",
            parameter="value",
        )
    return found


def ceiling(configured: int, ceilings: Iterable[int]) -> int:
    """Return the lowest of a configured limit and what overrides allow."""
    return min((configured, *ceilings))


def capped(configured: int, most: int | None) -> int:
    """Return how much a cache may hold, of a configured bound and an override's."""
    return configured if most is None else min(configured, most)


def workers(configured: int, most: int, wanted: int | None) -> int:
    """Return how many processes are to run: as many as configured, or as an override wants of what the settings allow."""
    return configured if wanted is None else max(1, min(wanted, max(configured, most)))


def arranged(
    found: Sequence[_T],
    provider_of: Callable[[_T], str],
    order: Order,
    may_pass: Callable[[_T, _T], bool] = lambda _one, _other: True,
) -> list[_T]:
    """Return those whose provider is not left out: first those named, as named, then the others as they were.

    `may_pass` says whether one may be asked before another that was to be asked before it.
    """
    rank = {name: place for place, name in enumerate(order.first)}
    left = [one for one in found if provider_of(one) not in order.without]
    asked: list[_T] = []
    while left:
        able = [at for at, one in enumerate(left) if all(may_pass(one, other) for other in left[:at])]
        asked.append(left.pop(min(able, key=lambda at: rank.get(provider_of(left[at]), len(rank)))))
    return asked


def joined(own: Order | None, of_all: Order | None) -> Order | None:
    """Return what a model's own order and that of all models come to: its own goes before, and either leaves out."""
    if own is None or of_all is None:
        return own or of_all
    first = (*own.first, *(name for name in of_all.first if name not in own.first))
    return Order(first, own.without | of_all.without)


def _number(low: int, high: int) -> Callable[[str], int | None]:
    def parse_number(value: str) -> int | None:
        found = int(value) if re.fullmatch(r"0|[1-9][0-9]{0,7}", value, re.ASCII) else -1
        return found if low <= found <= high else None

    return parse_number


def _order(value: str) -> Order | None:
    names = value.split(",")
    if len(names) > _NAMED_MAX or not all(re.fullmatch(r"-?[a-z0-9_][a-z0-9_-]{0,63}", name) for name in names):
        return None
    if len({name.removeprefix("-") for name in names}) < len(names):
        return None
    first = tuple(name for name in names if not name.startswith("-"))
    return Order(first, frozenset(name[1:] for name in names if name.startswith("-")))


def _cap(value: str) -> Cap | None:
    found = re.fullmatch(r"(0|[1-9][0-9]{0,11}) (entries|bytes)", value, re.ASCII)
    return Cap(**{found.group(2): int(found.group(1))}) if found else None


def _has_rest(target: str, *prefixes: str) -> bool:
    return any(target.startswith(prefix) and len(target) > len(prefix) for prefix in prefixes)


_ROUTES = tuple(f"{_ROUTE}{route}" for route in answers.Route)
_SHED = frozenset((ALL, *_ROUTES, *(f"{_PATH}{path}" for path in PATHS)))

_TARGETS: dict[Kind, Callable[[str], bool]] = {
    Kind.RATE: lambda target: target == ALL or _has_rest(target, _TOKEN, _USER),
    Kind.SHED: _SHED.__contains__,
    Kind.WORKERS: SCALED.__contains__,
    Kind.PROVIDERS: lambda target: bool(target) and target == target.strip(),
    Kind.CACHE: CACHES.__contains__,
}
_TARGETS_SAID = {
    Kind.RATE: "`*`, `token:ID` or `user:ID`",
    Kind.SHED: f"`*`, {', '.join(f'`{one}`' for one in _ROUTES)}, or `path:` and one of {', '.join(PATHS)}",
    Kind.WORKERS: f"`{SCALED[0]}`",
    Kind.PROVIDERS: "`*` or the name of a model",
    Kind.CACHE: " or ".join(f"`{name}`" for name in CACHES),
}
_PARSERS: dict[Kind, Callable[[str], int | Order | Cap | None]] = {
    Kind.RATE: _number(1, 10_000_000),
    Kind.SHED: _number(0, 100),
    Kind.WORKERS: _number(1, 64),
    Kind.PROVIDERS: _order,
    Kind.CACHE: _cap,
}
_VALUES_SAID = {
    Kind.RATE: "a number of requests a minute, at least 1",
    Kind.SHED: "a number of percent, 0 to 100",
    Kind.WORKERS: "a number of processes, 1 to 64",
    Kind.PROVIDERS: f"up to {_NAMED_MAX} names of providers, comma-separated, with `-` before one that is not to be asked",
    Kind.CACHE: "a number and a unit: `500 entries` or `1048576 bytes`",
}


def _each(target: str) -> str:
    return "each token" if target == ALL else target.replace(":", " ", 1)


def _requests(target: str) -> str:
    if target == ALL:
        return "new requests"
    return f"new requests {'to' if target.startswith(_PATH) else 'of'} {target.replace(':', ' ', 1)}"


def _asked(value: str) -> str:
    order = _order(value) or Order()
    parts = [f"ask {', '.join(order.first)} first"] if order.first else []
    parts += [f"leave out {', '.join(sorted(order.without))}"] if order.without else []
    return " and ".join(parts)


_TITLES: dict[Kind, Callable[[str, str], str]] = {
    Kind.RATE: lambda target, value: f"at most {value} requests a minute for {_each(target)}",
    Kind.SHED: lambda target, value: f"refuse {value} % of {_requests(target)}",
    Kind.WORKERS: lambda target, value: f"run {value} of {target}",
    Kind.PROVIDERS: lambda target, value: f"{_asked(value)} for {'every model' if target == ALL else target}",
    Kind.CACHE: lambda target, value: f"keep at most {value} in the cache of {target}",
}
