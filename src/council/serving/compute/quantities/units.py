"""Conversions, sums and comparisons of quantities; speed, distance and time."""

import re
from collections.abc import Sequence
from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import frames, measures, numbers, stops, unit_table, working

_DATA_NOTE = "kB, MB, GB and TB are powers of 1000 here, KiB, MiB, GiB and TiB powers of 1024 (IEC 80000-13)"


def _q(name: str) -> str:
    return f"(?P<{name}>{measures.QUANTITY})"


def _u(name: str) -> str:
    return f"(?P<{name}>{measures.UNIT})"


def _convert(match: frames.Match) -> results.Solved:
    found = measures.read(_feet_and_inches(match["q"]))
    return _said(found, measures.units(match["u"]))


def _said(found: Sequence[measures.Measure], targets: Sequence[unit_table.Unit]) -> results.Solved:
    """Return the conversion in every meaning of the units: one answer where they agree, else all of them, named."""
    pairs = [(measure, unit) for measure in found for unit in targets]
    if len(found) > 1 and len(targets) > 1:
        pairs = [(m, u) for m, u in pairs if m.unit.name.split()[0] == u.name.split()[0]] or pairs
    dimensions = {part.unit.dimension for part in found} | {unit.dimension for unit in targets}
    if dimensions == {"mass", "volume"} and "oz" in {part.unit.name for part in found} | {
        unit.name for unit in targets
    }:
        raise stops.PassOnError("ounces of mass or fluid ounces may be meant")
    fitting = [(m, u) for m, u in pairs if m.unit.dimension == u.dimension] or pairs[:1]
    values = [measures.convert(measure, unit) for measure, unit in fitting]
    lines = [f"{m.shown} = {measures.named(value, u)}" for (m, u), value in zip(fitting, values, strict=True)]
    reading = "; ".join(f"{measure.shown} in {unit.name}" for measure, unit in fitting)
    exact = ", ".join(f"{value} {u.name}" for (_, u), value in zip(fitting, values, strict=True))
    notes = [_DATA_NOTE] if fitting[0][0].unit.dimension == "data" else []
    if len(fitting) > 1:
        notes.append("the unit has several meanings, and each is answered")
    steps = working.conversion(*fitting[0], values[0]) if len(fitting) == 1 else ()
    return frames.solved("\n".join(lines), reading, measures.CHECK, exact, *notes, *steps)


def _feet_and_inches(text: str) -> str:
    return re.sub(r"(\d)\s?' ?(\d+(?:\.\d+| \d/\d+)?)\s?(?:\"|'')", r"\1 ft \2 in", text)


def _how_many(match: frames.Match) -> results.Solved:
    text = match["q"]
    for words, number in _SHARES.items():
        text = re.sub(rf"^{words} ", f"{number} ", text, flags=re.IGNORECASE)
    text = re.sub(r"^1 ([a-z]+) and a half$", r"1.5 \1", text, flags=re.IGNORECASE)
    return _said(measures.read(text), measures.units(match["u"]))


def _combined(match: frames.Match) -> results.Solved:
    """A sum or difference of two quantities, in the unit that is asked for or the first one's."""
    first, second = measures.read(match["q1"]), measures.read(match["q2"])
    if len(first) > 1 or len(second) > 1:
        raise stops.PassOnError("one of its units has several meanings")
    left, right = first[0], second[0]
    if re.search(r"\d\s?[tN]\b", f"{match['q1']} {match['q2']}"):
        raise stops.PassOnError("the letter may be an unknown")
    if "temperature" in (left.unit.dimension, right.unit.dimension):
        raise stops.PassOnError("sums of temperatures have several meanings")
    if left.unit.dimension != right.unit.dimension:
        raise stops.RefusedError(
            f"{left.shown} and {right.shown} are of different kinds. Give two quantities of one kind.",
            f"{left.shown} and {right.shown}",
        )
    minus = match["way"].lower() in ("minus", "-")
    base = left.base - right.base if minus else left.base + right.base
    if base < 0:
        raise stops.PassOnError("the difference is negative")
    reading = f"{left.shown} {'-' if minus else '+'} {right.shown}"
    total = measures.Measure(base / left.unit.factor, left.unit, reading)
    named = match.groupdict().get("u")
    unit = measures.units(named)[0] if named else left.unit
    if named and len(measures.units(named)) > 1:
        raise stops.PassOnError("the unit asked for has several meanings")
    value = measures.convert(total, unit)
    parts = [measures.convert(part, unit) for part in (left, right)]
    stops.require(value == (parts[0] - parts[1] if minus else parts[0] + parts[1]), "the parts one by one")
    steps = [
        line
        for part, found in zip((left, right), parts, strict=True)
        if part.unit != unit
        for line in working.conversion(part, unit, found)
    ]
    steps += working.formula(f" {'-' if minus else '+'} ".join(map(working.amount, parts)), value)
    return frames.solved(
        f"{reading} = {measures.named(value, unit)}",
        f"{reading} in {unit.name}",
        measures.CHECK,
        f"{value} {unit.name}",
        *steps,
    )


def _larger(match: frames.Match) -> results.Solved:
    left, right = (_one(match[name]) for name in ("q1", "q2"))
    word, dimension = match["word"].lower(), left.unit.dimension
    wanted = _COMPARED[word]
    if wanted and dimension not in wanted:
        raise stops.PassOnError(f"{word} is not said of a {dimension}")
    if right.unit.dimension != dimension:
        raise stops.RefusedError(
            "They are of different kinds. Give two quantities of one kind.", f"{left.shown} or {right.shown}"
        )
    other = measures.convert(right, left.unit)
    reading = f"which is {word}: {left.shown} or {right.shown}"
    if other == left.value:
        return frames.solved(f"They are equal: {left.shown} = {right.shown}", reading, measures.CHECK, "equal")
    less = word in ("shorter", "lighter", "smaller", "slower", "colder", "less")
    winner = left if (left.value > other) != less else right
    answer = f"{winner.shown} is {word}: {right.shown} = {measures.named(other, left.unit)}"
    steps = working.conversion(right, left.unit, other) if right.unit != left.unit else ()
    return frames.solved(answer, reading, measures.CHECK, winner.shown, *steps)


_COMPARED: dict[str, tuple[str, ...]] = {
    "longer": ("length", "time"), "shorter": ("length", "time"), "heavier": ("mass",), "lighter": ("mass",),
    "faster": ("speed",), "slower": ("speed",), "warmer": ("temperature",), "hotter": ("temperature",),
    "colder": ("temperature",), "larger": (), "bigger": (), "smaller": (), "more": (), "less": (),
}  # fmt: skip


def _one(text: str) -> measures.Measure:
    found = measures.read(text)
    if len(found) > 1:
        raise stops.PassOnError("one of its units has several meanings")
    return found[0]


_MOTION_CHECK = "speed x time gives the distance again"


def _how_long(match: frames.Match) -> results.Solved:
    distance, speed = measures.single(match["q1"], "length"), measures.single(match["q2"], "speed")
    reading = f"{distance.shown} / {speed.shown}"
    if speed.base == 0:
        raise stops.RefusedError("At speed zero one never arrives. Give a speed above zero.", reading)
    seconds = distance.base / speed.base
    stops.require(_by_hours(seconds, speed, distance), "speed times time")
    steps = working.motion("/", distance, speed, seconds, unit_table.SYMBOLS["s"][0])
    return frames.solved(f"{reading} = {duration(seconds)}", reading, _MOTION_CHECK, f"{seconds} s", *steps)


def _by_hours(seconds: Fraction, speed: measures.Measure, distance: measures.Measure) -> bool:
    """Return whether the registry's speed and distance agree with the time."""
    in_metres = measures.convert(distance, unit_table.SYMBOLS["m"][0])
    per_second = measures.convert(speed, unit_table.SYMBOLS["m/s"][0])
    return per_second * seconds == in_metres


def _how_far(match: frames.Match) -> results.Solved:
    speed, time = measures.single(match["q2"], "speed"), measures.single(match["q1"], "time")
    name = speed.unit.name
    unit = {"km/h": "km", "mph": "mi", "m/s": "m", "ft/s": "ft", "knots": "nautical miles"}.get(name)
    if unit is None:
        raise stops.PassOnError("it is not clear in which unit the distance is asked for")
    target = unit_table.SYMBOLS[unit][0]
    metres = speed.base * time.base
    value = metres / target.factor
    distance = measures.Measure(value, target, f"{numbers.text(value)} {unit}")
    stops.require(_by_hours(measures.convert(time, unit_table.SYMBOLS["s"][0]), speed, distance), "speed times time")
    reading = f"{speed.shown} x {time.shown}"
    steps = working.motion("*", speed, time, value, target)
    return frames.solved(f"{reading} = {numbers.text(value)} {unit}", reading, _MOTION_CHECK, f"{value} {unit}", *steps)


def _speed(match: frames.Match) -> results.Solved:
    distance, time = measures.single(match["q1"], "length"), measures.single(match["q2"], "time")
    reading = f"{distance.shown} / {time.shown}"
    if time.base == 0:
        raise stops.RefusedError("In no time there is no speed. Give a time above zero.", reading)
    name = {"km": "km/h", "mi": "mph", "m": "m/s", "ft": "ft/s", "nautical miles": "knots"}.get(distance.unit.name)
    named = match.groupdict().get("u")
    unit = measures.units(named)[0] if named else unit_table.SYMBOLS.get(name or "", (None,))[0]
    if unit is None or unit.dimension != "speed":
        raise stops.PassOnError("it is not clear in which unit the speed is asked for")
    value = distance.base / time.base / unit.factor
    speed = measures.Measure(value, unit, reading)
    stops.require(_by_hours(measures.convert(time, unit_table.SYMBOLS["s"][0]), speed, distance), "speed times time")
    steps = working.motion("/", distance, time, value, unit)
    said = f"{reading} = {measures.named(value, unit)}"
    return frames.solved(said, reading, _MOTION_CHECK, f"{value} {unit.name}", *steps)


def duration(seconds: Fraction) -> str:
    """Return a time as hours, minutes and seconds, and in its largest unit beside it."""
    if seconds < 60:
        return f"{numbers.text(seconds)} s"
    minutes, left = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = [
        f"{hours} h" if hours else "",
        f"{minutes} min" if minutes else "",
        f"{numbers.text(left)} s" if left else "",
    ]
    return " ".join(part for part in parts if part)


def _exchange(match: frames.Match) -> results.Solved:
    del match
    raise stops.RefusedError(
        "I know no exchange rates, which change by the minute. Give the rate, as in 12 x 1.08.",
        "an amount in another currency",
    )


_TO = r"(in|to|into|as)"
_MOVE = r"(travel|drive|go|cover|walk|cycle|run|ride|fly|sail|do|move|get)"
_WHO = r"(i|you|we|he|she|it|they|someone|one|an? [a-z]+|the [a-z]+)"
_SHARES = {
    "half (?:of )?an?": "1/2",
    "(?:a|one) quarter of an?": "1/4",
    "three quarters of an?": "3/4",
    "(?:an?|one)": "1",
}
_SHARE_OF_ONE = rf"(half (of )?an?|(a|one) quarter of an?|three quarters of an?) {measures.UNIT}"
_ONE_AND_A_HALF = r"(an?|one) [a-z]{2,15}( and a half)?"
_MOVES = rf"{_MOVE}s?|travelled|traveled|drove|covered|covers|walked|cycled|ran|goes|moves|flies|flew|went"
_AT = r"(at (a |an average |a constant |a steady )?(speed of )?)"
_WENT = rf"{_WHO} ({_MOVE}|gone|travelled|traveled)"
_CURRENCY = r"(dollars?|euros?|pounds?|yen|francs?|rupees?|usd|eur|gbp|jpy|chf|inr|pesos?)"

FRAMES = [
    *frames.frames(
        _convert,
        rf"(<ask>|convert |express |change |turn )(the )?{_q('q')} {_TO} {_u('u')}",
        rf"(<ask>|convert )(?P<q>\d{{1,2}} ?' ?\d{{1,2}}(\.\d+| \d/\d{{1,2}})? ?(\"|'')) {_TO} {_u('u')}",
        rf"{_q('q')} ?(=|is|equals) (how many|what in) {_u('u')}",
        rf"how (long|far|tall|heavy|fast|hot|big|large|much) is {_q('q')} {_TO} {_u('u')}",
    ),
    *frames.frames(
        _how_many,
        (
            rf"how many {_u('u')} (are |is )?(there )?(in|make|make up) (?P<q>(an?|one) {measures.UNIT}|"
            rf"{measures.QUANTITY})"
        ),
        rf"how many {_u('u')} (does|do) (?P<q>(an?|one) {measures.UNIT}|{measures.QUANTITY}) (have|make)",
        rf"how many {_u('u')} (is|are) (?P<q>{measures.QUANTITY}|{_SHARE_OF_ONE})",
        rf"how many {_u('u')} (are |is )?(there )?in (?P<q>{_SHARE_OF_ONE})",
        rf"(<ask>|convert |express |change |turn )(?P<q>{_SHARE_OF_ONE}|{_ONE_AND_A_HALF}) {_TO} {_u('u')}",
        rf"how many {_u('u')} (are |is )?(there )?in (?P<q>{_ONE_AND_A_HALF})",
        rf"(?P<q>{measures.QUANTITY}) (is|are|equals|makes?) how many {_u('u')}",
    ),
    *frames.frames(
        _combined,
        rf"<ask>{_q('q1')} (?P<way>plus|\+|minus|-) {_q('q2')}( {_TO} {_u('u')})?",
        rf"(?P<way>add) {_q('q1')} (and|to) {_q('q2')}( {_TO} {_u('u')})?",
        rf"<ask>the (?P<way>sum) of {_q('q1')} and {_q('q2')}( {_TO} {_u('u')})?",
    ),
    *frames.frames(
        _larger,
        rf"(which|what) is (?P<word>{'|'.join(_COMPARED)})[,:]? {_q('q1')},? or {_q('q2')}",
    ),
    *frames.frames(
        _how_long,
        (
            rf"how long (does|will|would) it take ({_WHO} )?to {_MOVE} {_q('q1')} at (a |an average |a constant "
            rf")?(speed of )?{_q('q2')}"
        ),
        (
            rf"how long (does|will|would) ({_WHO}) (take|need) (to {_MOVE}|for) {_q('q1')} at (a |an average |a "
            rf"constant )?(speed of )?{_q('q2')}"
        ),
        (
            rf"(if )?{_WHO} ({_MOVES}) {_AT}{_q('q2')}[.,;]? how long (does|will|would) it take (it |him |her |them |me )?"
            rf"to {_MOVE} {_q('q1')}"
        ),
    ),
    *frames.frames(
        _how_far,
        (
            rf"how far (does|do|will|can|would) {_WHO} {_MOVE} in {_q('q1')} at (a |an average |a constant "
            rf")?(speed of )?{_q('q2')}"
        ),
        (
            rf"how far (does|do|will|can|would) {_WHO} {_MOVE} at (a |an average |a constant )?(speed of "
            rf")?{_q('q2')} (in|for) {_q('q1')}"
        ),
        rf"(if )?{_WHO} ({_MOVES}) {_AT}?{_q('q2')} for {_q('q1')}[.,;]? how far (does|do|did|will|would|has|have) {_WENT}",
        rf"(if )?{_WHO} ({_MOVES}) {_AT}{_q('q2')}[.,;]? how far (does|do|did|will|would|can) {_WENT} in {_q('q1')}",
    ),
    *frames.frames(
        _speed,
        rf"<ask>{_q('q1')} ?(/|divided by) ?{_q('q2')}(,? {_TO} {_u('u')})?",
        (
            rf"<ask>(the )?(average )?speed (of|for|when covering|if {_WHO} {_MOVE}s?) {_q('q1')} in "
            rf"{_q('q2')}(,? {_TO} {_u('u')})?"
        ),
        (
            rf"(if )?{_WHO} ({_MOVES}) {_q('q1')} in {_q('q2')}[.,;]? what (is|was) (its|his|her|their|the) "
            rf"(average )?speed( of the [a-z]+)?( {_TO} {_u('u')})?"
        ),
    ),
    *frames.frames(_exchange, rf"(<ask>|convert |change |exchange )<w:money> (in|to|into) {_CURRENCY}"),
]
