"""Functions that every textbook has, as they are shown to whoever asks for one; `textbook_asks.py` reads the wish.

Each stands alone, imports nothing but `Any`, and says in its docstring what it takes for granted.
"""

from collections.abc import Callable
from typing import Any


def reverse_string(text: str) -> str:
    """Return the text with its characters in reverse order."""
    return text[::-1]


def reverse_words(text: str) -> str:
    """Return the words in reverse order, parted by single spaces."""
    return " ".join(reversed(text.split()))


def is_palindrome(text: str) -> bool:
    """Return whether the text reads the same backwards. Case, spaces and punctuation count."""
    return text == text[::-1]


def is_palindrome_phrase(text: str) -> bool:
    """Return whether the letters and digits read the same backwards. Case, spaces and punctuation do not count."""
    kept = [char for char in text.casefold() if char.isalnum()]
    return kept == kept[::-1]


def is_anagram(first: str, second: str) -> bool:
    """Return whether both texts have the same characters, each as often. Case and spaces count."""
    return sorted(first) == sorted(second)


def count_vowels(text: str) -> int:
    """Return how many characters are a, e, i, o or u, in either case."""
    return sum(char in "aeiouAEIOU" for char in text)


def remove_vowels(text: str) -> str:
    """Return the text without a, e, i, o and u, in either case."""
    return "".join(char for char in text if char not in "aeiouAEIOU")


def count_words(text: str) -> int:
    """Return how many words the text has; white space parts them."""
    return len(text.split())


def count_characters(text: str) -> dict[str, int]:
    """Return how often each character occurs, in the order of first occurrence. Case counts."""
    counts: dict[str, int] = {}
    for char in text:
        counts[char] = counts.get(char, 0) + 1
    return counts


def longest_word(text: str) -> str:
    """Return the longest word, the first of several; white space parts them. "" if there is none."""
    return max(text.split(), key=len, default="")


def capitalize_words(text: str) -> str:
    """Return the text with the first letter of each word in upper case; single spaces part words, the rest stays."""
    return " ".join(word[:1].upper() + word[1:] for word in text.split(" "))


def is_balanced(text: str) -> bool:
    """Return whether every (, [ and { is closed by its own kind, in order. Other characters are passed over."""
    closing = {")": "(", "]": "[", "}": "{"}
    opened = []
    for char in text:
        if char in closing.values():
            opened.append(char)
        elif char in closing and (not opened or opened.pop() != closing[char]):
            return False
    return not opened


def caesar_cipher(text: str, shift: int) -> str:
    """Return the text with each letter from a to z moved on by `shift` places, in its case; the rest stays."""
    moved = []
    for char in text:
        if "a" <= char <= "z" or "A" <= char <= "Z":
            first = ord("a") if char.islower() else ord("A")
            moved.append(chr((ord(char) - first + shift) % 26 + first))
        else:
            moved.append(char)
    return "".join(moved)


def factorial(n: int) -> int:
    """Return n! = 1 * 2 * ... * n; 0! is 1. Raise ValueError if n is negative."""
    if n < 0:
        raise ValueError("n must not be negative")
    product = 1
    for factor in range(2, n + 1):
        product *= factor
    return product


def fibonacci(n: int) -> int:
    """Return the nth Fibonacci number, counted so that number 0 is 0 and number 1 is 1. Raise ValueError if n is negative."""
    if n < 0:
        raise ValueError("n must not be negative")
    number, following = 0, 1
    for _ in range(n):
        number, following = following, number + following
    return number


def fibonacci_numbers(n: int) -> list[int]:
    """Return the first n Fibonacci numbers, beginning with 0 and 1."""
    numbers = []
    number, following = 0, 1
    for _ in range(n):
        numbers.append(number)
        number, following = following, number + following
    return numbers


def is_prime(n: int) -> bool:
    """Return whether n is a prime number. Numbers below 2 are not."""
    if n < 2:
        return False
    divisor = 2
    while divisor * divisor <= n:
        if n % divisor == 0:
            return False
        divisor += 1
    return True


def primes_up_to(n: int) -> list[int]:
    """Return all prime numbers up to and including n, by the sieve of Eratosthenes."""
    is_prime = [True] * (n + 1)
    primes = []
    for number in range(2, n + 1):
        if is_prime[number]:
            primes.append(number)
            for multiple in range(number * number, n + 1, number):
                is_prime[multiple] = False
    return primes


def prime_factors(n: int) -> list[int]:
    """Return the prime factors of n in order, each as often as it divides n. Raise ValueError if n is below 1."""
    if n < 1:
        raise ValueError("n must be at least 1")
    factors = []
    divisor = 2
    while divisor * divisor <= n:
        while n % divisor == 0:
            factors.append(divisor)
            n //= divisor
        divisor += 1
    return [*factors, n] if n > 1 else factors


def gcd(a: int, b: int) -> int:
    """Return the greatest common divisor of a and b, never negative, by Euclid's algorithm."""
    while b:
        a, b = b, a % b
    return abs(a)


def lcm(a: int, b: int) -> int:
    """Return the least common multiple of a and b, never negative; 0 if one of them is 0."""
    if a == 0 or b == 0:
        return 0
    divisor, rest = abs(a), abs(b)
    while rest:
        divisor, rest = rest, divisor % rest
    return abs(a * b) // divisor


def digit_sum(n: int) -> int:
    """Return the sum of the decimal digits of n; a sign does not count."""
    return sum(int(digit) for digit in str(abs(n)))


def is_even(n: int) -> bool:
    """Return whether n is even."""
    return n % 2 == 0


def is_leap_year(year: int) -> bool:
    """Return whether a year of the Gregorian calendar is a leap year."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def is_perfect_number(n: int) -> bool:
    """Return whether n is the sum of its divisors below itself."""
    return n > 1 and n == sum(divisor for divisor in range(1, n // 2 + 1) if n % divisor == 0)


def is_armstrong_number(n: int) -> bool:
    """Return whether n is the sum of its digits, each raised to the power of how many digits there are."""
    digits = str(n)
    return n >= 0 and n == sum(int(digit) ** len(digits) for digit in digits)


def is_power_of_two(n: int) -> bool:
    """Return whether n is 1, 2, 4, 8 and so on."""
    return n > 0 and n & (n - 1) == 0


def collatz_sequence(n: int) -> list[int]:
    """Return the Collatz sequence from n down to 1. Raise ValueError if n is below 1."""
    if n < 1:
        raise ValueError("n must be at least 1")
    sequence = [n]
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        sequence.append(n)
    return sequence


def to_binary(n: int) -> str:
    """Return n in base 2, without a prefix; a negative number with a minus sign."""
    return format(n, "b")


def from_binary(text: str) -> int:
    """Return the number that a text of binary digits means. Raise ValueError if it is none."""
    return int(text, 2)


def to_roman(n: int) -> str:
    """Return n as a Roman numeral. Raise ValueError if n is not from 1 to 3999."""
    if not 1 <= n <= 3999:
        raise ValueError("n must be from 1 to 3999")
    signs = {
        1000: "M", 900: "CM", 500: "D", 400: "CD", 100: "C", 90: "XC", 50: "L", 40: "XL", 10: "X", 9: "IX", 5: "V", 4: "IV",
        1: "I",
    }  # fmt: skip
    numeral = ""
    for value, sign in signs.items():
        numeral += sign * (n // value)
        n %= value
    return numeral


def from_roman(numeral: str) -> int:
    """Return the number that a Roman numeral in upper case means. Raise KeyError at any other character."""
    values = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
    total = 0
    for place, sign in enumerate(numeral):
        value = values[sign]
        smaller = place + 1 < len(numeral) and value < values[numeral[place + 1]]
        total += -value if smaller else value
    return total


def celsius_to_fahrenheit(celsius: float) -> float:
    """Return a temperature in degrees Fahrenheit."""
    return celsius * 9 / 5 + 32


def fahrenheit_to_celsius(fahrenheit: float) -> float:
    """Return a temperature in degrees Celsius."""
    return (fahrenheit - 32) * 5 / 9


def fizzbuzz(n: int) -> list[str]:
    """Return 1 to n as text: Fizz for multiples of 3, Buzz for those of 5, FizzBuzz for those of both."""
    return ["Fizz" * (number % 3 == 0) + "Buzz" * (number % 5 == 0) or str(number) for number in range(1, n + 1)]


def largest(numbers: list[float]) -> float:
    """Return the largest number. Raise ValueError if there is none."""
    return max(numbers)


def smallest(numbers: list[float]) -> float:
    """Return the smallest number. Raise ValueError if there is none."""
    return min(numbers)


def second_largest(numbers: list[float]) -> float:
    """Return the second largest of the distinct numbers. Raise ValueError if there are fewer than two."""
    distinct = sorted(set(numbers))
    if len(distinct) < 2:
        raise ValueError("there must be two different numbers at least")
    return distinct[-2]


def total(numbers: list[float]) -> float:
    """Return the sum of the numbers; 0 if there is none."""
    return sum(numbers)


def average(numbers: list[float]) -> float:
    """Return the arithmetic mean. Raise ValueError if there is no number."""
    if not numbers:
        raise ValueError("there must be one number at least")
    return sum(numbers) / len(numbers)


def median(numbers: list[float]) -> float:
    """Return the number in the middle, or the mean of the two there. Raise ValueError if there is no number."""
    if not numbers:
        raise ValueError("there must be one number at least")
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def even_numbers(numbers: list[int]) -> list[int]:
    """Return the even ones of the numbers, in order."""
    return [number for number in numbers if number % 2 == 0]


def remove_duplicates(items: list[Any]) -> list[Any]:
    """Return each item once, in the order of first occurrence. Items must be hashable."""
    return list(dict.fromkeys(items))


def most_common(items: list[Any]) -> Any:
    """Return the item that occurs most often, the first of several. Raise ValueError if there is none."""
    return max(items, key=items.count)


def flatten(items: list[Any]) -> list[Any]:
    """Return the elements of a list of lists, however deeply nested, in one list."""
    flat: list[Any] = []
    for item in items:
        flat.extend(flatten(item) if isinstance(item, list) else [item])
    return flat


def is_sorted(items: list[Any]) -> bool:
    """Return whether no item is smaller than the one before it."""
    return all(items[place] <= items[place + 1] for place in range(len(items) - 1))


def bubble_sort(items: list[Any]) -> list[Any]:
    """Return a new list in ascending order, by bubble sort."""
    ordered = list(items)
    for end in range(len(ordered) - 1, 0, -1):
        swapped = False
        for place in range(end):
            if ordered[place] > ordered[place + 1]:
                ordered[place], ordered[place + 1] = ordered[place + 1], ordered[place]
                swapped = True
        if not swapped:
            break
    return ordered


def insertion_sort(items: list[Any]) -> list[Any]:
    """Return a new list in ascending order, by insertion sort."""
    ordered: list[Any] = []
    for item in items:
        place = len(ordered)
        while place > 0 and ordered[place - 1] > item:
            place -= 1
        ordered.insert(place, item)
    return ordered


def merge_sort(items: list[Any]) -> list[Any]:
    """Return a new list in ascending order, by merge sort; equal items keep their order."""
    if len(items) < 2:
        return list(items)
    middle = len(items) // 2
    left, right = merge_sort(items[:middle]), merge_sort(items[middle:])
    merged = []
    i = j = 0
    while i < len(left) and j < len(right):
        if right[j] < left[i]:
            merged.append(right[j])
            j += 1
        else:
            merged.append(left[i])
            i += 1
    return merged + left[i:] + right[j:]


def quick_sort(items: list[Any]) -> list[Any]:
    """Return a new list in ascending order, by quicksort."""
    if len(items) < 2:
        return list(items)
    pivot = items[len(items) // 2]
    below = [item for item in items if item < pivot]
    equal = [item for item in items if item == pivot]
    above = [item for item in items if item > pivot]
    return quick_sort(below) + equal + quick_sort(above)


def binary_search(items: list[Any], wanted: Any) -> int:
    """Return the place of `wanted` in a list in ascending order, or -1 if it is not there."""
    low, high = 0, len(items) - 1
    while low <= high:
        middle = (low + high) // 2
        if items[middle] == wanted:
            return middle
        if items[middle] < wanted:
            low = middle + 1
        else:
            high = middle - 1
    return -1


def linear_search(items: list[Any], wanted: Any) -> int:
    """Return the first place of `wanted`, or -1 if it is not there."""
    for place, item in enumerate(items):
        if item == wanted:
            return place
    return -1


def merge_sorted(first: list[Any], second: list[Any]) -> list[Any]:
    """Return one list in ascending order of two that are in ascending order."""
    merged = []
    i = j = 0
    while i < len(first) and j < len(second):
        if second[j] < first[i]:
            merged.append(second[j])
            j += 1
        else:
            merged.append(first[i])
            i += 1
    return merged + first[i:] + second[j:]


def common_items(first: list[Any], second: list[Any]) -> list[Any]:
    """Return the items of the first list that the second has too, each once, in order. Items must be hashable."""
    there = set(second)
    return [item for item in dict.fromkeys(first) if item in there]


def chunks(items: list[Any], size: int) -> list[list[Any]]:
    """Return the list in pieces of `size` items; the last may have fewer. Raise ValueError if size is below 1."""
    if size < 1:
        raise ValueError("size must be at least 1")
    return [items[start : start + size] for start in range(0, len(items), size)]


def two_sum(numbers: list[int], target: int) -> tuple[int, int] | None:
    """Return the places of two numbers that add up to `target`, the earliest second place first, or None."""
    places: dict[int, int] = {}
    for place, number in enumerate(numbers):
        if target - number in places:
            return places[target - number], place
        places.setdefault(number, place)
    return None


def transpose(matrix: list[list[Any]]) -> list[list[Any]]:
    """Return the rows of a matrix as columns. Its rows must be equally long."""
    return [list(column) for column in zip(*matrix, strict=True)]


def power_set(items: list[Any]) -> list[list[Any]]:
    """Return all choices of the items, the empty one first; items keep their order."""
    choices: list[list[Any]] = [[]]
    for item in items:
        choices += [[*choice, item] for choice in choices]
    return choices


def permutations(items: list[Any]) -> list[list[Any]]:
    """Return the items in every order, n! of them."""
    if not items:
        return [[]]
    orders = []
    for place, first in enumerate(items):
        orders += [[first, *rest] for rest in permutations(items[:place] + items[place + 1 :])]
    return orders


def pascal_triangle(n: int) -> list[list[int]]:
    """Return the first n rows of Pascal's triangle."""
    rows: list[list[int]] = []
    row = [1]
    for _ in range(n):
        rows.append(row)
        row = [1, *(row[place] + row[place + 1] for place in range(len(row) - 1)), 1]
    return rows


FUNCTIONS: tuple[Callable[..., Any], ...] = tuple(
    thing for thing in list(globals().values()) if getattr(thing, "__module__", "") == __name__ and callable(thing)
)
