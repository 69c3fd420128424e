"""Fetches one model file by its pinned digest: resumable, checked whole, and never under its final name before that.

What has come lies in `<file>.partial`, with the address and validator it came with in `<file>.partial.json`. Whether those
bytes are still good is the digest's to say, at the end; the validator only saves fetching the rest of another file. The
server is not trusted: size, redirects, silence and tries are bounded, and it never decides where something is written.
"""

import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import re
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from council.domain import errors, model_catalogue
from council.kit import durable

PARTIAL_SUFFIX = ".partial"
_NOTE_SUFFIX = ".partial.json"
_LOCK_SUFFIX = ".lock"
_MAGIC = b"GGUF"
_CHUNK_BYTES = 1024 * 1024
_NOTE_BYTES_MAX = 16 * 1024
_REDIRECTS_MAX = 5
# Tries that bring nothing new; one that brought something starts the count over.
_TRIES_MAX = 4
_TRIES_IN_ALL = 100
_FREE_BYTES_MIN = 64 * 1024 * 1024
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_AGAIN_STATUSES = frozenset({408, 429, 500, 502, 503, 504})

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Conditions:
    """How patient a fetch is. `wait` is called with the seconds between two tries."""

    wait: Callable[[float], None]
    silence_s: float = 30.0
    pause_s: float = 1.0


class _CutError(Exception):
    """What a further try may mend; the text says what happened."""


def file_of(models: Path, entry: model_catalogue.Entry) -> Path:
    """Return where a fetched model lies."""
    return models / entry.file


def is_here(models: Path, entry: model_catalogue.Entry) -> bool:
    """Return whether a model was fetched. Its digest was checked then."""
    path = file_of(models, entry)
    return path.is_file() and path.stat().st_size == entry.bytes


def partial_bytes(models: Path, entry: model_catalogue.Entry) -> int:
    """Return how much of an unfinished fetch is there."""
    try:
        return _beside(models, entry, PARTIAL_SUFFIX).stat().st_size
    except OSError:
        return 0


def remove(models: Path, entry: model_catalogue.Entry) -> bool:
    """Remove a model and what is left of fetching it; return whether there was something. Raises SetupError."""
    there = False
    with _alone(models, entry):
        for path in (file_of(models, entry), *_leftovers(models, entry)):
            try:
                path.unlink()
                there = True
            except FileNotFoundError:
                pass
            except OSError as error:
                raise errors.SetupError(
                    f"{path} could not be removed: {error.strerror}. Mend that, then try again."
                ) from error
    return there


def pull(
    models: Path, entry: model_catalogue.Entry, urls: tuple[str, ...], conditions: Conditions, progress: Progress
) -> Path:
    """Fetch a model from the first address that gives it; return its file. Idempotent.

    `progress` is called with the bytes that are there. KeyboardInterrupt passes through and leaves what has come. Raises
    ConfigError for an address that may not be used, SetupError, UnavailableError.
    """
    for url in urls:
        model_catalogue.check_url(url)
    try:
        models.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _alone(models, entry):
            if not is_here(models, entry):
                _check_room(models, entry)
                _fetch_from_any(models, entry, urls, conditions, progress)
                _finish(models, entry)
    except OSError as error:
        raise errors.SetupError(
            f"{entry.file} could not be written to {models}: {error.strerror or error}. Mend that, then run the same "
            "command again; it goes on where it stopped."
        ) from error
    return file_of(models, entry)


def _beside(models: Path, entry: model_catalogue.Entry, suffix: str) -> Path:
    return models / (entry.file + suffix)


def _leftovers(models: Path, entry: model_catalogue.Entry) -> tuple[Path, Path]:
    return _beside(models, entry, PARTIAL_SUFFIX), _beside(models, entry, _NOTE_SUFFIX)


@contextlib.contextmanager
def _alone(models: Path, entry: model_catalogue.Entry) -> Iterator[None]:
    """Hold the lock of one model, which ends with the process too. The file stays: two could hold it otherwise."""
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(models / f".{entry.file}{_LOCK_SUFFIX}", flags, 0o600)
    except OSError as error:
        raise errors.SetupError(
            f"{models} cannot be written: {error.strerror}. Run `council init`, or mend that."
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise errors.SetupError(
                f"Another command is at work on {entry.name}. Wait until it has ended, then try again."
            ) from None
        yield
    finally:
        os.close(descriptor)


def _check_room(models: Path, entry: model_catalogue.Entry) -> None:
    needed = entry.bytes - min(partial_bytes(models, entry), entry.bytes) + _FREE_BYTES_MIN
    free = shutil.disk_usage(models).free
    if free < needed:
        raise errors.SetupError(
            f"{entry.name} needs {needed:,} bytes more on the disk of {models}, and {free:,} are free. Free some, or take "
            "a smaller model: `council models recommend`."
        )


def _fetch_from_any(
    models: Path, entry: model_catalogue.Entry, urls: tuple[str, ...], conditions: Conditions, progress: Progress
) -> None:
    for number, url in enumerate(urls, start=1):
        try:
            _fetch(models, entry, url, conditions, progress)
            return
        except errors.UnavailableError:
            if number == len(urls):
                raise


def _fetch(models: Path, entry: model_catalogue.Entry, url: str, conditions: Conditions, progress: Progress) -> None:
    """Try until the partial file has its full size. Raises UnavailableError when tries bring nothing more."""
    said = ""
    in_vain = 0
    for _ in range(_TRIES_IN_ALL):
        before = partial_bytes(models, entry)
        if before == entry.bytes:
            return
        try:
            _try(models, entry, url, conditions.silence_s, progress)
        except _CutError as cut:
            said = str(cut)
        in_vain = 0 if partial_bytes(models, entry) > before else in_vain + 1
        if in_vain >= _TRIES_MAX:
            break
        if partial_bytes(models, entry) < entry.bytes:
            conditions.wait(conditions.pause_s * 2**in_vain)
    have = partial_bytes(models, entry)
    if have == entry.bytes:
        return
    raise errors.UnavailableError(
        f"{host_of(url)} does not give {entry.name} to its end: {said or 'it stops early'}. {have:,} of {entry.bytes:,} bytes "
        "are kept; run the same command again to go on, or give another address with --from."
    )


def _try(models: Path, entry: model_catalogue.Entry, url: str, silence_s: float, progress: Progress) -> None:
    """Make one request and take what it brings. Raises _CutError, and UnavailableError for what no further try mends."""
    partial, note = _leftovers(models, entry)
    offset = partial_bytes(models, entry)
    if offset > entry.bytes:
        partial.unlink()
        offset = 0
    request = urllib.request.Request(url, headers=_headers(offset, _validator(note, url)))  # noqa: S310 - checked above
    try:
        with _opener(url).open(request, timeout=silence_s) as response:
            _take(response, entry, partial, note, url, offset, progress)
    except urllib.error.HTTPError as error:
        _refused(error, entry, url, partial, offset)
    except (TimeoutError, urllib.error.URLError, http.client.HTTPException, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        text = "it went silent" if isinstance(reason, TimeoutError) else str(reason)[:200] or type(reason).__name__
        raise _CutError(text) from error


def _headers(offset: int, validator: str) -> dict[str, str]:
    # Stored compressed, the offsets would be those of another file.
    headers = {"accept-encoding": "identity", "user-agent": "council"}
    if offset:
        headers["range"] = f"bytes={offset}-"
        if validator:
            headers["if-range"] = validator
    return headers


def _take(
    response: Any,
    entry: model_catalogue.Entry,
    partial: Path,
    note: Path,
    url: str,
    offset: int,
    progress: Progress,
) -> None:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise errors.UnavailableError(
            f"{host_of(url)} sends {entry.name} compressed. Give another address with --from."
        )
    begins, whole = _extent(response, offset)
    if whole is not None and whole != entry.bytes:
        raise errors.UnavailableError(
            f"{host_of(url)} has {whole:,} bytes for {entry.name}, which has {entry.bytes:,}: it is another file. Give another "
            "address with --from."
        )
    with partial.open("r+b" if partial.exists() else "w+b") as file:
        # A server that ignores the range, or has another file by now, sends all of it.
        file.truncate(begins)
        file.seek(begins)
        if begins == 0:
            _note(note, url, response)
        _copy(response, file, entry, url, begins, progress)
        file.flush()
        os.fsync(file.fileno())


def _extent(response: Any, offset: int) -> tuple[int, int | None]:
    """Return where the body begins in the file and how large the file is said to be. Raises _CutError."""
    if response.status == 206:
        found = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
        if found is None or int(found.group(1)) != offset:
            raise _CutError("it sends another part than the one asked for")
        return offset, None if found.group(3) == "*" else int(found.group(3))
    if response.status != 200:
        raise _CutError(f"it answered with status {response.status}")
    length = response.headers.get("content-length", "")
    return 0, int(length) if length.isascii() and length.isdecimal() and len(length) < 19 else None


def _copy(
    response: Any, file: IO[bytes], entry: model_catalogue.Entry, url: str, begins: int, progress: Progress
) -> None:
    have = begins
    progress(have)
    while chunk := response.read1(_CHUNK_BYTES):
        if have == 0 and not _MAGIC.startswith(chunk[: len(_MAGIC)]):
            file.truncate(0)
            raise errors.UnavailableError(
                f"{host_of(url)} sends something that is no model file, perhaps a page to read. Give another address "
                "with --from."
            )
        if have + len(chunk) > entry.bytes:
            file.truncate(0)
            raise errors.UnavailableError(
                f"{host_of(url)} sends more than the {entry.bytes:,} bytes of {entry.name}. Give another address with --from."
            )
        file.write(chunk)
        have += len(chunk)
        progress(have)
    if have < entry.bytes:
        raise _CutError("the connection ended early")


def _refused(error: urllib.error.HTTPError, entry: model_catalogue.Entry, url: str, partial: Path, offset: int) -> None:
    with error:
        if error.code == 416 and offset:
            # It has another file by now, shorter than what is here.
            partial.unlink(missing_ok=True)
            raise _CutError("it has another file now") from error
        if error.code in _AGAIN_STATUSES:
            raise _CutError(f"it answered with status {error.code}") from error
        raise errors.UnavailableError(
            f"{host_of(url)} refuses {entry.name} with status {error.code}. Give another address with --from."
        ) from error


def _finish(models: Path, entry: model_catalogue.Entry) -> None:
    """Check the whole file as it is on the disk, and give it its name."""
    partial, note = _leftovers(models, entry)
    with partial.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != entry.sha256:
        partial.unlink()
        note.unlink(missing_ok=True)
        raise errors.SetupError(
            f"What came for {entry.name} has the digest {found[:16]}… instead of {entry.sha256[:16]}…, so it is another file "
            "or was damaged, and it is removed. Run the same command again; if that ends like this too, the address gives "
            "another file: give one that has this one with --from."
        )
    partial.replace(file_of(models, entry))
    note.unlink(missing_ok=True)
    durable.sync_folder(models)


def _note(note: Path, url: str, response: Any) -> None:
    """Keep what tells the server which file the rest is of: a strong ETag. A weak one does not name bytes."""
    etag = response.headers.get("etag", "")
    strong = etag if etag.startswith('"') and len(etag) < 1024 else ""
    note.write_text(json.dumps({"url": url, "validator": strong}))


def _validator(note: Path, url: str) -> str:
    try:
        with note.open("rb") as file:
            found = json.loads(file.read(_NOTE_BYTES_MAX))
        return str(found["validator"]) if found["url"] == url else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def host_of(url: str) -> str:
    """Return the host of an address, for people."""
    return urllib.parse.urlsplit(url).netloc[:100]


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to where a file may be fetched from, a few times; urllib itself would go to any http address."""

    max_redirections = _REDIRECTS_MAX

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        try:
            model_catalogue.check_url(newurl)
        except errors.ConfigError as error:
            fp.close()
            raise errors.UnavailableError(
                f"{host_of(req.full_url)} leads on to an address that may not be used. Give another with --from.",
                detail=error.message,
            ) from error
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            fp.close()
            raise errors.UnavailableError(
                f"{host_of(req.full_url)} leads on from https to http. Give another address with --from."
            )
        made = super().redirect_request(req, fp, code, msg, headers, newurl)
        if made is not None:
            for name in ("Range", "If-range", "Accept-encoding", "User-agent"):
                if req.has_header(name):
                    made.add_header(name, str(req.get_header(name)))
        return made


def _opener(url: str) -> urllib.request.OpenerDirector:
    # A proxy would ask itself for what is on this machine.
    here = urllib.parse.urlsplit(url).scheme == "http"
    proxies = urllib.request.ProxyHandler({}) if here else urllib.request.ProxyHandler()
    opener = urllib.request.OpenerDirector()
    for handler in (
        proxies,
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener
