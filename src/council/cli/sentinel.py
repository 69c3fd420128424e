"""sentinel: watch one process for leaks, from beside it; trace: name the lines of a service that keep memory."""

import asyncio
import dataclasses
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import orjson

from council import care_app, homes
from council.cli import options
from council.domain import errors
from council.domain import home as home_module
from council.kit import reading
from council.services import tracing
from council.upkeep.sentinels import findings, sidecar

# Beyond the trace itself: a busy service is slow to put it together.
_TRACE_LATE_S = 30.0
_LOOK_S = 0.5
# More than a trace writes; a log that grew by more than this has turned over many lines of other things.
_LOG_BYTES_MAX = 1 << 22


@click.group(invoke_without_command=True)
@click.option("--service", envvar="SERVICE_NAME", help="Name in gauges and findings [SERVICE_NAME].")
@click.option("--pid", type=click.IntRange(1), help="The process.")
@click.option(
    "--sample-s",
    envvar="SAMPLE_SEC",
    type=click.FloatRange(1, 20),
    default=15.0,
    help="Seconds between samples [SAMPLE_SEC, 15].",
)
@click.option(
    "--port", type=click.IntRange(1, 65_535), default=9502, help="Gauges are served here, on loopback [9502]."
)
@options.home
@options.as_json
@click.pass_context
def sentinel(
    context: click.Context,
    service: str | None,
    pid: int | None,
    sample_s: float,
    port: int,
    where: home_module.Home,
    as_json: bool,
) -> None:
    """Watch any process for leaks of memory, descriptors, threads, children and sockets.

    Prints findings as they come and ends with the process, which is left as it is. Ctrl-C detaches. Where Council runs, its
    watcher hears of them, and alerts come as for its own services.
    """
    if context.invoked_subcommand is not None:
        return
    if service is None or pid is None:
        raise click.UsageError("Say what to watch: council sentinel --service NAME --pid PID.")
    who = reading.identity(pid)
    if who is None:
        raise errors.InvalidRequestError(f"No process {pid} runs. Find its pid with: ps -e -o pid,comm")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        page = sidecar.Page(port)
    except OSError as error:
        raise errors.InvalidRequestError(
            f"Port {port} cannot be opened: {error.strerror}. Give another --port."
        ) from error
    try:
        if not as_json:
            click.echo(f"Watching {service} (process {pid}); gauges at http://127.0.0.1:{page.port}/metrics")
        tell = _tell_json if as_json else _tell
        reporter = _Reporter(service, where, as_json)
        rules = homes.default_sentinels()
        ended = sidecar.watch(service, who, rules, sample_s, page.publish, tell, stop, reporter.report)
        reporter.leave()
        if not as_json:
            click.echo(f"Process {pid} has ended." if ended else "Detached.")
    finally:
        page.close()


class _Reporter:
    """Tells the watcher of a Council that runs what is found, and goes on without one."""

    def __init__(self, service: str, where: home_module.Home, quiet: bool):
        self._service, self._watch, self._quiet = service, care_app.watch(where), quiet
        self._heard = False

    def report(self, found: Sequence[findings.Finding]) -> None:
        """Tell it all. Raises InvalidRequestError where the watcher does not take the name."""
        heard = self._tell(found, ended=False)
        if heard and not self._heard and not self._quiet:
            click.echo("Council's watcher hears of it, and alerts come as for its own services.")
        self._heard = self._heard or heard

    def leave(self) -> None:
        """Tell that nobody watches the process any more."""
        if self._heard:
            self._tell((), ended=True)

    def _tell(self, found: Sequence[findings.Finding], *, ended: bool) -> bool:
        try:
            asyncio.run(self._watch.report(self._service, [findings.shown(one) for one in found], ended=ended))
        except errors.WatcherUnavailableError:
            return False
        return True


@sentinel.command()
@click.argument("service")
@options.home
@options.as_json
def trace(service: str, where: home_module.Home, as_json: bool) -> None:
    """Show which lines of the Python code of SERVICE keep memory, after half a minute of tracing.

    It sees what is allocated in that time, so the service should do then what makes it grow.
    """
    log_file = where.logs / f"{service}.log"
    runtime = care_app.runtime(where)
    replicas = sum(row.name.partition(":")[0] == service for row in asyncio.run(runtime.status()))
    begins_at = log_file.stat().st_size if log_file.exists() else 0
    asyncio.run(runtime.trace(service))
    if not as_json:
        click.echo(f"Tracing {service} for {tracing.TRACE_S:.0f} s.")
    rows: list[dict[str, Any]] = []
    for row in _lines_of(log_file, begins_at, max(1, replicas)):
        rows.append(row)
        if not as_json:
            click.echo(_told(row))
    if as_json:
        options.print_json({"service": service, "log": rows})


def _lines_of(log_file: Path, begins_at: int, ends: int) -> Iterator[dict[str, Any]]:
    """Yield the lines of the traces that are logged from a place on, until as many have ended as there are processes."""
    last_s = time.monotonic() + tracing.TRACE_S + _TRACE_LATE_S
    left = b""
    while time.monotonic() < last_s:
        time.sleep(_LOOK_S)
        if log_file.stat().st_size < begins_at:
            begins_at = 0  # it was turned over
        with log_file.open("rb") as file:
            file.seek(begins_at)
            came = file.read(_LOG_BYTES_MAX)
        begins_at += len(came)
        *whole, left = (left + came).split(b"\n")
        for line in whole:
            row = _row(line)
            if row.get("message") in (tracing.LINE, tracing.END):
                yield row
                ends -= row["message"] == tracing.END
        if ends <= 0:
            return
    raise errors.UnavailableError(f"No trace came within a minute. See {log_file}, and whether it restarts.")


def _row(line: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _told(row: dict[str, Any]) -> str:
    if row["message"] == tracing.LINE:
        return f"{row['kept_bytes'] / 1000:10,.1f} kB in {row['kept_blocks']} blocks  {row['path']}:{row['line']}"
    if "refused" in row:
        return f"Not traced: {row['refused']}."
    short = ", cut short since so much was allocated" if row.get("is_short") else ""
    kept = f"{row['kept_bytes'] / 1000:,.1f} kB in {row['took_s']} s"
    return f"Lines that kept more and more: {row['lines']}. All kept {kept}{short}."


def _tell(finding: findings.Finding) -> None:
    value = "" if finding.value is None else f" {finding.value:.3g} {finding.unit}".rstrip()
    urgency = "" if finding.urgency == "none" else f" ({finding.urgency})"
    next_step = f" {finding.look_next}" if finding.look_next else ""
    click.echo(f"{finding.verdict}{urgency}: {finding.service} {finding.sentinel}{value}. {finding.reason}{next_step}")


def _tell_json(finding: findings.Finding) -> None:
    row: dict[str, Any] = dataclasses.asdict(finding)
    click.echo(orjson.dumps(row))
