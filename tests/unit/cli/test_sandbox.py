"""`council sandbox` against a gateway with prepared answers: what is sent, what is shown, what is written, how it ends."""

import json
import os
import pty
import re
import select
import socket
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import sandbox_server
from council import homes
from council.cli import main
from council.domain import errors, home, sandbox
from council.kit import clock
from council.serving.sandbox import audit

RUN = "POST /v1/sandbox/run"
PROMPT_S = 60


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> home.Home:
    made = home.Home(tmp_path_factory.mktemp("cli") / "home")
    homes.prepare(made, {})
    return made


@pytest.fixture
def where(prepared: home.Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> home.Home:
    monkeypatch.setenv("COUNCIL_HOME", str(prepared.root))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return prepared


@pytest.fixture
def server(where: home.Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[sandbox_server.Server]:
    with sandbox_server.serve() as made:
        monkeypatch.setenv("COUNCIL_PORT", str(made.port))
        made.answers_job()
        yield made


def run(*arguments: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(main.cli, ["sandbox", *arguments], input=stdin, catch_exceptions=False)


def sent(server: sandbox_server.Server) -> Any:
    [asked] = server.asked
    return asked.body


# Where it is sent


def test_without_a_port_the_running_service_of_the_home_is_asked(
    server: sandbox_server.Server, where: home.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = where.run / "targets.json"
    noted.write_text(json.dumps([{"targets": [f"127.0.0.1:{server.port}"], "labels": {"svc": "gateway"}}]))
    bound = socket.socket()  # held, and nothing listens
    bound.bind(("127.0.0.1", 0))
    closed = str(bound.getsockname()[1])
    try:
        monkeypatch.delenv("COUNCIL_PORT")
        assert run("run", stdin=b"1").exit_code == 0
        with pytest.raises(errors.SupervisorUnavailableError, match=closed):
            run("run", "--port", closed, stdin=b"1")
        monkeypatch.setenv("COUNCIL_PORT", closed)
        with pytest.raises(errors.SupervisorUnavailableError, match=closed):
            run("run", stdin=b"1")
        monkeypatch.setenv("COUNCIL_PORT", str(server.port))
        noted.write_text("[1]")
        assert run("run", stdin=b"1").exit_code == 0
    finally:
        noted.unlink()
        bound.close()


# What is sent


def test_code_comes_from_standard_input_and_is_python_unless_said_otherwise(server: sandbox_server.Server) -> None:
    for arguments in ([], ["-"]):
        server.asked.clear()
        assert run("run", *arguments, stdin=b"print(1)").exit_code == 0
        assert sent(server) == {"language": "python", "code": "print(1)"}


@pytest.mark.parametrize(
    ("name", "arguments", "language"),
    [
        ("a.py", [], "python"),
        ("a.sh", [], "bash"),
        ("a.bash", [], "bash"),
        ("a", [], "python"),
        ("a.sh", ["--language", "python"], "python"),
    ],
)
def test_the_language_follows_the_name_of_the_file(
    server: sandbox_server.Server, name: str, arguments: list[str], language: str
) -> None:
    Path(name).write_text("echo hi")
    run("run", name, *arguments)
    assert sent(server)["language"] == language


def test_input_files_and_limits_are_sent_in_the_form_of_the_api(server: sandbox_server.Server) -> None:
    Path("in").write_bytes(b"\xff\x00")
    Path("text").write_text("größe")
    options = ["--timeout-s", "2.5", "--cpu-s", "1", "--memory-mib", "64", "--processes", "3", "--stdin", "in"]
    result = run("run", *options, "--file", "d/a=text", "--file", "b=in", "--collect", "out", "--json", stdin=b"pass")
    assert result.exit_code == 0
    assert sent(server) == {
        "language": "python",
        "code": "pass",
        "stdin": {"base64": "/wA="},
        "files": {"d/a": "größe", "b": {"base64": "/wA="}},
        "collect": ["out"],
        "limits": {"wall_s": 2.5, "cpu_s": 1.0, "memory_bytes": 64 * 2**20, "processes": 3},
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ["--stdin", "-"],
        ["--file", "name"],
        ["--file", "=path"],
        ["--file", "name="],
        ["--timeout-s", "0"],
        ["--memory-mib", "0"],
        ["--language", "ruby"],
    ],
)
def test_what_cannot_be_is_wrong_usage_and_nothing_is_sent(server: sandbox_server.Server, arguments: list[str]) -> None:
    assert run("run", *arguments, stdin=b"pass").exit_code == 2
    assert server.asked == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.py"], "missing.py cannot be read: No such file"),
        (["binary.py"], "binary.py is not UTF-8"),
        (["/dev/zero"], "over 16777216 bytes together"),
        (["a.py", "--stdin", "/dev/zero"], "over 16777216 bytes together"),
        (["a.py", "--collect", "../out"], "no name of a file inside"),
        (["a.py", "--collect", "/out"], "no name of a file inside"),
        (["a.py", "--collect", "."], "no name of a file inside"),
        (["a.py", "--collect", "a.py"], "a.py is there already"),
    ],
)
def test_what_cannot_be_read_or_put_away_is_refused_before_anything_is_sent(
    server: sandbox_server.Server, arguments: list[str], said: str
) -> None:
    Path("binary.py").write_bytes(b"\xff")
    Path("a.py").write_text("pass")
    with pytest.raises(errors.InvalidRequestError, match=said):
        run("run", *arguments)
    assert server.asked == []


# What is shown, and how it ends


def test_what_the_job_wrote_is_written_byte_for_byte_and_nothing_else(server: sandbox_server.Server) -> None:
    server.answers_job(stdout=b"\xff\x00\r\nno end", stderr="ä\n".encode())
    result = run("run", stdin=b"pass")
    assert (result.stdout_bytes, result.stderr_bytes) == (b"\xff\x00\r\nno end", "ä\n".encode())


SIGNAL, KILLED, REJECTED = sandbox.Status.SIGNAL, sandbox.Status.KILLED_LIMIT, sandbox.Status.REJECTED


@pytest.mark.parametrize(
    ("reply", "status", "said"),
    [
        ({"status": sandbox.Status.ERROR, "exit_code": 3}, 3, ""),
        ({"status": sandbox.Status.ERROR, "exit_code": 255}, 255, ""),
        ({"status": sandbox.Status.ERROR, "exit_code": None}, 1, ""),
        ({"status": SIGNAL, "exit_code": None, "signal": 11}, 139, "signal 11 (SIGSEGV)"),
        ({"status": SIGNAL, "exit_code": None, "signal": 99}, 227, "ended by signal 99"),
        ({"status": SIGNAL, "exit_code": None, "signal": 24, "limit": "cpu_s"}, 152, "--cpu-s"),
        ({"status": KILLED, "exit_code": None, "limit": "wall_s"}, 124, "--timeout-s, up to `sandbox.wall_s_max`"),
        ({"status": KILLED, "exit_code": None, "limit": "memory_bytes"}, 137, "--memory-mib"),
        ({"status": KILLED, "exit_code": None, "limit": "output_bytes"}, 137, "`sandbox.output_bytes` sets it"),
        ({"status": REJECTED, "exit_code": None, "reason": "no room"}, 7, "refused the job: no room"),
        ({"limit": "processes"}, 0, "the job met its limit `processes`; give it more with --processes"),
        ({"truncated": True}, 0, "its output is cut"),
        ({"not_collected": {"a": "is a link"}}, 0, "a did not come back: is a link"),
    ],
)
def test_the_exit_status_is_the_jobs_and_one_line_says_what_it_cannot(
    server: sandbox_server.Server, reply: dict[str, Any], status: int, said: str
) -> None:
    server.answers_job(**reply)
    result = run("run", stdin=b"pass")
    assert (result.exit_code, result.stdout) == (status, "")
    assert said in result.stderr and result.stderr.count("\n") == bool(said)
    assert not said or result.stderr.startswith("council: ")


def test_json_is_the_whole_reply_with_the_same_exit_status(server: sandbox_server.Server) -> None:
    server.answers_job(status=sandbox.Status.ERROR, exit_code=4, stdout=b"\xff", layers=("seccomp",), audit_id="7-ab")
    result = run("run", "--json", stdin=b"pass")
    assert json.loads(result.stdout) == server.answers[RUN]
    assert (result.exit_code, result.stderr) == (4, "")


@pytest.mark.parametrize("reply", [b"<html>", b"[]", {}, {"status": "ok", "stdout": 3}])
def test_a_reply_that_is_no_result_is_an_error(server: sandbox_server.Server, reply: Any) -> None:
    server.answers[RUN] = reply
    with pytest.raises(errors.UnavailableError, match="Is it Council on this port"):
        run("run", stdin=b"pass")


def test_a_reply_larger_than_the_settings_allow_is_not_taken(
    server: sandbox_server.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"OUTPUT_BYTES": "1", "FILES_BYTES": "65536"}.items():
        monkeypatch.setenv(f"COUNCIL_SANDBOX_{name}", value)
        monkeypatch.setenv(f"COUNCIL_SANDBOX_{name}_MAX", value)
    server.answers_job(stdout=b"x" * (6 * (65536 + 2) + 2**20))
    with pytest.raises(errors.UnavailableError, match="The reply is over"):
        run("run", stdin=b"pass")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid_request", errors.InvalidRequestError),
        (401, "invalid_api_key", errors.UnauthenticatedError),
        (403, "forbidden", errors.ForbiddenError),
        (404, "not_found", errors.NotFoundError),
        (429, "rate_limit_exceeded", errors.InvalidRequestError),
        (429, "overloaded", errors.UnavailableError),
        (503, "sandbox_stopped", errors.UnavailableError),
    ],
)
def test_the_services_errors_keep_their_text_and_kind(
    server: sandbox_server.Server, status: int, code: str, kind: type[errors.CouncilError]
) -> None:
    server.answers[RUN] = (status, sandbox_server.failure(code, "what to do"))
    with pytest.raises(errors.CouncilError) as caught:
        run("run", stdin=b"pass")
    assert (type(caught.value), caught.value.message) == (kind, "what to do")


def test_without_a_service_it_says_how_to_start_one(where: home.Home) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        with pytest.raises(errors.SupervisorUnavailableError, match="council up"):
            run("run", "--port", str(deaf.getsockname()[1]), stdin=b"pass")


# Files that come back


def test_collected_files_are_put_into_the_current_folder(server: sandbox_server.Server) -> None:
    server.answers_job(files={"out": b"\xff", "d/e/f": b"text", "never-asked": b"x"})
    assert run("run", "--collect", "out", "--collect", "d/e/f", "--collect", "lost", stdin=b"pass").exit_code == 0
    assert Path("out").read_bytes() == b"\xff" and Path("d/e/f").read_text() == "text"
    assert sorted(str(path) for path in Path().rglob("*") if path.is_file()) == ["d/e/f", "out"]


def test_with_json_files_are_written_only_where_a_folder_is_named(server: sandbox_server.Server) -> None:
    server.answers_job(files={"out": b"x"})
    assert json.loads(run("run", "--collect", "out", "--json", stdin=b"pass").stdout)["files"] == {"out": "x"}
    assert list(Path().iterdir()) == []
    run("run", "--collect", "out", "--json", "--output-dir", "there", stdin=b"pass")
    assert Path("there/out").read_text() == "x"


def test_a_file_that_is_there_is_overwritten_only_with_force(server: sandbox_server.Server) -> None:
    server.answers_job(files={"out": b"new"})
    Path("out").write_text("old and longer")
    with pytest.raises(errors.InvalidRequestError, match="--force"):
        run("run", "--collect", "out", stdin=b"pass")
    assert server.asked == [] and Path("out").read_text() == "old and longer"
    assert run("run", "--collect", "out", "--force", stdin=b"pass").exit_code == 0
    assert Path("out").read_text() == "new"


def test_no_link_leads_a_file_elsewhere(server: sandbox_server.Server, tmp_path: Path) -> None:
    server.answers_job(files={"out": b"new"})
    (tmp_path / "other").write_text("mine")
    Path("out").symlink_to(tmp_path / "other")
    with pytest.raises(errors.InvalidRequestError, match="is there already"):
        run("run", "--collect", "out", stdin=b"pass")
    with pytest.raises(errors.CouncilError, match="out cannot be written"):
        run("run", "--collect", "out", "--force", stdin=b"pass")
    assert (tmp_path / "other").read_text() == "mine"


def test_files_are_put_away_even_when_nobody_reads_the_output(server: sandbox_server.Server) -> None:
    server.answers_job(stdout=b"x" * 2**20, files={"out": b"x"})
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "council", "sandbox", "run", "--collect", "out"]
    done = subprocess.run(command, input=b"pass", stdout=writing, stderr=subprocess.PIPE, timeout=PROMPT_S, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr, Path("out").read_text()) == (0, b"", "x")


def test_fewer_processes_are_told_to_whoever_asked_for_some(server: sandbox_server.Server) -> None:
    server.answers_job(lowered={"processes": 4})
    assert "it had 4 processes at most" in run("run", "--processes", "9", stdin=b"1").stderr
    assert run("run", stdin=b"1").stderr == ""


# Sessions


def test_a_session_is_opened_used_and_closed_by_its_id(server: sandbox_server.Server) -> None:
    server.answers["POST /v1/sandbox/sessions"] = {"id": "s/1"}
    server.answers["POST /v1/sandbox/sessions/s%2F1/run"] = sandbox_server.result_form(exit_code=3, stdout=b"hi")
    server.answers["DELETE /v1/sandbox/sessions/s%2F1"] = b""
    assert run("session", "open", "--memory-mib", "64").stdout == "s/1\n"
    assert json.loads(run("session", "open", "--json").stdout) == {"id": "s/1"}
    used = run("session", "run", "s/1", "--timeout-s", "1", stdin=b"exit(3)")
    assert (used.exit_code, used.stdout) == (3, "hi")
    assert run("session", "close", "s/1").exit_code == 0
    assert [asked.body for asked in server.asked] == [
        {"limits": {"memory_bytes": 64 * 2**20}},
        {},
        {"language": "python", "code": "exit(3)", "limits": {"wall_s": 1.0}},
        None,
    ]


def test_the_prompt_is_for_terminals_and_options_go_behind_the_command(server: sandbox_server.Server) -> None:
    no_terminal = run("session")
    assert no_terminal.exit_code == 2 and "needs a terminal" in no_terminal.stderr
    misplaced = run("session", "--language", "bash", "open")
    assert misplaced.exit_code == 2 and "after the command" in misplaced.stderr
    assert server.asked == []


class Prompt:
    """`council sandbox session` on a terminal of its own."""

    def __init__(self, *arguments: str):
        self._ours, theirs = pty.openpty()
        # As its controlling terminal, or Ctrl-C would reach nobody; and we may have been started with that ignored.
        command = [
            "env",
            "--default-signal=INT",
            "setsid",
            "--ctty",
            sys.executable,
            "-m",
            "council",
            "sandbox",
            "session",
            *arguments,
        ]
        environment = {**os.environ, "TERM": "dumb"}
        self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
        os.close(theirs)
        self.shown = b""

    def wait_for(self, text: str) -> None:
        """Read until `text` is shown after what was waited for before."""
        while text.encode() not in self.shown:
            ready, _, _ = select.select([self._ours], [], [], PROMPT_S)
            try:
                more = os.read(self._ours, 4096) if ready else b""
            except OSError:
                more = b""
            if not more:
                self.process.kill()
                self.process.wait()
            assert more, f"no {text!r} came; it showed {self.shown!r}"
            self.shown += more
        self.shown = self.shown.partition(text.encode())[2]

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def end(self) -> int:
        try:
            return self.process.wait(PROMPT_S)
        finally:
            self.process.kill()
            os.close(self._ours)


def test_the_prompt_runs_what_was_typed_at_an_empty_line_and_closes_its_session(server: sandbox_server.Server) -> None:
    server.answers["POST /v1/sandbox/sessions"] = {"id": "s1"}
    server.answers["POST /v1/sandbox/sessions/s1/run"] = sandbox_server.result_form(stdout=b"<fine>")
    server.answers["DELETE /v1/sandbox/sessions/s1"] = {}
    prompt = Prompt("--timeout-s", "3")
    prompt.wait_for("python> ")
    prompt.type("if 1:\n")
    prompt.wait_for("... ")
    prompt.type("  x = 1\n\n")
    prompt.wait_for("<fine>")
    prompt.wait_for("python> ")
    prompt.type("dropped\n")
    prompt.wait_for("... ")
    prompt.type("\x03")
    # Where Python was not yet reading at that moment, it looks at the signal only now.
    prompt.type("\n")
    prompt.wait_for("python> ")
    prompt.type("\x04")
    assert prompt.end() == 0
    limits = {"limits": {"wall_s": 3.0}}
    assert [(asked.method, asked.body) for asked in server.asked] == [
        ("POST", limits),
        ("POST", {"language": "python", "code": "if 1:\n  x = 1\n", **limits}),
        ("DELETE", None),
    ]


def test_the_prompt_ends_with_a_session_that_met_a_limit(server: sandbox_server.Server) -> None:
    server.answers["POST /v1/sandbox/sessions"] = {"id": "s1"}
    killed = sandbox_server.result_form(status=KILLED, exit_code=None, limit="cpu_s")
    server.answers["POST /v1/sandbox/sessions/s1/run"] = killed
    prompt = Prompt("--language", "bash")
    prompt.wait_for("bash> ")
    prompt.type("loop\n\n")
    prompt.wait_for("the session has ended")
    assert prompt.end() == 0
    # That it was gone already when it was to be closed is no error.
    assert [asked.method for asked in server.asked] == ["POST", "POST", "DELETE"]


# State and kill switch

STATE = {
    "kind": "namespaces", "layers": ["seccomp", "landlock"], "layers_missing": {"memory: cgroup": "not writable"},
    "refuses": "", "stopped": False, "stopped_by": "", "pool_ready": 7, "pool_target": 8, "refills_per_s": 1.26,
    "running": 1, "waiting": 2, "sessions": 3, "jobs": 4,
}  # fmt: skip


def test_status_shows_pool_queue_and_what_is_missing(server: sandbox_server.Server) -> None:
    server.answers["GET /v1/sandbox/status"] = STATE
    shown = run("status").stdout.splitlines()
    assert shown == [
        "Kind      namespaces",
        "Layers    seccomp, landlock",
        "Missing   memory: cgroup: not writable",
        "Jobs      1 running, 2 waiting, 4 since the start",
        "Sessions  3",
        "Pool      7 of 8 ready, 1.3 refills a second",
    ]
    assert json.loads(run("status", "--json").stdout) == STATE
    many = [f"layer {number}" for number in range(20)]
    server.answers["GET /v1/sandbox/status"] = {**STATE, "layers": many, "walls": "held", "walls_untried_s": 4.2}
    wrapped = run("status").stdout
    assert max(map(len, wrapped.splitlines())) <= 80 and ", ".join(many) in " ".join(wrapped.split())
    assert "Walls     held, tried 4 s ago\n" in wrapped
    server.answers["GET /v1/sandbox/status"] = {**STATE, "walls": "unknown", "walls_untried_s": 130}
    assert "Walls     no self-test has told whether they hold for 130 s\n" in run("status").stdout
    server.answers["GET /v1/sandbox/status"] = {**STATE, "refuses": "no seccomp", "stopped": True, "stopped_by": "eve"}
    assert run("status").stdout.splitlines()[-2:] == [
        "Refuses   no seccomp",
        "Stopped   by eve; `council sandbox lift` ends that",
    ]
    server.answers["GET /v1/sandbox/status"] = {"kind": 1}
    with pytest.raises(errors.UnavailableError, match="Is it Council"):
        run("status")


def test_the_kill_switch_is_thrown_and_lifted(server: sandbox_server.Server) -> None:
    server.answers["POST /v1/sandbox/kill"] = {"killed": 3}
    server.answers["POST /v1/sandbox/lift"] = {}
    assert run("kill").stdout.startswith("Ended 3. New jobs are refused")
    assert json.loads(run("kill", "--json").stdout) == {"killed": 3}
    assert "New jobs are run" in run("lift").stdout
    assert [asked.path.rpartition("/")[2] for asked in server.asked] == ["kill", "kill", "lift"]


# Audit


def verdict(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    """Let the trail's own check, which has its own tests, say this."""
    found = types.SimpleNamespace(**{"records": 30, "files": 2, "first_seq": 1, "problem": None, **fields})
    monkeypatch.setattr("council.serving.sandbox.audit.verify", lambda _: found)


def fill(where: home.Home, **more: Any) -> None:
    where.sandbox.mkdir(exist_ok=True)
    for file in (1, 2):
        lines = [
            json.dumps({"seq": 15 * (file - 1) + number, "event": "job", "caller": "owner", **more})
            for number in range(1, 16)
        ]
        (where.sandbox / f"audit-{file:08}.jsonl").write_text("\n".join(lines) + "\n")


@pytest.fixture
def trail(where: home.Home) -> Iterator[home.Home]:
    fill(where)
    yield where
    for path in where.sandbox.iterdir():
        path.unlink()


def test_audit_shows_the_last_records_over_files_and_that_the_chain_is_whole(
    trail: home.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict(monkeypatch)
    shown = run("audit", "--last", "17")
    lines = shown.stdout.splitlines()
    assert [line.split()[0] for line in lines[1:18]] == [str(seq) for seq in range(14, 31)]
    assert lines[-1] == "30 records in 2 files; the chain is whole from record 1 on" and shown.exit_code == 0
    found = json.loads(run("audit", "--last", "2", "--json").stdout)
    assert [record["seq"] for record in found.pop("last")] == [29, 30]
    assert found == {"records": 30, "files": 2, "first_seq": 1, "problem": None}
    assert len(run("audit", "--last", "0").stdout.splitlines()) == 3


def test_audit_of_a_changed_trail_says_so_and_fails(trail: home.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict(monkeypatch, problem="audit-00000001.jsonl line 3: the line was changed")
    result = run("audit")
    assert result.exit_code == 1 and "DAMAGED: audit-00000001.jsonl line 3" in result.stdout


def test_audit_shows_nothing_that_a_terminal_would_obey(trail: home.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict(monkeypatch)
    fill(trail, caller="\x1b]0;x\x07" + "y" * 500, status=["odd"], language={"\x1b": 1}, at_us="\x1b")
    with (trail.sandbox / "audit-00000002.jsonl").open("ab") as file:
        file.write(b"\xff\xfe torn\n[1]\n")
    shown = run("audit", "--last", "3").stdout
    assert "\x1b" not in shown and "\x07" not in shown and "y" * 100 not in shown
    assert [line.split()[0] for line in shown.splitlines()[1:4]] == ["28", "29", "30"]


def test_audit_before_the_first_job_says_so(where: home.Home) -> None:
    result = run("audit")
    assert result.exit_code == 0 and "nothing has run yet" in result.stderr


def test_audit_reads_a_real_trail_and_finds_a_changed_byte(trail: home.Home) -> None:
    for path in trail.sandbox.iterdir():
        path.unlink()
    written = audit.AuditTrail(trail.sandbox, 4096, 2, clock.SystemClock())
    written.append({"event": "job", "caller": "owner", "status": "ok", "language": "bash", "code_sha256": "a" * 64})
    written.close()
    shown = run("audit")
    assert shown.exit_code == 0 and "the chain is whole from record 1 on" in shown.stdout
    assert re.search(r"20..-..-..T..:..:..Z  job    owner   bash      ok      -      a{12}\n", shown.stdout)
    [file] = trail.sandbox.glob("audit-*.jsonl")
    file.write_bytes(file.read_bytes().replace(b"owner", b"ownes"))
    changed = run("audit")
    assert changed.exit_code == 1 and "DAMAGED" in changed.stdout
