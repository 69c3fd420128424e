"""Word problems that no grammar reads: the model writes programs, the sandbox runs them, and what enough print is the answer.

The level is `agreed` at most. Programs of one model can all be wrong in the same way, so agreement never verifies; a program
counts only if it came to its end, printed one number last, and uses a number of the question.
"""

import asyncio
import contextlib
import dataclasses
import math
import re
from collections.abc import AsyncGenerator
from fractions import Fraction

from council import ports
from council.domain import answering, answers, errors, sandbox, ways
from council.kit import fences
from council.serving.specialists import code_runs
from council.serving.specialists import speech as speech_module

_QUESTION_CHARS_MAX = 2_000
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*", re.ASCII)
_PRINTED = re.compile(r"-?\d{1,30}(?:\.\d{1,30})?", re.ASCII)
_ASKED = re.compile(
    r"\bhow (?:many|much|long|far|old|fast|tall|big)\b|\bwhat (?:is|was|are|will)\b|\bcalculate\b|\bfind\b",
    re.IGNORECASE,
)
_NUMBERS_MIN = 2
_TEMPERATURE = 0.8
# Binary floats of one value may differ in their last digits: 0.1 + 0.2 and 0.3 are one answer.
_DIGITS = 9
_PROMPT = (
    "Write a short Python program that works out the answer to the user's problem from its numbers, step by step in named "
    "variables, and prints only the final number. Answer with one fenced Python code block."
)


@dataclasses.dataclass(frozen=True, slots=True)
class _Sample:
    """One program. `value` is what it printed, or None where it does not count, for `reason`."""

    code: str
    value: Fraction | None
    reason: str = ""


@dataclasses.dataclass(slots=True)
class _Drawn:
    """The programs so far, and what the model used for them."""

    samples: list[_Sample] = dataclasses.field(default_factory=list)
    usage: answers.Usage = dataclasses.field(default_factory=answers.Usage)

    def best(self) -> tuple[Fraction, int] | None:
        """Return the value that most programs printed, and how many did."""
        values = [sample.value for sample in self.samples if sample.value is not None]
        if not values:
            return None
        value = max(values, key=values.count)
        return value, values.count(value)


class ProgramSpecialist:
    """Has the model write programs for a word problem."""

    route = answers.Route.MATH

    def __init__(
        self,
        model: speech_module.Speaker,
        compute: ports.Compute,
        runs: ports.Sandbox,
        limits: sandbox.Limits,
        settings: answering.ProgramsConfig,
    ):
        """Run programs in `runs` within `limits`."""
        self._model = model
        self._compute = compute
        self._runs = code_runs.Runs(compute, runs, limits)
        self._settings = settings

    async def attempt(self, question: answers.Question) -> AsyncGenerator[answers.Event, None]:
        """Yield one Finding, or one PassOn: no word problem, no model, no sandbox, no time, no agreement."""
        numbers = _NUMBER.findall(question.text)
        if len(question.text) > _QUESTION_CHARS_MAX or len(numbers) < _NUMBERS_MIN or not _ASKED.search(question.text):
            yield answers.PassOn("it does not look like a word problem to write programs for")
            return
        drawn, why = _Drawn(), ways.Why.UNDECIDED
        try:
            async with asyncio.timeout(self._settings.wall_s):
                reason = await self._draw(question, numbers, drawn)
        except TimeoutError:
            reason, why = f"its programs took longer than {self._settings.wall_s:g} s", ways.Why.LATE
        except (errors.UnavailableError, errors.ComputeLimitError, errors.OverloadedError) as error:
            reason, why = f"no program could be written: {error.message}", ways.Why.AWAY
        best = drawn.best()
        if best is None or best[1] < self._needed():
            alike = best[1] if best else 0
            yield answers.PassOn(reason or f"only {alike} of {self._settings.samples} programs agree", why=why)
            return
        yield self._finding(drawn, *best)

    def _needed(self) -> int:
        """Return how many programs must agree: the share that the settings name, but two and more than half at least.

        With half or fewer, another value could have as many.
        """
        samples = self._settings.samples
        return max(2, samples // 2 + 1, math.ceil(round(self._settings.agree_min * samples, 6)))

    async def _draw(self, question: answers.Question, numbers: list[str], drawn: _Drawn) -> str:
        """Draw programs until enough agree or cannot any more; return why it stopped early, or ""."""
        for number in range(self._settings.samples):
            drawn.samples.append(await self._sample(question, numbers, number, drawn))
            best = drawn.best()
            alike = best[1] if best else 0
            if alike >= self._needed() or alike + self._settings.samples - number - 1 < self._needed():
                return ""
            if drawn.samples[-1].reason == _NO_SANDBOX:
                return _NO_SANDBOX
        return ""

    async def _sample(self, question: answers.Question, numbers: list[str], number: int, drawn: _Drawn) -> _Sample:
        seed = (question.sampling.seed or 0) + number
        sampling = answers.Sampling(self._settings.tokens_max, temperature=_TEMPERATURE if number else 0.0, seed=seed)
        asked = dataclasses.replace(
            question, messages=[answers.Message("user", question.text)], sampling=sampling, background=""
        )
        speech = speech_module.Speech()
        async with contextlib.aclosing(speech.listen(self._model, asked, _PROMPT)) as texts:
            async for _ in texts:
                pass
        drawn.usage += speech.usage
        code = "\n\n".join(fences.python_blocks(speech.text))
        checked = await self._compute.call("code.computes", {"code": code, "numbers": numbers}, question.request_id)
        if checked["against"]:
            return _Sample(code, None, str(checked["against"]))
        ran = await self._runs.once(code, question.request_id)
        if ran.result is None:
            return _Sample(code, None, _NO_SANDBOX)
        if ran.result.status is not sandbox.Status.OK:
            return _Sample(code, None, code_runs.outcome(ran.result))
        value = _printed(ran.result.stdout)
        return _Sample(code, value, "" if value is not None else "it printed no number last")

    def _finding(self, drawn: _Drawn, value: Fraction, alike: int) -> answers.Finding:
        asked = self._settings.samples
        shown = next(sample.code for sample in drawn.samples if sample.value == value)
        told = f"{alike} of {len(drawn.samples)} programs that the model wrote print {_text(value)}"
        share = alike / len(drawn.samples)
        detail = {
            "agreed": alike,
            "written": len(drawn.samples),
            "asked": asked,
            "share": round(share, 3),
            "programs": [
                {
                    "code": sample.code,
                    "printed": _text(sample.value) if sample.value is not None else None,
                    "reason": sample.reason,
                }
                for sample in drawn.samples
            ],
        }
        text = f"{_text(value)}\n\n{told}. One of them:\n\n```python\n{shown.strip()}\n```"
        evidence = answers.Evidence(answers.Level.AGREED, f"{told}; nothing verified them.", detail)
        return answers.Finding(text, share / 2, evidence, usage=drawn.usage, model=self._model.model)


_NO_SANDBOX = "the sandbox could not run its programs"


def _printed(stdout: bytes) -> Fraction | None:
    """Return the number on the last line, rounded so that binary floats of one value are one."""
    lines = stdout[-400:].decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    if not _PRINTED.fullmatch(last):
        return None
    value = Fraction(last)
    if value == 0 or value.denominator == 1:
        return value
    places = _DIGITS - 1 - math.floor(math.log10(abs(value)))
    return round(value, places)


def _text(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.{_DIGITS}g}"
