"""Faults with a known cause, as the observer would find them: evidence made from seeds, for the ranking of causes.

What each fault shows is what the real system showed when the same was put in from outside (`benchmarks/detection_faults.py`):
the alerts, in their order and with their delays, the gates' numbers, the series that the watcher keeps. Around it lies what
misleads: a harmless patch shortly before, a patch that was refused or only tried, a daily rise of traffic, a service that is
started again as a consequence, a series that jumps by chance, an older incident, series that are missing. `kinds_of_faults.py`
beside it says what each fault does.
"""

import dataclasses
import math
import random
from collections.abc import Callable, Sequence

from council.domain import budgets, evidence, gates, incidents, patches, states, watching
from council.kit import ids
from council.upkeep.alerts import board, causes

# A Monday, so that the daily cycle below means something.
_BASE_S = 1_790_000_000.0
BEFORE_S = 7200.0
STEP_S = 20.0
SERVICES = ("gateway", "model", "worker", "recall", "zygote", "sandboxd", "store", "patchctl", "watcher", "steward")
_MB = 1_000_000
_DISK_BYTES = 200_000 * _MB
_FD_LIMIT = 1024

_UNITS = {
    "latency_p95": "ms",
    "cost_per_100": "USD",
    "memory_growth": "MB/hour",
    "response_size": "KB",
    "concurrent_users": "",
}
_LIMITS = {
    "latency_p95": ("<", 1000.0, 800.0), "success_rate": (">", 87.0, 92.0), "local_processing": (">", 90.0, 92.0),
    "cost_per_100": ("<", 0.10, 0.07), "memory_growth": ("<", 5.0, 3.0), "fd_usage": ("<", 80.0, 60.0),
    "error_rate": ("<", 5.0, 2.0), "response_size": ("<", 10.0, 8.0), "concurrent_users": ("<", 100.0, 80.0),
    "disk_usage": ("<", 85.0, 75.0), "network_errors": ("<", 1.0, 0.5),
}  # fmt: skip
_GATE_OF = {"http_5xx": "error_rate", "latency": "latency_p95", "spend": "cost_per_100"}

_HARMLESS = (
    (("knowledge/opening-hours.md",), "Say when the office is open"),
    (("knowledge/about.md", "knowledge/prices-2026.md"), "Prices of 2026"),
    (("guidebook/first-day.md",), "Explain the first day in 5 steps"),
    (("prompts/code.md",), "Ask for shorter programs"),
    (("sentinels.yaml",), "Look at threads more often"),
    (("council.yaml",), "Keep samples for 12 days"),
    (("providers.yaml",), "Correct a price"),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """One fault. `right` holds each (kind, subject) that is a right answer; `decoys` names what misleads."""

    kind: str
    seed: int
    found: evidence.Evidence
    incident: str
    right: frozenset[tuple[str, str]]
    decoys: tuple[str, ...]


@dataclasses.dataclass(slots=True)
class _Lever:
    start_s: float
    end_s: float
    value: Callable[[float], float]


class World:
    """A Council around the time of one fault. A kind of fault moves levers and raises alerts; `case` tells what is seen."""

    def __init__(self, kind: str, seed: int):
        self.chance = random.Random(f"{kind} {seed}")  # noqa: S311 - must repeat
        self.kind, self.seed = kind, seed
        self.onset_s = _BASE_S + self.chance.uniform(0, 5 * 86_400)
        self.now_s = self.onset_s + self.chance.uniform(240, 1500)
        ends = self.chance.random() < 0.5
        self.end_s = self.onset_s + self.chance.uniform(120, self.now_s - self.onset_s - 60) if ends else math.inf
        self.rate = self.chance.uniform(0.8, 6.0)
        self.right: set[tuple[str, str]] = set()
        self.decoys: list[str] = []
        self.members: list[incidents.Member] = []
        self.others: list[incidents.Incident] = []
        self.bad: list[board.Bad] = []
        self.findings: list[watching.Finding] = []
        self.patches: list[evidence.PatchRow] = []
        self.states: dict[str, states.ServiceStatus] = {}
        self.thresholds: dict[str, tuple[float, float]] = {}
        self._levers: dict[str, list[_Lever]] = {}
        self._memory = {name: self.chance.uniform(40, 400) for name in SERVICES}
        self._descriptors = {name: self.chance.randint(20, 120) for name in SERVICES}
        self._age_s = self.chance.uniform(3, 200) * 3600
        self._phase = self.chance.random()

    def pull(
        self, name: str, value: float | Callable[[float], float], after_s: float = 0.0, until_s: float | None = None
    ) -> None:
        """Have a lever stand at a value from so long after the onset on, until the trouble ends or `until_s`, epoch seconds."""
        moved = value if callable(value) else (lambda _: value)
        end_s = self.end_s if until_s is None else until_s
        self._levers.setdefault(name, []).append(_Lever(self.onset_s + after_s, end_s, moved))

    def lever(self, name: str, at_s: float, otherwise: float) -> float:
        """Return where a lever stands."""
        for one in reversed(self._levers.get(name, [])):
            if one.start_s <= at_s < one.end_s:
                return one.value(at_s)
        return otherwise

    def alert(self, name: str, after_s: float, reason: str, service: str = "", severity: str = "page") -> None:
        """Have an alert of the incident begin so long after the onset, give or take the watcher's turn."""
        since_s = self.onset_s + after_s + self.chance.uniform(0, 5)
        labels = (("svc", service),) if service else ()
        since_us, fired_us = round(since_s * 1e6), round((since_s + self.chance.uniform(4, 10)) * 1e6)
        if fired_us > self.now_s * 1e6:
            return
        ended_us = 0 if math.isinf(self.end_s) else max(fired_us, round((self.end_s + 60) * 1e6))
        ended_us = 0 if ended_us > self.now_s * 1e6 else ended_us
        alert = incidents.Alert(name, labels, incidents.Severity(severity), reason, since_us, "Look at it.")
        ending = incidents.Ending.RESOLVED if ended_us else incidents.Ending.NOT_YET
        self.members.append(incidents.Member(alert, fired_us, ended_us, ending))
        self.bad.append(board.Bad(name, labels, since_us, ended_us, reason))

    def finding(self, sentinel: str, service: str, after_s: float, value: float, unit: str, reason: str) -> None:
        """Have a sentinel say red of a service from so long after the onset on."""
        since_s = self.onset_s + after_s
        self.findings.append(
            watching.Finding(sentinel, service, gates.Verdict.RED, value, unit, reason, since_s, "Look there.")
        )

    def state(
        self, service: str, state: str, reason: str = "", *, crashes: int = 0, again_s: float | None = None
    ) -> None:
        """Have the supervisor say this of a service; `again_s`: so long ago it began anew, seconds."""
        age_s = self._age_s if again_s is None else again_s
        self.states[service] = states.ServiceStatus(
            service, state, 4000, "g", age_s, crashes, round(self._memory[service] * _MB), reason, crashes, reason
        )

    def patch(
        self, before_s: float, files: Sequence[str], title: str, outcome: str = "applied", *,
        reason: str = "", back_after_s: float = 20.0, trial: bool = False,
    ) -> str:  # fmt: skip
        """Have a patch switched in so long before the onset, taken back `back_after_s` later where it was; return its CID."""
        at_s = float(round(self.onset_s - before_s))
        cid = f"{self.chance.getrandbits(64):016x}"
        steps = [("staging", at_s - 11), ("launching", at_s - 9), ("examining", at_s - 4), ("checking", at_s - 2)]
        if outcome == "refused" and not trial:
            steps = [("staging", at_s), ("undoing", at_s + 2), ("idle", at_s + 3)]
        elif trial:
            steps += [("undoing", at_s), ("idle", at_s + 1)]
        else:
            steps += [("switching", at_s), ("baking", at_s + 1)]
            back_s = float(round(at_s + back_after_s))
            back = [("returning", back_s), ("idle", back_s + 3)]
            steps += back if outcome == "rolled back" else [("idle", at_s + 21)]
        ended_s = steps[-1][1]
        self.patches.append(
            evidence.PatchRow(
                cid,
                title,
                "Ann",
                "person",
                tuple(files),
                steps[0][1],
                outcome,
                reason,
                ended_s,
                None,
                trial,
                tuple(steps),
            )
        )
        return cid

    def case(self) -> Case:
        """Return the evidence with what misleads in it."""
        self._mislead()
        identifier = self._identifier(self.onset_s)
        began_us = min(one.alert.since_us for one in self.members)
        detected_us = min(one.fired_us for one in self.members)
        over = all(not one.fires for one in self.members)
        repaired_us = max(one.ended_us for one in self.members) if over else 0
        standing = incidents.Standing.REPAIRED if over else incidents.Standing.OPEN
        one = incidents.Incident(
            identifier, standing, incidents.Severity.PAGE, began_us, detected_us, repaired_us, tuple(self.members),
            causes.candidates(self.members, self.bad),
        )  # fmt: skip
        label = patches.Label("0" * 40, next((row.cid for row in self.patches if row.outcome == "applied"), None))
        span = evidence.Span(self.onset_s - BEFORE_S, self.now_s)
        for name in SERVICES:
            if name not in self.states:
                self.state(name, "ready")
        tracks = self._tracks()
        lost = {one.name for one in tracks if self.chance.random() < 0.06}
        found = evidence.Evidence(
            span, self.now_s, label, self._gates(), self._histories(), [one for one in tracks if one.name not in lost],
            [one, *self.others], self.patches, self.findings, list(self.states.values()),
            evidence.Costs((), (), (budgets.Line("all", "", "day", 2_000_000, 400_000, 0, 1_600_000),)),
            [evidence.Missing(name, "the watcher does not keep it") for name in sorted(lost)],
        )  # fmt: skip
        return Case(self.kind, self.seed, found, identifier, frozenset(self.right), tuple(self.decoys))

    def older(self, name: str, before_s: float, lasted_s: float | None, service: str = "") -> str:
        """Have another incident begin so long before the onset; `lasted_s` None: it goes on. Return its id."""
        began_s = self.onset_s - before_s
        labels = (("svc", service),) if service else ()
        ended_us = 0 if lasted_s is None else round((began_s + lasted_s) * 1e6)
        since_us = round(began_s * 1e6)
        alert = incidents.Alert(name, labels, incidents.Severity.WARNING, "bad", since_us, "Look at it.")
        standing = incidents.Standing.REPAIRED if ended_us else incidents.Standing.OPEN
        member = incidents.Member(alert, since_us + 5_000_000, ended_us)
        one = incidents.Incident(
            self._identifier(began_s), standing, alert.severity, since_us, since_us + 5_000_000, ended_us, (member,)
        )  # fmt: skip
        self.others.append(one)
        if not ended_us:
            self.bad.append(board.Bad(name, labels, since_us, 0, "bad"))
        return one.id

    def _identifier(self, at_s: float) -> str:
        return ids.ulid_from(round(at_s * 1e6), self.chance.randbytes(10))

    def _mislead(self) -> None:
        """Put in what has nothing to do with it."""
        chance = self.chance
        if not any(kind == "patch" for kind, _ in self.right) and chance.random() < 0.5:
            files, title = chance.choice(_HARMLESS)
            self.patch(60 * math.exp(chance.uniform(math.log(0.5), math.log(30))), files, title)
            self.decoys.append("a harmless patch before")
        if chance.random() < 0.25:
            self.patch(chance.uniform(5, 300), ("authz.yaml",), "Add a signer", "refused", reason="protected")
            self.decoys.append("a refused patch before")
        if chance.random() < 0.2:
            self.patch(chance.uniform(5, 300), ("prompts/general.md",), "Try other words", "tried", trial=True)
            self.decoys.append("a trial before")
        if chance.random() < 0.3:
            self._levers.setdefault("daily", []).append(_Lever(0, math.inf, lambda _: 1.0))
            self.decoys.append("a daily rise of traffic")
        free = [name for name in ("steward", "patchctl", "zygote") if name not in self.states]
        if free and chance.random() < 0.3:
            name, after_s = chance.choice(free), chance.uniform(15, 90)
            self.state(name, "ready", "ended with 1", crashes=1, again_s=self.now_s - self.onset_s - after_s)
            self.decoys.append("another service began anew after it")
        if chance.random() < 0.4:
            name, before_s = chance.choice(SERVICES), chance.uniform(30, 900)
            grown = self._memory[name] * chance.uniform(1.1, 1.4)
            if f"memory {name}" not in self._levers:
                self._levers[f"memory {name}"] = [_Lever(self.onset_s - before_s, math.inf, lambda _: grown)]
                self.decoys.append("a series that jumps by chance")
        if chance.random() < 0.3:
            before_s = chance.uniform(1200, 6000)
            self.older(
                chance.choice(("crash_loop", "disk_growth", "concurrent_users")), before_s, before_s * 0.4, "recall"
            )
            self.decoys.append("an older incident that is over")

    def traffic(self, at_s: float) -> float:
        """Return requests a second."""
        day = at_s / 86_400 + self._phase
        rising = 1 + 0.5 * (at_s - self.onset_s) / BEFORE_S if self.lever("daily", at_s, 0) else 1.0
        return (
            self.rate * (1 + 0.25 * math.sin(2 * math.pi * day)) * max(0.2, rising) * self.lever("traffic", at_s, 1.0)
        )

    def _times(self) -> list[float]:
        count = int((self.now_s - self.onset_s + BEFORE_S) / STEP_S)
        return [self.onset_s - BEFORE_S + step * STEP_S + self.chance.uniform(-1, 1) for step in range(count)]

    def _gauge(
        self, name: str, service: str, unit: str, value: Callable[[float], float], noise: float = 0.01, **labels: str
    ) -> evidence.Track:
        points = [(at_s, max(0.0, value(at_s) * (1 + self.chance.gauss(0, noise)))) for at_s in self._times()]
        return evidence.Track(name, service, unit, points, tuple(sorted(labels.items())))

    def _counter(
        self, name: str, service: str, unit: str, rate: Callable[[float], float], scale: float = 1.0, **labels: str
    ) -> evidence.Track:
        """Return what rises at a rate a second, in whole steps as what is counted does; `scale` is the size of a step."""
        total, points, last_s = float(self.chance.randint(0, 10_000)) * scale, [], None
        for at_s in self._times():
            if last_s is not None:
                expected = max(0.0, rate(at_s)) * (at_s - last_s) / scale
                total += scale * max(0, round(expected + self.chance.gauss(0, math.sqrt(expected) if expected else 0)))
            points.append((at_s, total))
            last_s = at_s
        return evidence.Track(name, service, unit, points, tuple(sorted(labels.items())))

    def _tracks(self) -> list[evidence.Track]:
        found = [
            self._counter(
                "council_exchanges_total",
                "gateway",
                "",
                lambda at: self.traffic(at) * (1 - self.lever("errors", at, 0.002)),
                outcome="ok",
            ),
            self._counter(
                "council_exchanges_total",
                "gateway",
                "",
                lambda at: self.traffic(at) * self.lever("errors", at, 0.002),
                outcome="error",
            ),
            self._gauge(
                "council_users_in_flight", "gateway", "", lambda at: self.lever("users", at, self.traffic(at) * 2), 0.2
            ),
            self._gauge("council_model_waiting", "model", "", lambda at: self.lever("waiting", at, 0.3), 0.5),
            self._counter("council_ledger_commit_seconds_count", "gateway", "", self.traffic),
            self._counter(
                "council_ledger_commit_seconds_sum",
                "gateway",
                "s",
                lambda at: self.traffic(at) * self.lever("commit", at, 0.002),
                0.0001,
            ),
            self._gauge(
                "council_disk_used_bytes",
                "watcher",
                "bytes",
                lambda at: _DISK_BYTES * self.lever("disk", at, 0.42),
                0.0002,
            ),
            self._gauge("council_disk_size_bytes", "watcher", "bytes", lambda _: float(_DISK_BYTES), 0.0),
            self._gauge(
                "council_spent_today_usd_micros", "watcher", "", lambda at: self.lever("spent", at, 400_000), 0.0
            ),
            self._gauge("council_quota_today_usd_micros", "watcher", "", lambda _: 2_000_000, 0.0),
            self._counter(
                "council_cost_usd_micros_total",
                "gateway",
                "",
                lambda at: self.traffic(at) * self.lever("cost", at, 40),
                10,
            ),
        ]
        if "gpu" in self._levers:
            found.append(
                self._gauge(
                    "council_gpu_memory_used_bytes",
                    "watcher",
                    "bytes",
                    lambda at: 8e9 * self.lever("gpu", at, 0.6),
                    0.002,
                    gpu="0",
                )
            )
            found.append(self._gauge("council_gpu_memory_total_bytes", "watcher", "bytes", lambda _: 8e9, 0.0, gpu="0"))
        for name, share in (("near", 0.5), ("far", 0.01)):
            found += self._provider(name, share)
        for name in SERVICES:
            found += self._process(name)
        return found

    def _provider(self, name: str, share: float) -> list[evidence.Track]:
        def calls(at_s: float) -> float:
            return self.traffic(at_s) * self.lever(f"share {name}", at_s, share)

        def failed(at_s: float) -> float:
            return self.lever(f"failed {name}", at_s, 0.01)

        def seconds(at_s: float) -> float:
            return calls(at_s) * self.lever(f"seconds {name}", at_s, 0.5)

        return [
            self._counter(
                "council_provider_calls_total",
                "gateway",
                "",
                lambda at: calls(at) * (1 - failed(at)),
                provider=name,
                outcome="ok",
            ),
            self._counter(
                "council_provider_calls_total",
                "gateway",
                "",
                lambda at: calls(at) * failed(at),
                provider=name,
                outcome="provider_error",
            ),
            self._counter("council_provider_seconds_count", "gateway", "", calls, provider=name),
            self._counter("council_provider_seconds_sum", "gateway", "s", seconds, 0.05, provider=name),
            self._gauge(
                "council_provider_up", "gateway", "", lambda at: self.lever(f"up {name}", at, 1), 0.0, provider=name
            ),
        ]

    def _process(self, name: str) -> list[evidence.Track]:
        memory, opened = self._memory[name] * _MB, self._descriptors[name]
        told = self.states[name]
        began_s = self.now_s - told.uptime_s
        earlier_s = self.now_s - self._age_s
        return [
            self._gauge(
                "council_process_memory_bytes",
                name,
                "bytes",
                lambda at: self.lever(f"memory {name}", at, memory / _MB) * _MB,
                0.01,
            ),
            self._gauge("open_fds_total", name, "", lambda at: self.lever(f"descriptors {name}", at, opened), 0.02),
            self._gauge("fd_soft_limit", name, "", lambda _: _FD_LIMIT, 0.0),
            self._gauge(
                "council_process_start_seconds", name, "s", lambda at: began_s if at >= began_s else earlier_s, 0.0
            ),
        ]

    def number(self, gate: str, at_s: float) -> float | None:
        """Return what a gate's number is, without noise."""
        at_s -= 15
        lever = self.lever
        known: dict[str, Callable[[], float]] = {
            "latency_p95": lambda: lever("latency", at_s, 420),
            "success_rate": lambda: 97 - 100 * lever("unanswered", at_s, lever("errors", at_s, 0.002)),
            "local_processing": lambda: 100 * (1 - lever("share far", at_s, 0.01)),
            "cost_per_100": lambda: lever("cost", at_s, 40) * 1e-4,
            "memory_growth": lambda: lever("growth", at_s, 0.4),
            "fd_usage": lambda: (
                100 * max(lever(f"descriptors {n}", at_s, self._descriptors[n]) for n in SERVICES) / _FD_LIMIT
            ),
            "error_rate": lambda: 100 * lever("errors", at_s, 0.002),
            "response_size": lambda: lever("size", at_s, 3.1),
            "concurrent_users": lambda: lever("users", at_s, self.traffic(at_s) * 2),
            "disk_usage": lambda: 100 * lever("disk", at_s, 0.42),
            "network_errors": lambda: 100 * lever("network", at_s, 0.001),
        }
        return known[gate]()

    def _alerts_of(self, gate: str) -> list[incidents.Member]:
        return [one for one in self.members if _GATE_OF.get(one.alert.name, one.alert.name) == gate]

    def _gates(self) -> list[watching.GateLine]:
        return [self._line(name) for name in _LIMITS]

    def _line(self, gate: str) -> watching.GateLine:
        comparator, threshold, amber = _LIMITS[gate]
        threshold, amber = self.thresholds.get(gate, (threshold, amber))
        value = self.number(gate, self.now_s)
        fires = [one for one in self._alerts_of(gate) if one.fires]
        verdict = gates.Verdict.RED if fires else gates.Verdict.GREEN
        since_s = fires[0].alert.since_us / 1e6 if fires else self.onset_s - BEFORE_S
        return watching.GateLine(
            gate, value, _UNITS.get(gate, "%"), comparator, threshold, amber, verdict, "", 60, 300, "embedded", "0" * 40,
            since_s, "", "", (),
        )  # fmt: skip

    def _histories(self) -> list[watching.History]:
        found = []
        for gate in _LIMITS:
            start_s = self.onset_s - BEFORE_S
            times = [start_s + 60 * step for step in range(int((self.now_s - start_s) / 60))]
            values = [(at, (self.number(gate, at) or 0.0) * (1 + self.chance.gauss(0, 0.02))) for at in times]
            verdicts = [watching.Past(gates.Verdict.GREEN, start_s, values[0][1], "")]
            for one in self._alerts_of(gate):
                at_s = one.alert.since_us / 1e6
                verdicts.append(watching.Past(gates.Verdict.RED, at_s, self.number(gate, at_s), one.alert.summary))
                if one.ended_us:
                    verdicts.append(watching.Past(gates.Verdict.GREEN, one.ended_us / 1e6 - 60, None, ""))
            found.append(watching.History(gate, verdicts, values))
        return found
