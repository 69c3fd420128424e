"""Percentages, fractions, prices, tips, ratios, interest. Every question is made backwards from whole numbers."""

import math
import random

from council.testing.questions import amounts, families

_SHOPS = ("a jacket", "a bike", "the lamp", "it", "a pair of shoes", "my new phone")
_FRACTIONS = (
    (1, 2, "half"), (1, 2, "one half"), (1, 3, "a third"), (2, 3, "two thirds"), (3, 4, "three quarters"), (1, 4, "a quarter"),
    (2, 5, "two fifths"), (5, 8, "five eighths"), (1, 10, "a tenth"), (7, 12, "seven twelfths"), (3, 4, "3/4"), (5, 6, "5/6"),
)  # fmt: skip


def _grouped(chance: random.Random, number: int) -> str:
    return f"{number:,}" if chance.random() < 0.4 else str(number)


def _share(chance: random.Random) -> families.Asked:
    percent, unit = chance.randint(1, 250), chance.randint(1, 400)
    form = chance.choice(("What is {p}% of {w}?", "{p}% of {w}", "Calculate {p}% of {w}", "find {p}% of {w}"))
    return families.Asked(form.format(p=percent, w=_grouped(chance, 100 * unit)), str(percent * unit))


def _share_of_share(chance: random.Random) -> families.Asked:
    (top, bottom, words), percent, unit = chance.choice(_FRACTIONS), chance.randint(1, 99), chance.randint(1, 99)
    whole = bottom * 100 * unit
    form = chance.choice(("What is {f} of {p}% of {w}?", "{p}% of {f} of {w}", "what is {p}% of {f} of {w}"))
    return families.Asked(form.format(f=words, p=percent, w=whole), str(top * percent * unit))


def _fraction(chance: random.Random) -> families.Asked:
    (top, bottom, words), (top2, bottom2, words2) = chance.choice(_FRACTIONS), chance.choice(_FRACTIONS)
    unit = chance.randint(1, 99)
    if chance.random() < 0.5:
        return families.Asked(f"What is {words} of {bottom * unit}?", str(top * unit))
    return families.Asked(f"{words} of {words2} of {bottom * bottom2 * unit}", str(top * top2 * unit))


def _change(chance: random.Random) -> families.Asked:
    percent, unit = chance.randint(1, 90), chance.randint(1, 300)
    up = chance.random() < 0.5
    form = chance.choice(("{W} {w} by {p}%", "What is {w} {w2} by {p}%?"))
    word, past = chance.choice(
        (("increase", "increased"), ("raise", "raised")) if up else (("decrease", "decreased"), ("reduce", "reduced"))
    )
    text = form.format(W=word.capitalize(), w=100 * unit, w2=past, p=percent)
    return families.Asked(text, str((100 + percent if up else 100 - percent) * unit))


def _what_percent(chance: random.Random) -> families.Asked:
    percent, unit = chance.randint(1, 180), chance.randint(1, 300)
    form = chance.choice(
        (
            "What percent of {w} is {p}?",
            "{p} is what percentage of {w}?",
            "what percentage is {p} of {w}",
            "{p} as a percentage of {w}",
        )
    )
    return families.Asked(form.format(w=100 * unit, p=percent * unit), f"{percent}%")


def _changed_by(chance: random.Random) -> families.Asked:
    percent, unit = chance.randint(1, 90), chance.randint(1, 300)
    if chance.random() < 0.5:
        return families.Asked(
            f"What is the percent increase from {100 * unit} to {(100 + percent) * unit}?", f"{percent}%"
        )
    return families.Asked(f"percentage decrease from {100 * unit} to {(100 - percent) * unit}", f"{percent}%")


def _before(chance: random.Random) -> families.Asked:
    percent, unit, what = chance.randint(1, 95), chance.randint(1, 40), chance.choice(_SHOPS)
    after = (100 - percent) * unit
    form = chance.choice(
        (
            "After a {p}% discount, {n} costs ${a}. What was the original price?",
            "after {p}% off {n} costs ${a}, what was the price",
            "{N} costs ${a} after a {p}% discount. What was the original price?",
            "A price was reduced by {p}% to ${a}. What was it before?",
        )
    )
    return families.Asked(form.format(p=percent, n=what, N=what.capitalize(), a=after), f"${100 * unit}")


def _of_what(chance: random.Random) -> families.Asked:
    percent, unit = chance.randint(1, 150), chance.randint(1, 300)
    form = chance.choice(("{p}% of what number is {a}?", "{a} is {p}% of what number?", "{a} is {p}% of what"))
    return families.Asked(form.format(p=percent, a=percent * unit), str(100 * unit))


def _discount_and_tax(chance: random.Random) -> families.Asked:
    off, tax, unit = chance.randint(1, 90), chance.randint(1, 25), chance.randint(1, 9)
    price, what = 10_000 * unit, chance.choice(_SHOPS)
    form = chance.choice(
        (
            "{N} costs ${w}. With a {d}% discount and then {t}% sales tax, what is the final price?",
            "{N} costs ${w}. It is discounted by {d}%, and then {t}% tax is added. What is the final price?",
            "What is ${w} with a {d}% discount and then {t}% tax?",
        )
    )
    text = form.format(N=what.capitalize(), w=_grouped(chance, price), d=off, t=tax)
    return families.Asked(text, f"${(100 - off) * (100 + tax) * unit}")


def _tip(chance: random.Random) -> families.Asked:
    percent, people, unit = chance.randint(1, 30), chance.randint(2, 9), chance.randint(1, 9)
    bill = 100 * people * unit
    if chance.random() < 0.4:
        return families.Asked(f"What is a {percent}% tip on ${bill}?", f"${percent * people * unit}")
    text = f"Split a ${bill} bill with a {percent}% tip among {people} people"
    return families.Asked(text, f"${(100 + percent) * unit} each")


def _ratio(chance: random.Random) -> families.Asked:
    parts = [chance.randint(1, 12) for _ in range(chance.choice((2, 2, 3)))]
    unit = chance.randint(1, 60)
    written = chance.choice((":", " : ")).join(map(str, parts))
    text = chance.choice(("Divide {w} in the ratio {r}", "Share {w} in the ratio of {r}", "split {w} in the ratio {r}"))
    return families.Asked(text.format(w=sum(parts) * unit, r=written), " and ".join(str(part * unit) for part in parts))


def _interest(chance: random.Random) -> families.Asked:
    rate, years, unit = chance.randint(1, 15), chance.randint(2, 3), chance.randint(1, 9)
    if chance.random() < 0.5:
        return families.Asked(
            f"simple interest on ${100 * unit} at {rate}% per year for {years} years", f"${rate * years * unit}"
        )
    balance = unit
    for _ in range(years):
        balance *= 100 + rate
    start = 100**years * unit
    text = f"What is the compound interest on ${start} at {rate}% per year for {years} years?"
    return families.Asked(text, f"${balance - start}")


def _compared(chance: random.Random) -> families.Asked:
    percent, unit = chance.randint(1, 90), chance.randint(1, 300)
    less = chance.random() < 0.5
    part = (100 - percent if less else 100 + percent) * unit
    word = chance.choice(("less", "lower", "smaller") if less else ("more", "greater", "higher"))
    form, key = chance.choice(
        (
            ("What is {p}% {w} than {b}?", str(part)),
            ("{a} is {p}% {w} than what number?", str(100 * unit)),
            ("{a} is what percent {w} than {b}?", f"{percent}%"),
            ("What percent {w} than {b} is {a}?", f"{percent}%"),
        )
    )
    return families.Asked(form.format(p=percent, w=word, a=part, b=100 * unit), key)


def _of_percent(chance: random.Random) -> families.Asked:
    first, second = chance.randint(1, 99), chance.randint(1, 99)
    product = first * second
    key = f"{product // 100}.{product % 100:02d}".rstrip("0").rstrip(".")
    return families.Asked(chance.choice((f"What is {first}% of {second}%?", f"{first}% of {second}%")), f"{key}%")


def _forms(chance: random.Random) -> families.Asked:
    """A number of thousandths as a fraction, a decimal and a percentage."""
    bottom = chance.choice((2, 4, 5, 8, 10, 20, 25, 40, 50, 100, 125, 200))
    top = chance.randint(1, 3 * bottom)
    thousandths = top * (1000 // bottom)
    common = math.gcd(top, bottom)
    lowest = f"{top // common}/{bottom // common}" if bottom > common else str(top // common)
    decimal = f"{thousandths // 1000}.{thousandths % 1000:03d}".rstrip("0").rstrip(".")
    percent = f"{thousandths // 10}.{thousandths % 10}".removesuffix(".0")
    text = chance.choice(
        (
            f"{top}/{bottom} as a percentage|{percent}%", f"What is {top}/{bottom} as a decimal?|{decimal}",
            f"Convert {decimal} to a fraction|{lowest}", f"write {percent}% as a fraction in lowest terms|{lowest}",
            f"{percent}% as a decimal|{decimal}", f"Express {decimal} as a percent|{percent}%",
        )
    )  # fmt: skip
    return families.Asked(*text.split("|"))


def _grown(chance: random.Random) -> families.Asked:
    rate, years, unit = chance.randint(1, 15), chance.randint(2, 3), chance.randint(1, 9)
    balance = unit
    for _ in range(years):
        balance *= 100 + rate
    start = 100**years * unit
    form, key = chance.choice(
        (
            ("compound interest on ${s} at {r}% for {n} years", balance - start),
            ("What will ${s} grow to at {r}% compounded annually for {n} years?", balance),
            ("${s} is invested at {r}% compounded yearly for {n} years. What is the final amount?", balance),
            ("If I invest ${s} at {r}% compounded annually, how much will I have after {n} years?", balance),
        )
    )
    return families.Asked(form.format(s=start, r=rate, n=years), f"${key}")


def _ratio_of(chance: random.Random) -> families.Asked:
    left, right, unit = chance.choice((2, 3, 4, 5)), chance.choice((1, 7, 11)), chance.randint(1, 60)
    return families.Asked(f"What is the ratio of {left * unit} to {right * unit}?", f"{left}:{right}")


_REFUSE = (
    "60 is 100% less than what number?",
    "What is 150% less than 60?",
    "80 is what percent less than 64?",
    "80 is what percent more than 0?",
    "What is 15% more than?",
    "What is 15 more percent than 60?",
    "1/0 as a decimal",
    "convert 101 to decimal",
    "What is 1010 in decimal?",
    "10.1 as a decimal",
    "12 in decimal",
    "1,5 as a fraction",
    "1.500 as a fraction",
    "What is 3/8 as a ratio?",
    "5 3/2 as a decimal",
    "ratio of 12 to 0.5",
    "ratio of 0 to 0",
    "compound interest on 500 at 1% for 18 months",
    "If I invest $1000 at 6% compounded monthly, how much will I have after 2 years?",
    "What will $1000 grow to at 5%?",
    "What will $1000 grow to at 5% for 2 years?",
    "What is 2\N{VULGAR FRACTION ONE HALF} of 40?",
    "$100 with a 20% discount and a 10% discount",
    "What is the percent increase from 5% to 8%?",
    "What is 20% off 50 and 30?",
    "After a discount it costs 80. What was the price?",
    "What is 17% of 1,5?",
    "What is 17% of 1.234,56?",
    "What is 5% of 3 million apples?",
    "What is 20% of the people in France?",
    "Increase 200 by 10",
    "200 increased by 10% twice",
    "What percent is 20?",
    "What percent of 0 is 5?",
    "percent increase from 0 to 5",
    "percent increase from 100 to 80",
    "Divide 60 in the ratio 0:0",
    "Divide 60 in the ratio 2",
    "Divide $60 in the ratio 2:3 between Tom, Ann and Bob",
    "After a 100% discount it costs $5. What was the original price?",
    "What is a tip on $40?",
    "What is a 15% tip on \N{EURO SIGN}40 in dollars?",
    "$80 is what percent of \N{EURO SIGN}100?",
    "compound interest on $1000 at 5% for 2.5 years",
    "compound interest on $1000 at 5% per year for 1000 years",
    "10% of NaN",
    "inf% of 10",
    "What is \N{FULLWIDTH DIGIT ONE}\N{FULLWIDTH DIGIT SEVEN}% of 200?",
    "What is 17% of 2\N{CYRILLIC SMALL LETTER O}0?",
    "What is half a third of 90?",
    "two third of 90",
    "What is 1/0 of 90?",
    "Split a $90 bill among 0 people",
    "Which is better, 20% off or $5 off $30?",
    "A shirt costs $20 after 20% off and a coupon. What was the original price?",
    "20% of what?",
    "What is $50 including 20% VAT?",
    "simple interest on 500 at 4% for 18 months",
    "compound interest on 500 at 1% compounded monthly for 2 years",
    "If 20% of 50 students are absent, how many are present?",
)
FAMILIES = (
    amounts.family("percent: share", _share, _REFUSE),
    amounts.family("percent: share of a share", _share_of_share),
    amounts.family("percent: fractions in words", _fraction),
    amounts.family("percent: increase and decrease", _change),
    amounts.family("percent: what percent", _what_percent),
    amounts.family("percent: change in percent", _changed_by),
    amounts.family("percent: price before", _before),
    amounts.family("percent: of what", _of_what),
    amounts.family("percent: discount and tax", _discount_and_tax),
    amounts.family("percent: tip and split", _tip),
    amounts.family("percent: ratio", _ratio),
    amounts.family("percent: interest", _interest),
    amounts.family("percent: more and less than", _compared),
    amounts.family("percent: percent of percent", _of_percent),
    amounts.family("percent: forms of a number", _forms),
    amounts.family("percent: what money grows to", _grown),
    amounts.family("percent: ratio of two", _ratio_of),
)
