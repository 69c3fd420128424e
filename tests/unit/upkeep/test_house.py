"""All sentinels over many services: restarts, what is missing, bounds, and a state that is made again."""

import dataclasses
import random

import pytest

from council import homes
from council.domain import sentinels
from council.domain.gates import Verdict
from council.upkeep.sentinels import findings, house

RULES = homes.default_sentinels()
T0 = 1_750_000_000.0
HOUR = 3600.0


def seen(at_s: float, began_s: float = T0 - 86_400, service: str = "gateway", **values: float) -> house.Sighting:
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
    return house.Sighting(
        service, at_s, began_s, {**usual, **values}, {"council_provider_sent_bytes_total": {"openai": 0.0}}
    )


def of(found: list[findings.Finding], name: str) -> findings.Finding:
    return next(one for one in found if one.sentinel == name)


def test_each_service_gets_the_sentinels_that_are_about_it() -> None:
    watch = house.House(RULES)
    assert {one.sentinel for one in watch.take(seen(T0))} == {
        "memory", "descriptors", "zombies", "threads", "children", "sockets", "temp_files", "tasks", "egress",
    }  # fmt: skip
    assert "model_queue" in {one.sentinel for one in watch.take(seen(T0, service="model"))}
    assert "egress" in {one.sentinel for one in watch.take(seen(T0, service="gateway-canary"))}


def test_red_descriptors_warn_at_once_and_page_after_five_minutes() -> None:
    watch = house.House(RULES)
    urgencies = [
        of(watch.take(seen(T0 + wait_s, open_fds_total=900)), "descriptors").urgency for wait_s in (0, 285, 300)
    ]
    assert urgencies == ["warning", "warning", "page"]


def test_a_fall_below_red_starts_the_five_minutes_anew() -> None:
    watch = house.House(RULES)
    watch.take(seen(T0, open_fds_total=900))
    assert of(watch.take(seen(T0 + 200, open_fds_total=700)), "descriptors").urgency == "warning"
    watch.take(seen(T0 + 210, open_fds_total=900))
    assert of(watch.take(seen(T0 + 400, open_fds_total=900)), "descriptors").urgency == "warning"
    assert of(watch.take(seen(T0 + 510, open_fds_total=900)), "descriptors").urgency == "page"


def _leaks_for(watch: house.House, hours: float, from_s: float = T0, began_s: float = T0 - 86_400) -> findings.Finding:
    for step in range(int(hours * 240)):
        grown = step * 15 / HOUR * 8
        found = watch.take(seen(from_s + step * 15, began_s, heap_mb=300 + grown + step % 5))
    return of(found, "memory")


def test_a_leak_of_an_old_process_is_amber_within_four_hours() -> None:
    found = _leaks_for(house.House(RULES), 4)
    assert (found.verdict, found.urgency) == (Verdict.AMBER, "warning")
    assert "MB an hour" in found.reason


def test_a_process_that_was_started_anew_is_judged_anew() -> None:
    watch = house.House(RULES)
    _leaks_for(watch, 4)
    found = of(watch.take(seen(T0 + 4 * HOUR, T0 + 4 * HOUR - 5)), "memory")
    assert found.verdict is Verdict.NOT_APPLICABLE and found.reason.startswith("The process that was watched has ended")
    found = of(watch.take(seen(T0 + 4 * HOUR + 15, T0 + 4 * HOUR - 5)), "memory")
    assert found.verdict is Verdict.UNKNOWN
    assert "warming up, 30 minutes left" in found.reason


def test_a_process_that_was_started_anew_while_nothing_could_be_read_is_judged_anew_too() -> None:
    watch = house.House(RULES)
    _leaks_for(watch, 4)
    away = house.Sighting("gateway", T0 + 4 * HOUR, None, {}, reason="port 8000 does not answer")
    assert of(watch.take(away), "memory").verdict is Verdict.UNKNOWN
    found = watch.take(seen(T0 + 4 * HOUR + 15, T0 + 4 * HOUR + 10))
    assert of(found, "memory").verdict is Verdict.NOT_APPLICABLE
    assert of(watch.take(seen(T0 + 4 * HOUR + 30, T0 + 4 * HOUR + 10)), "memory").verdict is Verdict.UNKNOWN


def test_a_second_process_ends_no_alert_about_the_first() -> None:
    watch = house.House(RULES)
    _leaks_for(watch, 4)
    both = dataclasses.replace(seen(T0 + 4 * HOUR, T0 + 4 * HOUR - 5), oldest_s=T0 - 86_400)
    assert of(watch.take(both), "memory").verdict is Verdict.UNKNOWN


def test_a_healthy_process_that_was_started_anew_is_unknown_at_once() -> None:
    watch = house.House(RULES)
    watch.take(seen(T0))
    assert of(watch.take(seen(T0 + 60, T0 + 55)), "memory").verdict is Verdict.UNKNOWN


def test_a_start_that_is_told_a_second_off_is_the_same_start() -> None:
    watch = house.House(RULES)
    _leaks_for(watch, 4)
    at_s = T0 + 4 * HOUR
    assert of(watch.take(seen(at_s, T0 - 86_399, heap_mb=332)), "memory").verdict is Verdict.AMBER


def test_a_disk_is_judged_across_restarts_of_who_tells_of_it() -> None:
    watch = house.House(RULES)
    for step in range(240):
        used = 50e9 + step * 15 / HOUR * 20e9
        found = watch.take(
            seen(
                T0 + step * 15,
                T0 - 100 + step // 20 * 300,
                "watcher",
                council_disk_used_bytes=used,
                council_disk_size_bytes=100e9,
            )
        )
    assert of(found, "disk_growth").verdict is Verdict.RED


def test_a_signal_that_is_missing_is_unknown_with_its_reason() -> None:
    watch = house.House(RULES)
    whole = seen(T0)
    less = dataclasses.replace(
        whole,
        values={name: value for name, value in whole.values.items() if name not in ("heap_mb", "fd_soft_limit")},
        unknown={"heap_mb": "the kernel does not show it to this user"},
    )
    found = watch.take(less)
    assert of(found, "memory").reason == "Unknown: the kernel does not show it to this user."
    assert of(found, "descriptors").reason == "gateway does not report fd_soft_limit."
    assert {of(found, name).verdict for name in ("memory", "descriptors")} == {Verdict.UNKNOWN}


def test_a_service_that_cannot_be_read_is_unknown_in_everything() -> None:
    watch = house.House(RULES)
    watch.take(seen(T0))
    gone = watch.take(house.Sighting("gateway", T0 + 15, None, {}, reason="port 8000 does not answer"))
    assert {one.verdict for one in gone} == {Verdict.UNKNOWN}
    assert {one.reason for one in gone} == {"Unknown: port 8000 does not answer."}


def test_what_a_service_never_reports_does_not_apply_where_it_is_optional() -> None:
    watch = house.House(RULES)
    model = seen(T0, service="model", council_model_waiting=0)
    values = {name: value for name, value in model.values.items() if name != "council_process_tasks"}
    model = dataclasses.replace(model, values=values, unknown={"cuda_alloc_mb": "there is no NVIDIA GPU"})
    found = watch.take(model)
    assert (of(found, "gpu_drip").verdict, of(found, "gpu_drip").reason) == (
        Verdict.NOT_APPLICABLE,
        "Not applicable: there is no NVIDIA GPU.",
    )
    assert of(found, "tasks").verdict is Verdict.NOT_APPLICABLE


def test_what_was_reported_and_is_missing_now_is_unknown_even_where_it_is_optional() -> None:
    watch = house.House(RULES)
    watch.take(seen(T0))
    less = seen(T0 + 15)
    less = dataclasses.replace(less, values={n: v for n, v in less.values.items() if n != "council_process_tasks"})
    assert of(watch.take(less), "tasks").verdict is Verdict.UNKNOWN


def test_gpu_memory_that_drips_is_amber_within_four_hours() -> None:
    watch = house.House(RULES)
    for step in range(960):
        found = watch.take(seen(T0 + step * 15, service="model", cuda_alloc_mb=4000 + step * 15 / HOUR * 10))
    assert of(found, "gpu_drip").verdict is Verdict.AMBER


@pytest.mark.long
def test_a_state_made_again_from_what_was_kept_says_the_same() -> None:
    kept = [seen(T0 + step * 15, heap_mb=300 + step * 15 / HOUR * 8 + step % 5) for step in range(52 * 240)]
    through = house.House(RULES)
    for one in kept:
        before = through.take(one)
    again = house.House(RULES)
    # What is kept of old times is the least of ten minutes.
    old, new = kept[: 47 * 240], kept[47 * 240 :]
    for place in range(0, len(old), 40):
        least = min(one.values["heap_mb"] for one in old[place : place + 40])
        again.take(dataclasses.replace(old[place], values={**old[place].values, "heap_mb": least}))
    for one in new:
        after = again.take(one)
    was, now = of(before, "memory"), of(after, "memory")
    assert (now.verdict, now.value) == (was.verdict, was.value)
    assert was.verdict is Verdict.AMBER


def test_services_have_a_bound_and_the_longest_unseen_makes_room() -> None:
    watch = house.House(RULES)
    for place in range(house.SERVICES_MAX + 10):
        watch.take(seen(T0 + place, service=f"made-{place}"))
        watch.take(seen(T0 + place))
    assert len(watch._services) == house.SERVICES_MAX
    assert "gateway" in watch._services


def test_a_name_of_ones_own_is_judged_as_any_other() -> None:
    own = sentinels.Sentinel("waiting", "things", sentinels.Lasting(0, 5, 9), "", (), False, 0.0, "Look at it.")
    found = house.House([own]).take(seen(T0, things=9))
    assert [(one.sentinel, one.verdict, one.urgency, one.look_next) for one in found] == [
        ("waiting", Verdict.RED, "page", "Look at it.")
    ]


def _glances(hours: float, leak_mb_per_hour: float, from_s: float) -> list[tuple[float, findings.Finding]]:
    """Return what is said of memory that is read each three seconds, between sightings each fifteen."""
    watch, noise, said = house.House(RULES), random.Random(5), []
    for step in range(int(hours * 1200)):
        after_s = step * house.GLANCE_S
        heap_mb = 300 + max(0.0, after_s - from_s) / HOUR * leak_mb_per_hour + noise.gauss(0, 1)
        if step % 5 == 0:
            found = watch.take(seen(T0 + after_s, heap_mb=heap_mb))
        else:
            found = watch.glance("gateway", T0 + after_s, {"heap_mb": heap_mb, "things": 1})
            assert [one.sentinel for one in found] == ["memory"]
        said.append((after_s, of(found, "memory")))
    return said


def test_a_leak_of_120_mb_an_hour_is_a_page_within_three_minutes_where_memory_is_read_each_three_seconds() -> None:
    pages = [after_s for after_s, one in _glances(1.1, 120.0, HOUR) if one.urgency == "page"]
    assert HOUR + 60 < pages[0] <= HOUR + 180


def test_memory_that_swings_is_no_fast_leak_however_often_it_is_read() -> None:
    assert all(one.verdict is Verdict.UNKNOWN for _, one in _glances(2.0, 0.0, HOUR))


def test_a_glance_at_a_service_that_nobody_saw_says_nothing() -> None:
    watch = house.House(RULES)
    assert watch.glance("gateway", T0, {"heap_mb": 300.0}) == []
    watch.take(house.Sighting("gateway", T0, None, {}))
    assert of(watch.glance("gateway", T0 + 3, {"heap_mb": 300.0}), "memory").reason == "Nothing was read yet."
