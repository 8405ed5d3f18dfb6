import math

import numpy as np
import pytest
from scipy import stats

from albert_tfx.seeds.crossed import spread


def test_of_one_training_only_the_texts_are_uncertain():
    contributions = np.array([[1.0, 0.0, 0.0, 1.0, 1.0]])
    found = spread(contributions)
    assert math.isnan(found.trainings)
    expected = contributions.std(ddof=1) / math.sqrt(5)
    assert found.texts == pytest.approx(expected)
    assert found.half_width(0.95) == pytest.approx(1.959964 * expected)


def test_the_variances_are_those_of_a_crossed_analysis_of_variance():
    rng = np.random.default_rng(7)
    seeds, texts = 4, 60
    contributions = (
        rng.normal(size=[seeds, 1]) + 2 * rng.normal(size=texts) + rng.normal(size=[seeds, texts])
    )
    found = spread(contributions)
    mean = contributions.mean()
    of_seeds = texts * ((contributions.mean(axis=1) - mean) ** 2).sum() / (seeds - 1)
    of_texts = seeds * ((contributions.mean(axis=0) - mean) ** 2).sum() / (texts - 1)
    total = ((contributions - mean) ** 2).sum()
    of_both = (total - (seeds - 1) * of_seeds - (texts - 1) * of_texts) / (seeds - 1) / (texts - 1)
    cells = seeds * texts
    assert found.trainings**2 == pytest.approx(of_seeds / cells)
    assert found.texts**2 == pytest.approx((of_texts - of_both) / cells)


def test_few_trainings_are_trusted_little():
    contributions = np.array([[0.0, 0.0, 0.1, 0.1], [1.0, 1.0, 1.1, 1.1], [2.0, 2.0, 2.1, 2.1]])
    found = spread(contributions)
    assert found.trainings == pytest.approx(1 / math.sqrt(3))
    of_seeds, of_texts = (
        stats.t.ppf(0.975, 2) * found.trainings,
        stats.norm.ppf(0.975) * found.texts,
    )
    assert found.half_width(0.95) == pytest.approx(math.hypot(of_seeds, of_texts))


def test_one_text_tells_nothing():
    assert math.isnan(spread(np.ones([3, 1])).half_width(0.95))


@pytest.mark.parametrize("of_seeds", [0.0, 0.02, 0.1])
@pytest.mark.parametrize("seeds", [3, 5])
def test_the_interval_holds_the_truth_as_often_as_it_says(seeds, of_seeds):
    rng = np.random.default_rng(seeds)
    held = 0
    for _ in range(400):
        contributions = (
            of_seeds * rng.normal(size=[seeds, 1])
            + 0.3 * rng.normal(size=200)
            + 0.3 * rng.normal(size=[seeds, 200])
        )
        held += abs(contributions.mean()) <= spread(contributions).half_width(0.95)
    assert held / 400 >= 0.93


def test_trainings_that_agree_by_chance_do_not_make_a_mean_certain():
    contributions = np.array([[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]])
    found = spread(contributions)
    assert found.trainings == 0
    assert found.half_width(0.95) > 0.3
