"""How every test is run.

Hypothesis judges what it finds, and not how long a busy machine takes to find it. `--quick` is for the run before each commit:
it leaves out the tests marked `long`, and Hypothesis draws a fifth of what it draws otherwise. `--share 2` is how CI runs them:
all tests, with half of the examples.
"""

import gc
import os
import tempfile
from typing import Any

import hypothesis
import pytest

import covering
import drawn
import side_by_side
import whole

hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="leave out what is long, draw a fifth of the examples")
    parser.addoption("--share", type=int, default=1, help="draw one of so many examples")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    return side_by_side.Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_configure(config: pytest.Config) -> None:
    # A worker's results are heard by whoever it works for, and what Councils keep for others is shared among workers.
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(covering.Covering(config.rootpath), "covering")
        if whole.KEPT not in os.environ:
            folder = tempfile.TemporaryDirectory(prefix="council-kept", ignore_cleanup_errors=True)
            config.add_cleanup(folder.cleanup)
            os.environ[whole.KEPT] = folder.name


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    covering.name_cells(items)
    if hasattr(config, "workerinput"):
        items[:] = side_by_side.in_order(items)
    quick = config.getoption("quick", default=False)
    if (share := drawn.QUICK_SHARE if quick else config.getoption("share", default=1)) > 1:
        for test in {item.function for item in items if isinstance(item, pytest.Function)}:
            drawn.draw_fewer(test, share)
    if not quick:
        return
    left_out = [item for item in items if item.get_closest_marker("long")]
    items[:] = [item for item in items if not item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=left_out)


def pytest_collection_finish() -> None:
    """Keep the collector of garbage away from what thousands of tests are made of, and which stays to the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
