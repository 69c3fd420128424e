"""The workflow as a text: what triggers it, what it may, where secrets are, and that nothing of a pull request is run."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from council import homes
from council.delivery import proposals, workflow
from council.domain import errors, home
from council.upkeep.engine import blueprint

FILES = workflow.files()
TEXT = FILES[workflow.WORKFLOW].decode()
# The word `on` is a truth value to YAML 1.1.
FILE: dict[Any, Any] = yaml.safe_load(TEXT)
JOBS: dict[str, Any] = FILE["jobs"]
LOOKED = {"verify", "schema", "authorise"}
SECRETS = {"PATCHCTL_ENDPOINT", "BOT_TOKEN", "BOT_GPG_KEY"}
SCRIPTS = Path(__file__).parents[3] / "deploy" / "github" / "scripts"


def secrets_of(job: Any) -> set[str]:
    return set(re.findall(r"secrets\.(\w+)", yaml.safe_dump(job)))


def test_it_runs_as_main_has_it_when_a_pull_request_is_opened_pushed_to_or_labelled() -> None:
    assert FILE[True] == {"pull_request_target": {"branches": ["main"], "types": ["opened", "synchronize", "labeled"]}}


def test_each_check_that_a_merge_needs_is_the_name_of_a_job() -> None:
    names = [job["name"] for job in JOBS.values()]
    assert names == [*proposals.Name, "council/merge"]


def test_the_merge_waits_for_every_check_and_a_trial_for_every_look() -> None:
    assert set(JOBS["merge"]["needs"]) == set(JOBS) - {"merge"}
    assert set(JOBS["apply-staging"]["needs"]) == LOOKED
    assert JOBS["gates"]["needs"] == ["apply-staging"]
    # A job that is skipped by a condition counts as well to GitHub's own rules.
    assert not [name for name, job in JOBS.items() if "if" in job or any("if" in step for step in job["steps"])]


def test_a_secret_is_where_it_is_needed_and_never_beside_files_that_nobody_has_verified() -> None:
    given = {name: secrets_of(job) for name, job in JOBS.items()}
    assert given == {key: set() for key in [*LOOKED, "merge"]} | {
        "apply-staging": SECRETS,
        "gates": SECRETS - {"BOT_GPG_KEY"},
    }
    for job in JOBS.values():
        assert not secrets_of({key: value for key, value in job.items() if key != "steps"}), "for all its steps"
        assert not any(secrets_of(step) for step in job["steps"][:-1])
    assert not secrets_of({key: value for key, value in FILE.items() if key != "jobs"})


def test_only_the_merge_may_write_and_no_job_has_more_than_it_says() -> None:
    assert FILE["permissions"] == {}
    read = {"contents": "read"}
    assert {name: job["permissions"] for name, job in JOBS.items() if name != "merge"} == dict.fromkeys(
        set(JOBS) - {"merge"}, read
    )
    write = {"contents": "write", "pull-requests": "write", "checks": "read", "statuses": "read"}
    assert JOBS["merge"]["permissions"] == write
    assert "github.token" in yaml.safe_dump(JOBS["merge"]) and TEXT.count("github.token") == 1


def test_what_it_calls_is_pinned_and_leaves_no_token_behind() -> None:
    uses = [step for job in JOBS.values() for step in job["steps"] if "uses" in step]
    for step in uses:
        assert re.fullmatch(r"actions/checkout@[0-9a-f]{40}", step["uses"])
        assert step["with"]["persist-credentials"] is False
    assert all(job["timeout-minutes"] <= 30 for job in JOBS.values())


def test_files_of_the_pull_request_are_data_and_never_the_command() -> None:
    heads = {name: [step["with"] for step in job["steps"] if "uses" in step and step["with"]["path"] == "head"]
             for name, job in JOBS.items()}  # fmt: skip
    assert {name for name, found in heads.items() if found} == LOOKED | {"apply-staging"}
    assert heads["apply-staging"][0]["sparse-checkout"] == ".council"
    for job in JOBS.values():
        for step in job["steps"]:
            script = step.get("run", "")
            assert "${{" not in script
            words = script.split()
            assert all(
                words[at - 1] == "--head" for at, word in enumerate(words) if "head" in word and "--" not in word
            )


def test_one_run_a_pull_request_and_the_newest_counts() -> None:
    assert "pull_request.number" in FILE["concurrency"]["group"] and FILE["concurrency"]["cancel-in-progress"] is True


def test_it_says_why_the_keys_of_the_base_count_and_what_the_secret_is_for() -> None:
    head = TEXT.partition("name:")[0]
    assert "keys/" in head and "BOT_GPG_KEY" in head and "public keys only" in head


# The scripts


def stub(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def ran(tmp_path: Path, *command: str, **around: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{tmp_path / 'bin'}:{os.defpath}", "RUNNER_TEMP": str(tmp_path), **around}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("script", "arguments", "called"),
    [
        ("validate_patch_auth.py", ["verify", "--base", "b c"], "ci verify --base b c"),
        ("health_check.py", ["--timeout", "300"], "ci gates --timeout 300"),
    ],
)
def test_a_script_is_a_thin_caller_and_ends_as_the_command_does(
    tmp_path: Path, script: str, arguments: list[str], called: str
) -> None:
    stub(tmp_path / "bin", "council", 'echo "$@"; exit 7')
    done = ran(tmp_path, sys.executable, str(SCRIPTS / script), *arguments)
    assert (done.stdout, done.returncode) == (f"{called}\n", 7), done.stderr


@pytest.mark.parametrize("arguments", [[], ["merge"], ["--base", "x"], ["apply-staging"]])
def test_the_script_of_the_looks_calls_nothing_else(tmp_path: Path, arguments: list[str]) -> None:
    stub(tmp_path / "bin", "council", "echo called")
    done = ran(tmp_path, sys.executable, str(SCRIPTS / "validate_patch_auth.py"), *arguments)
    assert done.returncode != 0 and not done.stdout


def test_council_is_installed_by_digest_after_what_it_needs_and_without_dependencies(tmp_path: Path) -> None:
    install = (
        'mkdir -p "$3/bin"; printf \'#!/bin/sh\\necho "$@" >> %s\\n\' "$3/log" > "$3/bin/pip"; chmod +x "$3/bin/pip"'
    )
    stub(tmp_path / "bin", "python3", install)
    path = tmp_path / "path"
    around = {
        "GITHUB_PATH": str(path),
        "COUNCIL_VERSION": "1.2.3",
        "COUNCIL_SHA256": "ab" * 32,
        "COUNCIL_WHEELS": "/wheels",
    }
    done = ran(tmp_path, "sh", str(SCRIPTS / "install_council.sh"), **around)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "council"
    first, second = (folder / "log").read_text().splitlines()
    for line in (first, second):
        assert line.startswith("install ") and "--no-deps" in line and "--require-hashes" in line
    assert first.endswith(f"-r {SCRIPTS}/council.lock")
    assert second.endswith(f"--find-links /wheels -r {folder}/release.txt")
    assert (folder / "release.txt").read_text() == f"council-cloud==1.2.3 --hash=sha256:{'ab' * 32}\n"
    assert path.read_text() == f"{folder}/bin\n"


@pytest.mark.parametrize("missing", ["COUNCIL_VERSION", "COUNCIL_SHA256"])
def test_without_a_version_and_a_digest_nothing_is_installed(tmp_path: Path, missing: str) -> None:
    stub(tmp_path / "bin", "python3", "echo called")
    around = {
        "GITHUB_PATH": str(tmp_path / "path"),
        "COUNCIL_VERSION": "1.2.3",
        "COUNCIL_SHA256": "ab" * 32,
        missing: "",
    }
    done = ran(tmp_path, "sh", str(SCRIPTS / "install_council.sh"), **around)
    assert done.returncode != 0 and missing in done.stderr and not done.stdout


def test_a_council_of_that_version_that_is_there_is_taken(tmp_path: Path) -> None:
    stub(tmp_path / "bin", "council", "echo council, version 1.2.3")
    done = ran(tmp_path, "sh", str(SCRIPTS / "install_council.sh"), COUNCIL_VERSION="1.2.3")
    assert (done.returncode, done.stdout) == (0, "Council 1.2.3 is here\n")


def test_the_lock_holds_all_that_the_checks_import() -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "import council.cli.main, council.cli.ci, council.patching.checking\n"
        "import council.backends.patch_service.http, council.backends.sighting.http\n"
        "print(*{m.partition('.')[0] for m in set(sys.modules) - before} - set(sys.stdlib_module_names))"
    )
    source = str(Path(homes.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": source}, capture_output=True, text=True, timeout=60, check=True
    )
    lock = FILES["scripts/council.lock"].decode()
    locked = {name.replace("-", "_") for name in re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE)}
    given = {"yaml": "pyyaml", "attr": "attrs"}
    strange = {given.get(one, one) for one in done.stdout.split() if not one.startswith("_")} - locked
    assert strange <= {"council", "cython_runtime"}
    assert lock.count("==") == len(re.findall(r"== ?[^\n]*\\\n    --hash=sha256:", lock))


# Into a blueprint


def test_a_home_gets_the_files_once_and_what_was_changed_in_them_stays(tmp_path: Path) -> None:
    where = home.Home(tmp_path / "h")
    homes.prepare(where, {})
    assert workflow.present(where) == {}
    assert workflow.add(where) == sorted(FILES)
    assert (where.current / workflow.WORKFLOW).read_text() == TEXT
    assert not (where.current / "scripts/install_council.sh").stat().st_mode & stat.S_IXUSR
    made = blueprint.current(where)
    assert workflow.add(where) == [] and blueprint.current(where) == made
    own = FILES[workflow.WORKFLOW] + b"# Ours.\n"
    blueprint.commit(where, {workflow.WORKFLOW: own, "scripts/health_check.py": None}, "Ours")
    assert workflow.add(where) == ["scripts/health_check.py"]
    assert (where.current / workflow.WORKFLOW).read_bytes() == own


def test_a_later_release_brings_them_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = home.Home(tmp_path / "h")
    homes.prepare(where, {})
    assert not homes.update_of(where, workflow.present(where)).changes
    workflow.add(where)
    assert not homes.update_of(where, workflow.present(where)).changes
    later = FILES | {"scripts/council.lock": b"later\n"}
    monkeypatch.setattr(workflow, "files", lambda: later)
    assert homes.update_of(where, workflow.present(where)).changes == {"scripts/council.lock": b"later\n"}


def test_an_installation_without_them_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(workflow, "_folder", lambda: tmp_path)
    with pytest.raises(errors.SetupError, match="Install Council again"):
        workflow.files()
