"""Traditional words of arguments, turned into the plain ones that the grammars read.

"None of the cats are dogs" and "there are no cats that are dogs" say what a "no" says; "Is the
following argument valid?" and "if ..., are all cats mortal?" put premises and question in another order.
"""

import re

_SAYINGS = [
    (re.compile(r"none but ([a-z]+s) are (.+)"), r"only \1 are \2"),
    (re.compile(r"none of the (.+?) (?:is|are) (.+)"), r"no \1 are \2"),
    (re.compile(r"(?:at least one|one or more) (.+?) (is|are) (.+)"), r"some \1 \2 \3"),
    (re.compile(r"there (?:are|exist) no (.+?) (?:that|who|which) are (.+)"), r"no \1 are \2"),
    (re.compile(r"there (?:are|exist)(?: some)? (.+?) (?:that|who|which) are (.+)"), r"some \1 are \2"),
    (re.compile(r"there is no (.+?) (?:that|who|which) is (.+)"), r"no \1 is \2"),
    (re.compile(r"there is (?:at least one|an?|some) (.+?) (?:that|who|which) is (.+)"), r"some \1 is \2"),
]
_JUDGED = r"(?:logically |deductively )?(?:valid|correct)"
_ARGUMENT = r"(?:argument|syllogism|reasoning|inference|deduction)"
_VALID_HEAD = re.compile(
    rf"(?:is|decide (?:if|whether)|say whether|determine (?:if|whether)|check whether) (?:the following|this|that) {_ARGUMENT}"
    rf"(?: is)? (?:{_JUDGED}(?: or (?:invalid|not))?)\s*[:?.]?(?:\s+(?P<rest>.+))?",
    re.IGNORECASE,
)
_VALID = re.compile(
    rf"is (?:this|that|it) (?:an? |the )?{_JUDGED}(?: {_ARGUMENT})?(?: or (?:invalid|not))?"
    rf"|is (?:this|that|the) (?:{_ARGUMENT}|conclusion) {_JUDGED}(?: or (?:invalid|not))?|{_JUDGED}(?: or (?:invalid|not))?"
    r"|does (?:this|that|it|the conclusion) (?:logically |necessarily )?follow",
    re.IGNORECASE,
)
_CONCLUSION = re.compile(
    r"(?:therefore|thus|hence|so|conclusion|consequently)\s*[:,]?\s+(?:it follows that )?(.+)", re.IGNORECASE
)
_CONDITIONAL = re.compile(
    r"(?:if|given that|suppose(?: that)?|assuming(?: that)?) (.+), (?:then )?((?:are|is|does|do|can (?:we|you|one)|must) .+)",
    re.IGNORECASE,
)
_SURELY = re.compile(r"\b(?:definitely|necessarily|certainly) ", re.IGNORECASE)
_QUANTIFIED = r"(?:all|every|each|no|some|not all|only)"


def plain(text: str) -> str:
    """Return a sentence in lower case in the words of the grammars."""
    for pattern, said in _SAYINGS:
        if match := pattern.fullmatch(text):
            return match.expand(said)
    return text


def judged(sentences: list[str]) -> tuple[list[str], str] | None:
    """Return premises and conclusion where the text asks whether an argument is valid."""
    if head := _VALID_HEAD.fullmatch(sentences[0]):
        rest = head["rest"]
        given = [*re.split(r"\s*;\s*|\.\s+", rest), *sentences[1:]] if rest else sentences[1:]
    elif _VALID.fullmatch(_bare(sentences[-1])):
        given = sentences[:-1]
    else:
        return None
    if len(given) < 2 or not (match := _CONCLUSION.fullmatch(_bare(given[-1]))):
        return None
    return given[:-1], match[1]


def conditional(sentence: str) -> tuple[list[str], str] | None:
    """Return the premises and the question of "if all cats are animals and no animals are plants, are ...?"."""
    match = _CONDITIONAL.fullmatch(_bare(sentence))
    if not match or not re.match(_QUANTIFIED, match[1], re.IGNORECASE):
        return None
    return re.split(rf",? and (?={_QUANTIFIED} )", match[1]), match[2]


def surely(question: str) -> tuple[str, bool]:
    """Return a question without "definitely", and whether it held it."""
    bare = _SURELY.sub("", question, count=1)
    return bare, bare != question


def _bare(sentence: str) -> str:
    return sentence.rstrip(".?! ")
