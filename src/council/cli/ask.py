"""ask: one question to the running service, the answer as it comes."""

import asyncio
import http.client
import ssl
import sys
from collections.abc import Iterator
from typing import Any

import click
import orjson

from council import app
from council.cli import options
from council.domain import config as config_module
from council.domain import errors
from council.domain import home as home_module

_TIMEOUT_S = 300.0
_MARKS = {True: "verified", False: "unverified"}


@click.command()
@click.argument("question", nargs=-1, required=True)
@click.option("--model", default="council", show_default=True, help="council, council/ROUTE, or a model by name.")
@click.option("--explain", is_flag=True, help="Show route, evidence, timings and cost.")
@options.port
@options.home
@options.as_json
def ask(
    question: tuple[str, ...], model: str, explain: bool, port: int | None, where: home_module.Home, as_json: bool
) -> None:
    """Ask the running service a QUESTION."""
    text = sys.stdin.read() if question == ("-",) else " ".join(question)
    config = options.config_of(where, port)
    council: dict[str, Any] = {}
    parts: list[str] = []
    for chunk in _stream(config, _token(where, config), model, text):
        if "error" in chunk:
            raise _failure(chunk["error"], 503)
        council = chunk.get("council", council)
        for choice in chunk["choices"]:
            part = choice["delta"].get("content") or ""
            parts.append(part)
            if not as_json:
                click.echo(part, nl=False)
    if not council:
        raise errors.ModelUnavailableError("The answer broke off. Ask again; `council status` shows what happened.")
    if as_json:
        options.print_json({"answer": "".join(parts), "council": council})
        return
    click.echo("\n")
    _explain(council) if explain else click.echo(_badge(council))


def _badge(council: dict[str, Any]) -> str:
    mark = "refused" if council["refused"] else _MARKS[council["verified"]]
    return f"[{council['specialist']}, {mark}: {council['evidence']['summary']}]"


def _explain(council: dict[str, Any]) -> None:
    evidence = council["evidence"]
    rows: list[tuple[str, str]] = [
        ("Specialist", council["specialist"]),
        ("Verified", f"{'yes' if council['verified'] else 'no'} (level {evidence['level']})"),
        ("Evidence", evidence["summary"]),
        ("Confidence", f"{council['confidence']:.2f}"),
        ("Route", "; ".join(council["route_reasons"]) or "nothing special seen"),
    ]
    rows += [("Passed on", f"{name}: {reason}") for name, reason in council["passed_on"].items()]
    rows += [("Degraded", note) for note in council["degraded"]]
    rows += _detail(evidence["detail"])
    timings = ", ".join(f"{stage} {took_ms:g} ms" for stage, took_ms in council["timings_ms"].items())
    tokens = council["tokens"]
    rows += [
        ("Timings", timings),
        ("Tokens", f"{tokens['prompt']} in, {tokens['completion']} out, model {council['model'] or 'none'}"),
        ("Cost", f"{council['cost_usd_micros']} micro-dollars, escalated: {'yes' if council['escalated'] else 'no'}"),
        ("Generation", council["generation"][:8]),
        ("Request", council["request_id"]),
    ]
    width = max(len(name) for name, _ in rows) + 2
    for name, text in rows:
        head, *rest = text.split("\n")
        click.echo(f"{name:<{width}}{head}")
        for line in rest:
            click.echo(f"{'':<{width}}{line}")


def _detail(detail: dict[str, Any]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in detail.items():
        text = value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
        if value:
            rows.append((name.replace("_", " ").capitalize(), text))
    return rows


def _token(where: home_module.Home, config: config_module.Config) -> str | None:
    """Return the admin token, None where the port may be somebody else's: whoever listens there would get it."""
    try:
        token = where.token_file.read_text().strip()
    except OSError:
        return None
    return token if _is_ours(where, config.port) else None


def _is_ours(where: home_module.Home, port: int) -> bool:
    """Return whether this home's supervisor answers, and runs its gateway on `port`."""
    try:
        rows = asyncio.run(app.runtime(where).status())
        noted = orjson.loads((where.run / "targets.json").read_bytes())
        ports = {
            target.rpartition(":")[2] for one in noted if one["labels"]["svc"] == "gateway" for target in one["targets"]
        }
    except (errors.CouncilError, OSError, ValueError, KeyError, TypeError):
        return False
    running = any(row.name.partition(":")[0] == "gateway" and row.pid is not None for row in rows)
    return running and str(port) in ports


def _stream(config: config_module.Config, token: str | None, model: str, text: str) -> Iterator[dict[str, Any]]:
    # An argument that is not UTF-8 comes with lone surrogates, which JSON cannot hold.
    text = text.encode("utf-8", "replace").decode()
    body = orjson.dumps({"model": model, "messages": [{"role": "user", "content": text}], "stream": True})
    headers = {"content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
    connection = _connection(config)
    try:
        connection.request("POST", "/v1/chat/completions", body, headers)
        response = connection.getresponse()
        if response.status != 200:
            raise _failure(_error_of(response.read()), response.status)
        for line in response:
            if line.startswith(b"data: ") and line.strip() != b"data: [DONE]":
                yield _chunk(line[6:])
    except ConnectionRefusedError as error:
        raise errors.SupervisorUnavailableError(
            f"Nothing answers on port {config.port}. Start Council with `council up`, or give its --port."
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise errors.ModelUnavailableError(f"The connection broke: {type(error).__name__}. Ask again.") from error
    finally:
        connection.close()


_WILDCARDS = frozenset({"0.0.0.0", "::", ""})


def _connection(config: config_module.Config) -> http.client.HTTPConnection:
    gateway = config.gateway
    host = "127.0.0.1" if gateway.host in _WILDCARDS else gateway.host
    if not gateway.tls_cert_file:
        return http.client.HTTPConnection(host, config.port, timeout=_TIMEOUT_S)
    # The certificate names the service to others; we know it by the file itself.
    context = ssl.create_default_context(cafile=gateway.tls_cert_file)
    context.check_hostname = False
    return http.client.HTTPSConnection(host, config.port, timeout=_TIMEOUT_S, context=context)


_STRANGE = "The service answered with something that is not an answer. Is it Council on this port?"


def _chunk(raw: bytes) -> dict[str, Any]:
    try:
        chunk = orjson.loads(raw)
    except orjson.JSONDecodeError:
        chunk = None
    if not isinstance(chunk, dict) or not ("error" in chunk or "choices" in chunk):
        raise errors.UnavailableError(_STRANGE)
    return chunk


def _error_of(raw: bytes) -> dict[str, Any]:
    try:
        error = orjson.loads(raw)["error"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        error = None
    return error if isinstance(error, dict) else {"message": _STRANGE}


def _failure(error: dict[str, Any], status: int) -> errors.CouncilError:
    kinds: dict[int, type[errors.CouncilError]] = {401: errors.UnauthenticatedError, 403: errors.ForbiddenError}
    fallback = errors.UnavailableError if status >= 500 else errors.InvalidRequestError
    return kinds.get(status, fallback)(str(error.get("message", "Unknown error.")))
