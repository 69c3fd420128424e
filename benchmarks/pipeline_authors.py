"""Who proposes in the campaign of the pipeline: each with a key, a line in authz.yaml and an account on the local forge."""

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pysequoia

from council import care_app, care_ports, homes
from council.delivery import proposing, pulls
from council.domain import authz, errors, forge, patches
from council.domain import home as home_module
from council.patching import checking, drafting, roster, situation
from council.upkeep.engine import blueprint, repository
from council.upkeep.patchctl.core import documents

FLOODER_DAILY = 1
_STRANGER = "stranger"
_MANY = 10_000
_LASTS_S = 3600
_ROWS = 200
# Name, kind, what it may write, and how many of its patches a day; the stranger is listed nowhere.
_AUTHORS = (
    ("tuner", authz.Kind.BOT, ("prompts/**",), _MANY),
    ("clerk", authz.Kind.BOT, ("guidebook/**", "knowledge/**"), _MANY),
    ("flooder", authz.Kind.BOT, ("prompts/**",), FLOODER_DAILY),
    ("Bob", authz.Kind.HUMAN, ("**",), _MANY),
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A pull request and what it proposes."""

    number: int
    cid: str
    sent: patches.Submission


class Crew:
    """The authors of a home, and its forge as each of them asks it."""

    def __init__(self, where: home_module.Home, port: int):
        self._where = where
        self._config = homes.load_config(where, None, {}, {})
        self._keys = {name: _key(name) for name in (*(one[0] for one in _AUTHORS), _STRANGER)}
        self._signers = {
            name: authz.Signer(_fingerprint(self._keys[name]), name, kind, allow, daily_max=most, account=name.lower())
            for name, kind, allow, most in _AUTHORS
        }
        text = (where.current / authz.FILE).read_bytes().replace(b"bots_daily: 3", f"bots_daily: {_MANY}".encode())
        listed: dict[str, bytes] = {}
        for name, signer in self._signers.items():
            text = roster.with_signer(text, signer)
            listed[authz.certificate_path(signer.fingerprint)] = str(self._keys[name].extract_certificate()).encode()
        blueprint.commit(where, listed | {authz.FILE: text}, "List who proposes")
        self._forges: dict[str, care_ports.Forge] = {}
        self._service = care_app.patch_service(where, port + 1)

    async def close(self) -> None:
        """Close every connection."""
        for one in self._forges.values():
            await one.close()
        await self._service.close()

    async def opened(
        self,
        author: str,
        words: tuple[str, str],
        puts: Mapping[str, bytes],
        *,
        is_checked: bool = True,
        instead: Mapping[str, bytes] | None = None,
    ) -> Opened:
        """Open a pull request with a title and a reason; `instead` are the files that it holds in the place of those signed.

        Raises PatchRefusedError where it is checked beforehand and would be refused.
        """
        seen = await asyncio.to_thread(situation.look, self._where)
        tree = await asyncio.to_thread(repository.tree_of, self._where, seen.live)
        assert tree is not None
        there = self._forge(author)
        base = await proposing.base_of(there, tree)
        signer = self._signers.get(author, self._signers["tuner"])
        sent, patch = await asyncio.to_thread(self._signed, author, words, puts, seen, tree)
        if is_checked:
            live = self._where.generations / seen.live
            found = await checking.check(sent, seen, situation.situation(self._where, seen, int(time.time())), live)
            if found.reason:
                raise errors.PatchRefusedError(f"{found.reason}: {found.message}", reason=found.reason)
        draft = proposing.Draft(sent, patch, signer)
        if instead is not None:
            return await self._swapped(there, base, draft, instead)
        return Opened(await proposing.propose(there, base, draft), _cid(sent), sent)

    async def reopened(self, author: str, sent: patches.Submission) -> Opened:
        """Open a pull request of a patch that came before, upon what serves now."""
        there, seen = self._forge(author), await asyncio.to_thread(situation.look, self._where)
        tree = await asyncio.to_thread(repository.tree_of, self._where, seen.live)
        assert tree is not None
        patch = documents.parse(sent.document, seen.policy.sizes)
        draft = proposing.Draft(sent, patch, self._signers[author])
        return await self._swapped(there, await proposing.base_of(there, tree), draft, {})

    async def _swapped(
        self, there: care_ports.Forge, base: str, draft: proposing.Draft, instead: Mapping[str, bytes]
    ) -> Opened:
        files = proposing.files_of(draft, await there.files(base))
        files |= {path: forge.File(content) for path, content in instead.items()}
        branch, account = f"by-hand-{int(time.time() * 1000)}", draft.signer.account
        words = forge.Words(draft.patch.title, account, f"{account}@localhost", int(time.time()))
        await there.branch(branch, base, files, words)
        number = await there.open_pull(forge.Proposal(branch, draft.patch.title, draft.patch.reason))
        return Opened(number, _cid(draft.sent), draft.sent)

    def _signed(
        self, author: str, words: tuple[str, str], puts: Mapping[str, bytes], seen: situation.Sight, tree: str
    ) -> tuple[patches.Submission, patches.Patch]:
        live, now = self._where.generations / seen.live, int(time.time())
        with tempfile.TemporaryDirectory() as folder:
            sources = {path: Path(folder, str(number)) for number, path in enumerate(puts)}
            for path, source in sources.items():
                source.write_bytes(puts[path])
            given = drafting.of_files(live, sources, (), seen.policy.sizes)
        said = drafting.Words(author, *words, now - 60, now + _LASTS_S)
        document = drafting.document(said, tree, given, seen.policy, situation.checker(self._where, seen.live))
        key = self._keys[author]
        made = bytes(pysequoia.sign(key.signer(), document, mode=pysequoia.SignatureMode.DETACHED, armor=False))
        return patches.Submission(document, made), documents.parse(document, seen.policy.sizes)

    async def follow(self, number: int) -> AsyncGenerator[proposing.Told, None]:
        """Yield what is said of a pull request until its patch serves or will not."""
        async for one in proposing.follow(self._forge("Bob"), number, {pulls.ACCOUNT}):
            yield one

    async def close_pull(self, number: int) -> None:
        """Close a pull request, as a person would one that is refused, and remove its branch."""
        there = self._forge("Bob")
        pull = await there.pull(number)
        if pull.state is forge.PullState.OPEN:
            await there.close_pull(number)
            await there.delete_branch(pull.branch)

    async def row(self, cid: str) -> Mapping[str, Any] | None:
        """Return what patchctl says of a patch that was to serve, or was tried; None where it does not know it."""
        try:
            rows = [one for one in await self._service.rows(_ROWS) if one["cid"] == cid]
        except errors.CouncilError:
            return None
        return next((one for one in rows if not one["trial"]), rows[0] if rows else None)

    async def merged(self) -> list[forge.Pull]:
        """Return every pull request into main that was merged, the newest first."""
        found = await self._forge("Bob").pulls(forge.PullState.MERGED, limit=forge.ROWS_MAX)
        return [one for one in found if one.base == forge.MAIN]

    async def open(self) -> list[forge.Pull]:
        """Return every pull request into main that is open."""
        found = await self._forge("Bob").pulls(forge.PullState.OPEN, limit=forge.ROWS_MAX)
        return [one for one in found if one.base == forge.MAIN]

    async def head(self) -> forge.Commit:
        """Return where main leads."""
        return await self._forge("Bob").head()

    def _forge(self, author: str) -> care_ports.Forge:
        account = self._signers[author].account if author in self._signers else _STRANGER
        if account not in self._forges:
            made = care_app.forge(self._config.forge, self._where, account)
            assert made is not None
            self._forges[account] = made
        return self._forges[account]


def _key(name: str) -> "pysequoia.Tsk":
    return pysequoia.Tsk.generate(name, profile=pysequoia.Profile.RFC4880)


def _fingerprint(key: "pysequoia.Tsk") -> str:
    return str(key.extract_certificate().fingerprint)


def _cid(sent: patches.Submission) -> str:
    return patches.cid(patches.digest(sent.document))
