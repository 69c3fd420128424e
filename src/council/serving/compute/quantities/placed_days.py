"""Days told by their place: the first Monday of a month, the 100th day of a year, the day after tomorrow of a made-up today."""

import datetime
from collections.abc import Callable, Sequence
from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import calendar_dates, frames, stops
from council.serving.wording import number_words

_CHECK = "the days counted again by another rule of the calendar"
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PLACES = number_words.ordinals(1, 5)
_AROUND = {"the day before yesterday": -2, "yesterday": -1, "today": 0, "tomorrow": 1, "the day after tomorrow": 2}


def _weekday_of_month(match: frames.Match) -> results.Solved:
    """`first Monday of September 2025`."""
    wanted, place = _WEEKDAYS.index(match["d"].title()), match["place"].lower()
    year, number = int(match["year"]), calendar_dates.month(match["month"])
    first = calendar_dates.make(year, number, 1)
    days = [first.replace(day=day) for day in range(1, calendar_dates.month_days(year, number) + 1)]
    found = [day for day in days if day.weekday() == wanted]
    count = _PLACES.get(place) or (len(found) if place == "last" else int(place[0]))
    month = f"{calendar_dates.MONTHS[number - 1].title()} {year}"
    word = "last" if place == "last" else list(_PLACES)[count - 1]
    reading = f"the {word} {_WEEKDAYS[wanted]} of {month}"
    if count > len(found):
        raise stops.RefusedError(
            f"{month} has only {len(found)} {_WEEKDAYS[wanted]}s. Ask for an earlier one.", reading
        )
    day = found[count - 1]
    # Day numbers of Mondays leave 5 when divided by 7 (see `day_number`); so many weeks lie between it and an end of the month.
    stops.require((calendar_dates.day_number(day) + 2) % 7 == wanted, "the day of the week")
    held = (day.day - 1) // 7 + 1 == count if place != "last" else day.day + 7 > len(days)
    stops.require(held, "the weeks before it")
    return frames.solved(f"{reading} = {calendar_dates.shown(day)}", reading, _CHECK, day.isoformat())


def _day_of_year(day: datetime.date, shown: str) -> results.Solved:
    number = day.timetuple().tm_yday
    stops.require(
        number == calendar_dates.day_number(day) - calendar_dates.day_number(datetime.date(day.year, 1, 1)) + 1,
        "the days since 1 January",
    )
    reading = f"the number of {shown} in its year, 1 January being 1"
    return frames.solved(f"{reading} = {number}", reading, _CHECK, Fraction(number))


def _dated(match: frames.Match) -> results.Solved:
    """`What is the 100th day of 2024?`"""
    number, year = int(match["n"]), int(match["year"])
    if match["ending"].lower() != number_words.ordinal_ending(number):
        raise stops.PassOnError(f"{match['n']}{match['ending']} is no ordinal")
    first = calendar_dates.make(year, 1, 1)
    reading = f"the {number}{match['ending'].lower()} day of {year}"
    if not 1 <= number <= (366 if calendar_dates.is_leap(year) else 365):
        raise stops.RefusedError(f"{year} has no day {number}. Check the number.", reading)
    day = first + datetime.timedelta(days=number - 1)
    stops.require(calendar_dates.day_number(day) - calendar_dates.day_number(first) == number - 1, "the days")
    return frames.solved(f"{reading} = {calendar_dates.shown(day)}", reading, _CHECK, day.isoformat())


def _around_today(match: frames.Match) -> results.Solved:
    """`If yesterday was Monday, what day is tomorrow?`"""
    told, asked = (_AROUND[" ".join((match[name] or "today").lower().split())] for name in ("told", "asked"))
    given = _WEEKDAYS.index(match["d"].title())
    place = (given + asked - told) % 7
    walked = given
    for _ in range(abs(asked - told)):
        walked = (walked + (1 if asked > told else 6)) % 7
    stops.require(walked == place, "the days one by one")
    names = {value: name for name, value in _AROUND.items()}
    reading = f"the day of the week of {names[asked]}, where {names[told]} is a {_WEEKDAYS[given]}"
    return frames.solved(f"{reading} = {_WEEKDAYS[place]}", reading, "counted day by day", _WEEKDAYS[place])


_WEEKDAY = "(" + "|".join(_WEEKDAYS) + ")"
_PLACE = rf"(?P<place>{'|'.join(_PLACES)}|last|1st|2nd|3rd|4th|5th)"
_WHEN = r"((when|what date|what day|which date|on what date|on which date) (is|was|will be|does|did) |<ask>)(the )?"
_PAST, _NEXT = "(the day before )?yesterday", "(the day after )?tomorrow"
_DAY = r"(what|which) (day|weekday|day of the week)"


def _told_and_asked() -> list[str]:
    """Return every pair of a day told and a day asked for, each with the verb of its time."""
    told = [rf"(?P<told>{_PAST}) was", "(?P<told>today) is", rf"(?P<told>{_NEXT}) (is|will be)"]
    asked = [
        rf"{_DAY} was( it)? (?P<asked>{_PAST})", rf"what was (?P<asked>{_PAST})", rf"{_DAY} is (it )?(?P<asked>today)",
        "what is (?P<asked>today)", rf"{_DAY} (is|will be|is it|will it be) (?P<asked>{_NEXT})",
        rf"{_DAY} will (?P<asked>{_NEXT}) be",
        rf"what (is|will be) (?P<asked>{_NEXT})",
    ]  # fmt: skip
    return [rf"(if )?{one} (a )?(?P<d>{_WEEKDAY})[.,;]? (then )?{other}" for one in told for other in asked]


_ALWAYS = [
    *frames.frames(
        _weekday_of_month,
        rf"{_WHEN}{_PLACE} (?P<d>{_WEEKDAY}) (of|in) (?P<month>{calendar_dates.MONTH}),? (?P<year>\d{{4}})( fall)?",
    ),
    *frames.frames(
        _dated,
        (
            r"(<ask>|(what|which) (date|day) (is|was) )the (?P<n>\d{1,3})(?P<ending>st|nd|rd|th) day (of|in) (the year )?"
            r"(?P<year>\d{4})"
        ),
    ),
    *frames.frames(_around_today, *_told_and_asked()),
]


def frames_of(day: Callable[[str], datetime.date], named: Callable[[str], str]) -> Sequence[frames.Frame]:
    """Return the frames, where `day` reads a date and `named` shows it."""

    def day_of_year(match: frames.Match) -> results.Solved:
        return _day_of_year(day(match["date"]), named(match["date"]))

    date = rf"(?P<date>{calendar_dates.DATE})"
    return (
        *_ALWAYS,
        *frames.frames(
            day_of_year,
            rf"(what|which) (number )?day (number )?(of|in) the year (is|was) {date}",
            rf"<ask>(the )?day (number )?(of|in) the year (of|for) {date}",
            rf"{date} is (what|which) day of the year",
        ),
    )
