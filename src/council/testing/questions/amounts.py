"""What the families of quantities share: other clothes for a question, and what counts as the same answer."""

import random
import re
from collections.abc import Callable, Sequence
from fractions import Fraction

from council.domain import answers
from council.testing.questions import families

_BEFORE = (
    "", "", "Please, ", "Can you tell me ", "Hi, ", "Hello! ", "tell me ", "Could you please tell me, ", "Quick question: ",
)  # fmt: skip
_AFTER = ("", "", "?", " ?", ".", " please", ", please?", " Thanks!", " thank you", "  \n")
_SIGNS = (
    ("%", (" %", " percent", " per cent", "\\%", "%")),
    ("'", ("\N{RIGHT SINGLE QUOTATION MARK}",)),
    (" - ", (" \N{MINUS SIGN} ", " - ")),
    (" ", ("  ", "\N{NO-BREAK SPACE}", "\t", " ")),
)
_VALUE = re.compile(
    (
        r"(?P<about>about "
        r")?(?P<sign>-?)(?P<currency>[$\N{EURO SIGN}\N{POUND SIGN}]?)(?P<number>\d+(?:\.\d+)?(?:/\d+)?)(?P<rest>\D.*|"
        r")"
    ),
    re.ASCII,
)
Make = Callable[[random.Random], families.Asked]


def family(name: str, make: Make, refuse: Sequence[str] = ()) -> families.Family:
    """Return a family of the math route."""
    return families.Family(name, answers.Route.MATH, make, paraphrase, agrees, refuse)


def paraphrase(chance: random.Random, asked: families.Asked) -> families.Asked:
    """Return the question with manners, other spaces and other signs for the same; case stays where units may stand."""
    text = asked.text.rstrip("?")
    for sign, others in _SIGNS:
        if chance.random() < 0.3:
            text = text.replace(sign, chance.choice(others))
    before = chance.choice(_BEFORE)
    if before.rstrip().endswith(("you", "me", ",")) and text[:1] not in ("", "I") and chance.random() < 0.5:
        text = text[0].lower() + text[1:]
    return families.Asked(f"{before}{text}{chance.choice(_AFTER)}", asked.key)


def agrees(answer: str, key: str) -> bool:
    """Say whether an answer ends in the key: every line's last value is the same number in the same unit.

    A number marked `about` must be the key's, rounded to its own digits.
    """
    lines, keys = answer.split("\n"), key.split("\n")
    return len(lines) == len(keys) and all(_means(line, one) for line, one in zip(lines, keys, strict=True))


def _means(line: str, key: str) -> bool:
    last = re.sub(r" \([^()]*\)", "", line.rsplit(" = ", 1)[-1]).strip()
    if last == key or f" is {key} of " in line:
        return True
    said, meant = _VALUE.fullmatch(last), _VALUE.fullmatch(key)
    if not said or not meant:
        return False
    if (said["currency"], said["rest"]) != (meant["currency"], meant["rest"]) or said["sign"] != meant["sign"]:
        return False
    one, other = Fraction(said["number"]), Fraction(meant["number"])
    if not said["about"]:
        return one == other
    return abs(one - other) * 200_000 <= other


def text(value: Fraction) -> str:
    """Return a key: whole, or as p/q."""
    return str(value)
