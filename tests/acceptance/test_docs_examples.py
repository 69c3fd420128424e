"""Every example in the README and the docs runs and prints what the page shows.

In a `console` block each line that begins with `$` is a command, and the lines after it are its output: `…` stands for any
text in a line, a line of `…` alone for any lines. In `console figures` numbers and ids may differ. A `python` block is a
program, and a `text` block right after it its output. The pages speak of `~/.council` and port 8000; here both are the test's.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

import whole
from council.domain import home

ROOT = Path(__file__).resolve().parents[2]
# The first Council of a run has every passage to embed.
EXAMPLE_S = 180.0
# A patch goes its whole way in one example.
PATCH_S = 400.0
# A busy machine's model takes its time. A bake is longer where commands meet it.
BAKE = whole.SHORT_BAKE | {"COUNCIL_BAKE_ANSWER_S": "40", "COUNCIL_BAKE_LATENCY_S": "5"}
MET = {"COUNCIL_BAKE_DURATION_S": "15"}
_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FIGURE = re.compile(r"\b(?:[0-9a-f]{8}|[0-9a-f]{16}|[0-9A-HJKMNP-TV-Z]{26}|[0-9a-f]{40})\b|\d[\d.,:-]*")


@dataclass(frozen=True)
class Example:
    """A command or program, and what it should print. `figures` says that numbers may differ."""

    code: str
    output: str
    is_python: bool = False
    figures: bool = False


def examples(text: str) -> Iterator[Example]:
    blocks = [(found.group(1).strip(), found.group(2), found.start(), found.end()) for found in _BLOCK.finditer(text)]
    for index, (language, body, _, end) in enumerate(blocks):
        if language == "python":
            follows = blocks[index + 1] if index + 1 < len(blocks) else ("", "", -1, -1)
            shown = follows[1] if follows[0] == "text" and not text[end : follows[2]].strip() else ""
            yield Example(body, shown, is_python=True)
        elif language in ("console", "console figures"):
            for command, output in re.findall(
                r"^\$ ((?:[^\n]*\\\n)*[^\n]*)\n((?:(?!\$ )[^\n]*\n)*)", body, re.MULTILINE
            ):
                yield Example(command, output, figures=language.endswith("figures"))


PAGES = [
    page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if any(examples(page.read_text()))
]


def matches(shown: str, printed: str, figures: bool) -> bool:
    """Say whether every line shown was printed, in order and with nothing between, `…` aside."""
    pattern = ""
    for line in shown.strip("\n").splitlines():
        if line.strip() == "…":
            pattern += r"(?:[^\n]*\n)*?"
        else:
            pattern += (
                r"[^\n]*?".join(re.escape(_masked(part, figures)) for part in line.rstrip().split("…")) + r"[ ]*\n"
            )
    return re.fullmatch(pattern, _masked(printed.strip("\n"), figures) + "\n") is not None


def _masked(text: str, figures: bool) -> str:
    if not figures:
        return text
    # A Council that took longer to start is minutes old where the page shows one of seconds.
    return re.sub(r"# (?:d|h|min) # (?:h|min|s)\b", "# s", re.sub(r" +", " ", _FIGURE.sub("#", text)))


def run(example: Example, council: whole.Council) -> str:
    """Return what the example prints, in the terms of the pages."""
    base, user_home = council.port, str(council.home.parent)
    code = re.sub(r"\b80(0[0-9])\b", lambda found: str(base + int(found.group(1))), example.code)
    environment = {
        **council.environment,
        "HOME": user_home,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "120",
    }
    command = [sys.executable, "-c", code] if example.is_python else ["bash", "-c", code]
    done = subprocess.run(
        command,
        cwd=user_home,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATCH_S if re.search("council (patch|propose) ", code) else EXAMPLE_S,
        check=False,
    )
    printed = done.stdout.replace(str(council.home), "~/.council").replace(user_home, "~")
    return re.sub(rf"\b{base // 100}(0[0-9])\b", r"80\1", printed)


@pytest.fixture
def told(page: Path, request: pytest.FixtureRequest) -> Iterator[whole.Council]:
    """The Council that a page speaks of: one of its own where the page lists a first signer. Ends the agent that gpg leaves."""
    run_here = [example.code for example in examples(page.read_text())]
    if not any("council keys add" in code for code in run_here):
        yield request.getfixturevalue("served")
        return
    with tempfile.TemporaryDirectory(prefix="council") as folder:
        where = home.Home(Path(folder, ".council"))
        met = any("--no-wait" in code for code in run_here)
        # One page is tried with every question that Council ships.
        whole.bear_a_busy_machine(where, few=not met)
        yield from _signing(where, BAKE | (MET if met else {}))


def _signing(where: home.Home, settings: Mapping[str, str]) -> Iterator[whole.Council]:
    with whole.running(where.root, whole.free_port(), settings) as council:
        try:
            yield council
        finally:
            folder = council.home.parent / ".gnupg"
            if folder.is_dir():
                subprocess.run(["gpgconf", "--homedir", str(folder), "--kill", "all"], check=True, timeout=EXAMPLE_S)


@pytest.mark.whole
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_examples_of_a_page_print_what_it_shows(page: Path, told: whole.Council) -> None:
    for example in examples(page.read_text()):
        printed = run(example, told)
        if example.output.strip():
            both = f"{example.code}\n--- shown\n{example.output}\n--- printed\n{printed}"
            assert matches(example.output, printed, example.figures), both
        elif example.is_python:
            assert "Traceback" not in printed, printed


def test_a_wrong_line_is_found() -> None:
    assert matches("a … c\n…\nend\n", "a b c\nx\ny\nend\n", figures=False)
    assert not matches("a … c\n", "a b d\n", figures=False)
    assert not matches("one\n", "one\ntwo\n", figures=False)
    assert matches("took 12 ms, 0123abcd\n", "took 3.5 ms, ffff0000\n", figures=True)
    assert not matches("took 12 ms\n", "took 12 s\n", figures=True)
    assert matches("as cid:….\n", "as cid:54a348a5b0335005.\n", figures=True)


def test_commands_and_programs_are_found_in_a_page() -> None:
    text = "```console\n$ one \\\n  more\nout\n$ two\n```\n\n```sh\nnot run\n```\n\n"
    text += "```python\nprint(1)\n```\n\n```text\n1\n```\n"
    assert list(examples(text)) == [
        Example("one \\\n  more", "out\n"),
        Example("two", ""),
        Example("print(1)\n", "1\n", is_python=True),
    ]
