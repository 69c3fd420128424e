"""The home and its processes: modes and owners of files, listening sockets, keys that end, signers, confinement. Pure."""

import stat
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from council.domain import authz, security
from council.upkeep.security import configuration

NEAR_DAYS = 30.0
_SOON_DAYS = 7.0


# Files


@dataclass(frozen=True, slots=True)
class Held:
    """A file or folder as it lies there. `is_secret`: nobody may read it but who uses it; else nobody else may write it.

    `others` are the bits of its mode that are others' than those who use it.
    """

    path: PurePosixPath
    is_secret: bool
    mode: int
    others: int
    uid: int


def files(held: Sequence[Held], owners: Collection[int], closed: Sequence[tuple[str, str]]) -> security.Looked:
    """Return what is too open, or somebody else's. `owners` are root, whose home it is, and its services.

    `closed` is what could not be looked at, each with why.
    """
    found: list[security.Finding] = []
    for one in held:
        found += _modes(one)
        if one.uid not in owners:
            found.append(
                _file(
                    security.Severity.HIGH,
                    one,
                    "It belongs to a user who is neither the owner of the home nor one of its services",
                    f"user {one.uid}",
                    f"`chown` it to the owner of the home, once you know who put {one.path.name} there",
                )
            )
    unknown = tuple(security.Unknown(security.Check.FILES, f"{path}: {why}") for path, why in closed)
    return security.Looked(tuple(found), unknown)


def _modes(one: Held) -> Iterator[security.Finding]:
    written = one.mode & one.others & 0o022
    if one.is_secret and one.mode & one.others & 0o066:
        text, severity = "Others may read a secret", security.Severity.HIGH
    elif written:
        text, severity = "Others may write it", security.Severity.HIGH
    else:
        return
    if one.is_secret and written:
        severity = security.Severity.CRITICAL
    step = f"`chmod go-rwx {one.path}`" if one.is_secret else f"`chmod go-w {one.path}`"
    yield _file(severity, one, text, f"mode {stat.S_IMODE(one.mode):04o}", step)


def _file(severity: security.Severity, one: Held, text: str, evidence: str, step: str) -> security.Finding:
    return security.Finding(security.Check.FILES, severity, str(one.path), text, evidence, step)


# Ports


@dataclass(frozen=True, slots=True)
class Listening:
    """A listening TCP socket. `service` is who has it, "" where that could not be seen; `is_ours` by its user or process."""

    host: str
    port: int
    service: str
    is_ours: bool


def ports(
    listening: Sequence[Listening] | None, wanted: Collection[tuple[str, int]], unseen: Sequence[str]
) -> security.Looked:
    """Return sockets that listen where they should not: `wanted` has host and port of each that should.

    `unseen` are processes of ours whose sockets nobody could look at; None for `listening`: nothing could be seen at all.
    """
    check = security.Check.PORTS
    if listening is None:
        return security.Looked(unknown=(security.Unknown(check, "the kernel's list of sockets cannot be read"),))
    hosts = {port: host for host, port in wanted}
    found = []
    for one in listening:
        who = f" of {one.service}" if one.service else ""
        evidence = f"{one.host} port {one.port}{who}"
        if one.port in hosts:
            if configuration.is_loopback(hosts[one.port]) and not configuration.is_loopback(one.host):
                text = "A port that should be reached from this machine alone is open to others"
                step = "see who listens there with `ss -ltnp`; if it is Council's, stop it with `council down`"
                found.append(security.Finding(check, security.Severity.HIGH, f"port {one.port}", text, evidence, step))
        elif one.is_ours and not configuration.is_loopback(one.host):
            text = "A process of Council listens beyond loopback on a port that is none of its own"
            step = "`council down`, and see what is in the service's log before you start it again"
            found.append(security.Finding(check, security.Severity.CRITICAL, f"port {one.port}", text, evidence, step))
    unknown: tuple[security.Unknown, ...] = ()
    if unseen:
        why = f"sockets of {', '.join(sorted(unseen)[:8])} can be looked at by root alone, beyond Council's own ports"
        unknown = (security.Unknown(check, why, "run the command as root"),)
    return security.Looked(tuple(found), unknown)


# Keys and signers


@dataclass(frozen=True, slots=True)
class Key:
    """A key or certificate. `kind` is of a closed set: tls, signer, journal. `expires_s` None is never."""

    kind: str
    name: str
    expires_s: float | None
    next_step: str


def keys(found: Sequence[Key], untold: Sequence[tuple[str, str]], now_s: float) -> security.Looked:
    """Return the keys that have ended or are about to. `untold` are those that could not be read, each with why."""
    findings = [each for one in found for each in _ending(one, now_s)]
    unknown = tuple(security.Unknown(security.Check.KEYS, f"{name}: {why}") for name, why in untold)
    return security.Looked(tuple(findings), unknown)


def expiries(found: Sequence[Key]) -> tuple[tuple[str, float], ...]:
    """Return when the first key of each kind ends."""
    first: dict[str, float] = {}
    for one in found:
        if one.expires_s is not None:
            first[one.kind] = min(one.expires_s, first.get(one.kind, one.expires_s))
    return tuple(sorted(first.items()))


def _ending(one: Key, now_s: float) -> Iterator[security.Finding]:
    if one.expires_s is None:
        return
    days = (one.expires_s - now_s) / security.DAY_S
    if days > NEAR_DAYS:
        return
    severity = security.Severity.HIGH if days <= _SOON_DAYS else security.Severity.MEDIUM
    text = "It has ended" if days <= 0 else f"It ends in {days:.0f} days"
    evidence = f"valid {'until' if days <= 0 else 'for'} {abs(days):.1f} days{' ago' if days <= 0 else ' more'}"
    yield security.Finding(security.Check.KEYS, severity, one.name, text, evidence, one.next_step)


def signers(policy: authz.Policy, usable: Collection[str]) -> security.Looked:
    """Return listed signers that should not be as they are; `usable` are those whose certificates could be read."""
    check, found = security.Check.SIGNERS, []
    for one in policy.signers.values():
        if one.fingerprint in policy.revoked:
            text = "A key that is revoked is still listed; it counts for nothing, but a slip could make it count again"
            step = f"take {one.name} out of authz.yaml by a patch; leave the fingerprint under `revoked`"
            found.append(security.Finding(check, security.Severity.LOW, one.name, text, one.fingerprint, step))
            continue
        if one.fingerprint not in usable:
            text = "It is listed and its certificate cannot be read, so what it signs is refused"
            step = f"add `{authz.certificate_path(one.fingerprint)}` by a patch: `council keys add`"
            found.append(security.Finding(check, security.Severity.MEDIUM, one.name, text, one.fingerprint, step))
        if one.kind is authz.Kind.BOT and "**" in one.allow:
            text = "A bot may change every file that needs no person"
            step = f"name the paths that {one.name} needs in its `allow`, by a patch"
            found.append(security.Finding(check, security.Severity.MEDIUM, one.name, text, "allow has **", step))
    return security.Looked(tuple(found))


# Confinement, and what lies in the blueprint


def confinement(regime: str, reason: str, landlock_abi: int, bare: Sequence[tuple[str, str]]) -> security.Looked:
    """Return what keeps processes apart less than could be. `regime` is "" where nothing runs; `bare` are services that do not
    confine themselves, each with why.
    """
    check, found, unknown = security.Check.CONFINEMENT, [], []
    if landlock_abi <= 0:
        text = "This kernel has no Landlock, so a process that is taken over reaches whatever its user may"
        step = "run a kernel from 5.13 on, booted with `landlock` among its `lsm=`"
        found.append(security.Finding(check, security.Severity.HIGH, "Landlock", text, "Landlock version 0", step))
    if regime == "landlock":
        text = "All processes share one system user, so only Landlock keeps them apart"
        step = "start Council as root, with a home that other users may pass through"
        found.append(security.Finding(check, security.Severity.LOW, "users", text, reason or regime, step))
    elif not regime:
        unknown.append(security.Unknown(check, "which regime holds is known while Council runs", "`council up`"))
    for service, why in bare:
        step = "use `sandbox.kind` namespaces"
        found.append(
            security.Finding(check, security.Severity.MEDIUM, service, "It does not confine itself", why, step)
        )
    return security.Looked(tuple(found), tuple(unknown))


def secrets(found: Sequence[tuple[str, str]], unread: Sequence[tuple[str, str]]) -> security.Looked:
    """Return files of the blueprint that look as if they held a secret, each with what it looks like."""
    step = "put it under HOME/secrets, take it out by a patch, and have it replaced: it stays in git's history"
    findings = tuple(
        security.Finding(
            security.Check.SECRETS, security.Severity.HIGH, path, f"It looks as if it held {what}", what, step
        )
        for path, what in found
    )
    return security.Looked(
        findings, tuple(security.Unknown(security.Check.SECRETS, f"{path}: {why}") for path, why in unread)
    )
