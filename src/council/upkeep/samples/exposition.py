"""Reads the text form of metrics: only those that somebody asks for, since a gateway tells a thousand lines.

A service tells the same series each time, and only their numbers differ. So what stands before the number is parsed once.
"""

import functools
import re
from collections.abc import Collection, Iterator

from prometheus_client import parser

from council.domain import watching

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABELS_MAX = 20
_VALUE_CHARS_MAX = 200
_NUMBER = re.compile(r"[-+0-9.eE]+|NaN|[-+]?Inf")
# More than a Council tells; what is told beyond is parsed each time.
_SERIES_MAX = 4096


def read(text: str, wanted: Collection[str], service: str) -> list[watching.Reading]:
    """Return the samples of the metrics that are wanted, by their names in the text (`x_bucket`, not `x`).

    What has no label `svc` gets that of its service. Raises ValueError where a wanted line is not of that form.
    """
    return [_reading(line, service) for line in _lines(text, wanted)]


def _lines(text: str, wanted: Collection[str]) -> Iterator[str]:
    for line in text.splitlines():
        name = _NAME.match(line)
        if name is not None and name[0] in wanted:
            yield line


def _reading(line: str, service: str) -> watching.Reading:
    head, _, number = line.rpartition(" ")
    # Whatever else stands in a line, such as a time or another kind of space, is for the parser.
    if _NUMBER.fullmatch(number) and (head.isidentifier() or head.endswith("}")):
        return watching.Reading(*_series(head, service), float(number))
    return _parsed(line, service)


@functools.lru_cache(maxsize=_SERIES_MAX)
def _series(head: str, service: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    found = _parsed(f"{head} 0", service)
    return found.metric, found.labels


def _parsed(line: str, service: str) -> watching.Reading:
    ((sample,),) = (one.samples for one in parser.text_string_to_metric_families(line))
    labels = {"svc": service} | sample.labels
    if len(labels) > _LABELS_MAX or any(len(value) > _VALUE_CHARS_MAX for value in labels.values()):
        raise ValueError(f"{sample.name} has more labels, or longer ones, than a metric of ours")
    return watching.Reading(sample.name, tuple(sorted(labels.items())), float(sample.value))
