"""The `llm` command, connected by the line that the docs show."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from scenarios import main, scenario

FOLDER = Path("llm-home").absolute()
FOLDER.mkdir()
PROGRAMS = Path(sys.executable).parent
ENVIRONMENT = {
    **os.environ,
    "LLM_USER_PATH": str(FOLDER),
    "PATH": f"{PROGRAMS}:{os.environ.get('PATH', '/usr/bin:/bin')}",
}


def _llm(*arguments: str, said: str | None = None) -> Any:
    return _run([str(PROGRAMS / "llm"), *arguments], said)


def _run(command: list[str], said: str | None = None, **more: str) -> Any:
    done = subprocess.run(
        command,
        env={**ENVIRONMENT, **more},
        input=said, stdin=None if said is not None else subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return {"status": done.returncode, "said": done.stdout.strip(), "error": done.stderr.strip()[-500:]}


@scenario
def line() -> Any:
    return _run(["sh", "-c", os.environ["LLM_LINE"]], HOME=os.environ["LLM_LINE_HOME"])


@scenario
def more() -> Any:
    with (FOLDER / "extra-openai-models.yaml").open("a") as file:
        file.write(os.environ["LLM_MORE"])


@scenario
def models() -> Any:
    return _llm("models")


@scenario
def asked() -> Any:
    return _llm("-m", "council", "What is 6 * 7?")


@scenario
def asked_without_stream() -> Any:
    return _llm("-m", "gpt-by-council", "--no-stream", "-s", "four", "one two three")


@scenario
def asked_for_more() -> Any:
    return _llm("-m", "gpt-by-council", "-c", "and more")


@scenario
def tools() -> Any:
    return _llm("-m", "gpt-by-council", "-T", "llm_version", "--td", "which version")


@scenario
def schema() -> Any:
    return _llm("-m", "gpt-by-council", "--schema", "name, age int", "one person")


@scenario
def options() -> Any:
    return _llm("-m", "gpt-by-council", "-o", "temperature", "0.5", "-o", "max_tokens", "3", "one two three")


@scenario
def wrong_key() -> Any:
    return _llm("-m", "council", "--key", "wrong", "hello")


main()
