"""What a supervisor tells a service that runs: lines on a pipe, each carried out in turn and then acknowledged.

    live COMMIT    this generation is live: say so of yourself, and if you wait, take up what you were given to wait with
    alone          those who served before you are gone: what they wrote last is there to read
    leave          others have taken over: give up what they serve now, and finish what those who leave with you ask

For a service that no patch touched, a `live` of another commit is all the news. See ADR 0021.
"""

from dataclasses import dataclass

LIVE = "live"
ALONE = "alone"
LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Order:
    """One line. `generation` is empty where none is named."""

    word: str
    generation: str = ""

    @property
    def line(self) -> bytes:
        """The order as it goes through the pipe."""
        return f"{self.word} {self.generation}".rstrip().encode() + b"\n"


def read(line: bytes) -> Order | None:
    """Return the order in a line, its end taken off; None for one that we do not know."""
    match line.decode(errors="replace").split():
        case ["live", commit]:
            return Order(LIVE, commit)
        case ["alone" | "leave" as word]:
            return Order(word)
    return None
