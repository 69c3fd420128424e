"""The way of one forked child into its sandbox. It begins with the zygote's rights and ends as keeper and program."""

import functools
import operator
import os
import signal
import socket
from dataclasses import dataclass
from typing import NoReturn

from council.zygote import cgroups, keeper, kernel, layers, program, wire

# What the job sees as its own number; on the host it is `uid`, or without root the service's.
INNER_ID = 1000
_INODES = 4096
_BOX = "/box"
_ROOMS = (("work", "/work"), ("tmp", "/tmp"), ("shm", "/dev/shm"))


@dataclass(frozen=True, slots=True)
class Ends:
    """The sandbox's ends of what joins it to the front. `stdin` is an empty file in memory."""

    control: socket.socket
    job: socket.socket
    stdin: int
    stdout: int
    stderr: int

    @property
    def descriptors(self) -> tuple[int, ...]:
        """Every descriptor."""
        return (self.control.fileno(), self.job.fileno(), self.stdin, self.stdout, self.stderr)


def enter(plan: program.Plan, ends: Ends, uid: int | None, group: cgroups.Cgroup | None) -> NoReturn:
    """Become a sandbox. Called in a fresh child that is process 1 of its namespace; never returns.

    `uid` None leaves the user as it is, for want of root.
    """
    try:
        kept = {*ends.descriptors, *(group.descriptors if group else ())}
        _close_all_but(kept)
        os.setsid()
        _isolate(plan, uid)
        kernel.close_ways_to_capabilities()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        child = kernel.fork()
        if child == 0:
            ours.close()
            ends.control.close()
            program.Program(plan, ends.job, (ends.stdin, ends.stdout, ends.stderr), theirs, group).run()
        theirs.close()
        _close(ends.job.fileno(), ends.stdin, ends.stdout, ends.stderr, *(group.enter if group else ()))
        kernel.drop_capabilities()
        kernel.forbid_new_privileges()
        kernel.set_dumpable(False)
        keeper.Keeper(ends.control, child, ours, group, plan.session).run()
    except BaseException as error:  # noqa: BLE001 - nothing may unwind into the zygote's frames
        _tell_failure(ends.control, error)
    finally:
        os._exit(1)


def _tell_failure(control: socket.socket, error: BaseException) -> None:
    try:
        wire.send(control, {"failed": f"{type(error).__name__}: {error}"})
    except OSError:
        pass


def _close_all_but(kept: set[int]) -> None:
    low = 0
    for number in sorted(kept):
        os.closerange(low, number)
        low = number + 1
    os.closerange(low, 65_536)
    # 0, 1 and 2 must name something, or the next file opened would be taken for one of them.
    null = os.open("/dev/null", os.O_RDWR)
    for number in range(3):
        if number not in kept:
            os.dup2(null, number)
    if null > 2:
        os.close(null)


def _close(*numbers: int) -> None:
    for number in numbers:
        os.close(number)


def _isolate(plan: program.Plan, uid: int | None) -> None:
    """Take namespaces, mount what is the job's own, and become its user."""
    here = [layer for layer in layers.NAMESPACES if layer not in plan.without]
    kernel.unshare(functools.reduce(operator.or_, (layers.NAMESPACES[layer] for layer in here)))
    if layers.UTS in here:
        kernel.set_host_name("sandbox")
    outer = os.geteuid() if uid is None else uid
    _mount_rooms(plan.files_bytes, outer)
    if layers.PROC not in plan.without:
        private = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
        kernel.mount("proc", "/proc", "proc", private, "subset=pid,hidepid=invisible")
    if uid is not None:
        os.setgroups([])
        os.setresgid(outer, outer, outer)
        os.setresuid(outer, outer, outer)
        # The change of user has closed /proc/self to ourselves.
        kernel.set_dumpable(True)
    # Last, and by the job's own user: the namespaces above belong to the zygote, so no right in this one reaches them.
    if layers.USER not in plan.without:
        _take_user_namespace(outer)
    # Whoever kills the zygote ends every sandbox; lost at a change of user, so asked for here.
    kernel.set_parent_death_signal(signal.SIGKILL)


def _take_user_namespace(outer: int) -> None:
    kernel.unshare(kernel.CLONE_NEWUSER)
    for file, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{INNER_ID} {outer} 1"),
        ("gid_map", f"{INNER_ID} {outer} 1"),
    ):
        descriptor = os.open(f"/proc/self/{file}", os.O_WRONLY | os.O_CLOEXEC)
        os.write(descriptor, text.encode())
        os.close(descriptor)


def _mount_rooms(files_bytes: int, uid: int) -> None:
    """Mount one bounded file system and show its rooms in their places."""
    flags = kernel.MS_NOSUID | kernel.MS_NODEV
    options = f"size={files_bytes},nr_inodes={_INODES},mode=0755"
    kernel.mount("tmpfs", _BOX, "tmpfs", flags, options)
    for room, place in _ROOMS:
        os.mkdir(f"{_BOX}/{room}", 0o700)
        os.chown(f"{_BOX}/{room}", uid, uid)
        kernel.mount(f"{_BOX}/{room}", place, "", kernel.MS_BIND)
    kernel.detach(_BOX)
