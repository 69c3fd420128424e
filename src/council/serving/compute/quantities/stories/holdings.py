"""Who has how many of what: gains, losses, gifts, comparisons. Undone from the end, every step must lead back to the start.

A pronoun is read only while one person is known. A change told in another tense than what was there before it, or a comparison
after a change, can be meant in two ways.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import frames, numbers, stops
from council.serving.compute.quantities.stories import kinds, words

_GAIN_NOW = "buys|finds|gets|receives|picks|wins|collects"
_GAIN_PAST = "bought|found|got|received|picked|won|collected"
_LOSS_NOW = "loses|eats|sells|uses|gives away|throws away|spends"
_LOSS_PAST = "lost|ate|sold|used|gave away|threw away|spent"
_TRADES = frozenset(("buys", "bought", "sells", "sold"))
_VERBS = "|".join((_GAIN_NOW, _GAIN_PAST, _LOSS_NOW, _LOSS_PAST, "gives", "gave"))
_WHO = rf"(?P<who>{words.NAME}|he|she)"
_N = rf"(?P<n>{words.COUNT})"
_THING = rf"( (?P<thing>{words.NOUN}))?"
_SHOP = (
    r"( (at|in|on|from) (the|a|an|his|her) (store|shop|market|park|garden|street|beach|supermarket|floor|tree|"
    r"school|morning|afternoon|evening))?"
)
_PLACE = r"( (at|in|on) the (market|park|garden|street|beach|school|morning|afternoon|evening))?"
_NEW = r"( (more|new|other|additional|extra))?"
_OF = r"( more| of (?P<whose>his|her|the|them|those))?"

_HAS = frames.pattern(
    rf"{_WHO} (?P<verb>has|owns|had|owned|starts with|started with) (?P<list>{words.COUNT} {words.NOUN}((, | and "
    rf"|, and ){words.COUNT} {words.NOUN}){{0,3}}?)"
    r"( (at first|in the beginning|to start with|in (?P<whose>his|her) (bag|box|collection|pocket|room|basket)))?"
)
_ITEM = frames.pattern(rf"(?P<number>{words.COUNT}) (?P<noun>{words.NOUN})(?=, |$| and )")
_GAIN = frames.pattern(
    rf"{_WHO} (then |later )?(?P<verb>{_GAIN_NOW}|{_GAIN_PAST}) {_N}{_NEW}{_THING}{_SHOP}( later| then)?"
)
_LOSS = frames.pattern(
    rf"{_WHO} (then |later )?(?P<verb>{_LOSS_NOW}|{_LOSS_PAST}) {_N}{_OF}{_THING}(?P<place>{_PLACE})( later| then)?"
)
_HALF = frames.pattern(
    rf"{_WHO} (then |later )?(?P<verb>{_LOSS_NOW}|{_LOSS_PAST}) (?P<part>half|a third|a quarter)( of"
    rf"( (?P<whose>his|her|the|them))?{_THING})?"
)
_GIVE = frames.pattern(
    rf"{_WHO} (then |later )?(?P<verb>gives|gave) {_N}{_OF}{_THING} to ((?P<kin>(his|her) (friend|brother|sister|"
    rf"mother|father)) ?)?(?P<to>{words.NAME})?"
)
_GIVE_TO = frames.pattern(rf"{_WHO} (then |later )?(?P<verb>gives|gave) (?P<to>{words.NAME}) {_N}{_OF}{_THING}")
_FROM = frames.pattern(
    rf"{_WHO} (then |later )?(?P<verb>gets|receives|got|received) {_N}{_NEW}{_THING} from "
    rf"(?P<source>{words.NAME})"
)
_MORE_THAN = frames.pattern(
    rf"{_WHO} (?P<verb>has|had) {_N} (?P<way>more|fewer|less) (?P<thing>{words.NOUN}) than "
    rf"(?P<other>{words.NAME})"
)
_TIMES_AS = frames.pattern(
    rf"{_WHO} (?P<verb>has|had) (?P<factor>twice|half|three times|four times|five times|\d{{1,3}} times) as many "
    rf"(?P<thing>{words.NOUN}) as (?P<other>{words.NAME})"
)
_TOTAL = r"( (now|left|in the end|in total|altogether|in all|together|at the end|then))*"
_ASK_ONE = frames.pattern(rf"how many (?P<thing>{words.NOUN}) (does|will) {_WHO} (now |still )?have{_TOTAL}")
_ASK_ALL = frames.pattern(
    rf"how many (?P<thing>{words.NOUN}) do (they|(?P<a>{words.NAME}) and (?P<b>{words.NAME})) (both |all )?have "
    rf"(in total|altogether|in all|together|combined)"
)
_ASK_MORE = frames.pattern(
    rf"how many (?P<way>more|fewer) (?P<thing>{words.NOUN}) does {_WHO} have than (?P<other>{words.NAME})( now)?"
)


@dataclass(slots=True)
class _State:
    """`steps` are (person, thing, change) in order; `start` what each had before the first of them.

    `unsure` are those who got some of what it is not told they had.
    """

    start: dict[tuple[str, str], Fraction] = field(default_factory=dict)
    now: dict[tuple[str, str], Fraction] = field(default_factory=dict)
    steps: list[tuple[str, str, Fraction]] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    things: set[str] = field(default_factory=set)
    unsure: set[tuple[str, str]] = field(default_factory=set)
    tense: str = ""
    pronoun: str = ""
    verbs: set[str] = field(default_factory=set)

    def person(self, word: str) -> str:
        """Return who a name or pronoun is, and know them from here on."""
        if word in ("he", "she"):
            if len(self.people) != 1 or kinds.fits(self.people[0], word) is False or self.pronoun not in ("", word):
                raise stops.PassOnError(f"it is not clear who {word} is")
            self.pronoun = word
            return self.people[0]
        if word not in self.people:
            self.people.append(word)
        return word

    def check_whose(self, person: str, whose: str | None) -> None:
        """Pass on where `his`, or `of the`, may be said of things of somebody else."""
        others = [other for other in self.people if other != person]
        if whose in ("his", "her"):
            pronoun = {"his": "he", "her": "she"}[whose]
            known = kinds.fits(person, pronoun) or (self.pronoun == pronoun and not others)
            if not known or any(kinds.fits(other, pronoun) is not False for other in others):
                raise stops.PassOnError(f"it is not clear who {whose} means")
        elif whose and others:
            raise stops.PassOnError("it is not clear whose things are meant")

    def thing(self, word: str | None) -> str:
        """Return the thing meant, the only one where none is named."""
        if word is None or word in ("of them", "them"):
            if len(self.things) != 1:
                raise stops.PassOnError("it is not clear which things are meant")
            return next(iter(self.things))
        named = words.owned(word)
        self.things.add(named)
        return named

    def told_in(self, tense: str) -> None:
        """Hold every sentence to one tense."""
        if self.tense and tense != self.tense:
            raise stops.PassOnError("it changes between present and past, so its order is not clear")
        self.tense = tense

    def has(self, person: str, thing: str, count: Fraction) -> None:
        """Note what someone has; before any change, and once."""
        if self.steps or (person, thing) in self.now:
            raise stops.PassOnError("what someone has is told again, or after a change")
        self.start[person, thing] = self.now[person, thing] = count

    def change(self, person: str, thing: str, count: Fraction) -> None:
        """Note a gain or loss of someone whose number is known."""
        if (person, thing) not in self.now:
            raise stops.PassOnError(f"it is not said how many {words.plural(thing)} {person} had")
        self.now[person, thing] += count
        self.steps.append((person, thing, count))
        if self.now[person, thing] < 0:
            raise stops.PassOnError(f"{person} would have fewer than no {words.plural(thing)}")


def read(sentences: list[str]) -> results.Result:
    """Return the answer to a story of holdings. Raises PassOnError."""
    state = _State()
    for sentence in sentences[:-1]:
        for clause in _clauses(words.strip_openers(sentence)):
            _tell(state, clause)
    question = re.sub(r"^(?:so|now),? ", "", sentences[-1])
    return _answer(state, question)


def _clauses(sentence: str) -> list[str]:
    """Cut `X buys 3 and eats 2` before each verb after the first, with the same person. Raises PassOnError."""
    verb_first = re.compile(rf"(?:then )?(?:{_VERBS}) ")
    parts = re.split(rf",? (?:and|then|and then|but) (?=(?:then )?(?:{_VERBS}) )", sentence)
    parts = [
        inner
        for part in parts
        for inner in re.split(rf",? (?:and|while|but) (?={words.NAME} (?:has|had|gives|gave|{_VERBS}) )", part)
    ]
    subjects = {part.split(" ", 1)[0] for part in parts if not verb_first.match(part)}
    if len(subjects) > 1 and any(verb_first.match(part) for part in parts):
        raise stops.PassOnError("it is not clear who does what")
    subject = parts[0].split(" ", 1)[0]
    return [f"{subject} {part}" if verb_first.match(part) else part for part in parts]


def _tell(state: _State, clause: str) -> None:
    for pattern, apply in (
        (_MORE_THAN, _compare), (_TIMES_AS, _compare_times), (_HAS, _have), (_GIVE, _give), (_GIVE_TO, _give), (_FROM, _get),
        (_HALF, _lose_part), (_GAIN, _gain), (_LOSS, _lose),
    ):  # fmt: skip
        if match := pattern.fullmatch(clause):
            state.told_in(_tense(match["verb"]))
            state.verbs.add(match["verb"])
            person = state.person(match["who"])
            state.check_whose(person, match.groupdict().get("whose"))
            apply(state, person, match)
            return
    raise stops.PassOnError(f"I do not read {clause[:80]!r}")


def _tense(verb: str) -> str:
    return "present" if verb in (_GAIN_NOW + "|" + _LOSS_NOW + "|has|owns|starts with|gives").split("|") else "past"


def _have(state: _State, person: str, match: frames.Match) -> None:
    items = [(item["number"], item["noun"]) for item in _ITEM.finditer(match["list"])]
    if " and ".join(f"{number} {noun}" for number, noun in items) != re.sub(r", and |, ", " and ", match["list"]):
        raise stops.PassOnError("I do not read that list of things")
    for number, noun in items:
        state.has(person, state.thing(noun), words.count(number))


def _gain(state: _State, person: str, match: frames.Match) -> None:
    state.change(person, state.thing(match["thing"]), words.count(match["n"]))


def _lose(state: _State, person: str, match: frames.Match) -> None:
    if match["place"] and match["verb"] not in ("loses", "lost", "sells", "sold"):
        raise stops.PassOnError("there may be other things at that place")
    state.change(person, state.thing(match["thing"]), -words.count(match["n"]))


def _lose_part(state: _State, person: str, match: frames.Match) -> None:
    thing = state.thing(match["thing"])
    share = {"half": Fraction(1, 2), "a third": Fraction(1, 3), "a quarter": Fraction(1, 4)}[match["part"]]
    count = state.now.get((person, thing), Fraction(0)) * share
    if any((who, what) == (person, thing) for who, what, _ in state.steps):
        raise stops.PassOnError("it is not clear whether of all or of what is left")
    if count.denominator != 1 or kinds.is_money(thing):
        raise stops.PassOnError("a part of one thing, or a coin")
    state.change(person, thing, -count)


def _give(state: _State, person: str, match: frames.Match) -> None:
    count, thing = words.count(match["n"]), state.thing(match["thing"])
    state.change(person, thing, -count)
    if match["to"]:
        other = state.person(match["to"])
        if other == person:
            raise stops.PassOnError("someone gives something to themselves")
        if (other, thing) in state.now:
            state.change(other, thing, count)
        else:
            state.unsure.add((other, thing))
    elif len(state.people) > 1:
        raise stops.PassOnError("who gets them may be someone told of")


def _get(state: _State, person: str, match: frames.Match) -> None:
    count, thing = words.count(match["n"]), state.thing(match["thing"])
    other = state.person(match["source"])
    if other == person:
        raise stops.PassOnError("someone gets something from themselves")
    if (other, thing) in state.now:
        state.change(other, thing, -count)
    else:
        state.unsure.add((other, thing))
    state.change(person, thing, count)


def _compare(state: _State, person: str, match: frames.Match) -> None:
    count = words.count(match["n"])
    _set_beside(state, person, match, lambda known: known + (count if match["way"] == "more" else -count))


def _compare_times(state: _State, person: str, match: frames.Match) -> None:
    word = match["factor"]
    named = {"twice": Fraction(2), "half": Fraction(1, 2)}
    factor = named[word] if word in named else numbers.read(word.removesuffix(" times"))
    _set_beside(state, person, match, lambda known: known * factor)


def _set_beside(state: _State, person: str, match: frames.Match, made: Callable[[Fraction], Fraction]) -> None:
    other, thing = match["other"], state.thing(match["thing"])
    if (other, thing) not in state.now or other == person:
        raise stops.PassOnError(f"it is not said before how many {words.plural(thing)} {other} has")
    value = made(state.now[other, thing])
    if value < 0 or value.denominator != 1:
        raise stops.PassOnError("that is no number of things")
    state.has(person, thing, value)


def _answer(state: _State, question: str) -> results.Solved:
    if match := _ASK_ONE.fullmatch(question):
        thing = words.thing(match["thing"])
        person = state.person(match["who"])
        value = _known(state, person, thing)
        what = f"{words.plural(thing)} of {person.title()}"
    elif match := _ASK_ALL.fullmatch(question):
        thing = words.thing(match["thing"])
        asked = [match["a"], match["b"]] if match["a"] else state.people
        if len(asked) < 2 or set(asked) != set(state.people):
            raise stops.PassOnError("it is not clear whose things are added up")
        value = sum((_known(state, person, thing) for person in asked), Fraction(0))
        what = f"{words.plural(thing)} of {' and '.join(person.title() for person in asked)}"
    elif match := _ASK_MORE.fullmatch(question):
        thing = words.thing(match["thing"])
        person, other = state.person(match["who"]), state.person(match["other"])
        value = _known(state, person, thing) - _known(state, other, thing)
        value = value if match["way"] == "more" else -value
        if value < 0 or person == other:
            raise stops.PassOnError("the comparison goes the other way")
        what = f"how many {match['way']} {words.plural(thing)} {person.title()} has than {other.title()}"
    else:
        raise stops.PassOnError(f"I do not read the question {question[:80]!r}")
    _check_things(state, thing, question)
    _check(state)
    told = [
        f"{person.title()}: {numbers.text(count)} {words.plural(thing)}"
        for (person, thing), count in state.start.items()
    ]
    told += [
        f"{person.title()}: {'+' if count >= 0 else '-'}{numbers.text(abs(count))} {words.plural(thing)}"
        for person, thing, count in state.steps
    ]
    return frames.solved(
        f"{what} = {numbers.text(value)}",
        "; ".join((*told, f"asked: {what}")),
        "the steps undone from the end lead back to the start",
        value,
    )


def _check_things(state: _State, asked: str, question: str) -> None:
    """Pass on where something told of may change or hold what is asked without a word of it."""
    words.check_apart(state.things | {asked})
    words.check_kinds(asked, state.things)
    if state.verbs & _TRADES and any(kinds.is_money(thing) for thing in state.things):
        raise stops.PassOnError("it is not said what was paid")
    if state.verbs & {"wins", "won"} and len(state.people) > 1:
        raise stops.PassOnError("it is not said from whom it was won")
    if state.verbs & {"uses", "used"} and "left" not in question.split():
        raise stops.PassOnError("what is used may be there still")


def _known(state: _State, person: str, thing: str) -> Fraction:
    if (person, thing) not in state.now or (person, thing) in state.unsure:
        raise stops.PassOnError(f"it is not said how many {words.plural(thing)} {person} has")
    return state.now[person, thing]


def _check(state: _State) -> None:
    back = dict(state.now)
    for person, thing, count in reversed(state.steps):
        back[person, thing] -= count
    stops.require(back == state.start, "the steps undone")
