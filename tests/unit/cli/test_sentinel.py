"""council sentinel: what it refuses, and a whole run beside a real process."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys

import pytest
from click.testing import CliRunner

from council.cli import sentinel
from council.domain import errors


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
