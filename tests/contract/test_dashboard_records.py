"""Logins, the audit and conversations in the records, on both databases; turn logs in both stores."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import servers
from council.backends.records import audits as sql_audits
from council.backends.records import chats as sql_chats
from council.backends.records import logins as sql_logins
from council.backends.records import sql
from council.backends.records import uses as sql_uses
from council.backends.store import turns as store_turns
from council.domain import access, audits, chats, logins, uses

T0 = 1_800_000_000_000_000
HOUR = 3_600_000_000


@pytest.fixture
def known(records: sql.SqlRecords, records_url: str) -> Iterator[sql_logins.SqlLogins]:
    made = sql_logins.SqlLogins(records_url, 5.0)
    yield made
    made.close()


@pytest.fixture
def trail(records: sql.SqlRecords, records_url: str) -> Iterator[sql_audits.SqlAudit]:
    made = sql_audits.SqlAudit(records_url, 5.0)
    yield made
    made.close()


@pytest.fixture
def talks(records: sql.SqlRecords, records_url: str) -> Iterator[sql_chats.SqlChats]:
    made = sql_chats.SqlChats(records_url, 5.0)
    yield made
    made.close()


@pytest.fixture
def lately(records: sql.SqlRecords, records_url: str) -> Iterator[sql_uses.SqlUses]:
    made = sql_uses.SqlUses(records_url, 5.0)
    yield made
    made.close()


def code(name: str = "code", created_us: int = T0) -> logins.Code:
    return logins.Code(access.digest(name), "owner", access.Role.ADMIN, created_us, created_us + HOUR)


def session(name: str = "session", user: str = "ann", token: str = "", created_us: int = T0) -> logins.Session:
    digest = access.digest(name)
    return logins.Session(name, digest, user, access.Role.VIEWER, token, created_us, created_us + HOUR)


def test_a_code_opens_one_session_of_its_own_user_and_role(known: sql_logins.SqlLogins) -> None:
    known.add_code(code())
    found = known.redeem(access.digest("code"), session(), T0 + 1)
    assert found is not None and (found.user_id, found.role) == ("owner", access.Role.ADMIN)
    assert known.find(access.digest("session")) == found and known.in_force(T0) == [found]
    assert known.redeem(access.digest("code"), session("again"), T0 + 1) is None
    assert known.redeem("\0", session("again"), T0 + 1) is None


def test_a_code_that_is_too_old_opens_nothing_and_is_used_up(known: sql_logins.SqlLogins) -> None:
    known.add_code(code())
    assert known.redeem(access.digest("code"), session(), T0 + HOUR) is None
    assert known.redeem(access.digest("code"), session(), T0 + 1) is None


def test_of_many_who_use_a_code_at_once_one_gets_a_session(known: sql_logins.SqlLogins) -> None:
    known.add_code(code())
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda n: known.redeem(access.digest("code"), session(f"s{n}"), T0), range(6)))
    assert sum(one is not None for one in found) == 1 == len(known.in_force(T0))


def test_sessions_end_one_by_one_by_user_and_by_time(known: sql_logins.SqlLogins) -> None:
    for name, user in (("a", "ann"), ("b", "ann"), ("c", "bob"), ("d", "bob")):
        known.begin(session(name, user))
    assert known.end("a") and not known.end("a") and known.find(access.digest("a")) is None
    assert known.end_all("ann") == 1 and {one.id for one in known.in_force(T0)} == {"c", "d"}
    assert known.in_force(T0 + HOUR) == [] and known.trim(T0 + HOUR) == 2
    known.begin(session("e"))
    known.add_code(code())
    assert known.end_all() == 1 and known.redeem(access.digest("code"), session(), T0) is None


def test_the_oldest_codes_give_way(known: sql_logins.SqlLogins) -> None:
    for number in range(logins.CODES_MAX + 2):
        known.add_code(code(str(number), T0 + number))
    assert known.redeem(access.digest("1"), session("x"), T0) is None
    assert known.redeem(access.digest("2"), session("y"), T0) is not None


def test_the_audit_tells_the_newest_first_and_keeps_so_many(trail: sql_audits.SqlAudit) -> None:
    for number in range(5):
        trail.add(audits.Row(f"r{number}", T0 + number, "ann", "s", "admin", "POST /\0x" + "y" * 500))
    trail.settle("r4", 202)
    first = trail.newest(2)
    assert [(one.id, one.status) for one in first] == [("r4", 202), ("r3", None)]
    assert len(first[0].action) == audits.ACTION_CHARS_MAX and "\0" not in first[0].action
    assert [one.id for one in trail.newest(9, before="r3")] == ["r2", "r1", "r0"]
    assert trail.trim(2) == 3 and trail.trim(2) == 0 and [one.id for one in trail.newest(9)] == ["r4", "r3"]


def talk(name: str, user: str = "ann", at_us: int = T0, title: str = "") -> chats.Conversation:
    return chats.Conversation(name, user, title, True, at_us, at_us)


def said(
    name: str, talk_id: str, text: str, parent: str = "", role: chats.Role = chats.Role.USER, at_us: int = T0
) -> chats.Message:
    state = chats.State.DONE if role is chats.Role.USER else chats.State.RUNNING
    return chats.Message(name, talk_id, parent, role, text, "council", state, at_us, at_us)


def test_what_was_said_comes_back_as_it_was_and_to_its_user_alone(talks: sql_chats.SqlChats) -> None:
    assert talks.begin(talk("t1"), 10)
    question = said("m1", "t1", "Pi\0e \ud800 \U0001f967?")
    answer = said("m2", "t1", "", "m1", chats.Role.ASSISTANT)
    assert talks.say("ann", [question, answer], 10, "Pie")
    found = talks.messages("ann", "t1")
    assert [one.id for one in found] == ["m1", "m2"] and found[0].text == "Pi\ufffde ? \U0001f967?"
    assert talks.messages("bob", "t1") == [] and talks.message("bob", "m1") is None and talks.find("bob", "t1") is None
    assert not talks.say("bob", [said("m3", "t1", "x")], 10) and not talks.change("bob", "t1", title="Mine")
    assert not talks.delete("bob", "t1") and talks.find("ann", "t1") is not None
    told = talks.find("ann", "t1")
    assert told is not None and (told.title, told.turns) == ("Pie", 1)


def test_a_running_answer_is_written_on_and_one_that_has_ended_stays(talks: sql_chats.SqlChats) -> None:
    talks.begin(talk("t1"), 10)
    answer = said("m2", "t1", "", "m1", chats.Role.ASSISTANT)
    talks.say("ann", [said("m1", "t1", "?"), answer], 10)
    talks.settle(dataclasses.replace(answer, text="Half", touched_us=T0 + 5))
    done = dataclasses.replace(answer, text="Whole", state=chats.State.DONE, council={"cost_usd_micros": 0})
    talks.settle(done)
    talks.settle(dataclasses.replace(answer, text="Late"))
    assert talks.message("ann", "m2") == done


def test_conversations_are_found_by_what_was_said_and_paged_by_when(talks: sql_chats.SqlChats) -> None:
    for number in range(4):
        talks.begin(talk(f"t{number}", at_us=T0 + number, title="100% sure" if number == 2 else ""), 10)
    talks.begin(talk("other", "bob", title="Lyon"), 10)
    talks.say("ann", [said("m1", "t0", "I live in LYON.", at_us=T0 + 99)], 10, "Home")
    assert [one.id for one in talks.newest("ann", 9)] == ["t0", "t3", "t2", "t1"]
    assert [one.id for one in talks.newest("ann", 9, before=(T0 + 3, "t3"))] == ["t2", "t1"]
    assert [one.id for one in talks.newest("ann", 9, query="lyon")] == ["t0"]
    assert [one.id for one in talks.newest("ann", 9, query="0% S")] == ["t2"]
    assert [one.id for one in talks.newest("ann", 9, query="%")] == ["t2"]


def test_bounds_refuse_and_nothing_is_half_done(talks: sql_chats.SqlChats) -> None:
    assert talks.begin(talk("t1"), 1) and not talks.begin(talk("t2"), 1)
    assert not talks.say("ann", [said("m1", "t1", "a"), said("m2", "t1", "b")], 1, "Title")
    found = talks.find("ann", "t1")
    assert found == talk("t1") and talks.messages("ann", "t1") == []
    assert not talks.say("ann", [said("m1", "gone", "a")], 9)


def test_what_is_deleted_is_gone_and_what_is_changed_is_told(talks: sql_chats.SqlChats) -> None:
    talks.begin(talk("t1"), 10)
    talks.say("ann", [said("m1", "t1", "a")], 10)
    assert talks.change("ann", "t1", title="Ours", memory=False) and talks.change("ann", "t1")
    found = talks.find("ann", "t1")
    assert found is not None and (found.title, found.memory) == ("Ours", False)
    assert talks.delete("ann", "t1") and not talks.delete("ann", "t1") and talks.message("ann", "m1") is None


@pytest.fixture
async def log(store_server: servers.Server) -> AsyncIterator[store_turns.ValkeyTurns]:
    made = store_turns.ValkeyTurns(store_server.url, 5.0)
    yield made
    await made.close()


async def test_a_turns_log_grows_is_read_from_anywhere_and_can_be_stopped(log: store_turns.ValkeyTurns) -> None:
    assert await log.read("t", 0, 10) is None
    assert not await log.append("t", b"", 60) and await log.read("t", 0, 10) is None
    assert not await log.append("t", "Grüße".encode(), 60)
    assert not await log.append("t", b"!", 60)
    assert await log.read("t", 0, 4) == "Grü".encode() and await log.read("t", 4, 99) == "ße!".encode()
    assert await log.read("t", 99, 9) == b""
    await log.ask_to_stop("t", 60)
    assert await log.append("t", b"", 60)


async def test_of_all_that_is_sent_under_a_key_one_turn_is_the_answer_until_it_is_let_go(
    log: store_turns.ValkeyTurns,
) -> None:
    assert set(await asyncio.gather(*(log.claim("k", f"turn{number}", 60) for number in range(8)))) <= {
        await log.claim("k", "late", 60)
    }
    assert await log.claim("other", "late", 60) == "late"
    first = await log.claim("k", "late", 60)
    await log.release("k", "late")
    assert await log.claim("k", "late", 60) == first
    await log.release("k", first)
    assert await log.claim("k", "late", 60) == "late"


async def test_a_cancel_ends_whoever_uses_the_store_wherever_it_comes(log: store_turns.ValkeyTurns) -> None:
    goes_on = True

    async def on_and_on() -> None:
        while goes_on:
            await log.append("cancelled", b"!", 60)

    await log.append("cancelled", b"!", 60)
    for steps in range(40):
        goes_on = True
        using = asyncio.create_task(on_and_on())
        for _ in range(steps):
            await asyncio.sleep(0)
        using.cancel()
        await asyncio.wait({using}, timeout=10)
        goes_on = False
        await asyncio.wait({using})
        assert using.cancelled(), f"cancelled after {steps} steps of the loop, it goes on"
    assert not await log.append("cancelled", b"", 60)


def test_of_each_use_the_newest_is_kept_whoever_comes_last(lately: sql_uses.SqlUses) -> None:
    lately.note([])
    failed = uses.Use(uses.Kind.FAILED, "far", T0, "It broke.")
    lately.note([uses.Use(uses.Kind.TOKEN, "t", T0), uses.Use(uses.Kind.ANSWERED, "far", T0), failed])
    lately.note([uses.Use(uses.Kind.TOKEN, "t", T0 - 1), uses.Use(uses.Kind.FAILED, "far", T0 + 5, "\0" + "x" * 500)])
    found = {(one.kind, one.name): one for one in lately.all()}
    assert found[uses.Kind.TOKEN, "t"].at_us == T0 and found[uses.Kind.ANSWERED, "far"].at_us == T0
    newest = found[uses.Kind.FAILED, "far"]
    assert newest.at_us == T0 + 5 and len(newest.told) == uses.TOLD_CHARS_MAX and "\0" not in newest.told
