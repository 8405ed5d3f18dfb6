"""Whether a model is better than the same answer to every text."""

from albert_tfx.evaluation.measurements import Interval
from albert_tfx.evaluation.metrics import ACCURACY, Metric
from albert_tfx.release import notation


def objection(metric: Metric, value: Interval, constant: float, margin: float) -> str | None:
    """Returns why a model is not, None where it is.

    It is where its lower bound exceeds what the constant answer reaches by more than the margin:
    of a metric whose least values are the best, where its upper bound goes below that.

    Args:
      metric: The metric that decides.
      value: The model's value of the metric's `guard`. Where it has no bounds, it is its own bound.
      constant: The best that the same answer to every text reaches by the guard.
      margin: The policy's `min_gain_over_majority`.
    """
    guard = metric.guard
    is_better = guard.higher_is_better
    gain = value.least - constant if is_better else constant - value.most
    if gain > margin:
        return None
    title = metric.title if guard is metric else "balanced accuracy"
    side, known, exceed = (
        ("lower", value.lower, "exceed") if is_better else ("upper", value.upper, "go below")
    )
    whose = (
        "which"
        if known is None
        else f"whose {side} bound, {notation.value(guard, known, constant)},"
    )
    by_more = f"by more than {notation.step(guard, margin)} " if margin else ""
    is_accuracy = guard.name == ACCURACY.name
    return (
        f"its {title} is {notation.bounded_value(guard, value)}, {whose} does not {exceed} "
        f"{by_more}what always answering {'the most frequent class' if is_accuracy else 'the same'}"
        f" gives, {notation.value(guard, constant)}"
    )
