"""What the gates read of a gateway: there from the start, and moved by what happens, each way for an exchange to end."""

import collections
import contextlib
import http.client
import json
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import parser

import whole
from council import homes
from council.domain import gates, gates_file, home
from council.upkeep.engine import blueprint

SHIPPED = yaml.safe_load((Path(__file__).parents[2] / "config" / "gates.yaml").read_text())
# What the watcher tells of the machine, no gateway does.
GATES = {gate.name: gate for gate in gates_file.build(SHIPPED, SHIPPED) if gate.services != ("watcher",)}
PRICE = {"input_usd_micros": 1_000_000, "output_usd_micros": 2_000_000}
BEHAVIOURS = (
    "ok", "ok-40-50ms", "stall-first-byte", "cut-mid-stream", "status-400", "status-401", "status-429", "status-500",
)  # fmt: skip
# What the upstream says where it behaves.
SAID = "".join(f"w{number} " for number in range(1, 9))

Key = tuple[str, frozenset[tuple[str, str]]]


class Told:
    """What one scrape told."""

    def __init__(self, text: str):
        self.series: dict[Key, float] = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in parser.text_string_to_metric_families(text)
            for sample in family.samples
        }

    def sum(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's series with these labels. Fails where there is none."""
        found = [value for (metric, held), value in self.series.items() if metric == name and labels.items() <= held]
        assert found, (name, labels)
        return sum(found)

    def risen(self, before: "Told", name: str) -> dict[str, float]:
        """Return by how much a counter rose, by outcome, where it did."""
        found: collections.Counter[str] = collections.Counter()
        for (metric, held), value in self.series.items():
            if metric == name:
                found[dict(held)["outcome"]] += value - before.series.get((metric, held), 0.0)
        return {outcome: value for outcome, value in found.items() if value}


@pytest.fixture(scope="module")
def started(upstream: str) -> Iterator[tuple[whole.Council, Told, float]]:
    """A whole Council, what its gateway told before it was asked anything, and when it was started."""
    models = {name: {"deployments": [{"provider": "paid", "model": name, **PRICE}]} for name in BEHAVIOURS}
    provider = {"url": f"{upstream}/v1", "key": "none", "first_byte_s": 0.5, "whole_s": 0.5, "stall_s": 0.5}
    file = {"providers": {"paid": provider}, "models": models}
    with tempfile.TemporaryDirectory(prefix="council") as folder:
        root = Path(folder, "h")
        where = home.Home(root)
        homes.prepare(where, {"COUNCIL_HOME": str(root)})
        blueprint.commit(where, {"providers.yaml": yaml.safe_dump(file).encode()}, "Add a provider that misbehaves")
        began_s = time.time()
        with whole.running(root, whole.free_port(), {"COUNCIL_LEARNING": "true", "COUNCIL_CALLS_HOPS_MAX": "1"}) as one:
            yield one, scraped(one), began_s


@pytest.fixture(scope="module")
def council(started: tuple[whole.Council, Told, float]) -> whole.Council:
    return started[0]


def scraped(council: whole.Council) -> Told:
    asked = urllib.request.Request(f"{council.base_url}/metrics", headers={"authorization": f"Bearer {council.token}"})
    with urllib.request.urlopen(asked, timeout=30) as reply:
        return Told(reply.read().decode())


@contextlib.contextmanager
def asking(
    council: whole.Council, body: Any, path: str = "/v1/chat/completions", token: str | None = None
) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", council.port, timeout=60)
    headers = {"content-type": "application/json"}
    if token != "":
        headers["authorization"] = f"Bearer {token or council.token}"
    connection.request("POST", path, json.dumps(body), headers)
    with contextlib.closing(connection):
        yield connection.getresponse()


def question(text: str = "one two three", model: str = "council", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def moved(council: whole.Council, before: Told, holds: Callable[[Told], bool]) -> Told:
    """Return the first scrape for which something holds: what is counted, is counted after the last byte."""
    told = before

    def look() -> bool:
        nonlocal told
        told = scraped(council)
        return holds(told)

    whole.wait_until(look, 10)
    return told


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_a_gateway_that_was_asked_nothing_tells_all_that_a_gate_reads(
    gate: gates.Gate, started: tuple[whole.Council, Told, float]
) -> None:
    _, told, _ = started
    for selector in selectors(gate.form):
        values = [(name, value) for name, among in selector.where.items() for value in among]
        for suffix in ("_bucket", "_count") if isinstance(gate.form, gates.Quantile) else ("",):
            for name, value in values or [("", "")]:
                number = told.sum(selector.metric + suffix, **({name: value} if name else {}))
                if isinstance(gate.form, gates.Ratio | gates.Quantile | gates.Count):
                    assert number == 0, "nothing has happened yet"


def selectors(form: gates.Form) -> list[gates.Selector]:
    match form:
        case gates.Gauge():
            return [form.of, *([form.by] if form.by else [])]
        case gates.Ratio():
            return [*form.part, *form.whole]
        case gates.Quantile() | gates.Count():
            return [form.of]
        case gates.Slope():
            return [form.of, form.began]


def test_a_process_tells_when_it_began(started: tuple[whole.Council, Told, float]) -> None:
    _, told, began_s = started
    assert began_s - 1 < told.sum("council_process_start_seconds", svc="gateway") < time.time()


TOO_LONG = question("hello " * 6_000, "council/general")


@pytest.mark.parametrize(
    ("body", "status", "exchange", "questions", "calls"),
    [
        (question("What is 2+2?"), 200, "ok", {"answered": 1}, {"ok": 1}),
        (question("9**9**9**9"), 200, "ok", {"refused": 1}, {"ok": 1}),
        (question(model="ok"), 200, "ok", {"answered": 1}, {"ok": 1}),
        (question(model="ok", stream=True), 200, "ok", {"answered": 1}, {"ok": 1}),
        (question(model="nobody"), 404, "ok", {}, {}),
        ({"model": "council"}, 400, "ok", {}, {}),
        (TOO_LONG, 400, "ok", {"invalid": 1}, {"ok": 1}),
        (question(model="status-400"), 400, "ok", {"invalid": 1}, {"ok": 1}),
        (question(model="status-401"), 502, "error", {"failed": 1}, {"ok": 1}),
        (question(model="status-429"), 502, "error", {"failed": 1}, {"ok": 1}),
        (question(model="status-500"), 502, "error", {"failed": 1}, {"error": 1}),
        (question(model="cut-mid-stream", stream=True), 200, "error", {"failed": 1}, {"error": 1}),
        (question(model="stall-first-byte"), 502, "timeout", {"failed": 1}, {"error": 1}),
        (question(model="stall-first-byte", stream=True), 502, "timeout", {"failed": 1}, {"error": 1}),
    ],
)
def test_each_end_of_an_exchange_is_counted_as_what_it_is(
    council: whole.Council,
    body: dict[str, Any],
    status: int,
    exchange: str,
    questions: dict[str, float],
    calls: dict[str, float],
) -> None:
    before = scraped(council)
    with asking(council, body) as response:
        assert response.status == status, response.read()
        response.read()
    told = moved(council, before, lambda told: bool(told.risen(before, "council_exchanges_total")))
    if questions:
        told = moved(council, before, lambda told: bool(told.risen(before, "council_requests_total")))
    assert told.risen(before, "council_exchanges_total") == {exchange: 1}
    assert told.risen(before, "council_requests_total") == questions
    found = told.risen(before, "council_network_calls_total")
    # Beside those to whom the question went there is the store, which is asked now and then.
    assert {name: found.get(name, 0) - calls.get(name, 0) for name in ("ok", "error")} in (
        {"ok": 0, "error": 0},
        {"ok": 1, "error": 0},
    )


def test_one_who_leaves_is_no_error_of_ours(council: whole.Council) -> None:
    before = scraped(council)
    with asking(council, question(model="ok-40-50ms", stream=True)) as response:
        assert response.readline().startswith(b"data: ")
    told = moved(council, before, lambda told: bool(told.risen(before, "council_requests_total")))
    assert told.risen(before, "council_exchanges_total") == {"ok": 1}
    assert told.risen(before, "council_requests_total") == {"cancelled": 1}


def test_what_was_paid_for_a_failed_question_is_money_spent(council: whole.Council) -> None:
    before = scraped(council)
    with asking(council, question(model="cut-mid-stream", stream=True)) as response:
        response.read()
    name = "council_cost_usd_micros_total"
    told = moved(council, before, lambda told: told.sum(name) > before.sum(name))
    assert told.sum(name, model="cut-mid-stream") > before.sum(name, model="cut-mid-stream")
    assert told.sum("council_local_answers_total") == before.sum("council_local_answers_total")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", question(model="ok")),
        ("/v1/chat/completions", question(model="ok", stream=True)),
        ("/v1/messages", {**question(model="ok"), "max_tokens": 100}),
        ("/v1/messages", {**question(model="ok", stream=True), "max_tokens": 100}),
        ("/v1/responses", {"model": "ok", "input": "one two three"}),
        ("/v1/responses", {"model": "ok", "input": "one two three", "stream": True}),
        ("/v1/completions", {"model": "ok", "prompt": "one two three"}),
    ],
)
def test_the_bytes_of_an_answer_are_its_text_alone_in_every_form(council: whole.Council, path: str, body: Any) -> None:
    before = scraped(council)
    with asking(council, body, path) as response:
        assert response.status == 200, response.read()
        response.read()
    count, total = "council_answer_bytes_count", "council_answer_bytes_sum"
    told = moved(council, before, lambda told: told.sum(count) > before.sum(count))
    assert told.sum(total) - before.sum(total) == len(SAID)


def test_the_bytes_of_a_computed_answer_are_counted_as_they_are_sent(council: whole.Council) -> None:
    before = scraped(council)
    with asking(council, question("What is sqrt(2) * pi?")) as response:
        text = json.loads(response.read())["choices"][0]["message"]["content"]
    told = moved(council, before, lambda told: bool(told.risen(before, "council_requests_total")))
    assert told.sum("council_answer_bytes_sum") - before.sum("council_answer_bytes_sum") == len(text.encode())


def test_users_count_once_however_much_they_ask_and_apart_from_those_without_a_token(council: whole.Council) -> None:
    slow = question(model="ok-40-50ms", stream=True)
    name = "council_users_in_flight"
    assert scraped(council).sum(name) == 0, "who looks at the metrics asks for nothing"
    with asking(council, slow) as one, asking(council, slow) as two:
        assert one.readline() and two.readline()
        assert scraped(council).sum(name) == 1
        with asking(council, question("Tell a long story.", "council/general", stream=True), token="") as three:
            assert three.status == 200
            assert scraped(council).sum(name) == 2
    moved(council, scraped(council), lambda told: told.sum(name) == 0)


def test_an_answer_is_marked_wrong_once_however_often_it_is_said(council: whole.Council) -> None:
    with asking(council, question("What is 3+4?")) as response:
        request_id = json.loads(response.read())["council"]["request_id"]
    before, name = scraped(council), "council_marked_wrong_total"
    for verdict in ("down", "down", "up"):
        with asking(council, {"request_id": request_id, "verdict": verdict}, "/api/feedback") as response:
            assert response.status == 200, response.read()
    assert scraped(council).sum(name) - before.sum(name) == 1
