"""Has programs and candidates run in the sandbox, and says how that ended. Nothing here believes what a program prints."""

import asyncio
import dataclasses
import itertools
import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, assert_never

from council import ports
from council.domain import errors, sandbox

# An answer waits for its code no longer than this, and for a turn in the sandbox little longer.
_RUN_S = 5.0
TURN_S = 5.0
_OUTPUT_SHOWN_BYTES = 2_000
_CALLER = "code specialist"
# A second run is worth its time where the first took no longer than this.
_AGAIN_S = 1.5
_REPORT = "council-results.json"
_REPORT_BYTES_MAX = 256 * 1024
_HARNESS = Path(__file__).with_name("code_harness.py").read_text()
# A fresh interpreter with a hash seed of its own, so that what hangs on the order of a set comes out otherwise next time.
_LAUNCHER = (
    "import os, sys\n"
    'os.execve(sys.executable, [sys.executable, "program.py"], {{**os.environ, "PYTHONHASHSEED": "{seed}"}})\n'
)
_SEEDS = (1, 4711)


@dataclasses.dataclass(frozen=True, slots=True)
class Ran:
    """A program's run. `result` is None where it was not run, for `reason`; `again` says if a second run gave the same."""

    result: sandbox.Result | None
    reason: str = ""
    again: bool | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Judged:
    """A candidate's tests. `passed` and `gave` are one for each test, both empty where nothing could be run, for `reason`.

    `untold` marks those of which nobody can say whether they pass.
    """

    passed: Sequence[bool]
    gave: Sequence[str]
    reason: str = ""
    untold: Sequence[bool] = ()

    @property
    def all_passed(self) -> bool:
        """Whether there were tests, and every one was passed."""
        return bool(self.passed) and all(self.passed)

    @property
    def any_failed(self) -> bool:
        """Whether a test is known not to be passed."""
        told = itertools.zip_longest(self.passed, self.untold, fillvalue=False)
        return any(not passed and not untold for passed, untold in told)


class Runs:
    """The sandbox as the code specialist uses it."""

    def __init__(self, compute: ports.Compute, runs: ports.Sandbox, limits: sandbox.Limits):
        """Run within `limits`, and within a few seconds."""
        self._compute = compute
        self._sandbox = runs
        self._limits = dataclasses.replace(limits, wall_s=min(limits.wall_s, _RUN_S))

    async def once(self, code: str, request_id: str) -> Ran:
        """Run Python as it stands."""
        return await self._job(sandbox.Job("python", code, limits=self._limits), request_id)

    async def program(self, code: str, language: str, stdin: str, request_id: str) -> Ran:
        """Run a program of the user's, and again where that is cheap."""
        first = await self._job(self._program(code, language, stdin, _SEEDS[0]), request_id)
        if first.result is None or first.result.wall_s > _AGAIN_S:
            return first
        second = await self._job(self._program(code, language, stdin, _SEEDS[1]), request_id)
        if second.result is None:
            return first
        return dataclasses.replace(first, again=_outcome_of(first.result) == _outcome_of(second.result))

    def _program(self, code: str, language: str, stdin: str, seed: int) -> sandbox.Job:
        given = stdin.encode(errors="replace")
        if language == "bash":
            return sandbox.Job("bash", code, stdin=given, limits=self._limits)
        files = {"program.py": code.encode(errors="replace")}
        return sandbox.Job("python", _LAUNCHER.format(seed=seed), stdin=given, files=files, limits=self._limits)

    async def judge(self, code: str, tests: Sequence[Mapping[str, Any]], request_id: str) -> Judged:
        """Have a candidate make the tests' calls, and the worker compare. What is expected never enters the sandbox.

        Raises ComputeUnavailableError, ComputeLimitError, OverloadedError.
        """
        nonce = secrets.token_hex(16)
        asked = {"nonce": nonce, "code": code, "calls": [str(test["call"]) for test in tests]}
        job = sandbox.Job("python", _HARNESS, stdin=json.dumps(asked).encode(), collect=(_REPORT,), limits=self._limits)
        ran = await self._job(job, request_id)
        if ran.result is None:
            return Judged((), (), ran.reason)
        report = ran.result.files.get(_REPORT, b"") if ran.result.status is sandbox.Status.OK else b""
        if len(report) > _REPORT_BYTES_MAX:
            report = b""
        payload = {"tests": list(tests), "report": report.decode(errors="replace"), "nonce": nonce}
        judged = await self._compute.call("code.judge", payload, request_id)
        reason = "" if report else outcome(ran.result)
        return Judged(judged["passed"], judged["gave"], reason, judged["untold"])

    async def _job(self, job: sandbox.Job, request_id: str) -> Ran:
        try:
            async with asyncio.timeout(self._limits.wall_s + TURN_S):
                return Ran(await self._sandbox.run(job, _CALLER, request_id))
        except TimeoutError:
            return Ran(None, "The sandbox had no turn for it in time.")
        except (errors.SandboxUnavailableError, errors.OverloadedError, errors.InvalidRequestError) as error:
            return Ran(None, error.message)


def _outcome_of(result: sandbox.Result) -> tuple[object, ...]:
    return result.status, result.exit_code, result.signal, result.limit, result.stdout, result.stderr, result.truncated


def outcome(result: sandbox.Result) -> str:
    """Return in words how a run ended."""
    match result.status:
        case sandbox.Status.OK:
            return "it ran in the sandbox to its end, which does not show that it is right"
        case sandbox.Status.ERROR:
            return f"it ran in the sandbox and failed with exit status {result.exit_code}"
        case sandbox.Status.SIGNAL:
            return f"it ran in the sandbox and was ended by signal {result.signal}"
        case sandbox.Status.KILLED_LIMIT:
            return f"it ran in the sandbox until it met its limit `{result.limit}`"
        case sandbox.Status.REJECTED:
            return "it was not run"
        case _:
            assert_never(result.status)


def told(ran: Ran) -> dict[str, Any]:
    """Return a run as the detail of evidence."""
    if ran.result is None:
        return {"outcome": "it was not run", "reason": ran.reason}
    result = ran.result
    return {
        "outcome": outcome(result),
        "status": str(result.status),
        "reason": result.reason,
        "limit": result.limit,
        "exit_code": result.exit_code,
        "signal": result.signal,
        "stdout": _shown(result.stdout),
        "stderr": _shown(result.stderr),
        "wall_s": result.wall_s,
        "layers_missing": list(result.layers_missing),
        "audit_id": result.audit_id,
    }


def _shown(raw: bytes) -> str:
    return raw[:_OUTPUT_SHOWN_BYTES].decode(errors="replace")
