"""The policy that picks the winner: one pure function, which nothing but numbers enters."""

import dataclasses
import enum
import math

from etils import epath

from albert_tfx.contract import DECISION_FILE, FINE_TUNED, FROZEN
from albert_tfx.evaluation.measurements import Comparison, Interval, ModelMetrics, SliceComparison
from albert_tfx.options import SelectionPolicy
from albert_tfx.storage import read_json


class Rule(enum.StrEnum):
    """What can decide: the first four name a winner, the others refuse every model."""

    SURE_GAIN = "sure_gain"
    NO_SURE_GAIN = "no_sure_gain"
    SLICE_LOSS = "slice_loss"
    ONLY_DEFINED = "only_defined"
    UNDEFINED = "undefined"
    MIN_ACCURACY = "min_accuracy"
    MIN_AUC = "min_auc"
    MAJORITY = "majority"


@dataclasses.dataclass(frozen=True)
class Decision:
    """Which model to serve.

    Attributes:
      selected: The leading model, `frozen` or `fine_tuned`.
      winner: The same where it may be served, else None.
      rule: Which `Rule` decided.
      reason: The same in one sentence, with its numbers.
    """

    selected: str
    winner: str | None
    rule: str
    reason: str


def load_decision(blessing_uri: str) -> Decision:
    """Reads the decision out of the folder of a blessing that ModelSelector gave."""
    return Decision(**read_json(epath.Path(blessing_uri) / DECISION_FILE))


def select(policy: SelectionPolicy, comparison: Comparison) -> Decision:
    """Decides which model leads and whether it is good enough to be served.

    Fine-tuning leads only where the lower bound of the accuracy difference exceeds
    `policy.min_gain`, and where on no slice the upper bound of the difference is below a loss of
    `policy.max_slice_loss`. A tie goes to the frozen model, which is cheaper to train again. A
    model with a metric that is no finite number has diverged; the other one then leads, uncompared.

    A slice counts by the upper bound of its difference. By its value, chance alone would hold back
    a better model: of a hundred reviews the value strays by several points, and of many slices
    some stray far. By its lower bound, any small slice would hold it back.

    The leader is served only where its accuracy's lower bound exceeds what always answering the
    most frequent class of these reviews gives, and where it reaches the absolute floors. Those are
    marks for what was measured, so its values have to reach them. Where an interval is not known,
    the value takes the place of its bounds.

    Args:
      policy: The rules' bounds.
      comparison: Both models, on the same reviews.
    """
    lead = _lead(policy, comparison)
    refusal = _undefined_comparison(lead, comparison) or _not_good_enough(
        policy, lead.selected, comparison
    )
    if refusal is None:
        return lead
    rule, objection = refusal
    return Decision(lead.selected, None, rule, f"Neither model is pushed: {objection}.")


def _lead(policy: SelectionPolicy, comparison: Comparison) -> Decision:
    for name, other in ((FINE_TUNED, FROZEN), (FROZEN, FINE_TUNED)):
        undefined = _metrics(comparison, name).undefined
        if undefined:
            why = f"{name} has diverged, as its {', '.join(undefined)}"
            return _win(other, Rule.ONLY_DEFINED, why)
    gain = comparison.difference
    gained = f"fine-tuning changes accuracy by {gain:+.4f}"
    bound = f"{gained}, {_whose('lower', gain.lower)}"
    if not _lower(gain) > policy.min_gain:
        return _win(FROZEN, Rule.NO_SURE_GAIN, f"{bound} does not exceed {policy.min_gain:g}")
    lost = _largest_loss(policy, comparison.slices)
    if lost is not None:
        loss = _describe_loss(lost, policy.max_slice_loss)
        return _win(FROZEN, Rule.SLICE_LOSS, f"{gained} overall, but {loss}")
    return _win(FINE_TUNED, Rule.SURE_GAIN, f"{bound} exceeds {policy.min_gain:g}")


def _win(model: str, rule: Rule, why: str) -> Decision:
    return Decision(model, model, rule, f"{model} wins: {why}.")


def _largest_loss(
    policy: SelectionPolicy, slices: tuple[SliceComparison, ...]
) -> SliceComparison | None:
    """Returns, of the slices that count as lost, the one with the lowest upper bound."""
    lost = [
        each
        for each in slices
        if each.examples >= policy.min_slice_examples
        and _upper(each.difference) < -policy.max_slice_loss
    ]
    return min(lost, key=lambda each: _upper(each.difference), default=None)


def _describe_loss(lost: SliceComparison, bound: float) -> str:
    return (
        f"on the {lost.examples:,} reviews of {lost.name} by {lost.difference:+.4f}, "
        f"{_whose('upper', lost.difference.upper)} is below {-bound or 0.0:g}"
    )


def _whose(name: str, bound: float | None) -> str:
    """Returns how a sentence goes on after an interval: with its bound, or the value itself."""
    return "which" if bound is None else f"whose {name} bound"


def _undefined_comparison(lead: Decision, comparison: Comparison) -> tuple[Rule, str] | None:
    metrics = _metrics(comparison, lead.selected)
    undefined = [f"{lead.selected}'s {each}" for each in metrics.undefined]
    figures = {"the majority class's share": comparison.majority_share}
    if lead.rule is not Rule.ONLY_DEFINED:
        figures["the accuracy difference"] = comparison.difference.value
    undefined += [f"{name} is {x}" for name, x in figures.items() if not math.isfinite(x)]
    return (Rule.UNDEFINED, ", ".join(undefined)) if undefined else None


def _not_good_enough(
    policy: SelectionPolicy, selected: str, comparison: Comparison
) -> tuple[Rule, str] | None:
    metrics = _metrics(comparison, selected)
    accuracy, leads = metrics.accuracy, f"{selected} is preferred, but its"
    if accuracy.value < policy.min_accuracy:
        return Rule.MIN_ACCURACY, (
            f"{leads} accuracy {accuracy.value:.4f} is below {policy.min_accuracy:g}"
        )
    if metrics.auc < policy.min_auc:
        return Rule.MIN_AUC, f"{leads} AUC {metrics.auc:.4f} is below {policy.min_auc:g}"
    if not _lower(accuracy) - comparison.majority_share > policy.min_gain_over_majority:
        margin = policy.min_gain_over_majority
        by_more = f"by more than {margin:g} " if margin else ""
        return Rule.MAJORITY, (
            f"{leads} accuracy is {accuracy:.4f}, {_whose('lower', accuracy.lower)} does not "
            f"exceed {by_more}what always answering the most frequent class gives, "
            f"{comparison.majority_share:.4f}"
        )
    return None


def _metrics(comparison: Comparison, model: str) -> ModelMetrics:
    return comparison.frozen if model == FROZEN else comparison.fine_tuned


def _lower(interval: Interval) -> float:
    return interval.value if interval.lower is None else interval.lower


def _upper(interval: Interval) -> float:
    return interval.value if interval.upper is None else interval.upper
