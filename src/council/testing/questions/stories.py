"""Word problems of everyday life, told from numbers that are known at every step."""

import random

from council.testing.questions import amounts, families

_NAMES = ("Tom", "Ann", "Farid", "Chandra", "Mirko", "Ines", "Kofi", "Lena", "Bruno", "Aiko")
_HE = frozenset(("Tom", "Farid", "Mirko", "Kofi", "Bruno"))
_THINGS = ("apples", "stickers", "marbles", "books", "pencils", "coins", "cards", "oranges", "shells", "stamps")
# Coins are what is paid with, so that buying changes them twice.
_BOUGHT = tuple(thing for thing in _THINGS if thing != "coins")
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


def _he(name: str) -> str:
    return "He" if name in _HE else "She"


def _changes(chance: random.Random) -> families.Asked:
    name, thing, past = chance.choice(_NAMES), chance.choice(_BOUGHT), chance.random() < 0.5
    count = chance.randint(5, 200)
    sentences = [f"{name} {'had' if past else 'has'} {count} {thing}."]
    for _ in range(chance.randint(1, 4)):
        who = chance.choice((name, _he(name)))
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
    name, thing = chance.choice(_NAMES), chance.choice(_BOUGHT)
    he = _he(name)
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


def _change_and_price(chance: random.Random) -> families.Asked:
    price, count, more, rest = (
        chance.randint(1, 20),
        chance.randint(2, 12),
        chance.randint(2, 30),
        chance.randint(0, 50),
    )
    one, many = chance.choice((("pen", "pens"), ("book", "books"), ("ticket", "tickets")))
    note = price * count + rest
    text, key = chance.choice(
        (
            (
                f"A {one} costs ${price}. Tom pays with a ${note} note for {count} {many}. How much change does he get?",
                rest,
            ),
            (
                f"A {one} costs ${price}. Ann buys {count} {many} and pays with a ${note} bill. How much change does she get?",
                rest,
            ),
            (f"{count} {many} cost ${price * count}. How much do {more} {many} cost?", price * more),
        )
    )
    return families.Asked(text, f"${key}")


def _shared_out(chance: random.Random) -> families.Asked:
    children, each = chance.randint(2, 30), chance.randint(1, 40)
    text = f"{children * each} pens are shared equally among {children} children. How many does each child get?"
    return families.Asked(text, str(each))


_REFUSE = (
    "Tom pays with a $10 note for 3 pens. How much change does he get?",
    "A pen costs $2. Tom buys 3 pencils and pays with a $10 note. How much change does he get?",
    "A pen costs $2. Tom buys 6 pens and pays with a $10 note. How much change does he get?",
    "3 pens cost $6. How much do 5 pencils cost?",
    "3 pens cost $6. How much do 5 pens and a book cost?",
    "0 pens cost $6. How much do 5 pens cost?",
    "24 pens are shared equally among 5 children. How many does each child get?",
    "24 pens are shared among 4 children. How many does each child get?",
    "24 pens are shared equally among 4 children. How many does each adult get?",
    "Tom has 5 apples. He eats 2? How many apples does Tom have?",
    "Tom has 5 apples. Does he eat 2? How many apples does Tom have?",
    "Tom has 5 apples. Ann has 2 apples. They each eat 2 apples. How many apples do they have altogether?",
    "Tom packs 3 pens into each box and fills 5 boxes. Ann removes 2 pens from each box. How many pens are packed?",
    "Tom has 12 apples. He eats half and sells a third. How many apples does Tom have?",
    "Tom had 12 apples. He sold a third of them and ate a quarter of them. How many apples does Tom have left?",
    "Tom has 12 apples. He buys 4 apples. He eats half of them. How many apples does Tom have?",
    "Tom has 10 marbles. Ann has 4 marbles. Ann wins 3 marbles. How many marbles does Tom have?",
    "Tom buys 11 hundred books for $16 each and pays with a $180 note. How much change does Tom get?",
    "A hall has 3 dozen rows of 19 seats. On Friday 12 seats stay empty. How many seats are taken?",
    "A third of 544 centimetres is cut into 8 equal pieces. Tom joins 2 of the pieces end to end. How long is the result in "
    "centimetres?",
    "Each shelf has 39 shells. There are 78 shells in total. Ben buys 3 apples. How many shelves are there?",
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
    "Tom has 10 cards. He picks 3 of them. How many cards does Tom have?",
    "Tom has 5 apples. He eats 3 apples from the tree. How many apples does Tom have?",
    "Tom has 5 apples. He eats 3 other apples. How many apples does Tom have?",
    "Tom has 20 dollars and 2 apples. He buys 3 apples. How many dollars does Tom have?",
    "Tom has 10 dollars and 5 apples. He sells 2 apples. How many dollars does Tom have?",
    "Tom has 5 pencils. He uses 2 pencils. How many pencils does Tom have?",
    "Tom has 5 games. He wins 2 games. How many games does Tom have?",
    "Tom has 10 games. He loses 3 games. How many games does Tom have?",
    "Tom has 20 apples. He gives 3 apples to everyone. How many apples does Tom have?",
    "Tom has 20 apples. He gives 3 apples to friends. How many apples does Tom have?",
    "Tom has 5 apples. Ben has 2 apples. Tom gives 3 apples to his brother. How many apples does Ben have?",
    "Tom has 5 apples. Ben has 2 apples. Tom gives 3 apples to his brother. How many apples do they have altogether?",
    "Tom has 5 apples. Ann has 3 apples. Ann eats 2 of his apples. How many apples does Tom have?",
    "Tom has 5 apples. Ann has 3 apples. Ann eats 2 of the apples. How many apples does Ann have?",
    "Tom has 5 apples. Tom eats 2 of her apples. How many apples does Tom have?",
    "Tom has 5 apples. She eats 2 apples. How many apples does Tom have?",
    "Ann has 5 apples. He eats 2 apples. How many apples does Ann have?",
    "Kofi has 5 apples. He eats 2 apples. She buys 3 apples. How many apples does Kofi have?",
    "Tom has 3 flowers and 5 roses. How many flowers does Tom have?",
    "Tom has 3 dogs and 5 puppies. How many dogs does Tom have?",
    "Tom has 3 coins and 5 pennies. How many coins does Tom have?",
    "Tom has 3 books and 5 notebooks. How many books does Tom have?",
    "Tom has 3 shirts and 5 t-shirts. How many shirts does Tom have?",
    "Tom has 5 apples. Tom has 8 apples today. How many apples does Tom have?",
    "Tom has 5 apples. Ann has 4 apples and Ben has 3 apples and eats 2 apples. How many apples does Ann have?",
    "Tom has 5 apples and Ann has 3 apples and eats 2 apples. How many apples does Tom have?",
    "Tom has 5 apples while Ann has 3 apples and eats 2 apples. How many apples does Ann have?",
    "Tom has 8 quarters. He loses a quarter. How many quarters does Tom have?",
    "Tom has 8 apples. He eats a quarter apple. How many apples does Tom have?",
    "Tom has 10 apples. Ann has 4 apples. Tom eats half of her apples. How many apples does Tom have?",
    "Tom has 10 apples. Ann has 4 apples. Tom eats half of the apples. How many apples does Tom have?",
    "Everyone has 5 apples. Tom has 3 apples. How many apples do they have altogether?",
    "Neither has 5 apples. Tom has 3 apples. How many apples do they have altogether?",
    "Tom has 5 brothers. Each brother has 3 apples. How many apples does Tom have?",
    "Tom has 5 dogs. Each dog has 3 bones. How many bones does Tom have?",
    "There are 5 boxes with 3 apples. How many apples are there in total?",
    "There are 5 children of 2 mothers. How many mothers are there?",
    "There are 4 boxes. A box has 5 apples. Each apple has 3 seeds. How many seeds are there in total?",
    "There are 4 boxes. There are 3 bags. Each box has 2 apples. How many apples are there in total?",
    "Tom has 5 boxes. Ann has 3 bags. Each box has 2 apples. How many apples are there in total?",
    "There are 4 teams. Each team has 3 games. How many games are there in total?",
    "There are 6 faces. Each face has 4 edges. How many edges are there?",
    "There are 4 rooms. Each room has 4 walls. How many walls are there in total?",
    "Tom buys 3 books for $12 each. How much does Ann pay?",
    "Tom buys 3 books for $12 each and pays with a $50 bill. How much change does Ann get?",
    "Ann makes 10 chairs per day. How many chairs does the machine make in 5 days?",
    "A machine makes 10 bottles per hour. Tom needs 50 bottles. How many hours does the baker work?",
    "Tom never reads 5 pages a day. How many pages does he read in 3 days?",
    "Tom reads 10 pages per hour. How many pages does he read in 2 weeks?",
    "A baker bakes 5 loaves per hour. How many loaves does he bake in 30 minutes?",
    "Tom had some cards. He picked 3 of them. Now he has 5 cards. How many cards did Tom have at first?",
    "Tom had some pencils. He used 3 pencils. Now he has 5 pencils. How many pencils did Tom have at first?",
    "Tom had some games. He lost 3 games. Now he has 5 games. How many games did Tom have at first?",
    "Tom has 3 bags and 12 apples. He loses 2 bags. How many apples does Tom have?",
    "Tom has 3 classes. Ann has 2 classes. How many classes do they have altogether?",
    "Ann is 12. Tom is 3 years older. Ann is 5 cm taller. How old is Tom?",
    "Tom had 5 apples. Tom gave Ann 2 apples. Tom got 3 apples from Ann. How many apples does Ann have?",
    "Tom has 2 dozen eggs. He eats 3 eggs. How many eggs does Tom have?",
    "Tom has a few hundred apples. He eats 3. How many apples does Tom have?",
    "Tom has a couple apples. He buys 3 apples. How many apples does Tom have?",
    "There are 3 boxes. Each box has 4 apples. Tom adds 2 apples to each box. How many apples are there in total?",
    "There are 3 boxes. Each box has 4 apples. Tom removes 2 boxes. How many apples are there in total?",
    "There are 3 boxes. Each box has at least 4 apples. How many apples are there in total?",
    "There are 3 boxes. Each box has up to 4 apples. How many apples are there in total?",
    "There are 3 boxes. Each box has 4 apples and a bag. Each bag has 2 apples. How many apples are there?",
    "There are 3 red boxes and 2 blue boxes. Each box has 4 apples. How many apples are there?",
    "There are 3 boxes. Each red box has 4 apples. How many apples are there?",
    "Tom has 5 apples. He gives Ann 2 apples and Ben 1 apple. How many apples does Tom have?",
    "Tom and Ann have 5 apples. Tom has 2 apples. How many apples does Ann have?",
    "Tom has 5 kg of apples. He eats 2 apples. How many apples does Tom have?",
    "Tom has 5 feet. He loses 12 inches. How many feet does Tom have?",
    "Tom has 2 hours. He spends 30 minutes. How many hours does Tom have?",
    "Tom has 5 dollars. He spends 50 cents. How many dollars does Tom have?",
    "Tom has 5 dollars and 50 cents. He spends 2 dollars. How many dollars does Tom have?",
    "Tom has 5 hours and 30 minutes. How many minutes does Tom have?",
    "Tom has 3 weeks and 2 days. How many days does Tom have?",
    "Tom has 5 pears and 3 fruits. How many fruits does Tom have?",
    "Tom has 4 chickens and 3 hens. How many chickens does Tom have?",
    "Tom has 4 children and 3 sons. How many children does Tom have?",
    "Tom has 3 cats and 2 kittens. He gives away 1 kitten. How many cats does Tom have?",
    "There are 3 farms. Each farm has 4 dogs and 2 puppies. How many dogs are there in total?",
    "There are 3 tables. Each table has 4 chairs. 2 tables are free. How many chairs are taken?",
    "Tom has 5 apples. Tom gives Tom 2 apples. How many apples does Tom have?",
    "Tom has 5 apples. Tom gives 2 apples to Ann. Ann gives 2 apples to Tom. How many apples does Tom have?",
    "A pen costs $2. How much do 5 pens cost? How much do 6 pens cost?",
    "A pen costs $2 and a pen costs $3. How much do 5 pens cost?",
    "Tom buys 3 books for $12. How much does he pay?",
    "A box of pens costs $2. How much do 5 pens cost?",
    "A pen costs $2. A ruler costs $3. How much do 5 pens cost?",
    "Tom is 10 and Ann is twice as old as Tom. How old was Ann 30 years ago?",
    "Tom is 10. Ann is 2 years older than Tom. Ben is 3 years older than Ann. How old is Ben?",
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
    amounts.family("stories: change and the same price", _change_and_price),
    amounts.family("stories: shared out", _shared_out),
)
