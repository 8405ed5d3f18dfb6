import numpy as np
import pytest

from albert_tfx.evaluation import curves
from albert_tfx.options import AnswerOptions
from tests.support.data import draw_scores

LABELS = np.array([1, 1, 0, 1, 0])
SECOND = np.array([0.9, 0.8, 0.8, 0.4, 0.3])  # whose answers are right, right, wrong, wrong, right
PROBABILITIES = np.stack([1 - SECOND, SECOND], axis=1)


def draw(options: AnswerOptions | None = None) -> curves.Curves:
    return curves.draw(LABELS, PROBABILITIES, ["no", "yes"], np.zeros([2, 2], int), options)


def test_the_surest_answers_come_first_and_equally_sure_ones_together():
    points = draw().coverage
    assert points["coverage"].tolist() == pytest.approx([1 / 5, 3 / 5, 4 / 5, 1])
    assert points["accuracy"].tolist() == pytest.approx([1, 2 / 3, 3 / 4, 3 / 5])


@pytest.mark.parametrize("bound", [0.0, 0.65, 0.75, 0.95])
def test_what_was_chosen_lies_on_the_curve(bound: float):
    scores = draw_scores(500, 3)
    probabilities = scores.probabilities("frozen")
    found = curves.draw(
        scores.labels, probabilities, ["a", "b", "c"], np.zeros([3, 3], int),
        AnswerOptions(abstain_below=bound),
    )  # fmt: skip
    points = found.coverage.set_index("coverage")["accuracy"]
    assert points[found.answers.coverage.value] == pytest.approx(found.answers.accuracy.value)


def test_a_threshold_moves_the_point_on_the_precision_recall_curve():
    found = draw(AnswerOptions(threshold=0.35)).answers
    assert found.precision is not None
    assert found.recall is not None
    assert (found.precision.value, found.recall.value) == (3 / 4, 1.0)


def test_a_model_without_a_defined_answer_has_no_curve():
    found = curves.draw(LABELS, np.full([5, 2], np.nan), ["no", "yes"], np.zeros([2, 2], int))
    assert found.coverage.empty
    assert np.isnan(found.answers.coverage.value)
