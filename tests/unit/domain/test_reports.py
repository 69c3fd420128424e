"""When figures are to be made anew."""

from council.domain import reports

HOUR_S = 3600.0


def test_the_shortest_stretch_that_is_not_fresh_is_due_and_each_by_its_own_length() -> None:
    assert reports.due({}, 0.0) == 1
    assert reports.due({1: 0.0}, 60.0) == 7
    made = dict.fromkeys(reports.DAYS, 0.0)
    assert reports.due(made, HOUR_S - 1) is None
    assert reports.due(made, HOUR_S) == 1
    assert reports.due(made | {1: 7 * HOUR_S}, 7 * HOUR_S) == 7
    assert reports.due(made | {1: 28 * HOUR_S, 7: 28 * HOUR_S}, 28 * HOUR_S) == 28


def test_figures_of_a_time_to_come_are_made_anew_once_the_clock_is_right() -> None:
    assert reports.due(dict.fromkeys(reports.DAYS, 100.0), 99.0) == 1
