"""providers.yaml: what it may hold, and how each mistake is named."""

from typing import Any

import pytest
from hypothesis import given, strategies

from council.domain import config, errors, money, providers

SETTINGS = config.Config()
CLOUD = {"url": "https://api.example.org/v1"}
LOCAL = {"url": "http://127.0.0.1:8080/v1", "key": "none"}
PRICED = {"provider": "cloud", "model": "big-1", "input_usd_micros": 3, "output_usd_micros": 5}


def file(**more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "providers": {"cloud": dict(CLOUD), "here": dict(LOCAL)},
        "models": {"big": {"deployments": [dict(PRICED)]}},
    }
    return made | more


def refused(made: Any) -> str:
    with pytest.raises(errors.ConfigError) as raised:
        providers.build(made, SETTINGS)
    return raised.value.message


def provider(**more: Any) -> dict[str, Any]:
    return file(providers={"cloud": {**CLOUD, **more}, "here": LOCAL})


def model(**more: Any) -> dict[str, Any]:
    return file(models={"big": {"deployments": [PRICED], **more}})


def deployed(**more: Any) -> dict[str, Any]:
    return file(models={"big": {"deployments": [{**PRICED, **more}]}})


def test_an_empty_file_has_the_model_of_this_machine_alone() -> None:
    made = providers.build({}, SETTINGS)
    (local,) = made.models.values()
    assert local.name == SETTINGS.model.name and local.deployments[0].provider == providers.LOCAL
    assert made.providers == {} and made.escalation.model == ""


def test_a_file_in_full_is_taken_as_it_is() -> None:
    made = providers.build(
        file(
            models={
                "big": {
                    "deployments": [{**PRICED, "weight": 3, "cached_usd_micros": 1, "cache_write_usd_micros": 4}],
                    "context_tokens": 1000, "output_tokens_max": 2000, "fallbacks": ["small"], "abilities": ["tools"],
                },
                "small": {"deployments": [{"provider": "here", "model": "q"}], "fallbacks": [SETTINGS.model.name]},
            },
            escalation={"model": "big", "confidence_min": 0.3},
        ),
        SETTINGS,
    )  # fmt: skip
    big = made.models["big"]
    assert big.deployments == (providers.Deployment("cloud", "big-1", money.Price(3, 5, 1, 4), 3),)
    assert (big.context_tokens, big.output_tokens_max, big.fallbacks) == (1000, 1000, ("small",))
    assert made.models["small"].deployments[0].price == money.Price(0, 0)
    assert made.escalation == providers.Escalation("big", 0.3)
    assert made.providers["cloud"].name == "cloud" and not made.providers["cloud"].loopback


def test_what_is_elsewhere_and_unpriced_has_no_price_and_is_not_free() -> None:
    made = providers.build(file(models={"big": {"deployments": [{"provider": "cloud", "model": "x"}]}}), SETTINGS)
    assert made.models["big"].deployments[0].price is None


@pytest.mark.parametrize(
    ("url", "loopback", "port"),
    [
        ("http://127.0.0.1:11434/v1", True, 11434),
        ("http://localhost/v1", True, 80),
        ("http://[::1]:5/v1", True, 5),
        ("https://127.0.0.1.example.org/v1", False, 443),
        ("https://10.0.0.1:8000/v1", False, 8000),
    ],
)
def test_what_runs_on_this_machine_is_told_by_its_address(url: str, loopback: bool, port: int) -> None:
    made = providers.Provider("p", url=url)
    assert (made.loopback, made.port) == (loopback, port)


@pytest.mark.parametrize(
    ("made", "named"),
    [
        ({"provider": {}}, "`provider`"),
        ({"providers": []}, None),
        ({"providers": [1]}, "`providers`"),
        ({"models": "x"}, "`models`"),
        (file(providers={"local": CLOUD}), "`local`"),
        (file(providers={"Cloud!": CLOUD}), "'Cloud!'"),
        (file(providers={"": CLOUD}), "''"),
        (file(providers={"x" * 65: CLOUD}), "name"),
        (file(providers={"cloud": 5}), "`providers.cloud`"),
        (provider(ulr="x"), "`providers.cloud.url`"),
        (provider(name="x"), "`providers.cloud.name`"),
        (provider(url=""), "`providers.cloud.url`"),
        (provider(url="api.example.org"), "`providers.cloud.url`"),
        (provider(url="ftp://x/v1"), "`providers.cloud.url`"),
        (provider(url="https://u:p@x/v1"), "`providers.cloud.url`"),
        (provider(url="https://x/v1?key=1"), "`providers.cloud.url`"),
        (provider(url="http://example.org/v1"), "in the clear"),
        (provider(url="http://127.0.0.1:99999/v1"), "`providers.cloud.url`"),
        (provider(url="http://[::1/v1"), "`providers.cloud.url`"),
        (provider(url="http://127.0.0.1:0/v1"), "`providers.cloud.url`"),
        (provider(url="https://x y/v1"), "`providers.cloud.url`"),
        (provider(url="https://x/v1\n"), "`providers.cloud.url`"),
        (provider(omit=["messages"]), "`providers.cloud.omit`"),
        (provider(kind="gemini"), "`providers.cloud.kind`"),
        (provider(key="sk-123"), "`providers.cloud.key`"),
        (provider(forms=["chat"]), "`providers.cloud.forms`"),
        (provider(stall_s=0), "`providers.cloud.stall_s`"),
        (provider(concurrent_max=0), "`providers.cloud.concurrent_max`"),
        (provider(concurrent_max="many"), "`providers.cloud.concurrent_max`"),
        (file(models={"big": []}), "`models.big`"),
        (file(models={"big": {}}), "`models.big.deployments`"),
        (file(models={"big": {"deployments": []}}), "`models.big.deployments`"),
        (file(models={"big": {"deployments": [5]}}), "`models.big.deployments.0`"),
        (model(contxt_tokens=5), "`models.big.context_tokens`"),
        (model(context_tokens=1), "`models.big.context_tokens`"),
        (model(abilities=["flight"]), "'flight'"),
        (model(fallbacks=["nope"]), "'nope'"),
        (model(day_usd_micros=-1), "`models.big.day_usd_micros`"),
        (deployed(provider="nobody"), "`models.big.deployments.0.provider`"),
        (deployed(model=""), "`models.big.deployments.0.model`"),
        (deployed(weight=-1), "`models.big.deployments.0.weight`"),
        (deployed(input_usd_micros=-5), "`models.big.deployments.0.input_usd_micros`"),
        (deployed(input_usd_micros=0.5), "`models.big.deployments.0.input_usd_micros`"),
        (deployed(input_usd=1), "`models.big.deployments.0.input_usd_micros`"),
        (
            file(models={"big": {"deployments": [{"provider": "cloud", "model": "x", "input_usd_micros": 1}]}}),
            "needs both",
        ),
        (
            file(models={"big": {"deployments": [{"provider": "here", "model": "x", "cached_usd_micros": 1}]}}),
            "needs both",
        ),
        (file(models={"council": {"deployments": [PRICED]}}), "'council'"),
        (file(models={"council/x": {"deployments": [PRICED]}}), "'council/x'"),
        (file(models={SETTINGS.model.name: {"deployments": [PRICED]}}), "Council's own"),
        (file(models={providers.EMBEDDER: {"deployments": [PRICED]}}), "Council's own"),
        (file(models={"a\nb": {"deployments": [PRICED]}}), "printable"),
        (file(models={f"m{number}": {"deployments": [PRICED]} for number in range(501)}), "501 models"),
        (file(escalation={"model": "nope"}), "`escalation.model`"),
        (file(escalation={"modl": "big"}), "`escalation.model`"),
        (file(escalation={"confidence_min": 2}), "`escalation.confidence_min`"),
    ],
)
def test_every_bad_key_and_value_is_named(made: Any, named: str | None) -> None:
    if named is None:  # nothing in it is nothing at all
        assert providers.build(made, SETTINGS).providers == {}
    else:
        assert named in refused(made)


json = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats()
    | strategies.text(max_size=5),
    lambda inner: (
        strategies.lists(inner, max_size=3) | strategies.dictionaries(strategies.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(json, strategies.sampled_from(["providers", "models", "escalation", "cloud", "big", "deployment"]))
def test_whatever_stands_in_the_file_is_taken_or_refused_in_words(value: Any, place: str) -> None:
    made = {
        "cloud": file(providers={"cloud": value}, models={}),
        "big": file(models={"big": value}),
        "deployment": file(models={"big": {"deployments": [value]}}),
    }.get(place, file(**{place: value}))
    try:
        providers.build(made, SETTINGS)
    except errors.ConfigError as error:
        assert error.message


ROLES = ["general", "code", "logic", "programs"]


def with_role(role: str, name: str, models: dict[str, Any] | None = None) -> providers.Catalogue:
    settings = config.build({role: {"model": name}}, {}, {})
    return providers.build(file(models={"big": {"deployments": [PRICED]}, **(models or {})}), settings)


@pytest.mark.parametrize("role", ROLES)
def test_a_specialist_may_have_a_model_of_its_own_that_costs_nothing(role: str) -> None:
    free = {"deployments": [{"provider": "here", "model": "q"}], "fallbacks": [SETTINGS.model.name]}
    settings = config.build({role: {"model": "small"}}, {}, {})
    assert "small" in with_role(role, "small", {"small": free}).models
    assert providers.of_roles(settings) == {"small"} and f"{role}.model" in providers.ROLES
    assert with_role(role, SETTINGS.model.name).models and with_role(role, "").models


@pytest.mark.parametrize("role", ROLES)
def test_a_specialists_model_that_is_not_there_or_is_paid_is_refused_by_the_name_of_its_setting(role: str) -> None:
    leaning = {"deployments": [{"provider": "here", "model": "q"}], "fallbacks": ["big"]}
    unpriced = {"deployments": [{"provider": "cloud", "model": "q"}]}
    for name, models, said in (
        ("nope", {}, "'nope' is no model here"),
        (providers.EMBEDDER, {}, "is no model here"),
        ("big", {}, "'big' is paid or has no price"),
        ("small", {"small": leaning}, "'big' is paid or has no price"),
        ("odd", {"odd": unpriced}, "'odd' is paid or has no price"),
    ):
        with pytest.raises(errors.ConfigError) as raised:
            with_role(role, name, models)
        assert f"`{role}.model`" in raised.value.message and said in raised.value.message


def test_the_model_of_this_machine_and_no_name_are_nobodys_own() -> None:
    settings = config.build({"code": {"model": SETTINGS.model.name}}, {}, {})
    assert providers.of_roles(settings) == providers.of_roles(SETTINGS) == frozenset()
