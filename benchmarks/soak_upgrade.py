"""A Council that replaces itself by two releases built of a clone, under load and with kills: a part of soak_release.py.

    A   this checkout's, which pins none
    B   the commit that is checked out, built and pinned by a signed patch; patchctl is killed while it is installed, and the
        same patch submitted again
    C   the same with a higher version: the upgrade between two built releases
    B   the way back, during whose bake the supervisor is killed; `council up` goes on with it, and it ends as the bake says

All the while somebody asks, and is answered rightly; only while the supervisor is away nobody may be. After each patch all that
runs is of the release that is live, and no other release lies there than those that generations pin.
"""

import asyncio
import contextlib
import dataclasses
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import councils
import figures
import patch_councils
from council import care_app, homes
from council.domain import errors, patches, release_pin
from council.domain import home as home_module
from council.patching import situation
from council.releases import environments
from council.supervisor import logs
from council.upkeep.engine import blueprint
from council.upkeep.patchctl import history

_PORT = 22_000
_WAY_S = 1_800.0
_ASK_EVERY_S = 0.2
_ANSWER_S = 30.0
_POLL_S = 0.1
_AGAIN_S = 120.0
_TRIES_MAX = 5
# What is said where a machine with other work to do was too slow: by those who judge, or since patchctl seemed to hang.
_SLOW = ("answers take ", "latency_p95 is ", "interrupted")
_SAID_LINES = 60
_COMMAND = (sys.executable, "-m", "council")


class WentWrongError(Exception):
    """Something was not as it must be; the text says what."""


@dataclasses.dataclass(slots=True)
class Load:
    """Asks on and on, and keeps what was answered. `away` is set while nobody need answer."""

    port: int
    token: str
    answered: int = 0
    failed: list[str] = dataclasses.field(default_factory=list)
    versions: Counter[str] = dataclasses.field(default_factory=Counter)
    away: threading.Event = dataclasses.field(default_factory=threading.Event)
    over: threading.Event = dataclasses.field(default_factory=threading.Event)

    def run(self) -> None:
        """Ask until `over`."""
        number = 0
        while not self.over.wait(_ASK_EVERY_S):
            number += 1
            was_away = self.away.is_set()
            try:
                self._ask(number)
                self.answered += 1
            except (OSError, ValueError, KeyError) as error:
                if not was_away and not self.away.is_set():
                    self.failed.append(f"{type(error).__name__}: {error}"[:200])

    def _ask(self, number: int) -> None:
        body = {"model": "council", "messages": [{"role": "user", "content": f"What is {number} * 7?"}]}
        head = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        url = f"http://127.0.0.1:{self.port}"
        request = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), head)
        with urllib.request.urlopen(request, timeout=_ANSWER_S) as reply:
            text = json.loads(reply.read())["choices"][0]["message"]["content"]
        if str(number * 7) not in text.replace(",", ""):
            raise ValueError(f"another answer: {text[:80]!r}")
        request = urllib.request.Request(f"{url}/api/status", headers=head)
        with urllib.request.urlopen(request, timeout=_ANSWER_S) as reply:
            self.versions[json.loads(reply.read())["version"]] += 1


def released(clone: Path, folder: Path, report: dict[str, Any]) -> list[Path]:
    """Build the release of the clone's commit, and one more of a higher version; return their folders."""
    made = [_built(clone, folder / "b", report, "build B")]
    before = re.search(r'__version__ = "([^"]+)"', (clone / "src/council/__init__.py").read_text())
    assert before is not None
    after = f"{before[1]}.post1"
    for name in ("pyproject.toml", "src/council/__init__.py"):
        path = clone / name
        path.write_text(path.read_text().replace(f'"{before[1]}"', f'"{after}"', 1))
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    subprocess.run(["git", "-C", str(clone), *who, "commit", "-qam", "Raise the version"], check=True)
    return [*made, _built(clone, folder / "c", report, "build C")]


def _built(clone: Path, output: Path, report: dict[str, Any], name: str) -> Path:
    began_s = time.monotonic()
    subprocess.run(
        [sys.executable, str(clone / "tools" / "release.py"), "--output", str(output)], check=True, capture_output=True
    )
    report["took_s"][name] = round(time.monotonic() - began_s, 1)
    [made] = output.iterdir()
    return made


def run(clone: Path, folder: Path, report: dict[str, Any]) -> None:
    """Go through it all; what is wrong goes into the report, and ends it."""
    try:
        places = released(clone, folder, report)
        with councils.folder() as root:
            where = home_module.Home(root / "h")
            try:
                _Upgrade(where, report).run(places)
            finally:
                # What was started anew, and why.
                with contextlib.suppress(OSError):
                    report["supervisor_said"] = logs.own(where).read_text(errors="replace").splitlines()[-_SAID_LINES:]
    except (WentWrongError, subprocess.CalledProcessError, errors.CouncilError, OSError) as error:
        said = getattr(error, "stderr", None) or b""
        report["violations"].append(f"{type(error).__name__}: {error} {said[-2000:]!r}")


class _Upgrade:
    """One home on its way."""

    def __init__(self, where: home_module.Home, report: dict[str, Any]):
        self._where = where
        self._report = report
        plain = councils.environment(PYTHONPATH=str(figures.ROOT / "src"))
        self._around: Mapping[str, str] = plain | {"COUNCIL_PORT": str(_PORT), "COUNCIL_HOME": str(where.root)}

    def run(self, places: list[Path]) -> None:
        """Upgrade, and come back."""
        self._council("init")
        self._signer = patch_councils.Signer(self._where)
        self._council("up", "--detach")
        try:
            self._load = Load(_PORT, self._where.token_file.read_text().strip())
            asking = threading.Thread(target=self._load.run, daemon=True)
            asking.start()
            try:
                self._change([_pin_of(one) for one in places])
            finally:
                self._load.over.set()
                asking.join()
                asked = {"answered": self._load.answered, "failed": len(self._load.failed)}
                self._report["load"] = asked | {f"of {name}": count for name, count in self._load.versions.items()}
        finally:
            subprocess.run([*_COMMAND, "down"], env=self._around, cwd="/", check=False, capture_output=True)
        if self._load.failed:
            raise WentWrongError(f"{len(self._load.failed)} requests failed, as {self._load.failed[:3]}")

    def _change(self, pins: list[release_pin.Pin]) -> None:
        first, second = pins
        for one in pins:
            self._council("approve-release", one.folder)
        sent = self._signer.patch("Pin a release", {release_pin.FILE: _text(first)})
        self._submit(sent)
        self._until(lambda: self._row(sent).phase == "installing" and environments.there(self._where) != set())
        os.kill(self._pid("patchctl"), signal.SIGKILL)
        self._ended(sent, "A to B, patchctl killed")
        if self._row(sent).reason != "interrupted":
            raise WentWrongError(f"it was not interrupted: {self._row(sent)}")
        self._expect(None)
        self._apply(sent, "A to B")
        self._expect(first)
        self._apply(self._signer.patch("Pin another", {release_pin.FILE: _text(second)}), "B to C")
        self._expect(second)
        back = self._signer.patch("Pin the first again", {release_pin.FILE: _text(first)})
        outcome = self._apply(back, "C to B, supervisor killed", self._kill_the_supervisor)
        # All began at once again, and whether that was well enough is for the bake to say. Either way nothing is mixed.
        self._expect(first if outcome == "applied" else second)
        if environments.there(self._where) != {first.digest, second.digest}:
            raise WentWrongError(f"other releases lie there than two: {environments.there(self._where)}")
        self._council("lineage", "verify")

    def _kill_the_supervisor(self) -> None:
        self._load.away.set()
        os.kill(int((self._where.run / "supervisor.lock").read_text()), signal.SIGKILL)
        began_s = time.monotonic()
        self._council("up", "--detach")
        self._report["took_s"]["up again after the kill"] = round(time.monotonic() - began_s, 1)
        self._load.away.clear()

    def _apply(self, sent: patches.Submission, name: str, while_it_bakes: Callable[[], None] | None = None) -> str:
        """Have it applied, again where a machine with other work to do was too slow for those who judge; return its outcome.

        With something to do while it bakes it may be rolled back, too.
        """
        good = ("applied",) if while_it_bakes is None else ("applied", "rolled back")
        for again in range(_TRIES_MAX):
            self._submit(sent)
            self._until(lambda: self._row(sent).phase == "baking" or bool(self._row(sent).outcome))
            if while_it_bakes is not None and not self._row(sent).outcome:
                while_it_bakes()
            row = self._ended(sent, f"{name}, try {again + 1}" if again else name)
            if row.outcome in good:
                return row.outcome
            if row.outcome != "refused" or not row.reason.startswith(_SLOW):
                raise WentWrongError(f"{name}: {row.outcome}: {row.reason}")
            self._report.setdefault("tried_again", []).append(f"{name}: {row.reason}")
        raise WentWrongError(f"{name}: refused {_TRIES_MAX} times")

    def _submit(self, sent: patches.Submission) -> None:
        """Have it come in, as soon as patchctl takes it; while that begins anew it does not."""
        self._earlier = len(self._rows_of(sent))
        self._until(lambda: asyncio.run(self._came_in(sent)), _AGAIN_S)
        self._until(lambda: len(self._rows_of(sent)) > self._earlier, _AGAIN_S)

    async def _came_in(self, sent: patches.Submission) -> bool:
        service = care_app.patch_service(self._where, _PORT + 1)
        try:
            decision = await service.apply(sent, trial=False)
        except errors.UnavailableError:
            return False
        except errors.OverloadedError:
            return False
        finally:
            await service.close()
        if not decision.success:
            raise WentWrongError(f"not taken in: {decision.reason}: {decision.message}")
        return True

    def _ended(self, sent: patches.Submission, name: str) -> history.Row:
        began_s = time.monotonic()
        self._until(lambda: bool(self._row(sent).outcome))
        row = self._row(sent)
        times = [f"{phase} {at_s - row.times[0][1]} s" for phase, at_s in row.times]
        self._report["took_s"][name] = round(time.monotonic() - began_s, 1)
        self._report.setdefault("ways", {})[name] = f"{', '.join(times)}: {row.outcome} {row.reason}".rstrip()
        return row

    def _row(self, sent: patches.Submission) -> history.Row:
        return self._rows_of(sent)[-1]

    def _rows_of(self, sent: patches.Submission) -> list[history.Row]:
        digest = patches.digest(sent.document)
        return [row for row in self._rows() if row.digest == digest]

    def _rows(self) -> list[history.Row]:
        return history.rows(one.record for one in situation.entries(self._where))

    def _expect(self, pin: release_pin.Pin | None) -> None:
        """Wait until all that runs is of the release, but for the store; raise WentWrongError if it never is."""
        own = Path(sys.executable).parent if pin is None else environments.folder(self._where, pin.digest) / "bin"
        if homes.load_pin(self._where, blueprint.current(self._where)) != pin:
            raise WentWrongError(f"{pin} is not what the live generation pins")
        names = ("gateway", "recall", "watcher", "worker", "model", "steward", "patchctl")
        self._until(lambda: all(Path(self._python(name)).parent == own for name in names), _AGAIN_S)

    def _python(self, name: str) -> str:
        try:
            return Path(f"/proc/{self._pid(name)}/cmdline").read_bytes().split(b"\0")[0].decode()
        except OSError:
            return ""

    def _pid(self, name: str) -> int:
        noted = json.loads((self._where.run / "children.json").read_text())["children"]
        return next((int(one["pid"]) for one in reversed(noted) if one["service"] == name), 0)

    def _until(self, holds: Callable[[], bool], limit_s: float = _WAY_S) -> None:
        deadline_s = time.monotonic() + limit_s
        while not holds():
            if time.monotonic() > deadline_s:
                raise WentWrongError(f"not so within {limit_s:g} s: {holds.__qualname__}, {self._rows()[-1:]}")
            time.sleep(_POLL_S)

    def _council(self, *words: str) -> None:
        subprocess.run([*_COMMAND, *words], env=self._around, cwd="/", check=True, capture_output=True)


def _pin_of(place: Path) -> release_pin.Pin:
    return release_pin.Pin(place.name, hashlib.sha256((place / "SHA256SUMS").read_bytes()).hexdigest(), str(place))


def _text(pin: release_pin.Pin) -> bytes:
    lines = [f'version: "{pin.version}"', f'sums_sha256: "{pin.digest}"', f'folder: "{pin.folder}"']
    return ("release:\n" + "".join(f"  {line}\n" for line in lines)).encode()
