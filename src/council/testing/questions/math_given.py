"""Made questions of what follows from equations, of exponents and logarithms, inverse functions, vectors and circles."""

import random
from collections.abc import Callable, Sequence
from fractions import Fraction

from council.domain import answers
from council.testing.questions import families, math_faces

Asked = families.Asked
_NAMES = (("x", "y"), ("a", "b"), ("p", "q"))
_ASKED = (
    "If {}, what is {}?",
    "Given that {}, find {}.",
    "If {}, then what is the value of {}?",
    "What is {1} if {0}?",
)


def _combination(factors: Sequence[int], names: Sequence[str]) -> str:
    pieces: list[str] = []
    for factor, name in zip(factors, names, strict=True):
        if factor:
            sign = ("-" if factor < 0 else "") if not pieces else (" - " if factor < 0 else " + ")
            pieces.append(f"{sign}{abs(factor) if abs(factor) > 1 else ''}{name}")
    return "".join(pieces)


def _linear_pair(chance: random.Random) -> Asked:
    names, values = chance.choice(_NAMES), (chance.randint(-20, 20), chance.randint(-20, 20))
    rows = [[0, 0], [0, 0]]
    while rows[0][0] * rows[1][1] == rows[0][1] * rows[1][0] or 0 in (*rows[0], *rows[1]):
        rows = [[chance.randint(-6, 6) for _ in names] for _ in names]
    lines = [f"{_combination(row, names)} = {row[0] * values[0] + row[1] * values[1]}" for row in rows]
    wanted = [chance.randint(1, 9), chance.choice((-1, 1)) * chance.randint(1, 9)]
    key = wanted[0] * values[0] + wanted[1] * values[1]
    return Asked(chance.choice(_ASKED).format(" and ".join(lines), _combination(wanted, names)), str(key))


def _symmetric(chance: random.Random) -> Asked:
    one, two = chance.randint(-12, 12), chance.randint(-12, 12)
    x, y = chance.choice(_NAMES)
    given = f"{x} + {y} = {one + two} and {x}*{y} = {one * two}"
    wanted, key = chance.choice(
        (
            (f"{x}^2 + {y}^2", one**2 + two**2),
            (f"{x}^3 + {y}^3", one**3 + two**3),
            (f"({x} - {y})^2", (one - two) ** 2),
            (f"{x}^2*{y} + {x}*{y}^2", one * two * (one + two)),
        )
    )
    return Asked(chance.choice(_ASKED).format(given, wanted), str(key))


def _multiple(chance: random.Random) -> Asked:
    """One equation in two letters that leaves both open: 2x + 2y = 10 gives x + y."""
    names, factor = chance.choice(_NAMES), chance.choice((2, 3, 4, 5, -2))
    row, total, shift = [chance.randint(1, 5), chance.randint(-5, -1)], chance.randint(-30, 30), chance.randint(1, 9)
    given = f"{_combination([factor * one for one in row], names)} = {factor * total}"
    return Asked(chance.choice(_ASKED).format(given, f"{_combination(row, names)} + {shift}"), str(total + shift))


def _exponential(chance: random.Random) -> Asked:
    base, slope, start = chance.choice((2, 3, 5, 7, 10)), chance.choice((1, 1, 2, 3, -1)), chance.randint(-4, 4)
    raised = chance.randint(-3, 6)
    root = Fraction(raised - start, slope)
    right = str(Fraction(base) ** raised)
    inner = math_faces.polynomial([slope, start])
    latex = rf"{base}^{{{inner}}} = {right}" if "/" not in right else rf"{base}^{{{inner}}} = \frac{{1}}{{{right[2:]}}}"
    form = chance.choice(("Solve {}", "{}", "Solve {} for x", "If {}, find x.", "For what value of x is {}?"))
    return Asked(form.format(f"${latex}$" if chance.random() < 0.4 else f"{base}^({inner}) = {right}"), str(root))


def _same_base(chance: random.Random) -> Asked:
    base, one, two = chance.choice((2, 3, 5)), *chance.sample((1, 2, 3, 4), 2)
    start = chance.randint(-6, 6)
    # base^(one*x) = base^(two*(x + start))
    root = Fraction(two * start, one - two)
    inner = math_faces.polynomial([1, start])
    return Asked(f"Solve {base**one}^x = {base**two}^({inner})", str(root))


def _logarithm(chance: random.Random) -> Asked:
    base, raised, slope, start = (
        chance.choice((2, 3, 5, 10)),
        chance.randint(0, 4),
        chance.randint(1, 5),
        chance.randint(-9, 9),
    )
    root = Fraction(base**raised - start, slope)
    inner = math_faces.polynomial([slope, start])
    text = chance.choice((f"log_{base}({inner}) = {raised}", rf"$\log_{{{base}}}({inner}) = {raised}$"))
    return Asked(chance.choice(("Solve {}", "{}", "Solve {} for x")).format(text), str(root))


def _rearranged(chance: random.Random) -> Asked:
    factors = [chance.choice((-1, 1)) * chance.randint(1, 9) for _ in range(2)]
    total, shift = chance.randint(-20, 20), chance.randint(1, 9)
    left = f"{_combination(factors, 'xy')} + {shift}"
    key = f"(({total} - {shift}) - ({factors[0]})*x)/({factors[1]})"
    return Asked(chance.choice(("Solve {} for y", "solve {} for y.")).format(f"{left} = {total}"), key)


def _inverse(chance: random.Random) -> Asked:
    slope, start, place = (
        chance.choice((-1, 1)) * chance.randint(1, 9),
        chance.randint(-20, 20),
        chance.randint(-20, 20),
    )
    body, value = math_faces.polynomial([slope, start]), Fraction(place - start, slope)
    form = chance.choice(("If f(x) = {}, what is f^-1({})?", "Let $f(x) = {}$. Find $f^{{-1}}({})$."))
    return Asked(form.format(body, place), str(value))


def _inverse_function(chance: random.Random) -> Asked:
    slope, start = chance.choice((-1, 1)) * chance.randint(1, 9), chance.randint(-20, 20)
    body = math_faces.polynomial([slope, start])
    form = chance.choice(
        ("What is the inverse of f(x) = {}?", "If f(x) = {}, find f^-1(x)", "inverse function of y = {}")
    )
    return Asked(form.format(body), f"(x - ({start}))/({slope})")


def _vectors(chance: random.Random) -> Asked:
    size = chance.choice((2, 3, 3, 4))
    one, two = ([chance.randint(-9, 9) for _ in range(size)] for _ in range(2))
    shown = [f"({', '.join(map(str, vector))})" for vector in (one, two)]
    key = sum(first * second for first, second in zip(one, two, strict=True))
    return Asked(f"{chance.choice(('dot product', 'scalar product'))} of {shown[0]} and {shown[1]}", str(key))


def _circle(chance: random.Random) -> Asked:
    x, y, radius = chance.randint(-9, 9), chance.randint(-9, 9), chance.randint(1, 12)
    rest = x * x + y * y - radius * radius
    pieces = ["x^2", *(math_faces.polynomial([-2 * x, 0], letter="x"),) * (x != 0), "y^2",
              *(math_faces.polynomial([-2 * y, 0], letter="y"),) * (y != 0), *(str(rest),) * (rest != 0)]  # fmt: skip
    text = " + ".join(pieces).replace("+ -", "- ")
    return Asked(f"Find the radius of the circle with equation {text} = 0", str(radius))


def _definite(chance: random.Random) -> Asked:
    """Of a/x^2, on either side of its gap."""
    factor, low = chance.randint(1, 9), chance.randint(1, 5)
    high = low + chance.randint(1, 6)
    if chance.random() < 0.5:
        low, high = -high, -low
    return Asked(f"integrate {factor}/x^2 from {low} to {high}", str(Fraction(factor, low) - Fraction(factor, high)))


_REFUSE = (
    "If x + y = 5, what is xy?", "If x + y = 5, what is x + z?", "If x + y = 5 and x + y = 6, what is x + y?",
    "If x^2 + x + 1 = 0, what is x^3?", "If sin(x) = 1/2, what is cos(x)?", "If x = 1,234 and y = 2, what is x + y?",
    "If 3 + 4 = 7, what is 7 + 4?", "If Tom = 3 and Anna = 4, what is Tom + Anna?", "If x + y = 4, what is the weather?",
    "If x + y = 4 or x - y = 2, what is x?", "If x < 4, what is x + 1?", "If f(x) = x + y, what is x?",
    "0^x = 0", "0^x = 1", "1^x = 1", "1^x = 2", "(-2)^x = 4", "(-1)^x = 1",
    "x^x = 4", "2^x = x^2", "2^x + 3^x = 13", "2^x = 3^x",
    "2^(x^2) = 16", "e^x = x + 1", "log(x) = 2", "log x = 2", "log_x(8) = 3", "ln(x^2) = 4", "ln(x) + ln(x - 1) = 0",
    "log_0(x) = 2", "log_1(x) = 0", "log_-2(x) = 3", "e^(2x) = e^x", "2^x = 2^x", "4^x - 2^x = 2", "2x = 8^x",
    "solve a^2 + b^2 = c^2 for c", "solve x^2 = y for x", "solve ax + b = 0 for x", "solve x + y = 3 for z",
    "solve x - x + y = 3 for x", "solve x + y < 5 for y", "solve x + y = 5 for x or y",
    "inverse of f(x) = x^2", "inverse of f(x) = 5", "inverse of f(x) = (2x + 4)/(x + 2)", "If f(x) = 2x, find g^-1(3)",
    "inverse of f(x) = sin(x)", "inverse of f(x) = x + y", "inverse of f", "If f(x) = x^3, what is f^-1(8)?",
    "dot product of (1,2) and (1,2,3)", "dot product of (1,234,5) and (1,2,3)", "cross product of (1,2) and (3,4)",
    "dot product of (1,2)", "magnitude of the earthquake", "radius of the circle x^2 + 2y^2 = 4", "center of the circle",
    "radius of the circle x^2 + y^2 + xy = 4", "radius of a circle with area 5", "radius of the circle x^2 + y^2 = 0",
    "integrate 1/x from -1 to 1", "integrate 1/(x - 2) from 0 to 2", "integrate ln(x) from 0 to 1",
    "integrate 1/sqrt(x) from 0 to 4", "integrate tan(x) from 0 to pi", "integrate sqrt(x - 1) from 0 to 2",
    "integrate (x^2 - 1)/(x - 1) from 0 to 2", "integrate 1/(x^2 - 2) from 1 to 2",
)  # fmt: skip


def _root(answer: str, key: str) -> bool:
    return math_faces.same_number(math_faces.final(answer), key)


def _family(
    name: str, make: Callable[[random.Random], Asked], agrees: Callable[[str, str], bool], refuse: Sequence[str] = ()
) -> families.Family:
    return families.Family(f"math.{name}", answers.Route.MATH, make, math_faces.paraphrase, agrees, refuse)


FAMILIES = (
    _family("given-linear", _linear_pair, math_faces.same_number, _REFUSE),
    _family("given-symmetric", _symmetric, math_faces.same_number),
    _family("given-multiple", _multiple, math_faces.same_number),
    _family("exponential", _exponential, _root),
    _family("exponential-bases", _same_base, _root),
    _family("logarithm-equation", _logarithm, _root),
    _family("rearranged", _rearranged, math_faces.same_function),
    _family("inverse-value", _inverse, math_faces.same_number),
    _family("inverse-function", _inverse_function, math_faces.same_function),
    _family("dot-product", _vectors, math_faces.same_number),
    _family("circle", _circle, math_faces.same_number),
    _family("definite-gap", _definite, math_faces.same_number),
)
