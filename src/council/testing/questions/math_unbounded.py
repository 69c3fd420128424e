"""Made questions whose answers have no end: inequalities of a power, ranges of an equation with absolute values, integrals to
infinity, all angles of a sine. Keys come from the numbers that they were made of.
"""

import math
import random
import re
from collections.abc import Sequence
from fractions import Fraction

from council.domain import answers
from council.testing.questions import families, math_faces

Asked = families.Asked

_SIGNS = ("<", ">", "<=", ">=")
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_ASKING = ("", "Solve ", "solve ", "Solve the inequality ")


def _written(number: Fraction) -> str:
    return str(number) if number >= 0 else f"-{-number}"


def _power_inequality(chance: random.Random) -> Asked:
    base, slope = (
        chance.choice((Fraction(2), Fraction(3), Fraction(5), Fraction(10), Fraction(1, 2), Fraction(1, 3))),
        chance.randint(1, 3),
    )
    root, sign, factor = chance.randint(-4, 4), chance.choice(_SIGNS), chance.choice((1, 1, 1, 2, 3))
    start = chance.randint(-3, 3) if chance.random() < 0.4 else 0
    inner = "x" if (slope, start) == (1, 0) else f"({math_faces.polynomial([slope, start])})"
    shown = f"({base})" if base.denominator > 1 else str(base)
    value = factor * base ** (slope * root + start)
    rises = base > 1
    if chance.random() < 0.1:
        never = sign in ("<", "<=")
        text = f"{shown}^{inner} {sign} -{chance.randint(1, 9)}"
        return Asked(f"Solve {text}", "none" if never else "all")
    left = f"{factor}*{shown}^{inner}" if factor > 1 else f"{shown}^{inner}"
    text = f"{left} {sign} {_written(value)}"
    return Asked(f"{chance.choice(_ASKING)}{text}", f"x {sign if rises else _FLIPPED[sign]} {root}")


def _absolute_sum(chance: random.Random) -> Asked:
    """|x - p| + |x - q| = s: nothing below the distance of p and q, all between at it, two places above."""
    low, high = sorted(chance.sample(range(-12, 13), 2))
    apart = high - low
    size = apart + 2 * chance.choice((0, 0, 1, 2, 3, -1))
    pieces = [f"|{math_faces.polynomial([1, -place])}|" for place in chance.sample((low, high), 2)]
    text = f"{chance.choice(('', 'Solve ', 'solve '))}{' + '.join(pieces)} = {size}"
    if size < apart:
        return Asked(text, "none")
    if size == apart:
        return Asked(text, f"{low} <= x <= {high}")
    over = (size - apart) // 2
    return Asked(text, f"x = {low - over} or x = {high + over}")


def _same_range(answer: str, key: str) -> bool:
    """Say whether the answer is the key's range, or says that everything or nothing satisfies it."""
    if key == "none":
        return answer.startswith("No real x") or answer.endswith("has no real solution")
    if key == "all":
        return answer.startswith("Every real x")
    return answer.replace(" ", "") == key.replace(" ", "")


_OFF = ("from {} to infinity", "from {} to oo", "from {} to \N{INFINITY}")


def _improper_power(chance: random.Random) -> Asked:
    """1/x^n from a on, and from minus infinity on."""
    power, start, factor = chance.randint(1, 6), chance.randint(1, 6), chance.randint(1, 9)
    over = f"x^{power}" if power > 1 else "x"
    value = Fraction(factor, (power - 1) * start ** (power - 1)) if power > 1 else None
    key = str(value) if value is not None else "does not converge"
    if chance.random() < 0.3:
        top = "{" + str(factor) + "}"
        return Asked(rf"$\int_{{{start}}}^{{\infty}} \frac{top}{{{over}}} dx$", key)
    if chance.random() < 0.3:
        sign = 1 if power % 2 == 0 else -1
        text = f"integral of {factor}/{over} from -infinity to -{start}"
        return Asked(text, str(sign * value) if value is not None else key)
    span = chance.choice(_OFF).format(start)
    form = chance.choice(
        (
            "integral of {f} {s}",
            "What is the integral of {f} {s}?",
            "integrate {f} dx {s}",
            "evaluate the integral of {f} {s}",
        )
    )
    return Asked(form.format(f=f"{factor}/{over}", s=span), key)


def _improper_exponential(chance: random.Random) -> Asked:
    """x^n e^(-ax) from 0 on is n!/a^(n + 1)."""
    power, rate = chance.randint(0, 4), chance.choice((-2, -1, 1, 1, 2, 3, 4))
    grown = {0: "", 1: "x*", 2: "x^2*", 3: "x^3*", 4: "x^4*"}[power]
    inner = {1: "-x", -1: "x"}.get(rate, f"{-rate}x")
    key = str(Fraction(math.factorial(power), rate ** (power + 1))) if rate > 0 else "does not converge"
    form = chance.choice(("integral of {f} {s}", "Find the integral of {f} {s}", "integrate {f} {s}"))
    return Asked(form.format(f=f"{grown}e^({inner})", s=chance.choice(_OFF).format(0)), key)


def _same_integral(answer: str, key: str) -> bool:
    if key == "does not converge":
        return answer.endswith(key)
    return "converge" not in answer and math_faces.same_number(answer, key)


# Sine, cosine and tangent by twelfths of pi, where they have a name of their own.
_SINES = {
    "0": (0, 6),
    "1": (3,),
    "-1": (9,),
    "1/2": (1, 5),
    "-1/2": (7, 11),
    "sqrt(3)/2": (2, 4),
    "-sqrt(3)/2": (8, 10),
}
_COSINES = {
    "0": (3, 9),
    "1": (0,),
    "-1": (6,),
    "1/2": (2, 10),
    "-1/2": (4, 8),
    "sqrt(3)/2": (1, 11),
    "-sqrt(3)/2": (5, 7),
}
_TANGENTS = {"0": (0, 6), "sqrt(3)": (2, 8), "-sqrt(3)": (4, 10)}


def _circular(chance: random.Random) -> Asked:
    """The key: of one turn of the unknown, the solutions in degrees, or none."""
    function, table = chance.choice((("sin", _SINES), ("cos", _COSINES), ("tan", _TANGENTS)))
    times = chance.choice((1, 1, 1, 2, 3))
    inner = "x" if times == 1 else f"{times}x"
    if function != "tan" and chance.random() < 0.15:
        return Asked(f"Solve {function}({inner}) = {chance.choice(('2', '-3', '3/2', '-5/4'))}", "none")
    value = chance.choice(list(table))
    degrees = sorted({(30 * place + 360 * turn) // times for place in table[value] for turn in range(times)})
    factor = chance.choice((1, 1, 2, 4))
    left, right = f"{function}({inner})", value
    if factor > 1 and "sqrt" not in value:
        left, right = f"{factor}{left}", str(factor * Fraction(value))
    if chance.random() < 0.2 and "sqrt" not in value:
        left, right = f"{left} + 1", str(Fraction(right) + 1)
    form = chance.choice(("{}", "Solve {}", "solve {} for x", "Solve the equation {}"))
    return Asked(form.format(f"{left} = {right}"), ",".join(map(str, degrees)))


def _same_angles(answer: str, key: str) -> bool:
    """Say whether the degrees of an answer, over all its turns, are those of the key between 0 and 360."""
    if key == "none":
        return answer.endswith("has no real solution")
    told = re.fullmatch(r".*, for every whole number k \(in degrees: (.*)\)", answer)
    return told is not None and sorted(_turned(told[1])) == [int(one) for one in key.split(",")]


def _turned(told: str) -> Sequence[int]:
    found: set[int] = set()
    for part in told.split(" or "):
        match = re.fullmatch(r"x = (?:(-?\d+) \+ )?(\d+)\*k", part)
        if match is None:
            return ()
        start, period = int(match[1] or 0), int(match[2])
        found.update(start + period * turn for turn in range(-400, 400) if 0 <= start + period * turn < 360)
    return sorted(found)


_REFUSE_POWERS = (
    "2^x > 3^x", "2^x + x > 3", "x^x > 4", "x*2^x > 0", "2^(x^2) > 16", "(-2)^x > 4", "ln(x) > 2", "2^x > y",
    "2^x > 4 or 3^x < 9", "0^x > 1", "2x > 4^", "2^x > 4 > 3^x", "2^x > infinity", "solve 2^x <> 4",
)  # fmt: skip
_REFUSE_ABSOLUTES = (
    "|x - 1| + |x + 1", "|x| + |y| = 2", "||x| - 1| = 2", "|x - 1| + |x + 1| = a", "|x - 1 + |x + 1| = 2|",
    "|x| = |y|", "|x| + x = infinity",
)  # fmt: skip
_REFUSE_IMPROPER = (
    "integral of sin(x) from 0 to infinity", "integral of 1/x^2 from 0 to infinity",
    "integral of 1/x^2 from -1 to infinity", "integral of 1/(x - 5)^2 from 1 to infinity",
    "integral of 1/x^2 from infinity to 1", "integral of 1/x^2 from 1 to infinity + 1",
    "integral of 1/x^2 from 1 to infinity times 2", "integral of 1/x^2 from 1 to infinity with respect to y",
    "integral to infinity", "integral of e^(-x^2) from -infinity to infinity",
    "integral of 1/(xy) from 1 to infinity", "integral of 1/x^a from 1 to infinity",
    "integral of 1/x^2 from 1 to infinity and beyond", "integral of (1/x^2) + 1 dx dy from 1 to infinity",
    "integral of 1/x^2 from infinity to infinity", "integral of ln(x)/x^2 from 1 to infinity",
    "integral of 1/sqrt(x) from 0 to infinity", "integral of x^(-1.5) from 1 to infinity",
    "integral of 1/(x^2 - 4) from 1 to infinity", "integral of 1/x from -1 to infinity",
)  # fmt: skip
_REFUSE_CIRCULAR = (
    "sin(x) = 1/2, 0 <= x <= 2pi", "Solve sin(x) = 1/2 for x between 0 and 360", "solve sin(x) = 1/2 in degrees",
    "sin(x) = cos(x)", "sin(x) = x", "sin(x)^2 = 1/4", "sin(x + 1) = 0", "sin(x) + cos(x) = 1", "sin(x) = 1/3",
    "sin(x^2) = 0", "sin(x) = y", "sin = 1/2", "sin(x) > 1/2", "sin(x) = 1/2 and x > 0", "tan(x) = infinity",
    "sin(x) cos(x) = 0", "sin(sin(x)) = 0", "x sin(x) = 0", "smallest positive solution of sin(x) = 1/2",
    "sin(30) = x", "sin(x\N{DEGREE SIGN}) = 1/2", "sin(x) = 1/2 = cos(y)", "how many solutions has sin(x) = 1/2",
    "Solve sin(x) = 1/2 for y",
)  # fmt: skip

FAMILIES = tuple(
    families.Family(f"math.{name}", answers.Route.MATH, make, math_faces.paraphrase, agrees, refuse, share=share)
    for name, make, agrees, refuse, share in (
        ("power-inequality", _power_inequality, _same_range, _REFUSE_POWERS, 1.0),
        ("absolute-sum", _absolute_sum, _same_range, _REFUSE_ABSOLUTES, 1.0),
        ("improper-power", _improper_power, _same_integral, _REFUSE_IMPROPER, 0.5),
        ("improper-exponential", _improper_exponential, _same_integral, (), 0.25),
        ("circular", _circular, _same_angles, _REFUSE_CIRCULAR, 0.25),
    )
)
