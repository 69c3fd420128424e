"""`council freeze` and `council lineage`: both read and write files alone, so that they work with Council stopped."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import patch_cases as cases
from council.cli import main
from council.domain import errors, home
from council.upkeep.engine import blueprint, repository
from council.upkeep.patchctl import freeze, history, journal, journal_key, lineage, steps
from council.upkeep.patchctl.core import judging


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> home.Home:
    made = home.Home(tmp_path / "home")
    for folder in (made.root, made.secrets):
        folder.mkdir(mode=0o700)
    monkeypatch.setenv("COUNCIL_HOME", str(made.root))
    return made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main.cli, arguments, catch_exceptions=True)


def good(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def read(*arguments: str) -> Any:
    return json.loads(good(*arguments, "--json"))


# Freeze


def test_a_freeze_is_in_force_at_once_and_until_it_is_lifted(where: home.Home) -> None:
    assert "Nothing is applied" in good("freeze", "on", "--reason", "Release week")
    found = freeze.standing(where.lineage)
    assert found is not None and found.reason == "Release week" and found.by and found.at_us
    assert "Release week" in good("freeze", "show")
    assert read("freeze", "show") == {"frozen": True, "reason": "Release week", "by": found.by, "at_us": found.at_us}
    assert good("freeze", "off") == "Not frozen.\n" == good("freeze", "off") == good("freeze", "show")
    assert read("freeze", "show") == {"frozen": False}
    assert freeze.standing(where.lineage) is None


def test_what_cannot_be_read_is_shown_as_a_freeze(where: home.Home) -> None:
    assert read("freeze", "show")["frozen"]
    where.lineage.mkdir()
    (where.lineage / "freeze.json").mkdir()
    assert read("freeze", "show")["frozen"]


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "a\nb", "\u202egnp", "\x1b[2J"])
def test_a_reason_that_cannot_be_shown_in_a_line_is_none(where: home.Home, reason: str) -> None:
    assert isinstance(run("freeze", "on", "--reason", reason).exception, errors.InvalidRequestError)
    assert freeze.standing(where.lineage) is None or not where.lineage.exists()


def test_a_home_that_is_not_there_is_not_made_by_a_freeze(tmp_path: Path) -> None:
    result = run("freeze", "on", "--reason", "x", "--home", str(tmp_path / "nowhere"))
    assert isinstance(result.exception, errors.SetupError) and not (tmp_path / "nowhere").exists()


# Lineage


@pytest.fixture
def kept(where: home.Home) -> home.Home:
    """A home with a patch that was applied, a checkpoint, and one that is at work."""
    journal_key.ensure(where.journal_key_file, where.journal_certificate_file)
    book = journal.Journal.open_at(where.lineage)
    for number in range(2):
        sent = cases.sent(cases.patch(cases.put(f"prompts/{number}.md"), title=f"Patch {number}"))
        found = judging.judge(sent, cases.situation())
        state = steps.State()
        events = [steps.Submitted(found.digest, cases.BASE), steps.Done("b" * 40), *[steps.Done()] * 5]
        for place, event in enumerate(events if number == 0 else events[:3]):
            state, record, _ = steps.step(state, event)
            book.append({**({} if place else history.about(found, cases.NOW)), **record})
        if number == 0:
            sealed = journal_key.sign(where.journal_key_file, lineage.statement(book.head))
            book.append(lineage.checkpoint(book.head, sealed))
    book.close()
    return where


def test_an_empty_lineage_is_said_to_be_empty_and_whole(where: home.Home) -> None:
    assert "No patch has come yet" in good("lineage", "list")
    assert read("lineage", "list") == [] and good("lineage", "export") == ""
    assert "Nothing is wrong" in good("lineage", "verify")


def test_the_list_tells_each_patch_in_a_line_newest_first(kept: home.Home) -> None:
    second, first = good("lineage", "list").splitlines()
    rows = read("lineage", "list")
    assert first == f"cid:{rows[1]['cid']} - Patch 0 (Ticket #7)  applied"
    assert second == f"cid:{rows[0]['cid']} - Patch 1 (Ticket #7)  at work: examining"
    assert len(read("lineage", "list", "--limit", "1")) == 1


def test_one_patch_is_shown_by_its_cid(kept: home.Home) -> None:
    row = read("lineage", "list")[1]
    for name in (row["cid"], f"cid:{row['cid']}", row["digest"], row["cid"][:8].upper()):
        said = good("lineage", "show", name)
        assert "Patch 0" in said and "prompts/0.md" in said and cases.TUNER.fingerprint in said
        assert [one["digest"] for one in read("lineage", "show", name)] == [row["digest"]]
    for name in ("f" * 16, "", row["cid"][:3]):
        assert isinstance(run("lineage", "show", name).exception, errors.NotFoundError)


def test_every_record_is_exported_in_order(kept: home.Home) -> None:
    rows = [json.loads(line) for line in good("lineage", "export").splitlines()]
    entries = journal.read(kept.lineage)
    assert [(one["seq"], one["digest"]) for one in rows] == [(one.point.seq, one.point.digest) for one in entries]
    assert [one.get("phase") for one in rows[:2]] == ["staging", "launching"]


def test_verify_says_how_many_records_stand_behind_the_last_checkpoint(kept: home.Home) -> None:
    found = read("lineage", "verify")
    assert (found["records"], found["checkpoints"], found["unsigned"], found["problems"]) == (11, 1, 3, [])
    assert "3 stand behind the last checkpoint" in good("lineage", "verify")


def test_an_edit_is_found_and_the_status_says_so(kept: home.Home) -> None:
    [segment] = kept.lineage.glob("*.jsonl")
    segment.write_bytes(segment.read_bytes().replace(b"Patch 0", b"Patch X"))
    result = run("lineage", "verify")
    assert result.exit_code == 1 and "damaged at line 1" in result.output
    assert run("lineage", "verify", "--json").exit_code == 1
    assert isinstance(run("lineage", "list").exception, errors.JournalError)


def test_an_end_that_was_taken_off_is_found_by_what_git_knows_though_the_store_is_away(kept: home.Home) -> None:
    blueprint.commit(kept, {"council.yaml": b""}, "Begin")
    entries = journal.read(kept.lineage)
    [checkpoint] = [one for one in entries if lineage.is_checkpoint(one)]
    repository.anchor(kept, lineage.statement(entries[-1].point))
    found = read("lineage", "verify")
    assert (found["anchors"], found["problems"]) == ({"git": 11}, [])
    said = good("lineage", "verify")
    assert (
        "The last record that git knows of is 11." in said
        and "the store knows of the journal could not be asked" in said
    )
    [segment] = kept.lineage.glob("*.jsonl")
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[: checkpoint.point.seq]))
    result = run("lineage", "verify")
    assert result.exit_code == 1 and "git knows of record 11, and the journal ends with record 8" in result.output
    assert run("lineage", "verify", "--json").exit_code == 1


def test_a_home_without_settings_says_that_the_store_was_not_asked(kept: home.Home) -> None:
    assert "there are no settings" in good("lineage", "verify")
    assert len(read("lineage", "verify")["away"]) == 1


def test_a_chain_that_was_made_anew_is_found_by_its_checkpoints(kept: home.Home, tmp_path: Path) -> None:
    forger = tmp_path / "forger.key"
    journal_key.ensure(forger, kept.journal_certificate_file)
    entries = journal.read(kept.lineage)
    for segment in kept.lineage.glob("*.jsonl"):
        segment.unlink()
    book = journal.Journal.open_at(kept.lineage)
    for one in entries[:-4]:
        book.append({**one.record, "title": "Patch X"} if "title" in one.record else one.record)
    book.append(lineage.checkpoint(book.head, journal_key.sign(forger, lineage.statement(book.head))))
    book.close()
    result = run("lineage", "verify")
    assert result.exit_code == 1 and "not by the journal's key" in result.output
