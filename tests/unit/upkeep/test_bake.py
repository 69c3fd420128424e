"""Gates while a generation is tried: honest data passes, and no kind of bad data ever does."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from council.domain import baking, gates, gates_file, timeseries
from council.upkeep.gates import bake

SHIPPED = yaml.safe_load((Path(__file__).parents[3] / "config" / "gates.yaml").read_text())
GATES = {one.name: one for one in gates_file.build(SHIPPED, SHIPPED)}
NEW, OLD = "b" * 40, "a" * 40
FROM_S, UNTIL_S = 1_790_000_000.0, 1_790_000_020.0
SERVICES = ("gateway", "recall", "watcher")
LEVELS = {
    "up": 1.0,
    "open_fds_total": 40.0,
    "fd_soft_limit": 1024.0,
    "council_process_memory_bytes": 3e8,
    "council_users_in_flight": 3.0,
    "council_disk_used_bytes": 4e10,
    "council_disk_size_bytes": 1e11,
    "council_gpu_memory_used_bytes": 4e9,
    "council_gpu_memory_total_bytes": 8e9,
}
Series = Mapping[str, list[timeseries.Series]]
ANSWER = baking.Answer(NEW, baking.Ending.ANSWERED, 0.2, 400, calls=3)


def level(metric: str, service: str, value: float, from_s: float = FROM_S, **labels: str) -> timeseries.Series:
    times_s = [from_s + second for second in range(21)]
    return timeseries.Series({"svc": service, **labels}, times_s, [value] * len(times_s))


def readings(generation: str, **levels: float) -> Series:
    told = {name: [level(name, service, value) for service in SERVICES] for name, value in (LEVELS | levels).items()}
    told["council_generation_info"] = [level("", service, 1.0, generation=generation) for service in SERVICES]
    told["council_inputs_info"] = [level("", service, 1.0, digest=f"{generation} {service}") for service in SERVICES]
    return told


def trial(generation: str = NEW, answers: int = 24, **levels: float) -> baking.Trial:
    asked = [dataclasses.replace(ANSWER, generation=generation)] * answers
    inputs = {service: f"{generation} {service}" for service in SERVICES}
    return baking.Trial(generation, FROM_S, UNTIL_S, asked, readings(generation, **levels), inputs=inputs)


LIVE = trial(OLD)


def test_whose_requests_a_bake_judges_a_gate_by_stands_in_its_formula() -> None:
    named = {name for name, gate in GATES.items() if "everybody's" in gate.bake.formula}
    assert named == {name for name in GATES if name in bake._OF_EVERYBODY} == {"error_rate"}


def test_an_honest_generation_passes_every_gate() -> None:
    assert {name: bake.judge(gate, trial(), LIVE)[0] for name, gate in GATES.items()} == dict.fromkeys(
        GATES, gates.Verdict.GREEN
    )
    assert len(GATES) == 12


def each_series(change: Callable[[timeseries.Series], timeseries.Series]) -> Callable[[baking.Trial], baking.Trial]:
    def bad(tried: baking.Trial) -> baking.Trial:
        told = {name: [change(one) for one in series] for name, series in tried.series.items()}
        return dataclasses.replace(tried, series=told)

    return bad


def values(made: Callable[[float], float]) -> Callable[[timeseries.Series], timeseries.Series]:
    return lambda one: dataclasses.replace(one, values=[made(value) for value in one.values])


def each_answer(**figures: Any) -> Callable[[baking.Trial], baking.Trial]:
    def bad(tried: baking.Trial) -> baking.Trial:
        return dataclasses.replace(tried, answers=[dataclasses.replace(one, **figures) for one in tried.answers])

    return bad


def both(*changes: Callable[[baking.Trial], baking.Trial]) -> Callable[[baking.Trial], baking.Trial]:
    def bad(tried: baking.Trial) -> baking.Trial:
        for one in changes:
            tried = one(tried)
        return tried

    return bad


def of_another(one: timeseries.Series) -> timeseries.Series:
    return dataclasses.replace(
        one, labels={**one.labels, **({"generation": OLD} if "generation" in one.labels else {})}
    )


def with_another(tried: baking.Trial) -> baking.Trial:
    told = [*tried.series["council_generation_info"], level("", "worker", 1, generation=OLD)]
    return dataclasses.replace(tried, series={**tried.series, "council_generation_info": told})


def of_other_files(service: str) -> Callable[[baking.Trial], baking.Trial]:
    def bad(tried: baking.Trial) -> baking.Trial:
        told = [one for one in tried.series["council_inputs_info"] if one.labels["svc"] != service]
        other = level("", service, 1.0, digest=f"{OLD} {service}")
        return dataclasses.replace(tried, series={**tried.series, "council_inputs_info": [*told, other]})

    return bad


def with_files_not_told(tried: baking.Trial) -> baking.Trial:
    return dataclasses.replace(
        tried, series={**tried.series, "council_inputs_info": tried.series["council_inputs_info"][1:]}
    )


def late(one: timeseries.Series) -> timeseries.Series:
    return dataclasses.replace(one, times_s=[time_s - 3600 for time_s in one.times_s])


def ended(one: timeseries.Series) -> timeseries.Series:
    return dataclasses.replace(one, ends_s=[UNTIL_S - 0.5], times_s=[time_s - 1 for time_s in one.times_s])


BAD = {
    "nothing is told": lambda one: dataclasses.replace(one, answers=[], series={}),
    "not a number": both(each_answer(latency_s=math.nan), each_series(values(lambda _: math.nan))),
    "without end": both(each_answer(latency_s=math.inf), each_series(values(lambda _: math.inf))),
    "below zero": both(each_answer(calls=-1), each_series(values(lambda value: -value))),
    "stale": both(lambda one: dataclasses.replace(one, answers=[]), each_series(late)),
    "ended in between": both(lambda one: dataclasses.replace(one, answers=one.answers[:2]), each_series(ended)),
    "of another generation": both(each_answer(generation=OLD), each_series(of_another)),
    "one service of another generation": with_another,
    # By its name it is of the tried one.
    "one service with the files of another generation": of_other_files("watcher"),
    "one worker with the files of another generation": lambda one: dataclasses.replace(
        one,
        series={
            **one.series,
            "council_inputs_info": [
                *one.series["council_inputs_info"],
                level("", "gateway", 1.0, pid="7", digest=f"{OLD} gateway"),
            ],
        },
    ),
    "one service does not say which files it began with": with_files_not_told,
    "too little": lambda one: dataclasses.replace(
        one,
        answers=one.answers[:4],
        series={
            name: [dataclasses.replace(each, times_s=each.times_s[-2:], values=each.values[-2:]) for each in series]
            for name, series in one.series.items()
        },
    ),
    "could not be read": lambda one: dataclasses.replace(one, problem="recall does not answer"),
    "down": each_series(lambda one: dataclasses.replace(one, values=[0.0] * len(one.values))),
}


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("kind", BAD)
def test_no_gate_passes_on_bad_data(gate: str, kind: str) -> None:
    tried = BAD[kind](trial())
    if kind == "too little" and gate == "network_errors":
        tried = dataclasses.replace(tried, answers=tried.answers[:1])
    verdict, reason = bake.judge(GATES[gate], tried, LIVE)
    assert verdict is not gates.Verdict.GREEN, reason
    assert reason


RED = {
    "latency_p95": each_answer(latency_s=1.2),
    "success_rate": each_answer(ending=baking.Ending.REFUSED),
    "local_processing": each_answer(paid=True),
    "cost_per_100": each_answer(worst_usd_micros=1_100),
    "error_rate": lambda one: dataclasses.replace(
        one, answers=[*one.answers, *[dataclasses.replace(ANSWER, ending=baking.Ending.TIMEOUT, generation="")] * 2]
    ),
    "response_size": each_answer(text_bytes=11_000),
    "network_errors": each_answer(calls_failed=1),
}


@pytest.mark.parametrize("gate", GATES)
def test_a_service_that_began_with_the_files_of_another_generation_is_named(gate: str) -> None:
    for bad, said in (
        (of_other_files("recall"), "recall began with the files of another generation"),
        (with_files_not_told, "gateway does not say which files it began with"),
    ):
        verdict, reason = bake.judge(GATES[gate], bad(trial()), LIVE)
        assert verdict is gates.Verdict.UNKNOWN and said in reason


def test_a_service_that_is_not_read_for_the_trial_may_have_begun_with_anything() -> None:
    tried = trial()
    told = [*tried.series["council_inputs_info"], level("", "sandboxd", 1.0, digest="other")]
    tried = dataclasses.replace(tried, series={**tried.series, "council_inputs_info": told})
    assert bake.judge(GATES["error_rate"], tried, LIVE)[0] is gates.Verdict.GREEN


@pytest.mark.parametrize("gate", RED)
def test_answers_that_are_bad_are_red(gate: str) -> None:
    assert bake.judge(GATES[gate], RED[gate](trial()), LIVE)[0] is gates.Verdict.RED


@pytest.mark.parametrize(
    ("gate", "levels"),
    [
        ("fd_usage", {"open_fds_total": 900.0}),
        ("gpu_memory", {"council_gpu_memory_used_bytes": 7.9e9}),
        ("disk_usage", {"council_disk_used_bytes": 9e10}),
        ("concurrent_users", {"council_users_in_flight": 120.0}),
    ],
)
def test_levels_that_are_bad_are_red(gate: str, levels: dict[str, float]) -> None:
    assert bake.judge(GATES[gate], trial(NEW, 24, **levels), LIVE)[0] is gates.Verdict.RED


def test_the_most_at_once_is_known_within_less_than_the_step_of_a_subquery() -> None:
    tried = trial()
    series = {
        name: [dataclasses.replace(one, times_s=one.times_s[1:5], values=one.values[1:5]) for one in told]
        for name, told in tried.series.items()
    }
    short = dataclasses.replace(tried, from_s=FROM_S + 1, until_s=FROM_S + 4, series=series)
    found = bake.measure(GATES["concurrent_users"], short, LIVE)
    assert (found.value, found.samples) == (3, 4)


def growing(generation: str, grown_bytes: float) -> baking.Trial:
    tried = trial(generation)
    rising = [
        dataclasses.replace(one, values=[3e8 + grown_bytes * place / 20 for place in range(21)])
        for one in tried.series["council_process_memory_bytes"]
    ]
    return dataclasses.replace(tried, series={**tried.series, "council_process_memory_bytes": rising})


@pytest.mark.parametrize(
    ("new_bytes", "old_bytes", "verdict"),
    [
        (20e6, 0, gates.Verdict.GREEN),
        (60e6, 0, gates.Verdict.RED),
        (60e6, 30e6, gates.Verdict.GREEN),
        (-5e6, -9e6, gates.Verdict.GREEN),
    ],
)
def test_memory_is_compared_with_the_live_generation_beyond_what_a_young_process_takes(
    new_bytes: float, old_bytes: float, verdict: gates.Verdict
) -> None:
    assert bake.judge(GATES["memory_growth"], growing(NEW, new_bytes), growing(OLD, old_bytes))[0] is verdict


def test_what_the_watcher_begins_to_tell_of_a_service_without_a_port_does_not_count() -> None:
    tried = trial()
    late = timeseries.Series({"svc": "store"}, [UNTIL_S - 0.5], [3e6])
    told = [*tried.series["council_process_memory_bytes"], late]
    seen = dataclasses.replace(tried, series={**tried.series, "council_process_memory_bytes": told})
    assert bake.judge(GATES["memory_growth"], seen, LIVE)[0] is gates.Verdict.GREEN


def test_memory_without_a_live_generation_to_compare_with_is_unknown() -> None:
    verdict, reason = bake.judge(GATES["memory_growth"], trial(), dataclasses.replace(LIVE, series={}))
    assert (verdict, reason) == (gates.Verdict.UNKNOWN, "the memory of the live generation was not seen over the bake")


def test_a_gate_of_ones_own_that_no_bake_can_decide_is_unknown() -> None:
    own = dataclasses.replace(GATES["error_rate"], name="own")
    assert bake.judge(own, trial(), LIVE)[0] is gates.Verdict.UNKNOWN


def test_what_does_not_apply_neither_passes_nor_blocks() -> None:
    gate = dataclasses.replace(GATES["gpu_memory"], not_applicable="There is no GPU.")
    assert bake.judge(gate, trial(), LIVE) == (gates.Verdict.NOT_APPLICABLE, "There is no GPU.")


def asked(*answers: baking.Answer) -> baking.Trial:
    return baking.Trial(NEW, FROM_S, UNTIL_S, answers)


WELL = dataclasses.replace(ANSWER, right=True, worst_usd_micros=100)
MARGINS = baking.Margins()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, ""),
        ({"latency_s": 0.29}, ""),
        ({"latency_s": 0.5}, "answers take 0.50 s in the median, 0.20 s by the live generation"),
        ({"ending": baking.Ending.ERROR}, "0.0 % answered, 100.0 % by the live generation"),
        ({"right": False}, "0.0 % right, 100.0 % by the live generation"),
        ({"right": None}, "0.0 % right, 100.0 % by the live generation"),
        ({"worst_usd_micros": 200}, "could cost $0.010000, $0.005000 by the live generation"),
    ],
)
def test_what_is_worse_than_the_live_generation_is_named(changed: dict[str, Any], said: str) -> None:
    live = asked(*[WELL] * 50)
    tried = asked(*[dataclasses.replace(WELL, **changed)] * 50)
    assert bake.worse(tried, live, MARGINS) == ([said] if said else [])
    assert bake.worse(live, tried, MARGINS) == []


def test_a_fast_answer_may_take_twice_as_long() -> None:
    fast = dataclasses.replace(WELL, latency_s=0.002)
    assert bake.worse(asked(dataclasses.replace(fast, latency_s=0.02)), asked(fast), MARGINS) == []


def test_one_wrong_answer_of_many_is_within_the_margin_and_one_of_few_is_not() -> None:
    wrong = dataclasses.replace(WELL, right=False)
    assert bake.worse(asked(wrong, *[WELL] * 99), asked(*[WELL] * 100), MARGINS) == []
    assert bake.worse(asked(wrong, *[WELL] * 9), asked(*[WELL] * 10), MARGINS)


@pytest.mark.parametrize(("new", "old"), [(0, 0), (0, 5), (5, 4)])
def test_what_was_not_asked_the_same_is_not_compared(new: int, old: int) -> None:
    assert bake.worse(asked(*[WELL] * new), asked(*[WELL] * old), MARGINS)
