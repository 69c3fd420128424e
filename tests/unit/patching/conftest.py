"""What is marked `virtual_time` runs in a loop whose time passes only while everybody waits."""

import asyncio
from collections.abc import Callable, Mapping

import pytest

import virtual_time


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Return the one kind of loop that a test runs in."""
    del config
    return (
        {"virtual": virtual_time.Loop} if item.get_closest_marker("virtual_time") else {"real": asyncio.new_event_loop}
    )
