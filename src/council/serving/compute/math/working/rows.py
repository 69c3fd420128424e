"""Matrices: determinants by rows, inverses of two rows, products entry by entry."""

from collections.abc import Iterator
from fractions import Fraction

from council.serving.compute.math import check, matrices
from council.serving.compute.math.working import lines

# More rows take more lines than are shown.
_ROWS_MAX = 5


def determinant(matrix: matrices.Matrix) -> tuple[str, ...]:
    """Return the steps: two products of two rows, else multiples of rows subtracted until zeros stand below the diagonal."""
    if len(matrix) > _ROWS_MAX:
        return ()
    return lines.kept(lambda: _crossed(matrix) if len(matrix) == 2 else _by_rows(matrix))


def _crossed(matrix: matrices.Matrix) -> Iterator[str]:
    (a, b), (c, d) = ([lines.wrapped(entry) for entry in row] for row in matrix)
    yield lines.equal(f"{a}*{d} - {b}*{c}", lines.number(matrices.determinant(matrix)))


def _by_rows(matrix: matrices.Matrix) -> Iterator[str]:
    """Each matrix that is shown has the determinant of the first, or minus it after rows changed places."""
    rows, sign, wanted = list(matrix), 1, matrices.determinant(matrix)

    def said(done: str) -> str:
        check.require(sign * matrices.determinant(tuple(rows)) == wanted, "a step changes the determinant")
        return f"{done}: {matrices.text(tuple(rows))}"

    for column in range(len(rows)):
        place = next((index for index in range(column, len(rows)) if rows[index][column]), None)
        if place is None:
            check.require(wanted == 0, "the determinant is not 0")
            yield "a column has only zeros from the diagonal on, so the determinant is 0"
            return
        if place != column:
            rows[column], rows[place], sign = rows[place], rows[column], -sign
            yield said(f"rows {column + 1} and {place + 1} changed places, which turns the sign")
        for index in range(column + 1, len(rows)):
            share = rows[index][column] / rows[column][column]
            if not share:
                continue
            pairs = zip(rows[index], rows[column], strict=True)
            rows[index] = tuple(mine - share * top for mine, top in pairs)
            yield said(f"row {index + 1} - {lines.wrapped(share)} * row {column + 1}")
    diagonal = "*".join(lines.wrapped(rows[index][index]) for index in range(len(rows)))
    yield f"product of the diagonal: {lines.equal(('-' if sign < 0 else '') + diagonal, lines.number(wanted))}"


def inverse(matrix: matrices.Matrix, found: matrices.Matrix) -> tuple[str, ...]:
    """Return the steps to the inverse of a matrix of two rows; of larger ones none."""

    def make() -> Iterator[str]:
        yield f"determinant: {next(_crossed(matrix))}"
        (a, b), (c, d) = matrix
        turned = ((d, -b), (-c, a))
        whole = matrices.determinant(matrix)
        check.require(tuple(tuple(one / whole for one in row) for row in turned) == found, "the inverse differs")
        yield f"diagonal exchanged, signs of the rest turned: {matrices.text(turned)}"
        yield f"divided by {lines.number(whole)}: {matrices.text(found)}"

    return lines.kept(make) if len(matrix) == 2 else ()


def product(left: matrices.Matrix, right: matrices.Matrix, found: matrices.Matrix) -> tuple[str, ...]:
    """Return each entry of a product as row times column."""

    def make() -> Iterator[str]:
        for index, row in enumerate(left):
            for place, column in enumerate(matrices.transpose(right)):
                yield f"row {index + 1} * column {place + 1}: {_dot(row, column, found[index][place])}"

    return lines.kept(make)


def _dot(row: tuple[Fraction, ...], column: tuple[Fraction, ...], result: Fraction) -> str:
    pairs = zip(row, column, strict=True)
    return lines.equal(
        " + ".join(f"{lines.wrapped(one)}*{lines.wrapped(two)}" for one, two in pairs), lines.number(result)
    )
