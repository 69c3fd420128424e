"""Fetching a model file from a server on loopback that cuts, stalls, lies and sends other things."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import file_server
from council.backends.model_provider import download
from council.domain import errors, model_catalogue

CONTENT = b"GGUF" + os.urandom(3_000_000)


def entry_of(content: bytes, url: str = "https://example.invalid/m.gguf") -> model_catalogue.Entry:
    return model_catalogue.Entry(
        "small", "general", 1, "Q8_0", "small.gguf", len(content), hashlib.sha256(content).hexdigest(), (url,), "MIT",
        1024, 1, 1, 1, "",
    )  # fmt: skip


ENTRY = entry_of(CONTENT)


@pytest.fixture
def server() -> Iterator[file_server.Server]:
    with file_server.serving(CONTENT) as serving:
        yield serving


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def pull(models: Path, *urls: str, seen: list[int] | None = None, waits: list[float] | None = None) -> Path:
    conditions = download.Conditions(wait=(waits if waits is not None else []).append, silence_s=0.5)
    return download.pull(models, ENTRY, urls, conditions, (seen if seen is not None else []).append)


def leave_partial(models: Path, server: file_server.Server, amount: int) -> None:
    """Leave what an interrupted fetch leaves."""

    def interrupt(have: int) -> None:
        if have >= amount:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download.pull(models, ENTRY, (server.url,), download.Conditions(wait=lambda _: None), interrupt)
    assert 0 < download.partial_bytes(models, ENTRY) < len(CONTENT)


def only_locks_and(models: Path) -> list[str]:
    return sorted(path.name for path in models.iterdir() if not path.name.endswith(".lock"))


def test_a_file_comes_whole_under_its_name_and_nothing_else_is_left(models: Path, server: file_server.Server) -> None:
    seen: list[int] = []
    path = pull(models, server.url, seen=seen)
    assert path.read_bytes() == CONTENT and only_locks_and(models) == ["small.gguf"]
    assert seen == sorted(seen) and seen[0] == 0 and seen[-1] == len(CONTENT)
    assert server.requests[0]["accept-encoding"] == "identity"


def test_a_file_that_is_here_is_not_fetched_again(models: Path, server: file_server.Server) -> None:
    pull(models, server.url)
    pull(models, server.url)
    assert len(server.requests) == 1


def test_a_connection_that_is_cut_is_gone_on_with(models: Path, server: file_server.Server) -> None:
    server.behaviours = [file_server.cut(1_000_000), file_server.cut(500_000)]
    assert pull(models, server.url).read_bytes() == CONTENT
    assert [request.get("range") for request in server.requests] == [None, "bytes=1000000-", "bytes=1500000-"]
    assert server.requests[1]["if-range"] == '"one"'


def test_a_server_that_goes_silent_is_asked_again(models: Path, server: file_server.Server) -> None:
    server.behaviours = [file_server.stall(1_000_000)]
    assert pull(models, server.url).read_bytes() == CONTENT
    assert server.requests[1]["range"].startswith("bytes=")


def test_an_interrupted_fetch_keeps_what_came_and_goes_on(models: Path, server: file_server.Server) -> None:
    leave_partial(models, server, 1_000_000)
    have = download.partial_bytes(models, ENTRY)
    assert pull(models, server.url).read_bytes() == CONTENT
    assert server.requests[-1]["range"] == f"bytes={have}-"


def test_a_server_that_ignores_the_range_is_taken_from_the_start(models: Path, server: file_server.Server) -> None:
    server.behaviours = [file_server.cut(1_000_000)]
    server.ranges = False
    assert pull(models, server.url).read_bytes() == CONTENT


def test_another_file_at_the_address_is_taken_from_the_start(models: Path, server: file_server.Server) -> None:
    leave_partial(models, server, 1_000_000)
    server.etag = '"two"'
    assert pull(models, server.url).read_bytes() == CONTENT
    assert server.requests[-1]["if-range"] == '"one"'


def test_a_file_begun_anew_and_cut_holds_nothing_of_the_one_before(models: Path, server: file_server.Server) -> None:
    leave_partial(models, server, 1_000_000)
    server.etag = '"two"'
    server.behaviours = [file_server.cut(500_000)]
    assert pull(models, server.url).read_bytes() == CONTENT
    assert server.requests[-1]["range"] == "bytes=500000-"


def test_another_address_goes_on_without_the_validator_of_the_first(models: Path, server: file_server.Server) -> None:
    leave_partial(models, server, 1_000_000)
    assert pull(models, server.url + "?other").read_bytes() == CONTENT
    assert "if-range" not in server.requests[-1] and "range" in server.requests[-1]


def test_bytes_of_another_file_are_removed_and_the_message_says_what_to_do(
    models: Path, server: file_server.Server
) -> None:
    server.content = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    with pytest.raises(errors.SetupError, match=r"(?s)digest.*removed.*--from"):
        pull(models, server.url)
    assert only_locks_and(models) == []


def test_damage_before_a_cut_is_found_although_the_rest_is_right(models: Path, server: file_server.Server) -> None:
    leave_partial(models, server, 1_000_000)
    partial = models / "small.gguf.partial"
    held = bytearray(partial.read_bytes())
    held[1000] ^= 1
    partial.write_bytes(held)
    with pytest.raises(errors.SetupError, match="digest"):
        pull(models, server.url)
    assert pull(models, server.url).read_bytes() == CONTENT


def test_a_crash_between_the_last_byte_and_the_name_is_finished_without_the_net(
    models: Path, server: file_server.Server
) -> None:
    models.mkdir()
    (models / "small.gguf.partial").write_bytes(CONTENT)
    assert pull(models, server.url).read_bytes() == CONTENT
    assert server.requests == []


def test_a_partial_file_that_is_too_long_is_begun_anew(models: Path, server: file_server.Server) -> None:
    models.mkdir()
    (models / "small.gguf.partial").write_bytes(CONTENT + b"more")
    assert pull(models, server.url).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        (file_server.body(CONTENT, content_length=len(CONTENT) - 7), "another file"),
        (file_server.body(CONTENT, content_length=10**15), "another file"),
        (file_server.body(CONTENT + b"more"), "more than"),
        (file_server.body(b"<html>log in</html>", content_type="text/html"), "page to read"),
        (file_server.body(b"x", content_encoding="gzip"), "compressed"),
        (file_server.status(404), "status 404"),
        (file_server.status(401), "status 401"),
        (file_server.redirect("http://example.invalid/m"), "may not be used"),
        (file_server.redirect("file:///etc/passwd"), "status 302"),
        (file_server.redirect("ftp://127.0.0.1/m"), "may not be used"),
    ],
)
def test_what_is_not_the_file_is_refused_at_once(
    models: Path, server: file_server.Server, behaviour: file_server.Behaviour, says: str
) -> None:
    server.behaviours = [behaviour]
    with pytest.raises(errors.UnavailableError, match=says):
        pull(models, server.url)
    assert len(server.requests) == 1
    assert not (models / "small.gguf").exists() and download.partial_bytes(models, ENTRY) == 0


def test_a_body_without_a_length_that_ends_early_is_gone_on_with(models: Path, server: file_server.Server) -> None:
    server.behaviours = [file_server.body(CONTENT[:1_000_000])]
    assert pull(models, server.url).read_bytes() == CONTENT
    assert server.requests[1]["range"] == "bytes=1000000-"


def test_redirects_are_followed_with_the_range_but_not_for_ever(models: Path, server: file_server.Server) -> None:
    leave_partial(models, server, 1_000_000)
    server.behaviours = [file_server.redirect("/elsewhere.gguf")]
    assert pull(models, server.url).read_bytes() == CONTENT
    assert server.requests[-1]["range"] == server.requests[-2]["range"]
    download.remove(models, ENTRY)
    server.behaviours = [file_server.redirect(f"/{number}") for number in range(100)]
    with pytest.raises(errors.UnavailableError):
        pull(models, server.url)
    assert len(server.behaviours) > 60


def test_a_server_that_brings_nothing_more_is_given_up_with_growing_pauses(
    models: Path, server: file_server.Server
) -> None:
    server.behaviours = [file_server.cut(1_000_000), *(file_server.status(503) for _ in range(50))]
    waits: list[float] = []
    with pytest.raises(errors.UnavailableError, match=r"(?s)503.*1,000,000 of .* kept"):
        pull(models, server.url, waits=waits)
    assert waits[1:] == sorted(waits[1:]) and len(server.requests) == 5
    assert download.partial_bytes(models, ENTRY) == 1_000_000


def test_the_next_address_is_tried_where_one_fails(models: Path, server: file_server.Server) -> None:
    server.behaviours = [file_server.status(404)]
    assert pull(models, server.url, server.url + "?second").read_bytes() == CONTENT


@pytest.mark.parametrize("url", ["http://example.com/m", "file:///m.gguf", "https://user:word@example.com/m", "m.gguf"])
def test_an_address_that_is_neither_https_nor_of_this_machine_is_refused(models: Path, url: str) -> None:
    with pytest.raises(errors.ConfigError):
        pull(models, url)
    assert not models.exists()


def test_nothing_is_fetched_where_the_disk_is_too_small(
    models: Path, server: file_server.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = download.shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(errors.SetupError, match="smaller model"):
        pull(models, server.url)
    assert server.requests == []


def test_the_second_of_two_at_once_says_so(models: Path, server: file_server.Server) -> None:
    models.mkdir()
    with (models / ".small.gguf.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for call in (lambda: pull(models, server.url), lambda: download.remove(models, ENTRY)):
            with pytest.raises(errors.SetupError, match="Wait"):
                call()
    assert pull(models, server.url).exists()


def test_removing_takes_the_file_and_what_was_left_of_fetching(models: Path, server: file_server.Server) -> None:
    leave_partial(models, server, 1_000_000)
    assert download.remove(models, ENTRY) and only_locks_and(models) == []
    assert not download.remove(models, ENTRY)


def test_a_proxy_of_the_environment_is_not_asked_for_what_is_on_this_machine(
    models: Path, server: file_server.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert pull(models, server.url).exists()
