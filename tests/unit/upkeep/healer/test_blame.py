"""What is wrong now is what is judged: patches that are blamed, cool-downs, and repairs of which too little was seen."""

import dataclasses

from council.domain import gates, playbooks, repairs
from council.domain.repairs import Outcome
from council.upkeep.healer import deciding, world
from healer_cases import DOWN, NOW, WELL, S, alert, begun, held, incident, only, repair, seen


def test_a_patch_is_blamed_for_what_went_bad_after_it_in_an_incident_that_is_older() -> None:
    """The alert joined an incident that was open, or fired for something else before the patch."""
    long_ago = incident(alert("descriptors", "recall"), alert("http_5xx"), since_s=900)
    served = world.Patch("cafe", NOW - 60 * S, frozenset({"gateway"}))
    red = {("http_5xx", ()): gates.Verdict.RED, ("descriptors", (("svc", "recall"),)): gates.Verdict.GREEN}
    at = seen(long_ago, services=WELL, patches=(served,), verdicts=red)

    def first(**changed: object) -> str:
        decided = deciding.decide(dataclasses.replace(at, **changed))  # type: ignore[arg-type]
        return next((one.playbook.name for one in decided if isinstance(one, deciding.Begin)), "")

    assert first() == "drain and restart"
    assert first(since_us={("http_5xx", ()): NOW - 20 * S}) == "rollback"
    assert first(since_us={("http_5xx", ()): NOW - 61 * S}) == "drain and restart"
    late = dataclasses.replace(long_ago.members[1], alert=alert("http_5xx"), fired_us=NOW - 15 * S)
    late = dataclasses.replace(late, alert=dataclasses.replace(late.alert, since_us=NOW - 20 * S))
    joined = dataclasses.replace(long_ago, members=(long_ago.members[0], late))
    assert first(incidents=(joined,)) == "rollback"


def test_a_patch_whose_effects_nobody_saw_is_blamed_for_an_hour() -> None:
    bad = incident(alert("http_5xx"), since_s=60)
    served = world.Patch("cafe", NOW - 2000 * S, frozenset({"gateway"}))
    at = seen(bad, services=WELL, patches=(served,), verdicts={("http_5xx", ()): gates.Verdict.RED})
    assert begun(at) == ("drain and restart", "gateway")
    unseen = dataclasses.replace(at, unseen=frozenset({("http_5xx", ())}))
    assert begun(unseen) == ("rollback", playbooks.EVERYTHING)
    hours = dataclasses.replace(served, served_us=NOW - 3661 * S)
    assert begun(dataclasses.replace(unseen, patches=(hours,))) == ("drain and restart", "gateway")
    never = repairs.HealingConfig(blame_unseen_s=0)
    assert begun(dataclasses.replace(unseen, settings=never)) == ("drain and restart", "gateway")


def test_another_leak_that_began_after_a_new_start_helped_does_not_wait_for_its_cool_down() -> None:
    served = repairs.ended(
        repair("drain and restart", "recall", alert="descriptors", began_us=NOW - 90 * S),
        Outcome.HELPED,
        "",
        NOW - 70 * S,
    )
    leak = alert("memory", "recall")
    at = seen(incident(leak, since_s=60), services=WELL, repairs=(served,), verdicts={leak.key: gates.Verdict.RED})
    assert begun(at) == ("drain and restart", "recall")

    def used(**changed: object) -> deciding.Decision:
        return deciding.decide(dataclasses.replace(at, repairs=(dataclasses.replace(served, **changed),)))[-1]  # type: ignore[arg-type]

    waits: tuple[dict[str, object], ...] = (
        {"alert": "memory"}, {"ended_us": NOW - 50 * S}, {"outcome": Outcome.DID_NOT_HELP}, {"alert": "", "labels": ()},
    )  # fmt: skip
    for changed in waits:
        decision = used(**changed)
        assert not isinstance(decision, deciding.Begin) or decision.playbook.name == "raise a patch", changed
    # So often an hour as ever.
    often = (served, dataclasses.replace(served, id="repair-2", began_us=NOW - 1000 * S, ended_us=NOW - 900 * S))
    decided = deciding.decide(dataclasses.replace(at, repairs=often))
    assert not any(isinstance(one, deciding.Begin) and one.playbook.name == "drain and restart" for one in decided)


def test_a_provider_is_left_out_only_where_some_model_has_another() -> None:
    bad = incident(alert("network_errors"), since_s=900)
    at = seen(bad, services=WELL, verdicts={("network_errors", ()): gates.Verdict.RED})
    assert begun(at) == ("switch provider", "providers")
    found = only(dataclasses.replace(at, can_switch=False))
    assert isinstance(found, deciding.Call) and "switch provider: no model has another provider" in found.why


def test_a_person_is_called_late_where_too_little_was_seen_since_a_repair_that_helped() -> None:
    restarted = repairs.ended(repair("restart", "worker"), Outcome.HELPED, "", NOW)
    bad = incident(alert("network_errors"), since_s=900)
    at = seen(bad, services=WELL, repairs=(restarted,), can_switch=False, now_us=NOW + 100 * S)
    assert isinstance(only(at), deciding.Call)
    unproven = dataclasses.replace(at, unproven=frozenset({("network_errors", ())}))
    assert held(unproven).startswith("what was done last has time to show")
    assert isinstance(only(dataclasses.replace(unproven, now_us=NOW + 331 * S)), deciding.Call)


def test_what_began_soon_after_a_patch_that_touches_the_part_is_blamed_on_that_first() -> None:
    served = DOWN.began_us - 30 * S
    patch = world.Patch("cafe", served, frozenset({"recall"}))
    found = only(seen(DOWN, patches=(patch,)))
    assert isinstance(found, deciding.Begin) and found.playbook.name == "rollback" and found.cid == "cafe"
    assert found.component == playbooks.EVERYTHING
    for other in (
        dataclasses.replace(patch, touches=frozenset({"gateway"})),
        dataclasses.replace(patch, touches=frozenset()),
        dataclasses.replace(patch, is_over=True),
        dataclasses.replace(patch, served_us=DOWN.began_us + 1),
        dataclasses.replace(patch, served_us=DOWN.began_us - 601 * S),
    ):
        assert begun(seen(DOWN, patches=(other,))) == ("restart", "recall")
    assert begun(seen(DOWN, patches=None)) == ("restart", "recall")
    unknown = dataclasses.replace(patch, touches=None)
    assert begun(seen(DOWN, patches=(unknown,)))[0] == "rollback"
