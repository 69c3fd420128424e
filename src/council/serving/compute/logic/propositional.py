"""Grammar of whole clauses joined by if, and, or, not: a clause is opaque, and equal only to a clause of the same words.

Because "it rains" and "it is raining" are two clauses here, words that might connect two clauses make the problem
`guarded`: then only a definite answer is given.
"""

import itertools
import re
from dataclasses import dataclass, field

from council.serving.compute.logic import clashes, formulas, problems, script, words

_WORDS_MAX = 10
_WEATHER = (
    r"it (?:is )?(?:rain|snow|hail|pour|thunder|storm|freez)(?:s|es|ing)"
    r"|it is (?:sunny|rainy|windy|cloudy|cold|hot|dark|late|night|day)"
)
_FIT = frozenset("a an the is are am i my your in on at to of off up down out under with near for into".split())
# A clause with one of these says more than its words taken as one block.
_UNFIT = (words.FUNCTION_WORDS - _FIT) | {"he", "she", "it", "than"}
_BE = ("is", "are", "am")
_SUBJECT = r"(?:(?:the|my|your) )?[a-z]{2,}"
_DENIED = r"it is (?:not (?:the case|true)|false) that "
_SAID = r"(?:is|[a-z]+[^s]s)\b(?: .+)?"
_COUNTS = ("exactly one", "only one", "at most one", "at least one")


def read(text: script.Script) -> problems.Problem:
    """Read every sentence, or raise NotUnderstoodError naming the first that is not covered."""
    reader = _Reader(text.casing)
    premises: list[problems.Premise] = []
    for position, sentence in enumerate(text.premises):
        with problems.located(position):
            premises.append(problems.Premise(sentence, reader.sentence(sentence.lower())))
    with problems.located(len(text.premises)):
        given = list(reader.clauses)
        asked = text.question.lower()
        goal = reader.asked(asked) if text.direct else reader.sentence(asked)
        if len(reader.clauses) > len(given):
            raise problems.NotUnderstoodError("the question holds a clause that no sentence holds")
    if not any(formulas.children(premise.formula) for premise in premises):
        raise problems.NotUnderstoodError("no sentence joins two clauses", len(text.premises))
    question = problems.Question(problems.Ask.WHETHER, text.style, (problems.Choice("", goal),))
    guard = _guard(list(reader.clauses)) or clashes.exclusive([premise.formula for premise in premises])
    return problems.Problem("propositional", tuple(premises), question, (), guarded=guard)


@dataclass(slots=True)
class _Reader:
    casing: dict[str, str]
    clauses: dict[str, str] = field(default_factory=dict)

    def sentence(self, text: str) -> formulas.Formula:
        """Read a sentence of clauses."""
        if re.match(rf"{_DENIED}.+ (?:if|unless) ", text):
            raise problems.NotUnderstoodError("it is not clear how far 'it is not the case' reaches")
        if match := re.fullmatch(r"(.+) if and only if (.+)", text):
            return formulas.iff(self._alone(match[1]), self._joined(match[2]))
        if match := re.fullmatch(r"(.+?),? only if (.+)", text):
            # Logicians take it for one direction only; some people take it to say both.
            parts = self._alone(match[1]), self._joined(match[2])
            return formulas.Ambiguous((formulas.Implies(*parts), formulas.iff(*parts)))
        if match := re.fullmatch(
            r"unless (?P<but>[^,]+), (?P<said>[^,]+)|(?P<said_first>.+?),? unless (?P<but_last>.+)", text
        ):
            # What happens if the exception holds is left open, or the opposite happens.
            said, but = match["said"] or match["said_first"], match["but"] or match["but_last"]
            either = (self._alone(said), self._alone(but))
            return formulas.Ambiguous((formulas.Or(either), formulas.Exactly(1, either)))
        if match := re.fullmatch(r"if (.+?),? then (.+)", text) or re.fullmatch(r"if ([^,]+), (.+)", text):
            return formulas.Implies(self._joined(match[1]), self._joined(match[2]))
        if match := re.fullmatch(r"(.+?),? if (.+)", text):
            return formulas.Implies(self._joined(match[2]), self._alone(match[1]))
        return self._joined(text)

    def _alone(self, text: str) -> formulas.Formula:
        """Read one clause before an if: in "P and Q if R" the if may reach back to Q only."""
        if re.search(r" and | or ", text):
            raise _not_understood(text)
        return self._joined(text)

    def _of_two(self, text: str) -> formulas.Formula | None:
        """Read what is said of two clauses or of two subjects at once, if it says so with a word of its own."""
        if match := re.fullmatch(r"(?:either )?(.+?),? or (.+?),? but not both(?: of them)?", text):
            return formulas.Exactly(1, self._pair(match[1], match[2]))
        if match := re.fullmatch(
            rf"({_SUBJECT}) and ({_SUBJECT}) are not both (.+)|not both ({_SUBJECT}) and ({_SUBJECT}) are (.+)", text
        ):
            first, second, said = filter(None, match.groups())
            return formulas.Not(formulas.And(self._pair(first, f"{second} is {said}")))
        if match := re.fullmatch(rf"(?:{_DENIED}|not )both (.+?) and (.+)", text):
            return formulas.Not(formulas.And(self._pair(match[1], match[2])))
        if match := re.fullmatch(rf"({'|'.join(_COUNTS)}) of ({_SUBJECT}) (?:and|or) ({_SUBJECT}) ({_SAID})", text):
            return _counted(match[1], self._pair(match[2], f"{match[3]} {match[4]}"))
        if match := re.fullmatch(rf"neither ({_SUBJECT}) nor ({_SUBJECT} {_SAID})", text):
            return formulas.And(tuple(formulas.Not(part) for part in self._pair(match[1], match[2])))
        if match := re.fullmatch(rf"either ({_SUBJECT}) or ({_SUBJECT} {_SAID})", text):
            pair = self._pair(match[1], match[2])
            return formulas.Ambiguous((formulas.Or(pair), formulas.Exactly(1, pair)))
        return None

    def _pair(self, first: str, second: str) -> tuple[formulas.Formula, formulas.Formula]:
        """Read two clauses; of the first no more than the subject may be written, as in "Ann or Bob is happy"."""
        if re.search(r" and | or ", f"{first} {second}"):
            raise _not_understood(f"{first} or {second}")
        if re.fullmatch(_SUBJECT, first) and (said := re.fullmatch(rf"{_SUBJECT} ({_SAID})", second)):
            first = f"{first} {said[1]}"
        one, two = self._clause(first), self._clause(second)
        if one == two or any(not isinstance(part, formulas.Atom) for part in (one, two)):
            raise problems.NotUnderstoodError("it is not clear how far 'not' reaches")
        return one, two

    def _joined(self, text: str) -> formulas.Formula:
        if (found := self._of_two(text)) is not None:
            return found
        either = text.startswith("either ")
        if text.startswith("both ") and " and " not in text:
            raise _not_understood(text)
        text = text.removeprefix("either ").removeprefix("both ")
        denied = re.match(_DENIED, text)
        conjuncts, disjuncts = text.split(" and "), re.split(r",? or ", text)
        if len(conjuncts) > 1 and len(disjuncts) > 1:
            raise _not_understood(text)
        if denied and (len(conjuncts) > 1 or len(disjuncts) > 1):
            raise problems.NotUnderstoodError("it is not clear how far 'it is not the case' reaches")
        if either and len(disjuncts) != 2:
            raise _not_understood(text)
        pieces = conjuncts if len(conjuncts) > 1 else disjuncts
        if (
            len(pieces) > 1
            and pieces[0].startswith("not ")
            and not all(piece.startswith("not ") for piece in pieces[1:])
        ):
            raise problems.NotUnderstoodError("it is not clear how far 'not' reaches")
        parts = tuple(self._clause(piece) for piece in pieces)
        if len(parts) == 1:
            return parts[0]
        if len(conjuncts) > 1:
            return formulas.And(parts)
        inclusive = formulas.Or(parts)
        return formulas.Ambiguous((inclusive, formulas.Exactly(1, parts))) if either else inclusive

    def _clause(self, text: str) -> formulas.Formula:
        for opening in ("it is not the case that ", "it is not true that ", "it is false that ", "not "):
            if text.startswith(opening):
                return formulas.Not(self._clause(text.removeprefix(opening)))
        if match := re.fullmatch(r"([a-z]) is (true|false)", text):
            return self._atom(match[1]) if match[2] == "true" else formulas.Not(self._atom(match[1]))
        if match := re.fullmatch(r"(.+?) (is|are|am) not (.+)", text):
            return formulas.Not(self._clause(f"{match[1]} {match[2]} {match[3]}"))
        if match := re.fullmatch(r"(.+?) does not ([a-z]+)( .+)?", text):
            return formulas.Not(self._clause(f"{match[1]} {words.third_person(match[2])}{match[3] or ''}"))
        if match := re.fullmatch(r"(.+?) do not ([a-z]+)( .+)?", text):
            return formulas.Not(self._clause(f"{match[1]} {match[2]}{match[3] or ''}"))
        return self._atom(text)

    def _atom(self, text: str) -> formulas.Formula:
        if not re.fullmatch(r"[a-z]", text) and not re.fullmatch(_WEATHER, text):
            parts = text.split(" ")
            plain = all(re.fullmatch(r"[^\W\d_]+(?:-[^\W\d_]+)*", part) for part in parts)
            verb = [part for part in parts[1:] if part in _BE or part.endswith("s")] or parts[0] == "i"
            if not plain or not 2 <= len(parts) <= _WORDS_MAX or not verb or _UNFIT.intersection(parts):
                raise _not_understood(text)
        if text not in self.clauses:
            self.clauses[text] = " ".join(self.casing.get(word, word) for word in text.split())
        return formulas.Atom(self.clauses[text], formulas.CLAUSE)

    def asked(self, text: str) -> formulas.Formula:
        """Read a direct question by finding the one known clause that it turns around."""
        known = [clause for clause in self.clauses if _turned(clause, text)]
        if (letter := re.fullmatch(r"([a-z])|is ([a-z]) true", text)) and (letter[1] or letter[2]) in self.clauses:
            known = [letter[1] or letter[2]]
        if len(known) != 1:
            raise _not_understood(text)
        return self._atom(known[0])


def _turned(clause: str, question: str) -> bool:
    """Say whether the question is the clause turned round: "is the ground wet", "does the alarm ring", "do I work"."""
    parts = clause.split(" ")
    auxiliary, _, rest = question.partition(" ")
    if auxiliary in _BE:
        where = next((index for index, part in enumerate(parts) if part == auxiliary and index), None)
        return where is not None and rest == " ".join(parts[:where] + parts[where + 1 :])
    asked = rest.split(" ")
    if auxiliary == "does" and len(asked) == len(parts) and not set(_BE) & set(parts):
        changed = [(a, b) for a, b in zip(asked, parts, strict=True) if a != b]
        return len(changed) == 1 and words.third_person(changed[0][0]) == changed[0][1]
    return auxiliary == "do" and asked == parts and not set(_BE) & set(parts)


def _guard(clauses: list[str]) -> str:
    for first, second in itertools.combinations(clauses, 2):
        if len(first) == 1 or len(second) == 1:
            continue
        one, other = _without_subject(first, second)
        if (
            words.stems(one) & words.stems(other)
            or not words.stems(one)
            or not words.stems(other)
            or words.opposed(first, second)
        ):
            return f"{first!r} and {second!r} may be connected in a way that no sentence says"
    return ""


def _without_subject(first: str, second: str) -> tuple[str, str]:
    """Drop the same leading words up to is or are: "Tom is happy" and "Tom is rich" share no more than Tom."""
    for be in _BE:
        subject, joint, rest = first.partition(f" {be} ")
        other, joint_too, rest_too = second.partition(f" {be} ")
        if joint and joint_too and subject == other:
            return rest, rest_too
    return first, second


def _counted(word: str, parts: tuple[formulas.Formula, ...]) -> formulas.Formula:
    match word:
        case "at least one":
            return formulas.Or(parts)
        case "at most one":
            return formulas.Not(formulas.And(parts))
        case _:
            return formulas.Exactly(1, parts)


def _not_understood(text: str) -> problems.NotUnderstoodError:
    return problems.NotUnderstoodError(f"I do not read {text[:80]!r}")
