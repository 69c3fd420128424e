"""Inverse functions of quotients of linear functions: `inverse of f(x) = 2x + 3`, `If f(x) = 2x + 3, what is f^-1(7)?`"""

from collections.abc import Mapping
from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.math import check, evaluate, formulas, limits, polynomials, tree, wording

Slots = Mapping[str, str]
_CHECKED = "each function put into the other, exactly, by other code"


def _inverse(slots: Slots) -> wording.Task:
    function, letter = slots["name"] or "f", slots["x"] or "x"
    body = wording.formula(slots["body"])
    if tree.unknowns(body) != [letter]:
        raise limits.UnreadableError("A function of its one letter is needed.")
    wanted = slots["at"]
    reading = f"the inverse function of {function}({letter}) = {tree.text(body)}"
    place = None
    if wanted and wanted != letter:
        place = wording.number(wanted)[0]
        reading = f"{function}^-1({tree.text(place)}), where {function}({letter}) = {tree.text(body)}"

    def answer() -> results.Solved:
        inverse = _inverted(body, letter)
        shown = tree.text(inverse)
        if place is None:
            note = ", wherever both have a value" if polynomials.ratio(body).poles else ""
            return wording.solved(
                reading, f"The inverse function is {function}^-1({letter}) = {shown}{note}", _CHECKED, shown
            )
        exact, number = evaluate.checked_value(tree.substituted(inverse, letter, place))
        back, _ = evaluate.checked_value(tree.substituted(body, letter, formulas.read_back(exact)))
        check.require(back == evaluate.checked_value(place)[0], "the function of it is something else")
        said = f"{function}^-1({tree.text(place)}) = {formulas.with_decimal(exact, number)}"
        return wording.solved(reading, said, _CHECKED, exact, f"{function}^-1({letter}) = {shown}")

    return wording.Task(reading, answer)


def _inverted(body: tree.Node, letter: str) -> tree.Node:
    """Return (d x - b)/(a - c x) for (a x + b)/(c x + d)."""
    found = polynomials.ratio(body)
    top, bottom = (polynomials.coefficients(one, letter) for one in (found.top, found.bottom))
    if len(top) > 2 or len(bottom) > 2 or not top:
        raise limits.UndecidedError("Only quotients of linear functions are inverted here.")
    rows = [[Fraction(0), *row][-2:] for row in (top, bottom)]
    if rows[0][0] * rows[1][1] == rows[0][1] * rows[1][0]:
        raise limits.UndecidedError("The function has the same value everywhere.")
    (a, b), (c, d) = ([formulas.build(formulas.literal(one)) for one in row] for row in rows)
    symbol = formulas.symbol(letter)
    inverse = formulas.read_back(formulas.text(((d * symbol - b) / (a - c * symbol)).cancel()))
    for outer, inner in ((body, inverse), (inverse, body)):
        both = polynomials.ratio(tree.Binary("-", tree.substituted(outer, letter, inner), tree.Unknown(letter)))
        check.require(not both.top, "the two functions undo each other nowhere")
    return inverse


_FUNCTION = r"(?:(?P<name>[fghFGH]) ?\( ?(?P<x>[a-df-hj-np-z]) ?\)|y) ?= ?(?P<body>[^=]+?)"
FRAMES = (
    wording.frame(rf"ASK inverse(?: function)? (?:of|for|to) (?:the )?(?:function )?{_FUNCTION}(?P<at>)", _inverse),
    wording.frame(
        rf"(?:if|let|given|given that|for|suppose) (?:the function )?{_FUNCTION}[,.;]? (?:then )?"
        r"(?:what is|find|compute|determine|evaluate|calculate) (?:the value of )?"
        r"(?:the )?(?:inverse(?: function)?(?: of (?P=name)(?: ?\( ?(?P=x) ?\))?)?"
        r"|(?P=name) ?\^ ?\(? ?[-−] ?1 ?\)? ?\( ?(?P<at>[^()]+?) ?\))",
        _inverse,
    ),
)  # fmt: skip
