"""So many of one thing in each of another, in one or more levels; sharing equally; what is added or taken away at the end."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import frames, numbers, stops
from council.serving.compute.quantities.stories import kinds, words

_N, _NOUN, _NAME = words.COUNT, words.NOUN, words.NAME
_SUBJECT = (
    rf"(there (are|were)|(a|an|the) ({_NOUN}) (has|had|contains)|(?P<owner>{_NAME}) (has|had|buys|bought|owns|"
    rf"fills|filled|packs|packed))"
)
_HOLD = r"(has|had|holds|held|contains|contained|have)"
_IN = r"( (in|on) (it|them))?"

_EACH_OF = frames.pattern(
    rf"{_SUBJECT} (?P<n>{_N}) (?P<outer>{_NOUN})(?P<link> of| with|, each with| each with| that each have) (?P<m>{_N}) "
    rf"(?P<inner>{_NOUN})(?P<each> each| in each( one)?)?"
)
_COUNT_OF = frames.pattern(rf"{_SUBJECT} (?P<n>{_N}) (?P<thing>{_NOUN})( in total| in all| altogether)?")
_EACH_HOLDS = frames.pattern(
    rf"(each|every)( of the)?( (?P<outer>{_NOUN}))? {_HOLD} (?P<m>{_N}) (?P<inner>{_NOUN})( and (?P<m2>{_N}) "
    rf"(?P<inner2>{_NOUN}))?{_IN}"
)
_IN_EACH = frames.pattern(rf"there (are|were) (?P<m>{_N}) (?P<inner>{_NOUN}) (in|on) (each|every) (?P<outer>{_NOUN})")
_IN_EACH_OF = frames.pattern(
    rf"there (are|were) (?P<m>{_N}) (?P<inner>{_NOUN}) (in|on) each of (the )?(?P<n>{_N}) (?P<outer>{_NOUN})"
)
_PACKS = frames.pattern(
    rf"{_NAME} (packs|puts|packed|put) (?P<m>{_N}) (?P<inner>{_NOUN}) (into|in) each (?P<outer>{_NOUN}) and "
    rf"(fills|filled) (?P<n>{_N}) (?P<outer2>{_NOUN})"
)
_TAKES = frames.pattern(
    rf"({_NAME}) (later |then )?(?P<verb>removes|removed|takes out|took out|adds|added) (?P<k>{_N})( of the| "
    rf"more)? (?P<thing>{_NOUN})"
)
_EMPTY = frames.pattern(
    rf"(on [a-z]+day,? )?(?P<k>{_N})( of the)? (?P<thing>{_NOUN}) (stay|stayed|are|were|remain|remained) "
    rf"(?P<state>empty|free)"
)
_ASK = frames.pattern(
    rf"how many (?P<thing>{_NOUN}) (are there|are packed|were there|does (?P<owner>{_NAME}) have|are left|"
    rf"remain)( in total| in all| altogether| now| left| in the end)*"
)
_ASK_TAKEN = frames.pattern(rf"how many (?P<thing>{_NOUN}) are (taken|occupied|filled)")
_TOTAL = frames.pattern(rf"there (are|were) (a total of )?(?P<n>{_N}) (?P<thing>{_NOUN}) (in total|in all|altogether)")
_SHARE = frames.pattern(
    rf"(?P<who>{_NAME}) (shares|shared|divides|divided|splits|split) (?P<n>{_N}) (?P<thing>{_NOUN}) (equally|"
    rf"evenly) (among|between) (his |her )?(?P<k>{_N}) (?P<people>{_NOUN})"
    rf"(,? (and )?then (gives|gave) (each|every) (?P<people2>{_NOUN}) (?P<j>{_N}) more)?"
)
_ASK_SHARE = frames.pattern(
    rf"how many( (?P<thing>{_NOUN}))? (does|did|will) each( (of them|(?P<people>{_NOUN})))? (get|have|receive)( now|"
    rf" in total)?"
)


_SHARED = frames.pattern(
    rf"(?P<n>{_N}) (?P<thing>{_NOUN}) (are|were) (shared|divided|split) (equally|evenly) (among|between) (?P<k>{_N}) "
    rf"(?P<people>{_NOUN})"
)


@dataclass(slots=True)
class _State:
    counts: dict[str, Fraction] = field(default_factory=dict)
    totals: dict[str, Fraction] = field(default_factory=dict)
    each: dict[tuple[str, str], Fraction] = field(default_factory=dict)
    after: list[tuple[str, Fraction]] = field(default_factory=list)
    empty: str = ""
    owners: set[str] = field(default_factory=set)

    def count(self, thing: str, number: Fraction) -> None:
        if thing in self.counts or any(inner == thing for _, inner in self.each) or self.after:
            raise stops.PassOnError(f"the {words.plural(thing)} are told twice")
        self.counts[thing] = number

    def per(self, outer: str, inner: str, number: Fraction) -> None:
        if inner == outer or inner in self.counts or any(known == inner for _, known in self.each) or self.after:
            raise stops.PassOnError(f"the {words.plural(inner)} are told twice")
        self.each[outer, inner] = number

    def things(self) -> set[str]:
        return (
            set(self.counts)
            | set(self.totals)
            | {name for pair in self.each for name in pair}
            | {thing for thing, _ in self.after}
        )


def read(sentences: list[str]) -> results.Result:
    """Return the answer to a story of groups. Raises PassOnError."""
    if len(sentences) == 2 and (shared := _SHARE.fullmatch(sentences[0]) or _SHARED.fullmatch(sentences[0])):
        return _shared(shared, sentences[1])
    state = _State()
    for sentence in sentences[:-1]:
        _tell(state, words.strip_openers(re.sub(r"^if ", "", sentence)))
    return _answer(state, sentences[-1])


def _tell(state: _State, sentence: str) -> None:
    readings: tuple[tuple[frames.Pattern, Callable[[_State, frames.Match], None]], ...] = (
        (_PACKS, _packs), (_IN_EACH_OF, _each_of), (_IN_EACH, _in_each), (_EACH_HOLDS, _each_holds), (_EACH_OF, _each_of),
        (_TAKES, _takes), (_EMPTY, _stays_empty), (_TOTAL, _total), (_COUNT_OF, _count_of),
    )  # fmt: skip
    for pattern, apply in readings:
        if match := pattern.fullmatch(sentence):
            if owner := match.groupdict().get("owner"):
                state.owners.add(owner)
            apply(state, match)
            return
    raise stops.PassOnError(f"I do not read {sentence[:80]!r}")


def _packs(state: _State, match: frames.Match) -> None:
    outer = words.thing(match["outer"])
    if words.thing(match["outer2"]) != outer:
        raise stops.PassOnError("it is not clear what is filled")
    _each_of(state, match)


def _each_of(state: _State, match: frames.Match) -> None:
    outer, inner = words.thing(match["outer"]), words.owned(match["inner"])
    given = match.groupdict()
    link = given.get("link")
    if link in (" of", " with") and not given["each"] and not (link == " of" and kinds.is_container(outer)):
        raise stops.PassOnError(f"it is not clear whether each {outer} has so many")
    if outer not in state.counts and not any(known == outer for _, known in state.each):
        state.count(outer, words.count(match["n"]))
    else:
        raise stops.PassOnError(f"the {words.plural(outer)} are told twice")
    state.per(outer, inner, words.count(match["m"]))


def _in_each(state: _State, match: frames.Match) -> None:
    state.per(words.thing(match["outer"]), words.owned(match["inner"]), words.count(match["m"]))


def _each_holds(state: _State, match: frames.Match) -> None:
    if match["outer"]:
        outer = words.thing(match["outer"])
    elif len(state.counts) == 1 and not state.each:
        outer = next(iter(state.counts))
    else:
        raise stops.PassOnError("it is not clear what each one is")
    state.per(outer, words.owned(match["inner"]), words.count(match["m"]))
    if match["inner2"]:
        state.per(outer, words.owned(match["inner2"]), words.count(match["m2"]))


def _count_of(state: _State, match: frames.Match) -> None:
    state.count(words.thing(match["thing"]), words.count(match["n"]))


def _total(state: _State, match: frames.Match) -> None:
    thing = words.thing(match["thing"])
    if state.totals or state.counts:
        raise stops.PassOnError(f"the {words.plural(thing)} are told beside other numbers")
    state.totals[thing] = words.count(match["n"])


def _takes(state: _State, match: frames.Match) -> None:
    count = words.count(match["k"])
    state.after.append((words.thing(match["thing"]), count if match["verb"].startswith("add") else -count))


def _stays_empty(state: _State, match: frames.Match) -> None:
    if state.empty:
        raise stops.PassOnError("what is empty is told twice")
    state.empty = words.thing(match["thing"])
    state.after.append((state.empty, -words.count(match["k"])))


def _answer(state: _State, question: str) -> results.Solved:
    taken = _ASK_TAKEN.fullmatch(question)
    match = taken or _ASK.fullmatch(question)
    if not match or bool(taken) != bool(state.empty):
        raise stops.PassOnError(f"I do not read the question {question[:80]!r}")
    owner = match.groupdict().get("owner")
    if owner and (state.owners != {owner} or not all(kinds.is_container(outer) for outer, _ in state.each)):
        raise stops.PassOnError(f"it is not said what {owner} has")
    thing = words.thing(match["thing"])
    _check_things(state, thing)
    outers = {outer for outer, _ in state.each}
    told = [
        f"{numbers.text(count)} {words.plural(name)}" for name, count in (*state.counts.items(), *state.totals.items())
    ]
    told += [
        f"{numbers.text(count)} {words.plural(inner)} in each {outer}" for (outer, inner), count in state.each.items()
    ]
    told += [
        f"{'+' if count > 0 else '-'}{numbers.text(abs(count))} {words.plural(name)}" for name, count in state.after
    ]
    if not state.each or any(name != thing for name, _ in state.after):
        raise stops.PassOnError("nothing is told of groups, or something else is taken away")
    if thing in outers and thing not in state.counts:
        value = _groups(state, thing)
        check = "so many groups hold what there is"
    elif thing in state.counts or state.totals:
        raise stops.PassOnError("the question asks for what is told")
    else:
        value, parts = _all(state, thing, 0)
        again = (
            sum((Fraction(parts[0]) for _ in range(int(parts[1]))), Fraction(0))
            if parts[1] <= 10**5
            else parts[0] * parts[1]
        )
        stops.require(again == value, "the groups added up one by one")
        check = "the groups added up one by one"
    value += sum((count for _, count in state.after), Fraction(0))
    if value < 0 or value.denominator != 1:
        raise stops.PassOnError("that is no number of things")
    return frames.solved(
        f"{words.plural(thing)} = {numbers.text(value)}",
        "; ".join((*told, f"asked: {words.plural(thing)}")),
        check,
        value,
    )


def _check_things(state: _State, asked: str) -> None:
    """Pass on where something told of may be among what is asked, or has no part in it."""
    words.check_apart(state.things() | {asked})
    used = {asked}
    for _ in state.each:
        used |= {outer for outer, inner in state.each if inner in used}
    inners = {inner for _, inner in state.each}
    if any(outer == asked for outer, _ in state.each) and state.totals:
        used |= inners
    words.check_kinds(asked, inners - used)
    if (set(state.counts) | set(state.totals)) - used:
        raise stops.PassOnError("it is told of other things, too")


def _all(state: _State, thing: str, depth: int) -> tuple[Fraction, tuple[Fraction, Fraction]]:
    """Return how many there are of `thing`, and as so many in each of so many."""
    if depth > 5:
        raise stops.PassOnError("the groups go in a circle")
    found = [(outer, count) for (outer, inner), count in state.each.items() if inner == thing]
    if len(found) != 1:
        raise stops.PassOnError(f"it is not said how many {words.plural(thing)} there are in each")
    outer, count = found[0]
    groups = state.counts[outer] if outer in state.counts else _all(state, outer, depth + 1)[0]
    return groups * count, (count, groups)


def _groups(state: _State, thing: str) -> Fraction:
    """Return how many groups there are, from a total of what is in each."""
    found = [(inner, count) for (outer, inner), count in state.each.items() if outer == thing]
    if len(found) != 1 or len(state.each) != 1 or state.after:
        raise stops.PassOnError("it is not clear what is in the groups")
    inner, count = found[0]
    if inner not in state.totals or not count:
        raise stops.PassOnError(f"it is not said how many {words.plural(inner)} there are together")
    stops.require(state.totals[inner] / count * count == state.totals[inner], "the groups together")
    return state.totals[inner] / count


def _shared(match: frames.Match, question: str) -> results.Solved:
    asked = _ASK_SHARE.fullmatch(question)
    thing, people = words.thing(match["thing"]), words.thing(match["people"])
    if (
        not asked
        or (asked["thing"] and words.thing(asked["thing"]) != thing)
        or (asked["people"] and words.thing(asked["people"]) != people)
    ):
        raise stops.PassOnError(f"I do not read the question {question[:80]!r}")
    given = match.groupdict()
    if given.get("people2") and words.thing(given["people2"]) != people:
        raise stops.PassOnError("it is not clear who gets more")
    total, among = words.count(match["n"]), words.count(match["k"])
    if not among or total % among:
        raise stops.PassOnError("they cannot be shared equally without a rest")
    each, more = total / among, words.count(given["j"]) if given.get("j") else Fraction(0)
    stops.require(
        sum((each for _ in range(int(among))), Fraction(0)) == total if among <= 10**5 else each * among == total,
        "the shares",
    )
    reading = (
        f"{numbers.text(total)} {words.plural(thing)} shared equally among {numbers.text(among)} {words.plural(people)}"
        + (f", then {numbers.text(more)} more each" if more else "")
    )
    return frames.solved(
        (
            f"each {people} has {numbers.text(total)} / "
            f"{numbers.text(among)}{f' + {numbers.text(more)}' if more else ''} = {numbers.text(each + more)}"
        ),
        reading,
        "the shares added up",
        each + more,
    )
