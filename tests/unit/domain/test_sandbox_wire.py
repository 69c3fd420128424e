import dataclasses
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.domain import config, errors, sandbox, sandbox_wire

DEFAULTS = sandbox_wire.default_limits(config.SandboxConfig())
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
RAW = st.one_of(st.binary(max_size=30), TEXT.map(str.encode))
NAMES = st.dictionaries(TEXT, RAW, max_size=3)
SECONDS = st.floats(0, 1e6)
COUNTS = st.integers(0, 2**50)
LIMITS = st.builds(sandbox.Limits, SECONDS, SECONDS, COUNTS, COUNTS, COUNTS, COUNTS)
JOBS = st.builds(
    sandbox.Job, st.sampled_from(sandbox.LANGUAGES), TEXT, RAW, NAMES, st.lists(TEXT, max_size=3).map(tuple),
    st.none() | LIMITS,
)  # fmt: skip
RESULTS = st.builds(
    sandbox.Result,
    status=st.sampled_from(sandbox.Status), limit=st.none() | TEXT, exit_code=st.none() | COUNTS,
    signal=st.none() | COUNTS, stdout=RAW, stderr=RAW, files=NAMES, not_collected=st.dictionaries(TEXT, TEXT),
    truncated=st.just(False), wall_s=SECONDS, cpu_s=SECONDS, memory_peak_bytes=st.none() | COUNTS,
    layers=st.lists(TEXT, max_size=2).map(tuple), layers_missing=st.lists(TEXT, max_size=2).map(tuple),
    blocked=st.dictionaries(TEXT, COUNTS, max_size=2), reason=TEXT, audit_id=TEXT, limits=st.none() | LIMITS,
)  # fmt: skip
STATES = st.builds(
    sandbox.State, TEXT, st.lists(TEXT, max_size=2).map(tuple), st.dictionaries(TEXT, TEXT, max_size=2), TEXT,
    st.booleans(), TEXT, COUNTS, COUNTS, SECONDS, COUNTS, COUNTS, COUNTS, COUNTS, limits=st.none() | LIMITS,
)  # fmt: skip


def travelled(form: dict[str, Any]) -> Any:
    """Return a form after orjson wrote it and the standard library read it, and the other way about."""
    read = json.loads(orjson.dumps(form))
    assert orjson.loads(json.dumps(form)) == read
    return read


@given(JOBS)
def test_a_job_arrives_as_it_was_sent(job: sandbox.Job) -> None:
    assert sandbox_wire.job_of(travelled(sandbox_wire.job_form(job)), DEFAULTS) == job


@given(RESULTS)
def test_a_result_arrives_as_it_was_sent(result: sandbox.Result) -> None:
    assert sandbox_wire.result_of(travelled(sandbox_wire.result_form(result))) == result


@given(STATES)
def test_a_state_arrives_as_it_was_sent(state: sandbox.State) -> None:
    assert sandbox_wire.state_of(travelled(sandbox_wire.state_form(state))) == state


def test_the_forms_have_every_field() -> None:
    def names(kind: Any) -> set[str]:
        return {item.name for item in dataclasses.fields(kind)}

    job = sandbox.Job("python", "", limits=DEFAULTS)
    assert set(sandbox_wire.job_form(job)) == names(sandbox.Job)
    assert set(sandbox_wire.job_form(job)["limits"]) == names(sandbox.Limits)
    assert set(sandbox_wire.result_form(sandbox.Result(sandbox.Status.OK))) == names(sandbox.Result)
    assert set(sandbox_wire._STATE) == names(sandbox.State)


# Bytes


@pytest.mark.parametrize(
    ("raw", "form"),
    [
        (b"", ""),
        ("grüße\0\n".encode(), "grüße\0\n"),
        (b"\xff", {"base64": "/w=="}),
        (b"ok\xe2\x82", {"base64": "b2vigg=="}),
        (b"\xed\xa0\x80", {"base64": "7aCA"}),
    ],
)
def test_bytes_are_text_where_they_can_be(raw: bytes, form: Any) -> None:
    assert sandbox_wire.bytes_form(raw) == form
    assert sandbox_wire.bytes_of(form, "stdin") == raw


@given(TEXT, st.integers(0, 80))
def test_output_that_was_cut_stays_text_and_loses_only_a_partial_character(text: str, size: int) -> None:
    raw = text.encode()[:size]
    result = sandbox.Result(sandbox.Status.KILLED_LIMIT, stdout=raw, stderr=raw, truncated=True)
    form = sandbox_wire.result_form(result)
    assert form["stdout"] == form["stderr"] == raw.decode(errors="ignore")


def test_cut_output_that_was_never_text_keeps_every_byte() -> None:
    result = sandbox.Result(sandbox.Status.OK, stdout=b"\xff\xe2\x82", truncated=True)
    assert sandbox_wire.result_of(sandbox_wire.result_form(result)).stdout == b"\xff\xe2\x82"


@pytest.mark.parametrize(
    "wrong",
    [
        "=", "==", "QQ", "QQ=", "QUJD=", "QUJD==", "QUJD====", "QQ==QQ==", "Q===", "QUJ D", "QUJD\n", "é===", "QQ-_", 5,
        None, "\ud800",
    ],
)  # fmt: skip
def test_what_is_not_quite_base64_is_refused(wrong: Any) -> None:
    with pytest.raises(errors.InvalidRequestError) as caught:
        sandbox_wire.bytes_of({"base64": wrong}, "stdin")
    assert caught.value.parameter == "stdin"


# Jobs are read strictly

JOB = {"language": "python", "code": "1"}


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        (5, None), ([], None), ("x", None), (None, None),
        ({}, "language"), ({"language": "python"}, "code"),
        ({**JOB, "timeout": 5}, "timeout"), ({**JOB, "\ud800": 5}, "?"), ({**JOB, "k" * 1000: 5}, "k" * 100),
        ({**JOB, "language": "ruby"}, "language"), ({**JOB, "language": ["python"]}, "language"),
        ({**JOB, "code": {"base64": ""}}, "code"), ({**JOB, "code": None}, "code"), ({**JOB, "code": "\ud800"}, "code"),
        ({**JOB, "stdin": None}, "stdin"), ({**JOB, "stdin": "\udfff"}, "stdin"), ({**JOB, "stdin": {}}, "stdin"),
        ({**JOB, "stdin": {"base64": "", "more": ""}}, "stdin"), ({**JOB, "stdin": ["x"]}, "stdin"),
        ({**JOB, "files": ["a"]}, "files"), ({**JOB, "files": None}, "files"), ({**JOB, "files": {"a": 5}}, "files.a"),
        ({**JOB, "files": {"\ud800": ""}}, "files"), ({**JOB, "files": {"a": {"base64": "x"}}}, "files.a"),
        ({**JOB, "files": {"n" * 1000: 5}}, "files." + "n" * 100),
        ({**JOB, "collect": "a"}, "collect"), ({**JOB, "collect": [5]}, "collect"), ({**JOB, "collect": ["\ud800"]}, "collect"),
        ({**JOB, "limits": None}, "limits"), ({**JOB, "limits": [1]}, "limits"), ({**JOB, "limits": {"cpu": 1}}, "limits.cpu"),
        ({**JOB, "limits": {"cpu_s": "1"}}, "limits.cpu_s"), ({**JOB, "limits": {"cpu_s": True}}, "limits.cpu_s"),
        ({**JOB, "limits": {"cpu_s": None}}, "limits.cpu_s"), ({**JOB, "limits": {"wall_s": float("nan")}}, "limits.wall_s"),
        ({**JOB, "limits": {"wall_s": float("inf")}}, "limits.wall_s"),
        ({**JOB, "limits": {"wall_s": 10**400}}, "limits.wall_s"),
        ({**JOB, "limits": {"processes": 1.5}}, "limits.processes"),
        ({**JOB, "limits": {"processes": False}}, "limits.processes"),
    ],
)  # fmt: skip
def test_whatever_is_not_a_job_is_refused_by_name(body: Any, parameter: str | None) -> None:
    with pytest.raises(errors.InvalidRequestError) as caught:
        sandbox_wire.job_of(body, DEFAULTS)
    assert caught.value.parameter == parameter
    # It reaches the caller as JSON.
    orjson.dumps([caught.value.message, caught.value.parameter])


def test_a_job_of_two_keys_is_enough() -> None:
    assert sandbox_wire.job_of(JOB, DEFAULTS) == sandbox.Job("python", "1")


def test_limits_left_out_come_from_the_defaults_and_whole_numbers_may_have_a_point() -> None:
    body = {**JOB, "limits": {"wall_s": 2, "processes": 3.0}}
    limits = sandbox_wire.job_of(body, DEFAULTS).limits
    assert limits == dataclasses.replace(DEFAULTS, wall_s=2.0, processes=3)
    assert limits is not None and type(limits.processes) is int and type(limits.wall_s) is float


def test_a_session_takes_limits_and_nothing_else() -> None:
    assert sandbox_wire.session_limits_of({}, DEFAULTS) is None
    named = sandbox_wire.session_limits_of({"limits": {"cpu_s": 1}}, DEFAULTS)
    assert named == dataclasses.replace(DEFAULTS, cpu_s=1.0)
    for wrong in (None, [], {"limit": {}}, {"limits": None}, {"limits": {"x": 1}}):
        with pytest.raises(errors.InvalidRequestError):
            sandbox_wire.session_limits_of(wrong, DEFAULTS)


# Replies

RESULT = sandbox_wire.result_form(sandbox.Result(sandbox.Status.OK))


@pytest.mark.parametrize(
    "body",
    [
        None, [], {}, {**RESULT, "status": "fine"}, {**RESULT, "stdout": 5}, {**RESULT, "files": {"a": None}},
        {**RESULT, "truncated": 0}, {**RESULT, "wall_s": "1"}, {**RESULT, "layers": "seccomp"}, {**RESULT, "exit_code": 1.5},
        {**RESULT, "blocked": {"net": "x"}}, {key: value for key, value in RESULT.items() if key != "audit_id"},
    ],
)  # fmt: skip
def test_whatever_is_not_a_result_is_refused(body: Any) -> None:
    with pytest.raises(errors.InvalidRequestError):
        sandbox_wire.result_of(body)


def test_a_reply_of_a_later_version_is_understood() -> None:
    assert sandbox_wire.result_of({**RESULT, "more": 1}) == sandbox.Result(sandbox.Status.OK)


def test_a_reply_of_a_version_that_lowered_limits_in_silence_is_understood() -> None:
    assert sandbox_wire.result_of({name: value for name, value in RESULT.items() if name != "lowered"}).lowered == {}
    assert sandbox_wire.result_of({**RESULT, "lowered": {"processes": 4}}).lowered == {"processes": 4}


def test_a_reason_that_is_not_unicode_still_becomes_json() -> None:
    result = sandbox.Result(sandbox.Status.REJECTED, reason="a\udcff", not_collected={"x": "b\udcff"})
    form = travelled(sandbox_wire.result_form(result))
    assert (form["reason"], form["not_collected"]) == ("a?", {"x": "b?"})


# Errors


@pytest.mark.parametrize("kind", sandbox_wire._ERRORS.values())
def test_an_error_arrives_as_it_was_raised(kind: type[errors.CouncilError]) -> None:
    raised = kind("Do this.", detail="because", parameter="code", retry_after_s=3)
    found = sandbox_wire.error_of(travelled(sandbox_wire.error_form(raised)))
    assert type(found) is kind
    assert (found.message, found.detail, found.parameter, found.retry_after_s) == ("Do this.", "because", "code", 3)


@pytest.mark.parametrize("kind", [errors.CouncilError, errors.UnauthenticatedError, errors.ModelUnavailableError])
def test_an_error_that_is_not_the_sandboxs_means_that_it_failed(kind: type[errors.CouncilError]) -> None:
    found = sandbox_wire.error_of(sandbox_wire.error_form(kind("Secret.", detail="because")))
    assert type(found) is errors.SandboxUnavailableError
    assert "Secret" not in found.message and "because" in found.detail


@pytest.mark.parametrize(
    "body", [None, [], {}, {"error": "x"}, {"error": {"code": 5}}, {"error": {"code": "not_found"}}]
)
def test_whatever_is_not_an_error_is_refused(body: Any) -> None:
    with pytest.raises(errors.InvalidRequestError):
        sandbox_wire.error_of(body)


@pytest.mark.parametrize("raw", [bytes(10_000), b"\x01" * 10_000])
def test_bytes_that_json_would_write_six_times_as_long_are_base64(raw: bytes) -> None:
    form = sandbox_wire.bytes_form(raw)
    assert set(form) == {"base64"} and sandbox_wire.bytes_of(form, "stdout") == raw


def test_a_limit_beyond_64_bits_is_refused() -> None:
    defaults = sandbox_wire.default_limits(config.SandboxConfig())
    with pytest.raises(errors.InvalidRequestError, match="64 bits"):
        sandbox_wire.limits_of({"processes": 2**70}, defaults)
