"""`council incidents`, `council notify`, and what doctor says of them, on a home with records."""

import dataclasses
import http.server
import importlib.util
import json
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import slack_server
from council import care_app, care_records
from council.cli import doctor, main
from council.domain import config, errors, incidents
from council.domain import home as home_module
from council.domain.gates import Verdict
from council.domain.incidents import Delivery, Observation
from council.kit import clock
from council.testing import clock as fake_clock
from council.upkeep.alerts import desk, keeping

SECRET = "s3cr3t"


@pytest.fixture(name="home")
def made_home(fresh: Path, tmp_path: Path) -> home_module.Home:
    return home_module.Home(shutil.copytree(fresh, tmp_path / "h", symlinks=True))


def run(where: home_module.Home, *arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(main.cli, [*arguments, "--home", str(where.root)], input=given)


@pytest.fixture
def went(home: home_module.Home) -> home_module.Home:
    """A home in which an incident is over and one goes on, made as the watcher makes them."""
    kept = care_records.incidents(config.Config(), home)
    time = fake_clock.ManualClock(1_790_000_000_000_000)
    names = iter(["first-one", *(f"n{number}" for number in range(5)), "second-one"])
    made = desk.Desk(config.Config().alerts, lambda _: next(names))
    care = keeping.Keeping(made, kept, care_app.notifiers(config.Config(), home), config.Config().alerts, time)

    def look(seconds: int, **verdicts: Verdict) -> None:
        for _ in range(seconds):
            care.observe([Observation(name, one, time.now_us(), "91 %", "Free it.") for name, one in verdicts.items()])
            care.deliver()
            time.advance(1)

    look(30, disk_usage=Verdict.RED)
    look(62, disk_usage=Verdict.GREEN)
    names = iter(["second-one", "n9"])
    made._new_id = lambda _: next(names)
    look(12, http_5xx=Verdict.RED)
    kept.close()
    return home


def test_without_incidents_the_list_says_so(home: home_module.Home) -> None:
    assert run(home, "incidents").output == "There has been no incident.\n"
    assert run(home, "incidents", "--open").output == "There is no incident that goes on.\n"
    assert json.loads(run(home, "incidents", "--json").output) == []


def test_incidents_are_listed_newest_first_with_their_times(went: home_module.Home) -> None:
    lines = run(went, "incidents").output.splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [
        ["second-one", "open", "page"],
        ["first-one", "repaired", "warning"],
    ]
    assert re.search(r"2026-09-21 14:13:20 UTC +5 s +30 s +the disk of the home is nearly full$", lines[2])
    assert [line.split()[0] for line in run(went, "incidents", "--open").output.splitlines()[1:]] == ["second-one"]


def test_one_incident_is_shown_with_alerts_causes_and_timeline(went: home_module.Home) -> None:
    shown = run(went, "incidents", "show", "second-one").output
    assert shown.startswith(
        "requests fail or take too long to end: open, page\nBegan 2026-09-21 14:14:52 UTC, noticed after 5 s, goes on.\n"
    )
    assert "  requests fail or take too long to end (http_5xx, page): 91 %\n    Free it.\n" in shown
    assert (
        "May have to do with it\n"
        "  the disk of the home is nearly full from 2026-09-21 14:13:20 UTC to 2026-09-21 14:13:49 UTC: 91 %. No led"
        in shown
    )
    assert "  2026-09-21 14:14:57 UTC  told: Page: requests fail or take too long to end\n" in shown
    assert json.loads(run(went, "incidents", "show", "first-one", "--json").output)["repair_s"] == 30.0


def test_an_incident_that_is_not_there_is_said_so(home: home_module.Home) -> None:
    result = run(home, "incidents", "show", "nothing")
    assert isinstance(result.exception, errors.NotFoundError) and "council incidents" in str(result.exception)


def test_a_silence_is_kept_listed_and_ended(home: home_module.Home) -> None:
    done = run(home, "incidents", "silence", "latency", "--for", "2h", "--why", "new disk", "--who", "ada")
    assert re.fullmatch(r"Nobody is told of latency until 20..-..-.. ..:..:.. UTC\.\n", done.output)
    assert run(home, "incidents", "silence", "*", "--for", "30m", "--why", "x", "--who", "eve").exit_code == 0
    lines = run(home, "incidents", "silences").output.splitlines()
    assert lines[1].startswith("* ") and lines[2].endswith("UTC  ada  new disk")
    (found,) = [one for one in json.loads(run(home, "incidents", "silences", "--json").output) if one["name"] != "*"]
    assert 7190 < (found["until_us"] - clock.SystemClock().now_us()) / 1e6 <= 7200
    assert run(home, "incidents", "unsilence", "latency").output == "People are told of latency again.\n"
    again = run(home, "incidents", "unsilence", "latency")
    assert isinstance(again.exception, errors.NotFoundError)


@pytest.mark.parametrize("span", ["", "2", "h", "0h", "-1h", "1w", "9999999d", "1.5h", "2h30m", "\u0661h"])
def test_a_span_that_is_none_is_refused(home: home_module.Home, span: str) -> None:
    result = run(home, "incidents", "silence", "latency", "--for", span, "--why", "x")
    assert isinstance(result.exception, errors.InvalidRequestError) and "30m" in str(result.exception)


def test_a_silence_needs_a_reason(home: home_module.Home) -> None:
    assert run(home, "incidents", "silence", "latency", "--for", "1h").exit_code == 2


# notify


@pytest.fixture
def hook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The address of a server that takes notices, and what it got."""
    got: list[dict[str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"json://127.0.0.1:{server.server_port}/{SECRET}", got
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_address_is_kept_as_a_secret_tried_and_removed(
    home: home_module.Home, hook: tuple[str, list[dict[str, Any]]]
) -> None:
    address, got = hook
    added = run(home, "notify", "add", "team", given=address + "\n")
    assert added.exit_code == 0 and SECRET not in added.output
    assert home.notify_address_file("team").stat().st_mode & 0o777 == 0o600
    assert run(home, "notify", "list").output.split() == ["log", "file", "apprise:team"]
    tried = run(home, "notify", "test")
    assert tried.output == "file: taken\napprise:team: taken\n" and tried.exit_code == 0
    assert [one["title"] for one in got] == ["Test: a notice from Council"]
    assert run(home, "notify", "test", "team").output == "apprise:team: taken\n"
    assert run(home, "notify", "remove", "team").exit_code == 0
    assert json.loads(run(home, "notify", "list", "--json").output) == ["log", "file"]
    assert isinstance(run(home, "notify", "test", "team").exception, errors.NotFoundError)


def test_a_webhook_of_slack_is_written_to_in_its_own_layout_without_apprise(
    home: home_module.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with slack_server.SlackServer(hook=f"/services/T0/B0/{SECRET}") as server:
        added = run(home, "notify", "add", "team", given=f"slack+{server.url}\n")
        assert added.exit_code == 0 and SECRET not in added.output
        assert run(home, "notify", "list").output.split() == ["log", "file", "slack:team"]
        assert run(home, "notify", "test", "team").output == "slack:team: taken\n"
        assert server.texts[0][0] == "Test: a notice from Council"
    assert [one.good for one in doctor._incidents(config.Config(), home)] == [True]
    home.notify_address_file("mail").write_text("mailtos://ann:x@mail.example")
    assert "Apprise is not installed" in doctor._incidents(config.Config(), home)[0].text


def test_an_address_that_fails_makes_the_test_fail_without_showing_it(home: home_module.Home) -> None:
    run(home, "notify", "add", "team", given=f"json://127.0.0.1:9/{SECRET}")
    tried = run(home, "notify", "test", "team")
    assert isinstance(tried.exception, errors.NotifyError) and "1 of 1 channels" in str(tried.exception)
    assert SECRET not in tried.output


@pytest.mark.parametrize(
    ("name", "given"), [("Team", "json://h/"), ("../x", "json://h/"), ("a", ""), ("a", "x y"), ("a", f"nix://{SECRET}"),
     ("a", f"http://hooks.slack.com/services/{SECRET}"), ("a", f"slack+http://10.0.0.1/{SECRET}")],
)  # fmt: skip
def test_a_name_or_address_that_is_none_is_refused_unshown(home: home_module.Home, name: str, given: str) -> None:
    result = run(home, "notify", "add", name, given=given)
    assert isinstance(result.exception, errors.InvalidRequestError)
    assert SECRET not in result.output + str(result.exception)
    assert not home.notify_addresses.exists() or not list(home.notify_addresses.iterdir())


# doctor


def test_doctor_names_the_incident_that_goes_on(went: home_module.Home) -> None:
    found = doctor._incidents(config.Config(), went)
    assert [(one.name, one.text) for one in found] == [
        ("incident", "requests fail or take too long to end (page); `council incidents show second-one`")
    ]


def test_doctor_says_which_notices_nobody_got_and_notify_shows_them(home: home_module.Home) -> None:
    assert [one.good for one in doctor._incidents(config.Config(), home)] == [True]
    now_us = clock.SystemClock().now_us()
    notice = incidents.Notice(
        "n1", now_us, incidents.NoticeKind.BEGAN, "i1", incidents.Severity.PAGE, "Page: latency", "text"
    )
    lost = incidents.Parcel(notice, "apprise:team", Delivery.FAILED, 8, 0, "HTTP status 403")
    old = dataclasses.replace(lost, notice=dataclasses.replace(notice, id="n0", at_us=now_us - 8 * 86_400_000_000))
    with_waiting = dataclasses.replace(lost, channel="file", delivery=Delivery.WAITING)
    kept = care_records.incidents(config.Config(), home)
    kept.save([], [lost, old, with_waiting])
    kept.close()
    texts = [one.text for one in doctor._incidents(config.Config(), home)]
    assert texts[0].startswith("1 could not be delivered this week, the newest over apprise:team: HTTP status 403; ")
    assert texts[1].startswith("1 wait to be delivered")
    shown = run(home, "notify", "failed").output.splitlines()
    assert shown[0].endswith("apprise:team  Page: latency") and shown[1] == "  HTTP status 403"
    assert len(json.loads(run(home, "notify", "failed", "--json").output)) == 2


def test_doctor_names_a_library_that_addresses_need(home: home_module.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    run(home, "notify", "add", "team", given="json://127.0.0.1/")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert "council-cloud[notify]" in doctor._incidents(config.Config(), home)[0].text


def test_doctor_names_an_address_that_cannot_be_read(home: home_module.Home) -> None:
    home.notify_addresses.mkdir(parents=True)
    home.notify_address_file("team").write_bytes(b"\xff")
    assert "council notify add team" in doctor._incidents(config.Config(), home)[0].text


def test_doctor_finds_an_address_that_others_can_read(home: home_module.Home) -> None:
    run(home, "notify", "add", "team", given="json://127.0.0.1/")
    home.notify_address_file("team").chmod(0o644)
    assert "team.url" in doctor._private(home).text
