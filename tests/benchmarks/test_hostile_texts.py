"""Two thousand hostile texts; the benchmark itself asks a million."""

import hostile_texts
import numpy as np
import pytest
import tensorflow as tf

from tests.support.runs import Run


@pytest.mark.slow
def test_any_bytes_have_an_answer_that_depends_on_nothing_else(finished: Run):
    checks = hostile_texts.check(tf.saved_model.load(str(finished.pushed_model)), 2000)
    assert checks.counts["texts"] >= 2000
    assert checks.counts["compared"] > 500
    assert (checks.counts["not finite"], checks.counts["other labels"]) == (0, 0)
    assert max(checks.worst.values()) <= hostile_texts.TOLERANCE


class Model:
    """Answers by a rule; `signatures` are those of a pushed model."""

    def __init__(self, rule) -> None:
        def classify(texts):
            lengths = [len(text) for text in texts.numpy()]
            probabilities = np.array([rule(length, len(lengths)) for length in lengths], "f4")
            labels = tf.tile(tf.constant([["no", "yes"]]), [len(lengths), 1])
            return {"probabilities": tf.constant(probabilities), "labels": labels}

        def parse(examples):
            return classify(tf.io.parse_example(examples, {"text": feature})["text"])

        feature = tf.io.FixedLenFeature([], tf.string)
        self.signatures = {
            "classify_text": lambda text: classify(text),
            "serving_default": lambda examples: parse(examples),
        }


def half(length: int, rows: int) -> list[float]:
    return [0.25 + 0.5 * (length % 2), 0.75 - 0.5 * (length % 2)]


def test_a_sound_model_passes():
    assert max(hostile_texts.check(Model(half), 3000).worst.values()) <= hostile_texts.TOLERANCE


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (lambda length, rows: [0.6, 0.6], "sum"),
        (lambda length, rows: [0.5 + 1e-3 / rows, 0.5 - 1e-3 / rows], "companions"),
    ],
)
def test_an_unsound_one_is_found_out(rule, name):
    checks = hostile_texts.check(Model(rule), 3000)
    assert checks.worst[name] > hostile_texts.TOLERANCE


def test_what_is_not_finite_is_counted():
    checks = hostile_texts.check(Model(lambda length, rows: [float("nan"), 1.0]), 100)
    assert checks.counts["not finite"] == checks.counts["texts"]
