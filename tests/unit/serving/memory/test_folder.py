import os
from pathlib import Path

import pytest

from council.domain import config
from council.serving.memory import documents, folder

LIMITS = config.RecallConfig(files_max=3, file_bytes_max=1024)


@pytest.fixture
def watched(tmp_path: Path) -> folder.Folder:
    return folder.Folder(tmp_path, LIMITS)


def read_nothing(_suffix: str, _raw: bytes, _chars_max: int) -> documents.Document:
    return documents.Document([])


def seen(watched: folder.Folder) -> dict[str, list[str] | None]:
    """Return what changed: the texts by document, None for one that is out."""
    return {
        change.source: None if change.sections is None else [section.text for section in change.sections]
        for change in watched.changes()
    }


def test_a_file_is_new_once_then_changed_then_gone(watched: folder.Folder, tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text("one")
    assert seen(watched) == {"a.md": ["one"]}
    assert seen(watched) == {}
    file.write_text("two!")
    assert seen(watched) == {"a.md": ["two!"]}
    file.unlink()
    assert seen(watched) == {"a.md": None}
    assert seen(watched) == {}


def test_who_reads_what_is_left_out_is_not_disturbed_by_the_next_look(watched: folder.Folder, tmp_path: Path) -> None:
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_bytes(b"\0")
    watched.changes()
    reading = iter(watched.left_out.items())
    next(reading)
    (tmp_path / "a.md").write_text("text")
    (tmp_path / "c.md").write_bytes(b"\0")
    watched.changes()
    assert [source for source, _ in reading] == ["b.md"]
    assert set(watched.left_out) == {"b.md", "c.md"}


def test_a_change_is_seen_even_where_size_and_time_of_the_content_are_kept(
    watched: folder.Folder, tmp_path: Path
) -> None:
    file = tmp_path / "a.md"
    file.write_text("one")
    os.utime(file, (1, 1))
    assert seen(watched) == {"a.md": ["one"]}
    file.write_text("two")
    os.utime(file, (1, 1))
    assert seen(watched) == {"a.md": ["two"]}


def test_folders_are_read_to_their_depth(watched: folder.Folder, tmp_path: Path) -> None:
    deep = tmp_path / "x" / "y"
    deep.mkdir(parents=True)
    (deep / "a.txt").write_text("deep")
    assert seen(watched) == {"x/y/a.txt": ["deep"]}
    too_deep = tmp_path.joinpath(*["d"] * 20)
    too_deep.mkdir(parents=True)
    (too_deep / "b.txt").write_text("too deep")
    assert seen(watched) == {}


def test_links_pipes_devices_hidden_files_and_other_kinds_are_passed_over(
    watched: folder.Folder, tmp_path: Path
) -> None:
    outside = tmp_path.parent / "outside.md"
    outside.write_text("outside")
    (tmp_path / "link.md").symlink_to(outside)
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / ".hidden.md").write_text("hidden")
    (tmp_path / "picture.png").write_text("picture")
    (tmp_path / "folder.md").mkdir()
    assert seen(watched) == {} and watched.left_out == {}


def test_what_is_no_document_is_named_with_what_helps(tmp_path: Path) -> None:
    (tmp_path / "link.md").symlink_to("/etc/passwd")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "report.docx").write_bytes(b"PK")
    tmp_path.joinpath(*"d" * 17).mkdir(parents=True)
    (tmp_path / ".hidden.docx").write_text("hidden")
    watched = folder.Folder(tmp_path, LIMITS, read_nothing)
    assert seen(watched) == {}
    deep = "/".join("d" * 17)
    link = "a symbolic link; copy the document itself here"
    assert watched.left_out == {
        "link.md": link,
        "loop": link,
        "pipe.md": "a pipe, socket or device; put a plain file here",
        "report.docx": "of a kind that is not read; save it as Markdown, text, HTML, PDF or CSV",
        deep: "a folder more than 16 deep; move it up",
    }
    (tmp_path / "report.docx").unlink()
    assert seen(watched) == {} and "report.docx" not in watched.left_out


def test_a_folder_that_cannot_be_opened_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shut").mkdir()
    real = os.scandir

    def scandir(place: Path) -> list["os.DirEntry[str]"]:
        if place.name == "shut":
            raise PermissionError(13, "Permission denied")
        return list(real(place))

    monkeypatch.setattr(os, "scandir", scandir)
    watched = folder.Folder(tmp_path, LIMITS, read_nothing)
    assert seen(watched) == {} and "let Council read it" in watched.left_out["shut"]


def test_only_so_many_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "_NAMED_MAX", 3)
    for number in range(9):
        (tmp_path / f"{number}.png").touch()
    (tmp_path / "z.md").write_text("z")
    watched = folder.Folder(tmp_path, LIMITS, read_nothing)
    assert seen(watched) == {"z.md": ["z"]} and list(watched.left_out) == ["0.png", "1.png", "2.png"]


def test_a_document_of_too_many_passages_is_out_until_there_is_room(tmp_path: Path) -> None:
    limits = config.RecallConfig(passages_max=100, passage_chars=200)
    watched = folder.Folder(tmp_path, limits)
    for name, count in (("a.md", 60), ("b.md", 50), ("c.md", 40)):
        (tmp_path / name).write_text("".join(f"# {name} {number}\n\ntext\n\n" for number in range(count)))
    found = seen(watched)
    assert {name: texts and len(texts) for name, texts in found.items()} == {"a.md": 60, "b.md": None, "c.md": 40}
    assert watched.left_out["b.md"].startswith("50 passages, over the 100 of all") and seen(watched) == {}
    (tmp_path / "a.md").unlink()
    assert seen(watched) == {"a.md": None}
    assert {name: texts and len(texts) for name, texts in seen(watched).items()} == {"b.md": 50}
    assert watched.left_out == {} and seen(watched) == {}


def test_a_document_that_grows_beyond_the_passages_is_out(tmp_path: Path) -> None:
    watched = folder.Folder(tmp_path, config.RecallConfig(passages_max=100, passage_chars=200))
    (tmp_path / "a.md").write_text("# A\n\ntext\n\n")
    assert seen(watched) == {"a.md": ["text"]}
    (tmp_path / "a.md").write_text("# A\n\ntext\n\n" * 101)
    assert seen(watched) == {"a.md": None} and "raise `recall.passages_max`" in watched.left_out["a.md"]
    (tmp_path / "a.md").write_text("# A\n\nshort again\n\n")
    assert seen(watched) == {"a.md": ["short again"]} and watched.left_out == {}


def test_what_is_no_text_or_too_large_is_named_and_comes_in_when_mended(watched: folder.Folder, tmp_path: Path) -> None:
    binary, large = tmp_path / "binary.md", tmp_path / "large.md"
    binary.write_bytes(b"\0\1")
    large.write_text("x" * 1025)
    assert seen(watched) == {"binary.md": None, "large.md": None}
    assert watched.left_out == {
        "binary.md": "binary data",
        "large.md": "1,025 bytes, over the limit of 1,024; split it, or raise `recall.file_bytes_max`",
    }
    binary.write_text("text")
    large.write_text("short")
    assert seen(watched) == {"binary.md": ["text"], "large.md": ["short"]}
    assert watched.left_out == {}


def test_a_document_that_becomes_unreadable_is_out(watched: folder.Folder, tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text("text")
    seen(watched)
    file.write_bytes(b"\xff\xff")
    assert seen(watched) == {"a.md": None} and watched.left_out == {"a.md": "not UTF-8; save it as UTF-8"}


def test_documents_over_the_count_are_named_only_while_they_are_there(watched: folder.Folder, tmp_path: Path) -> None:
    for name in "abcde":
        (tmp_path / f"{name}.md").write_text(name)
    assert set(seen(watched)) == {"a.md", "b.md", "c.md"} and set(watched.left_out) == {"d.md", "e.md"}
    (tmp_path / "e.md").unlink()
    (tmp_path / "a.md").unlink()
    assert seen(watched) == {"a.md": None, "d.md": ["d"]}
    assert watched.left_out == {}


def test_a_document_that_is_pushed_out_by_others_is_named(watched: folder.Folder, tmp_path: Path) -> None:
    for name in "bcd":
        (tmp_path / f"{name}.md").write_text(name)
    seen(watched)
    (tmp_path / "a.md").write_text("a")
    assert seen(watched) == {"a.md": ["a"], "d.md": None}
    assert watched.left_out == {"d.md": "over the limit of 3 documents"}


def test_a_name_that_is_no_text_is_spelt_out(watched: folder.Folder, tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.md"))).write_text("coffee")
    assert seen(watched) == {"caf\\xe9.md": ["coffee"]}


def test_a_file_that_goes_while_the_folder_is_read_is_passed_over(
    watched: folder.Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.md").write_text("a")
    (tmp_path / "b.md").write_text("b")
    real = os.scandir

    def scandir(place: Path) -> list["os.DirEntry[str]"]:
        found = list(real(place))
        (tmp_path / "a.md").unlink()
        return found

    monkeypatch.setattr(os, "scandir", scandir)
    assert seen(watched) == {"b.md": ["b"]}


def test_a_file_that_goes_between_the_look_and_the_reading_is_no_document_and_not_named(
    watched: folder.Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.md"
    file.write_text("a")
    assert seen(watched) == {"a.md": ["a"]}
    file.write_text("again")
    real = os.open

    def open_late(path: Path, *rest: int) -> int:
        file.unlink()
        return real(path, *rest)

    monkeypatch.setattr(os, "open", open_late)
    assert seen(watched) == {"a.md": None}
    assert watched.left_out == {}


def test_a_file_that_became_a_pipe_after_it_was_looked_at_does_not_hang(
    watched: folder.Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.md"
    file.write_text("a")
    real = os.open

    def open_late(path: Path, *rest: int) -> int:
        file.unlink()
        os.mkfifo(file)
        return real(path, *rest)

    monkeypatch.setattr(os, "open", open_late)
    assert seen(watched) == {"a.md": []}


def test_a_folder_that_is_not_there_is_empty_and_may_come_later(tmp_path: Path) -> None:
    watched = folder.Folder(tmp_path / "later", LIMITS)
    assert seen(watched) == {}
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "a.md").write_text("a")
    assert seen(watched) == {"a.md": ["a"]}
