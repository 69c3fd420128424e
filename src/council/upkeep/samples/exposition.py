"""Reads the text form of metrics: only those that somebody asks for, since a gateway tells a thousand lines."""

import re
from collections.abc import Collection, Iterator

from prometheus_client import parser

from council.domain import watching

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABELS_MAX = 20
_VALUE_CHARS_MAX = 200


def read(text: str, wanted: Collection[str], service: str) -> list[watching.Reading]:
    """Return the samples of the metrics that are wanted, by their names in the text (`x_bucket`, not `x`).

    What has no label `svc` gets that of its service. Raises ValueError where a wanted line is not of that form.
    """
    return list(_readings("\n".join(_lines(text, wanted)) + "\n", service))


def _lines(text: str, wanted: Collection[str]) -> Iterator[str]:
    for line in text.splitlines():
        name = _NAME.match(line)
        if name is not None and name[0] in wanted:
            yield line


def _readings(text: str, service: str) -> Iterator[watching.Reading]:
    for family in parser.text_string_to_metric_families(text):
        for sample in family.samples:
            labels = {"svc": service} | sample.labels
            if len(labels) > _LABELS_MAX or any(len(value) > _VALUE_CHARS_MAX for value in labels.values()):
                raise ValueError(f"{sample.name} has more labels, or longer ones, than a metric of ours")
            yield watching.Reading(sample.name, tuple(sorted(labels.items())), float(sample.value))
