"""What runs under the supervisor: the table of services with their sockets, as data. Pure."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from council.backends.store import bundled
from council.domain import config as config_module
from council.domain import home as home_module

# The allow-lists of decision 4, by service name.
REPLACE_ALLOWED = frozenset({"patchctl"})
REPAIR_ALLOWED = frozenset({"steward"})
# It asks once it has found that a service's memory grows.
TRACE_ALLOWED = frozenset({"watcher"})


@dataclass(frozen=True, slots=True)
class SocketSpec:
    """A listening socket. `host` and `port` belong to tcp, the rest to unix; `caller` is the service that may connect.

    `also` is a second one that may, or a group of `users` in which there are several.
    """

    name: str
    kind: Literal["tcp", "unix"]
    host: str = "127.0.0.1"
    port: int = 0
    path: Path = Path()
    mode: int = 0o600
    caller: str = ""
    also: str = ""


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A service. Ready is told by the child's own line (`notify`) or by PING on `ping_path` (`ping`).

    `inherits` names the variables of the supervisor that it gets beside those that every service gets. One that
    `keeps_root` has no system user of its own in the regime of users.
    """

    name: str
    argv: tuple[str, ...]
    replicas: int = 1
    # Only one that can share all it uses, sockets and files, may run more than once.
    replicas_max: int = 1
    sockets: tuple[SocketSpec, ...] = ()
    ready: Literal["notify", "ping"] = "notify"
    environment: Mapping[str, str] = field(default_factory=dict)
    ping_path: Path = Path()
    inherits: frozenset[str] = frozenset()
    keeps_root: bool = False
    # Who asks it over a port: they end first.
    asked_by: frozenset[str] = frozenset()
    # It traces its memory at a signal, which would end one that does not know it.
    traceable: bool = False
    # One of another generation can run beside it: both bear that the other writes what they share.
    beside: bool = False
    # Memory that must be free for that, and a file that is read into memory beyond it.
    beside_bytes: int = 0
    loads: Path | None = None


# Over ports, besides the callers of sockets.
_ASKED_BY = {
    "patchctl": frozenset({"gateway", "steward", "bots"}),
    "steward": frozenset({"bots"}),
    "gateway": frozenset({"bots"}),
}
# Has a system user of its own, though it is no service: it reaches the network, and writes what all others run.
INSTALLER = "installer"
# Has none: only root may read what belongs to the users of all services.
BACKUP = "backup"


def specs(
    config: config_module.Config, home: home_module.Home, generation: str, python: str = sys.executable
) -> tuple[ServiceSpec, ...]:
    """Return every service in start order. `python` is the interpreter of the generation's release."""

    def service(name: str, *sockets: SocketSpec, **options: Any) -> ServiceSpec:
        # The flags of `council up` reach the services through the variables that config.build reads.
        options |= {"environment": {"COUNCIL_PORT": str(config.port)}, "asked_by": _ASKED_BY.get(name, frozenset())}
        return ServiceSpec(name, _command(name, home, python), sockets=sockets, **options)

    store = service("store", ready="ping", ping_path=bundled.socket(home))
    zygote = service(
        "zygote",
        SocketSpec("fork", "unix", path=home.socket("zygote"), caller="sandboxd"),
        inherits=_NUMPY | _SYSTEMD,
        # Mounts, a user for each sandbox, and cgroups need it. Only sandboxd may connect, and no job runs as root.
        keeps_root=True,
        beside=True,
    )
    return (
        *(() if config.store.url else (store,)),
        service(
            "model",
            SocketSpec("chat", "unix", path=home.socket("model"), caller="gateway"),
            SocketSpec("public", "tcp", _LOCAL, config.model_port),
            traceable=True,
            beside=True,
            beside_bytes=_MODEL_BYTES,
            loads=Path(config.model.file) if config.model.file else None,
        ),
        service("worker", SocketSpec("compute", "unix", path=home.socket("worker"), caller="gateway"), beside=True),
        service(
            "recall",
            SocketSpec("search", "unix", path=home.socket("recall"), caller="gateway"),
            SocketSpec("health", "tcp", _LOCAL, config.recall_port),
            inherits=_RECORDS,
            traceable=True,
            beside=True,
        ),
        # The other kinds of sandbox are programs that sandboxd starts itself.
        *((zygote,) if config.sandbox.kind == "namespaces" else ()),
        service(
            "sandboxd",
            SocketSpec("jobs", "unix", path=home.socket("sandboxd"), caller="gateway", also="steward"),
            SocketSpec("health", "tcp", _LOCAL, config.sandboxd_port),
            traceable=True,
            beside=True,
        ),
        service("patchctl", SocketSpec("patches", "tcp", _LOCAL, config.patchctl_port), traceable=True),
        service(
            "watcher",
            SocketSpec("watch", "unix", path=home.socket("watcher"), caller="gateway", also="steward"),
            SocketSpec("health", "tcp", _LOCAL, config.watcher_port),
            inherits=_RECORDS,
            traceable=True,
            beside=True,
        ),
        service("steward", SocketSpec("health", "tcp", _LOCAL, config.steward_port), inherits=_SERVERS, traceable=True),
        service(
            "gateway",
            SocketSpec("public", "tcp", config.gateway.host, config.port),
            replicas=config.gateway.workers,
            # Their metrics lie in shared files where the settings allow more than one, and nowhere else.
            replicas_max=max(config.gateway.workers, config.gateway.workers_max),
            inherits=_SERVERS,
            traceable=True,
            beside=True,
        ),
        service("bots", inherits=_RECORDS),
    )


def messenger(watcher: ServiceSpec, home: home_module.Home) -> ServiceSpec:
    """Return what tells people in the watcher's place: a process of its rights that says one thing and ends."""
    return replace(watcher, name="messenger", argv=_command("messenger", home, watcher.argv[0]), sockets=())


def installer(home: home_module.Home) -> ServiceSpec:
    """Return what installs a release: a process of ours that does so and ends."""
    return ServiceSpec(INSTALLER, _command(INSTALLER, home, sys.executable), inherits=_PIP)


def migrator(home: home_module.Home, python: str) -> ServiceSpec:
    """Return what brings the records to the form of a release: a process of that release that does so and ends."""
    inherits = frozenset({"COUNCIL_RECORDS_URL"})
    return ServiceSpec("migrator", _command("migrator", home, python), inherits=inherits)


def backup(home: home_module.Home, python: str) -> ServiceSpec:
    """Return what makes the night's snapshot: a process that does what is due and ends."""
    return ServiceSpec(BACKUP, _command(BACKUP, home, python), inherits=_SERVERS, keeps_root=True)


def _command(name: str, home: home_module.Home, python: str) -> tuple[str, ...]:
    # -P: not what lies in the folder that `council up` was called in, which may hold a package of that name.
    return python, "-P", "-m", "council", "run", name, "--home", str(home.root)


def with_users(services: Sequence[ServiceSpec]) -> tuple[str, ...]:
    """Return who gets a system user of its own in the regime of users: services, and the installer."""
    return (*(service.name for service in services if not service.keeps_root), INSTALLER)


# Their URLs may hold passwords, and only gateway and steward connect to both, recall, watcher and bots to the records. For the
# others the settings are as if not given.
_RECORDS = frozenset({"COUNCIL_RECORDS_URL"})
_SERVERS = _RECORDS | {"COUNCIL_STORE_URL"}

# Of a model with its context and Python, as long as another serves. The packaged one was measured beside another on a 2-core
# machine: 405 MiB resident once loaded, 411 after the questions of `trial.yaml`, of which 246 were its own and the rest, above
# all its file, shared; this is a quarter more. It grew to 464 later, by the prompts that it keeps. A file of one's own comes on
# top.
_LOCAL = "127.0.0.1"
_MODEL_BYTES = 512 * 1024 * 1024

# What numpy in jobs is to use of the processor, where it cannot find out.
_NUMPY = frozenset({"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"})

# By which an ordinary user's systemd is found, and asked for a cgroup.
_SYSTEMD = frozenset({"XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"})

# Where pip finds packages, and how it gets there. What stands in these may be secret.
_PIP = frozenset(
    (
        *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_CONFIG_FILE", "PIP_PROXY"),
        *("PIP_CERT", "PIP_CLIENT_CERT", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT", "PIP_RETRIES"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    )
)

# By which our own Python finds our own packages. Another release's must not find them.
_OWN_PACKAGES = frozenset({"PYTHONPATH", "PYTHONHOME"})

# An allow-list: what else stands in the environment of `council up`, such as keys for other programs, is not for services.
_INHERITED = frozenset({"PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"})
_INHERITED_PREFIXES = ("LC_", "PYTHON", config_module.ENVIRONMENT_PREFIX)

# The first is the owner's own key. The others are set for each child anew, so what we inherited must not reach it.
_KEPT_BACK = frozenset(
    f"{config_module.ENVIRONMENT_PREFIX}{name}"
    for name in (
        *("TOKEN", "SERVICE", "REPLICA", "GENERATION", "SUPERVISOR_PID"),
        *("SOCKETS", "WAITING", "PEERS", "READY_FD", "ORDERS_FD", "OWN_PYTHON", "GONE_ON_AS"),
    )
)


def inherited(spec: ServiceSpec, surrounding: Mapping[str, str]) -> dict[str, str]:
    """Return which of the supervisor's variables the service gets."""
    kept_back = _KEPT_BACK | (_SERVERS - spec.inherits)
    if spec.argv[0] != sys.executable:
        kept_back |= _OWN_PACKAGES
    return {
        name: value
        for name, value in surrounding.items()
        if (name in _INHERITED or name in spec.inherits or name.startswith(_INHERITED_PREFIXES))
        and name not in kept_back
    }


_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}


def targets(services: Sequence[ServiceSpec], config: config_module.Config) -> list[dict[str, Any]]:
    """Return Prometheus' file_sd list: the first TCP socket of each service serves its `/metrics`."""
    schemes = {"gateway": {"__scheme__": "https"}} if config.gateway.tls_cert_file else {}
    found: list[dict[str, Any]] = []
    for service in services:
        first = next((socket for socket in service.sockets if socket.kind == "tcp"), None)
        if first is not None:
            host = _ANY_ADDRESS.get(first.host, first.host)
            address = f"[{host}]:{first.port}" if ":" in host else f"{host}:{first.port}"
            found.append({"targets": [address], "labels": {"svc": service.name, **schemes.get(service.name, {})}})
    return found
