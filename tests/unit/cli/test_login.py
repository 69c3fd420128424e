"""Links to sign in, and signing everybody out, from the command line."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from council.backends.records import logins as sql_logins
from council.cli import calls, login, options
from council.domain import access, config, errors, home, logins
from council.kit import clock


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> home.Home:
    made = home.Home(tmp_path)
    kept = sql_logins.SqlLogins(made.records_url)
    kept.migrate()
    kept.close()
    settings = config.build({"port": 8123}, {}, {})
    monkeypatch.setattr(options, "known_config", lambda *_: settings)
    monkeypatch.setattr(calls, "config_of", lambda *_: settings)
    monkeypatch.setenv("COUNCIL_HOME", str(tmp_path))
    return made


def redeem(where: home.Home, link: str) -> logins.Session | None:
    kept = sql_logins.SqlLogins(where.records_url)
    now_us = clock.SystemClock().now_us()
    blank = logins.Session("s", "d", "", access.Role.VIEWER, "", now_us, now_us + 10**9)
    found = kept.redeem(access.digest(link.rpartition("code=")[2]), blank, now_us)
    kept.close()
    return found


def test_a_link_is_printed_with_its_role_and_stands_in_the_records_as_a_digest(where: home.Home) -> None:
    told = CliRunner().invoke(login.login, ["--role", "operator", "--user", "ann", "--json"])
    body = json.loads(told.stdout)
    assert body["link"].startswith("http://127.0.0.1:8123/login?code=") and body["good_for_s"] == 600
    assert body["link"].rpartition("=")[2].encode() not in (where.records / "council.db").read_bytes()
    found = redeem(where, body["link"])
    assert found is not None and (found.user_id, found.role) == ("ann", access.Role.OPERATOR)


def test_signing_out_ends_sessions_and_unused_links(where: home.Home) -> None:
    redeem(where, CliRunner().invoke(login.login).stdout.split("\n")[0])
    unused = CliRunner().invoke(login.login).stdout.split("\n")[0]
    assert CliRunner().invoke(login.logout, ["--user", "nobody"]).stdout == "0 sessions ended.\n"
    assert CliRunner().invoke(login.logout, ["--all"]).stdout == "1 session ended.\n"
    assert redeem(where, unused) is None
    with pytest.raises(errors.InvalidRequestError, match="--all"):
        CliRunner().invoke(login.logout, catch_exceptions=False)


@pytest.mark.parametrize(
    ("host", "begins"),
    [("0.0.0.0", "http://127.0.0.1:"), ("::", "http://[::1]:"), ("localhost", "http://localhost:"), ("192.0.2.7", "")],
)
def test_a_link_is_for_a_browser_on_this_machine(where: home.Home, host: str, begins: str) -> None:
    settings = config.build({"gateway": {"host": host, "behind_proxy": True}}, {}, {})
    if begins:
        assert login.link(settings, where).startswith(begins)
    else:
        with pytest.raises(errors.ConfigError, match="tokens add"):
            login.link(settings, where)
