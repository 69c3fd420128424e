"""Memory at rest: each service of a whole Council, and the peers' gateways, a few seconds after they were ready."""

import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import councils
import figures
import linux
from council.domain import home as home_module
from peers import processes

GATEWAY_TARGET_MB = 90.0
_REST_S = 10.0
_PORTS = {"gateway": 0, "model": 5, "recall": 6}

Say = Callable[[str], None]


def run(port: int, with_peers: bool, say: Say) -> list[figures.Row]:
    """Take every figure of this part."""
    with councils.folder() as folder:
        say("memory: a whole Council")
        rows = _ours(councils.prepare(folder / "h", port), port)
        if with_peers:
            rows += _peers(folder, port, say)
    return rows


def _ours(where: home_module.Home, port: int) -> list[figures.Row]:
    with councils.running(where, port) as council:
        time.sleep(_REST_S)
        children = json.loads((where.run / "children.json").read_text())["children"]
        pids = {"supervisor": council.process.pid, **{child["service"]: child["pid"] for child in children}}
        rows = [
            _row(
                f"{name}, idle",
                figures.OURS,
                pid,
                GATEWAY_TARGET_MB if name == "gateway" else None,
                port,
                alone=name == "supervisor",
            )
            for name, pid in pids.items()
        ]
    total = sum(row.value or 0.0 for row in rows)
    return [*rows, figures.Row("all of it, idle", figures.OURS, total, "MB", note="the model's weights included")]


def _row(figure: str, subject: str, pid: int, target: float | None, port: int, *, alone: bool = False) -> figures.Row:
    """PSS where the kernel lets us look, else what the service says about itself, else the resident set from outside."""
    found = linux.proportional_bytes(pid) if not alone else _alone(pid)
    if found is not None:
        return figures.Row(figure, subject, found / 1e6, "MB", target, note="PSS with children" if not alone else "PSS")
    said = _self_reported(figure.partition(",")[0], port)
    if said is not None:
        return figures.Row(figure, subject, said / 1e6, "MB", target, note="resident, by its own /metrics")
    return figures.Row(figure, subject, linux.resident_bytes(pid) / 1e6, "MB", target, note="resident, from outside")


def _alone(pid: int) -> int | None:
    try:
        lines = Path("/proc", str(pid), "smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), None)


def _self_reported(service: str, port: int) -> float | None:
    if service not in _PORTS:
        return None
    with urllib.request.urlopen(f"http://127.0.0.1:{port + _PORTS[service]}/metrics", timeout=5) as response:
        for line in response.read().decode().splitlines():
            if line.startswith(f'council_process_resident_bytes{{svc="{service}"'):
                return float(line.rpartition(" ")[2])
    return None


def _peers(folder: Path, port: int, say: Say) -> list[figures.Row]:
    upstream = f"http://127.0.0.1:{port + 5}"
    starts: dict[str, Callable[[], processes.Peer]] = {
        processes.PASS_THROUGH: lambda: processes.pass_through(port, upstream),
        processes.LITELLM: lambda: processes.litellm(port, upstream, folder),
    }
    rows = []
    for name, start in starts.items():
        say(f"memory: {name}")
        try:
            peer = start()
        except processes.UnavailableError as error:
            rows.append(figures.Row("gateway, idle", name, None, "MB", note=str(error)))
            continue
        try:
            time.sleep(_REST_S)
            rows.append(_row("gateway, idle", name, peer.pid, None, port))
        finally:
            peer.close()
    return rows
