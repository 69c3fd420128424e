"""`council memory log`."""

import json
import shutil
from pathlib import Path

from click.testing import CliRunner

from council import care_records
from council.cli import main
from council.domain import config, home, memory


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
