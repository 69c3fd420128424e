"""What `council doctor` says of the library: down, and of what recall tells."""

import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from council import homes
from council.cli import calls, main
from council.domain import config as config_module
from council.domain import home as home_module


class Recall(http.server.BaseHTTPRequestHandler):
    """Answers as recall does on its health port."""

    reply = b""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/livez" else 404)
        self.end_headers()
        self.wfile.write(self.reply)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("prepared") / "home"
    homes.prepare(home_module.Home(root), {})
    return root


@pytest.fixture(autouse=True)
def made_home(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(prepared, tmp_path / "home", symlinks=True)
    monkeypatch.setenv("COUNCIL_HOME", str(tmp_path / "home"))


@pytest.fixture
def recall(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Recall]]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Recall)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setattr(config_module.Config, "recall_port", server.server_port)
    # That a supervisor vouches for the port is shown where that is decided.
    monkeypatch.setattr(calls, "token", lambda *_: "secret")
    yield Recall
    server.shutdown()
    thread.join()
    server.server_close()


def told(meanings: object = None, **left_out: int) -> bytes:
    ready = {"state": "ready", "known": 594, "passages": 594, "reason": ""}
    return json.dumps({"left_out": left_out, "meanings": ready if meanings is None else meanings}).encode()


def found(name: str = "library") -> tuple[bool, bool, str]:
    shown = CliRunner().invoke(main.cli, ["doctor", "--json"], catch_exceptions=False).stdout
    [one] = [one for one in json.loads(shown) if one["name"] == name]
    return one["good"], one["needed"], one["text"]


def test_down_it_names_the_command_that_reads_the_library() -> None:
    good, needed, text = found()
    assert not good and not needed and "council library list" in text


def test_documents_that_are_left_out_are_counted(recall: type[Recall]) -> None:
    recall.reply = told(guidebook=0, knowledge=1, library=1204)
    good, needed, text = found()
    assert not good and not needed and "1,205; `council library list` names them" in text
    recall.reply = told(guidebook=0, knowledge=0, library=0)
    assert found() == (True, False, "every document is read")


@pytest.mark.parametrize(
    ("state", "good", "text"),
    [
        ({"state": "ready", "known": 594, "passages": 594}, True, "594 of 594 passages are known"),
        ({"state": "filling", "known": 1200, "passages": 2594}, False, "1,200 of 2,594 passages are known so far"),
        ({"state": "ready", "known": 2, "passages": 3, "reason": "the bound"}, False, "passages are known: the bound"),
        ({"state": "waiting", "reason": "no model; run `make up`"}, False, "by words so far: no model; run `make up`"),
        ({"state": "off", "reason": "x"}, True, "searches go by words: `recall.meanings` is off"),
    ],
)
def test_it_says_of_how_many_passages_the_meaning_is_known(
    recall: type[Recall], state: dict[str, object], good: bool, text: str
) -> None:
    recall.reply = told(state, library=0)
    assert found("meanings")[:2] == (good, False) and text in found("meanings")[2]


GARBAGE = [b"", b"[]", b"{}", b'{"left_out": 3}', b'{"left_out": {"library": "many"}}', b'{"left_out": {}}']


@pytest.mark.parametrize("reply", [*GARBAGE, told([]), told({"state": "odd"}), told({"state": "ready", "more": 1})])
def test_a_reply_that_is_none_is_said(recall: type[Recall], reply: bytes) -> None:
    recall.reply = reply
    good, needed, text = found()
    assert not good and not needed and "council status" in text
