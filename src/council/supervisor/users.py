"""Which of the two regimes of decision 8 holds: a system user for each service, or Landlock alone.

`users` needs root, a home that is root's, and a home and an environment that other users can reach; else `landlock` holds
and says why. In both, each service confines itself by Landlock. The users are numbers, kept in `<home>/users.json`. The
zygote is excepted from all of it, see `specs.ServiceSpec.keeps_root` and `services.rights`.
"""

import hashlib
import json
import os
import sys
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import council
from council.domain import config as config_module
from council.domain import errors
from council.domain import home as home_module
from council.kit import accounts, environment, permissions

# Beside one for each service: who reads generations, who reads the key between gateway and model, who uses the records, and who
# beside patchctl may command the supervisor.
COUNCIL, KEY, RECORDS, CONTROL = "council", "key", "records", "control"

# Whose groups a service has beside its own. A generation holds the config, which each of them reads.
_GROUPS = {
    "gateway": (COUNCIL, KEY, RECORDS, "store"),
    "model": (COUNCIL, KEY),
    "recall": (COUNCIL, RECORDS),
    "watcher": (COUNCIL, KEY, RECORDS, CONTROL, "store"),
    # Its own keys lie in the same folder as that which opens metrics, and the store keeps an anchor of the journal.
    "patchctl": (COUNCIL, KEY, "store"),
    # Their keys lie in a folder beside those.
    "bots": (COUNCIL, KEY, RECORDS),
    # Its own key, too; it keeps the guides in the store, and reads those of the library as recall does.
    "steward": (COUNCIL, KEY, RECORDS, CONTROL, "store", "recall"),
}
_EVERYBODYS_GROUPS = (COUNCIL,)

_NOTE_BYTES_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class Account:
    """The user under which a service runs."""

    uid: int
    gid: int
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Regime:
    """Which regime holds, and for `landlock` why not the other.

    `ids` are the numbers by name, those of another day in `landlock`; `accounts` has every service in `users` but those that
    keep root, and none in `landlock`.
    """

    name: Literal["users", "landlock"]
    reason: str = ""
    ids: Mapping[str, int] = field(default_factory=dict)
    accounts: Mapping[str, Account] = field(default_factory=dict)


def describe(regime: Regime) -> str:
    """Return one line for people."""
    if regime.name == "users":
        return "regime users: each process but the zygote has a system user of its own and confines itself by Landlock"
    return f"regime landlock: each process confines itself; no system users, because {regime.reason}"


def decide(config: config_module.Config, home: home_module.Home, services: Iterable[str]) -> Regime:
    """Return the regime for these services (`specs.with_users`), as the next start would have it. Changes nothing."""
    noted = {name: number for name, number in noted_ids(home).items() if not accounts.is_named(number)}
    reason = accounts.why_not_able() or home_barrier(home) or environment_barrier()
    if reason:
        return Regime("landlock", reason, noted)
    services = tuple(services)
    in_use = accounts.ids_of_processes()
    try:
        ids = accounts.choose(
            (*services, "store", COUNCIL, KEY, RECORDS, CONTROL),
            noted,
            lambda number: number in in_use or accounts.is_named(number),
            _start(home),
        )
    except LookupError as error:
        return Regime("landlock", str(error), noted)
    made = {name: _account(name, ids) for name in services}
    reason = file_barrier(config, made)
    return Regime("landlock", reason, ids) if reason else Regime("users", "", ids, made)


def _start(home: home_module.Home) -> int:
    """Return where the search for free numbers begins: elsewhere for each home, so that two rarely share a user."""
    return int.from_bytes(hashlib.sha256(os.fsencode(home.root)).digest()[:4])


def _account(name: str, ids: Mapping[str, int]) -> Account:
    groups = _GROUPS.get(name, _EVERYBODYS_GROUPS)
    return Account(ids[name], ids[name], tuple(ids[group] for group in groups))


def home_barrier(home: home_module.Home) -> str:
    """Return why other users cannot reach the home, empty if they can. The home's own mode is the supervisor's to set."""
    found = permissions.barrier(home.root, permissions.ANYBODY, 0)
    if found is not None:
        return f"{found}, which leads to the home, is closed to other users"
    # Whoever owns it could put a link where root is about to give files away.
    if home.root.exists() and home.root.stat().st_uid != 0:
        return f"the home {home.root} belongs to user {home.root.stat().st_uid} and not to root"
    return ""


def environment_barrier() -> str:
    """Return why other users cannot run this Python with this package, empty if they can."""
    own = Path(council.__file__)
    for folder in sorted({*environment.python_folders(), own.parent, Path(sys.executable)}):
        found = permissions.barrier(folder, permissions.ANYBODY, permissions.READ | permissions.ENTER)
        if found is not None:
            return f"{found}, which Python needs, is closed to other users"
    # The libraries too: an interpreter may be linked to one that lies elsewhere.
    for file in sorted({own, Path(sys.prefix, "pyvenv.cfg"), *environment.loaded_code()}):
        found = permissions.barrier(file, permissions.ANYBODY, permissions.READ) if file.exists() else None
        if found is not None:
            return f"{found}, which Python needs, is closed to other users"
    return ""


def file_barrier(config: config_module.Config, made: Mapping[str, Account]) -> str:
    """Return which file that the settings name a service's user cannot use, empty if there is none."""
    read, use = permissions.READ, permissions.READ | permissions.WRITE
    store = urllib.parse.urlsplit(config.store.url)
    named = (
        ("model.file", config.model.file, "model", read),
        ("gateway.tls_cert_file", config.gateway.tls_cert_file, "gateway", read),
        ("gateway.tls_key_file", config.gateway.tls_key_file, "gateway", read),
        ("store.url", urllib.parse.unquote(store.path) if store.scheme == "unix" else "", "gateway", use),
    )
    for setting, path, service, need in named:
        if path and service in made:
            account = made[service]
            who = permissions.Who(account.uid, frozenset({account.gid, *account.groups}))
            found = permissions.barrier(Path(path), who, need)
            if found is not None:
                return f"{found}, which `{setting}` needs, is closed to the {service}'s user and group {account.uid}"
    return ""


def noted_ids(home: home_module.Home) -> dict[str, int]:
    """Return the numbers that this home uses, {} if it never had any; a damaged note counts as none."""
    ids = _note(home).get("ids")
    if not isinstance(ids, dict):
        return {}
    numbers = list(ids.values())
    sound = all(type(one) is int and accounts.FIRST <= one <= accounts.LAST for one in numbers)
    return ids if sound and len(set(numbers)) == len(numbers) else {}


def has_given_away(home: home_module.Home) -> bool:
    """Return whether files of the home may belong to its system users."""
    return _note(home).get("given_away") is True


def note(home: home_module.Home, ids: Mapping[str, int], *, given_away: bool) -> None:
    """Keep the numbers, so that they stay the same. Raises SetupError."""
    path = _path(home)
    partial = path.with_name(path.name + ".partial")
    try:
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"ids": dict(ids), "given_away": given_away}, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise errors.SetupError(f"{path} could not be written: {error.strerror}. Mend that and try again.") from error


def _note(home: home_module.Home) -> dict[str, Any]:
    try:
        with _path(home).open("rb") as file:
            found = json.loads(file.read(_NOTE_BYTES_MAX))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _path(home: home_module.Home) -> Path:
    return home.root / "users.json"
