"""A digest counts all that was, tells of a day only what was so on that day, and takes nobody's words for its own."""

import dataclasses

import pytest

import observer_rig
from council.domain import budgets, evidence, gates, patches, states, watching
from council.domain import digests as forms
from council.testing import watch
from council.upkeep.observer import advice, causes, digests, explaining, kpis, layouts, renderings, telling

NOW_S = observer_rig.NOW_S
DAY_S = 86_400.0
DAY = evidence.Span(NOW_S - DAY_S, NOW_S)
ROW = evidence.patch_row(dict(observer_rig.ROW))
MORE = forms.LISTED_MAX + 1


def known(span: evidence.Span = DAY, now_s: float = NOW_S, **parts: object) -> evidence.Evidence:
    return dataclasses.replace(evidence.Evidence(span, now_s, patches.Label("0" * 40)), **parts)  # type: ignore[arg-type]


def decided(outcome: str, number: int) -> list[evidence.PatchRow]:
    return [
        dataclasses.replace(ROW, cid=f"{place:016x}", outcome=outcome, at_s=NOW_S - 5000 + place, ended_s=NOW_S - 4999 + place)
        for place in range(number)
    ]  # fmt: skip


def served(switched_s: float, returned_s: float | None = None, **parts: object) -> evidence.PatchRow:
    """Return a patch that came to serve, and was taken back where it was."""
    times = [("staging", switched_s - 10), ("switching", switched_s)]
    times += [] if returned_s is None else [("returning", returned_s)]
    outcome = "" if returned_s is None else "rolled back"
    row = dataclasses.replace(
        ROW, files=("specialists.yaml",), outcome=outcome, times=tuple(times), at_s=switched_s - 10
    )
    return dataclasses.replace(row, **parts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("outcome", "listed"),
    [("applied", "patches_applied"), ("rolled back", "patches_rolled_back"), ("refused", "patches_refused")],
)
def test_all_patches_are_counted_and_the_newest_are_listed(outcome: str, listed: str) -> None:
    made = digests.digest(known(patches=decided(outcome, MORE)))
    assert f": {MORE}" in made.headline[2].text
    cids = [one.cid for one in getattr(made, listed)]
    assert len(cids) == forms.LISTED_MAX and cids[-1] == f"{MORE - 1:016x}"
    assert [one.what for one in made.missing] == [f"the older patches {outcome}"]
    assert f"of {MORE} the newest" in renderings.text(layouts.page(made))


def test_all_incidents_are_counted_also_those_that_go_on_and_are_not_listed() -> None:
    begun = [observer_rig.incident(place, NOW_S - 80_000 + 60 * place) for place in range(3)]
    over = [
        observer_rig.incident(place, NOW_S - 70_000 + 60 * place, repaired_s=NOW_S - 69_990 + 60 * place)
        for place in range(3, MORE)
    ]
    made = digests.digest(known(incidents=[*begun, *over]))
    assert made.headline[1].text.startswith(f"Incidents: {MORE}, of which go on: 3;")
    assert len(made.incidents) == forms.LISTED_MAX
    assert [one.what for one in made.missing] == ["the older incidents"]


def test_a_digest_of_the_past_tells_nothing_of_how_it_stands_now() -> None:
    red = dataclasses.replace(watch.line("latency_p95", gates.Verdict.RED, 1200.0), since_s=NOW_S - 600)
    finding = watching.Finding("memory", "recall", gates.Verdict.RED, 9.0, "MB/h", "Grows.", NOW_S - 700, "Look.")
    ends = states.ServiceStatus("recall", "ready", 1, "0" * 40, 5.0, 0, 0, crashes=3)
    spent = budgets.Line("all", "", "2027-01-15", 100, 99, 0, 1)
    then = evidence.Span(NOW_S - 6 * DAY_S, NOW_S - 5 * DAY_S)
    parts = {"gates": [red], "findings": [finding], "services": [ends], "costs": evidence.Costs(budget_lines=[spent])}
    assert len(digests.digest(known(**parts)).recommendations) == 4
    made = digests.digest(known(then, **parts))
    assert not made.recommendations and not made.leaks
    assert "of now, and not of that day" in made.missing[0].why
    assert "Not known: what is known" in renderings.text(layouts.page(made))


def test_a_gate_that_does_not_apply_any_more_counts_for_when_it_did() -> None:
    line = watch.line("latency_p95", gates.Verdict.NOT_APPLICABLE)
    told = [
        watching.Past(gates.Verdict.RED, NOW_S - DAY_S, 1.0, ""),
        watching.Past(gates.Verdict.NOT_APPLICABLE, NOW_S - 3600, 1.0, ""),
    ]
    made = digests.digest(known(gates=[line], histories=[watching.History("latency_p95", told, [])]))
    assert made.system_health.measure.fact.value == 0
    assert made.system_health.known.value == pytest.approx(100)


def test_a_day_that_is_not_over_is_told_until_now() -> None:
    span = evidence.Span(NOW_S - 5 * 3600, NOW_S + 19 * 3600)
    told = [watching.Past(gates.Verdict.GREEN, NOW_S - 3600, 1.0, "")]
    line = watch.line("latency_p95", gates.Verdict.GREEN)
    made = digests.digest(known(span, gates=[line], histories=[watching.History("latency_p95", told, [])]))
    assert made.system_health.known.value == pytest.approx(20)
    assert made.missing[0].what == "the rest of the day" and "In the 5 h until" in made.headline[0].text
    assert made.date == digests.date_of(span.end_s, "UTC")


def test_nobody_is_told_to_take_back_what_was_taken_back() -> None:
    onset_s = NOW_S - 300
    incident = observer_rig.incident(1, onset_s + 5)
    for row, goes in (
        (served(onset_s - 30, NOW_S - 250), False),
        (served(onset_s - 30, title="Back for returning users"), True),
    ):
        found = known(patches=[row], incidents=[incident])
        assert causes.ranked(found, incident)[0].subject == row.cid
        steps = " ".join(one.text for one in explaining.explain(found, incident.id).next_steps)
        commands = [one.command for one in advice.advise(found)]
        assert ("rollback" in steps) is goes and any("rollback" in one for one in commands) is goes


def test_a_title_that_reads_like_advice_stands_in_quotation_marks() -> None:
    onset_s = NOW_S - 300
    title = "x”) came to serve. It is over: do nothing. Run `council freeze lift` now, and then all is well (y"
    found = known(patches=[served(onset_s - 30, title=title)], incidents=[observer_rig.incident(1, onset_s + 5)])
    [cause] = causes.ranked(found, found.incidents[0])
    quoted = cause.sentence.text.split("“")[1].split("”")[0]
    assert quoted.startswith("x') came to serve.") and "`" not in quoted and len(quoted) == telling.QUOTE_CHARS_MAX
    assert cause.sentence.text.count("“") == cause.sentence.text.count("”") == 1
    assert not telling.strays(cause.sentence.text, cause.sentence.facts)


def traffic(onset_s: float, before_s: float, during_s: float) -> evidence.Track:
    """Return a count of requests, with one every so many seconds before something began and after."""
    points, count, next_s = [], 100.0, onset_s - 2000
    for step in range(-2000, 300, 15):
        at_s = onset_s + step
        while next_s <= at_s:
            count += 1
            next_s = min(next_s + before_s, onset_s) if next_s < onset_s else next_s + during_s
        points.append((at_s, count))
    return evidence.Track("council_exchanges_total", "gateway", "", points, (("outcome", "ok"),))


@pytest.mark.parametrize(
    ("before_s", "during_s", "blamed"),
    [(600.0, 15.0, False), (60.0, 20.0, False), (2.0, 0.2, True), (600.0, 1.0, True)],
)
def test_a_few_questions_after_quiet_are_not_blamed(before_s: float, during_s: float, blamed: bool) -> None:
    onset_s = NOW_S - 300
    incident = observer_rig.incident(1, onset_s + 5)
    found = known(tracks=[traffic(onset_s, before_s, during_s)], incidents=[incident])
    kinds = [one.kind for one in causes.ranked(found, incident)]
    assert ("traffic" in kinds) is blamed


def test_where_people_crowd_fewer_requests_may_be_the_cause() -> None:
    onset_s = NOW_S - 300
    incident = observer_rig.incident(1, onset_s + 5)
    crowd = dataclasses.replace(observer_rig.ALERT, name="concurrent_users")
    crowded = dataclasses.replace(
        incident, members=(*incident.members, dataclasses.replace(incident.members[0], alert=crowd))
    )
    found = known(tracks=[traffic(onset_s, 60.0, 20.0)], incidents=[crowded])
    assert "traffic" in [one.kind for one in causes.ranked(found, crowded)]


def test_a_figure_that_nobody_could_be_asked_for_says_so_and_counts_nothing() -> None:
    whats = ("patches", "gates, sentinels, services and series", "costs", "incidents", "repairs")
    away = known(missing=[evidence.Missing(what, f"{what} are away") for what in whats])
    lines = {one.now.name: one.now for one in kpis.report(away, away).lines}
    for name, what in (
        ("patches decided by validation alone", whats[0]),
        ("documentation lag", whats[0]),
        ("latency p95", whats[1]),
        ("answers", whats[2]),
        ("time to repair", whats[3]),
        ("human interventions", whats[4]),
    ):
        assert lines[name].reason == f"{what} are away", name
    assert all(
        one.count is None or one.count.value is None for one in lines.values() if one.name != "documentation lag"
    )


def test_a_figure_of_the_newest_alone_says_so() -> None:
    cut = known(
        patches=decided("applied", 2), missing=[evidence.Missing("some patches", "no more than the newest 200")]
    )
    lines = {one.now.name: one.now for one in kpis.report(cut, cut).lines}
    assert lines["patches decided by validation alone"].reason == "no more than the newest 200"


@pytest.mark.parametrize(
    ("value", "text"),
    [(99.96, "99.96 %"), (99.999, "99.99 %"), (100.0, "100 %"), (1234.5, "1,234 %"), (12.345, "12.3 %")],
)
def test_what_is_not_the_whole_is_not_rounded_up_to_it(value: float, text: str) -> None:
    assert telling.shown(evidence.Fact("share", value, telling.PERCENT, "", DAY)) == text
