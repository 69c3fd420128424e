"""A trace's spans in its log line, and read back from there: whoever has the log needs no collector."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from council.kit import traces

# Each list stays below what a log line shows of a field, and all of them below how many fields it shows.
_SHOWN_BYTES_MAX = 440
_SHOWN_LISTS_MAX = 20
_SHOWN_NAME = "spans_"
_NAME_CHARS_MAX = 80


def shown(trace: traces.Trace) -> dict[str, list[list[Any]]]:
    """Return the spans as fields of a log line: id, parent, name, service, milliseconds to begin and taken, error."""
    first_ns = min((span.began_ns for span in trace.spans), default=0)
    lists: list[list[list[Any]]] = []
    size = _SHOWN_BYTES_MAX
    for span in sorted(trace.spans, key=lambda one: one.began_ns):
        times = (round((span.began_ns - first_ns) / 1e6, 3), round((span.ended_ns - span.began_ns) / 1e6, 3))
        entry = [span.span_id, span.parent_id, span.name[:_NAME_CHARS_MAX], span.service, *times, span.error[:40]]
        taken = len(orjson.dumps(entry)) + 1
        if size + taken > _SHOWN_BYTES_MAX:
            if len(lists) == _SHOWN_LISTS_MAX:
                break
            lists.append([])
            size = 0
        lists[-1].append(entry)
        size += taken
    return {f"{_SHOWN_NAME}{number}": entries for number, entries in enumerate(lists)}


@dataclass(frozen=True, slots=True)
class Line:
    """One span as the log shows it; `began_ms` counts from the trace's first."""

    span_id: str
    parent_id: str
    name: str
    service: str
    began_ms: float
    took_ms: float
    error: str


def read(fields: Mapping[str, Any]) -> list[Line]:
    """Return the spans in a parsed log line, those of another form left out."""
    found: list[Line] = []
    for number in range(_SHOWN_LISTS_MAX):
        entries = fields.get(f"{_SHOWN_NAME}{number}")
        for entry in entries if isinstance(entries, list) else ():
            try:
                span_id, parent_id, name, service, began_ms, took_ms, error = entry
                found.append(
                    Line(
                        str(span_id),
                        str(parent_id),
                        str(name),
                        str(service),
                        float(began_ms),
                        float(took_ms),
                        str(error),
                    )
                )
            except (TypeError, ValueError):
                continue
    return found
