import contextlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from council.domain import errors, home
from council.kit import durable
from council.upkeep.engine import blueprint, repository


@pytest.fixture
def where(tmp_path: Path) -> home.Home:
    return home.Home(tmp_path / "home")


def live(where: home.Home) -> dict[str, str]:
    """Return the live tree as path to text."""
    root = where.generations / blueprint.current(where)
    return {str(file.relative_to(root)): file.read_text() for file in sorted(root.rglob("*")) if file.is_file()}


def git(where: home.Home, *arguments: str, stdin: bytes = b"") -> str:
    environment = {
        **os.environ,
        "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a",
    }  # fmt: skip
    command = ["git", "-C", str(where.blueprint), *arguments]
    return (
        subprocess.run(command, input=stdin, capture_output=True, check=True, env=environment).stdout.decode().strip()
    )


def test_the_first_commit_makes_everything_and_the_next_ones_change_it(where: home.Home) -> None:
    first = blueprint.commit(where, {"a.txt": b"1", "deep/er/b.txt": b"2"}, "Start")
    assert live(where) == {"a.txt": "1", "deep/er/b.txt": "2"}
    second = blueprint.commit(where, {"a.txt": None, "c.txt": b"3"}, "Change")
    assert live(where) == {"c.txt": "3", "deep/er/b.txt": "2"}
    assert blueprint.current(where) == second != first
    assert git(where, "log", "--format=%s", "main") == "Change\nStart"
    assert (where.generations / first / "a.txt").read_text() == "1"


def test_no_hook_and_no_setting_of_the_repository_runs_anything(where: home.Home, tmp_path: Path) -> None:
    # Root commits to it, and patchctl may write there.
    blueprint.commit(where, {"a.txt": b"1"}, "Start")
    ran, hook = tmp_path / "ran", where.blueprint / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
    hook.chmod(0o755)
    git(where, "config", "core.hooksPath", str(hook.parent))
    blueprint.commit(where, {"a.txt": b"2"}, "Change")
    assert live(where) == {"a.txt": "2"} and not ran.exists()
    for name, value in (
        ("core.bare", "false"),
        ("core.worktree", str(tmp_path)),
        ("core.fsmonitor", f"touch {ran}"),
    ):
        git(where, "config", name, value)
    # Whatever git makes of that.
    with contextlib.suppress(errors.BlueprintError):
        blueprint.commit(where, {"a.txt": b"3"}, "Change again")
    assert not ran.exists()


def test_changing_nothing_returns_the_live_commit(where: home.Home) -> None:
    made = blueprint.commit(where, {"a": b"1"}, "Start")
    assert blueprint.commit(where, {"a": b"1"}, "Again") == made
    assert git(where, "rev-list", "--count", "main") == "1"


def test_a_generation_is_read_only_and_private(where: home.Home) -> None:
    made = blueprint.commit(where, {"a": b"1"}, "Start")
    assert (where.generations / made / "a").stat().st_mode & 0o777 == 0o400
    assert where.generations.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "path",
    [
        "", "/etc/passwd", "../outside", "a/../../b", "a/./b", "a//b", "a/", "./a", ".git/config", "x/.GIT/hooks/y",
        "a\nb", "a\0b", "a\tb", "\udcff", "..",
    ],
)  # fmt: skip
def test_a_path_that_could_leave_the_tree_is_refused_before_anything_is_written(where: home.Home, path: str) -> None:
    with pytest.raises(errors.BlueprintError, match="not a plain path"):
        blueprint.commit(where, {"good": b"", path: b""}, "Try")
    assert not where.root.exists()


@pytest.mark.parametrize("path", [".gitattributes", ".gitignore", "a b", "é", "-x", "*", "a:b", ".gitmodules"])
def test_an_odd_name_is_a_plain_file(where: home.Home, path: str) -> None:
    blueprint.commit(where, {path: b"* text eol=crlf"}, "Start")
    assert live(where) == {path: "* text eol=crlf"}


def test_content_is_kept_byte_for_byte_whatever_git_is_told(where: home.Home) -> None:
    content = b"\r\n\0$Id$\xff"
    made = blueprint.commit(where, {".gitattributes": b"* text eol=lf ident\n", "a.txt": content}, "Start")
    assert (where.generations / made / "a.txt").read_bytes() == content


def test_a_file_where_a_folder_is_wanted_is_refused_and_the_old_generation_stays(where: home.Home) -> None:
    made = blueprint.commit(where, {"a": b"1"}, "Start")
    with pytest.raises(errors.BlueprintError):
        blueprint.commit(where, {"a/b": b"2", "c/d": b"3", "c": b"4"}, "Try")
    assert blueprint.current(where) == made


@pytest.mark.parametrize("mode", ["120000", "160000"])
def test_a_link_or_submodule_in_the_repository_never_reaches_the_disk(where: home.Home, mode: str) -> None:
    good = blueprint.commit(where, {"a": b"1"}, "Start")
    digest = git(where, "hash-object", "-w", "--stdin", stdin=b"/etc/passwd") if mode == "120000" else good
    kind = "blob" if mode == "120000" else "commit"
    tree = git(where, "mktree", stdin=f"{mode} {kind} {digest}\tevil\n".encode())
    evil = git(where, "commit-tree", tree, "-p", good, "-m", "evil")
    with pytest.raises(errors.BlueprintError, match="only plain files"):
        blueprint.materialise(where, evil)
    assert not (where.generations / evil).exists() and blueprint.current(where) == good


def test_a_name_in_the_repository_that_is_no_text_is_refused(where: home.Home) -> None:
    good = blueprint.commit(where, {"a": b"1"}, "Start")
    digest = git(where, "rev-parse", "main:a")
    tree = git(where, "mktree", "-z", stdin=f"100644 blob {digest}\t".encode() + b"caf\xe9\0")
    with pytest.raises(errors.BlueprintError, match="not a plain path"):
        blueprint.materialise(where, git(where, "commit-tree", tree, "-p", good, "-m", "x"))


def test_a_file_that_is_too_large_is_refused(where: home.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "FILE_BYTES_MAX", 10)
    with pytest.raises(errors.BlueprintError, match="the limit is 10"):
        blueprint.commit(where, {"a": b"x" * 11}, "Try")


@pytest.mark.parametrize("left", [None, b"", b"no object"])
def test_a_file_whose_object_is_gone_or_broken_is_named(where: home.Home, left: bytes | None) -> None:
    good = blueprint.commit(where, {"a": b"1", "b/c": b"2"}, "Start")
    shutil.rmtree(where.generations)
    digest = git(where, "rev-parse", "main:b/c")
    path = where.blueprint / "objects" / digest[:2] / digest[2:]
    path.unlink()
    if left is not None:
        path.write_bytes(left)
    with pytest.raises(errors.BlueprintError, match="`b/c` cannot be read"):
        blueprint.materialise(where, good)
    assert not (where.generations / good).exists()


def test_more_than_is_read_at_once_comes_whole_and_in_order(where: home.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "FILE_BYTES_MAX", 10)
    files = {f"{number:02}": b"\n" * (number % 11) for number in range(40)}
    blueprint.commit(where, files, "Start")
    assert live(where) == {name: content.decode() for name, content in files.items()}


def test_there_is_no_generation_before_the_first_commit(where: home.Home) -> None:
    with pytest.raises(errors.BlueprintError, match="council init"):
        blueprint.current(where)
    assert blueprint.repair(where) is None


@pytest.mark.parametrize("target", ["generations/nowhere", "../../etc", "generations/" + "0" * 40])
def test_a_current_link_that_leads_elsewhere_is_not_followed_and_is_mended(where: home.Home, target: str) -> None:
    made = blueprint.commit(where, {"a": b"1"}, "Start")
    where.current.unlink()
    where.current.symlink_to(target)
    with pytest.raises(errors.BlueprintError, match="leads nowhere"):
        blueprint.current(where)
    assert blueprint.repair(where) == made == blueprint.current(where)


CRASHES = ["update-ref", "materialise", "rename", "switch"]


@pytest.mark.parametrize("crash", CRASHES)
def test_a_crash_at_any_step_leaves_the_old_generation_live_and_repair_finishes_the_work(
    where: home.Home, crash: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = blueprint.commit(where, {"a": b"1", "b": b"1"}, "Start")
    with monkeypatch.context() as patch:
        _break(patch, crash)
        with pytest.raises(KeyboardInterrupt):
            blueprint.commit(where, {"a": b"2"}, "Change")
    assert blueprint.current(where) == first and live(where) == {"a": "1", "b": "1"}
    blueprint.repair(where)
    expected = "1" if crash == "update-ref" else "2"
    assert live(where) == {"a": expected, "b": "1"}
    blueprint.commit(where, {"a": b"3"}, "Go on")
    assert live(where)["a"] == "3"


def _break(patch: pytest.MonkeyPatch, crash: str) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    real, rename = repository._git, Path.rename

    def git_until(where: home.Home, *arguments: str, **more: object) -> bytes:
        if arguments[0] == "update-ref":
            raise KeyboardInterrupt
        return real(where, *arguments, **more)  # type: ignore[arg-type]

    match crash:
        case "update-ref":
            patch.setattr(repository, "_git", git_until)
        case "materialise":
            patch.setattr(blueprint, "_write_file", die)
        case "rename":
            patch.setattr(
                Path, "rename", lambda path, to: die() if path.parent.name == "generations" else rename(path, to)
            )
        case "switch":
            patch.setattr(blueprint, "switch", die)


def test_what_git_writes_is_on_the_disk_before_the_branch_names_it(
    where: home.Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blueprint.commit(where, {"a": b"1"}, "Start")
    real, trace = shutil.which("git"), tmp_path / "trace"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text(f'#!/bin/sh\nGIT_TRACE2_EVENT={trace} exec {real} "$@"\n')
    (tmp_path / "bin" / "git").chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    blueprint.commit(where, {"b": b"2"}, "Change")
    synced = {
        event["sid"]
        for event in map(json.loads, trace.read_text().splitlines())
        if event.get("category") == "fsync" and event["key"] == "fsync/hardware-flush" and int(event["value"]) > 0
    }
    named = {
        event["sid"]: event["name"]
        for event in map(json.loads, trace.read_text().splitlines())
        if event["event"] == "cmd_name"
    }
    assert {"write-tree", "commit-tree", "update-ref"} <= {named[each] for each in synced}


@pytest.mark.parametrize("raw", [b"", b"\0" * 41, b"text", b"0" * 40 + b"\n", b"1" * 40 + b"\n", None])
def test_a_branch_that_a_power_cut_left_unreadable_is_put_back_to_the_live_generation(
    where: home.Home, raw: bytes | None
) -> None:
    made = blueprint.commit(where, {"a": b"1"}, "Start")
    branch = where.blueprint / repository.BRANCH
    if raw is None:
        branch.unlink()
    else:
        branch.write_bytes(raw)
    assert blueprint.repair(where) == made == blueprint.current(where) == git(where, "rev-parse", "main")
    blueprint.commit(where, {"b": b"2"}, "Go on")
    assert live(where) == {"a": "1", "b": "2"} and git(where, "rev-list", "--count", "main") == "2"


def test_a_commit_that_a_power_cut_left_empty_gives_way_to_the_live_generation(where: home.Home) -> None:
    first = blueprint.commit(where, {"a": b"1"}, "Start")
    second = blueprint.commit(where, {"a": b"2"}, "Change")
    blueprint.switch(where, first)
    lost = where.blueprint / "objects" / second[:2] / second[2:]
    lost.chmod(0o600)
    lost.write_bytes(b"")
    assert blueprint.repair(where) == first == git(where, "rev-parse", "main")


LOCKS = [
    *((name, lambda where: blueprint.commit(where, {"a": b"2"}, "Go on")) for name in (repository.BRANCH, "HEAD")),
    (repository.ANCHOR, lambda where: repository.anchor(where, b"head")),
]


@pytest.mark.parametrize(("name", "work"), LOCKS)
def test_the_lock_of_a_git_that_was_killed_holds_nobody_up(
    where: home.Home, name: str, work: Callable[[home.Home], object]
) -> None:
    blueprint.commit(where, {"a": b"1"}, "Start")
    lock = where.blueprint / f"{name}.lock"
    lock.parent.mkdir(exist_ok=True)
    lock.touch()
    work(where)
    assert not lock.exists()


def ahead(where: home.Home) -> tuple[str, str]:
    """Have a generation serve that is not on the branch yet; return the head and it."""
    head = blueprint.commit(where, {"a": b"1"}, "Start")
    with blueprint.locked(where):
        made = repository.add_commit(where, head, {"a": repository.File(b"2")}, "Patch", 1_800_000_000)
        repository.sync_objects(where, made, head)
    blueprint.materialise(where, made)
    blueprint.switch(where, made)
    return head, made


def test_what_serves_stays_though_the_branch_is_behind_it_and_is_adopted_once(where: home.Home) -> None:
    head, made = ahead(where)
    assert blueprint.repair(where) == made == blueprint.current(where)
    assert git(where, "rev-parse", "main") == head
    for _ in range(2):
        blueprint.adopt(where, made)
        assert git(where, "rev-parse", "main") == made and blueprint.repair(where) == made


def test_a_commit_waits_until_what_serves_is_on_the_branch(where: home.Home) -> None:
    head, made = ahead(where)
    with pytest.raises(errors.BlueprintError, match="try again when it has ended"):
        blueprint.commit(where, {"b": b"3"}, "Go on")
    assert blueprint.current(where) == made and git(where, "rev-parse", "main") == head
    blueprint.adopt(where, made)
    following = blueprint.commit(where, {"b": b"3"}, "Go on")
    assert live(where) == {"a": "2", "b": "3"}
    assert git(where, "rev-parse", f"{following}^") == made and git(where, "rev-parse", "main") == following


def test_only_what_came_from_the_end_of_the_branch_is_adopted(where: home.Home) -> None:
    _, made = ahead(where)
    blueprint.switch(where, git(where, "rev-parse", "main"))
    other = blueprint.commit(where, {"c": b""}, "Another way")
    for name, why in ((made, "did not come from"), ("0" * 40, "cannot be read")):
        with pytest.raises(errors.BlueprintError, match=why):
            blueprint.adopt(where, name)
    assert git(where, "rev-parse", "main") == other == blueprint.current(where)


def made_by_a_patch(where: home.Home) -> str:
    """Have a generation serve that carries a pair, as staging makes it; return its commit."""
    pair = {".council/patch.json": repository.File(b"{}"), ".council/patch.sig": repository.File(b"signature")}
    head = blueprint.commit(where, {"a": b"1"}, "Start")
    made = repository.add_commit(where, head, {"a": repository.File(b"2"), **pair}, "Patch")
    blueprint.materialise(where, made)
    blueprint.switch(where, made)
    blueprint.adopt(where, made)
    return made


def test_a_generation_says_which_patch_made_it_and_one_of_the_owners_that_none_did(where: home.Home) -> None:
    made = made_by_a_patch(where)
    # The first 16 digits of what `printf '{}' | sha256sum` says.
    assert blueprint.cid_of(where, made) == "44136fa355b3678a"
    assert blueprint.commit(where, {"a": b"2"}, "Change nothing") == made
    own = blueprint.commit(where, {"b": b"3"}, "Go on")
    assert blueprint.cid_of(where, own) is None and live(where) == {"a": "2", "b": "3"}
    assert blueprint.cid_of(where, git(where, "rev-parse", f"{made}^")) is None
    assert blueprint.repair(where) == own


def test_what_is_pushed_upon_a_patch_is_not_said_to_be_made_by_it(where: home.Home, tmp_path: Path) -> None:
    made = made_by_a_patch(where)
    assert blueprint.repair(where) == made, "a pair that the commit before did not have stays"
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", where.blueprint, clone], check=True)
    (clone / "a").write_text("4")
    who = ("-c", "user.name=a", "-c", "user.email=a")
    subprocess.run(["git", "-C", clone, *who, "commit", "-qam", "By hand"], check=True)
    subprocess.run(["git", "-C", clone, "push", "-q", "origin", "main"], check=True)
    started = blueprint.repair(where)
    assert started is not None and started == blueprint.current(where) == git(where, "rev-parse", "main")
    assert live(where) == {"a": "4"} and blueprint.cid_of(where, started) is None
    assert git(where, "log", "--format=%s", f"{made}..main").splitlines() == [
        "Leave out the patch that made the generation before",
        "By hand",
    ]
    assert blueprint.repair(where) == started


def test_a_pair_that_cannot_be_read_is_not_taken_for_none(where: home.Home) -> None:
    made = made_by_a_patch(where)
    document = where.generations / made / ".council" / "patch.json"
    document.unlink()
    document.symlink_to("/dev/null")
    for name in (made, "0" * 40):
        with pytest.raises(errors.BlueprintError, match="run `council init`"):
            blueprint.cid_of(where, name)


def test_what_came_from_what_is_not_guessed_where_a_commit_cannot_be_read(where: home.Home) -> None:
    first, second, third = (blueprint.commit(where, {"a": b"%d" % number}, "Go on") for number in range(3))
    assert repository.is_ancestor(where, first, third) and repository.is_ancestor(where, third, third)
    assert not repository.is_ancestor(where, third, first)
    for made, of in (("0" * 40, third), (third, "0" * 40), ("0" * 40, "0" * 40)):
        with pytest.raises(errors.BlueprintError, match=r"cannot be read from .*\. Put a copy of that folder"):
            repository.is_ancestor(where, made, of)
    (where.blueprint / "objects" / second[:2] / second[2:]).unlink()
    with pytest.raises(errors.BlueprintError, match="a commit is missing or broken") as raised:
        repository.is_ancestor(where, first, third)
    assert second in raised.value.detail
    shutil.rmtree(where.blueprint / "objects")
    with pytest.raises(errors.BlueprintError, match="run `council init`"):
        blueprint.holds(where, first)


def test_a_switch_whose_sync_failed_is_synced_by_the_next_call(
    where: home.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = blueprint.commit(where, {"a": b"1"}, "Start")
    after = blueprint.commit(where, {"a": b"2"}, "Go on")
    synced: list[Path] = []

    def fail(_: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(durable, "sync_folder", fail)
    with pytest.raises(OSError, match="Input/output"):
        blueprint.switch(where, made)
    monkeypatch.setattr(durable, "sync_folder", synced.append)
    blueprint.switch(where, made)
    assert synced == [where.root] and blueprint.current(where) == made != after


def test_what_was_written_into_the_repository_in_part_is_gone_after_the_next_commit(where: home.Home) -> None:
    blueprint.commit(where, {"a": b"1"}, "Start")
    (where.blueprint / "incoming").mkdir()
    (where.blueprint / "incoming" / ("0" * 40)).write_text("half")
    blueprint.commit(where, {"a": b"2"}, "Change")
    assert not (where.blueprint / "incoming").exists()
    assert git(where, "fsck", "--full", "--strict") == ""


def test_more_contents_than_are_open_at_once_and_the_same_one_often_are_all_kept(
    where: home.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "_OPEN_MAX", 4)
    files = {f"{number}": b"%d" % (number % 9) for number in range(21)}
    blueprint.commit(where, files, "Start")
    assert live(where) == {name: content.decode() for name, content in files.items()}


def test_a_repository_of_sha256_is_served_too(where: home.Home) -> None:
    where.root.mkdir()
    subprocess.run(["git", "init", "-q", "--bare", "--object-format=sha256", "-b", "main", where.blueprint], check=True)
    made = blueprint.commit(where, {"a": b"1"}, "Start")
    assert len(made) == 64 and live(where) == {"a": "1"}
    assert git(where, "fsck", "--full", "--strict") == ""


def test_an_unreadable_branch_without_a_live_generation_is_an_error_of_ours(where: home.Home) -> None:
    blueprint.commit(where, {"a": b"1"}, "Start")
    where.current.unlink()
    (where.blueprint / repository.BRANCH).write_bytes(b"")
    with pytest.raises(errors.BlueprintError, match="unreadable"):
        blueprint.repair(where)


def test_commits_at_the_same_moment_all_hold(where: home.Home) -> None:
    blueprint.commit(where, {"start": b""}, "Start")
    threads = [
        threading.Thread(target=blueprint.commit, args=(where, {f"{number}": b""}, f"Add {number}"))
        for number in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(live(where)) == {"start", *"012345"}
    assert git(where, "rev-list", "--count", "main") == "7"


def test_a_home_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file" / "home", Path("/proc/home")):
        with pytest.raises(errors.BlueprintError, match="could not be written"):
            blueprint.commit(home.Home(place), {"a": b""}, "Try")


def test_a_repository_that_is_damaged_is_an_error_of_ours(where: home.Home) -> None:
    blueprint.commit(where, {"a": b"1"}, "Start")
    shutil.rmtree(where.blueprint / "objects")
    with pytest.raises(errors.BlueprintError):
        blueprint.commit(where, {"a": b"2"}, "Try")
    assert live(where) == {"a": "1"}


def test_a_machine_without_git_is_told_to_install_it(where: home.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(errors.BlueprintError, match="Install it"):
        blueprint.commit(where, {"a": b""}, "Try")


def test_the_variables_of_a_caller_do_not_lead_git_elsewhere(
    where: home.Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    blueprint.commit(where, {"a": b"1"}, "Start")
    assert live(where) == {"a": "1"} and not (tmp_path / "elsewhere").exists()


names = st.sampled_from(["a", "b", "c/d", "c/e", "f/g/h"])
steps = st.lists(
    st.dictionaries(names, st.none() | st.binary(max_size=3), min_size=1, max_size=3), min_size=1, max_size=3
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_the_live_tree_is_what_all_changes_add_up_to(tmp_path_factory: pytest.TempPathFactory, steps: list) -> None:
    where = home.Home(tmp_path_factory.mktemp("home"))
    expected: dict[str, bytes] = {}
    for changes in steps:
        made = blueprint.commit(where, changes, "Step")
        expected = {path: content for path, content in {**expected, **changes}.items() if content is not None}
        root = where.generations / made
        assert {str(f.relative_to(root)): f.read_bytes() for f in root.rglob("*") if f.is_file()} == expected
