"""What was sent, kept byte for byte: a way that a crash has cut short goes on with the same bytes.

Each patch has a folder of its digest under `lineage/patches`, whole and on disk before the journal says that its way has begun,
and gone once it has ended: what was applied carries the pair in its generation.
"""

import os
import re
import shutil
from pathlib import Path

from council.domain import errors, home, patches
from council.kit import durable

_DOCUMENT, _SIGNATURE, _COSIGNATURES = "patch.json", "patch.sig", "cosignature-{}.sig"
_DIGEST = re.compile(r"[0-9a-f]{64}")


def keep(where: home.Home, sent: patches.Submission) -> str:
    """Keep what was sent, in the place of what a crash has left of the same patch; return its digest. Raises OSError."""
    digest = patches.digest(sent.document)
    folder = _folder(where, digest)
    shutil.rmtree(folder, ignore_errors=True)
    partial = folder.with_name(f".{digest}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    durable.sync_folder(folder.parent.parent)
    partial.mkdir(mode=0o700)
    for name, content in _files(sent).items():
        with (partial / name).open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    durable.sync_folder(partial)
    partial.rename(folder)
    durable.sync_folder(folder.parent)
    return digest


def drop(where: home.Home, digest: str) -> None:
    """Keep it no longer. Idempotent."""
    shutil.rmtree(_folder(where, digest), ignore_errors=True)


def find(where: home.Home, digest: str) -> patches.Submission:
    """Return what was kept under a digest. Raises SetupError where it is missing, or is not what was kept."""
    folder = _folder(where, digest)
    try:
        document, signature = ((folder / name).read_bytes() for name in (_DOCUMENT, _SIGNATURE))
        cosignatures: list[bytes] = []
        while (path := folder / _COSIGNATURES.format(len(cosignatures) + 1)).exists():
            cosignatures.append(path.read_bytes())
    except OSError as error:
        raise errors.SetupError(
            f"What was sent as patch {patches.cid(digest)} cannot be read: {error.strerror}. Submit the patch again."
        ) from error
    if patches.digest(document) != digest:
        raise errors.SetupError(
            f"What lies under {folder} is not what was sent. Find out who wrote there, and submit the patch again."
        )
    return patches.Submission(document, signature, tuple(cosignatures))


def _files(sent: patches.Submission) -> dict[str, bytes]:
    more = {_COSIGNATURES.format(number): raw for number, raw in enumerate(sent.cosignatures, 1)}
    return {_DOCUMENT: sent.document, _SIGNATURE: sent.signature, **more}


def _folder(where: home.Home, digest: str) -> Path:
    assert _DIGEST.fullmatch(digest), digest
    return where.lineage / "patches" / digest
