"""Installs Debian packages that some tests need, when it may; otherwise says what is skipped without them.

Never a reason to fail: without the packages the tests that need them are skipped with that reason. The servers inside are
started by the tests on sockets of their own, so the system's services of the same name are neither started nor enabled.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import progress


class _Package(NamedTuple):
    """What to look for, the service that comes with it or "", and what is the case without it."""

    binary: str
    service: str
    why: str


# `binary` is a pattern below /usr or a command's name: what is there already, by whatever way, is left alone.
PACKAGES = {
    "postgresql": _Package(
        "lib/postgresql/*/bin/postgres", "postgresql", "the contract tests of Records on a real PostgreSQL are skipped"
    ),
    "redis-server": _Package(
        "bin/redis-server", "redis-server", "the contract tests of Store on a real Redis server are skipped"
    ),
    "firejail": _Package("bin/firejail", "", "the contract tests of SandboxRunner on a real Firejail are skipped"),
    "runsc": _Package("bin/runsc", "", "the contract tests of SandboxRunner on a real gVisor are skipped"),
    "strace": _Package("bin/strace", "", "nobody is killed at single system calls while a patch is applied"),
    "gpg": _Package("bin/gpg", "", "the signatures of patches are tested on made packets only, none by gpg"),
    "gpg-agent": _Package(
        "bin/gpg-agent", "", "the signatures of patches are tested on made packets only, none by gpg"
    ),
    "bubblewrap": _Package("bin/bwrap", "", "nothing is compared with bubblewrap"),
    "libseccomp2": _Package(
        "lib/*/libseccomp.so.2", "", "the sandbox's seccomp filters are not compared with their source"
    ),
    "prometheus": _Package("bin/prometheus", "prometheus", "gates are not compared with a real Prometheus"),
    "prometheus-alertmanager": _Package(
        "bin/prometheus-alertmanager", "prometheus-alertmanager", "alerts do not go through a real Alertmanager"
    ),
    "restic": _Package("bin/restic", "", "snapshots of backups are tested in archives only, none by restic"),
    "openssh-server": _Package("sbin/sshd", "ssh", "no snapshot goes to a real SFTP server"),
    "chromium": _Package("bin/chromium", "", "the dashboard is tried in no browser"),
    "wordnet-base": _Package("share/wordnet/index.noun", "", "the dictionary is tested on made files only"),
}

_POLICY = Path("/usr/sbin/policy-rc.d")
_POLICY_MARK = "# Written by Council's tools/install_debian.py for the length of one installation; safe to delete."
_APT_OPTIONS = ["-o", "DPkg::Lock::Timeout=60", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20"]


def main(names: Sequence[str]) -> int:
    """Install what is missing of `names`; return 0 unless a name is unknown."""
    unknown = [name for name in names if name not in PACKAGES]
    if unknown or not names:
        print(f"usage: install_debian.py NAME...; known are {', '.join(PACKAGES)}", file=sys.stderr)
        return 2
    missing = [name for name in names if not _is_there(PACKAGES[name])]
    if not missing:
        return 0
    reason = _why_not(missing)
    if reason:
        _say_what_is_skipped(missing, reason)
    return 0


def _why_not(missing: Sequence[str]) -> str:
    """Install, and return "" or the reason why that could not be."""
    if shutil.which("apt-get") is None:
        return "this system has no apt-get"
    if os.geteuid() != 0:
        return _as_root(missing)
    try:
        with _services_left_alone(missing):
            _install(missing)
    except progress.StepFailedError as failure:
        print(failure.tail(), flush=True)
        return "apt-get failed (no network?), see above"
    except OSError as problem:
        return str(problem)
    return ""


def _as_root(missing: Sequence[str]) -> str:
    allowed = shutil.which("sudo") and subprocess.run(
        ["sudo", "-n", "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if not allowed or allowed.returncode != 0:
        return "it needs root, or sudo without a password"
    # It reports for itself there, and a package that it could not install is no failure here either.
    subprocess.run(["sudo", "-n", sys.executable, __file__, *missing], stdin=subprocess.DEVNULL, check=False)
    return ""


def _install(missing: Sequence[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", *_APT_OPTIONS, *missing]
    title = f"install Debian's {' and '.join(missing)} for the tests"
    try:
        progress.run(title, install, environment)
    except progress.StepFailedError:
        # The lists may be absent, as in most container images, or too old.
        progress.run("refresh Debian's package lists", ["apt-get", "update", *_APT_OPTIONS], environment)
        progress.run(title, install, environment)


@contextmanager
def _services_left_alone(missing: Sequence[str]) -> Iterator[None]:
    """Keep package scripts from starting services, and leave those of new packages switched off."""
    ours = not _POLICY.exists() or _POLICY_MARK in _POLICY.read_text(errors="replace")
    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if ours:
            _POLICY.write_text(f"#!/bin/sh\n{_POLICY_MARK}\nexit 101\n")
            _POLICY.chmod(0o755)
        yield
    finally:
        if ours:
            _POLICY.unlink(missing_ok=True)
        for name in missing:
            if PACKAGES[name].service and _is_there(PACKAGES[name]):
                _switch_off(PACKAGES[name].service)
        signal.signal(signal.SIGTERM, previous)


def _switch_off(service: str) -> None:
    for command in (["systemctl", "disable", service], ["update-rc.d", service, "disable"]):
        if shutil.which(command[0]):
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)


def _is_there(package: _Package) -> bool:
    return any(Path("/usr").glob(package.binary)) or shutil.which(Path(package.binary).name) is not None


def _say_what_is_skipped(missing: Sequence[str], reason: str) -> None:
    for name in missing:
        print(f"note: Debian's {name} is not installed, so {PACKAGES[name].why}.")
    command = f"sudo apt-get install {' '.join(missing)}" if shutil.which("apt-get") else "your system's package tool"
    print(f"It was not installed because {reason}. To have it: {command}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
