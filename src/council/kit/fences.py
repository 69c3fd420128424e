"""Code blocks between fences in text, as Markdown and language models write them."""

import re

_FENCE = re.compile(r"```(\w*)[^\n]*\n(.*?)(?:```|\Z)", re.DOTALL)
_PYTHON = frozenset({"", "py", "python", "python3"})


def python_blocks(text: str) -> list[str]:
    """Return the bodies of the blocks that are Python or say nothing of a language; the last may lack its end."""
    return [body for language, body in _FENCE.findall(text) if language.lower() in _PYTHON]
