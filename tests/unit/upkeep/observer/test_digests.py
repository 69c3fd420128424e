"""The digest holds nothing that its evidence does not. Run this file to write the schema anew."""

import dataclasses
import json
import re
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import observer_cases
from council.domain import digests as forms
from council.domain import evidence, gates, repairs, watching
from council.upkeep.observer import digests, health, layouts, measures, renderings, telling

FILE = Path(__file__).parents[4] / "schema" / "digest.schema.json"
GREEN, AMBER, RED, UNKNOWN = gates.Verdict.GREEN, gates.Verdict.AMBER, gates.Verdict.RED, gates.Verdict.UNKNOWN
KINDS = ("upstream is slow", "memory leaks", "patch breaks answers", "budget is gone")


def schema_text() -> str:
    return json.dumps(forms.schema(), indent=2) + "\n"


def _facts(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every fact of a digest's JSON."""
    if isinstance(value, dict):
        if "query" in value and "value" in value:
            yield value
        for each in value.values():
            yield from _facts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _facts(each)


# Made anew of the evidence, in other ways than the digest makes them.


def _begun(found: evidence.Evidence) -> list[Any]:
    return [one for one in found.incidents if found.span.start_s <= one.began_us / 1e6 < found.span.end_s]


def _patches(found: evidence.Evidence, outcome: str) -> int:
    inside = (row for row in found.patches if not row.trial and row.outcome == outcome)
    return sum(found.span.start_s <= (row.ended_s or row.at_s) < found.span.end_s for row in inside)


def _all(found: evidence.Evidence) -> list[evidence.PatchRow]:
    rows = [row for row in found.patches if not row.trial and row.outcome in ("applied", "refused", "rolled back")]
    return [row for row in rows if found.span.start_s <= (row.ended_s or row.at_s) < found.span.end_s]


def _ops(found: evidence.Evidence) -> int:
    return len(_all(found)) + len(_begun(found))


def _seconds(found: evidence.Evidence, gate: str) -> dict[str, float]:
    """Count each second of the span by what the gate said in it."""
    verdicts = next(one for one in found.histories if one.gate == gate).verdicts
    counted: dict[str, float] = {}
    step_s = 1.0
    at_s = found.span.start_s
    while at_s < found.span.end_s:
        said = [one.verdict for one in verdicts if one.since_s <= at_s]
        if said:
            counted[said[-1]] = counted.get(said[-1], 0.0) + step_s
        at_s += step_s
    return counted


def _health(found: evidence.Evidence, gate: str) -> float:
    times = _seconds(found, gate)
    return 100 * (times.get(GREEN, 0) + 0.5 * times.get(AMBER, 0)) / sum(times.values())


def _routes(found: evidence.Evidence, name: str) -> int:
    return sum(getattr(one, name) for one in found.costs.by_route)


AGAIN: dict[str, Callable[[evidence.Evidence], float | None]] = {
    "system health": lambda found: statistics.mean(_health(found, one.gate) for one in found.histories),
    "gates that were known": lambda found: len(found.histories),
    "time known": lambda _: 100.0,
    "cost per 100 answers": lambda found: _routes(found, "cost_usd_micros") / 1e4 / _routes(found, "answered"),
    "local share": lambda found: 100 * _routes(found, "local") / _routes(found, "answered"),
    "answers": lambda found: _routes(found, "answered"),
    "n of cost per 100 answers": lambda found: _routes(found, "answered"),
    "n of local share": lambda found: _routes(found, "answered"),
    "latency p95": lambda found: statistics.median(
        value for at_s, value in next(one for one in found.histories if one.gate == "latency_p95").values
        if found.span.start_s <= at_s < found.span.end_s
    ),
    "patches applied": lambda found: _patches(found, "applied"),
    "patches returned": lambda found: _patches(found, "rolled back"),
    "patches refused": lambda found: _patches(found, "refused"),
    "incidents": lambda found: sum(
        not one.repaired_us or one.repaired_us / 1e6 >= found.span.start_s for one in found.incidents
    ),
    "open incidents": lambda found: sum(not one.repaired_us for one in found.incidents),
    "autonomy": lambda found: 100 - 100 * sum(row.returned_by not in ("", "healer") for row in _all(found)) / _ops(found),
    "n of autonomy": lambda found: _ops(found),
    "length": lambda found: found.span.end_s - found.span.start_s,
    "until": lambda found: found.span.end_s,
    "memory of recall": lambda _: 6.5,
    "parts that could not be asked": lambda found: len(found.missing),
}  # fmt: skip


@pytest.fixture(scope="module", params=KINDS)
def found(request: pytest.FixtureRequest) -> evidence.Evidence:
    return observer_cases.day(request.param)


def test_every_number_of_a_digest_is_found_again_in_the_evidence(found: evidence.Evidence) -> None:
    told = list(_facts(forms.form(digests.digest(found))))
    assert {fact["name"] for fact in told} >= AGAIN.keys() - {"memory of recall"}
    for fact in told:
        again = AGAIN.get(fact["name"])
        if again is not None:
            wanted = again(found)
            assert fact["value"] == (wanted if wanted is None else pytest.approx(wanted, rel=2e-3)), fact["name"]
        elif fact["name"].startswith("health of "):
            assert fact["value"] == pytest.approx(_health(found, fact["name"].removeprefix("health of ")), rel=2e-3)


def test_the_times_of_incidents_are_those_of_the_records(found: evidence.Evidence) -> None:
    by_id = {one.id: one for one in found.incidents}
    for one in digests.digest(found).incidents:
        assert (one.detection.value, one.repair.value) == (by_id[one.id].detection_s, by_id[one.id].repair_s)
        assert one.began.value == by_id[one.id].began_us / 1e6


def test_every_number_of_its_sentences_is_that_of_a_fact(found: evidence.Evidence) -> None:
    made = digests.digest(found)
    causes = [one.cause.sentence for one in made.incidents if one.cause]
    for sentence in [*made.headline, *(one.sentence for one in made.recommendations), *causes]:
        assert not telling.strays(sentence.text, sentence.facts), sentence.text


def test_every_number_on_the_page_is_in_the_digest(found: evidence.Evidence) -> None:
    """What a person reads against what a program gets: facts as shown, names, foreign words, and the ends of the plots."""
    made = digests.digest(found, loop=digests.Loop(95, 1, 0, 0, found.now_s - 86_400, found.now_s - 80_000))
    form = forms.form(made)
    words = [telling.shown(evidence.Fact("", fact["value"], fact["unit"], "", found.span)) for fact in _facts(form)]
    # Rows of incidents and changes are set out shorter: without year and seconds.
    words += [word[5:16] for word in words if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", word)]
    listed = (
        *(
            "patches_applied",
            "patches_rolled_back",
            "patches_refused",
            "leaks",
            "incidents",
            "recommendations",
            "services",
        ),
    )
    words += [str(one.get(name)) for kind in listed
              for one in form[kind] for name in ("cid", "title", "reason", "ticket", "id", "command")]  # fmt: skip
    words += [telling.decimal(float(f"{value:.3g}")) for plot in form["plots"] for value in
              [*(pick(point[1] for point in plot["points"]) for pick in (min, max)), plot["limit"] or 0.0]]  # fmt: skip
    words += [form["date"], "of 100;", "cost of 100 answers"]
    page = re.sub(r"\s+", " ", renderings.text(layouts.page(made), 4000))
    for word in sorted({re.sub(r"\s+", " ", incidents_line(word)) for word in words if word}, key=len, reverse=True):
        page = page.replace(word, " ")
    assert not re.findall(r"(?<![\w.])\d[\d.,]*", page), page


def incidents_line(word: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in word)


def test_its_json_is_as_the_published_schema_says(found: evidence.Evidence) -> None:
    jsonschema.Draft202012Validator(forms.schema()).validate(json.loads(json.dumps(forms.form(digests.digest(found)))))


def test_the_schema_is_one_and_the_file_is_that_of_the_code() -> None:
    jsonschema.Draft202012Validator.check_schema(forms.schema())
    assert FILE.read_text() == schema_text(), f"run {Path(__file__).name}"


def test_a_digest_of_before_the_services_were_told_is_as_the_schema_says() -> None:
    form = json.loads(json.dumps(forms.form(digests.digest(observer_cases.day()))))
    del form["services"]
    jsonschema.validate(form, forms.schema())


def test_the_schema_refuses_a_number_without_its_query() -> None:
    form = json.loads(json.dumps(forms.form(digests.digest(observer_cases.day()))))
    del form["performance"]["query"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(form, forms.schema())


def test_the_same_evidence_gives_the_same_digest() -> None:
    assert digests.digest(observer_cases.day()) == digests.digest(observer_cases.day())


# Health


def _history(*verdicts: tuple[gates.Verdict, float]) -> watching.History:
    return watching.History(
        "error_rate", [watching.Past(verdict, since_s, 1.0, "") for verdict, since_s in verdicts], ()
    )


SPAN = evidence.Span(1000.0, 2000.0)


def _with(history: watching.History | None) -> forms.Health:
    day = observer_cases.day()
    lines = [one for one in day.gates if one.name == "error_rate"]
    return health.health(
        dataclasses.replace(day, span=SPAN, gates=lines, histories=[history] if history is not None else [])
    )


@pytest.mark.parametrize(
    ("history", "value", "known"),
    [
        (_history((GREEN, 0)), 100.0, 100.0),
        (_history((RED, 500)), 0.0, 100.0),
        (_history((GREEN, 900), (RED, 1250)), 25.0, 100.0),
        (_history((GREEN, 900), (AMBER, 1500)), 75.0, 100.0),
        (_history((UNKNOWN, 900), (GREEN, 1800)), 100.0, 20.0),
        (_history((GREEN, 900), (UNKNOWN, 1100), (RED, 1900)), 50.0, 20.0),
        (_history((GREEN, 1600)), 100.0, 40.0),
        (_history((UNKNOWN, 900)), None, 0.0),
        (_history((GREEN, 3000)), None, 0.0),
        (None, None, 0.0),
    ],
)
def test_health_is_green_and_half_of_amber_over_what_is_known(
    history: watching.History | None, value: float | None, known: float
) -> None:
    found = _with(history)
    assert (found.measure.fact.value, found.known.value) == (value, pytest.approx(known))
    assert (found.measure.reason == "") is (value is not None)


def test_a_gate_that_does_not_apply_neither_counts_nor_is_missed() -> None:
    day = observer_cases.day()
    lines = [
        dataclasses.replace(one, verdict=gates.Verdict.NOT_APPLICABLE if one.name == "latency_p95" else one.verdict)
        for one in day.gates
    ]
    never = [
        dataclasses.replace(one, verdicts=[watching.Past(gates.Verdict.NOT_APPLICABLE, day.span.start_s, None, "")])
        if one.gate == "latency_p95"
        else one
        for one in day.histories
    ]
    found = health.health(dataclasses.replace(day, gates=lines, histories=never))
    assert "latency_p95" not in [one.gate for one in found.gates]
    assert found.measure.fact.value == 100


# What is not known


def test_nothing_that_is_not_known_is_taken_for_nought() -> None:
    day = observer_cases.day()
    missing = [
        evidence.Missing("costs", "the records are away"),
        evidence.Missing("incidents", "the records are away"),
        evidence.Missing("patches", "patchctl does not answer"),
    ]
    bare = evidence.Evidence(day.span, day.now_s, day.label, missing=missing)
    made = digests.digest(bare)
    measured = (made.cost_efficiency, made.performance, made.local_share, made.autonomy, made.system_health.measure)
    assert [one.fact.value for one in measured] == [None] * 5
    assert all(one.reason for one in measured)
    assert "the records are away" in made.cost_efficiency.reason
    page = renderings.text(layouts.page(made))
    assert "the records are away" in page
    assert "nobody can say" in page
    assert "Incidents: unknown. Patches applied: unknown" in page.replace("\n", " ")
    assert "There was none" not in page


def test_autonomy_counts_calls_returns_and_what_people_did_and_says_what_it_is_at_least() -> None:
    day = observer_cases.day()
    day = dataclasses.replace(day, patches=[], interventions=(), repairs=())
    count = len(_begun(day))
    whole = forms.form(digests.digest(day))
    assert (whole["autonomy"]["value"], whole["autonomy"]["n"]["value"]) == (100, count)
    assert 0 < whole["autonomy_low"]["value"] < 100
    called = observer_cases.called(_begun(day)[0].id)
    lifted = repairs.Intervention("i", repairs.InterventionKind.UNFREEZE, 0, "ann", "")
    made = digests.digest(dataclasses.replace(day, repairs=(called, called), interventions=(lifted,)))
    assert made.autonomy.fact.value == pytest.approx(100 * max(0, count - 2) / count)


def test_autonomy_is_null_with_its_reason_where_nobody_can_tell() -> None:
    missing = [evidence.Missing("repairs", "the records are away")]
    form = forms.form(digests.digest(dataclasses.replace(observer_cases.day(), missing=missing)))
    assert (form["autonomy"]["value"], form["autonomy"]["reason"]) == (None, "the records are away")
    assert form["autonomy_low"]["value"] is None


def test_the_bound_is_that_of_wilsons_score() -> None:
    assert measures.wilson_low(10, 10) == pytest.approx(0.7225, abs=1e-4)
    assert measures.wilson_low(1, 1) == pytest.approx(0.2065, abs=1e-4)
    assert measures.wilson_low(0, 5) == 0
    assert measures.wilson_low(997, 1000) > 0.99


def test_trials_are_no_patches_of_the_day() -> None:
    day = observer_cases.day()
    rows = [dataclasses.replace(row, trial=True) for row in day.patches]
    made = digests.digest(dataclasses.replace(day, patches=rows))
    assert not (made.patches_applied or made.patches_refused or made.patches_rolled_back)


def test_the_date_is_that_of_the_zone() -> None:
    day = observer_cases.day()
    midnight_s = 1_790_035_200.0
    later = dataclasses.replace(day, span=evidence.Span(midnight_s - 90_000, midnight_s - 3600))
    assert digests.digest(later).date == "2026-09-21"
    assert digests.digest(later, "Asia/Kolkata").date == "2026-09-22"


def test_a_plot_keeps_the_worst_of_each_stretch() -> None:
    points = [(1000.0 + step, float(step == 500)) for step in range(1000)]
    kept = digests.thinned(points, SPAN, highest=True)
    assert len(kept) <= forms.PLOT_POINTS_MAX
    assert max(value for _, value in kept) == 1


if __name__ == "__main__":
    FILE.write_text(schema_text())
