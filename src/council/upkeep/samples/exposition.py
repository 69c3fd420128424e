"""Reads the text form of metrics: only those that somebody asks for, since a gateway tells a thousand lines."""

import functools
import re
from collections.abc import Collection, Iterator

from prometheus_client import parser

from council.domain import watching

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
# What stands before the value, and the value, of a line without a time.
_LINE = re.compile(r"(?P<series>[^ {]+(?:\{.*\})?) (?P<value>[^ ]+)")
_LABELS_MAX = 20
_VALUE_CHARS_MAX = 200
# A gateway tells a thousand series, and the same ones each time.
_KNOWN_MAX = 20_000

_Series = tuple[str, tuple[tuple[str, str], ...]]


def read(text: str, wanted: Collection[str], service: str) -> list[watching.Reading]:
    """Return the samples of the metrics that are wanted, by their names in the text (`x_bucket`, not `x`).

    What has no label `svc` gets that of its service. Raises ValueError where a wanted line is not of that form.
    """
    return [reading for line in _lines(text, wanted) for reading in _readings(line, service)]


def _lines(text: str, wanted: Collection[str]) -> Iterator[str]:
    for line in text.splitlines():
        name = _NAME.match(line)
        if name is not None and name[0] in wanted:
            yield line


def _readings(line: str, service: str) -> Iterator[watching.Reading]:
    """Yield the sample of a line. Taking a series apart costs most, and is done once."""
    whole = _LINE.fullmatch(line)
    if whole is None:
        yield from _parsed(line, service)
        return
    yield watching.Reading(*_series(whole["series"], service), float(whole["value"]))


@functools.lru_cache(maxsize=_KNOWN_MAX)
def _series(series: str, service: str) -> _Series:
    """Return the metric and its labels. Raises ValueError."""
    (one,) = _parsed(f"{series} 0", service)
    return one.metric, one.labels


def _parsed(line: str, service: str) -> Iterator[watching.Reading]:
    for family in parser.text_string_to_metric_families(line + "\n"):
        for sample in family.samples:
            labels = {"svc": service} | sample.labels
            if len(labels) > _LABELS_MAX or any(len(value) > _VALUE_CHARS_MAX for value in labels.values()):
                raise ValueError(f"{sample.name} has more labels, or longer ones, than a metric of ours")
            yield watching.Reading(sample.name, tuple(sorted(labels.items())), float(sample.value))
