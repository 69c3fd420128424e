"""Rows of patches as JSON, made of what patchctl tells. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pydantic

_US = 1_000_000


class ChangeRow(pydantic.BaseModel):
    """A patch on its way, or at its end; `outcome` is "" while it goes on, `ended_us` null. Times in microseconds."""

    cid: str
    digest: str
    title: str
    ticket: int | None
    author: str
    said: str
    signers: list[str]
    kind: str
    outcome: Literal["applied", "refused", "rolled back", "tried", ""]
    phase: str
    reason: str
    base: str
    target: str
    trial: bool
    live: bool
    began_us: int
    ended_us: int | None
    files: list[str]
    files_count: int
    returned_by: str
    away_s: float


_PLAIN = (
    *("cid", "digest", "title", "ticket", "author", "said", "signers", "kind", "outcome", "phase", "reason", "base"),
    *("target", "trial", "files", "files_count", "returned_by", "away_s"),
)


def row(told: Mapping[str, Any], serving: str) -> dict[str, Any]:
    """Return a patch's row; `serving` is the generation that serves."""
    times = told["times"]
    live = told["outcome"] == "applied" and told["target"] == serving and not told["trial"]
    return {
        **{name: told[name] for name in _PLAIN},
        "live": bool(live),
        "began_us": (told["at_s"] or (times[0][1] if times else 0)) * _US,
        "ended_us": times[-1][1] * _US if told["outcome"] and times else None,
    }


def quarantined(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return a patch in quarantine. Nothing ends that: another content is another patch."""
    names = ("cid", "digest", "title", "ticket", "author", "reason", "returned_by", "files", "files_count")
    return {**{name: told[name] for name in names}, "returned_us": told["times"][-1][1] * _US}


def steps(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each step of a patch's way with its time; the last is its end, and takes none."""
    times: Sequence[Sequence[Any]] = told["times"]
    follows = [at for _, at in times[1:]]
    ends = [*follows, None][: len(times)]
    return [
        {"step": step, "at_us": at * _US, "took_s": None if end is None else float(end - at)}
        for (step, at), end in zip(times, ends, strict=True)
    ]


def switch_s(told: Mapping[str, Any]) -> float | None:
    """Return how long the switch to this patch took, seconds; None where there was none."""
    return next((one["took_s"] for one in steps(told) if one["step"] == "switching"), None)


def frozen(standing: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return why no patches are taken, None while they are."""
    told = standing.get("freeze")
    return None if not told else {"reason": told["reason"], "by": told["by"], "since_us": told["at_us"]}


def quota(standing: Mapping[str, Any]) -> dict[str, int] | None:
    """Return what bots have used today, None where nobody tells."""
    told = standing.get("quota")
    return None if not told else {"used": told["bots"]["used"], "limit": told["bots"]["limit"]}
