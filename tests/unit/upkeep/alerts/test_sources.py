"""What gates, sentinels, services, budgets and targets say, as observations."""

import itertools
import re

import pytest

from council import homes
from council.cli import main as cli_main
from council.domain import alerting, budgets, gates, incidents, links, states
from council.domain.gates import Verdict
from council.upkeep.alerts import causes, notices, sources
from council.upkeep.alerts import track as tracks

T0 = 1_790_000_000_000_000


def gate(name: str) -> gates.Gate:
    bake = gates.Bake(20, 1, "")
    form = gates.Count(gates.Selector("x"))
    return gates.Gate(name, form, "%", gates.Comparator.BELOW, 5, 4, (60,), 1, (), bake, "", "")


@pytest.mark.parametrize(
    ("name", "called"),
    [("error_rate", "http_5xx"), ("latency_p95", "latency"), ("cost_per_100", "spend"), ("disk_usage", "disk_usage")],
)
def test_three_gates_are_alerts_by_the_name_that_people_look_for(name: str, called: str) -> None:
    judged = gates.Judged(gate(name), Verdict.RED, 7.0, "7 %, must be < 5", 100, 60, "embedded", "abc", 1.0)
    seen = sources.of_gate(judged, T0)
    assert (seen.name, seen.verdict, seen.reason, seen.at_us) == (called, Verdict.RED, "7 %, must be < 5", T0)
    assert seen.next_step


def test_a_finding_names_its_service_and_its_own_next_step() -> None:
    seen = sources.of_finding("memory", "gateway", "amber", "grows 9 MB an hour", "Look at it.", T0)
    assert incidents.words_of(seen.name, seen.labels) == "the memory of gateway grows"
    assert (seen.verdict, seen.next_step, seen.page_after_s) == (Verdict.AMBER, "Look at it.", None)


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        ("ready", Verdict.GREEN),
        ("starting", Verdict.AMBER),
        ("stopping", Verdict.AMBER),
        ("stopped", Verdict.NOT_APPLICABLE),
        ("backoff", Verdict.RED),
        ("hung", Verdict.RED),
    ],
)
def test_a_service_that_should_run_and_does_not_is_down(state: str, verdict: Verdict) -> None:
    status = states.ServiceStatus("gateway:1", state, None, "abc", 0, 3, 0, "it exited with 1")
    seen = sources.of_service(status, T0)
    assert seen.verdict is verdict
    assert seen.labels == (("svc", "gateway"), ("replica", "1"))
    assert seen.reason == f"it is {state}: it exited with 1"


@pytest.mark.parametrize(("crashes", "verdict"), [(1, Verdict.AMBER), (2, Verdict.RED)])
def test_one_that_ended_more_than_once_is_down_while_it_starts_again(crashes: int, verdict: Verdict) -> None:
    status = states.ServiceStatus("recall", "starting", 7, "abc", 0, 3, 0, "it exited with 1", crashes)
    assert sources.of_service(status, T0).verdict is verdict


def line(spent: int, held: int = 0, limit: int | None = 100, period: str = "2026-11-29") -> budgets.Line:
    return budgets.Line("all", "", period, limit, spent, held, None)


def test_a_budget_warns_from_four_fifths_on_and_what_is_held_counts() -> None:
    found = list(sources.of_budgets([line(79), line(70, 10), line(90, 10), line(5, limit=None)], T0))
    assert [one.verdict for one in found] == [Verdict.GREEN, Verdict.AMBER, Verdict.RED]
    assert found[1].reason == "80% of the budget of 2026-11-29 is spent"
    assert found[2].reason.endswith("paid calls are refused")


def test_a_new_day_is_the_same_alert() -> None:
    (one,), (other,) = (sources.of_budgets([line(90, period=day)], T0) for day in ("2026-11-29", "2026-11-30"))
    (month,) = sources.of_budgets([line(90, period="2026-11")], T0)
    assert one.key == other.key != month.key


def test_a_target_that_does_not_answer_is_red_and_never_merely_unknown() -> None:
    assert sources.of_source("gateway", "", 0, [], T0).verdict is Verdict.GREEN
    stale = sources.of_source("gateway", "it cannot be reached", 90, [], T0)
    assert (stale.verdict, stale.reason) == (Verdict.RED, "it cannot be reached; it was last read 90 s ago")


@pytest.mark.parametrize(
    ("replicas", "verdict"),
    [
        ([("ready", "")], Verdict.RED),
        ([("starting", "")], Verdict.UNKNOWN),
        ([("stopping", "")], Verdict.UNKNOWN),
        ([("stopped", "")], Verdict.NOT_APPLICABLE),
        ([("stopped", ""), ("stopping", "")], Verdict.UNKNOWN),
        # One that crashed is started by nobody's wish, and one of two that is ready should answer.
        ([("starting", "stopped by signal 9")], Verdict.RED),
        ([("backoff", "ended with status 1")], Verdict.RED),
        ([("starting", ""), ("ready", "")], Verdict.RED),
    ],
)
def test_a_service_that_was_told_to_stop_or_start_is_not_missed(
    replicas: list[tuple[str, str]], verdict: Verdict
) -> None:
    rows = [states.ServiceStatus("model", state, 1, "a" * 40, 5.0, 0, 0, reason) for state, reason in replicas]
    assert sources.of_source("model", "it cannot be reached", 90, rows, T0).verdict is verdict
    assert sources.of_source("model", "", 0, rows, T0).verdict is Verdict.GREEN


def test_nobody_to_watch_is_red() -> None:
    assert sources.of_targets("", 5, T0).verdict is Verdict.GREEN
    assert sources.of_targets("targets.json cannot be read", 5, T0).verdict is Verdict.GREEN
    empty = sources.of_targets("targets.json cannot be read", 0, T0)
    assert (empty.verdict, empty.reason) == (Verdict.RED, "no service is watched: targets.json cannot be read")


def test_every_next_step_names_commands_that_exist() -> None:
    for text in alerting.NEXT_STEPS.values():
        for words in re.findall(r"`council ([^`]*)`", text):
            command = cli_main.cli
            for word in itertools.takewhile(re.compile("[a-z-]+$").match, words.split()):
                found = command.get_command(None, word) if hasattr(command, "get_command") else None  # type: ignore[arg-type]
                if found is None:
                    break
                command = found  # type: ignore[assignment]
            options = {option for parameter in command.params for option in parameter.opts}
            assert command is not cli_main.cli, words
            assert {word for word in words.split() if word.startswith("--")} <= options, words


def test_a_descriptor_warning_comes_within_a_minute_and_its_page_after_five() -> None:
    rule = alerting.rule_of("descriptors", alerting.AlertsConfig())
    track, found = tracks.Track(), []
    for second in range(0, 600, 15):
        verdict = Verdict.AMBER if second < 30 else Verdict.RED
        track, change = tracks.step(track, verdict, T0 + second * 1_000_000, rule)
        found += [(second, change)] if change else []
    assert found == [(15, tracks.Change.FIRED), (330, tracks.Change.WORSENED)]


def test_the_causal_table_has_no_rings_of_two_and_no_link_to_itself() -> None:
    pairs = {(link.cause, effect) for link in links.LINKS for effect in link.effects}
    assert not {pair for pair in pairs if pair[::-1] in pairs}


def test_what_began_after_the_last_alert_is_no_candidate() -> None:
    from council.upkeep.alerts import board

    alert = incidents.Alert("latency", (), incidents.Severity.PAGE, "", T0, "")
    members = [incidents.Member(alert, T0)]
    late = board.Bad("concurrent_users", (), T0 + 1, 0, "")
    early = board.Bad("concurrent_users", (), T0 - 1, 0, "")
    down = board.Bad("service_down", (("svc", "sandboxd"),), T0 - 1, 0, "")
    assert not causes.candidates(members, [late])
    assert [cause.because[:14] for cause in causes.candidates(members, [down, early])] == ["more questions", ""]


def test_what_is_told_of_one_service_is_not_linked_to_another() -> None:
    from council.upkeep.alerts import board

    alert = incidents.Alert("service_down", (("svc", "gateway"),), incidents.Severity.PAGE, "", T0, "")
    bad = [board.Bad("descriptors", (("svc", service),), T0 - 1, 0, "") for service in ("gateway", "smoke")]
    found = causes.candidates([incidents.Member(alert, T0)], bad)
    assert [(cause.title, bool(cause.because)) for cause in found] == [
        ("gateway runs out of files and sockets that it may open", True),
        ("smoke runs out of files and sockets that it may open", False),
    ]


def test_a_candidate_is_one_line_whose_sentences_end_once() -> None:
    cause = incidents.Cause(
        "gateway has most files open", T0, "900 of 1024 descriptors are in use.", "no connection opens", 0
    )
    assert notices.cause_line(cause).endswith(": 900 of 1024 descriptors are in use. No connection opens.")


def crashed(name: str, crashes: int, reasons: str, state: str = "ready") -> states.ServiceStatus:
    return states.ServiceStatus(name, state, 1, "a" * 40, 5.0, 9, 0, "", crashes, reasons)


def test_a_service_that_ends_again_and_again_is_bad_all_its_replicas_together() -> None:
    rows = [crashed("gateway", 2, "stopped by signal 9"), crashed("gateway:1", 1, "ended with status 1")]
    (bad,) = sources.of_crashes(rows, 3, T0)
    assert (bad.name, bad.verdict, bad.labels) == ("crash_loop", Verdict.RED, (("svc", "gateway"),))
    assert bad.reason == "it ended 3 times unasked within an hour, last: stopped by signal 9, ended with status 1"
    (well,) = sources.of_crashes(rows, 4, T0)
    assert well.verdict is Verdict.GREEN


def test_a_service_that_was_stopped_ends_again_and_again_no_more() -> None:
    (one,) = sources.of_crashes([crashed("recall", 9, "ended with status 1", "stopped")], 3, T0)
    assert one.verdict is Verdict.NOT_APPLICABLE


@pytest.mark.parametrize(("held_s", "fired_s"), [(0.0, 5), (3.0, 2), (12.0, 0)])
def test_what_had_been_so_before_it_was_told_is_an_alert_so_much_sooner(held_s: float, fired_s: int) -> None:
    rule = alerting.rule_of("memory", alerting.AlertsConfig(), 0.0, held_s)
    track, found = tracks.Track(), []
    for second in range(8):
        track, change = tracks.step(track, Verdict.RED, T0 + second * 1_000_000, rule)
        found += [(second, track.severity)] if change else []
    assert found == [(fired_s, incidents.Severity.PAGE)]


def test_every_alert_that_council_ships_is_put_into_words_and_others_go_by_their_names() -> None:
    files = homes.default_files()
    shipped = homes.parse_yaml(files[gates.FILE], gates.FILE)[gates.KEY]
    names = {alerting.NAMED.get(name, name) for name in shipped} | set(alerting.SENTINELS) | set(alerting.NEXT_STEPS)
    assert names <= set(alerting.WORDS)
    assert not any(":" in words or "_" in words for words in alerting.WORDS.values())
    titles = {incidents.words_of(name, (("svc", "recall"), ("replica", "1"))) for name in alerting.WORDS}
    assert len(titles) == len(alerting.WORDS)
    assert incidents.words_of("service_down", (("svc", "gateway"), ("replica", "1"))) == "gateway 1 does not work"
    assert incidents.words_of("my_gate", ()) == "my gate"
    assert incidents.words_of("my_rule", (("svc", "{who}"),)) == "my rule of {who}"
    assert incidents.words_of("metrics_stale", ()) == "nobody can read how any service does"
