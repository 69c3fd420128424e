"""How much of the C library's heap this process has in use, as mallinfo2 counts it: some 10 us. And giving back the rest."""

import ctypes
import functools
from collections.abc import Callable
from typing import Any

from council.kit import reading


class _Mallinfo2(ctypes.Structure):
    """From <malloc.h>: ten counts, in bytes where they are sizes."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        )
    ]


@functools.cache
def _mallinfo2() -> Callable[[], Any] | None:
    try:
        function = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError):
        return None
    function.restype = _Mallinfo2
    function.argtypes = []
    return function


def in_use_bytes() -> int | reading.Unknown:
    """Return what malloc has given out and not got back, large blocks that are mapped by themselves included."""
    look = _mallinfo2()
    if look is None:
        return reading.Unknown("the C library has no mallinfo2")
    counts = look()
    return int(counts.uordblks) + int(counts.hblkhd)


def give_back() -> None:
    """Return to the system what was freed, and what the C library keeps otherwise. Milliseconds, of a large heap more."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
