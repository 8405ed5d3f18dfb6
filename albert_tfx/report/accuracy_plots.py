"""Figures of accuracies: over the epochs, of both models, and slice by slice."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from albert_tfx.contract import ALL_TITLES, FINE_TUNED, FROZEN, SHORT_TITLES, TITLES, YARDSTICK
from albert_tfx.evaluation.measurements import (
    Comparison,
    Interval,
    ModelMetrics,
    SliceComparison,
    improvement,
)
from albert_tfx.evaluation.metrics import ACCURACY, CONFIDENCE, LOG_LOSS, Metric
from albert_tfx.release import notation
from albert_tfx.release.notation import points
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

if TYPE_CHECKING:
    from albert_tfx.modeling.fitting import TrainingHistory

_LETTERS = 30  # of a slice's name
_ON_ONE_CLASS = "; on the texts of one class, accuracy"
_DECIDING = "Fine-tuned\nless frozen"


def training_history_figure(
    histories: "Mapping[str, TrainingHistory]", width: float = WIDE, metric: Metric = ACCURACY
) -> Figure:
    """Draws the metric that decides per epoch, one panel a model, on one scale.

    Args:
      histories: Training histories by `frozen` and `fine_tuned`.
      width: `WIDE`, or `NARROW` for panels one below the other.
      metric: Which it is. On the training texts only accuracy and log loss are measured.
    """
    beside = width == WIDE
    figure = new_figure(width, 4.8 if beside else 3.6 * len(histories))
    shape = (1, len(histories)) if beside else (len(histories), 1)
    panels = figure.subplots(*shape, sharey=True, squeeze=False).flat
    for axes, (name, history) in zip(panels, histories.items(), strict=True):
        _draw_history(axes, name, history, metric)
    title(figure, history_finding(histories, metric))
    return figure


def comparison_figure(comparison: Comparison, width: float = WIDE) -> Figure:
    """Draws the metric that decides, and the models' paired differences in it, with intervals.

    Args:
      comparison: Both models on the eval split, and the yardstick where it was measured.
      width: `WIDE` or `NARROW`.
    """
    rows = {FINE_TUNED: comparison.fine_tuned, FROZEN: comparison.frozen}
    rows |= {YARDSTICK: comparison.yardstick} if comparison.yardstick else {}
    differences = _paired_differences(comparison)
    height = (4.2 if width == WIDE else 5.0) + 0.65 * (len(rows) + len(differences) - 3)
    figure = new_figure(width, height)
    accuracies, below = figure.subplots(2, 1, height_ratios=(len(rows), len(differences) + 0.15))
    _draw_accuracies(accuracies, comparison, rows)
    _draw_differences(below, differences, comparison.metric)
    title(figure, comparison_finding(differences[_DECIDING], comparison.metric))
    return figure


def slices_figure(
    slices: Sequence[SliceComparison], width: float = WIDE, metric: Metric = ACCURACY
) -> Figure:
    """Draws what decides on each slice, and its paired difference, with intervals.

    Args:
      slices: The slices, from the top.
      width: `WIDE` or `NARROW`.
      metric: The metric that decides on all texts; on some slices, the accuracy takes its place.
    """
    beside = width == WIDE
    rows = 0.6 * max(len(slices), 1)
    figure = new_figure(width, rows + 1.6 if beside else 2 * rows + 2.8)
    shape = (1, 2) if beside else (2, 1)
    accuracies, differences = figure.subplots(*shape, sharey=True)
    _draw_slice_values(accuracies, slices, metric)
    _draw_slice_differences(differences, slices, metric)
    names = [f"{cut(each.name, _LETTERS)}\n{each.examples:,} texts" for each in slices]
    accuracies.set_yticks(range(len(slices)), names, fontsize=10)
    accuracies.set_ylim(len(slices) - 0.4, -0.6)
    title(figure, slices_finding(slices, metric))
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


def history_finding(histories: "Mapping[str, TrainingHistory]", metric: Metric = ACCURACY) -> str:
    """Returns in one sentence what each model reached in validation, which names no winner."""
    best = {name: best_validation(history, metric) for name, history in histories.items()}
    best = {name: value for name, value in best.items() if math.isfinite(value)}
    if not best:
        return f"No model has a defined validation {metric.title}"
    order = sorted(best, key=best.__getitem__, reverse=metric.higher_is_better)
    reached = ", ".join(
        f"{TITLES[name].lower()} {notation.value(metric, best[name])}" for name in order
    )
    return f"Validation {metric.title} of the epochs kept: {reached}"


def best_validation(history: "TrainingHistory", metric: Metric = ACCURACY) -> float:
    """Returns the metric on the eval split of the epoch whose weights were exported."""
    _, validation = _keys(metric)
    return _values(history, validation)[history.best_epoch] if history.epochs else math.nan


def _keys(metric: Metric) -> tuple[str, str]:
    """Returns what a history calls a metric, on the training texts and on the eval split."""
    named = {ACCURACY.name: ("accuracy", "val_accuracy"), LOG_LOSS.name: ("loss", "val_loss")}
    return named.get(metric.name, ("metric", "val_metric"))


def comparison_finding(difference: Interval, metric: Metric = ACCURACY) -> str:
    """Returns in one sentence what the difference in a metric means.

    >>> comparison_finding(Interval(0.048, 0.033, 0.063))
    'Fine-tuning gains 4.8 points of accuracy (95% interval: 3.3 to 6.3)'
    """
    value = difference.value
    if not math.isfinite(value):
        return f"The {metric.title} difference is undefined"
    if difference.lower is None or difference.upper is None:
        return f"Fine-tuning {_changes(value, metric)}; the interval is not known"
    if difference.lower <= 0 <= difference.upper:
        bounds = (difference.lower, difference.upper)
        span = " to ".join(notation.number(metric, each) for each in bounds)
        unit = notation.unit(metric)
        return f"No clear difference: fine-tuning changes {metric.title} by {span}{unit}"
    least, most = sorted((abs(difference.lower), abs(difference.upper)))
    span = f"{notation.number(metric, least)} to {notation.number(metric, most)}".replace("+", "")
    return f"Fine-tuning {_changes(value, metric)} ({CONFIDENCE:.0%} interval: {span})"


def slices_finding(slices: Sequence[SliceComparison], metric: Metric = ACCURACY) -> str:
    """Returns in one sentence on which slices fine-tuning gains or loses."""
    if not slices:
        return "No slices were measured"
    changes = [(each.name, _improvement(each, metric)) for each in slices]
    gains = [name for name, change in changes if (change.lower or 0) > 0]
    losses = [name for name, change in changes if (change.upper or 0) < 0]
    if not gains and not losses:
        return "On no slice is the difference clear"
    gained = [f"gains on {', '.join(gains)}"] if gains else []
    lost = [f"loses on {', '.join(losses)}"] if losses else []
    return f"By the {CONFIDENCE:.0%} interval, fine-tuning {' and '.join(gained + lost)}"


def _improvement(part: SliceComparison, metric: Metric) -> Interval:
    return improvement(metric if part.metric == metric.name else ACCURACY, part.deciding)


def _changes(value: float, metric: Metric) -> str:
    up, down = ("gains", "costs") if metric.higher_is_better else ("adds", "saves")
    verb = up if value >= 0 else down
    return f"{verb} {notation.amount(metric, value)} of {metric.title}"


def _values(history: "TrainingHistory", key: str) -> list[float]:
    values = [epoch.get(key) for epoch in history.epochs]
    return [math.nan if value is None else value for value in values]


def _draw_history(axes: Axes, name: str, history: "TrainingHistory", metric: Metric) -> None:
    epochs = range(1, len(history.epochs) + 1)
    training, validation = (_values(history, key) for key in _keys(metric))
    if any(map(math.isfinite, training)):
        axes.plot(epochs, training, "o--", color=MUTED, markersize=4, label="training")
    axes.plot(epochs, validation, "o-", color=COLORS[name], linewidth=2.5, label="validation")
    if math.isfinite(best_validation(history, metric)):
        best = history.best_epoch
        label = f"kept, {notation.value(metric, validation[best])}"
        _mark_best(axes, (best + 1, validation[best]), label, COLORS[name])
    axes.set_title(_history_title(name, history), loc="left", fontsize=12, color=INK)
    axes.set_xlabel("Epoch", color=MUTED)
    axes.set_ylabel(_heading(metric), color=MUTED)
    axes.label_outer()
    if metric.is_percentage:
        axes.yaxis.set_major_formatter(PERCENT)
    axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True, min_n_ticks=1))
    axes.margins(y=0.15)
    axes.set_xlim(0.5, max(len(history.epochs), 1) + 0.5)
    axes.legend(frameon=False, loc="best", fontsize=10)
    tidy(axes)


def _history_title(name: str, history: "TrainingHistory") -> str:
    return (
        f"{TITLES[name]}: {history.trainable_parameters:,} weights, {history.train_seconds:,.0f} s"
    )


def _heading(metric: Metric) -> str:
    return f"{metric.title[0].upper()}{metric.title[1:]}"


def _mark_best(axes: Axes, point: tuple[int, float], label: str, color: str) -> None:
    """Rings the best epoch; its value is in the legend, where it hides nothing."""
    ring = {"markersize": 13, "markerfacecolor": "none", "markeredgecolor": color}
    (line,) = axes.plot(*point, "o", label=label)
    line.set(**ring)


def _paired_differences(comparison: Comparison) -> dict[str, Interval]:
    """Returns the differences in the metric that decides, by their names."""
    name = comparison.metric.name
    gains = {
        f"{SHORT_TITLES[model]}\nless TF-IDF": comparison.gains[model][name]
        for model in (FINE_TUNED, FROZEN)
        if model in comparison.gains
    }
    return {_DECIDING: comparison.all_differences[name], **gains}


def _draw_accuracies(
    axes: Axes, comparison: Comparison, models: Mapping[str, ModelMetrics]
) -> None:
    metric = comparison.metric
    for row, (name, metrics) in enumerate(models.items()):
        interval = metrics[metric.name]
        _draw_interval(axes, row, interval, COLORS[name], notation.value(metric, interval.value))
    axes.set_yticks(range(len(models)), [_on_two_lines(ALL_TITLES[name]) for name in models])
    axes.set_ylim(len(models) - 0.4, -0.75)
    label = f"{_heading(metric)} on {comparison.frozen.examples:,} texts"
    if metric.guard == metric:
        best = comparison.best_constant
        constant = comparison.majority_share if best is None else best
        axes.axvline(constant, color=MUTED, linestyle=":", linewidth=1.5)
        label += f"\ndotted: always the same answer, {notation.value(metric, constant)}"
    axes.set_xlabel(label, color=MUTED)
    if metric.is_percentage:
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


def _draw_differences(axes: Axes, differences: Mapping[str, Interval], metric: Metric) -> None:
    for row, difference in enumerate(differences.values()):
        _draw_interval(axes, row, difference, INK, notation.number(metric, difference.value))
    axes.axvline(0, color=MUTED, linewidth=1.5)
    axes.set_yticks(range(len(differences)), list(differences))
    axes.set_ylim(len(differences) - 0.4, -0.75)
    unit = "Points of" if metric.is_percentage else "Difference in"
    axes.set_xlabel(f"{unit} {metric.title}, paired text by text", color=MUTED)
    if metric.is_percentage:
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
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},  # no line runs through it
    )


def _bounds(interval: Interval) -> tuple[float, float]:
    lower = interval.value if interval.lower is None else interval.lower
    upper = interval.value if interval.upper is None else interval.upper
    return lower, upper


def _draw_slice_values(axes: Axes, slices: Sequence[SliceComparison], metric: Metric) -> None:
    for name, offset in ((FROZEN, -0.2), (FINE_TUNED, 0.0), (YARDSTICK, 0.2)):
        measured = [(row, each.value(name)) for row, each in enumerate(slices)]
        for row, interval in measured:
            if interval is not None:
                _draw_range(axes, row + offset, interval, name)
        if any(interval is not None for _, interval in measured):
            axes.plot([], [], MARKERS[name], color=COLORS[name], label=ALL_TITLES[name])
    axes.legend(
        frameon=False, loc="lower left", bbox_to_anchor=(0, 1), fontsize=10, borderaxespad=0
    )
    others = any(each.metric != metric.name for each in slices)
    axes.set_xlabel(f"{_heading(metric)}{_ON_ONE_CLASS if others else ''}", color=MUTED)
    if metric.is_percentage:
        _percent_axis(axes)
    tidy(axes, grid="x")


def _draw_slice_differences(axes: Axes, slices: Sequence[SliceComparison], metric: Metric) -> None:
    for row, each in enumerate(slices):
        axes.plot(_bounds(each.deciding), [row, row], color=INK, linewidth=4, alpha=0.3)
        axes.plot(each.deciding.value, row, "D", color=INK, markersize=7)
    axes.axvline(0, color=MUTED, linewidth=1.5)
    if metric.is_percentage:
        axes.set_xlabel(f"Points of {metric.title} that fine-tuning gains", color=MUTED)
        _points_axis(axes)
    else:
        axes.set_xlabel(f"Fine-tuned less frozen, in {metric.title}", color=MUTED)
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
