"""The ledger held against the upstream's tally, call by call, to the micro-dollar."""

import collections
import dataclasses
import itertools
import json
import sqlite3
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import provider_homes
import soak_gateway_load
from council.domain import answers, money
from council.domain import home as home_module

_PAGE = 10_000
PRICE = money.Price(provider_homes.INPUT_USD_MICROS, provider_homes.OUTPUT_USD_MICROS)
Key = tuple[str, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Billed:
    """One call as the upstream tells it."""

    behaviour: str
    outcome: str
    prompt_tokens: int
    completion_tokens: int

    @property
    def usd_micros(self) -> int:
        """What it cost."""
        return money.cost_usd_micros(PRICE, answers.Usage(self.prompt_tokens, self.completion_tokens))


@dataclasses.dataclass(frozen=True, slots=True)
class Charged:
    """One call as the ledger tells it."""

    prompt_tokens: int
    completion_tokens: int
    usd_micros: int
    estimated: bool
    outcome: str


@dataclasses.dataclass(slots=True)
class Sums:
    """What was held against each other, in calls and micro-dollars."""

    calls: int = 0
    charges: int = 0
    exact: int = 0
    estimated: int = 0
    exact_usd_micros: int = 0
    billed_exact_usd_micros: int = 0
    estimated_usd_micros: int = 0
    billed_estimated_usd_micros: int = 0
    held_calls: int = 0
    unread: int = 0


def tally(url: str) -> dict[Key, Billed]:
    """Return every call that the upstream has tallied."""
    found: dict[Key, Billed] = {}
    first = 0
    while True:
        with urllib.request.urlopen(f"{url}/_tally?first={first}&limit={_PAGE}", timeout=60) as response:
            page = json.load(response)
        assert page["dropped"] == 0, "the tally kept not every call"
        for one in page["entries"]:
            names = ("behaviour", "outcome", "prompt_tokens", "completion_tokens")
            found[one["request_id"], one["hop"]] = Billed(*(one[name] for name in names))
        first += len(page["entries"])
        if first >= page["count"]:
            return found


@dataclasses.dataclass(frozen=True, slots=True)
class Books:
    """The ledger's tables, read when nobody writes."""

    charges: Mapping[Key, Charged]
    holds: Mapping[Key, int]
    rows: Mapping[str, int]
    spent: Mapping[str, int]


def books(where: home_module.Home) -> Books:
    """Read them."""
    connection = sqlite3.connect(f"file:{where.records / 'council.db'}?mode=ro", uri=True, timeout=10)
    columns = "request_id, hop, prompt_tokens, completion_tokens, cost_usd_micros, estimated, outcome"
    try:
        charges = {
            (request_id, hop): Charged(prompt, completion, cost, bool(estimated), outcome)
            for request_id, hop, prompt, completion, cost, estimated, outcome in connection.execute(
                f"SELECT {columns} FROM charges"
            )
        }
        holds = {
            (request_id, hop): usd_micros
            for request_id, hop, usd_micros in connection.execute("SELECT request_id, hop, usd_micros FROM holds")
        }
        rows = dict(connection.execute("SELECT request_id, cost_usd_micros FROM ledger"))
        spent = dict(connection.execute("SELECT period, usd_micros FROM spend WHERE scope = 'all'"))
    finally:
        connection.close()
    return Books(charges, holds, rows, spent)


def exact(billed: Mapping[Key, Billed], kept: Books, sums: Sums, *, killed: bool) -> Iterator[str]:
    """Yield a line for each call whose charge is not what it cost, or less than that where it had to be estimated.

    Only where the gateway was killed may a call have no charge: then the hold for it must still be there, and cover it.
    """
    sums.calls, sums.charges = len(billed), len(kept.charges)
    charges = _as_the_upstream_counts(billed, kept.charges)
    for key, call in billed.items():
        charge = charges.get(key)
        if charge is None:
            if not (killed and kept.holds.get(key, -1) >= call.usd_micros):
                yield f"{key}: no charge, and no hold that covers it: {call}"
            sums.held_calls += 1
        elif charge.estimated:
            sums.estimated += 1
            sums.estimated_usd_micros += charge.usd_micros
            sums.billed_estimated_usd_micros += call.usd_micros
            if charge.usd_micros < call.usd_micros:
                yield f"{key}: the estimate {charge} is less than {call}"
        else:
            sums.exact += 1
            sums.exact_usd_micros += charge.usd_micros
            sums.billed_exact_usd_micros += call.usd_micros
            same = (charge.prompt_tokens, charge.completion_tokens) == (call.prompt_tokens, call.completion_tokens)
            if charge.usd_micros != call.usd_micros or not same:
                yield f"{key}: the charge {charge} is not {call}"
    sums.unread += len(kept.charges) - len(charges)
    for key, charge in charges.items():
        if key not in billed and charge.usd_micros:
            yield f"{key}: a charge for a call that the upstream does not know: {charge}"


def _as_the_upstream_counts(billed: Mapping[Key, Billed], charges: Mapping[Key, Charged]) -> dict[Key, Charged]:
    """Return the charges with the hops that the upstream counts, without those for calls that it never read.

    A call may meet a connection that is being closed: sent, never read, so it is charged an estimate and the upstream
    counts one hop less from there on. Only an estimate may be left out, and only where the upstream knows fewer calls.
    """
    known = collections.Counter(request_id for request_id, _ in billed)
    found = dict(charges)
    puzzling: dict[str, list[Charged]] = {key[0]: [] for key in charges if key not in billed}
    for key in sorted(charges):
        if key[0] in puzzling:
            puzzling[key[0]].append(charges[key])
    for request_id, own in puzzling.items():
        calls = [billed[request_id, hop] for hop in range(known[request_id]) if (request_id, hop) in billed]
        for left in itertools.combinations(own, len(calls)):
            unread = [charge for charge in own if not any(charge is one for one in left)]
            if all(charge.estimated for charge in unread) and all(map(_covers, left, calls)):
                for hop in range(len(own)):
                    found.pop((request_id, hop), None)
                found |= {(request_id, hop): charge for hop, charge in enumerate(left)}
                break
    return found


def _covers(charge: Charged, call: Billed) -> bool:
    return charge.usd_micros == call.usd_micros or (charge.estimated and charge.usd_micros > call.usd_micros)


def consistent(kept: Books) -> Iterator[str]:
    """Yield a line for each sum in the records that is not the sum of what it is made of."""
    by_request: collections.Counter[str] = collections.Counter()
    for (request_id, _), charge in kept.charges.items():
        by_request[request_id] += charge.usd_micros
    for request_id, usd_micros in kept.rows.items():
        if by_request.get(request_id, 0) != usd_micros:
            yield f"{request_id}: the row says {usd_micros}, its charges come to {by_request.get(request_id, 0)}"
    for request_id in by_request.keys() - kept.rows.keys():
        yield f"{request_id}: charges without a row"
    total = sum(by_request.values()) + sum(kept.holds.values())
    # Days and months both count everything, so at the turn of either there are several.
    for length in (10, 7):
        spent = sum(usd_micros for period, usd_micros in kept.spent.items() if len(period) == length)
        if spent != total:
            yield f"{spent} is spent by periods of {length} letters, charges and holds come to {total}"


def ends(billed: Mapping[Key, Billed], wrong: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield what clients saw wrong, with what its calls met upstream."""
    ids = {request_id for request_id, _ in wrong}
    met: dict[str, list[str]] = {}
    for (request_id, hop), call in sorted(billed.items() if ids else ()):
        if request_id in ids:
            met.setdefault(request_id, []).append(f"{hop}: {call.behaviour}, {call.outcome}")
    yield from (f"{request_id} {what}; upstream {met.get(request_id)}" for request_id, what in wrong)


def clean_ends(billed: Mapping[Key, Billed], ended: set[str]) -> Iterator[str]:
    """Yield a line for each stream that broke upstream and was ended to its caller as if it were whole."""
    last: dict[str, tuple[int, Billed]] = {}
    for (request_id, hop), call in billed.items():
        if request_id in ended and hop >= last.get(request_id, (-1, call))[0]:
            last[request_id] = hop, call
    for request_id, (_, call) in last.items():
        ill = call.behaviour in soak_gateway_load.script(0)["models"]["flaky"] or call.behaviour.startswith("status")
        if ill and call.behaviour not in soak_gateway_load.HARMLESS:
            yield f"{request_id} ended well, though its last call met {call}"


def report(sums: Sums) -> dict[str, Any]:
    """Return the sums for a JSON file."""
    return dataclasses.asdict(sums)
