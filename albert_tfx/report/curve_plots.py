"""Figures of a model's predictions: ROC, precision-recall, reliability, confusion."""

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from albert_tfx.contract import TITLES
from albert_tfx.evaluation.curves import Curves
from albert_tfx.evaluation.measurements import Comparison
from albert_tfx.evaluation.metrics import CALIBRATION_ERROR
from albert_tfx.report.plot_style import (
    COLORS,
    INK,
    LINE_STYLES,
    MARKERS,
    MUTED,
    NARROW,
    PERCENT,
    WIDE,
    cut,
    new_figure,
    tidy,
    title,
)

_Corner = Literal["lower left", "lower right", "upper left"]

RECALL = 0.9  # at which the precision is reported
_MOST_LABELLED_CLASSES = 12  # of a confusion matrix; the counts of more cannot be read
_LETTERS = 12  # of a class's name beside it


def roc_figure(curves: Mapping[str, Curves], comparison: Comparison) -> Figure:
    """Draws each model's ROC curve, of more than two classes each class's against the rest."""
    figure, axes = _square()
    axes.plot([0, 1], [0, 1], color=MUTED, linestyle=":", linewidth=1.5)
    for name, each in curves.items():
        _draw_curves(axes, name, each.roc, "false_positive_rate", "true_positive_rate")
    _finish(axes, "False positive rate", "True positive rate", "lower right")
    title(figure, roc_finding(comparison))
    return figure


def precision_recall_figure(curves: Mapping[str, Curves]) -> Figure:
    """Draws each model's precision over recall, of more than two classes each class's."""
    figure, axes = _square()
    for name, each in curves.items():
        _draw_curves(axes, name, each.precision_recall, "recall", "precision")
    _finish(axes, "Recall", "Precision", "lower left")
    title(figure, precision_recall_finding(curves))
    return figure


def reliability_figure(curves: Mapping[str, Curves], comparison: Comparison) -> Figure:
    """Draws how often an answer is right over how probable the model holds it."""
    figure, axes = _square()
    axes.plot([0, 1], [0, 1], color=MUTED, linestyle=":", linewidth=1.5)
    for name, each in curves.items():
        _draw_reliability(axes, name, each.reliability)
    _finish(axes, "Probability of the answer", "Share of right answers", "upper left")
    title(figure, reliability_finding(comparison))
    return figure


def confusion_figure(curves: Mapping[str, Curves], width: float = WIDE) -> Figure:
    """Draws the number of reviews by label and answer, one panel a model."""
    beside = width == WIDE
    figure = new_figure(width, 4.8 if beside else 4.2 * len(curves))
    shape = (1, len(curves)) if beside else (len(curves), 1)
    panels = figure.subplots(*shape, squeeze=False).flat
    for axes, (name, each) in zip(panels, curves.items(), strict=True):
        _draw_confusion(axes, name, each.confusion)
    title(figure, confusion_finding(curves))
    return figure


def roc_finding(comparison: Comparison) -> str:
    """Returns in one sentence how well the models tell the classes apart."""
    both = _of_both(f"{comparison.frozen.auc:.3f}", f"{comparison.fine_tuned.auc:.3f}")
    return f"Area under the ROC curve: {both}"


def precision_recall_finding(curves: Mapping[str, Curves]) -> str:
    """Returns in one sentence what finding most of a class costs in precision."""
    precision = (f"{_precision(curves[each].precision_recall):.1%}" for each in TITLES)
    return f"Precision where {RECALL:.0%} of a class is found: {_of_both(*precision)}"


def reliability_finding(comparison: Comparison) -> str:
    """Returns in one sentence how far the models' probabilities are off."""
    models = (comparison.frozen, comparison.fine_tuned)
    errors = (each[CALIBRATION_ERROR.name].value for each in models)
    both = _of_both(*(f"{100 * error:.1f} points" for error in errors))
    return f"Probabilities are off by, on average: {both}"


def confusion_finding(curves: Mapping[str, Curves]) -> str:
    """Returns in one sentence each model's most frequent mistake."""
    return "Most frequent mistake: " + "; ".join(
        f"{TITLES[name].lower()} {_worst_confusion(each.confusion)}"
        for name, each in curves.items()
    )


def _of_both(frozen: str, fine_tuned: str) -> str:
    return f"frozen {frozen}, fine-tuned {fine_tuned}".replace("nan", "undefined")


def _precision(points: pd.DataFrame) -> float:
    """Returns the mean over the classes of the precision at a recall of `RECALL` or more."""
    reached = points[points["recall"] >= RECALL]
    return (
        float(reached.groupby("class_name")["precision"].max().mean()) if len(reached) else math.nan
    )


def _worst_confusion(counts: pd.DataFrame) -> str:
    wrong = counts.to_numpy(copy=True)
    np.fill_diagonal(wrong, 0)
    if not wrong.any():
        return "none"
    label, answer = divmod(int(wrong.argmax()), len(counts.columns))
    return f"{counts.index[label]} taken for {counts.columns[answer]} ({wrong.max():,})"


def _square() -> tuple[Figure, Axes]:
    figure = new_figure(NARROW, 5.0)
    return figure, figure.subplots()


def _draw_curves(axes: Axes, name: str, points: pd.DataFrame, x: str, y: str) -> None:
    """Draws one line a class, faint where there are many."""
    classes = points.groupby("class_name", sort=False)
    for _, curve in classes:
        axes.plot(
            curve[x],
            curve[y],
            LINE_STYLES[name],
            color=COLORS[name],
            linewidth=2.5 if len(classes) == 1 else 1.2,
        )
    axes.plot([], [], LINE_STYLES[name], color=COLORS[name], linewidth=2.5, label=TITLES[name])


def _draw_reliability(axes: Axes, name: str, bins: pd.DataFrame) -> None:
    color, share = COLORS[name], bins["examples"] / max(bins["examples"].sum(), 1)
    axes.plot(bins["confidence"], bins["accuracy"], LINE_STYLES[name], color=color, linewidth=1.5)
    axes.scatter(
        bins["confidence"], bins["accuracy"], 30 + 400 * share, color=color, marker=MARKERS[name],
        alpha=0.75, linewidth=0,
    )  # fmt: skip
    axes.plot([], [], LINE_STYLES[name], marker=MARKERS[name], color=color, label=TITLES[name])


def _finish(axes: Axes, x: str, y: str, legend: _Corner) -> None:
    axes.set_xlabel(x, color=MUTED)
    axes.set_ylabel(y, color=MUTED)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(ticker.MultipleLocator(0.2))
        axis.set_major_formatter(PERCENT)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.legend(frameon=False, loc=legend, fontsize=10)
    tidy(axes, grid="both")


def _draw_confusion(axes: Axes, name: str, counts: pd.DataFrame) -> None:
    values = counts.to_numpy()
    shares = values / np.maximum(values.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Greys", vmin=0, vmax=1.25, aspect="auto")
    if len(counts) <= _MOST_LABELLED_CLASSES:
        for (row, column), share in np.ndenumerate(shares):
            text = f"{values[row, column]:,}\n{share:.0%}"
            color = "white" if share > 0.6 else INK
            axes.text(column, row, text, ha="center", va="center", color=color, fontsize=11)
    names = [cut(str(name), _LETTERS) for name in counts.columns]
    axes.set_xticks(range(len(counts)), names)
    axes.set_yticks(range(len(counts)), names, rotation=90, va="center")
    axes.set_xlabel("Answer", color=MUTED)
    axes.set_ylabel("Label", color=MUTED)
    axes.set_title(TITLES[name], loc="left", fontsize=12, color=COLORS[name], fontweight="bold")
    axes.tick_params(length=0, colors=INK)
    axes.spines[:].set_visible(False)
