"""The sentences of a passage that hold what a question asks for. Pure, and linear in the passage."""

import dataclasses
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

# Words of one question stand near each other where they answer it: in so many sentences that follow each other.
_UNITS_MAX = 3
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)")
_ITEM = re.compile(r"^[ \t]*(?:[-*+] |\d{1,3}[.)] |\|)")
_RULE = re.compile(r"\|[ :|-]{2,}\s*\Z")
_END = re.compile(r"[.!?][\"')\]\u201d\u2019]{0,2}\s+(?=[A-Z0-9\"'(\[`*\u201c])")
_NO_END = re.compile(r"(?:\b(?:e\.g|i\.e|etc|cf|vs|Dr|Mr|Mrs|Ms|St|No|Nr|approx|[A-Z]))\.$")
_DAY_OF_MONTH = re.compile(r"(?<![\d:.,])\d{1,2}\.\s+(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)")
# What goes on about the sentence before.
_GOES_ON = re.compile(
    r"\W*(?:it(?! (?:is|was) \w+ that\b)|its|they|their|them|this|these|that|those|he|his|she|her|there|then|both|such|so|"
    r"here)\b",
    re.IGNORECASE,
)
# Words to whoever reads a document for somebody, and not about anything.
_INSTRUCTS = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,60}\b(?:instructions?|prompts?|rules|above|previous|everything)\b|"
    r"\b(?:ask|asks|asked|question|questions|query|answering)\b.{0,160}\b(?:say|answer|reply|respond|output|print|tell|write)\b|"
    r"\b(?:say|answer|reply|respond|output|print|tell|write)\b.{0,60}\b(?:ask|asks|asked|questions?|query|user)\b|"
    r"^\W*(?:system|assistant|ai|user|(?:important )?instructions?|prompt|note to (?:the )?(?:ai|assistant|model))\s*:|"
    r"\byou (?:are|must|should|will) (?:now|only|always|never)\b|\b(?:maintenance|developer|god) mode\b|<\|\w+\|>|"
    # What only we write under an answer.
    r"\[\s*(?:math|logic|code|knowledge|general|council)\s*,\s*(?:un)?verified\b",
    re.IGNORECASE | re.DOTALL,
)
_INSTRUCTS_CHARS_MAX = 600


@dataclasses.dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, a row or item of a list, or a whole code block, as a range of the passage's characters.

    `head` is the range of the head of the table that a row stands in, empty elsewhere: a row says nothing without it.
    """

    begin: int
    end: int
    code: bool = False
    head: tuple[int, int] = (0, 0)
    instructs: bool = False

    @property
    def skipped(self) -> bool:
        """Whether a quote may not begin here."""
        return self.code or self.instructs


@dataclasses.dataclass(frozen=True, slots=True)
class Quote:
    """The words of a passage, as they stand there, that hold most of a question.

    `held` are the question's words in it, `chosen` are the units without what they announce.
    """

    text: str
    held: frozenset[str]
    chosen: range


def units(text: str) -> list[Unit]:
    """Return the passage's units in order; what lies between them is white space."""
    found: list[Unit] = []
    begin, position, fenced = 0, 0, False
    for line in text.splitlines(keepends=True):
        fence = bool(_FENCE.match(line))
        if not fenced and (fence or not line.strip() or _ITEM.match(line)):
            found += _sentences(text, begin, position)
            begin = position
        position += len(line)
        if fence and fenced:
            found.append(Unit(begin, position, code=True))
            begin = position
        fenced = fenced != fence
    if fenced:
        return _headed(text, [*found, Unit(begin, len(text), code=True)])
    return _headed(text, found + _sentences(text, begin, len(text)))


def instructs(text: str) -> bool:
    """Say whether a sentence tells its reader how to answer. Words of an untrusted document that do are not quoted."""
    return bool(_INSTRUCTS.search(text[:_INSTRUCTS_CHARS_MAX]))


def _headed(text: str, parts: Sequence[Unit]) -> list[Unit]:
    """Give the rows of tables their heads."""
    made: list[Unit] = []
    head = (0, 0)
    for number, part in enumerate(parts):
        if _RULE.match(text, part.begin, part.end) and number and text[parts[number - 1].begin] == "|":
            head = (parts[number - 1].begin, part.end)
        elif text[part.begin : part.begin + 1] != "|" or (number and text[parts[number - 1].begin] != "|"):
            head = (0, 0)
        made.append(dataclasses.replace(part, head=head if part.begin >= head[1] else (0, 0)))
    return made


def best(
    text: str, parts: Sequence[Unit], held: Sequence[AbstractSet[str]], above: AbstractSet[str], words_count: int
) -> Quote:
    """Return the shortest run of units that, with the words `above` in the headings, holds most words of a question.

    `held` are the question's words in each unit, `words_count` is how many it has. Where the headings hold them all, the
    passage is about the question, and its beginning is quoted. A sentence is quoted with those after it only where they go on
    about it, and with what it announces by a colon. Code alone, and what is marked like it, is not quoted.
    """
    if parts and len(above) == words_count:
        first = next((number for number, part in enumerate(parts) if not part.instructs), 0)
        last = first
        while last - first < _UNITS_MAX and _may_follow(parts, last):
            last += 1
        quote = _through(text, parts, first, last - 1) if last > first else ""
        return Quote(quote, frozenset(above), range(first, last))
    chosen, words = range(0, min(1, len(parts))), frozenset[str]()
    # Two words meet by chance in sentences beside each other; more of them hardly do.
    for length in range(1, (_UNITS_MAX if words_count > 2 else 1) + 1):
        for first in range(len(parts) - length + 1):
            if parts[first].skipped or any(
                not _goes_on(text, parts, later) for later in range(first + 1, first + length)
            ):
                # Another item or sentence is about another thing: words of both together say nothing.
                continue
            run = frozenset().union(*held[first : first + length])
            if len(run | above) > len(words | above) or (not words and run):
                chosen, words = range(first, first + length), run
    if not chosen or parts[chosen[0]].skipped:
        return Quote("", words | above, range(0))
    return Quote(_through(text, parts, chosen[0], chosen[-1]), words | above, chosen)


def _through(text: str, parts: Sequence[Unit], first: int, last: int) -> str:
    """Return the text of a run of units, and of what its last one announces."""
    while text[: parts[last].end].rstrip().endswith(":") and _may_follow(parts, last + 1):
        last += 1
        while _is_item(text, parts, last + 1) and _is_item(text, parts, last) and _may_follow(parts, last + 1):
            last += 1
    head = text[slice(*parts[first].head)]
    return (head + text[parts[first].begin : parts[last].end]).strip("\n").rstrip()


def _may_follow(parts: Sequence[Unit], number: int) -> bool:
    return number < len(parts) and not parts[number].instructs


def _goes_on(text: str, parts: Sequence[Unit], number: int) -> bool:
    part = parts[number]
    return not part.skipped and not _is_item(text, parts, number) and bool(_GOES_ON.match(text, part.begin, part.end))


def row_cells(text: str, part: Unit) -> tuple[list[str], list[str]] | None:
    """Return the heads and the cells of a table's row, without the columns that it leaves empty; None of all else.

    A row is one of a Markdown table, or an item that pairs names with values as `- Part: saw; Shelf: 7`.
    """
    row = text[part.begin : part.end].strip()
    if part.head[0] == part.head[1]:
        pairs = [one.partition(": ") for one in row.removeprefix("- ").split("; ")] if row.startswith("- ") else []
        if len(pairs) < 2 or not all(colon for _, colon, _ in pairs):
            return None
        return [name for name, _, _ in pairs], [value for _, _, value in pairs]
    head = text[slice(*part.head)].splitlines()[0].strip().strip("|").split("|")
    found = zip(head, row.strip("|").split("|"), strict=False)
    filled = [(name.strip(), cell.strip()) for name, cell in found if cell.strip()]
    return [name for name, _ in filled], [cell for _, cell in filled]


def _is_item(text: str, parts: Sequence[Unit], number: int) -> bool:
    return number < len(parts) and bool(_ITEM.match(text[parts[number].begin : parts[number].begin + 12]))


def _sentences(text: str, begin: int, end: int) -> list[Unit]:
    """Part a stretch of prose where a sentence ends."""
    found: list[Unit] = []
    for match in _END.finditer(text, begin, end):
        close = match.start() + 1
        is_number = text[begin:close].strip().rstrip(".").isdigit() or bool(
            _DAY_OF_MONTH.search(text, max(begin, close - 3), match.end() + 3)
        )
        if not is_number and not _NO_END.search(text, max(begin, close - 8), close):
            found.append(Unit(begin, match.end()))
            begin = match.end()
    if text[begin:end].strip():
        found.append(Unit(begin, end))
    return found
