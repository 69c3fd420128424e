"""Bytes to a patch. Every field is named here with its form; a field that is not named is refused.

`schema/patch.schema.json` says the same to other programs. It is made by `schema()`, and tests hold both together.
"""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from council.domain import authz, errors, patches
from council.upkeep.patchctl.core import paths, strict_json

_FIELDS = ("schema", "author", "created", "expires", "base", "title", "reason", "files")
_HEX = frozenset("0123456789abcdef")
_COMMIT_LENGTHS = (40, 64)
_DIGEST_LENGTH = 64
# What no editor shows is no text. Tabs and line ends are; bytes from 0x80 on are parts of other characters.
_PLAIN = bytes([9, 10, 13, *range(0x20, 0x7F), *range(0x80, 0x100)])
_TIME_FORM = "%Y-%m-%dT%H:%M:%SZ"


def parse(raw: bytes, sizes: authz.Sizes) -> patches.Patch:
    """Return the patch that `raw` is. Raises PatchRefusedError."""
    if len(raw) > sizes.patch_bytes:
        raise errors.PatchRefusedError(
            f"The patch has {len(raw)} bytes; {sizes.patch_bytes} are allowed. Split it into several.",
            reason=patches.Reason.TOO_LARGE,
        )
    found = strict_json.read(raw)
    _only(found, (*_FIELDS, "ticket"), _FIELDS, "the patch")
    if found["schema"] != patches.SCHEMA:
        raise _invalid("schema", f'must be "{patches.SCHEMA}"')
    files = found["files"]
    if not isinstance(files, list) or not files:
        raise _invalid("files", "must be a list of at least one file")
    if len(files) > sizes.files:
        raise errors.PatchRefusedError(
            f"The patch lists {len(files)} files; {sizes.files} are allowed. Split it into several.",
            reason=patches.Reason.TOO_MANY,
        )
    changes = tuple(_change(one, f"files[{number}]", sizes) for number, one in enumerate(files))
    paths.check_together([one.path for one in changes])
    return patches.Patch(
        author=_text(found, "author", patches.AUTHOR_LENGTH_MAX),
        created=_time(found, "created"),
        expires=_time(found, "expires"),
        base=_hex(found["base"], "base", _COMMIT_LENGTHS),
        title=_text(found, "title", patches.TITLE_LENGTH_MAX),
        reason=_text(found, "reason", patches.REASON_LENGTH_MAX, lines=True),
        changes=changes,
        ticket=_ticket(found),
    )


def _change(found: Any, where: str, sizes: authz.Sizes) -> patches.Change:
    if not isinstance(found, dict):
        raise _invalid(where, "must be an object")
    action = found.get("action")
    if action == patches.Action.DELETE:
        _only(found, ("path", "action", "before"), ("path", "action", "before"), where)
        content, mode = None, patches.Mode.PLAIN
    elif action == patches.Action.PUT:
        held = "base64" if "base64" in found else "content"
        _only(found, ("path", "action", "mode", held, "before"), ("path", "action", "mode", held, "before"), where)
        if found["mode"] not in list(patches.Mode):
            raise _invalid(f"{where}.mode", f"must be one of {', '.join(patches.Mode)}")
        content, mode = _content(found[held], held, f"{where}.{held}"), patches.Mode(found["mode"])
        if len(content) > sizes.file_bytes:
            raise errors.PatchRefusedError(
                f"`{where}` has {len(content)} bytes; {sizes.file_bytes} are allowed. Make it smaller.",
                reason=patches.Reason.TOO_LARGE,
            )
    else:
        raise _invalid(f"{where}.action", f"must be one of {', '.join(patches.Action)}")
    path = found["path"]
    if not isinstance(path, str):
        raise _invalid(f"{where}.path", "must be a text")
    paths.check(path)
    before = found["before"]
    if before is not None or content is None:
        before = _hex(before, f"{where}.before", (_DIGEST_LENGTH,))
    return patches.Change(path, patches.Action(action), content, before, mode)


def _content(given: Any, held: str, where: str) -> bytes:
    if not isinstance(given, str):
        raise _invalid(where, "must be a text")
    if held == "content":
        content = given.encode()
        if content.translate(None, _PLAIN):
            raise _invalid(where, "holds control characters; send such a file as `base64`")
        return content
    try:
        content = base64.b64decode(given.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise _invalid(where, "is not base64") from error
    if base64.b64encode(content).decode() != given:
        raise _invalid(where, "is not base64 as it is written by everybody: no bits are left over at its end")
    return content


def _only(found: Mapping[str, Any], known: tuple[str, ...], needed: tuple[str, ...], where: str) -> None:
    for key in found:
        if key not in known:
            raise _invalid(where, f"has a field {key[:30]!a} that is not known; there are {', '.join(known)}")
    for key in needed:
        if key not in found:
            raise _invalid(where, f"lacks the field `{key}`")


def _text(found: Mapping[str, Any], key: str, length_max: int, *, lines: bool = False) -> str:
    text = found[key]
    if not isinstance(text, str) or not text.strip() or len(text) > length_max:
        raise _invalid(key, f"must be a text of 1 to {length_max} characters")
    # Nothing that turns a line round, hides in it or moves the cursor.
    if not (text.replace("\n", "") if lines else text).isprintable():
        raise _invalid(key, "holds a character that cannot be seen")
    return text


def _time(found: Mapping[str, Any], key: str) -> int:
    text = found[key]
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        at = None
    # Times may be written in many ways; only one of them is one text for one time.
    if at is None or at.year // 100 != 20 or at.strftime(_TIME_FORM) != text:
        raise _invalid(key, "must be a time such as 2026-11-29T18:00:00Z")
    return int(at.timestamp())


def _hex(given: Any, where: str, lengths: tuple[int, ...]) -> str:
    if not isinstance(given, str) or len(given) not in lengths or not _HEX.issuperset(given):
        raise _invalid(where, f"must be {' or '.join(map(str, lengths))} hex digits in lower case")
    return given


def _ticket(found: Mapping[str, Any]) -> int | None:
    if "ticket" not in found:
        return None
    ticket = found["ticket"]
    if isinstance(ticket, bool) or not isinstance(ticket, int) or not 1 <= ticket <= patches.TICKET_MAX:
        raise _invalid("ticket", f"must be a number from 1 to {patches.TICKET_MAX}")
    return ticket


def _invalid(where: str, what: str) -> errors.PatchRefusedError:
    return errors.PatchRefusedError(
        f"`{where}` {what}. Correct it and sign the patch again.", reason=patches.Reason.DOCUMENT_INVALID
    )
