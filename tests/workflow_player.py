"""Plays a workflow of GitHub on this machine: job by job as they need each other, each in a folder of its own.

Checked out is what `commits` says, by own code. A script runs with the variables that the workflow gives it and no others, so
a secret is there only where the file says so. What each job came to is told as a check run of GitHub's own app.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

STEP_S = 400.0
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
_CHECKOUT = "actions/checkout@"
# What a file of a commit is: its mode as git has it, and its content.
Commit = Mapping[str, tuple[str, bytes]]


@dataclass(frozen=True)
class Played:
    """What became of a job. `secrets` are the names of those that it was given."""

    conclusion: str
    output: str = ""
    secrets: frozenset[str] = frozenset()


@dataclass
class Player:
    """`event` is the pull request's; `tell(name, conclusion)` is called as jobs begin (with "") and end."""

    workflow: Mapping[str, Any]
    event: Mapping[str, Any]
    commits: Callable[[str], Commit]
    tell: Callable[[str, str], None]
    folder: Path
    secrets: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    around: Mapping[str, str] = field(default_factory=dict)

    def play(self, only: set[str] | None = None) -> dict[str, Played]:
        """Run the jobs, or `only` these as if those they need had ended well; return what became of each."""
        jobs = self.workflow["jobs"]
        chosen = {name: job for name, job in jobs.items() if only is None or name in only}
        ended: dict[str, Played] = {}
        while waiting := [name for name in chosen if name not in ended]:
            ready = [one for one in waiting if not {*jobs[one].get("needs", [])} & {*waiting}]
            for name in ready:
                needs = [ended[one].conclusion for one in jobs[name].get("needs", []) if one in ended]
                if any(one != "success" for one in needs):
                    ended[name] = Played("skipped")
                else:
                    self.tell(jobs[name]["name"], "")
                    ended[name] = self._job(name, jobs[name])
                self.tell(jobs[name]["name"], ended[name].conclusion)
        return ended

    def _job(self, name: str, job: Mapping[str, Any]) -> Played:
        place = self.folder / f"{name}{len(list(self.folder.iterdir()))}"
        (work := place / "work").mkdir(parents=True)
        (place / "path").touch()
        written, outputs = {**self.workflow.get("env", {}), **job.get("env", {})}, []
        given = {one for one in self.secrets if f"secrets.{one}" in yaml.safe_dump(job)}
        for step in job["steps"]:
            if "uses" in step:
                assert step["uses"].startswith(_CHECKOUT) and step["with"]["persist-credentials"] is False
                self._check_out(work, {key: self._value(one) for key, one in step["with"].items()})
                continue
            values = {key: self._value(one) for key, one in {**written, **step.get("env", {})}.items()}
            done = self._run(step["run"], values, place)
            outputs.append(done.stdout)
            if done.returncode:
                return Played("failure", "".join(outputs), frozenset(given))
        return Played("success", "".join(outputs), frozenset(given))

    def _run(self, script: str, values: Mapping[str, str], place: Path) -> subprocess.CompletedProcess[str]:
        assert not _EXPRESSION.search(script), "text from outside in the text of a script"
        paths = [*reversed((place / "path").read_text().splitlines()), str(self._bin()), os.defpath]
        environment = {
            "PATH": os.pathsep.join(paths),
            "HOME": str(place),
            "RUNNER_TEMP": str(place),
            "GITHUB_PATH": str(place / "path"),
            "GITHUB_REPOSITORY": self.event["repository"],
            **self.around,
            **values,
        }
        return subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=place / "work", env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=STEP_S, check=False,
        )  # fmt: skip

    def _bin(self) -> Path:
        """Return a folder with a `council` that is the one under test."""
        folder = self.folder.parent / "bin"
        if not folder.exists():
            folder.mkdir()
            source = Path(__file__).parents[1] / "src"
            run = (
                f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(source))} exec {shlex.quote(sys.executable)} -m council "$@"\n'
            )
            (folder / "council").write_text(run)
            (folder / "council").chmod(0o755)
        return folder

    def _check_out(self, work: Path, given: Mapping[str, Any]) -> None:
        wanted = given.get("sparse-checkout", "")
        for path, (mode, content) in self.commits(given["ref"]).items():
            if wanted and "/" in path and not path.startswith(f"{wanted}/"):
                continue
            target = work / given["path"] / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if mode == "120000":
                target.symlink_to(content.decode())
            elif mode != "160000":
                target.write_bytes(content)
                target.chmod(0o755 if mode == "100755" else 0o644)

    def _value(self, text: Any) -> Any:
        return _EXPRESSION.sub(lambda found: self._expression(found[1]), text) if isinstance(text, str) else text

    def _expression(self, text: str) -> str:
        for part in text.split("||"):
            if value := self._term(part.strip()):
                return value
        return ""

    def _term(self, text: str) -> str:
        if text.startswith("'"):
            return text.strip("'")
        top, *names = text.split(".")
        found: Any = {"github": self.event, "secrets": self.secrets, "vars": self.variables}[top]
        for name in names:
            # As on GitHub, what is not there is empty.
            found = found.get(name, "")
        return str(found)
