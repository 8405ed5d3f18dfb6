import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest

from albert_tfx.contract import EVAL, FINE_TUNED, FROZEN, TEST
from albert_tfx.errors import InputError
from albert_tfx.evaluation import baseline
from albert_tfx.evaluation.measurements import (
    Comparison,
    Interval,
    SliceComparison,
    measure,
    measure_one,
    paired_difference,
)
from albert_tfx.evaluation.metrics import deciding, estimate
from albert_tfx.seeds.answers import Answers
from albert_tfx.seeds.comparing import across_seeds
from tests.support.data import bounds

TEXTS = [
    f"text number {number}{' and more words' * (number % 20)}".encode() for number in range(300)
]
LABELS = np.arange(300) % 2
CLASSES = ("bad", "good")
KNOWN = Interval(0.5, 0.4, 0.6)


def answers(accuracies: list[float], seed: int) -> Answers:
    """Returns answers of which about such shares are right."""
    rng = np.random.default_rng(seed)
    difficulty = rng.uniform(size=300)
    of_label = [np.where(difficulty < each, 0.8, 0.3) for each in accuracies]
    probabilities = np.stack([np.stack([1 - each, each], axis=1) for each in of_label])
    probabilities[:, LABELS == 0] = probabilities[:, LABELS == 0, ::-1]
    return Answers.of(TEXTS, LABELS, probabilities)


class Yardstick(baseline.Answers):
    """Answers that are given as they are."""

    def __init__(self, known: Answers) -> None:
        content = {"hashes": known.hashes, "labels": known.labels}
        super().__init__("", {**content, "probabilities": known.probabilities[0]})


def compare(
    frozen: list[float],
    fine_tuned: list[float],
    metric: str = "accuracy",
    yardstick: Yardstick | None = None,
    changes: Mapping[str, Answers] | None = None,
) -> Comparison:
    given = {
        FROZEN: {split: answers(frozen, 1) for split in (EVAL, TEST)},
        FINE_TUNED: {split: answers(fine_tuned, 2) for split in (EVAL, TEST)},
    }
    given[FINE_TUNED] |= changes or {}
    exported = {
        model: measure(each[EVAL].labels, each[EVAL].probabilities[0])
        for model, each in given.items()
    }
    names = ("length under 25 words", "label good")
    slices = tuple(SliceComparison(name, 9, KNOWN, KNOWN, KNOWN) for name in names)
    comparison = Comparison(
        exported[FROZEN],
        exported[FINE_TUNED],
        KNOWN,
        majority_share=0.5,
        slices=slices,
        metric=deciding(metric, CLASSES),
    )
    seeds = {FROZEN: range(1, 1 + len(frozen)), FINE_TUNED: range(1, 1 + len(fine_tuned))}
    return across_seeds(comparison, given, seeds, CLASSES, yardstick)


def test_one_training_leaves_the_eval_split_as_it_was_measured():
    found = compare([0.7], [0.8])
    assert found.seeds == 1
    assert found.difference == KNOWN
    assert not found.recipes
    assert {each.difference for each in found.slices} == {KNOWN}


def test_one_training_has_on_test_the_interval_of_paired_texts():
    found = compare([0.7], [0.8])
    ours, theirs = (answers([share], seed).right[0] for share, seed in ((0.8, 2), (0.7, 1)))
    gained, lost = int((ours > theirs).sum()), int((ours < theirs).sum())
    expected = paired_difference(gained, lost, 300)
    assert found.test is not None
    assert dataclasses.astuple(found.test.difference) == pytest.approx(
        dataclasses.astuple(expected), rel=0.005
    )  # which divides by the number of texts, not by one less


def test_of_several_trainings_the_mean_counts_and_each_is_named():
    found = compare([0.7, 0.7, 0.7], [0.6, 0.8, 0.9])
    rows = answers([0.6, 0.8, 0.9], 2).right.mean(axis=1)
    frozen = answers([0.7], 1).right.mean()
    assert found.seeds == 3
    assert found.difference.value == pytest.approx(rows.mean() - frozen)
    assert found.recipes[FINE_TUNED].accuracy.value == pytest.approx(rows.mean())
    by_seed = [each for each in found.by_seed if each.model == FINE_TUNED]
    assert [each.seed for each in by_seed] == [1, 2, 3]
    assert [each.test for each in by_seed] == pytest.approx(rows.tolist())
    assert found.fine_tuned.accuracy.value == pytest.approx(rows[0])  # the exported one


def test_the_spread_of_trainings_widens_the_interval():
    def width(found: Comparison) -> float:
        assert found.difference.upper is not None
        assert found.difference.lower is not None
        return found.difference.upper - found.difference.lower

    assert width(compare([0.7] * 3, [0.6, 0.8, 0.9])) > 5 * width(compare([0.7] * 3, [0.8] * 3))


def test_further_metrics_and_slices_are_means_over_trainings_too():
    found = compare([0.7, 0.7], [0.6, 0.9])
    of_seeds = answers([0.6, 0.9], 2)
    losses = [estimate(of_seeds.labels, each)["log_loss"].value for each in of_seeds.probabilities]
    assert found.recipes[FINE_TUNED]["log_loss"].value == pytest.approx(np.mean(losses))
    assert found.differences["log_loss"].lower is not None
    good = of_seeds.labels == 1
    [_, label] = found.slices
    assert label.fine_tuned.value == pytest.approx(of_seeds.right[:, good].mean())
    assert label.difference.value == pytest.approx(
        of_seeds.right[:, good].mean() - answers([0.7], 1).right[:, good].mean()
    )


def test_texts_that_all_trainings_answer_alike_give_no_certainty():
    found = compare([0.7, 0.7], [0.7, 0.7], changes={EVAL: answers([0.7, 0.7], 1)})
    assert found.difference.value == 0
    assert found.difference.lower is not None
    assert found.difference.lower < 0


def test_answers_about_other_texts_are_refused():
    other = Answers.of(TEXTS[1:], LABELS[1:], answers([0.7, 0.7], 1).probabilities[:, 1:])
    with pytest.raises(InputError, match="same texts"):
        compare([0.7, 0.7], [0.8, 0.8], changes={TEST: other})


@pytest.mark.parametrize("metric", ["recall:good", "f1:good", "macro_f1", "log_loss"])
def test_the_metric_that_decides_is_compared_across_trainings(metric):
    decides = deciding(metric, CLASSES)
    found = compare([0.7, 0.7], [0.6, 0.9], metric)
    ours, theirs = answers([0.6, 0.9], 2), answers([0.7, 0.7], 1)
    expected = np.mean(
        [measure_one(decides, ours.labels, each).value for each in ours.probabilities]
    ) - np.mean([measure_one(decides, theirs.labels, each).value for each in theirs.probabilities])
    gain = found.gain if decides.higher_is_better else -found.gain
    assert gain.value == pytest.approx(expected)
    lower, upper = bounds(gain)
    assert lower < gain.value < upper
    assert found.test is not None
    assert found.test.differences[decides.name].value == pytest.approx(expected)


def test_recipes_are_compared_with_the_yardstick_of_which_there_is_one_training():
    yardstick = Yardstick(answers([0.75], 3))
    found = compare([0.7, 0.7], [0.6, 0.9], yardstick=yardstick)
    theirs = answers([0.75], 3).right.mean()
    ours = answers([0.6, 0.9], 2).right.mean()
    gain = found.gain_over_yardstick(FINE_TUNED)
    assert gain is not None
    assert gain.value == pytest.approx(ours - theirs)
    narrower = compare([0.7, 0.7], [0.75, 0.75], yardstick=yardstick)
    other = narrower.gain_over_yardstick(FINE_TUNED)
    assert other is not None
    assert other.most - other.least < gain.most - gain.least


def test_on_test_too_both_recipes_are_paired_with_the_yardstick():
    known = answers([0.75], 3)
    tested = compare([0.7], [0.9], yardstick=Yardstick(known)).test
    assert tested is not None
    ours, theirs = answers([0.9], 2).right[0], known.right[0]
    expected = paired_difference(int((ours > theirs).sum()), int((ours < theirs).sum()), 300)
    assert dataclasses.astuple(tested.gains[FINE_TUNED]["accuracy"]) == pytest.approx(
        dataclasses.astuple(expected), rel=0.005
    )
    frozen = answers([0.7], 1).right.mean() - theirs.mean()
    assert tested.gains[FROZEN]["accuracy"].value == pytest.approx(frozen)


def test_a_yardstick_that_was_not_asked_about_the_test_texts_is_left_out_there():
    known = Yardstick(Answers.of(TEXTS[1:], LABELS[1:], answers([0.7], 1).probabilities[:, 1:]))
    tested = compare([0.7], [0.9], yardstick=known).test
    assert tested is not None
    assert tested.gains == {}


def test_each_slice_is_held_against_the_yardstick_by_all_trainings():
    known = answers([0.65], 3)
    found = compare([0.6, 0.7], [0.75, 0.8], yardstick=Yardstick(known))
    good = known.labels == 1
    part = next(each for each in found.slices if each.name == "label good")
    for model, given in ((FROZEN, answers([0.6, 0.7], 1)), (FINE_TUNED, answers([0.75, 0.8], 2))):
        gain = part.gains[model]
        expected = given.right[:, good].mean() - known.right[:, good].mean()
        assert gain.value == pytest.approx(expected)
        assert gain.lower is not None
        assert gain.upper is not None
        assert gain.lower < gain.value < gain.upper
    assert not compare([0.6, 0.7], [0.75, 0.8]).slices[0].gains
