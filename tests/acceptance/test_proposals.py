"""A bot's proposal goes from a file to what serves with no person asked, on a whole Council with nothing but git and gpg."""

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import gpg_ring
import whole
from council.domain import authz, home
from council.patching import roster
from council.upkeep.engine import blueprint

needed = [name for name in ("git", "gpg", "gpgv") if shutil.which(name) is None]
pytestmark = pytest.mark.skipif(bool(needed), reason=f"not installed: {', '.join(needed)}")
ON = whole.SHORT_BAKE | whole.SHORT_END | {"COUNCIL_BAKE_ANSWER_S": "6", "COUNCIL_FORGE_POLL_S": "0.5"}
WAY_S = 400.0
KILLS = 3
NUMBERS = itertools.count(1)


class House:
    """A Council whose owner has listed a bot that may write prompts and knowledge."""

    def __init__(self, council: whole.Council, folder: Path):
        self.council = council
        self.folder = folder
        self.where = home.Home(council.home)

    def propose(self, path: str, content: str, *more: str) -> subprocess.CompletedProcess[str]:
        source = self.folder / f"source{next(NUMBERS)}"
        source.write_text(content)
        said = ("--as", "tuner", "--title", f"Write {path}", "--reason", "To try it.", "--json")
        return self.council.command("propose", f"{path}={source}", *said, *more, timeout_s=WAY_S)

    def steps(self, done: subprocess.CompletedProcess[str]) -> dict[str, tuple[str, str]]:
        return {one["name"]: (one["state"], one["text"]) for one in json.loads(done.stdout)["steps"]}

    def git(self, *arguments: str) -> str:
        command = ["git", "-c", "safe.directory=*", "-C", str(self.where.forge), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def in_step(self) -> bool:
        live = self.where.current.resolve().name
        command = ["git", "-c", "safe.directory=*", "-C", str(self.where.blueprint), "rev-parse", f"{live}^{{tree}}"]
        tree = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        return self.git("rev-parse", "main^{tree}") == tree


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with gpg_ring.ring() as ring, tempfile.TemporaryDirectory(prefix="council") as folder:
        key = ring.key("ed25519", "sign")
        around = ON | {"GNUPGHOME": str(ring.folder)}
        whole.bear_a_busy_machine(home.Home(Path(folder, "h")))
        with whole.running(Path(folder, "h"), whole.free_port(), around) as council:
            made = House(council, Path(folder))
            allowed = ("prompts/**", "knowledge/**", "guidebook/**")
            tuner = authz.Signer(key, "tuner", authz.Kind.BOT, allowed, account="tuner")
            export = ["gpg", "--homedir", str(ring.folder), "--armor", "--export", key]
            certificate = subprocess.run(export, capture_output=True, check=True).stdout
            text = roster.with_signer((made.where.current / authz.FILE).read_bytes(), tuner)
            text = text.replace(b"bots_daily: 3", b"bots_daily: 50")
            blueprint.commit(made.where, {authz.FILE: text, authz.certificate_path(key): certificate}, "List the tuner")
            yield made


@contextlib.contextmanager
def killing(house: House) -> Iterator[list[int]]:
    """Kill the steward as often as it has come back, a few times, while a block runs; yield the processes."""
    killed: list[int] = []
    ending = threading.Event()

    def kill() -> None:
        while not ending.wait(1.0) and len(killed) < KILLS:
            [steward] = [one for one in house.council.services() if one["name"] == "steward"]
            if steward["state"] == "ready" and steward["pid"] not in killed:
                killed.append(steward["pid"])
                os.kill(steward["pid"], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        ending.set()
        thread.join()


def test_a_proposal_is_checked_merged_applied_and_told_though_the_steward_is_killed_meanwhile(house: House) -> None:
    with killing(house) as killed:
        done = house.propose("prompts/general.md", "Answer in one sentence.\n")
    assert len(killed) >= 2
    assert done.returncode == 0, (done.stdout, done.stderr)
    steps = house.steps(done)
    names = ["council/verify", "council/schema", "council/authorise", "council/apply-staging", "council/gates"]
    assert {name: steps[name][0] for name in (*names, "merged", "council/deploy")} == dict.fromkeys(
        (*names, "merged", "council/deploy"), "success"
    )
    assert (house.where.current / "prompts/general.md").read_text() == "Answer in one sentence.\n"
    assert house.in_step()
    row = next(one for one in house.council.patches() if not one["trial"])
    assert row["outcome"] == "applied" and row["kind"] == "bot"
    assert row["cid"] in house.git("log", "-1", "--format=%B", "main")


def test_one_that_does_worse_beside_what_serves_is_not_merged(house: House) -> None:
    live, main = house.where.current.resolve(), house.git("rev-parse", "main")
    done = house.propose("guidebook/reference/glossary.md", "# Glossary\n\nNothing.\n")
    assert done.returncode == 7, (done.stdout, done.stderr)
    steps = house.steps(done)
    assert steps["council/apply-staging"][0] == "failure" and "merged" not in steps
    assert (house.where.current.resolve(), house.git("rev-parse", "main")) == (live, main)


def test_one_outside_what_the_bot_may_write_is_not_even_opened(house: House) -> None:
    done = house.propose("gates.yaml", (house.where.current / "gates.yaml").read_text() + "# more\n")
    assert done.returncode == 7 and "path_not_allowed" in done.stderr


def test_what_the_owner_commits_comes_upon_main(house: House) -> None:
    text = (house.where.current / authz.FILE).read_bytes() + b"# A note.\n"
    blueprint.commit(house.where, {authz.FILE: text}, "Note it")
    whole.wait_until(house.in_step, 60)
    assert house.git("show", f"main:{authz.FILE}") == text.decode().strip()


def test_one_that_turns_bad_while_it_bakes_is_taken_back_upon_main_too(house: House) -> None:
    whole.wait_until(house.in_step, 60)
    content = (house.where.current / "prompts/code.md").read_text()
    assert house.propose("prompts/code.md", "Write code.\n", "--no-wait").returncode == 0

    def baking() -> bool:
        row = next((one for one in house.council.patches() if not one["trial"]), None)
        return row is not None and not row["outcome"] and row["phase"] == "baking"

    whole.wait_until(baking, WAY_S)
    os.kill(house.council.gateway_of(house.where.current.resolve().name), signal.SIGSTOP)
    whole.wait_until(lambda: bool(house.council.patches()[0]["outcome"]), WAY_S)
    assert house.council.patches()[0]["outcome"] == "rolled back"
    whole.wait_until(house.in_step, 60)
    assert house.git("show", "main:prompts/code.md") == content.strip()
    assert (house.where.current / "prompts/code.md").read_text() == content


def test_what_is_written_into_a_clone_is_what_the_checks_want(house: House, tmp_path: Path) -> None:
    whole.wait_until(house.in_step, 60)
    clone, base = tmp_path / "clone", tmp_path / "base"
    for folder in (clone, base):
        subprocess.run(["git", "-c", "safe.directory=*", "clone", "-q", house.where.forge, folder], check=True)
    outside = tmp_path / "outside"
    outside.mkdir()
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "prompts").symlink_to(outside)
    refused = house.propose("prompts/new.md", "Be kind.\n", "--into", str(linked))
    assert refused.returncode == 7 and not list(outside.iterdir()), refused.stderr
    done = house.propose("prompts/new.md", "Be kind.\n", "--into", str(clone))
    assert done.returncode == 0 and "prompts/new.md" in json.loads(done.stdout)["files"], done.stderr
    for check in ("verify", "schema", "authorise"):
        told = house.council.command(
            "ci", check, "--base", str(base), "--head", str(clone), "--account", "tuner", timeout_s=60
        )
        assert told.returncode == 0, told.stdout + told.stderr
