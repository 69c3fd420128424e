"""Which models a person may fetch by name: `models.yaml` of the blueprint, and what of it fits a machine.

Data and sums only. A model is named by the digest of its file, so that it does not matter where the file comes from.
"""

import difflib
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from council.domain import config, errors

FILE = "models.yaml"
ROLES = ("general", "code", "embedding")
# Nothing is fetched that may not be used and passed on freely.
LICENCES = ("Apache-2.0", "MIT")
_MODELS_MAX = 200
_URLS_MAX = 8
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.gguf")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_GIB = 1024**3
# Of one number in the cache of keys and values: llama.cpp keeps them as f16.
_CACHE_VALUE_BYTES = 2
# Kept free for the process itself, its work space, and the other services; a margin, not a measurement.
_WORK_BYTES = 256 * 1024 * 1024
_OTHERS_BYTES = _GIB


@dataclass(frozen=True, slots=True)
class Entry:
    """One model file. The fields are those of the file `models.yaml`, the name being the key."""

    name: str
    role: str
    parameters_millions: int
    quantisation: str
    file: str
    bytes: int
    sha256: str
    urls: tuple[str, ...]
    licence: str
    context_tokens: int
    layers: int
    kv_heads: int
    head_width: int
    notes: str


@dataclass(frozen=True, slots=True)
class _Form:
    role: str = ""
    parameters_millions: int = config.option(0, "", low=1, high=10_000_000)
    quantisation: str = ""
    file: str = ""
    bytes: int = config.option(0, "", low=1, high=1 << 42)
    sha256: str = ""
    urls: tuple[str, ...] = ()
    licence: str = ""
    context_tokens: int = config.option(0, "", low=16, high=100_000_000)
    layers: int = config.option(0, "", low=1, high=10_000)
    kv_heads: int = config.option(0, "", low=1, high=10_000)
    head_width: int = config.option(0, "", low=1, high=10_000)
    notes: str = ""


_NEEDED = tuple(name for name in _Form.__dataclass_fields__ if name != "notes")

Catalogue = Mapping[str, Entry]


def build(file: Mapping[str, Any]) -> Catalogue:
    """Return the models in a parsed `models.yaml`. Raises ConfigError, naming the key."""
    for key in file:
        if key != "models":
            raise errors.ConfigError(f"Unknown key `{str(key)[:100]}` in {FILE}. Did you mean `models`?")
    found = file.get("models") or {}
    if not isinstance(found, Mapping):
        raise errors.ConfigError(f"`models` in {FILE} must map names to models, not {str(found)[:100]!r}.")
    if len(found) > _MODELS_MAX:
        raise errors.ConfigError(f"{FILE} names {len(found)} models; the limit is {_MODELS_MAX}. Remove some.")
    entries = {str(name): _entry(str(name), values) for name, values in found.items()}
    for what in ("file", "sha256"):
        held: dict[str, str] = {}
        for entry in entries.values():
            other = held.setdefault(getattr(entry, what), entry.name)
            if other != entry.name:
                raise errors.ConfigError(f"`models.{entry.name}.{what}` is that of {other!r} too. Remove one of them.")
    return entries


def _entry(name: str, values: Any) -> Entry:
    where = f"models.{name}"
    if not _NAME.fullmatch(name):
        raise errors.ConfigError(f"{name[:100]!r} in {FILE} is no name: lower-case letters, digits, `.`, `_`, `-`.")
    form: _Form = config.section(_Form, values, where + ".")
    for key in _NEEDED:
        if key not in values:
            raise errors.ConfigError(f"`{where}.{key}` is missing. Add it.")
    if form.role not in ROLES:
        raise errors.ConfigError(f"`{where}.role` must be one of {', '.join(ROLES)}, not {form.role[:100]!r}.")
    if form.licence not in LICENCES:
        raise errors.ConfigError(f"`{where}.licence` must be one of {', '.join(LICENCES)}, not {form.licence[:100]!r}.")
    if not _FILE_NAME.fullmatch(form.file):
        raise errors.ConfigError(f"`{where}.file` must be a plain file name that ends with .gguf.")
    if not _DIGEST.fullmatch(form.sha256):
        raise errors.ConfigError(f"`{where}.sha256` must be 64 lower-case hex digits.")
    if not form.quantisation or not 1 <= len(form.urls) <= _URLS_MAX:
        raise errors.ConfigError(f"`{where}` needs a quantisation, and 1 to {_URLS_MAX} addresses in `urls`.")
    for url in form.urls:
        check_url(url)
    return Entry(name, **{key: getattr(form, key) for key in _Form.__dataclass_fields__})


def check_url(url: str) -> None:
    """Raise ConfigError unless a file may be fetched from there: over https, or in the clear from this machine."""
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urllib.parse.urlsplit(""), None
    plain = bool(host) and url.isascii() and url.isprintable() and " " not in url and "@" not in parts.netloc
    if not plain or not (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)):
        raise errors.ConfigError(
            f"{url[:200]!r} is no address to fetch from. Give an https:// one without a user, or http:// on this machine."
        )


def named(catalogue: Catalogue, name: str) -> Entry:
    """Return a model by its name. Raises NotFoundError, naming the nearest one."""
    if name in catalogue:
        return catalogue[name]
    close = difflib.get_close_matches(name, list(catalogue), n=1, cutoff=0.5)
    hint = f"Did you mean `{close[0]}`?" if close else "`council models recommend --all` lists them."
    raise errors.NotFoundError(f"No model of the catalogue is named {name[:100]!r}. {hint}")


def cache_bytes(entry: Entry, context_tokens: int) -> int:
    """Return what the keys and values of a full context take: two numbers a layer, head, place in it and token."""
    return 2 * entry.layers * entry.kv_heads * entry.head_width * context_tokens * _CACHE_VALUE_BYTES


def memory_bytes(entry: Entry, context_tokens: int) -> int:
    """Return the memory that serving takes: weights, the cache of the context as far as the model has one, and work space."""
    return entry.bytes + cache_bytes(entry, min(context_tokens, entry.context_tokens)) + _WORK_BYTES


def speed(entry: Entry, cores: int) -> str:
    """Return in a word how fast answers may be expected on the processor alone.

    A rule of thumb, no measurement: each token reads the whole file once, and cores beyond eight wait for memory.
    """
    share_gib = entry.bytes / _GIB / min(max(cores - 1, 1), 8)
    if share_gib <= 0.5:
        return "quick"
    if share_gib <= 1.2:
        return "moderate"
    return "slow" if share_gib <= 3 else "very slow"


@dataclass(frozen=True, slots=True)
class Advice:
    """What became of one model: `why_not` empty means that it fits."""

    entry: Entry
    memory_bytes: int
    speed: str
    why_not: str
    best: bool


def advise(
    catalogue: Catalogue,
    *,
    available_bytes: int,
    disk_free_bytes: int,
    cores: int,
    context_tokens: int,
    held: frozenset[str] = frozenset(),
) -> list[Advice]:
    """Return all models, those that fit first, larger ones before smaller ones; the best of each role is marked.

    Best is the largest that fits and is not very slow here. `held` names those whose file is on the disk already.
    """
    made = []
    for entry in sorted(catalogue.values(), key=lambda one: (-one.parameters_millions, one.name)):
        needed = memory_bytes(entry, context_tokens)
        why_not = ""
        if needed + _OTHERS_BYTES > available_bytes:
            why_not = f"needs {gigabytes(needed + _OTHERS_BYTES)} of memory, {gigabytes(available_bytes)} are free"
        elif entry.name not in held and entry.bytes > disk_free_bytes:
            why_not = f"needs {gigabytes(entry.bytes)} of disk, {gigabytes(disk_free_bytes)} are free"
        made.append(Advice(entry, needed, speed(entry, cores), why_not, best=False))
    best: dict[str, str] = {}
    for one in made:
        if not one.why_not and one.speed != "very slow":
            best.setdefault(one.entry.role, one.entry.name)
    marked = [
        Advice(one.entry, one.memory_bytes, one.speed, one.why_not, best.get(one.entry.role) == one.entry.name)
        for one in made
    ]
    return sorted(marked, key=lambda one: bool(one.why_not))


def gigabytes(amount_bytes: int) -> str:
    """Return an amount for people, in GB of 1000^3 bytes as disks and downloads are counted."""
    return f"{amount_bytes / 1000**3:.1f} GB"
