"""Reads a wish for a function of `textbook.py` that asks for nothing else; a word more, and it is not read.

The tests of `textbook_tests.py` are Council's own, so a function that passes them is self-tested and no more.
"""

import ast
import inspect
import keyword
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from council.serving.compute.code import textbook, textbook_tests
from council.serving.wording import manners

_TEXT_CHARS_MAX = 200
_MARKS = ".!?"


@dataclass(frozen=True, slots=True)
class Asked:
    """The function that was asked for, under the name that the user wants. `tests` are asserts, a line each."""

    name: str
    code: str
    tests: str


# What is asked in a few words: verb and object, as `_phrase` leaves them.
_LIST = r"(?:list|array|numbers|list of numbers|list of integers|numbers in list|list of items|elements)"
_N = r"(?:number|integer|n|whole number|positive integer|num)"
_ASKS: tuple[tuple[Callable[..., Any], str], ...] = (
    (textbook.reverse_string, r"reverse string|get reverse of string"),
    (textbook.reverse_words, r"reverse (?:order of )?words (?:in|of) string|reverse word order(?: of string)?"),
    (textbook.is_palindrome, r"whether (?:string|word) is palindrome(?: or not)?"),
    (
        textbook.is_palindrome_phrase,
        r"whether string is palindrome,? (?:ignoring|regardless of) "
        r"(?:case, spaces,? and punctuation|case and spaces|spaces and case)",
    ),
    (
        textbook.is_anagram,
        r"whether (?:two|2) (?:strings|words) are anagrams(?: of each other)?"
        r"|whether one string is anagram of (?:another|the other)",
    ),
    (textbook.count_vowels, r"(?:count|get number of) vowels in (?:string|word)"),
    (textbook.remove_vowels, r"remove (?:all )?vowels from (?:string|word)"),
    (textbook.count_words, r"(?:count|get number of) words in string"),
    (
        textbook.count_characters,
        r"(?:count|get) (?:frequency|number|occurrences) of (?:each|every) (?:character|letter) in (?:string|word)"
        r"|count (?:characters|letters) in string|get (?:character|letter) (?:frequencies|counts)(?: of string)?",
    ),
    (textbook.longest_word, r"get longest word (?:in|of) string"),
    (textbook.capitalize_words, r"capitalize (?:first letter of )?(?:each|every|all) words? (?:in|of) string"),
    (
        textbook.is_balanced,
        r"whether (?:parentheses|brackets)(?: in string)? are (?:balanced|valid)"
        r"|whether string has balanced (?:parentheses|brackets)|get (?:valid|balanced) parentheses",
    ),
    (textbook.caesar_cipher, r"(?:get|encrypt string (?:with|using|by)|apply) caesar cipher(?: of string)?"),
    (textbook.factorial, rf"get factorial(?: of {_N})?"),
    (textbook.fibonacci, r"get (?:nth|n-th|n'th) fibonacci number|get fibonacci number"),
    (textbook.fibonacci_numbers, r"get (?:first n fibonacci numbers|fibonacci (?:sequence|series)(?: up to n terms)?)"),
    (textbook.is_prime, rf"whether {_N} is prime(?: number)?(?: or not)?"),
    (textbook.primes_up_to, r"get (?:all )?(?:primes|prime numbers) up to n|get sieve of eratosthenes"),
    (textbook.prime_factors, rf"get (?:all )?prime (?:factors|factorization|factorisation) of {_N}|get prime factors"),
    (textbook.gcd, r"get (?:gcd|greatest common divisor)(?: of (?:two|2) (?:numbers|integers))?"),
    (textbook.lcm, r"get (?:lcm|least common multiple)(?: of (?:two|2) (?:numbers|integers))?"),
    (textbook.digit_sum, rf"get (?:digit sum|sum of (?:all )?digits)(?: (?:of|in) {_N})?|sum digits of {_N}"),
    (textbook.is_even, rf"whether {_N} is even"),
    (textbook.is_leap_year, r"whether year is leap year(?: or not)?"),
    (textbook.is_perfect_number, rf"whether {_N} is perfect(?: number)?"),
    (textbook.is_armstrong_number, rf"whether {_N} is armstrong number"),
    (textbook.is_power_of_two, rf"whether {_N} is power of (?:two|2)"),
    (textbook.collatz_sequence, rf"get collatz sequence(?: (?:of|for|from) {_N})?"),
    (textbook.to_binary, rf"convert {_N} (?:to|into) binary|convert decimal(?: number)? to binary"),
    (textbook.from_binary, rf"convert binary(?: string| {_N})? (?:to|into) (?:decimal|integer)"),
    (textbook.to_roman, rf"convert {_N} (?:to|into) roman numerals?"),
    (textbook.from_roman, rf"convert roman numerals? (?:to|into) {_N}s?"),
    (textbook.celsius_to_fahrenheit, r"convert (?:temperature from )?celsius (?:to|into) fahrenheit"),
    (textbook.fahrenheit_to_celsius, r"convert (?:temperature from )?fahrenheit (?:to|into) celsius"),
    (textbook.fizzbuzz, r"get fizz ?buzz"),
    (
        textbook.largest,
        rf"get (?:largest|maximum|max|biggest)(?: (?:number|element|value|item))? (?:in|of|from) {_LIST}",
    ),
    (textbook.smallest, rf"get (?:smallest|minimum|min)(?: (?:number|element|value|item))? (?:in|of|from) {_LIST}"),
    (textbook.second_largest, rf"get second(?: |-)largest(?: (?:number|element|value|item))? (?:in|of|from) {_LIST}"),
    (textbook.total, rf"(?:get sum of|sum|add up)(?: all)?(?: (?:numbers|elements|integers) (?:in|of))? {_LIST}"),
    (textbook.average, rf"get (?:average|mean|arithmetic mean) of {_LIST}"),
    (textbook.median, rf"get median of {_LIST}"),
    (textbook.even_numbers, rf"(?:get|filter)(?: all| only)? even (?:numbers|ones) (?:in|of|from) {_LIST}"),
    (
        textbook.remove_duplicates,
        rf"remove (?:all )?duplicates? ?(?:elements|items|values)? from {_LIST}(?: while (?:keeping|preserving) order)?",
    ),
    (textbook.most_common, rf"get most (?:common|frequent) (?:element|item|number|value) (?:in|of) {_LIST}"),
    (textbook.flatten, r"flatten (?:nested list|list of lists|nested lists)"),
    (textbook.is_sorted, rf"whether {_LIST} is sorted"),
    (textbook.bubble_sort, rf"(?:get|sort {_LIST} (?:with|using|by)) bubble ?sort"),
    (textbook.insertion_sort, rf"(?:get|sort {_LIST} (?:with|using|by)) insertion ?sort"),
    (textbook.merge_sort, rf"(?:get|sort {_LIST} (?:with|using|by)) merge ?sort"),
    (textbook.quick_sort, rf"(?:get|sort {_LIST} (?:with|using|by)) quick ?sort"),
    (textbook.binary_search, r"get binary search(?: (?:in|of|on) sorted list)?"),
    (textbook.linear_search, r"get linear search(?: (?:in|of|on) list)?"),
    (textbook.merge_sorted, r"merge (?:two|2) sorted (?:lists|arrays)(?: into one(?: sorted list)?)?"),
    (
        textbook.common_items,
        r"get (?:common (?:elements|items) (?:of|in|between)|intersection of) (?:two|2) (?:lists|arrays)",
    ),
    (textbook.chunks, rf"(?:split|divide|break) {_LIST} into chunks(?: of (?:given )?size(?: n)?)?"),
    (textbook.two_sum, r"get two[- ]sum"),
    (textbook.transpose, r"transpose matrix|get transpose of matrix"),
    (textbook.power_set, rf"get (?:power ?set|all subsets) of (?:{_LIST}|set)"),
    (textbook.permutations, rf"get (?:all )?permutations of {_LIST}"),
    (textbook.pascal_triangle, r"get (?:first n rows of )?pascal(?:'s)? triangle"),
)

_WANTED = r"(?:i (?:want|need|would like) (?:you to |to )?)?(?:(?:give|show)(?: me)? )?"
_WISH = re.compile(
    rf" ?{_WANTED}(?:write|create|make|implement|define|develop|build|provide)?(?: me)?(?: a| an| the)?"
    r"(?: (?:simple|short|small|basic|little))*(?: python3?)?(?: function| code)(?: in python3?)?"
    r"(?:(?: called| named) `?(?P<called>[A-Za-z_]\w{0,60})`?(?:\((?P<takes>[\w, ]{0,60})\))?`?"
    r"| `?(?P<name>[A-Za-z_]\w{0,60})\((?P<parameters>[\w, ]{0,60})\)`?)?"
    r",?(?: that| which| to|(?P<noun> for)) (?P<phrase>.+?)(?:,? (?:in|using) python3?)?",
    re.IGNORECASE,
)
_NAMED = re.compile(
    rf"{_WANTED}(?:write|create|implement|code|make)(?: me)?(?: a| an| the)?(?: simple| basic)?(?: python3?)?"
    r"(?: code for| implementation of)? (?P<phrase>.+?) in python3?",
    re.IGNORECASE,
)
_GET = frozenset("compute calculate find return get determine give produce generate evaluate implement print".split())
_WHETHER = re.compile(
    r"(?:check|test|determine|tell|say|return|verify|decide|see|find out|get|figure out)s? (?:if|whether) ",
    re.IGNORECASE,
)
_ARTICLES = re.compile(r"\b(?:a|an|the|given|any|input|its|user's)\b ?")
_SAME = ((r"\b(?:text|phrase|sentence)\b", "string"), (r"\bcapitalise\b", "capitalize"), (r"’", "'"))


def read(text: str) -> Asked | None:
    """Return the function of the textbook that the text asks for, and nothing else; None where it asks for more or other."""
    plain = manners.without(" ".join(text[: _TEXT_CHARS_MAX + 1].split()), _MARKS)
    if len(plain) > _TEXT_CHARS_MAX:
        return None
    if match := _WISH.fullmatch(f" {plain}"):
        phrase = f"get {match['phrase']}" if match["noun"] else match["phrase"]
        taken = match["takes"] or match["parameters"] or ""
        return _found(_phrase(phrase), match["called"] or match["name"] or "", re.findall(r"\w+", taken))
    if match := _NAMED.fullmatch(plain):
        return _found(_phrase(f"get {match['phrase']}"), "", [])
    return None


def _phrase(words: str) -> str:
    """Return verb and object in one form: `computes the factorial of a number` as `get factorial of number`."""
    plain = words.lower()
    for pattern, same in _SAME:
        plain = re.sub(pattern, same, plain)
    first, _, rest = plain.partition(" ")
    if first.endswith("s") and first not in ("is", "has"):
        plain = f"{_infinitive(first)} {rest}"
    if match := _WHETHER.match(plain):
        return "whether " + _ARTICLES.sub("", plain[match.end() :])
    first, _, rest = plain.partition(" ")
    rest = _ARTICLES.sub("", rest)
    return f"{'get' if first in _GET else first} {rest}"


def _infinitive(verb: str) -> str:
    if verb.endswith("ies"):
        return verb[:-3] + "y"
    return (
        verb[:-2] if re.search(r"(?:s|sh|ch|x)es$", verb) and verb[:-1] not in {"reverse", "transpose"} else verb[:-1]
    )


def _found(phrase: str, name: str, parameters: list[str]) -> Asked | None:
    for function, asks in _ASKS:
        if re.fullmatch(asks, phrase):
            return _named(function, name, parameters)
    return None


def _named(function: Callable[..., Any], name: str, parameters: list[str]) -> Asked | None:
    """Return a function under the user's names; None where they do not fit it, or mean something in it already."""
    code, own = inspect.getsource(function).rstrip(), function.__name__
    taken = list(inspect.signature(function).parameters)
    if parameters and len(parameters) != len(taken):
        return None
    for old, new in zip((own, *taken), (name or own, *(parameters or taken)), strict=True):
        if new != old:
            if not new.isidentifier() or keyword.iskeyword(new) or new in _names(code):
                return None
            code = _renamed(code, old, new)
    if "Any" in code:
        code = f"from typing import Any\n\n\n{code}"
    return Asked(name or own, code, re.sub(rf"\b{own}\(", f"{name or own}(", textbook_tests.TESTS[own]))


def _names(code: str) -> set[str]:
    nodes = list(ast.walk(ast.parse(code)))
    named = {node.id for node in nodes if isinstance(node, ast.Name)} | {
        node.arg for node in nodes if isinstance(node, ast.arg)
    }
    return named | {node.name for node in nodes if isinstance(node, ast.FunctionDef)}


def _renamed(code: str, old: str, new: str) -> str:
    """Rename in the code, and in the docstring where that cannot hit a word of English."""
    head, docstring, body = re.split(r'(""".*?""")', code, maxsplit=1, flags=re.DOTALL)
    name = re.compile(rf"\b{old}\b")
    told = name.sub(new, docstring) if len(old) == 1 else docstring.replace(f"`{old}`", f"`{new}`")
    return name.sub(new, head) + told + name.sub(new, body)
