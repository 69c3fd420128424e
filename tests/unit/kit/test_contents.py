"""One digest of folders changes with what counts in them, and with nothing else."""

from pathlib import Path

from council.kit import contents


def made(root: Path) -> Path:
    (root / "src" / "inner").mkdir(parents=True)
    (root / "src" / "inner" / "a.py").write_text("a")
    (root / "one.toml").write_text("one")
    return root


def digest(root: Path) -> str:
    return contents.digest(root, ("src", "one.toml"), ("src/built",))


def test_contents_names_and_places_count(tmp_path: Path) -> None:
    root = made(tmp_path)
    seen = {digest(root)}
    (root / "src" / "inner" / "a.py").write_text("b")
    seen.add(digest(root))
    (root / "src" / "inner" / "a.py").rename(root / "src" / "a.py")
    seen.add(digest(root))
    (root / "one.toml").write_text("two")
    seen.add(digest(root))
    assert len(seen) == 4 and "" not in seen


def test_what_is_made_on_the_way_does_not_count(tmp_path: Path) -> None:
    root = made(tmp_path)
    before = digest(root)
    for folder in ("src/__pycache__", "src/built", "src/.cache"):
        (root / folder).mkdir()
        (root / folder / "x").write_text("x")
    (root / "src" / "link").symlink_to(root / "one.toml")
    assert digest(root) == before


def test_what_cannot_be_read_has_no_digest(tmp_path: Path) -> None:
    assert contents.digest(tmp_path, ("away",)) == ""


def test_the_code_that_runs_has_one() -> None:
    assert len(contents.of_code()) == 64
    assert len(contents.of_checkout(Path(__file__).parents[3])) == 64
