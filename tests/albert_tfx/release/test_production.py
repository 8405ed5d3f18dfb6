import dataclasses
from pathlib import Path

import pytest

from albert_tfx.errors import InputError
from albert_tfx.release import production
from albert_tfx.release.production import Origin

CLASSES = ("negative", "positive")
MINE = Origin("mine", CLASSES, "hash")


def make(folder: Path, number: int, origin: Origin | None = None) -> None:
    version = folder / str(number)
    version.mkdir(parents=True)
    if origin:
        origin.save(str(version))


def test_origin_is_kept_beside_the_model(tmp_path):
    make(tmp_path, 1, MINE)
    make(tmp_path, 2)
    assert Origin.load(str(tmp_path / "1")) == MINE
    assert Origin.load(str(tmp_path / "2")) is None


def test_own_models_and_no_models_are_accepted(tmp_path):
    make(tmp_path / "serving", 1, MINE)
    production.refuse_other_origins(str(tmp_path / "serving"), "mine", CLASSES)
    production.refuse_other_origins(str(tmp_path / "missing"), "mine")


@pytest.mark.parametrize(
    ("origin", "named"),
    [(dataclasses.replace(MINE, pipeline="theirs"), "theirs"), (None, "unknown origin")],
)
def test_one_model_of_another_origin_is_refused(tmp_path, origin, named):
    make(tmp_path, 1, origin)
    make(tmp_path, 2, MINE)
    with pytest.raises(InputError, match=rf"/1 is a model of {named}, .* --output DIR"):
        production.refuse_other_origins(str(tmp_path), "mine")


@pytest.mark.parametrize("classes", [("positive", "negative"), ("1", "2", "3")])
def test_model_of_other_classes_is_refused(tmp_path, classes):
    make(tmp_path, 1, MINE)
    named = f"a model of the classes negative, positive, and this run has {', '.join(classes)}"
    with pytest.raises(InputError, match=named):
        production.refuse_other_origins(str(tmp_path), "mine", classes)
