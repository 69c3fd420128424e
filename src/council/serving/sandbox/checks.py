"""Whether a job may be run at all: language, sizes, names, limits. Pure; every refusal says what to do."""

import dataclasses

from council.domain import config, errors, sandbox

FILES_MAX = 100
PART_BYTES_MAX = 255
NAME_BYTES_MAX = 1024


def job(asked: sandbox.Job, settings: config.SandboxConfig, defaults: sandbox.Limits | None = None) -> sandbox.Job:
    """Return the job with its limits filled in, by `defaults` or the settings. Raises InvalidRequestError."""
    if asked.language not in sandbox.LANGUAGES:
        raise errors.InvalidRequestError(
            f"There is no such language here. Use one of: {', '.join(sandbox.LANGUAGES)}.", parameter="language"
        )
    main = sandbox.MAIN_FILES[asked.language]
    _files(asked, main)
    if len(asked.collect) > FILES_MAX:
        raise errors.InvalidRequestError(f"Collect at most {FILES_MAX} files.", parameter="collect")
    for name in asked.collect:
        _name(name, "collect")
    size = len(_encoded(asked.code, "code")) + len(asked.stdin)
    size += sum(len(name.encode()) + len(content) for name, content in asked.files.items())
    if size > settings.job_bytes_max:
        raise errors.InvalidRequestError(
            f"Code, files and stdin are {size} bytes, over the {settings.job_bytes_max} of `sandbox.job_bytes_max`. "
            "Send less.",
            parameter="code",
        )
    return dataclasses.replace(asked, limits=limits(asked.limits or defaults, settings))


def limits(asked: sandbox.Limits | None, settings: config.SandboxConfig) -> sandbox.Limits:
    """Return the limits asked for, or the settings' own. Raises InvalidRequestError when one is over its ceiling."""
    ceilings = {name: getattr(settings, f"{name}_max") for name in sandbox.LIMIT_NAMES}
    if asked is None:
        return sandbox.Limits(**{name: min(getattr(settings, name), ceilings[name]) for name in sandbox.LIMIT_NAMES})
    for name, ceiling in ceilings.items():
        value = getattr(asked, name)
        kinds = (int, float) if name.endswith("_s") else (int,)
        # What is not a number compares as false, so NaN is refused as well.
        if isinstance(value, bool) or not isinstance(value, kinds) or not 0 < value <= ceiling:
            unit = "number" if name.endswith("_s") else "whole number"
            raise errors.InvalidRequestError(
                f"The limit `{name}` must be a {unit} above 0 and at most {ceiling}. "
                f"A higher ceiling is set by `sandbox.{name}_max`.",
                parameter=f"limits.{name}",
            )
    if asked.memory_bytes < sandbox.MEMORY_BYTES_MIN:
        raise errors.InvalidRequestError(
            f"The limit `memory_bytes` must be at least {sandbox.MEMORY_BYTES_MIN}, or not even the interpreter has room.",
            parameter="limits.memory_bytes",
        )
    return asked


def _files(asked: sandbox.Job, main: str) -> None:
    if len(asked.files) > FILES_MAX:
        raise errors.InvalidRequestError(f"Send at most {FILES_MAX} files.", parameter="files")
    for name in asked.files:
        _name(name, "files")
    folders = {folder for name in asked.files for folder in _folders(name)}
    for name in asked.files:
        if main in {name, *_folders(name)}:
            raise errors.InvalidRequestError(
                f"`{main}` is the name of the code itself. Give the file another name.", parameter="files"
            )
        if name in folders:
            raise errors.InvalidRequestError(
                "A file has the name of another file's folder. Give it another name.", parameter="files"
            )


def _folders(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _name(name: str, parameter: str) -> None:
    encoded = _encoded(name, parameter)
    parts = encoded.split(b"/")
    if len(encoded) > NAME_BYTES_MAX or any(len(part) > PART_BYTES_MAX for part in parts):
        raise errors.InvalidRequestError(
            f"A file name is too long. Use at most {PART_BYTES_MAX} bytes between slashes and {NAME_BYTES_MAX} in all.",
            parameter=parameter,
        )
    if b"\0" in encoded or {b"", b".", b".."} & set(parts):
        raise errors.InvalidRequestError(
            "A file name must be relative, as in `data/table.csv`, without empty parts, `.`, `..` or NUL.",
            parameter=parameter,
        )


def _encoded(text: str, parameter: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise errors.InvalidRequestError(
            "Text holds half of a surrogate pair, which UTF-8 cannot encode. Send whole characters.",
            parameter=parameter,
        ) from error
