"""Stories of two or three short sentences: things for money, things in boxes, ages told before what they are compared with."""

import random
from fractions import Fraction

from council.testing.questions import amounts, families

_NAMES = ("Ann", "Bob", "Lena", "Tom", "Mia", "Oscar")
_THINGS = (
    ("pen", "pens"),
    ("apple", "apples"),
    ("cookie", "cookies"),
    ("pencil", "pencils"),
    ("egg", "eggs"),
    ("sticker", "stickers"),
)
_BOXES = (
    ("box", "boxes"),
    ("bag", "bags"),
    ("basket", "baskets"),
    ("bowl", "bowls"),
    ("drawer", "drawers"),
    ("jar", "jars"),
)
_WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()


def _said(chance: random.Random, number: int) -> str:
    return _WORDS[number] if 1 < number < len(_WORDS) and chance.random() < 0.3 else str(number)


def _for_money(chance: random.Random) -> families.Asked:
    price, known, wanted = (
        Fraction(chance.randint(1, 40), chance.choice((1, 2, 4))),
        chance.randint(2, 12),
        chance.randint(1, 30),
    )
    while (price * known * 100).denominator != 1 or (price * wanted * 100).denominator != 1:
        wanted += 1
    sign, word = chance.choice((("$", ""), ("\N{EURO SIGN}", ""), ("", " dollars"), ("", " euros")))

    def money(value: Fraction) -> str:
        shown = str(value) if value.denominator == 1 else f"{float(value):.2f}"
        return f"{sign}{shown}{word}"

    thing = chance.choice(_THINGS)[1]
    form = chance.choice(
        (
            "{n} {t} cost {p}. How many {t} for {w}?", "If {n} {t} cost {p}, how many {t} can I buy for {w}?",
            "{n} {t} cost {p}. How many {t} can you buy with {w}?", "If {n} {t} cost {p}, how many {t} do I get for {w}?",
        )
    )  # fmt: skip
    text = form.format(n=_said(chance, known), t=thing, p=money(price * known), w=money(price * wanted))
    return families.Asked(text, str(wanted))


def _in_boxes(chance: random.Random) -> families.Asked:
    each, boxes = chance.randint(1, 40), chance.randint(2, 20)
    total = sum(each for _ in range(boxes))
    thing, (box, several) = chance.choice(_THINGS)[1], chance.choice(_BOXES)
    form = chance.choice(
        (
            "{n} {t} in {m} {bs}. How many in each?", "There are {n} {t} in {m} {bs}. How many {t} are in each {b}?",
            "{n} {t} in {m} equal {bs}. How many {t} in each {b}?", "I have {n} {t} in {m} {bs}. How many are there in each?",
        )
    )  # fmt: skip
    return families.Asked(
        form.format(n=_said(chance, total), m=_said(chance, boxes), t=thing, b=box, bs=several), str(each)
    )


def _ages(chance: random.Random) -> families.Asked:
    one, other = chance.sample(_NAMES, 2)
    age, years = chance.randint(10, 60), chance.randint(1, 7)
    way, first = chance.choice((("older", age + years), ("younger", age - years)))
    told = f"{one} is {_said(chance, years)} year{'s' * (years > 1)} {way} than {other}."
    if chance.random() < 0.3:
        factor, word = chance.choice(((2, "twice"), (3, "three times")))
        told, first = f"{one} is {word} as old as {other}.", sum(age for _ in range(factor))
    if first > 140:
        return _ages(chance)
    known = f"{other} is {_said(chance, age)}{chance.choice(('', ' years old'))}."
    match chance.randrange(5):
        case 0:
            asked, key = f"How old will {one} be in 4 years?", first + 4
        case 1:
            asked, key = f"How old was {one} 2 years ago?", first - 2
        case 2:
            asked, key = "What is the sum of their ages?", first + age
        case _:
            asked, key = f"How old is {one}?", first
    return families.Asked(f"{told} {known} {asked}", str(key))


_REFUSE_MONEY = (
    "3 pens cost $6. How many pencils for $10?", "3 pens cost $6. How many pens for $7?",
    "3 pens cost $6. How many pens for 10 euros?", "3 pens cost $6. How many pens for 10?",
    "3 pens cost $6 each. How many pens for $10?", "0 pens cost $6. How many pens for $10?",
    "3 pens cost $0. How many pens for $10?", "3 pens cost about $6. How many pens for $10?",
    "3 pens cost $6. How many for $10?", "3 pens and a ruler cost $6. How many pens for $10?",
    "3 pens cost $6. How many red pens for $10?", "3 pens cost $6. How many pens?",
    "3 pens cost $6 or $7. How many pens for $10?", "3 pens cost $6. How many pens can Tom buy for less than $10?",
    "3 pens cost $6 more than a book. How many pens for $10?",
    "3 pens cost $6. The 4th is free. How many pens for $10?", "3 pens cost $6 with a coupon. How many pens for $10?",
    "3 pens cost $6. How many pens for $10 and 50 cents?", "3 pens cost $6.",
    "3 pens cost $6 plus tax. How many pens for $10?", "If 3 pens cost $6, how many pens for half of $10?",
    "3 pens cost 6. How many pens for 10?", "3 pens cost $6. Do pens cost $10?",
    "3 pens cost $6. How many pens were there for $10 last year?", "3 of the pens cost $6. How many pens for $10?",
)  # fmt: skip
_REFUSE_BOXES = (
    "24 pens in 5 boxes. How many in each?", "24 pens in 0 boxes. How many in each?",
    "24 pens in boxes. How many in each?", "24 pens in 4 boxes. How many in all?",
    "24 pens in 4 boxes. How many pencils in each?", "24 pens in 4 boxes. How many in each bag?",
    "24 pens in 4 days. How many in each?", "24 people in 4 teams. How many in each?",
    "24 pens in 4 boxes. How many in the first?", "24 pens in 4 boxes, one of them empty. How many in each?",
    "24 pens in 4 different boxes. How many in each?", "24 pens and 4 rulers in 4 boxes. How many in each?",
    "24 pens in 4 boxes each. How many in each?", "about 24 pens in 4 boxes. How many in each?",
    "24 boxes in 4 boxes. How many in each?", "24 pens in 4 boxes. One is lost. How many in each?",
    "24 pens in 4 boxes of 6. How many in each?", "24 pens in 4 or 5 boxes. How many in each?",
    "24 pens in 4 big and 2 small boxes. How many in each?", "24 pens in 4 boxes. How many boxes in each?",
    "24 pens in 4 boxes. How many are not in each?", "24 pens not in 4 boxes. How many in each?",
    "24 pens in 4 boxes. How many in each two?", "24 pens in 4 unequal boxes. How many in each?",
    "24 pens in 4 countries. How many in each?", "24 pens in 4 rooms. How many in each?",
)  # fmt: skip
_REFUSE_AGES = (
    "Ann is 5 years older than Bob. He is 10. How old is Ann?",
    "Ann is 5 years older than Bob. Carl is 10. How old is Ann?",
    "Ann is 5 years older than Bob. Bob is 10. How old is Carl?",
    "Ann is 5 years older than Bob. Bob was 10. How old is Ann?", "Ann is older than Bob. Bob is 10. How old is Ann?",
    "Ann is about 5 years older than Bob. Bob is 10. How old is Ann?",
    "Ann is 5 years older than Ann. Ann is 10. How old is Ann?",
    "Ann is 15 years younger than Bob. Bob is 10. How old is Ann?",
    "Ann is 5 months older than Bob. Bob is 10. How old is Ann?",
    "Ann was 5 years older than Bob. Bob is 10. How old is Ann?",
    "Ann is at least 5 years older than Bob. Bob is 10. How old is Ann?",
    "Ann is not 5 years older than Bob. Bob is 10. How old is Ann?",
    "Ann is 5 years older than Bob. Bob is 10 in May. How old is Ann?",
    "Ann is 5 years older than Bob. Bob is 10 cm taller. How old is Ann?",
    "Ann is 5 years older than Bob. Bob is 10. Carl is 3. How old is Ann?",
    "Ann is 5 years older than Bob. Bob is 10 or 11. How old is Ann?",
    "Ann is 5 years older than Bob or Carl. Bob is 10. How old is Ann?",
    "Ann is 5 years older than Bob. How old is Ann?", "Ann is 5 years older.",
    "Ann is 5 years older than Bob. Bob is 10. How tall is Ann?",
    "Ann is 5 years older than Bob. Bob is 10. How old is she?",
    "Ann is 5 years older than her brother. Bob is 10. How old is Ann?",
    "Ann is 5 years older than Bob. Ann is 200. How old is Bob?",
    "Ann is 5 years older than Bob. Bob is 10. How old was Ann 20 years ago?",
    "Ann is twice older than Bob. Bob is 10. How old is Ann?", "Ann is half older than Bob. Bob is 10. How old is Ann?",
    "If Ann were 5 years older than Bob and Bob is 10, how old is Ann?",
)  # fmt: skip
FAMILIES = (
    amounts.family("short stories: things for money", _for_money, _REFUSE_MONEY),
    amounts.family("short stories: things in boxes", _in_boxes, _REFUSE_BOXES),
    amounts.family("short stories: ages told backwards", _ages, _REFUSE_AGES),
)
