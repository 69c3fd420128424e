"""Which snapshots are due, whoever was there and whoever was not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import observer_rig
from council.domain import snapshots
from council.upkeep.observer import rounds

NOW_S = observer_rig.NOW_S
TICK, INCIDENT = snapshots.Occasion.TICK, snapshots.Occasion.INCIDENT
MISSED = "the records were away, the machine slept, its clock or the interval was set, or the steward hung"


def test_the_first_tick_is_the_last_one_that_has_passed() -> None:
    assert rounds.tick(NOW_S + 3, 900, None, NOW_S) == rounds.Due(TICK, NOW_S, NOW_S - 900)


def test_a_tick_that_was_taken_is_not_due_until_the_next() -> None:
    assert rounds.tick(NOW_S + 899.9, 900, NOW_S, 0) is None
    assert rounds.tick(NOW_S + 900, 900, NOW_S, 0) == rounds.Due(TICK, NOW_S + 900, NOW_S)


@pytest.mark.parametrize(
    ("began_s", "why"),
    [(NOW_S + 3600, "the steward was not running"), (0.0, MISSED)],
)
def test_ticks_that_were_missed_are_said_with_why(began_s: float, why: str) -> None:
    due = rounds.tick(NOW_S + 3700, 900, NOW_S, began_s)
    assert due is not None and (due.at_s, due.from_s) == (NOW_S + 3600, NOW_S)
    assert due.missed == snapshots.Missed(3, NOW_S + 900, NOW_S + 2700, why)


@given(st.floats(10, 86_400), st.floats(0, 4e9), st.floats(-1e6, 1e6))
def test_a_tick_is_on_the_grid_and_is_due_once(interval_s: float, now_s: float, apart_s: float) -> None:
    due = rounds.tick(now_s, interval_s, now_s - abs(apart_s), 0)
    if due is None:
        return
    assert due.from_s < due.at_s <= now_s
    assert rounds.tick(now_s, interval_s, due.at_s, 0) is None
    assert due.missed is None or due.missed.count >= 1


def test_an_incident_is_due_once_and_only_while_it_is_news() -> None:
    found = [observer_rig.incident(number, NOW_S - back) for number, back in enumerate((5, 90_000, 100, 200))]
    due = rounds.begun(NOW_S, found, {found[2].id})
    assert [(one.occasion, one.incident_id, one.at_s) for one in due] == [
        (INCIDENT, found[3].id, NOW_S - 200),
        (INCIDENT, found[0].id, NOW_S - 5),
    ]
    assert due[1].id == f"20270115T075955Z-{found[0].id}" and due[1].from_s == NOW_S - 10


def test_many_incidents_are_taken_a_few_at_a_time_the_oldest_first() -> None:
    found = [observer_rig.incident(number, NOW_S - number) for number in range(30)]
    assert [one.at_s for one in rounds.begun(NOW_S, found, ())] == [NOW_S - 29 + place for place in range(5)]
