"""The minimal root in which the zygote and every sandbox live: the system's programs and Python, read-only, and no more.

Built once, in a mount namespace of the zygote's own, which then leaves the host's root for good. A sandbox adds to a copy
of it what is its alone: /work, /tmp, /dev/shm and /proc.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from council.zygote import kernel

_READ_ONLY = kernel.MOUNT_READ_ONLY | kernel.MOUNT_NOSUID | kernel.MOUNT_NODEV
_SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
_DEVICES = ("null", "zero", "full", "random", "urandom")
# Names that programs go through, and what the loader and local time need. No key, password or host's name.
_ETC_COPIED = ("ld.so.cache", "localtime", "mime.types", "protocols", "services")
_ETC_SHOWN = ("alternatives",)
_ETC_BYTES_MAX = 4 * 1024 * 1024
_ETC = {
    "passwd": "root:x:0:0:root:/nonexistent:/bin/false\nsandbox:x:1000:1000:sandbox:/work:/bin/bash\n",
    "group": "root:x:0:\nsandbox:x:1000:\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "hosts": "127.0.0.1 localhost sandbox\n",
    "hostname": "sandbox\n",
}
_EMPTY_FOLDERS = ("proc", "work", "tmp", "box", "dev/shm", "packages")
# Where the new root is put together; whichever holds nothing that must be shown.
_PLACES = ("/mnt", "/media", "/srv", "/sys", "/tmp")
_SIZE = "size=8m,nr_inodes=512,mode=0755"

PACKAGES = "/packages"


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown beside the system: where Python lies, and packages by the name under which they are imported."""

    python: Path
    packages: tuple[Path, ...]


def enter(shown: Shown, *, keep_proc: bool) -> None:
    """Build the root in a new mount namespace and make it this process's. Raises OSError.

    `keep_proc` shows the host's /proc to the zygote: without root, the kernel mounts a sandbox's own only beside one.
    """
    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    place = _place(shown)
    kernel.mount("tmpfs", place, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, _SIZE)
    root = Path(place)
    for folder in _EMPTY_FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name in _SYSTEM:
        _show_system(root, name)
    _show(root, shown.python, str(shown.python))
    for package in shown.packages:
        _show(root, package, f"{PACKAGES}/{package.name}")
    _fill_etc(root / "etc")
    _fill_dev(root / "dev")
    if keep_proc:
        kernel.mount("/proc", str(root / "proc"), "", kernel.MS_BIND | kernel.MS_REC)
    kernel.enter_root(place)


def close() -> None:
    """Make the root itself read-only."""
    kernel.set_mount_attributes("/", _READ_ONLY, recursive=False)


def _place(shown: Shown) -> str:
    sources = [shown.python, *shown.packages]
    for place in _PLACES:
        if Path(place).is_dir() and not any(source.is_relative_to(place) for source in sources):
            return place
    raise OSError("none of the folders in which a root could be put together is free")


def _show_system(root: Path, name: str) -> None:
    source = Path("/", name)
    if source.is_symlink():
        (root / name).symlink_to(os.readlink(source))
    elif source.is_dir():
        _show(root, source, str(source))


def _show(root: Path, source: Path, target: str) -> None:
    inner = root / target.lstrip("/")
    if inner.exists():  # inside of what is shown already, as Python in /usr
        return
    if source.is_dir():
        inner.mkdir(parents=True)
    else:
        inner.parent.mkdir(parents=True, exist_ok=True)
        inner.touch()
    kernel.bind(str(source), str(inner), _READ_ONLY)


def _fill_etc(folder: Path) -> None:
    folder.mkdir()
    for name, text in _ETC.items():
        (folder / name).write_text(text)
    for name in _ETC_COPIED:
        source = Path("/etc", name)
        if source.is_file() and source.stat().st_size <= _ETC_BYTES_MAX:
            shutil.copyfile(source, folder / name)
    for name in _ETC_SHOWN:
        if Path("/etc", name).is_dir():
            _show(folder.parent, Path("/etc", name), f"/etc/{name}")


def _fill_dev(folder: Path) -> None:
    for name in _DEVICES:
        (folder / name).touch()
        # Not MOUNT_NODEV: these are devices.
        kernel.bind(f"/dev/{name}", str(folder / name), kernel.MOUNT_READ_ONLY | kernel.MOUNT_NOSUID)
    for name, target in (("fd", "self/fd"), ("stdin", "self/fd/0"), ("stdout", "self/fd/1"), ("stderr", "self/fd/2")):
        (folder / name).symlink_to(f"/proc/{target}")
