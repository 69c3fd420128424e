"""So many things at a price each, and the change from a note."""

from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import frames, money, numbers, stops
from council.serving.compute.quantities.stories import words

_CHECK = "the prices added up one by one"
_COUNT_MAX = 10_000


def _noun(name: str) -> str:
    return f"(?P<{name}>{words.NOUN})"


def _n(name: str) -> str:
    return f"(?P<{name}>{words.COUNT})"


def _added(price: money.Amount, count: Fraction) -> Fraction:
    if count > _COUNT_MAX:
        raise stops.PassOnError(f"more than {_COUNT_MAX} things are bought")
    total = sum((price.value for _ in range(int(count))), Fraction(0))
    stops.require(total == price.value * count, "the prices added up")
    return total


def _same(one: str, other: str) -> None:
    if words.thing(one) != words.thing(other):
        raise stops.PassOnError(f"{one} and {other} may be different things")


def _cost(match: frames.Match) -> results.Solved:
    """One or two things at known prices, so many of each."""
    given = match.groupdict()
    pairs = [(money.read(given["p1"]), words.count(given["n1"]), given["g1"], given["t1"])]
    if given.get("p2"):
        pairs.append((money.read(given["p2"]), words.count(given["n2"]), given["g2"], given["t2"]))
        if words.thing(given["g1"]) == words.thing(given["g2"]):
            raise stops.PassOnError("one thing has two prices")
    for _, _, one, other in pairs:
        _same(one, other)
    money.one_currency(*(price for price, _, _, _ in pairs))
    total = sum((_added(price, count) for price, count, _, _ in pairs), Fraction(0))
    reading = " + ".join(f"{numbers.text(count)} x {price}" for price, count, _, _ in pairs)
    return frames.solved(f"{reading} = {pairs[0][0].of(total)}", reading, _CHECK, total)


def _spent(match: frames.Match) -> results.Solved:
    given = match.groupdict()
    words.check_same(given["a"], given.get("b"), given["c"])
    price, count = money.read(match["p"]), words.count(match["n"])
    total = _added(price, count)
    reading = f"{numbers.text(count)} x {price}"
    if not given.get("note"):
        return frames.solved(f"{reading} = {price.of(total)}", reading, _CHECK, total)
    note = money.read(given["note"])
    money.one_currency(price, note)
    change = note.value - total
    reading = f"{note} - {reading}"
    if change < 0:
        raise stops.RefusedError(f"{note} is not enough for {price.of(total)}. Check the numbers.", reading)
    stops.require(total + change == note.value, "price and change together")
    return frames.solved(f"{reading} = {price.of(change)}", reading, _CHECK, change)


def _how_many(match: frames.Match) -> results.Solved:
    price, purse = money.read(match["p"]), money.read(match["w"])
    money.one_currency(price, purse)
    _same(match["g"], match["t"])
    if price.value <= 0:
        raise stops.PassOnError("a price of nothing")
    count = int(purse.value / price.value)
    stops.require(count * price.value <= purse.value < (count + 1) * price.value, "one more would cost too much")
    reading = f"how many at {price} each for {purse}"
    return frames.solved(f"{reading} = {count}", reading, "one more would cost too much", Fraction(count))


def _change(match: frames.Match) -> results.Solved:
    """One thing at a price, so many bought, and a note."""
    _same(match["g1"], match["t"])
    words.check_same(match["a"], match["c"])
    price, count, note = money.read(match["p1"]), words.count(match["n"]), money.read(match["note"])
    money.one_currency(price, note)
    total = _added(price, count)
    reading = f"{note} - {numbers.text(count)} x {price}"
    if note.value < total:
        raise stops.RefusedError(f"{note} is not enough for {price.of(total)}. Check the numbers.", reading)
    stops.require(total + (note.value - total) == note.value, "price and change together")
    return frames.solved(f"{reading} = {price.of(note.value - total)}", reading, _CHECK, note.value - total)


def _at_the_same_price(match: frames.Match) -> results.Solved:
    """So many for so much: what other so many cost."""
    _same(match["g"], match["t"])
    known, count, total = words.count(match["n"]), words.count(match["m"]), money.read(match["p"])
    if not 0 < known <= _COUNT_MAX or not 0 < count <= _COUNT_MAX:
        raise stops.PassOnError(f"no things, or more than {_COUNT_MAX}")
    value = total.value / known * count
    stops.require(value * known == total.value * count, "both are the same for one")
    reading = f"{numbers.text(count)} x {total} / {numbers.text(known)}"
    return frames.solved(f"{reading} = {total.of(value)}", reading, "the price of one is the same in both", value)


def _for_money(match: frames.Match) -> results.Solved:
    """So many for so much: how many are had for other money, where that is a whole number."""
    _same(match["g"], match["t"] or match["g"])
    known, total, purse = words.count(match["n"]), money.read(match["p"]), money.read(match["w"])
    money.one_currency(total, purse)
    if not 0 < known <= _COUNT_MAX or total.value <= 0:
        raise stops.PassOnError("no things, too many or for nothing")
    count = purse.value * known / total.value
    if count.denominator != 1 or count > _COUNT_MAX:
        raise stops.PassOnError("it is no whole number of things, or too large a one")
    price = total.value / known
    stops.require(sum((price for _ in range(int(count))), Fraction(0)) == purse.value, "the prices added up")
    reading = f"how many for {purse}, where {numbers.text(known)} cost {total}"
    return frames.solved(f"{reading} = {numbers.text(count)}", reading, _CHECK, count)


_COSTS = r"(costs?|sells for)"
_ONE = rf"(an?|one|each|every) {_noun('g1')} {_COSTS} <p1:price>"
_TWO = rf"(an?|one|each|every) {_noun('g2')} {_COSTS} <p2:price>"
_WHO = rf"({words.NAME})"
_BUYS = rf"(?P<a>{words.NAME}) (buys|bought|gets|orders)"
_AGAIN = rf"(?P<c>{words.NAME}|he|she)"
_HOW = r"(how much (do|does|will|would)|what (do|does|will|would))"
_CHANGE = rf"how much change (does|did) {_AGAIN} (get|receive)( back)?"
_IN_ALL = r"( (in total|together|altogether|in all))?"

FRAMES = [
    *frames.frames(
        _cost,
        rf"(if )?{_ONE}[.,;]? {_HOW} {_n('n1')} {_noun('t1')} cost{_IN_ALL}",
        rf"{_ONE} and {_TWO}[.,;]? {_HOW} {_n('n1')} {_noun('t1')} and {_n('n2')} {_noun('t2')} cost{_IN_ALL}",
        rf"{_ONE}[.,;] {_TWO}[.,;]? {_HOW} {_n('n1')} {_noun('t1')} and {_n('n2')} {_noun('t2')} cost{_IN_ALL}",
    ),
    *frames.frames(
        _spent,
        (
            rf"{_BUYS} {_n('n')} {_noun('t')} (at|for) <p:price> each[.,;]? how much "
            rf"(does|did) {_AGAIN} (pay|spend){_IN_ALL}"
        ),
        (
            rf"{_BUYS} {_n('n')} {_noun('t')} (at|for) <p:money> each(\.? (?P<b>he|she)| and) (pays|"
            rf"paid) with an? <note:money> (note|bill)[.,;]? how much change (does|did) {_AGAIN} (get|"
            rf"receive)( back)?"
        ),
    ),
    *frames.frames(
        _change,
        (
            rf"{_ONE}[.,;] (?P<a>{words.NAME}) (buys|bought|gets) {_n('n')} {_noun('t')} and (pays|paid) with an? <note:money> "
            rf"(note|bill)[.,;]? {_CHANGE}"
        ),
        (
            rf"{_ONE}[.,;] (?P<a>{words.NAME}) (pays|paid) with an? <note:money> (note|bill) for {_n('n')} {_noun('t')}[.,;]? "
            rf"{_CHANGE}"
        ),
    ),
    *frames.frames(
        _at_the_same_price,
        rf"(if )?{_n('n')} {_noun('g')} cost <p:price>[.,;]? (then )?{_HOW} {_n('m')} {_noun('t')} cost",
    ),
    *frames.frames(
        _for_money,
        (
            rf"(if )?{_n('n')} {_noun('g')} cost <p:money>[.,;]? (then )?how many {_noun('t')} "
            r"((can|do|would|will) (i|you|we|one) (buy|get) )?(for|with) <w:money>"
        ),
    ),
    *frames.frames(
        _how_many,
        (
            rf"(an?|one|each|every) {_noun('g')} {_COSTS} <p:money>[.,;]? how many {_noun('t')} can ({_WHO}|he|"
            rf"she|i|you) buy (with|for) <w:money>"
        ),
    ),
]
