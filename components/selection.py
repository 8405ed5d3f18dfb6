"""The policy that picks the winner: one pure function, which nothing but numbers enters."""

import dataclasses
import math

from components.features import FINE_TUNED, FROZEN
from components.measurements import Interval, ModelMetrics
from components.options import SelectionPolicy


@dataclasses.dataclass(frozen=True)
class Decision:
    """Which model to serve.

    Attributes:
      selected: The leading model, `frozen` or `fine_tuned`.
      winner: The same where it may be served, else None.
      reason: One sentence with the rule that decided and its numbers.
    """

    selected: str
    winner: str | None
    reason: str


def select(
    policy: SelectionPolicy,
    frozen: ModelMetrics,
    fine_tuned: ModelMetrics,
    difference: Interval,
    majority_share: float,
) -> Decision:
    """Decides which model leads and whether it is good enough to be served.

    Fine-tuning leads only where what it surely gains, the lower bound of the accuracy difference
    (its value where no interval is known), exceeds `policy.min_gain`. A tie goes to the frozen
    model, which is cheaper to train again.

    Args:
      policy: The rules' bounds.
      frozen: Metrics of the frozen model.
      fine_tuned: Metrics of the fine-tuned model, on the same reviews.
      difference: Accuracy of `fine_tuned` less that of `frozen`.
      majority_share: Share of the most frequent class among these reviews.
    """
    models = {FROZEN: frozen, FINE_TUNED: fine_tuned}
    selected = FINE_TUNED if _sure_gain(difference) > policy.min_gain else FROZEN
    objection = _undefined(models, difference, majority_share) or _not_good_enough(
        policy, selected, models[selected].accuracy.value, majority_share
    )
    if objection:
        return Decision(selected, None, f"No model is served: {objection}.")
    return Decision(selected, selected, _lead(selected, difference, policy.min_gain))


def _sure_gain(difference: Interval) -> float:
    return difference.value if difference.lower is None else difference.lower


def _undefined(
    models: dict[str, ModelMetrics], difference: Interval, majority_share: float
) -> str | None:
    measured = {"accuracy difference": difference.value, "majority share": majority_share}
    for name, metrics in models.items():
        measured[f"{name} accuracy"] = metrics.accuracy.value
        measured[f"{name} AUC"] = metrics.auc
        measured[f"{name} log loss"] = metrics.log_loss
    undefined = [f"{name} is {value}" for name, value in measured.items() if not _finite(value)]
    return f"{', '.join(undefined)}, so the comparison is void" if undefined else None


def _finite(value: float) -> bool:
    return math.isfinite(value)


def _not_good_enough(
    policy: SelectionPolicy, selected: str, accuracy: float, majority_share: float
) -> str | None:
    if accuracy < policy.min_accuracy:
        return f"{selected} leads, but its accuracy {accuracy:.4f} is below {policy.min_accuracy:g}"
    if not accuracy - majority_share > policy.min_gain_over_majority:
        return (
            f"{selected} leads, but its accuracy {accuracy:.4f} does not exceed by more than "
            f"{policy.min_gain_over_majority:g} what always answering the most frequent class "
            f"gives, {majority_share:.4f}"
        )
    return None


def _lead(selected: str, difference: Interval, min_gain: float) -> str:
    verdict, relation = (
        ("fine_tuned wins", "exceeds")
        if selected == FINE_TUNED
        else ("frozen wins", "does not exceed")
    )
    bounded = "" if difference.lower is None else "the lower bound of "
    return (
        f"{verdict}: {bounded}the accuracy that fine-tuning gains, {_describe(difference)}, "
        f"{relation} {min_gain:g}."
    )


def _describe(difference: Interval) -> str:
    if difference.lower is None or difference.upper is None:
        return f"{difference.value:+.4f}"
    return f"{difference.value:+.4f} ({difference.lower:+.4f} to {difference.upper:+.4f})"
