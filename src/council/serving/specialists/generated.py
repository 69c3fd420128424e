"""General and code: the local model speaks, and what can be checked about what it said is said beside it."""

import contextlib
import math
import re
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from council import ports
from council.domain import answers, errors

_FENCE = re.compile(r"```(\w*)(?:[^\w\n][^\n]*)?\n(.*?)(?:```|\Z)", re.DOTALL)
_PARSES = {True: "parses as Python", False: "does not parse as Python", None: "was not parsed"}
_PYTHON = frozenset({"", "py", "python", "python3"})


class GeneralSpecialist:
    """The local model alone. Never passes on."""

    route = answers.Route.GENERAL

    def __init__(self, model: ports.ModelProvider, prompt: str):
        """Use `prompt` as the system message of conversations that bring none."""
        self._model = model
        self._prompt = prompt

    async def attempt(self, question: answers.Question) -> AsyncGenerator[answers.Event, None]:
        """Yield the model's pieces, then a Finding without evidence. Raises as ports.ModelProvider says."""
        speech = _Speech()
        prompt = self._prompt if question.specialists else ""
        async with contextlib.aclosing(speech.listen(self._model, question, prompt)) as texts:
            async for text in texts:
                yield answers.Delta(text)
        evidence = answers.Evidence(
            answers.Level.NONE,
            "The local model's own words; nothing was checked.",
            {"confidence_from": "mean token probability, not calibrated"},
        )
        yield speech.finding(self._model, evidence)


class CodeSpecialist:
    """The local model with a programmer's prompt; its code is parsed, and run where there is a sandbox. Never passes on."""

    route = answers.Route.CODE

    def __init__(self, model: ports.ModelProvider, compute: ports.Compute, sandbox: ports.SandboxRunner, prompt: str):
        self._model = model
        self._compute = compute
        self._sandbox = sandbox
        self._prompt = prompt

    async def attempt(self, question: answers.Question) -> AsyncGenerator[answers.Event, None]:
        """Yield the model's pieces, then a Finding that says what was found out about the code."""
        speech = _Speech()
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
        run = await self._run(code, request_id)
        parses = _PARSES[syntax["parses"]]
        summary = f"The code {parses}; {run['outcome']}."
        return answers.Evidence(answers.Level.NONE, summary, {"syntax": syntax, "run": run})

    async def _syntax(self, code: str, request_id: str) -> dict[str, Any]:
        try:
            return await self._compute.call("code.python_syntax", {"code": code}, request_id)
        except (errors.UnavailableError, errors.ComputeLimitError, errors.OverloadedError) as error:
            return {"parses": None, "reason": error.message}

    async def _run(self, code: str, request_id: str) -> dict[str, Any]:
        try:
            result = await self._sandbox.run(ports.SandboxJob("python", code), request_id)
        except (errors.SandboxUnavailableError, errors.OverloadedError) as error:
            return {"outcome": "it was not run", "reason": error.message}
        return {
            "outcome": f"it ran and ended with {result.status}",
            "exit_code": result.exit_code,
            "stdout": result.stdout[:2_000].decode(errors="replace"),
        }


class _Speech:
    """What a model said so far, and how sure it was of each piece."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._logprobs: list[float] = []
        self._end: ports.ModelEnd | None = None

    @property
    def text(self) -> str:
        return "".join(self._parts)

    async def listen(
        self, model: ports.ModelProvider, question: answers.Question, prompt: str
    ) -> AsyncGenerator[str, None]:
        messages = _with_prompt(question.messages, prompt)
        generation = model.complete(messages, question.sampling, question.request_id)
        async with contextlib.aclosing(generation) as items:
            async for item in items:
                match item:
                    case ports.ModelPiece(text, logprob):
                        self._parts.append(text)
                        if logprob is not None:
                            self._logprobs.append(logprob)
                        yield text
                    case ports.ModelEnd():
                        self._end = item

    def finding(self, model: ports.ModelProvider, evidence: answers.Evidence) -> answers.Finding:
        assert self._end is not None, "a provider ends every stream with ModelEnd or raises"
        return answers.Finding(
            self.text,
            self._confidence(),
            evidence,
            usage=self._end.usage,
            model=model.model,
            finish_reason=self._end.finish_reason,
        )

    def _confidence(self) -> float:
        """Return the geometric mean of the tokens' probabilities, 0 where the model tells none."""
        if not self._logprobs:
            return 0.0
        return round(math.exp(sum(self._logprobs) / len(self._logprobs)), 3)


def _with_prompt(messages: Sequence[answers.Message], prompt: str) -> Sequence[answers.Message]:
    if not prompt or any(message.role == "system" for message in messages):
        return messages
    return [answers.Message("system", prompt), *messages]


def _python_blocks(text: str) -> str:
    return "\n\n".join(body for language, body in _FENCE.findall(text) if language.lower() in _PYTHON)
