"""Lines of working: how many may be shown, and what each must hold."""

from collections.abc import Callable, Iterable
from fractions import Fraction

from council.serving.compute.math import arithmetic, check, formulas, limits, polynomials, tree

LINES_MAX = 12
LINE_CHARS_MAX = 160


def kept(make: Callable[[], Iterable[str]]) -> tuple[str, ...]:
    """Return the lines of `make`: all of them, or none where there are too many, one is too long or one does not hold."""
    found: list[str] = []
    try:
        for line in make():
            found.append(line)
            if len(found) > LINES_MAX or len(line) > LINE_CHARS_MAX:
                return ()
    except _FAILURES:
        return ()
    return tuple(found)


# Whatever goes wrong with steps, the answer beside them was checked without them.
_FAILURES = (limits.MathStopError, *limits.SYMPY_ERRORS)


def bounded(text: str) -> str:
    """Return a text that is no longer than a line. Raises TooLargeError: reading thousands of digits back takes long."""
    if len(text) > LINE_CHARS_MAX:
        raise limits.TooLargeError("A step is too long to show.")
    return text


def equal(left: str, right: str) -> str:
    """Return `left = right`. Raises UndecidedError unless the two texts have one value."""
    check.require(arithmetic.agree(value_of(left), value_of(right)), "a step does not follow")
    return f"{left} = {right}"


def value_of(text: str) -> arithmetic.Value:
    """Return the value of a text that is to be shown: a whole number, or what the grammar reads in it."""
    bounded(text)
    whole = text.isascii() and text.isdigit()
    return Fraction(int(text)) if whole else arithmetic.value(formulas.read_back(text))


def number(value: Fraction, decimal: bool = False) -> str:
    """Return `value` as a fraction, or as a decimal where one is wanted and holds it exactly."""
    return (formulas.decimal_text(value) if decimal else None) or formulas.fraction_text(value)


def wrapped(value: Fraction, decimal: bool = False) -> str:
    """Return `value` as a factor: in parentheses where it has a sign or a line of division."""
    shown = number(value, decimal)
    return shown if shown.replace(".", "").isdigit() else f"({shown})"


def polynomial(terms: polynomials.Polynomial, decimal: bool = False) -> str:
    """Return a polynomial, highest powers first, in the grammar. Raises UndecidedError unless it reads back as the same."""
    ordered = sorted(terms.items(), key=lambda term: (-sum(power for _, power in term[0]), term[0]))
    shown = ""
    for letters, coefficient in ordered:
        product = "*".join(name if power == 1 else f"{name}^{power}" for name, power in letters)
        size = abs(coefficient)
        factor = number(size, decimal) if not product else "" if size == 1 else wrapped(size, decimal) + "*"
        sign = (" - " if coefficient < 0 else " + ") if shown else "-" if coefficient < 0 else ""
        shown += f"{sign}{factor}{product}"
    shown = shown or "0"
    check.require(
        polynomials.polynomial(formulas.read_back(bounded(shown))) == terms, "a step is not the same polynomial"
    )
    return shown


def row_text(row: list[Fraction], name: str, decimal: bool = False) -> str:
    """Return the polynomial of a row of coefficients, highest power first."""
    return polynomial(terms_of(row, name), decimal)


def terms_of(row: list[Fraction], name: str) -> polynomials.Polynomial:
    """Return a row of coefficients, highest power first, as a polynomial."""
    powers = range(len(row) - 1, -1, -1)
    return {((name, power),) if power else (): one for power, one in zip(powers, row, strict=True) if one}


def is_settled(node: tree.Node) -> bool:
    """Return whether nothing is left to compute in `node`: a number, a fraction in lowest terms, or minus one of them."""
    match node:
        case tree.Number():
            return True
        case tree.Negation(operand):
            return not isinstance(operand, tree.Negation) and is_settled(operand)
        case tree.Binary("/", tree.Number(top), tree.Number(bottom)):
            return top.denominator == bottom.denominator == 1 and bottom > 1 and (top / bottom).denominator == bottom
        case _:
            return False
