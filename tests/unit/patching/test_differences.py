"""What a patch changed, as git shows it and people read it."""

from pathlib import Path

import pytest

from council.domain import home
from council.patching import differences
from council.upkeep.engine import blueprint, changes, repository
from council.upkeep.patchctl import history


@pytest.fixture
def where(tmp_path: Path) -> home.Home:
    made = home.Home(tmp_path)
    made.generations.mkdir()
    repository.create(made)
    return made


def test_a_patch_tells_each_file_and_its_document_without_the_contents(where: home.Home) -> None:
    base = blueprint.commit(where, {"a.md": b"one\ntwo\n", "b.md": b"gone\n", "c.bin": b"\0\1"}, "first")
    document = b'{"title": "x", "files": [{"path": "a.md", "action": "put", "mode": "plain", "content": "secret"}]}'
    target = blueprint.commit(
        where,
        {
            "a.md": b"one\nthree\n--- a/x\n", "b.md": None, "c.bin": b"\0\2", "new \xc3\xbc.md".encode().decode(): b"n\n",
            changes.DOCUMENT: document,
        },
        "second",
    )  # fmt: skip
    found = differences.of(where, history.Row("d" * 64, base=base, target=target))
    assert found["document"] == {"title": "x", "files": [{"path": "a.md", "action": "put", "mode": "plain"}]}
    by_path = {one["path"]: one for one in found["differences"]}
    assert set(by_path) >= {"a.md", "b.md", "c.bin"} and len(by_path) == 4
    first = by_path["a.md"]
    assert (first["action"], first["mode"], first["added"], first["removed"]) == ("change", "plain", 2, 1)
    assert first["diff"].startswith("@@") and "-two\n+three\n+--- a/x" in first["diff"]
    assert by_path["b.md"]["action"] == "delete" and by_path["c.bin"]["note"] and not by_path["c.bin"]["diff"]


@pytest.mark.parametrize(("base", "target"), [("", ""), ("0" * 40, "1" * 40), ("--output=x", "HEAD")])
def test_what_is_not_there_is_told_as_nothing(where: home.Home, base: str, target: str) -> None:
    found = differences.of(where, history.Row("d" * 64, base=base, target=target))
    assert found == {"document": None, "differences": []}


def test_what_is_too_long_is_left_out_and_said_so() -> None:
    long = "diff --git a/x b/x\n@@ -1 +1 @@\n" + "+y\n" * differences.DIFF_CHARS_MAX
    [row] = differences.read(long, {})
    assert row["diff"] == "" and "too long" in row["note"] and row["added"] == differences.DIFF_CHARS_MAX
    many = "".join(f"diff --git a/{n} b/{n}\n@@ -1 +1 @@\n+y\n" for n in range(differences.FILES_MAX + 5))
    assert len(differences.read(many, {})) == differences.FILES_MAX
