"""Days of the week and of the year without a year: what day it will be, the next Christmas, ages, how many Mondays a month has.

Relative words take the day that the gateway sent, in UTC, and the reading names it.
"""

import datetime
from collections.abc import Sequence
from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import calendar_dates, frames, numbers, stops

_CHECK = "the days counted again by another rule of the calendar"
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WEEKDAY = "(" + "|".join(_WEEKDAYS) + ")"
_DAYS_MAX = 1_000_000_000


def weekday_after(match: frames.Match) -> results.Solved:
    """`If today is Wednesday, what day will it be in 100 days?`"""
    start = _WEEKDAYS.index(match["d"].title())
    given = match.groupdict()
    unit = given["unit"] or given["unit2"]
    count = numbers.read_count(given["n"] or given["n2"]) * (7 if unit.lower().startswith("week") else 1)
    if count > _DAYS_MAX:
        raise stops.RefusedError("I count at most a thousand million days. Ask for fewer.")
    way = (match["way"] or "").lower()
    back = way in ("ago", "before")
    end = (start + (-count if back else count)) % 7
    left = start
    for _ in range(count % 7):
        left = (left - 1) % 7 if back else (left + 1) % 7
    stops.require(left == end, "the days after whole weeks, one by one")
    reading = f"the day of the week {count} day{'' if count == 1 else 's'} {'before' if back else 'after'} a {_WEEKDAYS[start]}"
    return frames.solved(
        f"{reading} = {_WEEKDAYS[end]}", reading, "whole weeks left out, the rest counted day by day", _WEEKDAYS[end]
    )


def weekdays_in(match: frames.Match) -> results.Solved:
    """How many Mondays a month or a year has."""
    wanted, year = _WEEKDAYS.index(match["d"].title()), int(match["year"])
    calendar_dates.make(year, 1, 1)
    named = match.groupdict().get("month")
    numbers_of = [calendar_dates.month(named)] if named else list(range(1, 13))
    days = [
        datetime.date(year, number, day)
        for number in numbers_of
        for day in range(1, calendar_dates.month_days(year, number) + 1)
    ]
    count = sum(day.weekday() == wanted for day in days)
    last = calendar_dates.day_number(days[-1])
    # Day numbers of Mondays leave 5 when divided by 7 (see `day_number`).
    again = (last + 2 - wanted) // 7 - (last - len(days) + 2 - wanted) // 7
    stops.require(count == again, "the weeks between the ends")
    when = f"{calendar_dates.MONTHS[numbers_of[0] - 1].title()} {year}" if named else str(year)
    reading = f"how many {_WEEKDAYS[wanted]}s {when} has"
    return frames.solved(f"{reading} = {count}", reading, _CHECK, Fraction(count))


def week_number(match: frames.Match, day: datetime.date) -> results.Solved:
    """The week of ISO 8601: weeks begin on Monday, and the first one has the year's first Thursday."""
    shown = calendar_dates.shown(day)
    if not match["iso"] and not match["iso2"]:
        raise stops.RefusedError(
            "Weeks are numbered in several ways. Ask for the ISO week, which begins on Monday.",
            f"the week number of {shown}",
        )
    year, week, _ = day.isocalendar()
    thursday = calendar_dates.day_number(day) - day.weekday() + 3
    stops.require(week == (thursday - calendar_dates.day_number(datetime.date(year, 1, 1))) // 7 + 1, "its Thursday")
    reading = f"the ISO 8601 week of {shown}"
    return frames.solved(f"{reading} = week {week} of {year}", reading, _CHECK, f"{year}-W{week:02d}")


def age(born: datetime.date, on: datetime.date, told: str) -> results.Solved:
    """Completed years, with the day that is counted to as `told`."""
    reading = f"completed years from {calendar_dates.shown(born)} to {told}"
    if born > on:
        raise stops.RefusedError("That day of birth lies after the day asked about. Check the dates.", reading)
    if (born.month, born.day) == (2, 29) and (on.month, on.day) == (2, 28) and not calendar_dates.is_leap(on.year):
        raise stops.PassOnError("whether a year is completed on 28 February is not clear")
    years = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    stops.require(_anniversary(born, years) <= on < _anniversary(born, years + 1), "the birthdays around that day")
    return frames.solved(f"{reading} = {years}", reading, "the birthdays before and after that day", Fraction(years))


def _anniversary(born: datetime.date, years: int) -> datetime.date:
    if (born.month, born.day) == (2, 29) and not calendar_dates.is_leap(born.year + years):
        return datetime.date(born.year + years, 3, 1)
    return datetime.date(born.year + years, born.month, born.day)


def apart(first: datetime.date, last: datetime.date, unit: str, named: Sequence[str]) -> results.Solved:
    """Whole months or years between two dates, and what is left."""
    if last < first:
        raise stops.PassOnError("the second day lies before the first")
    if first.day > 28:
        raise stops.PassOnError("months from a day that not every month has are counted in several ways")
    months = (last.year - first.year) * 12 + last.month - first.month - (last.day < first.day)
    whole = first.year * 12 + first.month - 1 + months
    reached = datetime.date(whole // 12, whole % 12 + 1, first.day)
    days = (last - reached).days
    stops.require(
        0 <= days == calendar_dates.day_number(last) - calendar_dates.day_number(reached)
        and days < calendar_dates.month_days(reached.year, reached.month),
        "the days after the last whole month",
    )
    parts = [(months // 12, "year"), (months % 12, "month"), (days, "day")] if unit == "years" else [
        (months, "month"), (days, "day")
    ]  # fmt: skip
    shown = [f"{count} {name}{'' if count == 1 else 's'}" for count, name in parts if count]
    said = f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else shown[0] if shown else f"0 {unit}"
    reading = f"from {named[0]} to {named[1]}"
    return frames.solved(f"{reading} = {said}", f"{unit} {reading}", _CHECK, f"{months} months {days} days")


def between_yearly(match: frames.Match) -> results.Solved:
    """`How many days from March 1 to April 1?`: answered where every year has the same number."""
    first, last = calendar_dates.read_yearly(match["a"]), calendar_dates.read_yearly(match["b"])
    if first == last:
        raise stops.PassOnError("no days or a whole year may be meant")
    counts = set()
    for year in (2023, 2024, 2025):  # With a 29 February behind, in and before the span.
        if first[1] > calendar_dates.month_days(year, first[0]):
            raise stops.RefusedError("Not every year has that day. Name the year of each.")
        start = datetime.date(year, *first)
        counts.add((calendar_dates.following(last, start) - start).days)
    shown = f"from {match['a']} to the next {match['b']}"
    if len(counts) > 1:
        least, most = sorted(counts)
        raise stops.RefusedError(f"Those are {least} days, or {most} over a 29 February. Name the year of each.", shown)
    days = counts.pop()
    lengths = [28 if number == 2 else calendar_dates.month_days(2023, number) for number in range(1, 13)]
    walked, (month, day) = 0, first
    while (month, day) != last:
        walked, day = walked + 1, day + 1
        if day > lengths[month - 1]:
            month, day = month % 12 + 1, 1
    stops.require(walked == days, "the days one by one")
    answer = f"{shown} = {days} days ({days + 1} if both days are counted)"
    return frames.solved(
        answer, f"days {shown}", "counted day by day, in years with and without a 29 February", f"{days} days"
    )


_Y = calendar_dates.YEARLY
_COUNT = rf"(?P<n>{numbers.COUNT}) (?P<unit>days?|weeks?)"
_WHAT = r"(what|which) (day|day of the week|weekday)"
_ARE = r"(are there |are |were there |were |does |will there be )?"
FRAMES = [
    *frames.frames(
        weekday_after,
        (
            rf"if (today is|it is|today is a) (?P<d>{_WEEKDAY})( today)?[,;]? {_WHAT} "
            rf"(will it be|will be|is it|is) (?P<way>)(in {_COUNT}|(?P<n2>{numbers.COUNT}) (?P<unit2>days?|weeks?) "
            r"(from (now|today)|later))"
        ),
        (
            rf"(if )?today is (a )?(?P<d>{_WEEKDAY})[.,;]? {_WHAT} (was it|was|is it) "
            rf"{_COUNT} (?P<way>ago)"
        ),
        rf"{_WHAT} (is|comes|falls|will it be) {_COUNT} (?P<way>after|before) (a )?(?P<d>{_WEEKDAY})",
    ),
    *frames.frames(
        weekdays_in,
        rf"how many (?P<d>{_WEEKDAY})s {_ARE}(in )?(?P<month>{calendar_dates.MONTH})( of)? (?P<year>\d{{4}})( have)?",
        rf"how many (?P<d>{_WEEKDAY})s {_ARE}(in )?(the year )?(?P<year>\d{{4}})( have)?",
    ),
    *frames.frames(
        between_yearly,
        (
            rf"(how many|the number of|number of) days (are there |are |is it |is )?(between|from) (?P<a>{_Y}) "
            rf"(and|to|until|till) (?P<b>{_Y})"
        ),
    ),
]
