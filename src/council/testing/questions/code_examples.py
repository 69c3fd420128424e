"""Functions described by examples. The key is what the function that was meant gives for inputs that were not shown."""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from council.domain import answers
from council.testing.questions import families

_HIDDEN = 12
# A search tries thousands of programs.
_SHARE = 1 / 14
_Meant = tuple[str, Callable[..., Any], str]
_MEANT: Sequence[_Meant] = (
    ("the square", lambda n: n * n, "i"),
    ("twice and one", lambda n: 2 * n + 1, "i"),
    ("the sum of digits", lambda n: sum(map(int, str(abs(n)))), "i"),
    ("the sum of squares", lambda v: sum(x * x for x in v), "l"),
    ("the sum of even numbers", lambda v: sum(x for x in v if not x % 2), "l"),
    ("the largest less the smallest", lambda v: max(v) - min(v), "l"),
    ("in order without doubles", lambda v: sorted(set(v)), "l"),
    ("the second largest", lambda v: sorted(set(v))[-2] if len(set(v)) > 1 else v[0], "l"),
    ("the text backwards", lambda s: s[::-1], "s"),
    ("the number of words", lambda s: len(s.split()), "s"),
    ("the letters in order", lambda s: "".join(sorted(s)), "s"),
    ("the first word in capitals", lambda s: s.split()[0].upper(), "s"),
    ("the product", lambda a, b: a * b, "ii"),
    ("the remainder of the square", lambda a, b: a * a % (abs(b) + 1), "ii"),
    ("those above", lambda v, n: [x for x in v if x > n], "li"),
    ("whether it is a palindrome", lambda s: s == s[::-1], "s"),
    ("whether it is prime", lambda n: n > 1 and all(n % d for d in range(2, n)), "i"),
    ("Collatz steps", lambda n: _collatz(abs(n) + 1), "i"),
)
_REFUSE = (
    "Write a function f. f(2) -> 4",
    "Write a function f so that f(2) -> 4 and f(2) -> 4.",
    "Write a function. assert f(1) == True\nassert f(2) == True\nassert f(3) == True",
    "Write a function. assert f(1) == 5\nassert f(2) == 5\nassert f(3) == 5",
    "Write a function. assert f(2) == True\nassert f(3) == False\nassert f(4) == True",
    "Write a function. assert f(1) == 1\nassert f(2) == 4\nassert f(x) == x * x",
    "Write a function. f(0) -> 0\nf(1) -> 1",
)


def _collatz(n: int) -> int:
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


def _input(chance: random.Random, kind: str) -> Any:
    match kind:
        case "i":
            return chance.randint(0, 60)
        case "l":
            return [chance.randint(-30, 60) for _ in range(chance.randint(1, 7))]
        case _:
            words = ["".join(chance.choice("abcdeorxyz") for _ in range(chance.randint(1, 6))) for _ in range(3)]
            return " ".join(words[: chance.randint(1, 3)])


def _asked(chance: random.Random, meant: _Meant) -> families.Asked:
    _, function, kinds = meant
    rows = [tuple(_input(chance, kind) for kind in kinds) for _ in range(chance.randint(2, 6) + _HIDDEN)]
    shown, hidden = rows[:-_HIDDEN], rows[-_HIDDEN:]
    lines = [f"assert work({_arguments(row)}) == {function(*row)!r}" for row in shown]
    key = json.dumps([[_arguments(row), repr(function(*row))] for row in hidden])
    return families.Asked("Write a function `work` that passes:\n" + "\n".join(lines), key)


def _arguments(row: Sequence[Any]) -> str:
    return ", ".join(repr(each) for each in row)


def _paraphrase(chance: random.Random, asked: families.Asked) -> families.Asked:
    lines = asked.text.splitlines()[1:]
    arrow = chance.choice((" -> ", " => ", " returns ", " should return ", " gives "))
    said = [line.removeprefix("assert ").replace(" == ", arrow, 1) for line in lines]
    head = chance.choice(
        ("I need a Python function.", "please write this function:", "Find a function with these examples.")
    )
    return families.Asked("\n".join([head, *said]), asked.key)


def agrees(answer: str, key: str) -> bool:
    """Say whether the function in an answer gives what was meant on the hidden inputs. The searched code is our own."""
    code = answer.split("```python\n", 1)[1].split("```", 1)[0]
    space: dict[str, Any] = {}
    exec(code, space)  # noqa: S102 - put together by the search from its own pieces
    try:
        return all(repr(eval(f"work({row})", space)) == expected for row, expected in json.loads(key))  # noqa: S307
    except Exception:  # noqa: BLE001 - whatever it raises, it is not what was meant
        return False


def _family(meant: _Meant, refuse: Sequence[str]) -> families.Family:
    return families.Family(
        f"code examples: {meant[0]}",
        answers.Route.CODE,
        lambda chance: _asked(chance, meant),
        _paraphrase,
        agrees,
        refuse,
        share=_SHARE,
    )


FAMILIES = tuple(_family(meant, () if number else _REFUSE) for number, meant in enumerate(_MEANT))
