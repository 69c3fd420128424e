"""Sentences around formulas: a frame is a pattern that the whole text must match, with slots that the grammar reads.

A frame makes a task or raises UnreadableError; if two frames read one text in different ways, nothing is read. The words
of a frame are matched in any case; what fills a slot keeps its own.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.math import evaluate, grammar, lexer, limits, tree
from council.serving.wording import manners, number_words


@dataclass(frozen=True, slots=True)
class Task:
    """What was read. `answer` computes and checks; it raises any MathStopError."""

    reading: str
    answer: Callable[[], results.Solved]


@dataclass(frozen=True, slots=True)
class Frame:
    """`make` gets the slots of a match by name, each stripped, or empty where the pattern left one out."""

    pattern: re.Pattern[str]
    make: Callable[[Mapping[str, str]], Task]


TEXT_CHARS_MAX = 1_000
_MARKS = "?.:;"
_ASK = r"(?:(?:what|which) (?:is|are|were)|what's|find|compute|calculate|determine|evaluate|state|work out|show|give)(?: me)?:?"


def frame(pattern: str, make: Callable[[Mapping[str, str]], Task]) -> Frame:
    """Return a frame. In `pattern`, `ASK ` stands for an optional request (what is, find, ...) and an optional `the`."""
    spelt = pattern.replace("ASK ", rf"(?:{_ASK} )?(?:the )?")
    return Frame(re.compile(spelt, re.IGNORECASE), make)


_WISHES = re.compile(
    r"[.?] *(?:(?:express|give|write) your answer "
    r"(?:as a common fraction|in simplest form|as a fraction|in simplest radical form)"
    r"|enter all (?:the )?solutions,? separated by commas)\.?\s*$",
    re.IGNORECASE,
)


def bare(text: str) -> str:
    """Return `text` without manners, closing marks, and a closing wish for an exact answer; large numbers in digits."""
    found = _with_powers(number_words.in_digits(manners.without(text, _MARKS)))
    return _WISHES.sub("", found) if len(found) <= TEXT_CHARS_MAX else found


def _with_powers(text: str) -> str:
    """Return `text` with `to the third power` as `to the power of 3`."""
    return _NTH_POWER.sub(_power, text) if len(text) <= TEXT_CHARS_MAX else text


def _power(match: re.Match[str]) -> str:
    if _PART_BEFORE.search(match.string, 0, match.start()):
        return match[0]
    if match["word"]:
        return f"to the power of {_ORDINALS[match['word'].lower()]}"
    right = match["ending"].lower() == number_words.ordinal_ending(int(match["n"]))
    return f"to the power of {match['n']}" if right else match[0]


# Of half of 4 to the third power people may take half first.
_PART_BEFORE = re.compile(r"\b(?:twice|double|triple|half|thirds?|quarters?|fifths?)\b", re.IGNORECASE)
_ORDINALS = number_words.ordinals(2, 12)
_NTH_POWER = re.compile(
    rf"\bto the (?:(?P<word>{'|'.join(_ORDINALS)})|(?P<n>\d{{1,3}})(?P<ending>st|nd|rd|th)) power\b(?! (?:of|series|law))",
    re.IGNORECASE,
)


def _line(text: str) -> str | None:
    """Return `text` as frames read it, or None where it is too long or of several lines."""
    if len(text) > TEXT_CHARS_MAX or "\n" in text:
        return None
    return re.sub(r"\s+", " ", text).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")


def read(text: str, frames: Sequence[Frame]) -> Task | limits.MathStopError | None:
    """Return what the frames read in `text`, which is `bare`, or why a frame that fits it could not, or None.

    Raises TooLargeError; UnreadableError where frames differ.
    """
    found = _line(text)
    if found is None:
        return None
    tasks: list[Task] = []
    problem: limits.MathStopError | None = None
    for each in frames:
        match = each.pattern.fullmatch(found)
        if match is None:
            continue
        try:
            tasks.append(each.make({name: (value or "").strip() for name, value in match.groupdict().items()}))
        except (limits.UnreadableError, limits.UndecidedError) as error:
            problem = telling(problem, error)
    if len({task.reading for task in tasks}) > 1:
        raise limits.UnreadableError("The sentence can be read in two ways.")
    return tasks[0] if tasks else problem


def telling(one: limits.MathStopError | None, other: limits.MathStopError) -> limits.MathStopError:
    """Return the first of two errors that says more than that a word is not in the grammar."""
    if one is None or (isinstance(one, limits.UnlistedError) and not isinstance(other, limits.UnlistedError)):
        return other
    return one


def formula(text: str) -> tree.Node:
    """Return the tree of a slot in which x is an unknown, never a times sign."""
    tokens = lexer.tokens(text)
    if not tokens or any(token.kind == "operator" and token.text == "x" for token in tokens):
        raise limits.UnreadableError("The letter x may be a times sign or an unknown.")
    return grammar.parse(tokens)


def number(text: str) -> tuple[tree.Node, Fraction]:
    """Return a slot without letters as a tree and its exact value, agreed on by SymPy and our own arithmetic."""
    node = grammar.parse(lexer.tokens(text))
    if tree.unknowns(node):
        raise limits.UnreadableError("A number is needed, not a letter.")
    value = evaluate.checked_value(node)[1]
    if not isinstance(value, Fraction):
        raise limits.UnreadableError("An exact number is needed.")
    return node, value


def whole(text: str, low: int = 0) -> tuple[str, int]:
    """Return a slot as its reading and a whole number >= `low`."""
    node, value = number(text)
    if value.denominator != 1 or value < low:
        raise limits.UnreadableError(f"A whole number from {low} on is needed.")
    return tree.text(node), int(value)


def operand(text: str, low: int = 0) -> tuple[str, int]:
    """Return what `whole` returns, but read no sum, product or quotient without parentheses: words reach only so far."""
    node = grammar.parse(lexer.tokens(text))
    if isinstance(node, tree.Binary) and node.operator != "^" and not is_wrapped(text):
        raise limits.UnreadableError("It is not clear how far the words reach; use parentheses.")
    return whole(text, low)


def is_wrapped(text: str) -> bool:
    """Return whether one pair of parentheses encloses all of `text`."""
    depth = 0
    for index, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return index == len(text) - 1
    return False


def split(text: str, separator: str = ",") -> list[str]:
    """Return the parts of `text` between separators outside of brackets."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        if character == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def solved(task: str, answer: str, checked: str, exact: str, *steps: str) -> results.Solved:
    """Return a result whose check held, for the task that was read as `task`."""
    return evaluate.solved(answer, task, checked, exact, *steps)
