"""General and code: the local model speaks, and what can be checked about what it said is said beside it."""

import asyncio
import contextlib
import dataclasses
import math
import re
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Protocol, assert_never

from council import ports
from council.domain import answers, errors, sandbox
from council.serving import confidence

_FENCE = re.compile(r"```(\w*)(?:[^\w\n][^\n]*)?\n(.*?)(?:```|\Z)", re.DOTALL)
_PARSES = {True: "parses as Python", False: "does not parse as Python", None: "was not parsed"}
# An answer waits for its code no longer than this, and for a turn in the sandbox little longer.
_RUN_S = 5.0
_TURN_S = 5.0
_OUTPUT_SHOWN_BYTES = 2_000
# So many tokens show whether a model knows what it is talking about, and take half a second on one core.
_PIECES_TO_JUDGE = 24
_PYTHON = frozenset({"", "py", "python", "python3"})


class Speaker(Protocol):
    """A language model that specialists talk to."""

    @property
    def model(self) -> str:
        """The name shown to callers and priced in the config."""
        ...

    def complete(
        self, messages: Sequence[answers.Message], sampling: answers.Sampling, request_id: str
    ) -> AsyncGenerator[answers.Piece | answers.End, None]:
        """Yield pieces, then one End. Closing the iterator stops the generation. Raises as ports.ModelProvider says."""
        ...


class GeneralSpecialist:
    """The local model alone. Passes on only where it is told to when in doubt; then it holds its first words back."""

    route = answers.Route.GENERAL

    def __init__(self, model: Speaker, prompt: str):
        """Use `prompt` as the system message of conversations that bring none."""
        self._model = model
        self._prompt = prompt

    async def attempt(self, question: answers.Question) -> AsyncGenerator[answers.Event, None]:
        """Yield the model's pieces, then a Finding without evidence. Raises as ports.ModelProvider says."""
        speech = _Speech()
        prompt = self._prompt if question.specialists else ""
        doubt_below, spoken = question.doubt_below, question.doubt_below is None
        async with contextlib.aclosing(speech.listen(self._model, question, prompt)) as texts:
            async for text in texts:
                if not spoken and speech.pieces >= _PIECES_TO_JUDGE:
                    if speech.judged(question, self._model).probability < (doubt_below or 0.0):
                        break
                    spoken, text = True, speech.text  # noqa: PLW2901 - what was held back, and this
                if spoken:
                    yield answers.Delta(text)
        if not spoken:
            judged = speech.judged(question, self._model)
            if judged.probability < (doubt_below or 0.0):
                yield answers.PassOn(
                    f"the local model's confidence {judged.probability:.2f} is below {doubt_below:.2f} "
                    f"after {speech.pieces} tokens",
                    judged.probability,
                )
                return
            yield answers.Delta(speech.text)
        judged = speech.judged(question, self._model)
        evidence = answers.Evidence(
            answers.Level.NONE,
            "The local model's own words; nothing was checked.",
            {"confidence_from": judged.reason},
        )
        yield dataclasses.replace(speech.finding(self._model, evidence), confidence=judged.probability)


class CodeSpecialist:
    """The local model with a programmer's prompt; its Python is parsed, and run in the sandbox. Never passes on.

    The evidence stays at level none: code that runs to its end is not shown to be right. Self-tested would need tests that
    are known to have run, and verified ones that the user gave.
    """

    route = answers.Route.CODE

    def __init__(
        self,
        model: Speaker,
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


class _Speech:
    """What a model said so far, and how sure it was of each piece."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._logprobs: list[float] = []
        self._end: answers.End | None = None

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def pieces(self) -> int:
        return len(self._parts)

    async def listen(self, model: Speaker, question: answers.Question, prompt: str) -> AsyncGenerator[str, None]:
        messages = _with_background(_with_prompt(question.messages, prompt), question.background)
        generation = model.complete(messages, question.sampling, question.request_id)
        async with contextlib.aclosing(generation) as items:
            async for item in items:
                match item:
                    case answers.Piece(text, logprob):
                        self._parts.append(text)
                        if logprob is not None:
                            self._logprobs.append(logprob)
                        yield text
                    case answers.End():
                        self._end = item

    def finding(self, model: Speaker, evidence: answers.Evidence) -> answers.Finding:
        assert self._end is not None, "a provider ends every stream with ModelEnd or raises"
        return answers.Finding(
            self.text,
            self.confidence,
            evidence,
            usage=self._end.usage,
            model=model.model,
            finish_reason=self._end.finish_reason,
        )

    def judged(self, question: answers.Question, model: Speaker) -> confidence.Judged:
        """Return how likely the words are to be right, by what calibration made of their first tokens."""
        return confidence.judge(question.text, self._logprobs, model.model)

    @property
    def confidence(self) -> float:
        """Return the geometric mean of the tokens' probabilities, 0 where the model tells none."""
        if not self._logprobs:
            return 0.0
        return round(math.exp(sum(self._logprobs) / len(self._logprobs)), 3)


def _with_prompt(messages: Sequence[answers.Message], prompt: str) -> Sequence[answers.Message]:
    if not prompt or any(message.role == "system" for message in messages):
        return messages
    return [answers.Message("system", prompt), *messages]


def _with_background(messages: Sequence[answers.Message], background: str) -> Sequence[answers.Message]:
    """Add what is known of the user to the system message, or as one."""
    if not background:
        return messages
    if messages and messages[0].role == "system":
        return [answers.Message("system", f"{messages[0].text}\n\n{background}"), *messages[1:]]
    return [answers.Message("system", background), *messages]


def _python_blocks(text: str) -> str:
    return "\n\n".join(body for language, body in _FENCE.findall(text) if language.lower() in _PYTHON)
