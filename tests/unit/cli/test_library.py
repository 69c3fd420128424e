"""`council library` on a folder: every document with its passages or the reason that it is left out."""

import json
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import made_documents
from council.cli import calls, main
from council.domain import errors


@pytest.fixture(name="home")
def made_home(tmp_path: Path) -> Path:
    assert CliRunner().invoke(main.cli, ["init", "--home", str(tmp_path / "h")]).exit_code == 0
    return tmp_path / "h"


def run(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main.cli, ["library", *arguments, "--home", str(home)])


def test_an_empty_library_says_where_documents_go(home: Path) -> None:
    result = run(home, "list")
    assert result.exit_code == 0 and f"Put documents into {home / 'library'}" in result.output


def test_documents_are_listed_with_passages_or_reasons(home: Path) -> None:
    library = home / "library"
    (library / "a.md").write_text("# A\n\nText.\n\n## B\n\nMore.")
    (library / "b.pdf").write_bytes(made_documents.pdf(["one", "two"]))
    (library / "c.pdf").write_bytes(made_documents.pdf(["x"], encrypted=True))
    (library / "d.html").write_text("<p hidden>x")
    (library / "e.txt").write_bytes(b"caf\xe9")
    rows = {row["document"]: row for row in json.loads(run(home, "list", "--json").output)}
    assert {name: row["passages"] for name, row in rows.items()} == {
        "a.md": 2, "b.pdf": 2, "c.pdf": 0, "d.html": 0, "e.txt": 0
    }  # fmt: skip
    assert "without a password" in rows["c.pdf"]["left_out"] and "see" in rows["d.html"]["left_out"]
    assert "save it as UTF-8" in run(home, "list").output


FOUND = {
    "found": [
        {"found_by": "both", "coverage": 0.5, "cosine": 0.4567,
         "source": "a.md", "heading": "A > B", "quote": "One.", "text": "x"},
        {"found_by": "words", "coverage": 1.0, "cosine": None,
         "source": "b.md", "heading": "", "quote": "", "text": "Two\n" * 99},
    ],
    "note": "The meaning of 3 of 9 passages is known so far.",
}  # fmt: skip


def test_a_search_shows_how_each_was_found_and_what_is_missing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "call", lambda *_, **__: FOUND)
    result = run(home, "search", "any", "words")
    head, first, second = result.stdout.splitlines()
    assert head.split() == ["FOUND", "BY", "COVERS", "NEAR", "DOCUMENT", "PLACE", "QUOTE"]
    assert first.split() == ["both", "0.50", "0.46", "a.md", "A", ">", "B", "One."]
    assert second.split()[:4] == ["words", "1.00", "b.md", "Two"] and second.endswith("…")
    assert "3 of 9 passages" in result.stderr
    assert json.loads(run(home, "search", "any", "words", "--json").stdout) == FOUND["found"]


def test_a_search_with_no_service_says_what_to_do(home: Path) -> None:
    with socket.socket() as held:
        # Bound and not listening: nobody else gets the port meanwhile.
        held.bind(("127.0.0.1", 0))
        result = run(home, "search", "x", "--port", str(held.getsockname()[1]))
    assert isinstance(result.exception, errors.SupervisorUnavailableError)
    assert "council up" in str(result.exception)
