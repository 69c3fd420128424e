"""sandbox: run untrusted code, once or in sessions; the state of the sandbox, its kill switch and its audit trail."""

import contextlib
import datetime
import json
import sys
import urllib.parse
from collections import deque
from pathlib import Path
from typing import Any

import click

from council.cli import calls, options, sandbox_job
from council.domain import errors, sandbox_wire
from council.domain import home as home_module
from council.domain import sandbox as sandbox_domain

_PATH = "/v1/sandbox"
STATUS_PATH = f"{_PATH}/status"
_QUICK_S = 30.0
_MIB = 1024 * 1024
# A record is far smaller; one that is longer is cut, never read whole.
_RECORD_BYTES = 16 * 1024


@click.group()
def sandbox() -> None:
    """Run untrusted code: each job in a sandbox of its own that is used once."""


@sandbox.command()
@sandbox_job.options
@options.running_port
@options.home
@options.as_json
def run(where: home_module.Home, port: int | None, as_json: bool, **given: Any) -> None:
    """Run the code in FILE, or from standard input, in a fresh sandbox.

    What it writes is written here. Exit status: the job's own; 128 and its number for a signal; 124 when it took too long
    and 137 when another limit ended it; 7 when it was refused.
    """
    _run(_Service(where, port), f"{_PATH}/run", sandbox_job.Given(**given), as_json)


class _Service:
    """The running service, seen from one command."""

    def __init__(self, where: home_module.Home, port: int | None):
        self._where = where
        self.config = calls.config_of(where, port)

    def call(self, method: str, path: str, body: Any = None, wall_s: float = 0.0) -> dict[str, Any]:
        """Call; `wall_s` is how long a job in it may take. The reply may be as large as the settings allow."""
        limits = self.config.sandbox
        waits_s = limits.queue_wait_s + wall_s if wall_s else 0.0
        # JSON may write a byte as six.
        bytes_max = 6 * (2 * limits.output_bytes_max + limits.files_bytes_max) + _MIB if wall_s else _MIB
        return calls.call(
            self._where, self.config, method, path, body, timeout_s=_QUICK_S + waits_s, reply_bytes_max=bytes_max
        )


def _run(service: _Service, path: str, given: sandbox_job.Given, as_json: bool) -> None:
    limits = service.config.sandbox
    sandbox_job.check_targets(given, as_json=as_json)
    body = sandbox_job.request_of(given, limits.job_bytes_max)
    reply = service.call("POST", path, body, given.timeout_s or limits.wall_s_max)
    result = sandbox_job.result_of(reply)
    try:
        if as_json:
            options.print_json(reply)
        else:
            sandbox_job.show(result, asked=given.processes is not None)
    finally:
        # Also where whoever reads our output has gone.
        sandbox_job.put_files(given, result.files, as_json=as_json)
    sys.exit(sandbox_job.exit_status(result))


# Sessions


@sandbox.group(invoke_without_command=True)
@click.option("--language", type=click.Choice(sandbox_domain.LANGUAGES), default="python", show_default=True)
@sandbox_job.limit_options
@options.running_port
@options.home
@click.pass_context
def session(context: click.Context, /, where: home_module.Home, port: int | None, language: str, **limits: Any) -> None:
    """A sandbox that keeps its state between calls. Without a command: a prompt, on a terminal.

    At the prompt an empty line runs what was typed before it, Ctrl-C drops it and Ctrl-D ends the session.
    """
    if context.invoked_subcommand is not None:
        given = [name for name in context.params if _is_given(context, name)]
        if given:
            raise click.UsageError("Give options after the command, as in `council sandbox session open --json`.")
        return
    if not sys.stdin.isatty():
        raise click.UsageError("The prompt needs a terminal. In scripts use the commands open, run and close.")
    _converse(_Service(where, port), language, sandbox_job.limits_of(limits))


def _is_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def _converse(service: _Service, language: str, limits: dict[str, Any]) -> None:
    identifier = _open(service, limits)
    click.echo(f"A {language} session. An empty line runs what you typed, Ctrl-D ends.", err=True)
    wall_s = limits.get("wall_s", service.config.sandbox.wall_s_max)
    calls_limits = {name: limits[name] for name in ("wall_s", "cpu_s") if name in limits}
    try:
        while (code := _typed(language)) is not None:
            body = {"language": language, "code": code, **({"limits": calls_limits} if calls_limits else {})}
            result = sandbox_job.result_of(service.call("POST", _session_path(identifier, "/run"), body, wall_s))
            sandbox_job.show(result)
            if result.status is sandbox_domain.Status.KILLED_LIMIT:
                click.echo("council: the session has ended with it", err=True)
                return
    finally:
        # It may have ended already; and what else happened is told by the error that is on its way.
        with contextlib.suppress(errors.CouncilError):
            service.call("DELETE", _session_path(identifier))


def _typed(language: str) -> str | None:
    """Return the next piece of code, None at the end of input."""
    lines: list[str] = []
    while True:
        try:
            line = input("... " if lines else f"{language}> ")
        except KeyboardInterrupt:
            click.echo()
            lines = []
        except EOFError:
            click.echo()
            return "\n".join(lines) if lines else None
        else:
            if line:
                lines.append(line)
            elif lines:
                return "\n".join([*lines, ""])


def _open(service: _Service, limits: dict[str, Any]) -> str:
    return str(service.call("POST", f"{_PATH}/sessions", {"limits": limits} if limits else {})["id"])


def _session_path(identifier: str, rest: str = "") -> str:
    return f"{_PATH}/sessions/{urllib.parse.quote(identifier, safe='')}{rest}"


@session.command("open")
@sandbox_job.limit_options
@options.running_port
@options.home
@options.as_json
def open_session(where: home_module.Home, port: int | None, as_json: bool, **limits: Any) -> None:
    """Open a session and print its id; it ends when it is not used for a while."""
    identifier = _open(_Service(where, port), sandbox_job.limits_of(limits))
    if as_json:
        options.print_json({"id": identifier})
    else:
        click.echo(identifier)


@session.command("run")
@click.argument("identifier", metavar="ID")
@sandbox_job.options
@options.running_port
@options.home
@options.as_json
def run_in_session(identifier: str, where: home_module.Home, port: int | None, as_json: bool, **given: Any) -> None:
    """Run the code in FILE, or from standard input, in the session ID. Exit status as of `council sandbox run`."""
    _run(_Service(where, port), _session_path(identifier, "/run"), sandbox_job.Given(**given), as_json)


@session.command("close")
@click.argument("identifier", metavar="ID")
@options.running_port
@options.home
def close_session(identifier: str, where: home_module.Home, port: int | None) -> None:
    """End the session ID and all that runs in it."""
    _Service(where, port).call("DELETE", _session_path(identifier))
    click.echo("Closed.")


# State and kill switch


@sandbox.command()
@options.running_port
@options.home
@options.as_json
def status(where: home_module.Home, port: int | None, as_json: bool) -> None:
    """Show pool, queue, layers, what is missing and why, and the kill switch."""
    reply = _Service(where, port).call("GET", STATUS_PATH)
    if as_json:
        options.print_json(reply)
        return
    state = state_of(reply)
    missing = [f"{layer}: {reason}" for layer, reason in state.layers_missing.items()]
    rows = [
        ("Kind", state.kind),
        ("Layers", ", ".join(state.layers) or "none"),
        ("Missing", "\n".join(missing) or "none"),
        ("Jobs", f"{state.running} running, {state.waiting} waiting, {state.jobs} since the start"),
        ("Sessions", str(state.sessions)),
        ("Pool", f"{state.pool_ready} of {state.pool_target} ready, {state.refills_per_s:.1f} refills a second"),
    ]
    rows += [("Walls", _walls(state))] if state.walls_untried_s is not None else []
    rows += [("Refuses", state.refuses)] if state.refuses else []
    why = f" ({state.stopped_reason})" if state.stopped_reason else ""
    rows += [("Stopped", f"by {state.stopped_by}{why}; `council sandbox lift` ends that")] if state.stopped else []
    options.print_paragraphs(rows)


def _walls(state: sandbox_domain.State) -> str:
    """Return how the isolation self-test ended, and how old that is."""
    ago = f"{state.walls_untried_s or 0:.0f} s"
    if state.walls in {"", "unknown"}:
        return f"no self-test has told whether they hold for {ago}"
    return f"{state.walls}, tried {ago} ago"


def state_of(reply: dict[str, Any]) -> sandbox_domain.State:
    """Return the state in a reply. Raises UnavailableError for what no Council sends."""
    try:
        return sandbox_wire.state_of(reply)
    except errors.InvalidRequestError as error:
        raise errors.UnavailableError(calls.STRANGE) from error


@sandbox.command()
@options.running_port
@options.home
@options.as_json
def kill(where: home_module.Home, port: int | None, as_json: bool) -> None:
    """Throw the kill switch: end all jobs and sessions, refuse new ones until `council sandbox lift`."""
    reply = _Service(where, port).call("POST", f"{_PATH}/kill", {})
    if as_json:
        options.print_json(reply)
    else:
        click.echo(f"Ended {reply['killed']}. New jobs are refused until `council sandbox lift`.")


@sandbox.command()
@options.running_port
@options.home
def lift(where: home_module.Home, port: int | None) -> None:
    """Lift the kill switch."""
    _Service(where, port).call("POST", f"{_PATH}/lift", {})
    click.echo("Lifted. New jobs are run.")


# Audit


@sandbox.command()
@click.option("--last", type=click.IntRange(0, 1000), default=10, show_default=True, help="Show so many records.")
@options.home
@options.as_json
def audit(where: home_module.Home, last: int, as_json: bool) -> None:
    """Verify the audit trail and show its last records. Exit status 1 when something in it was changed."""
    from council.serving.sandbox import audit as trail

    try:
        if not where.sandbox.exists() or not any(where.sandbox.iterdir()):
            click.echo("No records: nothing has run yet.", err=True)
            return
        verdict = trail.verify(where.sandbox)
        records = _last_records(where.sandbox, last)
    except OSError as error:
        raise errors.SetupError(
            f"{error.filename or where.sandbox} cannot be read: {error.strerror}. Ask as its owner, and see `council doctor`."
        ) from error
    if as_json:
        said = {name: getattr(verdict, name) for name in ("records", "files", "first_seq", "problem")}
        options.print_json({**said, "last": records})
    else:
        options.print_table(_HEAD, [_row(record) for record in records])
        click.echo(f"\n{verdict.records} records in {verdict.files} files; {_judged(verdict)}")
    if verdict.problem:
        sys.exit(1)


def _judged(verdict: Any) -> str:
    return (
        f"DAMAGED: {verdict.problem}" if verdict.problem else f"the chain is whole from record {verdict.first_seq} on"
    )


_HEAD = ("SEQ", "AT", "EVENT", "CALLER", "LANGUAGE", "STATUS", "LIMIT", "CODE")


def _row(record: dict[str, Any]) -> tuple[str, ...]:
    def shown(value: Any, chars: int = 40) -> str:
        # Callers choose some of it, and of a changed line somebody else all; a terminal would obey what it holds.
        return "".join(char if char.isprintable() else "?" for char in str(value if value is not None else "-"))[:chars]

    outcome = record.get("status") or record.get("reason")
    before = (record.get("seq"), _moment(record.get("at_us")), record.get("event"), record.get("caller"))
    after = (record.get("language"), outcome, record.get("limit"))
    return (*map(shown, (*before, *after)), shown(record.get("code_sha256"), 12))


def _moment(at_us: Any) -> str | None:
    try:
        return datetime.datetime.fromtimestamp(at_us // 1_000_000, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _last_records(folder: Path, count: int) -> list[dict[str, Any]]:
    """Return the last whole records that are objects, oldest first. Raises OSError."""
    found: deque[dict[str, Any]] = deque()
    for path in sorted(folder.glob("audit-*.jsonl"), reverse=True):
        for line in reversed(_tail(path, (count - len(found)) * _RECORD_BYTES)):
            if len(found) == count:
                return list(found)
            with contextlib.suppress(ValueError):
                record = json.loads(line)
                if isinstance(record, dict):
                    found.appendleft(record)
    return list(found)


def _tail(path: Path, size_bytes: int) -> list[bytes]:
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - size_bytes))
        return file.read(size_bytes).splitlines()
