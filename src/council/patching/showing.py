"""What a patch does, as text for whoever is to sign it. What could not be seen on a terminal is shown by its number."""

import difflib
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from council.domain import patches

# Beyond this the lines of a file are not compared, which would take seconds.
_LINES_MAX = 5_000
_CONTEXT_LINES = 3
# Nothing of these is to be seen, and some of them turn or hide what is beside them.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def summary(live: Path, changes: Iterable[patches.Change]) -> Iterator[str]:
    """Yield a line a file: what happens to it, and how many lines come and go against the generation in `live`."""
    for one in changes:
        old, new = before(live, one).splitlines(), (one.content or b"").splitlines()
        sign = "-" if one.content is None else "~" if one.before else "+"
        mode = ", executable" if one.executable else ""
        yield f"{sign} {one.path}  {_counted(old, new)}{mode}"


def diff(live: Path, changes: Iterable[patches.Change]) -> Iterator[str]:
    """Yield the lines of a unified diff against the generation in `live`. Files that are no text are only named."""
    for one in changes:
        old, new = before(live, one), one.content or b""
        names = (
            f"a/{one.path}" if one.before else "/dev/null",
            "/dev/null" if one.content is None else f"b/{one.path}",
        )
        if not (patches.is_text(old) and patches.is_text(new)):
            yield f"{names[0]} and {names[1]} differ: {len(old)} and {len(new)} bytes that are no text"
            continue
        there, here = _lines(old), _lines(new)
        if max(len(there), len(here)) > _LINES_MAX:
            yield f"{names[0]} and {names[1]} differ: over {_LINES_MAX} lines, which are not compared"
            continue
        yield from map(visible, difflib.unified_diff(there, here, *names, lineterm="", n=_CONTEXT_LINES))


def before(live: Path, change: patches.Change) -> bytes:
    """Return what the generation in `live` holds where a change is, nothing where there is no plain file."""
    path = live / change.path
    return path.read_bytes() if path.is_file() and not path.is_symlink() else b""


def visible(line: str) -> str:
    """Return a line in which every character can be seen."""
    return "".join(
        f"\\u{{{ord(letter):x}}}" if letter != "\t" and unicodedata.category(letter) in _UNSEEN else letter
        for letter in line
    )


def _lines(text: bytes) -> list[str]:
    """Return the lines of a text; one without a line end is said to lack it."""
    *lines, last = text.decode().split("\n")
    return [*lines, f"{last}  (no line end)"] if last else lines


def _counted(old: list[bytes], new: list[bytes]) -> str:
    if max(len(old), len(new)) > _LINES_MAX:
        return f"{len(old)} to {len(new)} lines"
    # The beginning and the end that both have are exact this way, and cost little; of the rest the engine leaves out lines
    # that stand there again and again, without which it may take minutes.
    first = _shared(old, new)
    old, new = old[first:], new[first:]
    last = _shared(old[::-1], new[::-1])
    old, new = old[: len(old) - last], new[: len(new) - last]
    kept = sum(block.size for block in difflib.SequenceMatcher(None, old, new).get_matching_blocks())
    return f"+{len(new) - kept} -{len(old) - kept}"


def _shared(one: list[bytes], other: list[bytes]) -> int:
    """Return with how many lines both begin."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))
