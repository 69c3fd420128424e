"""Which language a text is in, as far as it matters: the strict specialists read English and formulas, nothing else.

Deterministic: the share of letters of other scripts, and counts of the commonest small words. A text that says too little is
taken for English, since trying a specialist costs little and they pass on what they do not read.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence

_WORD = re.compile(r"[^\W\d_]+")
_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_CHARS_MAX = 700
_OTHER_SCRIPT_SHARE = 0.3
_HITS_MIN = 2
_WORDS_MIN = 4

_ENGLISH = frozenset(
    "the a an is are was were of to and in that what how who which when where why it you i my your for with on this from do"
    " does did can could would will if then than all not be has have there many much".split()
)
# Without what is English as well, and without y, z, w and the like: they are unknowns more often than words.
_SMALL_WORDS = {
    "German": "der die das und ist nicht ein eine einen wie viel viele für mit auf von zu den dem was wer wo wann warum ich"
    " sie wir kann sind aus bei nach schreibe bitte über mir du wird",
    "French": "le la les des est et une un que qui dans pour pas sur avec quel quelle quels combien comment pourquoi je vous"
    " nous il elle sont au aux du de en mon écris où",
    "Spanish": "el la los las es una un que de en por para con cuál cuánto cuántos cómo qué quién dónde cuándo del al son"
    " mi se escribe está hay",
    "Italian": "il lo la gli le è una un che di in per con quale quanto quanti come chi dove quando perché del della sono"
    " non scrivi ho nel",
    "Portuguese": "os as é uma um que de em por para com qual quanto quantos como quem onde quando do da são não meu"
    " escreva está",
    "Dutch": "de het een en is niet van wat hoe wie waar wanneer waarom ik je voor met op zijn er dat hoeveel schrijf mijn",
    "Polish": "jest nie na co jak kto gdzie kiedy dlaczego ile to się do czy są moje napisz",
    "Swedish": "och är det en ett att som inte vad hur vem var när varför jag du för med på av till hur många skriv min",
}  # fmt: skip
_NAMES_BY_WORD: Mapping[str, Sequence[str]] = {
    word: [name for name, known in _SMALL_WORDS.items() if word in known.split()]
    for word in sorted({word for known in _SMALL_WORDS.values() for word in known.split()} - _ENGLISH)
}


def other_than_english(text: str) -> str:
    """Return the name of the language or script that a text is in where it is not English, else ""."""
    prose = _CODE.sub(" ", text[:_CHARS_MAX])
    words = [word.casefold() for word in _WORD.findall(prose)]
    script = "" if prose.isascii() else _other_script(words)
    if script:
        return script
    hits = dict.fromkeys(_SMALL_WORDS, 0)
    for word in words:
        for name in _NAMES_BY_WORD.get(word, ()):
            hits[name] += 1
    english = sum(word in _ENGLISH for word in words)
    best = max(hits, key=lambda name: hits[name])
    return best if len(words) >= _WORDS_MIN and hits[best] >= _HITS_MIN and hits[best] > english + 1 else ""


def _other_script(words: list[str]) -> str:
    # A single letter is a symbol of a formula, whatever its script.
    letters = [letter for word in words if len(word) > 1 or not word.isascii() for letter in word if letter.isalpha()]
    counted: dict[str, int] = {}
    for letter in letters:
        script = "LATIN" if letter.isascii() else unicodedata.name(letter, "UNKNOWN").partition(" ")[0]
        if script not in ("LATIN", "GREEK", "MATHEMATICAL", "DOUBLE-STRUCK", "MICRO", "FULLWIDTH"):
            counted[script] = counted.get(script, 0) + 1
    greek = sum(len(word) for word in words if len(word) > 3 and "GREEK" in unicodedata.name(word[0], ""))
    if greek:
        counted["GREEK"] = greek
    other = sum(counted.values())
    if other == 0 or other < _OTHER_SCRIPT_SHARE * len(letters):
        return ""
    return f"{max(counted, key=lambda name: counted[name]).capitalize()} script"
