"""What a supervisor tells a service that runs: lines on a pipe, each carried out in turn and then acknowledged.

    live COMMIT    this generation is live: say so of yourself, and if you wait, take up what you were given to wait with
    alone          those who served before you are gone: what they wrote last is there to read
    leave          others have taken over: give up what they serve now, and finish what those who leave with you ask
    away NAME S    the service NAME, which you ask, is stopped for another, for S seconds at most; 0: it is back

For a service that no patch touched, a `live` of another commit is all the news. See ADR 0021.
"""

from dataclasses import dataclass

LIVE = "live"
ALONE = "alone"
LEAVE = "leave"
AWAY = "away"

_DIGITS_MAX = 10


@dataclass(frozen=True, slots=True)
class Order:
    """One line. `generation` is empty where none is named; `service` and `away_s` belong to `away`."""

    word: str
    generation: str = ""
    service: str = ""
    away_s: int = 0

    @property
    def line(self) -> bytes:
        """The order as it goes through the pipe."""
        if self.word == AWAY:
            return f"{AWAY} {self.service} {self.away_s}\n".encode()
        return f"{self.word} {self.generation}".rstrip().encode() + b"\n"


def read(line: bytes) -> Order | None:
    """Return the order in a line, its end taken off; None for one that we do not know."""
    match line.decode(errors="replace").split():
        case ["live", commit]:
            return Order(LIVE, commit)
        case ["alone" | "leave" as word]:
            return Order(word)
        case ["away", service, seconds] if seconds.isascii() and seconds.isdecimal() and len(seconds) < _DIGITS_MAX:
            return Order(AWAY, service=service, away_s=int(seconds))
    return None
