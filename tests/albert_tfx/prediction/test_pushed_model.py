from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from albert_tfx.calibration.labelling import label_and_score
from albert_tfx.errors import InputError
from albert_tfx.options import AnswerOptions
from albert_tfx.prediction import pushed_model
from albert_tfx.prediction.predictions import predict
from albert_tfx.prediction.pushed_model import PushedModel


class LengthServer(tf.Module):
    """Gives each class a share of how long a text is."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def classify_text(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        share = tf.cast(tf.strings.length(text, unit="UTF8_CHAR"), tf.float32) / 10
        return {
            "probabilities": tf.stack([1 - share, share], axis=1),
            "labels": tf.tile([["short", "lång"]], [tf.shape(text)[0], 1]),
        }


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    server, folder = LengthServer(), tmp_path_factory.mktemp("saved")
    tf.saved_model.save(server, str(folder), {"classify_text": server.classify_text})
    return folder


def push(output: Path, *versions: str) -> None:
    for version in versions:
        (output / "serving" / version).mkdir(parents=True)


def test_the_newest_version_is_the_greatest_number(tmp_path: Path):
    push(tmp_path, "999", "1000", ".staging", "2000.partial", "latest")
    assert pushed_model.newest(tmp_path) == tmp_path / "serving" / "1000"


def test_no_pushed_model_says_how_to_make_one(tmp_path: Path):
    with pytest.raises(InputError) as refusal:
        pushed_model.newest(tmp_path)
    assert str(refusal.value) == (
        f"There is no pushed model in {tmp_path}/serving. Make one with python local_runner.py "
        f"--output {tmp_path}, or name another model with --model FOLDER."
    )


def test_a_run_that_pushed_nothing_is_said_why(tmp_path: Path):
    push(tmp_path, ".staging")
    reasons = {tmp_path: "neither model beats always answering positive."}
    with pytest.raises(InputError, match=r"; the last run pushed none: neither .* positive\. Make"):
        pushed_model.newest(tmp_path, reasons.get)


def test_a_loaded_model_names_its_classes_and_answers(saved: Path):
    model = PushedModel(saved)
    assert model.class_names == ("short", "lång")
    np.testing.assert_allclose(model.probabilities(["", "abcde", "日本"])[:, 1], [0, 0.5, 0.2])


def test_an_older_model_has_its_most_probable_class_for_a_label(saved: Path):
    (predictions,) = predict(["abcdefg", ""], PushedModel(saved))
    assert [each.label for each in predictions] == ["lång", "short"]
    assert [each.score for each in predictions] == pytest.approx([0.7, 1.0])


class UnsureServer(LengthServer):
    """Says nothing of a text of five letters."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def classify_text(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        answer = super().classify_text(text)
        options = AnswerOptions(threshold=0.3, abstain_below=0.6)
        said = label_and_score(answer["probabilities"], answer["labels"][0], options)
        return {**answer, **said}


def test_label_and_score_are_those_that_the_model_serves(tmp_path: Path):
    server = UnsureServer()
    tf.saved_model.save(server, str(tmp_path), {"classify_text": server.classify_text})
    (predictions,) = predict(["abcd", "ab", "abcdefg"], PushedModel(tmp_path))
    assert [each.label for each in predictions] == ["unsure", "short", "lång"]
    assert [each.score for each in predictions] == pytest.approx([0.4, 0.8, 0.7])


class OtherServer(LengthServer):
    """Its score is half of what the length makes of it."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def classify_text(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        answer = super().classify_text(text)
        return {**answer, "score": answer["probabilities"][:, 1] / 2}


def save_warmup(folder: Path, text: bytes) -> None:
    asked = prediction_log_pb2.PredictionLog()
    asked.predict_log.request.model_spec.signature_name = "classify_text"
    asked.predict_log.request.inputs["text"].CopyFrom(tf.make_tensor_proto([text], tf.string))
    (folder / "assets.extra").mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(
        str(folder / "assets.extra" / "tf_serving_warmup_requests")
    ) as writer:
        writer.write(asked.SerializeToString())


def test_a_score_that_is_no_probability_of_a_class_does_not_pass_the_warmup(tmp_path: Path):
    server = OtherServer()
    tf.saved_model.save(server, str(tmp_path), {"classify_text": server.classify_text})
    save_warmup(tmp_path, b"")
    pushed_model.answer_warmup(tmp_path)
    save_warmup(tmp_path, b"abcdefgh")
    with pytest.raises(InputError, match="no probabilities"):
        pushed_model.answer_warmup(tmp_path)


def test_a_folder_that_is_none_and_one_that_is_empty_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"There is no folder .*nowhere"):
        PushedModel(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"holds no saved_model\.pb"):
        PushedModel(tmp_path)


def test_a_broken_model_is_refused(tmp_path: Path):
    (tmp_path / "saved_model.pb").write_bytes(b"half of a model")
    with pytest.raises(InputError, match=r"cannot be loaded.*may be incomplete"):
        PushedModel(tmp_path)


def test_another_kind_of_model_is_refused(tmp_path: Path):
    tf.saved_model.save(tf.Module(), str(tmp_path))
    with pytest.raises(InputError, match="no signature 'classify_text'; it has none"):
        PushedModel(tmp_path)
