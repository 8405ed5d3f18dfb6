"""The curves of one model's predictions: points and counts, as tables that plots draw."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import metrics

from albert_tfx.evaluation.measurements import AnswerMetrics, chosen, measure_answers
from albert_tfx.evaluation.metrics import Floats, Ints, calibration_bins
from albert_tfx.options import AnswerOptions

# Points of a curve: more than a plot can resolve.
MAX_POINTS = 500


@dataclasses.dataclass(frozen=True)
class Curves:
    """One model's curves, each a table with a row a point.

    ROC and precision-recall take each class against the rest; of two classes, the second only.

    Attributes:
      roc: `class_name`, `false_positive_rate`, `true_positive_rate`.
      precision_recall: `class_name`, `recall`, `precision`.
      reliability: `lower` and `upper` end of a bin of the answer's probability, the number of
        `examples` in it, their mean `confidence` and their `accuracy`; bins without reviews are
        left out.
      confusion: Number of reviews, a row for each label and a column for each answer.
      coverage: `coverage`, the share of the surest answers, and `accuracy`, how many of these are
        right; of abstaining from the rest (El-Yaniv and Wiener 2010, "On the Foundations of
        Noise-free Selective Classification").
      answers: The point on it, and on the precision-recall curve, that was chosen.
    """

    roc: pd.DataFrame
    precision_recall: pd.DataFrame
    reliability: pd.DataFrame
    confusion: pd.DataFrame
    coverage: pd.DataFrame
    answers: AnswerMetrics

    def in_order(self, class_names: Sequence[str]) -> "Curves":
        """Returns the same with the classes in another order, that of `class_names`."""
        place = {name: index for index, name in enumerate(class_names)}

        def ordered(points: pd.DataFrame) -> pd.DataFrame:
            return points.sort_values(
                "class_name", key=lambda names: names.map(place), kind="stable", ignore_index=True
            )

        return dataclasses.replace(
            self,
            roc=ordered(self.roc),
            precision_recall=ordered(self.precision_recall),
            confusion=self.confusion.loc[list(class_names), list(class_names)],
        )


def draw(
    labels: Ints,
    probabilities: Floats,
    class_names: Sequence[str],
    confusion: Ints,
    options: AnswerOptions | None = None,
) -> Curves:
    """Computes the curves; those of an undefined model have no points.

    Args:
      labels: int `[reviews]`.
      probabilities: float `[reviews, classes]`.
      class_names: The classes.
      confusion: int `[classes, classes]`, counts by label and answer.
      options: What becomes of the probabilities.
    """
    options = options or AnswerOptions()
    defined = np.isfinite(probabilities).all(axis=1)
    labels, probabilities = labels[defined], probabilities[defined]
    return Curves(
        roc=_by_class(_roc, labels, probabilities, class_names),
        precision_recall=_by_class(_precision_recall, labels, probabilities, class_names),
        reliability=_reliability(labels, probabilities),
        confusion=pd.DataFrame(
            confusion,
            index=pd.Index(class_names, name="label"),
            columns=pd.Index(class_names, name="answer"),
        ),
        coverage=_coverage(labels, probabilities, options),
        answers=measure_answers(labels, probabilities, options),
    )


def _by_class(
    curve: Callable[[NDArray[np.bool_], Floats], pd.DataFrame],
    labels: Ints,
    probabilities: Floats,
    class_names: Sequence[str],
) -> pd.DataFrame:
    """Returns one table of the curves of all classes that occur beside others."""
    none = curve(np.array([False, True]), np.array([0.0, 1.0])).iloc[:0]
    curves = {
        class_names[index]: _thinned(curve(labels == index, probabilities[:, index]))
        for index in range(1 if len(class_names) == 2 else 0, len(class_names))
        if 0 < (labels == index).sum() < len(labels)
    }
    together = pd.concat(curves or {"": none}, names=["class_name"])
    return together.reset_index(level="class_name").reset_index(drop=True)


def _roc(is_class: NDArray[np.bool_], scores: Floats) -> pd.DataFrame:
    false_positive_rate, true_positive_rate, _ = metrics.roc_curve(is_class, scores)
    return pd.DataFrame(
        {"false_positive_rate": false_positive_rate, "true_positive_rate": true_positive_rate}
    )


def _precision_recall(is_class: NDArray[np.bool_], scores: Floats) -> pd.DataFrame:
    precision, recall, _ = metrics.precision_recall_curve(is_class, scores, drop_intermediate=True)
    return pd.DataFrame({"recall": recall, "precision": precision})


def _coverage(labels: Ints, probabilities: Floats, options: AnswerOptions) -> pd.DataFrame:
    """Returns a point for each score, the surest first: texts of one score are said or not."""
    index, score = chosen(probabilities, options)
    surest_first = np.argsort(-score, kind="stable")
    answered = np.arange(1, len(labels) + 1)
    points = pd.DataFrame(
        {
            "coverage": answered / max(len(labels), 1),
            "accuracy": (index == labels)[surest_first].cumsum() / answered,
        }
    )
    ranked = score[surest_first]
    is_last = np.append(ranked[1:] != ranked[:-1], True)[: len(ranked)]
    return _thinned(points[is_last])


def _thinned(points: pd.DataFrame) -> pd.DataFrame:
    """Keeps `MAX_POINTS` rows, evenly spaced, with the first and the last."""
    kept = np.linspace(0, len(points) - 1, min(len(points), MAX_POINTS))
    return points.iloc[kept.round().astype(int)]


def _reliability(labels: Ints, probabilities: Floats) -> pd.DataFrame:
    bins = calibration_bins(labels, probabilities)
    table = pd.DataFrame(
        {
            "lower": bins.edges[:-1],
            "upper": bins.edges[1:],
            "examples": bins.examples,
            "confidence": bins.confidence,
            "accuracy": bins.accuracy,
        }
    )
    return table[table["examples"] > 0].reset_index(drop=True)
