"""Anchored patterns of paths, for deciding who may touch what. Pure; nothing of a pattern is ever a regular expression.

A pattern is matched against the whole path, segment by segment. `*` stands for any characters, or none, within one segment.
`**` is a segment of its own: at the end it stands for all that lies below, so at least one segment; elsewhere for any number
of them, also none. Everything else stands for itself; upper and lower case differ.

    prompts/*.md          prompts/code.md, not prompts/old/code.md
    prompts/**            all below prompts, not a file called prompts
    **/secrets.yaml       that name at any depth

Between two stars the leftmost place is as good as any other, so nothing is tried twice: the time is at most the product of
both lengths, whatever is written.
"""

import functools
from collections.abc import Iterable, Sequence

LENGTH_MAX = 200
_ALL = "**"
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.*/")


def check(pattern: str) -> None:
    """Return if `pattern` is one. Raises ValueError, whose text says what is wrong with it."""
    if not pattern or len(pattern) > LENGTH_MAX:
        raise ValueError(f"a pattern has 1 to {LENGTH_MAX} characters, not {len(pattern)}")
    if not _LETTERS.issuperset(pattern):
        raise ValueError("a pattern holds ASCII letters, digits, `-`, `_`, `.`, `*` and `/` alone")
    for segment in pattern.split("/"):
        if segment in ("", ".", ".."):
            raise ValueError(f"a pattern begins at the root and has no segment {segment!r}")
        if _ALL in segment and segment != _ALL:
            raise ValueError("`**` is a segment of its own")


def matches(pattern: str, path: str) -> bool:
    """Return whether `path` as a whole is what `pattern`, which `check` must accept, stands for."""
    found, runs = path.split("/"), _runs(pattern)
    if len(runs) == 1:
        return len(found) == len(runs[0]) and _run_at(runs[0], found, 0)
    first, *middle, last = runs
    end = len(found) - len(last)
    if len(first) > end or not _run_at(first, found, 0) or not _run_at(last, found, end):
        return False
    at = len(first)
    for run in middle:
        while at + len(run) <= end and not _run_at(run, found, at):
            at += 1
        at += len(run)
        if at > end:
            return False
    return True


def any_matches(patterns: Iterable[str], path: str) -> bool:
    """Return whether one of the patterns stands for `path`."""
    return any(matches(pattern, path) for pattern in patterns)


@functools.lru_cache(maxsize=1024)
def _runs(pattern: str) -> list[list[list[str]]]:
    """Return what stands between the `**` of a pattern: runs of segments, each as the texts between its `*`."""
    wanted = pattern.split("/")
    if wanted[-1] == _ALL:
        # All below: any number of segments, and one more whatever it is.
        wanted.append("*")
    runs: list[list[list[str]]] = [[]]
    for segment in wanted:
        if segment == _ALL:
            runs.append([])
        else:
            runs[-1].append(segment.split("*"))
    return runs


def _run_at(run: Sequence[Sequence[str]], found: Sequence[str], at: int) -> bool:
    return len(found) - at >= len(run) and all(
        _segment(wanted, found[at + number]) for number, wanted in enumerate(run)
    )


def _segment(wanted: Sequence[str], found: str) -> bool:
    first, *rest = wanted
    if not rest:
        return first == found
    *middle, last = rest
    if len(found) < len(first) + len(last) or not found.startswith(first) or not found.endswith(last):
        return False
    at, end = len(first), len(found) - len(last)
    for piece in middle:
        at = found.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True
