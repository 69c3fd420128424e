"""Events of a folder that comes, goes and moves, and what is said where there are none."""

import asyncio
import errno
from pathlib import Path

import pytest

from council.kit import folder_events

SOON_S = 5.0
NOTHING_S = 0.15


async def test_a_change_in_a_folder_of_a_new_folder_is_told(tmp_path: Path) -> None:
    events = folder_events.FolderEvents(tmp_path)
    await settled(events)
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert await events.wait(SOON_S)
    await settled(events)
    (tmp_path / "a" / "b" / "c.md").write_text("x")
    assert await events.wait(SOON_S)
    await settled(events)
    assert not await events.wait(NOTHING_S)
    events.close()
    events.close()


async def test_a_folder_that_is_not_there_is_watched_from_the_next_look_on(tmp_path: Path) -> None:
    events = folder_events.FolderEvents(tmp_path / "later")
    assert not await events.wait(NOTHING_S) and not events.problem
    (tmp_path / "later").mkdir()
    await events.wait(NOTHING_S)
    await settled(events)
    (tmp_path / "later" / "a.md").write_text("x")
    assert await events.wait(SOON_S)
    events.close()


async def test_a_folder_stays_watched_where_it_is_moved_to(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    events = folder_events.FolderEvents(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    await settled(events)
    (tmp_path / "b" / "c.md").write_text("x")
    assert await events.wait(SOON_S)
    events.close()


async def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "watched").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "watched" / "link").symlink_to(tmp_path / "elsewhere")
    events = folder_events.FolderEvents(tmp_path / "watched")
    await settled(events)
    (tmp_path / "elsewhere" / "a.md").write_text("x")
    assert not await events.wait(NOTHING_S)
    events.close()


async def test_where_the_system_has_no_more_watches_that_is_said_and_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(folder_events.FolderEvents, "_watch", refused)
    events = folder_events.FolderEvents(tmp_path)
    assert "max_user_watches" in events.problem
    (tmp_path / "a.md").write_text("x")
    assert not await events.wait(NOTHING_S)
    monkeypatch.undo()
    await events.wait(NOTHING_S)
    assert not events.problem
    events.close()


async def settled(events: folder_events.FolderEvents) -> None:
    await events.settle(0.05, SOON_S)
    await asyncio.sleep(0)
