"""Monitoring files take the place of the ones before only if their readers would take them."""

import base64
import http.server
import logging
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
import yaml

from council.domain import alerting, gates_file, sentinels_file, watching
from council.services import published
from council.upkeep.monitoring import files

CONFIG = Path(__file__).parents[3] / "config"


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    shipped = yaml.safe_load((CONFIG / "gates.yaml").read_text())
    rules = sentinels_file.build(yaml.safe_load((CONFIG / "sentinels.yaml").read_text()))
    return dict(files.build(gates_file.build(shipped, shipped), rules, alerting.AlertsConfig(), watching.WatchConfig()))


class Program(http.server.BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []
    status = 200
    shown: ClassVar[str] = ""

    def do_POST(self) -> None:
        Program.asked.append(self.path)
        Program.shown = self.headers.get("authorization", "")
        self.send_response(Program.status)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def url() -> Iterator[str]:
    Program.asked, Program.status = [], 200
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Program)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_new_files_are_written_once_and_their_readers_told_once(tmp_path: Path, made: dict[str, str], url: str) -> None:
    assert published.publish(tmp_path, made, {"prometheus": url})
    assert {str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*") if one.is_file()} == set(made)
    assert not published.publish(tmp_path, made, {"prometheus": url})
    assert Program.asked == ["/-/reload"]


def test_a_password_in_an_address_is_sent_as_one(tmp_path: Path, made: dict[str, str], url: str) -> None:
    published.publish(tmp_path, made, {"prometheus": url.replace("http://", "http://ann:s3%20cret@")})
    assert Program.asked == ["/-/reload"] and base64.b64decode(Program.shown.removeprefix("Basic ")) == b"ann:s3 cret"


@pytest.mark.parametrize(
    "address", ["https://ann:s3cret@127.0.0.1:1", "http://ann:s3cret@127.0.0.1:s3cret", "http://[s3cret"]
)
def test_an_address_that_leads_nowhere_keeps_no_other_from_being_told_and_no_password_is_logged(
    tmp_path: Path, made: dict[str, str], url: str, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    with caplog.at_level("INFO"):
        published.publish(tmp_path, made, {"prometheus": address, "alertmanager": url})
    assert Program.asked == ["/-/reload"]
    assert "s3cret" not in " ".join(str(vars(one)) for one in caplog.records)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_what_prometheus_would_refuse_takes_no_place(
    tmp_path: Path, made: dict[str, str], url: str, caplog: pytest.LogCaptureFixture
) -> None:
    published.publish(tmp_path, made, {})
    broken = made | {"rules/gates.yml": made["rules/gates.yml"].replace("expr:", "expr: sum((", 1)}
    assert not published.publish(tmp_path, broken, {"prometheus": url})
    assert (tmp_path / "rules" / "gates.yml").read_text() == made["rules/gates.yml"]
    assert "are refused" in caplog.text
    assert Program.asked == []


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path, made: dict[str, str], caplog) -> None:
    (tmp_path / "file").touch()
    assert not published.publish(tmp_path / "file", made, {})
    assert "cannot be written" in caplog.text


def test_a_reader_that_may_not_be_told_is_named_with_what_to_do(
    tmp_path: Path, made: dict[str, str], url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    Program.status = 403
    assert published.publish(tmp_path, made, {"prometheus": url, "alertmanager": "http://127.0.0.1:9"})
    assert "start it with --web.enable-lifecycle" in caplog.text
    assert "it does not run" in caplog.text
