import dataclasses

import pytest

from council.domain import config, errors, sandbox
from council.serving.sandbox import checks

SETTINGS = config.SandboxConfig(job_bytes_max=2000)
JOB = sandbox.Job("python", "print(1)")
DEFAULTS = checks.limits(None, SETTINGS)


def refusal(job: sandbox.Job) -> errors.InvalidRequestError:
    with pytest.raises(errors.InvalidRequestError) as caught:
        checks.job(job, SETTINGS)
    assert caught.value.message.endswith(".")
    return caught.value


def test_a_job_without_limits_gets_those_of_the_settings() -> None:
    limits = checks.job(JOB, SETTINGS).limits
    assert limits == sandbox.Limits(5.0, 10.0, 1024 << 20, 1 << 20, 32 << 20, 32)


def test_a_call_without_limits_gets_those_of_its_session() -> None:
    opened = dataclasses.replace(DEFAULTS, wall_s=3.0)
    assert checks.job(JOB, SETTINGS, opened).limits == opened


def test_a_default_over_its_ceiling_is_the_ceiling() -> None:
    assert checks.limits(None, config.SandboxConfig(cpu_s=100.0, cpu_s_max=50.0)).cpu_s == 50.0


@pytest.mark.parametrize("name", sandbox.LIMIT_NAMES)
def test_each_limit_may_reach_its_ceiling_and_no_more(name: str) -> None:
    ceiling = getattr(SETTINGS, f"{name}_max")
    at = dataclasses.replace(DEFAULTS, **{name: ceiling})
    assert checks.job(dataclasses.replace(JOB, limits=at), SETTINGS).limits == at
    for value in (ceiling + 1, 0, -1, float("nan"), float("inf"), 10**400, True, "1", None):
        over = dataclasses.replace(DEFAULTS, **{name: value})
        assert refusal(dataclasses.replace(JOB, limits=over)).parameter == f"limits.{name}"


def test_counts_and_sizes_are_whole_numbers() -> None:
    half = dataclasses.replace(DEFAULTS, processes=1.5)  # type: ignore[arg-type]
    assert refusal(dataclasses.replace(JOB, limits=half)).parameter == "limits.processes"


def test_only_known_languages_are_run() -> None:
    assert refusal(sandbox.Job("perl", "")).parameter == "language"


def test_half_a_surrogate_pair_is_refused_in_code_and_names() -> None:
    assert refusal(sandbox.Job("python", "\ud800")).parameter == "code"
    assert refusal(dataclasses.replace(JOB, files={"\udc80": b""})).parameter == "files"
    assert refusal(dataclasses.replace(JOB, collect=("\udc80",))).parameter == "collect"


def test_code_files_and_stdin_count_together() -> None:
    fits = sandbox.Job("python", "é" * 250, stdin=b"x" * 500, files={"abcd": b"y" * 996})
    assert checks.job(fits, SETTINGS).code == fits.code
    assert "2001 bytes, over the 2000" in refusal(dataclasses.replace(fits, stdin=b"x" * 501)).message


@pytest.mark.parametrize("name", ["a", "a/b/c.txt", "...", "ü b", "-x", "main.sh", "x" * 255, "a/main.py"])
def test_relative_names_are_taken(name: str) -> None:
    assert checks.job(dataclasses.replace(JOB, files={name: b""}, collect=(name,)), SETTINGS)


@pytest.mark.parametrize(
    "name",
    ["", "/", "/etc/x", "a//b", "a/", "..", "a/../b", ".", "./a", "a\0b", "x" * 256, "é" * 128, "a/" * 600 + "a"],
)
def test_other_names_are_refused(name: str) -> None:
    assert refusal(dataclasses.replace(JOB, files={name: b""})).parameter == "files"
    assert refusal(dataclasses.replace(JOB, collect=(name,))).parameter == "collect"


@pytest.mark.parametrize(("language", "name"), [("python", "main.py"), ("bash", "main.sh"), ("python", "main.py/x")])
def test_the_name_of_the_code_is_taken(language: str, name: str) -> None:
    assert refusal(sandbox.Job(language, "", files={name: b""})).parameter == "files"


def test_what_the_code_is_called_may_be_collected() -> None:
    assert checks.job(dataclasses.replace(JOB, collect=("main.py",)), SETTINGS)


def test_a_file_is_not_also_a_folder() -> None:
    assert refusal(dataclasses.replace(JOB, files={"a/b/c": b"", "a/b": b""})).parameter == "files"


def test_files_have_a_greatest_number() -> None:
    names = [f"f{number}" for number in range(checks.FILES_MAX + 1)]
    most = dataclasses.replace(JOB, files=dict.fromkeys(names[:-1], b""), collect=tuple(names[:-1]))
    assert checks.job(most, SETTINGS)
    assert refusal(dataclasses.replace(JOB, files=dict.fromkeys(names, b""))).parameter == "files"
    assert refusal(dataclasses.replace(JOB, collect=tuple(names))).parameter == "collect"
