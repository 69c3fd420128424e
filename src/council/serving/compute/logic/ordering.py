"""Grammar of orders: comparatives, superlatives, places in a row, finishing before and after.

Every order is strict and covers exactly the names that the text holds; the reading says both. A denied comparison
("is not taller") is passed on, because it could mean a tie.
"""

import re
from dataclasses import dataclass, field, replace

from council.serving.compute.logic import formulas, order_words, problems, script, words

_BE = "(?:is|are|was|were)"
_PLACED = r"(?:finished|arrived|came in|came|did finish|ended)"
_DIRECTLY = r"(?:immediately|directly)"
_NOUN = (
    r"(?:person|people|one|ones|book|car|vehicle|fruit|bird|golfer|runner|child|kid|animal|box|house|friend|man|woman|boy|girl"
    r"|student|city|tree|building)"
)
_NOUNS = rf"{_NOUN}s?"
_MANY = rf"(?P<count>{'|'.join(order_words.NUMBERS)})"
_OF_ALL = re.compile(
    rf"(.+?) (?:(?:of|among) (?:them all|them|all|(?:the|all|all of the) (?:{_MANY}(?: (?P<noun>{_NOUNS}))?|group))|overall)"
)
_ANYONE = ("person", "people", "persons", "one", "ones")
_WHICH = rf"(?:who|what|which(?: of them| one)?|which (?P<noun>{_NOUN}))"


def read(text: script.Script) -> problems.Problem:
    """Read every sentence, or raise NotUnderstoodError naming the first that is not covered."""
    reader = _Reader(text.casing)
    premises: list[problems.Premise] = []
    tenses: list[str] = [] if text.options else [text.question]
    for position, sentence in enumerate(text.premises):
        with problems.located(position):
            if not reader.listed(sentence.lower()):
                premises.append(problems.Premise(sentence, reader.statement(sentence.lower())))
                tenses.append(sentence)
    with problems.located(len(text.premises)):
        named = len(reader.names)
        reader.asking = True
        question = reader.question(text)
        _check_question(len(reader.names) != named, order_words.mixes_tenses(" ".join(tenses).lower()))
        return reader.problem(premises, question)


@dataclass(slots=True)
class _Reader:
    casing: dict[str, str]
    names: dict[str, str] = field(default_factory=dict)
    declared: int = 0
    possible: set[str] = field(default_factory=set)
    kind: str = ""
    counts: set[int] = field(default_factory=set)
    asking: bool = False
    backward: bool = False

    def listed(self, text: str) -> bool:
        """Take in a sentence that lists what is put in order; such a list is complete."""
        if match := order_words.PREAMBLE.fullmatch(text):
            self._count(match[1])
            return True
        if match := order_words.STANDING.fullmatch(text):
            return self._standing(match)
        match = order_words.LIST_HEAD.fullmatch(text)
        if not match:
            return False
        if words.FUNCTION_WORDS.intersection(match[2].split()):
            raise _not_understood(text)
        for name in re.split(r",? and |, ", match[3]):
            self._name(re.sub(r"^an? (?=\w)", "the ", name))
        if self.declared or len(self.names) != order_words.NUMBERS[match[1]]:
            raise _not_understood(text)
        self.declared, self.kind = len(self.names), match[2]
        return True

    def _standing(self, match: re.Match[str]) -> bool:
        """Take in "Four people stand in a line", with their names or without."""
        if match["ran"]:
            self._narrow({order_words.RACE})
        self._count(match["count"])
        if listed := match["first"] or match["last"]:
            if self.declared or self.names or (match["first"] and match["last"]):
                raise _not_understood(match[0])
            for name in re.split(r",? and |, ", listed):
                self._name(name)
            self.declared = len(self.names)
        self.kind = self.kind or match["noun"]
        return True

    def _count(self, number: str | None) -> None:
        """Note that the text says how many there are; `problem` checks it."""
        if number:
            self.counts.add(order_words.NUMBERS[number])

    def _all_are(self, noun: str | None) -> None:
        """Pass on a noun that may leave out some of the names: the oldest man need not be the oldest."""
        if not noun:
            return
        anyone = noun in _ANYONE and not any(name.startswith("the ") for name in self.names.values())
        forms = {self.kind, words.singular_of(self.kind, set())} if self.kind else set()
        if not (anyone or noun in ("one", "ones") or noun in forms):
            raise problems.NotUnderstoodError(f"it is not said that all of them are {noun!r}")

    # Statements

    def statement(self, text: str) -> formulas.Formula:
        """Read a declarative sentence, or several joined by and."""
        pieces = re.split(r",? (?:and|but|while) ", text)
        parts: list[formulas.Formula] = []
        subject = ""
        for position, piece in enumerate(pieces):
            try:
                subject, formula = self._clause(piece)
            except problems.NotUnderstoodError:
                # "taller than Ann but shorter than Bob" repeats the subject, "than Ann and Bob" the comparison.
                if not subject or position == 0:
                    raise
                subject, formula = self._continued(subject, pieces[position - 1], piece)
            parts.append(formula)
        return formulas.conjunction(parts)

    def _continued(self, subject: str, before: str, piece: str) -> tuple[str, formulas.Formula]:
        if " not " in before:
            raise problems.NotUnderstoodError("it is not clear how far 'not' reaches")
        if re.match(r"(?:to the |left|right|[a-z]+ than |(?:more|less) [a-z]+ than |the )", piece):
            try:
                return self._clause(f"{subject} is {piece}")
            except problems.NotUnderstoodError:
                if not piece.startswith("the "):
                    raise
        match = re.fullmatch(r"(.+ (?:than|before|after|of|behind)) (?:both )?(?:.+)", before)
        if not match:
            raise _not_understood(piece)
        return self._clause(f"{match[1]} {piece}")

    def _clause(self, text: str) -> tuple[str, formulas.Formula]:
        """Return the subject as written and what is said of it."""
        if match := re.fullmatch(rf"(.+?) {_BE} (not )?(.+)", text):
            name = self._name(match[1])
            return match[1], self._negated(match[2], self._said(name, match[3]))
        if match := re.fullmatch(r"(.+?) did (not )?(?:finish|arrive|come in|come) (.+)", text):
            return match[1], self._negated(match[2], self._finished(self._name(match[1]), match[3]))
        if match := re.fullmatch(r"(.+?) (?:sits|stands|is sitting|is standing) (.+)", text):
            return match[1], self._beside(self._name(match[1]), match[2])
        if match := re.fullmatch(rf"(.+?) {_PLACED} (.+)", text):
            return match[1], self._finished(self._name(match[1]), match[2])
        if match := re.fullmatch(rf"(.+?) ({'|'.join(order_words.MORE)})s? (more|less) than (.+)", text):
            self._narrow({order_words.MORE[match[2]]})
            return match[1], self._ahead(self._name(match[1]), self._name(match[4]), match[3] == "more")
        raise _not_understood(text)

    def _negated(self, negation: str | None, formula: formulas.Formula) -> formulas.Formula:
        if not negation:
            return formula
        if not isinstance(formula, formulas.At):
            raise problems.NotUnderstoodError("I do not read a denied comparison, which could mean a tie")
        return formulas.Not(formula)

    def _said(self, name: str, text: str) -> formulas.Formula:
        if whole := _OF_ALL.fullmatch(text):
            self._count(whole["count"])
            self._all_are(whole["noun"])
            text = whole[1]
        if match := re.fullmatch(r"((?:more |less )?[a-z]+) than (?:both )?(.+)", text):
            scales, front = self._comparative(match[1])
            self._narrow(scales)
            return self._ahead(name, self._name(match[2]), front)
        if re.fullmatch(rf"(?:in )?(?:the )?(?:last|{order_words.ORDINAL})(?: place)?", text) or order_words.from_last(
            text
        ):
            return self._numbered(name, text)
        if match := re.fullmatch(
            rf"(?:the (?:({order_words.ORDINAL})[- ])?|(?={order_words.SUPERLATIVE}))((?:most |least )?[a-z]+)(?: ({_NOUNS}))?"
            r"(?: in the (?:row|group|line))?",
            text,
        ):
            self._all_are(match[3])
            return self._superlative(name, match[1], match[2])
        if text == "in the middle":
            return self._at(name, self._middle(), front=True)
        return self._beside(name, text)

    def _numbered(self, name: str, text: str) -> formulas.Formula:
        """Read "was first" of a race, or "is first" of a queue: nothing else has a first without being told from where."""
        if self.possible and not self.possible & {order_words.RACE, order_words.QUEUE}:
            raise problems.NotUnderstoodError(f"it is not said from where {text!r} is counted")
        self._narrow({order_words.RACE, order_words.QUEUE})
        word = re.sub(r"^(?:in )?(?:the )?| place$", "", text)
        if place := order_words.from_last(text):
            return self._at(name, place, front=False)
        return self._at(name, order_words.ORDINALS.get(word, 1), front=word != "last")

    def _middle(self) -> int:
        """Return the place in the middle, once all names are known."""
        count = len(self.names)
        if not (self.declared or self.asking) or count % 2 == 0:
            raise problems.NotUnderstoodError("I do not read 'in the middle' here")
        return (count + 1) // 2

    def _superlative(self, name: str, ordinal: str | None, word: str) -> formulas.Formula:
        place = order_words.ORDINALS[ordinal] if ordinal else 1
        if word in ("leftmost", "rightmost"):
            self._narrow({order_words.ROW})
            return self._at(name, place, front=word == "leftmost")
        found = {
            (scale, front): None
            for scale, forms in order_words.SCALES.items()
            for front in (True, False)
            if word in forms[2 if front else 3].split("|")
        }
        if not found:
            raise _not_understood(word)
        fronts = {front for _, front in found}
        self._narrow({scale for scale, _ in found})
        return self._at(name, place, front=fronts.pop())

    def _comparative(self, word: str) -> tuple[set[str], bool]:
        found = {
            (scale, front)
            for scale, forms in order_words.SCALES.items()
            for front in (True, False)
            if word in forms[0 if front else 1].split("|")
        }
        fronts = {front for _, front in found}
        if len(fronts) != 1:
            raise _not_understood(word)
        return {scale for scale, _ in found}, fronts.pop()

    def _beside(self, name: str, text: str) -> formulas.Formula:
        """Read a place in a row, from left to right."""
        if match := re.fullmatch(rf"({_DIRECTLY} )?(?:to the )?(?:immediate )?(left|right) of (.+)", text):
            self._narrow({order_words.ROW})
            other, front = self._name(match[3]), match[2] == "left"
            if match[1] or " immediate " in f" {text}":
                return formulas.Next(name, other) if front else formulas.Next(other, name)
            return self._ahead(name, other, front)
        if match := re.fullmatch(rf"(?:the )?({order_words.ORDINAL}) from the (left|right)", text):
            self._narrow({order_words.ROW})
            return self._at(name, order_words.ORDINALS[match[1]], front=match[2] == "left")
        if match := re.fullmatch(r"(?:on|at) the far (left|right)|(?:on|at) the (left|right) end", text):
            self._narrow({order_words.ROW})
            return self._at(name, 1, front=(match[1] or match[2]) == "left")
        if match := re.fullmatch(rf"({_DIRECTLY} )?(in front of|ahead of|behind) (.+)", text):
            self._narrow({order_words.QUEUE})
            other, front = self._name(match[3]), match[2] != "behind"
            if match[1]:
                return formulas.Next(name, other) if front else formulas.Next(other, name)
            return self._ahead(name, other, front)
        if match := re.fullmatch(
            rf"(?:the )?(last|{order_words.ORDINAL}) in (?:the )?(?:line|queue)|at the (front|back)(?: of the (?:line|queue))?",
            text,
        ):
            self._narrow({order_words.QUEUE})
            return self._at(
                name, order_words.ORDINALS.get(match[1], 1), front=match[1] != "last" and match[2] != "back"
            )
        if match := re.fullmatch(r"(?:(?:immediately |directly )?next to|adjacent to|beside) (.+)", text):
            self._narrow({order_words.ROW})
            other = self._name(match[1])
            return formulas.Or((formulas.Next(name, other), formulas.Next(other, name)))
        raise _not_understood(text)

    def _finished(self, name: str, text: str) -> formulas.Formula:
        self._narrow({order_words.RACE})
        if match := re.fullmatch(
            rf"({_DIRECTLY} )?(before|after|above|below|ahead of|behind|earlier than|later than) (.+)", text
        ):
            other, front = self._name(match[3]), match[2] in ("before", "above", "ahead of", "earlier than")
            if match[1]:
                return formulas.Next(name, other) if front else formulas.Next(other, name)
            return self._ahead(name, other, front)
        if text in ("last", "in last place"):
            return self._at(name, 1, front=False)
        if match := re.fullmatch(rf"(?:in )?({order_words.ORDINAL})(?: place)?", text):
            return self._at(name, order_words.ORDINALS[match[1]], front=True)
        if place := order_words.from_last(text):
            return self._at(name, place, front=False)
        raise _not_understood(text)

    def _ahead(self, name: str, other: str, front: bool) -> formulas.Formula:
        return formulas.Ahead(name, other) if front else formulas.Ahead(other, name)

    def _at(self, name: str, place: int, *, front: bool) -> formulas.Formula:
        # Places from the back become places from the front once all names are known.
        return formulas.At(name, place if front else -place)

    def _narrow(self, scales: set[str]) -> None:
        """Keep to one scale: taller says nothing about older. Shorter fits height and length until another word decides."""
        kept = self.possible & scales if self.possible else scales
        if not kept:
            raise problems.NotUnderstoodError("it compares in more than one way")
        self.possible = kept

    def _name(self, text: str) -> str:
        bare = text.removeprefix("the ")
        parts = bare.split(" ")
        plain = all(re.fullmatch(r"[^\W\d_]+(?:-[^\W\d_]+)*", part) for part in parts)
        if not plain or len(parts) > 3 or (bare not in ("a", "i") and words.FUNCTION_WORDS.intersection(parts)):
            raise _not_understood(text)
        key = bare
        shown_before = self.names.get(key)
        if shown_before and not self.declared and shown_before.startswith("the ") != text.startswith("the "):
            raise problems.NotUnderstoodError(f"{bare!r} is written with and without 'the'")
        if key not in self.names:
            if self.declared:
                raise problems.NotUnderstoodError(f"{bare!r} is not among the things listed")
            shown = " ".join(self.casing.get(part, part) for part in parts)
            self.names[key] = f"the {shown}" if text.startswith("the ") else shown[0].upper() + shown[1:]
        return self.names[key]

    # Questions

    def question(self, text: script.Script) -> problems.Question:
        """Read what is asked."""
        asked = text.question.lower()
        if not text.direct:
            return self._whether(self.statement(asked), text)
        if text.options:
            if not re.fullmatch(r"which (?:one )?of the following (?:statements )?is (?:true|correct)", asked):
                raise _not_understood(asked)
            choices = tuple(
                problems.Choice(f"{letter}) {words_}.", self.statement(words_.lower()))
                for letter, words_ in text.options
            )
            return problems.Question(problems.Ask.WHICH, text.style, choices, lettered=True)
        if self._is_order(asked):
            return problems.Question(problems.Ask.ALL, text.style, (), backward=self.backward)
        known = list(self.names)
        if match := re.fullmatch(rf"{_WHICH} {_BE} (?P<more>[a-z ]+), (?P<one>.+?),? or (?P<two>.+)", asked):
            self._all_are(match["noun"])
            pair = [(match["one"], match["two"]), (match["two"], match["one"])]
            return self._which(
                [(one, self._said(self._name(one), f"{match['more']} than {two}")) for one, two in pair],
                formulas.Ahead,
                text,
            )
        if match := re.fullmatch(rf"{_WHICH} {_BE} (?P<said>.+)", asked):
            self._asked_of(asked, match["noun"])
            return self._which(
                [(name, self._said(self.names[name], match["said"])) for name in known], formulas.At, text
            )
        if match := re.fullmatch(r"who (won|lost)(?: the race)?", asked):
            self._narrow({order_words.RACE})
            asked = f"who finished {'first' if match[1] == 'won' else 'last'}"
        if match := re.fullmatch(rf"{_WHICH} {_PLACED} (?P<said>.+)", asked):
            self._asked_of(asked, match["noun"])
            return self._which(
                [(name, self._finished(self.names[name], match["said"])) for name in known], formulas.At, text
            )
        if match := re.fullmatch(rf"(?:{_BE}) (.+)", asked):
            subject = self._known(match[1])
            return self._whether(
                self._said(self.names[subject.removeprefix("the ")], match[1][len(subject) + 1 :]), text
            )
        if match := re.fullmatch(r"did (.+)", asked):
            subject = self._known(match[1])
            rest = re.sub(r"^(?:finish|arrive|come in|come) ", "", match[1][len(subject) + 1 :])
            return self._whether(self._finished(self.names[subject.removeprefix("the ")], rest), text)
        raise _not_understood(asked)

    def _asked_of(self, asked: str, noun: str | None) -> None:
        """Check that the question leaves out none of the names: "who" may leave out the dog in "the dog" and "Tom"."""
        self._all_are(noun)
        if asked.startswith("who ") and len({name.startswith("the ") for name in self.names.values()}) > 1:
            raise problems.NotUnderstoodError("'who' may leave out one of the names")

    def _is_order(self, asked: str) -> bool:
        """Read a question for the whole order, and from which end it is asked."""
        ends = r"(?: in order)?(?: from (?P<start>[a-z ]+) to (?P<end>[a-z ]+)| by (?P<scale>[a-z]+))?"
        those = rf"the (?:{_MANY}(?: (?P<noun>[a-z]+))?|(?P<kind>[a-z]+))"
        match = (
            re.fullmatch(
                rf"what (?:is|was) (?:the|their) (?:complete |full |(?P<race>finishing ))?order(?: of (?:them|{those}))?{ends}",
                asked,
            )
            or re.fullmatch(rf"(?:list|put|order|rank|sort|arrange) (?:them|everyone|{those}){ends}", asked)
            or re.fullmatch(rf"(?P<race>in) (?:what|which) order did (?:they|{those}) (?:finish|arrive)", asked)
        )
        if not match:
            return False
        said = match.groupdict()
        self._count(said["count"])
        if said.get("race"):
            self._narrow({order_words.RACE})
        for noun in (said["noun"], said["kind"]):
            if not (noun in ("runners", "racers") and self.possible == {order_words.RACE}):
                self._all_are(noun)
        self._sorted(said.get("start"), said.get("end"), said.get("scale"))
        return True

    def _sorted(self, start: str | None, end: str | None, scale: str | None) -> None:
        """Check that "from X to Y" and "by X" name the scale in use, and note which end comes first."""
        if scale:
            if scale not in order_words.SCALES:
                raise _not_understood(f"by {scale}")
            self._narrow({scale})
        if start and end:
            forms = {
                name: (front.split("|"), back.split("|")) for name, (_, _, front, back) in order_words.SCALES.items()
            }
            forms |= {order_words.ROW: (["left"], ["right"]), order_words.RACE: (["first"], ["last"])}
            forms[order_words.QUEUE] = (["front"], ["back"])
            forward = {name for name, (front, back) in forms.items() if start in front and end in back}
            backward = {name for name, (front, back) in forms.items() if start in back and end in front}
            if not forward | backward:
                raise _not_understood(f"from {start} to {end}")
            self._narrow(forward | backward)
            # No word is the front of one scale and the back of another that it fits with the same other end.
            self.backward = bool(backward)

    def _known(self, text: str) -> str:
        found = [shape for name in self.names for shape in (name, f"the {name}") if text.startswith(shape + " ")]
        if not found:
            raise _not_understood(text)
        return max(found, key=len)

    def _whether(self, formula: formulas.Formula, text: script.Script) -> problems.Question:
        return problems.Question(problems.Ask.WHETHER, text.style, (problems.Choice("", formula),))

    def _which(
        self, candidates: list[tuple[str, formulas.Formula]], kind: type[formulas.Formula], text: script.Script
    ) -> problems.Question:
        """Make the choices; only a place, or one of two being ahead, is sure to fit exactly one name."""
        if any(not isinstance(formula, kind) for _, formula in candidates):
            raise problems.NotUnderstoodError("more than one name may fit the question")
        shown = [(self.names[name.removeprefix("the ")], formula) for name, formula in candidates]
        choices = tuple(problems.Choice(name[0].upper() + name[1:], formula) for name, formula in shown)
        return problems.Question(problems.Ask.WHICH, text.style, choices)

    # The whole

    def problem(self, premises: list[problems.Premise], question: problems.Question) -> problems.Problem:
        """Turn places from the back into places from the front, and name the ends."""
        names = tuple(self.names.values())
        if not premises or len(names) < 2 or len(names) > problems.ORDER_NAMES_MAX or not self.possible:
            raise problems.NotUnderstoodError(
                f"an order needs 2 to {problems.ORDER_NAMES_MAX} names and a way to compare them"
            )
        if self.counts - {len(names)}:
            raise problems.NotUnderstoodError("it says that there are more or fewer than it names")
        if len(set(names)) < len(names) or self._overlapping():
            raise problems.NotUnderstoodError("two names may mean the same thing")
        fixed = [problems.Premise(p.text, self._from_front(p.formula, len(names))) for p in premises]
        choices = tuple(problems.Choice(c.answer, self._from_front(c.formula, len(names))) for c in question.choices)
        if question.ask is problems.Ask.ALL:
            places = range(1, len(names) + 1)
            choices = tuple(problems.Choice(name, formulas.At(name, place)) for name in names for place in places)
        return problems.Problem(
            "ordering",
            tuple(fixed),
            replace(question, choices=choices),
            names,
            ordered=True,
            ends=self._ends(),
            notes=(f"no two are equal, and there are only {_listed(names)}",),
            closed=bool(self.declared),
        )

    def _overlapping(self) -> bool:
        keys = [set(key.split()) for key in self.names]
        inside = any(one < other for one in keys for other in keys)
        return inside or any(
            words.singular_of(key, {other}) == other != key for key in self.names for other in self.names
        )

    def _from_front(self, formula: formulas.Formula, count: int) -> formulas.Formula:
        if isinstance(formula, formulas.At):
            if abs(formula.place) > count:
                raise problems.NotUnderstoodError("it speaks of a place beyond the names given")
            return formulas.At(formula.name, formula.place if formula.place > 0 else count + 1 + formula.place)
        return formulas.rebuilt(formula, tuple(self._from_front(part, count) for part in formulas.children(formula)))

    def _ends(self) -> tuple[str, str]:
        scale = order_words.RACE if order_words.RACE in self.possible else min(self.possible)
        if scale == order_words.ROW:
            return "left", "right"
        if scale == order_words.RACE:
            return "first", "last"
        if scale == order_words.QUEUE:
            return "front", "back"
        return order_words.SCALES[scale][2].split("|")[0], order_words.SCALES[scale][3].split("|")[0]


def _check_question(names_more: bool, mixes_tenses: bool) -> None:
    if names_more:
        raise problems.NotUnderstoodError("the question names something that no sentence speaks of")
    if mixes_tenses:
        raise problems.NotUnderstoodError("it speaks of more than one time or event")


def _listed(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _not_understood(text: str) -> problems.NotUnderstoodError:
    return problems.NotUnderstoodError(f"I do not read {text[:80]!r}")
