import numpy as np
import pytest

from albert_tfx.evaluation.measurements import RecipeGain
from albert_tfx.evaluation.metrics import ACCURACY, AUC, LOG_LOSS
from albert_tfx.seeds import answers as seeds_answers
from albert_tfx.seeds import retraining
from albert_tfx.seeds.answers import Answers

TEXTS = [f"text {number}".encode() for number in range(400)]
LABELS = np.arange(400) % 2


def answers(accuracies: list[float], seed: int = 0, texts: int = 400, first: int = 0) -> Answers:
    """A recipe with a training of each accuracy, each right on texts of its own."""
    rng = np.random.default_rng(seed)
    labels = LABELS[first : first + texts]
    right = np.stack([rng.permutation(texts) < share * texts for share in accuracies])
    said = np.where(right, labels, 1 - labels)
    probabilities = np.where(said[..., np.newaxis] == np.arange(2), 0.8, 0.2)
    return Answers.of(TEXTS[first : first + texts], labels, probabilities)


def bounds(gained: RecipeGain | None) -> tuple[float, float, float]:
    assert gained is not None
    assert gained.interval.lower is not None
    assert gained.interval.upper is not None
    return gained.interval.lower, gained.interval.value, gained.interval.upper


def test_a_recipe_is_kept_beside_its_model(tmp_path):
    made = answers([0.7, 0.8])
    seeds_answers.keep(str(tmp_path), made)
    kept = seeds_answers.kept(str(tmp_path))
    assert kept is not None
    for one, other in zip(vars(made).values(), vars(kept).values(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_of_one_training_nothing_is_kept(tmp_path):
    seeds_answers.keep(str(tmp_path), answers([0.7]))
    assert not list(tmp_path.iterdir())
    assert seeds_answers.kept(str(tmp_path)) is None
    assert seeds_answers.kept(None) is None


def test_many_texts_are_cut_to_the_same_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(seeds_answers, "_MOST_TEXTS_BESIDE_A_MODEL", 100)
    found: list[Answers | None] = []
    for name, recipe in (("new", answers([0.7, 0.8])), ("old", answers([0.6, 0.6], 1))):
        seeds_answers.keep(str(tmp_path / name), recipe)
        found.append(seeds_answers.kept(str(tmp_path / name)))
    gained = retraining.gain(ACCURACY, *found)
    assert gained is not None
    assert gained.examples == 100


def test_the_gain_is_that_of_the_recipes_whatever_single_trainings_say():
    """The best of the old ones beats the worst of the new ones by ten points."""
    new, old = answers([0.85, 0.75, 0.86]), answers([0.70, 0.85, 0.70], 1)
    gained = retraining.gain(ACCURACY, new, old)
    assert gained is not None
    assert gained.interval.value == pytest.approx(0.82 - 0.75)
    assert (gained.examples, gained.trainings, gained.trainings_in_production) == (400, 3, 3)
    lower, _, upper = bounds(gained)
    assert lower < 0 < upper


def test_trainings_that_agree_make_the_gain_certain():
    lower, value, _ = bounds(retraining.gain(ACCURACY, answers([0.9] * 5), answers([0.7] * 5, 1)))
    assert value == pytest.approx(0.2)
    assert 0.1 < lower < 0.2


def test_less_of_a_loss_is_a_gain():
    gained = retraining.gain(LOG_LOSS, answers([0.9, 0.9]), answers([0.7, 0.7], 1))
    assert gained is not None
    assert gained.interval.value > 0


def test_texts_that_only_one_has_answered_are_left_out():
    new, old = answers([0.9, 0.9], texts=300), answers([0.7, 0.7], 1, texts=300, first=100)
    gained = retraining.gain(ACCURACY, new, old)
    assert gained is not None
    assert gained.examples == 200


@pytest.mark.parametrize("first", [200, 400 - 140])
def test_too_few_common_texts_say_nothing_of_the_rest(first: int):
    new, old = (
        answers([0.9, 0.9], texts=300),
        answers([0.7, 0.7], 1, texts=400 - first, first=first),
    )
    assert retraining.gain(ACCURACY, new, old) is None


def test_other_classes_cannot_be_compared():
    new = answers([0.9, 0.9])
    three = Answers(new.hashes, new.labels, new.words, np.ones([2, 400, 3]) / 3)
    assert retraining.gain(ACCURACY, new, three) is None
    assert retraining.gain(ACCURACY, new, None) is None
    assert retraining.gain(ACCURACY, None, new) is None


@pytest.mark.parametrize("metric", [ACCURACY, LOG_LOSS])
def test_a_recipe_with_a_training_that_diverged_is_not_known(metric):
    new = answers([0.9, 0.9])
    diverged = Answers(new.hashes, new.labels, new.words, new.probabilities.copy())
    diverged.probabilities[1, 7] = np.nan
    assert retraining.gain(metric, diverged, new) is None
    assert retraining.gain(metric, new, diverged) is None


def test_a_metric_that_the_common_texts_do_not_define_says_nothing():
    new = answers([0.9, 0.9])
    one = Answers(new.hashes, np.zeros_like(new.labels), new.words, new.probabilities)
    assert retraining.gain(AUC, one, one) is None


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """Recipes alike in all but chance: of 400 intervals of 95 %, at most 7 % miss nought."""
    rng = np.random.default_rng(5)
    missed = 0
    for number in range(400):
        new, old = (
            answers(list(np.clip(rng.normal(0.8, 0.02, 3), 0, 1)), 2 * number + each)
            for each in range(2)
        )
        lower, _, upper = bounds(retraining.gain(ACCURACY, new, old))
        missed += not lower <= 0 <= upper
    assert missed <= 28
