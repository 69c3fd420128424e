import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.serving import pace


def escalated(made: pace.Pace, doubts: list[float], confidence_min: float = 0.6) -> list[float]:
    """Let questions come in, one for each confidence, and return those that went to the paid model."""
    sent = []
    for confidence in doubts:
        made.question()
        below = min(confidence_min, made.doubt_below())
        made.seen(confidence)
        if confidence < below:
            made.spent()
            sent.append(confidence)
    return sent


@given(st.lists(st.floats(0, 1), max_size=400), st.floats(0, 0.5))
def test_the_share_holds_but_for_the_reserve(doubts: list[float], share: float) -> None:
    # What is earned is summed up question by question, and rounded each time.
    rounding = 1e-9
    assert len(escalated(pace.Pace(share), doubts)) <= share * len(doubts) + pace.RESERVE + rounding


@given(st.lists(st.floats(0, 1), max_size=400), st.floats(0, 0.5))
def test_without_a_reserve_the_share_holds_from_the_first_question_on(doubts: list[float], share: float) -> None:
    assert len(escalated(pace.Pace(share, reserve=0.0), doubts)) <= share * len(doubts) + 1e-9


def test_what_is_overdrawn_at_once_is_paid_back_first() -> None:
    made = pace.Pace(0.1)
    # Ten ask at the same moment, and all are in doubt before the first is sent.
    below = []
    for _ in range(10):
        made.question()
        below.append(made.doubt_below())
        made.seen(0.99)
    assert min(below) > 0.0
    for _ in below:
        made.spent()
    chance = random.Random(7)
    sent = escalated(made, [chance.random() for _ in range(90)])
    assert len(below) + len(sent) <= 0.1 * 100 + pace.RESERVE


def test_a_long_time_without_the_local_model_is_not_paid_for_ever() -> None:
    made = pace.Pace(0.5)
    for _ in range(10_000):
        made.question()
        made.spent()
    chance = random.Random(7)
    assert escalated(made, [chance.random() for _ in range(int(4 * pace.DEBT_MAX))])


def test_a_share_of_one_bounds_nothing() -> None:
    assert len(escalated(pace.Pace(1.0), [0.1] * 500)) == 500


def test_a_share_of_nothing_sends_the_reserve_and_no_more() -> None:
    assert len(escalated(pace.Pace(0.0), [0.1] * 500)) <= pace.RESERVE


def test_the_deepest_doubts_are_sent() -> None:
    chance = random.Random(7)
    doubts = [chance.random() for _ in range(5_000)]
    sent = escalated(pace.Pace(0.06), doubts)
    assert sum(sent) / len(sent) < 0.1
    assert len(sent) >= 0.94 * 0.06 * len(doubts)


def test_questions_that_specialists_answer_leave_more_for_the_rest() -> None:
    made = pace.Pace(0.06)
    chance, sent = random.Random(7), 0
    for number in range(2_000):
        made.question()
        if number % 10 == 0:
            confidence = chance.random()
            below = made.doubt_below()
            made.seen(confidence)
            if confidence < below:
                made.spent()
                sent += 1
    assert sent >= 0.45 * 200


@pytest.mark.parametrize("share", [0.0, 0.06, 1.0])
def test_memory_is_bounded(share: float) -> None:
    made = pace.Pace(share)
    escalated(made, [0.5] * 10_000)
    assert len(made._doubts) <= 256
