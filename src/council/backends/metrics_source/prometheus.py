"""MetricsSource kind `prometheus`: a Prometheus server, asked one question a gate over its HTTP API.

A server that is away, slow or wrong makes gates unknown, with the reason; it raises nothing. What is asked and how its answer
reads come in as functions, since back ends and the stages of upkeep are strangers.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import aiohttp
import orjson
import yarl
from aiohttp import http_exceptions

from council.domain import gates

_FAULTS = (aiohttp.ClientError, http_exceptions.HttpProcessingError, OSError)
_BODY_BYTES_MAX = 1 << 20
_READ_BYTES = 64 * 1024
_ROWS_MAX = 10_000
_AT_ONCE = 4
_TEXT_CHARS_MAX = 200

Row = tuple[Mapping[str, str], float]


class PrometheusSource:
    """care_ports.MetricsSource. `answer_s` bounds each turn altogether."""

    name = "prometheus"

    def __init__(
        self,
        url: str,
        answer_s: float,
        question: Callable[[gates.Gate], str],
        reading: Callable[[gates.Gate, Sequence[Row]], gates.Measured],
    ):
        address = yarl.URL(url)
        self._query = address / "api/v1/query"
        # A password in the address is for the server alone.
        self._shown = str(address.with_user(None) if address.user else address)
        self._answer_s = answer_s
        self._question = question
        self._reading = reading
        self._session: aiohttp.ClientSession | None = None
        self.problem = ""

    async def measure(self, judged: Sequence[gates.Gate], now_s: float) -> list[gates.Measured]:
        """Return what the server knows of each gate at a time, in their order."""
        turns = asyncio.Semaphore(_AT_ONCE)
        until_s = asyncio.get_running_loop().time() + self._answer_s
        problems: list[str] = []
        found = await asyncio.gather(*(self._one(gate, now_s, turns, until_s, problems) for gate in judged))
        self.problem = problems[0] if problems else ""
        return list(found)

    async def close(self) -> None:
        """Close every connection. Idempotent."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _one(
        self, gate: gates.Gate, now_s: float, turns: asyncio.Semaphore, until_s: float, problems: list[str]
    ) -> gates.Measured:
        if gate.not_applicable:
            return gates.Measured(None, reason=gate.not_applicable)
        try:
            async with asyncio.timeout_at(until_s), turns:
                return self._reading(gate, await self._asked(self._question(gate), now_s))
        except TimeoutError:
            what = f"did not answer within {self._answer_s:g} s"
        except _FAULTS as error:
            what = f"cannot be reached ({type(error).__name__})"
        except _AnswerError as error:
            what = str(error)
        problems.append(f"the Prometheus at {self._shown} {what}")
        return gates.Measured(None, reason=problems[-1])

    async def _asked(self, query: str, now_s: float) -> list[Row]:
        form = {"query": query, "time": f"{now_s:.3f}"}
        async with self._opened().post(self._query, data=form, allow_redirects=False) as response:
            body = bytearray()
            async for block in response.content.iter_chunked(_READ_BYTES):
                body += block
                if len(body) > _BODY_BYTES_MAX:
                    raise _AnswerError(f"sends more than {_BODY_BYTES_MAX:,} bytes")
        try:
            answer = orjson.loads(bytes(body))
        except orjson.JSONDecodeError:
            raise _AnswerError(f"answers with status {response.status} and no JSON") from None
        if response.status != 200 or not isinstance(answer, dict) or answer.get("status") != "success":
            told = answer.get("error") if isinstance(answer, dict) else None
            raise _AnswerError(f"refuses the question with status {response.status}: {_cut(str(told or 'no reason'))}")
        return _rows(answer)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._answer_s)
            self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
        return self._session


class _AnswerError(Exception):
    """The server answered, but not the question."""


def _rows(answer: Mapping[str, Any]) -> list[Row]:
    try:
        result = answer["data"]["result"]
        if answer["data"]["resultType"] != "vector" or len(result) > _ROWS_MAX:
            raise _AnswerError("sends no answer to what was asked")
        return [
            ({str(name): str(value) for name, value in row["metric"].items()}, float(row["value"][1])) for row in result
        ]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise _AnswerError(f"sends an answer that cannot be read ({type(error).__name__})") from error


def _cut(text: str) -> str:
    return " ".join(text.split())[:_TEXT_CHARS_MAX]
