"""`sentinels.yaml`: what Council ships, and what is refused by name."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from council.domain import alerting, errors, sentinels, sentinels_file

SHIPPED = yaml.safe_load((Path(__file__).parents[3] / "config" / "sentinels.yaml").read_text())


def built(**changed: Any) -> dict[str, sentinels.Sentinel]:
    file = {sentinels.KEY: {**SHIPPED[sentinels.KEY], **changed}}
    return {one.name: one for one in sentinels_file.build(file)}


def test_the_sentinels_are_shipped_with_their_thresholds() -> None:
    rules = {name: one.rule for name, one in built().items()}
    assert rules["memory"] == sentinels.Leak(5, 100)
    assert rules["descriptors"] == sentinels.Share("fd_soft_limit", 60, 80, 60, "council_process_sockets")
    assert rules["disk_growth"] == sentinels.Fills("council_disk_size_bytes", 24, 4)
    assert {type(rule) for rule in rules.values()} == set(sentinels.Rule.__args__)


def test_amber_of_every_sentinel_that_is_shipped_is_told() -> None:
    assert set(built()) == set(alerting.SENTINELS)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"rulee": 1}, "Unknown key `sentinels.descriptors.rulee`"),
        ({"rule": {}}, "must be one of leak, share, lasting"),
        ({"rule": {"leak": "a", "pile": "b"}}, "it names leak, pile"),
        (
            {"rule": {"share": "a{}", "by": "b", "amber": 1, "red": 2}},
            "`sentinels.descriptors.rule.share` must name a metric",
        ),
        ({"rule": {"share": "a", "amber": 1, "red": 2}}, "rule.by` must name a metric"),
        ({"rule": {"share": "a", "by": "b", "red": 2}}, "rule.amber` must be a number"),
        ({"rule": {"share": "a", "by": "b", "amber": 60, "red": 50}}, "is 50, below `amber`, 60"),
        ({"rule": {"share": "a", "by": "b", "amber": float("nan"), "red": 50}}, "must be a number"),
        ({"rule": {"share": "a", "by": "b", "amber": 1, "red": 2, "soon_s": "x"}}, "rule.soon_s` must be a number"),
        ({"rule": {"share": "a", "by": "b", "amber": 1, "red": 2, "soon_but": "c"}}, "soon_but"),
        ({"rule": {"share": "a", "by": "b", "amber": 1, "red": 2, "soon_s": 9, "soon_but": 1}}, "must name a metric"),
        (
            {"rule": {"share": "a", "by": "b", "amber": 1, "red": 2, "of": "c"}},
            "Unknown key `sentinels.descriptors.rule.of`",
        ),
        ({"rule": {"fills": "a", "by": "b", "amber_h": 4, "red_h": 24}}, "below `red_h`"),
        ({"unit": 5}, "must be a short unit"),
        ({"services": "gateway"}, "a list of names"),
        ({"optional": "yes"}, "true or false"),
        ({"page_after_s": -1}, "at least 0"),
        ({"look_next": ""}, "look_next` is missing"),
    ],
)
def test_a_sentinel_that_is_wrong_is_refused_by_its_key(change: dict[str, Any], told: str) -> None:
    with pytest.raises(errors.ConfigError, match=told):
        built(descriptors={**SHIPPED[sentinels.KEY]["descriptors"], **change})


@pytest.mark.parametrize("file", [{}, {sentinels.KEY: {}}, {sentinels.KEY: []}, {**SHIPPED, "more": 1}])
def test_a_file_without_sentinels_or_with_more_is_refused(file: dict[str, Any]) -> None:
    with pytest.raises(errors.ConfigError, match=sentinels.FILE):
        sentinels_file.build(file)


def test_a_name_that_no_metric_could_have_is_refused() -> None:
    with pytest.raises(errors.ConfigError, match="may hold a-z"):
        built(**{"Own Sentinel": {}})
