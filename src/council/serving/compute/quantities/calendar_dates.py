"""Dates in text. 03/04/2025 has two meanings and is refused with both; a date without a year is not read.

The calendar is the Gregorian one, from 1583, the first whole year that had it, to 9999.
"""

import datetime
import re

from council.serving.compute.quantities import stops
from council.serving.wording import number_words

YEAR_MIN = 1583
# Where English is spoken days before this one had another date, so the calendar is told with them.
SHARED_FROM = datetime.date(1752, 9, 14)
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_SHORT = {**{name[:3]: number for number, name in enumerate(MONTHS, 1)}, "sept": 9}
MONTH = "(?:" + "|".join((*MONTHS, "sept", *(name[:3] for name in MONTHS))) + r")\b\.?"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_WEEKDAY = r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,? )?"
RELATIVE = r"(?:today|tomorrow|yesterday|now)"
DATE = (
    rf"(?:\d{{4}}-\d{{1,2}}-\d{{1,2}}|{_WEEKDAY}(?:the )?{_DAY}(?: of)? {MONTH},? \d{{4}}"
    rf"|{_WEEKDAY}{MONTH} (?:the )?{_DAY},? \d{{4}}|\d{{1,2}}[/.]\d{{1,2}}[/.]\d{{4}}|{RELATIVE})"
)
# A day that comes every year: 4 July, Christmas.
_FEASTS = {
    "christmas": (12, 25), "christmas day": (12, 25), "christmas eve": (12, 24), "new year": (1, 1), "new year's": (1, 1),
    "new year's day": (1, 1), "new years": (1, 1), "new year's eve": (12, 31), "halloween": (10, 31),
    "valentine's day": (2, 14), "valentines day": (2, 14),
}  # fmt: skip
YEARLY = (
    rf"(?:(?:the )?{_DAY}(?: of)? {MONTH}|{MONTH} (?:the )?{_DAY}|"
    + "|".join(sorted(_FEASTS, key=len, reverse=True))
    + r")(?![\w,]| \d)"
)
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_DAY_FIRST = re.compile(rf"(?:the )?(\d{{1,2}})(st|nd|rd|th)?(?: of)? ({MONTH}),? (\d{{4}})", re.ASCII)
_MONTH_FIRST = re.compile(rf"({MONTH}) (?:the )?(\d{{1,2}})(st|nd|rd|th)?,? (\d{{4}})", re.ASCII)
_NUMERIC = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})", re.ASCII)
_NAMED = re.compile(r"((?:mon|tues|wednes|thurs|fri|satur|sun)day),? ")


def read(text: str, today: datetime.date | None) -> datetime.date:
    """Return the date in `text`. Raises PassOnError, or RefusedError where no or more than one day is meant."""
    text = " ".join(text.lower().split())
    if re.fullmatch(RELATIVE, text):
        if today is None:
            raise stops.PassOnError("the date of today is not known here")
        return today + datetime.timedelta(days={"tomorrow": 1, "yesterday": -1}.get(text, 0))
    weekday = _NAMED.match(text)
    if weekday:
        text = text[weekday.end() :]
    day = _plain(text)
    if weekday and day.strftime("%A").lower() != weekday[1]:
        raise stops.RefusedError(f"{shown(day)} is a {day:%A}. Check the date.")
    return day


def read_yearly(text: str) -> tuple[int, int]:
    """Return the month and the day of a date without a year. Raises PassOnError, or RefusedError where there is no such day."""
    text = " ".join(text.lower().split())
    if text in _FEASTS:
        return _FEASTS[text]
    # 2024 has every day that any year has.
    found = _plain(f"{text} 2024")
    return found.month, found.day


def following(yearly: tuple[int, int], day: datetime.date) -> datetime.date:
    """Return the first day of that date after `day`."""
    for year in range(day.year, day.year + 10):
        if yearly[1] <= month_days(year, yearly[0]) and datetime.date(year, *yearly) > day:
            return datetime.date(year, *yearly)
    raise stops.PassOnError("that day is too far off")


def _plain(text: str) -> datetime.date:
    if found := _ISO.fullmatch(text):
        return make(int(found[1]), int(found[2]), int(found[3]))
    if found := _DAY_FIRST.fullmatch(text):
        return _ordinal(int(found[4]), _month(found[3]), int(found[1]), found[2])
    if found := _MONTH_FIRST.fullmatch(text):
        return _ordinal(int(found[4]), _month(found[1]), int(found[2]), found[3])
    if found := _NUMERIC.fullmatch(text):
        first, second, year = int(found[1]), int(found[2]), int(found[3])
        if first == second or (first > 12 >= second):
            return make(year, second, first)
        if second > 12 >= first:
            return make(year, first, second)
        if max(first, second) <= 12 and min(first, second) >= 1:
            both = f"{shown(make(year, second, first))} or {shown(make(year, first, second))}"
            raise stops.RefusedError(f"{text} is {both}. Write the month as a word, or the date as YYYY-MM-DD.", text)
        return make(year, second, first)
    raise stops.PassOnError(f"{text[:40]} is not a date that I read")


def _month(word: str) -> int:
    word = word.rstrip(".")
    return MONTHS.index(word) + 1 if word in MONTHS else _SHORT[word]


def month(word: str) -> int:
    """Return the number of a month's name."""
    return _month(word.lower())


def _ordinal(year: int, number: int, day: int, suffix: str | None) -> datetime.date:
    if suffix and suffix != number_words.ordinal_ending(day):
        raise stops.PassOnError(f"{day}{suffix} is no ordinal")
    return make(year, number, day)


def make(year: int, number: int, day: int) -> datetime.date:
    """Return a date. Raises RefusedError where the calendar has none."""
    if not YEAR_MIN <= year <= 9999:
        raise stops.RefusedError(f"I read dates of the Gregorian calendar, from {YEAR_MIN} to 9999. Give one of those.")
    if not 1 <= number <= 12:
        raise stops.RefusedError(f"There is no month {number}. Check the date.")
    if not 1 <= day <= month_days(year, number):
        raise stops.RefusedError(f"{MONTHS[number - 1].title()} {year} has no day {day}. Check the date.")
    return datetime.date(year, number, day)


def is_leap(year: int) -> bool:
    """Return whether February has 29 days that year."""
    return (year % 4 == 0 and year % 100 != 0) or year % 400 == 0


def month_days(year: int, number: int) -> int:
    """Return how many days a month has."""
    if number == 2:
        return 29 if is_leap(year) else 28
    return 30 if number in (4, 6, 9, 11) else 31


def day_number(day: datetime.date) -> int:
    """Return days since 1 March of year 0, counted by our own rule: the check on `datetime`."""
    year, number = (day.year, day.month) if day.month > 2 else (day.year - 1, day.month + 12)
    months = (153 * (number - 3) + 2) // 5
    return 365 * year + year // 4 - year // 100 + year // 400 + months + day.day - 1


def shown(day: datetime.date) -> str:
    """Return a date that can be read in one way: 3 April 2025."""
    return f"{day.day} {MONTHS[day.month - 1].title()} {day.year}"
