"""Mean, median, mode, range, variance, standard deviation, quartiles of a list of numbers. Python's own module checks them.

A population and a sample have different variances: where neither is said, both are given and named. Quartiles follow nine
conventions, so their method must be said.
"""

import re
import statistics
from collections.abc import Sequence
from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import frames, numbers, stops, working

_VALUES_MAX = 200
_CHECK = "Python's statistics module gives the same"


def _values(text: str) -> list[Fraction]:
    """Return the numbers of a list. A comma without a space before three digits may belong to one number: passed on."""
    if re.search(r"\d,\d{3}(?!\d)", text):
        raise stops.PassOnError("a comma may separate two numbers or the thousands of one")
    if re.search(r"\d,\d", text) and re.search(r"\d(?:, | and |; ?)-?\d", text):
        raise stops.PassOnError("a comma may be a decimal comma")
    if re.search(r"\d \d", text) and re.search(r"[,;]|and", text):
        raise stops.PassOnError("a space may separate two numbers or the thousands of one")
    parts = re.split(r"\s?[,;]\s?(?:and )?|\s+and\s+|\s", text.strip())
    values = [-numbers.read(part[1:]) if part.startswith("-") else numbers.read(part) for part in parts]
    if len(values) > _VALUES_MAX:
        raise stops.RefusedError(f"I take at most {_VALUES_MAX} numbers; those are {len(values)}. Ask for fewer.")
    return values


def _shown(values: Sequence[Fraction]) -> str:
    return ", ".join(numbers.text(value) for value in values)


def _measure(match: frames.Match) -> results.Solved:
    values = _values(match["list"])
    word = " ".join(match["what"].lower().split())
    kind = (match.groupdict().get("kind") or match.groupdict().get("kind2") or "").lower().strip(" (),")
    reading = f"the {word} of {_shown(values)}"
    match word:
        case "mean" | "average" | "arithmetic mean" | "average value":
            return _mean(values, reading)
        case "median":
            return _median(values, reading)
        case "mode" | "modes":
            return _mode(values, reading)
        case "range":
            top, bottom = max(values), min(values)
            ordered = sorted(values)
            stops.require(ordered[-1] - ordered[0] == top - bottom, "the range of the sorted numbers")
            return frames.solved(
                f"{reading} = {numbers.text(top - bottom)}", reading, "found again in sorted order", top - bottom
            )
        case "sum" | "total":
            stops.require(sum(values) == sum(reversed(values)), "the sum backwards")
            total = sum(values, Fraction(0))
            return frames.solved(f"{reading} = {numbers.text(total)}", reading, "added up in both directions", total)
        case _:
            return _spread(values, word, kind)


def _mean(values: Sequence[Fraction], reading: str) -> results.Solved:
    mean = sum(values, Fraction(0)) / len(values)
    stops.require(statistics.mean(values) == mean and sum(value - mean for value in values) == 0, "the mean")
    steps = working.formula(f"({' + '.join(map(working.amount, values))})/{len(values)}", mean)
    return frames.solved(f"{reading} = {numbers.text(mean)}", reading, _CHECK, mean, *steps)


def _median(values: Sequence[Fraction], reading: str) -> results.Solved:
    ordered, middle = sorted(values), len(values) // 2
    median = ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    stops.require(statistics.median(values) == median, "the median")
    return frames.solved(f"{reading} = {numbers.text(median)}", reading, _CHECK, median, f"in order: {_shown(ordered)}")


def _mode(values: Sequence[Fraction], reading: str) -> results.Solved:
    counts = {value: values.count(value) for value in values}
    most = max(counts.values())
    modes = sorted(value for value, count in counts.items() if count == most)
    stops.require(sorted(statistics.multimode(values)) == modes, "the mode")
    exact = ", ".join(map(str, modes))
    if most == 1 and len(values) > 1:
        return frames.solved(f"{reading} = none: every number stands there once", reading, _CHECK, "none")
    return frames.solved(f"{reading} = {_shown(modes)}", reading, _CHECK, exact, f"{most} times")


def _spread(values: Sequence[Fraction], word: str, kind: str) -> results.Solved:
    root = word != "variance"
    count = len(values)
    total, squares = sum(values, Fraction(0)), sum((value * value for value in values), Fraction(0))
    around = squares - total * total / count
    lines, exact = [], []
    for name, divisor in (("population", count), ("sample", count - 1)):
        if kind and kind != name:
            continue
        if divisor == 0:
            if kind:
                raise stops.RefusedError("One number alone has no sample variance. Give two or more.")
            continue
        variance = around / divisor
        theirs = statistics.pvariance(values) if name == "population" else statistics.variance(values)
        stops.require(theirs == variance, f"the {name} variance")
        shown = _root_text(variance) if root else numbers.text(variance)
        lines.append((name, shown))
        exact.append(f"{name} {variance}")
    what = "standard deviation" if root else "variance"
    reading = f"the {kind + ' ' if kind else ''}{what} of {_shown(values)}"
    if kind:
        return frames.solved(f"{reading} = {lines[0][1]}", reading, _CHECK, exact[0])
    answer = "\n".join(f"{name} {what} of {_shown(values)} = {shown}" for name, shown in lines)
    return frames.solved(answer, f"{reading}, of a population and of a sample", _CHECK, "; ".join(exact))


def _root_text(square: Fraction) -> str:
    """Return the square root: exact where it is rational, else `sqrt(p/q), about ...`, from whole numbers alone."""
    rational = numbers.root(square)
    if rational is not None:
        return numbers.text(rational)
    return f"sqrt({square}), about {numbers.about(numbers.root_about(square))}"


def _in_doubt(match: frames.Match) -> results.Solved:
    """A list that is read only to say why it is not: commas without spaces. 1,2,3 can be nothing but three numbers."""
    text = match["loose"]
    if not re.fullmatch(r"-?\d+(?:,-?\d+){2,}", text):
        raise stops.PassOnError("a comma may separate two numbers, or be of decimals or thousands")
    if re.search(r",\d{3}(?!\d)", text):
        raise stops.PassOnError("a comma may separate two numbers or the thousands of one")
    again = _MEASURE.fullmatch(match[0].replace(",", ", "))
    assert again, "the same question with spaces is of the form"
    return _measure(again)


def _weighted(match: frames.Match) -> results.Solved:
    values, weights = _values(match["list"]), _values(match["weights"])
    if len(values) != len(weights):
        raise stops.RefusedError("There are not as many weights as numbers. Give one weight to each number.")
    total = sum(weights, Fraction(0))
    reading = f"the mean of {_shown(values)} with weights {_shown(weights)}"
    if total == 0 or any(weight < 0 for weight in weights):
        raise stops.RefusedError("Weights must not be negative, nor all zero. Give others.", reading)
    mean = sum((value * weight for value, weight in zip(values, weights, strict=True)), Fraction(0)) / total
    stops.require(sum((value - mean) * weight for value, weight in zip(values, weights, strict=True)) == 0, "the mean")
    return frames.solved(
        f"{reading} = {numbers.text(mean)}", reading, "the weighted differences from it add up to zero", mean
    )


def _quartiles(match: frames.Match) -> results.Solved:
    values = _values(match["list"])
    method = (match["method"] or "").lower()
    if not method:
        raise stops.RefusedError(
            "Quartiles follow several methods with different results. Say inclusive or exclusive.",
            f"the quartiles of {_shown(values)}",
        )
    if len(values) < 2 or (method == "exclusive" and len(values) < 3):
        raise stops.RefusedError("Those are too few numbers for quartiles. Give at least three.")
    ordered, count = sorted(values), len(values)
    found = []
    for quarter in (1, 2, 3):
        place = Fraction(quarter * (count - 1), 4) if method == "inclusive" else Fraction(quarter * (count + 1), 4) - 1
        place = min(max(place, Fraction(0)), Fraction(count - 1))
        low = int(place)
        high = min(low + 1, count - 1)
        found.append(ordered[low] + (ordered[high] - ordered[low]) * (place - low))
    reading = f"the quartiles of {_shown(values)} by the {method} method"
    theirs = statistics.quantiles(ordered, n=4, method="inclusive" if method == "inclusive" else "exclusive")
    stops.require(theirs == found, "the quartiles")
    exact = ", ".join(map(str, found))
    return frames.solved(f"{reading} = {_shown(found)}", reading, _CHECK, exact)


_WHAT = r"(?P<what>arithmetic mean|mean|average|median|modes?|range|sum|total|variance|standard deviation|std dev)"
_OF = (
    r"( of| for)?( the)?( following| these| this)?( numbers| values| data| list| scores| data set| dataset| "
    r"set)?( of numbers)?:? ?"
)
_LIST = r"(\[|\(|\{)?<list:list>(\]|\)|\})?"
_KIND = r"(?P<kind>population |sample )?"
_KIND2 = r"(,? (\(|as a |for a |of a )?(?P<kind2>population|sample)\)?)?"

_MEASURE = frames.pattern(rf"<ask>(the )?{_KIND}{_WHAT}{_OF}{_LIST}{_KIND2}")
# Digits with commas and points in any form, with a comma between two digits.
_LOOSE = r"(?P<loose>(?=[^a-z]{0,400}\d,-?\d)-?\d[\d.]*(?:(?:[,;] ?(?:and )?| and | )-?\d[\d.]*){1,400})"
FRAMES = [
    *frames.frames(_in_doubt, rf"<ask>(the )?{_KIND}{_WHAT}{_OF}{_LOOSE}{_KIND2}"),
    *frames.frames(
        _measure,
        rf"<ask>(the )?{_KIND}{_WHAT}{_OF}{_LIST}{_KIND2}",
        rf"{_LIST}[:;,]? (what is|find) (the )?{_KIND}{_WHAT}",
    ),
    *frames.frames(
        _weighted,
        (
            r"<ask>(the )?weighted (mean|average) of <list:list>,? (with|and|using) (the )?weights (of "
            r")?<weights:list>(,? respectively)?"
        ),
    ),
    *frames.frames(
        _quartiles,
        rf"<ask>(the )?quartiles{_OF}{_LIST}(,? (by|with|using) (the )?(?P<method>inclusive|exclusive) method)?",
    ),
]
