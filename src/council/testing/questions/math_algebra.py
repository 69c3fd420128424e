"""Made questions of equations, inequalities, polynomials, functions, points and lines. Each is built from its solution."""

import math
import random
from collections.abc import Callable
from fractions import Fraction

from council.domain import answers
from council.testing.questions import families, math_faces

Asked = families.Asked
Make = Callable[[random.Random], Asked]
Agrees = Callable[[str, str], bool]


def _nonzero(chance: random.Random, most: int) -> int:
    return chance.choice((-1, 1)) * chance.randint(1, most)


def _times(row: list[int], root: int) -> list[int]:
    """Return the polynomial times (x - root)."""
    return [one - root * other for one, other in zip([*row, 0], [0, *row], strict=True)]


def _from_roots(roots: list[int], factor: int = 1) -> list[int]:
    row = [factor]
    for root in roots:
        row = _times(row, root)
    return row


def _linear(chance: random.Random) -> Asked:
    root, factor = Fraction(chance.randint(-40, 40), chance.choice((1, 1, 1, 2, 3))), _nonzero(chance, 12)
    right_factor = chance.choice((0, 0, factor + _nonzero(chance, 5)))
    factor *= root.denominator
    right_factor *= root.denominator
    left = chance.randint(-30, 30)
    right = factor * root + left - right_factor * root
    if factor == right_factor:
        return _linear(chance)
    letter = chance.choice("xytn")

    def write(face: str) -> str:
        return (
            f"{math_faces.polynomial([factor, left], face, letter)} = "
            f"{math_faces.polynomial([right_factor, int(right)], face, letter)}"
        )

    form = chance.choice(("Solve {}", "solve {} for LETTER", "Solve for LETTER: {}", "If {}, what is LETTER?", "{}"))
    return Asked(form.replace("LETTER", letter).format(math_faces.in_text(chance, write)), str(root))


def _quadratic(chance: random.Random) -> Asked:
    roots = sorted({chance.randint(-15, 15) for _ in range(chance.choice((1, 2, 2, 2, 3)))})
    row = _from_roots(roots, _nonzero(chance, 3))
    if len(roots) == 1:
        row = _times(row, roots[0])
    if chance.random() < 0.1:
        roots, row = [], [1, 0, chance.randint(1, 30)]

    def write(face: str) -> str:
        return f"{math_faces.polynomial(row, face)} = 0"

    form = chance.choice(("Solve {}", "{}", "What are the solutions of {}?", "Find the roots of {}"))
    return Asked(form.format(math_faces.in_text(chance, write)), ";".join(map(str, roots)))


def _system(chance: random.Random) -> Asked:
    names = "xyz"[: chance.choice((2, 2, 3))]
    values = {name: chance.randint(-12, 12) for name in names}
    rows = [[0] * len(names)]
    while not _determinant(rows) or len(rows) < len(names):
        rows = [[chance.randint(-5, 5) for _ in names] for _ in names]
    lines = []
    for row in rows:
        total = sum(factor * value for factor, value in zip(row, values.values(), strict=True))
        lines.append(f"{_combination(row, names)} = {total}")
    key = ";".join(f"{name}={value}" for name, value in values.items())
    if chance.random() < 0.3:
        inner = r" \\ ".join(lines)
        return Asked(rf"Solve \begin{{cases}} {inner} \end{{cases}}", key)
    text = chance.choice((" and ", ", ", "; ")).join(lines)
    return Asked(f"Solve {text}" if len(names) == 2 else f"Solve {text} for x, y and z", key)


def _combination(row: list[int], names: str) -> str:
    pieces: list[str] = []
    for factor, name in zip(row, names, strict=True):
        if factor:
            sign = ("-" if factor < 0 else "") if not pieces else (" - " if factor < 0 else " + ")
            pieces.append(f"{sign}{abs(factor) if abs(factor) > 1 else ''}{name}")
    return "".join(pieces)


def _determinant(rows: list[list[int]]) -> int:
    if len(rows) == 1:
        return rows[0][0]
    return sum(
        (-1) ** place * rows[0][place] * _determinant([row[:place] + row[place + 1 :] for row in rows[1:]])
        for place in range(len(rows))
    )


def _pair(chance: random.Random) -> Asked:
    one, two = chance.randint(-12, 12), chance.randint(-12, 12)
    pairs = sorted({(one, two), (two, one)})
    key = "|".join(f"x={x};y={y}" for x, y in pairs)
    return Asked(
        chance.choice((f"Solve x + y = {one + two} and x*y = {one * two}", f"xy = {one * two}, x + y = {one + two}")),
        key,
    )


def _absolute(chance: random.Random) -> Asked:
    factor, shift, size = chance.randint(1, 5), chance.randint(-20, 20), chance.randint(-3, 25)
    inner = math_faces.polynomial([factor, shift])
    roots = sorted({Fraction(size - shift, factor), Fraction(-size - shift, factor)}) if size >= 0 else []
    text = chance.choice(
        (f"|{inner}| = {size}", f"Solve |{inner}| = {size}", rf"Solve $\left|{inner}\right| = {size}$")
    )
    return Asked(text, ";".join(map(str, roots)))


_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_LATEX = {"<": "<", ">": ">", "<=": r"\le", ">=": r"\ge"}
_UNICODE = {"<": "<", ">": ">", "<=": "≤", ">=": "≥"}


def _inequality(chance: random.Random) -> Asked:
    factor, root, shift = _nonzero(chance, 9), chance.randint(-20, 20), chance.randint(-20, 20)
    sign = chance.choice(tuple(_FLIPPED))
    left = math_faces.polynomial([factor, shift])
    right = factor * root + shift
    shown = sign if factor > 0 else _FLIPPED[sign]
    face = chance.choice(("plain", "unicode", "latex"))
    if face == "latex":
        return Asked(f"Solve ${left} {_LATEX[shown]} {right}$", f"x {sign} {root}")
    return Asked(f"Solve {left} {_UNICODE[shown] if face == 'unicode' else shown} {right}", f"x {sign} {root}")


def _quadratic_inequality(chance: random.Random) -> Asked:
    low, high = sorted(chance.sample(range(-12, 13), 2))
    sign = chance.choice(tuple(_FLIPPED))
    row = _from_roots([low, high])
    inner = sign in ("<", "<=")
    less, more = ("<", ">") if len(sign) == 1 else ("<=", ">=")
    key = f"{low} {less} x {less} {high}" if inner else f"x {less} {low} or x {more} {high}"
    return Asked(f"Solve {math_faces.polynomial(row)} {sign} 0", key)


def _compound(chance: random.Random) -> Asked:
    low, high = sorted(chance.sample(range(-12, 13), 2))
    factor, shift = chance.randint(2, 6), chance.randint(-9, 9)
    one, two = chance.choice(("<", "<=")), chance.choice(("<", "<="))
    middle = math_faces.polynomial([factor, shift])
    text = f"{factor * low + shift} {one} {middle} {two} {factor * high + shift}"
    if chance.random() < 0.4:
        size = chance.randint(1, 20)
        center = chance.randint(-15, 15)
        inner = math_faces.polynomial([1, -center])
        return Asked(f"Solve |{inner}| {one} {size}", f"{center - size} {one} x {one} {center + size}")
    return Asked(chance.choice((f"Solve {text}", text)), f"{low} {one} x {two} {high}")


def _same_set(answer: str, key: str) -> bool:
    return answer == key


def _expand(chance: random.Random) -> Asked:
    one, two = [_nonzero(chance, 6), chance.randint(-9, 9)], [_nonzero(chance, 6), _nonzero(chance, 9)]
    row = [one[0] * two[0], one[0] * two[1] + one[1] * two[0], one[1] * two[1]]

    def write(face: str) -> str:
        return f"({math_faces.polynomial(one, face)})({math_faces.polynomial(two, face)})"

    return Asked(f"Expand {math_faces.in_text(chance, write)}", math_faces.polynomial(row))


def _same_polynomial(answer: str, key: str) -> bool:
    return math_faces.same_function(answer, _with_signs(key))


def _with_signs(text: str) -> str:
    """Write 3x as 3*x."""
    made = ""
    for index, letter in enumerate(text):
        made += "*" + letter if letter in "xyn" and index and text[index - 1].isdigit() else letter
    return made


def _factored(chance: random.Random) -> Asked:
    roots = [chance.randint(-9, 9) for _ in range(2)]
    row = _from_roots(roots)
    return Asked(f"Factor {math_faces.in_text(chance, lambda face: math_faces.polynomial(row, face))}", _factors(roots))


def _factors(roots: list[int]) -> str:
    if roots[0] == roots[1]:
        return _factor(roots[0]) + "^2"
    return "*".join(sorted(_factor(root) for root in roots))


def _factor(root: int) -> str:
    return "x" if root == 0 else f"(x - {root})" if root > 0 else f"(x + {-root})"


def _same_factors(answer: str, key: str) -> bool:
    return sorted(math_faces.final(answer).split("*")) == sorted(key.split("*"))


def _vieta(chance: random.Random) -> Asked:
    roots = chance.sample(range(-12, 13), chance.choice((2, 3)))
    row = _from_roots(roots, _nonzero(chance, 4))
    what, value = chance.choice((("sum", sum(roots)), ("product", math.prod(roots))))

    def write(face: str) -> str:
        return f"{math_faces.polynomial(row, face)} = 0"

    return Asked(f"What is the {what} of the roots of {math_faces.in_text(chance, write)}?", str(value))


def _discriminant(chance: random.Random) -> Asked:
    row = [_nonzero(chance, 9), chance.randint(-15, 15), chance.randint(-15, 15)]
    shown = math_faces.in_text(chance, lambda face: math_faces.polynomial(row, face))
    return Asked(f"What is the discriminant of {shown}?", str(row[1] ** 2 - 4 * row[0] * row[2]))


def _coefficient(chance: random.Random) -> Asked:
    shift, power = _nonzero(chance, 5), chance.randint(2, 9)
    place = chance.randint(1, power)
    value = math.comb(power, place) * shift ** (power - place)
    inner = math_faces.polynomial([1, shift])
    return Asked(f"What is the coefficient of x^{place} in ({inner})^{power}?", str(value))


def _value(row: list[int], place: Fraction | int) -> Fraction:
    total = Fraction(0)
    for factor in row:
        total = total * place + factor
    return total


def _division(chance: random.Random) -> Asked:
    row = [_nonzero(chance, 5), *(chance.randint(-9, 9) for _ in range(chance.randint(1, 3)))]
    root = chance.randint(-6, 6)
    top, bottom = math_faces.polynomial(row), math_faces.polynomial([1, -root])
    form = chance.choice(
        (
            "What is the remainder when {} is divided by {}?",
            "Find the remainder when ${}$ is divided by ${}$",
            "remainder when {} is divided by {}",
        )
    )
    return Asked(form.format(top, bottom), str(_value(row, root)))


def _complete(chance: random.Random) -> Asked:
    factor, shift, rest = chance.choice((1, 1, 2, 3, -1)), _nonzero(chance, 9), chance.randint(-20, 20)
    row = [factor, 2 * factor * shift, factor * shift * shift + rest]
    return Asked(f"Complete the square: {math_faces.polynomial(row)}", math_faces.polynomial(row))


def _completed(answer: str, key: str) -> bool:
    return (
        "^2" in math_faces.final(answer) and math_faces.final(answer).count("x") == 1 and _same_polynomial(answer, key)
    )


def _vertex(chance: random.Random) -> Asked:
    factor, place, height = _nonzero(chance, 4), chance.randint(-9, 9), chance.randint(-20, 20)
    row = [factor, -2 * factor * place, factor * place * place + height]
    shown = math_faces.in_text(chance, lambda face: f"y = {math_faces.polynomial(row, face)}")
    return Asked(f"What is the vertex of {shown}?", f"({place}, {height})")


def _function(chance: random.Random) -> Asked:
    row = [_nonzero(chance, 6), *(chance.randint(-9, 9) for _ in range(chance.randint(1, 2)))]
    place = chance.randint(-9, 9)
    letter = chance.choice("xtn")
    body = chance.choice(("plain", "latex"))
    shown = math_faces.polynomial(row, body, letter)
    signs = ("$", "$") if body == "latex" else ("", "")
    inner, value = f"f({place})", _value(row, place)
    if chance.random() < 0.3:
        inner, value = f"f({inner})", _value(row, value)
    form = chance.choice(
        (
            "If {0}f({1}) = {2}{0}, what is {0}{3}{0}?",
            "Let {0}f({1}) = {2}{0}. Find {0}{3}{0}",
            "What is {0}{3}{0} if {0}f({1}) = {2}{0}?",
        )
    )
    return Asked(form.format(signs[0], letter, shown, inner), str(value))


def _composition(chance: random.Random) -> Asked:
    one, two = [[_nonzero(chance, 6), chance.randint(-9, 9)] for _ in range(2)]
    place = chance.randint(-9, 9)
    given = f"f(x) = {math_faces.polynomial(one)} and g(x) = {math_faces.polynomial(two)}"
    if chance.random() < 0.4:
        row = [one[0] * two[0], one[0] * two[1] + one[1]]
        return Asked(f"If {given}, what is f(g(x))?", math_faces.polynomial(row))
    value = _value(one, _value(two, place))
    return Asked(f"If {given}, find f(g({place}))", str(value))


def _substitution(chance: random.Random) -> Asked:
    row = [_nonzero(chance, 6), *(chance.randint(-9, 9) for _ in range(2))]
    place = chance.randint(-9, 9)
    shown = math_faces.polynomial(row)
    form = chance.choice(
        ("Evaluate {} when x = {}", "What is the value of {} when x = {}?", "What is {} if x = {}?", "{} at x = {}")
    )
    return Asked(form.format(shown, place), str(_value(row, place)))


def _substituted(answer: str, key: str) -> bool:
    return math_faces.same_number(answer.split(" where ", maxsplit=1)[0], key)


def _point(chance: random.Random) -> tuple[int, int]:
    return chance.randint(-30, 30), chance.randint(-30, 30)


def _slope(chance: random.Random) -> Asked:
    one, two = _point(chance), _point(chance)
    if one[0] == two[0]:
        return _slope(chance)
    form = chance.choice(
        ("What is the slope of the line through {} and {}?", "Find the slope of the line passing through ${}$ and ${}$")
    )
    return Asked(form.format(one, two), str(Fraction(two[1] - one[1], two[0] - one[0])))


def _distance(chance: random.Random) -> Asked:
    scale = chance.randint(1, 5)
    x, y, z = (scale * one for one in chance.choice(((3, 4, 5), (5, 12, 13), (8, 15, 17), (7, 24, 25), (0, 1, 1))))
    one = _point(chance)
    two = one[0] + chance.choice((-1, 1)) * x, one[1] + chance.choice((-1, 1)) * y
    form = chance.choice(("What is the distance between {} and {}?", "Find the distance from {} to {}"))
    return Asked(form.format(one, two), str(z))


def _midpoint(chance: random.Random) -> Asked:
    one, two = _point(chance), _point(chance)
    key = f"({Fraction(one[0] + two[0], 2)}, {Fraction(one[1] + two[1], 2)})"
    return Asked(f"What is the midpoint of {one} and {two}?", key)


def _line(chance: random.Random) -> Asked:
    factor, start = _nonzero(chance, 9), chance.randint(-20, 20)
    places = chance.sample(range(-9, 10), 2)
    one, two = ((x, factor * x + start) for x in places)
    return Asked(f"Find the equation of the line through {one} and {two}", math_faces.polynomial([factor, start]))


def _line_slope(chance: random.Random) -> Asked:
    up, across, rest = _nonzero(chance, 6), _nonzero(chance, 9), chance.randint(-20, 20)
    left = f"{up if up != 1 else ''}y".replace("-1y", "-y")
    return Asked(
        f"What is the slope of the line ${left} = {math_faces.polynomial([across, rest])}$?", str(Fraction(across, up))
    )


_REFUSE = {
    "linear": (
        "1/2x = 3", "2e^x = 5 or 6", "a b = 3", "x = y = 2", "2x3 + 4x = 5", "X + x = 2", "x2 = 4", "solve", "x + y = 5",
        "5 = 5x?y", "2x + 3 = 11 for y", "x^0 = 1", "2 x (3 + x)", "x% = 5", "if 2x + y = 3, what is x?", "x = 2x3",
    ),
    "inequality": (
        "1 < x < 3", "x < 5 and x > 2", "solve 1 < x > 3", "solve x < y", "3 < 5", "solve x <> 3", "x < 3 or x > 5", "x ≠ 3",
        "1 < 2x < y", "solve x + y < 3 and x > 1",
    ),
    "function": (
        "f(4)", "If f(x) = 2x, what is g(4)?", "If f(x) = ax + 1, what is f(2)?", "If f(x) = sin(x), what is f(30)?",
        "If f(x) = x + 1 and f(x) = 2, what is f(1)?", "If f(2) = 5, what is f(4)?", "If f(x) = 2x, what is f?",
        "x + y when x = 3", "sin(x) when x = 30", "x when x = 3", "2x + 1 when x = 3 and x = 4", "If x = 3, what is the sky?",
    ),
    "points": (
        "distance between (1,234,5) and (0,0,0)", "slope of (1,2) or (3,4)", "midpoint of 3 and 5",
        "distance between Paris and Rome", "slope of the line through (1,2)", "distance between (1,2) and (1,2,3)",
        "slope of the line y = x^2", "slope of a hill",
    ),
    "vieta": (
        "sum of the roots of x^2 - 4x + 4 = 0", "sum of the solutions of x^2 + 1 = 0", "product of the roots of a plant",
        "sum of the real roots of x^2 + 1 = 0", "sum of the roots", "sum of the roots of x + y = 3",
    ),
}  # fmt: skip


def _family(name: str, make: Make, agrees: Agrees, refuse: str = "") -> families.Family:
    return families.Family(
        f"math.{name}", answers.Route.MATH, make, math_faces.paraphrase, agrees, _REFUSE.get(refuse or name, ())
    )


def _same_composition(answer: str, key: str) -> bool:
    return _same_polynomial(answer, key) if "x" in key else math_faces.same_number(answer, key)


FAMILIES = (
    _family("linear", _linear, lambda answer, key: math_faces.same_number(math_faces.final(answer), key)),
    _family("quadratic", _quadratic, math_faces.same_roots),
    _family("system", _system, math_faces.same_assignment),
    _family("pair", _pair, math_faces.same_assignment),
    _family("absolute", _absolute, math_faces.same_roots),
    _family("inequality", _inequality, _same_set),
    _family("quadratic-inequality", _quadratic_inequality, _same_set),
    _family("compound", _compound, _same_set, "inequality"),
    _family("expand", _expand, _same_polynomial),
    _family("factor", _factored, _same_factors),
    _family("vieta", _vieta, math_faces.same_number),
    _family("discriminant", _discriminant, math_faces.same_number),
    _family("coefficient", _coefficient, math_faces.same_number),
    _family("division", _division, math_faces.same_number),
    _family("complete-square", _complete, _completed),
    _family("vertex", _vertex, math_faces.same_text),
    _family("function", _function, math_faces.same_number),
    _family("composition", _composition, _same_composition, "function"),
    _family("substitution", _substitution, _substituted, "function"),
    _family("slope", _slope, math_faces.same_number, "points"),
    _family("distance", _distance, math_faces.same_number, "points"),
    _family("midpoint", _midpoint, math_faces.same_text, "points"),
    _family("line", _line, _same_polynomial, "points"),
    _family("line-slope", _line_slope, math_faces.same_number, "points"),
)
