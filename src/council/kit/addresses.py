"""Passwords in addresses: before the host, as `scheme://user:password@host`, and in the query, as `?password=`.

Whoever hides them hides what only looks like one as well; whoever refuses a text for one must be surer.
"""

import re

# A password may hold all but blanks and quotes, `/` and `@` too.
_USERINFO = re.compile(r"""(://(?!\[)[^\s"':@]*:)[^\s"']+@""")
_QUERY_SECRET = re.compile(r"""(?i)([?&;][^=&;\s"']*(?:pass|pwd|secret|token|key)[^=&;\s"']*=)[^&;\s"']+""")

# Words that stand for a password in texts about addresses are none, and neither is a port, or a word for one, with what may
# follow it there: a path, a query, the end of a link. Nor is what a drive's letter begins. What is given to a token or key in a
# query is told from a word by its looks, wherever it stands.
_NO_PORT = rb"(?!/|(?:[0-9]{1,5}|(?i:port))[/,;)?#\]`])"
_NO_WORD = rb"(?!(?:secret|password|pass)(?:[@&;#\s\"']|\Z))"
SURE = (
    re.compile(rb"://(?!\[)[^\s/:@'\"<>{}$]{0,64}:" + _NO_PORT + _NO_WORD + rb"[^\s'\"<>{}$]{4,128}@"),
    re.compile(rb"(?i)[?&;][a-z_.-]{0,32}(?:password|passwd|pwd|pass)=" + _NO_WORD + rb"[^\s&;#'\"<>{}$*]{4,128}"),
)


def has_password(text: str) -> bool:
    """Return whether an address in a text may carry a password."""
    return without_passwords(text) != text


def without_passwords(text: str) -> str:
    """Return a text with three stars in place of each password in an address: before its last `@`, or in its query."""
    return _QUERY_SECRET.sub(r"\1***", _USERINFO.sub(r"\1***@", text))
