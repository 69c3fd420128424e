"""What is gathered of a home for the checks of its safety."""

import dataclasses
import datetime
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
from click.testing import CliRunner

import made_certificate
import observer_cases
import pinned_release
from council import homes
from council.cli import main
from council.domain import config as config_module
from council.domain import errors, evidence, security
from council.domain import home as home_module
from council.kit import plain
from council.releases import approvals
from council.services import advisory_files, safety, securing
from council.upkeep.bots import security as drafts
from council.upkeep.observer import digests, layouts, renderings, telling
from council.upkeep.security import advisories

NOW_S = 1_790_000_000.0
CLICK = advisories.Package("click", "8.0")


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("safe") / "h"
    assert CliRunner().invoke(main.cli, ["init", "--home", str(folder)]).exit_code == 0
    return folder


@pytest.fixture
def where(fresh: Path, tmp_path: Path) -> home_module.Home:
    return home_module.Home(shutil.copytree(fresh, tmp_path / "h", symlinks=True))


def look(where: home_module.Home, *checks: security.Check, **settings: object) -> security.Report:
    config = config_module.build(settings, {}, {})
    return safety.look(where, config, advisory_files.Shelf(where), NOW_S, checks or safety.EVERYTHING)


def advisory(number: int, name: str = "click") -> dict[str, object]:
    package = {"ecosystem": "PyPI", "name": name}
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9999"}]}]
    affected = [{"package": package, "ranges": ranges}]
    return {"id": f"X-{number}", "modified": "2026-09-20T00:00:00Z", "summary": "s", "affected": affected}


def test_a_fresh_home_has_no_finding_and_says_that_nobody_tells_of_packages(where: home_module.Home) -> None:
    report = look(where)
    assert not report.findings
    assert {one.check for one in report.unknown} == {security.Check.PACKAGES, security.Check.CONFINEMENT}


def test_a_secret_that_others_may_read_is_found_wherever_it_lies(where: home_module.Home) -> None:
    where.provider_keys.mkdir(mode=0o700, exist_ok=True)
    for path in (where.token_file, where.provider_keys / "x.key"):
        path.write_text("k")
        path.chmod(0o644)
    found = look(where, security.Check.FILES).findings
    assert {one.subject for one in found} == {str(where.token_file), str(where.provider_keys / "x.key")}
    where.root.chmod(0o777)
    assert str(where.root) in {one.subject for one in look(where, security.Check.FILES).findings}


def test_a_secret_in_the_live_generation_is_found_by_its_path(where: home_module.Home) -> None:
    folder = where.current.resolve() / "prompts"
    folder.chmod(0o755)
    (folder / "leak.md").write_text("token: ghp_" + "a1B2" * 9)
    assert [one.subject for one in look(where, security.Check.SECRETS).findings] == ["prompts/leak.md"]


def test_a_certificate_that_cannot_be_read_is_unknown(where: home_module.Home, tmp_path: Path) -> None:
    (tmp_path / "c").write_text("none")
    gateway = {"tls_cert_file": str(tmp_path / "c"), "tls_key_file": str(tmp_path / "k")}
    report = look(where, security.Check.KEYS, gateway=gateway)
    assert "no PEM certificate" in report.unknown[0].why


async def test_a_certificate_that_ends_in_two_weeks_comes_from_its_file_into_the_digest_with_what_to_do(
    where: home_module.Home, tmp_path: Path
) -> None:
    ends_s = NOW_S + 14 * 86_400
    (tmp_path / "c").write_text(made_certificate.pem(datetime.datetime.fromtimestamp(ends_s, datetime.UTC)))
    gateway = {"tls_cert_file": str(tmp_path / "c"), "tls_key_file": str(tmp_path / "k")}
    await securing.Securing(lambda: look(where, security.Check.KEYS, gateway=gateway)).look()
    told_s = prometheus_client.REGISTRY.get_sample_value("council_expires_ts", {"kind": "tls"})
    assert told_s == ends_s and "council_expires_ts" in evidence.TRACKED
    track = evidence.Track("council_expires_ts", "steward", "time", [(NOW_S, told_s)], (("kind", "tls"),))
    span = evidence.Span(NOW_S - 86_400, NOW_S + 1)
    day = dataclasses.replace(observer_cases.day(), span=span, now_s=NOW_S + 1, tracks=[track])
    page = " ".join(renderings.text(layouts.page(digests.digest(day))).split())
    assert (
        f"certificate ends at {telling.clock(ends_s)}. Before that, put a new one" in page
        and "council security check" in page
    )


def test_an_export_of_the_whole_database_leaves_no_package_unknown(where: home_module.Home) -> None:
    with zipfile.ZipFile(where.advisories / "all.zip", "w") as made:
        for number in range(advisory_files.WHOLE_MIN):
            made.writestr(f"{number}.json", json.dumps(advisory(number, "click" if number == 7 else "other")))
    shelf = advisory_files.Shelf(where)
    (source,) = shelf.sources([CLICK])
    looked = advisories.look([CLICK], [source], NOW_S)
    assert [one.evidence for one in looked.findings] == ["X-7"]
    assert not looked.unknown
    assert shelf.sources([CLICK])[0] is source


@pytest.fixture(autouse=True)
def small_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a few advisories for a whole database, so that none of thousands is made."""
    assert advisory_files.WHOLE_MIN >= 10_000
    monkeypatch.setattr(advisory_files, "WHOLE_MIN", 20)


def whole_but(where: home_module.Home, *others: str) -> advisories.Source:
    """Return what an export is taken for that holds 20 advisories, or these texts in the place of all."""
    with zipfile.ZipFile(where.advisories / "all.zip", "w") as made:
        for number in range(20):
            made.writestr(
                f"{number}.json", json.dumps(advisory(number, "other")) if len(others) < 20 else others[number]
            )
        for number, text in enumerate(others if len(others) < 20 else ()):
            made.writestr(f"more-{number}.json", text)
    (source,) = advisory_files.Shelf(where).sources([CLICK])
    return source


def test_an_export_of_another_ecosystem_is_no_whole_database(where: home_module.Home) -> None:
    texts = [json.dumps(advisory(number, "other")).replace("PyPI", "npm") for number in range(20)]
    source = whole_but(where, *texts)
    assert not source.data.is_whole and "holds 0, too few" in source.problem
    assert advisories.look([CLICK], [source], NOW_S).unknown


def test_an_advisory_that_is_too_large_makes_an_export_no_whole_one(where: home_module.Home) -> None:
    assert whole_but(where).data.is_whole
    large = json.dumps(advisory(99) | {"details": "x" * 4 * 1024 * 1024})
    source = whole_but(where, large)
    assert not source.data.is_whole and "1 of its advisories are too large" in source.problem


def test_a_tls_key_in_a_folder_that_is_closed_is_unknown(
    where: home_module.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = {name: getattr(Path, name) for name in ("stat", "lstat")}

    def closed(name: str) -> Callable[..., Any]:
        def ask(path: Path, **given: Any) -> Any:
            if path.name == "closed.pem":
                raise PermissionError(13, "Permission denied")
            return real[name](path, **given)

        return ask

    for name in real:
        monkeypatch.setattr(Path, name, closed(name))
    report = look(
        where, security.Check.FILES, gateway={"tls_cert_file": "/c.pem", "tls_key_file": "/private/closed.pem"}
    )
    assert any("cannot be looked at: Permission denied" in one.why for one in report.unknown)


def test_a_part_of_a_database_is_none(where: home_module.Home) -> None:
    with zipfile.ZipFile(where.advisories / "all.zip", "w") as made:
        made.writestr("1.json", json.dumps(advisory(1)))
    looked = advisories.look([CLICK], advisory_files.Shelf(where).sources([CLICK]), NOW_S)
    assert len(looked.findings) == 1
    assert "holds 1, too few to be a whole database" in looked.unknown[0].why


def test_files_that_are_damaged_are_told_and_the_others_read(where: home_module.Home) -> None:
    (where.advisories / "a.zip").write_bytes(b"PK\x03\x04 cut off")
    (where.advisories / "b.json").write_text("{")
    (where.advisories / "c.yaml").write_text(json.dumps(advisory(1)))
    (where.advisories / "fetched.json").write_text("[]")
    sources = advisory_files.Shelf(where).sources([CLICK])
    assert [bool(one.problem) for one in sources] == [True, True, True, False]
    assert len(sources[-1].advisories) == 1


def test_an_index_is_asked_about_each_version_and_its_word_is_kept(
    where: home_module.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    class Reply:
        def __init__(self, body: object) -> None:
            self._body = json.dumps(body).encode()

        def __enter__(self) -> "Reply":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def read(self, _: int) -> bytes:
            return self._body

    def urlopen(address: str, timeout: float) -> Reply:
        asked.append(address)
        if "gone" in address:
            raise OSError("no such host")
        return Reply({"info": {}, "vulnerabilities": [{"id": "PYSEC-1", "summary": "s", "fixed_in": ["8.1"]}]})

    monkeypatch.setattr(advisory_files.urllib.request, "urlopen", urlopen)
    packages = [CLICK, advisories.Package("gone", "1")]
    url = "https://index.example/{name}/{version}/json"
    assert advisory_files.fetch(where, url, packages, "2026-09-21T00:00:00Z") == ["gone"]
    assert asked[0] == "https://index.example/click/8.0/json"
    looked = advisories.look(packages, advisory_files.Shelf(where).sources(packages), NOW_S)
    assert [one.subject for one in looked.findings] == ["click 8.0"]
    assert "of 1 of 2 packages no advisories are here: gone" in looked.unknown[0].why
    with pytest.raises(errors.SetupError, match="said nothing of any"):
        advisory_files.fetch(where, url, packages[1:], "2026-09-21T00:00:00Z")


def test_what_drafts_may_be_another_process_than_what_gathered(where: home_module.Home) -> None:
    loose = {"gateway": {"host": "0.0.0.0", "behind_proxy": True}}
    report = look(where, security.Check.SETTINGS, **loose)
    given = drafts.Evidence(report, safety.held(where, advisory_files.Shelf(where), NOW_S))
    carried = json.loads(json.dumps(given, default=lambda one: {k: getattr(one, k) for k in one.__dataclass_fields__}))
    again = plain.made(drafts.Evidence, carried)
    mended = drafts.draft(again.report, again.held)
    assert isinstance(mended, security.Mended)
    assert mended.settings == {"patch.needs_token": True}
    homes.parse_settings(mended.files["council.yaml"])


def test_a_release_beside_the_pinned_one_is_offered_once_it_is_approved_and_all_of_it_is_known(
    where: home_module.Home, tmp_path: Path
) -> None:
    pins = [pinned_release.write(tmp_path / "r" / name, name, "1" * 64) for name in ("2.0.0", "2.1.0")]
    (tmp_path / "r" / "stray").mkdir()
    shelf = advisory_files.Shelf(where)

    def offered() -> list[drafts.Release]:
        return list(safety._releases(where, pins[0], shelf, NOW_S))

    approvals.approve(where, pins[0].digest, "2.0.0")
    assert offered() == []
    approvals.approve(where, pins[1].digest, "2.1.0")
    assert offered() == [], "nobody tells of what its lock pins"
    with zipfile.ZipFile(where.advisories / "all.zip", "w") as made:
        for number in range(advisory_files.WHOLE_MIN):
            made.writestr(f"{number}.json", json.dumps(advisory(number, "other")))
    assert offered() == [drafts.Release(pins[1], ())]
    (where.advisories / "toy.json").write_text(json.dumps(advisory(1, "toylib")))
    assert offered() == [drafts.Release(pins[1], ("toylib",))]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_what_is_closed_to_us_is_unknown(where: home_module.Home) -> None:
    where.secrets.chmod(0)
    try:
        assert any("secrets" in one.why for one in look(where, security.Check.FILES).unknown)
    finally:
        where.secrets.chmod(0o700)
