"""Signers entered into authz.yaml, and keys revoked there, whatever the file looks like."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from council import homes
from council.domain import authz, authz_file
from council.patching import roster

SHIPPED = (Path(__file__).resolve().parents[3] / "config" / authz.FILE).read_bytes()
ANN = authz.Signer("a" * 40, "Ann", authz.Kind.HUMAN, ("**",))
TUNER = authz.Signer("b" * 40, "no", authz.Kind.BOT, ("prompts/**", "knowledge/*"), ("prompts/code.md",), 2)
LAYOUTS: dict[str, bytes] = {
    "as shipped": SHIPPED,
    "without signers": b"authorisation:\n  bots_daily: 1\n",
    "in one line": b"authorisation: {signers: {}, revoked: []}\n",
    "four spaces": b"authorisation:\n    signers: {}\n    revoked: []\n",
    "with a comment behind": b"authorisation:\n  signers: {}  # nobody\n  revoked: [] # none\n",
    "with other rules": b"authorisation:\n  freeze_label: 'x'\n  protected:\n    - {paths: [a]}\n",
}


def built(text: bytes) -> authz.Policy:
    return authz_file.build(homes.parse_yaml(text, authz.FILE))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_signer_is_there_afterwards_and_all_else_is_as_it_was(layout: str) -> None:
    once = roster.with_signer(LAYOUTS[layout], ANN)
    twice = roster.with_signer(once, TUNER)
    before, after = built(LAYOUTS[layout]), built(twice)
    assert dict(after.signers) == {ANN.fingerprint: ANN, TUNER.fingerprint: TUNER}
    assert (after.protected, after.bots_daily, after.sizes) == (before.protected, before.bots_daily, before.sizes)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_revoked_key_is_refused_afterwards(layout: str) -> None:
    text = roster.with_signer(roster.with_signer(LAYOUTS[layout], ANN), TUNER)
    text = roster.with_revoked(roster.with_revoked(text, ANN.fingerprint), TUNER.fingerprint)
    assert built(text).revoked == {ANN.fingerprint, TUNER.fingerprint}


def test_the_comments_of_the_shipped_file_stay() -> None:
    made = roster.with_revoked(roster.with_signer(SHIPPED, ANN), TUNER.fingerprint)
    comments = [line for line in SHIPPED.splitlines() if line.strip().startswith(b"#")]
    assert [line for line in made.splitlines() if line.strip().startswith(b"#")] == comments


def test_a_signer_who_is_listed_already_is_replaced_and_nothing_is_written_for_the_same() -> None:
    text = roster.with_signer(SHIPPED, ANN)
    assert roster.with_signer(text, ANN) == text
    other = authz.Signer(ANN.fingerprint, "Bob", authz.Kind.HUMAN, ("prompts/**",))
    assert dict(built(roster.with_signer(text, other)).signers) == {ANN.fingerprint: other}


TEXTS = st.text("ab: #[]{}\n-'\"", max_size=40)


@given(label=TEXTS, style=st.sampled_from([True, False, None]))
def test_however_the_file_is_laid_out_it_says_what_it_should(label: str, style: bool | None) -> None:
    given: dict[str, Any] = {"authorisation": {"note": label, "signers": {}, "revoked": []}}
    text = yaml.safe_dump(given, default_flow_style=style).encode()
    made = homes.parse_yaml(roster.with_revoked(roster.with_signer(text, ANN), "c" * 40), authz.FILE)
    row = {"name": "Ann", "kind": "human", "allow": ["**"]}
    assert made == {"authorisation": {"note": label, "signers": {ANN.fingerprint: row}, "revoked": ["c" * 40]}}
