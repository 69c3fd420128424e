"""The names of git commits, as which generations are known."""

import re

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def is_commit(text: str) -> bool:
    """Return whether `text` is a full commit id, SHA-1 or SHA-256, and so also safe as the name of a folder."""
    return _COMMIT.fullmatch(text) is not None
