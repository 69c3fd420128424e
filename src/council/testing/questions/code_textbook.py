"""Wishes for functions that textbooks have. The key is what another way to the same gives for inputs drawn here.

What is asked for with a word more, in another language or in another order must not be answered by the textbook's function.
"""

import datetime
import heapq
import itertools
import json
import math
import random
import re
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from council.domain import answers
from council.testing.questions import families

_HIDDEN = 8
_Meant = tuple[Sequence[str], Callable[..., Any], str]


def _divisors(n: int) -> int:
    return sum(n % divisor == 0 for divisor in range(1, n + 1))


def _binary(n: int) -> str:
    return _binary(n // 2) + str(n % 2) if n > 1 else str(n)


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        datetime.date(year, month, day)
    except ValueError:
        return False
    return True


def _fibonacci(place: int) -> int:
    golden = (1 + math.sqrt(5)) / 2
    return round(golden**place / math.sqrt(5))


def _collatz(n: int) -> list[int]:
    return [n] if n == 1 else [n, *_collatz(3 * n + 1 if n & 1 else n >> 1)]


def _roman(n: int) -> str:
    tens, ones = divmod(n, 10)
    written = (",I,II,III,IV,V,VI,VII,VIII,IX".split(","), ",X,XX,XXX,XL,L,LX,LXX,LXXX,XC".split(","))
    return written[1][tens] + written[0][ones]


def _from_roman(numeral: str) -> int:
    return next(n for n in range(100) if _roman(n) == numeral)


# Wishes, what the function gives by another way than the textbook's, and the kinds of its arguments: n from 1 on, i any whole
# number, y year, s text, w word, v whole numbers, V the same in order, m lists of numbers, M matrix, r Roman numeral, b bits.
_MEANT: Sequence[_Meant] = (
    (("reverses a string", "reverse a string"), lambda s: s[::-1], "s"),
    (("counts the vowels in a string",), lambda s: len(re.findall("[aeiouAEIOU]", s)), "s"),
    (("counts the words in a string",), lambda s: len(re.findall(r"\S+", s)), "s"),
    (("checks whether a string is a palindrome",), lambda s: list(s) == list(reversed(s)), "w"),
    (("removes all vowels from a string",), lambda s: re.sub("[aeiou]", "", s, flags=re.IGNORECASE), "s"),
    (("computes the factorial of a number", "calculates the factorial of n"), math.factorial, "n"),
    (("checks if a number is prime", "checks whether a number is prime"), lambda n: _divisors(n) == 2, "n"),
    (("returns all primes up to n",), lambda n: [k for k in range(1, n + 1) if _divisors(k) == 2], "n"),
    (("computes the greatest common divisor of two numbers", "computes the gcd of two numbers"), math.gcd, "nn"),
    (("computes the least common multiple of two numbers",), math.lcm, "nn"),
    (("checks whether a number is even",), lambda n: str(n)[-1] in "02468", "i"),
    (("checks whether a year is a leap year",), lambda n: _is_date(n, 2, 29), "y"),
    (("checks whether a number is a power of two",), lambda n: math.log2(n).is_integer(), "n"),
    (("computes the sum of digits of a number",), lambda n: sum(d * str(n).count(str(d)) for d in range(10)), "n"),
    (("converts a number to binary",), _binary, "n"),
    (("converts a binary string to decimal",), lambda b: sum(2**k for k, d in enumerate(reversed(b)) if d == "1"), "b"),
    (("converts a Roman numeral to an integer",), _from_roman, "r"),
    (("finds the largest number in a list", "returns the maximum of a list"), lambda v: heapq.nlargest(1, v)[0], "v"),
    (("finds the smallest number in a list",), lambda v: heapq.nsmallest(1, v)[0], "v"),
    (("sums all numbers in a list", "returns the sum of a list of numbers"), math.fsum, "v"),
    (("computes the average of a list of numbers",), statistics.fmean, "v"),
    (("computes the median of a list of numbers",), statistics.median, "v"),
    (("removes duplicates from a list",), lambda v: sorted(set(v), key=v.index), "v"),
    (("checks whether a list is sorted",), lambda v: v == sorted(v), "v"),
    (("sorts a list using bubble sort",), sorted, "v"),
    (("sorts a list using merge sort",), sorted, "v"),
    (("sorts a list using quick sort",), sorted, "v"),
    (("sorts a list using insertion sort",), sorted, "v"),
    (("merges two sorted lists",), lambda one, two: sorted(one + two), "VV"),
    (("transposes a matrix",), lambda m: [[row[k] for row in m] for k in range(len(m[0]))], "M"),
    (("flattens a list of lists",), lambda m: list(itertools.chain(*m)), "m"),
    (("counts the frequency of each character in a string",), lambda s: dict(Counter(s)), "s"),
    (("reverses the words in a string",), lambda s: " ".join(reversed(re.findall(r"\S+", s))), "s"),
    (("returns the first n Fibonacci numbers",), lambda n: [_fibonacci(k) for k in range(n)], "n"),
    (("returns the Collatz sequence for a number",), _collatz, "n"),
)
_WORDINGS = (
    "Write a function that {wish}.",
    "Write a Python function that {wish}",
    "write a function in Python that {wish}",
    "Please write a Python function that {wish}.",
    "Can you write a Python function that {wish}?",
    "create a simple Python function that {wish}",
    "I need a Python function that {wish}.",
)
_NAMED = "Write a Python function called {name} that {wish}."
_NAMES = ("work", "my_function", "solve_it", "helper_1", "doIt", "result_of")
_REFUSE = (
    "Write a JavaScript function that reverses a string.",
    "Write a function in Rust that reverses a string.",
    "Write a function that reverses a string without using slices.",
    "Write a function that reverses a string in groups of three.",
    "Write a function that reverses every second word of a string.",
    "Write a recursive function that computes the factorial of a number.",
    "Write a function that computes the factorial of a number modulo 7.",
    "Write a function that sorts a list using bubble sort in descending order.",
    "Write a function that sorts a list using bubble sort and counts the swaps.",
    "Write a function that finds the largest number in a list and its index.",
    "Write a function that finds the largest even number in a list.",
    "Write a function that removes duplicates from a list but keeps the last ones.",
    "Write a function that checks whether a number is prime and explain it.",
    "Write a function that does not reverse a string.",
    "Write a function that returns all primes up to n except 2.",
    "Write a function that converts a number to binary with leading zeros.",
    "Write a function that computes the median of a list of numbers without sorting.",
    "Write a function that merges two sorted lists in descending order.",
    "Write a function that transposes a matrix in place.",
    "Write a function that counts the vowels in a string including y.",
    "Write a class that reverses a string.",
    "Write a function that reads a file and reverses a string.",
    "Write a function that reverses a string and a function that sums a list.",
    "Write a function called lambda that reverses a string.",
    "Write a function f(a, b, c) that reverses a string.",
    "How do I reverse a string?",
    "Why would one write a function that reverses a string?",
    "Fix my function that reverses a string.",
)


def _input(chance: random.Random, kind: str) -> Any:
    words = ["".join(chance.choice("abeioRTxyz") for _ in range(chance.randint(1, 6))) for _ in range(4)]
    numbers = [chance.randint(-30, 60) for _ in range(chance.randint(1, 9))]
    match kind:
        case "n":
            return chance.randint(1, 40)
        case "y":
            return chance.randint(1583, 2400)
        case "i":
            return chance.randint(-50, 50)
        case "s":
            return " ".join(words[: chance.randint(1, 4)])
        case "w":
            half = words[0]
            return chance.choice((half, half + half[::-1], half[:-1] + half[::-1]))
        case "v":
            return sorted(numbers) if chance.random() < 0.2 else numbers
        case "V":
            return sorted(numbers)
        case "m":
            return [numbers[: chance.randint(0, 4)] for _ in range(chance.randint(1, 4))]
        case "M":
            width = chance.randint(1, 4)
            return [[chance.randint(0, 9) for _ in range(width)] for _ in range(chance.randint(1, 4))]
        case "r":
            return _roman(chance.randint(1, 99))
        case _:
            return format(chance.randint(0, 500), "b")


def _asked(chance: random.Random) -> families.Asked:
    wishes, function, kinds = chance.choice(_MEANT)
    rows = [tuple(_input(chance, kind) for kind in kinds) for _ in range(_HIDDEN)]
    key = [[row, function(*row)] for row in rows]
    return families.Asked(_WORDINGS[0].format(wish=chance.choice(wishes)), json.dumps(key))


def _paraphrase(chance: random.Random, asked: families.Asked) -> families.Asked:
    wish = asked.text.removeprefix(_WORDINGS[0].partition("{")[0]).rstrip(".")
    if chance.random() < 0.3:
        return families.Asked(_NAMED.format(name=chance.choice(_NAMES), wish=wish), asked.key)
    text = chance.choice(_WORDINGS).format(wish=wish)
    return families.Asked(chance.choice((str, str, str.lower))(text), asked.key)


def agrees(answer: str, key: str) -> bool:
    """Say whether the first function in an answer gives what was meant. The code is the textbook's, which is our own."""
    code = answer.split("```python\n", 1)[1].split("```", 1)[0]
    space: dict[str, Any] = {}
    exec(code, space)  # noqa: S102 - a function that comes with Council
    [name] = re.findall(r"^def (\w+)\(", code, re.MULTILINE)
    return all(_same(space[name](*given), wanted) for given, wanted in json.loads(key))


def _same(got: Any, wanted: Any) -> bool:
    if isinstance(wanted, float) or isinstance(got, float):
        return math.isclose(got, wanted, rel_tol=1e-9, abs_tol=1e-9)
    return bool(got == wanted)


FAMILIES = (
    families.Family(
        "code textbook",
        answers.Route.CODE,
        _asked,
        _paraphrase,
        agrees,
        _REFUSE,
        families.VERIFIED | {answers.Level.SELF_TESTED},
    ),
)
