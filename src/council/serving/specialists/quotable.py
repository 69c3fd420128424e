"""Whether a quoted passage can answer a question at all: a judgement, a choice or small talk it cannot. Pure."""

import re

from council.serving.wording import manners

# Only the front and the end of a text tell what it asks; what lies between may be long.
_CHARS_MAX = 400
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MARKS = " \t\n.,;:!?*#>\"'-"
# A wish to be told is no question yet: what follows it is.
_TOLD = re.compile(
    r"(?:(?:give|show|explain|remind|quote|define|describe|look up|find)\b(?: me| us| to me)?[\s,:]*)?", re.IGNORECASE
)
_YES_OR_NO = re.compile(
    r"(?:is|are|was|were|am|do|does|did|can|could|may|might|must|shall|should|will|would|has|have|had|if|whether|"
    r"isn't|aren't|wasn't|weren't|don't|doesn't|didn't|can't|couldn't|won't|wouldn't|shouldn't|hasn't|haven't)\b",
    re.IGNORECASE,
)
_CHOICE = re.compile(
    r"^[ \t]*\(?[A-Ea-e1-5][).:][ \t]+\S.*\n[ \t]*\(?[A-Ea-e1-5][).:][ \t]+\S|\byes or no\b|\btrue or false\b|"
    r"\b(?:which|what) of (?:the following|these)\b|,[^,?]{1,60}\bor\b[^,?]{1,60}\?\s*\Z",
    re.IGNORECASE | re.MULTILINE,
)
# "Which is the largest" is decided by a look at all of them, unless a document says so; its sentence would hold the words.
_COMPARED = re.compile(
    r"(?:which|what|who)\b.{0,80}\b(?!latest|nearest|rest|test|guest|request|forest|interest)\w{2,}est\W*\Z",
    re.IGNORECASE,
)
_TALK = re.compile(
    r"\b(?:your|yours|yourself)\b|(?<!how )(?<!where )\b(?:are|were|do|did|would|will|have|can|should) you\b|"
    r"\b(?:you are|you're|you were|tell a (?:joke|story)|right now)\b|"
    r"^(?:a|another) (?:joke|story)\b|\b(?:i|me) (?:can )?(?:use|ask) you\b|\b(?:you|me)(?: up| around)?\W*\Z",
    re.IGNORECASE,
)
# What the asker did, where a thing of the asker's own is, and what it should be called: no document was written about that one.
_OWN = re.compile(
    r"\b(?:did|was|had|what have) i\b|(?:\b(?:is|are|was|were|did|does|has)|['\u2019]s) my\b|"
    r"\b(?:what|which)\b.{0,40}\b(?:should|shall|could|can|do) (?:i|we) "
    r"(?:name|call|do with|wear|eat|cook|watch|read|play|draw|paint)\b",
    re.IGNORECASE,
)
# The guidebook is full of sums that are only examples. A hyphen or a stroke between digits may be of a range or a date.
_SUM = re.compile(r"\d\s*[+*×÷·^=]\s*[-(]?\d|\d\s[-−\u2013/]\s\d|\d\s*% of \d")
# "What is f(3)?" is about a function that the asker has in mind, not about one that stands in a document.
_VALUE = re.compile(r"\b[a-z]\(-?\d[\d.]*\)\W*\Z", re.IGNORECASE)


def refusal(text: str) -> str:
    """Return why no quote can answer this, or nothing where one may."""
    front, end = _UNSEEN.sub("", text[:_CHARS_MAX]), _UNSEEN.sub("", text[-_CHARS_MAX:])
    asked = _TOLD.sub("", manners.without(front.lstrip(_MARKS), ""), count=1)
    if _CHOICE.search(front) or _CHOICE.search(end):
        return "a choice, which no quote makes"
    if _YES_OR_NO.match(asked):
        return "a yes-or-no question, which a quote does not decide"
    if _COMPARED.match(asked):
        return "a comparison, which a quote does not make"
    if _SUM.search(front) or _SUM.search(end):
        return "a sum, which a quote does not compute"
    if _VALUE.search(end):
        return "a value of a function, which a quote does not compute"
    if _OWN.search(asked):
        return "a question about the asker, of whom no source tells"
    if _TALK.search(asked):
        return "a question to Council itself, not to its sources"
    return ""
