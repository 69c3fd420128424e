"""The steps of quantities, shown by the working of mathematics: percentages, factors of units, ways to choose."""

import functools
import itertools
import math
from collections.abc import Iterable
from fractions import Fraction

from council.serving.compute.math.working import lines, operations
from council.serving.compute.quantities import measures, unit_table

formula = operations.formula


def together(*formulas: tuple[str, Fraction]) -> tuple[str, ...]:
    """Return the steps of several formulas with their results, or none where one has none."""
    parts = [formula(text, value) for text, value in formulas]
    return lines.kept(lambda: itertools.chain(*parts)) if all(parts) else ()


def amount(value: Fraction) -> str:
    """Return a number as a factor of a formula, as a decimal where that is exact."""
    return lines.wrapped(value, decimal=True)


def percent(rate: Fraction) -> str:
    """Return a rate of 0.15 as 15%."""
    return f"{amount(rate * 100)}%"


def conversion(measure: measures.Measure, unit: unit_table.Unit, value: Fraction) -> tuple[str, ...]:
    """Return the factors of both units to the base unit of their dimension, and the calculation with them."""
    source = measure.unit
    text = amount(measure.value) + ("" if source.factor == 1 else f"*{amount(source.factor)}")
    if shift := source.offset - unit.offset:
        text = f"({text} {'-' if shift < 0 else '+'} {amount(abs(shift))})"
    text += "" if unit.factor == 1 else f"/{amount(unit.factor)}"
    worked = formula(text, value)
    return (*(line for one in (source, unit) if (line := _factor(one))), *worked) if worked else ()


def motion(
    sign: str, one: measures.Measure, other: measures.Measure, value: Fraction, unit: unit_table.Unit
) -> tuple[str, ...]:
    """Return the steps of a speed, a distance or a time: both quantities in base units, and the result in `unit`."""
    text = f"{amount(one.base)}{sign}{amount(other.base)}" + ("" if unit.factor == 1 else f"/{amount(unit.factor)}")
    worked = formula(text, value)
    told = [line for each in (one.unit, other.unit, unit) if (line := _factor(each))]
    return (*dict.fromkeys(told), *worked) if worked else ()


def _factor(unit: unit_table.Unit) -> str:
    """Return what one of a unit is in its base unit; of the base unit nothing."""
    base = _bases().get(unit.dimension)
    if base is None or unit == base:
        return ""
    shift = f" + {lines.number(unit.offset, decimal=True)}" if unit.offset else ""
    shown = lines.number(unit.factor, decimal=True)
    if shift:
        return f"a number of {unit.name} is that number * {shown}{shift} in {base.name}"
    return f"{measures.named(Fraction(1), unit)} = {shown} {base.name}"


@functools.lru_cache(maxsize=1)
def _bases() -> dict[str, unit_table.Unit]:
    """Return the base unit of each dimension that has a symbol."""
    found: dict[str, unit_table.Unit] = {}
    for meanings in unit_table.SYMBOLS.values():
        for unit in meanings:
            if unit.factor == 1 and not unit.offset:
                found.setdefault(unit.dimension, unit)
    return found


def quotient(number: int, divisor: int) -> tuple[str, ...]:
    """Return a whole number as a multiple of another and a remainder."""
    return lines.kept(lambda: [operations.division(number, divisor)])


_SPELT_MAX = 8


def chosen(items: int, count: int, value: int) -> tuple[str, ...]:
    """Return the steps of the ways to choose `count` of `items` in any order."""
    few = min(count, items - count)
    name = f"C({items}, {count})"
    if not 0 < few <= _SPELT_MAX:
        return (name,)
    top, below = range(items, items - few, -1), range(few, 0, -1)
    text = f"({_product(top)})/({_product(below)})"
    between = f"{math.prod(top)}/{math.factorial(few)}"
    found = lines.kept(lambda: [lines.equal(text, between), lines.equal(between, str(value))])
    return (f"{name} = {text}", *found) if found else ()


def ordered(items: int, count: int, value: int, name: str = "") -> tuple[str, ...]:
    """Return the steps of the ways to choose `count` of `items` in order, which `name` names."""
    name = name or f"P({items}, {count})"
    if not 0 < count <= _SPELT_MAX:
        return (name,)
    text = _product(range(items, items - count, -1))
    found = lines.kept(lambda: [lines.equal(text, str(value))])
    return (f"{name} = {text}", *found) if found else ()


def _product(factors: Iterable[int]) -> str:
    return "*".join(map(str, factors))
