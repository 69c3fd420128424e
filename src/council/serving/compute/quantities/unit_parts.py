"""A quantity in several units at once, as feet and inches, and a share of a quantity, as 20% of 3 hours.

Two units after `in` may ask for one quantity in both or for two conversions; only pairs that people say together are read.
"""

import re
from collections.abc import Sequence
from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import frames, measures, numbers, stops, unit_table, units

# Each goes on in the next one; what is asked for is a stretch of one of them.
_CHAINS = (("weeks", "days", "h", "min", "s"), ("ft", "in"), ("st", "lb", "oz"))
_METRIC = re.compile("(?:[cdkm]?m|k?g)")
_MONEY_OR_LETTER = re.compile(r"(?i:\bpounds?)\b|\d\s?[tN]\b")


def _in_parts(match: frames.Match) -> results.Solved:
    found = measures.read(match["q"])
    named = [match[name] for name in ("u1", "u2", "u3", "u4") if match[name]]
    targets = [measures.units(name) for name in named]
    if len(found) > 1 or any(len(target) > 1 for target in targets):
        raise stops.PassOnError("one of its units has several meanings")
    measure, wanted = found[0], [target[0] for target in targets]
    names = tuple(unit.name for unit in wanted)
    if not any(names == chain[start : start + len(names)] for chain in _CHAINS for start in range(len(chain))):
        raise stops.PassOnError("one quantity in both units or two conversions may be meant")
    if wanted[0].dimension != measure.unit.dimension:
        measures.convert(measure, wanted[0])
    if measure.unit.factor > wanted[0].factor and not _METRIC.fullmatch(measure.unit.name):
        raise stops.PassOnError("one quantity in both units or two conversions may be meant")
    parts = _split(measure, wanted)
    back = sum((measures.convert(part, measure.unit) for part in parts), Fraction(0))
    stops.require(back == measure.value, "the parts together")
    shown = [part.shown for part in parts]
    answer = f"{', '.join(shown[:-1])} and {shown[-1]}"
    exact = ", ".join(f"{part.value} {part.unit.name}" for part in parts)
    reading = f"{measure.shown} in {', '.join(names[:-1])} and {names[-1]}"
    return frames.solved(f"{measure.shown} = {answer}", reading, measures.CHECK, exact)


def _split(measure: measures.Measure, wanted: Sequence[unit_table.Unit]) -> list[measures.Measure]:
    """Return whole numbers of all units but the last, which may have a decimal part."""
    left, parts = measure.base, []
    for unit in wanted[:-1]:
        whole = Fraction(left // unit.factor)
        left -= whole * unit.factor
        parts.append(measures.Measure(whole, unit, measures.named(whole, unit)))
    last = wanted[-1]
    value = left / last.factor
    if numbers.exact_decimal(value):
        shown = measures.named(value, last)
    else:
        near = numbers.about(value)
        if Fraction(near) * last.factor >= wanted[-2].factor:
            raise stops.PassOnError("rounded, its last part would be one more of the part before")
        shown = f"about {near} {last.name}"
    return [*parts, measures.Measure(value, last, shown)]


def _share(match: frames.Match) -> results.Solved:
    rate = match["p"]
    share = numbers.read(re.sub(r"\s?(?:%|percent|per cent)$", "", rate, flags=re.IGNORECASE)) / 100 if rate else (
        numbers.read_fraction(match["f"])
    )  # fmt: skip
    found, named = measures.read(re.sub("^an? ", "1 ", match["q"], flags=re.IGNORECASE)), match["u"]
    targets = measures.units(named) if named else (found[0].unit,)
    if len(found) > 1 or len(targets) > 1 or found[0].unit.dimension == "temperature":
        raise stops.PassOnError("the unit has several meanings, or no share of it is a quantity")
    if _MONEY_OR_LETTER.search(match["q"]):
        raise stops.PassOnError("money or an unknown may be meant")
    whole, target = found[0], targets[0]
    part = measures.Measure(whole.value * share, whole.unit, whole.shown)
    value = measures.convert(part, target)
    stops.require(value == measures.convert(whole, target) * share, "the share of the whole in that unit")
    shown = f"{numbers.text(share * 100)}%" if rate else str(share)
    reading = f"{shown} of {whole.shown}"
    more = (
        f" ({units.duration(part.base)})"
        if whole.unit.dimension == "time" and not named and value != int(value)
        else ""
    )
    answer = f"{reading} = {measures.named(value, target)}{more}"
    return frames.solved(answer, f"{reading} in {target.name}", measures.CHECK, f"{value} {target.name}")


_U = r"[a-z]{1,10}"
_UNITS = rf"(?P<u1>{_U})(, (?P<u2>{_U}))?(, (?P<u3>{_U}))?,? and (?P<u4>{_U})"
_Q, _TARGET = rf"(?P<q>{measures.QUANTITY})", rf"(?P<u>{measures.UNIT})"
_WHOLE = rf"(?P<q>{measures.QUANTITY}|an? [a-z]{{2,15}})"
FRAMES = [
    *frames.frames(
        _in_parts,
        rf"(<ask>|convert |express |change |turn |write )(the )?{_Q} (in|to|into|as) {_UNITS}",
        rf"how many {_UNITS} (are |is )?(there )?(in )?{_Q}",
    ),
    *frames.frames(
        _share,
        rf"<ask>((?P<p>{frames.KINDS['percent']})|(?P<f>{numbers.FRACTION})) of {_WHOLE}( (in|to|into|as) {_TARGET})?",
    ),
]
