"""Days go into a real local forge once each, whoever is killed in between, and are read back; main stays as it was."""

import datetime
import json
import shutil
from pathlib import Path

import pytest

import archive_rig
import github_fake
import observer_rig
from council.backends.forge import github, github_calls
from council.domain import errors, forge, observe, snapshots
from council.upkeep.observer import archive, archiving

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="not installed: git")
FIRST, DAY = archive_rig.FIRST, datetime.timedelta(days=1)


async def test_a_day_is_archived_once_its_digest_is_told_and_main_stays_as_it_was(tmp_path: Path) -> None:
    house = archive_rig.House(tmp_path)
    assert await house.archive.turn() == 0
    main = await house.begin()
    house.save(observer_rig.incident(1, observer_rig.NOW_S + 400, repaired_s=observer_rig.NOW_S + 500))
    assert await house.archive.turn() == 0
    await house.day(FIRST)
    assert [await house.archive.turn() for _ in range(2)] == [1, 0]
    held = await house.held()
    assert set(held) == {
        archiving.README, *(archiving.path(kind, FIRST) for kind in ("days", "digest", "snapshots", "incidents"))
    }  # fmt: skip
    assert json.loads(held[archiving.path("digest", FIRST)])["date"] == FIRST.isoformat()
    index = json.loads(held[archiving.path("days", FIRST)])
    assert index["left_out"] == [] and index["files"][archiving.path("incidents", FIRST)]["rows"] == 1
    assert await house.heads() == [f"Archive {FIRST}", "Begin the observer's archive"]
    assert (await house.there.head()).commit == main and set(await house.there.files("main")) == {"council.yaml"}
    [pull] = await house.there.pulls(None)
    assert (pull.base, pull.branch, pull.state) == (archiving.BRANCH, f"observer-logs-{FIRST}", forge.PullState.MERGED)
    [check] = await house.there.checks(pull.head)
    assert (check.name, check.state) == (archive.CHECK, forge.CheckState.SUCCESS)
    with pytest.raises(errors.ForgeNotFoundError):
        await house.there.commit(pull.branch)


async def test_whoever_is_killed_after_any_step_is_followed_by_one_who_goes_on(tmp_path: Path) -> None:
    house = archive_rig.House(tmp_path)
    await house.begin()
    await house.day(FIRST)
    for step in ("branch", "branch", "open_pull", "set_check", "merge", "delete_branch"):
        house.forge.after = [step]
        house.begin_anew()
        with pytest.raises(archive_rig.KilledError):
            await house.archive.turn()
    house.records_killed.after = ["announce"]
    house.begin_anew()
    with pytest.raises(archive_rig.KilledError):
        await house.archive.turn()
    house.begin_anew()
    assert await house.archive.turn() == 0
    assert await house.heads() == [f"Archive {FIRST}", "Begin the observer's archive"]
    assert len(await house.there.pulls(None)) == 1


async def test_what_was_missed_is_caught_up_and_what_is_old_is_thinned_and_removed(tmp_path: Path) -> None:
    house = archive_rig.House(tmp_path)
    await house.begin()
    for hour in range(3):
        house.kept.keep(observer_rig.snapshot(observer_rig.NOW_S + 900 + 3600 * hour), {})
    house.kept.keep(observer_rig.snapshot(observer_rig.NOW_S + 1000, "01I"), {})
    await house.day(FIRST)
    house.settings = observe.ObserveConfig(archive_full_days=1, archive_days=2)
    await house.day(FIRST + DAY)
    assert await house.archive.turn() == 2
    before = archiving.read_snapshots((await house.held())[archiving.path("snapshots", FIRST)])
    await house.day(FIRST + 2 * DAY)
    assert await house.archive.turn() == 1
    held = await house.held()
    after = archiving.read_snapshots(held[archiving.path("snapshots", FIRST)])
    assert len(before) > len(after) and [one.occasion for one in after] == ["incident", "tick"]
    assert json.loads(held[archiving.path("days", FIRST)])["compacted"]
    await house.day(FIRST + 3 * DAY)
    assert await house.archive.turn() == 1
    assert archiving.days(await house.held()) == [FIRST + 3 * DAY, FIRST + 2 * DAY, FIRST + DAY]


async def test_it_is_read_back_newest_first_and_by_name(tmp_path: Path) -> None:
    house = archive_rig.House(tmp_path)
    reader = archive.Reader(house.there)
    await house.begin()
    with pytest.raises(errors.ForgeNotFoundError):
        await reader.newest(5)
    house.kept.keep(observer_rig.snapshot(observer_rig.NOW_S + 1000, "01I"), {})
    for day in (FIRST, FIRST + DAY):
        await house.day(day)
    await house.archive.turn()
    found = await reader.newest(9)
    assert [one.id for one in found] == sorted((one.id for one in found), reverse=True) and len(found) == 3
    assert await reader.newest(1, before=found[0].id) == found[1:2]
    [incident] = await reader.newest(9, occasion=snapshots.Occasion.INCIDENT)
    assert await reader.find(incident.id) == incident == house.kept.find(incident.id)
    assert await reader.find("20200101T000000Z") is None
    assert set(await reader.explained(observer_rig.NOW_S - 900, observer_rig.NOW_S)) == {"c" * 16}


async def test_a_day_that_is_not_sound_or_that_somebody_objects_to_is_not_merged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = archive_rig.House(tmp_path)
    await house.begin()
    await house.day(FIRST)
    files = archiving.files

    def spoilt(*given: object, **named: object) -> dict[str, bytes]:
        return {**files(*given, **named), "council.yaml": b"a: 2\n"}  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(archiving, "files", spoilt)
        with pytest.raises(errors.ForgeConflictError, match=r"'council\.yaml' is no file of the archive"):
            await house.archive.turn()
    [pull] = await house.there.pulls()
    [check] = await house.there.checks(pull.head)
    assert check.state is forge.CheckState.FAILURE and set(await house.held()) == {archiving.README}
    # With the sound form of it a check of somebody else's is waited for.
    with monkeypatch.context() as patched:
        patched.setattr(archive.Archive, "_problems", _none)
        patched.setattr(house.there, "checks", _objected)
        with pytest.raises(errors.ForgeConflictError, match="the check theirs is failure"):
            await house.archive.turn()
    assert await house.archive.turn() == 1


async def _none(*_: object) -> list[str]:
    return []


async def _objected(_: str) -> list[forge.Check]:
    return [forge.Check("theirs", forge.CheckState.FAILURE)]


async def no_sleep(_: float) -> None:
    """Wait for nothing: the fake is always ready."""


async def test_days_go_into_github_too(tmp_path: Path) -> None:
    async with github_fake.GitHub().serving() as fake:
        settings = github_calls.Settings("acme/blueprint", github_fake.TOKEN, url=fake.url)
        there = github.GitHubForge(settings, lambda: archive_rig.WORDS.at_s, sleep=no_sleep)
        await there.lacking()
        house = archive_rig.House(tmp_path, there)
        main = await house.begin()
        await house.day(FIRST)
        assert [await house.archive.turn() for _ in range(2)] == [1, 0]
        assert await house.heads() == [f"Archive {FIRST}", "Begin the observer's archive"]
        assert len(await archive.Reader(there).newest(9)) == 1 and (await there.head()).commit == main
        await there.close()


async def test_a_branch_of_that_name_that_is_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    house = archive_rig.House(tmp_path)
    main = await house.begin()
    made = await house.there.branch(archiving.BRANCH, main, {"x": forge.File(b"x")}, archive_rig.WORDS)
    await house.day(FIRST)
    with pytest.raises(errors.ForgeConflictError, match="is not the observer's"):
        await house.archive.turn()
    assert (await house.there.commit(archiving.BRANCH)).commit == made
