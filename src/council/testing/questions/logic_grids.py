"""Grid puzzles: a hidden table, clues that are true of it (or, now and then, one that is not), and one question.

Small puzzles are keyed by trying every table; large ones hold clues that build the table up value by value, so that it is
the only one by construction, and more clues that are merely true.
"""

import itertools
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from council.domain import answers
from council.testing.questions import families

World = Mapping[str, int]

_VALUES: Mapping[str, Sequence[str]] = {
    "Name": ("Aiko", "Bruno", "Chandra", "Dalia", "Emeka", "Farid", "Greta", "Hana"),
    "Colour": ("red", "green", "blue", "white", "amber", "violet", "grey", "black"),
    "Pet": ("cat", "dog", "ferret", "parrot", "rabbit", "turtle", "hamster", "lizard"),
    "Drink": ("tea", "milk", "juice", "cocoa", "water", "coffee", "cider", "soda"),
    "Job": ("nurse", "baker", "judge", "pilot", "tailor", "plumber", "farmer", "editor"),
    "City": ("Oslo", "Lima", "Cairo", "Hanoi", "Quito", "Perth", "Turin", "Kyoto"),
}
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")
_ORDINALS = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
_VERBS = {"Colour": "likes", "Pet": "owns the", "Drink": "drinks", "Job": "is the", "City": "lives in", "Name": "is"}


@dataclass(frozen=True, slots=True)
class Clue:
    """What a clue says of a table, and the ways to word it; the first is the plainest."""

    holds: Callable[[World], bool]
    wordings: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """`groups` maps each label to its values, `world` each value to its place."""

    groups: Mapping[str, Sequence[str]]
    world: World

    @property
    def count(self) -> int:
        """How many places there are."""
        return len(next(iter(self.groups.values())))

    def label(self, value: str) -> str:
        """Return the label that a value stands under."""
        return next(label for label, values in self.groups.items() if value in values)


def drawn(chance: random.Random, count: int, labels: int) -> Table:
    """Return a table of `count` places with a name and other labels."""
    chosen = ["Name", *chance.sample([label for label in _VALUES if label != "Name"], labels - 1)]
    groups = {label: chance.sample(_VALUES[label], count) for label in chosen}
    world = {v: p for values in groups.values() for p, v in enumerate(chance.sample(values, count), start=1)}
    return Table(groups, world)


def _mentions(table: Table, value: str) -> list[str]:
    label = table.label(value)
    if label == "Name":
        return [value]
    plain = [f"the person with {label} {value}", f"the person whose {label.lower()} is {value}"]
    return [*plain, f"the person who {_VERBS[label]} {value}", f"the {value} person" if label == "Colour" else plain[0]]


def _says(table: Table, value: str) -> list[str]:
    label = table.label(value)
    return [f"is {_mentions(table, value)[0]}", f"{_VERBS[label]} {value}"]


def _worded(table: Table, pair: tuple[str, str], forms: Sequence[str]) -> list[str]:
    """Fill {a} and {b} with mentions, {b_says} with what is said of the one who has b."""
    first, second = pair
    found = []
    for form in forms:
        for a, b in itertools.zip_longest(_mentions(table, first), _mentions(table, second)):
            for says in _says(table, second):
                text = form.format(a=a or _mentions(table, first)[0], b=b or _mentions(table, second)[0], b_says=says)
                found.append(text[0].upper() + text[1:])
    return list(dict.fromkeys(found))


def _two(chance: random.Random, table: Table) -> tuple[str, str]:
    labels = chance.sample(list(table.groups), 2)
    return chance.choice(table.groups[labels[0]]), chance.choice(table.groups[labels[1]])


def _same(chance: random.Random, table: Table, pair: tuple[str, str] | None = None) -> Clue:
    a, b = pair or _two(chance, table)
    return Clue(lambda w: w[a] == w[b], _worded(table, (a, b), ("{a} {b_says}",)))


def _different(chance: random.Random, table: Table) -> Clue:
    a, b = _two(chance, table)
    forms = ("{a} is not {b}", "{a} and {b} are different people", "{a} isn't {b}")
    return Clue(lambda w: w[a] != w[b], _worded(table, (a, b), forms))


def _either(chance: random.Random, table: Table) -> Clue:
    labels = chance.sample(list(table.groups), 2)
    a = chance.choice(table.groups[labels[0]])
    b, c = chance.sample(list(table.groups[labels[1]]), 2)
    subject, first, second = (_mentions(table, value)[0] for value in (a, b, c))
    return Clue(lambda w: w[a] in (w[b], w[c]), [_capital(f"{subject} is either {first} or {second}")])


def _two_sided(chance: random.Random, table: Table) -> Clue:
    """Return a clue of two statements that says whether both may hold."""
    (a, b), (c, d) = _two(chance, table), _two(chance, table)
    if {a, b} == {c, d}:
        return _same(chance, table)
    first, second = (f"{_mentions(table, x)[0]} {_says(table, y)[1]}" for x, y in ((a, b), (c, d)))
    if chance.random() < 0.5:
        return Clue(lambda w: w[a] == w[b] or w[c] == w[d], [_capital(f"{first} or {second}, or both")])
    wordings = [f"either {first} or {second}, but not both", f"{first} or {second}, but not both"]
    return Clue(lambda w: (w[a] == w[b]) != (w[c] == w[d]), [_capital(text) for text in wordings])


def _neither(chance: random.Random, table: Table) -> Clue:
    labels = chance.sample(list(table.groups), 2)
    a = chance.choice(table.groups[labels[0]])
    b, c = chance.sample(list(table.groups[labels[1]]), 2)
    subject, first, second = (_mentions(table, value)[0] for value in (a, b, c))
    wordings = [f"{subject} is neither {first} nor {second}", f"neither {first} nor {second} is {subject}"]
    return Clue(lambda w: w[a] not in (w[b], w[c]), [_capital(text) for text in wordings])


def _one_and_other(chance: random.Random, table: Table) -> Clue:
    if len(table.groups) < 3:
        return _same(chance, table)
    first, second, third = chance.sample(list(table.groups), 3)
    a, b = chance.sample(list(table.groups[first]), 2)
    c, d = chance.choice(table.groups[second]), chance.choice(table.groups[third])
    both = f"{_mentions(table, a)[0]} and {_mentions(table, b)[0]}"
    text = f"Of {both}, one {_says(table, c)[1]} and the other {_says(table, d)[1]}"
    return Clue(lambda w: (w[a] == w[c] and w[b] == w[d]) or (w[b] == w[c] and w[a] == w[d]), [text])


def _next(chance: random.Random, table: Table) -> Clue:
    a, b = chance.sample(list(table.world), 2)
    forms = (
        "{a} stands next to {b}",
        "{a} and {b} stand next to each other",
        "{a} stands directly next to {b}",
        "{a} is beside {b}",
    )
    return Clue(lambda w: abs(w[a] - w[b]) == 1, _worded(table, (a, b), forms))


def _directly_left(chance: random.Random, table: Table) -> Clue:
    a, b = chance.sample(list(table.world), 2)
    if chance.random() < 0.5:
        forms = (
            "{a} stands immediately to the left of {b}",
            "{a} stands directly left of {b}",
            "{a} is just to the left of {b}",
        )
        return Clue(lambda w: w[a] + 1 == w[b], _worded(table, (a, b), forms))
    forms = ("{a} stands immediately to the right of {b}", "{a} is directly right of {b}", "{a} is just right of {b}")
    return Clue(lambda w: w[a] == w[b] + 1, _worded(table, (a, b), forms))


def _somewhere_left(chance: random.Random, table: Table) -> Clue:
    a, b = chance.sample(list(table.world), 2)
    if chance.random() < 0.5:
        return Clue(lambda w: w[a] < w[b], _worded(table, (a, b), ("{a} stands somewhere to the left of {b}",)))
    return Clue(lambda w: w[a] > w[b], _worded(table, (a, b), ("{a} is somewhere to the right of {b}",)))


def _between(chance: random.Random, table: Table) -> Clue:
    a, b, c = chance.sample(list(table.world), 3)
    subject, first, second = (_mentions(table, value)[0] for value in (a, b, c))
    if chance.random() < 0.5:
        text = f"{subject} stands somewhere between {first} and {second}"
        return Clue(lambda w: w[b] < w[a] < w[c] or w[c] < w[a] < w[b], [_capital(text)])
    text = f"{subject} stands directly between {first} and {second}"
    return Clue(lambda w: {w[b], w[c]} == {w[a] - 1, w[a] + 1}, [_capital(text)])


def _with_between(chance: random.Random, table: Table) -> Clue:
    a, b = chance.sample(list(table.world), 2)
    number = chance.randint(1, 2)
    who = "is one person" if number == 1 else "are two people"
    forms = (f"there {who} between {{a}} and {{b}}", f"there {who} between where {{a}} stands and where {{b}} stands")
    return Clue(lambda w: abs(w[a] - w[b]) == number + 1, _worded(table, (a, b), forms))


def _at(chance: random.Random, table: Table, value: str = "") -> Clue:
    a = value or chance.choice(list(table.world))
    place = table.world[a] if value else chance.randint(1, table.count)
    forms = [f"{{a}} is at position {place}", f"{{a}} stands in the {_ORDINALS[place]} place",
             f"{{a}} is {_ORDINALS[table.count + 1 - place]} from the right"]  # fmt: skip
    if place == 1:
        forms.append("{a} stands at the far left")
    if 2 * place == table.count + 1:
        forms.append("{a} stands in the middle")
    return Clue(lambda w: w[a] == place, _worded(table, (a, a), forms))


def _not_at(chance: random.Random, table: Table) -> Clue:
    a, place = chance.choice(list(table.world)), chance.randint(1, table.count)
    forms = (f"{{a}} is not at position {place}", f"{{a}} does not stand in the {_ORDINALS[place]} place")
    return Clue(lambda w: w[a] != place, _worded(table, (a, a), forms))


def _at_an_end(chance: random.Random, table: Table) -> Clue:
    a, count = chance.choice(list(table.world)), table.count
    forms = ("{a} stands at one of the ends", "{a} is at an end of the row")
    return Clue(lambda w: w[a] in (1, count), _worded(table, (a, a), forms))


_MATCHING = (_same, _different, _different, _either, _neither, _one_and_other, _two_sided)
_PLACING = (*_MATCHING, _next, _directly_left, _somewhere_left, _between, _with_between, _at, _not_at, _at_an_end)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _clues(chance: random.Random, table: Table, kinds: Sequence[Callable[..., Clue]], count: int) -> list[Clue]:
    """Return clues that are true of the table, save that one time in twelve one may be false."""
    found: list[Clue] = []
    careless = chance.random() < 1 / 12
    while len(found) < count:
        clue = chance.choice(kinds)(chance, table)
        if clue.holds(table.world) or (careless and len(found) == count - 1):
            found.append(clue)
    return found


def _building(chance: random.Random, table: Table) -> list[Clue]:
    """Return clues that leave only this table: each value is at a place, or with a value that was placed before."""
    placed: list[str] = []
    found = []
    for value in chance.sample(list(table.world), len(table.world)):
        others = [p for p in placed if table.world[p] == table.world[value]]
        if others:
            found.append(_same(chance, table, (value, chance.choice(others))))
        else:
            found.append(_at(chance, table, value))
        placed.append(value)
    return found


def _fitting(table: Table, clues: Sequence[Clue], *, placed: bool) -> list[World]:
    """Return every table that the clues allow; without places the first label stands fixed."""
    columns = []
    for number, values in enumerate(table.groups.values()):
        orders = [values] if not placed and number == 0 else itertools.permutations(values)
        columns.append([{v: p for p, v in enumerate(order, start=1)} for order in orders])
    worlds = ({key: p for column in chosen for key, p in column.items()} for chosen in itertools.product(*columns))
    return [world for world in worlds if all(clue.holds(world) for clue in clues)]


@dataclass(frozen=True, slots=True)
class _Question:
    """`wordings` ask for what `answer` gives of a table."""

    wordings: Sequence[str]
    answer: Callable[[World], str]


def _question(chance: random.Random, table: Table, *, placed: bool) -> _Question:
    value = chance.choice(list(table.world))
    mention = _mentions(table, value)[0]
    if placed and chance.random() < 0.35:
        forms = [f"At which position is {mention}?", f"What is the number of the place where {mention} stands?",
                 f"Which position is {mention} in?"]  # fmt: skip
        return _Question(forms, lambda w: str(w[value]))
    if placed and chance.random() < 0.3:
        place = chance.randint(1, table.count)
        forms = [f"Who is at position {place}?", f"Who stands in the {_ORDINALS[place]} place?"]
        return _Question(forms, lambda w: next(v for v in table.groups["Name"] if w[v] == place))
    label = chance.choice([one for one in table.groups if one != table.label(value)])
    if label == "Name":
        forms = [f"Who is {mention}?", f"Who {_VERBS[table.label(value)]} {value}?"]
    else:
        forms = [f"What is the {label.lower()} of {mention}?", f"Which {label.lower()} does {mention} have?"]
    return _Question(forms, lambda w: next(v for v in table.groups[label] if w[v] == w[value]))


def _whole(table: Table) -> _Question:
    text = f"Give every attribute of every person as a JSON list of {table.count} objects"
    text += f", from position 1 to position {table.count}."

    def answer(world: World) -> str:
        rows = range(1, table.count + 1)
        return json.dumps(
            [
                {"Position": p} | {k: next(v for v in vs if world[v] == p) for k, vs in table.groups.items()}
                for p in rows
            ]
        )

    return _Question([text], answer)


def _text(
    chance: random.Random, table: Table, clues: Sequence[Clue], asked: _Question, *, placed: bool, plain: bool
) -> str:
    count = table.count
    names = ", ".join(table.groups["Name"])
    if not placed:
        word = chance.choice(("friends", "people", "students"))
        head = f"{_NUMBERS[count].capitalize()} {word}: {names}."
    elif plain:
        head = f"{count} people stand in a row, positions 1 (left) to {count} (right)."
        head += " Each person has exactly one value of each attribute and no value is shared."
    else:
        head = f"{_NUMBERS[count].capitalize()} people stand in a row, numbered 1 to {count} from left to right."
    listed = {k: vs for k, vs in table.groups.items() if placed or k != "Name"}
    if plain:
        lists = [f"- {label}: {', '.join(values)}" for label, values in listed.items()]
    else:
        lists = [f"{label}: {', '.join(values[:-1])} and {values[-1]}" if chance.random() < 0.5
                 else f"The {label.lower()}s are {', '.join(values)}." if not label.endswith("y")
                 else f"{label}: {', '.join(values)}" for label, values in listed.items()]  # fmt: skip
    said = [clue.wordings[0] if plain else chance.choice(clue.wordings) for clue in clues]
    body = (
        [f"{n}. {s}." for n, s in enumerate(said, start=1)]
        if plain or chance.random() < 0.5
        else [f"- {s}." for s in said]
    )
    return "\n".join([head, *lists, "Clues:", *body, asked.wordings[0] if plain else chance.choice(asked.wordings)])


def _keyed(worlds: Sequence[World], asked: _Question) -> str:
    return json.dumps(sorted({asked.answer(world) for world in worlds}))


def _small(chance: random.Random, *, placed: bool, plain: bool = True) -> families.Asked:
    count, labels = chance.choice(((3, 2), (3, 3), (3, 3), (3, 4), (4, 2), (4, 2)))
    table = drawn(chance, count, labels)
    clues = _clues(chance, table, _PLACING if placed else _MATCHING, chance.randint(2, 3 + count * labels // 2))
    asked = _question(chance, table, placed=placed)
    key = _keyed(_fitting(table, clues, placed=placed), asked)
    return families.Asked(_text(chance, table, clues, asked, placed=placed, plain=plain), key)


def _large(chance: random.Random, *, plain: bool = True) -> families.Asked:
    table = drawn(chance, chance.randint(4, 6), chance.randint(3, 6))
    clues = _building(chance, table)
    clues += [c for c in (chance.choice(_PLACING)(chance, table) for _ in range(8)) if c.holds(table.world)]
    chance.shuffle(clues)
    asked = _whole(table) if chance.random() < 0.2 else _question(chance, table, placed=True)
    return families.Asked(_text(chance, table, clues, asked, placed=True, plain=plain), _keyed([table.world], asked))


def agrees(answer: str, key: str) -> bool:
    """Say whether an answer names the one possibility, or all of them as undetermined; no clash has a right answer."""
    possible = json.loads(key)
    if len(possible) == 1:
        return answer.startswith((f"{possible[0]}.", f"{possible[0]}\n")) or answer == possible[0]
    opening = "It cannot be determined from what was given. It could be "
    named = answer.removeprefix(opening).split(".")[0].split(" or ")
    return bool(possible) and answer.startswith(opening) and sorted(named) == possible


_FRIENDS = "Three friends: Ann, Bob and Cem.\n"
_OF_PETS = _FRIENDS + "Pet: cat, dog, fish\n"
_PETS = _OF_PETS + "1. Ann owns the cat.\n2. Bob owns the dog.\n"
_ROW = "3 people stand in a row, positions 1 (left) to 3 (right).\n"
_IN_ROW = _ROW + "- Name: Ann, Bob, Cem\nClues:\n"
_REFUSE = (
    # A wording that can be meant in two ways, where it matters.
    _IN_ROW + "1. Ann is left of Bob.\n2. Cem is not at position 2.\nWho is at position 1?",
    "Three people stand in a row: Ann, Bob and Cem.\n1. Ann is at position 1.\n2. Bob is directly left of Ann."
    "\nWho is at position 3?",
    # Lists that are too short, too long, doubled, or missing.
    _ROW + "- Name: Ann, Bob\nClues:\n1. Ann is at position 1.\nWho is at position 3?",
    "4 people stand in a row, positions 1 (left) to 4 (right).\n- Name: Ann, Bob, Cem\nClues:\n1. Ann is at position 1.\n"
    "2. Bob is at position 2.\nWho is at position 3?",
    _ROW + "- Name: Ann, Bob, Ann\nClues:\n1. Ann is at position 1.\nWho is at position 3?",
    _FRIENDS + "Pet: cat, dog\n1. Ann has the cat.\n2. Bob has the dog.\nWhat is the pet of Cem?",
    _ROW
    + "- Name: Ann, mostly Bob, Cem\nClues:\n1. Ann is at position 1.\n2. Cem is at position 2.\nWho is at position 1?",
    _ROW + "- Name: Ann, Bob, not Cem\nClues:\n1. Ann is at position 1.\nWho is at position 1?",
    # Words that are not in the tables must not be read over.
    _OF_PETS + "1. Ann hates the cat.\n2. Bob owns the dog.\nWho owns the fish?",
    _OF_PETS + "1. Ann wants the cat.\n2. Bob owns the dog.\nWho owns the fish?",
    _OF_PETS + "1. Ann probably owns the cat.\n2. Bob owns the dog.\nWho owns the fish?",
    _OF_PETS + "1. Ann owned the cat last year.\n2. Bob owns the dog.\nWho owns the fish?",
    _FRIENDS + "Job: baker, nurse, judge\n1. Ann likes the baker.\n2. Bob is the judge.\nWho is the nurse?",
    _FRIENDS + "Job: baker, nurse, judge\n1. Ann's brother is the baker.\n2. Bob is the judge.\nWho is the nurse?",
    _OF_PETS + "1. Ann or Bob owned the cat.\n2. Bob owns the dog.\nWho owns the fish?",
    _OF_PETS + "1. Ann or Bob or Cem owns the cat.\n2. Bob owns the dog.\nWho owns the fish?",
    _OF_PETS + "1. Either Ann owns the cat or Bob owns the dog.\n2. Ann owns the cat.\nWho owns the fish?",
    _OF_PETS + "1. Ann owns the cat unless Bob owns the dog.\n2. Bob owns the dog.\nWho owns the fish?",
    _OF_PETS + "1. Ann owns the cat only if Bob owns the dog.\n2. Bob owns the dog.\nWho owns the fish?",
    _OF_PETS + "1. Either Ann owns the cat or probably Bob owns the dog.\n2. Ann owns the fish.\nWho owns the dog?",
    _OF_PETS + "1. Only one of these is true.\n2. Bob owns the dog.\nWho owns the cat?",
    _OF_PETS + "1. Ann says that she owns the cat.\n2. Bob owns the dog.\nWho owns the fish?",
    _OF_PETS + "1. Ann is allergic to the cat.\n2. Bob owns the dog.\nWho owns the fish?",
    # Questions for something else.
    _PETS + "Who likes the fish least?",
    _PETS + "Who owned the fish before?",
    _PETS + "Who owns the hamster?",
    _OF_PETS + "1. Ann owns the cat.\n2. Bob owns the dog.\nHow many friends own a fish?",
    _IN_ROW + "1. Ann is at position 1.\n2. Bob is at position 4.\nWho is at position 3?",
    # Clues that clash.
    _OF_PETS + "1. Ann owns the cat.\n2. Bob owns the cat.\nWho owns the fish?",
    _OF_PETS + "1. Ann owns the cat.\n2. Ann owns the dog.\nWho owns the fish?",
    # No row, so that left and right say nothing.
    _OF_PETS + "1. Ann is directly left of Bob.\n2. Bob owns the dog.\nWho owns the fish?",
)


def _family(name: str, make: Callable[..., families.Asked]) -> families.Family:
    # A question is drawn anew in other words: its state is what `make` consumed.
    def paraphrase(chance: random.Random, _: families.Asked) -> families.Asked:
        return make(chance, plain=False)

    return families.Family(f"logic grids: {name}", answers.Route.LOGIC, make, paraphrase, agrees, _REFUSE)


FAMILIES = (
    _family("small rows", lambda chance, plain=True: _small(chance, placed=True, plain=plain)),
    _family("small matchings", lambda chance, plain=True: _small(chance, placed=False, plain=plain)),
    _family("large rows", _large),
)
