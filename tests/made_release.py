"""A small release that is good, made without building anything, so that tests can spoil one thing of it at a time."""

import base64
import gzip
import hashlib
import io
import json
import stat
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from council.releases import folder

VERSION = "1.2.0"
COMMIT = "ab" * 20
ABOUT = f"council_cloud-{VERSION}.dist-info"
TOP = f"council_cloud-{VERSION}"
LOCK = (
    "click==8.5.1 \\\n    --hash=sha256:" + "1" * 64 + " \\\n    --hash=sha256:" + "2" * 64 + "\n"
    "numpy==2.4.6 ; python_full_version < '3.12' \\\n    --hash=sha256:" + "3" * 64 + "\n"
    "numpy==2.5.5 ; python_full_version >= '3.12' \\\n    --hash=sha256:" + "4" * 64 + "\n"
)  # fmt: skip
REQUIRES = ("click>=8.5", 'numpy>=2.4; extra == "local"', 'psycopg[binary]>=3.3; extra == "postgres"')


def metadata(version: str = VERSION, requires: Sequence[str] = REQUIRES, name: str = "council-cloud") -> bytes:
    head = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nRequires-Python: >=3.11\n"
    return (head + "".join(f"Requires-Dist: {one}\n" for one in requires) + "\nA text.\n").encode()


def contents(**changed: Any) -> dict[str, bytes]:
    """Return what the wheel holds but for its RECORD."""
    return {
        "council/__init__.py": b'__version__ = "1.2.0"\n',
        "council/app.py": b"FIRST = 1\nSECOND = 2\n",
        f"{ABOUT}/METADATA": metadata(**changed),
        f"{ABOUT}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }


def recorded(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files with a RECORD that fits them."""
    rows = []
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(content)}\n")
    return {**files, f"{ABOUT}/RECORD": ("".join(rows) + f"{ABOUT}/RECORD,,\n").encode()}


def wheel(files: Mapping[str, bytes], modes: Mapping[str, int] | None = None, level: int = 6) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as opened:
        for name, content in files.items():
            member = zipfile.ZipInfo(name)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = (modes or {}).get(name, stat.S_IFREG | 0o644) << 16
            opened.writestr(member, content, compresslevel=level)
    return raw.getvalue()


def archive(files: Mapping[str, bytes] | None = None, members: Sequence[tarfile.TarInfo] = ()) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as opened:
        for name, content in (files or {f"{TOP}/PKG-INFO": metadata(), f"{TOP}/src/a.py": b"A = 1\n"}).items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))
        for member in members:
            opened.addfile(member)
    return gzip.compress(raw.getvalue(), mtime=0)


def component(name: str, version: str, digests: str, marker: str = "") -> dict[str, Any]:
    return {
        "type": "library",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name}@{version}",
        "hashes": [{"alg": "SHA-256", "content": one * 64} for one in digests],
        "properties": [{"name": "council:marker", "value": marker}] if marker else [],
    }


def bill() -> dict[str, Any]:
    own = component("council-cloud", VERSION, "")
    own["properties"] = [
        {"name": "council:commit", "value": COMMIT},
        {"name": "council:built-with:python", "value": "3.11"},
        {"name": "council:built-with:zlib", "value": "1.2.13"},
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"component": own},
        "components": [
            component("click", "8.5.1", "12"),
            component("numpy", "2.4.6", "3", "python_full_version < '3.12'"),
            component("numpy", "2.5.5", "4", "python_full_version >= '3.12'"),
        ],
    }


def files() -> dict[str, bytes]:
    return {
        folder.wheel_name(VERSION): wheel(recorded(contents())),
        folder.archive_name(VERSION): archive(),
        folder.bill_name(VERSION): json.dumps(bill()).encode(),
        folder.LOCK: LOCK.encode(),
    }


def sums(made: Mapping[str, bytes]) -> bytes:
    return "".join(
        f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(made.items())
    ).encode()


def write(place: Path, changed: Mapping[str, bytes] | None = None) -> Path:
    """Write a release with some files changed, and digests that fit them."""
    made = {**files(), **(changed or {})}
    place.mkdir()
    for name, content in {**made, folder.SUMS: sums(made)}.items():
        (place / name).write_bytes(content)
    return place


def read(changed: Mapping[str, bytes] | None = None) -> folder.Release:
    made = {**files(), **(changed or {})}
    return folder.Release(VERSION, sums(made), None, made)
