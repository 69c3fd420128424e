"""What the observer leans on, played, and a snapshot in which nothing is empty."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

import band
from council.domain import (
    access,
    budgets,
    digests,
    errors,
    evidence,
    gates,
    incidents,
    ledger,
    observe,
    patches,
    snapshots,
    watching,
)
from council.kit import plain
from council.testing import alerts, clock, watch
from council.testing import snapshots as kept_snapshots
from council.upkeep.observer import digests as digest_module
from council.upkeep.observer import explaining, gathering, observer

NOW_S = 1_800_000_000.0
SPAN = evidence.Span(NOW_S - 900, NOW_S)
ALERT = incidents.Alert("latency", (), incidents.Severity.PAGE, "1,200 ms", round((NOW_S - 60) * 1e6), "Look.")
ROW: Mapping[str, Any] = {
    "cid": "c" * 16, "title": "Explain", "author": "Ann", "kind": "person", "files": ["prompts/code.md"],
    "at_s": NOW_S - 300, "outcome": "applied", "reason": "", "times": [["staging", NOW_S - 300], ["idle", NOW_S - 280]],
    "ticket": None, "trial": False, "returned_by": "",
}  # fmt: skip


def incident(number: int, detected_s: float, *, repaired_s: float = 0.0) -> incidents.Incident:
    standing = incidents.Standing.REPAIRED if repaired_s else incidents.Standing.OPEN
    ended_us = round(repaired_s * 1e6)
    return incidents.Incident(
        f"01INCIDENT{number:016}", standing, incidents.Severity.PAGE, round((detected_s - 5) * 1e6), round(detected_s * 1e6),
        ended_us, (incidents.Member(ALERT, round(detected_s * 1e6), ended_us),),
    )  # fmt: skip


def snapshot(at_s: float = NOW_S, incident_id: str = "", **values: Any) -> snapshots.Snapshot:
    """Return a snapshot with something in each of its fields."""
    fact = evidence.Fact("latency_p95", 431.5, "ms", "council gates latency_p95", SPAN)
    sentence = evidence.Sentence("It is 431.5 ms.", (fact,))
    cause = evidence.RankedCause("patch", "c" * 16, 0.7, sentence)
    route = ledger.LedgerSum("math", 9, 8, 7, 6, 5, 4, 300)
    line = watch.line("error_rate", gates.Verdict.RED, 40.0)
    whole = snapshots.Snapshot(
        id=snapshots.identifier(at_s, incident_id),
        at_s=at_s,
        taken_s=at_s + 4,
        occasion=snapshots.Occasion.INCIDENT if incident_id else snapshots.Occasion.TICK,
        span=SPAN,
        label=patches.Label("0" * 40, "c" * 16),
        incident_id=incident_id,
        missed=snapshots.Missed(3, at_s - 3600, at_s - 900, "the steward was not running"),
        metrics=[
            fact,
            evidence.Fact("open_fds_total svc=gateway", 30, "", 'open_fds_total{svc="gateway"}', SPAN),
            evidence.Fact("error_rate", None, "%", "council gates error_rate", SPAN),
            evidence.Fact("spent scope=all period=2027-01-15", 300, "usd_micros", "council budget", SPAN),
        ],
        anomalies=[snapshots.Anomaly("open_fds_total", "gateway", "", at_s - 30, 90.0, 0.999, 20.0, 40.0)],
        trends=[
            snapshots.Trend("open_fds_total", "gateway", "", 4.0, 1.0, 7.0, 30.0, 26.0, 24),
            snapshots.Trend("latency_p95", "", "ms", None, None, None, None, None, 2, "too little"),
        ],
        explanation=evidence.Explanation((sentence,), (cause,), (sentence,), (evidence.Sentence("Look."),)),
        gates=[line, watch.line("latency_p95", gates.Verdict.GREEN, 431.5)],
        findings=[watching.Finding("memory", "recall", gates.Verdict.GREEN, 1.0, "MB/h", "Steady.", at_s, "Look.")],
        incidents=[snapshots.wrong(incident(1, at_s - 60))],
        patches=[evidence.patch_row(ROW)],
        costs=evidence.Costs((route,), (route,), (budgets.Line("all", "", "2027-01-15", None, 300, 0, None),)),
        missing=[evidence.Missing("series", "the watcher does not answer")],
    )
    return dataclasses.replace(whole, **values)


def digest(day: str, zone: str = "UTC") -> digests.Digest:
    """Return the digest of a day on which a patch was applied and an incident went on."""
    span = evidence.Span(NOW_S - 86_400, NOW_S)
    found = evidence.Evidence(
        span, NOW_S, patches.Label("0" * 40, "c" * 16), (watch.line("error_rate", gates.Verdict.GREEN, 0.5),),
        incidents=[incident(1, NOW_S - 60)], patches=[evidence.patch_row(ROW)],
    )  # fmt: skip
    made = dataclasses.replace(digest_module.digest(found, zone), date=day)
    # As the records give it back.
    return plain.made(digests.Digest, orjson.loads(orjson.dumps(made)))


class Records:
    """As much of ports.Records as is asked for costs."""

    def __init__(self) -> None:
        self.down = False

    def report(self, by: ledger.GroupBy, since_us: int, until_us: int) -> list[ledger.LedgerSum]:
        if self.down:
            raise errors.RecordsUnavailableError("The records cannot be used. Try again.")
        return [ledger.LedgerSum(f"{by}", 2, 2, 1, 2, 10, 20, 30)]

    def token_budgets(self) -> list[access.TokenBudget]:
        return []


class PatchService:
    """As much of care_ports.PatchService as is asked."""

    def __init__(self) -> None:
        self.down = False
        self.told: list[Mapping[str, Any]] = [ROW]

    async def rows(self, limit: int) -> list[Mapping[str, Any]]:
        if self.down:
            raise errors.PatchServiceUnavailableError("What takes patches in does not answer.")
        return self.told[:limit]


class House:
    """An observer with its fakes, on a clock that moves when told."""

    def __init__(self, *lines: watching.GateLine, interval_s: float = 900.0) -> None:
        self.clock = clock.ManualClock(round((NOW_S + 3) * 1e6))
        self.watch = watch.ScriptedWatch(*lines)
        self.incidents = alerts.PlainIncidents()
        self.records = Records()
        self.patches = PatchService()
        self.kept = kept_snapshots.PlainSnapshots()
        self.settings = observe.ObserveConfig(interval_s=interval_s)
        self.label = patches.Label("0" * 40, "c" * 16)
        self.jobs: Callable[[evidence.Span], Sequence[evidence.Job]] = lambda _: ()
        self.restart()

    def gathering(self) -> gathering.Gathering:
        parts = gathering.Parts(
            self.watch,
            self.incidents,
            self.records,
            self.patches,
            lambda: [],
            lambda: self.label,
            self.clock,  # type: ignore[arg-type]
            jobs=lambda span: self.jobs(span),
        )
        return gathering.Gathering(parts)

    def restart(self) -> None:
        """Begin anew, as a process that was killed."""
        self.observer = observer.Observer(
            observer.Parts(
                self.gathering(), self.watch, self.incidents, self.kept, explaining.explain, band.Band,
                lambda: self.settings, self.clock,
            )
        )  # fmt: skip

    def save(self, *found: incidents.Incident) -> None:
        self.incidents.save(found, [])

    def newest(self) -> snapshots.Snapshot:
        return self.kept.newest(1)[0]

    @property
    def notices(self) -> Sequence[incidents.Notice]:
        return [parcel.notice for _, parcels in self.kept.told.values() for parcel in parcels]
