"""Which files and settings of a generation each service uses, and a digest of them: the one table of decision 18. Pure.

A service whose digest is the same in two generations need not be started anew for the second. So the table may say too much,
which costs a start, and must not say too little: what nobody is known to use counts as everybody's who could read it, and a
service that is not known uses everything.

Of `council.yaml` the settings count and not the bytes: `parted` puts a path for each into the place of the file,
`council.yaml/SECTION/KEY`. A service is given no other settings than those of its row (`narrowed`), so a row that says too
little ends a service at its start, and does not leave it with a setting of the day before.
"""

import dataclasses
import hashlib
import json
import types
import urllib.parse
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from council.domain import authz, baking, config, gates, model_catalogue, playbooks, providers, release_pin, sentinels

SETTINGS = "council.yaml"

# What ends in `/` is a folder with all that it holds.
# Read anew by whoever wants it: the pair by those who look at patches, the rules for patches and the questions that try a
# generation at each of them, the models that may be fetched by the command that fetches one, the workflow by a forge.
NOBODY = (
    *(".council/", authz.FILE, f"{authz.KEYS_FOLDER}/", baking.FILE, model_catalogue.FILE),
    # By the healer at each look.
    playbooks.FILE,
    *(".github/", "scripts/"),
)
USES: Mapping[str, tuple[str, ...]] = types.MappingProxyType(
    {
        "store": (),
        "model": (),
        "worker": (),
        "recall": ("guidebook/", "knowledge/"),
        "zygote": (),
        "sandboxd": (),
        # Its rules it reads anew for each patch.
        "patchctl": (),
        # The guidebook it reads anew where another generation becomes live.
        "steward": (),
        # It looks at what serves anew for each run.
        "bots": (),
        "watcher": (gates.FILE, providers.FILE, sentinels.FILE),
        "messenger": (),
        "gateway": ("prompts/", providers.FILE),
        "installer": (),
        "migrator": (),
        "backup": (),
    }
)
# Of these no two can run side by side. They come to another release once it has proved itself, see `supervisor/releasing.py`.
LATER = frozenset({"store", "patchctl", "steward", "bots"})
# Each runs for a moment, and finds out by itself of which release it is.
_MOMENTARY = frozenset({"installer", "migrator", "backup"})
_SOMEBODY = frozenset(path for paths in USES.values() for path in paths)
# Who may look into the folder of its generation at all, by `services/rights.py`. A file that is not known is theirs.
READERS = frozenset({"recall", "watcher", "gateway"})

# Sections, or single keys of them. What two services need of one section stands apart where one of them is dear to start.
_CATALOGUE = ("model.name", "model.context_tokens", "prices", "calls.call_s", *providers.ROLES)
_RECORDS = ("records.url", "records.busy_s")
_STORE_CLIENT = ("store.url", "store.timeout_s")
SETTINGS_OF: Mapping[str, tuple[str, ...]] = types.MappingProxyType(
    {
        "store": ("store.memory_bytes",),
        "model": (
            *("port", "gateway.drain_s", "model.name", "model.file", "model.threads", "model.context_tokens"),
            *("model.slots", "model.queue_max", "model.tokens_max_default"),
            *("model.temperature", "model.top_p", "model.repeat_penalty"),
        ),
        "worker": ("worker",),
        "recall": ("port", "recall", "memory", "cache", "knowledge.corpora", *_RECORDS),
        "zygote": ("sandbox.packages",),
        "sandboxd": ("port", "gateway.drain_s", "sandbox"),
        "patchctl": ("port",),
        # The certificate is looked at for when it ends.
        "steward": ("port", "forge", "guides", "store.url", "records.url", "gateway.tls_cert_file"),
        "bots": ("port", "records.url"),
        "watcher": (
            "port",
            "watch",
            "alerts",
            "budget",
            "backup.target",
            "backup.late_h",
            *_CATALOGUE,
            *_RECORDS,
            *_STORE_CLIENT,
        ),
        "messenger": ("port", "watch.prometheus_url", "watch.alertmanager_url", "alerts", *_RECORDS),
        "gateway": (
            *("port", "learning", "gateway", "model", "general", "worker", "code", "programs", "logic", "knowledge"),
            *("recall", "router", "learning_rows", "memory", "cache", "records", *_STORE_CLIENT),
            *("sandbox", "calls", "budget", "tracing", "prices"),
            "dashboard",
        ),
        "installer": ("port",),
        "migrator": ("port", *_RECORDS),
        "backup": ("port", "backup", "store.url", *_RECORDS),
    }
)
# Read by patchctl for each patch, of the generation before it, or of the one that serves; by the steward for each snapshot and
# each look of the healer, and by the bots for each run.
READ_ANEW = ("bake", "patch", "observe", "bots", "healing")
# What `council up` and the supervisor take from the settings with which they begin: the services there are, their ports, whom
# they tell about, which database has its tables. And what the store takes, of which two cannot have the same data.
AT_START = (
    *("port", "supervisor", "gateway.host", "gateway.tls_cert_file", "gateway.tls_key_file", "records.url"),
    *("store.url", "store.memory_bytes", "sandbox.kind", "alerts.watcher_away_s"),
    # Whoever may set these may have the forge's token, or the collector's, sent somewhere.
    *("forge", "tracing"),
    # And these have what is said here sent somewhere, or remove what was kept.
    "backup",
    # The steward cannot run beside another of its kind.
    "guides",
)


def parted(values: Mapping[str, Any]) -> dict[str, str]:
    """Return a path for each setting, with the digest of its value. Total: what no reader would take has a digest too."""
    found: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= {_path(name, key): _digest(inner) for key, inner in value.items()}
        else:
            found[_path(name)] = _digest(value)
    return found


def uses(service: str, path: str) -> bool:
    """Return whether a service uses the file, or the setting, at a path of the generation."""
    if _lies(path, NOBODY):
        return False
    if service not in USES:
        return True
    if path == release_pin.FILE:
        return service not in LATER | _MOMENTARY
    if _is_setting(path):
        return _speaks_of(path, SETTINGS_OF[service]) or not _speaks_of(path, _SOMEBODYS_SETTINGS)
    return _lies(path, USES[service]) or (service in READERS and not _lies(path, _SOMEBODY))


def digest(service: str, files: Mapping[str, str]) -> str:
    """Return the SHA-256, in hex, of what a service uses. `files` maps each path to what tells its content and mode."""
    lines = (f"{files[path]} {path}\n" for path in sorted(files) if uses(service, path))
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def touched(services: Iterable[str], before: Mapping[str, str], after: Mapping[str, str]) -> frozenset[str]:
    """Return the services that have to be started anew when the files of one generation give way to those of another."""
    return frozenset(each for each in services if digest(each, before) != digest(each, after))


def at_start(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return the settings that differ and that only a start of everything puts into force, as `section.key`."""
    changed = (path for path in sorted(before.keys() | after.keys()) if before.get(path) != after.get(path))
    return [_name(path) for path in changed if _is_setting(path) and _speaks_of(path, AT_START)]


def narrowed(service: str, settings: config.Config) -> config.Config:
    """Return the settings that a service's row names, and no others: to read another is an AttributeError, a bug of ours."""
    made: config.Config = _only(settings, [tuple(name.split(".")) for name in SETTINGS_OF[service]])
    return made


def _only(section: Any, names: Collection[tuple[str, ...]]) -> Any:
    # A slot that was never written has no value, and says so to whoever reads it.
    made = object.__new__(type(section))
    for item in dataclasses.fields(section):
        inner = [name[1:] for name in names if name[0] == item.name]
        if inner:
            value = getattr(section, item.name)
            object.__setattr__(made, item.name, value if () in inner else _only(value, inner))
    return made


def _path(*names: Any) -> str:
    return "/".join((SETTINGS, *(urllib.parse.quote(str(name), safe="", errors="replace") for name in names)))


def _name(path: str) -> str:
    return ".".join(map(urllib.parse.unquote, path.split("/")[1:])) or SETTINGS


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=repr).encode()).hexdigest()


def _is_setting(path: str) -> bool:
    return path == SETTINGS or path.startswith(f"{SETTINGS}/")


def _speaks_of(path: str, names: Iterable[str]) -> bool:
    """Return whether a path is one of these settings, within one, or holds one, as a file that cannot be read holds all."""
    within = tuple(path.split("/"))[1:]
    parts = (tuple(name.split(".")) for name in names)
    return any(part[: len(within)] == within[: len(part)] for part in parts)


def _lies(path: str, places: Iterable[str]) -> bool:
    return any(path == place or (place.endswith("/") and path.startswith(place)) for place in places)


_SOMEBODYS_SETTINGS = frozenset((*AT_START, *READ_ANEW)).union(*SETTINGS_OF.values())
