"""The way of an alert through a real Prometheus and Alertmanager, by the files that Council writes, to a webhook.

Two lines of those files are changed: the address of Alertmanager, and a receiver for what it sends.
"""

import asyncio
import contextlib
import dataclasses
import datetime
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml
from aiohttp import web

import detection_faults as faults
import detection_notices
from council.domain import home as home_module

TARGET_S = 120.0
_PROGRAMS = ("prometheus", "prometheus-alertmanager")
_READY_S = 30.0
# By which alerts of the generated rules a fault is known where they are not those of the embedded ones.
_TOLD = {"service hung": ("service_down svc={svc}",), "stale metrics": ("service_down svc={svc}",)}
# Alerts of a service, and not of the whole house.
_OF_SERVICES = frozenset({"service_down", "metrics_stale", "descriptors", "memory"})


def kinds(chosen: Sequence[faults.Kind]) -> list[faults.Kind]:
    """Return the kinds as Prometheus calls them."""
    return [
        dataclasses.replace(
            kind,
            told=_TOLD.get(kind.name, kind.told),
            effects=kind.effects | {"service_down"},
            target_s=TARGET_S,
        )
        for kind in chosen
    ]


class Webhook(detection_notices.Heard):
    """Takes what Alertmanager sends."""

    def __init__(self, port: int):
        super().__init__()
        self._port = port

    async def follow(self) -> None:
        """Listen until cancelled."""
        served = web.Application()
        served.router.add_post("/", self._take)
        runner = web.AppRunner(served, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", self._port).start()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.json()
        alerts = []
        for one in body["alerts"]:
            labels = one["labels"]
            of_service = labels.get("svc") if labels["alertname"] in _OF_SERVICES else ""
            title = faults.titled(labels["alertname"] + (f" svc={of_service}" if of_service else ""))
            if one["status"] == "firing":
                self.firing.add(title)
                alerts.append((title, datetime.datetime.fromisoformat(one["startsAt"]).timestamp()))
            else:
                self.firing.discard(title)
        names = ", ".join(title for title, _ in alerts) or "resolved"
        self.told.append(detection_notices.Told(body["status"], body["groupKey"], names, tuple(alerts), time.time()))
        return web.Response()


@contextlib.contextmanager
def running(where: home_module.Home, port: int, webhook_port: int) -> Iterator[None]:
    """Run both over the files in the home. Raises CannotError where they are not installed."""
    missing = [one for one in _PROGRAMS if shutil.which(one) is None]
    if missing:
        raise faults.CannotError(f"{' and '.join(missing)} are not installed")
    routes = yaml.safe_load((where.monitoring / "alertmanager.yml").read_text())
    routes["receivers"][0]["webhook_configs"] = [{"url": f"http://127.0.0.1:{webhook_port}/", "send_resolved": True}]
    scrapes = yaml.safe_load((where.monitoring / "prometheus.yml").read_text())
    scrapes["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [f"127.0.0.1:{port + 1}"]}]}]
    made = {"bench-alertmanager.yml": routes, "bench-prometheus.yml": scrapes}
    for name, content in made.items():
        (where.monitoring / name).write_text(yaml.safe_dump(content))
    # Not on the small disk that is watched: Prometheus' own files would make it grow.
    data = where.root.parent / "outside"
    commands = [
        [
            "prometheus-alertmanager", f"--config.file={where.monitoring / 'bench-alertmanager.yml'}",
            f"--storage.path={data / 'a'}", f"--web.listen-address=127.0.0.1:{port + 1}", "--cluster.listen-address=",
        ],
        [
            "prometheus", f"--config.file={where.monitoring / 'bench-prometheus.yml'}",
            f"--storage.tsdb.path={data / 'p'}", f"--web.listen-address=127.0.0.1:{port}",
        ],
    ]  # fmt: skip
    with contextlib.ExitStack() as stack:
        for command in commands:
            stack.callback(_stop, _start(command, where.logs / f"{command[0]}.log"))
        _until_ready([port, port + 1])
        yield


def _start(command: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as output:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)


def _stop(popen: "subprocess.Popen[bytes]") -> None:
    popen.terminate()
    try:
        popen.wait(15)
    except subprocess.TimeoutExpired:
        popen.kill()
        popen.wait()


def _until_ready(ports: Sequence[int]) -> None:
    deadline_s = time.monotonic() + _READY_S
    for port in ports:
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=2):
                break
            if time.monotonic() > deadline_s:
                raise faults.CannotError(f"nothing is ready on port {port}; see its log in the home")
            time.sleep(0.2)
