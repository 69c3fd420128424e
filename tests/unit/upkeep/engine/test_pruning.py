"""Old generations go, and none that somebody reads or could not get back."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

import staging_rig as rig
from council.domain import home
from council.kit import beneath
from council.upkeep.engine import blueprint, staging


@pytest.fixture
def where(tmp_path: Path) -> home.Home:
    return rig.begin(tmp_path / "home")


def line(where: home.Home, count: int) -> list[str]:
    """Make so many generations more; return all, oldest first."""
    contents = [f"{number}\n".encode() for number in range(count)]
    return [
        blueprint.current(where),
        *(blueprint.commit(where, {"prompts/general.md": content}, "Say it") for content in contents),
    ]


def test_the_live_one_and_the_newest_before_it_stay(where: home.Home) -> None:
    made = line(where, 5)
    before = rig.look(where.generations / made[-1])
    assert sorted(staging.prune(where, (), 2)) == sorted(made[:3])
    assert rig.generations(where) == set(made[3:])
    assert rig.look(where.generations / made[-1]) == before
    assert staging.prune(where, (), 2) == []


def test_what_a_service_reads_and_what_is_on_its_way_stays(where: home.Home) -> None:
    made = line(where, 4)
    beside = staging.stage(where, rig.patch(made[-1], rig.put("more", b"")))
    assert set(staging.prune(where, (made[1], beside), 1)) == {made[0], made[2]}
    assert rig.generations(where) == {made[1], made[3], made[4], beside}


def test_no_more_stay_than_leave_room_for_another_release(where: home.Home) -> None:
    made = [blueprint.current(where)]
    for number in range(4):
        pin = f"release: {{version: '0.{number}.0', sums_sha256: '{number:064x}', folder: /releases/{number}}}\n"
        made.append(blueprint.commit(where, {"release.yaml": pin.encode()}, "Pin it"))
        made.append(blueprint.commit(where, {"prompts/general.md": pin.encode()}, "Say it"))
    assert set(staging.prune(where, (), 10, 2)) == set(made[:5])
    assert rig.generations(where) == set(made[5:])


def test_what_git_could_not_give_back_stays_and_so_does_what_is_no_generation(where: home.Home) -> None:
    made = line(where, 3)
    for name in ("f" * 40, "notes"):
        shutil.copytree(where.generations / made[0], where.generations / name)
    staging.prune(where, (), 1)
    assert rig.generations(where) == {*made[2:], "f" * 40, "notes"}


def test_one_that_is_gone_is_written_anew_as_it_was(where: home.Home) -> None:
    made = line(where, 3)
    before = rig.look(where.generations / made[0])
    staging.prune(where, (), 1)
    assert made[0] not in rig.generations(where)
    blueprint.materialise(where, made[0])
    assert rig.look(where.generations / made[0]) == before
    staging.verify(where, made[0])


def killed_at(call: str, count: int, action: Callable[[], object]) -> bool:
    """Have a child of ours be killed at the nth call of a function of `os`; return whether it came so far."""
    child = os.fork()
    if child == 0:
        real, left = getattr(os, call), count

        def counted(*arguments: object, **options: object) -> object:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        setattr(os, call, counted)
        try:
            action()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.parametrize("call", ["rename", "fsync", "unlink", "rmdir"])
def test_whoever_is_killed_in_the_middle_leaves_none_in_part(where: home.Home, call: str) -> None:
    made = line(where, 3)
    known = {name: rig.look(where.generations / name) for name in made}
    count = 0
    while killed_at(call, count := count + 1, lambda: staging.prune(where, (), 1)):
        for name in rig.generations(where) & known.keys():
            assert rig.look(where.generations / name) == known[name], "one is there in part"
        assert count < 100
    assert count > 1, "nobody was killed"
    staging.prune(where, (), 1)
    assert rig.generations(where) == set(made[2:])


def test_what_was_left_in_part_is_gone_after_the_next_start(where: home.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    made = line(where, 3)
    with monkeypatch.context() as patched:
        patched.setattr(beneath.Folder, "remove", lambda *_: None)
        staging.prune(where, (), 1)
    assert {name for name in rig.generations(where) if name.endswith(".partial")}
    staging.prune(where, (), 1)
    assert rig.generations(where) == set(made[2:])
