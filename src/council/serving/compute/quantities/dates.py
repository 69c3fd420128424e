"""Days between dates, dates after durations, days of the week, leap years. Counted by `datetime` and again by our own rule.

Relative words take the day that the gateway sent, in UTC, and the reading names it.
"""

import datetime
import functools
import re
from collections.abc import Callable
from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import (
    calendar_dates,
    clock_times,
    frames,
    numbers,
    placed_days,
    recurring_days,
    stops,
    working,
)

_CHECK = "the days counted again by another rule of the calendar"
_SPAN_DAYS_MAX = 3_700_000
_Day = Callable[[str], datetime.date]


class _Asked:
    """The questions about dates, with the day that `today` means."""

    def __init__(self, today: datetime.date | None):
        self._today = today

    def _day(self, text: str) -> datetime.date:
        return calendar_dates.read(text, self._today)

    def _named(self, text: str) -> str:
        day = self._day(text)
        shown = calendar_dates.shown(day)
        if day < calendar_dates.SHARED_FROM:
            return f"{shown} (Gregorian calendar)"
        return f"{shown} ({text.lower()}, UTC)" if re.fullmatch(calendar_dates.RELATIVE, text.lower()) else shown

    def between(self, match: frames.Match) -> results.Solved:
        first, last = self._day(match["a"]), self._day(match["b"])
        unit = (match.groupdict().get("unit") or "days").lower()
        if last < first and "between" not in match[0].lower():
            raise stops.PassOnError("the second day lies before the first")
        days = abs((last - first).days)
        stops.require(days == abs(calendar_dates.day_number(last) - calendar_dates.day_number(first)), "the days")
        reading = f"from {self._named(match['a'])} to {self._named(match['b'])}"
        if unit == "weeks" and match.groupdict().get("both"):
            raise stops.PassOnError("it is not clear what both days add to a number of weeks")
        if unit == "weeks":
            weeks, left = divmod(days, 7)
            answer = f"{reading} = {weeks} weeks" + (f" and {left} days" if left else "")
            steps = (f"{reading} = {days} days", *working.quotient(days, 7))
            return frames.solved(answer, f"weeks {reading}", _CHECK, f"{weeks} weeks {left} days", *steps)
        if match.groupdict().get("both"):
            return frames.solved(
                f"{reading}, both days counted = {days + 1} days", f"days {reading}", _CHECK, f"{days + 1} days"
            )
        answer = f"{reading} = {days} days ({days + 1} if both days are counted)"
        return frames.solved(answer, f"days {reading}", _CHECK, f"{days} days")

    def until(self, match: frames.Match) -> results.Solved:
        first, last = self._day("today"), self._day(match["b"])
        days = (last - first).days
        if match["way"].lower().startswith("since"):
            days = -days
        if days < 0:
            raise stops.RefusedError(
                "That day lies the other way. Ask for the days since it or until it.", calendar_dates.shown(last)
            )
        stops.require(days == abs(calendar_dates.day_number(last) - calendar_dates.day_number(first)), "the days")
        reading = f"days between {self._named('today')} and {calendar_dates.shown(last)}"
        return frames.solved(f"{reading} = {days} days", reading, _CHECK, f"{days} days")

    def until_yearly(self, match: frames.Match) -> results.Solved:
        today, yearly = self._day("today"), calendar_dates.read_yearly(match["b"])
        if (today.month, today.day) == yearly:
            raise stops.PassOnError("that day is today")
        last = calendar_dates.following(yearly, today)
        days = (last - today).days
        stops.require(days == calendar_dates.day_number(last) - calendar_dates.day_number(today), "the days")
        reading = f"days between {self._named('today')} and {calendar_dates.shown(last)}"
        return frames.solved(f"{reading} = {days} days", reading, _CHECK, f"{days} days")

    def week_number(self, match: frames.Match) -> results.Solved:
        return recurring_days.week_number(match, self._day(match.groupdict().get("d") or "today"))

    def age(self, match: frames.Match) -> results.Solved:
        on = match.groupdict().get("on") or "today"
        return recurring_days.age(self._day(match["d"]), self._day(on), self._named(on))

    def apart(self, match: frames.Match) -> results.Solved:
        first, last = match["a"], match["b"]
        if match["kind"].lower() == "between" and self._day(last) < self._day(first):
            first, last = last, first
        named = (self._named(first), self._named(last))
        return recurring_days.apart(self._day(first), self._day(last), match["unit"].lower(), named)

    def after(self, match: frames.Match) -> results.Solved:
        told = match.groupdict().get("d") or "today"
        start = self._day(told)
        way = match["way"].lower()
        sign = -1 if way in ("before", "minus", "-", "prior to", "ago") else 1
        given = match.groupdict()
        count = numbers.read_count(given["n"]) if given["n"].lower() not in ("a", "an") else 1
        unit = match["unit"].lower().rstrip("s")
        reading = f"{self._named(told)} {'-' if sign < 0 else '+'} {count} {unit}{'' if count == 1 else 's'}"
        end = _moved(start, sign * count, unit, reading)
        answer = f"{reading} = {calendar_dates.shown(end)}, a {end:%A}"
        return frames.solved(answer, reading, _CHECK, end.isoformat())

    def weekday(self, match: frames.Match) -> results.Solved:
        day = self._day(match["d"])
        name = f"{day:%A}"
        stops.require(_WEEKDAYS[(calendar_dates.day_number(day) + 2) % 7] == name, "the day of the week")
        reading = f"the day of the week of {self._named(match['d'])}"
        return frames.solved(f"{reading} = {name}", reading, _CHECK, name)

    def date(self, match: frames.Match) -> results.Solved:
        word = (match.groupdict().get("d") or "today").lower()
        day = self._day(word)
        stops.require(_WEEKDAYS[(calendar_dates.day_number(day) + 2) % 7] == f"{day:%A}", "the day of the week")
        reading = f"the date of {word}, in UTC"
        return frames.solved(f"{reading} = {calendar_dates.shown(day)}, a {day:%A}", reading, _CHECK, day.isoformat())


_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _moved(start: datetime.date, count: int, unit: str, reading: str) -> datetime.date:
    if unit in ("day", "week"):
        days = count * (7 if unit == "week" else 1)
        if abs(days) > _SPAN_DAYS_MAX:
            raise stops.RefusedError("That leaves the calendar that I read. Ask for a shorter time.", reading)
        try:
            end = start + datetime.timedelta(days=days)
        except OverflowError as error:
            raise stops.RefusedError(
                "That leaves the calendar that I read. Ask for a shorter time.", reading
            ) from error
        stops.require(calendar_dates.day_number(end) - calendar_dates.day_number(start) == days, "the days")
    else:
        months = count * (12 if unit == "year" else 1)
        whole = start.year * 12 + start.month - 1 + months
        year, number = whole // 12, whole % 12 + 1
        if not calendar_dates.YEAR_MIN <= year <= 9999:
            raise stops.RefusedError("That leaves the calendar that I read. Ask for a shorter time.", reading)
        if start.day > calendar_dates.month_days(year, number):
            month = calendar_dates.MONTHS[number - 1].title()
            raise stops.RefusedError(
                f"{month} {year} has no day {start.day}. Ask in days, or for another start.", reading
            )
        end = datetime.date(year, number, start.day)
        stops.require(end.month == number and end.day == start.day, "the month")
    if end.year < calendar_dates.YEAR_MIN:
        raise stops.RefusedError("That leaves the calendar that I read. Ask for a shorter time.", reading)
    return end


def _leap(match: frames.Match) -> results.Solved:
    year = _year(match["year"])
    leap = calendar_dates.is_leap(year)
    february = (
        datetime.date(year, 3, 1) - datetime.date(year, 2, 1)
        if year < 9999
        else datetime.timedelta(days=29 if leap else 28)
    )
    stops.require((february.days == 29) == leap, "the days of February")
    reading = f"whether {year} is a leap year"
    answer = f"Yes, {year} is a leap year." if leap else f"No, {year} is not a leap year."
    return frames.solved(answer, reading, "the days of its February", "yes" if leap else "no")


def _year(text: str) -> int:
    year = int(text)
    calendar_dates.make(year, 1, 1)
    return year


def _days_in(match: frames.Match) -> results.Solved:
    year = _year(match["year"])
    named = match.groupdict().get("month")
    if named:
        number = calendar_dates.month(named)
        days = calendar_dates.month_days(year, number)
        first = datetime.date(year, number, 1)
        following = datetime.date(year + number // 12, number % 12 + 1, 1) if (year, number) != (9999, 12) else None
        stops.require(following is None or (following - first).days == days, "the days of the month")
        reading = f"the days of {calendar_dates.MONTHS[number - 1].title()} {year}"
    else:
        days = 366 if calendar_dates.is_leap(year) else 365
        stops.require(sum(calendar_dates.month_days(year, number) for number in range(1, 13)) == days, "the months")
        reading = f"the days of {year}"
    return frames.solved(f"{reading} = {days}", reading, _CHECK, Fraction(days))


_D = calendar_dates.DATE
_N = rf"(?P<n>{numbers.COUNT}|an?)"
_SOMEONE = r"(someone|somebody|a person|a man|a woman|a child)( who is| who was)?"
_UNIT = r"(?P<unit>days?|weeks?|months?|years?)"
_ALL_DAY = frames.frames(_leap, r"(is|was|will) (the year )?(?P<year>\d{4})( be)? a leap year") + frames.frames(
    _days_in,
    (
        rf"how many days (are there |are |were there |does |has |will there be )?(in )?(?P<month>{calendar_dates.MONTH})( "
        rf"of)? (?P<year>\d{{4}})( have)?"
    ),
    r"how many days (are there |are |were there |does )?(in )?(the year )?(?P<year>\d{4})( have)?",
)


@functools.lru_cache(maxsize=4)
def frames_on(today: datetime.date | None) -> tuple[frames.Frame, ...]:
    """Return the frames about dates and times, for the day that `today` means."""
    asked = _Asked(today)
    both = r"(?P<both>,? (inclusive|including both( days| dates)?|both (days )?included))?"
    return (
        *frames.frames(
            asked.between,
            (
                rf"how many (?P<unit>days|weeks) (are there |are |is it |were there )?(between|from) (?P<a>{_D}) "
                rf"(and|to|until|till) (?P<b>{_D}){both}"
            ),
            (
                rf"(<ask>)(the )?(number of )?(?P<unit>days|weeks) (between|from) (?P<a>{_D}) (and|to|until|"
                rf"till) (?P<b>{_D}){both}"
            ),
            rf"how long is it from (?P<a>{_D}) (to|until|till) (?P<b>{_D}) in (?P<unit>days|weeks){both}",
        ),
        *frames.frames(
            asked.until,
            rf"how many days (are there |are left |is it |have passed )?(?P<way>until|till|to|since) (?P<b>{_D})",
        ),
        *frames.frames(
            asked.after,
            (
                rf"(what|which) (date|day) (is|was|will be|comes|falls) (on )?{_N} {_UNIT} (?P<way>after|before|"
                rf"from|prior to) (?P<d>{_D})"
            ),
            rf"what (is|was|will be) the date {_N} {_UNIT} (?P<way>after|before|from|prior to) (?P<d>{_D})",
            rf"(<ask>){_N} {_UNIT} (?P<way>after|before|from) (?P<d>{_D})",
            rf"(<ask>)(?P<d>{_D}) (?P<way>plus|\+|minus|-) {_N} {_UNIT}",
            rf"add (?P<way>){_N} {_UNIT} to (?P<d>{_D})",
        ),
        *frames.frames(
            asked.weekday,
            (
                rf"(what|which) (day of the week|weekday) (is|was|will be|will|does|did) (it (on|be on) "
                rf")?(?P<d>{_D})( be| fall on)?"
            ),
            rf"(on )?(what|which) (day of the week|weekday|day) (does|did|will) (?P<d>{_D}) (fall( on)?|be)",
            rf"what day (is|was|will be) (?P<d>(?!today|now|tomorrow|yesterday){_D})",
            rf"(<ask>)the (day of the week|weekday) (of|on|for) (?P<d>{_D})",
        ),
        *frames.frames(
            asked.date,
            r"what( is)? (the |today's )?(date|day)( is it)? (?P<d>today|tomorrow|yesterday)",
            r"what (is|was|will be) (?P<d>today|tomorrow|yesterday)'s date",
            r"what (date|day|day of the week|weekday) is it( today| now)?",
            r"what is (the date|the current date)",
            r"what (date|day) (is|was|will be|will it be) (?P<d>today|tomorrow|yesterday)",
        ),
        *_ALL_DAY,
        *recurring_days.FRAMES,
        *placed_days.frames_of(asked._day, asked._named),
        *_more_frames(asked),
        *clock_times.FRAMES,
    )


def _more_frames(asked: _Asked) -> list[frames.Frame]:
    """Return the frames about what has no date of its own: the next Christmas, an age, a week, so long ago."""
    what, years_day = r"(what|which) (date|day|day of the week|weekday)", rf"(?P<b>{calendar_dates.YEARLY})"
    iso, iso2 = r"(?P<iso>iso )?(calendar )?week( number)?", r"(?P<iso2> (in|by|according to) iso( 8601)?)?"
    apart = rf"(?P<kind>between|from) (?P<a>{_D}) (and|to|until|till) (?P<b>{_D})"
    born, now = rf"born (on )?(?P<d>{_D})", r"( today| now)?"
    return [
        *frames.frames(
            asked.until_yearly,
            rf"how many days (are there |are left |is it |remain )?(until|till|to|before) (the next |next )?{years_day}",
            rf"how (long|many days) (is it |away is )?(until |till )?{years_day}( in days)?",
        ),
        *frames.frames(
            asked.week_number,
            rf"<ask>(the )?{iso} (of|for) (?P<d>{_D}){iso2}",
            rf"(which|what) {iso} (is|was) (?P<d>{_D})( in)?{iso2}",
            rf"(which|what) {iso} is it{now}{iso2}",
        ),
        *frames.frames(
            asked.age,
            rf"how old (is|will be|would be|was) {_SOMEONE} {born}( be)?( today| now| on (?P<on>{_D}))?",
            rf"how old am i if i was {born}",
            rf"(if )?i was {born}[.,;]? how old am i{now}",
            rf"(if )?(someone|a person|he|she) (is|was) {born}[.,;]? how old (is|are) (he|she|they){now}",
        ),
        *frames.frames(
            asked.apart,
            rf"how many (?P<unit>months|years) (are there |are |is it |were there |passed )?{apart}",
            rf"<ask>(the )?(number of )?(?P<unit>months|years) {apart}",
        ),
        *frames.frames(
            asked.after,
            rf"{what} (was it|was) {_N} {_UNIT} (?P<way>ago)",
            rf"{what} (will it be|is it|will be|is) (?P<way>in) {_N} {_UNIT}",
            rf"{what} (will it be|is it|will be|is) {_N} {_UNIT} (?P<way>from) (?P<d>now|today)",
            rf"<ask>the date (?P<way>in) {_N} {_UNIT}",
            rf"<ask>(the date )?{_N} {_UNIT} (?P<way>ago)",
        ),
    ]
