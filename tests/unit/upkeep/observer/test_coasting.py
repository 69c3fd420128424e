import dataclasses

import pytest

import observer_cases
from council.domain import evidence, gates, reports, watching
from council.upkeep.observer import coasting, kpis, renderings, telling

DAY = observer_cases.day("disk fills")
GREEN = [dataclasses.replace(one, verdict=gates.Verdict.GREEN) for one in DAY.gates]
CALM = dataclasses.replace(DAY, gates=GREEN, findings=[], incidents=[])
GIVEN = coasting.Inputs(
    CALM, "1.2.0", quota_limit=3, quota_used=1, freeze_usable=True, frozen=False, archive_merged_s=200.0, archive_due_s=100.0,
    digest_sent_s=200.0, digest_due_s=100.0,
)  # fmt: skip


def _held(given: coasting.Inputs) -> dict[str, bool | None]:
    return {one.name: one.holds for one in coasting.coast(given).conditions}


def _with(**changes: object) -> coasting.Inputs:
    return dataclasses.replace(GIVEN, **changes)


def _line(verdict: gates.Verdict) -> list[watching.GateLine]:
    return [dataclasses.replace(one, verdict=verdict) if one.name == "memory_growth" else one for one in GREEN]


def test_where_all_holds_one_may_coast() -> None:
    assert coasting.coast(GIVEN).may
    assert renderings.text(coasting.page(coasting.coast(GIVEN))).startswith("May coast")


FINDING = watching.Finding("memory", "recall", gates.Verdict.AMBER, 6.0, "MB/h", "It grows.", 1.0, "Look.")


@pytest.mark.parametrize(
    ("given", "name", "holds"),
    [
        (_with(found=dataclasses.replace(CALM, gates=_line(gates.Verdict.AMBER))), "all gates green", False),
        (_with(found=dataclasses.replace(CALM, gates=_line(gates.Verdict.UNKNOWN))), "all gates green", False),
        (_with(found=dataclasses.replace(CALM, gates=[])), "all gates green", None),
        (_with(quota_limit=None), "quota active", None),
        (_with(quota_limit=0), "quota active", False),
        (_with(freeze_usable=False), "freeze usable", False),
        (_with(freeze_usable=None), "freeze usable", None),
        (_with(archive_merged_s=50.0), "last night's archive merged", False),
        (_with(archive_merged_s=None), "last night's archive merged", None),
        (_with(digest_sent_s=50.0), "last digest delivered", False),
        (_with(digest_sent_s=None), "last digest delivered", None),
        (_with(found=dataclasses.replace(CALM, findings=[FINDING])), "leak trends flat", False),
        (_with(found=dataclasses.replace(CALM, gates=_line(gates.Verdict.UNKNOWN))), "leak trends flat", None),
    ],
)
def test_what_does_not_hold_or_is_not_known_is_in_the_way(
    given: coasting.Inputs, name: str, holds: bool | None
) -> None:
    assert _held(given)[name] is holds
    assert not coasting.coast(given).may


def test_a_gate_that_does_not_apply_is_not_in_the_way() -> None:
    assert coasting.coast(_with(found=dataclasses.replace(CALM, gates=_line(gates.Verdict.NOT_APPLICABLE)))).may


def test_a_freeze_in_force_is_said_and_is_not_in_the_way() -> None:
    found = coasting.coast(_with(frozen=True))
    assert found.may
    assert "one is in force now" in found.conditions[2].sentence.text


def test_each_condition_stands_with_evidence_and_with_where_to_look() -> None:
    for given in (GIVEN, coasting.Inputs(CALM, "1.2.0", unknown=[("archive", "the forge does not answer")])):
        for one in coasting.coast(given).conditions:
            assert not telling.strays(one.sentence.text, one.sentence.facts)
            assert one.command.startswith("council ")
    assert "the forge does not answer" in renderings.text(coasting.page(coasting.coast(given)))


def test_beside_it_stand_the_five_that_a_person_asks_for() -> None:
    form = coasting.form(coasting.coast(GIVEN))
    names = [one["name"] for one in form["beside"]]  # type: ignore[attr-defined]
    assert names == ["version", "autonomy level", "human oversight", "security posture", "documentation"]
    assert form["may_coast"] is True


# Figures against those of an earlier time


def _report(explained: dict[str, float] | None = None) -> reports.Figures:
    now = observer_cases.day()
    before = dataclasses.replace(now, span=kpis.spans(now.span.start_s, now.span.end_s)[1], costs=evidence.Costs())
    return kpis.report(now, before, explained)


def _named(report: reports.Figures, name: str) -> reports.Compared:
    return next(one for one in report.lines if one.now.name == name)


def test_the_earlier_time_is_as_long_and_ends_where_the_other_begins() -> None:
    now, before = kpis.spans(1000.0, 1600.0)
    assert (before.start_s, before.end_s, now.start_s, now.end_s) == (400, 1000, 1000, 1600)


def test_every_figure_has_how_many_it_is_of_or_its_reason() -> None:
    for line in _report().lines:
        for one in (line.now, line.before):
            assert one.fact.value is not None or one.reason
            assert one.count is not None or one.reason


def test_a_figure_that_one_side_lacks_has_no_change() -> None:
    line = _named(_report(), "cost per 100 answers")
    assert (line.before.fact.value, line.change.value) == (None, None)


def test_the_change_is_of_the_earlier_figure() -> None:
    now = observer_cases.day()
    doubled = [dataclasses.replace(one, cost_usd_micros=2 * one.cost_usd_micros) for one in now.costs.by_route]
    dearer = dataclasses.replace(now, costs=dataclasses.replace(now.costs, by_route=doubled))
    assert _named(kpis.report(dearer, now), "cost per 100 answers").change.value == pytest.approx(100)


def test_a_patch_that_a_person_took_back_was_not_decided_by_validation_alone() -> None:
    now = observer_cases.day()
    rows = [
        dataclasses.replace(row, returned_by="ann" if number == 0 else "") for number, row in enumerate(now.patches)
    ]
    line = _named(kpis.report(dataclasses.replace(now, patches=rows), now), "patches decided by validation alone")
    count = line.now.count.value if line.now.count else 0
    assert isinstance(count, int)
    assert line.now.fact.value == pytest.approx(100 * (count - 1) / count)


def test_the_lag_of_documentation_runs_from_the_change_to_its_explanation() -> None:
    now = observer_cases.day()
    applied = [row for row in now.patches if row.outcome == "applied" and not row.trial]
    explained = {row.cid: row.ended_s + 90 for row in applied}
    assert _named(_report(explained), "documentation lag").now.fact.value == pytest.approx(90)
    assert "explained yet" in _named(_report({}), "documentation lag").now.reason
    assert "cannot be read" in _named(_report(), "documentation lag").now.reason


def test_interventions_are_counted_and_null_with_their_reason_where_nobody_can_tell() -> None:
    assert _named(_report(), "human interventions").now.fact.value == 0
    away = dataclasses.replace(observer_cases.day(), missing=[evidence.Missing("repairs", "the records are away")])
    line = _named(kpis.report(away, away), "human interventions")
    assert (line.now.fact.value, line.now.reason) == (None, "the records are away")


def test_the_report_fits_a_terminal() -> None:
    assert max(map(len, renderings.text(kpis.page(_report())).split("\n"))) <= 100
