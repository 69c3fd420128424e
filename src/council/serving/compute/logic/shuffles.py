"""Who has what after a row of swaps: everyone starts with one thing, pairs trade, one question about the end.

The swaps are played forwards; then each thing is followed back from the end to whoever had it first.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from council.domain import answers, ways
from council.serving.compute import results
from council.serving.compute.logic import problems, script, words

TEXT_CHARS_MAX = 60_000
SENTENCES_MAX = 1_500
PEOPLE_MAX = 30
_STEPS_SHOWN = 12
_NAME = r"[^\W\d_]+"
_LIST = rf"{_NAME}(?:, {_NAME})*,? and {_NAME}"
# How a thing is held: after he or she, after they or does, and with -ing.
_HELD = {
    "has": "have", "holds": "hold", "gets": "get", "is holding": "holding", "is dancing with": "dancing with",
    "is playing": "playing", "receives": "receive", "buys": "buy", "starts with": "start with", "owns": "own",
    "is wearing": "wearing", "carries": "carry", "is given": "have", "picks": "pick", "is carrying": "carrying",
    "sits in": "sit in", "is in": "in", "is reading": "reading", "drives": "drive",
}  # fmt: skip
_HOLDS = "|".join(sorted(_HELD, key=len, reverse=True))
_BASE = "|".join(sorted({*_HELD.values(), "end up with", "have", "end with", "hold"}, key=len, reverse=True))
_START = re.compile(
    r"(?:(?:at the (?:start|beginning)(?: of (?:the|a|an) [a-z]+(?: [a-z]+)?)?|initially|at first|to begin with|in the"
    r" beginning)[,:]? )?"
    r"(?:they (?:are each|each|all) [a-z ]+: |(?:they|everyone|each of them) [a-z ]+: )?(?P<held>.+)",
    re.IGNORECASE,
)
_SCENE = re.compile(
    rf"(?P<names>{_LIST}) are (?:playing (?:a|an) [a-z]+(?: game)?|dancers at a [a-z ]+|holding a [a-z ]+ gift exchange"
    r"|friends(?: and avid readers who occasionally trade books)?|on the same team in a [a-z ]+ match|players|children|students"
    r"|siblings|colleagues|sitting (?:at|around) a (?:round )?table|dancing|at a party)"
)
_TRADING = re.compile(
    r"(?:as|throughout|during|while) the [a-z]+(?: (?:progresses|proceeds|goes on|continues))?,? "
    r"(?:pairs of [a-z]+|the [a-z]+|they|people)(?: of [a-z]+)? (?:(?:often|occasionally|sometimes|start|keep) )?"
    r"(?:trade|swap|switch|exchange|trading|swapping|exchanging)(?: around)?(?P<object> [a-z]+| the new books)?"
)
_LEAD = (
    r"(?:(?:and )?(?:first|firstly|second|secondly|third|thirdly|then|next|after that|afterwards|later|finally|lastly|last|now)"
    r"[,:]? )*"
)
_OBJECT = r"(?: (?:their |the )?(?P<object>[a-z]+(?: [a-z]+)?))?"
_SWAPS = [
    re.compile(
        rf"{_LEAD}(?P<one>{_NAME}) and (?P<two>{_NAME}) (?:both )?(?:swap|trade|switch|exchange|swapped|traded|switched"
        rf"|exchanged){_OBJECT}(?: with (?:each other|one another))?"
    ),
    re.compile(
        rf"{_LEAD}(?P<one>{_NAME}) (?:swaps|trades|switches|exchanges|swapped|traded|switched|exchanged)"
        rf"(?: (?:his |her |their |the )?(?P<object>[a-z]+(?: [a-z]+)?))? with (?P<two>{_NAME})"
    ),
]
_END = (
    r"(?:(?:(?:at|by) the (?:very )?end(?: of the [a-z]+(?: [a-z]+)?)?|in the end|finally|afterwards"
    r"|after (?:all )?(?:the|these) (?:swaps|trades|exchanges)|after all that|now),? ?)"
)
# What a swap may be of besides the things named: none of it may be something else that people have.
_OBJECTS = {
    "is dancing with": {"partners"}, "is playing": {"positions"}, "sits in": {"seats", "places"}, "is reading": {"books"},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Puzzle:
    """`start` maps who to what; names are in lower case, `shown` has their capitals."""

    start: dict[str, str]
    swaps: tuple[tuple[str, str], ...]
    holds: str
    shown: dict[str, str]

    def held(self, who: str, thing: str) -> str:
        """Return that someone has something, as a clause."""
        verb = self.holds if self.holds.startswith("is ") and self.holds != "is given" else "has"
        article = "the " if f"the {thing}" in self.shown else ""
        return f"{self.shown[who]} {verb} {article}{self.shown[thing]}"


def solve(text: str) -> results.Result | None:
    """Answer a question about swaps; None where the text speaks of none. Raises NotUnderstoodError."""
    if not re.search(r"\b(?:swap|trade|switch|exchange)(?:s|es|d|ped|ed)?\b", text[:TEXT_CHARS_MAX], re.IGNORECASE):
        return None
    parts = script.cut(text, TEXT_CHARS_MAX, SENTENCES_MAX)
    puzzle = _read(parts)
    end = _played(puzzle)
    if end != _traced(puzzle):
        return results.PassedOn("two ways to follow the swaps disagree", ways.Why.UNDECIDED)
    return _answered(puzzle, end, parts)


def _read(parts: script.Script) -> _Puzzle:
    start: dict[str, str] = {}
    shown: dict[str, str] = {}
    swaps: list[tuple[str, str]] = []
    named: set[str] = set()
    holds = ""
    objects = {"things", "items", "objects"}
    for position, sentence in enumerate(parts.premises):
        with problems.located(position):
            lowered = sentence.lower().rstrip(":")
            if (match := _TRADING.fullmatch(lowered)) and not set(start) & set(lowered.split()):
                objects |= set((match["object"] or "").split()[-1:])
                continue
            if match := _SCENE.fullmatch(lowered):
                _unhedged(lowered)
                named |= set(re.split(r",? and |, ", match["names"]))
                continue
            if found := _swaps(lowered, start, objects | _OBJECTS.get(holds, set())):
                swaps += found
                continue
            if swaps:
                raise problems.NotUnderstoodError(f"I do not read {sentence[:80]!r}")
            holds = _held(sentence, start, shown, holds)
            objects |= _plurals([*start.values(), *lowered.split(":")[:-1]])
    with problems.located(len(parts.premises)):
        _unhedged(parts.question)
        if not swaps or not 2 <= len(start) <= PEOPLE_MAX or len(set(start.values())) < len(start):
            raise problems.NotUnderstoodError("it needs swaps, and different things that each starts with")
        if named - set(start) or set(start) & set(start.values()):
            raise problems.NotUnderstoodError("it is not said what each has at the start")
    return _Puzzle(start, tuple(swaps), holds, shown)


def _held(sentence: str, start: dict[str, str], shown: dict[str, str], holds: str) -> str:
    """Take in who has what at the start, and return how it is held, which is the same for all."""
    match = _START.fullmatch(sentence)
    assert match is not None, "the pattern takes any text"
    _unhedged(sentence)
    for piece in re.split(rf",? (?:and )?(?={_NAME} (?:{_HOLDS}) )", match["held"]):
        said = re.fullmatch(rf"({_NAME}) ({_HOLDS}) (.+)", piece, re.IGNORECASE)
        if not said or said[1].lower() in start or said[1].lower() in words.FUNCTION_WORDS:
            raise problems.NotUnderstoodError(f"I do not read {piece[:80]!r}")
        thing = _thing(said[3])
        if holds not in ("", said[2].lower()) or re.search(r"[,;:]| (?:and|or|but|not|with|an?) ", f" {thing} "):
            raise problems.NotUnderstoodError(f"I do not read {piece[:80]!r}")
        holds = said[2].lower()
        start[said[1].lower()] = thing
        shown[said[1].lower()] = said[1]
        if re.match(r"(?:an?|the) ", said[3]):
            shown[f"the {thing}"] = thing
        shown[thing] = re.sub(r"^(?:an?|the) (?=\w)", "", said[3])
    return holds


def _unhedged(text: str) -> None:
    """Pass on what says how surely or how often something holds."""
    if words.HEDGES.intersection(re.findall(r"[^\W\d_]+", text.lower())):
        raise problems.NotUnderstoodError(f"I do not read {text[:80]!r}")


def _thing(text: str) -> str:
    return re.sub(r"^(?:an?|the) (?=\w)", "", text.lower().strip())


def _plurals(phrases: Sequence[str]) -> set[str]:
    """Return the plurals of the last word of each phrase: red hat, hats."""
    return {plural for phrase in phrases for plural in words.plurals(phrase.split()[-1])}


def _swaps(lowered: str, start: dict[str, str], objects: set[str]) -> list[tuple[str, str]]:
    """Return the swaps of a sentence, or nothing where it is not made of swaps."""
    found = []
    for piece in re.split(r",? (?:and )?(?=then,? )|; ", lowered):
        match = next(filter(None, (form.fullmatch(piece) for form in _SWAPS)), None)
        if match is None:
            return []
        pair = (match["one"], match["two"])
        told = {match["object"] or "things"}
        if pair[0] == pair[1] or not set(pair) <= set(start) or not told <= objects | {_single(o) for o in objects}:
            raise problems.NotUnderstoodError(f"I do not read {piece[:80]!r}")
        found.append(pair)
    return found


def _single(plural: str) -> str:
    return words.singular_of(plural, set()) or plural


def _played(puzzle: _Puzzle) -> dict[str, str]:
    """Return who has what in the end, playing the swaps forwards."""
    holding = dict(puzzle.start)
    for one, two in puzzle.swaps:
        holding[one], holding[two] = holding[two], holding[one]
    return holding


def _traced(puzzle: _Puzzle) -> dict[str, str]:
    """Return the same by following back, from each person at the end, where the thing was before each swap."""
    end = {}
    for person in puzzle.start:
        place = person
        for pair in reversed(puzzle.swaps):
            if place in pair:
                place = pair[1 - pair.index(place)]
        end[person] = puzzle.start[place]
    return end


def _answered(puzzle: _Puzzle, end: dict[str, str], parts: script.Script) -> results.Result:
    people = list(puzzle.start)
    asked = re.sub(rf"^{_END}|,? ?{_END}$", "", parts.question.lower()).strip()
    if re.fullmatch(rf"who (?:{_HOLDS}) (?:what|which [a-z]+)", asked) and not parts.options:
        lines = [f"{puzzle.shown[who]}: {puzzle.shown[end[who]]}." for who in people]
        return _solved(puzzle, "\n".join(lines))
    who, thing = _asked(asked, puzzle, end)
    name = thing if re.match(r"who (?!is .+ dancing)", asked) else who
    head = puzzle.shown[who] if name == thing else puzzle.shown[thing]
    if parts.options:
        letters = [letter for letter, words_ in parts.options if _thing(words_) == _thing(head)]
        if len(letters) != 1:
            raise problems.NotUnderstoodError("I do not read its lettered options", len(parts.premises))
        head = f"{letters[0]}) {head}"
    return _solved(puzzle, f"{head}. In the end {puzzle.held(who, thing)}.")


def _asked(asked: str, puzzle: _Puzzle, end: dict[str, str]) -> tuple[str, str]:
    """Return the person and the thing that the question joins."""
    holder = {thing: who for who, thing in end.items()}
    what = r"(?:what|which [a-z]+|what [a-z]+|who|whom)"
    for form in (
        rf"(?P<who>{_NAME}) (?:{_HOLDS})(?: the)?",
        rf"{what} (?:does|will) (?P<who>{_NAME}) (?:{_BASE})",
        rf"{what} is (?P<who>{_NAME}) (?:{_BASE})",
    ):
        if (match := re.fullmatch(form, asked)) and match["who"] in end:
            return match["who"], end[match["who"]]
    match = re.fullmatch(rf"who (?:{_HOLDS}|ends up with|ends with|is dancing with) (?P<thing>.+)", asked)
    if match and _thing(match["thing"]) in holder:
        return holder[_thing(match["thing"])], _thing(match["thing"])
    raise problems.NotUnderstoodError(f"I do not read the question {asked[:80]!r}", SENTENCES_MAX)


def _solved(puzzle: _Puzzle, answer: str) -> results.Solved:
    shown = puzzle.shown
    begun = ", ".join(puzzle.held(who, thing) for who, thing in puzzle.start.items())
    swapped = [f"{shown[one]} and {shown[two]} swap" for one, two in puzzle.swaps]
    reading = f"I read:\nAt the start {begun}.\n{_few(swapped)}\nQuestion: the end."
    check = "each thing was also followed back from the end to the start"
    detail = {"family": "shuffles", "start": puzzle.start, "swaps": [list(pair) for pair in puzzle.swaps[:200]]}
    return results.Solved(answer, reading, answers.Level.COMPUTED, check, _states(puzzle), detail)


def _few(swapped: Sequence[str]) -> str:
    more = f" And {len(swapped) - 40} more swaps." if len(swapped) > 40 else ""
    return ". ".join(swapped[:40]) + "." + more


def _states(puzzle: _Puzzle) -> tuple[str, ...]:
    """Return who has what after each of the first swaps."""
    holding = dict(puzzle.start)
    lines = []
    for one, two in puzzle.swaps[:_STEPS_SHOWN]:
        holding[one], holding[two] = holding[two], holding[one]
        now = ", ".join(f"{puzzle.shown[who]}: {puzzle.shown[thing]}" for who, thing in holding.items())
        lines.append(f"{puzzle.shown[one]} and {puzzle.shown[two]} swap: {now}.")
    return tuple(lines)
