"""How every test is run.

Hypothesis judges what it finds, and not how long a busy machine takes to find it. `--quick` is for the run before each commit:
it leaves out the tests marked `long`, and Hypothesis draws a fifth of what it draws otherwise.
"""

import gc
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest

QUICK_SHARE = 5
QUICK_EXAMPLES_MIN = 5

hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="leave out what is long, draw a fifth of the examples")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("quick"):
        return
    for test in {item.function for item in items if isinstance(item, pytest.Function)}:
        draw_fewer(test)
    left_out = [item for item in items if item.get_closest_marker("long")]
    items[:] = [item for item in items if not item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=left_out)


def pytest_collection_finish() -> None:
    """Keep the collector of garbage away from what thousands of tests are made of, and which stays to the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def draw_fewer(test: Callable[..., Any]) -> None:
    """Let a test of Hypothesis draw a fifth; nothing happens to any other. It has no public way to do so after `given`."""
    usual = getattr(test, "_hypothesis_internal_use_settings", None)
    if usual is not None:
        fewer = max(QUICK_EXAMPLES_MIN, usual.max_examples // QUICK_SHARE)
        test._hypothesis_internal_use_settings = hypothesis.settings(  # type: ignore[attr-defined]
            usual, max_examples=min(usual.max_examples, fewer)
        )
