"""What is tuning, and what needs a person: settings, and the order of providers."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.domain import config, money, providers, tuning

PLAIN = config.Config()
NEAR, MIDDLE, FAR = money.Price(1, 2), money.Price(5, 5), money.Price(10, 10)


def catalogue(*rows: tuple[str, money.Price | None, int], share_max: float = 0.06, **more: Any) -> providers.Catalogue:
    deployments = tuple(providers.Deployment(name, "x", price, weight) for name, price, weight in rows)
    model = providers.Model("big", deployments, 8192, 1024, 0, frozenset(), **more)
    return providers.Catalogue({}, {"big": model}, providers.Escalation(model="big", share_max=share_max))


def test_every_setting_that_may_be_tuned_is_one_with_its_default_within_reach() -> None:
    for key, bounds in tuning.SETTINGS.items():
        default = tuning.value(PLAIN, key)
        assert bounds.low <= default <= bounds.high, key
        assert not isinstance(default, bool)


@pytest.mark.parametrize(
    ("key", "before", "after", "said"),
    [
        ("gateway.concurrent_max", 200, 100, ""),
        ("gateway.concurrent_max", 210, 70, ""),
        ("gateway.concurrent_max", 210, 69, "more than a factor of 3"),
        ("sandbox.queue_max", 64, 31, "more than a factor of 2"),
        ("gateway.concurrent_max", 200, 201, "only go down"),
        ("gateway.concurrent_max", 9, 7, "outside"),
        ("gateway.concurrent_max", 200, True, "no number"),
        ("gateway.concurrent_max", 200, "100", "no number"),
        ("recall.timeout_s", 2.0, 4.0, ""),
        ("recall.timeout_s", 2.0, 4.1, "more than a factor"),
        ("budget.day_usd_micros", 10, 5, "none of the settings"),
        ("gateway.requests_per_minute", 600, 300, "none of the settings"),
        ("gateway.host", "127.0.0.1", "0.0.0.0", "none of the settings"),
    ],
)
def test_a_setting_moves_only_its_way_within_its_bounds_and_one_step(
    key: str, before: Any, after: Any, said: str
) -> None:
    why = tuning.why_not(key, before, after)
    assert said in why and bool(why) == bool(said)


@st.composite
def moves(draw: st.DrawFn) -> tuple[str, float, float]:
    """A setting somewhere about its bounds, and where it would go: mostly not much further than one step."""
    key = draw(st.sampled_from(sorted(tuning.SETTINGS)))
    bounds = tuning.SETTINGS[key]
    before = draw(st.floats(bounds.low / 3, min(bounds.high, bounds.low * 50) * 3))
    return key, before, draw(st.floats(before / 3, before * 3) | st.floats(allow_nan=True))


@given(moves())
def test_what_is_tuning_keeps_the_bounds_the_way_and_one_step_and_all_that_does_is(
    move: tuple[str, float, float],
) -> None:
    key, before, after = move
    bounds = tuning.SETTINGS[key]
    keeps = (
        bounds.low <= after <= bounds.high
        and (bounds.direction is tuning.Direction.BOTH or after <= before)
        and before / bounds.down - 1e-9 <= after <= before * tuning.STEP + 1e-9
    )
    assert (tuning.why_not(key, before, after) == "") is keeps


def test_one_setting_that_is_not_to_be_tuned_makes_the_whole_change_one_for_a_person() -> None:
    fewer = dataclasses.replace(PLAIN.gateway, concurrent_max=100)
    assert tuning.settings_loosened(PLAIN, dataclasses.replace(PLAIN, gateway=fewer)) == ""
    behind = dataclasses.replace(fewer, behind_proxy=True)
    assert "behind_proxy" in tuning.settings_loosened(PLAIN, dataclasses.replace(PLAIN, gateway=behind))
    prices = {**PLAIN.prices, "other": NEAR}
    assert "prices" in tuning.settings_loosened(PLAIN, dataclasses.replace(PLAIN, prices=prices))


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (catalogue(("near", NEAR, 1), ("far", FAR, 0)), ""),
        (catalogue(("near", NEAR, 2), ("far", FAR, 1)), ""),
        (catalogue(("near", NEAR, 5), ("far", FAR, 5)), ""),
        (catalogue(("near", NEAR, 0), ("far", FAR, 5)), "input of its first calls would rise"),
        (catalogue(("near", NEAR, 1), ("far", FAR, 2)), "would rise"),
        (catalogue(("near", NEAR, 1), ("far", FAR, 1), share_max=0.03), ""),
        (catalogue(("near", NEAR, 1), ("far", FAR, 1), share_max=0.07), "share_max"),
        (catalogue(("near", NEAR, 1), ("far", FAR, 1), share_max=float("nan")), "share_max"),
        (catalogue(("near", NEAR, 0), ("far", FAR, 0)), "none would be asked first"),
        (catalogue(("near", FAR, 1), ("far", FAR, 1)), "beyond its weight"),
        (catalogue(("near", NEAR, 1)), "beyond its weights"),
        (catalogue(("near", NEAR, 1), ("far", FAR, 1), fallbacks=("other",)), "beyond its weights"),
        (dataclasses.replace(catalogue(("near", NEAR, 1), ("far", FAR, 1)), models={}), "would be others"),
        (
            dataclasses.replace(
                catalogue(("near", NEAR, 1), ("far", FAR, 1)), escalation=providers.Escalation(model="other")
            ),
            "escalation",
        ),
    ],
)
def test_of_models_only_the_order_and_fewer_escalations_are_tuning(after: providers.Catalogue, said: str) -> None:
    why = tuning.catalogue_loosened(catalogue(("near", NEAR, 1), ("far", FAR, 1)), after)
    assert said in why and bool(why) == bool(said)


@pytest.mark.parametrize(("price", "ok"), [(NEAR, True), (MIDDLE, True), (money.Price(1, 6), False), (None, False)])
def test_who_was_asked_after_the_others_comes_first_only_where_no_token_costs_more(
    price: money.Price | None, ok: bool
) -> None:
    before = catalogue(("middle", MIDDLE, 1), ("spare", price, 0))
    after = catalogue(("middle", MIDDLE, 0), ("spare", price, 1))
    assert (tuning.catalogue_loosened(before, after) == "") is ok


@pytest.mark.parametrize(
    ("before", "after", "ok"),
    [
        # Cheaper input does not make up for dearer output.
        ([(money.Price(5, 5), 1), (money.Price(1, 6), 1)], [1, 2], False),
        ([(money.Price(1, 1), 999), (money.Price(6000, 6000), 1)], [0, 1000], False),
        # Without a price it costs nobody knows what: a larger share of it is not cheaper.
        ([(NEAR, 9), (None, 1)], [0, 1], False),
        ([(FAR, 9), (None, 1)], [8, 2], False),
        ([(NEAR, 9), (None, 1)], [10, 1], False),
        ([(NEAR, 1), (FAR, 1), (None, 2)], [3, 1, 4], True),
        ([(None, 1), (None, 1)], [1, 5], False),
        ([(None, 1), (None, 1)], [5, 5], True),
        ([(FAR, 0), (NEAR, 0)], [0, 0], True),
    ],
)
def test_weights_move_only_to_where_first_calls_cost_no_more(
    before: list[tuple[money.Price | None, int]], after: list[int], ok: bool
) -> None:
    old = catalogue(*((f"p{number}", price, weight) for number, (price, weight) in enumerate(before)))
    new = catalogue(*((f"p{number}", before[number][0], weight) for number, weight in enumerate(after)))
    assert (tuning.catalogue_loosened(old, new) == "") is ok
