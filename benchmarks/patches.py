"""What patches cost: to judge one, to refuse many, to stage one of fifty files, and to follow ten thousand records.

On a real home with one signer. Each document is new, since the engine remembers the signatures that it has verified. The second
verifier is a process of its own, so its time stands apart, and is part of "submitted to staged and verified".
"""

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pysequoia

import figures
from council import homes
from council.domain import authz, home, patches
from council.patching import checking, roster, situation
from council.upkeep.engine import blueprint, staging
from council.upkeep.patchctl import gpgv, journal, journal_key, lineage
from council.upkeep.patchctl.core import judging

JUDGED, STAGED, REFUSED_S, RECORDS = 1000, 100, 3.0, 10_000
FILES, FILE_BYTES = 50, 10_000
JUDGE_P50_MS, JUDGE_P99_MS, STAGE_P95_MS, FOLLOW_S = 0.3, 2.0, 500.0, 5.0
# 300 a second on one core.
REFUSAL_MS = 1000 / 300

Say = Callable[[str], None]


def run(say: Say) -> list[figures.Row]:
    """Take every figure of this part."""
    # With it each refusal by the engine would make a text of where it came from.
    os.environ["RUST_BACKTRACE"] = "0"
    with tempfile.TemporaryDirectory(prefix="council-") as folder:
        bench = _Bench(home.Home(Path(folder) / "h"))
        say(f"patches: {JUDGED} are judged")
        rows = bench.judged()
        say("patches: bad ones are refused")
        rows += bench.refused()
        say(f"patches: {STAGED} of {FILES} files are staged")
        rows += asyncio.run(bench.staged())
        say(f"patches: {RECORDS} records are followed")
        return [*rows, _followed(Path(folder))]


class _Bench:
    """A home whose one signer may change everything but what is protected."""

    def __init__(self, where: home.Home):
        self._where = where
        self._count = 0
        homes.prepare(where, {})
        self._key = pysequoia.Tsk.generate("Ann", profile=pysequoia.Profile.RFC4880)
        self._other = pysequoia.Tsk.generate("Bob", profile=pysequoia.Profile.RFC4880)
        certificate = self._key.extract_certificate()
        name = str(certificate.fingerprint)
        text = roster.with_signer(
            homes.default_files()[authz.FILE], authz.Signer(name, "Ann", authz.Kind.HUMAN, ("**",))
        )
        listed = {authz.FILE: text, authz.certificate_path(name): str(certificate).encode()}
        blueprint.commit(where, listed, "List Ann")
        self._sight = situation.look(where)
        self._at = situation.situation(where, self._sight, time.time())

    def _document(self, files: int, file_bytes: int) -> bytes:
        self._count += 1
        text = f"{self._count} {'Answer shortly and to the point. ' * (file_bytes // 33 + 1)}"[:file_bytes].encode()
        made = [patches.Change(f"prompts/extra-{number}.md", patches.Action.PUT, text, None) for number in range(files)]
        now = int(time.time())
        return patches.dump(
            patches.Patch("Ann", now - 60, now + 3600, self._sight.live, f"Patch {self._count}", "So.", tuple(made))
        )

    def _sent(self, document: bytes, key: "pysequoia.Tsk | None" = None) -> patches.Submission:
        signer = (key or self._key).signer()
        return patches.Submission(
            document, bytes(pysequoia.sign(signer, document, mode=pysequoia.SignatureMode.DETACHED, armor=False))
        )

    def judged(self) -> list[figures.Row]:
        """Judge patches of one file of 11 KB."""
        sent = [self._sent(self._document(1, 11_000)) for _ in range(JUDGED)]
        took_ms = []
        for one in sent:
            began_s = time.perf_counter()
            verdict = judging.judge(one, self._at)
            took_ms.append((time.perf_counter() - began_s) * 1000)
            assert verdict.accepted, verdict
        note = f"one file, {len(sent[0].document)} bytes"
        return [
            figures.median("policy check: p50", figures.OURS, took_ms, "ms", JUDGE_P50_MS, note),
            figures.Row(
                "policy check: p99", figures.OURS, figures.quantile(took_ms, 0.99), "ms", JUDGE_P99_MS, len(took_ms)
            ),
        ]

    def refused(self) -> list[figures.Row]:
        """Refuse what an attacker may send as fast as one core can, kind by kind."""
        good = self._sent(self._document(1, 11_000))
        kinds = {
            "of an unlisted key": self._sent(good.document, self._other),
            "of other bytes": patches.Submission(good.document + b" ", good.signature),
            "signed and malformed": self._sent(good.document[:-3]),
            "no signature": patches.Submission(good.document, b"\xff" * 200),
        }
        rows = []
        for kind, sent in kinds.items():
            count, began_s = 0, time.perf_counter()
            while time.perf_counter() - began_s < REFUSED_S:
                assert not judging.judge(sent, self._at).accepted
                count += 1
            each_ms = (time.perf_counter() - began_s) * 1000 / count
            rows.append(figures.Row(f"refused: {kind}", figures.OURS, each_ms, "ms", REFUSAL_MS, count))
        return rows

    async def staged(self) -> list[figures.Row]:
        """Take patches of fifty files from what was sent to a generation that was compared with its commit."""
        whole_ms, second_ms = [], []
        folder = self._where.generations / self._sight.live
        for _ in range(STAGED):
            sent = self._sent(self._document(FILES, FILE_BYTES))
            began_s = time.perf_counter()
            found = await checking.check(sent, self._sight, self._at, folder)
            patch = found.verdict.patch
            assert patch is not None and not found.reason, found
            target = staging.stage(
                self._where,
                staging.Patch(sent.document, sent.signature, patch.base, patch.title, int(time.time()), patch.changes),
            )
            whole_ms.append((time.perf_counter() - began_s) * 1000)
            staging.discard(self._where, found.verdict.digest, target)
            second_ms.append(await self._second(sent))
        note = f"{FILES} files of {FILE_BYTES} bytes; both verifiers, staged, synced, read back"
        p95 = figures.quantile(whole_ms, 0.95)
        return [
            figures.median("submitted to staged and verified: p50", figures.OURS, whole_ms, "ms", note=note),
            figures.Row("submitted to staged and verified: p95", figures.OURS, p95, "ms", STAGE_P95_MS, STAGED),
            figures.median("second verifier", "gpgv", second_ms, "ms", note="a process each time"),
        ]

    async def _second(self, sent: patches.Submission) -> float:
        name, raw = next(iter(self._sight.packets.items()))
        began_s = time.perf_counter()
        await gpgv.check(sent.document, sent.signature, name, raw)
        return (time.perf_counter() - began_s) * 1000


def _followed(folder: Path) -> figures.Row:
    """Read a journal from disk, follow its chain and check its checkpoints by the key."""
    secret, public, lines = folder / "journal.key", folder / "journal.asc", folder / "journal"
    journal_key.ensure(secret, public)
    book = journal.Journal.open_at(lines)
    with contextlib.closing(book):
        while len(book.entries) < RECORDS:
            if lineage.is_due(book.entries):
                book.append(lineage.checkpoint(book.head, journal_key.sign(secret, lineage.statement(book.head))))
            book.append(
                {"phase": "idle", "patch": f"{len(book.entries):064x}", "outcome": "applied", "reason": "x" * 100}
            )
    began_s = time.perf_counter()
    found = lineage.look(journal.read(lines), journal_key.checker(public), {})
    took_s = time.perf_counter() - began_s
    assert not found.problems and found.records >= RECORDS
    note = f"{found.checkpoints} checkpoints, {len(list(lines.iterdir()))} segments"
    return figures.Row(f"{RECORDS} records followed and checked", figures.OURS, took_s, "s", FOLLOW_S, note=note)
