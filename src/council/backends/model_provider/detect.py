"""Looks for servers of models that run on this machine already. Loopback only, within bounded time and bytes.

Whatever listens on such a port may answer anything, so each kind is known by an answer that only it gives, and everything
else counts as nobody there.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

_WHOLE_S = 2.0
_REPLY_BYTES_MAX = 1024 * 1024
_MODELS_MAX = 500
_NAME_CHARS_MAX = 200
_VLLM_PORTS = (8000, 8100)


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers. `kind` is its name among the presets of `council providers add`."""

    kind: str
    url: str
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a kind of server usually listens."""

    kind: str
    port: int


PLACES = (
    Place("ollama", 11434),
    Place("llama-server", 8080),
    *(Place("vllm", port) for port in _VLLM_PORTS),
    Place("lmstudio", 1234),
)


def find(places: Iterable[Place] = PLACES, whole_s: float = _WHOLE_S) -> list[Server]:
    """Return the servers that answer, in the order of `places`. Never raises; takes `whole_s` at most."""
    return asyncio.run(look(places, whole_s))


async def look(places: Iterable[Place] = PLACES, whole_s: float = _WHOLE_S) -> list[Server]:
    """As `find`, inside a running loop."""
    # No cookies, no proxies, no redirects: only what is on this machine is asked.
    timeout = aiohttp.ClientTimeout(total=whole_s)
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False) as session:
        found = await asyncio.gather(*(_ask(session, place) for place in places))
    return [server for server in found if server is not None]


async def _ask(session: aiohttp.ClientSession, place: Place) -> Server | None:
    base = f"http://127.0.0.1:{place.port}"
    models = await _ASKED[place.kind](session, base)
    return None if models is None else Server(place.kind, f"{base}/v1", models)


async def _ollama(session: aiohttp.ClientSession, base: str) -> tuple[str, ...] | None:
    return _names(await _get(session, f"{base}/api/tags"), "models", "name")


async def _llama_server(session: aiohttp.ClientSession, base: str) -> tuple[str, ...] | None:
    listed = await _get(session, f"{base}/v1/models")
    names = _names(listed, "data", "id")
    if names is None or _owners(listed) == {"llamacpp"}:
        return names
    # Without a model, or behind another name, its own page of properties tells.
    properties = await _get(session, f"{base}/props")
    return names if isinstance(properties, dict) and "default_generation_settings" in properties else None


async def _vllm(session: aiohttp.ClientSession, base: str) -> tuple[str, ...] | None:
    # Its usual port is Council's own, and many servers have the same list: what it says of itself must fit too.
    listed = await _get(session, f"{base}/v1/models")
    names = _names(listed, "data", "id")
    if not names or "vllm" not in _owners(listed):
        return None
    version = await _get(session, f"{base}/version")
    return names if isinstance(version, dict) and isinstance(version.get("version"), str) else None


async def _lmstudio(session: aiohttp.ClientSession, base: str) -> tuple[str, ...] | None:
    # Its own list, because it answers 200 with an error to paths that it does not know.
    own = await _get(session, f"{base}/api/v0/models")
    listed = own.get("data") if isinstance(own, dict) else None
    if not isinstance(listed, list) or not all(isinstance(one, dict) and "state" in one for one in listed):
        return None
    return _names(own, "data", "id")


_ASKED = {"ollama": _ollama, "llama-server": _llama_server, "vllm": _vllm, "lmstudio": _lmstudio}


def _names(reply: Any, key: str, name: str) -> tuple[str, ...] | None:
    """Return the printable names in a list of objects, None where the reply is not of that shape."""
    rows = reply.get(key) if isinstance(reply, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return None
    texts = [row[name] for row in rows[:_MODELS_MAX] if isinstance(row.get(name), str)]
    if rows and not texts:
        return None
    return tuple(text[:_NAME_CHARS_MAX] for text in texts if text.isprintable())


def _owners(reply: Any) -> set[str]:
    return {str(row.get("owned_by")) for row in reply["data"][:_MODELS_MAX]}


async def _get(session: aiohttp.ClientSession, url: str) -> Any:
    """Return the JSON behind an address, None for anything else."""
    try:
        async with session.get(url, allow_redirects=False) as response:
            if response.status != 200:
                return None
            raw = bytearray()
            async for part in response.content.iter_chunked(64 * 1024):
                raw += part
                if len(raw) > _REPLY_BYTES_MAX:
                    return None
            return orjson.loads(raw)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return None
