"""The key of the journal: made once, kept, good for checkpoints, never for patches."""

import stat
from pathlib import Path

import pytest

from council.domain import authz_file, errors
from council.kit import chain
from council.upkeep.patchctl import journal, journal_key, lineage

STATEMENT = lineage.statement(chain.Point(3, "a" * 64))


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "secrets").mkdir(mode=0o700)
    return tmp_path / "secrets" / "journal.key", tmp_path / "lineage" / "journal.pub"


def test_it_is_made_once_and_only_its_owner_reads_the_secret_half(files: tuple[Path, Path]) -> None:
    name = journal_key.ensure(*files)
    kept = [file.read_bytes() for file in files]
    assert journal_key.ensure(*files) == name == journal_key.fingerprint(files[1])
    assert [file.read_bytes() for file in files] == kept
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
    assert b"PRIVATE" in kept[0] and b"PRIVATE" not in kept[1]


def test_a_signature_counts_for_what_was_signed_and_for_nothing_else(files: tuple[Path, Path]) -> None:
    journal_key.ensure(*files)
    signature = journal_key.sign(files[0], STATEMENT)
    for check in (journal_key.checker(files[1]), journal_key.checker(files[1], files[0])):
        assert check(STATEMENT, signature)
        assert not check(STATEMENT + b" ", signature)
        assert not check(STATEMENT, signature[:-1])
        assert not check(STATEMENT, b"")


def test_a_journal_with_a_key_of_its_own_is_found_by_whoever_has_the_real_one(files: tuple[Path, Path]) -> None:
    journal_key.ensure(*files)
    other = files[0].with_name("other.key")
    journal_key.ensure(other, files[1])
    forged = journal_key.sign(other, STATEMENT)
    assert journal_key.checker(files[1])(STATEMENT, forged)
    assert not journal_key.checker(files[1], files[0])(STATEMENT, forged)


def test_the_public_half_is_put_back(files: tuple[Path, Path]) -> None:
    journal_key.ensure(*files)
    kept = files[1].read_bytes()
    files[1].write_bytes(b"another")
    journal_key.ensure(*files)
    assert files[1].read_bytes() == kept


def test_without_a_key_no_checkpoint_is_good(files: tuple[Path, Path]) -> None:
    assert journal_key.fingerprint(files[1]) == ""
    assert not journal_key.checker(*reversed(files))(STATEMENT, b"x")


def test_a_key_that_cannot_be_read_is_said(files: tuple[Path, Path]) -> None:
    files[0].write_bytes(b"nonsense")
    with pytest.raises(errors.SetupError, match="cannot be read"):
        journal_key.ensure(*files)


def test_authz_yaml_may_not_list_it(files: tuple[Path, Path]) -> None:
    name = journal_key.ensure(*files)
    given = {"authorisation": {"signers": {name: {"name": "j", "kind": "bot", "allow": ["**"]}}}}
    with pytest.raises(errors.ConfigError, match="seals the journal"):
        authz_file.build(given, name)


def test_checkpoints_by_it_are_good_to_whoever_looks_at_the_journal(files: tuple[Path, Path]) -> None:
    journal_key.ensure(*files)
    book = journal.Journal.open_at(files[1].parent)
    book.append({"override": 1, "at": 0})
    book.append(lineage.checkpoint(book.head, journal_key.sign(files[0], lineage.statement(book.head))))
    book.append({"override": 1, "at": 1})
    book.close()
    found = lineage.look(journal.read(files[1].parent), journal_key.checker(files[1]), {})
    assert (found.records, found.checkpoints, found.unsigned, found.problems) == (3, 1, 1, [])
