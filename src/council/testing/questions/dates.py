"""Dates and times. The keys come from walking a calendar of months, from one known Saturday on."""

import functools
import random

from council.testing.questions import amounts, families

_NAMES = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DAYS = ("Saturday", "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
_FIRST_YEAR, _YEARS = 1700, 500
_Day = tuple[int, int, int]


def _leap(year: int) -> bool:
    return year % 400 == 0 or (year % 4 == 0 and year % 100 != 0)


@functools.cache
def _calendar() -> tuple[list[_Day], dict[_Day, int]]:
    days = []
    for year in range(_FIRST_YEAR, _FIRST_YEAR + _YEARS):
        for month, length in enumerate(_LENGTHS, 1):
            longest = 29 if month == 2 and _leap(year) else length
            days += [(year, month, day) for day in range(1, longest + 1)]
    return days, {day: number for number, day in enumerate(days)}


def _written(chance: random.Random, day: _Day) -> str:
    year, month, number = day
    name = _NAMES[month - 1]
    suffix = "th" if 10 < number < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    forms = [f"{year}-{month:02d}-{number:02d}", f"{number} {name} {year}", f"{name} {number}, {year}",
             f"{number}{suffix} of {name} {year}",
             f"{name[:3]} {number}, {year}", f"{name} {number}{suffix}, {year}"]  # fmt: skip
    if number > 12:
        forms += [f"{number}/{month}/{year}", f"{month}/{number}/{year}", f"{number}.{month}.{year}"]
    return chance.choice(forms)


def _shown(day: _Day) -> str:
    return f"{day[2]} {_NAMES[day[1] - 1]} {day[0]}"


def _weekday(number: int) -> str:
    return _DAYS[(number - _calendar()[1][2000, 1, 1]) % 7]


def _between(chance: random.Random) -> families.Asked:
    days, _ = _calendar()
    first = chance.randrange(len(days) - 5000)
    count = chance.choice((chance.randint(1, 60), chance.randint(1, 4999)))
    a, b = _written(chance, days[first]), _written(chance, days[first + count])
    if chance.random() < 0.2:
        return families.Asked(f"How many days from {a} to {b} inclusive?", f"{count + 1} days")
    form = chance.choice(
        (
            "How many days are there between {a} and {b}?",
            "how many days from {a} to {b}",
            "number of days between {a} and {b}",
        )
    )
    return families.Asked(form.format(a=a, b=b), f"{count} days")


def _after(chance: random.Random) -> families.Asked:
    days, _ = _calendar()
    first, count = chance.randrange(20_000, len(days) - 20_000), chance.randint(1, 2000)
    unit, factor = chance.choice((("day", 1), ("week", 7)))
    back = chance.random() < 0.4
    end = first - count * factor if back else first + count * factor
    plural = unit + ("" if count == 1 else "s")
    form = chance.choice(("What date is {n} {u} {w} {d}?", "{d} {s} {n} {u}", "what is the date {n} {u} {w} {d}"))
    text = form.format(
        n=count,
        u=plural,
        w="before" if back else "after",
        s="minus" if back else "plus",
        d=_written(chance, days[first]),
    )
    return families.Asked(text, f"{_shown(days[end])}, a {_weekday(end)}")


def _months_after(chance: random.Random) -> families.Asked:
    year, month, day, count = (
        chance.randint(1750, 2150),
        chance.randint(1, 12),
        chance.randint(1, 28),
        chance.randint(1, 40),
    )
    later, at = year, month
    for _ in range(count):
        at += 1
        if at == 13:
            later, at = later + 1, 1
    end = (later, at, day)
    plural = "month" if count == 1 else "months"
    return families.Asked(
        f"What date is {count} {plural} after {_written(chance, (year, month, day))}?",
        f"{_shown(end)}, a {_weekday(_calendar()[1][end])}",
    )


def _day_of_week(chance: random.Random) -> families.Asked:
    days, _ = _calendar()
    number = chance.randrange(len(days))
    form = chance.choice(
        (
            "What day of the week was {d}?",
            "What day of the week is {d}?",
            "which weekday was {d}",
            "On what day of the week did {d} fall?",
        )
    )
    return families.Asked(form.format(d=_written(chance, days[number])), _weekday(number))


def _leap_years(chance: random.Random) -> families.Asked:
    year = chance.choice((chance.randint(1600, 2500), 100 * chance.randint(16, 30), 4 * chance.randint(400, 700)))
    leap = _leap(year)
    if chance.random() < 0.5:
        return families.Asked(
            f"Is {year} a leap year?", f"Yes, {year} is a leap year." if leap else f"No, {year} is not a leap year."
        )
    return families.Asked(f"How many days are in February {year}?", "29" if leap else "28")


def _clock(chance: random.Random) -> families.Asked:
    start, hours, minutes = chance.randrange(1440), chance.randint(0, 9), chance.randint(1, 59)
    hour, minute = start // 60, start % 60
    for _ in range(hours * 60 + minutes):
        minute += 1
        if minute == 60:
            hour, minute = hour + 1, 0
    key = f"{hour % 24:02d}:{minute:02d}" + (" the next day" if hour > 23 else "")
    span = f"{hours} h {minutes} min" if hours else f"{minutes} minutes"
    form = chance.choice(("{t} plus {s}", "What time is it {s} after {t}?", "What is {t} plus {s}?"))
    return families.Asked(form.format(t=f"{start // 60}:{start % 60:02d}", s=span), key)


def _half_days(chance: random.Random) -> families.Asked:
    hour, minute, hours = chance.randint(0, 23), chance.choice((0, 15, 30, 45)), chance.randint(1, 5)
    written = f"{(hour + 11) % 12 + 1}:{minute:02d} {'pm' if hour >= 12 else 'am'}"
    end = hour + hours
    key = f"{end % 24:02d}:{minute:02d}" + (" the next day" if end > 23 else "")
    return families.Asked(
        f"What time is it {hours} hours after {written}?" if hours > 1 else f"{written} plus 1 hour", key
    )


def _zones(chance: random.Random) -> families.Asked:
    hour, first, second = chance.randint(0, 23), chance.randint(-12, 14), chance.randint(-12, 14)
    there = hour - first + second
    later = {0: "", 1: " the next day", -1: " the day before", -2: " 2 days earlier", 2: " 2 days later"}[there // 24]
    a, b = (f"UTC{offset:+d}" if offset else "UTC" for offset in (first, second))
    return families.Asked(f"What is {hour}:20 {a} in {b}?", f"{there % 24:02d}:20{later}")


def _weekday_of_month(chance: random.Random) -> families.Asked:
    days, numbers = _calendar()
    year, month, weekday = chance.randint(1701, 2198), chance.randint(1, 12), chance.choice(_DAYS)
    place = chance.choice(("first", "second", "third", "fourth", "last", "1st", "2nd", "3rd", "4th"))
    at = numbers[year, month, 1]
    found = []
    while days[at][1] == month:
        if _weekday(at) == weekday:
            found.append(days[at])
        at += 1
    day = found[-1] if place == "last" else found[("1", "2", "3", "4").index(place[0]) if place[0].isdigit() else (
        ("first", "second", "third", "fourth").index(place)
    )]  # fmt: skip
    name = chance.choice((_NAMES[month - 1], _NAMES[month - 1], _NAMES[month - 1][:3]))
    form = chance.choice(
        (
            "{p} {w} of {m} {y}", "What is the {p} {w} of {m} {y}?", "When is the {p} {w} in {m} {y}?",
            "What date is the {p} {w} in {m} {y}?", "On what date does the {p} {w} of {m} {y} fall?",
        )
    )  # fmt: skip
    return families.Asked(form.format(p=place, w=weekday, m=name, y=year), _shown(day))


def _day_of_year(chance: random.Random) -> families.Asked:
    days, numbers = _calendar()
    day = chance.choice(days)
    place = numbers[day] - numbers[day[0], 1, 1] + 1
    if chance.random() < 0.3:
        suffix = "th" if 10 < place % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
        form = chance.choice(
            ("What is the {}{} day of {}?", "What date is the {}{} day of {}?", "the {}{} day of the year {}")
        )
        return families.Asked(form.format(place, suffix, day[0]), _shown(day))
    form = chance.choice(("What day of the year is {}?", "which day of the year was {}", "the day of the year of {}"))
    return families.Asked(form.format(_written(chance, day)), str(place))


_AROUND = {-2: "the day before yesterday", -1: "yesterday", 0: "today", 1: "tomorrow", 2: "the day after tomorrow"}


def _around_today(chance: random.Random) -> families.Asked:
    told, asked = chance.choice((-2, -1, 0, 1, 2)), chance.choice((-2, -1, 0, 1, 2))
    given = chance.randrange(7)
    verb = "was" if told < 0 else "is"
    if asked < 0:
        question = chance.choice(("what day was {}", "what day of the week was {}", "what was {}"))
    elif asked == 0:
        question = chance.choice(("what day is {}", "what day is it {}", "what weekday is {}"))
    else:
        question = chance.choice(
            ("what day is {}", "what day will it be {}", "what day of the week will {} be", "what is {}")
        )
    question, weekday = question.format(_AROUND[asked]), _DAYS[given]
    text = f"If {_AROUND[told]} {verb} {weekday}, {question}?"
    if chance.random() < 0.3:
        text = f"{_AROUND[told].capitalize()} {verb} a {weekday}. {question.capitalize()}?"
    return families.Asked(text, _DAYS[(given + asked - told) % 7])


def _month_days(chance: random.Random) -> families.Asked:
    year, month = chance.randint(1701, 2198), chance.randint(1, 12)
    length = 29 if month == 2 and _leap(year) else _LENGTHS[month - 1]
    form = chance.choice(
        (
            "How many days in {} {}?",
            "how many days are in {} {}",
            "How many days are there in {} {}?",
            "How many days does {} {} have?",
        )
    )
    return families.Asked(form.format(chance.choice((_NAMES[month - 1][:3], _NAMES[month - 1])), year), str(length))


_REFUSE_PLACES = (
    "first Monday of September", "first Monday", "the first Monday of 2025", "fifth Monday of February 2025",
    "sixth Monday of March 2025", "first Monday after September 2025", "first working day of September 2025",
    "the first Monday of Sep 25", "the first of September 2025", "second to last Monday of September 2025",
    "first Monday or Tuesday of September 2025", "first Mondays of September 2025",
    "the first Monday of September 1200", "first Monday of September 2025 plus",
    "first Monday and Friday of September 2025", "next Monday of September 2025", "the first day of September 2025",
    "the first Monday of the ninth month of 2025", "0th Monday of May 2025", "the first weekend of September 2025",
    "the first Monday morning of September 2025", "first full week of September 2025",
    "every first Monday of September 2025", "the first Monday of each month of 2025",
    "first Monday of September 2025 in Japan",
)  # fmt: skip
_REFUSE_YEARS = (
    "What day of the year is Christmas?", "What day of the year is 1 March?", "What day of the year is it?",
    "the 400th day of 2024", "the 366th day of 2023", "the 101th day of 2024", "the 0th day of 2024", "the 100th day",
    "the 100th working day of 2024", "the 100th day of school 2024", "the last day of 2024",
    "What day of the year is 03/04/2024?", "the 100th day from 2024", "What day of the school year is 1 March 2024?",
    "What day of the fiscal year is 1 March 2024?", "What is the best day of the year 2024?",
    "Which day of the year is the longest?", "What day of the year is 30 February 2024?", "the 100th day of 24",
    "the 100 day of 2024", "How many days of the year are left on 1 March 2024?", "the 100th night of 2024",
    "the 1.5th day of 2024", "the -1st day of 2024",
)  # fmt: skip
_REFUSE_AROUND = (
    "If yesterday was tomorrow, what day is today?", "If yesterday were Monday's tomorrow, what day is it?",
    "If yesterday was Monday", "If yesterday was not Monday, what day is tomorrow?",
    "If yesterday was Monday, what day is it next week?", "what day is tomorrow's Monday?",
    "If yesterday was Monday, what date is tomorrow?", "If yesterday was Monday or Tuesday, what day is tomorrow?",
    "If yesterday was a holiday, what day is tomorrow?", "If yesterday was Monday, is tomorrow Wednesday?",
    "yesterday was Monday", "If yesterday was Monday, what month is tomorrow?",
    "If every day was Monday, what day is tomorrow?", "Is tomorrow Monday?",
    "If tomorrow was yesterday, what day would Monday be?", "If yesterday was Monday, what will I do tomorrow?",
    "Tomorrow is Monday.", "If yesterday was Moonday, what day is tomorrow?",
    "If two days ago was Monday, what day is tomorrow?", "If it is not Monday, what day is it?",
    "If yesterday's tomorrow was Monday, what day is today?", "If Ann says yesterday was Monday, what day is tomorrow?",
    "If yesterday was Monday, what was the day two days before?",
    "If the day before tomorrow was Monday, what day is today?",
)  # fmt: skip
_REFUSE = (
    "How many weeks are there between 2025-01-01 and 2025-01-15 inclusive?",
    "How many days from 2025-03-01 to 2025-02-01?",
    "How many days between 03/04/2025 and 05/06/2025?",
    "What day of the week was 03/04/2025?",
    "What date is 30 days after 2025-02-30?",
    "What date is 30 days after 31 February 2025?",
    "What date is 1 month after 2025-01-31?",
    "What date is 10 business days after 2025-01-31?",
    "What date is 99999999 days after 2025-01-31?",
    "What day of the week was 4 July 44 BC?",
    "What day of the week was 4 July 1066?",
    "What day of the week is 4 July?",
    "How many days until Christmas?",
    "How many days between March and May?",
    "Is 2025-13-01 a leap year?",
    "Is 10000 a leap year?",
    "Is 0000 a leap year?",
    "How many days are in February?",
    "from 9:00 to 5:00",
    "How long is it from 9:00 to 5:00?",
    "How long is it from 9 am to 5:00?",
    "25:00 plus 3 h",
    "12:75 plus 1 h",
    "13:00 pm plus 1 hour",
    "What time is it 3 hours after noon in New York?",
    "14:00 EST in PST",
    "14:00 UTC+99 in UTC",
    "14:00 CET in UTC",
    "What time is it?",
    "What time is it in Tokyo?",
    "14:35 plus 1000000000 h",
    "What day of the week was Monday, 4 July 1776?",
    "21st March 2025 plus 2 apples",
    "What date is x days after 2025-01-01?",
    "How many working days between 2025-01-01 and 2025-02-01?",
    "What day of the week was 22th March 2025?",
    "What day of the week was \N{FULLWIDTH DIGIT TWO}025-01-01?",
    "How old is someone born on 1990-01-01?",
)
FAMILIES = (
    amounts.family("dates: days between", _between, _REFUSE),
    amounts.family("dates: days and weeks after", _after),
    amounts.family("dates: months after", _months_after),
    amounts.family("dates: day of the week", _day_of_week),
    amounts.family("dates: leap years", _leap_years),
    amounts.family("dates: time of day", _clock),
    amounts.family("dates: am and pm", _half_days),
    amounts.family("dates: offsets from UTC", _zones),
    amounts.family("dates: days of months in short", _month_days),
    amounts.family("dates: first and last weekdays", _weekday_of_month, _REFUSE_PLACES),
    amounts.family("dates: days of the year", _day_of_year, _REFUSE_YEARS),
    amounts.family("dates: around a today", _around_today, _REFUSE_AROUND),
)
