"""The words in which people ask to have code run or checked. A form takes the whole text around the code, or does not hold."""

import re

from council.serving.wording import manners

# Where a piece of code, and where input, stood in the text.
PLACE = "\x00"
INPUT = "\x01"

_WHAT = (
    r"(?:(?:the|this|my|following|above|below|given|next|piece of|snippet of|small|short|little|python3?|py|bash|shell)\s+)*"
    r"(?:code|program|script|snippet|function call|call|expression|commands?|lines?|one-liner|block|it|this|that"
    r"|the following|statements?)(?:\s+(?:of code|snippet|block|below|above|here))?"
)
_GIVES = (
    r"(?:print(?:s|ed)?(?: out)?|output(?:s)?|display(?:s|ed)?|write(?:s)?(?: to (?:the )?(?:screen|stdout|standard output))?"
    r"|return(?:s)?|evaluate(?:s)? to|give(?:s)?(?: back)?|show(?:s)?|produce(?:s)?)"
)
_WHEN = r"(?:\s+(?:when|if|once|after)\s+(?:it is |it's |you |i )?(?:run|executed|execute|it runs)(?: it)?)?"
_RESULT = r"(?:the )?(?:printed |exact |final )?(?:output|result|value|printed line)"
_AND_SHOW = (
    r"(?:\s*(?:for me|in the sandbox|and (?:show|tell|give) (?:me )?(?:the |its |what it )?(?:output|result|prints)))*"
)
_TESTS = (
    r"(?:(?:all|the|these|this|my|its|those|following|of)\s+)*"
    r"(?:tests?|assert(?:ion)?s?|examples?|checks?|doctests?|test cases?|cases?|it|them)(?:\s+below|\s+above)?"
)
_WHOSE = r"(?:{what}|my function|this function|the function)"
_RUN = (
    rf"what(?: does| do| will| would| is| 's)?\s+(?:{_WHAT}\s*)?(?:\x00\s*)?(?:{_GIVES}){_WHEN}",
    rf"what(?: is|'s| will be| would be)?\s+{_RESULT}"
    rf"(?:\s+(?:of|from|when running)\s+(?:running |executing )?(?:{_WHAT}|\x00))?{_WHEN}",
    rf"(?:run|execute|try|evaluate)\s+(?:{_WHAT})?{_AND_SHOW}",
    rf"(?:predict|give|find|show|determine|state)\s+(?:me )?{_RESULT}(?: of (?:{_WHAT}|\x00))?{_WHEN}",
)
_CHECK = (
    rf"(?:does|do|will|would)\s+(?:{_WHOSE})?\s*(?:\x00\s*)?pass(?:es)?(?:\s+(?:{{tests}}))?",
    rf"(?:check|test|verify|see)\s+(?:if|whether|that)\s+{_WHOSE}\s+(?:passes|pass|satisfies|meets|works for)\s+(?:{{tests}})",
    rf"(?:test|check|verify)\s+{_WHOSE}(?:\s+(?:with|against|on)\s+(?:{{tests}}))?",
    rf"(?:is|are)\s+{_WHOSE}\s+(?:right|correct)\s+(?:for|on|with|by|given)\s+(?:{{tests}})",
    rf"run\s+(?:the|these|this|my|those)\s+(?:tests?|asserts?|assertions?|examples?|doctests?)"
    rf"(?:\s+(?:on|against)\s+{_WHOSE})?",
)
_WITH_INPUT = (
    r"(?:[\s,.;]*(?:and\s+)?(?:with|given|for|on|using|if|when)\s+(?:the\s+|this\s+)?"
    r"(?:(?:standard\s+)?input|stdin)(?:\s+(?:is|of|being))?\s*:?\s*\x01)?"
)
_AROUND = (
    r"(?:[\s,.;:?!]|\x00|\btests?\b:?|\bhere (?:is|are)\b|\bit is\b|\b(?:the|my) (?:tests?|code|examples?)\b(?:\s+(?:are|is))?"
    r"|\bon python 3(?:\.\d+)?\b)*"
)


def _compiled(forms: tuple[str, ...]) -> re.Pattern[str]:
    filled = "|".join(f"(?:{form.replace('{what}', _WHAT).replace('{tests}', _TESTS)})" for form in forms)
    return re.compile(rf"{_AROUND}(?:say )?(?:{filled}){_WITH_INPUT}{_AROUND}", re.IGNORECASE)


RUN, CHECK = _compiled(_RUN), _compiled(_CHECK)


def bare(words: str) -> str:
    """Return the words around code without manners, which may stand before and behind each piece of it; its lines stay."""
    return re.sub(rf"[^{PLACE}\s](?:[^{PLACE}]*[^{PLACE}\s])?", lambda part: manners.without(part[0], ""), words)
