"""Starts the peers: the fake upstream, the bare pass-through, and the LiteLLM proxy in an environment of its own."""

import dataclasses
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

PASS_THROUGH = "FastAPI + aiohttp"
STARLETTE = "Starlette + aiohttp"
LITELLM = "LiteLLM proxy"
LITELLM_VERSION = "1.106.2"
# LiteLLM refuses the keys that its examples use.
LITELLM_KEY = "sk-benchmark-4f1c97d2a0"
_HERE = Path(__file__).resolve().parent
_INSTALL_S = 600
_START_S = 90.0
_STOP_S = 15.0


class UnavailableError(Exception):
    """A peer that cannot be had here; the text says why."""


@dataclasses.dataclass(slots=True)
class Peer:
    """A running server. `ready_s` is from its start to its first 200."""

    url: str
    popen: "subprocess.Popen[bytes]"
    ready_s: float
    key: str = ""

    @property
    def pid(self) -> int:
        return self.popen.pid

    def close(self) -> None:
        self.popen.terminate()
        try:
            self.popen.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()


def cache() -> Path:
    """Return the folder that keeps environments of peers between runs, outside the repository."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "council-bench")


def make_environment(folder: Path, requirements: Sequence[str], constraints: Path | None = None) -> Path:
    """Make a virtual environment with uv where it is there, else with pip; return its Python. Raises UnavailableError."""
    python = folder / "bin" / "python"
    more = ["-c", str(constraints)] if constraints else []
    if shutil.which("uv"):
        steps = [
            ["uv", "venv", "-q", "--no-project", "--python", sys.executable, str(folder)],
            ["uv", "pip", "install", "-q", "--python", str(python), *requirements, *more],
        ]
    else:
        steps = [
            [sys.executable, "-m", "venv", str(folder)],
            [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *requirements, *more],
        ]
    for step in steps:
        try:
            subprocess.run(
                step, check=True, capture_output=True, text=True, timeout=_INSTALL_S, stdin=subprocess.DEVNULL
            )
        except subprocess.CalledProcessError as error:
            raise UnavailableError(f"cannot be installed: {error.stderr.strip()[-200:]}") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UnavailableError(f"cannot be installed: {type(error).__name__}") from error
    return python


def litellm_environment() -> Path:
    """Return the folder of LiteLLM's environment, made at the first call. Raises UnavailableError."""
    folder = cache() / f"litellm-{LITELLM_VERSION}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        make_environment(folder, [f"litellm[proxy]=={LITELLM_VERSION}"])
        (folder / "complete").touch()
    return folder


def upstream(port: int) -> Peer:
    """Start the fake upstream."""
    return _uvicorn("fake_upstream:app", port, {}, sys.executable)


def pass_through(port: int, upstream_url: str, python: str = sys.executable) -> Peer:
    """Start the bare pass-through under uvicorn, in the environment of `python`."""
    return _uvicorn("pass_through:app", port, {"UPSTREAM": upstream_url}, python)


def scripted(port: int, key: str, script: Path | None = None) -> Peer:
    """Start the scripted upstream, which serves whoever brings `key`."""
    command = [sys.executable, "-m", "council.testing.upstream", "--port", str(port), "--key", key]
    command += ["--script", str(script)] if script else []
    return _start(command, port, "/_tally", {}, key)


def starlette(port: int, upstream_url: str) -> Peer:
    """Start the bare pass-through without FastAPI under uvicorn."""
    return _uvicorn("pass_through_starlette:app", port, {"UPSTREAM": upstream_url}, sys.executable)


def litellm(
    port: int, upstream_url: str, folder: Path, models: Sequence[str] = ("fake",), upstream_key: str = "none"
) -> Peer:
    """Start the LiteLLM proxy, without database, with models at `upstream_url`. Raises UnavailableError."""
    environment = litellm_environment()
    config = folder / "litellm.yaml"
    listed = "".join(
        f"  - model_name: {name}\n    litellm_params:\n      model: openai/{name}\n"
        f"      api_base: {upstream_url}/v1\n      api_key: {upstream_key}\n"
        for name in models
    )
    config.write_text(f"model_list:\n{listed}general_settings:\n  master_key: {LITELLM_KEY}\n")
    command = [
        str(environment / "bin" / "litellm"),
        "--config",
        str(config),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    # Prices from the package instead of from the network, no usage reports.
    more = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "LITELLM_TELEMETRY": "False"}
    return _start(command, port, "/health/liveliness", more, LITELLM_KEY)


def _uvicorn(app: str, port: int, more: Mapping[str, str], python: str) -> Peer:
    command = [python, "-m", "uvicorn", app, "--app-dir", str(_HERE), "--host", "127.0.0.1"]
    return _start(
        [*command, "--port", str(port), "--loop", "uvloop", "--no-access-log", "--log-level", "error"],
        port,
        "/livez",
        more,
    )


def _start(command: Sequence[str], port: int, path: str, more: Mapping[str, str], key: str = "") -> Peer:
    kept = {name: value for name, value in os.environ.items() if not re.match(r"COUNCIL_|PYTHON", name)}
    started_s = time.monotonic()
    popen = subprocess.Popen(
        command, env={**kept, **more}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    while time.monotonic() - started_s < _START_S:
        if popen.poll() is not None:
            raise UnavailableError(f"ended with status {popen.returncode} before it served")
        if answers(url + path):
            return Peer(url, popen, time.monotonic() - started_s, key)
        time.sleep(0.005)
    popen.kill()
    popen.wait()
    raise UnavailableError(f"does not serve after {_START_S:g} s")


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def answers(url: str) -> bool:
    """Return whether a GET is answered with 200."""
    try:
        with _OPENER.open(url, timeout=5) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False
