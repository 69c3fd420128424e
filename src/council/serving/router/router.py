"""The router as the pipeline asks it: a decision in about a millisecond, and a look at the meaning where that leaves doubt."""

import array
import asyncio
import dataclasses
from collections.abc import Sequence

from council import ports
from council.domain import answering, answers, errors
from council.serving.router import decision, head


class Router:
    """Decides; the same for every question of a process. Loads its weights with the first one."""

    def __init__(self, settings: answering.RouterConfig, memories: ports.Memories | None = None):
        """Ask `memories` for vectors, if there is any, where the settings say that a doubt is worth it."""
        self._settings = settings
        self._memories = memories

    async def decide(self, question: answers.Question) -> decision.Decision:
        """Return where a question goes. Raises SetupError where the weights cannot be read."""
        weights = head.packaged()
        made = decision.choose(question.messages, self._settings, weights)
        if made.sure or self._memories is None:
            return made
        vector = await self._vector(self._memories, question)
        if vector is None:
            return dataclasses.replace(made, reasons=(*made.reasons, "its meaning could not be looked at in time"))
        return decision.refined(made, question.text, vector, self._settings, weights)

    async def _vector(self, memories: ports.Memories, question: answers.Question) -> Sequence[float] | None:
        try:
            async with asyncio.timeout(self._settings.vector_wait_s):
                made = await memories.embed([decision.first_words(question.text)], question.request_id)
        except (TimeoutError, errors.UnavailableError, errors.OverloadedError):
            return None
        vector = array.array("f", made.vectors[0])
        return vector if len(vector) == made.width else None
