import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from council import app
from council.cli import main, options
from council.domain import config, home, ledger
from council.kit import ids

AT_US = 1_800_000_000_000_000
REQUEST, OTHER = ids.ulid_from(AT_US, b"a" * 10), ids.ulid_from(AT_US, b"b" * 10)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ROOT, STAGE, CALL = "1" * 16, "2" * 16, "3" * 16
SPANS = {
    "spans_0": [
        [ROOT, "f" * 16, "POST /v1/chat/completions", "gateway", 0.0, 12.5, ""],
        [CALL, STAGE, "math.solve", "worker", 1.25, 8.0, "ComputeLimitError"],
    ],
    "spans_1": [[STAGE, ROOT, "invoke_agent math", "gateway", 1.0, 9.0, ""]],
}


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[home.Home]:
    made = home.Home(tmp_path)
    made.records.mkdir()
    made.logs.mkdir()
    monkeypatch.setattr(options, "known_config", lambda *_: config.Config())
    monkeypatch.setenv("COUNCIL_HOME", str(tmp_path))
    records = app.records(config.Config(), made)
    records.migrate()
    row = ledger.LedgerRow(
        request_id=REQUEST, at_us=AT_US + 5_000, user_id="owner", token_id="t", route="math", specialist="math",
        model="smart", outcome=ledger.Outcome.ANSWERED, level="computed", verified=True, escalated=True, prompt_tokens=3,
        completion_tokens=8, cost_usd_micros=19, first_us=9_000, total_us=12_000, generation="g" * 40,
    )  # fmt: skip
    charge = ledger.Charge(0, "paid", "smart", "big", 3, 0, 8, 19, False, "answered")
    records.append([row], [(row, charge)])
    records.close()
    yield made


def write(where: home.Home, name: str, *lines: dict[str, Any] | str) -> None:
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    (where.logs / name).write_text("".join(f"{text}\n" for text in texts))


def line(message: str, second: int, request_id: str = REQUEST, **more: Any) -> dict[str, Any]:
    at = f"2027-01-15T08:00:{second:02}.000+00:00"
    fields = {"ts": at, "level": "info", "service": "gateway", "message": message, "request_id": request_id}
    return {**fields, "trace_id": TRACE, **more}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main.cli, ["trace", *arguments], catch_exceptions=False)


def test_a_request_id_finds_its_stages_its_row_and_its_lines(where: home.Home) -> None:
    write(where, "gateway.log.1", line("a specialist was away", 1, specialist="logic"))
    write(where, "gateway.log", line("request", 3, **SPANS), line("of another", 2, OTHER), "no JSON " + REQUEST)
    write(
        where,
        "worker.log",
        line("an operation failed", 2, service="worker"),
        line("x", 2, note=REQUEST, request_id=OTHER),
    )
    told = run(REQUEST).output.splitlines()
    assert told[0] == f"request {REQUEST}  trace {TRACE}"
    assert [text.split() for text in told[2:6]] == [
        ["AT", "MS", "TOOK", "MS", "STAGE", "SERVICE", "ERROR"],
        ["0.0", "12.5", "POST", "/v1/chat/completions", "gateway"],
        ["1.0", "9.0", "invoke_agent", "math", "gateway"],
        ["1.2", "8.0", "math.solve", "worker", "ComputeLimitError"],
    ]
    assert "    math.solve" in told[5]
    text = "\n".join(told)
    assert "answered by math with smart" in text and "computed (verified)" in text and "0.000019 USD, escalated" in text
    assert "paid/big: answered" in text
    assert [text.split()[3] for text in told[-3:]] == ["a", "an", "request"]
    assert "specialist=logic" in text and "spans_" not in text and "of another" not in text


def test_a_trace_id_finds_its_requests(where: home.Home) -> None:
    write(
        where, "gateway.log", line("request", 3), line("request", 4, OTHER), line("request", 5, "x", trace_id="0" * 32)
    )
    found = json.loads(run(TRACE, "--json").output)
    assert [one["request_id"] for one in found] == [REQUEST, OTHER]
    assert found[0]["row"]["cost_usd_micros"] == 19 and found[1]["row"] is None
    assert [one["message"] for one in found[0]["lines"]] == ["request"]


def test_the_row_is_shown_where_the_logs_have_forgotten(where: home.Home) -> None:
    assert "answered by math" in run(REQUEST).output


def test_without_stages_it_is_said_why(where: home.Home) -> None:
    write(where, "gateway.log", line("request", 3))
    assert "`tracing.on` was not set" in run(REQUEST).output


@pytest.mark.parametrize(
    ("identifier", "said"), [("nonsense", "26 capital letters"), (OTHER, "know"), ("0" * 32, "know")]
)
def test_what_is_not_found_says_what_to_do_next(where: home.Home, identifier: str, said: str) -> None:
    with pytest.raises(Exception, match=said):
        run(identifier)


def test_spans_that_lie_below_each_other_end(where: home.Home) -> None:
    round_about = [[ROOT, STAGE, "alpha", "gateway", 0, 1, ""], [STAGE, ROOT, "beta", "gateway", 0, 1, ""]]
    write(where, "gateway.log", line("request", 3, spans_0=[*round_about, [CALL, CALL, "gamma", "gateway", 0, 1, ""]]))
    told = run(REQUEST).output
    assert all(told.count(name) == 1 for name in ("alpha", "beta", "gamma"))


def test_nothing_of_a_log_steers_the_terminal(where: home.Home) -> None:
    write(where, "gateway.log", line("request\x1b[2J", 3, spans_0=[[ROOT, "", "bad\x1b[2J", "gateway\r", 0, 1, "\n"]]))
    told = run(REQUEST).output
    assert "\x1b" not in told and "\r" not in told
