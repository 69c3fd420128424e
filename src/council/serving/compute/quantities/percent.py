"""Percentages, fractions in words, prices, tips, ratios. Every answer is checked by going back from it to what was given."""

import math
import re
from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import frames, money, numbers, stops, working

_BACK = "going back from the answer gives what the question says"
_SHARES_MAX = 5


def _rate(text: str) -> Fraction:
    return numbers.read(re.sub(r"(?i)\s?(?:%|percent|per cent)$", "", text)) / 100


def _shown(rate: Fraction) -> str:
    return f"{numbers.text(rate * 100)}%"


def _share_of(match: frames.Match) -> results.Solved:
    """`20% of half of 90`: several shares, each of what follows."""
    shares, names = [], []
    for part in re.split(r" of (?:the )?", match["shares"].strip().removesuffix(" of").removesuffix(" of the")):
        rate = re.fullmatch(r"(?i).*(?:%|percent|per cent)", part) is not None
        shares.append(_rate(part) if rate else numbers.read_fraction(part))
        names.append(_shown(shares[-1]) if rate else str(shares[-1]))
    if len(shares) > _SHARES_MAX:
        raise stops.PassOnError(f"more than {_SHARES_MAX} shares of shares")
    of_percent = re.fullmatch(r"(?i).*(?:%|percent|per cent)", match["w"]) is not None
    whole = money.Amount(_rate(match["w"])) if of_percent else money.read(match["w"])
    value = whole.value
    for share in reversed(shares):
        value *= share
    product = math.prod(shares, start=Fraction(1))
    stops.require(product == 0 or value / product == whole.value, "the share and its whole")
    reading = " x ".join((*names, _shown(whole.value) if of_percent else str(whole)))
    answer = f"{reading} = {percent_text(value * 100) if of_percent else whole.of(value)}"
    told = zip(shares, names, strict=True)
    factors = [working.percent(share) if name.endswith("%") else working.amount(share) for share, name in told]
    last = working.percent(whole.value) if of_percent else working.amount(whole.value)
    return frames.solved(answer, reading, _BACK, value, *working.formula("*".join((*factors, last)), value))


def _shares(count: int) -> str:
    part = rf"({frames.KINDS['percent']}|{frames.KINDS['fraction']}) of (the )?"
    return rf"(?P<shares>({part}){{1,{count}}})"


def _changed(match: frames.Match) -> results.Solved:
    whole, rate = money.read(match["w"]), _rate(match["p"])
    up = re.match(r"(?i)incr|rais|rise|grow", match["way"]) is not None
    value = whole.value * (1 + rate if up else 1 - rate)
    change = value - whole.value if up else whole.value - value
    stops.require(change * 100 == whole.value * rate * 100, "the change and the percentage")
    sign = "+" if up else "-"
    reading = f"{whole} {sign} {_shown(rate)} of it"
    steps = _added(whole.value, rate, sign, value)
    return frames.solved(
        f"{reading} = {whole.of(value)}", reading, _BACK, value, f"the change is {whole.of(change)}", *steps
    )


def _added(whole: Fraction, rate: Fraction, sign: str, value: Fraction) -> tuple[str, ...]:
    """Return the steps from a whole to what it is with a rate of it added, or taken off."""
    shown = working.amount(whole)
    return working.formula(f"{shown} {sign} {shown}*{working.amount(rate)}", value)


def _hundredths(top: str, below: Fraction, value: Fraction) -> tuple[str, ...]:
    """Return the steps from a part and its whole to the percentage."""
    return working.formula(f"{top}/{working.amount(below)}*100", value)


def _what_percent(match: frames.Match) -> results.Solved:
    part, whole = money.read(match["a"]), money.read(match["b"])
    money.one_currency(part, whole)
    reading = f"{part} as a percentage of {whole}"
    if whole.value == 0:
        raise stops.RefusedError("A percentage of zero is undefined. Give a whole that is not zero.", reading)
    value = part.value / whole.value * 100
    stops.require(whole.value * value == part.value * 100, "the part and the whole")
    steps = _hundredths(working.amount(part.value), whole.value, value)
    return frames.solved(f"{reading} = {percent_text(value)}", reading, _BACK, value, *steps)


def percent_text(value: Fraction) -> str:
    """Return a percentage: as a decimal where that is exact."""
    decimal = numbers.exact_decimal(value)
    return f"{decimal}%" if decimal else f"{value.numerator}/{value.denominator}% (about {numbers.about(value)}%)"


def _percent_change(match: frames.Match) -> results.Solved:
    before, after = money.read(match["a"]), money.read(match["b"])
    money.one_currency(before, after)
    reading = f"the change from {before} to {after} in percent of {before}"
    if before.value == 0:
        raise stops.RefusedError("A change from zero has no percentage. Give a start that is not zero.", reading)
    value = (after.value - before.value) / before.value * 100
    word = match["word"].lower()
    if (word in ("increase", "growth") and value < 0) or (word in ("decrease", "reduction", "drop") and value > 0):
        raise stops.PassOnError(f"the value does not {word}")
    if word in ("decrease", "reduction", "drop"):
        value = -value
        stops.require(before.value * (100 - value) == after.value * 100, "start and end")
    else:
        stops.require(before.value * (100 + value) == after.value * 100, "start and end")
    large, small = (before, after) if word in ("decrease", "reduction", "drop") else (after, before)
    steps = _hundredths(f"({working.amount(large.value)} - {working.amount(small.value)})", before.value, value)
    return frames.solved(f"{word} from {before} to {after} = {percent_text(value)}", reading, _BACK, value, *steps)


def _of_what(match: frames.Match) -> results.Solved:
    part, rate = money.read(match["a"]), _rate(match["p"])
    reading = f"the number of which {_shown(rate)} is {part}"
    if rate == 0:
        raise stops.RefusedError("Zero percent of every number is zero. Give another percentage.", reading)
    value = part.value / rate
    stops.require(value * rate == part.value, "the part of the answer")
    steps = working.formula(f"{working.amount(part.value)}/{working.percent(rate)}", value)
    return frames.solved(f"{reading} = {part.of(value)}", reading, _BACK, value, *steps)


def _before(match: frames.Match) -> results.Solved:
    """The price before a discount or a rise."""
    after, rate = money.read(match["a"]), _rate(match["p"])
    given = match.groupdict()
    up = bool(given.get("up"))
    if not up and rate >= 1:
        raise stops.RefusedError("A price cannot be lowered by 100% or more and be left. Give a smaller discount.")
    value = after.value / (1 + rate if up else 1 - rate)
    stops.require(value + (value * rate if up else -value * rate) == after.value, "the price after the change")
    sign = "+" if up else "-"
    reading = f"the price of which price {sign} {_shown(rate)} of it is {after}"
    steps = _taken_back(after.value, rate, sign, value)
    return frames.solved(f"{reading} = {after.of(value)}", reading, _BACK, value, *steps)


def _taken_back(part: Fraction, rate: Fraction, sign: str, value: Fraction) -> tuple[str, ...]:
    """Return the steps from what is left after a change to what was before it."""
    return working.formula(f"{working.amount(part)}/(1 {sign} {working.amount(rate)})", value)


def _discounted(match: frames.Match) -> results.Solved:
    """One price, a discount, and a tax or a second discount on what is left."""
    given = match.groupdict()
    price, rate = money.read(match["w"]), _rate(match["p"])
    if rate > 1:
        raise stops.RefusedError("A discount of more than 100% leaves no price. Give a smaller one.")
    left = price.value * (1 - rate)
    steps = [f"{price} - {_shown(rate)} of it = {price.of(left)}", *_added(price.value, rate, "-", left)]
    reading, value = f"{price} - {_shown(rate)} of it", left
    if given.get("tax"):
        tax = _rate(match["tax"])
        value = left * (1 + tax)
        reading = f"({reading}) + {_shown(tax)} of that"
        stops.require(value - left == left * tax, "the tax")
        steps += [f"the tax is {price.of(value - left)}", *_added(left, tax, "+", value)]
    if given.get("p2"):
        second = _rate(match["p2"])
        value = left * (1 - second)
        reading = f"({reading}) - {_shown(second)} of that"
        stops.require(left - value == left * second, "the second discount")
        steps += _added(left, second, "-", value)
    stops.require(price.value - left == price.value * rate, "the discount")
    return frames.solved(f"{reading} = {price.of(value)}", reading, _BACK, value, *steps)


def _taxed(match: frames.Match) -> results.Solved:
    price, rate = money.read(match["w"]), _rate(match["p"])
    value = price.value + price.value * rate
    stops.require(rate == -1 or value / (1 + rate) == price.value, "the price without what was added")
    reading, steps = f"{price} + {_shown(rate)} of it", _added(price.value, rate, "+", value)
    return frames.solved(f"{reading} = {price.of(value)}", reading, _BACK, value, *steps)


def _share_of_bill(match: frames.Match) -> results.Solved:
    bill, rate = money.read(match["w"]), _rate(match["p"])
    value = bill.value * rate
    stops.require(value * 100 == bill.value * (rate * 100), "the share and the bill")
    reading = f"{_shown(rate)} x {bill}"
    steps = working.formula(f"{working.percent(rate)}*{working.amount(bill.value)}", value)
    return frames.solved(f"{reading} = {bill.of(value)}", reading, _BACK, value, *steps)


def _split(match: frames.Match) -> results.Solved:
    bill, people = money.read(match["w"]), numbers.read_count(match["n"])
    rate = _rate(match["p"]) if match.groupdict().get("p") else Fraction(0)
    reading = f"{bill} + {_shown(rate)} tip, divided by {people}" if rate else f"{bill} divided by {people}"
    if people == 0:
        raise stops.RefusedError("Nothing can be divided among nobody. Give a number of people.", reading)
    value = bill.value * (1 + rate) / people
    stops.require(value * people == bill.value + bill.value * rate, "all shares together")
    shown = working.amount(bill.value)
    whole = f"({shown} + {shown}*{working.amount(rate)})" if rate else shown
    steps = working.formula(f"{whole}/{people}", value)
    return frames.solved(f"{reading} = {bill.of(value)} each", reading, _BACK, value, *steps)


def _ratio(match: frames.Match) -> results.Solved:
    whole = money.read(match["w"])
    parts = [numbers.read(part) for part in re.split(r"\s?(?::|to)\s?", match["r"])]
    total = sum(parts)
    if not total:
        raise stops.RefusedError("A ratio of zeros divides nothing. Give another ratio.")
    shares = [whole.value * part / total for part in parts]
    stops.require(sum(shares) == whole.value, "the shares together")
    stops.require(
        all(a * q == b * p for a, p in zip(shares, parts, strict=True) for b, q in zip(shares, parts, strict=True)),
        "the ratio",
    )
    shown = " : ".join(numbers.text(part) for part in parts)
    reading = f"{whole} divided in the ratio {shown}"
    exact = " : ".join(map(str, shares))
    check = "the shares add up to the whole and stand in the ratio"
    one = whole.value / total
    steps = working.together(
        (" + ".join(map(working.amount, parts)), total),
        (f"{working.amount(whole.value)}/{working.amount(total)}", one),
        *((f"{working.amount(part)}*{working.amount(one)}", part * one) for part in parts),
    )
    answer = f"{reading} = {' and '.join(whole.of(share) for share in shares)}"
    return frames.solved(answer, reading, check, exact, *steps)


def _simplest(match: frames.Match) -> results.Solved:
    left, right = numbers.read_count(match["a"]), numbers.read_count(match["b"])
    common = math.gcd(left, right)
    if common == 0:
        raise stops.RefusedError("The ratio 0:0 has no simplest form. Give another one.")
    stops.require(left * (right // common) == right * (left // common), "the cross products")
    exact = f"{left // common}:{right // common}"
    reading = f"the ratio {left}:{right} in its simplest form"
    steps = working.formula(f"gcd({left}, {right})", Fraction(common)) if left and right else ()
    check = "both ratios have the same cross products"
    return frames.solved(f"{reading} = {exact}", reading, check, exact, *steps)


def _compared(match: frames.Match) -> results.Solved:
    """`15% more than 60`."""
    whole, rate = money.read(match["w"]), _rate(match["p"])
    less = match["way"].lower() in _LESS_WORDS
    if less and rate > 1:
        raise stops.PassOnError("more than 100% less is not clear")
    value = whole.value * (1 - rate) if less else whole.value * (1 + rate)
    stops.require(abs(value - whole.value) * 100 == whole.value * rate * 100, "the difference and the percentage")
    sign = "-" if less else "+"
    reading, steps = f"{whole} {sign} {_shown(rate)} of it", _added(whole.value, rate, sign, value)
    return frames.solved(f"{reading} = {whole.of(value)}", reading, _BACK, value, *steps)


def _more_than_what(match: frames.Match) -> results.Solved:
    """`60 is 20% less than what number?`"""
    part, rate = money.read(match["a"]), _rate(match["p"])
    less = match["way"].lower() in _LESS_WORDS
    if less and rate >= 1:
        raise stops.RefusedError("100% less than a number leaves nothing of it. Give a smaller percentage.")
    value = part.value / (1 - rate if less else 1 + rate)
    stops.require(value + (-value * rate if less else value * rate) == part.value, "the change of the answer")
    sign = "-" if less else "+"
    reading = f"which number {sign} {_shown(rate)} of it is {part}"
    steps = _taken_back(part.value, rate, sign, value)
    return frames.solved(f"{reading} = {part.of(value)}", reading, _BACK, value, *steps)


def _by_what_percent(match: frames.Match) -> results.Solved:
    """`80 is what percent more than 64?`"""
    part, whole = money.read(match["a"]), money.read(match["b"])
    money.one_currency(part, whole)
    less = match["way"].lower() in _LESS_WORDS
    word = "less" if less else "more"
    reading = f"by how many percent {part} is {word} than {whole}"
    if whole.value == 0:
        raise stops.RefusedError("A percentage of zero is undefined. Give a number that is not zero.", reading)
    value = (whole.value - part.value if less else part.value - whole.value) / whole.value * 100
    if value < 0:
        raise stops.RefusedError(f"{part} is not {word} than {whole}. Ask the other way round.", reading)
    stops.require(whole.value * (100 - value if less else 100 + value) == part.value * 100, "the change of the whole")
    large, small = (whole, part) if less else (part, whole)
    steps = _hundredths(f"({working.amount(large.value)} - {working.amount(small.value)})", whole.value, value)
    return frames.solved(f"{reading} = {percent_text(value)}", reading, _BACK, value, *steps)


_LESS_WORDS = ("less", "lower", "smaller", "fewer")
_WAY = r"(?P<way>more|greater|higher|larger|bigger|less|lower|smaller)"
_NOUN = r"(an? |the |some |my )?([a-z]+ ){0,2}?[a-z]+"
_WAS = (
    r"what (was (the|its) (price|cost)|(was|is) (the|its) (original|old|initial|previous|full|regular) (price|"
    r"cost))( before the (discount|sale))?"
)
_OFF = r"(off|discount|reduction)"
_LESS = rf"(with|after) (a )?<p:percent> {_OFF}"
_TAX = r"(and then|then|and|plus) (a )?<tax:percent> (sales )?tax"
_RATIO = rf"(?P<r>{numbers.NUMBER}(\s?(:| to )\s?{numbers.NUMBER}){{1,4}})"
_FINAL = r"what is the (final|total|end|new|sale) (price|cost)|how much does it cost( in the end| in total| now)?"

FRAMES = [
    *frames.frames(
        _share_of, rf"<ask>(the )?{_shares(_SHARES_MAX)}(?P<w>{frames.KINDS['percent']}|{frames.KINDS['amount']})"
    ),
    *frames.frames(
        _changed,
        r"<ask>(?P<way>increase|decrease|raise|reduce|lower) <w:amount> by <p:percent>",
        r"<ask><w:amount>,? (?P<way>increased|decreased|raised|reduced|lowered) by <p:percent>",
    ),
    *frames.frames(
        _what_percent,
        r"what (percent|percentage|%) of <b:amount> is <a:amount>",
        r"<a:amount> is what (percent|percentage|%) of <b:amount>",
        r"what (percent|percentage) is <a:amount> of <b:amount>",
        r"<ask><a:amount> as a percentage of <b:amount>",
        r"(express|write) <a:amount> as a percentage of <b:amount>",
    ),
    *frames.frames(
        _percent_change,
        (
            r"<ask>(the )?(percent|percentage) (?P<word>change|increase|decrease|growth|reduction|drop)( when "
            r"going| in going)? from <a:amount> to <b:amount>"
        ),
    ),
    *frames.frames(
        _of_what,
        r"<p:percent> of what( number| amount)? is <a:amount>",
        r"<a:amount> is <p:percent> of what( number| amount)?",
        r"of what( number| amount)? is <a:amount> <p:percent>",
    ),
    *frames.frames(_compared, rf"<ask>(a number )?<p:percent> {_WAY} than <w:amount>"),
    *frames.frames(
        _more_than_what,
        rf"<a:amount> is <p:percent> {_WAY} than what( number| amount)?",
        rf"<p:percent> {_WAY} than what( number| amount)? is <a:amount>",
    ),
    *frames.frames(
        _by_what_percent,
        rf"<a:amount> is (by )?(what|how many) (percent|percentage) {_WAY} than <b:amount>",
        rf"(by )?(what|how many) (percent|percentage) (is )?<a:amount> {_WAY} than <b:amount>",
        rf"(what|how many) (percent|percentage) {_WAY} than <b:amount> is <a:amount>",
    ),
    *frames.frames(
        _before,
        rf"after (a )?<p:percent> {_OFF},? {_NOUN} (costs|cost|is|was sold for|sells for) <a:amount>[,.;]? {_WAS}",
        rf"{_NOUN} (costs|cost|is|was sold for|sells for) <a:amount> after (a )?<p:percent> {_OFF}[,.;]? {_WAS}",
        (
            r"(a|the) price (was|is) (?P<up>increased|raised) by <p:percent> to <a:amount>[,.;]? what was (it|"
            r"the price) before"
        ),
        (
            r"(a|the) price (was|is) (reduced|lowered|decreased) by <p:percent> to <a:amount>[,.;]? what was "
            r"(it|the price) before"
        ),
    ),
    *frames.frames(
        _discounted,
        r"<ask><p:percent> off (of )?(a )?<w:amount>",
        rf"<ask><w:amount> (with|after|minus|less) (a )?<p:percent> {_OFF}(,? {_TAX})?",
        rf"<ask>the (final |total |sale )?price of (an? )?(<w:amount>) [a-z]+ {_LESS}(,? {_TAX})?",
        rf"{_NOUN} costs <w:amount>[,.;]? {_LESS},? {_TAX},? ({_FINAL})",
        (
            rf"{_NOUN} costs <w:amount>[,.;]? (it is|it gets) (discounted|reduced) by <p:percent>[,.;]? (and )?"
            rf"then <tax:percent> (sales )?tax is added[,.;]? ({_FINAL})"
        ),
        rf"{_NOUN} costs <w:amount>[,.;]? {_LESS},? ({_FINAL})",
        (
            rf"<ask><w:amount> {_LESS},? ((and then|then|followed by) (an? )?(another |further |additional |extra )?|"
            rf"and (an? )?(another|further|additional|extra) )<p2:percent> {_OFF}"
        ),
    ),
    *frames.frames(
        _taxed,
        r"<ask><w:amount> (with|plus) (a )?<p:percent> (sales tax|tax|vat|tip|service charge)",
        r"<ask>the total (of|for) (a )?<w:amount>( bill| meal)? (with|plus) (a )?<p:percent> (sales tax|tax|vat|tip)",
    ),
    *frames.frames(
        _share_of_bill,
        (
            r"<ask>(a |the )?<p:percent> (tip|tax|sales tax|vat|discount|commission) (on|of|for) (a |an "
            r")?<w:amount>( bill| meal)?"
        ),
    ),
    *frames.frames(
        _split,
        (
            r"(split|divide) (a |the )?(bill of )?<w:amount>( bill)? (with (a )?<p:percent> tip )?(equally |"
            r"evenly )?(between|among|by) <n:count>( people| friends| persons)?( equally| evenly)?"
        ),
        (
            r"<ask><w:amount> (with (a )?<p:percent> tip )?(split|divided|shared) (equally |evenly )(between|"
            r"among) <n:count>( people| friends| persons)?"
        ),
    ),
    *frames.frames(_ratio, rf"(divide|split|share) <w:amount> in (the |a )?ratio (of )?{_RATIO}"),
    *frames.frames(
        _simplest,
        r"<ask>(the )?ratio (of|between) <a:number>\s?(:| to | and )\s?<b:number>( in (its )?(simplest|lowest) (form|terms))?",
        r"(simplify|reduce) the ratio (of )?<a:number>\s?(:| to )\s?<b:number>",
        r"<ask>the simplest form of the ratio (of )?<a:number>\s?(:| to )\s?<b:number>",
    ),
]
