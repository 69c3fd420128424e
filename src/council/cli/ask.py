"""ask: one question to the running service, the answer as it comes."""

import http.client
import sys
from collections.abc import Iterator
from typing import Any

import click
import orjson

from council.cli import calls, options
from council.domain import config as config_module
from council.domain import errors
from council.domain import home as home_module
from council.kit import unseen

_TIMEOUT_S = 300.0
_MARKS = {True: "verified", False: "unverified"}


@click.command()
@click.argument("question", nargs=-1, required=True)
@click.option("--model", default="council", show_default=True, help="council, council/ROUTE, or a model by name.")
@click.option("--explain", is_flag=True, help="Show route, evidence, timings and cost.")
@options.running_port
@options.home
@options.as_json
def ask(
    question: tuple[str, ...], model: str, explain: bool, port: int | None, where: home_module.Home, as_json: bool
) -> None:
    """Ask the running service a QUESTION."""
    text = sys.stdin.read() if question == ("-",) else " ".join(question)
    if not text.strip():
        raise errors.InvalidRequestError(
            'The question is empty. Ask something, as `council ask "What is 17% of 200?"`.'
        )
    config = calls.config_of(where, port)
    council: dict[str, Any] = {}
    parts: list[str] = []
    for chunk in _stream(config, calls.token(where, config), model, text):
        if "error" in chunk:
            raise calls.failure(chunk["error"], 503)
        council = chunk.get("council", council)
        for choice in chunk["choices"]:
            part = choice["delta"].get("content") or ""
            parts.append(part)
            if not as_json:
                click.echo(unseen.for_terminal(part), nl=False)
    if not council:
        raise errors.ModelUnavailableError("The answer broke off. Ask again; `council status` shows what happened.")
    if as_json:
        options.print_json({"answer": "".join(parts), "council": council})
        return
    click.echo("\n")
    _explain(council) if explain else click.echo(_badge(council))


def _badge(council: dict[str, Any]) -> str:
    mark = "refused" if council["refused"] else _MARKS[council["verified"]]
    return unseen.for_terminal(f"[{council['specialist']}, {mark}: {council['evidence']['summary']}]")


def _explain(council: dict[str, Any]) -> None:
    evidence = council["evidence"]
    rows: list[tuple[str, str]] = [
        ("Specialist", council["specialist"]),
        ("Verified", f"{'yes' if council['verified'] else 'no'} (level {evidence['level']})"),
        ("Evidence", evidence["summary"]),
        ("Confidence", f"{council['confidence']:.2f}"),
        ("Route", "; ".join(council["route_reasons"]) or "nothing special seen"),
    ]
    rows += _way(council)
    rows += [("Degraded", note) for note in council["degraded"]]
    rows += _detail(evidence["detail"])
    timings = ", ".join(f"{stage} {took_ms:g} ms" for stage, took_ms in council["timings_ms"].items())
    tokens = council["tokens"]
    rows += [
        ("Timings", timings),
        ("Tokens", f"{tokens['prompt']} in, {tokens['completion']} out, model {council['model'] or 'none'}"),
        ("Cost", f"{council['cost_usd_micros']} micro-dollars"),
        ("Generation", council["generation"][:8] + (f", made by cid:{cid}" if (cid := council.get("cid")) else "")),
        ("Request", council["request_id"]),
    ]
    options.print_rows([(name, unseen.for_terminal(text)) for name, text in rows])


def _way(council: dict[str, Any]) -> list[tuple[str, str]]:
    """Return who passed the question on and whether it was escalated, each with its why; an older gateway tells less."""
    evidence = council["evidence"]
    if "escalation" not in evidence:
        rows = [("Passed on", f"{name}: {reason}") for name, reason in council["passed_on"].items()]
        return [*rows, ("Escalated", "yes" if council["escalated"] else "no")]
    rows = [("Passed on", f"{one['by']}: {one['words']} ({one['reason']})") for one in evidence["passed_on"]]
    told = evidence["escalation"]
    model = f", to {told['model']}" if told["escalated"] else ""
    more = f" ({told['reason']})" if told["reason"] else ""
    return [*rows, ("Escalated", f"{'yes' if told['escalated'] else 'no'}{model}: {told['words']}{more}")]


def _detail(detail: dict[str, Any]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in detail.items():
        if value:
            rows.append((name.replace("_", " ").capitalize(), _shown(value)))
    return rows


def _shown(value: Any) -> str:
    """Return texts as lines, and whatever is no text as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(value)
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _stream(config: config_module.Config, token: str | None, model: str, text: str) -> Iterator[dict[str, Any]]:
    # An argument that is not UTF-8 comes with lone surrogates, which JSON cannot hold.
    text = text.encode("utf-8", "replace").decode()
    body = orjson.dumps({"model": model, "messages": [{"role": "user", "content": text}], "stream": True})
    connection = calls.connect(config, _TIMEOUT_S)
    try:
        connection.request("POST", "/v1/chat/completions", body, calls.headers(token))
        response = connection.getresponse()
        if response.status != 200:
            raise calls.failure(calls.error_of(response.read()), response.status)
        for line in response:
            if line.startswith(b"data: ") and line.strip() != b"data: [DONE]":
                yield _chunk(line[6:])
    except ConnectionRefusedError as error:
        raise calls.nobody_there(config) from error
    except (OSError, http.client.HTTPException) as error:
        raise errors.ModelUnavailableError(f"The connection broke: {type(error).__name__}. Ask again.") from error
    finally:
        connection.close()


def _chunk(raw: bytes) -> dict[str, Any]:
    chunk = calls.object_of(raw)
    if not ("error" in chunk or "choices" in chunk):
        raise errors.UnavailableError(calls.STRANGE)
    return chunk
