"""A toy service of two processes, `front` and `back`, in generations behind one public socket, and its supervisor.

    python toy_generations.py supervise ROOT PORT     commands come on ROOT/control.sock, one JSON line each way
    python toy_generations.py front | back            started by the supervisor

`front` answers every request with what it and its `back` were made of; the two must never be of two generations. A generation
that is launched has its `front` wait; `promote` moves the link `current`, has it accept, and has the one before it drain. All
of that is one turn of the supervisor's loop, so that nobody who asks it sees half of it, and one that is killed within begins
anew at the link.
"""

import asyncio
import contextlib
import ctypes
import json
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PIECES = 5
PIECE_S = 0.1
READY_S = 20.0


@dataclass
class Pair:
    """The processes of one generation."""

    back: asyncio.subprocess.Process
    front: asyncio.subprocess.Process


class Supervisor:
    def __init__(self, root: Path, port: int):
        self.root = root
        self.listener = listen(port)
        self.listener.setblocking(False)
        self.pairs: dict[str, Pair] = {}
        # One change after the other: what is being launched can be discarded only when it is there.
        self.changing = asyncio.Lock()

    @property
    def live(self) -> str:
        return (self.root / "current").readlink().name

    async def launch(self, generation: str) -> None:
        if generation in self.pairs:
            return
        value = (self.root / "generations" / generation / "value").read_text()
        path = str(self.root / f"{generation}.sock")
        back = await self._start("back", generation, value, path)
        front = await self._start("front", generation, value, path, str(self.listener.fileno()))
        self.pairs[generation] = Pair(back, front)

    async def _start(self, *arguments: str) -> asyncio.subprocess.Process:
        started = await asyncio.create_subprocess_exec(
            sys.executable, __file__, *arguments, stdin=-1, stdout=-1, pass_fds=[self.listener.fileno()]
        )
        assert started.stdout is not None
        line = await asyncio.wait_for(started.stdout.readline(), READY_S)
        if line != b"ready\n":
            raise OSError(f"{arguments[0]} did not get ready")
        return started

    def promote(self, generation: str) -> None:
        before = self.live
        if before == generation:
            return
        partial = self.root / "current.partial"
        partial.unlink(missing_ok=True)
        partial.symlink_to(Path("generations") / generation)
        partial.rename(self.root / "current")
        self._accept(generation)
        # It finishes what it has, and goes.
        leaving = self.pairs.pop(before)
        leaving.front.terminate()
        asyncio.get_running_loop().create_task(self._gone(leaving))

    async def _gone(self, pair: Pair) -> None:
        await pair.front.wait()
        pair.back.kill()

    def _accept(self, generation: str) -> None:
        stdin = self.pairs[generation].front.stdin
        assert stdin is not None
        stdin.write(b"go\n")

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        if not line:
            # Who asked was killed before it could.
            writer.close()
            return
        request = json.loads(line)
        generation, reply = request.get("generation", ""), {"problem": ""}
        try:
            if request["command"] == "status":
                reply |= {"live": self.live, "running": ",".join(sorted(self.pairs))}
            else:
                async with self.changing:
                    await self.change(request["command"], generation)
        except (OSError, TimeoutError) as error:
            reply["problem"] = str(error) or "it took too long"
        writer.write(json.dumps(reply).encode() + b"\n")
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()

    async def change(self, command: str, generation: str) -> None:
        match command:
            case "launch":
                await self.launch(generation)
            case "promote":
                if generation not in self.pairs:
                    await self.launch(generation)
                self.promote(generation)
            case "discard":
                if generation != self.live and (pair := self.pairs.pop(generation, None)):
                    pair.front.kill()
                    pair.back.kill()

    async def run(self) -> None:
        await self.launch(self.live)
        self._accept(self.live)
        control = self.root / "control.sock"
        control.unlink(missing_ok=True)
        async with await asyncio.start_unix_server(self.handle, str(control)):
            await asyncio.Event().wait()


def listen(port: int) -> socket.socket:
    """Open the public socket; those who got it from a supervisor that was killed may hold it for a moment yet."""
    deadline_s = time.monotonic() + READY_S
    while True:
        try:
            return socket.create_server(("127.0.0.1", port), backlog=512)
        except OSError:
            if time.monotonic() >= deadline_s:
                raise
            time.sleep(0.05)


def command(root: Path, name: str, generation: str = "") -> dict[str, str]:
    """Ask the supervisor. Raises OSError."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(READY_S * 2)
        connection.connect(str(root / "control.sock"))
        connection.sendall(json.dumps({"command": name, "generation": generation}).encode() + b"\n")
        answer = connection.makefile("rb").readline()
    if not answer:
        raise OSError("the supervisor went away")
    return dict(json.loads(answer))


async def back(generation: str, value: str, path: str) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{generation}={value}".encode())
        await writer.drain()
        writer.close()

    Path(path).unlink(missing_ok=True)
    async with await asyncio.start_unix_server(answer, path):
        print("ready", flush=True)
        await (await supervised()).read()


async def supervised() -> asyncio.StreamReader:
    """Return what the supervisor says, which ends with it."""
    stdin = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    return stdin


async def front(generation: str, value: str, path: str, descriptor: str) -> None:
    loop, leaving = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, leaving.set)
    busy: set[asyncio.Task[None]] = set()

    async def answer(connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection)
        pieces = PIECES if await reader.readline() == b"stream\n" else 1
        for _ in range(pieces):
            if pieces > 1:
                await asyncio.sleep(PIECE_S)
            said, end = await asyncio.open_unix_connection(path)
            writer.write(f"{generation}={value} ".encode() + await said.read() + b"\n")
            end.close()
            await writer.drain()
        writer.write(b"end\n")
        await writer.drain()
        writer.close()

    stdin = await supervised()
    print("ready", flush=True)
    if not await stdin.readline():
        return
    listener = socket.socket(fileno=int(descriptor))
    listener.setblocking(False)

    def accept() -> None:
        # At once: whoever was accepted by a task that is then cancelled would be sent away.
        with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
            connection, _ = listener.accept()
            task = loop.create_task(answer(connection))
            busy.add(task)
            task.add_done_callback(busy.discard)

    loop.add_reader(listener, accept)
    await leaving.wait()
    loop.remove_reader(listener)
    await asyncio.gather(*busy)


def main() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    match sys.argv[1]:
        case "supervise":
            asyncio.run(Supervisor(Path(sys.argv[2]), int(sys.argv[3])).run())
        case "back":
            asyncio.run(back(*sys.argv[2:5]))
        case "front":
            asyncio.run(front(*sys.argv[2:6]))


if __name__ == "__main__":
    main()
