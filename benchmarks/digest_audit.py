"""Holds a digest against the records: every number in it is found again by its query, and not by the code that made it.

The ledger, incidents, notices and snapshots are read as rows of SQLite, patches from the journal's files, gates and series from
what the watcher kept. What is only known of now (gates, services, budgets) is asked before the digest is made and after it. A
fact that no rule here knows is a violation, and so is a number in the text that none of its facts accounts for.
"""

import asyncio
import dataclasses
import datetime
import json
import math
import re
import sqlite3
import statistics
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import councils
import digest_series
from council import care_app
from council.domain import digests, evidence
from council.domain import home as home_module
from council.upkeep.observer import telling

Fact = Mapping[str, Any]
# Returns what a query that matched its pattern may give.
Rule = Callable[[re.Match[str]], list[Any]]

_VERDICTS = ("green", "amber", "red")
_ENDS = ("applied", "refused", "rolled back")
_COMMAND_S = 120.0
_BEFORE_S = 3 * 3600.0
# Between two moments that are told as one: of some it is only known how long ago they were.
_NOW_S = 2.0
# `observe.interval_s`, as a soak leaves it.
_INTERVAL_S = 900.0
_TRIES = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Audit:
    """A digest, for programs and for people, how many numbers it has, and what of it the records do not bear out."""

    digest: Mapping[str, Any]
    text: str
    numbers: int
    violations: Sequence[str]


@dataclasses.dataclass(frozen=True, slots=True)
class Books:
    """All that the records hold of the span of a digest, each as it lies there."""

    ledger: Sequence[Mapping[str, Any]]
    incidents: Mapping[str, Mapping[str, Any]]
    notices: Sequence[str]
    ticks: Sequence[str]
    announced: Sequence[str]
    patches: Mapping[str, Mapping[str, Any]]
    repairs: Sequence[Mapping[str, Any]]
    interventions: Sequence[Mapping[str, Any]]
    looks: Sequence[tuple[str, float, bool]]
    histories: Mapping[str, Mapping[str, Any]]
    tracks: Sequence[evidence.Track]
    now: Sequence[Mapping[str, Any]]


def audit(where: home_module.Home) -> Audit:
    """Make a digest of the running Council and hold it against the records."""
    found = _looked(where)
    for _ in range(_TRIES - 1):
        # What stood for a moment only, between the two looks, may be gone: then all is looked at anew.
        if not found.violations:
            break
        found = _looked(where)
    return found


def _looked(where: home_module.Home) -> Audit:
    before = _now(where)
    digest = json.loads(_told(where, "observe", "digest", "--json"))
    text = _told(where, "observe", "digest")
    books = _books(where, digest, (before, _now(where)))
    wrong = [*audited(digest, books), *unexplained(digest, text), *unnoticed(digest, books)]
    return Audit(digest, text, sum(_is_number(one) for _, one in facts(digest)), wrong)


def audited(digest: Mapping[str, Any], books: Books) -> Iterator[str]:
    """Yield a line for each number of a digest that is not what the records say."""
    for path, fact in facts(digest):
        true = _truths(fact, digest, books)
        if true is None:
            yield f"{path}: nobody knows how to ask {fact['query']!r} for {fact['name']!r} again"
        elif not _bears_out(fact, true):
            yield f"{path}: {fact['name']} is told as {fact['value']!r} {fact['unit']}, and {fact['query']!r} gives {true!r}"
    yield from _plots(digest, books)


def facts(one: Any, path: str = "digest") -> Iterator[tuple[str, Fact]]:
    """Yield every fact of a digest, with where it stands."""
    if isinstance(one, dict):
        if "query" in one and "value" in one:
            yield path, one
        for name, value in one.items():
            yield from facts(value, f"{path}.{name}")
    elif isinstance(one, list):
        for place, value in enumerate(one):
            yield from facts(value, f"{path}[{place}]")


def unexplained(digest: Mapping[str, Any], text: str) -> Iterator[str]:
    """Yield each sentence with a number that no fact of it accounts for."""
    for one in _sentences(digest):
        told = [
            evidence.Fact(each["name"], each["value"], each["unit"], "", evidence.Span(0, 1))
            for each in one["evidence"]
        ]
        if strange := telling.strays(one["text"], told):
            yield f"{one['text']!r} has {strange}, which is none of its facts"
    if not text.strip():
        yield "the digest has no text"


def unnoticed(digest: Mapping[str, Any], books: Books) -> Iterator[str]:
    """Yield each number that could be another without this audit's saying so: it would prove nothing."""
    for path, fact in facts(digest):
        if not _is_number(fact):
            continue
        value = fact["value"]
        wrong = dict(fact) | {"value": value * 1.5 + 7 if fact["unit"] != telling.TIME else value + 60}
        true = _truths(wrong, digest, books)
        if true is not None and _bears_out(wrong, true):
            yield f"{path}: the audit would not notice a wrong {fact['name']}"


def _sentences(one: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(one, dict):
        if "text" in one and "evidence" in one:
            yield one
        for value in one.values():
            yield from _sentences(value)
    elif isinstance(one, list):
        for value in one:
            yield from _sentences(value)


# What the records say


def _truths(fact: Fact, digest: Mapping[str, Any], books: Books) -> list[Any] | None:
    """Return the values that its query may give; None where there is no rule for it."""
    query, name = fact["query"], fact["name"]
    span = (_seconds(fact["from"]), _seconds(fact["to"]))
    rules: tuple[tuple[str, Rule], ...] = (
        (r"", lambda _: _of_itself(name, digest)),
        (r"council incidents show (\S+)", lambda found: _of_incident(found[1], name, books)),
        (r"council incidents --json", lambda _: _of_incidents(fact, span, books)),
        (r"council patch history", lambda _: _of_patches(fact, span, books)),
        (r"council patch show (\S+)", lambda found: _of_patch(found[1], name, books)),
        (r"council ledger report --by route", lambda _: _of_ledger(name, span, books)),
        (r"council gates NAME --json, the mean over the gates", lambda _: _of_gates(name, span, books)),
        (r"council gates (\w+) --json", lambda found: _of_gate(found[1], name, span, books)),
        (r"council gates (\w+)", lambda found: _of_gate_now(found[1], name, books)),
        (r"council gates --json", lambda _: _of_now("findings", books)),
        (r"council status --json", lambda _: _of_services(books)),
        (r"council budget", lambda _: _of_now("budget", books)),
        (r"council observe history --json", lambda _: _of_snapshots(name, span, books)),
        (
            r"council notify failed --json",
            lambda _: [books.notices.count("waiting" if name == "notices waiting" else "failed")],
        ),
        (r"council report kpi --json", lambda _: _of_autonomy(name, span, books)),
        (r"council doctor", lambda _: _of_missing(name, digest)),
        (digest_series.FORECAST.pattern, lambda found: digest_series.ahead(found, span[1], books.tracks)),
        (r".*\w\(\w+.*\).*", lambda _: digest_series.values(query, span, fact["unit"], books.tracks)),
        (
            r'(\w+)\{svc="(\w*)"\}',
            lambda found: [digest_series.until(books.tracks, found[1], found[2], span[1])[-1][1]],
        ),
    )
    for pattern, rule in rules:
        if matched := re.fullmatch(pattern, query):
            return rule(matched)
    return None


def _of_itself(name: str, digest: Mapping[str, Any]) -> list[Any]:
    start_s, end_s = _seconds(digest["from"]), _seconds(digest["to"])
    values: dict[str, list[Any]] = {"until": [end_s], "length": [end_s - start_s], "autonomy": [None]}
    return values.get(name, [])


def _of_incident(identifier: str, name: str, books: Books) -> list[Any]:
    one = books.incidents.get(identifier)
    if one is None:
        return []
    began_us, detected_us, repaired_us = (one[each] for each in ("began_us", "detected_us", "repaired_us"))
    body = one["body"]
    match name:
        case "began":
            return [began_us / 1e6]
        case "time to detect":
            return [(detected_us - began_us) / 1e6]
        case "time to repair":
            return [(repaired_us - began_us) / 1e6 if one["standing"] == "repaired" else None]
        case "since":
            return [each / 1e6 for each in _values(body, "since_us")]
        case _:
            titles = _titles(body)
            more = f" and {len(titles) - 3} more" if len(titles) > 3 else ""
            return [one["id"], ", ".join(titles[:3]) + more, *titles, *_words(body)]


def _of_incidents(fact: Fact, span: tuple[float, float], books: Books) -> list[Any]:
    touching = [
        one
        for one in books.incidents.values()
        if one["began_us"] / 1e6 < span[1] and (not one["repaired_us"] or one["repaired_us"] / 1e6 >= span[0])
    ]
    titles = [title for one in touching if one["began_us"] / 1e6 >= span[0] for title in _titles(one["body"])]
    match fact["name"]:
        case "incidents":
            return [len(touching)]
        case "open incidents":
            return [sum(one["standing"] == "open" for one in touching)]
        case "incidents with it":
            return [titles.count(title) for title in set(titles)]
        case _:
            return list(titles)


def _of_patches(fact: Fact, span: tuple[float, float], books: Books) -> list[Any]:
    wanted = {"patches applied": "applied", "patches returned": "rolled back", "patches refused": "refused"}
    ended = [one for one in books.patches.values() if not one["trial"] and span[0] <= one["ended_s"] < span[1]]
    if fact["name"] in wanted:
        return [sum(one["outcome"] == wanted[fact["name"]] for one in ended)]
    reasons = [one["reason"].partition(":")[0] for one in books.patches.values() if one["outcome"] == "refused"]
    return [reasons.count(reason) for reason in set(reasons)] + reasons


def _of_patch(cid: str, name: str, books: Books) -> list[Any]:
    one = books.patches.get(cid)
    if one is None:
        return []
    if name == "time before":
        return [began["began_us"] / 1e6 - at_s for began in books.incidents.values() for at_s in one["times"].values()]
    return [one["ended_s"], *one["times"].values(), cid, one["title"], one["reason"], "without a title"]


def _of_ledger(name: str, span: tuple[float, float], books: Books) -> list[Any]:
    rows = [row for row in books.ledger if span[0] <= row["at_us"] / 1e6 < span[1]]
    answered = sum(row["outcome"] == "answered" for row in rows)
    cost = sum(row["cost_usd_micros"] for row in rows)
    local = sum(bool(row["local"]) for row in rows if row["outcome"] == "answered")
    match name:
        case "cost per 100 answers":
            return [cost / answered / 10_000 if answered else None]
        case "local share":
            return [100 * local / answered if answered else None]
        case "answers":
            return [answered]
        case "n of answers":
            return [len(rows)]
        case _:
            return [answered] if name.startswith("n of") else []


def _of_gate(gate: str, name: str, span: tuple[float, float], books: Books) -> list[Any]:
    past = books.histories[gate]
    if name in ("latency p95", "n of latency p95"):
        values = [value for at_s, value in past["values"] if span[0] <= at_s < span[1]]
        return [len(values) if name.startswith("n of") else statistics.median(values) if values else None]
    spent = _spent(past, span)
    known_s = sum(spent.get(one, 0.0) for one in _VERDICTS)
    if name.startswith("health of "):
        return [100 * (spent.get("green", 0.0) + spent.get("amber", 0.0) / 2) / known_s if known_s else None]
    if name.endswith(" red"):
        return [spent.get("red", 0.0)]
    applies_s = span[1] - span[0] - spent.get("not applicable", 0.0)
    return [100 * known_s / applies_s] if name.endswith(" known") else [gate]


def _of_gates(name: str, span: tuple[float, float], books: Books) -> list[Any]:
    spent = {gate: _spent(past, span) for gate, past in books.histories.items()}
    lengths = {gate: span[1] - span[0] - one.get("not applicable", 0.0) for gate, one in spent.items()}
    applies = [gate for gate, one in spent.items() if set(one) - {"not applicable"}]
    known = {gate: sum(spent[gate].get(one, 0.0) for one in _VERDICTS) for gate in applies}
    healths = [
        100 * (spent[gate].get("green", 0.0) + spent[gate].get("amber", 0.0) / 2) / known[gate]
        for gate in applies
        if known[gate]
    ]
    match name:
        case "system health" | "system_health":
            return [statistics.fmean(healths) if healths else None]
        case "gates that were known":
            return [len(healths)]
        case _:
            return [statistics.fmean(100 * known[gate] / lengths[gate] for gate in applies)]


def _spent(past: Mapping[str, Any], span: tuple[float, float]) -> dict[str, float]:
    """Return the seconds of each verdict."""
    times: dict[str, float] = {}
    changes = sorted((one["since_s"], one["verdict"]) for one in past["verdicts"])
    for place, (since_s, verdict) in enumerate(changes):
        until_s = changes[place + 1][0] if place + 1 < len(changes) else span[1]
        if (lasted_s := min(until_s, span[1]) - max(since_s, span[0])) > 0:
            times[verdict] = times.get(verdict, 0.0) + lasted_s
    return times


def _of_gate_now(gate: str, name: str, books: Books) -> list[Any]:
    lines = [one for look in books.now for one in look["gates"] if one["name"] == gate]
    must = {"<": "below", ">": "above"}
    told = {"limit": "threshold", "since": "since_s", "verdict": "verdict", "gate": "name"}
    if name == "must be":
        return [must[one["comparator"][0]] for one in lines]
    return [one[told.get(name, "value")] for one in lines]


def _of_now(what: str, books: Books) -> list[Any]:
    looks = [look[what] for look in books.now]
    return [*_numbers(looks), *_words(looks)]


def _of_services(books: Books) -> list[Any]:
    rows = [one for look in books.now for one in look["services"]]
    began_s = [look["at_s"] - one["uptime_s"] for look in books.now for one in look["services"]]
    return [
        *(one["crashes"] for one in rows),
        *_words(rows),
        *(one["name"].partition(":")[0] for one in rows),
        *began_s,
    ]


def _of_snapshots(name: str, span: tuple[float, float], books: Books) -> list[Any]:
    match name:
        case "last digest" | "archive merged":
            prefix = "digest:" if name == "last digest" else "archived:"
            days = [one.removeprefix(prefix) for one in books.announced if one.startswith(prefix)]
            return [None] if not days else [datetime.datetime.fromisoformat(f"{max(days)}T03:00:00Z").timestamp()]
        case _:
            began = [float(one.removeprefix("began:")) for one in books.announced if one.startswith("began:")]
            start_s = max(span[0], min(began, default=span[1]))
            low, high = (f"{_moment(at_s):%Y%m%dT%H%M%SZ}" for at_s in (start_s, span[1]))
            taken = sum(low <= one < high for one in books.ticks)
            wanted = int(span[1] // _INTERVAL_S) - int(start_s // _INTERVAL_S)
            return [taken if name == "snapshots taken" else max(0, wanted - taken)]


def _of_autonomy(name: str, span: tuple[float, float], books: Books) -> list[Any]:
    """Return the share of operations that nobody was needed for, by Wilson's lower bound where it is that."""
    begun = [key for key, one in books.incidents.items() if span[0] <= one["began_us"] / 1e6 < span[1]]
    decided = [one for one in books.patches.values() if one["outcome"] in _ENDS and not one["trial"]]
    decided = [one for one in decided if span[0] <= one["ended_s"] < span[1]]
    acted = [one for one in books.interventions if span[0] <= one["at_us"] / 1e6 < span[1]]
    called = {one["incident_id"] for one in books.repairs if one["outcome"] == "a person was called"}
    needed = sum(key in called for key in begun) + sum(one["returned_by"] not in ("", "healer") for one in decided)
    jobs = [one for one in _jobs(books) if span[0] <= one[1] < span[1]]
    good = {kind: max(at_s for other, at_s, well in jobs if well and other == kind) for kind, _, well in jobs if well}
    needed += sum(not well and at_s >= good.get(kind, 0.0) for kind, at_s, well in jobs)
    count = len(begun) + len(decided) + len(jobs)
    alone = count - min(count, needed + sum(one["kind"] in ("override", "unfreeze", "restart") for one in acted))
    if name.startswith("n of") or not count:
        return [count if name.startswith("n of") else None]
    share, z = alone / count, statistics.NormalDist().inv_cdf(0.975)
    low = (share + z * z / (2 * count) - z * math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)) / (
        1 + z * z / count
    )
    return [100 * max(0.0, low) if name == "autonomy, at least" else 100 * share]


def _jobs(books: Books) -> Iterator[tuple[str, float, bool]]:
    """Yield each scheduled job: what it was, when, and whether it went well."""
    yield from books.looks
    for one in books.announced:
        kind, _, day = one.partition(":")
        if kind in ("digest", "archived"):
            yield kind, datetime.datetime.fromisoformat(f"{day}T03:00:00Z").timestamp(), True


def _of_missing(name: str, digest: Mapping[str, Any]) -> list[Any]:
    whats = [one["what"] for one in digest["missing"]]
    ours = [one for one in whats if not one.startswith(("the rest of the day", "the older", "sentinels, services"))]
    return (
        [len(ours)]
        if name == "parts that could not be asked"
        else [telling.listed(ours), *(one["why"] for one in digest["missing"])]
    )


def _plots(digest: Mapping[str, Any], books: Books) -> Iterator[str]:
    for one in digest["plots"]:
        past = books.histories.get(one["name"], {}).get("values", [])
        known = {digests.stamp(at_s): value for at_s, value in past}
        if one["name"] != "requests":
            wrong = [point for point in one["points"] if known.get(point[0]) != point[1]]
            if wrong:
                yield f"the plot of {one['name']} has points that the watcher never kept: {wrong[:3]}"
            continue
        span = (_seconds(digest["from"]), _seconds(digest["to"]))
        risen = digest_series.risen(books.tracks, "council_exchanges_total", span)
        if bool(risen) != any(value for _, value in one["points"]) or len(one["points"]) > digests.PLOT_POINTS_MAX:
            yield f"the plot of requests does not go with {risen} requests that were counted"


# Reading them


def _books(where: home_module.Home, digest: Mapping[str, Any], now: Sequence[Mapping[str, Any]]) -> Books:
    rows = sqlite3.connect(f"file:{where.records / 'council.db'}?mode=ro", uri=True, timeout=10)
    rows.row_factory = sqlite3.Row
    try:
        wrong = {
            row["id"]: dict(row) | {"body": json.loads(row["body"])} for row in rows.execute("SELECT * FROM incidents")
        }
        ledger = [dict(row) for row in rows.execute("SELECT at_us, outcome, cost_usd_micros, local FROM ledger")]
        notices = [row[0] for row in rows.execute("SELECT delivery FROM notices")]
        ticks = [row[0] for row in rows.execute("SELECT id FROM snapshots WHERE occasion = 'tick'")]
        announced = [row[0] for row in rows.execute("SELECT name FROM announcements")]
        repairs = [dict(row) for row in rows.execute("SELECT incident_id, outcome FROM repairs")]
        acted = [dict(row) for row in rows.execute("SELECT kind, at_us FROM interventions")]
        looks = [
            (row["bot"], row["began_us"] / 1e6, row["outcome"] != "failed")
            for row in rows.execute("SELECT * FROM bot_runs")
        ]
        looks += [
            (row["kind"], json.loads(row["body"])["began_us"] / 1e6, row["outcome"] == "ok")
            for row in rows.execute("SELECT kind, outcome, body FROM backups")
        ]
    finally:
        rows.close()
    start_s = _seconds(digest["from"])
    watch, names = care_app.watch(where), [one["name"] for one in now[-1]["gates"]]

    async def asked() -> tuple[dict[str, Any], list[evidence.Track]]:
        pasts = {name: dataclasses.asdict(await watch.history(name, start_s)) for name in names}
        return pasts, await watch.tracks(tuple(evidence.TRACKED), start_s - _BEFORE_S)

    histories, tracks = asyncio.run(asked())
    patches = _patches(where)
    return Books(ledger, wrong, notices, ticks, announced, patches, repairs, acted, looks, histories, tracks, now)


def _patches(where: home_module.Home) -> dict[str, Mapping[str, Any]]:
    """Return each patch as the journal on the disk tells of it."""
    found = {}
    for row in json.loads(_told(where, "patch", "history", "--json", "--limit", "1000")):
        times = {name: float(at_s) for name, at_s in row["times"]}
        ended_s = list(times.values())[-1] if row["outcome"] and times else float(row["at_s"])
        found[row["cid"]] = row | {"times": times, "ended_s": ended_s}
    return found


def _now(where: home_module.Home) -> Mapping[str, Any]:
    """Return what is only known of now."""
    sight = asyncio.run(care_app.watch(where).sight())
    budget = json.loads(_told(where, "budget", "--json"))
    return {
        "gates": [dataclasses.asdict(one) for one in sight.gates],
        "findings": [dataclasses.asdict(one) for one in sight.findings],
        "services": [dataclasses.asdict(one) for one in sight.services],
        "budget": budget,
        "at_s": sight.at_s,
    }


def _told(where: home_module.Home, *arguments: str) -> str:
    """Return what a command prints. Raises subprocess.CalledProcessError."""
    command = [*councils.COMMAND, *arguments, "--home", str(where.root)]
    done = subprocess.run(
        command, env=councils.environment(), capture_output=True, text=True, timeout=_COMMAND_S, check=True
    )
    return done.stdout


# Small


def _is_number(fact: Fact) -> bool:
    return isinstance(fact["value"], int | float) and not isinstance(fact["value"], bool)


def _bears_out(fact: Fact, true: Sequence[Any]) -> bool:
    """Whether a fact is one of the values that its query may give; of a gate's number now, one between the two looks at it."""
    value = fact["value"]
    if any(_same(value, one, fact["unit"]) for one in true):
        return True
    numbers = [one for one in true if isinstance(one, int | float)]
    is_of_now = re.fullmatch(r"council gates \w+", fact["query"]) and fact["unit"] != telling.TIME
    return bool(is_of_now and numbers and isinstance(value, int | float) and min(numbers) <= value <= max(numbers))


def _same(told: Any, true: Any, unit: str) -> bool:
    """Whether two values are one, as far as a moment in JSON is exact: to the millisecond."""
    if isinstance(told, int | float) and isinstance(true, int | float):
        if unit == telling.TIME:
            return abs(told - true) < _NOW_S
        slack = 0.01 if unit in (telling.DURATION, telling.PERCENT, "") else 1e-6
        return math.isclose(told, true, rel_tol=1e-6, abs_tol=slack)
    if isinstance(told, str) and isinstance(true, str):
        return told in (true, true.removesuffix(".")) or true.startswith(told.removesuffix("…"))
    return told is None and true is None


def _seconds(stamp: str) -> float:
    return datetime.datetime.fromisoformat(stamp).timestamp()


def _moment(at_s: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(math.floor(at_s), datetime.UTC)


def _values(one: Any, name: str) -> list[Any]:
    """Return what stands under a name anywhere within JSON."""
    if isinstance(one, dict):
        return [value for key, each in one.items() for value in ([each] if key == name else _values(each, name))]
    return [value for each in one for value in _values(each, name)] if isinstance(one, list | tuple) else []


def _words(one: Any) -> list[str]:
    """Return every text anywhere within JSON."""
    if isinstance(one, dict):
        return [word for each in one.values() for word in _words(each)]
    return (
        [one]
        if isinstance(one, str)
        else [word for each in one for word in _words(each)]
        if isinstance(one, list | tuple)
        else []
    )


def _numbers(one: Any) -> list[float]:
    """Return every number anywhere within JSON."""
    if isinstance(one, dict):
        return [number for each in one.values() for number in _numbers(each)]
    if isinstance(one, list | tuple):
        return [number for each in one for number in _numbers(each)]
    return [one] if isinstance(one, int | float) and not isinstance(one, bool) else []


def _titles(body: Mapping[str, Any]) -> list[str]:
    """Return what an incident's alerts are of, each once."""
    alerts = [member["alert"] for member in body["members"]]
    return [" ".join([one["name"], *(f"{key}={value}" for key, value in one["labels"])]) for one in alerts]
