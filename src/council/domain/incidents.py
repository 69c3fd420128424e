"""What is wrong now and was: observations, alerts, incidents, silences and notices.

An *observation* is one verdict about one thing at one moment. What stays bad becomes an *alert*; alerts that begin together
are one *incident*, which ends when all of them have; what people are told of it is a *notice*. Times are microseconds since
the Unix epoch, 0 where it has not happened.
"""

import enum
from dataclasses import dataclass

from council.domain import alerting, gates

ALL = "*"

TEXT_CHARS_MAX = 500
NAME_CHARS_MAX = 128
MEMBERS_MAX = 50
CAUSES_MAX = 20
MOMENTS_MAX = 200

Labels = tuple[tuple[str, str], ...]


class Severity(enum.StrEnum):
    """How soon a person should look: today, or now."""

    WARNING = "warning"
    PAGE = "page"

    @property
    def rank(self) -> int:
        """A number that grows with urgency."""
        return list(Severity).index(self)


def one_line(text: str, chars_max: int) -> str:
    """Return a text on one line, without signs that a terminal would obey."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text[: chars_max * 2])
    return plain if len(plain) <= chars_max else plain[: chars_max - 1] + "…"


def label_of(name: str, labels: Labels) -> str:
    """Return a thing's name with its labels: `memory svc=gateway`."""
    return " ".join([name, *(f"{key}={value}" for key, value in labels)])


def words_of(name: str, labels: Labels) -> str:
    """Return how people read an alert: `the memory of gateway grows`. What is said of it follows a colon, so none stands in it.

    One whose name nobody has put into words, as that of an owner's own gate, goes by its name.
    """
    told = dict(labels)
    who = " ".join(told.pop(key) for key in ("svc", "replica") if key in told)
    words = alerting.WORDS.get(name, name.replace("_", " ") + (" of {who}" if who else ""))
    rest = ", ".join(f"{key} {value}" for key, value in told.items())
    return words.replace("{who}", who or "any service") + (f" ({rest})" if rest else "")


@dataclass(frozen=True, slots=True)
class Observation:
    """One verdict at one moment. `reason` is one line; `next_step` says what a person does about it.

    `page_after_s` is after how long a warning becomes a page, where the settings are not to say; `held_s` for how long it had
    been so when it was observed first, as far as who observes it knows.
    """

    name: str
    verdict: gates.Verdict
    at_us: int
    reason: str = ""
    next_step: str = ""
    labels: Labels = ()
    page_after_s: float | None = None
    held_s: float = 0.0

    @property
    def key(self) -> tuple[str, Labels]:
        """What it is about."""
        return self.name, self.labels


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that is wrong. `since_us` is its first bad observation."""

    name: str
    labels: Labels
    severity: Severity
    summary: str
    since_us: int
    next_step: str

    @property
    def key(self) -> tuple[str, Labels]:
        """What it is about."""
        return self.name, self.labels

    @property
    def title(self) -> str:
        """What it is about, for people."""
        return words_of(self.name, self.labels)


class Ending(enum.StrEnum):
    """How an alert ended. Only a run of green resolves one."""

    NOT_YET = ""
    RESOLVED = "resolved"
    NOT_APPLICABLE = "no longer applies"
    UNSEEN = "nobody measures it any more"
    ELSEWHERE = "goes on in another incident"


@dataclass(frozen=True, slots=True)
class Member:
    """An alert within an incident. `fired_us`: when it became an alert, or a more urgent one; `told`: the severity told of."""

    alert: Alert
    fired_us: int
    ended_us: int = 0
    ending: Ending = Ending.NOT_YET
    told: Severity | None = None

    @property
    def fires(self) -> bool:
        """Whether it goes on."""
        return not self.ended_us


@dataclass(frozen=True, slots=True)
class Cause:
    """What may have brought an incident about: something else that went bad about then. A candidate, not a finding.

    `until_us` is its last bad reading, 0 where it was bad still when the candidate was named. `because` is the line of the
    causal table that links it to an alert of the incident, "" where only the time does.
    """

    title: str
    at_us: int
    reason: str
    because: str = ""
    until_us: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of a timeline."""

    at_us: int
    text: str


class Standing(enum.StrEnum):
    """Where an incident stands. `ended` is not `repaired`: an alert of it stopped without having turned green."""

    OPEN = "open"
    REPAIRED = "repaired"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Incident:
    """From the first bad verdict until recovery. `detected_us` is when its first alert fired, `repaired_us` when its last one
    turned green, or ended; `told_us` when people were last told."""

    id: str
    standing: Standing
    severity: Severity
    began_us: int
    detected_us: int
    repaired_us: int = 0
    members: tuple[Member, ...] = ()
    causes: tuple[Cause, ...] = ()
    timeline: tuple[Moment, ...] = ()
    moments_left_out: int = 0
    told_us: int = 0

    @property
    def detection_s(self) -> float:
        """Seconds from the first bad verdict to the alert."""
        return (self.detected_us - self.began_us) / 1e6

    @property
    def repair_s(self) -> float | None:
        """Seconds from the first bad verdict to recovery; None while it is open."""
        return (self.repaired_us - self.began_us) / 1e6 if self.repaired_us else None

    @property
    def title(self) -> str:
        """What it is about, for people: its first alerts."""
        names = [member.alert.title for member in self.members[:3]]
        more = len(self.members) - len(names)
        return ", ".join(names) + (f" and {more} more" if more else "")


@dataclass(frozen=True, slots=True)
class Silence:
    """Nobody is told of alerts of this name, or of `ALL`, until then; they are recorded all the same."""

    name: str
    until_us: int
    who: str
    why: str
    at_us: int

    def covers(self, name: str, at_us: int) -> bool:
        """Whether it holds for a name at a moment."""
        return at_us < self.until_us and self.name in (name, ALL)


class NoticeKind(enum.StrEnum):
    """What a notice says: of its incident; `escalated` of what stays red, or is not repaired; `digest` of a day."""

    BEGAN = "began"
    GREW = "grew"
    STILL = "still"
    OVER = "over"
    TEST = "test"
    ESCALATED = "escalated"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class Notice:
    """What people are told: a title of one line and a text of a few. Its id sorts by time of birth.

    `html` and `data` are the same as a page and as JSON, for channels that can show them; "" where there is none.
    """

    id: str
    at_us: int
    kind: NoticeKind
    incident_id: str
    severity: Severity
    title: str
    text: str
    html: str = ""
    data: str = ""


class Delivery(enum.StrEnum):
    """How far a notice has come on one channel."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


# The channel of a parcel for every channel that there is: the watcher makes one for each of it.
EVERY_CHANNEL = "*"


@dataclass(frozen=True, slots=True)
class Parcel:
    """A notice on its way over one channel. `reason` says why the last try failed; it never holds an address."""

    notice: Notice
    channel: str
    delivery: Delivery = Delivery.WAITING
    tries: int = 0
    next_us: int = 0
    reason: str = ""
