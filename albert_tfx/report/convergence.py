"""Whether a training has converged, as its epochs show it.

A model that was trained too little says nothing of what its kind can do. Mosbach et al. 2021, "On
the Stability of Fine-tuning BERT", and Zhang et al. 2021, "Revisiting Few-sample BERT Fine-tuning",
found that most failures of fine-tuning on few texts are of this kind.
"""

import enum
from collections.abc import Mapping, Sequence

from albert_tfx.contract import FINE_TUNED

Epochs = Sequence[Mapping[str, float]]

# Of what is left between always giving the most frequent class and being right always, a training
# near chance has learnt less than this.
_LEARNT = 0.1
# What the last epoch may take off the training loss, and off the validation loss, of one that has
# converged. Both count: the training loss of an encoder that learns its texts by heart falls on.
_LOSS_FALL, _VALIDATION_FALL = 0.1, 0.02
# A fall of fewer nats is no steep one, whatever share it is of a loss that is next to nothing.
_NATS = 0.02


class Convergence(enum.StrEnum):
    """How a training ended."""

    CONVERGED = "converged"
    NEAR_CHANCE = "near_chance"
    STILL_FALLING = "still_falling"


def judge(model: str, epochs: Epochs, majority_share: float) -> Convergence:
    """Returns how a training ended.

    A frozen model near chance may be as good as its encoder's vectors allow, so that only a
    fine-tuned one is judged by its accuracy. A metric that is no finite number decides nothing.

    Args:
      model: `frozen` or `fine_tuned`.
      epochs: The metrics of each epoch, as `TrainingHistory.epochs` has them.
      majority_share: Share of the most frequent class: the accuracy that takes no training.
    """
    if not epochs:
        return Convergence.CONVERGED
    chance = majority_share + _LEARNT * (1 - majority_share)
    if model == FINE_TUNED and epochs[-1]["loss"] >= 0 and epochs[-1]["accuracy"] < chance:
        return Convergence.NEAR_CHANCE
    falls = ("loss", _LOSS_FALL), ("val_loss", _VALIDATION_FALL)
    if len(epochs) > 1 and all(_fell(epochs, name, share) for name, share in falls):
        return Convergence.STILL_FALLING
    return Convergence.CONVERGED


def _fell(epochs: Epochs, name: str, share: float) -> bool:
    """Returns whether the last epoch took more than `share` off a loss, and more than a trifle."""
    before, last = epochs[-2][name], epochs[-1][name]
    return before - last > max(share * before, _NATS)
