"""`council ci`: each check by itself, over two folders; where a token goes, and what is waited for."""

import json
import shutil
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click import testing

import pull_requests
from council import care_ports
from council.cli import ci
from council.delivery import pairs
from council.domain import errors, gates, patches, watching
from delivery_rig import Watch
from pull_requests import ACCOUNT, ANN, NEW, STRANGER, TUNER

NEEDS_GPGV = pytest.mark.skipif(shutil.which("gpgv") is None, reason="gpgv is not installed")
BASE = pull_requests.base()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pull_requests.write(tmp_path_factory.mktemp("base"), BASE)


def run(name: str, base: Path, head: Path, account: str = ACCOUNT, *more: str) -> testing.Result:
    arguments = [name, "--base", str(base), "--head", str(head), "--account", account, *more]
    return testing.CliRunner().invoke(ci.ci, arguments)


@NEEDS_GPGV
def test_a_signed_patch_upon_the_tree_of_its_base_passes_each_check(base: Path, tmp_path: Path) -> None:
    head = pull_requests.write(tmp_path, pull_requests.proposed(BASE))
    for name, step in (("verify", "signature"), ("schema", "document"), ("authorise", "signers and paths")):
        done = run(name, base, head)
        assert done.exit_code == 0, done.output
        assert (
            done.output.startswith(f"council/{name}\n")
            and done.output.endswith("green\n")
            and f"  {step}" in done.output
        )


@NEEDS_GPGV
def test_what_is_refused_is_told_with_its_step_and_its_stable_reason(base: Path, tmp_path: Path) -> None:
    head = pull_requests.write(tmp_path, pull_requests.proposed(BASE, by=STRANGER))
    done = run("verify", base, head, ACCOUNT, "--json")
    assert isinstance(done.exception, errors.PatchRefusedError) and done.exception.reason == "signature_unlisted"
    told = json.loads(done.output)
    assert (told["check"], told["state"], told["reason"]) == ("council/verify", "failure", "signature_unlisted")
    assert told["steps"][1] == {"step": "signature", "outcome": "refused"}
    other = run("authorise", base, head)
    assert isinstance(other.exception, errors.PatchRefusedError) and "not reached" in other.output


@NEEDS_GPGV
def test_a_patch_may_name_the_commit_of_its_base(base: Path, tmp_path: Path) -> None:
    named = "7" * 40
    made = patches.Patch("tuner", pull_requests.NOW - 60, pull_requests.NOW + 3600, named, "Say it", "So.", (NEW,))
    files = pull_requests.signed(BASE, made, TUNER)
    head = pull_requests.write(tmp_path, files)
    assert run("authorise", base, head).exception.reason == "stale_base"  # type: ignore[union-attr]
    assert run("authorise", base, head, ACCOUNT, "--base-commit", named).exit_code == 0


def test_a_folder_without_a_patch_is_no_proposal(base: Path, tmp_path: Path) -> None:
    done = run("verify", base, pull_requests.write(tmp_path, BASE))
    assert isinstance(done.exception, errors.InvalidRequestError) and "patch.json" in done.exception.message


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8001", "http://localhost:8001/", "https://council.example.org", "http://[::1]:8001"]
)
def test_an_address_on_this_machine_or_by_https_is_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", url)
    assert ci._endpoint("X") == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    ["", " ", "council:8001", "http://10.0.0.1:8001", "http://127.0.0.1.example.org", "http://:8001", "http://127.0.0.1:x",
     "https://a:b@c.example.org", "https://c.example.org/?x=y", "ftp://127.0.0.1"],
)  # fmt: skip
def test_a_token_is_never_sent_in_clear_text_to_another_machine(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", url)
    with pytest.raises(errors.ConfigError) as refused:
        ci._endpoint("X")
    assert "a:b" not in refused.value.message


@pytest.mark.parametrize(
    ("url", "gateway"),
    [("http://127.0.0.1:8001", "http://127.0.0.1:8000"), ("http://[::1]:9001", "http://[::1]:9000")],
)
def test_the_gateway_is_one_port_below_patchctl(url: str, gateway: str) -> None:
    assert ci._gateway_beside(url) == gateway


def test_without_a_port_the_gateway_must_be_named() -> None:
    with pytest.raises(errors.ConfigError, match="COUNCIL_ENDPOINT"):
        ci._gateway_beside("https://council.example.org")


class Sights(Watch):
    """Says each of its verdicts once, and the last for ever."""

    def __init__(self, *verdicts: gates.Verdict) -> None:
        super().__init__()
        self.left = list(verdicts)

    async def sight(self) -> watching.Sight:
        self.verdict = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        return await super().sight()


RED, AMBER, GREEN = gates.Verdict.RED, gates.Verdict.AMBER, gates.Verdict.GREEN


@pytest.mark.parametrize(("verdicts", "wrong"), [((RED, AMBER, GREEN), ""), ((RED, AMBER), "latency_p95 is amber")])
async def test_gates_are_waited_for_until_none_is_red_or_the_time_is_over(
    verdicts: tuple[gates.Verdict, ...], wrong: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ci, "_PAUSE_S", 0.01)
    seen = Sights(*verdicts)
    seen.at_s = 1e11
    assert await ci._waited(seen, 20 if not wrong else 0.2) == wrong
    assert "latency_p95 is red" in capsys.readouterr().err


class Patchctl:
    """Is busy first, and then tries what it is sent."""

    def __init__(self, outcome: str = "tried", busy: int = 1, refuses: str = "") -> None:
        self.outcome, self.busy, self.refuses = outcome, busy, refuses
        self.is_closed = False

    async def apply(self, sent: patches.Submission, *, trial: bool = False) -> patches.Decision:
        assert trial
        if self.busy:
            self.busy -= 1
            raise errors.OverloadedError("Another is on its way.")
        return patches.Decision(not self.refuses, "ab", "abcd", self.refuses, "So.")

    async def follow(self) -> AsyncGenerator[Mapping[str, Any], None]:
        times = [["staging", 1], ["idle", 3]]
        row = {
            "cid": "ab",
            "line": "cid:ab - Say it",
            "reason": "" if self.outcome == "tried" else "worse",
            "target": "",
            "trial": True,
        }
        yield row | {"digest": "other", "times": times, "outcome": "refused"}
        yield row | {"digest": "abcd", "times": times[:1], "outcome": ""}
        yield row | {"digest": "abcd", "times": times, "outcome": self.outcome}

    async def close(self) -> None:
        self.is_closed = True


def service(made: Patchctl) -> care_ports.PatchService:
    return made  # type: ignore[return-value]


SENT = patches.Submission(b"{}", b"")


async def test_a_trial_waits_for_its_turn_and_shows_each_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ci, "_PAUSE_S", 0.01)
    made = Patchctl()
    await ci._tried(service(made), SENT, 20, as_json=False)
    out = capsys.readouterr()
    assert "staging" in out.out and "Tried after 2 s" in out.out and "Another" in out.err and made.is_closed


@pytest.mark.parametrize(
    ("made", "kind", "reason"),
    [
        (Patchctl("refused", busy=0), errors.PatchRefusedError, "worse"),
        (Patchctl(busy=0, refuses="quarantined"), errors.PatchRefusedError, "quarantined"),
        (Patchctl(busy=10**9), errors.OverloadedError, ""),
    ],
)
async def test_a_trial_that_is_not_found_good_is_an_error(
    made: Patchctl, kind: type[errors.CouncilError], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ci, "_PAUSE_S", 0.01)
    with pytest.raises(kind) as refused:
        await ci._tried(service(made), SENT, 1, as_json=False)
    assert refused.value.reason == reason and made.is_closed


@pytest.mark.parametrize("pinned", [ANN, TUNER])
def test_what_no_key_of_the_second_list_signed_is_not_sent(
    pinned: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = pull_requests.write(tmp_path, pull_requests.proposed(BASE))
    sent: list[patches.Submission] = []

    async def tried(_: object, one: patches.Submission, *__: object) -> None:
        sent.append(one)

    monkeypatch.setattr(ci, "_tried", tried)
    environment = {
        "PATCHCTL_ENDPOINT": "http://127.0.0.1:9",
        "BOT_TOKEN": "x",
        "BOT_GPG_KEY": pull_requests.armoured(pinned),
    }
    done = testing.CliRunner().invoke(ci.ci, ["apply-staging", "--head", str(head)], env=environment)
    assert (done.exit_code, sent) == ((0, [pairs.of_folder(head)]) if pinned is TUNER else (1, []))


@pytest.mark.parametrize("missing", ["PATCHCTL_ENDPOINT", "BOT_TOKEN"])
def test_what_the_workflow_must_hand_on_is_named(missing: str, tmp_path: Path) -> None:
    environment: dict[str, str | None] = {"PATCHCTL_ENDPOINT": "http://127.0.0.1:9", "BOT_TOKEN": "x", missing: None}
    done = testing.CliRunner().invoke(ci.ci, ["apply-staging", "--head", str(tmp_path)], env=environment)
    assert isinstance(done.exception, errors.ConfigError) and missing in done.exception.message


@NEEDS_GPGV
def test_what_a_proposed_file_says_begins_no_line(base: Path, tmp_path: Path) -> None:
    bad = pull_requests.put(BASE, "sentinels.yaml", b'"\\n::add-mask::x": 1\n"\\n::add-mask::x": 2\n')
    head = pull_requests.write(tmp_path, pull_requests.proposed(BASE, bad, by=ANN))
    done = run("schema", base, head, "ann")
    assert isinstance(done.exception, errors.PatchRefusedError) and done.exception.reason == "file_invalid"
    assert "::add-mask::" in done.exception.message and "\n" not in done.exception.message
    assert not any(line.lstrip().startswith("::") for line in done.output.splitlines())
