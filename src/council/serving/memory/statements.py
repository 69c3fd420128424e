"""Facts in what a user says about themselves: deterministic patterns over whole clauses, nothing guessed. Pure.

Only a clause that a pattern covers from its first word to its last becomes a fact. So a question, a negation, a condition or a
report of somebody else's words, all of which add words, become none. What the user asks to have translated, what they quote
and what they imagine is not said about themselves, so a text that does such things gives no facts at all, or none after it.
"""

import dataclasses
import re
from collections.abc import Callable, Iterator, Sequence

from council.domain import memory
from council.serving.wording import manners

USER = "user"
NAME, HOME, NOTE = "name", "home", "note"

# A longer text is more likely pasted than said.
_TEXT_READ_CHARS_MAX = 1_000
_CLAUSES_MAX = 40
_CLAUSE_CHARS_MAX = 480
_VALUE_WORDS_MAX = 8
_VALUE_CHARS_MAX = 120
_NOTE_CHARS_MAX = 400

# Somebody else's words, or no words about the world.
_QUOTED = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`|\"[^\"]*(?:\"|\Z)|“[^”]*(?:”|\Z)|«[^»]*(?:»|\Z)|^[ \t]*>[^\n]*",
    re.DOTALL | re.MULTILINE,
)
_SINGLE_QUOTED = re.compile(r"(?<!\w)['‘][^'’\n]*['’](?!\w)")
_IMAGINED = re.compile(
    r"\b(?:imagine|suppose|supposing|pretend|assume|assuming|hypothetically|role[- ]?play|let'?s say|let us say|act as"
    r"|you are now|in this story|in the story|once upon|what if|for example|for instance|e\.g)\b"
    # How clients mark documents and tasks that they put into a user's message.
    r"|<(?:context|documents?|sources?|files?|article|page|text|user_query|chat_history)\b|^#{1,6}\s",
    re.IGNORECASE | re.MULTILINE,
)
_TASK = re.compile(
    r"\s*(?:please\s+|can you\s+|could you\s+|would you\s+|kindly\s+)*"
    r"(?:translate|summari[sz]e|rewrite|rephrase|paraphrase|correct|proofread|spell ?check|edit|fix|improve|shorten|expand"
    r"|complete|continue|classify|extract|analy[sz]e|parse|repeat|say|write|draft|compose|quote|read|review|convert|count"
    r"|given|consider|is it true|premises?|facts?)\b",
    re.IGNORECASE,
)
# One of these anywhere puts a whole sentence in doubt.
_DOUBTED = re.compile(
    r"\b(?:if|unless|wish|doubt|maybe|perhaps|supposedly|allegedly|not true|untrue|a lie|lied|lying|kidding|joking|just a joke"
    r"|says|said|claims?|claimed|thinks|thought|believes?|dreamed|dreamt)\b",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"(?:(?:hi|hello|hey|hiya|greetings|good (?:morning|afternoon|evening)|well|ok|okay|so|and|but|also|oh|yes|yeah|no|thanks"
    r"|thank you|actually|by the way|btw|fyi|just so you know|for the record|as you know|note that|please note that)"
    r"(?: there| council)?[\s,!:-]+)+",
    re.IGNORECASE,
)
_ENDS = re.compile(r"(?<=[.!?;])\s+|\n+")
# Where a clause about the user ends and another begins.
_AND = re.compile(r"(?:,?\s+and|,?\s+but|,)\s+(?=(?:I|I'm|I've|my|we)\b)", re.IGNORECASE)
_SAME_SUBJECT = re.compile(r"(?:,?\s+and)\s+(?=(?:live|work|like|love|speak|have|moved|enjoy|prefer)\b)", re.IGNORECASE)

# A value with one of these is more than a value: a condition, a second thought, a question.
_NOT_IN_VALUES = re.compile(
    r"\b(?:if|unless|when|whenever|because|but|though|although|until|unlike|except|not|no|never|n't|don't|doesn't|isn't|wasn't"
    r"|would|could|should|might|may|maybe|perhaps|possibly|probably|wish|hope|hopefully|soon|someday|tomorrow|next|right|huh|eh"
    r"|or|that|which|who|whom|whose|what|why|how|said|says|it|this|these|those|you|your|him|her|them|there|here|anymore"
    r"|any more|longer|used|one day|in theory)\b",
    re.IGNORECASE,
)
_TAIL = (
    r"(?:,?\s+(?:now|nowadays|these days|at the moment|currently|today|again|too|as well|actually|by the way|very much|a lot"
    r"|so much|(?:last|this) (?:week|month|year|spring|summer|autumn|fall|winter)|yesterday|recently"
    r"|since [\w ]{2,30}|with my [\w ]{2,40}|in (?:19|20)\d\d))*"
)
_NO_PLACES = frozenset(
    "fear hope peace denial sin pain harmony poverty luxury silence darkness debt comfort hell heaven exile hiding love shame"
    " agony style limbo constant interesting".split()
)
_NO_NAMES = frozenset(
    "later back again now tomorrow today soon maybe anytime when if at on in a an the not none nothing unknown secret crazy"
    " hidden irrelevant important confidential mine yours too also one two ill sick dead old young big small here there asleep"
    " sleeping hungry tired happy sad fine good great bad well so very really".split()
)
_PARTNER = "wife|husband|partner|fiancée|fiancé|fiancee|fiance|girlfriend|boyfriend"
_PARENT = "mother|mum|mom|father|dad|boss|manager|doctor|dentist"
_OTHERS = (
    "son|daughter|brother|sister|child|baby|uncle|aunt|cousin|nephew|niece|grandmother|grandma|grandfather|grandpa"
    "|friend|neighbour|neighbor|colleague|teacher"
)
_PETS = "dog|cat|puppy|kitten|horse|pony|rabbit|parrot|hamster|guinea pig|turtle|tortoise|goldfish|bird|snake|pet"
_SINGLE_RELATIONS = frozenset(f"{_PARTNER}|{_PARENT}".split("|"))
_RELATION = f"{_PARTNER}|{_PARENT}|{_OTHERS}|{_PETS}"
_MONTH = "january|february|march|april|may|june|july|august|september|october|november|december"
_I_AM = r"I(?:'m|’m| am)"
_PLACE = r"(?P<value>[\w][\w .,'’-]*?)"


@dataclasses.dataclass(frozen=True, slots=True)
class _Pattern:
    expression: re.Pattern[str]
    subject: str
    attribute: str
    kind: str
    single: bool


def _pattern(expression: str, attribute: str, kind: str, *, subject: str = USER, single: bool = True) -> _Pattern:
    return _Pattern(re.compile(rf"{expression}{_TAIL}", re.IGNORECASE), subject, attribute, kind, single)


_PATTERNS = (
    _pattern(rf"my (?:full |first )?name(?: is|'s|’s) {_PLACE}", NAME, "name"),
    _pattern(rf"(?:{_I_AM} called|you (?:can|may) call me|(?:please )?call me|I go by) {_PLACE}", NAME, "name"),
    _pattern(rf"(?:I|we) (?:now |currently |still )?live in {_PLACE}", HOME, "place"),
    _pattern(rf"(?:{_I_AM}|we(?:'re|’re| are)) (?:now |currently )?(?:living|based) in {_PLACE}", HOME, "place"),
    _pattern(rf"(?:I|we)(?:'ve|’ve| have)? (?:just |recently |now )?(?:moved|relocated) to {_PLACE}", HOME, "place"),
    _pattern(rf"my home(?: town| city)? is (?:in )?{_PLACE}", HOME, "place"),
    _pattern(rf"I (?:now |currently )?work (?:at|for) {_PLACE}", "employer", "words"),
    _pattern(rf"my employer is {_PLACE}", "employer", "words"),
    _pattern(rf"I (?:now |currently )?work as {_PLACE}", "occupation", "words"),
    _pattern(rf"my (?:job|profession|occupation) is {_PLACE}", "occupation", "words"),
    _pattern(rf"I (?:really |also |do )?(?:like|love|enjoy|adore) {_PLACE}", "likes", "liked", single=False),
    _pattern(rf"I (?:really |also |strongly |much )?prefer {_PLACE}", "prefers", "liked", single=False),
    _pattern(rf"I (?:really |also )?(?:hate|dislike|can't stand) {_PLACE}", "dislikes", "liked", single=False),
    _pattern(rf"{_I_AM} (?:also )?allergic to {_PLACE}", "allergic to", "words", single=False),
    _pattern(rf"{_I_AM} (?:a )?(?P<value>vegetarian|vegan|pescatarian)", "diet", "words"),
    _pattern(rf"I (?:also )?speak {_PLACE}", "speaks", "words", single=False),
    _pattern(rf"my birthday(?: is|'s|’s) (?:on )?(?:the )?{_PLACE}", "birthday", "date"),
    _pattern(rf"I was born (?:on )(?:the )?{_PLACE}", "birthday", "date"),
    _pattern(rf"I was born in {_PLACE}", "birthplace", "place"),
)
_FAVOURITE = re.compile(rf"my favou?rite (?P<what>[a-z]+(?: [a-z]+)?) (?:is|are) {_PLACE}{_TAIL}", re.IGNORECASE)
_RELATIVE = re.compile(
    rf"my (?P<who>{_RELATION})(?:'s|’s)? (?:name is|is called|is named|is) {_PLACE}{_TAIL}", re.IGNORECASE
)
_HAVING = re.compile(
    rf"I(?:'ve|’ve)? (?:have|got|have got) an? (?:\w+ )?(?P<who>{_RELATION}),? (?:called|named|whose name is) {_PLACE}{_TAIL}",
    re.IGNORECASE,
)
_REMEMBER = re.compile(
    r"(?:please |can you |could you )?(?:remember|note|don't forget|do not forget|keep in mind)"
    r"(?:(?: that|:|,)\s+(?!time\b|day\b|one\b|song\b|movie\b|guy\b|when\b)|\s+(?=(?:I|I'm|I've|my|we|our)\b))(?P<what>\S.*)",
    re.IGNORECASE,
)


def found_in(text: str) -> list[memory.Statement]:
    """Return the facts that `text`, a user's own words, states about them, in order, each once."""
    found: dict[tuple[str, str, str], memory.Statement] = {}
    for clause in _clauses(text) if len(text) <= _TEXT_READ_CHARS_MAX else ():
        statement = _remembered(clause) or _stated(clause, everyday=not _has_capitals(text))
        if statement is not None:
            found[statement.subject, statement.attribute, statement.value.casefold()] = statement
    return list(found.values())


def _clauses(text: str) -> Iterator[str]:
    if _IMAGINED.search(text) or _TASK.match(text):
        return
    own = _SINGLE_QUOTED.sub(" … ", _QUOTED.sub(" … ", text))
    count = 0
    for sentence in _ENDS.split(own):
        # A question states nothing, and after a colon at the end comes what the user shows, not what they say.
        whole = sentence.strip()
        if whole.endswith(":"):
            return
        if not whole or whole.endswith("?") or "…" in whole or _DOUBTED.search(whole):
            continue
        for clause in _parted(_LEAD.sub("", whole, count=1) if _LEAD.match(whole) else whole):
            count += 1
            if count > _CLAUSES_MAX:
                return
            if len(clause) <= _CLAUSE_CHARS_MAX:
                yield clause


def _parted(sentence: str) -> Iterator[str]:
    bare = sentence.rstrip(" .!;,")
    if _REMEMBER.fullmatch(bare):
        yield bare
        return
    for part in _AND.split(bare):
        first, *others = _SAME_SUBJECT.split(part)
        yield first
        if re.match(r"(?:I|we)\b", first, re.IGNORECASE):
            yield from (f"I {other}" for other in others)


def _remembered(clause: str) -> memory.Statement | None:
    match = _REMEMBER.fullmatch(clause)
    if match is None:
        return None
    what = match["what"].strip(" .!;,")
    inner = _stated(what, everyday=True)
    if inner is not None:
        return dataclasses.replace(inner, confidence=0.98)
    if (
        not what
        or len(what) > _NOTE_CHARS_MAX
        or re.match(r"(?:if|whether|what|where|who|how|why|to)\b", what, re.IGNORECASE)
    ):
        return None
    return memory.Statement(USER, NOTE, what, what, 0.9, single=False)


def _stated(clause: str, *, everyday: bool) -> memory.Statement | None:
    """Return the fact that a clause states. `everyday` is whether the text is written without capitals."""
    for pattern in _PATTERNS:
        match = pattern.expression.fullmatch(clause)
        if match is not None:
            return _made(
                clause, pattern.subject, pattern.attribute, match["value"], pattern.kind, pattern.single, everyday
            )
    match = _FAVOURITE.fullmatch(clause)
    if match is not None:
        attribute = "favourite " + _spelled(match["what"].lower())
        return _made(clause, USER, attribute, match["value"], "words", True, everyday)
    match = _RELATIVE.fullmatch(clause) or _HAVING.fullmatch(clause)
    if match is not None:
        who = match["who"].lower()
        return _made(clause, who, NAME, match["value"], "name", who in _SINGLE_RELATIONS, everyday)
    return None


def _made(
    clause: str, subject: str, attribute: str, raw: str, kind: str, single: bool, everyday: bool
) -> memory.Statement | None:
    value = raw.strip(" ,.'’-")
    words = value.split()
    if not words or len(words) > _VALUE_WORDS_MAX or len(value) > _VALUE_CHARS_MAX:
        return None
    # The month is no doubt.
    if _NOT_IN_VALUES.search(re.sub(r"\bmay\b", "", value, flags=re.IGNORECASE) if kind == "date" else value):
        return None
    sure = _FITS[kind](words, everyday)
    return memory.Statement(subject, attribute, value, clause, sure, single) if sure else None


def _sure_of_name(words: Sequence[str], everyday: bool) -> float:
    if len(words) > 4 or any(word.lower() in _NO_NAMES or not word[0].isalpha() for word in words):
        return 0.0
    if all(word[0].isupper() or word in ("de", "van", "von", "der", "la", "da", "di", "bin", "al") for word in words):
        return 0.95
    return 0.7 if everyday and len(words) <= 2 else 0.0


def _sure_of_place(words: Sequence[str], everyday: bool) -> float:
    if words[0].lower() in _NO_PLACES:
        return 0.0
    if any(word[0].isupper() for word in words):
        return 0.95
    return 0.7 if everyday or words[0] in ("a", "an", "the") else 0.0


def _sure_of_liking(words: Sequence[str], _: bool) -> float:
    return 0.0 if words[0].lower() in ("to", "he", "she", "they", "we", "me", "my", "both", "neither", "i") else 0.85


def _sure_of_date(words: Sequence[str], _: bool) -> float:
    text = " ".join(words).lower()
    return 0.95 if re.search(rf"\d|\b(?:{_MONTH})\b", text) else 0.0


_FITS: dict[str, Callable[[Sequence[str], bool], float]] = {
    "name": _sure_of_name,
    "place": _sure_of_place,
    "liked": _sure_of_liking,
    "date": _sure_of_date,
    "words": lambda words, _: 0.9,
}


def _has_capitals(text: str) -> bool:
    return any(letter.isupper() for letter in text)


def _spelled(word: str) -> str:
    return {"color": "colour", "colors": "colour", "colours": "colour"}.get(word, word)


# What a user may ask about their own facts.

EVERYTHING = (USER, "*")
_ASKED: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(expression), attribute)
    for expression, attribute in (
        (r"where (?:do|did) i (?:currently |now )?live(?: now)?", HOME),
        (r"(?:what|which) (?:city|town|country|place) (?:do i live in|am i living in)", HOME),
        (r"where (?:am i living|is my home|did i move to|have i moved to)", HOME),
        (r"what is my (?:full |first )?name|who am i|do you (?:know|remember) my name|what am i called", NAME),
        (
            r"(?:where|who) do i work(?: for| at)?|who is my employer|what (?:company|firm) do i work (?:for|at)",
            "employer",
        ),
        (
            r"what is my (?:job|profession|occupation)|what do i work as|what do i do for (?:a living|work)",
            "occupation",
        ),
        (r"when (?:is my birthday|was i born)|what is my birthday|do you (?:know|remember) my birthday", "birthday"),
        (r"where was i born|what is my birthplace", "birthplace"),
        (r"what (?:things |food |foods )?do i (?:like|love|enjoy)", "likes"),
        (r"what (?:things )?do i prefer", "prefers"),
        (r"what (?:things |food |foods )?do i (?:hate|dislike)", "dislikes"),
        (r"what am i allergic to|what are my allergies", "allergic to"),
        (r"what is my diet", "diet"),
        (r"(?:what|which) languages? do i speak", "speaks"),
    )
)
_ASKED_FAVOURITE = re.compile(r"(?:what|who|which) (?:is|are) my favou?rite (?P<what>[a-z]+(?: [a-z]+)?)")
_ASKED_RELATIVE = re.compile(
    rf"(?:what is my (?P<a>{_RELATION})'?s? (?:name|called)|what is my (?P<b>{_RELATION}) called|who is my (?P<c>{_RELATION})"
    rf"|what is the name of my (?P<d>{_RELATION})|do you (?:know|remember) my (?P<e>{_RELATION})'?s? name"
    rf"|what did i (?:call|name) my (?P<f>{_RELATION}))"
)
_ASKED_EVERYTHING = re.compile(
    r"what do you (?:know|remember) about me|what have i told you(?: about (?:me|myself))?|tell me what you know about me"
)


def asked_in(text: str) -> tuple[str, str] | None:
    """Return which fact of the user's own a question asks for, as subject and attribute; None for any other text."""
    if len(text) > 200:
        return None
    plain = re.sub(r"\s+", " ", text.lower().replace("’", "'")).strip(" ?!.")
    plain = re.sub(r"\b(what|who|where|when)'?s\b", r"\1 is", plain)
    for candidate in dict.fromkeys((plain, manners.without(plain.removeprefix("and ")))):
        if _ASKED_EVERYTHING.fullmatch(candidate):
            return EVERYTHING
        for expression, attribute in _ASKED:
            if expression.fullmatch(candidate):
                return USER, attribute
        favourite = _ASKED_FAVOURITE.fullmatch(candidate)
        if favourite is not None:
            return USER, "favourite " + _spelled(favourite["what"])
        relative = _ASKED_RELATIVE.fullmatch(candidate)
        if relative is not None:
            return next(group for group in relative.groups() if group), NAME
    return None
