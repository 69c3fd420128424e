"""The reader's child: what it cannot do, and that no document harms the next."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import made_documents
from council.domain import config as config_module
from council.kit import confine
from council.services import reader
from council.serving.memory import documents, folder

PAGE = b"<h1>Opening</h1><p>The mill opens at nine.</p>"


@pytest.fixture(name="child")
def made_child() -> Iterator[reader.Reader]:
    made = reader.Reader()
    yield made
    made.close()


def test_documents_are_read_one_after_the_other_by_one_child(child: reader.Reader) -> None:
    assert child.read(".html", PAGE, 400).sections == [documents.Section("Opening", "The mill opens at nine.")]
    first = child._child.pid
    assert child.read(".pdf", made_documents.pdf(["Oil the pump."]), 400).sections[0].heading == "page 1"
    with pytest.raises(documents.UnreadableError, match="broken"):
        child.read(".pdf", b"\0" * 5_000_000, 400)
    assert child.read(".csv", b"a,b\nc,d\n", 400).sections[0].text == "- a: c; b: d"
    assert child._child.pid == first


def test_a_child_is_given_nothing_of_the_environment_that_may_be_secret(
    child: reader.Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNCIL_RECORDS_URL", "postgresql://council:s3cr3t@db/council")
    child.read(".html", PAGE, 400)
    given = Path(f"/proc/{child._child.pid}/environ").read_bytes()
    assert b"PATH=" in given and b"s3cr3t" not in given


def test_a_child_that_ends_is_replaced(child: reader.Reader) -> None:
    child.read(".html", PAGE, 400)
    os.kill(child._child.pid, signal.SIGKILL)
    child._child._process.wait()
    assert child.read(".html", PAGE, 400).sections


def test_a_document_that_takes_too_long_is_named(child: reader.Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    child.read(".html", PAGE, 400)
    monkeypatch.setattr(reader, "READ_S", 0.2)
    os.kill(child._child.pid, signal.SIGSTOP)
    begun_s = time.monotonic()
    with pytest.raises(documents.UnreadableError, match="longer than"):
        child.read(".html", PAGE, 400)
    assert time.monotonic() - begun_s < 10 and child.read(".html", PAGE, 400).sections


def test_a_document_that_takes_too_much_memory_is_named_and_the_next_is_read(child: reader.Reader) -> None:
    with pytest.raises(documents.UnreadableError, match=r"768 MiB.*split it"):
        child.read(".html", b"<a " * (2 << 20), 400)
    assert child.read(".html", PAGE, 400).sections


def test_the_child_reaches_no_file_and_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run its `main` with a reader that tries, in place of the library that a document led astray."""
    if not confine.landlock_abi():
        pytest.skip("this kernel has no Landlock")
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    script = f"""
import socket, sys
from council.serving.memory import documents, reading
from council.services import reader
def tries(raw, chars_max):
    found = []
    for name, attempt in (
        ("read", lambda: open({str(secret)!r}).read()),
        ("write", lambda: open({str(tmp_path / "made")!r}, "w")),
        ("inet", lambda: socket.socket(socket.AF_INET)),
        ("memory", lambda: bytearray(2 * reader.MEMORY_BYTES)),
    ):
        try:
            attempt()
            found.append(documents.Section(name, "done"))
        except (OSError, MemoryError):
            pass
    return documents.Document(found)
reading.READ[".html"] = tries
sys.exit(reader.main())
"""
    original = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda command, **options: original([command[0], "-c", script], **options))
    made = reader.Reader()
    try:
        assert made.read(".html", b"x", 400).sections == []
    finally:
        made.close()
    assert not (tmp_path / "made").exists()


def test_a_folder_reads_every_kind_and_names_what_it_cannot(tmp_path: Path, child: reader.Reader) -> None:
    (tmp_path / "a.html").write_bytes(PAGE)
    (tmp_path / "b.pdf").write_bytes(made_documents.pdf(["Oil the pump."]))
    (tmp_path / "c.csv").write_text("Name,Age\nAnn,5\n")
    (tmp_path / "d.pdf").write_bytes(b"\0" * 1000)
    (tmp_path / "e.md").write_text("# Plain\n\ntext")
    watched = folder.Folder(tmp_path, config_module.RecallConfig(), child.read)
    found = {change.source: [one.heading for one in change.sections or []] for change in watched.changes()}
    assert found == {"a.html": ["Opening"], "b.pdf": ["page 1"], "c.csv": ["row 2"], "d.pdf": [], "e.md": ["Plain"]}
    assert list(watched.left_out) == ["d.pdf"] and "print it" in watched.left_out["d.pdf"]
    assert not watched.changes() and not watched.more


def test_a_look_that_takes_long_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        (tmp_path / f"{number}.html").write_bytes(PAGE)
    monkeypatch.setattr(folder, "_LOOK_S", -1.0)
    watched = folder.Folder(tmp_path, config_module.RecallConfig(), lambda *_: documents.Document([]))
    assert watched.changes() == [] and watched.more
    monkeypatch.setattr(folder, "_LOOK_S", 60.0)
    assert len(watched.changes()) == 5 and not watched.more
