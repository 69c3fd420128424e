"""Derivatives of a bracket with more behind it: d/dx (x^2) + 3x is 2*x + 3*x."""

import re
from collections.abc import Mapping

from council.serving.compute import results
from council.serving.compute.math import calculus, check, formulas, lexer, limits, reach, tree, wording

_CHECKED = "the derivative compared with difference quotients, the sum put together again by other code"
_SPARE_LETTERS = "abcdkmnpqrsu"


def _bracket_and_more(slots: Mapping[str, str]) -> wording.Task:
    name, text = slots["x"], slots["f"]
    tokens = lexer.tokens(text)
    end = reach.group_end(tokens)
    if not 0 < end < len(tokens) or tokens[end].text not in ("+", "-"):
        raise reach.unclear("sign d/dx")
    inner, rest = wording.formula(text[: tokens[end].start]), text[tokens[end].start :]
    letter = next(one for one in _SPARE_LETTERS if not re.search(rf"(?<![A-Za-z]){one}(?![A-Za-z])", text))
    whole = wording.formula(f"{letter} {rest}")
    if not set(tree.unknowns(inner)) | set(tree.unknowns(whole)) <= {name, letter}:
        raise limits.UnreadableError("There are letters besides the one of the derivative.")
    shown_rest = tree.text(whole).removeprefix(letter)
    reading = f"the derivative of {tree.text(inner)} with respect to {name}, and then{shown_rest}"

    def answer() -> results.Solved:
        slope = calculus.slope(inner, name)
        sum_of_both = tree.substituted(whole, letter, slope)
        shown = formulas.text(formulas.build(sum_of_both).expand())
        check.same_function(sum_of_both, formulas.read_back(shown))
        said = f"d/d{name} ({tree.text(inner)}){shown_rest} = {shown}"
        return wording.solved(reading, said, _CHECKED, shown, f"derivative of {tree.text(inner)}: {tree.text(slope)}")

    return wording.Task(reading, answer)


FRAMES = (wording.frame(r"ASK d ?/ ?d(?P<x>[a-df-hj-z]) ?(?P<f>\(.+)", _bracket_and_more),)
