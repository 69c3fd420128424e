"""The units that are read: words, dimension, and exact factor to the base unit, by the defining standards.

Sources: the SI brochure (2019), the international yard and pound of 1959, IEC 80000-13 for data. Symbols are case-sensitive,
words are not. A word with several entries is ambiguous, and every entry is answered for. `pint` is the name by which an
independent registry knows the unit, or `pint_count` of which make one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

F = Fraction
_ZERO = F(0)


@dataclass(frozen=True, slots=True)
class Unit:
    """`factor` takes an amount to the base unit of `dimension`; temperatures also have an `offset` in kelvins."""

    name: str
    dimension: str
    factor: Fraction
    pint: str
    offset: Fraction = _ZERO
    pint_count: int = 1


_FOOT = F(3048, 10_000)
_POUND = F(45_359_237, 100_000_000)
# By standard gravity, 9.80665 m/s2.
_POUND_FORCE = _POUND * F(980_665, 100_000)
_US_GALLON = F(3_785_411_784, 10**9)
_IMPERIAL_GALLON = F(454_609, 100_000)
_METRES = {
    "nm": ("nanometer", F(1, 10**9), "nanometer nanometers nanometre nanometres"),
    "\N{MICRO SIGN}m": ("micrometer", F(1, 10**6), "um micrometer micrometers micrometre micrometres"),
    "mm": ("millimeter", F(1, 1000), "millimeter millimeters millimetre millimetres"),
    "cm": ("centimeter", F(1, 100), "cms centimeter centimeters centimetre centimetres"),
    "dm": ("decimeter", F(1, 10), "decimeter decimeters decimetre decimetres"),
    "m": ("meter", F(1), "meter meters metre metres"),
    "km": ("kilometer", F(1000), "kms kilometer kilometers kilometre kilometres"),
    "in": ("inch", _FOOT / 12, "inch inches"),
    "ft": ("foot", _FOOT, "foot feet"),
    "yd": ("yard", _FOOT * 3, "yds yard yards"),
    "mi": ("mile", _FOOT * 5280, "mile miles"),
}
_ROWS: list[tuple[str, str, Fraction, str, str]] = [
    *((symbol, "length", factor, pint, words) for symbol, (pint, factor, words) in _METRES.items()),
    ("nautical miles", "length", F(1852), "nautical_mile", "nautical mile|nmi"),
    ("mg", "mass", F(1, 10**6), "milligram", "milligram|milligrams"),
    ("g", "mass", F(1, 1000), "gram", "gram|grams|gramme|grammes"),
    ("kg", "mass", F(1), "kilogram", "kgs|kilogram|kilograms|kilo|kilos|kilogramme|kilogrammes"),
    ("oz", "mass", _POUND / 16, "ounce", "ounce|ounces"),
    ("lb", "mass", _POUND, "pound", "lbs|pound|pounds"),
    ("st", "mass", _POUND * 14, "stone", "stone|stones"),
    ("metric tons", "mass", F(1000), "metric_ton", "metric ton|tonne|tonnes|t|ton|tons"),
    ("short tons", "mass", _POUND * 2000, "short_ton", "short ton|us ton|us tons|ton|tons"),
    ("long tons", "mass", _POUND * 2240, "long_ton", "long ton|imperial ton|imperial tons|ton|tons"),
    ("\N{MICRO SIGN}g", "mass", F(1, 10**9), "microgram", "ug|mcg|microgram|micrograms"),
    ("\N{MICRO SIGN}s", "time", F(1, 10**6), "microsecond", "us|microsecond|microseconds"),
    ("ms", "time", F(1, 1000), "millisecond", "millisecond|milliseconds"),
    ("s", "time", F(1), "second", "sec|secs|second|seconds"),
    ("min", "time", F(60), "minute", "mins|minute|minutes"),
    ("h", "time", F(3600), "hour", "hr|hrs|hour|hours"),
    ("days", "time", F(86_400), "day", "day"),
    ("weeks", "time", F(604_800), "week", "week"),
    ("ha", "area", F(10_000), "hectare", "hectare|hectares"),
    ("ml", "volume", F(1, 10**6), "milliliter", "mL|milliliter|milliliters|millilitre|millilitres"),
    ("cl", "volume", F(1, 10**5), "centiliter", "cL|centiliter|centiliters|centilitre|centilitres"),
    ("dl", "volume", F(1, 10**4), "deciliter", "dL|deciliter|deciliters|decilitre|decilitres"),
    ("l", "volume", F(1, 1000), "liter", "L|liter|liters|litre|litres"),
    ("US gallons", "volume", _US_GALLON / 1000, "gallon", "us gallon|gallon|gallons|gal"),
    ("imperial gallons", "volume", _IMPERIAL_GALLON / 1000, "imperial_gallon",
     "imperial gallon|uk gallon|uk gallons|gallon|gallons|gal"),
    ("US quarts", "volume", _US_GALLON / 4000, "quart", "us quart|quart|quarts"),
    ("imperial quarts", "volume", _IMPERIAL_GALLON / 4000, "imperial_quart", "imperial quart|uk quart|uk quarts|quart|quarts"),
    ("US pints", "volume", _US_GALLON / 8000, "pint", "us pint|pint|pints"),
    ("imperial pints", "volume", _IMPERIAL_GALLON / 8000, "imperial_pint",
     "imperial pint|uk pint|uk pints|pint|pints"),
    ("US fl oz", "volume", _US_GALLON / 128_000, "fluid_ounce",
     "us fluid ounce|us fluid ounces|fluid ounce|fluid ounces|fl oz"),
    ("imperial fl oz", "volume", _IMPERIAL_GALLON / 160_000, "imperial_fluid_ounce",
     "imperial fluid ounce|imperial fluid ounces|fluid ounce|fluid ounces|fl oz"),
    ("km/h", "speed", F(1000, 3600), "kilometer/hour",
     "kmh|kph|kmph|km per hour|kilometers per hour|kilometres per hour|kilometer per hour|kilometre per hour"),
    ("mph", "speed", _FOOT * 5280 / 3600, "mile/hour", "mi/h|miles per hour|mile per hour"),
    ("m/s", "speed", F(1), "meter/second", "mps|m per s|meters per second|metres per second|meter per second|metre per second"),
    ("ft/s", "speed", _FOOT, "foot/second", "feet per second|foot per second"),
    ("knots", "speed", F(1852, 3600), "knot", "knot|kn"),
    ("J", "energy", F(1), "joule", "joule|joules"),
    ("kJ", "energy", F(1000), "kilojoule", "kilojoule|kilojoules"),
    ("MJ", "energy", F(10**6), "megajoule", "megajoule|megajoules"),
    ("Wh", "energy", F(3600), "watt_hour", "watt hour|watt hours|watt-hour|watt-hours"),
    ("kWh", "energy", F(3_600_000), "kilowatt_hour", "kilowatt hour|kilowatt hours|kilowatt-hour|kilowatt-hours"),
    ("kcal", "energy", F(4184), "kilocalorie", "kilocalorie|kilocalories"),
    ("W", "power", F(1), "watt", "watt|watts"),
    ("kW", "power", F(1000), "kilowatt", "kilowatt|kilowatts"),
    ("MW", "power", F(10**6), "megawatt", "megawatt|megawatts"),
    ("Pa", "pressure", F(1), "pascal", "pascal|pascals"),
    ("hPa", "pressure", F(100), "hectopascal", "hectopascal|hectopascals"),
    ("kPa", "pressure", F(1000), "kilopascal", "kilopascal|kilopascals"),
    ("bar", "pressure", F(100_000), "bar", "bars"),
    ("mbar", "pressure", F(100), "millibar", "millibar|millibars"),
    ("atm", "pressure", F(101_325), "atmosphere", "atmosphere|atmospheres"),
    ("mmHg", "pressure", F(133_322_387_415, 10**9), "millimeter_Hg", "mm Hg|millimetres of mercury"),
    ("psi", "pressure", _POUND_FORCE / (_FOOT / 12) ** 2, "pound_force_per_square_inch", "psi|pounds per square inch"),
    ("N", "force", F(1), "newton", "newton|newtons"),
    ("kN", "force", F(1000), "kilonewton", "kilonewton|kilonewtons"),
    ("lbf", "force", _POUND_FORCE, "force_pound", "pound-force|pounds-force|pound force|pounds force"),
    ("mechanical hp", "power", _POUND_FORCE * _FOOT * 550, "horsepower", "mechanical horsepower|horsepower|hp"),
    ("metric hp", "power", F(980_665, 100_000) * 75, "metric_horsepower", "metric horsepower|horsepower|hp"),
    ("light years", "length", F(299_792_458 * 31_557_600), "light_year", "light year|light-year|light-years|ly"),
    ("au", "length", F(149_597_870_700), "astronomical_unit", "astronomical unit|astronomical units|AU"),
    ("bit", "data", F(1), "bit", "bits"),
    ("B", "data", F(8), "byte", "byte|bytes"),
]  # fmt: skip
_DECIMAL = {"k": ("kilo", 3), "M": ("mega", 6), "G": ("giga", 9), "T": ("tera", 12), "P": ("peta", 15)}
_BINARY = {"Ki": ("kibi", 10), "Mi": ("mebi", 20), "Gi": ("gibi", 30), "Ti": ("tebi", 40), "Pi": ("pebi", 50)}
_POWERS = (
    (2, "area", ("square", "sq"), ("2", "\N{SUPERSCRIPT TWO}")),
    (3, "volume", ("cubic", "cu"), ("3", "\N{SUPERSCRIPT THREE}")),
)
_TEMPERATURES = (
    (Unit("\N{DEGREE SIGN}C", "temperature", F(1), "degC", F(27_315, 100)), "celsius|centigrade", "C"),
    (Unit("\N{DEGREE SIGN}F", "temperature", F(5, 9), "degF", F(45_967, 180)), "fahrenheit", "F"),
    (Unit("K", "temperature", F(1), "kelvin"), "kelvin|kelvins", "K"),
)


# Of 1024 bytes for many, of 1000 for the others, while MB is a standard's million.
OF_TWO_SIZES = ("KB", "KBytes", "Kbytes")
# Symbols that mean the same in capitals, as texts in capitals have them.
_ANY_CASE = ("km", "cm", "kg", "lb", "ft", "yd", "oz", "in", "mph", "km/h", "days", "weeks", "knots", "bar")


def _table() -> tuple[dict[str, tuple[Unit, ...]], dict[str, tuple[Unit, ...]]]:
    """Return units by symbol and by lower-case word."""
    symbols: dict[str, tuple[Unit, ...]] = {}
    words: dict[str, tuple[Unit, ...]] = {}

    def add(unit: Unit, symbol: str, spelled: list[str]) -> None:
        symbols[symbol] = (unit,)
        for word in spelled:
            table = words if word == word.lower() else symbols
            table[word] = (*table.get(word, ()), unit)

    for name, dimension, factor, pint, more in _ROWS:
        spelled = more.split("|") if "|" in more else more.split()
        if dimension == "length" and "|" not in more:
            spelled = [*spelled, *(["foot", "feet"] if name == "ft" else [])]
        add(Unit(name, dimension, factor, pint), name, [*dict.fromkeys(spelled), *_plurals(name, spelled)])
    for symbol, (pint, factor, spellings) in _METRES.items():
        for power, dimension, before, after in _POWERS:
            unit = Unit(f"{symbol}{after[1]}", dimension, factor**power, f"{pint}**{power}")
            spelled = [f"{word} {name}" for word in before for name in (*spellings.split(), symbol)]
            spelled += [f"{symbol}^{after[0]}", f"{symbol}{after[0]}", f"{symbol}**{after[0]}"]
            spelled += ["cc"] if unit.name == "cm\N{SUPERSCRIPT THREE}" else []
            add(unit, unit.name, spelled)
    for short, (prefix, tens) in _DECIMAL.items():
        _add_data(add, short, prefix, F(10**tens))
    for short, (prefix, twos) in _BINARY.items():
        _add_data(add, short, prefix, F(2**twos))
    # Before 2023 the United States had a second foot for land; the acre here is of the international one.
    acre = Unit("acres", "area", _FOOT**2 * 43_560, "foot**2", pint_count=43_560)
    add(acre, "acres", ["acre", "acres"])
    for symbol in _ANY_CASE:
        words[symbol] = symbols[symbol]
    for unit, spelled_words, letter in _TEMPERATURES:
        names = [name for word in spelled_words.split("|") for name in (word, f"degrees {word}", f"degree {word}")]
        names += [] if letter == "K" else [f"\N{DEGREE SIGN}{letter}", f"\N{DEGREE SIGN} {letter}", f"degrees {letter}"]
        add(unit, letter, names)
    return symbols, words


def _plurals(name: str, spelled: list[str]) -> list[str]:
    """Return plurals of rows that list only the singular, as `us gallon`."""
    if name.lower() == name and name.endswith("s") and " " not in name:
        return []
    return [
        f"{word}s"
        for word in spelled
        if " " in word and not word.endswith(("s", "z")) and f"{word}s" not in spelled and "per" not in word
    ]


def _add_data(add: Callable[[Unit, str, list[str]], None], short: str, prefix: str, factor: Fraction) -> None:
    add(Unit(f"{short}B", "data", factor * 8, f"{prefix}byte"), f"{short}B", [f"{prefix}byte", f"{prefix}bytes"])
    add(Unit(f"{short}bit", "data", factor, f"{prefix}bit"), f"{short}bit", [f"{prefix}bit", f"{prefix}bits"])
    _add_rates(add, short, prefix, factor)
    if len(short) == 1 and short != "k":
        add(Unit(f"{short}bit", "data", factor, f"{prefix}bit"), f"{short}b", [])


def _add_rates(add: Callable[[Unit, str, list[str]], None], short: str, prefix: str, factor: Fraction) -> None:
    """Add what a line carries in a second: Mbit/s, and MB/s. `mbps` may be either, so that only Mbps is read."""
    bits = Unit(f"{short}bit/s", "data rate", factor, f"{prefix}bit/second")
    add(bits, bits.name, [f"{prefix}bit per second", f"{prefix}bits per second"])
    if len(short) == 1 and short != "k":
        add(bits, f"{short}bps", [])
        add(bits, f"{short}b/s", [])
    byte = Unit(f"{short}B/s", "data rate", factor * 8, f"{prefix}byte/second")
    add(byte, byte.name, [f"{prefix}byte per second", f"{prefix}bytes per second"])


SYMBOLS, WORDS = _table()
BASES = {
    "length": "meter", "mass": "kilogram", "time": "second", "area": "meter**2", "volume": "meter**3",
    "speed": "meter/second", "energy": "joule", "power": "watt", "pressure": "pascal", "data": "bit",
    "temperature": "kelvin", "force": "newton", "data rate": "bit/second",
}  # fmt: skip


def find(text: str) -> tuple[Unit, ...]:
    """Return the units that `text` may name: none, one, or several where it is ambiguous."""
    text = " ".join(text.split())
    return SYMBOLS.get(text) or WORDS.get(text.lower(), ())
