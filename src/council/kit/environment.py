"""Where the running Python lies, and what it has loaded from where."""

import sys
import sysconfig
from pathlib import Path


def python_folders() -> set[Path]:
    """Return the folders of the interpreter and of its packages, as they are named: some may be links."""
    packages = {sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return {Path(sys.prefix), Path(sys.base_prefix), *map(Path, packages)}


def loaded_code() -> set[Path]:
    """Return the files that this process executes: the interpreter and every library loaded so far."""
    fields = (
        line.split(maxsplit=5) for line in Path("/proc/self/maps").read_text(errors="surrogateescape").splitlines()
    )
    named = (words[5] for words in fields if len(words) == 6 and "x" in words[1])
    return {path for name in named if name.startswith("/") and (path := Path(name)).is_file()}
