"""A version appears whole or not at all, is the newest, and says whose it is."""

import re
import sys
import threading
from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
from tfx.components.evaluator import constants
from tfx.types import standard_artifacts
from tfx.utils import json_utils, proto_utils
from tfx.v1 import proto

from albert_tfx.errors import InputError
from albert_tfx.release.production import (
    FINGERPRINT,
    Origin,
    Production,
    is_whole,
    record,
    recorded,
)
from albert_tfx.storage import fingerprint, version_numbers
from components import atomic_pusher
from tests.support import kills
from tests.support.artifacts import make_artifact, save_model


@pytest.fixture
def model(tmp_path: Path):
    made = save_model(tmp_path / "model", 0, 2)
    seal(made)
    return made


def seal(model) -> None:
    """Records the model's files, as ModelSelector does."""
    saved_model = Path(model.uri, "Format-Serving")
    model.set_string_custom_property(FINGERPRINT, fingerprint(saved_model))


def graph(folder: Path) -> bytes:
    return (folder / "saved_model.pb").read_bytes()


def push(
    model, folder: Path, blessed: bool = True, pipeline: str = "mine", production=None, card=()
):
    blessing = make_artifact(standard_artifacts.ModelBlessing, folder / "blessing")
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, int(blessed))
    record(blessing, production)
    pushed = make_artifact(standard_artifacts.PushedModel, folder / "pushed")
    destination = proto.PushDestination(
        filesystem=proto.PushDestination.Filesystem(base_directory=str(folder / "serving"))
    )
    atomic_pusher.Executor().Do(
        {"model": [model], "model_blessing": [blessing], "card": list(card)},
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
    assert graph(version) == graph(Path(model.uri, "Format-Serving"))
    assert is_whole(version)


def test_the_card_is_published_with_the_model_and_is_no_part_of_it(model, tmp_path: Path):
    card = make_artifact(standard_artifacts.ModelEvaluation, tmp_path / "card")
    (tmp_path / "card" / "MODEL_CARD.md").write_text("# A model")
    push(model, tmp_path, card=[card])
    (version,) = (tmp_path / "serving").iterdir()
    assert (version / "assets.extra" / "MODEL_CARD.md").read_text() == "# A model"
    assert is_whole(version)
    assert tf.saved_model.load(str(version)).signatures
    (tmp_path / "card" / "MODEL_CARD.md").write_text("# The same model")
    push(model, tmp_path, card=[card])
    assert versions(tmp_path) == [version.name]


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
    assert is_whole(version)


def test_an_unblessed_model_is_not_pushed(model, tmp_path: Path):
    pushed = push(model, tmp_path, blessed=False)
    assert pushed.get_int_custom_property("pushed") == 0
    assert recorded(pushed) is None
    assert not (tmp_path / "serving").exists()


def versions(folder: Path) -> list[str]:
    return sorted(each.name for each in (folder / "serving").iterdir())


def change(model, content: str = "other") -> None:
    Path(model.uri, "Format-Serving", "vocabulary").write_text(content)
    seal(model)


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
    assert (tmp_path / "serving" / numbers[1] / "vocabulary").read_text() == "other"


def test_a_model_that_is_served_already_gets_no_second_version(model, tmp_path: Path):
    first, second = push(model, tmp_path), push(model, tmp_path)
    assert len(versions(tmp_path)) == 1
    assert second.get_int_custom_property("pushed") == 1
    assert recorded(second) == recorded(first)


def test_a_model_that_was_served_before_the_newest_gets_one(model, tmp_path: Path):
    for content in ("one", "other"):
        change(model, content)
        push(model, tmp_path)
    change(model, "one")
    pushed = push(model, tmp_path)
    assert len(versions(tmp_path)) == 3
    assert versions(tmp_path)[-1] == pushed.get_string_custom_property("pushed_version")


def test_a_served_version_that_is_damaged_is_pushed_anew(model, tmp_path: Path):
    push(model, tmp_path)
    (damaged,) = (tmp_path / "serving").iterdir()
    (damaged / "saved_model.pb").write_bytes(b"")
    pushed = push(model, tmp_path)
    assert len(versions(tmp_path)) == 2
    assert is_whole(pushed.get_string_custom_property("pushed_destination"))


def test_a_model_that_is_not_the_selected_one_any_more_is_not_pushed(model, tmp_path: Path):
    file = Path(model.uri, "Format-Serving", "saved_model.pb")
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(InputError, match=f"{model.uri} is damaged.*Delete that folder"):
        push(model, tmp_path)
    assert not [name for name in versions(tmp_path) if name.isdigit()]


def test_a_model_that_does_not_load_is_not_pushed(model, tmp_path: Path):
    file = Path(model.uri, "Format-Serving", "saved_model.pb")
    file.write_bytes(file.read_bytes()[:100])
    seal(model)
    with pytest.raises(InputError, match="cannot be loaded"):
        push(model, tmp_path)
    assert not [name for name in versions(tmp_path) if name.isdigit()]


def test_a_model_whose_answers_are_no_probabilities_is_not_pushed(model, tmp_path: Path):
    write_warmup(Path(model.uri, "Format-Serving"), b"1 nan")
    seal(model)
    with pytest.raises(InputError, match="no probabilities"):
        push(model, tmp_path)
    assert not [name for name in versions(tmp_path) if name.isdigit()]
    write_warmup(Path(model.uri, "Format-Serving"), b"1 2")
    seal(model)
    assert push(model, tmp_path).get_int_custom_property("pushed") == 1


def write_warmup(saved_model: Path, text: bytes) -> None:
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = "serving_default"
    example = tf.train.Example()
    example.features.feature["text"].bytes_list.value.append(text)
    serialized = [example.SerializeToString()]
    request.inputs["examples"].CopyFrom(tf.make_tensor_proto(serialized, tf.string))
    log = prediction_log_pb2.PredictionLog(
        predict_log=prediction_log_pb2.PredictLog(request=request)
    )
    folder = saved_model / "assets.extra"
    folder.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(folder / "tf_serving_warmup_requests")) as writer:
        writer.write(log.SerializeToString())


def test_an_unblessed_push_says_what_stays_in_production(model, tmp_path: Path):
    production = Production("model/7", "hash", "serving/5")
    pushed = push(model, tmp_path, blessed=False, production=production)
    assert recorded(pushed) == production


def test_a_folder_with_another_pipeline_s_models_is_refused(model, tmp_path: Path):
    push(model, tmp_path)
    with pytest.raises(InputError, match="a model of mine, and this run is of theirs"):
        push(model, tmp_path, pipeline="theirs")
    assert len(versions(tmp_path)) == 1


def renumber(model) -> None:
    """Gives the graph's functions other numbers, as each further export has them."""
    file = Path(model.uri, "Format-Serving", "saved_model.pb")
    others = bytes.maketrans(b"0123456789", b"1234567890")
    renamed = re.sub(
        rb"(__inference_\w+_)(\d+)",
        lambda found: found[1] + found[2].translate(others),
        file.read_bytes(),
    )
    assert renamed != file.read_bytes()
    file.write_bytes(renamed)
    seal(model)


def test_a_training_that_ends_with_the_weights_served_makes_no_version(model, tmp_path: Path):
    first = push(model, tmp_path)
    renumber(model)
    second = push(model, tmp_path)
    assert len(versions(tmp_path)) == 1
    assert second.get_int_custom_property("pushed") == 1
    served, before = recorded(second), recorded(first)
    assert served is not None
    assert before is not None
    assert (served.version, served.fingerprint) == (before.version, before.fingerprint)
    assert is_whole(served.version)


class Reader:
    """Looks at a serving folder at each step that Python takes with files, as a server may."""

    def __init__(self, serving: Path) -> None:
        self.serving = serving
        self.looks = 0
        self.parts: list[str] = []
        self._is_looking = False
        sys.addaudithook(self._look)  # for ever: Python lets none be removed

    def _look(self, event: str, _: object) -> None:
        is_step = event == "open" or event.startswith(("os.", "shutil."))
        if self._is_looking or not is_step or not self.serving.is_dir():
            return
        self._is_looking = True
        self.looks += 1
        numbers = version_numbers(self.serving)
        self.parts += [f"{event}: {n}" for n in numbers if not is_whole(self.serving / str(n))]
        self._is_looking = False

    def stop(self) -> None:
        self._is_looking = True


def test_no_step_of_a_push_shows_a_part_of_a_version(model, tmp_path: Path):
    reader = Reader(tmp_path / "serving")
    for content in ("one", "another", "a third"):
        change(model, content)
        push(model, tmp_path)
    reader.stop()
    assert len(versions(tmp_path)) == 3
    assert reader.looks > 100
    assert reader.parts == []


def push_from(folder: str) -> None:
    model = make_artifact(standard_artifacts.Model, Path(folder, "model"))
    seal(model)
    push(model, Path(folder))


class Poller(threading.Thread):
    """Loads the newest version of a serving folder over and over, as a model server does."""

    def __init__(self, serving: Path) -> None:
        super().__init__()
        self.serving = serving
        self.looks = 0
        self.parts: list[str] = []
        self.loaded: set[int] = set()
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(0.001):  # seconds; it leaves others the interpreter
            self.look()

    def look(self) -> None:
        newest = version_numbers(self.serving)[-1]
        self.looks += 1
        if not is_whole(self.serving / str(newest)):
            self.parts.append(f"look {self.looks}: {newest}")
        elif newest not in self.loaded:
            tf.saved_model.load(str(self.serving / str(newest)))
            self.loaded.add(newest)

    def stop(self) -> None:
        self._stopped.set()
        self.join()


@pytest.mark.slow
def test_a_push_that_is_killed_at_any_step_shows_no_part_and_the_next_succeeds(model, tmp_path):
    push(model, tmp_path)
    change(model, "1")
    poller = Poller(tmp_path / "serving")
    poller.start()
    killed = 0
    try:
        for killed in kills.at_each_step(push_from, tmp_path):
            poller.look()
            assert poller.parts == []
            version = Path(push(model, tmp_path).get_string_custom_property("pushed_destination"))
            poller.look()
            assert versions(tmp_path)[-1] == version.name
            assert len(versions(tmp_path)) == 1 + killed
            assert (version / "vocabulary").read_text() == str(killed)
            change(model, str(killed + 1))
    finally:
        poller.stop()
    poller.look()
    assert killed > 20
    assert poller.parts == []
    assert poller.loaded == set(map(int, versions(tmp_path)))
    assert len(poller.loaded) == killed + 2
