"""Operations by kind, and which of them needed a person."""

import dataclasses

import pytest

import observer_cases
from council.domain import evidence, incidents, repairs
from council.upkeep.observer import autonomy, kpis, measures


def job(kind: str, at_s: float, *, well: bool = True) -> evidence.Job:
    return evidence.Job(kind, at_s, well)


def day(*jobs: evidence.Job) -> evidence.Evidence:
    return dataclasses.replace(observer_cases.day(), patches=[], interventions=(), repairs=(), jobs=jobs)


def test_a_scheduled_job_is_an_operation() -> None:
    before, after = (autonomy.operations(one) for one in (day(), day(job("digest", 1.0), job("bot cost", 2.0))))
    assert after.whole.count == before.whole.count + 2
    assert after.kinds["jobs"] == autonomy.Tally(2, 0)


def test_a_job_that_failed_needed_nobody_once_a_later_one_of_its_kind_went_well() -> None:
    made_good = [job("backup", 1.0, well=False), job("drill", 2.0), job("backup", 3.0)]
    assert autonomy.undone(made_good) == []
    left = [job("backup", 1.0), job("backup", 2.0, well=False), job("drill", 3.0)]
    assert autonomy.undone(left) == [left[1]]
    assert autonomy.operations(day(*left)).kinds["jobs"] == autonomy.Tally(3, 1)


def test_nothing_makes_a_day_good_that_was_missed() -> None:
    missed = evidence.Job("digest", 1.0, went_well=False, is_missed=True)
    assert autonomy.undone([missed, job("digest", 2.0)]) == [missed]
    assert autonomy.operations(day(missed, job("digest", 2.0))).kinds["jobs"] == autonomy.Tally(2, 1)


def test_a_kind_that_never_went_well_has_all_its_jobs_undone() -> None:
    failed = [job("bot docs", 1.0, well=False), job("bot docs", 2.0, well=False)]
    assert autonomy.undone(failed) == failed


@pytest.mark.parametrize(
    ("changed", "needed"),
    [
        ({}, 1),
        ({"severity": incidents.Severity.WARNING}, 0),
        ({"standing": incidents.Standing.REPAIRED}, 0),
        ({"told_us": 0}, 0),
        ({"told_us": 7_000_000_000}, 0),
    ],
)
def test_an_incident_that_people_were_paged_of_and_that_nothing_ended_needed_a_person(
    changed: dict[str, object], needed: int
) -> None:
    paged = incidents.Incident(
        "i", incidents.Standing.OPEN, incidents.Severity.PAGE, 5_000_000_000, 5_010_000_000, told_us=5_010_000_000
    )
    open_now = dataclasses.replace(paged, **changed)  # type: ignore[arg-type]
    found = dataclasses.replace(day(), span=evidence.Span(4_000.0, 7_200.0), incidents=[open_now])
    assert autonomy.operations(found).kinds["incidents"] == autonomy.Tally(1, needed)


def test_each_kind_is_told_by_itself_since_jobs_would_hide_a_call() -> None:
    found = day(*(job("bot cost", float(at_s)) for at_s in range(997)))
    called = observer_cases.called(autonomy.begun(found)[0].id)
    found = dataclasses.replace(found, repairs=(called,))
    count = len(autonomy.begun(found))
    assert measures.autonomy(found).fact.value == pytest.approx(100 * (996 + count) / (997 + count))
    assert measures.autonomy_of(found, "incidents").fact.value == pytest.approx(100 * (count - 1) / count)
    assert measures.autonomy_of(found, "jobs").fact.value == 100
    empty = measures.autonomy_of(found, "patches")
    assert (empty.fact.value, empty.count and empty.count.value) == (None, 0)
    names = [line.now.name for line in kpis.report(found, found).lines]
    assert {f"autonomy of {kind}" for kind in autonomy.KINDS} <= set(names)


def test_what_people_did_beside_counts_as_far_as_there_are_operations() -> None:
    lifted = repairs.Intervention("i", repairs.InterventionKind.UNFREEZE, 0, "ann", "")
    found = dataclasses.replace(day(job("digest", 1.0)), incidents=(), interventions=(lifted, lifted))
    assert autonomy.operations(found).whole == autonomy.Tally(1, 1)


def test_autonomy_is_unknown_where_nobody_can_tell_of_jobs() -> None:
    found = dataclasses.replace(day(), missing=[evidence.Missing("jobs", "the records are away")])
    assert measures.autonomy(found).fact.value is None
    assert measures.autonomy(found).reason == "the records are away"
