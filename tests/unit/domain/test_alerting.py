"""Which addresses are webhooks of Slack."""

import pytest

from council.domain import alerting


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("https://hooks.slack.com/services/T/B/x", "https://hooks.slack.com/services/T/B/x"),
        ("HTTPS://Hooks.Slack.com/services/T/B/x", "HTTPS://Hooks.Slack.com/services/T/B/x"),
        ("https://hooks.slack-gov.com/services/T/B/x", "https://hooks.slack-gov.com/services/T/B/x"),
        # Not encrypted, so refused as such a webhook rather than sent by Apprise.
        ("http://hooks.slack.com/services/T/B/x", "http://hooks.slack.com/services/T/B/x"),
        ("slack+https://chat.example/hooks/x", "https://chat.example/hooks/x"),
        ("slack+http://127.0.0.1:8/x", "http://127.0.0.1:8/x"),
        ("slack://T/B/x", ""),
        ("https://hooks.slack.com.example/services/T/B/x", ""),
        ("https://example.com/hooks.slack.com", ""),
        ("json://hooks.slack.com/x", ""),
        ("https://[x", ""),
        ("", ""),
    ],
)
def test_an_address_of_slack_is_told_by_its_host_or_its_mark(address: str, url: str) -> None:
    assert alerting.slack_url(address) == url


def test_apprise_is_needed_for_every_other() -> None:
    assert not alerting.needs_apprise([])
    assert not alerting.needs_apprise(["https://hooks.slack.com/services/T/B/x"])
    assert alerting.needs_apprise(["https://hooks.slack.com/services/T/B/x", "mailtos://a:b@c.example"])
