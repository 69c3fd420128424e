"""A home whose owner has listed bots, with everything that a run leans on but the steward, the gateway and patchctl."""

import asyncio
import dataclasses
import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from council import care_records, homes
from council.domain import authz, bots, errors, home, incidents, patches
from council.patching import bot_keys, roster
from council.services import bot_runs, drafter, signer
from council.upkeep.bots import registry
from council.upkeep.engine import blueprint, repository
from council.upkeep.patchctl.core import signature

TICKS = itertools.count(1)
T0_US = 1_800_000_000_000_000
PROVIDERS = b"""
providers:
  near: {url: "http://127.0.0.1:9001/v1", key: none}
  far: {url: "http://127.0.0.1:9002/v1", key: none}
models:
  big:
    deployments:
      - {provider: near, model: x, weight: 1}
      - {provider: far, model: x, weight: 1}
escalation: {model: big, share_max: 0.06}
"""


@dataclass
class FakeProposals:
    """care_ports.Proposals that keeps what was proposed."""

    where: home.Home
    paused: str = ""
    rows: Sequence[Mapping[str, Any]] = ()
    sent: list[patches.Submission] = field(default_factory=list)
    refusal: errors.CouncilError | None = None
    # How often it has no forge yet when it is asked.
    makes_it_after: int = 0

    def base(self) -> bots.Base:
        if self.makes_it_after:
            self.makes_it_after -= 1
            raise errors.ForgeNotFoundError("There is no forge yet. Start Council: its steward makes it.")
        live = blueprint.current(self.where)
        return bots.Base(live, repository.tree_of(self.where, live) or "", "local", self.paused)

    def changes(self, limit: int) -> Sequence[Mapping[str, Any]]:
        return self.rows[:limit]

    def propose(self, sent: patches.Submission) -> int:
        if self.refusal is not None:
            raise self.refusal
        self.sent.append(sent)
        return len(self.sent)


@dataclass
class FakeService:
    """Of care_ports.PatchService what bots use."""

    sent: list[patches.Submission] = field(default_factory=list)

    async def apply(self, sent: patches.Submission, *, trial: bool = False) -> patches.Decision:
        self.sent.append(sent)
        digest = patches.digest(sent.document)
        return patches.Decision(True, patches.cid(digest), digest)

    async def close(self) -> None:
        return


@dataclass
class Scripted:
    """care_ports.Advisor that says what it was told to; `asked` are the prompts."""

    says: Callable[[str], str] | str
    asked: list[str] = field(default_factory=list)

    def ask(self, model: str, prompt: str, tokens_max: int, limit_s: float) -> str:
        self.asked.append(prompt)
        return self.says if isinstance(self.says, str) else self.says(prompt)


class Here(drafter.Drafter):
    """Drafts in this process: what the child is apart from its confinement."""

    def draft(self, bot: str, evidence: Mapping[str, Any], ask: bots.Ask, limit_s: float) -> bots.Draft | bots.Nothing:
        one = registry.named(bot)
        assert one is not None
        found = one.draft(evidence, ask)
        return bots.decode(bots.encode(found)) if isinstance(found, bots.Draft) else found


def prepared(
    folder: Path, *names: str, allow: Mapping[str, tuple[str, ...]] | None = None, settings: bytes = b"{}"
) -> home.Home:
    """Return a home that lists these bots, each with its key and as many patches a day as it likes."""
    where = home.Home(folder / "home")
    homes.prepare(where, {})
    files: dict[str, bytes | None] = {"providers.yaml": PROVIDERS, "council.yaml": settings}
    text = homes.default_files()[authz.FILE]
    for name in names:
        one = registry.named(name)
        assert one is not None
        certificate = bot_keys.ensure(where.bot_key_file(name), name).encode()
        fingerprint = signature.fingerprint_of(certificate)
        paths = (allow or {}).get(name, one.touches)
        text = roster.with_signer(text, authz.Signer(fingerprint, name, authz.Kind.BOT, paths, (), 50, name))
        files[authz.certificate_path(fingerprint)] = certificate
    blueprint.commit(where, {**files, authz.FILE: text}, "List bots")
    return where


class House:
    """Runs bots on such a home. Close it."""

    def __init__(self, where: home.Home, says: Callable[[str], str] | str = "", *, real_drafter: bool = False) -> None:
        self.where = where
        self.keys = signer.Signer(where)
        self._ticks = TICKS
        self.advisor = Scripted(says)
        self.proposals = FakeProposals(where)
        self.service = FakeService()
        config = homes.load_config(where, None, os.environ, {})
        self.incidents = care_records.incidents(config, where)
        self.parts = bot_runs.Parts(
            where=where,
            runs=care_records.bot_runs(config, where),
            proposals=self.proposals,
            signer=self.keys,
            advisor=lambda: self.advisor,
            service=lambda: self.service,  # type: ignore[arg-type, return-value]
            now_us=lambda: T0_US + next(self._ticks) * 1_000_000,
            drafter=drafter.Drafter() if real_drafter else Here(),
        )

    def forget(self) -> None:
        """Have nothing been proposed or asked yet."""
        self.proposals.sent.clear()
        self.service.sent.clear()
        self.advisor.asked.clear()
        self.proposals.paused, self.proposals.rows, self.proposals.refusal = "", (), None

    def run(self, name: str, *, dry: bool = False) -> bot_runs.Done:
        one = registry.named(name)
        assert one is not None
        return asyncio.run(bot_runs.run(self.parts, one, dry=dry))

    def incident(
        self, number: int, alert: str = "concurrent_users", summary: str = "too many", severity: str = "warning"
    ) -> str:
        """Have an incident go on; return its id."""
        identifier = f"01K{number:023d}"
        kind = incidents.Severity(severity)
        member = incidents.Member(incidents.Alert(alert, (), kind, summary, T0_US, "Look."), T0_US)
        timeline = (incidents.Moment(T0_US, summary),)
        one = incidents.Incident(
            identifier, incidents.Standing.OPEN, kind, T0_US, T0_US, members=(member,), timeline=timeline
        )
        self.incidents.save([one], [])
        return identifier

    def end(self, identifier: str) -> None:
        one = self.incidents.find(identifier)
        assert one is not None
        self.incidents.save([dataclasses.replace(one, standing=incidents.Standing.REPAIRED, repaired_us=T0_US)], [])

    def close(self) -> None:
        self.keys.close()
        self.incidents.close()
        self.parts.runs.close()
