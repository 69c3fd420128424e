"""Gathers what `upkeep/security` judges: packages, settings, files, keys, sockets, what the blueprint holds. It only reads.

What this process may not look at is told as unknown: in a service that confines itself much is, so `IN_SERVICES` names what one
can see; the owner's command sees all.
"""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from packaging import markers, utils

from council import homes
from council.domain import config as config_module
from council.domain import errors, home, release_pin, security
from council.kit import certificates, confine, port_users
from council.patching import situation
from council.releases import approvals, environments, folder, locks
from council.services import advisory_files, rights
from council.upkeep.bots import security as drafts
from council.upkeep.engine import blueprint
from council.upkeep.patchctl import journal_key
from council.upkeep.patchctl.core import secrecy, signature
from council.upkeep.security import advisories, configuration, house

EVERYTHING = frozenset(security.Check)
IN_SERVICES = frozenset(
    {
        security.Check.PACKAGES,
        security.Check.SETTINGS,
        security.Check.KEYS,
        security.Check.SIGNERS,
        security.Check.SECRETS,
    }
)
_OWN = "council-cloud"
_FILES_MAX = 5000
_FILE_BYTES_MAX = 2 * 1024 * 1024
_NOTE_BYTES_MAX = 1024 * 1024
_RELEASES_MAX = 32
# Names beside services among the numbers of a home that no process runs under.
_GROUPS_ALONE = frozenset({"council", "key", "records"})


def look(
    where: home.Home,
    config: config_module.Config,
    shelf: advisory_files.Shelf,
    now_s: float,
    checks: Collection[security.Check] = EVERYTHING,
) -> security.Report:
    """Return what these checks find. Raises BlueprintError, ConfigError where there is no blueprint to look at."""
    live = where.generations / blueprint.current(where)
    looked: list[security.Looked] = []
    data: tuple[security.Data, ...] = ()
    expiries: tuple[tuple[str, float], ...] = ()
    if security.Check.PACKAGES in checks:
        packages = installed(where)
        sources = shelf.sources(packages or ())
        data = tuple(one.data for one in sources)
        looked.append(advisories.look(packages, sources, now_s))
    if security.Check.SETTINGS in checks:
        looked.append(configuration.look(config, has_paid=_has_paid(where, config)))
    if security.Check.KEYS in checks or security.Check.SIGNERS in checks:
        seen = situation.look_at(live)
        keys, untold = _keys(where, config, seen, with_journal=security.Check.FILES in checks)
        expiries = house.expiries(keys)
        looked.append(house.keys(keys, untold, now_s))
        looked.append(house.signers(seen.policy, seen.certificates.keys()))
    if security.Check.SECRETS in checks:
        looked.append(house.secrets(*_secrets(live)))
    if security.Check.FILES in checks:
        looked.append(_files(where, config))
    if security.Check.PORTS in checks:
        looked.append(_ports(where, config))
    if security.Check.CONFINEMENT in checks:
        looked.append(_confinement(where, config))
    made = security.together(now_s, tuple(looked), data)
    return security.Report(made.at_s, made.findings, made.unknown, made.data, expiries)


# Packages


def installed(where: home.Home) -> list[advisories.Package] | None:
    """Return the packages of the release that serves, None where they cannot be listed."""
    try:
        pin = homes.load_pin(where, blueprint.current(where))
    except errors.CouncilError:
        return None
    if pin is None:
        found = importlib.metadata.distributions()
    else:
        places = sorted(environments.folder(where, pin.digest).glob("lib/python*/site-packages"))
        if not places:
            return None
        found = importlib.metadata.distributions(path=[str(one) for one in places])
    packages = {utils.canonicalize_name(one.metadata["Name"]): one.version for one in found if one.metadata["Name"]}
    return [advisories.Package(name, version) for name, version in sorted(packages.items()) if name != _OWN]


def _has_paid(where: home.Home, config: config_module.Config) -> bool | None:
    try:
        found = homes.load_catalogue(where, None, config)
    except errors.CouncilError:
        return None
    prices = (each.price for one in found.models.values() for each in one.deployments)
    return any(price is None or not price.free for price in prices)


# Keys, and files of the blueprint


def _keys(
    where: home.Home, config: config_module.Config, seen: situation.Sight, *, with_journal: bool
) -> tuple[list[house.Key], list[tuple[str, str]]]:
    found: list[house.Key] = []
    untold: list[tuple[str, str]] = []
    for fingerprint, certificate in seen.certificates.items():
        signer = seen.policy.signers[fingerprint]
        if fingerprint in seen.policy.revoked:
            continue
        step = f"extend the key and list it anew: `council keys add {fingerprint} --name {signer.name}`"
        found.append(house.Key("signer", signer.name, certificate.keys[fingerprint].expires, step))
    if config.gateway.tls_cert_file:
        try:
            ends_s = certificates.first_end_s(Path(config.gateway.tls_cert_file).read_text("ascii"))
            step = "put a new certificate and its key in their places, then start the gateway anew"
            found.append(house.Key("tls", "the gateway's TLS certificate", ends_s, step))
        except OSError as error:
            untold.append(("the gateway's TLS certificate", f"cannot be read: {error.strerror}"))
        except ValueError as error:
            untold.append(("the gateway's TLS certificate", str(error)))
    if with_journal:
        try:
            name = journal_key.fingerprint(where.journal_certificate_file)
            if name:
                raw = where.journal_certificate_file.read_bytes()
                ends_at_s = signature.read_certificate(name, raw).keys[name].expires
                step = "`council init` makes one where there is none; keep the old public half for old checkpoints"
                found.append(house.Key("journal", "the key that seals the journal", ends_at_s, step))
        except (errors.CouncilError, OSError) as error:
            untold.append(("the key that seals the journal", str(error)))
    return found, untold


def _secrets(live: Path) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    found: list[tuple[str, str]] = []
    unread: list[tuple[str, str]] = []
    for number, path in enumerate(sorted(one for one in live.rglob("*") if one.is_file() and not one.is_symlink())):
        name = path.relative_to(live).as_posix()
        if number >= _FILES_MAX:
            unread.append((name, f"no more than {_FILES_MAX} files are looked at"))
            break
        try:
            with path.open("rb") as opened:
                what = secrecy.find(opened.read(_FILE_BYTES_MAX))
        except OSError as error:
            unread.append((name, f"cannot be read: {error.strerror}"))
            continue
        if what is not None:
            found.append((name, what))
    return found, unread


# Files of the home


def _files(where: home.Home, config: config_module.Config) -> security.Looked:
    ids = _noted(where.root / "users.json").get("ids", {})
    services = {int(number) for number in ids.values()} if isinstance(ids, dict) else set()
    held: list[house.Held] = []
    closed: list[tuple[str, str]] = []
    owners = {0, os.geteuid(), *services}
    with contextlib.suppress(OSError):
        owners.add(where.root.stat().st_uid)
    secret = (
        where.token_file, where.secrets, where.records, where.recall, where.store, where.sandbox, where.watch,
        where.notices, where.monitoring, where.lineage, where.logs,
    )  # fmt: skip
    plain = (
        where.root, where.library, where.generations, where.blueprint, where.forge, where.releases, where.models,
        where.advisories, where.run,
    )  # fmt: skip
    for path in (*secret, *_inside(where.secrets, closed), *plain):
        found = _held(path, path not in plain, services, closed)
        held += [] if found is None else [found]
    if config.gateway.tls_key_file:
        path = Path(config.gateway.tls_key_file)
        group: set[int] = set()
        # What is closed to whoever looks is told by `_held`.
        with contextlib.suppress(OSError):
            # Its group is whom the system lets read such keys.
            group = {path.stat().st_gid}
        found = _held(path, True, group, closed)
        held += [] if found is None else [found]
        owners.add(found.uid if found is not None else 0)
    return house.files(held, owners, closed)


def _inside(top: Path, closed: list[tuple[str, str]]) -> Iterator[Path]:
    try:
        entries = sorted(top.iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        closed.append((str(top), f"cannot be looked into: {error.strerror}"))
        return
    for one in entries:
        yield one
        if one.is_dir() and not one.is_symlink():
            yield from _inside(one, closed)


def _held(path: Path, is_secret: bool, groups: Collection[int], closed: list[tuple[str, str]]) -> house.Held | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        closed.append((str(path), f"cannot be looked at: {error.strerror}"))
        return None
    if stat.S_ISLNK(found.st_mode):
        return None
    # A group of our own has no members but services.
    others = 0o007 if found.st_gid in groups else 0o077
    return house.Held(PurePosixPath(path), is_secret, found.st_mode, others, found.st_uid)


# Sockets and confinement


def _ports(where: home.Home, config: config_module.Config) -> security.Looked:
    wanted = {(config.gateway.host, config.port)} | {
        ("127.0.0.1", config.port + above + beside) for above in range(1, 7) for beside in (0, config_module.STAGING)
    }
    wanted.add(("127.0.0.1" if configuration.is_loopback(config.gateway.host) else config.gateway.host,
                config.port + config_module.STAGING))  # fmt: skip
    try:
        listening = port_users.listeners()
    except (OSError, ValueError, IndexError):
        return house.ports(None, wanted, ())
    if not _regime(where)[0]:
        wanted = set()  # nothing of ours runs: who has a port now is none of our business
    ids = _noted(where.root / "users.json").get("ids", {})
    by_uid = {int(number): name for name, number in ids.items() if name not in _GROUPS_ALONE}
    by_inode: dict[str, str] = {}
    unseen = []
    for name, pid in _processes(where):
        inodes = port_users.inodes_of(pid)
        if inodes is None and _regime(where)[0] != "users":
            unseen.append(name)
        by_inode |= dict.fromkeys(inodes or (), name)
    found = [
        house.Listening(one.host, one.port, name, is_ours=bool(name))
        for one in listening
        for name in (by_inode.get(one.inode) or by_uid.get(one.uid, ""),)
    ]
    return house.ports(found, wanted, sorted(set(unseen)))


def _processes(where: home.Home) -> Iterator[tuple[str, int]]:
    with contextlib.suppress(OSError, ValueError):
        yield "supervisor", int((where.run / "supervisor.lock").read_text()[:32])
    children = _noted(where.run / "children.json").get("children", [])
    for one in children if isinstance(children, list) else []:
        with contextlib.suppress(KeyError, TypeError, ValueError):
            yield str(one["service"]), int(one["pid"])


def _confinement(where: home.Home, config: config_module.Config) -> security.Looked:
    name, reason = _regime(where)
    why = rights.why_not_confined("sandboxd", config)
    bare = [("sandboxd", why)] if why else []
    return house.confinement(name, reason, confine.landlock_abi(), bare)


def _regime(where: home.Home) -> tuple[str, str]:
    """Return which regime holds while Council runs, and why not the other; "" where nothing runs."""
    noted = _noted(where.run / "regime.json")
    return str(noted.get("name", "")), str(noted.get("reason", ""))


def _noted(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as opened:
            found = json.loads(opened.read(_NOTE_BYTES_MAX))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


# What a patch would begin from


def held(
    where: home.Home, shelf: advisory_files.Shelf, now_s: float, beside: Sequence[Path] | None = None
) -> drafts.Held:
    """Return what `drafts.draft` begins from. Raises BlueprintError, ConfigError, SetupError.

    `beside` are the folders of releases that could be pinned, None for those beside the one that is.
    """
    generation = blueprint.current(where)
    settings = homes.read_yaml(where.generations / generation / homes.CONFIG_FILE)
    pin = homes.load_pin(where, generation)
    return drafts.Held(settings, pin, tuple(_releases(where, pin, shelf, now_s, beside)))


def _releases(
    where: home.Home,
    pin: release_pin.Pin | None,
    shelf: advisory_files.Shelf,
    now_s: float,
    beside: Sequence[Path] | None = None,
) -> Iterator[drafts.Release]:
    """Yield the approved releases that lie beside the one that is pinned, with what advisories tell of each."""
    if pin is None:
        return
    approved = approvals.approved(where)
    if beside is None:
        beside = sorted(one for one in Path(pin.folder).parent.iterdir() if one.is_dir())[:_RELEASES_MAX]
    for place in beside:
        try:
            release = folder.read(place)
            folder.check_digests(release)
            packages = _locked(locks.read(release.lock))
        except errors.CouncilError:
            continue
        other = release_pin.Pin(release.version, digest_of(release), str(place))
        if other.digest not in approved or other == pin:
            continue
        looked = advisories.look(packages, shelf.sources(packages), now_s)
        # What nobody knows of a release is no reason to pin it.
        if not looked.unknown:
            names = (one.mend.package for one in looked.findings if isinstance(one.mend, security.Upgrade))
            yield drafts.Release(other, tuple(sorted(set(names))))


def digest_of(release: folder.Release) -> str:
    """Return what a release is pinned by."""
    return hashlib.sha256(release.sums).hexdigest()


def _locked(pins: Sequence[locks.Pin]) -> list[advisories.Package]:
    """Return what a lock gives this machine."""
    return [
        advisories.Package(one.name, one.version)
        for one in pins
        if not one.marker or markers.Marker(one.marker).evaluate()
    ]
