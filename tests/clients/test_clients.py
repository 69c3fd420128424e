"""What real clients make of Council. `scripts/` has what each of them does."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from clients.conftest import KEY, MODELS, PAGES_URL, Setting, need_clients, run_client, shown
from council.domain import answers, money

pytestmark = pytest.mark.whole

Ran = Callable[[str], dict[str, Any]]
SAID = "w1 w2 w3 w4 w5 w6 w7 w8 "
CALLED = '{"city":"w1"}'


def same(found: dict[str, Any], **expected: Any) -> None:
    """Fail unless `found` has all that is expected; it may have more."""
    assert {name: found.get(name) for name in expected} == expected, found


# openai


def test_openai_gets_whole_answers_with_their_cost(ran: Ran) -> None:
    told = ran("openai_client")["chat"]
    same(told, text=SAID, finish="stop", usage=[3, 8])
    # 3 tokens at $0.15 and 8 at $0.60 a million.
    same(told["council"], cost_usd_micros=6, provider="native", model="gpt", request_id=told["request_id"])
    same(ran("openai_client")["chat_of_the_cascade"], text="6*7 = 42", verified=True)


@pytest.mark.parametrize(
    ("name", "usage"), [("stream", None), ("stream_with_usage", [3, 8]), ("stream_of_anthropics_model", [3, 8])]
)
def test_openai_streams_and_gets_usage_only_where_it_asks(ran: Ran, name: str, usage: Any) -> None:
    told = ran("openai_client")[name]
    same(told, text=SAID, finish="stop", usage=usage, council=True)
    assert told["pieces"] >= 8


def test_openai_calls_tools_whole_and_streamed(ran: Ran) -> None:
    same(ran("openai_client")["tools"], finish="tool_calls", name="weather", arguments=CALLED, then=SAID)
    same(ran("openai_client")["tools_streamed"], name="weather", arguments=CALLED)


def test_openai_gets_json_by_schema_log_probabilities_and_several_choices(ran: Ran) -> None:
    assert ran("openai_client")["json_schema"] == {"name": "w1", "guests": ["w1"]}
    assert ran("openai_client")["logprobs_and_choices"] == {"choices": 2, "logprob": -0.125, "top": 2}


@pytest.mark.parametrize("model", ["gpt", "plain"], ids=["native", "translated"])
def test_openai_gets_responses_whole_and_streamed(ran: Ran, model: str) -> None:
    same(ran("openai_client")["responses"][model], text=SAID, usage=[4, 8], status="completed")
    same(
        ran("openai_client")["responses_streamed"][model],
        text=SAID, first="response.created", last="response.completed",
    )  # fmt: skip


def test_openai_gets_completions_of_the_older_form(ran: Ran) -> None:
    assert ran("openai_client")["completions"] == {"text": SAID, "usage": 11, "streamed": SAID}


@pytest.mark.parametrize(("model", "size"), [("vectors", 8), ("all-minilm-l6-v2", 384)], ids=["provider's", "local"])
def test_openai_gets_embeddings(ran: Ran, model: str, size: int) -> None:
    same(ran("openai_client")["embeddings"][model], count=2, size=size, numbers=True)


def test_openai_lists_models(ran: Ran) -> None:
    told = ran("openai_client")["models"]
    assert told["one"] == "gpt" and {"council", "council/math", *MODELS} <= set(told["names"])


@pytest.mark.parametrize(
    ("name", "raised", "status", "code"),
    [
        ("wrong_token", "AuthenticationError", 401, "invalid_api_key"),
        ("unknown_model", "NotFoundError", 404, "model_not_found"),
        ("malformed", "BadRequestError", 400, "malformed_body"),
        ("over_the_limit", "RateLimitError", 429, "rate_limit_exceeded"),
        ("over_the_budget", "APIStatusError", 402, "budget_exceeded"),
        ("upstream_fails", "InternalServerError", 502, "provider_error"),
    ],
)
def test_openai_raises_its_own_class_for_each_error(ran: Ran, name: str, raised: str, status: int, code: str) -> None:
    told = ran("openai_client")[name]
    same(told, raised=raised, status_code=status, code=code)
    assert len(told["request_id"]) == 26


def test_openai_does_not_retry_what_a_budget_refuses_and_retries_what_an_upstream_fails(ran: Ran) -> None:
    assert ran("openai_client")["over_the_budget"]["sent"] == [402]
    assert ran("openai_client")["upstream_fails"]["sent"] == [502, 502, 502]


def test_openai_waits_as_long_as_the_rate_limit_says(ran: Ran) -> None:
    same(ran("openai_client")["waits_as_told"], text=SAID, refused=1, last=200)


def test_openai_reads_the_limits(ran: Ran) -> None:
    told = ran("openai_client")["limits"]
    assert told["x-ratelimit-limit-requests"] == "600" and told["x-ratelimit-reset-requests"].endswith("s")


def test_openai_never_takes_a_broken_stream_for_a_whole_one(ran: Ran) -> None:
    same(ran("openai_client")["stream_that_breaks"], raised="APIError", code="provider_error")
    events = ran("openai_client")["responses_that_break"]["returned"]
    assert "response.failed" in events and "response.completed" not in events


# anthropic


@pytest.mark.parametrize(("model", "cost"), [("claude", 132), ("gpt", 6)], ids=["native", "translated"])
def test_anthropic_gets_messages_whole_and_streamed(ran: Ran, model: str, cost: int) -> None:
    told = ran("anthropic_client")
    same(told["messages"][model], text=SAID, stop="end_turn", usage=[4, 8], council=cost)
    same(told["streamed"][model], text=SAID, stop="end_turn", usage=[3, 8])
    assert len(told["messages"][model]["request_id"]) == 26 and told["streamed"][model]["pieces"] == 8


def test_anthropic_asks_the_cascade(ran: Ran) -> None:
    assert ran("anthropic_client")["of_the_cascade"] == "6*7 = 42"


@pytest.mark.parametrize("model", ["claude", "gpt"], ids=["native", "translated"])
def test_anthropic_calls_tools_whole_and_streamed(ran: Ran, model: str) -> None:
    told = ran("anthropic_client")
    same(told["tools"][model], stop="tool_use", name="weather", input={"city": "w1"}, then=SAID)
    same(told["tools_streamed"][model], name="weather", input={"city": "w1"})


@pytest.mark.parametrize(
    ("name", "raised", "status", "kind"),
    [
        ("wrong_token", "AuthenticationError", 401, "authentication_error"),
        ("unknown_model", "NotFoundError", 404, "not_found_error"),
        ("malformed", "BadRequestError", 400, "invalid_request_error"),
        ("over_the_limit", "RateLimitError", 429, "rate_limit_error"),
        ("over_the_budget", "PaymentRequiredError", 402, "billing_error"),
        ("upstream_fails", "InternalServerError", 502, "api_error"),
    ],
)
def test_anthropic_raises_its_own_class_for_each_error(
    ran: Ran, name: str, raised: str, status: int, kind: str
) -> None:
    told = ran("anthropic_client")[name]
    same(told, raised=raised, status_code=status, type=kind)
    assert len(told["request_id"]) == 26


def test_anthropic_does_not_retry_what_a_budget_refuses_and_retries_what_an_upstream_fails(ran: Ran) -> None:
    assert ran("anthropic_client")["over_the_budget"]["sent"] == [402]
    assert ran("anthropic_client")["upstream_fails"]["sent"] == [502, 502, 502]


def test_anthropic_reads_its_limits_and_none_of_openais(ran: Ran) -> None:
    told = ran("anthropic_client")["limits"]
    names = {f"anthropic-ratelimit-requests-{name}" for name in ("limit", "remaining", "reset")}
    assert set(told) == names and told["anthropic-ratelimit-requests-limit"] == "600"


def test_anthropic_never_takes_a_broken_stream_for_a_whole_one(ran: Ran) -> None:
    same(ran("anthropic_client")["stream_that_breaks"], raised="APIStatusError", type="api_error")


# llm


def test_one_line_connects_llm(ran: Ran) -> None:
    told = ran("llm_client")
    same(told["line"], status=0)
    assert "OpenAI Chat: council" in told["models"]["said"]
    same(told["asked"], status=0, said="6*7 = 42")
    same(told["asked_without_stream"], status=0, said=SAID.strip())
    same(told["asked_for_more"], status=0, said=SAID.strip())
    same(told["options"], status=0, said="w1 w2 w3")


def test_llm_runs_a_tool_and_gets_json_by_schema(ran: Ran) -> None:
    told = ran("llm_client")
    same(told["tools"], status=0, said=SAID.strip())
    assert "Tool call: llm_version" in told["tools"]["error"]
    assert json.loads(told["schema"]["said"]) == {"name": "w1", "age": 1}


def test_llm_shows_what_to_do_about_a_wrong_key(ran: Ran) -> None:
    told = ran("llm_client")["wrong_key"]
    assert told["status"] == 1 and "The first one is in the file `token`" in told["error"]


# litellm


@pytest.mark.parametrize("way", ["openai", "anthropic"])
def test_litellm_asks_in_either_form(ran: Ran, way: str) -> None:
    told = ran("litellm_client")
    assert told["chat"][way] == [SAID, 3, 8]
    assert told["stream"][way] == SAID
    assert told["tools"][way][0] == "weather" and json.loads(told["tools"][way][1]) == {"city": "w1"}
    same(told["wrong_token"][way], raised="AuthenticationError", status_code=401)


def test_litellm_asks_for_responses_and_hears_of_budgets_and_broken_streams(ran: Ran) -> None:
    told = ran("litellm_client")
    assert told["responses"] == SAID
    assert "budget" in told["over_the_budget"]["text"] and "raised" in told["over_the_budget"]
    assert "broke the connection" in told["stream_that_breaks"]["text"]


# LangChain


def test_langchain_invokes_streams_and_batches(ran: Ran) -> None:
    told = ran("langchain_client")
    same(told["invoke"], text=SAID)
    same(told["invoke"]["usage"], input_tokens=4, output_tokens=8)
    same(told["stream"], text=SAID)
    same(told["stream"]["usage"], input_tokens=3, output_tokens=8)
    assert told["batch"] == [SAID] * 3 and told["of_the_cascade"] == "6*7 = 42"
    assert told["responses"] == {"text": SAID, "streamed": SAID}


def test_langchain_calls_tools_and_gets_json_by_schema(ran: Ran) -> None:
    same(ran("langchain_client")["tools"], name="weather", args={"city": "w1"}, then=SAID)
    assert ran("langchain_client")["structured"] == {"name": "w1", "guests": ["w1"]}


def test_langchain_hears_of_budgets_and_broken_streams(ran: Ran) -> None:
    same(ran("langchain_client")["over_the_budget"], raised="APIStatusError", status_code=402)
    same(ran("langchain_client")["stream_that_breaks"], raised="APIError", code="provider_error")


# What the docs show


@pytest.mark.parametrize("page", ["clients-litellm.md", "clients-langchain.md"])
def test_the_program_that_a_page_shows_prints_what_it_shows(setting: Setting, page: str) -> None:
    need_clients()
    (program,), (output,) = shown(page, "py"), shown(page, "text")
    user_home = str(setting.council.home.parent)
    code = program.replace(PAGES_URL, setting.council.base_url)
    environment = {"HOME": user_home, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    done = run_client(["-c", code], environment, user_home)
    assert (done.stdout, done.returncode) == (output, 0), done.stderr[-4000:]


# What all of them cost


@pytest.mark.parametrize("name", ["gpt", "plain", "claude", "vectors"])
def test_after_all_of_that_the_ledger_is_exact_to_the_micro_dollar(ran: Ran, setting: Setting, name: str) -> None:
    for client in ("openai_client", "anthropic_client", "llm_client", "litellm_client", "langchain_client"):
        ran(client)
    _, deployed, price_in, price_out = MODELS[name]
    price = money.Price(money.usd_micros_of(price_in), money.usd_micros_of(price_out))
    calls = [one for one in tally(setting) if one["model"] == deployed]
    usages = [answers.Usage(one["prompt_tokens"], one["completion_tokens"]) for one in calls]
    report = json.loads(setting.council.command("ledger", "report", "--by", "model", "--json").stdout)
    line = next(one for one in report if one["key"] == name)
    assert line["cost_usd_micros"] == sum(money.cost_usd_micros(price, usage) for usage in usages)
    assert line["prompt_tokens"] == sum(usage.prompt_tokens for usage in usages)
    assert line["completion_tokens"] == sum(usage.completion_tokens for usage in usages)
    assert line["requests"] == len(calls) > 0


def tally(setting: Setting) -> list[dict[str, Any]]:
    """Return what the upstream billed."""
    request = urllib.request.Request(f"{setting.upstream_url}/_tally", headers={"authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request, timeout=30) as response:
        entries: list[dict[str, Any]] = json.loads(response.read())["entries"]
    return entries
