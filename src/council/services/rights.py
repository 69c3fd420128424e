"""What each process may reach: the table of decision 8, as data, and its one application.

Every process reads the Python environment and the system's libraries; beside that only what its row names. The worker reads
nothing of the home; it, recall, the store and sandboxd can make no socket but Unix ones, except recall where the records are a
server's. Where the kernel cannot confine so far the process says so in its log and goes on; `council doctor` shows whether
there is Landlock.

Two are excepted. The zygote, since Landlock forbids mounts and a process that cannot be inspected cannot write id maps: each
sandbox that it makes gets all of it and more. And sandboxd where it starts the jobs' programs itself (`why_not_confined`).
"""

import contextlib
import logging
import mimetypes
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import council
from council import homes
from council.domain import backup, errors, home
from council.domain import config as config_module
from council.kit import confine, environment
from council.releases import folder
from council.services import records_rights

_log = logging.getLogger(__name__)

_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/proc", "/sys", "/opt")
# Not all of /etc, which holds the keys and passwords of others. Each file is allowed as it lies there now: one that is
# replaced later, as a new resolv.conf, is read after the service's next start.
_ETC = (
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "timezone", "passwd", "group", "protocols", "services"),
    *("hosts", "host.conf", "resolv.conf", "nsswitch.conf", "gai.conf"),
    *("ssl/certs", "ssl/cert.pem", "ssl/openssl.cnf", "ca-certificates", "ca-certificates.conf"),
    *("pki/ca-trust", "pki/tls/certs", "pki/tls/cert.pem", "pki/tls/openssl.cnf", "crypto-policies"),
)
_DEVICES_READ = ("zero", "random", "urandom", "full")
_DEVICES_WRITTEN = ("null",)

# Who can do with Unix sockets and what it inherits.
UNIX_ONLY = frozenset({"worker", "recall", "store", "sandboxd", "migrator"})


def confine_service(
    service: str, config: config_module.Config, where: home.Home, providers: tuple[int, ...] = ()
) -> None:
    """Take away every right that `service` does not need, of the records' tables too. Call it once, before serving.

    `providers` are the ports of the models' servers that the gateway asks, and of who collects its traces.
    """
    records_rights.limit(service)
    reason = why_not_confined(service, config)
    if reason:
        _log.warning("not confined", extra={"service": service, "reason": reason})
        return
    confine.seal()
    abi = confine.apply(confinement_of(service, config, where, providers))
    sockets = _confine_sockets(service, config)
    if abi == 0:
        _log.warning("no Landlock on this kernel, so only file modes confine this process", extra={"service": service})
    elif abi < confine.TCP_ABI_MIN:
        _log.warning("this kernel's Landlock does not govern TCP", extra={"landlock_abi": abi, "service": service})
    _log.info("confined", extra={"landlock_abi": abi, "sockets": sockets})


def confine_installer(where: home.Home, release: Path, target: Path, environment: Mapping[str, str]) -> None:
    """Take away every right but to read a release and pip's settings, to reach the network, and to fill the folder `target`."""
    records_rights.limit("installer")
    confine.seal()
    read = [*_readable(where), release, *_pip_places(environment)]
    write = [Path("/dev", name) for name in _DEVICES_WRITTEN]
    abi = confine.apply(confine.Confinement(read, write, bind_ports=(), own=(target,)))
    _log.info("confined", extra={"landlock_abi": abi, "sockets": "all"})


def confine_keys(where: home.Home) -> None:
    """Take away every right but to read the keys of bots and what serves: for the process that keeps them."""
    _confine_to(where, where.bot_keys)


def confine_signing(where: home.Home, key: Path) -> None:
    """Take away every right but to read one bot's key and what serves, for the child that signs one draft."""
    _confine_to(where, key)


def _confine_to(where: home.Home, keys: Path) -> None:
    records_rights.limit("keys")
    confine.seal()
    # A blueprint from before there was a file has the default one.
    read = [*_readable(where), where.generations, where.current, *homes.default_folders().values(), keys]
    confine.apply(confine.Confinement(read, [], connect_ports=(), bind_ports=()))
    try:
        confine.deny_sockets()
    except OSError as error:
        _log.warning("no socket filter, so this process can reach the network", extra={"reason": str(error)})


def _pip_places(environment: Mapping[str, str]) -> list[Path]:
    """Return what pip reads: its settings, what its variables name, and what it takes from the system or else ends."""
    named = (environment.get(name, "") for name in ("PIP_FIND_LINKS", "PIP_CONFIG_FILE", "PIP_CERT", "PIP_CLIENT_CERT"))
    own = Path(environment.get("HOME", "/nonexistent"))
    given = (Path(word) for words in named for word in words.split() if word.startswith("/"))
    system = (Path("/etc/debian_version"), *Path("/etc").glob("*-release"), *map(Path, mimetypes.knownfiles))
    settings = [Path("/etc/pip.conf"), Path("/etc/xdg/pip"), own / ".config" / "pip", own / ".pip", own / ".netrc"]
    return [*settings, *given, *system]


def why_not_confined(service: str, config: config_module.Config) -> str:
    """Return why `service` goes without the row of the table, empty where it does not."""
    if service == "zygote":
        return "it mounts file systems and writes id maps, which confinement forbids"
    if service == "sandboxd" and (kind := config.sandbox.kind) != "namespaces":
        return f"with `sandbox.kind` {kind} it starts {_PROGRAMS[kind]}, which needs rights that confinement takes away"
    return ""


_PROGRAMS = {"firejail": "the setuid program firejail", "gvisor": "gVisor's runsc"}


def _confine_sockets(service: str, config: config_module.Config) -> str:
    """Take away the sockets that `service` does not need; return which kinds it can still make."""
    if service not in UNIX_ONLY or (service in ("recall", "migrator") and config.records.url):
        return "all"
    try:
        confine.deny_sockets()
    except OSError as error:
        _log.warning("no socket filter, so this process can reach the network", extra={"reason": str(error)})
        return "all"
    return "unix"


def confinement_of(
    service: str, config: config_module.Config, where: home.Home, providers: tuple[int, ...] = ()
) -> confine.Confinement:
    """Return the row of the table for `service`, which holds unless `why_not_confined` has a reason."""
    read, write = _readable(where), [Path("/dev", name) for name in _DEVICES_WRITTEN]
    connect: tuple[int, ...] | None = ()
    match service:
        case "gateway":
            read += [where.generations, where.current]
            read += [where.internal_key_file, where.metrics_key_file, where.trial_key_file, where.reader_key_file]
            # Again and again, so that another key counts without a new start.
            read += [where.provider_keys]
            named = (config.gateway.tls_cert_file, config.gateway.tls_key_file, config.tracing.ca_file)
            read += [Path(file) for file in named if file]
            write += [where.records, where.run / "metrics"]
            # A database or store elsewhere may be on any port, so TCP stays open only where one is configured.
            connect = None if config.records.url or config.store.url else (*providers, config.patchctl_port)
        case "model":
            write += _cards()
            read += [where.models, where.internal_key_file]
            read += [Path(config.model.file)] if config.model.file else []
        case "recall" | "migrator":
            if service == "recall":
                read += [where.generations, where.current, where.library]
                write += [where.recall, where.uploads]
            write += [where.records]
            connect = None if config.records.url else ()
        case "watcher" | "messenger":
            if service == "watcher":
                read += [where.generations, where.current, where.run]
                write += [where.watch, where.monitoring, *_cards()]
            write += [where.records, where.notices]
            # Notices go to whatever address there is, and the records may be a server's, on any port.
            anywhere = bool(config.records.url) or any(where.notify_addresses.glob("*.url"))
            connect = None if anywhere else _watched_ports(config)
        case "patchctl":
            # A blueprint from before there was a file has the default one.
            read += [where.current, where.targets_file, *homes.default_folders().values()]
            read += [where.journal_key_file, where.metrics_key_file, where.trial_key_file]
            read += [where.patches_key_file, where.steward_key_file, where.reader_key_file, where.autonomy]
            write += [where.generations, where.blueprint, where.lineage, where.patch_work]
            # The keys of providers it puts there, and cannot read.
            return confine.Confinement(read, write, _tried_ports(config), (), put=(where.provider_keys,))
        case "steward":
            read += [where.generations, where.current, where.library, where.steward_key_file, where.bots_key_file]
            # How safe it is: advisories, the packages of a pinned release, and until when the certificate lasts.
            read += [where.advisories, where.releases, where.autonomy]
            read += [Path(config.gateway.tls_cert_file)] if config.gateway.tls_cert_file else []
            # Playbooks, gates and sentinels of a blueprint from before there were such are the default ones.
            read += homes.default_folders().values()
            write += [where.records, where.forge, where.steward_work]
            # A forge, a store or a database elsewhere may be on any port.
            anywhere = config.forge.kind == "github" or bool(config.store.url) or bool(config.records.url)
            connect = None if anywhere else (config.patchctl_port,)
        case "bots":
            return _of_bots(config, where, read, write)
        case "backup":
            return _backup_row(read, write, config, where)
        case "store" | "sandboxd":
            write += [where.store if service == "store" else where.sandbox]
        case _:
            # What an installer may do beyond this is of one installation, see `confine_installer`.
            assert service in ("worker", "installer"), f"no row for {service}"
    # llama.cpp opens a port of its own; every other process listens only on what it inherits.
    bind: tuple[int, ...] | None = None if service == "model" else ()
    return confine.Confinement(read, write, connect, bind)


def _backup_row(
    read: Sequence[Path], write: Sequence[Path], config: config_module.Config, where: home.Home
) -> confine.Confinement:
    """Return the row of what reads all of the home, for as long as a snapshot takes. Snapshots elsewhere are on any port."""
    whole = (where.generations, where.current, where.secrets, where.token_file, where.library, where.sandbox)
    parts = (where.store, where.blueprint, where.forge, where.lineage, where.autonomy)
    target = backup.target(config.backup.target) if config.backup.target else None
    is_away = target is not None and target.place is not backup.Place.FOLDER
    folders = [Path(target.path)] if target is not None and not is_away else []
    connect: tuple[int, ...] | None = None if is_away or config.records.url else ()
    own = [where.backup_work, *folders]
    return confine.Confinement([*read, *whole, *parts], [*write, where.records], connect, (), own)


def _of_bots(
    config: config_module.Config, where: home.Home, read: list[Path], write: list[Path]
) -> confine.Confinement:
    """Return the row of the bots, which is without their keys: see `confine_keys`."""
    read = [*read, where.generations, where.current, where.bots, where.bots_key_file, where.bots_token_file]
    # How safe it is, and which releases it could run instead: those beside the one that is pinned.
    read += [where.advisories, where.releases, where.approved_releases_file, *releases_beside(where)]
    # The page of coverage as this release ships it.
    read += homes.default_folders().values()
    connect = None if config.records.url else (config.port, config.patchctl_port, config.steward_port)
    return confine.Confinement(read, [*write, where.records], connect, ())


_RELEASES_MAX = 32


def releases_beside(where: home.Home) -> list[Path]:
    """Return the folders of the releases that lie where a pinned one does, and nothing else that lies there."""
    found: set[Path] = set()
    with contextlib.suppress(errors.CouncilError, OSError):
        for pin in homes.pins(where):
            if pin is not None:
                found |= {one for one in Path(pin.folder).parent.iterdir() if (one / folder.SUMS).is_file()}
    return sorted(found)[:_RELEASES_MAX]


def _cards() -> list[Path]:
    """Return NVIDIA's device files, by which the driver is asked, and a model would compute."""
    return sorted(Path("/dev").glob("nvidia*"))


def _watched_ports(config: config_module.Config) -> tuple[int, ...]:
    """Return the ports of the services that tell metrics, tried ones too, and of the programs that stand beside the watcher."""
    beside = (urllib.parse.urlsplit(url) for url in (config.watch.prometheus_url, config.watch.alertmanager_url))
    return (*_tried_ports(config), *(one.port or (443 if one.scheme == "https" else 80) for one in beside))


def _tried_ports(config: config_module.Config) -> tuple[int, ...]:
    """Return the ports of the live services and of those that are tried beside them."""
    live = (config.port, config.patchctl_port, config.watcher_port, config.steward_port, config.sandboxd_port)
    return tuple(
        port + above for port in (*live, config.model_port, config.recall_port) for above in (0, config_module.STAGING)
    )


def _readable(where: home.Home) -> list[Path]:
    """Return where Python, its packages, this package and what they need of the system lie, less the home."""
    # The folder that it is found in, for the children that import it anew: site-packages, or `src` of a checkout.
    own = Path(council.__file__).resolve().parents[1]
    roots = {*environment.python_folders(), own, *map(Path, _SYSTEM), *(Path("/etc", name) for name in _ETC)}
    closed = where.root.resolve()
    found = {part for root in roots for part in _without(root.resolve(), closed)}
    return sorted(found | {Path("/dev", name) for name in _DEVICES_READ})


def _without(root: Path, closed: Path) -> Iterator[Path]:
    """Yield `root`, or what it holds now beside `closed`: Landlock cannot take a folder out of one that it allowed."""
    if not closed.is_relative_to(root):
        yield root
    elif closed != root:
        try:
            inner = sorted(root.iterdir())
        except OSError:
            return
        for part in inner:
            # A link may lead anywhere; where it leads has a name of its own.
            if not part.is_symlink():
                yield from _without(part, closed)
