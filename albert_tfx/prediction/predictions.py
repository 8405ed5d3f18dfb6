"""Predictions for a stream of texts: in constant memory, in order, with little padding.

They are written as CSV, or as one JSON object a line. Imports neither TensorFlow nor TFX.
"""

import csv
import dataclasses
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from albert_tfx.data.files.content import PAUSE
from albert_tfx.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Probabilities = npt.NDArray[np.float32]

# A batch costs what its longest text does, so within a window texts of like length share batches:
# for sentences that is a third of the work of batches in the order of the input.
_WINDOW_TEXTS = 4096
_WINDOW_CHARACTERS = 1 << 24
# What the exported model takes at once; see albert_tfx.modeling.serving_model.
_BATCH_TEXTS = 64
_DIGITS = 6
_LINE_END = "\r\n"


@dataclasses.dataclass(frozen=True)
class Answers:
    """What a classifier says of several texts.

    Attributes:
      probabilities: float32 `[texts, classes]`.
      labels: The label of each text, or None of a model that gives none.
      scores: The probability of the class that was chosen for each text; None likewise.
    """

    probabilities: "Probabilities"
    labels: Sequence[str] | None = None
    scores: Sequence[float] | None = None


class Classifier(Protocol):
    """What classifies texts.

    Attributes:
      class_names: The class of each column of probabilities.
    """

    class_names: tuple[str, ...]

    def answers(self, texts: Sequence[str]) -> Answers:
        """Returns what is said of each text."""


@dataclasses.dataclass(frozen=True)
class Prediction:
    """A classifier's answer to one text.

    Attributes:
      text: The text.
      probabilities: The probability of each class, by its name.
      identity: What tells the text's row from others, where the file has a column for it.
      label: As the model says it; where it says none, the most probable class.
      score: The probability of the class that was chosen for `label`.
    """

    text: str
    probabilities: dict[str, float]
    identity: str | None = None
    label: str = ""
    score: float = math.nan

    def __post_init__(self) -> None:
        if not self.label:
            object.__setattr__(self, "label", self._most_probable)
            object.__setattr__(self, "score", self.probability)

    @property
    def is_abstention(self) -> bool:
        """Whether the label is no class: the model was not sure enough of any."""
        return self.label not in self.probabilities

    @property
    def probability(self) -> float:
        """The probability of the most probable class."""
        return self.probabilities[self._most_probable]

    @property
    def _most_probable(self) -> str:
        return max(self.probabilities, key=self.probabilities.__getitem__)


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
    predictions: dict[int, Prediction] = {}
    for start in range(0, len(window), _BATCH_TEXTS):
        batch = by_length[start : start + _BATCH_TEXTS]
        texts = [window[index] for index in batch]
        answered = _predictions(texts, classifier.class_names, classifier.answers(texts))
        predictions.update(zip(batch, answered, strict=True))
    return [predictions[index] for index in range(len(window))]


def _predictions(
    texts: Sequence[str], class_names: Sequence[str], answers: Answers
) -> Iterator[Prediction]:
    nothing: list[Any] = [None] * len(texts)
    rows = zip(
        texts, answers.probabilities, answers.labels or nothing, answers.scores or nothing,
        strict=True,
    )  # fmt: skip
    for text, probabilities, label, score in rows:
        by_name = dict(zip(class_names, probabilities.tolist(), strict=True))
        said = {} if label is None else {"label": label, "score": float(score)}
        yield Prediction(text, by_name, **said)


class Format(Protocol):
    """How predictions are written, a part at a time."""

    def header(self) -> str:
        """Returns what comes before all predictions."""

    def rows(self, predictions: Sequence[Prediction]) -> str:
        """Returns the lines of `predictions`."""


class Csv:
    """A header, then each prediction's `text`, `label`, `probability`, `score`, identity first."""

    def __init__(self, with_text: bool, id_column: str | None = None) -> None:
        self._with_text = with_text
        self._id_column = id_column

    def header(self) -> str:
        """Returns the first line."""
        first = [self._id_column] if self._id_column else []
        text = ["text"] if self._with_text else []
        return self._line([*first, *text, "label", "probability", "score"])

    def rows(self, predictions: Sequence[Prediction]) -> str:
        """Returns the lines of `predictions`."""
        return "".join(map(self._row, predictions))

    def _row(self, prediction: Prediction) -> str:
        first = [prediction.identity or ""] if self._id_column else []
        text = [prediction.text] if self._with_text else []
        numbers = (f"{each:.{_DIGITS}f}" for each in (prediction.probability, prediction.score))
        return self._line([*first, *text, prediction.label, *numbers])

    @staticmethod
    def _line(cells: Sequence[str]) -> str:
        line = io.StringIO()
        # With "\n" as its line's end, Python's writer leaves a lone "\r" in a text unquoted.
        csv.writer(line, lineterminator=_LINE_END).writerow(cells)
        return line.getvalue().removesuffix(_LINE_END) + "\n"


class JsonLines:
    """The same as JSON objects, with the `probabilities` of all classes besides."""

    def __init__(self, with_text: bool, id_column: str | None = None) -> None:
        self._with_text = with_text
        self._id_column = id_column

    def header(self) -> str:
        """Returns nothing: JSON names its values."""
        return ""

    def rows(self, predictions: Sequence[Prediction]) -> str:
        """Returns the lines of `predictions`."""
        return "".join(json.dumps(self._record(p), ensure_ascii=False) + "\n" for p in predictions)

    def _record(self, prediction: Prediction) -> dict[str, object]:
        probabilities = {
            name: round(value, _DIGITS) for name, value in prediction.probabilities.items()
        }
        return {
            **({self._id_column: prediction.identity} if self._id_column else {}),
            **({"text": prediction.text} if self._with_text else {}),
            "label": prediction.label,
            "probability": round(prediction.probability, _DIGITS),
            "score": round(prediction.score, _DIGITS),
            "probabilities": probabilities,
        }


# Each takes whether the texts themselves are wanted, and the name of the column of identities.
FORMATS: dict[str, Callable[..., Format]] = {"csv": Csv, "jsonl": JsonLines}
_KEYS = ("text", "label", "probability", "score", "probabilities")


def refuse_taken(id_column: str | None) -> None:
    """Refuses a column of identities that is called as one of the answers' own.

    Raises:
      InputError: It is.
    """
    if id_column in _KEYS:
        raise InputError(
            f"--id-column cannot be {id_column!r}: the answers have a column of that name",
            "Name the column otherwise in the file",
        )


def written(parts: Iterable[Sequence[Prediction]], chosen: Format) -> Iterator[str]:
    """Yields what to write for each part; the header comes with the first, or alone at the end."""
    header = chosen.header()
    for predictions in parts:
        yield header + chosen.rows(predictions)
        header = ""
    if header:
        yield header
