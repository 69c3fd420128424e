"""From text to tokens: a whitelist. A character or a word that is not listed makes the whole text unreadable.

Digits are the ten of ASCII: look-alikes from other scripts are not guessed at. What a token means is the grammar's business.
"""

import itertools
import re
from dataclasses import dataclass, replace
from fractions import Fraction

from council.serving.compute.math import limits
from council.serving.wording import number_words


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is number, name (one letter), word, superscript, operator or end.

    `start` and `end` are places in the text. `grouped` marks a number written with thousands separators, `spoken` one that
    `phrases` made from words, `obelus` the division sign ÷.
    """

    kind: str
    text: str
    start: int
    end: int
    value: Fraction = Fraction(0)
    grouped: bool = False
    spoken: bool = False
    obelus: bool = False


def tokens(text: str, tokens_max: int = limits.TOKENS_MAX) -> list[Token]:
    """Return the tokens of `text`. Raises UnreadableError; TooLargeError only when every token is known."""
    if len(text) > limits.TEXT_CHARS_MAX:
        raise limits.UnreadableError(f"The text is longer than the {limits.TEXT_CHARS_MAX} characters of a formula.")
    found: list[Token] = []
    oversized = ""
    position = 0
    while position < len(text):
        if text[position] in " \t\u00a0":
            position += 1
            continue
        token, problem = _token_at(text, position)
        found.append(token)
        oversized = oversized or problem
        position = token.end
    _check_letters(found)
    if oversized:
        raise limits.TooLargeError(oversized)
    if len(found) > tokens_max:
        raise limits.TooLargeError(
            f"The formula has {len(found)} parts; the limit is {tokens_max}. Ask for it in pieces."
        )
    return _with_times_signs(_split_products(found))


_NUMBER = re.compile(r"(?P<whole>\d{1,3}(?:,\d{3})+(?!\d)|\d+)?(?P<part>\.\d+)?(?P<exponent>[eE][+-]?\d+)?", re.ASCII)
_WORD = re.compile(r"[A-Za-z]+")
_SUPERSCRIPT = re.compile("⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_PLAIN_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_OPERATORS = {
    "**": "^", "<=": "<=", ">=": ">=", "≤": "<=", "≥": ">=", "+": "+", "-": "-", "\N{MINUS SIGN}": "-",
    "*": "*", "\N{MULTIPLICATION SIGN}": "*", "·": "*", "⋅": "*", "\N{ASTERISK OPERATOR}": "*", "^": "^",
    "/": "/", "÷": "/", "\N{DIVISION SLASH}": "/", "\N{FRACTION SLASH}": "/", "(": "(", ")": ")", "!": "!",
    "%": "%", ",": ",", ";": ";", "\n": ";", "=": "=", "<": "<", ">": ">", "√": "√", "°": "°", "?": "?",
    ".": ".", ":": ":", "_": "_", "\N{INVISIBLE TIMES}": "\N{INVISIBLE TIMES}",
}  # fmt: skip
_LISTED = """
    a abs absolute and antiderivative are at average base between bigger by calculate cbrt cent common completely compute cos
    cube cubed decrease definite degree degrees derivative difference differentiate divided divisor does double dx dy dz equal
    equals equation equations evaluate exp expand expression factor factorial factorisation factorise factorization factorize
    factors fifth fifths find following for fourth fourths from gcd gcf give greater greatest half hcf highest how if in
    increase indefinite inequality integral integrate is larger lcm least less ln log logarithm lowest me mean minus mod modulo
    much multiple multiplied natural negative number of or out per percent percentage pi plus polynomial power prime
    product quadratic quarter quarters quotient raised remainder respect result root roots simplify sin smaller solution
    solutions solve sqrt square squared sum system tan that the third thirds times to triple twice value what when where
    which with work zeroes zeros
"""
_WORDS = frozenset(_LISTED.split()).union(number_words.cardinals(0, 90))


def _token_at(text: str, position: int) -> tuple[Token, str]:
    character = text[position]
    if character in "0123456789" or (character == "." and text[position + 1 : position + 2] in set("0123456789")):
        return _number(text, position)
    if word := _WORD.match(text, position):
        return _word(word.group(), position), ""
    if character == "π":
        return Token("word", "pi", position, position + 1), ""
    if raised := _SUPERSCRIPT.match(text, position):
        if len(raised.group()) > 6:
            raise limits.UnreadableError("A raised number is too long.")
        if text[raised.end() : raised.end() + 1] == "\N{FRACTION SLASH}":
            raise limits.UnreadableError(
                "Raised digits before a fraction slash may be a power or the top of a fraction."
            )
        value = Fraction(int(raised.group().translate(_PLAIN_DIGITS)))
        return Token("superscript", raised.group(), position, raised.end(), value), ""
    for size in (2, 1):
        piece = text[position : position + size]
        if piece in _OPERATORS:
            return Token("operator", _OPERATORS[piece], position, position + size, obelus=piece == "÷"), ""
    raise limits.UnlistedError(f"The character {character!r} is not in the grammar.")


# A trailing nought is seldom written of decimals; much of the world groups thousands with a point.
_THOUSANDS = re.compile(r"[1-9]\d{0,2}\.\d\d0")


def _number(text: str, position: int) -> tuple[Token, str]:
    match = _NUMBER.match(text, position)
    assert match
    whole, part, exponent = match["whole"] or "", match["part"] or "", match["exponent"] or ""
    plain = whole.replace(",", "")
    if re.search(r"\d[ \u00a0]$", text[:position]) and len(plain) == 3:
        raise limits.UnreadableError("A space between digits may separate thousands or numbers.")
    if len(plain) > 1 and plain.startswith("0"):
        raise limits.UnreadableError("A number with a leading zero may be a date or a code.")
    if exponent[1:2] in ("+", "-") and plain != "1" and not part:
        raise limits.UnreadableError(f"{match.group()[:30]} may be a power of ten or a sum with e.")
    if _THOUSANDS.fullmatch(plain + part) and not exponent:
        decimal = (plain + part).rstrip("0").removesuffix(".")
        raise limits.UnreadableError(f"{plain}{part} may be {decimal} or {plain},{part[1:]}.")
    digits = len(plain) + len(part)
    power = int(exponent[1:]) if 0 < len(exponent) <= 9 else 0
    if digits > limits.LITERAL_DIGITS_MAX:
        problem = f"A number of {digits:,} digits was given; the limit is {limits.LITERAL_DIGITS_MAX:,}. Ask with fewer digits."
    elif abs(power) > limits.RESULT_DIGITS_MAX or len(exponent) > 9:
        problem = f"{match.group()[:30]} would have over {limits.RESULT_DIGITS_MAX:,} digits. Ask with a smaller power."
    elif power < -limits.LITERAL_PLACES_MAX:
        problem = f"{match.group()[:30]} has more decimal places than the limit of {limits.LITERAL_PLACES_MAX}. Ask for fewer."
    else:
        problem = ""
    value = Fraction(0) if problem else Fraction((plain or "0") + part) * Fraction(10) ** power
    shown = (plain or "0") + part + exponent.lower().replace("+", "")
    token = Token("number", shown, position, match.end(), value, "," in whole)
    return token, problem


def _word(word: str, position: int) -> Token:
    end = position + len(word)
    if len(word) == 1:
        return Token("name", word, position, end)
    lowered = word.lower()
    if lowered in _WORDS or (set(word) <= set("xyz") and len(set(word)) == len(word)):
        return Token("word", lowered, position, end)
    raise limits.UnlistedError(f"The word {word[:30]!r} is not in the grammar.")


def _check_letters(found: list[Token]) -> None:
    names = {token.text for token in found if token.kind == "name"}
    if names & set("iIEO"):
        raise limits.UnreadableError("One of the letters i, I, E and O is used, which can mean several things.")
    if len({name.lower() for name in names}) < len(names) and names & set("xyzXYZ"):
        raise limits.UnreadableError("The same letter is used in both cases.")
    for index, (before, token) in enumerate(itertools.pairwise(found)):
        if token.text == "e" and token.kind == "name" and before.kind == "number" and before.end == token.start:
            following = found[index + 2 : index + 3]
            if not following or following[0].text != "^":
                raise limits.UnreadableError("A number with the letter e behind it can be read in several ways.")


def _split_products(found: list[Token]) -> list[Token]:
    """Split xy and the like into letters."""
    split: list[Token] = []
    for token in found:
        if token.kind == "word" and set(token.text) <= set("xyz"):
            places = range(token.start, token.end)
            split += [Token("name", token.text[place - token.start], place, place + 1) for place in places]
        else:
            split.append(token)
    return split


def _with_times_signs(found: list[Token]) -> list[Token]:
    """Read `x` as a times sign where it stands between numbers and nowhere means an unknown."""
    spaced, tight, letters = [], [], 0
    for index, token in enumerate(found):
        if token.kind != "name" or token.text not in "xX":
            continue
        letters += 1
        if 0 < index < len(found) - 1:
            before, after = found[index - 1], found[index + 1]
            between = _is_operand_edge(before, ")") and _is_operand_edge(after, "(")
            if between and before.end < token.start and token.end < after.start:
                spaced.append(index)
            elif between and before.end == token.start and token.end == after.start and after.kind == "number":
                tight.append(index)
    if not spaced and not tight:
        return found
    if len(spaced) + len(tight) < letters or (tight and letters > 1):
        raise limits.UnreadableError("The letter x may be a times sign or an unknown.")
    if tight and found[tight[0] - 1].text == "0":
        raise limits.UnreadableError("The letter x between digits may be part of a code.")
    places = {*spaced, *tight}
    return [
        replace(token, kind="operator", text="x") if index in places else token for index, token in enumerate(found)
    ]


def _is_operand_edge(token: Token, bracket: str) -> bool:
    return token.kind == "number" or token.text == bracket
