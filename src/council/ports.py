"""Every Protocol that a back end fills, in one file.

Each has one contract test suite in `tests/contract` that runs over all its kinds. Methods raise only errors of
`domain.errors`; driver exceptions never leave a back end.
"""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from council.domain import access, answers, ledger, sandbox


class Records(Protocol):
    """The durable truth: ledger, users, tokens. Blocking; call it from a thread or a command.

    Every method raises RecordsUnavailableError when the database cannot be reached, read or written.
    """

    def ping(self) -> None:
        """Return if a read would succeed."""
        ...

    def migrate(self) -> int:
        """Bring the schema up to date, safely beside other processes doing the same; return its version. Idempotent."""
        ...

    def append(self, rows: Sequence[ledger.LedgerRow]) -> None:
        """Commit all rows in one transaction, or none. A row whose request_id is already there is left as it is."""
        ...

    def report(self, by: ledger.GroupBy, since_us: int, until_us: int) -> list[ledger.LedgerSum]:
        """Sum the rows with since_us <= at_us < until_us, ordered by key. Days are UTC, as YYYY-MM-DD."""
        ...

    def rows(self, since_us: int, until_us: int) -> Iterator[ledger.LedgerRow]:
        """Yield the rows with since_us <= at_us < until_us, oldest first, without loading all at once."""
        ...

    def tokens(self) -> list[access.Token]:
        """Return every token, revoked ones too, oldest first."""
        ...

    def add_token(self, token: access.Token) -> None:
        """Store a token and, if new, its user."""
        ...

    def revoke_token(self, token_id: str, at_us: int) -> bool:
        """Mark a token revoked; False if there is none of that id in force."""
        ...

    def close(self) -> None:
        """Give back every connection. Idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a rate limit. `retry_after_s` is 0 when allowed."""

    allowed: bool
    limit: int
    remaining: int
    retry_after_s: float


class Store(Protocol):
    """Shared, fast, and lossy by design: what must outlive a restart is in the records."""

    async def ping(self) -> None:
        """Return if the store answers; raises StoreUnavailableError."""
        ...

    async def take(self, key: str, limit: int, window_s: float) -> Allowance:
        """Take one of `limit` permits that refill evenly over `window_s`, shared by all callers of `key`.

        A full bucket allows a burst of `limit`. Raises StoreUnavailableError.
        """
        ...

    async def close(self) -> None:
        """Give back every connection. Idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class ModelPiece:
    """A piece of generated text; `logprob` is the natural log of its token's probability where the model tells."""

    text: str
    logprob: float | None = None


@dataclass(frozen=True, slots=True)
class ModelEnd:
    """The end of a generation."""

    finish_reason: str
    usage: answers.Usage


class ModelProvider(Protocol):
    """A language model behind an OpenAI-compatible or equal interface."""

    @property
    def model(self) -> str:
        """The name shown to callers and priced in the config."""
        ...

    def complete(
        self, messages: Sequence[answers.Message], sampling: answers.Sampling, request_id: str
    ) -> AsyncGenerator[ModelPiece | ModelEnd, None]:
        """Yield pieces, then one ModelEnd. Closing the iterator stops the generation.

        Raises ModelUnavailableError, ContextTooLongError, OverloadedError; a stream that breaks before its end raises
        ModelUnavailableError and is never a clean stop.
        """
        ...

    async def ping(self) -> None:
        """Return if the model is loaded and answers; raises ModelUnavailableError."""
        ...

    async def close(self) -> None:
        """Give back every connection. Idempotent."""
        ...


class Compute(Protocol):
    """The worker: pure computation under time and memory limits, no network, no store."""

    async def call(self, operation: str, payload: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        """Run one operation. Raises ComputeLimitError, ComputeUnavailableError, OverloadedError."""
        ...

    async def ping(self) -> None:
        """Return if the worker answers; raises ComputeUnavailableError."""
        ...


class Retriever(Protocol):
    """Recall: finds passages in the blueprint's guidebook and knowledge and in the library."""

    async def search(self, query: str, limit: int, request_id: str) -> list[answers.Passage]:
        """Return up to `limit` passages, best first. Raises RecallUnavailableError."""
        ...

    async def ping(self) -> None:
        """Return if recall answers; raises RecallUnavailableError."""
        ...


class SandboxSession(Protocol):
    """A sandbox that keeps its state from one call to the next, until it is closed or a call of it meets a limit."""

    @property
    def ended(self) -> bool:
        """Whether it has ended without being closed, as where its interpreter did."""
        ...

    async def run(self, job: sandbox.Job) -> sandbox.Result:
        """Run a call; its `limits` count for it alone. In a session the interpreter itself tells how its code ended.

        Raises NotFoundError when the session has ended, SandboxUnavailableError.
        """
        ...

    async def close(self) -> None:
        """End the session and all that runs in it. Idempotent."""
        ...


class SandboxRunner(Protocol):
    """Runs untrusted code, each job in a sandbox of its own that is used once."""

    @property
    def layers(self) -> tuple[str, ...]:
        """What stands between a job and this machine, by name."""
        ...

    @property
    def layers_missing(self) -> Mapping[str, str]:
        """Which layers of the full set are absent, and why."""
        ...

    async def run(self, job: sandbox.Job) -> sandbox.Result:
        """Run a job to its end, at most its `wall_s` and a little more. Closing the awaiting task ends the job.

        Raises SandboxUnavailableError; whatever the job does is a Result.
        """
        ...

    async def open_session(self, limits: sandbox.Limits) -> SandboxSession:
        """Open a session with these limits on memory, processes and files.

        Raises UnsupportedParameterError where the kind has none, SandboxUnavailableError.
        """
        ...

    async def kill_all(self) -> int:
        """End every running job and session at once; return how many there were."""
        ...

    async def ping(self) -> None:
        """Return if a job could be run now; raises SandboxUnavailableError."""
        ...

    async def close(self) -> None:
        """End everything. Idempotent."""
        ...


class Sandbox(Protocol):
    """The sandbox service: a SandboxRunner behind a queue, an audit trail and a kill switch.

    `caller` is who asked, for the audit trail. Every method raises SandboxUnavailableError when the service is away.
    """

    async def run(self, job: sandbox.Job, caller: str, request_id: str) -> sandbox.Result:
        """Run a job. Raises InvalidRequestError, OverloadedError when the queue is full, SandboxStoppedError."""
        ...

    async def open_session(self, limits: sandbox.Limits | None, caller: str, request_id: str) -> str:
        """Open a session and return its id. Raises OverloadedError, SandboxStoppedError."""
        ...

    async def run_in_session(self, session: str, job: sandbox.Job, caller: str, request_id: str) -> sandbox.Result:
        """Run a call in a session of the same caller. Raises NotFoundError when there is none, else as `run`."""
        ...

    async def close_session(self, session: str, caller: str, request_id: str) -> None:
        """End a session of the same caller. Raises NotFoundError."""
        ...

    async def status(self) -> sandbox.State:
        """Return the state of pool, queue, layers and kill switch."""
        ...

    async def kill(self, caller: str, request_id: str) -> int:
        """Throw the kill switch: end every job and refuse new ones, over restarts too, until lifted. Return how many."""
        ...

    async def lift(self, caller: str, request_id: str) -> None:
        """Lift the kill switch. Idempotent."""
        ...

    async def ping(self) -> None:
        """Return if a job would be taken now."""
        ...


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One service as the supervisor sees it. Memory is of the process and its children, shared pages in parts."""

    name: str
    state: str
    pid: int | None
    generation: str
    uptime_s: float
    restarts: int
    memory_bytes: int
    reason: str = ""


class Runtime(Protocol):
    """Commands to whatever starts and signals services. Raises SupervisorUnavailableError, ForbiddenError."""

    async def status(self) -> list[ServiceStatus]:
        """Return every service, in start order."""
        ...

    async def restart(self, service: str) -> None:
        """Drain and stop a service, then start it again; returns when it is ready."""
        ...

    async def stop(self, service: str) -> None:
        """Drain and stop a service until it is started again."""
        ...

    async def start(self, service: str) -> None:
        """Start a stopped service; returns when it is ready."""
        ...

    async def scale(self, service: str, replicas: int) -> None:
        """Run `replicas` processes of a service."""
        ...

    async def replace(self, service: str, generation: str) -> None:
        """Start a service on another generation beside the old one, hand over its sockets, drain the old one."""
        ...

    async def shut_down(self) -> None:
        """Stop everything, the supervisor last."""
        ...
