"""Writes a function for the tests that a user gave: by search where that singles one out, else by a model that may repair."""

import contextlib
import dataclasses
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from council import ports
from council.domain import answering, answers, errors
from council.serving.specialists import code_answers, code_runs
from council.serving.specialists import speech as speech_module

_OUTCOMES_MIN = 2
_SAMPLE_TEMPERATURE = 0.8
_ANSWER_CHARS_MAX = 20_000


@dataclasses.dataclass(frozen=True, slots=True)
class _Candidate:
    """A program, what became of its tests, and what speaks against taking that for verified."""

    code: str
    judged: code_runs.Judged
    against: str
    said: str = ""
    confidence: float = 0.0


class Writer:
    """Looks for a function until one passes, within the bounds of the settings."""

    def __init__(
        self,
        model: speech_module.Speaker,
        compute: ports.Compute,
        runs: code_runs.Runs,
        prompt: str,
        settings: answering.CodeConfig,
    ):
        self._model = model
        self._compute = compute
        self._runs = runs
        self._prompt = prompt
        self._settings = settings

    async def write(self, question: answers.Question, reading: Mapping[str, Any]) -> answers.Finding:
        """Return a function with what its tests amount to, or say plainly that none passed. Raises as the model does."""
        given = reading["given"]
        telling = await self._compute.call("code.telling", {"tests": given["tests"]}, question.request_id)
        found, searched = await self._search(question, reading)
        if found is not None and not found.against and not self._against_tests(given, telling):
            return self._passed(found, reading, telling, "a search of small programs", answers.Usage())
        try:
            best, usage = await self._ask(question, reading)
        except (errors.UnavailableError, errors.OverloadedError):
            if found is None:
                raise
            best, usage = None, answers.Usage()
        if best is not None and best.judged.all_passed:
            return self._passed(best, reading, telling, f"the model {self._model.model}", usage)
        if found is not None:
            return self._passed(found, reading, telling, "a search of small programs", usage, searched)
        assert best is not None, "the model said something or raised"
        return self._failed(best, reading, usage)

    async def _search(
        self, question: answers.Question, reading: Mapping[str, Any]
    ) -> tuple[_Candidate | None, Mapping[str, Any]]:
        """Return a program that was found and passed, with what the search said of it."""
        given = reading["given"]
        if not self._settings.search or not given["tests"]:
            return None, {}
        payload = {"tests": given["tests"], "parameters": reading["parameters"], "name": given["name"]}
        try:
            searched = await self._compute.call("code.search", payload, question.request_id)
        except (errors.ComputeLimitError, errors.UnavailableError, errors.OverloadedError):
            return None, {}
        if not searched["found"]:
            return None, searched
        judged = await self._runs.judge(searched["code"], given["tests"], question.request_id)
        if not judged.all_passed:
            return None, searched
        return _Candidate(searched["code"], judged, "" if searched["sure"] else searched["why"]), searched

    async def _ask(self, question: answers.Question, reading: Mapping[str, Any]) -> tuple[_Candidate, answers.Usage]:
        """Ask the model until a candidate passes; return that, or the one that passed most."""
        best: _Candidate | None = None
        usage = answers.Usage()
        for sample in range(self._settings.samples_max):
            messages = list(question.messages)
            for _ in range(self._settings.repairs_max + 1):
                asked = dataclasses.replace(question, messages=messages, sampling=_sampling(question.sampling, sample))
                speech = speech_module.Speech()
                async with contextlib.aclosing(speech.listen(self._model, asked, self._prompt)) as texts:
                    async for _text in texts:
                        pass
                usage += speech.usage
                candidate = await self._tried(speech, reading, question.request_id)
                if best is None or sum(candidate.judged.passed) > sum(best.judged.passed):
                    best = candidate
                if candidate.judged.all_passed or (not candidate.judged.passed and candidate.code):
                    return candidate, usage
                messages = [*question.messages, *_repair(candidate, reading)]
        assert best is not None, "at least one sample is asked for"
        return best, usage

    async def _tried(self, speech: speech_module.Speech, reading: Mapping[str, Any], request_id: str) -> _Candidate:
        given = reading["given"]
        payload = {"text": speech.text, "name": given["name"], "tests": given["tests"]}
        made = await self._compute.call("code.extract", payload, request_id)
        if not made["defines"]:
            reason = made["against"] or f"the answer does not define `{given['name']}`"
            lost = code_runs.Judged([False] * len(given["tests"]), [reason] * len(given["tests"]), reason)
            return _Candidate("", lost, reason, speech.text, speech.confidence)
        judged = await self._runs.judge(made["code"], given["tests"], request_id)
        return _Candidate(made["code"], judged, made["against"], speech.text, speech.confidence)

    def _passed(
        self,
        candidate: _Candidate,
        reading: Mapping[str, Any],
        telling: Mapping[str, Any],
        by: str,
        usage: answers.Usage,
        searched: Mapping[str, Any] | None = None,
    ) -> answers.Finding:
        given = reading["given"]
        why = self._against_tests(given, telling) or candidate.against
        level = answers.Level.SELF_TESTED if why else answers.Level.USER_TESTED
        tests = code_answers.counted(len(given["tests"]))
        text = f"{code_answers.fenced(candidate.code, 'python')}\n\nIt passes {tests} of yours, run in the sandbox."
        if why:
            text += f" Not verified: {why}."
        if searched and searched.get("differ"):
            arguments, one, two = searched["differ"]
            text += f" For `{given['name']}({arguments})` it gives `{one}`, the other `{two}`: which do you want?"
        detail = {
            "tests": code_answers.tested(given["tests"], candidate.judged),
            "unread": given["unread"],
            "by": by,
            "why_not_verified": why,
        }
        evidence = answers.Evidence(level, f"Written by {by}. It passes {tests} read from your text.", detail)
        model = self._model.model if usage != answers.Usage() else None
        return answers.Finding(text, 1.0 if level.verified else 0.6, evidence, usage=usage, model=model)

    def _failed(self, candidate: _Candidate, reading: Mapping[str, Any], usage: answers.Usage) -> answers.Finding:
        tests = reading["given"]["tests"]
        judged = candidate.judged
        text = code_answers.fenced(candidate.code, "python") if candidate.code else candidate.said[:_ANSWER_CHARS_MAX]
        if judged.passed:
            told = f"This does not pass your tests: {sum(judged.passed)} of {len(tests)} passed."
            text += f"\n\n{told}\n\n{code_answers.failures(tests, judged)}"
        else:
            told = f"Your tests were not run: {judged.reason.rstrip('.')}."
            text += f"\n\n{told}"
        detail = {"tests": code_answers.tested(tests, judged) if judged.passed else [], "reason": judged.reason}
        evidence = answers.Evidence(answers.Level.NONE, told, detail)
        confidence = 0.1 if judged.passed else candidate.confidence
        return answers.Finding(
            text, confidence, evidence, usage=usage, model=self._model.model, wrong=judged.any_failed
        )

    def _against_tests(self, given: Mapping[str, Any], telling: Mapping[str, Any]) -> str:
        """Return why passing these tests shows too little, or ""."""
        if given["unread"]:
            return f"not every test could be read, as `{given['unread'][0][:100]}`"
        if len(given["tests"]) < _OUTCOMES_MIN:
            return "one example is too little to tell a right function from a lucky one"
        if not telling["telling"] or telling["outcomes"] < _OUTCOMES_MIN:
            return "your tests would pass on an empty body or a constant, too"
        return ""


def _sampling(sampling: answers.Sampling, sample: int) -> answers.Sampling:
    """Return the caller's own choice for the first sample, and a warmer one with another seed after it."""
    if not sample:
        return sampling
    seed = None if sampling.seed is None else sampling.seed + sample
    return dataclasses.replace(sampling, temperature=_SAMPLE_TEMPERATURE, seed=seed)


def _repair(candidate: _Candidate, reading: Mapping[str, Any]) -> list[answers.Message]:
    failed = code_answers.failures(reading["given"]["tests"], candidate.judged)
    said = candidate.said[:_ANSWER_CHARS_MAX]
    request = f"That does not pass:\n{failed}\n\nWrite the whole function `{reading['given']['name']}` again, mended."
    return [answers.Message("assistant", said), answers.Message("user", request)]


async def own_tests(
    model: speech_module.Speaker,
    compute: ports.Compute,
    question: answers.Question,
    code: str,
    prompt: str,
    tokens_max: int,
) -> tuple[Sequence[Mapping[str, Any]], str, answers.Usage]:
    """Have the model write tests for its own code; return those that could be read, the function's name, and the usage.

    None come back that an empty body or a constant would pass. Raises as the model does.
    """
    request = (
        f"{question.text}\n\n```python\n{code}\n```\n\nWrite three asserts with literal arguments and results for it."
    )
    asked = dataclasses.replace(
        question,
        messages=[answers.Message("user", request)],
        sampling=answers.Sampling(tokens_max, temperature=0.0),
        background="",
    )
    speech = speech_module.Speech()
    stream: AsyncGenerator[str, None] = speech.listen(model, asked, prompt)
    async with contextlib.aclosing(stream) as texts:
        async for _ in texts:
            pass
    read = await compute.call("code.tests", {"text": speech.text, "code": code}, question.request_id)
    if not read["telling"] or read["outcomes"] < _OUTCOMES_MIN:
        return (), str(read["name"]), speech.usage
    return read["tests"], str(read["name"]), speech.usage
