import numpy as np
import pytest
from scipy import special

from albert_tfx.calibration import temperature


def texts(count: int, sureness: float, classes: int = 3, seed: int = 1):
    """Returns labels, and the probabilities of a model that is `sureness` times too sure."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 1.5, [count, classes])
    true = special.softmax(logits, axis=1)
    labels = np.array([random.choice(classes, p=row) for row in true])
    return labels, special.softmax(sureness * logits, axis=1).astype(np.float32)


@pytest.mark.parametrize("sureness", [0.4, 2.0, 5.0])
def test_the_temperature_is_how_much_too_sure_a_model_is(sureness: float):
    assert temperature.fit(*texts(4000, sureness)) == pytest.approx(sureness, rel=0.1)


def test_it_is_where_the_log_loss_is_least():
    labels, probabilities = texts(600, 2.5)
    tried = np.linspace(0.5, 6, 1000)
    losses = [temperature._losses(labels, probabilities, each).mean() for each in tried]
    found = temperature.fit(labels, probabilities)
    assert found == pytest.approx(tried[np.argmin(losses)], abs=0.01)


def test_a_calibrated_model_is_mostly_left_as_it_is_and_never_moved_far():
    found = [temperature.fit(*texts(300, 1.0, seed=seed)) for seed in range(40)]
    assert found.count(temperature.UNCHANGED) > 15
    assert min(found) > 0.75
    assert max(found) < 1.35


@pytest.mark.parametrize("wrong", [0, 1])
def test_without_mistakes_in_both_halves_nothing_is_fitted(wrong: int):
    labels = np.arange(60) % 3
    probabilities = np.full([60, 3], 0.3)
    probabilities[np.arange(60), labels] = 0.4
    probabilities[:wrong] = [0.1, 0.2, 0.7]
    assert temperature.fit(labels, probabilities) == temperature.UNCHANGED


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_texts_fit_nothing(count: int):
    labels, probabilities = texts(count, 4.0) if count else (np.zeros(0, int), np.zeros([0, 3]))
    assert temperature.fit(labels, probabilities) == temperature.UNCHANGED


def test_a_model_that_diverged_is_left_as_it_is():
    labels, probabilities = texts(50, 2.0)
    probabilities[7] = np.nan
    assert temperature.fit(labels, probabilities) == temperature.UNCHANGED


def test_a_model_that_is_surely_wrong_is_bounded():
    labels = np.arange(200) % 2
    probabilities = np.where(np.eye(2)[labels] > 0, 1e-6, 1 - 1e-6)
    assert temperature.fit(labels, probabilities) == temperature.MOST


def test_classes_that_alternate_come_into_both_halves():
    """Every second text is of the class that is always right: alone it would fit nothing."""
    labels = np.arange(2000) % 2
    answers = np.where(np.random.default_rng(1).random(2000) < 0.3, 0, labels)
    probabilities = np.where(np.eye(2)[answers] > 0, 0.99, 0.01)
    assert temperature.fit(labels, probabilities) > 2


def test_the_gain_is_measured_on_texts_that_it_was_not_fitted_to():
    """Fitted and measured on the same texts, the log loss can only fall."""
    changes = [
        temperature.cross_fitted_changes(*texts(60, 1.0, seed=seed)).mean() for seed in range(30)
    ]
    assert max(changes) > 0 > min(changes)


def test_a_calibrated_model_is_left_as_it_is_but_for_a_few_in_a_hundred():
    kept = [temperature.fit(*texts(300, 1.0, seed=seed)) != 1 for seed in range(100)]
    by_any_gain = [
        temperature.cross_fitted_changes(*texts(300, 1.0, seed=seed)).mean() < 0
        for seed in range(100)
    ]
    assert sum(kept) <= 8
    assert sum(by_any_gain) >= 20
