"""`council providers`, `council budget` and the budgets of tokens, in this process and without a network."""

import io
import json
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from council import app, homes
from council.cli import doctor, main, providers
from council.domain import config, errors, home, ledger
from council.domain import providers as providers_domain
from council.kit import clock, durable


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new home to copy: making one starts git some eighty times."""
    root = tmp_path_factory.mktemp("prepared") / "home"
    homes.prepare(home.Home(root), {})
    return root


@pytest.fixture
def where(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> home.Home:
    made = home.Home(shutil.copytree(prepared, tmp_path / "home", symlinks=True))
    monkeypatch.setenv("COUNCIL_HOME", str(made.root))
    return made


def run(*arguments: str, said: str = "") -> Result:
    return CliRunner().invoke(main.cli, arguments, input=said, catch_exceptions=False)


def good(*arguments: str, said: str = "") -> str:
    result = run(*arguments, said=said)
    assert result.exit_code == 0, result.output
    return result.stdout


def read(*arguments: str) -> Any:
    return json.loads(good(*arguments, "--json"))


def catalogue(where: home.Home) -> providers_domain.Catalogue:
    return homes.load_catalogue(where, None, config.Config())


@pytest.mark.parametrize("name", providers.PRESETS)
def test_every_preset_is_a_provider_that_the_settings_accept(where: home.Home, name: str) -> None:
    good("providers", "add", name)
    found = catalogue(where).providers[name]
    preset = providers.PRESETS[name]
    assert (found.kind, found.url, found.key == "file") == (preset.kind, preset.url, preset.needs_key)
    assert (found.forms, found.omit) == (preset.forms, preset.omit)


def test_a_key_comes_from_standard_input_and_only_its_owner_may_read_it(where: home.Home) -> None:
    good("providers", "add", "openai")
    assert read("providers", "list")[0]["on"] is False
    assert "sk-secret" not in good("providers", "key", "openai", said="  sk-secret\n")
    path = where.provider_key_file("openai")
    assert path.read_text() == "sk-secret\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert read("providers", "list")[0]["on"] is True
    good("providers", "key", "openai", "--forget")
    assert not path.exists()


@pytest.mark.parametrize("said", ["", "\n", "two words\n", "one\ntwo\n", "schlüssel\n", "x" * 5000])
def test_what_is_no_key_is_not_kept(where: home.Home, said: str) -> None:
    good("providers", "add", "openai")
    with pytest.raises(errors.InvalidRequestError):
        run("providers", "key", "openai", said=said)
    assert not where.provider_key_file("openai").exists()


def test_a_key_that_is_typed_is_not_shown(where: home.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    good("providers", "add", "openai")
    hidden: list[bool] = []

    def prompt(_: str, *, hide_input: bool, err: bool) -> str:
        hidden.append(hide_input and err)
        return "sk-typed"

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("click.prompt", prompt)
    monkeypatch.setattr("sys.stdin", Terminal())
    assert providers._read_key("openai") == "sk-typed" and hidden == [True]


def test_nobody_gets_a_key_that_is_no_provider(where: home.Home) -> None:
    with pytest.raises(errors.NotFoundError, match="There are: none yet"):
        run("providers", "key", "opnai", said="sk-secret\n")
    assert not list(where.provider_keys.glob("*"))


def test_adding_again_changes_what_is_given_and_keeps_the_rest(where: home.Home) -> None:
    good("providers", "add", "ollama")
    good("providers", "model", "add", "llama", "--provider", "ollama", "--context", "4096")
    good("providers", "add", "ollama", "--url", "http://127.0.0.1:9999/v1")
    found = catalogue(where)
    assert found.providers["ollama"].url == "http://127.0.0.1:9999/v1" and found.providers["ollama"].key == "none"
    assert found.models["llama"].context_tokens == 4096


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "mine"),
        ("add", "mine", "--url", "http://example.org/v1"),
        ("add", "Mine", "--url", "https://example.org/v1"),
        ("add", "local", "--url", "https://example.org/v1"),
        ("add", "ourselves", "--url", "http://localhost:8000/v1"),
        ("model", "add", "council", "--provider", "openai"),
        ("model", "add", "gpt", "--provider", "nobody"),
        ("model", "add", "gpt", "--provider", "openai", "--input-usd", "1"),
        ("model", "add", "gpt", "--provider", "openai", "--fallback", "nothing"),
        ("remove", "openai"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(where: home.Home, arguments: tuple[str, ...]) -> None:
    good("providers", "add", "openai")
    good("providers", "model", "add", "taken", "--provider", "openai")
    before = where.current.readlink()
    with pytest.raises(errors.ConfigError):
        run("providers", *arguments)
    assert where.current.readlink() == before


def test_prices_are_exact_micro_dollars_and_shown_as_dollars(where: home.Home) -> None:
    good("providers", "add", "openai")
    prices = ("--input-usd", "0.15", "--output-usd", "0.60", "--cached-usd", "0.075", "--cache-write-usd", "0.1875")
    good("providers", "model", "add", "small", "--provider", "openai", "--model", "gpt-small", *prices)
    (deployment,) = catalogue(where).models["small"].deployments
    price = deployment.price
    assert price is not None and deployment.model == "gpt-small"
    assert (price.input_usd_micros, price.output_usd_micros) == (150_000, 600_000)
    assert (price.cached_usd_micros, price.cache_write_usd_micros) == (75_000, 187_500)
    assert "$0.15 in, $0.60 out, $0.075 cached" in good("providers", "model", "list")
    assert run("providers", "model", "add", "small", "--provider", "openai", "--input-usd", "x").exit_code == 2


def test_a_model_without_a_price_is_free_on_this_machine_and_refused_elsewhere(where: home.Home) -> None:
    good("providers", "add", "openai")
    good("providers", "add", "ollama")
    assert "NO PRICE, so refused" in good("providers", "model", "add", "gpt", "--provider", "openai")
    assert "free" in good("providers", "model", "add", "llama", "--provider", "ollama")


def test_one_name_stands_on_several_providers_and_goes_with_the_last(where: home.Home) -> None:
    good("providers", "add", "ollama")
    good("providers", "add", "lmstudio")
    good("providers", "model", "add", "llama", "--provider", "ollama", "--weight", "3")
    good("providers", "model", "add", "llama", "--provider", "lmstudio")
    good("providers", "model", "add", "other", "--provider", "lmstudio", "--fallback", "llama")
    assert [one.weight for one in catalogue(where).models["llama"].deployments] == [3, 1]
    good("providers", "model", "remove", "llama", "--provider", "ollama")
    assert [one.provider for one in catalogue(where).models["llama"].deployments] == ["lmstudio"]
    good("providers", "model", "remove", "llama")
    assert catalogue(where).models["other"].fallbacks == ()
    with pytest.raises(errors.NotFoundError, match="other"):
        run("providers", "model", "remove", "llama")


def test_another_address_is_not_sent_the_key_of_the_old_one(where: home.Home) -> None:
    good("providers", "add", "far", "--url", "https://one.example/v1")
    good("providers", "key", "far", said="sk-one")
    good("providers", "add", "far", "--url", "https://one.example/v1")
    assert where.provider_key_file("far").exists()
    assert "Its key is removed" in good("providers", "add", "far", "--url", "https://two.example/v1")
    assert not where.provider_key_file("far").exists()


@pytest.mark.parametrize(
    "arguments",
    [("key", "far", "--forget"), ("add", "far", "--url", "https://two.example/v1"), ("remove", "far")],
)
def test_a_removed_key_does_not_come_back_after_a_power_cut(
    where: home.Home, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    good("providers", "add", "far", "--url", "https://one.example/v1")
    good("providers", "key", "far", said="sk-one")
    file = where.provider_key_file("far")
    synced: list[tuple[Path, bool]] = []
    monkeypatch.setattr(durable, "sync_folder", lambda folder: synced.append((folder, file.exists())))
    good("providers", *arguments)
    assert (file.parent, False) in synced


def test_removing_a_provider_with_its_models_takes_its_key_too(where: home.Home) -> None:
    good("providers", "add", "openai")
    good("providers", "key", "openai", said="sk-secret\n")
    good("providers", "model", "add", "gpt", "--provider", "openai")
    good("providers", "remove", "openai", "--with-models")
    assert not where.provider_key_file("openai").exists()
    assert list(catalogue(where).models) == ["smollm2-135m-instruct"]
    assert "There is none" in good("providers", "list")


def test_what_is_not_asked_for_stays_in_the_file(where: home.Home) -> None:
    good("providers", "add", "ollama")
    good("providers", "model", "add", "llama", "--provider", "ollama", "--budget-day-usd", "0.5", "--ability", "tools")
    before = homes.read_yaml(where.current / providers_domain.FILE)
    good("providers", "add", "openai")
    after = homes.read_yaml(where.current / providers_domain.FILE)
    assert after["models"] == before["models"] and after["providers"]["ollama"] == before["providers"]["ollama"]


def test_a_provider_that_is_off_is_not_asked(where: home.Home) -> None:
    good("providers", "add", "openai")
    with pytest.raises(errors.SetupError, match="council providers key openai"):
        run("providers", "test", "openai")
    with pytest.raises(errors.NotFoundError, match="There are: openai"):
        run("providers", "models", "opnai")


def test_doctor_names_providers_that_are_off_or_away_and_needs_none(where: home.Home) -> None:
    good("providers", "add", "openai")
    good("providers", "add", "far", "--url", "http://127.0.0.1:9/v1", "--key-none")
    found = {one.text.split()[0]: one for one in doctor._providers(config.Config(), where)}
    assert not any(one.good or one.needed for one in found.values())
    assert "off" in found["openai"].text and "does not answer" in found["far"].text


def test_doctor_says_that_a_key_is_readable_by_others(where: home.Home) -> None:
    good("providers", "add", "openai")
    good("providers", "key", "openai", said="sk-secret\n")
    assert doctor._private(where).good
    where.provider_key_file("openai").chmod(0o644)
    assert "openai.key" in doctor._private(where).text


def test_the_budget_shows_what_is_spent_held_and_left(where: home.Home) -> None:
    now_us = clock.SystemClock().now_us()
    hold = ledger.Hold("r", 0, now_us, now_us + 10**9, "owner", "t1", "gpt", "openai", 250_000)
    records = app.records(config.Config(), where)
    records.append([], [], [hold])
    records.close()
    day = next(line for line in read("budget") if line["scope"] == "all" and len(line["period"]) == 10)
    assert (day["held_usd_micros"], day["spent_usd_micros"], day["left_usd_micros"]) == (250_000, 0, 750_000)
    assert "model:gpt" in good("budget") and "0.250000" in good("budget")


def test_a_token_has_budgets_of_its_own(where: home.Home) -> None:
    good("tokens", "add", "--label", "robot", "--budget-day-usd", "0.25", "--budget-month-usd", "5")
    made = next(one for one in read("tokens", "list") if one["label"] == "robot")
    assert (made["day_usd_micros"], made["month_usd_micros"]) == (250_000, 5_000_000)
    assert "0.250000" in good("tokens", "list")
    with pytest.raises(errors.InvalidRequestError):
        run("tokens", "add", "--budget-day-usd", "0")
