"""Files and folders that are whole or not there."""

import math
import shutil
from pathlib import Path

import pytest

from albert_tfx import storage
from tests.support import kills


def names(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder, of three files."""
    root = tmp_path / "model"
    (root / "variables").mkdir(parents=True)
    (root / "saved_model.pb").write_bytes(b"graph")
    (root / "variables" / "index").write_bytes(b"index")
    (root / "variables" / "data").write_bytes(b"weights")
    return root


def test_json_is_read_as_it_was_written_and_has_no_nan(tmp_path):
    path = tmp_path / "new" / "a.json"
    storage.write_json(path, {"é": [1.5, math.nan, -math.inf], "b": (None, {"c": math.inf})})
    assert storage.read_json(path) == {"é": [1.5, None, None], "b": [None, {"c": None}]}
    assert path.read_text().endswith("}\n")
    assert names(tmp_path) == ["new", "new/a.json"]


def test_what_is_no_json_is_refused(tmp_path):
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(ValueError, match="Expecting"):
        storage.read_json(tmp_path / "a.json")
    with pytest.raises(FileNotFoundError):
        storage.read_json(tmp_path / "b.json")


def write_half(path: Path) -> None:
    with storage.whole_file(path) as partial:
        partial.write_text("half of the n")
        raise OSError("the disk is full")


def test_a_file_keeps_its_content_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(OSError, match="full"):
        write_half(path)
    assert path.read_text() == "old"
    with storage.whole_file(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_a_link_stays_one(tmp_path):
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    storage.write_bytes(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


def test_entries_are_copied_beside_those_that_are_there(folder, tmp_path):
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "mine").touch()
    storage.copy_entries(folder, tmp_path / "copy")
    assert names(tmp_path / "copy") == sorted([*names(folder), "mine"])
    assert (tmp_path / "copy" / "variables" / "data").read_bytes() == b"weights"


def test_a_copy_takes_the_place_of_what_was_there(folder, tmp_path):
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "stale").touch()
    storage.copy_whole(folder, tmp_path / "copy")
    assert names(tmp_path / "copy") == names(folder)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["copy", "model"]


def test_a_copy_that_fails_leaves_what_was_there(folder, tmp_path, monkeypatch):
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "stale").touch()

    def fail(source, target):
        target.mkdir()
        raise OSError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(storage, "_copy", fail)
        with pytest.raises(OSError, match="full"):
            storage.copy_whole(folder, tmp_path / "copy")
    assert names(tmp_path / "copy") == ["stale"]
    storage.copy_whole(folder, tmp_path / "copy")
    assert names(tmp_path / "copy") == names(folder)


def content(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in storage.files_below(folder)}


def test_a_copy_that_is_killed_at_any_step_is_whole_or_absent(folder, tmp_path):
    copy, found = tmp_path / "copy", set()
    storage.copy_whole(folder, copy)
    earlier, killed = content(folder), 0
    (folder / "variables" / "data").write_text("1")
    for killed in kills.at_each_step(storage.copy_whole, folder, copy):
        found.add(copy.exists())
        assert not copy.exists() or content(copy) in (earlier, content(folder))
        storage.copy_whole(folder, copy)
        assert content(copy) == content(folder)
        earlier = content(folder)
        assert {each.name for each in tmp_path.iterdir()} == {"copy", "model"}
        (folder / "variables" / "data").write_text(str(killed + 1))
    assert killed > 10
    assert found == {True, False}
    assert content(copy) == content(folder)


def test_entries_whose_copying_is_killed_at_any_step_are_whole_or_absent(folder, tmp_path):
    copy, killed = tmp_path / "copy", 0
    for _ in kills.at_each_step(storage.copy_entries, folder, copy):
        killed += 1
        entries = {each.name for each in copy.iterdir()} if copy.exists() else set()
        entries = {name for name in entries if not name.endswith(".partial")}
        whole = content(folder)
        wanted = {name: each for name, each in whole.items() if name.split("/")[0] in entries}
        left = content(copy) if copy.exists() else {}
        assert {n: each for n, each in left.items() if ".partial" not in n} == wanted
        storage.copy_entries(folder, copy)
        assert content(copy) == whole
        shutil.rmtree(copy)
    assert killed > 5


def overwrite(path: str) -> None:
    storage.write_bytes(path, b"new")


def test_a_file_whose_writing_is_killed_at_any_step_is_the_old_or_the_new(tmp_path):
    path, killed = tmp_path / "summary.json", 0
    path.write_text("old")
    for _ in kills.at_each_step(overwrite, path):
        killed += 1
        assert path.read_text() in ("old", "new")
        path.write_text("old")
    assert killed > 3
    assert path.read_text() == "new"


def test_files_folders_and_what_is_not_there_are_removed(folder):
    storage.remove(folder / "saved_model.pb")
    storage.remove(folder / "saved_model.pb")
    assert names(folder) == ["variables", "variables/data", "variables/index"]
    storage.remove(folder)
    assert not folder.exists()


def test_the_fingerprint_is_that_of_the_files_and_not_of_the_folder(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    found = storage.fingerprint(folder)
    assert storage.fingerprint(str(copy)) == found
    assert len(found) == 16
    content = bytearray((copy / "variables" / "data").read_bytes())
    content[-1] ^= 1
    (copy / "variables" / "data").write_bytes(content)
    assert storage.fingerprint(copy) != found


def test_a_file_of_another_name_is_another_fingerprint(folder):
    found = storage.fingerprint(folder)
    (folder / "saved_model.pb").rename(folder / "other.pb")
    assert storage.fingerprint(folder) != found


def test_the_size_is_that_of_all_files(folder):
    assert storage.size(folder) == len(b"graph") + len(b"index") + len(b"weights")


def test_a_file_of_an_owner_without_a_name_is_measured(folder, monkeypatch):
    def no_such_user(number):
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr("pwd.getpwuid", no_such_user)
    assert storage.size(folder) == sum(
        path.stat().st_size for path in folder.rglob("*") if path.is_file()
    )


def test_versions_are_folders_that_a_model_server_numbers(tmp_path: Path):
    for name in ("9", "100", "10", ".staging", "latest", "²", "٣", "007", "-1"):
        (tmp_path / name).mkdir()
    assert storage.version_numbers(tmp_path) == [9, 10, 100]
    assert storage.version_numbers(tmp_path / "missing") == []


def test_what_a_link_points_to_outlives_the_link(tmp_path: Path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "mine").write_text("kept")
    for replaced in ("removed", "replaced"):
        (tmp_path / replaced).symlink_to(folder)
    storage.remove(tmp_path / "removed")
    storage.copy_whole(folder, tmp_path / "replaced")
    assert (folder / "mine").read_text() == "kept"
    assert not (tmp_path / "removed").exists()
    assert not (tmp_path / "replaced").is_symlink()
