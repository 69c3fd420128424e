"""Cells of the coverage matrix: each is broken, found, mended, and found to be well again."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from council import homes
from council.domain import gates, gates_file, watching
from council.domain.gates import Verdict
from council.upkeep.gates import embedded
from council.upkeep.samples import recent
from council.upkeep.sentinels import house

SHIPPED = yaml.safe_load((Path(__file__).parents[3] / "config" / "gates.yaml").read_text())
GATES = {one.name: one for one in gates_file.build(SHIPPED, SHIPPED)}
RULES = homes.default_sentinels()
T0 = 1_800_000_000.0
STEP_S = 15.0
HOUR = 3600.0


class Gateway:
    """Counters and gauges that are read each quarter of a minute, and the gates over them."""

    def __init__(self, service: str = "gateway") -> None:
        self.service = service
        self.seen = recent.Recent(5 * HOUR, 1000)
        self.now_s = T0
        self.values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}

    def count(self, metric: str, rise: float, **labels: str) -> None:
        key = (metric, tuple(sorted({"svc": self.service, **labels}.items())))
        self.values[key] = self.values.get(key, 0.0) + rise

    def gauge(self, metric: str, value: float) -> None:
        self.values[metric, (("svc", self.service),)] = value

    def read(self) -> None:
        self.now_s += STEP_S
        told = [watching.Reading(metric, labels, value) for (metric, labels), value in self.values.items()]
        self.seen.take(watching.Scrape(self.service, self.now_s, told))

    def verdict(self, name: str) -> gates.Verdict:
        return gates.judge(GATES[name], embedded.measure(GATES[name], self.seen, self.now_s))[0]


def answers(told: Gateway, minutes: float, seconds: float) -> Verdict:
    for _ in range(int(minutes * 60 / STEP_S)):
        for edge in (0.5, 1.0, 5.0, float("inf")):
            told.count("council_latency_seconds_bucket", 20 if seconds <= edge else 0, le=str(edge))
        told.count("council_latency_seconds_count", 20)
        told.read()
    return told.verdict("latency_p95")


@pytest.mark.covers("gateway", "gate")
def test_answers_that_slow_down_turn_the_latency_gate_red_until_they_are_quick_again() -> None:
    told = Gateway()
    assert [answers(told, 6, 0.2), answers(told, 6, 3.0), answers(told, 6, 0.2)] == [
        *(Verdict.GREEN, Verdict.RED, Verdict.GREEN)
    ]


def questions(told: Gateway, minutes: float, outcome: str) -> Verdict:
    told.count("council_marked_wrong_total", 0)
    for _ in range(int(minutes * 60 / STEP_S)):
        for each in ("answered", "refused", "wrong", "failed"):
            told.count("council_requests_total", 10 if each == outcome else 0, outcome=each)
        told.read()
    return told.verdict("success_rate")


@pytest.mark.covers("router", "gate")
def test_questions_that_fail_turn_the_success_gate_red_until_they_are_answered_again() -> None:
    told = Gateway()
    assert questions(told, 70, "answered") is Verdict.GREEN
    assert questions(told, 20, "failed") is Verdict.RED
    assert questions(told, 70, "answered") is Verdict.GREEN


def spending(told: Gateway, minutes: float, micros: int) -> Verdict:
    for _ in range(int(minutes * 60 / STEP_S)):
        told.count("council_cost_usd_micros_total", 10 * micros, model="dear")
        told.count("council_local_answers_total", 10, local="true")
        told.read()
    return told.verdict("cost_per_100")


@pytest.mark.covers("cost", "gate")
def test_answers_that_are_dear_turn_the_cost_gate_red_until_they_are_cheap_again() -> None:
    told = Gateway()
    assert spending(told, 70, 0) is Verdict.GREEN
    assert spending(told, 70, 2000) is Verdict.RED
    assert spending(told, 70, 0) is Verdict.GREEN


@pytest.mark.covers("infrastructure", "gate")
def test_a_full_disk_turns_its_gate_red_until_there_is_room() -> None:
    told = Gateway("watcher")
    said = []
    for used in (40.0, 90.0, 40.0):
        told.gauge("council_disk_used_bytes", used)
        told.gauge("council_disk_size_bytes", 100.0)
        told.read()
        said.append(told.verdict("disk_usage"))
    assert said == [Verdict.GREEN, Verdict.RED, Verdict.GREEN]


# Sentinels


def sighting(at_s: float, service: str, began_s: float, **values: float) -> house.Sighting:
    usual = {
        "heap_mb": 300.0,
        "open_fds_total": 50.0,
        "fd_soft_limit": 1024.0,
        "council_process_threads": 9.0,
        "council_process_children": 0.0,
        "council_process_zombies": 0.0,
        "council_process_sockets": 12.0,
        "council_process_temp_files": 0.0,
        "council_process_tasks": 20.0,
    }
    sent = {"council_provider_sent_bytes_total": {"openai": 0.0}}
    return house.Sighting(service, at_s, began_s, {**usual, **values}, sent)


def said(watch: house.House, name: str, seen: house.Sighting) -> Verdict:
    return next(one.verdict for one in watch.take(seen) if one.sentinel == name)


def leaking(name: str, service: str, signal: str, began_s: float, hours: float, mb_per_hour: float) -> Verdict:
    watch = house.House(RULES)
    for place in range(int(hours * 240)):
        grown = place * 15 / HOUR * mb_per_hour
        verdict = said(watch, name, sighting(T0 + 15 * place, service, began_s, **{signal: 300 + grown + place % 5}))
    after_s = T0 + hours * HOUR
    # What takes its place is young, so nobody knows yet; but it is no leak.
    assert said(watch, name, sighting(after_s, service, after_s, **{signal: 300.0})) is Verdict.UNKNOWN
    return verdict


@pytest.mark.covers("gateway", "sentinel")
def test_a_gateway_that_leaks_is_found_and_its_successor_is_not() -> None:
    assert leaking("memory", "gateway", "heap_mb", T0 - 24 * HOUR, 4, 8) is Verdict.AMBER


@pytest.mark.covers("memory", "sentinel")
def test_memory_of_a_graphics_processor_that_drips_is_found_and_that_of_a_successor_is_not() -> None:
    assert leaking("gpu_drip", "model", "cuda_alloc_mb", T0 - 24 * HOUR, 4, 10) is Verdict.AMBER


@pytest.mark.covers("router", "sentinel")
def test_descriptors_near_their_limit_are_red_until_they_are_closed() -> None:
    watch = house.House(RULES)
    counts = (100.0, 900.0, 100.0)
    verdicts = [
        said(watch, "descriptors", sighting(T0 + 15 * place, "gateway", T0 - HOUR, open_fds_total=count))
        for place, count in enumerate(counts)
    ]
    assert verdicts == [Verdict.GREEN, Verdict.RED, Verdict.GREEN]


@pytest.mark.covers("sandbox", "sentinel")
def test_children_that_nobody_collects_are_found_until_they_are() -> None:
    watch, verdicts = house.House(RULES), []
    for place in range(24):
        left = 3.0 if 4 <= place < 16 else 0.0
        seen = sighting(T0 + 15 * place, "sandboxd", T0 - HOUR, council_process_zombies=left)
        verdicts.append(said(watch, "zombies", seen))
    assert Verdict.AMBER in verdicts[4:16]
    assert verdicts[-1] is Verdict.GREEN


@pytest.mark.covers("infrastructure", "sentinel")
def test_a_disk_that_fills_is_found_until_it_stands_still() -> None:
    watch, verdicts = house.House(RULES), []
    gb, used = 1e9, 50e9
    for place in range(960):
        used += gb / 2 if 240 <= place < 320 else 0.0
        seen = sighting(T0 + 15 * place, "watcher", T0 - HOUR)
        values = {**seen.values, "council_disk_used_bytes": used, "council_disk_size_bytes": 200 * gb}
        verdicts.append(said(watch, "disk_growth", dataclasses.replace(seen, values=values)))
    assert {Verdict.RED, Verdict.AMBER} & set(verdicts[240:320])
    assert verdicts[-1] is Verdict.GREEN
