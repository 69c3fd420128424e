"""A patch looked at as patchctl will, each step told: for whoever wants to know before they submit. It changes nothing.

The verdict is `core/judging.judge`'s, in its order; gpgv and the comparison with the files as they are now stand where they
belong among its steps. What says no ends the look: nobody has asked the steps after it.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from council.domain import errors, patches
from council.patching import drafting, situation
from council.upkeep.patchctl import gpgv
from council.upkeep.patchctl.core import judging, signature


class Step(enum.StrEnum):
    """What is looked at, in this order."""

    SIZE = "size"
    SIGNATURE = "signature"
    SECOND_VERIFIER = "second verifier"
    DOCUMENT = "document"
    FRESHNESS = "freshness"
    SIGNERS = "signers and paths"
    QUOTA = "quota"
    FREEZE = "freeze"
    CONTENTS = "contents"
    FILES = "files as they were"


class Told(enum.StrEnum):
    """How a step went."""

    GOOD = "good"
    REFUSED = "refused"
    NOT_REACHED = "not reached"


# Where a reason comes from; those of `signature_` are the signature's.
_STEPS: Mapping[str, Step] = {
    patches.Reason.TOO_LARGE: Step.DOCUMENT,
    patches.Reason.TOO_MANY: Step.DOCUMENT,
    patches.Reason.DOCUMENT_MALFORMED: Step.DOCUMENT,
    patches.Reason.DOCUMENT_INVALID: Step.DOCUMENT,
    patches.Reason.PATH_UNSAFE: Step.DOCUMENT,
    patches.Reason.NOT_YET: Step.FRESHNESS,
    patches.Reason.EXPIRED: Step.FRESHNESS,
    patches.Reason.LASTS_TOO_LONG: Step.FRESHNESS,
    patches.Reason.REPLAYED: Step.FRESHNESS,
    patches.Reason.CID_TAKEN: Step.FRESHNESS,
    patches.Reason.QUARANTINED: Step.FRESHNESS,
    patches.Reason.STALE_BASE: Step.FRESHNESS,
    patches.Reason.COSIGNATURE: Step.SIGNERS,
    patches.Reason.PATH_NOT_ALLOWED: Step.SIGNERS,
    patches.Reason.PROTECTED: Step.SIGNERS,
    patches.Reason.QUOTA: Step.QUOTA,
    patches.Reason.FROZEN: Step.FREEZE,
    patches.Reason.SECRET: Step.CONTENTS,
    patches.Reason.FILE_INVALID: Step.CONTENTS,
    patches.Reason.NEEDS_RESTART: Step.CONTENTS,
}


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found. `reason` and `message` are empty for a patch that would be tried; `ended` is where it ended."""

    verdict: judging.Verdict
    reason: str = ""
    message: str = ""
    ended: Step | None = None

    @property
    def steps(self) -> list[tuple[Step, Told]]:
        """Return each step and how it went."""
        if self.ended is None:
            return [(one, Told.GOOD) for one in Step]
        order = list(Step)
        ended = order.index(self.ended)
        ranks = {-1: Told.GOOD, 0: Told.REFUSED, 1: Told.NOT_REACHED}
        return [(one, ranks[(at > ended) - (at < ended)]) for at, one in enumerate(order)]


def step_of(reason: str, *, proven: bool) -> Step:
    """Return the step of `judging` that a reason comes from; `proven` is whether the signature was good."""
    if reason == patches.Reason.TOO_LARGE and not proven:
        return Step.SIZE
    return _STEPS.get(reason, Step.SIGNATURE)


async def check(sent: patches.Submission, seen: situation.Sight, at: judging.Situation, live: Path) -> Checked:
    """Return what patchctl would say of what was sent; `live` is the folder of the live generation.

    Raises SetupError where gpgv is missing.
    """
    verdict = judging.judge(sent, at)
    proven = verdict.signer is not None
    try:
        if proven:
            await _ask_gpgv(sent, seen, at, bool(verdict.signers))
    except errors.PatchRefusedError as error:
        return Checked(verdict, error.reason, error.message, Step.SECOND_VERIFIER)
    if not verdict.accepted or verdict.patch is None:
        return Checked(verdict, verdict.reason, verdict.message, step_of(verdict.reason, proven=proven))
    try:
        drafting.check_stages(live, verdict.patch.changes)
    except errors.PatchRefusedError as error:
        return Checked(verdict, error.reason, error.message, Step.FILES)
    return Checked(verdict)


async def _ask_gpgv(sent: patches.Submission, seen: situation.Sight, at: judging.Situation, cosigned: bool) -> None:
    for raw in (sent.signature, *(sent.cosignatures if cosigned else ())):
        name = signature.check(sent.document, raw, seen.certificates, at.policy.revoked, at.now)
        await gpgv.check(sent.document, raw, name, seen.packets[name])
