"""What is asked about matrices. SymPy computes, our own fractions confirm."""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import sympy

from council.serving.compute import results
from council.serving.compute.math import algebra, arithmetic, check, formulas, limits, matrices, polynomials, wording
from council.serving.compute.math.working import rows

Slots = Mapping[str, str]


def _theirs(matrix: matrices.Matrix) -> Any:
    return sympy.Matrix([[sympy.Rational(entry.numerator, entry.denominator) for entry in row] for row in matrix])


def _ours(matrix: Any) -> matrices.Matrix:
    rows = matrix.tolist()
    return tuple(tuple(Fraction(int(entry.p), int(entry.q)) for entry in row) for row in rows)


def _number(
    what: str, theirs: Callable[[Any], Any], own: Callable[[matrices.Matrix], Fraction | int], square: bool
) -> Any:
    def make(slots: Slots) -> wording.Task:
        matrix = matrices.read(slots["m"])
        shown = matrices.text(matrix)
        reading = f"the {what} of {shown}"

        def answer() -> results.Solved:
            if square:
                matrices.require_square(matrix)
            value = Fraction(own(matrix))
            other = sympy.Rational(theirs(_theirs(matrix)))
            check.require(Fraction(int(other.p), int(other.q)) == value, "the two ways differ")
            exact = formulas.fraction_text(value)
            said = f"The {what} of {shown} is {formulas.with_decimal(exact, value)}"
            steps = rows.determinant(matrix) if what == "determinant" else ()
            return wording.solved(reading, said, "computed again exactly by other code", exact, *steps)

        return wording.Task(reading, answer)

    return make


def _trace(matrix: matrices.Matrix) -> Fraction:
    return sum((matrix[index][index] for index in range(len(matrix))), Fraction(0))


def _inverse(slots: Slots) -> wording.Task:
    matrix = matrices.read(slots["m"])
    shown = matrices.text(matrix)
    reading = f"the inverse of {shown}"

    def answer() -> results.Solved:
        matrices.require_square(matrix)
        if matrices.determinant(matrix) == 0:
            check.require(_theirs(matrix).det() == 0, "the two ways differ")
            said = f"{shown} has no inverse: its determinant is 0"
            return wording.solved(reading, said, "the determinant computed again exactly by other code", "none")
        value = _ours(_theirs(matrix).inv())
        unit = matrices.identity(len(matrix))
        both = matrices.multiply(matrix, value), matrices.multiply(value, matrix)
        check.require(both == (unit, unit), "the product is not the unit matrix")
        exact = matrices.text(value)
        said = f"The inverse of {shown} is {exact}"
        checked = "multiplied with the matrix on both sides, exactly, by other code"
        return wording.solved(reading, said, checked, exact, *rows.inverse(matrix, value))

    return wording.Task(reading, answer)


def _transpose(slots: Slots) -> wording.Task:
    matrix = matrices.read(slots["m"])
    shown = matrices.text(matrix)
    reading = f"the transpose of {shown}"

    def answer() -> results.Solved:
        value = matrices.transpose(matrix)
        check.require(_ours(_theirs(matrix).T) == value, "the two ways differ")
        exact = matrices.text(value)
        return wording.solved(reading, f"The transpose of {shown} is {exact}", "transposed again by other code", exact)

    return wording.Task(reading, answer)


def _eigenvalues(slots: Slots) -> wording.Task:
    matrix = matrices.read(slots["m"])
    shown = matrices.text(matrix)
    reading = f"the eigenvalues of {shown}"

    def answer() -> results.Solved:
        matrices.require_square(matrix)
        row = matrices.characteristic(matrix)
        theirs = [Fraction(int(one.p), int(one.q)) for one in _theirs(matrix).charpoly().all_coeffs()]
        check.require(theirs == row, "the characteristic polynomials differ")
        letter = formulas.symbol("t")
        polynomial = sum(
            (
                sympy.Rational(one.numerator, one.denominator) * letter ** (len(row) - 1 - place)
                for place, one in enumerate(row)
            ),
            sympy.Integer(0),
        )
        found = algebra.real_roots(polynomial, row, "t")
        if len(found) != len(polynomials.all_roots(row)):
            raise limits.UndecidedError("Some eigenvalues are not real; only real ones are written here.")
        values = [(text, number, _times(row, number)) for text, number in found]
        exact = ", ".join(text for text, _, _ in values)
        said = ", ".join(
            formulas.with_decimal(text, number) + (f" ({times} times)" if times > 1 else "")
            for text, number, times in values
        )
        steps = f"characteristic polynomial: {formulas.text(polynomial)}"
        checked = "the polynomial computed again exactly, and each root put into it, by other code"
        return wording.solved(reading, f"The eigenvalues of {shown} are {said}", checked, exact, steps)

    return wording.Task(reading, answer)


def _times(row: list[Fraction], root: arithmetic.Value) -> int:
    """Return how often a root occurs: how many derivatives vanish there."""
    times, current = 0, row
    while len(current) > 1 and abs(arithmetic.real(polynomials.at(current, root))) < arithmetic.TOLERANCE:
        times += 1
        current = [number * (len(current) - 1 - index) for index, number in enumerate(current[:-1])]
    return times


_PIECE = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\](?:\^\(?-?\d+\)?)?")
_POWER_MAX = 50


def _expression(slots: Slots) -> wording.Task:
    """Sums, products and powers of matrices: one sign throughout, or a number before one matrix."""
    source = slots["e"]
    pieces = [(match.start(), match.end()) for match in _PIECE.finditer(source)]
    if not pieces or len(pieces) > 4:
        raise limits.UnreadableError("One to four matrices are read.")
    ends = [0, *(end for _, end in pieces)]
    starts = [*(start for start, _ in pieces), len(source)]
    between = [source[end:start].strip() for end, start in zip(ends, starts, strict=True)]
    if between[-1]:
        raise limits.UnreadableError("Something stands behind the last matrix.")
    signs = [_SIGNS.get(sign) for sign in between[1:-1]]
    factor = _factor(between[0])
    terms = [_power(source[start:end]) for start, end in pieces]
    if None in signs or len({sign in ("+", "-") for sign in signs}) > 1 or (factor is not None and len(terms) > 1):
        raise limits.UnreadableError("Sums and products of matrices are not mixed here.")
    if len(terms) == 1 and factor is None and terms[0][1] == 1:
        raise limits.UnreadableError("A matrix alone asks for nothing.")
    lead = "" if factor is None else f"{formulas.fraction_text(factor)} * "
    shown = lead + "".join(
        f" {sign} {label}" if sign else label for sign, (_, _, label) in zip(["", *map(str, signs)], terms, strict=True)
    )

    def answer() -> results.Solved:
        value, other = _value(terms[0]), _their_power(terms[0])
        for sign, term in zip(signs, terms[1:], strict=True):
            right = _value(term)
            value = (
                matrices.multiply(value, right) if sign == "*" else matrices.add(value, right, 1 if sign == "+" else -1)
            )
            other = (
                other * _their_power(term) if sign == "*" else other + (1 if sign == "+" else -1) * _their_power(term)
            )
        if factor is not None:
            value = tuple(tuple(factor * entry for entry in row) for row in value)
            other = other * sympy.Rational(factor.numerator, factor.denominator)
        check.require(_ours(other) == value, "the two ways differ")
        exact = matrices.text(value)
        plain = len(terms) == 2 and signs == ["*"] and all(exponent == 1 for _, exponent, _ in terms)
        steps = rows.product(terms[0][0], terms[1][0], value) if plain else ()
        return wording.solved(shown, f"{shown} = {exact}", "computed again exactly by other code", exact, *steps)

    return wording.Task(shown, answer)


_SIGNS = {
    "+": "+",
    "-": "-",
    "*": "*",
    "": "*",
    "times": "*",
    "plus": "+",
    "minus": "-",
    "×": "*",
    "·": "*",
    "\N{MINUS SIGN}": "-",
    "and": None,
}
Term = tuple[matrices.Matrix, int, str]


def _factor(text: str) -> Fraction | None:
    if not text:
        return None
    bare = text.removesuffix("*").strip()
    if bare == "-":
        return Fraction(-1)
    return wording.number(bare)[1]


def _power(text: str) -> Term:
    base, _, raised = text.partition("]^")
    matrix = matrices.read(base + "]" if raised else text)
    exponent = int(raised.strip("()")) if raised else 1
    if exponent != 1:
        matrices.require_square(matrix)
    if not -1 <= exponent <= _POWER_MAX or exponent == 0:
        raise limits.UnreadableError(f"A matrix is raised to -1 or to 1 to {_POWER_MAX}.")
    label = matrices.text(matrix) + (f"^{exponent}" if raised else "")
    return matrix, exponent, label


def _value(term: Term) -> matrices.Matrix:
    matrix, exponent, _ = term
    if exponent == -1:
        if matrices.determinant(matrix) == 0:
            raise limits.UndefinedError(f"{matrices.text(matrix)} has no inverse: its determinant is 0.")
        inverse = _ours(_theirs(matrix).inv())
        check.require(
            matrices.multiply(matrix, inverse) == matrices.identity(len(matrix)), "the product is not the unit matrix"
        )
        return inverse
    value = matrix
    for _ in range(exponent - 1):
        value = matrices.multiply(value, matrix)
        if any(arithmetic.digits(entry.numerator) > limits.SYMBOLIC_DIGITS_MAX for row in value for entry in row):
            raise limits.TooLargeError(
                f"An entry would have over {limits.SYMBOLIC_DIGITS_MAX:,} digits. Ask with shorter entries."
            )
    return value


def _their_power(term: Term) -> Any:
    return _theirs(term[0]) if term[1] == 1 else _theirs(term[0]) ** term[1]


def _system(slots: Slots) -> wording.Task:
    """A x = b with a square A."""
    matrix, right = matrices.read(slots["m"]), _column(slots["b"])
    matrices.require_square(matrix)
    if len(right) != len(matrix):
        raise limits.UndefinedError("The right side has another number of rows than the matrix.")
    reading = f"solve {matrices.text(matrix)} * x = {matrices.text(right)}"

    def answer() -> results.Solved:
        if matrices.determinant(matrix) == 0:
            raise limits.UndecidedError("The matrix has no inverse: there is no solution, or more than one.")
        value = _ours(_theirs(matrix).LUsolve(_theirs(right)))
        check.require(matrices.multiply(matrix, value) == right, "the solution does not satisfy the equation")
        exact = matrices.text(value)
        return wording.solved(reading, f"x = {exact}", "put into the equation exactly by other code", exact)

    return wording.Task(reading, answer)


def _column(text: str) -> matrices.Matrix:
    bare = text.strip()
    if bare.startswith("[[") or ";" in bare:
        found = matrices.read(bare)
        if len(found[0]) != 1:
            raise limits.UnreadableError("The right side must be one column.")
        return found
    if not (bare[:1] in "([" and bare[-1:] in ")]"):
        raise limits.UnreadableError("The right side is written as [5, 6].")
    return tuple((wording.number(part)[1],) for part in wording.split(bare[1:-1]))


_OF = r"(?: of)?(?: the)?(?: \d ?[x×] ?\d)?(?: matrix)? (?P<m>\[.+\])"
FRAMES = (
    wording.frame(
        rf"ASK (?:determinant|det){_OF}",
        _number("determinant", lambda matrix: matrix.det(), matrices.determinant, square=True),
    ),
    wording.frame(
        r"ASK det(?:erminant)? ?\((?P<m>\[.+\])\)",
        _number("determinant", lambda matrix: matrix.det(), matrices.determinant, square=True),
    ),
    wording.frame(rf"ASK rank{_OF}", _number("rank", lambda matrix: matrix.rank(), matrices.rank, square=False)),
    wording.frame(rf"ASK trace{_OF}", _number("trace", lambda matrix: matrix.trace(), _trace, square=True)),
    wording.frame(rf"ASK inverse{_OF}", _inverse),
    wording.frame(r"invert(?: the)?(?: matrix)? (?P<m>\[.+\])", _inverse),
    wording.frame(rf"ASK transpose{_OF}", _transpose),
    wording.frame(r"transpose(?: the)?(?: matrix)? (?P<m>\[.+\])", _transpose),
    wording.frame(rf"ASK eigenvalues{_OF}", _eigenvalues),
    wording.frame(
        r"(?:ASK |multiply |add )?(?:(?:sum|product) of )?(?P<e>[^A-Za-z]*\[[^A-Za-z]+\](?:\^\(?-?\d+\)?)?)", _expression
    ),
    wording.frame(
        r"solve (?P<m>\[.+\]) ?\*? ?(?:x|\[\[x\], \[y\](?:, \[z\])?\]) ?= ?(?P<b>[\[(].+[\])])", _system
    ),
    wording.frame(
        r"solve A ?\*? ?x ?= ?b (?:for|where|with|when|if) A ?= ?(?P<m>\[.+\]),? (?:and )?b ?= ?(?P<b>[\[(].+[\])])", _system
    ),
)  # fmt: skip
