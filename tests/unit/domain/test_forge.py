"""What is said of a forge is refused where it could not be asked, and a commit where it could not be made."""

import pytest

from council.domain import errors, forge


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"kind": "gitlab"}, "forge.kind"),
        ({"kind": "github"}, "forge.repository"),
        ({"kind": "github", "repository": "acme/.."}, "forge.repository"),
        ({"api_url": "http://github.example"}, "forge.api_url"),
        ({"webhook": True}, "forge.webhook"),
        ({"kind": "none", "webhook": True}, "forge.webhook"),
    ],
)
def test_settings_by_which_nothing_could_be_asked_are_refused(given: dict[str, object], word: str) -> None:
    with pytest.raises(errors.ConfigError, match=word):
        forge.check_config(forge.ForgeConfig(**given))  # type: ignore[arg-type]
    forge.check_config(forge.ForgeConfig("github", "acme/blueprint", webhook=True))


def test_a_whole_commit_may_hold_as_many_files_as_a_blueprint_and_a_change_fewer() -> None:
    many: dict[str, forge.Change] = {str(number): forge.File(b"") for number in range(forge.CHANGES_MAX + 1)}
    forge.check_changes(many, whole=True)
    with pytest.raises(errors.InvalidRequestError, match="changes 1 to 1000 files; this one 1001"):
        forge.check_changes(many)
    with pytest.raises(errors.InvalidRequestError, match="holds 1 to"):
        forge.check_changes({}, whole=True)
