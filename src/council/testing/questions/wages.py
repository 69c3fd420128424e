"""Prices in cents, and pay by the hour over days and weeks. Every question is made from whole numbers."""

import random

from council.testing.questions import amounts, families

_THINGS = (("pen", "pens"), ("apple", "apples"), ("stamp", "stamps"), ("candy", "candies"))


def _cents(chance: random.Random) -> families.Asked:
    (one, many), (two, more) = chance.sample(_THINGS, 2)
    price, other, count, rest = (
        chance.randint(2, 99),
        chance.randint(2, 99),
        chance.randint(2, 12),
        chance.randint(2, 9),
    )
    match chance.randrange(4):
        case 0:
            return families.Asked(
                f"A {one} costs {price} cents. How much do {count} {many} cost?", f"{price * count} cents"
            )
        case 1:
            text = (
                f"A {one} costs {price} cents and a {two} costs {other} cents. How much do {count} {many} and {rest} {more} "
                "cost together?"
            )
            return families.Asked(text.replace(" a apple", " an apple"), f"{price * count + other * rest} cents")
        case 2:
            text = f"Mia buys {count} {many} at {price} cents each. How much does she pay?"
            return families.Asked(text, f"{price * count} cents")
        case _:
            text = f"{count} {many} cost {price * count} cents. How much do {rest} {many} cost?"
            return families.Asked(text, f"{price * rest} cents")


def _pay(chance: random.Random) -> families.Asked:
    rate, hours, days, weeks = chance.randint(2, 60), chance.randint(2, 12), chance.randint(2, 7), chance.randint(2, 30)
    name, they = chance.choice((("Mia", "she"), ("Tom", "he"), ("Lena", "Lena")))
    verb, each = chance.choice(("earns", "makes", "is paid", "gets")), chance.choice(("an", "per", "each", "every"))
    wage = f"{name} {verb} ${rate} {each} hour"
    daily = f"{hours} hours {chance.choice(('a', 'per', 'each', 'every'))} day"
    ends = chance.choice(("", " in total", " altogether"))
    text, total = chance.choice(
        (
            (f"{wage}. {they} works {daily} for {days} days. How much does {they} earn{ends}?", rate * hours * days),
            (f"{wage} and works {daily}. How much does {they} earn in {days} days?", rate * hours * days),
            (f"{wage} and works {daily} for {days} days. How much does {they} earn{ends}?", rate * hours * days),
            (
                f"{wage}. {they} works {daily}, {days} days a week. How much does {they} earn in {weeks} weeks?",
                rate * hours * days * weeks,
            ),
            (
                f"{wage} and works {daily}, {days} days a week. How much does {they} earn in a week?",
                rate * hours * days,
            ),
        )
    )
    return families.Asked(text.replace(". she", ". She").replace(". he ", ". He "), f"${total}")


_REFUSE_CENTS = (
    "An apple costs 25 cents and a banana costs $1. How much do 2 apples and 3 bananas cost?",
    "A pen costs 50 cents. Tom pays with a $5 note for 6 pens. How much change does he get?",
    "3 pens cost 100 cents. How much do 5 pens cost?",
    "A pen costs 50 cents. How much do 6 pencils cost?",
    "A pen costs 50 cents more than a book. How much do 6 pens cost?",
    "A pen costs 50 cents. How many dollars do 6 pens cost?",
    "A pen costs 50 cents off. How much do 6 pens cost?",
    "A pen costs 2 dollars 50 cents. How much do 6 pens cost?",
    "A pen costs $2 and 50 cents. How much do 6 pens cost?",
    "A pen costs 50 cent stamps. How much do 6 pens cost?",
    "A pen costs 0.5.5 cents. How much do 6 pens cost?",
    "How much do 6 pens cost at 50 cents the dozen?",
)
_REFUSE_PAY = (
    "Tom earns $12 an hour. He works 8 hours a day. How much does he earn in 2 weeks?",
    "Tom earns $12 an hour. He works 8 hours a day. How much does he earn in a month?",
    "Tom earns $12 an hour. He works 30 hours a day for 5 days. How much does he earn?",
    "Tom earns $12 an hour. He works 8 hours a day, 9 days a week. How much does he earn in a week?",
    "Mia earns $15 an hour. Bob works 8 hours a day for 5 days. How much does he earn?",
    "Mia earns $15 an hour. Bob works 8 hours a day for 5 days. How much does Mia earn?",
    "Mia earns $15 an hour. She works 8 hours a day for 5 days. How much does Bob earn?",
    "Mia earns $15 an hour. She works 8 hours a day for 5 days and 4 hours on Saturday. How much does she earn?",
    "Mia earns $15 an hour and $20 for overtime. She works 8 hours a day for 5 days. How much does she earn?",
    "Mia earns $15 an hour before tax. She works 8 hours a day for 5 days. How much does she earn?",
    "Mia earns $15 an hour. She works 8 hours a day for 5 days. How much does she save?",
    "Mia earns $15 an hour. She works 8 hours a day for 5 days. She spends $20. How much does she have?",
    "Mia earns $15 a day. She works 8 hours a day for 5 days. How much does she earn?",
    "Mia earns $15 an hour. She works 8 hours for 5 days. How much does she earn?",
    "Mia earns $15 an hour. She works about 8 hours a day for 5 days. How much does she earn?",
    "Mia earns $15 an hour. She works 8 hours a day from Monday to Friday. How much does she earn?",
    "Mia earns $15 an hour. She works 8 hours a day for 5 days. How much does she earn in euros?",
    "Mia earns $15 an hour. She works 8 hours a day for 5 days. How much does she earn a day?",
    "Mia earns $15 an hour. She worked 8 hours a day for 5 days. How much does she earn?",
    "Mia earns $15 an hour. She works 8 hours a day for 2.5 days. How much does she earn?",
)

FAMILIES = (
    amounts.family("wages: prices in cents", _cents, _REFUSE_CENTS),
    amounts.family("wages: pay by the hour", _pay, _REFUSE_PAY),
)
