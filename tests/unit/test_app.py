import os
from pathlib import Path

import pytest

from council import app
from council.domain import config as config_module
from council.domain import home as home_module


@pytest.mark.skipif(os.geteuid() != 0, reason="only root opens records that belong to another user")
def test_records_that_root_makes_belong_to_the_owner_of_their_folder(tmp_path: Path) -> None:
    where = home_module.Home(tmp_path)
    where.records.mkdir(0o700)
    os.chown(where.records, 60_600, 60_600)
    records = app.records(config_module.Config(), where)
    records.migrate()
    records.close()
    found = list(where.records.iterdir())
    assert [path.name for path in found] == ["council.db"]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in found} == {(60_600, 60_600)}
