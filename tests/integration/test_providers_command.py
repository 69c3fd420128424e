"""`council providers test` and `models` against a server that is there."""

import asyncio
import functools
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import single_service
from council import homes
from council.cli import main
from council.domain import errors, home
from council.testing import upstream


@pytest.fixture(scope="module")
def server() -> Iterator[upstream.Server]:
    """A server of models that wants the key `sk-right`, in a thread of its own."""
    ready = threading.Event()
    found: list[upstream.Server] = []
    loop = asyncio.new_event_loop()
    stopped = asyncio.Event()

    async def serve() -> None:
        async with upstream.serve(upstream.Script({"gpt": "ok"}), key="sk-right") as made:
            found.append(made)
            ready.set()
            await stopped.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(30)
    yield found[0]
    loop.call_soon_threadsafe(stopped.set)
    thread.join(30)
    loop.close()


@pytest.fixture(scope="module")
def prepared(server: upstream.Server) -> Iterator[home.Home]:
    with single_service.short_folder() as folder:
        where = home.Home(folder / "h")
        homes.prepare(where, {})
        for arguments in (
            ("add", "near", "--url", f"{server.url}/v1"),
            ("add", "claude", "--kind", "anthropic", "--url", f"{server.url}/v1"),
            ("model", "add", "gpt", "--provider", "near", "--input-usd", "1", "--output-usd", "2"),
            ("model", "add", "gone", "--provider", "near"),
        ):
            assert run(where, *arguments).exit_code == 0
        for name in ("near", "claude"):
            run(where, "key", name, said="sk-right\n")
        yield where


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[str]:
    """A server that has nothing at any path."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *_: Any) -> None: ...

    served = http.server.HTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=served.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{served.server_address[1]}/v1"
    served.shutdown()
    thread.join()
    served.server_close()


def run(where: home.Home, *arguments: str, said: str = "") -> Result:
    command = ["providers", *arguments, "--home", str(where.root)]
    return CliRunner().invoke(main.cli, command, input=said, catch_exceptions=False)


def test_a_provider_that_answers_says_what_it_lists_and_which_names_it_lacks(prepared: home.Home) -> None:
    said = run(prepared, "test", "near").stdout
    assert "near answers: GET http://127.0.0.1:" in said and "/v1/models lists" in said
    assert "gpt: gpt is listed. Price: $1.00 in, $2.00 out." in said
    assert "gone: gone is NOT in that list" in said


def test_the_models_that_a_provider_lists_are_shown(prepared: home.Home) -> None:
    names = json.loads(run(prepared, "models", "near", "--json").stdout)
    assert "gpt" in names and names == sorted(names)
    assert "gpt" in run(prepared, "models", "claude").stdout.splitlines()


def test_a_provider_without_a_list_is_said_to_answer_and_no_model_is_asked(prepared: home.Home, bare: str) -> None:
    run(prepared, "add", "bare", "--url", bare, "--key-none")
    assert "has no list of models; no model was asked" in run(prepared, "test", "bare").stdout
    with pytest.raises(errors.NotFoundError):
        run(prepared, "models", "bare")


def test_a_key_that_is_refused_is_said_in_words(prepared: home.Home) -> None:
    run(prepared, "key", "near", said="sk-wrong\n")
    with pytest.raises(errors.ProviderError, match="refused the key"):
        run(prepared, "test", "near")
    run(prepared, "key", "near", said="sk-right\n")


def test_a_provider_that_is_not_there_is_said_in_words(prepared: home.Home) -> None:
    run(prepared, "add", "away", "--url", "http://127.0.0.1:9/v1", "--key-none")
    with pytest.raises(errors.ProviderError, match="cannot be reached"):
        run(prepared, "test", "away")
