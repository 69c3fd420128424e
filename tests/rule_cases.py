"""What a made Council tells Prometheus, step by step, and what the rules must then say: cases for `promtool test rules`.

Every number expected here follows from the rates of its case by hand, and none from the rules under test.
"""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from council.domain import gates, gates_file, sentinels_file

SHIPPED = yaml.safe_load((Path(__file__).parents[1] / "config" / "gates.yaml").read_text())
GATES = {gate.name: gate for gate in gates_file.build(SHIPPED, SHIPPED)}
SENTINELS = sentinels_file.build(yaml.safe_load((Path(__file__).parents[1] / "config" / "sentinels.yaml").read_text()))

STEP_S = 15
LEAKS_STEP_S = 5
STEPS = 60
SERVICES = ("gateway", "watcher", "recall")
# What the supervisor says is told of those without a port, too.
RUN = (*SERVICES, "store", "supervisor")

# None is a scrape that told nothing of the series.
Told = Sequence[float | None]
World = dict[str, Told]
Alerts = frozenset[tuple[str, str]]

_fds, _memory = GATES["fd_usage"].form, GATES["memory_growth"].form
assert isinstance(_fds, gates.Gauge) and _fds.by and isinstance(_memory, gates.Slope)
OPEN, LIMIT = _fds.of.metric, _fds.by.metric
RESIDENT, BEGAN = _memory.of.metric, _memory.began.metric
_LATENCY_EDGES = ("0.1", "0.5", "1.0", "2.5", "+Inf")
_SIZE_EDGES = ("1024.0", "8192.0", "10240.0", "65536.0", "+Inf")


@dataclass(frozen=True)
class Case:
    """A world, and what is said at its end: verdict and number of some gates, and every alert that fires."""

    name: str
    world: World
    said: Mapping[str, tuple[gates.Verdict, float | None]]
    firing: Alerts = frozenset()
    step_s: int = STEP_S

    def as_test(self) -> Mapping[str, Any]:
        """Return it in promtool's form. Floats are rounded, since promtool compares them exactly."""
        steps = max(len(told) for told in self.world.values())
        at = f"{(steps - 1) * self.step_s}s"
        asked = [check for name, (verdict, value) in self.said.items() for check in _checks(name, verdict, value)]
        alerts = [
            {"labels": f'{{alertname="{name}", severity="{severity}"}}', "value": 1}
            for name, severity in sorted(self.firing)
        ]
        asked.append({"expr": 'group by (alertname, severity) (ALERTS{alertstate="firing"})', "exp_samples": alerts})
        return {
            "name": self.name,
            "interval": f"{self.step_s}s",
            "input_series": [
                {"series": series, "values": " ".join(_written(one) for one in told)}
                for series, told in self.world.items()
            ],
            "promql_expr_test": [{**check, "eval_time": at} for check in asked],
        }


def _checks(name: str, verdict: gates.Verdict, value: float | None) -> Iterator[Mapping[str, Any]]:
    of, level = f'{{gate="{name}"}}', {"green": 0, "amber": 1, "red": 2, "unknown": 3}[verdict]
    told = f"council:gate:verdict{of}"
    yield {"expr": told, "exp_samples": [{"labels": told, "value": level}]}
    number = [] if value is None else [{"labels": of, "value": value}]
    yield {"expr": f"round(council:gate:value{of}, 0.000001)", "exp_samples": number}


def _written(value: float | None) -> str:
    if value is None:
        return "_"
    return "NaN" if math.isnan(value) else f"{value:.17g}"


def rising(*parts: tuple[float, int]) -> Told:
    """Return a counter from 0 that rises by so much a step, for so many steps; STEPS of them in all leave STEPS + 1 samples."""
    told = [0.0]
    for by, steps in parts:
        for _ in range(steps):
            told.append(told[-1] + by)
    return told


def level(*parts: tuple[float | None, int]) -> Told:
    """Return a gauge that stays for so many steps at each value, and one more at the last."""
    told = [value for value, steps in parts for _ in range(steps)]
    return [*told, told[-1]]


# What each gate reads, as series told with a rate or a value; `steps` so that a longer world has the same.


def histogram(metric: str, edges: Sequence[str], upper: str, steps: int = STEPS, by: float = 10) -> World:
    """Return a histogram all of whose observations lie in the bucket below `upper`."""
    place = edges.index(upper)
    told = {
        f'{metric}_bucket{{svc="gateway", le="{edge}"}}': rising((by if at >= place else 0, steps))
        for at, edge in enumerate(edges)
    }
    return {**told, f'{metric}_count{{svc="gateway"}}': rising((by, steps))}


def counters(metric: str, label: str, steps: int = STEPS, **rates: float) -> World:
    return {f'{metric}{{svc="gateway", {label}="{value}"}}': rising((rate, steps)) for value, rate in rates.items()}


def latency(upper: str, steps: int = STEPS) -> World:
    return histogram("council_latency_seconds", _LATENCY_EDGES, upper, steps)


def sizes(upper: str, steps: int = STEPS) -> World:
    return histogram("council_answer_bytes", _SIZE_EDGES, upper, steps)


def questions(answered: float, failed: float, steps: int = STEPS) -> World:
    told = counters("council_requests_total", "outcome", steps, answered=answered, refused=0, wrong=0, failed=failed)
    return {**told, 'council_marked_wrong_total{svc="gateway"}': rising((0, steps))}


def local(local: float, paid: float, steps: int = STEPS) -> World:
    return counters("council_local_answers_total", "local", steps, true=local, false=paid)


def cost(micros: float, steps: int = STEPS) -> World:
    return {'council_cost_usd_micros_total{svc="gateway", model="paid"}': rising((micros, steps))}


def exchanges(ok: float, error: float, steps: int = STEPS) -> World:
    return counters("council_exchanges_total", "outcome", steps, ok=ok, error=error, timeout=0)


def calls(ok: float, error: float, steps: int = STEPS) -> World:
    return counters("council_network_calls_total", "outcome", steps, ok=ok, error=error)


def users(count: float, steps: int = STEPS) -> World:
    return {'council_users_in_flight{svc="gateway"}': level((count, steps))}


def share(used: str, whole: str, value: float, of: float, steps: int = STEPS) -> World:
    return {f'{used}{{svc="watcher"}}': level((value, steps)), f'{whole}{{svc="watcher"}}': level((of, steps))}


def disk(used: float, steps: int = STEPS) -> World:
    return share("council_disk_used_bytes", "council_disk_size_bytes", used, 100, steps)


def gpu(used: float, steps: int = STEPS) -> World:
    return share("council_gpu_memory_used_bytes", "council_gpu_memory_total_bytes", used, 100, steps)


def fds(service: str, *open_fds: tuple[float | None, int]) -> World:
    return {f'{OPEN}{{svc="{service}"}}': level(*open_fds)}


def runs(service: str, *verdicts: tuple[float | None, int]) -> World:
    return {f'council_service_verdict{{svc="{service}"}}': level(*verdicts)}


def healthy(steps: int = STEPS) -> World:
    """Return a Council in which every gate but memory_growth is green; that one is too young to be known."""
    world: World = {}
    for service in SERVICES:
        world |= {
            f'up{{svc="{service}", instance="{service}:1"}}': level((1, steps)),
            f'{LIMIT}{{svc="{service}"}}': level((1024, steps)),
            f'{RESIDENT}{{svc="{service}"}}': level((3e8, steps)),
            f'{BEGAN}{{svc="{service}"}}': level((-100, steps)),
            **fds(service, (40, steps)),
        }
    for service in RUN:
        world |= runs(service, (0, steps))
    return {
        **world,
        **latency("0.1", steps),
        **questions(10, 0, steps),
        **local(10, 0, steps),
        **cost(0, steps),
        **gpu(50, steps),
        **exchanges(10, 0, steps),
        **sizes("1024.0", steps),
        **users(12, steps),
        **disk(60, steps),
        **calls(100, 0, steps),
    }


_GREEN, _AMBER, _RED, _UNKNOWN = gates.Verdict.GREEN, gates.Verdict.AMBER, gates.Verdict.RED, gates.Verdict.UNKNOWN


def _alerts(name: str, *severities: str) -> Alerts:
    return frozenset((name, severity) for severity in severities)


# Gate: its alert while red for fifteen minutes, and world, value at green, amber and red.
_LEVELS: Mapping[str, tuple[Alerts, Sequence[tuple[World, float]]]] = {
    # Half of a bucket's way for each half of its observations: 0.1 x 0.95, 0.5 + 0.5 x 0.95, 1 + 1.5 x 0.95 seconds.
    "latency_p95": (
        _alerts("latency", "page"),
        [(latency("0.1"), 95), (latency("1.0"), 975), (latency("2.5"), 2425)],
    ),
    "success_rate": (
        _alerts("success_rate", "page"),
        [(questions(10, 0), 100), (questions(9, 1), 90), (questions(8, 2), 80)],
    ),
    "local_processing": (
        _alerts("local_processing", "warning", "page"),
        [(local(10, 0), 100), (local(91, 9), 91), (local(8, 2), 80)],
    ),
    # Micro-dollars of ten answers; a hundred cost ten times that.
    "cost_per_100": (
        _alerts("spend", "warning"),
        [(cost(2000), 0.02), (cost(8000), 0.08), (cost(20_000), 0.2)],
    ),
    "fd_usage": (
        _alerts("fd_usage", "warning", "page"),
        [
            (fds("recall", (512, STEPS)), 50),
            (fds("recall", (768, STEPS)), 75),
            (fds("recall", (896, STEPS)), 87.5),
        ],
    ),
    "gpu_memory": (_alerts("gpu_memory", "warning", "page"), [(gpu(50), 50), (gpu(85), 85), (gpu(95), 95)]),
    "error_rate": (
        _alerts("http_5xx", "page"),
        [(exchanges(99, 1), 1), (exchanges(97, 3), 3), (exchanges(90, 10), 10)],
    ),
    # 1024 x 0.95, 8192 + 2048 x 0.95, 10240 + 55296 x 0.95 bytes, in units of 1024.
    "response_size": (
        _alerts("response_size", "warning"),
        [(sizes("1024.0"), 0.95), (sizes("10240.0"), 9.9), (sizes("65536.0"), 61.3)],
    ),
    "concurrent_users": (_alerts("concurrent_users", "warning"), [(users(12), 12), (users(85), 85), (users(120), 120)]),
    "disk_usage": (_alerts("disk_usage", "warning", "page"), [(disk(60), 60), (disk(80), 80), (disk(90), 90)]),
    "network_errors": (
        _alerts("network_errors", "warning", "page"),
        [(calls(1000, 0), 0), (calls(993, 7), 0.7), (calls(98, 2), 2)],
    ),
}


# It changes the answers over which cost is counted, so it has worlds of its own.
_ALONE = ("local_processing",)


def levels() -> Iterator[Case]:
    """Yield a world in which every gate is green, one in which it is amber, and one in which it is red."""
    for place, verdict in enumerate((_GREEN, _AMBER, _RED)):
        for names in (_ALONE, [name for name in _LEVELS if name not in _ALONE]):
            world, said, firing = healthy(), {}, set()
            for name in names:
                alerts, told = _LEVELS[name]
                changes, value = told[place]
                world |= changes
                said[name] = (verdict, value)
                if verdict is _RED or (verdict is _AMBER and name == "cost_per_100"):
                    firing |= alerts
            yield Case(f"{verdict}: {', '.join(names)}", world, said, frozenset(firing))


_SERVICE = {"gpu_memory": "watcher", "disk_usage": "watcher", "fd_usage": "any"}


def unknowns() -> Iterator[Case]:
    """Yield what must be unknown: nothing told, not read, not read any more, reset, idle, not a number."""
    gauges = ("fd_usage", "gpu_memory", "disk_usage")
    counting = [name for name in _LEVELS if name not in (*gauges, "concurrent_users")]
    world = healthy()
    own = {series for name in _LEVELS for series in _read_by(GATES[name])}
    counted = {series for name in counting for series in _read_by(GATES[name])}

    yield _unknown("nothing is told", {series: told for series, told in world.items() if series not in own}, _LEVELS)
    for service in SERVICES:
        down = {**world, f'up{{svc="{service}", instance="{service}:1"}}': level((1, STEPS - 8), (0, 8))}
        names = [name for name in _LEVELS if _SERVICE.get(name, "gateway") in (service, "any")]
        name = "watcher_down" if service == "watcher" else "service_down"
        yield _unknown(f"{service} is down", down, names, _alerts(name, "page"))
    ended = {series: [*told[:-13], *[None] * 13] for series, told in world.items()}
    yield _unknown("no scrape for 3 minutes", ended, _LEVELS, _alerts("metrics_stale", "page"))
    gone = {series: told for series, told in world.items() if 'svc="watcher"' not in series}
    yield _unknown("no target watcher", gone, ("gpu_memory", "disk_usage"), _alerts("watcher_down", "page"))
    reset = {series: [*told[:-2], 0.0, told[1]] if series in counted else told for series, told in world.items()}
    yield _unknown("reset 15 s ago", reset, [name for name in counting if name != "cost_per_100"])
    idle = {series: level((told[-1], STEPS)) if series in counted else told for series, told in world.items()}
    yield _unknown("nothing happens", idle, counting)
    for odd in (math.nan, math.inf):
        lost = {f'{OPEN}{{svc="recall"}}', *_read_by(GATES["gpu_memory"]), *_read_by(GATES["disk_usage"])}
        told = {series: [*was[:-1], odd] if series in lost else was for series, was in world.items()}
        yield _unknown(f"the gauge is {odd}", told, gauges)


def _unknown(name: str, world: World, names: Iterable[str], firing: Alerts = frozenset()) -> Case:
    return Case(f"unknown, {name}", world, dict.fromkeys(names, (_UNKNOWN, None)), firing)


def _read_by(gate: gates.Gate) -> list[str]:
    """Return the series of a healthy world that a gate reads, but for those that it divides by."""
    match gate.form:
        case gates.Gauge(of=of) | gates.Slope(of=of) | gates.Count(of=of):
            metrics = {of.metric}
        case gates.Ratio(part=part, whole=whole):
            metrics = {one.metric for one in (*part, *whole)}
        case gates.Quantile(of=of):
            metrics = {of.metric + "_bucket", of.metric + "_count"}
    return [series for series in healthy() if series.partition("{")[0] in metrics]


def generations() -> Iterator[Case]:
    """Yield a staged generation that is bad in every way, beside a live one that is well."""
    staged = {
        series.replace('svc="gateway"', 'svc="gateway-canary"'): told
        for series, told in {**exchanges(0, 100), **latency("+Inf"), **users(1000)}.items()
    }
    staged |= {
        f'{OPEN}{{svc="gateway-canary"}}': level((1000, STEPS)),
        f'{LIMIT}{{svc="gateway-canary"}}': level((1024, STEPS)),
        'up{svc="gateway-canary", instance="gateway:2"}': level((0, STEPS)),
    }
    values = {"error_rate": 0, "latency_p95": 95, "concurrent_users": 12, "fd_usage": 3.90625}
    said = {name: (_GREEN, value) for name, value in values.items()}
    staged['sentinel_verdict{svc="gateway-canary", sentinel="descriptors"}'] = level((2, STEPS))
    # Its gates are its own affair until it is live; that it has no descriptors left is not.
    yield Case("a staged generation is bad", {**healthy(), **staged}, said, _alerts("descriptors", "warning", "page"))


def times() -> Iterator[Case]:
    """Yield what happens over time: warnings become pages, only a minute of green ends an alert, and short faults make none."""
    warning, both = _alerts("disk_usage", "warning"), _alerts("disk_usage", "warning", "page")
    size = level((100, STEPS))

    def filled(
        name: str, verdict: gates.Verdict, value: float | None, firing: Alerts, *parts: tuple[float | None, int]
    ) -> Case:
        told = {'council_disk_used_bytes{svc="watcher"}': level(*parts), 'council_disk_size_bytes{svc="watcher"}': size}
        return Case(f"disk_usage: {name}", {**healthy(), **told}, {"disk_usage": (verdict, value)}, firing)

    yield filled("red for one scrape", _GREEN, 60, frozenset(), (60, 30), (90, 1), (60, 29))
    yield filled("red for 30 s", _RED, 90, warning, (60, 58), (90, 2))
    yield filled("red for 4 minutes", _RED, 90, warning, (60, 44), (90, 16))
    yield filled("red for 6 minutes", _RED, 90, both, (60, 36), (90, 24))
    yield filled("amber after red", _AMBER, 80, both, (90, 40), (80, 20))
    yield filled("unknown after red", _UNKNOWN, None, both, (90, 30), (math.nan, 30))
    yield filled("green for 45 s after red", _GREEN, 60, both, (90, 57), (60, 3))
    yield filled("amber soon after green after red", _AMBER, 80, both, (90, 40), (60, 3), (80, 17))
    yield filled("green for 2 minutes after red", _GREEN, 60, frozenset(), (90, 52), (60, 8))
    yield filled("amber after green after red", _AMBER, 80, frozenset(), (90, 40), (60, 8), (80, 12))


def sentinels() -> Iterator[Case]:
    """Yield what the watcher tells of its sentinels, all of them at once: what each warns of, and what ends it."""

    def told(service: str, *parts: tuple[float | None, int]) -> World:
        return {
            series: level(*parts)
            for one in SENTINELS
            for series in (f'sentinel_verdict{{svc="{service}", sentinel="{one.name}"}}',)
        }

    def said(name: str, firing: Alerts, *parts: tuple[float | None, int], besides: World | None = None) -> Case:
        world = {**healthy(), **told("recall", *parts), **(besides or {})}
        return Case(f"sentinels: {name}", world, {"fd_usage": (_GREEN, 3.90625)}, firing)

    names = [one.name for one in SENTINELS]
    warnings = frozenset((name, "warning") for name in names)
    both = warnings | frozenset((name, "page") for name in names)
    at_once = warnings | frozenset((one.name, "page") for one in SENTINELS if one.page_after_s == 0)
    assert warnings < at_once < both

    yield said("well", frozenset(), (0, STEPS))
    yield said("unknown", frozenset(), (3, STEPS))
    yield said("amber for one scrape", frozenset(), (0, 30), (1, 1), (0, 29))
    yield said("amber", warnings, (1, STEPS))
    yield said("red for 4 minutes", at_once, (0, 44), (2, 16))
    yield said("red for 6 minutes", both, (0, 36), (2, 24))
    yield said("amber after red", both, (2, 40), (1, 20))
    yield said("unknown after red", both, (2, 40), (3, 20))
    yield said("well for 45 s after red", both, (2, 57), (0, 3))
    yield said("well for 2 minutes after red", frozenset(), (2, 52), (0, 8))
    # Prometheus goes by the last sample for five minutes where promtool leaves one out.
    yield said("of a process that is watched no more", frozenset(), (2, 25), (None, 35))
    yield said(
        "one service is well again, another warns", warnings, (2, 40), (0, 20), besides=told("gateway", (1, STEPS))
    )
    down = said("the watcher is down", both | _alerts("watcher_down", "page"), (2, 30), (None, 30))
    away = {'up{svc="watcher", instance="watcher:1"}': level((1, 30), (0, 30))}
    yield dataclasses.replace(down, world={**down.world, **away}, said={"fd_usage": (_UNKNOWN, None)})


def leaks() -> Iterator[Case]:
    """Yield a leak as of its first reading, in steps of five seconds, in which its rules are evaluated."""

    def said(name: str, firing: Alerts, *parts: tuple[float | None, int]) -> Case:
        told = {'sentinel_verdict{svc="recall", sentinel="memory"}': level(*parts)}
        return Case(f"leaks: {name}", {**healthy(), **told}, {}, firing, LEAKS_STEP_S)

    yield said("red since now", frozenset(), (0, STEPS), (2, 0))
    yield said("red for 5 s", _alerts("memory", "warning", "page"), (0, STEPS - 1), (2, 1))


def services() -> Iterator[Case]:
    """Yield what the supervisor says of services, as the watcher tells it, and what cannot be read."""
    page = _alerts("service_down", "page")
    crash = _alerts("crash_loop", "warning")

    def said(name: str, firing: Alerts, *worlds: World) -> Case:
        told = {series: was for world in worlds for series, was in world.items()}
        return Case(f"services: {name}", {**healthy(), **told}, {}, firing)

    def reads(service: str, *parts: tuple[float | None, int]) -> World:
        return {f'up{{svc="{service}", instance="{service}:1"}}': level(*parts)}

    def ends(*counts: tuple[float | None, int]) -> World:
        return {'council_service_crashes{svc="recall"}': level(*counts)}

    def replica(*verdicts: tuple[float | None, int]) -> World:
        return {'council_service_verdict{svc="gateway", replica="1"}': level(*verdicts)}

    def nobody_says(steps: int) -> World:
        return {
            series: [*told[:-steps], *[None] * steps] for one in RUN for series, told in runs(one, (0, STEPS)).items()
        }

    yield said("all run", frozenset())
    yield said("one that has no port is down", page, runs("store", (0, 50), (2, 10)))
    yield said("down for one scrape", frozenset(), runs("store", (0, 58), (2, 1), (0, 1)))
    yield said("it starts and is no nearer to running", page, runs("store", (2, 40), (1, 20)))
    yield said("it starts", frozenset(), runs("store", (0, 40), (1, 20)))
    yield said("it runs again for 2 minutes", frozenset(), runs("store", (2, 52), (0, 8)))
    yield said("one process of several hangs", page, replica((0, 50), (2, 10)))
    yield said("that process is no more", frozenset(), replica((2, 30), (None, 30)))
    yield said("the supervisor hangs", page, runs("supervisor", (0, 50), (2, 10)))
    yield said("a staged generation is down", frozenset(), runs("gateway-canary", (2, STEPS)))
    yield said("it cannot be read, whatever is said of it", page, reads("recall", (1, 50), (0, 10)))
    # What fires goes on while nobody knows, but for what is read again.
    down = runs("store", (2, 30), (None, 30))
    yield said("the watcher says no more while one is down", page, nobody_says(30), down)
    away = reads("watcher", (1, 30), (0, 30))
    yield said(
        "the watcher is away while one is down", page | _alerts("watcher_down", "page"), nobody_says(30), down, away
    )
    again = reads("recall", (0, 40), (1, 20))
    yield said(
        "one is read again while the watcher is away", _alerts("watcher_down", "page"), nobody_says(30), again, away
    )
    yield said("the watcher is away for one scrape", frozenset(), reads("watcher", (1, 57), (0, 1), (1, 2)))
    everything = {series: told for one in SERVICES for series, told in reads(one, (1, 30), (0, 30)).items()}
    yield said("all are down, and no alert is about the watcher alone", page, everything)
    yield said("two ends within the hour", frozenset(), ends((0, 20), (2, 40)))
    yield said("three ends within the hour", crash, ends((0, 20), (3, 40)))
    yield said("three ends, of which one is an hour ago", frozenset(), ends((3, 40), (2, 20)))
    yield said(
        "three ends, and the watcher is away",
        crash | _alerts("watcher_down", "page"),
        nobody_says(30),
        ends((3, 30), (None, 30)),
        away,
    )


LONG_STEP_S, LONG_STEPS = 60, 290


def growth() -> Iterator[Case]:
    """Yield memory that grows over hours, with a scrape a minute: 60,000 bytes a minute are 3.6 MB an hour."""
    gate = "memory_growth"

    def grown(
        name: str, verdict: gates.Verdict, value: float | None, firing: Alerts, by: float, began_s: float = -1e6
    ) -> Case:
        world = healthy(LONG_STEPS)
        for service in SERVICES:
            world[f'{BEGAN}{{svc="{service}"}}'] = level((began_s, LONG_STEPS))
        world[f'{RESIDENT}{{svc="recall"}}'] = [3e8 + one for one in rising((by, LONG_STEPS))]
        return Case(f"{gate}: {name}", world, {gate: (verdict, value)}, firing, LONG_STEP_S)

    yield grown("flat", _GREEN, 0, frozenset(), 0)
    yield grown("1.2 MB an hour", _GREEN, 1.2, frozenset(), 20_000)
    yield grown("3.6 MB an hour", _AMBER, 3.6, frozenset(), 60_000)
    yield grown("7.2 MB an hour", _RED, 7.2, _alerts("memory_growth", "warning"), 120_000)
    yield grown("young", _UNKNOWN, None, frozenset(), 120_000, began_s=10_000)
    silent = grown("recall tells nothing", _UNKNOWN, None, frozenset(), 0)
    world = {series: told for series, told in silent.world.items() if series != f'{RESIDENT}{{svc="recall"}}'}
    yield dataclasses.replace(silent, world=world)


def every() -> Sequence[Case]:
    """Return all cases."""
    return [*levels(), *unknowns(), *generations(), *times(), *sentinels(), *leaks(), *services(), *growth()]


def open_metrics(world: World, end_s: float, step_s: int) -> Iterator[str]:
    """Yield a world as lines that promtool makes blocks of, its last step at a time."""
    metric = ""
    for series in sorted(world, key=lambda one: one.split("{")):
        name, told = series.partition("{")[0], world[series]
        if name != metric:
            metric = name
            yield f"# TYPE {metric} unknown\n"
        for place, value in enumerate(told):
            if value is not None:
                yield f"{series.replace(', ', ',')} {value!r} {end_s - (len(told) - 1 - place) * step_s:.3f}\n"
    yield "# EOF\n"
