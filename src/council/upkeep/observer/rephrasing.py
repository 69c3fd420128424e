"""What a language model may do with an explanation: say the same in other words, and nothing else.

It never sees a fact. Each is masked before the model is asked, so that neither a number nor a title that somebody else wrote
is in its sight; what comes back must hold every mask in the same order, and may hold no number of its own, in whatever form:
digits of any script, number words, dates, percentages. What it drops, adds, turns round or does not say plainly is left
out, and the plain sentence stays. A sentence with a command in it is never asked about.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from council.domain import evidence
from council.upkeep.observer import telling

SENTENCES_MAX = 20
REPLY_CHARS_MAX = 20_000
_MASKS_MAX = 26
_LONGER_TIMES, _LONGER_CHARS = 2, 60
_NEW_SHARE_MAX = 0.7

SYSTEM = (
    "You are given a JSON list of sentences. Say each in plain, friendly English, one sentence for each, in the same order. "
    "Keep every mark such as <A> exactly as it is. Add no number, no name, no date, no reason and no advice. "
    "Answer with the JSON list alone."
)

_MASK = re.compile(r"<[A-Z]>")
_PLAIN = re.compile(r"[A-Za-z ,.;:'()\-]*")
_ROMAN = re.compile(r"[IVXLCDM]{2,}")
_WORDS = re.compile(r"[a-z]+")

# English and its neighbours, since a model slips into them; only what stands in the plain sentence may stay.
_NUMBER_WORDS = frozenset(
    """
    zero nought naught nil one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion trillion
    first second third fourth fifth sixth seventh eighth ninth tenth half halves quarter quarters dozen dozens score scores
    couple pair both single double triple quadruple twice thrice once percent percentage permille most least majority
    few several many handful all none whole entire always everyone everybody everything
    eins zwei drei vier fuenf sechs sieben acht neun zehn hundert tausend prozent haelfte
    un deux trois quatre cinq sept huit neuf dix vingt cent mille moitie
    uno dos tres cuatro cinco seis siete ocho nueve diez ciento mil mitad due tre quattro cinque sei sette otto nove dieci
    """.split()
)
# What longer words of numbers are made of.
_MADE_OF = frozenset(
    """
    zero three four five seven eight nine eleven twelve thirteen fourteen fifteen sixteen twenty thirty forty fifty sixty
    hundred thousand million billion trillion twofold
    """.split()
)
_DATE_WORDS = frozenset(
    """
    january february march april may june july august september october november december jan feb mar apr jun jul aug sep sept
    oct nov dec monday tuesday wednesday thursday friday saturday sunday today yesterday tomorrow tonight noon midnight midday
    morning afternoon evening night week weeks month months year years decade decades century
    """.split()
)
_CLAIMS = frozenset(
    """
    because due caused causes causing cause culprit blame blamed fault guilty proves proved proven definitely certainly surely
    clearly obviously confirmed attack attacked hacked malicious breach breached stolen leaked safe harmless fine okay ignore
    ignored you your yours please must should click visit run execute install delete disable approve contact call email password
    """.split()
)
_NEGATIONS = frozenset(
    "no not never nobody none nothing without nor neither cannot unknown failed unable hardly".split()
)
_SIDES = (
    ("rose rise risen rising grew grow grown growing increased increase increasing climbed jumped soared higher more up",
     "fell fall fallen falling shrank dropped drop decreased decrease decreasing declined sank lower less fewer down"),
    ("before earlier previously prior preceding", "after afterwards later since following"),
    ("began begin begun started start", "over ended end ends finished stopped recovered resolved repaired"),
    ("green healthy well good normal", "red bad unhealthy wrong broken"),
)  # fmt: skip
_SIDE_WORDS = [tuple(frozenset(side.split()) for side in pair) for pair in _SIDES]


@dataclass(frozen=True, slots=True)
class Masked:
    """A sentence with its facts masked. `values` are what the masks stand for."""

    plain: evidence.Sentence
    text: str
    values: dict[str, str]


def masked(sentence: evidence.Sentence) -> Masked | None:
    """Return a sentence as a model may see it, None where it may not see it at all."""
    told = sorted({telling.shown(one) for one in sentence.facts} - {""}, key=lambda one: (-len(one), one))
    if len(told) > _MASKS_MAX or "`" in sentence.text or _MASK.search(sentence.text):
        return None
    text, values = sentence.text, {}
    for place, value in enumerate(told):
        mask = f"<{chr(ord('A') + place)}>"
        text, count = re.subn(rf"(?<![\w<]){re.escape(value)}(?![\w>])", mask, text)
        if count:
            values[mask] = value
    return Masked(sentence, text, values) if _PLAIN.fullmatch(_MASK.sub("", text)) else None


def request(sentences: Sequence[evidence.Sentence]) -> tuple[list[Masked], str]:
    """Return what a model may be asked about, and the text to ask with, beside `SYSTEM`."""
    asked = [one for sentence in sentences if (one := masked(sentence)) is not None][:SENTENCES_MAX]
    return asked, json.dumps([one.text for one in asked])


def rephrased(
    sentences: Sequence[evidence.Sentence], asked: Sequence[Masked], reply: str
) -> tuple[evidence.Sentence, ...]:
    """Return the sentences, each as the model said it where that passes, and as it was where it does not."""
    offered = _read(reply)
    if len(offered) != len(asked):
        return tuple(sentences)
    better = {
        one.plain: evidence.Sentence(_filled(one, text), one.plain.facts)
        for one, text in zip(asked, offered, strict=True)
        if not objection(one, text)
    }
    return tuple(better.get(sentence, sentence) for sentence in sentences)


def explained(told: evidence.Explanation, ask: Callable[[str], str]) -> evidence.Explanation:
    """Return an explanation in a model's words where these pass; `ask` puts a text to it, beside `SYSTEM`. Steps stay."""
    sentences = (*told.happened, *(cause.sentence for cause in told.causes), *told.done)
    asked, text = request(sentences)
    if not asked:
        return told
    said = iter(rephrased(sentences, asked, ask(text)))
    return replace(
        told,
        happened=tuple(next(said) for _ in told.happened),
        causes=tuple(replace(cause, sentence=next(said)) for cause in told.causes),
        done=tuple(next(said) for _ in told.done),
    )


def _read(reply: str) -> list[str]:
    try:
        found = json.loads(reply) if len(reply) <= REPLY_CHARS_MAX else None
    except (ValueError, RecursionError):
        return []
    return found if isinstance(found, list) and all(isinstance(one, str) for one in found) else []


def _filled(one: Masked, text: str) -> str:
    return _MASK.sub(lambda match: one.values[match.group()], text.strip())


def objection(one: Masked, offered: str) -> str:
    """Return why a text may not stand for a masked sentence, "" where it may."""
    text = offered.strip()
    if not text or len(text) > _LONGER_TIMES * len(one.text) + _LONGER_CHARS:
        return "too long, or nothing"
    if _MASK.findall(text) != _MASK.findall(one.text):
        return "a fact is missing, doubled, made up or in another's place"
    rest = _MASK.sub(" ", text)
    if any(unicodedata.numeric(letter, None) is not None for letter in rest):
        return "a number"
    if not _PLAIN.fullmatch(rest):
        return "signs that are no plain English"
    return _of_words(_MASK.sub(" ", one.text), rest)


def _of_words(plain: str, offered: str) -> str:
    before, after = _WORDS.findall(plain.lower()), _WORDS.findall(offered.lower())
    new = set(after) - set(before)
    if any(_ROMAN.fullmatch(word) for word in re.findall(r"[A-Za-z]+", offered)):
        return "a number"
    if any(_is_number(word) for word in new) or new & _DATE_WORDS:
        return "a number"
    if new & _CLAIMS:
        return "a claim or an instruction"
    if sum(word in _NEGATIONS or _shortened(word, after) for word in after) != sum(
        word in _NEGATIONS for word in before
    ):
        return "a negation more or less"
    for one, other in _SIDE_WORDS:
        for side, opposite in ((one, other), (other, one)):
            if new & side and set(before) & opposite and not set(before) & side:
                return "turned round"
            if set(before) & side and not set(after) & side and new & opposite:
                return "turned round"
    if after and len(new) > _NEW_SHARE_MAX * len(set(after)):
        return "too little of what was said"
    return ""


def _is_number(word: str) -> bool:
    """Whether a word is a number, or is made of one, as `fivefold` and `twentytwo`."""
    made = any(len(one) > 3 and word.startswith(one) for one in _MADE_OF)
    return word in _NUMBER_WORDS or made or word.endswith(("fold", "teen", "illion"))


def _shortened(word: str, words: Sequence[str]) -> bool:
    """Whether a word is one of those that a negation hangs on with an apostrophe, as in `wasn't`."""
    return (
        word.endswith("n")
        and "t" in words
        and word[:-1] in {"was", "were", "is", "are", "did", "does", "do", "has", "have", "had", "could", "would"}
    )
