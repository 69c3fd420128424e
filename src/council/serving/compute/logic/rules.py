"""Grammar of kinds and rules: syllogisms, is-a statements, if-then rules about something, all or named individuals.

A noun phrase of several words is one predicate: a red ball is not thereby a ball, because former presidents are not presidents.
Only "things" and "people" are transparent: kind things are whatever is kind. Where such opaque words could hide a
connection, the problem is `guarded` and only a definite answer is given.
"""

import itertools
import re
from dataclasses import dataclass, field

from council.serving.compute.logic import arguments, clashes, formulas, problems, script, words

_VERBS = frozenset(
    "likes loves hates sees eats needs chases visits helps follows fears trusts admires knows meets hears owns respects".split()
)
_SOMETHING = ("something", "anything", "a thing", "someone", "somebody", "anyone", "anybody", "a person")
_PERSONAL = frozenset(
    {"someone", "somebody", "anyone", "anybody", "a person", "everyone", "everybody", "people", "person"}
)
_PRONOUNS = ("it", "they", "he", "she", "that person", "that thing")
_BE = r"(?:is|are)"
_NAMED = re.compile(r"(?:the [\w-]+(?: [\w-]+)?|[\w-]+(?: [\w-]+)?)")


def read(text: script.Script) -> problems.Problem:
    """Read every sentence, or raise NotUnderstoodError naming the first that is not covered."""
    reader = _Reader(text.casing)
    premises = []
    for position, sentence in enumerate(text.premises):
        with problems.located(position):
            premises.append(problems.Premise(sentence, reader.statement(sentence.lower())))
    with problems.located(len(premises)):
        question = text.question.lower()
        goal = reader.asked(question) if text.direct else reader.statement(question)
    return reader.problem(premises, goal, text)


@dataclass(slots=True)
class _Scope:
    """What pronouns and left-out subjects of one sentence can refer to.

    `last` is the latest subject; `bound` says that "something" was introduced, `named` that an individual was a subject, and
    `condition` that we are between if and then, the one place where "something" means anything at all.
    """

    last: str = ""
    bound: bool = False
    named: bool = False
    condition: bool = False


@dataclass(slots=True)
class _Reader:
    casing: dict[str, str]
    individuals: dict[str, str] = field(default_factory=dict)
    nouns: set[str] = field(default_factory=set)
    plural: set[str] = field(default_factory=set)
    personal: bool = False
    scope: _Scope = field(default_factory=_Scope)

    # Statements

    def statement(self, text: str) -> formulas.Formula:
        """Read a declarative sentence."""
        self.scope = _Scope()
        text = arguments.plain(text)
        if text.startswith("if "):
            return self._rule(text)
        if match := re.fullmatch(r"only (.+?) are (.+)", text):
            # It says that nothing else is; some take it to say that they are, too.
            others, these = (self.statement(f"all {match[i]} are {match[3 - i]}") for i in (2, 1))
            return formulas.Ambiguous((others, formulas.And((others, these))))
        if match := re.fullmatch(r"there (?:is|are|exists?) (?:at least one|an|a|some)? ?(.+)|some (.+) exist", text):
            kind = match[1] or match[2]
            return formulas.Some(self._kind(kind, plural=words.is_plural(kind)))
        if match := re.fullmatch(r"it is (?:not (?:true|the case)|false) that ((?:all|every|no|some) [^,]+)", text):
            return self._denied(match[1])
        if match := re.fullmatch(r"(all|no) ([a-z]+) (and|or) ([a-z]+) are (.+)", text):
            return self._both_kinds(match[1], (match[2], match[4]), match[3], match[5])
        if match := re.fullmatch(rf"not (all|every) (.+?) {_BE} (.+)", text):
            return formulas.Not(self._quantified(match[2], self._complement(match[3]), plural=match[1] == "all"))
        if match := re.fullmatch(rf"(all|every|each|any) (.+?) {_BE} (not )?(.+)", text):
            return self._universal(match[1], match[2], match[3], match[4])
        if match := re.fullmatch(rf"no (.+?) {_BE} (.+)", text):
            body = formulas.And((self._kind(match[1], plural=" are " in text), self._simple(match[2])))
            return formulas.Every(formulas.Not(body))
        if match := re.fullmatch(rf"some (.+?) {_BE} (.+)", text):
            parts = (self._kind(match[1], plural=" are " in text), self._complement(match[2]))
            return formulas.Some(formulas.And(parts))
        if match := re.fullmatch(r"(every|any|no)(?:thing|one|body)((?: that| who) is .+?)? is (.+)", text):
            return self._everything(text.split(maxsplit=1)[0], match[2], match[3])
        if match := re.fullmatch(r"an? (.+?) is (an? .+)", text):
            # "A whale is a mammal" means every whale, "a man is a thief" means some man.
            parts = (self._kind(match[1], plural=False), self._simple(match[2]))
            return formulas.Ambiguous((formulas.Every(formulas.Implies(*parts)), formulas.Some(formulas.And(parts))))
        if (match := re.fullmatch(r"(.+?) are (.+)", text)) and self._generic(match[1], match[2]):
            return self._quantified(match[1], self._complement(match[2]), plural=True)
        return self._fact(text)

    def _denied(self, text: str) -> formulas.Formula:
        """Deny a sentence with one quantifier and nothing that "not" might stop before."""
        formula = self.statement(text)
        if re.search(r" (?:and|or|not|if|neither) ", text) or not isinstance(formula, formulas.Every | formulas.Some):
            raise problems.NotUnderstoodError("it is not clear how far 'it is not true' reaches")
        match formula:
            case formulas.Some(body):
                return formulas.Every(formulas.Not(body))
            case formulas.Every(formulas.Not(body)):
                return formulas.Some(body)
            case _:
                return formulas.Not(formula)

    def _both_kinds(self, word: str, kinds: tuple[str, str], joint: str, complement: str) -> formulas.Formula:
        """Read "all cats and dogs are pets" and "no cats or dogs are plants" as two sentences."""
        if (word, joint) == ("all", "or") or kinds[0] == kinds[1] or not all(words.is_plural(kind) for kind in kinds):
            raise _not_understood(f"{word} {kinds[0]} {joint} {kinds[1]}")
        if re.match(r"not ", complement):
            raise problems.NotUnderstoodError("it is not clear how far 'not' reaches")
        return formulas.And(tuple(self.statement(f"{word} {kind} are {complement}") for kind in kinds))

    def _universal(self, word: str, kind: str, negation: str | None, complement: str) -> formulas.Formula:
        plural = word == "all"
        if plural and re.match(r"an? ", complement):
            raise _not_understood(f"{word} {kind} are {complement}")
        if not negation:
            return self._quantified(kind, self._complement(complement), plural=plural)
        held = self._simple(complement)
        none = self._quantified(kind, formulas.Not(held), plural=plural)
        if word == "each":
            return none
        # "All that glitters is not gold": it may deny each, or only that it is all.
        return formulas.Ambiguous((none, formulas.Not(self._quantified(kind, held, plural=plural))))

    def _quantified(self, kind: str, held: formulas.Formula, *, plural: bool) -> formulas.Formula:
        return formulas.Every(formulas.Implies(self._kind(kind, plural=plural), held))

    def _everything(self, word: str, condition: str | None, complement: str) -> formulas.Formula:
        self.personal |= word.endswith(("one", "body"))
        negative = word.startswith("no")
        if not condition and complement.startswith("not "):
            raise problems.NotUnderstoodError("it is not clear how far 'not' reaches")
        held = self._simple(complement) if negative else self._complement(complement)
        held = formulas.Not(held) if negative else held
        if not condition:
            return formulas.Every(held)
        return formulas.Every(formulas.Implies(self._complement(condition.split(" is ", 1)[1]), held))

    def _generic(self, subject: str, said: str) -> bool:
        """Say whether a bare plural speaks of all of its kind."""
        return (
            not any(words.is_passing(word) for word in said.split())
            # "Humans are a species" and "tigers are orange and black" speak of the kind or of its parts.
            and not re.search(r"^(?:not )?an? | and | or |,", said)
            and not subject.startswith("the ")
            and words.is_plural(subject)
            and self._is_phrase(subject.replace(",", ""))
        )

    # Rules

    def _rule(self, text: str) -> formulas.Formula:
        match = re.fullmatch(r"if (.+?),? then (.+)", text) or re.fullmatch(r"if ([^,]+), (.+)", text)
        if not match or " if " in text or " then " in match[2]:
            raise _not_understood(text)
        self.scope.condition = True
        condition = self._conjuncts(match[1])
        self.scope.condition = False
        consequence = self._conjuncts(match[2])
        rule = formulas.Implies(condition, consequence)
        bound = any(atom.subject == formulas.VARIABLE for atom in formulas.atoms(rule))
        return formulas.Every(rule) if bound else rule

    def _conjuncts(self, text: str) -> formulas.Formula:
        if " or " in text or " either " in text or "," in text:
            raise _not_understood(text)
        parts: list[formulas.Formula] = []
        negated = False
        for piece in text.split(" and "):
            try:
                parts.append(self._fact(piece))
                negated = " not " in piece
            except problems.NotUnderstoodError:
                # "is nice and big": the subject carries over, but "is not nice and big" could deny both or their union.
                if not parts or (negated and not piece.startswith("not ")):
                    raise
                parts.append(self._predicated(self.scope.last, self._one(piece)))
        return formulas.conjunction(parts)

    # One subject and what is said of it

    def _fact(self, text: str) -> formulas.Formula:
        if match := re.fullmatch(rf"(.+?) ({'|'.join(sorted(_VERBS))}) (.+)", text):
            return self._related(match[1], match[2], match[3])
        if match := re.fullmatch(r"(.+?) (?:does|do) not ([a-z]+) (.+)", text):
            return formulas.Not(self._related(match[1], words.third_person(match[2]), match[3]))
        if match := re.fullmatch(r"they ([a-z]+) (the .+)", text):
            return self._related("they", words.third_person(match[1]), match[2])
        match = re.fullmatch(rf"(.+?) {_BE} (.+)", text)
        if not match:
            raise _not_understood(text)
        if f"{match[1]} are " in text and words.is_plural(match[1]) and not match[1].startswith("the "):
            raise problems.NotUnderstoodError(f"{match[1]!r} may speak of each, of some, or of all together")
        return self._predicated(self._subject(match[1]), self._complement(match[2]))

    def _related(self, subject: str, verb: str, other: str) -> formulas.Formula:
        if verb not in _VERBS:
            raise _not_understood(f"{subject} {verb} {other}")
        return formulas.Atom(f"{verb} {self._individual(other)}", self._subject(subject))

    def _predicated(self, subject: str, complement: formulas.Formula) -> formulas.Formula:
        return formulas.map_atoms(complement, lambda atom: formulas.Atom(atom.predicate, subject))

    def _subject(self, text: str) -> str:
        scope = self.scope
        if text in _SOMETHING:
            if scope.bound or not scope.condition:
                raise _not_understood(text)
            self.personal |= text in _PERSONAL
            scope.bound, scope.last = True, formulas.VARIABLE
        elif text in _PRONOUNS:
            if not scope.bound or scope.named:
                raise _not_understood(text)
            self.personal |= text in ("he", "she", "that person")
            scope.last = formulas.VARIABLE
        else:
            scope.named, scope.last = True, self._individual(text)
        return scope.last

    def _individual(self, text: str) -> str:
        bare = text.removeprefix("the ")
        if not _NAMED.fullmatch(text) or not self._is_phrase(bare):
            raise _not_understood(text)
        shown = " ".join(self.casing.get(word, word) for word in bare.split())
        self.individuals.setdefault(text, f"the {shown}" if text.startswith("the ") else shown[0].upper() + shown[1:])
        return self.individuals[text]

    # What is said: kinds and qualities

    def _complement(self, text: str) -> formulas.Formula:
        if match := re.fullmatch(r"neither (.+) nor (.+)", text):
            return formulas.And((formulas.Not(self._simple(match[1])), formulas.Not(self._simple(match[2]))))
        if match := re.fullmatch(r"(?:either )?(.+?) or (.+?),? but not both", text):
            return formulas.Exactly(1, (self._simple(match[1]), self._simple(match[2])))
        if match := re.fullmatch(r"either (.+) or (.+)", text):
            either = (self._simple(match[1]), self._simple(match[2]))
            return formulas.Ambiguous((formulas.Or(either), formulas.Exactly(1, either)))
        if text.startswith("both "):
            first, _, second = text[5:].partition(" and ")
            return formulas.And((self._simple(first), self._simple(second)))
        for joint in (" and ", " or "):
            pieces = text.split(joint)
            if len(pieces) > 1:
                signs = [piece.startswith("not ") for piece in pieces]
                if signs[0] and not all(signs):
                    raise _not_understood(text)
                parts = tuple(self._one(piece) for piece in pieces)
                return formulas.And(parts) if joint == " and " else formulas.Or(parts)
        return self._one(text)

    def _one(self, text: str) -> formulas.Formula:
        if text.startswith("not "):
            return formulas.Not(self._simple(text[4:]))
        return self._simple(text)

    def _simple(self, text: str) -> formulas.Formula:
        if match := re.fullmatch(r"an? (.+)", text):
            if not self._is_phrase(match[1]):
                raise _not_understood(text)
            self.nouns.add(match[1])
            return formulas.Atom(match[1], formulas.VARIABLE)
        if not self._is_phrase(text):
            raise _not_understood(text)
        return formulas.Atom(text, formulas.VARIABLE)

    def _kind(self, text: str, *, plural: bool) -> formulas.Formula:
        front, _, last = text.rpartition(" ")
        if last in ("things", "thing", "people", "person") and front:
            self.personal |= last in _PERSONAL
            pieces = re.split(r", (?:and )?| and | ", front)
            parts = tuple(self._simple(piece) for piece in pieces)
            if " and " in front:
                # "Old and rich things": things that are both, or old things and rich things.
                return formulas.Ambiguous((formulas.And(parts), formulas.Or(parts)))
            return formulas.conjunction(parts)
        if not self._is_phrase(text):
            raise _not_understood(text)
        (self.plural if plural else self.nouns).add(text)
        return formulas.Atom(text, formulas.VARIABLE)

    def _is_phrase(self, text: str) -> bool:
        parts = text.split(" ")
        return (
            len(parts) <= 3
            and all(re.fullmatch(r"[^\W\d_]+(?:-[^\W\d_]+)*", part) for part in parts)
            and (text in ("a", "i") or not words.FUNCTION_WORDS.intersection(parts))
            and not words.COLLECTIVE_WORDS.intersection(parts)
        )

    # Questions

    def asked(self, text: str) -> formulas.Formula:
        """Read a direct yes-or-no question."""
        self.scope = _Scope()
        if match := re.fullmatch(r"(?:is|are) (every|all|each) (.+)", text):
            kind, held = self._split(match[2])
            return self._quantified(kind, self._simple(held), plural=match[1] == "all")
        if match := re.fullmatch(r"(?:is|are) (?:some|any) (.+)", text):
            kind, held = self._split(match[1])
            return formulas.Some(formulas.And((self._kind(kind, plural=text.startswith("are")), self._simple(held))))
        if match := re.fullmatch(r"are (.+)", text):
            kind, held = self._split(match[1])
            if self._generic(kind, held):
                return self._quantified(kind, self._simple(held), plural=True)
        if match := re.fullmatch(r"(?:is|are) (.+)", text):
            subject = self._known(match[1])
            return self._predicated(self.individuals[subject], self._simple(match[1][len(subject) + 1 :]))
        if match := re.fullmatch(r"(?:does|do) (.+)", text):
            subject = self._known(match[1])
            verb, _, other = match[1][len(subject) + 1 :].partition(" ")
            return self._related(subject, words.third_person(verb), other)
        raise _not_understood(text)

    def _known(self, text: str) -> str:
        found = [name for name in self.individuals if text.startswith(name + " ")]
        if not found:
            raise _not_understood(text)
        return max(found, key=len)

    def _split(self, text: str) -> tuple[str, str]:
        """Part "cats mammals" where a kind ends that some sentence spoke of."""
        known = self.nouns | self.plural | {a for noun in self.nouns for a in words.plurals(noun)}
        everything = known | {words.singular_of(kind, known) or "" for kind in self.plural}
        cuts = [position for position, letter in enumerate(text) if letter == " "]
        fitting = [(text[:cut], text[cut + 1 :]) for cut in cuts if text[:cut] in everything]
        if len(fitting) != 1:
            pairs = [(text[:cut], text[cut + 1 :]) for cut in cuts]
            fitting = pairs if len(pairs) == 1 else [pair for pair in pairs if re.match(r"an? \w", pair[1])]
        if len(fitting) != 1:
            raise _not_understood(text)
        return fitting[0]

    # The whole

    def problem(
        self, premises: list[problems.Premise], goal: formulas.Formula, text: script.Script
    ) -> problems.Problem:
        """Join singulars and plurals, and say what the words might hide."""
        everything = [premise.formula for premise in premises] + [goal]
        self._check(premises, everything)
        raw = list(dict.fromkeys(atom.predicate for formula in everything for atom in formulas.atoms(formula)))
        shown = self._shown(raw)

        def change(atom: formulas.Atom) -> formulas.Atom:
            return formulas.Atom(shown[atom.predicate], atom.subject)

        read_premises = tuple(problems.Premise(p.text, formulas.map_atoms(p.formula, change)) for p in premises)
        read_goal = formulas.map_atoms(goal, change)
        given = {atom.predicate for premise in read_premises for atom in formulas.atoms(premise.formula)}
        asked = {atom.predicate for atom in formulas.atoms(read_goal)}
        guard = _guard([words_of(p) for p in sorted(given | asked)])
        if text.style is problems.Style.YES_NO and not asked <= given:
            guard = guard or "the question speaks of something that no sentence mentions"
        if given & {"is a person", "is a human", "is a human being"}:
            guard = guard or "that a name or a noun stands for a person may have been left unsaid"
        guard = guard or clashes.exclusive([premise.formula for premise in read_premises])
        question = problems.Question(problems.Ask.WHETHER, text.style, (problems.Choice("", read_goal),))
        names = tuple(self.individuals.values())
        return problems.Problem("rules", read_premises, question, names, guarded=guard)

    def _check(self, premises: list[problems.Premise], everything: list[formulas.Formula]) -> None:
        if not any(_is_general(premise.formula) for premise in premises):
            raise problems.NotUnderstoodError("no sentence states a rule to reason with", len(premises))
        if self.personal and any(name.startswith("the ") for name in self.individuals.values()):
            raise problems.NotUnderstoodError(
                "a rule about people may or may not cover the things named", len(premises)
            )
        self._check_people(premises, everything)
        heads = {key.removeprefix("the ") for key in self.individuals}
        said = {atom.predicate for formula in everything for atom in formulas.atoms(formula)}
        if heads & (said | {words.singular_of(word, said) for word in said}):
            raise problems.NotUnderstoodError("a word names both one individual and a kind", len(premises))

    def _check_people(self, premises: list[problems.Premise], everything: list[formulas.Formula]) -> None:
        """A rule about people says nothing of dogs and ships, so every noun must be one that only people are called."""
        if not self.personal:
            return
        nouns = self.nouns | {words.singular_of(noun, self.nouns) or noun for noun in self.plural}
        denied = any(
            isinstance(node, formulas.Not) and isinstance(node.part, formulas.Atom) and node.part.predicate in nouns
            for formula in everything
            for node in formulas.walk(formula)
        )
        surely = all(" " not in name for name in self.individuals)
        if denied or not surely or not nouns <= words.PERSON_NOUNS:
            raise problems.NotUnderstoodError("a rule about people may not cover all that is named", len(premises))

    def _shown(self, raw: list[str]) -> dict[str, str]:
        """Map each predicate as written to one verb phrase, the same for a singular and its plural."""
        known = set(raw) | self.nouns
        shown = {}
        for phrase in raw:
            if phrase.split()[0] in _VERBS and len(phrase.split()) > 1:
                shown[phrase] = phrase
                continue
            plural_of_known = any(words.singular_of(phrase, {k}) == k and phrase != k for k in known)
            single = phrase
            if phrase in self.plural or plural_of_known:
                found = words.singular_of(phrase, known)
                if found is None:
                    raise problems.NotUnderstoodError(f"{phrase!r} is the plural of more than one word")
                single = found
            noun = phrase in self.plural or phrase in self.nouns or single in self.nouns or plural_of_known
            noun = noun or any(words.singular_of(plural, {single}) == single for plural in self.plural)
            if not noun and re.search(r"[^sui]s$", single):
                noun, single = True, words.singular_of(single, set()) or single
            if len(single) == 1:
                single = self.casing.get(single, single)
            article = "an" if single[0] in "aeioAEIO" else "a"
            shown[phrase] = f"is {article} {single}" if noun else f"is {single}"
        return shown


def words_of(predicate: str) -> str:
    """Return the predicate without its is and its article."""
    return re.sub(r"^is (?:an? (?=\w))?", "", predicate)


def _is_general(formula: formulas.Formula) -> bool:
    return any(isinstance(node, formulas.Every | formulas.Some | formulas.Implies) for node in formulas.walk(formula))


def _guard(phrases: list[str]) -> str:
    for first, second in itertools.combinations(phrases, 2):
        related = {first.split()[0], second.split()[0]} <= _VERBS
        if not related and words.stems(first) & words.stems(second):
            return f"{first!r} and {second!r} may be connected in a way that no sentence says"
        if words.opposed(first, second):
            return f"{first!r} and {second!r} may exclude each other, which no sentence says"
    return ""


def _not_understood(text: str) -> problems.NotUnderstoodError:
    return problems.NotUnderstoodError(f"I do not read {text[:80]!r}")
