"""What is said in reply, before it has a wire form: pieces of one token each, how it ends, the usage that is told."""

import dataclasses
import enum
from typing import Any

from council.testing.upstream import asks, behaviours

CREATED = 1_700_000_000
ABSURD = 10**15
_WORDS = ("é{0} ", "漢{0} ", "🙂{0} ")


class Kind(enum.Enum):
    """What an event of a stream is there for."""

    START = enum.auto()
    TOKEN = enum.auto()
    FINISH = enum.auto()
    DONE = enum.auto()


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """An event of a stream. `piece` is the text in it, as it stands in the JSON; a TOKEN event is one token."""

    kind: Kind
    data: bytes
    name: bytes = b""
    piece: bytes = b""


@dataclasses.dataclass(frozen=True, slots=True)
class Said:
    """`told` is the usage to tell: prompt and completion, or None for null. With `tell` false not even that."""

    pieces: tuple[str, ...]
    finish: str
    prompt_tokens: int
    told: tuple[Any, Any] | None
    tell: bool

    @property
    def text(self) -> str:
        """Everything that is said."""
        return "".join(self.pieces)


def make(ask: asks.Ask, behaviour: behaviours.Behaviour) -> Said:
    """Return what is said: a call of a tool, JSON, or words w1, w2 and so on, so that a lost one is seen."""
    if ask.api is asks.Api.EMBEDDINGS:
        pieces = []
    elif ask.text:
        size = max(1, -(-len(ask.text) // behaviour.chunks))
        pieces = [ask.text[at : at + size] for at in range(0, len(ask.text), size)]
    else:
        words = _WORDS if behaviour.utf8 else ("w{0} ",)
        pieces = [words[number % len(words)].format(number + 1) for number in range(behaviour.chunks)]
    finish = "tool" if ask.tool else "stop"
    if ask.tokens_max is not None and 0 <= ask.tokens_max < len(pieces):
        pieces, finish = pieces[: ask.tokens_max], "length"
    told = _told(behaviour.usage, ask.prompt_tokens, len(pieces) * ask.choices)
    return Said(tuple(pieces), finish, ask.prompt_tokens, told, behaviour.usage is not behaviours.Usage.MISSING)


def _told(usage: behaviours.Usage, prompt: int, completion: int) -> tuple[Any, Any] | None:
    match usage:
        case behaviours.Usage.TRUE:
            return prompt, completion
        case behaviours.Usage.NEGATIVE:
            return -prompt, -completion
        case behaviours.Usage.ABSURD:
            return ABSURD, ABSURD
        case behaviours.Usage.STRINGS:
            return str(prompt), str(completion)
        case behaviours.Usage.LESS:
            return prompt, 1
        case _:
            return None


def total(told: tuple[Any, Any]) -> Any:
    """Return the sum as a server that counts so would tell it."""
    prompt, completion = told
    return str(int(prompt) + int(completion)) if isinstance(prompt, str) else prompt + completion
