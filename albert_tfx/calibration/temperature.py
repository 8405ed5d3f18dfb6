"""How sure a model may be: the temperature that makes its probabilities most likely.

Temperature scaling (Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2)
divides all logits by one number, which changes how sure a model is and never what it answers. The
number is fitted by maximum likelihood on texts that the model was not trained on.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]

UNCHANGED = 1.0
# A model that is ten times too sure, or not sure enough by as much, has learnt something else.
LEAST, MOST = 0.1, 10.0
_FEWEST = 2  # texts that have a standard error
_TINY = float(np.finfo(np.float32).tiny)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Calibration:
    """A model's temperature, and what it changes on the test split, to which it was not fitted.

    Attributes:
      temperature: What log-probabilities are divided by; 1 where none is shown to help.
      log_loss_before: The log loss without it.
      log_loss: The log loss with it.
      calibration_error_before: The expected calibration error without it.
      calibration_error: The expected calibration error with it.
    """

    temperature: float
    log_loss_before: float
    log_loss: float
    calibration_error_before: float
    calibration_error: float


def fit(labels: Ints, probabilities: Floats) -> float:
    """Returns the temperature to divide log-probabilities by; 1 where none is shown to help.

    It is shown to help where the log loss falls on either half of the texts by the temperature of
    the other half, both together (cross-fitting): what is gained so is not the fit's own flattery.
    It has to fall by more than the fall's own standard error, so that a calibrated model is left as
    it is (the one-standard-error rule of Breiman et al. 1984, "Classification and Regression
    Trees"; `benchmarks/calibration.py` has both rules).
    Where a half has no wrong answer, no temperature is the likeliest, as 0 would be, and 1 remains.

    Args:
      labels: int `[texts]`, of texts that the model was not trained on.
      probabilities: float `[texts, classes]`.

    Returns:
      A temperature from `LEAST` to `MOST`.
    """
    if len(labels) < _FEWEST or not np.isfinite(probabilities).all():
        return UNCHANGED
    changes = cross_fitted_changes(labels, probabilities)
    error = changes.std(ddof=1) / np.sqrt(len(changes))
    return likeliest(labels, probabilities) if -changes.mean() > error else UNCHANGED


def cross_fitted_changes(labels: Ints, probabilities: Floats) -> Floats:
    """Returns the change of log loss that a fitted temperature brings to texts that it never saw.

    Takes what `fit` takes. The halves have as many texts of each class, as far as these are even.

    Returns:
      The changes, float64 `[texts]`, in no order; 0 where a half has no wrong answer.
    """
    order = np.argsort(labels, kind="stable")
    halves = [(labels[half], probabilities[half]) for half in (order[::2], order[1::2])]
    if any((each.argmax(axis=1) == truth).all() for truth, each in halves):
        return np.zeros(len(labels))
    fitted = [likeliest(*half) for half in halves]
    changes = [
        _losses(*half, other) - _losses(*half, UNCHANGED)
        for half, other in zip(halves, reversed(fitted), strict=True)
    ]
    return np.concatenate(changes)


def likeliest(labels: Ints, probabilities: Floats) -> float:
    """Minimises the log loss, which is convex in 1 / temperature: where its slope is 0."""
    logits = _logarithms(probabilities)
    of_label = np.take_along_axis(logits, labels[:, np.newaxis], axis=1)[:, 0]

    def slope(inverse: float) -> float:
        expected = (special.softmax(inverse * logits, axis=1) * logits).sum(axis=1)
        return float((expected - of_label).mean())

    least, most = 1 / MOST, 1 / LEAST
    if slope(least) >= 0:
        return MOST
    if slope(most) <= 0:
        return LEAST
    return float(1 / optimize.brentq(slope, least, most))


def _losses(labels: Ints, probabilities: Floats, temperature: float) -> Floats:
    """Returns each text's log loss, float64 `[texts]`."""
    scaled = special.log_softmax(_logarithms(probabilities) / temperature, axis=1)
    losses: Floats = -np.take_along_axis(scaled, labels[:, np.newaxis], axis=1)[:, 0]
    return losses


def _logarithms(probabilities: Floats) -> Floats:
    logarithms: Floats = np.log(np.maximum(probabilities.astype(np.float64), _TINY))
    return logarithms
