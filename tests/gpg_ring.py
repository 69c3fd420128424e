"""A keyring of the real gpg in a folder of its own, and nothing of it left running afterwards."""

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path


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


@contextlib.contextmanager
def ring() -> Iterator[Gpg]:
    """Give an empty keyring; its agent ends with the block."""
    with tempfile.TemporaryDirectory(prefix="gpg", ignore_cleanup_errors=True) as folder:
        try:
            yield Gpg(Path(folder))
        finally:
            subprocess.run(["gpgconf", "--homedir", folder, "--kill", "all"], check=False, timeout=60)
