"""Writes requirements-licences.json: what each package of requirements.lock says its licence is. Run it after `make lock`.

Said by the metadata of what is installed here; a package that only another Python or system needs is fetched by its digests and
looked into. `License-Expression` counts first, then a short `License`, the classifiers, and the title of its licence's file.
"""

import email.message
import email.parser
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
FILE = ROOT / "requirements-licences.json"
_CHARS_MAX = 80
_CLASSIFIER = "License :: "
# The newest that Council runs on; any other's packages are installed where this runs, or fit it too.
_OTHER_PYTHON = "3.14"


def main() -> int:
    """Write the file; return the exit status."""
    found: dict[str, str] = {}
    for block in _blocks(LOCK.read_text()):
        wanted = Requirement(block.split(" \\")[0])
        name, version = canonicalize_name(wanted.name), str(wanted.specifier).removeprefix("==")
        installed = next((one for one in metadata.distributions(name=name) if one.version == version), None)
        read = _fetched(block) if installed is None else installed.read_text
        told = email.parser.Parser().parsestr(read("METADATA") or "")
        texts = [read(f"licenses/{one}") or read(one) or "" for one in told.get_all("License-File", [])]
        found[f"{name}=={version}"] = licence(told) or title(texts)
    FILE.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    silent = [name for name, said in found.items() if not said]
    print(f"wrote {FILE.name}: {len(found)} packages" + (f", silent: {', '.join(silent)}" if silent else ""))
    return 0


def _blocks(lock: str) -> list[str]:
    starts: list[list[str]] = []
    for line in lock.splitlines(keepends=True):
        if line[:1].isalnum():
            starts.append([])
        starts[-1].append(line)
    return ["".join(lines) for lines in starts]


def _fetched(block: str) -> Callable[[str], str | None]:
    """Return what reads a file of a package's metadata; None for one that it lacks."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Without its marker, which says that it is not for this Python.
        head, _, hashes = block.partition("\n")
        (folder / "one.lock").write_text(head.split(" ;")[0].removesuffix(" \\") + " \\\n" + hashes)
        exact = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--python-version", _OTHER_PYTHON]
        # Not every environment of ours has pip.
        subprocess.run([sys.executable, "-m", "venv", str(folder / "pip")], check=True)
        command = [str(folder / "pip" / "bin" / "python"), "-m", "pip", "download", "--quiet", *exact]
        subprocess.run([*command, "-d", name, "-r", str(folder / "one.lock")], check=True)
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            base = next(one for one in wheel.namelist() if one.endswith(".dist-info/METADATA")).removesuffix("METADATA")
            texts = {
                one.removeprefix(base): wheel.read(one).decode("utf-8", "replace")
                for one in wheel.namelist()
                if one.startswith(base) and not one.endswith("/")
            }
        return texts.get


def licence(told: email.message.Message) -> str:
    """Return what a package's metadata says of its licence, "" where it says nothing in one line."""
    plain = str(told.get("License") or "").strip()
    named = [
        one.removeprefix(_CLASSIFIER).removeprefix("OSI Approved :: ")
        for one in told.get_all("Classifier", [])
        if one.startswith(_CLASSIFIER)
    ]
    first = str(told.get("License-Expression") or "").strip()
    short = plain if "\n" not in plain and len(plain) <= _CHARS_MAX and plain != "UNKNOWN" else ""
    return first or short or ", ".join(one for one in named if one != "OSI Approved")


def title(texts: Sequence[str]) -> str:
    """Return the first line of the first text, where that is the name of a licence."""
    first = next(iter("".join(texts[:1]).strip().splitlines()), "").strip()
    return first if "licen" in first.lower() and len(first) <= _CHARS_MAX else ""


if __name__ == "__main__":
    sys.exit(main())
