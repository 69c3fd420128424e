"""council sentinel: what it refuses, and a whole run beside a real process."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from council.backends.runtime import local
from council.cli import sentinel
from council.domain import errors, home, states
from council.services import tracing


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


def _run(*arguments: str) -> None:
    CliRunner().invoke(sentinel.sentinel, ["--service", "smoke", *arguments], catch_exceptions=False)


def test_a_pid_that_nobody_has_is_refused() -> None:
    with subprocess.Popen(["true"]) as child:
        child.wait()
        with pytest.raises(errors.InvalidRequestError, match="No process"):
            _run("--pid", str(child.pid))


def test_a_port_that_is_taken_is_refused() -> None:
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(errors.InvalidRequestError, match="another --port"):
            _run("--pid", str(os.getpid()), "--port", str(taken.getsockname()[1]))


def test_findings_are_a_line_of_json_each_and_the_command_ends_with_the_process() -> None:
    opens = 'for(1..90){open my $f,"<","/dev/null" or last; push @k,$f} $|=1; print 1; sleep 30'
    with subprocess.Popen(["sh", "-c", 'ulimit -n 100; exec perl -e "$0"', opens], stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.read(1)
        command = [sys.executable, "-m", "council", "sentinel", "--pid", str(child.pid), "--json"]
        environment = {**os.environ, "SERVICE_NAME": "smoke", "SAMPLE_SEC": "1"}
        with subprocess.Popen(
            [*command, "--port", str(_free_port())], stdout=subprocess.PIPE, env=environment
        ) as watching:
            assert watching.stdout
            row = json.loads(watching.stdout.readline())
            child.kill()
            assert watching.wait(20) == 0
    assert (row["service"], row["sentinel"], row["verdict"]) == ("smoke", "descriptors", "red")
    assert abs(row["since_s"] - time.time()) < 60


def test_a_signal_detaches_and_leaves_the_process() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        command = [sys.executable, "-m", "council", "sentinel", "--service", "sleeper", "--pid", str(child.pid)]
        with subprocess.Popen([*command, "--port", str(_free_port())], stdout=subprocess.PIPE) as watching:
            assert watching.stdout
            assert b"Watching sleeper" in watching.stdout.readline()
            watching.send_signal(signal.SIGTERM)
            assert watching.wait(20) == 0
            assert watching.stdout.read() == b"Detached.\n"
        assert child.poll() is None
        child.kill()


def test_neither_a_process_nor_a_command_is_a_usage_error() -> None:
    result = CliRunner().invoke(sentinel.sentinel, ["--service", "smoke"])
    assert result.exit_code == 2
    assert "--pid" in result.output


class _Traced:
    """A supervisor whose service logs what a trace finds, after lines that are none of it."""

    lines = (
        {"message": tracing.LINE, "path": "council/toy.py", "line": 7, "kept_bytes": 2_500_000, "kept_blocks": 31},
        {"message": tracing.END, "lines": 1, "kept_bytes": 2_600_000, "took_s": 30.0, "is_short": False},
    )

    def __init__(self, where: home.Home):
        self._log = where.logs / "recall.log"

    async def status(self) -> list[states.ServiceStatus]:
        return [states.ServiceStatus("recall", "ready", 1, "g", 1.0, 0, 1, "")]

    async def trace(self, service: str) -> None:
        assert service == "recall"
        with self._log.open("a") as file:
            file.write("not JSON\n" + "".join(json.dumps(line) + "\n" for line in self.lines))


def test_a_trace_shows_the_lines_that_the_service_logs_from_now_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "LocalRuntime", _Traced)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "recall.log").write_text(json.dumps({"message": tracing.END, "refused": "of old"}) + "\n")
    result = CliRunner().invoke(sentinel.sentinel, ["trace", "recall", "--home", str(tmp_path)], catch_exceptions=False)
    assert result.output.splitlines() == [
        "Tracing recall for 30 s.",
        "   2,500.0 kB in 31 blocks  council/toy.py:7",
        "Lines that kept more and more: 1. All kept 2,600.0 kB in 30.0 s.",
    ]


def test_a_trace_that_never_comes_is_told_with_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "LocalRuntime", _Traced)
    monkeypatch.setattr(_Traced, "lines", ())
    monkeypatch.setattr(tracing, "TRACE_S", -sentinel._TRACE_LATE_S + 1.0)
    (tmp_path / "logs").mkdir()
    with pytest.raises(errors.UnavailableError, match=r"recall\.log"):
        CliRunner().invoke(
            sentinel.sentinel, ["trace", "recall", "--home", str(tmp_path), "--json"], catch_exceptions=False
        )
