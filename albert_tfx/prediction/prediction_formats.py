"""Predictions as text: CSV, or one JSON object a line."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Protocol

from albert_tfx.prediction.predictions import Prediction

_DIGITS = 6
_LINE_END = "\r\n"


class Format(Protocol):
    """How predictions are written, a part at a time."""

    def header(self) -> str:
        """Returns what comes before all predictions."""

    def rows(self, predictions: Sequence[Prediction]) -> str:
        """Returns the lines of `predictions`."""


class Csv:
    """A header, then `text`, `label` and `probability` of each prediction."""

    def __init__(self, with_text: bool) -> None:
        self._with_text = with_text

    def header(self) -> str:
        """Returns the first line."""
        return ("text," if self._with_text else "") + "label,probability\n"

    def rows(self, predictions: Sequence[Prediction]) -> str:
        """Returns the lines of `predictions`."""
        return "".join(map(self._row, predictions))

    def _row(self, prediction: Prediction) -> str:
        answer = (prediction.label, f"{prediction.probability:.{_DIGITS}f}")
        line = io.StringIO()
        # With "\n" as its line's end, Python's writer leaves a lone "\r" in a text unquoted.
        writer = csv.writer(line, lineterminator=_LINE_END)
        writer.writerow((prediction.text, *answer) if self._with_text else answer)
        return line.getvalue().removesuffix(_LINE_END) + "\n"


class JsonLines:
    """The same as JSON objects, with the `probabilities` of all classes besides."""

    def __init__(self, with_text: bool) -> None:
        self._with_text = with_text

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
            **({"text": prediction.text} if self._with_text else {}),
            "label": prediction.label,
            "probability": probabilities[prediction.label],
            "probabilities": probabilities,
        }


# Each takes whether the texts themselves are wanted.
FORMATS: dict[str, Callable[[bool], Format]] = {"csv": Csv, "jsonl": JsonLines}
