"""HTTP to the running service: where it is, the owner's token, and its errors as ours."""

import asyncio
import http.client
import os
import ssl
from typing import Any

import orjson

from council import care_app
from council.cli import options
from council.domain import config as config_module
from council.domain import errors
from council.domain import home as home_module

STRANGE = "The service answered with something that is not an answer. Is it Council on this port?"
_WILDCARDS = frozenset({"0.0.0.0", "::", ""})


def call(
    where: home_module.Home,
    config: config_module.Config,
    method: str,
    path: str,
    body: Any = None,
    *,
    timeout_s: float,
    reply_bytes_max: int,
) -> dict[str, Any]:
    """Make one call with the owner's token; return the JSON object that answers it. A body of bytes goes as it is.

    Raises SupervisorUnavailableError when nothing listens, UnavailableError, and what the service's error stands for.
    """
    connection = connect(config, timeout_s)
    try:
        raw_body = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
        connection.request(method, path, raw_body, headers(token(where, config)))
        with connection.getresponse() as response:
            status, raw = response.status, response.read(reply_bytes_max + 1)
    except ConnectionRefusedError as error:
        raise nobody_there(config) from error
    except (OSError, http.client.HTTPException) as error:
        raise errors.UnavailableError(f"The connection broke: {type(error).__name__}. Try again.") from error
    finally:
        connection.close()
    if status >= 400:
        raise failure(error_of(raw), status)
    if len(raw) > reply_bytes_max:
        raise errors.UnavailableError(f"The reply is over {reply_bytes_max} bytes. Let the job give back less.")
    return object_of(raw) if raw else {}


def config_of(where: home_module.Home, port: int | None) -> config_module.Config:
    """Return the settings in force, for a client: where neither flag nor variable names a port, the running service's.

    Whoever asks what runs changes nothing by a damaged file; see `options.known_config`.
    """
    if port is None and f"{config_module.ENVIRONMENT_PREFIX}PORT" not in os.environ:
        port = min(noted_ports(where), default=None)
    return options.known_config(where, port)


def token(where: home_module.Home, config: config_module.Config) -> str | None:
    """Return the admin token, None where the port may be somebody else's: whoever listens there would get it."""
    try:
        found = where.token_file.read_text().strip()
    except OSError:
        return None
    return found if is_ours(where, config.port) else None


def is_ours(where: home_module.Home, port: int, service: str = "gateway") -> bool:
    """Return whether this home's supervisor answers, and runs a service with `port` as the base port."""
    try:
        rows = asyncio.run(care_app.runtime(where).status())
    except errors.CouncilError:
        return False
    running = any(row.name.partition(":")[0] == service and row.pid is not None for row in rows)
    return running and port in noted_ports(where)


def noted_ports(where: home_module.Home) -> set[int]:
    """Return the ports on which the supervisor of this home runs its gateway, or did when it was killed."""
    try:
        noted = orjson.loads(where.targets_file.read_bytes())
        found = [target for one in noted if one["labels"]["svc"] == "gateway" for target in one["targets"]]
        return {int(target.rpartition(":")[2]) for target in found}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


def headers(secret: str | None) -> dict[str, str]:
    """Return the headers of a JSON request."""
    return {"content-type": "application/json", **({"authorization": f"Bearer {secret}"} if secret else {})}


def connect(config: config_module.Config, timeout_s: float) -> http.client.HTTPConnection:
    """Return a connection to the gateway, which is made with the first request."""
    context = _tls(config)
    if context is None:
        return http.client.HTTPConnection(_host(config), config.port, timeout=timeout_s)
    return http.client.HTTPSConnection(_host(config), config.port, timeout=timeout_s, context=context)


def address(config: config_module.Config) -> tuple[str, ssl.SSLContext | None]:
    """Return where the gateway answers, for clients that make many connections, and by what its certificate is known."""
    context, host = _tls(config), _host(config)
    shown = f"[{host}]" if ":" in host else host
    return f"{'http' if context is None else 'https'}://{shown}:{config.port}", context


def _host(config: config_module.Config) -> str:
    return "127.0.0.1" if config.gateway.host in _WILDCARDS else config.gateway.host


def _tls(config: config_module.Config) -> ssl.SSLContext | None:
    if not config.gateway.tls_cert_file:
        return None
    # The certificate names the service to others; we know it by the file itself.
    context = ssl.create_default_context(cafile=config.gateway.tls_cert_file)
    context.check_hostname = False
    return context


def nobody_there(config: config_module.Config) -> errors.SupervisorUnavailableError:
    """Return the error for a port on which nothing listens."""
    return errors.SupervisorUnavailableError(
        f"Nothing answers on port {config.port}. Start Council with `council up`, or give its --port."
    )


def object_of(raw: bytes) -> dict[str, Any]:
    """Return the JSON object. Raises UnavailableError where it is something else."""
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise errors.UnavailableError(STRANGE)
    return found


def error_of(raw: bytes) -> dict[str, Any]:
    """Return what stands under `error` in a reply, a message about it where nothing does."""
    try:
        error = orjson.loads(raw)["error"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        error = None
    return error if isinstance(error, dict) else {"message": STRANGE}


_BY_CODE: dict[str, type[errors.CouncilError]] = {
    errors.NotFoundError.code: errors.NotFoundError,
    errors.OverloadedError.code: errors.UnavailableError,
}
_BY_STATUS: dict[int, type[errors.CouncilError]] = {401: errors.UnauthenticatedError, 403: errors.ForbiddenError}


def failure(error: dict[str, Any], status: int) -> errors.CouncilError:
    """Return our error for one of the service's."""
    fallback = errors.UnavailableError if status >= 500 else errors.InvalidRequestError
    kind = _BY_CODE.get(str(error.get("code"))) or _BY_STATUS.get(status, fallback)
    return kind(str(error.get("message", "Unknown error.")))
