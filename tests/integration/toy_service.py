"""A service for the supervisor's tests: `toy_service.py MODE`.

plain: says ready, ends on SIGTERM. late: never says ready. stubborn: ignores SIGTERM. failing: ends at once.
parent: leaves a child behind in its group. caller: carries out commands to the supervisor that it takes on its socket.
pong: never says ready but answers PING on a Unix socket of its own. leaking: keeps memory, and can be traced.
hanging: says ready, stirs once and no more, and ignores SIGTERM. mute: the same, and never stirs.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from council.backends.runtime import local
from council.domain import errors, home
from council.services import harness, tracing


def main() -> None:
    mode, root = sys.argv[1], Path(sys.argv[2])
    if mode == "command":
        print(asyncio.run(command(root, json.loads(sys.argv[3]))))
        return
    signal.signal(signal.SIGTERM, signal.SIG_IGN if mode in ("stubborn", "hanging", "mute") else lambda *_: sys.exit(0))
    environment = harness.begin("toy", traceable=mode == "leaking")
    print(f"started {environment.name} {environment.generation}", flush=True)
    if mode == "failing":
        raise SystemExit(7)
    if mode == "parent":
        (root / "grandchild").write_text(str(subprocess.Popen(["sleep", "600"]).pid))
    if mode == "leaking":
        harness.setup_logging(environment.name)
        tracing.listen(1.0)
    if mode == "pong":
        pong(root / "run" / "pong.sock")
    if mode in ("hanging", "mute"):
        assert environment.ready_line is not None
        for _ in range(2 if mode == "hanging" else 1):
            environment.ready_line.stir()
    elif mode != "late":
        environment.ready()
    if mode == "caller":
        serve_calls(environment.sockets["calls"], root)
    kept: list[bytes] = []
    while mode == "leaking":
        kept.append(b"x" * 10_000 + str(len(kept)).encode())
        time.sleep(0.01)
    while True:
        signal.pause()


def pong(path: Path) -> None:
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        for answer in (b"-LOADING\r\n", b"+PONG\r\n"):
            connection, _ = listener.accept()
            with connection:
                assert connection.recv(100) == b"PING\r\n"
                connection.sendall(answer)


def serve_calls(listener: socket.socket, root: Path) -> None:
    listener.setblocking(True)
    while True:
        connection, _ = listener.accept()
        with connection:
            request = json.loads(connection.recv(4096))
            connection.sendall(answer_of(request, root).encode())


def answer_of(request: dict[str, Any], root: Path) -> str:
    through = request.pop("through")
    if through == "self":
        return asyncio.run(command(root, request))
    argv = [sys.executable, __file__, "command", str(root), json.dumps(request)]
    if through == "child":
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
    # An orphan in a session of its own: its parent ends before it asks.
    out = root / "orphan"
    out.unlink(missing_ok=True)
    middle = os.fork()
    if middle == 0:
        os.setsid()
        if os.fork() == 0:
            while os.getppid() == middle:
                pass
            with out.with_suffix(".tmp").open("w") as file:
                subprocess.run(argv, stdout=file, check=True)
            out.with_suffix(".tmp").rename(out)
        os._exit(0)
    os.waitpid(middle, 0)
    while not out.exists():
        os.sched_yield()
    return out.read_text().strip()


async def command(root: Path, request: dict[str, Any]) -> str:
    runtime = local.LocalRuntime(home.Home(root))
    name = request.pop("command")
    try:
        await getattr(runtime, name)(**request)
    except errors.CouncilError as error:
        return error.code
    return "ok"


if __name__ == "__main__":
    main()
