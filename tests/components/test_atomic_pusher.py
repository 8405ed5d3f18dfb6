"""A version appears whole, or not at all."""

from pathlib import Path

import pytest
from tfx.components.evaluator import constants
from tfx.types import standard_artifacts
from tfx.utils import proto_utils
from tfx.v1 import proto
from trivial_models import artifact

from components import atomic_pusher


@pytest.fixture
def model(tmp_path: Path):
    made = artifact(standard_artifacts.Model, tmp_path / "model")
    variables = tmp_path / "model" / "Format-Serving" / "variables"
    variables.mkdir(parents=True)
    (variables / "variables.index").write_text("weights")
    (variables.parent / "saved_model.pb").write_text("graph")
    return made


def push(model, folder: Path, blessed: bool = True):
    blessing = artifact(standard_artifacts.ModelBlessing, folder / "blessing")
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, int(blessed))
    pushed = artifact(standard_artifacts.PushedModel, folder / "pushed")
    destination = proto.PushDestination(
        filesystem=proto.PushDestination.Filesystem(base_directory=str(folder / "serving"))
    )
    atomic_pusher.Executor().Do(
        {"model": [model], "model_blessing": [blessing]},
        {"pushed_model": [pushed]},
        {"push_destination": proto_utils.proto_to_json(destination)},
    )
    return pushed


def test_a_push_leaves_the_version_and_nothing_else(model, tmp_path: Path):
    pushed = push(model, tmp_path)
    (version,) = (tmp_path / "serving").iterdir()
    assert version.name.isdigit()
    assert pushed.get_string_custom_property("pushed_destination") == str(version)
    assert (version / "saved_model.pb").read_text() == "graph"
    assert (version / "variables" / "variables.index").read_text() == "weights"


def test_a_push_that_breaks_off_shows_no_version_and_the_next_succeeds(
    model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def break_off(source: str, destination: str, *_) -> None:
        Path(destination).parent.mkdir(parents=True, exist_ok=True)
        Path(destination).write_text("gra")
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("tfx.components.pusher.executor.io_utils.copy_file", break_off)
        with pytest.raises(OSError, match="No space"):
            push(model, tmp_path)
    assert [p.name for p in (tmp_path / "serving").iterdir()] == [atomic_pusher.STAGING]
    push(model, tmp_path)
    (version,) = (tmp_path / "serving").iterdir()
    assert (version / "saved_model.pb").read_text() == "graph"


def test_an_unblessed_model_is_not_pushed(model, tmp_path: Path):
    pushed = push(model, tmp_path, blessed=False)
    assert pushed.get_int_custom_property("pushed") == 0
    assert not (tmp_path / "serving").exists()
