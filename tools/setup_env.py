"""Makes `.venv` hold exactly what the lock file names, and the project itself. Run it as often as you like.

A stamp in `.venv`, written last, says what is installed. If it fits there is nothing to do; without it the last run did not
finish and the environment is built again from nothing, since half-copied packages cannot be told from whole ones.

Standard library only, and older syntax on purpose: whatever `python3` starts this must be able to say what it lacks. The
interpreter of `.venv` may be another one, see `_choose_interpreter`.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import progress

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "council-setup.json"
PROJECT = ROOT / "pyproject.toml"
BASE_LOCK = ROOT / "requirements.lock"
DEV_LOCK = ROOT / "requirements-dev.lock"

OLDEST = (3, 11)
NEWEST = (3, 14)
_PROBE_S = 10
_FREE_BYTES_MIN = 1 << 30


class UnreadyError(Exception):
    """This machine lacks something; the text says which, why it matters and what to do."""


def main() -> int:
    """Set up, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else None)
    parser.add_argument("--dev", action="store_true", help="what tests and checks need, too")
    parser.add_argument("--pip", action="store_true", help="use venv and pip even if uv is there")
    arguments = parser.parse_args()
    # The development lock holds all of the base lock in the same versions, so having the former is having both.
    locks = (BASE_LOCK, DEV_LOCK) if arguments.dev else (BASE_LOCK,)
    try:
        if _is_current(locks):
            return 0
        with _Turn():
            if not _is_current(locks):
                _set_up(locks, with_uv=not arguments.pip and _runs(["uv", "--version"]))
    except UnreadyError as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except progress.StepFailedError as failure:
        print(f"\nSet-up stopped at: {failure.title}\n{failure.tail()}\n\n{_advice(failure)}", file=sys.stderr)
        return 1
    except OSError as problem:
        print(f"\nSet-up stopped: {problem}. {_disk_advice()}Then run the same command again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Run the same command again; it repairs what was left half done.", file=sys.stderr)
        return 130
    return 0


def _set_up(locks: Sequence[Path], with_uv: bool) -> None:
    started_s = time.monotonic()
    if sys.platform != "linux":
        raise UnreadyError("Council runs on Linux only: it relies on /proc, signals and namespaces of its kernel.")
    _say_if_without_avx2()
    stamp = _read_stamp()
    kept = _is_intact(stamp)
    missing = not kept or any(stamp["locks"].get(lock.name) != _digest(lock) for lock in locks)
    steps = [_install_project_step(with_uv), _compile_step()]
    if missing:
        steps.insert(0, _install_lock_step(locks[-1], with_uv))
    if not kept:
        steps.insert(0, _create_step(_choose_interpreter(with_uv), with_uv))
    if STAMP.exists():
        STAMP.unlink()
    if not kept and VENV.exists():
        shutil.rmtree(VENV)
    for number, step in enumerate(steps, 1):
        progress.run(f"[{number}/{len(steps)}] {step.title}", step.command, _environment(), step.how_far)
    already = stamp["locks"] if kept else {}
    _write_stamp({**already, **{lock.name: _digest(lock) for lock in locks}})
    print(f"environment ready in {time.monotonic() - started_s:.1f} s", flush=True)


class _Step(NamedTuple):
    title: str
    command: Sequence[str]
    how_far: Callable[[str], str] | None = None


def _create_step(interpreter: _Interpreter, with_uv: bool) -> _Step:
    version = ".".join(str(part) for part in interpreter.version)
    title = f"create .venv with {'uv' if with_uv else 'venv'}, Python {version}"
    by_uv = ["uv", "venv", "--quiet", "--no-project", "--python", interpreter.path, str(VENV)]
    by_venv = [interpreter.path, "-m", "venv", str(VENV)]
    return _Step(title, by_uv if with_uv else by_venv)


def _install_lock_step(lock: Path, with_uv: bool) -> _Step:
    title = f"install what {lock.name} pins"
    # Wheels only: building from source would fetch build tools that no lock pins.
    exact = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(lock)]
    if with_uv:
        return _Step(title, [*_uv_install(), *exact])
    packages = len(re.findall(r"^[A-Za-z0-9]", lock.read_text(), re.MULTILINE))
    return _Step(title, [*_pip_install(), *exact], _PipCounter(packages))


def _install_project_step(with_uv: bool) -> _Step:
    install = _uv_install() if with_uv else _pip_install()
    return _Step("install council itself", [*install, "--no-deps", "--no-build-isolation", "-e", str(ROOT)])


def _compile_step() -> _Step:
    return _Step("compile council", [str(PYTHON), "-m", "compileall", "-q", str(ROOT / "src" / "council")])


def _uv_install() -> list[str]:
    # Compiled now: confined services may not write here, and would compile at every start.
    return ["uv", "pip", "install", "--compile-bytecode", "--python", str(PYTHON)]


def _pip_install() -> list[str]:
    return [str(PYTHON), "-m", "pip", "install", "--no-input", "--no-color", "--progress-bar", "off"]


class _PipCounter:
    """Counts the packages that pip has looked at; the lock lists a few more than one machine needs."""

    def __init__(self, packages: int):
        self._packages = packages
        self._seen = 0

    def __call__(self, line: str) -> str:
        if line.startswith("Installing collected packages"):
            return "unpacking"
        if not line.startswith(("Collecting ", "Requirement already satisfied", "Ignoring ")):
            return ""
        self._seen += 1
        return f"{self._seen} of {self._packages} packages"


def _environment() -> dict[str, str]:
    # Left out: what would point the tools at another environment or other packages than the new one's.
    dropped = {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "UV_SYSTEM_PYTHON", "PIP_TARGET", "PIP_PREFIX"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONNOUSERSITE": "1"}


# The stamp


def _is_current(locks: Sequence[Path]) -> bool:
    stamp = _read_stamp()
    return (
        stamp.get("project") == _digest(PROJECT)
        and all(stamp["locks"].get(lock.name) == _digest(lock) for lock in locks)
        and stamp.get("place") == _place()
    )


def _is_intact(stamp: dict[str, Any]) -> bool:
    """Tell whether the environment can be added to: finished, of this place, and nothing in it that a lock has dropped."""
    recorded = {lock.name: _digest(lock) for lock in (BASE_LOCK, DEV_LOCK)}
    unchanged = all(recorded.get(name) == digest for name, digest in stamp["locks"].items())
    return stamp.get("place") == _place() and unchanged


def _place() -> dict[str, str]:
    """Describe where the environment lies and what it runs on: moved, or with another Python below, it is broken."""
    settings = VENV / "pyvenv.cfg"
    return {
        "venv": str(VENV),
        "python": os.path.realpath(PYTHON) if PYTHON.exists() else "gone",
        "settings": _digest(settings) if settings.exists() else "gone",
        "command": "there" if (VENV / "bin" / "council").exists() else "gone",
    }


def _read_stamp() -> dict[str, Any]:
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {"locks": {}}
    return stamp if isinstance(stamp, dict) and isinstance(stamp.get("locks"), dict) else {"locks": {}}


def _write_stamp(locks: dict[str, str]) -> None:
    unfinished = STAMP.with_suffix(".tmp")
    unfinished.write_text(json.dumps({"place": _place(), "project": _digest(PROJECT), "locks": locks}, indent=1))
    unfinished.replace(STAMP)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


class _Turn:
    """Lets one set-up work at a time. The lock is on the checkout's folder itself, so that no file is left behind."""

    def __enter__(self) -> None:
        self._descriptor = os.open(ROOT, os.O_RDONLY)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another set-up is at work here, waiting for it", flush=True)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


# The interpreter


class _Interpreter(NamedTuple):
    path: str
    version: tuple[int, int, int]
    plain: bool
    has_venv: bool


def _choose_interpreter(with_uv: bool) -> _Interpreter:
    """Return the interpreter that started this if it will do, else the newest on PATH that does. Raises UnreadyError."""
    seen: list[_Interpreter] = []
    for path in _interpreter_paths():
        found = _probe(path)
        if found is None or found in seen:
            continue
        seen.append(found)
        fits = OLDEST <= found.version[:2] <= NEWEST and found.plain
        if fits and (with_uv or found.has_venv):
            return found
        if fits:
            break  # Another Python of the system would lack the same package; saying so is the shorter way.
    if seen and OLDEST <= seen[-1].version[:2] <= NEWEST and seen[-1].plain:
        name = f"python{seen[-1].version[0]}.{seen[-1].version[1]}"
        raise UnreadyError(
            f"Python's venv module is not complete: {seen[-1].path} cannot make environments, because Debian and Ubuntu\n"
            "package that part apart. Council installs into .venv only and leaves the system's Python alone, so it needs it.\n"
            f"Install it with `sudo apt-get install {name}-venv` (or install uv), then run the same command again."
        )
    versions = ", ".join(f"{item.path} is {'.'.join(map(str, item.version))}" for item in seen) or "none runs"
    raise UnreadyError(
        f"Council needs CPython {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}: its packages are built for these only. "
        f"Found: {versions}.\n"
        "Install one with `sudo apt-get install python3.11 python3.11-venv` (Debian 12, Ubuntu 22.04 and later) or\n"
        "`uv python install 3.13`, have it on PATH as `python3.13`, then run the same command again."
    )


def _interpreter_paths() -> Iterator[str]:
    yield sys.executable
    names = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    # All of PATH for each name: the first hit may be a version manager's shim that does not run.
    for name in [*names, "python3"]:
        for folder in os.environ.get("PATH", "").split(os.pathsep):
            path = Path(folder) / name
            if folder and path.is_file() and os.access(path, os.X_OK):
                yield str(path)


_PROBE = (
    "import importlib.util as u, json, platform, sys, sysconfig;"
    # The base of an environment, not the environment: that may be the very one to be built again.
    "print(json.dumps([getattr(sys, '_base_executable', sys.executable), sys.version_info[:3],"
    " platform.python_implementation() == 'CPython' and not sysconfig.get_config_var('Py_GIL_DISABLED'),"
    " u.find_spec('venv') is not None and u.find_spec('ensurepip') is not None]))"
)


def _probe(path: str) -> _Interpreter | None:
    try:
        done = subprocess.run(
            [path, "-c", _PROBE], stdin=subprocess.DEVNULL, capture_output=True, timeout=_PROBE_S, check=True
        )
        executable, version, plain, has_venv = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return _Interpreter(executable or path, tuple(version), plain, has_venv)


def _runs(command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PROBE_S, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _say_if_without_avx2() -> None:
    if platform.machine() != "x86_64":
        return
    try:
        flags = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return
    if not re.search(r"^flags\s*:.*\bavx2\b", flags, re.MULTILINE):
        print(
            "note: this processor has no AVX2, which the local model needs. Council goes on without it: the specialists\n"
            "and any configured provider answer; questions that need the local model are told that it is away.",
            flush=True,
        )


# What to do next

_ADVICE = (
    (
        r"no space left|disk quota exceeded|errno 28",
        "The disk is full. Free about 2 GB here and in the download cache (`uv cache clean`, `pip cache purge`).",
    ),
    (
        r"do not match the hashes|hash mismatch|hashes are required",
        "A downloaded file is not the one that the lock pins. If a mirror or proxy stands between, do not trust it; else\n"
        "clear the cache (`uv cache clean` or `pip cache purge`).",
    ),
    (
        r"name resolution|name or service not known|dns error|network is unreachable|connection refused|newconnectionerror"
        r"|failed to connect|timed out|connection (reset|aborted)|error sending request|client error|max retries"
        r"|proxyerror|certificate",
        "The package index cannot be reached. Check the network; behind a proxy set HTTPS_PROXY, and for a mirror of your\n"
        "own UV_DEFAULT_INDEX (uv) or PIP_INDEX_URL (pip).",
    ),
    (
        r"no matching distribution|no wheels|no usable wheels|is not supported|no solution found|not a supported wheel",
        "The package index has none for this machine, or could not be asked (network?). Supported are Linux with glibc on\n"
        f"x86-64 and aarch64, and CPython {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}. A mirror may lack files.",
    ),
    (
        r"permission denied|errno 13",
        "A file may not be written. Did root run this before? `ls -l .venv` shows the owner.",
    ),
    (r"ensurepip", "Python's venv module is not complete: `sudo apt-get install python3-venv`."),
)


def _advice(failure: progress.StepFailedError) -> str:
    output = failure.output.lower()
    found = [text for pattern, text in _ADVICE if re.search(pattern, output)]
    own = found[0] if found else f"To see all of it run: {' '.join(failure.command)}"
    other = "" if found or failure.command[0] != "uv" else "\nTo try it without uv: make clean, then add SETUP=--pip."
    return f"{own}{other}\n{_disk_advice()}Then run the same command again; it repairs what was left half done."


def _disk_advice() -> str:
    free_bytes = shutil.disk_usage(ROOT).free
    return (
        f"Only {free_bytes >> 20} MiB are free on this disk; about 1 GB is needed. "
        if free_bytes < _FREE_BYTES_MIN
        else ""
    )


if __name__ == "__main__":
    sys.exit(main())
