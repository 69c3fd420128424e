"""What a family of questions is: a generator, a paraphraser, and what its grammar must not answer."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from council.domain import answers

VERIFIED = frozenset(level for level in answers.Level if level.verified)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and its key. `key` is in a form that the family's `agrees` reads; it never came from a specialist."""

    text: str
    key: str


@dataclass(frozen=True, slots=True)
class Family:
    """Questions of one form.

    `make` draws a question, all of its randomness from the argument; `paraphrase` words one otherwise, with the same key.
    `agrees(answer, key)` says whether a specialist's answer text means the key. Each of `refuse` is near the family and
    must not get a verified answer: it can be read in two ways, lacks something, or asks for something else.
    `levels` are those at which an answer counts; of knowledge, where none is verified, a quote does. `share` is which part of
    a campaign's questions are asked of a family whose answers take long.
    """

    name: str
    route: answers.Route
    make: Callable[[random.Random], Asked]
    paraphrase: Callable[[random.Random, Asked], Asked]
    agrees: Callable[[str, str], bool]
    refuse: Sequence[str] = ()
    levels: frozenset[answers.Level] = VERIFIED
    share: float = 1.0
