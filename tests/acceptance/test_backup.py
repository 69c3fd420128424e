"""A Council that serves is copied, and a home made of that: by the process that the night starts, confined as it is then."""

import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import whole
from council.domain import home


@pytest.fixture
def called(served: whole.Council, tmp_path: Path) -> Iterator[whole.Council]:
    """The Council that all share, as whoever has named a target for snapshots sees it."""
    where = home.Home(served.home)
    environment = {**served.environment, "COUNCIL_BACKUP_TARGET": str(tmp_path / "snapshots")}
    yield whole.Council(served.home, served.port, served.output, environment)
    where.backup_passphrase_file.unlink(missing_ok=True)


def ask(council: whole.Council, question: str) -> str:
    body = json.dumps({"model": "council", "messages": [{"role": "user", "content": question}]}).encode()
    headers = {"authorization": f"Bearer {council.token}", "content-type": "application/json"}
    request = urllib.request.Request(council.base_url + "/v1/chat/completions", body, headers)
    with urllib.request.urlopen(request) as response:
        found: str = json.loads(response.read())["council"]["request_id"]
        return found


def test_what_was_answered_before_a_snapshot_began_is_in_the_home_that_is_made_of_it(
    called: whole.Council, tmp_path: Path
) -> None:
    assert called.command("backup", "passphrase").returncode == 0
    before, ending = [ask(called, f"What is {number} + 2?") for number in range(5)], threading.Event()

    def go_on() -> None:
        # Slower than a token may ask.
        while not ending.wait(0.2):
            ask(called, "What is 3 * 3?")

    asking = threading.Thread(target=go_on)
    asking.start()
    try:
        made = subprocess.run(
            [sys.executable, "-m", "council", "run", "backup"],
            env=called.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    finally:
        ending.set()
        asking.join()
    assert made.returncode == 0, made.stderr
    # The run, and the drill that a home has never had.
    assert [json.loads(line)["kind"] for line in made.stderr.splitlines() if "went well" in line] == ["run", "drill"]
    assert '"message":"confined"' in made.stderr
    there = tmp_path / "new"
    restored = called.command("backup", "restore", str(there), "--json", timeout_s=120)
    assert restored.returncode == 0, restored.stderr
    told = json.loads(restored.stdout)
    assert told["generation"] == (called.home / "current").readlink().name == (there / "current").readlink().name
    listed = called.command("ledger", "export", "--home", str(there))
    assert listed.returncode == 0 and all(identifier in listed.stdout for identifier in before), listed.stderr
    verified = called.command("lineage", "verify", "--home", str(there), "--json")
    assert verified.returncode == 0, verified.stdout
