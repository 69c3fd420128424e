"""A job for the sandbox: from the command line's options to the request, and from the reply to output, files and status."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import click

from council.cli import calls
from council.domain import errors, sandbox, sandbox_wire

WALL_STATUS, LIMIT_STATUS, REJECTED_STATUS = 124, 137, 7
_SECONDS_MAX, _MEMORY_MIB_MAX = 3600.0, 1 << 20
_MIB = 1024 * 1024
_Command = Callable[..., Any]

# Where a limit that was met can be raised: by its option, else by its setting.
_OPTIONS = {
    "wall_s": "--timeout-s",
    "cpu_s": "--cpu-s",
    "memory_bytes": "--memory-mib",
    "processes": "--processes",
}


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line says of a job. `output_dir` None: the current folder, or nowhere where JSON is printed."""

    file: str
    language: str | None
    stdin: str | None
    files: tuple[str, ...]
    collect: tuple[str, ...]
    output_dir: Path | None
    force: bool
    timeout_s: float | None
    cpu_s: float | None
    memory_mib: int | None
    processes: int | None


def limit_options(command: _Command) -> _Command:
    """Add the options for limits; what they name is in `limits_of`."""
    at_least_one = click.IntRange(min=1)
    above_zero = click.FloatRange(min=0, min_open=True)
    for add in (
        click.option("--processes", type=at_least_one, help="Processes and threads at most."),
        click.option("--memory-mib", type=at_least_one, help="Memory of all processes together, MiB."),
        click.option("--cpu-s", type=above_zero, help="CPU time of all processes together, seconds."),
        click.option("--timeout-s", type=above_zero, help="Longest it may take, seconds."),
    ):
        command = add(command)
    return command


def options(command: _Command) -> _Command:
    """Add the argument FILE and a job's options; together they make a Given."""
    for add in (
        limit_options,
        click.option("--force", is_flag=True, help="Overwrite files that are there already."),
        click.option(
            "--output-dir",
            type=click.Path(file_okay=False, path_type=Path),
            help="Where the files that come back are put [the current folder; with --json nowhere].",
        ),
        click.option("--collect", multiple=True, metavar="NAME", help="Bring this file of the job back. Repeatable."),
        click.option(
            "--file", "files", multiple=True, metavar="NAME=PATH", help="Put the file PATH beside the code. Repeatable."
        ),
        click.option("--stdin", metavar="FILE", help="What the job reads, `-` for our own standard input."),
        click.option(
            "--language", type=click.Choice(sandbox.LANGUAGES), help="[by FILE's ending .py or .sh, else python]"
        ),
        click.argument("file", metavar="[FILE|-]", default="-"),
    ):
        command = add(command)
    return command


def limits_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the limits that were named, as the API names them; the service knows the others."""
    for option in ("timeout_s", "cpu_s"):
        if given[option] is not None and not 0 < given[option] <= _SECONDS_MAX:
            raise click.UsageError(f"--{option.replace('_', '-')} takes seconds above 0 and at most {_SECONDS_MAX:g}.")
    memory_mib = given["memory_mib"]
    if memory_mib is not None and not 0 < memory_mib <= _MEMORY_MIB_MAX:
        raise click.UsageError(f"--memory-mib takes a whole number from 1 to {_MEMORY_MIB_MAX}.")
    named = {
        "wall_s": given["timeout_s"],
        "cpu_s": given["cpu_s"],
        "memory_bytes": None if memory_mib is None else memory_mib * _MIB,
        "processes": given["processes"],
    }
    return {name: value for name, value in named.items() if value is not None}


def request_of(given: Given, bytes_max: int) -> dict[str, Any]:
    """Return the request's body. Raises InvalidRequestError for what cannot be read or is over `bytes_max` together."""
    if given.file == given.stdin == "-":
        raise click.UsageError("The code and its input cannot both come from our standard input.")
    reader = _Reader(bytes_max)
    made: dict[str, Any] = {"language": given.language or _language_of(given.file)}
    try:
        made["code"] = reader.read(given.file).decode()
    except UnicodeDecodeError as error:
        raise errors.InvalidRequestError(
            f"{given.file} is not UTF-8, as code must be. Is it the right file?"
        ) from error
    if given.stdin is not None:
        made["stdin"] = sandbox_wire.bytes_form(reader.read(given.stdin))
    if given.files:
        made["files"] = {name: sandbox_wire.bytes_form(reader.read(path)) for name, path in map(_named, given.files)}
    if given.collect:
        made["collect"] = list(given.collect)
    limits = limits_of({name: getattr(given, name) for name in ("timeout_s", "cpu_s", "memory_mib", "processes")})
    return {**made, "limits": limits} if limits else made


def _language_of(file: str) -> str:
    return "bash" if file.endswith((".sh", ".bash")) else "python"


def _named(text: str) -> tuple[str, str]:
    name, mark, path = text.partition("=")
    if not (name and mark and path):
        raise click.UsageError(f"--file takes NAME=PATH, not {text!r}.")
    return name, path


class _Reader:
    """Reads files up to a number of bytes together; some, as devices, have no end."""

    def __init__(self, bytes_max: int):
        self._bytes_max = bytes_max
        self._left_bytes = bytes_max

    def read(self, path: str) -> bytes:
        try:
            if path == "-":
                found = sys.stdin.buffer.read(self._left_bytes + 1)
            else:
                with Path(path).open("rb") as file:
                    found = file.read(self._left_bytes + 1)
        except OSError as error:
            raise errors.InvalidRequestError(f"{path} cannot be read: {error.strerror}.") from error
        self._left_bytes -= len(found)
        if self._left_bytes < 0:
            raise errors.InvalidRequestError(
                f"Code, files and stdin are over {self._bytes_max} bytes together. Give less, or raise "
                "`sandbox.job_bytes_max`."
            )
        return found


def result_of(reply: Mapping[str, Any]) -> sandbox.Result:
    """Return the result in a reply. Raises UnavailableError for what no Council sends."""
    try:
        return sandbox_wire.result_of(reply)
    except errors.InvalidRequestError as error:
        raise errors.UnavailableError(calls.STRANGE) from error


def check_targets(given: Given, *, as_json: bool) -> None:
    """Find out before the job runs whether its files could be put away. Raises InvalidRequestError."""
    for _, target in _targets(given, as_json=as_json):
        if not given.force and os.path.lexists(target):
            raise _is_there(target)


def put_files(given: Given, files: Mapping[str, bytes], *, as_json: bool) -> None:
    """Write the files that were asked for and came back. Raises InvalidRequestError, CouncilError."""
    for name, target in _targets(given, as_json=as_json):
        if name in files:
            _put(target, files[name], force=given.force)


def _targets(given: Given, *, as_json: bool) -> Iterator[tuple[str, Path]]:
    if given.output_dir is None and as_json:
        return
    for name in given.collect:
        path = PurePosixPath(name)
        # The service refuses these too; here they would lead out of the folder.
        if path.is_absolute() or not path.parts or ".." in path.parts or "\0" in name:
            raise errors.InvalidRequestError(
                f"{name!r} is no name of a file inside the sandbox. Give it without `..` or `/`."
            )
        yield name, (given.output_dir or Path()) / path


def _put(target: Path, content: bytes, *, force: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | (os.O_TRUNC if force else os.O_EXCL)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(target, flags, 0o666), "wb") as file:
            file.write(content)
    except FileExistsError as error:
        raise _is_there(target) from error
    except OSError as error:
        raise errors.CouncilError(
            f"{target} cannot be written: {error.strerror}. Give another --output-dir."
        ) from error


def _is_there(target: Path) -> errors.InvalidRequestError:
    return errors.InvalidRequestError(f"{target} is there already. Give --force, or another --output-dir.")


def show(result: sandbox.Result, *, asked: bool = False) -> None:
    """Write what the job wrote, byte for byte, and in one line on stderr what it cannot tell itself.

    `asked` says that the caller named a number of processes, and so wants to know that there were fewer.
    """
    for stream, content in ((sys.stdout, result.stdout), (sys.stderr, result.stderr)):
        stream.buffer.write(content)
        stream.flush()
    notes = _notes(result)
    if asked and "processes" in result.lowered:
        notes.append(
            f"it had {result.lowered['processes']} processes at most: without a cgroup each needs its share of the memory; "
            "give more with --memory-mib"
        )
    if notes:
        click.echo(f"council: {'; '.join(notes)}", err=True)


def _notes(result: sandbox.Result) -> list[str]:
    met = f"its limit `{result.limit}`; {_way_out(result.limit)}" if result.limit else ""
    notes = []
    match result.status:
        case sandbox.Status.REJECTED:
            notes.append(f"the sandbox refused the job: {result.reason or 'it gives no reason'}")
        case sandbox.Status.KILLED_LIMIT:
            notes.append(f"the job was ended by {met or 'a limit'}")
        case sandbox.Status.SIGNAL:
            notes.append(f"the job ended by {_signal_name(result.signal or 0)}{f', having met {met}' if met else ''}")
        case _ if met:
            notes.append(f"the job met {met}")
    if result.truncated:
        notes.append("its output is cut; `sandbox.output_bytes` says where")
    notes += [f"{name} did not come back: {reason}" for name, reason in result.not_collected.items()]
    return notes


def _way_out(limit: str) -> str:
    way = _OPTIONS.get(limit)
    return f"give it more with {way}, up to `sandbox.{limit}_max`" if way else f"`sandbox.{limit}` sets it"


def _signal_name(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"


def exit_status(result: sandbox.Result) -> int:
    """Return the job's exit status as ours, by the customs of shells where it has none."""
    match result.status:
        case sandbox.Status.REJECTED:
            return REJECTED_STATUS
        case sandbox.Status.KILLED_LIMIT:
            return WALL_STATUS if result.limit == "wall_s" else LIMIT_STATUS
        case sandbox.Status.SIGNAL:
            return 128 + (result.signal or 0)
        case status if result.exit_code is None:
            return int(status is not sandbox.Status.OK)
        case _:
            return result.exit_code
