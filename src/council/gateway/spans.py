"""The trace of an exchange: where it begins, what its root says, and how it is told in the log.

Names and attributes are those of OpenTelemetry's conventions for HTTP servers; nothing that was asked or answered is there.
"""

import functools
from collections.abc import Mapping
from typing import Any

from starlette.types import Scope

from council import ports
from council.domain import tracing
from council.kit import trace_lines, traces

_TRACEPARENT = b"traceparent"
SERVICE = "gateway"
_SERVER_ERROR = 500
_NOT_LET_IN = frozenset({401, 403, 429})


class Tracing:
    """Follows exchanges. `share` of them where their callers have not decided; `take` gets every span that has ended."""

    def __init__(self, share: float, take: traces.Take):
        self._share = share
        self._take = take

    def begin(self, scope: Scope, route: str, method: str, request_id: str) -> traces.Trace:
        """Return the trace that an exchange belongs to, its root begun."""
        parents = [value for name, value in scope["headers"] if name == _TRACEPARENT]
        # Several of them say nothing, by the standard.
        parent = traces.parse(parents[0].decode("latin-1")) if len(parents) == 1 else None
        trace = traces.Trace(parent, SERVICE, self._share, self._take)
        trace.open(*_root(method, route, scope["scheme"])).note("council.request_id", request_id)
        return trace


def of(settings: tracing.TracingConfig, tracer: ports.Tracer) -> Tracing | None:
    """Return what follows exchanges, None where nothing does."""
    return Tracing(settings.sample_ratio, tracer.take) if settings.on else None


@functools.lru_cache(maxsize=1024)
def _root(method: str, route: str, scheme: str) -> tuple[str, traces.Kind, Mapping[str, traces.Value]]:
    """Return name, kind and attributes of a root. Its arguments come from closed sets."""
    name, known = ("HTTP", "_OTHER") if method == "other" else (method, method)
    attributes = {"http.request.method": known, "http.route": route, "url.scheme": scheme}
    return f"{name} {route}", traces.Kind.SERVER, attributes


def end(trace: traces.Trace, status: int, failure: str) -> None:
    """End the root: `status` is 0 where nobody was told any, `failure` the code of an error that the status does not tell."""
    root = trace.root
    if status in _NOT_LET_IN:
        # A caller's word on what is kept counts once it is known who calls.
        trace.drop()
    if status:
        root.note("http.response.status_code", status)
    if trace.left_out:
        root.note("council.spans_left_out", trace.left_out)
    if failure:
        root.fail(failure)
    elif status >= _SERVER_ERROR:
        root.fail(str(status))
    root.end()


def told(trace: traces.Trace) -> dict[str, Any]:
    """Return what the log is told of a trace, beside its id."""
    return trace_lines.shown(trace) if trace.kept else {}
