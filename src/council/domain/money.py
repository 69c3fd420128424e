"""Integer money: micro-dollars, and prices in micro-dollars per million tokens."""

from collections.abc import Mapping
from dataclasses import dataclass

from council.domain import answers, errors

_TOKENS_PER_PRICE = 1_000_000
_DECIMALS = 6
_MICROS = 1_000_000
_DIGITS_MAX = 9


@dataclass(frozen=True, slots=True)
class Price:
    """Micro-dollars per million tokens. Without a price of their own, tokens of a prompt cache cost what others cost."""

    input_usd_micros: int
    output_usd_micros: int
    cached_usd_micros: int | None = None
    cache_write_usd_micros: int | None = None

    @property
    def free(self) -> bool:
        """Whether nothing can cost anything."""
        parts = (self.input_usd_micros, self.output_usd_micros, self.cached_usd_micros, self.cache_write_usd_micros)
        return not any(parts)

    @property
    def prompt_usd_micros_max(self) -> int:
        """The dearest that a token of a prompt may be."""
        return max(self.input_usd_micros, self.cached_usd_micros or 0, self.cache_write_usd_micros or 0)


def cost_usd_micros(price: Price, usage: answers.Usage) -> int:
    """Return what `usage` costs, rounded up once, in micro-dollars."""
    cached, written = usage.cached_tokens, usage.cache_write_tokens
    cached_price = price.input_usd_micros if price.cached_usd_micros is None else price.cached_usd_micros
    write_price = price.input_usd_micros if price.cache_write_usd_micros is None else price.cache_write_usd_micros
    parts = (usage.prompt_tokens - cached - written) * price.input_usd_micros
    parts += cached * cached_price + written * write_price + usage.completion_tokens * price.output_usd_micros
    return -(-parts // _TOKENS_PER_PRICE)


def hold_usd_micros(price: Price, prompt_tokens_max: int, completion_tokens_max: int) -> int:
    """Return the most that a call can cost, rounded up, in micro-dollars."""
    parts = prompt_tokens_max * price.prompt_usd_micros_max + completion_tokens_max * price.output_usd_micros
    return -(-parts // _TOKENS_PER_PRICE)


def usd_micros_of(text: str) -> int:
    """Return the micro-dollars of a text such as "0.15", exactly: no floating point is on the way.

    Raises InvalidRequestError for what is no amount of dollars, is negative, or has more than six digits after the point.
    """
    whole, point, part = text.strip().removeprefix("$").partition(".")
    digits = whole + part
    if not digits.isascii() or not digits.isdecimal() or len(whole) > _DIGITS_MAX or (point and not part):
        raise errors.InvalidRequestError(f"{text[:40]!r} is no amount of dollars. Write it like 0.15.")
    if len(part) > _DECIMALS:
        raise errors.InvalidRequestError(
            f"{text[:40]!r} is finer than a millionth of a dollar, which nothing here is counted in. Round it."
        )
    return int(whole or "0") * _MICROS + int(part.ljust(_DECIMALS, "0"))


def dollars(usd_micros: int) -> str:
    """Return micro-dollars as dollars with six digits, without floating point."""
    sign = "-" if usd_micros < 0 else ""
    whole, part = divmod(abs(usd_micros), _MICROS)
    return f"{sign}{whole}.{part:0{_DECIMALS}d}"


def price_of(model: str, prices: Mapping[str, Price]) -> Price:
    """Return the price of `model`. An unpriced model is refused, never counted as free."""
    try:
        return prices[model]
    except KeyError:
        raise errors.ConfigError(
            f"The model {model!r} has no price. Give it one under `prices` in council.yaml (0 for a model of your own)."
        ) from None
