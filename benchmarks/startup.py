"""From nothing to ready: the gateway process, the second `make up`, the first one with cached wheels; peers beside."""

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import councils
import figures
from council.domain import home as home_module
from peers import processes

GATEWAY_TARGET_S = 1.0
SECOND_UP_TARGET_S = 5.0
FIRST_UP_TARGET_S = 15.0

Say = Callable[[str], None]


def run(port: int, rounds: int, with_peers: bool, say: Say) -> list[figures.Row]:
    """Take every figure of this part, in copies of this working tree, so that its own environment is not touched."""
    with councils.folder() as folder:
        tree = folder / "tree"
        way, more = ("uv", ()) if shutil.which("uv") else ("pip", ("SETUP=--pip",))
        copy_working_tree(tree)
        say(f"startup: first make up by {way}, to fill its cache: {_make_up(tree, folder / 'h0', port, *more):.1f} s")
        shutil.rmtree(tree)
        copy_working_tree(tree)
        took_s = _make_up(tree, folder / "h1", port, *more)
        say(f"startup: first make up by {way}: {took_s:.1f} s")
        note = "new clone, environment and home; wheels cached, model prepared"
        target_s = FIRST_UP_TARGET_S if way == "uv" else None
        rows = [
            figures.median(f"first make up, {way}", figures.OURS, [took_s], "s", target_s, note),
            _second_up(tree, folder / "h1", port, max(rounds, 5), say),
            *_gateway(tree, home_module.Home(folder / "h1"), port, max(rounds, 7), say),
        ]
        if with_peers:
            rows += _peers(tree, folder, port, rounds, say)
        if way == "uv":
            rows.insert(1, _first_by_pip(folder, port, say))
    return rows


def _first_by_pip(folder: Path, port: int, say: Say) -> figures.Row:
    copy_working_tree(folder / "pip0")
    say(f"startup: set-up by pip, to fill its cache: {_pip_set_up(folder / 'pip0'):.1f} s")
    shutil.rmtree(folder / "pip0")
    copy_working_tree(folder / "pip")
    took_s = _make_up(folder / "pip", folder / "h2", port, "SETUP=--pip")
    say(f"startup: first make up by pip: {took_s:.1f} s")
    return figures.median("first make up, pip", figures.OURS, [took_s], "s", note="the same with SETUP=--pip")


def _gateway(tree: Path, where: home_module.Home, port: int, rounds: int, say: Say) -> list[figures.Row]:
    spec = councils.service_specs(where, port)["gateway"]
    line_s, answer_s = [], []
    for number in range(rounds):
        service = councils.start_service(where, spec, tree / ".venv" / "bin" / "python")
        try:
            line_s.append(service.until_ready())
            # The listening socket is open from the start, so a first request could wait in it; this one asks at once.
            while not processes.answers(f"http://127.0.0.1:{port}/readyz"):
                time.sleep(0.005)
            answer_s.append(time.monotonic() - service.started_s)
        finally:
            service.close()
        say(f"startup: gateway {number + 1}/{rounds}: {answer_s[-1]:.2f} s")
    note = "from exec, alone, in the environment of that `make up`"
    return [
        figures.median("gateway: first 200 of /readyz", figures.OURS, answer_s, "s", GATEWAY_TARGET_S, note),
        figures.median("gateway: ready line", figures.OURS, line_s, "s", None, note),
    ]


def _peers(tree: Path, folder: Path, port: int, rounds: int, say: Say) -> list[figures.Row]:
    figure = "gateway: first 200 of /readyz"
    upstream, python = f"http://127.0.0.1:{port + 5}", str(tree / ".venv" / "bin" / "python")
    starts: dict[str, tuple[int, str, Callable[[], processes.Peer]]] = {
        processes.PASS_THROUGH: (rounds, "its /livez", lambda: processes.pass_through(port, upstream, python)),
        processes.LITELLM: (
            min(rounds, 3),
            "its /health/liveliness",
            lambda: processes.litellm(port, upstream, folder),
        ),
    }
    rows = []
    for name, (times, note, start) in starts.items():
        try:
            # The first start, which may make an environment and writes bytecode, is not counted.
            start().close()
            took_s = []
            for number in range(times):
                peer = start()
                peer.close()
                took_s.append(peer.ready_s)
                say(f"startup: {name} {number + 1}/{times}: {peer.ready_s:.2f} s")
            rows.append(figures.median(figure, name, took_s, "s", note=note))
        except processes.UnavailableError as error:
            rows.append(figures.Row(figure, name, None, "s", note=str(error)))
    return rows


def _second_up(tree: Path, home: Path, port: int, rounds: int, say: Say) -> figures.Row:
    took_s = []
    for number in range(rounds):
        took_s.append(_make_up(tree, home, port))
        say(f"startup: second make up {number + 1}/{rounds}: {took_s[-1]:.2f} s")
    note = "to the line `ready http://...`, every part ready"
    return figures.median("second make up", figures.OURS, took_s, "s", SECOND_UP_TARGET_S, note)


def _make_up(tree: Path, home: Path, port: int, *more: str) -> float:
    """Return the seconds from `make up` to its ready line; what it started is stopped again."""
    command = ["make", "up", f"ARGS=--home {home} --port {port}", *more]
    log = tree.with_suffix(".log")
    up = councils.Foreground(command, log, councils.environment(), tree)
    try:
        return up.until_ready(600)
    finally:
        stop_make(up, home)


def stop_make(up: councils.Foreground, home: Path) -> None:
    """Stop through the command socket: make itself, unlike a terminal's Ctrl-C, passes no signal on."""
    down = [*councils.COMMAND, "down", "--home", str(home)]
    subprocess.run(down, check=False, capture_output=True, env=councils.environment())
    up.stop()


def _pip_set_up(tree: Path) -> float:
    started_s = time.monotonic()
    command = ["python3", "tools/setup_env.py", "--pip"]
    subprocess.run(command, check=True, cwd=tree, env=councils.environment(), capture_output=True)
    return time.monotonic() - started_s


def copy_working_tree(target: Path) -> None:
    """Copy what git tracks or would track, as a clone of the next commit would have it."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=figures.ROOT, check=True, capture_output=True
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        source = figures.ROOT / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
