"""What a Trainer leaves in its `model_run` artifact for people and for the report."""

import dataclasses
import json
import os

from tfx.dsl.io import fileio

from albert_tfx.contract import HISTORY_FILE
from albert_tfx.options import FLOAT32


@dataclasses.dataclass(frozen=True)
class TrainingHistory:
    """The course and the cost of one training.

    Attributes:
      model: `frozen` or `fine_tuned`.
      epochs: One mapping per epoch with the keys `loss`, `accuracy`, `val_loss` and
        `val_accuracy`, in order.
      best_epoch: Index into `epochs` of the epoch whose weights were exported.
      train_seconds: Wall-clock seconds spent training, the frozen encoder's pass not included.
      trainable_parameters: Number of weights that training could change.
      parameters: Number of weights of the exported model.
      seed: The seed of initialisation, order and dropout.
      precision: Of training's matrix products, `float32` or `bfloat16`.
    """

    model: str
    epochs: tuple[dict[str, float], ...]
    best_epoch: int
    train_seconds: float
    trainable_parameters: int
    parameters: int
    seed: int
    precision: str = FLOAT32

    def save(self, folder: str) -> None:
        """Writes `history.json` into `folder`, which exists."""
        content = json.dumps(dataclasses.asdict(self), indent=2)
        with fileio.open(os.path.join(folder, HISTORY_FILE), "w") as file:
            file.write(content + "\n")

    @classmethod
    def load(cls, folder: str) -> "TrainingHistory":
        """Reads what `save` wrote."""
        with fileio.open(os.path.join(folder, HISTORY_FILE)) as file:
            content = json.loads(file.read())
        return cls(**{**content, "epochs": tuple(content["epochs"])})
