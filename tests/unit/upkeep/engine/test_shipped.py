from council.upkeep.engine import shipped


def test_what_nobody_changed_is_replaced_added_and_removed() -> None:
    before = {"same": b"1", "newer": b"1", "gone": b"1"}
    found = shipped.compare(before, before, {"same": b"1", "newer": b"2", "added": b"3"})
    assert (found.changes, found.left) == ({"newer": b"2", "added": b"3", "gone": None}, {})


def test_what_somebody_changed_is_left_and_what_the_version_changed_is_shown() -> None:
    before = {"gates.yaml": b"a: 1\nb: 1\n"}
    found = shipped.compare(before, {"gates.yaml": b"a: 9\nb: 1\n"}, {"gates.yaml": b"a: 1\nb: 2\n"})
    assert found.changes == {}
    assert found.left["gates.yaml"].splitlines()[-3:] == [" a: 1", "-b: 1", "+b: 2"]


def test_of_what_only_somebody_changed_there_is_nothing_to_say() -> None:
    before = {"changed": b"1", "removed": b"1", "no longer shipped": b"1"}
    live = {"changed": b"2", "no longer shipped": b"2", "own": b"3"}
    found = shipped.compare(before, live, {"changed": b"1", "removed": b"1"})
    assert (found.changes, found.left) == ({}, {})


def test_a_file_of_ones_own_is_not_overwritten_by_a_new_one_of_its_name() -> None:
    found = shipped.compare({}, {"authz.yaml": b"mine\n"}, {"authz.yaml": b"shipped\n"})
    assert found.changes == {}
    assert found.left["authz.yaml"].splitlines()[-2:] == ["-mine", "+shipped"]


def test_what_somebody_removed_stays_removed() -> None:
    found = shipped.compare({"page.md": b"1"}, {"page.md": None}, {"page.md": b"2"})
    assert found.changes == {} and list(found.left) == ["page.md"]


def test_what_somebody_brought_up_to_date_already_is_well() -> None:
    found = shipped.compare({"page.md": b"1"}, {"page.md": b"2"}, {"page.md": b"2"})
    assert (found.changes, found.left) == ({}, {})
