"""Pint's units with exact fractions: the second opinion on every factor. Only names of our own table reach its parser."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any


@contextmanager
def _without_numpy() -> Iterator[None]:
    """Have an import of numpy fail. Pint would load it, and 130 MB of address space and threads with it, for arrays alone."""
    if "numpy" in sys.modules:
        yield
        return
    sys.modules["numpy"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["numpy"]


with _without_numpy():
    import pint

# Made where the worker starts, so that its children share it.
_REGISTRY: Any = pint.UnitRegistry(non_int_type=Fraction)


def convert(value: Fraction, source: str, target: str) -> Fraction:
    """Return `value` of one of pint's units in another of the same kind."""
    return Fraction(_REGISTRY.Quantity(value, source).to(target).magnitude)
