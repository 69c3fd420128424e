"""Integer money: micro-dollars, and prices in micro-dollars per million tokens."""

from collections.abc import Mapping
from dataclasses import dataclass

from council.domain import answers, errors

_TOKENS_PER_PRICE = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """Micro-dollars per million tokens."""

    input_usd_micros: int
    output_usd_micros: int


def cost_usd_micros(price: Price, usage: answers.Usage) -> int:
    """Return what `usage` costs, rounded up once, in micro-dollars."""
    parts = usage.prompt_tokens * price.input_usd_micros + usage.completion_tokens * price.output_usd_micros
    return -(-parts // _TOKENS_PER_PRICE)


def price_of(model: str, prices: Mapping[str, Price]) -> Price:
    """Return the price of `model`. An unpriced model is refused, never counted as free."""
    try:
        return prices[model]
    except KeyError:
        raise errors.ConfigError(
            f"The model {model!r} has no price. Give it one under `prices` in council.yaml (0 for a model of your own)."
        ) from None
