"""Log lines as JSON objects, one a line, for machines first.

A message is a constant text; what varies goes in `extra`. Foreign text is cut, so one line stays one screen at most.
"""

import contextvars
import datetime
import logging
import sys
import threading
import traceback
from types import TracebackType
from typing import Any

import orjson

from council.kit import traces

TEXT_CHARS_MAX = 500
EXCEPTION_CHARS_MAX = 4_000
FIELDS_MAX = 32
_INT_MAX = 1 << 53

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")
"""The id of the request that is being answered; set it and every log line below carries it."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


def set_up(service: str, replica: int, level: int = logging.INFO) -> None:
    """Send everything that is logged, warned or raised uncaught to stderr as JSON lines. Idempotent."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter(service, replica))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)
    # What no line says need not be found out for each: the caller's file, thread and process.
    logging._srcfile = None  # the documented way
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


class Formatter(logging.Formatter):
    """Turns a record into one JSON object. Never raises: a log line must not break what it reports on."""

    def __init__(self, service: str, replica: int):
        super().__init__()
        self._service = service
        self._replica = replica

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line without its newline."""
        extra = [(key, value) for key, value in vars(record).items() if key not in _STANDARD]
        line: dict[str, Any] = {_cut(key): _plain(value) for key, value in extra[:FIELDS_MAX]}
        moment = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        # Ours come last, so that no extra field can pose as one of them.
        line |= {
            "ts": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "replica": self._replica,
            "logger": record.name,
            "message": _cut(_message(record)),
        }
        if identifier := request_id.get():
            line["request_id"] = _cut(identifier)
        if (trace := traces.current()) is not None:
            line["trace_id"] = trace.trace_id
        if record.exc_info and record.exc_info[0] is not None:
            text = "".join(traceback.format_exception(*record.exc_info))
            # The end names the error, so the beginning is what goes.
            line["exception"] = _storable(text[-EXCEPTION_CHARS_MAX:])
        return orjson.dumps(line).decode()


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - the arguments are foreign, and so is what their conversion may raise
        return str(record.msg)


_HARMLESS = frozenset({int, float, bool, type(None)})


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return _cut(value)
    # An int may be longer than a line, or than JSON's writer takes.
    if type(value) in _HARMLESS and (type(value) is not int or -_INT_MAX < value < _INT_MAX):
        return value
    try:
        encoded = orjson.dumps(value, default=_shown)
    except (TypeError, ValueError):
        return _cut(_shown(value))
    return orjson.loads(encoded) if len(encoded) <= TEXT_CHARS_MAX else _cut(encoded.decode())


def _shown(value: Any) -> str:
    try:
        return _cut(repr(value))
    except Exception:  # noqa: BLE001 - see above
        return f"<{type(value).__name__}>"


def _cut(text: str) -> str:
    return _storable(text if len(text) <= TEXT_CHARS_MAX else text[: TEXT_CHARS_MAX - 1] + "…")


def _storable(text: str) -> str:
    """Return `text` without lone surrogates, which UTF-8 cannot hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("council").critical("uncaught exception", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is not None:
        _log_uncaught(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
