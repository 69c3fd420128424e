"""What runs under the supervisor: the table of services with their sockets, as data. Pure."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from council.backends.store import bundled
from council.domain import config as config_module
from council.domain import home as home_module

BACKLOG = 2048

# The allow-lists of decision 4, by service name. Both services come with later issues.
REPLACE_ALLOWED = frozenset({"patchctl"})
REPAIR_ALLOWED = frozenset({"steward"})


@dataclass(frozen=True, slots=True)
class SocketSpec:
    """A listening socket. `host` and `port` belong to tcp, the rest to unix; `caller` is the service that may connect."""

    name: str
    kind: Literal["tcp", "unix"]
    host: str = "127.0.0.1"
    port: int = 0
    path: Path = Path()
    mode: int = 0o600
    caller: str = ""


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A service. Ready is told by the child's own line (`notify`) or by PING on `ping_path` (`ping`)."""

    name: str
    argv: tuple[str, ...]
    replicas: int = 1
    sockets: tuple[SocketSpec, ...] = ()
    ready: Literal["notify", "ping"] = "notify"
    environment: Mapping[str, str] = field(default_factory=dict)
    ping_path: Path = Path()


def specs(config: config_module.Config, home: home_module.Home, generation: str) -> tuple[ServiceSpec, ...]:
    """Return every service in start order; they stop in reverse."""

    def service(name: str, *sockets: SocketSpec, **options: Any) -> ServiceSpec:
        argv = (sys.executable, "-m", "council", "run", name, "--home", str(home.root))
        # The flags of `council up` reach the services through the variables that config.build reads.
        return ServiceSpec(name, argv, sockets=sockets, environment={"COUNCIL_PORT": str(config.port)}, **options)

    local = "127.0.0.1"
    store = service("store", ready="ping", ping_path=bundled.socket(home))
    return (
        *(() if config.store.url else (store,)),
        service("model", SocketSpec("public", "tcp", local, config.model_port)),
        service("worker", SocketSpec("compute", "unix", path=home.socket("worker"), caller="gateway")),
        service(
            "recall",
            SocketSpec("search", "unix", path=home.socket("recall"), caller="gateway"),
            SocketSpec("health", "tcp", local, config.recall_port),
        ),
        service(
            "gateway", SocketSpec("public", "tcp", config.gateway.host, config.port), replicas=config.gateway.workers
        ),
    )


_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}


def targets(services: Sequence[ServiceSpec]) -> list[dict[str, Any]]:
    """Return Prometheus' file_sd list: the first TCP socket of each service serves its `/metrics`."""
    found: list[dict[str, Any]] = []
    for service in services:
        first = next((socket for socket in service.sockets if socket.kind == "tcp"), None)
        if first is not None:
            host = _ANY_ADDRESS.get(first.host, first.host)
            address = f"[{host}]:{first.port}" if ":" in host else f"{host}:{first.port}"
            found.append({"targets": [address], "labels": {"svc": service.name}})
    return found
