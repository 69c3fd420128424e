"""A collector of traces: takes OTLP over HTTP as OpenTelemetry's own messages define it, and keeps what it was sent."""

import contextlib
import gzip
import http.server
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

PATH = "/v1/traces"


@dataclass(frozen=True)
class Received:
    """A span as it came; ids in hex, `parent_id` empty for none."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    began_ns: int
    ended_ns: int
    attributes: Mapping[str, Any]
    failed: bool
    remote_parent: bool


@dataclass
class Receiver:
    """What came. `statuses` are answered in turn, then 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    spans: list[Received] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def of(self, trace_id: str) -> list[Received]:
        return [span for span in self.spans if span.trace_id == trace_id]

    def wait_for(self, count: int, limit_s: float = 20.0) -> list[Received]:
        """Return the spans once there are so many."""
        deadline_s = time.monotonic() + limit_s
        while len(self.spans) < count:
            assert time.monotonic() < deadline_s, [span.name for span in self.spans]
            time.sleep(0.01)
        return list(self.spans)


@contextlib.contextmanager
def receiving(*statuses: int) -> Iterator[Receiver]:
    """Serve a receiver on a free port of loopback."""
    kept = Receiver(statuses=list(statuses))

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            assert self.path == PATH and self.headers["content-type"] == "application/x-protobuf"
            status = kept.statuses.pop(0) if kept.statuses else 200
            if status == 200:
                body = gzip.decompress(raw) if self.headers["content-encoding"] == "gzip" else raw
                kept.headers.append({name.lower(): value for name, value in self.headers.items()})
                kept.bodies.append(body)
                kept.spans.extend(read(body))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def read(body: bytes) -> Iterator[Received]:
    """Yield the spans of one request."""
    request = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
    for resource in request.resource_spans:
        service = _attributes(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            assert scope.scope.name == "council"
            for span in scope.spans:
                yield Received(
                    service,
                    span.name,
                    trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    _attributes(span.attributes),
                    span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
                    bool(span.flags & trace_pb2.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK),
                )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: common_pb2.AnyValue) -> Any:
    kind = value.WhichOneof("value")
    found = getattr(value, str(kind))
    return [_value(one) for one in found.values] if kind == "array_value" else found
