"""Conversations of two or three questions, of which the later ones only say what is different. Turns stand apart by TURN.

A conversation is drawn as one whole question of some amount and others of the same form; the key is that of the last one.
"""

import contextlib
import itertools
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from council.domain import answers
from council.serving.compute import results
from council.serving.specialists import computed
from council.testing import local
from council.testing.questions import amounts, families, math_faces

TURN = "\f"

_LEADS = ("and", "And", "what about", "What about", "how about", "and what about", "and how about")
# "And 30%?" after "20% off" may be a second change; so this asks for another one instead.
_OTHERS = ("what about", "How about", "and what about")
_ENDS = ("?", "?", " ?", "", ".", " please?", " instead?", ", thanks", "??")


@dataclass(frozen=True, slots=True)
class _Form:
    """A question with a place for an amount: how amounts are drawn and written, what may stand before, what it comes to."""

    text: str
    draw: Callable[[random.Random], int]
    written: str
    links: Sequence[str]
    value: Callable[[int], str]
    leads: Sequence[str] = _LEADS


def _whole(low: int, high: int, step: int = 1) -> Callable[[random.Random], int]:
    return lambda chance: chance.randrange(low, high, step)


def _prime(number: int) -> str:
    is_prime = number > 1 and all(number % one for one in range(2, number))
    return f"{number} is a prime" if is_prime else f"{number} is not a prime"


def _percent_forms(percent: int, base: int) -> Sequence[_Form]:
    return (
        _Form(f"What is {percent}% of {{}}?", _whole(100, 9_000, 100), "{}", ("of ",), lambda n: str(percent * n // 100)),
        _Form(f"What is {{}} of {base}?", _whole(1, 99), "{}%", ("", "for "), lambda n: str(Fraction(n * base, 100))),
        _Form(
            f"What is {{}} off ${base}?", _whole(1, 99), "{}%", ("",), lambda n: f"${base * (100 - n) // 100}", _OTHERS
        ),
        _Form(
            f"How much is a {percent}% tip on {{}}?", _whole(100, 900, 100), "${}", ("on ", "", "for "),
            lambda n: f"${percent * n // 100}",
        ),
    )  # fmt: skip


_FACTORIAL = _Form("What is {} factorial?", _whole(2, 15), "{}", ("",), lambda n: str(math.factorial(n)))
_PRIME = _Form("Is {} prime?", _whole(2, 400), "{}", ("",), _prime)
_FORMS = (
    _Form("What is half of {}?", _whole(2, 900, 2), "{}", ("of ", "", "for "), lambda n: str(n // 2)),
    _Form("What is a third of {}", _whole(3, 900, 3), "{}", ("of ", ""), lambda n: str(n // 3)),
    _Form("What is {} squared?", _whole(2, 300), "{}", ("", "for "), lambda n: str(n * n)),
    _Form("What is the absolute value of {}?", _whole(-400, -1), "{}", ("of ", ""), lambda n: str(-n)),
    _Form("How many cm is {} m?", _whole(2, 90), "{} m", ("",), lambda n: f"{100 * n} cm"),
    _Form("Convert {} km to m", _whole(2, 90), "{}", ("",), lambda n: f"{1000 * n} m"),
    _Form("How many minutes are in {} hours?", _whole(2, 90), "{} hours", ("", "in "), lambda n: f"{60 * n} min"),
)


def _made(form_of: Callable[[random.Random], _Form]) -> amounts.Make:
    def make(chance: random.Random) -> families.Asked:
        form = form_of(chance)
        drawn: list[int] = []
        for _ in range(chance.choice((2, 2, 3))):
            number = form.draw(chance)
            while number in drawn:
                number = form.draw(chance)
            drawn.append(number)
        # The unit stands in the question already; what is put there is the number.
        turns = [form.text.format(form.written.format(drawn[0]).partition(" ")[0])]
        for before, number in itertools.pairwise(drawn):
            lead, link = chance.choice(form.leads), chance.choice(form.links)
            turns += [form.value(before), f"{lead} {link}{form.written.format(number)}{chance.choice(_ENDS)}"]
        return families.Asked(TURN.join(turns), form.value(drawn[-1]))

    return make


def spaced(chance: random.Random, asked: families.Asked) -> families.Asked:
    """Return the conversation with manners and other spaces."""
    first, *rest = asked.text.split(TURN)
    if chance.random() < 0.5:
        first = f"{chance.choice(('Please tell me, ', 'Hi! ', 'hello, '))}{first[0].lower()}{first[1:]}"
    turns = [first, *rest]
    turns = [turn.replace(" ", chance.choice((" ", " ", "  ", "\N{NO-BREAK SPACE}"))) for turn in turns]
    return families.Asked(TURN.join(turns), asked.key)


def messages(text: str) -> list[answers.Message]:
    """Return a conversation's turns: the user's, and an answer between each two of them."""
    turns = enumerate(text.split(TURN))
    return [answers.Message("assistant" if place % 2 else "user", turn) for place, turn in turns]


async def ask(text: str) -> results.Result:
    """Ask the math specialist what the last turn of a conversation asks."""
    question = answers.Question("made", messages(text), "council", answers.Sampling(100))
    specialist = computed.ComputedSpecialist(answers.Route.MATH, "math.solve", local.InlineCompute())
    async with contextlib.aclosing(specialist.attempt(question)) as events:
        async for event in events:
            if isinstance(event, answers.PassOn):
                return results.PassedOn(event.reason)
            if isinstance(event, answers.Finding):
                return results.Solved(event.text, "", event.evidence.level, "")
    raise AssertionError("the specialist ended without a word")


def talk(*turns: str) -> str:
    """Return a conversation of these turns."""
    return TURN.join(turns)


_REFUSE = (
    # Which of two amounts, or one more of several.
    talk("What is 17% of 200?", "34", "what about 12?"),
    talk("What is 17% of 200?", "34", "and 300?"),
    talk("What is 5 + 3?", "8", "and 4?"),
    talk("What is 12 mod 5?", "2", "and 7?"),
    talk("What is the gcd of 12 and 18?", "6", "and of 24?"),
    talk("What is the mean of 3, 4 and 5?", "4", "and 8?"),
    talk("What is the mean of 4?", "4", "and 8?"),
    talk("What is 20% of 50% of 80?", "8", "and 30%?"),
    talk("What is 2^10?", "1024", "and 12?"),
    talk("How many days are between 5 March 2024 and 10 March 2024?", "5", "and 12 March 2024?"),
    talk("What is five plus 3?", "8", "and 4?"),
    # A second change on top of the first.
    talk("What is 20% off $50?", "$40", "and 10%?"),
    talk("What is 50 increased by 20%?", "60", "and 10%?"),
    talk("What is 50 increased by 20%?", "60", "and then 10%?"),
    # What is given, not what is asked.
    talk("If 3 pens cost $6, how much is a pen?", "$2", "and 5 pens?"),
    talk("If 3 pens cost $6, how much do 7 pens cost?", "$14", "and 9 pens?"),
    talk("Tom has 5 apples. He eats 2. How many are left?", "3", "and 4?"),
    # Another thing, or a form of its own.
    talk("How many cm is 5 m?", "500 cm", "and 8 km?"),
    talk("How many cm is 5 m?", "500 cm", "and in feet?"),
    talk("What is 17% of 200?", "34", "and by 300?"),
    talk("What is 17% of 200?", "34", "and of $300?"),
    talk("What is 17% of 200?", "34", "and of that?"),
    talk("What is 17% of 200?", "34", "and half of it?"),
    talk("What is 17% of 200?", "34", "300?"),
    talk("What is 17% of 200?", "34", "and of 300 and 400?"),
    talk("What is 17% of 200?", "34", "and of 3OO?"),
    talk("What is 17% of 200?", "34", "and of 1,5?"),
    talk("What is 17% of 200?", "34", "and of 300 plus 5?"),
    talk("What is 17% of 200?", "34", "and of \N{FULLWIDTH DIGIT THREE}00?"),
    # The answer asks back, or holds the number itself.
    talk("What is 17% of 200?", "34. Did you mean 17% off?", "and of 300?"),
    talk("What is the square root of 144?", "12", "and 12?"),
    talk("What is half of 90?", "It is 45, and half of 100 is 50.", "and 100?"),
    # Something else was said between, or before.
    talk("What is 17% of 200?", "34", "I like birds.", "OK", "and of 300?"),
    talk("Let us work in base 8.", "Fine", "What is half of 20?", "10", "and of 40?"),
    talk("and of 200?", "34", "and of 300?"),
    talk("What is the weather in 3 days?", "Fine", "and in 5 days?"),
)

FAMILIES = (
    families.Family(
        "followups: amounts",
        answers.Route.MATH,
        _made(lambda chance: chance.choice(_FORMS)),
        spaced,
        amounts.agrees,
        _REFUSE,
    ),
    families.Family("followups: primes", answers.Route.MATH, _made(lambda _: _PRIME), spaced, math_faces.says),
    families.Family(
        "followups: factorials", answers.Route.MATH, _made(lambda _: _FACTORIAL), spaced, math_faces.same_number
    ),
    families.Family(
        "followups: percentages",
        answers.Route.MATH,
        _made(lambda chance: chance.choice(_percent_forms(chance.randint(1, 99), chance.randrange(100, 900, 100)))),
        spaced,
        amounts.agrees,
    ),
)
