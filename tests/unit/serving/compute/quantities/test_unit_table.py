"""Every unit of the table against pint, and every spelling against the table."""

from fractions import Fraction

import pint
import pytest

from council.serving.compute import quantities, results
from council.serving.compute.quantities import calendar_dates, unit_table

UNITS = {unit.name: unit for found in (*unit_table.SYMBOLS.values(), *unit_table.WORDS.values()) for unit in found}
REGISTRY = pint.UnitRegistry(non_int_type=Fraction)


@pytest.mark.parametrize("name", UNITS)
def test_pint_knows_the_same_factor(name: str) -> None:
    unit = UNITS[name]
    base = REGISTRY.Quantity(Fraction(7) * unit.pint_count, unit.pint).to(unit_table.BASES[unit.dimension])
    assert base.magnitude == 7 * unit.factor + unit.offset


def test_only_named_words_are_ambiguous() -> None:
    several = {word for word, found in unit_table.WORDS.items() if len(found) > 1}
    assert several == {
        "ton", "tons", "gallon", "gallons", "gal", "quart", "quarts", "pint", "pints", "fluid ounce", "fluid ounces", "fl oz",
        "horsepower", "hp",
    }  # fmt: skip
    assert all(len(found) == 1 for found in unit_table.SYMBOLS.values())


@pytest.mark.parametrize("word", ["cup", "cups", "cal", "KB", "month", "year", "mb", "gb", "kt", "nm2x", ""])
def test_units_that_mean_several_things_or_nothing_are_not_in_the_table(word: str) -> None:
    assert unit_table.find(word) == ()


def test_case_tells_bits_from_bytes_and_mega_from_milli() -> None:
    assert quantities.solve("8 Mb in MB") == quantities.solve("8 Mbit in MB")
    result = quantities.solve("8 Mb in MB")
    assert isinstance(result, results.Solved) and result.answer == "8 Mbit = 1 MB"
    assert isinstance(quantities.solve("8 mW in W"), results.PassedOn)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("8 Mbps in MB/s", "8 Mbit/s = 1 MB/s"),
        ("1 GB/s in Gbit/s", "1 GB/s = 8 Gbit/s"),
        ("10 ft / 10 s", "10 ft / 10 s = 1 ft/s"),
        ("7 days in weeks", "7 days = 1 week"),
    ],
)
def test_one_of_a_unit_loses_its_plural_and_never_its_second(asked: str, told: str) -> None:
    result = quantities.solve(asked)
    assert isinstance(result, results.Solved) and result.answer == told


def test_the_calendars_own_count_of_days_follows_the_gregorian_rule() -> None:
    number = calendar_dates.day_number(calendar_dates.make(1600, 1, 1))
    for year in range(1600, 2001):
        for month in range(1, 13):
            for day in range(1, calendar_dates.month_days(year, month) + 1):
                assert calendar_dates.day_number(calendar_dates.make(year, month, day)) == number
                number += 1
