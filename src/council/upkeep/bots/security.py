"""The bot `security`: what of the findings of `council security check` a patch can mend. Pure, and unsigned.

A setting is mended in council.yaml, a package by the pin of a release whose lock has another version. Everything else is a
person's to mend: the finding's next step says how. `--draft` of the command writes the same files. What is drafted here decides
nothing: whoever signs checks it anew, and such a patch needs a person behind it.
"""

import datetime
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml
from packaging import version

from council.domain import bots, errors, inputs, release_pin, security
from council.domain import config as config_module
from council.kit import plain

_HEAD = "# Settings of this Council; `council config set section.key=value` changes them.\n"


@dataclass(frozen=True, slots=True)
class Release:
    """A release that lies on this machine and that its owner approved. `versions` are those of its lock by package.

    `vulnerable` are the packages of it that advisories tell of.
    """

    pin: release_pin.Pin
    vulnerable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """What a patch would begin from: the parsed settings, the pin of the live generation, and releases that could be pinned."""

    settings: Mapping[str, Any]
    pin: release_pin.Pin | None = None
    releases: Sequence[Release] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Both, so that what drafts may be another process than what gathered: `plain.made(Evidence, JSON)` makes it again."""

    report: security.Report
    held: Held


def draft(report: security.Report, held: Held) -> security.Mended | security.NotMended:
    """Return the files of one patch that mends what it can, or why there is none. Settings first: their patch restarts less."""
    changes = {one.mend.key: one.mend.value for one in report.findings if isinstance(one.mend, security.SetTo)}
    if changes:
        return _settings(changes, held)
    upgrades = [one.mend for one in report.findings if isinstance(one.mend, security.Upgrade)]
    if upgrades:
        return _pin(upgrades, held)
    return security.NotMended("no patch mends what was found" if report.findings else "nothing was found")


def _settings(changes: Mapping[str, bool | int | str], held: Held) -> security.Mended | security.NotMended:
    found: dict[str, Any] = {
        key: dict(value) if isinstance(value, Mapping) else value for key, value in held.settings.items()
    }
    for key, value in changes.items():
        section, _, leaf = key.partition(".")
        inner = found.setdefault(section, {}) if leaf else found
        inner[leaf or section] = value
    try:
        built = config_module.build(found, {}, {})
    except errors.ConfigError as error:
        return security.NotMended(f"the settings would not be valid: {error.message}")
    assert all(operator.attrgetter(key)(built) == value for key, value in changes.items())
    content = _HEAD + yaml.safe_dump(found, sort_keys=True, allow_unicode=True)
    names = ", ".join(sorted(changes))
    return security.Mended(
        {inputs.SETTINGS: content.encode()},
        f"Set {names}"[:120],
        f"`council security check` found them loose: {names}.",
        changes,
    )


def _pin(upgrades: Sequence[security.Upgrade], held: Held) -> security.Mended | security.NotMended:
    wanted = {one.package for one in upgrades}
    now = version.Version(held.pin.version) if held.pin is not None else None
    better = [
        one for one in held.releases
        if set(one.vulnerable) < wanted and (now is None or version.Version(one.pin.version) > now)
    ]  # fmt: skip
    if not better:
        return security.NotMended(
            f"no approved release on this machine is without {', '.join(sorted(wanted))} as they are; get a newer one and "
            "`council approve-release` it"
        )
    # As few packages with an advisory as can be; of those the oldest, which changes least.
    best = min(better, key=lambda one: (len(one.vulnerable), version.Version(one.pin.version)))
    pin = best.pin
    body = {release_pin.KEY: {"version": pin.version, "sums_sha256": pin.digest, "folder": pin.folder}}
    mended = ", ".join(sorted(wanted.difference(best.vulnerable)))
    left = f" Left: {', '.join(best.vulnerable)}." if best.vulnerable else ""
    return security.Mended(
        {release_pin.FILE: yaml.safe_dump(body, sort_keys=False).encode()},
        f"Run release {pin.version}, without known faults of {mended}"[:120],
        f"Advisories tell of {mended} as they are installed; release {pin.version} has others.{left}",
    )


@dataclass(frozen=True, slots=True)
class Security:
    """bots.Bot."""

    name: str = bots.SECURITY
    does: str = (
        "proposes the setting or the release that mends what `council security check` finds, for a person to sign too"
    )
    offset_s: int = 2700
    touches: tuple[str, ...] = (inputs.SETTINGS, release_pin.FILE)

    def draft(self, evidence: Mapping[str, Any], _: bots.Ask) -> bots.Draft | bots.Nothing:
        """Return what mends the settings, else the packages; of each once a week, for until then a person has signed or not."""
        given = plain.made(Evidence, evidence["found"])
        upgrades = tuple(one for one in given.report.findings if isinstance(one.mend, security.Upgrade))
        why = ""
        for report in (given.report, replace(given.report, findings=upgrades)):
            made = draft(report, given.held)
            if isinstance(made, security.NotMended):
                return bots.Nothing(why or made.why)
            about = subject(made, given.report.at_s)
            if about not in evidence["done"]:
                return _as_draft(made, about)
            why = f"it was proposed already: {about}"
        return bots.Nothing(why)


def subject(made: security.Mended, at_s: float) -> str:
    """Return what a draft is about: what it does, and in which week. A proposal that nobody signed has expired by the next."""
    year, week, _ = datetime.datetime.fromtimestamp(at_s, datetime.UTC).isocalendar()
    return f"{made.title}, week {week} of {year}"[: bots.SUBJECT_CHARS_MAX]


def _as_draft(made: security.Mended, about: str) -> bots.Draft:
    files = {path: raw.decode() for path, raw in made.files.items() if path != inputs.SETTINGS}
    settings = {key: value for key, value in made.settings.items() if not isinstance(value, str)}
    why = f"{made.reason} A person who may change it signs it too: `council cosign`."
    return bots.Draft(about, made.title, why[: bots.WHY_CHARS_MAX], settings=settings, files=files)


BOT = Security()
