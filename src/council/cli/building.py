"""Whether there is a dashboard here, and what builds it."""

import shutil
from pathlib import Path

import council

_PACKAGE = Path(council.__file__).parent


def look(package: Path = _PACKAGE) -> tuple[bool, str]:
    """Return whether the dashboard is there or can be built, and that in a line."""
    if (package / "dashboard" / "index.html").is_file():
        return True, "built"
    if not (package.parents[1] / "ui" / "package.json").is_file():
        return False, "this release came without it; a plain page is at / in its place"
    npm = shutil.which("npm")
    if npm is None:
        return (
            False,
            "not built, and there is no npm; install Node 20.19 or later, then `make ui`. Council runs without",
        )
    return True, f"not built yet; `make ui` builds it with {npm}"
