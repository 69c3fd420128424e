"""Reads a question about several things as one question each: "List the capitals of France, Spain and Italy". Pure.

Only what is asked of each thing alone is read so: facts that our sources have of one thing at a time, asked for in the plural.
A list that says more than names ("in a table", "and its neighbours") stays whole, and so does a name of two parts (Bosnia and
Herzegovina) within a list.
"""

import re

from council.serving.wording import manners

ITEMS_MAX = 8
_CHARS_MAX = 300

_FACTS = {
    "capitals": "What is the capital of {}?",
    "capital cities": "What is the capital of {}?",
    "atomic numbers": "What is the atomic number of {}?",
    "chemical symbols": "What is the chemical symbol of {}?",
    "element symbols": "What is the chemical symbol of {}?",
    "two-letter country codes": "What is the two-letter country code of {}?",
    "2-letter country codes": "What is the two-letter country code of {}?",
    "three-letter country codes": "What is the three-letter country code of {}?",
    "3-letter country codes": "What is the three-letter country code of {}?",
}
_LIST = re.compile(
    rf"(?:(?:list|name|state|give|find|tell|what are|what're)(?: me| us)? )?(?:the )?(?P<fact>{'|'.join(_FACTS)}) (?:of|for) "
    r"(?P<items>[^\W\d_][\w .,'&-]*)",
    re.IGNORECASE,
)
# The second halves of names: what stands before "and" belongs to them.
_SECOND = (
    r"(?:the )?(?:antarctic lands|barbuda|caicos|futuna|grenadines|herzegovina|jan mayen|labrador|mcdonald islands|miquelon"
    r"|nevis|pr[ií]ncipe|south sandwich islands|tobago|tristan da cunha)\b"
)
_JOINT = re.compile(rf",? (?:and|&) (?!{_SECOND})|, ", re.IGNORECASE)
# With one of these an item is no name, or not only one.
_NO_NAME = re.compile(
    r"\b(?:a|all|also|an|any|are|as|at|besides|both|but|by|city|cities|countries|country|different|each|either|element|elements"
    r"|etc|every|everything|except|for|from|former|half|her|his|how|in|is|it|its|least|more|most|my|nations|neighbou?rs?|next"
    r"|no|not|of|on|only|or|other|others|our|per|population|populations|respectively|same|sorted|some|such|than|that"
    r"|their|them|then|these|they|things|this|those|to|two|three|four|five|versus|was|were|what|when|where|which|who|why"
    r"|with|without|your|ascending|descending|alphabetically|order|ordered|year|years|currency|currencies|languages?)\b"
    r"|\band\b.*\band\b",
    re.IGNORECASE,
)
# Names that hold a small word.
_WITH_OF = re.compile(
    r"(?:the )?(?:\w+ ){0,2}(?:republic|kingdom|isle|federation|states) of(?: the)? (?=\w)", re.IGNORECASE
)
_WORDS_MAX = 5


def spread(text: str) -> tuple[str, ...]:
    """Return a question for each thing of a list, in order; () where the text is anything else."""
    if len(text) > _CHARS_MAX or "\n" in text.strip():
        return ()
    found = _LIST.fullmatch(" ".join(manners.without(text, "?.!").split()))
    if found is None:
        return ()
    items = [item.strip() for item in _JOINT.split(found["items"])]
    if (
        not 2 <= len(items) <= ITEMS_MAX
        or not all(map(_is_name, items))
        or len(set(map(str.casefold, items))) < len(items)
    ):
        return ()
    return tuple(_FACTS[found["fact"].casefold()].format(item) for item in items)


def _is_name(item: str) -> bool:
    bare = _WITH_OF.sub("", item)
    return 1 <= len(item.split()) <= _WORDS_MAX and _NO_NAME.search(bare) is None
