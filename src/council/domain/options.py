"""How a setting is declared. The settings themselves are in `config.py` and beside what they are about."""

from dataclasses import field
from typing import Any


def option(default: Any, doc: str, *, low: float | None = None, high: float | None = None) -> Any:
    """Declare a setting: its default, one line for the reference page, and inclusive bounds for numbers."""
    return field(default=default, metadata={"doc": doc, "low": low, "high": high})
