"""Whole numbers: divisors, primes, congruences, bases, digits. Each answer is found in two ways that share no code."""

import functools
import math
from collections.abc import Callable, Mapping
from fractions import Fraction

import sympy

from council.serving.compute import results
from council.serving.compute.math import arithmetic, check, formulas, limits, wording
from council.serving.compute.math.working import lines, operations

Slots = Mapping[str, str]
_BY_FACTORS = "found from the prime factors and again by trying every divisor, by other code"
_TRIED_MAX = 2_000_000
_LISTED_MAX = 200


def _require(held: bool, what: str = "the two ways differ") -> None:
    check.require(held, what)


def _factors(number: int) -> dict[int, int]:
    """Return the prime factors of `number` by our own trial division. Raises TooLargeError where that would take long."""
    found: dict[int, int] = {}
    rest, divisor = number, 2
    while divisor * divisor <= rest:
        if divisor > _TRIED_MAX:
            raise limits.TooLargeError(
                "The number has prime factors that are too large to find here. Ask for a smaller number."
            )
        if rest % divisor == 0 or divisor == _SMALL:
            while rest % divisor == 0:
                found[divisor] = found.get(divisor, 0) + 1
                rest //= divisor
            if 1 < rest < limits.PRIME_BELOW and check.is_prime(rest):
                break
        divisor += 1 if divisor == 2 else 2
    if rest > 1:
        found[rest] = found.get(rest, 0) + 1
    return found


# Once divisors are larger than this, what is left is tested for being prime before going on.
_SMALL = 1_001


def _agreed_factors(number: int) -> dict[int, int]:
    if arithmetic.digits(number) > limits.FACTOR_DIGITS_MAX:
        raise limits.TooLargeError(
            f"Only numbers of up to {limits.FACTOR_DIGITS_MAX} digits are taken apart here. Ask for a smaller number."
        )
    own = _factors(number)
    product = 1
    for prime, times in own.items():
        _require(check.is_prime(prime), "a factor is not prime")
        product *= prime**times
    _require(product == number and own == {int(key): int(times) for key, times in sympy.factorint(number).items()})
    return own


def _divisors(number: int) -> list[int]:
    """Return all divisors, ascending: from the factors, and by trial where the number is small."""
    found = [1]
    for prime, times in _agreed_factors(number).items():
        if len(found) * (times + 1) > 20_000:
            raise limits.TooLargeError("The number has too many divisors to go through here. Ask for a smaller number.")
        found = [one * prime**power for one in found for power in range(times + 1)]
    found.sort()
    if number <= _TRIED_MAX:
        low = [one for one in range(1, math.isqrt(number) + 1) if number % one == 0]
        _require(found == sorted({*low, *(number // one for one in low)}))
    else:
        _require(found == [int(one) for one in sympy.divisors(number)])
    return found


def _listed(numbers: list[int]) -> str:
    if len(numbers) > _LISTED_MAX:
        raise limits.TooLargeError(
            f"The list would have {len(numbers):,} numbers; the limit is {_LISTED_MAX}. Ask for how many there are."
        )
    return ", ".join(str(number) for number in numbers)


def _about_divisors(what: str, pick: Callable[[list[int]], int]) -> Callable[[Slots], wording.Task]:
    def make(slots: Slots) -> wording.Task:
        shown, number = wording.operand(slots["n"], 1)
        reading = f"the {what} of {shown}"

        def answer() -> results.Solved:
            value = formulas.fraction_text(Fraction(pick(_divisors(number))))
            return wording.solved(reading, f"The {what} of {shown} is {value}", _BY_FACTORS, value)

        return wording.Task(reading, answer)

    return make


def _product(numbers: list[int]) -> int:
    if sum(arithmetic.digits(number) for number in numbers) > limits.RESULT_DIGITS_MAX:
        raise limits.TooLargeError(
            f"The product would have over {limits.RESULT_DIGITS_MAX:,} digits. Ask for a smaller number."
        )
    return math.prod(numbers)


def _list_divisors(slots: Slots) -> wording.Task:
    shown, number = wording.operand(slots["n"], 1)
    reading = f"the divisors of {shown}"

    def answer() -> results.Solved:
        value = _listed(_divisors(number))
        return wording.solved(reading, f"The divisors of {shown} are {value}", _BY_FACTORS, value)

    return wording.Task(reading, answer)


def _about_factors(what: str, pick: Callable[[dict[int, int]], int]) -> Callable[[Slots], wording.Task]:
    def make(slots: Slots) -> wording.Task:
        shown, number = wording.operand(slots["n"], 2)
        reading = f"the {what} of {shown}"

        def answer() -> results.Solved:
            found = _agreed_factors(number)
            written = " * ".join(
                f"{prime}^{times}" if times > 1 else str(prime) for prime, times in sorted(found.items())
            )
            value = str(pick(found))
            return wording.solved(
                reading, f"The {what} of {shown} is {value}", "each prime factor confirmed by other code", value,
                f"{shown} = {written}",
            )  # fmt: skip

        return wording.Task(reading, answer)

    return make


def _sum_of_primes(found: dict[int, int]) -> int:
    if any(times > 1 for times in found.values()):
        raise limits.UnreadableError("Whether a repeated prime factor counts once or each time is not said.")
    return sum(found)


def _totient(slots: Slots) -> wording.Task:
    shown, number = wording.operand(slots["n"], 1)
    reading = f"Euler's totient of {shown}"

    def answer() -> results.Solved:
        value = number
        for prime in _agreed_factors(number):
            value -= value // prime
        if number <= 50_000:
            _require(value == sum(1 for one in range(1, number + 1) if math.gcd(one, number) == 1))
        _require(value == int(sympy.totient(number)))
        return wording.solved(
            reading,
            f"Euler's totient of {shown} is {value}",
            "from the prime factors, and again by other code",
            str(value),
        )

    return wording.Task(reading, answer)


def _inverse(slots: Slots) -> wording.Task:
    (shown, number), (modulus_shown, modulus) = wording.operand(slots["n"]), wording.operand(slots["m"], 2)
    reading = f"the inverse of {shown} modulo {modulus_shown}"

    def answer() -> results.Solved:
        if math.gcd(number, modulus) != 1:
            why = f"their greatest common divisor is {math.gcd(number, modulus)}"
            return wording.solved(
                reading, f"{shown} has no inverse modulo {modulus_shown}: {why}", "divisor tried by other code", "none"
            )
        value = pow(number, -1, modulus)
        _require(number * value % modulus == 1 and 0 <= value < modulus)
        answer = f"The inverse of {shown} modulo {modulus_shown} is {value}"
        return wording.solved(
            reading, answer, "multiplied out: the product leaves the remainder 1, by other code", str(value)
        )

    return wording.Task(reading, answer)


def _congruence(slots: Slots) -> wording.Task:
    letter = slots["letter"]
    factor = wording.whole(slots["a"], 1)[1] if slots["a"] else 1
    right, modulus = wording.whole(slots["b"])[1], wording.whole(slots["m"], 2)[1]
    if letter in "iIeEO" or (slots["named"] and slots["named"] != letter):
        raise limits.UnreadableError("The letter can mean several things.")
    shown = letter if factor == 1 and not slots["a"] else f"{factor}*{letter}"
    reading = f"solve {shown} = {right} modulo {modulus}"

    def answer() -> results.Solved:
        common = math.gcd(factor, modulus)
        if right % common:
            answer = f"No whole number {letter} satisfies it: {common} divides {factor} and {modulus} but not {right}"
            return wording.solved(reading, answer, "divisibility tried by other code", "none")
        step = modulus // common
        value = right // common * pow(factor // common, -1, step) % step
        _require((factor * value - right) % modulus == 0)
        if step <= _TRIED_MAX // 10:
            _require(value == next(one for one in range(step) if (factor * one - right) % modulus == 0))
        answer = f"{letter} = {value} modulo {step}: {letter} is {value} plus any multiple of {step}"
        return wording.solved(
            reading, answer, "put into the congruence by other code", f"{letter} = {value} mod {step}"
        )

    return wording.Task(reading, answer)


_EXPONENT_DIGITS_MAX = 300


def _exponent(text: str) -> tuple[str, int]:
    """Return an exponent as shown and as a number; it may be a power in parentheses, of a bounded number of digits."""
    inner = text.strip("() ")
    if "^" not in inner:
        return inner, wording.whole(inner, 1)[1]
    base, power = (int(part) for part in inner.split("^"))
    if power > _EXPONENT_DIGITS_MAX * 4 or arithmetic.digits(base) * power > _EXPONENT_DIGITS_MAX * 4:
        raise limits.TooLargeError(f"The exponent has over {_EXPONENT_DIGITS_MAX} digits. Ask for a smaller exponent.")
    return f"({base}^{power})", base**power


def _modular_power(slots: Slots) -> wording.Task:
    base, modulus = wording.whole(slots["a"], 0)[1], wording.whole(slots["m"], 2)[1]
    shown, exponent = _exponent(slots["k"])
    if arithmetic.digits(exponent) > _EXPONENT_DIGITS_MAX:
        raise limits.TooLargeError(f"The exponent has over {_EXPONENT_DIGITS_MAX} digits. Ask for a smaller exponent.")
    reading = f"{base}^{shown} mod {modulus}"

    def answer() -> results.Solved:
        value = pow(base, exponent, modulus)
        again = 1
        for digit in str(exponent):
            tenth = again
            for _ in range(9):
                again = again * tenth % modulus
            again = functools.reduce(lambda product, _: product * base % modulus, range(int(digit)), again)
        _require(value == again % modulus)
        checked = "raised again digit by digit of the exponent, by other code"
        return wording.solved(reading, f"{reading} = {value}", checked, str(value))

    return wording.Task(reading, answer)


def _last_digit(slots: Slots) -> wording.Task:
    return _modular_power({**slots, "m": "10"})


def _digits_of(slots: Slots) -> wording.Task:
    shown, number = wording.operand(slots["n"])
    what = {"sum": "sum of the digits of", "number": "number of digits of"}[
        slots["what"].lower() if slots["what"] else "sum"
    ]
    reading = f"the {what} {shown}"

    def answer() -> results.Solved:
        total = count = 0
        rest = number
        while True:
            rest, digit = divmod(rest, 10)
            total, count = total + digit, count + 1
            if not rest:
                break
        written = formulas.whole_text(number)
        _require((total, count) == (sum(int(digit) for digit in written), len(written)))
        value = total if what.startswith("sum") else count
        return wording.solved(reading, f"The {what} {shown} is {value}", "counted twice by other code", str(value))

    return wording.Task(reading, answer)


def _quotient_and_remainder(slots: Slots) -> wording.Task:
    (shown, number), (divisor_shown, divisor) = wording.whole(slots["n"]), wording.operand(slots["d"], 1)
    reading = f"the quotient and the remainder of {shown} divided by {divisor_shown}"

    def answer() -> results.Solved:
        quotient, rest = number // divisor, number % divisor
        _require(quotient * divisor + rest == number and 0 <= rest < divisor)
        whole = formulas.whole_text(quotient)
        answer = f"{shown} divided by {divisor_shown} is {whole} with remainder {rest}"
        steps = lines.kept(lambda: [operations.division(number, divisor)])
        checked = "multiplied out again by other code"
        return wording.solved(reading, answer, checked, f"{whole} remainder {rest}", *steps)

    return wording.Task(reading, answer)


def _is_divisible(slots: Slots) -> wording.Task:
    (shown, number), (divisor_shown, divisor) = wording.operand(slots["n"]), wording.operand(slots["d"], 1)
    reading = f"is {shown} divisible by {divisor_shown}"

    def answer() -> results.Solved:
        rest = number % divisor
        _require(number - number // divisor * divisor == rest)
        verdict = "is divisible by" if not rest else "is not divisible by"
        note = "" if not rest else f": the remainder is {rest}"
        exact = "no" if rest else "yes"
        return wording.solved(
            reading, f"{shown} {verdict} {divisor_shown}{note}", "multiplied out by other code", exact
        )

    return wording.Task(reading, answer)


def _is_even(slots: Slots) -> wording.Task:
    shown, number = wording.whole(slots["n"])
    wanted = slots["kind"].lower()
    reading = f"is {shown} {wanted}"

    def answer() -> results.Solved:
        kind = "even" if formulas.whole_text(number)[-1] in "02468" else "odd"
        _require((number % 2 == 0) == (kind == "even"))
        exact = "yes" if kind == wanted else "no"
        return wording.solved(
            reading, f"{shown} is {kind}", "the last digit and the remainder agree, by other code", exact
        )

    return wording.Task(reading, answer)


def _is_power(slots: Slots) -> wording.Task:
    shown, number = wording.whole(slots["n"])
    index = 2 if slots["kind"].lower() == "square" else 3
    what = "perfect square" if index == 2 else "perfect cube"
    reading = f"is {shown} a {what}"

    def answer() -> results.Solved:
        root = arithmetic.whole_root(number, index)
        near = int(sympy.integer_nthroot(number, index)[0])
        _require((root is not None) == (near**index == number) and near**index <= number < (near + 1) ** index)
        if root is None:
            answer = f"{shown} is not a {what}: it lies between {near}^{index} and {near + 1}^{index}"
            return wording.solved(reading, answer, "the neighbours raised by other code", "no")
        return wording.solved(reading, f"{shown} is a {what}: {root}^{index}", "raised again by other code", "yes")

    return wording.Task(reading, answer)


_N = r"(?P<n>.+)"
FRAMES = (
    wording.frame(
        rf"ASK (?:number|count) of (?:(?:positive|whole(?:-| )number) )?(?:divisors|factors) (?:of|for) (?:the number )?{_N}",
        _about_divisors("number of divisors", len),
    ),
    wording.frame(
        rf"how many (?:(?:positive|whole(?:-| )number) )?(?:divisors|factors) (?:does|do) (?:the number )?{_N} have",
        _about_divisors("number of divisors", len),
    ),
    wording.frame(
        rf"ASK sum of (?:all )?(?:of )?(?:the )?(?:(?:positive|whole(?:-| )number) )?(?:divisors|factors) of {_N}",
        _about_divisors("sum of the divisors", sum),
    ),
    wording.frame(
        rf"ASK product of (?:all )?(?:of )?(?:the )?(?:(?:positive|whole(?:-| )number) )?(?:divisors|factors) of {_N}",
        _about_divisors("product of the divisors", _product),
    ),
    wording.frame(rf"(?:list )?(?:ASK )?(?:all )?(?:of )?(?:the )?(?:positive )?(?:divisors|factors) of {_N}", _list_divisors),
    wording.frame(
        rf"ASK (?:largest|greatest|biggest) prime (?:factor|divisor) of {_N}", _about_factors("largest prime factor", max)
    ),
    wording.frame(rf"ASK (?:smallest|least) prime (?:factor|divisor) of {_N}", _about_factors("smallest prime factor", min)),
    wording.frame(
        rf"how many (?:distinct|different) prime (?:factors|divisors) (?:does|do) {_N} have",
        _about_factors("number of different prime factors", len),
    ),
    wording.frame(
        rf"ASK number of (?:distinct|different) prime (?:factors|divisors) of {_N}",
        _about_factors("number of different prime factors", len),
    ),
    wording.frame(
        rf"ASK sum of (?:the )?prime (?:factors|divisors) of {_N}", _about_factors("sum of the prime factors", _sum_of_primes)
    ),
    wording.frame(
        rf"ASK sum of (?:the )?(?:distinct|different) prime (?:factors|divisors) of {_N}",
        _about_factors("sum of the different prime factors", sum),
    ),
    wording.frame(
        rf"ASK largest perfect square (?:factor|divisor) of {_N}|ASK largest perfect square that divides (?P<m>.+)",
        lambda slots: _about_factors(
            "largest perfect square divisor",
            lambda found: math.prod(prime ** (times // 2 * 2) for prime, times in found.items()),
        )({"n": slots["n"] or slots["m"]}),
    ),
    wording.frame(r"ASK (?:Euler's )?(?:totient|phi|φ)(?: function)?(?: of (?P<n>.+)| ?\((?P<m>.+)\))", lambda slots: _totient(
        {"n": slots["n"] or slots["m"]}
    )),
    wording.frame(r"ASK (?:modular |multiplicative )*inverse of (?P<n>.+?),? \(?(?:mod|modulo) (?P<m>[^()]+)\)?", _inverse),
    wording.frame(r"ASK (?P<n>\d+)\^\(?-1\)? (?:mod|modulo) (?P<m>\d+)", _inverse),
    wording.frame(
        r"(?:solve )?(?:the congruence )?(?:for (?P<named>[a-z]):? )?(?P<a>\d+)?\*? ?(?P<letter>[A-Za-z]) ?≡ ?(?P<b>\d+) "
        r"\(?mod(?:ulo)? (?P<m>\d+)\)?(?:,? for (?P<again>[a-z]))?"
        r"(?:, as a residue modulo (?P=m)\. \(Give an answer between 0 and \d+\.?\)?)?",
        lambda slots: _congruence({**slots, "named": slots["named"] or slots["again"]}),
    ),
    wording.frame(r"ASK (?P<a>\d+) ?(?:\^|\*\*) ?(?P<k>\(?\d+\)?|\(\d+\^\d+\)) (?:mod|modulo) (?P<m>\d+)", _modular_power),
    wording.frame(
        r"ASK remainder (?:when|of|if) (?P<a>\d+) ?(?:\^|\*\*) ?\(?(?P<k>\d+)\)? (?:is )?divided by (?P<m>\d+)", _modular_power
    ),
    wording.frame(
        r"ASK (?:units|ones|last|final|unit's|unit) digit (?:of|in) (?P<a>\d+) ?(?:\^|\*\*) ?\(?(?P<k>\d+)\)?", _last_digit
    ),
    wording.frame(rf"ASK (?:(?P<what>sum) of (?:all )?(?:the )?digits|digit sum) (?:of|in) {_N}", _digits_of),
    wording.frame(rf"ASK (?P<what>number) of (?:decimal )?digits (?:of|in) {_N}", _digits_of),
    wording.frame(
        rf"how many (?:decimal )?digits (?:does {_N} have|are (?:there )?in (?P<m>.+))",
        lambda slots: _digits_of({"what": "number", "n": slots["n"] or slots["m"]}),
    ),
    wording.frame(
        r"ASK quotient and (?:the )?remainder (?:when|of|if) (?P<n>.+?) (?:is )?divided by (?P<d>\d[\d,]*)",
        _quotient_and_remainder,
    ),
    wording.frame(rf"is (?:the number )?{_N} divisible by (?P<d>.+)", _is_divisible),
    wording.frame(rf"is (?:the number )?{_N} (?:a multiple of) (?P<d>.+)", _is_divisible),
    wording.frame(r"is (?:the number )?(?P<n>.+?) (?:an )?(?P<kind>even|odd)(?: number)?", _is_even),
    wording.frame(r"is (?:the number )?(?P<n>.+) a perfect (?P<kind>square|cube)", _is_power),
)  # fmt: skip
