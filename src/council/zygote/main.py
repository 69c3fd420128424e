"""Starts the zygote: takes its settings from a descriptor, builds the root, loads modules ahead, serves."""

import contextlib
import gc
import importlib
import json
import os
import site
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from council.kit import confine
from council.zygote import cgroups, kernel, layers, program, root, server

_SETTINGS_BYTES_MAX = 64 * 1024
# Users of jobs, far from those of people, packages and containers; one for each living sandbox.
UIDS = range(1_990_000_000, 1_990_000_000 + (1 << 27))
_UIDS_EACH = 2 * server.SANDBOXES_MAX
_ADDRESS_MARGIN_BYTES = 64 * 1024 * 1024

# What programs commonly begin with: loaded once here, it costs a job nothing.
_AHEAD = (
    *("abc", "argparse", "array", "ast", "base64", "bisect", "calendar", "cmath", "collections", "contextlib", "copy"),
    *("csv", "datetime", "decimal", "enum", "fractions", "functools", "glob", "hashlib", "heapq", "inspect", "io"),
    *("itertools", "json", "linecache", "math", "numbers", "operator", "os", "pathlib", "pickle", "pprint", "queue"),
    *("random", "re", "shutil", "statistics", "string", "struct", "subprocess", "tempfile", "textwrap", "threading"),
    *("time", "traceback", "typing", "unicodedata", "unittest", "uuid", "zlib", "multiprocessing.context"),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the zygote needs to know; it travels as JSON."""

    listener: int
    ready: int
    packages: tuple[str, ...]

    @classmethod
    def read(cls, text: dict[str, Any]) -> "Settings":
        """Return the settings of a parsed document."""
        return cls(int(text["listener"]), int(text["ready"]), tuple(map(str, text["packages"])))


def main(document: dict[str, Any]) -> int:
    """Run until SIGTERM; return the exit status."""
    settings = Settings.read(document)
    listener = socket.socket(fileno=settings.listener)
    is_root = os.geteuid() == 0
    groups, missing = _groups()
    try:
        if not is_root:
            _become_root_of_own()
        root.enter(root.Shown(Path(sys.base_prefix), tuple(map(Path, settings.packages))), keep_proc=not is_root)
        root.close()
    except OSError as error:
        # Serves all the same, to say so to whoever asks; no sandbox is made.
        missing.update(dict.fromkeys(layers.REQUIRED, str(error)))
    else:
        _load_ahead(settings.packages if groups is not None else ())
        missing.update(layers.missing())
    confine.landlock_abi()  # so that what it loads is loaded here and not in each child
    hello = {
        # Where not even the root could be built, none of them was tried.
        "layers": () if layers.ROOT in missing else layers.present(missing, root=is_root),
        "missing": missing,
        "refuses": sorted(layers.REQUIRED & missing.keys()),
        "address_bytes_min": _address_bytes() + _ADDRESS_MARGIN_BYTES,
    }
    server.log("info", "the root is built", missing=missing)
    program.note_own_modules()
    _tell_ready(settings.ready)
    gc.collect()
    gc.freeze()
    gc.disable()
    server.Server(listener, hello, groups, frozenset(missing), _own_uids() if is_root else None).run()
    return 0


def _own_uids() -> range:
    """Return numbers that no other zygote of this machine takes, as long as process numbers go round slowly."""
    block = os.getpid() % (len(UIDS) // _UIDS_EACH)
    return UIDS[block * _UIDS_EACH : (block + 1) * _UIDS_EACH]


def _groups() -> tuple[cgroups.Cgroups | None, dict[str, str]]:
    try:
        return cgroups.prepare(), {}
    except cgroups.CgroupsAbsentError as error:
        return None, {layers.MEMORY_CGROUP: str(error), layers.PROCESSES_CGROUP: str(error)}


def _become_root_of_own() -> None:
    """Without root, take a user namespace in which mounts may be made; jobs get one of their own below it."""
    uid, gid = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER)
    for file, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        Path("/proc/self", file).write_text(text)


def _load_ahead(packages: tuple[str, ...]) -> None:
    """Load what jobs commonly import, from where they will find it."""
    os.environ.clear()
    os.environ.update(program.environment())
    sys.path[:] = [entry for entry in sys.path if entry.startswith(sys.base_prefix)]
    if Path(root.PACKAGES).is_dir():
        sys.path.append(root.PACKAGES)
    # What `site` adds to an interpreter: exit, quit, help, copyright.
    site.setquit()
    site.setcopyright()
    site.sethelper()
    for name in (*_AHEAD, *(Path(package).name for package in packages)):
        if name.isidentifier() or "." in name:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    # From Python 3.14 on the default would need sockets, which a job has not.
    context = importlib.import_module("multiprocessing.context")
    context._default_context._default_context = context._concrete_contexts["fork"]
    sys.dont_write_bytecode = True


def _address_bytes() -> int:
    """Return the size of this process's address space."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _tell_ready(descriptor: int) -> None:
    if descriptor >= 0:
        with contextlib.suppress(OSError):
            os.write(descriptor, b"ready\n")
        os.close(descriptor)


def start(descriptor: int) -> int:
    """Read the settings from a descriptor and run. Called by the line that `services.zygote` starts."""
    with os.fdopen(descriptor, "rb") as file:
        document = json.loads(file.read(_SETTINGS_BYTES_MAX))
    sys.argv[1:] = []
    return main(document)
