"""`council memory log`."""

import contextlib
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from council import care_records
from council.backends.records import memories as sql_memories
from council.cli import main
from council.domain import caching, config, errors, home, memory
from council.services import memories
from council.serving.memory import keeper as keepers
from council.testing import clock
from council.testing import memory as fake


def test_it_shows_what_was_done_to_memories_while_the_service_is_down(fresh: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(fresh, tmp_path / "h", symlinks=True))
    kept = care_records.memory_log(config.Config(), home.Home(folder))
    kept.note(memory.Noted(1_790_000_000_000_000, "", memory.Did.REBUILT, "start"), 12)  # type: ignore[attr-defined]
    kept.close()
    shown = CliRunner().invoke(main.cli, ["memory", "log", "--home", str(folder)])
    assert shown.exit_code == 0, shown.output
    assert shown.output.splitlines()[1].split() == [*("2026-09-21", "14:13:20", "UTC"), "rebuilt", "12", "all", "start"]
    told = CliRunner().invoke(main.cli, ["memory", "log", "--json", "--home", str(folder)])
    assert json.loads(told.output) == [
        {"at_us": 1_790_000_000_000_000, "count": 12, "did": "rebuilt", "source": "start", "user_id": ""}
    ]


@pytest.mark.covers("memory", "documentation")
async def test_it_has_each_change_that_was_made_and_none_that_was_not(fresh: Path, tmp_path: Path) -> None:
    where = home.Home(Path(shutil.copytree(fresh, tmp_path / "h", symlinks=True)))
    records, time = sql_memories.SqlMemories(where.records_url, 0.05), clock.ManualClock()

    def keeper() -> keepers.Keeper:
        time.advance(1)
        return keepers.Keeper(records, fake.WordEmbedder(), fake.PlainIndex, config.MemoryConfig(), time)

    (kept,) = keeper().remember("ada", "s", "The weather is fine.", "request-1")
    with contextlib.closing(sqlite3.connect(where.records / "council.db")) as locking:
        locking.execute("BEGIN IMMEDIATE")
        with pytest.raises(errors.RecordsUnavailableError):
            keeper().remember("ada", "s", "The weather is foul.", "request-2")
    keeper().take_in("bob", [kept])
    # Recall ends and begins, and fills its index anew.
    again = memories.Memories(keeper, config.MemoryConfig(), caching.CacheConfig())
    await again.keep()
    assert keeper().forget("ada", memory.Selection()) == 1
    again.close()
    told = CliRunner().invoke(main.cli, ["memory", "log", "--json", "--home", str(where.root)])
    assert [(one["did"], one["user_id"], one["count"], one["source"]) for one in json.loads(told.output)] == [
        *(("forgot", "ada", 1, ""), ("rebuilt", "", 2, "start"), ("imported", "bob", 1, "")),
        ("kept", "ada", 1, "request-1"),
    ]
    assert "weather" not in told.output
