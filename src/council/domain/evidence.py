"""What the observer knows of a stretch of time, and what it says of it. Pure.

*Evidence* is what was asked for and came, with what could not be had. A *fact* is one number of it that a person is shown,
with the query and the time range that give it again. A *sentence* carries the facts whose numbers stand in it, so that every
number of an explanation, a digest or a report leads back to the records. Times are seconds since the Unix epoch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from council.domain import budgets, ledger, patches, states, watching
from council.domain import incidents as incidents_module
from council.domain import repairs as repairs_module


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, its end left out."""

    start_s: float
    end_s: float

    def holds(self, at_s: float) -> bool:
        """Whether a moment lies within it."""
        return self.start_s <= at_s < self.end_s


@dataclass(frozen=True, slots=True)
class Fact:
    """One number, or one word, that a stored query gave. `query` names it so that it can be asked again."""

    name: str
    value: float | int | str | None
    unit: str
    query: str
    span: Span


@dataclass(frozen=True, slots=True)
class Sentence:
    """What a person reads. Each number in `text` is that of one of `facts`."""

    text: str
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class RankedCause:
    """What may have brought something about. `weight` orders causes, 0 to 1; it is no probability.

    `kind` is patch, upstream, traffic, service, resource, incident or series; `subject` is what of that kind, as its CID.
    """

    kind: str
    subject: str
    weight: float
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Explanation:
    """What happened, why, what was done about it and what to do next, each in sentences; causes best first."""

    happened: tuple[Sentence, ...]
    causes: tuple[RankedCause, ...] = ()
    done: tuple[Sentence, ...] = ()
    next_steps: tuple[Sentence, ...] = ()

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """All of them, in the order in which they are read."""
        return (*self.happened, *(cause.sentence for cause in self.causes), *self.done, *self.next_steps)


@dataclass(frozen=True, slots=True)
class Tracked:
    """A metric that the watcher keeps for the observer. What `counts` only rises, but for a process that begins anew.

    `of` names the one service that it says something of, where each tells it; "" for every service that does.
    """

    unit: str = ""
    counts: bool = False
    of: str = ""


# The most that one question about series brings.
METRICS_MAX = 64
TRACKS_MAX = 400
POINTS_MAX = 2000

_BYTES, _COUNT = Tracked("bytes"), Tracked(counts=True)
# Beside those of gates and sentinels. A histogram's sum and count, but not its buckets, of which there are many.
TRACKED: Mapping[str, Tracked] = {
    "council_exchanges_total": _COUNT,
    "council_users_in_flight": Tracked(of="gateway"),
    "council_model_waiting": Tracked(of="model"),
    "council_local_answers_total": _COUNT,
    "council_cost_usd_micros_total": Tracked("usd_micros", counts=True),
    "council_spent_today_usd_micros": Tracked("usd_micros"),
    "council_quota_today_usd_micros": Tracked("usd_micros"),
    "council_provider_calls_total": _COUNT,
    "council_provider_seconds_count": _COUNT,
    "council_provider_seconds_sum": Tracked("s", counts=True),
    "council_provider_up": Tracked(),
    "council_ledger_commit_seconds_count": Tracked(counts=True, of="gateway"),
    "council_ledger_commit_seconds_sum": Tracked("s", counts=True, of="gateway"),
    "council_disk_used_bytes": _BYTES,
    "council_disk_size_bytes": _BYTES,
    "council_gpu_memory_used_bytes": _BYTES,
    "council_gpu_memory_total_bytes": _BYTES,
    "council_process_memory_bytes": _BYTES,
    "council_process_start_seconds": Tracked("s"),
    "open_fds_total": Tracked(),
    "council_expires_ts": Tracked("time"),
    "fd_soft_limit": Tracked(),
}


@dataclass(frozen=True, slots=True)
class Track:
    """One series over time, oldest first. `name` is a metric or a gate, `service` whose it is, "" for the whole.

    Points are as they were read: of what counts, the count. `labels` are without that of the service.
    """

    name: str
    service: str
    unit: str
    points: Sequence[tuple[float, float]]
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PatchRow:
    """A patch as the lineage tells of it. `outcome` is "" while it is at work; `times` are each phase with its beginning."""

    cid: str
    title: str
    author: str
    kind: str
    files: tuple[str, ...]
    at_s: float
    outcome: str
    reason: str
    ended_s: float
    ticket: int | None = None
    trial: bool = False
    times: tuple[tuple[str, float], ...] = ()
    returned_by: str = ""

    def began(self, phase: str) -> float | None:
        """When a phase of its way began, None where it came to none."""
        return next((at_s for name, at_s in self.times if name == phase), None)


def patch_row(told: Mapping[str, Any]) -> PatchRow:
    """Return a row as patchctl tells it to programs. Raises KeyError, TypeError, ValueError."""
    return PatchRow(
        cid=str(told["cid"]),
        title=incidents_module.one_line(str(told["title"]), patches.TITLE_LENGTH_MAX),
        author=incidents_module.one_line(str(told["author"]), patches.AUTHOR_LENGTH_MAX),
        kind=str(told["kind"]),
        files=tuple(str(one) for one in told["files"]),
        at_s=float(told["at_s"]),
        outcome=str(told["outcome"]),
        reason=incidents_module.one_line(str(told["reason"]), patches.REASON_LENGTH_MAX),
        ended_s=float(told["times"][-1][1]) if told["outcome"] and told["times"] else 0.0,
        ticket=told["ticket"],
        trial=bool(told["trial"]),
        times=tuple((str(name), float(at_s)) for name, at_s in told["times"]),
        returned_by=str(told["returned_by"]),
    )


@dataclass(frozen=True, slots=True)
class Job:
    """One scheduled job. `kind` is digest, archive, backup, drill, or `bot NAME`. `is_missed`: it never came."""

    kind: str
    at_s: float
    went_well: bool = True
    is_missed: bool = False


@dataclass(frozen=True, slots=True)
class Costs:
    """What was spent in the span, by route and by model, and how the budgets stand now."""

    by_route: Sequence[ledger.LedgerSum] = ()
    by_model: Sequence[ledger.LedgerSum] = ()
    budget_lines: Sequence[budgets.Line] = ()


@dataclass(frozen=True, slots=True)
class Missing:
    """What could not be had, and why. It is said wherever it would have been shown; nothing is taken for zero."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of it, for one span. Histories and tracks may begin before it: they are what it is judged by."""

    span: Span
    now_s: float
    label: patches.Label
    gates: Sequence[watching.GateLine] = ()
    histories: Sequence[watching.History] = ()
    tracks: Sequence[Track] = ()
    incidents: Sequence[incidents_module.Incident] = ()
    patches: Sequence[PatchRow] = ()
    findings: Sequence[watching.Finding] = ()
    services: Sequence[states.ServiceStatus] = ()
    costs: Costs = Costs()
    missing: Sequence[Missing] = ()
    repairs: Sequence[repairs_module.Repair] = ()
    interventions: Sequence[repairs_module.Intervention] = ()
    jobs: Sequence[Job] = ()

    def lacks(self, what: str) -> str:
        """Return why something could not be had, "" where it could, as `incidents`, `patches`, `costs`, `repairs`, `jobs`."""
        return next(
            (one.why or "nobody said why" for one in self.missing if what in one.what.replace(",", "").split()), ""
        )

    def gate(self, name: str) -> watching.GateLine | None:
        """Return the gate of this name as it stands."""
        return next((one for one in self.gates if one.name == name), None)
