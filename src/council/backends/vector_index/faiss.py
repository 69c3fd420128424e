"""FAISS: scalar-quantised to 8 bits; all of them compared while they are few, in lists from `lists_from` on.

Numbers of a vector of length 1 and 384 dimensions lie within a few tenths of 0, so the quantiser's range is fixed and needs no
training. Lists need training, which takes about half a second at 100,000: `settle` does that beside the old index, and takes
over what came and went meanwhile. One index is one user's.
"""

import logging
import math
import threading
from collections.abc import Sequence
from typing import Any

# It tells in five lines which of its builds it found.
logging.getLogger("faiss.loader").setLevel(logging.WARNING)

import faiss  # noqa: E402
import numpy  # noqa: E402

# Beyond it single numbers are cut; at 384 dimensions that is one in ten million.
_RANGE = 0.3
_LISTS_PER_ROOT = 1.5
_PROBES = 16
# Enough to place the lists; more points only take longer.
_TRAINED_A_LIST = 40
_TRAINING_ROUNDS = 4
# Lists are placed anew when there are this many times as many vectors as when they were placed.
_GROWTH = 4.0


class FaissIndex:
    """Implements ports.VectorIndex."""

    def __init__(self, width: int, lists_from: int):
        faiss.omp_set_num_threads(1)
        self._width = width
        self._lists_from = lists_from
        self._index = _flat(width)
        self._held: set[int] = set()
        self._trained_at = 0
        # What came and went while `settle` makes another index, in order.
        self._meanwhile: list[tuple[Any, Any]] | None = None
        self._lock = threading.Lock()
        self._settling = threading.Lock()

    def add(self, numbers: Sequence[int], vectors: Sequence[bytes]) -> None:
        """Add vectors under numbers that are not there yet."""
        if not numbers:
            return
        ids, matrix = numpy.array(numbers, dtype=numpy.int64), self._matrix(vectors)
        with self._lock:
            self._index.add_with_ids(matrix, ids)
            self._held.update(numbers)
            if self._meanwhile is not None:
                self._meanwhile.append((ids, matrix))

    def remove(self, numbers: Sequence[int]) -> None:
        """Remove vectors; numbers that are not there are passed over."""
        with self._lock:
            gone = [number for number in numbers if number in self._held]
            if gone:
                ids = numpy.array(gone, dtype=numpy.int64)
                _remove(self._index, ids)
                self._held.difference_update(gone)
                if self._meanwhile is not None:
                    self._meanwhile.append((ids, None))

    def search(self, vector: bytes, limit: int) -> list[tuple[int, float]]:
        """Return up to `limit` numbers with their cosine, nearest first."""
        with self._lock:
            if not self._held or limit < 1:
                return []
            scores, ids = self._index.search(self._matrix([vector]), min(limit, len(self._held)))
        pairs = zip(ids[0].tolist(), scores[0].tolist(), strict=True)
        return [(number, _cosine(score)) for number, score in pairs if number >= 0]

    def similarity(self, vector: bytes, numbers: Sequence[int]) -> list[float]:
        """Return the cosine of each of these numbers, 0.0 for those that are not there."""
        asked = self._matrix([vector])[0]
        with self._lock:
            return [
                _cosine(float(asked @ self._index.reconstruct(number))) if number in self._held else 0.0
                for number in numbers
            ]

    def settle(self) -> None:
        """Place the vectors in lists, or in more lists, once there are many. Blocks nobody but another `settle`."""
        with self._settling:
            with self._lock:
                size = len(self._held)
                if size < max(self._lists_from, self._trained_at * _GROWTH):
                    return
                ids = numpy.array(sorted(self._held), dtype=numpy.int64)
                matrix = self._index.reconstruct_batch(ids)
                self._meanwhile = []
            made = _lists(self._width, ids, matrix)
            with self._lock:
                for changed, vectors in self._meanwhile:
                    _remove(made, changed) if vectors is None else made.add_with_ids(vectors, changed)
                self._index, self._meanwhile, self._trained_at = made, None, size

    def __len__(self) -> int:
        return len(self._held)

    def _matrix(self, vectors: Sequence[bytes]) -> Any:
        matrix = numpy.frombuffer(b"".join(vectors), dtype=numpy.float32).reshape(len(vectors), -1)
        assert matrix.shape[1] == self._width, "all vectors of an index come from one embedder"
        return matrix


def _flat(width: int) -> Any:
    quantised = faiss.IndexScalarQuantizer(width, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
    quantised.train(numpy.array([[-_RANGE] * width, [_RANGE] * width], dtype=numpy.float32))
    return faiss.IndexIDMap2(quantised)


def _lists(width: int, ids: Any, matrix: Any) -> Any:
    lists = max(1, round(_LISTS_PER_ROOT * math.sqrt(len(ids))))
    coarse = faiss.IndexFlatIP(width)
    made = faiss.IndexIVFScalarQuantizer(
        coarse, width, lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    )
    made.cp.niter = _TRAINING_ROUNDS
    made.cp.max_points_per_centroid = _TRAINED_A_LIST
    made.cp.min_points_per_centroid = 1
    made.nprobe = _PROBES
    step = max(1, len(ids) // (lists * _TRAINED_A_LIST))
    made.train(numpy.ascontiguousarray(matrix[::step]))
    made.add_with_ids(matrix, ids)
    # By number, so that one vector is found and removed without a look at all.
    made.set_direct_map_type(faiss.DirectMap.Hashtable)  # type: ignore[attr-defined]
    return made


def _remove(index: Any, ids: Any) -> None:
    index.remove_ids(faiss.IDSelectorArray(ids) if hasattr(index, "nprobe") else faiss.IDSelectorBatch(ids))


def _cosine(score: float) -> float:
    """Return a score within what a cosine can be; quantised, it may lie a little outside."""
    return max(-1.0, min(1.0, score))
