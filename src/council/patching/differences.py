"""What a patch changed, as people read it: its document without the contents, and each file's difference as git shows it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from council.domain import errors, home
from council.kit import commits
from council.upkeep.engine import changes, repository
from council.upkeep.patchctl import history

# Of one file, and of all; what is beyond is left out, and it is said so.
DIFF_CHARS_MAX = 128 * 1024
ALL_CHARS_MAX = 1024 * 1024
FILES_MAX = 200
_HEADER = re.compile(r"^diff --git a/.* b/(?P<path>.*)$")
_NO_TEXT = "It is no text."
_TOO_LONG = "It is too long to be shown here; `git diff` of the two commits in blueprint.git has all of it."


def of(where: home.Home, row: history.Row) -> dict[str, Any]:
    """Return `document` and `differences` of a patch; null and none where its generation was not made, or is gone."""
    if not (commits.is_commit(row.target) and commits.is_commit(row.base)):
        return {"document": None, "differences": []}
    try:
        raw = repository.content_at(where, row.target, changes.DOCUMENT)
        shown = repository.differences(where, row.base, row.target, changes.FOLDER)
    except errors.BlueprintError:
        return {"document": None, "differences": []}
    document = _document(raw)
    modes = {str(one.get("path")): str(one.get("mode", "")) for one in (document or {}).get("files", ())}
    return {"document": document, "differences": read(shown.decode(errors="replace"), modes)}


def read(shown: str, modes: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return a row for each file of what git shows. Pure."""
    rows: list[dict[str, Any]] = []
    left = ALL_CHARS_MAX
    for lines in _files(shown):
        if len(rows) >= FILES_MAX:
            break
        row = _row(lines, modes)
        if len(row["diff"]) > min(left, DIFF_CHARS_MAX):
            row |= {"diff": "", "note": _TOO_LONG}
        left -= len(row["diff"])
        rows.append(row)
    return rows


def _files(shown: str) -> Iterator[list[str]]:
    """Yield the lines of each file: a line of its content never begins as its first does."""
    lines: list[str] = []
    for line in shown.split("\n"):
        if line.startswith("diff --git ") and lines:
            yield lines
            lines = []
        if lines or line.startswith("diff --git "):
            lines.append(line)
    if lines:
        yield lines


def _row(lines: list[str], modes: Mapping[str, str]) -> dict[str, Any]:
    named = _HEADER.match(lines[0])
    path = named["path"] if named else lines[0].removeprefix("diff --git ")
    begin = next((place for place, line in enumerate(lines) if line.startswith("@@")), len(lines))
    head, body = lines[:begin], lines[begin:]
    gone = any(line.startswith("deleted file") for line in head)
    new = any(line.startswith("new file") for line in head)
    binary = any(line.startswith("Binary files") for line in head)
    return {
        "path": path,
        "action": "delete" if gone else "add" if new else "change",
        "mode": modes.get(path, ""),
        "diff": "\n".join(body).rstrip("\n"),
        "note": _NO_TEXT if binary else "",
        "added": sum(line.startswith("+") for line in body),
        "removed": sum(line.startswith("-") for line in body),
    }


def _document(raw: bytes | None) -> dict[str, Any] | None:
    try:
        found = orjson.loads(raw or b"")
        files = [{name: value for name, value in one.items() if name not in _CONTENTS} for one in found["files"]]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None
    return {**found, "files": files}


_CONTENTS = frozenset({"content", "base64"})
