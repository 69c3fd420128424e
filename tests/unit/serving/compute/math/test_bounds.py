"""Whatever is asked, little work is done: sizes are estimated before anything is built."""

import time

import pytest

from council.serving.compute import math, results

REFUSED = {
    "9**9**9**9": "9^(9^(9^9))",
    "2^-99999999": "2^(-99999999)",
    "10000!": "10000!",
    "((5!)!)!": "((5!)!)!",
    "1e9999 * 1e9999": "1e9999*1e9999",
    "0*9^9^9": "0*9^(9^9)",
    "e^e^e^e": "e^(e^(e^e))",
    "e^30000": "e^30000",
    "(1+sqrt(2))^99999": "(1 + sqrt(2))^99999",
    "expand (x+1)^1000000": "expand (x + 1)^1000000",
    "expand (x+y+z)^20": "expand (x + y + z)^20",
    "x^100 = 1": "x^100 = 1",
    "x = 9^9^9^9": "x = 9^(9^(9^9))",
    "derivative of 9^9^9*x": "the derivative of 9^(9^9)*x with respect to x",
    "which is larger, 9^9^9 or 8^9^9": "compare 9^(9^9) and 8^(9^9)",
}
BOMBS = [
    *REFUSED, "factor " + "7" * 2000, f"factor {(10**30 + 57) * (10**31 + 33)}", "is " + "9" * 3999 + " prime",
    "is 10^299+1 prime", "(" * 500 + "1" + ")" * 500, "-" * 200 + "1", "2^" * 100 + "2", "1" + "+1" * 149, "1" + "+1" * 3000,
    "abs(" * 60 + "x" + ")" * 60,
    "1/" * 100 + "3", "9" * 4000 + "*" + "9" * 3900, "9" * 5000, "1e99999", "1e999999999999", "sqrt(" + "7" * 2000 + ")",
    "sqrt(" * 40 + "2" + ")" * 40, "ln(" + "7" * 2000 + ")", "x^2 = " + "9" * 900, "factor x^20 - 1", "x^12 - 1 = 0",
    "solve x^11 - 3x^5 + 2 < 0", "x^12+x^11+x^7+3x+1=0", "integrate sin(x)^10*cos(x)^10", "integrate 1/(x^2+1)^8",
    "integrate (x^2+1)^50", "integrate x^50*e^x", "integrate 1/(x^5+1)", "integrate sin(3x)*cos(5x)*sin(7x)*cos(2x)",
    "integrate sin(x^9) from 0 to 900", "simplify (x+1)^20*(x+2)^20*(x+3)^20", "simplify sin(x)^9+cos(x)^9+sin(3x)",
    "derivative of x^x^x^x^x", "derivative of sin(cos(tan(sin(cos(tan(x))))))", "(sqrt(2)+sqrt(3)+sqrt(5)+sqrt(7))^99",
    "what is " * 500 + "1+1", "a" * 100_000, "1+" * 100_000, "√" * 4000, "half of " * 300 + "3", "²" * 4000, "x" * 5000,
    "please " * 1000, "2e^" * 2000 + "2", "and " * 1999, ", " * 3999, "x=1," * 70, "minus " * 200 + "1",
    "sum of " * 90 + "1 and 2",
]  # fmt: skip
# Far above what any of these takes (under 1 s on a slow machine), and far below what one of them would take if built.
ALLOWED_CPU_S = 8.0


@pytest.mark.parametrize(("prompt", "reading"), REFUSED.items())
def test_what_is_too_large_is_refused_with_its_reading(prompt: str, reading: str) -> None:
    result = math.solve(prompt)
    assert isinstance(result, results.Refused), result
    assert result.reading == reading
    assert "limit" in result.reason


@pytest.mark.no_cover
@pytest.mark.parametrize("prompt", BOMBS, ids=lambda prompt: prompt[:30])
def test_a_bomb_costs_little_time(prompt: str) -> None:
    start_s = time.process_time()
    result = math.solve(prompt)
    assert time.process_time() - start_s < ALLOWED_CPU_S
    assert math.COMPUTING_FAILED not in getattr(result, "reason", "")


def test_the_size_of_a_tower_of_powers_is_estimated() -> None:
    result = math.solve("9^9^9")
    assert isinstance(result, results.Refused)
    assert result.reason == "9^(9^9) would have about 369,693,100 digits; the limit is 10,000."


def test_deep_nesting_is_refused() -> None:
    assert isinstance(math.solve("(" * 100 + "1+1" + ")" * 100), results.Refused)
    assert isinstance(math.solve("(" * 45 + "1+1" + ")" * 45), results.Solved)
