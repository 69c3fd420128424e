"""What others put around a program that is not trusted, a process for each job; and the same program with nothing around it.

All of them run the system's own Python, since firejail shows no interpreter that lies in a user's folder.
"""

import dataclasses
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

BARE = "python3, bare"
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
_TOO_LONG_S = 60
_LINKED = ("bin", "lib", "lib64")


@dataclasses.dataclass(frozen=True, slots=True)
class Peer:
    """A way to run a line of Python. `missing` says why it cannot be had here."""

    name: str
    command: tuple[str, ...] = ()
    note: str = ""
    missing: str = ""

    def run_ms(self, line: str, printed: bytes) -> float:
        """Return the milliseconds from the start to the exit with everything read. Raises RuntimeError."""
        began_s = time.perf_counter()
        done = subprocess.run(
            [*self.command, line],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            timeout=_TOO_LONG_S,
            check=False,
        )
        took_ms = (time.perf_counter() - began_s) * 1000
        if done.returncode != 0 or done.stdout != printed:
            raise RuntimeError(f"{self.name}: status {done.returncode}, {done.stderr.decode(errors='replace')[-200:]}")
        return took_ms


def bare(python: str | None = None) -> Peer:
    """Return `python3 -c`; the system's own unless another is named."""
    found = python or shutil.which("python3", path=_SYSTEM_PATH)
    if found is None:
        return Peer(BARE, missing="the system has no python3")
    return Peer(BARE, (found, "-c"), note=_version(found))


def all_of_them() -> list[Peer]:
    """Return the bare interpreter and every peer, the missing ones with the reason."""
    return [bare(), _firejail(), _bubblewrap()]


def _firejail() -> Peer:
    return _around("firejail", ("--quiet", "--private", "--net=none"), ("-c",))


def _bubblewrap() -> Peer:
    links = [
        word
        for name in _LINKED
        if Path("/", name).is_symlink()
        for word in ("--symlink", str(Path("/", name).readlink()), f"/{name}")
    ]
    shown = ("--ro-bind", "/usr", "/usr", *links, "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp")
    own = ("--unshare-all", "--die-with-parent", "--new-session", *shown, "--chdir", "/tmp")
    return _around("bwrap", own, ("-I", "-S", "-c"))


def _around(program: str, options: tuple[str, ...], python_options: tuple[str, ...]) -> Peer:
    name = {"bwrap": "bubblewrap"}.get(program, program)
    around, inner = shutil.which(program), bare()
    if around is None or inner.missing:
        return Peer(name, missing=inner.missing or f"{program} is not installed")
    note = f"{_version(around)}; {' '.join(options if len(options) < 4 else options[:2])}, python3 {' '.join(python_options)}"
    peer = Peer(name, (around, *options, inner.command[0], *python_options), note)
    try:
        peer.run_ms("print(1)", b"1\n")
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        return Peer(name, missing=f"does not run here: {error}"[:200])
    return peer


def _version(program: str) -> str:
    done = subprocess.run([program, "--version"], capture_output=True, text=True, env=_ENVIRONMENT, check=False)
    return next(iter(done.stdout.splitlines()), "").replace("version ", "").strip()


def _kept(surrounding: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in surrounding.items() if not re.match(r"COUNCIL_|PYTHON", name)}


_ENVIRONMENT = _kept(os.environ)
