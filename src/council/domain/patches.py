"""What a patch is: a proposed change of the blueprint, and the words for why one is refused. Pure.

A patch travels as the bytes of one JSON document (`schema/patch.schema.json`) and a detached signature over exactly these
bytes. What is here is what the document says. Who may say it is `domain/authz.py`'s, and whether it is believed
`upkeep/patchctl/core`'s.
"""

import base64
import enum
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from council.domain.options import option

SCHEMA = "council.patch/1"
CID_DIGITS = 16

# Ceilings that no setting lifts; `authz.yaml` may set lower ones.
PATCH_BYTES_MAX = 4 * 1024 * 1024
FILES_MAX = 500
FILE_BYTES_MAX = 2 * 1024 * 1024
TITLE_LENGTH_MAX = 120
AUTHOR_LENGTH_MAX = 120
REASON_LENGTH_MAX = 2000
TICKET_MAX = 10**9


@dataclass(frozen=True, slots=True)
class PatchConfig:
    """How patches are taken in, and what is kept of them."""

    kept_generations: int = option(
        10, "Earlier generations that stay on disk beside the live one; older ones are in git.", low=1, high=1000
    )
    needs_token: bool = option(False, "A patch needs a token beside its signature; the owner's commands send theirs.")


class Reason(enum.StrEnum):
    """Why a patch is refused. The words are stable: programs and tests rely on them.

    The first group needs no proof of who sent it; the second is told to a listed signer alone. The third is told of one that
    was on its way already, and a sentence follows.
    """

    TOO_LARGE = "too_large"
    SIGNATURE_TOO_LARGE = "signature_too_large"
    SIGNATURE_MALFORMED = "signature_malformed"
    SIGNATURE_NOT_ONE = "signature_not_one"
    SIGNATURE_NOT_BINARY = "signature_not_binary"
    SIGNATURE_WEAK_DIGEST = "signature_weak_digest"
    SIGNATURE_UNLISTED = "signature_unlisted"
    SIGNATURE_REVOKED = "signature_revoked"
    SIGNATURE_KEY_EXPIRED = "signature_key_expired"
    SIGNATURE_TIME = "signature_time"
    SIGNATURE_EXPIRED = "signature_expired"
    SIGNATURE_WRONG = "signature_wrong"
    SIGNATURE_DISPUTED = "signature_disputed"

    DOCUMENT_MALFORMED = "document_malformed"
    DOCUMENT_INVALID = "document_invalid"
    PATH_UNSAFE = "path_unsafe"
    NOT_YET = "not_yet"
    EXPIRED = "expired"
    LASTS_TOO_LONG = "lasts_too_long"
    REPLAYED = "replayed"
    CID_TAKEN = "cid_taken"
    QUARANTINED = "quarantined"
    STALE_BASE = "stale_base"
    COSIGNATURE = "cosignature"
    PATH_NOT_ALLOWED = "path_not_allowed"
    PROTECTED = "protected"
    TOO_MANY = "too_many"
    QUOTA = "quota"
    FROZEN = "frozen"
    SECRET = "secret"  # noqa: S105 - the word for it
    FILE_INVALID = "file_invalid"
    NEEDS_RESTART = "needs_restart"

    OUTSIDE_WINDOW = "outside_window"
    NO_ROOM = "no_room"
    NOT_INSTALLED = "not_installed"


ON_THE_WAY = frozenset({Reason.OUTSIDE_WINDOW, Reason.NO_ROOM, Reason.NOT_INSTALLED})


class Action(enum.StrEnum):
    """What a patch does with one file."""

    PUT = "put"
    DELETE = "delete"


class Mode(enum.StrEnum):
    """Whether a file may be run."""

    PLAIN = "plain"
    EXECUTABLE = "executable"


@dataclass(frozen=True, slots=True)
class Change:
    """One file. `before` is the SHA-256 of what is there now, None if nothing is; `content` is None where it is deleted."""

    path: str
    action: Action
    content: bytes | None
    before: str | None
    mode: Mode = Mode.PLAIN

    @property
    def executable(self) -> bool:
        """Whether the file is to be one that may be run."""
        return self.mode is Mode.EXECUTABLE


@dataclass(frozen=True, slots=True)
class Patch:
    """What a document says. Times in Unix seconds; `base` is a commit; `author` is a claim that nothing checks."""

    author: str
    created: int
    expires: int
    base: str
    title: str
    reason: str
    changes: tuple[Change, ...]
    ticket: int | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """What answers name: the generation that serves, and the CID of the patch that made it, None where none did."""

    generation: str
    cid: str | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """What somebody sent, as the bytes that came."""

    document: bytes
    signature: bytes
    cosignatures: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a patch was taken. `reason` is one of `Reason`, "" where it was; `message` says what to do."""

    success: bool
    cid: str
    digest: str
    reason: str = ""
    message: str = ""


def digest(document: bytes) -> str:
    """Return the name of a patch: the SHA-256 of its exact bytes, 64 hex digits."""
    return hashlib.sha256(document).hexdigest()


def cid(full_digest: str) -> str:
    """Return what people are shown of a digest."""
    return full_digest[:CID_DIGITS]


def content_digest(patch: Patch) -> str:
    """Return what two patches share that would do the same to the same files, whoever signed them and when."""
    rows = sorted(
        [one.path, one.action.value, one.mode.value, None if one.content is None else digest(one.content)]
        for one in patch.changes
    )
    return digest(json.dumps(rows, separators=(",", ":")).encode())


def dump(patch: Patch) -> bytes:
    """Return a document that says what `patch` does, to be signed as it is."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "author": patch.author,
        "created": time_text(patch.created),
        "expires": time_text(patch.expires),
        "base": patch.base,
        "title": patch.title,
        "reason": patch.reason,
    }
    if patch.ticket is not None:
        document["ticket"] = patch.ticket
    document["files"] = [_file(one) for one in patch.changes]
    return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"


def _file(change: Change) -> dict[str, Any]:
    row: dict[str, Any] = {"path": change.path, "action": change.action.value}
    if change.content is not None:
        row["mode"] = change.mode.value
        text = _plain_text(change.content)
        if text is None:
            row["base64"] = base64.b64encode(change.content).decode()
        else:
            row["content"] = text
    return row | {"before": change.before}


def is_text(content: bytes) -> bool:
    """Return whether a document can hold the content as the text that people read before they sign."""
    return _plain_text(content) is not None


def _plain_text(content: bytes) -> str | None:
    """Return content as the text that may stand in a document as it is, None if it must be base64."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return text if all(letter >= " " or letter in "\t\n\r" for letter in text) and "\x7f" not in text else None


def time_text(at: int) -> str:
    """Return Unix seconds as documents write them: `2026-11-29T18:00:00Z`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
