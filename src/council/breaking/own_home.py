"""A home for one campaign: marked, with a scripted upstream, a key whose patches are taken, and a small disk where root may."""

import asyncio
import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from council import care_app, homes
from council.breaking import asking, deeds_outside, managers, undo
from council.breaking import stage as stages
from council.domain import authz, errors, patches, providers
from council.domain import home as home_module
from council.patching import drafting, gpg, roster, situation
from council.upkeep.chaos import mark
from council.upkeep.engine import blueprint

_PROVIDER = "chaos"
_DISK_BYTES = 900 << 20
_UPSTREAM_S = 30.0
_PATCH_LASTS_S = 3600
_ROWS = 20
_PRICE = {"input_usd_micros": 150_000, "output_usd_micros": 600_000}
_BUDGET_USD_MICROS = 10**14
_BUDGETS = ("day_usd_micros", "month_usd_micros", "token_day_usd_micros", "token_month_usd_micros")
# None bears on how soon a fault is noticed. An alert is over after ten seconds of green and not after a minute; one that comes
# back is not damped; a service that ends often is started again after two seconds at most.
SETTINGS = {
    "COUNCIL_ALERTS_HOLD_DOWN_S": "10",
    "COUNCIL_ALERTS_FLAP_S": "0",
    "COUNCIL_SUPERVISOR_BACKOFF_CEILING_S": "2",
    "COUNCIL_GATEWAY_REQUESTS_PER_MINUTE": "1000000",
}


@dataclass(frozen=True, slots=True)
class More:
    """What such a home has besides: settings by their variables, and what is put into it before its Council starts."""

    settings: Mapping[str, str] = field(default_factory=dict)
    furnish: Callable[[home_module.Home], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class OwnHome:
    """A home that was made and marked, where its upstream answers, and the folder of a gpg of its own where there is gpg."""

    where: home_module.Home
    port: int
    upstream: stages.Upstream
    small_disk: bool
    keyring: Path | None
    environment: Mapping[str, str]


def upstream_port(port: int) -> int:
    """Return where the scripted upstream of a home with this base port listens."""
    return port + 10


@contextlib.asynccontextmanager
async def made(port: int, who: mark.Mark, more: More) -> AsyncIterator[OwnHome]:
    """Make such a home in a temporary folder, with a short path, since Unix sockets lie in it; remove it at the end."""
    with tempfile.TemporaryDirectory(prefix="cx", dir="/tmp", ignore_cleanup_errors=True) as folder:
        root, ring = await asyncio.to_thread(_folders, Path(folder))
        keyring = ring if shutil.which(gpg.PROGRAM) else None
        with _small_disk(root) as is_small, _upstream(port) as upstream:
            environment = {**_environment(port), **more.settings}
            await asyncio.to_thread(_prepare, root, environment)
            where = home_module.Home(root)
            try:
                await asyncio.to_thread(_furnish, where, upstream, keyring)
                await asyncio.to_thread(more.furnish, where)
                mark.put(where.chaos, who)
                yield OwnHome(where, port, upstream, is_small, keyring, environment)
            finally:
                if keyring is not None:
                    await asyncio.to_thread(_end_agent, keyring)


def _folders(folder: Path) -> tuple[Path, Path]:
    """Make and return the home's and the keyring's."""
    root, ring = folder / "h", folder / "g"
    # Others than root must get there: each service has a user of its own.
    folder.chmod(0o711)
    root.mkdir()
    ring.mkdir(mode=0o700)
    return root, ring


def _end_agent(ring: Path) -> None:
    subprocess.run(["gpgconf", "--homedir", str(ring), "--kill", "all"], check=False, timeout=60)


def _environment(port: int) -> dict[str, str]:
    """Return our own, without the settings of a Council that somebody else runs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COUNCIL_")}
    return {**kept, **SETTINGS, "COUNCIL_PORT": str(port)}


def _prepare(root: Path, environment: Mapping[str, str]) -> None:
    for words in (("init",), ("models", "prepare")):
        command = [sys.executable, "-P", "-m", "council", *words, "--home", str(root)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise errors.SetupError(f"The home of the campaign could not be made: {done.stderr.strip()[-500:]}")


@contextlib.contextmanager
def _small_disk(root: Path) -> Iterator[bool]:
    command = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES},mode=700", "tmpfs", str(root)]
    mounted = os.geteuid() == 0 and subprocess.run(command, check=False, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(root)], check=False)


@contextlib.contextmanager
def _upstream(port: int) -> Iterator[stages.Upstream]:
    key, at = f"sk-chaos-{secrets.token_hex(8)}", upstream_port(port)
    command = [sys.executable, "-P", "-m", "council.testing.upstream", "--port", str(at), "--key", key]
    one = subprocess.Popen(managers.tied(command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield stages.Upstream(f"http://127.0.0.1:{at}", key)
    finally:
        one.terminate()
        one.wait()


def _furnish(where: home_module.Home, upstream: stages.Upstream, ring: Path | None) -> None:
    """Name the upstream's models and the key of who may change everything."""
    deployments = [{"provider": _PROVIDER, "model": deeds_outside.WELL, "weight": 1, **_PRICE}]
    budgets = {"day_usd_micros": _BUDGET_USD_MICROS, "month_usd_micros": _BUDGET_USD_MICROS}
    near = {"deployments": deployments, "context_tokens": 128_000, "output_tokens_max": 4096, **budgets}
    servers = {_PROVIDER: {"kind": "openai", "url": f"{upstream.url}/v1"}}
    told = {
        providers.FILE: {"providers": servers, "models": {asking.NEAR: near}},
        homes.CONFIG_FILE: {"budget": dict.fromkeys(_BUDGETS, _BUDGET_USD_MICROS)},
    }
    changes = {name: yaml.safe_dump(content, sort_keys=False).encode() for name, content in told.items()}
    if ring is not None:
        name, certificate = _new_key(ring)
        signer = authz.Signer(name, "Ann", authz.Kind.HUMAN, ("**",))
        changes[authz.FILE] = roster.with_signer(homes.default_files()[authz.FILE], signer)
        changes[authz.certificate_path(name)] = certificate
    blueprint.commit(where, changes, "Name what a campaign of chaos needs")
    homes.write_provider_key(where, _PROVIDER, upstream.key)


def _new_key(ring: Path) -> tuple[str, bytes]:
    base = [
        gpg.PROGRAM,
        "--homedir",
        str(ring),
        "--batch",
        "--quiet",
        "--pinentry-mode",
        "loopback",
        "--passphrase",
        "",
    ]

    def run(*words: str) -> bytes:
        return subprocess.run([*base, *words], capture_output=True, check=True, timeout=60).stdout

    run("--quick-generate-key", "Ann <ann@example.org>", "ed25519", "sign", "1y")
    listed = run("--list-keys", "--with-colons", "ann@example.org").decode()
    name = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr")).lower()
    return name, run("--armor", "--export-options", "export-minimal", "--export", name)


class Signer:
    """Implements stages.Signer for a home of our own: signs with its keyring a patch that has `near` answered by what fails."""

    def __init__(self, own: OwnHome, keyring: Path, now_s: Callable[[], float]):
        self._own = own
        self._keyring = keyring
        self._now_s = now_s
        self._service = care_app.patch_service(own.where, own.port + 1)
        self._count = 0

    async def apply_bad(self) -> str:
        """Submit it. Raises CannotError where it is refused."""
        told = yaml.safe_load((self._own.where.current / providers.FILE).read_bytes())
        told["models"][asking.NEAR]["deployments"][0]["model"] = "status-500"
        self._count += 1
        content = f"# {self._count}\n".encode() + yaml.safe_dump(told, sort_keys=False).encode()
        decided = await self.submit(providers.FILE, content, f"Serve near anew {self._count}", "To see it taken back.")
        if not decided.success:
            raise stages.CannotError(f"the patch was refused: {decided.reason}")
        return decided.cid

    async def submit(self, name: str, content: bytes, title: str, why: str) -> patches.Decision:
        """Submit a patch of one file; return what was said to it. Raises CouncilError."""
        return await self._service.apply(await asyncio.to_thread(self._signed, name, content, title, why))

    async def came_to(self, cid: str) -> str:
        """Return how a patch ended and why, "" while it is on its way, or nobody can be asked."""
        try:
            rows = await self._service.rows(_ROWS)
        except errors.CouncilError:
            return ""
        found: Mapping[str, Any] = next((row for row in rows if patches.cid(str(row["digest"])) == cid), {})
        told = (found.get("outcome"), found.get("reason") or found.get("message"))
        return ": ".join(str(one) for one in told if one) if found.get("outcome") else ""

    async def take_back(self) -> None:
        """Have taken back what is on its way, or was applied last."""
        with contextlib.suppress(errors.CouncilError):
            await self._service.roll_back("", "ann", "the limit of a fault")

    async def close(self) -> None:
        """Close every connection."""
        await self._service.close()

    def _signed(self, name: str, content: bytes, title: str, why: str) -> patches.Submission:
        seen = situation.look(self._own.where)
        live = self._own.where.generations / seen.live
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "file")
            source.write_bytes(content)
            given = drafting.of_files(live, {name: source}, (), seen.policy.sizes)
        now = int(self._now_s())
        words = drafting.Words("Ann", title, why, now - 60, now + _PATCH_LASTS_S)
        document = drafting.document(
            words, seen.live, given, seen.policy, situation.checker(self._own.where, seen.live)
        )
        return patches.Submission(document, gpg.sign(document, ring=self._keyring))


async def until_upstream(upstream: stages.Upstream) -> None:
    """Wait until the upstream answers. Raises SetupError."""
    async with _limit():
        while True:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(undo.behave, upstream.url, upstream.key, {})
                return
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def _limit() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(_UPSTREAM_S):
            yield
    except TimeoutError as error:
        raise errors.SetupError("The scripted upstream did not start. Is its port free?") from error


def manager(own: OwnHome) -> managers.Restarter:
    """Return who starts it, and starts it again."""
    return managers.Restarter(own.where, own.port, own.environment, ends_with_us=True)
