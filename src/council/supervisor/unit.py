"""The unit by which systemd runs Council, and starts it again whatever ended it, as text. Pure.

One unit for the system or for a user. What is closed to it is what nothing in Council needs; what sandboxes need stays open:
namespaces, mounts within them, cgroups of its own, and as root the users that processes become. What lies over a part of
`/proc` would keep sandboxes from a `/proc` of their own, and what names devices would close those of a GPU.
"""

from dataclasses import dataclass
from pathlib import Path

from council.domain import errors

NAME = "council.service"
# How long systemd waits before it starts Council again. A campaign of chaos waits as long where there is no systemd.
RESTART_S = 2
# Longer than the supervisor takes to drain and stop its services.
_STOP_S = 60
_FILES = 65_536


@dataclass(frozen=True, slots=True)
class Unit:
    """What the unit starts: the `council` command of an environment, on a home. `port` 0 leaves it to the settings.

    `of_user` is for systemd as an ordinary user's, which can close less.
    """

    program: Path
    home: Path
    port: int = 0
    of_user: bool = False


def text(one: Unit) -> str:
    """Return the unit. Raises InvalidRequestError for a path that cannot stand in one."""
    if not all(str(path).isprintable() for path in (one.program, one.home)):
        raise errors.InvalidRequestError(
            "A unit of systemd cannot name a path with a line break or another character that is not seen. Rename it."
        )
    port = f" --port {one.port}" if one.port else ""
    lines = [
        "# Written by `council service install`.",
        "[Unit]",
        "Description=Council, a self-hosted AI service",
        "After=network.target",
        # However often it ends: what is wrong may be over at the next start.
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=exec",
        f"ExecStart={_quoted(one.program)} up --home {_quoted(one.home)}{port}",
        "Restart=always",
        f"RestartSec={RESTART_S}",
        "KillMode=mixed",
        f"TimeoutStopSec={_STOP_S}",
        # The supervisor and one service going out of memory are two things.
        "OOMPolicy=continue",
        # Sandboxes have a cgroup each.
        "Delegate=yes",
        f"LimitNOFILE={_FILES}",
        "UMask=0077",
        "NoNewPrivileges=yes",
        "RestrictRealtime=yes",
        "LockPersonality=yes",
        "SystemCallArchitectures=native",
        *([] if one.of_user else _of_system(one.home)),
        "",
        "[Install]",
        f"WantedBy={'default' if one.of_user else 'multi-user'}.target",
    ]
    return "\n".join(lines) + "\n"


def _of_system(home: Path) -> list[str]:
    return [
        "ProtectSystem=strict",
        # Only in commands are variables filled in.
        f"ReadWritePaths={_quoted(home).replace('$$', '$')}",
        "PrivateTmp=yes",
        "ProtectKernelModules=yes",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
        "CapabilityBoundingSet=~CAP_SYS_TIME CAP_SYS_MODULE CAP_SYS_BOOT CAP_SYS_RAWIO CAP_SYSLOG CAP_WAKE_ALARM "
        "CAP_MAC_ADMIN CAP_MAC_OVERRIDE CAP_BLOCK_SUSPEND CAP_LEASE CAP_LINUX_IMMUTABLE CAP_AUDIT_CONTROL CAP_AUDIT_READ "
        "CAP_NET_RAW CAP_BPF CAP_PERFMON",
    ]


def _quoted(path: Path) -> str:
    """Return a path as one word of a unit, in which `%` and `$` mean what they are."""
    word = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return word if all(sign.isalnum() or sign in "/._-+%$" for sign in word) else f'"{word}"'
