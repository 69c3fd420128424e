"""The `openai` package."""

from typing import Any

import httpx
import openai
import pydantic
from scenarios import BURST, LIMITED, TOKEN, URL, attempt, main, scenario

client = openai.OpenAI(base_url=f"{URL}/v1", api_key=TOKEN, max_retries=0)
HELLO: Any = [{"role": "user", "content": "one two three"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tell the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class Event(pydantic.BaseModel):
    name: str
    guests: list[str]


@scenario
def chat() -> Any:
    made = client.chat.completions.create(model="gpt", messages=HELLO)
    assert made.usage is not None
    return {
        "text": made.choices[0].message.content,
        "finish": made.choices[0].finish_reason,
        "usage": [made.usage.prompt_tokens, made.usage.completion_tokens],
        "council": (made.model_extra or {})["council"],
        "request_id": made._request_id,
    }


@scenario
def chat_of_the_cascade() -> Any:
    made = client.chat.completions.create(model="council", messages=[{"role": "user", "content": "What is 6 * 7?"}])
    return {"text": made.choices[0].message.content, "verified": (made.model_extra or {})["council"]["verified"]}


def _streamed(model: str, **more: Any) -> Any:
    pieces, finish, usage, council = [], None, None, None
    for chunk in client.chat.completions.create(model=model, messages=HELLO, stream=True, **more):
        council = (chunk.model_extra or {}).get("council") or council
        usage = chunk.usage or usage
        for choice in chunk.choices:
            pieces.append(choice.delta.content or "")
            finish = choice.finish_reason or finish
    return {
        "text": "".join(pieces), "pieces": len(pieces), "finish": finish, "council": council is not None,
        "usage": usage and [usage.prompt_tokens, usage.completion_tokens],
    }  # fmt: skip


@scenario
def stream() -> Any:
    return _streamed("gpt")


@scenario
def stream_with_usage() -> Any:
    return _streamed("gpt", stream_options={"include_usage": True})


@scenario
def stream_of_anthropics_model() -> Any:
    return _streamed("claude", stream_options={"include_usage": True})


@scenario
def stream_that_breaks() -> Any:
    return attempt(lambda: _streamed("cut"))


@scenario
def tools() -> Any:
    first = client.chat.completions.create(model="gpt", messages=HELLO, tools=[WEATHER])
    (call,) = first.choices[0].message.tool_calls or []
    assert call.type == "function"
    follow = [*HELLO, first.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "rain"}]
    then = client.chat.completions.create(model="gpt", messages=follow, tools=[WEATHER])
    return {
        "finish": first.choices[0].finish_reason, "name": call.function.name, "arguments": call.function.arguments,
        "then": then.choices[0].message.content,
    }  # fmt: skip


@scenario
def tools_streamed() -> Any:
    with client.chat.completions.stream(model="gpt", messages=HELLO, tools=[WEATHER]) as stream:
        made = stream.get_final_completion()
    (call,) = made.choices[0].message.tool_calls or []
    return {"name": call.function.name, "arguments": call.function.arguments}


@scenario
def json_schema() -> Any:
    made = client.chat.completions.parse(model="gpt", messages=HELLO, response_format=Event)
    return made.choices[0].message.parsed.model_dump()  # type: ignore[union-attr]


@scenario
def logprobs_and_choices() -> Any:
    made = client.chat.completions.create(model="gpt", messages=HELLO, logprobs=True, top_logprobs=2, n=2)
    content = made.choices[1].logprobs.content  # type: ignore[union-attr]
    return {"choices": len(made.choices), "logprob": content[0].logprob, "top": len(content[0].top_logprobs)}  # type: ignore[index]


def _responses(model: str) -> Any:
    made = client.responses.create(model=model, input="one two three", instructions="four", store=False)
    assert made.usage is not None
    return {
        "text": made.output_text,
        "usage": [made.usage.input_tokens, made.usage.output_tokens],
        "status": made.status,
    }


@scenario
def responses() -> Any:
    return {model: _responses(model) for model in ("gpt", "plain")}


@scenario
def responses_streamed() -> Any:
    told = {}
    for model in ("gpt", "plain"):
        events = list(client.responses.create(model=model, input="one two three", stream=True, store=False))
        text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        told[model] = {"text": text, "first": events[0].type, "last": events[-1].type}
    return told


@scenario
def responses_that_break() -> Any:
    def ask() -> Any:
        return [event.type for event in client.responses.create(model="cut", input="x", stream=True, store=False)]

    return attempt(ask)


@scenario
def completions() -> Any:
    made = client.completions.create(model="gpt", prompt="one two three")
    assert made.usage is not None
    streamed = client.completions.create(model="gpt", prompt="one two three", stream=True)
    pieces = [choice.text for chunk in streamed for choice in chunk.choices]
    return {"text": made.choices[0].text, "usage": made.usage.total_tokens, "streamed": "".join(pieces)}


@scenario
def embeddings() -> Any:
    told = {}
    for model in ("vectors", "all-minilm-l6-v2"):
        made = client.embeddings.create(model=model, input=["one two", "three"])
        told[model] = {
            "count": len(made.data), "size": len(made.data[0].embedding), "tokens": made.usage.prompt_tokens,
            "numbers": all(isinstance(number, float) for number in made.data[1].embedding),
        }  # fmt: skip
    return told


@scenario
def models() -> Any:
    return {"names": [one.id for one in client.models.list()], "one": client.models.retrieve("gpt").id}


@scenario
def limits() -> Any:
    raw = client.chat.completions.with_raw_response.create(model="gpt", messages=HELLO)
    return {name: raw.headers[name] for name in raw.headers if name.startswith("x-ratelimit")}


def _ask(model: str, **more: Any) -> Any:
    return client.with_options(**more).chat.completions.create(model=model, messages=HELLO)


@scenario
def wrong_token() -> Any:
    return attempt(lambda: _ask("gpt", api_key="wrong"))


@scenario
def unknown_model() -> Any:
    return attempt(lambda: _ask("nobody"))


@scenario
def malformed() -> Any:
    wrong: Any = "hot"
    return attempt(lambda: client.chat.completions.create(model="gpt", messages=HELLO, temperature=wrong))


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
    http_client = httpx.Client(event_hooks={"response": [lambda response: sent.append(response.status_code)]})
    with openai.OpenAI(base_url=f"{URL}/v1", api_key=TOKEN, max_retries=2, http_client=http_client) as retrying:
        told = attempt(lambda: retrying.chat.completions.create(model=model, messages=HELLO))
    return {**told, "sent": sent}


@scenario
def waits_as_told() -> Any:
    """Use up a token's minute; a client that retries waits for what `retry-after` says, and is answered then."""
    sent: list[int] = []
    http_client = httpx.Client(event_hooks={"response": [lambda response: sent.append(response.status_code)]})
    with openai.OpenAI(base_url=f"{URL}/v1", api_key=BURST, max_retries=3, http_client=http_client) as patient:
        for _ in range(100):
            text = patient.chat.completions.create(model="gpt", messages=HELLO).choices[0].message.content
            if 429 in sent:
                return {"text": text, "refused": sent.count(429), "last": sent[-1]}
    return {"refused": 0}


main()
