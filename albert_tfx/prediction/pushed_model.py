"""The model that a run pushed: which it is, and how to ask it. Imports TensorFlow, never TFX."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albert_tfx.contract import CLASSIFY_TEXT, LABELS, PROBABILITIES
from albert_tfx.errors import InputError, one_line

if TYPE_CHECKING:
    from albert_tfx.prediction.predictions import Probabilities

_MODEL_FILE = "saved_model.pb"


def newest(output: Path, reason: Callable[[Path], str | None] = lambda _: None) -> Path:
    """Returns the folder of the version that was pushed last.

    Args:
      output: The output folder of `local_runner.py`.
      reason: Returns why the last run into such a folder pushed no model, if that is known.

    Raises:
      InputError: No model has been pushed there.
    """
    serving = output / "serving"
    versions = [path for path in serving.glob("*/") if path.name.isdecimal()]
    if not versions:
        known = reason(output)
        because = f"; the last run pushed none: {known}".rstrip(".") if known else ""
        raise InputError(
            f"There is no pushed model in {serving}{because}",
            f"Make one with python local_runner.py --output {output}, or name another model with "
            "--model FOLDER",
        )
    return max(versions, key=lambda version: int(version.name))


def require_saved_model(folder: Path) -> None:
    """Refuses a folder that cannot be a model.

    Raises:
      InputError: It is no folder, or holds no SavedModel.
    """
    if (folder / _MODEL_FILE).is_file():
        return
    raise InputError(
        f"{folder} holds no {_MODEL_FILE}" if folder.is_dir() else f"There is no folder {folder}",
        "Give the folder of a pushed model, such as output/serving/VERSION",
    )


class PushedModel:
    """A pushed model, loaded.

    Attributes:
      class_names: The classes, in the order of the columns of `probabilities`.
    """

    def __init__(self, folder: Path) -> None:
        """Loads the SavedModel in `folder` and asks it once, which names the classes.

        Raises:
          InputError: It cannot be loaded, or is not one of ours.
        """
        import tensorflow as tf
        import tensorflow_text  # noqa: F401  registers the ops of tokenization

        require_saved_model(folder)
        try:
            model = tf.saved_model.load(str(folder))
        except Exception as error:  # TensorFlow raises whatever the file led it to
            raise InputError(
                f"The model in {folder} cannot be loaded ({one_line(error)})",
                "Its files may be incomplete: push it again, or give another with --model FOLDER",
            ) from error
        if CLASSIFY_TEXT not in model.signatures:
            raise InputError(
                f"The model in {folder} has no signature {CLASSIFY_TEXT!r}; it has "
                f"{', '.join(model.signatures) or 'none'}",
                "Give a model that local_runner.py pushed",
            )
        self._model = model  # its signatures hold no reference to its variables
        (labels,) = self._answer([""])[LABELS].numpy()
        self.class_names = tuple(label.decode() for label in labels)

    def probabilities(self, texts: Sequence[str]) -> "Probabilities":
        """Returns the probability of each class for each text, float32 `[texts, classes]`."""
        answers: Probabilities = self._answer(texts)[PROBABILITIES].numpy()
        return answers

    def _answer(self, texts: Sequence[str]) -> dict[str, Any]:
        import tensorflow as tf

        answers: dict[str, Any] = self._model.signatures[CLASSIFY_TEXT](text=tf.constant(texts))
        return answers
