"""Fifty who submit at once, from two processes: exactly the limit is taken, whatever their clocks say.

A round of each kind here; `make soak ARGS="--only patch-kills"` runs twenty of each.
"""

from pathlib import Path

import pytest

import quota_rush


@pytest.mark.parametrize("kind", quota_rush.KINDS)
def test_of_fifty_at_once_exactly_the_limit_is_taken(tmp_path: Path, kind: str) -> None:
    records = quota_rush.rush(tmp_path / "lineage", 1, kind)
    assert quota_rush.problems(records, kind) == []


def test_one_more_than_the_limit_is_found() -> None:
    row = {"at": quota_rush.NOON_S, "signer": quota_rush.MENDER.fingerprint, "kind": "bot"}
    taken = [{"phase": "staging", "patch": str(number), **row} for number in range(4)]
    assert quota_rush.problems(taken[:3], "one day", 3) == []
    assert quota_rush.problems(taken, "one day", 4) == ["record 4 was taken at 3 of its day", "4 patches were taken"]
    refused = [{"refused": "quota", "patch": "x", **row}, *taken[:3]]
    assert quota_rush.problems(refused, "one day", 4) == ["record 1 was refused at 0 of its day"]
