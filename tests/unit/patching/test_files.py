"""A patch that would leave a file that no service can read is refused, by the reader's own words."""

import re
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

import pgp
import pinned_release
from council import homes
from council.domain import errors, patches, release_pin
from council.patching import files

ANN = pgp.Owner("Ann", int(time.time()) - 1_000_000)
LISTED = f'authorisation: {{signers: {{"{ANN.fingerprint}": {{name: Ann, kind: human, allow: ["**"]}}}}}}\n'.encode()
KEY = f"keys/{ANN.fingerprint}.asc"
JOURNAL = "d" * 40
LISTS_JOURNAL = f'authorisation: {{signers: {{"{JOURNAL}": {{name: x, kind: bot, allow: ["**"]}}}}}}\n'.encode()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live")
    for path, content in homes.default_files().items():
        if "/" not in path:
            (folder / path).write_bytes(content)
    return folder


def changes(given: Mapping[str, bytes | None]) -> list[patches.Change]:
    return [
        patches.Change(path, patches.Action.DELETE if content is None else patches.Action.PUT, content, "0" * 64)
        for path, content in given.items()
    ]


GOOD: dict[str, Mapping[str, bytes | None]] = {
    "a file that nobody reads at a start": {"prompts/general.md": b"\xff"},
    "a setting": {"council.yaml": b"learning: true\n"},
    "a setting as it is by default": {"council.yaml": b"port: 8000\nsupervisor: {stop_s: 40}\n"},
    "no providers": {"providers.yaml": None},
    "no gates of its own": {"gates.yaml": None},
    "no sentinels of its own": {"sentinels.yaml": None},
    "no playbooks of its own": {"playbooks.yaml": None},
    "a playbook that nobody names": {
        "playbooks.yaml": homes.default_files()["playbooks.yaml"].replace(b"  shrink caches:", b"  empty caches:"),
    },
    "a signer with the certificate": {"authz.yaml": LISTED, KEY: ANN.certificate()},
    "a certificate of nobody": {KEY: b"anything"},
    "no release": {"release.yaml": None},
    "a release": {"release.yaml": pinned_release.text(release_pin.Pin("2.0.0", "2" * 64, "/srv/2.0.0"))},
}
BAD: dict[str, tuple[Mapping[str, bytes | None], str]] = {
    "an unknown setting": ({"council.yaml": b"prot: 8100\n"}, "port"),
    "no settings": ({"council.yaml": None}, "nothing starts"),
    "settings that are no YAML": ({"council.yaml": b"{"}, "not valid YAML"),
    "providers that are none": ({"providers.yaml": b"providers: 3\n"}, "providers"),
    "gates that are none": ({"gates.yaml": b"gates: 3\n"}, "gates"),
    "playbooks that are none": ({"playbooks.yaml": b"playbooks: 3\n"}, "playbooks"),
    "no playbook that a gate names": ({"playbooks.yaml": b"playbooks: {}\n"}, "names the playbook"),
    "a gate that names no playbook": (
        {"gates.yaml": homes.default_files()["gates.yaml"].replace(b"[restart the model]", b"[pray]")},
        "Name one of put settings back, rollback",
    ),
    "sentinels that are none": ({"sentinels.yaml": b"sentinels: 3\n"}, "sentinels"),
    "models that are none": ({"models.yaml": b"models: 3\n"}, "models"),
    "questions that are none": ({"trial.yaml": b"questions: 3\n"}, "trial.yaml"),
    "a release from an index": ({"release.yaml": b"release: {index: x}\n"}, "from a folder of this machine alone"),
    "no authorisation": ({"authz.yaml": None}, "every patch would be refused"),
    "authorisation without its section": ({"authz.yaml": b"{}"}, "authorisation"),
    "a signer without a certificate": ({"authz.yaml": LISTED}, "would not be there"),
    "a signer with another's": ({"authz.yaml": LISTED, KEY: pgp.Owner("B", ANN.created).certificate()}, "is that of"),
    "the journal's key as a signer": ({"authz.yaml": LISTS_JOURNAL}, "seals the journal"),
}


@pytest.mark.parametrize("case", GOOD)
def test_what_readers_read_passes(live: Path, case: str) -> None:
    files.checker(live, JOURNAL)(changes(GOOD[case]))


@pytest.mark.parametrize("case", BAD)
def test_what_a_reader_refuses_is_refused_and_names_what_is_wrong(live: Path, case: str) -> None:
    given, says = BAD[case]
    with pytest.raises(errors.ConfigError, match=says):
        files.checker(live, JOURNAL)(changes(given))


def test_what_was_wrong_before_is_not_the_fault_of_a_patch_that_leaves_it_alone(tmp_path: Path) -> None:
    (tmp_path / "gates.yaml").write_bytes(b"gates: 3\n")
    files.checker(tmp_path)(changes({"prompts/general.md": b"x"}))


def test_every_settings_file_of_the_default_blueprint_has_its_reader(live: Path) -> None:
    for path in sorted(one.name for one in live.glob("*.yaml")):
        with pytest.raises(errors.CouncilError):
            files.checker(live)(changes({path: b"no_such_key_anywhere: 1\n"}))


AT_START = {
    "the port": (b"port: 8100\n", "`port`"),
    "what the store may take": (b"store: {memory_bytes: 300000000}\n", "`store.memory_bytes`"),
    "the supervisor, beside what may be": (b"supervisor: {stop_s: 50}\nlearning: true\n", "`supervisor.stop_s` into"),
    "many": (
        b"port: 9000\nsupervisor: {stop_s: 50, ready_s: 9, silent_s: 9, backoff_first_s: 9, backoff_ceiling_s: 99}\n",
        "`supervisor.silent_s` and 1 more into",
    ),
    "two of them": (b"sandbox: {kind: gvisor}\nport: 9000\n", "`port`, `sandbox.kind` into"),
}


@pytest.mark.parametrize("case", AT_START)
def test_a_setting_that_only_a_start_puts_into_force_is_refused_with_what_to_do(live: Path, case: str) -> None:
    content, named = AT_START[case]
    with pytest.raises(errors.PatchRefusedError) as refused:
        files.checker(live)(changes({"council.yaml": content}))
    assert refused.value.reason == "needs_restart" and named in refused.value.message
    assert re.search(
        r"`council config set [a-z_.]+=VALUE`, then `council down` and `council up`", refused.value.message
    )


def test_settings_that_were_unreadable_are_mended_by_a_patch(tmp_path: Path) -> None:
    (tmp_path / "council.yaml").write_bytes(b"prot: 1\n")
    files.checker(tmp_path)(changes({"council.yaml": b"learning: true\n"}))
