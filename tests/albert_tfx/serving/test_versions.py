"""The newest version that loads answers, until a newer one does."""

import shutil
from pathlib import Path

import pytest

from albert_tfx.errors import InputError
from albert_tfx.release.production import Origin
from albert_tfx.serving import versions
from albert_tfx.serving.versions import Versions
from albert_tfx.storage import fingerprint
from tests.support import text_server


class Loader:
    """Loads models of one rule.

    Attributes:
      tried: Numbers of the versions that it was to load.
    """

    def __init__(self) -> None:
        self.tried: list[str] = []

    def __call__(self, folder: Path) -> text_server.ModelOfOneRule:
        self.tried.append(folder.name)
        return text_server.ModelOfOneRule(folder)


@pytest.fixture
def held(tmp_path: Path):
    """Versions 5 and 7, what was said of them, and their loader."""
    for number in (5, 7):
        text_server.push(tmp_path, number)
    said: list[str] = []
    loader = Loader()
    return Versions(tmp_path / "serving", said.append, loader), said, loader


def test_the_newest_answers_and_says_which_it_is(held):
    found, said, loader = held
    answer = found.current.answer("classify_text", [b"good"])
    assert (answer.version, said, loader.tried) == (7, [], ["7"])


def test_a_newer_one_is_taken_up(held, tmp_path: Path):
    found, said, _ = held
    found.refresh()
    assert found.current.number == 7
    text_server.push(tmp_path, 10)
    found.refresh()
    assert found.current.number == 10
    assert said == ["version 10 answers from now on"]


def test_one_that_does_not_load_is_refused_once_until_its_files_change(held, tmp_path: Path):
    found, said, loader = held
    text_server.push(tmp_path, 9, text_server.BROKEN)
    found.refresh()
    found.refresh()
    assert found.current.number == 7
    assert said == ["version 9 is refused: It is broken. Mend it."]
    assert loader.tried == ["7", "9"]
    (tmp_path / "serving" / "9" / "saved_model.pb").write_text("mended")
    found.refresh()
    assert found.current.number == 9


def test_one_that_is_removed_gives_way_to_the_newest_that_is_left(held, tmp_path: Path):
    found, said, _ = held
    shutil.rmtree(tmp_path / "serving" / "7")
    found.refresh()
    assert found.current.number == 5
    shutil.rmtree(tmp_path / "serving" / "5")
    found.refresh()
    assert found.current.number == 5
    assert len(said) == 1


def test_an_older_one_answers_where_the_newest_is_broken_from_the_start(tmp_path: Path):
    text_server.push(tmp_path, 1)
    text_server.push(tmp_path, 2, text_server.BROKEN)
    found = Versions(tmp_path / "serving", lambda _: None, Loader())
    assert found.current.number == 1


def test_no_version_that_loads_is_an_error(tmp_path: Path):
    text_server.push(tmp_path, 2, text_server.BROKEN)
    with pytest.raises(InputError, match=r"No version in .* can be served"):
        Versions(tmp_path / "serving", lambda _: None, Loader())


@pytest.mark.parametrize("file", ["saved_model.pb", "assets/vocabulary"])
def test_files_that_are_not_those_that_were_pushed_are_refused(tmp_path: Path, file: str):
    for name in ("saved_model.pb", "assets/vocabulary", "assets.extra/tf_serving_warmup_requests"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("whole")
    Origin("a pipeline", ("bad", "good"), fingerprint(tmp_path)).save(tmp_path)
    with pytest.raises(InputError, match="cannot be loaded"):
        versions.load(tmp_path)
    (tmp_path / file).write_text("other")
    with pytest.raises(InputError, match="not those that were pushed"):
        versions.load(tmp_path)


def test_a_file_in_place_of_a_version_is_refused_once(held, tmp_path: Path):
    found, said, _ = held
    (tmp_path / "serving" / "9").write_text("no folder")
    found.refresh()
    found.refresh()
    assert (found.current.number, len(said)) == (7, 1)
    assert said[0].startswith("version 9 is refused: ")
