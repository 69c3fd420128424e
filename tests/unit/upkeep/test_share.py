"""Descriptors that will run out soon, and what rises by as much and does not."""

import itertools
from collections.abc import Iterable

import hypothesis
import hypothesis.strategies as st
import pytest

from council import homes
from council.domain import sentinels
from council.domain.gates import Verdict
from council.upkeep.sentinels import findings, house, levels

RULE = sentinels.Share("limit", 60, 80, 60, "sockets")
LIMIT, STEP_S = 20_000.0, 2.5
T0 = 1_800_000_000.0
# For so long whatever rises must rise to be foretold, less the step in which it may have ended unseen.
SURE_S = 12.5 - 2 * STEP_S


def said(
    parts: Iterable[float], step_s: float = STEP_S, rule: sentinels.Share = RULE, uncounted: float | None = 0.0
) -> list[findings.Said]:
    watch = levels.ShareWatch(rule, "descriptors")
    return [watch.judge(place * step_s, part, LIMIT, uncounted) for place, part in enumerate(parts)]


def first_red_s(parts: Iterable[float], step_s: float = STEP_S, rule: sentinels.Share = RULE) -> float | None:
    found = (place * step_s for place, one in enumerate(said(parts, step_s, rule)) if one.verdict is Verdict.RED)
    return next(found, None)


def test_four_hundred_a_second_are_red_after_six_readings_with_the_seconds_that_are_left() -> None:
    told = said(100 + 400 * STEP_S * step for step in range(6))
    assert [one.verdict for one in told] == [*[Verdict.GREEN] * 5, Verdict.RED]
    assert told[-1].reason == "5100 of 20000 descriptors are in use, and all of them in 37 s at the pace of now."
    assert told[-1].held_s == 12 and told[-1].value == pytest.approx(25.5)


@pytest.mark.parametrize(("step_s", "after_s"), [(2.5, 12.5), (3.0, 15.0), (5.0, 25.0)])
def test_it_is_foretold_however_often_it_is_read(step_s: float, after_s: float) -> None:
    assert first_red_s((100 + 400 * step_s * step for step in range(17)), step_s) == after_s


def test_without_seconds_in_the_rule_nothing_is_foretold() -> None:
    rule = sentinels.Share("limit", 60, 80)
    assert first_red_s((100 + 400 * STEP_S * step for step in range(17)), rule=rule) == 40.0


@pytest.mark.parametrize(
    "parts",
    [
        # A flood that comes at once, and stays.
        [100, 100, *[9000] * 20],
        [100, *range(100, 10_000, 3000), *[9000] * 20],
        # What fills more and more slowly.
        [11_000 - 10_900 * 0.75**step for step in range(40)],
        # A service that begins, and then does little.
        [5, 20, 60, 110, 140, 150, 150, 151, *[150] * 20],
        # Half of a percent a second: it takes more than a minute.
        [100 + 100 * STEP_S * step for step in range(20)],
        # What is given back now and then.
        [100 + 3000 * (step % 3) for step in range(60)],
    ],
)
def test_what_rises_otherwise_is_green(parts: list[float]) -> None:
    assert {one.verdict for one in said(parts)} == {Verdict.GREEN}


@hypothesis.given(
    begins_s=st.floats(0, 20),
    lasts_s=st.floats(0, SURE_S),
    to_share=st.floats(0, 0.59),
    noise=st.lists(st.floats(0, 20), min_size=20, max_size=20),
)
def test_what_has_risen_to_less_than_amber_within_seven_seconds_is_never_red(
    begins_s: float, lasts_s: float, to_share: float, noise: list[float]
) -> None:
    def at(time_s: float) -> float:
        passed = 1.0 if time_s >= begins_s + lasts_s else max(0.0, time_s - begins_s) / max(lasts_s, 1e-9)
        return passed * to_share * LIMIT

    told = said(at(place * STEP_S) + more for place, more in enumerate(noise))
    assert {one.verdict for one in told} == {Verdict.GREEN}


@hypothesis.given(a_second=st.integers(300, 1400), begins_s=st.floats(0, 2.5), each=st.floats(2.2, 2.8))
def test_what_would_fill_it_within_a_minute_is_red_before_it_is_full(
    a_second: int, begins_s: float, each: float
) -> None:
    parts = (50 + a_second * (begins_s + each * step) for step in range(40))
    found = first_red_s(itertools.takewhile(lambda part: part <= LIMIT, parts), each)
    assert found is not None and found <= 6 * each


def test_what_is_left_out_is_none_of_what_rises_and_counts_for_the_share_all_the_same() -> None:
    watch = levels.ShareWatch(RULE, "descriptors")
    told = [watch.judge(step * STEP_S, 100 + 1000 * step, LIMIT, 60 + 1000 * step).verdict for step in range(17)]
    assert told == [*[Verdict.GREEN] * 12, *[Verdict.AMBER] * 4, Verdict.RED]


def test_where_nobody_knows_what_is_left_out_nothing_is_foretold_but_what_was_known_stands() -> None:
    parts = [100 + 1000 * step for step in range(10)]
    assert {one.verdict for one in said(parts, uncounted=None)} == {Verdict.GREEN}
    watch = levels.ShareWatch(RULE, "descriptors")
    told = [watch.judge(step * STEP_S, part, LIMIT, None if step > 4 else 60) for step, part in enumerate(parts)]
    assert {one.verdict for one in told[5:]} == {Verdict.RED}


def test_the_house_foretells_descriptors_and_not_connections() -> None:
    def verdict(sockets: float) -> Verdict:
        watch = house.House(homes.default_sentinels())
        for step in range(6):
            values = {"open_fds_total": 100 + 1000.0 * step, "fd_soft_limit": LIMIT}
            values["council_process_sockets"] = 40 + sockets * step
            found = watch.take(house.Sighting("recall", T0 + step * STEP_S, T0 - 5, values))
        return next(one.verdict for one in found if one.sentinel == "descriptors")

    assert verdict(0) is Verdict.RED and verdict(1000) is Verdict.GREEN


def test_a_process_in_the_place_of_another_begins_anew() -> None:
    watch = house.House(homes.default_sentinels())
    told = []
    for step in range(9):
        values = {"open_fds_total": 100 + 1000.0 * step, "fd_soft_limit": LIMIT, "council_process_sockets": 40.0}
        found = watch.take(house.Sighting("recall", T0 + step * STEP_S, T0 if step < 4 else T0 + 60, values))
        told += [one.verdict for one in found if one.sentinel == "descriptors"]
    assert told == [Verdict.GREEN] * 9
