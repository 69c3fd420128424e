"""The one JSON form of jobs, results, state and errors of the sandbox: gateway, sandboxd and command line speak it. Pure.

Bytes are a string where they are UTF-8, else `{"base64": ...}`. Jobs are read strictly: nothing that a caller wrote is
ignored. Of replies, keys that are not known are: gateway and sandboxd may for a moment be of two versions.
"""

import binascii
import codecs
import contextlib
import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from council.domain import config as config_module
from council.domain import errors, sandbox

# Between gateway and sandboxd: who asked, percent-encoded.
# In which the service tells its part of a trace, as JSON.
SPANS_HEADER = "x-council-spans"
CALLER_HEADER = "x-council-caller"

_T = TypeVar("_T")

_JOB_KEYS = tuple(item.name for item in dataclasses.fields(sandbox.Job))
_SECONDS = frozenset({"cpu_s", "wall_s"})
REASON_CHARS_MAX = 300

_SHOWN_MAX = 100
_ESCAPED = bytes(set(range(0x20)) - set(b"\t\n\r"))
_ESCAPED_PART, _ESCAPED_FREE = 16, 1024
# What 64 bits hold; JSON's numbers go on beyond.
_WHOLE_MAX = 2**63 - 1


def default_limits(settings: config_module.SandboxConfig) -> sandbox.Limits:
    """Return the limits of jobs that name none."""
    return sandbox.Limits(**{name: getattr(settings, name) for name in sandbox.LIMIT_NAMES})


def body_bytes_max(settings: config_module.SandboxConfig) -> int:
    """Return the size of the largest body that sandboxd takes: base64 adds a third, escapes in code at most double it.

    Code of more control characters than that is refused though it be under `job_bytes_max`.
    """
    return 2 * settings.job_bytes_max + 64 * 1024


# Jobs


def job_form(job: sandbox.Job) -> dict[str, Any]:
    """Return a job as JSON."""
    form: dict[str, Any] = {
        "language": job.language,
        "code": job.code,
        "stdin": bytes_form(job.stdin),
        "files": {name: bytes_form(content) for name, content in job.files.items()},
        "collect": list(job.collect),
    }
    return form if job.limits is None else {**form, "limits": limits_form(job.limits)}


def job_of(body: object, defaults: sandbox.Limits) -> sandbox.Job:
    """Return the job in parsed JSON; limits that it leaves out come from `defaults`. Raises InvalidRequestError.

    Whether names and limits may be as they are is for the service to say.
    """
    given = _object(body, "", _JOB_KEYS)
    for name in ("language", "code"):
        if name not in given:
            raise errors.InvalidRequestError(f"`{name}` is missing. Send it.", parameter=name)
    language = _text(given["language"], "language")
    if language not in sandbox.LANGUAGES:
        raise errors.InvalidRequestError(
            f"`language` must be one of {', '.join(sandbox.LANGUAGES)}.", parameter="language"
        )
    return sandbox.Job(
        language=language,
        code=_text(given["code"], "code"),
        stdin=bytes_of(given.get("stdin", ""), "stdin"),
        files=_map(given.get("files", {}), "files", bytes_of),
        collect=_texts(given.get("collect", []), "collect"),
        limits=limits_of(given["limits"], defaults) if "limits" in given else None,
    )


def limits_form(limits: sandbox.Limits) -> dict[str, Any]:
    """Return limits as JSON."""
    return dataclasses.asdict(limits)


def limits_of(body: object, defaults: sandbox.Limits) -> sandbox.Limits:
    """Return the limits in parsed JSON, those left out from `defaults`. Raises InvalidRequestError."""
    given = _object(body, "limits", sandbox.LIMIT_NAMES)
    named: dict[str, Any] = {
        name: (_number if name in _SECONDS else _count)(value, f"limits.{name}") for name, value in given.items()
    }
    return dataclasses.replace(defaults, **named)


def session_limits_of(body: object, defaults: sandbox.Limits) -> sandbox.Limits | None:
    """Return the limits of a new session in parsed JSON, None where it names none. Raises InvalidRequestError."""
    given = _object(body, "", ("limits",))
    return limits_of(given["limits"], defaults) if "limits" in given else None


# Results and state


def result_form(result: sandbox.Result) -> dict[str, Any]:
    """Return a result as JSON. Output that was cut inside a character loses what is left of that character."""
    return {
        "status": str(result.status),
        "limit": result.limit,
        "exit_code": result.exit_code,
        "signal": result.signal,
        "stdout": bytes_form(result.stdout, cut=result.truncated),
        "stderr": bytes_form(result.stderr, cut=result.truncated),
        "files": {name: bytes_form(content) for name, content in result.files.items()},
        "not_collected": {name: _encodable(reason) for name, reason in result.not_collected.items()},
        "truncated": result.truncated,
        "wall_s": result.wall_s,
        "cpu_s": result.cpu_s,
        "memory_peak_bytes": result.memory_peak_bytes,
        "layers": list(result.layers),
        "layers_missing": list(result.layers_missing),
        "limits": None if result.limits is None else limits_form(result.limits),
        "lowered": dict(result.lowered),
        "blocked": dict(result.blocked),
        "reason": _encodable(result.reason),
        "audit_id": result.audit_id,
    }


def result_of(body: object) -> sandbox.Result:
    """Return the result in parsed JSON. Raises InvalidRequestError where it is none."""
    return sandbox.Result(**_fields(body, _RESULT))


def state_form(state: sandbox.State) -> dict[str, Any]:
    """Return the state as JSON."""
    return {item.name: _plain(getattr(state, item.name)) for item in dataclasses.fields(state)}


def state_of(body: object) -> sandbox.State:
    """Return the state in parsed JSON. Raises InvalidRequestError where it is none."""
    return sandbox.State(**_fields(body, _STATE))


# The kill switch and the audit trail


def reason_of(body: object) -> str:
    """Return why the switch is thrown or lifted, "" where the body does not say. Raises InvalidRequestError."""
    reason = _text(_object(body, "", ("reason",)).get("reason", ""), "reason").strip()
    if len(reason) > REASON_CHARS_MAX or (reason and not reason.isprintable()):
        raise _wrong("reason", f"one line of up to {REASON_CHARS_MAX} characters", "reason")
    return reason


def record_form(one: sandbox.Record) -> dict[str, Any]:
    """Return a line of the audit trail as JSON."""
    return {item.name: _plain(getattr(one, item.name)) for item in dataclasses.fields(one)} | {
        "blocked": dict(one.blocked)
    }


def record_of(body: object) -> sandbox.Record:
    """Return the line in parsed JSON. Raises InvalidRequestError where it is none."""
    return sandbox.Record(**_fields(body, _RECORD))


# Errors between sandboxd and its client; what the gateway's own callers get is in OpenAI's shape


def error_form(error: errors.CouncilError) -> dict[str, Any]:
    """Return an error as JSON, for a caller that is one of our own processes: it carries `detail`."""
    return {
        "error": {
            "code": error.code,
            "message": _encodable(error.message),
            "detail": _encodable(error.detail),
            "parameter": error.parameter,
            "retry_after_s": error.retry_after_s,
        }
    }


def error_of(body: object) -> errors.CouncilError:
    """Return the error in parsed JSON; of a code that the sandbox has no business with, a SandboxUnavailableError.

    Raises InvalidRequestError where it is none.
    """
    inner = _object(_object(body, "").get("error"), "error")
    code, message, detail = (_text(inner.get(name), f"error.{name}") for name in ("code", "message", "detail"))
    kind = _ERRORS.get(code)
    if kind is None:
        return errors.SandboxUnavailableError("The sandbox failed on this request.", detail=f"{code}: {detail}")
    return kind(
        message,
        detail=detail,
        parameter=_or_none(_text)(inner.get("parameter"), "error.parameter"),
        retry_after_s=_or_none(_count)(inner.get("retry_after_s"), "error.retry_after_s"),
    )


_ERRORS = {
    kind.code: kind
    for kind in (
        errors.InvalidRequestError,
        errors.MalformedBodyError,
        errors.BodyTooLargeError,
        errors.UnsupportedParameterError,
        errors.NotFoundError,
        errors.OverloadedError,
        errors.SandboxUnavailableError,
        errors.SandboxStoppedError,
    )
}


# Bytes


def bytes_form(raw: bytes, *, cut: bool = False) -> str | dict[str, str]:
    """Return bytes as text, or as base64 where they are not UTF-8. `cut` says that a last character may be partial.

    As base64, too, where many are control characters: JSON needs six bytes for each.
    """
    if len(raw) - len(raw.translate(None, _ESCAPED)) > len(raw) // _ESCAPED_PART + _ESCAPED_FREE:
        return {"base64": binascii.b2a_base64(raw, newline=False).decode()}
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(raw, final=not cut)
    except UnicodeDecodeError:
        return {"base64": binascii.b2a_base64(raw, newline=False).decode()}


def bytes_of(value: object, parameter: str) -> bytes:
    """Return the bytes of a string or of `{"base64": ...}`. Raises InvalidRequestError."""
    if not isinstance(value, dict):
        return _text(value, parameter).encode()
    if set(value) != {"base64"} or not isinstance(value["base64"], str):
        raise errors.InvalidRequestError(
            f'`{parameter}` must be a text or {{"base64": "..."}}, and nothing beside.', parameter=parameter
        )
    text = value["base64"]
    # Python's own strict mode lets too much padding pass.
    if len(text) % 4 == 0 and not text.endswith("==="):
        with contextlib.suppress(ValueError):
            return binascii.a2b_base64(text, strict_mode=True)
    raise errors.InvalidRequestError(
        f"`{parameter}` is not valid base64. Encode its bytes with the standard alphabet, padded, on one line.",
        parameter=parameter,
    )


# Readers of one value each: they return it as what it must be, or raise InvalidRequestError with its name


def _object(value: object, parameter: str, known: tuple[str, ...] | None = None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(parameter or "the body", "an object", parameter)
    unknown = sorted(set(value) - set(value if known is None else known))
    if unknown:
        name = ".".join(filter(None, (parameter, _shown(unknown[0]))))
        raise errors.InvalidRequestError(
            f"`{name}` is not known. Leave it out; known are: {', '.join(known or ())}.", parameter=name
        )
    return value


def _text(value: object, parameter: str) -> str:
    if not isinstance(value, str):
        raise _wrong(parameter, "a text", parameter)
    if _encodable(value) != value:
        raise errors.InvalidRequestError(
            f"`{parameter}` holds half of a surrogate pair, which is no character. Mend it, or send bytes as base64.",
            parameter=parameter,
        )
    return value


def _flag(value: object, parameter: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(parameter, "true or false", parameter)
    return value


def _number(value: object, parameter: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
        raise _wrong(parameter, "a number", parameter)
    return float(value)


def _count(value: object, parameter: str) -> int:
    """Take 3.0 for 3: JSON has one kind of number."""
    number = _number(value, parameter)
    if not number.is_integer():
        raise _wrong(parameter, "a whole number", parameter)
    if abs(number) > _WHOLE_MAX:
        raise _wrong(parameter, "a whole number of 64 bits at most", parameter)
    return value if isinstance(value, int) else int(number)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False


def _texts(value: object, parameter: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _wrong(parameter, "a list of texts", parameter)
    return tuple(_text(item, parameter) for item in value)


def _map(value: object, parameter: str, read: Callable[[object, str], _T]) -> dict[str, _T]:
    given = _object(value, parameter)
    return {_text(name, parameter): read(item, f"{parameter}.{_shown(name)}") for name, item in given.items()}


def _map_of(read: Callable[[object, str], _T]) -> Callable[[object, str], dict[str, _T]]:
    return lambda value, parameter: _map(value, parameter, read)


def _or_none(read: Callable[[object, str], _T]) -> Callable[[object, str], _T | None]:
    return lambda value, parameter: None if value is None else read(value, parameter)


def _text_or_empty(value: object, parameter: str) -> str:
    return "" if value is None else _text(value, parameter)


def _limits(value: object, parameter: str) -> sandbox.Limits:
    given = _object(value, parameter)
    named: dict[str, Any] = {
        name: (_number if name in _SECONDS else _count)(given.get(name), f"{parameter}.{name}")
        for name in sandbox.LIMIT_NAMES
    }
    return sandbox.Limits(**named)


def _status(value: object, parameter: str) -> sandbox.Status:
    try:
        return sandbox.Status(_text(value, parameter))
    except ValueError:
        raise _wrong(parameter, f"one of {', '.join(sandbox.Status)}", parameter) from None


_RESULT: Mapping[str, Callable[[object, str], Any]] = {
    "status": _status,
    "limit": _or_none(_text),
    "exit_code": _or_none(_count),
    "signal": _or_none(_count),
    "stdout": bytes_of,
    "stderr": bytes_of,
    "files": _map_of(bytes_of),
    "not_collected": _map_of(_text),
    "truncated": _flag,
    "wall_s": _number,
    "cpu_s": _number,
    "memory_peak_bytes": _or_none(_count),
    "layers": _texts,
    "layers_missing": _texts,
    # Of an older sandboxd these two are not there.
    "limits": _or_none(_limits),
    "lowered": lambda value, parameter: {} if value is None else _map(value, parameter, _count),
    "blocked": _map_of(_count),
    "reason": _text,
    "audit_id": _text,
}
_STATE: Mapping[str, Callable[[object, str], Any]] = {
    "kind": _text,
    "layers": _texts,
    "layers_missing": _map_of(_text),
    "refuses": _text,
    "stopped": _flag,
    "stopped_by": _text,
    "pool_ready": _count,
    "pool_target": _count,
    "refills_per_s": _number,
    "running": _count,
    "waiting": _count,
    "sessions": _count,
    "jobs": _count,
    # Of an older sandboxd these are not there.
    "stopped_reason": _text_or_empty,
    "walls": _text_or_empty,
    "walls_untried_s": _or_none(_number),
    "limits": _or_none(_limits),
}
_RECORD: Mapping[str, Callable[[object, str], Any]] = {
    "id": _count,
    "at_us": _count,
    "event": _text,
    "caller": _text,
    "request_id": _text,
    "session": _text,
    "language": _text,
    "status": _text,
    "limit": _text,
    "exit_code": _or_none(_count),
    "wall_s": _or_none(_number),
    "cpu_s": _or_none(_number),
    "memory_peak_bytes": _or_none(_count),
    "blocked": _map_of(_count),
    "reason": _text,
}


def _fields(body: object, readers: Mapping[str, Callable[[object, str], Any]]) -> dict[str, Any]:
    given = _object(body, "")
    return {name: read(given.get(name), name) for name, read in readers.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, sandbox.Limits):
        return limits_form(value)
    if isinstance(value, Mapping):
        return {name: _encodable(text) for name, text in value.items()}
    return _encodable(value) if isinstance(value, str) else value


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _shown(name: str) -> str:
    return _encodable(name[:_SHOWN_MAX])


def _wrong(place: str, wanted: str, parameter: str) -> errors.InvalidRequestError:
    return errors.InvalidRequestError(
        f"`{place}` must be {wanted}. Correct it and send again.", parameter=parameter or None
    )
