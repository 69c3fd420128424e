"""Hours between times, weekdays, yearly dates, ages. The keys come from walking minutes, days and a calendar of months."""

import random

from council.testing.questions import amounts, families

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NAMES = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _half_day(minutes: int, chance: random.Random) -> str:
    hour, minute = minutes // 60 % 24, minutes % 60
    half = "pm" if hour >= 12 else "am"
    if (hour, minute) == (12, 0) and chance.random() < 0.3:
        return "noon"
    return f"{(hour + 11) % 12 + 1}{f':{minute:02d}' if minute or chance.random() < 0.3 else ''} {half}"


def _between(chance: random.Random) -> families.Asked:
    start, span = 15 * chance.randrange(96), 15 * chance.randint(1, 90)
    a, b = _half_day(start, chance), _half_day(start + span, chance)
    unit = chance.choice(("hours", "minutes"))
    form = chance.choice(
        (
            "How many {u} from {a} to {b}?",
            "How many {u} are there between {a} and {b}?",
            "how many {u} is {a} to {b}",
            "If I work from {a} to {b}, how many {u} do I work?",
            "number of {u} from {a} until {b}",
        )
    )
    if unit == "minutes":
        return families.Asked(form.format(u=unit, a=a, b=b), f"{span} minutes")
    quarters = span // 15
    hours = f"{quarters // 4}{('', '.25', '.5', '.75')[quarters % 4]}"
    return families.Asked(form.format(u=unit, a=a, b=b), f"{hours} {'hour' if hours == '1' else 'hours'}")


def _weekday(chance: random.Random) -> families.Asked:
    start, count = chance.randrange(7), chance.randint(1, 400)
    day = start
    back = chance.random() < 0.4
    for _ in range(count):
        day = (day + (6 if back else 1)) % 7
    plural = "day" if count == 1 else "days"
    form = (
        chance.choice(
            ("If today is {d}, what day was it {n} {u} ago?", "What day of the week is {n} {u} before a {d}?")
        )
        if back
        else chance.choice(
            (
                "If today is {d}, what day will it be in {n} {u}?",
                "If today is {d}, what day of the week will it be {n} {u} from now?",
                "What day is {n} {u} after {d}?",
            )
        )
    )
    return families.Asked(form.format(d=_DAYS[start], n=count, u=plural), _DAYS[day])


def _yearly(chance: random.Random) -> families.Asked:
    """Spans without the end of February in them, so that every year has the same number of days."""
    month, count = chance.randrange(2, 12), chance.randint(1, 200)
    day = chance.randint(1, _LENGTHS[month])
    at, number = month, day
    for walked in range(1, count + 1):
        number += 1
        if number > _LENGTHS[at]:
            at, number = (at + 1) % 12, 1
        if (at, number) == (1, 28):
            count = walked
            break
    a = chance.choice((f"{day} {_NAMES[month]}", f"{_NAMES[month]} {day}", f"{_NAMES[month][:3]} {day}"))
    b = chance.choice((f"{number} {_NAMES[at]}", f"{_NAMES[at]} {number}"))
    words = chance.choice((f"from {a} to {b}", f"between {a} and {b}", f"from {a} until {b}"))
    return families.Asked(f"How many days are there {words}?", f"{count} days")


def _age(chance: random.Random) -> families.Asked:
    year, years = chance.randint(1900, 2000), chance.randint(1, 90)
    month, day = chance.randint(1, 12), chance.randint(1, 28)
    on_month, on_day = chance.randint(1, 12), chance.randint(1, 28)
    had = (on_month, on_day) >= (month, day)
    text = (
        f"How old was {chance.choice(('someone', 'a person'))} born on {day} {_NAMES[month - 1]} {year} "
        f"on {on_day} {_NAMES[on_month - 1]} {year + years}?"
    )
    return families.Asked(text, str(years if had else years - 1))


def _months(chance: random.Random) -> families.Asked:
    year, month, day = chance.randint(1950, 2050), chance.randint(1, 12), chance.randint(1, 28)
    count = chance.randint(1, 60)
    later, at = year, month
    for _ in range(count):
        at += 1
        if at == 13:
            later, at = later + 1, 1
    text = f"How many months are there between {day} {_NAMES[month - 1]} {year} and {later}-{at:02d}-{day:02d}?"
    return families.Asked(text, f"{count} month" if count == 1 else f"{count} months")


_REFUSE = (
    "How many hours from 9 to 5?",
    "How many hours is 9-5?",
    "How many hours from 9 am to 5?",
    "How many hours from 9 to 5 pm?",
    "How many hours from 9 am to 9 am?",
    "How many hours from 13 pm to 5 pm?",
    "How many hours from 9 am?",
    "How many hours from 9 am in Rome to 5 pm in New York?",
    "How many hours from 9 am on Monday to 5 pm on Friday?",
    "How many hours do I work from 9 am to 5 pm with a break?",
    "If I work from 9 am to 5 pm, how much do I earn?",
    "If today is Wednesday, what day was it 3 days",
    "If today is Wednesday, what day is it in a month?",
    "If yesterday was Monday, what day will it be in 3 days?",
    "If today is a holiday, what day will it be in 3 days?",
    "How many days from 1 February to 5 March?",
    "How many days from 29 February to 5 March?",
    "How many days from 30 February to 5 March?",
    "How many days from 5 March to 5 March?",
    "How many days between Christmas and Easter?",
    "How many Mondays are in March?",
    "How many Mondays are in 20245?",
    "How many weekends are in March 2024?",
    "week number of 2026-11-29",
    "How many months from 2024-01-31 to 2024-03-01?",
    "How many months between March and May?",
    "How old was someone born on 1990-01-01 on 1980-01-01?",
    "How old is someone born in 1990?",
    "How old was someone born on 03/04/1990 on 2020-01-01?",
    "How old was someone born on 2000-02-29 on 2001-02-28?",
)
FAMILIES = (
    amounts.family("times: hours between", _between, _REFUSE),
    amounts.family("times: weekday after", _weekday),
    amounts.family("times: dates without a year", _yearly),
    amounts.family("times: ages", _age),
    amounts.family("times: months between", _months),
)
