"""`council soak` before it asks anything: what it wants to be told, and what it says where nothing runs."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from council.cli import main, soak
from council.domain import errors


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("20m", 1200), ("48h", 172_800), ("1h30m", 5400), ("2d", 172_800)]
)
def test_a_time_span_is_read_as_people_write_it(text: str, seconds: float) -> None:
    assert soak.SPAN.convert(text, None, None) == seconds
    assert soak.SPAN.convert(seconds * 1.0, None, None) == seconds


@pytest.mark.parametrize("text", ["", "5", "five minutes", "-3s", "0s", "1.5h", "40d", "3m 20s", "10ms", "1h\n", "٣s"])
def test_what_is_no_time_span_is_refused_with_how_to_write_it(text: str) -> None:
    with pytest.raises(click.BadParameter, match="90s, 20m, 48h or 1h30m"):
        soak.SPAN.convert(text, None, None)


def test_where_nothing_runs_it_says_what_to_start(tmp_path: Path) -> None:
    home = str(tmp_path / "h")
    assert CliRunner().invoke(main.cli, ["init", "--home", home]).exit_code == 0
    done = CliRunner().invoke(main.cli, ["soak", "--duration", "5s", "--home", home])
    assert isinstance(done.exception, errors.SupervisorUnavailableError)
    assert "council up" in done.exception.message
