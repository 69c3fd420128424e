"""Signing in with a browser, and who tries to without being asked."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from council.backends.records import logins as sql_logins
from council.domain import access, config, errors, logins
from council.gateway import guests
from council.kit import clock
from council.testing import clock as manual
from council.testing import model
from gateway_rig import Rig, open_rig

OWN = {"origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin"}
HOUR_US = 3_600_000_000


def code(rig: Rig, secret: str = "one-time", role: access.Role = access.Role.ADMIN, lasts_us: int = HOUR_US) -> str:
    now_us = clock.SystemClock().now_us()
    rig.made.guests.kept.add_code(logins.Code(access.digest(secret), "owner", role, now_us, now_us + lasts_us))
    return secret


async def sign_in(rig: Rig, token: str = "") -> dict[str, str]:
    """Return what a signed-in page sends with a change."""
    told = await rig.client.post("/api/login", json={"token": token or rig.admin}, headers=OWN)
    assert told.status_code == 200, told.text
    return {**OWN, "x-council-csrf": told.json()["csrf"]}


async def test_a_token_becomes_a_cookie_that_no_script_and_no_other_site_gets(rig: Rig) -> None:
    told = await rig.client.post("/api/login", json={"token": rig.viewer}, headers=OWN)
    cookie = told.headers["set-cookie"]
    assert cookie.startswith("council_session=") and "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert "Path=/" in cookie and "Secure" not in cookie and rig.viewer not in cookie
    me = told.json()
    assert (me["user"], me["role"], me["signed_in"]) == ("someone", "viewer", True) and me["expires_us"]
    assert (await rig.client.get("/api/me")).json() == me
    secret = rig.client.cookies["council_session"]
    kept = Path(str(rig.made.guests.kept._url.database)).read_bytes()  # type: ignore[attr-defined]
    assert secret.encode() not in kept


async def test_over_tls_the_cookie_is_the_hosts_alone(rig: Rig) -> None:
    transport = rig.client._transport
    async with httpx.AsyncClient(transport=transport, base_url="https://127.0.0.1:8000") as client:
        told = await client.post("/api/login", json={"token": rig.admin})
        assert (
            told.headers["set-cookie"].startswith("__Host-council_session=") and "Secure" in told.headers["set-cookie"]
        )
        secret = told.headers["set-cookie"].partition("=")[2].partition(";")[0]
        plain = {"cookie": f"council_session={secret}"}
        async with httpx.AsyncClient(transport=transport, base_url="https://127.0.0.1:8000") as other:
            # One that was put there in the clear counts for nothing.
            assert (await other.get("/api/me", headers=plain)).json()["signed_in"] is False


def test_another_councils_cookie_has_another_name(tmp_path: Path) -> None:
    kept = sql_logins.SqlLogins(f"sqlite:///{tmp_path / 'council.db'}")
    other = guests.Guests(kept, None, config.build({"port": 8100}, {}, {}), clock.SystemClock())  # type: ignore[arg-type]
    assert other.cookie_name("http") == "council_session_8100" and other.cookie_name("https").startswith("__Host-")
    kept.close()


async def test_a_link_opens_a_session_once(rig: Rig) -> None:
    link = f"/login?code={code(rig)}"
    told = await rig.client.get(link)
    assert (told.status_code, told.headers["location"]) == (303, "/") and "set-cookie" in told.headers
    assert (await rig.client.get("/api/me")).json()["role"] == "admin"
    rig.client.cookies.clear()
    again = await rig.client.get(link)
    assert again.headers["location"] == "/login?refused=1" and "set-cookie" not in again.headers
    assert (await rig.client.post("/api/login", json={"code": "one-time"})).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-purpose": "prefetch"},
        {"purpose": "prefetch"},
    ],
)
async def test_a_link_is_not_used_up_by_another_site_or_a_look_ahead(rig: Rig, headers: dict[str, str]) -> None:
    link = f"/login?code={code(rig)}"
    assert (await rig.client.get(link, headers=headers)).headers["location"] == "/login?refused=1"
    assert (await rig.client.head(link)).headers["location"] == "/login?refused=1"
    assert (await rig.client.get(link)).headers["location"] == "/"


async def test_a_link_is_for_this_machine_alone(tmp_path: Path) -> None:
    settings = config.build({"gateway": {"allowed_hosts": ["council.example"]}}, {}, {})
    async with open_rig(tmp_path, settings, model.ScriptedModel(), "127.0.0.1") as rig:
        link = f"/login?code={code(rig)}"
        rebound = await rig.client.get(link, headers={"host": "evil.example"})
        assert rebound.status_code == 403
        public = await rig.client.get(link, headers={"host": "council.example"})
        assert public.headers["location"] == "/login?refused=1"
        assert (await rig.client.get(link)).headers["location"] == "/"
    (tmp_path / "far").mkdir()
    async with open_rig(tmp_path / "far", settings, model.ScriptedModel(), "192.0.2.7") as rig:
        link = f"/login?code={code(rig)}"
        assert (await rig.client.get(link)).headers["location"] == "/login?refused=1"


async def test_an_old_link_opens_nothing(rig: Rig) -> None:
    assert (await rig.client.get(f"/login?code={code(rig, lasts_us=-1)}")).headers["location"] == "/login?refused=1"


async def test_signing_in_brings_a_new_secret_and_ends_the_old_one(rig: Rig) -> None:
    # Who was given a cookie by somebody else does not sign in with it.
    await sign_in(rig, rig.viewer)
    planted = rig.client.cookies["council_session"]
    await rig.client.get(f"/login?code={code(rig)}")
    fresh = rig.client.cookies["council_session"]
    assert fresh != planted
    rig.client.cookies.clear()
    assert (await rig.client.get("/api/me", headers={"cookie": f"council_session={planted}"})).json()[
        "signed_in"
    ] is False
    unknown = {"cookie": "council_session=chosen-by-the-attacker"}
    assert (await rig.client.get("/api/status", headers=unknown)).status_code == 401


async def test_tries_are_counted_by_address(rig: Rig) -> None:
    rig.store.error = errors.StoreUnavailableError("Away. Start it.")
    tried = [(await rig.client.post("/api/login", json={"token": f"guess-{n}"})).status_code for n in range(12)]
    assert tried == [401] * 10 + [429] * 2
    # A link is a try, too, and a good one is not lost by what others tried.
    assert (await rig.client.get(f"/login?code={code(rig)}")).headers["location"] == "/login?refused=1"
    assert rig.made.guests.kept.redeem(access.digest("one-time"), session(), 1) is not None


def session() -> logins.Session:
    return logins.Session("s", "d", "", access.Role.VIEWER, "", 0, 1)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"token": "a", "code": "b"}, 400),
        ({"token": "x" * 600}, 400),
        ({"token": 1}, 400),
        ({"role": "admin"}, 400),
    ],
)
async def test_what_is_no_login_is_refused(rig: Rig, body: dict[str, object], status: int) -> None:
    assert (await rig.client.post("/api/login", json=body)).status_code == status


async def test_a_body_of_another_kind_is_told_without_the_names_of_our_classes(rig: Rig) -> None:
    told = await rig.client.post("/api/login", json=[1])
    assert told.status_code == 400 and "`body`: must be a JSON object." in told.text


async def test_a_foreign_page_signs_nobody_in(rig: Rig) -> None:
    told = await rig.client.post("/api/login", json={"token": rig.admin}, headers={"origin": "https://evil.example"})
    assert told.status_code == 403 and "set-cookie" not in told.headers


CHANGES = [
    ("POST", "/api/chat/sessions", {}),
    ("POST", "/api/freeze", {"reason": "x"}),
    ("POST", "/api/changes/0123456789abcdef/rollback", {"reason": "x"}),
    ("POST", "/v1/sandbox/run", {"language": "python", "code": "1"}),
    ("POST", "/v1/sandbox/kill", {}),
    ("POST", "/v1/chat/completions", {"model": "council", "messages": [{"role": "user", "content": "2+2"}]}),
    ("DELETE", "/api/memory?all=true", None),
    ("POST", "/api/logout", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
async def test_a_cookie_changes_nothing_without_the_pages_own_word(
    rig: Rig, method: str, path: str, body: object
) -> None:
    own = await sign_in(rig)
    foreign = [
        {},  # as a form of a browser that tells nothing
        {"origin": "http://127.0.0.1:8000"},
        {"sec-fetch-site": "same-origin"},
        {"x-council-csrf": own["x-council-csrf"]},
        {**own, "x-council-csrf": "0" * 64},
        {**own, "x-council-csrf": "\u00fc"},
    ]
    for headers in foreign:
        encoded = {name: value.encode() for name, value in headers.items()}
        told = await rig.client.request(method, path, json=body, headers=encoded)
        assert told.status_code == 403, (headers, told.text)
    for site in ("cross-site", "same-site"):
        # What another site's page brings along counts as asked by nobody, and is refused for its origin besides.
        told = await rig.client.request(
            method, path, json=body, headers={**own, "origin": "http://127.0.0.1:9", "sec-fetch-site": site}
        )
        assert told.status_code == 403
    assert not rig.changes.asked


async def test_an_allowed_origin_is_not_the_dashboards_own(tmp_path: Path) -> None:
    settings = config.build({"gateway": {"allowed_origins": ["http://other.example"]}}, {}, {})
    async with open_rig(tmp_path, settings, model.ScriptedModel(), "127.0.0.1") as rig:
        own = await sign_in(rig)
        told = await rig.client.post("/api/chat/sessions", json={}, headers={**own, "origin": "http://other.example"})
        assert told.status_code == 403


async def test_a_signed_in_page_may_what_its_role_may_and_v1_too(rig: Rig) -> None:
    own = await sign_in(rig, rig.viewer)
    question = {"model": "council", "messages": [{"role": "user", "content": "What is 2 + 2?"}]}
    assert (await rig.client.post("/v1/chat/completions", json=question, headers=own)).status_code == 200
    assert (await rig.client.post("/v1/sandbox/kill", json={}, headers=own)).status_code == 403
    assert (await rig.client.get("/api/audit")).status_code == 403
    assert (await rig.client.post("/api/freeze", json={"reason": "x"}, headers=own)).status_code == 403
    assert not rig.changes.asked


async def test_a_token_that_is_sent_wins_over_a_cookie(rig: Rig) -> None:
    await sign_in(rig)
    told = (await rig.client.get("/api/me", headers=rig.headers(rig.viewer))).json()
    assert (told["role"], told["signed_in"], told["csrf"]) == ("viewer", False, "")
    # The cookie's secret is no token, but where another process of Council asks whose it is.
    secret = rig.client.cookies["council_session"]
    rig.client.cookies.clear()
    assert (await rig.client.get("/api/status", headers=rig.headers(secret))).status_code == 401
    shown = (await rig.client.get("/api/token", headers=rig.headers(secret))).json()
    assert shown["user"] == "someone" and "administer" in shown["rights"]


async def test_a_session_ends_everywhere_where_it_is_ended(rig: Rig) -> None:
    own = await sign_in(rig)
    stolen = {"cookie": f"council_session={rig.client.cookies['council_session']}"}
    told = await rig.client.post("/api/logout", headers=own)
    assert told.json() == {"ended": 1} and "Max-Age=0" in told.headers["set-cookie"]
    rig.client.cookies.clear()
    assert (await rig.client.get("/api/status", headers=stolen)).status_code == 401
    me = await rig.client.get("/api/me", headers=stolen)
    assert (
        me.json()["signed_in"] is False and me.json()["user"] == "anonymous" and "Max-Age=0" in me.headers["set-cookie"]
    )


async def test_all_sessions_of_a_user_end_at_once_and_in_other_processes_within_a_refresh(rig: Rig) -> None:
    own = await sign_in(rig)
    first = {"cookie": f"council_session={rig.client.cookies['council_session']}"}
    rig.client.cookies.clear()
    own = await sign_in(rig)
    assert (await rig.client.post("/api/logout", json={"all": True}, headers=own)).json() == {"ended": 2}
    rig.client.cookies.clear()
    assert (await rig.client.get("/api/status", headers=first)).status_code == 401
    # As `council logout --all` does it, which no gateway process is told of.
    await sign_in(rig)
    other = {"cookie": f"council_session={rig.client.cookies['council_session']}"}
    rig.client.cookies.clear()
    rig.made.guests.kept.end_all()
    await rig.doorkeeper.refresh()
    assert (await rig.client.get("/api/status", headers=other)).status_code == 401


async def test_a_session_outlives_a_restart_and_no_revoked_token(rig: Rig) -> None:
    own = await sign_in(rig)
    rig.made.guests._sessions.clear()
    assert (await rig.client.get("/api/audit")).status_code == 200
    rig.records.revoke_token("id-admin", 1)
    await rig.doorkeeper.refresh()
    assert (await rig.client.get("/api/audit")).status_code == 401
    assert (await rig.client.post("/api/chat/sessions", json={}, headers=own)).status_code == 401


async def test_secrets_that_nobody_knows_are_looked_up_so_often_and_no_more(rig: Rig) -> None:
    asked = []
    kept = rig.made.guests.kept

    def find(digest: str) -> None:
        asked.append(digest)

    kept.find = find  # type: ignore[method-assign]
    for number in range(120):
        await rig.made.guests._find(f"guess-{number}")
    assert 50 <= len(asked) <= 100


@pytest.mark.parametrize("asked", ["in_force", "find"])
async def test_what_was_asked_before_a_session_ended_does_not_bring_it_back(rig: Rig, asked: str) -> None:
    known = rig.made.guests
    session, secret = await known.begin("ann", access.Role.ADMIN, "")
    begun, go_on, real = threading.Event(), threading.Event(), getattr(known.kept, asked)

    def slow(about: object) -> object:
        found = real(about)
        begun.set()
        assert go_on.wait(20)
        return found

    setattr(known.kept, asked, slow)
    if asked == "find":
        known._sessions.clear()
    early = asyncio.create_task(known.refresh() if asked == "in_force" else known._find(secret))
    await asyncio.to_thread(begun.wait, 20)
    await known.end(session)
    go_on.set()
    await early
    assert not known.holds(session)


async def test_what_was_done_is_in_the_audit_and_nothing_is_done_that_is_not(rig: Rig) -> None:
    own = await sign_in(rig)
    made = await rig.client.post("/api/chat/sessions", json={}, headers=own)
    rows = (await rig.client.get("/api/audit")).json()["rows"]
    assert rows[0]["action"] == "POST /api/chat/sessions" and rows[0]["status"] == 200
    assert rows[0]["id"] == made.headers["x-request-id"] and rows[0]["user"] == "someone" and rows[0]["role"] == "admin"
    assert rows[1]["action"] == "POST /api/login"
    page = (await rig.client.get("/api/audit", params={"limit": 1})).json()
    rest = (await rig.client.get("/api/audit", params={"before": page["before"], "limit": len(rows) - 1})).json()
    assert rest["rows"] == rows[1:] and rest["before"] is None
    rig.made.guests.trail.error = errors.RecordsUnavailableError("Away. Start them.")  # type: ignore[attr-defined]
    assert (await rig.client.post("/api/freeze", json={"reason": "x"}, headers=own)).status_code == 503
    assert not rig.changes.asked
    # But what makes things safer waits for nobody.
    assert (await rig.client.post("/v1/sandbox/kill", headers=own)).status_code == 200


async def test_who_is_refused_again_and_again_does_not_fill_the_audit(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guests, "REFUSED_PER_MINUTE", 3)
    rig.made.guests._clock = now = manual.ManualClock(clock.SystemClock().now_us())

    async def lifts(own: dict[str, str]) -> int:
        return (await rig.client.post("/v1/sandbox/lift", json={}, headers=own)).status_code

    def rows() -> int:
        return sum("/v1/sandbox/lift" in one.action for one in rig.made.guests.trail.newest(100))

    operator = await sign_in(rig)
    assert [await lifts(operator) for _ in range(5)] == [200] * 5
    own, before = await sign_in(rig, rig.viewer), rows()
    assert [await lifts(own) for _ in range(5)] == [403, 403, 403, 429, 429]
    assert rows() == before + 3
    # What makes things safer is never held up: here for want of a right alone.
    assert (await rig.client.post("/v1/sandbox/kill", json={}, headers=own)).status_code == 403
    now.advance(60)
    assert await lifts(own) == 403 and rows() == before + 4


async def change(rig: Rig, own: dict[str, str]) -> tuple[int, str]:
    told = await rig.client.post("/v1/sandbox/lift", json={}, headers=own)
    return told.status_code, "" if told.status_code == 200 else told.json()["error"]["message"]


@pytest.mark.parametrize(
    "error",
    [
        errors.ConflictError("There is one already. Choose another name."),
        errors.NotFoundError("There is none. Look for it."),
        errors.InvalidRequestError("That is no number. Give one."),
        errors.RateLimitedError("Too many requests. Try again later.", retry_after_s=1),
    ],
)
async def test_what_fails_for_another_reason_than_a_right_is_not_refused_to_anybody(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, error: errors.CouncilError
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(guests, "REFUSED_PER_MINUTE", 3)
    own = await sign_in(rig)
    monkeypatch.setattr(rig.fake_sandbox, "lift", fails)
    told = [await change(rig, own) for _ in range(5)]
    assert {message for _, message in told} == {error.message}


async def test_who_has_too_many_changes_under_way_is_told_that_and_goes_on_once_they_have_ended(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guests, "REFUSED_PER_MINUTE", 2)
    own, go_on, begun = await sign_in(rig), asyncio.Event(), []

    async def waits(*_: object, **__: object) -> None:
        begun.append(1)
        await go_on.wait()

    monkeypatch.setattr(rig.fake_sandbox, "lift", waits)
    under_way = [asyncio.create_task(change(rig, own)) for _ in range(2)]
    async with asyncio.timeout(20):
        while len(begun) < 2:
            await asyncio.sleep(0.01)
    status, message = await change(rig, own)
    assert status == 429 and "2 changes of yours are under way" in message and "right" not in message
    go_on.set()
    assert [status for status, _ in await asyncio.gather(*under_way)] == [200, 200]
    assert (await change(rig, own))[0] == 200


async def test_who_is_not_on_this_machine_is_nobody_until_signed_in(tmp_path: Path) -> None:
    async with open_rig(tmp_path, config.Config(), model.ScriptedModel(), "192.0.2.7") as rig:
        told = (await rig.client.get("/api/me")).json()
        assert told == {"user": "", "role": "", "rights": [], "signed_in": False, "csrf": "", "expires_us": None}
        await sign_in(rig)
        assert (await rig.client.get("/api/status")).status_code == 200


@pytest.fixture(autouse=True)
async def _no_tasks_left() -> AsyncIterator[None]:
    yield
    assert len(asyncio.all_tasks()) <= 2
