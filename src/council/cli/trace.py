"""trace: what was done for one request: its stages with their times, its row in the ledger, its lines in the logs.

Read from the home's own files, so that it works without a collector, and while the service is down.
"""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import orjson

from council import app
from council.cli import options
from council.domain import errors, ledger, money
from council.domain import home as home_module
from council.kit import ids, trace_lines

_REQUEST_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_LINES_MAX = 500
_LINE_BYTES_MAX = 64 * 1024
# A row is dated when its question begins, which may be a while after the request did.
_BEFORE_US, _AFTER_US = 1_000_000, 120_000_000
_COLUMN_CHARS = 56
# What every line has, or what is shown elsewhere.
_SHOWN = frozenset({"ts", "level", "service", "replica", "logger", "message", "request_id", "trace_id"})
_FIELD_CHARS_MAX = 120


@dataclass(frozen=True, slots=True)
class Followed:
    """A request, as the home's files tell of it. `lines` are those of the logs in order of time."""

    request_id: str
    trace_id: str
    spans: Sequence[trace_lines.Line]
    row: ledger.LedgerRow | None
    charges: Sequence[ledger.Charge]
    lines: Sequence[dict[str, Any]]


@click.command()
@click.argument("identifier", metavar="ID")
@options.home
@options.as_json
def trace(identifier: str, where: home_module.Home, as_json: bool) -> None:
    """Show what was done for the request ID, or for each of the trace ID: stages, ledger row, log lines.

    An answer's request id is in its header x-request-id. Stages are there where `tracing.on` is set.
    """
    found = follow(where, identifier)
    if as_json:
        options.print_json([asdict(one) for one in found])
        return
    for number, one in enumerate(found):
        if number:
            click.echo()
        _print(one)


def follow(where: home_module.Home, identifier: str) -> list[Followed]:
    """Return what the home's files tell of a request, or of all requests of a trace.

    Raises InvalidRequestError for what is no such id, NotFoundError, RecordsUnavailableError.
    """
    if _REQUEST_ID.fullmatch(identifier):
        requests: Collection[str] = (identifier,)
        lines = _lines(where.logs, "request_id", requests)
    elif _TRACE_ID.fullmatch(identifier):
        requests = dict.fromkeys(
            str(line["request_id"]) for line in _lines(where.logs, "trace_id", (identifier,)) if "request_id" in line
        )
        lines = _lines(where.logs, "request_id", requests)
    else:
        raise errors.InvalidRequestError(
            "A request id has 26 capital letters and digits, as in an answer's header x-request-id; a trace id has 32 hex "
            "digits. Give one of them."
        )
    found = [_followed(where, one, [line for line in lines if line["request_id"] == one]) for one in requests]
    found = [one for one in found if one.row is not None or one.lines]
    if not found:
        raise errors.NotFoundError(
            f"Neither the logs nor the ledger know {identifier}. Logs are kept up to `supervisor.log_bytes_max`; look in the "
            "collector of `tracing.endpoint`, if there is one."
        )
    return found


def _followed(where: home_module.Home, request_id: str, lines: Sequence[dict[str, Any]]) -> Followed:
    at_us = ids.time_us(request_id)
    records = app.records(options.known_config(where), where)
    try:
        since_us, until_us = at_us - _BEFORE_US, at_us + _AFTER_US
        row = next((one for one in records.rows(since_us, until_us) if one.request_id == request_id), None)
        charges = (
            [] if row is None else [charge for of, charge in records.charges(since_us, until_us) if of == request_id]
        )
    finally:
        records.close()
    trace_id = next((str(line["trace_id"]) for line in lines if "trace_id" in line), "")
    spans = [span for line in lines for span in trace_lines.read(line)]
    return Followed(request_id, trace_id, spans, row, charges, lines)


def _lines(folder: Path, field: str, values: Collection[str]) -> list[dict[str, Any]]:
    """Return the log lines of all services whose field is one of `values`, in order of time, the last ones of many."""
    if not values:
        return []
    found = [
        line
        for path in sorted([*folder.glob("*.log.1"), *folder.glob("*.log")])
        for line in _lines_of(path, field, values)
    ]
    return sorted(found, key=lambda line: str(line.get("ts", "")))[-_LINES_MAX:]


def _lines_of(path: Path, field: str, values: Collection[str]) -> Iterator[dict[str, Any]]:
    wanted = [value.encode() for value in values]
    try:
        with path.open("rb") as file:
            while raw := file.readline(_LINE_BYTES_MAX):
                if not any(value in raw for value in wanted):
                    continue
                try:
                    line = orjson.loads(raw)
                except orjson.JSONDecodeError:
                    continue
                if isinstance(line, dict) and line.get(field) in values:
                    yield line
    except FileNotFoundError:
        return
    except OSError as error:
        raise errors.SetupError(
            f"The log {path.name} cannot be read: {error.strerror}. Run the command as who runs Council."
        ) from error


def _print(found: Followed) -> None:
    click.echo(f"request {found.request_id}" + (f"  trace {found.trace_id}" if found.trace_id else ""))
    if found.spans:
        click.echo()
        _print_spans(found.spans)
    elif found.lines:
        click.echo("No stages: `tracing.on` was not set, or this request was not of the share that is kept.")
    if found.row is not None:
        click.echo()
        _print_row(found.row, found.charges)
    click.echo()
    for line in found.lines:
        fields = ((name, value) for name, value in line.items() if name not in _SHOWN and not name.startswith("spans_"))
        told = " ".join(f"{name}={_plain(value)}" for name, value in fields)
        head = f"{line.get('ts', '')}  {line.get('level', ''):<7}  {line.get('service', ''):<9}"
        click.echo(f"{head}  {_plain(line.get('message', ''))}  {told}".rstrip())


def _print_spans(spans: Sequence[trace_lines.Line]) -> None:
    rows = [
        (
            f"{span.began_ms:.1f}",
            f"{span.took_ms:.1f}",
            _plain("  " * depth + span.name)[:_COLUMN_CHARS],
            _plain(span.service),
            _plain(span.error),
        )
        for depth, span in _in_order(spans)
    ]
    options.print_table(("AT MS", "TOOK MS", "STAGE", "SERVICE", "ERROR"), rows, right=frozenset({0, 1}))


def _in_order(spans: Sequence[trace_lines.Line]) -> Iterator[tuple[int, trace_lines.Line]]:
    """Yield each span with its depth, those below it after it. What lies below itself is shown as a root."""
    known = {span.span_id for span in spans}
    below: dict[str, list[trace_lines.Line]] = {}
    for span in sorted(spans, key=lambda one: one.began_ms):
        below.setdefault(span.parent_id if span.parent_id in known else "", []).append(span)
    left = [(0, span) for span in reversed(below.pop("", []))]
    while left or below:
        if not left:
            left = [(0, span) for span in reversed(below.pop(next(iter(below))))]
        depth, span = left.pop()
        yield depth, span
        left += [(depth + 1, one) for one in reversed(below.pop(span.span_id, []))]


def _print_row(row: ledger.LedgerRow, charges: Sequence[ledger.Charge]) -> None:
    options.print_rows(
        [
            ("outcome", f"{row.outcome} by {row.specialist}" + (f" with {row.model}" if row.model else "")),
            ("evidence", f"{row.level}" + (" (verified)" if row.verified else "")),
            ("took", f"{row.total_us / 1000:.1f} ms, {row.first_us / 1000:.1f} to the first token"),
            ("tokens", f"{row.prompt_tokens} in, {row.completion_tokens} out"),
            ("cost", f"{money.dollars(row.cost_usd_micros)} USD" + (", escalated" if row.escalated else "")),
            *(
                (
                    f"call {charge.hop}",
                    f"{charge.provider}/{charge.deployment}: {charge.outcome}, {money.dollars(charge.cost_usd_micros)} USD",
                )
                for charge in charges
            ),
            ("generation", row.generation),
        ]
    )


def _plain(value: Any) -> str:
    """Return a value of a log for a terminal: in one line, and without what would steer it."""
    text = value if isinstance(value, str) else json.dumps(value)
    return "".join(letter if letter.isprintable() else "�" for letter in text)[:_FIELD_CHARS_MAX]
