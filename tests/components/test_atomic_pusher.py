"""A version appears whole or not at all, is the newest, and says whose it is."""

from pathlib import Path

import pytest
from tfx.components.evaluator import constants
from tfx.types import standard_artifacts
from tfx.utils import json_utils, proto_utils
from tfx.v1 import proto

from albert_tfx.errors import InputError
from albert_tfx.release.production import Origin, Production, record, recorded
from components import atomic_pusher
from tests.support.artifacts import make_artifact


@pytest.fixture
def model(tmp_path: Path):
    made = make_artifact(standard_artifacts.Model, tmp_path / "model")
    variables = tmp_path / "model" / "Format-Serving" / "variables"
    variables.mkdir(parents=True)
    (variables / "variables.index").write_text("weights")
    (variables.parent / "saved_model.pb").write_text("graph")
    return made


def push(model, folder: Path, blessed: bool = True, pipeline: str = "mine", production=None):
    blessing = make_artifact(standard_artifacts.ModelBlessing, folder / "blessing")
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, int(blessed))
    record(blessing, production)
    pushed = make_artifact(standard_artifacts.PushedModel, folder / "pushed")
    destination = proto.PushDestination(
        filesystem=proto.PushDestination.Filesystem(base_directory=str(folder / "serving"))
    )
    atomic_pusher.Executor().Do(
        {"model": [model], "model_blessing": [blessing]},
        {"pushed_model": [pushed]},
        {
            "push_destination": proto_utils.proto_to_json(destination),
            "custom_config": json_utils.dumps({"pipeline": pipeline, "classes": ["no", "yes"]}),
        },
    )
    return pushed


def test_a_push_leaves_the_version_and_nothing_else(model, tmp_path: Path):
    pushed = push(model, tmp_path)
    (version,) = (tmp_path / "serving").iterdir()
    assert version.name.isdigit()
    assert pushed.get_string_custom_property("pushed_destination") == str(version)
    assert (version / "saved_model.pb").read_text() == "graph"
    assert (version / "variables" / "variables.index").read_text() == "weights"


@pytest.mark.parametrize("blessed", [True, False])
def test_the_artifact_says_which_pipeline_made_it(model, tmp_path: Path, blessed: bool):
    pushed = push(model, tmp_path, blessed)
    assert pushed.get_string_custom_property("pipeline") == "mine"


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
    assert recorded(pushed) is None
    assert not (tmp_path / "serving").exists()


def versions(folder: Path) -> list[str]:
    return sorted(each.name for each in (folder / "serving").iterdir())


def change(model) -> None:
    Path(model.uri, "Format-Serving", "variables", "variables.index").write_text("other weights")


def test_a_push_is_the_newest_version_whatever_the_clock_says(model, tmp_path: Path):
    newest = tmp_path / "serving" / "99999999999"
    newest.mkdir(parents=True)
    Origin("mine", ("no", "yes"), "other").save(str(newest))
    pushed = push(model, tmp_path)
    assert versions(tmp_path) == ["100000000000", "99999999999"]
    assert pushed.get_string_custom_property("pushed_version") == "100000000000"
    production = recorded(pushed)
    assert production is not None
    assert production.version == str(tmp_path / "serving" / "100000000000")


def test_two_models_pushed_in_one_second_are_two_versions(model, tmp_path: Path):
    pushed = [push(model, tmp_path)]
    change(model)
    pushed.append(push(model, tmp_path))
    numbers = [each.get_string_custom_property("pushed_version") for each in pushed]
    assert versions(tmp_path) == numbers
    weights = tmp_path / "serving" / numbers[1] / "variables" / "variables.index"
    assert weights.read_text() == "other weights"


def test_a_model_that_is_served_already_gets_no_second_version(model, tmp_path: Path):
    first, second = push(model, tmp_path), push(model, tmp_path)
    assert len(versions(tmp_path)) == 1
    assert second.get_int_custom_property("pushed") == 1
    assert recorded(second) == recorded(first)


def test_a_model_that_was_served_before_the_newest_gets_one(model, tmp_path: Path):
    push(model, tmp_path)
    weights = Path(model.uri, "Format-Serving", "variables", "variables.index")
    original = weights.read_text()
    change(model)
    push(model, tmp_path)
    weights.write_text(original)
    pushed = push(model, tmp_path)
    assert len(versions(tmp_path)) == 3
    assert versions(tmp_path)[-1] == pushed.get_string_custom_property("pushed_version")


def test_an_unblessed_push_says_what_stays_in_production(model, tmp_path: Path):
    production = Production("model/7", "hash", "serving/5")
    pushed = push(model, tmp_path, blessed=False, production=production)
    assert recorded(pushed) == production


def test_a_folder_with_another_pipeline_s_models_is_refused(model, tmp_path: Path):
    push(model, tmp_path)
    with pytest.raises(InputError, match="a model of mine, and this run is of theirs"):
        push(model, tmp_path, pipeline="theirs")
    assert len(versions(tmp_path)) == 1
