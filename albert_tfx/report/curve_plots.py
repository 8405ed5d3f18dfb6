"""Figures of a model's predictions: ROC, precision-recall, reliability, confusion."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from albert_tfx.contract import ALL_SHORT_TITLES, ALL_TITLES, FINE_TUNED, FROZEN, YARDSTICK
from albert_tfx.evaluation.curves import Curves
from albert_tfx.evaluation.measurements import Comparison, ModelMetrics
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
COVERAGE = 0.8  # at which the accuracy is
_MOST_LABELLED_CLASSES = 12  # of a confusion matrix; the counts of more cannot be read
_LETTERS = 12  # of a class's name beside it
_MOST_PANELS = 12
_LETTERS_OF_A_PANEL = 24


def roc_figure(
    curves: Mapping[str, Curves], comparison: Comparison, width: float = NARROW
) -> Figure:
    """Draws each model's ROC curve; of more than two classes, a panel each, against the rest.

    Of more than `_MOST_PANELS` classes, the panels are those on which the models do worst.
    """
    points = {name: each.roc for name, each in curves.items()}
    shown = _worst(points, "false_positive_rate", "true_positive_rate")
    figure, panels = _panels(shown, width)
    for axes in panels:
        axes.plot([0, 1], [0, 1], color=MUTED, linestyle=":", linewidth=1.5)
    _draw_panels(panels, points, shown, "false_positive_rate", "true_positive_rate")
    _label(panels, "False positive rate", "True positive rate", "lower right")
    title(figure, f"{roc_finding(comparison)}{_left_out(points, shown)}")
    return figure


def precision_recall_figure(curves: Mapping[str, Curves], width: float = NARROW) -> Figure:
    """Draws each model's precision over recall, in panels as `roc_figure` has them."""
    points = {name: each.precision_recall for name, each in curves.items()}
    shown = _worst(points, "recall", "precision")
    figure, panels = _panels(shown, width)
    _draw_panels(panels, points, shown, "recall", "precision")
    for name, each in curves.items():
        if each.answers.recall is not None and each.answers.precision is not None:
            _mark(panels[0], name, each.answers.recall.value, each.answers.precision.value)
    _label(panels, "Recall", "Precision", "lower left")
    title(figure, f"{precision_recall_finding(curves)}{_left_out(points, shown)}")
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


def coverage_figure(curves: Mapping[str, Curves]) -> Figure:
    """Draws how many of the surest answers are right, over the share that they are."""
    figure, axes = _square()
    for name, each in curves.items():
        points, chosen = each.coverage, each.answers
        axes.plot(
            points["coverage"], points["accuracy"], LINE_STYLES[name], color=COLORS[name],
            linewidth=2.0, label=ALL_TITLES[name],
        )  # fmt: skip
        _mark(axes, name, chosen.coverage.value, chosen.accuracy.value)
    _finish(axes, "Share of the texts that are answered", "Share of right answers", "lower left")
    title(figure, coverage_finding(curves))
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
    areas = {name: f"{each.auc:.3f}" for name, each in _compared(comparison).items()}
    return f"Area under the ROC curve: {_of_each(areas)}"


def precision_recall_finding(curves: Mapping[str, Curves]) -> str:
    """Returns in one sentence what finding most of a class costs in precision."""
    precision = {name: f"{_precision(each.precision_recall):.1%}" for name, each in curves.items()}
    return f"Precision where {RECALL:.0%} of a class is found: {_of_each(precision)}"


def reliability_finding(comparison: Comparison) -> str:
    """Returns in one sentence how far the models' probabilities are off."""
    errors = {
        name: f"{100 * each[CALIBRATION_ERROR.name].value:.1f} points"
        for name, each in _compared(comparison).items()
    }
    return f"Probabilities are off by, on average: {_of_each(errors)}"


def coverage_finding(curves: Mapping[str, Curves]) -> str:
    """Returns in one sentence how many of the surest answers are right."""
    shares = {name: f"{_surest(each.coverage):.1%}" for name, each in curves.items()}
    return f"Of the surest {COVERAGE:.0%} of the answers are right: {_of_each(shares)}"


def confusion_finding(curves: Mapping[str, Curves]) -> str:
    """Returns in one sentence each model's most frequent mistake."""
    return "Most frequent mistake: " + "; ".join(
        f"{_in_a_list(name)} {_worst_confusion(each.confusion)}" for name, each in curves.items()
    )


def _compared(comparison: Comparison) -> dict[str, ModelMetrics]:
    models = {FROZEN: comparison.frozen, FINE_TUNED: comparison.fine_tuned}
    return models | ({YARDSTICK: comparison.yardstick} if comparison.yardstick else {})


def _of_each(values: Mapping[str, str]) -> str:
    """Returns `frozen 0.871, fine-tuned 0.912, TF-IDF 0.890`."""
    named = (f"{_in_a_list(name)} {value}" for name, value in values.items())
    return ", ".join(named).replace("nan", "undefined")


def _in_a_list(name: str) -> str:
    title = ALL_SHORT_TITLES[name]
    return title if name == YARDSTICK else title.lower()


def _precision(points: pd.DataFrame) -> float:
    """Returns the mean over the classes of the precision at a recall of `RECALL` or more."""
    reached = points[points["recall"] >= RECALL]
    return (
        float(reached.groupby("class_name")["precision"].max().mean()) if len(reached) else math.nan
    )


def _surest(points: pd.DataFrame) -> float:
    """Returns the accuracy where at least `COVERAGE` of the texts are answered."""
    reached = points[points["coverage"] >= COVERAGE]
    return float(reached["accuracy"].iloc[0]) if len(reached) else math.nan


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


def _classes(points: Mapping[str, pd.DataFrame]) -> list[str]:
    """Returns the classes that have a curve, in their order."""
    return list(dict.fromkeys(name for each in points.values() for name in each["class_name"]))


def _worst(points: Mapping[str, pd.DataFrame], x: str, y: str) -> list[str]:
    """Returns, in their order, the classes with the least area below the models' curves."""
    classes = _classes(points)
    areas = {
        name: np.mean([_area(each, name, x, y) for each in points.values()]) for name in classes
    }
    worst = sorted(classes, key=areas.__getitem__)[:_MOST_PANELS]
    return [name for name in classes if name in worst]


def _area(points: pd.DataFrame, name: str, x: str, y: str) -> float:
    curve = points[points["class_name"] == name].sort_values(x, kind="stable")
    return float(np.trapezoid(curve[y], curve[x])) if len(curve) > 1 else 0.0


def _left_out(points: Mapping[str, pd.DataFrame], shown: Sequence[str]) -> str:
    every = len(_classes(points))
    return f". The {len(shown)} worst of {every} classes" if every > len(shown) else ""


def _panels(shown: Sequence[str], width: float) -> tuple[Figure, list[Axes]]:
    """Returns a square for one curve, or a panel a class; the rest of the last row is empty."""
    if len(shown) <= 1:
        figure, axes = _square()
        return figure, [axes]
    columns = min(len(shown), 2 if width == NARROW else 4)
    rows = -(-len(shown) // columns)
    figure = new_figure(width, rows * width / columns + 1.2)
    every = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    for axes in every[len(shown) :]:
        axes.set_visible(False)
    for axes, name in zip(every, shown, strict=False):
        axes.set_title(cut(name, _LETTERS_OF_A_PANEL), loc="left", fontsize=11, color=INK)
    return figure, every[: len(shown)]


def _draw_panels(
    panels: Sequence[Axes],
    points: Mapping[str, pd.DataFrame],
    shown: Sequence[str],
    x: str,
    y: str,
) -> None:
    """Draws the line of each model in the panel of each class."""
    for axes, class_name in zip(panels, shown, strict=False):
        for model, each in points.items():
            curve = each[each["class_name"] == class_name]
            style, color = LINE_STYLES[model], COLORS[model]
            axes.plot(curve[x], curve[y], style, color=color, linewidth=2.0)
    for model in points:
        style, color = LINE_STYLES[model], COLORS[model]
        panels[0].plot([], [], style, color=color, linewidth=2.0, label=ALL_TITLES[model])


def _label(panels: Sequence[Axes], x: str, y: str, legend: _Corner) -> None:
    for axes in panels:
        _finish(axes, x, y, legend if axes is panels[0] else None)
        if len(panels) > 1:
            axes.label_outer()


def _draw_reliability(axes: Axes, name: str, bins: pd.DataFrame) -> None:
    color, share = COLORS[name], bins["examples"] / max(bins["examples"].sum(), 1)
    axes.plot(bins["confidence"], bins["accuracy"], LINE_STYLES[name], color=color, linewidth=1.5)
    axes.scatter(
        bins["confidence"], bins["accuracy"], 30 + 400 * share, color=color, marker=MARKERS[name],
        alpha=0.75, linewidth=0,
    )  # fmt: skip
    axes.plot([], [], LINE_STYLES[name], marker=MARKERS[name], color=color, label=ALL_TITLES[name])


def _mark(axes: Axes, name: str, x: float, y: float) -> None:
    """Marks the point of a model that was chosen; none where it is undefined."""
    axes.plot([x], [y], MARKERS[name], color=COLORS[name], markersize=9, markeredgecolor="white")


def _finish(axes: Axes, x: str, y: str, legend: _Corner | None) -> None:
    axes.set_xlabel(x, color=MUTED)
    axes.set_ylabel(y, color=MUTED)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(ticker.MultipleLocator(0.2))
        axis.set_major_formatter(PERCENT)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    if legend:
        axes.legend(frameon=False, loc=legend, fontsize=9)
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
    axes.set_title(ALL_TITLES[name], loc="left", fontsize=12, color=COLORS[name], fontweight="bold")
    axes.tick_params(length=0, colors=INK)
    axes.spines[:].set_visible(False)
