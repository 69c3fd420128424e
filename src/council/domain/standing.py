"""The state of the service in one sentence that is true now: the same wherever people read it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from council.domain import gates, incidents, watching
from council.kit import shown

_WORST = (gates.Verdict.RED, gates.Verdict.AMBER, gates.Verdict.UNKNOWN)
_REASON_CHARS_MAX = 120
_NAMED_MAX = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """The worst verdict of a gate that applies, or of an incident, since when (epoch seconds, None where nobody knows)."""

    verdict: gates.Verdict
    sentence: str
    since_s: float | None


def standing(
    sight: watching.Sight,
    generation: str,
    now_s: float,
    at_work: Mapping[str, Any] | None = None,
    *,
    frozen: bool = False,
    open_incidents: Sequence[incidents.Incident] = (),
) -> Standing:
    """Return how it stands. `at_work` is the row of the patch on its way, as patchctl tells it.

    An open incident is named where no gate is as bad: what a sentinel finds shows in no gate, or not yet.
    """
    applying = [one for one in sight.gates if one.verdict is not gates.Verdict.NOT_APPLICABLE]
    end = _patches(at_work, now_s, frozen=frozen)
    if not sight.turn or not applying:
        why = sight.problem or "The watcher has just begun and has judged nothing yet."
        return Standing(gates.Verdict.UNKNOWN, f"Unknown: {why.rstrip('.')}{end}.", None)
    worst = next((verdict for verdict in _WORST if any(one.verdict is verdict for one in applying)), None)
    incident = _worse(open_incidents, worst)
    green = sum(one.verdict is gates.Verdict.GREEN for one in applying)
    if incident is not None:
        verdict, since_s = _verdict(incident), incident.began_us / 1e6
        unknown = sum(one.verdict is gates.Verdict.UNKNOWN for one in applying)
        rest = _counted(green, "; 1 gate is green", "; {} gates are green")
        rest += _counted(unknown, "; 1 is unknown", "; {} are unknown")
        bad = f"{str(verdict).capitalize()}: {incident.title} for {_span(now_s - since_s)}"
        return Standing(verdict, f"{bad}{rest}{_away(sight)}{end}.", since_s)
    if worst is None:
        since_s = max(one.since_s for one in applying)
        which = "" if len(applying) == len(sight.gates) else " that apply"
        lasts = _span(now_s - since_s)
        sentence = (
            f"All {len(applying)} gates{which} green for {lasts}, generation {generation[:8]}{_away(sight)}{end}."
        )
        return Standing(gates.Verdict.GREEN, sentence, since_s)
    meant = sorted((one for one in applying if one.verdict is worst), key=lambda one: one.since_s)
    first, lasts = meant[0], _span(now_s - meant[0].since_s)
    rest = ""
    if worst is gates.Verdict.UNKNOWN:
        rest = _counted(green, "; the other gate is green", "; the other {} gates are green")
    bad = f"{first.name} {_what(first)} for {lasts}{_others(meant[1:])}"
    sentence = f"{str(worst).capitalize()}: {bad}{rest}{_away(sight)}{end}."
    return Standing(worst, " ".join(sentence.split()), first.since_s)


def _verdict(one: incidents.Incident) -> gates.Verdict:
    return gates.Verdict.RED if one.severity is incidents.Severity.PAGE else gates.Verdict.AMBER


def _worse(found: Sequence[incidents.Incident], than: gates.Verdict | None) -> incidents.Incident | None:
    """Return the worst incident, the oldest of several, if it is worse than any gate."""
    worst = min(found, key=lambda one: (_WORST.index(_verdict(one)), one.began_us), default=None)
    is_worse = worst is not None and (than is None or _WORST.index(_verdict(worst)) < _WORST.index(than))
    return worst if is_worse else None


def _others(found: Sequence[watching.GateLine]) -> str:
    """Return who else is as bad, by name: what a person looks at next."""
    more = _counted(len(found) - _NAMED_MAX, " and 1 more", " and {} more")
    return f", and {', '.join(one.name for one in found[:_NAMED_MAX])}{more}" if found else ""


def _counted(count: int, one: str, several: str) -> str:
    return "" if count <= 0 else one if count == 1 else several.format(count)


def number(value: float | None, unit: str) -> str:
    """Return a gate's number with its unit, as people read it."""
    if value is None:
        return "-"
    if unit == "USD":
        return f"${value:.4f}"
    figure = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return figure + (unit if unit in ("%", "") else f" {unit}")


def _span(seconds: float) -> str:
    """Return for how long, by the minute from the first one on: nobody reads on because of a second."""
    whole_s = max(0.0, seconds)
    return shown.duration(whole_s // 60 * 60 if whole_s >= 60 else whole_s // 1)


def _what(one: watching.GateLine) -> str:
    if one.value is None:
        reason = one.reason[:_REASON_CHARS_MAX].rstrip(".")
        return f"({reason})" if reason else ""
    return f"{number(one.value, one.unit)} (limit {one.comparator} {number(one.threshold, one.unit)})"


def _away(sight: watching.Sight) -> str:
    away = [one for one in sight.services if one.state not in ("ready", "stopped")]
    if not away:
        return ""
    named = ", ".join(f"{one.name} is {one.state}" for one in away[:_NAMED_MAX])
    return f"; {named}" + (f" and {len(away) - _NAMED_MAX} more" if len(away) > _NAMED_MAX else "")


_GOING_BACK = frozenset({"returning", "yielding", "undoing"})


def _patches(row: Mapping[str, Any] | None, now_s: float, *, frozen: bool) -> str:
    if row is None:
        return "; patches are frozen" if frozen else ""
    phase, times = str(row.get("phase", "")), row.get("times") or ()
    began_s = float(times[-1][1]) if times else float(row.get("at_s") or now_s)
    what = "rolling back patch" if phase in _GOING_BACK else "patch"
    doing = "" if phase in _GOING_BACK else f" is {phase},"
    return f"; {what} {str(row.get('cid', ''))[:8]}{doing} {max(0, round(now_s - began_s))} s in"
