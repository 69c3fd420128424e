"""One anomaly explained by itself: what it is, how it went on, what lies near it, and nothing that is not kept."""

import dataclasses

import observer_rig
from council.domain import evidence, gates, snapshots
from council.testing import watch
from council.upkeep.observer import nearby, telling

T0 = observer_rig.NOW_S
ODD = snapshots.Anomaly("open_fds_total", "gateway", "", T0 - 30, 90.0, 0.999, 20.0, 40.0)
BARE = dataclasses.replace(
    observer_rig.snapshot(T0), anomalies=[ODD], incidents=[], patches=[], gates=[], findings=[], missed=None
)


def valued(at_s: float, value: float, *anomalies: snapshots.Anomaly) -> snapshots.Snapshot:
    fact = evidence.Fact("open_fds_total svc=gateway", value, "", "q", observer_rig.SPAN)
    return dataclasses.replace(
        BARE, id=snapshots.identifier(at_s), at_s=at_s, metrics=[fact], anomalies=list(anomalies)
    )


def texts(told: tuple[evidence.Sentence, ...]) -> str:
    return " ".join(one.text for one in told)


def test_it_says_what_the_value_is_and_what_was_expected() -> None:
    told = nearby.explain(ODD, BARE, (), ())
    assert told.happened[0].text == (
        "open_fds_total svc=gateway was 90 at 2027-01-15 07:59:30 UTC; "
        "between 20 and 40 was expected, by what it did until then."
    )
    assert "Nothing is kept that changed within 2 h before it." in texts(told.happened)
    assert told.causes == () and 'council observe history "open_fds_total svc=gateway"' in told.next_steps[0].text


def test_each_number_of_it_leads_back_to_a_fact() -> None:
    seen = dataclasses.replace(observer_rig.snapshot(T0), anomalies=[ODD])
    told = nearby.explain(ODD, seen, [valued(T0 - 900, 31, ODD)], [valued(T0 + 900, 30)])
    assert len(told.sentences) > 5
    for one in told.sentences:
        assert telling.strays(one.text, one.facts) == [], one.text


def test_how_it_went_on_is_told_of_what_was_seen_later() -> None:
    earlier, back = [valued(T0 - 900, 31)], [valued(T0 + 1800, 30), valued(T0 + 900, 80)]
    told = texts(nearby.explain(ODD, BARE, earlier, back).happened)
    assert "When it was seen before, at 2027-01-15 07:45:00 UTC, it was 31." in told
    assert "It was back within that by 2027-01-15 08:30:00 UTC, 30 min 30 s later: 30." in told
    lasts = texts(nearby.explain(ODD, BARE, earlier, back[1:]).happened)
    assert "It was still beyond that at 2027-01-15 08:15:00 UTC, 15 min 30 s later: 80." in lasts


def test_that_it_was_odd_before_is_counted() -> None:
    before = dataclasses.replace(ODD, at_s=T0 - 1000)
    told = texts(nearby.explain(ODD, BARE, [valued(T0 - 900, 31, before), valued(T0 - 1800, 31, before)], ()).happened)
    assert "It was not as expected before: 2 times in what was looked at, last at 2027-01-15 07:43:20 UTC." in told


def test_what_changed_near_it_is_told_the_nearest_first_and_each_once() -> None:
    row = dataclasses.replace(
        evidence.patch_row(observer_rig.ROW), title="Say “yes”", times=(("switching", T0 - 90), ("idle", T0 - 60))
    )
    red = dataclasses.replace(watch.line("error_rate", gates.Verdict.RED, 40.0), since_s=T0 - 600)
    other = dataclasses.replace(ODD, service="recall", at_s=T0 - 20)
    seen = dataclasses.replace(
        BARE, patches=[row], gates=[red], anomalies=[ODD, other], incidents=observer_rig.snapshot(T0).incidents
    )
    causes = nearby.explain(ODD, seen, [seen], [seen]).causes
    assert [one.kind for one in causes] == ["incident", "patch", "gate", "series"]
    assert causes[1].sentence.text == (
        f"Patch {'c' * 16} (“Say 'yes'”) came to serve at 2027-01-15 07:58:30 UTC, 1 min before."
    )
    assert [one.weight for one in causes] == sorted((one.weight for one in causes), reverse=True)
    steps = texts(nearby.explain(ODD, seen, (), ()).next_steps)
    assert f"`council patch show {'c' * 16}`" in steps and "`council observe explain 01INCIDENT" in steps


def test_what_lies_far_from_it_and_what_was_only_tried_is_not_told() -> None:
    row = evidence.patch_row(observer_rig.ROW)
    far = dataclasses.replace(row, times=(("switching", T0 - 9000),))
    tried = dataclasses.replace(row, cid="d" * 16, trial=True, times=(("switching", T0 - 60),))
    assert nearby.explain(ODD, dataclasses.replace(BARE, patches=[far, tried]), (), ()).causes == ()


def test_that_nobody_looked_before_is_told() -> None:
    seen = dataclasses.replace(BARE, missed=snapshots.Missed(3, T0 - 3600, T0 - 900, "the steward was not running"))
    (gap,) = nearby.explain(ODD, seen, (), ()).causes
    assert "3 snapshots were missed, since the steward was not running." in gap.sentence.text


def test_a_gate_says_how_it_stood() -> None:
    one = dataclasses.replace(ODD, name="error_rate", service="", unit="%")
    seen = dataclasses.replace(BARE, gates=[watch.line("error_rate", gates.Verdict.GREEN, 2.0)])
    told = nearby.explain(one, seen, (), ())
    assert "As a gate it was green when this was seen; it must be <" in texts(told.happened)
    assert told.happened[0].facts[0].query == "council gates error_rate"
