"""Makes every training's answers those that its exported model serves, and measures the gain."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from albert_tfx.calibration import labelling, temperature
from albert_tfx.calibration.temperature import Calibration
from albert_tfx.contract import EVAL, TEST
from albert_tfx.evaluation.metrics import CALIBRATION_ERROR, LOG_LOSS, Metric, estimate_one
from albert_tfx.modeling.repetition import Repetitions
from albert_tfx.options import CALIBRATION_OFF
from albert_tfx.seeds.answers import Floats, Ints


def serve(
    trained: Repetitions,
    labels: Mapping[str, Ints],
    has_evidence: Mapping[str, np.ndarray],
    class_shares: Floats,
    calibration: str,
) -> Repetitions:
    """Returns the trainings with the probabilities that their exported models serve.

    Each training has a temperature of its own, fitted on its answers to the eval split. The history
    tells that of the model to export, and what it gains on the test split, which fitted nothing.

    Args:
      trained: The trainings, with their classifiers' own probabilities.
      labels: int64 `[texts]` by split.
      has_evidence: Whether a text tells the model anything, bool `[texts]` by split.
      class_shares: float32 `[classes]`, what is answered to the others.
      calibration: One of `options.CALIBRATIONS`.
    """
    temperatures = [
        _temperature(labels[EVAL], each, has_evidence[EVAL], calibration)
        for each in trained.probabilities[EVAL]
    ]
    served = {
        split: np.stack(
            [
                _served(*each, has_evidence[split], class_shares)
                for each in zip(answers, temperatures, strict=True)
            ]
        )
        for split, answers in trained.probabilities.items()
    }
    history = trained.history
    held_out = TEST if TEST in labels else EVAL
    raw = trained.probabilities[held_out][history.number]
    before = _served(raw, temperature.UNCHANGED, has_evidence[held_out], class_shares)
    after = served[held_out][history.number]
    found = _calibration(temperatures[history.number], labels[held_out], before, after)
    history = dataclasses.replace(
        history,
        calibration=None if calibration == CALIBRATION_OFF else found,
        seeds=tuple(
            {**seed, "temperature": each}
            for seed, each in zip(history.seeds, temperatures, strict=True)
        ),
    )
    return dataclasses.replace(trained, probabilities=served, history=history)


def _temperature(
    labels: Ints, probabilities: Floats, has_evidence: np.ndarray, calibration: str
) -> float:
    if calibration == CALIBRATION_OFF:
        return temperature.UNCHANGED
    return temperature.fit(labels[has_evidence], probabilities[has_evidence])


def _served(
    probabilities: Floats, divisor: float, has_evidence: np.ndarray, class_shares: Floats
) -> Floats:
    """Returns what the exported model answers, by the operations of its own graph."""
    served = labelling.tempered(tf.constant(probabilities, tf.float32), divisor).numpy()
    return np.where(has_evidence[:, np.newaxis], served, class_shares)


def _calibration(divisor: float, labels: Ints, before: Floats, after: Floats) -> Calibration:
    def measured(metric: Metric, probabilities: Floats) -> float:
        return estimate_one(metric, labels, probabilities).value

    return Calibration(
        temperature=divisor,
        log_loss_before=measured(LOG_LOSS, before),
        log_loss=measured(LOG_LOSS, after),
        calibration_error_before=measured(CALIBRATION_ERROR, before),
        calibration_error=measured(CALIBRATION_ERROR, after),
    )
