"""Whether a program that a model wrote for a word problem counts: it parses, computes, and uses a number of the question."""

import ast
import contextlib
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

_CODE_CHARS_MAX = 8_000


def against(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return why `code` does not count for a question with `numbers`, or an empty reason. Parsing runs nothing."""
    code, numbers = str(payload["code"]), payload["numbers"]
    if not code.strip() or len(code) > _CODE_CHARS_MAX:
        return {"against": "the model wrote no program, or too long a one"}
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {"against": "it is not Python"}
    nodes = list(ast.walk(tree))
    used = _values(
        node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, int | float)
    )
    if not used & _values(str(number).replace(",", "") for number in numbers):
        return {"against": "it uses no number of the question"}
    if not any(isinstance(node, ast.BinOp | ast.AugAssign) for node in nodes):
        return {"against": "it computes nothing"}
    return {"against": ""}


def _values(found: Iterable[object]) -> set[Fraction]:
    """Return the numbers among constants and texts: 12.50 and 12.5 are one. No whole number is written out."""
    values = set()
    for one in found:
        with contextlib.suppress(ValueError, ZeroDivisionError):
            if isinstance(one, int):
                values.add(Fraction(one))
            elif isinstance(one, float | str):
                values.add(Fraction(str(one)))
    return values
