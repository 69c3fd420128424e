"""The settings of the watch: sources that there are, and addresses that other programs' files can hold; whom it reads."""

from pathlib import Path

import pytest

from council.domain import config, errors, home, watching
from council.supervisor import specs


def refused(**watch: object) -> str:
    with pytest.raises(errors.ConfigError) as caught:
        config.build({"watch": watch}, {}, {})
    return caught.value.message


def test_a_source_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    assert refused(source="thanos") == "`watch.source` must be one of embedded, prometheus, not 'thanos'."


@pytest.mark.parametrize("name", ["prometheus_url", "alertmanager_url", "loki_url", "webhook_url"])
@pytest.mark.parametrize(
    "url",
    [
        "localhost:9090",
        "//host",
        "ftp://host",
        "http://",
        "http:///x",
        "http://a b",
        'http://a/"',
        "http://a\n",
        "http://a/x\ny",
    ],
)
def test_what_is_no_address_is_refused(name: str, url: str) -> None:
    assert f"`watch.{name}` must be an address such as http://127.0.0.1:9090" in refused(**{name: url})


def test_only_the_webhook_may_be_none() -> None:
    assert "must be an address" in refused(prometheus_url="")
    assert config.build({"watch": {"webhook_url": ""}}, {}, {}).watch.webhook_url == ""


@pytest.mark.parametrize("url", ["https://ann:pass@host.example:9/prom/", "http://[::1]:9090", "http://host"])
def test_an_address_is_taken_as_it_is(url: str) -> None:
    assert config.build({"watch": {"prometheus_url": url}}, {}, {}).watch.prometheus_url == url


def test_targets_are_read_as_prometheus_reads_them() -> None:
    listed = [
        {"targets": ["127.0.0.1:8000"], "labels": {"svc": "gateway", "__scheme__": "https"}},
        {"targets": ["[::1]:8006"], "labels": {"svc": "recall"}},
    ]
    assert watching.read_targets(listed) == [
        watching.Target("gateway", "https://127.0.0.1:8000/metrics"),
        watching.Target("recall", "http://[::1]:8006/metrics"),
    ]
    for broken in ({}, [{}], [{"targets": []}], [{"targets": ["a"], "labels": []}], [3]):
        with pytest.raises(ValueError):
            watching.read_targets(broken)


def test_what_is_tried_beside_is_met_above_the_live_one() -> None:
    for url, met in (
        ("https://127.0.0.1:8000/metrics", "https://127.0.0.1:8020/metrics"),
        ("http://[::1]:8006/metrics", "http://[::1]:8026/metrics"),
    ):
        assert watching.above(watching.Target("x", url), 20) == watching.Target("x", met)


@pytest.mark.parametrize(
    "url", ["http://index.example/{name}/{version}", "https://index.example/{version}/{name}", "https://x/{name}", "x"]
)
def test_where_advisories_are_asked_for_is_an_address_with_tls_that_names_the_version(url: str) -> None:
    assert "`watch.advisories_url` must be an address with https" in refused(advisories_url=url)
    for good in ("", "https://index.example/{name}/{version}/json", "http://127.0.0.1:9/{name}/{version}"):
        assert config.build({"watch": {"advisories_url": good}}, {}, {}).watch.advisories_url == good


def test_no_process_beside_council_goes_by_the_name_of_one_of_its_own(tmp_path: Path) -> None:
    where = home.Home(tmp_path)
    own = {one.name for one in specs.specs(config.Config(), where, "0" * 40)}
    assert own <= watching.OWN
    for name in own | {"supervisor", "messenger", "backup", "migrator"}:
        assert not watching.GUEST.fullmatch(name) and not watching.GUEST.fullmatch(f"{name}-canary"), name
    for name in ("smoke", "store-room", "my.gateway", "bots2", "a" * 64):
        assert watching.GUEST.fullmatch(name), name
    for name in ("", "a" * 65, "a b", "a/b"):
        assert not watching.GUEST.fullmatch(name), name
