"""All families of all modules here, by name."""

import importlib
import pkgutil

from council.testing import questions
from council.testing.questions import families


def found(seed: int, *, of_this_machine: bool = True) -> dict[str, families.Family]:
    """Return every family, in the order of modules and of each module; `seed` draws the documents that some are about.

    Without `of_this_machine`, those that need more than Council's own packages are left out.
    """
    kept: dict[str, families.Family] = {}
    for info in sorted(pkgutil.iter_modules(questions.__path__), key=lambda one: one.name):
        module = importlib.import_module(f"{questions.__name__}.{info.name}")
        made = list(getattr(module, "FAMILIES", ()))
        if hasattr(module, "made"):
            made += module.made(seed)
        if of_this_machine and hasattr(module, "installed"):
            made += module.installed()
        for family in made:
            if family.name in kept:
                raise ValueError(f"two families are named {family.name}; give each a name of its own")
            kept[family.name] = family
    return kept
