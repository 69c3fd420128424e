"""Characters that nobody sees but that steer a terminal, turn text around, or hide words in it.

Control characters, zero widths, direction marks, tags. The joiners of Arabic and Indic scripts are not among them.
"""

import re

_CLASS = "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f"
_UNSEEN = re.compile(f"[{_CLASS}]")
# A carriage return ends a line in a file, and writes over one on a terminal.
_STEERING = re.compile(f"[\r{_CLASS}]")


def removed(text: str) -> str:
    """Return the text without them."""
    return _UNSEEN.sub("", text)


def for_terminal(text: str) -> str:
    r"""Return the text with each of them written out, as `\x1b`."""
    return _STEERING.sub(lambda match: match.group().encode("unicode_escape").decode(), text)
