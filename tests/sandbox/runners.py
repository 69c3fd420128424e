"""One runner of each kind, for the tests; and why a kind cannot be tried here.

`namespaces as ordinary user` is the same runner on a zygote that was not started by root.
"""

import atexit
import contextlib
import functools
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import zygotes
from council import ports
from council.backends.sandbox_runner import firejail, gvisor
from council.domain import config


@contextlib.asynccontextmanager
async def _firejail(folder: Path) -> AsyncIterator[ports.SandboxRunner]:
    made = firejail.FirejailRunner(folder / "jobs")
    try:
        yield made
    finally:
        await made.close()


@contextlib.asynccontextmanager
async def _gvisor(folder: Path) -> AsyncIterator[ports.SandboxRunner]:
    made = gvisor.GvisorRunner(folder / "jobs", shutil.which("runsc") or "runsc")
    try:
        yield made
    finally:
        await made.close()


@contextlib.asynccontextmanager
async def _namespaces(_: Path) -> AsyncIterator[ports.SandboxRunner]:
    async with shared_zygote(None).runner(_SETTINGS) as made:
        yield made


@contextlib.asynccontextmanager
async def _namespaces_of_a_user(_: Path) -> AsyncIterator[ports.SandboxRunner]:
    async with shared_zygote(zygotes.ORDINARY_UID if os.geteuid() == 0 else None).runner(_SETTINGS) as made:
        yield made


_SETTINGS = config.SandboxConfig(pool=2)


@functools.cache
def shared_zygote(uid: int | None) -> zygotes.Zygote:
    """One for the whole test run: its start takes longer than most tests. Ended with this process."""
    context = zygotes.zygote(uid=uid)
    zygote = context.__enter__()
    atexit.register(context.__exit__, None, None, None)
    return zygote


MAKERS: dict[str, Callable[[Path], AbstractAsyncContextManager[ports.SandboxRunner]]] = {
    "namespaces": _namespaces,
    "namespaces as ordinary user": _namespaces_of_a_user,
    "firejail": _firejail,
    "gvisor": _gvisor,
}


def why_not(kind: str) -> str:
    """Return why this kind is left out here; empty if it can be tried."""
    match kind:
        case "firejail":
            return "" if shutil.which("firejail") else "firejail is not installed (apt install firejail)"
        case "gvisor":
            return "" if shutil.which("runsc") else "runsc is not on PATH (apt install runsc)"
        case _:
            return (
                ""
                if kind in MAKERS
                else f"no runner of the kind {kind} is made for the tests yet (tests/sandbox/runners.py)"
            )
