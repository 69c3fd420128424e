"""What a corpus gives for a question."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """The words that answer, what they are about, and the package and version that they come from.

    Where `answers` is False they say why the question, which is one for this corpus, cannot be answered from it.
    """

    heading: str
    text: str
    origin: str
    answers: bool = True
