"""The model that `predict.py` asks: by TensorFlow's C library, or else by its Python package."""

import logging
from collections.abc import Sequence
from pathlib import Path

from albert_tfx.contract import CLASSIFY_TEXT, LABELS
from albert_tfx.prediction.predictions import Answers, Classifier
from albert_tfx.prediction.pushed_model import PushedModel, answers_of, require_saved_model
from albert_tfx.prediction.runtime import LibraryError, Session

_LOGGER = logging.getLogger(__name__)


def load(folder: Path) -> Classifier:
    """Loads a pushed model by whatever way starts soonest.

    The answers are the same by either but for rounding: TensorFlow optimises the whole graph of a
    session, and by Python each of its functions. A model that was fine-tuned on the sample differed
    by 2e-6, as it does by which texts share a batch.

    Raises:
      InputError: See `PushedModel`.
    """
    require_saved_model(folder)
    try:
        return QuickModel(folder)
    except LibraryError as failure:
        _LOGGER.info("%s is loaded by TensorFlow's Python package: %s", folder, failure)
        return PushedModel(folder)


class QuickModel:
    """A pushed model that is asked without TensorFlow's Python package.

    Attributes:
      class_names: The classes, in the order of the columns of probabilities.
    """

    def __init__(self, folder: Path) -> None:
        """Loads the SavedModel in `folder` and asks it once, which names the classes.

        Raises:
          LibraryError: It cannot be loaded in this way, or is not one of ours.
        """
        self._session = Session(folder)
        if CLASSIFY_TEXT not in self._session.signatures:
            raise LibraryError(f"it has no signature {CLASSIFY_TEXT!r}")
        (labels,) = self._session.run(CLASSIFY_TEXT, [b""])[LABELS]
        self.class_names = tuple(label.decode() for label in labels)

    def answers(self, texts: Sequence[str]) -> Answers:
        """Returns what the model says of each text.

        Raises:
          LibraryError: The model fails.
        """
        return answers_of(self._session.run(CLASSIFY_TEXT, [text.encode() for text in texts]))
