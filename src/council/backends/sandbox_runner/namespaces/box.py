"""One sandbox, from this side.

The job goes to its program, the limits go to its keeper, and how it ended comes from the keeper.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

from council.backends.sandbox_runner.namespaces import streams
from council.domain import errors, sandbox
from council.zygote import wire

# The keeper ends a job at its `wall_s`; this side waits so much longer before it has the whole sandbox killed.
_GRACE_S = 5.0


class Box:
    """One sandbox, from this side. Its descriptors are closed by `close`, which also ends it."""

    def __init__(self, number: int, descriptors: list[int], kill: Callable[[], None]) -> None:
        control, job, stdout, stderr = descriptors
        self._kill = kill
        self.number = number
        self._control = socket.socket(fileno=control)
        self._job = socket.socket(fileno=job)
        for one in (self._control, self._job):
            one.setblocking(False)
        self._outputs = (streams.Output(stdout), streams.Output(stderr))
        self._keeper = streams.Voice(self._control, trusted=True)
        self._program = streams.Voice(self._job, trusted=False)
        self._collected: dict[str, bytes] = {}
        self.is_gone = False
        self.ended = asyncio.Event()

    async def become_ready(self) -> None:
        """Wait until the sandbox waits for a job. Raises SandboxUnavailableError."""
        message, _ = await self._keeper.next()
        if message is None or not message.get("ready"):
            reason = "it ended" if message is None else str(message.get("failed"))
            raise unavailable(f"a sandbox could not be made: {reason}")

    async def run(self, job: sandbox.Job, limits: sandbox.Limits, collect_bytes_max: int) -> dict[str, Any]:
        """Run the job to its end and return the keeper's outcome with what was printed and collected."""
        try:
            async with asyncio.timeout(limits.wall_s + _GRACE_S):
                with self._listening(limits.output_bytes), self._sending(job, limits):
                    outcome, descriptors = await self._keeper.next()
        except TimeoutError as error:
            self.kill()
            raise unavailable("a sandbox did not end in time and was killed") from error
        return self._whole(outcome, descriptors, min(limits.files_bytes, collect_bytes_max))

    async def call(self, job: sandbox.Job, limits: sandbox.Limits, collect_bytes_max: int) -> dict[str, Any]:
        """Run one call of a session; `goes_on` in the outcome says whether the session does."""
        try:
            async with asyncio.timeout(limits.wall_s + _GRACE_S):
                with self._listening(limits.output_bytes), self._sending(job, limits):
                    over = asyncio.create_task(self._program.next())
                    told = asyncio.create_task(self._keeper.next())
                    try:
                        await asyncio.wait({over, told}, return_when=asyncio.FIRST_COMPLETED)
                        done = over.result()[0] if over.done() and not told.done() else None
                        if done is not None:
                            with contextlib.suppress(OSError):
                                wire.send(self._control, {"finish": True})
                        outcome, descriptors = await told
                    finally:
                        for task in (over, told):
                            task.cancel()
                        await asyncio.gather(over, told, return_exceptions=True)
        except TimeoutError as error:
            self.kill()
            raise unavailable("a session did not answer in time and was killed") from error
        whole = self._whole(outcome, descriptors, min(limits.files_bytes, collect_bytes_max))
        if done is None:
            return {**whole, "goes_on": False}
        # The session's own word, of whatever type and size.
        code = done.get("done")
        rejected = "".join(one if one.isprintable() else " " for one in str(done.get("rejected") or "")[:500])
        exit_code = code & 0xFF if isinstance(code, int) else 1
        return {**whole, "exit_code": exit_code, "rejected": rejected, "goes_on": not rejected}

    def kill(self) -> None:
        """Have the kernel end it, whatever state it is in."""
        self._kill()
        self.close()

    def close(self) -> None:
        """Close every way into it; its keeper ends, and with it everything inside."""
        if self.is_gone:
            return
        self.is_gone = True
        for voice in (self._keeper, self._program):
            voice.close()
        for output in self._outputs:
            output.close()

    @contextlib.contextmanager
    def _listening(self, bytes_max: int) -> Iterator[None]:
        def over() -> None:
            with contextlib.suppress(OSError):
                wire.send(self._control, {"end": "output_bytes"})

        for output in self._outputs:
            output.begin(bytes_max, over)
        try:
            yield
        finally:
            for output in self._outputs:
                output.end()

    @contextlib.contextmanager
    def _sending(self, job: sandbox.Job, limits: sandbox.Limits) -> Iterator[None]:
        code = job.code.encode()
        begin = {"begin": True, "wall_s": limits.wall_s, "cpu_s": limits.cpu_s, "collect": list(job.collect)}
        header = {
            "language": job.language,
            "code": len(code),
            "stdin": len(job.stdin),
            "files": [[name, len(content)] for name, content in job.files.items()],
            "cpu_s": limits.cpu_s,
        }
        # The keeper, whose clock begins, and then the program.
        sendings = [
            streams.Sending(self._control, wire.encode(begin)),
            streams.Sending(self._job, b"".join((wire.encode(header), code, *job.files.values(), job.stdin))),
        ]
        try:
            yield
        finally:
            for sending in sendings:
                sending.end()

    def _whole(self, outcome: dict[str, Any] | None, descriptors: list[int], bytes_max: int) -> dict[str, Any]:
        if outcome is None:
            raise unavailable("a sandbox ended before it could tell how")
        names = outcome.get("files") or []
        files: dict[str, bytes] = {}
        missing = dict(outcome.get("not_collected") or {})
        left = bytes_max
        for name, descriptor in zip(names, descriptors, strict=False):
            content = streams.content(descriptor, left)
            if content is None:
                missing[name] = f"no regular file, or more than {bytes_max} bytes with those before it"
            else:
                files[name] = content
                left -= len(content)
        output = [one.taken() for one in self._outputs]
        # It may have ended by itself before it could be ended for it.
        limit = outcome["limit"] or ("output_bytes" if any(cut for _, cut in output) else None)
        return {**outcome, "limit": limit, "files": files, "not_collected": missing, "output": output}


def unavailable(detail: str) -> errors.SandboxUnavailableError:
    """Return the error for a sandbox that is away; `detail` says why, for the operator."""
    return errors.SandboxUnavailableError(
        "The sandbox is not available; it may be starting again. `council sandbox status` says why.",
        detail=detail,
        retry_after_s=1,
    )
