"""Matrices of fractions: reading them, and our own arithmetic on them, which is what SymPy's results are checked with."""

import itertools
from collections.abc import Sequence
from fractions import Fraction

from council.serving.compute.math import arithmetic, formulas, grammar, lexer, limits, wording

Matrix = tuple[tuple[Fraction, ...], ...]
SIZE_MAX = 6
_DIGITS_MAX = 40


def read(text: str) -> Matrix:
    """Return the matrix in `text`: [[1, 2], [3, 4]], [1 2; 3 4] or [1, 2; 3, 4]. Raises UnreadableError, TooLargeError."""
    bare = text.strip()
    if not (bare.startswith("[") and bare.endswith("]")):
        raise limits.UnreadableError("A matrix is written as [[1, 2], [3, 4]].")
    inner = bare[1:-1].strip()
    if inner.startswith("["):
        rows = [_row(part) for part in wording.split(inner)]
    elif ";" in inner:
        rows = [_cells(part) for part in inner.split(";")]
    else:
        raise limits.UnreadableError("One row of numbers may be a list or a vector.")
    if len({len(row) for row in rows}) != 1:
        raise limits.UnreadableError("The rows of the matrix differ in length.")
    if len(rows) > SIZE_MAX or len(rows[0]) > SIZE_MAX:
        raise limits.TooLargeError(
            f"Matrices of up to {SIZE_MAX} rows and columns are computed here. Ask for a smaller one."
        )
    return tuple(tuple(_entry(cell) for cell in row) for row in rows)


def _row(text: str) -> list[str]:
    if not (text.startswith("[") and text.endswith("]")):
        raise limits.UnreadableError("A matrix is written as [[1, 2], [3, 4]].")
    return _cells(text[1:-1])


def _cells(text: str) -> list[str]:
    return wording.split(text) if "," in text else text.split()


def _entry(text: str) -> Fraction:
    node = grammar.parse(lexer.tokens(text))
    value = arithmetic.value(node)
    if not isinstance(value, Fraction):
        raise limits.UndecidedError("Matrices are computed with whole numbers and fractions only.")
    if arithmetic.digits(value.numerator) + arithmetic.digits(value.denominator) > _DIGITS_MAX:
        raise limits.TooLargeError(f"An entry of the matrix has over {_DIGITS_MAX} digits. Ask with shorter entries.")
    return value


def text(matrix: Matrix) -> str:
    """Return a matrix as it is shown, which `read` reads."""
    rows = (", ".join(formulas.fraction_text(entry) for entry in row) for row in matrix)
    return f"[{', '.join(f'[{row}]' for row in rows)}]"


def require_square(matrix: Matrix) -> None:
    """Raise UndefinedError unless there are as many rows as columns."""
    if len(matrix) != len(matrix[0]):
        raise limits.UndefinedError(
            f"{text(matrix)} has {len(matrix)} rows and {len(matrix[0])} columns; it must be square."
        )


def identity(size: int) -> Matrix:
    """Return the matrix with ones on its diagonal."""
    return tuple(tuple(Fraction(row == column) for column in range(size)) for row in range(size))


def transpose(matrix: Matrix) -> Matrix:
    """Return the matrix with rows and columns exchanged."""
    return tuple(zip(*matrix, strict=True))


def add(left: Matrix, right: Matrix, sign: int = 1) -> Matrix:
    """Return left + sign * right. Raises UndefinedError where the sizes differ."""
    if (len(left), len(left[0])) != (len(right), len(right[0])):
        raise limits.UndefinedError("Matrices of different sizes have no sum.")
    return tuple(
        tuple(one + sign * two for one, two in zip(first, second, strict=True))
        for first, second in zip(left, right, strict=True)
    )


def multiply(left: Matrix, right: Matrix) -> Matrix:
    """Return left * right. Raises UndefinedError where the sizes do not fit."""
    if len(left[0]) != len(right):
        raise limits.UndefinedError(
            f"The product is undefined: the first has {len(left[0])} columns, the second {len(right)} rows."
        )
    columns = transpose(right)
    return tuple(tuple(_dot(row, column) for column in columns) for row in left)


def _dot(one: Sequence[Fraction], other: Sequence[Fraction]) -> Fraction:
    return sum((first * second for first, second in zip(one, other, strict=True)), Fraction(0))


def determinant(matrix: Matrix) -> Fraction:
    """Return the determinant by the sum over permutations."""
    total = Fraction(0)
    for places in itertools.permutations(range(len(matrix))):
        product = Fraction(-1 if _is_odd(places) else 1)
        for row, column in enumerate(places):
            product *= matrix[row][column]
        total += product
    return total


def _is_odd(places: tuple[int, ...]) -> bool:
    return sum(one > other for one, other in itertools.combinations(places, 2)) % 2 == 1


def rank(matrix: Matrix) -> int:
    """Return the rank by elimination."""
    rows, done = [list(row) for row in matrix], 0
    for column in range(len(matrix[0])):
        pivot = next((index for index in range(done, len(rows)) if rows[index][column]), None)
        if pivot is None:
            continue
        rows[done], rows[pivot] = rows[pivot], rows[done]
        for index in range(done + 1, len(rows)):
            share = rows[index][column] / rows[done][column]
            rows[index] = [mine - share * top for mine, top in zip(rows[index], rows[done], strict=True)]
        done += 1
    return done


def characteristic(matrix: Matrix) -> list[Fraction]:
    """Return the coefficients of det(t I - matrix), highest power first (Faddeev and LeVerrier)."""
    size = len(matrix)
    row, current = [Fraction(1)], identity(size)
    for step in range(1, size + 1):
        product = multiply(matrix, current)
        share = -sum((product[index][index] for index in range(size)), Fraction(0)) / step
        row.append(share)
        current = add(product, tuple(tuple(share * entry for entry in line) for line in identity(size)))
    return row
