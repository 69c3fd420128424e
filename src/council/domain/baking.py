"""What is seen of a generation while it is tried: marked requests and how they ended, and readings of its services."""

import enum
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from council.domain import timeseries
from council.domain.options import option

FILE = "trial.yaml"
KEY = "trial_questions"


@dataclass(frozen=True, slots=True)
class Question:
    """A question that generations are tried with. `answer` is what its answer must hold; "" where nobody knows one.

    `kind` is a word for people, such as `dates`.
    """

    kind: str
    text: str
    answer: str = ""

    def right(self, said: str) -> bool | None:
        """Return whether an answer is the one that is known: in the same letters, and not as part of a word or number."""
        return holds(said, self.answer) if self.answer else None


def holds(text: str, answer: str) -> bool:
    """Return whether a text says something: `12` is in `= 12.`, and not in `112`, `12.5` or `1,012`."""
    return re.search(rf"(?<!\w)(?<!\d[.,]){re.escape(answer)}(?!\w)(?![.,]\d)", text) is not None


class Ending(enum.StrEnum):
    """How a marked request ended. Refused: the caller was told so, as by a limit; error: 5xx, or nothing came."""

    ANSWERED = "answered"
    REFUSED = "refused"
    ERROR = "error"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Answer:
    """One marked request. `generation` is what answered, by its own word; "" where nothing did.

    `latency_s` is as decision 12 has it; `text_bytes` counts the text in UTF-8. `worst_usd_micros` is what the paid models
    that it would have asked could have cost at most, `paid` whether there were any. `calls` are those to other parts.
    `right` says whether it is the answer that the question is known to have; None where nobody knows one.
    """

    generation: str
    ending: Ending
    latency_s: float
    text_bytes: int = 0
    paid: bool = False
    worst_usd_micros: int = 0
    calls: int = 0
    calls_failed: int = 0
    right: bool | None = None


@dataclass(frozen=True, slots=True)
class BakeConfig:
    """How a new generation is tried and watched before its patch counts as applied."""

    duration_s: float = option(20.0, "How long a generation that serves is watched, seconds.", low=5, high=3600)
    doubt_s: float = option(
        60.0,
        "How much longer at most, where some of everybody's requests failed, and too few were made to be sure of it, seconds.",
        low=0,
        high=3600,
    )
    interval_s: float = option(
        1.0, "How often the services of a generation are read meanwhile, seconds.", low=0.1, high=10
    )
    answer_s: float = option(
        10.0, "Longest wait for the answer to a question of `trial.yaml`, seconds.", low=1, high=300
    )
    questions_at_once: int = option(4, "Most questions of `trial.yaml` open at once.", low=1, high=64)
    pause_s: float = option(
        120.0,
        "Longest that a service may be away which has no memory to run beside the one that takes its place, seconds.",
        low=10,
        high=3600,
    )
    latency_ratio: float = option(
        1.5, "The median answer may take so many times as long as by the live generation.", low=1, high=100
    )
    latency_s: float = option(
        0.1, "A median answer longer by less than this is never too long, seconds.", low=0, high=60
    )
    cost_ratio: float = option(
        1.1, "All answers together may cost so many times as much at most as by the live generation.", low=1, high=100
    )
    answered_points: float = option(
        2.0, "So many of a hundred questions more may go without an answer.", low=0, high=100
    )
    right_points: float = option(2.0, "So many of a hundred answers fewer may be right.", low=0, high=100)

    @property
    def margins(self) -> "Margins":
        """By how much the new generation may do worse."""
        return Margins(self.latency_ratio, self.latency_s, self.cost_ratio, self.answered_points, self.right_points)


@dataclass(frozen=True, slots=True)
class Margins:
    """By how much a new generation may do worse than the live one on the same requests.

    `latency_ratio` and `cost_ratio` are of medians and of sums, `answered_points` and `right_points` percentage points. A wait
    that is longer by less than `latency_s` is never too long.
    """

    latency_ratio: float = 1.5
    latency_s: float = 0.1
    cost_ratio: float = 1.1
    answered_points: float = 2.0
    right_points: float = 2.0


@dataclass(frozen=True, slots=True)
class Trial:
    """A generation as it was seen from `from_s` to `until_s`, Unix seconds. Answers in the order of the questions.

    `series` by metric, of the services of this generation alone, each labelled with the service's own name. `inputs` is, for
    each service that was read, the digest of what it uses of this generation: one that both generations share must have begun
    with the same. `problem` says why not all of it could be seen.
    """

    generation: str
    from_s: float
    until_s: float
    answers: Sequence[Answer]
    series: Mapping[str, Sequence[timeseries.Series]] = field(default_factory=dict)
    problem: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)

    def select(self, metric: str, start_s: float) -> Iterable[timeseries.Series]:
        """Return the series of a metric that have samples at or after a time."""
        return [one for one in self.series.get(metric, ()) if one.times_s and one.times_s[-1] >= start_s]
