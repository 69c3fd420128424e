import pytest
import yaml

from council.kit import yaml_text

COMMENTED = """# Mine.
gateway:
  # As many as the machine bears.
  concurrent_max: 100   # was 200
  host: 127.0.0.1

model: {queue_max: 8, name: near}
escalation:
cache: ~
recall: {}
"""


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (("gateway", "concurrent_max"), 50, "  concurrent_max: 50   # was 200"),
        (("model", "queue_max"), 4, "model: {queue_max: 4, name: near}"),
        (("gateway", "workers"), 2, "  workers: 2"),
        (("model", "tokens_max_default"), 256, "model: {tokens_max_default: 256, queue_max: 8, name: near}"),
        (("escalation", "share_max"), 0.05, "escalation: {share_max: 0.05}"),
        (("cache", "timeout_s"), 0.5, "cache: {timeout_s: 0.5}"),
        (("recall", "timeout_s"), 2, "recall: {timeout_s: 2}"),
        (("sandbox", "pool"), 4, "  pool: 4"),
        (("gateway", "0"), 5, "  '0': 5"),
        (("cache", "kind"), "a: b", "cache: {kind: 'a: b'}"),
    ],
)
def test_one_value_is_put_and_all_else_stays_as_it_was_written(path: tuple[str, str], value: float, line: str) -> None:
    put = yaml_text.put(COMMENTED, path, value)
    assert put is not None and line in put.splitlines()
    assert "sandbox" not in path or put.startswith(COMMENTED)
    wanted = yaml.safe_load(COMMENTED)
    wanted[path[0]] = {**(wanted.get(path[0]) or {}), path[1]: value}
    assert yaml.safe_load(put) == wanted
    assert [one for one in put.splitlines() if "#" in one and "was" not in one] == [
        "# Mine.", "  # As many as the machine bears."
    ]  # fmt: skip


def test_a_value_in_a_list_of_mappings_is_put_by_its_number() -> None:
    text = "models:\n  near:\n    deployments:\n      - {provider: a, weight: 3}\n      - provider: b  # dearer\n"
    put = yaml_text.put(text, ("models", "near", "deployments", 1, "weight"), 0)
    assert put is not None and "# dearer" in put
    assert put == yaml_text.put(text, ("models", "near", "deployments", "1", "weight"), 0)
    assert yaml.safe_load(put)["models"]["near"]["deployments"] == [
        {"provider": "a", "weight": 3}, {"provider": "b", "weight": 0}
    ]  # fmt: skip


def test_a_text_of_comments_alone_keeps_them() -> None:
    assert yaml_text.put("# Nothing yet.", ("sandbox", "pool"), 4) == "# Nothing yet.\nsandbox:\n  pool: 4\n"


def test_mappings_that_are_not_there_are_put_around_a_value_however_many() -> None:
    put = yaml_text.put(COMMENTED, ("gateway", "tls", "own", "file"), "x")
    assert put is not None and yaml.safe_load(put)["gateway"]["tls"] == {"own": {"file": "x"}} and "# Mine." in put
    put = yaml_text.put(COMMENTED, ("recall", "near", "far"), 1)
    assert put is not None and "recall: {near: {far: 1}}" in put


def test_a_file_is_written_anew_below_the_comments_that_it_opens_with() -> None:
    assert yaml_text.anew(COMMENTED, {"b": 1, "a": "é"}) == "# Mine.\nb: 1\na: é\n"
    assert yaml_text.anew("", {"a": 1}) == "a: 1\n" and yaml_text.anew("# Head.", {"a": 1}) == "# Head.\na: 1\n"


@pytest.mark.parametrize(
    "text", ["a: [", "- 1\n", "gateway: 3\n", "gateway:\n  - 1\n", "gateway:\n  workers: |\n    3\n"]
)
def test_what_cannot_be_put_in_place_is_said(text: str) -> None:
    assert yaml_text.put(text, ("gateway", "workers"), 2) is None
