import sys
from pathlib import Path

import pytest

from council import care_app
from council.backends.tracer import nowhere
from council.domain import config, errors, home, inputs, tracing


def settings(endpoint: str, **more: object) -> tracing.TracingConfig:
    return config.build({"tracing": {"on": True, "endpoint": endpoint, **more}}, {}, {}).tracing


@pytest.mark.parametrize(
    ("endpoint", "url", "port"),
    [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces", 4318),
        ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces", 4318),
        ("https://collector.example.org", "https://collector.example.org/v1/traces", 443),
        ("http://collector/otlp/v1/traces", "http://collector/otlp/v1/traces", 80),
    ],
)
def test_spans_go_to_the_path_of_the_protocol_below_the_endpoint(endpoint: str, url: str, port: int) -> None:
    made = settings(endpoint)
    assert (tracing.url(made), tracing.ports(made)) == (url, (port,))


@pytest.mark.parametrize(
    "endpoint",
    ["collector:4318", "ftp://x", "http://", "http://x:99999", "http://u:p@x", "http://x/?a=b", "http://x y"],
)
def test_what_is_no_address_is_refused(endpoint: str) -> None:
    with pytest.raises(errors.ConfigError, match=r"`tracing\.endpoint`"):
        settings(endpoint)


def test_a_port_is_opened_only_where_spans_go_there() -> None:
    assert tracing.ports(settings("")) == ()
    assert tracing.ports(config.build({"tracing": {"endpoint": "http://x:1"}}, {}, {}).tracing) == ()


def test_headers_are_read_line_by_line() -> None:
    text = "# of the collector\n\nAuthorization: Bearer a b\n  x-scope:  one \r\n"
    assert tracing.headers(text) == {"authorization": "Bearer a b", "x-scope": "one"}


@pytest.mark.parametrize(
    "line", ["secret", ": secret", "a b: secret", "a: ", "a: secret\x00", "a: sécret", "a: " + "x" * 9_000]
)
def test_a_line_that_is_no_header_is_named_and_never_shown(line: str) -> None:
    with pytest.raises(errors.ConfigError, match=r"Line 2 of `secrets/tracing\.headers`") as caught:
        tracing.headers(f"x: y\n{line}")
    assert "cret" not in caught.value.message.replace("secrets/", "")


def test_more_headers_than_anybody_needs_are_refused() -> None:
    with pytest.raises(errors.ConfigError, match="Line 21"):
        tracing.headers("".join(f"h{number}: x\n" for number in range(30)))


def test_no_patch_says_where_spans_go() -> None:
    before = inputs.parted({"tracing": {"endpoint": "http://a"}})
    assert inputs.at_start(before, inputs.parted({"tracing": {"endpoint": "http://b"}})) == ["tracing.endpoint"]


def test_without_the_extra_requests_are_answered_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "council.backends.tracer.otlp", None)
    monkeypatch.delattr("council.backends.tracer.otlp", raising=False)
    made = config.build({"tracing": {"on": True, "endpoint": "http://127.0.0.1:9"}}, {}, {})
    assert isinstance(care_app.tracer(made, home.Home(tmp_path)), nowhere.NoTracer)
    assert "spans are sent nowhere" in caplog.text


def test_headers_that_cannot_be_read_are_told_without_them(tmp_path: Path) -> None:
    where = home.Home(tmp_path)
    where.secrets.mkdir()
    where.tracing_headers_file.write_bytes(b"authorization: \xff\xfe")
    made = config.build({"tracing": {"on": True, "endpoint": "http://127.0.0.1:9"}}, {}, {})
    with pytest.raises(errors.SetupError, match=r"secrets/tracing\.headers"):
        care_app.tracer(made, where)
    assert isinstance(care_app.tracer(config.Config(), where), nowhere.NoTracer)


@pytest.mark.parametrize("endpoint", ["http://collector.example.org", "http://127.0.0.1.example.org:4318"])
def test_headers_go_to_no_other_machine_in_the_clear(tmp_path: Path, endpoint: str) -> None:
    where = home.Home(tmp_path)
    where.secrets.mkdir()
    where.tracing_headers_file.write_text("authorization: Bearer x\n")
    given = config.build({"tracing": {"on": True, "endpoint": endpoint}}, {}, {})
    with pytest.raises(errors.ConfigError, match="in the clear"):
        care_app.tracer(given, where)
    for good in ("http://127.0.0.1:4318", "http://[::1]:4318/v1/traces", "https://collector.example.org"):
        tracing.check_headers(settings(good))
