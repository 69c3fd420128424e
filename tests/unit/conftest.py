"""Nothing waits for the disk here: what is lost with the power is for tests of whole processes to show.

Coverage is measured by the tests that state cases, not by those that draw them or look for a bound.

What a drawn case reaches differs from run to run and would make the figure waver. A bound in time is one of the code, not of
the code under a tracer. And tracing makes a few lines that run a million times two to five times as slow.
"""

import os
import sys
from collections.abc import Generator, Iterator

import pytest


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Run tests of Hypothesis, and those marked `no_cover`, untraced.

    By hand, because in a worker of xdist pytest-cov has two collectors, and the one wakes when it puts the other to sleep.
    """
    if not (item.get_closest_marker("hypothesis") or item.get_closest_marker("no_cover")):
        return (yield)
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracer)


@pytest.fixture(scope="module", autouse=True)
def nothing_waits_for_the_disk() -> Iterator[None]:
    """Let a sync return at once; of a file that is not open it is an error all the same."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", os.fstat)
        patched.setattr(os, "fdatasync", os.fstat)
        yield
