"""The front as sandboxd gets it from the composition root: which runner, started and closed when, and its trail."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from council import app
from council.backends.sandbox_runner import firejail, gvisor
from council.backends.sandbox_runner.namespaces import runner as namespaces
from council.domain import config, errors, home, sandbox
from council.testing import sandbox as fake_sandbox

JOB = sandbox.Job("python", "print(1)")


class Runner(fake_sandbox.ScriptedRunner):
    """Notes its start; fails it where told to."""

    def __init__(self, failure: Exception | None = None) -> None:
        super().__init__()
        self.failure = failure
        self.started = False

    async def start(self) -> None:
        if self.failure:
            raise self.failure
        self.started = True


@pytest.fixture
def where(tmp_path: Path) -> home.Home:
    made = home.Home(tmp_path)
    made.sandbox.mkdir()
    return made


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Runner], None]:
    """Have the composition root choose a runner of the test's own."""
    return lambda runner: monkeypatch.setattr(app, "_runner", lambda *_: app._started(runner))


async def test_a_job_goes_through_the_front_to_a_started_runner_and_into_the_trail(
    where: home.Home, use: Callable[[Runner], None]
) -> None:
    runner = Runner()
    use(runner)
    # A runner that runs nothing cannot tell of walls either.
    opening = app.sandbox_front(config.build({"sandbox": {"allow_missing": ["self-test"]}}, {}, {}), where)
    assert not runner.started and not list(where.sandbox.iterdir())
    async with opening as front:
        assert runner.started
        with pytest.raises(errors.SandboxUnavailableError, match="not been tried"):
            await front.ping()
        async with asyncio.timeout(20):
            while not (await front.status()).walls:
                await asyncio.sleep(0.002)
        result = await front.run(JOB, "u/t", "the-id")
        assert result.status is sandbox.Status.OK and result.layers == fake_sandbox.LAYERS
    assert runner.closed
    trail = "".join(path.read_text() for path in where.sandbox.glob("audit-*"))
    assert "the-id" in trail and result.audit_id.partition("-")[2] in trail


async def test_a_runner_that_does_not_start_leaves_nothing_open(
    where: home.Home, use: Callable[[Runner], None]
) -> None:
    use(Runner(errors.SandboxUnavailableError("No.")))
    with pytest.raises(errors.SandboxUnavailableError):
        async with app.sandbox_front(config.Config(), where):
            pass
    assert "audit-sync" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("namespaces", namespaces.NamespaceRunner),
        ("firejail", firejail.FirejailRunner),
        ("gvisor", gvisor.GvisorRunner),
    ],
)
def test_the_settings_choose_the_runner(
    where: home.Home, monkeypatch: pytest.MonkeyPatch, kind: str, wanted: type
) -> None:
    made: list[object] = []
    monkeypatch.setattr(app, "_started", made.append)
    app._runner(config.build({"sandbox": {"kind": kind}}, {}, {}).sandbox, where)
    assert [type(runner) for runner in made] == [wanted]
