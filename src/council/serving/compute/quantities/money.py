"""Amounts: a number, of one currency or of none. There are no exchange rates here."""

import re
from dataclasses import dataclass
from fractions import Fraction

from council.serving.compute.quantities import numbers, stops

_CURRENCIES = {
    "$": "$", "dollar": "$", "dollars": "$", "usd": "$",
    "\N{EURO SIGN}": "\N{EURO SIGN}", "euro": "\N{EURO SIGN}", "euros": "\N{EURO SIGN}", "eur": "\N{EURO SIGN}",
    "\N{POUND SIGN}": "\N{POUND SIGN}", "pound": "\N{POUND SIGN}", "pounds": "\N{POUND SIGN}", "gbp": "\N{POUND SIGN}",
    "cent": "cents", "cents": "cents",
}  # fmt: skip
_AMOUNT = re.compile(rf"(?P<before>\D?)\s?(?P<number>{numbers.NUMBER})\s?(?P<after>\D*)", re.ASCII)


# Of whatever currency; so they are never put together with dollars or euros.
_CENTS = "cents"


@dataclass(frozen=True, slots=True)
class Amount:
    """`currency` is a sign, `cents`, or empty."""

    value: Fraction
    currency: str = ""

    def __str__(self) -> str:
        return self.of(self.value) if self.currency == _CENTS else f"{self.currency}{numbers.text(self.value)}"

    def of(self, value: Fraction) -> str:
        """Return another value of the same currency, as text: exact first, then to the cent where money has none."""
        if self.currency == _CENTS:
            if value.denominator != 1:
                raise stops.PassOnError("a part of a cent")
            return f"{numbers.text(value)} {'cent' if value == 1 else 'cents'}"
        shown = f"{self.currency}{numbers.text(value)}"
        if value < 0 and self.currency:
            shown = f"-{self.currency}{numbers.text(-value)}"
        if self.currency and (value * 100).denominator != 1:
            rounded = numbers.cents(value).removeprefix("about ")
            exact = numbers.exact_decimal(value) or f"{value.numerator}/{value.denominator}"
            return f"{self.currency}{exact} (about {self.currency}{rounded})"
        if self.currency and value.denominator != 1:
            return f"{'-' if value < 0 else ''}{self.currency}{numbers.cents(abs(value))}"
        return shown


def read(text: str) -> Amount:
    """Return the amount in `text`. Raises PassOnError."""
    found = _AMOUNT.fullmatch(text.strip().lower())
    if not found:
        raise stops.PassOnError(f"{text[:40]} is not an amount that I read")
    signs = [word.strip() for word in (found["before"], found["after"]) if word.strip()]
    if len(signs) > 1 or any(sign not in _CURRENCIES for sign in signs):
        raise stops.PassOnError(f"{text[:40]} is not an amount that I read")
    return Amount(numbers.read(found["number"]), _CURRENCIES[signs[0]] if signs else "")


def one_currency(*amounts: Amount) -> None:
    """Refuse amounts of several currencies; pass on where only some name one."""
    named = {amount.currency for amount in amounts}
    if len(named) > 1 and _CENTS in named:
        raise stops.PassOnError("only some of the prices are in cents")
    if len(named - {""}) > 1:
        raise stops.RefusedError("I know no exchange rates. Give every amount in one currency.")
    if len(named) > 1:
        raise stops.PassOnError("only some of the amounts name a currency")
