"""The listening sockets of a home, each opened once by the supervisor and passed on to whoever serves it.

A service's Unix socket lies at a path that names the generation it was started for and the number of its set, so that the
services of one set find each other and nobody else; `run/NAME.sock` is a link to that of the live one, for who asks from
outside.

The ports on which services are tried beside the live ones are kept from the start on, without listening there.
"""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Mapping
from pathlib import Path

from council.domain import config as config_module
from council.domain import errors
from council.kit import clock as clock_module
from council.kit import listeners, port_users
from council.supervisor import specs, users

# How long a port may take to become free, as one of a process that is just ending.
PORT_WAIT_S = 5.0
_PORT_RETRY_S = 0.1
_GENERATION_CHARS = 12
_UNIX_CHARS_MAX = 107


class Sockets:
    """Opens them, knows whose path is whose, and closes all. `accounts` are the users of services that have one, `groups` the
    numbers of those that several are in.
    """

    def __init__(
        self, accounts: Mapping[str, users.Account], clock: clock_module.Clock, groups: Mapping[str, int] | None = None
    ):
        self._accounts = accounts
        self._groups = groups or {}
        self._clock = clock
        self._open: dict[socket.socket, Path | None] = {}
        self._links: set[Path] = set()
        self._reserved: dict[int, socket.socket] = {}

    async def listen(self, spec: specs.SocketSpec, path: Path | None = None, *, staging: bool = False) -> socket.socket:
        """Listen where `spec` says, or at another path, or beside its port. Raises SetupError."""
        port = spec.port
        if staging and port:
            port = spec.port + config_module.STAGING
            self.reserve_beside(spec)
        path = spec.path if path is None else path
        deadline_s = self._clock.monotonic_s() + PORT_WAIT_S
        while True:
            try:
                opened = listeners.tcp(spec.host, port) if spec.kind == "tcp" else self._unix(spec, path)
            except OSError as error:
                if error.errno != errno.EADDRINUSE or self._clock.monotonic_s() >= deadline_s:
                    raise errors.SetupError(_why_no_socket(spec, path, port, error)) from error
                # Perhaps a leftover that nobody noted is just ending.
                await asyncio.sleep(_PORT_RETRY_S)
            else:
                self._open[opened] = path if spec.kind == "unix" else None
                return opened

    def reserve_beside(self, spec: specs.SocketSpec) -> None:
        """Keep the port beside that of `spec` for a later `listen`, if nobody has it now. Idempotent.

        It may lie where the kernel takes ports for outgoing connections from, and one of these lasts longer than anybody waits.
        """
        port = spec.port + config_module.STAGING
        if spec.kind == "tcp" and spec.port and port not in self._reserved:
            with contextlib.suppress(OSError):
                self._reserved[port] = listeners.reserved(spec.host, port)

    def _unix(self, spec: specs.SocketSpec, path: Path) -> socket.socket:
        path.parent.mkdir(parents=True, exist_ok=True)
        opened = listeners.unix(path, spec.mode)
        account = self._accounts.get(spec.caller)
        if account is not None:
            try:
                also = self._accounts.get(spec.also)
                group = self._groups.get(spec.also) if also is None else also.gid
                os.chown(path, account.uid, account.gid if group is None else group, follow_symlinks=False)
                if group is not None:
                    path.chmod(spec.mode | 0o060)
            except OSError:
                opened.close()
                raise
        return opened

    def show(self, spec: specs.SocketSpec, path: Path) -> None:
        """Have the plain name of a Unix socket lead to this path, in one step. Raises OSError."""
        partial = spec.path.with_name(f".{spec.path.name}.partial")
        partial.unlink(missing_ok=True)
        partial.symlink_to(path.name)
        partial.replace(spec.path)
        self._links.add(spec.path)

    def close(self, opened: socket.socket) -> None:
        """Close our end, and remove the path; who got it goes on. Idempotent."""
        path = self._open.pop(opened, None)
        if path is not None:
            path.unlink(missing_ok=True)
        opened.close()

    def close_all(self) -> None:
        """Close everything and remove every path."""
        for opened in list(self._open):
            self.close(opened)
        for port in list(self._reserved):
            self._reserved.pop(port).close()
        for link in self._links:
            with contextlib.suppress(OSError):
                link.unlink(missing_ok=True)
        self._links.clear()


def path_of(spec: specs.SocketSpec, generation: str, number: int) -> Path:
    """Return where the Unix socket of a service lies that was started in set `number` of this supervisor."""
    return spec.path.with_stem(f"{spec.path.stem}-{generation[:_GENERATION_CHARS]}-{number}")


def remove_stale(spec: specs.SocketSpec) -> None:
    """Remove what a supervisor that was killed has left of a Unix socket."""
    for path in (spec.path, *spec.path.parent.glob(f"{spec.path.stem}-*-*{spec.path.suffix}")):
        path.unlink(missing_ok=True)


def _why_no_socket(spec: specs.SocketSpec, path: Path, port: int, error: OSError) -> str:
    if spec.kind == "unix":
        return (
            f"Cannot listen on {path}: {error}. A Unix socket's path may have {_UNIX_CHARS_MAX} bytes and this one "
            f"has {len(os.fsencode(path))}; if that is why, give a shorter `--home`."
        )
    if error.errno == errno.EADDRINUSE:
        whose = port_users.describe(port) or "a process that cannot be seen from here"
        return f"Port {port} on {spec.host} is in use, by {whose}. Stop that, or choose another base with `--port`."
    return f"Cannot listen on {spec.host} port {port}: {error}. Check `gateway.host`, or use `--port`."
