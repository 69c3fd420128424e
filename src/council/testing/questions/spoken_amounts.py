"""Numbers in words from a hundred on and before units; quantities in several units; shares of quantities."""

import random
from fractions import Fraction

from council.domain import answers
from council.testing.questions import amounts, families

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
_TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()


def _below_hundred(number: int, joint: str) -> str:
    if number < 20:
        return _SMALL[number]
    tens, ones = divmod(number, 10)
    return _TENS[tens] + (joint + _SMALL[ones] if ones else "")


def _in_words(chance: random.Random, number: int) -> str:
    """Return a number from 1 to 999,999,999 as people say it."""
    joint, links = chance.choice("- "), chance.choice((" and ", " "))
    a_for_one = chance.random() < 0.3

    def below_thousand(part: int, last: bool) -> str:
        hundreds, rest = divmod(part, 100)
        said = f"{'a' if hundreds == 1 and a_for_one else _SMALL[hundreds]} hundred" if hundreds else ""
        if not rest:
            return said
        return f"{said}{links if last or chance.random() < 0.5 else ' '}{_below_hundred(rest, joint)}" if said else (
            _below_hundred(rest, joint)
        )  # fmt: skip

    millions, thousands, rest = number // 1_000_000, number // 1_000 % 1_000, number % 1_000
    pieces = [f"{below_thousand(millions, last=False)} million"] if millions else []
    pieces += [f"{below_thousand(thousands, last=False)} thousand"] if thousands else []
    text = " ".join(pieces)
    if rest:
        link = links if rest < 100 and pieces else " "
        text = f"{text}{link}{below_thousand(rest, last=True)}" if pieces else below_thousand(rest, last=True)
    return text


def _large(chance: random.Random) -> tuple[str, Fraction]:
    """Return a number from a hundred on in words, and its value."""
    match chance.randrange(6):
        case 0:
            whole, scale = chance.randint(1, 99), chance.choice((("thousand", 1_000), ("million", 1_000_000)))
            return f"{whole} {scale[0]}", Fraction(whole * scale[1])
        case 1:
            tenths, scale = chance.randint(1, 99), chance.choice((("thousand", 1_000), ("million", 1_000_000)))
            return f"{tenths / 10:g} {scale[0]}", Fraction(tenths * scale[1], 10)
        case 2:
            name, size = chance.choice((("thousand", 1_000), ("million", 1_000_000)))
            whole = chance.randint(0, 20)
            said = f"{_SMALL[whole] if whole < 20 else 'twenty'} and a half {name}" if whole else f"half a {name}"
            return said, Fraction(2 * whole + 1, 2) * size
        case _:
            number = chance.choice(
                (chance.randint(100, 999), chance.randint(1_000, 99_999), chance.randint(100_000, 9_999_999))
            )
            return _in_words(chance, number), Fraction(number)


def _sum(chance: random.Random) -> families.Asked:
    (one, first), other = _large(chance), chance.randint(1, 99)
    second, said = Fraction(other), chance.choice((str(other), _below_hundred(other, "-")))
    if chance.random() < 0.3:
        said, second = _large(chance)
    form, value = chance.choice(
        (
            ("{0} plus {1}", first + second), ("What is {0} plus {1}?", first + second), ("{0} minus {1}", first - second),
            ("{0} times {1}", first * second), ("Calculate {0} minus {1}", first - second), ("{0} + {1}", first + second),
        )
    )  # fmt: skip
    return families.Asked(form.format(one, said), str(value))


def _percent(chance: random.Random) -> families.Asked:
    rate, (said, value) = chance.randint(1, 99), _large(chance)
    return families.Asked(f"What is {rate}% of {said}?", str(value * rate / 100))


_PAIRS = (
    ("miles", "mile", "km", Fraction(1_609_344, 10**6)), ("feet", "foot", "cm", Fraction(3_048, 100)),
    ("hours", "hour", "min", Fraction(60)), ("kilometers", "kilometer", "m", Fraction(1_000)),
    ("weeks", "week", "h", Fraction(168)), ("inches", "inch", "mm", Fraction(254, 10)), ("yards", "yard", "ft", Fraction(3)),
    ("kilograms", "kilogram", "g", Fraction(1_000)), ("minutes", "minute", "s", Fraction(60)),
)  # fmt: skip
_LONG = {"km": "kilometers", "min": "minutes", "h": "hours", "m": "meters", "s": "seconds", "ft": "feet"}


def _units(chance: random.Random) -> families.Asked:
    many, one, target, factor = chance.choice(_PAIRS)
    article = "an" if one[0] in "io" or one == "hour" else "a"
    match chance.randrange(5):
        case 0:
            said, value = f"{article} {one}", Fraction(1)
        case 1:
            said, value = f"{article} {one} and a half", Fraction(3, 2)
        case 2:
            whole = chance.randint(1, 30)
            said, value = f"{_below_hundred(whole, '-')} and a half {many}", Fraction(2 * whole + 1, 2)
        case 3:
            number = chance.randint(100, 20_000)
            said, value = f"{_in_words(chance, number)} {many}", Fraction(number)
        case _:
            number = chance.randint(1, 99)
            said, value = (
                f"{_below_hundred(number, chance.choice('- '))} {many if number > 1 else one}",
                Fraction(number),
            )
    asked = chance.choice((target, _LONG.get(target, target)))
    form = chance.choice(("{0} in {1}", "Convert {0} to {1}", "How many {1} are in {0}?", "What is {0} in {1}?"))
    return families.Asked(form.format(said, asked), f"{value * factor} {target}")


def _several(chance: random.Random) -> families.Asked:
    """A whole number of the least unit, or metric lengths to feet and inches; the key is what stands after the sign."""
    kinds = (
        ("days", ((7, "weeks", "weeks"), (1, "days", "days")), 400),
        ("minutes", ((60, "hours", "h"), (1, "minutes", "min")), 3_000),
        ("seconds", ((3600, "hours", "h"), (60, "minutes", "min"), (1, "seconds", "s")), 30_000),
        ("seconds", ((60, "minutes", "min"), (1, "seconds", "s")), 6_000),
        ("hours", ((24, "days", "days"), (1, "hours", "h")), 900),
        ("inches", ((12, "feet", "ft"), (1, "inches", "in")), 500),
        ("ounces", ((16, "pounds", "lb"), (1, "ounces", "oz")), 900),
        ("pounds", ((14, "stone", "st"), (1, "pounds", "lb")), 400),
    )
    unit, parts, most = chance.choice(kinds)
    number = chance.randint(1, most)
    left, said = number, []
    for size, _, short in parts:
        count, left = divmod(left, size)
        said.append(f"{count} {short.removesuffix('s') if count == 1 and len(short) > 3 else short}")
    names = [name for _, name, _ in parts]
    wanted = f"{', '.join(names[:-1])} and {names[-1]}"
    form = chance.choice(
        ("{n} {u} in {w}", "Convert {n} {u} to {w}", "What is {n} {u} in {w}?", "How many {w} are in {n} {u}?")
    )
    text = form.format(n=number, u=unit.removesuffix("s") if number == 1 else unit, w=wanted)
    return families.Asked(text, f"{', '.join(said[:-1])} and {said[-1]}")


def _feet_and_inches(chance: random.Random) -> families.Asked:
    centimetres = chance.randint(20, 400)
    feet, inches = divmod(Fraction(centimetres * 100, 254), 12)
    text = chance.choice(
        ("{} cm in feet and inches", "What is {} cm in feet and inches?", "Convert {} centimeters to feet and inches")
    )
    return families.Asked(text.format(centimetres), f"{feet}|{inches}")


def _agrees_in_feet(answer: str, key: str) -> bool:
    feet, inches = key.split("|")
    said = answer.rsplit(" = ", 1)[-1].replace("about ", "").removesuffix(" in")
    head, joint, tail = said.partition(" ft and ")
    return bool(joint) and head == feet and abs(Fraction(tail) - Fraction(inches)) < Fraction(1, 10_000)


def _share(chance: random.Random) -> families.Asked:
    number, rate = chance.randint(1, 60), chance.randint(1, 150)
    unit, short = chance.choice(
        (("km", "km"), ("kg", "kg"), ("hours", "h"), ("liters", "l"), ("miles", "mi"), ("g", "g"), ("days", "days"))
    )
    said, part = f"{rate}%", Fraction(rate, 100)
    if chance.random() < 0.3:
        said, part = chance.choice(
            (("half", Fraction(1, 2)), ("a third", Fraction(1, 3)), ("three quarters", Fraction(3, 4)))
        )
    article = ""
    if chance.random() < 0.2 and unit in ("hours", "miles", "days"):
        number, article = 1, "an" if unit == "hours" else "a"
    value = part * number
    text = chance.choice(("{} of {} {}", "What is {} of {} {}?", "calculate {} of {} {}"))
    name = unit.removesuffix("s") if number == 1 and len(unit) > 3 else unit
    return families.Asked(
        text.format(said, article or number, name),
        f"{value} {short.removesuffix('s') if value == 1 and len(short) > 3 else short}",
    )


def _agrees_in_share(answer: str, key: str) -> bool:
    return amounts.agrees(answer.replace("(about", "( about"), key)


_REFUSE_WORDS = (
    "the sum of two hundred and five", "the product of two hundred and five", "average of one hundred and two",
    "multiply two hundred and five", "the difference between two hundred and five", "lcm of one hundred and six",
    "add one hundred and five", "gcd of two hundred and fifty", "twenty five hundred plus one",
    "fifteen hundred plus 1", "two billion plus 1", "one trillion minus 1", "half a billion plus 1",
    "a few hundred plus one", "a couple hundred plus one", "several thousand plus 1", "hundreds plus one",
    "hundred plus one", "thousand plus one", "million minus 1", "2,5 million plus 1", "2.500 million plus 1",
    "1,500 thousand plus 1", "two hundred and five sixths plus 1", "two hundred thirds plus 1",
    "a hundred and a half plus 1", "five hundredths plus 1", "two hundred, five plus 1",
    "one thousand two thousand plus 1", "one hundred two hundred plus 1", "one million two million",
    "1.5 million two hundred plus 1", "half a million and five plus 1", "two and a half hundred plus 1",
    "half a hundred plus 1", "the product of two and a half", "sum of two and a half", "two and a half and a quarter",
    "two hundred and five point five plus 1", "two hundred point five plus one", "two hundred-page plus 1",
    "one hundred and hundred plus 1", "five hundred hundred plus 1", "nineteen eighty four plus 1",
    "two thousand thousand plus 1", "a hundred hundred plus 1", "two hundred and zero plus 1", "one-hundredth plus 1",
    "two hundredth plus one", "the two hundred and fifth plus 1", "dozen plus one", "three dozen plus a hundred",
    "two hundred and five", "5 two hundred plus 1", "1000 million plus 1", "05 million plus 1",
    "two hundred or five plus 1", "one hundred and five hundred plus 1", "K million plus 1", "1.5 mil plus 1",
    "ratio of two hundred and five", "two hundred odd plus 1",
)  # fmt: skip
_REFUSE_UNITS = (
    "a few miles in km", "some miles in km", "several hours in minutes", "a couple of hours in minutes",
    "a long mile in km", "half a dozen miles in km", "two or three miles in km", "two to three hours in minutes",
    "about five miles in km", "a C in F", "five in cm in", "one in five in percent", "a pound in dollars",
    "a month in days", "a year in days", "two years in days", "an hour and a half mile in km", "a mile and a bit in km",
    "five point two miles in km", "a hundred miles or so in km", "a mile", "convert a mile", "convert miles to km",
    "two hundred and five miles and a half in km", "minus five miles in km", "a half in cm",
    "five and three miles in km", "five, six miles in km", "twenty hundred miles in km", "a cup in ml",
    "one in ten in m", "no miles in km",
)  # fmt: skip
_REFUSE_SEVERAL = (
    "5 km in miles and feet", "2 hours in minutes and seconds", "100 days in days and weeks",
    "100 days in weeks and hours", "180 cm in inches and feet", "180 cm in feet and cm", "180 cm in m and cm",
    "5 miles in feet and inches", "2 weeks in hours and minutes", "100 days in months and days",
    "400 days in years and days", "180 cm in feet and pounds", "100 kg in feet and inches", "180 in feet and inches",
    "180 cm in feet or inches", "180 cm in feet, inches", "-180 cm in feet and inches",
    "100 gallons in quarts and pints", "5 l in gallons and pints", "100 F in C and K",
    "3661 seconds in hours, seconds and minutes", "3661 seconds in hours and seconds", "180 cm in feet and feet",
    "1 GB in MB and kB", "10 days in weeks and weekdays", "180 cm and 3 kg in feet and inches",
    "3661 s in h, min, s and ms", "180 cm in", "convert feet and inches", "how many feet and inches",
    "how many hours and minutes are in a movie", "100 minutes in hours and half hours",
)  # fmt: skip
_REFUSE_SHARES = (
    "20% of 5 C", "10% of 20 F", "3% of 4 t", "10% of 5N", "10% of 5 gallons", "20% of km", "20% of 4 km and 3 kg",
    "20% of 3 months", "20% of 3 cups", "20% off 4 km", "20% more than 4 km", "20 of 4 km", "20% of 4 km or 5 km",
    "20% or 30% of 4 km", "20%% of 4 km", "20% of -4 km", "-20% of 4 km", "20% of about 4 km", "half of half of 3 km",
    "20% of 10 oz in ml", "1,5% of 4 km", "a fifth of whisky", "half of the 4 km", "20% of 4 km in kg", "20% of 1,5 km",
    "20% of 4 km per day", "20% of 4 KB", "third of 3 km and half of 4 km", "two of 4 km", "20% of 2 horsepower",
    "20% of the day", "half of 5 people", "one in three of 4 km",
)  # fmt: skip
FAMILIES = (
    amounts.family("words: large numbers", _sum, _REFUSE_WORDS),
    amounts.family("words: percentages of large numbers", _percent),
    amounts.family("words: before units", _units, _REFUSE_UNITS),
    amounts.family("units: in several units", _several, _REFUSE_SEVERAL),
    families.Family(
        "units: feet and inches of centimetres",
        answers.Route.MATH,
        _feet_and_inches,
        amounts.paraphrase,
        _agrees_in_feet,
    ),
    families.Family("units: shares", answers.Route.MATH, _share, amounts.paraphrase, _agrees_in_share, _REFUSE_SHARES),
)
