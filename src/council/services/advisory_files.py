"""Reads what lies in HOME/advisories, and asks an index about installed packages: the edge of `upkeep/security/advisories`.

HOME/advisories/*.zip          OSV's export of an ecosystem, as it publishes it: the whole of what is known
HOME/advisories/vulns/NAME/    the database of the Python Packaging Authority, as its git repository has it: the whole, too
HOME/advisories/*.json *.yaml  single advisories
HOME/advisories/fetched.json   what an index said of each installed version, and when
"""

import json
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import yaml
from packaging import utils

from council.domain import errors, home, security
from council.kit import durable
from council.upkeep.security import advisories

FETCHED = "fetched.json"
_SCHEMA = "council.advisories/1"
_FILE_BYTES_MAX = 4 * 1024 * 1024
_FETCHED_BYTES_MAX = 64 * 1024 * 1024
_ENTRIES_MAX = 500_000
_MEMBERS_BYTES_MAX = 4 * 1024 * 1024 * 1024
# Fewer of our ecosystem are no whole database: a part of one, one of another ecosystem, or one that was made by hand.
WHOLE_MIN = 10_000
_PACKAGES_MIN = 500
_REPLY_BYTES_MAX = 16 * 1024 * 1024
_REPLY_S = 20.0


class Shelf:
    """Advisories of a home; read anew where a file has changed."""

    def __init__(self, where: home.Home):
        self._where = where
        self._known: tuple[object, tuple[advisories.Source, ...]] | None = None

    def sources(self, packages: Sequence[advisories.Package]) -> tuple[advisories.Source, ...]:
        """Return what there is about packages. A file that cannot be read is a source with its problem."""
        names = frozenset(one.name for one in packages)
        try:
            files = sorted(self._where.advisories.iterdir())
            mark = names, *((file, (found := file.stat()).st_size, found.st_mtime_ns) for file in files)
        except FileNotFoundError:
            return ()
        except OSError as error:
            return (_broken(str(self._where.advisories), str(error.strerror)),)
        if self._known is None or self._known[0] != mark:
            self._known = mark, tuple(_read(files, names))
        return self._known[1]


def _read(files: Sequence[Path], names: frozenset[str]) -> Iterator[advisories.Source]:
    single: list[advisories.Advisory] = []
    for file in files:
        try:
            if file.suffix == ".zip":
                yield _of_zip(file, names)
            elif file.name == "vulns" and file.is_dir():
                yield _of_folders(file, names)
            elif file.name == FETCHED:
                yield _of_index(file)
            elif file.suffix in (".json", ".yaml", ".yml"):
                single += advisories.read(_parsed(file), names)
        except (OSError, ValueError, yaml.YAMLError, RecursionError, zipfile.BadZipFile, zlib.error) as error:
            yield _broken(file.name, str(error) or type(error).__name__)
    if single:
        as_of = max((one.modified_s for one in single if one.modified_s), default=None)
        yield advisories.Source(
            security.Data("single files", len(single), is_whole=False, as_of_s=as_of), tuple(single)
        )


def _broken(name: str, why: str) -> advisories.Source:
    return advisories.Source(
        security.Data(advisories.line(name), 0, is_whole=False, as_of_s=None),
        problem=f"cannot be read: {advisories.line(why)}",
    )


def _of_zip(file: Path, names: frozenset[str]) -> advisories.Source:
    found: list[advisories.Advisory] = []
    count, newest, left_out, left_bytes = 0, 0.0, 0, _MEMBERS_BYTES_MAX
    with zipfile.ZipFile(file) as opened:
        members = [one for one in opened.infolist() if one.filename.endswith(".json")]
        for place, member in enumerate(members):
            left_bytes -= member.file_size
            if place >= _ENTRIES_MAX or member.file_size > _FILE_BYTES_MAX or left_bytes < 0:
                left_out += 1
                continue
            with opened.open(member) as one:
                document = orjson.loads(one.read(_FILE_BYTES_MAX))
            found += advisories.read(document, names)
            count += advisories.is_ours(document)
            newest = max(newest, advisories.seconds(document.get("modified")) or 0.0)
    problem = f"{left_out} of its advisories are too large or too many to be read" if left_out else ""
    return _whole(file.name, found, count, WHOLE_MIN, newest, problem)


def _of_folders(folder: Path, names: frozenset[str]) -> advisories.Source:
    found: list[advisories.Advisory] = []
    of_package = [one for _, one in zip(range(_ENTRIES_MAX), folder.iterdir(), strict=False) if one.is_dir()]
    for one in of_package:
        if utils.canonicalize_name(one.name) in names:
            for file in sorted(one.iterdir()):
                found += advisories.read(_parsed(file), names)
    newest = max((one.stat().st_mtime for one in of_package), default=0.0)
    return _whole(folder.name, found, len(of_package), _PACKAGES_MIN, newest)


def _whole(
    name: str, found: Sequence[advisories.Advisory], count: int, least: int, newest_s: float, problem: str = ""
) -> advisories.Source:
    if not problem and count < least:
        problem = f"holds {count}, too few to be a whole database"
    data = security.Data(advisories.line(name), count, not problem, newest_s or None)
    return advisories.Source(data, tuple(found), problem=problem)


def _parsed(file: Path) -> Any:
    with file.open("rb") as opened:
        raw = opened.read(_FILE_BYTES_MAX + 1)
    if len(raw) > _FILE_BYTES_MAX:
        raise ValueError(f"{file.name} is over {_FILE_BYTES_MAX} bytes")
    return orjson.loads(raw) if file.suffix == ".json" else yaml.safe_load(raw)


# What an index says


def _of_index(file: Path) -> advisories.Source:
    with file.open("rb") as opened:
        told = orjson.loads(opened.read(_FETCHED_BYTES_MAX))
    if not isinstance(told, dict) or told.get("schema") != _SCHEMA:
        raise ValueError("it is not of the form that `council security check --fetch` writes")
    found: list[advisories.Advisory] = []
    asked = set()
    for row in told["packages"]:
        package = advisories.Package(str(row["name"]), str(row["version"]))
        found += advisories.of_index(package, row)
        asked.add(package)
    data = security.Data("the index", len(found), is_whole=False, as_of_s=advisories.seconds(told["fetched_at"]))
    return advisories.Source(data, tuple(found), frozenset(asked))


def fetch(
    where: home.Home,
    url: str,
    packages: Sequence[advisories.Package],
    at: str,
    tell: Callable[[int], None] = lambda _: None,
) -> list[str]:
    """Ask an index about each package and keep what it said; return those of which it said nothing. `at` is RFC 3339.

    `url` holds `{name}` and `{version}`. Raises SetupError, where nothing is kept.
    """
    assert url
    rows: list[dict[str, Any]] = []
    silent: list[str] = []
    for place, package in enumerate(packages):
        tell(place)
        address = url.format(
            name=urllib.parse.quote(package.name, safe=""), version=urllib.parse.quote(package.version, safe="")
        )
        try:
            with urllib.request.urlopen(address, timeout=_REPLY_S) as reply:  # noqa: S310 - `watching.check` has looked at it
                told = orjson.loads(reply.read(_REPLY_BYTES_MAX))
            list(advisories.of_index(package, told))
        except (urllib.error.URLError, OSError, ValueError):
            silent.append(package.name)
            continue
        rows.append({"name": package.name, "version": package.version, "vulnerabilities": told["vulnerabilities"]})
    if not rows:
        raise errors.SetupError(
            f"The index said nothing of any of {len(packages)} packages. See whether `watch.advisories_url` can be reached."
        )
    content = json.dumps({"schema": _SCHEMA, "fetched_at": at, "packages": rows})
    try:
        where.advisories.mkdir(mode=0o755, exist_ok=True)
        durable.write_whole(where.advisories / FETCHED, content.encode(), 0o644)
    except OSError as error:
        raise errors.SetupError(
            f"{where.advisories} could not be written: {error.strerror}. Mend that and try again."
        ) from error
    return silent
