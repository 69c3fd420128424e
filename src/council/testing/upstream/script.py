"""Which behaviour a call meets: the one that the model's name stands for, or one that a script chooses."""

import dataclasses
import random
from collections.abc import Mapping, Sequence
from typing import Any

from council.testing.upstream import behaviours

Rule = str | Sequence[str] | Mapping[str, float]
"""A behaviour; behaviours one after the other, the last of which stays; or behaviours with their weights."""


class ScriptError(Exception):
    """A script that names what is not there; the text says what."""


@dataclasses.dataclass(frozen=True, slots=True)
class Script:
    """`models` are rules by name, `any` is the rule for every other name; without one the name itself is the behaviour.

    With the same seed and the same order of calls to each model, the same behaviours are chosen.
    """

    models: Mapping[str, Rule] = dataclasses.field(default_factory=dict)
    any: Rule | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for rule in [*self.models.values(), *([] if self.any is None else [self.any])]:
            names = [rule] if isinstance(rule, str) else list(rule)
            unknown = [name for name in names if behaviours.named(name) is None]
            if unknown or not names:
                raise ScriptError(
                    f"The script names no behaviour that there is: {', '.join(unknown) or 'none at all'}."
                )


def from_json(value: Any) -> Script:
    """Return the script in an object with `models`, `any` and `seed`. Raises ScriptError."""
    if not isinstance(value, dict) or not value.keys() <= {"models", "any", "seed"}:
        raise ScriptError("A script is an object with models, any and seed.")
    try:
        return Script(value.get("models") or {}, value.get("any"), int(value.get("seed") or 0))
    except (AttributeError, TypeError, ValueError) as error:
        raise ScriptError("A rule is a behaviour, a list of them, or an object of weights.") from error


class Chooser:
    """Chooses by a script, and counts the calls to each model."""

    def __init__(self, script: Script):
        self.script = script
        self._calls: dict[str, int] = {}
        self._dice: dict[str, random.Random] = {}

    def choose(self, model: str) -> tuple[str, behaviours.Behaviour] | None:
        """Return the behaviour that the next call to a model meets, and its name; None for a model that is not there."""
        rule = self.script.models.get(model, self.script.any)
        if rule is None:
            name = model
        elif isinstance(rule, str):
            name = rule
        elif isinstance(rule, Mapping):
            dice = self._dice.get(model)
            if dice is None:
                dice = self._dice[model] = random.Random(f"{self.script.seed}:{model}")  # noqa: S311 - chance that can be repeated
            name = dice.choices(list(rule), list(rule.values()))[0]
        else:
            count = self._calls[model] = self._calls.get(model, -1) + 1
            name = rule[min(count, len(rule) - 1)]
        found = behaviours.named(name)
        return None if found is None else (name, found)
