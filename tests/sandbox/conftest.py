"""The runner that the attacks and the benign programs are run by, and the host they must not reach."""

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import code_rig
from council import ports
from sandbox import host as host_module
from sandbox import runners

# The default kind, as root and as an ordinary user. COUNCIL_TEST_SANDBOX names another, to see what that one lets through.
if os.environ.get("COUNCIL_TEST_SANDBOX"):
    KINDS = (os.environ["COUNCIL_TEST_SANDBOX"],)
else:
    KINDS = ("namespaces", "namespaces as ordinary user") if os.geteuid() == 0 else ("namespaces",)


@pytest.fixture(scope="session", autouse=True)
def secret_in_our_environment() -> None:
    """Before any sandbox starts: what the processes here know, no job may."""
    os.environ.setdefault(host_module.SECRET_VARIABLE, secrets.token_hex(16))


@pytest.fixture
def host(request: pytest.FixtureRequest) -> Iterator[host_module.Host]:
    """What a job must not reach; as the same user where a test shows an attack bare."""
    account = request.getfixturevalue("account") if "account" in request.fixturenames else None
    yield from host_module.made(account)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """The name of the runner's kind, one of `runners.MAKERS`."""
    return str(request.param)


@pytest.fixture
async def runner(kind: str, tmp_path: Path) -> AsyncIterator[ports.SandboxRunner]:
    """The runner under test."""
    if reason := runners.why_not(kind):
        pytest.skip(reason)
    async with runners.MAKERS[kind](tmp_path) as made:
        yield made


@pytest.fixture(name="runs")
async def made_runs() -> AsyncIterator[code_rig.RunnerAsSandbox]:
    """Real sandboxes for the specialists that run code."""
    async with code_rig.sandboxes() as made:
        yield made
