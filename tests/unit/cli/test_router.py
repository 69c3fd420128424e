"""`council router` and `council feedback`: on real records and weights, against a scripted service."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from council.backends.records import learning as sql_learning
from council.cli import calls, main
from council.domain import answers, config, home, learning
from council.serving.router import features, head, lessons

ASKED: list[tuple[str, str, Any]] = []
ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> home.Home:
    """A home with empty records, and a service that takes everything."""
    ASKED.clear()

    def call(where: Any, settings: Any, method: str, path: str, body: Any = None, **_: Any) -> dict[str, Any]:
        ASKED.append((method, path, body))
        return {"forgotten": 1_234, **(body or {})}

    monkeypatch.setattr(calls, "call", call)
    for name in ("config_of", "known_config"):
        monkeypatch.setattr(f"council.cli.options.{name}", lambda *_: config.Config())
    made = home.Home(tmp_path)
    records = sql_learning.SqlLearning(made.records_url)
    records.migrate()
    records.close()
    return made


def run(where: home.Home, *arguments: str) -> Result:
    return CliRunner().invoke(main.cli, [*arguments, "--home", str(where.root)])


def learn(where: home.Home, texts: list[str], route: answers.Route, *, first: int = 0) -> None:
    rows = [
        learning.Row(
            f"{route}-{first + place}",
            "ada",
            1 + place,
            lessons.packed(features.of(text)) or b"",
            route,
            answers.Level.COMPUTED,
            1.0,
            escalated=False,
        )
        for place, text in enumerate(texts)
    ]
    records = sql_learning.SqlLearning(where.records_url)
    records.keep(rows)
    records.close()


def new_kind() -> list[str]:
    """Return texts of a kind that the head in force takes for something else."""
    words = ("red", "blue", "grey", "pink", "dark", "pale", "loud", "odd")
    return [
        f"zorble the {one} glimwick {other}" for one in words for other in ("quickly", "upstairs", "at sea", "by noon")
    ]


def sums() -> list[str]:
    nouns = ("apples", "coins", "pages", "metres", "hours", "cups", "seats", "miles", "cards", "bricks", "eggs", "pens")
    return [f"what is three times four {noun}" for noun in nouns] + [f"add two {noun} and nine" for noun in nouns]


def test_show_says_what_is_tried_how_likely_it_is_and_why(where: home.Home) -> None:
    out = run(where, "router", "show", "What is 17% of 200?").stdout
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert lines["Tried"].split(maxsplit=1)[1].startswith("math") and lines["Tried"].endswith("general")
    assert "a percentage" in out and lines["Sure"].endswith("yes")
    assert head.packaged().digest[:16] in lines["Weights"]


def test_show_gives_the_same_as_json_with_parts(where: home.Home) -> None:
    told = json.loads(
        run(where, "router", "show", "What is 17% of 80, and what is the capital of Peru?", "--json").stdout
    )
    assert told["parts"] == ["What is 17% of 80?", "what is the capital of Peru?"]
    assert sum(told["probabilities"].values()) == pytest.approx(1, abs=1e-3) and told["signals"]["math"] > 0.5


def test_eval_measures_on_the_shipped_texts_and_says_where_lessons_come_from(where: home.Home) -> None:
    out = run(where, "router", "eval").stdout
    assert "Macro-F1 0.9" in out and "Nothing was learned yet" in out and "none to measure on" in out
    learn(where, sums(), answers.Route.MATH)
    told = json.loads(run(where, "router", "eval", "--json").stdout)
    assert told["rows"]["why"] == {"verified": 24} and 0 < told["lessons"]["examples"] < 24
    assert told["texts"]["macro_f1"] > 0.9


def test_train_refuses_where_nothing_or_too_little_was_learned(where: home.Home) -> None:
    result = run(where, "router", "train")
    assert "there are 0 lessons" in str(result.exception) and "learning: true" in str(result.exception)
    learn(where, sums(), answers.Route.MATH)
    assert "there are 24 lessons, and 40 are needed" in str(run(where, "router", "train").exception)
    assert not where.router.exists()


@pytest.mark.long
def test_train_writes_a_candidate_beside_what_is_in_force_and_says_what_is_next(where: home.Home) -> None:
    learn(where, new_kind(), answers.Route.LOGIC)
    learn(where, sums(), answers.Route.MATH)
    live = head.packaged().digest
    result = run(where, "router", "train")
    assert result.exit_code == 0, result.exception
    [folder] = where.router.iterdir()
    assert f"Candidate: {folder}" in result.stdout and "Nothing has changed yet" in result.stdout
    assert head.packaged().digest == live
    told = json.loads((folder / "weights.json").read_text())
    assert folder.name == told["weights_sha256"][:16] and told["made_from"]["base_sha256"] == live
    assert "lessons" in told["made_from"]["reason"] and "ada" not in json.dumps(told)
    before, after = (
        json.loads(run(where, "router", "show", "zorble the green glimwick", "--json", *more).stdout)
        for more in ((), ("--weights", str(folder)))
    )
    assert after["probabilities"]["logic"] > 0.5 > before["probabilities"]["logic"]
    again = json.loads(run(where, "router", "train", "--json").stdout)
    assert again["candidate"] == str(folder) and again["refused_because"] is None


@pytest.mark.long
def test_train_refuses_what_is_worse_and_writes_nothing(where: home.Home) -> None:
    """Somebody tells that small talk is code: the shipped texts show it."""
    texts = [f"{greeting} {name}" for greeting in ("hello", "good morning", "thank you", "tell me a joke",
             "how are you", "sing a song", "what is your name") for name in ("friend", "there", "dear", "my dear one",
             "again today", "please now", "old chap")]  # fmt: skip
    learn(where, texts, answers.Route.CODE)
    learn(where, sums(), answers.Route.MATH)
    result = run(where, "router", "train")
    assert "No candidate was written" in str(result.exception)
    assert not where.router.exists()


def test_a_folder_without_weights_is_said(where: home.Home, tmp_path: Path) -> None:
    result = run(where, "router", "show", "hello", "--weights", str(tmp_path))
    assert "cannot be read" in str(result.exception)


def test_forget_must_be_meant(where: home.Home) -> None:
    assert run(where, "router", "forget").exit_code == 2 and not ASKED
    assert "Forgot 1,234" in run(where, "router", "forget", "--all").stdout
    assert ASKED == [("DELETE", "/api/learning?all=true", None)]


def test_feedback_is_sent_as_it_was_given(where: home.Home) -> None:
    assert "Kept: down, belongs to logic" in run(where, "feedback", "down", ID.lower(), "--route", "logic").stdout
    assert "Kept: up." in run(where, "feedback", "up", ID).stdout
    assert ASKED == [
        ("POST", "/api/feedback", {"request_id": ID, "verdict": "down", "route": "logic"}),
        ("POST", "/api/feedback", {"request_id": ID, "verdict": "up"}),
    ]
    assert run(where, "feedback", "sideways", ID).exit_code == 2
