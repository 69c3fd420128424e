"""What the journal's records tell of patches: each one's way as a row, and what the rules ask of the past. Pure.

A way begins with the record `staging`, which also carries what `about` says, and ends with the record that has an outcome. A
patch of a proven signer that was refused before it began has one record, `refusal`. Checkpoints and others are passed over.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from council.domain import patches
from council.upkeep.patchctl import steps
from council.upkeep.patchctl.core import judging

REFUSED = "refused"
# A record is a line of bounded length, and a patch may have more files than fit.
FILES_TOLD_MAX = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One patch on its way, or at its end. `at_s` in Unix seconds, 0 where the record does not tell; `outcome` "" at work."""

    digest: str
    title: str = ""
    ticket: int | None = None
    author: str = ""
    said: str = ""
    signers: tuple[str, ...] = ()
    kind: str = ""
    files: tuple[str, ...] = ()
    files_count: int = 0
    content: str = ""
    at_s: int = 0
    phase: str = ""
    outcome: str = ""
    reason: str = ""
    base: str = ""
    target: str = ""
    # It was to be tried and not to serve, and counts for nothing.
    trial: bool = False
    # Each phase with the time at which it began, Unix seconds; the last is the end.
    times: tuple[tuple[str, int], ...] = ()
    # Who wanted it rolled back after it was applied.
    returned_by: str = ""

    @property
    def cid(self) -> str:
        """What people are shown."""
        return patches.cid(self.digest)

    @property
    def ended_s(self) -> int:
        """When it came to its end, Unix seconds; 0 while it is at work."""
        return self.times[-1][1] if self.outcome and self.times else 0

    @property
    def away_s(self) -> int:
        """How long what had no memory to run beside another was away, whole seconds by the records; 0 where nothing was."""
        away_s, since_s = 0, None
        for phase, at_s in self.times:
            if phase in _AWAY and since_s is None:
                since_s = at_s
            elif phase in _THERE and since_s is not None:
                away_s, since_s = away_s + at_s - since_s, None
        return away_s

    @property
    def line(self) -> str:
        """The patch in one line: `cid:<16 hex> - title (Ticket #n)`."""
        ticket = "" if self.ticket is None else f" (Ticket #{self.ticket})"
        return f"cid:{self.cid} - {self.title or 'without a title'}{ticket}"


def about(verdict: judging.Verdict, now: float) -> dict[str, Any]:
    """Return what the journal keeps of a patch beside its way; `now` in Unix seconds. Only with a proven signer."""
    signer, patch = verdict.signer, verdict.patch
    assert signer is not None
    kept: dict[str, Any] = {
        "at": int(now),
        "signer": signer.fingerprint,
        "kind": signer.kind.value,
        "signers": list(verdict.signers),
    }
    if patch is not None:
        kept |= {
            "author": patch.author,
            "title": patch.title,
            "said": patch.reason,
            "ticket": patch.ticket,
            "files": [one.path for one in patch.changes[:FILES_TOLD_MAX]],
            "files_count": len(patch.changes),
            "content": patches.content_digest(patch),
        }
    return kept


def refusal(verdict: judging.Verdict, now: float) -> dict[str, Any]:
    """Return the record of a patch that was refused before it began."""
    return {REFUSED: verdict.reason, "patch": verdict.digest, **about(verdict, now)}


def rows(records: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Return every patch that the records tell of, in the order in which they came."""
    found: list[Row] = []
    place_by_digest: dict[str, int] = {}
    for one in records:
        if REFUSED in one:
            found.append(replace(_begun(one), outcome=steps.Outcome.REFUSED.value, reason=str(one[REFUSED])))
        elif "phase" not in one:
            continue
        elif one["phase"] == steps.Phase.STAGING:
            place_by_digest[str(one["patch"])] = len(found)
            found.append(_begun(one))
        elif (place := place_by_digest.get(str(one.get("patch")))) is not None:
            found[place] = _after(found[place], one)
    return found


def told(row: Row) -> dict[str, Any]:
    """Return a row as programs get it."""
    return {"cid": row.cid, "line": row.line, **asdict(row), "away_s": row.away_s}


def seen(records: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the CID and the digest of each patch that was applied or rolled back."""
    return {row.cid: row.digest for row in rows(records) if row.outcome in _SERVED and not row.trial}


def quarantined(records: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Return the content digests of the patches that were rolled back, but for those of which others were the cause."""
    return returned(rows(records))


def returned(found: Iterable[Row]) -> frozenset[str]:
    """Return the same of rows."""
    return frozenset(row.content for row in found if _is_quarantined(row))


def quarantine(found: Iterable[Row]) -> list[Row]:
    """Return of each content in quarantine the patch that was rolled back last, the newest first."""
    newest = {row.content: row for row in sorted(found, key=lambda row: row.ended_s) if _is_quarantined(row)}
    return sorted(newest.values(), key=lambda row: row.ended_s, reverse=True)


def _is_quarantined(row: Row) -> bool:
    return (
        row.outcome == steps.Outcome.ROLLED_BACK
        and bool(row.content)
        and not row.trial
        and row.reason != patches.Reason.STALE_BASE
    )


def last_used_s(records: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return when each fingerprint last stood behind a patch, Unix seconds."""
    return {name: row.at_s for row in rows(records) for name in row.signers}


# From these on something is away, and from those on all is there again.
_AWAY = frozenset({steps.Phase.PAUSING.value, steps.Phase.YIELDING.value})
_THERE = frozenset({steps.Phase.BAKING.value, steps.Phase.IDLE.value})
_SERVED = frozenset({steps.Outcome.APPLIED.value, steps.Outcome.ROLLED_BACK.value})


def _begun(record: Mapping[str, Any]) -> Row:
    ticket = record.get("ticket")
    return Row(
        digest=str(record["patch"]),
        title=str(record.get("title", "")),
        ticket=ticket if isinstance(ticket, int) else None,
        author=str(record.get("author", "")),
        said=str(record.get("said", "")),
        signers=tuple(map(str, record.get("signers", ()))) or ((str(record["signer"]),) if "signer" in record else ()),
        kind=str(record.get("kind", "")),
        files=tuple(map(str, record.get("files", ()))),
        files_count=int(record.get("files_count", 0)),
        content=str(record.get("content", "")),
        at_s=int(record.get("at", 0)),
        phase=str(record.get("phase", "")),
        base=str(record.get("base", "")),
        trial=record.get("trial") is True,
        times=_time(record),
    )


def _after(row: Row, record: Mapping[str, Any]) -> Row:
    return replace(
        row,
        phase=str(record["phase"]),
        outcome=str(record.get("outcome", "")),
        reason=str(record.get("reason", "")),
        target=str(record.get("target", "")) or row.target,
        times=(*row.times, *_time(record)),
        returned_by=str(record.get("by", "")) or row.returned_by,
    )


def _time(record: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    return ((str(record["phase"]), int(record["at"])),) if {"phase", "at"} <= record.keys() else ()
