"""Python's own documentation: the docstrings of this interpreter's standard library, of modules that are safe to import."""

import functools
import importlib
import inspect
import platform
import re
from typing import Any

from council.serving.memory.corpora import entries

# Pure or nearly so: importing them starts nothing and opens nothing. The names before a dot that a question may begin with.
MODULES = frozenset(
    """
    abc argparse array ast asyncio base64 bisect builtins calendar cmath collections configparser contextlib
    copy csv dataclasses datetime decimal difflib enum fnmatch fractions functools glob gzip hashlib heapq
    hmac html inspect io ipaddress itertools json keyword locale logging math mimetypes numbers operator os
    os.path pathlib pickle platform pprint queue random re secrets shlex shutil signal socket sqlite3
    statistics string struct subprocess sys tempfile textwrap threading time tokenize traceback types typing
    unicodedata unittest urllib.parse uuid warnings weakref zipfile zlib
    """.split()
)
_CHARS_MAX = 1_200
_PATH = r"`?(?P<path>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*){0,4})`?(?P<called>\(\))?`?"
_KIND = r"(?: (?:method|function|class|module|built-in|builtin))?"
_PYTHON = r"(?P<python>(?: in| of)? python(?: 3)?)?"
_DOES = re.compile(
    rf"what (?:does|do|is|can) (?:the )?(?P<before>python(?:'s)? )?(?:the )?{_PATH}{_KIND}"
    rf"(?: do| for| used for| mean)?{_PYTHON}(?: do)?",
    re.IGNORECASE,
)
_TELL = re.compile(
    r"(?:explain|describe|document|(?:docs|documentation) (?:of|for)|help (?:on|with)|signature of|what are the arguments of)"
    rf" (?:the )?(?P<before>python(?:'s)? )?{_PATH}{_KIND}{_PYTHON}",
    re.IGNORECASE,
)


def read(asked: str) -> entries.Entry | None:
    """Return the entry for a plain question, or None. A bare name counts only with `()` or where Python is named."""
    match = _DOES.fullmatch(asked) or _TELL.fullmatch(asked)
    if not match or not ("." in match["path"] or match["called"] or match["before"] or match["python"]):
        return None
    return _entry(match["path"])


@functools.lru_cache(maxsize=256)
def _entry(path: str) -> entries.Entry | None:
    thing = _thing(path)
    documented = (inspect.getdoc(thing) or "") if thing is not None else ""
    if not documented or (not callable(thing) and not inspect.ismodule(thing)):
        return None
    text = f"{path}{_signature(thing)}\n\n{documented[:_CHARS_MAX]}".rstrip()
    # An instance has the words of its class, which are not about it.
    if not (inspect.isroutine(thing) or inspect.isclass(thing) or inspect.ismodule(thing)):
        return None
    return entries.Entry(path, text, f"Python {platform.python_version()}")


def _thing(path: str) -> Any:
    """Return what a path names. Only attributes of the modules above are followed, and none that is private."""
    names = path.split(".")
    if any(name.startswith("_") for name in names):
        return None
    for length in range(len(names), 0, -1):
        module = ".".join(names[:length])
        if module in MODULES:
            return _attribute(importlib.import_module(module), names[length:])
    return _attribute(importlib.import_module("builtins"), names)


def _attribute(thing: Any, names: list[str]) -> Any:
    for name in names:
        # Looking at an instance may run code of its class; a module that a module imported may be anybody's.
        if not (inspect.ismodule(thing) or inspect.isclass(thing)):
            return None
        thing = inspect.getattr_static(thing, name, None) if inspect.isclass(thing) else vars(thing).get(name)
        if thing is None or inspect.ismodule(thing):
            return None
    return thing.__func__ if isinstance(thing, staticmethod | classmethod) else thing


def _signature(thing: Any) -> str:
    if inspect.ismodule(thing):
        return ""
    try:
        return str(inspect.signature(thing))
    except (ValueError, TypeError):
        return ""
