"""The figures of a report."""

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from albert_tfx.evaluation.curves import Curves
from albert_tfx.evaluation.measurements import Comparison
from albert_tfx.report import accuracy_plots, curve_plots
from albert_tfx.report.page import Picture
from albert_tfx.report.plot_style import NARROW, WIDE, to_png

if TYPE_CHECKING:
    from albert_tfx.modeling.fitting import TrainingHistory


def draw(
    comparison: Comparison, histories: "Mapping[str, TrainingHistory]", curves: Mapping[str, Curves]
) -> dict[str, Picture]:
    """Draws all figures.

    Args:
      comparison: Both models on the eval split.
      histories: Training histories by `frozen` and `fine_tuned`.
      curves: Curves on the eval split, likewise.

    Returns:
      Each figure by its file's name without its ending.
    """
    metric = comparison.metric
    return {
        "comparison": Picture(
            accuracy_plots.comparison_finding(
                comparison.all_differences[comparison.metric.name], comparison.metric
            ),
            *_at_both_widths(accuracy_plots.comparison_figure, comparison),
        ),
        "training_history": Picture(
            accuracy_plots.history_finding(histories, metric),
            *_at_both_widths(
                functools.partial(accuracy_plots.training_history_figure, metric=metric), histories
            ),
        ),
        "roc": Picture(
            curve_plots.roc_in_words(comparison),
            *_curves(curve_plots.roc_figure, curves, comparison),
        ),
        "precision_recall": Picture(
            curve_plots.precision_recall_in_words(curves),
            *_curves(curve_plots.precision_recall_figure, curves),
        ),
        "reliability": Picture(
            curve_plots.reliability_in_words(comparison),
            to_png(curve_plots.reliability_figure(curves, comparison)),
        ),
        "coverage": Picture(
            curve_plots.coverage_in_words(curves),
            to_png(curve_plots.coverage_figure(curves)),
        ),
        "confusion": Picture(
            curve_plots.confusion_finding(curves),
            *_at_both_widths(curve_plots.confusion_figure, curves),
        ),
        "slices": Picture(
            accuracy_plots.slices_finding(comparison.slices, metric),
            *_at_both_widths(
                functools.partial(accuracy_plots.slices_figure, metric=metric), comparison.slices
            ),
        ),
    }


def _curves(
    figure: Callable[..., Figure], curves: Mapping[str, Curves], *others: object
) -> tuple[bytes, ...]:
    """Returns one narrow figure of two classes; of more, whose panels need room, both widths."""
    if all(each.roc["class_name"].nunique() <= 1 for each in curves.values()):
        return (to_png(figure(curves, *others)),)
    return tuple(to_png(figure(curves, *others, width)) for width in (WIDE, NARROW))


def _at_both_widths(figure: Callable[..., Figure], shown: object) -> tuple[bytes, bytes]:
    return to_png(figure(shown)), to_png(figure(shown, NARROW))
