"""The `llm` command, with the file that the docs show."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from scenarios import TOKEN, main, scenario

FOLDER = Path("llm-home")
FOLDER.mkdir()
(FOLDER / "extra-openai-models.yaml").write_text(os.environ["LLM_FILE"])


def _llm(*arguments: str, said: str | None = None) -> Any:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("llm")), *arguments],
        env={**os.environ, "LLM_USER_PATH": str(FOLDER)},
        input=said, stdin=None if said is not None else subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return {"status": done.returncode, "said": done.stdout.strip(), "error": done.stderr.strip()[-500:]}


@scenario
def key() -> Any:
    return _llm("keys", "set", "council", "--value", TOKEN)


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
