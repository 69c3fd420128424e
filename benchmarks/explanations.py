"""How often the right cause of a made fault stands first, and how long an explanation takes. No language model is asked.

The faults are those of `council.testing.fault_library`, each with a known cause and with what misleads. What the ranking was
tuned on are the even seeds; here are the odd ones. Beside it, on the same faults, stand two things that a person might do
instead: blame the newest change of the last half hour, or else what went bad first; and take the first candidate that the
incident itself names.
"""

import collections
import time
from collections.abc import Callable

import detection_faults
import figures
from council.domain import evidence, incidents
from council.testing import fault_library, kinds_of_faults
from council.upkeep.observer import explaining, telling

HELD_OUT = range(1, 40, 2)
_WRONG_TARGET = 0.1
_TARGET_S = 5.0
_HALF_HOUR_S = 1800.0
_NEWEST, _TABLE = "the newest change, or what went bad first", "the incident's own first candidate"

Answer = tuple[str, str]


def run(say: Callable[[str], None]) -> list[figures.Row]:
    """Return the table."""
    wrong: dict[str, list[bool]] = collections.defaultdict(list)
    others: dict[str, list[bool]] = collections.defaultdict(list)
    misled: list[bool] = []
    after_three: list[bool] = []
    took_s: list[float] = []
    strays = sentences = 0
    for case in kinds_of_faults.cases(HELD_OUT):
        incident = next(one for one in case.found.incidents if one.id == case.incident)
        began_s = time.perf_counter()
        told = explaining.explain(case.found, case.incident)
        took_s.append(time.perf_counter() - began_s)
        answers = [(one.kind, one.subject) for one in told.causes]
        is_wrong = not answers or answers[0] not in case.right
        wrong[case.kind].append(is_wrong)
        if "a harmless patch before" in case.decoys:
            misled.append(is_wrong)
        after_three.append(not case.right & set(answers[:3]))
        others[_NEWEST].append(_newest(case, incident) not in case.right)
        others[_TABLE].append(_table(incident) not in case.right)
        strays += sum(bool(telling.strays(one.text, one.facts)) for one in told.sentences)
        sentences += len(told.sentences)
    say(f"explanations: {len(took_s)} faults of {len(wrong)} kinds")
    every = [one for kind in wrong.values() for one in kind]
    rows = [_share("all kinds", figures.OURS, every, _WRONG_TARGET)]
    rows += [_share("all kinds", subject, found) for subject, found in others.items()]
    rows.append(_share("where a harmless patch came just before", figures.OURS, misled, _WRONG_TARGET))
    rows += [_share(kind, figures.OURS, found) for kind, found in wrong.items()]
    head = "right cause not among the first three"
    rows.append(figures.share(head, figures.OURS, sum(after_three), len(after_three)))
    rows.append(figures.share("sentences with a number that is no fact", figures.OURS, strays, sentences, 0.0))
    rows.append(figures.median("one explanation", figures.OURS, took_s, "s", _TARGET_S))
    return rows


def _share(about: str, subject: str, found: list[bool], target: float | None = None) -> figures.Row:
    return figures.share(f"wrong cause first: {about}", subject, sum(found), len(found), target)


def _newest(case: fault_library.Case, incident: incidents.Incident) -> Answer:
    onset_s = incident.began_us / 1e6

    def came_s(row: evidence.PatchRow) -> float:
        return row.began("switching") or 0.0

    came = [row for row in case.found.patches if not row.trial and 0 <= onset_s - came_s(row) <= _HALF_HOUR_S]
    if came:
        return "patch", max(came, key=came_s).cid
    return _of_alert(min(incident.members, key=lambda one: one.alert.since_us).alert.title)


def _table(incident: incidents.Incident) -> Answer:
    linked = incident.causes[0].title if incident.causes else incident.members[0].alert.title
    return _of_alert(linked)


def _of_alert(title: str) -> Answer:
    """Return what an alert says by itself is wrong."""
    name, service = detection_faults.named(title)
    if name in ("service_down", "metrics_stale", "crash_loop"):
        return "service", service
    if name in ("disk_usage", "disk_growth"):
        return "resource", "disk"
    if name == "gpu_memory":
        return "resource", "gpu memory"
    return ("resource", f"{name} of {service}") if service else ("series", name)
