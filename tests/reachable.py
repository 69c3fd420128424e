"""Runs a command where other users can reach what Python needs, though root's Python lies where they cannot.

It gets a mount namespace of its own, in which every folder that is closed on the way is covered by an open one; the mounts
end with the last of its processes.
"""

import subprocess
import sys
from pathlib import Path

import pytest

import council
from council.kit import permissions

STRANGER = 61_000
NEEDED = [Path(sys.base_prefix), Path(sys.prefix), Path(council.__file__).parents[2]]


def command(folder: Path, argv: list[str]) -> list[str]:
    """Return the command that runs `argv` so; `folder` is scratch that everybody can reach."""
    lines = ["set -e"]
    for number, path in enumerate(NEEDED):
        (folder / str(number)).mkdir(exist_ok=True)
        lines.append(f"mount --bind '{path}' '{folder / str(number)}'")
    barriers = {permissions.barrier(path, permissions.ANYBODY, 0) for path in NEEDED} - {None}
    lines += [f"mount -t tmpfs -o mode=755 council '{barrier}'" for barrier in sorted(map(str, barriers))]
    for number, path in enumerate(NEEDED):
        if any(barrier in path.parents for barrier in barriers):
            lines += [f"mkdir -p '{path}'", f"mount --bind '{folder / str(number)}' '{path}'"]
    return ["unshare", "--mount", "sh", "-c", "\n".join([*lines, 'exec "$@"']), "sh", *argv]


def need(folder: Path) -> None:
    """Skip where even in a namespace of its own another user cannot run this Python."""
    become = f"import os, sys; os.setgroups([]); os.setgid({STRANGER}); os.setuid({STRANGER}); "
    become += "os.execv(sys.executable, [sys.executable, '-c', 'import council.app, sympy, clingo, xllamacpp'])"
    tried = subprocess.run(command(folder, [sys.executable, "-c", become]), capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"another user cannot run this Python here: {tried.stderr.strip()[-300:]}")
