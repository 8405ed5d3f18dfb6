"""What bfloat16 changes is the paired difference of two answers of one model."""

import dataclasses
import math

import numpy as np
import pytest

from albert_tfx.evaluation.measurements import Interval, compare_one
from albert_tfx.evaluation.metrics import CALIBRATION_ERROR, LOG_LOSS
from albert_tfx.options import AnswerOptions
from albert_tfx.seeds.precision import PrecisionChange

LABELS = np.arange(200) % 2


def probabilities(of_second: np.ndarray) -> np.ndarray:
    return np.stack([1 - of_second, of_second], axis=1)


EXACT = probabilities(np.where(LABELS, 0.55, 0.3))


def rounded(texts: int) -> np.ndarray:
    """Returns the answers with so many texts of the second class on the wrong side."""
    wrong = (LABELS == 1) & (LABELS.cumsum() <= texts)
    return np.where(wrong[:, np.newaxis], [0.51, 0.49], EXACT)


def change(served: np.ndarray, options: AnswerOptions | None = None) -> PrecisionChange:
    return PrecisionChange.between(LABELS, served, EXACT, options or AnswerOptions())


def test_it_is_what_is_served_less_float32():
    found = change(rounded(20))
    assert found.examples == 200
    assert found.flipped.value == pytest.approx(0.1)
    assert found.flipped.least < 0.1 < found.flipped.most
    assert found.accuracy.value == pytest.approx(-0.1)
    assert found.accuracy.least < -0.1 < found.accuracy.most < 0
    for metric in (LOG_LOSS, CALIBRATION_ERROR):
        expected = compare_one(metric, LABELS, rounded(20), EXACT)
        assert getattr(found, metric.name) == expected
    assert found.log_loss.value > 0
    assert found.loses_accuracy


def test_what_changes_nothing_or_by_chance_is_no_loss():
    same = change(EXACT)
    assert (same.flipped.value, same.accuracy.value, same.log_loss.value) == (0, 0, 0)
    assert not same.loses_accuracy
    assert not change(rounded(1)).loses_accuracy


@pytest.mark.parametrize(
    ("options", "flipped"),
    [(AnswerOptions(threshold=0.4), 0.0), (AnswerOptions(abstain_below=0.52), 0.1)],
)
def test_a_label_is_what_the_model_is_to_say(options: AnswerOptions, flipped: float):
    assert change(rounded(20), options).flipped.value == pytest.approx(flipped)


def test_what_is_saved_is_what_is_loaded(tmp_path):
    assert PrecisionChange.load(str(tmp_path)) is None
    found = dataclasses.replace(change(rounded(20)), log_loss=Interval(math.nan))
    found.save(str(tmp_path))
    loaded = PrecisionChange.load(str(tmp_path))
    assert loaded is not None
    assert math.isnan(loaded.log_loss.value)
    assert dataclasses.replace(loaded, log_loss=Interval(0)) == dataclasses.replace(
        found, log_loss=Interval(0)
    )


def test_answers_of_a_model_that_diverged_have_no_difference():
    found = change(np.full([200, 2], np.nan))
    assert math.isnan(found.accuracy.value)
    assert not found.loses_accuracy
