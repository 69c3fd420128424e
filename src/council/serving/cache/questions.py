"""Which questions may be answered by an answer given before, and which two are the same question. Pure.

A wrong hit is worse than none, so everything that may change an answer counts as a difference: two questions are alike only if
the same words come in the same order, less the fillers of politeness and grammar that no answer hangs on.
"""

import re

from council.serving.wording import manners

CHARS_MAX = 2_000

_PERSONAL = frozenset(
    "i me my mine myself we us our ours ourselves i'm i've i'd i'll we're we've we'd we'll im ive".split()
)
_TIMELY = frozenset(
    """
    now today tonight tomorrow yesterday current currently latest recent recently newest new news still yet ago soon upcoming
    date time day week month year hour minute clock weather forecast price prices stock rate rates score president live
    open closed status version release released again another other else different random randomly more next last
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september
    october november december
    ceo cfo chairman king queen pope minister leader champion winner boss owner record population
    joke jokes roll flip toss coin dice die lottery guess surprise pick choose
    """.split()
)
# A question in another language may be as personal or as timely, and is not read here.
_ENGLISH = frozenset(
    """
    a an the is are was were be do does did can could should would will has have had what which who whom whose how why
    when where of in on at to from for with by about and or not explain describe write list name say give tell define
    """.split()
)
_YEAR = re.compile(r"\b(?:19|20|21)\d\d\b")
_WORD = re.compile(r"[^\W_]+(?:['’.,:/-][^\W_]+)*|[^\w\s]")
# What stands before the subject of a question without changing it.
_OPENINGS = re.compile(r"(?:explain(?: to me)?\b[,: ]*|what(?:'s|’s| is| are)\b )*", re.IGNORECASE)
_FILLERS = frozenset("a an the please".split())
_SILENT = frozenset("?.!,;:\"'’“”()")


def cacheable(text: str) -> bool:
    """Return whether an answer may be given again.

    Not to what is about the asker, changes with time or is meant to differ; nor to what is not seen to be English.
    """
    if not text.strip() or len(text) > CHARS_MAX or _YEAR.search(text):
        return False
    words = {word.lower().replace("’", "'") for word in _WORD.findall(text)}
    parts = {part for word in words for part in re.split(r"[^\w']+", word)}
    return bool(parts & _ENGLISH) and not (words | parts) & (_PERSONAL | _TIMELY)


def gist(text: str) -> str:
    """Return what of a question its answer hangs on; two questions with one gist are the same question in other clothes."""
    bare = _OPENINGS.sub("", manners.without(text), count=1)
    words = (word.lower().replace("’", "'") for word in _WORD.findall(bare))
    return " ".join(word for word in words if word not in _FILLERS and word not in _SILENT)
