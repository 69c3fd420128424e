"""The workflow from a pull request to its merge, played on this machine: GitHub is a fake made from its description, the rest
is a whole Council. And how it ends where it must not merge.
"""

import asyncio
import dataclasses
import functools
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import yaml

import council as package
import github_fake
import pull_requests
import whole
import workflow_player
from council import care_app, homes
from council.backends.forge import github, github_calls
from council.backends.patch_service import http
from council.delivery import courier, lines, proposals, workflow
from council.domain import authz, baking, forge, home
from council.upkeep.engine import blueprint
from pull_requests import ACCOUNT, STRANGER

pytestmark = pytest.mark.skipif(shutil.which("gpgv") is None, reason="gpgv is not installed")
BASE = pull_requests.base()
# A patch goes its whole way.
DEPLOY_S = 300.0
LOOKED = ("verify", "schema", "authorise")
WHO = {"name": "tuner", "email": "tuner@example.org", "date": "2026-11-30T00:00:00Z"}
Links = dict[str, tuple[str, bytes]]


@dataclasses.dataclass
class Stage:
    """A repository with one pull request, and who plays its workflow."""

    github: github_fake.GitHub
    folder: Path
    secrets: dict[str, str] = dataclasses.field(default_factory=dict)
    played: dict[str, workflow_player.Played] = dataclasses.field(default_factory=dict)

    def begin(self, files: pull_requests.Files) -> None:
        main = self.commit(files, [])
        self.github._move("refs/heads/main", main)

    @property
    def main(self) -> str:
        return self.github.refs["refs/heads/main"]

    def commit(self, files: pull_requests.Files, parents: list[str], beside: Links | None = None) -> str:
        tree = {path: ("100644", self.github.add_blob(content)) for path, content in files.items()}
        tree |= {path: (mode, self.github.add_blob(content)) for path, (mode, content) in (beside or {}).items()}
        return self.github.add_commit(self.github.add_tree(tree), parents, "Say it", WHO)

    def open(self, files: pull_requests.Files, account: str = ACCOUNT, beside: Links | None = None) -> None:
        """Open a pull request, or move the head of the one there is."""
        head = self.commit(files, [self.main], beside)
        self.github._move("refs/heads/say", head)
        if not self.github.pulls:
            self.github.user = account
            self.github.post_pull({"head": "say", "base": "main", "title": "Say it", "body": "So."})

    @property
    def head(self) -> str:
        return self.github.refs["refs/heads/say"]

    async def play(self, *only: str, head: str = "") -> dict[str, str]:
        """Play the workflow as it stands on main; return how each job ended. `head` is what was proposed when it began."""
        pull = self.github.pulls[1]
        head = head or pull.head
        event = {
            "repository": f"{github_fake.OWNER}/{github_fake.NAME}",
            "token": github_fake.TOKEN,
            "event": {
                "pull_request": {
                    "number": "1", "user": {"login": pull.user}, "base": {"sha": self.main}, "head": {"sha": head},
                }
            },
        }  # fmt: skip
        text = self.github.blobs[self.files(self.main)[workflow.WORKFLOW][1]]
        player = workflow_player.Player(
            yaml.safe_load(text),
            event,
            self.checked_out,
            functools.partial(self.tell, head),
            self.folder,
            self.secrets,
            {"COUNCIL_VERSION": package.__version__},
            {"GITHUB_API_URL": self.github.url},
        )
        self.played = await asyncio.to_thread(player.play, set(only) or None)
        return {name: one.conclusion for name, one in self.played.items()}

    def files(self, sha: str) -> github_fake.Tree:
        return self.github.trees[self.github.commits[sha]["tree"]["sha"]]

    def checked_out(self, sha: str) -> workflow_player.Commit:
        return {path: (mode, self.github.blobs[blob]) for path, (mode, blob) in self.files(sha).items()}

    def tell(self, head: str, name: str, conclusion: str) -> None:
        """Keep a check run as GitHub does for its own app."""
        rest = {"status": "completed", "conclusion": conclusion} if conclusion else {"status": "in_progress"}
        self.github.post_run({"name": name, "head_sha": head, **rest})
        self.github.runs[-1]["app"] = {"slug": "github-actions"}

    def said(self, job: str) -> str:
        return self.played[job].output


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    (tmp_path / "jobs").mkdir()
    async with github_fake.GitHub().serving() as github:
        made = Stage(github, tmp_path / "jobs")
        made.secrets = {"PATCHCTL_ENDPOINT": "http://127.0.0.1:9", "BOT_TOKEN": "nobody's", "BOT_GPG_KEY": ""}
        made.begin(BASE)
        yield made


def with_file(path: str, content: bytes) -> pull_requests.Files:
    return pull_requests.proposed(BASE) | {path: content}


def spoilt() -> pull_requests.Files:
    files = pull_requests.proposed(BASE)
    return files | {".council/patch.json": files[".council/patch.json"].replace(b"So.", b"No.")}


# What is proposed, by whom, which looks say no, and a word of why.
REFUSED: list[tuple[str, pull_requests.Files, str, Links, set[str], str]] = [
    ("bad signature", spoilt(), ACCOUNT, {}, {*LOOKED}, "signature_wrong"),
    ("unlisted key", pull_requests.proposed(BASE, by=STRANGER), ACCOUNT, {}, {*LOOKED}, "signature_unlisted"),
    (
        "path outside",
        pull_requests.proposed(BASE, pull_requests.put(BASE, "knowledge/x.md", b"x\n")),
        *(ACCOUNT, {}, {"schema", "authorise"}, "path_not_allowed"),
    ),
    ("foreign account", pull_requests.proposed(BASE), "tuner-bot", {}, {"authorise"}, "opened the pull request"),
    (
        "policy changed by its patch",
        pull_requests.proposed(BASE, pull_requests.with_rights(BASE)),
        *(ACCOUNT, {}, {"schema", "authorise"}, "path_not_allowed"),
    ),
    (
        "policy changed beside its patch",
        with_file(authz.FILE, pull_requests.with_rights(BASE).content or b""),
        *(ACCOUNT, {}, {"verify"}, "authz.yaml"),
    ),
    ("workflow changed", with_file(workflow.WORKFLOW, b"on: push\n"), ACCOUNT, {}, {"verify"}, "autonomous-deploy.yml"),
    ("script changed", with_file("scripts/health_check.py", b"\n"), ACCOUNT, {}, {"verify"}, "health_check.py"),
    ("extra file", with_file("prompts/more.md", b"x\n"), ACCOUNT, {}, {"verify"}, "prompts/more.md"),
    ("a link", pull_requests.proposed(BASE), ACCOUNT, {"prompts/l": ("120000", b"/etc/passwd")}, {*LOOKED}, "link"),
    ("no patch", BASE | {"prompts/new.md": b"x\n"}, ACCOUNT, {}, {*LOOKED}, "patch.json"),
]


@pytest.mark.parametrize(
    ("files", "account", "beside", "bad", "why"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
async def test_what_is_refused_reaches_neither_patchctl_nor_main(
    stage: Stage, files: pull_requests.Files, account: str, beside: Links, bad: set[str], why: str
) -> None:
    before = stage.main
    stage.open(files, account, beside)
    told = await stage.play()
    assert {name for name in LOOKED if told[name] == "failure"} == bad, stage.played
    assert {told[name] for name in ("apply-staging", "gates", "merge")} == {"skipped"}
    assert any(why in stage.said(name) for name in bad), stage.played
    assert stage.main == before and not any("merge" in line for line, _ in stage.github.seen)
    assert not any(one.secrets for one in stage.played.values())


# To the merge, with a whole Council


# The watcher soon has something to judge.
ON = whole.SHORT_BAKE | {"COUNCIL_FORGE_KIND": "none", "COUNCIL_WATCH_INTERVAL_S": "1"}


@pytest.fixture(scope="module")
def council() -> Iterator[whole.Council]:
    """A Council whose blueprint is the repository's."""
    with tempfile.TemporaryDirectory(prefix="council") as folder:
        where = home.Home(Path(folder, "h"))
        homes.prepare(where, {})
        workflow.add(where)
        files = dict(pull_requests.listing()) | {baking.FILE: whole.few_questions()}
        blueprint.commit(where, files, "List Ann and tuner")
        with whole.running(where.root, whole.free_port(), ON) as council:
            yield council


def live(where: home.Home) -> pull_requests.Files:
    root = where.current.resolve()
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def bot_token(council: whole.Council) -> str:
    """Return a token that may have patches tried and read, and no more."""
    done = council.command("tokens", "add", "--role", "bot", "--user", "ci", "--staging")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def settled(council: whole.Council) -> None:
    """Wait until the watcher has judged."""

    def is_well() -> bool:
        done: subprocess.CompletedProcess[str] = council.command("gates")
        return done.returncode == 0 and "green" in done.stdout

    whole.wait_until(is_well, 120)


async def test_a_signed_pull_request_is_tried_and_merged_and_what_moves_meanwhile_is_not(
    stage: Stage, council: whole.Council, settled: None
) -> None:
    where = home.Home(council.home)
    files = live(where)
    stage.begin(files)
    token = bot_token(council)
    stage.secrets = {
        "PATCHCTL_ENDPOINT": f"http://127.0.0.1:{council.port + 1}",
        "BOT_TOKEN": token,
        "BOT_GPG_KEY": pull_requests.armoured(pull_requests.TUNER),
    }
    stage.open(pull_requests.proposed(files))
    checked = [*LOOKED, "apply-staging", "gates"]
    assert await stage.play(*checked) == dict.fromkeys(checked, "success"), stage.played
    assert "Tried after" in stage.said("apply-staging")
    given = {name: one.secrets for name, one in stage.played.items()}
    assert given["apply-staging"] == {*stage.secrets} and not any(given[name] for name in LOOKED)
    assert not any(token in one.output for one in stage.played.values())
    history = council.command("patch", "history", "--json").stdout
    assert '"tried"' in history and live(where) == files, "what is tried does not serve"
    await _nothing_is_merged_that_should_not_be(stage, files)
    await _what_was_merged_comes_to_serve_and_is_told(stage, council)


async def _what_was_merged_comes_to_serve_and_is_told(stage: Stage, council: whole.Council) -> None:
    """Have the steward's courier take it from main to what serves, by the real patchctl, and say so on GitHub."""
    where = home.Home(council.home)
    settings = github_calls.Settings(
        f"{github_fake.OWNER}/{github_fake.NAME}", github_fake.TOKEN, "council", stage.github.url
    )
    there = github.GitHubForge(settings, time.time)
    service = http.HttpPatchService(
        f"http://127.0.0.1:{council.port + 1}", care_app.read_secret(where.steward_key_file)
    )
    one = courier.Courier(
        courier.Parts(there, service, care_app.watch(where), where.generations, where.run / "in-step")
    )
    merged = stage.main
    try:
        async with asyncio.timeout(DEPLOY_S):
            while not isinstance(await one.turn(), lines.InStep):
                await asyncio.sleep(0.5)
        [told] = [check for check in await there.checks(merged) if check.name == courier.DEPLOY]
        said = (await there.comments(1))[-1].body
    finally:
        await there.close()
        await service.close()
    assert (told.state, stage.main) == (forge.CheckState.SUCCESS, merged)
    assert "applied" in said and "| latency_p95 |" in said
    held = {path: content for path, (_, content) in stage.checked_out(merged).items()}
    assert live(where) == held
    assert not stage.github.violations


async def _nothing_is_merged_that_should_not_be(stage: Stage, files: pull_requests.Files) -> None:
    main, head, runs = stage.main, stage.head, list(stage.github.runs)

    async def refused(why: str, begun_with: str = "") -> None:
        before = stage.main
        assert await stage.play("merge", head=begun_with) == {"merge": "failure"} and stage.main == before
        assert f"council: {why}" in stage.said("merge"), stage.said("merge")

    # Checks that are missing, or told by somebody else.
    name = proposals.Name.STAGING.value
    stage.github.runs = [one for one in runs if one["name"] != name]
    await refused("checks: ")
    stage.github.post_run({"name": name, "head_sha": head, "status": "completed", "conclusion": "success"})
    await refused("checks: ")
    stage.github.runs = [*runs]
    stage.github.post_labels("1", {"labels": ["freeze"]})
    await refused("freeze_label: ")
    stage.github.delete_label("1", "freeze", {})
    # The head moves after it was checked: the run of the old one merges nothing, and nobody has checked the new one.
    stage.open(pull_requests.proposed(files, title="Say it otherwise"))
    await refused("head_moved: ", head)
    await refused("checks: ")
    stage.github._move("refs/heads/say", head)
    # Main moves.
    stage.github._move("refs/heads/main", stage.commit(files | {"prompts/other.md": b"x\n"}, [main]))
    await refused("base_moved: ")
    stage.github._move("refs/heads/main", main)
    # And then it is merged, once.
    assert await stage.play("merge") == {"merge": "success"}, stage.said("merge")
    made = stage.main
    merged = {path: content for path, (_, content) in stage.checked_out(made).items()}
    assert made != main and merged == pull_requests.proposed(files)
    assert await stage.play("merge") == {"merge": "success"} and stage.main == made
