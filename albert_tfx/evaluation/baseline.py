"""What the yardstick answered to the reviews that the two models are compared on, eval and test.

`albert_tfx/yardstick/` trains and measures it.
"""

import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from etils import epath

from albert_tfx.contract import ANSWERS_FILE, YARDSTICK_FILE
from albert_tfx.errors import InputError
from albert_tfx.storage import read_json

if TYPE_CHECKING:
    from albert_tfx.evaluation.tfma_metrics import PredictionTable


def load_yardstick(uri: str) -> Any:
    """Reads what Yardstick measured.

    Args:
      uri: Folder of its `result`.

    Returns:
      A mapping of `eval` and `test`, each a `ModelMetrics.record`, `train_seconds`,
      `trainable_parameters`, `parameters` and `train_examples`.
    """
    return read_json(epath.Path(uri) / YARDSTICK_FILE)


class Answers:
    """The yardstick's answers to the eval and test reviews, as a pipeline left them."""

    def __init__(self, uri: str, content: Mapping[str, np.ndarray]) -> None:
        """Takes what `load` has read."""
        self._uri = uri
        reviews = _reviews_of(content["hashes"], content["labels"])
        self._rows = {review: row for row, review in enumerate(reviews)}
        self._probabilities = content["probabilities"]

    @classmethod
    def load(cls, uri: str) -> "Answers | None":
        """Reads them from the folder of Yardstick's `result`.

        Returns:
          None where an earlier version of this project made it, which kept no probabilities.
        """
        content = io.BytesIO((epath.Path(uri) / ANSWERS_FILE).read_bytes())
        with np.load(content) as answers:
            return cls(uri, answers) if "probabilities" in answers else None

    def of(self, table: "PredictionTable") -> np.ndarray:
        """Returns the yardstick's probabilities, float32 `[reviews, classes]`.

        Args:
          table: The reviews: what the Evaluator kept of the models' predictions on them.

        Raises:
          InputError: There is no answer to one of them.
        """
        return self.to(table.hashes, table.labels, len(table.class_names))

    def has(self, hashes: np.ndarray, labels: np.ndarray) -> bool:
        """Returns whether there is an answer to each text; earlier versions kept none to `test`."""
        return self._rows.keys() >= set(_reviews_of(hashes, labels))

    def to(self, hashes: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
        """Does the same for texts of these hashes, uint64 `[reviews]`, and labels."""
        try:
            order = [self._rows[review] for review in _reviews_of(hashes, labels)]
        except KeyError as error:
            raise InputError(
                f"The yardstick's answers in {self._uri} are not to the texts evaluated",
                "Run the pipeline again, which makes them anew",
            ) from error
        known = self._probabilities[order]
        missing = classes - known.shape[1]
        return np.pad(known, ((0, 0), (0, max(missing, 0))))


def _reviews_of(hashes: np.ndarray, labels: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yields what tells reviews apart; those alike in it get the same answer."""
    return zip(hashes.tolist(), labels.tolist(), strict=True)
