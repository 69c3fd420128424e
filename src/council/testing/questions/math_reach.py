"""Made questions of how far words and signs reach: brackets that end what is derived, added or taken to a limit."""

import random

from council.domain import answers
from council.testing.questions import families, math_faces

Asked = families.Asked


def _row(chance: random.Random, degree: int) -> list[int]:
    return [chance.choice((-1, 1)) * chance.randint(1, 9), *(chance.randint(-9, 9) for _ in range(degree))]


def _slope_row(row: list[int]) -> list[int]:
    return [factor * (len(row) - 1 - place) for place, factor in enumerate(row[:-1])] or [0]


def _key(row: list[int], sign: int = 1) -> str:
    return " + ".join(f"({sign * factor})*x^{len(row) - 1 - place}" for place, factor in enumerate(row))


def _beside(chance: random.Random) -> Asked:
    """d/dx of a bracket with a sum behind it."""
    inner, rest = _row(chance, chance.randint(1, 3)), [chance.randint(1, 9) for _ in range(chance.randint(1, 2))]
    sign = chance.choice((1, -1))
    latex = chance.random() < 0.5
    face = "latex" if latex else chance.choice(("plain", "unicode"))
    one = math_faces.polynomial(inner, face)
    two = f"{'+' if sign > 0 else '-'} {math_faces.polynomial(rest[:1] + [0] * (len(rest) - 1), face)}"
    key = f"{_key(_slope_row(inner))} + {_key(rest[:1] + [0] * (len(rest) - 1), sign)}"
    if latex:
        left, right = chance.choice((("(", ")"), (r"\left(", r"\right)")))
        return Asked(rf"$\frac{{d}}{{dx}} {left}{one}{right} {two}$", key)
    return Asked(f"{chance.choice(('', 'What is ', 'Compute '))}d/dx ({one}) {two}", key)


def _all_of_it(chance: random.Random) -> Asked:
    """The derivative of a sum of which a word behind it, or the signs around it, show the end."""
    inner, rest = _row(chance, chance.randint(1, 3)), [chance.randint(1, 9), chance.randint(1, 9)]
    shown = f"({math_faces.polynomial(inner)}) + {math_faces.polynomial(rest)}"
    key = f"{_key(_slope_row(inner))} + {_key(_slope_row(rest))}"
    form = chance.choice(
        ("derivative of {} with respect to x", "What is the derivative of ${}$?", "derivative of ({})")
    )
    return Asked(form.format(shown), key)


_REFUSE = (
    "d/dx x^2 + 3x", r"$\frac{d}{dx} x^2 + 1$", r"$\frac{d}{dx}\sin(x) + 1$", r"$\frac{d}{dx}(x^2) \cdot x$", "d/dx(x^2)/x",
    r"$\frac{d}{dx}(x^2)^2$", r"$\frac{d}{dx}(x + 1)(x + 2)$", "derivative of (x^2) + 3x", "differentiate (x^2) + 1",
    "the derivative of x^2 times x", "derivative of $x^2$ + 1", "derivative of $x^2$ times x", "second derivative of (x^3) + x",
    r"$\frac{d^2}{dx^2} x^3 + x$", r"$\frac{d^2}{dx^2} (x^3) + x$", r"$\frac{\partial}{\partial x} x^2 + x$",
    "integral of (x^2) + 1", "integrate (x^2) - x", "integral of $x^2$ + 1", "the integral of x divided by 2",
    "integrate x^2 from 0 to 1 + 3", "integrate x^2 from 0 to 1 plus 3", "integrate x^2 from 0 to 1 times 2",
    "integral of x from 0 to 2 * 3", r"$\int (x^2) dx + 1$", r"$\lim_{x \to 1} (x) + x$", "lim x->1 (x) + x",
    "limit of x^2 as x approaches 2 + 1", "limit of x^2 as x approaches 2 plus 1", r"$\sum_{k=1}^3 (k) + 1$",
    r"$\sum_{k=1}^3 (k)^2$", r"$\sum_{k=1}^3 (k)(k+1)$", "sum of k for k = 1 to 3 + 1", "sum of k for k = 1 to 3 times 2",
    "derivative of x^2 at 2 + 1", "derivative of x^2 at 2 plus 1", "derivative of x^2 at x = 2 plus 1",
    "Maclaurin polynomial of degree 2 of (e^x) + x", "inverse of 3 mod 11 + 1", "inverse of 3 mod 11 * 2",
    "mean of 1,5 and 2", "average of 2 and 1,5", "sum of 1,5 and 2", "What is 1.000 + 1?", "12.000 / 4",
    "17% of 1.500", "2.250 * 2", "3√8", "5√32 + 1", "What is 2⁵⁄2 + 1?", "$3^{2}^{2}$", "$3^2^2$", "-7 mod 3 + 1",
)  # fmt: skip

FAMILIES = (
    families.Family(
        "math.derivative-beside", answers.Route.MATH, _beside, math_faces.paraphrase, math_faces.same_function, _REFUSE
    ),
    families.Family(
        "math.derivative-of-all", answers.Route.MATH, _all_of_it, math_faces.paraphrase, math_faces.same_function
    ),
)
