"""As whom the steward opens a bot's pull request."""

from pathlib import Path
from typing import Any

import pytest

from council import care_app
from council.domain import errors, forge, home
from council.services import proposed


def test_on_github_each_account_has_a_token_of_its_own_and_nobody_elses_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = home.Home(tmp_path)
    where.forge_accounts.mkdir(parents=True)
    where.forge_token_file.write_text("stewards\n")
    (where.forge_accounts / "tuner[bot].token").write_text("tuners\n")
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(care_app, "github_forge", lambda *given: asked.append(given) or "there")
    forges = proposed.forges(forge.ForgeConfig(kind="github", repository="acme/blueprint"), where)
    # Once the process is confined, they cannot be read.
    where.forge_token_file.unlink()
    assert (forges(""), forges("tuner[bot]"), forges("docs")) == ("there", "there", None)
    assert [given[:3] for given in asked] == [
        ("acme/blueprint", "stewards", ""),
        ("acme/blueprint", "tuners", "tuner[bot]"),
    ]
    with pytest.raises(errors.SetupError, match=r"forge\.token"):
        proposed.forges(forge.ForgeConfig(kind="github", repository="acme/blueprint"), where)


def test_without_a_forge_there_is_none_for_anybody(tmp_path: Path) -> None:
    assert proposed.forges(forge.ForgeConfig(kind="none"), home.Home(tmp_path))("docs") is None
