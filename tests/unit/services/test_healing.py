"""The steward's healer on fakes and real records: each repair is done once, kept, told of, and undone where it failed."""

import asyncio
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from council import homes
from council.backends.records import incidents as sql_incidents
from council.backends.records import overrides as sql_overrides
from council.backends.records import repairs as sql_repairs
from council.domain import errors, evidence, gates, home, incidents, overrides, playbooks, repairs, states, watching
from council.domain.repairs import Outcome
from council.kit import halt
from council.services import healing, healing_sight, mending
from council.testing import clock, watch

S = 1_000_000
T0 = 1_790_000_000 * S
CONFIG = Path(__file__).parents[3] / "config"


class Runtime:
    """A supervisor whose services do as they are told; `stubborn` ones stay as they are."""

    def __init__(self) -> None:
        self.rows = {
            name: states.ServiceStatus(name, "ready", 10, "g", 9.0, 0, 0)
            for name in ("recall", "gateway", "zygote", "sandboxd")
        }
        self.restarted: list[str] = []
        self.stubborn = False
        self.error: errors.CouncilError | None = None
        self.away = False
        self.goes_on: asyncio.Event | None = None

    def put(self, name: str, state: str) -> None:
        self.rows[name] = dataclasses.replace(self.rows[name], state=state)

    async def status(self, *, memory: bool = True, everywhere: bool = False) -> list[states.ServiceStatus]:
        if self.away:
            raise errors.SupervisorUnavailableError("Council is not running. Start it.")
        return list(self.rows.values())

    async def restart(self, service: str) -> None:
        self.restarted.append(service)
        if self.goes_on is not None:
            await self.goes_on.wait()
        if self.error is not None:
            raise self.error
        if not self.stubborn:
            row = self.rows[service]
            self.rows[service] = dataclasses.replace(row, state="ready", pid=(row.pid or 0) + 1)


class PatchService:
    """A patchctl that keeps what it is told."""

    def __init__(self) -> None:
        self.kept: list[Mapping[str, Any]] = []
        self.told: list[dict[str, Any]] = []
        self.back: list[tuple[str, str]] = []
        self.put_back = 0
        self.away = False

    async def rows(self, limit: int) -> list[Mapping[str, Any]]:
        return list(self.told)

    async def roll_back(self, cid: str, by: str, reason: str) -> Mapping[str, Any]:
        self.back.append((cid, by))
        return {"cid": cid}

    async def put_settings_back(self) -> str:
        self.put_back += 1
        return "`council.yaml` is as it was made; what lay there is lineage/damaged/x"

    async def keep_repair(self, record: Mapping[str, Any]) -> None:
        if self.away:
            raise errors.PatchServiceUnavailableError("Away. Try again.")
        self.kept.append(record)


class Switch:
    async def kill(self, caller: str, request_id: str, reason: str = "") -> int:
        return 3


class Steward:
    """A healer with its fakes, on a clock that moves when told."""

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder / 'council.db'}"
        self.kept = sql_repairs.SqlRepairs(url, 5.0)
        self.kept.migrate()
        self.found = sql_incidents.SqlIncidents(url, 5.0)
        self.put = sql_overrides.SqlOverrides(url, 5.0)
        self.clock, self.watch = clock.ManualClock(T0), watch.ScriptedWatch()
        self.runtime, self.patches = Runtime(), PatchService()
        self.paused = self.damaged = ""
        self.wanted: list[repairs.Repair] = []
        self.models: mending.Models = {"m": frozenset({"one", "two"})}
        self.settings = repairs.HealingConfig()
        found = homes.read_playbooks(CONFIG)
        self.book = playbooks.book(found, homes.read_gates(CONFIG))
        self.again()

    def again(self) -> None:
        """Begin anew, as a process that was killed."""
        hands = mending.Hands(
            mending.Parts(
                self.runtime, self.patches, self.put, self.kept, Switch(), self.watch, self.clock,  # type: ignore[arg-type]
                lambda: self.models,
            )
        )  # fmt: skip
        parts = healing.Parts(
            self.found, self.kept, self.runtime, self.watch, self.patches, hands,  # type: ignore[arg-type]
            lambda: self.book, lambda: self.settings, lambda: self.paused, lambda: 2, self.clock, lambda _: self.wanted,
            lambda: self.damaged, lambda: self.models, lambda: True,
        )  # fmt: skip
        self.work = healing.Healing(parts, lambda: None)

    def fires(self, name: str, service: str = "", severity: incidents.Severity = incidents.Severity.PAGE) -> None:
        labels = (("svc", service),) if service else ()
        one = incidents.Alert(name, labels, severity, "bad", T0 - 9 * S, "Look.")
        fired_us = self.clock.now_us() - 100 * S
        members = (incidents.Member(one, fired_us),)
        standing = incidents.Standing.OPEN
        self.found.save([incidents.Incident("i1", standing, severity, fired_us, fired_us, members=members)], [])

    def over(self) -> None:
        (one,) = self.found.newest(1)
        members = tuple(dataclasses.replace(each, ended_us=self.clock.now_us()) for each in one.members)
        self.found.save([dataclasses.replace(one, standing=incidents.Standing.REPAIRED, members=members)], [])

    async def turn(self, wait_s: float = 0.0) -> list[repairs.Repair]:
        """Look once, wait for what was begun; return the repairs, the oldest first."""
        self.clock.advance(wait_s)
        await self.work.turn()
        await self.work.settled()
        return self.kept.newest(99)[::-1]

    def close(self) -> None:
        for one in (self.kept, self.found, self.put):
            one.close()


@pytest.fixture
def steward(tmp_path: Path) -> Iterator[Steward]:
    made = Steward(tmp_path)
    yield made
    made.close()


async def test_what_hangs_is_restarted_once_and_each_step_is_in_the_lineage(steward: Steward) -> None:
    steward.runtime.put("recall", "hung")
    steward.fires("service_down", "recall")
    (one,) = await steward.turn()
    assert (one.outcome, one.before, one.incident_id) == (Outcome.UNDER_WAY, (10,), "i1") and one.acted_us
    (one,) = await steward.turn(2)
    assert one.outcome is Outcome.HELPED and one.took_s == 2
    await steward.turn(2)
    assert steward.runtime.restarted == ["recall"]
    assert [(step["step"], step["outcome"]) for step in steward.patches.kept] == [("began", ""), ("ended", "helped")]


async def test_settings_that_cannot_be_read_are_put_back_by_patchctl_and_the_service_starts_anew(
    steward: Steward,
) -> None:
    steward.runtime.put("recall", "backoff")
    steward.damaged = "`council.yaml` is not valid YAML: line 2, column 5."
    steward.fires("crash_loop", "recall")
    (one,) = await steward.turn()
    assert (one.playbook, one.component) == ("put settings back", "recall") and "line 2, column 5" in one.why
    steward.damaged = ""
    (one,) = await steward.turn(2)
    assert one.outcome is Outcome.HELPED and one.told.endswith("lineage/damaged/x")
    assert (steward.patches.put_back, steward.runtime.restarted) == (1, ["recall"])
    assert steward.patches.kept[-1]["told"] == one.told


async def test_steps_that_patchctl_did_not_take_are_told_once_it_answers(steward: Steward) -> None:
    steward.patches.away = True
    steward.runtime.put("recall", "hung")
    steward.fires("service_down", "recall")
    for _ in range(3):
        await steward.turn(2)
    assert steward.patches.kept == []
    steward.patches.away = False
    steward.again()
    await steward.turn(2)
    await steward.turn(2)
    assert [step["step"] for step in steward.patches.kept] == ["began", "ended"]


async def test_a_repair_that_was_under_way_when_the_steward_ended_is_judged_and_not_done_twice(
    steward: Steward,
) -> None:
    steward.runtime.put("recall", "hung")
    steward.fires("service_down", "recall")
    steward.runtime.goes_on = asyncio.Event()
    await steward.work.turn()
    await asyncio.sleep(0)
    for task in list(steward.work._acting.values()):
        task.cancel()
    await steward.work.settled()
    steward.again()
    (one,) = await steward.turn(2)
    assert one.outcome is Outcome.UNDER_WAY and steward.runtime.restarted == ["recall"]
    # The supervisor had heard of it, and went on.
    steward.runtime.rows["recall"] = dataclasses.replace(steward.runtime.rows["recall"], state="ready", pid=99)
    (one,) = await steward.turn(2)
    assert one.outcome is Outcome.HELPED and steward.runtime.restarted == ["recall"]


async def test_an_action_that_fails_is_kept_with_why_and_a_person_is_called_with_the_evidence(steward: Steward) -> None:
    steward.runtime.put("recall", "hung")
    steward.runtime.error = errors.UnavailableError("recall did not get ready. See its log.")
    steward.fires("service_down", "recall")
    (one,) = await steward.turn()
    assert one.outcome is Outcome.FAILED and one.told.startswith("recall did not get ready")
    _, called = await steward.turn(2)
    assert called.outcome is Outcome.CALLED and any("tried" in line for line in called.evidence)
    (parcel,) = steward.found.parcels(incidents.Delivery.WAITING, 9)
    assert parcel.channel == incidents.EVERY_CHANNEL and parcel.notice.title.startswith(
        "A person is needed: recall does not work"
    )
    assert "recall did not get ready" in parcel.notice.text
    assert steward.kept.counts()[repairs.InterventionKind.ALERT] == 1
    assert len(await steward.turn(200)) == 2


async def test_an_override_that_did_not_help_is_lifted_and_the_next_playbook_is_tried(steward: Steward) -> None:
    steward.fires("latency")
    (one,) = await steward.turn()
    assert one.playbook == "scale" and one.overrides == (f"{one.id}-0",)
    (put,) = steward.put.in_force(steward.clock.now_us())
    assert (put.kind, put.target, put.value, put.by) == (overrides.Kind.WORKERS, "gateway", "2", one.id)
    one, *_ = await steward.turn(421)
    assert one.outcome is Outcome.DID_NOT_HELP and one.undone_us
    assert steward.put.in_force(steward.clock.now_us()) == []
    _, shed = await steward.turn(2)
    assert shed.playbook == "shed"
    steward.over()
    _, shed = await steward.turn(2)
    assert shed.outcome is Outcome.HELPED and not shed.undone_us
    assert [each.value for each in steward.put.in_force(steward.clock.now_us())] == ["25"]


async def test_a_patch_that_came_just_before_is_taken_back_by_its_name(steward: Steward) -> None:
    steward.patches.told = [_patch_row(T0 / 1e6 - 130)]
    steward.fires("http_5xx")
    (one,) = await steward.turn()
    assert (one.playbook, one.component, one.cid) == ("rollback", "*", "cafe")
    assert steward.patches.back == [("cafe", "healer")]
    steward.patches.told[0] |= {"outcome": "rolled back", "returned_by": "healer"}
    (one,) = await steward.turn(5)
    assert one.outcome is Outcome.HELPED


def _patch_row(served_s: float) -> dict[str, Any]:
    return {
        "cid": "cafe", "title": "t", "author": "a", "kind": "bot", "files": ["prompts/x.md"], "files_count": 1,
        "at_s": served_s - 9, "outcome": "applied", "reason": "", "ticket": None, "trial": False, "returned_by": "",
        "times": [["staging", served_s - 9], ["baking", served_s], ["idle", served_s + 20]],
    }  # fmt: skip


def _is_red(steward: Steward, name: str, since_s: float, verdict: gates.Verdict = gates.Verdict.RED) -> None:
    one = dataclasses.replace(watch.line(name, verdict, 50.0), since_s=since_s)
    steward.watch.seen = dataclasses.replace(steward.watch.seen, gates=[one])


SERVED_S = T0 / 1e6 - 2000
PASTS = {
    "unknown until it was red": ([(gates.Verdict.GREEN, -500.0), (gates.Verdict.UNKNOWN, 5.0)], "rollback"),
    "green of what was asked before it": (
        [(gates.Verdict.GREEN, -500.0), (gates.Verdict.UNKNOWN, 200.0)], "rollback"
    ),
    "green after it": ([(gates.Verdict.UNKNOWN, 1.0), (gates.Verdict.GREEN, 60.0)], "drain and restart"),
    "green for longer than the gate looks back": ([(gates.Verdict.GREEN, -500.0)], "drain and restart"),
    "nobody knows": ([], "drain and restart"),
}  # fmt: skip


@pytest.mark.parametrize("case", PASTS)
async def test_a_patch_is_blamed_late_where_no_request_was_judged_since(steward: Steward, case: str) -> None:
    past, playbook = PASTS[case]
    steward.patches.told = [_patch_row(SERVED_S)]
    steward.fires("http_5xx")
    _is_red(steward, "error_rate", T0 / 1e6 - 30)
    told = [watching.Past(verdict, SERVED_S + after_s, None, "") for verdict, after_s in past]
    red = [watching.Past(gates.Verdict.RED, T0 / 1e6 - 30, 50.0, "")] if past else []
    steward.watch.past = watching.History("error_rate", [*told, *red], [])
    (one,) = await steward.turn()
    assert one.playbook == playbook


async def test_a_gate_that_looks_back_is_read_from_the_last_repair_on(steward: Steward) -> None:
    steward.runtime.put("recall", "hung")
    steward.fires("service_down", "recall")
    await steward.turn()
    (one,) = await steward.turn(2)
    assert one.outcome is Outcome.HELPED
    # The same incident; its gate goes on seeing what was so before.
    steward.fires("network_errors")
    _is_red(steward, "network_errors", T0 / 1e6 - 30)
    steward.models = {"m": frozenset({"one"})}
    steward.watch.afterwards = {"network_errors": gates.Verdict.GREEN}
    assert len(await steward.turn(400)) == 1
    assert steward.watch.starts_s == {"network_errors": one.acted_us / 1e6 + healing_sight._TAKES_HOLD_S}
    steward.watch.afterwards = {}
    _, called = await steward.turn(2)
    assert called.outcome is Outcome.CALLED and "no model has another provider" in called.why


async def test_a_repair_is_proven_by_what_was_seen_after_it(steward: Steward) -> None:
    steward.fires("network_errors")
    _is_red(steward, "network_errors", T0 / 1e6 - 30)
    failed, well = (("outcome", "refused"), ("provider", "two")), (("outcome", "ok"), ("provider", "one"))
    now_s = T0 / 1e6
    steward.watch.series = [
        evidence.Track("council_provider_calls_total", "gateway", "", [(now_s, 0.0), (now_s, 9.0)], labels)
        for labels in (failed, well)
    ]
    (one,) = await steward.turn()
    assert (one.playbook, one.outcome) == ("switch provider", Outcome.UNDER_WAY)
    steward.watch.afterwards = {"network_errors": gates.Verdict.GREEN}
    (one,) = await steward.turn(421)
    assert one.outcome is Outcome.HELPED and not one.undone_us


async def test_nothing_begins_while_paused_or_while_nobody_answers(steward: Steward) -> None:
    steward.runtime.put("recall", "hung")
    steward.fires("service_down", "recall")
    steward.paused = "paused"
    assert await steward.turn() == []
    steward.paused = ""
    steward.runtime.away = True
    assert await steward.turn() == []
    steward.runtime.away = False
    assert len(await steward.turn()) == 1


async def test_metrics_that_are_read_again_are_no_reason_for_a_restart(steward: Steward) -> None:
    steward.fires("metrics_stale", "recall")
    now_s = steward.clock.now_us() / 1e6
    steward.watch.series = [evidence.Track(healing_sight._BEGAN, "recall", "s", [(now_s - 3, 1.0)])]
    assert await steward.turn() == []
    steward.watch.series = []
    (one,) = await steward.turn()
    assert one.playbook == "drain and restart"


async def test_a_finding_that_is_not_known_is_no_reason_either(steward: Steward) -> None:
    steward.fires("memory", "recall")

    def found(verdict: gates.Verdict) -> None:
        one = watching.Finding("memory", "recall", verdict, 200.0, "MB/h", "It grows.", 0.0, "Look.")
        steward.watch.seen = dataclasses.replace(steward.watch.seen, findings=[one])

    found(gates.Verdict.UNKNOWN)
    assert await steward.turn() == []
    found(gates.Verdict.RED)
    (one,) = await steward.turn()
    assert one.playbook == "drain and restart" and steward.runtime.restarted == ["recall"]


async def test_what_a_person_asks_for_is_done_and_told_of(steward: Steward) -> None:
    wanted = repairs.Repair(
        "w1", "re-create pool", "re-create pool", "sandboxd", "ready", "ann", "to see", T0, T0, outcome=Outcome.WANTED
    )
    # A row asks for nothing, whoever wrote it.
    steward.kept.save(dataclasses.replace(wanted, id="w0"))
    steward.wanted = [wanted]
    (_, one) = await steward.turn(1)
    assert steward.runtime.restarted == ["zygote", "sandboxd"] and (one.id, one.by) == ("w1", "ann")
    (never, one) = await steward.turn(1)
    assert (one.outcome, never.outcome) == (Outcome.HELPED, Outcome.WANTED)
    assert [step["by"] for step in steward.patches.kept] == ["ann", "ann"]


@pytest.mark.parametrize(
    "name", ["kill switch", "compact", "shrink caches", "rate limit", "raise a patch", "rebuild index"]
)
async def test_each_other_action_is_carried_out(steward: Steward, name: str) -> None:
    found = steward.book.playbooks[name]
    component = playbooks.COMPONENTS.get(found.action, "recall")
    steward.wanted = [
        repairs.Repair(
            "w1", name, found.action.value, component, found.proof.value, "ann", "w", T0, T0, outcome=Outcome.WANTED
        )
    ]
    await steward.turn(1)
    (one,) = await steward.turn(1)
    assert one.outcome is (Outcome.HANDED_ON if name == "raise a patch" else Outcome.HELPED)
    wanted = {"kill switch": "3 jobs were ended", "raise a patch": "a bot is to propose"}.get(name, "")
    assert one.told.startswith(wanted)
    assert len(steward.put.in_force(T0 + S)) == len(found.values)


async def test_the_provider_that_fails_most_is_left_out_and_none_where_none_does(steward: Steward) -> None:
    def track(provider: str, outcome: str, *values: float) -> evidence.Track:
        points = [(T0 / 1e6 - 100 + number, value) for number, value in enumerate(values)]
        labels = (("outcome", outcome), ("provider", provider))
        return evidence.Track("council_provider_calls_total", "gateway", "", points, labels)

    assert mending.failing([track("one", "ok", 0, 90), track("one", "provider_error", 0, 9)]) == ""
    bad = [track("one", "ok", 0, 90), track("two", "ok", 5, 6), track("two", "provider_error", 0, 3, 2, 8)]
    assert mending.failing(bad) == "two"
    steward.watch.series = bad
    steward.wanted = [
        repairs.Repair(
            "w1", "switch provider", "switch provider", "providers", "quiet", "ann", "w", T0, T0, outcome=Outcome.WANTED
        )
    ]
    await steward.turn(1)
    (put,) = steward.put.in_force(T0 + S)
    assert (put.kind, put.value) == (overrides.Kind.PROVIDERS, "-two")


async def test_gates_are_told_as_they_are(steward: Steward) -> None:
    steward.fires("latency")
    steward.watch.seen = dataclasses.replace(
        steward.watch.seen, gates=[watch.line("latency_p95", gates.Verdict.GREEN, 1.0)]
    )
    assert await steward.turn() == []


async def test_an_override_of_which_the_repair_knows_nothing_is_undone_and_the_owners_is_left(steward: Steward) -> None:
    steward.fires("latency")
    (one,) = await steward.turn()
    steward.kept.save(dataclasses.replace(one, overrides=(), acted_us=0))
    steward.paused = "paused"
    (one,) = await steward.turn(800)
    assert one.outcome is Outcome.FAILED and steward.put.in_force(steward.clock.now_us()) == []
    at_us = steward.clock.now_us()
    own = overrides.Override("o", overrides.Kind.SHED, "*", "5", "x", overrides.OWNER, at_us, at_us + 9000 * S)
    steward.put.put(own, overrides.MOST)
    steward.paused = ""
    _, shed = await steward.turn()
    assert (shed.playbook, shed.outcome) == ("shed", Outcome.FAILED) and "owner" in shed.told
    assert [each.id for each in steward.put.in_force(at_us)] == ["o"]


def test_no_model_is_left_without_a_provider_and_callers_who_leave_are_no_failure() -> None:
    only, both = frozenset({"one"}), frozenset({"one", "two"})
    assert mending.without("one", {"a": only}) == []
    assert mending.without("one", {"a": only, "b": both}) == ["b"]
    assert mending.without("one", {"b": both}) == ["*"]
    left = evidence.Track(
        "council_provider_calls_total", "gateway", "", [(0.0, 0.0), (9.0, 9.0)],
        (("outcome", "cancelled"), ("provider", "one")),
    )  # fmt: skip
    assert mending.failing([left]) == ""


async def test_a_turn_that_cannot_read_its_playbooks_says_so_and_is_taken_again(steward: Steward) -> None:
    def broken() -> playbooks.Book:
        raise errors.ConfigError("`monitoring_gates.x.playbooks` names the playbook 'y'. Name another.")

    steward.work._parts = dataclasses.replace(steward.work._parts, book=broken)
    await steward.work._turns.take(steward.work.turn)
    assert "names the playbook 'y'" in steward.work.told()["problem"]
    assert steward.work.is_well


def test_the_healer_stands_still_by_its_setting_by_its_own_halt_and_by_that_of_all(tmp_path: Path) -> None:
    where = home.Home(tmp_path)
    where.autonomy.mkdir()
    on = repairs.HealingConfig()
    assert healing.paused(where, on) == ""
    assert "healing.on" in healing.paused(where, dataclasses.replace(on, on=False))
    halt.put(where.heal_file, halt.Halt("Look first.", "ann", T0))
    assert healing.paused(where, on) == "paused by ann: Look first. (`council heal resume` ends it)"
    halt.lift(where.heal_file)
    where.autonomy_file.write_text("{")
    assert "says nothing that can be read" in healing.paused(where, on)
