"""`predict.py` with a model of one rule.

python -m tests.support.predictor OPTION...
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import numpy as np

import predict
from albert_tfx.prediction import quick_model
from albert_tfx.prediction.predictions import Answers


class ModelOfOneRule:
    """Finds a text `good` that has the word in it, `bad` any other; of `perhaps` it is not sure."""

    class_names = ("bad", "good")

    def __init__(self, folder: Path) -> None:
        os.write(2, b"what TensorFlow's C++ has to say")

    def answers(self, texts: Sequence[str]) -> Answers:
        good = np.array(["good" in text for text in texts])
        probabilities = np.where(good[:, np.newaxis], [0.25, 0.75], [0.875, 0.125])
        labels = [
            "unsure" if "perhaps" in text else self.class_names[row.argmax()]
            for text, row in zip(texts, probabilities, strict=True)
        ]
        return Answers(probabilities, labels, probabilities.max(axis=1).tolist())


if __name__ == "__main__":
    with mock.patch.object(quick_model, "load", ModelOfOneRule):
        sys.exit(predict.main())
