"""Every kind of channel: what is told arrives, and what does not arrive is an error of ours without a secret in it."""

import dataclasses
import http.server
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import slack_server as slack_servers
from council import care_ports
from council.backends.notifier import apprise, file, log, slack
from council.domain import errors, incidents
from council.domain.incidents import Notice, NoticeKind, Severity
from council.kit import clock
from council.upkeep.observer import slack_messages

SECRET = "s3cr3t-of-the-hook"


def notice(number: int = 1, **values: Any) -> Notice:
    usual = {
        "kind": NoticeKind.BEGAN,
        "severity": Severity.PAGE,
        "title": "Page: latency",
        "text": "Line one — ü.\n  Do <this> & *that*.",
    }
    return Notice(f"notice-{number:04}", 1_790_000_000_000_000, incident_id="incident-1", **{**usual, **values})


@dataclass
class Receiver:
    """A real HTTP server that takes JSON; `status` is what it answers, `wait_s` how long it takes."""

    port: int = 0
    status: int = 200
    wait_s: float = 0.0
    got: list[dict[str, Any]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"json://hook:{SECRET}@127.0.0.1:{self.port}/{SECRET}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            time.sleep(made.wait_s)
            if made.status < 300:
                made.got.append(body)
            self.send_response(made.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass(frozen=True)
class Channel:
    """A notifier, and what has arrived at its end, as (title, text)."""

    notifier: care_ports.Notifier
    arrived: Callable[[], list[tuple[str, str]]]


@pytest.fixture
def slack_server() -> Iterator[slack_servers.SlackServer]:
    with slack_servers.SlackServer() as made:
        yield made


@pytest.fixture(params=["log", "file", "apprise", "slack"])
def channel(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    receiver: Receiver,
    slack_server: slack_servers.SlackServer,
    caplog: pytest.LogCaptureFixture,
) -> Channel:
    caplog.set_level(logging.INFO, logger="council")
    match request.param:
        case "log":
            return Channel(
                log.LogNotifier(),
                lambda: [(one.title, one.text) for one in caplog.records if one.message == "notice"],  # type: ignore[attr-defined]
            )
        case "file":
            made = file.FileNotifier(tmp_path / "notices", 1 << 20, 3)
            return Channel(made, lambda: [(one["title"], one["text"]) for one in lines(tmp_path / "notices")])
        case "slack":
            blocks = slack_messages.blocks
            poster = slack.SlackNotifier("hook", slack_server.url, 10.0, blocks, clock.SystemClock())
            return Channel(poster, lambda: slack_server.texts)
        case _:
            return Channel(
                apprise.AppriseNotifier("hook", receiver.address, 10.0),
                lambda: [(one["title"], one["message"]) for one in receiver.got],
            )


def lines(folder: Path) -> list[dict[str, Any]]:
    files = sorted(folder.glob("notices.jsonl*"), reverse=True)
    return [json.loads(line) for each in files for line in each.read_text().splitlines()]


def test_notices_arrive_whole_in_order_and_once(channel: Channel) -> None:
    told = [notice(1), notice(2, title="Over: latency", kind=NoticeKind.OVER), notice(3, severity=Severity.WARNING)]
    for one in told:
        channel.notifier.send(one)
    assert channel.arrived() == [(one.title, one.text) for one in told]


def test_the_longest_notice_arrives(channel: Channel) -> None:
    longest = notice(title="t" * incidents.TEXT_CHARS_MAX, text="\n".join(["x" * 400] * 30))
    channel.notifier.send(longest)
    assert channel.arrived() == [(longest.title, longest.text)]


def test_the_names_of_channels_are_their_kinds(channel: Channel) -> None:
    assert channel.notifier.channel in ("log", "file", "apprise:hook", "slack:hook")


def test_how_urgent_a_notice_is_shows_in_the_level_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="council")
    for one in (notice(), notice(severity=Severity.WARNING), notice(kind=NoticeKind.OVER)):
        log.LogNotifier().send(one)
    assert [one.levelname for one in caplog.records] == ["ERROR", "WARNING", "INFO"]


# The file


def test_a_digest_is_no_alarm_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    log.LogNotifier().send(notice(kind=NoticeKind.DIGEST))
    log.LogNotifier().send(notice(kind=NoticeKind.ESCALATED))
    assert [record.levelname for record in caplog.records] == ["INFO", "ERROR"]


def test_a_page_goes_only_where_it_is_shown_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import apprise as library

    told: list[dict[str, Any]] = []
    for address in ("mailto://ann:secret@mail.example", f"json://hook:{SECRET}@127.0.0.1:9"):
        made = apprise.AppriseNotifier("team", address, 5.0)
        monkeypatch.setattr(type(made._opened()), "notify", lambda _, **given: told.append(given) or True)
        made.send(notice(kind=NoticeKind.DIGEST, html="<p>a page</p>"))
        made.send(notice(kind=NoticeKind.DIGEST))
    text = notice().text
    assert [one["body"] for one in told] == ["<p>a page</p>", text, text, text]
    assert [one["body_format"] is library.NotifyFormat.HTML for one in told] == [True, False, False, False]
    assert {one["notify_type"] for one in told} == {library.NotifyType.INFO}


def test_what_others_wrote_calls_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []
    made = apprise.AppriseNotifier("team", "json://127.0.0.1:9", 5.0)
    monkeypatch.setattr(type(made._opened()), "notify", lambda _, **given: told.append(given) or True)
    made.send(dataclasses.replace(notice(), title="@here", text="Patch “@everyone” <@U1>"))
    assert (told[0]["title"], told[0]["body"]) == ("@\u200bhere", "Patch “@\u200beveryone” <@\u200bU1>")


def test_files_of_notices_are_turned_over_and_bounded(tmp_path: Path) -> None:
    made = file.FileNotifier(tmp_path / "notices", 4096, 3)
    for number in range(100):
        made.send(notice(number))
    files = sorted((tmp_path / "notices").iterdir())
    assert [one.name for one in files] == ["notices.jsonl", "notices.jsonl.1", "notices.jsonl.2"]
    assert all(one.stat().st_size <= 4096 and one.stat().st_mode & 0o777 == 0o600 for one in files)
    numbers = [int(one["id"][-4:]) for one in lines(tmp_path / "notices")]
    assert numbers == list(range(numbers[0], 100)) and len(numbers) > 20


def test_what_a_killed_process_left_unfinished_spoils_no_other_line(tmp_path: Path) -> None:
    made = file.FileNotifier(tmp_path, 1 << 20, 3)
    made.send(notice(1))
    with (tmp_path / file.FILE).open("a") as torn:
        torn.write('{"id":"notice-0002","ti')
    made.send(notice(3))
    whole = (tmp_path / file.FILE).read_text().splitlines()
    assert [json.loads(whole[0])["id"], json.loads(whole[2])["id"]] == ["notice-0001", "notice-0003"]


def test_a_file_that_cannot_be_written_is_said_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "in-the-way").touch()
    with pytest.raises(errors.NotifyError, match=r"cannot be written.*Check the disk"):
        file.FileNotifier(tmp_path / "in-the-way", 4096, 3).send(notice())


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "notices").mkdir()
    (tmp_path / "other").write_text("precious\n")
    (tmp_path / "notices" / file.FILE).symlink_to(tmp_path / "other")
    with pytest.raises(errors.NotifyError):
        file.FileNotifier(tmp_path / "notices", 4096, 3).send(notice())
    assert (tmp_path / "other").read_text() == "precious\n"


# Apprise


def test_apprise_says_how_urgent_a_notice_is(receiver: Receiver) -> None:
    made = apprise.AppriseNotifier("hook", receiver.address, 10.0)
    for one in (
        notice(),
        notice(severity=Severity.WARNING),
        notice(kind=NoticeKind.OVER),
        notice(kind=NoticeKind.TEST),
    ):
        made.send(one)
    assert [one["type"] for one in receiver.got] == ["failure", "warning", "success", "info"]


def failures(receiver: Receiver) -> list[tuple[apprise.AppriseNotifier, str]]:
    gone = Receiver(port=9)
    strange = f"no-such-scheme://{SECRET}@example.invalid/{SECRET}"
    return [
        (apprise.AppriseNotifier("hook", receiver.address, 5.0), r"'hook' refused the notice \(HTTP status 503\)"),
        (apprise.AppriseNotifier("hook", gone.address, 5.0), "'hook' refused the notice"),
        (apprise.AppriseNotifier("hook", strange, 5.0), "'hook' is none that Apprise knows"),
    ]


def test_a_failure_says_what_and_what_next_and_shows_no_secret_anywhere(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.status = 503
    for made, told in failures(receiver):
        with pytest.raises(errors.NotifyError, match=told) as raised:
            made.send(notice())
        assert "council notify test hook" in raised.value.message
        assert SECRET not in raised.value.message + raised.value.detail + repr(made) + made.channel
    printed = "".join(capfd.readouterr())
    assert SECRET not in printed + caplog.text
    assert not [one for one in caplog.records if SECRET in str(vars(one))]


@pytest.mark.alone
def test_a_service_that_does_not_answer_is_waited_for_only_so_long(receiver: Receiver) -> None:
    receiver.wait_s = 1.5
    made = apprise.AppriseNotifier("hook", receiver.address, 0.3)
    began_s = time.monotonic()
    with pytest.raises(errors.NotifyError, match=r"'hook' (did not take|refused) the notice"):
        made.send(notice())
    assert time.monotonic() - began_s < 1.4


def test_without_the_library_the_error_names_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    made = apprise.AppriseNotifier("hook", "json://127.0.0.1/", 1.0)
    with pytest.raises(errors.NotifyError, match=r"council-cloud\[notify\]"):
        made.send(notice())


def test_an_address_is_checked_when_it_is_given() -> None:
    apprise.check("hook", "json://127.0.0.1/x")
    with pytest.raises(errors.InvalidRequestError, match="no such address as was given for 'hook'") as raised:
        apprise.check("hook", f"nothing://{SECRET}")
    assert SECRET not in raised.value.message
