"""What the forge's courier and referee lean on, played: a patchctl that does as it is told, and a watcher."""

import hashlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any

from council.domain import errors, evidence, gates, patches, watching
from council.kit import commits

NOW = 1_800_000_000.0


def tree_of(files: Mapping[str, bytes]) -> str:
    """Return git's name for a tree of plain files. git-scm.com/book/en/v2/Git-Internals-Git-Objects"""
    rows: list[tuple[str, bytes]] = []
    folders: dict[str, dict[str, bytes]] = {}
    for path, content in files.items():
        top, _, rest = path.partition("/")
        if rest:
            folders.setdefault(top, {})[rest] = content
        else:
            rows.append((top, b"100644 %s\0%s" % (top.encode(), bytes.fromhex(_name(b"blob", content)))))
    for top, inner in folders.items():
        rows.append((f"{top}/", b"40000 %s\0%s" % (top.encode(), bytes.fromhex(tree_of(inner)))))
    return _name(b"tree", b"".join(row for _, row in sorted(rows)))


def _name(kind: bytes, content: bytes) -> str:
    return hashlib.sha1(b"%s %d\0%s" % (kind, len(content), content)).hexdigest()


class Patchctl:
    """Keeps generations of a few files, and lets through what it is told to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.generations: list[tuple[str, dict[str, bytes]]] = []
        self.known: list[dict[str, Any]] = []
        self.outcome, self.reason = "applied", "error_rate is red"
        self.refuses = ""
        self.is_busy = False
        self.sent: list[patches.Submission] = []
        self.serve({"council.yaml": b"port: 8000\n", "prompts/general.md": b"Be kind.\n"})

    @property
    def files(self) -> dict[str, bytes]:
        return self.generations[0][1]

    def serve(self, files: Mapping[str, bytes]) -> str:
        name = hashlib.sha1(str(len(self.generations)).encode() + tree_of(files).encode()).hexdigest()
        assert commits.is_commit(name)
        self.generations.insert(0, (name, dict(files)))
        for path, content in files.items():
            file = self.folder / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return name

    async def rows(self, limit: int) -> list[Mapping[str, Any]]:
        return [dict(one) for one in reversed(self.known)][:limit]

    async def line(self) -> list[Mapping[str, Any]]:
        baking = {one["target"] for one in self.known if not one["outcome"]}
        return [
            {"generation": name, "tree": tree_of(files), "proven": name not in baking}
            for name, files in self.generations
        ]

    async def apply(self, sent: patches.Submission, *, trial: bool = False) -> patches.Decision:
        if self.is_busy:
            raise errors.OverloadedError("Another is on its way.")
        digest = patches.digest(sent.document)
        if self.refuses:
            return patches.Decision(False, patches.cid(digest), digest, self.refuses, "So it is.")
        self.known.append(self.row(digest))
        self.sent.append(sent)
        return patches.Decision(True, patches.cid(digest), digest)

    def row(self, digest: str, **more: Any) -> dict[str, Any]:
        cid = patches.cid(digest)
        row = {
            "digest": digest,
            "cid": cid,
            "title": "Say it",
            "line": f"cid:{cid} - Say it",
            "outcome": "",
            "reason": "",
        }
        return row | {"trial": False, "target": "", "phase": "staging"} | more

    def end(self, files: Mapping[str, bytes]) -> None:
        """Come to the end of the patch on its way."""
        row = self.known[-1]
        row["outcome"] = self.outcome
        if self.outcome == "applied":
            row["target"] = self.serve(files)
        else:
            row["reason"] = self.reason

    async def follow(self) -> AsyncGenerator[Mapping[str, Any], None]:
        for row in self.known:
            yield row

    async def roll_back(self, cid: str, by: str, reason: str) -> Mapping[str, Any]:
        raise NotImplementedError

    async def override(self, statement: bytes, signature: bytes) -> Mapping[str, Any]:
        raise NotImplementedError

    async def close(self) -> None:
        pass


class Watch:
    """Says that every gate is green."""

    def __init__(self) -> None:
        self.verdict = gates.Verdict.GREEN
        self.at_s = NOW

    async def ping(self) -> None:
        pass

    async def sight(self) -> watching.Sight:
        one = watching.GateLine(
            "latency_p95",
            10.0,
            "ms",
            "<",
            1000.0,
            800.0,
            self.verdict,
            "",
            10.0,
            300.0,
            "embedded",
            "",
            NOW,
            "",
            "",
            (),
        )
        return watching.Sight(1, self.at_s, [one], [], [], "")

    async def report(self, service: str, found: Any, *, ended: bool) -> None:
        raise NotImplementedError

    async def history(self, gate: str, start_s: float) -> watching.History:
        raise NotImplementedError

    async def tracks(self, metrics: Sequence[str], start_s: float, step_s: float = 0.0) -> list[evidence.Track]:
        raise NotImplementedError
