from pathlib import Path

from council.domain import home


def test_a_service_finds_the_others_where_it_was_told_and_the_rest_by_their_names() -> None:
    told = home.Home(Path("/h")).among({"COUNCIL_PEERS": '{"recall": "/h/run/recall-abc-1.sock"}'})
    assert told.socket("recall") == Path("/h/run/recall-abc-1.sock")
    assert told.socket("worker") == Path("/h/run/worker.sock")
    assert told == home.Home(Path("/h"))


def test_a_service_that_was_told_nothing_asks_the_live_ones() -> None:
    for environment in ({}, {"COUNCIL_PEERS": ""}, {"COUNCIL_PEERS": "{}"}):
        assert home.Home(Path("/h")).among(environment).socket("recall") == Path("/h/run/recall.sock")
