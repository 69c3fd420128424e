"""Primes in order, Fibonacci numbers, multiples with so many digits, and other bases than ten."""

import math
import re
from collections.abc import Mapping

import sympy

from council.serving.compute import results
from council.serving.compute.math import check, formulas, limits, wording
from council.serving.wording import number_words

Slots = Mapping[str, str]
_SIEVE_MAX = 2_000_000
_NTH_PRIME_MAX = 100_000
_FIBONACCI_MAX = 40_000
_LISTED_MAX = 200


def _sieve(below: int) -> list[int]:
    """Return the primes under `below`, by our own sieve."""
    flags = bytearray([1]) * max(below, 2)
    flags[0:2] = b"\0\0"
    for number in range(2, math.isqrt(max(below - 1, 0)) + 1):
        if flags[number]:
            flags[number * number :: number] = bytes(len(range(number * number, len(flags), number)))
    return [number for number, flag in enumerate(flags[:below]) if flag]


def _primes_within(low: int, high: int) -> list[int]:
    """Return the primes from `low` to `high`, both included, confirmed one by one where there are few, else by count."""
    if high > _SIEVE_MAX:
        raise limits.TooLargeError(f"Primes are counted up to {_SIEVE_MAX:,} here. Ask for a smaller bound.")
    found = [prime for prime in _sieve(high + 1) if prime >= low]
    count = int(sympy.primepi(high)) - (int(sympy.primepi(low - 1)) if low > 1 else 0)
    check.require(
        count == len(found) and all(check.is_prime(prime) for prime in found[:_LISTED_MAX]), "the counts differ"
    )
    return found


def _nth_prime(slots: Slots) -> wording.Task:
    place = _place(slots["n"])
    if place > _NTH_PRIME_MAX:
        raise limits.TooLargeError(f"Primes are counted up to the {_NTH_PRIME_MAX:,}th here. Ask for an earlier one.")
    reading = f"the prime number at place {place} (2 is at place 1)"

    def answer() -> results.Solved:
        bound = 20 if place < 6 else int(place * (math.log(place) + math.log(math.log(place)))) + 10
        value = _sieve(bound)[place - 1]
        check.require(value == int(sympy.prime(place)), "the two ways differ")
        return wording.solved(
            reading, f"Prime number {place} is {value}", "sieved, and counted again by other code", str(value)
        )

    return wording.Task(reading, answer)


_ORDINALS = number_words.ordinals(1, 12)


def _place(text: str) -> int:
    lowered = text.lower()
    if lowered in _ORDINALS:
        return _ORDINALS[lowered]
    plain = lowered.replace(",", "")
    digits = plain.rstrip("sthndr")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 9 or int(digits) < 1:
        raise limits.UnreadableError("A place in a sequence is a whole number from 1 on.")
    if plain[len(digits) :] != number_words.ordinal_ending(int(digits)):
        raise limits.UnreadableError("The ending of the place does not fit its number.")
    return int(digits)


def _count_primes(slots: Slots) -> wording.Task:
    low, high, reading = _range(slots)

    def answer() -> results.Solved:
        count = len(_primes_within(low, high))
        return wording.solved(
            f"the number of {reading}",
            f"There are {count} {reading}",
            "sieved, and counted again by other code",
            str(count),
        )

    return wording.Task(f"the number of {reading}", answer)


def _list_primes(slots: Slots) -> wording.Task:
    low, high, reading = _range(slots)

    def answer() -> results.Solved:
        found = _primes_within(low, high)
        if len(found) > _LISTED_MAX:
            raise limits.TooLargeError(
                f"The list would have {len(found):,} numbers; the limit is {_LISTED_MAX}. Ask for fewer."
            )
        value = ", ".join(str(prime) for prime in found) or "none"
        return wording.solved(
            f"the {reading}", f"The {reading}: {value}", "sieved, and each tested by other code", value
        )

    return wording.Task(f"the {reading}", answer)


def _range(slots: Slots) -> tuple[int, int, str]:
    """Return both ends, included. `between` two numbers is read only where it does not matter whether they belong to it."""
    if slots["b"]:
        low, high = wording.whole(slots["a"])[1], wording.whole(slots["b"])[1]
        if low >= high or any(check.is_prime(end) for end in (low, high)):
            raise limits.UnreadableError(
                "It is not said whether the ends belong to the range, and one of them is prime."
            )
        return low, high, f"primes between {low} and {high}"
    bound = wording.operand(slots["n"], 2)[1]
    if slots["under"].lower() in ("up to", "not exceeding", "at most", "less than or equal to"):
        return 2, bound, f"primes up to {bound}, {bound} included"
    return 2, bound - 1, f"primes less than {bound}"


def _first_primes(slots: Slots) -> wording.Task:
    count = wording.operand(slots["n"], 1)[1]
    if count > _LISTED_MAX:
        raise limits.TooLargeError(f"The list would have {count:,} numbers; the limit is {_LISTED_MAX}. Ask for fewer.")
    summed = slots["what"].lower().startswith("sum")
    reading = f"the sum of the first {count} primes" if summed else f"the first {count} primes"

    def answer() -> results.Solved:
        found = _sieve(1_300)[:count]
        check.require(found == [int(prime) for prime in sympy.primerange(found[-1] + 1)], "the two ways differ")
        value = str(sum(found)) if summed else ", ".join(str(prime) for prime in found)
        said = f"The sum of the first {count} primes is {value}" if summed else f"The first {count} primes: {value}"
        return wording.solved(reading, said, "sieved, and found again by other code", value)

    return wording.Task(reading, answer)


def _next_prime(slots: Slots) -> wording.Task:
    shown, number = wording.operand(slots["n"])
    if number > 10**15:
        raise limits.TooLargeError("Neighbouring primes are looked for up to 10^15 here. Ask for a smaller number.")
    upward = slots["up"] != ""
    reading = f"the {'smallest prime greater than' if upward else 'largest prime less than'} {shown}"

    def answer() -> results.Solved:
        if not upward and number <= 2:
            raise limits.UndefinedError("There is no prime less than 2.")
        value = number + 1 if upward else number - 1
        while not check.is_prime(value):
            value += 1 if upward else -1
        theirs = sympy.nextprime(number) if upward else sympy.prevprime(number)
        check.require(int(theirs) == value, "the two ways differ")
        said = f"The{reading.removeprefix('the')} is {value}"
        return wording.solved(reading, said, "two separate primality tests agree, by other code", str(value))

    return wording.Task(reading, answer)


def _fibonacci(slots: Slots) -> wording.Task:
    place = _place(slots["n"])
    if place > _FIBONACCI_MAX:
        raise limits.TooLargeError(
            f"Fibonacci numbers are written out up to place {_FIBONACCI_MAX:,}. Ask for an earlier one."
        )
    reading = f"the Fibonacci number at place {place}, where places 1 and 2 hold 1"

    def answer() -> results.Solved:
        before, value = 0, 1
        for _ in range(place - 1):
            before, value = value, before + value
        check.require(int(sympy.fibonacci(place)) == value, "the two ways differ")
        shown = formulas.whole_text(value)
        said = f"Fibonacci number {place} is {shown}, counting 1, 1, 2, 3, 5, ..."
        return wording.solved(reading, said, "added up, and found again by doubling, by other code", shown)

    return wording.Task(reading, answer)


_LENGTHS = {**number_words.cardinals(2, 6), **{str(length): length for length in range(2, 7)}}


def _edge_multiple(slots: Slots) -> wording.Task:
    length, divisor = _LENGTHS[slots["length"].lower()], wording.operand(slots["d"], 1)[1]
    smallest = slots["edge"].lower() in ("smallest", "least")
    edge = "smallest" if smallest else "largest"
    reading = f"the {edge} {length}-digit whole number divisible by {divisor}"

    def answer() -> results.Solved:
        low, high = 10 ** (length - 1), 10**length - 1
        value = -(-low // divisor) * divisor if smallest else high // divisor * divisor
        if not low <= value <= high:
            raise limits.UndefinedError("There is no such number.")
        places = range(low, high + 1) if smallest else range(high, low - 1, -1)
        check.require(value == next(one for one in places if one % divisor == 0), "the two ways differ")
        return wording.solved(
            reading, f"The{reading[3:]} is {value}", "found again by trying, by other code", str(value)
        )

    return wording.Task(reading, answer)


_BASES = {"binary": 2, "ternary": 3, "octal": 8, "decimal": 10, "hexadecimal": 16, "hex": 16}
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BASE_DIGITS_MAX = 1_000


def _base(text: str) -> int:
    lowered = text.lower().removesuffix(" form").removesuffix(" notation")
    if lowered in _BASES:
        return _BASES[lowered]
    named = lowered.removeprefix("base").strip(" -")
    if not named.isascii() or not named.isdigit() or not 2 <= int(named[:3]) <= 36:
        raise limits.UnreadableError("A base is a whole number from 2 to 36.")
    return int(named)


def _convert(slots: Slots) -> wording.Task:
    written = slots["n"]
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+", written):
        written = written.replace(",", "")
    source, written = _source(written, slots["source"] or slots["below"])
    target = _base(slots["target"])
    if source == target:
        raise limits.UnreadableError("The two bases are the same.")
    if len(written) > _BASE_DIGITS_MAX:
        raise limits.TooLargeError(
            f"A number of over {_BASE_DIGITS_MAX:,} digits is not converted. Ask for a shorter one."
        )
    if not written or any(digit not in _DIGITS[:source] for digit in written):
        raise limits.UnreadableError(f"{written[:30]} is not written in base {source}.")
    reading = f"{written} (base {source}) in base {target}"

    def answer() -> results.Solved:
        number = 0
        for digit in written:
            number = number * source + _DIGITS.index(digit)
        shown = _in_base(number, target)
        back = sum(_DIGITS.index(digit) * target**place for place, digit in enumerate(reversed(shown)))
        check.require(back == number, "converting back gives something else")
        said = f"{written} in base {source} is {shown} in base {target}"
        return wording.solved(reading, said, "converted back by other code", shown)

    return wording.Task(reading, answer)


def _source(written: str, named: str) -> tuple[int, str]:
    prefix = written[:2].lower()
    if prefix in ("0x", "0b", "0o") and len(written) > 2:
        if named:
            raise limits.UnreadableError("The base is said twice.")
        return {"0x": 16, "0b": 2, "0o": 8}[prefix], written[2:].upper()
    if not named and not (written.isascii() and written.isdigit()):
        raise limits.UnreadableError("A number to convert is whole, and its base is said unless it is ten.")
    if len(written) > 1 and written.startswith("0") and not named:
        raise limits.UnreadableError("A leading zero may mean another base.")
    return (_base(named) if named else 10), written.upper()


def _in_base(number: int, base: int) -> str:
    digits = ""
    while number or not digits:
        number, digit = divmod(number, base)
        digits = _DIGITS[digit] + digits
    return digits


_BASE = r"(?:base[ -]?\d+|binary|ternary|octal|decimal|hexadecimal|hex)(?: form| notation)?"
_WRITTEN = r"(?:the )?(?:number )?(?P<n>[0-9][0-9A-Za-z,]*|[A-Fa-f][0-9A-Fa-f]*)"
_INTO = rf"(?:in|into|to|as|when expressed in|expressed in|written in)(?: an?)? (?P<target>{_BASE})(?: number)?"
_UNDER = r"(?P<under>below|under|less than or equal to|less than|smaller than|up to|not exceeding|at most)"
_BETWEEN = r"between (?P<a>\S+) and (?P<b>\S+)"
_CONVERT = r"(?:convert|change|write|express|ASK ) ?"
FRAMES = (
    wording.frame(r"ASK (?P<n>\w+) prime(?: number)?", _nth_prime),
    wording.frame(
        rf"how many (?:prime numbers|primes) (?:are )?(?:there )?"
        rf"(?:{_UNDER} (?P<n>.+)|{_BETWEEN})(?: are there)?", _count_primes
    ),
    wording.frame(rf"ASK number of (?:prime numbers|primes) (?:{_UNDER} (?P<n>.+)|{_BETWEEN})", _count_primes),
    wording.frame(rf"(?:list )?(?:ASK )?(?:all )?(?:the )?(?:prime numbers|primes) "
        rf"(?:{_UNDER} (?P<n>.+)|{_BETWEEN})", _list_primes),
    wording.frame(r"(?:list )?ASK (?P<what>sum of (?:the )?)?first (?P<n>\w+) (?:prime numbers|primes)", _first_primes),
    wording.frame(
        r"ASK (?:(?P<up>next prime(?: number)? after|smallest prime(?: number)? (?:greater|larger|bigger) than)"
        r"|(?:largest|biggest|greatest) prime(?: number)? (?:less|smaller) than) (?P<n>.+)",
        _next_prime,
    ),
    wording.frame(r"ASK (?P<n>\w+) Fibonacci number", _fibonacci),
    wording.frame(
        r"ASK (?P<edge>smallest|least|largest|greatest) (?P<length>two|three|four|five|six|[2-6])-digit "
        r"(?:positive )?(?:whole )?"
        r"(?:(?:number|integer) (?:that is |which is |that's )?(?:divisible by|a multiple of)|multiple of) (?P<d>.+)",
        _edge_multiple,
    ),
    wording.frame(rf"{_CONVERT}{_WRITTEN} {_INTO}(?P<source>)(?P<below>)", _convert),
    wording.frame(
        rf"{_CONVERT}{_WRITTEN} (?:from|in) (?P<source>{_BASE}) {_INTO}(?P<below>)", _convert
    ),
    wording.frame(rf"{_CONVERT}(?:the )?(?P<source>{_BASE})(?: (?:number|integer))? {_WRITTEN} {_INTO}(?P<below>)", _convert),
    wording.frame(
        rf"{_CONVERT}(?:the )?(?:number )?(?P<n>[0-9A-Z]+)_\(?(?P<below>\d+)\)? {_INTO}(?P<source>)", _convert
    ),
)  # fmt: skip
