"""The steward opens a bot's pull request on the local forge, over its port: for bots alone, and what they signed."""

import asyncio
import base64
import http.client as http_client
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette

import bot_house
import delivery_rig
from council import homes
from council.backends.forge import local
from council.backends.proposals import http
from council.domain import bots, errors, forge, home, patches
from council.services import proposed
from council.upkeep.engine import blueprint, repository

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


class Served:
    """The work on a port, in a thread, over a forge whose main holds what serves."""

    def __init__(self, where: home.Home, folder: Path) -> None:
        self.where = where
        self.paused = ""
        _mirror(where)
        config = homes.load_config(where, None, os.environ, {})
        self.work = proposed.Proposed(
            where,
            config.forge,
            delivery_rig.Patchctl(folder / "played"),
            where.bots_key_file.read_text().strip(),
            lambda: self.paused,
        )
        settings = uvicorn.Config(Starlette(routes=list(self.work.routes)), port=0, lifespan="off", log_level="error")
        self.server = uvicorn.Server(settings)
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        while not self.server.started:
            self.thread.join(0.01)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]

    def client(self, key: str | None = None) -> http.HttpProposals:
        return http.HttpProposals(self.port, key or self.where.bots_key_file.read_text().strip(), 20)

    def pulls(self) -> int:
        there = local.LocalForge(self.where.forge, "council", lambda: 0.0)
        return len(asyncio.run(there.pulls()))

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join()


def _mirror(where: home.Home) -> None:
    """Have the forge's main hold what serves, as the steward sees to."""
    live = where.current.resolve()
    files: dict[str, forge.Change] = {
        path.relative_to(live).as_posix(): forge.File(path.read_bytes()) for path in live.rglob("*") if path.is_file()
    }
    words = forge.Words("Begin", "council", "council@localhost", 1_800_000_000)
    asyncio.run(local.LocalForge(where.forge, "council", lambda: 0.0).push("", files, words, whole=True))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("proposed")
    made = Served(bot_house.prepared(folder, "remediation", "author", "security"), folder)
    yield made
    made.close()


@pytest.fixture
def house(served: Served) -> Iterator[bot_house.House]:
    made = bot_house.House(served.where)
    yield made
    made.close()


def signed(house: bot_house.House, base: bots.Base, pool: int = 4) -> patches.Submission:
    return house.keys.sign(bots.Draft("x", "Keep fewer ready", "So.", {"sandbox.pool": pool}), "author", base)[0]


def test_a_signed_patch_becomes_one_pull_request_however_often_it_is_sent(
    served: Served, house: bot_house.House
) -> None:
    base = served.client().base()
    live = blueprint.current(served.where)
    assert base == bots.Base(live, repository.tree_of(served.where, live) or "", "local", "")
    sent = signed(house, base)
    before = served.pulls()
    assert served.client().propose(sent) == served.client().propose(sent)
    assert served.pulls() == before + 1


def test_nobody_is_served_without_the_key(served: Served) -> None:
    for ask in (served.client("wrong").base, lambda: served.client("wrong").changes(1)):
        with pytest.raises(errors.UnauthenticatedError):
            ask()


def test_what_no_listed_bot_signed_is_not_opened(served: Served, house: bot_house.House) -> None:
    base = served.client().base()
    sent, other = signed(house, base, 5), signed(house, base, 6)
    before = served.pulls()
    for bad in (
        patches.Submission(sent.document, other.signature),
        patches.Submission(sent.document + b" ", sent.signature),
        patches.Submission(b"{}", sent.signature),
    ):
        with pytest.raises(errors.PatchRefusedError) as refused:
            served.client().propose(bad)
        assert refused.value.reason
    assert served.pulls() == before


def test_what_a_person_must_sign_too_is_opened_for_that(served: Served, house: bot_house.House) -> None:
    draft = bots.Draft("x", "Close it", "So.", {"patch.needs_token": True})
    before = served.pulls()
    served.client().propose(house.keys.sign(draft, "security", served.client().base())[0])
    assert served.pulls() == before + 1


def test_nothing_is_opened_while_nothing_is_to_change_by_itself(served: Served, house: bot_house.House) -> None:
    sent = signed(house, served.client().base(), 7)
    served.paused = "the owner looks into something"
    try:
        assert served.client().base().paused == served.paused
        with pytest.raises(errors.ForbiddenError, match="autonomy resume"):
            served.client().propose(sent)
    finally:
        served.paused = ""


def test_what_is_no_pair_is_said(served: Served) -> None:

    for body in (b"{}", b"[", b'{"patch": "%", "signature": ""}', base64.b64encode(os.urandom(30))):
        connection = http_client.HTTPConnection("127.0.0.1", served.port, timeout=20)
        key = served.where.bots_key_file.read_text().strip()
        connection.request("POST", "/proposals", body, {"authorization": f"Bearer {key}"})
        assert connection.getresponse().status == 400
        connection.close()


def test_bots_that_open_one_after_the_other_are_held_back(
    served: Served, house: bot_house.House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposed, "OPENED_MAX", 0)
    with pytest.raises(errors.RateLimitedError):
        served.client().propose(signed(house, served.client().base(), 7))


def test_a_steward_that_is_away_is_said(served: Served) -> None:
    with pytest.raises(errors.UnavailableError, match="council status"):
        http.HttpProposals(1, "key", 1.0).base()
