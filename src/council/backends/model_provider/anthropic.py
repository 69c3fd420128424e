"""Anthropic's API. Its own wire form passes as it is; chat completions are put into it, and its answers back."""

import time
from collections.abc import Sequence

import orjson

from council import ports
from council.backends.model_provider import anthropic_form, forms, http
from council.domain import config as config_module
from council.domain import errors, providers

_VERSION = "2023-06-01"
_DONE = ports.ModelEvent(b"data: [DONE]\n\n", {}, done=True)


class AnthropicProvider(http.HttpProvider):
    """Implements ports.ModelProvider."""

    def __init__(self, provider: providers.Provider, key: str | None, calls: config_module.CallsConfig):
        """Use the server at `provider.url`, with `key` if it wants one."""
        headers = {"anthropic-version": _VERSION, **({"x-api-key": key} if key else {})}
        super().__init__(provider, headers, frozenset({"messages"}), calls)

    @property
    def forms(self) -> frozenset[str]:
        """The wire forms that it takes."""
        return frozenset({"messages", "chat"})

    async def whole(self, call: ports.ModelCall) -> ports.ModelReply:
        """Return the whole reply. Raises as ports.ModelProvider says, and UnsupportedParameterError."""
        if call.form == "messages":
            return await super().whole(call)
        reply = await super().whole(_translated(call))
        try:
            data = anthropic_form.completion(reply.data, int(time.time()))
        except (KeyError, TypeError, ValueError) as error:
            raise self._other_shape(error) from error
        return ports.ModelReply(orjson.dumps(data), data, reply.usage)

    async def open(self, call: ports.ModelCall) -> ports.ModelStream:
        """Return a stream whose answer has begun. Raises as ports.ModelProvider says, and UnsupportedParameterError."""
        if call.form == "messages":
            return await super().open(call)
        return _ChatStream(self, await super().open(_translated(call)))

    def _other_shape(self, error: Exception) -> errors.ModelUnavailableError:
        detail = f"{type(error).__name__}: {error}"[:300]
        return self.error("did not send a reply (another shape)", detail=detail, begun=True)

    def not_one(self, error: Exception) -> errors.ModelUnavailableError:
        """Return the error of an event that cannot be put into the other form."""
        return self._other_shape(error)


def _translated(call: ports.ModelCall) -> ports.ModelCall:
    body = anthropic_form.request(call.body, str(call.body["model"]), call.tokens_max)
    return ports.ModelCall("messages", body, call.request_id, call.tokens_max, call.headers)


class _ChatStream:
    """Anthropic's events as chunks of chat completions. Implements ports.ModelStream."""

    def __init__(self, server: AnthropicProvider, stream: ports.ModelStream):
        self._server = server
        self._stream = stream
        self._chunks = anthropic_form.Chunks(int(time.time()))

    async def read(self) -> Sequence[ports.ModelEvent]:
        """Return the events that have come, none at the end."""
        while found := await self._stream.read():
            try:
                events = [event for one in found for event in self._events(one)]
            except (KeyError, TypeError, ValueError) as error:
                raise self._server.not_one(error) from error
            if events:
                return events
        return ()

    def _events(self, event: ports.ModelEvent) -> list[ports.ModelEvent]:
        """Return one event's chunks; its usage is on the first, or on one that says nothing else."""
        made = [
            ports.ModelEvent(
                b"data: " + orjson.dumps(chunk) + b"\n\n",
                chunk,
                forms.usage_of("chat", chunk),
                forms.ends("chat", chunk),
            )
            for chunk in self._chunks.feed(event.data)
        ]
        return [*made, _DONE] if event.done else made

    async def close(self) -> None:
        """Close the connection unless the answer ended."""
        await self._stream.close()
