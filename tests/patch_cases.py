"""A patch that is accepted, and what is so when it is: each test changes one thing of it."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import pgp
from council.domain import authz, patches
from council.upkeep.patchctl.core import judging, quota, signature

# Long past, so that what is in the future of it is not in the future of the machine's clock, which the engine reads.
NOW = 1_750_000_000
BORN = NOW - 10_000_000
BASE = "a" * 40

ANN = pgp.Owner("Ann", BORN)
BOB = pgp.Owner("Bob", BORN)
CAROL = pgp.Owner("Carol", BORN)
TUNER = pgp.Owner("tuner", BORN)
MENDER = pgp.Owner("mender", BORN)
STRANGER = pgp.Owner("stranger", BORN)
OWNERS = (ANN, BOB, CAROL, TUNER, MENDER)


def signer(
    owner: pgp.Owner, kind: str, *allow: str, deny: tuple[str, ...] = (), daily_max: int | None = None
) -> authz.Signer:
    return authz.Signer(owner.fingerprint, owner.name, authz.Kind(kind), allow, deny, daily_max)


SIGNERS = {
    one.fingerprint: one
    for one in (
        signer(ANN, "human", "**"),
        signer(BOB, "human", "**", deny=("prompts/**",)),
        signer(CAROL, "human", "**", daily_max=1),
        signer(TUNER, "bot", "prompts/**", "gates.yaml", deny=("prompts/code.md",), daily_max=2),
        signer(MENDER, "bot", "prompts/**"),
    )
}
POLICY = authz.Policy(
    signers=SIGNERS,
    protected=(
        authz.ALWAYS_PROTECTED,
        authz.Protected(("gates.yaml",)),
        authz.Protected(("specialists/**",), humans=2),
        authz.Protected(("pins.yaml",), humans=1, of=frozenset({BOB.fingerprint})),
    ),
)
CERTIFICATES = {
    owner.fingerprint: signature.read_certificate(owner.fingerprint, owner.certificate()) for owner in OWNERS
}
PUT = patches.Change("prompts/general.md", patches.Action.PUT, b"Answer in one sentence.\n", None)
PATCH = patches.Patch(
    author="tuner",
    created=NOW - 60,
    expires=NOW + 3600,
    base=BASE,
    title="Answer shorter",
    reason="Answers were long.\nPeople said so.",
    changes=(PUT,),
    ticket=7,
)


def put(path: str, content: bytes = b"x\n", **more: Any) -> patches.Change:
    return patches.Change(path, patches.Action.PUT, content, None, **more)


def patch(*changes: patches.Change, **more: Any) -> patches.Patch:
    return dataclasses.replace(PATCH, **({"changes": changes} if changes else {}), **more)


def signed(document: bytes, owner: pgp.Owner = TUNER, made: int = NOW - 30) -> bytes:
    return pgp.signature(owner.primary, document, made)


def sent(
    what: patches.Patch | bytes = PATCH, owner: pgp.Owner = TUNER, cosigners: tuple[pgp.Owner, ...] = ()
) -> patches.Submission:
    document = what if isinstance(what, bytes) else patches.dump(what)
    return patches.Submission(document, signed(document, owner), tuple(signed(document, one) for one in cosigners))


def situation(records: Iterable[Mapping[str, Any]] = (), **changed: Any) -> judging.Situation:
    so = judging.Situation(
        now=NOW,
        policy=POLICY,
        certificates=CERTIFICATES,
        bases=frozenset({BASE}),
        frozen=False,
        tally=quota.Tally(records),
    )
    return dataclasses.replace(so, **changed)


def begun(number: int, owner: pgp.Owner, at: float = NOW - 10) -> dict[str, Any]:
    kind = SIGNERS[owner.fingerprint].kind.value
    return {"phase": "staging", "patch": f"{number:064x}", "at": at, "signer": owner.fingerprint, "kind": kind}


def ended(number: int, outcome: str) -> dict[str, Any]:
    return {"phase": "idle", "patch": f"{number:064x}", "outcome": outcome, "reason": ""}
