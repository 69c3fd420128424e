"""A language model that says what it is told, and fails where it is told."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from council.domain import answers, errors


class ScriptedModel:
    """Implements specialists.speech.Speaker.

    Says `pieces`, one token each. With `fails_after` N it raises ModelUnavailableError after N pieces, as a model killed in
    mid-answer does. `hold` is awaited before each piece after the first, so that a test decides when it goes on.
    """

    def __init__(
        self,
        pieces: Sequence[str] = ("A ", "scripted ", "answer."),
        *,
        model: str = "smollm2-135m-instruct",
        fails_after: int | None = None,
        hold: asyncio.Event | None = None,
    ):
        self._model = model
        self._pieces = pieces
        self._fails_after = fails_after
        self._hold = hold
        self.asked: list[Sequence[answers.Message]] = []
        self.stopped_early = 0

    @property
    def model(self) -> str:
        """The name shown to callers."""
        return self._model

    async def complete(
        self, messages: Sequence[answers.Message], sampling: answers.Sampling, request_id: str
    ) -> AsyncGenerator[answers.Piece | answers.End, None]:
        """Yield the script."""
        self.asked.append(messages)
        said = 0
        try:
            for piece in self._pieces[: sampling.tokens_max]:
                if self._fails_after == said:
                    raise errors.ModelUnavailableError("The model is not available. Try again.", retry_after_s=2)
                if said and self._hold is not None:
                    await self._hold.wait()
                said += 1
                yield answers.Piece(piece, -0.1)
        except (GeneratorExit, asyncio.CancelledError):
            self.stopped_early += 1
            raise
        reason = "stop" if said == len(self._pieces) else "length"
        yield answers.End(reason, answers.Usage(sum(len(message.text.split()) for message in messages), said))

    async def ping(self) -> None:
        """Return."""

    async def close(self) -> None:
        """Return."""
