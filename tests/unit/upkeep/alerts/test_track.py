"""The life of one alert."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from council.domain import alerting, incidents
from council.domain.gates import Verdict
from council.upkeep.alerts import track as tracks
from council.upkeep.alerts.track import Change, State, Track

S = 1_000_000
T0 = 1_790_000_000 * S
RULE = alerting.Rule(warn_after_s=5, page_after_s=300, resolve_after_s=60, flap_s=21_600)
AT_ONCE = alerting.Rule(warn_after_s=0, page_after_s=0, resolve_after_s=60, flap_s=21_600)

G, A, R, U, N = Verdict.GREEN, Verdict.AMBER, Verdict.RED, Verdict.UNKNOWN, Verdict.NOT_APPLICABLE

Readings = list[tuple[float, Verdict]]


def follow(readings: Readings, rule: alerting.Rule = RULE, track: Track | None = None) -> list[tuple[float, Change]]:
    """Return when, in seconds, what changed."""
    track, found = track or Track(), []
    for at_s, verdict in readings:
        track, change = tracks.step(track, verdict, T0 + round(at_s * S), rule)
        if change:
            found.append((at_s, change))
    return found


def every(step_s: float, verdicts: str, start_s: float = 0) -> Readings:
    """Return readings from letters, one each `step_s`."""
    letters = {"g": G, "a": A, "r": R, "u": U, "n": N}
    return [(start_s + number * step_s, letters[letter]) for number, letter in enumerate(verdicts)]


def test_what_stays_red_fires_after_the_hold_and_pages_later() -> None:
    assert follow(every(1, "g" + "r" * 400)) == [(6, Change.FIRED), (301, Change.WORSENED)]


def test_a_rule_without_a_hold_fires_with_the_first_red() -> None:
    track, change = tracks.step(Track(), R, T0, AT_ONCE)
    assert change is Change.FIRED and track.severity is incidents.Severity.PAGE


def test_readings_that_come_milliseconds_early_make_nobody_wait_for_one_more() -> None:
    assert follow([(0, R), (4.997, R)]) == [(4.997, Change.FIRED)]
    assert follow([(0, R), (4.5, R), (4.7, G)]) == []


def test_a_short_red_is_no_alert() -> None:
    assert follow(every(1, "rrrr" + "g" * 200)) == []


def test_a_flapping_input_fires_once_although_no_run_of_red_is_long() -> None:
    assert follow(every(1, "rrg" * 100)) == [(7, Change.FIRED)]
    assert follow(every(1, "rg" * 200)) == [(10, Change.FIRED)]


def test_only_a_whole_run_of_green_resolves() -> None:
    readings = every(1, "r" * 10 + "g" * 59 + "r" + "g" * 61)
    assert follow(readings) == [(5, Change.FIRED), (130, Change.RESOLVED)]


@pytest.mark.parametrize("other", ["u", "a"])
def test_unknown_and_amber_break_a_run_of_green_and_resolve_nothing(other: str) -> None:
    assert follow(every(1, "r" * 10 + ("g" * 50 + other) * 20)) == [(5, Change.FIRED)]
    assert follow(every(10, "r" * 10 + other * 5000)) == [(10, Change.FIRED)]


def test_unknown_never_fires() -> None:
    assert follow(every(15, "u" * 1000)) == []
    assert follow(every(15, "r" + "u" * 20)) == []


def test_red_that_comes_back_long_after_unknown_begins_anew() -> None:
    readings = [(0, R), (10, U), (tracks.LAPSE_S + 100, R), (tracks.LAPSE_S + 101, R), (tracks.LAPSE_S + 106, R)]
    track = Track()
    for at_s, verdict in readings:
        track, _ = tracks.step(track, verdict, T0 + round(at_s * S), RULE)
    assert track.since_us == T0 + round((tracks.LAPSE_S + 100) * S)


def test_what_no_longer_applies_ends_at_once() -> None:
    assert follow(every(1, "r" * 10 + "n")) == [(5, Change.FIRED), (10, Change.ENDED)]
    assert follow(every(1, "rrn" * 50)) == []


def test_amber_warns_only_where_the_rule_says_so_and_never_pages() -> None:
    warns = alerting.Rule(warn_after_s=5, page_after_s=30, resolve_after_s=60, flap_s=60, amber_warns=True)
    assert follow(every(1, "a" * 500)) == []
    assert follow(every(1, "a" * 500), warns) == [(5, Change.FIRED)]
    assert follow(every(1, "a" * 10 + "r" * 40), warns) == [(5, Change.FIRED), (40, Change.WORSENED)]


def test_an_alert_that_comes_back_must_be_green_for_longer_each_time() -> None:
    green_s = []
    readings = every(10, ("r" * 3 + "g" * 250) * 8)
    found = follow(readings)
    for (_, first), (at_s, change) in itertools.pairwise(found):
        assert {first, change} == {Change.FIRED, Change.RESOLVED}
        if change is Change.RESOLVED:
            red_s = max(when for when, verdict in readings if verdict is R and when < at_s)
            green_s.append(at_s - red_s - 10)
    assert green_s == [60, 120, 240, 480, 960, 1920, 1920, 1920]


def test_after_a_long_calm_the_hold_is_short_again() -> None:
    track = Track(returns=5, ended_us=T0)
    readings = every(1, "r" * 10 + "g" * 70, start_s=RULE.flap_s + 60)
    assert [change for _, change in follow(readings, track=track)] == [Change.FIRED, Change.RESOLVED]


def test_a_clock_that_steps_fires_and_resolves_nothing() -> None:
    assert follow([(0, R), (-5000, R), (-4999, R)]) == []
    slow = alerting.Rule(warn_after_s=120, page_after_s=300, resolve_after_s=120, flap_s=60)
    assert follow([(0, R), (86_400, R)], slow) == []
    assert follow([*every(1, "r" * 130), (200, G), (90_000, G)], slow) == [(120, Change.FIRED)]


readings = st.lists(
    st.tuples(st.floats(0.5, 120, allow_nan=False), st.sampled_from(list(Verdict))), min_size=1, max_size=60
)


def timed(steps: list[tuple[float, Verdict]]) -> Readings:
    at_s = itertools.accumulate(step for step, _ in steps)
    return [(when, verdict) for when, (_, verdict) in zip(at_s, steps, strict=True)]


rules = st.builds(
    alerting.Rule,
    warn_after_s=st.floats(0, 60),
    page_after_s=st.none() | st.floats(0, 600),
    resolve_after_s=st.floats(1, 120),
    flap_s=st.floats(0, 50_000),
    amber_warns=st.booleans(),
)


@given(readings, rules)
def test_never_two_fires_without_an_end_between_them_and_no_end_without_a_fire(
    steps: list[tuple[float, Verdict]], rule: alerting.Rule
) -> None:
    firing = False
    for _, change in follow(timed(steps), rule):
        assert firing is (change is not Change.FIRED)
        firing = change in (Change.FIRED, Change.WORSENED)


@given(readings, rules)
def test_fires_on_bad_readings_resolves_on_green_ones_and_ends_on_what_does_not_apply(
    steps: list[tuple[float, Verdict]], rule: alerting.Rule
) -> None:
    at = dict(timed(steps))
    for when, change in follow(timed(steps), rule):
        match change:
            case Change.FIRED | Change.WORSENED:
                assert tracks.is_bad(at[when], rule)
            case Change.RESOLVED:
                assert at[when] is G
            case Change.ENDED:
                assert at[when] is N


@given(readings, rules)
def test_whatever_fires_was_bad_for_long_enough_and_whatever_resolves_was_green_for_long_enough(
    steps: list[tuple[float, Verdict]], rule: alerting.Rule
) -> None:
    track, times = Track(), timed(steps)
    for at_s, verdict in times:
        held_s = tracks.hold_down_s(track, rule)
        track, change = tracks.step(track, verdict, T0 + round(at_s * S), rule)
        if change is Change.FIRED:
            assert track.state is State.FIRING
            warned_s, paged_s = tracks.nearly_s(rule.warn_after_s), tracks.nearly_s(rule.page_after_s or 0)
            assert track.bad_s >= warned_s or track.red_s >= paged_s
        if change is Change.RESOLVED:
            run = list(itertools.takewhile(lambda one: one[1] is G, reversed([one for one in times if one[0] <= at_s])))
            assert run[0][0] - run[-1][0] >= held_s - 0.001
        assert track.bad_s <= sum(step for step, _ in steps) + 0.001


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 400), st.integers(10, 30))
def test_a_flapping_input_makes_few_notices_however_fast_it_flaps(red: int, green: int, step_s: int) -> None:
    hours_s = 6 * 3600
    rounds = hours_s // ((red + green) * step_s) + 1
    found = follow(every(step_s, ("r" * red + "g" * green) * rounds))
    spans = sum(1 for _, change in found if change is Change.RESOLVED)
    # Holds of 60, 120, ... 1920 s, and from then on 1920 s each.
    assert spans <= 6 + hours_s / 1920


def test_hours_of_slow_flapping_are_told_a_few_times() -> None:
    assert len(follow(every(10, "rrrgggggggg" * 200))) <= 6
