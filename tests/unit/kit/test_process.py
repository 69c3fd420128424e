import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from council.kit import process


def test_stat_reads_names_with_spaces_and_parentheses() -> None:
    code = "import ctypes; ctypes.CDLL(None).prctl(15, b'a) R 1 (b', 0, 0, 0); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        found = process.stat(child.pid)
        child.kill()
    assert found is not None
    assert (found.pid, found.parent_pid, found.group_id) == (child.pid, os.getpid(), os.getpgid(0))
    assert found.start_ticks > 0


def test_a_process_that_is_not_there_has_no_stat_no_memory_and_no_ancestors() -> None:
    with subprocess.Popen(["true"]) as child:
        pass
    assert process.stat(child.pid) is None
    assert process.resident_bytes(child.pid) == 0
    assert process.ancestors(child.pid) == []


def test_ancestors_lead_from_the_parent_upwards() -> None:
    assert process.ancestors(os.getpid())[0] == os.getppid()


def test_the_memory_of_a_tree_is_that_of_all_its_processes() -> None:
    with subprocess.Popen([sys.executable, "-c", "print(flush=True); input()"], stdin=-1, stdout=-1) as child:
        assert child.stdout is not None
        child.stdout.readline()
        table = process.table()
        tree = process.tree_bytes(os.getpid(), table, process.resident_bytes)
        alone = process.resident_bytes(os.getpid())
        assert tree >= alone + process.resident_bytes(child.pid) * 0.9
        assert 1_000_000 < process.share_bytes(child.pid) < process.resident_bytes(child.pid)
        child.kill()


def test_a_peer_is_known_by_what_the_kernel_says() -> None:
    left, right = socket.socketpair()
    with left, right:
        assert process.peer(left) == process.Peer(os.getpid(), os.geteuid(), os.getegid())


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def _state(pid: int) -> str:
    """Return the state letter, Z for a zombie that nobody collects, or nothing if it is gone."""
    try:
        return Path(f"/proc/{pid}/status").read_text().partition("State:")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_a_child_can_ask_to_end_with_its_parent() -> None:
    inner = (
        "import signal; from council.kit import process; process.set_parent_death_signal(signal.SIGKILL); "
        "print(flush=True); signal.pause()"
    )
    outer = (
        "import subprocess, sys; "
        f"child = subprocess.Popen([sys.executable, '-c', {inner!r}], stdout=subprocess.PIPE); "
        "child.stdout.readline(); print(child.pid)"
    )
    pid = int(run(outer))
    deadline = time.monotonic() + 10
    while "Z" not in (text := _state(pid)) and text:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_subreaper_gets_and_collects_orphans_but_not_its_own() -> None:
    code = """
import os, subprocess, time
from council.kit import process
process.set_child_subreaper()
own = subprocess.Popen(["true"])
os.waitid(os.P_PID, own.pid, os.WEXITED | os.WNOWAIT)
process.reap_adopted({own.pid})
assert own.wait() == 0
middle = subprocess.Popen(["sh", "-c", "sleep 0.1 & echo $!"], stdout=subprocess.PIPE)
orphan = int(middle.communicate()[0])
os.waitid(os.P_PID, orphan, os.WEXITED | os.WNOWAIT)
assert process.stat(orphan).parent_pid == os.getpid()
process.reap_adopted(set())
print(process.stat(orphan))
"""
    assert run(code) == "None"


def test_end_all_kills_what_ignores_the_request() -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        found = process.stat(child.pid)
        assert found is not None
        assert process.end_all([(child.pid, found.start_ticks)], 0.1) == [child.pid]
        assert child.wait() == -signal.SIGKILL
