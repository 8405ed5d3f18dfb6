import pytest

from albert_tfx.errors import InputError
from pipelines.cloud import spec


def test_a_file_that_cannot_be_written_is_refused_and_leaves_nothing(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()

    with pytest.raises(InputError, match=r"folder cannot be written \(it is a folder\)"):
        spec.write({"a": 1}, folder)

    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize(
    ("path", "reason"), [("folder", "it is a folder"), ("none/p.yaml", "there is no folder .*none")]
)
def test_a_place_that_is_none_for_a_file_is_refused(tmp_path, path, reason):
    (tmp_path / "folder").mkdir()

    with pytest.raises(InputError, match=rf"cannot be written \({reason}\).*--spec FILE"):
        spec.require_place(tmp_path / path)


def test_a_file_may_be_new_or_replaced(tmp_path):
    spec.require_place(tmp_path / "new.yaml")
    (tmp_path / "old.yaml").touch()
    spec.require_place(tmp_path / "old.yaml")
