"""What is told of each job: a record in the audit trail before its answer, and metrics."""

import dataclasses
import hashlib
import logging
from dataclasses import dataclass

from council import telemetry
from council.domain import errors, sandbox
from council.kit import clock as clocks
from council.serving.sandbox import audit

_log = logging.getLogger(__name__)

REFUSALS_A_SECOND = 10
TEXT_CHARS_MAX = 300

BLOCKED_CLASSES = frozenset(
    "clock device foreign kernel keyring memory mount namespace network privilege terminal trace".split()
)
_OTHER = "other"


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked for what; `event` is what the record is called."""

    event: str
    caller: str
    request_id: str
    session: str = ""

    def fields(self) -> dict[str, object]:
        """Return this as fields of a record."""
        fields: dict[str, object] = {"event": self.event, "caller": plain(self.caller)}
        fields["request_id"] = plain(self.request_id)
        if self.session:
            fields["session"] = plain(self.session)
        return fields


class Recorder:
    """Writes into the trail. Refusals are many where somebody wants them to be, so only some a second are written."""

    def __init__(self, trail: audit.AuditTrail, clock: clocks.Clock):
        self._trail = trail
        self._clock = clock
        self._second = 0
        self._refusals = 0
        self._left_out = 0

    def ended(self, asked: Asked, job: sandbox.Job, result: sandbox.Result, took_s: float) -> str:
        """Record a job with its outcome and return the record's id. Raises SandboxUnavailableError when it cannot."""
        audit_id = self.write(asked.fields() | _job_fields(job) | _result_fields(result))
        _count(job, result.status.value, took_s)
        if result.limit is not None:
            telemetry.SANDBOX_KILLS.labels(result.limit if result.limit in sandbox.LIMIT_NAMES else _OTHER).inc()
        for kind, count in _blocked(result).items():
            telemetry.SANDBOX_BLOCKED.labels(kind).inc(count)
        return audit_id

    def failed(self, asked: Asked, job: sandbox.Job, status: str, reason: str, took_s: float) -> None:
        """Record a job that was begun and has no outcome. Its caller gets no answer, so this raises nothing."""
        self.note(asked.fields() | _job_fields(job) | {"status": status, "reason": plain(reason)})
        _count(job, status, took_s)

    def refused(self, asked: Asked, error: errors.CouncilError, lacking: str) -> None:
        """Record that something was refused, or count it for the next record. `lacking` names a layer that is wanting."""
        reason = _reason(error, lacking)
        telemetry.SANDBOX_REFUSED.labels(reason).inc()
        second = int(self._clock.monotonic_s())
        if second != self._second:
            self._second, self._refusals = second, 0
        if self._refusals >= REFUSALS_A_SECOND:
            self._left_out += 1
            return
        self._refusals += 1
        fields = asked.fields() | {"event": "refused", "asked": asked.event, "reason": reason}
        self.note(fields | {"message": plain(error.message)})

    def note(self, record: dict[str, object]) -> None:
        """Write a record on which no answer depends: where it cannot be written, the log says so."""
        try:
            self.write(record)
        except errors.SandboxUnavailableError as error:
            _log.error("no audit record", extra={"event": record["event"], "detail": error.detail})

    def write(self, record: dict[str, object]) -> str:
        """Write a record, with the count of refusals left out before it. Raises SandboxUnavailableError."""
        left_out = {"refusals_left_out": self._left_out} if self._left_out else {}
        audit_id = self._trail.append(record | left_out)
        self._left_out = 0
        return audit_id

    def finish(self) -> None:
        """Write what is still counted only."""
        if self._left_out:
            self.note({"event": "refused"})


def _reason(error: errors.CouncilError, lacking: str) -> str:
    match error:
        case errors.SandboxStoppedError():
            return "stopped"
        case errors.SandboxUnavailableError() if lacking:
            return "layers"
        case errors.OverloadedError():
            return "queue"
        case errors.InvalidRequestError() | errors.NotFoundError():
            return "invalid"
        case _:
            return "unavailable"


def _count(job: sandbox.Job, status: str, took_s: float) -> None:
    telemetry.SANDBOX_JOBS.labels(job.language, status).inc()
    telemetry.SANDBOX_RUN_SECONDS.labels(status).observe(took_s)


def _job_fields(job: sandbox.Job) -> dict[str, object]:
    code = job.code.encode()
    return {
        "language": job.language,
        "code_sha256": hashlib.sha256(code).hexdigest(),
        "code_bytes": len(code),
        "stdin_bytes": len(job.stdin),
        "files": len(job.files),
        "limits": dataclasses.asdict(job.limits) if job.limits else None,
    }


def _result_fields(result: sandbox.Result) -> dict[str, object]:
    return {
        "status": result.status.value,
        "limit": result.limit,
        "exit_code": result.exit_code,
        "signal": result.signal,
        "reason": plain(result.reason),
        "layers": result.layers,
        "layers_missing": result.layers_missing,
        "wall_us": round(result.wall_s * 1_000_000),
        "cpu_us": round(result.cpu_s * 1_000_000),
        "memory_peak_bytes": result.memory_peak_bytes,
        "stdout_bytes": len(result.stdout),
        "stderr_bytes": len(result.stderr),
        "files_collected": len(result.files),
        "lowered": dict(result.lowered),
        "blocked": _blocked(result),
    }


def _blocked(result: sandbox.Result) -> dict[str, int]:
    """Return the refused calls by class, the classes a closed set."""
    counts: dict[str, int] = {}
    for kind, count in result.blocked.items():
        known = kind if kind in BLOCKED_CLASSES else _OTHER
        counts[known] = counts.get(known, 0) + count
    return counts


def plain(text: str) -> str:
    """Return foreign text, cut and without what UTF-8 cannot hold."""
    return text[:TEXT_CHARS_MAX].encode("utf-8", "replace").decode()
