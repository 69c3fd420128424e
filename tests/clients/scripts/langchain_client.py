"""LangChain's ChatOpenAI."""

from typing import Any

import pydantic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from scenarios import TOKEN, URL, attempt, main, scenario


def _model(name: str = "gpt", **more: Any) -> ChatOpenAI:
    return ChatOpenAI(model=name, base_url=f"{URL}/v1", api_key=pydantic.SecretStr(TOKEN), max_retries=0, **more)


class Event(pydantic.BaseModel):
    """An event."""

    name: str
    guests: list[str]


@tool
def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"rain in {city}"


@scenario
def invoke() -> Any:
    made = _model().invoke([("system", "four"), ("user", "one two three")])
    return {"text": made.text, "usage": dict(made.usage_metadata or {})}


@scenario
def stream() -> Any:
    whole: Any = None
    pieces = 0
    for chunk in _model(stream_usage=True).stream("one two three"):
        whole, pieces = chunk if whole is None else whole + chunk, pieces + 1
    return {"text": whole.text, "pieces": pieces, "usage": dict(whole.usage_metadata or {})}


@scenario
def of_the_cascade() -> Any:
    return _model("council").invoke("What is 6 * 7?").text


@scenario
def tools() -> Any:
    bound = _model().bind_tools([weather])
    first = bound.invoke([HumanMessage("one two three")])
    (call,) = first.tool_calls
    then = bound.invoke([HumanMessage("one two three"), first, ToolMessage("rain", tool_call_id=call["id"])])
    return {"name": call["name"], "args": call["args"], "then": then.text}


@scenario
def structured() -> Any:
    return _model().with_structured_output(Event).invoke("one two three").model_dump()  # type: ignore[union-attr]


@scenario
def batch() -> Any:
    return [made.text for made in _model().batch(["one", "two", "three"])]


@scenario
def responses() -> Any:
    model = _model(use_responses_api=True)
    streamed = "".join(chunk.text for chunk in model.stream("one two three"))
    return {"text": model.invoke("one two three").text, "streamed": streamed}


@scenario
def over_the_budget() -> Any:
    return attempt(lambda: _model("dear").invoke("one"))


@scenario
def stream_that_breaks() -> Any:
    return attempt(lambda: list(_model("cut").stream("one")))


main()
