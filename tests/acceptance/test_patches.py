"""Signed patches on a whole Council, with a real gpg: applied while it serves, or back where it was."""

import base64
import contextlib
import http.client
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gpg_ring
import whole
from council.domain import home

pytestmark = pytest.mark.skipif(
    shutil.which("gpg") is None or shutil.which("gpgv") is None, reason="gpg and gpgv are not installed"
)
ON = whole.SHORT_BAKE | whole.SHORT_END | {
    # The healer takes back what hangs for longer, and here the bake is to find it.
    "COUNCIL_BAKE_ANSWER_S": "6", "COUNCIL_GATEWAY_REQUESTS_PER_MINUTE": "60000",
    # One that hangs in a bake is the bake's to find, and not started anew meanwhile.
    "COUNCIL_SUPERVISOR_SILENT_S": "120",
}  # fmt: skip
APPLY_S = 240.0
NUMBERS = itertools.count(1)


class Owner:
    """Ann at her Council."""

    def __init__(self, council: whole.Council, folder: Path):
        self.council = council
        self.folder = folder
        self.where = home.Home(council.home)

    def good(self, *arguments: str) -> str:
        done = self.council.command(*arguments, timeout_s=APPLY_S)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    def signed(self, path: str, content: str) -> Path:
        number = next(NUMBERS)
        source, patch = self.folder / f"source{number}", self.folder / f"patch{number}.json"
        source.write_text(content)
        self.good(
            *("patch", "new", "--put", f"{path}={source}", "--title", f"Patch {number}", "--reason", "To try it."),
            *("-o", str(patch)),
        )
        self.good("patch", "sign", str(patch), "--yes")
        return patch

    def submit(self, patch: Path, *more: str) -> subprocess.CompletedProcess[str]:
        return self.council.command("patch", "submit", str(patch), *more, timeout_s=APPLY_S)

    def newest(self) -> dict[str, Any]:
        return self.council.patches()[0]

    def told(self) -> tuple[str, str | None]:
        """Return the generation that an answer names, and the CID beside it."""
        council = json.loads(self.good("ask", "--json", "What is 2 + 2?"))["council"]
        return council["generation"], council["cid"]

    def asked(
        self, path: str = "/status", method: str = "GET", body: Any = None, key: bool = True, token: str = ""
    ) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.council.port + 1, timeout=30)
        headers = {"content-type": "application/json"}
        if token or key:
            headers["authorization"] = f"Bearer {token or self.where.patches_key_file.read_text().strip()}"
        with contextlib.closing(connection):
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            raw = response.read()
            return response.status, json.loads(raw) if raw.startswith(b"{") else raw.decode()

    def until(self, phase: str) -> None:
        whole.wait_until(lambda: self.asked()[1]["at_work"] is not None, APPLY_S)
        whole.wait_until(lambda: (self.asked()[1]["at_work"] or {"phase": phase})["phase"] == phase, APPLY_S)

    def until_ended(self) -> dict[str, Any]:
        whole.wait_until(lambda: self.asked()[1]["at_work"] is None, APPLY_S)
        return self.newest()


@pytest.fixture(scope="module")
def owner() -> Iterator[Owner]:
    with gpg_ring.ring() as ring, tempfile.TemporaryDirectory(prefix="council") as folder:
        key = ring.key("ed25519", "sign")
        around = ON | {"GNUPGHOME": str(ring.folder)}
        whole.bear_a_busy_machine(home.Home(Path(folder, "h")))
        with whole.running(Path(folder, "h"), whole.free_port(), around) as council:
            made = Owner(council, Path(folder))
            made.good("keys", "add", key, "--name", "Ann")
            yield made


class Callers:
    """Asks without a pause while a block runs; `failed` are the answers that were none."""

    def __init__(self, council: whole.Council):
        self._council = council
        self._ending = threading.Event()
        self.asked = 0
        self.failed: list[str] = []

    def __enter__(self) -> "Callers":
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(2)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int) -> None:
        for count in itertools.count():
            if self._ending.is_set():
                return
            body = {
                "model": "council",
                "messages": [{"role": "user", "content": f"What is {count} + {number + 1}?"}],
                "stream": bool(count % 2),
            }
            try:
                text = self._once(json.dumps(body))
            except (OSError, http.client.HTTPException) as error:
                text = repr(error)
            self.asked += 1
            if str(count + number + 1) not in text or (count % 2 and "[DONE]" not in text):
                self.failed.append(text[:300])
            time.sleep(0.05)

    def _once(self, body: str) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self._council.port, timeout=60)
        with contextlib.closing(connection):
            headers = {"content-type": "application/json", "authorization": f"Bearer {self._council.token}"}
            connection.request("POST", "/v1/chat/completions", body, headers)
            return connection.getresponse().read().decode()


def test_a_good_patch_is_live_within_minutes_and_no_request_fails_meanwhile(owner: Owner) -> None:
    patch = owner.signed("prompts/general.md", "Answer in one sentence.\n")
    with Callers(owner.council) as callers:
        done = owner.submit(patch)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "Applied after" in done.stdout
    assert not callers.failed and callers.asked > 50
    row = owner.newest()
    assert row["outcome"] == "applied" and row["target"] == owner.where.current.resolve().name
    status = json.loads(owner.good("status", "--json"))
    assert {status["generation"], *(one["generation"] for one in status["services"])} == {row["target"]}
    assert (status["cid"], status["PATCHCTL_LAST_APPLY_TS"]) == (row["cid"], row["times"][-1][1])
    assert owner.told() == (row["target"], row["cid"]) and owner.asked()[1]["cid"] == row["cid"]
    assert (owner.where.current / "prompts/general.md").read_text() == "Answer in one sentence.\n"


def test_a_patch_that_does_worse_beside_the_live_one_never_serves(owner: Owner) -> None:
    live = owner.where.current.resolve().name
    # What it holds answers questions whose answers are known.
    done = owner.submit(owner.signed("guidebook/reference/glossary.md", "# Glossary\n\nNothing.\n"))
    assert done.returncode == 7, (done.stdout, done.stderr)
    assert "examining" in done.stdout and "baking" not in done.stdout
    row = owner.newest()
    assert row["outcome"] == "refused" and row["reason"], row
    assert owner.where.current.resolve().name == live
    assert {one.name for one in owner.where.generations.iterdir()} >= {live}
    assert row["target"] not in {one.name for one in owner.where.generations.iterdir()}


@pytest.mark.covers("router", "healing")
def test_a_patch_that_turns_bad_while_it_bakes_is_taken_back(owner: Owner) -> None:
    live = owner.where.current.resolve().name
    assert owner.submit(owner.signed("prompts/code.md", "Write code.\n"), "--no-wait").returncode == 0
    owner.until("baking")
    gateway = owner.council.gateway_of(owner.where.current.resolve().name)
    os.kill(gateway, signal.SIGSTOP)
    try:
        row = owner.until_ended()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(gateway, signal.SIGCONT)
    assert row["outcome"] == "rolled back", row
    assert owner.where.current.resolve().name == live
    assert "error_rate is red" in row["reason"]
    with Callers(owner.council) as callers:
        whole.wait_until(lambda: callers.asked > 5, 60)
    assert not callers.failed


def test_an_applied_patch_goes_when_a_person_says_so_and_stays_gone_after_a_start(owner: Owner) -> None:
    before, (_, cid_before) = owner.where.current.resolve(), owner.told()
    assert owner.submit(owner.signed("prompts/note.md", "A note.\n")).returncode == 0
    cid = owner.newest()["cid"]
    assert owner.told()[1] == cid
    out = owner.good("patch", "rollback", cid, "--reason", "Enough of it.")
    assert "Rolled back after" in out
    assert not (owner.where.current / "prompts/note.md").exists()
    assert owner.told() == (owner.where.current.resolve().name, cid_before)
    assert json.loads(owner.good("status", "--json"))["cid"] == cid_before
    owner.council.stop()
    owner.council.start()
    assert owner.told() == (owner.where.current.resolve().name, cid_before)
    assert not (owner.where.current / "prompts/note.md").exists()
    assert (owner.where.current / "prompts/general.md").read_bytes() == (before / "prompts/general.md").read_bytes()
    assert owner.newest()["outcome"] == "rolled back"
    assert "Nothing is wrong" in owner.good("lineage", "verify")


def test_a_killed_patchctl_goes_on_with_the_patch(owner: Owner) -> None:
    assert owner.submit(owner.signed("prompts/kept.md", "Kept.\n"), "--no-wait").returncode == 0
    owner.until("baking")
    os.kill(next(one["pid"] for one in owner.council.services() if one["name"] == "patchctl"), signal.SIGKILL)
    whole.wait_until(lambda: _answers(owner.council.port + 1), 60)
    row = owner.until_ended()
    assert row["outcome"] in ("applied", "rolled back")
    assert (owner.where.current / "prompts/kept.md").exists() == (row["outcome"] == "applied")


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.closing(connection), contextlib.suppress(http.client.HTTPException):
            connection.request("GET", "/livez")
            return connection.getresponse().status == 200
    return False


def test_a_trial_reports_and_leaves_nothing(owner: Owner) -> None:
    live = owner.where.current.resolve().name
    done = owner.submit(owner.signed("prompts/tried.md", "Tried.\n"), "--target", "staging")
    assert done.returncode == 0 and "Tried after" in done.stdout, (done.stdout, done.stderr)
    assert owner.where.current.resolve().name == live


def test_a_token_limited_to_staging_has_patches_tried_and_none_applied(owner: Owner) -> None:
    live, token = owner.where.current.resolve().name, owner.good("tokens", "add", "--staging", "--user", "ci").strip()
    patch = owner.signed("prompts/later.md", "Later.\n")
    signature = next(one for one in (patch.with_suffix(".sig"), patch.with_suffix(".asc")) if one.exists())
    body = {
        "patch": base64.b64encode(patch.read_bytes()).decode(),
        "signature": base64.b64encode(signature.read_bytes()).decode(),
    }
    # A gateway that runs knows of it after a moment.
    whole.wait_until(lambda: owner.asked("/apply", "POST", body, token=token)[1]["reason"] == "staging_only", 30)
    status, told = owner.asked("/apply", "POST", body | {"target": "staging"}, token=token)
    assert status == 202, told
    owner.until_ended()
    status, told = owner.asked(f"/patches/{told['cid']}", token=token)
    assert status == 200 and told["patches"][-1]["outcome"] == "tried", told
    assert owner.where.current.resolve().name == live
    assert owner.asked("/rollback", "POST", {"reason": "x", "by": "x"}, token=token)[0] == 403


def test_only_whoever_has_the_key_reads_and_commands(owner: Owner) -> None:
    for method, path, body in (
        ("GET", "/patches", None),
        ("GET", "/status", None),
        ("GET", "/lineage", None),
        ("GET", "/events", None),
        ("POST", "/rollback", {"reason": "x", "by": "x"}),
        ("POST", "/freeze", {"frozen": True, "reason": "x", "by": "x"}),
    ):
        status, told = owner.asked(path, method, body, key=False)
        assert (status, told["code"]) == (403, "forbidden"), path


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"patch": "!", "signature": ""},
        {"patch": "", "signature": "", "target": "live", "more": 1},
        {"patch": "", "signature": "", "cosignatures": [""] * 21},
        {"patch": "", "signature": "", "target": "elsewhere"},
        [],
        "text",
    ],
)
def test_what_is_no_submission_is_refused_with_what_to_do(owner: Owner, body: Any) -> None:
    status, told = owner.asked("/apply", "POST", body, key=False)
    assert status == 400 and told["success"] is False and told["message"]


def test_what_nobody_signed_is_refused_by_its_rule(owner: Owner) -> None:
    status, told = owner.asked("/apply", "POST", {"patch": "e30=", "signature": "e30="}, key=False)
    assert (status, told["success"]) == (422, False)
    assert told["reason"].startswith("signature_") and told["message"]


def test_a_freeze_over_http_stops_the_next_patch(owner: Owner) -> None:
    assert owner.asked("/freeze", "POST", {"frozen": True, "reason": "Holiday.", "by": "ann"})[0] == 200
    done = owner.submit(owner.signed("prompts/frozen.md", "x\n"))
    assert done.returncode == 7 and "frozen" in done.stderr
    assert owner.asked("/freeze", "POST", {"frozen": False, "by": "ann"})[0] == 200


def test_quota_is_shown_and_raised_by_a_signed_statement(owner: Owner) -> None:
    owner.good("quota", "override", "--count", "2", "--reason", "A busy day.")
    assert json.loads(owner.good("quota", "show", "--json"))["bots"] == {"used": 0, "limit": 5}


def test_metrics_tell_what_was_applied(owner: Owner) -> None:
    _, told = owner.asked("/metrics", key=False)
    assert 'patchctl_frozen{svc="patchctl"} 0.0' in told
    assert 'patchctl_last_apply_ts{svc="patchctl"}' in told
    assert 'patchctl_patches_total{author_kind="human",outcome=' in told
