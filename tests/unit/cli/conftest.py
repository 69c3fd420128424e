"""What tests of commands on a home share."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from council import app
from council.cli import main
from council.domain import config, home


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with records that holds nothing yet. To be copied, and left as it is."""
    folder: Path = tmp_path_factory.mktemp("fresh") / "h"
    assert CliRunner().invoke(main.cli, ["init", "--home", str(folder)]).exit_code == 0
    records = app.records(config.Config(), home.Home(folder))
    records.migrate()
    records.close()
    return folder
