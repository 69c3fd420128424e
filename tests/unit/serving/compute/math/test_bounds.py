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
BOMBS_OF_TOPICS = [
    "divisors of 9^9^9", f"largest prime factor of {(10**9 + 7) * (10**9 + 9)}", "how many primes are below 2000000",
    "the 100000th prime", "40000th Fibonacci number", f"3^{'9' * 299} mod {'7' * 900}", f"3^{'9' * 2000} mod 7",
    "sum of 1/k for k = 1 to 2000", "sum of k^k for k = 1 to 2000", "sum of k^8 for k = 1 to 10^15",
    "limit of x^x^x^x as x approaches infinity", "limit of e^(e^(e^(e^x))) as x approaches infinity",
    "fifth derivative of e^(x^2)*sin(cos(x))", "taylor polynomial of degree 8 of sin(x)*cos(x)*e^x at x = 0",
    "If f(x) = x^x^x, what is f(f(f(f(f(9)))))?", "If f(x) = (x+1)^9, what is f(f(f(f(x))))?", "[[99, 98], [97, 96]]^50",
    "sum of the roots of x^12 + x^11 + 3 = 0", "remainder when x^60 is divided by x^2 + x + 1",
    "coefficient of x^30 in (x+1)^60", f"convert {'9' * 900} to binary", f"sum of the digits of 9^{9**4}",
    "|x|+|x-1|+|x-2|+|x-3|=9", "(" * 40 + "|x|" + ")" * 40 + "=1", "1 + 2 + 3 + ... + 999999999999999999999",
    "1 + 2 + 4 + ... + 1" + "0" * 900, "distance between (9^999,1) and (2,3)", "[[" + "1," * 200 + "1]]",
    "[" * 300 + "1" + "]" * 300 + "^2", "$" + "\\frac{1}{" * 25 + "2" + "}" * 25 + "+1$", "f(" * 200 + "1" + ")" * 200,
    "If f(x) = x, what is " + "f(" * 100 + "1" + ")" * 100 + "?", "∑_{k=1}^{" * 50, "lim_(x -> " * 100, "∫" * 300 + "x dx",
    "is " * 300 + "even", "the sum of " * 60, "what is the " * 70 + "prime", "what is the sum of the digits of " * 25,
    "If f(x) = x and g(x) = " + "f(x) and h(x) = " * 50 + "1, what is f(1)?", "(1,2) and " * 90 + "(3,4)",
    "slope of the line through " + "(" * 400 + "1", "x = 1, " * 130 + "what is x?", "1 < x < " * 120, "|" * 900, "\\[" * 900,
]  # fmt: skip
# Far above what any of these takes (under 1 s on a slow machine), and far below what one of them would take if built.
ALLOWED_CPU_S = 8.0


@pytest.mark.parametrize(("prompt", "reading"), REFUSED.items())
def test_what_is_too_large_is_refused_with_its_reading(prompt: str, reading: str) -> None:
    result = math.solve(prompt)
    assert isinstance(result, results.Refused), result
    assert result.reading == reading
    assert "limit" in result.reason


@pytest.mark.long
@pytest.mark.no_cover
@pytest.mark.parametrize("prompt", [*BOMBS, *BOMBS_OF_TOPICS], ids=lambda prompt: prompt[:30])
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
