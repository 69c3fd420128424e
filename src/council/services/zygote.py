"""The zygote process: becomes a bare interpreter that only forks sandboxes.

It starts as the other services do, and then runs a fresh interpreter in its place, without site, packages, arguments or
environment: whatever the zygote holds, every job holds. An ordinary user's systemd is asked for a cgroup on the way.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import council
from council.domain import config as config_module
from council.domain import home
from council.services import harness
from council.zygote import cgroups

# All that jobs can see of how they were started; the rest comes through the descriptor.
_LINE = (
    "import json, os, sys; descriptor = int(sys.argv[1]);"
    "document = json.loads(os.pread(descriptor, 65536, 0)); sys.path.append(document['source']);"
    "from council.zygote import main; sys.path.pop(); sys.exit(main.start(descriptor))"
)
_SCOPE_S = 5.0
_PASSED_ON = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def main(config: config_module.Config, where: home.Home) -> NoReturn:
    """Replace this process by the zygote's interpreter."""
    environment = harness.begin("zygote")
    harness.setup_logging(environment.name)
    listener = environment.unix_socket("fork", where.socket("zygote"))
    ready = environment.ready_line.hand_on() if environment.ready_line is not None else -1
    replace_process(listener.fileno(), ready, config.sandbox.packages)


def replace_process(listener: int, ready: int, packages: tuple[str, ...]) -> NoReturn:
    """Run the zygote in place of this process, on a listening Unix socket; `ready` is a pipe or -1."""
    document = {
        "source": str(Path(council.__file__).resolve().parent.parent),
        "listener": listener,
        "ready": ready,
        "packages": [str(path) for name in packages for path in _folders(name)],
    }
    settings = os.memfd_create("settings", 0)
    os.write(settings, json.dumps(document).encode())
    os.lseek(settings, 0, os.SEEK_SET)
    for descriptor in (listener, settings, *((ready,) if ready >= 0 else ())):
        os.set_inheritable(descriptor, True)
    interpreter = str(Path(getattr(sys, "_base_executable", sys.executable)).resolve())
    variables = {"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"}
    variables.update({name: os.environ[name] for name in _PASSED_ON if name in os.environ})
    bare = [interpreter, "-I", "-S", "-c", _LINE, str(settings)]
    scope = [] if os.geteuid() == 0 or can_make_groups() else _delegated_scope()
    if scope:
        # What systemd-run needs of our variables must not reach the zygote.
        settled = [f"{name}={value}" for name, value in variables.items()]
        os.execvp(scope[0], [*scope, "env", "-i", *settled, *bare])  # noqa: S606
    os.execve(interpreter, bare, variables)  # noqa: S606 - our own interpreter


def can_make_groups() -> bool:
    """Return whether this process may already make cgroups that bound memory and processes."""
    try:
        cgroups.prepare().remove_all(())
    except cgroups.CgroupsAbsentError:
        return False
    return True


def _delegated_scope() -> list[str]:
    """Return the command that runs another in a cgroup of the user's own systemd, empty where there is none."""
    program = shutil.which("systemd-run")
    if program is None or "XDG_RUNTIME_DIR" not in os.environ:
        return []
    command = [program, "--user", "--scope", "--quiet", "--collect", "--property=Delegate=yes", "--"]
    try:
        tried = subprocess.run(
            [*command, "true"], stdin=subprocess.DEVNULL, capture_output=True, timeout=_SCOPE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return command if tried.returncode == 0 else []


def _folders(package: str) -> Iterator[Path]:
    """Yield where a package lies, and the libraries that its wheel put beside it."""
    try:
        found = importlib.util.find_spec(package) if package.isidentifier() else None
    except ImportError:
        return
    if found is None or not found.submodule_search_locations:
        return
    folder = Path(next(iter(found.submodule_search_locations))).resolve()
    yield folder
    libraries = folder.with_name(f"{folder.name}.libs")
    if libraries.is_dir():
        yield libraries
