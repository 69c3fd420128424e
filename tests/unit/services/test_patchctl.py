"""What the port of patches answers: who may ask for what, and which status stands for what went wrong."""

import asyncio
import base64
import dataclasses
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from council.domain import access, authz, errors, home, patches
from council.patching import checking, overriding, reception
from council.services import harness, patchctl
from council.upkeep.patchctl import freeze, history, steps
from council.upkeep.patchctl.core import judging, quota

KEY = "the-key"
STEWARD_KEY = "the steward's"
READER_KEY = "the gateway's"
ROW = history.Row("ab" * 32, "Shorter", 7, outcome=steps.Outcome.APPLIED)
GOOD = {"patch": "e30=", "signature": "AA=="}


class Desk:
    """A reception that answers as it is told to and keeps what it was asked."""

    def __init__(self) -> None:
        self.failure: BaseException | None = None
        self.refused: patches.Reason | None = None
        self.error: errors.CouncilError | None = None
        self.asked: list[Any] = []
        self.state = "as it was"
        self.listed = 0

    async def submit(self, sent: patches.Submission, *, trial: bool = False) -> checking.Checked:
        self.asked.append((sent, trial))
        if self.error is not None:
            raise self.error
        wait_s = 99 if self.refused is patches.Reason.QUOTA else None
        verdict = judging.Verdict(patches.digest(sent.document), retry_after_s=wait_s)
        if self.refused is None:
            return checking.Checked(verdict)
        return checking.Checked(verdict, self.refused, "So.", checking.Step.SIGNATURE)

    check = submit

    async def roll_back(self, cid: str, by: str, reason: str) -> history.Row:
        self.asked.append((cid, by, reason))
        return ROW

    async def put_settings_back(self) -> str:
        self.asked.append("put back")
        return "It is as it was made."

    async def keep_repair(self, told: Mapping[str, str]) -> None:
        self.asked.append(told)

    async def override(self, statement: bytes, signature: bytes) -> overriding.Override:
        self.asked.append((statement, signature))
        return overriding.Override("2026-11-29", 2, "Busy.", "ann", "d")

    def rows(self) -> list[history.Row]:
        self.listed += 1
        return [ROW]

    def mark(self, live: str) -> str:
        return f"{live} {self.state}"

    def standing(self) -> reception.Standing:
        policy = authz.Policy({"f": authz.Signer("f", "Ann", authz.Kind.HUMAN, ("**",))})
        return reception.Standing(
            "g" * 40, None, freeze.Freeze("Stop.", "ann", 7), quota.Used(1, bots=1, extra=2), policy
        )


@pytest.fixture
def desk() -> Desk:
    return Desk()


class Tokens:
    """What knows three tokens, or is away."""

    def __init__(self) -> None:
        self.is_away = False

    async def known(self, secret: str) -> access.Principal | None:
        if self.is_away:
            raise errors.UnavailableError("The gateway does not answer. Try again.")
        rights = {
            "reads": {access.Right.READ}, "tries": {access.Right.READ}, "nothing": set[access.Right](),
            "rules": set(access.Right), "ruled": set(access.Right),
        }  # fmt: skip
        if secret not in rights:
            return None
        return access.Principal("ann", "t", frozenset(rights[secret]), 0, staging=secret in ("tries", "ruled"))


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


def settings(where: home.Home, text: str) -> None:
    """Have a generation serve whose settings are these."""
    name = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    folder = where.generations / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "council.yaml").write_text(text)
    where.current.unlink(missing_ok=True)
    where.current.symlink_to(f"generations/{name}")


@pytest.fixture
def client(desk: Desk, tokens: Tokens, tmp_path: Path) -> httpx.AsyncClient:
    where = home.Home(tmp_path)
    settings(where, "")
    where.secrets.mkdir()
    where.lineage.mkdir()
    where.patches_key_file.write_text(KEY)
    where.steward_key_file.write_text(STEWARD_KEY)
    where.reader_key_file.write_text(READER_KEY)
    service = patchctl._Patchctl(where, harness.ServiceEnvironment("patchctl", 0, "g" * 40, {}))
    service._reception = cast(Any, desk)
    service._door._tokens = cast(Any, tokens)
    transport = httpx.ASGITransport(service.application(), raise_app_exceptions=False)
    return httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers={"authorization": f"Bearer {KEY}"}
    )


async def test_a_patch_is_taken_as_its_exact_bytes(client: httpx.AsyncClient, desk: Desk) -> None:
    sent = {"patch": "e30=", "signature": "AA==", "cosignatures": ["AQ=="], "target": "staging"}
    told = await client.post("/apply", json=sent, headers={"authorization": ""})
    assert told.status_code == 202 and told.json()["success"] is True and told.json()["reason"] == ""
    assert told.json()["cid"] == patches.cid(patches.digest(b"{}"))
    assert desk.asked == [(patches.Submission(b"{}", b"\0", (b"\1",)), True)]


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (patches.Reason.TOO_LARGE, 413), (patches.Reason.QUOTA, 429), (patches.Reason.FROZEN, 423),
        (patches.Reason.STALE_BASE, 409), (patches.Reason.REPLAYED, 409), (patches.Reason.CID_TAKEN, 409),
        (patches.Reason.SIGNATURE_UNLISTED, 422), (patches.Reason.QUARANTINED, 422),
    ],
)  # fmt: skip
async def test_each_reason_has_its_status(
    client: httpx.AsyncClient, desk: Desk, reason: patches.Reason, status: int
) -> None:
    desk.refused = reason
    told = await client.post("/apply", json=GOOD)
    assert (told.status_code, told.json()["success"], told.json()["reason"]) == (status, False, reason.value)
    assert told.headers.get("retry-after") == ("99" if reason is patches.Reason.QUOTA else None)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.OverloadedError("Wait.", reason="busy", retry_after_s=5), 503),
        (errors.UnavailableError("Later."), 503),
        (errors.SupervisorUnavailableError("Later."), 503),
        (errors.SetupError("gpgv is missing."), 422),
        (errors.PatchRefusedError("No.", reason=patches.Reason.SIGNATURE_UNLISTED), 422),
    ],
)
async def test_each_error_has_its_status_and_its_words(
    client: httpx.AsyncClient, desk: Desk, error: errors.CouncilError, status: int
) -> None:
    desk.error = error
    told = await client.post("/apply", json=GOOD)
    assert (told.status_code, told.json()["code"], told.json()["message"]) == (status, error.code, error.message)
    assert told.headers.get("retry-after") == (None if error.retry_after_s is None else "5")


async def test_a_check_tells_each_step(client: httpx.AsyncClient, desk: Desk) -> None:
    desk.refused = patches.Reason.SIGNATURE_UNLISTED
    told = await client.post("/check", json=GOOD)
    steps_told = {one["step"]: one["outcome"] for one in told.json()["steps"]}
    assert (
        steps_told["size"] == "good" and steps_told["signature"] == "refused" and steps_told["quota"] == "not reached"
    )


async def test_what_is_too_large_is_refused_before_it_is_read(client: httpx.AsyncClient, desk: Desk) -> None:
    told = await client.post("/apply", content=b"x" * (patchctl._BODY_BYTES_MAX + 1))
    assert (told.status_code, told.json()["code"]) == (413, "body_too_large") and not desk.asked


async def test_an_honest_patch_is_taken_while_many_bodies_come_slowly(client: httpx.AsyncClient, desk: Desk) -> None:
    may_end = asyncio.Event()

    async def slowly(begun: asyncio.Event) -> AsyncIterator[bytes]:
        yield json.dumps(GOOD).encode()[:-1]
        begun.set()
        await may_end.wait()
        yield b"}"

    slow, begun = [], [asyncio.Event() for _ in range(100)]
    for one in begun:
        slow.append(asyncio.create_task(client.post("/apply", content=slowly(one))))
        await one.wait()
    async with asyncio.timeout(30):
        assert (await client.post("/apply", json=GOOD)).status_code == 202
    assert len(desk.asked) == 1
    may_end.set()
    assert {told.status_code for told in await asyncio.gather(*slow)} == {202}


async def test_who_sends_too_slowly_is_let_go(client: httpx.AsyncClient, desk: Desk) -> None:
    desk.error = errors.RequestTimeoutError("Too slow. Send it again.")
    told = await client.post("/apply", json=GOOD)
    assert (told.status_code, told.headers["connection"]) == (408, "close")


@pytest.mark.parametrize("key", ["", "Bearer wrong", "Bearer ", f"Basic {KEY}"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/patches"), ("GET", "/patches/abab"), ("GET", "/lineage"), ("GET", "/status"), ("GET", "/events"),
        ("GET", "/quarantine"),
        ("GET", "/line"), ("POST", "/rollback"), ("POST", "/freeze"), ("POST", "/repairs"),
        ("POST", "/settings/put-back"),
    ],
)  # fmt: skip
async def test_what_needs_the_key_is_not_had_without_it(
    client: httpx.AsyncClient, desk: Desk, method: str, path: str, key: str
) -> None:
    told = await client.request(method, path, headers={"authorization": key}, json={"reason": "x", "by": "x"})
    assert told.status_code == 403 and not desk.asked


async def test_the_steward_reads_and_does_not_freeze(client: httpx.AsyncClient, desk: Desk) -> None:
    as_steward = {"authorization": f"Bearer {STEWARD_KEY}"}
    assert (await client.get("/patches", headers=as_steward)).status_code == 200
    asked = list(desk.asked)
    told = await client.post("/freeze", headers=as_steward, json={"frozen": True, "reason": "x", "by": "x"})
    assert told.status_code == 403 and desk.asked == asked


async def test_the_gateways_key_reads_and_changes_nothing(client: httpx.AsyncClient, desk: Desk) -> None:
    shown = {"authorization": f"Bearer {READER_KEY}"}
    for path in ("/patches", "/patches/abab", "/status", "/quarantine", f"/patches/{ROW.cid}/detail"):
        assert (await client.get(path, headers=shown)).status_code == 200, path
    for path in ("/lineage", "/line"):
        assert (await client.get(path, headers=shown)).status_code == 403
    for path, body in (
        ("/rollback", {"reason": "x", "by": "x"}),
        ("/freeze", {"frozen": True, "reason": "x", "by": "x"}),
        ("/apply", GOOD),
    ):
        assert (await client.post(path, json=body, headers=shown)).status_code == 403
    assert not desk.asked


async def test_an_administrators_token_rolls_back_and_freezes_in_its_own_name(
    client: httpx.AsyncClient, desk: Desk, tmp_path: Path
) -> None:
    told = await client.post("/rollback", json={"reason": "Enough.", "by": "mallory"}, headers=bearing("rules"))
    assert told.status_code == 202 and desk.asked == [("", "ann", "Enough.")]
    body = {"frozen": True, "reason": "Stop.", "by": "mallory"}
    assert (await client.post("/freeze", json=body, headers=bearing("rules"))).status_code == 200
    found = freeze.standing(home.Home(tmp_path).lineage)
    assert found is not None and found.by == "ann"
    for who in ("reads", "ruled", "tries", "nothing", "unknown"):
        assert (await client.post("/freeze", json={**body, "frozen": False}, headers=bearing(who))).status_code == 403
        assert (
            await client.post("/rollback", json={"reason": "x", "by": "x"}, headers=bearing(who))
        ).status_code == 403
    assert len(desk.asked) == 1 and freeze.standing(home.Home(tmp_path).lineage) is not None


async def test_patches_come_by_pages_that_stay_while_new_ones_come(client: httpx.AsyncClient, desk: Desk) -> None:
    found = [history.Row(f"{n:064x}") for n in range(5)]
    desk.rows = lambda: found  # type: ignore[method-assign]
    told = (await client.get("/patches?limit=2")).json()
    assert [one["digest"][-1] for one in told["patches"]] == ["4", "3"] and told["before"] == 3
    found.append(history.Row(f"{5:064x}"))
    desk.state = "grown"
    rest = (await client.get(f"/patches?limit=9&before={told['before']}")).json()
    assert [one["digest"][-1] for one in rest["patches"]] == ["2", "1", "0"] and rest["before"] == 0
    assert len((await client.get("/patches?limit=9&before=nobody")).json()["patches"]) == 6


AS_STEWARD = {"authorization": f"Bearer {STEWARD_KEY}"}
STEP = {
    "id": "01M8NXA8CSQG3EXF6HMYDBPEXD", "step": "ended", "playbook": "restart", "action": "restart", "component": "recall",
    "by": "healer", "why": "it is hung", "outcome": "helped",
}  # fmt: skip


async def test_the_steward_rolls_back_in_its_own_name_alone(client: httpx.AsyncClient, desk: Desk) -> None:
    body = {"cid": "abab", "reason": "it went wrong", "by": "ann"}
    assert (await client.post("/rollback", headers=AS_STEWARD, json=body)).status_code == 202
    assert (await client.post("/rollback", json=body)).status_code == 202
    assert desk.asked == [("abab", "healer", "it went wrong"), ("abab", "ann", "it went wrong")]


async def test_only_the_steward_says_what_was_repaired_and_in_one_strict_form(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    assert (await client.post("/repairs", json=STEP)).status_code == 403
    for key in ("", "Bearer reads"):
        assert (await client.post("/repairs", headers={"authorization": key}, json=STEP)).status_code == 403
    for wrong in (
        {"step": "undid"}, {"id": "../x"}, {"id": ""}, {"more": 1}, {"why": "x" * 501}, {"why": "a\nb"}, {"by": None},
        {"told": "x" * 9000},
    ):  # fmt: skip
        told = await client.post("/repairs", headers=AS_STEWARD, json=STEP | wrong)
        assert told.status_code in (400, 413), wrong
    assert desk.asked == []
    assert (await client.post("/repairs", headers=AS_STEWARD, json=STEP)).status_code == 202
    assert desk.asked == [STEP | {"incident": "", "told": "", "cid": ""}]


async def test_the_steward_and_the_owner_have_settings_put_back(client: httpx.AsyncClient, desk: Desk) -> None:
    for key in (STEWARD_KEY, KEY):
        told = await client.post("/settings/put-back", headers={"authorization": f"Bearer {key}"})
        assert (told.status_code, told.json()["told"]) == (200, "It is as it was made.")
    desk.asked.clear()
    for key in ("rules", "reads", ""):
        told = await client.post("/settings/put-back", headers={"authorization": f"Bearer {key}"})
        assert told.status_code == 403 and not desk.asked


BEARERS = {
    "rules": "rules",
    "ruled": "ruled",
    "key": KEY,
    "reads": "reads",
    "tries": "tries",
    "nothing": "nothing",
    "unknown": "unknown",
    "none": "",
}


def bearing(who: str) -> dict[str, str]:
    return {"authorization": f"Bearer {BEARERS[who]}" if BEARERS[who] else ""}


@pytest.mark.parametrize(
    ("who", "live", "staging", "reading"),
    [
        ("none", 202, 202, 403), ("key", 202, 202, 200), ("reads", 202, 202, 200), ("tries", 403, 202, 200),
        ("nothing", 202, 202, 403), ("unknown", 403, 403, 403),
    ],
)  # fmt: skip
async def test_a_token_that_is_shown_must_be_in_force_and_allow_it(
    client: httpx.AsyncClient, desk: Desk, who: str, live: int, staging: int, reading: int
) -> None:
    headers = bearing(who)
    assert (await client.post("/apply", json=GOOD, headers=headers)).status_code == live
    assert (await client.post("/apply", json=GOOD | {"target": "staging"}, headers=headers)).status_code == staging
    assert [trial for _, trial in desk.asked] == [False] * (live == 202) + [True] * (staging == 202)
    for path in ("/patches", "/patches/abab"):
        assert (await client.get(path, headers=headers)).status_code == reading


async def test_a_token_limited_to_staging_changes_nothing_and_is_told_why(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    statement = {"statement": "e30=", "signature": "AA=="}
    for path, body in (("/apply", GOOD), ("/override", statement)):
        told = await client.post(path, json=body, headers=bearing("tries"))
        assert (told.status_code, told.json()["reason"]) == (403, "staging_only")
        assert "limited to staging" in told.json()["message"]
    for path, body in (
        ("/rollback", {"reason": "x", "by": "x"}),
        ("/freeze", {"frozen": True, "reason": "x", "by": "x"}),
    ):
        assert (await client.post(path, json=body, headers=bearing("tries"))).status_code == 403
    assert not desk.asked
    assert (await client.post("/check", json=GOOD, headers=bearing("tries"))).status_code == 200


async def test_tokens_that_nobody_can_look_up_hold_up_only_who_shows_one(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    tokens.is_away = True
    assert (await client.post("/apply", json=GOOD, headers=bearing("reads"))).status_code == 503
    for who in ("key", "none"):
        assert (await client.post("/apply", json=GOOD, headers=bearing(who))).status_code == 202
    assert (await client.post("/rollback", json={"reason": "x", "by": "x"})).status_code == 202


async def test_where_a_token_is_needed_a_signature_alone_is_not_enough(
    client: httpx.AsyncClient, desk: Desk, tmp_path: Path
) -> None:
    settings(home.Home(tmp_path), "patch: {needs_token: true}\n")
    told = await client.post("/apply", json=GOOD, headers=bearing("none"))
    assert told.status_code == 403 and "patch.needs_token" in told.json()["message"] and not desk.asked
    for who in ("key", "reads"):
        assert (await client.post("/apply", json=GOOD, headers=bearing(who))).status_code == 202
    settings(home.Home(tmp_path), "patch: {needs_token: false}\n")
    assert (await client.post("/apply", json=GOOD, headers=bearing("none"))).status_code == 202


@pytest.mark.parametrize("by", ["", "two\nlines", "\x1b[2J", "x" * 101])
@pytest.mark.parametrize("path", ["/rollback", "/freeze"])
async def test_who_wants_it_is_named_in_a_line_that_a_person_can_read(
    client: httpx.AsyncClient, desk: Desk, path: str, by: str
) -> None:
    frozen = {"frozen": True} if path == "/freeze" else {}
    told = await client.post(path, json={"reason": "x", "by": by, **frozen})
    assert told.status_code == 400 and "by" in told.json()["message"] and not desk.asked


@pytest.mark.parametrize("frozen", ["yes", 1, None, "false"])
async def test_frozen_is_yes_or_no_and_nothing_that_looks_like_it(
    client: httpx.AsyncClient, tmp_path: Path, frozen: Any
) -> None:
    told = await client.post("/freeze", json={"frozen": frozen, "reason": "x", "by": "ann"})
    assert told.status_code == 400 and freeze.standing(tmp_path / "lineage") is None


async def test_a_freeze_is_on_disk_when_it_is_answered(client: httpx.AsyncClient, tmp_path: Path) -> None:
    assert (await client.post("/freeze", json={"frozen": True, "reason": " ", "by": "ann"})).status_code == 400
    assert (await client.post("/freeze", json={"frozen": True, "reason": "Stop.", "by": "ann"})).status_code == 200
    found = freeze.standing(home.Home(tmp_path).lineage)
    assert found is not None and (found.reason, found.by) == ("Stop.", "ann")
    assert (await client.post("/freeze", json={"frozen": False, "by": "ann"})).status_code == 200
    assert freeze.standing(home.Home(tmp_path).lineage) is None


async def test_a_rollback_is_accepted_with_the_row(client: httpx.AsyncClient, desk: Desk) -> None:
    told = await client.post("/rollback", json={"cid": "abab", "reason": "Enough.", "by": "ann"})
    assert told.status_code == 202 and told.json()["line"] == ROW.line
    assert desk.asked == [("abab", "ann", "Enough.")]


async def test_an_override_needs_its_signature_alone(client: httpx.AsyncClient, desk: Desk) -> None:
    sent = {"statement": base64.b64encode(b"{}").decode(), "signature": "AA=="}
    told = await client.post("/override", json=sent, headers={"authorization": ""})
    assert told.json() == {"success": True, "count": 2, "day": "2026-11-29", "signer": "ann"}
    assert desk.asked == [(b"{}", b"\0")]


@pytest.mark.parametrize(
    ("limit", "status"), [("1", 200), ("0", 400), ("1001", 400), ("x", 400), ("-1", 400), ("1e3", 400)]
)
async def test_so_many_rows_are_told_as_are_asked_for(client: httpx.AsyncClient, limit: str, status: int) -> None:
    assert (await client.get("/patches", params={"limit": limit})).status_code == status


async def test_who_has_the_newest_list_is_told_so_and_nothing_is_made_anew(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    first = await client.get("/patches")
    known = {"if-none-match": first.headers["etag"]}
    again = await client.get("/patches", headers=known)
    assert (again.status_code, again.content, desk.listed) == (304, b"", 1)
    desk.state = "otherwise"
    after = await client.get("/patches", headers=known)
    assert after.status_code == 200 and after.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize(
    ("cid", "status"), [("abab", 200), ("cid:abababab", 200), ("aba", 404), ("ffff", 404), ("cid:", 404)]
)
async def test_a_patch_is_found_by_the_beginning_of_its_digest(
    client: httpx.AsyncClient, cid: str, status: int
) -> None:
    assert (await client.get(f"/patches/{cid}")).status_code == status


async def test_the_standing_tells_freeze_quota_and_who_signs(client: httpx.AsyncClient) -> None:
    told = (await client.get("/status")).json()
    assert told["frozen"] is True and told["freeze"] == {"reason": "Stop.", "by": "ann", "at_us": 7}
    assert told["quota"]["bots"] == {"used": 1, "limit": 5} and told["at_work"] is None
    [signer] = told["quota"]["signers"]
    assert (signer["name"], signer["limit"]) == ("Ann", None)


async def test_the_quarantine_tells_what_was_rolled_back_and_no_more(client: httpx.AsyncClient, desk: Desk) -> None:
    assert (await client.get("/quarantine")).json() == {"patches": [], "count": 0}
    bad = dataclasses.replace(ROW, outcome=steps.Outcome.ROLLED_BACK, content="c", reason="red", times=(("idle", 9),))
    desk.rows = lambda: [ROW, bad]  # type: ignore[method-assign]
    told = (await client.get("/quarantine")).json()
    assert told["count"] == 1 and told["patches"][0]["reason"] == "red"


async def test_one_that_has_failed_says_that_it_is_not_alive(client: httpx.AsyncClient, desk: Desk) -> None:
    assert (await client.get("/livez")).status_code == 200
    desk.failure = OSError(5, "I/O error")
    told = await client.get("/livez")
    assert told.status_code == 503 and json.loads(told.content)["live"] is False


async def test_an_error_that_nobody_foresaw_tells_nothing_of_itself(client: httpx.AsyncClient, desk: Desk) -> None:
    desk.rows = None  # type: ignore[method-assign,assignment]
    told = await client.get("/patches")
    assert told.status_code == 500 and told.json()["message"] == "Internal error."


@pytest.mark.parametrize(
    ("reason", "times", "word"),
    [
        ("", "staging baking idle", ""),
        ("frozen", "staging checking undoing idle", "frozen"),
        ("quota", "", "quota"),
        ("outside_window: memory lacks.", "staging launching undoing idle", "outside_window"),
        ("no_room: memory lacks.", "staging launching undoing idle", "no_room"),
        ("unavailable: recall did not get ready.", "staging launching undoing idle", "launching"),
        ("error_rate is red", "staging baking returning idle", "baking"),
        ("error_rate is red", "staging pausing switching baking returning yielding idle", "baking"),
    ],
)
def test_what_is_counted_is_a_word_of_its_own_or_the_step_that_failed(reason: str, times: str, word: str) -> None:
    row = history.Row("a" * 64, reason=reason, times=tuple((phase, 1) for phase in times.split()))
    assert patchctl._word(row) == word
