"""The metric that decides: its values, its changes, and what each model gains by it over TF-IDF.

The other modules' sentences are built of these.
"""

import math
from collections.abc import Mapping, Sequence

from albert_tfx.evaluation.measurements import Interval
from albert_tfx.evaluation.metrics import ACCURACY
from albert_tfx.release import notation
from albert_tfx.release.notation import is_known
from albert_tfx.report.summary import Deciding, Summary

# Said beside an interval that only the texts' chance is in.
ONE_TRAINING = "without training's chance"
UNKNOWN = Interval(math.nan)


def metric_of(summary: Summary) -> Deciding:
    """Returns the metric that decided: the accuracy, in summaries that do not name it."""
    if summary.metric is not None:
        return summary.metric
    return Deciding(
        name=ACCURACY.name,
        title=ACCURACY.title,
        is_higher_better=True,
        is_percentage=True,
        models={},
        constant=summary.majority_share,
        test=summary.test.metrics.accuracy,
    )


def heading(summary: Summary) -> str:
    """Returns the name of the metric that decided, as a heading has it."""
    title = metric_of(summary).title
    return f"{title[0].upper()}{title[1:]}"


def beside_accuracy(summary: Summary) -> Deciding | None:
    """Returns the metric that decided; None where that is the accuracy."""
    metric = metric_of(summary)
    return None if metric.name == ACCURACY.name else metric


def with_bounds(metric: notation.Measure, reached: Interval) -> str:
    """Returns a value of the metric with its interval, as far as they are known."""
    return notation.bounded_value(metric, reached) if is_known(reached.value) else "-"


def changed(metric: Deciding, difference: Interval) -> str:
    """Returns a difference of the metric with its interval, as far as they are known."""
    return notation.bounded_change(metric, difference) if is_known(difference.value) else "-"


def difference_of(summary: Summary) -> Interval:
    """Returns what fine-tuning changes of the metric that decides."""
    return summary.difference.get(metric_of(summary).name, UNKNOWN)


def changes(summary: Summary, difference: Interval) -> str:
    """Returns `changes accuracy by +6.3 points (+3.3 to +9.3, without training's chance)`."""
    metric = metric_of(summary)
    amount = notation.change(metric, difference.value)
    return f"changes {metric.title} by {amount} {span(summary, difference)}".rstrip()


def span(summary: Summary, difference: Interval) -> str:
    """Returns a difference's bounds in brackets, and whose chance is not in them."""
    left_out = ONE_TRAINING if summary.seeds == 1 else ""
    if not is_known(difference.lower) or not is_known(difference.upper):
        return f"({left_out})" if left_out else ""
    bounds = " to ".join(
        notation.number(metric_of(summary), each) for each in (difference.lower, difference.upper)
    )
    return f"({', '.join(filter(None, (bounds, left_out)))})"


def mean_of_trainings(summary: Summary) -> str:
    """Returns what follows a difference that is the mean of several."""
    return f", the mean of {summary.seeds} trainings" if summary.seeds > 1 else ""


def less_yardstick_on_eval(summary: Summary) -> dict[str, Interval]:
    """Returns the difference of the metric that decides to the yardstick's on eval, by model."""
    return _of_metric(summary, summary.yardstick.gain if summary.yardstick else {})


def less_yardstick_on_test(summary: Summary) -> dict[str, Interval]:
    """Returns the same on the test split, where it was measured."""
    found = summary.test_comparison
    return _of_metric(summary, found.gains if found else {})


def _of_metric(
    summary: Summary, measured: Mapping[str, Mapping[str, Interval]]
) -> dict[str, Interval]:
    name = metric_of(summary).name
    differences = {model: each.get(name, UNKNOWN) for model, each in measured.items()}
    return {model: each for model, each in differences.items() if is_known(each.value)}


def gains_on_eval(summary: Summary) -> dict[str, Interval]:
    """Returns what each model gains over the yardstick on eval, where known: above 0 if better."""
    return _as_gains(summary, less_yardstick_on_eval(summary))


def gains_on_test(summary: Summary) -> dict[str, Interval]:
    """Returns the same on the test split, where it was measured."""
    return _as_gains(summary, less_yardstick_on_test(summary))


def _as_gains(summary: Summary, differences: Mapping[str, Interval]) -> dict[str, Interval]:
    is_higher_better = metric_of(summary).is_higher_better
    return {model: each if is_higher_better else -each for model, each in differences.items()}


def ranked(summary: Summary) -> Sequence[str]:
    """Returns the models, those with a certain gain first, then by the gain."""
    gains = gains_on_eval(summary)
    order = {model: (is_certain(gain), gain.value) for model, gain in gains.items()}
    return sorted(gains, key=order.__getitem__, reverse=True)


def is_certain(gain: Interval) -> bool:
    """Returns whether the whole interval is a gain."""
    return gain.lower is not None and gain.lower > 0
