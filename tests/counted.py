"""By how much metrics of this process rise."""

import contextlib
from collections.abc import Iterator

import prometheus_client

Rises = dict[tuple[str, ...], float]


def _values(name: str) -> Rises:
    return {
        tuple(sample.labels.values()): sample.value
        for family in prometheus_client.REGISTRY.collect()
        for sample in family.samples
        if sample.name == name
    }


@contextlib.contextmanager
def rises(name: str) -> Iterator[Rises]:
    """Yield what holds, after the block, by how much a counter rose, by the values of its labels; only what did."""
    before, found = _values(name), Rises()
    yield found
    found |= {
        labels: value - before.get(labels, 0)
        for labels, value in _values(name).items()
        if value > before.get(labels, 0)
    }
