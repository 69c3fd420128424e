"""What `council doctor` says of the sandbox, down and against a gateway with prepared answers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import sandbox_server
from council import homes
from council.cli import calls, main
from council.domain import home
from council.kit import clock
from council.serving.sandbox import audit
from council.supervisor import ownership, users

STATE = {
    "kind": "namespaces", "layers": ["seccomp", "landlock"], "layers_missing": {}, "refuses": "", "stopped": False,
    "stopped_by": "", "pool_ready": 8, "pool_target": 8, "refills_per_s": 0.0, "running": 0, "waiting": 0,
    "sessions": 0, "jobs": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> home.Home:
    made = home.Home(tmp_path_factory.mktemp("doctor") / "home")
    homes.prepare(made, {})
    return made


@pytest.fixture
def where(prepared: home.Home, monkeypatch: pytest.MonkeyPatch) -> home.Home:
    monkeypatch.setenv("COUNCIL_HOME", str(prepared.root))
    return prepared


@pytest.fixture
def server(where: home.Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[sandbox_server.Server]:
    with sandbox_server.serve() as made:
        monkeypatch.setenv("COUNCIL_PORT", str(made.port))
        # That a supervisor vouches for the port is shown where that is decided.
        monkeypatch.setattr(calls, "token", lambda *_: "secret")
        yield made


def found(name: str = "sandbox") -> list[tuple[bool, bool, str]]:
    """Return of each finding about the sandbox whether it is good, whether it is needed, and its text."""
    shown = CliRunner().invoke(main.cli, ["doctor", "--json"], catch_exceptions=False).stdout
    return [(one["good"], one["needed"], one["text"]) for one in json.loads(shown) if one["name"] == name]


def seen(server: sandbox_server.Server, **more: Any) -> list[tuple[bool, bool, str]]:
    server.answers["GET /v1/sandbox/status"] = {**STATE, **more}
    return found()


def test_down_it_says_when_the_layers_are_looked_at(where: home.Home) -> None:
    assert found() == [(False, False, "namespaces; its layers are looked at while Council runs")]


def test_running_it_asks_the_service_with_the_owners_token(server: sandbox_server.Server) -> None:
    assert seen(server) == [(True, True, "namespaces, 2 layers")]
    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer secret"]


@pytest.mark.parametrize(
    ("layer", "way"),
    [
        ("memory: cgroup", "Delegate=yes council up"),
        ("processes: cgroup", "Delegate=yes council up"),
        ("user namespace", "`sysctl -w user.max_user_namespaces="),
        ("landlock", "`lsm=`"),
        ("net namespace", "in a container"),
    ],
)
def test_a_missing_layer_comes_with_its_reason_and_the_way_to_it(
    server: sandbox_server.Server, layer: str, way: str
) -> None:
    first, (good, needed, text) = seen(server, layers_missing={layer: "the reason"})
    assert first[0] and (good, needed) == (False, False)
    assert text.startswith(f"without {layer}: the reason; ") and way in text


def test_a_sandbox_that_refuses_jobs_fails_and_one_that_is_stopped_is_noted(server: sandbox_server.Server) -> None:
    assert seen(server, refuses="no seccomp") == [(False, True, "namespaces, refuses jobs: no seccomp")]
    [(good, needed, text)] = seen(server, stopped=True, stopped_by="eve")
    assert (good, needed) == (False, False) and "by eve; `council sandbox lift`" in text


def test_a_service_that_cannot_say_fails(server: sandbox_server.Server) -> None:
    server.answers["GET /v1/sandbox/status"] = (
        503,
        sandbox_server.failure("sandbox_unavailable", "the sandbox is away"),
    )
    assert found() == [(False, True, "the sandbox is away")]


@pytest.mark.parametrize(("kind", "program"), [("firejail", "firejail"), ("gvisor", "runsc")])
def test_a_kind_whose_program_is_missing_fails_with_how_to_get_it(
    where: home.Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, program: str
) -> None:
    monkeypatch.setenv("COUNCIL_SANDBOX_KIND", kind)
    monkeypatch.setenv("PATH", str(tmp_path))
    [(good, needed, text)] = found()
    assert (good, needed) == (False, True) and f"{program} is missing; install" in text


def test_another_kind_is_shown_with_what_it_lacks_and_as_not_confined(
    server: sandbox_server.Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "firejail"
    program.touch(0o755)
    monkeypatch.setenv("COUNCIL_SANDBOX_KIND", "firejail")
    monkeypatch.setenv("PATH", str(tmp_path))
    bare, first, missing = seen(server, kind="firejail", layers_missing={"landlock": "firejail has none"})
    assert bare[:2] == (False, False) and "does not confine itself" in bare[2] and "setuid" in bare[2]
    assert first == (True, True, "firejail, 2 layers")
    assert missing == (False, False, "without landlock: firejail has none")


def test_firejail_beside_system_users_fails(where: home.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNCIL_SANDBOX_KIND", "firejail")
    monkeypatch.setattr(ownership, "noted_regime", lambda _: users.Regime("users"))
    assert any(needed and not good and "users with names" in text for good, needed, text in found())


def test_the_audit_trail_is_verified_and_one_that_is_damaged_or_unreadable_fails_with_what_to_do(
    where: home.Home,
) -> None:
    assert found("audit") == []
    written = audit.AuditTrail(where.sandbox, 4096, 2, clock.SystemClock())
    written.append({"event": "job"})
    written.close()
    [(good, needed, text)] = found("audit")
    assert good and needed and "whole from record 1 on" in text
    [file] = where.sandbox.glob("audit-*.jsonl")
    file.write_bytes(file.read_bytes().replace(b"job", b"jab"))
    [(good, needed, text)] = found("audit")
    assert not good and needed and "line 2: the line was changed; " in text and "move the folder away" in text
    file.unlink()
    file.mkdir()
    [(good, _, text)] = found("audit")
    assert not good and f"{file} cannot be read: Is a directory; " in text
