"""Who may administer what; tokens, and the keys of providers, which go in and never come out."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from council.domain import access, config, errors, uses
from council.testing import model
from gateway_rig import Rig, open_rig

CATALOGUE = {
    "providers": {
        "far": {"url": "https://far.example/v1"},
        "near": {"url": "http://127.0.0.1:9/v1", "key": "none"},
    },
    "models": {
        "big": {
            "deployments": [{"provider": "far", "model": "big-1", "input_usd_micros": 5, "output_usd_micros": 7}],
            "day_usd_micros": 1_000_000,
            "abilities": ["tools"],
        }
    },
}
# Method, path, body, and the right that it needs.
ROUTES: list[tuple[str, str, Any, access.Right]] = [
    ("GET", "/api/sandbox/audit", None, access.Right.OPERATE),
    ("GET", "/api/providers", None, access.Right.OPERATE),
    ("PUT", "/api/providers/far/key", {"key": "k"}, access.Right.ADMINISTER),
    ("DELETE", "/api/providers/far/key", None, access.Right.ADMINISTER),
    ("GET", "/api/tokens", None, access.Right.ADMINISTER),
    ("POST", "/api/tokens", {"user": "bob", "role": "viewer"}, access.Right.ADMINISTER),
    ("DELETE", "/api/tokens/id-bot", None, access.Right.ADMINISTER),
    ("GET", "/api/policy", None, access.Right.OPERATE),
    ("GET", "/api/blueprint/files", None, access.Right.ADMINISTER),
    (
        "POST",
        "/api/drafts",
        {"title": "t", "reason": "r", "edits": [{"file": "council.yaml", "path": ["learning"], "value": True}]},
        access.Right.ADMINISTER,
    ),
    ("GET", "/api/library/documents", None, access.Right.CHAT),
    ("PUT", "/api/library/documents/a.md", "words", access.Right.OPERATE),
    ("DELETE", "/api/library/documents/a.md", None, access.Right.OPERATE),
]

CHANGES = [one for one in ROUTES if one[0] != "GET"]


async def sign_in(rig: Rig, token: str = "") -> dict[str, str]:
    """Return what a signed-in page sends with a change."""
    own = {"origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin"}
    told = await rig.client.post("/api/login", json={"token": token or rig.admin}, headers=own)
    assert told.status_code == 200, told.text
    return {**own, "x-council-csrf": told.json()["csrf"]}


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Rig]:
    async with open_rig(tmp_path, config.Config(), model.ScriptedModel(), "127.0.0.1", CATALOGUE) as made:
        yield made


async def send(rig: Rig, method: str, path: str, body: Any = None, secret: str = "secret-admin") -> tuple[int, Any]:
    content = body if isinstance(body, str | None) else json.dumps(body)
    headers = {"authorization": f"Bearer {secret}"} if secret else {}
    told = await rig.client.request(method, path, content=content, headers=headers)
    return told.status_code, told.json()


async def test_each_route_is_for_whose_role_has_its_right(office: Rig) -> None:
    for method, path, body, right in ROUTES:
        for role in access.Role:
            if right not in access.RIGHTS[role]:
                status, told = await send(office, method, path, body, f"secret-{role}")
                assert (status, told["error"]["code"]) == (403, "forbidden"), (path, role)
        if right is not access.Right.CHAT:
            assert (await send(office, method, path, body, ""))[0] == 403, path
        assert (await send(office, method, path, body, "wrong"))[0] == 401, path
    assert not office.library.contents and not office.changes.asked
    assert len(office.records.tokens()) == len(access.Role)
    for method, path, body, right in ROUTES:
        for role in access.Role:
            if right in access.RIGHTS[role] and role is not access.Role.BOT:
                office.library.contents = {"a.md": b"words"} if method == "DELETE" else {}
                status, told = await send(office, method, path, body, f"secret-{role}")
                assert status in (200, 201), (path, role, told)


async def test_each_change_by_a_browser_needs_this_page_and_is_in_the_audit(office: Rig) -> None:
    own = await sign_in(office)
    foreign = {name: value for name, value in own.items() if name != "x-council-csrf"}
    for method, path, body, _ in CHANGES:
        content = body if isinstance(body, str | None) else json.dumps(body)
        office.library.contents = {"a.md": b"words"} if method == "DELETE" else {}
        told = await office.client.request(method, path, content=content, headers=foreign)
        assert told.status_code == 403, path
        told = await office.client.request(method, path, content=content, headers=own)
        assert told.status_code in (200, 201), told.text
        rows = (await office.client.get("/api/audit")).json()["rows"]
        assert (rows[0]["action"], rows[0]["status"]) == (f"{method} {path}", told.status_code) and rows[0]["session"]


async def test_each_change_by_a_token_is_in_the_audit_too_and_none_is_made_that_is_not(office: Rig) -> None:
    for method, path, body, _ in CHANGES:
        office.library.contents = {"a.md": b"words"} if method == "DELETE" else {}
        asked = len(office.changes.asked)
        office.made.guests.trail.error = errors.RecordsUnavailableError("Away. Start them.")  # type: ignore[attr-defined]
        assert (await send(office, method, path, body))[0] == 503, path
        office.made.guests.trail.error = None  # type: ignore[attr-defined]
        assert len(office.changes.asked) == asked and bool(office.library.contents) == (method == "DELETE")
        status = (await send(office, method, path, body))[0]
        assert status in (200, 201), path
        row = (await send(office, "GET", "/api/audit"))[1]["rows"][0]
        assert (row["action"], row["user"], row["session"], row["role"]) == (f"{method} {path}", "someone", "", "admin")
        assert row["status"] == status


# Tokens


async def test_a_token_is_made_shown_once_listed_and_revoked(office: Rig) -> None:
    asked = {"user": "bob", "role": "operator", "label": "phone", "requests_per_minute": 5, "day_usd_micros": 7}
    status, made = await send(office, "POST", "/api/tokens", asked)
    assert status == 201 and made["secret"].startswith(access.TOKEN_PREFIX)
    told = made["token"]
    assert (told["user"], told["role"], told["label"], told["requests_per_minute"]) == ("bob", "operator", "phone", 5)
    assert told["day_usd_micros"] == 7 and told["month_usd_micros"] is None and not told["own"]
    # In force at once.
    assert (await send(office, "GET", "/api/policy", secret=made["secret"]))[0] == 200
    status, listed = await send(office, "GET", "/api/tokens")
    assert listed["tokens"][0]["id"] == told["id"] and made["secret"] not in json.dumps(listed)
    assert [one["id"] for one in listed["tokens"] if one["own"]] == ["id-admin"]
    [bob] = [one for one in listed["users"] if one["user"] == "bob"]
    assert (bob["roles"], bob["tokens"], bob["sessions"]) == (["operator"], 1, 0) and bob["used_us"]
    status, gone = await send(office, "DELETE", f"/api/tokens/{told['id']}")
    assert status == 200 and gone["id"] == told["id"]
    assert (await send(office, "GET", "/api/policy", secret=made["secret"]))[0] == 401
    assert (await send(office, "DELETE", f"/api/tokens/{told['id']}"))[0] == 404
    listed = (await send(office, "GET", "/api/tokens"))[1]
    assert listed["tokens"][0]["revoked_us"] == gone["revoked_us"]
    assert "bob" not in [one["user"] for one in listed["users"]]


async def test_the_last_administrators_token_stays(office: Rig) -> None:
    status, told = await send(office, "DELETE", "/api/tokens/id-admin")
    assert (status, told["error"]["code"]) == (409, "conflict")
    await send(office, "POST", "/api/tokens", {"user": "ann", "role": "admin"})
    assert (await send(office, "DELETE", "/api/tokens/id-admin"))[0] == 200


async def test_a_session_ends_with_the_token_that_it_began_with(office: Rig) -> None:
    made = (await send(office, "POST", "/api/tokens", {"user": "ann", "role": "admin"}))[1]
    own = await sign_in(office, made["secret"])
    listed = (await office.client.get("/api/tokens")).json()
    assert [one["id"] for one in listed["tokens"] if one["own"]] == [made["token"]["id"]]
    assert [one["sessions"] for one in listed["users"] if one["user"] == "ann"] == [1]
    assert (await office.client.delete(f"/api/tokens/{made['token']['id']}", headers=own)).status_code == 200
    assert (await office.client.get("/api/tokens")).status_code == 401


NO_TOKENS: list[Any] = [
    {"role": "viewer"},
    {"user": "", "role": "viewer"},
    {"user": "a b", "role": "viewer"},
    {"user": "bob", "role": "owner"},
    {"user": "bob", "role": "viewer", "requests_per_minute": 0},
    {"user": "bob", "role": "viewer", "requests_per_minute": "5"},
    {"user": "bob", "role": "viewer", "day_usd_micros": 0},
    {"user": "bob", "role": "viewer", "memory": 1},
    {"user": "bob", "role": "viewer", "label": "\u202e"},
    {"user": "bob", "role": "viewer", "secret": "mine"},
]


async def test_a_token_that_cannot_be_is_refused(office: Rig) -> None:
    for body in NO_TOKENS:
        assert (await send(office, "POST", "/api/tokens", body))[0] == 400, body
    assert len(office.records.tokens()) == len(access.Role)


async def test_a_use_is_kept_once_a_minute_and_not_of_a_link(office: Rig) -> None:
    now = [1_000_000_000]
    office.made.used._clock = type("Clock", (), {"now_us": lambda _: now[0]})()  # type: ignore[assignment]

    def kept() -> dict[str, int]:
        return {one.name: one.at_us for one in office.made.used.kept.all() if one.kind is uses.Kind.TOKEN}

    await send(office, "GET", "/api/policy", secret="secret-operator")
    await office.made.used.save()
    assert kept() == {"id-operator": now[0]}
    now[0] += 30_000_000
    await send(office, "GET", "/api/policy", secret="secret-operator")
    await office.made.used.save()
    assert kept() == {"id-operator": 1_000_000_000}
    now[0] += 31_000_000
    await send(office, "GET", "/api/policy", secret="secret-operator")
    await office.made.used.save()
    assert kept() == {"id-operator": now[0]}


# Providers


async def test_a_key_goes_in_counts_at_once_and_never_comes_out(office: Rig) -> None:
    told = (await send(office, "GET", "/api/providers"))[1]
    far, near = sorted(told["providers"], key=lambda one: one["name"])
    assert (far["key"], far["has_key"], far["state"], far["local"]) == ("file", True, "unasked", False)
    assert (near["key"], near["has_key"], near["key_set_us"], near["local"]) == ("none", False, None, True)
    status, gone = await send(office, "DELETE", "/api/providers/far/key")
    assert (status, gone) == (200, {"name": "far", "has_key": False, "replaced": True, "key_set_us": None})
    off = next(one for one in (await send(office, "GET", "/api/providers"))[1]["providers"] if one["name"] == "far")
    assert (off["state"], off["has_key"]) == ("off", False) and "no key yet" in off["reason"]
    asked = {"model": "big", "messages": [{"role": "user", "content": "x"}]}
    status, refused = await send(office, "POST", "/v1/chat/completions", asked)
    assert (status, refused["error"]["code"]) == (502, "provider_error") and "is off" in refused["error"]["message"]
    status, put = await send(office, "PUT", "/api/providers/far/key", {"key": "sk-very-secret"})
    assert status == 200 and put["has_key"] and not put["replaced"] and put["key_set_us"]
    assert office.changes.keys["far"] == "sk-very-secret"
    everything = [json.dumps((await send(office, "GET", path))[1]) for path in ("/api/providers", "/api/audit")]
    assert not any("sk-very-secret" in one for one in (*everything, json.dumps(put)))
    on = next(one for one in (await send(office, "GET", "/api/providers"))[1]["providers"] if one["name"] == "far")
    assert (on["state"], on["reason"]) == ("unasked", "")


async def test_whose_word_it_is_goes_on_with_a_key(office: Rig) -> None:
    await send(office, "PUT", "/api/providers/far/key", {"key": "one"})
    await sign_in(office)
    secret = office.client.cookies["council_session"]
    me = (await office.client.get("/api/me")).json()
    own = {"origin": "http://127.0.0.1:8000", "x-council-csrf": me["csrf"]}
    await office.client.put("/api/providers/far/key", json={"key": "two"}, headers=own)
    assert [one[-1] for one in office.changes.asked] == ["secret-admin", secret]


async def test_what_is_no_key_is_refused_without_being_said_again(office: Rig) -> None:
    for key in ("", "two words", "naïve", "x" * 5000, 7, None):
        status, told = await send(office, "PUT", "/api/providers/far/key", {"key": key})
        assert (status, told["error"]["param"]) == (400, "key"), key
        assert not office.changes.asked and "two words" not in json.dumps(told)


async def test_a_provider_that_is_not_there_or_needs_no_key_gets_none(office: Rig) -> None:
    assert (await send(office, "PUT", "/api/providers/nowhere/key", {"key": "k"}))[0] == 404
    assert (await send(office, "PUT", "/api/providers/near/key", {"key": "k"}))[0] == 400
    assert (await send(office, "DELETE", "/api/providers/near/key"))[0] == 400
    assert not office.changes.asked


async def test_a_key_is_not_said_to_be_kept_where_patchctl_is_away(office: Rig) -> None:
    office.changes.away = True
    status, told = await send(office, "PUT", "/api/providers/far/key", {"key": "k"})
    assert (status, told["error"]["code"]) == (503, "patchctl_unavailable")


async def test_models_are_shown_with_what_they_cost_and_whether_they_can_be_asked(office: Rig) -> None:
    told = (await send(office, "GET", "/api/providers"))[1]
    big = next(one for one in told["models"] if one["name"] == "big")
    assert (big["usable"], big["abilities"], big["day_usd_micros"]) == (True, ["tools"], 1_000_000)
    [deployment] = big["deployments"]
    assert (deployment["provider"], deployment["input_usd_micros"], deployment["output_usd_micros"]) == ("far", 5, 7)
    assert "local" in {each["provider"] for one in told["models"] for each in one["deployments"]}
    await send(office, "DELETE", "/api/providers/far/key")
    told = (await send(office, "GET", "/api/providers"))[1]
    assert not next(one for one in told["models"] if one["name"] == "big")["usable"]


async def test_when_a_provider_failed_is_told_with_how(office: Rig) -> None:
    catalogue = {
        "providers": {"near": {"url": "http://127.0.0.1:9/v1", "key": "none"}},
        "models": {"small": {"deployments": [{"provider": "near", "model": "s"}]}},
    }
    folder = Path(str(office.made.used.kept._url.database)).parent / "other"  # type: ignore[attr-defined]
    folder.mkdir()
    async with open_rig(folder, config.Config(), model.ScriptedModel(), "127.0.0.1", catalogue) as rig:
        asked = {"model": "small", "messages": [{"role": "user", "content": "x"}]}
        assert (await send(rig, "POST", "/v1/chat/completions", asked))[0] == 502
        [near] = (await send(rig, "GET", "/api/providers"))[1]["providers"]
        assert near["failed_us"] and near["answered_us"] is None and "cannot be reached" in near["failed"]


async def test_each_budget_tells_when_it_ends_and_what_it_comes_to(office: Rig) -> None:
    lines = (await send(office, "GET", "/api/budget"))[1]["lines"]
    day, month = lines[0], lines[1]
    assert len(day["period"]) == 10 and len(month["period"]) == 7 and day["ends_us"] <= month["ends_us"]
    assert {day["forecast_usd_micros"], month["forecast_usd_micros"]} <= {0, None}
