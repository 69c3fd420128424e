"""Watches one process from beside it: samples, serves the gauges, tells what changes, ends with the process.

Nothing is changed in the process, and it need not be one of Council's. Gauges are written by hand, since they are not this
process's own: those of `telemetry` would come with all that Council counts.
"""

import dataclasses
import http.server
import threading
import time
from collections.abc import Callable, Sequence

from council.domain import gates, sentinels
from council.kit import process, reading
from council.upkeep.sentinels import findings, house, one_process

_MB = 1_000_000
_REQUEST_S = 5.0

Tell = Callable[[findings.Finding], None]


def watch(
    service: str,
    who: process.Stat,
    rules: Sequence[sentinels.Sentinel],
    sample_s: float,
    publish: Callable[[str], None],
    tell: Tell,
    stop: threading.Event,
    report: Callable[[Sequence[findings.Finding]], None] = lambda _: None,
) -> bool:
    """Sample until the process ends or `stop` is set, memory more often; return whether it ended.

    `publish` gets the gauges as text after each sample and `report` every finding, `tell` each finding whose verdict or
    urgency is new; the first sample tells only what is amber or red.
    """
    watched = house.House(one_process.rules_of(rules))
    began_s = time.monotonic() - reading.age_s(who)
    told: dict[str, tuple[gates.Verdict, findings.Urgency]] = {}
    looks, due_s = reading.Looks(who), 0.0
    while True:
        time_s = time.monotonic()
        if time_s >= due_s:
            due_s = time_s + sample_s
            seen = looks.read(time_s)
            if seen is None:
                return True
            gpu = reading.gpu_bytes(who.pid)
            found = _dated(watched.take(one_process.sighting(service, time_s, began_s, seen, gpu)), time_s)
            publish(metrics(service, seen, gpu, found))
            report(found)
        else:
            heap = reading.heap_bytes(who)
            if heap is None:
                return True
            known = {} if isinstance(heap, reading.Unknown) else {"heap_mb": heap / _MB}
            found = _dated(watched.glance(service, time_s, known), time_s)
        for finding in found:
            now = (finding.verdict, finding.urgency)
            before = told.get(finding.sentinel)
            told[finding.sentinel] = now
            calm = finding.urgency == "none" and (before is None or before[1] == "none")
            if now != before and not calm:
                tell(finding)
        next_s = min(due_s, time_s + house.GLANCE_S)
        if stop.wait(max(0.0, next_s - time.monotonic())):
            return False


def _dated(found: Sequence[findings.Finding], time_s: float) -> list[findings.Finding]:
    """Return findings with times of the calendar, for people; they are made by a clock that is never set."""
    ahead_s = time.time() - time_s
    return [dataclasses.replace(one, since_s=one.since_s + ahead_s) for one in found]


def metrics(service: str, seen: reading.Reading, gpu: int | reading.Unknown, found: Sequence[findings.Finding]) -> str:
    """Return the gauges in Prometheus text form. What is unknown has no sample but a comment that says why."""
    label = service.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    lines: list[str] = []

    def gauge(name: str, help_text: str, value: int | reading.Unknown, unit: int = 1) -> None:
        if isinstance(value, reading.Unknown):
            lines.append(f"# {name} is absent: {value.reason}.")
            return
        lines.extend(
            [f"# HELP {name} {help_text}", f"# TYPE {name} gauge", f'{name}{{svc="{label}"}} {value / unit:.9g}']
        )

    gauge("heap_mb", "Anonymous memory, swapped out or not, in millions of bytes.", seen.heap_bytes, _MB)
    gauge("rss_mb", "Resident memory, in millions of bytes.", seen.resident_bytes, _MB)
    gauge("uss_mb", "Memory of this process alone, in millions of bytes.", seen.private_bytes, _MB)
    gauge("cuda_alloc_mb", "GPU memory, in millions of bytes.", gpu, _MB)
    gauge("open_fds_total", "Open descriptors.", seen.open_fds)
    gauge("fd_soft_limit", "Soft limit of open descriptors.", seen.fd_soft_limit)
    gauge("sockets_total", "Open sockets.", seen.sockets)
    gauge("temp_files_total", "Open files without a name, or in a folder for temporary files.", seen.temp_files)
    gauge("threads_total", "Threads.", seen.threads)
    gauge("children_total", "Children.", seen.children)
    gauge("zombies_total", "Children that ended and that nobody collected.", seen.zombies)
    lines += [
        "# HELP sentinel_verdict 0 green, 1 amber, 2 red, 3 unknown; absent where it does not apply.",
        "# TYPE sentinel_verdict gauge",
        *(
            f'sentinel_verdict{{svc="{label}",sentinel="{one.sentinel}"}} {gates.LEVELS[one.verdict]}'
            for one in found
            if one.verdict in gates.LEVELS
        ),
    ]
    return "\n".join(lines) + "\n"


class Page:
    """The gauges of the last sample at http://127.0.0.1:PORT/metrics; one request at a time. Close it in the end."""

    def __init__(self, port: int):
        """Raise OSError if the port is taken. Port 0 takes a free one; `port` says which."""
        self._text = ""

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = _REQUEST_S
            page = self

            def do_GET(self) -> None:
                found = self.path == "/metrics"
                body = self.page._text.encode() if found else b"Gauges are at /metrics.\n"
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.HTTPServer(("127.0.0.1", port), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def publish(self, text: str) -> None:
        """Replace what is served."""
        self._text = text

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
