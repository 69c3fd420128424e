"""The watch beside one process, with real processes."""

import subprocess
import sys
import threading
import urllib.request

import pytest

from council import homes
from council.domain import gates
from council.kit import reading
from council.upkeep.sentinels import findings, leak, sidecar

_RULES = homes.default_sentinels()

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


@pytest.mark.long
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

        ended = sidecar.watch('smo"ke', who, _RULES, 1.0, page.publish, tell, threading.Event())
    with urllib.request.urlopen(f"http://127.0.0.1:{page.port}/metrics") as answer:
        text = answer.read().decode()
    page.close()
    assert ended
    assert [(one.sentinel, one.verdict, one.urgency) for one in told] == [("descriptors", gates.Verdict.RED, "warning")]
    assert 'fd_soft_limit{svc="smo\\"ke"} 200' in text
    assert 'sentinel_verdict{svc="smo\\"ke",sentinel="descriptors"} 2' in text
    assert "heap_mb{" in text


def test_a_watch_that_is_told_to_stop_leaves_the_process_as_it_is() -> None:
    with subprocess.Popen(["sleep", "30"]) as child:
        who = reading.identity(child.pid)
        assert who is not None
        stop = threading.Event()
        stop.set()
        assert not sidecar.watch("sleeper", who, _RULES, 1.0, lambda _: None, lambda _: None, stop)
        assert child.poll() is None
        child.kill()


def test_what_is_unknown_has_no_sample_but_says_why() -> None:
    closed = reading.Unknown("the kernel does not show it to this user")
    text = sidecar.metrics("other", reading.Reading(*[closed] * 10), closed, [])
    assert "# open_fds_total is absent: the kernel does not show it to this user." in text
    assert "open_fds_total{" not in text
