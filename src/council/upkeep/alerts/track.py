"""The life of one alert: pending -> firing -> resolved, as a pure state machine. Decision record 0019.

- The time after a reading counts as what the reading was: what is bad for 5 s in all has been bad for 5 s, though it was green
  in between. Only a whole run of green takes a pending alert back, so what flaps fast fires once. It fires on a bad reading.
- Only green resolves. Unknown and amber break a run of green; unknown never fires either. What does not apply ends at once.
- An alert that comes back soon after it was resolved must be green for twice as long, up to 32 times: what flaps slowly is told
  ever more rarely.
"""

import enum
from dataclasses import dataclass, replace

from council.domain import alerting, gates, incidents

# No two readings count for more than this, so that a stepped clock or a long sleep fires and resolves nothing.
STEP_S_MAX = 60.0
# A pending alert whose last bad reading is older begins anew.
LAPSE_S = 600.0
DOUBLINGS_MAX = 5
# Readings come at equal intervals, give or take milliseconds; without this every other alert would wait for one more.
_EARLY_S_MAX = 0.25
_EARLY_SHARE_MAX = 0.05


class State(enum.Enum):
    """Where an alert is."""

    WELL = "well"
    PENDING = "pending"
    FIRING = "firing"


class Change(enum.Enum):
    """What a reading brought about."""

    FIRED = "fired"
    WORSENED = "worsened"
    RESOLVED = "resolved"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Track:
    """One thing that is watched. `since_us` is its first bad reading, `green_us` the first of the run of green it is in.

    `returns` counts how often it has come back; `ended_us` is when it last ended.
    """

    state: State = State.WELL
    severity: incidents.Severity | None = None
    since_us: int = 0
    read_us: int = 0
    last: gates.Verdict | None = None
    bad_us: int = 0
    bad_s: float = 0.0
    red_s: float = 0.0
    green_s: float = 0.0
    green_us: int = 0
    returns: int = 0
    ended_us: int = 0


def step(track: Track, verdict: gates.Verdict, at_us: int, rule: alerting.Rule) -> tuple[Track, Change | None]:
    """Return the track after a reading, and what changed."""
    passed_s = min(max(at_us - track.read_us, 0) / 1e6, STEP_S_MAX) if track.last is not None else 0.0
    read = replace(_counted(track, passed_s, rule), read_us=at_us, last=verdict)
    match verdict:
        case gates.Verdict.NOT_APPLICABLE:
            return _over(read, at_us), Change.ENDED if track.state is State.FIRING else None
        case gates.Verdict.GREEN:
            return _green(read, track.last, passed_s, at_us, rule)
        case gates.Verdict.RED | gates.Verdict.AMBER if is_bad(verdict, rule):
            return _bad(read, at_us, rule)
        case _:
            return read, None


def is_bad(verdict: gates.Verdict | None, rule: alerting.Rule) -> bool:
    """Whether a reading counts towards an alert."""
    return verdict is gates.Verdict.RED or (verdict is gates.Verdict.AMBER and rule.amber_warns)


def hold_down_s(track: Track, rule: alerting.Rule) -> float:
    """Return for how long a firing alert must be green."""
    return rule.resolve_after_s * 2.0 ** min(track.returns, DOUBLINGS_MAX)


def nearly_s(wait_s: float) -> float:
    """Return from how long on a time counts as this long."""
    return wait_s - min(_EARLY_S_MAX, _EARLY_SHARE_MAX * wait_s)


def _over(track: Track, at_us: int) -> Track:
    fired = track.state is State.FIRING
    return Track(
        read_us=track.read_us,
        last=track.last,
        since_us=track.since_us,
        bad_us=track.bad_us,
        green_us=track.green_us,
        returns=track.returns,
        ended_us=at_us if fired else track.ended_us,
    )


def _green(
    track: Track, before: gates.Verdict | None, passed_s: float, at_us: int, rule: alerting.Rule
) -> tuple[Track, Change | None]:
    first = before is not gates.Verdict.GREEN or track.green_us == 0
    run = replace(
        track, green_s=0.0 if first else track.green_s + passed_s, green_us=at_us if first else track.green_us
    )
    if run.state is State.PENDING and run.green_s >= rule.resolve_after_s:
        return _over(run, at_us), None
    if run.state is State.FIRING and run.green_s >= hold_down_s(run, rule):
        return _over(run, at_us), Change.RESOLVED
    return run, None


def _counted(track: Track, passed_s: float, rule: alerting.Rule) -> Track:
    """Return the track with the time since its last reading added to what that reading was."""
    if not is_bad(track.last, rule):
        return track
    red_s = passed_s if track.last is gates.Verdict.RED else 0.0
    return replace(track, bad_s=track.bad_s + passed_s, red_s=track.red_s + red_s)


def _bad(track: Track, at_us: int, rule: alerting.Rule) -> tuple[Track, Change | None]:
    lapsed = track.state is State.PENDING and at_us - track.bad_us > LAPSE_S * 1_000_000
    if track.state is State.WELL or lapsed:
        track = replace(track, state=State.PENDING, since_us=at_us, bad_s=0.0, red_s=0.0)
    track = replace(track, bad_us=at_us)
    wanted = _severity(track, rule)
    if wanted is None or (track.severity is not None and wanted.rank <= track.severity.rank):
        return track, None
    if track.state is State.FIRING:
        return replace(track, severity=wanted), Change.WORSENED
    returns = track.returns + 1 if track.ended_us and at_us - track.ended_us <= rule.flap_s * 1_000_000 else 0
    return replace(track, state=State.FIRING, severity=wanted, returns=returns), Change.FIRED


def _severity(track: Track, rule: alerting.Rule) -> incidents.Severity | None:
    is_red = track.last is gates.Verdict.RED
    if rule.page_after_s is not None and is_red and track.red_s >= nearly_s(rule.page_after_s):
        return incidents.Severity.PAGE
    return incidents.Severity.WARNING if track.bad_s >= nearly_s(rule.warn_after_s) else None
