"""GitHub's objects as ours, and ours as its. Pure, and in the words of its published description."""

import base64
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from council.domain import errors, forge
from council.kit import commits

PLAIN, EXECUTABLE = "100644", "100755"
# Of a file in UTF-8, up to which it goes along in the tree that holds it.
INLINE_BYTES_MAX = 256 * 1024
_MARK = re.compile(r"\n\n<!-- council: ([a-z0-9-]{1,50}) -->\s*\Z")
_CONCLUSIONS = {
    "success": forge.CheckState.SUCCESS,
    "neutral": forge.CheckState.NEUTRAL,
    "skipped": forge.CheckState.NEUTRAL,
}
_STATES = {"success": forge.CheckState.SUCCESS, "pending": forge.CheckState.PENDING}


class FormError(Exception):
    """An answer lacks what it should have."""


def commit(data: Any) -> forge.Commit:
    """Read a git commit."""
    return forge.Commit(
        commit=name(data["sha"]),
        tree=name(data["tree"]["sha"]),
        parents=tuple(name(each["sha"]) for each in data["parents"]),
        message=str(data["message"]),
        author=str(data["author"]["name"]),
        at_s=_seconds(data["committer"]["date"]),
    )


def pull(data: Any) -> forge.Pull:
    """Read a pull request, as it comes alone or in a list."""
    is_merged = data["merged_at"] is not None
    is_open = data["state"] == "open"
    head, base = data["head"], data["base"]
    home = base["repo"]["full_name"]
    return forge.Pull(
        number=int(data["number"]),
        state=forge.PullState.MERGED if is_merged else forge.PullState.OPEN if is_open else forge.PullState.CLOSED,
        title=str(data["title"]),
        body=str(data["body"] or ""),
        author=_login(data["user"]),
        branch=str(head["ref"]),
        head=name(head["sha"]),
        base=str(base["ref"]),
        labels=labels(data["labels"]),
        merged=name(data["merge_commit_sha"]) if is_merged else "",
        # The other repository may be gone.
        foreign=head["repo"] is None or head["repo"]["full_name"] != home,
    )


def labels(rows: Iterable[Any]) -> frozenset[str]:
    """Read the names of labels."""
    return frozenset(str(row["name"]) for row in rows)


def entries(data: Any) -> dict[str, forge.Entry]:
    """Read a tree with all below it. Raises InvalidRequestError for more than plain files."""
    files = [row for row in data["tree"] if row["type"] != "tree"]
    if data["truncated"] or len(files) > forge.FILES_MAX:
        raise errors.InvalidRequestError(f"The commit holds more than {forge.FILES_MAX} files. Remove some.")
    found = {}
    for row in files:
        if row["mode"] not in (PLAIN, EXECUTABLE):
            raise errors.InvalidRequestError(
                f"{str(row['path'])[:200]!r} is a link or submodule; only plain files are allowed. Remove it."
            )
        found[str(row["path"])] = forge.Entry(name(row["sha"]), row["mode"] == EXECUTABLE, int(row["size"]))
    return found


def content(data: Any) -> bytes:
    """Read a blob."""
    if data["encoding"] != "base64":
        raise FormError
    return base64.b64decode(data["content"])


def tree_row(path: str, file: forge.Change, blob: str) -> dict[str, Any]:
    """Return how a tree is told of a file: by its `blob`, or with its text where that is ""."""
    if file is None:
        return {"path": path, "mode": PLAIN, "type": "blob", "sha": None}
    row = {"path": path, "mode": EXECUTABLE if file.executable else PLAIN, "type": "blob"}
    if blob or isinstance(file, forge.Entry):
        return {**row, "sha": blob}
    return {**row, "content": file.content.decode()}


def is_inline(file: forge.File) -> bool:
    """Return whether a file can go along in the tree that holds it, byte for byte."""
    if len(file.content) > INLINE_BYTES_MAX or b"\0" in file.content:
        return False
    try:
        file.content.decode()
    except UnicodeDecodeError:
        return False
    return True


def status(data: Any) -> forge.Check:
    """Read a commit status."""
    return forge.Check(
        name=str(data["context"]),
        state=_STATES.get(data["state"], forge.CheckState.FAILURE),
        description=str(data["description"] or ""),
        url=str(data["target_url"] or ""),
        by=_login(data["creator"]),
    )


def run(data: Any) -> forge.Check:
    """Read a check run."""
    is_done = data["status"] == "completed"
    return forge.Check(
        name=str(data["name"]),
        state=_CONCLUSIONS.get(data["conclusion"], forge.CheckState.FAILURE) if is_done else forge.CheckState.PENDING,
        description=str(data["output"]["title"] or ""),
        url=str(data["details_url"] or ""),
        kind=forge.CheckKind.RUN,
        by=str((data["app"] or {}).get("slug") or ""),
    )


def status_told(check: forge.Check) -> dict[str, Any]:
    """Return what tells a status."""
    url = {"target_url": check.url} if check.url else {}
    return {"state": check.state.value, "context": check.name, "description": check.description, **url}


def run_told(commit_name: str, check: forge.Check) -> dict[str, Any]:
    """Return what tells a check run."""
    told: dict[str, Any] = {"name": check.name, "head_sha": commit_name}
    if check.state is forge.CheckState.PENDING:
        told["status"] = "in_progress"
    else:
        told |= {"status": "completed", "conclusion": check.state.value}
    if check.description:
        told["output"] = {"title": check.description, "summary": check.description}
    return told | ({"details_url": check.url} if check.url else {})


def comment(data: Any) -> forge.Comment:
    """Read a comment."""
    body = str(data["body"] or "").replace("\r\n", "\n")
    mark = _MARK.search(body)
    return forge.Comment(_login(data["user"]), body[: mark.start()] if mark else body, mark[1] if mark else "")


def comment_told(key: str, body: str) -> str:
    """Return a comment's text, with its key where no reader sees it."""
    return f"{body}\n\n<!-- council: {key} -->"


def person(words: forge.Words) -> Mapping[str, str]:
    """Return who made a commit and when."""
    return {"name": words.author, "email": words.email, "date": _date(words.at_s)}


def name(text: Any) -> str:
    """Return the name of an object of git. Raises FormError for what is none."""
    if not isinstance(text, str) or not commits.is_commit(text):
        raise FormError
    return text


def _login(user: Any) -> str:
    # Whoever has left GitHub is nobody.
    return "" if user is None else str(user["login"])


def _date(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _seconds(date: str) -> int:
    return int(datetime.fromisoformat(date).timestamp())
