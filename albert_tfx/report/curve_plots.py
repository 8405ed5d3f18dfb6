"""Figures of a model's predictions: ROC, precision-recall, reliability, confusion."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from albert_tfx.contract import ALL_NAMES, ALL_TITLES, FINE_TUNED, FROZEN, YARDSTICK
from albert_tfx.evaluation.curves import Curves
from albert_tfx.evaluation.measurements import (
    Comparison,
    Interval,
    ModelMetrics,
    improvement,
    proportion,
)
from albert_tfx.evaluation.metrics import AUC, CALIBRATION_ERROR, Metric
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

RECALL = 0.9  # at which the precision is reported
COVERAGE = 0.8  # at which the accuracy is
_MOST_LABELLED_CLASSES = 12  # of a confusion matrix; the counts of more cannot be read
_LETTERS = 12  # of a class's name beside it
_INCHES_A_LETTER = 0.085  # of 9 points, as names beside a confusion matrix have
_MOST_BESIDE = 6  # classes of confusion matrices beside each other
_MOST_NAMED = 30  # classes of a confusion matrix with names; the page has a table of all
_LABELLED_ROW, _ROW = 0.45, 0.19  # inches, with two lines of counts and without
_LEAST_MATRIX, _BELOW_A_MATRIX, _LEFT_OF_A_MATRIX = 2.4, 1.7, 1.4  # inches
_MOST_PANELS = 12
_FEW = 20  # texts of a bin whose share of right answers says little
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
    areas = _areas(comparison)
    _draw_panels(panels, points, shown, "false_positive_rate", "true_positive_rate", areas)
    _label(panels, "False positive rate", "True positive rate")
    title(figure, f"{roc_finding(comparison)}{_left_out(points, shown)}")
    return figure


def precision_recall_figure(curves: Mapping[str, Curves], width: float = NARROW) -> Figure:
    """Draws each model's precision over recall, in panels as `roc_figure` has them."""
    points = {name: each.precision_recall for name, each in curves.items()}
    shown = _worst(points, "recall", "precision")
    figure, panels = _panels(shown, width)
    _draw_panels(panels, points, shown, "recall", "precision", _reached(curves))
    for name, each in curves.items():
        if each.answers.recall is not None and each.answers.precision is not None:
            _mark(panels[0], name, each.answers.recall.value, each.answers.precision.value)
    _label(panels, "Recall", "Precision")
    title(figure, f"{precision_recall_finding(curves)}{_left_out(points, shown)}")
    return figure


def reliability_figure(curves: Mapping[str, Curves], comparison: Comparison) -> Figure:
    """Draws how often an answer is right over how probable the model holds it."""
    figure, axes = _square()
    axes.plot([0, 1], [0, 1], color=MUTED, linestyle=":", linewidth=1.5)
    for name, each in curves.items():
        _draw_reliability(axes, name, each.reliability, _off_by(comparison))
    _label([axes], "Probability of the answer", "Share of right answers")
    title(figure, reliability_finding(comparison))
    return figure


def coverage_figure(curves: Mapping[str, Curves]) -> Figure:
    """Draws how many of the surest answers are right, over the share that they are."""
    figure, axes = _square()
    for name, each in curves.items():
        points, chosen = each.coverage, each.answers
        axes.plot(
            points["coverage"], points["accuracy"], LINE_STYLES[name], color=COLORS[name],
            linewidth=2.0, label=_in_legend(name, _right(curves)),
        )  # fmt: skip
        _mark(axes, name, chosen.coverage.value, chosen.accuracy.value)
    _label([axes], "Share of the texts that are answered", "Share of right answers")
    title(figure, coverage_finding(curves))
    return figure


def confusion_figure(curves: Mapping[str, Curves], width: float = WIDE) -> Figure:
    """Draws the number of reviews by label and answer, one panel a model.

    The panels are beside each other in a wide figure, unless their names and counts would not fit.
    """
    classes = len(next(iter(curves.values())).confusion)
    beside = width == WIDE and not _MOST_BESIDE < classes <= _MOST_NAMED
    shape = (1, len(curves)) if beside else (len(curves), 1)
    row = _LABELLED_ROW if classes <= _MOST_LABELLED_CLASSES else _ROW
    height = max(_LEAST_MATRIX, min(classes, _MOST_NAMED) * row) + _BELOW_A_MATRIX
    figure = new_figure(width, shape[0] * height + 0.8)
    panels = figure.subplots(*shape, squeeze=False, sharey=True).flat
    cell = (width / shape[1] - _LEFT_OF_A_MATRIX / shape[1]) / classes
    for axes, (name, each) in zip(panels, curves.items(), strict=True):
        _draw_confusion(axes, name, each.confusion, cell)
        if beside:
            axes.label_outer()
    title(figure, confusion_finding(curves))
    return figure


def roc_finding(comparison: Comparison) -> str:
    """Returns in one sentence which model tells the classes apart best."""
    areas = {name: each.auc for name, each in _compared(comparison).items()}
    leader = _leader(areas)
    if leader is None:
        return "No model has a defined area under the ROC curve"
    if not _is_clear(comparison, AUC, leader):
        most = f"AUC up to {areas[leader]:.3f}"
        return f"It is not clear which model tells the classes apart best: {most}"
    return f"{ALL_TITLES[leader]} tells the classes apart best: AUC {areas[leader]:.3f}"


def precision_recall_finding(curves: Mapping[str, Curves]) -> str:
    """Returns in one sentence what finding most of a class costs in precision."""
    reached = _precisions(curves)
    leader = _leader(reached)
    if leader is None:
        return f"No model finds {RECALL:.0%} of a class"
    others = ", ".join(f"{ALL_NAMES[name]} {each:.1%}" for name, each in _descending(reached))
    return f"Precision where {RECALL:.0%} of a class is found: {others}"


def reliability_finding(comparison: Comparison) -> str:
    """Returns in one sentence whose probabilities are nearest to the share of right answers."""
    errors = _errors(comparison)
    leader = _leader({name: -each for name, each in errors.items()})
    if leader is None:
        return "No model has defined probabilities"
    if not _is_clear(comparison, CALIBRATION_ERROR, leader):
        least = f"off by {errors[leader]:.1f} points or more on average"
        return f"It is not clear which model knows best how sure it is: {least}"
    nearest = f"{ALL_TITLES[leader]} knows best how sure it is"
    return f"{nearest}: off by {errors[leader]:.1f} points on average"


def roc_in_words(comparison: Comparison) -> str:
    """Returns for who cannot see the figure what it says of each model."""
    return f"{roc_finding(comparison)}. {_of_each(_areas(comparison))}"


def precision_recall_in_words(curves: Mapping[str, Curves]) -> str:
    """Returns the same of `precision_recall_figure`."""
    return f"{precision_recall_finding(curves)}. {_of_each(_reached(curves))}"


def reliability_in_words(comparison: Comparison) -> str:
    """Returns the same of `reliability_figure`."""
    return f"{reliability_finding(comparison)}. {_of_each(_off_by(comparison))}"


def _areas(comparison: Comparison) -> dict[str, str]:
    return {name: f"{each.auc:.3f}" for name, each in _compared(comparison).items()}


def _reached(curves: Mapping[str, Curves]) -> dict[str, str]:
    return {name: f"{value:.1%}" for name, value in _precisions(curves).items()}


def _off_by(comparison: Comparison) -> dict[str, str]:
    return {name: f"off by {value:.1f}" for name, value in _errors(comparison).items()}


def _of_each(figures: Mapping[str, str]) -> str:
    """Returns `Frozen encoder, 0.871; Fine-tuned encoder, 0.912; TF-IDF, 0.890`."""
    return "; ".join(_in_legend(name, figures) for name in figures)


def _leader(values: Mapping[str, float]) -> str | None:
    """Returns the model of the greatest value that is defined, or None where none is."""
    defined = {name: each for name, each in values.items() if math.isfinite(each)}
    return max(defined, key=defined.__getitem__) if defined else None


def _descending(values: Mapping[str, float]) -> list[tuple[str, float]]:
    """Returns what is defined, the greatest first."""
    defined = [(name, each) for name, each in values.items() if math.isfinite(each)]
    return sorted(defined, key=lambda each: each[1], reverse=True)


def _is_clear(comparison: Comparison, metric: Metric, leader: str) -> bool:
    """Returns whether the intervals of all paired differences are on the leader's side."""
    others = [name for name in _compared(comparison) if name != leader]
    gains = (_paired(comparison, metric, leader, other) for other in others)
    return all(improvement(metric, each).least > 0 for each in gains)


def _paired(comparison: Comparison, metric: Metric, model: str, other: str) -> Interval:
    """Returns what a model has more of a metric than another, paired text by text."""
    unknown = Interval(math.nan)
    if YARDSTICK in (model, other):
        encoder = other if model == YARDSTICK else model
        gain = comparison.gains.get(encoder, {}).get(metric.name, unknown)
        return -gain if model == YARDSTICK else gain
    difference = comparison.all_differences.get(metric.name, unknown)
    return difference if model == FINE_TUNED else -difference


def _precisions(curves: Mapping[str, Curves]) -> dict[str, float]:
    return {name: _precision(each.precision_recall) for name, each in curves.items()}


def _errors(comparison: Comparison) -> dict[str, float]:
    """Returns by how many points each model's probabilities are off on average."""
    return {
        name: 100 * each[CALIBRATION_ERROR.name].value
        for name, each in _compared(comparison).items()
    }


def coverage_finding(curves: Mapping[str, Curves]) -> str:
    """Returns in one sentence whose surest answers are right most often."""
    shares = {name: _surest(each.coverage) for name, each in curves.items()}
    leader = _leader(shares)
    if leader is None:
        return "No model has defined probabilities"
    others = ", ".join(f"{ALL_NAMES[name]} {each:.1%}" for name, each in _descending(shares))
    return f"Right of the surest {COVERAGE:.0%}: {others}"


def coverage_in_words(curves: Mapping[str, Curves]) -> str:
    """Returns for who cannot see the figure what it says of each model."""
    return f"{coverage_finding(curves)}. {_of_each(_right(curves))}"


def _right(curves: Mapping[str, Curves]) -> dict[str, str]:
    return {name: f"{_surest(each.coverage):.1%}" for name, each in curves.items()}


def confusion_finding(curves: Mapping[str, Curves]) -> str:
    """Returns in one sentence the mistake that is made most often."""
    mistakes = {name: _most_frequent_mistake(each.confusion) for name, each in curves.items()}
    count, mistake, name = max((*each, name) for name, each in mistakes.items())
    if not count:
        return "No model makes a mistake"
    return f"Most frequent mistake: {mistake} ({count:,}), by {ALL_NAMES[name]}"


def _compared(comparison: Comparison) -> dict[str, ModelMetrics]:
    models = {FROZEN: comparison.frozen, FINE_TUNED: comparison.fine_tuned}
    return models | ({YARDSTICK: comparison.yardstick} if comparison.yardstick else {})


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


def _most_frequent_mistake(counts: pd.DataFrame) -> tuple[int, str]:
    """Returns how often it was made, and what was taken for what."""
    wrong = counts.to_numpy(copy=True)
    np.fill_diagonal(wrong, 0)
    if not wrong.any():
        return 0, ""
    label, answer = divmod(int(wrong.argmax()), len(counts.columns))
    taken, for_what = (
        cut(str(counts.columns[each]), _LETTERS_OF_A_PANEL) for each in (label, answer)
    )
    return int(wrong.max()), f"{taken} taken for {for_what}"


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
    figures: Mapping[str, str],
) -> None:
    """Draws the line of each model in the panel of each class; the legend has their figures."""
    for axes, class_name in zip(panels, shown, strict=False):
        for model, each in points.items():
            curve = each[each["class_name"] == class_name]
            style, color = LINE_STYLES[model], COLORS[model]
            axes.plot(curve[x], curve[y], style, color=color, linewidth=2.0)
    for model in points:
        style, color = LINE_STYLES[model], COLORS[model]
        label = _in_legend(model, figures)
        panels[0].plot([], [], style, color=color, linewidth=2.0, label=label)


def _label(panels: Sequence[Axes], x: str, y: str) -> None:
    """Names the axes, and the lines below all panels, where no name hides a line."""
    for axes in panels:
        _finish(axes, x, y)
        if len(panels) > 1:
            axes.label_outer()
    figure = panels[0].get_figure(root=True)
    assert figure is not None
    columns = 3 if figure.get_figwidth() == WIDE else 1
    figure.legend(frameon=False, loc="outside lower left", fontsize=9, ncols=columns)


def _draw_reliability(
    axes: Axes, name: str, bins: pd.DataFrame, figures: Mapping[str, str]
) -> None:
    """Draws each bin's share with its interval, pale where its texts are few.

    The line joins the other bins only: a share of few texts moves by chance.
    """
    color, style, marker = COLORS[name], LINE_STYLES[name], MARKERS[name]
    many = bins[bins["examples"] >= _FEW]
    axes.plot(many["confidence"], many["accuracy"], style, color=color, linewidth=1.5)
    columns = (bins[each].tolist() for each in ("confidence", "accuracy", "examples"))
    for confidence, accuracy, examples in zip(*columns, strict=True):
        alpha, share = 0.9 if examples >= _FEW else 0.25, proportion(accuracy, examples)
        axes.plot([confidence] * 2, [share.least, share.most], color=color, alpha=alpha / 3)
        axes.plot(confidence, accuracy, marker, color=color, alpha=alpha, markersize=7)
    axes.plot([], [], style, marker=marker, color=color, label=_in_legend(name, figures))


def _mark(axes: Axes, name: str, x: float, y: float) -> None:
    """Marks the point of a model that was chosen; none where it is undefined."""
    axes.plot([x], [y], MARKERS[name], color=COLORS[name], markersize=9, markeredgecolor="white")


def _in_legend(model: str, figures: Mapping[str, str]) -> str:
    figure = figures.get(model, "nan")
    return ALL_TITLES[model] if "nan" in figure else f"{ALL_TITLES[model]}, {figure}"


def _finish(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x, color=MUTED)
    axes.set_ylabel(y, color=MUTED)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(ticker.MultipleLocator(0.2))
        axis.set_major_formatter(PERCENT)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    tidy(axes, grid="both")


def _draw_confusion(axes: Axes, name: str, counts: pd.DataFrame, cell: float) -> None:
    """Draws a matrix whose cells are so many inches wide."""
    values = counts.to_numpy()
    shares = values / np.maximum(values.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Greys", vmin=0, vmax=1.25, aspect="auto")
    if len(counts) <= _MOST_LABELLED_CLASSES:
        _write_counts(axes, values, shares, cell)
    names = [cut(str(name), _LETTERS) for name in counts.columns]
    if len(names) > _MOST_NAMED:
        names = [""] * len(names)
    is_crowded = max(map(len, names)) * _INCHES_A_LETTER > cell
    axes.set_xticks(range(len(counts)), names, rotation=90 if is_crowded else 0)
    axes.set_yticks(range(len(counts)), names)
    axes.set_xlabel("Answer", color=MUTED)
    axes.set_ylabel("Label", color=MUTED)
    axes.set_title(ALL_TITLES[name], loc="left", fontsize=12, color=COLORS[name], fontweight="bold")
    axes.tick_params(length=0, colors=INK, labelsize=min(9.0, 60 * cell))
    axes.spines[:].set_visible(False)


def _write_counts(axes: Axes, values: np.ndarray, shares: np.ndarray, cell: float) -> None:
    """Writes each count and its share of the row, small enough for the cells."""
    letters = max(len("100%"), len(f"{values.max():,}"))
    size = min(11.0, 9 * cell / (letters * _INCHES_A_LETTER))
    for (row, column), share in np.ndenumerate(shares):
        text = f"{values[row, column]:,}\n{share:.0%}"
        color = "white" if share > 0.6 else INK
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=size)
