"""models recommend, pull, use, list, remove, in this process, with a catalogue of one small model."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from council import homes
from council.backends.model_provider import detect, download
from council.cli import main, model_files
from council.domain import errors, home, model_catalogue
from council.upkeep.engine import blueprint

CONTENT = b"GGUF" + b"\x00" * 5000
SMALL = {
    "role": "general", "parameters_millions": 1, "quantisation": "Q8_0", "file": "small.gguf", "bytes": len(CONTENT),
    "sha256": hashlib.sha256(CONTENT).hexdigest(), "urls": ["https://example.invalid/small.gguf"], "licence": "MIT",
    "context_tokens": 2048, "layers": 1, "kv_heads": 1, "head_width": 8, "notes": "",
}  # fmt: skip
BIG = SMALL | {"file": "big.gguf", "sha256": "1" * 64, "bytes": 1 << 41, "parameters_millions": 9}
VECTORS = SMALL | {"file": "vectors.gguf", "sha256": "2" * 64, "role": "embedding"}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("prepared") / "home"
    homes.prepare(home.Home(root), {})
    models = {"models": {"small": SMALL, "big": BIG, "vectors": VECTORS}}
    blueprint.commit(home.Home(root), {model_catalogue.FILE: json.dumps(models).encode()}, "A catalogue for tests")
    return root


@pytest.fixture
def where(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> home.Home:
    made = home.Home(shutil.copytree(prepared, tmp_path / "home", symlinks=True))
    monkeypatch.setenv("COUNCIL_HOME", str(made.root))
    monkeypatch.setattr(detect, "find", lambda: [])
    return made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main.cli, ["models", *arguments], catch_exceptions=False)


def good(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def read(*arguments: str) -> Any:
    return json.loads(good(*arguments, "--json"))


def pulled(where: home.Home) -> Path:
    path = where.models / "small.gguf"
    path.write_bytes(CONTENT)
    return path


def model_settings(where: home.Home) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((where.current / "council.yaml").read_text())["model"]
    return found


def test_recommend_names_what_fits_with_the_next_command_and_what_does_not_with_the_reason(where: home.Home) -> None:
    found = {one["name"]: one for one in read("recommend")["models"]}
    assert found["small"]["fits"] and found["small"]["best"] and not found["small"]["pulled"]
    assert found["small"]["next"] == "council models pull small && council models use small"
    assert not found["big"]["fits"] and "memory" in found["big"]["why_not"]
    text = good("recommend")
    assert "Next: council models pull small && council models use small" in text and "big" not in text
    assert "big" in good("recommend", "--all") and "vectors" not in good("recommend", "--role", "general")


def test_recommend_of_a_pulled_model_names_only_what_is_left_to_do(where: home.Home) -> None:
    pulled(where)
    assert (
        next(one["next"] for one in read("recommend")["models"] if one["name"] == "small") == "council models use small"
    )


def test_recommend_and_the_reading_of_the_catalogue_need_no_home(tmp_path: Path, where: home.Home) -> None:
    assert "For code:" in good("recommend", "--home", str(tmp_path / "never"))
    (where.current / model_catalogue.FILE).unlink()
    assert any(one["name"] == "qwen3-4b" for one in read("recommend")["models"])


def test_servers_that_run_are_named_with_the_command_that_uses_them(
    where: home.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        detect,
        "find",
        lambda: [
            detect.Server("ollama", "http://127.0.0.1:11434/v1", ("a", "b", "c")),
            detect.Server("vllm", "http://127.0.0.1:8000/v1", ("m",)),
        ],
    )
    line = "Ollama runs on 127.0.0.1:11434 with 3 models: `council providers add ollama` uses it."
    for command in ("recommend", "list"):
        text = good(command)
        assert line in text and "`council providers add vllm --url http://127.0.0.1:8000/v1`" in text
        assert read(command)["servers"][0]["models"] == ["a", "b", "c"]
    doctor = CliRunner().invoke(main.cli, ["doctor"], catch_exceptions=False).stdout
    assert line in doctor
    added = CliRunner().invoke(main.cli, ["providers", "add", "ollama"], catch_exceptions=False)
    assert added.exit_code == 0
    assert line not in CliRunner().invoke(main.cli, ["doctor"], catch_exceptions=False).stdout


def test_the_usual_addresses_are_those_that_providers_add_knows() -> None:
    from council.cli import providers

    for kind, port in model_files.USUAL_PORTS.items():
        assert providers.PRESETS[kind].url == f"http://127.0.0.1:{port}/v1"
        assert detect.Place(kind, port) in detect.PLACES


def test_use_of_a_pulled_model_sets_file_context_and_price_and_goes_back(where: home.Home) -> None:
    path = pulled(where)
    assert "next start" in good("use", "small")
    assert model_settings(where) == {"name": "small", "file": str(path), "context_tokens": 2048}
    assert read("list")["in_use"] == "small" and read("list")["pulled"] == ["small"]
    good("use", "smollm2-135m-instruct")
    assert "file" not in model_settings(where)


@pytest.mark.parametrize(
    ("name", "says"), [("small", "models pull small"), ("vectors", "does not chat"), ("x", "--file")]
)
def test_use_of_what_cannot_be_served_changes_nothing(where: home.Home, name: str, says: str) -> None:
    before = where.current.readlink()
    with pytest.raises(errors.SetupError, match=says):
        run("use", name)
    assert where.current.readlink() == before


def test_list_shows_unfinished_fetches_and_how_to_go_on(where: home.Home) -> None:
    (where.models / "small.gguf.partial").write_bytes(CONTENT[:1000])
    assert read("list")["partial_bytes"] == {"small": 1000}
    assert "1,000 of 5,004 bytes; `council models pull small` goes on" in good("list")


def test_pull_of_what_is_here_asks_nobody(where: home.Home) -> None:
    pulled(where)
    assert "here already" in good("pull", "small")


def test_pull_says_what_is_wrong(where: home.Home, tmp_path: Path) -> None:
    with pytest.raises(errors.NotFoundError, match="`small`"):
        run("pull", "smal")
    with pytest.raises(errors.ConfigError, match="https"):
        run("pull", "small", "--from", "http://example.com/small.gguf")
    with pytest.raises(errors.SetupError, match="council init"):
        run("pull", "qwen3-4b", "--home", str(tmp_path / "never"))


def test_pull_that_is_interrupted_says_how_to_go_on(where: home.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(models: Path, *_: object) -> None:
        (models / "small.gguf.partial").write_bytes(CONTENT[:1000])
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "pull", interrupt)
    result = run("pull", "small")
    assert result.exit_code == 130 and "`council models pull small` goes on" in result.output


def test_remove_takes_a_model_that_is_not_in_use(where: home.Home) -> None:
    path = pulled(where)
    good("use", "small")
    with pytest.raises(errors.SetupError, match="in use"):
        run("remove", "small")
    good("use", "smollm2-135m-instruct")
    assert "is removed" in good("remove", "small") and not path.exists()
    with pytest.raises(errors.NotFoundError, match="nothing to remove"):
        run("remove", "small")
