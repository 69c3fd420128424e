"""What each process may reach: the table of decision 8, as data, and its one application.

Every process reads the Python environment and the system's libraries; beside that only what its row names. The worker reads
nothing of the home and has no TCP at all. Where the kernel has no Landlock the process says so in its log and goes on;
`council doctor` shows it.
"""

import logging
import sys
from pathlib import Path

import council
from council.domain import config as config_module
from council.domain import home
from council.kit import confine, environment

_log = logging.getLogger(__name__)

_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc", "/proc", "/sys", "/opt")


def confine_service(service: str, config: config_module.Config, where: home.Home) -> None:
    """Take away every right that `service` does not need. Call it once, before serving."""
    confine.seal()
    confinement = confinement_of(service, config, where)
    abi = confine.apply(confinement)
    if abi == 0:
        _log.warning("no Landlock on this kernel, so only file modes confine this process", extra={"service": service})
    else:
        _log.info("confined", extra={"landlock_abi": abi})


def confinement_of(service: str, config: config_module.Config, where: home.Home) -> confine.Confinement:
    """Return the row of the table for `service`."""
    read, write = [*_environment(where)], [Path("/dev")]
    connect: tuple[int, ...] | None = ()
    match service:
        case "gateway":
            read += [where.generations, where.current, where.internal_key_file]
            read += [Path(file) for file in (config.gateway.tls_cert_file, config.gateway.tls_key_file) if file]
            write += [where.records, where.run / "metrics"]
            # A database or store elsewhere may be on any port, so TCP stays open only where one is configured.
            connect = None if config.records.url or config.store.url else (config.model_port,)
        case "model":
            read += [where.models, where.internal_key_file]
            read += [Path(config.model.file)] if config.model.file else []
        case "recall":
            read += [where.generations, where.current, where.library]
        case "store":
            write += [where.store]
        case "worker":
            pass
        case _:
            raise AssertionError(f"no row for {service}")
    # llama.cpp opens a port of its own; every other process listens only on what it inherits.
    bind: tuple[int, ...] | None = None if service == "model" else ()
    return confine.Confinement(read, write, connect, bind)


def _environment(where: home.Home) -> list[Path]:
    """Return where Python, its packages and this package lie.

    Landlock cannot take a folder out of one that it allowed, and a home may well lie in /opt.
    """
    own = Path(council.__file__).resolve().parent
    system = [Path(root) for root in _SYSTEM if root != "/opt" or not where.root.resolve().is_relative_to(root)]
    roots = {*environment.python_folders(), own, *system}
    return sorted({root.resolve() for root in roots} | {Path(sys.prefix)})
