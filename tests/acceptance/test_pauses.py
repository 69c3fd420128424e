"""Patches of the model's settings on a whole Council that has no memory for two models: signed, paused for, or refused."""

import contextlib
import http.client
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gpg_ring
import whole
from council.backends.model_provider import packaged
from council.domain import authz, config, home

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(
        shutil.which("gpg") is None or shutil.which("gpgv") is None, reason="gpg and gpgv are not installed"
    ),
]
DRIVER = Path(__file__).with_name("crowded_council.py")
READY_S = 120.0
APPLY_S = 240.0
ON = (
    whole.SHORT_BAKE
    | whole.SHORT_END
    | {
        # What a machine with other work to do takes longer for is no failure of a patch.
        "COUNCIL_BAKE_ANSWER_S": "60",
        "COUNCIL_BAKE_PAUSE_S": "300",
        "COUNCIL_BAKE_LATENCY_RATIO": "100",
        "COUNCIL_BAKE_LATENCY_S": "60",
        "COUNCIL_GATEWAY_REQUESTS_PER_MINUTE": "60000",
        "COUNCIL_MODEL_CONTEXT_TOKENS": "1024",
    }
)
PAUSED = ["staging", "launching", "pausing", "examining", "checking", "switching", "baking"]


class Owner:
    """Ann at her crowded Council."""

    def __init__(self, council: whole.Council, folder: Path):
        self.council = council
        self.where = home.Home(council.home)
        self._folder = folder
        self._numbers = itertools.count(1)

    def good(self, *arguments: str) -> str:
        done = self.council.command(*arguments, timeout_s=APPLY_S)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    def signed(self, path: str, content: str) -> Path:
        number = next(self._numbers)
        source, patch = self._folder / f"source{number}", self._folder / f"patch{number}.json"
        source.write_text(content)
        words = ("--title", f"Patch {number}", "--reason", "To try it.")
        self.good("patch", "new", "--put", f"{path}={source}", *words, "-o", str(patch))
        self.good("patch", "sign", str(patch), "--yes")
        return patch

    def submit(self, patch: Path, *more: str) -> subprocess.CompletedProcess[str]:
        return self.council.command("patch", "submit", str(patch), *more, timeout_s=APPLY_S)

    def newest(self) -> dict[str, Any]:
        return self.council.patches()[0]

    def phase(self) -> str:
        row = self.newest()
        return str(row["phase"] or row["outcome"])

    def ask(self, text: str, model: str = "council") -> tuple[int, str | None, dict[str, Any]]:
        """Return status, Retry-After and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.council.port, timeout=60)
        headers = {"content-type": "application/json", "authorization": f"Bearer {self.council.token}"}
        body = {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 4}
        with contextlib.closing(connection):
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, response.getheader("retry-after"), json.loads(response.read())

    def ask_model(self) -> tuple[int, str | None, dict[str, Any]]:
        return self.ask("Tell me of the sea.", config.Config().model.name)


@pytest.fixture(scope="module")
def owner() -> Iterator[Owner]:
    with gpg_ring.ring() as ring, tempfile.TemporaryDirectory(prefix="council") as folder:
        root, port = Path(folder, "h"), whole.free_port()
        around = {name: value for name, value in os.environ.items() if not name.startswith("COUNCIL_")}
        around |= ON | {"COUNCIL_HOME": str(root), "COUNCIL_PORT": str(port), "GNUPGHOME": str(ring.folder)}
        around["COUNCIL_MODEL_FILE"] = str(packaged.find_source())
        whole.bear_a_busy_machine(home.Home(root))
        whole.lend_meanings(root)
        said = Path(folder, "out")
        with said.open("w") as out:
            popen = subprocess.Popen(
                [sys.executable, str(DRIVER), str(root), str(port)], stdout=out, stderr=subprocess.STDOUT, env=around
            )
        try:
            whole.wait_until(lambda: "READY" in said.read_text() or popen.poll() is not None, READY_S)
            assert popen.poll() is None, said.read_text()
            made = Owner(whole.Council(root, port, "", around), Path(folder))
            made.good("keys", "add", ring.key("ed25519", "sign"), "--name", "Ann")
            yield made
        finally:
            popen.terminate()
            try:
                popen.wait(60)
            finally:
                popen.kill()
                popen.wait()


class Callers:
    """Two who ask without a pause while a block runs: one sums, one the model."""

    def __init__(self, owner: Owner):
        self._owner = owner
        self._ending = threading.Event()
        self.wrong: list[Any] = []
        self.sums = 0
        self.told: list[tuple[float, int, str | None, dict[str, Any]]] = []

    def __enter__(self) -> "Callers":
        self._threads = [threading.Thread(target=self._sum), threading.Thread(target=self._model)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _sum(self) -> None:
        while not self._ending.wait(0.1):
            self.sums += 1
            try:
                status, _, body = self._owner.ask(f"What is {self.sums} + 17?")
                if status != 200 or str(self.sums + 17) not in body["choices"][0]["message"]["content"]:
                    self.wrong.append((status, body))
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.wrong.append(error)

    def _model(self) -> None:
        while not self._ending.wait(0.1):
            try:
                self.told.append((time.monotonic(), *self._owner.ask_model()))
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.wrong.append(error)

    def check(self) -> float:
        """Check that nobody heard anything but an answer or when to come again; return for how long the model was away."""
        assert not self.wrong and self.sums > 20, self.wrong[:3]
        refused = [one for one in self.told if one[1] != 200]
        assert refused and self.told[-1][1] == 200
        for _, status, again, body in refused:
            assert (status, body["error"]["code"]) == (503, "model_unavailable"), body
            assert again is not None and 1 <= int(again) <= 10
            assert "no memory for both at once" in body["error"]["message"]
        return refused[-1][0] - refused[0][0]


def setting(temperature: float) -> str:
    assert temperature != config.Config().model.temperature, "what is in force already stops nothing"
    return f"model: {{temperature: {temperature}}}\n"


def test_the_model_stops_for_its_successor_and_only_what_needs_it_waits(owner: Owner) -> None:
    assert owner.ask_model()[0] == 200
    before = {row["name"]: row["pid"] for row in owner.council.services()}
    with Callers(owner) as callers:
        done = owner.submit(owner.signed("council.yaml", setting(0.1)))
    assert done.returncode == 0, done.stderr
    row = owner.newest()
    assert (row["outcome"], [phase for phase, _ in row["times"]]) == ("applied", [*PAUSED, "idle"])
    away_s = callers.check()
    # By the records it was away at least as long as callers saw, in whole seconds.
    assert row["away_s"] + 2 >= away_s > 0
    assert "pausing" in done.stdout and f"What stopped for it was away for {row['away_s']} s." in done.stdout
    assert f"paused {row['away_s']} s" in owner.good("patch", "history", "--limit", "1")
    assert "what had no memory to run beside was away" in owner.good("patch", "show", row["cid"])
    after = {row["name"]: row["pid"] for row in owner.council.services()}
    assert {name for name in before if before[name] != after[name]} >= {"model", "gateway"}
    assert before["store"] == after["store"] and before["recall"] == after["recall"]


def test_one_that_turns_bad_yields_to_the_model_before(owner: Owner) -> None:
    live = owner.where.current.resolve().name
    assert owner.submit(owner.signed("council.yaml", setting(0.6)), "--no-wait").returncode == 0
    whole.wait_until(lambda: owner.phase() == "baking", APPLY_S)
    os.kill(owner.council.gateway_of(owner.where.current.resolve().name), signal.SIGSTOP)
    whole.wait_until(lambda: bool(owner.newest()["outcome"]), APPLY_S)
    row = owner.newest()
    phases = [*PAUSED, "returning", "yielding", "idle"]
    assert (row["outcome"], [phase for phase, _ in row["times"]]) == ("rolled back", phases), row
    assert owner.where.current.resolve().name == live
    assert owner.ask_model()[0] == 200


def test_a_killed_patchctl_leaves_no_pause_behind(owner: Owner) -> None:
    live = owner.where.current.resolve().name
    assert owner.submit(owner.signed("council.yaml", setting(0.3)), "--no-wait").returncode == 0
    whole.wait_until(lambda: owner.phase() in ("pausing", "examining"), APPLY_S)
    os.kill(next(one["pid"] for one in owner.council.services() if one["name"] == "patchctl"), signal.SIGKILL)
    whole.wait_until(lambda: bool(owner.newest()["outcome"]), APPLY_S)
    row = owner.newest()
    assert (row["outcome"], row["reason"]) == ("refused", "interrupted")
    assert owner.where.current.resolve().name == live
    assert owner.ask_model()[0] == 200


def test_a_trial_does_not_stop_the_model_that_serves(owner: Owner) -> None:
    pid = next(row["pid"] for row in owner.council.services() if row["name"] == "model")
    done = owner.submit(owner.signed("council.yaml", setting(0.4)), "--target", "staging")
    assert done.returncode == 7 and "no_room" in done.stderr, (done.stdout, done.stderr)
    assert next(row["pid"] for row in owner.council.services() if row["name"] == "model") == pid


def test_outside_of_the_windows_it_is_refused_with_when_the_next_one_opens(owner: Owner) -> None:
    in_two_days = authz.DAYS[(int(time.time()) // 86_400 + 3 + 2) % 7]
    rules = (owner.where.current / authz.FILE).read_text()
    window = f'windows: [{{days: [{in_two_days}], from: "03:00", to: "04:00"}}]'
    changed = rules.replace("windows: []", window)
    assert changed != rules
    done = owner.submit(owner.signed(authz.FILE, changed))
    assert done.returncode == 0, (done.stdout, done.stderr)
    done = owner.submit(owner.signed("council.yaml", setting(0.5)))
    assert done.returncode == 7, (done.stdout, done.stderr)
    assert "outside_window" in done.stderr and "The next window opens at" in done.stderr and "T03:00:00Z" in done.stderr
    row = owner.newest()
    assert row["outcome"] == "refused" and row["away_s"] == 0 and "pausing" not in dict(row["times"])
    assert owner.ask_model()[0] == 200
