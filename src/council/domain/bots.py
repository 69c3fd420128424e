"""Bots: what one is, what it drafts, and how a run of it ended. Pure.

A bot looks once an hour whether there is cause to change the blueprint. Its run is two children: one reads what it is given, of
which much is untrusted text, and drafts without a key; the other gets the finished draft alone, checks it and signs. So a
*draft* is a wish in a small strict form, and nothing in it says who may do what.
"""

import datetime
import enum
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from council.domain import errors, patches
from council.domain.options import option

SUBJECT_CHARS_MAX = 200
WHY_CHARS_MAX = 1000
REPORT_CHARS_MAX = 16_000
SETTINGS_MAX = 8
WEIGHTS_MAX = 16
FILES_MAX = 4
FILE_CHARS_MAX = 256 * 1024
ROWS_KEPT = 5000

# Its drafts need a person: they close what a setting left open, or pin another release, neither of which is tuning.
SECURITY = "security"

Value = bool | int | float
# Asks a language model one question and returns what it said. Raises ModelUnavailableError.
Ask = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class BotsConfig:
    """The bots: see `council bots list`. They are read anew for each run."""

    model: str = option("", "The model that the bot `author` asks for drafts, by the name callers use; empty: none.")
    answer_s: float = option(120.0, "Longest wait for that model's draft, seconds.", low=1, high=600)
    answer_tokens_max: int = option(1024, "Most tokens of that draft.", low=64, high=16_384)
    check_s: float = option(3600.0, "How often each bot looks whether there is cause, seconds.", low=5, high=86_400)
    draft_s: float = option(60.0, "Longest a bot may think beside waiting for the model, seconds.", low=1, high=600)


class Outcome(enum.StrEnum):
    """How a run ended. `told` is a report without a patch; `refused` a draft that the checks did not let be signed."""

    NOTHING = "nothing"
    TOLD = "told"
    REFUSED = "refused"
    PROPOSED = "proposed"
    FAILED = "failed"


class Way(enum.StrEnum):
    """How a signed patch goes on: by a pull request, or straight to patchctl where a gate that is red would hold that up."""

    FORGE = "forge"
    STRAIGHT = "straight"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a bot wishes. `settings` by `section.key`; `weights` by `MODEL/PROVIDER`; `files` by path with their whole text.

    `subject` is what it is about, as an incident's id: of one subject a bot proposes something once.
    """

    subject: str
    title: str
    why: str
    settings: Mapping[str, Value] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)
    share_max: float | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    way: Way = Way.FORGE
    report: str = ""


@dataclass(frozen=True, slots=True)
class Nothing:
    """Why nothing is drafted; `report` is what there is to read all the same. `is_refused`: a model's draft was no draft."""

    why: str
    subject: str = ""
    report: str = ""
    is_refused: bool = False


class Bot(Protocol):
    """One bot. `draft` runs in a child without rights; what it is given was gathered by `services.bot_evidence`."""

    @property
    def name(self) -> str:
        """Its name: in authz.yaml, of its key, in `council bots`."""

    @property
    def does(self) -> str:
        """What it is for, in one line."""

    @property
    def offset_s(self) -> int:
        """How long after the full hour it looks, seconds."""

    @property
    def touches(self) -> tuple[str, ...]:
        """Patterns of the paths that it ever drafts; its line in authz.yaml can only say less."""

    def draft(self, evidence: Mapping[str, Any], ask: Ask) -> Draft | Nothing:
        """Return what it wishes. Pure but for `ask`."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run. Its id sorts by time. `number` is of the pull request, 0 for none; `model` and `prompt` where one drafted.

    `prompt` is the SHA-256 of the prompt.
    """

    id: str
    bot: str
    began_us: int
    ended_us: int
    outcome: Outcome
    subject: str = ""
    why: str = ""
    reason: str = ""
    cid: str = ""
    number: int = 0
    model: str = ""
    prompt: str = ""
    report: str = ""


@dataclass(frozen=True, slots=True)
class Base:
    """What a draft is made from: the generation that serves and its tree, which main of the forge holds too.

    `forge` is its kind; `paused` says why nothing is to change by itself now, "" where it may.
    """

    generation: str
    tree: str
    forge: str
    paused: str = ""


def due_s(offset_s: int, check_s: float, now_s: float) -> float:
    """Return when a bot looks next, Unix seconds: so long after each whole multiple of `check_s`; never now."""
    offset = offset_s % check_s
    return (now_s - offset) // check_s * check_s + check_s + offset


def day_of(at_us: int) -> datetime.date:
    """Return the UTC day by which quotas count."""
    return datetime.datetime.fromtimestamp(at_us / 1e6, datetime.UTC).date()


def encode(draft: Draft) -> dict[str, Any]:
    """Return a draft as JSON has it."""
    return {
        "subject": draft.subject,
        "title": draft.title,
        "why": draft.why,
        "settings": dict(draft.settings),
        "weights": dict(draft.weights),
        "share_max": draft.share_max,
        "files": dict(draft.files),
        "way": draft.way.value,
        "report": draft.report,
    }


_FIELDS = frozenset(encode(Draft("", "", "")))


def decode(given: Any) -> Draft:
    """Return a draft from its JSON, which is believed in nothing. Raises InvalidRequestError that says which field is wrong."""
    if not isinstance(given, dict) or given.keys() != _FIELDS:
        raise _wrong("it has other fields than a draft has")
    settings = _mapping(given, "settings", SETTINGS_MAX)
    weights = _mapping(given, "weights", WEIGHTS_MAX)
    files = _mapping(given, "files", FILES_MAX)
    if any(not isinstance(one, bool | int | float) for one in settings.values()):
        raise _wrong("`settings` holds what is no number, and neither true nor false")
    if any(isinstance(one, bool) or not isinstance(one, int) for one in weights.values()):
        raise _wrong("`weights` holds what is no whole number")
    share = given["share_max"]
    if share is not None and (isinstance(share, bool) or not isinstance(share, int | float)):
        raise _wrong("`share_max` is no number")
    if any(not isinstance(one, str) or len(one) > FILE_CHARS_MAX for one in files.values()):
        raise _wrong(f"`files` holds what is no text of up to {FILE_CHARS_MAX} characters")
    if given["way"] not in list(Way):
        raise _wrong("`way` is neither forge nor straight")
    if not (settings or weights or files or share is not None):
        raise _wrong("it changes nothing")
    return Draft(
        subject=_line(given, "subject", SUBJECT_CHARS_MAX),
        title=_line(given, "title", patches.TITLE_LENGTH_MAX),
        why=_line(given, "why", WHY_CHARS_MAX),
        settings=settings,
        weights=weights,
        share_max=None if share is None else float(share),
        files=files,
        way=Way(given["way"]),
        report=_text(given, "report", REPORT_CHARS_MAX),
    )


def strict_json(text: str, chars_max: int) -> Any:
    """Return what a text holds as JSON: one value, no key twice, no NaN. Raises InvalidRequestError."""
    if len(text) > chars_max:
        raise _wrong(f"it has {len(text)} characters; {chars_max} are read")
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_never)
    except (ValueError, RecursionError) as error:
        raise _wrong(f"it is no strict JSON ({type(error).__name__})") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands there twice")
    return made


def _never(word: str) -> Any:
    raise ValueError(word)


def _mapping(given: Mapping[str, Any], key: str, most: int) -> dict[str, Any]:
    found = given[key]
    if not isinstance(found, dict) or len(found) > most or not all(isinstance(name, str) for name in found):
        raise _wrong(f"`{key}` is no object of up to {most} entries")
    return found


def _line(given: Mapping[str, Any], key: str, chars_max: int) -> str:
    found = _text(given, key, chars_max)
    if not found or not found.isprintable():
        raise _wrong(f"`{key}` is no line of characters that can be seen")
    return found


def _text(given: Mapping[str, Any], key: str, chars_max: int) -> str:
    found = given[key]
    if not isinstance(found, str) or len(found) > chars_max:
        raise _wrong(f"`{key}` is no text of up to {chars_max} characters")
    return found


def _wrong(what: str) -> errors.InvalidRequestError:
    return errors.InvalidRequestError(
        f"A draft is refused: {what}. `council bots log` shows the run; correct what drafts.", reason="draft_invalid"
    )
