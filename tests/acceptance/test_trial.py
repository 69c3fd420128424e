"""A trial of a real Council: every known answer is right, and afterwards nothing shows that anybody asked."""

import asyncio
import contextlib
import http.client
import json
import re
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import whole
from council import homes
from council.backends.trier import http as http_trier
from council.domain import baking, home
from council.upkeep.patchctl import asking

CHAT = "/v1/chat/completions"
ON = {"COUNCIL_LEARNING": "true", "COUNCIL_CACHE_KIND": "exact", "COUNCIL_GATEWAY_REQUESTS_PER_MINUTE": "6000"}
# Of a process or the machine, or written by whoever watches.
PROCESS = re.compile(
    r"#|council_(process|disk|gpu|provider_up|recall|spent|quota)|heap_mb|open_fds|fd_soft|cuda|python_|process_|\S*_created"
    r'|council_http\w*\{[^}]*path="/(metrics|livez|readyz|api/[a-z]+)"'
    r'|council_calls_total\{.*part="(?!math|logic|knowledge|code|general)'
)
# What watches and tells has nothing to do with questions, and when the last use of all was is written later.
OTHERS = {
    "incidents",
    "notices",
    "silences",
    "announcements",
    "snapshots",
    "observer_state",
    "bot_runs",
    "repairs",
    "uses",
}


@pytest.fixture(scope="module")
def council() -> Iterator[whole.Council]:
    with (
        tempfile.TemporaryDirectory(prefix="council") as folder,
        whole.running(Path(folder, "h"), whole.free_port(), ON) as one,
    ):
        yield one


def key(council: whole.Council) -> str:
    return home.Home(council.home).trial_key_file.read_text().strip()


def told(council: whole.Council, path: str, port: int = 0) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port or council.port, timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"authorization": f"Bearer {council.token}"})
        return connection.getresponse().read().decode()


def metrics(council: whole.Council) -> list[str]:
    """What the gateway counts, and what recall counts of memories."""
    kept = re.compile(r"council_memory_(memories|kept|forgotten|searches)")
    recall = [line for line in told(council, "/metrics", council.port + 6).splitlines() if kept.match(line)]
    return [line for line in told(council, "/metrics").splitlines() if not PROCESS.match(line)] + recall


def records(council: whole.Council) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table that questions are written to."""
    path = home.Home(council.home).records / "council.db"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        return {name: sorted(database.execute(f'SELECT * FROM "{name}"'), key=repr) for name in tables - OTHERS}


def questions(council: whole.Council) -> Sequence[baking.Question]:
    where = home.Home(council.home)
    return homes.load_trial(where, where.current.resolve().name)


async def tried(council: whole.Council) -> list[baking.Answer]:
    trier = http_trier.HttpTrier(council.base_url, key(council), limit_s=30)
    try:
        return await asking.ask_all(trier, questions(council), 4)
    finally:
        await trier.close()


def ask(council: whole.Council, text: str, **more: object) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", council.port, timeout=60)
    body = {"model": "council", "messages": [{"role": "user", "content": text}], "max_tokens": 16, **more}
    with contextlib.closing(connection):
        connection.request("POST", CHAT, json.dumps(body), {"authorization": f"Bearer {council.token}"})
        response = connection.getresponse()
        assert response.status == 200, response.read()


def requests_counted(lines: list[str]) -> float:
    return sum(float(line.split()[-1]) for line in lines if line.startswith("council_requests_total{"))


def test_a_trial_has_every_known_answer_and_leaves_nothing_behind_where_plain_questions_do(
    council: whole.Council,
) -> None:
    ask(council, "I live in Lyon.", memory=True)
    metrics_before, records_before = metrics(council), records(council)
    found = asyncio.run(tried(council))
    asked = questions(council)
    generation = home.Home(council.home).current.resolve().name
    wrong = [
        (one.text, answer)
        for one, answer in zip(asked, found, strict=True)
        if (answer.ending, answer.generation) != (baking.Ending.ANSWERED, generation) or answer.right is False
    ]
    assert not wrong
    assert sum(answer.right is True for answer in found) == sum(bool(one.answer) for one in asked) == 35
    # The worker, recall, the sandbox and the model are asked as ever.
    assert all(answer.calls >= 1 and answer.calls_failed == 0 and not answer.paid for answer in found)
    assert metrics(council) == metrics_before
    assert records(council) == records_before

    for one in asked:
        ask(council, one.text, memory=True, cache="exact")
    assert requests_counted(metrics(council)) == requests_counted(metrics_before) + len(asked)
    assert 'council_answer_cache_total{result="exact"}' not in "\n".join(metrics(council)), (
        "nothing of the trial is kept"
    )
    before = records_before
    whole.wait_until(lambda: len(records(council)["learning"]) > len(before["learning"]), 30)
    after = records(council)
    assert len(after["ledger"]) == len(before["ledger"]) + len(asked) and len(after["memories"]) > len(
        before["memories"]
    )


@pytest.mark.parametrize("shown", [["wrong"], ["token"], ["key", "key"], ["key", "wrong"], [""], ["k" * 30_000]])
def test_whoever_has_not_the_key_is_turned_away(council: whole.Council, shown: list[str]) -> None:
    values = {"token": council.token, "key": key(council)}
    connection = http.client.HTTPConnection("127.0.0.1", council.port, timeout=30)
    before = records(council)
    with contextlib.closing(connection):
        connection.putrequest("POST", CHAT)
        for one in shown:
            connection.putheader("x-council-trial", values.get(one, one))
        body = json.dumps({"model": "council", "messages": [{"role": "user", "content": "What is 2 + 2?"}]}).encode()
        connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        assert response.status == 403 and b"secrets/trial.key" in response.read()
    assert records(council) == before


def test_a_trial_goes_on_after_callers_have_left(council: whole.Council) -> None:
    before, head = (metrics(council), records(council)), {"x-council-trial": key(council)}
    body = {"model": "council", "messages": [{"role": "user", "content": "Tell me a long story."}], "max_tokens": 200}
    for stream in (True, False) * 4:
        connection = http.client.HTTPConnection("127.0.0.1", council.port, timeout=30)
        connection.request("POST", CHAT, json.dumps({**body, "stream": stream}), head)
        if stream:
            assert connection.getresponse().readline()
        connection.close()
    whole.wait_until(lambda: all(one.ending is baking.Ending.ANSWERED for one in asyncio.run(tried(council))), 60)
    assert (metrics(council), records(council)) == before
