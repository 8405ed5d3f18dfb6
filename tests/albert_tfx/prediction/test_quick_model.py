"""A model that is asked by TensorFlow's C library answers as it does by TensorFlow's Python."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from albert_tfx.contract import CLASSIFY_TEXT, LABEL, LABELS, PROBABILITIES, SCORE, SERVING_DEFAULT
from albert_tfx.errors import InputError
from albert_tfx.modeling.classifier import TextClassifier, build_head
from albert_tfx.modeling.encoder import PooledEncoder
from albert_tfx.modeling.serving_model import Server
from albert_tfx.modeling.tokens import load_preprocessor, tokenize
from albert_tfx.options import BFLOAT16, FLOAT32, AnswerOptions, TrainerOptions
from albert_tfx.prediction import quick_model, runtime
from albert_tfx.prediction.predictions import predict
from albert_tfx.prediction.pushed_model import PushedModel
from albert_tfx.prediction.quick_model import QuickModel
from albert_tfx.yardstick import training
from albert_tfx.yardstick.server import YardstickServer

CLASSES = ["schlecht", "très bien"]
TEXTS = ["", "What a film!", "dull " * 3000, "日本語の映画 🎬", "a\x00b", "\r\n", *"The end."]
PROJECT = Path(__file__).parents[3]
ASSETS = PROJECT / "assets"


class EncoderServer(Server):
    """The embedded encoder with a head that has learned nothing."""

    def __init__(self, precision: str = FLOAT32) -> None:
        super().__init__(CLASSES, AnswerOptions(abstain_below=0.6))
        tf.keras.utils.set_random_seed(3)
        self.preprocessor = load_preprocessor(str(ASSETS / "albert_en_mini_preprocess"))
        encoder = PooledEncoder(str(ASSETS / "albert_en_mini"), "mean", True, precision)
        width = encoder(tf.ones([1, 1], tf.int32)).shape[-1]
        options = TrainerOptions("fine_tuned", "")
        self.classifier = TextClassifier(encoder, build_head(options, width, len(CLASSES)))

    def probabilities(self, text: tf.Tensor) -> tf.Tensor:
        ids = tokenize(self.preprocessor, text)[:, :60]
        padded = tf.concat([ids, tf.fill([ids.nrows(), 1], 3)], axis=1).to_tensor()
        return tf.nn.softmax(self.classifier(tf.cast(padded, tf.int32), training=False))


def yardstick() -> YardstickServer:
    texts = [f"{word} film {number}".encode() for number in range(40) for word in ("good", "bad")]
    return YardstickServer(training.train(texts, np.resize([0, 1], len(texts))), CLASSES)


def rounded() -> EncoderServer:
    return EncoderServer(BFLOAT16)


@pytest.fixture(
    scope="module",
    params=[
        *(pytest.param(each, marks=pytest.mark.slow) for each in (EncoderServer, rounded)),
        yardstick,
    ],
)
def exported(request, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    request.param().export(str(folder))
    return folder


def example(text: str) -> bytes:
    found = tf.train.Example()
    found.features.feature["text"].bytes_list.value.append(text.encode())
    return found.SerializeToString()


@pytest.mark.parametrize("signature", [CLASSIFY_TEXT, SERVING_DEFAULT])
def test_both_signatures_give_what_they_give_by_python(exported: Path, signature: str):
    of_text = signature == CLASSIFY_TEXT
    values = [text.encode() if of_text else example(text) for text in TEXTS] + [b"\xff\xfe"]
    expected = PushedModel(exported).outputs(signature, values)
    found = runtime.Session(exported).run(signature, values)
    assert {*found} == {*expected} == {LABEL, LABELS, PROBABILITIES, SCORE}
    for name in (LABEL, LABELS):
        np.testing.assert_array_equal(found[name], expected[name])
    for name in (PROBABILITIES, SCORE):
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-6)


def test_predictions_are_those_of_the_pushed_model(exported: Path):
    (expected,) = predict(TEXTS, PushedModel(exported))
    model = quick_model.load(exported)
    (found,) = predict(TEXTS, model)
    assert type(model) is QuickModel
    assert model.class_names == tuple(CLASSES)
    assert [(each.text, each.label) for each in found] == [
        (each.text, each.label) for each in expected
    ]
    for one, other in zip(found, expected, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-6)
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-6)


def test_it_needs_no_python_of_tensorflow(exported: Path):
    code = (
        "import sys, pathlib\n"
        "from albert_tfx.prediction import quick_model\n"
        "quick_model.load(pathlib.Path(sys.argv[1])).answers(['good'])\n"
        "print({'tensorflow', 'tensorflow_text', 'tf_keras'} & {*sys.modules})\n"
    )
    command = [sys.executable, "-c", code, str(exported)]
    printed = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, check=True).stdout
    assert printed == b"set()\n"


class Older(tf.Module):
    """An earlier version's answers, and a type that they never had."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def classify_text(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        share = tf.cast(tf.strings.length(text), tf.float32) / 10
        return {
            "probabilities": tf.stack([1 - share, share], axis=1),
            "labels": tf.tile([["short", "long"]], [tf.shape(text)[0], 1]),
        }

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def classify_in_int64(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        return {**self.classify_text(text), "length": tf.strings.length(text)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def fail_at_letters(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        tf.debugging.assert_equal(tf.strings.length(text), 0, message="letters")
        return self.classify_text(text)


def saved(folder: Path, **signatures: str) -> Path:
    server = Older()
    functions = {name: getattr(server, function) for name, function in signatures.items()}
    tf.saved_model.save(server, str(folder), functions)
    return folder


def test_an_older_model_has_its_most_probable_class_for_a_label(tmp_path: Path):
    model = quick_model.load(saved(tmp_path, classify_text="classify_text"))
    (predictions,) = predict(["abcdefg", ""], model)
    assert type(model) is QuickModel
    assert [each.label for each in predictions] == ["long", "short"]
    assert [each.score for each in predictions] == pytest.approx([0.7, 1.0])


def test_what_this_way_cannot_read_is_read_by_python(tmp_path: Path):
    model = quick_model.load(saved(tmp_path, classify_text="classify_in_int64"))
    assert type(model) is PushedModel
    np.testing.assert_allclose(model.answers(["abc"]).probabilities, [[0.7, 0.3]])


def test_another_wheel_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    saved(tmp_path, classify_text="classify_text")

    def unknown() -> None:
        raise runtime.LibraryError("no such library")

    monkeypatch.setattr(runtime, "_library", unknown)
    assert type(quick_model.load(tmp_path)) is PushedModel


def test_a_failing_model_says_why(tmp_path: Path):
    model = quick_model.load(saved(tmp_path, classify_text="fail_at_letters"))
    assert type(model) is QuickModel
    with pytest.raises(runtime.LibraryError, match="letters"):
        model.answers(["a"])
    np.testing.assert_allclose(model.answers([""]).probabilities, [[1, 0]])


def test_a_model_of_others_and_a_damaged_one_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match="no signature 'classify_text'; it has ask"):
        quick_model.load(saved(tmp_path / "other", ask="classify_text"))
    (tmp_path / "saved_model.pb").write_bytes(b"no model")
    with pytest.raises(InputError, match="cannot be loaded"):
        quick_model.load(tmp_path)
