"""A language model for specialists: words in, words out, over the same calls as everything else."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from typing import Any

import orjson

from council.domain import answers, errors
from council.serving.providers import attempts
from council.serving.providers import calls as calls_module


class Speaker:
    """Implements specialists.speech.Speaker. Without a tab its model must be free: nobody puts charges into a row."""

    def __init__(self, calls: calls_module.Calls, model: str):
        self._calls = calls
        self._model = model

    @property
    def model(self) -> str:
        """The name shown to callers."""
        return self._model

    async def complete(
        self,
        messages: Sequence[answers.Message],
        sampling: answers.Sampling,
        request_id: str,
        tab: attempts.Tab | None = None,
        begin_s: float | None = None,
    ) -> AsyncGenerator[answers.Piece | answers.End, None]:
        """Yield pieces, then one End. Raises as ports.ModelProvider says, and BudgetError.

        With `begin_s` one deployment is asked, and it must begin to answer by then. What it costs comes onto the tab; where the
        words are not heard to their end, some time later.
        """
        able = self._calls.models[self._model].abilities
        body = _body(messages, sampling, able if tab is None else able - {"logprobs"})
        request = calls_module.Request(
            "chat", self._model, body, len(orjson.dumps(body)), hops_max=0 if begin_s is None else 1
        )
        try:
            async with asyncio.timeout(begin_s):
                answering = await self._calls.open(request, tab or attempts.Tab(request_id, "", ""))
        except TimeoutError as error:
            raise errors.ProviderError(
                f"The model {self._model} did not begin to answer in time. Try again."
            ) from error
        finish_reason, usage = "", answers.Usage()
        try:
            while events := await answering.read():
                for event in events:
                    usage = event.usage or usage
                    for piece, reason in _pieces(event.data):
                        finish_reason = reason or finish_reason
                        if piece.text:
                            yield piece
        finally:
            if tab is None:
                await answering.close()
            else:
                tab.settling.append(asyncio.ensure_future(answering.close()))
        yield answers.End(finish_reason or "stop", usage)


def _body(messages: Sequence[answers.Message], sampling: answers.Sampling, able: frozenset[str]) -> dict[str, Any]:
    body: dict[str, Any] = {
        "messages": [{"role": message.role, "content": message.text} for message in messages],
        "max_tokens": sampling.tokens_max,
    }
    if "logprobs" in able:
        body["logprobs"] = True
    optional = {"temperature": sampling.temperature, "top_p": sampling.top_p, "seed": sampling.seed}
    body.update({name: value for name, value in optional.items() if value is not None})
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    if sampling.schema is not None and "json_schema" in able:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "reply", "schema": sampling.schema}}
    return body


def _pieces(data: Mapping[str, Any]) -> Iterator[tuple[answers.Piece, str]]:
    """Yield what the choices of an event say, and their reason to finish. Raises ProviderError for another shape."""
    try:
        for choice in data.get("choices") or ():
            text, reason = (choice.get("delta") or {}).get("content") or "", choice.get("finish_reason") or ""
            if not isinstance(text, str) or not isinstance(reason, str):
                raise TypeError("content and finish_reason must be texts")  # noqa: TRY301 - turned into our own below
            entries = (choice.get("logprobs") or {}).get("content") or ()
            logprob = sum(float(entry["logprob"]) for entry in entries) if entries else None
            yield answers.Piece(text, logprob), reason
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise errors.ModelUnavailableError(
            "The model said something that is no answer. Try again in a few seconds.",
            detail=f"a stream event has another shape: {type(error).__name__}: {error}",
            retry_after_s=2,
            begun=True,
        ) from error
