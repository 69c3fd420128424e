"""Real processes: patches are applied under load while the one who applies them is killed at its system calls.

Nothing that is asked fails, no answer is of two generations, and the next start ends what was begun. `make test` kills at a
sample of the calls; `PATCH_KILLS=all` kills at every one.
"""

import asyncio
import collections
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import toy_generations

TESTS = Path(__file__).resolve().parent.parent
PATCHER = [sys.executable, str(TESTS / "toy_patcher.py")]
CALLS = ("fsync", "rename", "write", "sendto", "connect", "mkdir", "unlinkat", "rmdir", "openat")
LIMIT_S = 60.0
EVERY_S = 0.02

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


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


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[Toy]:
    made = Toy(tmp_path)
    try:
        yield made
    finally:
        made.supervisor.kill()
        made.supervisor.wait()


def calls_of(toy: Toy, kind: str) -> list[str]:
    """Return every place at which a patch of this kind can be killed: a call and its number."""
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
    return places


@pytest.mark.parametrize("kind", ["good", "lame", "bad"])
async def test_a_patch_killed_at_its_calls_is_ended_by_the_next_start(toy: Toy, kind: str) -> None:
    places = await asyncio.to_thread(calls_of, toy, kind)
    assert len(places) > 20
    chosen = places if os.environ.get("PATCH_KILLS") == "all" else random.Random(7).sample(places, 6)
    outcomes: collections.Counter[str] = collections.Counter()

    def work() -> None:
        for inject in chosen:
            outcomes[toy.apply(kind, inject)] += 1

    await toy.under_load(asyncio.ensure_future(asyncio.to_thread(work)))
    assert not toy.failures, toy.failures[:3]
    assert toy.killed == len(chosen)
    print(f"{kind}: killed at {len(chosen)} of {len(places)} calls, {dict(outcomes)}; asked {dict(toy.asked)}")


async def test_a_supervisor_that_is_killed_begins_again_at_one_generation(toy: Toy) -> None:
    draw = random.Random(11)
    for number in range(3):
        toy.patches += 1
        kind = draw.choice(["good", "bad"])
        applying = subprocess.Popen([*PATCHER, str(toy.root), "apply", str(toy.patches), kind], stderr=subprocess.PIPE)
        await asyncio.sleep(draw.uniform(0, 0.6))
        toy.supervisor.kill()
        toy.supervisor.wait()
        await asyncio.to_thread(applying.communicate)
        await asyncio.to_thread(toy.start)
        recovered = await asyncio.to_thread(toy.run, "recover")
        assert recovered.returncode == 0, recovered.stderr
        after = await asyncio.to_thread(toy.status)
        assert after["running"] == after["live"], (number, after)
        await toy.ask("plain")
        assert not toy.failures
