"""`council ask` without a service: what it refuses, and what it prints of an answer."""

from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from council.cli import ask, main
from council.domain import errors

COUNCIL = {
    "specialist": "code", "verified": False, "refused": False, "evidence": {"level": "none", "summary": "Ran \x1b[2J it."},
}  # fmt: skip


@pytest.mark.parametrize("question", ["", "  "])
def test_an_empty_question_is_refused_with_an_example(question: str) -> None:
    result = CliRunner().invoke(main.cli, ["ask", question])
    assert isinstance(result.exception, errors.InvalidRequestError) and "council ask" in str(result.exception)


def test_an_answer_steers_no_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    def stream(*_: object) -> Iterator[dict[str, Any]]:
        yield {"choices": [{"delta": {"content": "It prints:\n\x1b]0;gone\x07"}}]}
        yield {"choices": [], "council": COUNCIL}

    monkeypatch.setattr(ask, "_stream", stream)
    monkeypatch.setattr(ask.calls, "config_of", lambda *_: None)
    monkeypatch.setattr(ask.calls, "token", lambda *_: None)
    result = CliRunner().invoke(main.cli, ["ask", "x", "--home", str(tmp_path)], catch_exceptions=False)
    assert "It prints:\n\\x1b]0;gone\\x07" in result.stdout
    assert "\x1b" not in result.stdout
