"""General: the local model speaks, and nothing of it is checked."""

import contextlib
import dataclasses
from collections.abc import AsyncGenerator

from council.domain import answers, ways
from council.serving.specialists import speech as speech_module

# So many tokens show whether a model knows what it is talking about, and take half a second on one core.
_PIECES_TO_JUDGE = 24


def words_of(named: str) -> str:
    """Return whose words an answer has: those of the model that the settings name, or of this machine's if none."""
    return f"The words of the model {named}" if named else "The local model's own words"


class GeneralSpecialist:
    """The local model alone. Passes on only where it is told to when in doubt; then it holds its first words back."""

    route = answers.Route.GENERAL

    def __init__(self, model: speech_module.Speaker, prompt: str, named: str = ""):
        """Use `prompt` as the system message of conversations that bring none. `named` is the model that the settings name."""
        self._model = model
        self._prompt = prompt
        self._named = named

    async def attempt(self, question: answers.Question) -> AsyncGenerator[answers.Event, None]:
        """Yield the model's pieces, then a Finding without evidence. Raises as ports.ModelProvider says."""
        speech = speech_module.Speech()
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
                    ways.Why.UNSURE,
                )
                return
            yield answers.Delta(speech.text)
        judged = speech.judged(question, self._model)
        evidence = answers.Evidence(
            answers.Level.NONE,
            f"{words_of(self._named)}; nothing was checked.",
            {"confidence_from": judged.reason},
        )
        yield dataclasses.replace(speech.finding(self._model, evidence), confidence=judged.probability)
