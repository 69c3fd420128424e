"""Things that change hands: the key comes from applying a permutation, in the forms that people and benchmarks use."""

import random

from council.domain import answers
from council.testing.questions import families

_PEOPLE = ("Alice", "Bob", "Claire", "Dave", "Eve", "Fred", "Gertrude", "Hugo", "Ines")
_ORDER = ("Then, ", "Next, ", "After that, ", "Then ", "")
# scene, how the start is told, what is held, how a swap is told, how the end is asked about, the words of a question
_SCENES = (
    (
        "{names} are playing a game. At the start of the game, they are each holding a ball: ", "has a {thing} ball",
        ("yellow", "blue", "pink", "black", "white", "green", "purple", "orange", "red"),
        "As the game progresses, pairs of players trade balls. ", "balls",
        "At the end of the game, {who} has the", "{thing} ball", "Who has the {thing} ball at the end of the game?",
    ),
    (
        "{names} are dancers at a square dance. At the start of a song, they each have a partner: ", "is dancing with {thing}",
        ("Lola", "Rodrigo", "Patrick", "Ophelia", "Sam", "Jamie", "Melissa", "Karl", "Izzi"),
        "Throughout the song, the dancers often trade partners. ", "partners",
        "At the end of the dance, {who} is dancing with", "{thing}", "Who is dancing with {thing} at the end?",
    ),
    (
        "{names} are friends and avid readers who occasionally trade books. At the start of the semester, they each buy one "
        "new book: ", "gets {thing}",
        ("Ulysses", "Frankenstein", "Lolita", "Catch-22", "Moby Dick", "The Odyssey", "Hound of the Baskervilles",
         "Emma", "Dune"),
        "As the semester proceeds, they start trading around the new books. ", "books",
        "At the end of the semester, {who} has", "{thing}", "Who has {thing} at the end?",
    ),
    (
        "{names} are on the same team in a soccer match. At the start of the match, they are each assigned to a position: ",
        "is playing {thing}",
        ("goalkeeper", "left midfielder", "right winger", "striker", "center midfielder", "fullback", "cheerleader",
         "left winger", "benchwarmer"),
        "As the game progresses, pairs of players occasionally swap positions. ", "positions",
        "At the end of the match, {who} is playing", "{thing}", "Who is playing {thing} at the end?",
    ),
    (
        "", "has a {thing} hat", ("red", "blue", "green", "white", "brown", "grey", "black", "straw", "felt"), "", "hats",
        "What does {who} have at the end?", "{thing} hat", "Who has the {thing} hat at the end?",
    ),
)  # fmt: skip


def _listed(pieces: list[str]) -> str:
    return f"{', '.join(pieces[:-1])}{',' if len(pieces) > 2 else ''} and {pieces[-1]}"


def _asked(chance: random.Random, *, plain: bool) -> families.Asked:
    scene, has, things, trading, objects, end, named, whose = chance.choice(_SCENES)
    people = chance.sample(_PEOPLE, chance.randint(2, 9))
    given = chance.sample(things, len(people))
    # `at[place]` says whose thing lies at a place; a swap exchanges two entries.
    at = list(range(len(people)))
    told = []
    for number in range(chance.randint(1, 12) if chance.random() < 0.95 else 120):
        first, second = chance.sample(range(len(people)), 2)
        at[first], at[second] = at[second], at[first]
        told.append(_swap(chance, people[first], people[second], objects, number, plain=plain))
    told[-1] = told[-1] if len(told) == 1 or plain else "Finally, " + told[-1].split(", ")[-1].removeprefix("Then ")
    who = chance.randrange(len(people))
    start = [f"{person} {has.format(thing=thing)}" for person, thing in zip(people, given, strict=True)]
    begun = ". ".join(start) if not scene and not plain else _listed(start)
    text = f"{scene.format(names=_listed(people))}{begun}.\n{trading}{' '.join(told)} "
    if chance.random() < 0.3:
        return families.Asked(text + whose.format(thing=given[at[who]]), people[who])
    asked = text + end.format(who=people[who])
    if chance.random() < 0.4:
        lines = [f"({letter}) {named.format(thing=thing)}" for letter, thing in zip("ABCDEFGHI", given, strict=False)]
        return families.Asked(f"{asked}\nOptions:\n" + "\n".join(lines), f"{'ABCDEFGHI'[at[who]]})")
    return families.Asked(asked, named.format(thing=given[at[who]]))


def _swap(chance: random.Random, one: str, two: str, objects: str, number: int, *, plain: bool) -> str:
    lead = "First, " if number == 0 else "Then, " if plain else chance.choice(_ORDER)
    verb = chance.choice(("swap", "trade", "switch", "exchange"))
    if plain:
        return f"{lead}{one} and {two} {verb} {objects}."
    forms = (
        f"{one} and {two} {verb} {objects}",
        f"{one} and {two} {verb} their {objects}",
        f"{one} {verb}{'es' if verb == 'switch' else 's'} {objects} with {two}",
        f"{one} and {two} {verb}",
    )
    return f"{lead}{chance.choice(forms)}."


def agrees(answer: str, key: str) -> bool:
    """Say whether the answer opens with the key."""
    return answer.startswith(key if key.endswith(")") else f"{key}.")


_START = "Ann has a red hat, Bob has a blue hat, and Cem has a green hat. "
_REFUSE = (
    "Ann has either a red hat and Bob has a blue hat. Ann and Bob swap hats. Who has the blue hat at the end?",
    "Ann has probably a red hat and Bob has a blue hat. Ann and Bob swap hats. Who has the blue hat at the end?",
    "Ann has a red hat and Bob has only a blue hat and a scarf. Ann and Bob swap hats. Who has the red hat at the end?",
    "Ann has first a red hat and Bob has a blue hat. Ann and Bob swap hats. Who has the blue hat at the end?",
    _START + "Ann and Bob swap hats. Who has almost the red hat at the end?",
    _START + "Ann and Bob swap shoes. Who has the red hat at the end?",
    _START + "Ann and Bob swap seats. Who has the red hat at the end?",
    _START + "Ann and Bob nearly swap hats. Who has the red hat at the end?",
    _START + "Ann and Bob do not swap hats. Who has the red hat at the end?",
    _START + "Ann and Bob swap hats twice. Who has the red hat at the end?",
    _START + "Ann and Bob swap hats. Then they swap back. Who has the red hat at the end?",
    _START + "Ann and Bob swap hats. Then Bob gives his hat to Cem. Who has the red hat at the end?",
    _START + "Ann and Bob swap hats. Then Bob buys a new hat. Who has the red hat at the end?",
    _START + "Ann and Bob swap hats. Then Dan and Bob swap hats. Who has the red hat at the end?",
    _START + "Ann and Ann swap hats. Who has the red hat at the end?",
    _START + "Ann and Bob swap hats. Who had the red hat at the start?",
    _START + "Ann and Bob swap hats. Then Bob and Cem swap hats. Who had the red hat in between?",
    _START + "Ann and Bob swap hats. Then Bob and Cem swap hats. Who has the red hat after the first swap?",
    _START + "Ann and Bob swap hats. Who has the yellow hat at the end?",
    _START + "Ann and Bob swap hats. Does Dan have the red hat at the end?",
    _START + "If Ann and Bob swap hats, who has the red hat?",
    _START + "Ann and Bob swap hats if Cem agrees. Who has the red hat at the end?",
    _START + "Ann and Bob want to swap hats. Who has the red hat at the end?",
    _START + "Ann, Bob and Cem swap hats. Who has the red hat at the end?",
    _START + "Before that, Ann and Bob swap hats. Who has the red hat at the end?",
    "Ann has a red hat. Bob has a red hat. Ann and Bob swap hats. Who has the red hat at the end?",
    "Ann has a red hat and a blue hat. Bob has a green hat. Ann and Bob swap hats. What does Bob have at the end?",
    "Ann, Bob and Cem are playing a game. Ann has a red ball, Bob has a blue ball. Ann and Cem swap balls. What does Ann have?",
    _START + "Ann and Bob swap hats. Who wears the red hat best at the end?",
)


def _paraphrase(chance: random.Random, _: families.Asked) -> families.Asked:
    return _asked(chance, plain=False)


FAMILIES = (
    families.Family(
        "logic shuffles: swaps",
        answers.Route.LOGIC,
        lambda chance: _asked(chance, plain=True),
        _paraphrase,
        agrees,
        _REFUSE,
    ),
)
