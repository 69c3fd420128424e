"""Spans to a collector by OTLP over HTTP, with OpenTelemetry's own exporter, from a thread of its own.

Whoever hands a span over never waits. What waits here is bounded, what there is no room for is dropped, and both are counted.
It tries again where the collector asks for that or cannot be reached, within `tracing.send_s`; meanwhile spans wait.
OpenTelemetry's own batching is not used: at a stop it waits for a collector that is away for half a minute.
"""

import collections
import functools
import logging
import threading
import time
from collections.abc import Mapping, Sequence

import requests
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

import council
from council import telemetry
from council.domain import tracing
from council.kit import traces

_log = logging.getLogger(__name__)

CLOSE_S = 2.0
# A collector that is away is logged once in this time, and not for each sending.
_SAID_EVERY_S = 60.0
_LIBRARY = "opentelemetry"
_SCOPE = InstrumentationScope("council", council.__version__)
_KEPT = trace.TraceFlags(trace.TraceFlags.SAMPLED)
_KINDS = {
    traces.Kind.INTERNAL: trace.SpanKind.INTERNAL,
    traces.Kind.SERVER: trace.SpanKind.SERVER,
    traces.Kind.CLIENT: trace.SpanKind.CLIENT,
}


class OtlpTracer:
    """Implements ports.Tracer. Threads begin with `start`."""

    def __init__(self, settings: tracing.TracingConfig, headers: Mapping[str, str]):
        self._settings = settings
        session = requests.Session()
        # No proxies, passwords or certificates from the environment: the settings say where spans go.
        session.trust_env = False
        self._exporter = OTLPSpanExporter(
            endpoint=tracing.url(settings),
            certificate_file=settings.ca_file or None,
            headers={"user-agent": f"council/{council.__version__}", **headers},
            timeout=settings.send_s,
            compression=Compression.Gzip,
            session=session,
        )
        # What it logs of a failure may quote a reply; ours says that there is one.
        logging.getLogger(_LIBRARY).setLevel(logging.CRITICAL)
        self._waiting: collections.deque[traces.Span] = collections.deque()
        self._full = threading.Event()
        self._stopping = threading.Event()
        self._said_s: float | None = None
        self._thread = threading.Thread(target=self._run, name="spans", daemon=True)

    def start(self) -> None:
        """Begin to send. After the confinement of the process, which a thread from before would not share."""
        self._thread.start()

    def take(self, span: traces.Span) -> None:
        """Take a span that has ended."""
        waiting = len(self._waiting)
        if waiting >= self._settings.queue_max:
            telemetry.SPANS.labels("dropped").inc()
            return
        self._waiting.append(span)
        # Not for each: to wake a thread costs more than a span does.
        if waiting + 1 == self._settings.batch_max:
            self._full.set()

    def close(self) -> None:
        """Send what waits, within `CLOSE_S`, and end."""
        self._stopping.set()
        self._full.set()
        if not self._thread.is_alive():
            return
        self._thread.join(CLOSE_S)
        # Wakes it from waiting for another try.
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def _run(self) -> None:
        stopping = False
        while not stopping:
            self._full.wait(self._settings.wait_s)
            self._full.clear()
            # Asked before the last look, so that nothing that waits at the end is left.
            stopping = self._stopping.is_set()
            while self._waiting:
                size = min(len(self._waiting), self._settings.batch_max)
                self._send([self._waiting.popleft() for _ in range(size)])

    def _send(self, batch: Sequence[traces.Span]) -> None:
        try:
            sent = self._exporter.export([_readable(span) for span in batch]) is SpanExportResult.SUCCESS
        except Exception as error:  # noqa: BLE001 - whatever a driver raises, those to come are sent
            sent = False
            _log.warning("spans could not be written", extra={"error": type(error).__name__})
        telemetry.SPANS.labels("sent" if sent else "failed").inc(len(batch))
        if sent:
            self._said_s = None
        elif self._said_s is None or time.monotonic() - self._said_s > _SAID_EVERY_S:
            self._said_s = time.monotonic()
            _log.warning("spans could not be sent", extra={"endpoint": tracing.url(self._settings), "lost": len(batch)})


def _readable(span: traces.Span) -> ReadableSpan:
    """Return a span as OpenTelemetry's own libraries have it."""
    trace_id = int(span.trace_id, 16)
    parent = None
    if span.parent_id:
        remote = span.kind is traces.Kind.SERVER
        parent = trace.SpanContext(trace_id, int(span.parent_id, 16), remote, _KEPT)
    attributes, status = span.attributes, None
    if span.error:
        attributes = {**attributes, "error.type": span.error}
        status = trace.Status(trace.StatusCode.ERROR)
    return ReadableSpan(
        name=span.name,
        context=trace.SpanContext(trace_id, int(span.span_id, 16), False, _KEPT),
        parent=parent,
        resource=_service(span.service),
        attributes=attributes,
        kind=_KINDS[span.kind],
        status=status or trace.Status(trace.StatusCode.UNSET),
        start_time=span.began_ns,
        end_time=span.ended_ns,
        instrumentation_scope=_SCOPE,
    )


class _Service(Resource):
    """Who a span is of. Hashed by identity: else each span would have all of it written as JSON."""

    def __hash__(self) -> int:
        return id(self)


@functools.lru_cache(maxsize=32)
def _service(name: str) -> Resource:
    """Return a service, always the same one. OpenTelemetry's detectors would tell the command line and the host as well."""
    return _Service(
        {"service.namespace": "council", "service.name": f"council-{name}", "service.version": council.__version__}
    )
