"""Conversions, sums of quantities, speeds and areas. The factors are written here once more, from the definitions."""

import math
import random
from fractions import Fraction

from council.testing.questions import amounts, families

# From, to, how many of the second make one of the first; each with its spellings.
_PAIRS = (
    (("km", "kilometers", "kilometres"), "m", Fraction(1000)),
    (("inches", "in", "inch"), "cm", Fraction(254, 100)),
    (("miles", "mi"), "km", Fraction(1609344, 10**6)),
    (("feet", "ft"), "m", Fraction(3048, 10**4)),
    (("yards", "yd"), "ft", Fraction(3)),
    (("kg", "kilograms"), "g", Fraction(1000)),
    (("pounds", "lb", "lbs"), "kg", Fraction(45359237, 10**8)),
    (("oz", "ounces"), "g", Fraction(45359237, 10**5) / 16),
    (("liters", "litres", "l", "L"), "ml", Fraction(1000)),
    (("m2", "square meters", "m\N{SUPERSCRIPT TWO}"), "cm\N{SUPERSCRIPT TWO}", Fraction(10_000)),
    (("hectares", "ha"), "m\N{SUPERSCRIPT TWO}", Fraction(10_000)),
    (("m3", "cubic metres"), "l", Fraction(1000)),
    (("hours", "h", "hr"), "min", Fraction(60)),
    (("weeks",), "h", Fraction(168)),
    (("m/s", "meters per second"), "km/h", Fraction(36, 10)),
    (("MB", "megabytes"), "kB", Fraction(1000)),
    (("MiB", "mebibytes"), "KiB", Fraction(1024)),
    (("GiB",), "MB", Fraction(1073741824, 10**6)),
    (("Mbit", "Mb", "megabits"), "kB", Fraction(125)),
    (("kWh",), "MJ", Fraction(36, 10)),
    (("us gallons", "US gallons"), "ml", Fraction(3785411784, 10**6)),
    (("bar",), "kPa", Fraction(100)),
    (("kN", "kilonewtons"), "N", Fraction(1000)),
    (("light years", "ly"), "km", Fraction(94607304725808, 10)),
    (("t", "tonnes"), "g", Fraction(10**6)),
    (("\N{GREEK SMALL LETTER MU}m", "\N{MICRO SIGN}m", "micrometers"), "mm", Fraction(1, 1000)),
    (("Mbit/s", "Mbps", "megabits per second"), "kB/s", Fraction(125)),
    (("Gbit/s", "gigabits per second"), "MB/s", Fraction(125)),
    (("tonnes", "metric tons"), "kg", Fraction(1000)),
)
_WORDS = {
    "m": "meters",
    "kg": "kg",
    "cm": "cm",
    "g": "grams",
    "km": "kilometers",
    "ml": "ml",
    "ft": "feet",
    "h": "hours",
}


def _key(value: Fraction, unit: str) -> str:
    singular = value == 1 and len(unit) > 3 and "/" not in unit
    return f"{amounts.text(value)} {unit.removesuffix('s') if singular else unit}"


def _convert(chance: random.Random) -> families.Asked:
    names, to, factor = chance.choice(_PAIRS)
    number = Fraction(chance.randint(1, 4000), chance.choice((1, 1, 10, 4)))
    written = str(number) if number.denominator == 1 else f"{float(number):g}"
    asked = chance.choice((to, _WORDS.get(to, to)))
    form = chance.choice(
        (
            "Convert {n} {u} to {t}",
            "What is {n} {u} in {t}?",
            "{n} {u} in {t}",
            "How many {t} are in {n} {u}?",
            "{n} {u} to {t}",
            "how many {t} is {n} {u}",
        )
    )
    if form.startswith("how many {t} is"):
        form = "how many {t} are there in {n} {u}"
    text = form.format(n=written, u=chance.choice(names), t=asked)
    return families.Asked(text, _key(number * factor, to))


def _back(chance: random.Random) -> families.Asked:
    # A km is so little of a light year that only `about` could be said.
    names, to, factor = chance.choice([pair for pair in _PAIRS if pair[2] < 10**9])
    number = chance.randint(1, 300)
    base = names[0]
    shown = {"kilometers": "km", "inches": "in", "miles": "mi", "feet": "ft", "yards": "yd", "pounds": "lb", "liters": "l",
             "m2": "m\N{SUPERSCRIPT TWO}", "hectares": "ha",
             "kN": "kN", "light years": "light years", "t": "metric tons", "\N{GREEK SMALL LETTER MU}m": "\N{MICRO SIGN}m",
             "m3": "m\N{SUPERSCRIPT THREE}", "hours": "h",
             "us gallons": "US gallons", "tonnes": "metric tons"}.get(base, base)  # fmt: skip
    return families.Asked(f"Convert {number} {to} to {base}", _key(number / factor, shown))


def _temperature(chance: random.Random) -> families.Asked:
    fifth = chance.randint(-50, 60)
    celsius, fahrenheit = 5 * fifth, 9 * fifth + 32
    c, f = chance.choice(
        (
            ("\N{DEGREE SIGN}C", "\N{DEGREE SIGN}F"),
            ("C", "F"),
            ("degrees celsius", "degrees fahrenheit"),
            ("celsius", "fahrenheit"),
        )
    )
    if chance.random() < 0.5:
        return families.Asked(f"What is {celsius} {c} in {f}?", f"{fahrenheit} \N{DEGREE SIGN}F")
    return families.Asked(f"Convert {fahrenheit} {f} to {c}", f"{celsius} \N{DEGREE SIGN}C")


def _mixed(chance: random.Random) -> families.Asked:
    feet, inches = chance.randint(1, 9), chance.randint(0, 11)
    centimetres = Fraction((12 * feet + inches) * 254, 100)
    form = chance.choice(
        (
            "{f} ft {i} in in cm",
            "Convert {f} feet {i} inches to cm",
            "what is {f}'{i}\" in cm",
            "How many cm are in {f} feet and {i} inches?",
        )
    )
    return families.Asked(form.format(f=feet, i=inches), _key(centimetres, "cm"))


def _sums(chance: random.Random) -> families.Asked:
    left, right = chance.randint(1, 50), chance.randint(1, 900)
    large, small, many = chance.choice(
        (("km", "m", 1000), ("m", "cm", 100), ("kg", "g", 1000), ("l", "ml", 1000), ("h", "min", 60))
    )
    if chance.random() < 0.5 or left * many < right:
        return families.Asked(f"{left} {large} plus {right} {small} in {small}", f"{left * many + right} {small}")
    return families.Asked(f"What is {left} {large} minus {right} {small} in {small}?", f"{left * many - right} {small}")


def _speed(chance: random.Random) -> families.Asked:
    speed, hours = chance.randint(5, 130), chance.randint(1, 12)
    distance = speed * hours
    match chance.randrange(8):
        case 0:
            return families.Asked(f"How far does a train travel in {hours} hours at {speed} km/h?", f"{distance} km")
        case 1:
            return families.Asked(f"What is the average speed of {distance} km in {hours} h?", f"{speed} km/h")
        case 3:
            text = f"A train travels {speed} km/h for {60 * hours} minutes. How far does it go?"
            return families.Asked(text, f"{distance} km")
        case 4:
            text = f"If a car travels {distance} km in {hours} hours, what is its average speed?"
            return families.Asked(text, f"{speed} km/h")
        case 5:
            text = f"A car drives at {speed} mph. How long does it take to go {distance} miles?"
            return families.Asked(text, f"{hours} h")
        case 6:
            return families.Asked(f"{distance} km / {hours} h", f"{speed} km/h")
        case _:
            return families.Asked(f"How long does it take to drive {distance} miles at {speed} mph?", f"{hours} h")


def _shapes(chance: random.Random) -> families.Asked:
    width, height, depth = (chance.randint(1, 60) for _ in range(3))
    match chance.randrange(4):
        case 0:
            return families.Asked(
                f"What is the area of a rectangle {width} m by {height} m?", f"{width * height} m\N{SUPERSCRIPT TWO}"
            )
        case 1:
            return families.Asked(
                f"area of a rectangle {width} m by {100 * height} cm", f"{width * height} m\N{SUPERSCRIPT TWO}"
            )
        case 2:
            return families.Asked(
                f"perimeter of a rectangle {width} cm by {height} cm", f"{width + height + width + height} cm"
            )
        case _:
            return families.Asked(
                f"volume of a box {width} cm by {height} cm by {depth} cm",
                f"{width * height * depth} cm\N{SUPERSCRIPT THREE}",
            )


def _shares(chance: random.Random) -> families.Asked:
    """A part of a unit before its name: 3/4 hour, 2 1/2 miles, half an hour."""
    (one, many), small, factor = chance.choice(
        (
            (("hour", "hours"), "min", 60),
            (("mile", "miles"), "km", Fraction(1609344, 10**6)),
            (("meter", "meters"), "cm", 100),
            (("cm", "cm"), "mm", 10),
            (("kg", "kg"), "g", 1000),
        )
    )
    written, part = chance.choice((("1/2", Fraction(1, 2)), ("3/4", Fraction(3, 4)), ("1/4", Fraction(1, 4))))
    whole = chance.randint(0, 9)
    value = _key((whole + part) * factor, small)
    if not whole and one in ("hour", "mile", "meter"):
        words = {"1/2": "half", "1/4": "a quarter of", "3/4": "three quarters of"}[written]
        amount = chance.choice((f"{words} {'an' if one == 'hour' else 'a'} {one}", f"{written} {one}"))
    else:
        amount = f"{whole} {written} {many}" if whole else f"{written} {one}"
    form = chance.choice(("{a} in {s}", "Convert {a} to {s}", "How many {s} are in {a}?"))
    return families.Asked(form.format(a=amount, s=small), value)


def _angles(chance: random.Random) -> families.Asked:
    top, bottom = chance.randint(1, 11), chance.choice((1, 2, 3, 4, 6, 12))
    part = Fraction(top, bottom)
    degrees = part * 180
    multiple = "pi" if part.numerator == 1 else f"{part.numerator}pi"
    radians = multiple if part.denominator == 1 else f"{multiple}/{part.denominator}"
    if chance.random() < 0.5:
        return families.Asked(f"Convert {radians} radians to degrees", f"{degrees} degrees")
    shown = radians.replace("pi", " pi").strip()
    about = f"{float(part) * math.pi:.6g}"
    return families.Asked(f"What is {degrees} degrees in radians?", f"{shown} radians, about {about} radians")


def _both_gallons(chance: random.Random) -> families.Asked:
    number = chance.randint(1, 60)
    us, imperial = Fraction(3785411784 * number, 10**9), Fraction(454609 * number, 100_000)
    text = chance.choice(
        (f"Convert {number} gallons to liters", f"What is {number} gallons in litres?", f"{number} gal in l")
    )
    return families.Asked(text, f"{us} l\n{imperial} l")


_REFUSE = (
    "-500 C in F",
    "-1 K in C",
    "Convert 5 kg to meters",
    "5 kg plus 3 m",
    "Convert 5 dollars to euros",
    "5 pounds in dollars",
    "How many cups in 2 liters?",
    "Convert 2 cups to ml",
    "how many mb in a gb",
    "Convert 10 oz to ml",
    "How many ounces in a gallon?",
    "Convert 5 kt to kg",
    "Convert 5 to km",
    "Convert km to miles",
    "5 km in miles and feet",
    "Convert -5 km to m",
    "Convert 5 boiler horsepower to kW",
    "1 MB in KB",
    "5 KB in bytes",
    "1.000 m in km",
    "1.500 km in m",
    "100 mbps in MB/s",
    "1/0 mile in km",
    "2 3/2 m in cm",
    "1/2/3 m in cm",
    "A train travels 60 km/h. How far does it go?",
    "A train travels 60 km for 90 minutes. How far does it go?",
    "If a car travels 150 km, what is its average speed?",
    "How many hours is 90 kg?",
    "radians in degrees",
    "Convert 5 degrees to radians and grad",
    "How many days in a month?",
    "How many days are in 3 years?",
    "Convert 1,5 km to m",
    "Convert 1.234,5 km to m",
    "20 C plus 5 C",
    "How long does it take to drive 100 km at 0 km/h?",
    "How long does it take to drive 100 km?",
    "How far is 5 km?",
    "speed of light in km/h",
    "What is the average speed if I go at 30 km/h and return at 60 km/h?",
    "5 minutes in ft",
    "Convert NaN km to m",
    "Convert inf km to m",
    "Convert \N{FULLWIDTH DIGIT FIVE} km to m",
    "Convert 5 \N{CYRILLIC SMALL LETTER KA}m to m",
    "Convert 5 k m to m",
    "Convert 5 parsecs to light years",
    "Convert 5 km^9 to m",
    "Convert 5 m to m2",
    "5 ft 3 kg in cm",
    "3 in 5 ft in cm",
    "Convert 5 __import__('os') to m",
    "Convert 5 km per hour per second to m",
    "area of a rectangle 3 m by 4 kg",
    "area of a rectangle 3 m",
    "What is heavier, 5 kg or 3 m?",
    "Convert 5e3 km to m",
    "Convert " + "9" * 60 + " km to m",
)
FAMILIES = (
    amounts.family("units: conversions", _convert, _REFUSE),
    amounts.family("units: conversions back", _back),
    amounts.family("units: temperatures", _temperature),
    amounts.family("units: feet and inches", _mixed),
    amounts.family("units: sums", _sums),
    amounts.family("units: speed, distance, time", _speed),
    amounts.family("units: parts of a unit", _shares),
    amounts.family("units: angles", _angles),
    amounts.family("units: shapes", _shapes),
    amounts.family("units: gallons of both kinds", _both_gallons),
)
