import dataclasses
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import staging_rig as rig
from council.domain import errors, home, patches
from council.kit import beneath, commits
from council.upkeep.engine import blueprint, staging


@pytest.fixture
def where(tmp_path: Path) -> home.Home:
    return rig.begin(tmp_path / "home")


def reason(call: Callable[[], object]) -> str:
    with pytest.raises(errors.StagingError) as raised:
        call()
    assert raised.value.message.endswith((".", "again"))
    return raised.value.reason


def git(where: home.Home, *arguments: str) -> str:
    command = ["git", "-C", str(where.blueprint), *arguments]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()


def test_a_new_generation_holds_the_changes_the_rest_and_the_pair(where: home.Home) -> None:
    live = blueprint.current(where)
    before = rig.look(where.generations / live)
    made = staging.stage(where, rig.usual(live))
    assert rig.tree(where.generations / made) == rig.AFTER
    assert rig.look(where.generations / live) == before and blueprint.current(where) == live
    assert rig.generations(where) == {live, made}


def test_it_is_what_git_says_the_commit_is_and_on_no_branch(where: home.Home) -> None:
    live = blueprint.current(where)
    made = staging.stage(where, rig.usual(live))
    shutil.rmtree(where.generations / made)
    blueprint.materialise(where, made)
    assert rig.tree(where.generations / made) == rig.AFTER
    assert git(where, "rev-parse", "main") == live == git(where, "rev-parse", f"{made}^")
    assert git(where, "log", "-1", "--format=%s %ct", made) == f"Be polite {rig.AT_S}"
    assert git(where, "fsck", "--full", "--strict").replace(f"dangling commit {made}", "").strip() == ""


def test_it_has_the_modes_that_generations_have(where: home.Home) -> None:
    live = blueprint.current(where)
    made = staging.stage(where, rig.patch(live, rig.put("run", b"#!", executable=True), rig.put("read", b"")))
    of = {
        name: stat.S_IMODE((where.generations / made / name).stat().st_mode) for name in ("run", "read", "prompts", ".")
    }
    assert of == {"run": 0o500, "read": 0o400, "prompts": 0o700, ".": 0o700}
    # And keeps them in the one after it.
    blueprint.switch(where, made)
    following = staging.stage(where, rig.patch(made, rig.put("more", b""), number=1))
    assert (where.generations / following / "run").stat().st_mode & 0o777 == 0o500
    assert git(where, "ls-tree", following, "run").startswith("100755")


def test_no_file_of_it_is_that_of_another(where: home.Home) -> None:
    made = staging.stage(where, rig.usual(blueprint.current(where)))
    assert {links for _, links, _ in rig.look(where.generations / made).values()} <= {0, 1}


def test_to_stage_again_gives_the_same_and_leaves_it_as_it_is(where: home.Home) -> None:
    patch = rig.usual(blueprint.current(where))
    made = staging.stage(where, patch)
    number = (where.generations / made / "council.yaml").stat().st_ino
    assert staging.stage(where, patch) == made
    assert (where.generations / made / "council.yaml").stat().st_ino == number
    shutil.rmtree(where.generations / made)
    assert staging.stage(where, patch) == made


def test_all_of_it_is_on_disk_before_it_has_its_name_and_then_its_name_is(
    where: home.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    renamed: list[int] = []
    fsync, rename = os.fsync, os.rename

    def note_sync(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    def note_rename(source: object, wanted: object, **folders: object) -> None:
        if commits.is_commit(str(wanted)):
            renamed.append(len(synced))
        rename(source, wanted, **folders)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "rename", note_rename)
    patch = rig.usual(blueprint.current(where))
    made = staging.stage(where, patch)
    partial = where.generations / f".{patch.digest}.partial"
    (at,) = renamed
    wanted = {str(partial), *(str(partial / path) for path in rig.look(where.generations / made))}
    assert wanted <= set(synced[:at]) and str(where.generations) in synced[at:]
    # And git's objects, under their names.
    new = git(where, "rev-list", "--objects", made, f"^{patch.base}").splitlines()
    assert {str(where.blueprint / "objects" / line[:2]) for line in new} <= set(synced[:at])


def test_the_pair_of_the_live_generation_gives_way_to_the_new_one(where: home.Home) -> None:
    first = staging.stage(where, rig.usual(blueprint.current(where)))
    blueprint.switch(where, first)
    second = staging.stage(where, rig.patch(first, rig.put("a", b"1"), number=2))
    expected = {**rig.AFTER, "a": b"1", ".council/patch.json": b'{"number":2}'}
    assert rig.tree(where.generations / second) == expected


def test_the_signatures_of_further_people_lie_beside_the_pair_and_go_with_it(where: home.Home) -> None:
    cosigned = dataclasses.replace(rig.usual(blueprint.current(where)), cosignatures=(b"bob", b"cyd"))
    first = staging.stage(where, cosigned)
    more = {".council/patch.1.sig": b"bob", ".council/patch.2.sig": b"cyd"}
    assert rig.tree(where.generations / first) == rig.AFTER | more
    blueprint.switch(where, first)
    second = staging.stage(where, rig.patch(first, rig.put("a", b"1"), number=2))
    assert rig.tree(where.generations / second) == rig.AFTER | {"a": b"1", ".council/patch.json": b'{"number":2}'}


def test_nothing_else_lies_beside_the_pair(where: home.Home) -> None:
    live = blueprint.commit(where, {".council/other": b"1"}, "Add")
    made = staging.stage(where, rig.usual(live))
    assert rig.tree(where.generations / made) == rig.AFTER


def test_a_base_is_compared_by_its_tree(where: home.Home) -> None:
    live = blueprint.current(where)
    twin = git(where, "-c", "user.name=a", "-c", "user.email=a", "commit-tree", f"{live}^{{tree}}", "-m", "Same")
    assert staging.stage(where, rig.usual(twin))


@pytest.mark.parametrize("base", ["0" * 40, "main", "", "HEAD", "--all"])
def test_a_base_that_is_not_known_is_stale(where: home.Home, base: str) -> None:
    assert reason(lambda: staging.stage(where, rig.usual(base))) == "stale_base"


def test_a_base_of_before_is_stale(where: home.Home) -> None:
    old = blueprint.current(where)
    blueprint.commit(where, {"council.yaml": b"port: 9000\n"}, "Change")
    assert reason(lambda: staging.stage(where, rig.usual(old))) == "stale_base"


def test_what_is_refused_leaves_nothing(where: home.Home) -> None:
    live = blueprint.current(where)
    bad = {
        "digest_differs": [rig.put("council.yaml", b"", b"other")],
        "type_changed": [rig.put("prompts", b"")],
        "path_refused": [rig.put(".council/patch.json", b"")],
        "name_collides": [rig.put("COUNCIL.yaml", b"")],
        "nothing_changed": [rig.put("council.yaml", rig.FILES["council.yaml"], rig.FILES["council.yaml"])],
    }
    before = rig.look(where.root)
    for expected, made in bad.items():
        assert reason(lambda made=made: staging.stage(where, rig.patch(live, *made))) == expected
    assert rig.look(where.root) == before


def test_discarding_removes_what_was_made_and_bears_being_done_again(where: home.Home) -> None:
    live = blueprint.current(where)
    patch = rig.usual(live)
    for named in (True, False):
        made = staging.stage(where, patch)
        for _ in range(2):
            staging.discard(where, patch.digest, made if named else "")
            assert rig.generations(where) == {live}


def test_discarding_removes_halves_and_no_other_patch(where: home.Home) -> None:
    live = blueprint.current(where)
    other = staging.stage(where, rig.patch(live, rig.put("a", b"1"), number=5))
    half = where.generations / f".{rig.usual(live).digest}.partial"
    (half / "deep").mkdir(parents=True)
    (half / "deep" / "file").write_text("1")
    (half / "link").symlink_to(where.generations / live)
    staging.discard(where, rig.usual(live).digest)
    assert rig.generations(where) == {live, other} and rig.tree(where.generations / live) == rig.FILES


def test_what_the_disk_does_not_show_is_not_said_to_be_discarded(
    where: home.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch = rig.usual(blueprint.current(where))
    made = staging.stage(where, patch)

    def refused(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(beneath.Folder, "read", refused)
        with pytest.raises(errors.StagingError) as raised:
            staging.discard(where, patch.digest)
    assert raised.value.reason == "disk_failed" and made in rig.generations(where)
    staging.discard(where, patch.digest)
    assert made not in rig.generations(where)


def test_what_serves_and_what_it_came_from_is_not_discarded(where: home.Home) -> None:
    first = blueprint.current(where)
    patch = rig.usual(first)
    made = staging.stage(where, patch)
    blueprint.switch(where, made)
    for name in (made, first):
        assert reason(lambda name=name: staging.discard(where, patch.digest, name)) == "generation_in_use"
    staging.discard(where, patch.digest)
    assert rig.generations(where) == {first, made}


@pytest.mark.parametrize("name", ["..", "main", "../../secrets", "0" * 39])
def test_only_a_commit_can_be_discarded(where: home.Home, name: str) -> None:
    assert reason(lambda: staging.discard(where, "0" * 64, name)) == "path_refused"


def test_a_generation_that_was_changed_on_disk_does_not_verify(where: home.Home) -> None:
    made = staging.stage(where, rig.usual(blueprint.current(where)))
    folder = where.generations / made
    staging.verify(where, made)
    (folder / "added").mkdir()
    assert reason(lambda: staging.verify(where, made)) == "staged_altered"
    (folder / "added").rmdir()
    (folder / "council.yaml").chmod(0o500)
    assert reason(lambda: staging.verify(where, made)) == "staged_altered"
    (folder / "council.yaml").chmod(0o400)
    staging.verify(where, made)


def test_one_that_was_changed_on_disk_is_not_taken_for_what_staging_makes(where: home.Home) -> None:
    patch = rig.usual(blueprint.current(where))
    made = staging.stage(where, patch)
    (where.generations / made / "council.yaml").unlink()
    assert reason(lambda: staging.stage(where, patch)) == "staged_altered"
    assert (where.generations / made).is_dir()
    staging.discard(where, patch.digest, made)
    assert staging.stage(where, patch) == made


def test_a_live_generation_that_was_changed_is_named_and_init_mends_it(where: home.Home) -> None:
    live = blueprint.current(where)
    file = where.generations / live / "prompts/code.md"
    file.chmod(0o600)
    file.write_text("Be evil.\n")
    file.chmod(0o400)
    with pytest.raises(errors.StagingError, match="another content") as raised:
        staging.stage(where, rig.usual(live))
    assert raised.value.reason == "live_altered"
    (where.generations / live).rename(where.root / "aside")
    blueprint.repair(where)
    assert staging.stage(where, rig.usual(live))


def test_a_damaged_repository_is_an_error_of_ours(where: home.Home) -> None:
    live = blueprint.current(where)
    shutil.rmtree(where.blueprint / "objects")
    (where.blueprint / "objects").mkdir()
    assert reason(lambda: staging.stage(where, rig.usual(live))) == "repository_failed"
    assert reason(lambda: staging.discard(where, "0" * 64, live)) == "repository_failed"
    assert rig.generations(where) == {live}


def test_a_machine_without_git_and_a_kernel_without_the_call_are_told_apart(
    where: home.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = blueprint.current(where)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "/nonexistent")
        assert reason(lambda: staging.stage(where, rig.usual(live))) == "repository_failed"
    monkeypatch.setattr(beneath, "_OPENAT2", 100_000)
    assert reason(lambda: staging.stage(where, rig.usual(live))) == "kernel_too_old"


def test_one_of_a_repository_of_sha256_is_checked_in_that_hash(tmp_path: Path) -> None:
    where = home.Home(tmp_path / "home")
    where.root.mkdir()
    subprocess.run(["git", "init", "-q", "--bare", "--object-format=sha256", "-b", "main", where.blueprint], check=True)
    live = blueprint.commit(where, rig.FILES, "Start")
    made = staging.stage(where, rig.usual(live))
    assert len(made) == 64 and rig.tree(where.generations / made) == rig.AFTER


def test_no_descriptor_is_left_open(where: home.Home) -> None:
    patch = rig.usual(blueprint.current(where))
    before = len(os.listdir("/proc/self/fd"))
    made = staging.stage(where, patch)
    reason(lambda: staging.stage(where, rig.patch(patch.base, rig.put("prompts", b""))))
    staging.discard(where, patch.digest, made)
    assert len(os.listdir("/proc/self/fd")) == before


NAMES = ["a", "b", "c", "A", "\u00e9", "d e"]
paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join)
contents = st.binary(max_size=4)


def model(files: dict[str, tuple[bytes, bool]], made: list[patches.Change]) -> dict[str, tuple[bytes, bool]] | None:
    """Return what the changes make of the files, by a way that is as plain as can be; None if they may not."""
    after = dict(files)
    for change in made:
        after.pop(change.path, None)
    for change in made:
        if change.content is not None:
            after[change.path] = (change.content, change.executable)
    steps = {"/".join(path.split("/")[:count]) for path in after for count in range(1, path.count("/") + 2)}
    folders = steps - {path for path in after if path in steps and not any(s.startswith(f"{path}/") for s in steps)}
    if folders & after.keys() or len({step.casefold() for step in steps}) < len(steps) or after == files:
        return None
    return after


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, tuple[bytes, bool]], list[patches.Change]]:
    def plain(files: dict[str, tuple[bytes, bool]]) -> bool:
        return (
            model({}, [rig.put(path, content, None, executable) for path, (content, executable) in files.items()])
            is not None
        )

    files = draw(st.dictionaries(paths, st.tuples(contents, st.just(False)), min_size=1, max_size=5).filter(plain))
    touched = draw(st.lists(st.sampled_from(sorted(files)) | paths, min_size=1, max_size=4, unique=True))
    made = []
    for path in touched:
        before = files.get(path)
        if before is not None and draw(st.booleans()):
            made.append(rig.drop(path, before[0]))
        else:
            executable = before[1] if before else draw(st.booleans())
            made.append(rig.put(path, draw(contents), before[0] if before else None, executable))
    return files, made


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases())
def test_any_changes_give_the_tree_that_a_plain_model_gives_or_none(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[dict[str, tuple[bytes, bool]], list[patches.Change]]
) -> None:
    files, made = case
    where = home.Home(tmp_path_factory.mktemp("home"))
    live = blueprint.commit(where, {path: content for path, (content, _) in files.items()}, "Start")
    expected = model(files, made)
    if expected is None:
        reason(lambda: staging.stage(where, rig.patch(live, *made)))
        assert rig.generations(where) == {live}
        return
    folder = where.generations / staging.stage(where, rig.patch(live, *made))
    found = {
        path: (content, bool((folder / path).stat().st_mode & 0o100)) for path, content in rig.tree(folder).items()
    }
    pair = {".council/patch.json": (b'{"number":0}', False), ".council/patch.sig": (b"signature", False)}
    assert found == expected | pair
    assert rig.tree(where.generations / live) == {path: content for path, (content, _) in files.items()}
