"""The merge of a pull request on a forge where a workflow tells the checks: whether it may be, and then once, for one head.

What it may be merged by is read from main as it is now. The workflow's jobs wait for each other, so all this was so a moment
ago; it is asked again here because a head, a label and main can move in a moment, and because the forge's own rules may not
have been set.
"""

import enum
from collections.abc import Container
from typing import NoReturn

from council import care_ports, homes
from council.delivery import proposals
from council.domain import authz, authz_file, errors, forge

_SHOWN_DIGITS = 8


class Refusal(enum.StrEnum):
    """Why a pull request is not merged. Stable."""

    FOREIGN = "foreign"
    CLOSED = "closed"
    OTHER_BASE = "other_base"
    HEAD_MOVED = "head_moved"
    BASE_MOVED = "base_moved"
    CHECKS = "checks"
    FREEZE_LABEL = "freeze_label"
    CONFLICT = "conflict"


async def merge(service: care_ports.Forge, number: int, head: str, tellers: Container[proposals.Teller]) -> str:
    """Merge a pull request if `head` is what it proposes and every check that `tellers` told of it is green.

    `head` "" is whatever it proposes now. Returns the commit on main; of one that was merged with this head, the one that it
    became. Raises InvalidRequestError with a `Refusal` as its reason, ForgeError.
    """
    pull = await service.pull(number)
    head = head or pull.head
    if pull.head != head:
        _refuse(Refusal.HEAD_MOVED, f"It proposes {pull.head[:_SHOWN_DIGITS]} now. The checks of that begin anew.")
    if pull.state is not forge.PullState.MERGED:
        await _check(service, pull, tellers)
    try:
        return await service.merge(number, head, pull.title, pull.body)
    except errors.ForgeMovedError as error:
        _refuse(Refusal.HEAD_MOVED, error.message)
    except errors.ForgeConflictError as error:
        _refuse(Refusal.CONFLICT, error.message)


async def _check(service: care_ports.Forge, pull: forge.Pull, tellers: Container[proposals.Teller]) -> None:
    if pull.state is not forge.PullState.OPEN:
        _refuse(Refusal.CLOSED, "It was closed. Open it again, or propose anew.")
    if pull.foreign:
        _refuse(Refusal.FOREIGN, "Its branch is in somebody else's copy. Push it to this repository.")
    if pull.base != forge.MAIN:
        _refuse(
            Refusal.OTHER_BASE,
            f"It is for the branch {pull.base!r}. What serves follows `{forge.MAIN}`: propose it there.",
        )
    if unmet := proposals.unmet(await service.checks(pull.head), tellers):
        _refuse(
            Refusal.CHECKS, f"Not green for {pull.head[:_SHOWN_DIGITS]}: {'; '.join(unmet)}. Have those checks run."
        )
    main = await service.head()
    # The head is what was looked at and tried; upon another main it would be something else.
    if (await service.commit(pull.head)).parents != (main.commit,):
        _refuse(
            Refusal.BASE_MOVED, "Main has moved since, or it has several commits. Make the patch anew from what serves."
        )
    # A link or a submodule is in no patch, and nobody who checks files out may have seen it.
    await service.files(pull.head)
    label = await _freeze_label(service, main)
    pulls = await service.pulls(limit=forge.ROWS_MAX)
    if len(pulls) >= forge.ROWS_MAX:
        _refuse(
            Refusal.FREEZE_LABEL,
            f"So many are open that nobody sees which bears `{label}`. Close some, then run this again.",
        )
    frozen = [one for one in pulls if forge.bears(one, label)]
    if forge.bears(pull, label) or frozen:
        numbers = ", ".join(f"#{one.number}" for one in frozen or [pull])
        _refuse(
            Refusal.FREEZE_LABEL,
            f"The label `{label}` on {numbers} stops every merge. Take it off; where a workflow merges, run its job again.",
        )


async def _freeze_label(service: care_ports.Forge, main: forge.Commit) -> str:
    """Return the label by the policy of main. Raises ConfigError."""
    try:
        raw = (await service.file(authz.FILE, main.commit)).content
    except errors.ForgeNotFoundError:
        return authz.Policy().freeze_label
    return authz_file.build(homes.parse_yaml(raw, authz.FILE)).freeze_label


def _refuse(reason: Refusal, message: str) -> NoReturn:
    raise errors.InvalidRequestError(message, reason=reason.value)
