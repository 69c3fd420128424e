"""Made questions of calculus, sums and matrices. Derivatives and integrals of polynomials are made with their answers."""

import random
from collections.abc import Callable
from fractions import Fraction

from council.domain import answers
from council.testing.questions import families, math_faces

Asked = families.Asked
Make = Callable[[random.Random], Asked]
Agrees = Callable[[str, str], bool]
Rows = list[list[int]]


def _row(chance: random.Random, degree: int) -> list[int]:
    first = chance.choice((-1, 1)) * chance.randint(1, 9)
    return [first, *(chance.randint(-9, 9) for _ in range(degree))]


def _slope_row(row: list[int]) -> list[int]:
    return [factor * (len(row) - 1 - place) for place, factor in enumerate(row[:-1])] or [0]


def _value(row: list[int], place: int) -> int:
    total = 0
    for factor in row:
        total = total * place + factor
    return total


def _key(row: list[int]) -> str:
    """Return a polynomial with all its signs."""
    return " + ".join(f"({factor})*x^{len(row) - 1 - place}" for place, factor in enumerate(row))


def _derivative(chance: random.Random) -> Asked:
    row = _row(chance, chance.randint(1, 4))
    form = chance.choice(("What is the derivative of {}?", "Differentiate {}", "derivative of {} with respect to x"))
    shown = math_faces.in_text(chance, lambda face: math_faces.polynomial(row, face))
    if chance.random() < 0.2:
        return Asked(rf"$\frac{{d}}{{dx}} \left({math_faces.polynomial(row, 'latex')}\right)$", _key(_slope_row(row)))
    return Asked(form.format(shown), _key(_slope_row(row)))


def _derivative_at(chance: random.Random) -> Asked:
    row, place = _row(chance, chance.randint(2, 4)), chance.randint(-6, 6)
    return Asked(
        f"What is the derivative of {math_faces.polynomial(row)} at x = {place}?", str(_value(_slope_row(row), place))
    )


def _second(chance: random.Random) -> Asked:
    row = _row(chance, chance.randint(2, 5))
    shown = math_faces.in_text(chance, lambda face: math_faces.polynomial(row, face))
    return Asked(f"What is the second derivative of {shown}?", _key(_slope_row(_slope_row(row))))


def _product_rule(chance: random.Random) -> Asked:
    power, factor, place = chance.randint(1, 4), chance.randint(2, 6), chance.randint(-5, 5)
    if chance.random() < 0.5:
        value = factor * (power + 2) * place ** (power + 1)
        return Asked(f"derivative of {factor}x^{power} * x^2 at x = {place}", str(value))
    return Asked(f"derivative of {factor}x^{power} * e^x at x = 0", str(factor if power == 1 else 0))


def _integral(chance: random.Random) -> Asked:
    row = _row(chance, chance.randint(1, 3))
    low, high = sorted(chance.sample(range(-6, 7), 2))
    whole = [Fraction(factor, len(row) - place) for place, factor in enumerate(row)]

    def at(place: int) -> Fraction:
        return sum((factor * Fraction(place) ** (len(row) - index) for index, factor in enumerate(whole)), Fraction(0))

    value = str(at(high) - at(low))
    shown = math_faces.polynomial(row, "latex")
    if chance.random() < 0.5:
        low_text = f"{{{low}}}"
        return Asked(rf"Compute $\int_{low_text}^{{{high}}} ({shown}) \, dx$", value)
    return Asked(f"Integrate {math_faces.polynomial(row)} from {low} to {high}", value)


def _antiderivative(chance: random.Random) -> Asked:
    row = _row(chance, chance.randint(2, 4))
    inner = _slope_row(row)
    shown = math_faces.polynomial(inner)
    form = chance.choice(("What is the integral of {}?", "integrate {} dx", r"$\int ({}) \, dx$", "∫ ({}) dx"))
    return Asked(form.format(shown), _key([*row[:-1], 0]))


def _limit(chance: random.Random) -> Asked:
    place, other = chance.randint(-9, 9), chance.randint(-9, 9)
    row = [1, -(place + other), place * other]
    top, bottom = math_faces.polynomial(row), math_faces.polynomial([1, -place])
    form = chance.choice(
        (
            "What is the limit of ({0})/({1}) as x approaches {2}?",
            r"Find $\lim_{{x \to {2}}} \frac{{{0}}}{{{1}}}$",
            "limit of ({0})/({1}) as x goes to {2}",
        )
    )
    return Asked(form.format(top, bottom, place), str(place - other))


def _limit_at_infinity(chance: random.Random) -> Asked:
    top, bottom = _row(chance, 2), _row(chance, 2)
    one, two = math_faces.polynomial(top, "latex"), math_faces.polynomial(bottom, "latex")
    return Asked(rf"$\lim_{{x\to\infty}} \frac{{{one}}}{{{two}}}$", str(Fraction(top[0], bottom[0])))


def _sum(chance: random.Random) -> Asked:
    row = [chance.randint(1, 5), *(chance.randint(-5, 9) for _ in range(chance.randint(1, 2)))]
    low, high = chance.randint(0, 5), chance.randint(6, 60)
    total = sum(_value(row, place) for place in range(low, high + 1))
    shown = math_faces.polynomial(row, "latex", "k")
    if chance.random() < 0.6:
        return Asked(rf"$\sum_{{k={low}}}^{{{high}}} ({shown})$", str(total))
    return Asked(f"What is the sum of {math_faces.polynomial(row, 'plain', 'k')} for k = {low} to {high}?", str(total))


def _dots(chance: random.Random) -> Asked:
    first, step, count = chance.randint(1, 9), chance.randint(1, 9), chance.randint(5, 80)
    if first * 2 == first + step:
        step += 1
    terms = [first + step * place for place in range(count)]
    shown = f"{terms[0]} + {terms[1]} + {terms[2]} + {{}} + {terms[-1]}"
    dots = chance.choice(("...", r"\cdots"))
    text = f"${shown.format(dots)}$" if dots != "..." else f"What is {shown.format(dots)}?"
    return Asked(text, str(sum(terms)))


def _sequence(chance: random.Random) -> Asked:
    first, step, place = chance.randint(-9, 20), chance.choice((-3, 2, 3, 4, 7)), chance.randint(4, 40)
    terms = [first + step * index for index in range(place)]
    start = f"{terms[0]}, {terms[1]}, {terms[2]}, ..."
    if chance.random() < 0.5:
        return (
            Asked(f"What is the {place}th term of the arithmetic sequence {start}", str(terms[-1]))
            if place > 20 and place % 10 > 3
            else _sequence(chance)
        )
    return Asked(f"What is the sum of the first {place} terms of the arithmetic sequence {start}", str(sum(terms)))


def _geometric(chance: random.Random) -> Asked:
    bottom = chance.randint(2, 9)
    top = chance.randint(1, bottom - 1)
    ratio, first = Fraction(top, bottom), chance.randint(1, 20)
    if chance.random() < 0.5 and ratio.numerator == 1:
        return Asked(rf"$\sum_{{k=0}}^{{\infty}} \frac{{{first}}}{{{ratio.denominator}^k}}$", str(first / (1 - ratio)))
    text = f"What is the sum of the infinite geometric series with first term {first} and common ratio {ratio}?"
    return Asked(text, str(first / (1 - ratio)))


def _tangent(chance: random.Random) -> Asked:
    row, place = _row(chance, chance.randint(2, 3)), chance.randint(-4, 4)
    slope = _value(_slope_row(row), place)
    start = _value(row, place) - slope * place
    shown = math_faces.in_text(chance, lambda face: f"y = {math_faces.polynomial(row, face)}")
    return Asked(f"Find the equation of the tangent line to {shown} at x = {place}", f"({slope})*x + ({start})")


# Matrices


def _entries(chance: random.Random, rows: int, columns: int) -> Rows:
    return [[chance.randint(-9, 9) for _ in range(columns)] for _ in range(rows)]


def _shown(chance: random.Random, matrix: Rows) -> str:
    match chance.randrange(3):
        case 0:
            return _plain(matrix)
        case 1:
            return f"[{'; '.join(' '.join(map(str, row)) for row in matrix)}]"
        case _:
            inner = r" \\ ".join(" & ".join(map(str, row)) for row in matrix)
            name = chance.choice(("pmatrix", "bmatrix"))
            return rf"$\begin{{{name}}} {inner} \end{{{name}}}$"


def _plain(matrix: list[list[Fraction]] | Rows) -> str:
    return "[" + ", ".join("[" + ", ".join(str(one) for one in row) + "]" for row in matrix) + "]"


def _determinant(rows: Rows) -> int:
    if len(rows) == 1:
        return rows[0][0]
    return sum(
        (-1) ** place * rows[0][place] * _determinant([row[:place] + row[place + 1 :] for row in rows[1:]])
        for place in range(len(rows))
    )


def _det(chance: random.Random) -> Asked:
    matrix = _entries(chance, *([chance.choice((2, 2, 3, 4))] * 2))
    form = chance.choice(("What is the determinant of {}?", "Find the determinant of the matrix {}", "det {}"))
    return Asked(form.format(_shown(chance, matrix)), str(_determinant(matrix)))


def _product(chance: random.Random) -> Asked:
    size, inner, columns = chance.randint(1, 3), chance.randint(2, 3), chance.randint(1, 3)
    one, two = _entries(chance, size, inner), _entries(chance, inner, columns)
    value = [[sum(one[i][k] * two[k][j] for k in range(inner)) for j in range(columns)] for i in range(size)]
    return Asked(f"{_brackets(one)} * {_brackets(two)}", _plain(value))


def _brackets(matrix: Rows) -> str:
    return _plain(matrix)


def _latex(matrix: Rows) -> str:
    inner = r" \\ ".join(" & ".join(map(str, row)) for row in matrix)
    return rf"\begin{{pmatrix}} {inner} \end{{pmatrix}}"


def _matrix_sum(chance: random.Random) -> Asked:
    rows, columns = chance.randint(1, 3), chance.randint(2, 3)
    one, two = _entries(chance, rows, columns), _entries(chance, rows, columns)
    sign = chance.choice((1, -1))
    value = [[x + sign * y for x, y in zip(first, second, strict=True)] for first, second in zip(one, two, strict=True)]
    shown = "+" if sign > 0 else "-"
    if chance.random() < 0.5:
        return Asked(f"Compute ${_latex(one)} {shown} {_latex(two)}$", _plain(value))
    return Asked(f"{_brackets(one)} {shown} {_brackets(two)}", _plain(value))


def _matrix_inverse(chance: random.Random) -> Asked:
    (a, b), (c, d) = matrix = _entries(chance, 2, 2)
    size = a * d - b * c
    text = f"What is the inverse of {_shown(chance, matrix)}?"
    if size == 0:
        return Asked(text, "has no inverse")
    value = [[Fraction(d, size), Fraction(-b, size)], [Fraction(-c, size), Fraction(a, size)]]
    return Asked(text, f" is {_plain(value)}")


def _transpose(chance: random.Random) -> Asked:
    matrix = _entries(chance, chance.randint(1, 3), chance.randint(2, 4))
    return Asked(f"transpose of {_brackets(matrix)}", _plain([list(row) for row in zip(*matrix, strict=True)]))


def _eigenvalues(chance: random.Random) -> Asked:
    """A matrix P D P^-1 with whole entries, P having the determinant 1."""
    one, two = chance.sample(range(-9, 10), 2)
    u, v = chance.randint(-3, 3), chance.randint(-3, 3)
    p, inverse = [[1, u], [v, 1 + u * v]], [[1 + u * v, -u], [-v, 1]]
    middle = [[p[i][0] * one, p[i][1] * two] for i in range(2)]
    matrix = [[sum(middle[i][k] * inverse[k][j] for k in range(2)) for j in range(2)] for i in range(2)]
    return Asked(f"What are the eigenvalues of {_shown(chance, matrix)}?", f" are {min(one, two)}, {max(one, two)}")


def _matrix_system(chance: random.Random) -> Asked:
    size = chance.choice((2, 3))
    matrix = _entries(chance, size, size)
    if not _determinant(matrix):
        return _matrix_system(chance)
    x = [chance.randint(-9, 9) for _ in range(size)]
    right = [sum(one * other for one, other in zip(row, x, strict=True)) for row in matrix]
    return Asked(f"Solve A x = b where A = {_brackets(matrix)} and b = {right}", _plain([[one] for one in x]))


_REFUSE = {
    "derivative": (
        "derivative of sin 2x", "derivative of e^x/2", "derivative of x y", "derivative of the stock price", "derivative of",
        "derivative of sin(x) at 30", "derivative of abs(x)", r"$\frac{dy}{dx}$", "derivative of x^2 at y = 3", "d/dx",
        "second derivative", "second derivative of x y", "partial derivative of x^2 with respect to y",
    ),
    "integral": (
        "integrate 1/x from -1 to 1", "integral of tan(x) from 0 to 3", "integral of sin(x) from 0 to 90", r"$\int$",
        r"$\int x^2$", r"$\int_0 x \, dx$", r"$\int_0^1 x y \, dx$", "∫ x dx dy", "integrate x^2 dy",
        "integral part of the team",
    ),
    "limit": (
        "limit of sin(x) as x approaches infinity", "limit of sin(x) as x approaches 30", "limit of x as y approaches 3",
        "speed limit", "limit of my credit card", r"$\lim_{x \to 0}$", "limit of x^2",
        "limit of a_n as n approaches infinity",
    ),
    "sum": (
        r"$\sum_{k=1}^{3} k + 1$", r"$\sum_{k=1}^{\infty} \frac{1}{k}$", r"$\sum k$", "sum of the first 100 integers",
        "1 + 4 + ... + 100", "1 + 2 + 4 + ... + 100", "1 + 2 + 4 + 7 + ... + 50", "1 + ... + 10", r"$\sum_{k=1}^{n} x$",
        "5th term of the arithmetic sequence 1, 2, 4", "sum of the first 10 even numbers", "the next number in 1, 2, 4",
    ),
    "matrix": (
        "[[1, 2], [3, 4]]", "[1, 2, 3]", "determinant of [[1, 2], [3]]", "[[1, 2], [3, 4]] + 1", "det of A", "sort [3, 1, 2]",
        "[[1, 2], [3, 4]] and [[5, 6], [7, 8]]", "[[1, 2], [3, 4]] / [[1, 0], [0, 1]]", "eigenvalues of [[0, -1], [1, 0]]",
        "[[1, 2], [3, 4]] * [[1, 0], [0, 1]] + [[1, 1], [1, 1]]", "print([[1, 2], [3, 4]])", "len([[1, 2], [3, 4]])",
    ),
}  # fmt: skip


def _family(name: str, make: Make, agrees: Agrees, refuse: str = "") -> families.Family:
    return families.Family(
        f"math.{name}", answers.Route.MATH, make, math_faces.paraphrase, agrees, _REFUSE.get(refuse or name, ())
    )


def _ends(answer: str, key: str) -> bool:
    return answer.endswith(key) or (key == "has no inverse" and key in answer)


FAMILIES = (
    _family("derivative", _derivative, math_faces.same_function),
    _family("derivative-at", _derivative_at, math_faces.same_number, "derivative"),
    _family("derivative-product", _product_rule, math_faces.same_number, "derivative"),
    _family("second-derivative", _second, math_faces.same_function, "derivative"),
    _family("integral", _integral, math_faces.same_number),
    _family("antiderivative", _antiderivative, math_faces.same_function, "integral"),
    _family("limit", _limit, math_faces.same_number),
    _family("limit-at-infinity", _limit_at_infinity, math_faces.same_number, "limit"),
    _family("sum", _sum, math_faces.same_number),
    _family("sum-with-dots", _dots, math_faces.same_number, "sum"),
    _family("sequence", _sequence, math_faces.same_number, "sum"),
    _family("geometric-series", _geometric, math_faces.same_number, "sum"),
    _family("tangent", _tangent, math_faces.same_function),
    _family("determinant", _det, math_faces.same_number, "matrix"),
    _family("matrix-product", _product, math_faces.same_text, "matrix"),
    _family("matrix-sum", _matrix_sum, math_faces.same_text, "matrix"),
    _family("matrix-inverse", _matrix_inverse, _ends, "matrix"),
    _family("transpose", _transpose, math_faces.same_text, "matrix"),
    _family("eigenvalues", _eigenvalues, _ends, "matrix"),
    _family("matrix-system", _matrix_system, math_faces.same_text, "matrix"),
)
