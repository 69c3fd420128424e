"""The system calls that a job may make: bytes that `tools/seccomp_filters.py` compiled, one file for each kind of machine.

Read when this module is imported, since the zygote leaves the files behind.
"""

import json
import os
import sys
from pathlib import Path

_FOLDER = Path(__file__).parent / "calls"
_OTHER = "other"


def _read(machine: str) -> tuple[bytes, dict[int, str]]:
    try:
        instructions = (_FOLDER / f"{machine}.bpf").read_bytes()
        classes = json.loads((_FOLDER / f"{machine}.json").read_text())
    except FileNotFoundError:
        return b"", {}
    return instructions, {int(number): kind for number, kind in classes.items()}


# 32-bit programs of these machines have other numbers.
_INSTRUCTIONS, _CLASSES = _read(os.uname().machine) if sys.maxsize > 1 << 32 else (b"", {})


def instructions() -> bytes:
    """Return the filter of this machine, empty where there is none."""
    return _INSTRUCTIONS


def class_of(number: int) -> str:
    """Return the class of a refused call by its number."""
    return _CLASSES.get(number, _OTHER)
