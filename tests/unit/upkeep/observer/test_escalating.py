"""A gate that stays red is told of once a stretch, with what is known of it."""

import dataclasses
import json

import pytest

import observer_rig
from council.domain import evidence, gates, incidents, watching
from council.testing import watch
from council.upkeep.observer import escalating, explaining

NOW_S = observer_rig.NOW_S
RED, GREEN, AMBER, UNKNOWN = gates.Verdict.RED, gates.Verdict.GREEN, gates.Verdict.AMBER, gates.Verdict.UNKNOWN


def line(name: str = "latency_p95", verdict: gates.Verdict = RED, since_s: float = NOW_S - 1800) -> watching.GateLine:
    return dataclasses.replace(watch.line(name, verdict, 40.0), since_s=since_s)


def due(
    *lines: watching.GateLine, told: tuple[str, ...] = (), silences: tuple[incidents.Silence, ...] = ()
) -> list[str]:
    return [one.name for one in escalating.due(lines, silences, told, NOW_S, 1800)]


def test_only_what_is_red_for_long_enough_is_told() -> None:
    others = [line("a", GREEN), line("b", AMBER), line("c", UNKNOWN), line("d", RED, NOW_S - 1799)]
    assert due(line(), *others) == [f"escalated:latency_p95:{NOW_S - 1800:.0f}"]


def test_a_stretch_is_told_once_and_the_next_one_anew() -> None:
    (name,) = due(line())
    assert due(line(), told=(name,)) == []
    assert due(line(since_s=NOW_S - 1900), told=(name,)) == [f"escalated:latency_p95:{NOW_S - 1900:.0f}"]


@pytest.mark.parametrize("part", [0.0004, 0.4996, 0.9994, 0.9996])
def test_a_stretch_is_the_same_after_the_watcher_has_read_its_beginning_back(part: float) -> None:
    since_s = NOW_S - 2000 + part
    assert due(line(since_s=since_s)) == due(line(since_s=round(since_s * 1000) / 1000))


def test_what_is_silenced_is_told_once_the_silence_is_over() -> None:
    at_us = round(NOW_S * 1e6)
    silence = incidents.Silence("latency", at_us + 1, "Ann", "we know", at_us - 9)
    assert due(line(), silences=(silence,)) == []
    assert due(line("disk_usage"), silences=(silence,)) != []
    assert due(line(), silences=(dataclasses.replace(silence, until_us=at_us),)) != []


def found(*open_incidents: incidents.Incident) -> evidence.Evidence:
    span = evidence.Span(NOW_S - 9000, NOW_S)
    label = observer_rig.House().label
    return evidence.Evidence(span, NOW_S, label, gates=[line()], incidents=open_incidents)


def test_it_goes_with_the_open_incident_that_its_alert_is_in() -> None:
    stretch = escalating.Stretch(line())
    over, goes_on = observer_rig.incident(1, NOW_S - 9, repaired_s=NOW_S), observer_rig.incident(2, NOW_S - 1800)
    assert escalating.incident_of([stretch], found(over, goes_on)) == goes_on.id
    assert escalating.incident_of([stretch], found(over)) == ""
    assert escalating.incident_of([escalating.Stretch(line("disk_usage"))], found(goes_on)) == ""


def test_the_notice_says_what_how_long_why_and_where_more_is() -> None:
    stretch = escalating.Stretch(line())
    evident = found(observer_rig.incident(2, NOW_S - 1800))
    explanation = dataclasses.replace(explaining.explain(evident), causes=observer_rig.snapshot().explanation.causes)
    told = escalating.notice([stretch], evident, explanation, "01I", round(NOW_S * 1e6))
    assert (told.kind, told.severity, told.incident_id) == (
        incidents.NoticeKind.ESCALATED,
        incidents.Severity.PAGE,
        "01I",
    )
    assert told.title == "Red for 30 min: answers are slow"
    lines = told.text.splitlines()
    assert lines[0] == "latency_p95 is 40 % and must be < 5 %; red since 2027-01-15 07:30:00 UTC."
    assert "May have to do with it:" in lines and "  It is 431.5 ms." in lines
    assert lines[-1] == "More: council incidents show 01I"
    assert json.loads(told.data)["gates"][0]["name"] == "latency_p95"


def test_a_notice_of_a_stretch_has_one_id_at_a_moment_and_sorts_by_time() -> None:
    stretch, at_us = escalating.Stretch(line()), round(NOW_S * 1e6)
    first, again, later = (
        escalating.notice([stretch], found(), evidence.Explanation(()), "", at) for at in (at_us, at_us, at_us + 5000)
    )
    assert first.id == again.id < later.id
    assert first.text.endswith("More: council gates latency_p95")
