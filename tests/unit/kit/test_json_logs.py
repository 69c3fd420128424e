import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.kit import json_logs


def line_of(message: str, *arguments: Any, extra: dict[str, Any] | None = None, exc_info: Any = None) -> dict[str, Any]:
    record = logging.getLogger("council.test").makeRecord(
        "council.test", logging.INFO, __file__, 1, message, arguments, exc_info, extra=extra
    )
    text = json_logs.Formatter("gateway", 2).format(record)
    assert "\n" not in text
    line: dict[str, Any] = json.loads(text)
    return line


@pytest.fixture
def request_id() -> Iterator[str]:
    token = json_logs.request_id.set("01ABC")
    yield "01ABC"
    json_logs.request_id.reset(token)


def test_a_line_says_when_who_and_what() -> None:
    line = line_of("answered", extra={"route": "math", "tokens": 5, "timings": {"total": 0.5}})
    assert line.pop("ts").endswith("+00:00")
    assert line == {
        "level": "info",
        "service": "gateway",
        "replica": 2,
        "logger": "council.test",
        "message": "answered",
        "route": "math",
        "tokens": 5,
        "timings": {"total": 0.5},
    }


def test_a_line_carries_the_request_id_when_there_is_one(request_id: str) -> None:
    assert line_of("answered")["request_id"] == request_id


def test_a_field_cannot_pose_as_one_of_ours() -> None:
    assert line_of("answered", extra={"service": "other", "level": "x", "ts": 1})["service"] == "gateway"


def test_foreign_text_is_cut() -> None:
    line = line_of("%s", "m" * 10_000, extra={"body": "b" * 10_000, "many": list(range(1_000)), "odd": {1, 2}})
    assert {len(line["message"]), len(line["body"]), len(line["many"])} == {500}
    assert line["odd"] == "{1, 2}"


def test_an_exception_is_one_field_that_keeps_its_end() -> None:
    try:
        {}["x" * 10_000 + "the end"]
    except KeyError:
        line = line_of("failed", exc_info=sys.exc_info())
    assert len(line["exception"]) <= 4_000
    assert line["exception"].endswith("the end'\n")


def test_a_message_that_does_not_fit_its_arguments_is_still_logged() -> None:
    assert line_of("%d of %d", "one")["message"] == "%d of %d"


def test_a_field_that_cannot_show_itself_is_named() -> None:
    class Silent:
        def __repr__(self) -> str:
            raise RuntimeError

    line = line_of("%s", Silent(), extra={"one": Silent(), "two": [Silent()]})
    assert (line["message"], line["one"], line["two"]) == ("%s", "<Silent>", ["<Silent>"])


foreign = st.recursive(
    st.none() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(), inner, max_size=4),
)


@given(st.text(), st.dictionaries(st.text(min_size=1).map(lambda key: "x" + key), foreign, max_size=50))
def test_whatever_is_logged_makes_one_bounded_line(message: str, extra: dict[str, Any]) -> None:
    record = logging.makeLogRecord({"msg": message, **extra})
    text = json_logs.Formatter("gateway", 0).format(record)
    json.loads(text)
    assert "\n" not in text
    assert len(text) < 500 * 6 * 100


def test_what_is_raised_uncaught_or_warned_is_a_line_too() -> None:
    code = (
        "import threading, warnings; from council.kit import json_logs; json_logs.set_up('a', 1); "
        "warnings.warn('w'); t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join(); {}['k']"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["level"] for line in lines] == ["warning", "critical", "critical"]
    assert "ZeroDivisionError" in lines[1]["exception"] and "KeyError" in lines[2]["exception"]
    assert done.returncode == 1
