"""What was said before a request about code, as far as it changes what is asked. Pure.

"Now test it with assert f(2) == 4" is about the code of the message before. It is read with that code where the user gave it,
in one block, and nothing came between; what else was stated or instructed before sends the request to the model, which reads
it all.
"""

import dataclasses
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from council.domain import answers
from council.serving.specialists import context

_TEXT_CHARS_MAX = 60_000
_SAID_CHARS_MAX = 4_000
_FENCE = re.compile(
    r"^[ \t]*```[ \t]*(?P<language>[\w+-]*)[ \t]*\n(?P<code>.*?)\n?[ \t]*```[ \t]*$", re.DOTALL | re.MULTILINE
)
_DEFINES = re.compile(r"^[ \t]*(?:def|class|async def) ", re.MULTILINE)
# Around code that is given, these say nothing about it.
_GIVEN = re.compile(
    r"(?:(?:ok|okay|now|and)[, ]+)?(?:here(?:'s| is| are)|this is|these are|i(?:'ve| have)(?: (?:written|made|got))?|i wrote|"
    r"i made|look at|see|consider|take)(?: (?:an?|the|my|this|some|following|python|small|little|new|first|short|simple))* "
    r"(?:functions?|code|programs?|scripts?|class|snippet)(?: (?:of mine|below|in python))?|(?:my|the) "
    r"(?:code|function|program)",
    re.IGNORECASE,
)
_LEAD = re.compile(r"(?:(?:ok|okay|and|now|then|next|great|good|thanks|thank you)\b[,.!: ]*)+", re.IGNORECASE)
# "It" may only be the code: the tests follow.
_TESTED = re.compile(
    r"(?:please )?(?:(?:test|check|verify|try|run) (?:it|this|that|them|(?:the|my) (?:function|code))"
    r"(?: with| on| against| using| for)?|(?:check|verify|test) (?:that|whether|if)|"
    r"(?:does|will|would) (?:it|this|that|the function) pass)(?: (?:the|this|these) (?:tests?|asserts?))?[: ]+"
    r"(?P<tests>(?:assert\b|`|[A-Za-z_]\w*\().*)",
    re.IGNORECASE | re.DOTALL,
)
_BETWEEN = re.compile(r"\s*(?:;|\n|,?\s(?:and )?(?=assert\b))\s*")


@dataclass(frozen=True, slots=True)
class Asked:
    """`text` is the request, whole. `code_before`: its code is of an earlier message; `hangs`: why only a model can answer."""

    text: str
    code_before: bool = False
    hangs: str = ""


def before(messages: Sequence[answers.Message]) -> context.Context:
    """Return what stands before the last request, less the code in it."""
    last = _last(messages)
    turns = [
        dataclasses.replace(one, text=_FENCE.sub("\n", one.text[:_TEXT_CHARS_MAX])) if one.role == "user" else one
        for one in messages[:last]
    ]
    return context.of([*turns, answers.Message("user", "")])


def _last(messages: Sequence[answers.Message]) -> int:
    return max((place for place, message in enumerate(messages) if message.role == "user"), default=-1)


def of(messages: Sequence[answers.Message], asked: Collection[int] = ()) -> Asked:
    """Return the last request of the user with what it needs of the message before.

    The turns `asked` were whole questions without a verb, and so told nothing.
    """
    last = _last(messages)
    text = messages[last].text if last >= 0 else ""
    said = before(messages).without(asked)
    stated = [one for one in said.hanging(text) or said.stated if not _GIVEN.fullmatch(one.rstrip(".:"))]
    if said.instructed or stated:
        return Asked(text, hangs=said.instructed or stated[0])
    joined = _with_code_before([one for one in messages[: last + 1] if one.role != "system"])
    return Asked(joined, code_before=True) if joined else Asked(text)


def _with_code_before(turns: Sequence[answers.Message]) -> str:
    """Return the last message with the code of the one before; "" where that has not just one block, or this has its own."""
    if [one.role for one in turns[-3:]] != ["user", "assistant", "user"]:
        return ""
    given, answered, asked = (one.text for one in turns[-3:])
    if len(given) > _TEXT_CHARS_MAX or len(asked) > _SAID_CHARS_MAX or "```" in answered or _DEFINES.search(asked):
        return ""
    blocks = list(_FENCE.finditer(given))
    if len(blocks) != 1:
        return ""
    words = _LEAD.sub("", asked.strip(), count=1) if _LEAD.match(asked.strip()) else asked.strip()
    tested = _TESTED.fullmatch(words)
    if tested:
        words = "\n".join(["Test it", *_BETWEEN.split(tested["tests"].strip().rstrip("?."))])
    return f"{words}\n\n{blocks[0][0].strip()}"
