"""What a grid puzzle lists: categories with their values, how many places there are, and the ways to speak of a value.

A value is understood only where the words around it are in the tables below, so "the person next to the red house" or "the
person who hates tea" is not taken for the owner of the red house or the drinker of tea.
"""

import re
from dataclasses import dataclass, field

from council.serving.compute.logic import problems, words
from council.serving.wording import number_words

NUMBERS = number_words.cardinals(1, 10)
NUMBER = rf"(?:{'|'.join(NUMBERS)}|[1-9]|10)"
PLACE = r"(?:house|position|place|seat|spot|room|chair|desk|locker|slot)"
HOLDER = (
    r"(?:the |a )?(?:person|one|man|woman|owner|guy|resident|friend|student|child|girl|boy|individual|contestant"
    r"|player|colleague|musician|traveller|tenant|guest|house)"
)
_ROLE = (
    r"(?:person|one|owner|lover|fan|drinker|enthusiast|player|driver|eater|keeper|man|woman|guy|house|wearer|resident|home"
    r"|smoker|reader|teacher|student)"
)
_VERB = (
    r"(?:is in|is wearing|is eating|is drinking|is from|is|has the pet|has|owns|keeps|likes|loves|drinks|eats|plays"
    r"|drives|wears|works as|lives in|comes from|prefers|holds|chose"
    r"|picked|ordered|bought|studies|speaks|reads|rides|teaches|smokes|enjoys|practises|practices"
    r"|visited|got|plays the|was given|keeps the|had|ate|drank|brought|won|received|grows|paints"
    r"|stays in|is kept in|lives at)"
)
_PEOPLE = (
    r"(?:people|persons|friends|students|children|kids|girls|boys|men|women|colleagues|neighbou?rs|players|siblings|cousins"
    r"|coworkers|co-workers|houses|owners|contestants|guests|runners|musicians|travellers|travelers|employees|residents)"
)
_STAND = r"(?:stand|are standing|sit|are sitting|are seated|live|are|lined up|are lined up|queue|wait)"
_ROW = r"(?:in a (?:straight )?(?:row|line|queue)|next to each other|side by side)"
_NUMBERED = (
    rf"(?:which are |that are |are |and are )?\(?(?:numbered|positions|houses|seats|places)(?: from)? 1"
    rf"(?: on the left| \(left\)|, from the left)?,? (?:to|and) (?P<last>{NUMBER})"
    r"(?: on the right| \(right\))?(?:,? \(?from left to right\)?)?\)?"
)
_HEADERS = [
    re.compile(
        rf"(?:there are |in a street there are )?(?P<count>{NUMBER}) (?:{_PEOPLE}|{PLACE}s) (?:{_STAND} )?{_ROW}"
        rf"(?:,? {_NUMBERED}|,? from left to right)?"
    ),
    re.compile(rf"(?:the )?(?:{_PEOPLE}|{PLACE}s) {_NUMBERED}"),
]
_EACH = (
    r"each (?:have|has|own|owns|like|likes|chose|drink|drinks|eat|eats|play|plays|bought|got|work|works|ordered)(?: as)?"
    r" (?:a |one )?different (?P<label>[a-z]+(?: [a-z]+)?)(?:: | \(| - )(?P<values>.+?)\)?"
)
_NAMED = [
    re.compile(
        rf"(?:there are )?(?:the )?(?P<count>{NUMBER} )?(?P<kind>{_PEOPLE})(?:,|:| -| named| called|: named) (?P<items>.+?)"
        rf"(?P<row>,? (?:{_STAND} )?{_ROW}(?:,? {_NUMBERED}|,? from left to right)?)?(?:,? (?:-? ?)?{_EACH})?"
    ),
    re.compile(rf"(?P<items>[\w'-]+(?:, [\w'-]+)*,? and [\w'-]+),? {_EACH}"),
]
_FILLERS = [
    re.compile(pattern)
    for pattern in (
        r"there is (?:exactly )?one person (?:living )?in each (?:house|room)",
        r"the (?:people|persons|owners|friends|residents)(?: in these houses)? have different characteristics",
        r"(?:each|every) (?:person|friend|house|one|of them) has exactly one (?:value )?of each(?: attribute| category)?"
        r"(?:,? and no (?:value|attribute) is (?:shared|used twice))?",
        r"(?:each|every) (?:value|attribute|option|item|thing) (?:is used|belongs to) exactly (?:once|one(?: person)?)",
        r"no (?:two|2) (?:people|persons|houses|friends|of them) (?:have|share|own) (?:the same|a) [a-z ]{1,30}",
        r"no (?:value|attribute|item) is (?:shared|used twice)",
        r"(?:here are |these are |consider |use |you have )?(?:the )?(?:following )?(?:clues?|clue\(s\)|hints|facts|attributes)"
        r"(?: are)?(?: the following)?",
        r"(?:solve|here is) (?:this|a|the)(?: logic| grid| zebra)* (?:puzzle|riddle)",
        r"the (?:houses|positions|places|seats) are numbered(?: from)? (?:1 to \d|left to right|from left to right)"
        r"(?: from left to right)?",
    )
]
_DIFFERENT = re.compile(
    r".*\b(?:different|favou?rite|distinct|unique)(?: (?:kinds?|types?|sorts?) of)? (?P<label>[a-z]+(?: [a-z]+)?)"
    r"(?: for [a-z]+| in their [a-z]+)?"
)
_IN_BRACKETS = re.compile(
    r"(?:each|every)(?: person| one| of them| friend| house)? (?:has|owns|likes|drinks|eats|plays|keeps|wears|drives) "
    r"(?:a |one )?(?:different|favou?rite) (?P<label>[a-z]+(?: [a-z]+)?)(?: \(| - |: )(?P<items>[^()]+)\)?"
)
_THE_ARE = re.compile(r"(?:the|their) (?P<label>[a-z]+(?: [a-z]+)?) are(?::)? (?P<items>.+)")
_ITEM = re.compile(r"[^\W_][\w' -]{0,40}")
_PERSONAL = frozenset("name person people friend job profession occupation role nationality teacher boss".split())
_NOT_LABELS = frozenset("note hint question answer format example output rules puzzle".split())


@dataclass(slots=True)
class Things:
    """`labels` and `groups` go together; `names` maps the words of a value, in lower case, to the names that they may mean.

    `personal` names are people: whoever likes the baker need not be one.
    """

    count: int = 0
    in_row: bool = False
    directed: bool = False
    labels: list[str] = field(default_factory=list)
    groups: list[list[str]] = field(default_factory=list)
    names: dict[str, list[str]] = field(default_factory=dict)
    phrases: dict[str, str] = field(default_factory=dict)
    named: int | None = None
    personal: set[str] = field(default_factory=set)

    def take(self, sentence: str) -> bool:
        """Take in a sentence that lists something, or says nothing that the reading does not assume anyway."""
        text = sentence.lower().rstrip(": ")
        if any(filler.fullmatch(text) for filler in _FILLERS):
            return True
        for header in _HEADERS:
            if match := header.fullmatch(text):
                said = match.groupdict()
                self._counted(said.get("count"))
                self._counted(said.get("last"))
                self.in_row = True
                self.directed |= "left" in text
                return True
        return self._named(sentence.rstrip(": ")) or self._listed(sentence)

    def _counted(self, number: str | None) -> None:
        if not number:
            return
        found = NUMBERS.get(number.strip()) or int(number)
        if self.count and found != self.count:
            raise problems.NotUnderstoodError("it says two numbers of places")
        self.count = found

    def _named(self, sentence: str) -> bool:
        match = next(filter(None, (form.fullmatch(sentence.lower()) for form in _NAMED)), None)
        if not match or ":" in match["items"]:
            return False
        said = match.groupdict()
        self._counted(said.get("count"))
        self._counted(said.get("last"))
        self.in_row |= bool(said.get("row"))
        self.directed |= "left" in (said.get("row") or "")
        self._category("Name", sentence[match.start("items") : match.end("items")])
        if match["values"]:
            self._category(match["label"].capitalize(), sentence[match.start("values") : match.end("values")])
        return True

    def _listed(self, sentence: str) -> bool:
        lowered = sentence.lower()
        for form in (_IN_BRACKETS, _THE_ARE):
            if match := form.fullmatch(lowered):
                label = words.singular_of(match["label"], set()) or match["label"]
                self._category(label.capitalize(), sentence[match.start("items") : match.end("items")])
                return True
        head, colon, items = sentence.partition(":")
        if not colon or not items.strip():
            return False
        label = head.strip()
        if match := _DIFFERENT.fullmatch(label.lower()):
            label = match["label"].capitalize()
        if not re.fullmatch(r"[^\W\d_]+(?: [^\W\d_]+){0,2}", label) or label.lower() in _NOT_LABELS:
            return False
        if not re.search(r",| and | or ", items):
            return False
        self._category(label, items)
        return True

    def _category(self, label: str, items: str) -> None:
        pieces = [piece.strip() for piece in re.split(r",? and |,? or |, ", items.strip())]
        if len(set(map(str.lower, pieces))) < len(pieces) or canonical(label) in map(canonical, self.labels):
            raise problems.NotUnderstoodError(f"it lists something twice: {items[:60]!r}")
        hedges = words.HEDGES - {"or"} - ({"only"} if all(p.lower().startswith("one ") for p in pieces) else set())
        if hedges.intersection(items.lower().replace(",", " ").split()):
            raise problems.NotUnderstoodError(f"I do not read the list {items[:60]!r}")
        if self.named is None and canonical(label) in ("name", "person", "people", "friend"):
            self.named = len(self.groups)
        phrases = all(piece.lower().startswith("one ") for piece in pieces)
        self.labels.append(label)
        self.groups.append([self._phrase(p[4:]) if phrases else self._value(label, p) for p in pieces])

    def _phrase(self, text: str) -> str:
        """Take in what is said of one, "is a golfer" or "ate stew"."""
        key = text.lower().strip()
        noun = re.fullmatch(r"is an? (.+)", text)
        name = f"the {noun[1]}" if noun else f"the person who {text}"
        if not re.fullmatch(r"[a-z][a-z' -]{2,60}", key) or key in self.phrases or re.search(r"\bnot\b", key):
            raise problems.NotUnderstoodError(f"I do not read {text[:60]!r}")
        self.phrases[key] = name
        if noun:
            self.names.setdefault(noun[1].lower(), []).append(name)
            self.personal.add(name)
        return name

    def _value(self, label: str, text: str) -> str:
        value = re.sub(r"^(?:an?|the) (?=\w)", "", text)
        key = value.lower()
        if (
            not _ITEM.fullmatch(value)
            or key in words.FUNCTION_WORDS - {"may", "will"}
            or re.search(r"\b(not|with)\b", key)
        ):
            raise problems.NotUnderstoodError(f"I do not read {text[:60]!r} in a list")
        name = value if key not in self.names else f"{label} {value}"
        self.names.setdefault(key, []).append(name)
        if canonical(label) in _PERSONAL:
            self.personal.add(name)
        return name

    def check(self) -> None:
        """Raise NotUnderstoodError unless every category has one value for each place."""
        sizes = {len(group) for group in self.groups}
        if len(self.groups) < (1 if self.in_row else 2) or len(sizes) != 1:
            raise problems.NotUnderstoodError("its lists are not of one length, or too few")
        self._counted(str(sizes.pop()))
        if not 2 <= self.count <= problems.PLACES_MAX or len(self.groups) > problems.GROUPS_MAX:
            raise problems.NotUnderstoodError(
                f"it has more than {problems.PLACES_MAX} places or {problems.GROUPS_MAX} lists"
            )

    # Words for a value

    def one(self, text: str, label: str = "") -> str | None:
        """Return the name that a bare value means, in the category of that label if one is said."""
        key = re.sub(r"^(?:an?|the|his|her|their) (?=\w)", "", text.strip())
        fitting = self.names.get(key, [])
        if label:
            group = self.group_of(label)
            fitting = [name for name in fitting if group is not None and name in self.groups[group]]
        return fitting[0] if len(fitting) == 1 else None

    def group_of(self, label: str) -> int | None:
        """Return which category has the label, singular or plural."""
        found = [i for i, one in enumerate(self.labels) if canonical(one) == canonical(label)]
        return found[0] if len(found) == 1 else None

    def mention(self, text: str) -> str | None:
        """Return the name that words such as "the person who owns the cat" speak of."""
        text = text.strip()
        if found := self.one(text):
            return found
        if match := re.fullmatch(rf"{HOLDER} (?:who|that) (.+)", text):
            return self.said_of(match[1])
        if match := re.fullmatch(rf"{HOLDER} with (.+)", text):
            return self._labelled(match[1])
        if match := re.fullmatch(rf"{HOLDER} whose (?:favou?rite )?([a-z]+(?: [a-z]+)?) is (.+)", text):
            return self.one(match[2], match[1])
        if match := re.fullmatch(r"the (?:owner|keeper|driver|wearer|drinker) of (.+)", text):
            return self._labelled(match[1])
        if match := re.fullmatch(rf"the (.+) {_ROLE}", text):
            return self._labelled(match[1])
        if match := re.fullmatch(rf"{HOLDER} (?:in|of|from) (?:the )?(.+?)(?: house)?", text):
            return self._labelled(match[1])
        return None

    def said_of(self, text: str) -> str | None:
        """Return the name that "owns the cat" or "is a golfer" goes with."""
        if text in self.phrases:
            return self.phrases[text]
        if match := re.fullmatch(rf"({_VERB}) (.+)", text):
            found = self._labelled(re.sub(rf" (?:{_ROLE})$", "", match[2])) or self._labelled(match[2])
            return found if match[1] in ("is", "works as") or found not in self.personal else None
        if match := re.fullmatch(r"has (?:the )?(?:favou?rite )?([a-z]+(?: [a-z]+)?) (.+)", text):
            return self.one(match[2], match[1])
        return None

    def _labelled(self, text: str) -> str | None:
        """Return the value in "Colour red", "the red shirt" (label Shirt) or just "red"."""
        if found := self.one(text):
            return found
        text = re.sub(r"^(?:an?|the|his|her|their) (?=\w)", "", text)
        if found := self.one(re.sub(r" (?:house|home|room|one)$", "", text)):
            return found
        for label in self.labels:
            for shape in _shapes(label):
                if text.startswith(f"{shape} "):
                    return self.one(text[len(shape) + 1 :], label)
                if text.endswith(f" {shape}"):
                    return self.one(text[: -len(shape) - 1], label)
        return None


def _shapes(label: str) -> set[str]:
    single = canonical(label)
    return {label.lower(), single, single.replace("color", "colour"), *words.plurals(single)}


def canonical(label: str) -> str:
    """Return a label in lower case, in the singular, spelt one way."""
    single = words.singular_of(label.lower(), set()) or label.lower()
    return single.replace("colour", "color").replace("favourite ", "").replace("favorite ", "")
