"""What Council knows from packages: countries, chemical elements, Python's own documentation, a dictionary.

Each corpus reads a question by a grammar of its own, from its first word to its last, looks the thing up, and answers in one
sentence or with an entry; a name that means two things gives nothing. No corpus guesses, and none learns from documents.
"""

from collections.abc import Callable, Iterable

from council.domain import answering, answers
from council.serving.memory.corpora import asking, countries, elements, entries, python_docs, wordnet

Read = Callable[[str], entries.Entry | None]

_READ: dict[str, Callable[[], Read]] = {
    "countries": lambda: countries.Countries.packaged().read,
    "elements": lambda: elements.read,
    "python": lambda: python_docs.read,
    "dictionary": lambda: wordnet.Dictionary.installed().read,
}
NAMES = answering.CORPORA


class Corpora:
    """The corpora that are switched on. Each is loaded with the first question that comes."""

    def __init__(self, names: Iterable[str]):
        """Use the corpora of these names, each one of NAMES."""
        self._names = [name for name in NAMES if name in set(names)]
        self._loaded: list[tuple[str, Read]] = []

    def find(self, question: str) -> answers.Passage | None:
        """Return the entry that answers the question, one without a quote that says why none does, or None."""
        asked = asking.plain(question)
        if not asked or not self._names:
            return None
        if not self._loaded:
            self._loaded = [(name, _READ[name]()) for name in self._names]
        for name, read in self._loaded:
            entry = read(asked)
            if entry:
                source = f"{name} ({entry.origin})"
                quote = entry.text if entry.answers else ""
                return answers.Passage(answers.PACKAGED, source, entry.heading, entry.text, 1.0, 1.0, quote, 1.0)
        return None
