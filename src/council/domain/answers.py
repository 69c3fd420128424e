"""A question on its way to an answer, and what makes the answer checkable."""

import enum
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from council.domain import ways


class Route(enum.StrEnum):
    """Where a question may be sent."""

    MATH = "math"
    CODE = "code"
    LOGIC = "logic"
    KNOWLEDGE = "knowledge"
    GENERAL = "general"


class Level(enum.StrEnum):
    """What the evidence of an answer amounts to, strongest first."""

    PROVED = "proved"
    COMPUTED = "computed"
    USER_TESTED = "user-tested"
    SELF_TESTED = "self-tested"
    AGREED = "agreed"
    QUOTED = "quoted"
    NONE = "none"

    @property
    def verified(self) -> bool:
        """True where problem and check both come from the user's own text or tests, never from a model."""
        return self in _VERIFIED


_VERIFIED = frozenset({Level.PROVED, Level.COMPUTED, Level.USER_TESTED})


@dataclass(frozen=True, slots=True)
class Evidence:
    """What makes an answer checkable.

    `summary` is one line for people. `detail` is JSON: the reading and the computation, the program and its result, the
    passages with their sources.
    """

    level: Level
    summary: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation; `role` is system, user or assistant."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a model may generate. None leaves the choice to the model's own default.

    `schema` is a JSON Schema that the words are held to.
    """

    tokens_max: int
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What a caller asked. `route` is None when Council is to choose. `background` is what a model is told of the user.

    Where `doubt_below` is set, the local model is to pass on if it is less confident than that.
    """

    request_id: str
    messages: Sequence[Message]
    model: str
    sampling: Sampling
    route: Route | None = None
    specialists: bool = True
    doubt_below: float | None = None
    background: str = ""

    @property
    def text(self) -> str:
        """The last thing that the user said."""
        return next((message.text for message in reversed(self.messages) if message.role == "user"), "")


@dataclass(frozen=True, slots=True)
class Usage:
    """Model tokens; zero where no model was asked. `prompt_tokens` counts those of a prompt cache, too."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        """Return what both used together."""
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
        )


PASSAGE_ID_CHARS = 20


# The root of what comes from packages.
PACKAGED = "packaged"


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document that recall found.

    `root` is "blueprint" (trusted), "library" (the user's own, untrusted) or PACKAGED. `score` grows with relevance;
    `coverage` is the share of the query's distinct content words that the passage holds, 0 to 1. `quote` are the sentences
    of `text` that hold most of them, and `held` the share that those hold together with the headings. `cosine` is how near
    its meaning is to the query's, None where that was not looked at or other passages are nearer.
    """

    root: str
    source: str
    heading: str
    text: str
    score: float
    coverage: float
    quote: str = ""
    held: float = 0.0
    cosine: float | None = None

    @property
    def found_by(self) -> str:
        """How a search came by it: `words`, `meaning`, or `both`."""
        if self.cosine is None:
            return "words"
        return "both" if self.coverage else "meaning"

    @property
    def id(self) -> str:
        """What the passage is asked for by; it holds as long as document, heading and words stay the same."""
        named = "\0".join((self.root, self.source, self.heading, self.text))
        return hashlib.sha256(named.encode()).hexdigest()[:PASSAGE_ID_CHARS]


@dataclass(frozen=True, slots=True)
class Meanings:
    """Of how many passages recall knows the meaning, so that a search finds them by other words than theirs.

    `state` is `off`, `waiting` (for the embedding model, or for the documents to be read), `filling` or `ready`; `reason` says
    why it is not what it could be.
    """

    state: Literal["off", "waiting", "filling", "ready"]
    known: int = 0
    passages: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search found, best first. `note` says what of meanings was missing in it, and is empty where nothing was."""

    passages: Sequence[Passage]
    meanings: Meanings
    note: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a model's words; `logprob` is the natural log of its tokens' probability where the model tells."""

    text: str
    logprob: float | None = None


@dataclass(frozen=True, slots=True)
class End:
    """The end of a model's words."""

    finish_reason: str
    usage: Usage


# What a specialist says, in this order: any number of Delta, then one Finding; or a single PassOn instead.


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of answer text, in order."""

    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A specialist's finished answer; `text` is the whole of it, the deltas joined.

    `refused` is a clear no with its reason, as for a number too large to write down; not the same as passing on. `wrong` is an
    answer that a check has shown to be none, told with what failed.
    """

    text: str
    confidence: float
    evidence: Evidence
    usage: Usage = Usage()
    model: str | None = None
    finish_reason: str = "stop"
    refused: bool = False
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class PassOn:
    """A specialist declines, before saying anything, and says why; `confidence` is what it had in what it would have said."""

    reason: str
    confidence: float | None = None
    why: ways.Why = ways.Why.UNREAD


Event = Delta | Finding | PassOn


@dataclass(frozen=True, slots=True)
class Trial:
    """What is told of a marked question beside its answer: calls to other parts, and what was not paid for it.

    `worst_usd_micros` is what would have been held for the paid model that would have been asked, where `paid`.
    """

    calls: int
    calls_failed: int
    paid: bool
    worst_usd_micros: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A finding with everything that the caller is told about it.

    `timings_ms` maps stage to milliseconds. `passed` are the specialists that declined, in their order. `degraded` names
    parts that were away and what that changed. `provider` is whose server answered, and `tried` what went wrong at others
    before, where a model was asked by its name. `memory` says what was used and kept, None where memory is off. `trial` is
    there where the question was marked. `cid` is that of the patch that made the generation, None where none did.
    """

    request_id: str
    specialist: str
    route: Route
    finding: Finding
    escalated: bool
    cost_usd_micros: int
    timings_ms: Mapping[str, float]
    passed: Sequence[ways.Passed]
    route_reasons: Sequence[str]
    degraded: Sequence[str]
    generation: str
    cid: str | None = None
    provider: str = ""
    tried: Sequence[str] = ()
    memory: Mapping[str, Any] | None = None
    trial: Trial | None = None
    escalation: ways.Escalation = ways.NOT_ESCALATED

    @property
    def passed_on(self) -> Mapping[str, str]:
        """Each specialist that declined with its reason."""
        return {one.by: one.reason for one in self.passed}
