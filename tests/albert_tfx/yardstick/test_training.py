"""Yardstick: what it learns, what it measures, and that it does so again."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import log_loss, roc_auc_score

from albert_tfx.data.words import text_hash
from albert_tfx.errors import InputError
from albert_tfx.evaluation import baseline
from albert_tfx.evaluation.baseline import load_yardstick
from albert_tfx.evaluation.tfma_metrics import PredictionTable
from albert_tfx.options import YardstickOptions
from albert_tfx.storage import size
from albert_tfx.yardstick import training
from tests.support import artifacts

FILLER = ["the", "film", "was", "shown", "in", "a", "small", "town", "on", "rainy", "day"]
WORDS = ("awful", "lovely", "so so")


def reviews(count: int, seed: int, classes: int = 2, noise: float = 0.2) -> list[tuple[str, int]]:
    """Returns texts in which a word tells the class, except for a share of `noise`."""
    random = np.random.default_rng(seed)
    rows = []
    for index in range(count):
        label = index % classes
        told = random.integers(classes) if random.random() < noise else label
        rows.append((f"{' '.join(random.choice(FILLER, size=8))} {WORDS[told]}!", label))
    return rows


def columns(count: int, seed: int) -> tuple[list[bytes], np.ndarray]:
    texts, labels = zip(*reviews(count, seed), strict=True)
    return [text.encode() for text in texts], np.array(labels)


def execute(folder: Path, classes: int = 2):
    """Runs the component alone, and returns its artifact's folder."""
    examples = artifacts.save_reviews(
        folder / "examples",
        reviews_per_file=100,
        train=reviews(300, 1, classes),
        eval=reviews(150, 2, classes),
        test=reviews(240, 3, classes),
    )
    result, _ = artifacts.train_yardstick(folder, examples, classes)
    return result.uri


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("yardstick")
    execute(folder)
    return folder


@pytest.fixture(scope="module")
def found(folder):
    return load_yardstick(str(folder / "result"))


@pytest.fixture(scope="module")
def model():
    return training.train(*columns(300, 1))


@pytest.mark.parametrize(("split", "count", "seed"), [("eval", 150, 2), ("test", 240, 3)])
def test_measures_agree_with_scikit_learn_and_scipy(found, model, split, count, seed):
    texts, labels = columns(count, seed)
    probabilities = model.predict_proba(texts)
    right = (probabilities.argmax(axis=1) == labels).sum()
    interval = stats.binomtest(int(right), count).proportion_ci(0.95, "wilson")
    assert found[split]["accuracy"] == right / count
    assert found[split]["accuracy_lower"] == pytest.approx(interval.low)
    assert found[split]["accuracy_upper"] == pytest.approx(interval.high)
    assert found[split]["auc"] == pytest.approx(roc_auc_score(labels, probabilities[:, 1]))
    assert found[split]["log_loss"] == pytest.approx(log_loss(labels, probabilities))
    assert found[split]["auc_lower"] < found[split]["auc"] < found[split]["auc_upper"]
    assert found[split]["examples"] == count


def test_learns_what_decides(found, model):
    assert 0.75 < found["test"]["accuracy"] < 1
    assert model.predict_proba([b"An AWFUL<br />film", b"lovely"]).argmax(axis=1).tolist() == [0, 1]


def test_says_what_it_took(found, model):
    assert found["train_examples"] == 300
    assert found["train_seconds"] > 0
    assert 0 < found["train_memory_bytes"] < 2e9
    words_and_pairs = {
        gram
        for text, _ in reviews(300, 1)
        for grams in [text.lower().strip("!").split()]
        for gram in [*grams, *itertools.pairwise(grams)]
    }
    # Of so few, next to none fall on one column; one weight more is the intercept.
    assert found["trainable_parameters"] == pytest.approx(len(words_and_pairs) + 1, abs=2)


def test_several_classes_are_each_measured_against_the_rest(tmp_path):
    found = load_yardstick(execute(tmp_path, classes=3))
    assert 0.6 < found["eval"]["accuracy"] < 1
    assert 0.6 < found["eval"]["auc"] < 1
    assert 0 < found["eval"]["log_loss"] < math.log(3)


def test_two_trainings_give_the_same_answers(model):
    texts, labels = columns(300, 1)
    again = training.train(texts, labels)
    np.testing.assert_array_equal(model.predict_proba(texts), again.predict_proba(texts))


def test_no_more_reviews_are_trained_on_than_memory_is_meant_for(tmp_path, monkeypatch):
    monkeypatch.setattr("albert_tfx.yardstick.training._MOST_TRAINED_ON", 120)
    assert load_yardstick(execute(tmp_path))["train_examples"] == 120


@pytest.mark.parametrize(("count", "seed"), [(150, 2), (240, 3)], ids=["eval", "test"])
def test_answers_are_found_by_the_text_in_whatever_order(folder, model, count, seed):
    texts, labels = columns(count, seed)
    order = np.random.default_rng(seed=1).permutation(count)
    table = PredictionTable(
        hashes=np.array([text_hash(texts[index]) for index in order], np.uint64),
        labels=labels[order],
        probabilities={},
        class_names=("negative", "positive", "a class that no text has"),
    )
    answers = baseline.Answers.load(str(folder / "result"))
    assert answers is not None
    found = answers.of(table)
    expected = model.predict_proba([texts[index] for index in order])
    np.testing.assert_allclose(found[:, :2], expected, atol=1e-6)
    assert found.shape == (count, 3)
    assert not found[:, 2].any()


def test_answers_to_other_texts_are_refused(folder):
    table = PredictionTable(np.array([7], np.uint64), np.array([0]), {}, ("negative", "positive"))
    answers = baseline.Answers.load(str(folder / "result"))
    assert answers is not None
    with pytest.raises(InputError, match="are not to the texts evaluated"):
        answers.of(table)


def test_answers_of_an_earlier_version_are_left_out(tmp_path):
    np.savez(tmp_path / "eval_answers.npz", hashes=[7], labels=[0], right=[True])
    assert baseline.Answers.load(str(tmp_path)) is None


def test_the_cost_is_that_of_the_exported_model(folder, found):
    assert found["model_bytes"] == size(folder / "model" / "Format-Serving")
    assert found["parameters"] >= found["trainable_parameters"]
    assert 0 < found["latency_seconds"] <= found["slow_latency_seconds"]


def test_balanced_it_finds_more_of_a_rare_class():
    random = np.random.default_rng(1)
    rows = [row for row in reviews(2000, 1) if row[1] == 0 or random.random() < 0.06]
    texts, labels = [text.encode() for text, _ in rows], np.array([label for _, label in rows])
    others, truth = columns(1000, 5)
    recalls = [
        (training.train(texts, labels, YardstickOptions(each)).predict(others) == 1)[truth == 1]
        for each in ("none", "balanced")
    ]
    assert recalls[0].mean() + 0.1 < recalls[1].mean()
