"""Whatever speaks OpenAI's API: OpenAI itself, Ollama, vLLM, llama-server, LM Studio, and our own model process."""

from typing import Any

from council.backends.model_provider import http
from council.domain import config as config_module
from council.domain import errors, providers

_FORMS = frozenset({"chat", "completions", "embeddings"})


class OpenAIProvider(http.HttpProvider):
    """Implements ports.ModelProvider."""

    def __init__(
        self, provider: providers.Provider, key: str | None, calls: config_module.CallsConfig, probe: str = ""
    ):
        """Use the server at `provider.url`, with `key` if it wants one."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        super().__init__(provider, headers, _FORMS | set(provider.forms), calls, probe)


class LocalModel(OpenAIProvider):
    """The model's own process on this machine. Asks whether it is there before each call, since its port is always open."""

    def __init__(self, provider: providers.Provider, key: str, calls: config_module.CallsConfig):
        super().__init__(provider, key, calls, probe="/readyz")

    def error(self, what: str, *, detail: str = "", begun: bool = False, **_: Any) -> errors.ModelUnavailableError:
        """Return the error that says that the model is away; the supervisor starts it again, so trying at once is no use."""
        return errors.ModelUnavailableError(
            "The local model is not available; it may be starting again. Try again in a few seconds.",
            detail=detail or what,
            retry_after_s=2,
            begun=begun,
        )
