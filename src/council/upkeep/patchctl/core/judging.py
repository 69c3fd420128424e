"""May this patch be tried? One function, in one order, of what it is given.

    size -> signature -> document -> freshness -> cosignatures, paths -> quota -> freeze -> contents

Until the signature is proven nothing of the document is read, nothing about the policy is told and nothing is spent. The same
function judges again at the moment before the switch, with the situation of that moment.
"""

from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace

from council.domain import authz, errors, patches
from council.upkeep.patchctl.core import documents, quota, secrecy, signature

COSIGNATURES_MAX = 20
AHEAD_S_MAX = 300


def _nothing_to_check(_: Sequence[patches.Change]) -> None:
    return


def _always(_: patches.Change) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Situation:
    """What is so at the moment of judging. Whoever calls reads it anew each time.

    `now` in Unix seconds. `policy` and `certificates` are of the live generation. `bases` are the commits whose tree is that
    of the live generation. `seen` is every patch that was applied or rolled back: its CID to its full digest. `quarantined`
    holds the content digests of what was rolled back. `tally` is of all the journal's records. `frozen` None is for a source
    that cannot be read. `check_files` raises a CouncilError for a file that its reader would refuse, and a
    PatchRefusedError for what is refused for a reason of its own. `loosens` says whether a
    change of a protected file may take away from what that file holds; who cannot tell says that it does. `spends` False is
    for a trial, which counts for no quota.
    """

    now: float
    policy: authz.Policy
    certificates: Mapping[str, signature.Certificate]
    bases: Container[str]
    frozen: bool | None
    seen: Mapping[str, str] = field(default_factory=dict)
    quarantined: Collection[str] = frozenset()
    tally: quota.Tally = field(default_factory=quota.Tally)
    check_files: Callable[[Sequence[patches.Change]], None] = _nothing_to_check
    loosens: Callable[[patches.Change], bool] = _always
    spends: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. `reason` is empty for a patch that may be tried; `signer` is None until a signature is proven.

    `signers` are the fingerprints of all who stand behind it, the signer first.
    """

    digest: str
    reason: str = ""
    message: str = ""
    retry_after_s: int | None = None
    signer: authz.Signer | None = None
    signers: tuple[str, ...] = ()
    patch: patches.Patch | None = None

    @property
    def accepted(self) -> bool:
        """Whether the patch may be tried."""
        return not self.reason

    @property
    def cid(self) -> str:
        """What people are shown."""
        return patches.cid(self.digest)


def judge(sent: patches.Submission, at: Situation) -> Verdict:
    """Return what is to be done with what was sent. Never raises for what is in it."""
    verdict = Verdict(patches.digest(sent.document))
    try:
        _check_size(sent, at)
        signer = _signer(sent.signature, sent, at)
        verdict = replace(verdict, signer=signer)
        patch = documents.parse(sent.document, at.policy.sizes)
        verdict = replace(verdict, patch=patch)
        _check_fresh(patch, verdict.digest, at)
        verdict = replace(verdict, signers=_everybody(sent, signer, at))
        _check_paths(patch, signer, verdict.signers, at)
        if at.spends:
            quota.check(at.tally.used(at.now, verdict.digest), signer, at.policy, at.now)
        if at.frozen is not False:
            raise _refused(patches.Reason.FROZEN, _frozen(at))
        check_contents(patch, at.check_files)
    except errors.PatchRefusedError as error:
        return replace(verdict, reason=error.reason, message=error.message, retry_after_s=error.retry_after_s)
    return verdict


def _check_size(sent: patches.Submission, at: Situation) -> None:
    if not 0 < len(sent.document) <= at.policy.sizes.patch_bytes:
        raise _refused(
            patches.Reason.TOO_LARGE,
            f"The patch has {len(sent.document)} bytes; 1 to {at.policy.sizes.patch_bytes} are read. Split it into several.",
        )


def _signer(raw: bytes, sent: patches.Submission, at: Situation) -> authz.Signer:
    listed = {name: one for name, one in at.certificates.items() if name in at.policy.signers}
    return at.policy.signers[signature.check(sent.document, raw, listed, at.policy.revoked, at.now)]


def _check_fresh(patch: patches.Patch, digest: str, at: Situation) -> None:
    if patch.created > at.now + AHEAD_S_MAX:
        raise _refused(patches.Reason.NOT_YET, "`created` lies in the future. Set the clock, and make the patch again.")
    if patch.expires <= at.now:
        raise _refused(patches.Reason.EXPIRED, "The patch has expired. Make it anew from the live generation.")
    if not 0 < patch.expires - patch.created <= at.policy.lifetime_s_max:
        raise _refused(
            patches.Reason.LASTS_TOO_LONG,
            f"`expires` must be after `created`, by at most {at.policy.lifetime_s_max // 3600} hours. Make the patch again.",
        )
    known = at.seen.get(patches.cid(digest))
    if known == digest:
        raise _refused(
            patches.Reason.REPLAYED, "This patch was applied before. Make a new one from the live generation."
        )
    if known is not None:
        raise _refused(
            patches.Reason.CID_TAKEN, "Another patch has the same CID. Change its `reason`, and sign it again."
        )
    if patches.content_digest(patch) in at.quarantined:
        raise _refused(
            patches.Reason.QUARANTINED,
            "A patch with this content was rolled back. Look at `council patch history` for why, and change what it does.",
        )
    if patch.base not in at.bases:
        raise _refused(
            patches.Reason.STALE_BASE,
            "The patch was made from another state than the live one. Make it anew with `council patch new`.",
        )


def _everybody(sent: patches.Submission, signer: authz.Signer, at: Situation) -> tuple[str, ...]:
    if len(sent.cosignatures) > COSIGNATURES_MAX:
        raise _refused(
            patches.Reason.COSIGNATURE,
            f"{len(sent.cosignatures)} cosignatures were sent; {COSIGNATURES_MAX} are read. Send those that are needed.",
        )
    found = [signer.fingerprint]
    for number, raw in enumerate(sent.cosignatures, 1):
        try:
            found.append(_signer(raw, sent, at).fingerprint)
        except errors.PatchRefusedError as error:
            raise _refused(
                patches.Reason.COSIGNATURE, f"Cosignature {number} ({error.reason}): {error.message}"
            ) from error
    return tuple(dict.fromkeys(found))


def _check_paths(patch: patches.Patch, signer: authz.Signer, signers: Sequence[str], at: Situation) -> None:
    people = [name for name in signers if at.policy.signers[name].kind is authz.Kind.HUMAN]
    for change in patch.changes:
        if not signer.may_change(change.path):
            raise _refused(
                patches.Reason.PATH_NOT_ALLOWED,
                f"{signer.name} may not change `{change.path}`. Leave it out, or have {authz.FILE} allow it.",
            )
        if change.executable and not people:
            raise _refused(
                patches.Reason.PROTECTED,
                f"`{change.path}` is to be executable, which needs a person. Have one sign it too (`council patch sign`).",
            )
        rule = at.policy.lacking(change.path, signers)
        if rule is not None and (rule == authz.ALWAYS_PROTECTED or at.loosens(change)):
            raise _refused(
                patches.Reason.PROTECTED,
                f"`{change.path}` is protected: {rule.humans} of the people who may change it must stand behind the patch. "
                "Have them sign the same file (`council patch sign`).",
            )


def check_contents(patch: patches.Patch, check_files: Callable[[Sequence[patches.Change]], None]) -> None:
    """Return if nothing looks like a secret and every reader reads its file. Raises PatchRefusedError."""
    words = "\n".join((patch.title, patch.reason, patch.author)).encode()
    files = ((f"`{one.path}`", one.content) for one in patch.changes if one.content is not None)
    for name, content in (("What it says of itself", words), *files):
        if what := secrecy.find(content):
            raise _refused(
                patches.Reason.SECRET,
                f"{name} holds what looks like {what}. Take it out, change it where it was in use, and keep it in the home "
                "(`council providers key`).",
            )
    try:
        check_files(patch.changes)
    except errors.PatchRefusedError:
        raise
    except errors.CouncilError as error:
        raise _refused(patches.Reason.FILE_INVALID, error.message) from error


def _frozen(at: Situation) -> str:
    if at.frozen is None:
        return "Nobody can tell whether changes are frozen, so they are. Look at `council doctor`, and send the patch again."
    return (
        "Changes are frozen. Wait until `council freeze off`, or `council autonomy resume` where that is paused, and send the "
        "patch again."
    )


def _refused(reason: patches.Reason, message: str) -> errors.PatchRefusedError:
    return errors.PatchRefusedError(message, reason=reason)
