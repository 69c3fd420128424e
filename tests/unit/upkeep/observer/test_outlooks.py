"""What will be full is told with when, and what stands still, is far off, or begins anew before that is not."""

import dataclasses

import observer_cases
from council.domain import evidence
from council.upkeep.observer import outlooks, telling

DAY_S = 86_400.0


def foretold(*tracks: evidence.Track, now_s: float) -> list[str]:
    span = evidence.Span(now_s - DAY_S, now_s + 1)
    found = dataclasses.replace(observer_cases.day(), now_s=now_s, span=span, tracks=tracks)
    told = list(outlooks.foretold(found))
    for one in told:
        assert not telling.strays(one.sentence.text, one.sentence.facts)
    return [one.sentence.text for one in told]


def line(name: str, service: str, now_s: float, first: float, last: float, back_s: float = DAY_S) -> evidence.Track:
    points = [(now_s - back_s * (1 - place / 200), first + (last - first) * place / 200) for place in range(201)]
    return evidence.Track(name, service, "", points)


NOW_S = 1_800_000_000.0 - 1_800_000_000.0 % DAY_S + DAY_S / 2


def test_a_disk_that_fills_is_told_with_when() -> None:
    size = line("council_disk_size_bytes", "watcher", NOW_S, 100e9, 100e9)
    [told] = foretold(line("council_disk_used_bytes", "watcher", NOW_S, 80e9, 90e9), size, now_s=NOW_S)
    assert told.startswith("The disk of the home: 90 GB of 100 GB") and telling.clock(NOW_S + DAY_S)[:10] in told
    assert not foretold(line("council_disk_used_bytes", "watcher", NOW_S, 80e9, 80e9), size, now_s=NOW_S)
    assert not foretold(line("council_disk_used_bytes", "watcher", NOW_S, 50e9, 50.5e9), size, now_s=NOW_S)


def test_what_was_read_after_the_end_says_nothing_of_how_it_stood_then() -> None:
    size = line("council_disk_size_bytes", "watcher", NOW_S, 100e9, 100e9)
    used = line("council_disk_used_bytes", "watcher", NOW_S, 80e9, 90e9)
    later = dataclasses.replace(used, points=[*used.points, *((NOW_S + 10 + at_s, 99e9) for at_s in range(100))])
    assert foretold(later, size, now_s=NOW_S) == foretold(used, size, now_s=NOW_S)


def test_of_descriptors_the_service_is_named_and_held_against_its_own_limit() -> None:
    limits = [line("fd_soft_limit", name, NOW_S, most, most) for name, most in (("gateway", 1024.0), ("recall", 1e6))]
    used = [line("open_fds_total", name, NOW_S, 100, 700) for name in ("gateway", "recall")]
    [told] = foretold(*used, *limits, now_s=NOW_S)
    assert told.startswith("Open descriptors of gateway: 700 of 1,024")


def test_a_budget_is_foretold_to_the_end_of_its_day_alone() -> None:
    size = line("council_quota_today_usd_micros", "watcher", NOW_S, 10e6, 10e6)
    spent = line("council_spent_today_usd_micros", "watcher", NOW_S, 0, 8e6, DAY_S / 2)
    assert foretold(spent, size, now_s=NOW_S)
    slow = line("council_spent_today_usd_micros", "watcher", NOW_S, 0, 2e6, DAY_S / 2)
    assert not foretold(slow, size, now_s=NOW_S)


def test_a_key_that_ends_within_a_month_is_told_with_its_day() -> None:
    def ends(days: float, kind: str = "tls") -> evidence.Track:
        return evidence.Track(
            "council_expires_ts", "steward", "time", [(NOW_S, NOW_S + days * DAY_S)], (("kind", kind),)
        )

    [told] = foretold(ends(10), now_s=NOW_S)
    when = telling.clock(NOW_S + 10 * DAY_S)
    assert told.startswith(
        f"The gateway's TLS certificate ends at {when}. Before that, put a new one and its key in their places"
    )
    [told] = foretold(ends(-1, "signer"), now_s=NOW_S)
    assert "ended at" in told and "Now, extend it" in told and "`council keys add`" in told
    assert not foretold(ends(31), now_s=NOW_S)
