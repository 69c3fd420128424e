"""What in a patch looks like a key or a password. It goes to the forge, the journal and every backup, so none may be there.

Known forms by their prefix, and what is assigned to a name that says it is secret, if it looks random. It finds carelessness;
who wants to hide a secret can.
"""

import math
import re
from collections import Counter

from council.kit import addresses

# What it is, one or two texts without which it cannot be there (looked for first, a hundred times as fast), and its form.
_Form = tuple[str, tuple[bytes] | tuple[bytes, bytes], re.Pattern[bytes]]
_WITHOUT_LONG_WORDS: tuple[_Form, ...] = (
    (
        "a private key",
        (b"PRIVATE KEY",),
        re.compile(rb"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"),
    ),
    *(("an address with a password", (b"://",), form) for form in addresses.SURE),
)
_FORMS: tuple[_Form, ...] = (
    *_WITHOUT_LONG_WORDS,
    ("a token of Council", (b"_", b"cncl_"), re.compile(rb"\bcncl_[A-Za-z0-9_-]{40,}")),
    ("a key of a model provider", (b"sk-",), re.compile(rb"\bsk-(?:[A-Za-z0-9]{1,12}-){0,3}[A-Za-z0-9_-]{20,}")),
    ("a token of GitHub", (b"_", b"gh"), re.compile(rb"\bgh[pousr]_[A-Za-z0-9]{36}")),
    ("a token of GitHub", (b"_", b"github_pat_"), re.compile(rb"\bgithub_pat_[A-Za-z0-9_]{40}")),
    ("a token of GitLab", (b"glpat-",), re.compile(rb"\bglpat-[A-Za-z0-9_-]{20}")),
    ("a key of AWS", (b"IA",), re.compile(rb"\bA[KS]IA[A-Z0-9]{16}\b")),
    ("a key of Google", (b"AIza",), re.compile(rb"\bAIza[A-Za-z0-9_-]{35}")),
    ("a token of Slack", (b"xox",), re.compile(rb"\bxox[abeoprs]-[A-Za-z0-9-]{20,}")),
    ("an address of Slack", (b"hooks.slack.com",), re.compile(rb"hooks\.slack\.com/services/[A-Za-z0-9/]{20,}")),
    ("a token of Hugging Face", (b"_", b"hf_"), re.compile(rb"\bhf_[A-Za-z0-9]{30,}")),
    (
        "a signed web token",
        (b".eyJ",),
        re.compile(rb"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}"),
    ),
)
# Words in a name that says of its value that it is secret; of keys only those of an API or an account are.
_NAMES = (b"pass", b"secret", b"token", b"key")
_KEYS_OF = (b"api", b"api_", b"api-", b"access", b"access_", b"access-")
_GIVEN = re.compile(rb"(?:word|wd|phrase)?['\"]?\s{0,4}[:=]\s{0,4}['\"]?([A-Za-z0-9+/_-]{20,200})", re.IGNORECASE)
_ENTROPY_BITS_MIN = 3.5
# Keys and tokens are long words; a text without one is done with at once. A private key and an address need none.
_LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+/.=-")
_TO_WORDS = bytes(ord("w") if number in _LETTERS else ord(" ") for number in range(256))
_LONG_WORD = b"w" * 16


def find(content: bytes) -> str | None:
    """Return what a secret in `content` looks like, None if nothing does."""
    has_long_words = _LONG_WORD in content.translate(_TO_WORDS)
    for what, needed, form in _FORMS if has_long_words else _WITHOUT_LONG_WORDS:
        if needed[0] in content and needed[-1] in content and form.search(content):
            return what
    if not has_long_words:
        return None
    lower = content.lower()
    for name in _NAMES:
        at = lower.find(name)
        while at >= 0:
            is_secret = name != b"key" or lower[max(0, at - 7) : at].endswith(_KEYS_OF)
            at += len(name)
            given = _GIVEN.match(content, at) if is_secret else None
            if given and _looks_random(given[1]):
                return "a password or key that is given to a name"
            at = lower.find(name, at)
    return None


def _looks_random(word: bytes) -> bool:
    digits = sum(48 <= letter <= 57 for letter in word)
    if not 0 < digits < len(word):
        return False
    entropy = -sum(n / len(word) * math.log2(n / len(word)) for n in Counter(word).values())
    return entropy >= _ENTROPY_BITS_MIN
