"""Grammar of witnesses: each says one thing, so many of them tell the truth, and one of them may have done something.

"One of them broke the vase. Ann says Bob did it. ... Exactly one of them tells the truth. Who broke the vase?" Whoever speaks
tells the truth just where what they say is so. Somebody who says two things, or nothing, ends the reading.
"""

import re
from dataclasses import dataclass, field

from council.serving.compute.logic import formulas, knights, problems, script, words
from council.serving.wording import number_words

PEOPLE_MAX = 6
TRUE = "is telling the truth"
_NUMBERS = {"one": 1, **number_words.cardinals(2, PEOPLE_MAX), **{str(n): n for n in range(1, PEOPLE_MAX + 1)}}
_NUMBER = "|".join(_NUMBERS)
_TRUTH = r"(?:(?:is|are|was|were) telling the truth|tells? the truth|told the truth)"
_LIE = r"(?:(?:is|are|was|were) lying|lies?|lied)"
# The past of a deed, and what "did not" is followed by.
_DEEDS = {
    "ate": "eat", "broke": "break", "committed": "commit", "cheated": "cheat", "did": "do", "drank": "drink", "found": "find",
    "hid": "hide", "killed": "kill", "lost": "lose", "murdered": "murder", "opened": "open", "painted": "paint",
    "robbed": "rob", "spilled": "spill", "stole": "steal", "took": "take", "won": "win", "wrote": "write",
}  # fmt: skip
_DEED = rf"(?P<verb>{'|'.join(_DEEDS)})(?: (?P<what>(?:the|a|an|his|her|their|this|it)(?: \w+){{0,3}}))?"
_PEOPLE = r"(?:people|friends|suspects|children|boys|girls|students|men|women|siblings|witnesses|persons)"
_SAYS = r"(?:says|said|claims|claimed|states|stated)(?: that|:|,)?"
_CAST = re.compile(
    rf"(?:there are )?(?P<number>{_NUMBER}) {_PEOPLE}[:,]? (?:named |called )?(?P<list>.+?)"
    r"(?:,? (?:are|were) (?:questioned|suspected|asked|interviewed))?"
)
_DID = re.compile(rf"(?:exactly |only |just )?one of (?P<group>.+?) {_DEED}")
_COUNT = re.compile(
    rf"(?P<how>exactly |only |just |at least |at most )(?P<number>{_NUMBER}) of (?P<group>.+?) "
    rf"(?P<kind>{_TRUTH}|{_LIE}|(?:is|are) (?:true|false))"
    rf"(?:,? (?:and|while|but) the others?(?: (?P<rest>{_NUMBER}))? (?P<other>{_TRUTH}|{_LIE}|(?:is|are) (?:true|false)))?"
)
_THEY = r"(?:them|the (?P<count>\w+)(?: \w+)?|their (?:statements|claims)|these(?: \w+)? (?:statements|claims)|the statements)"
# "The boys" may be some of them only.
_ALL = frozenset(("friends", "people", "persons", "statements", "suspects", "witnesses"))
_NOT_NAMES = words.FUNCTION_WORDS - {"a"}


def about(text: str) -> bool:
    """Return whether a text in small letters may be such a puzzle."""
    told = re.search(r"\b(?:truth|lie|lies|lied|lying|true|false)\b", text)
    return " of " in text and told is not None and re.search(rf"\b{_SAYS}", text) is not None


def read(text: script.Script) -> problems.Problem:
    """Read every sentence, or raise NotUnderstoodError naming the first that is not covered."""
    reader = _Reader(text.casing)
    told = [knights.unquoted(sentence) for sentence in text.premises]
    for position, sentence in enumerate(told):
        with problems.located(position):
            reader.meet(sentence)
    premises = []
    for position, sentence in enumerate(told):
        with problems.located(position):
            if (formula := reader.premise(sentence)) is not None:
                premises.append(problems.Premise(text.premises[position], formula))
    with problems.located(len(told)):
        return reader.problem(premises, text)


@dataclass(slots=True)
class _Reader:
    """`people` maps names in small letters to how they are shown; `said` are those who have said something."""

    casing: dict[str, str]
    people: dict[str, str] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)
    speaker: str = ""
    deed: str = ""
    base: str = ""
    counted: bool = False
    sure: bool = False

    # Who there is

    def meet(self, sentence: str) -> None:
        """Take in whoever speaks or is listed, and what was done."""
        if match := re.fullmatch(rf"([\w-]+) {_SAYS} .+", sentence):
            self._add(match[1])
        elif match := _DID.fullmatch(sentence):
            if self.deed:
                raise _not_understood(sentence)
            what = f" {match['what']}" if match["what"] else ""
            self.deed, self.base = f"{match['verb']}{what}", f"{_DEEDS[match['verb']]}{what}"
            self._listed(match["group"])
        elif match := _CAST.fullmatch(sentence):
            names = self._listed(match["list"])
            if len(names) != _NUMBERS[match["number"]]:
                raise _not_understood(sentence)
        elif match := _COUNT.fullmatch(sentence):
            self._listed(match["group"])

    def _listed(self, group: str) -> list[str]:
        names = re.split(r",? and |, ", group)
        if len(names) > 1:
            for name in names:
                self._add(name)
        return names

    def _add(self, name: str) -> None:
        if not re.fullmatch(r"[^\W\d_]+", name) or name in _NOT_NAMES:
            raise _not_understood(name)
        self.people.setdefault(name, self.casing.get(name, name).capitalize())

    def _person(self, word: str) -> str:
        name = self.speaker if word in ("i", "me") and self.speaker else word
        if name not in self.people:
            raise _not_understood(word)
        return name

    def _true(self, word: str) -> formulas.Formula:
        return formulas.Atom(TRUE, self.people[self._person(word)])

    def _guilty(self, word: str) -> formulas.Formula:
        if not self.deed:
            raise problems.NotUnderstoodError("it is not said that one of them did anything")
        return formulas.Atom(f"is the one who {self.deed}", self.people[self._person(word)])

    # What is given

    def premise(self, sentence: str) -> formulas.Formula | None:
        """Return what a sentence gives; None where it only says who there is."""
        if match := re.fullmatch(rf"([\w-]+) {_SAYS} (.+)", sentence):
            name = match[1]
            if name in self.said:
                raise problems.NotUnderstoodError("somebody says two things, of which one may be true and one false")
            self.said.add(name)
            self.speaker = name
            formula = formulas.iff(self._true(name), self._claim(match[2].strip(" .,:")))
            self.speaker = ""
            return formula
        if match := _DID.fullmatch(sentence):
            self._all(match["group"])
            return formulas.Exactly(1, tuple(self._guilty(name) for name in self.people))
        if match := _COUNT.fullmatch(sentence):
            return self._count(match)
        if _CAST.fullmatch(sentence):
            return None
        raise _not_understood(sentence)

    def _all(self, group: str) -> None:
        """Require that a group is everyone."""
        if match := re.fullmatch(_THEY, group):
            count = match["count"]
            if not count or count in _ALL or _NUMBERS.get(count) == len(self.people):
                return
        elif set(re.split(r",? and |, ", group)) == set(self.people):
            return
        raise problems.NotUnderstoodError(f"it is not clear who {group[:60]!r} are")

    def _count(self, match: re.Match[str]) -> formulas.Formula:
        if self.counted:
            raise problems.NotUnderstoodError("it is told twice how many tell the truth")
        self.counted = True
        self._all(match["group"])
        number, people, true = _NUMBERS[match["number"]], len(self.people), _is_true(match["kind"])
        how = {"only": "exactly", "just": "exactly"}.get(match["how"].strip(), match["how"].strip())
        if match["other"]:
            rest = match["rest"]
            if how != "exactly" or _is_true(match["other"]) is true or (rest and _NUMBERS[rest] != people - number):
                raise _not_understood(match[0])
        parts = tuple(self._true(name) if true else formulas.Not(self._true(name)) for name in self.people)
        return knights.numbered(how, number, parts)

    def _claim(self, text: str) -> formulas.Formula:
        if match := re.fullmatch(r"neither ([\w-]+) nor ([\w-]+) (.+)", text):
            return formulas.And(tuple(formulas.Not(self._simple(f"{match[i]} {match[3]}")) for i in (1, 2)))
        if match := re.fullmatch(
            r"([\w-]+) and ([\w-]+)(?: are)?(?: both)? (lying|lie|lied|telling the truth|tell the truth)", text
        ):
            verb = "is lying" if match[3].startswith("l") else TRUE
            return formulas.And(tuple(self._simple(f"{match[i]} {verb}") for i in (1, 2)))
        if match := re.fullmatch(r"(?:it was )?(?:either )?([\w-]+) or ([\w-]+)(?: (?:did it|is guilty))?", text):
            # One of them did it, so that nobody can mean both.
            return formulas.Or((self._guilty(match[1]), self._guilty(match[2])))
        left, joint, right = text.partition(" and ")
        if joint and not re.search(r" (?:and|or) ", right):
            return formulas.And((self._simple(left), self._simple(right)))
        return self._simple(text)

    def _simple(self, text: str) -> formulas.Formula:
        if match := re.fullmatch(rf"([\w-]+) (?:am |is )?(not )?(?:{_LIE}|lying|lie|lied)", text):
            return _signed(self._true(match[1]), not match[2])
        if match := re.fullmatch(rf"([\w-]+) (?:{_TRUTH}|(?:am|is) (not )?telling the truth|tell the truth)", text):
            return _signed(self._true(match[1]), bool(match[2]))
        if match := re.fullmatch(r"([\w-]+) (?:is|am|was) (not )?(guilty|innocent)", text):
            return _signed(self._guilty(match[1]), bool(match[2]) is (match[3] == "guilty"))
        if match := re.fullmatch(r"it (?:was|is) (not )?([\w-]+)", text):
            return _signed(self._guilty(match[2]), bool(match[1]))
        deed, base = re.escape(self.deed), re.escape(self.base)
        if self.deed and (match := re.fullmatch(rf"([\w-]+) (?:did it|{deed}|(did not) (?:do it|{base}))", text)):
            return _signed(self._guilty(match[1]), bool(match[2]))
        raise _not_understood(text)

    # The question

    def problem(self, premises: list[problems.Premise], text: script.Script) -> problems.Problem:
        """Read what is asked and join everything."""
        if self.said != set(self.people) or not 2 <= len(self.people) <= PEOPLE_MAX or not self.counted:
            raise problems.NotUnderstoodError(
                f"such a puzzle needs 2 to {PEOPLE_MAX} people, one thing that each says, and how many tell the truth"
            )
        names = tuple(self.people.values())
        notes = ["whoever speaks tells the truth just where what they say is so"]
        if self.deed:
            notes.append(f"exactly one of {', '.join(names)} {self.deed}")
        return problems.Problem(
            "witnesses", tuple(premises), self._question(text), names, notes=tuple(notes), closed=True
        )

    def _question(self, text: script.Script) -> problems.Question:
        asked = re.sub(r"^so,? ", "", knights.unquoted(text.question))
        if not text.direct:
            raise _not_understood(asked)
        who = r"(?:who|which (?:one|person|of them|of the \w+))"
        deed, base = re.escape(self.deed), re.escape(self.base)
        if self.deed and re.fullmatch(rf"{who} (?:did it|{deed}|is guilty|is the culprit)", asked):
            return self._which(text, [self._guilty(name) for name in self.people])
        if re.fullmatch(rf"{who} {_TRUTH}", asked):
            return self._which(text, [self._true(name) for name in self.people])
        if re.fullmatch(rf"{who} {_LIE}", asked):
            return self._which(text, [formulas.Not(self._true(name)) for name in self.people])
        if match := re.fullmatch(r"is ([\w-]+) (lying|telling the truth)", asked):
            return self._whether(text, _signed(self._true(match[1]), match[2] == "lying"))
        if self.deed and (
            match := re.fullmatch(rf"did ([\w-]+) (?:do it|{base})|is ([\w-]+) (?:guilty|the culprit)", asked)
        ):
            return self._whether(text, self._guilty(match[1] or match[2]))
        raise _not_understood(asked)

    def _which(self, text: script.Script, goals: list[formulas.Formula]) -> problems.Question:
        choices = [problems.Choice(name, goal) for name, goal in zip(self.people.values(), goals, strict=True)]
        return problems.Question(problems.Ask.WHICH, text.style, tuple(choices))

    def _whether(self, text: script.Script, goal: formulas.Formula) -> problems.Question:
        return problems.Question(problems.Ask.WHETHER, text.style, (problems.Choice("", goal),))


def _is_true(kind: str) -> bool:
    return re.fullmatch(rf"{_TRUTH}|(?:is|are) true", kind) is not None


def _signed(formula: formulas.Formula, negated: bool) -> formulas.Formula:
    return formulas.Not(formula) if negated else formula


def _not_understood(text: str) -> problems.NotUnderstoodError:
    return problems.NotUnderstoodError(f"I do not read {text[:80]!r}")
