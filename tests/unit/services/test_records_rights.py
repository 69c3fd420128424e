"""The rows of `records_rights` against the code of the processes that they are of."""

import pathlib

import pytest

import reached
from council import services
from council.backends.records import schema
from council.services import records_rights

# Reads the sources of most of Council.
pytestmark = pytest.mark.long

ROWS = {name: row for name, row in records_rights.ROWS.items() if row is not None}


@pytest.mark.parametrize("process", sorted(ROWS))
def test_a_row_names_no_table_that_the_code_of_its_process_does_not_lead_to(process: str) -> None:
    row = ROWS[process]
    assert row.process == process
    assert row.writes <= set(row.reads)
    assert set(row.reads) <= reached.tables_of(process)


def test_every_process_that_opens_the_records_has_a_row_and_no_other() -> None:
    modules = pathlib.Path(services.__file__).parent.glob("*.py")
    mains = {one.stem for one in modules if "\ndef main(config" in one.read_text()}
    opens = {name for name in mains if reached.tables_of(name)}
    assert opens == set(records_rights.ROWS)


def test_every_table_is_written_by_somebody() -> None:
    written = set().union(*(row.writes for row in ROWS.values()))
    assert set(schema.ledger.metadata.tables) - written == {"schema_version"}
