"""Combinations, orders, letters, handshakes, dice, coins, cards, urns. The keys are listed or built up step by step."""

import functools
import itertools
import random
from fractions import Fraction

from council.testing.questions import amounts, families

_WORDS = {
    "BOOK": 12, "LEVEL": 30, "BANANA": 60, "MISSISSIPPI": 34650, "CAT": 6, "APPLE": 60, "NOON": 6, "MATHS": 120, "LETTER": 180,
    "STATISTICS": 50400, "TREE": 12, "ABACUS": 360, "PEPPER": 60, "AB": 2, "COFFEE": 180,
}  # fmt: skip


@functools.cache
def _choices(items: int, chosen: int) -> int:
    """Count by the last thing taken or left."""
    if chosen in (0, items):
        return 1
    return _choices(items - 1, chosen - 1) + _choices(items - 1, chosen)


def _choose(chance: random.Random) -> families.Asked:
    items = chance.randint(1, 40)
    chosen = chance.randint(0, items)
    key = str(_choices(items, chosen))
    form = chance.choice(
        (
            "{n} choose {k}", "What is {n}C{k}?", "C({n}, {k})",
            "How many committees of {k} people can be formed from {n} people?",
            "How many ways can you choose {k} books from {n} books?", "In how many ways can {k} students be selected from {n}?",
            "combinations of {n} things taken {k} at a time",
        )
    )  # fmt: skip
    return families.Asked(form.format(n=items, k=chosen), key)


def _orders(chance: random.Random) -> families.Asked:
    items = chance.randint(1, 12)
    chosen = chance.randint(1, items)
    product = 1
    for number in range(items - chosen + 1, items + 1):
        product *= number
    if chosen == items:
        form = "How many ways can {n} people be arranged in a row?"
    else:
        form = chance.choice(("P({n}, {k})", "permutations of {n} things taken {k} at a time", "What is {n}P{k}?"))
    return families.Asked(form.format(n=items, k=chosen), str(product))


def _letters(chance: random.Random) -> families.Asked:
    word, key = chance.choice(sorted(_WORDS.items()))
    form = chance.choice(
        (
            "How many ways can the letters of the word {w} be arranged?",
            "In how many different ways can the letters of {w} be arranged?",
            'How many distinct arrangements are there of the letters in the word "{w}"?',
            "arrangements of the letters of {w}",
            "What is the number of permutations of the letters of the word {w}?",
        )
    )
    return families.Asked(form.format(w=word if chance.random() < 0.5 else word.lower()), str(key))


def _handshakes(chance: random.Random) -> families.Asked:
    people = chance.randint(1, 60)
    shakes = sum(range(people))
    text = f"{people} people at a party shake hands with each other once. How many handshakes are there?"
    return families.Asked(text, str(shakes))


def _table(chance: random.Random) -> families.Asked:
    people = chance.randint(1, 9)
    value = 1
    for number in range(2, people):
        value *= number
    form = chance.choice(
        (
            "How many ways can {} people sit around a round table?",
            "In how many ways can {} people be seated at a circular table?",
            "How many ways can {} people be seated around a circular table?",
        )
    )
    return families.Asked(form.format(people), str(value))


@functools.cache
def _sums(dice: int, sides: int) -> dict[int, int]:
    found: dict[int, int] = {}
    for throw in itertools.product(range(1, sides + 1), repeat=dice):
        found[sum(throw)] = found.get(sum(throw), 0) + 1
    return found


def _dice(chance: random.Random) -> families.Asked:
    dice, wanted = chance.randint(1, 4), chance.randint(1, 25)
    sums = _sums(dice, 6)
    bound = chance.choice(("", "", "at least ", "at most "))
    good = sum(
        count for total, count in sums.items()
        if (total == wanted if not bound else total >= wanted if bound == "at least " else total <= wanted)
    )  # fmt: skip
    noun = "dice" if dice > 1 else "six-sided dice"
    text = f"What is the probability of rolling a sum of {bound}{wanted} with {dice} {noun}?"
    return families.Asked(text, str(Fraction(good, sum(sums.values()))))


def _coins(chance: random.Random) -> families.Asked:
    throws, wanted = chance.randint(1, 10), chance.randint(0, 10)
    side, bound = chance.choice(("heads", "tails")), chance.choice(("exactly ", "", "at least ", "at most "))
    good = 0
    for outcome in itertools.product((0, 1), repeat=throws):
        number = sum(outcome)
        good += (
            number >= wanted if bound == "at least " else number <= wanted if bound == "at most " else number == wanted
        )
    form = chance.choice(
        ("What is the probability of getting {b}{k} {s} in {n} coin flips?", "probability of {b}{k} {s} when tossing {n} coins",
         "A coin is flipped {n} times. What is the probability of getting {b}{k} {s}?")
    )  # fmt: skip
    form = form.replace("probability of {b}", "probability of getting {b}")
    return families.Asked(form.format(b=bound, k=wanted, s=side, n=throws), str(Fraction(good, 2**throws)))


def _cards(chance: random.Random) -> families.Asked:
    what, good = chance.choice(
        (
            ("an ace", 4),
            ("a king", 4),
            ("a heart", 13),
            ("a red card", 26),
            ("a face card", 12),
            ("the queen of spades", 1),
        )
    )
    text = chance.choice(
        (
            "What is the probability of drawing {w} from a standard deck of 52 cards?",
            "probability of drawing {w} from a deck of cards",
        )
    )
    return families.Asked(text.format(w=what), str(Fraction(good, 52)))


def _urn(chance: random.Random) -> families.Asked:
    red, blue = chance.randint(1, 9), chance.randint(1, 9)
    balls = ["red"] * red + ["blue"] * blue
    intro = f"A bag contains {red} red balls and {blue} blue balls. What is the probability of drawing "
    match chance.randrange(3):
        case 0:
            return families.Asked(intro + "a red ball?", str(Fraction(red, red + blue)))
        case 1:
            pairs = list(itertools.permutations(balls, 2))
            good = sum(pair == ("red", "red") for pair in pairs)
            return families.Asked(intro + "two red balls without replacement?", str(Fraction(good, len(pairs))))
        case _:
            drawn = list(itertools.product(balls, repeat=2))
            good = sum(pair == ("blue", "blue") for pair in drawn)
            return families.Asked(intro + "2 blue balls with replacement?", str(Fraction(good, len(drawn))))


_KINDS = {
    "an ace": lambda rank, suit: rank == 1,
    "a queen": lambda rank, suit: rank == 12,
    "a 7": lambda rank, suit: rank == 7,
    "a heart": lambda rank, suit: suit == 0,
    "a club": lambda rank, suit: suit == 3,
    "a red card": lambda rank, suit: suit < 2,
    "a black king": lambda rank, suit: suit > 1 and rank == 13,
}


def _either_card(chance: random.Random) -> families.Asked:
    one, other = chance.sample(sorted(_KINDS), 2)
    good = sum(_KINDS[one](rank, suit) or _KINDS[other](rank, suit) for rank in range(1, 14) for suit in range(4))
    text = chance.choice(
        (
            "What is the probability of drawing {a} or {b} from a deck of 52 cards?",
            "A card is drawn at random from a deck of cards. What is the probability that it is {a} or {b}?",
        )
    )
    return families.Asked(text.format(a=one, b=other), str(Fraction(good, 52)))


def _several_cards(chance: random.Random) -> families.Asked:
    kind, good = chance.choice((("aces", 4), ("hearts", 13), ("face cards", 12), ("red cards", 26), ("sixes", 4)))
    draws, back = chance.randint(2, 4), chance.choice(("with", "without"))
    value = Fraction(1)
    for drawn in range(draws):
        value *= Fraction(good, 52) if back == "with" else Fraction(good - drawn, 52 - drawn)
    text = f"What is the probability of drawing {draws} {kind} from a deck of 52 cards {back} replacement?"
    if draws == 2 and chance.random() < 0.5:
        text = f"Two cards are drawn from a deck {back} replacement. What is the probability that both are {kind}?"
    return families.Asked(text, str(value))


def _one_die(chance: random.Random) -> families.Asked:
    number, other = chance.sample(range(1, 7), 2)
    words, faces = chance.choice(
        (
            (f"a {number}", {number}),
            (f"a {number} or a {other}", {number, other}),
            (f"more than {number}", set(range(number + 1, 7))),
            (f"at least {number}", set(range(number, 7))),
            (f"a number less than {number}", set(range(1, number))),
            (f"a {number} or higher", set(range(number, 7))),
            (f"an even number or a {number}", {2, 4, 6, number}),
        )
    )
    text = chance.choice(
        (
            f"What is the probability of rolling {words} with a die?",
            f"A die is rolled. What is the probability of getting {words}?",
        )
    )
    return families.Asked(text, str(Fraction(len(faces), 6)))


def _drawn(chance: random.Random) -> families.Asked:
    red, blue, kind = chance.randint(2, 9), chance.randint(2, 9), chance.choice(("balls", "marbles"))
    intro = f"{chance.choice(('An urn holds', 'A bag contains'))} {red} red and {blue} blue {kind}. "
    one = kind[:-1]
    match chance.randrange(3):
        case 0:
            text = f"If one {one} is drawn at random, what is the probability that it is {{}}red?"
            missed = chance.random() < 0.4
            return families.Asked(
                intro + text.format("not " if missed else ""), str(Fraction(blue if missed else red, red + blue))
            )
        case 1:
            pairs = list(itertools.permutations(["red"] * red + ["blue"] * blue, 2))
            good = sum(pair == ("red", "red") for pair in pairs)
            text = f"Two {kind} are drawn without replacement. What is the probability that both are red?"
            return families.Asked(intro + text, str(Fraction(good, len(pairs))))
        case _:
            text = f"Three {kind} are drawn with replacement. What is the probability that all are blue?"
            return families.Asked(intro + text, str(Fraction(blue, red + blue) ** 3))


_REFUSE = (
    "A bag contains 3 red balls and 2 blue balls. What is the probability of drawing a red marble?",
    "A bag contains 3 red balls and 2 striped balls. What is the probability of drawing a red ball?",
    "3 choose 5",
    "What is 1000000000 choose 5?",
    "What is the probability of rolling a sum of 7 with 1000000000 dice?",
    "How many teams of 4 can be made from 20 students?",
    "What are the odds of rolling a six with a die?",
    "How many ways can 5 balls be arranged in a row?",
    "probability of rolling a seven",
    "What is the probability of rain tomorrow?",
    "A bag contains 3 red balls and 2 blue balls. What is the probability of drawing two red balls?",
    "A bag contains 3 red balls and 2 blue balls. What is the probability of drawing a green ball?",
    "A bag contains 3 red balls and 2 blue cubes. What is the probability of drawing a red thing?",
    "A bag contains some red balls and 2 blue balls. What is the probability of drawing a red ball?",
    "A bag contains 3 red balls and 2 red balls. What is the probability of drawing a red ball?",
    "What is the probability of getting heads?",
    "probability of getting 3 heads in some flips",
    "probability of getting 3 heads in 5 flips of an unfair coin",
    "probability of drawing 2 aces from a deck of 52 cards",
    "Two cards are drawn from a deck. What is the probability that both are aces?",
    "probability of drawing a heart or an apple from a deck of cards",
    "probability of drawing a 1 from a deck of cards",
    "probability of drawing 53 hearts from a deck without replacement",
    "probability of drawing an ace and a king from a deck of cards",
    "probability of drawing a 7",
    "probability of rolling a 7",
    "probability of rolling a 6 or an apple with a die",
    "probability of rolling doubles with 3 dice",
    "probability of rolling a 3 and a 5 with a die",
    "An urn holds 3 red and 5 blue balls. Two balls are drawn. What is the probability that both are red?",
    "An urn holds 3 red and 5 blue balls. Three balls are drawn with replacement. What is the probability that both are red?",
    "An urn holds 3 red and 5 blue balls. Two balls are drawn without replacement. What is the probability that one is red?",
    "An urn holds 3 red and 5 blue balls. If one ball is drawn, what is the probability that it is green?",
    "An urn holds 3 red and 5 striped balls. If one ball is drawn, what is the probability that it is red?",
    "probability of drawing two aces from a deck of cards",
    "probability of drawing a joker from a deck of cards",
    "probability of rolling a sum of 7 with 2 loaded dice",
    "How many ways can 5 identical books be arranged on a shelf?",
    "How many ways can 5 people be arranged in a row if Tom stands first?",
    "How many ways can the letters of the word BOOK be arranged so that the Os are together?",
    "How many ways can the letters be arranged?",
    "arrangements of the letters of the alphabet",
    "arrangements of the letters of alphabet",
    "permutations of the letters of my name",
    "permutations of letters of each",
    "arrangements of 3 letters of noon",
    "arrangements of the letters of noon with the vowels together",
    "arrangements of the letters of noon and moon",
    "List the arrangements of the letters of noon",
    "Find the arrangements of the letters of noon",
    "arrangements of the consonants of noon",
    "circular arrangements of the letters of noon",
    "orders of the letters of the court",
    "How many committees of 3 can be formed from 5 men and 4 women?",
    "How many committees of 3 people with at least one woman can be formed from 9 people?",
    "How many handshakes are there?",
    "10 people shake hands. How many handshakes are there?",
    "How many ways to make change for a dollar?",
    "How many 4-digit numbers are there?",
    "How many 4-digit codes are there?",
    "How many ways can 2.5 people be arranged in a row?",
    "How many ways can -3 people be arranged in a row?",
    "probability of getting NaN heads in 3 flips",
    "How many subsets of 3 people can be chosen from 5 people twice?",
    "permutations of 3 things taken 5 at a time",
)


def _two_colours(chance: random.Random) -> families.Asked:
    """Two balls of one colour or of two, counted pair by pair."""
    counts = {
        colour: chance.randint(1, 7)
        for colour in chance.sample(("red", "blue", "green", "white"), chance.choice((2, 2, 3)))
    }
    balls = [colour for colour, number in counts.items() for _ in range(number)]
    if len(balls) < 3:
        return _two_colours(chance)
    back, same = chance.choice(("with", "without")), chance.random() < 0.5
    pairs = list(itertools.permutations(balls, 2) if back == "without" else itertools.product(balls, repeat=2))
    good = sum((one == other) == same for one, other in pairs)
    told = [f"{number} {colour}" for colour, number in counts.items()]
    kind = chance.choice(("balls", "marbles"))
    bag, drawn = chance.choice(("A bag", "An urn")), chance.choice(("Two", "2"))
    random_words, they = (
        chance.choice(("", "at random ")),
        chance.choice(("they are", "both are", f"the two {kind} are")),
    )
    alike = f"of the same {chance.choice(('colour', 'color'))}"
    apart = f"{chance.choice(('', 'of '))}different {chance.choice(('colours', 'colors'))}"
    text = (
        f"{bag} holds {', '.join(told[:-1])} and {told[-1]} {kind}. {drawn} {kind} are drawn {random_words}{back} replacement. "
        f"What is the probability that {they} {alike if same else apart}?"
    )
    return families.Asked(text, str(Fraction(good, len(pairs))))


_REFUSE_COLOURS = (
    "A bag holds 3 red and 5 blue balls. Two balls are drawn. What is the probability that they are of different colours?",
    "A bag holds 3 red and 5 blue balls. 3 balls are drawn without replacement. What is the probability that they are of "
    "different colours?",
    "A bag holds 3 red and 5 striped balls. Two balls are drawn without replacement. What is the probability that they are of "
    "different colours?",
    "A bag holds 3 red and 5 red balls. Two balls are drawn without replacement. What is the probability that they are of "
    "different colours?",
    "A bag holds 3 red and 5 blue balls. Two marbles are drawn without replacement. What is the probability that they are of "
    "different colours?",
    "A bag holds 3 red and 5 blue balls. Two balls are drawn without replacement. What is the probability that they are of "
    "different sizes?",
    "A bag holds 3 red and 5 blue balls. Two balls are drawn without replacement. What is the probability that one is of a "
    "different colour?",
    "A bag holds 1 red and 0 blue balls. Two balls are drawn without replacement. What is the probability that they are of "
    "different colours?",
    "A bag holds 3 red balls. Two balls are drawn without replacement. What is the probability that they are of different "
    "colours?",
    "In how many ways can 6 people be seated at a table?",
    "In how many ways can 6 people be seated at 2 round tables?",
    "In how many ways can 6 people be seated at a round table if Ann sits by Bob?",
)

FAMILIES = (
    amounts.family("counting: two colours", _two_colours, _REFUSE_COLOURS),
    amounts.family("counting: combinations", _choose, _REFUSE),
    amounts.family("counting: orders", _orders),
    amounts.family("counting: letters", _letters),
    amounts.family("counting: handshakes", _handshakes),
    amounts.family("counting: round tables", _table),
    amounts.family("counting: dice", _dice),
    amounts.family("counting: coins", _coins),
    amounts.family("counting: cards", _cards),
    amounts.family("counting: urns", _urn),
    amounts.family("counting: one card or another", _either_card),
    amounts.family("counting: several cards", _several_cards),
    amounts.family("counting: one die", _one_die),
    amounts.family("counting: drawn from an urn", _drawn),
)
