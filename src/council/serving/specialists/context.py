"""What was said before the last message, as far as it may change what that means.

A specialist that checks its answers reads one text, and is right about that text alone. So what a user stated earlier is read
with the last message or not at all, and where a system message asks for more than good manners the model answers, who can
follow it. Both lists are closed: what is not on them counts as said for a reason.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from council.domain import answers

_MESSAGES_MAX = 40
_CHARS_MAX = 4_000

# What an instruction may say without changing any answer.
_HARMLESS = re.compile(
    r"(?:you are|you're|act as) (?:an? |the )?(?:very |most )?(?:(?:helpful|friendly|kind|polite|careful|precise|honest|"
    r"harmless|useful|knowledgeable|smart|intelligent|concise|ai|virtual|general|personal|math|mathematics|logic|"
    r"research|python|programming|coding|software|senior)(?:,| and|, and)? ?)*(?:assistant|chatbot|bot|ai|model|tutor|teacher|"
    r"expert|mathematician|helper|programmer|developer|engineer)"
    r"|(?:please )?(?:be|stay|answer|reply|respond|always answer|always be)(?: (?:me|the user|questions|every question))?"
    r"(?: as)?(?: (?:very|briefly|concisely|politely|clearly|accurately|correctly|truthfully|helpfully|carefully|brief|"
    r"concise|polite|clear|accurate|correct|truthful|honest|helpful|careful|friendly|precise|and|in english|to the point|"
    r"as possible))+"
    r"|(?:you )?help (?:the |your )?users?(?: with (?:their|any) questions)?"
    r"|(?:please )?think (?:carefully|step by step)",
    re.IGNORECASE,
)
# What a user says that no later question can hang on.
_PLEASANT = re.compile(
    r"(?:hi|hello|hey|good (?:morning|afternoon|evening|day))(?: (?:there|council|everyone|again))?"
    r"|(?:ok|okay|great|good|nice|perfect|cool|wow|yes|no|right|correct|fine|sure|super|awesome|exactly)"
    r"|(?:many )?(?:thanks|thank you)(?: (?:so|very) much| a lot)?(?: for (?:that|your help|the answer))?"
    r"|(?:that(?:'s| is)|this is|it is|it's) (?:all|right|correct|great|good|fine|helpful|clear|what i (?:wanted|needed))"
    r"|i (?:see|understand|got it|need (?:some |your )?help|have (?:a|another|one more|some|a few) questions?)"
    r"|(?:now|next)? ?(?:another|one more|a second|the next) (?:question|one|thing)"
    r"|(?:my name is|i am|i'm) [a-z]{2,20}",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"(?:please |now |and |so |then |can you |could you |would you )*"
    r"(?:what|who|whom|whose|which|when|where|why|how|is|are|was|were|do|does|did|can|could|will|would|should|has|have|"
    r"solve|compute|calculate|evaluate|find|simplify|factor|factorise|factorize|expand|convert|differentiate|integrate|write|"
    r"run|execute|explain|tell|give|show|list|name|define|translate|summarise|summarize|prove|sort|count|add|subtract|"
    r"multiply|divide|draw|make|say|describe|compare|derivative|integral|limit)\b",
    re.IGNORECASE,
)
# A question of these alone needs no verb: "17% of 200".
_BARE = re.compile(
    r"[\d\s.,%+\-*/^()=?×÷·−√]*(?:(?:of|plus|minus|times|over|half|percent|mod)[\d\s.,%+\-*/^()=?×÷·−√]*)*"
)
# These hold on after the question that they came with.
_LASTING = re.compile(
    r"\b(?:from now on|always|never|whenever|let|assume|suppose|imagine|pretend|remember|treat|use|work in|means?|denotes?|"
    r"stands? for|in base|modulo|round|from here|for the rest|throughout|hereafter|all (?:numbers|angles|results|answers))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Context:
    """`stated` is what a user said that the last message may hang on; `instructed` the instruction that asks for more."""

    stated: tuple[str, ...]
    instructed: str


def of(messages: Sequence[answers.Message]) -> Context:
    """Return what stands before the last message of the user. Too much to look through counts as an instruction."""
    last = max((place for place, message in enumerate(messages) if message.role == "user"), default=0)
    before = messages[:last]
    if (
        len(before) > _MESSAGES_MAX
        or sum(len(message.text) for message in before if message.role != "assistant") > _CHARS_MAX
    ):
        return Context((), "a conversation too long to be read as a whole")
    stated: list[str] = []
    for message in before:
        if message.role == "user":
            stated += _stated(message.text)
        elif message.role != "assistant":
            for sentence in _sentences(message.text):
                if not _HARMLESS.fullmatch(sentence):
                    return Context((), sentence[:100])
    return Context(tuple(stated), "")


def _stated(text: str) -> list[str]:
    """Return the sentences of a turn that may hold on: all of one that asks nothing, else those that say they do."""
    if _BARE.fullmatch(text):
        return []
    sentences = [sentence for sentence in _sentences(text) if not all(map(_PLEASANT.fullmatch, _clauses(sentence)))]
    asks = "?" in text or any(_ASKING.match(sentence) for sentence in sentences)
    return [f"{sentence}." for sentence in sentences if not asks or _LASTING.search(sentence)]


def _clauses(sentence: str) -> list[str]:
    return [clause.strip() for clause in sentence.split(",")]


def _sentences(text: str) -> list[str]:
    found = (part.strip(" \t,;:-*") for part in re.split(r"(?<=[.!?])\s+|\n+", text))
    return [part.rstrip(".!?").strip() for part in found if part.rstrip(".!?").strip()]
