"""The ownership table, applied to a real home and asked by modes: who may do what."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from council.domain import config as config_module
from council.domain import errors
from council.domain import home as home_module
from council.kit import accounts, permissions
from council.supervisor import files, users

SERVICES = ("store", "model", "worker", "recall", "sandboxd", "watcher", "patchctl", "steward", "gateway")
READ, WRITE, ENTER = permissions.READ, permissions.WRITE, permissions.ENTER
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


@pytest.fixture
def home() -> Iterator[home_module.Home]:
    folder = Path(tempfile.mkdtemp(prefix="council"))
    folder.chmod(0o755)
    where = home_module.Home(folder / "h")
    made = (where.root, where.secrets, where.blueprint, where.records, where.store, where.models, where.logs, where.run)
    made = (*made, where.watch, where.notices, where.monitoring, where.notify_addresses, where.lineage, where.forge)
    for path in (*made, where.recall, where.sandbox, where.generations, where.generations / "g"):
        path.mkdir(0o700)
    where.forge_accounts.mkdir(0o700)
    (where.library / "sub").mkdir(parents=True)
    (where.library / "sub").chmod(0o700)
    (where.store / "appendonlydir").mkdir(0o755)
    (where.lineage / "patches" / "d").mkdir(parents=True)
    for path, mode in contents(where).items():
        path.touch()
        path.chmod(mode)
    yield where
    shutil.rmtree(folder)


def contents(home: home_module.Home) -> dict[Path, int]:
    """Each file with the mode at which a command of root makes it."""
    return {
        home.token_file: 0o600,
        home.internal_key_file: 0o600,
        home.metrics_key_file: 0o600,
        home.trial_key_file: 0o600,
        home.secrets / "provider.key": 0o600,
        home.blueprint / "HEAD": 0o644,
        home.generations / "g" / "council.yaml": 0o400,
        home.models / "model.gguf": 0o644,
        home.records / "council.db": 0o600,
        home.meanings_file: 0o644,
        home.store / "appendonlydir" / "a.aof": 0o644,
        home.library / "open.md": 0o644,
        home.library / "hidden.md": 0o600,
        home.library / "sub" / "open.md": 0o640,
        home.logs / "gateway.log": 0o600,
        home.sandbox / "audit-00000001.jsonl": 0o644,
        home.targets_file: 0o600,
        home.watch / "samples.db": 0o644,
        home.notices / "notices.jsonl": 0o600,
        home.notify_addresses / "team.url": 0o600,
        home.journal_key_file: 0o644,
        home.steward_key_file: 0o600,
        home.forge_token_file: 0o644,
        home.forge_accounts / "tuner.token": 0o600,
        home.tracing_headers_file: 0o644,
        home.forge / "HEAD": 0o644,
        home.journal_certificate_file: 0o644,
        home.lineage / "000000000001.jsonl": 0o600,
        home.lineage / "freeze.lock": 0o600,
        home.lineage / "patches" / "d" / "patch.json": 0o644,
    }


@pytest.fixture
def regime(home: home_module.Home, monkeypatch: pytest.MonkeyPatch) -> users.Regime:
    return decided(home, monkeypatch, SERVICES)


def decided(home: home_module.Home, monkeypatch: pytest.MonkeyPatch, services: Sequence[str]) -> users.Regime:
    monkeypatch.setattr(accounts, "why_not_able", lambda: "")
    monkeypatch.setattr(users, "environment_barrier", lambda: "")
    found = users.decide(config_module.Config(), home, services)
    assert found.name == "users", found.reason
    return found


def able(regime: users.Regime, path: Path, need: int) -> set[str]:
    """Return the services whose users may do that; `others` is anybody else on the machine."""
    who = {name: permissions.Who(one.uid, frozenset({one.gid, *one.groups})) for name, one in regime.accounts.items()}
    who["others"] = permissions.ANYBODY
    return {name for name, one in who.items() if permissions.barrier(path, one, need) is None}


def test_each_service_reaches_what_it_needs_and_nothing_else(home: home_module.Home, regime: users.Regime) -> None:
    files.settle(home, regime)
    readers = {str(path.relative_to(home.root)): able(regime, path, READ) for path in contents(home)}
    assert readers == {
        "token": set(),
        "secrets/internal.key": {"gateway", "model", "watcher", "patchctl", "steward"},
        "secrets/metrics.key": {"gateway", "model", "watcher", "patchctl", "steward"},
        "secrets/trial.key": {"gateway", "patchctl"},
        "secrets/provider.key": set(),
        "blueprint.git/HEAD": {"patchctl"},
        "generations/g/council.yaml": set(SERVICES),
        "models/model.gguf": {"model"},
        "records/council.db": {"gateway", "recall", "watcher", "steward"},
        "recall/meanings.db": {"recall"},
        "store/appendonlydir/a.aof": {"store"},
        "library/open.md": {"recall", "steward"},
        "library/hidden.md": set(),
        "library/sub/open.md": {"recall", "steward"},
        "logs/gateway.log": set(),
        "sandbox/audit-00000001.jsonl": {"sandboxd"},
        "run/targets.json": {"watcher", "patchctl"},
        "watch/samples.db": {"watcher"},
        "notices/notices.jsonl": {"watcher"},
        f"{home.notify_addresses.relative_to(home.root)}/team.url": {"watcher"},
        "secrets/journal.key": {"patchctl"},
        "secrets/steward.key": {"patchctl", "steward"},
        "secrets/forge.token": {"steward"},
        "secrets/forge_accounts/tuner.token": {"steward"},
        "secrets/tracing.headers": {"gateway"},
        "forge.git/HEAD": {"steward"},
        "lineage/journal.pub": {"patchctl"},
        "lineage/000000000001.jsonl": {"patchctl"},
        "lineage/freeze.lock": {"patchctl"},
        "lineage/patches/d/patch.json": {"patchctl"},
    }


def test_each_service_writes_only_its_own_state(home: home_module.Home, regime: users.Regime) -> None:
    files.settle(home, regime)
    folders = [home.root, *(path for path in home.root.rglob("*") if path.is_dir())]
    writers = {str(path.relative_to(home.root)): able(regime, path, WRITE | ENTER) for path in folders}
    assert {place: who for place, who in writers.items() if who} == {
        "records": {"gateway", "recall", "watcher", "steward"},
        "watch": {"watcher"},
        "notices": {"watcher"},
        "monitoring": {"watcher"},
        "recall": {"recall"},
        "run/metrics": {"gateway"},
        "run/sandboxd": {"sandboxd"},
        "run/patchctl": {"patchctl"},
        "blueprint.git": {"patchctl"},
        "forge.git": {"steward"},
        "run/steward": {"steward"},
        "sandbox": {"sandboxd"},
        "store": {"store"},
        "store/appendonlydir": {"store"},
        "generations": {"patchctl"},
        "generations/g": {"patchctl"},
        "lineage": {"patchctl"},
        "lineage/patches": {"patchctl"},
        "lineage/patches/d": {"patchctl"},
    }
    assert {path.name for path in contents(home) if able(regime, path, WRITE)} == {
        "council.db",
        "meanings.db",
        "a.aof",
        "audit-00000001.jsonl",
        "samples.db",
        "notices.jsonl",
        "HEAD",
        "journal.pub",
        "000000000001.jsonl",
        "freeze.lock",
        "patch.json",
    }


def test_only_its_clients_may_go_to_the_stores_socket(home: home_module.Home, regime: users.Regime) -> None:
    files.settle(home, regime)
    assert able(regime, home.store, ENTER) == {"store", "gateway", "watcher", "patchctl", "steward"}
    assert able(regime, home.store, READ) == {"store"}


def test_new_documents_belong_to_the_readers_group(home: home_module.Home, regime: users.Regime) -> None:
    files.settle(home, regime)
    later = home.library / "sub" / "later"
    later.mkdir()
    assert later.stat().st_gid == regime.accounts["recall"].gid
    (home.library / "mine").mkdir()
    os.chown(home.library, 1000, -1)
    files.settle(home, regime)
    # Who put it there stays its owner.
    assert home.library.stat().st_uid == 1000


def test_what_a_command_of_root_left_is_repaired(home: home_module.Home, regime: users.Regime) -> None:
    files.settle(home, regime)
    for path in (home.records / "council.db-wal", home.records / "council.db-shm"):
        path.touch(0o600)
    home.internal_key_file.unlink()
    home.internal_key_file.touch(0o600)
    home.secrets.chmod(0o700)
    files.settle_for("gateway", home, regime)
    assert able(regime, home.records / "council.db-wal", READ | WRITE) == {"gateway", "recall", "watcher", "steward"}
    assert able(regime, home.internal_key_file, READ) == {"gateway", "model", "watcher", "patchctl", "steward"}


def staged(home: home_module.Home, name: str = "b" * 40) -> Path:
    """Return a file of a generation as staging leaves it."""
    folder = home.generations / name / "prompts"
    folder.mkdir(0o700, parents=True)
    folder.parent.chmod(0o700)
    path = folder / "answer.md"
    path.touch()
    path.chmod(0o400)
    return path


def test_a_staged_generation_is_read_by_every_service_before_it_is_launched(
    home: home_module.Home, regime: users.Regime
) -> None:
    files.settle(home, regime)
    path = staged(home)
    assert able(regime, path, READ) == set()
    other = staged(home, "c" * 40)
    files.settle_generation(home, regime, "b" * 40)
    assert able(regime, path, READ) == set(SERVICES) == able(regime, path.parent, READ | ENTER)
    assert able(regime, other, READ) == able(regime, path, WRITE) == set()
    # To remove it again, if it does not come to serve.
    assert able(regime, path.parent, WRITE | ENTER) == {"patchctl"}
    assert path.stat().st_mode & 0o777 == 0o440
    before = path.stat().st_ctime_ns
    files.settle_generation(home, regime, "b" * 40)
    assert path.stat().st_ctime_ns == before


def test_a_generation_that_cannot_be_given_whole_is_not_launched(home: home_module.Home, regime: users.Regime) -> None:
    files.settle(home, regime)
    path = staged(home)
    (home.root / "second").hardlink_to(path)
    with pytest.raises(errors.SetupError, match="second name"):
        files.settle_generation(home, regime, "b" * 40)
    assert able(regime, path, READ) == set()


def test_a_release_is_its_installers_until_it_is_whole_and_then_roots_for_everybody_to_read(
    home: home_module.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    regime = decided(home, monkeypatch, (*SERVICES, "installer"))
    folder = home.releases / ("2" * 64)
    folder.mkdir(parents=True)
    files.settle(home, regime)
    files.give_release(home, regime, folder, regime.accounts["installer"])
    assert able(regime, folder, WRITE | ENTER) == {"installer"} and able(regime, home.releases, WRITE) == set()
    installed = folder / "bin" / "council"
    installed.parent.mkdir()
    installed.touch()
    for path, mode in ((installed.parent, 0o700), (installed, 0o700)):
        os.chown(path, regime.accounts["installer"].uid, -1)
        path.chmod(mode)
    for _ in range(2):
        files.settle_release(home, regime, folder)
        everybody = {*SERVICES, "installer", "others"}
        assert able(regime, installed, READ | ENTER) == everybody and able(regime, installed, WRITE) == set()
        assert able(regime, folder, WRITE) == able(regime, installed.parent, WRITE) == set()


def test_a_release_that_cannot_be_taken_whole_is_not_used(home: home_module.Home, regime: users.Regime) -> None:
    folder = home.releases / ("2" * 64)
    folder.mkdir(parents=True)
    (folder / "file").touch()
    os.chown(folder / "file", 12345, -1)
    (home.root / "second").hardlink_to(folder / "file")
    with pytest.raises(errors.SetupError, match="stays with the installer's user"):
        files.settle_release(home, regime, folder)


def test_the_live_generation_is_read_however_many_others_there_are(
    home: home_module.Home, regime: users.Regime, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [staged(home, letter * 40) for letter in "abcdef"]
    home.current.symlink_to(f"generations/{'f' * 40}")
    monkeypatch.setattr(permissions, "ENTRIES_MAX", 4)
    files.settle(home, regime)
    assert able(regime, paths[-1], READ) == set(SERVICES) and able(regime, paths[-2], READ) == set()


def test_in_the_other_regime_a_staged_generation_stays_its_makers(home: home_module.Home, regime: users.Regime) -> None:
    path = staged(home)
    files.settle_generation(home, users.Regime("landlock", "another day", regime.ids), "b" * 40)
    assert path.stat().st_mode & 0o777 == 0o400 and able(regime, path, READ) == set()


def test_the_journal_and_its_key_are_one_services_alone_however_a_command_of_root_left_them(
    home: home_module.Home, regime: users.Regime
) -> None:
    files.settle(home, regime)
    assert home.journal_key_file.stat().st_mode & 0o777 == 0o400
    home.journal_key_file.unlink()
    home.journal_key_file.touch(0o644)
    (home.lineage / "freeze.json").touch(0o600)
    files.settle_for("patchctl", home, regime)
    assert able(regime, home.journal_key_file, READ) == {"patchctl"} == able(regime, home.lineage / "freeze.json", READ)
    assert home.journal_key_file.stat().st_uid == regime.accounts["patchctl"].uid


def test_as_long_as_no_service_applies_patches_the_journal_and_generations_are_roots(
    home: home_module.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    regime = decided(home, monkeypatch, [name for name in SERVICES if name != "patchctl"])
    files.settle(home, regime)
    for path in (home.journal_key_file, home.lineage, home.generations):
        assert path.stat().st_uid == 0
    assert able(regime, home.journal_key_file, READ) == able(regime, home.lineage, READ) == set()


def test_applying_it_again_changes_nothing(home: home_module.Home, regime: users.Regime) -> None:
    files.settle(home, regime)
    places = [path for path in home.root.rglob("*") if path.name != "users.json"]
    before = {path: path.stat().st_ctime_ns for path in places}
    files.settle(home, regime)
    assert {path: path.stat().st_ctime_ns for path in places} == before


def test_back_in_the_other_regime_everything_is_roots_again(home: home_module.Home, regime: users.Regime) -> None:
    files.settle(home, regime)
    landlock = users.Regime("landlock", "another day", regime.ids)
    files.settle(home, landlock)
    places = [home.root, *home.root.rglob("*")]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in places} == {(0, 0)}
    assert not any(able(regime, path, READ) for path in contents(home))
    assert users.noted_ids(home) == regime.ids and not users.has_given_away(home)
    # Once: from now on what belongs to whom is nobody's business but the owner's.
    os.chown(home.library, 1000, 1000)
    files.settle(home, landlock)
    assert home.library.stat().st_uid == 1000
    files.settle(home, regime)
    assert able(regime, home.records / "council.db", READ) == {"gateway", "recall", "watcher", "steward"}


def test_a_home_that_never_had_users_is_left_as_it_is(home: home_module.Home) -> None:
    home.root.chmod(0o755)
    files.settle(home, users.Regime("landlock", "not started as root"))
    files.settle_for("gateway", home, users.Regime("landlock", "not started as root"))
    assert home.root.stat().st_mode & 0o777 == 0o755 and not (home.root / "users.json").exists()


def test_what_cannot_be_changed_is_a_clear_error(
    home: home_module.Home, regime: users.Regime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refused)
    with pytest.raises(errors.SetupError, match="cannot be given"):
        files.settle(home, regime)
