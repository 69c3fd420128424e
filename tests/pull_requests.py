"""Files of a blueprint with two signers, and what pull requests make of them: as they should be, and otherwise."""

import base64
import time
from collections.abc import Mapping
from pathlib import Path

import pgp
from council import homes
from council.delivery import workflow
from council.domain import authz, patches
from council.patching import roster
from council.upkeep.engine import repository, trees

NOW = int(time.time())
ANN, TUNER, STRANGER = (pgp.Owner(name, NOW - 1_000_000) for name in ("Ann", "tuner", "Nobody"))
ACCOUNT = "tuner[bot]"
Files = dict[str, bytes]
NEW = patches.Change("prompts/new.md", patches.Action.PUT, b"Be brief.\n", None)


def listing() -> Files:
    """Return what lists Ann, a person who may change everything, and tuner, a bot that may change prompts."""
    text = homes.default_files()[authz.FILE]
    ann = authz.Signer(ANN.fingerprint, "Ann", authz.Kind.HUMAN, ("**",), account="ann")
    tuner = authz.Signer(TUNER.fingerprint, "tuner", authz.Kind.BOT, ("prompts/**",), account=ACCOUNT)
    for signer in (ann, tuner):
        text = roster.with_signer(text, signer)
    return {authz.FILE: text} | {f"keys/{one.fingerprint}.asc": one.certificate() for one in (ANN, TUNER)}


def base() -> Files:
    """Return a blueprint with the workflow and both signers."""
    return homes.default_files() | workflow.files() | listing()


def tree_of(files: Mapping[str, bytes]) -> str:
    return trees.name({path: repository.File(content) for path, content in files.items()}, "0" * 40)


def proposed(
    files: Mapping[str, bytes], *changes: patches.Change, by: pgp.Owner = TUNER, title: str = "Say it"
) -> Files:
    """Return the files of a pull request: those of its base with a signed patch of `changes`."""
    made = patches.Patch("tuner", NOW - 60, NOW + 7200, tree_of(files), title, "So.", changes or (NEW,))
    return signed(files, made, by)


def signed(files: Mapping[str, bytes], made: patches.Patch, by: pgp.Owner) -> Files:
    """Return the files with a patch, and its pair."""
    document = patches.dump(made)
    found = dict(files)
    for one in made.changes:
        if one.content is None:
            found.pop(one.path, None)
        else:
            found[one.path] = one.content
    pair = {".council/patch.json": document, ".council/patch.sig": pgp.signature(by.primary, document, NOW - 30)}
    return found | pair


def armoured(owner: pgp.Owner) -> str:
    """Return a certificate as text."""
    body = base64.encodebytes(owner.certificate()).decode()
    return f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{body}-----END PGP PUBLIC KEY BLOCK-----\n"


def put(files: Mapping[str, bytes], path: str, content: bytes) -> patches.Change:
    """Return a change that has `path` hold `content`."""
    before = patches.digest(files[path]) if path in files else None
    return patches.Change(path, patches.Action.PUT, content, before)


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def with_rights(files: Mapping[str, bytes]) -> patches.Change:
    """Return a change by which tuner would give itself everything."""
    text = files[authz.FILE].replace(b'"allow": ["prompts/**"]', b'"allow": ["**"]')
    assert text != files[authz.FILE]
    return put(files, authz.FILE, text)
