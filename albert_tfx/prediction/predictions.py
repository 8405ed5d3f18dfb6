"""Predictions for a stream of texts: in constant memory, in order, with little padding.

Imports neither TensorFlow nor TFX.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np

from albert_tfx.data.text_files import PAUSE
from albert_tfx.errors import InputError

# A batch costs what its longest text does, so within a window texts of like length share batches:
# for sentences that is a third of the work of batches in the order of the input.
_WINDOW_TEXTS = 4096
_WINDOW_CHARACTERS = 1 << 24
# What the exported model takes at once; see albert_tfx.modeling.serving_model.
_BATCH_TEXTS = 64


class Classifier(Protocol):
    """What classifies texts.

    Attributes:
      class_names: What a column of `probabilities` stands for.
    """

    class_names: tuple[str, ...]

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Returns float32 `[len(texts), classes]`."""


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What a classifier says of one text.

    Attributes:
      text: The text.
      probabilities: The probability of each class, by its name.
    """

    text: str
    probabilities: dict[str, float]

    @property
    def label(self) -> str:
        """The most probable class."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def probability(self) -> float:
        """The probability of `label`."""
        return self.probabilities[self.label]


def predict(texts: Iterable[str | None], classifier: Classifier) -> Iterator[list[Prediction]]:
    """Yields the predictions of `texts` in their order, as many at a time as are at hand.

    Args:
      texts: The texts, read only as far as the next window reaches; at a `PAUSE` among them, what
        has come so far is answered.
      classifier: Gives the probabilities.

    Raises:
      InputError: What reading `texts` raised, once all that came before it is answered.
    """
    for window in _windows(texts):
        yield _predict_window(window, classifier)


def _windows(texts: Iterable[str | None]) -> Iterator[list[str]]:
    window: list[str] = []
    characters = 0
    try:
        for text in texts:
            if text is not PAUSE:
                window.append(text)
                characters += len(text)
            full = len(window) == _WINDOW_TEXTS or characters >= _WINDOW_CHARACTERS
            if window and (full or text is PAUSE):
                yield window
                window, characters = [], 0
    except InputError:
        if window:
            yield window
        raise
    if window:
        yield window


def _predict_window(window: list[str], classifier: Classifier) -> list[Prediction]:
    by_length = sorted(range(len(window)), key=lambda index: len(window[index]))
    rows: dict[int, np.ndarray] = {}
    for start in range(0, len(window), _BATCH_TEXTS):
        batch = by_length[start : start + _BATCH_TEXTS]
        answers = classifier.probabilities([window[index] for index in batch])
        rows.update(zip(batch, answers, strict=True))
    return [
        Prediction(text, dict(zip(classifier.class_names, rows[index].tolist(), strict=True)))
        for index, text in enumerate(window)
    ]
