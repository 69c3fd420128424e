"""The chat over a WebSocket: the same events, and nobody who should not."""

import asyncio
import json
from typing import Any

import pytest

from gateway_rig import Rig

ORIGIN = "http://127.0.0.1:8000"


class Socket:
    """A client of the gateway's application, without a server between."""

    def __init__(self, rig: Rig, **headers: str):
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        told = {"host": "127.0.0.1:8000", **headers}
        scope = {
            "type": "websocket", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "ws",
            "path": "/api/chat/stream", "raw_path": b"/api/chat/stream", "query_string": b"", "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in told.items()],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000), "subprotocols": [], "state": {},
        }  # fmt: skip
        self.sent.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(rig.app(scope, self.sent.get, self.heard.put))  # type: ignore[operator]

    async def opened(self) -> bool:
        return bool((await self.heard.get())["type"] == "websocket.accept")

    def say(self, **said: Any) -> None:
        self.sent.put_nowait({"type": "websocket.receive", "text": json.dumps(said)})

    async def hear(self) -> dict[str, Any]:
        return dict(json.loads((await self.heard.get())["text"]))

    async def leave(self) -> None:
        self.sent.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await self.task


async def ask(rig: Rig, text: str = "What is 17% of 2,340?") -> str:
    talk = (await rig.client.post("/api/chat/sessions", json={}, headers=rig.headers())).json()["id"]
    told = await rig.client.post(f"/api/chat/sessions/{talk}/turns", json={"text": text}, headers=rig.headers())
    return str(told.json()["turn"])


async def test_turns_are_followed_on_one_connection_by_the_same_events(rig: Rig) -> None:
    socket = Socket(rig, authorization=f"Bearer {rig.admin}")
    assert await socket.opened()
    turns = [await ask(rig), await ask(rig, "What is 2 + 2?")]
    for turn in turns:
        socket.say(follow=turn)
    ends: dict[str, dict[str, Any]] = {}
    while len(ends) < 2:
        told = await socket.hear()
        assert told["turn"] in turns
        if told["id"] == "end":
            ends[told["turn"]] = told
    assert all(told["event"] == "done" for told in ends.values())
    assert ends[turns[0]]["data"]["message"]["council"]["evidence"]["level"] == "computed"
    socket.say(follow=turns[0], after="0")
    assert (await socket.hear())["event"] == "done"
    socket.say(stop=turns[0])
    await socket.leave()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({}, "invalid_request"), ({"follow": "a", "stop": "b"}, "invalid_request"), ({"follow": "nobody"}, "not_found"),
        ({"other": 1}, "malformed_body"), ({"stop": "nobody"}, "not_found"), ({"follow": "a" * 5000}, "body_too_large"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_said_and_the_connection_goes_on(rig: Rig, said: dict[str, Any], code: str) -> None:
    socket = Socket(rig, authorization=f"Bearer {rig.admin}")
    assert await socket.opened()
    socket.say(**said)
    told = await socket.hear()
    assert told["event"] == "error" and told["data"]["code"] == code
    turn = await ask(rig)
    socket.say(follow=turn)
    assert (await socket.hear())["turn"] == turn
    await socket.leave()


async def test_a_page_of_another_site_opens_none_and_a_cookie_needs_the_pages_own_word(rig: Rig) -> None:
    me = (await rig.client.post("/api/login", json={"token": rig.admin})).json()
    cookie = f"council_session={rig.client.cookies['council_session']}"
    for origin in ("https://evil.example", "http://127.0.0.1:9"):
        assert not await Socket(rig, cookie=cookie, origin=origin).opened()
    # A browser always says where a page is from; who says nothing and brings a cookie is no page of ours.
    assert not await Socket(rig, cookie=cookie).opened()
    assert not await Socket(rig, cookie=cookie, host="evil.example", origin="http://evil.example").opened()
    # Nobody, and what stands for nobody.
    assert not await Socket(rig).opened()
    assert not await Socket(rig, cookie="council_session=guess", origin=ORIGIN).opened()
    assert not await Socket(rig, authorization="Bearer guess").opened()
    socket = Socket(rig, cookie=cookie, origin=ORIGIN)
    assert await socket.opened()
    turn = await ask(rig)
    for csrf in ("", "0" * 64):
        socket.say(follow=turn, csrf=csrf)
        assert (await socket.hear())["data"]["code"] == "forbidden"
    socket.say(follow=turn, csrf=me["csrf"])
    assert (await socket.hear())["turn"] == turn
    await socket.leave()


async def test_who_leaves_is_followed_no_more_and_another_users_turn_is_not_heard(rig: Rig) -> None:
    turn = await ask(rig)
    socket = Socket(rig, authorization=f"Bearer {rig.admin}")
    assert await socket.opened()
    socket.say(follow=turn)
    await socket.leave()
    assert socket.task.done() and socket.task.exception() is None
