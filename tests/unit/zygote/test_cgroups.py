"""Where groups can be made, on trees like those of hosts, containers and users; the kernel's part in them is played here."""

import os
import re
from pathlib import Path

import pytest

from council.kit import process
from council.zygote import cgroups

GROUP_FILES = {
    "memory": ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control"],
    "pids": ["pids.max", "pids.events"],
    "unified": ["memory.max", "memory.swap.max", "memory.oom.group", "memory.peak", "memory.events", "pids.max", "pids.events"],
}  # fmt: skip


class Host:
    """A /proc and mounts of cgroup file systems in which the files of a new group appear by themselves, as the kernel's do."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.proc = folder / "proc"
        (self.proc / "self").mkdir(parents=True)
        self.mounts = ["1 0 8:1 / / rw - ext4 /dev/sda1 rw"]
        self.groups: list[str] = []
        self.unwritable: set[str] = set()
        self._mkdir, self._rmdir = os.mkdir, os.rmdir
        monkeypatch.setattr(os, "mkdir", self.make)
        monkeypatch.setattr(os, "rmdir", self.remove)

    def mount(self, controller: str, *, path: str = "/") -> Path:
        """Mount a hierarchy and put this process into a group of it; return where it is mounted."""
        place = self.folder / "cgroup" / controller
        place.mkdir(parents=True)
        self.fill(place, "" if controller == "unified" else controller)
        kind = "cgroup2 cgroup2 rw" if controller == "unified" else f"cgroup cgroup rw,{controller}"
        self.mounts.append(f"{len(self.mounts) + 1} 1 0:30 / {place} rw,relatime shared:9 - {kind}")
        name = "" if controller == "unified" else controller
        self.groups.append(f"{0 if not name else len(self.groups) + 1}:{name}:{path}")
        return place

    def fill(self, group: Path, kind: str) -> None:
        for name in [
            "cgroup.procs",
            *(["tasks"] if kind else []),
            *(["cgroup.subtree_control", "cgroup.controllers"] if not kind else []),
        ]:
            (group / name).write_text("")
        for name in GROUP_FILES.get(kind or "unified", []):
            (group / name).write_text("")

    def make(self, path: "str | Path", mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        whole = Path(f"/proc/self/fd/{dir_fd}").readlink() / path if dir_fd is not None else Path(path)
        inside = self.folder / "cgroup" in whole.parents and whole.parent != self.folder / "cgroup"
        if inside and {part.name for part in (whole, *whole.parents)} & self.unwritable:
            raise PermissionError(13, "Permission denied")
        self._mkdir(path, mode, dir_fd=dir_fd)
        if inside:
            kind = whole.relative_to(self.folder / "cgroup").parts[0]
            self.fill(whole, "" if kind == "unified" else kind)
            if kind == "unified":
                (whole / "cgroup.controllers").write_text((whole.parent / "cgroup.subtree_control").read_text())

    def remove(self, path: "str | Path", *, dir_fd: int | None = None) -> None:
        whole = Path(f"/proc/self/fd/{dir_fd}").readlink() / path if dir_fd is not None else Path(path)
        if (whole / "busy").exists() or any(inner.is_dir() for inner in whole.iterdir()):
            raise OSError(16, "Device or resource busy")
        for file in whole.iterdir():
            file.unlink()
        self._rmdir(path, dir_fd=dir_fd)

    def prepare(self) -> cgroups.Cgroups:
        (self.proc / "self/mountinfo").write_text("".join(f"{line}\n" for line in self.mounts))
        (self.proc / "self/cgroup").write_text("".join(f"{line}\n" for line in self.groups))
        return cgroups.prepare(self.proc)

    def left(self) -> list[str]:
        """Return the groups of zygotes that are there."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("council-sandbox-*"))


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def _own_name() -> str:
    start = process.stat(os.getpid())
    assert start is not None
    return f"council-sandbox-{os.getpid()}-{start.start_ticks}"


def _is_held(group: Path, name: str, value: str) -> bool:
    return (group / name).read_text() == value


# Version 1


def test_on_version_1_that_counts_no_swap_nothing_of_a_group_is_swapped_to_make_room(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(GROUP_FILES, "memory", ["memory.limit_in_bytes", "memory.swappiness"])
    memory, _ = host.mount("memory"), host.mount("pids")
    host.prepare().make("s1", 64 << 20, 7)
    assert _is_held(memory / _own_name() / "s1", "memory.swappiness", "0")


def test_on_version_1_a_group_is_made_below_our_own_in_both_hierarchies(host: Host) -> None:
    memory, pids = host.mount("memory", path="/a"), host.mount("pids")
    (memory / "a").mkdir()
    made = host.prepare()
    group = made.make("s1", 64 << 20, 7)
    in_memory, in_pids = memory / "a" / _own_name() / "s1", pids / _own_name() / "s1"
    assert _is_held(in_memory, "memory.limit_in_bytes", str(64 << 20))
    assert _is_held(in_memory, "memory.memsw.limit_in_bytes", str(64 << 20))
    assert _is_held(in_pids, "pids.max", "7")
    for descriptor in group.enter:
        os.write(descriptor, b"0")
    assert _is_held(in_memory, "tasks", "0")
    assert _is_held(in_pids, "tasks", "0")
    (in_memory / "memory.max_usage_in_bytes").write_text("4096")
    assert os.pread(group.peak, 100, 0) == b"4096"
    group.close()
    assert made.remove("s1")
    made.remove_all(())
    assert host.left() == []


def test_a_container_whose_path_leads_nowhere_makes_groups_where_its_part_is_mounted(host: Host) -> None:
    memory, _ = host.mount("memory", path="/docker/0123"), host.mount("pids", path="/docker/0123")
    made = host.prepare()
    made.make("s1", 1 << 20, 1).close()
    assert (memory / _own_name() / "s1").is_dir()


def test_memory_on_version_1_without_pids_is_not_enough(host: Host) -> None:
    host.mount("memory")
    with pytest.raises(cgroups.CgroupsAbsentError, match="no cgroup file system with memory and pids"):
        host.prepare()


def test_controllers_count_and_not_mounts(host: Host) -> None:
    host.mount("memory")
    host.mount("pids")
    host.mount("unified")
    host.prepare()


def test_one_hierarchy_that_cannot_be_written_leaves_nothing_in_the_other(host: Host) -> None:
    host.mount("memory")
    host.mount("pids")
    host.unwritable.add("pids")
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(cgroups.CgroupsAbsentError, match=r"pids: Permission denied"):
        host.prepare()
    assert host.left() == []
    assert len(os.listdir("/proc/self/fd")) == before


# Version 2


def _hand_on(group: Path) -> None:
    for name in ("cgroup.controllers", "cgroup.subtree_control"):
        (group / name).write_text("cpu memory pids")


def _unified(host: Host, path: str) -> list[Path]:
    """Mount version 2 and return the groups from its root to our own."""
    place = host.mount("unified", path=path)
    groups = [place]
    for part in path.strip("/").split("/"):
        (groups[-1] / part).mkdir()
        groups.append(groups[-1] / part)
    return groups


def test_a_delegated_group_that_is_ours_alone_hands_memory_and_pids_on(host: Host) -> None:
    _, own = _unified(host, "/user.scope")
    (own / "cgroup.controllers").write_text("cpu memory pids")
    (own / "cgroup.procs").write_text(str(os.getpid()))
    made = host.prepare()
    # No process may be in a group that hands controllers on.
    assert _is_held(own / "zygote", "cgroup.procs", "0")
    assert _is_held(own, "cgroup.subtree_control", "+memory +pids")
    made.make("s1", 64 << 20, 7).close()
    group = own / _own_name() / "s1"
    assert _is_held(group, "memory.max", str(64 << 20))
    assert _is_held(group, "memory.swap.max", "0")
    assert _is_held(group, "pids.max", "7")


def test_a_group_above_that_hands_on_already_is_used(host: Host) -> None:
    _, above, own = _unified(host, "/service/zygote")
    _hand_on(above)
    (own / "cgroup.controllers").write_text("cpu memory pids")
    (own / "cgroup.procs").write_text(f"1\n{os.getpid()}\n")  # not ours alone
    host.prepare().make("s1", 1 << 20, 1).close()
    assert (above / _own_name() / "s1").is_dir()
    assert not (own / "zygote").exists()


def test_the_next_group_above_is_tried_where_one_may_not_be_written(host: Host) -> None:
    root, above, _ = _unified(host, "/locked/zygote")
    _hand_on(root)
    _hand_on(above)
    host.unwritable.add("locked")
    host.prepare()
    assert host.left() == [f"cgroup/unified/{_own_name()}"]


def test_version_2_without_delegation_is_absent(host: Host) -> None:
    _unified(host, "/user.slice/session")
    with pytest.raises(cgroups.CgroupsAbsentError, match="no cgroup above this process hands memory and pids on"):
        host.prepare()
    assert host.left() == []


def test_a_delegated_group_that_others_are_in_is_left_alone(host: Host) -> None:
    _, own = _unified(host, "/user.scope")
    (own / "cgroup.controllers").write_text("memory pids")
    (own / "cgroup.procs").write_text(f"{os.getpid()}\n1\n")
    with pytest.raises(cgroups.CgroupsAbsentError):
        host.prepare()
    assert _is_held(own, "cgroup.subtree_control", "")
    assert not (own / "zygote").exists()


def test_memory_alone_is_not_enough_on_version_2(host: Host) -> None:
    _, above, _ = _unified(host, "/service/zygote")
    (above / "cgroup.subtree_control").write_text("memory cpu")
    with pytest.raises(cgroups.CgroupsAbsentError):
        host.prepare()


def test_swap_that_the_kernel_does_not_count_is_passed_over(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    _, above, _ = _unified(host, "/service/zygote")
    _hand_on(above)
    made = host.prepare()
    fewer = [
        name for name in GROUP_FILES["unified"] if name not in {"memory.swap.max", "memory.oom.group", "memory.peak"}
    ]
    monkeypatch.setitem(GROUP_FILES, "unified", fewer)
    group = made.make("s1", 1 << 20, 1)
    assert group.peak == -1
    assert group.events >= 0
    group.close()


# Nothing at all


def test_no_cgroup_file_system_is_told_so(host: Host) -> None:
    with pytest.raises(cgroups.CgroupsAbsentError, match="no cgroup file system"):
        host.prepare()


def test_a_kernel_that_tells_nothing_of_groups_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(cgroups.CgroupsAbsentError, match="cannot be read"):
        cgroups.prepare(tmp_path)


# Groups that cannot be made, kept and left


def test_a_bound_that_cannot_be_set_leaves_no_group_and_no_descriptor(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.mount("memory")
    pids = host.mount("pids")
    made = host.prepare()
    monkeypatch.setitem(GROUP_FILES, "pids", ["pids.events"])
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match=re.escape("pids.max")):
        made.make("s1", 1 << 20, 1)
    assert not (pids / _own_name() / "s1").exists()
    assert len(os.listdir("/proc/self/fd")) == before
    made.remove_all(())
    assert host.left() == []


def test_a_group_that_the_kernel_still_holds_is_told_and_goes_later(host: Host) -> None:
    memory, _ = host.mount("memory"), host.mount("pids")
    made = host.prepare()
    made.make("s1", 1 << 20, 1).close()
    busy = memory / _own_name() / "s1" / "busy"
    busy.touch()
    assert not made.remove("s1")
    busy.unlink()
    assert made.remove("s1")
    assert made.remove("s1"), "what is gone is removed"


def _abandoned(parent: Path, name: str) -> Path:
    group = parent / f"council-sandbox-{name}"
    (group / "s1").mkdir(parents=True)
    (group / "s2").mkdir()
    return group


def test_groups_of_a_zygote_that_is_gone_are_removed_and_those_of_a_living_one_stay(host: Host) -> None:
    memory, pids = host.mount("memory"), host.mount("pids")
    init = process.stat(1)
    assert init is not None
    living = _abandoned(pids, f"1-{init.start_ticks}")
    # Gone: a number that was used again, one that is nobody's, and a name that is none of ours in full.
    gone = [_abandoned(memory, name) for name in (f"1-{init.start_ticks + 1}", "999999999-5")]
    other = memory / "council-other"
    other.mkdir()
    host.prepare()
    assert living.is_dir()
    assert (living / "s1").is_dir()
    assert not any(group.exists() for group in gone)
    assert other.is_dir()


def test_an_abandoned_group_that_is_held_does_not_stop_the_start(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "_REMOVE_S", 0.01)
    memory, _ = host.mount("memory"), host.mount("pids")
    held = _abandoned(memory, "999999999-5")
    (held / "s1/busy").touch()
    host.prepare().make("s1", 1 << 20, 1).close()
    assert (held / "s1").exists()


def test_an_abandoned_group_that_another_removes_first_does_not_stop_the_start(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, _ = host.mount("memory"), host.mount("pids")
    gone = _abandoned(memory, "999999999-5")
    listed = Path.iterdir

    def and_then_gone(path: Path) -> "list[Path]":
        found = list(listed(path))
        if path == gone:
            gone.rename(host.folder / "removed")
        return found

    monkeypatch.setattr(Path, "iterdir", and_then_gone)
    host.prepare()
