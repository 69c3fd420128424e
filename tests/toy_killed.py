"""The toy of `toy_generations` under load, and patches applied to it by `toy_patcher` while this or the supervisor is killed.

What `Toy` asserts must hold after each kill: one generation serves, the one from before or the whole new one, and nothing of
the other is left.
"""

import asyncio
import collections
import random
import socket
import subprocess
import sys
import time
from pathlib import Path

import toy_generations

TESTS = Path(__file__).resolve().parent
PATCHER = [sys.executable, str(TESTS / "toy_patcher.py")]
CALLS = ("fsync", "rename", "write", "sendto", "connect", "mkdir", "unlinkat", "rmdir", "openat")
# How calls fail whose failing ends the process, as when a disk or the supervisor is away.
ERRORS = {"fsync": "EIO", "rename": "ENOSPC", "mkdir": "ENOSPC", "connect": "ECONNREFUSED", "sendto": "EPIPE"}
LIMIT_S = 60.0
EVERY_S = 0.02


class Toy:
    """A toy that serves, and somebody who asks it all the time."""

    def __init__(self, root: Path):
        self.root = root
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        (root / "generations" / "g0").mkdir(parents=True)
        (root / "generations" / "g0" / "value").write_text("good")
        (root / "current").symlink_to("generations/g0")
        self.patches = self.killed = 0
        self.asked: collections.Counter[str] = collections.Counter()
        self.failures: list[str] = []
        self.start()

    def start(self) -> None:
        """Start the supervisor and wait until it takes commands."""
        argv = [sys.executable, str(TESTS / "toy_generations.py"), "supervise", str(self.root), str(self.port)]
        with (self.root / "errors").open("a") as errors:
            self.supervisor = subprocess.Popen(argv, stderr=errors)
        deadline_s = time.monotonic() + LIMIT_S
        while True:
            try:
                self.status()
                return
            except OSError:
                assert time.monotonic() < deadline_s
                time.sleep(0.05)

    def status(self) -> dict[str, str]:
        return toy_generations.command(self.root, "status")

    def run(self, *arguments: str, inject: str = "") -> subprocess.CompletedProcess[str]:
        """Run the patcher, killed where `inject` says."""
        argv = [*PATCHER, str(self.root), *arguments]
        if inject:
            argv = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={inject}", *argv]
        return subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT_S, check=False)

    async def ask(self, kind: str) -> None:
        self.asked[kind] += 1
        try:
            async with asyncio.timeout(LIMIT_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(kind.encode() + b"\n")
                lines = (await reader.read()).decode().splitlines()
                writer.close()
        except (OSError, TimeoutError) as error:
            self.failures.append(repr(error))
            return
        made = {word for line in lines[:-1] for word in line.split()}
        if lines[-1:] != ["end"] or len(made) != 1:
            self.failures.append(repr(lines))

    async def under_load(self, work: "asyncio.Future[None]") -> None:
        asking: set[asyncio.Task[None]] = set()
        count = 0
        while not work.done():
            count += 1
            asking.add(asyncio.create_task(self.ask("stream" if count % 5 == 0 else "plain")))
            await asyncio.sleep(EVERY_S)
        await asyncio.gather(*asking)
        await work

    def apply(self, kind: str, inject: str = "") -> str:
        """Apply a patch of this kind with a kill, and recover; return how it ended."""
        self.patches += 1
        before, target = self.status()["live"], f"g{self.patches}"
        killed = self.run("apply", str(self.patches), kind, inject=inject)
        self.killed += killed.returncode != 0
        recovered = self.run("recover") if killed.returncode else killed
        assert recovered.returncode == 0, recovered.stderr
        after = self.status()
        assert after["live"] in {before, target} and after["running"] == after["live"], after
        assert kind == "good" or after["live"] == before, after
        assert (self.root / "generations" / after["live"] / "value").exists()
        left = {folder.name for folder in (self.root / "generations").iterdir() if folder.name.startswith(".")}
        assert not left
        return recovered.stdout.strip()

    def close(self) -> None:
        """End it all."""
        self.supervisor.kill()
        self.supervisor.wait()


def calls_of(toy: Toy, kind: str) -> list[str]:
    """Return every place at which the one who applies a patch of this kind can be killed, or fails: a call and its number."""
    # The first patch of all makes the journal, which none after it does.
    toy.apply(kind)
    toy.patches += 1
    log = toy.root / "calls"
    argv = ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={','.join(CALLS)}", *PATCHER, str(toy.root)]
    subprocess.run([*argv, "apply", str(toy.patches), kind], check=True, capture_output=True, timeout=LIMIT_S)
    seen: collections.Counter[str] = collections.Counter()
    places = []
    for line in log.read_text().splitlines():
        name = line.split()[1].partition("(")[0]
        seen[name] += 1
        # Before the journal is opened there is nothing to be hurt.
        if name != "openat" or str(toy.root) in line:
            places.append(f"{name}:signal=KILL:when={seen[name]}")
            if name in ERRORS:
                places.append(f"{name}:error={ERRORS[name]}:when={seen[name]}")
    return places


async def kill_some(toy: Toy, rounds: int, draw: random.Random) -> list[float]:
    """Kill the one who applies, or the supervisor, at any moment of a way; return how long each took to be mended, seconds."""
    took_s = []
    for _ in range(rounds):
        toy.patches += 1
        kind, whom = draw.choice(["good", "lame", "bad"]), draw.choice(["patcher", "supervisor"])
        before, target = (await asyncio.to_thread(toy.status))["live"], f"g{toy.patches}"
        applying = subprocess.Popen(
            [*PATCHER, str(toy.root), "apply", str(toy.patches), kind], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        await asyncio.sleep(draw.uniform(0, 0.8))
        began_s = time.monotonic()
        if whom == "patcher":
            applying.kill()
        else:
            toy.supervisor.kill()
            toy.supervisor.wait()
            await asyncio.to_thread(toy.start)
        await asyncio.to_thread(applying.communicate)
        recovered = await asyncio.to_thread(toy.run, "recover")
        took_s.append(time.monotonic() - began_s)
        assert recovered.returncode == 0, recovered.stderr
        after = await asyncio.to_thread(toy.status)
        assert after["running"] == after["live"] in {before, target}, after
        assert kind == "good" or after["live"] == before, after
        await toy.ask("plain")
        assert not toy.failures, toy.failures[:3]
    return took_s
