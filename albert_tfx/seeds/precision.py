"""What inference in bfloat16 changes, against the same model in float32 on the same texts."""

import dataclasses

import numpy as np
from etils import epath

from albert_tfx.contract import PRECISION_FILE
from albert_tfx.evaluation.measurements import Interval, chosen, compare_one, proportion
from albert_tfx.evaluation.metrics import ACCURACY, CALIBRATION_ERROR, LOG_LOSS, Floats, Ints
from albert_tfx.options import AnswerOptions
from albert_tfx.storage import read_json, write_json


@dataclasses.dataclass(frozen=True)
class PrecisionChange:
    """What the precision of inference changes of one model's answers.

    The differences are those of the model as it is served, less the same in float32, paired text by
    text. The chance of the texts is in their intervals.

    Attributes:
      examples: Number of texts.
      flipped: Share of them that get another label.
      accuracy: Difference of the accuracy.
      log_loss: Difference of the log loss.
      calibration_error: Difference of the expected calibration error.
    """

    examples: int
    flipped: Interval
    accuracy: Interval
    log_loss: Interval
    calibration_error: Interval

    @classmethod
    def between(
        cls, labels: Ints, served: Floats, exact: Floats, options: AnswerOptions
    ) -> "PrecisionChange":
        """Compares a model's answers.

        Args:
          labels: int `[texts]`.
          served: Probabilities as they are served, float `[texts, classes]`.
          exact: The same of inference in float32.
          options: What becomes of probabilities.
        """
        flipped = _labels(served, options) != _labels(exact, options)
        share = float(flipped.mean()) if len(flipped) else float("nan")
        accuracy, log_loss, error = (
            compare_one(metric, labels, served, exact)
            for metric in (ACCURACY, LOG_LOSS, CALIBRATION_ERROR)
        )
        return cls(len(labels), proportion(share, len(labels)), accuracy, log_loss, error)

    @property
    def loses_accuracy(self) -> bool:
        """Whether the whole interval is a loss of accuracy."""
        return self.accuracy.upper is not None and self.accuracy.upper < 0

    def save(self, folder: str) -> None:
        """Writes it into a folder, such as a Trainer's `model_run`."""
        write_json(epath.Path(folder) / PRECISION_FILE, dataclasses.asdict(self))

    @classmethod
    def load(cls, folder: str) -> "PrecisionChange | None":
        """Reads what `save` wrote; None where the model infers in float32."""
        path = epath.Path(folder) / PRECISION_FILE
        if not path.exists():
            return None
        content = read_json(path)
        examples = content.pop("examples")
        return cls(examples, **{name: _interval(each) for name, each in content.items()})


def _labels(probabilities: Floats, options: AnswerOptions) -> Ints:
    """Returns the label of each text, int `[texts]`; -1 where none is given."""
    index, score = chosen(probabilities, options)
    return np.where(score >= options.abstain_below, index, -1)


def _interval(record: dict[str, float | None]) -> Interval:
    value = record["value"]
    bounds = record["lower"], record["upper"]
    return Interval(float("nan") if value is None else value, *bounds)
