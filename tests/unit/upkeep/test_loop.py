"""The care loop turns over made services: what it reads, what it makes of silence, and what outlives it."""

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from council.backends.samples import sqlite
from council.domain import alerting, budgets, errors, gates, gates_file, patches, sentinels_file, states, watching
from council.testing import alerts, clock
from council.upkeep import loop
from council.upkeep.alerts import desk, keeping
from council.upkeep.samples import recent

SHIPPED = yaml.safe_load((Path(__file__).parents[3] / "config" / "gates.yaml").read_text())
SENTINELS = sentinels_file.build(yaml.safe_load((Path(__file__).parents[3] / "config" / "sentinels.yaml").read_text()))
GATES = gates_file.build(SHIPPED, SHIPPED)
LIVE, OTHER = "a" * 40, "b" * 40
CID = "c" * 16
SERVICES = ("gateway", "recall", "watcher")
TEXT = """council_generation_info{{svc="{svc}",generation="{generation}"}} 1
open_fds_total{{svc="{svc}"}} {fds}
heap_mb{{svc="{svc}"}} {heap_mb}
fd_soft_limit{{svc="{svc}"}} 1024
council_process_memory_bytes{{svc="{svc}"}} 3e8
council_process_start_seconds{{svc="{svc}"}} {began_s}
"""
GATEWAY = """council_exchanges_total{{outcome="ok"}} {ok}
council_exchanges_total{{outcome="error"}} {error}
council_exchanges_total{{outcome="timeout"}} 0
council_users_in_flight 2
"""
TRIED = 'open_fds_total{svc="gateway-canary"} 1000\nfd_soft_limit{svc="gateway-canary"} 1024\n'
WATCHER = 'council_disk_used_bytes{svc="watcher"} 40\ncouncil_disk_size_bytes{svc="watcher"} 100\n'


class House:
    """Three services, a supervisor, and a loop over them."""

    def __init__(self, folder: Path) -> None:
        self.clock = clock.ManualClock()
        self.folder = folder
        self.away: set[str] = set()
        self.garbled: set[str] = set()
        self.generation = dict.fromkeys(SERVICES, LIVE)
        self.fds, self.ok, self.error = 100, 0, 0
        self.heap_mb = 300.0
        self.tries = False
        self.traced: list[str] = []
        self.supervised = self.recorded = self.listed = True
        self.spent = 0
        self.state, self.ended, self.crashes = "ready", "", 0
        self.replicas: list[str] = []
        self.kept = alerts.PlainIncidents()
        self.watched = list(SERVICES)
        self.began_s = self.clock.now_us() / 1e6
        self.source: Elsewhere | None = None
        self.begin()

    def begin(self) -> None:
        self.samples = sqlite.SqliteSamples(self.folder / "samples.db")
        seen = recent.Recent(loop.RECENT_S, 10_000)
        numbers = itertools.count(len(self.kept.kept))
        settings = alerting.AlertsConfig()
        care = keeping.Keeping(
            desk.Desk(settings, lambda _: f"id-{next(numbers):04}"), self.kept, [], settings, self.clock
        )
        parts = loop.Parts(
            self, self, self.source or loop.Embedded(seen), self.samples, care,
            self.targets, self.spending, self.clock,
        )  # fmt: skip
        self.loop = loop.Loop(parts, GATES, SENTINELS, seen, watching.WatchConfig(), patches.Label(LIVE, CID))

    def targets(self) -> list[watching.Target]:
        if not self.listed:
            raise errors.ScrapeError("targets.json cannot be read")
        return [watching.Target(one, one) for one in self.watched]

    async def status(self, *, memory: bool = True, everywhere: bool = False) -> list[states.ServiceStatus]:
        assert not memory, "each look at memory costs the machine"
        if not self.supervised:
            raise errors.SupervisorUnavailableError("Council is not running.")
        return [
            states.ServiceStatus(one, self.state, 1, LIVE, 5.0, 0, 0, self.ended, self.crashes)
            for one in (*SERVICES, *self.replicas)
        ]

    async def trace(self, service: str) -> None:
        self.traced.append(service)
        if service == "recall":
            raise errors.InvalidRequestError("recall cannot be traced.")

    def spending(self) -> list[budgets.Line]:
        if not self.recorded:
            raise errors.RecordsUnavailableError("The records are away.")
        left = 1_000_000 - self.spent
        return [budgets.Line("all", "", "2027-01-15", 1_000_000, self.spent, 0, left)]

    async def scrape(self, target: watching.Target) -> str:
        if target.service in self.away:
            raise errors.ScrapeError("it cannot be reached")
        if target.service in self.garbled:
            return "open_fds_total{svc= 3\n"
        text = TEXT.format(
            svc=target.service,
            generation=self.generation[target.service],
            fds=self.fds,
            heap_mb=self.heap_mb if target.service != "watcher" else 300.0,
            began_s=self.began_s,
        )
        watcher = WATCHER + (TRIED if self.tries else "")
        more = {"gateway": GATEWAY.format(ok=self.ok, error=self.error), "watcher": watcher}
        return text + more.get(target.service, "")

    async def run(self, seconds: int) -> None:
        for _ in range(seconds // 5):
            await self.loop.turn()
            self.clock.advance(5)

    def verdict(self, name: str) -> tuple[gates.Verdict, str]:
        return next((one.verdict, one.reason) for one in self.loop.sight.gates if one.name == name)

    @property
    def alerts(self) -> list[str]:
        firing = [each.alert for one in self.kept.kept.values() for each in one.members if each.fires]
        return sorted(" ".join([one.name, *(f"{key}={value}" for key, value in one.labels)]) for one in firing)


class Elsewhere:
    """A source that is a server, and goes away."""

    name = "prometheus"
    problem = ""
    # Why it knows nothing though it answers.
    unread = ""

    async def measure(self, judged: Sequence[gates.Gate], now_s: float) -> list[gates.Measured]:
        value = None if self.problem or self.unread else 0.0
        return [gates.Measured(value, 10.0, 60.0, self.problem or self.unread, self.unread) for _ in judged]

    async def close(self) -> None:
        pass


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def test_what_is_told_is_judged_and_what_is_not_is_unknown(house: House) -> None:
    await house.run(10)
    assert house.verdict("fd_usage")[0] is gates.Verdict.GREEN
    assert house.verdict("disk_usage") == (gates.Verdict.GREEN, "40 %, must be < 85")
    assert house.verdict("success_rate") == (gates.Verdict.UNKNOWN, "nothing is told of council_requests_total")
    assert house.verdict("memory_growth")[1].startswith("warm-up: ")
    assert len(house.loop.sight.gates) == 12
    assert house.alerts == []


async def test_a_source_that_goes_away_makes_gates_unknown_and_then_an_alert(house: House) -> None:
    house.source = Elsewhere()
    house.begin()
    await house.run(60)
    assert house.verdict("disk_usage")[0] is gates.Verdict.GREEN
    assert "metrics_stale svc=prometheus" not in house.alerts
    house.source.problem = "the Prometheus at http://127.0.0.1:9090 cannot be reached"
    await house.run(15)
    assert house.verdict("disk_usage") == (gates.Verdict.UNKNOWN, house.source.problem)
    assert "metrics_stale svc=prometheus" in house.alerts
    house.source.problem = ""
    await house.run(70)
    assert "metrics_stale svc=prometheus" not in house.alerts


async def test_a_source_that_answers_and_knows_nothing_is_an_alert_once_it_could_have_caught_up(house: House) -> None:
    house.source = Elsewhere()
    house.begin()
    await house.run(60)
    house.source.unread = "gateway is not watched"
    await house.run(50)
    assert house.verdict("error_rate") == (gates.Verdict.UNKNOWN, "gateway is not watched")
    assert "metrics_stale svc=prometheus" not in house.alerts, "it may not have read yet what was started just now"
    await house.run(25)
    assert "metrics_stale svc=prometheus" in house.alerts
    house.source.unread = ""
    await house.run(70)
    assert "metrics_stale svc=prometheus" not in house.alerts


async def test_a_service_that_nobody_can_read_is_no_fault_of_the_source(house: House) -> None:
    house.source = Elsewhere()
    house.begin()
    await house.run(20)
    house.away, house.source.unread = {"gateway"}, "gateway cannot be read"
    await house.run(200)
    assert "metrics_stale svc=gateway" in house.alerts
    assert "metrics_stale svc=prometheus" not in house.alerts


async def test_a_service_that_falls_silent_makes_gates_unknown_and_then_an_alert(house: House) -> None:
    await house.run(60)
    house.away.add("gateway")
    await house.run(5)
    assert house.verdict("fd_usage") == (gates.Verdict.UNKNOWN, "gateway cannot be read")
    assert house.verdict("concurrent_users") == (gates.Verdict.UNKNOWN, "gateway cannot be read")
    assert house.verdict("disk_usage")[0] is gates.Verdict.GREEN
    assert house.alerts == []
    await house.run(10)
    assert house.alerts == ["metrics_stale svc=gateway"]
    (found,) = house.kept.kept.values()
    assert found.members[0].alert.summary == "it cannot be reached; it was last read 10 s ago"
    house.away.clear()
    await house.run(120)
    assert house.alerts == []
    assert house.verdict("fd_usage")[0] is gates.Verdict.GREEN


async def test_metrics_that_cannot_be_read_are_silence(house: House) -> None:
    house.garbled.add("recall")
    await house.run(15)
    assert house.verdict("fd_usage") == (gates.Verdict.UNKNOWN, "recall cannot be read")
    assert house.alerts == ["metrics_stale svc=recall"]


async def test_errors_turn_a_gate_red_and_its_alert_has_the_name_that_people_look_for(house: House) -> None:
    for _ in range(24):
        house.ok += 10
        await house.run(5)
    assert house.verdict("error_rate")[0] is gates.Verdict.GREEN
    for _ in range(12):
        house.error += 10
        await house.run(5)
    assert house.verdict("error_rate")[0] is gates.Verdict.RED
    assert "http_5xx" in house.alerts


async def test_a_sudden_failure_is_an_alert_before_its_gate_is_red_and_one_bad_moment_is_none(house: House) -> None:
    for _ in range(60):
        house.ok += 100
        await house.run(5)
    house.error += 60
    for _ in range(6):
        await house.run(5)
        house.ok += 100
    assert house.alerts == []
    for _ in range(2):
        house.ok += 60
        house.error += 40
        await house.run(5)
    assert house.verdict("error_rate")[0] is not gates.Verdict.RED
    assert house.alerts == ["http_5xx"]


async def test_a_reading_of_another_generation_is_unknown(house: House) -> None:
    house.generation["gateway"] = OTHER
    await house.run(20)
    assert house.verdict("concurrent_users") == (
        gates.Verdict.UNKNOWN, f"gateway runs generation {OTHER[:8]}, and this gate is of {LIVE[:8]}",
    )  # fmt: skip
    assert house.verdict("disk_usage")[0] is gates.Verdict.GREEN
    # It names no service, so it is about all.
    assert house.verdict("fd_usage")[0] is gates.Verdict.UNKNOWN


async def test_a_supervisor_that_does_not_answer_is_said_and_services_that_fail_are_alerts(house: House) -> None:
    house.state = "failed"
    await house.run(15)
    assert house.alerts == [f"service_down svc={one}" for one in SERVICES]
    house.supervised = False
    await house.run(5)
    assert house.loop.sight.problem == "Council is not running."
    assert house.loop.sight.services == ()


async def test_an_alert_ends_with_what_it_was_about(house: House) -> None:
    house.state, house.replicas = "hung", ["gateway:1"]
    await house.run(15)
    assert "service_down svc=gateway replica=1" in house.alerts
    house.replicas, house.supervised = [], False
    await house.run(10)
    assert "service_down svc=gateway replica=1" in house.alerts, "nobody says that it is gone"
    house.supervised = True
    await house.run(10)
    assert "service_down svc=gateway" in house.alerts
    assert "service_down svc=gateway replica=1" not in house.alerts


async def test_a_source_that_is_asked_no_more_keeps_no_incident_open(house: House) -> None:
    house.source = Elsewhere()
    house.source.problem = "the Prometheus at http://127.0.0.1:9090 cannot be reached"
    house.begin()
    await house.run(30)
    assert "metrics_stale svc=prometheus" in house.alerts
    house.source = None
    house.begin()
    await house.run(10)
    assert house.alerts == []


async def test_a_supervisor_that_hangs_is_an_alert_until_it_answers_again(house: House) -> None:
    await house.run(20)
    house.supervised = False
    await house.run(5)
    assert house.alerts == [], "a single look that fails says little"
    await house.run(10)
    assert house.alerts == ["service_down svc=supervisor"]
    (incident,) = house.kept.kept.values()
    assert "kill -CONT" in incident.members[0].alert.next_step
    house.supervised = True
    await house.run(70)
    assert house.alerts == []


async def test_a_service_that_is_no_longer_listed_is_not_missed(house: House) -> None:
    await house.run(20)
    house.watched.remove("recall")
    await house.run(60)
    assert house.alerts == []
    assert house.verdict("fd_usage")[0] is gates.Verdict.GREEN


async def test_a_service_that_is_restarted_or_stopped_by_its_owner_is_no_alert(house: House) -> None:
    await house.run(20)
    house.away.add("recall")
    for state in ("stopping", "starting", "stopped"):
        house.state = state
        await house.run(60)
        assert house.alerts == []
        assert house.verdict("fd_usage") == (gates.Verdict.UNKNOWN, "recall cannot be read")
    house.state = "ready"
    await house.run(10)
    assert house.alerts == ["metrics_stale svc=recall"]


@pytest.mark.parametrize("states_read", list(itertools.product(("backoff", "starting"), repeat=2)))
async def test_a_service_that_crashed_and_stays_away_is_an_alert_with_the_second_reading(
    house: House, states_read: tuple[str, str]
) -> None:
    await house.run(20)
    house.ended, house.crashes = "stopped by signal 9", 2
    for house.state in states_read:
        assert house.alerts == []
        await house.run(5)
    assert "service_down svc=recall" in house.alerts


@pytest.mark.parametrize("state", ["backoff", "starting"])
async def test_a_service_that_crashed_and_is_back_with_the_next_reading_tells_nobody(house: House, state: str) -> None:
    await house.run(20)
    house.state, house.ended, house.crashes = state, "stopped by signal 9", 2
    await house.run(5)
    # Why it had ended stays with it.
    house.state = "ready"
    await house.run(120)
    assert house.alerts == [] and house.kept.kept == {}


async def test_without_a_list_those_of_before_are_watched_and_with_nobody_to_watch_somebody_is_told(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    await house.run(20)
    house.listed = False
    await house.run(60)
    assert house.verdict("fd_usage")[0] is gates.Verdict.GREEN
    assert house.alerts == []
    assert caplog.text.count("nobody says whom to watch") == 1
    house.samples.close()
    house.begin()
    await house.run(15)
    assert house.verdict("fd_usage") == (gates.Verdict.UNKNOWN, "no service is watched")
    assert house.alerts == ["metrics_stale"]


async def test_a_count_that_is_too_young_to_be_summed_is_not_said_to_lack_samples(house: House) -> None:
    house.clock.advance(1)
    await house.run(5)
    assert house.verdict("concurrent_users") == (
        gates.Verdict.UNKNOWN, "council_users_in_flight gives no finite number",
    )  # fmt: skip
    await house.run(20)
    assert house.verdict("concurrent_users") == (gates.Verdict.GREEN, "2, must be < 100")


async def test_no_number_is_shown_of_a_gate_that_is_unknown(house: House) -> None:
    await house.run(60)
    house.away.add("recall")
    await house.run(120)
    (fds,) = [one for one in house.loop.sight.gates if one.name == "fd_usage"]
    assert (fds.verdict, fds.value) == (gates.Verdict.UNKNOWN, None)
    # Nor is one drawn: a number of those that are left is not the worst of all.
    assert len(house.samples.history("fd_usage", 0).values) == 1


async def test_a_time_in_which_nobody_watched_is_unknown_and_no_verdict_spans_it(house: House) -> None:
    await house.run(60)
    slept_s = house.clock.now_us() / 1e6
    house.clock.advance(3600)
    await house.run(20)
    assert house.alerts == []
    (fds,) = [one for one in house.loop.sight.gates if one.name == "fd_usage"]
    assert fds.verdict is gates.Verdict.GREEN and fds.since_s == slept_s + 3600
    house.samples.close()
    stopped_s = house.clock.now_us() / 1e6
    house.clock.advance(7200)
    house.begin()
    await house.loop.take_up()
    await house.run(20)
    found = house.samples.history("fd_usage", 0).verdicts
    assert [one.verdict for one in found] == [gates.Verdict.GREEN, gates.Verdict.UNKNOWN] * 2 + [gates.Verdict.GREEN]
    assert found[3].reason == "nobody watched then" and stopped_s - 20 < found[3].since_s <= stopped_s
    assert found[4].since_s == stopped_s + 7200


async def test_after_the_clock_was_set_back_nothing_old_passes_for_new(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    await house.run(600)
    house.fds = 1000
    house.clock.step(-300)
    house.away.add("gateway")
    await house.run(10)
    assert house.verdict("concurrent_users") == (gates.Verdict.UNKNOWN, "gateway cannot be read")
    house.away.clear()
    await house.run(10)
    assert house.verdict("fd_usage") == (gates.Verdict.RED, "97.66 %, must be < 80")
    assert all(one.since_s <= house.clock.now_us() / 1e6 for one in house.loop.sight.gates)
    assert caplog.text.count("the clock was set back") == 1
    # What is read now is kept, and not only once the clock has come to where it was.
    await house.run(60)
    assert house.samples.since(house.clock.now_us() / 1e6 - 20)


async def test_a_watcher_that_begins_anew_goes_on_with_samples_and_verdicts(house: House) -> None:
    for _ in range(60):
        house.ok += 1
        await house.run(5)
    before = {one.name: (one.verdict, one.since_s) for one in house.loop.sight.gates}
    house.samples.close()
    house.begin()
    await house.loop.take_up()
    house.ok += 1
    await house.run(5)
    after = {one.name: (one.verdict, one.since_s) for one in house.loop.sight.gates}
    assert after["error_rate"] == before["error_rate"]
    assert after["fd_usage"] == before["fd_usage"]


async def test_the_past_of_a_gate_is_kept(house: House) -> None:
    await house.run(120)
    house.fds = 1000
    await house.run(30)
    found = house.samples.history("fd_usage", 0)
    assert [one.verdict for one in found.verdicts] == [gates.Verdict.GREEN, gates.Verdict.RED]
    assert [round(value, 1) for _, value in found.values] == [9.8, 9.8, 97.7]


async def test_a_disk_that_takes_nothing_stops_no_turn(house: House, caplog: pytest.LogCaptureFixture) -> None:
    await house.run(10)
    house.samples.close()
    await house.run(30)
    assert house.verdict("fd_usage")[0] is gates.Verdict.GREEN
    assert "what was read is not kept" in caplog.text


async def test_a_verdict_that_changed_while_the_disk_was_full_is_kept_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.run(20)
    keep = house.samples.keep

    def refuse(*_: object) -> None:
        raise errors.SamplesError("samples.db cannot be used: disk full.")

    monkeypatch.setattr(house.samples, "keep", refuse)
    house.fds = 1000
    await house.run(20)
    monkeypatch.setattr(house.samples, "keep", keep)
    await house.run(20)
    found = house.samples.history("fd_usage", 0).verdicts
    assert [one.verdict for one in found] == [gates.Verdict.GREEN, gates.Verdict.RED]


async def test_descriptors_that_run_out_are_found_with_the_service_they_are_of(house: House) -> None:
    await house.run(30)
    house.fds = 700
    await house.run(20)
    bad = [
        (one.sentinel, one.service, one.verdict)
        for one in house.loop.sight.findings
        if one.verdict is gates.Verdict.AMBER
    ]
    assert bad == [("descriptors", one, gates.Verdict.AMBER) for one in SERVICES]
    assert "descriptors svc=gateway" in house.alerts


@pytest.mark.long
async def test_what_is_tried_beside_is_found_by_its_own_name_and_forgotten_once_it_is_gone(house: House) -> None:
    house.tries = True
    await house.run(20)
    assert house.alerts == ["descriptors svc=gateway-canary"]
    assert house.verdict("fd_usage")[0] is gates.Verdict.GREEN
    house.away.add("watcher")
    house.tries = False
    await house.run(5)
    assert "descriptors svc=gateway-canary" in house.alerts
    house.away.clear()
    await house.run(10)
    assert "descriptors svc=gateway-canary" not in house.alerts


async def test_a_service_whose_memory_grows_fast_is_traced_once_and_one_that_cannot_be_stops_nothing(
    house: House,
) -> None:
    house.began_s -= 86_400
    await house.run(3_000)
    assert house.traced == []
    for _ in range(60):
        house.heap_mb += 5 * 200 / 3600
        await house.run(5)
    assert {one.sentinel for one in house.loop.sight.findings if one.verdict is gates.Verdict.RED} == {"memory"}
    assert sorted(house.traced) == ["gateway", "recall"]


def guest(verdict: gates.Verdict) -> watching.Finding:
    return watching.Finding("descriptors", "smoke", verdict, 97.0, "%", "1003 of 1024 are in use.", 0.0, "List them.")


async def test_a_process_beside_council_is_an_alert_while_somebody_watches_it(house: House) -> None:
    await house.run(20)
    for _ in range(4):
        house.loop.hear("smoke", [guest(gates.Verdict.RED)], ended=False)
        await house.run(15)
    assert house.alerts == ["descriptors svc=smoke"]
    assert house.loop.sight.findings[-1] == guest(gates.Verdict.RED)
    assert house.verdict("fd_usage")[0] is gates.Verdict.GREEN
    house.loop.hear("smoke", [], ended=True)
    await house.run(10)
    assert house.alerts == []


async def test_what_was_told_of_a_process_beside_council_too_long_ago_is_not_known_and_its_silence_told(
    house: House,
) -> None:
    house.loop.hear("smoke", [guest(gates.Verdict.GREEN)], ended=False)
    await house.run(50)
    assert house.alerts == []
    await house.run(40)
    (found,) = [one for one in house.loop.sight.findings if one.service == "smoke"]
    assert (found.verdict, found.value) == (gates.Verdict.UNKNOWN, None)
    assert house.alerts == ["metrics_stale svc=smoke"]
    house.loop.hear("smoke", [guest(gates.Verdict.GREEN)], ended=False)
    house.loop.hear("smoke", [], ended=True)
    await house.run(5)
    assert house.alerts == []


async def test_a_process_beside_council_makes_room_once_its_sentinel_is_silent(house: House) -> None:
    for number in range(32):
        house.loop.hear(f"p{number}", [], ended=False)
    await house.run(90)
    house.loop.hear("one-more", [], ended=False)
    await house.run(5)
    assert len(house.alerts) == 31


async def test_a_process_beside_council_has_a_name_of_its_own_and_there_are_few(house: House) -> None:
    await house.run(5)
    for name in ("gateway", "", "a b", "x" * 65, "svc\n"):
        with pytest.raises(errors.InvalidRequestError, match="--service"):
            house.loop.hear(name, [], ended=False)
    for number in range(32):
        house.loop.hear(f"p{number}", [], ended=False)
    with pytest.raises(errors.InvalidRequestError, match="already"):
        house.loop.hear("one-more", [], ended=False)


async def test_a_spent_budget_is_an_alert_and_records_that_are_away_end_none(house: House) -> None:
    await house.run(30)
    assert house.alerts == []
    house.spent = 900_000
    await house.run(30)
    assert house.alerts == ["spend scope=all span=day"]
    house.recorded = False
    await house.run(300)
    assert house.alerts == ["spend scope=all span=day"]


def test_every_metric_of_the_gates_is_read() -> None:
    forms = [dataclasses.replace(gate) for gate in GATES]
    names = frozenset().union(*map(gates.metrics, forms))
    assert {
        "council_latency_seconds_bucket",
        "council_latency_seconds_count",
        "open_fds_total",
        "fd_soft_limit",
    } <= names
    assert "council_latency_seconds" not in names
