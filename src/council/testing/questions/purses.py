"""Stories of a purse: so much money, what is bought, spent, given and got, and what is left. Keys are kept in cents."""

import random
from collections.abc import Callable

from council.testing.questions import amounts, families

_SHE = ("Ann", "Lena", "Mia", "Julia")
_HE = ("Bob", "Tom", "Oscar", "Paul")
_THINGS = (
    ("pen", "pens"),
    ("apple", "apples"),
    ("cookie", "cookies"),
    ("ticket", "tickets"),
    ("notebook", "notebooks"),
    ("red pencil", "red pencils"),
)
_MEALS = ("lunch", "a coffee", "the bus", "a magazine", "some cheese", "two sandwiches")
_WORDS = "zero one two three four five six seven eight nine ten".split()
_CURRENCIES = (("$", ""), ("\N{EURO SIGN}", ""), ("", " euros"), ("", " dollars"), ("\N{POUND SIGN}", ""))
_SIGNS = {" euros": "\N{EURO SIGN}", " dollars": "$"}
Money = Callable[[int], str]


def _money(chance: random.Random) -> tuple[Money, str]:
    """Return what writes cents as an amount, and the sign of the currency."""
    before, after = chance.choice(_CURRENCIES)

    def said(cents: int) -> str:
        shown = str(cents // 100) if cents % 100 == 0 else f"{cents // 100}.{cents % 100:02d}"
        return f"{before}{shown}{after}"

    return said, before or _SIGNS[after]


def _key(cents: int, sign: str) -> str:
    return f"{sign}{cents // 100}" if cents % 100 == 0 else f"{sign}{cents // 100}.{cents % 100:02d}"


def _price(chance: random.Random) -> int:
    """Return cents, never such that the last of three decimals could be one of thousands."""
    return chance.choice((chance.randint(1, 30) * 100, chance.randint(1, 60) * 25, chance.randint(101, 1999)))


def _priced(chance: random.Random, said: Money, price: int, thing: str) -> str:
    """Return a price of each."""
    at = chance.choice(("at", "for"))
    if price % 100 and chance.random() < 0.3:
        return f"{at} {price // 100}.{price % 100:02d} each"
    return f"{at} {said(price)} {chance.choice(('each', 'each', 'apiece', 'per ' + thing, 'a piece'))}"


class _Told:
    """A story in the making. Whoever tells it says "I" where `who` does."""

    def __init__(self, chance: random.Random):
        self.chance = chance
        self.said, self.sign = _money(chance)
        she = chance.random() < 0.5
        self.who = "I" if chance.random() < 0.2 else chance.choice(_SHE if she else _HE)
        self.again = "I" if self.who == "I" else "She" if she else "He"
        self.past = chance.random() < 0.4
        self.paid = 0
        self.clauses: list[str] = []

    def verb(self, plain: str, third: str, past: str) -> str:
        return past if self.past else plain if self.who == "I" else third

    def bought(self) -> None:
        one, many = self.chance.choice(_THINGS)
        count, price = self.chance.randint(2, 9), _price(self.chance)
        self.paid += sum(price for _ in range(count))
        number = _WORDS[count] if self.chance.random() < 0.4 else str(count)
        self.clauses.append(
            f"{self.verb('buy', 'buys', 'bought')} {number} {many} {_priced(self.chance, self.said, price, one)}"
        )

    def bought_one(self) -> None:
        one, price = self.chance.choice(_THINGS)[0], _price(self.chance)
        self.paid += price
        self.clauses.append(
            f"{self.verb('buy', 'buys', 'bought')} {'an' if one[0] == 'a' else 'a'} {one} for {self.said(price)}"
        )

    def spent(self) -> None:
        price = _price(self.chance)
        self.paid += price
        verb = self.chance.choice((("spend", "spends", "spent", "on"), ("pay", "pays", "paid", "for")))
        self.clauses.append(f"{self.verb(*verb[:3])} {self.said(price)} {verb[3]} {self.chance.choice(_MEALS)}")

    def gave(self) -> None:
        price = _price(self.chance)
        self.paid += price
        told = self.verb("give", "gives", "gave")
        self.clauses.append(
            self.chance.choice((f"{told} {self.said(price)} to Farid", f"{told} Farid {self.said(price)}"))
        )

    def got(self) -> None:
        price = _price(self.chance)
        self.paid -= price
        verb = self.chance.choice((("get", "gets", "got"), ("find", "finds", "found"), ("earn", "earns", "earned")))
        self.clauses.append(f"{self.verb(*verb)} {self.said(price)}")


def _asked(told: _Told) -> str:
    """Return the question. "i" stays a capital at its beginning only by chance."""
    who = "I" if told.who == "I" else told.chance.choice((told.who, told.again.lower()))
    does = "did" if told.past else "do" if who == "I" else "does"
    return told.chance.choice(
        (
            "how much is left",
            "how much money is left",
            "what is left",
            f"how much {does} {who} have left",
            f"how much money {does} {who} have left",
            f"how much money {'will' if not told.past else 'did'} {who} have left over",
        )
    )


def _story(chance: random.Random) -> families.Asked:
    told = _Told(chance)
    steps = (told.bought, told.bought, told.bought_one, told.spent, told.gave)
    for _ in range(chance.randint(1, 4)):
        chance.choice(steps)()
    rest = chance.choice((0, chance.randint(1, 200) * 25, chance.randint(1, 40) * 100))
    first = told.paid + rest
    left = rest
    if chance.random() < 0.3:
        before = told.paid
        told.got()
        left += before - told.paid
    begins = f"{told.who} {told.verb('have', 'has', 'had')} {told.said(first)}"
    asked = _asked(told)
    if chance.random() < 0.3 and len(told.clauses) <= 2:
        # In one breath, as people write.
        return families.Asked(f"{begins}, {', '.join(told.clauses)}, {asked}?", _key(left, told.sign))
    sentences = [begins]
    for clause in told.clauses:
        if chance.random() < 0.4:
            sentences[-1] += f"{chance.choice((' and', ', then', ' and then'))} {clause}"
        else:
            sentences.append(f"{chance.choice((told.again, told.who))} {clause}")
    return families.Asked(f"{'. '.join(sentences)}. {asked[0].upper()}{asked[1:]}?", _key(left, told.sign))


_BOUGHT = "Ann has 20 euros. She buys 3 pens at 1.50 euros each."
_REFUSE = (
    "Ann has 20 euros. She buys 3 pens at 2 each. How much is left?",
    "Ann has 20 euros. She buys 3 pens for 6 euros. How much is left?",
    "Ann has 20 euros. She buys 3 pens at 1.50. How much is left?",
    "Ann has 20 euros. She buys 3 pens at 1,50 euros each. How much is left?",
    "Ann has 20 euros. She buys 3 pens at 1.50 dollars each. How much is left?",
    "Ann has 20 euros. She bought 3 pens at 1.50 euros each. How much is left?",
    "Ann has 20 euros. Bob buys 3 pens at 1.50 euros each. How much is left?",
    "Ann has 20 euros. He buys 3 pens at 1.50 euros each. How much is left?",
    "Ann has 5 euros. She buys 4 pens at 1.50 euros each. How much is left?",
    "Ann has 5 euros, spends 6 euros on lunch, gets 4 euros, how much is left?",
    "Ann has 20 euros. She wants to buy 3 pens at 1.50 euros each. How much is left?",
    "Ann has 20 euros. She does not buy 3 pens at 1.50 euros each. How much is left?",
    "Ann has 20 euros. She almost buys 3 pens at 1.50 euros each. How much is left?",
    "Ann has 20 euros. She buys about 3 pens at 1.50 euros each. How much is left?",
    "Ann has 20 euros. She buys 3 pens at about 1.50 euros each. How much is left?",
    "Ann has about 20 euros. She buys 3 pens at 1.50 euros each. How much is left?",
    "Ann has 20 euros. She buys 3 or 4 pens at 1.50 euros each. How much is left?",
    "Ann has 20 euros. She buys some pens at 1.50 euros each. How much is left?",
    "Ann has 20 euros. She buys 3 pens at 1.50 euros each plus tax. How much is left?",
    "Ann has 20 euros. She buys 3 pens at 1.50 euros each with a 10% discount. How much is left?",
    "Ann has 20 euros. She buys 3 packs of pens at 1.50 euros each. How much is left?",
    "Ann has 20 euros. She buys 2 kg apples at 1.50 euros each. How much is left?",
    "Ann has 20 euros. She buys 3 packs at 1.50 euros each and 2 pairs socks at 1.50 euros each. How much is left?",
    "Ann has 20 euros. She buys 3 pens and a book at 1.50 euros each. How much is left?",
    "Ann has 20 euros. She buys 3 pens at 1.50 euros each and a book. How much is left?",
    "Ann has 20 euros. She buys 3 pens at 1.50 euros per pencil. How much is left?",
    "Ann has 20 euros. She buys 3 pens at 1.50 euros each every day. How much is left?",
    "Ann has 20 euros. She buys 3 pens for each friend at 1.50 euros each. How much is left?",
    "Ann has 20 euros. She buys 3 pens at 1.50 euros each. One is free. How much is left?",
    "Ann has 20 euros. She buys 3 pens at 1.50 euros each. She returns one. How much is left?",
    "Ann has 20 euros. She buys 3 pens at 1.50 euros each? How much is left?",
    "Ann has 20 euros and Bob has 10 euros. Ann buys 3 pens at 1.50 euros each. How much is left?",
    "Ann and Bob have 20 euros. They buy 3 pens at 1.50 euros each. How much is left?",
    "Ann has 20 euros more than Bob. She buys 3 pens at 1.50 euros each. How much is left?",
    "Ann has 20 euros and 50 cents. She buys 3 pens at 1.50 euros each. How much is left?",
    "Ann has 20 pounds. She buys 3 pens at 50 cents each. How much is left?",
    "Ann has 20 pounds. She gets 5 pounds from Bob. How much is left?",
    "Ann has 20 pounds. She gives 5 pounds to Bob. How much is left?",
    "Ann has 20. She buys 3 pens at 1.50 each. How much is left?",
    "Ann has 20 euros. She spends half of it on lunch. How much is left?",
    "Ann has 20 euros. She spends 5 euros on each of 3 pens. How much is left?",
    "Ann has 20 euros. She spends 5 euros a day on lunch. How much is left?",
    "Ann has 20 euros. She spends at least 5 euros on lunch. How much is left?",
    "Ann has 20 euros. She pays 5 euros for each pen. How much is left?",
    "Ann has 20 euros. She gets 5 euros per hour. How much does she have now?",
    "Ann has 20 euros. She gets 5 euros from Ann. How much does she have now?",
    "Ann has 20 euros. She gives 5 euros to Ann. How much is left?",
    "She has 20 euros. She buys 3 pens at 1.50 euros each. How much is left?",
    "Everyone has 20 euros. Ann buys 3 pens at 1.50 euros each. How much is left?",
    "I have 20 euros. She buys 3 pens at 1.50 euros each. How much is left?",
    f"{_BOUGHT} How many pens are left?",
    f"{_BOUGHT} How much does Bob have left?",
    f"{_BOUGHT} How much does he have left?",
    f"{_BOUGHT} How much did she have?",
    f"{_BOUGHT} How much does she have?",
    f"{_BOUGHT} How many dollars are left?",
    f"{_BOUGHT} How many cents are left?",
    f"{_BOUGHT} How much is left for Bob?",
    f"{_BOUGHT} How much is left after lunch?",
    f"{_BOUGHT} How much would be left if she bought 4?",
    f"{_BOUGHT} How much is not left?",
    f"{_BOUGHT} Is anything left?",
    f"{_BOUGHT}",
    "Ann has 20 euros. How much is left?",
    "If Ann had 20 euros, would she buy 3 pens at 1.50 euros each, and how much is left?",
)
FAMILIES = (amounts.family("stories: what is left of money", _story, _REFUSE),)
