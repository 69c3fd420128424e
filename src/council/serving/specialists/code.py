"""Code: runs, checks and explains what the user gives, and writes functions whose tests are run.

What is asked for is read by the worker. To run and to check are claims about the user's own text and need no model. What a
model wrote is never more than the user's own tests, or else its own, can show.
"""

import contextlib
import dataclasses
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from council import ports
from council.domain import answering, answers, errors, sandbox
from council.kit import fences
from council.serving.specialists import code_answers, code_context, code_runs, code_writing, verbless
from council.serving.specialists import speech as speech_module

_PARSES = {True: "parses as Python", False: "does not parse as Python", None: "was not parsed"}
_AWAY = (errors.UnavailableError, errors.ComputeLimitError, errors.OverloadedError)


class CodeSpecialist:
    """Never passes on: what it cannot read as anything else, it has the local model write."""

    route = answers.Route.CODE

    def __init__(
        self,
        model: speech_module.Speaker,
        compute: ports.Compute,
        runs: ports.Sandbox,
        prompt: str,
        limits: sandbox.Limits,
        settings: answering.CodeConfig,
    ):
        """Run code in `runs` within `limits`, and within a few seconds. `prompt` is for the model that writes."""
        self._model = model
        self._compute = compute
        self._runs = code_runs.Runs(compute, runs, limits)
        self._verbless = verbless.Verbless(compute)
        self._prompt = prompt
        self._settings = settings
        self._writer = code_writing.Writer(model, compute, self._runs, prompt, settings)

    async def attempt(self, question: answers.Question) -> AsyncGenerator[answers.Event, None]:
        """Yield the model's pieces where it speaks freely, then one Finding. Raises as ports.ModelProvider says."""
        finding = await self._without_words(question)
        if finding is not None:
            yield finding
            return
        speech = speech_module.Speech()
        async with contextlib.aclosing(speech.listen(self._model, question, self._prompt)) as texts:
            async for text in texts:
                yield answers.Delta(text)
        yield await self._examined(speech, question)

    async def _without_words(self, question: answers.Question) -> answers.Finding | None:
        """Return a finding where the question was read as more than a wish for the model's words.

        What hangs on more than that and the code of the message before is the model's, which reads the whole conversation.
        """
        before = code_context.before(question.messages)
        turns = await self._verbless.asked(before, question.messages, question.request_id)
        asked = code_context.of(question.messages, turns)
        if asked.hangs:
            return None
        try:
            if asked.code_before:
                reading = await self._compute.call("code.read", {"text": asked.text}, question.request_id)
                if reading["task"] in ("run", "check"):
                    return _of_before(await self._done(reading, question))
            reading = await self._compute.call("code.read", {"text": question.text}, question.request_id)
            return await self._done(reading, question)
        except (errors.ComputeUnavailableError, errors.ComputeLimitError):
            return None

    async def _done(self, reading: Mapping[str, Any], question: answers.Question) -> answers.Finding | None:
        match reading["task"]:
            case "run":
                return await self._run(reading, question.request_id)
            case "check":
                return await self._check(reading, question.request_id)
            case "explain":
                return await self._explain(reading, question.request_id)
            case "textbook" if self._settings.textbook:
                return await self._textbook(reading, question.request_id)
            case "write" if reading["given"]["tests"]:
                return await self._writer.write(question, reading)
        return None

    async def _run(self, reading: Mapping[str, Any], request_id: str) -> answers.Finding:
        code = f"print(repr((\n{reading['code']}\n)))" if reading["expression"] else reading["code"]
        ran = await self._runs.program(code, reading["language"], reading["stdin"], request_id)
        return code_answers.of_run(reading, ran)

    async def _check(self, reading: Mapping[str, Any], request_id: str) -> answers.Finding:
        tests = reading["given"]["tests"]
        judged = await self._runs.judge(reading["code"], tests, request_id) if tests else code_runs.Judged((), ())
        telling = await self._compute.call("code.telling", {"tests": tests}, request_id)
        return code_answers.of_check(reading, judged, telling)

    async def _explain(self, reading: Mapping[str, Any], request_id: str) -> answers.Finding:
        ran = await self._runs.program(reading["code"], "python", "", request_id) if reading["code"] else None
        return code_answers.of_error(reading, ran)

    async def _textbook(self, reading: Mapping[str, Any], request_id: str) -> answers.Finding | None:
        judged = await self._runs.judge(reading["code"], reading["given"]["tests"], request_id)
        return code_answers.of_textbook(reading, judged) if judged.all_passed else None

    async def _examined(self, speech: speech_module.Speech, question: answers.Question) -> answers.Finding:
        """Say what was found out about the code in what the model said."""
        request_id = question.request_id
        block = "\n\n".join(fences.python_blocks(speech.text))
        if not block:
            return speech.finding(
                self._model,
                answers.Evidence(answers.Level.NONE, "The answer holds no Python code block, so nothing was checked."),
            )
        syntax = await self._syntax(block, request_id)
        parses = syntax["parses"]
        ran = code_runs.Ran(None) if parses is False else await self._runs.once(block, request_id)
        run = code_runs.told(ran)
        summary = f"The code {_PARSES[parses]}; {run['outcome']}."
        detail: dict[str, Any] = {"syntax": syntax, "run": run}
        level, usage = answers.Level.NONE, answers.Usage()
        if self._settings.self_tests and run.get("status") == "ok":
            level, told, usage = await self._self_tested(question, speech.text, detail)
            summary += told
        return speech.finding(self._model, answers.Evidence(level, summary, detail), more=usage)

    async def _self_tested(
        self, question: answers.Question, said: str, detail: dict[str, Any]
    ) -> tuple[answers.Level, str, answers.Usage]:
        """Have the model write tests and run them. They lift the level, at most to self-tested."""
        try:
            payload = {"text": said, "name": "", "tests": []}
            made = await self._compute.call("code.extract", payload, question.request_id)
            if not made["defines"]:
                return answers.Level.NONE, "", answers.Usage()
            code = made["code"]
            tests, name, usage = await code_writing.own_tests(
                self._model, self._compute, question, code, self._prompt, self._settings.self_test_tokens_max
            )
            if not tests:
                return answers.Level.NONE, " Its own tests tell nothing.", usage
            judged = await self._runs.judge(code, tests, question.request_id)
        except _AWAY:
            return answers.Level.NONE, "", answers.Usage()
        if not judged.passed:
            return answers.Level.NONE, "", usage
        detail["own_tests"] = code_answers.tested(tests, judged)
        if judged.all_passed:
            count = code_answers.counted(len(tests))
            return answers.Level.SELF_TESTED, f" `{name}` passes {count} that the model wrote itself.", usage
        return (
            answers.Level.NONE,
            f" It fails {len(judged.passed) - sum(judged.passed)} of the model's own tests.",
            usage,
        )

    async def _syntax(self, code: str, request_id: str) -> dict[str, Any]:
        try:
            return await self._compute.call("code.python_syntax", {"code": code}, request_id)
        except _AWAY as error:
            return {"parses": None, "reason": error.message}


def _of_before(finding: answers.Finding | None) -> answers.Finding | None:
    """Say whose code it was that was run or checked."""
    if finding is None:
        return None
    summary = f"{finding.evidence.summary} The code is that of your message before."
    return dataclasses.replace(finding, evidence=dataclasses.replace(finding.evidence, summary=summary))
