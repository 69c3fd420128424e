"""A text cut into premises and one question, before any grammar reads them.

Each piece of text ends up in exactly one place, or the text is not understood: a sentence may be left out only if the closed
list of instructions to the answerer holds it ("answer yes or no").
"""

import re
from dataclasses import dataclass, field

from council.serving.compute.logic import arguments, problems, words

_OPTION = re.compile(r"\(?([A-Z])\)\s*(.+)")
_BULLET = re.compile(
    r"(?:(?:(?:major |minor )?premise|fact|clue|rule|statement) ?\d*\s*[:.)]|\d{1,2}[.)]|-)\s+", re.IGNORECASE
)
_PREMISE = re.compile(r"(?:major |minor )?premise ?\d*\s*: *", re.IGNORECASE)
_LABEL = re.compile(r"(premises|facts|clues|rules|given|context|question)\s*:", re.IGNORECASE)
_OPENING = re.compile(
    r"(?:(?:please|suppose|assume|given|we know|you know|it is known|it is given)(?: that)?:?"
    r"|also,|and|but|furthermore,|in addition,) ",
    re.IGNORECASE,
)
_INSTRUCTION = re.compile(
    r"(?:please )?(?:answer|reply)(?: with)?(?: just| only)?"
    r" (?:yes,? (?:or )?no(?:,? or unknown)?|true,? (?:or )?false(?:,? or unknown)?)"
    r"|yes or no|options|solve this(?: puzzle| riddle)?|here is a (?:puzzle|riddle)",
    re.IGNORECASE,
)
_VERDICT = r"(?:true,? false,? or (?:unknown|uncertain|undetermined)|true or false)"
_HEADER = re.compile(
    rf"(?:based on the above(?: information)?, |based on this, )?"
    rf"(?:is|decide (?:if|whether)|decide) the following (?:statement|conclusion|claim)(?: is)? {_VERDICT}",
    re.IGNORECASE,
)
_INLINE = [
    (re.compile(rf"{_VERDICT}\s*[:?]\s+(.+)", re.IGNORECASE), problems.Style.TRUTH),
    (re.compile(rf"{_HEADER.pattern}\s*:\s+(.+)", re.IGNORECASE), problems.Style.TRUTH),
    (re.compile(rf"(.+?)\s*[:-]\s+{_VERDICT}", re.IGNORECASE), problems.Style.TRUTH),
    (
        re.compile(
            r"(?:so |then |therefore,? )?(?:does it(?: logically| necessarily)? follow|does this (?:mean|imply)"
            r"|(?:can|may) (?:we|you|one|i)(?: logically| validly)? (?:conclude|infer|deduce)"
            r"|can it be (?:concluded|inferred|deduced))(?: from this)?,? that (.+)",
            re.IGNORECASE,
        ),
        problems.Style.FOLLOWS,
    ),
    (re.compile(r"(?:so |then )?is it (?:true|the case|correct) that (.+)", re.IGNORECASE), problems.Style.YES_NO),
    (re.compile(r"does (.+) (?:logically )?follow", re.IGNORECASE), problems.Style.FOLLOWS),
]


@dataclass(frozen=True, slots=True)
class Script:
    """`question` is a statement to judge, unless `direct`, when it is a question as asked. `options` are lettered lines."""

    premises: tuple[str, ...]
    question: str
    style: problems.Style
    direct: bool
    options: tuple[tuple[str, str], ...] = ()
    casing: dict[str, str] = field(default_factory=dict)


def cut(text: str, chars_max: int = problems.TEXT_CHARS_MAX, sentences_max: int = problems.SENTENCES_MAX) -> Script:
    """Return the text in its parts. Raises NotUnderstoodError."""
    if len(text) > chars_max:
        raise problems.NotUnderstoodError(f"it is longer than {chars_max} characters")
    lines = [line.strip() for line in words.normal(text).split("\n") if line.strip()]
    options: list[tuple[str, str]] = []
    while lines and (match := _OPTION.fullmatch(lines[-1])):
        options.insert(0, (match[1], match[2].rstrip(".")))
        lines.pop()
    sentences = [sentence for line in lines for sentence in _sentences(line)]
    if len(sentences) > sentences_max:
        raise problems.NotUnderstoodError(f"it has more than {sentences_max} sentences")
    if any(len(sentence) > problems.SENTENCE_CHARS_MAX for sentence in sentences):
        raise problems.NotUnderstoodError(f"it has a sentence of more than {problems.SENTENCE_CHARS_MAX} characters")
    premises, question, style, direct = _questioned(sentences)
    if sum("?" in sentence for sentence in premises):
        raise problems.NotUnderstoodError("it asks more than one question")
    stripped = tuple(_statement(sentence) for sentence in premises)
    return Script(stripped, _statement(question), style, direct, tuple(options), _casing(sentences))


def _sentences(line: str) -> list[str]:
    line = _BULLET.sub("", line, count=1) if _BULLET.match(line) else line
    line = _LABEL.sub("", line, count=1).strip() if _LABEL.match(line) else line
    # A closing quote belongs to the sentence that it closes.
    pieces = re.split(r"(?<=[.?!])\s+|(?<=[.?!]['\")])\s+", line)
    pieces = [_PREMISE.sub("", piece.strip()) for piece in pieces]
    return [p for piece in pieces if (p := piece.strip()) and not _INSTRUCTION.fullmatch(p.rstrip(".?!: ").strip("()"))]


def _questioned(sentences: list[str]) -> tuple[list[str], str, problems.Style, bool]:
    if not sentences:
        raise problems.NotUnderstoodError("it is empty")
    last = sentences[-1]
    before = sentences[:-1]
    bare = last.rstrip(".?! ")
    if before and _HEADER.fullmatch(before[-1].rstrip(".?!: ")):
        return before[:-1], last, problems.Style.TRUTH, False
    if before and re.fullmatch(_VERDICT, bare, re.IGNORECASE):
        return before[:-1], before[-1], problems.Style.TRUTH, False
    if before and re.fullmatch(_VERDICT, before[-1].rstrip(".?!: "), re.IGNORECASE):
        return before[:-1], last, problems.Style.TRUTH, False
    if argument := arguments.judged(sentences):
        return *argument, problems.Style.FOLLOWS, False
    if conditional := arguments.conditional(last):
        return [*before, *conditional[0]], *_direct(conditional[1])
    for pattern, style in _INLINE:
        if match := pattern.fullmatch(bare):
            return before, match[1], style, False
    return before, *_direct(bare)


def _direct(question: str) -> tuple[str, problems.Style, bool]:
    asked, surely = arguments.surely(re.sub(r"^(?:(?:so|then),?|now,) ", "", question, flags=re.IGNORECASE))
    return asked, problems.Style.FOLLOWS if surely else problems.Style.YES_NO, True


def _statement(sentence: str) -> str:
    sentence = sentence.rstrip(".?!; ").strip()
    while match := _OPENING.match(sentence):
        sentence = sentence[match.end() :]
    return sentence


def _casing(sentences: list[str]) -> dict[str, str]:
    """Map lower-case words to how they are written: with a capital only if they always have one."""
    written: dict[str, str] = {}
    for sentence in sentences:
        for word in re.findall(r"[^\W\d_][\w'-]*", sentence):
            key = word.lower()
            if key in words.FUNCTION_WORDS - {"a", "i"}:
                written[key] = key
                continue
            before = written.get(key, word)
            written[key] = word if before[0].isupper() else before
    return written
