"""Slack's webhooks: messages within its limits, pauses as it asks for them, refusals in words, and the address nowhere."""

import logging
import socket
import time
from collections.abc import Iterator

import pytest

import observer_cases
import slack_server
from council.backends.notifier import slack
from council.domain import errors, incidents
from council.domain.incidents import NoticeKind, Severity
from council.kit import clock
from council.testing import clock as fake_clock
from council.upkeep.observer import digests, layouts, posting, renderings, slack_messages

SECRET = "s3cr3tOfTheHook"


def notice(number: int = 1, title: str = "Page: latency", text: str = "It is slow.\n  See why.") -> incidents.Notice:
    return incidents.Notice(f"n{number}", 1_790_000_000_000_000, NoticeKind.BEGAN, "i1", Severity.PAGE, title, text)


@pytest.fixture
def server() -> Iterator[slack_server.SlackServer]:
    with slack_server.SlackServer(hook=f"/services/T0/B0/{SECRET}") as made:
        yield made


class Rig:
    """A notifier whose time passes only while it waits, or where a test says so."""

    def __init__(self, url: str, send_s: float = 10.0):
        self.clock = fake_clock.ManualClock()
        self.waits_s: list[float] = []
        self.notifier = slack.SlackNotifier("team", url, send_s, slack_messages.blocks, self.clock, self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.waits_s.append(round(seconds, 3))
        self.clock.advance(seconds)
        # The server's time is the machine's.
        time.sleep(seconds)

    def refused(self, one: incidents.Notice) -> errors.NotifyError:
        with pytest.raises(errors.NotifyError) as raised:
            self.notifier.send(one)
        return raised.value


def test_a_message_a_second_is_sent_and_no_more(server: slack_server.SlackServer) -> None:
    rig = Rig(server.url)
    for number in range(3):
        rig.notifier.send(notice(number, title=f"Page: {number}"))
    assert [title for title, _ in server.texts] == ["Page: 0", "Page: 1", "Page: 2"]
    assert rig.waits_s == [1.0, 1.0] and len(server.asked) == 3


@pytest.mark.parametrize(
    ("told", "wait_s"),
    [
        ({"retry-after": "30"}, 30),
        ({}, 1),
        ({"retry-after": "soon"}, 1),
        ({"Retry-After": "0"}, 1),
        ({"Retry-After": "9" * 9}, 300),
    ],
)
def test_a_pause_that_slack_asks_for_is_kept(
    server: slack_server.SlackServer, told: dict[str, str], wait_s: int
) -> None:
    server.scripted = [(429, "rate_limited", told)]
    rig = Rig(server.url, send_s=0.9)
    assert rig.refused(notice()).retry_after_s == wait_s
    # Whoever does not know of it, as a person who tries it, is held back as well.
    early = rig.refused(notice())
    assert early.retry_after_s == wait_s and f"no notice for {wait_s} s" in early.message and len(server.asked) == 1
    rig.clock.advance(wait_s)
    time.sleep(1.0)
    rig.notifier.send(notice())
    assert len(server.got) == 1


def test_where_the_blocks_are_refused_the_text_alone_arrives(server: slack_server.SlackServer) -> None:
    server.scripted = [(400, "invalid_blocks", {})]
    rig = Rig(server.url)
    rig.notifier.send(notice(text="Do <this> & *that* @here <!channel>."))
    [sent] = server.got
    assert "blocks" not in sent and rig.waits_s == [1.0]
    assert sent["text"] == "Page: latency\nDo &lt;this&gt; &amp; *that* @here &lt;!channel&gt;."
    assert (sent["mrkdwn"], sent["parse"], sent["link_names"]) == (False, "none", False)


@pytest.mark.parametrize(
    ("status", "said", "told"),
    [
        (404, "no_service", "(HTTP status 404, no_service). Slack knows this webhook no more: make another there"),
        (404, "channel_not_found", "(HTTP status 404, channel_not_found). See in Slack whether its channel is there"),
        (403, "action_prohibited", "(HTTP status 403, action_prohibited). See in Slack"),
        (410, "channel_is_archived", "(HTTP status 410, channel_is_archived). See in Slack"),
        (400, "no_text", "(HTTP status 400, no_text). Check it"),
        (500, f"<html>{SECRET}</html>", "(HTTP status 500). Check it"),
        (302, "ok", "(HTTP status 302, ok). Check it"),
        (200, "<html>Please log in</html>", "(HTTP status 200). Check it"),
        (200, "ok" * 10_000, "(HTTP status 200). Check it"),
    ],
)
def test_a_refusal_is_told_with_what_to_do_and_nothing_that_was_answered_freely(
    server: slack_server.SlackServer, status: int, said: str, told: str
) -> None:
    server.scripted = [(status, said, {"location": "/elsewhere"} if status == 302 else {})]
    error = Rig(server.url).refused(notice())
    assert error.message.startswith(f"The address 'team' refused the notice {told}"), error.message
    assert error.retry_after_s is None and not server.got and len(server.asked) == 1


def test_a_hook_that_is_not_there_is_told_of(server: slack_server.SlackServer) -> None:
    assert "no_service" in Rig(server.url + "x").refused(notice()).message


def test_the_address_is_nowhere(
    server: slack_server.SlackServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    server.scripted = [(500, f"{server.url} failed", {})]
    for url in (server.url, f"http://127.0.0.1:9/{SECRET}", f"https://nowhere.invalid/{SECRET}", f"http://[{SECRET}/"):
        rig = Rig(url)
        error = rig.refused(notice())
        assert error.__cause__ is None and error.__context__ is None
        assert SECRET not in error.message + error.detail + repr(rig.notifier) + rig.notifier.channel
        assert "council notify test team" in error.message
    assert SECRET not in "".join(capfd.readouterr()) + caplog.text
    assert not [one for one in caplog.records if SECRET in str(vars(one))]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (f"http://hooks.slack.com/services/{SECRET}", "is not encrypted"),
        (f"http://10.0.0.1/{SECRET}", "is not encrypted"),
        (f"http://127.0.0.1.example.com/{SECRET}", "is not encrypted"),
        (f"https:///{SECRET}", "is no URL of a host"),
        (f"https://example.com:0/{SECRET}", "is no URL of a host"),
        (f"https://example.com:99999/{SECRET}", "is no URL"),
        (f"ftp://example.com/{SECRET}", "is no URL of a host"),
        (f"https://u:{SECRET}@example.com/", "has a user or a fragment"),
        (f"https://example.com/#{SECRET}", "has a user or a fragment"),
    ],
)
def test_an_address_that_would_give_the_secret_away_is_refused_and_never_sent_to(url: str, told: str) -> None:
    with pytest.raises(errors.InvalidRequestError, match=f"given for 'team' {told}") as raised:
        slack.check("team", url)
    assert SECRET not in raised.value.message
    assert "none that a notice may be sent to" in Rig(url).refused(notice()).message


@pytest.mark.parametrize(
    "host", ["https://hooks.slack.com", "http://127.0.0.1:8", "http://[::1]:8", "http://localhost"]
)
def test_an_address_over_tls_or_of_this_machine_is_taken(host: str) -> None:
    slack.check("team", f"{host}/services/T0/B0/{SECRET}")


@pytest.mark.alone
def test_a_service_that_does_not_answer_is_waited_for_only_so_long(server: slack_server.SlackServer) -> None:
    server.wait_s = 1.5
    made = slack.SlackNotifier("team", server.url, 0.3, slack_messages.blocks, clock.SystemClock())
    began_s = time.monotonic()
    with pytest.raises(errors.NotifyError, match=r"did not take the notice within 0\.3 s"):
        made.send(notice())
    assert time.monotonic() - began_s < 1.4


@pytest.mark.alone
def test_a_search_for_the_host_that_hangs_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    found = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda *told, **more: (time.sleep(1.5), found(*told, **more))[1])
    made = slack.SlackNotifier("team", "https://nowhere.invalid/x", 0.3, slack_messages.blocks, clock.SystemClock())
    began_s = time.monotonic()
    with pytest.raises(errors.NotifyError, match=r"did not take the notice within 0\.3 s"):
        made.send(notice())
    with pytest.raises(errors.NotifyError, match="still waits for the service with an earlier notice"):
        made.send(notice())
    assert time.monotonic() - began_s < 1.2


def test_a_digest_arrives_as_its_page(server: slack_server.SlackServer) -> None:
    made = digests.digest(observer_cases.day())
    Rig(server.url).notifier.send(posting.notice(made, 1_790_000_000_000_000))
    [sent] = server.got
    assert sent["blocks"] == renderings.slack(layouts.page(made)) and len(sent["blocks"]) > 10
    assert sent["text"] == f"Council, {made.date}"
