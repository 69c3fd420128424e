"""The polite words around a question: a greeting, a please, "could you tell me", a thanks. What is left is what is asked. Pure.

Words are taken away only where they can be nothing but manners: "can you" before what one person asks of another ("can you
swim?" asks something else), "council" where it is called by name, "hello" not before what may be the rest of a name ("Hello
Kitty is a cat"), "so" not in "so many". A text that is nothing but manners comes back empty.
"""

import re

# No closing words are longer than this.
_CLOSING_CHARS_MAX = 60

# What one asks another to do for one; "can you" before any other verb may ask what somebody is able to do.
_DEED = (
    "(?:"
    + "|".join(
        "tell give show say explain remind describe define quote find get list name state calculate compute work evaluate "
        "determine convert solve simplify factor factorise factorize expand differentiate integrate add subtract multiply "
        "divide split count sum help write create make implement code develop provide sort construct draw build print run "
        "execute check test verify decide classify predict fix understand please kindly".split()
    )
    + r"|look up)\b"
)
_ASKED = r"(?:what|which|who|how|where|when|why)\b"
# After a word of manners may come a mark; a point before a digit belongs to the number.
_MARK = r"(?![\w'\N{RIGHT SINGLE QUOTATION MARK}-])(?:\s*(?:[,!:]+|\.+(?=\s)))?\s*"
# Without a mark, a capital may begin the rest of a name, except in the words that questions begin with.
_BEGINS = r"(?:hi|hello|hey|council|i|if|is|in|are|a|an|the|do|does|can|could|would|will)\b"
_NO_NAME = rf"(?=\s*(?:[,!:.]|\Z)|\s+(?-i:[^A-Z])|\s+(?:{_ASKED}|{_DEED}|{_BEGINS}))"
# Before anything else the word may be a label, or the name of somebody who says what follows.
_QUICK = (
    rf"quick(?:ly| one| q)?(?=\s*:\s*(?:{_ASKED}|{_DEED}|(?:is|are|was|were|do|does|did|can|could)\b|[\d(\N{{SQUARE ROOT}}]))"
    rf"|quick(?:ly)?(?=,\s+(?:{_ASKED}|{_DEED}))"
)
_GREETING = (
    rf"(?:(?:hi|hello|hey|hiya|greetings|good (?:morning|afternoon|evening))(?: there)?(?:,? council)?{_NO_NAME}"
    rf"|council(?=\s*[,:!]| (?:{_ASKED}|{_DEED}|can you|could you))|(?:thanks|thank you)(?=\s*[,.!])|well(?=,)"
    rf"|(?:ok|okay|so(?! (?:many|much|few|little|long|far)\b)){_NO_NAME}|question(?=\s*:)"
    rf"|(?:(?:just )?a )?quick question(?=\s*[,:!]|\.+\s|\s+(?:{_ASKED}|{_DEED}))|{_QUICK}"
    rf"|please|pl[sz](?=\s+(?:{_ASKED}|{_DEED}|[\d(]))|kindly(?=,?\s+(?:{_ASKED}|{_DEED})))"
)
_REQUEST = (
    rf"(?:(?:can|could|would|will) you (?:please |kindly )?(?={_DEED}|{_ASKED})"
    rf"|(?:tell|remind) (?:me|us)\b|(?:give|show) (?:me|us)(?= {_ASKED})|let me know\b"
    r"|(?:do|would) you (?:happen to )?know(?=[\s,:])"
    r"|i(?: want| need| would like|'d like|\N{RIGHT SINGLE QUOTATION MARK}d like) to know(?=[\s,:])"
    rf"|help me (?:to |with )?(?={_DEED}))"
)
_CALLED = rf"\s*{_GREETING}{_MARK}"
_CALL = re.compile(rf"(?:{_CALLED})*+", re.IGNORECASE)
_OPENING = re.compile(rf"(?:{_CALLED}|\s*{_REQUEST}(?:\s*[,:])?\s*)*+", re.IGNORECASE)
_CLOSING = re.compile(
    r"(?:\s+[-\N{EN DASH}\N{EM DASH}])?[\s,;]*\b(?:please|pl[sz]|(?:thanks|thank you|thx|cheers)"
    r"(?: very much| so much| a lot| in advance| again)?)(?:,? council)?[\s.!?]*\Z|\s[:;]-?\)\Z",
    re.IGNORECASE,
)
# Before a number the verb can only be that of the question.
_NUMBER = r"[-(\d\N{SQUARE ROOT}]"
_ASKED_LAST = re.compile(
    rf"what (?P<first>{_NUMBER}[^\n]{{0,200}}) (?:is|equals)|(?P<last>{_NUMBER}[^\n]{{0,200}}) (?:is|equals)(?: what)?",
    re.IGNORECASE,
)
_FOR_ME = re.compile(rf"{_DEED}(?s:.{{0,1000}}) for me\Z", re.IGNORECASE)


# All that `strip` takes away; the last of them is the ideographic space.
_BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())


def without(text: str, marks: str = "?.") -> str:
    """Return `text` without the polite words around it, blanks, and the closing `marks`, which mean nothing in its grammar.

    Linear in the text.
    """
    return _turned(without_closing(without_opening(text), marks))


def without_opening(text: str) -> str:
    """Return `text` without the polite words and the blanks before it."""
    return _OPENING.sub("", text, count=1).strip()


def without_greeting(text: str) -> str:
    """Return `text` without a greeting and a please before it; "tell me" and the like stay."""
    return _CALL.sub("", text, count=1).strip()


def without_closing(text: str, marks: str = "?.") -> str:
    """Return `text` without the polite words, the blanks and the `marks` at its end."""
    marks += _BLANKS
    end = len(text.rstrip(marks))
    while found := _CLOSING.search(text, max(0, end - _CLOSING_CHARS_MAX), end):
        end = found.start()
        while end and text[end - 1] in marks:
            end -= 1
    return text[:end]


def _turned(text: str) -> str:
    """Return "what is 2 + 2" for "what 2 + 2 is" and "2 + 2 equals what", and a request without "for me" at its end."""
    if _FOR_ME.match(text):
        return text[: -len(" for me")]
    found = _ASKED_LAST.fullmatch(text)
    return f"what is {found['first'] or found['last']}" if found else text
