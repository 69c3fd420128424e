"""`gates.yaml`: what Council ships, the short form, and what is refused by name."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from council.domain import errors, gates, gates_file

SHIPPED = yaml.safe_load((Path(__file__).parents[3] / "config" / "gates.yaml").read_text())


def built(**changed: Any) -> dict[str, gates.Gate]:
    file = {gates.KEY: {**SHIPPED[gates.KEY], **changed}}
    return {gate.name: gate for gate in gates_file.build(file, SHIPPED)}


def test_the_twelve_gates_are_shipped_with_their_limits() -> None:
    limits = {gate.name: f"{gate.comparator} {gate.threshold:g} {gate.unit}".strip() for gate in built().values()}
    assert limits == {
        "latency_p95": "< 1000 ms",
        "success_rate": "> 87 %",
        "local_processing": "> 90 %",
        "cost_per_100": "< 0.1 USD",
        "memory_growth": "< 5 MB/hour",
        "fd_usage": "< 80 %",
        "gpu_memory": "< 90 %",
        "error_rate": "< 5 %",
        "response_size": "< 10 KB",
        "concurrent_users": "< 100",
        "disk_usage": "< 85 %",
        "network_errors": "< 1 %",
    }
    assert {type(gate.form) for gate in built().values()} == {
        gates.Gauge, gates.Ratio, gates.Quantile, gates.Slope, gates.Count,
    }  # fmt: skip


def test_a_line_alone_changes_the_limit_and_moves_the_amber_band_with_it() -> None:
    gate = built(latency_p95="<500ms")["latency_p95"]
    assert (gate.threshold, gate.amber) == (500.0, 400.0)
    assert gate.form == built()["latency_p95"].form


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("latency_p95", "<1s", "measured in ms, not s"),
        ("latency_p95", ">1000ms", "turns it round"),
        ("latency_p95", "fast", "a limit such as"),
        ("latency_p95", "<nan ms", "a limit such as"),
        ("latency_p95", 1000, "a section with keys"),
        ("latency_p95", None, "a section with keys"),
        ("cost_per_100", "<$0.10USD", "a limit such as"),
        ("own", "<1", "ships no gate of that name"),
        ("Own Gate", {}, "may hold a-z"),
    ],
)
def test_a_line_that_means_nothing_is_refused(name: str, given: Any, told: str) -> None:
    with pytest.raises(errors.ConfigError, match=told):
        built(**{name: given})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"limitt": 1}, "Unknown key `monitoring_gates.fd_usage.limitt`"),
        ({"amber": 81}, "good side"),
        ({"amber": True}, "amber` must be a number"),
        ({"amber": float("nan")}, "amber` must be a number"),
        ({"windows_s": []}, "windows_s"),
        ({"windows_s": [60, 300]}, "longest window first"),
        ({"windows_s": [0.5]}, "at least 1"),
        ({"windows_s": [14_401]}, "up to 14400"),
        ({"samples_min": 0}, "at least 1"),
        ({"services": "gateway"}, "a list of names"),
        ({"services": ['gateway"} or vector(1)']}, "may hold letters"),
        ({"services": [".*"]}, "may hold letters"),
        ({"form": {}}, "must be one of gauge, part, quantile, slope, count; it names none"),
        ({"form": {"gauge": "a", "count": "b"}}, "it names gauge, count"),
        ({"form": {"gauge": "a{b='c'}"}}, "must name a metric"),
        ({"form": {"gauge": "a", "over": "mean"}}, "last or max"),
        ({"form": {"gauge": "a", "byy": "b"}}, "Unknown key"),
        ({"form": {"gauge": {"metric": "a", "where": {"svc": ["x|y"]}}}}, "may hold letters"),
        ({"form": {"gauge": {"metric": "a", "where": {"svc": []}}}}, "list some of its values"),
        ({"form": {"part": ["a"]}}, "between one and ten"),
        ({"form": {"quantile": 95, "of": "a"}}, "between 0 and 1"),
        ({"form": {"slope": "a"}}, "began"),
        ({"bake": {}}, "bake.window_s"),
        ({"no_data": ""}, "no_data` is missing"),
        ({"protects": None}, "protects` is missing"),
    ],
)
def test_a_gate_that_is_wrong_is_refused_by_its_key(change: dict[str, Any], told: str) -> None:
    with pytest.raises(errors.ConfigError, match=told):
        built(fd_usage={**SHIPPED[gates.KEY]["fd_usage"], **change})


@pytest.mark.parametrize("file", [{}, {gates.KEY: {}}, {gates.KEY: []}, {**SHIPPED, "more": 1}])
def test_a_file_without_gates_or_with_more_is_refused(file: dict[str, Any]) -> None:
    with pytest.raises(errors.ConfigError, match=gates.FILE):
        gates_file.build(file, SHIPPED)


def loosened(**changed: Any) -> str | None:
    return gates.loosened(list(built().values()), list(built(**changed).values()))


def changed(name: str, **values: Any) -> dict[str, Any]:
    return {name: {**SHIPPED[gates.KEY][name], **values}}


def test_a_tighter_limit_other_words_and_one_more_gate_loosen_nothing() -> None:
    assert loosened() is None
    assert loosened(**changed("latency_p95", limit="<800ms")) is None
    assert loosened(**changed("latency_p95", no_data="Other words.", protects="Other words.")) is None
    assert loosened(another={**SHIPPED[gates.KEY]["latency_p95"], "playbooks": []}) is None


def test_a_gate_that_brings_playbooks_needs_a_person() -> None:
    assert loosened(another={**SHIPPED[gates.KEY]["latency_p95"], "playbooks": ["restart"]}) is not None
    assert loosened(**changed("latency_p95", playbooks=["kill switch"])) is not None


def test_a_gate_that_names_playbooks_is_tightened_without_a_person_as_far_as_its_amber_alone() -> None:
    for change in ({"latency_p95": "<1ms"}, changed("latency_p95", limit="<800ms", amber=700)):
        assert loosened(**change) == "latency_p95"
    only_holds = built(**changed("latency_p95", playbooks=[]))
    stricter = built(**changed("latency_p95", playbooks=[], limit="<1ms", amber=0.5))
    assert gates.loosened(list(only_holds.values()), list(stricter.values())) is None


@pytest.mark.parametrize(
    "change",
    [
        {"latency_p95": "<1001ms"},
        changed("latency_p95", amber=801),
        changed("latency_p95", samples_min=10_000),
        changed("latency_p95", windows_s=[3600]),
        changed("latency_p95", services=[]),
        changed("latency_p95", playbooks=[]),
        changed("latency_p95", not_applicable="We do not care."),
        changed("latency_p95", limit=">1ms", amber=2),
        changed("latency_p95", form={"quantile": 0.5, "of": "council_latency_seconds", "scale": 1000}),
        changed("latency_p95", form={"quantile": 0.95, "of": "council_latency_seconds", "scale": 0.001}),
        changed("latency_p95", bake={"window_s": 1, "samples_min": 1, "formula": "nothing"}),
    ],
    ids=str,
)
def test_any_other_change_of_a_gate_loosens_it(change: dict[str, Any]) -> None:
    assert loosened(**change) == "latency_p95"


def test_a_gate_that_is_left_out_loosens() -> None:
    assert gates.loosened(list(built().values()), list(built().values())[1:]) == "latency_p95"
