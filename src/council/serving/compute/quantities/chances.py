"""What the questions about chances share: their words, the form of an answer, draws that are all of one kind."""

import math
from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import frames, numbers, stops

P = r"(<ask>(the )?(probability|chance)( of| to| that you| that i| that we)? ?|how likely (is it|am i) to )"
GET = r"(get|getting|roll|rolling|throw|throwing|toss|tossing|flip|flipping|have|having|see|seeing)"


def answer(reading: str, value: Fraction, check: str) -> results.Solved:
    """Return a probability as a fraction, and about how many percent it is."""
    shown = numbers.text(value) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"
    if value.denominator != 1:
        shown += f" (about {numbers.about(value * 100, 4)}%)"
    return frames.solved(f"{reading} = {shown}", reading, check, value)


def all_drawn(good: int, total: int, draws: int, put_back: bool) -> Fraction:
    """Return the probability that every draw is one of `good` of `total`, found draw by draw and by a formula."""
    value, left, all_left = Fraction(1), good, total
    for _ in range(draws):
        value *= Fraction(max(left, 0), all_left)
        if not put_back:
            left, all_left = left - 1, all_left - 1
    formula = Fraction(good, total) ** draws if put_back else Fraction(math.comb(good, draws), math.comb(total, draws))
    stops.require(value == formula, "the formula")
    return value
