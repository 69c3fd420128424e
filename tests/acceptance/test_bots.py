"""An incident becomes a setting that serves, with nobody asked: a bot drafts, signs and proposes it."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest

import whole
from council import care_records, homes
from council.domain import authz, home, incidents
from council.kit import clock, ids
from council.patching import bot_keys, roster
from council.upkeep.engine import blueprint
from council.upkeep.patchctl.core import signature

needed = [name for name in ("git", "gpgv") if shutil.which(name) is None]
pytestmark = pytest.mark.skipif(bool(needed), reason=f"not installed: {', '.join(needed)}")
ON = whole.SHORT_BAKE | {
    # What is shown here is no speed: whatever else this machine does, a slow answer is not to take the patch back.
    "COUNCIL_BAKE_ANSWER_S": "60",
    "COUNCIL_BAKE_LATENCY_RATIO": "10",
    "COUNCIL_BAKE_LATENCY_S": "10",
    "COUNCIL_FORGE_POLL_S": "0.5",
    "COUNCIL_BOTS_CHECK_S": "20",
}
WAY_S = 400.0
BOT = "remediation"


def list_the_bot(where: home.Home) -> None:
    certificate = bot_keys.ensure(where.bot_key_file(BOT), BOT).encode()
    fingerprint = signature.fingerprint_of(certificate)
    line = authz.Signer(fingerprint, BOT, authz.Kind.BOT, ("council.yaml", "providers.yaml"), (), 1, BOT)
    text = roster.with_signer((where.current / authz.FILE).read_bytes(), line)
    blueprint.commit(where, {authz.FILE: text, authz.certificate_path(fingerprint): certificate}, "List the bot")


def put_in_an_incident(where: home.Home) -> str:
    now_us = clock.SystemClock().now_us()
    warning = incidents.Severity.WARNING
    alert = incidents.Alert("concurrent_users", (), warning, "211, must be < 200", now_us, "Bound it.")
    one = incidents.Incident(
        ids.ulid(now_us), incidents.Standing.OPEN, warning, now_us, now_us, members=(incidents.Member(alert, now_us),)
    )
    kept = care_records.incidents(homes.load_config(where, None, os.environ, {}), where)
    try:
        kept.save([one], [])
    finally:
        kept.close()
    return one.id


@pytest.mark.covers("gateway", "healing")
def test_an_incident_leads_to_a_setting_that_serves_with_nobody_asked() -> None:
    with tempfile.TemporaryDirectory(prefix="council") as folder:
        where = home.Home(Path(folder, "h"))
        whole.bear_a_busy_machine(where)
        with whole.running(where.root, whole.free_port(), ON) as council:
            list_the_bot(where)
            _an_incident_leads_to_a_setting(council, where, put_in_an_incident(where))


def _an_incident_leads_to_a_setting(council: whole.Council, where: home.Home, incident: str) -> None:
    def serves() -> bool:
        settings = homes.read_yaml(where.current / homes.CONFIG_FILE)
        return bool(settings.get("gateway", {}).get("concurrent_max") == 70)

    try:
        whole.wait_until(serves, WAY_S)
    finally:
        log = council.command("bots", "log", "--json").stdout
        # Told where it does not serve.
        print(log, council.command("patch", "history", "--json").stdout)
    [run] = [one for one in json.loads(log) if one["outcome"] == "proposed"]
    assert run["about"] == incident and run["pull"] == 1
    whole.wait_until(lambda: _row(council, run["cid"])["outcome"] == "applied", WAY_S)
    assert _row(council, run["cid"])["kind"] == "bot"
    [listed] = [one for one in json.loads(council.command("bots", "list", "--json").stdout) if one["name"] == BOT]
    assert listed["state"] == "enabled"
    # Once is enough, for the same incident and for the day.
    assert council.command("bots", "run", BOT, "--json").returncode == 0
    assert [one["outcome"] for one in json.loads(council.command("bots", "log", "--json").stdout)].count(
        "proposed"
    ) == 1


def _row(council: whole.Council, cid: str) -> dict[str, str]:
    found: dict[str, str] = next(one for one in council.patches() if one["cid"] == cid and not one["trial"])
    return found
