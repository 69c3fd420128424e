"""Patches of every form that is allowed, and documents and paths of forms that are not."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

import patch_cases as cases
from council.domain import errors, patches
from council.upkeep.patchctl.core import paths

GOOD_PATHS = [
    "authz.yaml", "prompts/general.md", "knowledge/a-b_c.d.md", "guidebook/howto/x.md", "README", "A/b/C.yaml", "console.md",
    "a..b", "common1.txt", "git/hooks", "x" * 100, "/".join("abcdefghijkl"), "_x",
]  # fmt: skip
BAD_PATHS = [
    "", "/etc/passwd", "../x", "a/../x", "a/..", ".", "a/./b", "a//b", "a/", "/", "a\\b", "..\\x", "a\0b", "a\nb", "a b", " a",
    "a ", "\u202ea", "ä.md", "a\u0308.md", "\uff41.md", "\u0430.md", "a\u200db", ".git/config", "a/.git/hooks/x", ".GIT/x",
    "git~1/x",
    ".gitmodules", ".gitattributes", ".g\u200cit/config", ".council/patch.json", "a/.council/x", "con", "CON.txt", "a/nul.md",
    "com1", "Lpt9.x", "aux.tar.gz", "a.", "a./b", "-rf", "a/-x", "~/x", "$HOME/x", "a:b", "C:/x", "a*", "a?", "a\tb", "a%2e",
    "x" * 101, "a/" * 12 + "a", "ab/" * 80, "\ud800",
]  # fmt: skip

GOOD = json.loads(patches.dump(cases.PATCH))
FILE = GOOD["files"][0]

LETTERS = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S"), include_characters=" "), min_size=1, max_size=60
)
LINES = LETTERS.filter(str.strip)
HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
SEGMENTS = st.from_regex(r"\A[a-z0-9_][a-z0-9_.-]{0,8}[a-z0-9]\Z").filter(
    lambda one: not one.startswith(("con", "nul", "aux"))
)
PATHS = st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join)


def safe(path: str) -> bool:
    try:
        paths.check(path)
    except errors.PatchRefusedError:
        return False
    return True


@st.composite
def changes(draw: st.DrawFn) -> tuple[patches.Change, ...]:
    found = []
    # A folder of its own for each keeps them apart.
    for number, path in enumerate(draw(st.lists(PATHS.filter(safe), min_size=1, max_size=5))):
        before = draw(st.none() | HEX)
        if before and draw(st.booleans()):
            found.append(patches.Change(f"d{number}/{path}", patches.Action.DELETE, None, before))
        else:
            content = draw(st.binary(max_size=80) | LETTERS.map(str.encode))
            mode = draw(st.sampled_from(patches.Mode))
            found.append(patches.Change(f"d{number}/{path}", patches.Action.PUT, content, before, mode))
    return tuple(found)


PATCHES = st.builds(
    patches.Patch,
    author=LINES,
    created=st.integers(946_684_800, 4_102_444_799),
    expires=st.integers(946_684_800, 4_102_444_799),
    base=HEX | HEX.map(lambda one: one[:40]),
    title=LINES,
    reason=LINES,
    changes=changes(),
    ticket=st.none() | st.integers(1, patches.TICKET_MAX),
)


def changed(**given: Any) -> bytes:
    return json.dumps({**GOOD, **given}).encode()


def without(field: str) -> bytes:
    return json.dumps({key: value for key, value in GOOD.items() if key != field}).encode()


def with_file(**given: Any) -> bytes:
    return changed(files=[{key: value for key, value in {**FILE, **given}.items() if value is not ...}])


INVALID: dict[str, Callable[[], bytes]] = {
    "another schema": lambda: changed(schema="council.patch/2"),
    "an unknown field": lambda: changed(sudo=True),
    "an unknown field with a name to be cut": lambda: changed(**{"\u202e" * 300: True}),
    **{f"no {field}": (lambda field=field: without(field)) for field in GOOD if field != "ticket"},
    "files as an object": lambda: changed(files={}),
    "no file": lambda: changed(files=[]),
    "a file as a text": lambda: changed(files=["a"]),
    "an author of two lines": lambda: changed(author="Ann\nBob"),
    "an empty title": lambda: changed(title=" "),
    "a long title": lambda: changed(title="x" * 121),
    "a title that turns text round": lambda: changed(title="Fix \u202egnp.exe"),
    "a title with a terminal's escape": lambda: changed(title="\u001b[2J"),
    "a reason with a zero byte": lambda: changed(reason="a\0b"),
    "a time without a zone": lambda: changed(created="2025-06-15T12:00:00"),
    "a time in another zone": lambda: changed(created="2025-06-15T12:00:00+00:00"),
    "a time as a number": lambda: changed(created=1_750_000_000),
    "a time that is none": lambda: changed(expires="2025-02-30T12:00:00Z"),
    "a time of another millennium": lambda: changed(expires="9999-12-31T23:59:59Z"),
    "a base in capitals": lambda: changed(base="A" * 40),
    "a short base": lambda: changed(base="a" * 12),
    "a base with a line end": lambda: changed(base="a" * 40 + "\n"),
    "ticket 0": lambda: changed(ticket=0),
    "ticket true": lambda: changed(ticket=True),
    "a ticket beyond counting": lambda: changed(ticket=10**14),
    "a file with another action": lambda: with_file(action="link"),
    "a file with a list as action": lambda: with_file(action=["put"]),
    "a file with mode bits": lambda: with_file(mode="4755"),
    "a file with a list as mode": lambda: with_file(mode=[]),
    "a file that is a symbolic link": lambda: with_file(mode="link"),
    "a file without a mode": lambda: with_file(mode=...),
    "a file with two contents": lambda: with_file(base64=""),
    "a file without content": lambda: with_file(content=...),
    "a file without what was before": lambda: with_file(before=...),
    "a file that was something short before": lambda: with_file(before="0"),
    "a path as a number": lambda: with_file(path=7),
    "an unknown field of a file": lambda: with_file(owner="root"),
    "a control character in a text": lambda: with_file(content="a\u0007b"),
    "base64 with a line end": lambda: with_file(content=..., base64="AAAA\n"),
    "base64 with bits left over": lambda: with_file(content=..., base64="AB=="),
    "base64 without its end": lambda: with_file(content=..., base64="AAA"),
    "base64 of another alphabet": lambda: with_file(content=..., base64="__--"),
    "base64 that is not ASCII": lambda: with_file(content=..., base64="ä"),
    "a deletion with content": lambda: with_file(action="delete", before="0" * 64),
    "a deletion of nothing": lambda: changed(files=[{"path": "a", "action": "delete", "before": None}]),
}  # fmt: skip
