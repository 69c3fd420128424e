"""So many of a thing in each unit of time or in each box, or taken out each time; pieces of one length."""

import re
from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import frames, numbers, stops
from council.serving.compute.quantities.stories import kinds, words

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800, "month": 0, "year": 0}
# What is done every day of the week; of anything else it is not clear whether a week has five days or seven.
_DAILY = frozenset({"read", "eat", "drink", "lay", "sleep", "save", "need", "use"})
_CHECK = "going back from the answer gives the rate"


def _noun(name: str) -> str:
    return f"(?P<{name}>{words.NOUN})"


def _n(name: str) -> str:
    return f"(?P<{name}>{words.COUNT})"


def _stem(verb: str) -> str:
    verb = verb.lower()
    return (
        re.sub(r"(?<=[^aeiou])ies$", "y", verb)
        if verb.endswith("ies")
        else re.sub(r"(?:(?<=sh|ch|ss)es|(?<=x)es|s)$", "", verb)
    )


def _checked_verb(match: frames.Match) -> str:
    verb = _stem(match["verb"])
    words.check_same(match["who"], match.groupdict().get("again"))
    if match.groupdict().get("verb2") and _stem(match["verb2"]) != verb:
        raise stops.PassOnError(f"{match['verb']} and {match['verb2']} may be different things to do")
    return verb


def _same(one: str, other: str) -> None:
    if words.thing(one) != words.thing(other):
        raise stops.PassOnError(f"{one} and {other} may be different things")


def _periods(match: frames.Match, verb: str, count: Fraction) -> Fraction:
    """Return how many of the rate's units of time there are in the time asked for."""
    rate, asked = words.thing(match["unit"]), words.thing(match["unit2"])
    if rate == asked:
        return count
    first, second = _SECONDS.get(rate, 0), _SECONDS.get(asked, 0)
    if (
        not first
        or not second
        or ("week" in (rate, asked) and verb not in _DAILY)
        or (asked in ("day", "week") and first < 86_400)
    ):
        raise stops.PassOnError(f"it is not clear how many {rate}s such a {asked} has")
    if rate in ("day", "week") and second < first:
        raise stops.PassOnError(f"it is not clear how a {rate} is spread over {asked}s")
    return count * Fraction(second, first)


def _done(match: frames.Match) -> results.Solved:
    verb = _checked_verb(match)
    _same(match["t1"], match["t2"])
    things = words.plural(words.thing(match["t1"]))
    rate = words.count(match["m"])
    periods = _periods(match, verb, words.count(match["n"]))
    total = rate * periods
    if total.denominator != 1:
        raise stops.PassOnError("a part of one thing")
    stops.require(periods == 0 or total / periods == rate, "the rate")
    reading = f"{numbers.text(rate)} {things} each {words.thing(match['unit'])} x {numbers.text(periods)}"
    return frames.solved(f"{reading} = {numbers.text(total)}", reading, _CHECK, total)


def _time(match: frames.Match) -> results.Solved:
    _checked_verb(match)
    _same(match["t1"], match["t2"])
    _same(match["unit"], match["unit2"])
    things = words.plural(words.thing(match["t1"]))
    rate, total = words.count(match["m"]), words.count(match["n"])
    if not rate or total % rate:
        raise stops.PassOnError("the time is no whole number, and may be meant to be")
    reading = f"{numbers.text(total)} {things} at {numbers.text(rate)} each {words.thing(match['unit'])}"
    value = total / rate
    stops.require(value * rate == total, "the rate")
    unit = words.thing(match["unit"]) + ("" if value == 1 else "s")
    return frames.solved(f"{reading} = {numbers.text(value)} {unit}", reading, _CHECK, value)


def _saved(match: frames.Match) -> results.Solved:
    for name in ("t2", "t3"):
        _same(match["t1"], match[name])
    for name in ("unit2", "unit3"):
        _same(match["unit"], match[name])
    gain, loss, count = words.count(match["m"]), words.count(match["k"]), words.count(match["n"])
    value = (gain - loss) * count
    if value < 0:
        raise stops.PassOnError("more is spent than saved")
    stops.require(gain * count - loss * count == value, "what is saved and what is spent apart")
    reading = f"({numbers.text(gain)} - {numbers.text(loss)}) x {numbers.text(count)}"
    return frames.solved(f"{reading} = {numbers.text(value)}", reading, "what is saved and what is spent, apart", value)


def _there_and_back(match: frames.Match) -> results.Solved:
    _same(match["t1"], match["t2"])
    way, days = words.count(match["m"]), words.count(match["n"])
    if days > 7:
        raise stops.PassOnError("a week has seven days")
    value = way * 2 * days
    stops.require(sum((way + way for _ in range(int(days))), Fraction(0)) == value, "day by day")
    reading = f"2 x {numbers.text(way)} x {numbers.text(days)}"
    return frames.solved(f"{reading} = {numbers.text(value)}", reading, "added up day by day", value)


def _taken_out(match: frames.Match) -> results.Solved:
    for name in ("t2", "t3"):
        _same(match["t1"], match[name])
    _same(match["each"], match["each2"])
    start, part, times = words.count(match["w"]), words.count(match["m"]), words.count(match["n"])
    value = start - part * times
    if value < 0:
        raise stops.PassOnError("more would be taken out than there is")
    left = start
    for _ in range(min(int(times), 10_000)):
        left -= part
    stops.require(times > 10_000 or left == value, "taken out one by one")
    reading = f"{numbers.text(start)} - {numbers.text(times)} x {numbers.text(part)}"
    return frames.solved(f"{reading} = {numbers.text(value)}", reading, "taken out one by one", value)


def _pieces(match: frames.Match) -> results.Solved:
    _same(match["t1"], match["t2"])
    whole, pieces, joined = words.count(match["w"]), words.count(match["n"]), words.count(match["k"])
    if not pieces or joined > pieces:
        raise stops.PassOnError("there are not so many pieces")
    value = whole / pieces * joined
    stops.require(value * pieces == whole * joined, "all pieces together")
    reading = f"{numbers.text(whole)} / {numbers.text(pieces)} x {numbers.text(joined)}"
    return frames.solved(f"{reading} = {numbers.text(value)}", reading, "all pieces together give the whole", value)


def _in_each(match: frames.Match) -> results.Solved:
    """`24 pens in 4 boxes. How many in each?`, which supposes as many in each."""
    thing, holder = words.thing(match["g"]), words.thing(match["box"])
    for said, meant in ((match["t"], thing), (match["box2"], holder)):
        if said and words.thing(said) != meant:
            raise stops.PassOnError(f"{said} and {meant} may be different things")
    if not kinds.is_container(holder) or kinds.is_container(thing):
        raise stops.PassOnError(f"{holder} may hold different numbers")
    total, held = words.count(match["n"]), words.count(match["m"])
    if not held or (total / held).denominator != 1:
        raise stops.PassOnError("there are not as many in each")
    value = total / held
    stops.require(value * held == total, "what is in all of them")
    reading = (
        f"{numbers.text(total)} {words.plural(thing)} in {numbers.text(held)} {words.plural(holder)}, as many in each"
    )
    return frames.solved(f"{reading} = {numbers.text(value)}", reading, "all of them together give the whole", value)


_UNIT = r"(?P<unit>second|minute|hour|day|week|month|year)"
_UNITS = r"(?P<unit2>seconds?|minutes?|hours?|days?|weeks?|months?|years?)"
_PER = r"(per|an?|each|every)"
_VERB = (
    r"(?P<verb>makes|prints|reads|bakes|produces|types|paints|eats|drinks|packs|sells|picks|lays|saves|uses|"
    r"plants|builds|writes|solves|collects|washes)"
)
_PLAIN = (
    r"(?P<verb2>make|print|read|bake|produce|type|paint|eat|drink|pack|sell|pick|lay|save|use|plant|build|write|"
    r"solve|collect|wash)"
)
_WHO = rf"(?P<who>(?:an?|the|one) (?:{words.NAME} )?(?P<kind>{words.NAME})|{words.NAME})"
_AGAIN = r"(?P<again>(?P=who)|it|he|she|the (?P=kind))"
_RATE = rf"{_WHO} {_VERB} {_n('m')} {_noun('t1')} {_PER} {_UNIT}"

FRAMES = [
    *frames.frames(
        _in_each,
        (
            rf"((there are|i have|we have|you have) )?(?P<n>{words.COUNT}) (?P<g>{words.NOUN}) (are )?in (?P<m>{words.COUNT}) "
            rf"(equal |identical |full )?(?P<box>[a-z]+)[.,;]? how many( (?P<t>{words.NOUN}))?( are( there)?)? in each"
            rf"( (?P<box2>{words.NOUN}))?"
        ),
    ),
    *frames.frames(
        _done,
        rf"{_RATE}[.,;]? how many {_noun('t2')} (does|will|can) {_AGAIN} {_PLAIN} in {_n('n')} {_UNITS}",
    ),
    *frames.frames(
        _time,
        (
            rf"{_RATE}[.,;]? how many {_UNITS} (does|will) (it take )?{_AGAIN} ((need|take) )?to "
            rf"{_PLAIN} {_n('n')} {_noun('t2')}"
        ),
        (
            rf"{_WHO} {_VERB} {_n('m')} {_noun('t1')} {_PER} {_UNIT}[.;] {words.NAME} needs {_n('n')} "
            rf"{_noun('t2')}[.,;]? how many {_UNITS} does the (?P=kind) (run|work)"
        ),
    ),
    *frames.frames(
        _saved,
        (
            rf"{words.NAME} (saves|earns|gets) {_n('m')} {_noun('t1')} every {_UNIT} and spends {_n('k')} "
            rf"{_noun('t2')} every (?P<unit2>[a-z]+)[.,;]? how many {_noun('t3')} are left after {_n('n')} "
            rf"(?P<unit3>[a-z]+)"
        ),
    ),
    *frames.frames(
        _there_and_back,
        (
            rf"{words.NAME} (walks|cycles|drives|runs) {_n('m')} {_noun('t1')} to (school|work|the [a-z]+) and "
            rf"the same way back,? {_n('n')} days (a|per|each|every) week[.,;]? how many {_noun('t2')} is that "
            rf"in (one|a) week"
        ),
    ),
    *frames.frames(
        _taken_out,
        (
            rf"an? {words.NAME} (holds|contains|has) {_n('w')} {_noun('t1')}[.,;]? each (?P<each>[a-z]+) takes out "
            rf"{_n('m')} {_noun('t2')}[.,;]? how many {_noun('t3')} (remain|are left) after {_n('n')} "
            rf"(?P<each2>[a-z]+)"
        ),
    ),
    *frames.frames(
        _pieces,
        (
            rf"an? {words.NAME} of {_n('w')} {_noun('t1')} is cut into {_n('n')} equal pieces[.,;]? {words.NAME} joins "
            rf"{_n('k')} of the pieces end to end[.,;]? how long is the result in {_noun('t2')}"
        ),
    ),
]
