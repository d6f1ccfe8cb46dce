"""A file that cannot be written is found out before anything runs."""

import pytest

from harness.errors import HarnessError, UsageError
from harness.operations.destination import check_destination, write_result


def test_a_place_that_can_be_written_to_is_left_as_it_is(tmp_path):
    path = tmp_path / "power.json"
    check_destination(path)
    assert not list(tmp_path.iterdir())
    path.write_text("old")
    check_destination(path)
    assert path.read_text() == "old"


@pytest.mark.parametrize(("name", "says"), [("", "is a folder"), ("nowhere/power.json", "No such file")])
def test_a_place_that_cannot_is_wrong_usage(tmp_path, name, says):
    with pytest.raises(UsageError, match=says):
        check_destination(tmp_path / name)


def test_a_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        check_destination(tmp_path / "file" / "power.json")


def test_a_result_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "power.json"
    write_result(path, b"new")
    assert path.read_bytes() == b"new"
    with pytest.raises(HarnessError, match=r"nowhere/power\.json: cannot be written"):
        write_result(tmp_path / "nowhere" / "power.json", b"new")
    assert list(tmp_path.iterdir()) == [path]
