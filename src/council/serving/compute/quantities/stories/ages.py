"""Ages of two people, one told by the other."""

from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import frames, numbers, stops
from council.serving.compute.quantities.stories import words

_CHECK = "the ages put back into what was said"
_AGE_MAX = 150


def _ages(match: frames.Match) -> dict[str, Fraction]:
    """Return the two ages now."""
    given = match.groupdict()
    first, second = given["a"].lower(), given["b"].lower()
    if first == second or (given.get("a2") and given["a2"].lower() != first):
        raise stops.PassOnError("it is not clear who is compared with whom")
    age = words.count(given["n"])
    if given.get("factor"):
        factor = {"twice": Fraction(2), "half": Fraction(1, 2)}.get(given["factor"].lower())
        factor = factor or numbers.read(given["factor"].lower().removesuffix(" times"))
        other = age * factor
        stops.require(other / factor == age, "the other age")
    else:
        years = words.count(given["m"])
        older = given["way"].lower() == "older"
        other = age + years if older else age - years
        stops.require((other - age if older else age - other) == years, "the difference")
    if other < 0 or other > _AGE_MAX or age > _AGE_MAX:
        raise stops.PassOnError("that is no age of a person")
    return {first: age, second: other}


def _sum(match: frames.Match) -> results.Solved:
    ages = _ages(match)
    total = sum(ages.values(), Fraction(0))
    reading = " + ".join(f"{name.title()} {numbers.text(age)}" for name, age in ages.items())
    return frames.solved(f"{reading} = {numbers.text(total)}", reading, _CHECK, total)


def _one(match: frames.Match) -> results.Solved:
    ages = _ages(match)
    who = match["who"].lower()
    if who not in ages:
        raise stops.PassOnError(f"{who} is not told of")
    given = match.groupdict()
    later = words.count(given["later"]) if given.get("later") else Fraction(0)
    ago = words.count(given["ago"]) if given.get("ago") else Fraction(0)
    value = ages[who] + later - ago
    if value < 0:
        raise stops.PassOnError("they were not born then")
    when = f" in {numbers.text(later)} years" if later else f" {numbers.text(ago)} years ago" if ago else ""
    reading = "; ".join(f"{name.title()} is {numbers.text(age)}" for name, age in ages.items())
    return frames.solved(f"the age of {who.title()}{when} = {numbers.text(value)}", reading, _CHECK, value)


_NAME = words.NAME
_FIRST = rf"(?P<a>{_NAME}) is (?P<n>{words.COUNT})( years old)?"
_FACTOR = r"(?P<factor>twice|half|(three|four|five|\d{1,2}) times)"
_SECOND = (
    rf"(?P<b>{_NAME}) is ((?P<m>{words.COUNT}) years? (?P<way>older|younger)( than (?P<a2>{_NAME}))?|{_FACTOR} "
    rf"as old as (?P=a))"
)
_JOINED = r"([.;,] | and |, and )"
_TOLD = (
    rf"{_FIRST}{_JOINED}{_SECOND}[.;,]?",
    rf"(?P<b>{_NAME}) is ((?P<m>{words.COUNT}) years? (?P<way>older|younger) than|{_FACTOR} as old as) (?P<a2>{_NAME}){_JOINED}"
    rf"{_FIRST}[.;,]?",
)

FRAMES = [
    frame
    for told in _TOLD
    for frame in (
        *frames.frames(_sum, rf"{told} what is the sum of their ages", rf"{told} how old are they together"),
        *frames.frames(
            _one,
            rf"{told} how old is (?P<who>{_NAME})( now)?",
            rf"{told} how old will (?P<who>{_NAME}) be in (?P<later>{words.COUNT}) years",
            rf"{told} how old was (?P<who>{_NAME}) (?P<ago>{words.COUNT}) years ago",
        ),
    )
]
