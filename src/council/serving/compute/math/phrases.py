"""Words that stand for operators: several tokens of a text become one token of the grammar.

Kinds that this adds to the lexer's: `postfix` (squared), `prefix` (square root of; its text names the function), `fraction`
(half of; its value), `list` (sum of; its text names the operation). `spoken` operators bind less clearly than signs, so the
grammar asks more of their surroundings.
"""

from dataclasses import replace
from fractions import Fraction

from council.serving.compute.math import lexer
from council.serving.wording import number_words

_WORD_MAX = 5
_SPOKEN: dict[str, tuple[str, str]] = {
    "plus": ("operator", "+"), "minus": ("operator", "-"), "times": ("operator", "*"), "multiplied by": ("operator", "*"),
    "divided by": ("operator", "/"), "mod": ("operator", "mod"), "modulo": ("operator", "mod"),
    "to the power of": ("operator", "to the power of"), "raised to the power of": ("operator", "to the power of"),
    "to the power": ("operator", "to the power of"), "raised to the power": ("operator", "to the power of"),
    "percent": ("operator", "%"), "per cent": ("operator", "%"), "of": ("operator", "of"), "and": ("operator", "and"),
    "degrees": ("postfix", "degrees"), "squared": ("postfix", "squared"), "cubed": ("postfix", "cubed"),
    "factorial": ("postfix", "factorial"), "negative": ("operator", "negative"),
    "square root of": ("prefix", "sqrt"), "cube root of": ("prefix", "cbrt"), "absolute value of": ("prefix", "abs"),
    "square of": ("prefix", "square"), "cube of": ("prefix", "cube"), "factorial of": ("prefix", "factorial"),
    "natural log of": ("prefix", "ln"), "natural logarithm of": ("prefix", "ln"),
    "twice": ("prefix", "twice"), "double": ("prefix", "twice"), "triple": ("prefix", "triple"),
    "sum of": ("list", "+"), "product of": ("list", "*"), "difference between": ("list", "-"),
    "difference of": ("list", "-"), "quotient of": ("list", "/"), "average of": ("list", "mean"), "mean of": ("list", "mean"),
    "gcd of": ("list", "gcd"), "hcf of": ("list", "gcd"), "gcf of": ("list", "gcd"), "lcm of": ("list", "lcm"),
    "greatest common divisor of": ("list", "gcd"), "greatest common factor of": ("list", "gcd"),
    "highest common factor of": ("list", "gcd"), "least common multiple of": ("list", "lcm"),
    "lowest common multiple of": ("list", "lcm"),
}  # fmt: skip
# "Third of" alone may be a place.
_FRACTIONS = {
    f"{words} of": value for words, value in number_words.FRACTIONS.items() if words == "half" or " " in words
}
_SINGLE = number_words.cardinals(0, 19)
_TENS = number_words.cardinals(20, 90)


def merged(tokens: list[lexer.Token]) -> list[lexer.Token]:
    """Return `tokens` with phrases and number words replaced, and `the` dropped where a phrase follows it."""
    result: list[lexer.Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.text == "the" and _phrase(tokens, index + 1):
            index += 1
            continue
        size, made = _phrase(tokens, index) or _number_word(tokens, index) or (1, token)
        result.append(made)
        index += size
    return result


def _phrase(tokens: list[lexer.Token], index: int) -> tuple[int, lexer.Token] | None:
    for size in range(min(_WORD_MAX, len(tokens) - index), 0, -1):
        piece = tokens[index : index + size]
        if any(token.kind not in ("word", "name") for token in piece):
            continue
        words = " ".join(token.text.lower() for token in piece)
        place = replace(piece[0], end=piece[-1].end, spoken=True)
        if words in _FRACTIONS:
            return size, replace(place, kind="fraction", text=words, value=_FRACTIONS[words])
        if words in _SPOKEN:
            kind, text = _SPOKEN[words]
            return size, replace(place, kind=kind, text=text)
    return None


def _number_word(tokens: list[lexer.Token], index: int) -> tuple[int, lexer.Token] | None:
    words = [token.text for token in tokens[index : index + 3]]
    if words[0] in _SINGLE:
        size, value = 1, _SINGLE[words[0]]
    elif words[0] in _TENS:
        size, value = 1, _TENS[words[0]]
        unit = 2 if words[1:2] == ["-"] and tokens[index + 1].end - tokens[index].start == len(words[0]) + 1 else 1
        if words[unit : unit + 1] and 1 <= _SINGLE.get(words[unit], 0) <= 9:
            size, value = unit + 1, value + _SINGLE[words[unit]]
    else:
        return None
    last = tokens[index + size - 1]
    made = replace(tokens[index], kind="number", text=str(value), end=last.end, value=Fraction(value))
    return size, made
