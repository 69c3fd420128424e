"""What a soak asks, how often, and what bounds it."""

import asyncio
import itertools
import random

import pytest

from council.upkeep.soak import load, profiles, questions

QUICK = profiles.Profile("a hundred a second", 100.0, 4, {"math": 1})


@pytest.mark.parametrize("name", profiles.PROFILES)
def test_a_profile_asks_as_often_as_it_says_in_the_mean(name: str) -> None:
    profile = profiles.PROFILES[name]
    asked = len(list(itertools.takewhile(lambda at_s: at_s < 6000, profile.moments(random.Random(1)))))
    mean = (profile.rate * (60 - profile.burst_s) + profile.burst_rate * profile.burst_s) / 60
    assert asked / 6000 == pytest.approx(mean, rel=0.1)
    slow = len(list(itertools.takewhile(lambda at_s: at_s < 6000, profile.moments(random.Random(1), slower=4))))
    assert slow / 6000 == pytest.approx(mean / 4, rel=0.2)


def test_bursts_come_at_the_end_of_each_minute() -> None:
    burst = profiles.PROFILES["burst"]
    assert [burst.rate_at(second) for second in (0, 49, 50, 59.9, 60, 115)] == [1, 1, 8, 8, 1, 8]


def test_questions_are_drawn_by_the_mix_and_the_seed_and_leave_no_form_unfilled() -> None:
    mix = profiles.PROFILES["light"].mix
    drawn = [questions.draw(chance, mix) for chance in [random.Random(5)] for _ in range(2000)]
    assert {kind for kind, _ in drawn} == set(mix)
    assert not [text for _, text in drawn if "{" in text or "}" in text]
    assert 0.3 < sum(kind == "math" for kind, _ in drawn) / 2000 < 0.5
    assert drawn[:10] == [questions.draw(chance, mix) for chance in [random.Random(5)] for _ in range(10)]


async def test_what_is_open_is_bounded_and_waited_for_and_what_came_of_it_is_counted() -> None:
    stop, asked, open_now, most = asyncio.Event(), load.Asked(), 0, 0

    async def ask(text: str) -> str:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0.1)
        open_now -= 1
        return load.ANSWERED if "*" in text else "status 503"

    asyncio.get_running_loop().call_later(0.5, stop.set)
    await load.run(QUICK, ask, asked, random.Random(2), stop)
    assert most == QUICK.at_once_max and open_now == 0 and asked.late > 0
    assert asked.total == asked.counts["math"].total() > 8
    assert set(asked.counts["math"]) == {load.ANSWERED, "status 503"}
    assert len(asked.seconds["math"]) == asked.counts["math"][load.ANSWERED]


async def test_a_stop_before_the_first_question_asks_nothing() -> None:
    stop, asked = asyncio.Event(), load.Asked()
    stop.set()

    async def ask(_: str) -> str:
        raise AssertionError("nothing is asked")

    await load.run(QUICK, ask, asked, random.Random(2), stop)
    assert asked.total == 0
