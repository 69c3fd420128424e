"""What happened, in plain sentences with the numbers that stand in them."""

import dataclasses

import observer_rig
from council.domain import evidence, gates
from council.testing import watch
from council.upkeep.observer import plainly

NOW_S, SPAN = observer_rig.NOW_S, observer_rig.SPAN


def told(**values: object) -> evidence.Explanation:
    found = evidence.Evidence(SPAN, NOW_S, observer_rig.House().label)
    return plainly.explain(dataclasses.replace(found, **values))  # type: ignore[arg-type]


def test_where_nothing_is_wrong_it_says_so() -> None:
    assert [one.text for one in told().happened] == ["Nothing is wrong that is known of."]


def test_red_gates_incidents_and_what_is_unknown_are_said_with_their_facts() -> None:
    over = observer_rig.incident(1, NOW_S - 600, repaired_s=NOW_S - 480)
    explained = told(
        gates=[watch.line("error_rate", gates.Verdict.RED, 40.0), watch.line("a", gates.Verdict.GREEN)],
        incidents=[over, observer_rig.incident(2, NOW_S - 60)],
        missing=[evidence.Missing("patches", "patchctl is away")],
    )
    assert [one.text for one in explained.happened] == [
        "The gate error_rate is red since 2027-01-15 07:43:20 UTC; it says 40 %.",
        "latency: an incident that began 2027-01-15 07:49:55 UTC; it was over after 2 min 5 s.",
        "latency: an incident that began 2027-01-15 07:58:55 UTC; it goes on.",
        "Unknown: patches.",
    ]
    assert [fact.value for fact in explained.happened[0].facts] == [40.0, 1_799_999_000.0]
    assert [one.text for one in explained.next_steps] == ["Look."]


def test_what_became_of_patches_is_said() -> None:
    rolled_back = evidence.patch_row({**observer_rig.ROW, "outcome": "rolled back", "reason": "latency_p95 is red"})
    under_way = evidence.patch_row({**observer_rig.ROW, "outcome": ""})
    done = told(patches=[rolled_back, under_way]).done
    assert [one.text for one in done] == [f"The patch {'c' * 16} was rolled back (latency_p95 is red)."]


def test_of_one_incident_only_that_is_said() -> None:
    both = [observer_rig.incident(1, NOW_S - 600), observer_rig.incident(2, NOW_S - 60)]
    found = evidence.Evidence(SPAN, NOW_S, observer_rig.House().label, incidents=both)
    assert len(plainly.explain(found, both[1].id).happened) == 1
