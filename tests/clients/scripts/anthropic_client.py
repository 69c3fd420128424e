"""The `anthropic` package: a model that speaks its form natively, one that is translated, and the cascade."""

from typing import Any

import anthropic
import httpx2
from scenarios import LIMITED, TOKEN, URL, attempt, main, scenario

client = anthropic.Anthropic(base_url=URL, api_key=TOKEN, max_retries=0)
HELLO: Any = [{"role": "user", "content": "one two three"}]
WEATHER: Any = {
    "name": "weather",
    "description": "Tell the weather.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
MODELS = ("claude", "gpt")


@scenario
def messages() -> Any:
    told = {}
    for model in MODELS:
        made = client.messages.create(model=model, max_tokens=50, messages=HELLO, system="four")
        text = "".join(block.text for block in made.content if block.type == "text")
        told[model] = {
            "text": text, "stop": made.stop_reason, "usage": [made.usage.input_tokens, made.usage.output_tokens],
            "request_id": made._request_id, "council": (made.model_extra or {})["council"]["cost_usd_micros"],
        }  # fmt: skip
    return told


@scenario
def of_the_cascade() -> Any:
    asked: Any = [{"role": "user", "content": "What is 6 * 7?"}]
    made = client.messages.create(model="council", max_tokens=50, messages=asked)
    return "".join(block.text for block in made.content if block.type == "text")


@scenario
def streamed() -> Any:
    told = {}
    for model in MODELS:
        with client.messages.stream(model=model, max_tokens=50, messages=HELLO) as stream:
            pieces = list(stream.text_stream)
            made = stream.get_final_message()
        told[model] = {
            "text": "".join(pieces), "pieces": len(pieces), "stop": made.stop_reason,
            "usage": [made.usage.input_tokens, made.usage.output_tokens],
        }  # fmt: skip
    return told


@scenario
def tools() -> Any:
    told = {}
    for model in MODELS:
        first = client.messages.create(model=model, max_tokens=50, messages=HELLO, tools=[WEATHER])
        (use,) = [block for block in first.content if block.type == "tool_use"]
        result: Any = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "rain"}]}
        follow: Any = [*HELLO, {"role": "assistant", "content": first.content}, result]
        then = client.messages.create(model=model, max_tokens=50, messages=follow, tools=[WEATHER])
        text = "".join(block.text for block in then.content if block.type == "text")
        told[model] = {"stop": first.stop_reason, "name": use.name, "input": use.input, "then": text}
    return told


@scenario
def tools_streamed() -> Any:
    told = {}
    for model in MODELS:
        with client.messages.stream(model=model, max_tokens=50, messages=HELLO, tools=[WEATHER]) as stream:
            made = stream.get_final_message()
        (use,) = [block for block in made.content if block.type == "tool_use"]
        told[model] = {"name": use.name, "input": use.input}
    return told


@scenario
def stream_that_breaks() -> Any:
    def ask() -> Any:
        with client.messages.stream(model="cut", max_tokens=50, messages=HELLO) as stream:
            return list(stream.text_stream)

    return attempt(ask)


@scenario
def limits() -> Any:
    raw = client.messages.with_raw_response.create(model="gpt", max_tokens=50, messages=HELLO)
    return {name: raw.headers[name] for name in raw.headers if "ratelimit" in name}


def _ask(model: str, **more: Any) -> Any:
    return client.with_options(**more).messages.create(model=model, max_tokens=50, messages=HELLO)


@scenario
def wrong_token() -> Any:
    return attempt(lambda: _ask("gpt", api_key="wrong"))


@scenario
def unknown_model() -> Any:
    return attempt(lambda: _ask("nobody"))


@scenario
def malformed() -> Any:
    wrong: Any = [{"role": "nobody", "content": "x"}]
    return attempt(lambda: client.messages.create(model="gpt", max_tokens=5, messages=wrong))


@scenario
def over_the_limit() -> Any:
    return [attempt(lambda: _ask("gpt", api_key=LIMITED)) for _ in range(2)][1]


@scenario
def over_the_budget() -> Any:
    return _counted("dear")


@scenario
def upstream_fails() -> Any:
    return _counted("broken")


def _counted(model: str) -> Any:
    """Ask with the client's own retries, and count what it sends."""
    sent: list[int] = []
    http_client = httpx2.Client(event_hooks={"response": [lambda response: sent.append(response.status_code)]})
    with anthropic.Anthropic(base_url=URL, api_key=TOKEN, max_retries=2, http_client=http_client) as retrying:
        told = attempt(lambda: retrying.messages.create(model=model, max_tokens=2000, messages=HELLO))
    return {**told, "sent": sent}


main()
