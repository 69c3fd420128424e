"""How many examples Hypothesis draws: a share of what a test asks for, since commits need fewer than a search for days does."""

from collections.abc import Callable
from typing import Any

import hypothesis

QUICK_SHARE = 5
EXAMPLES_MIN = 5


def draw_fewer(test: Callable[..., Any], share: int) -> None:
    """Let a test of Hypothesis draw one of `share` examples; nothing happens to any other.

    There is no public way to do so once `given` has been applied; tests/unit/test_runs.py shows that this one works.
    """
    usual = getattr(test, "_hypothesis_internal_use_settings", None)
    if usual is not None:
        fewer = max(EXAMPLES_MIN, usual.max_examples // share)
        test._hypothesis_internal_use_settings = hypothesis.settings(  # type: ignore[attr-defined]
            usual, max_examples=min(usual.max_examples, fewer)
        )
