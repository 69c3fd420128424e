"""A job for the sandbox, and how it ended. Pure."""

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

LANGUAGES = ("python", "bash")

# What the code is called inside; a file of the job may not have the name.
MAIN_FILES = {"python": "main.py", "bash": "main.sh"}


class Status(enum.StrEnum):
    """How a job ended, as the kernel told it; `error` is an exit status other than 0."""

    OK = "ok"
    ERROR = "error"
    SIGNAL = "signal"
    KILLED_LIMIT = "killed_limit"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may use: `cpu_s` of all its processes, `processes` with its threads, `files_bytes` of all its files."""

    cpu_s: float
    wall_s: float
    memory_bytes: int
    output_bytes: int
    files_bytes: int
    processes: int


# Less has no room for an interpreter.
MEMORY_BYTES_MIN = 8 * 1024 * 1024
LIMIT_NAMES = tuple(item.name for item in dataclasses.fields(Limits))


@dataclass(frozen=True, slots=True)
class Job:
    """Code to run. `files` are put beside it, the files named in `collect` come back; `limits` None means the defaults."""

    language: str
    code: str
    stdin: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)
    collect: tuple[str, ...] = ()
    limits: Limits | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """How a job ended.

    `limit` names the limit that ended it, or that it met and outlived. `exit_code` and `signal` are of its main process.
    `reason` is for people: why it was rejected. `not_collected` says for each file that did not come back why. `blocked`
    counts refused system calls by class. `limits` are those that held, None of an older sandboxd, and `lowered` those of them
    that this machine could not give in full. `memory_peak_bytes` is of the whole job where there is a cgroup, else of its
    largest process, None where nothing tells.
    """

    status: Status
    limit: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    stdout: bytes = b""
    stderr: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)
    not_collected: Mapping[str, str] = field(default_factory=dict)
    truncated: bool = False
    wall_s: float = 0.0
    cpu_s: float = 0.0
    memory_peak_bytes: int | None = None
    layers: tuple[str, ...] = ()
    layers_missing: tuple[str, ...] = ()
    limits: Limits | None = None
    lowered: Mapping[str, int] = field(default_factory=dict)
    blocked: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""
    audit_id: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """The sandbox as it is now.

    `layers_missing` maps a layer to the reason; `refuses` says why no job is run; `refills_per_s` is of the last minute.
    `stopped_reason` is why the kill switch was thrown, "" where nobody said. `walls` is how the last isolation self-test ended
    (`held`, `broken`, `unknown`), "" before the first, and `walls_untried_s` how long ago one told, or the start was. `limits`
    are those of a job that names none, None of an older sandboxd.
    """

    kind: str
    layers: tuple[str, ...]
    layers_missing: Mapping[str, str]
    refuses: str
    stopped: bool
    stopped_by: str
    pool_ready: int
    pool_target: int
    refills_per_s: float
    running: int
    waiting: int
    sessions: int
    jobs: int
    stopped_reason: str = ""
    walls: str = ""
    walls_untried_s: float | None = None
    limits: Limits | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the audit trail, as far as people look at it. `id` sorts by time; what it does not tell of is "" or None."""

    id: int
    at_us: int
    event: str
    caller: str = ""
    request_id: str = ""
    session: str = ""
    language: str = ""
    status: str = ""
    limit: str = ""
    exit_code: int | None = None
    wall_s: float | None = None
    cpu_s: float | None = None
    memory_peak_bytes: int | None = None
    blocked: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Lines of the audit trail, newest first. `before` asks for the next page, None where these were the last."""

    records: Sequence[Record]
    before: int | None = None
