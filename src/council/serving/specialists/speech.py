"""What a language model says to a specialist, and how sure it was of it."""

import contextlib
import math
from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from council.domain import answers
from council.serving import confidence

_NO_USAGE = answers.Usage()


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


async def whole(
    model: Speaker, messages: Sequence[answers.Message], sampling: answers.Sampling, request_id: str
) -> tuple[str, answers.Usage]:
    """Return all that a model says, and what it used. Raises as ports.ModelProvider says."""
    said: list[str] = []
    usage = answers.Usage()
    async with contextlib.aclosing(model.complete(messages, sampling, request_id)) as items:
        async for item in items:
            match item:
                case answers.Piece(text):
                    said.append(text)
                case answers.End():
                    usage = item.usage
    return "".join(said), usage


class Speech:
    """What a model said so far, and how sure it was of each piece."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._logprobs: list[float] = []
        self._end: answers.End | None = None

    @property
    def text(self) -> str:
        """The words so far."""
        return "".join(self._parts)

    @property
    def pieces(self) -> int:
        """How many pieces they came in."""
        return len(self._parts)

    async def listen(self, model: Speaker, question: answers.Question, prompt: str) -> AsyncGenerator[str, None]:
        """Yield the model's words as they come. `prompt` is the system message of conversations that bring none."""
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

    def finding(
        self, model: Speaker, evidence: answers.Evidence, *, more: answers.Usage = _NO_USAGE
    ) -> answers.Finding:
        """Return all that was said with its evidence. `more` is what else the model was asked for it."""
        assert self._end is not None, "a provider ends every stream with ModelEnd or raises"
        return answers.Finding(
            self.text,
            self.confidence,
            evidence,
            usage=self._end.usage + more,
            model=model.model,
            finish_reason=self._end.finish_reason,
        )

    @property
    def usage(self) -> answers.Usage:
        """What the model used for it; the words must have come to their end."""
        assert self._end is not None, "a provider ends every stream with ModelEnd or raises"
        return self._end.usage

    def judged(self, question: answers.Question, model: Speaker) -> confidence.Judged:
        """Return how likely the words are to be right, by what calibration made of their first tokens."""
        return confidence.judge(question.text, self.text, self._logprobs, model.model)

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
