"""What is decided about what is wrong, case by case and over whole stories."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from council.domain import gates, incidents, playbooks, playbooks_file, repairs
from council.domain.repairs import Outcome
from council.upkeep.healer import deciding, world
from healer_cases import (
    BOOK,
    DOWN,
    GATES,
    HUNG,
    NOW,
    SENTINELS,
    WELL,
    S,
    alert,
    begun,
    held,
    incident,
    only,
    repair,
    row,
    seen,
    shipped,
)


def test_a_service_that_hangs_is_started_anew() -> None:
    assert begun(seen(DOWN)) == ("restart", "recall")


def test_settings_that_cannot_be_read_are_put_back_first_and_no_patch_is_blamed_for_them() -> None:
    down = incident(alert("service_down", "recall"), since_s=5)
    served = world.Patch("cafe", down.began_us - S, frozenset({"recall"}))
    at = seen(down, services=(row("recall", "backoff", None), *HUNG[1:]), patches=(served,), damaged="`x` is wrong.")
    assert begun(at) == ("put settings back", "recall")
    assert "rollback" in str(deciding.decide(dataclasses.replace(at, damaged="")))
    tried = repair("put settings back", "recall", outcome=Outcome.FAILED, ended_us=NOW, acted_us=NOW)
    assert begun(dataclasses.replace(at, repairs=(tried,))) == ("restart", "recall")
    # One who asks for nothing of the kind goes on as ever.
    assert begun(seen(DOWN)) == ("restart", "recall")


def test_nothing_is_done_about_what_is_well_again_or_is_not_known() -> None:
    assert held(seen(DOWN, services=WELL)) == "it is green now"
    assert "supervisor does not answer" in held(seen(DOWN, services=None))
    latency = incident(alert("latency"))
    assert held(seen(latency, verdicts=None)) == "it is unknown now"
    assert held(seen(latency, verdicts={("latency", ()): gates.Verdict.UNKNOWN})) == "it is unknown now"
    assert held(seen(DOWN, services=(row("gateway"),))) == "it is unknown now"


def test_nothing_begins_while_paused_and_what_is_under_way_is_still_judged() -> None:
    assert held(seen(DOWN, paused="paused by ann")) == "paused by ann"
    late = repair("shed", "gateway", overrides=("o",), until_us=NOW, acted_us=1, alert="latency", labels=())
    settled, _ = deciding.decide(seen(DOWN, paused="paused", repairs=(late,), verdicts=None))
    assert isinstance(settled, deciding.Settle) and settled.outcome is Outcome.DID_NOT_HELP and settled.undo


def test_no_second_repair_of_a_part_begins_and_none_beside_one_of_everything() -> None:
    assert held(seen(DOWN, repairs=(repair("restart", "recall"),))).endswith("recall is under repair")
    back = repair("rollback", playbooks.EVERYTHING, cid="c")
    assert "is under repair" in held(seen(DOWN, repairs=(back,), patches=()))
    model = repair("restart", "model")
    assert begun(seen(DOWN, repairs=(model,))) == ("restart", "recall")


def test_a_repair_has_helped_once_every_process_is_ready_and_one_is_another() -> None:
    going = repair("restart", "recall", before=(7,), acted_us=NOW)
    assert not any(isinstance(one, deciding.Settle) for one in deciding.decide(seen(repairs=(going,))))
    same = tuple(dataclasses.replace(one, state="ready") for one in HUNG)
    assert deciding.decide(seen(repairs=(going,), services=same)) == []
    anew = (row("recall", "ready", 99), *HUNG[1:])
    found = only(seen(repairs=(going,), services=anew))
    assert isinstance(found, deciding.Settle) and found.outcome is Outcome.HELPED


def test_what_did_not_help_in_time_is_undone_where_it_can_be_and_the_next_is_tried() -> None:
    late = repair("scale", "gateway", alert="latency", labels=(), overrides=("o",), until_us=NOW, acted_us=1)
    latency = incident(alert("latency"), since_s=900)
    settled, waits = deciding.decide(seen(latency, repairs=(late,)))
    assert isinstance(settled, deciding.Settle) and settled.undo and settled.outcome is Outcome.DID_NOT_HELP
    assert isinstance(waits, deciding.Held)
    over = repairs.ended(late, Outcome.DID_NOT_HELP, "", NOW)
    assert begun(seen(latency, repairs=(over,))) == ("shed", "gateway")


def test_what_runs_as_often_as_it_may_is_not_scaled() -> None:
    latency = incident(alert("latency"), since_s=900)
    assert begun(seen(latency)) == ("scale", "gateway")
    assert begun(seen(latency, can_scale=False)) == ("shed", "gateway")


def test_after_the_last_playbook_a_person_is_called_once() -> None:
    failed = repairs.ended(repair("restart", "recall"), Outcome.DID_NOT_HELP, "", NOW)
    found = only(seen(DOWN, repairs=(failed,)))
    assert isinstance(found, deciding.Call) and "restart: it was tried" in found.why
    called = repair("restart", "recall", outcome=Outcome.CALLED, ended_us=NOW)
    assert held(seen(DOWN, repairs=(called, failed))) == "a person was called"


def test_what_goes_bad_after_a_person_was_called_for_the_part_is_repaired_all_the_same() -> None:
    hung = tuple(dataclasses.replace(one, state="hung") for one in WELL)
    latency, stale = alert("latency"), alert("metrics_stale", "gateway")
    called = repair("shed", "gateway", outcome=Outcome.CALLED, alert="latency", labels=(), ended_us=NOW)
    at = seen(incident(latency, stale), services=hung, repairs=(called,), can_scale=False)
    assert [one.playbook.name for one in deciding.decide(at) if isinstance(one, deciding.Begin)] == ["restart"]


def test_what_a_person_was_called_about_is_not_repaired_any_more() -> None:
    called = repair("restart", "recall", outcome=Outcome.CALLED, ended_us=NOW)
    assert held(seen(DOWN, repairs=(called,))) == "a person was called"
    # A broken wall throws the switch once, and calls once, however long it stays broken.
    out = incident(alert("isolation", "sandboxd"))
    thrown = repair("kill switch", "sandboxd", id="repair-2", alert="isolation", outcome=Outcome.HELPED, ended_us=NOW)
    told = repair("kill switch", "sandboxd", alert="isolation", outcome=Outcome.CALLED, ended_us=NOW)
    hours = seen(out, repairs=(told, thrown), services=(row("sandboxd"),), now_us=NOW + 7200 * S)
    assert held(hours) == "a person was called"


def test_a_rate_limit_keeps_nobody_from_being_called_about_one_service() -> None:
    put = repair("rate limit", "gateway", id="repair-2", alert="concurrent_users", labels=(), outcome=Outcome.HELPED)
    failed = repairs.ended(repair("restart", "recall"), Outcome.DID_NOT_HELP, "", NOW)
    at = seen(incident(alert("service_down", "recall"), since_s=400), repairs=(put, failed))
    assert isinstance(only(dataclasses.replace(at, now_us=NOW + 100 * S)), deciding.Call)


def test_a_person_is_not_called_while_what_was_red_gets_better_after_a_repair() -> None:
    served = repairs.ended(repair("drain and restart", "gateway", alert="http_5xx", labels=()), Outcome.HELPED, "", NOW)
    handed = repair("raise a patch", "gateway", id="repair-2", outcome=Outcome.HANDED_ON, ended_us=NOW)
    usual = seen(incident(alert("http_5xx")), services=WELL, repairs=(handed, served))
    eases = {("http_5xx", ()): gates.Verdict.AMBER}
    assert held(dataclasses.replace(usual, verdicts=eases)).startswith("what was done last has time to show")
    late = dataclasses.replace(usual, verdicts=eases, now_us=NOW + 330 * S)
    assert isinstance(only(late), deciding.Call)


def test_nobody_is_turned_away_for_what_a_gate_looks_back_on_once_its_cause_was_repaired() -> None:
    restarted = repairs.ended(repair("restart", "worker"), Outcome.HELPED, "", NOW)
    late = incident(alert("latency"), since_s=900)
    usual = seen(late, services=WELL, repairs=(restarted,), can_scale=False)
    assert held(usual).startswith("shed: what helped 0 s ago")
    assert begun(dataclasses.replace(usual, now_us=NOW + 331 * S)) == ("shed", "gateway")
    # One more gateway takes nothing from anybody.
    assert begun(dataclasses.replace(usual, can_scale=True)) == ("scale", "gateway")


def test_a_gate_that_is_red_of_what_it_looks_back_on_calls_nobody_just_after_a_repair_of_another_part_helped() -> None:
    one = repair("drain and restart", "sandboxd", alert="descriptors", labels=(("svc", "sandboxd"),))
    helped = repairs.ended(one, Outcome.HELPED, "", NOW)
    usual = seen(incident(alert("fd_usage"), since_s=70), services=WELL, repairs=(helped,))
    assert held(usual).startswith("what was done last has time to show")
    assert isinstance(only(dataclasses.replace(usual, now_us=NOW + 90 * S)), deciding.Call)


def test_a_page_for_which_nothing_can_be_tried_waits_a_minute_and_a_warning_calls_nobody() -> None:
    starting = (row("recall", "starting"),)
    assert "a person is called after" in held(
        seen(incident(alert("service_down", "recall"), since_s=5), services=starting)
    )
    assert isinstance(only(seen(DOWN, services=starting)), deciding.Call)
    warning = incident(alert("service_down", "recall", incidents.Severity.WARNING), since_s=900)
    assert "recall is starting" in held(seen(warning, services=starting))


def test_a_rollback_has_helped_once_the_patch_is_no_longer_in_force() -> None:
    back = repair("rollback", playbooks.EVERYTHING, cid="cafe")
    assert deciding.decide(seen(repairs=(back,), patches=(world.Patch("cafe", 0),))) == []
    found = only(seen(repairs=(back,), patches=(world.Patch("cafe", 0, None, is_over=True),)))
    assert isinstance(found, deciding.Settle) and found.outcome is Outcome.HELPED


def test_what_helped_may_be_done_again_after_its_cool_down_and_so_often_an_hour() -> None:
    def used(number: int, ago_s: float) -> repairs.Repair:
        at_us = NOW - round(ago_s * S)
        one = repair("restart", "recall", id=f"r{number}", began_us=at_us)
        return repairs.ended(one, Outcome.HELPED, "", at_us + S)

    assert "cools down" in held(seen(DOWN, repairs=(used(1, 20),)))
    assert begun(seen(DOWN, repairs=(used(1, 40),))) == ("restart", "recall")
    often = tuple(used(number, 100.0 * number) for number in range(1, 5))
    found = only(seen(DOWN, repairs=often))
    assert isinstance(found, deciding.Call) and "4 times within the hour" in found.why


def test_once_the_repairs_of_an_hour_are_used_up_a_person_is_called() -> None:
    other = tuple(
        repairs.ended(repair("restart", f"other{number}", id=f"r{number}", incident_id="x"), Outcome.HELPED, "", NOW)
        for number in range(12)
    )
    found = only(seen(DOWN, repairs=other))
    assert isinstance(found, deciding.Call) and "healing.repairs_per_hour" in found.why


def test_nobody_is_called_at_once_because_the_repairs_of_an_hour_are_used_up() -> None:
    begun_now = incident(alert("service_down", "recall"), since_s=5)
    at = seen(begun_now, settings=repairs.HealingConfig(repairs_per_hour=0))
    assert "a person is called after 60 s" in held(at)


def test_a_page_without_a_playbook_calls_a_person_and_a_warning_is_left_alone() -> None:
    found = only(seen(incident(alert("concurrency_of_nothing"), since_s=61)))
    assert isinstance(found, deciding.Call) and found.why == "no playbook is for it"
    for name, service in (("egress", "recall"), ("isolation_untried", "sandboxd"), ("backup_late", "")):
        one = alert(name, service)
        at = seen(incident(one, since_s=61), services=WELL, verdicts={one.key: gates.Verdict.RED})
        assert isinstance(only(at), deciding.Call), name
    warning = alert("concurrency_of_nothing", severity=incidents.Severity.WARNING)
    assert held(seen(incident(warning))) == "no playbook is for it"


def test_a_warning_about_which_nothing_may_be_tried_for_now_calls_a_person() -> None:
    warning = alert("service_down", "recall", incidents.Severity.WARNING)
    at = seen(incident(warning, since_s=61), settings=repairs.HealingConfig(repairs_per_hour=0))
    found = only(at)
    assert isinstance(found, deciding.Call) and "healing.repairs_per_hour" in found.why


def _long(*alerts_since_s: tuple[incidents.Alert, float]) -> incidents.Incident:
    """An incident that was opened hours ago, of alerts that fired since then."""
    members = tuple(dataclasses.replace(incident(one, since_s=since_s).members[0]) for one, since_s in alerts_since_s)
    return dataclasses.replace(incident(alert("service_down", "worker"), since_s=9000), members=members)


@pytest.mark.parametrize("outcome", [Outcome.DID_NOT_HELP, Outcome.FAILED, Outcome.CALLED])
def test_what_came_of_something_before_in_a_long_incident_keeps_nothing_from_being_repaired_now(
    outcome: Outcome,
) -> None:
    before = repair("restart", "recall", began_us=NOW - 2400 * S, outcome=outcome, ended_us=NOW - 2300 * S)
    at = seen(_long((alert("service_down", "recall"), 60)), repairs=(before,))
    assert begun(at) == ("restart", "recall")
    if outcome is Outcome.CALLED:
        return
    # While what it was for goes on, it counts, for another alert of that part as well.
    same = alert("service_down", "recall")
    stale = alert("metrics_stale", "recall")
    at = seen(_long((same, 2500), (stale, 60)), repairs=(before,))
    assert not any(isinstance(one, deciding.Begin) for one in deciding.decide(at))


def test_a_person_is_called_again_for_a_part_once_something_else_goes_wrong_with_it_but_not_at_once() -> None:
    tried = repair("restart", "recall", id="r2", outcome=Outcome.FAILED, ended_us=NOW - 10 * S)
    now = _long((alert("service_down", "recall"), 70))

    def after(seconds: float) -> deciding.Decision:
        at_us = NOW - round(seconds * S)
        called = repair("restart", "recall", began_us=at_us, outcome=Outcome.CALLED, ended_us=at_us)
        return only(seen(now, repairs=(called, tried)))

    assert isinstance(after(deciding.CALLED_AGAIN_S), deciding.Call)
    assert isinstance(after(deciding.CALLED_AGAIN_S - 1), deciding.Held)


def test_a_warning_calls_nobody_because_of_what_was_tried_for_something_that_is_over() -> None:
    warning = alert("concurrency_of_nothing", severity=incidents.Severity.WARNING)
    tried = repair("restart", "recall", began_us=NOW - 2400 * S, outcome=Outcome.FAILED, ended_us=NOW - 2300 * S)
    at = seen(_long((warning, 61)), repairs=(tried,))
    assert held(at) == "no playbook is for it"
    goes_on = seen(_long((alert("service_down", "recall"), 2500), (warning, 61)), repairs=(tried,))
    assert any(isinstance(one, deciding.Call) and one.alert.name == warning.name for one in deciding.decide(goes_on))


def test_what_comes_back_soon_after_a_person_was_called_is_repaired() -> None:
    called = repair("restart", "recall", began_us=NOW - 100 * S, outcome=Outcome.CALLED, ended_us=NOW - 100 * S)
    assert begun(seen(_long((alert("service_down", "recall"), 60)), repairs=(called,))) == ("restart", "recall")


def test_an_alert_that_names_no_part_is_left_alone() -> None:
    growth = incident(alert("memory_growth", severity=incidents.Severity.WARNING))
    assert "rollback: no patch came to serve" in held(seen(growth))
    assert held(seen(incident(alert("service_down", "steward")), services=(row("steward", "hung"),))) == (
        "the supervisor alone can repair it"
    )


def test_a_leak_is_ended_by_a_restart_that_drains_only_where_it_is_fast() -> None:
    leak = incident(alert("memory", "recall"))
    key = ("memory", (("svc", "recall"),))
    ready = {"services": WELL, "verdicts": {key: gates.Verdict.RED}}
    assert begun(seen(leak, **ready)) == ("drain and restart", "recall")
    amber = seen(leak, services=WELL, verdicts={key: gates.Verdict.AMBER})
    assert begun(amber) == ("raise a patch", "recall")
    assert held(seen(leak, services=WELL, verdicts={key: gates.Verdict.UNKNOWN})) == "it is unknown now"


def test_an_index_that_misses_what_is_there_is_rebuilt_and_then_a_person_is_called() -> None:
    one = alert("memory_index", "recall")
    at = seen(incident(one), services=WELL, verdicts={one.key: gates.Verdict.RED})
    assert begun(at) == ("rebuild index", "recall")
    tried = repair(
        "rebuild index", "recall", alert=one.name, labels=one.labels, outcome=Outcome.DID_NOT_HELP, ended_us=NOW
    )
    assert isinstance(only(dataclasses.replace(at, repairs=(tried,))), deciding.Call)


def test_a_patch_is_raised_only_where_a_bot_is_at_work_that_would_propose_one() -> None:
    one = alert("memory", "recall")
    at = seen(incident(one), services=WELL, verdicts={one.key: gates.Verdict.AMBER})
    assert begun(at) == ("raise a patch", "recall")
    found = only(dataclasses.replace(at, can_propose=False))
    assert isinstance(found, deciding.Call) and "no bot is at work" in found.why


def test_the_watcher_that_hangs_is_started_anew_though_nobody_watches() -> None:
    down = incident(alert("watcher_down"))
    assert begun(seen(down, services=(row("watcher", "hung"),), verdicts=None)) == ("restart", "watcher")


def test_what_a_person_asks_for_waits_for_what_is_under_way() -> None:
    asked = repair("restart", "model", outcome=Outcome.WANTED, by="ann", began_us=NOW - S)
    found = only(seen(repairs=(asked,)))
    assert isinstance(found, deciding.Begin) and (found.wanted, found.component) == ("repair-1", "model")
    busy = repair("restart", "model", id="repair-0")
    assert deciding.decide(seen(repairs=(asked, busy))) == []
    assert deciding.decide(seen(repairs=(asked,), paused="paused")) == []
    late = dataclasses.replace(asked, began_us=NOW - 121 * S)
    settled = only(seen(repairs=(late,)))
    assert isinstance(settled, deciding.Settle) and settled.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("name", "service", "amber", "red"),
    [
        ("latency", "", "scale", "scale"),
        ("spend", "", "", "rate limit"),
        ("disk_usage", "", "compact", "compact"),
        ("network_errors", "", "", "switch provider"),
        ("gpu_memory", "", "", "restart the model"),
        ("http_5xx", "", "", "drain and restart"),
        ("success_rate", "", "", ""),
        ("concurrent_users", "", "scale", "rate limit"),
        ("response_size", "", "", ""),
        ("memory", "recall", "raise a patch", "drain and restart"),
        ("descriptors", "recall", "raise a patch", "drain and restart"),
        ("sandbox_queue", "sandboxd", "", "re-create pool"),
        ("model_queue", "model", "", "restart the model"),
        ("disk_growth", "watcher", "compact", "compact"),
        ("cost_drift", "watcher", "", "rate limit"),
        ("egress", "gateway", "", ""),
    ],
)
def test_what_is_done_first_about_each_alert(name: str, service: str, amber: str, red: str) -> None:
    one = alert(name, service)
    ready = (*WELL, row("sandboxd"), row("zygote"), row("watcher"))
    for verdict, wanted in ((gates.Verdict.GREEN, ""), (gates.Verdict.AMBER, amber), (gates.Verdict.RED, red)):
        at = seen(incident(one, since_s=900), services=ready, verdicts={one.key: verdict})
        found = only(at)
        assert (found.playbook.name if isinstance(found, deciding.Begin) else "") == wanted, (verdict, found)


def test_what_comes_after_a_playbook_comes_only_once_that_was_tried_and_the_switch_calls_a_person() -> None:
    file = shipped("playbooks.yaml")
    file["playbooks"]["re-create pool"]["then"] = "kill switch"  # type: ignore[index]
    book = playbooks.book(playbooks_file.build(file), GATES, SENTINELS)
    one = alert("sandbox_queue", "sandboxd")
    at = seen(
        incident(one, since_s=1600), book=book, services=(row("sandboxd"),), verdicts={one.key: gates.Verdict.AMBER}
    )
    assert isinstance(only(at), deciding.Call)
    tried = repairs.ended(repair("re-create pool", "sandboxd", began_us=NOW - 1500 * S), Outcome.DID_NOT_HELP, "", NOW)
    begin, call = deciding.decide(dataclasses.replace(at, verdicts={one.key: gates.Verdict.RED}, repairs=(tried,)))
    assert isinstance(begin, deciding.Begin) and begin.playbook.name == "kill switch"
    assert isinstance(call, deciding.Call) and "sandbox lift" in call.why
    thrown = repair("kill switch", "sandboxd", alert=one.name, labels=one.labels, acted_us=NOW)
    assert any(isinstance(each, deciding.Call) for each in deciding.decide(dataclasses.replace(at, repairs=(thrown,))))


def test_the_switch_is_thrown_and_a_person_called_as_soon_as_a_self_test_got_out_of_the_sandbox() -> None:
    one = alert("isolation", "sandboxd")
    at = seen(incident(one, since_s=1), services=(row("sandboxd"),), verdicts={one.key: gates.Verdict.RED})
    begin, call = deciding.decide(at)
    assert isinstance(begin, deciding.Begin) and begin.playbook.name == "kill switch"
    assert isinstance(call, deciding.Call) and "sandbox lift" in call.why
    green = deciding.decide(dataclasses.replace(at, verdicts={one.key: gates.Verdict.GREEN}))
    assert not any(isinstance(each, deciding.Begin | deciding.Call) for each in green)


def test_a_person_is_called_only_once_a_rate_limit_had_its_time_to_show() -> None:
    one = alert("cost_drift", "watcher")
    at = seen(incident(one, since_s=1000), services=(row("watcher"),), verdicts={one.key: gates.Verdict.RED})

    def after(seconds: float, **ended: object) -> deciding.Decision:
        began_us = NOW - round(seconds * S)
        put = repair(
            "rate limit", "gateway", alert=one.name, labels=one.labels, began_us=began_us, acted_us=began_us, **ended
        )
        return deciding.decide(dataclasses.replace(at, repairs=(put,)))[-1]

    done = {"outcome": Outcome.HELPED, "ended_us": NOW}
    for decision in (after(5), after(20, **done), after(deciding.LIMITED_S - 1, **done)):
        assert isinstance(decision, deciding.Held) and decision.why.startswith("what was done last has time to show")
    assert isinstance(after(deciding.LIMITED_S, **done), deciding.Call)
    assert isinstance(after(20, outcome=Outcome.FAILED, ended_us=NOW), deciding.Call)


def test_amber_is_not_quiet_and_what_was_never_carried_out_did_not_help() -> None:
    leak = alert("memory", "recall")
    going = repair("shed", "gateway", alert="memory", labels=leak.labels, acted_us=NOW)

    def helped(verdict: gates.Verdict, one: repairs.Repair = going) -> bool | None:
        return seen(incident(leak), repairs=(one,), verdicts={leak.key: verdict}).helped(one)

    assert helped(gates.Verdict.GREEN) and not helped(gates.Verdict.AMBER)
    assert not helped(gates.Verdict.GREEN, dataclasses.replace(going, acted_us=0))
    restart = repair("restart", "recall", before=())
    assert not seen(services=WELL).helped(restart)
    late = dataclasses.replace(going, acted_us=0, until_us=NOW)
    settled = only(seen(repairs=(late,)))
    assert isinstance(settled, deciding.Settle) and settled.outcome is Outcome.FAILED and settled.undo


def test_a_playbook_that_cools_down_is_passed_over() -> None:
    served = DOWN.began_us - 30 * S
    back = repair("rollback", playbooks.EVERYTHING, id="r0", incident_id="x", began_us=NOW - 300 * S)
    back = repairs.ended(back, Outcome.HELPED, "", NOW - 290 * S)
    assert begun(seen(DOWN, patches=(world.Patch("cafe", served),), repairs=(back,))) == ("restart", "recall")


def test_the_pool_and_the_zygote_are_not_repaired_at_once() -> None:
    down = incident(alert("service_down", "zygote"))
    pool = repair("re-create pool", "sandboxd")
    assert held(seen(down, services=(row("zygote", "hung"), row("sandboxd", "hung")), repairs=(pool,))) == (
        "zygote is under repair"
    )


def test_a_row_may_not_ask_for_a_rollback_nor_for_more_than_the_limits() -> None:
    for name, component in (("rollback", "*"), ("restart", "*"), ("restart", "steward"), ("shed", "recall")):
        asked = repair(name, component, outcome=Outcome.WANTED, by="ann", began_us=NOW - S)
        settled = only(seen(repairs=(asked,)))
        assert isinstance(settled, deciding.Settle) and settled.outcome is Outcome.FAILED
    rows = tuple(
        repair("restart", f"s{number}", id=f"w{number}", outcome=Outcome.WANTED, by="ann", began_us=NOW)
        for number in range(5)
    )
    assert sum(isinstance(one, deciding.Begin) for one in deciding.decide(seen(repairs=rows))) == 3
    few = repairs.HealingConfig(repairs_per_hour=1)
    assert sum(isinstance(one, deciding.Begin) for one in deciding.decide(seen(repairs=rows, settings=few))) == 1


COMPONENTS = ("recall", "model", "gateway", "sandboxd", "watcher")
ALERTS = st.one_of(
    st.tuples(st.sampled_from(["service_down", "metrics_stale", "crash_loop", "memory"]), st.sampled_from(COMPONENTS)),
    st.tuples(st.sampled_from(["latency", "http_5xx", "disk_usage", "spend"]), st.just("")),
)
TICKS = st.lists(
    st.fixed_dictionaries(
        {
            "alerts": st.lists(ALERTS, max_size=4, unique=True),
            "states": st.lists(st.sampled_from(["ready", "hung", "backoff", "starting"]), min_size=5, max_size=5),
            "known": st.booleans(),
            "patch": st.booleans(),
            "wait_s": st.sampled_from([1, 15, 70, 400, 2000]),
            "restart": st.booleans(),
        }
    ),
    max_size=25,
)


def test_a_clock_that_is_set_gives_back_no_limit_and_ends_no_repair() -> None:
    ages, few = world.Ages(), repairs.HealingConfig(repairs_per_day=1)
    used = repairs.ended(repair("restart", "gateway", id="used"), Outcome.HELPED, "", NOW - 5 * S)
    going = repair("drain and restart", "recall", id="going", acted_us=NOW - 19 * S)
    assert ages.of((used, going), NOW, 100.0) == {"used": 20.0, "going": 20.0}
    for step_us in (0, 86_400 * S, -86_400 * S):
        now_us = NOW + step_us
        at = seen(now_us=now_us, repairs=(used, going), settings=few, ages_s=ages.of((used, going), now_us, 110.0))
        assert at.age_us(used) == 30 * S and at.spent() and not at.is_late(going)
        left_s, _ = deciding._cools_down(at, BOOK.playbooks["restart"], "gateway", alert("service_down", "gateway"))
        assert left_s >= 0
    over = seen(repairs=(going,), now_us=NOW - 86_400 * S, ages_s=ages.of((going,), NOW - 86_400 * S, 161.0))
    assert over.is_late(going)
    assert ages.of((), NOW, 200.0) == {}


LIMITS = repairs.HealingConfig(repairs_per_hour=4, repairs_per_day=9, at_once_max=2)


@pytest.mark.parametrize("resumed", [False, True])
@settings(max_examples=150)
@given(ticks=TICKS)
def test_in_no_story_are_two_repairs_at_one_place_or_more_than_is_allowed(
    resumed: bool, ticks: list[dict[str, object]]
) -> None:
    """Play looks over a life in which anything may be wrong, services come and go, and the steward ends in between."""
    kept: dict[str, repairs.Repair] = {}
    now, number = NOW, 0
    for tick in ticks:
        now += round(float(tick["wait_s"]) * S)  # type: ignore[arg-type]
        alerts = [alert(name, service) for name, service in tick["alerts"]]  # type: ignore[attr-defined]
        found = (dataclasses.replace(incident(*alerts), began_us=now - S, detected_us=now - S),) if alerts else ()
        rows = tuple(row(name, state, now % 97) for name, state in zip(COMPONENTS, tick["states"], strict=True))  # type: ignore[call-overload]
        served = (world.Patch("cafe", now - 2 * S, None),) if tick["patch"] else ()
        at = world.World(
            now, BOOK, LIMITS, found, tuple(sorted(kept.values(), key=lambda one: one.id, reverse=True)),
            rows if tick["known"] else None, {} if tick["known"] else None, served,
        )  # fmt: skip
        decided = deciding.decide(at)
        assert deciding.decide(at) == decided, "the same world is decided on in the same way"
        for decision in decided:
            match decision:
                case deciding.Settle(one, outcome, told):
                    assert kept[one.id].is_under_way, "what has ended stays ended"
                    kept[one.id] = repairs.ended(one, outcome, told, now)
                case deciding.Begin(playbook, component, _, of, about, cid):
                    number += 1
                    assert tick["known"], "nothing begins on what nobody knows"
                    going = {one.component for one in kept.values() if one.is_under_way}
                    assert component not in going and playbooks.EVERYTHING not in going
                    assert component != playbooks.EVERYTHING or not going
                    assert len(going) < LIMITS.at_once_max
                    assert of is not None and about is not None
                    kept[f"r{number:04}"] = repair(
                        playbook.name, component, id=f"r{number:04}", began_us=now, incident_id=of.id, cid=cid,
                        until_us=now + round(playbook.within_s * S), acted_us=0 if tick["restart"] and resumed else now,
                        alert=about.name, labels=about.labels,
                    )  # fmt: skip
                case deciding.Call(of, about, component):
                    number += 1
                    assert component not in {one.component for one in kept.values() if one.is_under_way}
                    assert not any(
                        one.outcome is Outcome.CALLED and (one.incident_id, one.component) == (of.id, component)
                        for one in kept.values()
                    ), "a person is called once"
                    kept[f"r{number:04}"] = repair(
                        "restart", component, id=f"r{number:04}", began_us=now, outcome=Outcome.CALLED, ended_us=now
                    )
        mine = [one for one in kept.values() if one.counts]
        assert sum(now - one.began_us < 3600 * S for one in mine) <= LIMITS.repairs_per_hour
        assert sum(now - one.began_us < 86_400 * S for one in mine) <= LIMITS.repairs_per_day
        for name, found_book in BOOK.playbooks.items():
            for component in {one.component for one in mine}:
                uses = [one for one in mine if (one.playbook, one.component) == (name, component)]
                assert sum(now - one.began_us < 3600 * S for one in uses) <= found_book.hourly_max
