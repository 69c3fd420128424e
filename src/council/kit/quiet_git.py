"""How git is started on a repository that others may write: what it is told, and what it is kept from.

Neither the caller's variables nor anybody's settings lead it elsewhere, no hook runs, and nothing that the repository itself
says makes it start a program, fetch, replace an object by another or believe in other parents.
"""

import os
from collections.abc import Mapping

OPTIONS = (
    # By default git leaves loose objects to the kernel, and a power cut would leave them empty behind a branch.
    *("-c", "core.fsync=committed,reference", "-c", "core.fsyncMethod=fsync"),
    # A lock is waited for ten times as long as a git holds one. Whose the folder is, its owner sees to; git would take only
    # its own user's.
    *("-c", "core.filesRefLockTimeout=1000", "-c", "safe.directory=*"),
    # These name programs that git starts, and the repository's own settings could.
    *("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false"),
    # Of grafts there is an empty file here, and what stands on git's standard error is to be an error.
    *("-c", "advice.graftFileDeprecated=false"),
)
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "LC_ALL": "C",
}


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return all that git gets to know of the environment, `more` included."""
    return {"PATH": os.environ.get("PATH", os.defpath), **_ENVIRONMENT, **(more or {})}
