"""Counting with two or three overlapping groups: of 30 people 18 like tea, 15 coffee and 7 both; how many like neither?

Each region of the diagram is an unknown number. A search through all whole numbers that fit decides; where the answer follows
from the equations alone, exact elimination must give the same. "18 like tea" counts those who also like coffee.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from council.domain import answers, ways
from council.serving.compute import results
from council.serving.compute.logic import problems, script, words
from council.serving.wording import number_words

COUNT_MAX = 1_000_000
STEPS_MAX = 200_000
_WORDS = number_words.cardinals(0, 12)
_NUMBER = rf"(?:\d{{1,7}}|{'|'.join(_WORDS)})"
_NOUN = (
    r"(?:people|persons|students|pupils|children|kids|adults|employees|workers|guests|members|customers|women|men|girls|boys|friends"
    r"|tourists|passengers|players|families|households|dogs|cats|cars|animals|teachers|visitors|patients|voters|readers)"
)
_GROUP = r"(?:class|group|survey|school|club|village|team|company|office|sample|poll|street|town|choir|course)"
_VERBS = (
    r"(?:like|likes|love|drink|drinks|play|plays|study|studies|speak|speaks|own|owns|have|take|takes|read|watch|eat|can speak"
    r"|can swim|use|prefer|enjoy|enrolled in|are enrolled in|are taking|passed|visited|know|liked|played|studied|owned|had|took"
    r"|drank|bought|ordered|chose|are in|attend|attended|sing in|speaks|ride|wear)"
)
_TOTALS = [
    re.compile(
        rf"(?:of|out of|among)(?: a group of)? (?P<n>{_NUMBER}) (?P<noun>{_NOUN})(?: in a {_GROUP})?,? (?P<rest>.+)"
    ),
    re.compile(rf"in a {_GROUP}(?: of|,? with) (?P<n>{_NUMBER}) (?P<noun>{_NOUN}),? (?P<rest>.+)"),
    re.compile(
        rf"(?:there are|a {_GROUP} has|we asked|i asked) (?P<n>{_NUMBER}) (?P<noun>{_NOUN})(?: in (?:a|the) {_GROUP})?"
    ),
    re.compile(rf"(?P<n>{_NUMBER}) (?P<noun>{_NOUN}) (?:were|are) (?:asked|surveyed|interviewed|questioned)"),
    re.compile(rf"in a {_GROUP} of (?P<n>{_NUMBER}) (?P<noun>{_NOUN})"),
    re.compile(rf"in a {_GROUP} of (?P<n>{_NUMBER}),? (?P<rest>{_NUMBER} .+)"),
    re.compile(
        rf"(?:a|the) (?:survey|poll) of (?P<n>{_NUMBER}) (?P<noun>{_NOUN}) (?:found|finds|showed|shows) that (?P<rest>.+)"
    ),
]
_THING = r"[a-z][a-z' -]{0,30}?"
_THINGS = (
    r"(?:subjects?|sports?|drinks?|languages?|games?|courses?|instruments?|pets?|fruits?|cities|city|activities|activity"
    r"|clubs?)"
)
_COUNTED = r"both|neither|none|all three|(?:exactly|only|just) one|exactly two|at least (?:one|two)"
_OF = rf"(?: of (?:them|these|the|those)| of)?(?: two| three)?(?: {_THINGS})?"
_PIECES = re.compile(rf"(?:,? (?:and|but|while) |, |; )(?={_NUMBER}\b)")
_EVERYONE = re.compile(
    rf"(?:everyone|everybody|each(?: one)? of them|each (?:person|student|member|child|guest)) (?P<verb>{_VERBS})"
    r" (?:at least one(?: of (?:them|these|the (?:two|three)))?|(?P<one>[a-z ]+?) or (?P<two>[a-z ]+?)(?:,? or both)?)"
)
# Said behind a group they are no part of its name: "tennis instead".
_TRAILERS = frozenset(
    "instead too also well only alone together alike either already often sometimes seldom rarely never always ever daily "
    "weekly monthly yearly today yesterday tomorrow now then once twice again anymore still yet most best better more less "
    "least separately each apiece altogether overall however though although respectively first last here there".split()
)
_UNSAFE = (words.FUNCTION_WORDS - {"will", "may"}) | words.HEDGES | _TRAILERS
# A group of one of these holds other groups: who plays football plays a sport.
_CATEGORIES = re.compile(
    rf"(?:(?:other|any|some|more|one|many) )?(?:{_THINGS[3:-1]}|vehicles?|animals?|foods?|beverages?|meats?|vegetables?|"
    r"juices?|books?|films?|movies?|music|hobby|hobbies|devices?|cars?|instruments?|sciences?|desserts?|snacks?)"
)

_Regions = tuple[int, ...]


@dataclass(slots=True)
class _Reader:
    """`groups` are the things in order; a region is a number whose bit i says that it lies inside of group i."""

    noun: str = ""
    verb: str = ""
    groups: list[str] = field(default_factory=list)
    pending: list[tuple[str, int]] = field(default_factory=list)
    total: int | None = None
    of_them: bool = False

    def sentence(self, text: str) -> None:
        """Take in a sentence; what it says of regions is read once all groups are known."""
        for form in _TOTALS:
            if match := form.fullmatch(text):
                if self.total is not None:
                    raise problems.NotUnderstoodError("it says twice how many there are")
                self.total, self.noun = _number(match["n"]), match.groupdict().get("noun") or ""
                text = match.groupdict().get("rest") or ""
                break
        if match := _EVERYONE.fullmatch(text):
            self._same_verb(match["verb"])
            self.pending.append((f"neither {match['one']} nor {match['two']}" if match["one"] else "none", 0))
            return
        for number, piece in enumerate(_PIECES.split(text) if text else []):
            self._piece(piece, listed=number > 0)

    def _piece(self, text: str, *, listed: bool) -> None:
        match = re.fullmatch(
            rf"(?P<n>{_NUMBER})(?: of (?:(?P<them>them)|the (?P<of>{_NOUN}))| (?P<noun>{_NOUN}))?(?: (?P<rest>.+))",
            text,
        )
        if not match:
            raise problems.NotUnderstoodError(f"I do not read {text[:80]!r}")
        if match["them"] and self.pending and not self.of_them:
            raise problems.NotUnderstoodError("'of them' may mean those who were named last")
        self.of_them = bool(match["them"])
        self.same_noun(match["of"] or match["noun"])
        what = self.plain(match["rest"])
        if thing := self._thing(what):
            bare = re.sub(r"^(?:an?|the) ", "", what)
            if what == match["rest"] and (" " in bare or not listed or not self.verb):
                # "15 hate coffee" after "18 like tea", or "Five people leave": a word may be a verb.
                raise problems.NotUnderstoodError(f"I do not read {text[:80]!r}")
            self._group(thing)
        self.pending.append((what, _number(match["n"])))

    def same_noun(self, noun: str | None) -> None:
        """Pass on a noun that may leave out some of those counted."""
        if noun and self.noun and noun not in (self.noun, "people"):
            raise problems.NotUnderstoodError(f"it is not said that all of them are {noun}")

    def plain(self, text: str) -> str:
        """Return what is said without its verb: "like only tea" and "only like tea" as "only tea"."""
        if match := re.fullmatch(rf"(do not|not|only|just) ({_VERBS}) (.+)", text):
            self._same_verb(match[2])
            return f"{'not' if 'not' in match[1] else 'only'} {match[3]}"
        if match := re.fullmatch(rf"({_VERBS}) (.+)", text):
            self._same_verb(match[1])
            return match[2]
        return text

    def _same_verb(self, verb: str) -> None:
        if self.verb and self.verb not in (verb, words.third_person(verb)) and verb != words.third_person(self.verb):
            raise problems.NotUnderstoodError("it counts in more than one way")
        self.verb = self.verb or verb

    def _thing(self, what: str) -> str:
        """Return what is said if it is one group and no more, else nothing."""
        bare = re.sub(r"^(?:an?|the) ", "", what)
        parts = re.split(r"[ -]", bare)
        if not re.fullmatch(_THING, bare) or _UNSAFE.intersection(parts):
            return ""
        if len(parts) > 1 and (len(parts) > 2 or parts[-1].endswith("ly")):
            # A name of several words and what is said beside it look the same.
            return ""
        return what

    def _group(self, thing: str) -> None:
        if thing in self.groups:
            raise problems.NotUnderstoodError(f"it counts {thing!r} twice")
        stems = _stems(thing)
        for other in self.groups:
            if stems <= _stems(other) or _stems(other) <= stems:
                raise problems.NotUnderstoodError(f"one of {other!r} and {thing!r} may be inside of the other")
        if _CATEGORIES.fullmatch(re.sub(r"^(?:an?|the) ", "", thing)):
            raise problems.NotUnderstoodError(f"other groups may be inside of {thing!r}")
        self.groups.append(thing)

    # Regions

    def regions(self, what: str) -> _Regions:
        """Return the regions that words such as "only tea" or "neither" speak of."""
        groups, everything = self.groups, range(2 ** len(self.groups))
        counted = re.fullmatch(
            rf"(both|neither|none|all three|(?:exactly|only|just) one|exactly two|at least (?:one|two)){_OF}", what
        )
        test = self._test(counted[1] if counted else what)
        if test is None or not 2 <= len(groups) <= 3:
            raise problems.NotUnderstoodError(f"I do not read {what[:80]!r}")
        return tuple(region for region in everything if test(region))

    def _test(self, what: str) -> Callable[[int], bool] | None:
        count, inside = len(self.groups), {name: 1 << i for i, name in enumerate(self.groups)}
        numbered = {
            "exactly one": {1}, "only one": {1}, "just one": {1}, "exactly two": {2}, "at least one": {1, 2, 3},
            "at least two": {2, 3}, "none": {0}, "not any": {0},
        }  # fmt: skip
        if what in inside:
            return lambda region: bool(region & inside[what])
        if what in numbered:
            return lambda region: region.bit_count() in numbered[what]
        if what in ("neither", "not either") and count == 2:
            return lambda region: region == 0
        if (what == "both" and count == 2) or (what in ("all three", "all 3") and count == 3):
            return lambda region: region == 2**count - 1
        if match := re.fullmatch(r"(?:both )?(.+) and (.+)", what):
            return self._joined(match[1], match[2], inside, lambda region, both: region & both == both)
        if match := re.fullmatch(
            r"neither (.+) nor (.+)|at least one of (.+) (?:and|or) (.+)|(.+?),? or (.+?),? or both", what
        ):
            none = what.startswith("neither")
            pair = (match[1] or match[3] or match[5], match[2] or match[4] or match[6])
            return self._joined(*pair, inside, lambda region, both: bool(region & both) != none)
        if match := re.fullmatch(r"(?:either )?(.+?) or (.+?),? but not both", what):
            return self._joined(match[1], match[2], inside, lambda region, both: (region & both).bit_count() == 1)
        if (match := re.fullmatch(r"(.+?) or (.+)", what)) and not what.startswith("either "):
            return self._joined(match[1], match[2], inside, lambda region, both: bool(region & both))
        if match := re.fullmatch(r"(.+?),? (?:but not|and not) (.+)", what):
            first, second = inside.get(match[1]), inside.get(match[2])
            return (lambda region: bool(region & first) and not region & second) if first and second else None
        if match := re.fullmatch(r"(only|just|not) (.+)|(.+) (only|alone)", what):
            mask = inside.get(match[2] or match[3])
            if match[1] == "not":
                return (lambda region: not region & mask) if mask else None
            return (lambda region: region == mask) if mask else None
        return None

    def _joined(
        self, one: str, two: str, inside: dict[str, int], test: Callable[[int, int], bool]
    ) -> Callable[[int], bool] | None:
        both = inside.get(one, 0) | inside.get(two, 0)
        return (lambda region: test(region, both)) if both.bit_count() == 2 else None


def _stems(thing: str) -> frozenset[str]:
    bare = re.sub(r"^(?:an?|the) ", "", thing)
    return frozenset(re.sub(r"(?:es|s)$", "", part) for part in re.split(r"[ -]", bare))


@dataclass(frozen=True, slots=True)
class _System:
    """Sums of regions with their totals; `asked` is the sum in question."""

    sums: tuple[tuple[_Regions, int], ...]
    asked: _Regions
    regions: int


def solve(text: str) -> results.Result | None:
    """Answer a question about overlapping groups; None where the text asks none. Raises NotUnderstoodError."""
    if not re.search(r"how many\b.{0,300}$", text[-2_000:], re.IGNORECASE | re.DOTALL):
        return None
    if not re.search(
        rf"\b(?:both|neither|all three|only|none|exactly|at least|but not|{_NUMBER} [a-z ]{{1,60}}? and [a-z]+)\b",
        text[: problems.TEXT_CHARS_MAX],
        re.IGNORECASE,
    ):
        return None
    parts = script.cut(text)
    reader = _Reader()
    for position, sentence in enumerate(parts.premises):
        with problems.located(position):
            reader.sentence(sentence.lower())
    with problems.located(len(parts.premises)):
        if parts.options:
            raise problems.NotUnderstoodError("I do not read its lettered options")
        asked = _question(reader, parts.question.lower())
        sums = [(reader.regions(what), number) for what, number in reader.pending]
        if reader.total is not None:
            sums.append((tuple(range(2 ** len(reader.groups))), reader.total))
    if not sums or max(number for _, number in sums) > COUNT_MAX:
        return results.Refused(f"Counts above {COUNT_MAX:,} are not tried. Ask in thousands or in millions.")
    system = _System(tuple(sums), asked, 2 ** len(reader.groups))
    return _answered(reader, system, parts)


def _question(reader: _Reader, asked: str) -> _Regions:
    match = re.fullmatch(
        rf"how many(?: of (?:them|the (?P<of>{_NOUN}))| (?P<noun>{_NOUN}))?(?: (?:do|does))? (?P<rest>.+)", asked
    )
    if not match:
        raise problems.NotUnderstoodError(f"I do not read the question {asked[:80]!r}")
    reader.same_noun(match["of"] or match["noun"])
    return reader.regions(reader.plain(re.sub(rf"^do (?=not |{_VERBS} )", "", match["rest"])))


def _answered(reader: _Reader, system: _System, parts: script.Script) -> results.Result:
    found, complete = _searched(system)
    derived = _derived(system)
    reading = _reading(reader, system, parts)
    if complete and not found:
        return results.Refused(
            "The numbers contradict each other: no whole numbers fit all of them where a count of some groups includes those "
            "who are in another as well. If you counted otherwise, say `only` or `exactly`.",
            reading,
        )
    if not found or (not complete and derived is None):
        return results.PassedOn("it does not say enough, or the numbers are too large to try", ways.Why.UNDECIDED)
    values = sorted(found)
    if derived is not None and values != [derived]:
        return results.PassedOn("two independent solutions disagree", ways.Why.UNDECIDED)
    if len(values) > 1:
        whole = complete and values == list(range(values[0], values[-1] + 1))
        shown = f"anything from {values[0]} to {values[-1]} fits" if whole else f"{values[0]} and {values[1]} fit"
        answer = f"It cannot be determined from what was given: {shown}."
    else:
        asked = _asked_words(parts)
        verb = "do" if asked.startswith("not ") else reader.verb or "are in"
        answer = f"{values[0]}. Of those counted, {values[0]} {verb} {asked}."
    check = "exact elimination gives the same" if derived is not None else "every way to fill the diagram was tried"
    fillings = [
        {_region(reader, r): n for r, n in enumerate(found[value])} for value in (values[0], values[-1])[: len(values)]
    ]
    steps = tuple("; ".join(f"{name}: {n}" for name, n in filling.items()) for filling in fillings)
    detail = {"family": "overlaps", "regions": fillings}
    return results.Solved(answer, reading, answers.Level.COMPUTED, check, steps, detail)


def _asked_words(parts: script.Script) -> str:
    said = re.sub(rf"^how many(?: of (?:them|the {_NOUN})| {_NOUN})?(?: do| does)? ?", "", parts.question.lower())
    return re.sub(rf"^(?:do )?{_VERBS} ", "", said)


def _searched(system: _System) -> tuple[dict[int, tuple[int, ...]], bool]:
    """Return values that the sum in question can take, each with numbers that fit, and whether all ways were tried."""
    search = _Search(system)
    if any(not search.sums_of[region] for region in system.asked):
        return {}, False
    search.fill(system.regions - 1)
    return search.found, search.steps <= STEPS_MAX


class _Search:
    """Fills regions from the innermost out, because what all groups share settles what two of them share."""

    def __init__(self, system: _System):
        self._system = system
        self._left = [number for _, number in system.sums]
        self._outermost = [min(regions) for regions, _ in system.sums]
        self._filled = [0] * system.regions
        self.sums_of = [
            [i for i, (rs, _) in enumerate(system.sums) if region in rs] for region in range(system.regions)
        ]
        self.found: dict[int, tuple[int, ...]] = {}
        self.steps = 0

    def fill(self, region: int) -> None:
        """Try every number for the region and those outside of it."""
        self.steps += 1
        if self.steps > STEPS_MAX:
            return
        if region < 0:
            self.found.setdefault(sum(self._filled[r] for r in self._system.asked), tuple(self._filled))
            return
        for number in self._numbers(region):
            self._filled[region] = number
            for i in self.sums_of[region]:
                self._left[i] -= number
            self.fill(region - 1)
            for i in self.sums_of[region]:
                self._left[i] += number

    def _numbers(self, region: int) -> Sequence[int]:
        sums = self.sums_of[region]
        if not sums:
            # Nothing counts this region, and neither does the question.
            return (0,)
        most = min(self._left[i] for i in sums)
        forced = {self._left[i] for i in sums if self._outermost[i] == region}
        if not forced:
            return range(most + 1)
        return tuple(forced) if len(forced) == 1 and max(forced) <= most else ()


def _derived(system: _System) -> int | None:
    """Return the sum in question if the equations alone give it, by exact elimination."""
    rows = [[Fraction(int(r in regions)) for r in range(system.regions)] + [Fraction(n)] for regions, n in system.sums]
    goal = [Fraction(int(r in system.asked)) for r in range(system.regions)] + [Fraction(0)]
    for column in range(system.regions):
        pivot = next((row for row in rows if row[column]), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        rows = [_less(row, pivot, column) for row in rows]
        goal = _less(goal, pivot, column)
    if any(goal[:-1]) or goal[-1].denominator != 1:
        return None
    return int(-goal[-1])


def _less(row: Sequence[Fraction], pivot: Sequence[Fraction], column: int) -> list[Fraction]:
    factor = row[column] / pivot[column]
    return [a - factor * b for a, b in zip(row, pivot, strict=True)]


def _region(reader: _Reader, region: int) -> str:
    inside = [name for i, name in enumerate(reader.groups) if region >> i & 1]
    return (
        "neither"
        if not inside and len(reader.groups) == 2
        else "none"
        if not inside
        else "only " + " and ".join(inside)
    )


def _reading(reader: _Reader, system: _System, parts: script.Script) -> str:
    lines = [f"{what}: {number}" for what, number in reader.pending]
    if reader.total is not None:
        lines.insert(0, f"all together: {reader.total}")
    note = "Assumed: a count of one group, or of two, includes those who are also in another."
    if any(re.search(r"\bor\b(?!.*both)", what) for what in (parts.question, *(what for what, _ in reader.pending))):
        note += " Or includes those who are in both."
    return "\n".join(["I read:", *lines, f"Question: {parts.question}?", note])


def _number(text: str) -> int:
    return _WORDS[text] if text in _WORDS else int(text)
