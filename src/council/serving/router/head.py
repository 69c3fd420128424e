"""The linear head: weights from a file of the package, checked by digest, and the probabilities that they give.

`weights.bin` holds one signed byte for each route, block and bucket, then one for each route and number of a vector of the
embedding model. `weights.json` says how to read them, how they were scaled and calibrated, and which data made them;
`tools/train_router.py` writes both. Nothing here needs numpy: a decision is a few sums over bytes.
"""

import array
import functools
import hashlib
import json
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from council.domain import answers, errors
from council.serving.router import features

FORM = 1
_FILES_BYTES_MAX = 1024 * 1024
_RAISED_BY = 128


@dataclass(frozen=True, slots=True)
class Head:
    """Weights ready to use.

    `words` and `pieces` hold a row of signed bytes for each route, one a bucket; a byte times `scale` is a weight. `numbers`
    has a row for each route. Probabilities are softmax of the sums over `temperature`. `vector` and the fields named so are the
    same for a vector of the embedding model.
    """

    routes: tuple[answers.Route, ...]
    words: tuple[Sequence[int], ...]
    pieces: tuple[Sequence[int], ...]
    scale: float
    numbers: tuple[tuple[float, ...], ...]
    bias: tuple[float, ...]
    temperature: float
    vector: tuple[Sequence[int], ...]
    vector_scale: float
    vector_bias: tuple[float, ...]
    vector_temperature: float
    vector_share: float
    digest: str
    _raised: tuple[tuple[bytes, bytes], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Keep each byte raised to 0 to 255: such bytes are picked out three times as fast as signed ones."""
        raised = [(_raised(words), _raised(pieces)) for words, pieces in zip(self.words, self.pieces, strict=True)]
        object.__setattr__(self, "_raised", tuple(raised))

    def logits(self, found: features.Features) -> list[float]:
        """Return the sums, one for each route, before the temperature."""
        word_norm = self.scale / math.sqrt(len(found.words) or 1)
        piece_norm = self.scale / math.sqrt(len(found.pieces) or 1)
        words_sum, pieces_sum = _summing(found.words), _summing(found.pieces)
        return [
            bias
            + word_norm * words_sum(words)
            + piece_norm * pieces_sum(pieces)
            + sum(map(float.__mul__, numbers, found.numbers))
            for (words, pieces), numbers, bias in zip(self._raised, self.numbers, self.bias, strict=True)
        ]

    def probabilities(self, found: features.Features) -> dict[answers.Route, float]:
        """Return a calibrated probability for each route."""
        return dict(zip(self.routes, softmax(self.logits(found), self.temperature), strict=True))

    def with_vector(
        self, probabilities: Mapping[answers.Route, float], vector: Sequence[float]
    ) -> dict[answers.Route, float]:
        """Return the probabilities after a look at the text's vector: a geometric mean with those that it gives."""
        sums = [
            bias + self.vector_scale * sum(map(float.__mul__, map(float, row), vector))
            for row, bias in zip(self.vector, self.vector_bias, strict=True)
        ]
        seen = softmax(sums, self.vector_temperature)
        mixed = [
            (1.0 - self.vector_share) * math.log(max(probabilities[route], 1e-9))
            + self.vector_share * math.log(max(other, 1e-9))
            for route, other in zip(self.routes, seen, strict=True)
        ]
        return dict(zip(self.routes, softmax(mixed, 1.0), strict=True))


def _raised(row: Sequence[int]) -> bytes:
    return bytes(weight + _RAISED_BY for weight in row)


def _summing(buckets: Sequence[int]) -> Callable[[bytes], int]:
    """Return what adds up the weights of the buckets in a raised row."""
    if len(buckets) < 2:
        return lambda row: sum(row[bucket] - _RAISED_BY for bucket in buckets)
    picked, raised_by = operator.itemgetter(*buckets), _RAISED_BY * len(buckets)
    return lambda row: sum(picked(row)) - raised_by


def softmax(sums: Sequence[float], temperature: float) -> list[float]:
    """Return probabilities of sums divided by a temperature."""
    highest = max(sums)
    raised = [math.exp((one - highest) / temperature) for one in sums]
    total = sum(raised)
    return [one / total for one in raised]


@functools.lru_cache(maxsize=1)
def packaged() -> Head:
    """Return the head that is shipped, loaded once. Raises SetupError if its files are not as they were made."""
    folder = resources.files("council.serving.router")
    return read((folder / "weights.json").read_bytes(), (folder / "weights.bin").read_bytes())


def read(description: bytes, weights: bytes) -> Head:
    """Return the head of two files' bytes. Raises SetupError where they do not belong together."""
    if len(description) + len(weights) > _FILES_BYTES_MAX:
        raise _broken("they are too large")
    try:
        told: dict[str, Any] = json.loads(description)
        if told["form"] != FORM:
            raise _broken(f"their form is {told['form']}, and this Council reads {FORM}")
        digest = hashlib.sha256(weights).hexdigest()
        if digest != told["weights_sha256"]:
            raise _broken("the digest of weights.bin is not the one in weights.json")
        return _head(told, weights, digest)
    except (KeyError, TypeError, ValueError) as error:
        raise _broken(f"{type(error).__name__}: {error}") from error


def _head(told: dict[str, Any], weights: bytes, digest: str) -> Head:
    routes = tuple(answers.Route(name) for name in told["routes"])
    width, buckets = int(told["vector_width"]), (features.WORD_BUCKETS, features.PIECE_BUCKETS)
    if tuple(told["buckets"]) != buckets or told["numbers_names"] != list(features.NUMBERS):
        raise _broken("they were made for other features")
    if len(weights) != len(routes) * (sum(buckets) + width):
        raise _broken("weights.bin has the wrong length")
    taken = 0

    def rows(length: int) -> tuple[Sequence[int], ...]:
        nonlocal taken
        made = []
        for _ in routes:
            made.append(array.array("b", weights[taken : taken + length]))
            taken += length
        return tuple(made)

    return Head(
        routes=routes,
        words=rows(buckets[0]),
        pieces=rows(buckets[1]),
        vector=rows(width),
        scale=float(told["scale"]),
        numbers=tuple(tuple(map(float, row)) for row in told["numbers"]),
        bias=tuple(map(float, told["bias"])),
        temperature=float(told["temperature"]),
        vector_scale=float(told["vector_scale"]),
        vector_bias=tuple(map(float, told["vector_bias"])),
        vector_temperature=float(told["vector_temperature"]),
        vector_share=float(told["vector_share"]),
        digest=digest,
    )


def _broken(why: str) -> errors.SetupError:
    return errors.SetupError(f"The router's weights cannot be used: {why}. Install Council again.")
