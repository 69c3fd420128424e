"""Who may change the blueprint, as `authz.yaml` of the live generation says. Pure.

A signer is known by the full fingerprint of its certificate's primary key, and by nothing else: names are for people. The
certificate is the file `keys/<fingerprint>.asc` of the blueprint. Deny wins over allow. Some paths are protected whatever the
file says (`ALWAYS_PROTECTED`): who could change them could change everything else.
"""

import enum
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from council.domain import baking, patches, playbooks, release_pin, sentinels
from council.kit import globs

FILE = "authz.yaml"
KEY = "authorisation"
KEYS_FOLDER = "keys"
FINGERPRINT = re.compile(r"^[0-9a-f]{40}\Z")
# As GitHub names accounts and apps; it does not tell capitals from small letters.
ACCOUNT = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\[bot\])?\Z")
BOTS_DAILY = 3
LIFETIME_S_MAX = 7 * 86_400
_DAY_S = 86_400
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Kind(enum.StrEnum):
    """What stands behind a key."""

    HUMAN = "human"
    BOT = "bot"


@dataclass(frozen=True, slots=True)
class Signer:
    """One key, and where it may reach. `daily_max` None is as many as one likes; bots have a limit together beside it.

    `account` is who opens its pull requests on the forge, "" where it may open none there.
    """

    fingerprint: str
    name: str
    kind: Kind
    allow: tuple[str, ...]
    deny: tuple[str, ...] = ()
    daily_max: int | None = None
    account: str = ""

    def may_change(self, path: str) -> bool:
        """Return whether its patterns let it change `path`; whether that is enough is the protected paths' matter."""
        return globs.any_matches(self.allow, path) and not globs.any_matches(self.deny, path)


@dataclass(frozen=True, slots=True)
class Protected:
    """Paths that need so many different people behind a patch; `of` names who counts, everybody if it is empty."""

    paths: tuple[str, ...]
    humans: int = 1
    of: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large a patch may be; never more than the ceilings of `patches`."""

    patch_bytes: int = 1024 * 1024
    files: int = 100
    file_bytes: int = 512 * 1024


@dataclass(frozen=True, slots=True)
class Window:
    """When what needs a pause may be applied. Minutes of a UTC day; one that ends at or before its start ends a day later.

    UTC knows no summer time, so a window never falls out and never comes twice.
    """

    days: frozenset[int]
    begin_min: int
    end_min: int


ALWAYS_PROTECTED = Protected((FILE, f"{KEYS_FOLDER}/**", release_pin.FILE, playbooks.FILE, sentinels.FILE, baking.FILE))


@dataclass(frozen=True, slots=True)
class Policy:
    """All of `authz.yaml`."""

    signers: Mapping[str, Signer] = field(default_factory=dict)
    revoked: frozenset[str] = frozenset()
    protected: tuple[Protected, ...] = (ALWAYS_PROTECTED,)
    bots_daily: int = BOTS_DAILY
    sizes: Sizes = Sizes()
    lifetime_s_max: int = LIFETIME_S_MAX
    freeze_label: str = "freeze"
    windows: tuple[Window, ...] = ()

    def lacking(self, path: str, fingerprints: Iterable[str]) -> Protected | None:
        """Return the first rule about `path` that these signers together do not fulfil, None if there is none."""
        humans = {
            one.fingerprint
            for one in map(self.signers.get, fingerprints)
            if one and one.kind is Kind.HUMAN and one.fingerprint not in self.revoked and one.may_change(path)
        }
        for rule in self.protected:
            counted = humans & rule.of if rule.of else humans
            # One person with two keys is one person.
            people = {self.signers[one].name for one in counted}
            if globs.any_matches(rule.paths, path) and len(people) < rule.humans:
                return rule
        return None


def certificate_path(fingerprint: str) -> str:
    """Return the blueprint's file with a signer's certificate."""
    return f"{KEYS_FOLDER}/{fingerprint}.asc"


def in_window(windows: Iterable[Window], now: float) -> bool:
    """Return whether `now`, Unix seconds, lies in one of the windows."""
    day, second = divmod(int(now), _DAY_S)
    weekday, minute = _weekday(day), second // 60
    for one in windows:
        if one.begin_min < one.end_min:
            if weekday in one.days and one.begin_min <= minute < one.end_min:
                return True
        elif (weekday in one.days and minute >= one.begin_min) or (
            (weekday - 1) % 7 in one.days and minute < one.end_min
        ):
            return True
    return False


def may_pause(windows: Collection[Window], now: float) -> bool:
    """Return whether what serves may be away for a patch at `now`, Unix seconds: at any time where no window is set."""
    return not windows or in_window(windows, now)


def next_window_s(windows: Iterable[Window], now: float) -> int | None:
    """Return when the next window begins after `now`, both Unix seconds; None where none ever does."""
    midnight_s = int(now) // _DAY_S * _DAY_S
    begins = [
        midnight_s + ahead * _DAY_S + one.begin_min * 60
        for one in windows
        for ahead in range(len(DAYS) + 1)
        if _weekday(midnight_s // _DAY_S + ahead) in one.days
    ]
    return min((at for at in begins if at > now), default=None)


def _weekday(day: int) -> int:
    # 1970 began on a Thursday.
    return (day + 3) % 7


def ceilings() -> Sizes:
    """Return what no setting lifts."""
    return Sizes(patches.PATCH_BYTES_MAX, patches.FILES_MAX, patches.FILE_BYTES_MAX)
