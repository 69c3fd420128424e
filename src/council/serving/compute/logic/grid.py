"""Grammar of grid puzzles: houses or people in a row, or only people and what is theirs, with lists, clues and one question.

The lists are complete and each value belongs to exactly one place. "Left of" and "between" say no more than that; where a
closer reading (directly left of) could settle what this one leaves open, the text is passed on.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from council.serving.compute.logic import formulas, problems, script, things
from council.serving.wording import number_words

_LIVES = (
    r"(?:lives|stands|sits|is standing|is sitting|is seated|is located|is positioned|is placed|is found|is|works|stays|queues"
    r"|waits)"
)
_LIVE = r"(?:live|stand|sit|be|work|stay|are|queue|wait|are standing|are sitting|are seated)"
_DIRECTLY = r"(?:directly|immediately|just|exactly)"
_ORDINALS = number_words.ordinals(1, 8)
_ORDINALS |= {f"{place}{number_words.ordinal_ending(place)}": place for place in range(1, 9)}
_ORDINAL = "|".join(_ORDINALS)
# What is asked for by a verb alone, as in "What does Ann drink?".
_KINDS = {
    "drink": ("drink", "beverage"),
    "eat": ("food", "fruit", "meal", "snack", "dish", "dessert"),
    "play": ("sport", "instrument", "game"),
    "drive": ("car", "vehicle"),
}
_UNCLEAR = "'left of', 'right of' or 'between' may be meant to say: directly"


def read(text: script.Script) -> problems.Problem:
    """Read every sentence, or raise NotUnderstoodError naming the first that is not covered."""
    listed = things.Things()
    clues: list[tuple[int, str]] = []
    for position, sentence in enumerate(text.premises):
        with problems.located(position):
            if not listed.take(sentence):
                clues.append((position, sentence))
    with problems.located(clues[0][0] if clues else 0):
        if not listed.groups:
            raise problems.NotUnderstoodError(f"I do not read {text.premises[0][:80]!r}")
        listed.check()
    reader = _Reader(listed)
    premises = []
    for position, sentence in clues:
        with problems.located(position):
            premises.append(problems.Premise(sentence, reader.clue(sentence.lower().rstrip(": "))))
    with problems.located(len(text.premises)):
        if not premises:
            raise problems.NotUnderstoodError("it gives no clue")
        unclear = _UNCLEAR if reader.unclear else ""
        return reader.problem(tuple(premises), reader.question(text), unclear)


@dataclass(slots=True)
class _Reader:
    things: things.Things
    unclear: bool = False
    numbered: bool = False
    sided: bool = False

    # Clues

    def clue(self, text: str) -> formulas.Formula:
        """Read one sentence, or several joined by and."""
        found = self._whole(text) or self._split(text)
        if found is None:
            for joint in (" and ", ", but ", ", and ", ", while ", "; "):
                left, said, right = text.partition(joint)
                if said and joint not in right and (first := self._one(left)) and (second := self._one(right)):
                    return formulas.And((first, second))
            raise problems.NotUnderstoodError(f"I do not read {text[:80]!r}")
        return found

    def _one(self, text: str) -> formulas.Formula | None:
        return self._whole(text) or self._split(text)

    def _whole(self, text: str) -> formulas.Formula | None:
        """Read the forms that do not open with one subject."""
        lives = rf"(?: {_LIVES})?"
        if match := re.fullmatch(
            rf"there (?:is|are) (?:exactly )?({things.NUMBER}) (?:{things.PLACE}s?|people|persons?|others?) between"
            rf" (?:where )?(.+?){lives},? and (?:where )?(.+?){lives}",
            text,
        ):
            distance = _number(match[1]) + 1
            return self._pair(match[2], match[3], (-distance, distance))
        if match := re.fullmatch(
            rf"(.+?) and (.+?) {_LIVE} (?:(?:{_DIRECTLY} )?(?:next to|beside) (?:each other|one another)"
            r"|adjacent(?: to each other)?"
            r"|in (?:adjacent|neighbou?ring) [a-z]+|(?:direct )?neighbou?rs)",
            text,
        ):
            return self._pair(match[1], match[2], (-1, 1))
        if match := re.fullmatch(r"(.+?) and (.+?) are (?:not the same person|(?:two )?different people)", text):
            return self._denied(self._together, match[1], match[2])
        if match := re.fullmatch(r"(?:of|between) (.+?) and (.+?), one (.+?) and the other (.+)", text):
            return self._one_and_other(match[1], match[2], match[3], match[4])
        if match := re.fullmatch(r"if (.+?),? then (.+)", text) or re.fullmatch(r"if ([^,]+), ([^,]+)", text):
            condition, consequence = self._denied(self._one, match[1]), self._one(match[2])
            return formulas.Or((condition, consequence)) if condition and consequence else None
        if match := re.fullmatch(r"neither (.+?) nor (.+)", text):
            return self._neither(match[1], match[2])
        if match := re.fullmatch(r"(.+?),? (only if|unless) (.+)", text):
            return self._conditional(match[1], match[2], match[3])
        if match := re.fullmatch(
            r"either (.+?) or (.+?) (is|has|lives|stands|sits|owns|likes|drinks|plays) (.+)", text
        ):
            first, second = (self._split(f"{match[i]} {match[3]} {match[4]}") for i in (1, 2))
            if first and second:
                return formulas.Exactly(1, (first, second))
        if match := re.fullmatch(r"([^ ]+) or ([^ ]+ (?:is|has|owns|likes|drinks|plays) .+)", text):
            text = f"{match[1]} {match[2].partition(' ')[2]} or {match[2]}"
        return self._alternatives(text)

    def _alternatives(self, text: str) -> formulas.Formula | None:
        """Read "either Ann owns the cat or Bob owns the dog", where both sides say something of their own."""
        match = re.fullmatch(r"(?:either )?(.+?),? or (.+?)(?P<how>,? but not both|,? or both)?", text)
        if not match or " or " in match[2]:
            return None
        first, second = self._split(match[1]), self._split(match[2])
        if first is None or second is None:
            return None
        parts = (first, second)
        if match["how"]:
            return formulas.Exactly(1, parts) if "but" in match["how"] else formulas.Or(parts)
        return formulas.Ambiguous((formulas.Or(parts), formulas.Exactly(1, parts)))

    def _conditional(self, text: str, joint: str, condition: str) -> formulas.Formula | None:
        """Read "only if" and "unless", which some people take to say the converse, too."""
        first, second = self._split(text), self._split(condition)
        if first is None or second is None:
            return None
        if joint == "only if":
            return formulas.Ambiguous((formulas.Implies(first, second), formulas.iff(first, second)))
        return formulas.Ambiguous((formulas.Or((first, second)), formulas.Exactly(1, (first, second))))

    def _one_and_other(self, first: str, second: str, one: str, other: str) -> formulas.Formula | None:
        ways = [(self._split(f"{a} {one}"), self._split(f"{b} {other}")) for a, b in ((first, second), (second, first))]
        if not all(a and b for a, b in ways) or self.things.mention(first) == self.things.mention(second):
            return None
        return formulas.Or(tuple(formulas.And((a, b)) for a, b in ways if a and b))

    def _neither(self, first: str, rest: str) -> formulas.Formula | None:
        for cut in (m.start() for m in re.finditer(" ", rest)):
            parts = [self._denied(self._split, f"{subject}{rest[cut:]}") for subject in (first, rest[:cut])]
            if all(parts):
                return formulas.And(tuple(part for part in parts if part))
        return None

    def _split(self, text: str) -> formulas.Formula | None:
        """Read a subject and what is said of it; None unless exactly one way to part them makes sense."""
        found: list[formulas.Formula] = []
        for cut in (m.start() for m in re.finditer(" ", text)):
            name = self.things.mention(text[:cut])
            said = self._said(name, text[cut + 1 :]) if name else self._at_place(text[:cut], text[cut + 1 :])
            if said is not None and said not in found:
                found.append(said)
        return found[0] if len(found) == 1 else None

    def _at_place(self, subject: str, text: str) -> formulas.Formula | None:
        """Read "the third house is red", "the person in the middle drinks tea"."""
        if not self.things.in_row:
            return None
        match = re.fullmatch(
            rf"(?:{things.HOLDER} |whoever is )?((?:in|at|on) .+)|(the .+? {things.PLACE}(?: from the (?:left|right))?)",
            subject,
        )
        if match is None:
            return None
        place = self._place(match[1] or f"in {match[2]}")
        name = self.things.said_of(text)
        return formulas.At(name, place) if place and name else None

    def _said(self, name: str, text: str) -> formulas.Formula | None:
        """Read what is said of one name."""
        text = re.sub(r"^also |(?<=^is )also ", "", text)
        if match := re.fullmatch(rf"(?:does|did) not ({_LIVE}) (.+)", text):
            return self._denied(self._placed, name, match[2])
        if match := re.fullmatch(r"(?:does|did) not ([a-z]+(?: as| in| from| the)?) (.+)", text):
            return self._denied(self._same, name, f"{_third_person(match[1])} {match[2]}")
        if match := re.fullmatch(rf"{_LIVES} not (?:also )?(.+)", text):
            return self._denied(self._said, name, f"is {match[1]}")
        if match := re.fullmatch(r"(is|has|likes|owns|drinks|eats|plays) neither (.+?) nor (.+)", text):
            pair = [self._denied(self._said, name, f"{match[1]} {part}") for part in match.groups()[1:]]
            return formulas.And(tuple(part for part in pair if part)) if all(pair) else None
        if match := re.fullmatch(
            r"(?:(is|has|likes|owns|drinks|lives|sits|stands|plays) )?either (.+?) or (.+)", text
        ) or re.fullmatch(r"(is|has|likes|owns|drinks|plays) (.+?) or (.+)", text):
            return self._either(name, match[1] or "", match[2], match[3])
        if match := re.fullmatch(r"has a neighbou?r (?:who|that) (.+)", text):
            other = self.things.said_of(match[1])
            return self._apart(name, other, (-1, 1)) if other else None
        if match := re.fullmatch(rf"{_LIVES} (.+)", text):
            return self._placed(name, match[1]) or self._same(name, text)
        return self._same(name, text)

    def _either(self, name: str, verb: str, first: str, second: str) -> formulas.Formula | None:
        """Read "either P or Q", where no two of one category can hold together, so that it cannot mean: or both."""
        pair = [self._said(name, f"{verb} {part}".strip()) for part in (first, second)]
        match pair:
            case [formulas.At() as one, formulas.At() as other]:
                return formulas.Or((one, other)) if one != other else None
            case [formulas.Apart(_, one_name, (0,)) as one, formulas.Apart(_, other_name, (0,)) as other]:
                groups = [i for i, group in enumerate(self.things.groups) for n in (one_name, other_name) if n in group]
                return formulas.Or((one, other)) if len(set(groups)) == 1 and one != other else None
            case _:
                return None

    def _same(self, name: str, text: str) -> formulas.Formula | None:
        other = self.things.said_of(text)
        if other is None and (match := re.fullmatch(r"is (.+)", text)):
            other = self.things.mention(match[1])
        return self._apart(name, other, (0,)) if other else None

    def _apart(self, first: str, second: str, distances: tuple[int, ...]) -> formulas.Formula | None:
        """Return the relation; one between a thing and itself is a misreading."""
        if first == second or (distances != (0,) and not self.things.in_row):
            return None
        return formulas.Apart(first, second, distances)

    def _pair(self, first: str, second: str, distances: tuple[int, ...]) -> formulas.Formula | None:
        names = [self.things.mention(text) for text in (first, second)]
        return self._apart(names[0], names[1], distances) if names[0] and names[1] else None

    def _together(self, first: str, second: str) -> formulas.Formula | None:
        return self._pair(first, second, (0,))

    def _denied(self, reading: Callable[..., formulas.Formula | None], *words: str) -> formulas.Formula | None:
        """Deny what is read, unless its words are unclear: "not left of" may mean not directly left of."""
        before, self.unclear = self.unclear, False
        formula = reading(*words)
        unclear, self.unclear = self.unclear, before
        return None if unclear or formula is None else formulas.Not(formula)

    def _placed(self, name: str, text: str) -> formulas.Formula | None:
        """Read a place: "in the third house", "directly left of the baker", "between Ann and Bob"."""
        if not self.things.in_row:
            return None
        if place := self._place(text):
            return formulas.At(name, place)
        ends = formulas.Or((formulas.At(name, 1), formulas.At(name, self.things.count)))
        if re.fullmatch(
            r"(?:at|on|in) (?:an|one|one of the|either) (?:ends?|end house)(?: of the (?:row|line))?", text
        ):
            return ends
        if match := re.fullmatch(rf"(?:in|at) (?:the )?(.+?) or (?:the )?(.+?)(?: {things.PLACE})?", text):
            places = [self._place(f"in the {part}") or self._place(f"in {part}") for part in match.groups()]
            return formulas.Or(tuple(formulas.At(name, p) for p in places if p)) if all(places) else None
        if match := re.fullmatch(
            rf"(?:(somewhere|anywhere|{_DIRECTLY}|{things.NUMBER} (?:{things.PLACE}s?|people)) )?(?:to the |on the )?"
            r"(immediate )?(left|right) of (.+)",
            text,
        ):
            return self._beside(name, (match[1] or "") + (match[2] or ""), match[3] == "left", match[4])
        if match := re.fullmatch(rf"(?:{_DIRECTLY} )?(?:next to|beside|adjacent to|next door to) (.+)", text):
            return self._pair_with(name, match[1], (-1, 1))
        if match := re.fullmatch(rf"(?:(somewhere|{_DIRECTLY}) )?(?:in )?between (.+?) and (.+)", text):
            return self._between(name, match[1] or "", match[2], match[3])
        return None

    def _beside(self, name: str, how: str, to_left: bool, text: str) -> formulas.Formula | None:
        count, other = self.things.count, self.things.mention(text)
        if other is None:
            return None
        self.sided = True
        if number := re.match(things.NUMBER, how):
            distances: tuple[int, ...] = (_number(number[0]),)
        elif re.match(rf"{_DIRECTLY}|immediate", how):
            distances = (1,)
        else:
            self.unclear |= not how
            distances = tuple(range(1, count))
        return self._apart(name, other, distances if to_left else tuple(-d for d in distances))

    def _between(self, name: str, how: str, one: str, two: str) -> formulas.Formula | None:
        first, second = self.things.mention(one), self.things.mention(two)
        if first is None or second is None or len({name, first, second}) < 3:
            return None
        self.unclear |= not how
        after = (1,) if re.match(_DIRECTLY, how) else tuple(range(1, self.things.count))
        ways = [
            formulas.And((formulas.Apart(a, name, after), formulas.Apart(name, b, after)))
            for a, b in ((first, second), (second, first))
        ]
        return formulas.Or(tuple(ways))

    def _pair_with(self, name: str, text: str, distances: tuple[int, ...]) -> formulas.Formula | None:
        other = self.things.mention(text)
        return self._apart(name, other, distances) if other else None

    def _place(self, text: str) -> int | None:
        """Return the number of a place from the left, or None."""
        count, place = self.things.count, None
        text = re.sub(rf" (?:of|in) the (?:row|line|queue|{things.PLACE}s)$", "", text)
        if match := re.fullmatch(
            rf"(?:in |at |on )?(?:the )?({_ORDINAL})(?: {things.PLACE})?(?: from the left)?", text
        ):
            place = _ORDINALS[match[1]]
            self._counts_from(text)
        elif match := re.fullmatch(rf"(?:in |at |on )?(?:the )?({_ORDINAL})(?: {things.PLACE})? from the right", text):
            place = count + 1 - _ORDINALS[match[1]]
            self._counts_from(text)
        elif match := re.fullmatch(rf"(?:in |at )?{things.PLACE}(?: number)? ({things.NUMBER})", text):
            place = _number(match[1])
            self._counts_from(text)
        elif re.fullmatch(rf"in the (?:middle|centre|center|middle {things.PLACE}|{things.PLACE} in the middle)", text):
            place = (count + 1) // 2 if count % 2 else None
        elif match := re.fullmatch(
            rf"(?:at|on|in) the (?:(?:far )?(left|right)(?: end)?|(leftmost|rightmost) {things.PLACE})|the (left|right)most",
            text,
        ):
            place = 1 if "left" in (match[1] or match[2] or match[3]) else count
            self._counts_from("left")
        if place is not None and not 1 <= place <= count:
            raise problems.NotUnderstoodError("it speaks of a place beyond the row")
        return place

    def _counts_from(self, text: str) -> None:
        if "left" in text or "right" in text:
            self.sided = True
        else:
            self.numbered = True

    # Questions

    def question(self, text: script.Script) -> problems.Question:
        """Read what is asked."""
        asked = text.question.lower()
        if not text.direct:
            return self._whether(self.clue(asked), text)
        if self._asks_all(asked):
            return problems.Question(problems.Ask.ALL, self._table_style(asked), self._everything())
        choices = self._asked_place(asked) or self._asked_value(asked)
        if choices:
            return problems.Question(problems.Ask.WHICH, text.style, tuple(choices))
        if match := re.fullmatch(r"(is|does) (.+)", asked):
            return self._whether(self._as_statement(match[1], match[2]), text)
        raise problems.NotUnderstoodError(f"I do not read the question {asked[:80]!r}")

    def _whether(self, formula: formulas.Formula, text: script.Script) -> problems.Question:
        return problems.Question(problems.Ask.WHETHER, text.style, (problems.Choice("", formula),))

    def _as_statement(self, verb: str, rest: str) -> formulas.Formula:
        before = self.unclear
        for cut in (m.start() for m in re.finditer(" ", rest)):
            name, said = self.things.mention(rest[:cut]), rest[cut + 1 :]
            if name is None:
                continue
            if verb == "does":
                infinitive, _, more = said.partition(" ")
                said = f"{_third_person(infinitive)} {more}"
            else:
                said = f"is {said}"
            if (found := self._said(name, said)) and self.unclear == before:
                return found
        raise problems.NotUnderstoodError(f"I do not read the question {rest[:80]!r}")

    def _asks_all(self, asked: str) -> bool:
        whole = r"(?:who (?:has|owns|lives|gets|is|does|sits|stands) (?:what|where|which [a-z]+(?: and (?:which )?[a-z]+)*))"
        return bool(
            re.fullmatch(whole, asked)
            or re.fullmatch(
                r"(?:give|list|show|write|return) (?:every|all|all the|each) (?:attributes?|values?) of (?:every|each|all) "
                r"(?:person|house|people|persons|houses|friend)(?: as (?:a )?json list of \d+ objects)?"
                r"(?:,? from (?:position|house|place|seat) 1 to (?:position |house |place |seat )?\d+)?",
                asked,
            )
            or re.fullmatch(
                r"(?:what is the|give the|find the|show the) (?:full |complete |whole )?(?:solution|arrangement|assignment)"
                r"(?: as json)?|(?:match|assign) (?:each|every) (?:person|friend|name) (?:to|with) (?:their|his or her) .{1,60}"
                r"|(?:determine|find out|work out|say|tell) who (?:has|owns|lives|is) (?:what|where|which .{1,40})",
                asked,
            )
        )

    def _table_style(self, asked: str) -> problems.Style:
        return problems.Style.JSON if "json" in asked else problems.Style.YES_NO

    def _everything(self) -> tuple[problems.Choice, ...]:
        groups, first = self.things.groups, self.things.groups[0]
        if self.things.in_row:
            pairs = [(n, p) for group in groups for n in group for p in range(1, self.things.count + 1)]
            return tuple(problems.Choice(name, formulas.At(name, place)) for name, place in pairs)
        joined = [(one, n) for group in groups[1:] for n in group for one in first]
        return tuple(problems.Choice(name, formulas.Apart(one, name, (0,))) for one, name in joined)

    def _asked_place(self, asked: str) -> list[problems.Choice]:
        """Read a question for the place of one thing."""
        if not self.things.in_row:
            return []
        match = (
            re.fullmatch(
                rf"what is the (?:number of the )?{things.PLACE}(?: number)? (?:where|in which|of) (.+?)(?: {_LIVES})?",
                asked,
            )
            or re.fullmatch(
                rf"(?:in |at )?(?:which|what) {things.PLACE}(?: number)? (?:does|is|do) (.+?)"
                r"(?: (?:live|stand|sit|in|at|have))?(?: in)?",
                asked,
            )
            or re.fullmatch(r"where (?:does|is) (.+?)(?: (?:live|stand|sit))?", asked)
        )
        name = self.things.mention(match[1]) if match else None
        if name is None:
            return []
        self.numbered = True
        return [problems.Choice(str(place), formulas.At(name, place)) for place in range(1, self.things.count + 1)]

    def _asked_value(self, asked: str) -> list[problems.Choice]:
        """Read a question for the value of one category that goes with a thing or a place."""
        group, goes_with = self._group_asked(asked)
        if group is None:
            return []
        place = self._place(re.sub(rf"^(?:{_LIVES}|of) ", "", goes_with)) if self.things.in_row else None
        if place:
            return [problems.Choice(name, formulas.At(name, place)) for name in self.things.groups[group]]
        name = self.things.said_of(goes_with) or self.things.mention(re.sub(r"^is ", "", goes_with))
        if name is None or name in self.things.groups[group]:
            return []
        return [problems.Choice(n, formulas.Apart(name, n, (0,))) for n in self.things.groups[group]]

    def _group_asked(self, asked: str) -> tuple[int | None, str]:
        label = r"(?P<label>[a-z]+(?: [a-z]+)?)"
        people = self.things.named if self.things.named is not None else self.things.group_of("nationality")
        if match := re.fullmatch(r"(?:who|which (?:person|one|friend|of them)) (.+)", asked):
            return people, match[1]
        for form in (
            rf"(?:what|which) {label} (?:does|is|did|has|belongs to|do) (?P<one>.+?)"
            r"(?: (?:have|like|own|drink|eat|play|prefer|get|wear|drive|keep|do|has|possess|for|chose|choose|order|grow))?",
            rf"what is the (?:favou?rite )?{label} of (?P<one>.+)",
            rf"what is (?P<one>.+)'s (?:favou?rite )?{label}",
        ):
            if (match := re.fullmatch(form, asked)) and (group := self.things.group_of(match["label"])) is not None:
                return group, match["one"]
        if match := re.fullmatch(rf"what does (.+) ({'|'.join(_KINDS)})", asked):
            groups = [group for label in _KINDS[match[2]] if (group := self.things.group_of(label)) is not None]
            if len(groups) == 1:
                return groups[0], match[1]
        return None, ""

    # The whole

    def problem(
        self, premises: tuple[problems.Premise, ...], question: problems.Question, unclear: str
    ) -> problems.Problem:
        """Join everything."""
        listed = self.things
        groups = [*listed.groups]
        labels = [*listed.labels]
        if not listed.in_row and listed.named:
            groups.insert(0, groups.pop(listed.named))
            labels.insert(0, labels.pop(listed.named))
        if self.numbered and self.sided and not listed.directed:
            raise problems.NotUnderstoodError("it is not said from which side the places are counted")
        notes = ["each value belongs to exactly one row, and the lists are complete"]
        if unclear:
            notes.append("left of, right of and between say nothing about how near")
        return problems.Problem(
            "grid", premises, question, tuple(name for group in groups for name in group), ordered=True,
            ends=("left", "right"), notes=tuple(notes), guarded=unclear, groups=tuple(tuple(g) for g in groups),
            labels=("Position", *labels), placeless=not listed.in_row,
        )  # fmt: skip


def _number(text: str) -> int:
    return things.NUMBERS.get(text) or int(text)


def _third_person(verb: str) -> str:
    """Return the form after he or she of the verbs that the tables know."""
    first, _, rest = verb.partition(" ")
    known = {"have": "has", "do": "does", "be": "is"}
    if first not in known:
        ending = "ies" if re.search(r"[^aeiou]y$", first) else "es" if re.search(r"(?:s|x|z|ch|sh)$", first) else "s"
        known[first] = (first[:-1] if ending == "ies" else first) + ending
    return f"{known[first]} {rest}".strip()
