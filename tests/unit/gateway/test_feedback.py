"""Learning over HTTP: what is kept of questions and by whom, what feedback needs, and that forgetting forgets."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from council.backends.records import learning as sql_learning
from council.domain import access, answers, config, learning
from council.testing import model
from gateway_rig import Rig, open_rig

CHAT = "/v1/chat/completions"


@pytest.fixture
async def learner(tmp_path: Path) -> AsyncIterator[Rig]:
    settings = config.build({"learning": True}, {}, {})
    async with open_rig(tmp_path, settings, model.ScriptedModel(), "127.0.0.1") as made:
        yield made


@pytest.fixture
async def rows(tmp_path: Path) -> AsyncIterator[sql_learning.SqlLearning]:
    made = sql_learning.SqlLearning(f"sqlite:///{tmp_path / 'council.db'}")
    yield made
    made.close()


async def ask(rig: Rig, text: str, headers: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    body = {"model": "council", "messages": [{"role": "user", "content": text}], **more}
    reply = await rig.client.post(CHAT, json=body, headers=rig.headers() if headers is None else headers)
    assert reply.status_code == 200, reply.text
    return reply.json()["council"]


async def kept(rows: sql_learning.SqlLearning, count: int) -> list[tuple[learning.Row, learning.Thumb | None]]:
    """Return the rows once there are so many; they are written beside the answers."""
    for _ in range(200):
        found = rows.learned(100)
        if len(found) >= count:
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(f"{len(found)} rows, not {count}")


async def judge(rig: Rig, secret: str | None = None, **body: Any) -> Any:
    return await rig.client.post("/api/feedback", json=body, headers=rig.headers(secret))


async def test_a_question_is_kept_with_how_it_went_and_without_its_text(
    learner: Rig, rows: sql_learning.SqlLearning, tmp_path: Path
) -> None:
    council = await ask(learner, "What is 17% of 200?")
    [(row, thumb)] = await kept(rows, 1)
    assert thumb is None and row.request_id == council["request_id"] and row.user_id == "someone"
    assert (row.specialist, row.level, row.escalated) == (answers.Route.MATH, answers.Level.COMPUTED, False)
    await ask(learner, "Sing me a song of Rumpelstilzchen")
    [_, (general, _)] = await kept(rows, 2)
    assert general.specialist is answers.Route.GENERAL and general.level is answers.Level.NONE
    assert all(b"Rumpelstilzchen" not in file.read_bytes() for file in tmp_path.glob("council.db*"))


async def test_nothing_is_kept_where_learning_is_off(rig: Rig, rows: sql_learning.SqlLearning) -> None:
    council = await ask(rig, "What is 17% of 200?")
    await asyncio.sleep(0.05)
    assert rows.learned(10) == []
    reply = await judge(rig, request_id=council["request_id"], verdict="up")
    assert reply.status_code == 403 and "learning: true" in reply.json()["error"]["message"]


async def test_a_caller_without_a_token_is_not_kept_and_may_not_judge(
    learner: Rig, rows: sql_learning.SqlLearning
) -> None:
    council = await ask(learner, "What is 17% of 200?", headers={})
    body = {"request_id": council["request_id"], "verdict": "up"}
    for method, path in (("POST", "/api/feedback"), ("GET", "/api/learning"), ("DELETE", "/api/learning?all=true")):
        reply = await learner.client.request(method, path, json=body if method == "POST" else None)
        assert reply.status_code == 401, path
    await ask(learner, "What is 18% of 200?")
    assert [one.level for one, _ in await kept(rows, 1)] == [answers.Level.COMPUTED]


async def test_several_questions_at_once_and_what_follows_on_are_not_kept(
    learner: Rig, rows: sql_learning.SqlLearning
) -> None:
    await ask(learner, "What is 17% of 80, and what is 2 + 2?")
    said = [{"role": "user", "content": "What is 17% of 80?"}, {"role": "user", "content": "and of 300?"}]
    await ask(learner, "", messages=said)
    last = await ask(learner, "What is 3 + 4?")
    assert [one.request_id for one, _ in await kept(rows, 1)] == [last["request_id"]]


async def test_feedback_is_kept_and_said_again_takes_the_place_of_what_was_said(
    learner: Rig, rows: sql_learning.SqlLearning
) -> None:
    identifier = (await ask(learner, "What is 17% of 200?"))["request_id"]
    assert (await judge(learner, request_id=identifier, verdict="up")).json() == {
        "request_id": identifier,
        "verdict": "up",
        "route": None,
        "words": "",
    }
    for _ in range(2):
        assert (await judge(learner, request_id=identifier, verdict="down", route="logic")).status_code == 200
    [(_, thumb)] = await kept(rows, 1)
    assert thumb is not None
    assert (thumb.verdict, thumb.route) == (learning.Verdict.DOWN, answers.Route.LOGIC)


async def test_feedback_on_what_one_did_not_ask_is_refused(learner: Rig, rows: sql_learning.SqlLearning) -> None:
    theirs = access.Token("id-other", "other", access.Role.VIEWER, "", access.digest("secret-other"), 1)
    learner.records.add_token(theirs)
    await learner.doorkeeper.refresh()
    identifier = (await ask(learner, "What is 17% of 200?"))["request_id"]
    for secret, asked in (("secret-other", identifier), (None, "01ARZ3NDEKTSV4RRFFQ69G5FAV")):
        reply = await judge(learner, secret, request_id=asked, verdict="up")
        assert reply.status_code == 404 and "request_id" in reply.json()["error"]["message"]
    assert [thumb for _, thumb in await kept(rows, 1)] == [None]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"verdict": "up"}, "request_id"),
        ({"request_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}, "verdict"),
        ({"request_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "verdict": "meh"}, "verdict"),
        ({"request_id": "01ARZ3NDEKTSV4RRFFQ69G5FA\0", "verdict": "up"}, "request_id"),
        ({"request_id": 7, "verdict": "up"}, "request_id"),
        ({"request_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "verdict": "up", "route": "poetry"}, "route"),
        ({"request_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "verdict": "up", "user": "ada"}, "user"),
        ({"request_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "verdict": "up", "words": "x" * 501}, "words"),
        ({"request_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "verdict": "up", "words": "a\0b"}, "words"),
        ({"request_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "verdict": "up", "words": "a\x1b[2Jb"}, "words"),
        ([], "body"),
    ],
)
async def test_feedback_of_another_form_is_refused_with_the_field_that_is_wrong(
    learner: Rig, body: Any, named: str
) -> None:
    reply = await learner.client.post("/api/feedback", json=body, headers=learner.headers())
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, named)


async def test_words_are_kept_beside_the_thumb_for_people_and_no_learning_row_holds_them(
    learner: Rig, rows: sql_learning.SqlLearning
) -> None:
    identifier = (await ask(learner, "What is 17% of 200?"))["request_id"]
    words = "  The unit is missing.\nI asked for kilograms — not for a number.  "
    kept_as = words.strip()
    reply = await judge(learner, request_id=identifier, verdict="down", route="knowledge", words=words)
    assert reply.json()["words"] == kept_as
    told = (await learner.client.get("/api/feedback", headers=learner.headers())).json()
    [opinion] = told["opinions"]
    assert (opinion["words"], opinion["user"], opinion["route"]) == (kept_as, "someone", "knowledge")
    [(row, thumb)] = await kept(rows, 1)
    assert not any("unit" in str(getattr(one, name)) for one in (row, thumb) for name in one.__dataclass_fields__)
    await judge(learner, request_id=identifier, verdict="down")
    assert [one.words for one in rows.opinions("someone", 10)] == [""]


async def test_one_sees_ones_own_opinions_and_an_administrator_those_of_all(learner: Rig) -> None:
    await _another(learner, access.Role.VIEWER)
    mine = (await ask(learner, "What is 17% of 200?"))["request_id"]
    theirs = (await ask(learner, "What is 18% of 200?", headers=learner.headers("secret-other")))["request_id"]
    await judge(learner, request_id=mine, verdict="up", words="Fast.")
    await judge(learner, "secret-other", request_id=theirs, verdict="down", words="Slow.")

    async def seen(secret: str | None, query: str = "") -> Any:
        return await learner.client.get(f"/api/feedback{query}", headers=learner.headers(secret))

    assert [one["words"] for one in (await seen("secret-other")).json()["opinions"]] == ["Slow."]
    assert (await seen("secret-other", "?whose=all")).status_code == 403
    everybody = (await seen(None, "?whose=all&limit=1")).json()
    assert [one["words"] for one in everybody["opinions"]] == ["Slow."] and everybody["before_us"]
    older = (await seen(None, f"?whose=all&before_us={everybody['before_us']}")).json()
    assert [(one["user"], one["words"]) for one in older["opinions"]] == [("someone", "Fast.")]
    await learner.client.delete("/api/learning?all=true", headers=learner.headers("secret-other"))
    assert [one["words"] for one in (await seen(None, "?whose=all")).json()["opinions"]] == ["Fast."]


async def _another(rig: Rig, role: access.Role) -> None:
    rig.records.add_token(access.Token("id-other", "other", role, "", access.digest("secret-other"), 1))
    await rig.doorkeeper.refresh()


async def test_what_is_kept_is_shown_and_forgotten_by_its_user_alone(
    learner: Rig, rows: sql_learning.SqlLearning
) -> None:
    theirs = access.Token("id-other", "other", access.Role.VIEWER, "", access.digest("secret-other"), 1)
    learner.records.add_token(theirs)
    await learner.doorkeeper.refresh()
    identifier = (await ask(learner, "What is 17% of 200?"))["request_id"]
    await ask(learner, "What is 18% of 200?", headers=learner.headers("secret-other"))
    await judge(learner, request_id=identifier, verdict="up")
    await kept(rows, 2)
    told = (await learner.client.get("/api/learning", headers=learner.headers())).json()
    assert (told["on"], told["rows"], told["thumbs"]) == (True, 1, 1) and told["oldest_us"] > 0
    unsaid = await learner.client.delete("/api/learning", headers=learner.headers())
    assert unsaid.status_code == 400
    gone = await learner.client.delete("/api/learning?all=true", headers=learner.headers())
    assert gone.json() == {"forgotten": 2}
    assert [one.user_id for one, _ in rows.learned(10)] == ["other"]


async def test_forgetting_right_after_an_answer_leaves_nothing_behind(
    learner: Rig, rows: sql_learning.SqlLearning
) -> None:
    for number in range(20):
        await ask(learner, f"What is {number}% of 200?")
    await learner.client.delete("/api/learning?all=true", headers=learner.headers())
    await asyncio.sleep(0.05)
    assert rows.learned(100) == []
