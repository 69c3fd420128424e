from hypothesis import given, strategies

from council.serving.providers import retries


def test_some_are_had_in_advance_and_no_more() -> None:
    made = retries.RetryBudget(0.0, 2)
    assert [made.take() for _ in range(4)] == [True, True, False, False]


def test_calls_earn_a_share() -> None:
    made = retries.RetryBudget(0.25, 0)
    for _ in range(4):
        assert not made.take()
        made.earn()
    assert made.take() and not made.take()


@given(
    strategies.lists(strategies.booleans()), strategies.sampled_from([0.0, 0.125, 0.25, 1.0]), strategies.integers(0, 5)
)
def test_retries_never_exceed_the_share_and_what_is_spare(happens: list[bool], share: float, spare: int) -> None:
    made = retries.RetryBudget(share, spare)
    calls = taken = 0
    for is_call in happens:
        if is_call:
            made.earn()
            calls += 1
        else:
            taken += made.take()
        assert taken <= spare + share * calls


def test_a_good_hour_does_not_pay_for_a_bad_one() -> None:
    made = retries.RetryBudget(0.2, 10)
    for _ in range(100_000):
        made.earn()
    assert sum(made.take() for _ in range(1_000)) == 210
