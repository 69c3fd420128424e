"""`litellm` as a client, of OpenAI's form and of Anthropic's."""

import os
from typing import Any

# Else it asks the network for prices when it is imported.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
from scenarios import TOKEN, URL, attempt, main, scenario

litellm.suppress_debug_info = True
litellm.telemetry = False
HELLO: Any = [{"role": "user", "content": "one two three"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
WAYS = {
    "openai": {"model": "openai/gpt", "api_base": f"{URL}/v1", "api_key": TOKEN},
    "anthropic": {"model": "anthropic/claude", "api_base": URL, "api_key": TOKEN},
}


def _ask(way: str, **more: Any) -> Any:
    return litellm.completion(messages=HELLO, num_retries=0, **{"max_tokens": 50, **WAYS[way], **more})


@scenario
def chat() -> Any:
    told = {}
    for way in WAYS:
        made = _ask(way)
        told[way] = [made.choices[0].message.content, made.usage.prompt_tokens, made.usage.completion_tokens]
    return told


@scenario
def stream() -> Any:
    told = {}
    for way in WAYS:
        chunks = list(_ask(way, stream=True))
        told[way] = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    return told


@scenario
def tools() -> Any:
    told = {}
    for way in WAYS:
        (call,) = _ask(way, tools=[WEATHER]).choices[0].message.tool_calls
        told[way] = [call.function.name, call.function.arguments]
    return told


@scenario
def responses() -> Any:
    made = litellm.responses(input="one two three", **WAYS["openai"])
    return made.output[0].content[0].text  # type: ignore[union-attr]


@scenario
def wrong_token() -> Any:
    return {way: attempt(lambda way=way: _ask(way, api_key="wrong")) for way in WAYS}  # type: ignore[misc]


@scenario
def over_the_budget() -> Any:
    return attempt(lambda: _ask("openai", model="openai/dear", max_tokens=2000))


@scenario
def stream_that_breaks() -> Any:
    return attempt(lambda: list(_ask("openai", model="openai/cut", stream=True)))


main()
