"""Installed packages against advisories, in the form of OSV (ossf.github.io/osv-schema) or of an index's own JSON. Pure.

A package of which no source tells is unknown. Only a source that is the whole of a database, or an index that was asked about
this very version, may leave a package without a finding.
"""

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging import utils, version

from council.domain import security
from council.upkeep.security import cvss

ECOSYSTEM = "PyPI"
_TEXT_CHARS_MAX = 200
_IDS_SHOWN_MAX = 3
# Their publisher's name for data of a day; what is older may lack what is known since.
_STALE_DAYS = 30.0


@dataclass(frozen=True, slots=True)
class Package:
    """One that is installed; `name` is normalised."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Advisory:
    """What one advisory says of one package. `severity` None: it does not say how bad it is.

    `versions` are those it names; `ranges` are lists of events, as (`introduced`, "1.0").
    """

    identifier: str
    aliases: frozenset[str]
    package: str
    summary: str
    severity: security.Severity | None
    versions: frozenset[str]
    ranges: tuple[tuple[tuple[str, str], ...], ...]
    modified_s: float | None = None

    @property
    def fixed(self) -> tuple[str, ...]:
        """The first versions without it."""
        return tuple(at for one in self.ranges for kind, at in one if kind == "fixed")


@dataclass(frozen=True, slots=True)
class Source:
    """Advisories from one place, of any packages. `asked` are the packages that an index was asked about, name and version."""

    data: security.Data
    advisories: tuple[Advisory, ...] = ()
    asked: frozenset[Package] = frozenset()
    problem: str = ""


def read(document: object, names: frozenset[str]) -> Iterator[Advisory]:
    """Yield what a document of OSV says of packages with these names; one that was withdrawn says nothing.

    Raises ValueError for what is no such document.
    """
    if not isinstance(document, dict) or not isinstance(document.get("id"), str):
        raise ValueError("no advisory of OSV's form: it has no `id`")  # noqa: TRY004 - what is in a file, not an argument
    if document.get("withdrawn"):
        return
    for affected in _mappings(document.get("affected")):
        package = affected.get("package")
        if not isinstance(package, dict) or package.get("ecosystem") != ECOSYSTEM:
            continue
        name = utils.canonicalize_name(str(package.get("name")))
        if name in names:
            yield Advisory(
                identifier=line(document["id"]),
                aliases=frozenset(line(str(one)) for one in _list(document.get("aliases"))),
                package=name,
                summary=line(str(document.get("summary") or document.get("details") or "")),
                severity=_severity(document, affected),
                versions=frozenset(_normal(str(one)) for one in _list(affected.get("versions"))),
                ranges=tuple(_events(affected)),
                modified_s=seconds(document.get("modified")),
            )


def is_ours(document: object) -> bool:
    """Return whether a document is about a package of our ecosystem."""
    packages = [one.get("package") for one in _mappings(document.get("affected"))] if isinstance(document, dict) else []
    return any(isinstance(one, dict) and one.get("ecosystem") == ECOSYSTEM for one in packages)


def of_index(package: Package, reply: object) -> Iterator[Advisory]:
    """Yield the advisories in what an index says of one version (its `vulnerabilities`). Raises ValueError."""
    if not isinstance(reply, dict) or not isinstance(reply.get("vulnerabilities"), list):
        raise ValueError("the index says nothing of vulnerabilities")  # noqa: TRY004 - a reply, not an argument
    for one in _mappings(reply["vulnerabilities"]):
        if one.get("withdrawn"):
            continue
        yield Advisory(
            identifier=line(str(one.get("id"))),
            aliases=frozenset(line(str(each)) for each in _list(one.get("aliases"))),
            package=package.name,
            summary=line(str(one.get("summary") or one.get("details") or "")),
            severity=None,
            versions=frozenset({_normal(package.version)}),
            ranges=(tuple(("fixed", line(str(at))) for at in _list(one.get("fixed_in"))),),
        )


def seconds(text: object) -> float | None:
    """Return the moment that a text of RFC 3339 names, None for any other."""
    try:
        moment = datetime.datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or datetime.UTC).timestamp()


def look(packages: Sequence[Package] | None, sources: Sequence[Source], now_s: float) -> security.Looked:
    """Return what is known against the installed packages; None where nobody could list them."""
    check = security.Check.PACKAGES
    if packages is None:
        return security.Looked(unknown=(security.Unknown(check, "the installed packages cannot be listed"),))
    findings: list[security.Finding] = []
    bad_versions = []
    for package in sorted(packages, key=lambda one: one.name):
        told = [one for source in sources for one in source.advisories if one.package == package.name]
        try:
            findings += _of_package(package, told)
        except version.InvalidVersion:
            bad_versions.append(package.name)
    unknown = [security.Unknown(check, f"{source.data.name}: {source.problem}") for source in sources if source.problem]
    if bad_versions:
        unknown.append(security.Unknown(check, f"versions that are none: {_listed(bad_versions)}"))
    whole = [source for source in sources if source.data.is_whole and not source.problem]
    untold = [one.name for one in packages if not whole and not any(one in source.asked for source in sources)]
    if untold:
        unknown.append(
            security.Unknown(
                check,
                f"of {len(untold)} of {len(packages)} packages no advisories are here: {_listed(sorted(untold))}",
                "put OSV's export of its PyPI advisories into HOME/advisories, see `council security check --help`",
            )
        )
    unknown += _old(sources, now_s)
    return security.Looked(tuple(findings), tuple(unknown))


def _old(sources: Sequence[Source], now_s: float) -> Iterator[security.Unknown]:
    """Yield each whole source or index that is old: no fresh one beside it makes up for it."""
    for one in sources:
        if one.problem or not (one.data.is_whole or one.asked):
            continue
        days = None if one.data.as_of_s is None else (now_s - one.data.as_of_s) / security.DAY_S
        if days is None or days < -1:
            why = f"how old {one.data.name} is cannot be told from its dates"
        elif days > _STALE_DAYS:
            why = f"the newest that {one.data.name} holds is {days:.0f} days old; what came since is not known here"
        else:
            continue
        yield security.Unknown(security.Check.PACKAGES, why, "get them anew")


def _of_package(package: Package, told: Iterable[Advisory]) -> Iterator[security.Finding]:
    seen: list[set[str]] = []
    kept: list[list[Advisory]] = []
    for one in sorted(told, key=lambda each: each.identifier):
        if not affects(one, package.version):
            continue
        names = {one.identifier, *one.aliases}
        # Two databases tell of the same thing under names that each other knows.
        place = next((at for at, known in enumerate(seen) if known & names), None)
        if place is None:
            seen.append(names)
            kept.append([one])
        else:
            seen[place] |= names
            kept[place].append(one)
    for names, same in zip(seen, kept, strict=True):
        yield _finding(package, sorted(names), same)


def _finding(package: Package, names: Sequence[str], same: Sequence[Advisory]) -> security.Finding:
    severities = [one.severity for one in same if one.severity is not None]
    severity = min(severities, key=security.RANKS.__getitem__, default=security.Severity.HIGH)
    fixed = _later({at for one in same for at in one.fixed}, package.version)
    shown = ", ".join(names[:_IDS_SHOWN_MAX])
    untold = "" if severities else " (how bad it is nobody says)"
    step = (
        f"run a release with {package.name} {fixed[0]} or later"
        if fixed
        else "no version without it is known; look what it is"
    )
    return security.Finding(
        check=security.Check.PACKAGES,
        severity=severity,
        subject=f"{package.name} {package.version}",
        text=f"{same[0].summary or 'It has a known vulnerability'}{untold}",
        evidence=shown,
        next_step=step,
        mend=security.Upgrade(package.name, package.version, fixed),
    )


def affects(one: Advisory, installed: str) -> bool:
    """Return whether an advisory is about a version. Raises packaging's InvalidVersion for one that is none."""
    found = version.Version(installed)
    if _normal(installed) in one.versions:
        return True
    return any(_within(events, found) for events in one.ranges if any(kind == "introduced" for kind, _ in events))


def _within(events: Sequence[tuple[str, str]], found: version.Version) -> bool:
    """Return whether a version lies in a range. A beginning that cannot be read is before all versions, such an end is none."""
    is_in = False
    first = version.Version("0.dev0")
    read = [(_order(at) or (first if kind == "introduced" else None), kind) for kind, at in events]
    for reached, kind in sorted((reached, kind) for reached, kind in read if reached is not None):
        if kind == "introduced" and found >= reached:
            is_in = True
        elif (kind == "fixed" and found >= reached) or (kind == "last_affected" and found > reached):
            is_in = False
    return is_in


def _order(text: str) -> version.Version | None:
    try:
        return version.Version(text)
    except version.InvalidVersion:
        return None


def _later(fixed: Iterable[str], installed: str) -> tuple[str, ...]:
    """Return those versions that come after the installed one, the next first."""
    least = version.Version(installed)
    readable = [(found, text) for text in fixed if (found := _order(text)) is not None and found > least]
    return tuple(text for _, text in sorted(readable))


def _events(affected: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], ...]]:
    for one in _mappings(affected.get("ranges")):
        if one.get("type") == "ECOSYSTEM":
            events = [event for event in _mappings(one.get("events")) if event]
            yield tuple((line(str(kind)), line(str(at))) for event in events for kind, at in event.items())


def _severity(document: Mapping[str, Any], affected: Mapping[str, Any]) -> security.Severity | None:
    vectors = [*_mappings(affected.get("severity")), *_mappings(document.get("severity"))]
    scores = [score for one in vectors if (score := cvss.base_score(str(one.get("score")))) is not None]
    if scores:
        return cvss.of_score(max(scores))
    own = document.get("database_specific")
    return cvss.of_word(own.get("severity")) if isinstance(own, dict) else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mappings(value: object) -> Iterator[dict[str, Any]]:
    return (one for one in _list(value) if isinstance(one, dict))


def _normal(text: str) -> str:
    try:
        return str(version.Version(text))
    except version.InvalidVersion:
        return line(text)


def line(text: str) -> str:
    """Return somebody's text as one line that can be shown: nothing that steers a terminal, and no more than fits."""
    words = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return words if len(words) <= _TEXT_CHARS_MAX else words[: _TEXT_CHARS_MAX - 1] + "…"


def _listed(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
