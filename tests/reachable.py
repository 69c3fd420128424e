"""Runs a command where other users can reach what Python needs, though root's Python lies where they cannot.

It gets a mount namespace of its own, in which every folder that is closed on the way is covered by an open one; the mounts
end with the last of its processes.
"""

import sys
from pathlib import Path

import council
from council.kit import permissions

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
