"""Every fault that there is, as data: what it does, whom it hurts, how it is undone and how long it may last.

A request names the parts that it needs (`ASKED_OF`). A fault owns those that need a part of its own: they may be lost while
it lasts, and all others may not.
"""

import enum
from dataclasses import dataclass

# Every request needs these; a fault of them owns all.
EVERYWHERE = frozenset({"gateway", "records"})
# What is asked in a campaign, and of whom.
ASKED_OF = {
    "computed": frozenset({"worker"}) | EVERYWHERE,
    "looked up": frozenset({"recall"}) | EVERYWHERE,
    "run": frozenset({"sandboxd", "zygote"}) | EVERYWHERE,
    "relayed": frozenset({"upstream"}) | EVERYWHERE,
    "said": frozenset({"model"}) | EVERYWHERE,
}
# In a fault's `owns`: the service that it befalls.
THE_SERVICE = "SERVICE"
# Of these nothing is to be noticed, since nothing comes of them; what they did is told by who put them in.
QUIET = frozenset({"flood", "injected-document", "clock-stepped", "model-wrong", "sandbox-bomb"})
# These never stay longer: nothing runs meanwhile, or all that is asked and written waits for them.
SOON_OUT = frozenset({"port-taken", "records-locked", "disk-full"})
# A fault outlives its limit by no more than this, by which whoever undoes it has looked.
SLACK_S = 5.0


class Lasts(enum.StrEnum):
    """Until when a fault lasts: it has happened at once, Council ends it, or only who put it in can."""

    MOMENT = "a moment"
    REPAIRED = "until it is repaired"
    HELD = "until it is taken away"


class Need(enum.StrEnum):
    """What a fault needs that not every home has."""

    UPSTREAM = "a scripted upstream, as a campaign's own home has"
    DISK = "a small disk of its own under the home, which takes root"
    SIGNER = "a key whose patches are taken, as a campaign's own home has"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `services` are those that it can befall, one of which is drawn; `limit_s` is the longest that it lasts."""

    name: str
    does: str
    hurts: str
    undone: str
    lasts: Lasts
    limit_s: float
    owns: frozenset[str]
    services: tuple[str, ...] = ("",)
    needs: frozenset[Need] = frozenset()

    def parts(self, service: str) -> frozenset[str]:
        """Return the parts that are its own where it befalls this service."""
        return frozenset(service if one == THE_SERVICE else one for one in self.owns)

    def hits(self, kind: str, service: str) -> bool:
        """Return whether requests of a kind may be lost by it."""
        return bool(ASKED_OF[kind] & self.parts(service))


def _own(*parts: str) -> frozenset[str]:
    return frozenset(parts)


def _upstream(name: str, does: str, limit_s: float = 45.0) -> Fault:
    return Fault(
        name, does, "Requests for models of the upstream.", "The upstream behaves again.", Lasts.HELD, limit_s,
        _own("upstream"), needs=frozenset({Need.UPSTREAM}),
    )  # fmt: skip


_HEALTHY_CHILD = "The child is ended, and the supervisor starts a healthy one."
_SIGNALLED = ("worker", "recall", "sandboxd", "gateway", "watcher", "steward", "patchctl")

FAULTS: tuple[Fault, ...] = (
    # Processes
    Fault(
        "process-killed", "Kills a service with SIGKILL.", "What that service was doing.",
        "The supervisor starts it again.", Lasts.MOMENT, 60, _own(THE_SERVICE), (*_SIGNALLED, "zygote"),
    ),
    Fault(
        "process-stopped", "Stops a service with SIGSTOP.", "Whoever waits for that service.", "SIGCONT.",
        Lasts.REPAIRED, 90, _own(THE_SERVICE), ("recall", "sandboxd", "gateway", "steward"),
    ),
    Fault(
        "memory-leak", "A child in the service's place keeps 2 MB more each second, up to 180 MB.",
        "The machine's memory.", _HEALTHY_CHILD, Lasts.REPAIRED, 90, _own(THE_SERVICE), ("recall", "sandboxd", "gateway"),
    ),
    Fault(
        "descriptor-leak", "A child in the service's place opens descriptors up to 90 % of its limit.",
        "New connections and files of that service.", _HEALTHY_CHILD, Lasts.REPAIRED, 90, _own(THE_SERVICE),
        ("recall", "sandboxd", "gateway"),
    ),
    Fault(
        "spinning", "The event loop of a child in the service's place goes round for nothing.",
        "Whoever waits for that service, and a core.", _HEALTHY_CHILD, Lasts.REPAIRED, 90, _own(THE_SERVICE),
        ("recall", "sandboxd", "gateway"),
    ),
    Fault(
        "deadlocked", "The event loop of a child in the service's place waits for a lock that it holds itself.",
        "Whoever waits for that service.", _HEALTHY_CHILD, Lasts.REPAIRED, 90, _own(THE_SERVICE),
        ("recall", "sandboxd", "gateway"),
    ),
    Fault(
        "clock-stepped", "The clock of a child in the service's place is five minutes ahead, as Python's `time` tells it.",
        "What that service notes while it lasts.", _HEALTHY_CHILD, Lasts.HELD, 30, _own(), ("sandboxd", "recall", "gateway"),
    ),
    Fault(
        "tree-killed", "Kills the supervisor and everything under it with SIGKILL.", "Everybody.",
        "The service manager starts it again; where there is none, the command does after the unit's delay.",
        Lasts.MOMENT, 120, EVERYWHERE,
    ),
    Fault(
        "port-taken", "Kills everything, and listens on the gateway's port before it comes back.", "Everybody.",
        "The port is given back; the service manager tries again until then.", Lasts.HELD, 12, EVERYWHERE,
    ),
    # Parts
    Fault(
        "store-killed", "Kills the store with SIGKILL.", "Nobody should notice: rate limits count anew.",
        "The supervisor starts it again.", Lasts.MOMENT, 60, _own("store"),
    ),
    Fault(
        "store-slow", "Stops the store nine tenths of the time.", "Whatever asks the store waits, and goes on without it.",
        "SIGCONT.", Lasts.HELD, 30, _own("store"),
    ),
    Fault(
        "store-full", "Fills the store's memory with keys that expire at the limit.", "What would be written to the store.",
        "The keys are deleted, or expire.", Lasts.HELD, 30, _own("store"),
    ),
    Fault(
        "records-locked",
        "Holds the lock for writing of the records' database.", "Every answer, since none is lost from the ledger.",
        "The lock is given back; it ends with the command, too.", Lasts.HELD, 20, EVERYWHERE,
    ),
    Fault(
        "records-slow", "Holds that lock for half a second out of each.", "Every answer waits for its row in the ledger.",
        "The lock is given back; it ends with the command, too.", Lasts.HELD, 30, EVERYWHERE,
    ),
    Fault(
        "records-full", "Gives the gateway a limit on the size of files that the records have passed.", "Every answer.",
        "The limit is what it was.", Lasts.REPAIRED, 90, EVERYWHERE,
    ),
    Fault(
        "disk-full", "Fills the small disk that the home lies on to the last byte.", "Everything that is written.",
        "The file is removed.", Lasts.HELD, 40, EVERYWHERE, needs=frozenset({Need.DISK}),
    ),
    Fault(
        "model-dead", "Kills the packaged model as often as it is started.", "What only it can answer.",
        "It is left alone.", Lasts.HELD, 30, _own("model"),
    ),
    Fault(
        "model-slow", "Stops the packaged model nine tenths of the time.", "What only it can answer.", "SIGCONT.",
        Lasts.HELD, 40, _own("model"),
    ),
    Fault(
        "model-wrong", "A child in the model's place says something else than it should.", "Who believes it.",
        _HEALTHY_CHILD, Lasts.HELD, 30, _own("model"),
    ),
    # The upstream
    _upstream("upstream-down", "The upstream answers every call with status 500."),
    _upstream("upstream-slow", "The upstream takes 2.5 s to the first word."),
    _upstream("upstream-429", "The upstream says that there are too many calls."),
    _upstream("upstream-cut", "The upstream breaks off in the middle of its answers."),
    _upstream("upstream-wrong-usage", "The upstream says that 10^15 tokens were used.", 20),
    _upstream("key-expired", "The upstream no longer knows the provider's key."),
    # Files
    Fault(
        "config-corrupt", "Damages the live generation's `council.yaml`, and kills a service, which then reads it.",
        "That service.", "The file is put back.", Lasts.REPAIRED, 45, _own(THE_SERVICE), ("worker", "sandboxd"),
    ),
    Fault(
        "index-corrupt",
        "Damages the index of meanings, and kills recall, which then reads it.", "Searches, until it is made anew.",
        "Recall makes it anew; at the limit it is removed, for recall to do so.", Lasts.REPAIRED, 60, _own("recall"),
    ),
    Fault(
        "journal-tail", "Leaves half a line at the end of the journal of patches, and kills patchctl.", "Nobody.",
        "The half line is cut off, by patchctl before it appends, or by the command.", Lasts.MOMENT, 45, _own("patchctl"),
    ),
    # Changes, and those who ask
    Fault(
        "bad-patch",
        "Applies a signed patch whose model fails, which the questions of its trial do not ask.", "Requests for that model.",
        "The bake takes it back; at the limit the command has it taken back.", Lasts.REPAIRED, 110, _own("upstream"),
        needs=frozenset({Need.UPSTREAM, Need.SIGNER}),
    ),
    Fault(
        "flood", "Asks 40 questions at a time with a token that may ask 30 a minute.", "Nobody else should notice.",
        "It stops, and the token is revoked.", Lasts.HELD, 20, _own(),
    ),
    Fault(
        "injected-document", "Puts a document into the library that orders whoever reads it about, and asks for it.", "Nobody.",
        "The document is removed.", Lasts.HELD, 30, _own(),
    ),
    Fault(
        "sandbox-bomb", "Runs a fork bomb, a memory bomb and an endless loop in the sandbox.", "Nobody else should notice.",
        "The sandbox ends each at its own limits.", Lasts.MOMENT, 60, _own(),
    ),
)  # fmt: skip

BY_NAME = {one.name: one for one in FAULTS}
# One of each sort that ends within seconds, for a first look and for the tests.
SHORT = ("process-killed", "process-stopped", "sandbox-bomb", "tree-killed")
