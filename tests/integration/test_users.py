"""The regime of system users with all real services. Root only.

Root's Python often lies where no other user can reach it. So `council up` runs by way of `reachable`.
"""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gpg_ring
import reachable
import whole
from council.backends.store import bundled
from council.domain import home as home_module
from council.supervisor import users

SERVICES = (
    "store", "model", "worker", "recall", "zygote", "sandboxd", "patchctl", "watcher", "steward", "gateway",
    "bots",
)  # fmt: skip
STRANGER = reachable.STRANGER
KNOWN_S = 20.0
BAKE = whole.SHORT_BAKE | {"COUNCIL_BAKE_ANSWER_S": "8"}
PATCH_S = 240.0

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start processes as other users")


class Served:
    """A Council whose `up` may be given users."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.home = home_module.Home(folder / "h")
        port = whole.free_port()
        around = {name: value for name, value in os.environ.items() if not name.startswith("COUNCIL_")}
        self.environment = around | BAKE | {"COUNCIL_HOME": str(self.home.root), "COUNCIL_PORT": str(port)}
        self.council = whole.Council(self.home.root, port, "", self.environment)

    def up(self, *, users: bool = True) -> str:
        argv = [sys.executable, "-m", "council", "up", "--detach"]
        done = subprocess.run(
            reachable.command(self.folder, argv) if users else argv,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=whole.UP_S + 30,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def down(self) -> None:
        self.council.stop()

    def rows(self) -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in self.council.services()}

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.command("status", "--json")))

    def command(self, *arguments: str, timeout_s: float = 60.0) -> str:
        done = self.council.command(*arguments, timeout_s=timeout_s)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def until_known(self, token: str) -> None:
        """Wait until the gateway has read a new token from the records, which it looks at every two seconds."""
        ends_s = time.monotonic() + KNOWN_S
        headers = {"authorization": f"Bearer {token}"}
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.council.port, timeout=60)
            with contextlib.closing(connection):
                connection.request("GET", "/v1/models", headers=headers)
                if connection.getresponse().status == 200:
                    return
            assert time.monotonic() < ends_s, "the gateway does not see what root wrote into the records"
            time.sleep(0.1)

    def ask(self, text: str, model: str = "council", token: str = "", **more: Any) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.council.port, timeout=60)
        body = {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 8, **more}
        headers = {"authorization": f"Bearer {token or self.council.token}", "content-type": "application/json"}
        with contextlib.closing(connection):
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            response = connection.getresponse()
            reply = json.loads(response.read())
            assert response.status == 200, reply
            return reply

    def works(self) -> None:
        """Ask what needs gateway, worker, records and store."""
        reply = self.ask("What is 17% of 200?")["council"]
        assert reply["verified"] and reply["degraded"] == []


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    folder = Path(tempfile.mkdtemp(prefix="council"))
    folder.chmod(0o755)
    try:
        reachable.need(folder)
        one = Served(folder)
        try:
            whole.bear_a_busy_machine(one.home)
            whole.lend_meanings(one.home.root)
            assert users.describe(users.Regime("users")) in one.up()
            yield one
            one.down()
        finally:
            whole._end_leftovers(one.home.root)
    finally:
        shutil.rmtree(folder)


def ids(pid: int, kind: str) -> list[int]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return [int(word) for word in next(line for line in lines if line.startswith(f"{kind}:")).split()[1:]]


@contextlib.contextmanager
def as_user_of(pid: int) -> Iterator[None]:
    """Reach for files as the user of that process would, without its Landlock."""
    own = os.getgroups()
    uid, gid, groups = ids(pid, "Uid")[0], ids(pid, "Gid")[0], ids(pid, "Groups")
    os.setgroups(groups)
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(own)


def refused(served: Served, service: str) -> set[str]:
    """Return what the user of a service may neither read nor connect to."""
    home = served.home
    names = ("worker", "recall", "zygote", "sandboxd", "watcher", "supervisor")
    sockets = (*map(home.socket, names), bundled.socket(home))
    keys = (home.internal_key_file, home.metrics_key_file, home.trial_key_file)
    keys += (home.patches_key_file, home.steward_key_file, home.journal_key_file, home.bots_key_file)
    files = (home.token_file, *keys, home.root / "users.json", home.sandbox / "audit-00000001.jsonl")
    kept = (home.records / "council.db", home.targets_file, home.watch / "samples.db", *files)
    found = set()
    with as_user_of(served.rows()[service]["pid"]):
        for path in (*kept, *sockets):
            try:
                if path in sockets:
                    with socket.socket(socket.AF_UNIX) as connection:
                        connection.connect(str(path))
                else:
                    path.read_bytes()
            except PermissionError:
                found.add(path.name)
    return found


EVERYTHING = {
    "council.db",
    "token",
    "internal.key",
    "metrics.key",
    "trial.key",
    "patches.key",
    "steward.key",
    "bots.key",
    "journal.key",
    "users.json",
    "worker.sock",
    "recall.sock",
    "zygote.sock",
    "sandboxd.sock",
    "watcher.sock",
    "targets.json",
    "samples.db",
    "audit-00000001.jsonl",
    "supervisor.sock",
    "valkey.sock",
}


def test_each_process_but_the_zygote_has_a_user_of_its_own_and_no_capability(served: Served) -> None:
    rows = served.rows()
    assert tuple(rows) == SERVICES
    uids = {name: set(ids(row["pid"], "Uid")) for name, row in rows.items()}
    assert all(len(one) == 1 for one in uids.values())
    # What mounts, users of sandboxes and cgroups need.
    assert uids.pop("zygote") == {0}
    assert len(set.union(*uids.values())) == 10 and 0 not in set.union(*uids.values())
    for row in (row for name, row in rows.items() if name != "zygote"):
        status = Path(f"/proc/{row['pid']}/status").read_text()
        assert "CapEff:\t0000000000000000" in status and 0 not in ids(row["pid"], "Groups")
    assert ids(served.council.supervisor_pid(), "Uid") == [0, 0, 0, 0]
    children = Path(f"/proc/{rows['worker']['pid']}/task/{rows['worker']['pid']}/children").read_text().split()
    assert children and {ids(int(pid), "Uid")[0] for pid in children} == uids["worker"]


def test_a_service_reaches_only_what_is_its_own(served: Served) -> None:
    assert refused(served, "worker") == EVERYTHING
    assert refused(served, "recall") == EVERYTHING - {"council.db"}
    assert refused(served, "model") == EVERYTHING - {"internal.key", "metrics.key"}
    assert refused(served, "store") == EVERYTHING - {"valkey.sock"}
    assert refused(served, "sandboxd") == EVERYTHING - {"zygote.sock", "audit-00000001.jsonl"}
    assert refused(served, "watcher") == EVERYTHING - {
        "council.db",
        "internal.key",
        "metrics.key",
        "supervisor.sock",
        "valkey.sock",
        "targets.json",
        "samples.db",
    }
    assert refused(served, "patchctl") == EVERYTHING - {
        # By its group; Landlock closes it.
        "internal.key",
        "metrics.key",
        "trial.key",
        "patches.key",
        "steward.key",
        "journal.key",
        "supervisor.sock",
        "valkey.sock",
        "targets.json",
    }
    # The first two and the store by its group, which keeps the guides; Landlock closes the two.
    assert refused(served, "steward") == EVERYTHING - {
        *("internal.key", "metrics.key"),
        *("steward.key", "bots.key", "watcher.sock", "council.db", "valkey.sock"),
        # It repairs what is wrong: what it may command the supervisor decides, and of sandboxd it throws the kill switch.
        *("supervisor.sock", "sandboxd.sock"),
    }
    assert refused(served, "bots") == EVERYTHING - {"internal.key", "metrics.key", "bots.key", "council.db"}
    assert refused(served, "gateway") == {
        "token",
        "patches.key",
        "steward.key",
        "bots.key",
        "journal.key",
        "users.json",
        "targets.json",
        "samples.db",
        "supervisor.sock",
        "zygote.sock",
        "audit-00000001.jsonl",
    }


def test_all_parts_answer_over_http(served: Served) -> None:
    math = served.ask("What is 17% of 200?")
    assert math["council"]["verified"] and "34" in math["choices"][0]["message"]["content"]
    assert math["council"]["degraded"] == []
    assert served.ask("What does verified mean?")["council"]["evidence"]["level"] == "quoted"
    assert served.ask("Say hello.", "council/general")["choices"][0]["message"]["content"].strip()


def test_the_watcher_reads_every_service_and_is_read(served: Served) -> None:
    def verdicts() -> dict[str, str]:
        return {one["name"]: one["verdict"] for one in json.loads(served.council.command("gates", "--json").stdout)}

    def reads() -> bool:
        now = verdicts()
        return now.get("fd_usage") == now.get("concurrent_users") == "green" and now["disk_usage"] != "unknown"

    whole.wait_until(reads, 30)
    restarted(served, "watcher")
    whole.wait_until(lambda: verdicts().get("fd_usage") == "green", 30)


def test_gateway_and_recall_share_the_records(served: Served) -> None:
    told = served.ask("I moved to Lyon. Say hello.", "council/general", memory=True)["council"]
    assert told["degraded"] == [] and told["memory"]["storing"] == "committed"
    assert "Lyon" in served.ask("Where do I live?", memory=True)["choices"][0]["message"]["content"]
    # Whoever made the log and its index first, both can go on with them.
    restarted(served, "recall")
    restarted(served, "gateway")
    whole.wait_until(lambda: served.ask("Where do I live?", memory=True)["council"]["route"] == "knowledge", 30)
    served.works()
    assert {(path.stat().st_mode & 0o777, path.stat().st_gid) for path in served.home.records.iterdir()} == {
        (0o660, served.home.records.stat().st_gid)
    }
    assert "Forgot" in served.command("memory", "forget", "--all")


def test_doctor_and_status_name_the_regime(served: Served) -> None:
    status = served.status()
    assert (status["regime"], status["regime_reason"]) == ("users", "")
    said = users.describe(users.Regime("users"))
    assert said in served.command("doctor") and said in served.command("status")


def test_a_document_that_hides_itself_is_named_and_the_others_are_read(served: Served) -> None:
    (served.home.library / "open.md").write_text("# Boats\n\nThe ketch Marigold was launched at Whitby.\n")
    (served.home.library / "hidden.md").touch(0o600)

    def left_out() -> int:
        connection = http.client.HTTPConnection("127.0.0.1", served.council.port + 6, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", "/livez")
            return json.loads(connection.getresponse().read())["left_out"]["library"]

    whole.wait_until(lambda: left_out() == 1, 30)
    assert "hidden.md" in (served.home.logs / "recall.log").read_text()


def restarted(served: Served, service: str) -> None:
    killed = served.rows()[service]["pid"]
    os.kill(killed, signal.SIGKILL)

    def again() -> bool:
        row = served.rows()[service]
        return row["state"] == "ready" and row["pid"] != killed

    whole.wait_until(again, 60)


def test_commands_of_root_beside_the_running_service_leave_it_working(served: Served) -> None:
    token = served.command("tokens", "add", "--role", "operator").strip()
    assert "REQUESTS" in served.command("ledger", "report")
    served.command("init")
    served.until_known(token)
    assert served.ask("What is 2+2?", token=token)["council"]["verified"]
    # A service that starts anew reads its key and opens its files again.
    for service in ("gateway", "model", "store"):
        restarted(served, service)
    served.works()
    assert served.ask("Say hello.", "council/general")["council"]["degraded"] == []


def test_commands_of_root_while_it_is_down_leave_it_working(served: Served) -> None:
    before = {name: ids(row["pid"], "Uid") for name, row in served.rows().items()}
    served.down()
    assert "users" not in json.dumps([path.name for path in served.home.run.iterdir() if path.suffix == ".json"])
    token = served.command("tokens", "add").strip()
    served.command("ledger", "report")
    served.command("init")
    served.command("doctor")
    # What patchctl goes on with, in the tests of patches below.
    served.command("lineage", "verify")
    served.command("freeze", "on", "--reason", "Stopped.")
    served.command("freeze", "off")
    served.up()
    assert served.ask("What is 2+2?", token=token)["council"]["verified"]
    served.works()
    assert {name: ids(row["pid"], "Uid") for name, row in served.rows().items()} == before


def test_what_a_killed_supervisor_left_is_ended_and_the_next_start_works(served: Served) -> None:
    pids = [row["pid"] for row in served.rows().values()]
    os.kill(served.council.supervisor_pid(), signal.SIGSTOP)
    os.kill(served.council.supervisor_pid(), signal.SIGKILL)
    served.up()
    assert not any(pid in pids for pid in (row["pid"] for row in served.rows().values()))
    served.works()


class Signer:
    """Ann, who is root here and has a gpg of her own."""

    def __init__(self, served: Served, folder: Path):
        self._served = served
        self._folder = folder
        self._made = 0

    def signed(self, path: str, content: str) -> Path:
        self._made += 1
        source, patch = (self._folder / f"{self._made}{suffix}" for suffix in (".md", ".json"))
        source.write_text(content)
        words = ("--title", f"Patch {self._made}", "--reason", "To try it.", "-o", str(patch))
        self._served.command("patch", "new", "--put", f"{path}={source}", *words)
        self._served.command("patch", "sign", str(patch), "--yes")
        return patch

    def submit(self, patch: Path) -> str:
        return self._served.command("patch", "submit", str(patch), timeout_s=PATCH_S)


@pytest.fixture(scope="module")
def signer(served: Served) -> Iterator[Signer]:
    if shutil.which("gpg") is None or shutil.which("gpgv") is None:
        pytest.skip("gpg and gpgv are not installed")
    with gpg_ring.ring() as ring, tempfile.TemporaryDirectory() as folder:
        served.environment["GNUPGHOME"] = str(ring.folder)
        served.command("keys", "add", ring.key("ed25519", "sign"), "--name", "Ann")
        yield Signer(served, Path(folder))


def owners(folder: Path) -> set[str]:
    return {f"{path.lstat().st_uid}:{path.lstat().st_gid}" for path in (folder, *folder.rglob("*"))}


def test_a_signed_patch_is_applied_and_the_git_of_root_reads_it(served: Served, signer: Signer, tmp_path: Path) -> None:
    assert "Applied after" in signer.submit(signer.signed("prompts/general.md", "Answer in one sentence.\n"))
    git = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "HOME": str(tmp_path),
    }
    clone = ["git", "clone", "--quiet", str(served.home.blueprint), str(tmp_path / "clone")]
    done = subprocess.run(clone, env=git, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "clone/prompts/general.md").read_text() == "Answer in one sentence.\n"
    # Its files are those of the blueprint by another name, and such are left as they are.
    shutil.rmtree(tmp_path / "clone")
    served.works()


def test_commands_of_root_leave_files_that_patchctl_goes_on_with(served: Served, signer: Signer) -> None:
    patch = signer.signed("prompts/frozen.md", "x\n")
    served.command("freeze", "on", "--reason", "A try.")
    assert served.council.command("patch", "submit", str(patch)).returncode == 7
    served.command("freeze", "off")
    served.command("quota", "override", "--count", "1", "--reason", "A busy day.")
    # Read by no service that runs, so nothing has to start anew for it.
    served.command("config", "set", "bake.interval_s=1.5")
    assert "Applied after" in signer.submit(signer.signed("prompts/later.md", "Later.\n"))
    served.command("patch", "rollback", "--reason", "Enough of it.", timeout_s=PATCH_S)
    assert "Nothing is wrong" in served.command("lineage", "verify")
    uid = served.rows()["patchctl"]["pid"]
    assert owners(served.home.lineage) == {f"{ids(uid, 'Uid')[0]}:{ids(uid, 'Gid')[0]}"}
    assert {path.lstat().st_gid for path in served.home.blueprint.rglob("*")} == {ids(uid, "Gid")[0]}


def test_the_home_goes_over_to_the_other_regime_and_back(served: Served) -> None:
    served.down()
    served.folder.chmod(0o700)
    try:
        printed = served.up(users=False)
        assert "regime landlock" in printed and "system users, because /" in printed
        assert served.status()["regime"] == "landlock"
        assert {ids(row["pid"], "Uid")[0] for row in served.rows().values()} == {0}
        served.works()
        served.down()
        owned = [served.home.root, *served.home.root.rglob("*")]
        assert {path.lstat().st_uid for path in owned} == {path.lstat().st_gid for path in owned} == {0}
    finally:
        served.folder.chmod(0o755)
    assert "regime users" in served.up()
    served.works()
    assert refused(served, "worker") == EVERYTHING
