"""What is left of somebody's money: so much to begin with, then things bought at a price each, sums spent, given or got.

"Ann has 20 euros, buys 3 pens at 1.50 each, how much is left?" One person, one currency, one tense, and every word has a part.
A price is of each thing only where the text says so; one without a currency is of the purse's only where it has two decimals,
since a whole number may be of cents.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import frames, money, numbers, stops
from council.serving.compute.quantities.stories import words

_CHECK = "what is left, every price added one by one and what came in taken off again, is what there was at first"
_CLAUSES_MAX = 12
_COUNT_MAX = 1_000
# So much of something: a price "each" may be of the measure or of one thing.
_MEASURES = frozenset(
    (
        "kg kilo kilos kilogram kilograms g gram grams lb lbs pound pounds oz ounce ounces l liter liters litre litres ml m "
        "meter meters metre metres cm km mile miles yard yards inch inches pack packs box boxes bag bags pair pairs set sets"
    ).split()
)
_HUNDRED_CENTS = frozenset("$\N{EURO SIGN}")

_WHO = rf"(?P<who>{words.NAME}|he|she|i)"
_AGAIN = rf"({_WHO} )?"
_ARTICLE = r"(an?|the|some|his|her|my|<n:count>)"
_JOINT = re.compile(r"(?:[.;,] (?:and then |and |then )?|(?: and then| and| then) )")
_AND = re.compile(r"(?:, and |, | and )")

_HAS = frames.pattern(
    rf"(if )?{_WHO} (?P<verb>has|have|had|starts with|start with|started with) <m:money>( in (his|her|my) "
    r"(pocket|purse|wallet))?"
)
_BUYS = frames.pattern(rf"{_AGAIN}(?P<verb>buys?|gets?|bought|got|sells?|sold) (?=\S)")
_SPENDS = frames.pattern(rf"{_AGAIN}(?P<verb>spends?|spent) (?=\S)")
_PAYS = frames.pattern(rf"{_AGAIN}(?P<verb>pays?|paid) (?=\S)")
_GIVES = frames.pattern(
    rf"{_AGAIN}(?P<verb>gives?|gave) (<m:money> to (?P<to>{words.NAME})|(?P<whom>{words.NAME}) <o:money>)"
)
_GETS = frames.pattern(
    rf"{_AGAIN}(?P<verb>gets?|got|receives?|received|finds?|found|earns?|earned|wins?|won) <m:money>"
    rf"( more)?( from (?P<giver>{words.NAME}))?"
)
_AT = r"(at|for|costing|that cost)"
_PRICE = r"(<p:price>|(?P<bare>\d{1,4}\.\d\d))(?![\w.]*\d)"
_EACH = frames.pattern(
    rf"(?P<n>{words.COUNT}) (?P<t>{words.NOUN}) {_AT} {_PRICE} "
    rf"(each|apiece|(per|an?) (piece|(?P<g>{words.NOUN})(?=[.,;]| and | then |$)))"
)
_SINGLE = frames.pattern(rf"(an?|one|1) (?P<t>{words.NOUN}) (at|for|costing|that costs) {_PRICE}")
_ON = frames.pattern(rf"<m:money> on ({_ARTICLE} )?{words.NOUN}")
_FOR = frames.pattern(rf"<m:money> for ({_ARTICLE} )?{words.NOUN}")

_LEFT = r"(left( over)?|now|remaining|in the end|at the end|afterwards)"
_MUCH = r"(how much( money)?|how many (?P<unit>dollars|euros|pounds))"
_ASK = frames.pattern(
    rf"(then )?({_MUCH} ((is|are|was|were|will be) (left( over)?|remaining)|remains?"
    rf"|(does|do|did|will) {_WHO} (still )?(have|keep) {_LEFT}|(has|have|had) (?P<whose>{words.NAME}|he|she|i) (got )?left)"
    rf"|what is left( over)?)"
)
_PAST = frozenset("had bought got sold spent paid gave received found earned won".split()) | {"started with"}


@dataclass(slots=True)
class _Purse:
    """`out` and `come` are what went and came, each as (count, amount); `left` is what there is now."""

    owner: str
    first: money.Amount
    past: bool
    left: Fraction
    said: list[str] = field(default_factory=list)
    out: list[tuple[int, Fraction]] = field(default_factory=list)
    come: list[tuple[int, Fraction]] = field(default_factory=list)
    trades: bool = False
    short: bool = False
    again: list[str] = field(default_factory=list)

    def told(self, match: frames.Match) -> None:
        """Note who is told of, and hold every verb to one tense."""
        if (match["verb"].lower() in _PAST) is not self.past:
            raise stops.PassOnError("it changes between present and past, so its order is not clear")
        if match["who"]:
            self.again.append(match["who"])

    def changed(self, count: int, amount: money.Amount, *, comes: bool = False) -> None:
        """Take so many times an amount away, or add it."""
        value = self._value(amount)
        if count > _COUNT_MAX:
            raise stops.PassOnError(f"more than {_COUNT_MAX} things are bought")
        self.left += count * value if comes else -count * value
        self.said.append(f"{'+' if comes else '-'} {f'{count} x ' if count != 1 else ''}{self.first.of(value)}")
        (self.come if comes else self.out).append((count, value))
        self.short = self.short or self.left < 0

    def _value(self, amount: money.Amount) -> Fraction:
        if amount.currency == self.first.currency:
            return amount.value
        if amount.currency == "cents" and self.first.currency in _HUNDRED_CENTS:
            return amount.value / 100
        money.one_currency(self.first, amount)
        raise stops.PassOnError("an amount names no currency")

    def reading(self) -> str:
        """Return what was read, as a sum."""
        return " ".join((str(self.first), *self.said))


def begins(text: str) -> bool:
    """Return whether a text begins as a story of a purse."""
    return _HAS.match(text) is not None


def read(text: str) -> results.Solved:
    """Answer a whole story of a purse. Raises PassOnError, RefusedError."""
    lowered = text.lower()
    match = _HAS.match(lowered)
    if not match:
        raise stops.PassOnError(f"I do not read {text[:60]!r}")
    purse = _opened(match)
    at = match.end()
    for _ in range(_CLAUSES_MAX):
        joint = _JOINT.match(lowered, at)
        if not joint:
            break
        if asked := _ASK.fullmatch(lowered, joint.end()):
            if "pound" in lowered and not purse.trades:
                raise stops.PassOnError("the pounds may be of weight")
            return _answered(purse, asked)
        at = _clause(purse, lowered, joint.end())
    raise stops.PassOnError(f"I do not read {lowered[at : at + 60]!r}")


def _opened(match: frames.Match) -> _Purse:
    owner, first = match["who"], money.read(match["m"])
    if owner in ("he", "she") or not first.currency or first.currency == "cents":
        raise stops.PassOnError("it is not clear whose money, or which")
    return _Purse(owner, first, match["verb"] in _PAST, first.value)


def _clause(purse: _Purse, text: str, at: int) -> int:
    """Read one thing that is done with the money; return where it ends."""
    if match := _GETS.match(text, at):
        purse.told(match)
        if match["giver"] == purse.owner:
            raise stops.PassOnError("somebody gets money from himself")
        purse.changed(1, money.read(match["m"]), comes=True)
        return match.end()
    if match := _GIVES.match(text, at):
        purse.told(match)
        if (match["to"] or match["whom"]) == purse.owner:
            raise stops.PassOnError("somebody gives money to himself")
        purse.changed(1, money.read(match["m"] or match["o"]))
        return match.end()
    if match := _BUYS.match(text, at):
        purse.told(match)
        purse.trades = True
        comes = match["verb"].startswith(("sell", "sold"))
        return _each(purse, text, match.end(), comes=comes)
    for opening, item in ((_SPENDS, _ON), (_PAYS, _FOR)):
        if match := opening.match(text, at):
            purse.told(match)
            purse.trades = True
            return _sums(purse, item, text, match.end())
    raise stops.PassOnError(f"I do not read {text[at : at + 60]!r}")


def _each(purse: _Purse, text: str, at: int, *, comes: bool) -> int:
    """Read things at a price each, or one at a price."""

    def take(match: frames.Match) -> None:
        given = match.groupdict()
        if given["t"].split()[0] in _MEASURES:
            raise stops.PassOnError(f"it is not clear what each of {given['t']} is")
        if given.get("g") and words.thing(given["g"]) != words.thing(given["t"]):
            raise stops.PassOnError(f"{given['g']} and {given['t']} may be different things")
        price = (
            money.read(given["p"]) if given["p"] else money.Amount(numbers.read(given["bare"]), purse.first.currency)
        )
        purse.changed(numbers.read_count(str(words.count(given.get("n") or "1"))), price, comes=comes)

    return _joined(text, at, (_EACH, _SINGLE), take)


def _sums(purse: _Purse, item: frames.Pattern, text: str, at: int) -> int:
    return _joined(text, at, (item,), lambda match: purse.changed(1, money.read(match["m"])))


def _joined(text: str, at: int, items: tuple[frames.Pattern, ...], take: Callable[[frames.Match], None]) -> int:
    """Take one item after the other as long as they are joined; return where the last ends. Raises PassOnError for none."""
    end = at
    while match := next(filter(None, (item.match(text, at) for item in items)), None):
        take(match)
        end = match.end()
        joint = _AND.match(text, end)
        if not joint:
            break
        at = joint.end()
    if end == at:
        raise stops.PassOnError(f"I do not read {text[at : at + 60]!r}")
    return end


def _answered(purse: _Purse, asked: frames.Match) -> results.Solved:
    if not purse.said:
        raise stops.PassOnError("nothing is done with the money")
    others = [*purse.again, *(one for one in (asked["who"], asked["whose"]) if one)]
    if purse.owner == "i" or "i" in others:
        if {purse.owner, *others} != {"i"}:
            raise stops.PassOnError("it is not clear whose money is asked for")
    else:
        words.check_same(purse.owner, *others)
    if asked["unit"] and money.read(f"1 {asked['unit']}").currency != purse.first.currency:
        raise stops.PassOnError("it asks for another currency")
    if purse.short:
        raise stops.RefusedError(
            f"{purse.first} is not enough for all that is paid. Check the numbers.", purse.reading()
        )
    back = purse.left
    for count, value in purse.out:
        for _ in range(count):
            back += value
    for count, value in purse.come:
        for _ in range(count):
            back -= value
    stops.require(back == purse.first.value, "all that went and came, undone")
    return frames.solved(f"{purse.reading()} = {purse.first.of(purse.left)}", purse.reading(), _CHECK, purse.left)
