"""What can be done to a generation while it is made, and what the disk can do: the live one stays byte for byte what it was.

And what is beside it is a whole generation or nothing, at the latest after the next call.
"""

import collections
import contextlib
import os
import shutil
import socket
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import staging_rig as rig
from council.domain import errors
from council.upkeep.engine import blueprint, repository, staging

ROUNDS = 24
# In turn: as often as it can, and so seldom that staging may succeed.
FLIPS_MAX = (100_000, 1, 2)


class Attacked:
    """A home under attack, and how its live generation was before."""

    def __init__(self, root: Path):
        self.outside = root / "outside"
        self.outside.mkdir()
        (self.outside / "secret").write_text("secret")
        self.where = rig.begin(root / "home")
        self.live = blueprint.current(self.where)
        self.folder = self.where.generations / self.live
        self.patch = rig.usual(self.live)
        self.before = rig.look(self.folder)

    def refused(self) -> str:
        """Stage, expecting a refusal; return its reason."""
        with pytest.raises(errors.StagingError) as raised:
            staging.stage(self.where, self.patch)
        return raised.value.reason

    def reset(self) -> None:
        """Remove what was staged, from the repository too, so that the next time all is written anew."""
        staging.discard(self.where, self.patch.digest)
        subprocess.run(["git", "-C", self.where.blueprint, "prune", "--expire=now"], check=True)
        self.check()

    def verified(self, made: str) -> bool:
        """Return whether a generation is whole, and see that it is what it should be then."""
        try:
            staging.verify(self.where, made)
        except errors.StagingError as error:
            assert error.reason == "staged_altered"
            return False
        assert rig.tree(self.where.generations / made) == rig.AFTER
        return True

    def check(self, *made: str) -> None:
        """See that nothing of the live generation changed, nothing got out, and nothing but `made` is beside it."""
        assert rig.look(self.folder) == self.before
        assert blueprint.current(self.where) == self.live
        assert rig.look(self.outside) == {"secret": (stat.S_IFREG | 0o644, 1, b"secret")}
        assert rig.generations(self.where) == {self.live, *made}
        for name in made:
            assert rig.tree(self.where.generations / name) == rig.AFTER


@pytest.fixture
def attacked(tmp_path: Path) -> Attacked:
    before = os.umask(0o022)
    try:
        return Attacked(tmp_path)
    finally:
        os.umask(before)


# Put into the live tree beforehand


def link_leaf(one: Attacked) -> None:
    (one.folder / "prompts/code.md").unlink()
    (one.folder / "prompts/code.md").symlink_to(one.outside / "secret")


def link_leaf_to_the_same_content(one: Attacked) -> None:
    (one.folder / "council.yaml").rename(one.outside / "council.yaml")
    (one.folder / "council.yaml").symlink_to(one.outside / "council.yaml")


def link_touched_leaf(one: Attacked) -> None:
    (one.folder / "prompts/general.md").unlink()
    (one.folder / "prompts/general.md").symlink_to("code.md")


def link_in_the_middle(one: Attacked) -> None:
    (one.folder / "prompts").rename(one.folder.parent / "elsewhere")
    (one.folder / "prompts").symlink_to("../elsewhere")


def link_where_a_folder_comes(one: Attacked) -> None:
    (one.folder / "guidebook").symlink_to(one.outside)


def link_where_the_pair_goes(one: Attacked) -> None:
    (one.folder / ".council").symlink_to(one.outside)


def link_that_leads_nowhere(one: Attacked) -> None:
    (one.folder / "guidebook").symlink_to("nowhere")


def second_name(one: Attacked) -> None:
    os.link(one.folder / "prompts/code.md", one.folder.parent.parent / "second")


def fifo(one: Attacked) -> None:
    os.mkfifo(one.folder / "guidebook")


def fifo_in_place_of_a_file(one: Attacked) -> None:
    (one.folder / "prompts/general.md").unlink()
    os.mkfifo(one.folder / "prompts/general.md")


def socket_file(one: Attacked) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        # Its path may be too long for a socket's name.
        folder = os.open(one.folder, os.O_RDONLY)
        made.bind(f"/proc/self/fd/{folder}/s")
        os.close(folder)


def device(one: Attacked) -> None:
    try:
        os.mknod(one.folder / "guidebook", stat.S_IFCHR | 0o600, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("no device files may be made here")


def other_content_of_the_same_size(one: Attacked) -> None:
    _rewrite(one.folder / "prompts/code.md", b"Be EXACT.\n")


def other_content_of_a_touched_file(one: Attacked) -> None:
    _rewrite(one.folder / "prompts/general.md", b"Be blunt.\n")


def longer_content(one: Attacked) -> None:
    _rewrite(one.folder / "prompts/code.md", b"x" * 1_000_000)


def other_mode(one: Attacked) -> None:
    (one.folder / "prompts/code.md").chmod(0o500)


def added_file(one: Attacked) -> None:
    (one.folder / "prompts/.hidden").write_text("")


def added_folder(one: Attacked) -> None:
    (one.folder / "empty").mkdir()


def missing_file(one: Attacked) -> None:
    (one.folder / "prompts/code.md").unlink()


def folder_in_place_of_a_file(one: Attacked) -> None:
    (one.folder / "council.yaml").unlink()
    (one.folder / "council.yaml").mkdir()


def spelled_otherwise(one: Attacked) -> None:
    (one.folder / "prompts/code.md").rename(one.folder / "prompts/CODE.md")


def name_that_is_no_text(one: Attacked) -> None:
    (one.folder / os.fsdecode(b"caf\xe9")).write_text("")


def many_files(one: Attacked) -> None:
    for number in range(300):
        (one.folder / f"{number}").write_text("")


def deep_folders(one: Attacked) -> None:
    (one.folder / "/".join(["d"] * 100)).mkdir(parents=True)


def _rewrite(path: Path, content: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(content)
    path.chmod(0o400)


ALTERED = [
    link_leaf, link_leaf_to_the_same_content, link_touched_leaf, link_in_the_middle, link_where_a_folder_comes,
    link_where_the_pair_goes, link_that_leads_nowhere, second_name, fifo, fifo_in_place_of_a_file, socket_file, device,
    other_content_of_the_same_size, other_content_of_a_touched_file, longer_content, other_mode, added_file, added_folder,
    missing_file, folder_in_place_of_a_file, spelled_otherwise, name_that_is_no_text, many_files, deep_folders,
]  # fmt: skip


@pytest.mark.parametrize("attack", ALTERED, ids=lambda attack: attack.__name__)
def test_a_live_generation_that_is_not_what_its_commit_says_is_the_base_of_nothing(
    attacked: Attacked, attack: Callable[[Attacked], None]
) -> None:
    attack(attacked)
    altered, outside, beside = rig.look(attacked.folder), rig.look(attacked.outside), rig.generations(attacked.where)
    assert attacked.refused() == "live_altered"
    assert rig.look(attacked.folder) == altered and rig.look(attacked.outside) == outside
    assert rig.generations(attacked.where) == beside and blueprint.current(attacked.where) == attacked.live


def test_the_control_is_staged(attacked: Attacked) -> None:
    attacked.check(staging.stage(attacked.where, attacked.patch))


# Put where the new generation is to come


def partial(one: Attacked) -> Path:
    return one.where.generations / f".{one.patch.digest}.partial"


@pytest.mark.parametrize("kind", ["link", "link to live", "file", "fifo", "full folder", "folder with links"])
def test_whatever_lies_where_it_is_written_is_removed_and_not_followed(attacked: Attacked, kind: str) -> None:
    match kind:
        case "link":
            partial(attacked).symlink_to(attacked.outside)
        case "link to live":
            partial(attacked).symlink_to(attacked.live)
        case "file":
            partial(attacked).write_text("")
        case "fifo":
            os.mkfifo(partial(attacked))
        case "full folder":
            shutil.copytree(attacked.folder, partial(attacked))
        case _:
            partial(attacked).mkdir()
            (partial(attacked) / "prompts").symlink_to(attacked.outside)
            (partial(attacked) / "council.yaml").symlink_to(attacked.folder / "council.yaml")
    attacked.check(staging.stage(attacked.where, attacked.patch))


@pytest.mark.parametrize("kind", ["link", "file", "empty folder", "other generation"])
def test_whatever_lies_under_its_final_name_is_not_taken_for_it(attacked: Attacked, kind: str) -> None:
    made = staging.stage(attacked.where, attacked.patch)
    folder = attacked.where.generations / made
    shutil.rmtree(folder)
    match kind:
        case "link":
            folder.symlink_to(attacked.live)
        case "file":
            folder.write_text("")
        case "empty folder":
            folder.mkdir()
        case _:
            shutil.copytree(attacked.folder, folder)
    assert attacked.refused() == "staged_altered"
    assert rig.generations(attacked.where) == {attacked.live, made}
    staging.discard(attacked.where, attacked.patch.digest, made)
    attacked.check()


# Swapped while it is written


class Flipper:
    """Swaps a folder for a link and back, at most so many times, as long as staging runs."""

    def __init__(self, folder: Callable[[], Path], outside: Path, flips_max: int):
        self.folder, self.outside, self.flips_max = folder, outside, flips_max
        self.flips = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.flip)

    def flip(self) -> None:
        while self.flips < self.flips_max and not self.ended.is_set():
            with contextlib.suppress(OSError):
                folder = self.folder()
                aside = folder.with_name(folder.name + "-aside")
                folder.rename(aside)
                folder.symlink_to(self.outside)
                self.flips += 1
                folder.unlink()
                aside.rename(folder)

    def __enter__(self) -> "Flipper":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()
        folder = self.folder()
        aside = folder.with_name(folder.name + "-aside")
        if aside.exists() and not folder.exists():
            folder.unlink(missing_ok=True)
            aside.rename(folder)


@pytest.mark.parametrize("name", ["guidebook", "guidebook/new", "prompts", ".council"])
def test_a_folder_swapped_for_a_link_while_staging_writes_leads_nowhere(attacked: Attacked, name: str) -> None:
    outcomes: collections.Counter[str] = collections.Counter()
    flips = 0
    for number in range(ROUNDS):
        made = ""
        with Flipper(lambda: partial(attacked) / name, attacked.outside, FLIPS_MAX[number % 3]) as flipper:
            try:
                made = staging.stage(attacked.where, attacked.patch)
                outcomes["staged"] += 1
            except errors.StagingError as error:
                outcomes[error.reason] += 1
        flips += flipper.flips
        if made:
            outcomes["swapped afterwards"] += not attacked.verified(made)
        # It may have kept what was written in part from being removed, as long as it ran.
        staging.discard(attacked.where, attacked.patch.digest, made)
        attacked.check()
    print(f"{flips} swaps in {ROUNDS} rounds: {dict(outcomes)}")
    assert outcomes.keys() <= {"staged", "staged_altered", "disk_failed", "swapped afterwards"}


def test_a_live_folder_swapped_for_a_link_while_staging_reads_leads_nowhere(attacked: Attacked) -> None:
    copy = attacked.outside.parent / "copy"
    shutil.copytree(attacked.folder / "prompts", copy)
    _rewrite(copy / "code.md", b"Be EVIL!!\n")
    outcomes: collections.Counter[str] = collections.Counter()
    for number in range(ROUNDS):
        made = ""
        with Flipper(lambda: attacked.folder / "prompts", copy, FLIPS_MAX[number % 3]):
            try:
                made = staging.stage(attacked.where, attacked.patch)
                outcomes["staged"] += 1
            except errors.StagingError as error:
                outcomes[error.reason] += 1
        attacked.check(*[made] if made else [])
        staging.discard(attacked.where, attacked.patch.digest)
    print(dict(outcomes))
    assert outcomes.keys() <= {"staged", "live_altered", "disk_failed"}


def swap_for_a_link(one: Attacked) -> None:
    (partial(one) / "prompts").rename(one.outside.parent / "aside")
    (partial(one) / "prompts").symlink_to(one.outside.parent / "aside")


def write_other_content(one: Attacked) -> None:
    _rewrite(partial(one) / "council.yaml", b"port: 6666\n")


def write_another_signature(one: Attacked) -> None:
    _rewrite(partial(one) / ".council/patch.sig", b"SIGNATURE")


def add_a_file(one: Attacked) -> None:
    (partial(one) / "prompts/new.md").write_text("")


def add_a_folder(one: Attacked) -> None:
    (partial(one) / "new").mkdir()


def remove_a_file(one: Attacked) -> None:
    (partial(one) / "prompts/code.md").unlink()


def give_a_second_name(one: Attacked) -> None:
    os.link(partial(one) / "prompts/code.md", one.outside.parent / "second")


def let_execute(one: Attacked) -> None:
    (partial(one) / "prompts/code.md").chmod(0o500)


WRITTEN_OVER = [
    swap_for_a_link, write_other_content, write_another_signature, add_a_file, add_a_folder, remove_a_file,
    give_a_second_name, let_execute,
]  # fmt: skip


@pytest.mark.parametrize("attack", WRITTEN_OVER, ids=lambda attack: attack.__name__)
def test_what_was_changed_after_it_was_written_gets_no_name(
    attacked: Attacked, attack: Callable[[Attacked], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Done last before the folder is read back.
    monkeypatch.setattr(repository, "sync_objects", lambda *_: attack(attacked))
    assert attacked.refused() == "staged_altered"
    attacked.check()
    monkeypatch.undo()
    attacked.check(staging.stage(attacked.where, attacked.patch))


# The disk


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "none", folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"nothing may be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_disk_that_is_full_changes_nothing_wherever_it_fills_up(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with mounted(disk, "size=1m"):
        one = Attacked(disk)
        one.patch = rig.patch(one.live, *(rig.put(f"f{number}", os.urandom(4_096)) for number in range(20)))
        free = os.statvfs(disk).f_bavail * 4_096
        outcomes: collections.Counter[str] = collections.Counter()
        for left in range(0, free, 8_192):
            (disk / "ballast").write_bytes(b"x" * (free - left))
            try:
                staging.stage(one.where, one.patch)
                outcomes["staged"] += 1
            except errors.StagingError as error:
                outcomes[error.reason] += 1
            (disk / "ballast").unlink()
            one.reset()
            if outcomes["staged"]:
                break
        print(dict(outcomes))
        assert outcomes["no_space"] > 10 and outcomes.keys() == {"no_space", "staged"}


def test_a_disk_that_cannot_be_written_is_said_to_be_so(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with mounted(disk, "size=4m"):
        one = Attacked(disk)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        assert one.refused() == "disk_failed"
        one.check()
        with pytest.raises(errors.StagingError):
            staging.discard(one.where, one.patch.digest)
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        one.check(staging.stage(one.where, one.patch))


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes into folders that are closed to it")
def test_a_folder_that_is_closed_changes_nothing(attacked: Attacked) -> None:
    attacked.where.generations.chmod(0o500)
    try:
        assert attacked.refused() == "disk_failed"
        attacked.check()
    finally:
        attacked.where.generations.chmod(0o700)
