import choice_of_epoch
import numpy as np
import pytest
from choice_of_epoch import Case


def test_the_margins_have_the_accuracies_and_the_churn():
    drawn = choice_of_epoch.margins((0.5, 0.5, 0.9), 200_000, 0.04, np.random.default_rng(1))
    right = drawn > 0
    assert right.mean(axis=1) == pytest.approx([0.5, 0.5, 0.9], abs=0.005)
    assert (right[0] != right[1]).mean() == pytest.approx(0.04, abs=0.002)


def test_the_chosen_epoch_is_the_one_that_these_texts_favour():
    drawn = np.array([[1.0, -1.0, -1.0], [0.1, 0.1, -9.0], [9.0, -0.1, -0.1]])
    truth, right = choice_of_epoch.chosen((0.1, 0.2, 0.3), drawn, by_loss=False)
    assert (truth, right.tolist()) == (0.2, [True, True, False])
    truth, right = choice_of_epoch.chosen((0.1, 0.2, 0.3), drawn, by_loss=True)
    assert (truth, right.tolist()) == (0.3, [True, False, False])


def test_the_only_good_epoch_of_many_texts_looks_hardly_too_good():
    steep = Case("steep", (0.5, 0.6, 0.9), 2000)
    choices = [choice_of_epoch.compare(steep, np.random.default_rng(n)) for n in range(200)]
    assert np.mean([each.fine_tuned for each in choices]) == pytest.approx(0, abs=0.002)
    assert np.mean([each.frozen for each in choices]) > 0.002
    assert np.mean([each.is_covered for each in choices]) > 0.9
