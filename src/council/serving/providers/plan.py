"""Which deployments to try for a model, in which order. Pure, but for the die that the weights need."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from council.domain import providers


@dataclass(frozen=True, slots=True)
class Step:
    """One deployment to try, and the model for which it stands."""

    model: providers.Model
    deployment: providers.Deployment

    @property
    def key(self) -> str:
        """What it is known by where failures are remembered."""
        return f"{self.deployment.provider}/{self.deployment.model}"


def steps(
    name: str,
    models: Mapping[str, providers.Model],
    able: Callable[[providers.Model], bool],
    die: random.Random,
) -> Iterator[Step]:
    """Yield the model's own deployments, one drawn by weight first, then those of its fallbacks that are `able`.

    A fallback's own fallbacks are not followed, so that the chain is what the file shows.
    """
    model = models[name]
    chain = [model, *(models[fallback] for fallback in model.fallbacks if fallback in models)]
    seen: set[str] = set()
    for place, one in enumerate(chain):
        if place and not able(one):
            continue
        for deployment in _by_weight(one.deployments, die):
            step = Step(one, deployment)
            if step.key not in seen:
                seen.add(step.key)
                yield step


def _by_weight(deployments: tuple[providers.Deployment, ...], die: random.Random) -> list[providers.Deployment]:
    """Draw without putting back; weight 0 means only when all others failed."""
    if len(deployments) == 1:
        return list(deployments)
    left = [deployment for deployment in deployments if deployment.weight > 0]
    drawn: list[providers.Deployment] = []
    while left:
        chosen = die.choices(left, [deployment.weight for deployment in left])[0]
        left.remove(chosen)
        drawn.append(chosen)
    return drawn + [deployment for deployment in deployments if deployment.weight == 0]
