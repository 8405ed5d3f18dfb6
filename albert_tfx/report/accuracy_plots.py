"""Figures of accuracies: over the epochs, of both models, and slice by slice."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from matplotlib import patheffects, ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from albert_tfx.contract import FINE_TUNED, FROZEN, TITLES
from albert_tfx.evaluation.measurements import Comparison, Interval, SliceComparison
from albert_tfx.evaluation.metrics import CONFIDENCE
from albert_tfx.report.plot_style import (
    COLORS,
    INK,
    LINE_STYLES,
    MARKERS,
    MUTED,
    PERCENT,
    WIDE,
    cut,
    new_figure,
    tidy,
    title,
)
from albert_tfx.report.wording import points

if TYPE_CHECKING:
    from albert_tfx.modeling.fitting import TrainingHistory

_LETTERS = 30  # of a slice's name


def training_history_figure(
    histories: "Mapping[str, TrainingHistory]", width: float = WIDE
) -> Figure:
    """Draws accuracy per epoch, one panel a model, on one scale.

    Args:
      histories: Training histories by `frozen` and `fine_tuned`.
      width: `WIDE`, or `NARROW` for panels one below the other.
    """
    beside = width == WIDE
    figure = new_figure(width, 4.8 if beside else 3.6 * len(histories))
    shape = (1, len(histories)) if beside else (len(histories), 1)
    panels = figure.subplots(*shape, sharey=True, squeeze=False).flat
    for axes, (name, history) in zip(panels, histories.items(), strict=True):
        _draw_history(axes, name, history)
    title(figure, history_finding(histories))
    return figure


def comparison_figure(comparison: Comparison, width: float = WIDE) -> Figure:
    """Draws both models' accuracy on the eval split and the paired difference, with intervals."""
    figure = new_figure(width, 4.2 if width == WIDE else 5.0)
    accuracies, difference = figure.subplots(2, 1, height_ratios=(2, 1.15))
    _draw_accuracies(accuracies, comparison)
    _draw_difference(difference, comparison.difference)
    title(figure, comparison_finding(comparison.difference))
    return figure


def slices_figure(slices: Sequence[SliceComparison], width: float = WIDE) -> Figure:
    """Draws both accuracies and their paired difference on each slice, with intervals."""
    beside = width == WIDE
    rows = 0.6 * max(len(slices), 1)
    figure = new_figure(width, rows + 1.6 if beside else 2 * rows + 2.8)
    shape = (1, 2) if beside else (2, 1)
    accuracies, differences = figure.subplots(*shape, sharey=True)
    _draw_slice_accuracies(accuracies, slices)
    _draw_slice_differences(differences, slices)
    names = [f"{cut(each.name, _LETTERS)}\n{each.examples:,} reviews" for each in slices]
    accuracies.set_yticks(range(len(slices)), names, fontsize=10)
    accuracies.set_ylim(len(slices) - 0.4, -0.6)
    title(figure, slices_finding(slices))
    return figure


def runs_figure(comparisons: Mapping[str, Comparison]) -> Figure:
    """Draws both models' accuracy in one run after the other, with intervals.

    Args:
      comparisons: Comparisons by the run's name, the oldest first.
    """
    figure = new_figure(WIDE, 4.2)
    axes = figure.subplots()
    for name in TITLES:
        _draw_runs(axes, name, [getattr(each, name).accuracy for each in comparisons.values()])
    axes.set_xticks(range(len(comparisons)), [each.split("T")[0] for each in comparisons])
    axes.set_xlim(-0.5, len(comparisons) - 0.5)
    axes.set_ylabel("Accuracy on the eval split", color=MUTED)
    axes.yaxis.set_major_formatter(PERCENT)
    axes.legend(frameon=False, fontsize=10)
    tidy(axes)
    title(figure, f"Accuracy in {len(comparisons)} {'run' if len(comparisons) == 1 else 'runs'}")
    return figure


def history_finding(histories: "Mapping[str, TrainingHistory]") -> str:
    """Returns in one sentence which model validated best."""
    best = {name: best_validation(history) for name, history in histories.items()}
    best = {name: value for name, value in best.items() if math.isfinite(value)}
    if not best:
        return "No model has a defined validation accuracy"
    leader = max(best, key=best.__getitem__)
    finding = f"{TITLES[leader]} validates best: {best[leader]:.1%}"
    others = [f"{TITLES[name].lower()} {best[name]:.1%}" for name in best if name != leader]
    return ", ".join([finding, *others])


def best_validation(history: "TrainingHistory") -> float:
    """Returns the validation accuracy of the epoch whose weights were exported."""
    return _values(history, "val_accuracy")[history.best_epoch] if history.epochs else math.nan


def comparison_finding(difference: Interval) -> str:
    """Returns in one sentence what the accuracy difference means.

    >>> comparison_finding(Interval(0.048, 0.033, 0.063))
    'Fine-tuning gains 4.8 points of accuracy (95% interval: 3.3 to 6.3)'
    """
    value = difference.value
    if not math.isfinite(value):
        return "The accuracy difference is undefined"
    if difference.lower is None or difference.upper is None:
        return f"Fine-tuning {_changes(value)}; the interval is not known"
    if difference.lower <= 0 <= difference.upper:
        bounds = f"{points(difference.lower)} to {points(difference.upper)}"
        return f"No clear difference: fine-tuning changes accuracy by {bounds} points"
    least, most = sorted((abs(difference.lower), abs(difference.upper)))
    span = f"{100 * least:.1f} to {100 * most:.1f}"
    return f"Fine-tuning {_changes(value)} ({CONFIDENCE:.0%} interval: {span})"


def slices_finding(slices: Sequence[SliceComparison]) -> str:
    """Returns in one sentence on which slices fine-tuning gains or loses."""
    if not slices:
        return "No slices were measured"
    gains = [each.name for each in slices if (each.difference.lower or 0) > 0]
    losses = [each.name for each in slices if (each.difference.upper or 0) < 0]
    if not gains and not losses:
        return "On no slice is the difference clear"
    gained = [f"gains on {', '.join(gains)}"] if gains else []
    lost = [f"loses on {', '.join(losses)}"] if losses else []
    return f"With {CONFIDENCE:.0%} confidence, fine-tuning {' and '.join(gained + lost)}"


def _changes(value: float) -> str:
    verb = "gains" if value >= 0 else "costs"
    return f"{verb} {abs(100 * value):.1f} points of accuracy"


def _values(history: "TrainingHistory", key: str) -> list[float]:
    values = [epoch.get(key) for epoch in history.epochs]
    return [math.nan if value is None else value for value in values]


def _draw_history(axes: Axes, name: str, history: "TrainingHistory") -> None:
    epochs = range(1, len(history.epochs) + 1)
    training, validation = _values(history, "accuracy"), _values(history, "val_accuracy")
    axes.plot(epochs, training, "o--", color=MUTED, markersize=4, label="training")
    axes.plot(epochs, validation, "o-", color=COLORS[name], linewidth=2.5, label="validation")
    if math.isfinite(best_validation(history)):
        best = history.best_epoch
        _mark_best(axes, best, validation[best], COLORS[name], validation[best] >= training[best])
    axes.set_title(_history_title(name, history), loc="left", fontsize=12, color=INK)
    axes.set_xlabel("Epoch", color=MUTED)
    axes.set_ylabel("Accuracy", color=MUTED)
    axes.label_outer()
    axes.yaxis.set_major_formatter(PERCENT)
    axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True, min_n_ticks=1))
    axes.margins(y=0.15)
    axes.set_xlim(0.5, max(len(history.epochs), 1) + 0.5)
    axes.legend(frameon=False, loc="lower right", fontsize=10)
    tidy(axes)


def _history_title(name: str, history: "TrainingHistory") -> str:
    return (
        f"{TITLES[name]}: {history.trainable_parameters:,} weights, {history.train_seconds:,.0f} s"
    )


def _mark_best(axes: Axes, epoch: int, accuracy: float, color: str, above: bool) -> None:
    """Rings the best epoch and writes its accuracy on the side away from the training's line."""
    point = (epoch + 1, accuracy)
    axes.plot(*point, marker="o", markersize=13, markerfacecolor="none", markeredgecolor=color)
    axes.annotate(
        f"best {accuracy:.1%}",
        point,
        xytext=(0, 11 if above else -13),
        textcoords="offset points",
        ha="center",
        va="bottom" if above else "top",
        color=color,
        fontsize=11,
        fontweight="bold",
        path_effects=[patheffects.withStroke(linewidth=4, foreground="white")],
    )


def _draw_accuracies(axes: Axes, comparison: Comparison) -> None:
    models = {FINE_TUNED: comparison.fine_tuned, FROZEN: comparison.frozen}
    for row, (name, metrics) in enumerate(models.items()):
        _draw_interval(axes, row, metrics.accuracy, COLORS[name], f"{metrics.accuracy.value:.1%}")
    axes.set_yticks(range(len(models)), [_on_two_lines(TITLES[name]) for name in models])
    axes.set_ylim(-0.6, len(models) - 0.25)
    axes.axvline(comparison.majority_share, color=MUTED, linestyle=":", linewidth=1.5)
    axes.set_xlabel(
        f"Accuracy on {comparison.frozen.examples:,} reviews\n"
        f"dotted: always the most frequent class, {comparison.majority_share:.1%}",
        color=MUTED,
    )
    _percent_axis(axes)
    tidy(axes, grid="x")
    axes.margins(x=0.08)


def _on_two_lines(name: str) -> str:
    return name.replace(" ", "\n")


def _percent_axis(axes: Axes) -> None:
    """Sets the ticks to whole percents, so that each label is its tick's exact value."""
    axes.xaxis.set_major_locator(ticker.MaxNLocator(6, steps=[1, 2, 5, 10], min_n_ticks=2))
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda share, _: f"{100 * share:g}%"))


def _points_axis(axes: Axes) -> None:
    axes.xaxis.set_major_locator(ticker.MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda share, _: points(share)))


def _draw_difference(axes: Axes, difference: Interval) -> None:
    _draw_interval(axes, 0, difference, INK, points(difference.value))
    axes.axvline(0, color=MUTED, linewidth=1.5)
    axes.set_yticks([0], ["Difference"])
    axes.set_ylim(-0.6, 0.75)
    axes.set_xlabel("Points of accuracy that fine-tuning gains, review by review", color=MUTED)
    _points_axis(axes)
    tidy(axes, grid="x")
    axes.margins(x=0.08)


def _draw_interval(axes: Axes, row: int, interval: Interval, color: str, label: str) -> None:
    if not math.isfinite(interval.value):
        return
    axes.plot(_bounds(interval), [row, row], color=color, linewidth=5, alpha=0.35)
    axes.plot(interval.value, row, "o", color=color, markersize=11)
    axes.annotate(
        label,
        (interval.value, row),
        xytext=(0, 10),
        textcoords="offset points",
        ha="center",
        color=color,
        fontsize=12,
        fontweight="bold",
    )


def _bounds(interval: Interval) -> tuple[float, float]:
    lower = interval.value if interval.lower is None else interval.lower
    upper = interval.value if interval.upper is None else interval.upper
    return lower, upper


def _draw_slice_accuracies(axes: Axes, slices: Sequence[SliceComparison]) -> None:
    for name, offset in ((FROZEN, -0.15), (FINE_TUNED, 0.15)):
        for row, each in enumerate(slices):
            _draw_range(axes, row + offset, getattr(each, name), name)
        axes.plot([], [], MARKERS[name], color=COLORS[name], label=TITLES[name])
    axes.legend(
        frameon=False, loc="lower left", bbox_to_anchor=(0, 1), fontsize=10, borderaxespad=0
    )
    axes.set_xlabel("Accuracy", color=MUTED)
    _percent_axis(axes)
    tidy(axes, grid="x")


def _draw_slice_differences(axes: Axes, slices: Sequence[SliceComparison]) -> None:
    for row, each in enumerate(slices):
        axes.plot(_bounds(each.difference), [row, row], color=INK, linewidth=4, alpha=0.3)
        axes.plot(each.difference.value, row, "D", color=INK, markersize=7)
    axes.axvline(0, color=MUTED, linewidth=1.5)
    axes.set_xlabel("Points of accuracy that fine-tuning gains", color=MUTED)
    _points_axis(axes)
    tidy(axes, grid="x")


def _draw_runs(axes: Axes, model: str, accuracies: Sequence[Interval]) -> None:
    """Draws one model beside the other, so that their intervals do not overlap."""
    offset = -0.04 if model == FROZEN else 0.04
    places = [run + offset for run in range(len(accuracies))]
    color = COLORS[model]
    for place, each in zip(places, accuracies, strict=True):
        axes.plot([place, place], _bounds(each), color=color, linewidth=4, alpha=0.35)
    values = [each.value for each in accuracies]
    axes.plot(
        places, values, LINE_STYLES[model], color=color, marker=MARKERS[model], label=TITLES[model]
    )


def _draw_range(axes: Axes, row: float, interval: Interval, model: str) -> None:
    color = COLORS[model]
    axes.plot(_bounds(interval), [row, row], color=color, linewidth=4, alpha=0.35)
    axes.plot(interval.value, row, MARKERS[model], color=color, markersize=7)
