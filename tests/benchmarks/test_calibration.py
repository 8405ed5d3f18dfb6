import numpy as np
import pytest
from calibration import Case, simulate, summarized
from scipy import special


def test_labels_are_drawn_from_the_true_probabilities():
    labels, logits = Case(1.0, 50, 3).draw(np.random.default_rng(1), 40_000)
    expected = special.softmax(logits, axis=1).mean(axis=0)
    assert np.bincount(labels) / 40_000 == pytest.approx(expected, abs=0.01)


def test_a_temperature_brings_the_log_loss_near_the_true_one():
    found = simulate(Case(3.0, 1000, 3), 5)
    assert [each.temperature for each in found] == pytest.approx([3.0] * 5, rel=0.15)
    for each in found:
        without, served, true = each.log_loss
        assert served - true < 0.1 * (without - true)
        assert each.calibration_error[1] < 0.5 * each.calibration_error[0]


def test_the_summary_tells_models_that_are_off_from_those_that_are_not():
    found = {case: simulate(case, 3) for case in (Case(3.0, 300, 2), Case(1.0, 300, 2))}
    gained, worse, lost, *rules = summarized(found)
    assert gained.value < -0.1 < lost.value
    assert worse.value == 0
    kept, kept_by_any, gained_by_any, _ = rules
    assert kept.value <= kept_by_any.value
    assert gained_by_any.value < -0.1
