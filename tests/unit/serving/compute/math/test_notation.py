"""LaTeX and Unicode are another face of the same formulas; what print leaves open is passed on."""

import pytest

from council.serving.compute import math, results
from council.serving.compute.math import limits, notation

ANSWERED = {
    r"What is $2+2$?": "2 + 2 = 4",
    r"Compute $\frac{1}{4} + \frac{3}{8}$.": "1/4 + 3/8 = 5/8 (0.625)",
    r"\frac{1}{2} + \frac{1}{3}": "1/2 + 1/3 = 5/6 (about 0.833333)",
    r"\(\dfrac12 + \tfrac13\)": "1/2 + 1/3 = 5/6 (about 0.833333)",
    r"Evaluate \[\sqrt[3]{27} + \sqrt{16}.\]": "cbrt(27) + sqrt(16) = 7",
    r"$\sqrt[4]{81}$": "81^(1/4) = 3",
    r"$55\times1212-15\times1212$": "55*1212 - 15*1212 = 48480",
    r"$3\cdot 9+4\cdot 10$": "3*9 + 4*10 = 67",
    r"$8 \div 4$": "8/4 = 2",
    r"$2^{10}$": "2^10 = 1024",
    r"$-3^2$": "-(3^2) = -9",
    r"$2^{3^2}$": "2^(3^2) = 512",
    r"$\left(\frac{1}{2}\right)^{3}$": "(1/2)^3 = 1/8 (0.125)",
    r"$1{,}000 + 1$": "1000 + 1 = 1001",
    r"$1,\!000 + 1$": "1000 + 1 = 1001",
    r"$\sin 270^\circ$": "sin(270 degrees) = -1",
    r"$\sin^2\left(\frac{\pi}{4}\right)$": "sin(pi/4)^2 = 1/2 (0.5)",
    r"$\log_2 8$": "log_2(8) = 3",
    r"$\log_{10} 40 + \log_{10} 25$": "log_10(40) + log_10(25) = 3",
    r"$e^{0}$": "e^0 = 1",
    r"$2^{10} \bmod 7$": "2^10 mod 7 = 2",
    r"$|-5| + 2$": "abs(-5) + 2 = 7",
    r"$\left|3 - 7\right|$": "abs(3 - 7) = 4",
    r"$17\%$ of $200$": "17% of 200 = 34",
    r"What is $\frac56$ of 30?": "5/6 of 30 = 25",
    r"What is the greatest common divisor of $7979$ and $3713$?": "gcd(7979, 3713) = 79",
    r"Solve $x^2 - 4 = 0$.": "x = -2 or x = 2",
    r"Solve \[\frac{x}{2} = 3.\]": "x = 6",
    r"Solve $x + y = 5 \text{ and } x - y = 1$": "x = 3 and y = 2",
    r"\begin{cases} x + y = 5 \\ x - y = 1 \end{cases}": "x = 3 and y = 2",
    r"Solve $x^2 \le 4$": "-2 <= x <= 2",
    r"Expand $(a+b)^2$": "(a + b)^2 = a^2 + 2*a*b + b^2",
    r"Factor $145b^2 + 29b$": "145*b^2 + 29*b = 29*b*(5*b + 1)",
    r"$\frac{d}{dx} x^{3}$": "The derivative of x^3 is 3*x^2",
    "½ of 30": "1/2 of 30 = 15",
    "½ + ¼": "1/2 + 1/4 = 3/4 (0.75)",
    "|3 - 7|": "abs(3 - 7) = 4",
}  # fmt: skip


@pytest.mark.parametrize(("prompt", "answer"), ANSWERED.items())
def test_a_formula_in_latex_or_unicode_is_answered_as_in_plain_text(prompt: str, answer: str) -> None:
    result = math.solve(prompt)
    assert isinstance(result, results.Solved), result
    assert result.answer == answer


UNCLEAR = [
    r"$2\frac{1}{2} + 1$", r"$2\frac12$", r"$\frac{1}{2}^2$", r"${1+2}^2$", r"$2{1+3}$", r"$\frac123$", r"$\sin 2x$",
    r"derivative of $\sin 2x$", r"$\log 100$", r"$\log_2 8x = 3$", r"$\log_{10} 100^2$", r"$5 + $3", r"$5+$3",
    r"$5 and $3", r"I paid $20 and got $5 back", r"costs $100", r"$$", r"$ $", r"\$5 + \$3", r"$2 3$", r"$3 x 4$",
    r"$x2 = 4$", r"$e^2x = 1$", r"$1/2x = 3$", r"$6/2(1+2)$", r"$10 / 1/2$", r"$f(3)$", r"$5$", r"$\pi$",
    r"$2 + 2 = 4$", r"$\pm 3 + 1$", r"$1 + \cdots + 5$", r"$1 + \dots + 5$", r"$x \ne 3$", r"$\theta + 1$",
    r"$\unknown{2}$", r"$\input{file}$", r"\write18{ls}", r"\def\a{\a\a}\a", r"$\frac{1}{2$", r"$\frac{1}{2}}$",
    r"$\sqrt[n]{8}$", r"$\sqrt16$", r"$2^{10$", r"$x^-1 = 2$", r"\(1 + 2", r"\begin{foo} 1 \end{foo}",
    r"\begin{cases} x = 1", r"\begin{cases} x = 1 \end{align}", r"$hello$ + 1", "2½ + 1", "½3", "1½", "3|4", "|3|",
    "a|b|c", "| |", "2|3|4|5|6", "||3||", "2\N{INVISIBLE TIMES}", r"$1 234 + 1$", r"$2 \text{ or } 3$", "1 $ 2", r"\\",
    r"$2^3^2$ \\", r"$\frac{dy}{dx}$", r"$\int$", r"$\sum$", r"$\lim$", r"\frac", r"$x_1 + 2 = 3$", r"$[2+3] 4$",
]  # fmt: skip


@pytest.mark.parametrize("prompt", UNCLEAR)
def test_what_print_leaves_open_is_passed_on(prompt: str) -> None:
    result = math.solve(prompt)
    assert isinstance(result, results.PassedOn), result
    assert math.COMPUTING_FAILED not in result.reason


def test_text_without_such_notation_is_kept() -> None:
    text = "What is 2 + 2?  [1] {x} 5 * 3"
    assert notation.plain(text) is text


@pytest.mark.parametrize("depth", [100, 1000, 3900])
@pytest.mark.parametrize("opening", ["\\frac{", "{", "\\sqrt{", "x^{"])
def test_deep_latex_is_stopped(opening: str, depth: int) -> None:
    text = "$" + (opening * depth)[:7000] + "1$"
    with pytest.raises(limits.MathStopError):
        notation.plain(text)


@pytest.mark.parametrize(
    "unit", ["$", "|", "\\(", "\\[", "½", "$1", "\\frac", "^{", "∫", "\\begin{cases}", "&", "\\\\", "∑_"]
)
def test_repeated_notation_costs_little(unit: str) -> None:
    result = math.solve("\\" + unit * (7900 // len(unit)))
    assert not isinstance(result, results.Solved)
