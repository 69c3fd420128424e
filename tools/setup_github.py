"""Makes `.github-description` hold GitHub's published description of its REST interface, trimmed to what Council speaks.

`tests/contract/test_forge.py` holds each request to GitHub, and each answer of the fake that plays it, against it. It is one
file of one package, fetched by npm and checked by its digest: 13 MB of generated text, which no repository needs to carry.
Where it cannot be had, as without npm or a network, this says so and ends well: the tests run without it, and one says so.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import progress

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / ".github-description" / "api.json"
PACKAGE = "@octokit/openapi@23.0.2"
SHA512 = "pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg=="
MEMBER = "package/generated/api.github.com.json"
REPOSITORY = "/repos/{owner}/{repo}"
# What is kept, by how its path begins, of the repository or of all.
KEPT = (
    "/git/",
    "/pulls",
    "/issues/{issue_number}",
    "/issues/comments/",
    "/commits/{ref}/",
    "/statuses/",
    "/check-runs",
    "/contents/",
)
WHOLE = ("/user", REPOSITORY)


def main() -> int:
    """Set up, and return the exit status: 0 even where it could not be done."""
    if FILE.exists() and json.loads(FILE.read_bytes()).get("x-made-of") == SHA512:
        return 0
    began_s = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as folder:
            npm = shutil.which("npm")
            if npm is None:
                raise FileNotFoundError("npm is not installed")
            progress.run(f"fetch {PACKAGE}", [npm, "pack", "--silent", "--pack-destination", folder, PACKAGE])
            (packed,) = Path(folder).glob("*.tgz")
            found = _read(packed)
    except (progress.StepFailedError, OSError, ValueError) as failure:
        told = failure.tail() if isinstance(failure, progress.StepFailedError) else f"    {failure}"
        print(f"\nGitHub's description cannot be had, so tests of the forge run without it:\n{told}", flush=True)
        return 0
    FILE.parent.mkdir(exist_ok=True)
    partial = FILE.with_suffix(".partial")
    partial.write_text(json.dumps(trimmed(found) | {"x-made-of": SHA512}))
    partial.rename(FILE)
    print(f"GitHub's description ready in {time.monotonic() - began_s:.1f} s", flush=True)
    return 0


def _read(packed: Path) -> dict[str, Any]:
    """Return the description in the package. Raises ValueError where it is another than the one that was looked at."""
    if base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode() != SHA512:
        raise ValueError("its digest is not the pinned one")
    with tarfile.open(packed) as archive:
        member = archive.extractfile(MEMBER)
        assert member is not None, MEMBER
        found: dict[str, Any] = json.load(member)
        return found


def trimmed(description: dict[str, Any]) -> dict[str, Any]:
    """Return the description with the paths that are kept, without examples, and with all that these refer to."""
    paths = {
        path: _bare(item)
        for path, item in description["paths"].items()
        if path in WHOLE or path.removeprefix(REPOSITORY).startswith(KEPT)
    }
    components: dict[str, dict[str, Any]] = {}
    waiting = [paths]
    while waiting:
        for kind, name in _references(waiting.pop()):
            if name not in components.setdefault(kind, {}):
                components[kind][name] = found = _bare(description["components"][kind][name])
                waiting.append(found)
    return {"openapi": description["openapi"], "info": description["info"], "paths": paths, "components": components}


def _bare(part: Any) -> Any:
    """Return a part without its examples, which are most of it and not always true to it."""
    if isinstance(part, list):
        return [_bare(each) for each in part]
    if not isinstance(part, dict):
        return part
    bare = {}
    for key, value in part.items():
        if key == "properties" and isinstance(value, dict):
            # What is named here are fields, whatever they are called.
            bare[key] = {name: _bare(field) for name, field in value.items()}
        elif key not in ("example", "examples", "externalDocs", "x-github"):
            bare[key] = _bare(value)
    return bare


def _references(part: Any) -> list[tuple[str, str]]:
    if isinstance(part, list):
        return [found for each in part for found in _references(each)]
    if not isinstance(part, dict):
        return []
    here = part.get("$ref")
    own = (
        [(here.split("/")[2], here.split("/")[3])] if isinstance(here, str) and here.startswith("#/components/") else []
    )
    return own + [found for value in part.values() for found in _references(value)]


if __name__ == "__main__":
    sys.exit(main())
