"""Lengths, areas and volumes of simple shapes whose sides are all in lengths, or all in plain numbers.

A question names what is asked, a shape, and what is given of it, each with its label; the labels choose the formula. Every
value is found again by a second formula, and units by the registry.
"""

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import frames, measures, numbers, stops, unit_table

_CHECK = "found again by a second formula"
_UNITS_CHECK = "found again by a second formula, and its unit by pint's factors"
# Enough digits of pi for every answer shown; the exact value is given as a multiple of it.
_PI = Fraction(31415926535897932384626433832795, 10**31)
_Compute = Callable[..., Fraction]


@dataclass(frozen=True, slots=True)
class _Formula:
    """`value` and `again` are two ways to the same: the answer, with `pi` a part of pi, with `root` the answer's square."""

    power: int
    value: _Compute
    again: _Compute
    pi: bool = False
    root: bool = False


def _heron(a: Fraction, b: Fraction, c: Fraction) -> Fraction:
    half = (a + b + c) / 2
    return half * (half - a) * (half - b) * (half - c)


def _by_cosines(a: Fraction, b: Fraction, c: Fraction) -> Fraction:
    return (4 * a * a * b * b - (a * a + b * b - c * c) ** 2) / 16


def _product(a: Fraction, b: Fraction) -> Fraction:
    return a * b


def _by_squares(a: Fraction, b: Fraction) -> Fraction:
    return ((a + b) ** 2 - (a - b) ** 2) / 4


_PAIR = _Formula(2, _product, _by_squares)
_AROUND = _Formula(1, lambda a, b: 2 * (a + b), lambda a, b: a + b + a + b)
_HALF = _Formula(2, lambda a, b: a * b / 2, lambda a, b: _by_squares(a, b) * Fraction(1, 2))
_SLANT = _Formula(1, lambda a, b: a * a + b * b, lambda a, b: (a + b) ** 2 - 2 * a * b, root=True)
_CIRCLE = _Formula(2, lambda r: r * r, lambda r: 2 * r * r / 2, pi=True)
_SUM = _Formula(1, lambda a, b, c: a + b + c, lambda a, b, c: c + b + a)
# The labels of what is given, in the order of the formula's arguments. A diameter counts as the radius that is half of it.
_FORMULAS: dict[tuple[str, str], dict[tuple[str, ...], _Formula]] = {
    ("area", "rectangle"): {("side", "side"): _PAIR},
    ("perimeter", "rectangle"): {("side", "side"): _AROUND},
    ("diagonal", "rectangle"): {("side", "side"): _SLANT},
    ("area", "square"): {("side",): _Formula(2, lambda a: a * a, lambda a: _by_squares(a, a))},
    ("perimeter", "square"): {("side",): _Formula(1, lambda a: 4 * a, lambda a: a + a + a + a)},
    ("diagonal", "square"): {("side",): _Formula(1, lambda a: 2 * a * a, lambda a: (2 * a) ** 2 - 2 * a * a, root=True)},
    ("volume", "box"): {
        ("side", "side", "side"): _Formula(3, lambda a, b, c: a * b * c, lambda a, b, c: c * _by_squares(a, b))
    },
    ("surface area", "box"): {
        ("side", "side", "side"): _Formula(
            2, lambda a, b, c: 2 * (a * b + b * c + c * a), lambda a, b, c: (a + b + c) ** 2 - a * a - b * b - c * c
        )
    },
    ("volume", "cube"): {("side",): _Formula(3, lambda a: a**3, lambda a: a * _by_squares(a, a))},
    ("surface area", "cube"): {("side",): _Formula(2, lambda a: 6 * a * a, lambda a: (3 * a) ** 2 - 3 * a * a)},
    ("area", "triangle"): {
        ("base", "height"): _HALF,
        ("side", "side", "side"): _Formula(2, _heron, _by_cosines, root=True),
    },
    ("perimeter", "triangle"): {("side", "side", "side"): _SUM},
    ("area", "right triangle"): {("leg", "leg"): _HALF, ("base", "height"): _HALF},
    ("hypotenuse", "right triangle"): {("leg", "leg"): _SLANT, ("side", "side"): _SLANT, ("base", "height"): _SLANT},
    ("hypotenuse", "triangle"): {("leg", "leg"): _SLANT},
    ("other leg", "right triangle"): {
        ("hypotenuse", "leg"): _Formula(
            1, lambda c, a: (c - a) * (c + a), lambda c, a: c * c - a * a, root=True
        )
    },
    ("area", "equilateral triangle"): {
        ("side",): _Formula(2, lambda a: 3 * a**4 / 16, lambda a: _heron(a, a, a), root=True)
    },
    ("perimeter", "equilateral triangle"): {("side",): _Formula(1, lambda a: 3 * a, lambda a: a + a + a)},
    ("area", "parallelogram"): {("base", "height"): _PAIR},
    ("area", "trapezoid"): {
        ("base", "base", "height"): _Formula(
            2, lambda a, b, h: (a + b) / 2 * h, lambda a, b, h: a * h / 2 + b * h / 2
        )
    },
    ("area", "circle"): {("radius",): _CIRCLE},
    ("circumference", "circle"): {("radius",): _Formula(1, lambda r: 2 * r, lambda r: r + r, pi=True)},
    ("volume", "sphere"): {
        ("radius",): _Formula(3, lambda r: r**3 * Fraction(4, 3), lambda r: (2 * r) ** 3 / 6, pi=True)
    },
    ("surface area", "sphere"): {("radius",): _Formula(2, lambda r: 4 * r * r, lambda r: (2 * r) ** 2, pi=True)},
    ("volume", "cylinder"): {
        ("radius", "height"): _Formula(3, lambda r, h: r * r * h, lambda r, h: (2 * r) ** 2 * h / 4, pi=True)
    },
    ("surface area", "cylinder"): {
        ("radius", "height"): _Formula(2, lambda r, h: 2 * r * (r + h), lambda r, h: r * r + 2 * r * h + r * r, pi=True)
    },
    ("volume", "cone"): {
        ("radius", "height"): _Formula(3, lambda r, h: r * r * h / 3, lambda r, h: (2 * r) ** 2 * h / 12, pi=True)
    },
}  # fmt: skip
_SHAPES = {
    "rectangular prism": "box", "cuboid": "box", "tank": "box", "garden": "rectangle", "field": "rectangle",
    "right-angled triangle": "right triangle", "right angled triangle": "right triangle", "trapezium": "trapezoid",
    "ball": "sphere",
}  # fmt: skip
# These may be several of one shape; every other label stands once.
_SEVERAL = ("side", "edge", "leg", "base", "parallel side")
# What a label is called in the formulas of a shape; other labels keep their name.
_MEANT = {
    "rectangle": dict.fromkeys(("length", "width", "height", "base"), "side"),
    "square": {"length": "side", "edge": "side"},
    "box": dict.fromkeys(("length", "width", "height", "depth", "edge"), "side"),
    "cube": {"length": "side", "edge": "side"},
    "trapezoid": {"parallel side": "base"},
    "cylinder": {"length": "height"},
}
_LABELS = {
    "radii": "radius", "legs": "leg", "sides": "side", "edges": "edge", "bases": "base", "side lengths": "side",
    "side length": "side", "edge length": "edge", "parallel sides": "parallel side", "leg lengths": "leg", "long": "length",
    "wide": "width", "high": "height", "tall": "height", "deep": "depth", "breadth": "width",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Side:
    label: str
    value: Fraction
    shown: str


def _length_words() -> str:
    """Return the spellings of every unit of length, longest first."""
    found = {
        word
        for table in (unit_table.SYMBOLS, unit_table.WORDS)
        for word, units in table.items()
        if len(units) == 1 and units[0].dimension == "length"
    }
    return "|".join(re.escape(word) for word in sorted(found, key=lambda word: (-len(word), word)))


_ONE = rf"{numbers.LEADING}(?:\s?(?:{_length_words()})(?![a-z]))?"
_LENGTH = rf"{_ONE}(?: {_ONE})?"
_LABEL = (
    r"side lengths?|edge length|leg lengths|parallel sides|radius|diameter|height|width|breadth|length|depth|sides?|"
    r"edges?|legs?|bases?|hypotenuse"
)
_VALUES = rf"{_LENGTH}(?:(?:, and | and |, ){_LENGTH}(?! (?:long|wide|high|tall|deep))){{0,2}}"
_NAMED = rf"(?:an? |the |its |two )?(?:{_LABEL}) (?:of |is |are |= ?|equal to )?(?:length )?{_VALUES}"
_SIZED = rf"{_LENGTH} (?:long|wide|high|tall|deep)"
_GIVEN = rf"(?:{_NAMED}|{_SIZED})(?:(?:, and | and |, )(?:{_NAMED}|{_SIZED})){{0,2}}"
_PIECE = re.compile(
    rf"(?:(?:an? |the |its |two )?(?P<label>{_LABEL}) (?:of |is |are |= ?|equal to )?(?:length )?(?P<values>{_VALUES})"
    rf"|(?P<value>{_LENGTH}) (?P<way>long|wide|high|tall|deep))",
    re.IGNORECASE | re.ASCII,
)
_PART = re.compile(rf"({numbers.LEADING})\s?([^\d\s]*(?: mile| miles)?)", re.IGNORECASE | re.ASCII)
_SPLIT = re.compile(r", and | and |, | by | x ", re.IGNORECASE)


def _labelled(text: str) -> list[tuple[str, str]]:
    """Return (label, length as written) for each length in the words of a question."""
    found = []
    for piece in _PIECE.finditer(text):
        label = (piece["label"] or piece["way"]).lower()
        label = _LABELS.get(label, label)
        found += [(label, value) for value in _SPLIT.split(piece["values"] or piece["value"])]
    return found


def _sides(given: Sequence[tuple[str, str]]) -> tuple[list[_Side], unit_table.Unit | None]:
    """Return the sides in the unit of the first one. A unit at the end alone is that of all: 3 by 4 m."""
    bare = [re.fullmatch(numbers.LEADING, text) is not None for _, text in given]
    if all(bare):
        return [_Side(label, numbers.read(text), text) for label, text in given], None
    last = _PART.fullmatch(given[-1][1])
    if all(bare[:-1]) and last:
        given = [*((label, f"{text} {last[2]}") for label, text in given[:-1]), given[-1]]
    elif any(bare):
        raise stops.PassOnError("only some of the lengths have a unit")
    found = [measures.single(text, "length") for _, text in given]
    unit = found[0].unit
    return [
        _Side(label, measures.convert(one, unit), one.shown) for (label, _), one in zip(given, found, strict=True)
    ], unit


def _shape(match: frames.Match) -> results.Solved:
    given = match.groupdict()
    what = " ".join(match["what"].lower().split())
    what = {"surface": "surface area", "length of the hypotenuse": "hypotenuse", "missing leg": "other leg"}.get(
        what, what
    )
    named: Sequence[tuple[str, str]]
    if given.get("by"):
        named = [("side", text) for text in _SPLIT.split(given["by"])]
    elif given.get("label"):
        label = given["label"].lower()
        named = [(_LABELS.get(label, label), given["side"])]
    else:
        named = _labelled(match["given"])
    sides, unit = _sides(named)
    return _computed(what, _shape_meant(match["shape"].lower(), what, sides), sides, unit)


def _shape_meant(shape: str, what: str, sides: Sequence[_Side]) -> str:
    """Return the shape of the formulas. A room or a rectangular thing is flat or a box, by what is asked of it."""
    if shape != "room" and (shape in _SHAPES or not shape.startswith("rectangular")):
        return _SHAPES.get(shape, shape)
    if what in ("volume", "surface area"):
        return "box"
    if any(side.label in ("height", "depth") for side in sides):
        raise stops.PassOnError("the floor or a wall may be meant")
    return "rectangle"


def _computed(what: str, shape: str, sides: Sequence[_Side], unit: unit_table.Unit | None) -> results.Solved:
    once = [side.label for side in sides if side.label not in _SEVERAL]
    if len(set(once)) < len(once):
        raise stops.PassOnError("one of the lengths is given twice")
    article = "an" if shape[0] == "e" else "a"
    closed = "closed " if (what, shape) == ("surface area", "cylinder") else ""
    reading = f"the {what} of {article} {closed}{shape} of {_listed(sides)}"
    meant = _MEANT.get(shape, {})
    left = [
        ("radius", side.value / 2) if side.label == "diameter" else (meant.get(side.label, side.label), side.value)
        for side in sides
    ]
    for labels, formula in _FORMULAS.get((what, shape), {}).items():
        if sorted(labels) == sorted(label for label, _ in left):
            ordered = sorted(left, key=lambda pair: labels.index(pair[0]))
            values = [value for _, value in ordered]
            if labels == ("side", "side", "side") and shape == "triangle" and _heron(*values) <= 0:
                raise stops.RefusedError("No triangle has those sides. Check them.", reading)
            return _answer(reading, formula, values, unit)
    raise stops.PassOnError(f"I do not find the {what} of {article} {shape} from what is given")


def _listed(sides: Sequence[_Side]) -> str:
    """Return `sides 3, 4 and 5`, `radius 2 and height 5`."""
    parts = []
    for label, group in itertools.groupby(sides, lambda side: side.label):
        shown = [side.shown for side in group]
        several = f"{', '.join(shown[:-1])} and {shown[-1]}"
        parts.append(f"{label} {shown[0]}" if len(shown) == 1 else f"{label}s {several}")
    return " and ".join(parts)


def _answer(
    reading: str, formula: _Formula, values: Sequence[Fraction], unit: unit_table.Unit | None
) -> results.Solved:
    if any(value == 0 for value in values):
        raise stops.RefusedError("A length of zero makes no shape. Give lengths above zero.", reading)
    value = formula.value(*values)
    stops.require(value == formula.again(*values), reading)
    if value <= 0:
        raise stops.RefusedError("No triangle has those sides. Check them.", reading)
    name = ""
    if unit:
        name = f" {unit.name}{['', '', chr(0xB2), chr(0xB3)][formula.power]}"
        _require_unit(value, unit, formula)
    exact, shown = f"{value}", f"{numbers.text(value)}{name}"
    if formula.pi:
        exact, shown = f"{value} pi", f"{_multiple_of_pi(value)}{name}, about {numbers.about(value * _PI)}{name}"
    elif formula.root:
        rational = numbers.root(value)
        exact = str(rational) if rational is not None else f"sqrt({value})"
        shown = (
            f"{numbers.text(rational)}{name}"
            if rational is not None
            else f"sqrt({value}){name}, about {numbers.about(numbers.root_about(value))}{name}"
        )
    return frames.solved(f"{reading} = {shown}", reading, _UNITS_CHECK if unit else _CHECK, f"{exact}{name}")


def _multiple_of_pi(value: Fraction) -> str:
    if value == 1:
        return "pi"
    return f"{numbers.exact_decimal(value) or value} pi"


def _require_unit(value: Fraction, unit: unit_table.Unit, formula: _Formula) -> None:
    """Pass on where the registry has another idea of the unit of an area or volume."""
    if formula.power == 1:
        return
    target = unit_table.find(f"{unit.name}{['', '', chr(0xB2), chr(0xB3)][formula.power]}")
    if not target:
        raise stops.PassOnError(f"no unit of area or volume goes with {unit.name}")
    metres = unit_table.SYMBOLS[["", "", "m\N{SUPERSCRIPT TWO}", "m\N{SUPERSCRIPT THREE}"][formula.power]][0]
    whole = measures.convert(measures.Measure(value, target[0], "the value"), metres)
    stops.require(whole == value * unit.factor**formula.power, "the unit")


_WHAT = (
    r"(?P<what>surface area|area|perimeter|volume|circumference|diagonal|length of the hypotenuse|hypotenuse|other leg|"
    r"missing leg|surface)"
)
_SHAPE = (
    r"(?P<shape>rectangular prism|rectangular [a-z]+|rectangle|room|garden|field|square|box|cuboid|tank|cube|"
    r"equilateral triangle|right triangle|right[ -]angled triangle|triangle|parallelogram|trapezoid|trapezium|circle|sphere|"
    r"ball|cylinder|cone)"
)
_BY = rf"(?P<by>{_LENGTH}( by | x ){_LENGTH}(( by | x ){_LENGTH})?)"
_HAS = r"(of |with |that has |having |whose |that is |which is |if )"
_ITS = r"(what is|what are|find|calculate|compute|determine|work out) (its|the) "

FRAMES = frames.frames(
    _shape,
    rf"<ask>(the )?{_WHAT} of (an? |the )?{_SHAPE} (of |with |that is |which is |measuring )?{_BY}",
    rf"<ask>(the )?{_WHAT} of (an? |the )?{_SHAPE},? {_HAS}(?P<given>{_GIVEN})",
    rf"(an? |the |my )?{_SHAPE} (has|is|with|of) (?P<given>{_GIVEN})[.,;]? {_ITS}{_WHAT}( of the (?P=shape))?",
    rf"(an? |the |my )?{_SHAPE} (is|measures) {_BY}[.,;]? {_ITS}{_WHAT}( of the (?P=shape))?",
    (
        rf"(if )?the (?P<label>{_LABEL}) of (an? |the ){_SHAPE} (is|=) (?P<side>{_LENGTH})[.,;]? {_ITS}{_WHAT}"
        rf"( of the (?P=shape))?"
    ),
)
