"""A dictionary: WordNet as Debian's `wordnet-base` lays it down, looked up on disk by halving. Nothing is kept in memory."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from council.serving.memory.corpora import entries

FOLDER = Path("/usr/share/wordnet")
_KINDS = (("noun", "noun"), ("verb", "verb"), ("adj", "adjective"), ("adv", "adverb"))
_SENSES_MAX = 3
_LINE_BYTES_MAX = 32 * 1024
_WORD = r"['\"`]?(?P<word>[A-Za-z][A-Za-z' -]{1,40}?)['\"`]?"
_ASKED = re.compile(
    rf"define (?:the (?:word|term) )?{_WORD}|(?:what is |give )?(?:the )?(?:dictionary )?(?:definition|meaning) of "
    rf"(?:the (?:word|term) )?(?P<of>['\"`]?[A-Za-z][A-Za-z' -]{{1,40}}?['\"`]?)|what does (?:the (?:word|term) )?"
    r"(?P<does>['\"`]?[A-Za-z][A-Za-z' -]{1,40}?['\"`]?) mean",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Definitions from a folder of WordNet's database files; none where there is no such folder."""

    folder: Path

    @classmethod
    def installed(cls) -> "Dictionary":
        """Use Debian's folder."""
        return cls(FOLDER)

    def read(self, asked: str) -> entries.Entry | None:
        """Return the senses of the word that a plain question asks for, the commonest first, or None."""
        match = _ASKED.fullmatch(asked)
        if not match:
            return None
        word = (match["word"] or match["of"] or match["does"]).strip("'\"` ").lower()
        lines = [f"{word} ({kind}): {sense}" for file, kind in _KINDS for sense in self._senses(file, word)]
        return entries.Entry(word, "\n".join(lines), "WordNet 3.0") if lines else None

    def _senses(self, kind: str, word: str) -> Iterator[str]:
        try:
            line = _found(self.folder / f"index.{kind}", word.replace(" ", "_").encode())
            if not line:
                return
            # lemma, part of speech, number of senses, number of pointers, pointers, senses again, tagged senses, offsets
            fields = line.split()
            offsets = [int(offset) for offset in fields[6 + int(fields[3]) :]]
            with (self.folder / f"data.{kind}").open("rb") as file:
                for offset in offsets[:_SENSES_MAX]:
                    file.seek(offset)
                    yield file.readline(_LINE_BYTES_MAX).decode("utf-8", "replace").partition(" | ")[2].strip()
        except (OSError, ValueError, IndexError):
            return


def _found(path: Path, word: bytes) -> str:
    """Return the line of a sorted file that begins with the word and a space, or nothing."""
    with path.open("rb") as file:
        low, high = 0, path.stat().st_size
        while low < high:
            middle = (low + high) // 2
            file.seek(middle)
            if middle:
                file.readline(_LINE_BYTES_MAX)
            line = file.readline(_LINE_BYTES_MAX)
            key = line.split(b" ", 1)[0]
            if line and key and not line.startswith(b"  ") and key == word:
                return line.decode("utf-8", "replace")
            # The licence stands before the words, each line of it behind two spaces.
            if line and (line.startswith(b"  ") or key < word):
                low = middle + 1
            else:
                high = middle
    return ""
