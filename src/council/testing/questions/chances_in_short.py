"""Counting and chances in few words: seats, handshakes, PINs, nCr(5, 2), sixes and heads in a row. Keys are counted."""

import itertools
import random
from fractions import Fraction

from council.testing.questions import amounts, families

_WORDS = "zero one two three four five six seven eight nine ten".split()
_PEOPLE = ("people", "students", "friends", "children", "guests")


def _said(chance: random.Random, number: int) -> str:
    return _WORDS[number] if number < len(_WORDS) and chance.random() < 0.3 else str(number)


def _seats(chance: random.Random) -> families.Asked:
    people = chance.randint(2, 12)
    orders = 1
    for free in range(people, 0, -1):
        orders *= free
    form = chance.choice(
        (
            "How many ways can {n} {p} sit in a row?", "In how many ways can {n} {p} stand in a line?",
            "How many different ways can {n} {p} be seated in a row?", "How many ways can {n} {p} line up in a row?",
            "In how many ways can {n} {p} sit in {k} chairs?", "How many ways can {n} {p} sit in a row of {k} seats?",
        )
    )  # fmt: skip
    return families.Asked(form.format(n=_said(chance, people), p=chance.choice(_PEOPLE), k=people), str(orders))


def _handshakes(chance: random.Random) -> families.Asked:
    people = chance.randint(2, 60)
    shakes = sum(1 for _ in itertools.combinations(range(people), 2))
    form = chance.choice(
        (
            "handshakes among {} people", "How many handshakes are there among {} people?",
            "the number of handshakes between {} people",
            "How many handshakes are possible among {} people?", "How many handshakes among {} guests?",
            "How many handshakes are there among {} people if everyone shakes hands with everyone else?",
            "How many handshakes are there between {} people if everyone shakes hands with everyone else once?",
        )
    )  # fmt: skip
    return families.Asked(form.format(_said(chance, people)), str(shakes))


def _pins(chance: random.Random) -> families.Asked:
    places = chance.randint(1, 10)
    form = chance.choice(
        (
            "How many {}-digit PINs are there?", "How many {} digit PIN codes are possible?", "the number of {}-digit PINs",
            "How many possible {}-digit PINs are there?", "How many different {}-digit PIN numbers exist?",
        )
    )  # fmt: skip
    return families.Asked(form.format(_said(chance, places)), "1" + "0" * places)


def _choices(chance: random.Random) -> families.Asked:
    items = chance.randint(1, 12)
    chosen = chance.randint(0, items)
    if chance.random() < 0.3 and items < 8:
        count = sum(1 for _ in itertools.permutations(range(items), chosen))
        form = chance.choice(("nPr({n}, {k})", "What is nPr({n},{k})?"))
    else:
        count = sum(1 for _ in itertools.combinations(range(items), chosen))
        form = chance.choice(
            ("nCr({n}, {k})", "What is nCr({n},{k})?", "calculate nCr({n}, {k})", "binomial({n}, {k})")
        )
    return families.Asked(form.format(n=items, k=chosen), str(count))


def _sixes(chance: random.Random) -> families.Asked:
    throws = chance.randint(2, 5)
    face = chance.choice(("sixes", "ones", "twos", "threes", "fours", "fives"))
    form = chance.choice(
        ("What is the probability of rolling {} {} in a row?", "probability of throwing {} {} in a row with a fair die")
    )
    if throws == 2 and chance.random() < 0.7:
        form = chance.choice(("probability of rolling {} {}", "What is the chance of rolling {} {}?"))
    outcomes = list(itertools.product(range(6), repeat=throws))
    good = sum(all(one == 5 for one in outcome) for outcome in outcomes)
    return families.Asked(form.format(_said(chance, throws), face), str(Fraction(good, len(outcomes))))


def _heads(chance: random.Random) -> families.Asked:
    throws, side = chance.randint(2, 9), chance.choice(("heads", "tails"))
    outcomes = list(itertools.product("HT", repeat=throws))
    good = sum(set(outcome) == {"H"} for outcome in outcomes)
    form = chance.choice(
        (
            "probability of {} {} in a row", "What is the probability of getting {} {} in a row?",
            "chance of flipping {} {} in a row",
            "What is the probability of tossing {} {} in a row with a fair coin?",
        )
    )  # fmt: skip
    return families.Asked(form.format(_said(chance, throws), side), str(Fraction(good, len(outcomes))))


def _court(chance: random.Random) -> families.Asked:
    rank, colour = chance.choice(("king", "queen", "jack", "ace")), chance.choice(("red", "black"))
    deck = list(itertools.product(("king", "queen", "jack", "ace", *range(2, 11)), ("red", "red", "black", "black")))
    good = sum(card == (rank, colour) for card in deck)
    forms = [
        "What is the probability of drawing a {} {}?",
        "probability of drawing a {} {} from a deck of cards",
        "chance of getting a {} {}",
    ]
    forms += ["probability of a {} {}", "What is the probability of a {} {}?"] if colour == "red" else []
    return families.Asked(chance.choice(forms).format(colour, rank), str(Fraction(good, len(deck))))


_REFUSE = (
    "How many ways can 5 people sit at a table?", "How many ways can 5 people sit?",
    "How many ways can 5 people sit in 7 chairs?", "How many ways can 7 people sit in 5 chairs?",
    "How many ways can 5 people sit in a row of 6 seats?",
    "How many ways can 5 people sit in a row if two refuse to sit together?",
    "How many ways can 5 people sit in two rows?", "How many ways can 5 people sit in a row if Ann sits first?",
    "How many ways can 5 couples sit in a row?", "How many ways can 5 people sit in a circle?",
    "How many ways can 3 boys and 2 girls sit in a row?", "How many people can sit in a row?",
    "How many ways can 5 people sit in a bus?", "How many ways can 5 people sit in rows?",
    "How many ways can 5 identical balls stand in a row?", "How many ways can 5 books sit in a row?",
    "How many ways can 8 runners finish a race?", "How many ways can two rows of 5 people sit?",
    "How many ways can 5 or 6 people sit in a row?", "How many ways can about 5 people sit in a row?",
)  # fmt: skip
_REFUSE_HANDSHAKES = (
    "handshakes among 10 couples", "handshakes among 5 couples if nobody shakes hands with their partner",
    "handshakes among 10", "How many handshakes are there among 10 people if two of them do not shake hands?",
    "handshakes among people", "How many handshakes are there between 5 men and 5 women?",
    "handshakes between two teams of 5 people",
    "How many handshakes are there among 10 people if everyone shakes hands twice?",
    "How many hands do 10 people have?", "How many handshakes are there among 10 people and 3 dogs?",
    "handshakes among 10 people each day", "handshakes among 10 or 12 people",
    "How many hugs are there among 10 people?", "How many handshakes does one of 10 people make?",
    "handshakes in a room", "How many handshakes are there among 10 people if everyone shakes hands with the host?",
    "handshakes among half of 10 people",
)  # fmt: skip
_REFUSE_PINS = (
    "How many 4-digit PINs are there without repeats?", "How many 4-digit PINs have no zero?",
    "How many 4-digit PINs start with 1?", "How many 4-digit PINs are there if no digit repeats?",
    "How many 4-digit numbers are there?", "4-digit PIN", "How many 4-digit PINs are even?",
    "How many 4-digit PINs are palindromes?", "How many PINs are there?", "How many 4-digit PINs can I remember?",
    "a 4-digit PIN", "How many 4-digit PINs are there that contain 7?", "How many 4 or 5 digit PINs are there?",
    "How many 4 PINs are there?", "How many 4-digit locks are there?", "How many 4-digit PINs do I have?",
    "How many 4-digit odd PINs are there?", "guess my 4-digit PIN",
    "How many 4-digit PINs are there with distinct digits?", "How many 4-letter PINs are there?",
    "How many digits are in a 4-digit PIN?",
)  # fmt: skip
_REFUSE_CHOICES = (
    "nCr(2, 5)", "nCr(5)", "nCr(5, 2, 1)", "nCr(-5, 2)", "nCr(5.5, 2)", "nCr(5, 2) + 1", "nCr(n, r)", "nCr",
    "nCr(5; 2)", "2 nCr(5, 2)", "nCr(1,000, 2)", "nCr(5, 2)!", "nPr(2, 5)", "nPr(5)", "npr(a, b)", "NPR news",
    "binomial(5, 2, 0.5)", "binomial(5, 0.5)", "nCr(5 2)",
)  # fmt: skip
_REFUSE_CHANCES = (
    "probability of rolling three sixes", "probability of rolling sixes",
    "probability of rolling two sixes or two fives",
    "probability of rolling two sixes given one six", "probability of two sixes in a deck",
    "probability of rolling two sixes with a loaded die", "probability of rolling two sixes in an hour",
    "probability of rolling two sevens", "probability of rolling two sixes with a biased die",
    "probability of not rolling two sixes", "probability of rolling two different sixes",
    "probability of rolling at least two sixes", "probability of rolling two sixes before a five",
    "probability of rolling 2.5 sixes in a row", "probability of 3 heads in a row in 5 flips",
    "probability of 3 heads in a row or 3 tails in a row", "probability of three heads",
    "probability of at least 3 heads in a row", "probability of 3 heads in a row given the first is heads",
    "probability of heads in a row", "probability of 3 heads in a row with a biased coin",
    "probability of 3 heads in a row in 10 tosses", "probability of 0 heads in a row",
    "probability of 3 heads and 2 tails in a row", "probability of 3 heads in a column",
    "probability of 3 heads in a row with two coins", "probability of 3 heads in a row then a tail",
    "probability of two or three heads in a row", "probability of -3 heads in a row", "probability of a black king",
    "probability of a king", "probability of a red king and a queen", "probability of two red kings",
    "probability of a red king in chess", "probability of a red king twice", "probability of a green king",
    "probability of a red car", "probability of a red king or", "probability of drawing a red king and a black queen",
    "probability of no red king", "probability of drawing a red king from a deck without kings",
    "probability of drawing a blue king", "probability of drawing red", "probability of a red king from a bag",
    "probability of a red king given a red card", "probability of the red king",
)  # fmt: skip
FAMILIES = (
    amounts.family("counting in short: seats in a row", _seats, _REFUSE),
    amounts.family("counting in short: handshakes", _handshakes, _REFUSE_HANDSHAKES),
    amounts.family("counting in short: PINs", _pins, _REFUSE_PINS),
    amounts.family("counting in short: nCr and nPr", _choices, _REFUSE_CHOICES),
    amounts.family("chances in short: faces in a row", _sixes, _REFUSE_CHANCES),
    amounts.family("chances in short: heads in a row", _heads),
    amounts.family("chances in short: red and black court cards", _court),
)
