"""Quantities in text: a number with a unit, or several as in 5 ft 3 in. An independent registry checks every factor."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from council.serving.compute.quantities import numbers, registry, stops, unit_table

CHECK = "pint, whose factors were written by others, gives exactly the same"
_WORD = r"[a-z\N{MICRO SIGN}\N{DEGREE SIGN}][^\s,?]{0,19}"
UNIT = rf"{_WORD}(?: (?!in |to |into |and |or |at |by |plus |minus ){_WORD}){{0,3}}?".replace(
    r"\N{MICRO SIGN}", "\N{MICRO SIGN}"
).replace(r"\N{DEGREE SIGN}", "\N{DEGREE SIGN}")
_AMOUNT = rf"(?:{numbers.SHARE}|{numbers.LEADING}|{numbers.WORD})"
QUANTITY = rf"-?{_AMOUNT}\s?{UNIT}(?:(?:,? and |, | ){_AMOUNT}\s?{UNIT}){{0,3}}?"
_PART = re.compile(
    rf"(-?{_AMOUNT})\s?([^\d\s,][^\s,]*(?: (?!and |{numbers.WORD} )[^\d\s,][^\s,]*)*)", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Measure:
    """A quantity. `value` is in `unit`; `base` in the base unit of its dimension; `shown` as it was written."""

    value: Fraction
    unit: unit_table.Unit
    shown: str

    @property
    def base(self) -> Fraction:
        """The value in the base unit."""
        return self.value * self.unit.factor + self.unit.offset


def named(value: Fraction, unit: unit_table.Unit) -> str:
    """Return a value with its unit, in the singular where the name is a word ("weeks", not "MB/s") and the value is one."""
    name = unit.name
    if value == 1 and name.endswith("s") and len(name) > 3 and "/" not in name:
        name = name[:-1]
    return f"{numbers.text(value)} {name}"


def units(text: str) -> tuple[unit_table.Unit, ...]:
    """Return the units that `text` may name. Raises PassOnError where there is none."""
    if text in unit_table.OF_TWO_SIZES:
        raise stops.RefusedError(f"{text} may be 1000 or 1024 bytes. Write kB for 1000 or KiB for 1024.", text)
    found = unit_table.find(text.removesuffix("."))
    if not found:
        raise stops.PassOnError(f"{text[:40]} is not a unit that I read")
    return found


def read(text: str) -> list[Measure]:
    """Return every meaning of the quantity in `text`: several where its unit is ambiguous. Raises PassOnError."""
    parts = _PART.findall(text)
    if not parts or _PART.sub("", text).replace("and", "").strip(" ,"):
        raise stops.PassOnError(f"{text[:40]} is not a quantity that I read")
    if len(parts) == 1:
        value = _number(parts[0][0])
        found = [Measure(value, unit, named(value, unit)) for unit in units(parts[0][1])]
        if value < 0 and found[0].unit.dimension != "temperature":
            raise stops.PassOnError("a negative quantity")
        return found
    return [_mixed([(_number(value), units(unit)) for value, unit in parts])]


def _number(text: str) -> Fraction:
    return -numbers.read_share(text[1:]) if text.startswith("-") else numbers.read_share(text)


def _mixed(parts: Sequence[tuple[Fraction, tuple[unit_table.Unit, ...]]]) -> Measure:
    if any(len(found) > 1 for _, found in parts):
        raise stops.PassOnError("one of its units has several meanings")
    pairs = [(value, found[0]) for value, found in parts]
    first = pairs[0][1]
    falling = all(large.factor > small.factor for (_, large), (_, small) in itertools.pairwise(pairs))
    if not falling or first.offset or any(unit.dimension != first.dimension or value < 0 for value, unit in pairs):
        raise stops.PassOnError("its parts do not make one quantity")
    base = sum((value * unit.factor for value, unit in pairs), Fraction(0))
    shown = " ".join(named(value, unit) for value, unit in pairs)
    return Measure(base / first.factor, first, shown)


def single(text: str, dimension: str) -> Measure:
    """Return the one meaning of a quantity of `dimension`. Raises PassOnError."""
    found = read(text)
    if len(found) > 1 or found[0].unit.dimension != dimension:
        raise stops.PassOnError(f"{text[:40]} is not one {dimension} that I read")
    return found[0]


def convert(measure: Measure, unit: unit_table.Unit) -> Fraction:
    """Return `measure` in another unit, agreed on by the registry. Raises RefusedError where it cannot be."""
    if unit.dimension != measure.unit.dimension:
        raise stops.RefusedError(
            f"{measure.shown} is {_a(measure.unit.dimension)}, {unit.name} measure {_a(unit.dimension)}. "
            f"Ask for a unit of {measure.unit.dimension}.",
            f"{measure.shown} in {unit.name}",
        )
    if unit.dimension == "temperature" and measure.base < 0:
        raise stops.RefusedError(f"{measure.shown} is below absolute zero. Check the number.", measure.shown)
    value = (measure.base - unit.offset) / unit.factor
    stops.require(value == _by_registry(measure, unit), f"{measure.shown} in {unit.name}")
    return value


def _a(dimension: str) -> str:
    return {
        "area": "an area",
        "energy": "an energy",
        "data": "an amount of data",
        "data rate": "a rate of data",
        "time": "a time",
    }.get(dimension, f"a {dimension}")


def _by_registry(measure: Measure, unit: unit_table.Unit) -> Fraction:
    return registry.convert(measure.value * measure.unit.pint_count, measure.unit.pint, unit.pint) / unit.pint_count
