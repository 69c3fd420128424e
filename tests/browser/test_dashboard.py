"""The dashboard in a real browser: before a service of recorded answers, the files of ui/browser, and before a real Council.

`make ui` installs and builds what they need; where that, Node or Chromium is missing they are skipped and say why.
"""

import subprocess

import pytest

import dashboard_rig
import whole


@pytest.mark.parametrize("name", sorted(file.name for file in (dashboard_rig.UI / "browser").glob("*.test.mjs")))
def test_in_a_browser_all_is_as_the_file_says(name: str) -> None:
    dashboard_rig.need()
    done = subprocess.run(
        ["node", "--test", f"browser/{name}"],
        cwd=dashboard_rig.UI, capture_output=True, text=True, timeout=dashboard_rig.LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8_000:]


def test_a_newcomer_signs_in_asks_runs_code_and_freezes_in_a_real_council() -> None:
    dashboard_rig.need(served=True)
    with whole.anew() as council:
        dashboard_rig.play("real.mjs", council.base_url, dashboard_rig.link(council))


def test_what_befalls_a_real_council_is_said_and_over_by_itself() -> None:
    dashboard_rig.need(served=True)
    # As little as may be of what is waited for by nature.
    soon = {"COUNCIL_DASHBOARD_SILENT_S": "12", "COUNCIL_RECORDS_BUSY_S": "2", "COUNCIL_GATEWAY_DRAIN_S": "2"}
    with whole.anew(soon) as council:
        breaking = dashboard_rig.Breaking(council)
        try:
            deeds = breaking.deeds()
            dashboard_rig.play("befallen.mjs", council.base_url, dashboard_rig.link(council), deeds=deeds)
        finally:
            breaking.over()
