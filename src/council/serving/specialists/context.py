"""What was said before the last message, as far as it may change what that means.

A specialist that checks its answers reads one text, and is right about that text alone. So what a user stated earlier is read
with the last message or not at all, and where a system message asks for more than good manners the model answers, who can
follow it. Both lists are closed: what is not on them counts as said for a reason.

What was stated beside an earlier question belonged to that question. It may go on holding where the last message speaks of the
same things, and it is told apart: `hanging` returns it.
"""

import dataclasses
import re
from collections.abc import Collection, Sequence
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
    r"|(?:my name is|i am|i'm) [a-z]{2,20}"
    r"|(?:i live in|i come from|i am from|i'm from) [a-z][a-z' -]{1,40}",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"(?:please |now |and |so |then |can you |could you |would you )*"
    r"(?:what|who|whom|whose|which|when|where|why|how|is|are|was|were|do|does|did|can|could|will|would|should|has|have|"
    r"solve|compute|calculate|evaluate|find|simplify|factor|factorise|factorize|expand|convert|differentiate|integrate|write|"
    r"run|execute|explain|tell|give|show|list|name|define|translate|summarise|summarize|prove|sort|count|add|subtract|"
    r"multiply|divide|round|draw|make|say|describe|compare|derivative|integral|limit)\b",
    re.IGNORECASE,
)
# A question of these alone needs no verb: "17% of 200".
_BARE = re.compile(
    r"[\d\s.,%+\-*/^()=?×÷·−√]*(?:(?:of|plus|minus|times|over|half|percent|mod)[\d\s.,%+\-*/^()=?×÷·−√]*)*"
)
# These hold on after the question that they came with.
_LASTING = re.compile(
    r"\b(?:from now on|always|never|whenever|let|assume|suppose|imagine|pretend|remember|treat|use|work in|means|denotes?|"
    r"stands? for|in base|(?<!\d )modulo|round(?! -?[\d.])|from here|for the rest|throughout|hereafter|"
    r"all (?:numbers|angles|results|answers))\b",
    re.IGNORECASE,
)
# A fact inside of a question: another day than that of the clock.
_DATED = re.compile(r"\b(?:if|suppose|given that) (?:today|tomorrow|yesterday|it) (?:is|was|were)\b", re.IGNORECASE)
# So do these where they are told, and not asked: they are about how numbers and answers are written.
_NOTATION = re.compile(
    r"\b(?:octal|binary|hex|hexadecimal|duodecimal|ternary|base|bases|radix|mod|pi|radians|notation|symbols?|operators?|"
    r"precedence|mean(?! of\b))\b|^(?:please )?(?:answer|reply|respond|take|consider|express|read|interpret|count)\b"
    r"|\b(?:numbers?|digits?|answers?|results?|angles?|dates?|times?|prices?|units?|everything)\b[^,]{0,30}"
    r"\b(?:written|meant|given|taken|expressed|shown|read|in|as|to be)\b",
    re.IGNORECASE,
)
# What holds none of these may be a question without a verb: "180 cm in feet and inches".
_STATES = re.compile(
    r"[=<>:\N{LESS-THAN OR EQUAL TO}\N{GREATER-THAN OR EQUAL TO}\N{NOT EQUAL TO}\N{ALMOST EQUAL TO}\N{ELEMENT OF}]"
    r"|\b(?:is|isn't|are|aren't|was|were|am|be|been|has|have|had|equals?|can|could|will|would|must|should|it|they|he|she|we|"
    r"i|you|this|that|these|those)\b",
    re.IGNORECASE,
)
# Words that two texts may share without speaking of the same things.
_SMALL = frozenset(
    "a about after all also an and any are as at be been before both but by can did do does each either every first for from "
    "had has have he her hers him his how i if in is it its just last less many me more most much my neither no nor not of off "
    "on one only or other our out over per s same she so some than that the their them then there these they this those to too "
    "two up us was we were what when where which who whom whose why will with would yes you your altogether total together now "
    "left another same cost costs costing hour hours minute minutes day days week weeks year years dollar dollars cent cents "
    "three four five six seven eight nine ten t m re ve d ll".split()
)
# Whatever counts from today speaks of today.
_TODAY = frozenset("today tomorrow yesterday ago until till date".split())
_WORD = re.compile(r"[^\W\d_]+")
_SENTENCE_END = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][\"')\N{RIGHT DOUBLE QUOTATION MARK}]))\s+|\n+")
_QUOTED = tuple(mark + quote for mark in ".!?" for quote in "\"')\N{RIGHT DOUBLE QUOTATION MARK}")


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence that a user stated. What is not `lasting` was stated beside a question, in the message numbered `turn`."""

    text: str
    turn: int
    lasting: bool


@dataclass(frozen=True, slots=True)
class Context:
    """`told` is what a user said that the last message may hang on; `instructed` the instruction that asks for more.

    `verbless` are the turns among them that may be questions without a verb and a question mark, which tell nothing.
    """

    told: tuple[Told, ...]
    instructed: str
    verbless: tuple[int, ...] = ()

    @property
    def stated(self) -> tuple[str, ...]:
        """What the last message is read with in any case."""
        return tuple(one.text for one in self.told if one.lasting)

    def without(self, turns: Collection[int]) -> "Context":
        """Return what is left where these turns told nothing."""
        return dataclasses.replace(self, told=tuple(one for one in self.told if one.turn not in turns), verbless=())

    def hanging(self, text: str) -> tuple[str, ...]:
        """Return what `text` is to be read with where facts beside an earlier question speak of the same things; else ()."""
        return self._with(self._related(_words("\n".join([*self.stated, text]))))

    def nearest(self, text: str) -> tuple[str, ...]:
        """Return what a question that says too little may be about: the last facts beside a question, if those alone can be."""
        turns = {one.turn for one in self.told if not one.lasting}
        last = frozenset({max(turns)} if turns else ())
        return self._with(last if self._related(_words(text) | self._words_of(last)) == last else frozenset())

    def _related(self, shared: frozenset[str]) -> frozenset[int]:
        """Return the turns with facts that share a word, or share one with such a turn."""
        turns = {one.turn for one in self.told if not one.lasting}
        related: frozenset[int] = frozenset()
        while more := {turn for turn in turns - related if shared & self._words_of(frozenset({turn}))}:
            related |= more
            shared |= self._words_of(related)
        return related

    def _words_of(self, turns: frozenset[int]) -> frozenset[str]:
        return frozenset(
            word for one in self.told if one.turn in turns and not one.lasting for word in _words(one.text)
        )

    def _with(self, turns: frozenset[int]) -> tuple[str, ...]:
        return tuple(one.text for one in self.told if one.lasting or one.turn in turns) if turns else ()


def of(messages: Sequence[answers.Message]) -> Context:
    """Return what stands before the last message of the user. Too much to look through counts as an instruction."""
    last = max((place for place, message in enumerate(messages) if message.role == "user"), default=0)
    before = messages[:last]
    if (
        len(before) > _MESSAGES_MAX
        or sum(len(message.text) for message in before if message.role != "assistant") > _CHARS_MAX
    ):
        return Context((), "a conversation too long to be read as a whole")
    told: list[Told] = []
    for turn, message in enumerate(before):
        if message.role == "user":
            told += _told(message.text, turn)
        elif message.role != "assistant":
            for sentence in _sentences(message.text):
                if not _HARMLESS.fullmatch(sentence.rstrip(".!? ")):
                    return Context((), sentence[:100])
    turns = sorted({one.turn for one in told})
    return Context(tuple(told), "", tuple(turn for turn in turns if _may_ask(before[turn].text)))


def _may_ask(text: str) -> bool:
    """Say whether a text that asks with no word may do so all the same: it says nothing of anything."""
    return "\n" not in text.strip() and not any(one.search(text) for one in (_STATES, _LASTING, _NOTATION, _DATED))


def tells(text: str) -> bool:
    """Say whether a text states anything beside what it asks."""
    return any(not _asks(sentence) for sentence in _sentences(text))


def _told(text: str, turn: int) -> list[Told]:
    """Return the sentences of a turn that may hold on: all of one that asks nothing, else what is told and what says so."""
    if _BARE.fullmatch(text):
        return []
    sentences = [sentence for sentence in _sentences(text) if not all(map(_PLEASANT.fullmatch, _clauses(sentence)))]
    asking = [_asks(sentence) for sentence in sentences]
    told = []
    for sentence, asks in zip(sentences, asking, strict=True):
        lasting = bool(_LASTING.search(sentence) or (not asks and _NOTATION.search(sentence)))
        if lasting or not asks or _DATED.search(sentence):
            said = sentence if sentence.endswith(_QUOTED) else f"{sentence.rstrip('.!? ')}."
            told.append(Told(said, turn, lasting or not any(asking)))
    return told


def _asks(sentence: str) -> bool:
    return sentence.endswith("?") or _ASKING.match(sentence) is not None


def _words(text: str) -> frozenset[str]:
    """Return the words of a text that say what it is about, one form of each."""
    found = {word.casefold() for word in _WORD.findall(text)} - _SMALL
    return frozenset("today" if word in _TODAY else word.removesuffix("s") if len(word) > 3 else word for word in found)


def _clauses(sentence: str) -> list[str]:
    return [clause.strip(" .!?") for clause in sentence.split(",")]


def _sentences(text: str) -> list[str]:
    found = (part.strip(" \t,;:-*") for part in _SENTENCE_END.split(text))
    return [part for part in found if part.strip(".!?")]
