import dataclasses

import pytest

import observer_cases
from council.domain import errors, evidence
from council.testing import fault_library, kinds_of_faults
from council.upkeep.observer import causes, explaining, series, telling

# A seed with which the leak ends its service.
SERVICE_ENDED = 20
# Kinds whose cause is plain whichever series are lost.
PLAIN = (
    "patch breaks answers",
    "service ends",
    "descriptors leak",
    "disk fills",
    "patch tightens a gate",
    "store ends",
)


def _incident(case: fault_library.Case):  # type: ignore[no-untyped-def]
    return next(one for one in case.found.incidents if one.id == case.incident)


def _ranked(case: fault_library.Case) -> tuple[evidence.RankedCause, ...]:
    return causes.ranked(case.found, _incident(case))


def _first(case: fault_library.Case) -> tuple[str, str]:
    found = _ranked(case)
    return (found[0].kind, found[0].subject) if found else ("", "")


@pytest.fixture(scope="module")
def cases() -> list[fault_library.Case]:
    return list(kinds_of_faults.cases(range(100, 101)))


def test_the_right_cause_stands_first_in_nine_of_ten_made_faults(cases: list[fault_library.Case]) -> None:
    assert sum(_first(case) in case.right for case in cases) >= 0.9 * len(cases)


def test_there_are_more_than_a_dozen_kinds_and_the_same_seed_gives_the_same_evidence(
    cases: list[fault_library.Case],
) -> None:
    assert len({case.kind for case in cases}) >= 12
    assert observer_cases.case(cases[3].kind, cases[3].seed) == cases[3]


@pytest.mark.parametrize("kind", PLAIN)
def test_a_plain_cause_stands_first(kind: str) -> None:
    case = observer_cases.case(kind, 8)
    assert _first(case) in case.right


def test_every_number_of_an_explanation_is_that_of_a_fact_with_query_and_time(cases: list[fault_library.Case]) -> None:
    for case in cases:
        for sentence in explaining.explain(case.found, case.incident).sentences:
            assert not telling.strays(sentence.text, sentence.facts), sentence.text
            assert all(
                fact.query and fact.span.end_s >= fact.span.start_s
                for fact in sentence.facts
                if "missing" not in fact.name
            )


def test_causes_come_best_first_and_are_few(cases: list[fault_library.Case]) -> None:
    for case in cases:
        weights = [one.weight for one in _ranked(case)]
        assert weights == sorted(weights, reverse=True)
        assert len(weights) <= causes.CAUSES_MAX
        assert all(0 < weight <= 1 for weight in weights)


def test_a_harmless_patch_just_before_does_not_take_the_place_of_what_is_plain() -> None:
    case = observer_cases.case("service ends", 8)
    at_s = _incident(case).began_us / 1e6 - 60
    row = evidence.PatchRow(
        "f" * 16, "Prices", "Ann", "person", ("knowledge/prices.md",), at_s - 10, "applied", "", at_s + 21,
        times=(("staging", at_s - 10), ("switching", at_s), ("baking", at_s + 1), ("idle", at_s + 21)),
    )  # fmt: skip
    found = dataclasses.replace(case.found, patches=[row])
    assert causes.ranked(found, _incident(case))[0].kind == "service"


def test_a_patch_that_came_after_is_no_cause() -> None:
    case = observer_cases.case("service ends", 8)
    at_s = _incident(case).began_us / 1e6 + 30
    row = evidence.PatchRow(
        "f" * 16, "Later", "Ann", "person", ("council.yaml",), at_s, "applied", "", at_s + 21,
        times=(("staging", at_s), ("switching", at_s), ("idle", at_s + 21)),
    )  # fmt: skip
    found = dataclasses.replace(case.found, patches=[row])
    assert "patch" not in [one.kind for one in causes.ranked(found, _incident(case))]


def test_a_service_that_ended_because_of_another_thing_is_not_the_first_cause() -> None:
    followed = observer_cases.case("memory leaks", SERVICE_ENDED)
    assert "service_down" in [member.alert.name for member in _incident(followed).members]
    kinds = [one.kind for one in _ranked(followed)]
    assert kinds[0] == "resource"
    assert "service" in kinds


def test_without_anything_that_changed_no_cause_is_made_up() -> None:
    case = observer_cases.case("metrics stale", 8)
    incident = _incident(case)
    quiet = dataclasses.replace(incident.members[0].alert, name="response_size", labels=())
    alone = dataclasses.replace(incident, members=(dataclasses.replace(incident.members[0], alert=quiet),))
    found = dataclasses.replace(case.found, incidents=[alone], patches=[], tracks=[], services=[], missing=[])
    told = explaining.explain(found, alone.id)
    assert not told.causes
    assert any("Nothing is known that changed" in one.text for one in told.happened)


def test_a_cause_that_is_the_incident_once_more_says_that_the_reason_is_not_known() -> None:
    case = observer_cases.case("descriptors leak", 8)
    member = next(one for one in _incident(case).members if one.alert.name == "descriptors")
    alone = dataclasses.replace(_incident(case), members=(member,))
    quiet = dataclasses.replace(case.found, incidents=[alone], patches=[], tracks=[], services=[], missing=[])
    (only,) = explaining.explain(quiet, alone.id).causes
    assert only.kind == "resource" and "nothing is known that changed within" in only.sentence.text
    assert telling.strays(only.sentence.text, only.sentence.facts) == []
    # It explains something where more went bad by it.
    more = dataclasses.replace(member, alert=dataclasses.replace(member.alert, name="http_5xx", labels=()))
    wider = dataclasses.replace(alone, members=(member, more))
    found = explaining.explain(dataclasses.replace(quiet, incidents=[wider]), alone.id).causes
    assert "and not why" not in found[0].sentence.text


def test_what_could_not_be_had_is_said() -> None:
    case = observer_cases.case("service ends", 8)
    found = dataclasses.replace(case.found, missing=[evidence.Missing("records", "the database is locked.")])
    told = explaining.explain(found, case.incident)
    assert "Not known: records (the database is locked)." in [one.text for one in told.happened]


def test_an_incident_that_is_not_there_is_an_error_that_says_where_they_are() -> None:
    with pytest.raises(errors.NotFoundError, match="council incidents"):
        explaining.explain(observer_cases.day(), "01NOPE")


def test_a_calm_is_told_as_one() -> None:
    found = dataclasses.replace(observer_cases.day("disk fills"), incidents=[])
    told = explaining.explain(found)
    assert told.happened[0].text.startswith("No incident goes on.")
    assert not told.causes


def test_a_title_that_looks_like_a_pattern_is_put_in_as_it_is() -> None:
    title = "{cid} {0.__class__} %s"
    fact = evidence.Fact("title", title, telling.WORD, "q", evidence.Span(0, 1))
    assert telling.say("Patch {title}.", title=fact).text == f"Patch {title}."


def test_a_number_that_no_fact_accounts_for_is_a_stray() -> None:
    fact = evidence.Fact("calls", 12, telling.COUNT, "q", evidence.Span(0, 1))
    assert telling.strays("There were 12 calls and 120 others at 3:40.", [fact]) == ["120", "3:40"]
    assert telling.strays("http_5xx and p95 are names; 12 is not.", [fact]) == []


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (None, "%", "unknown"), (float("nan"), "%", "unknown"), (12.345, "%", "12.3 %"), (1234567, "count", "1,234,567"),
        (41_234, "usd_micros", "$0.041234"), (0.5, "s", "0.5 s"), (3725.0, "s", "1 h 2 min"), (412e6, "bytes", "412 MB"),
        (12_345.6, "ms", "12,346 ms"), (0.0, "time", "1970-01-01 00:00:00 UTC"), ("a\nb", "word", "a b"),
        (0.00358, "USD", "$0.00358"), (1e9, "a second", "1,000,000,000 a second"),
    ],
)  # fmt: skip
def test_a_fact_is_shown_as_people_read_it(value: float | str | None, unit: str, shown: str) -> None:
    assert telling.shown(evidence.Fact("it", value, unit, "q", evidence.Span(0, 1))) == shown


def test_a_counter_that_began_anew_rises_on() -> None:
    track = evidence.Track("council_exchanges_total", "gateway", "", [(0, 90), (10, 100), (20, 5), (30, 15)])
    assert series.rise([track], evidence.Span(0, 31)) == 25
    assert series.rates(track) == [(10, 1.0), (20, 0.5), (30, 1.0)]


def test_what_goes_up_and_down_is_no_counter_whatever_its_name() -> None:
    track = evidence.Track("open_fds_total", "gateway", "", [(0, 90), (10, 100), (20, 5)])
    assert series.rates(track) == [(0, 90), (10, 100), (20, 5)]


def test_a_change_of_level_is_found_where_it_was() -> None:
    points = [(float(at), 10.0 + at % 3) for at in range(0, 500, 10)] + [
        (float(at), 40.0 + at % 3) for at in range(500, 800, 10)
    ]
    found = series.change(points, evidence.Span(0, 1000))
    assert found is not None
    assert (found.at_s, found.before, found.after) == (500, 11, 41)
    assert series.change([(0.0, 1.0)] * 3, evidence.Span(0, 10)) is None


def test_traffic_that_rose_minutes_before_is_not_what_changed() -> None:
    """As where Council has just begun: most of the half hour before is not known, or was idle."""
    case = observer_cases.case("upstream is slow", 0)
    onset_s = _incident(case).began_us / 1e6
    times = [onset_s - 1500 + 5 * step for step in range(360)]
    points = [(at_s, max(0.0, at_s - onset_s + 150) * 4) for at_s in times]
    asked = evidence.Track("council_exchanges_total", "gateway", "", points)
    known_late = dataclasses.replace(asked, points=points[270:])
    others = [one for one in case.found.tracks if one.name != "council_exchanges_total"]
    for track in (asked, known_late):
        found = dataclasses.replace(case.found, tracks=[*others, track])
        assert causes.ranked(found, _incident(case))[0].kind == "upstream"


def test_a_pace_is_over_what_is_known_of_the_time() -> None:
    track = evidence.Track("council_exchanges_total", "gateway", "", [(900, 0), (1000, 100)])
    assert series.pace([track], evidence.Span(0, 1000.5)) == pytest.approx(1.0)
    assert series.pace([track], evidence.Span(0, 500)) is None
