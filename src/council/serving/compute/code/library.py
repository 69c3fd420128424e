"""The pieces that searched programs are made of: Python expressions over typed arguments, each bounded.

A kind is one letter: i whole number, f float, b truth, s text, n None, d dictionary, t tuple; L is a list, followed by the
kind of its elements, as in Li; x is a mixture. A piece's source is written once, here, and made into a function from that.
"""

import collections
import functools
import itertools
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

# What a value may come to. Beyond it a piece has no value.
_WHOLE_MAX = 10**30
_LENGTH_MAX = 1_000
_COUNT_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Piece:
    """An expression with `{0}`, `{1}` for its arguments of these kinds. `imports` are the modules that it names.

    One that `counts` takes as many steps, or makes as many items, as a whole number among its arguments says.
    """

    source: str
    takes: tuple[str, ...]
    function: Callable[..., Any]
    imports: tuple[str, ...]
    counts: bool

    def value(self, arguments: Sequence[Any]) -> Any:
        """Return the expression's value within the bounds. Raises whatever it raises, and TooLargeError."""
        if self.counts and any(isinstance(each, int) and abs(each) > _COUNT_MAX for each in arguments):
            raise TooLargeError
        return bounded(self.function(*arguments))


class TooLargeError(Exception):
    """A value would grow beyond its bound."""


def bounded(value: Any) -> Any:
    """Return a value that is within the bounds. Raises TooLargeError."""
    if isinstance(value, int) and abs(value) > _WHOLE_MAX:
        raise TooLargeError
    if isinstance(value, str | list | tuple | dict) and len(value) > _LENGTH_MAX:
        raise TooLargeError
    return value


def kind_of(value: Any) -> str:
    """Return a value's kind. An empty list is of kind L."""
    plain = {bool: "b", int: "i", float: "f", str: "s", type(None): "n", dict: "d", tuple: "t"}.get(type(value), "x")
    if type(value) is not list:
        return plain
    kinds = {kind_of(each)[0] for each in value}
    return "L" if not kinds else "L" + (kinds.pop() if len(kinds) == 1 else "x")


def _piece(takes: str, source: str) -> Piece:
    kinds = tuple(takes.split())
    names = [f"a{number}" for number in range(len(kinds))]
    text = f"lambda {', '.join(names)}: {source.format(*names)}"
    space = {
        "math": math,
        "itertools": itertools,
        "collections": collections,
        "functools": functools,
        "statistics": statistics,
    }
    # The text is one of the constants below, never a user's.
    made: Callable[..., Any] = eval(text, space)  # noqa: S307
    counts = "range(" in source or (kinds[-1] == "i" and kinds[0][0] in "sL" and "*" in source)
    return Piece(source, kinds, made, tuple(name for name in space if f"{name}." in source), counts)


_WHOLE = (
    ("i i", ("({0} + {1})", "({0} - {1})", "({0} * {1})", "({0} // {1})", "({0} % {1})", "max({0}, {1})", "min({0}, {1})",
             "math.gcd({0}, {1})", "({0} > {1})", "({0} == {1})", "list(range({0}, {1}))", "({0} / {1})")),
    ("i", ("abs({0})", "(-{0})", "({0} ** 2)", "({0} ** 3)", "str({0})", "list(range({0}))", "list(range(1, {0} + 1))",
           "sum(int(digit) for digit in str(abs({0})))", "len(str(abs({0})))", "({0} % 2 == 0)", "({0} % 2 == 1)",
           "int(str({0})[::-1])", "bin({0})[2:]", "math.isqrt({0})",
           "({0} > 1 and all({0} % factor for factor in range(2, math.isqrt({0}) + 1)))",
           "[factor for factor in range(1, {0} + 1) if {0} % factor == 0]")),
)  # fmt: skip
_FLOATS = (
    ("f f", ("({0} + {1})", "({0} - {1})", "({0} * {1})", "({0} / {1})")),
    ("f i", ("({0} * {1})", "({0} / {1})", "round({0}, {1})", "({0} + {1})")),
    ("f", ("abs({0})", "round({0})", "int({0})", "({0} ** 2)", "math.sqrt({0})")),
)
_TEXTS = (
    ("s", ("len({0})", "{0}.upper()", "{0}.lower()", "{0}[::-1]", "{0}.split()", "{0}.strip()", "{0}.title()",
           "{0}.capitalize()", "{0}.swapcase()", "list({0})", "''.join(sorted({0}))", "{0}[0]", "{0}[-1]", "{0}[1:]",
           "{0}[:-1]", "{0}.isdigit()", "{0}.isalpha()", "{0}.isupper()", "len(set({0}))", "({0} == {0}[::-1])",
           "''.join(dict.fromkeys({0}))", "int({0})", "{0}.replace(' ', '')", "dict(collections.Counter({0}))",
           "sum(letter in 'aeiouAEIOU' for letter in {0})", "''.join(letter for letter in {0} if letter not in 'aeiouAEIOU')",
           "sum(letter.isupper() for letter in {0})", "sum(letter.isdigit() for letter in {0})",
           "''.join(letter for letter in {0} if letter.isalpha())", "''.join(letter for letter in {0} if letter.isdigit())",
           "' '.join(word[::-1] for word in {0}.split())", "' '.join({0}.split()[::-1])",
           "''.join(word[0] for word in {0}.split())", "max({0}.split(), key=len)", "[int(part) for part in {0}.split()]")),
    ("s s", ("({0} + {1})", "{0}.count({1})", "{0}.split({1})", "({1} in {0})", "({0} == {1})", "{0}.startswith({1})",
             "{0}.endswith({1})", "{0}.replace({1}, '')", "(sorted({0}) == sorted({1}))", "{0}.find({1})")),
    ("s i", ("{0}[{1}]", "{0}[:{1}]", "{0}[{1}:]", "({0} * {1})")),
    ("s Ls", ("{0}.join({1})",)),
)  # fmt: skip
_LISTS = (
    ("L", ("len({0})", "{0}[::-1]", "{0}[0]", "{0}[-1]", "{0}[1:]", "{0}[:-1]", "list(dict.fromkeys({0}))", "len(set({0}))",
           "sorted({0})", "sorted({0}, reverse=True)", "sorted(set({0}))", "{0}[::2]", "{0}[1::2]", "max({0})", "min({0})",
           "max({0}, key={0}.count)", "dict(collections.Counter({0}))", "({0} == {0}[::-1])", "({0} == sorted({0}))",
           "tuple({0})", "({0} == [])", "max(collections.Counter({0}).values())")),
    ("L x", ("{0}.count({1})", "({1} in {0})", "{0}.index({1})", "[item for item in {0} if item != {1}]")),
    ("L L", ("({0} + {1})", "[item for item in {0} if item in {1}]", "[item for item in {0} if item not in {1}]",
             "[list(pair) for pair in zip({0}, {1})]", "list(zip({0}, {1}))")),
    ("L i", ("{0}[{1}]", "{0}[:{1}]", "{0}[{1}:]", "({0}[{1}:] + {0}[:{1}])", "({0} * {1})")),
    ("Ln", ("sum({0})", "math.prod({0})", "(sum({0}) / len({0}))", "statistics.median({0})", "(max({0}) - min({0}))",
            "list(itertools.accumulate({0}))", "[after - before for before, after in itertools.pairwise({0})]")),
    ("Ln Ln", ("[first + second for first, second in zip({0}, {1})]", "[first * second for first, second in zip({0}, {1})]",
               "sum(first * second for first, second in zip({0}, {1}))",
               "[first - second for first, second in zip({0}, {1})]")),
    ("Li", ("[item ** 2 for item in {0}]", "[item ** 3 for item in {0}]", "[item * 2 for item in {0}]",
            "[abs(item) for item in {0}]", "[item + 1 for item in {0}]", "[-item for item in {0}]",
            "[item for item in {0} if item % 2 == 0]", "[item for item in {0} if item % 2 == 1]",
            "[item for item in {0} if item > 0]", "[item for item in {0} if item < 0]", "[str(item) for item in {0}]",
            "[item % 2 == 0 for item in {0}]", "functools.reduce(math.gcd, {0})")),
    ("Li i", ("[item + {1} for item in {0}]", "[item * {1} for item in {0}]", "[item for item in {0} if item > {1}]",
              "[item for item in {0} if item < {1}]", "[item for item in {0} if item % {1} == 0]",
              "[item % {1} for item in {0}]")),
    ("Ls", ("[len(item) for item in {0}]", "[item.upper() for item in {0}]", "[item.lower() for item in {0}]",
            "[item[::-1] for item in {0}]", "[item[0] for item in {0}]", "[item.capitalize() for item in {0}]",
            "max({0}, key=len)", "min({0}, key=len)", "sorted({0}, key=len)", "''.join({0})", "[int(item) for item in {0}]",
            "[item for item in {0} if item]", "[item for item in {0} if item == item[::-1]]")),
    ("Ls i", ("[item for item in {0} if len(item) > {1}]", "[item for item in {0} if len(item) == {1}]")),
    ("LL", ("[item for part in {0} for item in part]", "[sum(part) for part in {0}]", "[len(part) for part in {0}]",
            "[list(part) for part in zip(*{0})]", "[max(part) for part in {0}]", "[part[::-1] for part in {0}]",
            "sum(sum(part) for part in {0})", "max({0}, key=len)")),
)  # fmt: skip
_TUPLES = (
    ("t", ("list({0})", "len({0})", "sum({0})", "max({0})", "min({0})",
           "{0}[::-1]", "tuple(sorted({0}))", "{0}[0]", "{0}[-1]")),
    ("t t", ("({0} + {1})", "tuple(first + second for first, second in zip({0}, {1}))")),
    ("d", ("list({0}.keys())", "list({0}.values())", "len({0})", "sum({0}.values())", "max({0}, key={0}.get)",
           "{{value: key for key, value in {0}.items()}}", "sorted({0})", "sorted({0}.items())")),
    ("d x", ("{0}.get({1})", "({1} in {0})")),
    ("b", ("(not {0})",)),
    ("b b", ("({0} and {1})", "({0} or {1})")),
)  # fmt: skip


def pieces() -> Sequence[Piece]:
    """Return every piece."""
    groups = (*_WHOLE, *_FLOATS, *_TEXTS, *_LISTS, *_TUPLES)
    return [_piece(takes, source) for takes, sources in groups for source in sources]


def fits(kind: str, wanted: str) -> bool:
    """Say whether an argument of `kind` may stand where a piece wants another: x is anything, L any list, Ln one of numbers."""
    if wanted == "x":
        return True
    if wanted == "L":
        return kind.startswith("L")
    if wanted == "Ln":
        return kind in ("L", "Li", "Lf")
    return kind == wanted or (kind == "L" and wanted.startswith("L"))
