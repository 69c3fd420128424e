"""Grammar of knights and knaves: knights say only what is true, knaves only what is false, and everyone is one of the two."""

import re
from dataclasses import dataclass, field

from council.serving.compute.logic import formulas, problems, script, words
from council.serving.wording import number_words

PEOPLE_MAX = 6
KNIGHT = "is a knight"
_KNIGHT = r"(?:knights?|truth-?tellers?|truth tellers?)"
_KNAVE = r"(?:knaves?|liars?)"
_KIND = rf"(?:an? )?({_KNIGHT}|{_KNAVE})"
_NUMBERS = number_words.cardinals(2, PEOPLE_MAX)
_NUMBERS |= {str(number): number for number in range(2, PEOPLE_MAX + 1)}
_TRUTH = r"(?:always )?(?:tells?|speaks?|says?) (?:only )?the truth"
_LIE = r"(?:always )?(?:lies?|tells? lies)"
_NEVER_LIE = r"never lies?"
_PLACE = r"(?:island|land|village|town|world)(?: of knights and knaves)?"
_A_PLACE = rf"(?:a|an|the|this|that)(?: certain| strange)? {_PLACE}"
_WHERE = rf"(?:(?:on|in) (?:a|an|the|this|that)(?: certain| strange)? {_PLACE},? )"
_GROUP = r"(?:people|inhabitants|islanders|persons|natives|men|women|friends|residents)"
_ONE = r"(?:of them|person|inhabitant|islander|one|native|resident)"
_HONEST = rf"(?:{_TRUTH}|{_NEVER_LIE})"
_JOINT = r",? (?:and|while|but) "
_PREAMBLES = [
    re.compile(
        rf"(?:a|an|the|this|that)(?: very)?(?: special| certain| strange)? {_PLACE} is inhabited (?:only )?"
        rf"by {_KNIGHT} and {_KNAVE}"
    ),
    re.compile(rf"{_WHERE}?(?:(?:each|every|all) )?{_KNIGHT} {_HONEST}{_JOINT}(?:each |every |all )?{_KNAVE} {_LIE}"),
    re.compile(rf"{_WHERE}?(?:{_KNIGHT} {_HONEST}|{_KNAVE} {_LIE})"),
    re.compile(rf"{_WHERE}?(?:(?:each|every) {_ONE}|everyone|everybody|each) is (?:either )?a {_KNIGHT} or a {_KNAVE}"),
    re.compile(
        rf"{_WHERE}?(?:each|every) {_ONE} is (?:either )?a {_KNIGHT},? who {_TRUTH},? or a {_KNAVE},? who {_LIE}"
    ),
]
_MEETING = re.compile(
    rf"{_WHERE}?(?:you|we|i) (?:meet|met|come across|encounter)"
    rf"(?: ({'|'.join(_NUMBERS)}) {_GROUP}(?: there| of {_A_PLACE})?[:,]?)? (.+)"
    rf"|{_WHERE}?there are ({'|'.join(_NUMBERS)}) {_GROUP}[:,]? (?:named |called )?(.+)"
)
_SAYS = r"(?:says|said|claims|claimed|states|stated|(?:tells|told) (?:you|us|me))(?: that|:|,)?"
_LEAST = r"(?:exactly|at least|at most) "
_NOT_NAMES = words.FUNCTION_WORDS - {"a", "i"}


def read(text: script.Script) -> problems.Problem:
    """Read every sentence, or raise NotUnderstoodError naming the first that is not covered."""
    reader = _Reader(text.casing)
    claims: list[tuple[int, str, str]] = []
    plain: list[tuple[int, str]] = []
    for position, sentence in enumerate(text.premises):
        with problems.located(position):
            lowered = unquoted(sentence)
            if not reader.preamble(lowered) and not reader.met(lowered):
                reader.collect(position, lowered, claims, plain)
    reader.asked_about(unquoted(text.question))
    premises = []
    for position, who, what in claims:
        with problems.located(position):
            reader.speaker = who
            premises.append((position, reader.told(who, what)))
    reader.speaker = ""
    for position, what in plain:
        with problems.located(position):
            premises.append((position, reader.claim(what)))
    with problems.located(len(text.premises)):
        return reader.problem(
            [problems.Premise(text.premises[at], said) for at, said in sorted(premises, key=_position)], text
        )


def _position(pair: tuple[int, formulas.Formula]) -> int:
    return pair[0]


@dataclass(slots=True)
class _Reader:
    casing: dict[str, str]
    people: dict[str, str] = field(default_factory=dict)
    declared: int = 0
    speaker: str = ""
    counted: set[int] = field(default_factory=set)

    def preamble(self, text: str) -> bool:
        """Say whether the sentence only explains what knights and knaves are."""
        return any(pattern.fullmatch(text) for pattern in _PREAMBLES)

    def met(self, text: str) -> bool:
        """Take in a sentence that lists everyone."""
        match = _MEETING.fullmatch(text)
        if not match:
            return False
        for name in re.split(r",? and |, ", match[2] or match[4]):
            self._add(name)
        number = match[1] or match[3]
        if self.declared or (number and _NUMBERS[number] != len(self.people)):
            raise _not_understood(text)
        self.declared = len(self.people)
        return True

    def collect(
        self, position: int, text: str, claims: list[tuple[int, str, str]], plain: list[tuple[int, str]]
    ) -> None:
        """Note who says what; claims are read once all speakers are known, because "we" may mean all of them."""
        text = re.sub(rf"^{_WHERE}", "", text)
        match = re.fullmatch(rf"([\w-]+) {_SAYS} (.+)", text)
        match = match or re.fullmatch(r"([\w-]+): (.+)", text)
        if not match:
            plain.append((position, text))
            return
        self._add(match[1])
        claims.append((position, match[1], match[2].strip(" .,:")))

    def asked_about(self, asked: str) -> None:
        """Take in the people of "What are A and B?", so that "we" can mean them."""
        if (match := re.fullmatch(r"what are ([\w-]+(?:, [\w-]+)*,? and [\w-]+)", asked)) and not self.declared:
            for name in re.split(r",? and |, ", match[1]):
                self._add(name)

    def _add(self, name: str) -> None:
        if not re.fullmatch(r"[^\W\d_]+", name) or name in _NOT_NAMES or name == "i":
            raise _not_understood(name)
        if name not in self.people:
            if self.declared:
                raise problems.NotUnderstoodError(f"{name!r} is not among the people met")
            self.people[name] = self.casing.get(name, name).capitalize()

    def person(self, name: str) -> formulas.Formula:
        """Return the formula that says that someone is a knight."""
        if name in ("i", "me") and self.speaker:
            name = self.speaker
        if name not in self.people:
            self._add(name)
        return formulas.Atom(KNIGHT, self.people[name])

    # What someone says

    def told(self, who: str, what: str) -> formulas.Formula:
        """Read that someone says something, also that somebody else says something."""
        speaker = self.person(who)
        if not (match := re.fullmatch(rf"([\w-]+) {_SAYS} (.+)", what)):
            return formulas.iff(speaker, self.claim(what))
        if match[1] in ("i", who) or re.search(r"\b(?:and|or|if)\b", match[2]):
            raise problems.NotUnderstoodError("it is not clear how far a report of somebody's words reaches")
        other, self.speaker = self.person(match[1]), match[1]
        reported = formulas.iff(other, self.claim(match[2]))
        # That a knave reports it falsely may mean that the other would deny it, or only that the other did not say it.
        return formulas.Ambiguous((formulas.iff(speaker, reported), formulas.Implies(speaker, reported)))

    def claim(self, text: str) -> formulas.Formula:
        """Read a statement about who is what."""
        if re.match(r"it is (?:not the case|false) that ", text):
            return formulas.Not(self._simple(re.split(r" that ", text, maxsplit=1)[1]))
        if match := re.fullmatch(r"if (.+?),? then (.+)", text) or re.fullmatch(r"if ([^,]+), (.+)", text):
            return formulas.Implies(self._simple(match[1]), self._simple(match[2]))
        if match := re.fullmatch(r"(.+) if and only if (.+)", text):
            return formulas.iff(self._simple(match[1]), self._simple(match[2]))
        whole = self._try(text)
        if whole is not None:
            return whole
        either = text.startswith("either ")
        for joint in (" or ", " and "):
            left, found, right = text.removeprefix("either ").partition(joint)
            if found and joint not in right and not (either and joint == " and "):
                parts = (self._simple(left), self._simple(right))
                if joint == " and ":
                    return formulas.And(parts)
                inclusive = formulas.Or(parts)
                return formulas.Ambiguous((inclusive, formulas.Exactly(1, parts))) if either else inclusive
        raise _not_understood(text)

    def _simple(self, text: str) -> formulas.Formula:
        found = self._try(text)
        if found is None:
            raise _not_understood(text)
        return found

    def _try(self, text: str) -> formulas.Formula | None:
        if match := re.fullmatch(rf"([\w-]+) (?:is|am) (not )?{_KIND}", text):
            return _signed(self._kind(self.person(match[1]), match[3]), bool(match[2]))
        if match := re.fullmatch(r"([\w-]+) (?:is|am) (lying|telling the truth)", text):
            return _signed(self.person(match[1]), match[2] == "lying")
        if match := re.fullmatch(rf"neither (.+?) nor (.+?) (?:is|am|are) {_KIND}", text):
            return formulas.And(tuple(formulas.Not(self._kind(self.person(match[i]), match[3])) for i in (1, 2)))
        if match := re.fullmatch(
            rf"({_LEAST}(?:one|{'|'.join(_NUMBERS)})|only one|none|all|both) (?:of )?(.+?) (?:is|are) {_KIND}", text
        ):
            return self._counted(match[1], [self._kind(person, match[3]) for person in self._group(match[2])])
        if match := re.fullmatch(rf"(.+?) are (?:both |all )?({_KNIGHT}|{_KNAVE})", text):
            return formulas.And(tuple(self._kind(person, match[2]) for person in self._group(match[1])))
        if match := re.fullmatch(
            r"(.+?) are (?:of |both )?(?:the )?(same|different)(?: (?:kind|kinds|type|types))?", text
        ):
            pair = self._group(match[1])
            if len(pair) != 2:
                raise problems.NotUnderstoodError("same and different are read for two people only")
            same = formulas.iff(pair[0], pair[1])
            return same if match[2] == "same" else formulas.Not(same)
        return None

    def _counted(self, word: str, parts: list[formulas.Formula]) -> formulas.Formula:
        held = tuple(parts)
        match word:
            case "only one":
                return formulas.Exactly(1, held)
            case _ if counted := re.fullmatch(rf"({_LEAST})(.+)", word):
                return numbered(counted[1].strip(), {"one": 1, **_NUMBERS}[counted[2]], held)
            case "none":
                return formulas.Exactly(0, held)
            case _:
                if word == "both" and len(held) != 2:
                    raise problems.NotUnderstoodError("'both' needs exactly two people")
                return formulas.And(held)

    def _group(self, text: str) -> list[formulas.Formula]:
        """Return the people meant by "we", "both of us", "B and I", "B, C and D"."""
        text = re.sub(r"^(?:both )(?!of)(?=\w)", "", text)
        two_only = text in ("both", "both of us", "both of them")
        if two_only or text in ("we", "us", "all of us", "we all", "all", "them", "they", "all of them", "we both"):
            outside = text in ("them", "they", "all of them", "both of them", "both", "all")
            if len(self.people) < 2:
                raise problems.NotUnderstoodError("'we' would be the speaker alone")
            if (two_only or text == "we both" or outside) and len(self.people) != 2:
                raise problems.NotUnderstoodError(f"it is not clear who {text!r} are")
            self.counted.add(len(self.people))
            return [self.person(name) for name in self.people]
        if match := re.fullmatch(rf"us ({'|'.join(_NUMBERS)})", text):
            if _NUMBERS[match[1]] != len(self.people):
                raise _not_understood(text)
            self.counted.add(len(self.people))
            return [self.person(name) for name in self.people]
        names = [self.speaker if name in ("i", "me") else name for name in re.split(r",? and |, ", text)]
        if len(names) < 2 or len(set(names)) < len(names) or "" in names:
            raise _not_understood(text)
        return [self.person(name) for name in names]

    def _kind(self, person: formulas.Formula, word: str) -> formulas.Formula:
        return _signed(person, bool(re.fullmatch(_KNAVE, word)))

    # The question

    def problem(self, premises: list[problems.Premise], text: script.Script) -> problems.Problem:
        """Read what is asked and join everything."""
        known = len(self.people)
        question = self._question(text)
        if not premises or len(self.people) != known or not 1 <= known <= PEOPLE_MAX:
            raise problems.NotUnderstoodError(
                f"such a puzzle needs 1 to {PEOPLE_MAX} people, and something that one of them says"
            )
        if self.counted - {known}:
            raise problems.NotUnderstoodError("it is not clear who 'we' are")
        names = tuple(self.people.values())
        if any(w in " ".join(p.text.lower() for p in premises).split() for w in ("we", "us")) and not self.declared:
            note = f"the people are {', '.join(names)}"
        else:
            note = ""
        notes = tuple(
            n
            for n in ("knights say only true things, knaves only false ones, and each person is one of them", note)
            if n
        )
        return problems.Problem("knights", tuple(premises), question, names, notes=notes, closed=True)

    def _question(self, text: script.Script) -> problems.Question:
        asked = re.sub(r"^so,? ", "", unquoted(text.question))
        everyone = tuple(problems.Choice(name, formulas.Atom(KNIGHT, name)) for name in self.people.values())
        kind = rf"(?:the |an? )?(?:{_KNIGHT}|{_KNAVE})"
        what = rf"(?:what|which|lying|telling the truth|{kind})"
        if not text.direct:
            return problems.Question(problems.Ask.WHETHER, text.style, (problems.Choice("", self.claim(asked)),))
        if match := re.fullmatch(rf"is ([\w-]+) {_KIND}", asked):
            goal = self._kind(self.person(match[1]), match[2])
            return problems.Question(problems.Ask.WHETHER, text.style, (problems.Choice("", goal),))
        if match := re.fullmatch(
            rf"(?:what|what kind of person|which kind) is ([\w-]+)|is ([\w-]+) a {_KNIGHT} or a {_KNAVE}", asked
        ):
            name = match[1] or match[2]
            if name not in self.people:
                raise _not_understood(asked)
            chosen = tuple(choice for choice in everyone if choice.answer == self.people[name])
            return problems.Question(problems.Ask.ALL, text.style, chosen)
        group = r"(?:they|everyone|(?:each|all)(?: of them)?|[\w-]+(?:, [\w-]+)*,? and [\w-]+)"
        if (
            re.fullmatch(
                rf"(?:who|which(?: of them| one)?) (?:is|are) {what}(?: and who is {kind})?",
                asked,
            )
            or (re.fullmatch(rf"what (?:is|are) {group}(?: each)?", asked) and self._names_all(asked))
            or re.fullmatch(
                rf"(?:determine|say|find out|work out|tell) who is (?:what|{kind})(?: and who is {kind})?", asked
            )
        ):
            return problems.Question(problems.Ask.ALL, text.style, everyone)
        raise _not_understood(asked)

    def _names_all(self, asked: str) -> bool:
        named = re.sub(r"^what (?:is|are) | each$", "", asked)
        if re.fullmatch(r"they|everyone|(?:each|all)(?: of them)?", named):
            return True
        return set(re.split(r",? and |, ", named)) == set(self.people)


def unquoted(sentence: str) -> str:
    """Drop quotation marks around one whole statement; a quotation that runs over several sentences is not read."""
    marks = re.sub(r"(?<=\w)'(?=\w)", "", sentence)
    quotes = re.findall(r"['\"]", marks)
    if quotes and (len(quotes) != 2 or quotes[0] != quotes[1] or not marks.rstrip(" .!?,").endswith(quotes[1])):
        raise problems.NotUnderstoodError("a quotation is not the end of one sentence")
    return sentence.lower().replace('"', "").replace("'", "").rstrip(" .!?")


def _signed(formula: formulas.Formula, negated: bool) -> formulas.Formula:
    return formulas.Not(formula) if negated else formula


def numbered(how: str, number: int, parts: tuple[formulas.Formula, ...]) -> formulas.Formula:
    """Return that exactly, at least or at most so many of the parts hold."""
    if number > len(parts):
        raise problems.NotUnderstoodError("it counts more people than there are")
    if (how, number) == ("at least", 1):
        return formulas.Or(parts)
    numbers = {"exactly": range(number, number + 1), "at least": range(number, len(parts) + 1)}.get(
        how, range(number + 1)
    )
    counted = tuple(formulas.Exactly(count, parts) for count in numbers)
    return counted[0] if len(counted) == 1 else formulas.Or(counted)


def _not_understood(text: str) -> problems.NotUnderstoodError:
    return problems.NotUnderstoodError(f"I do not read {text[:80]!r}")
