"""Descriptors, zombies, and counts that pile up."""

import subprocess
import sys
import threading
import urllib.request

import pytest

from council.kit import reading
from council.upkeep.sentinels import counts, descriptors, findings, leak, sidecar

# Takes a word a line: keeps 34,000 bytes for good, or gives them back at once.
_PROCESS = """
import sys
kept = []
for line in sys.stdin:
    held = bytearray(b"x" * 34_000)
    if line.startswith("keep"):
        kept.append(held)
    print("done", flush=True)
"""


@pytest.mark.parametrize(
    ("open_fds", "verdict"), [(599, "green"), (600, "amber"), (799, "amber"), (800, "red"), (1000, "red")]
)
def test_descriptors_are_amber_from_sixty_and_red_from_eighty_percent(open_fds: int, verdict: str) -> None:
    assert descriptors.DescriptorWatch("smoke").judge(0.0, open_fds, 1000).verdict == verdict


def test_red_descriptors_warn_at_once_and_page_after_five_minutes() -> None:
    watch = descriptors.DescriptorWatch("smoke")
    urgencies = [watch.judge(time_s, 900, 1000).urgency for time_s in (0.0, 285.0, 300.0)]
    assert urgencies == ["warning", "warning", "page"]


def test_a_fall_below_red_starts_the_five_minutes_anew() -> None:
    watch = descriptors.DescriptorWatch("smoke")
    watch.judge(0.0, 900, 1000)
    assert watch.judge(200.0, 700, 1000).urgency == "warning"
    watch.judge(210.0, 900, 1000)
    assert watch.judge(400.0, 900, 1000).urgency == "warning"
    assert watch.judge(510.0, 900, 1000).urgency == "page"


@pytest.mark.parametrize(("open_fds", "limit"), [(None, 1000), (10, None), (10, 0)])
def test_descriptors_that_cannot_be_read_are_unknown(open_fds: int | None, limit: int | None) -> None:
    found = descriptors.DescriptorWatch("smoke").judge(0.0, open_fds, limit)
    assert (found.verdict, found.value) == ("unknown", None)


def _last(counted: list[int], step_s: float = 15.0) -> findings.Finding:
    watch = counts.GrowthWatch("threads", "smoke", "")
    for place, count in enumerate(counted):
        found = watch.judge(place * step_s, count)
    return found


def test_threads_that_pile_up_are_found_within_an_hour() -> None:
    assert _last([100 + place // 10 for place in range(250)]).verdict == "amber"
    assert _last([10 + place // 4 for place in range(250)]).verdict == "red"


def test_threads_that_come_and_go_do_not_pile_up() -> None:
    assert _last([10 + place % 60 for place in range(500)]).verdict == "green"


def test_a_few_more_threads_are_no_pile() -> None:
    assert _last([10 + place // 30 for place in range(250)]).verdict == "green"


def test_growth_is_unknown_for_the_first_hour() -> None:
    found = _last([10] * 41)
    assert found.verdict == "unknown"
    assert "50 minutes" in found.reason


def test_a_zombie_counts_once_nobody_collected_it_for_a_minute() -> None:
    watch = counts.ZombieWatch("smoke")
    assert [watch.judge(time_s, 1).verdict for time_s in (0.0, 45.0, 60.0)] == ["green", "green", "amber"]
    assert watch.judge(75.0, 10).verdict == "red"
    assert watch.judge(90.0, 0).verdict == "green"
    assert watch.judge(105.0, 1).verdict == "green"


@pytest.mark.parametrize(("word", "verdict"), [("keep", "leak"), ("give back", "steady")])
def test_a_real_process_leaks_if_it_keeps_what_it_takes(word: str, verdict: str) -> None:
    # Real memory, four hours of it at 8 MB an hour, on a clock that runs as fast as the process answers.
    watch = leak.LeakWatch()
    with subprocess.Popen([sys.executable, "-c", _PROCESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin and child.stdout
        who = reading.identity(child.pid)
        assert who is not None
        for step in range(961):
            child.stdin.write(f"{word}\n".encode())
            child.stdin.flush()
            child.stdout.readline()
            seen = reading.read(who)
            assert seen is not None
            assert isinstance(seen.heap_bytes, int)
            watch.add(step * 15.0, seen.heap_bytes)
    assert watch.judge().verdict == verdict


def test_a_process_that_uses_up_its_descriptors_is_told_and_its_end_noticed() -> None:
    opens = 'for(1..190){open my $f,"<","/dev/null" or last; push @k,$f} $|=1; print 1; sleep 30'
    told: list[findings.Finding] = []
    page = sidecar.Page(0)
    with subprocess.Popen(["sh", "-c", 'ulimit -n 200; exec perl -e "$0"', opens], stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.read(1)
        who = reading.identity(child.pid)
        assert who is not None

        def tell(finding: findings.Finding) -> None:
            told.append(finding)
            child.kill()

        ended = sidecar.watch('smo"ke', who, 1.0, page.publish, tell, threading.Event())
    with urllib.request.urlopen(f"http://127.0.0.1:{page.port}/metrics") as answer:
        text = answer.read().decode()
    page.close()
    assert ended
    assert [(one.sentinel, one.verdict, one.urgency) for one in told] == [("descriptors", "red", "warning")]
    assert 'fd_soft_limit{svc="smo\\"ke"} 200' in text
    assert 'sentinel_verdict{svc="smo\\"ke",sentinel="descriptors"} 2' in text
    assert "heap_mb{" in text


def test_a_watch_that_is_told_to_stop_leaves_the_process_as_it_is() -> None:
    with subprocess.Popen(["sleep", "30"]) as child:
        who = reading.identity(child.pid)
        assert who is not None
        stop = threading.Event()
        stop.set()
        assert not sidecar.watch("sleeper", who, 1.0, lambda _: None, lambda _: None, stop)
        assert child.poll() is None
        child.kill()


def test_what_is_unknown_has_no_sample_but_says_why() -> None:
    closed = reading.Unknown("the kernel does not show it to this user")
    text = sidecar.metrics("other", reading.Reading(*[closed] * 9), closed, [])
    assert "# open_fds_total is absent: the kernel does not show it to this user." in text
    assert "open_fds_total{" not in text
