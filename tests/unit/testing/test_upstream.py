"""The scripted upstream without sockets: what a name means, how tokens are counted, what a script chooses."""

import dataclasses

import hypothesis
import orjson
import pytest
from hypothesis import strategies

from council.testing import upstream
from council.testing.upstream import asks, behaviours, replies, script, steps, tally

CHAT = asks.Api.CHAT


def _ask(api: asks.Api = CHAT, **fields: object) -> asks.Ask:
    return asks.read(api, orjson.dumps({"model": "ok"} | fields))


def _played(ask: asks.Ask, name: str) -> tuple[bytes, int, steps.End | None]:
    """Return the bytes, the tokens and the end of a reply, without its waits; None for one that waits for the caller."""
    behaviour = behaviours.named(name)
    assert behaviour is not None
    data, tokens = b"", 0
    for step in replies.make(ask, behaviour, 0.0):
        if isinstance(step, steps.Say):
            data, tokens = data + step.data, tokens + step.tokens
        elif isinstance(step, steps.End):
            return data, tokens, step
        elif step is steps.STALL:
            break
    return data, tokens, None


# Names


def test_parameters_come_in_any_order() -> None:
    found = behaviours.named("ok-first200ms-32-5ms")
    assert found is not None
    assert (found.chunks, found.pause_s, found.first_s) == (32, 0.005, 0.2)
    assert behaviours.named("ok-5ms-32-first200ms") == found


def test_a_number_that_is_part_of_a_name_is_no_parameter() -> None:
    found = behaviours.named("status-500")
    assert found is not None
    assert found.status is not None
    assert (found.status.status, found.chunks) == (500, behaviours.CHUNKS)


@pytest.mark.parametrize("name", ["", "gpt-4", "ok-", "ok-x", "ok-first5", "32", "ok-99999999", "ok-2000000"])
def test_other_names_stand_for_nothing(name: str) -> None:
    assert behaviours.named(name) is None


@pytest.mark.parametrize("name", behaviours.CATALOGUE)
def test_every_behaviour_says_what_it_is_and_can_be_named(name: str) -> None:
    found = behaviours.named(name)
    assert found == behaviours.CATALOGUE[name]
    assert found.doc


# Tokens


@pytest.mark.parametrize(
    ("api", "fields", "tokens"),
    [
        (CHAT, {"messages": [{"role": "user", "content": "a b  c\n d"}]}, 4),
        (CHAT, {"messages": [{"role": "system", "content": "a"}, {"role": "user", "content": "b c"}]}, 3),
        (CHAT, {"messages": []}, 1),
        (
            CHAT,
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "a b"},
                            {"type": "image_url", "image_url": {"url": "data:x y"}},
                        ],
                    }
                ]
            },
            2,
        ),
        (asks.Api.COMPLETIONS, {"prompt": ["a b", "c"]}, 3),
        (asks.Api.EMBEDDINGS, {"input": ["a", "b c"]}, 3),
        (asks.Api.RESPONSES, {"instructions": "a", "input": "b c"}, 3),
        (asks.Api.RESPONSES, {"input": [{"role": "user", "content": [{"type": "input_text", "text": "a b"}]}]}, 2),
        (asks.Api.MESSAGES, {"system": "a", "messages": [{"role": "user", "content": "b"}]}, 2),
    ],
)
def test_a_prompt_has_a_token_for_each_word(api: asks.Api, fields: dict[str, object], tokens: int) -> None:
    assert _ask(api, **fields).prompt_tokens == tokens


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'{"model":7}', b"{}"])
def test_a_body_that_is_no_request_is_unreadable(body: bytes) -> None:
    with pytest.raises(asks.UnreadableError):
        asks.read(CHAT, body)


@hypothesis.given(
    limit=strategies.one_of(strategies.none(), strategies.integers(0, 40)),
    chunks=strategies.integers(1, 40),
    choices=strategies.integers(1, 3),
    stream=strategies.booleans(),
)
def test_what_is_said_what_is_told_and_what_is_billed_agree(
    limit: int | None, chunks: int, choices: int, *, stream: bool
) -> None:
    ask = dataclasses.replace(
        _ask(), stream=stream, include_usage=True, tokens_max=limit, choices=choices, prompt_tokens=5
    )
    data, tokens, end = _played(ask, f"ok-{chunks}")
    expected = min(chunks, chunks if limit is None else limit) * choices
    assert tokens == expected
    assert b'"usage":{"prompt_tokens":5,"completion_tokens":%d,"total_tokens":%d}' % (expected, expected + 5) in data
    assert end == steps.End(tally.Outcome.WHOLE)


def test_a_stream_cut_in_the_middle_is_worth_half() -> None:
    data, tokens, end = _played(_ask(stream=True), "cut-mid-stream-32")
    assert tokens == data.count(b'"content":"w') == 16
    assert end == steps.End(tally.Outcome.CUT, steps.After.CLOSE)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("api", asks.Api)
def test_every_reply_ends_or_waits_for_the_caller(api: asks.Api, *, stream: bool) -> None:
    names = [name for name in behaviours.CATALOGUE if not name.startswith(("endless", "huge"))]
    waiting = [name for name in names if _played(_ask(api, stream=stream, input=["a"]), name)[2] is None]
    assert names and waiting == [name for name in names if name.startswith("stall")]


# Scripts


def test_the_last_of_a_list_stays() -> None:
    chooser = script.Chooser(upstream.Script({"gpt": ["status-500", "status-500", "ok"]}))
    assert [(chooser.choose("gpt") or ("",))[0] for _ in range(5)] == ["status-500", "status-500", "ok", "ok", "ok"]


def test_models_of_a_script_do_not_share_counts_or_dice() -> None:
    weights = {"ok": 0.5, "reset": 0.5}
    one, two = (script.Chooser(upstream.Script({"a": weights, "b": weights}, seed=7)) for _ in range(2))
    drawn = [one.choose("a") for _ in range(50)]
    for _ in range(50):
        two.choose("b")
    assert [two.choose("a") for _ in range(50)] == drawn
    assert {name for name, _ in filter(None, drawn)} == {"ok", "reset"}


def test_another_seed_draws_otherwise() -> None:
    weights = {"ok": 0.5, "reset": 0.5}
    one, two = (script.Chooser(upstream.Script({"a": weights}, seed=seed)) for seed in (1, 2))
    assert [one.choose("a") for _ in range(50)] != [two.choose("a") for _ in range(50)]


def test_a_rule_for_any_name_leaves_the_named_ones_alone() -> None:
    chooser = script.Chooser(upstream.Script({"gpt": "reset"}, "ok"))
    assert chooser.choose("whatever") == ("ok", behaviours.CATALOGUE["ok"])
    assert chooser.choose("gpt") == ("reset", behaviours.CATALOGUE["reset"])


@pytest.mark.parametrize(
    "value", [[], {"x": 1}, {"any": "nope"}, {"models": {"a": []}}, {"models": {"a": 7}}, {"models": 7}]
)
def test_a_script_that_cannot_be_is_refused(value: object) -> None:
    with pytest.raises(upstream.ScriptError):
        script.from_json(value)


# Forms


def test_a_tool_is_called_when_a_user_speaks_and_not_when_its_result_comes() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
    tools = [{"type": "function", "function": {"name": "weather", "parameters": schema}}]
    asked = _ask(tools=tools, messages=[{"role": "user", "content": "a"}])
    assert (asked.tool, asked.text) == ("weather", '{"city":"w1","days":1}')
    assert not _ask(tools=tools, messages=[{"role": "tool", "content": "a"}]).tool
    assert not _ask(tools=tools, tool_choice="none", messages=[{"role": "user", "content": "a"}]).tool


def test_json_is_said_where_a_schema_asks_for_it() -> None:
    schema = {"type": "object", "properties": {"size": {"enum": ["s", "m"]}, "tags": {"type": "array"}}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    data, _, _ = _played(_ask(response_format=form), "ok")
    said = orjson.loads(data)["choices"][0]["message"]["content"]
    assert orjson.loads(said) == {"size": "s", "tags": ["w1"]}


# Tally


def _entry(model: str, prompt: int, completion: int) -> tally.Entry:
    return tally.Entry("r", 0, model, "chat/completions", "ok", tally.Outcome.WHOLE, 200, prompt, completion, None)


def test_sums_go_on_when_no_more_entries_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "ENTRIES_MAX", 2)
    made = tally.Tally()
    for _ in range(3):
        made.add(_entry("m", 5, 7))
    assert (len(made.entries), made.dropped) == (2, 1)
    assert made.total() == {"calls": 3, "whole": 3, "prompt_tokens": 15, "completion_tokens": 21}


def test_a_hop_counts_the_calls_of_one_request() -> None:
    made = tally.Tally()
    assert [made.hop("a"), made.hop("a"), made.hop("b"), made.hop("a")] == [0, 1, 0, 2]
