import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from council.domain import config as config_module
from council.domain import home as home_module
from council.kit import accounts, environment
from council.supervisor import ownership, users

SERVICES = ("store", "model", "worker", "recall", "sandboxd", "watcher", "gateway")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="a home has to be root's for this regime")


@pytest.fixture
def home() -> Iterator[home_module.Home]:
    # Not tmp_path, whose parents are closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="council"))
    folder.chmod(0o755)
    (folder / "h").mkdir(0o700)
    yield home_module.Home(folder / "h")
    shutil.rmtree(folder)


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """As root, with an environment that others can reach."""
    monkeypatch.setattr(accounts, "why_not_able", lambda: "")
    monkeypatch.setattr(users, "environment_barrier", lambda: "")
    return monkeypatch


def decided(home: home_module.Home, **settings: object) -> users.Regime:
    return users.decide(config_module.build({}, {}, settings), home, SERVICES)


@as_root
def test_each_service_has_a_user_of_its_own_and_the_groups_that_it_needs(
    home: home_module.Home, able: pytest.MonkeyPatch
) -> None:
    regime = decided(home)
    assert (regime.name, regime.reason) == ("users", "")
    assert len({one.uid for one in regime.accounts.values()}) == len(SERVICES)
    assert all(one.uid == one.gid != 0 for one in regime.accounts.values())
    names = {number: name for name, number in regime.ids.items()}
    assert {service: sorted(names[one] for one in account.groups) for service, account in regime.accounts.items()} == {
        "store": ["council"],
        "model": ["council", "key"],
        "worker": ["council"],
        "recall": ["council", "records"],
        "sandboxd": ["council"],
        "watcher": ["control", "council", "key", "records", "store"],
        "gateway": ["council", "key", "records", "store"],
    }


@as_root
def test_the_numbers_stay_the_same_unless_an_account_has_got_one(
    home: home_module.Home, able: pytest.MonkeyPatch
) -> None:
    first = decided(home)
    users.note(home, first.ids, given_away=True)
    assert (home.root / "users.json").stat().st_mode & 0o777 == 0o600
    # Running as the noted users does not make them somebody else's.
    able.setattr(accounts, "ids_of_processes", lambda: set(first.ids.values()))
    assert decided(home).ids == first.ids
    lost = first.ids["worker"]
    able.setattr(accounts, "is_named", lambda number: number == lost)
    second = decided(home).ids
    assert second["worker"] not in first.ids.values()
    assert {name for name in first.ids if first.ids[name] != second[name]} == {"worker"}


def test_who_is_not_root_is_told_so(home: home_module.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    regime = decided(home)
    assert (regime.name, regime.accounts) == ("landlock", {})
    assert users.describe(regime).endswith("because not started as root")


def test_the_folder_that_closes_the_home_is_named(home: home_module.Home, able: pytest.MonkeyPatch) -> None:
    home.root.parent.chmod(0o700)
    regime = decided(home)
    assert (regime.name, regime.accounts) == ("landlock", {})
    assert f"{home.root.parent}, which leads to the home," in regime.reason


@as_root
def test_a_home_of_somebody_else_is_not_given_away(home: home_module.Home, able: pytest.MonkeyPatch) -> None:
    os.chown(home.root, 1000, 1000)
    assert "belongs to user 1000" in decided(home).reason


def test_the_folder_that_closes_the_environment_is_named(
    home: home_module.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "why_not_able", lambda: "")
    closed = home.root / "python"
    closed.mkdir()
    home.root.chmod(0o711)
    closed.chmod(0o711)
    monkeypatch.setattr(users, "home_barrier", lambda _: "")
    monkeypatch.setattr(environment, "python_folders", lambda: {closed})
    monkeypatch.setattr(users, "sys", _Sys("/bin/sh", "/"))
    monkeypatch.setattr(users, "council", _Package("/etc/passwd"))
    monkeypatch.setattr(environment, "loaded_code", set)
    # It may be passed through, but Python has to look around in it.
    assert decided(home).reason == f"{closed}, which Python needs, is closed to other users"
    closed.chmod(0o755)
    library = closed / "libpython.so"
    library.touch(0o600)
    monkeypatch.setattr(environment, "loaded_code", lambda: {library})
    assert decided(home).reason == f"{library}, which Python needs, is closed to other users"
    library.chmod(0o644)
    assert users.environment_barrier() == ""


class _Sys:
    def __init__(self, executable: str, prefix: str):
        self.executable, self.prefix = executable, prefix


class _Package:
    def __init__(self, file: str):
        self.__file__ = file


@as_root
def test_a_file_that_the_settings_name_must_be_open_to_its_service(
    home: home_module.Home, able: pytest.MonkeyPatch
) -> None:
    model = home.root.parent / "own.gguf"
    model.touch()
    model.chmod(0o640)
    regime = decided(home, model={"file": str(model)})
    number = regime.ids["model"]
    assert (regime.name, regime.accounts) == ("landlock", {})
    assert regime.reason == f"{model}, which `model.file` needs, is closed to the model's user and group {number}"
    # The number in the reason is the one to give it to.
    os.chown(model, 0, number)
    assert decided(home, model={"file": str(model)}).name == "users"


@as_root
def test_a_store_elsewhere_must_let_the_gateway_connect(home: home_module.Home, able: pytest.MonkeyPatch) -> None:
    path = home.root.parent / "a valkey.sock"
    path.touch()
    path.chmod(0o644)
    assert "`store.url`" in decided(home, store={"url": f"unix://{str(path).replace(' ', '%20')}"}).reason
    path.chmod(0o666)
    assert decided(home, store={"url": f"unix://{str(path).replace(' ', '%20')}"}).name == "users"
    assert decided(home, store={"url": "redis://elsewhere:6379"}).name == "users"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"ids": []}',
        '{"ids": {"store": "60600"}}',
        '{"ids": {"store": true}}',
        '{"ids": {"store": 0}}',
        '{"ids": {"store": 60600, "model": 60600}}',
    ],
)
def test_a_damaged_note_counts_as_none(home: home_module.Home, text: str) -> None:
    (home.root / "users.json").write_text(text)
    assert (users.noted_ids(home), users.has_given_away(home)) == ({}, False)


def test_two_homes_begin_their_search_at_different_numbers(home: home_module.Home) -> None:
    starts = {users._start(home_module.Home(Path(f"/h{number}"))) % 600 for number in range(20)}
    assert len(starts) > 15


def test_the_running_regime_is_written_down_and_forgotten(home: home_module.Home) -> None:
    home.run.mkdir()
    assert ownership.noted_regime(home) is None
    ownership.note_regime(home, users.Regime("landlock", "the reason", {"store": 60_600}))
    assert ownership.noted_regime(home) == users.Regime("landlock", "the reason")
    (home.run / "regime.json").write_text(json.dumps({"name": "other", "reason": ""}))
    assert ownership.noted_regime(home) is None
    ownership.forget(home)
    assert list(home.run.iterdir()) == []
