import collections
import random

import pytest
from hypothesis import given, strategies

from council.domain import providers
from council.serving.providers import plan


def model(name: str, *deployments: tuple[str, int], fallbacks: tuple[str, ...] = ()) -> providers.Model:
    made = tuple(providers.Deployment(provider, "x", None, weight) for provider, weight in deployments)
    return providers.Model(name, made, 100, 100, 0, frozenset(), fallbacks)


def steps(name: str, *models: providers.Model, seed: int = 0, able: bool = True) -> list[str]:
    found = plan.steps(name, {one.name: one for one in models}, lambda _: able, random.Random(seed))
    return [step.key for step in found]


def test_the_own_deployments_come_first_and_then_those_of_the_fallbacks_in_their_order() -> None:
    models = (model("m", ("a", 1), fallbacks=("n", "o")), model("o", ("c", 1)), model("n", ("b", 1)))
    assert steps("m", *models) == ["a/x", "b/x", "c/x"]


def test_a_fallbacks_own_fallbacks_are_not_followed_and_unknown_ones_are_passed_over() -> None:
    models = (
        model("m", ("a", 1), fallbacks=("n", "gone")),
        model("n", ("b", 1), fallbacks=("o",)),
        model("o", ("c", 1)),
    )
    assert steps("m", *models) == ["a/x", "b/x"]


def test_only_fallbacks_must_be_able() -> None:
    assert steps("m", model("m", ("a", 1), fallbacks=("n",)), model("n", ("b", 1)), able=False) == ["a/x"]


def test_weight_zero_comes_last_and_alone_it_comes_at_all() -> None:
    for seed in range(50):
        assert steps("m", model("m", ("a", 0), ("b", 1), ("c", 5)), seed=seed)[-1] == "a/x"
    assert steps("m", model("m", ("a", 0))) == ["a/x"]


def test_who_comes_first_is_drawn_by_weight() -> None:
    die = random.Random(0)
    models = {"m": model("m", ("a", 1), ("b", 3))}
    first = collections.Counter(next(plan.steps("m", models, lambda _: True, die)).key for _ in range(4_000))
    assert first["b/x"] / 4_000 == pytest.approx(0.75, abs=0.03)


weights = strategies.lists(strategies.tuples(strategies.sampled_from("abcdef"), strategies.integers(0, 9)), min_size=1)


@given(weights, weights, strategies.integers(0, 1 << 32))
def test_every_deployment_comes_once(own: list[tuple[str, int]], other: list[tuple[str, int]], seed: int) -> None:
    found = steps("m", model("m", *own, fallbacks=("n", "n", "m")), model("n", *other), seed=seed)
    assert sorted(found) == sorted({f"{name}/x" for name, _ in [*own, *other]})
    assert {key[0] for key in found[: len({name for name, _ in own})]} == {name for name, _ in own}
