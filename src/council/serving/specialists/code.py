"""Code: the local model writes, and what can be checked about its code is said beside it."""

import asyncio
import contextlib
import dataclasses
import re
from collections.abc import AsyncGenerator
from typing import Any, assert_never

from council import ports
from council.domain import answers, errors, sandbox
from council.serving.specialists import speech as speech_module

_FENCE = re.compile(r"```(\w*)(?:[^\w\n][^\n]*)?\n(.*?)(?:```|\Z)", re.DOTALL)
_PARSES = {True: "parses as Python", False: "does not parse as Python", None: "was not parsed"}
# An answer waits for its code no longer than this, and for a turn in the sandbox little longer.
_RUN_S = 5.0
_TURN_S = 5.0
_OUTPUT_SHOWN_BYTES = 2_000
_PYTHON = frozenset({"", "py", "python", "python3"})


class CodeSpecialist:
    """The local model with a programmer's prompt; its Python is parsed, and run in the sandbox. Never passes on.

    The evidence stays at level none: code that runs to its end is not shown to be right. Self-tested would need tests that
    are known to have run, and verified ones that the user gave.
    """

    route = answers.Route.CODE

    def __init__(
        self,
        model: speech_module.Speaker,
        compute: ports.Compute,
        runs: ports.Sandbox,
        prompt: str,
        limits: sandbox.Limits,
    ):
        """Run code in `runs` within `limits`, and within a few seconds."""
        self._model = model
        self._compute = compute
        self._sandbox = runs
        self._prompt = prompt
        self._limits = dataclasses.replace(limits, wall_s=min(limits.wall_s, _RUN_S))

    async def attempt(self, question: answers.Question) -> AsyncGenerator[answers.Event, None]:
        """Yield the model's pieces, then a Finding that says what was found out about the code."""
        speech = speech_module.Speech()
        async with contextlib.aclosing(speech.listen(self._model, question, self._prompt)) as texts:
            async for text in texts:
                yield answers.Delta(text)
        evidence = await self._examine(speech.text, question.request_id)
        yield speech.finding(self._model, evidence)

    async def _examine(self, text: str, request_id: str) -> answers.Evidence:
        code = _python_blocks(text)
        if not code:
            return answers.Evidence(
                answers.Level.NONE, "The answer holds no Python code block, so nothing was checked."
            )
        syntax = await self._syntax(code, request_id)
        parses = syntax["parses"]
        run = {"outcome": "it was not run"} if parses is False else await self._run(code, request_id)
        summary = f"The code {_PARSES[parses]}; {run['outcome']}."
        return answers.Evidence(answers.Level.NONE, summary, {"syntax": syntax, "run": run})

    async def _syntax(self, code: str, request_id: str) -> dict[str, Any]:
        try:
            return await self._compute.call("code.python_syntax", {"code": code}, request_id)
        except (errors.UnavailableError, errors.ComputeLimitError, errors.OverloadedError) as error:
            return {"parses": None, "reason": error.message}

    async def _run(self, code: str, request_id: str) -> dict[str, Any]:
        job = sandbox.Job("python", code, limits=self._limits)
        try:
            async with asyncio.timeout(self._limits.wall_s + _TURN_S):
                result = await self._sandbox.run(job, "code specialist", request_id)
        except TimeoutError:
            return {"outcome": "it was not run", "reason": "The sandbox had no turn for it in time."}
        except (errors.SandboxUnavailableError, errors.OverloadedError, errors.InvalidRequestError) as error:
            return {"outcome": "it was not run", "reason": error.message}
        return {
            "outcome": _outcome(result),
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


def _outcome(result: sandbox.Result) -> str:
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


def _shown(raw: bytes) -> str:
    return raw[:_OUTPUT_SHOWN_BYTES].decode(errors="replace")


def _python_blocks(text: str) -> str:
    return "\n\n".join(body for language, body in _FENCE.findall(text) if language.lower() in _PYTHON)
