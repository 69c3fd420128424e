"""sentinel: watch one process for leaks, from beside it."""

import dataclasses
import signal
import threading
from typing import Any

import click
import orjson

from council import homes
from council.cli import options
from council.domain import errors
from council.kit import reading
from council.upkeep.sentinels import findings, sidecar


@click.command()
@click.option("--service", envvar="SERVICE_NAME", required=True, help="Name in gauges and findings [SERVICE_NAME].")
@click.option("--pid", type=click.IntRange(1), required=True, help="The process.")
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
@options.as_json
def sentinel(service: str, pid: int, sample_s: float, port: int, as_json: bool) -> None:
    """Watch any process for leaks of memory, descriptors, threads, children and sockets.

    Prints findings as they come and ends with the process, which is left as it is. Ctrl-C detaches.
    """
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
        ended = sidecar.watch(service, who, homes.default_sentinels(), sample_s, page.publish, tell, stop)
        if not as_json:
            click.echo(f"Process {pid} has ended." if ended else "Detached.")
    finally:
        page.close()


def _tell(finding: findings.Finding) -> None:
    value = "" if finding.value is None else f" {finding.value:.3g} {finding.unit}".rstrip()
    urgency = "" if finding.urgency == "none" else f" ({finding.urgency})"
    next_step = f" {finding.look_next}" if finding.look_next else ""
    click.echo(f"{finding.verdict}{urgency}: {finding.service} {finding.sentinel}{value}. {finding.reason}{next_step}")


def _tell_json(finding: findings.Finding) -> None:
    row: dict[str, Any] = dataclasses.asdict(finding)
    click.echo(orjson.dumps(row))
