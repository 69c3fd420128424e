"""A whole Council whose providers are the scripted upstream, and the real clients that are run against it.

Each client is a program under `scripts/`, run once in `.venv-clients`. It prints what every one of its scenarios came to as
JSON, and the tests look at that. Nothing leaves this machine: proxies lead nowhere.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click import testing

import whole
from council.cli import main

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-clients" / "bin" / "python"
SCRIPTS = Path(__file__).parent / "scripts"
SCRIPT_S = 180.0
KEY = "sk-upstream"

# A model of the upstream for each that callers name, so that its tally can be held against the ledger.
BEHAVIOURS = {
    "gpt-up": "ok", "plain-up": "ok", "claude-up": "ok", "dear-up": "ok", "vectors-up": "ok", "broken-up": "status-500",
    "cut-up": "cut-mid-stream",
}  # fmt: skip
MODELS = {
    "gpt": ("native", "gpt-up", "0.15", "0.60"),
    "plain": ("plain", "plain-up", "0.15", "0.60"),
    "vectors": ("plain", "vectors-up", "0.02", "0"),
    "claude": ("anthropic", "claude-up", "3", "15"),
    "dear": ("plain", "dear-up", "1000", "1000"),
    "broken": ("plain", "broken-up", "1", "1"),
    "cut": ("plain", "cut-up", "1", "1"),
}


PAGES = ROOT / "docs" / "howto"
PAGES_URL = "http://127.0.0.1:8000"


def shown(page: str, language: str) -> list[str]:
    """Return the blocks of a language that a page shows."""
    text = (PAGES / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Setting:
    """The service, and tokens to ask it with: `limited` may make one request a minute, `burst` sixty."""

    council: whole.Council
    upstream_url: str
    limited: str
    burst: str

    def environment(self) -> dict[str, str]:
        """What a client's program needs to know."""
        return {
            "COUNCIL_URL": self.council.base_url,
            "COUNCIL_TOKEN": self.council.token,
            "COUNCIL_TOKEN_LIMITED": self.limited,
            "COUNCIL_TOKEN_BURST": self.burst,
            "LLM_LINE": shown("clients-llm.md", "sh")[0].replace(PAGES_URL, self.council.base_url),
            "LLM_MORE": shown("clients-llm.md", "yaml")[0].replace(PAGES_URL, self.council.base_url),
            # Whose `~/.council/token` it reads.
            "LLM_LINE_HOME": str(self.council.home.parent),
        }


@pytest.fixture(scope="session")
def upstream_url() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "script.json")
        script.write_text(json.dumps({"models": BEHAVIOURS}))
        command = [sys.executable, "-m", "council.testing.upstream", "--key", KEY, "--script", str(script)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                yield process.stdout.readline().strip()
            finally:
                process.terminate()


@pytest.fixture(scope="session")
def setting(upstream_url: str) -> Iterator[Setting]:
    """Set up by the same commands that the docs show."""
    # Deployments that fail on purpose are not to be left alone, and tests need not wait for retries.
    environment = {"COUNCIL_CALLS_FAILURES_MAX": "1000", "COUNCIL_CALLS_BACKOFF_FIRST_S": "0.01"}
    with tempfile.TemporaryDirectory(prefix="council") as folder:
        home, port = Path(folder, ".council"), whole.free_port()
        around = whole.surroundings(home, port, environment)
        # Before the start, so that nobody has to wait until the gateway has heard of them.
        _good(around, "init")
        _add_providers(around, upstream_url)
        tokens = [_good(around, "tokens", "add", "--requests-per-minute", limit) for limit in ("1", "60")]
        with whole.running(home, port, environment) as council:
            yield Setting(council, upstream_url, *tokens)


def _add_providers(around: Mapping[str, str], upstream_url: str) -> None:
    for name, more in (("native", ("--preset", "openai")), ("plain", ()), ("anthropic", ("--preset", "anthropic"))):
        _good(around, "providers", "add", name, "--url", f"{upstream_url}/v1", *more)
        _good(around, "providers", "key", name, said=KEY)
    for name, (provider, deployed, price_in, price_out) in MODELS.items():
        prices = ("--input-usd", price_in, "--output-usd", price_out)
        _good(around, "providers", "model", "add", name, "--provider", provider, "--model", deployed, *prices)


def _good(around: Mapping[str, str], *arguments: str, said: str = "") -> str:
    """Run a command in this process: it has twenty of them to run, and each start of Python takes longer than they do."""
    foreign = {name: None for name in os.environ if name.startswith("COUNCIL_") and name not in around}
    done = testing.CliRunner().invoke(main.cli, arguments, said, {**around, **foreign})
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout.strip()


def need_clients() -> None:
    """Skip, and say why, where the clients could not be had."""
    if not (PYTHON.parents[1] / "council-setup.txt").exists():
        pytest.skip(".venv-clients is not there; `python3 tools/setup_clients.py` makes it, or says why it cannot")


@pytest.fixture(scope="session")
def ran(setting: Setting) -> Callable[[str], dict[str, Any]]:
    """Run a client's program once, and give what its scenarios came to."""
    found: dict[str, dict[str, Any]] = {}

    def run(name: str) -> dict[str, Any]:
        need_clients()
        if name not in found:
            found[name] = json.loads(_run(name, setting))
        return found[name]

    return run


def _run(name: str, setting: Setting) -> str:
    with tempfile.TemporaryDirectory() as folder:
        done = run_client([str(SCRIPTS / f"{name}.py")], {**setting.environment(), "HOME": folder}, folder)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.splitlines()[-1]


def run_client(arguments: list[str], environment: dict[str, str], folder: str) -> subprocess.CompletedProcess[str]:
    """Run the clients' Python, which finds nothing of ours in its environment and no way out of this machine."""
    foreign = ("COUNCIL_", "OPENAI_", "ANTHROPIC_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    nowhere = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    lower = {key.lower(): value for key, value in nowhere.items()}
    return subprocess.run(
        [str(PYTHON), *arguments],
        env={**kept, **nowhere, **lower, **environment, "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SCRIPT_S, check=False,
    )  # fmt: skip
