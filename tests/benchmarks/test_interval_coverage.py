import numpy as np
import pytest
from interval_coverage import Case, simulate


def test_the_true_gain_is_that_of_the_draws():
    case = Case(seeds=5, texts=400, deviation=0.015, gain=0.02)
    rng = np.random.default_rng(3)
    drawn = [case.differences(rng).mean() for _ in range(200)]
    assert np.mean(drawn) == pytest.approx(0.02, abs=4 * np.std(drawn) / np.sqrt(200))


def test_the_trainings_have_the_stated_deviation():
    case = Case(seeds=400, texts=4000, deviation=0.03, gain=0.0)
    differences = case.differences(np.random.default_rng(3)).mean(axis=1)
    # The frozen recipe's trainings have a quarter of it.
    assert differences.std() == pytest.approx(0.03 * np.hypot(1, 0.25), rel=0.15)


def test_one_training_misses_the_truth_where_seeds_matter():
    matter = Case(seeds=1, texts=500, deviation=0.04, gain=0.0)
    assert simulate(matter, 100).coverage < 0.8
    assert simulate(Case(3, 500, 0.04, 0.0), 100).coverage > 0.85
