"""Made questions of single operations in words, of comparisons for yes or no, rounding, lists, and many solutions."""

import random
from collections.abc import Callable
from fractions import Fraction

from council.domain import answers
from council.testing.questions import families, math_faces

Asked = families.Asked


def _number(chance: random.Random) -> Fraction:
    return Fraction(chance.randint(1, 400), chance.choice((1, 1, 1, 2, 4, 10)))


def _shown(number: Fraction) -> str:
    return str(number) if number.denominator == 1 else str(float(number))


def _operation(chance: random.Random) -> Asked:
    one, two = _number(chance), _number(chance)
    form, value = chance.choice(
        (
            ("subtract {0} from {1}", two - one),
            ("What is {0} less than {1}?", two - one),
            ("add {0} and {1}", one + two),
            ("Add {0} to {1}", one + two),
            ("What is {0} more than {1}?", one + two),
            ("{0} increased by {1}", one + two),
            ("What is {0} decreased by {1}?", one - two),
            ("multiply {0} by {1}", one * two),
            ("divide {0} by {1}", one / two),
            ("reciprocal of {0}", 1 / one),
        )
    )
    return Asked(form.format(_shown(one), _shown(two)), str(value))


def _dash(chance: random.Random) -> Asked:
    one, two, three = (chance.randint(1, 99) for _ in range(3))
    dash = chance.choice(("\N{EN DASH}", "\N{EM DASH}"))
    return Asked(f"What is {one} {dash} {two} + {three}?", str(one - two + three))


def _part_of_part(chance: random.Random) -> Asked:
    (a, b), (c, d) = ((chance.randint(1, 9), chance.randint(2, 9)) for _ in range(2))
    return Asked(f"What is {a}/{b} of {c}/{d}?", str(Fraction(a, b) * Fraction(c, d)))


def _relation(chance: random.Random) -> Asked:
    one, two = chance.randint(2, 40), chance.randint(2, 40)
    left = one + two
    right = left + chance.choice((-1, 0, 0, 1))
    said, true = chance.choice(
        (
            ("=", left == right),
            ("equal to", left == right),
            (">", left > right),
            ("<", left < right),
            ("greater than", left > right),
            ("less than", left < right),
            (">=", left >= right),
        )
    )
    return Asked(f"Is {one} + {two} {said} {right}?", "Yes" if true else "No")


def _round(chance: random.Random) -> Asked:
    digits, places = chance.randint(2, 6), chance.randint(1, 3)
    scaled = chance.randint(1, 10**digits)
    if places < digits and scaled // 10 ** (digits - places - 1) % 10 == 5:
        scaled += 10 ** (digits - places - 1)
    number = Fraction(scaled, 10**digits)
    shown = f"0.{str(scaled).rjust(digits, '0')}" if scaled < 10**digits else "1.5"
    if shown == "1.5":
        return _round(chance)
    steps = (number.numerator * 10**places * 2 + number.denominator) // (2 * number.denominator)
    return Asked(f"Round {shown} to {places} decimal place{'s' * (places > 1)}", str(Fraction(steps, 10**places)))


def _extreme(chance: random.Random) -> Asked:
    numbers = [chance.randint(-50, 99) for _ in range(chance.randint(2, 6))]
    word, value = chance.choice((("largest", max), ("smallest", min), ("maximum", max), ("minimum", min)))
    shown = ", ".join(map(str, numbers[:-1])) + f" and {numbers[-1]}"
    return Asked(f"What is the {word} of {shown}?", str(value(numbers)))


def _many_solutions(chance: random.Random) -> Asked:
    """One equation a x + b y = c, alone or beside a multiple of itself; the key is x by y."""
    a, b, c = chance.randint(1, 9), chance.choice((-1, 1)) * chance.randint(1, 9), chance.randint(-20, 20)
    factor = chance.randint(2, 4)

    def line(times: int) -> str:
        return f"{a * times}x {'+' if b > 0 else '-'} {abs(b) * times}y = {c * times}"

    text = line(1) if chance.random() < 0.4 else f"{line(1)} and {line(factor)}"
    return Asked(f"Solve {text}", f"({c})/{a} - ({b})*y/{a}")


def _same_line(answer: str, key: str) -> bool:
    head, _, tail = answer.partition("x = ")
    return head == "There are infinitely many solutions: " and math_faces.same_formulas(
        tail.removesuffix(", for any real y"), key
    )


def _tower(chance: random.Random) -> Asked:
    base, low, high, modulus = (
        chance.randint(2, 30),
        chance.randint(2, 20),
        chance.randint(5, 90),
        chance.randint(2, 999),
    )
    value = 1 % modulus
    for digit in f"{low**high:b}":
        value = value * value * (base if digit == "1" else 1) % modulus
    return Asked(f"{base}^({low}^{high}) mod {modulus}", str(value))


def _starts(answer: str, key: str) -> bool:
    return answer.startswith(f"{key}, ")


_REFUSE = (
    "add 2 + 3 to 4", "multiply 2 + 3 by 4", "divide 12 by 2 + 1", "subtract 2 from 9 times 2",
    "What is 3 more than 5 times 2?", "What is 20% less than 5 + 5?", "reciprocal of 2 + 3", "reciprocal of 0",
    "5 increased by 3 times 2", "1990 \N{EN DASH} 2000", "pages 5\N{EN DASH}9",
    "Compute \N{EN DASH} please \N{EN DASH} 4", "round 2.5 to the nearest integer", "round 2.7",
    "round 0.125 to 2 decimal places", "round -1.5 to the nearest integer", "round 3.14159 to pi places", "round off",
    "largest of 3", "largest of 1,5 and 2", "smallest of 1,234, 5", "largest of x and 3", "largest country", "Is x > 3?",
    "Is 10 mod 3 = 1?", "Is 3 < 5 < 7?", "Is 5% more than 4?", "is it less than 5", "Is 5 the answer?", "3/4 of 2/3 of",
    "3/4 of 2 / 3", "If x + y = 5, what is x?", "x > 3", "x + y = 5", "y = 2x + 3", "5 > x > 3", "1 < x < 3",
    "floor of the house", "ceiling of 3 + 0.5", "add 3 and 4 and multiply by 2", "add salt to 3",
    "5 is 3 more than what?", "1 000 + 1",
)  # fmt: skip


def _family(
    name: str, make: Callable[[random.Random], Asked], agrees: Callable[[str, str], bool], refuse: tuple[str, ...] = ()
) -> families.Family:
    return families.Family(f"math.{name}", answers.Route.MATH, make, math_faces.paraphrase, agrees, refuse)


FAMILIES = (
    _family("operation-in-words", _operation, math_faces.same_number, _REFUSE),
    _family("dash-as-minus", _dash, math_faces.same_number),
    _family("part-of-part", _part_of_part, math_faces.same_number),
    _family("relation", _relation, _starts),
    _family("rounding", _round, lambda answer, key: math_faces.same_number(answer.replace(" is ", " = "), key)),
    _family("largest", _extreme, lambda answer, key: answer.endswith(f" is {key}")),
    _family("many-solutions", _many_solutions, _same_line),
    _family("power-tower", _tower, math_faces.same_number),
)
