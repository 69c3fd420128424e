"""What the owner asks of the healer lies in files that services read alone."""

import dataclasses
import os
from pathlib import Path

import orjson

from council.domain import home, repairs
from council.services import requested

T0 = 1_790_000_000_000_000
WISH = repairs.Repair(
    "01K0", "restart", "restart", "recall", "ready", "ann", "to see", T0, T0, outcome=repairs.Outcome.WANTED
)


def house(tmp_path: Path) -> home.Home:
    where = home.Home(tmp_path)
    where.autonomy.mkdir()
    return where


def test_a_wish_stands_until_it_is_taken_back_or_long_past(tmp_path: Path) -> None:
    where = house(tmp_path)
    assert requested.standing(where, T0) == []
    requested.put(where, WISH)
    assert requested.standing(where, T0) == [WISH]
    assert requested.standing(where, T0 + round(2 * repairs.WANTED_S * 1e6) + 1) == []
    assert (where.wanted_repairs / "01K0.json").stat().st_mode & 0o777 == 0o644
    for _ in range(2):
        requested.take_back(where, WISH.id)
        assert requested.standing(where, T0) == []


def test_what_is_no_wish_is_passed_over(tmp_path: Path) -> None:
    where = house(tmp_path)
    requested.put(where, WISH)
    folder = where.wanted_repairs
    (folder / "other.json").write_bytes(orjson.dumps(WISH))
    (folder / "01K1.json").write_bytes(orjson.dumps(dataclasses.replace(WISH, id="01K1", acted_us=1)))
    going = dataclasses.replace(WISH, id="01K2", outcome=repairs.Outcome.UNDER_WAY)
    (folder / "01K2.json").write_bytes(orjson.dumps(going))
    (folder / "01K3.json").write_text("{")
    (folder / "01K4.json").symlink_to(folder / "01K0.json")
    os.mkfifo(folder / "01K5.json")
    assert requested.standing(where, T0) == [WISH]
