import fractions

import pytest
from hypothesis import given, strategies

from council.domain import answers, errors, money

prices = strategies.builds(money.Price, strategies.integers(0, 10**12), strategies.integers(0, 10**12))
usages = strategies.builds(answers.Usage, strategies.integers(0, 10**9), strategies.integers(0, 10**9))


@given(price=prices, usage=usages)
def test_a_cost_is_the_exact_cost_rounded_up_once(price: money.Price, usage: answers.Usage) -> None:
    exact = fractions.Fraction(
        usage.prompt_tokens * price.input_usd_micros + usage.completion_tokens * price.output_usd_micros, 1_000_000
    )
    cost = money.cost_usd_micros(price, usage)
    assert isinstance(cost, int)
    assert exact <= cost < exact + 1


@given(price=prices, first=usages, second=usages)
def test_rounding_a_row_never_undercharges_the_sum_and_overcharges_by_less_than_a_micro_a_row(
    price: money.Price, first: answers.Usage, second: answers.Usage
) -> None:
    together = answers.Usage(
        first.prompt_tokens + second.prompt_tokens, first.completion_tokens + second.completion_tokens
    )
    apart = money.cost_usd_micros(price, first) + money.cost_usd_micros(price, second)
    assert 0 <= apart - money.cost_usd_micros(price, together) <= 1


@given(price=prices, usage=usages, more=strategies.integers(0, 10**6))
def test_more_tokens_never_cost_less(price: money.Price, usage: answers.Usage, more: int) -> None:
    longer = answers.Usage(usage.prompt_tokens, usage.completion_tokens + more)
    assert money.cost_usd_micros(price, longer) >= money.cost_usd_micros(price, usage)


@pytest.mark.parametrize(
    ("tokens", "cost_usd_micros"), [(0, 0), (1, 1), (1_000_000, 150_000), (6, 1), (7, 2), (20, 3), (21, 4)]
)
def test_a_dollar_price_of_15_cents_a_million_costs_what_paper_says(tokens: int, cost_usd_micros: int) -> None:
    assert money.cost_usd_micros(money.Price(150_000, 0), answers.Usage(prompt_tokens=tokens)) == cost_usd_micros


@given(usage=usages)
def test_a_model_of_ones_own_is_free(usage: answers.Usage) -> None:
    assert money.cost_usd_micros(money.Price(0, 0), usage) == 0


def test_a_model_without_a_price_is_refused_and_named() -> None:
    with pytest.raises(errors.ConfigError, match=r"'gpt-x' has no price.*`prices`"):
        money.price_of("gpt-x", {"other": money.Price(1, 1)})


def test_a_priced_model_has_its_price() -> None:
    assert money.price_of("m", {"m": money.Price(1, 2)}) == money.Price(1, 2)


@given(usd_micros=strategies.integers(0, 10**15 - 1))
def test_an_amount_that_was_shown_is_read_back_exactly(usd_micros: int) -> None:
    assert money.usd_micros_of(money.dollars(usd_micros)) == usd_micros


@pytest.mark.parametrize(
    ("text", "usd_micros"), [("0.15", 150_000), ("$3", 3_000_000), (".5", 500_000), ("0", 0), (" 0.000001 ", 1)]
)
def test_dollars_are_read_without_floating_point(text: str, usd_micros: int) -> None:
    assert money.usd_micros_of(text) == usd_micros


@pytest.mark.parametrize("text", ["", ".", "1.", "-1", "1e3", "0.0000001", "1,5", "1.2.3", "٣", "nan", "9" * 10])
def test_what_is_no_amount_of_dollars_is_refused(text: str) -> None:
    with pytest.raises(errors.InvalidRequestError):
        money.usd_micros_of(text)


counts = strategies.integers(0, 10**7)
amounts = strategies.integers(0, 10**9)


@given(
    price=strategies.builds(money.Price, amounts, amounts, strategies.none() | amounts, strategies.none() | amounts),
    prompt_max=counts, completion_max=counts, share=strategies.tuples(*[strategies.fractions(0, 1)] * 4),
)  # fmt: skip
def test_no_usage_within_its_bounds_costs_more_than_is_held(
    price: money.Price, prompt_max: int, completion_max: int, share: tuple[fractions.Fraction, ...]
) -> None:
    prompt, completion = int(prompt_max * share[0]), int(completion_max * share[1])
    cached = int(prompt * share[2])
    usage = answers.Usage(prompt, completion, cached, int((prompt - cached) * share[3]))
    assert 0 <= money.cost_usd_micros(price, usage) <= money.hold_usd_micros(price, prompt_max, completion_max)


def test_tokens_of_a_prompt_cache_have_prices_of_their_own() -> None:
    million = 1_000_000
    price = money.Price(10, 20, 1, 12)
    assert money.cost_usd_micros(price, answers.Usage(3 * million, million, million, million)) == 10 + 1 + 12 + 20
    assert money.cost_usd_micros(money.Price(10, 20), answers.Usage(3 * million, 0, million, million)) == 30


@pytest.mark.parametrize(
    "dear", [money.Price(0, 0, 1), money.Price(0, 0, None, 1), money.Price(1, 0), money.Price(0, 1)]
)
def test_what_can_cost_anything_is_not_free(dear: money.Price) -> None:
    assert not dear.free and money.Price(0, 0, 0, 0).free and money.Price(0, 0).free
