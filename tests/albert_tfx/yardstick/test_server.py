"""The exported yardstick: it answers any text as scikit-learn does, by both signatures."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from albert_tfx.contract import CLASSIFY_TEXT, SERVING_DEFAULT
from albert_tfx.options import AnswerOptions
from albert_tfx.prediction.pushed_model import PushedModel
from albert_tfx.yardstick import training
from albert_tfx.yardstick.server import YardstickServer
from tests.albert_tfx.yardstick.test_ngrams import drawn_texts

WORDS = ("awful", "So-so", "lovely", "ÉTONNANT", "❤️", "한글")


def labelled(classes: list[int]) -> tuple[list[bytes], np.ndarray]:
    """Returns texts of random bytes, most of them with a word that tells their class."""
    texts = [text for text in drawn_texts() if text][:900]
    labels = np.resize(classes, len(texts))
    told = np.where(np.arange(len(texts)) % 7, labels, labels[::-1])
    return [
        f"{WORDS[each]} ".encode() * (1 + each) + text
        for each, text in zip(told, texts, strict=True)
    ], labels


@pytest.fixture(scope="module")
def asked() -> list[bytes]:
    return [b"", b"   ", b":)", b"\xff\xfe", b"never seen before", b"lovely " * 100_000, *(
        labelled([0, 1, 2])[0][:200]
    )]  # fmt: skip


@pytest.mark.parametrize(
    "classes", [[0, 1], [0, 2], pytest.param([0, 1, 2, 3, 4], marks=pytest.mark.slow)]
)
def test_the_probabilities_are_those_of_scikit_learn(classes, asked, tmp_path):
    model = training.train(*labelled(classes))
    names = [f"class {index}" for index in range(6)]
    YardstickServer(model, names).export(str(tmp_path))
    answer = tf.saved_model.load(str(tmp_path)).signatures[CLASSIFY_TEXT](tf.constant(asked))
    expected = np.zeros([len(asked), 6])
    expected[:, model.classes_] = model.predict_proba(asked)
    np.testing.assert_allclose(answer["probabilities"], expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(answer["labels"], [[n.encode() for n in names]] * len(asked))


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    YardstickServer(training.train(*labelled([0, 1])), ["bad", "good"]).export(str(folder))
    return folder


def test_examples_are_answered_as_their_texts_are(exported):
    signatures = tf.saved_model.load(str(exported)).signatures
    example = tf.train.Example()
    example.features.feature["text"].bytes_list.value.append(b"awful")
    by_example = signatures[SERVING_DEFAULT](
        tf.constant([example.SerializeToString(), b"damaged"])
    )["probabilities"]
    by_text = signatures[CLASSIFY_TEXT](tf.constant([b"awful"]))["probabilities"]
    np.testing.assert_array_equal(by_example[:1], by_text)
    assert not np.any(by_example[1:])


def test_it_is_asked_as_any_pushed_model(exported):
    model = PushedModel(exported)
    assert model.class_names == ("bad", "good")
    assert model.probabilities(["awful", "so-so so-so"]).argmax(axis=1).tolist() == [0, 1]


def test_it_says_a_label_as_the_other_models_do(exported, tmp_path):
    texts = ["awful awful", "", "so-so so-so"]
    least, next_least, _ = np.sort(PushedModel(exported).probabilities(texts).max(axis=1))
    options = AnswerOptions(abstain_below=float(least + next_least) / 2, abstain_label="ask")
    model = training.train(*labelled([0, 1]))
    YardstickServer(model, ["bad", "good"], options).export(str(tmp_path))
    found = PushedModel(tmp_path).answers(texts)
    assert found.labels is not None
    assert sorted(found.labels) == ["ask", "bad", "good"]
    np.testing.assert_array_equal(found.scores, found.probabilities.max(axis=1))


def test_an_empty_text_gets_the_same_answer_as_one_without_words(exported):
    empty, spaces, marks = PushedModel(exported).probabilities(["", " \n", "?!"])
    np.testing.assert_array_equal(empty, spaces)
    np.testing.assert_array_equal(empty, marks)
    assert empty.max() < 0.9


def test_a_text_of_nothing_that_training_met_gets_the_shares_of_the_classes(tmp_path):
    model = training.train(*labelled([0, 1]))
    shares = np.array([0.25, 0.75], np.float32)
    YardstickServer(model, ["bad", "good"], shares=shares).export(str(tmp_path))
    *unknown, known = PushedModel(tmp_path).probabilities(["", " \n", "?!", "zqxj wvwv", "awful"])
    np.testing.assert_array_equal(unknown, [shares] * 4)
    assert known[0] > 0.5


def test_weights_of_ngrams_that_training_did_not_meet_are_not_kept():
    server = YardstickServer(training.train([b"a b", b"c"], np.array([0, 1])), ["x", "y"])
    assert server.weights.shape == [5, 2]  # a, b, a b and c, and one for all others
    assert server.parameters == 5 + 5 * 2 + 2


def test_it_needs_no_operations_of_tf_text(exported):
    graph = tf.saved_model.load(str(exported)).signatures[CLASSIFY_TEXT].graph
    operations = {node.op for node in graph.as_graph_def().node} | {
        node.op for each in graph.as_graph_def().library.function for node in each.node_def
    }
    assert operations
    assert not [each for each in operations if ">" in each]
