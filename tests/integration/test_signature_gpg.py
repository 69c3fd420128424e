"""Signatures that gpg makes count, by its usual kinds of keys; what it makes of a wrong kind does not."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from council.domain import errors
from council.upkeep.patchctl.core import signature

pytestmark = pytest.mark.skipif(
    not (shutil.which("gpg") and shutil.which("gpg-agent")),
    reason="gpg is not installed: apt-get install gpg gpg-agent",
)
DOCUMENT = b'{"title": "Answer shorter"}\n' * 400
ALGORITHMS = ["ed25519", "rsa3072", "nistp256"]


class Gpg:
    """A keyring of its own, at a short path: its agent listens on a socket there."""

    def __init__(self, folder: Path):
        self.folder = folder

    def run(self, *arguments: str, stdin: bytes = b"") -> bytes:
        command = [
            "gpg",
            "--homedir",
            str(self.folder),
            "--batch",
            "--quiet",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "",
        ]
        return subprocess.run([*command, *arguments], input=stdin, capture_output=True, check=True, timeout=60).stdout

    def key(self, algorithm: str, usage: str) -> str:
        self.run("--quick-generate-key", f"{algorithm} <{algorithm}.{usage}@example.org>", algorithm, usage, "1y")
        listing = self.run("--list-keys", "--with-colons", f"{algorithm}.{usage}@example.org").decode()
        return next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr")).lower()


@pytest.fixture(scope="module")
def gpg() -> Iterator[Gpg]:
    with tempfile.TemporaryDirectory(prefix="gpg", ignore_cleanup_errors=True) as folder:
        yield Gpg(Path(folder))
        subprocess.run(["gpgconf", "--homedir", folder, "--kill", "all"], check=False, timeout=60)


def checked(gpg: Gpg, fingerprint: str, raw: bytes) -> str:
    certificate = signature.read_certificate(fingerprint, gpg.run("--armor", "--export", fingerprint))
    return signature.check(DOCUMENT, raw, {fingerprint: certificate}, (), time.time())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("form", ["--armor", "--no-armor"])
def test_a_detached_signature_of_gpg_counts(gpg: Gpg, algorithm: str, form: str) -> None:
    fingerprint = gpg.key(algorithm, "sign") if form == "--armor" else _known(gpg, algorithm)
    raw = gpg.run("--local-user", fingerprint, form, "--detach-sign", stdin=DOCUMENT)
    assert checked(gpg, fingerprint, raw) == fingerprint


def test_a_signing_subkey_of_gpg_counts_for_its_primary_key(gpg: Gpg) -> None:
    fingerprint = gpg.key("ed25519", "cert")
    gpg.run("--quick-add-key", fingerprint, "ed25519", "sign", "1y")
    raw = gpg.run("--local-user", fingerprint, "--detach-sign", stdin=DOCUMENT)
    assert checked(gpg, fingerprint, raw) == fingerprint


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--textmode", "--detach-sign"], "signature_not_binary"),
        (["--digest-algo", "SHA1", "--detach-sign"], "signature_weak_digest"),
        (["--sign"], "signature_not_one"),
        (["--clear-sign"], "signature_not_one"),
    ],
)
def test_what_gpg_makes_otherwise_does_not(gpg: Gpg, arguments: list[str], reason: str) -> None:
    # Elliptic keys of gpg refuse SHA-1.
    fingerprint = _known(gpg, "rsa3072")
    raw = gpg.run("--local-user", fingerprint, "--compress-algo", "none", *arguments, stdin=DOCUMENT)
    with pytest.raises(errors.PatchRefusedError) as raised:
        checked(gpg, fingerprint, raw)
    assert raised.value.reason == reason


def _known(gpg: Gpg, algorithm: str) -> str:
    listing = gpg.run("--list-keys", "--with-colons").decode().splitlines()
    found = [
        listing[number - 1].split(":")[9]
        for number, line in enumerate(listing)
        if line.startswith("uid") and f"{algorithm}.sign@" in line
    ]
    return found[0].lower() if found else gpg.key(algorithm, "sign")
