import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy import special

from albert_tfx.modeling.fitting import TrainingHistory
from albert_tfx.modeling.repetition import Repetitions
from albert_tfx.seeds import calibrating

SHARES = np.array([0.7, 0.3], np.float32)
COUNTS = {"eval": 1500, "test": 1200}
SURENESS = (3.0, 1.5)  # of each training


def labelled(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns labels, and the logits of which they were drawn."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, [count, 2])
    is_second = random.random(count) < special.softmax(logits, axis=1)[:, 1]
    return is_second.astype(np.int64), logits


DRAWN = {split: labelled(count, seed) for seed, (split, count) in enumerate(COUNTS.items())}
LABELS = {split: labels for split, (labels, _) in DRAWN.items()}
TELLING = {split: np.arange(count) % 10 != 3 for split, count in COUNTS.items()}
TRAINED = Repetitions(
    classifier=None,  # type: ignore[arg-type]
    history=TrainingHistory(
        *("frozen", ({"loss": 0.5},), 0, 1.0, 2, 3),
        seed=8,
        train_memory_bytes=1e8,
        learning_rate=2e-3,
        seeds=({"seed": 7, "val_loss": 0.6}, {"seed": 8, "val_loss": 0.5}),
    ),
    probabilities={
        split: np.stack([special.softmax(s * logits, axis=1) for s in SURENESS]).astype(np.float32)
        for split, (_, logits) in DRAWN.items()
    },
)


def serve(**others: Any) -> Repetitions:
    given = {"class_shares": SHARES, "calibration": "auto", "has_evidence": TELLING, **others}
    return calibrating.serve(TRAINED, LABELS, **given)


def test_each_training_has_a_temperature_of_its_own():
    seeds = serve().history.seeds
    assert [each["temperature"] for each in seeds] == pytest.approx(SURENESS, rel=0.15)
    assert [each["val_loss"] for each in seeds] == [0.6, 0.5]


def test_the_probabilities_are_those_that_are_served():
    served = serve()
    for row, each in enumerate(served.history.seeds):
        logits = np.log(TRAINED.probabilities["test"][row])
        expected = special.softmax(logits / each["temperature"], axis=1)
        expected[~TELLING["test"]] = SHARES
        np.testing.assert_allclose(served.probabilities["test"][row], expected, atol=1e-5)


def test_the_history_tells_of_the_model_that_is_exported():
    """It is the second training, on the test split, with the answers to texts that tell nothing."""
    served = serve()
    found = served.history.calibration
    assert found is not None
    assert found.temperature == served.history.seeds[1]["temperature"]
    rows = np.arange(COUNTS["test"])
    after = served.probabilities["test"][1][rows, LABELS["test"]]
    assert found.log_loss == pytest.approx(-np.log(after).mean(), rel=1e-4)
    assert found.log_loss < found.log_loss_before
    assert found.calibration_error < found.calibration_error_before


def test_without_calibration_the_probabilities_stay():
    served = serve(calibration="off", has_evidence={s: np.ones(n, bool) for s, n in COUNTS.items()})
    assert served.history.calibration is None
    for split, probabilities in TRAINED.probabilities.items():
        np.testing.assert_array_equal(served.probabilities[split], probabilities)


def test_texts_that_tell_nothing_fit_no_temperature():
    """Their answers are the classes' shares, whatever the temperature is."""
    spoilt = {split: each.copy() for split, each in TRAINED.probabilities.items()}
    spoilt["eval"][:, ~TELLING["eval"]] = [1 - 1e-6, 1e-6]
    trained = dataclasses.replace(TRAINED, probabilities=spoilt)
    found = calibrating.serve(trained, LABELS, TELLING, SHARES, "auto")
    assert found.history.seeds == serve().history.seeds


def test_a_history_is_read_as_it_was_saved(tmp_path):
    history = serve().history
    history.save(str(tmp_path))
    assert TrainingHistory.load(str(tmp_path)) == history
