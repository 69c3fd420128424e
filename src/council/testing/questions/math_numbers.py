"""Made questions of arithmetic and number theory."""

import functools
import math
import random
from collections.abc import Callable
from fractions import Fraction

from council.domain import answers
from council.testing.questions import families, math_faces

Asked = families.Asked
Make = Callable[[random.Random], Asked]
Agrees = Callable[[str, str], bool]


def _arithmetic(chance: random.Random) -> Asked:
    made = math_faces.formula(chance, chance.randint(1, 3))
    while made.strength == 5:
        made = math_faces.formula(chance, 2)
    form = chance.choice(("What is {}?", "{}", "Calculate {}", "compute {}", "How much is {}?", "Evaluate {}", "{} ="))
    return Asked(form.format(math_faces.shown(chance, made)), str(made.value))


def _fractions(chance: random.Random) -> Asked:
    parts = [math_faces.quotient(*(math_faces.number(chance.randint(1, 30)) for _ in range(2))) for _ in range(2)]
    face = chance.choice(("latex", "plain"))
    sign = chance.choice("+-")
    value = parts[0].value + parts[1].value if sign == "+" else parts[0].value - parts[1].value
    if face == "latex":
        return Asked(f"What is ${parts[0].latex} {sign} {parts[1].latex}$?", str(value))
    return Asked(f"What is {parts[0].plain.replace(' ', '')} {sign} {parts[1].plain.replace(' ', '')}?", str(value))


def _percent(chance: random.Random) -> Asked:
    share, whole = chance.choice((5, 10, 12, 15, 17, 20, 25, 40, 75, 120)), chance.randint(1, 2000)
    form = chance.choice(("What is {}% of {}?", "{} percent of {}", "calculate {}% of {}", "${}\\%$ of ${}$"))
    return Asked(form.format(share, whole), str(Fraction(share * whole, 100)))


def _common(chance: random.Random) -> Asked:
    unit = chance.randint(1, 12)
    numbers = [unit * chance.randint(1, 60) for _ in range(chance.randint(2, 4))]
    listed = ", ".join(map(str, numbers[:-1])) + f" and {numbers[-1]}"
    if chance.random() < 0.5:
        name = chance.choice(("greatest common divisor", "gcd", "greatest common factor", "highest common factor"))
        return Asked(f"What is the {name} of {listed}?", str(math.gcd(*numbers)))
    name = chance.choice(("least common multiple", "lcm", "lowest common multiple"))
    return Asked(f"Find the {name} of {listed}", str(math.lcm(*numbers)))


def _divisors_of(number: int) -> list[int]:
    return [one for one in range(1, number + 1) if number % one == 0]


def _divisors(chance: random.Random) -> Asked:
    number = chance.randint(1, 3000)
    found = _divisors_of(number)
    form, value = chance.choice(
        (
            ("How many divisors does {} have?", str(len(found))),
            ("What is the number of positive divisors of {}?", str(len(found))),
            ("What is the sum of the divisors of {}?", str(sum(found))),
            ("Find the sum of all factors of ${}$", str(sum(found))),
        )
    )
    return Asked(form.format(number), value)


def _divisor_list(chance: random.Random) -> Asked:
    number = chance.randint(2, 900)
    form = chance.choice(("List the divisors of {}", "What are the factors of {}?", "list all the factors of {}"))
    return Asked(form.format(number), ", ".join(map(str, _divisors_of(number))))


def _same_list(answer: str, key: str) -> bool:
    return answer.rsplit(" are ", maxsplit=1)[-1].rsplit(": ", maxsplit=1)[-1] == key


def _primes_to(bound: int) -> list[int]:
    return [one for one in range(2, bound + 1) if all(one % two for two in range(2, math.isqrt(one) + 1))]


_PRIMES = tuple(_primes_to(3000))


def _prime_factor(chance: random.Random) -> Asked:
    chosen = [chance.choice(_PRIMES[:60]) for _ in range(chance.randint(1, 4))]
    number = math.prod(chosen)
    form, value = chance.choice(
        (
            ("What is the largest prime factor of {}?", max(chosen)),
            ("greatest prime factor of {}", max(chosen)),
            ("What is the smallest prime factor of {}?", min(chosen)),
            ("How many distinct prime factors does {} have?", len(set(chosen))),
        )
    )
    return Asked(form.format(number), str(value))


def _is_prime(chance: random.Random) -> Asked:
    number = chance.randint(2, 2900)
    form = chance.choice(("Is {} prime?", "is {} a prime number?", "Is ${}$ a prime number?"))
    return Asked(form.format(number), "is a prime number" if number in _PRIMES else "is not a prime number")


def _count_primes(chance: random.Random) -> Asked:
    bound = chance.randint(3, 2900)
    if chance.random() < 0.5:
        return Asked(
            f"How many primes are there below {bound}?", f"There are {sum(one < bound for one in _PRIMES)} primes"
        )
    place = chance.randint(1, len(_PRIMES))
    return Asked(f"What is the {_ordinal(place)} prime number?", f"Prime number {place} is {_PRIMES[place - 1]}")


def _ordinal(place: int) -> str:
    ending = "th" if 10 <= place % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending}"


def _ends_with_key(answer: str, key: str) -> bool:
    return answer.startswith(key) and not answer[len(key) : len(key) + 1].isdigit()


def _totient(chance: random.Random) -> Asked:
    number = chance.randint(1, 1500)
    value = sum(1 for one in range(1, number + 1) if math.gcd(one, number) == 1)
    form = chance.choice(
        ("Euler's totient of {}", "What is Euler's totient function of {}?", "phi({})", "What is φ({})?")
    )
    return Asked(form.format(number), str(value))


def _remainder(chance: random.Random) -> Asked:
    number, divisor = chance.randint(0, 99_999), chance.randint(2, 300)
    form = chance.choice(
        (
            "What is the remainder when {} is divided by {}?",
            "{} mod {}",
            "What is {} mod {}?",
            "remainder of {} divided by {}",
        )
    )
    return Asked(form.format(number, divisor), str(number % divisor))


def _modular_power(chance: random.Random) -> Asked:
    base, exponent, modulus = chance.randint(2, 60), chance.randint(2, 5000), chance.randint(2, 200)
    value = functools.reduce(lambda product, _: product * base % modulus, range(exponent), 1) % modulus
    form = chance.choice(
        (
            "{}^{} mod {}",
            "What is the remainder when {}^{} is divided by {}?",
            "What is the remainder when ${}^{{{}}}$ is divided by ${}$?",
        )
    )
    return Asked(form.format(base, exponent, modulus), str(value))


def _inverse(chance: random.Random) -> Asked:
    modulus = chance.randint(2, 400)
    number = chance.randint(1, modulus * 2)
    found = next((one for one in range(modulus) if number * one % modulus == 1), None)
    form = chance.choice(
        ("modular inverse of {} mod {}", "What is the inverse of {} modulo {}?", "Find the inverse of {} mod {}")
    )
    return Asked(form.format(number, modulus), f" is {found}" if found is not None else "has no inverse")


def _congruence(chance: random.Random) -> Asked:
    modulus, factor = chance.randint(2, 120), chance.randint(1, 90)
    right = chance.randint(0, modulus - 1)
    found = [one for one in range(modulus) if factor * one % modulus == right]
    step = modulus // math.gcd(factor, modulus)
    form = chance.choice(("solve {}x ≡ {} (mod {})", r"Solve the congruence ${}x \equiv {} \pmod{{{}}}$"))
    key = f"x = {found[0]} modulo {step}:" if found else "No whole number x"
    return Asked(form.format(factor, right, modulus), key)


_DIGITS = "0123456789ABCDEF"


def _written(number: int, base: int) -> str:
    return _DIGITS[number] if number < base else _written(number // base, base) + _DIGITS[number % base]


def _bases(chance: random.Random) -> Asked:
    number = chance.randint(2, 70_000)
    name, base = chance.choice(
        (("binary", 2), ("octal", 8), ("hexadecimal", 16), ("hex", 16), ("base 7", 7), ("base 3", 3))
    )
    written = _written(number, base)
    if chance.random() < 0.5:
        form = chance.choice(("Convert {} to {}", "What is {} in {}?", "write {} in {}", "Express {} in {}"))
        return Asked(form.format(number, name), written)
    form = chance.choice(("Convert {} from {} to decimal", "What is {} in {} in base 10?"))
    return Asked(form.format(written, name), str(number))


def _digit_sum(chance: random.Random) -> Asked:
    if chance.random() < 0.4:
        base, exponent = chance.randint(2, 20), chance.randint(2, 60)
        digits = str(base**exponent)
        form, value = chance.choice(
            (
                ("sum of the digits of {}^{}", sum(map(int, digits))),
                ("How many digits does {}^{} have?", len(digits)),
                ("What is the last digit of {}^{}?", int(digits[-1])),
                ("What is the units digit of ${}^{{{}}}$?", int(digits[-1])),
            )
        )
        return Asked(form.format(base, exponent), str(value))
    number = chance.randint(10, 10**9)
    return Asked(f"What is the sum of the digits of {number}?", str(sum(map(int, str(number)))))


def _perfect(chance: random.Random) -> Asked:
    root = chance.randint(2, 400)
    number = root * root + chance.choice((0, 0, 1, -1, 2))
    is_square = math.isqrt(number) ** 2 == number
    return Asked(f"Is {number} a perfect square?", "is a perfect square" if is_square else "is not a perfect square")


def _divisible(chance: random.Random) -> Asked:
    divisor = chance.randint(2, 40)
    number = divisor * chance.randint(1, 900) + chance.choice((0, 0, 1, divisor - 1))
    return Asked(
        f"Is {number} divisible by {divisor}?", "is divisible" if number % divisor == 0 else "is not divisible"
    )


def _fibonacci(chance: random.Random) -> Asked:
    place = chance.randint(1, 150)
    one, two = 0, 1
    for _ in range(place):
        one, two = two, one + two
    return Asked(f"What is the {_ordinal(place)} Fibonacci number?", f"Fibonacci number {place} is {one},")


def _edge(chance: random.Random) -> Asked:
    divisor, length = chance.randint(2, 99), chance.choice((2, 3, 4))
    word = {2: "two", 3: "three", 4: "four"}[length]
    numbers = [one for one in range(10 ** (length - 1), 10**length) if one % divisor == 0]
    if chance.random() < 0.5:
        return Asked(f"What is the smallest {word}-digit number that is divisible by {divisor}?", str(numbers[0]))
    return Asked(f"What is the largest {word}-digit multiple of {divisor}?", str(numbers[-1]))


_REFUSE = {
    "arithmetic": (
        "6/2(1+2)", "1/2x", "200 + 10%", "7 % 3", "half of 10 plus 3", "sin 30", "log 5", "2 1/2 + 1", r"$2\frac{1}{2}$",
        r"$\frac{1}{2}^2$", r"$10 / 1/2$", "2+3 * 4", "10 divided by 2 times 3", "16^1/2", "9/11", "24/7", "555-1234",
        "$5 + $3", "2½ + 1", "٣ + ٤", "2e+3", "-7 mod 3", "2 times 3 squared", "٢ + ٢", "1 234 + 1", "1,23 + 1", "| 3 | 4 |",
        "0x10 + 1",
    ),
    "divisors": (
        "number of divisors of 2 + 3", "sum of the divisors of 2*3", "divisors", "proper divisors of 12", "divisors of x",
        "sum of the prime factors of 12", "how many divisors do 12 and 18 have", "common divisors of 12 and 18",
    ),
    "prime": (
        "how many primes are between 31 and 40", "the 3th prime", "the 0th prime", "primes near 100", "is it prime",
        "is 97 a prime minister", "prime rate of 5", "how many primes are there", "how many primes are below 100 or 200",
    ),
    "bases": (
        "convert 101 to decimal", "convert 0.5 to binary", "convert 2 from binary to decimal", "convert ff to decimal",
        "convert 010 to hex", "convert 12 from base 1 to decimal", "convert -5 to binary", "convert 5 km to binary",
    ),
}  # fmt: skip


def _family(name: str, make: Make, agrees: Agrees, refuse: str = "") -> families.Family:
    return families.Family(
        f"math.{name}", answers.Route.MATH, make, math_faces.paraphrase, agrees, _REFUSE.get(refuse or name, ())
    )


FAMILIES = (
    _family("arithmetic", _arithmetic, math_faces.same_number),
    _family("fractions", _fractions, math_faces.same_number),
    _family("percent", _percent, math_faces.same_number),
    _family("common", _common, math_faces.same_number),
    _family("divisors", _divisors, math_faces.same_number),
    _family("divisor-list", _divisor_list, _same_list),
    _family("prime-factor", _prime_factor, math_faces.same_number),
    _family("prime", _is_prime, math_faces.says),
    _family("prime-count", _count_primes, _ends_with_key),
    _family("totient", _totient, math_faces.same_number),
    _family("remainder", _remainder, math_faces.same_number),
    _family("modular-power", _modular_power, math_faces.same_number),
    _family("modular-inverse", _inverse, lambda answer, key: answer.endswith(key) or key in answer.split(":")[0]),
    _family("congruence", _congruence, math_faces.says),
    _family("bases", _bases, lambda answer, key: answer.split(" is ")[1].split(" in ")[0] == key),
    _family("digits", _digit_sum, math_faces.same_number),
    _family("perfect-square", _perfect, math_faces.says),
    _family("divisible", _divisible, math_faces.says),
    _family("fibonacci", _fibonacci, math_faces.says),
    _family("edge-multiple", _edge, math_faces.same_number),
)
