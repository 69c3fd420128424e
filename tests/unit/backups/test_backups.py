"""A home that is copied, kept, restored and tried: in archives, with no other program."""

import itertools
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from council import homes
from council.backends.vault import archive
from council.backups import copying, facts, making, parts, restoring
from council.domain import backup, config, errors, home
from council.services import backup as backup_service
from council.testing.clock import ManualClock
from council.upkeep.engine import blueprint
from council.upkeep.patchctl import journal

LABEL = "council-0123456789ab"
DAY_S = 86_400.0


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home as `council init` makes it, with what its owner has added. Nobody may change it."""
    where = home.Home(tmp_path_factory.mktemp("prepared") / "home")
    homes.prepare(where, {})
    where.backup_passphrase_file.write_text("correct horse battery staple\n")
    where.provider_keys.mkdir(exist_ok=True)
    where.provider_key_file("mine").write_text("a key\n")
    (where.library / "notes").mkdir()
    (where.library / "notes" / "a.md").write_text("# Notes\n")
    (where.store / "appendonlydir").mkdir()
    (where.store / "appendonlydir" / "appendonly.aof.manifest").write_text(
        "file appendonly.aof.1.incr.aof seq 1 type i\n"
    )
    (where.store / "appendonlydir" / "appendonly.aof.1.incr.aof").write_bytes(b"*1\r\n")
    book = journal.Journal.open_at(where.lineage)
    book.append({"kind": "note", "of": "a test"})
    book.close()
    return where.root


class Rig:
    """A home, and a folder for its snapshots."""

    def __init__(self, root: Path, prepared: Path) -> None:
        self.where = home.Home(root / "home")
        shutil.copytree(prepared, self.where.root, symlinks=True)
        self.folder = root / "snapshots"
        self.clock = ManualClock()
        self.settings = backup.BackupConfig(target=str(self.folder))
        self.vault = archive.ArchiveVault(self.folder, self.where.secrets, LABEL)
        made = parts.made(config.Config(), self.settings, self.where)
        self.parts = replace(made, vault=self.vault, clock=self.clock)

    def run(self, **options: bool) -> backup.Run:
        self.clock.advance(1.0)
        return making.run(self.parts, **options)

    def drill(self) -> backup.Run:
        self.clock.advance(1.0)
        return making.drill(self.parts)

    def restore(self, to: Path) -> restoring.Restored:
        return restoring.restore(self.vault, "latest", to, parts.count, lambda _: None)

    def runs(self) -> list[tuple[backup.Kind, backup.Outcome]]:
        return [(one.kind, one.outcome) for one in self.parts.log.newest(9)]


@pytest.fixture
def rig(tmp_path: Path, prepared: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    # No power cut is tested here, and to wait for the disk is most of the time.
    for name in ("fsync", "sync"):
        monkeypatch.setattr(os, name, lambda *_: None)
    return Rig(tmp_path, prepared)


def spoilt(call: Callable[[], Any]) -> str:
    with pytest.raises(errors.CouncilError) as refused:
        call()
    return str(refused.value.reason)


def test_a_restored_home_goes_on_as_the_one_that_was_copied(rig: Rig, tmp_path: Path) -> None:
    ended = rig.run()
    assert ended.outcome is backup.Outcome.OK and ended.files > 100
    done = rig.restore(tmp_path / "new")
    there = home.Home(tmp_path / "new")
    again = homes.prepare(there, {})
    assert not again.new_blueprint and not again.new_token
    assert again.generation == blueprint.current(rig.where) == done.manifest.generation
    assert journal.read(there.lineage) == journal.read(rig.where.lineage) and journal.read(there.lineage)
    for same in ("token", "secrets/journal.key", "secrets/internal.key", "library/notes/a.md"):
        assert (there.root / same).read_bytes() == (rig.where.root / same).read_bytes()
    assert facts.tree_sha256(there.generations / again.generation) == done.manifest.tree_sha256
    # It makes the next snapshot beside those of before.
    assert parts.label(there) == parts.label(rig.where)


def test_keys_of_others_and_what_opens_the_snapshots_are_left_out_and_named(rig: Rig, tmp_path: Path) -> None:
    rig.run()
    done = rig.restore(tmp_path / "new")
    assert list(done.manifest.left_out) == ["secrets/providers/mine.key"]
    assert not (tmp_path / "new" / "secrets" / "providers").exists()
    assert not list((tmp_path / "new" / "secrets").glob("backup.*"))
    rig.parts = replace(rig.parts, sources=replace(rig.parts.sources, others_keys=True))
    rig.run()
    assert rig.restore(tmp_path / "newer").manifest.left_out == ()
    assert (tmp_path / "newer" / "secrets" / "providers" / "mine.key").exists()


def test_links_of_the_library_are_named_and_not_followed(rig: Rig, tmp_path: Path) -> None:
    (rig.where.library / "out.md").symlink_to("/etc/hostname")
    (rig.where.library / "notes" / "etc").symlink_to("/etc")
    os.mkfifo(rig.where.library / "pipe")
    rig.run()
    done = rig.restore(tmp_path / "new")
    assert {one.partition(",")[0] for one in done.manifest.left_out} >= {
        "library/out.md",
        "library/notes/etc",
        "library/pipe",
    }
    assert sorted(path.name for path in (tmp_path / "new" / "library").rglob("*")) == ["a.md", "notes", "uploads"]


def test_nothing_is_put_over_anything(rig: Rig, tmp_path: Path) -> None:
    rig.run()
    (tmp_path / "new").mkdir()
    rig.restore(tmp_path / "new")
    before = sorted((tmp_path / "new").rglob("*"))
    assert spoilt(lambda: rig.restore(tmp_path / "new")) == backup.Reason.NOT_EMPTY
    assert sorted((tmp_path / "new").rglob("*")) == before
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert spoilt(lambda: rig.restore(tmp_path / "link")) == backup.Reason.NOT_EMPTY


@pytest.mark.parametrize(
    "step", ["vault.restore", "facts.check_files", "blueprint.materialise", "facts.check_home", "os.sync"]
)
def test_a_restore_that_ends_at_any_step_leaves_no_half_home_and_can_be_made_again(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    rig.run()
    to = tmp_path / "new"
    owner, _, name = step.partition(".")
    with monkeypatch.context() as patch:

        def end(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(rig.vault if owner == "vault" else getattr(restoring, owner), name, end)
        with pytest.raises(KeyboardInterrupt):
            rig.restore(to)
    assert not to.exists()
    # Whoever takes what was left for a home finds none there.
    assert not list(tmp_path.glob(".new.restoring-*"))
    rig.restore(to)
    assert not list(tmp_path.glob(".new.restoring-*"))


SPOILERS: dict[str, Callable[[Path], Any]] = {
    "a file is another": lambda folder: (folder / "library" / "notes" / "a.md").write_text("# Nodes\n"),
    "a file is missing": lambda folder: (folder / "token").unlink(),
    "a file is more": lambda folder: (folder / "secrets" / "more").write_text("x"),
    "a program is none": lambda folder: (folder / "library" / "notes" / "a.md").chmod(0o755),
    "nothing is said": lambda folder: (folder / facts.FILE).unlink(),
    "nothing is said well": lambda folder: (folder / facts.FILE).write_text("{"),
    "a newer form": lambda folder: said(folder, form=2),
    "another count": lambda folder: said(folder, counts={"ledger": 7}),
    "another end of the journal": lambda folder: said(folder, lineage_seq=9),
    "another tree": lambda folder: said(folder, tree_sha256="0" * 64),
    "another generation": lambda folder: said(folder, generation="0" * 40),
}


def said(folder: Path, **other: object) -> None:
    told = orjson.loads((folder / facts.FILE).read_bytes())
    (folder / facts.FILE).write_bytes(orjson.dumps(told | other))


@pytest.mark.parametrize("case", SPOILERS)
def test_what_is_no_whole_home_is_not_put_in_place(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    rig.run()
    restore = rig.vault.restore

    def spoil(identifier: str, into: Path) -> None:
        restore(identifier, into)
        SPOILERS[case](into)

    monkeypatch.setattr(rig.vault, "restore", spoil)
    assert spoilt(lambda: rig.restore(tmp_path / "new")) == backup.Reason.DAMAGED
    assert not (tmp_path / "new").exists()
    # And a drill finds it.
    assert spoilt(rig.drill) == backup.Reason.DAMAGED
    assert rig.runs()[0] == (backup.Kind.DRILL, backup.Outcome.FAILED)
    assert not (rig.where.backup_work / making.DRILL).exists()


def test_a_journal_that_moves_while_it_is_copied_is_copied_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    copied = copying._copy_git
    moved = []

    def move(copy: copying.Copy, source: Path, to: str) -> None:
        copied(copy, source, to)
        if to == "blueprint.git" and not moved:
            book = journal.Journal.open_at(rig.where.lineage)
            moved.append(book.append({"kind": "note", "of": "a move"}))
            book.close()

    monkeypatch.setattr(copying, "_copy_git", move)
    monkeypatch.setattr(copying, "_QUIET_PAUSE_S", 0.0)
    rig.run()
    rig.drill()
    assert moved and rig.runs() == [(backup.Kind.DRILL, backup.Outcome.OK), (backup.Kind.RUN, backup.Outcome.OK)]


def test_a_file_that_is_replaced_while_it_is_copied_is_copied_whole(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, copied, times = rig.where.library / "notes" / "a.md", copying._copy_bytes, []

    def write(source: int, target: int, size_bytes: int) -> None:
        copied(source, target, size_bytes)
        if os.path.samestat(os.fstat(source), file.stat()) and not times:
            times.append(1)
            file.write_text("# Other\n")

    monkeypatch.setattr(copying, "_copy_bytes", write)
    rig.run()
    rig.restore(tmp_path / "new")
    assert times and (tmp_path / "new" / "library" / "notes" / "a.md").read_text() == "# Other\n"


def test_a_snapshot_that_cannot_be_read_back_counts_as_none(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    first = rig.run()

    def refuse(_: str) -> None:
        raise errors.BackupError("It is damaged.", reason=backup.Reason.DAMAGED)

    monkeypatch.setattr(rig.vault, "verify", refuse)
    assert spoilt(rig.run) == backup.Reason.DAMAGED
    assert [one.id for one in rig.vault.snapshots()] == [first.snapshot]
    assert rig.runs() == [(backup.Kind.RUN, backup.Outcome.FAILED), (backup.Kind.RUN, backup.Outcome.OK)]
    assert rig.parts.log.newest(1)[0].reason == "It is damaged."


def test_what_is_kept_no_longer_goes_once_the_next_counts(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.parts = replace(rig.parts, settings=replace(rig.settings, keep_daily=2, keep_weekly=0, keep_monthly=0))
    made = []
    for _ in range(3):
        made.append(rig.run().snapshot)
        rig.clock.advance(DAY_S)
    assert [one.id for one in rig.vault.snapshots()] == [made[2], made[1]]


def test_a_clock_that_is_behind_makes_and_removes_nothing(rig: Rig) -> None:
    rig.run()
    rig.clock.step(-3 * DAY_S)
    before = rig.vault.snapshots()
    assert spoilt(rig.run) == backup.Reason.CLOCK
    assert rig.vault.snapshots() == before


def test_a_target_that_lost_all_its_snapshots_is_not_begun_again_by_itself(rig: Rig) -> None:
    rig.run()
    shutil.rmtree(rig.folder)
    with pytest.raises(errors.BackupUnavailableError, match="Mount"):
        rig.run()
    assert not rig.folder.exists()
    assert rig.run(anew=True).outcome is backup.Outcome.OK


def test_a_disk_without_room_is_known_before_it_is_filled(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil._ntuple_diskusage(10**9, 10**9, copying.ROOM_SPARE_BYTES)  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert spoilt(rig.run) == backup.Reason.NO_ROOM
    assert not (rig.where.backup_work / making.STAGING).exists() and rig.vault.snapshots() == []


def test_a_disk_that_gets_full_is_told_of_with_what_to_do(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(copying, "_copy_bytes", full)
    with pytest.raises(errors.BackupError, match=r"No space left.*Free some space and try again"):
        rig.run()
    assert not (rig.where.backup_work / making.STAGING).exists()


def test_two_at_once_do_not_get_into_each_others_way(rig: Rig) -> None:
    with making.alone(rig.where):
        assert spoilt(rig.run) == backup.Reason.BUSY
    rig.run()


def test_without_a_passphrase_or_with_a_short_one_nothing_is_made(rig: Rig) -> None:
    rig.where.backup_passphrase_file.write_text("short\n")
    with pytest.raises(errors.ConfigError, match="council backup passphrase"):
        parts.made(config.Config(), rig.settings, rig.where)
    rig.where.backup_passphrase_file.unlink()
    with pytest.raises(errors.SetupError, match="council backup passphrase"):
        parts.made(config.Config(), rig.settings, rig.where)


def test_of_snapshots_of_several_homes_the_newest_is_not_chosen_for_anybody() -> None:
    there = [backup.Snapshot("a1", 2.0, home="one"), backup.Snapshot("a2", 1.0, home="two")]
    for wanted in ("latest", "a", "", "b"):
        assert spoilt(lambda wanted=wanted: restoring.chosen(there, wanted)) == backup.Reason.NONE  # type: ignore[misc]
    assert restoring.chosen(there, "a2") == there[1] and restoring.chosen(there[:1], "latest") == there[0]


def test_the_process_does_what_is_due_and_no_more(rig: Rig) -> None:
    for kind in (*backup.Kind, *backup.Kind):
        rig.clock.advance(1.0)
        assert backup_service._did(rig.parts, kind)
    assert [kind for kind, _ in rig.runs()] == [backup.Kind.DRILL, backup.Kind.RUN]


def test_a_folder_of_restic_stays_so_whatever_is_taken_from_it_and_put_there(tmp_path: Path) -> None:
    (tmp_path / f"{LABEL}-20270101T000000Z-01234567.cva").touch()
    assert parts._is_archive(tmp_path)
    (tmp_path / "data").mkdir()
    assert not parts._is_archive(tmp_path)


def test_a_restore_removes_nothing_that_it_did_not_make(rig: Rig, tmp_path: Path) -> None:
    rig.run()
    mine = [tmp_path / f"new.{end}" for end in ("restoring", "restoring-work")]
    for folder in mine:
        folder.mkdir()
        (folder / "mine").touch()
    before = {path.name for path in tmp_path.iterdir()}
    rig.restore(tmp_path / "new")
    assert all((folder / "mine").exists() for folder in mine)
    assert {path.name for path in tmp_path.iterdir()} == before | {"new"}


def test_a_restored_home_begins_as_paused_as_it_was(rig: Rig, tmp_path: Path) -> None:
    rig.where.autonomy_file.write_text("{}")
    rig.run()
    rig.restore(tmp_path / "new")
    assert home.Home(tmp_path / "new").autonomy_file.read_text() == "{}"


def test_a_link_among_the_keys_is_left_out_and_named(rig: Rig) -> None:
    (rig.where.secrets / "tls.pem").symlink_to("/etc/hostname")
    os.mkfifo(rig.where.secrets / "pipe")
    rig.run()
    said = restoring.restore(rig.vault, "latest", rig.where.root.with_name("new"), parts.count, lambda _: None)
    assert {"secrets/tls.pem, no plain file", "secrets/pipe, no plain file"} <= set(said.manifest.left_out)


def test_a_file_that_changes_each_time_it_is_read_is_left_out_and_named(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note, copy_bytes, moments = rig.where.library / "notes" / "a.md", copying._copy_bytes, itertools.count(1)

    def changing(source: int, target: int, size_bytes: int) -> None:
        copy_bytes(source, target, size_bytes)
        if os.fstat(source).st_ino == note.stat().st_ino:
            os.utime(note, ns=(next(moments), next(moments)))

    monkeypatch.setattr(copying, "_copy_bytes", changing)
    rig.run()
    said = rig.restore(tmp_path / "new").manifest
    assert "library/notes/a.md, which changed each time while it was read" in said.left_out
    assert not (tmp_path / "new" / "library" / "notes" / "a.md").exists()


def test_a_link_that_a_repository_adds_is_no_part_of_the_home(tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    made = backup.Manifest(backup.FORM, "1", 0.0, "g", "", 0, "", "sqlite", "here", {}, facts.files_of(tmp_path), ())
    facts.check_files(tmp_path, made)
    (tmp_path / "library" / "more").symlink_to("/etc")
    with pytest.raises(errors.BackupError, match="library/more is no plain file"):
        facts.check_files(tmp_path, made)


def test_whatever_ends_a_run_it_is_recorded(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> Any:
        raise RuntimeError("unheard of")

    monkeypatch.setattr(copying, "make", fails)
    with pytest.raises(RuntimeError):
        rig.run()
    [row] = rig.parts.log.newest(9)
    assert (row.outcome, row.reason) == (backup.Outcome.FAILED, "RuntimeError: unheard of")
