"""What a forge holds: commits, pull requests, and what was said of either. Pure.

A forge is where proposed changes of the blueprint are looked at before they take effect. Nothing here makes them believed:
who wrote a patch is known by its signature, and never by the account, the branch or the label that it came with.
"""

import enum
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from council.domain import errors
from council.domain.options import option

MAIN = "main"
KINDS = ("local", "github", "none")
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,100}")
# A token goes there: in the clear only where it stays on this machine.
_ADDRESS = re.compile(r"(https://[^\s/\"'\\@?#]+|http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?)(/[^\s\"'\\?#]*)?")
CHANGES_MAX = 1_000
FILE_BYTES_MAX = 16 * 1024 * 1024
FILES_MAX = 10_000
# Of a title, a body, a description, a label and a name; what is longer is cut, but for labels and names, which are refused.
TITLE_CHARS_MAX = 256
BODY_CHARS_MAX = 60_000
DESCRIPTION_CHARS_MAX = 140
LABEL_CHARS_MAX = 50
LABELS_MAX = 100
NAME_CHARS_MAX = 200
KEY = re.compile(r"[a-z0-9-]{1,50}")
_URL = re.compile(r"https?://[!-~]{1,2000}")
# Of pull requests, checks and comments that are read at once.
ROWS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class File:
    """A file as a commit holds it, or is to hold it."""

    content: bytes
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a commit without its content. `digest` is git's name for that."""

    digest: str
    executable: bool = False
    size_bytes: int = field(default=0, compare=False)


# What becomes of a path: a new content, one that the repository holds already, or nothing.
Change = File | Entry | None


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of a commit, and by whom, at a time in Unix seconds. The same words about the same make the same commit."""

    message: str
    author: str
    email: str
    at_s: int


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit. `tree` names what it holds: two commits with the same hold the same. `at_s` is when it was made."""

    commit: str
    tree: str
    parents: tuple[str, ...]
    message: str
    author: str
    at_s: int


@dataclass(frozen=True, slots=True)
class ForgeConfig:
    """Where changes of the blueprint are proposed."""

    kind: str = option(
        "local",
        "`local` for a git repository in the home, `github`, or `none`: then patches are submitted straight.",
    )
    repository: str = option("", "The blueprint's repository on GitHub, as `owner/name`.")
    api_url: str = option(
        "https://api.github.com", "Where GitHub's REST interface answers; another for your own server."
    )
    poll_s: float = option(5.0, "How often main and what serves are compared, seconds.", low=0.1, high=3600)
    webhook: bool = option(
        False,
        "Whether `POST /webhook` of the steward's port is taken, by which GitHub has it look at once. Each must be signed with "
        "what `secrets/forge.webhook` holds.",
    )


def check_config(config: ForgeConfig) -> None:
    """Raise ConfigError for a forge that could not be asked."""
    if config.kind not in KINDS:
        raise errors.ConfigError(f"`forge.kind` must be one of {', '.join(KINDS)}, not {config.kind!r}.")
    if config.kind == "github" and not is_repository(config.repository):
        raise errors.ConfigError(
            f"`forge.repository` must be the blueprint's repository as `owner/name`, not {config.repository!r}."
        )
    if not _ADDRESS.fullmatch(config.api_url):
        raise errors.ConfigError(
            f"`forge.api_url` must be an address such as https://api.github.com, not {config.api_url!r}."
        )
    if config.webhook and config.kind != "github":
        raise errors.ConfigError(
            "`forge.webhook` is for a forge elsewhere: set `forge.kind` to `github`, or leave it off."
        )


def is_repository(name: str) -> bool:
    """Return whether this can name a repository on GitHub, as `owner/name`."""
    return _REPOSITORY.fullmatch(name) is not None


def moved(what: str, to: str) -> errors.ForgeMovedError:
    """Return the error that says so; `to` is the commit that a branch or pull request leads to now, "" for none."""
    where = f"is at {to[:8]} now" if to else "is not there"
    return errors.ForgeMovedError(
        f"{what[:100]} {where}, and not where it was. Nothing has changed; look again and repeat."
    )


class PullState(enum.StrEnum):
    """Whether a pull request can still be merged."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request. `head` is the commit that it proposes now, or proposed last.

    `author` is the account that opened it. `merged` is the commit on its base that it became, "" where it did not. `foreign`:
    its branch is in somebody else's copy of the repository.
    """

    number: int
    state: PullState
    title: str
    body: str
    author: str
    branch: str
    head: str
    base: str
    labels: frozenset[str] = frozenset()
    merged: str = ""
    foreign: bool = False


class CheckKind(enum.StrEnum):
    """How a forge keeps what was found about a commit. Both count the same; on GitHub only an app may tell a run."""

    STATUS = "status"
    RUN = "check run"


class CheckState(enum.StrEnum):
    """What was found. Only success is one: what was skipped or left out is neutral, and what nobody knows a failure."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding about a commit, known by its kind and name: the newest counts. `by` is the account that told it.

    `by` is the forge's to say, and is passed over where a check is set. A status is never neutral.
    """

    name: str
    state: CheckState
    description: str = ""
    url: str = ""
    kind: CheckKind = CheckKind.STATUS
    by: str = ""


@dataclass(frozen=True, slots=True)
class Comment:
    """What an account said about a pull request. `key` names it where it was said through the port."""

    by: str
    body: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class News:
    """What has changed since a cursor: `main` is the commit main leads to now, `pulls` are those that may have changed.

    A pull request may be told again though it has not changed; none that has is left out.
    """

    cursor: str
    main: str
    pulls: tuple[Pull, ...] = ()
    # Where the forge asks for it: how long to wait before asking again.
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that the account may not do here, or that is missing. `remedy` says what a person should do."""

    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a pull request is opened with. `branch` is in the same repository."""

    branch: str
    title: str
    body: str
    labels: frozenset[str] = field(default_factory=frozenset)
    base: str = MAIN


def bears(pull: Pull, label: str) -> bool:
    """Return whether a pull request has a label; GitHub does not tell capitals from small letters."""
    return label.casefold() in map(str.casefold, pull.labels)


def check_changes(changes: Mapping[str, Change], *, whole: bool = False) -> None:
    """Return if a commit can be made of these, path to file, None removes; or if `whole` of these alone.

    Raises InvalidRequestError.
    """
    most = FILES_MAX if whole else CHANGES_MAX
    if not 0 < len(changes) <= most:
        raise errors.InvalidRequestError(
            f"A commit {'holds' if whole else 'changes'} 1 to {most} files; this one {len(changes)}. Split it."
        )
    for path, file in changes.items():
        check_path(path)
        if isinstance(file, File) and len(file.content) > FILE_BYTES_MAX:
            raise errors.InvalidRequestError(f"{path!r} has more than {FILE_BYTES_MAX} bytes. Leave it out.")


def check_path(path: str) -> None:
    """Raise InvalidRequestError for what is no plain path inside a repository."""
    parts = PurePosixPath(path).parts
    plain = bool(parts) and not path.startswith("/") and path.isprintable() and path == "/".join(parts)
    if not plain or any(part in (".", "..") or part.lower() == ".git" for part in parts):
        raise errors.InvalidRequestError(f"{path[:200]!r} is not a plain path inside a repository. Correct it.")


def check_words(words: Words) -> None:
    """Raise InvalidRequestError for what a commit cannot say."""
    for text in (words.author, words.email):
        if not text.strip() or text != text.strip() or not text.isprintable() or {"<", ">"} & set(text):
            raise errors.InvalidRequestError(
                f"{text[:100]!r} cannot be who made a commit. Give a plain name and address."
            )
    message = words.message
    if not message.strip() or "\0" in message or message != cut(message, BODY_CHARS_MAX) or words.at_s < 0:
        raise errors.InvalidRequestError(
            f"A commit needs a message of 1 to {BODY_CHARS_MAX} letters, and a time. Give both."
        )


def check_branch(name: str) -> None:
    """Raise InvalidRequestError for what no branch of ours is named: more than letters, digits and `-_./`, or main itself."""
    parts = name.split("/")
    usual = all(letter.isascii() and (letter.isalnum() or letter in "-_./") for letter in name)
    odd = any(not part or part[0] in "-." or part.endswith((".", ".lock")) or ".." in part for part in parts)
    if not usual or odd or len(name) > NAME_CHARS_MAX or name == MAIN:
        raise errors.InvalidRequestError(f"{name[:200]!r} cannot be the name of a branch of ours. Choose another.")


def check_label(label: str) -> None:
    """Raise InvalidRequestError for what is no label."""
    if not label.strip(" .") or label != label.strip() or not label.isprintable() or len(label) > LABEL_CHARS_MAX:
        raise errors.InvalidRequestError(f"A label is one line of 1 to {LABEL_CHARS_MAX} letters, not {label[:100]!r}.")


def check_labels(labels: Collection[str]) -> None:
    """Raise InvalidRequestError for more labels than a pull request has, or what is none."""
    if len(labels) > LABELS_MAX:
        raise errors.InvalidRequestError(
            f"A pull request has at most {LABELS_MAX} labels, not {len(labels)}. Use fewer."
        )
    for label in labels:
        check_label(label)


def check_check(check: Check) -> None:
    """Raise InvalidRequestError for what cannot be set."""
    if not check.name.strip() or not check.name.isprintable() or len(check.name) > NAME_CHARS_MAX:
        raise errors.InvalidRequestError(f"A check's name is one line of 1 to {NAME_CHARS_MAX} letters. Correct it.")
    if check.url and not _URL.fullmatch(check.url):
        raise errors.InvalidRequestError(
            "A check's address begins with `https://` or `http://`. Correct it or leave it out."
        )
    if check.kind is CheckKind.STATUS and check.state is CheckState.NEUTRAL:
        raise errors.InvalidRequestError(
            "A status is pending, success or failure. Set a check run where neutral is meant."
        )


def check_key(key: str) -> None:
    """Raise InvalidRequestError for what no comment is named: more than small letters, digits and `-`."""
    if not KEY.fullmatch(key):
        raise errors.InvalidRequestError(f"{key[:100]!r} cannot name a comment. Use 1 to 50 of a to z, 0 to 9 and `-`.")


def cut(text: str, chars_max: int) -> str:
    """Return a text that fits, with its end marked where it had to be cut, and `?` for halves of characters."""
    text = text.encode(errors="replace").decode()
    return text if len(text) <= chars_max else f"{text[: chars_max - 1]}…"
