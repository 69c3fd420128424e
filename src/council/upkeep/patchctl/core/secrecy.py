"""What in a patch looks like a key or a password. It goes to the forge, the journal and every backup, so none may be there.

Known forms by their prefix, and what is assigned to a name that says it is secret, if it looks random. It finds carelessness;
who wants to hide a secret can.
"""

import math
import re
from collections import Counter

# The words that stand for a password in texts about addresses are none.
_FORMS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("a private key", re.compile(rb"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----")),
    ("a token of Council", re.compile(rb"\bcncl_[A-Za-z0-9_-]{40,}")),
    ("a key of a model provider", re.compile(rb"\bsk-(?:[A-Za-z0-9]{1,12}-){0,3}[A-Za-z0-9_-]{20,}")),
    ("a token of GitHub", re.compile(rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40})")),
    ("a token of GitLab", re.compile(rb"\bglpat-[A-Za-z0-9_-]{20}")),
    ("a key of AWS", re.compile(rb"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    ("a key of Google", re.compile(rb"\bAIza[A-Za-z0-9_-]{35}")),
    ("a token of Slack", re.compile(rb"\bxox[abeoprs]-[A-Za-z0-9-]{20,}|hooks\.slack\.com/services/[A-Za-z0-9/]{20,}")),
    ("a token of Hugging Face", re.compile(rb"\bhf_[A-Za-z0-9]{30,}")),
    ("a signed web token", re.compile(rb"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}")),
    (
        "an address with a password",
        re.compile(
            rb"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@'\"<>{}$]{1,64}:(?!(?:secret|password|pass)@)[^\s/@'\"<>{}$]{4,128}@"
        ),
    ),
)
_ASSIGNED = re.compile(
    rb"(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key)['\"]?\s{0,4}[:=]\s{0,4}['\"]?"
    rb"([A-Za-z0-9+/_=-]{20,200})",
    re.IGNORECASE,
)
_ENTROPY_BITS_MIN = 3.5


def find(content: bytes) -> str | None:
    """Return what a secret in `content` looks like, None if nothing does."""
    for what, form in _FORMS:
        if form.search(content):
            return what
    for match in _ASSIGNED.finditer(content):
        if _looks_random(match[1]):
            return "a password or key that is given to a name"
    return None


def _looks_random(word: bytes) -> bool:
    digits = sum(48 <= letter <= 57 for letter in word)
    if not 0 < digits < len(word):
        return False
    entropy = -sum(n / len(word) * math.log2(n / len(word)) for n in Counter(word).values())
    return entropy >= _ENTROPY_BITS_MIN
