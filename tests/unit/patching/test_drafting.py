"""What a person has changed comes out as the patch that does just that, or as an error that names the file."""

import dataclasses
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import patch_documents
from council.domain import authz, errors, patches
from council.patching import drafting, showing
from council.upkeep.patchctl.core import documents

SIZES = authz.Sizes(file_bytes=1000)
LIVE = {"prompts/general.md": b"Answer.\n", "gates.yaml": b"gates: {}\n", "old.md": b"old\n"}
POLICY = authz.Policy(sizes=SIZES)
WORDS = drafting.Words("Ann", "Say it shorter", "Long answers.", 1_750_000_000, 1_750_003_600, 7)


def fill(folder: Path, files: Mapping[str, bytes]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def live(tmp_path: Path) -> Path:
    return fill(tmp_path / "live", {**LIVE, ".council/patch.json": b"{}"})


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return fill(tmp_path / "work", {**LIVE, ".git/config": b"[core]\n"})


def refused(live: Path, work: Path) -> errors.InvalidRequestError:
    with pytest.raises(errors.InvalidRequestError) as raised:
        drafting.of_folder(live, work, SIZES)
    assert raised.value.message.endswith(".")
    return raised.value


def test_what_is_new_changed_and_gone_is_found_with_what_was_there(live: Path, work: Path) -> None:
    fill(work, {"prompts/general.md": b"Answer in a word.\n", "knowledge/new.md": b"new\n"})
    (work / "old.md").unlink()
    found = {one.path: one for one in drafting.of_folder(live, work, SIZES)}
    assert found == {
        "prompts/general.md": patches.Change(
            "prompts/general.md", patches.Action.PUT, b"Answer in a word.\n", patches.digest(LIVE["prompts/general.md"])
        ),
        "knowledge/new.md": patches.Change("knowledge/new.md", patches.Action.PUT, b"new\n", None),
        "old.md": patches.Change("old.md", patches.Action.DELETE, None, patches.digest(b"old\n")),
    }
    assert sorted(showing.summary(live, found.values())) == [
        "+ knowledge/new.md  +1 -0",
        "- old.md  +0 -1",
        "~ prompts/general.md  +1 -1",
    ]


def test_nothing_changed_is_said(live: Path, work: Path) -> None:
    assert "Nothing is changed" in refused(live, work).message


@pytest.mark.parametrize("name", ["a b.md", ".DS_Store", "sub/.git/config", "con.txt", "ä.md", "x~"])
def test_a_name_that_no_patch_may_have_is_refused(live: Path, work: Path, name: str) -> None:
    fill(work, {name: b"x\n"})
    error = refused(live, work)
    assert isinstance(error, errors.PatchRefusedError) and error.reason == "path_unsafe"


def test_a_name_that_differs_in_case_alone_from_one_that_is_there_is_refused(live: Path, work: Path) -> None:
    fill(work, {"OLD.md": b"x\n"})
    assert "differ only in how they are spelled" in refused(live, work).message


def test_a_link_and_a_pipe_are_refused_and_not_followed(live: Path, work: Path) -> None:
    (work / "link.md").symlink_to("/etc/hostname")
    assert "link.md" in refused(live, work).message
    (work / "link.md").unlink()
    (work / "sub").symlink_to(live)
    assert "sub" in refused(live, work).message
    (work / "sub").unlink()
    os.mkfifo(work / "pipe")
    assert "pipe" in refused(live, work).message


def test_a_large_file_is_refused_by_its_name(live: Path, work: Path) -> None:
    fill(work, {"big.md": b"x" * 1001})
    error = refused(live, work)
    assert isinstance(error, errors.PatchRefusedError) and error.reason == "too_large" and "big.md" in error.message


def test_a_large_file_that_did_not_change_is_nobodys_concern(live: Path, work: Path) -> None:
    fill(live, {"big.md": b"x" * 2000})
    fill(work, {"big.md": b"x" * 2000, "old.md": b"new\n"})
    assert [one.path for one in drafting.of_folder(live, work, SIZES)] == ["old.md"]
    (work / "big.md").write_bytes(b"y" * 2000)
    assert "big.md" in refused(live, work).message


def test_what_is_no_text_goes_in_only_by_word(live: Path, work: Path) -> None:
    fill(work, {"picture.png": b"\x89PNG\0"})
    assert "--binary" in refused(live, work).message
    [one] = drafting.of_folder(live, work, SIZES, binary=True)
    assert one.content == b"\x89PNG\0"


def test_a_file_does_not_become_executable_in_passing(live: Path, work: Path) -> None:
    (work / "old.md").chmod(0o755)
    assert "executable" in refused(live, work).message


def test_a_new_file_may_be_executable(live: Path, work: Path) -> None:
    fill(work, {"run.sh": b"true\n"})
    (work / "run.sh").chmod(0o755)
    [one] = drafting.of_folder(live, work, SIZES)
    assert one.mode is patches.Mode.EXECUTABLE


def test_a_folder_where_a_file_was_cannot_be_one_patch(live: Path, work: Path) -> None:
    (work / "old.md").unlink()
    fill(work, {"old.md/inner.md": b"x\n"})
    # The removal and what takes its place are one patch's, which no order of two steps could do.
    found = drafting.of_folder(live, work, SIZES)
    with pytest.raises(errors.PatchRefusedError, match="needs a folder"):
        drafting.document(WORDS, "a" * 40, found, POLICY, lambda _: None)


def test_single_files_are_put_and_deleted_by_their_paths(live: Path, tmp_path: Path) -> None:
    source = fill(tmp_path / "s", {"x": b"new\n"}) / "x"
    source.chmod(0o755)
    found = drafting.of_files(live, {"old.md": source, "b/new.sh": source}, ["gates.yaml"], SIZES)
    told = [(one.path, one.action.value, one.mode.value) for one in found]
    assert told == [("b/new.sh", "put", "executable"), ("gates.yaml", "delete", "plain"), ("old.md", "put", "plain")]


@pytest.mark.parametrize(
    ("puts", "deletes", "says"),
    [
        ({}, ["never.md"], "not in the live generation"),
        ({"old.md": "new"}, ["old.md"], "both put and deleted"),
        ({"old.md": "never"}, [], "cannot be read"),
        ({"old.md": "same"}, [], "Nothing is changed"),
        ({"../old.md": "new"}, [], "Give the file another name"),
        ({}, ["../live/old.md"], "Give the file another name"),
        ({".council/patch.json": "new"}, [], "Give the file another name"),
        ({"prompts": "new"}, [], "both a file and a folder"),
        ({"old.md/new": "new"}, [], "both a file and a folder"),
        ({"Prompts/other.md": "new"}, [], "how they are spelled"),
        ({"old.md": "big"}, [], "big"),
    ],
)
def test_what_cannot_be_is_said(
    live: Path, tmp_path: Path, puts: dict[str, str], deletes: list[str], says: str
) -> None:
    folder = fill(tmp_path / "s", {"new": b"new\n", "same": b"old\n", "big": b"x" * 5000})
    sources = {path: folder / name for path, name in puts.items()}
    with pytest.raises(errors.InvalidRequestError, match=says if says != "big" else "are allowed"):
        drafting.of_files(live, sources, deletes, SIZES)


def test_the_document_is_what_patchctl_reads(live: Path, work: Path) -> None:
    fill(work, {"old.md": b"new\n"})
    changes = drafting.of_folder(live, work, SIZES)
    read = documents.parse(drafting.document(WORDS, "a" * 40, changes, POLICY, lambda _: None), SIZES)
    assert (read.changes, read.title, read.ticket, read.base) == (changes, "Say it shorter", 7, "a" * 40)


def test_a_document_that_would_be_refused_is_not_written() -> None:
    change = (patches.Change("a.md", patches.Action.PUT, b"key: sk-" + b"ant-" + b"a1b2c3d4e5f6" * 3, None),)
    with pytest.raises(errors.PatchRefusedError) as raised:
        drafting.document(WORDS, "a" * 40, change, POLICY, lambda _: None)
    assert raised.value.reason == "secret"
    late = dataclasses.replace(WORDS, expires=WORDS.created + 8 * 86_400)
    with pytest.raises(errors.PatchRefusedError) as raised:
        drafting.document(late, "a" * 40, change, POLICY, lambda _: None)
    assert raised.value.reason == "lasts_too_long"
    unseen = dataclasses.replace(WORDS, title="Fix \u202egnp.exe")
    with pytest.raises(errors.PatchRefusedError) as raised:
        drafting.document(unseen, "a" * 40, change, POLICY, lambda _: None)
    assert raised.value.reason == "document_invalid"


def test_a_file_that_is_there_is_written_over_only_by_word(tmp_path: Path) -> None:
    output = tmp_path / "patch.json"
    drafting.write(output, b"one", force=False)
    with pytest.raises(errors.InvalidRequestError, match="--force"):
        drafting.write(output, b"two", force=False)
    drafting.write(output, b"two", force=True)
    assert output.read_bytes() == b"two"
    with pytest.raises(errors.InvalidRequestError, match="cannot be written"):
        drafting.write(tmp_path / "never" / "patch.json", b"", force=False)


def _git(folder: Path, *arguments: str) -> str:
    names = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    done = subprocess.run(["git", "-C", str(folder), *names, *arguments], capture_output=True, check=True, text=True)
    return done.stdout.strip()


def test_a_clone_that_lags_behind_would_undo_what_came_since_and_is_refused(tmp_path: Path) -> None:
    clone = fill(tmp_path / "clone", LIVE)
    _git(clone, "init", "--quiet")
    _git(clone, "add", ".")
    _git(clone, "commit", "--quiet", "-m", "one")
    live = _git(clone, "rev-parse", "HEAD")
    drafting.check_clone(clone, live)
    _git(clone, "commit", "--quiet", "--allow-empty", "-m", "own work")
    drafting.check_clone(clone, live)
    with pytest.raises(errors.InvalidRequestError, match="git pull"):
        drafting.check_clone(clone, "f" * 40)
    newer = _git(clone, "rev-parse", "HEAD")
    _git(clone, "reset", "--quiet", "--hard", live)
    with pytest.raises(errors.InvalidRequestError, match="git pull"):
        drafting.check_clone(clone, newer)
    drafting.check_clone(tmp_path, "f" * 40)


TREES = st.dictionaries(patch_documents.PATHS.filter(patch_documents.safe), st.binary(max_size=30), max_size=6)


def _kept_apart(tree: Mapping[str, bytes]) -> dict[str, bytes]:
    # A folder of its own for each length keeps files from lying where folders must.
    return {f"d{path.count('/')}/{path}": content for path, content in tree.items()}


@given(before=TREES, after=TREES)
def test_the_changes_make_the_one_tree_of_the_other(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    before, after = _kept_apart(before), _kept_apart(after)
    with tempfile.TemporaryDirectory() as folder:
        live, work = fill(Path(folder) / "a", before), fill(Path(folder) / "b", after)
        try:
            changes = drafting.of_folder(live, work, SIZES, binary=True)
        except errors.InvalidRequestError as error:
            assert before == after or isinstance(error, errors.PatchRefusedError)
            return
    made = dict(before)
    for one in changes:
        assert one.before == (patches.digest(made[one.path]) if one.path in made else None)
        if one.content is None:
            del made[one.path]
        else:
            made[one.path] = one.content
    assert made == after
