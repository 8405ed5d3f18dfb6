"""Which figures a report has."""

from collections.abc import Mapping

from components import curve_plots, plots
from components.curves import Curves
from components.measurements import Comparison
from components.plot_style import NARROW, to_png
from components.report_page import Picture
from components.training_history import TrainingHistory


def draw(
    comparison: Comparison, histories: Mapping[str, TrainingHistory], curves: Mapping[str, Curves]
) -> dict[str, Picture]:
    """Draws them.

    Args:
      comparison: Both models on the eval split.
      histories: Training histories by `frozen` and `fine_tuned`.
      curves: Curves on the eval split, likewise.

    Returns:
      Each figure by its file's name without its ending.
    """
    return {
        "comparison": Picture(
            plots.comparison_finding(comparison.difference),
            to_png(plots.comparison_figure(comparison)),
            to_png(plots.comparison_figure(comparison, NARROW)),
        ),
        "training_history": Picture(
            plots.history_finding(histories),
            to_png(plots.training_history_figure(histories)),
            to_png(plots.training_history_figure(histories, NARROW)),
        ),
        "roc": Picture(
            curve_plots.roc_finding(comparison),
            to_png(curve_plots.roc_figure(curves, comparison)),
        ),
        "precision_recall": Picture(
            curve_plots.precision_recall_finding(curves),
            to_png(curve_plots.precision_recall_figure(curves)),
        ),
        "reliability": Picture(
            curve_plots.reliability_finding(comparison),
            to_png(curve_plots.reliability_figure(curves, comparison)),
        ),
        "confusion": Picture(
            curve_plots.confusion_finding(curves),
            to_png(curve_plots.confusion_figure(curves)),
            to_png(curve_plots.confusion_figure(curves, NARROW)),
        ),
        "slices": Picture(
            plots.slices_finding(comparison.slices),
            to_png(plots.slices_figure(comparison.slices)),
            to_png(plots.slices_figure(comparison.slices, NARROW)),
        ),
    }
