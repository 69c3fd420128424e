"""Fixtures of the acceptance tests."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

import whole

served = whole.served


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    """Serve a scripted server of models in a process of its own; yields its URL."""
    with subprocess.Popen(
        [sys.executable, "-m", "council.testing.upstream"], stdout=subprocess.PIPE, text=True
    ) as serving:
        assert serving.stdout is not None
        try:
            yield serving.stdout.readline().strip()
        finally:
            serving.terminate()
