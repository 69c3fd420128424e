"""Advisor kind `http`: a model by its name, through the gateway of this machine, with its budgets and its ledger."""

import http.client
import ssl
from typing import Any

import orjson

from council.domain import errors

_REPLY_BYTES_MAX = 1024 * 1024
_OK = 200


class HttpAdvisor:
    """Implements care_ports.Advisor. `token` "" is for a gateway that lets loopback chat without one."""

    def __init__(self, url: str, token: str = ""):
        """`url` is the gateway's, `https://` where it speaks TLS."""
        scheme, _, rest = url.partition("://")
        self._is_tls = scheme == "https"
        self._place = rest.rstrip("/")
        self._token = token

    def ask(self, model: str, prompt: str, tokens_max: int, limit_s: float) -> str:
        """Return what the model says to a prompt."""
        body = {
            "model": model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": tokens_max,
            "temperature": 0,
        }
        headers = {"content-type": "application/json"}
        if self._token:
            headers["authorization"] = f"Bearer {self._token}"
        connection = self._connection(limit_s)
        try:
            connection.request("POST", "/v1/chat/completions", orjson.dumps(body), headers)
            response = connection.getresponse()
            told: Any = orjson.loads(response.read(_REPLY_BYTES_MAX))
            if response.status != _OK:
                raise _away(f"status {response.status}")
            return str(told["choices"][0]["message"]["content"])
        except (OSError, http.client.HTTPException, ValueError, KeyError, IndexError, TypeError) as error:
            raise _away(type(error).__name__) from error
        finally:
            connection.close()

    def _connection(self, limit_s: float) -> http.client.HTTPConnection:
        if not self._is_tls:
            return http.client.HTTPConnection(self._place, timeout=limit_s)
        # Its certificate names the public host and not loopback; the supervisor holds the port.
        unchecked = ssl._create_unverified_context()  # noqa: S323
        return http.client.HTTPSConnection(self._place, timeout=limit_s, context=unchecked)


def _away(why: str) -> errors.ModelUnavailableError:
    return errors.ModelUnavailableError(
        f"The model that drafts did not answer ({why}). `council models list` shows what may be asked; see `bots.model`.",
        retryable=True,
    )
