"""The life cycle against a model of the machine: children that live, get ready and end when they like."""

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from council.domain import states
from council.supervisor import lifecycle

LIMITS = states.SupervisorConfig(
    backoff_first_s=0.5, backoff_ceiling_s=4.0, backoff_forgive_s=60.0, ready_s=10.0, stop_s=5.0
)


@dataclass
class Machine:
    """Carries out actions on pretended processes and checks what must always hold."""

    state: lifecycle.Service
    now_s: float = 0.0
    live: dict[int, int] = field(default_factory=dict)
    terminated: set[int] = field(default_factory=set)
    destroyed: set[int] = field(default_factory=set)
    spawned: list[lifecycle.Spawn] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def give(self, event: lifecycle.Event) -> None:
        if isinstance(event, lifecycle.Exited):
            del self.live[event.id]
        self.state, actions = lifecycle.step(self.state, event, self.now_s)
        for action in actions:
            match action:
                case lifecycle.Spawn():
                    self.live[action.id] = action.replica
                    self.spawned.append(action)
                case lifecycle.Terminate(identifier):
                    assert identifier in self.live and identifier not in self.terminated
                    self.terminated.add(identifier)
                case lifecycle.Destroy(identifier):
                    assert identifier in self.live
                    self.destroyed.add(identifier)
                case lifecycle.Say(_, text):
                    self.said.append(text)
                case lifecycle.Refuse(reason):
                    self.refused.append(reason)
        self.check()

    def pass_time(self, seconds: float) -> None:
        """Let time pass, ticking at every deadline on the way as the edge does."""
        end_s = self.now_s + seconds
        while (due_s := lifecycle.next_deadline_s(self.state)) is not None and due_s <= end_s:
            self.now_s = max(self.now_s, due_s)
            self.give(lifecycle.Tick())
        self.now_s = end_s

    def ready(self) -> None:
        for identifier in list(self.live):
            self.give(lifecycle.Ready(identifier))

    def check(self) -> None:
        assert {child.id for child in self.state.children} == set(self.live)
        for replica in self.state.replicas:
            serving = [one for one in replica.children if one.id not in self.terminated | self.destroyed]
            assert len(serving) <= (2 if self.state.replacing is not None else 1)
            assert len(replica.leaving) <= lifecycle.LEAVING_MAX + 1
            assert replica.candidate is None or self.state.replacing is not None
            assert (replica.state == "backoff") == (replica.retry_at_s is not None)
            # Wanted and running, or about to be: a replica is never forgotten.
            if self.state.on and replica.index < self.state.wanted:
                assert (replica.current is None) == (replica.retry_at_s is not None)
        if self.state.on:
            assert {one.index for one in self.state.replicas} >= set(range(self.state.wanted))


def machine(replicas: int = 1, *, started: bool = True) -> Machine:
    made = Machine(lifecycle.new(LIMITS, "g0", replicas))
    if started:
        made.give(lifecycle.Start())
        made.ready()
    return made


def commands() -> st.SearchStrategy[lifecycle.Event]:
    return st.one_of(
        st.just(lifecycle.Start()),
        st.just(lifecycle.Stop()),
        st.just(lifecycle.Restart()),
        st.just(lifecycle.Kill()),
        st.builds(lifecycle.Relabel, st.sampled_from(["g1", "g2"])),
        st.builds(lifecycle.Scale, st.integers(0, 4)),
        st.builds(lifecycle.Replace, st.sampled_from(["g1", "g2"])),
    )


@st.composite
def happenings(draw: st.DrawFn) -> list[tuple[str, object]]:
    one = st.one_of(
        st.tuples(st.just("command"), commands()),
        st.tuples(st.sampled_from(["ready", "exit"]), st.integers(0, 5)),
        st.tuples(st.just("time"), st.floats(0, 12)),
    )
    return draw(st.lists(one, max_size=40))


def play(made: Machine, script: list[tuple[str, object]]) -> None:
    for kind, value in script:
        match value:
            case float():
                made.pass_time(value)
            case int():
                living = sorted(made.live)
                if living:
                    identifier = living[value % len(living)]
                    made.give(
                        lifecycle.Ready(identifier) if kind == "ready" else lifecycle.Exited(identifier, "it ended")
                    )
            case _:
                made.give(value)  # type: ignore[arg-type]


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 3), happenings())
def test_whatever_happens_no_replica_serves_twice_and_none_is_forgotten(
    replicas: int, script: list[tuple[str, object]]
) -> None:
    play(machine(replicas, started=False), script)


@settings(max_examples=200, deadline=None)
@given(happenings())
def test_whatever_happened_a_stop_ends_in_stopped(script: list[tuple[str, object]]) -> None:
    made = machine(2)
    play(made, script)
    made.give(lifecycle.Stop())
    spawned = len(made.spawned)
    made.pass_time(LIMITS.stop_s + LIMITS.ready_s)
    # By now each was told to drain and then destroyed, so each can only end.
    assert set(made.live) <= made.destroyed
    for identifier in list(made.live):
        made.give(lifecycle.Exited(identifier, "it ended"))
    made.pass_time(1_000)
    assert {replica.state for replica in made.state.replicas} == {"stopped"}
    assert made.state.children == ()
    assert len(made.spawned) == spawned


@settings(max_examples=200, deadline=None)
@given(happenings(), st.integers(0, 5))
def test_whatever_happened_a_failure_schedules_exactly_one_start(script: list[tuple[str, object]], which: int) -> None:
    made = machine(2)
    play(made, script)
    made.give(lifecycle.Start())
    running = [
        replica.current
        for replica in made.state.replicas
        if replica.index < made.state.wanted
        and replica.current is not None
        and replica.current.phase in (lifecycle.Phase.STARTING, lifecycle.Phase.READY)
    ]
    if not running:
        return
    child = running[which % len(running)]
    replica = made.live[child.id]
    made.give(lifecycle.Exited(child.id, "it ended"))
    retry_at_s = made.state.replicas[replica].retry_at_s
    assert retry_at_s is not None and made.now_s < retry_at_s <= made.now_s + LIMITS.backoff_ceiling_s
    before = [one for one in made.spawned if one.replica == replica]
    made.now_s = retry_at_s
    made.give(lifecycle.Tick())
    made.give(lifecycle.Tick())
    after = [one for one in made.spawned if one.replica == replica]
    assert len(after) == len(before) + 1


@settings(max_examples=100, deadline=None)
@given(happenings())
def test_whatever_happened_started_children_that_get_ready_make_the_service_ready(
    script: list[tuple[str, object]],
) -> None:
    made = machine(2)
    play(made, script)
    made.give(lifecycle.Start())
    for _ in range(20):
        made.ready()
        for identifier in sorted(set(made.live) & (made.terminated | made.destroyed)):
            made.give(lifecycle.Exited(identifier, "it ended"))
        made.pass_time(0.5)
    assert made.state.is_ready


def test_waits_double_up_to_the_ceiling_and_start_over_after_a_long_run() -> None:
    made = machine()
    waits = []
    for lasted_s in (0, 0, 0, 0, 0, 60, 0):
        made.now_s += lasted_s
        (child,) = made.live
        made.give(lifecycle.Exited(child, "it ended"))
        waits.append((made.state.replicas[0].retry_at_s or math.nan) - made.now_s)
        made.pass_time(waits[-1])
        made.ready()
    assert waits == pytest.approx([0.5, 1.0, 2.0, 4.0, 4.0, 0.5, 1.0])


def test_a_start_says_why_only_where_a_crash_brought_it_about() -> None:
    made = machine()
    (child,) = made.live
    made.give(lifecycle.Exited(child, "stopped by signal 9"))
    made.pass_time(1)
    assert (made.state.replicas[0].state, made.state.replicas[0].reason) == ("starting", "stopped by signal 9")
    (child,) = made.live
    made.give(lifecycle.Exited(child, "ended with status 1"))
    made.give(lifecycle.Stop())
    made.give(lifecycle.Start())
    assert (made.state.replicas[0].state, made.state.replicas[0].reason) == ("starting", "")


def test_a_child_that_is_late_is_destroyed_and_counts_as_a_failure() -> None:
    made = machine(started=False)
    made.give(lifecycle.Start())
    made.pass_time(LIMITS.ready_s - 0.1)
    assert made.destroyed == set()
    made.pass_time(0.1)
    assert made.destroyed == {1}
    made.give(lifecycle.Ready(1))
    made.give(lifecycle.Exited(1, "stopped by signal 9"))
    assert made.state.failure == "not ready after 10 s"
    assert made.said == ["not ready after 10 s, starting again in 0.5 s"]


def test_the_old_generation_drains_only_when_all_new_replicas_are_ready() -> None:
    made = machine(2)
    made.give(lifecycle.Replace("g1"))
    made.give(lifecycle.Ready(3))
    assert made.terminated == set() and made.state.generation == "g0"
    made.give(lifecycle.Ready(4))
    assert made.terminated == {1, 2} and made.state.generation == "g1"
    assert made.state.is_ready and made.state.replacing is None and made.state.replace_error == ""


def test_a_failing_new_generation_goes_and_the_old_one_stays() -> None:
    made = machine(2)
    made.give(lifecycle.Replace("g1"))
    made.give(lifecycle.Ready(3))
    made.give(lifecycle.Exited(4, "ended with status 7"))
    assert made.terminated == {3} and made.destroyed == set()
    assert made.state.replace_error == "ended with status 7"
    assert made.state.is_ready and made.state.generation == "g0"
    assert made.said[-1] == "stays on generation g0: ended with status 7"


def test_a_new_generation_that_is_late_is_destroyed() -> None:
    made = machine()
    made.give(lifecycle.Replace("g1"))
    made.pass_time(LIMITS.ready_s)
    assert made.destroyed == {2} and made.state.replace_error == "not ready after 10 s"
    made.give(lifecycle.Exited(2, "stopped by signal 9"))
    assert made.state.is_ready


def test_a_replica_that_failed_on_the_old_generation_comes_back_on_the_new_one() -> None:
    made = machine()
    made.give(lifecycle.Exited(1, "it ended"))
    made.give(lifecycle.Replace("g1"))
    made.give(lifecycle.Ready(2))
    made.pass_time(100)
    assert [one.generation for one in made.spawned] == ["g0", "g1"]
    assert made.state.is_ready


def test_a_child_scaled_away_and_wanted_again_ends_before_its_successor_starts() -> None:
    made = machine(2)
    made.give(lifecycle.Scale(1))
    made.give(lifecycle.Scale(2))
    assert made.terminated == {2} and len(made.spawned) == 2
    made.give(lifecycle.Exited(2, "ended by itself"))
    assert len(made.spawned) == 3


@pytest.mark.parametrize(
    ("event", "part"),
    [
        (lifecycle.Scale(0), "between 1 and 64"),
        (lifecycle.Scale(65), "between 1 and 64"),
        (lifecycle.Scale(2), "being replaced"),
        (lifecycle.Replace("g2"), "being replaced"),
    ],
)
def test_what_cannot_be_done_now_is_refused_and_changes_nothing(event: lifecycle.Event, part: str) -> None:
    made = machine()
    made.give(lifecycle.Replace("g1"))
    before = made.state
    made.give(event)
    assert part in made.refused[0] and made.state == before


def test_a_stopped_service_cannot_be_replaced() -> None:
    made = machine(started=False)
    made.give(lifecycle.Replace("g1"))
    assert "start it first" in made.refused[0]


def test_old_generations_that_still_drain_are_bounded() -> None:
    made = machine()
    for number in range(lifecycle.LEAVING_MAX):
        made.give(lifecycle.Replace(f"g{number + 1}"))
        made.ready()
    made.give(lifecycle.Replace("one too many"))
    assert "still draining" in made.refused[0]
    made.pass_time(LIMITS.stop_s)
    assert len(made.destroyed) == lifecycle.LEAVING_MAX


def test_a_kill_destroys_draining_children_too() -> None:
    made = machine()
    made.give(lifecycle.Replace("g1"))
    made.ready()
    made.give(lifecycle.Kill())
    assert made.destroyed == {1, 2}


def test_ends_that_nobody_asked_for_are_kept_and_those_that_were_asked_for_are_not() -> None:
    made = machine()
    made.ready()
    for event in (lifecycle.Restart(), lifecycle.Stop()):
        made.give(event)
        (ended,) = made.live
        made.give(lifecycle.Exited(ended, "ended by itself"))
        made.ready()
    made.give(lifecycle.Start())
    assert [one.crashes for one in made.state.replicas] == [()]
    for number in range(lifecycle.CRASHES_MAX + 5):
        (ended,) = made.live
        made.give(lifecycle.Exited(ended, f"crash {number}"))
        made.pass_time(5)
    (replica,) = made.state.replicas
    assert len(replica.crashes) == lifecycle.CRASHES_MAX
    assert replica.crashes[-1].reason == f"crash {lifecycle.CRASHES_MAX + 4}"


def test_another_name_for_what_runs_starts_nothing_and_holds_for_what_starts_later() -> None:
    made = machine(2)
    before = dict(made.live)
    made.give(lifecycle.Relabel("g1"))
    assert (made.live, made.terminated) == (before, set())
    assert {child.generation for child in made.state.children} == {"g1"}
    made.give(lifecycle.Exited(min(made.live), "stopped by signal 9"))
    made.pass_time(1.0)
    assert made.spawned[-1].generation == "g1"


def test_a_replace_that_is_under_way_ends_when_another_generation_is_live() -> None:
    made = machine()
    made.give(lifecycle.Replace("g1"))
    made.give(lifecycle.Relabel("g2"))
    assert made.state.replacing is None and "g2 became live" in made.state.replace_error
