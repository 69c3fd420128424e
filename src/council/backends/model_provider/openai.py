"""Whatever speaks OpenAI's API: OpenAI itself, Ollama, vLLM, llama-server, LM Studio, and our own model process."""

import dataclasses
import math
import time
from pathlib import Path
from typing import Any

import orjson

from council import ports
from council.backends.model_provider import gather, http
from council.domain import config as config_module
from council.domain import errors, providers

_FORMS = frozenset({"chat", "completions", "embeddings"})
# While another model takes the place of this one: it may be there long before it must be.
_AGAIN_S_MAX = 10


class OpenAIProvider(http.HttpProvider):
    """Implements ports.ModelProvider."""

    def __init__(
        self,
        provider: providers.Provider,
        key: str | None,
        calls: config_module.CallsConfig,
        probe: str = "",
        path: Path | None = None,
    ):
        """Use the server at `provider.url`, with `key` if it wants one."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        super().__init__(provider, headers, _FORMS | set(provider.forms), calls, probe, path)


class LocalModel(OpenAIProvider):
    """The model's own process on this machine. Asks whether it is there before each call, since its port is always open."""

    def __init__(
        self, provider: providers.Provider, key: str, calls: config_module.CallsConfig, path: Path | None = None
    ):
        """Reach it over the Unix socket at `path`, if one is given: of two models the one of our own generation."""
        super().__init__(provider, key, calls, probe="/readyz", path=path)
        self._away_until_s = 0.0

    @property
    def forms(self) -> frozenset[str]:
        """The only wire form that it takes."""
        return frozenset({"chat"})

    def stand_aside(self, away_s: float) -> None:
        """Refuse at once what is asked within so many seconds; 0: no more. For the socket takes connections all the same."""
        self._away_until_s = time.monotonic() + away_s if away_s else 0.0

    async def ping(self) -> None:
        """Return if it is there. Raises ModelUnavailableError."""
        left_s = self._away_until_s - time.monotonic()
        if left_s > 0:
            again_s = min(_AGAIN_S_MAX, math.ceil(left_s))
            raise errors.ModelUnavailableError(
                "A patch puts another local model into the place of this one, and there is no memory for both at once. "
                f"Specialists that need none go on to answer; try again in {again_s} s.",
                detail="the model is stopped for a patch",
                retry_after_s=again_s,
            )
        await super().ping()

    async def whole(self, call: ports.ModelCall) -> ports.ModelReply:
        """Return the whole of what it streams, for it can do nothing else. Raises as ports.ModelProvider says."""
        body = {**call.body, "stream": True, "stream_options": {"include_usage": True}}
        stream = await self.open(dataclasses.replace(call, body=body))
        gathered, usage = gather.Gathered(), None
        try:
            while events := await stream.read():
                for event in events:
                    usage = event.usage or usage
                    if not event.done:
                        gathered.add(event.data)
            data = gathered.completion()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self.error("did not send a reply", detail=f"{type(error).__name__}: {error}", begun=True) from error
        finally:
            await stream.close()
        return ports.ModelReply(orjson.dumps(data), data, usage)

    def error(self, what: str, *, detail: str = "", begun: bool = False, **_: Any) -> errors.ModelUnavailableError:
        """Return the error that says that the model is away, or too slow; the supervisor starts again one that ended."""
        message = "The local model is not available; it may be starting again. Try again in a few seconds."
        if what == http.LATE:
            message = (
                "The local model did not answer in time: it is busy, or the prompt is long for this machine. Try again, ask "
                "something shorter, or raise `model.stall_s`."
            )
        return errors.ModelUnavailableError(
            message,
            detail=detail or what,
            retry_after_s=2,
            begun=begun,
        )
