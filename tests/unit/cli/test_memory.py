"""`council memory` against a scripted service: what is asked, what is printed, what is checked before anything is sent."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from council.cli import calls, main
from council.domain import config, errors

ID = "01ARZ3NDEKTSV4RRFFQ69G5FA"
ASKED: list[tuple[str, str, Any]] = []


def memory(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"{ID}{number}", "session": "s", "kind": "turn", "subject": "", "attribute": "", "value": "",
        "text": f"text {number}", "source": "r", "confidence": 1.0, "at_us": 1_790_000_000_000_000, "superseded_by": "",
        "superseded_us": 0, **more,
    }  # fmt: skip


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Replies by the start of "METHOD path"; what was asked is in ASKED."""
    replies: dict[str, Any] = {}
    ASKED.clear()

    def call(where: Any, settings: Any, method: str, path: str, body: Any = None, **_: Any) -> dict[str, Any]:
        ASKED.append((method, path, body))
        reply = next(value for key, value in replies.items() if f"{method} {path}".startswith(key))
        if isinstance(reply, Exception):
            raise reply
        return reply.pop(0) if isinstance(reply, list) else reply

    monkeypatch.setattr(calls, "call", call)
    for name in ("config_of", "known_config"):
        monkeypatch.setattr(f"council.cli.options.{name}", lambda *_: config.Config())
    return replies


def run(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(main.cli, ["memory", *arguments], input=text)


def test_a_search_shows_score_and_words(service: dict[str, Any]) -> None:
    found = {"memory": memory(1, text="a\n long " + "word " * 40), "score": 0.5, "similarity": 0.4, "coverage": 0.3}
    service["GET /api/memory/search"] = {"found": [found]}
    lines = run("search", "where", "is & home").stdout.splitlines()
    assert ASKED[0][1] == "/api/memory/search?query=where+is+%26+home&limit=10"
    assert lines[0].split() == ["SCORE", "ID", "DAY", "KIND", "WHAT"]
    assert lines[1].startswith(f"0.50   {ID}1  2026-09-21  turn  a long word") and lines[1].endswith("…")


def test_a_list_goes_on_page_by_page_up_to_its_limit(service: dict[str, Any]) -> None:
    pages = [
        {"memories": [memory(1), memory(2)], "next_after": f"{ID}2"},
        {"memories": [memory(3), memory(4, kind="fact", superseded_by="x")], "next_after": None},
    ]
    service["GET /api/memory?"] = list(pages)
    lines = run("list", "--session", "s").stdout.splitlines()
    assert len(lines) == 5 and "fact (superseded)" in lines[4]
    assert [path for _, path, _ in ASKED] == [
        "/api/memory?session=s&after=&limit=200", f"/api/memory?session=s&after={ID}2&limit=200",
    ]  # fmt: skip
    service["GET /api/memory?"] = list(pages)
    assert [one["id"][-1] for one in json.loads(run("list", "--limit", "3", "--json").stdout)] == ["1", "2", "3"]


@pytest.mark.parametrize("arguments", [[], ["--all", "--session", "s"], ["x", "--all"]])
def test_forgetting_needs_exactly_one_choice(service: dict[str, Any], arguments: list[str]) -> None:
    assert run("forget", *arguments).exit_code == 2
    assert ASKED == []


def test_forgetting_says_how_many_and_what_it_cannot_reach(service: dict[str, Any]) -> None:
    service["DELETE /api/memory"] = {"forgotten": 3}
    assert run("forget", "--all").stdout == "Forgot 3. Backups and exports that you made still hold them.\n"
    assert json.loads(run("forget", "a/b", "c", "--json").stdout) == {"forgotten": 6}
    run("forget", "--session", "s t")
    assert [path for _, path, _ in ASKED] == [
        "/api/memory?all=true", "/api/memory/a%2Fb", "/api/memory/c", "/api/memory/sessions/s%20t",
    ]  # fmt: skip


def test_an_export_is_one_line_a_memory(service: dict[str, Any]) -> None:
    service["GET /api/memory?"] = {"memories": [memory(1), memory(2)], "next_after": None}
    assert [json.loads(line)["text"] for line in run("export").stdout.splitlines()] == ["text 1", "text 2"]


def test_an_import_is_sent_in_parts(service: dict[str, Any], tmp_path: Path) -> None:
    service["POST /api/memory/import"] = {"read": 0, "imported": 7}
    lines = "\n".join(json.dumps(memory(number % 10)) for number in range(250)) + "\n\n"
    (tmp_path / "in.jsonl").write_text(lines)
    assert run("import", str(tmp_path / "in.jsonl")).stdout == "Read 250, of which 21 were new.\n"
    assert [len(body.splitlines()) for _, _, body in ASKED] == [100, 100, 50]
    assert json.loads(run("import", "-", "--json", text=lines).stdout) == {"read": 250, "imported": 21}


@pytest.mark.parametrize(
    ("line", "says"),
    [("{", "Line 2 is not JSON"), ("{}", "Line 2: A memory's `id`"), ('"' + "x" * 1_100_000 + '"', "Line 2 is over")],
)
def test_a_wrong_line_is_found_before_anything_is_sent(service: dict[str, Any], line: str, says: str) -> None:
    result = run("import", "-", text=json.dumps(memory(1)) + "\n" + line + "\n")
    assert isinstance(result.exception, errors.InvalidRequestError) and says in result.exception.message
    assert ASKED == []


def test_a_file_that_is_not_there_is_said_so(service: dict[str, Any], tmp_path: Path) -> None:
    result = run("import", str(tmp_path / "none"))
    assert isinstance(result.exception, errors.InvalidRequestError) and "cannot be read" in result.exception.message
