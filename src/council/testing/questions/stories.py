"""Word problems of everyday life, told from numbers that are known at every step."""

import random

from council.testing.questions import amounts, families

_NAMES = ("Tom", "Ann", "Farid", "Chandra", "Mirko", "Ines", "Kofi", "Lena", "Bruno", "Aiko")
_THINGS = ("apples", "stickers", "marbles", "books", "pencils", "coins", "cards", "oranges", "shells", "stamps")
_BOXES = (
    ("boxes", "box"),
    ("bags", "bag"),
    ("crates", "crate"),
    ("baskets", "basket"),
    ("shelves", "shelf"),
    ("pots", "pot"),
)
_GAINS = (("buys", "bought"), ("finds", "found"), ("gets", "got"), ("receives", "received"), ("collects", "collected"))
_LOSSES = (("loses", "lost"), ("sells", "sold"), ("gives away", "gave away"), ("eats", "ate"))


def _changes(chance: random.Random) -> families.Asked:
    name, thing, past = chance.choice(_NAMES), chance.choice(_THINGS), chance.random() < 0.5
    count = chance.randint(5, 200)
    sentences = [f"{name} {'had' if past else 'has'} {count} {thing}."]
    for _ in range(chance.randint(1, 4)):
        who = chance.choice((name, "He" if chance.random() < 0.5 else "She"))
        named = chance.choice((f" {thing}", f" more {thing}", ""))
        if chance.random() < 0.5:
            step = chance.randint(1, 60)
            verb, count = chance.choice(_GAINS)[past], count + step
        else:
            step = chance.randint(1, max(1, count))
            verb, count = chance.choice(_LOSSES)[past], count - step
            named = named.replace(" more", "")
        sentences.append(
            f"{chance.choice(('', '', 'Then '))}{who} {verb} {step}{named}.".replace("Then He", "Then he").replace(
                "Then She", "Then she"
            )
        )
        if count <= 0:
            break
    return families.Asked(
        f"{' '.join(sentences)} How many {thing} does {name} have {chance.choice(('now', 'left', 'in the end'))}?",
        str(count),
    )


def _gift(chance: random.Random) -> families.Asked:
    (one, two), (thing, other) = chance.sample(_NAMES, 2), chance.sample(_THINGS, 2)
    first, second, given, noise = (
        chance.randint(10, 90),
        chance.randint(0, 90),
        chance.randint(1, 10),
        chance.randint(1, 90),
    )
    text = (
        f"{one} has {first} {thing} and {noise} {other}. {two} has {second} {thing}. {one} gives {given} "
        f"{thing} to {two}. "
    )
    match chance.randrange(4):
        case 0:
            return families.Asked(f"{text}How many {thing} does {one} have now?", str(first - given))
        case 1:
            return families.Asked(f"{text}How many {thing} does {two} have now?", str(second + given))
        case 2:
            return families.Asked(f"{text}How many {other} does {one} have?", str(noise))
        case _:
            return families.Asked(f"{text}How many {thing} do they have altogether?", str(first + second))


def _compared(chance: random.Random) -> families.Asked:
    (one, two), thing = chance.sample(_NAMES, 2), chance.choice(_THINGS)
    first, more = chance.randint(2, 90), chance.randint(1, 60)
    told = f"{one} has {first} {thing}. "
    if chance.random() < 0.5:
        second = first + more
        told += f"{two} has {more} more {thing} than {one}. "
    else:
        factor, word = chance.choice(((2, "twice"), (3, "three times"), (5, "5 times")))
        second = first * factor
        told += f"{two} has {word} as many {thing} as {one}. "
    match chance.randrange(3):
        case 0:
            return families.Asked(f"{told}How many {thing} does {two} have?", str(second))
        case 1:
            return families.Asked(f"{told}How many {thing} do they have in total?", str(first + second))
        case _:
            return families.Asked(f"{told}How many more {thing} does {two} have than {one}?", str(second - first))


def _groups(chance: random.Random) -> families.Asked:
    (boxes, box), (inner, one) = chance.sample(_BOXES, 2)
    thing, noise = chance.sample(_THINGS, 2)
    count, each, deep, other = (
        chance.randint(2, 40),
        chance.randint(2, 40),
        chance.randint(2, 20),
        chance.randint(1, 30),
    )
    match chance.randrange(4):
        case 0:
            return families.Asked(
                f"There are {count} {boxes}. Each {box} holds {each} {thing}. How many {thing} are there in total?",
                str(count * each),
            )
        case 1:
            text = (
                f"There are {count} {boxes}. Each {box} has {each} {thing} and {other} {noise} in it. How many "
                f"{thing} are there in all?"
            )
            return families.Asked(text, str(count * each))
        case 2:
            text = (
                f"There are {count} {boxes}. Each {box} has {each} {inner}. Each {one} has {deep} {thing}. How "
                f"many {thing} are there in total?"
            )
            return families.Asked(text, str(count * each * deep))
        case _:
            text = (
                f"Each {box} has {each} {thing}. There are {count * each} {thing} in total. How many {boxes} are there?"
            )
            return families.Asked(text, str(count))


def _shares(chance: random.Random) -> families.Asked:
    name, thing, friends, each, more = (
        chance.choice(_NAMES),
        chance.choice(_THINGS),
        chance.randint(2, 12),
        chance.randint(1, 50),
        chance.randint(1, 20),
    )
    text = f"{name} shares {friends * each} {thing} equally among {friends} friends"
    if chance.random() < 0.5:
        return families.Asked(f"{text}. How many {thing} does each friend get?", str(each))
    return families.Asked(
        f"{text}, then gives every friend {more} more. How many {thing} does each friend have?", str(each + more)
    )


def _prices(chance: random.Random) -> families.Asked:
    price, count, other, many = (
        chance.randint(1, 20),
        chance.randint(2, 12),
        chance.randint(1, 90),
        chance.randint(1, 9),
    )
    name = chance.choice(_NAMES)
    match chance.randrange(3):
        case 0:
            return families.Asked(f"A pen costs ${price}. How much do {count} pens cost?", f"${price * count}")
        case 1:
            text = (
                f"One ticket costs {price} euros and a map costs {other} euros. What do {count} tickets and "
                f"{many} maps cost together?"
            )
            return families.Asked(text, f"\N{EURO SIGN}{price * count + other * many}")
        case _:
            note = 20 * (price * count // 20 + 1)
            text = (
                f"{name} buys {count} books for ${price} each and pays with a ${note} note. How much change "
                f"does {name} get?"
            )
            return families.Asked(text, f"${note - price * count}")


def _rates(chance: random.Random) -> families.Asked:
    rate, count = chance.randint(2, 60), chance.randint(2, 40)
    who, verb, plain, thing, unit = chance.choice(
        (("A printer", "prints", "print", "pages", "minute"), ("A machine", "makes", "make", "bottles", "hour"),
         ("Lena", "reads", "read", "pages", "day"),
         ("A baker", "bakes", "bake", "loaves", "hour"))
    )  # fmt: skip
    told = f"{who} {verb} {rate} {thing} per {unit}. "
    it = "she" if who == "Lena" else "it" if who != "A baker" else "he"
    match chance.randrange(3):
        case 0:
            return families.Asked(f"{told}How many {thing} does {it} {plain} in {count} {unit}s?", str(rate * count))
        case 1:
            return families.Asked(
                (
                    f"{told}How many {unit}s does it take {who.lower() if who != 'Lena' else who} to {plain} "
                    f"{rate * count} {thing}?"
                ),
                f"{count} {unit}s",
            )
        case _ if unit == "minute":
            return families.Asked(f"{told}How many {thing} does {it} {plain} in {count} hours?", str(rate * count * 60))
        case _:
            return families.Asked(f"{told}How many {thing} does {it} {plain} in {count} {unit}s?", str(rate * count))


def _ages(chance: random.Random) -> families.Asked:
    one, two = chance.sample(_NAMES, 2)
    first, years, later = chance.randint(20, 60), chance.randint(1, 19), chance.randint(1, 20)
    older = chance.random() < 0.5
    second = first + years if older else first - years
    told = f"{one} is {first} years old. {two} is {years} years {'older' if older else 'younger'} than {one}. ".replace(
        " 1 years", " 1 year"
    )
    match chance.randrange(3):
        case 0:
            return families.Asked(f"{told}How old is {two}?", str(second))
        case 1:
            return families.Asked(f"{told}What is the sum of their ages?", str(first + second))
        case _:
            return families.Asked(f"{told}How old will {two} be in {later} years?", str(second + later))


def _unknown(chance: random.Random) -> families.Asked:
    name, thing, he = chance.choice(_NAMES), chance.choice(_THINGS), chance.choice(("He", "She"))
    gain = chance.random() < 0.5
    plain, past = chance.choice(
        (("buy", "bought"), ("find", "found"), ("get", "got"))
        if gain
        else (("lose", "lost"), ("eat", "ate"), ("sell", "sold"))
    )
    change = chance.randint(1, 80)
    start = chance.randint(0 if gain else change, 200)
    end = start + change if gain else start - change
    if chance.random() < 0.5:
        text = f"{name} had some {thing}. {he} {past} {change} {thing}. Now {he.lower()} has {end} {thing}. "
        return families.Asked(
            f"{text}How many {thing} did {name} have {chance.choice(('at first', 'in the beginning'))}?", str(start)
        )
    text = f"{name} had {start} {thing}. {he} {past} some {thing}. Now {he.lower()} has {end} {thing}. "
    return families.Asked(f"{text}How many {thing} did {he.lower()} {plain}?", str(change))


_REFUSE = (
    "Tom had some apples. He bought 5 apples. Now he has 3 apples. How many apples did he have at first?",
    "Tom had some apples. Ann bought 5 apples. Now he has 8 apples. How many apples did he have at first?",
    "Tom had some apples. He bought some apples. Now he has 8 apples. How many apples did he buy?",
    "Tom had 5 apples. He bought some apples. Now he has 8 pears. How many apples did he buy?",
    "Tom had 5 apples. He bought some apples. Now he has 8 apples. How many apples did he sell?",
    "Tom has 5 red marbles and 3 blue marbles. How many marbles does Tom have?",
    "Tom has 5 marbles, 2 of which are red. How many red ones does he have?",
    "Tom has 5 apples. He gives 2 to Ann. How many apples does Ann have?",
    "Tom has 5 apples. Ann has 3 apples. He eats 2. How many apples does Tom have?",
    "Tom has 5 apples. How many apples did Tom buy?",
    "Tom has 5 apples. He buys some apples. How many apples does Tom have?",
    "Tom has 8 apples. He bought 3 apples. How many apples does Tom have?",
    "Tom has 5 apples. He eats 9 apples. How many apples does Tom have?",
    "Tom has 5 apples and 3 pears. How many fruits does Tom have?",
    "Tom has 5 apples. Ann has 3 apples. How many apples does Bob have?",
    "Tom has 5 apples. Ann has 3 more. How many apples does Ann have?",
    "Tom has 5 apples. He eats 2. Ann has twice as many apples as Tom. How many apples does Ann have?",
    "Tom has 5 apples. Tom has 3 apples. How many apples does Tom have?",
    "Tom had 5 apples yesterday. Today he has 3 apples. How many apples did he eat?",
    "Tom has 5 apples. If he had 3 more, how many apples would he have?",
    "Tom does not have 5 apples. How many apples does Tom have?",
    "Tom has 5 apples or 6 apples. How many apples does Tom have?",
    "Tom has about 5 apples. He buys 3 apples. How many apples does Tom have?",
    "Tom has 5 apples. He almost buys 3 apples. How many apples does Tom have?",
    "Tom wants 5 apples. He buys 3 apples. How many apples does Tom have?",
    "Tom has half an apple. He eats half. How many apples does Tom have?",
    "There are 5 boxes. Some boxes have 3 apples. How many apples are there in total?",
    "There are 5 boxes. Each box has 3 red apples. How many apples are there in total?",
    "There are 5 boxes. Each bag has 3 apples. How many apples are there in total?",
    "There are 5 boxes. Each box has 3 apples. 2 boxes are empty. How many apples are there in total?",
    "There are 5 boxes. Each box has 3 apples. How many boxes are there?",
    "Each box has 3 apples. There are 10 apples in total. How many boxes are there?",
    "Tom shares 10 apples equally among 3 friends. How many apples does each friend get?",
    "Tom shares 10 apples among 5 friends. How many apples does each friend get?",
    "Tom shares 10 apples equally among 5 friends. How many apples does Tom get?",
    "Tom shares 10 apples equally among 0 friends. How many apples does each friend get?",
    "A pen costs $2. How much do 5 pencils cost?",
    "Tom buys 3 books for $12. How much do 5 books cost?",
    "A pen costs $2. How much do 5 pens cost in euros?",
    "Tom buys 3 books for $12 each and pays with a $20 note. How much change does he get?",
    "A worker makes 10 chairs a day. How many chairs does he make in 2 weeks?",
    "A printer prints 7 pages per minute. How many minutes does it take the printer to print 10 pages?",
    "Ann is 12. Tom is older than Ann. How old is Tom?",
    "Ann is 12 years old. Tom is 3 years older than Bob. How old is Tom?",
    "Ann is 2 years old. Tom is 3 years younger than Ann. How old is Tom?",
    "Ann is 12 years old. Tom is 3 years older. How old was Ben 4 years ago?",
    "How many apples does Tom have?",
    "Tom has 5 apples.",
    "Tom has 5 apples. Why?",
    "Tom has 1,5 apples. He buys 2 apples. How many apples does Tom have?",
    "If 5 machines make 5 parts in 5 minutes, how long do 100 machines take to make 100 parts?",
    "A bat and a ball cost $1.10. The bat costs $1 more than the ball. How much does the ball cost?",
    "Tom has 5 apples. He buys 3 apples. He puts 2 apples in a box. How many apples does Tom have?",
    "All but 9 of Tom's 15 sheep die. How many sheep does Tom have?",
    "Tom has 5 boxes. Each box has 3 apples. How many apples does Ann have?",
    "Tom has 3 brothers. Ann has 3 brothers. How many brothers do they have in total?",
    "A pumpkin is 5 pounds. How much do 3 pumpkins cost?",
    "Tom has 5 friends. Ann has 3 friends. How many friends do they have altogether?",
    "There are 4 teachers. Each teacher has 30 students. How many students are there?",
    "Tom has 3 brothers. Each brother has 2 sisters. How many sisters does Tom have?",
    "There are 3 brothers. Each brother has 2 sisters. How many sisters are there?",
)
FAMILIES = (
    amounts.family("stories: start, change, result", _changes, _REFUSE),
    amounts.family("stories: unknown start or change", _unknown),
    amounts.family("stories: gifts", _gift),
    amounts.family("stories: comparisons", _compared),
    amounts.family("stories: groups", _groups),
    amounts.family("stories: equal shares", _shares),
    amounts.family("stories: prices", _prices),
    amounts.family("stories: rates", _rates),
    amounts.family("stories: ages", _ages),
)
