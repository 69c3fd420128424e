"""No sandbox: every job is refused, so that code is never run outside one."""

from council import ports
from council.domain import errors


class AbsentSandbox:
    """Refuses. Implements ports.SandboxRunner."""

    async def run(self, job: ports.SandboxJob, request_id: str) -> ports.SandboxResult:
        """Raise SandboxUnavailableError."""
        raise errors.SandboxUnavailableError(
            "This version has no sandbox, so the code was not run. Read it before you do."
        )
