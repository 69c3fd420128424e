"""How many examples Hypothesis draws in a quick run: a fifth of what a test asks for."""

from collections.abc import Callable
from typing import Any

import hypothesis

QUICK_SHARE = 5
QUICK_EXAMPLES_MIN = 5


def draw_fewer(test: Callable[..., Any]) -> None:
    """Let a test of Hypothesis draw a fifth; nothing happens to any other.

    There is no public way to do so once `given` has been applied; tests/unit/test_runs.py shows that this one works.
    """
    usual = getattr(test, "_hypothesis_internal_use_settings", None)
    if usual is not None:
        fewer = max(QUICK_EXAMPLES_MIN, usual.max_examples // QUICK_SHARE)
        test._hypothesis_internal_use_settings = hypothesis.settings(  # type: ignore[attr-defined]
            usual, max_examples=min(usual.max_examples, fewer)
        )
