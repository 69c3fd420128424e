"""Words with one meaning in WordNet, where Debian's `wordnet-base` lies. The key is read off the synsets, without the index."""

import random
import re
from pathlib import Path

from council.domain import answers
from council.testing.questions import families

_FOLDER = Path("/usr/share/wordnet")
_WORD = re.compile(r"[a-z]{3,20}(?:_[a-z]{2,20}){0,2}")
_WORDINGS = (
    "define {}",
    "what does {} mean",
    "what does the word {} mean",
    "definition of {}",
    "what is the definition of {}",
    'what is the meaning of "{}"',
    "give the dictionary definition of {}",
)
_REFUSE = (
    "define blorptix",
    "what does flumoxary mean",
    "what does it mean to be blorptix",
    "what does abacus mean in Portuguese",
    "what does abacus mean to you",
    "what does it all mean",
    "define abacus in your own words and use it in a sentence",
    "define abacus and harbour",
    "define a function that adds two numbers",
    "define the scope of the project",
    "what is the definition of done for this sprint",
    "what is the etymology of abacus",
    "what is the opposite of gregarious",
    "what is a synonym of gregarious",
    "what is the plural of abacus",
    "how is abacus pronounced",
    "how do you spell abacus",
    "what rhymes with abacus",
    "translate abacus into French",
    "what does serendipity not mean",
    "what did gregarious mean in 1500",
)


def installed() -> list[families.Family]:
    """Return the family, or none where the dictionary is not installed."""
    if not _FOLDER.is_dir():
        return []
    pairs = _single()

    def make(chance: random.Random) -> families.Asked:
        word, gloss = chance.choice(pairs)
        return families.Asked(_WORDINGS[0].format(word), gloss)

    def paraphrase(chance: random.Random, asked: families.Asked) -> families.Asked:
        text = chance.choice(_WORDINGS).format(asked.text.removeprefix("define "))
        text = chance.choice((str, str.capitalize, str.upper))(text)
        before, after = chance.choice(("", "", "Please ", "can you tell me ")), chance.choice(("", "?", " ?", "."))
        return families.Asked(f"{before}{text}{after}", asked.key)

    route, levels = answers.Route.KNOWLEDGE, frozenset({answers.Level.QUOTED})
    return [families.Family("knowledge: words", route, make, paraphrase, agrees, _REFUSE, levels)]


def agrees(answer: str, key: str) -> bool:
    """Say whether the quoted entry holds the gloss."""
    return key in answer


def _single() -> list[tuple[str, str]]:
    """Return the words that stand in one synset alone, with its gloss."""
    glosses: dict[str, str] = {}
    often: set[str] = set()
    for kind in ("noun", "verb", "adj", "adv"):
        for line in (_FOLDER / f"data.{kind}").read_text("utf-8", "replace").splitlines():
            if line.startswith("  "):
                continue
            fields, _, gloss = line.partition(" | ")
            _, _, _, count, *rest = fields.split()
            # Of each word stands the word, and its number among words that share a file.
            for word in rest[: 2 * int(count, 16) : 2]:
                plain = word.partition("(")[0].lower()
                often |= {plain} & glosses.keys()
                glosses[plain] = gloss.strip()
    return sorted(
        (word.replace("_", " "), gloss)
        for word, gloss in glosses.items()
        if word not in often and _WORD.fullmatch(word)
    )
