"""Coverage is measured by the tests that state cases, not by those that draw them.

What a drawn case reaches differs from run to run, so it would only make the figure waver, and tracing makes the same few
lines, run a million times, two to five times as slow. The tests themselves are as strong as without coverage.
"""

import pytest


@pytest.hookimpl(trylast=True)  # after Hypothesis has marked its tests
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("hypothesis"):
            item.add_marker(pytest.mark.no_cover)
