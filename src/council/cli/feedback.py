"""feedback: what you think of an answer, told to the running service."""

import click

from council.cli import calls, options
from council.domain import answers, learning
from council.domain import home as home_module

_TIMEOUT_S = 30.0
_REPLY_BYTES_MAX = 64 * 1024


@click.command()
@click.argument("verdict", type=click.Choice([one.value for one in learning.Verdict]))
@click.argument("request_id")
@click.option(
    "--route", type=click.Choice([one.value for one in answers.Route]), help="Where the question belonged, if you know."
)
@click.option("--words", default="", help="What is good or bad about it, for whoever administers Council to read.")
@options.running_port
@options.home
@options.as_json
def feedback(
    verdict: str,
    request_id: str,
    route: str | None,
    words: str,
    port: int | None,
    where: home_module.Home,
    as_json: bool,
) -> None:
    """Say what you think of the answer REQUEST_ID, which `council ask --explain` shows. Needs `learning: true`."""
    body = {"request_id": request_id.strip().upper(), "verdict": verdict, **({"route": route} if route else {})}
    body |= {"words": words} if words else {}
    reply = calls.call(
        where,
        calls.config_of(where, port),
        "POST",
        "/api/feedback",
        body,
        timeout_s=_TIMEOUT_S,
        reply_bytes_max=_REPLY_BYTES_MAX,
    )
    if as_json:
        options.print_json(reply)
        return
    click.echo(
        f"Kept: {verdict}{f', belongs to {route}' if route else ''}. `council router eval` shows what it taught."
    )
