"""The report's figures, drawn with Matplotlib's objects: no display, no global state."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Literal

from matplotlib import patheffects, ticker
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from tfx.dsl.io import fileio

from components.features import FINE_TUNED, FROZEN
from components.measurements import CONFIDENCE, Comparison, Interval
from components.training_history import TrainingHistory

RESOLUTION = 160  # dots an inch
_WIDTH = 10.0  # inches

# Okabe and Ito (2008), "Color Universal Design": told apart with any colour vision.
COLORS = {FROZEN: "#0072B2", FINE_TUNED: "#D55E00"}
TITLES = {FROZEN: "Frozen encoder", FINE_TUNED: "Fine-tuned encoder"}
_INK = "#222222"
_MUTED = "#6B6B6B"
_PERCENT = ticker.PercentFormatter(xmax=1, decimals=0)


def training_history_figure(histories: Mapping[str, TrainingHistory]) -> Figure:
    """Draws accuracy per epoch, one panel a model, on one scale.

    Args:
      histories: Training histories by `frozen` and `fine_tuned`.
    """
    figure = _figure(height=4.8)
    panels = figure.subplots(1, len(histories), sharey=True)
    for axes, (name, history) in zip(panels, histories.items(), strict=True):
        _draw_history(axes, name, history)
    panels[0].set_ylabel("Accuracy", color=_MUTED)
    panels[0].yaxis.set_major_formatter(_PERCENT)
    _title(figure, _history_finding(histories))
    return figure


def comparison_figure(comparison: Comparison) -> Figure:
    """Draws both models' accuracy on the eval split and the paired difference, with intervals."""
    figure = _figure(height=4.2)
    accuracies, difference = figure.subplots(2, 1, height_ratios=(2, 1.15))
    _draw_accuracies(accuracies, comparison)
    _draw_difference(difference, comparison.difference)
    _title(figure, comparison_finding(comparison.difference))
    return figure


def save(figure: Figure, path: str) -> None:
    """Writes `figure` as PNG; `path` may be in a bucket."""
    FigureCanvasAgg(figure)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=RESOLUTION, facecolor="white")
    with fileio.open(path, "wb") as file:
        file.write(content.getvalue())


def comparison_finding(difference: Interval) -> str:
    """Says in one sentence what the accuracy difference means.

    >>> comparison_finding(Interval(0.048, 0.033, 0.063))
    'Fine-tuning gains 4.8 points of accuracy (95% interval: 3.3 to 6.3)'
    """
    value = difference.value
    if not math.isfinite(value):
        return "The accuracy difference is undefined"
    if difference.lower is None or difference.upper is None:
        return f"Fine-tuning {_changes(value)}, but how surely is not known"
    if difference.lower <= 0 <= difference.upper:
        bounds = f"{_points(difference.lower)} to {_points(difference.upper)}"
        return f"No sure difference: fine-tuning changes accuracy by {bounds} points"
    least, most = sorted((abs(difference.lower), abs(difference.upper)))
    span = f"{100 * least:.1f} to {100 * most:.1f}"
    return f"Fine-tuning {_changes(value)} ({CONFIDENCE:.0%} interval: {span})"


def _figure(height: float) -> Figure:
    return Figure(figsize=(_WIDTH, height), layout=ConstrainedLayoutEngine(h_pad=0.1, w_pad=0.1))


def _changes(value: float) -> str:
    verb = "gains" if value >= 0 else "costs"
    return f"{verb} {abs(100 * value):.1f} points of accuracy"


def _points(share: float) -> str:
    points = round(100 * share, 1)
    return f"{points:+.1f}".replace("-", "\N{MINUS SIGN}") if points else "0"


def _history_finding(histories: Mapping[str, TrainingHistory]) -> str:
    best = {
        name: history.epochs[history.best_epoch]["val_accuracy"]
        for name, history in histories.items()
    }
    leader = max(best, key=best.__getitem__)
    others = ", ".join(
        f"{TITLES[name].lower()} {value:.1%}" for name, value in best.items() if name != leader
    )
    return f"{TITLES[leader]} validates best: {best[leader]:.1%}, {others}"


def _draw_history(axes: Axes, name: str, history: TrainingHistory) -> None:
    epochs = range(1, len(history.epochs) + 1)
    training = [epoch["accuracy"] for epoch in history.epochs]
    validation = [epoch["val_accuracy"] for epoch in history.epochs]
    axes.plot(epochs, training, "o--", color=_MUTED, markersize=4, label="training")
    axes.plot(epochs, validation, "o-", color=COLORS[name], linewidth=2.5, label="validation")
    _mark_best(axes, history.best_epoch, validation, COLORS[name])
    axes.set_title(_history_title(name, history), loc="left", fontsize=12, color=_INK)
    axes.set_xlabel("Epoch", color=_MUTED)
    axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
    axes.margins(y=0.15)
    axes.set_xlim(0.5, len(history.epochs) + 0.5)
    axes.legend(frameon=False, loc="lower right", fontsize=10)
    _tidy(axes)


def _history_title(name: str, history: TrainingHistory) -> str:
    return (
        f"{TITLES[name]}: {history.trainable_parameters:,} weights, {history.train_seconds:,.0f} s"
    )


def _mark_best(axes: Axes, best: int, validation: Sequence[float], color: str) -> None:
    point = (best + 1, validation[best])
    axes.plot(*point, marker="o", markersize=13, markerfacecolor="none", markeredgecolor=color)
    axes.annotate(
        f"best {validation[best]:.1%}",
        point,
        xytext=(0, -13),
        textcoords="offset points",
        ha="center",
        va="top",
        color=color,
        fontsize=11,
        fontweight="bold",
        path_effects=[patheffects.withStroke(linewidth=4, foreground="white")],
    )


def _draw_accuracies(axes: Axes, comparison: Comparison) -> None:
    models = {FINE_TUNED: comparison.fine_tuned, FROZEN: comparison.frozen}
    for row, (name, metrics) in enumerate(models.items()):
        _draw_interval(axes, row, metrics.accuracy, COLORS[name], f"{metrics.accuracy.value:.1%}")
    axes.set_yticks(range(len(models)), [TITLES[name] for name in models], fontsize=12)
    axes.set_ylim(-0.6, len(models) - 0.25)
    axes.axvline(comparison.majority_share, color=_MUTED, linestyle=":", linewidth=1.5)
    axes.set_xlabel(
        f"Accuracy on {comparison.frozen.examples:,} reviews; dotted: always the most frequent "
        f"class, {comparison.majority_share:.1%}",
        color=_MUTED,
    )
    axes.xaxis.set_major_formatter(_PERCENT)
    _tidy(axes, grid="x")


def _draw_difference(axes: Axes, difference: Interval) -> None:
    _draw_interval(axes, 0, difference, _INK, _points(difference.value))
    axes.axvline(0, color=_MUTED, linewidth=1.5)
    axes.set_yticks([0], ["Difference"], fontsize=12)
    axes.set_ylim(-0.6, 0.75)
    axes.set_xlabel(
        "Points of accuracy that fine-tuning gains, paired review by review", color=_MUTED
    )
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda share, _: _points(share)))
    _tidy(axes, grid="x")


def _draw_interval(axes: Axes, row: int, interval: Interval, color: str, label: str) -> None:
    if not math.isfinite(interval.value):
        return
    lower = interval.value if interval.lower is None else interval.lower
    upper = interval.value if interval.upper is None else interval.upper
    axes.plot([lower, upper], [row, row], color=color, linewidth=5, alpha=0.35)
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


def _tidy(axes: Axes, grid: Literal["x", "y"] = "y") -> None:
    axes.spines[["top", "right", "left" if grid == "x" else "bottom"]].set_visible(False)
    axes.tick_params(length=0, colors=_INK)
    axes.grid(axis=grid, color="#E3E3E3")
    axes.set_axisbelow(True)
    axes.margins(x=0.08)


def _title(figure: Figure, text: str) -> None:
    figure.suptitle(text, x=0.012, ha="left", fontsize=15, fontweight="bold", color=_INK)
