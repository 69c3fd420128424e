"""The chat of the dashboard: conversations, and answers that go on though nobody listens."""

import asyncio
import dataclasses
import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from council.domain import chats, config, errors
from council.gateway.chat import forms
from council.gateway.chat import routes as routes_module
from council.gateway.chat import turns as turns_module
from council.kit import clock, ids
from council.testing import dashboard, model
from gateway_rig import Rig, open_rig

Events = list[tuple[str, str, dict[str, Any]]]


def read(text: str) -> Events:
    """Return (id, event, data) of each event."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            found.append((fields["id"], fields["event"], json.loads(fields["data"])))
    return found


async def begin(rig: Rig, **said: Any) -> str:
    told = await rig.client.post("/api/chat/sessions", json=said, headers=rig.headers())
    assert told.status_code == 200, told.text
    return str(told.json()["id"])


async def ask(rig: Rig, talk: str, **said: Any) -> dict[str, Any]:
    told = await rig.client.post(f"/api/chat/sessions/{talk}/turns", json=said, headers=rig.headers())
    assert told.status_code == 202, told.text
    return dict(told.json())


async def follow(rig: Rig, turn: str, after: str = "") -> Events:
    headers = rig.headers() | ({"last-event-id": after} if after else {})
    told = await rig.client.get(f"/api/chat/turns/{turn}/events", headers=headers)
    assert told.status_code == 200, told.text
    return read(told.text)


async def whole(rig: Rig, talk: str) -> dict[str, Any]:
    return dict((await rig.client.get(f"/api/chat/sessions/{talk}", headers=rig.headers())).json())


async def test_an_answer_comes_as_events_and_ends_with_the_council_object(rig: Rig) -> None:
    talk = await begin(rig)
    told = await ask(rig, talk, text="What is 17% of 2,340?")
    events = await follow(rig, told["turn"])
    assert "".join(data["text"] for _, name, data in events if name == "delta") == "17% of 2340 = 397.8"
    identifier, name, data = events[-1]
    assert (identifier, name) == ("end", "done") and data["message"]["council"]["evidence"]["level"] == "computed"
    assert data["message"]["council"]["request_id"] == told["turn"] == data["message"]["id"]
    found = await whole(rig, talk)
    assert found["title"] == "What is 17% of 2,340?" and found["turns"] == 1 and found["memory"] is True
    assert [one["role"] for one in found["messages"]] == ["user", "assistant"]
    assert found["messages"][1] == data["message"] and found["messages"][1]["parent"] == found["messages"][0]["id"]
    assert "memory" in data["message"]["council"]


async def test_an_answer_goes_on_though_nobody_listens_and_is_told_later(rig: Rig) -> None:
    told = await ask(rig, await begin(rig), text="What is 2 + 2?")
    desk_turn = told["turn"]
    async with asyncio.timeout(30):
        while (await rig.client.get(f"/api/chat/turns/{desk_turn}/events", headers=rig.headers())).text == "":
            pass
    [(identifier, name, data)] = (await follow(rig, desk_turn))[-1:]
    assert (identifier, name) == ("end", "done") and "4" in data["message"]["text"]
    heard = await rig.client.get(
        f"/api/chat/turns/{desk_turn}/events", headers=rig.headers() | {"last-event-id": "end"}
    )
    assert heard.status_code == 204


async def test_a_conversation_goes_on_is_edited_and_answered_again(rig: Rig) -> None:
    talk = await begin(rig, title="  Sums   of  ours ")
    first = await ask(rig, talk, text="What is 2 + 2?")
    await follow(rig, first["turn"])
    second = await ask(rig, talk, text="What is 3 + 3?")
    await follow(rig, second["turn"])
    assert second["user"]["parent"] == first["turn"]
    edited = await ask(rig, talk, text="What is 5 + 5?", parent=first["turn"])
    await follow(rig, edited["turn"])
    again = await ask(rig, talk, again=second["user"]["id"])
    await follow(rig, again["turn"])
    assert again["user"]["id"] == second["user"]["id"] and again["assistant"]["parent"] == second["user"]["id"]
    root = await ask(rig, talk, text="What is 7 + 7?", parent=None)
    await follow(rig, root["turn"])
    assert root["user"]["parent"] is None
    found = await whole(rig, talk)
    assert found["title"] == "Sums of ours" and len(found["messages"]) == 9 and found["turns"] == 5


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({}, 400), ({"text": ""}, 400), ({"text": "a", "again": "b"}, 400), ({"again": "nobody"}, 404),
        ({"text": "a", "parent": "nobody"}, 404), ({"text": "a", "model": "nobody"}, 404), ({"text": 1}, 400),
    ],
)  # fmt: skip
async def test_what_is_no_turn_is_refused_and_leaves_nothing(rig: Rig, said: dict[str, Any], status: int) -> None:
    talk = await begin(rig)
    told = await rig.client.post(f"/api/chat/sessions/{talk}/turns", json=said, headers=rig.headers())
    assert told.status_code == status, told.text
    assert (await whole(rig, talk))["messages"] == []


async def send(rig: Rig, talk: str, key: str, **said: Any) -> Any:
    headers = rig.headers() | {"idempotency-key": key}
    return await rig.client.post(f"/api/chat/sessions/{talk}/turns", json=said, headers=headers)


async def test_what_is_sent_again_under_its_key_is_asked_once(rig: Rig) -> None:
    talk = await begin(rig)
    several = await asyncio.gather(*(send(rig, talk, "0", text="What is 2 + 2?") for _ in range(4)))
    assert {one.status_code for one in several} == {202} and len({one.json()["turn"] for one in several}) == 1
    first = several[0].json()
    await follow(rig, first["turn"])
    late = (await send(rig, talk, "0", text="What is 2 + 2?")).json()
    assert late["turn"] == first["turn"] and late["user"] == first["user"] and late["assistant"]["state"] == "done"
    assert len((await whole(rig, talk))["messages"]) == 2
    # Another message under the same key, and the same under another key or in another conversation, are others.
    others = [
        await send(rig, talk, "0", text="What is 3 + 3?"),
        await send(rig, talk, "2", text="What is 2 + 2?"),
        await send(rig, await begin(rig), "0", text="What is 2 + 2?"),
        await send(rig, talk, "0", again=first["user"]["id"]),
    ]
    assert len({one.json()["turn"] for one in others} | {first["turn"]}) == 5
    for one in others:
        await follow(rig, one.json()["turn"])


async def test_what_was_refused_is_asked_when_it_is_sent_again_under_its_key(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = await begin(rig)
    assert (await send(rig, talk, "0", text="a", model="nobody")).status_code == 404
    assert rig.turn_log.sent == {}
    # Whoever was first under the key ended before it was asked.
    said = {"text": "What is 2 + 2?", "parent": None, "again": None, "model": "council"}
    sent = routes_module._digest_of("someone", talk, "0", forms.NewTurn.model_validate(said))
    rig.turn_log.sent[sent] = "nobody"
    monkeypatch.setattr(routes_module, "_FIRST_LOOK_S", 0.001)
    several = await asyncio.gather(*(send(rig, talk, "0", **said) for _ in range(3)))
    (turn,) = {one.json()["turn"] for one in several}
    assert rig.turn_log.sent[sent] == turn and len((await whole(rig, talk))["messages"]) == 2
    await follow(rig, turn)


async def test_without_the_store_what_is_sent_under_a_key_is_asked(rig: Rig) -> None:
    rig.turn_log.away = True
    told = await send(rig, await begin(rig), "0", text="What is 2 + 2?")
    assert told.status_code == 202
    await follow(rig, told.json()["turn"])


async def test_conversations_are_listed_searched_renamed_exported_and_deleted(rig: Rig) -> None:
    first, second = await begin(rig, title="Tides"), await begin(rig, title="Sums", memory=False)
    await follow(rig, (await ask(rig, first, text="What is 6 * 7?"))["turn"])
    listed = (await rig.client.get("/api/chat/sessions", headers=rig.headers())).json()
    assert [one["id"] for one in listed["sessions"]] == [first, second] and listed["before"] is None
    page = (await rig.client.get("/api/chat/sessions", params={"limit": 1}, headers=rig.headers())).json()
    rest = await rig.client.get("/api/chat/sessions", params={"before": page["before"]}, headers=rig.headers())
    assert [one["id"] for one in rest.json()["sessions"]] == [second]
    for query, found in (("6 * 7", [first]), ("sum", [second]), ("nothing", [])):
        told = await rig.client.get("/api/chat/sessions", params={"q": query}, headers=rig.headers())
        assert [one["id"] for one in told.json()["sessions"]] == found
    path = f"/api/chat/sessions/{first}"
    renamed = await rig.client.patch(path, json={"title": "Ebb"}, headers=rig.headers())
    assert renamed.json()["title"] == "Ebb"
    exported = await rig.client.get(f"{path}/export", params={"form": "markdown"}, headers=rig.headers())
    assert exported.text.startswith("# Ebb") and "## Council" in exported.text and "42" in exported.text
    assert "attachment" in exported.headers["content-disposition"]
    assert (await rig.client.get(f"{path}/export", headers=rig.headers())).json()["messages"][0][
        "text"
    ] == "What is 6 * 7?"
    gone = await rig.client.delete(path, params={"memories": "true"}, headers=rig.headers())
    assert gone.json()["deleted"] is True and (await rig.client.get(path, headers=rig.headers())).status_code == 404


async def test_nobody_sees_what_another_said_and_nobody_without_a_name_says_anything(rig: Rig) -> None:
    talk = await begin(rig)
    told = await ask(rig, talk, text="What is 2 + 2?")
    await follow(rig, told["turn"])
    rig.records.add_token(_token("bob"))
    await rig.doorkeeper.refresh()
    bob = rig.headers("secret-bob")
    for method, path in (
        ("GET", f"/api/chat/sessions/{talk}"), ("PATCH", f"/api/chat/sessions/{talk}"),
        ("DELETE", f"/api/chat/sessions/{talk}"), ("GET", f"/api/chat/sessions/{talk}/export"),
        ("POST", f"/api/chat/sessions/{talk}/turns"), ("GET", f"/api/chat/turns/{told['turn']}/events"),
        ("DELETE", f"/api/chat/turns/{told['turn']}"),
    ):  # fmt: skip
        body = {"text": "x"} if method == "POST" else {"title": "mine"} if method == "PATCH" else None
        assert (await rig.client.request(method, path, json=body, headers=bob)).status_code == 404, path
        assert (await rig.client.request(method, path, json=body)).status_code == 401
    assert (await rig.client.get("/api/chat/sessions", headers=bob)).json()["sessions"] == []


def _token(user: str) -> Any:
    from council.domain import access

    return access.Token(f"id-{user}", user, access.Role.VIEWER, "", access.digest(f"secret-{user}"), 1)


class Source:
    """Words that come when they are told to."""

    def __init__(self) -> None:
        self.words: asyncio.Queue[str | errors.CouncilError | None] = asyncio.Queue()
        self.closed = False

    async def open(self) -> None: ...

    async def read(self) -> Any:
        from council.domain import answers

        word = await self.words.get()
        if isinstance(word, errors.CouncilError):
            raise word
        return () if word is None else (answers.Delta(word),)

    async def finish(self) -> Any:
        from council.domain import answers

        finding = answers.Finding("", 1.0, answers.Evidence(answers.Level.NONE, "said"))
        return answers.Answer("r", "general", answers.Route.GENERAL, finding, False, 0, {}, (), (), (), "0" * 40)

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def talks(tmp_path: Path) -> Any:
    from council.backends.records import chats as sql_chats
    from council.backends.records import sql

    url = f"sqlite:///{tmp_path / 'council.db'}"
    records = sql.SqlRecords(url)
    records.migrate()
    records.close()
    kept = sql_chats.SqlChats(url)
    kept.begin(chats.Conversation("t", "ann", "", True, 1, 1), 9)
    yield kept
    kept.close()


def running(talks: Any, touched_us: int | None = None) -> chats.Message:
    now_us = clock.SystemClock().now_us()
    made = chats.Message(
        ids.ulid(now_us), "t", "", chats.Role.ASSISTANT, "", "council", chats.State.RUNNING, now_us,
        now_us if touched_us is None else touched_us,
    )  # fmt: skip
    assert talks.say("ann", [made], 99)
    return made


def process(talks: Any, log: Any, closing: asyncio.Event | None = None) -> turns_module.Turns:
    settings = chats.DashboardConfig()
    return turns_module.Turns(talks, log, settings, clock.SystemClock(), closing or asyncio.Event())


async def heard(
    turns: turns_module.Turns, message: chats.Message, after: str = "", most: int = 99
) -> list[turns_module.Event]:
    found = []
    async for event in turns.follow("ann", message, after):
        if event.name:
            found.append(event)
        if len(found) == most:
            break
    return found


async def test_who_comes_back_gets_the_rest_from_this_process_and_from_another(talks: Any) -> None:
    log, source = dashboard.InlineTurnLog(), Source()
    here, there = process(talks, log), process(talks, log)
    message = running(talks)
    here.begin("ann", message, source)
    source.words.put_nowait("One ")
    source.words.put_nowait("two\r\u2028 ")
    first = await heard(here, message, most=2)
    assert [orjson.loads(one.data)["text"] for one in first] == ["One ", "two\r\u2028 "]
    # The connection drops, another process takes the next one, and the answer goes on.
    [second] = await heard(there, message, first[0].id, most=1)
    assert second == first[1]
    source.words.put_nowait("three")
    again = await heard(here, message, second.id, most=1)
    assert orjson.loads(again[0].data) == {"text": "three"} and await heard(there, message, second.id, most=1) == again
    source.words.put_nowait(None)
    rest = await heard(there, message, again[0].id)
    assert [one.name for one in rest] == ["done"] and rest[-1].ends
    assert orjson.loads(rest[-1].data)["message"]["text"] == "One two\r\u2028 three"
    kept = talks.message("ann", message.id)
    assert kept.state is chats.State.DONE and kept.council is not None and source.closed
    [last] = await heard(process(talks, dashboard.InlineTurnLog()), kept)
    assert last.name == "done" and here.running_of("ann") == 0


async def test_an_id_that_is_none_of_ours_gets_all_there_is_at_once(talks: Any) -> None:
    source, message = Source(), running(talks)
    here = process(talks, dashboard.InlineTurnLog())
    here.begin("ann", message, source)
    source.words.put_nowait("One")
    await heard(here, message, most=1)
    for strange in ("7", "99999", "x", "-1"):
        [event] = await heard(here, message, strange, most=1)
        assert event.name == "snapshot" and orjson.loads(event.data) == {"text": "One"}
    await here.close()


async def test_without_the_store_another_process_tells_what_the_records_have(talks: Any) -> None:
    log, message = dashboard.InlineTurnLog(), running(talks)
    log.away = True
    elsewhere = asyncio.create_task(heard(process(talks, log), message))
    talks.settle(dataclasses.replace(message, text="Half", touched_us=clock.SystemClock().now_us()))
    await asyncio.sleep(0)
    talks.settle(dataclasses.replace(message, text="Whole", state=chats.State.DONE))
    found = await elsewhere
    assert found[-1].name == "done" and orjson.loads(found[-1].data)["message"]["text"] == "Whole"


async def test_an_answer_whose_process_was_killed_is_lost_and_said_so(talks: Any) -> None:
    message = running(talks, touched_us=1)
    [event] = await heard(process(talks, dashboard.InlineTurnLog()), message)
    assert event.name == "lost" and orjson.loads(event.data)["message"]["state"] == "lost"


async def test_of_a_lost_answer_what_its_process_had_said_last_is_told_and_kept(talks: Any) -> None:
    log, source, message = dashboard.InlineTurnLog(), Source(), running(talks)
    killed = process(talks, log)
    killed.begin("ann", message, source)
    source.words.put_nowait("Half of it")
    await heard(process(talks, log), message, most=1)
    # It never wrote again: the records have what they had when it began.
    left = dataclasses.replace(message, touched_us=clock.SystemClock().now_us() - 60_000_000)
    talks.settle(left)
    here = process(talks, log)
    told = orjson.loads((await heard(here, left))[-1].data)["message"]
    assert (told["state"], told["text"]) == ("lost", "Half of it")
    kept = talks.message("ann", message.id)
    assert (kept.text, kept.state, kept.touched_us) == ("Half of it", chats.State.RUNNING, left.touched_us)
    log.away = True
    assert await here.rescued(left) == left
    await killed.close()


class WatchedTurnLog(dashboard.InlineTurnLog):
    """Says when it has refused a part of a log."""

    def __init__(self) -> None:
        super().__init__()
        self.refused = asyncio.Event()

    async def append(self, turn: str, part: bytes, keep_s: int) -> bool:
        try:
            return await super().append(turn, part, keep_s)
        except errors.StoreUnavailableError:
            if part:
                self.refused.set()
            raise


async def test_an_answer_is_put_into_the_store_again_once_that_is_back(talks: Any) -> None:
    log, source, message = WatchedTurnLog(), Source(), running(talks)
    here = process(talks, log)
    log.away = True
    here.begin("ann", message, source)
    source.words.put_nowait("One ")
    await heard(here, message, most=1)
    await log.refused.wait()
    log.away = False
    source.words.put_nowait("two")
    told = await heard(process(talks, log), message, most=2)
    assert [orjson.loads(one.data)["text"] for one in told] == ["One ", "two"]
    await here.close()


async def test_an_answer_is_stopped_here_and_from_another_process(talks: Any) -> None:
    log = dashboard.InlineTurnLog()
    here, there = process(talks, log), process(talks, log)
    for asked in (here, there):
        source, message = Source(), running(talks)
        here.begin("ann", message, source)
        source.words.put_nowait("Half")
        await heard(here, message, most=1)
        stopped = await asked.stop("ann", message)
        assert (stopped.state, stopped.text) == (chats.State.STOPPED, "Half") and source.closed
        assert talks.message("ann", message.id).state is chats.State.STOPPED
        assert (await heard(here, stopped))[-1].name == "stopped"


async def test_a_failure_is_told_with_its_code_and_what_came_before_it(talks: Any) -> None:
    here, source, message = process(talks, dashboard.InlineTurnLog()), Source(), running(talks)
    here.begin("ann", message, source)
    source.words.put_nowait("Half")
    source.words.put_nowait(errors.ModelUnavailableError("The model is away. Try again.", detail="secret"))
    events = await heard(here, message)
    told = orjson.loads(events[-1].data)["message"]
    assert events[-1].name == "failed" and told["error"]["code"] == "model_unavailable" and told["text"] == "Half"
    assert "secret" not in events[-1].data.decode() and told["error"]["request_id"] == message.id


async def test_a_stop_waits_for_answers_and_then_says_that_it_cut_them(talks: Any) -> None:
    closing = asyncio.Event()
    here, source, message = process(talks, dashboard.InlineTurnLog(), closing), Source(), running(talks)
    here.begin("ann", message, source)
    cutting = asyncio.create_task(here.end_late(0.01))
    closing.set()
    await here.close()
    kept = talks.message("ann", message.id)
    assert kept.state is chats.State.FAILED and kept.error["code"] == "unavailable"
    cutting.cancel()


async def test_only_so_many_answers_at_once(tmp_path: Path) -> None:
    settings = config.build({"dashboard": {"turns_per_user": 1, "messages_max": 4, "conversations_max": 1}}, {}, {})
    hold = asyncio.Event()
    async with open_rig(tmp_path, settings, model.ScriptedModel(hold=hold), "127.0.0.1") as rig:
        talk = await begin(rig)
        assert (await rig.client.post("/api/chat/sessions", json={}, headers=rig.headers())).status_code == 400
        first = await ask(rig, talk, text="Tell me a story about the sea.")
        told = await rig.client.post(f"/api/chat/sessions/{talk}/turns", json={"text": "x"}, headers=rig.headers())
        assert told.status_code == 429
        hold.set()
        await follow(rig, first["turn"])
        await follow(rig, (await ask(rig, talk, text="What is 3 + 3?"))["turn"])
        full = await rig.client.post(f"/api/chat/sessions/{talk}/turns", json={"text": "x"}, headers=rig.headers())
        assert full.status_code == 400 and "messages_max" in full.text
