"""A change whose start or size is not told, but what there is after it. Told with the answer, the story must come out."""

from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import frames, numbers, stops
from council.serving.compute.quantities.stories import kinds, words

_GAINS = {
    "buy": "bought",
    "find": "found",
    "get": "got",
    "receive": "received",
    "pick": "picked",
    "collect": "collected",
}
_LOSSES = {"lose": "lost", "eat": "ate", "sell": "sold", "give away": "gave away"}
_PLAIN = {past: plain for plain, past in (*_GAINS.items(), *_LOSSES.items())}
_PAST = "|".join(_PLAIN)


def _thing(match: frames.Match) -> str:
    """Return the thing that every sentence names; names and verbs must be the same all through, too."""
    given = match.groupdict()
    named = {words.owned(given[name]) for name in ("t1", "t2", "t3", "t4") if given.get(name)}
    people = {given[name].lower() for name in ("a1", "a2", "a3", "a4") if given.get(name)}
    pronouns = people & {"he", "she"}
    unfit = any(kinds.fits(name, pronoun) is False for name in people - pronouns for pronoun in pronouns)
    if len(named) != 1 or len(people - pronouns) != 1 or len(pronouns) > 1 or unfit:
        raise stops.PassOnError("it is not clear who has what")
    if given.get("some") and match["verb"].lower() in _GAINS.values():
        raise stops.PassOnError("they may be some of those that were there")
    thing = named.pop()
    if kinds.is_money(thing) and match["verb"].lower() in ("bought", "sold"):
        raise stops.PassOnError("it is not said what was paid")
    return thing


def _solved(
    match: frames.Match, asked: str, value: Fraction, told: tuple[Fraction, Fraction, Fraction]
) -> results.Solved:
    start, change, end = told
    gain = match["verb"].lower() in _GAINS.values()
    if min(start, change, end) < 0:
        raise stops.PassOnError("that is no number of things")
    stops.require((start + change if gain else start - change) == end, "the story told again")
    sign = "+" if gain else "-"
    reading = f"{numbers.text(start)} {sign} {numbers.text(change)} = {numbers.text(end)}, where {asked} was asked"
    return frames.solved(f"{asked} = {numbers.text(value)}", reading, "the story told again with the answer", value)


def _start(match: frames.Match) -> results.Solved:
    thing, change, end = _thing(match), words.count(match["n"]), words.count(match["m"])
    gain = match["verb"].lower() in _GAINS.values()
    start = end - change if gain else end + change
    return _solved(match, f"{words.plural(thing)} at the start", start, (start, change, end))


def _change(match: frames.Match) -> results.Solved:
    thing, start, end = _thing(match), words.count(match["n"]), words.count(match["m"])
    verb = match["verb"].lower()
    if _PLAIN[verb] != match["plain"].lower():
        raise stops.PassOnError(f"{verb} and {match['plain']} are different")
    change = end - start if verb in _GAINS.values() else start - end
    return _solved(match, f"{words.plural(thing)} {verb}", change, (start, change, end))


def _who(number: int) -> str:
    return rf"(?P<a{number}>{words.NAME}|he|she)"


def _what(number: int) -> str:
    return rf"(?P<t{number}>{words.NOUN})"


_N, _M = rf"(?P<n>{words.COUNT})", rf"(?P<m>{words.COUNT})"
_DID = rf"[.;] ?(then )?{_who(2)} (then )?(?P<verb>{_PAST})"
_WHAT = rf"( more|(?P<some> of them))?( {_what(2)})?"
_NOW = rf"[.;] ?(and )?now,? {_who(3)} has {_M}( {_what(3)})?( left)?[.;] ?"
_AT_FIRST = r"(at first|in the beginning|to start with|initially|at the start)"
_DO = rf"(?P<plain>{'|'.join((*_GAINS, *_LOSSES))})"

FRAMES = [
    *frames.frames(
        _start,
        rf"{_who(1)} had some {_what(1)}{_DID} {_N}{_WHAT}{_NOW}how many {_what(4)} did {_who(4)} have {_AT_FIRST}",
    ),
    *frames.frames(
        _change,
        rf"{_who(1)} had {_N} {_what(1)}{_DID} some{_WHAT}{_NOW}how many {_what(4)} did {_who(4)} {_DO}",
    ),
]
